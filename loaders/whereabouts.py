"""In which coordinate system a file's places are, and whether they lie in the city at all.

The catalogue's word is never overruled. What a file says of itself is, where its places lie outside the city
as said, and all inside it in exactly one other way; where it says nothing, that way is taken. Else the file
is refused, with what may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from loaders.catalogue import CityProfile, Read
from loaders.formats import Batch, Layer
from loaders.notices import Notices
from loaders.published import Published, Selected
from twin.errors import BadRequest
from twin.geometry import WGS84, Mask, Shapes, middles, within

#: records kept to find out what went wrong
_SAMPLE = 1000
#: two readings of a file that differ by less than that, in degrees, are one: UTM of WGS 84 and of ETRS89
_SAME_DEGREES = 1e-4


@dataclass(frozen=True)
class Reference:
    """A way to understand a file's coordinates: their system, and whether y stands before x."""

    crs: str
    swapped: bool = False

    def __str__(self) -> str:
        return f"{self.crs} with x and y swapped" if self.swapped else self.crs

    def of(self, shapes: Shapes) -> Shapes:
        """The shapes with x before y."""
        return _turned(shapes) if self.swapped else shapes

    def of_batch(self, batch: Batch) -> Batch:
        """The batch with x before y."""
        if not self.swapped or batch.geometry is None:
            return batch
        return replace(batch, geometry=_turned(batch.geometry))


def stated(read: Read, layer: Layer, file: str, notices: Notices) -> str | None:
    """What the catalogue, or else the file, says; a superseded code is replaced, and said."""
    said = read.crs or layer.crs or (WGS84 if _names_degrees(read) else None)
    crs = said and (_successor(said) or said)
    if said != crs:
        notices.add(
            "crs-superseded",
            f"the places are said to be in {said}, a code that was withdrawn; {crs} was used.",
            file=file, position="file", field="crs", value=said,
        )  # fmt: skip
    if read.crs and layer.crs and layer.crs not in (read.crs, crs):
        notices.add(
            "crs-differs",
            f"the file states {layer.crs[:60]}; the catalogue knows that it is {crs}, which was used.",
            file=file, position="file", field="crs", value=layer.crs,
        )  # fmt: skip
    return crs


def _names_degrees(read: Read) -> bool:
    return "lonlat" in read.options or "latlon" in read.options


def _successor(crs: str) -> str | None:
    """The one code that stands in for a deprecated one: under EPSG:7804, 'UTM 35N', PROJ computes zone 34."""
    try:
        known = CRS.from_user_input(crs)
        others = known.get_non_deprecated() if known.is_deprecated else []
    except CRSError:
        return None
    return f"EPSG:{others[0].to_epsg()}" if len(others) == 1 else None


