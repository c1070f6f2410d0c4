"""The twin's own vector tiles: one statement per tile, straight from PostGIS. The map page draws them.

A tile holds a layer per entity; every feature carries its public id as the property `id`, so that whoever
draws it can ask GraphQL for the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql

from twin.database import City, Reader
from twin.entities import (
    Building,
    District,
    Entity,
    Facility,
    Neighbourhood,
    Site,
    StreetSegment,
    TransitStop,
)
from twin.errors import BadRequest

ZOOM_CEILING = 22
EXTENT = 4096  #: the grid that a tile's coordinates are counted on
BUFFER = 64  #: how far features reach over the tile's edge, so that outlines do not show it
STOREY_M = 3.0  #: height of a storey, where only the number of storeys is known

_EQUATOR_M = 40_075_016.686  # of the sphere that web maps are drawn on
_PIXELS = 512  # of a tile on screen
_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
#: a city's records may lie a little beyond its bounds; far beyond them its projection means nothing
_BEYOND_BOUNDS_DEG = 1.0


@dataclass(frozen=True)
class Layer:
    """One entity's share of a tile."""

    entity: Entity
    from_zoom: int  #: at smaller scales the layer is left out
    ceiling: int  #: most features in one tile; keeps a tile below half a megabyte
    properties: tuple[tuple[str, str], ...]  #: property -> SQL over the entity's columns
    simplify_px: float = 0  #: how far an outline may move, in pixels on screen; 0: not at all
    rank: str = "hashtext(key)"  #: who stays when there are too many: first by this, descending
    least: str | None = None  #: SQL for a size in m2; features below one square pixel are left out


def _same(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in names)


#: some places are named in one script only
_NAME = ("name", "coalesce(name, name_latin)")
#: the layers' names are those of the tables; drawn by the map page in this order, from the ground up
LAYERS: tuple[Layer, ...] = (
    Layer(
        Entity(District), 0, 500,
        (("code", "code"), ("name", "coalesce(name_bg, name_latin)"), ("name_latin", "name_latin")),
        simplify_px=0.5, rank="ST_Area(boundary)",
    ),
    Layer(
        Entity(Neighbourhood), 12, 1_000, (_NAME, *_same("name_latin")),
        simplify_px=0.5, rank="ST_Area(boundary)",
    ),
    Layer(
        Entity(StreetSegment), 14, 4_000, (_NAME, *_same("function")),
        simplify_px=0.5, rank="ST_Length(centreline)",
    ),
    Layer(
        Entity(Building), 13, 4_000,
        (
            ("height_m", f"coalesce(height_m, {STOREY_M} * storeys_above_ground)"),
            ("estimated", "height_m IS NULL AND storeys_above_ground IS NOT NULL"),
            ("use", "current_use"),
        ),
        simplify_px=0.25, rank="ST_Area(footprint)", least="ST_Area(footprint)",
    ),
    Layer(Entity(Facility), 12, 2_000, (_NAME, *_same("kind"))),
    Layer(Entity(TransitStop), 13, 2_000, (_NAME,)),
    Layer(Entity(Site), 14, 3_000, (_NAME, *_same("kind"))),
)  # fmt: skip


async def tile(reader: Reader, city: City, z: int, x: int, y: int) -> bytes:
    """A Mapbox vector tile of the city; empty where the city is not. BadRequest outside the world's grid."""
    _check_address(z, x, y)
    area = _area(city, z, x, y)
    if area is None:
        return b""
    west, south, east, north = area
    # metres on the ground, at the city's latitude
    pixel_m = _EQUATOR_M * math.cos(math.radians((south + north) / 2)) / (1 << z) / _PIXELS
    values = (z, x, y, west, south, east, north, pixel_m)
    (text,) = await reader.fetch(
        statement(city.name, city.srid, z).encode(), [str(value).encode() for value in values]
    )
    # PostgreSQL writes bytes as \x and hexadecimal digits
    return bytes.fromhex((text or b"\\x")[2:].decode("ascii"))


