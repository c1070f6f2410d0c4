"""Whether a data set lies in the city at all, and what may be wrong with its coordinates when it does not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely

from loaders.catalogue import CityProfile, Read
from loaders.formats import Layer
from loaders.notices import Notices
from loaders.published import Published, Selected
from twin.errors import BadRequest
from twin.geometry import WGS84, Mask, Shapes, middles, within

#: records kept to find out what went wrong
_SAMPLE = 1000


def crs_of(read: Read, layer: Layer, file: str, notices: Notices) -> str | None:
    """The coordinate system to read a file's places in: the catalogue's word counts, else the file's own."""
    if read.crs and layer.crs and read.crs != layer.crs:
        notices.add(
            "crs-differs",
            f"the file states {layer.crs[:60]}; the catalogue knows that it is {read.crs}, which was used.",
            file=file, position="file", field="crs", value=layer.crs,
        )  # fmt: skip
    if read.crs or layer.crs:
        return read.crs or layer.crs
    if "lonlat" in read.options or "latlon" in read.options:
        return WGS84
    return None


class Whereabouts:
    """Counts how many records of a read lie in the city, and keeps some to explain a wrong answer."""

    def __init__(self, city: CityProfile) -> None:
        self.city = city
        self.placed = 0
        self.inside = 0
        self._sample: Shapes | None = None
        self._crs = WGS84
        self._file = ""

    def see(self, published: Published, *, spoken_of: bool) -> Mask:
        """Which records of a batch lie in the city's bounds; those without a place count so.

        With `spoken_of` the others become notices.
        """
        geometry = published.batch.geometry
        if geometry is None:
            return np.ones(len(published), dtype=np.bool_)
        inside = within(geometry, published.crs, self.city.bounds)
        placed = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
        self.placed += int(placed.sum())
        self.inside += int((inside & placed).sum())
        if self._sample is None and placed.any():
            self._sample, self._crs, self._file = geometry[placed][:_SAMPLE], published.crs, published.file
        if spoken_of and not inside.all() and self.inside:
            x, y = middles(geometry, published.crs)
            places = [
                None if isin else f"{lon:.5f}, {lat:.5f}" for isin, lon, lat in zip(inside, x, y, strict=True)
            ]
            Selected(published, np.arange(len(published))).note(
                "outside-the-city", ~inside, "geometry", pa.array(places, pa.string()),
                lambda place: f"It lies at {place}, outside the city's bounds {_box(self.city.bounds)}. "
                "It was kept.",
            )  # fmt: skip
        return inside

    def check(self) -> None:
        """BadRequest when nothing of the data set lies in the city."""
        if not self.placed or self.inside or self._sample is None:
            return
        x, y = (float(np.median(each)) for each in _raw_middles(self._sample))
        raise BadRequest(
            f"none of its {self.placed:,} places lies in {self.city.title}. They were read as {self._crs}; "
            f"the middle one is at x {x:,.6g}, y {y:,.6g}. {self._explanation()}",
            where=self._file,
        )

    def _explanation(self) -> str:
        assert self._sample is not None
        bounds = self.city.bounds
        swapped = shapely.transform(self._sample, lambda xy: xy[:, ::-1])
        if _mostly(swapped, self._crs, bounds):
            return "With x and y swapped they lie in it: the file's axes are the wrong way round."
        longitude = (bounds[0] + bounds[2]) / 2
        zone = int((longitude + 180) // 6) + 1
        utm = [f"EPSG:{(32600 if bounds[1] >= 0 else 32700) + each}" for each in (zone, zone - 1, zone + 1)]
        for crs in dict.fromkeys((WGS84, self.city.crs, "EPSG:3857", *utm)):
            if crs != self._crs and _mostly(self._sample, crs, bounds):
                return f"Read as {crs} they lie in it: say crs = {crs!r} in the catalogue."
            if crs != self._crs and _mostly(swapped, crs, bounds):
                return f"Read as {crs} with x and y swapped they lie in it."
        return f"The city lies within {_box(bounds)} in degrees; neither swapped axes nor a common CRS fits."


def _raw_middles(shapes: Shapes) -> tuple[np.ndarray, np.ndarray]:
    extent = shapely.bounds(shapes)
    return (extent[:, 0] + extent[:, 2]) / 2, (extent[:, 1] + extent[:, 3]) / 2


def _mostly(shapes: Shapes, crs: str, bounds: tuple[float, float, float, float]) -> bool:
    x, y = middles(shapes, crs)
    west, south, east, north = bounds
    return bool(np.mean((x >= west) & (x <= east) & (y >= south) & (y <= north)) > 0.5)


def _box(bounds: tuple[float, float, float, float]) -> str:
    return ", ".join(f"{each:g}" for each in bounds)