class Whereabouts:
    """Finds out how a read's places are meant, counts how many lie in the city, and keeps some to explain."""

    def __init__(self, city: CityProfile, read: Read, notices: Notices) -> None:
        self.city = city
        self.read = read
        self.notices = notices
        self.fixed = read.crs is not None or _names_degrees(read)
        # the corners of solids are not in the geometry, and would stay as they are
        self.turns = read.format != "cityjson"
        self.placed = 0
        self.inside = 0
        self._file = ""
        self._stated: str | None = None
        self._reference: Reference | None = None
        self._sample: tuple[Shapes, str, str] | None = None  #: shapes, their coordinate system and file

    def begin(self, layer: Layer, file: str) -> None:
        """Take up a file: what the catalogue or it says of its coordinate system."""
        self._file = file
        self._stated = stated(self.read, layer, file, self.notices)
        self._reference = None

    @property
    def crs(self) -> str | None:
        """The coordinate system to read the file's places in, None while nothing says so."""
        return self._reference.crs if self._reference else self._stated

    def settle(self, batch: Batch) -> Batch:
        """The batch with x before y; the file's first shapes decide how its coordinates are read.

        BadRequest where nothing says so and the city's bounds do not tell.
        """
        if batch.geometry is not None and self._reference is None:
            sample = batch.geometry[_placed(batch.geometry)][:_SAMPLE]
            if len(sample):
                self._reference = self._settled(sample)
        return self._reference.of_batch(batch) if self._reference else batch

    def _settled(self, sample: Shapes) -> Reference:
        crs = self._stated
        if crs and (self.fixed or _share(sample, Reference(crs), self.city) > 0):
            return Reference(crs)
        fitting = self._fitting(sample)
        if len(fitting) == 1:
            self._say(crs, fitting[0])
            return fitting[0]
        if crs:
            return Reference(crs)
        if fitting:
            why = f"They lie in {self.city.title} read as {' and as '.join(map(str, fitting))}."
        else:
            why = self._explanation(sample, None)
        raise BadRequest(
            "neither the file nor the catalogue says in which coordinate system its places are; "
            f'say crs = "EPSG:..." in the catalogue. {why[:1].upper()}{why[1:]}',
            where=self._file,
        )

    def _say(self, crs: str | None, reference: Reference) -> None:
        """Tell that a file was read otherwise than it says."""
        proof = f"so that all its places lie in {self.city.title}"
        if crs is None:
            self.notices.add(
                "crs-guessed", f"the file states no coordinate system. {reference} was taken, {proof}.",
                file=self._file, position="file", field="crs", value=reference.crs,
            )  # fmt: skip
        elif reference.crs != crs:
            self.notices.add(
                "crs-false", f"the file states {crs[:60]}. {reference} was taken, {proof}.",
                file=self._file, position="file", field="crs", value=crs,
            )  # fmt: skip
        if reference.swapped:
            self.notices.add(
                "axes-swapped", f"y stands before x in the file. They were exchanged, {proof}.",
                file=self._file, position="file", field="geometry",
            )  # fmt: skip

    def _fitting(self, sample: Shapes) -> list[Reference]:
        """The ways to read some shapes that put every one of them in the city, alike ones told once."""
        found: list[tuple[Reference, tuple[float, float]]] = []
        for reference in self._usual():
            if _share(sample, reference, self.city) == 1:
                x, y = (float(np.mean(each)) for each in middles(reference.of(sample), reference.crs))
                if all(max(abs(x - a), abs(y - b)) > _SAME_DEGREES for _, (a, b) in found):
                    found.append((reference, (x, y)))
        return [reference for reference, _ in found]

    def _usual(self) -> Iterator[Reference]:
        """The usual ways: degrees, the city's own system, web maps, and the UTM zones around it."""
        west, south, east, _ = self.city.bounds
        zone = int(((west + east) / 2 + 180) // 6) + 1
        north = 32600 if south >= 0 else 32700
        utm = [f"EPSG:{north + each}" for each in (zone, zone - 1, zone + 1) if 1 <= each <= 60]
        for crs in dict.fromkeys((WGS84, self.city.crs, "EPSG:3857", *utm)):
            yield Reference(crs)
            if self.turns:
                yield Reference(crs, swapped=True)

    def see(self, published: Published, *, spoken_of: bool) -> Mask:
        """Which records of a batch lie in the city's bounds; those without a place count so.

        With `spoken_of` the others become notices.
        """
        geometry = published.batch.geometry
        if geometry is None:
            return np.ones(len(published), dtype=np.bool_)
        inside = within(geometry, published.crs, self.city.bounds)
        placed = _placed(geometry)
        self.placed += int(placed.sum())
        self.inside += int((inside & placed).sum())
        if self._sample is None and placed.any():
            self._sample = geometry[placed][:_SAMPLE], published.crs, published.file
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
        shapes, crs, file = self._sample
        raise BadRequest(
            f"none of its {self.placed:,} places lies in {self.city.title}. They were read as {crs}; "
            f"{self._explanation(shapes, crs)}",
            where=file,
        )

    def _explanation(self, sample: Shapes, crs: str | None) -> str:
        """What may be wrong with shapes that lie outside the city as they were read."""
        x, y = (float(np.median(each)) for each in _raw_middles(sample))
        middle = f"the middle one is at x {x:,.6g}, y {y:,.6g}."
        for system in self.city.foreign_systems:
            if system.holds(x, y):
                return f"{middle} Such numbers are of {system.title}. {system.advice}"
        fitting = [each for each in self._usual() if _share(sample, each, self.city) > 0.5]
        if crs and Reference(crs, swapped=True) in fitting:
            return f"{middle} With x and y swapped they lie in it: the file's axes are the wrong way round."
        if fitting:
            hint = "" if fitting[0].swapped else f": say crs = {fitting[0].crs!r} in the catalogue"
            return f"{middle} Read as {fitting[0]} they lie in it{hint}."
        return (
            f"{middle} The city lies within {_box(self.city.bounds)} in degrees; "
            "neither swapped axes nor a common CRS fits."
        )


def _turned(shapes: Shapes) -> Shapes:
    """The shapes with x and y exchanged."""
    turned: Shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    return turned


def _placed(shapes: Shapes) -> Mask:
    """Which shapes are somewhere."""
    found: Mask = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return found


def _share(shapes: Shapes, reference: Reference, city: CityProfile) -> float:
    """How many of some shapes lie in the city's bounds when read in one way, from 0 to 1."""
    x, y = middles(reference.of(shapes), reference.crs)
    west, south, east, north = city.bounds
    return float(np.mean((x >= west) & (x <= east) & (y >= south) & (y <= north)))


def _raw_middles(shapes: Shapes) -> tuple[np.ndarray, np.ndarray]:
    extent = shapely.bounds(shapes)
    return (extent[:, 0] + extent[:, 2]) / 2, (extent[:, 1] + extent[:, 3]) / 2


def _box(bounds: tuple[float, float, float, float]) -> str:
    return ", ".join(f"{each:g}" for each in bounds)