@lru_cache(maxsize=512)
def statement(schema: str, srid: int, z: int) -> str:
    """The statement of every tile at this zoom.

    Parameters: $1-$3 the tile's zoom, column and row; $4-$7 west, south, east and north of what to look
    for, in degrees; $8 the size of a pixel in metres.
    """
    layers = "\n|| ".join(
        f"coalesce(({_layer(layer, schema)}), '')" for layer in LAYERS if layer.from_zoom <= z
    )
    return f"""
WITH tile AS MATERIALIZED (
    SELECT ST_TileEnvelope($1::integer, $2::integer, $3::integer) AS envelope,
           ST_Transform(
               ST_MakeEnvelope($4::float8, $5::float8, $6::float8, $7::float8, 4326), {srid}
           ) AS area,
           $8::float8 AS pixel_m
)
SELECT {layers}
"""


def _layer(layer: Layer, schema: str) -> str:
    """The SQL of one layer. Its box is looked up in the stored CRS, by index, and only what is found there
    is transformed."""
    quote: Callable[[str], str] = _DIALECT.identifier_preparer.quote_identifier
    table = layer.entity.table
    column = quote(str(layer.entity.geometry))
    large = f"AND {layer.least} >= (SELECT pixel_m * pixel_m FROM tile)" if layer.least else ""
    shape = column
    if layer.simplify_px:
        shape = f"ST_Simplify({column}, {layer.simplify_px} * (SELECT pixel_m FROM tile))"
    properties = ", ".join(f"{sql} AS {quote(name)}" for name, sql in layer.properties)
    return f"""
    SELECT ST_AsMVT(feature, '{table.name}', {EXTENT}, 'shape') FROM (
        SELECT '{layer.entity.name}:' || key AS id,
               {properties},
               ST_AsMVTGeom(
                   ST_Transform({shape}, 3857),
                   (SELECT envelope FROM tile), {EXTENT}, {BUFFER}
               ) AS shape
        FROM (
            SELECT * FROM {quote(schema)}.{quote(table.name)}
            WHERE {column} && (SELECT area FROM tile) {large}
            ORDER BY {layer.rank} DESC, key
            LIMIT {layer.ceiling}
        ) AS found
    ) AS feature
    WHERE shape IS NOT NULL"""


def _check_address(z: int, x: int, y: int) -> None:
    if not 0 <= z <= ZOOM_CEILING:
        raise BadRequest(f"zoom is {z}; zooms go from 0 to {ZOOM_CEILING}", where="tile")
    last = (1 << z) - 1
    for name, value in (("column", x), ("row", y)):
        if not 0 <= value <= last:
            raise BadRequest(f"{name} is {value}; at zoom {z} {name}s go from 0 to {last}", where="tile")


def _area(city: City, z: int, x: int, y: int) -> tuple[float, float, float, float] | None:
    """The tile with its buffer, as far as it is near the city: west, south, east, north in degrees."""
    over = BUFFER / EXTENT
    west, south, east, north = city.bounds
    area = (
        max(_longitude((x - over) / (1 << z)), west - _BEYOND_BOUNDS_DEG),
        max(_latitude((y + 1 + over) / (1 << z)), south - _BEYOND_BOUNDS_DEG),
        min(_longitude((x + 1 + over) / (1 << z)), east + _BEYOND_BOUNDS_DEG),
        min(_latitude((y - over) / (1 << z)), north + _BEYOND_BOUNDS_DEG),
    )
    return area if area[0] < area[2] and area[1] < area[3] else None


def _longitude(share: float) -> float:
    """Degrees east, where `share` runs from 0 at the world map's left edge to 1 at its right one."""
    return share * 360 - 180


def _latitude(share: float) -> float:
    """Degrees north, where `share` runs from 0 at the world map's upper edge to 1 at its lower one."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * share))))
