"""The sample's public transport: a GTFS timetable whose lines run from district to district."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np

from loaders.sample.archive import member, new_archive
from loaders.sample.land import DISTRICTS, PUBLISHER, Floats, degrees
from loaders.sample.streets import StopSite


class Mode(NamedTuple):
    """A mode of transport: route_type, prefix of the route id, word for a line, colour, speed and stops."""

    route_type: int
    prefix: str
    word: str
    colour: str
    metres_per_minute: float
    stops_per_district: int


# The prefixes are Cyrillic except the metro's, as in the real timetable
METRO = Mode(1, "M", "Метролиния", "EC2029", 620.0, 2)
TRAM = Mode(0, "ТМ", "Трамвай", "F6921E", 270.0, 4)
TROLLEYBUS = Mode(11, "ТБ", "Тролейбус", "0095DA", 260.0, 4)
BUS = Mode(3, "А", "Автобус", "BE1E2D", 300.0, 4)

WEEKDAY, WEEKEND = 1, 2
_FIRST_MINUTE, _LAST_MINUTE = 5 * 60, 23 * 60 + 50


class Line(NamedTuple):
    """A line: its mode, number, the stops of one direction by index of their site, minutes to each."""

    mode: Mode
    number: int
    sites: list[int]
    minutes: list[int]


class TimetableSize(NamedTuple):
    """How many routes, stops, trips and stop times a timetable has."""

    routes: int
    stops: int
    trips: int
    stop_times: int


def write_timetable(
    path: Path, sites: Sequence[Sequence[StopSite]], buildings: int, seed: int
) -> TimetableSize:
    """Write gtfs.zip for the stop sites of each district, in the order of DISTRICTS."""
    rng = np.random.default_rng([seed, 5])
    flat = [site for of_district in sites for site in of_district]
    lines = list(_lines(sites, buildings, rng))
    used = sorted({site for line in lines for site in line.sites})
    # a stop on each side of the street: the odd id for one direction, the even for the other
    stop_id = {site: 2 * k + 1 for k, site in enumerate(used)}
    headways = [int(rng.integers(12, 26)) if line.mode is not METRO else 8 for line in lines]
    trips = [
        (line, service, direction, start)
        for line, headway in zip(lines, headways, strict=True)
        for service in (WEEKDAY, WEEKEND)
        for direction in (0, 1)
        for start in range(_FIRST_MINUTE, _LAST_MINUTE + 1, headway * service)
    ]
    with new_archive(path) as archive:
        _write_head(archive)
        routes = _write_rows(
            archive,
            "routes.txt",
            "agency_id,route_id,route_short_name,route_long_name,route_type,route_text_color,route_color",
            (
                (1, route_id(line), _short_name(line), f"{line.mode.word} {_short_name(line)}",
                 line.mode.route_type, "FFFFFF", line.mode.colour)
                for line in lines
            ),
        )  # fmt: skip
        stops = _write_rows(
            archive, "stops.txt", "stop_id,stop_name,stop_lat,stop_lon", _stops([flat[k] for k in used])
        )
        _write_rows(
            archive,
            "trips.txt",
            "route_id,service_id,trip_id",
            ((route_id(line), service, k) for k, (line, service, _, _) in enumerate(trips, 1)),
        )
        stop_times = _write_rows(
            archive,
            "stop_times.txt",
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence",
            _stop_times(trips, stop_id),
        )
    return TimetableSize(routes, stops, len(trips), stop_times)


def route_id(line: Line) -> str:
    """The route's id: the mode's prefix and the line's number, such as ТМ5."""
    return f"{line.mode.prefix}{line.number}"


def _short_name(line: Line) -> str:
    return route_id(line) if line.mode is METRO else str(line.number)


def _write_head(archive: ZipFile) -> None:
    """The tables that say whose timetable it is and on which days it runs."""
    _write_rows(
        archive,
        "agency.txt",
        "agency_id,agency_name,agency_url,agency_timezone",
        [(1, f"Примерен град ({PUBLISHER})", "https://sample.invalid", "Europe/Sofia")],
    )
    _write_rows(
        archive,
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
        [
            (WEEKDAY, 1, 1, 1, 1, 1, 0, 0, 20260101, 20261231),
            (WEEKEND, 0, 0, 0, 0, 0, 1, 1, 20260101, 20261231),
        ],
    )
    _write_rows(
        archive,
        "feed_info.txt",
        "feed_publisher_name,feed_publisher_url,feed_lang",
        [(PUBLISHER, "https://sample.invalid", "bg")],
    )


