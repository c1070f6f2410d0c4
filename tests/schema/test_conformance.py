"""The fast path agrees with graphql-core: its own execution over the same data gives the same answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from graphql import execute_sync, parse

from schema.compile import compile_plan
from schema.planner import Planner
from tests.schema.conftest import Asked

FIELDS = """
  __typename id uri label(lang: EN) sources { id title loadedAt records runs { totalCount } } validFrom recordedAt
  links { totalCount edges { cursor node { type evidence score recordedAt subject { id } object { __typename id } } } }
"""
QUESTIONS = [
    "{ districts { totalCount nodes { %s code nameBg areaM2 population bbox centroid geometry } } }" % FIELDS,
    "{ buildings { edges { cursor node { %s currentUse { code scheme label __typename } heightM dateOfConstruction"
    " district { id } neighbourhood { id } sites { nodes { kind } } } } pageInfo { hasNextPage endCursor } } }"
    % FIELDS,
    "{ sites { nodes { %s kind position business { %s eik naturalPersonLike ownership } } } }" % (FIELDS, FIELDS),
    '{ transitStops(orderBy: [{distance: {entity: "Facility:f1"}}]) { edges { distanceM node { departuresWeekday'
    " routes { nodes { mode shortName colour } } } } } }",
    '{ buildings(first: 3) { nodes { lods lod(level: "1.2") solids(first: 3) { nodes { %s lod volumeM3 cityjson building { id } } } } } }'
    % FIELDS,
    '{ node(id: "Link:IN_BUILDING/Site/s0/b.2") { __typename id ... on Link { method status } } }',
    "{ node(id: \"Building:b.1\") { ... on CityEntity { identifiers { scheme value uri __typename } sameAs } }"
    ' reconcile(queries: [{query: "b.1"}, {query: "Пробна АД", limit: 1}, {query: "xyzzy"}]) { __typename candidates {'
    " __typename id name description score match features { __typename id value } record { id label } } } }",
    "{ sources { id title notices { nodes { occurrences } } } notices { totalCount nodes { rule severity } }"
    " importRuns { nodes { bytesRead startedAt } } }",
    "{ buildings { aggregate { __typename count storeysAboveGround { __typename count sum avg min max median distinct }"
    " footprint { extent convexHull } dateOfConstruction { min } recordedAt { min max median } }"
    " coverage { __typename share { __typename heightM } oldestSource newestSource }"
    " groupBy(by: [{district: true}, {currentUse: true}, {heightM: {width: 2.5}}, {recordedAt: DECADE}]) { __typename"
    " key { __typename district { id nameBg } currentUse { code label __typename } heightM { __typename from below }"
    " recordedAt { __typename from below label } } geometry aggregate { count heightM { avg } } coverage { oldestSource } } } }",
    "{ districts { nodes { sites { aggregate { count business { distinct } } groupBy(by: [{kind: true}, {square: {edgeM:"
    " 20}}, {hexagon: {edgeM: 20}}]) { key { kind square { __typename column row edgeM } hexagon { row } } geometry } } } } }",
    "query { a: districts(first: 1) { n: nodes { c: code } nodes { code id } } b: districts(last: 1) { nodes { id } } }",
]  # fmt: skip


@pytest.mark.parametrize("query", QUESTIONS)
def test_answers_equal_graphql_cores_own_execution(ask: Asked, query: str) -> None:
    fast = ask(query)
    document = parse(query)
    operation = document.definitions[0]
    planner = Planner(ask.engine.schema, document, operation, {}, ask.settings, typed=True)  # type: ignore[arg-type]
    statement = compile_plan(planner.plan(), ask.town.city)
    row = ask.loop.run_until_complete(ask.reader.fetch(statement.sql, statement.values({})))
    result = execute_sync(ask.engine.schema, document, orjson.loads(row[0] or b"null"))
    assert result.errors is None
    assert fast == result.data
    assert _keys(fast) == _keys(result.data)


def _keys(value: Any) -> Any:
    """The response keys in their order, which comparing dicts does not look at."""
    if isinstance(value, dict):
        return [(key, _keys(inner)) for key, inner in value.items()]
    return [_keys(inner) for inner in value] if isinstance(value, list) else None
