"""How places lie to each other: PostGIS, asked through GraphQL, and shapely say the same of any two.

All corners lie on a small grid, so that places touch, coincide and run along each other much of the time.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from schema.places import box, project
from tests.reference import PREDICATES
from tests.schema.conftest import Asked
from tests.town import CELL_M, CITY, ORIGIN, Town
from twin.database import connect
from twin.entities import BY_NAME

SIDE = 4
#: entity -> its root field and its geometry field: a point, a line, an area
FIELDS = {
    "Facility": ("facilities", "position"),
    "StreetSegment": ("streetSegments", "centreline"),
    "Building": ("buildings", "footprint"),
}
STORED = 25


@st.composite
def points(draw: st.DrawFn) -> tuple[float, float]:
    x, y = (start + CELL_M * draw(st.integers(0, SIDE)) for start in ORIGIN)
    return x, y


LINES = st.lists(points(), min_size=2, max_size=4, unique=True).map(shapely.LineString)
#: with no corner off the grid, so that no rounding decides what touches
POLYGONS = (
    st.lists(points(), min_size=3, max_size=5, unique=True)
    .map(shapely.Polygon)
    .filter(lambda shape: bool(shape.is_valid and shape.area))
)
SHAPES: st.SearchStrategy[BaseGeometry] = st.one_of(
    points().map(shapely.Point),
    st.lists(points(), min_size=1, max_size=3, unique=True).map(shapely.MultiPoint),
    LINES,
    st.lists(LINES, min_size=1, max_size=2).map(shapely.MultiLineString),
    POLYGONS,
    st.lists(POLYGONS, min_size=1, max_size=2)
    .map(shapely.MultiPolygon)
    .filter(lambda shape: bool(shape.is_valid)),
)


@pytest.fixture(scope="module")
def stored(town: Town) -> dict[str, dict[str, BaseGeometry]]:
    """Rows on the grid: entity -> key -> shape."""
    chance = random.Random(5)

    def corner() -> tuple[float, float]:
        x, y = (start + CELL_M * chance.randint(0, SIDE) for start in ORIGIN)
        return x, y

    def area() -> BaseGeometry:
        while True:
            ring = shapely.Polygon([corner() for _ in range(4)])
            if ring.is_valid and ring.area:
                return shapely.MultiPolygon([ring])

    made: dict[str, dict[str, BaseGeometry]] = {
        "Facility": {f"g{i}": shapely.Point(corner()) for i in range(STORED)},
        "StreetSegment": {
            f"g{i}": shapely.MultiLineString([[corner(), (ORIGIN[0] + 5, ORIGIN[1] + i), corner()]])
            for i in range(STORED)
        },
        "Building": {f"g{i}": area() for i in range(STORED)},
    }
    with connect(town.url, city=CITY.name) as connection:
        for entity in FIELDS:
            connection.execute(f"DELETE FROM {BY_NAME[entity].table.name}".encode())
            for key, shape in made[entity].items():
                others = {"kind": "SCHOOL"} if entity == "Facility" else {}
                town.put(connection, entity, key, **{BY_NAME[entity].geometry or "": shape}, **others)
    return made


def found(ask: Asked, wheres: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, set[str]]:
    """The keys of the rows that fulfil each of some conditions: alias -> (entity, condition on its geometry)."""
    declared = ", ".join(f"${alias}: GeometryOp" for alias in wheres)
    fields = " ".join(
        f"{alias}: {FIELDS[entity][0]}(first: 100, where: {{{FIELDS[entity][1]}: ${alias}}}) {{ nodes {{ id }} }}"
        for alias, (entity, _) in wheres.items()
    )
    data = ask(f"query({declared}) {{ {fields} }}", **{alias: where for alias, (_, where) in wheres.items()})
    return {alias: {node["id"].partition(":")[2] for node in page["nodes"]} for alias, page in data.items()}


def check(
    ask: Asked, stored: dict[str, dict[str, BaseGeometry]], shape: BaseGeometry, said: dict[str, Any]
) -> None:
    """Every predicate between every row and a shape that is said in some way."""
    wheres = {f"{how}{entity}": (entity, {how: said}) for how in PREDICATES for entity in FIELDS}
    for metres in (0, CELL_M, 12.5):
        for entity in FIELDS:
            alias = f"within{entity}{metres:g}".replace(".", "_") + "m"
            wheres[alias] = (entity, {"dwithin": {"of": said, "withinM": metres}})
    answered = found(ask, wheres)
    for alias, (entity, where) in wheres.items():
        ((how, other),) = where.items()
        expected = {
            key
            for key, one in stored[entity].items()
            if (
                shapely.dwithin(one, shape, other["withinM"])
                if how == "dwithin"
                else PREDICATES[how](one, shape)
            )
        }
        assert answered[alias] == expected, f"{entity} {how} {shape.wkt}"


def as_wkt(shape: BaseGeometry) -> dict[str, Any]:
    return {"wkt": {"wkt": shape.wkt, "crs": CITY.srid}}


def drawn(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@drawn(150)
@given(shape=SHAPES)
def test_shapely_agrees_with_every_predicate(ask: Asked, stored: Any, shape: BaseGeometry) -> None:
    check(ask, stored, shape, as_wkt(shape))


@drawn(15)
@given(entity=st.sampled_from(list(FIELDS)), number=st.integers(0, STORED - 1))
def test_shapely_agrees_about_another_record(ask: Asked, stored: Any, entity: str, number: int) -> None:
    check(ask, stored, stored[entity][f"g{number}"], {"entity": f"{entity}:g{number}"})


@drawn(15)
@given(
    shape=SHAPES, metres=st.sampled_from([1.0, CELL_M, 17.3]), entity=st.sampled_from([None, *FIELDS]),
    number=st.integers(0, STORED - 1),
)  # fmt: skip
def test_shapely_agrees_about_buffers(
    ask: Asked, stored: Any, shape: BaseGeometry, metres: float, entity: str | None, number: int
) -> None:
    """Around a place, and around a record, where PostGIS draws the buffer."""
    of = as_wkt(shape) if entity is None else {"entity": f"{entity}:g{number}"}
    around = (shape if entity is None else stored[entity][f"g{number}"]).buffer(metres, quad_segs=16)
    check(ask, stored, around, {"buffer": {"of": of, "metres": metres}})


@drawn(15)
@given(one=points(), other=points())
def test_shapely_agrees_about_boxes(
    ask: Asked, stored: Any, one: tuple[float, float], other: tuple[float, float]
) -> None:
    """A box's edges follow meridians and parallels, so its corners lie beside the grid's, not on them."""
    (west, east), (south, north) = (sorted((a, b)) for a, b in zip(one, other, strict=True))
    corners = project(shapely.box(west - 3, south - 3, east + 3, north + 3), CITY.srid, 4326).bounds
    said = dict(zip(("west", "south", "east", "north"), corners, strict=True))
    shape = shapely.Polygon(box(*corners, srid=CITY.srid, where="bbox").ring)
    check(ask, stored, shape, {"bbox": said})
    wheres = {entity: (entity, {"bbox": said}) for entity in FIELDS}
    for entity, keys in found(ask, wheres).items():
        assert keys == {key for key, one in stored[entity].items() if one.intersects(shape)}
