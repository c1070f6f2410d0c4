"""Every list can be walked page by page, both ways, in every order that it offers, ties and nulls included."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from schema.declare import camel
from schema.ordering import sortable
from tests.schema.conftest import GRID, Asked
from tests.town import Town
from twin.entities import BY_NAME

PLACE = '{entity: "Facility:f1"}'
ROOTS = {"Building": "buildings", "TransitStop": "transitStops", "Site": "sites", "Notice": "notices"}


@pytest.fixture(scope="module", autouse=True)
def crowd(town: Town) -> None:
    """More rows, with ties and nulls in every field."""
    chance = random.Random(7)
    for i in range(12):
        town.add(
            "Building", f"c.{i}", cadastral_id=chance.choice([None, "x", "y"]),
            storeys_above_ground=chance.choice([None, 1, 2]), height_m=chance.choice([None, 3.5, 1e-7]),
            date_of_construction=chance.choice([None, "1999-12-31", "2001-01-01"]), footprint=GRID["abcd"],
        )  # fmt: skip
        town.add("Site", f"c{i}", kind=chance.choice(["SEAT", "OUTLET"]), name=chance.choice([None, "а", "б"]),
                 position=chance.choice([None, GRID["p"], GRID["q"]]))  # fmt: skip
        town.add("TransitStop", f"c/{i}", gtfs_id=str(i), name="x", position=GRID["p"],
                 departures_weekday=chance.choice([None, 5, 6]))  # fmt: skip
        town.add("Notice", f"n{i}", source="town", rule="r", severity=chance.choice(["ERROR", "INFO"]),
                 occurrences=chance.choice([1, 2]), message="m", value=chance.choice([None, '"', "\\"]))  # fmt: skip


def orders() -> list[tuple[str, str]]:
    found = []
    for name in ROOTS:
        entity = BY_NAME[name]
        for field in ["id", *map(camel, sortable(entity))]:
            found += [(name, f"[{{{field}: {way}}}]") for way in ("ASC", "DESC")]
        if entity.geometry:
            found.append((name, f"[{{distance: {PLACE}}}]"))
            found.append((name, f"[{{distance: {PLACE}}}, {{recordedAt: DESC}}]"))
    for way in ("ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_FIRST"):
        found += [
            ("Building", f"[{{storeysAboveGround: {way}}}, {{heightM: {way}}}, {{id: DESC}}]"),
            ("Building", f"[{{district: {{nameBg: {way}}}}}, {{heightM: {way}}}]"),
            ("Site", f"[{{building: {{district: {{code: {way}}}}}}}, {{distance: {PLACE}}}]"),
            (
                "Site",
                f"[{{distance: {PLACE}}}, {{building: {{storeysAboveGround: {way}}}}}, {{name: {way}}}]",
            ),
        ]
    found.append(("Site", f"[{{building: {{distance: {PLACE}}}}}, {{building: {{id: DESC}}}}]"))
    return found


@pytest.mark.parametrize(("entity", "order"), orders())
@pytest.mark.parametrize("size", [1, 4])
def test_walking_forwards_and_backwards_meets_each_row_once(
    ask: Asked, entity: str, order: str, size: int
) -> None:
    root = ROOTS[entity]
    whole = ask(f"{{ {root}(orderBy: {order}) {{ totalCount nodes {{ id }} }} }}")[root]
    ids = [node["id"] for node in whole["nodes"]]
    assert len(set(ids)) == whole["totalCount"]
    assert _walk(ask, root, order, size, forwards=True) == ids
    assert _walk(ask, root, order, size, forwards=False) == ids


def _walk(
    ask: Asked, root: str, order: str, size: int, *, forwards: bool, between: Callable[[], None] | None = None
) -> list[str]:
    count, cursor = ("first", "after") if forwards else ("last", "before")
    query = f"""query($n: Int, $c: String) {{ {root}(orderBy: {order}, {count}: $n, {cursor}: $c) {{
        nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
    seen: list[str] = []
    at: Any = None
    for _ in range(100):
        page = ask(query, n=size, c=at)[root]
        ids = [node["id"] for node in page["nodes"]]
        seen = [*seen, *ids] if forwards else [*ids, *seen]
        info = page["pageInfo"]
        at = info["endCursor" if forwards else "startCursor"]
        if not info["hasNextPage" if forwards else "hasPreviousPage"]:
            return seen
        if between is not None:
            between()
    raise AssertionError("the list has no end")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("storeysAboveGround: ASC_NULLS_FIRST", [None, 1, 2, 3]),
        ("storeysAboveGround: DESC_NULLS_FIRST", [None, 3, 2, 1]),
        ("storeysAboveGround: ASC", [1, 2, 3, None]),
        ("storeysAboveGround: DESC", [3, 2, 1, None]),
    ],
)
def test_nulls_come_where_they_are_asked_to(ask: Asked, order: str, expected: list[int | None]) -> None:
    for key, storeys in (("n.1", 2), ("n.2", None), ("n.3", 3), ("n.4", 1)):
        ask.town.add("Building", key, name="nulls", storeys_above_ground=storeys, footprint=GRID["abcd"])
    try:
        query = f'{{ buildings(where: {{name: {{eq: "nulls"}}}}, orderBy: [{{{order}}}]) {{ nodes {{ storeysAboveGround }} }} }}'
        assert [node["storeysAboveGround"] for node in ask(query)["buildings"]["nodes"]] == expected
    finally:
        ask.town.run("DELETE FROM building WHERE name = 'nulls'")


def test_sites_can_be_listed_by_the_name_of_their_business(ask: Asked) -> None:
    ask.town.add("Business", "1", eik="1", legal_name="Ягода ООД")
    ask.town.add("Business", "2", eik="2", legal_name="Арония ЕООД")
    for i in (1, 2):
        ask.town.add("Site", f"of{i}", kind="SEAT", business=str(i))
    try:
        data = ask(
            "{ sites(first: 5, orderBy: [{business: {legalName: ASC}}, {id: ASC}]) { nodes { business { legalName } } } }"
        )
        names = ["Арония ЕООД", *["Пробна АД"] * 3, "Ягода ООД"]
        assert [node["business"]["legalName"] for node in data["sites"]["nodes"]] == names
    finally:
        ask.town.run("DELETE FROM site WHERE key IN ('of1', 'of2')")
        ask.town.run("DELETE FROM business WHERE key IN ('1', '2')")


@pytest.mark.parametrize(
    "order",
    [
        "[{storeysAboveGround: ASC}]", "[{storeysAboveGround: DESC_NULLS_FIRST}]", "[{heightM: ASC_NULLS_FIRST}]",
        f"[{{distance: {PLACE}}}]", "[{district: {nameBg: DESC}}]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("forwards", [True, False])
def test_a_walk_goes_on_rightly_while_rows_come_and_go(ask: Asked, order: str, forwards: bool) -> None:
    """Each row that was there all the time is met once, whatever is added or deleted around the page."""
    before = [
        node["id"]
        for node in ask(f"{{ buildings(orderBy: {order}) {{ nodes {{ id }} }} }}")["buildings"]["nodes"]
    ]
    lasting = [key for key in before if not key.startswith("Building:x")]
    chance, made = random.Random(11), 0

    def change() -> None:
        nonlocal made
        ask.town.run(
            "DELETE FROM building WHERE key IN (SELECT key FROM building WHERE key LIKE 'x%' ORDER BY md5(key) LIMIT 1)"
        )
        for _ in range(2):
            made += 1
            ask.town.add(
                "Building", f"x{made}", storeys_above_ground=chance.choice([None, 1, 2, 9]),
                height_m=chance.choice([None, 3.5]), district=chance.choice([None, "68134-01", "68134-02"]),
                footprint=GRID[chance.choice(["abcd", "efgh", "BCD"])],
            )  # fmt: skip

    try:
        change()
        met = _walk(ask, "buildings", order, 3, forwards=forwards, between=change)
        assert len(set(met)) == len(met)
        assert [key for key in met if key in lasting] == lasting
        assert made > 8
    finally:
        ask.town.run("DELETE FROM building WHERE key LIKE 'x%'")


@pytest.mark.parametrize("keys", ["routes", "stops"])
def test_a_list_in_its_owners_order_can_be_walked(ask: Asked, keys: str) -> None:
    owner = "TransitStop:g/1" if keys == "routes" else "TransitRoute:g/R1"
    query = f"""query($c: String) {{ node(id: "{owner}") {{ ... on {owner.partition(":")[0]} {{
        {keys}(first: 1, after: $c) {{ nodes {{ id }} pageInfo {{ endCursor hasNextPage }} }} }} }} }}"""
    first = ask(query, c=None)["node"][keys]
    second = ask(query, c=first["pageInfo"]["endCursor"])["node"][keys]
    assert first["pageInfo"]["hasNextPage"]
    assert not second["pageInfo"]["hasNextPage"]
    expected = {"routes": ["g/R2", "g/R1"], "stops": ["g/2", "g/1"]}[keys]
    assert [n["id"].partition(":")[2] for n in first["nodes"] + second["nodes"]] == expected


@pytest.mark.parametrize(
    "alias", ["o", "rows_1", "row_1", "page_1", "whole_1", "c", "l0", "key", "building_1"]
)
def test_no_alias_collides_with_the_names_inside_the_sql(ask: Asked, alias: str) -> None:
    query = f"""{{ buildings(first: 1) {{ nodes {{ {alias}: id }} edges {{ {alias}: node {{ {alias}: id }} }} }}
        again: buildings(first: 1) {{ {alias}: nodes {{ {alias}: id }} }}
        node(id: "Building:b.1") {{ {alias}: id ... on Building {{ currentUse {{ {alias}: code }} sources {{ {alias}: id }} }} }}
        sources {{ {alias}: id }} }}"""
    data = ask(query)
    assert data["buildings"]["nodes"] == [{alias: "Building:b.1"}]
    assert data["buildings"]["edges"] == [{alias: {alias: "Building:b.1"}}]
    assert data["again"] == {alias: [{alias: "Building:b.1"}]}
    assert data["node"] == {
        alias: "Building:b.1", "currentUse": {alias: "100"}, "sources": [{alias: "Source:town"}],
    }  # fmt: skip
    assert data["sources"] == [{alias: "Source:town"}]


def test_many_aliases_everywhere(ask: Asked) -> None:
    counts = " ".join(f"t{i}: totalCount" for i in range(60))
    cursors = " ".join(f"c{i}: cursor" for i in range(60))
    more = " ".join(f"m{i}: hasNextPage" for i in range(60))
    codes = " ".join(f"k{i}: code" for i in range(60))
    data = ask(f"""{{ buildings(first: 1) {{ {counts} edges {{ {cursors} node {{ currentUse {{ {codes} }} }} }}
        pageInfo {{ {more} }} }} }}""")["buildings"]  # fmt: skip
    assert list(data) == [*(f"t{i}" for i in range(60)), "edges", "pageInfo"]
    assert list(data["edges"][0]) == [*(f"c{i}" for i in range(60)), "node"]
    assert data["edges"][0]["node"]["currentUse"] == {f"k{i}": "100" for i in range(60)}
    assert list(data["pageInfo"]) == [f"m{i}" for i in range(60)]
    wide = " ".join(f"i{i}: id" for i in range(600))
    assert "more than 500 fields" in ask.refused(f"{{ buildings {{ nodes {{ {wide} }} }} }}")


def test_null_for_a_variable_with_a_default_is_refused_where_null_cannot_stand(ask: Asked) -> None:
    for declared, used in (
        ("$v: Boolean = true", "districts @include(if: $v) { totalCount }"),
        ("$v: IdentifierScheme = EIK", 'byIdentifier(scheme: $v, value: "1") { id }'),
        (
            "$v: Float = 100",
            f"sites(where: {{position: {{dwithin: {{of: {PLACE}, withinM: $v}}}}}}) {{ totalCount }}",
        ),
        ("$v: Float = 23", "sites(orderBy: [{distance: {point: {lon: $v, lat: 42}}}]) { totalCount }"),
    ):
        assert "is null; it must be given a value" in ask.refused(f"query({declared}) {{ {used} }}", v=None)


def test_a_document_may_write_geojson_with_variables_in_it(ask: Asked) -> None:
    query = """query($x: Float!, $y: Float!) { districts(where: {boundary: {contains: {geojson:
        {type: "Point", coordinates: [$x, $y]}}}}) { totalCount } }"""
    lon, lat = ask('{ node(id: "TransitStop:g/1") { ... on TransitStop { geometry } } }')["node"]["geometry"][
        "coordinates"
    ]
    assert ask(query, x=lon, y=lat)["districts"]["totalCount"] == 1
    assert ask(query, x=lon + 1, y=lat)["districts"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("root", "order"),
    [
        (
            "buildings",
            "[{id: DESC}, {storeysAboveGround: ASC}]",
        ),  # what follows the id can be null at the last
        ("transitStops", '[{distance: {entity: "Site:s9"}}]'),  # which has no place
    ],
)
def test_a_list_can_be_walked_where_all_that_orders_it_is_null(ask: Asked, root: str, order: str) -> None:
    ids = [node["id"] for node in ask(f"{{ {root}(orderBy: {order}) {{ nodes {{ id }} }} }}")[root]["nodes"]]
    assert len(ids) > 4
    assert _walk(ask, root, order, 2, forwards=True) == ids
    assert _walk(ask, root, order, 2, forwards=False) == ids


NEAREST = """query($of: GeometryInput!, $after: String) {
    buildings(first: 1, after: $after, orderBy: [{distance: $of}]) { pageInfo { endCursor } edges { cursor node { id } } } }"""


def test_a_cursor_of_the_distance_from_one_place_is_none_from_another(ask: Asked) -> None:
    here, there = ({"point": {"lon": lon, "lat": 42.7}} for lon in (23.3, 23.4))
    first = ask(NEAREST, of=here)["buildings"]
    cursor = first["pageInfo"]["endCursor"]
    assert cursor == first["edges"][0]["cursor"]
    second = ask(NEAREST, of=here, after=cursor)["buildings"]
    assert second["edges"][0]["node"] != first["edges"][0]["node"]
    told = ask.refused(NEAREST, of=there, after=cursor)
    assert told.startswith("buildings.after: ")
    assert "distances are from the same place" in told
    written = NEAREST.replace("distance: $of", "distance: {point: {lon: 23.3, lat: 42.7}}")
    written = written.replace("$of: GeometryInput!, ", "")
    assert ask(written, after=cursor) == ask(NEAREST, of=here, after=cursor)


@pytest.mark.parametrize(
    ("root", "order", "wrong"),
    [
        ("buildings", "heightM", ["x", True, [1], 10**400, float("inf")]),
        ("buildings", "storeysAboveGround", ["x", True, 1.5, 2**31, {}]),
        ("buildings", "currentUse", [1, False, [1], "\0"]),
        ("observations", "phenomenonTime", ["yesterday", 5, True]),
        ("facilities", "kind", [5, True]),
    ],
)
def test_a_forged_cursor_is_told_by_its_argument(ask: Asked, root: str, order: str, wrong: list[Any]) -> None:
    for way, count, info in (("after", "first", "endCursor"), ("before", "last", "startCursor")):
        text = "query($c: String) { %s(%s: 1, %s: $c, orderBy: [{%s: ASC}]) { pageInfo { %s } } }" % (
            root, count, way, order, info,
        )  # fmt: skip
        found = ask(text)[root]["pageInfo"][info]
        signature, _, key = json.loads(base64.urlsafe_b64decode(found + "=" * (-len(found) % 4)))
        for value in wrong:
            forged = base64.urlsafe_b64encode(json.dumps([signature, value, key]).encode()).decode()
            assert ask.refused(text, c=forged).startswith(f"{root}.{way}: "), value