def _write_rows(archive: ZipFile, name: str, header: str, rows: Iterable[Sequence[object]]) -> int:
    """Write a table of the timetable, row by row; returns how many."""
    count = 0
    with (
        archive.open(member(name), "w", force_zip64=True) as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="") as text,
    ):
        text.write(f"{header}\n")
        writer = csv.writer(text, lineterminator="\n")
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _lines(sites: Sequence[Sequence[StopSite]], buildings: int, rng: np.random.Generator) -> Iterator[Line]:
    """Lines of every mode, more in a larger city; rails and wires stay in the inner districts."""
    flat = [site for of_district in sites for site in of_district]
    offsets = np.cumsum([0, *(len(of_district) for of_district in sites)])
    served = {k for k, of_district in enumerate(sites) if of_district}
    inner = {k for k in served if DISTRICTS[k].number <= 20}
    size = buildings / 1500
    for mode, count, districts, length in (
        (METRO, min(4, 1 + int(size / 12)), inner, 9),
        (TRAM, min(14, 2 + int(size / 4)), inner, 6),
        (TROLLEYBUS, min(10, 1 + int(size / 5)), inner, 5),
        (BUS, min(100, 4 + int(size)), served, 6),
    ):
        for number in range(1, count + 1):
            stops: list[int] = []
            for k in _journey(sorted(districts), length, rng):
                there = _along(sites[k], mode.stops_per_district, rng)
                stops += [int(offsets[k]) + site for site in there]
            places = np.array([(flat[site].x, flat[site].y) for site in stops])
            yield Line(mode, number, stops, _minutes(places, mode))


def _journey(districts: Sequence[int], length: int, rng: np.random.Generator) -> list[int]:
    """Districts one after another, each among the nearest not yet visited, in a rather straight line."""
    centre = {k: np.array(DISTRICTS[k].centre) for k in districts}
    journey = [districts[int(rng.integers(len(districts)))]]
    turn = rng.uniform(0, 2 * np.pi)
    heading = np.array([np.cos(turn), np.sin(turn)])
    while len(journey) < length:
        here = centre[journey[-1]]
        left = [k for k in districts if k not in journey]
        if not left:
            break
        # metres, less for districts that lie ahead
        detour = [
            float(np.hypot(*(centre[k] - here)) - 0.5 * np.dot(centre[k] - here, heading)) for k in left
        ]
        journey.append(left[int(np.argmin(detour))])
    return journey


def _along(sites: Sequence[StopSite], most: int, rng: np.random.Generator) -> list[int]:
    """Some of a district's stop sites, in order along one direction through it."""
    chosen = rng.choice(len(sites), min(most, len(sites)), replace=False)
    turn = rng.uniform(0, 2 * np.pi)
    order = [sites[k].x * np.cos(turn) + sites[k].y * np.sin(turn) for k in chosen]
    ordered: list[int] = chosen[np.argsort(order, kind="stable")].tolist()
    return ordered


def _minutes(places: Floats, mode: Mode) -> list[int]:
    """Whole minutes from the first stop to each, at the mode's speed and at least one between stops."""
    gaps = np.hypot(*np.diff(places, axis=0).T)
    minutes = np.maximum(1, np.round(gaps / mode.metres_per_minute)).astype(int)
    return [0, *np.cumsum(minutes).tolist()]


def _stops(sites: Sequence[StopSite]) -> Iterator[tuple[int, str, float, float]]:
    """Two stops at each site, five metres to either side of the middle of the street."""
    middle = np.array([(site.x, site.y) for site in sites])
    for side, shift in enumerate(np.array([(0.0, -5.0), (0.0, 5.0)])):
        for k, (site, (lon, lat)) in enumerate(zip(sites, degrees(middle + shift).tolist(), strict=True)):
            yield 2 * k + 1 + side, site.street.upper(), round(lat, 6), round(lon, 6)


def _stop_times(
    trips: Iterable[tuple[Line, int, int, int]], stop_id: dict[int, int]
) -> Iterator[tuple[int, str, str, int, int]]:
    """Every call of every trip. A trip begun before midnight goes on past 24:00, as GTFS writes it."""
    for trip, (line, _, direction, start) in enumerate(trips, 1):
        last = line.minutes[-1]
        calls = list(zip(line.sites, line.minutes, strict=True))
        if direction:
            calls = [(site, last - minute) for site, minute in reversed(calls)]
        for sequence, (site, minute) in enumerate(calls, 1):
            hour, rest = divmod(start + minute, 60)
            time = f"{hour:02d}:{rest:02d}:00"
            yield trip, time, time, stop_id[site] + direction, sequence
