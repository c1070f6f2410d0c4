"""What a caller is told when a question cannot be answered: what is wrong, where, and what is allowed."""

from __future__ import annotations

import orjson
import pytest
from graphql import is_input_object_type, is_list_type, is_non_null_type

from schema.lookups import MOST_LOOKUPS
from tests.schema.conftest import Asked
from twin.reconcile import MOST_QUERIES

POLYGON_OF_THREE = '{type: "Polygon", coordinates: [[[23.3, 42.6], [23.4, 42.6], [23.3, 42.6]]]}'
BOWTIE = "POLYGON((23.3 42.6, 23.4 42.7, 23.4 42.6, 23.3 42.7, 23.3 42.6))"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ buildings(first: 1001) { nodes { id } } }", "buildings.first: is 1001; ask for 0 to 1,000 rows"),
        ("{ buildings(first: -1) { nodes { id } } }", "buildings.first: is -1; ask for 0 to 1,000 rows"),
        ("{ buildings(first: 1, last: 1) { nodes { id } } }", "not both"),
        ('{ buildings(after: "x") { nodes { id } } }', '"x" is no cursor of this list'),
        ('{ node(id: "nonsense") { id } }', '"nonsense" is no id; an id looks like Building:'),
        ('{ node(id: "Castle:1") { id } }', 'node.id: there is no type "Castle"; an id begins with one of District'),
        ("{ buildings(where: {footprint: {within: {geojson: %s}}}) { totalCount } }" % POLYGON_OF_THREE,
         "buildings.where.footprint.within.geojson: ring has 3 points; a ring needs at least 4, first equal to last"),
        ('{ transitStops(where: {position: {intersects: {geojson: {type: "MultiLineString", coordinates:'
         " [[[23.3, 42.7], [23.4, 42.7]], [[23.3, 42.7]]]}}}}) { totalCount } }",
         "intersects.geojson: line has 1 point; a line needs at least 2"),
        ('{ transitStops(where: {position: {intersects: {geojson: {type: "LineString", coordinates:'
         " [[23.3, 42.7], [23.4, 42.7, 550]]}}}}) { totalCount } }",
         "intersects.geojson: some positions have a height and some have none; write all alike"),
        ('{ transitStops(where: {position: {intersects: {geojson: {type: "Point", coordinates:'
         " [23.3, 42.7, 1, 2]}}}}) { totalCount } }",
         "intersects.geojson: [23.3, 42.7, 1, 2] is no position; write [longitude, latitude]"),
        ('{ buildings(where: {footprint: {within: {geojson: {type: "Blob"}}}}) { totalCount } }',
         "type is 'Blob'; a geometry's type is one of Point"),
        ('{ buildings(where: {footprint: {within: {wkt: {wkt: "POLYGON((1 2"}}}}) { totalCount } }',
         "within.wkt: no Well-Known Text"),
        ('{ buildings(where: {footprint: {within: {wkt: {wkt: "POINT EMPTY"}}}}) { totalCount } }', "is empty"),
        ('{ buildings(where: {footprint: {within: {wkt: {wkt: "%s"}}}}) { totalCount } }' % BOWTIE,
         "the geometry is not valid: Self-intersection"),
        ('{ buildings(where: {footprint: {within: {wkt: {wkt: "POINT(1 2)", crs: 1}}}}) { totalCount } }',
         "there is no EPSG:1"),
        ("{ buildings(where: {footprint: {intersects: {point: {lon: 42.7, lat: 123}}}}) { totalCount } }",
         "(42.7, 123.0) is no longitude and latitude"),
        ("{ buildings(where: {footprint: {bbox: {west: 23.4, south: 42, east: 23.3, north: 43}}}) { totalCount } }",
         "footprint.bbox: west 23.4 must be less than east 23.3"),
        ('{ buildings(where: {footprint: {intersects: {entity: "District:nowhere"}}}) { totalCount } }',
         'footprint.intersects.entity: there is no "District:nowhere"'),
        ('{ buildings(where: {footprint: {intersects: {entity: "Business:1"}}}) { totalCount } }',
         '"Business" has no geometry; those that have one are District'),
        ("{ facilities(where: {position: {dwithin: {of: {point: {lon: 23, lat: 42}}, withinM: -1}}}) { totalCount } }",
         "withinM: is -1.0; give a number of at least 0"),
        ("{ buildings(where: {storeysAboveGround: {eq: null}}) { totalCount } }",
         "buildings.where.storeysAboveGround.eq: is null; to ask for null, say isNull: true"),
        ('{ buildings(where: {id: {eq: "District:1"}}) { totalCount } }', '"District:1" is no id of a Building'),
        ('{ districts(where: {nameBg: {search: "«»"}}) { totalCount } }', "has no letter or digit to look for"),
        ("{ districts(first: 1) { nodes { geometry(crs: 99) } } }", "geometry.crs: there is no EPSG:99"),
        ("{ districts(first: 1) { nodes { geometry(precision: 99) } } }", "ask for 0 to 15 decimal places"),
        ("{ districts { nodes { buildings(first: 1000) { nodes { sites(first: 1000) { nodes { id } } } } } } }",
         "rows; 200,000 are allowed"),
        ('{ buildings { nodes { lod(level: "fine") } } }', "'fine' is no level of detail; write it as \"2\" or \"2.2\""),
        ("{ buildings { nodes { lod } } }", "of type 'Lod!' is required"),
        ("{ castles { id } }", "Cannot query field 'castles'"),
        ("{ districts { nodes { code }", "Syntax Error"),
        ("subscription { x }", "subscription operation is not supported"),
        ("", "Syntax Error"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_told_what_is_wrong(ask: Asked, query: str, told: str) -> None:
    assert told in ask.refused(query)


BUILDINGS, AIR = "{ buildings(where: {%s}) { totalCount } }", "{ buildings(first: 1) { nodes { %s } } }"
POINT = "{point: {lon: 23.3, lat: 42.7}}"


@pytest.mark.parametrize(
    ("query", "where"),
    [
        (BUILDINGS % "footprint: {within: {buffer: {of: %s, metres: 1e400}}}" % POINT,
         "buildings.where.footprint.within.buffer.metres"),
        (BUILDINGS % "footprint: {dwithin: {of: %s, withinM: 1e400}}" % POINT,
         "buildings.where.footprint.dwithin.withinM"),
        (BUILDINGS % "footprint: {within: {point: {lon: -1e400, lat: 42}}}",
         "buildings.where.footprint.within.point.lon"),
        (BUILDINGS % "footprint: {bbox: {west: 23, south: 42, east: 1e400, north: 43}}",
         "buildings.where.footprint.bbox.east"),
        (BUILDINGS % "or: [{heightM: {in: [1, 1e400]}}]", "buildings.where.or[0].heightM.in[1]"),
        (AIR % "geometry(simplifyM: 1e400)", "geometry.simplifyM"),
        (AIR % "nearby(kinds: [Site], withinM: 1e400) { nodes { id } }", "nearby.withinM"),
        (AIR % "overlaps(with: District, minAreaM2: 1e400) { nodes { id } }", "overlaps.minAreaM2"),
        ("query($m: Float! = 1e400) " + AIR % "nearby(kinds: [Site], withinM: $m) { nodes { id } }",
         "nearby.withinM"),
    ],
)  # fmt: skip
def test_a_literal_beyond_a_double_is_no_fault_of_the_server(ask: Asked, query: str, where: str) -> None:
    told = ask.refused(query)
    assert told.startswith(f"{where}: ")
    assert "1e400 is no Float" in told


def test_an_offset_that_postgresql_does_not_take_is_no_fault_of_the_server(ask: Asked) -> None:
    text = '{ importRuns(where: {startedAt: {gt: "%s"}}) { totalCount } }'
    for offset in ("+23:59", "-16:00"):
        told = ask.refused(text % f"2020-01-01T00:00:00{offset}")
        assert "is 16 hours or more off UTC" in told
    for allowed in ("2020-01-01T00:00:00+15:59", "0001-01-01T00:00:00+14:00"):
        assert ask(text % allowed)["importRuns"] == {"totalCount": 0}


def test_a_crs_of_zero_is_not_taken_for_the_usual_one(ask: Asked) -> None:
    text = 'footprint: {intersects: {wkt: {wkt: "POINT(23 42)", crs: 0}}}'
    assert "there is no EPSG:0" in ask.refused(BUILDINGS % text)


def test_deep_questions_are_refused_before_any_sql(ask: Asked) -> None:
    query = "district { neighbourhoods(first: 1) { nodes { " * 8 + "id" + " } } }" * 8
    ask.statements.clear()
    assert "nested deeper" in ask.refused(f"{{ neighbourhoods(first: 1) {{ nodes {{ {query} }} }} }}")
    assert ask.statements == []


LOOKUPS = {
    "search": 'search(text: "x") { nodes { id } }',
    "geocode": 'geocode(text: "x") { level }',
    "reverseGeocode": "reverseGeocode(at: {point: {lon: 23.3, lat: 42.7}}) { level }",
    "reconcile": 'reconcile(queries: [{query: "x"}]) { candidates { id } }',
}


@pytest.mark.parametrize("lookups", [list(LOOKUPS.values()), *([one] for one in LOOKUPS.values())])
def test_an_operation_looks_up_a_few_texts_and_no_more(ask: Asked, lookups: list[str]) -> None:
    fields = [f"f{i}: {lookups[i % len(lookups)]}" for i in range(MOST_LOOKUPS + 1)]
    query = "{ %s ...More } fragment More on Query { %s }"
    assert len(ask(query % (fields[0], " ".join(fields[:-1])))) == MOST_LOOKUPS
    ask.statements.clear()
    assert ask.refused(query % (fields[0], " ".join(fields))) == (
        f"more than {MOST_LOOKUPS} of search, geocode, reverseGeocode and reconcile are asked for; send the "
        "others in operations of their own"
    )
    assert ask.statements == []


def test_the_queries_of_all_reconciliations_of_an_operation_are_counted(ask: Asked) -> None:
    query = (
        "query($a: [ReconcileQuery!]!, $b: [ReconcileQuery!]!)"
        " { a: reconcile(queries: $a) { candidates { id } } b: reconcile(queries: $b) { candidates { id } } }"
    )
    few, most = [{"query": "x"}], [{"query": "x"}] * (MOST_QUERIES - 1)
    assert len(ask(query, a=few, b=most)["b"]) == MOST_QUERIES - 1
    assert ask.refused(query, a=few * 2, b=most) == (
        f"reconcile.queries: has {MOST_QUERIES + 1} queries with the reconciliations before it; send at most "
        f"{MOST_QUERIES} at once"
    )


def test_a_cursor_of_another_order_is_refused(ask: Asked) -> None:
    data = ask("{ buildings(first: 1) { pageInfo { endCursor } } }")
    cursor = data["buildings"]["pageInfo"]["endCursor"]
    query = (
        "query($c: String) { buildings(after: $c, orderBy: [{storeysAboveGround: ASC}]) { nodes { id } } }"
    )
    assert "is no cursor of this list in this order" in ask.refused(query, c=cursor)


def test_a_wrong_variable_is_named(ask: Asked) -> None:
    query = "query($w: BuildingFilter) { buildings(where: $w) { totalCount } }"
    assert "storeysAboveGround" in ask.refused(query, w={"storeysAboveGround": {"eq": "two"}})
    assert "castle" in ask.refused(query, w={"castle": {"eq": 1}})


HOSTILE = [
    "'; DROP TABLE building; --", '"', "\\", "%", "_", "\x00", "\ud800", "😀" * 10, "ъ" * 10_000, "$1", "{}",
    "{a,b}", '{"a":1}', "NULL", "\n\r\t", "\u202e", "0x41", "1e400", "-0",
]  # fmt: skip


def test_hostile_text_reaches_every_text_argument_and_breaks_nothing(ask: Asked) -> None:
    """Every field of every filter takes each text in every operator that takes text or ids."""
    types = ask.engine.schema.type_map
    tried = 0
    roots = types["Query"].fields  # type: ignore[attr-defined]
    for root in ("buildings", "districts", "sites", "businesses", "transitStops", "facilities", "links"):
        where = roots[root].args["where"].type
        for name, member in where.fields.items():
            operators = getattr(member.type, "fields", {})
            for operator in set(operators) & {"eq", "ne", "in", "startsWith", "contains", "search"}:
                kind = operators[operator].type
                listed = is_list_type(kind)
                inner = kind.of_type if listed else kind
                inner = inner.of_type if is_non_null_type(inner) else inner
                if inner.name not in ("String", "ID"):
                    continue
                query = (
                    f"query($v: {kind}) {{ {root}(where: {{{name}: {{{operator}: $v}}}}) {{ totalCount }} }}"
                )
                for text in HOSTILE:
                    answer = ask.answer(query, v=[text, "x"] if listed else text)
                    assert answer.status in (200, 400), (query, text, answer.body)
                    assert b"Traceback" not in answer.body
                    assert b"SELECT" not in answer.body
                    tried += 1
            assert is_input_object_type(member.type) or is_list_type(member.type)
    assert tried > 1000
    assert ask("{ buildings { totalCount } }")["buildings"]["totalCount"] == 3


def test_hostile_values_in_places_and_identifiers(ask: Asked) -> None:
    for text in HOSTILE:
        for query in (
            "query($v: String!) { byIdentifier(scheme: EIK, value: $v) { id } }",
            "query($v: String!) { buildings(after: $v) { nodes { id } } }",
            "query($v: String!) { buildings(where: {footprint: {within: {wkt: {wkt: $v}}}}) { totalCount } }",
            "query($v: ID!) { node(id: $v) { id } }",
            "query($v: ID!) { buildings(where: {footprint: {within: {entity: $v}}}) { totalCount } }",
            "query($v: Lod!) { buildings { nodes { lod(level: $v) } } }",
            "query($v: ID) { notices(source: $v) { totalCount } }",
        ):
            answer = ask.answer(query, v=text)
            assert answer.status in (200, 400), (query, text, answer.body)


def test_a_fault_of_ours_gives_an_incident_and_no_detail(ask: Asked, town: object) -> None:
    ask.town.run("ALTER TABLE town.code_value RENAME TO gone")
    try:
        answer = ask.answer("{ buildings(first: 1) { nodes { currentUse { x: label } } } }")
    finally:
        ask.town.run("ALTER TABLE town.gone RENAME TO code_value")
    error = orjson.loads(answer.body)["errors"][0]
    assert answer.status == 500
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["incident"] in error["message"]
    assert b"code_value" not in answer.body


def _labels(aliases: int, below: str) -> str:
    return " ".join(f"a{i}: {below}" for i in range(aliases))


@pytest.mark.parametrize(
    "query",
    [
        "{ buildings(first: 1) { nodes { ...F0 } } } fragment F2 on Building { id } "
        + " ".join(
            f"fragment F{i} on Building {{ %s }}"
            % _labels(30, f"district {{ buildings(first: 1) {{ nodes {{ ...F{i + 1} }} }} }}")
            for i in range(2)
        ),
        "{ buildings { nodes { %s } } } fragment C on CodedValue { %s }"
        % (_labels(50, "currentUse { ...C }"), _labels(50, "label")),
        "{ buildings { edges { ...E } e: edges { ...E } } } fragment E on BuildingEdge { %s } fragment C on CodedValue { %s }"
        % (_labels(50, "node { currentUse { ...C } }"), _labels(50, "label")),
    ],
    ids=["records", "codes", "edges"],
)
def test_a_short_document_whose_fragments_ask_for_thousands_of_fields_is_refused(
    ask: Asked, query: str
) -> None:
    assert ask.refused(query).startswith("more than 2,000 fields are asked for")


def test_an_order_of_more_keys_than_a_cursor_holds_is_refused(ask: Asked) -> None:
    query = "query($o: [BuildingOrder!]) { buildings(orderBy: $o) { edges { cursor } } }"
    message = ask.refused(query, o=[{"heightM": "ASC"}] * 120)
    assert message == "buildings.orderBy: has 120 keys; give at most 10"


BOX = "{bbox: {west: 23.32, south: 42.69, east: 23.33, north: 42.70}}"


@pytest.mark.parametrize("of", ['{entity: "Building:b.1"}', BOX, '{union: [{entity: "Building:b.1"}]}'])
@pytest.mark.parametrize("predicate", ["within", "disjoint"])
def test_a_buffer_that_leaves_nothing_is_told_of_whatever_it_is(ask: Asked, of: str, predicate: str) -> None:
    text = "query($m: Float!) { buildings(where: {footprint: {%s: {buffer: {of: %s, metres: $m}}}}) { totalCount } }"
    told = ask.refused(text % (predicate, of), m=-5000)
    assert told == (
        f"buildings.where.footprint.{predicate}.buffer: nothing is left of the geometry at -5000.0 metres"
    )
    assert ask(text % (predicate, of), m=1)["buildings"]["totalCount"] >= 0


def test_a_buffer_of_what_has_no_place_is_no_mistake(ask: Asked) -> None:
    text = BUILDINGS % 'footprint: {within: {buffer: {of: {entity: "Site:s9"}, metres: 0}}}'
    assert ask(text)["buildings"] == {"totalCount": 0}


def test_a_dry_run_says_what_is_not_there(ask: Asked) -> None:
    for of, told in (
        ('{entity: "District:nowhere"}', 'there is no "District:nowhere"'),
        ('{buffer: {of: {entity: "Building:b.1"}, metres: -5000}}', "nothing is left of the geometry"),
    ):
        text = BUILDINGS % f"footprint: {{intersects: {of}}}"
        explained = ask.dry(text)
        assert explained.status == 400
        assert explained.body == ask.answer(text).body
        assert told in orjson.loads(explained.body)["errors"][0]["message"]
