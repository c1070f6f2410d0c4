"""Addresses and positions asked for in GraphQL: what is found, what it leads to, what is refused."""

from __future__ import annotations

import pytest

from tests.schema.conftest import GRID, Asked
from tests.town import Town
from twin.addresses import match_key, parse_address
from twin.database import connect
from twin.gazetteer import refresh_gazetteer


@pytest.fixture(scope="module", autouse=True)
def addressed(town: Town) -> None:
    text = "ул. Шипка 6"
    town.add(
        "Address", "a", text=text, street="ул. Шипка", building="b.1", district="68134-01", position=GRID["a"],
        match_key=match_key(parse_address(text), settlement="sofia"),
    )  # fmt: skip
    with connect(town.url, city=town.city.name) as connection:
        refresh_gazetteer(connection)


def test_an_address_leads_to_its_building_and_says_what_was_read(ask: Asked) -> None:
    [found] = ask(
        "query ($t: String!) { geocode(text: $t) { __typename level score reason address { id text }"
        " building { id currentUse { code } } understood { settlement street number block } leftOver } }",
        t="гр. София, ул. „Шипка“ №6, при портиера",
    )["geocode"]
    assert found["level"] == "BUILDING"
    assert found["score"] > 0.9
    assert found["address"] == {"id": "Address:a", "text": "ул. Шипка 6"}
    assert found["building"] == {"id": "Building:b.1", "currentUse": {"code": "100"}}
    assert found["understood"] == {"settlement": "sofia", "street": "shipka", "number": "6", "block": None}
    assert found["leftOver"] == "pri portiera"
    assert len(ask.statements) == 1


def test_only_what_a_place_leads_to_may_be_asked_for(ask: Asked) -> None:
    assert ask('{ geocode(text: "ул. Шипка 6") { district { nameBg } } }') == {
        "geocode": [{"district": {"nameBg": "Средец"}}]
    }


def test_what_nobody_knows_gives_nothing(ask: Asked) -> None:
    assert ask('{ geocode(text: "гр. Пловдив, ул. Шипка 6") { level } }') == {"geocode": []}
    assert ask('{ geocode(text: "") { level } }') == {"geocode": []}


def test_a_place_leads_to_what_stands_there(ask: Asked) -> None:
    query = (
        'query ($m: Float!) { reverseGeocode(at: { entity: "Address:a" }, withinM: $m, first: 1)'
        " { level expectedErrorM building { id } address { id } district { id } understood { street } } }"
    )
    [found] = ask(query, m=30)["reverseGeocode"]
    assert (found["level"], found["expectedErrorM"]) == ("BUILDING", 0)
    assert (found["building"], found["address"]) == ({"id": "Building:b.1"}, {"id": "Address:a"})
    assert found["understood"] is None
    assert "withinM" in ask.refused(query, m=-1)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ('{ geocode(text: "x", first: 101) { level } }', "ask for 0 to 100 places"),
        ('{ geocode(text: "x", first: -1) { level } }', "ask for 0 to 100 places"),
        (f'{{ geocode(text: "{"x" * 501}") {{ level }} }}', "at most 500"),
        (
            '{ geocode(text: "x", first: 100) { district { buildings(first: 1000) { nodes { id district { id } } } } } }',
            "may read up to",
        ),
    ],
)
def test_too_much_is_refused(ask: Asked, query: str, said: str) -> None:
    assert said in ask.refused(query)
