"""Shapes on their way into the database: coordinate systems, kinds, validity, PostGIS's binary form.

Everything here takes and gives arrays of shapely geometries, a whole batch at a time; loaders call it.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely import GeometryType

from twin.errors import BadRequest

Shapes: TypeAlias = NDArray[np.object_]
Mask: TypeAlias = NDArray[np.bool_]
#: west, south, east, north
Box: TypeAlias = tuple[float, float, float, float]

WGS84 = "EPSG:4326"
#: a polygon is mended only where its area stays within this share
MENDED_AREA_SHARE = 0.01

_SINGLE = {"MULTIPOLYGON": GeometryType.POLYGON, "MULTILINESTRING": GeometryType.LINESTRING}
_MULTI = {"MULTIPOLYGON": GeometryType.MULTIPOLYGON, "MULTILINESTRING": GeometryType.MULTILINESTRING}
#: PostGIS's numbers, the mark that an SRID follows, and the start of a shape: byte order, type and SRID
_WKB_TYPES = {"POINT": 1, "MULTILINESTRING": 5, "MULTIPOLYGON": 6}
_WITH_SRID = 0x20000000
_WKB_START, _WKB_HEAD = struct.Struct("<BII"), 5
_ONE_PART = struct.pack("<I", 1)


class Mended(NamedTuple):
    """Polygons after mending, which of them were changed, and which could not be."""

    shapes: Shapes
    repaired: Mask
    refused: Mask


def srid_of(crs: str) -> int:
    """The EPSG number of a coordinate system; BadRequest when it has none."""
    try:
        code = CRS.from_user_input(crs).to_epsg()
    except CRSError as error:
        raise BadRequest(f"{crs} is no coordinate system that is known here: {error}") from error
    if code is None:
        raise BadRequest(f"{crs} has no EPSG number")
    return int(code)


def is_metric(crs: str) -> bool:
    """Whether a coordinate system is a projected one in metres; BadRequest when it is not known."""
    try:
        known = CRS.from_user_input(crs)
    except CRSError as error:
        raise BadRequest(f"{crs} is no coordinate system that is known here: {error}") from error
    return known.is_projected and all(axis.unit_name == "metre" for axis in known.axis_info[:2])


@cache
def transformer(source: str, target: str) -> Transformer | None:
    """The way from one coordinate system to another, x before y; None when they are the same."""
    try:
        if CRS.from_user_input(source) == CRS.from_user_input(target):
            return None
        return Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:  # a CRSError is one
        raise BadRequest(f"there is no way from {source[:60]} to {target[:60]}: {error}") from error


def transform(shapes: Shapes, source: str, target: str) -> Shapes:
    """The same shapes in another coordinate system."""
    way = transformer(source, target)
    if way is None:
        return shapes
    coordinates = shapely.get_coordinates(shapes)
    if not len(coordinates):
        return shapes
    x, y = way.transform(coordinates[:, 0], coordinates[:, 1])
    # set_coordinates writes into the array that it is given
    moved: Shapes = shapely.set_coordinates(shapes.copy(), np.column_stack((x, y)))
    return moved


def flat(shapes: Shapes) -> Shapes:
    """The shapes without heights and measures."""
    return np.asarray(shapely.force_2d(shapes), dtype=np.object_) if has_more(shapes).any() else shapes


def has_more(shapes: Shapes) -> Mask:
    """Which shapes have a third coordinate or a measure (Z, M) beside x and y."""
    found: Mask = shapely.has_z(shapes) | shapely.has_m(shapes)
    return found


def finite(shapes: Shapes) -> Mask:
    """Which shapes have only finite coordinates; missing ones count as finite."""
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    good = np.ones(len(shapes), dtype=np.bool_)
    good[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    return good


def as_kind(shapes: Shapes, kind: str) -> tuple[Shapes, Mask]:
    """The shapes that can be PostGIS's `kind`, and which of them cannot.

    A collection of one point becomes that point; a single polygon or line is only written as a collection of
    one, by ewkb(), which is cheaper than to make one of it.
    """
    types = shapely.get_type_id(shapes)
    shapes = shapes.copy()
    if kind == "POINT":
        lone = (types == GeometryType.MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
        shapes[lone] = shapely.get_geometry(shapes[lone], 0)
        return shapes, ~(lone | (types == GeometryType.POINT) | (types == GeometryType.MISSING))
    return shapes, ~np.isin(types, (_SINGLE[kind], _MULTI[kind], GeometryType.MISSING))


def mend(shapes: Shapes) -> Mended:
    """Make invalid polygons valid where that changes their area by less than one part in a hundred."""
    refused = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    repaired = np.zeros(len(shapes), dtype=np.bool_)
    if refused.any():
        shapes = shapes.copy()
        for row in np.flatnonzero(refused):
            try:
                mended = _polygons(shapely.make_valid(shapes[row]))
            except shapely.GEOSException:
                continue  # coordinates so large or small that nothing can be computed
            before = shapely.area(shapes[row])
            if before > 0 and abs(mended.area - before) < MENDED_AREA_SHARE * before:
                shapes[row] = mended
                repaired[row], refused[row] = True, False
    return Mended(shapes, repaired, refused)


def _polygons(shape: Any) -> shapely.MultiPolygon:
    """The areas in a shape, without the lines and points that mending leaves beside them."""
    parts = shapely.get_parts(shapely.get_parts([shape]))
    areas = parts[shapely.get_type_id(parts) == GeometryType.POLYGON]
    return shapely.MultiPolygon(list(areas))


def ewkb(shapes: Shapes, srid: int, kind: str) -> NDArray[np.object_]:
    """PostGIS's binary form of each shape as that kind, None where there is none; 2D, see as_kind()."""
    encoded: NDArray[np.object_] = shapely.to_wkb(shapes, byte_order=1)
    filled = ~shapely.is_missing(shapes)
    whole = filled & (shapely.get_type_id(shapes) != _SINGLE.get(kind))
    start = _WKB_START.pack(1, _WKB_TYPES[kind] | _WITH_SRID, srid)
    # the number of parts and the parts follow, or the coordinates; a single shape is the only part
    encoded[whole] = [start + one[_WKB_HEAD:] for one in encoded[whole]]
    single = filled & ~whole
    encoded[single] = [start + _ONE_PART + one for one in encoded[single]]
    return encoded


def within(shapes: Shapes, crs: str, bounds: Box) -> Mask:
    """Which shapes have the middle of their extent within a longitude/latitude box; missing ones count so."""
    x, y = middles(shapes, crs)
    west, south, east, north = bounds
    inside: Mask = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    return inside | np.isnan(x)


def middles(shapes: Shapes, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middle of each shape's extent as longitudes and latitudes; nan where there is none."""
    extent = shapely.bounds(shapes)
    x, y = (extent[:, 0] + extent[:, 2]) / 2, (extent[:, 1] + extent[:, 3]) / 2
    way = transformer(crs, WGS84)
    if way is not None and len(x):
        x, y = way.transform(x, y)
        # what the projection cannot reach is outside, not missing
        x[~np.isfinite(x)], y[~np.isfinite(y)] = np.inf, np.inf
        x[np.isnan(extent[:, 0])], y[np.isnan(extent[:, 0])] = np.nan, np.nan
    return x, y
