"""The fast path agrees with graphql-core: over its own answers, and over a reference that shares none of it.

The reference reads the same rows and does in plain Python what the compiler does in SQL: every field, every
condition, every order and page of every entity, as tests/reference.py has them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from tests.questions import conditions, orders, roots
from tests.reference import NotCovered, Reference, attribute, disagreement, literal
from tests.schema.conftest import Asked
from twin.entities import BY_NAME

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
    '{ nodes(ids: ["Site:s0", "Building:x", "Link:IN_BUILDING/Site/s0/b.2"]) { __typename id ... on Site { name } }'
    ' _entities(representations: [{__typename: "District", id: "District:68134-01"}, {__typename: "Site", id: "Site:x"}])'
    " { __typename ... on Node { id } ... on District { nameBg } } _service { __typename sdl } }",
    "query { a: districts(first: 1) { n: nodes { c: code } nodes { code id } } b: districts(last: 1) { nodes { id } } }",
]  # fmt: skip


@pytest.mark.parametrize("query", QUESTIONS)
def test_answers_equal_graphql_cores_own_execution(ask: Asked, query: str) -> None:
    replayed = ask.replayed(query)
    assert disagreement(replayed, ask(query)) is None


# --- against the reference ------------------------------------------------------------------------------
#: type -> what is asked of a record of it where another leads to it
BELOW = {
    "CodedValue": "{ __typename code scheme label labelEn: label(lang: EN) }",
    "Identifier": "{ scheme value uri }",
    "CityEntity": "{ __typename id label ... on SpatialEntity { centroid } ... on Building { storeysAboveGround } }",
}
PAGE = """{ __typename totalCount nodes { id } edges { cursor node { __typename id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"""
#: what entities have beside their declared fields
OWN = {"uri", "label", "identifiers", "sameAs", "sources", "links", "subject", "object", "lods", "lod", "geometry",
       "centroid", "pointOnSurface", "bbox", "distance"}  # fmt: skip
ARGUMENTS = {"level": '(level: "2.2")', "to": "(to: {point: {lon: 23.33, lat: 42.7}})"}
SHAPES = [
    "crs: 3857",
    "crs: 7801, precision: 2",
    "precision: 15",
    "simplifyM: 15",
    "crs: null, precision: null",
]


def agree(ask: Asked, reference: Reference, query: str, **variables: Any) -> Any:
    data = ask(query, **variables)
    told = disagreement(reference.answer(query, variables), data)
    assert told is None, f"{told}\n{query}\n{variables}"
    return data


def selections(entity: str, name: str, field: Any) -> Iterator[str]:
    """A field as it can be asked for; nothing of those that the reference does not cover."""
    kind = get_named_type(field.type)
    try:
        attribute(BY_NAME[entity], name)
    except NotCovered:
        if name not in OWN:
            return
    said = next((said for argument, said in ARGUMENTS.items() if argument in field.args), "")
    below = BELOW.get(kind.name, PAGE if kind.name.endswith("Connection") else "{ id __typename }")
    yield f"{name}{said} {'' if is_leaf_type(kind) else below}"
    if kind.name == "GeoJSON":
        takes = [shape for shape in SHAPES if set(re.findall("[a-zA-Z]+(?=:)", shape)) <= set(field.args)]
        yield from (f"{name}{i}: {name}({shape})" for i, shape in enumerate(takes))


@pytest.mark.parametrize("entity", BY_NAME)
def test_every_field_is_what_the_rows_say(ask: Asked, reference: Reference, entity: str) -> None:
    type_ = reference.schema.type_map[entity]
    assert isinstance(type_, GraphQLObjectType)
    asked = [text for name, field in type_.fields.items() for text in selections(entity, name, field)]
    if (root := roots(reference).get(entity)) is not None:
        agree(ask, reference, f"{{ {root} {{ nodes {{ {' '.join(asked)} }} }} }}")
    for key in [*reference.rows[entity]][:3]:
        query = (
            f"query($id: ID!) {{ node(id: $id) {{ __typename ... on {entity} {{ {' '.join(asked)} }} }} }}"
        )
        assert agree(ask, reference, query, id=f"{entity}:{key}")["node"]["__typename"] == entity


@pytest.mark.parametrize("entity", BY_NAME)
def test_every_condition_keeps_the_rows_that_it_says(ask: Asked, reference: Reference, entity: str) -> None:
    """Some are said in the document, some in variables."""
    root = roots(reference).get(entity)
    if root is None:
        pytest.skip(f"no root field lists {entity}")
    type_ = reference.schema.type_map[f"{entity}Filter"]
    kept = set()
    some = batches(conditions(reference, entity, random.Random(entity)), 30)
    for wheres, in_variables in zip(some, cycle([False, True])):
        variables = {f"w{i}": where for i, where in enumerate(wheres)} if in_variables else {}
        said = (variables and [f"$w{i}" for i in range(len(wheres))]) or [literal(w, type_) for w in wheres]
        asked = " ".join(f"w{i}: {root}(where: {w}) {{ nodes {{ id }} }}" for i, w in enumerate(said))
        declared = "query(%s)" % ", ".join(f"$w{i}: {entity}Filter" for i in range(len(wheres)))
        data = agree(ask, reference, f"{declared if variables else ''} {{ {asked} }}", **variables)
        kept |= {len(page["nodes"]) for page in data.values()}
    assert len(kept) > 2


def batches(whole: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while some := list(islice(whole, size)):
        yield some


@pytest.mark.parametrize("entity", BY_NAME)
def test_every_order_and_page_has_the_rows_in_their_places(
    ask: Asked, reference: Reference, entity: str
) -> None:
    root = roots(reference).get(entity)
    if root is None:
        pytest.skip(f"no root field lists {entity}")
    chance = random.Random(entity)
    alone = orders(reference, entity, chance)
    below = PAGE.replace("edges {", "edges { distanceM") if BY_NAME[entity].geometry else PAGE
    query = f"""query($by: [{entity}Order!], $first: Int, $last: Int, $after: String, $before: String) {{
        {root}(orderBy: $by, first: $first, last: $last, after: $after, before: $before) {below} }}"""
    for by in [[], *([one] for one in alone), *(chance.sample(alone, min(3, len(alone))) for _ in range(4))]:
        whole = agree(ask, reference, query, by=by)[root]["edges"]
        size, at = chance.randrange(4), chance.choice(whole)["cursor"]
        extents = [{"first": size, "after": at}, {"last": size, "before": at}, {"first": size}, {"last": size},
                   {"after": at}, {"before": at}]  # fmt: skip
        agree(ask, reference, query, by=by, **chance.choice(extents))
