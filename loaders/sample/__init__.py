"""The sample city: a whole invented city of any size, written in the formats of the real registers.

`twin sample` calls write_sample; the catalogue loaders/catalogue/sample.toml describes the files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from shapely import MultiPolygon, Polygon

from loaders.sample.addresses import AddressFile, addresses_of
from loaders.sample.buildings import DWELLING_CODES, Buildings, BuildingsFile, raise_buildings
from loaders.sample.land import (
    DISTRICTS,
    District,
    district_polygons,
    write_districts,
    write_geojson,
    write_populations,
)
from loaders.sample.names import Namer, hood_features
from loaders.sample.places import OutletFile, SensitiveSiteFile
from loaders.sample.plan import plan_district
from loaders.sample.register import RegisterFiles
from loaders.sample.streets import StopSite, StreetFile, stop_sites
from loaders.sample.transit import write_timetable

MIN_BUILDINGS, MAX_BUILDINGS = 1_000, 1_000_000
MAX_BUSINESSES = 5_000_000
#: where each business of the sample truly has its seat; no data set, and of no register
TRUTH = "truth.csv"

Progress = Callable[[str, int, int], None]

__all__ = ["MAX_BUILDINGS", "MIN_BUILDINGS", "TRUTH", "SampleSummary", "write_sample"]


@dataclass(frozen=True)
class SampleSummary:
    """What was written: the number of records in each file, by its path within the folder.

    A file's records are its rows, features, deeds or outlets; a timetable counts its stop times.
    """

    folder: Path
    buildings: int
    businesses: int
    addresses: int
    records: Mapping[str, int]


def write_sample(
    folder: Path,
    *,
    buildings: int,
    seed: int,
    businesses: int | None = None,
    progress: Progress | None = None,
) -> SampleSummary:
    """Invent a city and write its registers into a folder, the same for the same seed and numbers.

    `businesses` is one and a half times the buildings unless given. `progress` is told the station, how many
    of its things are done and how many there are. Files of an earlier sample in the folder are replaced.
    Raises ValueError when a number is outside what is allowed.
    """
    businesses = buildings * 3 // 2 if businesses is None else businesses
    _check(buildings, businesses, seed)
    _clear(folder)
    (folder / "README.txt").write_text(_readme(buildings, businesses, seed), encoding="utf-8", newline="\n")
    with _City(folder, buildings, businesses, seed, progress or _silent) as city:
        density = _density(buildings)
        targets = _share_out(buildings, density)
        left_over = 0
        # the smallest first: what does not fit into one is built in the next, and the largest have room
        for k in sorted(range(len(DISTRICTS)), key=lambda k: district_polygons()[k].area):
            wanted = targets[k] + left_over
            left_over = wanted - city.build(DISTRICTS[k], wanted, density)
        if left_over:
            raise RuntimeError(f"no room for {left_over} of {buildings} buildings")
        return city.finish()


class _City:
    """The files of a sample under way."""

    def __init__(self, folder: Path, buildings: int, businesses: int, seed: int, progress: Progress) -> None:
        self._folder, self._seed, self._progress = folder, seed, progress
        self._buildings, self._businesses, self._built = buildings, businesses, 0
        self._files = ExitStack()
        self._namer = Namer(np.random.default_rng([seed, 1]))
        self._hoods: list[dict[str, Any]] = []
        self._sites: dict[int, list[StopSite]] = {}
        self._built_up: list[Polygon | MultiPolygon] = []
        self._populations: dict[int, int] = {}
        self._records: dict[str, int] = {}

    def __enter__(self) -> Self:
        enter, folder = self._files.enter_context, self._folder
        self._streets = enter(StreetFile(folder / "streets" / "streets.geojson"))
        self._addresses = enter(AddressFile(folder / "addresses" / "addresses.csv"))
        self._register = enter(RegisterFiles(folder / "businesses", folder / TRUTH))
        self._outlets = enter(OutletFile(folder / "businesses" / "outlets.json"))
        self._sensitive = enter(SensitiveSiteFile(folder / "facilities" / "sensitive_sites.tsv"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def build(self, district: District, wanted: int, density: float) -> int:
        """Plan a district and write everything in it; returns how many buildings it has room for."""
        rng = np.random.default_rng([self._seed, 2, district.number])
        plan = plan_district(district, district_polygons()[district.number - 1], wanted, density, rng)
        names = self._namer.name(plan)
        areas = plan.hood_polygons()
        self._hoods += hood_features(names, areas)
        self._built_up += areas
        self._streets.write_district(plan, names)
        self._sites[district.number] = stop_sites(plan, names)
        dwellings = 0
        with BuildingsFile(self._folder / "buildings", district.number) as file:
            for number, chunk in enumerate(raise_buildings(plan, names, [self._seed, 3, district.number])):
                file.write(chunk)
                dwellings += self._fill(
                    chunk, np.random.default_rng([self._seed, 4, district.number, number])
                )
        self._records[f"buildings/{file.path.name}"] = file.count
        # nearly two people to a dwelling, which is what the census found in Sofia
        self._populations[district.number] = round(1.9 * dwellings)
        return plan.buildings

    def _fill(self, chunk: Buildings, rng: np.random.Generator) -> int:
        """Write what belongs to a chunk of buildings; returns their dwellings."""
        addresses = addresses_of(chunk, self._addresses.count + 1)
        self._addresses.write(addresses)
        self._sensitive.write(chunk, addresses, rng)
        self._outlets.write(addresses, rng)
        self._built += len(chunk.footprint)
        due = self._businesses * self._built // self._buildings
        self._register.write(addresses, due - self._register.count, rng)
        self._progress("buildings", self._built, self._buildings)
        return int(chunk.units[np.isin(chunk.code, DWELLING_CODES)].clip(0).sum())

    def finish(self) -> SampleSummary:
        """Write what spans the districts, and count everything."""
        self._streets.write_roads(self._built_up, self._namer)
        numbers = [district.number for district in DISTRICTS]
        sites = [self._sites[number] for number in numbers]
        self._progress("timetable", 0, 1)
        timetable = write_timetable(self._folder / "transit" / "gtfs.zip", sites, self._buildings, self._seed)
        self._progress("timetable", 1, 1)
        districts = write_districts(self._folder / "districts")
        self._hoods.sort(key=lambda feature: feature["properties"]["id"])
        self._records |= {f"districts/{name}": count for name, count in districts.items()} | {
            "districts/district_populations.csv": write_populations(
                self._folder / "districts", [self._populations[number] for number in numbers]
            ),
            "neighbourhoods/neighbourhoods.geojson": write_geojson(
                self._folder / "neighbourhoods" / "neighbourhoods.geojson",
                "neighborhoods",
                "urn:ogc:def:crs:OGC:1.3:CRS84",
                self._hoods,
            ),
            "streets/streets.geojson": self._streets.count,
            "addresses/addresses.csv": self._addresses.count,
            "transit/gtfs.zip": timetable.stop_times,
            "facilities/sensitive_sites.tsv": self._sensitive.count,
            "businesses/outlets.json": self._outlets.count,
        }
        self._records |= {f"businesses/{name}": count for name, count in self._register.counts.items()}
        return SampleSummary(
            folder=self._folder,
            buildings=self._built,
            businesses=self._register.count,
            addresses=self._addresses.count,
            records=dict(sorted(self._records.items())),
        )


def _check(buildings: int, businesses: int, seed: int) -> None:
    if not MIN_BUILDINGS <= buildings <= MAX_BUILDINGS:
        raise ValueError(f"buildings is {buildings}; a sample has {MIN_BUILDINGS:,} to {MAX_BUILDINGS:,}")
    if not 0 <= businesses <= MAX_BUSINESSES:
        raise ValueError(f"businesses is {businesses}; a sample has 0 to {MAX_BUSINESSES:,}")
    if seed < 0:
        raise ValueError(f"seed is {seed}; a seed is 0 or more")


def _silent(station: str, done: int, total: int) -> None:
    """Tell nobody."""


_FOLDERS = (
    "addresses",
    "buildings",
    "businesses",
    "districts",
    "facilities",
    "neighbourhoods",
    "streets",
    "transit",
)


def _clear(folder: Path) -> None:
    """Make the folders, and remove the numbered files that a larger sample may have left there."""
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for stale in [*folder.glob("buildings/sgradi_*.zip"), *folder.glob("businesses/register_*.xml")]:
        stale.unlink()


def _density(buildings: int) -> float:
    """How densely the city is built, from 0 for 20,000 buildings or fewer to 1 for the most."""
    return min(1.0, max(0.0, math.log(buildings / 20_000) / math.log(MAX_BUILDINGS / 20_000)))


# Buildings per km2 of land that a neighbourhood of each letter surely has room for, sparse and dense
_ROOM = {"C": (1000, 1250), "E": (400, 470), "H": (1050, 1350), "V": (600, 850), "I": (360, 420)}


def _share_out(buildings: int, density: float) -> list[int]:
    """How many buildings each district gets: by its share, but no more than its land surely holds."""
    room = []
    for district, land in zip(DISTRICTS, district_polygons(), strict=True):
        per_km2 = [low + (high - low) * density for low, high in (_ROOM[letter] for letter in district.mix)]
        room.append(int(0.9 * land.area / 1e6 * sum(per_km2) / len(per_km2)))
    targets = [0] * len(DISTRICTS)
    open_districts = set(range(len(DISTRICTS)))
    while (rest := buildings - sum(targets)) > 0 and open_districts:
        shares = sum(DISTRICTS[k].share for k in open_districts)
        for k in sorted(open_districts):
            targets[k] = min(room[k], targets[k] + math.ceil(rest * DISTRICTS[k].share / shares))
        open_districts = {k for k in open_districts if targets[k] < room[k]}
    # rounding up gave a few too many; if the land is full, the rest goes where there is most of it
    largest = max(range(len(DISTRICTS)), key=lambda k: room[k])
    targets[largest] += buildings - sum(targets)
    return targets


def _readme(buildings: int, businesses: int, seed: int) -> str:
    return f"""\
SAMPLE CITY. Everything in this folder is invented.
ПРИМЕРЕН ГРАД. Всичко в тази папка е измислено.

City: sample. Publisher: sample. Licence: CC0 1.0, no rights reserved.
Written by: twin sample, {buildings} buildings, {businesses} businesses, seed {seed}.

The files have the formats of the registers that Sofia and Bulgaria publish, so that a loader cannot
tell them apart by form. Only the names, codes and rough centres of the 24 districts are real. People,
companies, identifiers, addresses, buildings, streets and timetables are not. Every company number has a
valid check digit and begins with 9; every personal identifier is a counter written with 64 digits.

{TRUTH} is no register: it says where each business truly has its seat, however its deed spells it, so that
a linking can be measured.
"""
