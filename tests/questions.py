"""What can be asked of a city so that something is found: conditions, orders and places among its rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLInputObjectType, get_named_type

from schema.declare import camel
from tests.reference import PREDICATES, Reference, attribute
from twin.entities import BY_NAME


def roots(reference: Reference) -> dict[str, str]:
    """Entity -> the root field that lists it."""
    query = reference.schema.query_type
    assert query is not None
    named = {get_named_type(field.type).name: name for name, field in query.fields.items()}
    return {entity: named[f"{entity}Connection"] for entity in BY_NAME if f"{entity}Connection" in named}


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


def orders(reference: Reference, entity: str, chance: random.Random) -> list[dict[str, Any]]:
    """Each key that an entity can be ordered by, this way or that."""
    type_ = reference.schema.type_map[f"{entity}Order"]
    assert isinstance(type_, GraphQLInputObjectType)
    return [{name: way(reference, type_, name, chance)} for name in type_.fields]


def group_keys(type_: GraphQLInputObjectType, chance: random.Random) -> list[dict[str, Any]]:
    """One to three keys to group by, of those that an entity has."""
    keys: list[dict[str, Any]] = []
    for name in chance.sample([*type_.fields], min(len(type_.fields), chance.choice([1, 1, 2, 3]))):
        match get_named_type(type_.fields[name].type).name:
            case "Period":
                said: Any = chance.choice(["DECADE", "YEAR", "MONTH"])
            case "RangeInput":
                said = {"width": chance.choice([0.5, 10, 1000])}
            case "CellInput":
                said = {"edgeM": chance.choice([50, 500])}
            case _:
                said = True
        keys.append({name: said})
    return keys
