"""All of the query language, as the specification has it: fragments, directives, variables, names, snapshots."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.schema.conftest import Asked
from tests.town import Town


def test_fragments_apply_to_interfaces_and_to_what_implements_them(ask: Asked) -> None:
    query = """
      query { a: node(id: "Building:b.1") { ...Any } b: node(id: "Business:000695146") { ...Any }
              c: node(id: "Source:town") { ...Any } }
      fragment Any on Node { __typename id ...City ... on SpatialEntity { ...Place } ... on Source { title } ... { id } }
      fragment City on CityEntity { label ... on Building { district { ... on Node { id } ... on CityEntity { label } } } }
      fragment Place on SpatialEntity { bbox(crs: 7801) ... on Building { storeysAboveGround } ... on Site { kind } }
    """
    data = ask(query)
    assert list(data["a"]) == ["__typename", "id", "label", "district", "bbox", "storeysAboveGround"]
    assert data["a"]["district"] == {"id": "District:68134-01", "label": "Средец"}
    assert data["a"]["storeysAboveGround"] == 2
    assert data["b"] == {"__typename": "Business", "id": "Business:000695146", "label": "Пробна АД"}
    assert data["c"] == {"__typename": "Source", "id": "Source:town", "title": "Town register"}


def test_the_same_field_asked_for_again_is_merged(ask: Asked) -> None:
    data = ask("""
      { districts(first: 1) { nodes { code } } ...More districts(first: 1) { nodes { buildings(first: 1) { nodes { id } } } } }
      fragment More on Query { districts(first: 1) { totalCount nodes { nameBg buildings(first: 1) { totalCount nodes { heightM } } } } }
    """)
    assert data == {
        "districts": {
            "nodes": [
                {
                    "code": "68134-01", "nameBg": "Средец",
                    "buildings": {"totalCount": 2, "nodes": [{"heightM": 6.5, "id": "Building:b.1"}]},
                }
            ],
            "totalCount": 3,
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "{ x: districts { totalCount } x: buildings { totalCount } }",
        "{ districts(first: 1) { totalCount } districts(first: 2) { totalCount } }",
        "{ buildings { nodes { x: id x: heightM } } }",
        "{ buildings { nodes { geometry(crs: 7801) geometry } } }",
    ],
)
def test_aliases_that_mean_two_things_are_refused(ask: Asked, query: str) -> None:
    assert "conflict" in ask.refused(query)


def test_one_alias_may_mean_different_things_of_different_types(ask: Asked) -> None:
    query = """{ a: node(id: "Business:000695146") { ...F } b: node(id: "TransitStop:g/1") { ...F } }
        fragment F on Node { ... on Business { is: eik } ... on TransitStop { is: gtfsId } }"""
    assert ask(query) == {"a": {"is": "000695146"}, "b": {"is": "1"}}


@pytest.mark.parametrize("said", [True, False])
def test_include_and_skip_take_variables_on_fields_and_fragments(ask: Asked, said: bool) -> None:
    query = """query($yes: Boolean!, $no: Boolean! = false) { districts(first: 1) {
        totalCount @include(if: $yes) nodes @skip(if: $yes) { id }
        ... @include(if: $yes) { pageInfo { hasNextPage } } ...Edges @skip(if: $yes)
        __typename @skip(if: $no) @include(if: $yes)
        edges @include(if: $no) { cursor } } buildings @skip(if: true) { totalCount } }
        fragment Edges on DistrictConnection { edges @include(if: true) @skip(if: $yes) { node { code } } }"""
    district: dict[str, Any] = (
        {"totalCount": 3, "pageInfo": {"hasNextPage": True}, "__typename": "DistrictConnection"}
        if said
        else {"nodes": [{"id": "District:68134-01"}], "edges": [{"node": {"code": "68134-01"}}]}
    )
    for _ in range(2):  # the second time from the cached plan
        data = ask(query, yes=said)
        assert data == {"districts": district}
        assert list(data["districts"]) == list(district)


def test_an_answer_may_be_empty(ask: Asked) -> None:
    assert ask("query($no: Boolean!) { districts @include(if: $no) { totalCount } }", no=False) == {}


def test_typename_is_everywhere(ask: Asked) -> None:
    data = ask("""{ __typename districts(first: 1) { __typename edges { __typename node { __typename sources { __typename }
        identifiers { __typename } links(first: 1) { __typename } } } pageInfo { __typename } }
        buildings(first: 1) { nodes { currentUse { __typename t: __typename } } }
        search(text: "b.1", first: 1) { __typename edges { __typename node { __typename } matched { __typename } } }
        geocode(text: "ул. Шипка 6") { __typename } reconcile(queries: []) { __typename } }""")
    assert data["__typename"] == "Query"
    assert data["districts"] == {
        "__typename": "DistrictConnection",
        "edges": [
            {
                "__typename": "DistrictEdge",
                "node": {
                    "__typename": "District", "sources": [{"__typename": "Source"}],
                    "identifiers": [{"__typename": "Identifier"}], "links": {"__typename": "LinkConnection"},
                },
            }
        ],
        "pageInfo": {"__typename": "PageInfo"},
    }  # fmt: skip
    assert data["buildings"]["nodes"] == [{"currentUse": {"__typename": "CodedValue", "t": "CodedValue"}}]
    assert data["search"]["edges"][0] == {
        "__typename": "SearchEdge", "node": {"__typename": "Building"}, "matched": {"__typename": "SearchMatch"},
    }  # fmt: skip


BUILDINGS = "{ buildings(where: %s) { nodes { id } } }"
B2 = {"buildings": {"nodes": [{"id": "Building:b.2"}]}}


@pytest.mark.parametrize(
    ("declared", "where", "given"),
    [
        ("$w: BuildingFilter", "$w", {"w": {"storeysAboveGround": {"eq": 8}}}),
        ("$w: BuildingFilter!", "{and: [$w, {heightM: {isNull: true}}]}", {"w": {"storeysAboveGround": {"gt": 2}}}),
        ("$w: [BuildingFilter!]", "{and: $w}", {"w": [{"storeysAboveGround": {"eq": 8}}]}),
        ("$w: [BuildingFilter!]", "{and: $w}", {"w": {"storeysAboveGround": {"eq": 8}}}),  # one stands for a list of it
        ("$o: IntOp", "{storeysAboveGround: $o}", {"o": {"in": [8, 9]}}),
        ("$n: Int!", "{storeysAboveGround: {in: [7, $n]}}", {"n": 8}),
        ("$n: [Int!]", "{storeysAboveGround: {in: $n}}", {"n": 8}),
        ("$n: Int = 8", "{storeysAboveGround: {eq: $n}}", {}),
        ("$n: Int! = 2", "{storeysAboveGround: {eq: $n}}", {"n": 8}),
        ("$o: IntOp = {eq: 8}", "{storeysAboveGround: $o}", {}),
        ("$n: Int = 8, $o: Boolean = false", "{storeysAboveGround: {eq: $n, isNull: $o}}", {}),
        ("$n: Int", "{storeysAboveGround: {eq: 8, lt: $n}}", {}),  # a variable that is not given is left out
        ("$id: ID!", "{id: {in: [$id]}}", {"id": "Building:b.2"}),
        ("$d: String", "{not: {district: {code: {ne: $d}}}, storeysAboveGround: {gt: 2}}", {"d": "68134-01"}),
        ("$x: Float!, $y: Float!", "{footprint: {intersects: {geojson: {type: \"MultiPoint\", coordinates: [[$x, $y]]}}}}",
         {"x": "x", "y": "y"}),
        ("$k: String!", "{footprint: {intersects: {geojson: {type: $k, coordinates: [%x, %y]}}}}",
         {"k": "Point"}),
        ("$g: GeoJSON!", "{footprint: {intersects: {geojson: $g}}}", {"g": {"type": "Point", "coordinates": ["x", "y"]}}),
        ("$m: Float! = 1", "{footprint: {intersects: {buffer: {of: {entity: \"Building:b.2\"}, metres: $m}}}}", {}),
        ("$g: GeometryInput!", "{footprint: {equals: $g}}", {"g": {"entity": "Building:b.2"}}),
        ("$g: GeometryOp", "{footprint: $g}", {"g": {"equals": {"entity": "Building:b.2"}}}),
    ],
)  # fmt: skip
def test_variables_stand_anywhere(ask: Asked, declared: str, where: str, given: dict[str, Any]) -> None:
    """Within lists, input objects and scalars, with defaults, one for a list, nullable where a default is."""
    (x, y) = ask('{ node(id: "Building:b.2") { ... on Building { pointOnSurface } } }')["node"][
        "pointOnSurface"
    ]["coordinates"]
    at = {"x": x, "y": y}
    told = at if set(given) == set(at) else json.loads(json.dumps(given).replace('"x", "y"', f"{x!r}, {y!r}"))
    where = where.replace("%x", repr(x)).replace("%y", repr(y))
    assert ask(f"query({declared}) {BUILDINGS % where}", **told) == B2


def test_null_and_nothing_are_told_apart(ask: Asked) -> None:
    query = "query($n: Int, $w: BuildingFilter) { buildings(first: $n, where: $w) { nodes { id } } }"
    assert len(ask(query)["buildings"]["nodes"]) == 3
    assert len(ask(query, n=None, w=None)["buildings"]["nodes"]) == 3
    one = "query($n: Int) { buildings(where: {storeysAboveGround: {eq: $n}}) { totalCount } }"
    assert ask(one)["buildings"]["totalCount"] == 3
    assert "is null" in ask.refused(one, n=None)


def test_one_of_is_checked_in_variables_as_in_documents(ask: Asked) -> None:
    query = "query($g: GeometryInput!) { buildings(where: {footprint: {intersects: $g}}) { totalCount } }"
    assert ask(query, g={"entity": "Building:b.2"})["buildings"]["totalCount"] == 1
    point = {"lon": 23.3, "lat": 42.7}
    for wrong in ({}, {"entity": "Building:b.2", "point": point}, {"entity": "Building:b.2", "point": None}):
        assert "xactly one" in ask.refused(query, g=wrong)
    assert "must be non-null" in ask.refused(query, g={"entity": None})
    inside = "query($id: ID) { buildings(where: {footprint: {intersects: {entity: $id}}}) { totalCount } }"
    assert "must be non-nullable" in ask.refused(inside, id="Building:b.2")
    order = "query($o: [BuildingOrder!]) { buildings(orderBy: $o) { totalCount } }"
    assert "xactly one" in ask.refused(order, o=[{"id": "ASC", "heightM": "DESC"}])


def test_the_operation_that_is_named_is_carried_out(ask: Asked) -> None:
    query = """query A($n: Int!) { districts(first: $n) { ...D } } query B { buildings { totalCount } }
        fragment D on DistrictConnection { nodes { code } }"""

    def answer(name: str | None, **variables: Any) -> Any:
        asked = ask.engine.answer(ask.reader, ask.town.city, query, variables, name)
        return json.loads(ask.loop.run_until_complete(asked).body)

    assert answer("A", n=1) == {"data": {"districts": {"nodes": [{"code": "68134-01"}]}}}
    assert answer("B") == {"data": {"buildings": {"totalCount": 3}}}
    assert "operations; say which" in answer(None)["errors"][0]["message"]
    assert 'no operation "C"' in answer("C")["errors"][0]["message"]


def test_all_root_fields_of_an_operation_see_one_moment(ask: Asked, town: Town) -> None:
    """A place is renamed again and again: no answer has its old name here and its new one there."""
    query = "{ %s }" % " ".join(
        f'f{i}: facilities {{ nodes {{ name }} totalCount }} n{i}: node(id: "Facility:f1") {{ ... on Facility {{ label }} }}'
        for i in range(20)
    )
    town.run("UPDATE facility SET name = 'name 0' WHERE key = 'f1'")
    done = threading.Event()

    def rename() -> None:
        number = 0
        while not done.is_set():
            number += 1
            town.run(f"UPDATE facility SET name = 'name {number}' WHERE key = 'f1'")

    renaming = threading.Thread(target=rename)
    renaming.start()
    try:
        seen: list[str] = []
        while len(set(seen)) < 5 and len(seen) < 500:
            data = ask(query)
            names = {part["label"] if "label" in part else part["nodes"][0]["name"] for part in data.values()}
            assert len(names) == 1
            seen += names
    finally:
        done.set()
        renaming.join()
        town.run("UPDATE facility SET name = '5. ОУ' WHERE key = 'f1'")
    assert len(set(seen)) == 5
