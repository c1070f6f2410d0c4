"""Points from coordinate columns, for formats that publish positions as numbers in text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from loaders.formats import Geometries, Problem

Pair = tuple[Any, Any] | None
LONGITUDE_LIMIT = 180.0
LATITUDE_LIMIT = 90.0


class Points:
    """Where a table's coordinates stand, and how to make points of them.

    `lonlat` names two columns, x first: ('lng', 'lat'). `latlon` names one column, or several of which the
    first filled one counts, holding both numbers with the latitude first: '42.69,23.32' or [42.69, 23.32].
    """

    def __init__(self, lonlat: Sequence[str] | None, latlon: str | Sequence[str] | None) -> None:
        self.lonlat = tuple(lonlat or ())
        self.latlon = (latlon,) if isinstance(latlon, str) else tuple(latlon or ())

    def __bool__(self) -> bool:
        return bool(self.lonlat or self.latlon)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return (*self.lonlat, *self.latlon)

    def of(
        self, columns: Mapping[str, list[Any]], positions: Sequence[str], problems: list[Problem]
    ) -> Geometries | None:
        """A point for each record, None where it has no position or a wrong one."""
        if not self:
            return None
        pairs = self._pairs(columns, len(positions))
        xy = np.full((len(positions), 2), np.nan)
        for row, pair in enumerate(pairs):
            if pair is None:
                continue
            point = degrees(*pair)
            if point is None:
                shown = ", ".join("nothing" if each in (None, "") else repr(each) for each in pair)
                problems.append(Problem(positions[row], "bad-coordinate", f"longitude, latitude: {shown}"))
            else:
                xy[row] = point
        points = np.full(len(positions), None, dtype=np.object_)
        filled = ~np.isnan(xy[:, 0])
        points[filled] = shapely.points(xy[filled])
        return points

    def _pairs(self, columns: Mapping[str, list[Any]], length: int) -> list[Pair]:
        if self.lonlat:
            x, y = (columns.get(name) or [None] * length for name in self.lonlat)
            return [None if _empty(a) and _empty(b) else (a, b) for a, b in zip(x, y, strict=True)]
        found: list[Pair] = [None] * length
        for name in reversed(self.latlon):
            for row, value in enumerate(columns.get(name) or ()):
                if not _empty(value):
                    found[row] = _split(value)
        return found


def degrees(x: Any, y: Any) -> tuple[float, float] | None:
    """Two published values as longitude and latitude, or None when they are not that."""
    try:
        lon, lat = float(x), float(y)
    except (TypeError, ValueError):
        return None
    if (
        math.isfinite(lon)
        and math.isfinite(lat)
        and abs(lon) <= LONGITUDE_LIMIT
        and abs(lat) <= LATITUDE_LIMIT
    ):
        return lon, lat
    return None


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value == []


def _split(value: Any) -> Pair:
    """'lat, lon' in one value as (lon, lat); what cannot be split is returned to be complained about."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, list | tuple) and len(parts) == 2:
        return parts[1], parts[0]
    return value, None
