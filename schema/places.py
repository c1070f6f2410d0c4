"""The geometries that callers say in arguments, read and made fit for the city's metric CRS."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from schema import plan as p
from twin.errors import BadRequest

WGS84 = 4326
#: how finely the edges of a longitude/latitude box follow their parallels in a projected CRS
_EDGE_STEPS = 16
_MOST_STEPS = 256
#: over which an edge departs from its parallel by a millimetre at most
_STRAIGHT_DEGREES = 0.002
#: up to so many are projected one by one: two thirds of the time where a statement ran before, and what
#: projects them together has left the processor's cache
_FEW_POINTS = 12
_POINT_WITH_SRID, _POLYGON_WITH_SRID = 0x20000001, 0x20000003
#: PostGIS compares boxes in single precision, which at a city's coordinates is half a metre
_ROUNDED_M = 2.0
_SURELY_VALID_DEGREES = 1.0
_AROUND_DEGREES = 5.0
#: straight pieces of a quarter circle around a point: within 0.1 % of it
BUFFER_SEGMENTS = 16
COLLECTION = "GeometryCollection"


@lru_cache(maxsize=64)
def transformer(source: int, target: int) -> Transformer:
    """From one EPSG code to another, x (east, longitude) first on both sides."""
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=256)
def is_known_crs(code: int) -> bool:
    """Whether PROJ knows the EPSG code as a CRS of two dimensions on the ground."""
    try:
        found = CRS.from_epsg(code)
    except CRSError:
        return False
    return bool((found.is_projected or found.is_geographic) and len(found.axis_info) == 2)


def project(shape: BaseGeometry, source: int, target: int) -> BaseGeometry:
    """The same place in another CRS."""
    if source == target:
        return shape
    change = transformer(source, target)

    def moved(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        x, y = change.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return shapely.transform(shape, moved)


#: x, y around an area, the first point again at the end
Ring: TypeAlias = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Box:
    """A box between two meridians and two parallels, in a metric CRS, where its edges bend as those do."""

    ring: Ring
    inner: tuple[float, float, float, float] | None  #: least x, y, greatest x, y of what surely lies within

    @property
    def polygon(self) -> BaseGeometry:
        return shapely.Polygon(self.ring)


@lru_cache(maxsize=256)
def box(west: float, south: float, east: float, north: float, *, srid: int, where: str) -> Box:
    """The box of these degrees in EPSG:`srid`; what lies far outside the area meant for that is cut off."""
    _check_lonlat(west, south, where)
    _check_lonlat(east, north, where)
    if west >= east or south >= north:
        raise BadRequest(
            f"west {west} must be less than east {east}, and south {south} less than north {north}",
            where=where,
        )
    limits = _expressible(srid)
    near = max(west, limits[0]), max(south, limits[1]), min(east, limits[2]), min(north, limits[3])
    if near[0] < near[2] and near[1] < near[3]:
        # far from where the city's CRS is meant for, coordinates have no finite place in it
        west, south, east, north = near
    sides = east - west, north - south
    step = max(min(sides) / _EDGE_STEPS, max(sides) / _MOST_STEPS, _STRAIGHT_DEGREES)
    across, up = (max(1, math.ceil(long / step - 1e-6)) for long in sides)
    wide, high = sides
    ring = _projected([(west + x * wide, south + y * high) for x, y in _unit_ring(across, up)], srid)
    if max(sides) > _SURELY_VALID_DEGREES or not all(map(math.isfinite, chain(*ring))):
        checked(shapely.Polygon(ring), where=where)
    xs, ys = zip(*ring, strict=True)
    corner = across, across + up, 2 * across + up
    inner = (
        max(xs[corner[2] :]), max(ys[: corner[0] + 1]),
        min(xs[corner[0] : corner[1] + 1]), min(ys[corner[1] : corner[2] + 1]),
    )  # fmt: skip
    inner = inner[0] + _ROUNDED_M, inner[1] + _ROUNDED_M, inner[2] - _ROUNDED_M, inner[3] - _ROUNDED_M
    return Box(ring, inner if inner[0] < inner[2] and inner[1] < inner[3] else None)


@lru_cache(maxsize=256)
def _unit_ring(across: int, up: int) -> Ring:
    """A ring around the unit square from its lower left corner, its edges in so many steps."""
    right, upward = [n / across for n in range(across)], [n / up for n in range(up)]
    return [
        *((x, 0.0) for x in right), *((1.0, y) for y in upward),
        *((1 - x, 1.0) for x in right), *((0.0, 1 - y) for y in upward), (0.0, 0.0),
    ]  # fmt: skip


def _projected(ring: Ring, srid: int) -> Ring:
    change = transformer(WGS84, srid)
    if len(ring) <= _FEW_POINTS:
        return [change.transform(x, y) for x, y in ring]
    x, y = zip(*ring, strict=True)
    x, y = change.transform(x, y)
    return list(zip(x, y, strict=True))


@lru_cache(maxsize=64)
def _expressible(srid: int) -> tuple[float, float, float, float]:
    """West, south, east, north of where a CRS is meant to be used, and some degrees around it."""
    area = CRS.from_epsg(srid).area_of_use
    if area is None or area.west >= area.east:
        return -180.0, -90.0, 180.0, 90.0
    return (
        area.west - _AROUND_DEGREES, area.south - _AROUND_DEGREES,
        area.east + _AROUND_DEGREES, area.north + _AROUND_DEGREES,
    )  # fmt: skip


def point(lon: float, lat: float, *, where: str) -> BaseGeometry:
    """A point by longitude and latitude."""
    _check_lonlat(lon, lat, where)
    return shapely.Point(lon, lat)


def from_geojson(value: Any, *, where: str) -> BaseGeometry:
    """A GeoJSON geometry in EPSG:4326; BadRequest says which part of it is wrong."""
    shape = _from_geojson(value, where)
    _check_extent(shape, where)
    return shape


#: PostGIS's geometry types by what they are made of
_DIMENSIONS = {"POINT": 0, "MULTILINESTRING": 1, "MULTIPOLYGON": 2}
_KINDS = ("points", "lines", "areas")


def alike(parts: Sequence[p.Place]) -> tuple[p.Place, ...]:
    """The parts of a union, each with what the union is of where that is known before any value is.

    PostGIS compares no mixture of points, lines and areas; BadRequest where they are no kin.
    """
    known = {dimension: part for part in parts if (dimension := _dimension(part)) is not None}
    if len(known) > 1:
        (one, first), (other, second) = sorted(known.items())[:2]
        raise BadRequest(
            f"is of {_KINDS[other]}, but {first.where} of {_KINDS[one]}; unite what is alike",
            where=second.where,
        )
    return tuple(replace(part, dimension=dimension) for part in parts for dimension in known) or tuple(parts)


def _dimension(place: p.Place) -> int | None:
    if place.entity is not None:
        assert place.entity.geometry is not None
        return _DIMENSIONS[place.entity.fields[place.entity.geometry].geometry or ""]
    if place.parts:
        return next((found for part in place.parts if (found := _dimension(part)) is not None), None)
    return {"point": 0, "bbox": 2, "buffer": 2}.get(next(iter(place.tree)))


def together(shapes: Sequence[BaseGeometry], *, where: str) -> BaseGeometry:
    """Geometries as one; BadRequest where they are not points, lines or areas alike."""
    for shape in shapes:
        check_dimension(shape, shapely.get_dimensions(shapes[0]), where=where)
    return shapely.union_all(shapes)


def check_dimension(shape: BaseGeometry, dimension: int, *, where: str) -> None:
    """BadRequest where a geometry is not of points (0), lines (1) or areas (2)."""
    found = shapely.get_dimensions(shape)
    if found != dimension:
        raise BadRequest(
            f"{_KINDS[found]} are no {_KINDS[dimension]}; unite what is alike: points, lines or areas",
            where=where,
        )


_DEPTH = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
_TYPES = ", ".join((*_DEPTH, COLLECTION))


def _from_geojson(value: Any, where: str) -> BaseGeometry:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == COLLECTION:
        members = value.get("geometries")
        if not isinstance(members, list) or not members:
            raise BadRequest(f"geometries of a {COLLECTION} are missing or empty", where=where)
        return _collected([_from_geojson(member, where) for member in members], where)
    if not isinstance(kind, str) or kind not in _DEPTH:
        raise BadRequest(f"type is {kind!r}; a geometry's type is one of {_TYPES}", where=where)
    coordinates = value.get("coordinates")
    if len(_sizes(coordinates, _DEPTH[kind], kind, where)) > 1:
        raise BadRequest("some positions have a height and some have none; write all alike", where=where)
    if kind in ("Polygon", "MultiPolygon"):
        for polygon in [coordinates] if kind == "Polygon" else coordinates:
            for ring in polygon:
                if len(ring) < 4 or ring[0] != ring[-1]:
                    raise BadRequest(
                        f"ring has {len(ring)} points; a ring needs at least 4, first equal to last",
                        where=where,
                    )
    for line in {"LineString": [coordinates], "MultiLineString": coordinates}.get(kind, []):
        if len(line) < 2:
            raise BadRequest("line has 1 point; a line needs at least 2", where=where)
    try:
        made = shapely.geometry.shape({"type": kind, "coordinates": coordinates})
    except (ValueError, TypeError, OverflowError, shapely.errors.ShapelyError) as broken:
        raise BadRequest(f"no valid {kind}: {broken}", where=where) from broken
    return made


def _collected(parts: Sequence[BaseGeometry], where: str) -> BaseGeometry:
    """The parts of a GeometryCollection as one geometry, which PostGIS's predicates take."""
    return together([checked(part, where=where) for part in parts], where=where)


