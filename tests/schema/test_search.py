"""One box for everything: what people type, in whatever script and state, and what they get for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from schema.execute import Engine
from schema.query import build
from tests.schema.conftest import Asked
from tests.town import Grid, Town
from twin.database import City, connect
from twin.search import TYPES, rebuild
from twin.settings import Settings

CITY = City("searched", "A town to search", 7801, (23.20, 42.60, 23.45, 42.75))
GRID = Grid("""
    A . . . . . . . . B
    . a b . . . . . . .
    . d c . p . . . q .
    . . . . . . . . . .
    D . . . . . . . . C
""")
NEAR_P = {"entity": "TransitStop:p"}


@pytest.fixture(scope="module")
def town(database_url: str) -> Town:
    town = Town(database_url, CITY)
    square = GRID["ABCD"]
    town.add("District", "68134-09", code="68134-09", name_bg="Лозенец", name_latin="Lozenets",
             name_folded="lozenets", boundary=square)  # fmt: skip
    town.add("Neighbourhood", "8", name="ж.к. Люлин 8", name_latin="zh.k. Lyulin 8",
             name_folded="zh k lyulin 8", boundary=square)  # fmt: skip
    for key, district in (("s1", "68134-09"), ("s2", "68134-09"), ("s3", None)):
        town.add("StreetSegment", key, name="ул. Шипка", name_latin="ul. Shipka", name_folded="ul shipka",
                 centreline=GRID["AB"], district=district)  # fmt: skip
    town.add("Address", "a1", text="гр. София, ул. Шипка 14А", text_latin="gr. Sofia, ul. Shipka 14A",
             position=GRID["p"])  # fmt: skip
    town.add("Address", "a2", text="гр. София, ж.к. Люлин 8, бл. 12", position=GRID["q"])
    town.add("Address", "a3", text="гр. София, ж.к. Люлин 12, бл. 8", position=GRID["q"])
    town.add("TransitStop", "p", gtfs_id="A0012", name="ПЛ. ОРЛОВ МОСТ", name_latin="PL. ORLOV MOST",
             name_folded="pl orlov most", position=GRID["p"])  # fmt: skip
    town.add("TransitStop", "q", gtfs_id="A0013", name="ПЛ. ОРЛОВ МОСТ", name_latin="PL. ORLOV MOST",
             name_folded="pl orlov most", position=GRID["q"])  # fmt: skip
    town.add("TransitRoute", "r", gtfs_id="R1", short_name="94", long_name="Студентски град - Орлов мост",
             mode="BUS")  # fmt: skip
    town.add("Building", "b", cadastral_id="68134.100.33.2", osm_id="way/1", footprint=GRID["abcd"])
    town.add("Business", "1", eik="000695146", legal_name="Шипка 2000 ООД", legal_name_latin="SHIPKA LTD",
             legal_name_folded="shipka 2000 ood")  # fmt: skip
    town.add("Business", "2", eik="000695160", natural_person_like=True)
    town.add("Site", "1", kind="OUTLET", name="Аптека Марица", name_folded="apteka maritsa",
             address_text="ул. Витоша 3", building="b")  # fmt: skip
    town.add("Facility", "f", kind="PHARMACY", name="Аптека „Надежда“",
             name_folded="apteka nadezhda", position=GRID["q"])  # fmt: skip
    with connect(database_url, city=CITY.name) as connection:
        rebuild(connection)
        connection.execute("ANALYZE")
    return town


@pytest.fixture(scope="module")
def ask(town: Town) -> Iterator[Asked]:
    asked = Asked(town, Settings())
    yield asked
    asked.close()


QUERY = """
query ($text: String!, $types: [EntityType!], $near: GeometryInput, $first: Int) {
    search(text: $text, types: $types, near: $near, first: $first) {
        edges { score distanceM matched { field how } node { id label } }
    }
}
"""


def hits(ask: Asked, text: str, **more: Any) -> list[tuple[str, str, str]]:
    """Id, field and manner of each record that was found."""
    edges = ask(QUERY, text=text, **{"first": 10, **more})["search"]["edges"]
    return [(e["node"]["id"], e["matched"]["field"], e["matched"]["how"]) for e in edges]


def ids(ask: Asked, text: str, **more: Any) -> list[str]:
    return [id_ for id_, *_ in hits(ask, text, **more)]


@pytest.mark.parametrize("text", ["Шипка", "шипка", "SHIPKA", "ул. „Шипка“", "ulitsa Shipka"])
def test_a_name_is_found_in_either_script_with_or_without_the_word_for_its_kind(
    ask: Asked, text: str
) -> None:
    assert hits(ask, text)[0] == ("StreetSegment:s1", "name", "EXACT")


def test_a_street_in_pieces_is_found_once_in_each_district(ask: Asked) -> None:
    assert ids(ask, "Шипка", types=["StreetSegment"]) == ["StreetSegment:s1", "StreetSegment:s3"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ши", "StreetSegment:s1"), ("шип", "StreetSegment:s1"), ("loz", "District:68134-09"),
        ("лю", "Neighbourhood:8"), ("орлов мо", "TransitStop:p"), ("л", "District:68134-09"),
    ],
)  # fmt: skip
def test_what_is_only_begun_finds_what_begins_so(ask: Asked, typed: str, found: str) -> None:
    assert hits(ask, typed)[0] == (found, hits(ask, typed)[0][1], "PREFIX")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("шпика", "StreetSegment:s1"), ("Шибка", "StreetSegment:s1"), ("лозонец", "District:68134-09"),
        ("Lozenec", "District:68134-09"), ("лолин", "Neighbourhood:8"), ("орллов мост", "TransitStop:p"),
        ("марицца аптека", "Site:1"), ("nadejda", "Facility:f"), ("надежжд", "Facility:f"),
    ],
)  # fmt: skip
def test_typing_mistakes_are_forgiven(ask: Asked, typed: str, found: str) -> None:
    answer = hits(ask, typed)
    assert answer[0][0] == found
    assert answer[0][2] == "SPELLING"


def test_words_in_any_order_from_name_and_address(ask: Asked) -> None:
    assert hits(ask, "витоша аптека") == [("Site:1", "name", "WORDS")]
    assert ids(ask, "аптека") == ["Facility:f", "Site:1"]


def test_the_number_of_a_block_is_not_that_of_an_estate(ask: Asked) -> None:
    assert ids(ask, "люлин бл 12", types=["Address"]) == ["Address:a2"]
    assert ids(ask, "люлин бл.12", types=["Address"]) == ["Address:a2"]
    assert ids(ask, "люлин 12", types=["Address"]) == ["Address:a3", "Address:a2"]
    assert ids(ask, "шипка 14а") == ["Address:a1"]


def test_the_registers_own_latin_name_is_found(ask: Asked) -> None:
    assert hits(ask, "shipka ltd") == [("Business:1", "legalNameLatin", "EXACT")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("000695146", ("Business:1", "eik", "EXACT")), ("68134.100.33.2", ("Building:b", "cadastralId", "EXACT")),
        ("68134.100", ("Building:b", "cadastralId", "PREFIX")), ("A0012", ("TransitStop:p", "gtfsId", "EXACT")),
        ("94", ("TransitRoute:r", "shortName", "EXACT")), (" 68134-09 ", ("District:68134-09", "code", "EXACT")),
    ],
)  # fmt: skip
def test_an_identifier_finds_its_record(ask: Asked, text: str, found: tuple[str, str, str]) -> None:
    assert hits(ask, text)[0] == found


def test_a_sole_trader_is_found_by_its_number_alone(ask: Asked) -> None:
    assert ids(ask, "000695160") == ["Business:2"]


def test_of_what_matches_as_well_the_nearer_comes_first(ask: Asked) -> None:
    both = ["TransitStop:p", "TransitStop:q"]
    assert ids(ask, "орлов мост", near={"entity": "TransitStop:p"}, first=2) == both
    assert ids(ask, "орлов мост", near={"entity": "TransitStop:q"}, first=2) == both[::-1]
    assert ids(ask, "орлов мост", first=2) == both


def test_distance_is_in_metres_and_a_record_without_place_has_none(ask: Asked) -> None:
    edges = ask(QUERY, text="орлов мост", near=NEAR_P)["search"]["edges"]
    assert {e["node"]["id"]: e["distanceM"] for e in edges} == {
        "TransitStop:p": 0.0, "TransitStop:q": 40.0, "TransitRoute:r": None,
    }  # fmt: skip
    assert all(0 <= e["score"] <= 1 for e in edges)
    assert [e["score"] for e in edges] == sorted((e["score"] for e in edges), reverse=True)
    assert [e["distanceM"] for e in ask(QUERY, text="орлов мост")["search"]["edges"]] == [None] * 3


def test_a_site_without_position_is_where_its_building_is(ask: Asked) -> None:
    (edge,) = ask(QUERY, text="марица", near={"entity": "Building:b"})["search"]["edges"]
    assert edge["distanceM"] == 0.0


def test_a_record_found_by_name_and_identifier_comes_once(town: Town, ask: Asked) -> None:
    assert len(ids(ask, "68134-09")) == 1


def test_only_of_the_types_asked_for(ask: Asked) -> None:
    assert ids(ask, "шипка", types=["Business"]) == ["Business:1"]
    assert ids(ask, "000695146", types=["District"]) == []
    assert ids(ask, "орлов мост", types=["TransitRoute", "Site"]) == ["TransitRoute:r"]


def test_nothing_there_is(ask: Asked) -> None:
    assert ids(ask, "щъркелфабрикант") == []
    assert ids(ask, "шипка щъркелфабрикант") == []
    assert ask(QUERY, text="шипка", first=0) == {"search": {"edges": []}}


def test_one_statement_reads_whatever_fields_of_whatever_entities(ask: Asked) -> None:
    ask.statements.clear()
    answer = ask(
        """{ here: search(text: "шипка") { __typename nodes { __typename id
            ... on Address { text building { cadastralId } }
            ... on Business { eik }
            ... on SpatialEntity { centroid } } edges { __typename matched { __typename how } } }
            again: search(text: "лозенец", first: 1) { nodes { label(lang: EN) sources { id } } } }"""
    )
    assert len(ask.statements) == 1
    found = {node["id"]: node for node in answer["here"]["nodes"]}
    assert found["Business:1"] == {"__typename": "Business", "id": "Business:1", "eik": "000695146"}
    assert found["Address:a1"]["text"] == "гр. София, ул. Шипка 14А"
    assert found["StreetSegment:s1"]["centroid"]["type"] == "Point"
    assert answer["here"]["__typename"] == "SearchConnection"
    assert answer["here"]["edges"][0] == {
        "__typename": "SearchEdge", "matched": {"__typename": "SearchMatch", "how": "EXACT"},
    }  # fmt: skip
    assert answer["again"] == {"nodes": [{"label": "Lozenets", "sources": []}]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no letter or digit"), ("  ", "no letter or digit"), ("„“ - !?", "no letter or digit"),
        ("ш" * 10_000, "10,000 characters; give at most 200"), ("шип\0ка", "NUL"),
        ("шип\ud800ка", "surrogate"), (" ".join(f"дума{i}" for i in range(20)), "20 words; give at most 10"),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_for_is_refused(ask: Asked, text: str, said: str) -> None:
    assert said in ask.refused(QUERY, text=text)


def test_arguments_are_checked(ask: Asked) -> None:
    assert "ask for 0 to 100" in ask.refused(QUERY, text="шипка", first=101)
    assert "ask for 0 to 100" in ask.refused(QUERY, text="шипка", first=-1)
    assert "is empty" in ask.refused(QUERY, text="шипка", types=[])
    assert "Observation" in ask.refused(QUERY, text="шипка", types=["Observation"])
    assert "there is no" in ask.refused(QUERY, text="шипка", near={"entity": "Building:none"})


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE search_entry; --",
        "a & b | !c <-> d:*",
        "\\",
        "%",
        "_",
        "(((",
        "x:*",
        "$1",
        "'a'",
        "𝔖𝔥𝔦𝔭𝔨𝔞",
        "a'b\\c",
    ],
)
def test_hostile_texts_are_only_texts(ask: Asked, text: str) -> None:
    answer = ask.answer(QUERY, text=text)
    body = json.loads(answer.body)
    assert answer.status == 200 or "no letter or digit" in body["errors"][0]["message"]


def test_every_type_can_be_asked_for(ask: Asked) -> None:
    for name in TYPES:
        assert all(id_.startswith(f"{name}:") for id_ in ids(ask, "шипка", types=[name]))


@pytest.mark.parametrize("text", ["шипка", "ши", "шпика", "орлов мост", "софия", "люлин бл 12", "A0012"])
def test_a_search_reads_no_table_whole(town: Town, text: str, database_url: str) -> None:
    """Of 40,000 entries that have the same word, and each one of its own."""
    large = ("search_entry", "search_word", "business", "site", "address", "transit_stop", "building")
    with psycopg.connect(database_url, prepare_threshold=None) as connection:
        connection.execute(f"SET search_path TO {CITY.name}, public".encode())
        connection.execute(
            "INSERT INTO search_entry (entity, key, name, names, words, position)"
            " SELECT 'Site', 'x' || i, 'x' || md5(i::text), '|x' || md5(i::text) || ' sofia|',"
            "  array_to_tsvector(ARRAY['Site', 'sofia', 'x' || md5(i::text)]),"
            "  ST_SetSRID(ST_MakePoint(i, i), 7801) FROM generate_series(1, 40000) AS i"
        )
        connection.execute(
            "INSERT INTO business (key, eik, recorded_at, sources)"
            " SELECT 'x' || i, 'x' || i, now(), '{s}' FROM generate_series(1, 20000) AS i"
        )
        connection.execute(
            "INSERT INTO search_word SELECT 'q' || translate(md5(i::text), '0123456789', 'ghijklmnop'), 1"
            " FROM generate_series(1, 20000) AS i ON CONFLICT DO NOTHING"
        )
        connection.execute("ANALYZE search_entry, search_word, business")
        engine = Engine(build(), Settings())
        for variables in ({"text": text}, {"text": text, "near": {"point": {"lon": 23.32, "lat": 42.69}}}):
            statement = engine.statement(CITY, QUERY, variables)
            values = [None if v is None else v.decode() for v in statement.values(variables)]
            nodes = list(_nodes(_explain(connection, statement.sql.decode(), values)))
            whole = {
                n["Relation Name"] for n in nodes if n["Node Type"] == "Seq Scan" and n["Plan Rows"] > 1000
            }
            assert not whole & set(large)
            used = {n["Index Name"] for n in nodes if "Index Name" in n}
            assert {"search_entry_name_idx", "search_entry_words_idx", "search_word_pkey"} <= used
            assert ("idx_search_entry_position" in used) == ("near" in variables)
        connection.rollback()


def _explain(connection: psycopg.Connection[Any], sql: str, values: list[str | None]) -> Any:
    with psycopg.RawCursor(connection) as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode(), values)
        row = cursor.fetchone()
    assert row is not None
    return row[0][0]["Plan"]


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
