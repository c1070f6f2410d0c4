"""Who else knows a record and by what name; and old ids, which answer with what took their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from schema.app import create
from tests.schema.conftest import GRID, Asked
from tests.town import CITY, Town
from twin.settings import Settings

FIRST, SECOND, THIRD = "68134.100.33.1", "68134.100.33.2", "68134.100.33.3"


@pytest.fixture(scope="module")
def town(database_url: str) -> Town:
    """Three buildings that are there, and others that they took the place of."""
    town = Town(database_url, CITY)
    for key, osm, wikidata in ((FIRST, "way/1", "Q1"), (SECOND, None, None), (THIRD, "way/3", None)):
        town.add("Building", key, cadastral_id=key, osm_id=osm, wikidata=wikidata, footprint=GRID["abcd"])
    town.add("Business", "000695146", eik="000695146", legal_name="Пробна АД")
    for old, new in (
        ("renamed", FIRST),  # one took its place
        ("first of two", SECOND), ("second of two", SECOND),  # a merger
        ("split", SECOND), ("split", THIRD),
        ("oldest", "older"), ("older", THIRD),  # a chain
        ("here", "there"), ("there", "here"),  # nowhere
        ("68134.7.7.7", FIRST),
        (THIRD, FIRST),  # wrong: it is still there
    ):  # fmt: skip
        town.add("Succession", f"{old}/{new}", entity="Building", old_key=old, new_key=new)
    town.run(
        "INSERT INTO building_history (key, osm_id, recorded_at, recorded_to) VALUES"
        " ('demolished', 'way/9', '2020-01-01', '2025-01-01'), ('renamed', 'way/8', '2020-01-01', '2025-01-01')"
    )
    return town


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    with TestClient(create(Settings(database_url=town.url, connections=2))) as client:
        yield client


def by_identifier(ask: Asked, scheme: str, value: str) -> Any:
    query = "query($s: IdentifierScheme!, $v: String!) { byIdentifier(scheme: $s, value: $v) { id } }"
    found = ask(query, s=scheme, v=value)["byIdentifier"]
    return found and found["id"]


def test_a_record_tells_its_identifiers_and_the_uris_by_which_others_know_it(ask: Asked) -> None:
    node = ask(
        "query($id: ID!) { node(id: $id) { ... on CityEntity {"
        " identifiers { scheme value uri kind: __typename } sameAs } } }",
        id=f"Building:{FIRST}",
    )["node"]
    osm, wikidata = "https://www.openstreetmap.org/way/1", "http://www.wikidata.org/entity/Q1"
    assert node["identifiers"] == [
        {"scheme": "CADASTRE", "value": FIRST, "uri": None, "kind": "Identifier"},
        {"scheme": "OSM_BUILDING", "value": "way/1", "uri": osm, "kind": "Identifier"},
        {"scheme": "WIKIDATA_BUILDING", "value": "Q1", "uri": wikidata, "kind": "Identifier"},
    ]
    assert node["sameAs"] == [osm, wikidata]


def test_a_record_without_any_has_empty_lists(ask: Asked) -> None:
    nodes = ask("{ successions(first: 1) { nodes { identifiers { value } sameAs } } }")["successions"][
        "nodes"
    ]
    assert nodes == [{"identifiers": [], "sameAs": []}]
    building = ask(
        "query($id: ID!) { node(id: $id) { ... on Building { sameAs } } }", id=f"Building:{SECOND}"
    )
    assert building["node"] == {"sameAs": []}


def test_an_identifier_is_taken_in_other_forms_and_every_one_told_leads_back(ask: Asked) -> None:
    assert by_identifier(ask, "EIK", "BG 000695146") == "Business:000695146"
    assert by_identifier(ask, "OSM_BUILDING", "https://www.openstreetmap.org/way/1") == f"Building:{FIRST}"
    assert by_identifier(ask, "OSM_BUILDING", "way/77") is None
    nodes = ask("{ buildings { nodes { id identifiers { scheme value } } } }")["buildings"]["nodes"]
    for node in nodes:
        for each in node["identifiers"]:
            assert by_identifier(ask, each["scheme"], each["value"]) == node["id"]


def test_a_malformed_identifier_is_told_the_form(ask: Asked) -> None:
    told = ask.refused('{ byIdentifier(scheme: CADASTRE, value: "68134.100") { id } }')
    assert told.startswith('byIdentifier.value: "68134.100" is none; expected is a building\'s EKATTE.region')


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("renamed", FIRST),
        ("first of two", SECOND),
        ("second of two", SECOND),
        ("oldest", THIRD),
        ("split", None),
        ("here", None),
        ("demolished", None),
        (THIRD, THIRD),
    ],
)
def test_an_old_id_answers_with_the_record_that_took_its_place(ask: Asked, old: str, now: str | None) -> None:
    ask.statements.clear()
    node = ask("query($id: ID!) { node(id: $id) { id } }", id=f"Building:{old}")["node"]
    assert node == (now and {"id": f"Building:{now}"})
    # what stands pays nothing for the old ids: only where nothing is found are they looked through
    assert len(ask.statements) == (1 if now == old else 2)


def test_an_old_identifier_answers_too(ask: Asked) -> None:
    assert by_identifier(ask, "OSM_BUILDING", "way/8") == f"Building:{FIRST}"  # borne by what was renamed
    assert by_identifier(ask, "CADASTRE", "68134.7.7.7") == f"Building:{FIRST}"  # never in the twin
    assert by_identifier(ask, "OSM_BUILDING", "way/9") is None


def test_two_old_ids_in_one_question_do_not_get_in_each_others_way(ask: Asked) -> None:
    data = ask(
        '{ a: node(id: "Building:renamed") { id } b: node(id: "Building:oldest") { id }'
        ' c: byIdentifier(scheme: OSM_BUILDING, value: "way/8") { id } }'
    )
    assert [data[each]["id"] for each in "abc"] == [f"Building:{key}" for key in (FIRST, THIRD, FIRST)]


def test_an_old_uri_leads_on(client: TestClient) -> None:
    answer = client.get("/town/id/Building/oldest", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (301, f"/town/id/Building/{THIRD}")
    assert client.get("/town/id/Building/oldest").json()["id"] == f"Building:{THIRD}"


def test_the_uri_of_what_was_split_lists_what_took_its_place(client: TestClient) -> None:
    answer = client.get("/town/id/Building/split")
    assert answer.status_code == 300
    assert answer.json() == {
        "id": "Building:split",
        "successors": [
            {"id": f"Building:{key}", "uri": f"/town/id/Building/{key}"} for key in (SECOND, THIRD)
        ],
    }


def test_what_is_no_more_is_gone_and_what_never_was_is_unknown(client: TestClient) -> None:
    gone = client.get("/town/id/Building/demolished")
    assert gone.status_code == 410
    assert "last held it on 2025-01-01" in gone.json()["errors"][0]["message"]
    assert client.get("/town/id/Building/here").status_code == 404
    assert client.get("/town/id/Source/none").status_code == 404