def _sizes(value: Any, depth: int, kind: str, where: str) -> set[int]:
    """Of how many numbers the positions are: 2, 3 with a height; BadRequest where one is no position."""
    if not isinstance(value, list) or not value:
        raise BadRequest(f"coordinates of a {kind} are missing or empty", where=where)
    if depth:
        return {size for inner in value for size in _sizes(inner, depth - 1, kind, where)}
    numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in value)
    if not numbers or len(value) not in (2, 3):
        raise BadRequest(f"{value!r} is no position; write [longitude, latitude]"[:200], where=where)
    return {len(value)}


def from_wkt(text: str, *, crs: int, where: str) -> BaseGeometry:
    """Well-Known Text; BadRequest quotes what could not be read."""
    if not is_known_crs(crs):
        raise BadRequest(f"there is no EPSG:{crs}", where=where)
    try:
        shape = shapely.from_wkt(text)
    except (shapely.errors.ShapelyError, UnicodeDecodeError, NotImplementedError) as broken:
        # GEOS cuts what it quotes at a byte, which may be within a letter
        raise BadRequest(f"no Well-Known Text: {text[:80]!r}", where=where) from broken
    if shape is None or shape.geom_type not in (*_DEPTH, COLLECTION):
        kind = "nothing" if shape is None else shape.geom_type
        raise BadRequest(f"is a {kind}; a geometry's type is one of {_TYPES}", where=where)
    if shapely.is_empty(shape):
        raise BadRequest("the geometry is empty", where=where)
    if shape.geom_type == COLLECTION:
        parts = shapely.get_parts(shape)
        shape = _collected([part for part in parts if not shapely.is_empty(part)], where)
    if crs == WGS84:
        _check_extent(shape, where)
    return shape


