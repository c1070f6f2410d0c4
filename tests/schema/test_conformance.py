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
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_leaf_type

from schema.declare import camel
from tests.reference import PREDICATES, NotCovered, Reference, attribute, disagreement, literal
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


def roots(reference: Reference) -> dict[str, str]:
    """Entity -> the root field that lists it."""
    query = reference.schema.query_type
    assert query is not None
    named = {get_named_type(field.type).name: name for name, field in query.fields.items()}
    return {entity: named[f"{entity}Connection"] for entity in BY_NAME if f"{entity}Connection" in named}


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


def conditions(reference: Reference, entity: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Filters of an entity: each field with each operator alone, then some of them together."""
    alone = list(_conditions(reference, entity, chance, depth=1))
    yield from alone
    for _ in range(6):
        one, two, three = (chance.choice(alone) for _ in range(3))
        yield {"or": [one, {"and": [two, {"not": three}]}]}
        yield {"not": {"or": [one, {"not": {"and": [two, three]}}]}, "and": []}
    yield from ({}, {"or": []}, {"and": [], "not": {"or": []}})


def _conditions(
    reference: Reference, entity: str, chance: random.Random, depth: int
) -> Iterator[dict[str, Any]]:
    type_ = reference.schema.type_map[f"{entity}Filter"]
    assert isinstance(type_, GraphQLInputObjectType)
    rows = list(reference.rows[entity].values())
    for name, field in type_.fields.items():
        kind = get_named_type(field.type)
        if name in ("and", "or", "not"):
            continue
        if name == "id":
            ids = [f"{entity}:{row.key}" for row in rows]
            yield from (
                {"id": {"eq": chance.choice(ids)}},
                {"id": {"in": [*chance.sample(ids, 2), f"{entity}:gone"]}},
                {"id": {"notIn": chance.sample(ids, 2), "ne": chance.choice(ids)}},
            )
        elif kind.name.endswith("Filter"):
            target = kind.name.removesuffix("ListFilter").removesuffix("Filter")
            inner = list(_conditions(reference, target, chance, depth - 1)) if depth else [{}]
            for quantifier in ("some", "every", "none") if kind.name.endswith("ListFilter") else (None,):
                for where in (chance.choice(inner), chance.choice([{}, *inner])):
                    yield {name: where if quantifier is None else {quantifier: where}}
        elif kind.name == "GeometryOp":
            for predicate in PREDICATES:
                yield {name: {predicate: place(reference, chance)}}
            yield {
                name: {
                    "dwithin": {"of": place(reference, chance), "withinM": chance.choice([0, 5, 10, 14.2])}
                }
            }
            yield {name: {"bbox": box(reference, chance)}}
            pattern = chance.choice(["T********", "FF*FF****", "****T****", "2*F**F***", "FF*F1****"])
            yield {name: {"relate": {"to": place(reference, chance), "pattern": pattern}}}
        elif name in map(camel, [*BY_NAME[entity].fields, *BY_NAME[entity].computed]):
            held = [
                value
                for row in rows
                if (value := reference.value(row, attribute(BY_NAME[entity], name))) is not None
            ]
            yield from ({name: {operator: said}} for operator, said in _said(kind, held, chance))


def _said(kind: Any, held: list[Any], chance: random.Random) -> Iterator[tuple[str, Any]]:
    """Each operator of a field with something that is held, and with something next to it."""
    texts = [str(value) if isinstance(value, str) else value for value in held]
    values = [value.isoformat() if hasattr(value, "isoformat") else value for value in texts]
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    for operator in kind.fields:
        match operator:
            case "isNull":
                yield from ((operator, True), (operator, False))
            case "number" | "hasKey":
                member = chance.choice([*chance.choice(held or [{}]), "gone"])
                yield operator, member if operator == "hasKey" else {"of": member, "gt": 1, "lte": 12.5}
            case "contains" if kind.name == "JSONOp":
                yield from ((operator, value) for value in [{}, *chance.sample(held, min(1, len(held)))])
            case "in" | "notIn":
                yield from ((operator, []), (operator, flat[:2]), (operator, flat[1:2] * 3))
            case "startsWith" | "contains" | "search":
                for text in chance.sample(flat, min(1, len(flat))):
                    part = text[chance.randrange(len(text) + 1) if operator != "startsWith" else 0 :][:3]
                    if operator != "search" or any(letter.isalnum() for letter in part):
                        yield operator, part
            case _:
                yield from ((operator, value) for value in chance.sample(flat, min(1, len(flat))))


def box(reference: Reference, chance: random.Random) -> dict[str, float]:
    shapes = [s for row in reference.rows["TransitStop"].values() if (s := reference.geojson(row))]
    (west, south), (east, north) = (chance.choice(shapes)["coordinates"] for _ in range(2))
    west, east = sorted((west, east))
    south, north = sorted((south, north))
    return {"west": west - 1e-5, "south": south - 1e-5, "east": east + 1e-5, "north": north + 1e-5}


def place(reference: Reference, chance: random.Random, depth: int = 2) -> dict[str, Any]:
    """A place said in one of the ways that there are, among the rows."""
    entity = chance.choice([name for name, one in BY_NAME.items() if one.geometry])
    row = chance.choice(list(reference.rows[entity].values()))
    shape = row[BY_NAME[entity].geometry or ""]
    if shape is None or chance.random() < 0.3:
        return {"entity": f"{entity}:{row.key}"}
    match chance.choice(["geojson", "wkt", "bbox", "point", "buffer" if depth else "wkt"]):
        case "geojson":
            return {"geojson": reference.geojson(row)}
        case "wkt":
            return {"wkt": {"wkt": shape.wkt, "crs": reference.town.city.srid}}
        case "bbox":
            return {"bbox": box(reference, chance)}
        case "buffer":
            return {
                "buffer": {"of": place(reference, chance, depth - 1), "metres": chance.choice([1, 10, 25])}
            }
    lon, lat = reference.geojson(row, centroid=True)["coordinates"]
    return {"point": {"lon": lon, "lat": lat}}


def way(reference: Reference, type_: GraphQLInputObjectType, name: str, chance: random.Random) -> Any:
    """A direction, a place to be near to, or an order of the linked record."""
    if name == "distance":
        return place(reference, chance)
    inner = get_named_type(type_.fields[name].type)
    if isinstance(inner, GraphQLInputObjectType):
        further = chance.choice([*inner.fields])
        return {further: way(reference, inner, further, chance)}
    return chance.choice(["ASC", "DESC", "ASC_NULLS_FIRST", "DESC_NULLS_FIRST"])


@pytest.mark.parametrize("entity", BY_NAME)
def test_every_order_and_page_has_the_rows_in_their_places(
    ask: Asked, reference: Reference, entity: str
) -> None:
    root = roots(reference).get(entity)
    if root is None:
        pytest.skip(f"no root field lists {entity}")
    chance = random.Random(entity)
    type_ = reference.schema.type_map[f"{entity}Order"]
    assert isinstance(type_, GraphQLInputObjectType)
    alone = [{name: way(reference, type_, name, chance)} for name in type_.fields]
    below = PAGE.replace("edges {", "edges { distanceM") if BY_NAME[entity].geometry else PAGE
    query = f"""query($by: [{entity}Order!], $first: Int, $last: Int, $after: String, $before: String) {{
        {root}(orderBy: $by, first: $first, last: $last, after: $after, before: $before) {below} }}"""
    for by in [[], *([one] for one in alone), *(chance.sample(alone, min(3, len(alone))) for _ in range(4))]:
        whole = agree(ask, reference, query, by=by)[root]["edges"]
        size, at = chance.randrange(4), chance.choice(whole)["cursor"]
        extents = [{"first": size, "after": at}, {"last": size, "before": at}, {"first": size}, {"last": size},
                   {"after": at}, {"before": at}]  # fmt: skip
        agree(ask, reference, query, by=by, **chance.choice(extents))
