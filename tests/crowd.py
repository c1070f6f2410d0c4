"""Rows of every entity, made from what its declaration says: nulls, ties, awkward texts, places that touch."""

from __future__ import annotations

import random
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, DateTime, Double, Integer
from sqlalchemy.dialects.postgresql import ARRAY

from tests.town import CELL_M, ORIGIN, Town
from twin.database import connect
from twin.entities import BY_NAME, Entity
from twin.fields import Field
from twin.text import fold

TEXTS = ["", "а", "Б", "b", "B.", "\"", "\\", "%_", "'; --", "Люлин 5", "lyulin", "ул. „Шипка“ № 14А", "😀", "e\u0301",
         "\u202e", " ", "a\nb", "{a,b}", "NULL", "x" * 300]  # fmt: skip
CODES = ["100", "110", "?"]
#: cells of the grid on which all places lie, so that many touch or are the same
SIDE = 6


def fill(town: Town, seed: int, each: int = 8) -> None:
    """`each` rows of every entity, the same for the same seed."""
    chance = random.Random(seed)
    keys = {name: [f"{name[:2].lower()}.{n}" for n in range(each)] for name in BY_NAME}
    with connect(town.url, city=town.city.name) as connection:
        for name, entity in BY_NAME.items():
            for n, key in enumerate(keys[name]):
                town.put(connection, name, key, **_row(chance, entity, keys, n))


def _row(chance: random.Random, entity: Entity, keys: dict[str, list[str]], n: int) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, known in entity.fields.items():
        column = entity.table.c[name]
        if column.computed is None and name not in ("sources", "recorded_at") and not known.folded_of:
            required = not column.nullable
            said[name] = (
                _value(chance, column, known, keys, n) if required or chance.random() < 0.75 else None
            )
    for name, known in entity.fields.items():
        if known.folded_of and said[known.folded_of] is not None:
            said[name] = fold(said[known.folded_of])
    if entity.name == "Link":
        for end in ("subject", "object"):
            said[f"{end}_type"] = chance.choice([one for one in keys if BY_NAME[one].is_city_entity])
            said[f"{end}_key"] = chance.choice([*keys[said[f"{end}_type"]], "gone"])
        said["recorded_at"] = "2026-01-01T00:00:00Z"
    if entity.name == "Succession":
        said["entity"] = "Building"
        said["old_key"], said["new_key"] = (
            chance.choice(["old", "older", *keys["Building"]]) for _ in range(2)
        )
    if entity.name == "BuildingSolid":
        said["lod"] = f"{n}.{n % 4}"
    return {name: value for name, value in said.items() if value is not None}


def _value(
    chance: random.Random, column: Column[Any], known: Field, keys: dict[str, list[str]], n: int
) -> Any:
    if known.geometry:
        return place(chance, known.geometry)
    if known.link:
        return chance.choice([*keys[known.link], "gone"])
    if known.enumeration:
        return chance.choice([member.name for member in known.enumeration])
    if known.codes:
        return chance.choice(CODES)
    if column.unique or known.identifier:
        return f"{column.name}/{n}"
    match column.type:
        case ARRAY():
            return chance.sample(
                TEXTS + [key for name in ("TransitStop", "TransitRoute") for key in keys[name]], 12
            )
        case Boolean():
            return chance.random() < 0.5
        case BigInteger():
            return chance.choice([0, 2**53 + 1, 2**63 - 1])
        case Integer():
            return chance.choice([0, 1, 2, 2**31 - 1])
        case Double():
            return chance.choice([0, 0.1, 1, 1e-7, 12345.678, 1e15])
        case DateTime():
            return chance.choice(
                ["2026-01-01T00:00:00Z", "1999-12-31T23:59:59+02:00", "2025-06-01T12:00:00Z"]
            )
        case Date():
            return chance.choice(["1999-12-31", "2001-01-01", "0900-02-03"])
        case JSON():
            return {"a": [1, None, {"b": '"'}]}
    return chance.choice(TEXTS)


def place(chance: random.Random, kind: str) -> Any:
    """A geometry of this kind with its corners on the grid."""
    if kind == "GEOMETRYZ":
        return f"SRID=7801;POLYGON Z(({ORIGIN[0]} {ORIGIN[1]} 0, {ORIGIN[0] + 1} {ORIGIN[1]} 0, {ORIGIN[0]} {ORIGIN[1] + 1} 1, {ORIGIN[0]} {ORIGIN[1]} 0))"
    if kind == "POINT":
        return _point(chance)
    if kind == "MULTILINESTRING":
        return shapely.MultiLineString([_line(chance) for _ in range(chance.randint(1, 2))])
    parts: BaseGeometry = shapely.union_all([_polygon(chance) for _ in range(chance.randint(1, 2))])
    return parts if parts.geom_type == "MultiPolygon" else shapely.MultiPolygon([parts])


def _point(chance: random.Random) -> shapely.Point:
    return shapely.Point(*(start + CELL_M * chance.randint(0, SIDE) for start in ORIGIN))


def _line(chance: random.Random) -> shapely.LineString:
    while True:
        points = [_point(chance) for _ in range(chance.randint(2, 3))]
        if len({point.coords[0] for point in points}) == len(points):
            return shapely.LineString(points)


def _polygon(chance: random.Random) -> shapely.Polygon:
    while True:
        made = shapely.Polygon([_point(chance) for _ in range(chance.randint(3, 4))])
        if made.is_valid and made.area:
            return made