def ewkb_hex(shape: BaseGeometry, srid: int) -> str:
    """What PostGIS reads as a geometry with its SRID."""
    return str(shapely.to_wkb(shapely.set_srid(shape, srid), hex=True, include_srid=True))


@lru_cache(maxsize=256)
def point_ewkb_hex(lon: float, lat: float, srid: int, *, where: str) -> str:
    """The same for a point of longitude and latitude, which needs no shapely."""
    _check_lonlat(lon, lat, where)
    x, y = transformer(WGS84, srid).transform(lon, lat)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise _beyond(where)
    return struct.pack("<BIIdd", 1, _POINT_WITH_SRID, srid, x, y).hex()


def ring_ewkb_hex(ring: Ring, srid: int) -> str:
    """The same for a polygon of one closed ring."""
    form = f"<BIIII{2 * len(ring)}d"
    return struct.pack(form, 1, _POLYGON_WITH_SRID, srid, 1, len(ring), *chain(*ring)).hex()


def checked(shape: BaseGeometry, *, where: str) -> BaseGeometry:
    """The same, or a BadRequest: PostGIS's predicates need valid geometries."""
    if not shapely.is_valid(shape):
        raise BadRequest(f"the geometry is not valid: {shapely.is_valid_reason(shape)}", where=where)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise _beyond(where)
    return shape


def _beyond(where: str) -> BadRequest:
    return BadRequest("the geometry lies outside what the city's CRS can express", where=where)


def _check_extent(shape: BaseGeometry, where: str) -> None:
    west, south, east, north = shape.bounds
    _check_lonlat(west, south, where)
    _check_lonlat(east, north, where)


def _check_lonlat(lon: float, lat: float, where: str) -> None:
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadRequest(
            f"({lon}, {lat}) is no longitude and latitude: they go from -180 to 180 and from -90 to 90, "
            "longitude first",
            where=where,
        )
