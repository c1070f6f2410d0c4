"""Many records by their ids, and the twin as a subgraph of Apollo Federation, composed with another's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import ObjectTypeDefinitionNode, UnionTypeDefinitionNode, parse, print_ast

from schema.federation import subgraph
from tests import clients
from tests.processes import Served
from tests.schema.conftest import Asked
from tests.town import Town
from twin.entities import BY_NAME

NODES = (
    "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Building { heightM } ... on CityEntity { label } } }"
)
ENTITIES = """query($of: [_Any!]!) { _entities(representations: $of) {
    __typename ... on Building { id heightM district { nameBg } } ... on District { code } } }"""


def entities(ask: Asked, *ids: str) -> Any:
    of = [{"__typename": one.partition(":")[0], "id": one} for one in ids]
    return ask(ENTITIES, of=of)["_entities"]


def test_nodes_come_in_the_order_of_their_ids(ask: Asked) -> None:
    ids = ["District:68134-02", "Building:b.1", "Building:nowhere", "Source:town", "Building:b.1"]
    ask.statements.clear()
    answer = ask(NODES, ids=ids)["nodes"]
    assert len(ask.statements) == 1
    building = {"id": "Building:b.1", "heightM": 6.5, "label": None}
    assert answer == [
        {"id": "District:68134-02", "label": "Лозенец"},
        building,
        None,
        {"id": "Source:town"},
        building,
    ]
    assert [ask("query($id: ID!) { node(id: $id) { id } }", id=one)["node"] for one in ids] == [
        one and {"id": one["id"]} for one in answer
    ]


def test_no_ids_no_nodes(ask: Asked) -> None:
    assert ask(NODES, ids=[])["nodes"] == []
    assert ask("{ nodes(ids: []) { __typename } }")["nodes"] == []


def test_old_ids_answer_with_what_took_their_place(town: Town, ask: Asked) -> None:
    for old, new in (("old.1", "older"), ("older", "b.2"), ("split", "b.1"), ("split", "b.2")):
        town.add("Succession", f"Building/{old}/{new}", entity="Building", old_key=old, new_key=new)
    asked = ["Building:old.1", "Building:split", "Building:b.3", "Business:old.1"]
    found = ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=asked)["nodes"]
    assert found == [{"id": "Building:b.2"}, None, {"id": "Building:b.3"}, None]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["Castle:1"], 'nodes.ids: there is no type "Castle"; there are District, '),
        (["Building"], '"Building"'),
        (["Building:b.1"] * 1_001, "nodes.ids: has 1,001 entries; send at most 1,000 at once"),
    ],
)
def test_what_no_id_can_be_is_told(ask: Asked, ids: list[str], told: str) -> None:
    assert told in ask.refused(NODES, ids=ids)


def test_hostile_ids_are_of_no_record(ask: Asked) -> None:
    ids = ["Building:'; DROP TABLE building; --", 'Building:{"a",b}\\', "Building:NULL", "Building:,"]
    assert ask(NODES, ids=ids)["nodes"] == [None] * 4


def test_entities_are_found_by_their_representations(ask: Asked) -> None:
    ask.statements.clear()
    found = entities(ask, "Building:b.1", "District:68134-01", "Building:x", "Business:000695146")
    assert len(ask.statements) == 1
    assert found == [
        {"__typename": "Building", "id": "Building:b.1", "heightM": 6.5, "district": {"nameBg": "Средец"}},
        {"__typename": "District", "code": "68134-01"},
        None,
        {"__typename": "Business"},
    ]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (
            {"__typename": "Castle", "id": "Castle:1"},
            '_entities.representations[1]: there is no type "Castle"',
        ),
        ({"__typename": "Building", "id": "Site:s0"}, '[1].id: "Site:s0" is no id of a Building'),
        ({"__typename": "Building"}, "_entities.representations[1]: has no __typename and id, both texts"),
        ({"id": "Building:b.1"}, "_entities.representations[1]: has no __typename and id, both texts"),
        ("Building:b.1", "is no object such as"),
    ],
)
def test_what_represents_nothing_is_told(ask: Asked, one: Any, told: str) -> None:
    good = {"__typename": "Building", "id": "Building:b.1"}
    assert told in ask.refused(ENTITIES, of=[good, one])


def test_the_cost_follows_how_many_are_asked_for(ask: Asked) -> None:
    def rows(count: int) -> int:
        variables = {"ids": [f"Building:{i}" for i in range(count)]}
        return ask.engine.statement(ask.town.city, NODES, variables).bill.rows

    assert [rows(1), rows(3), rows(4), rows(1_000)] == [1, 4, 4, 1_024]


def test_the_subgraph_says_the_key_of_every_entity_and_nothing_of_federations_own(ask: Asked) -> None:
    sdl = ask("{ _service { __typename sdl } }")["_service"]["sdl"]
    assert sdl == subgraph()
    definitions = {one.name.value: one for one in parse(sdl).definitions if hasattr(one, "name")}
    assert not [name for name in definitions if name.startswith("_")]
    root = definitions["Query"]
    assert isinstance(root, ObjectTypeDefinitionNode)
    fields = {field.name.value for field in root.fields or ()}
    assert {"node", "nodes", "buildings"} <= fields
    assert not {name for name in fields if name.startswith("_")}
    for name in BY_NAME:
        entity = definitions[name]
        assert isinstance(entity, ObjectTypeDefinitionNode)
        keys = [print_ast(one) for one in entity.directives or () if one.name.value == "key"]
        assert keys == ['@key(fields: "id")'], name
    whole = {one.name.value: one for one in parse(ask_sdl()).definitions if hasattr(one, "name")}
    union = whole["_Entity"]
    assert isinstance(union, UnionTypeDefinitionNode)
    assert {one.name.value for one in union.types or ()} == set(BY_NAME)
    assert set(whole) - set(definitions) == {"_Entity", "_Any", "_Service"}


def ask_sdl() -> str:
    from schema import query

    return query.sdl(query.build())


@pytest.fixture(scope="module")
def server(town: Town) -> Iterator[Served]:
    with Served({**os.environ, "TWIN_DATABASE_URL": town.url, "TWIN_CONNECTIONS": "4"}) as served:
        yield served


def test_it_composes_with_a_subgraph_of_others_and_answers_its_part_of_a_plan(server: Served) -> None:
    buildings = [{"__typename": "Building", "id": f"Building:{key}"} for key in ("b.2", "x", "b.1")]
    told = clients.run("compose.js", f"{server.url}/graphql", json.dumps(buildings))
    assert told["errors"] == []
    assert told["steps"] == ["offices", "twin", "offices"]
    found = told["answer"]["data"]["_entities"]
    assert [one and (one["heightM"], one["district"]["id"], one["district"]["nameBg"]) for one in found] == [
        (None, "District:68134-01", "Средец"),
        None,
        (6.5, "District:68134-01", "Средец"),
    ]
