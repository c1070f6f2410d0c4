"""The street network file: carriageways between crossings, pavements beside them, roads between districts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import shapely

from loaders.sample.land import (
    DISTRICTS,
    Floats,
    Ints,
    degrees,
    district_polygons,
    geojson_head,
)
from loaders.sample.names import Namer, Names
from loaders.sample.plan import STREET_M, Area, Plan

CARRIAGEWAY, PAVEMENT = "Пътно платно", "Тротоар"
_PAVEMENT_FROM_MIDDLE_M = 5.8


class StreetFile:
    """streets.geojson under way; features are written as they come and only counted."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._file.write(geojson_head("streets", "EPSG:4326"))
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.write("\n]}\n")
        self._file.close()

    def write_district(self, plan: Plan, names: Names) -> None:
        """Write a district's carriageways and pavements."""
        titles = [f"{kind} {name}" for kind, name in zip(names.street_types, names.streets, strict=True)]
        streets = plan.streets
        ends = segment_ends(plan)
        self._write(CARRIAGEWAY, [titles[k] for k in streets.street.tolist()], plan.grid.to_city(ends), " ")
        wide = streets.boulevard
        for left in (True, False):
            paved = _beside(plan, ends, left)
            for chosen, rank in ((wide, "III-IC"), (~wide, "V-IC")):
                of_rank = [titles[k] for k in streets.street[chosen].tolist()]
                self._write(PAVEMENT, of_rank, plan.grid.to_city(paved[chosen]), rank)

    def write_roads(self, built_up: Sequence[Area], namer: Namer) -> None:
        """Write the roads that join neighbouring districts, outside their street grids."""
        towns = shapely.union_all(built_up)
        land = district_polygons()
        for a, b in combinations(range(len(DISTRICTS)), 2):
            # districts that only meet at a point have no road of their own
            if land[a].intersection(land[b]).length < 500:
                continue
            road = shapely.LineString([DISTRICTS[a].centre, DISTRICTS[b].centre]).difference(towns)
            parts = [part for part in shapely.get_parts(road) if part.length > 60]
            name = f"бул. {namer.boulevard()}"
            for part in parts:
                self._write(CARRIAGEWAY, [name], shapely.get_coordinates(part).round(3)[None], " ")

    def _write(self, kind: str, names: Sequence[str], lines: Floats, rank: str) -> None:
        """Write straight lines, (n, 2, 2) metres."""
        lengths = np.hypot(*(lines[:, 1] - lines[:, 0]).T).round(3).tolist()
        ends = degrees(lines.reshape(-1, 2)).reshape(-1, 4).tolist()
        features = [
            f'{{"type":"Feature","properties":{{"OBJECTID":{number},"name":{quoted},"type":"{kind}",'
            f'"str_class":"{rank}","Shape_Leng":{length}}},"geometry":{{"type":"LineString",'
            f'"coordinates":[[{a},{b}],[{c},{d}]]}}}}'
            for number, quoted, length, (a, b, c, d) in zip(
                range(self.count + 1, self.count + 1 + len(names)),
                map(_quoted, names),
                lengths,
                ends,
                strict=True,
            )
        ]
        if features:
            self._file.write(",\n" if self.count else "")
            self._file.write(",\n".join(features))
        self.count += len(features)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def segment_ends(plan: Plan) -> Floats:
    """Both ends of each street segment, (n, 2, 2), in grid metres."""
    streets = plan.streets
    along = streets.axis[:, None] == (0, 1)
    start = np.where(along, streets.at[:, None], streets.line[:, None])
    ends: Floats = np.stack((start, start + along), axis=1) * plan.grid.pitch
    return ends


def _beside(plan: Plan, ends: Floats, left: bool) -> Floats:
    """The pavement on one side of each segment, from block corner to block corner."""
    direction = (plan.streets.axis[:, None] == (0, 1)).astype(np.float64)
    across = direction[:, ::-1] * (_PAVEMENT_FROM_MIDDLE_M if left else -_PAVEMENT_FROM_MIDDLE_M)
    inset = direction * (STREET_M / 2)
    pavement: Floats = ends + across[:, None, :] + np.stack((inset, -inset), axis=1)
    return pavement


class StopSite(NamedTuple):
    """A place beside a street where a vehicle may stop: metres, and the street's name."""

    x: float
    y: float
    street: str


def stop_sites(plan: Plan, names: Names, most: int = 36) -> list[StopSite]:
    """Places for stops along every other street of the district's core, about 300 m apart."""
    streets = plan.streets
    chosen = np.flatnonzero((streets.axis == 0) & (streets.line % 2 == 0) & (streets.at % 3 == 0))
    if not len(chosen):
        chosen = np.flatnonzero(streets.axis == 0)
    middle = segment_ends(plan)[chosen].mean(axis=1)
    nearest = np.argsort(np.hypot(*middle.T), kind="stable")[:most]
    points = plan.grid.to_city(middle[nearest]).tolist()
    of: Ints = streets.street[chosen[nearest]]
    return [
        StopSite(x, y, f"{names.street_types[k]} {names.streets[k]}")
        for (x, y), k in zip(points, of.tolist(), strict=True)
    ]
