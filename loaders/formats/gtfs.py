"""A GTFS timetable: its stops or its routes, with how often and by what they are served.

Of the stop times, by far the largest table, only who calls where is kept, in 16 bytes each: 10 MB for Sofia.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from loaders.formats import BATCH_SIZE, Batch, FileFault, Layer, Problem
from loaders.formats.plain_text import ZIP_DAMAGE
from loaders.formats.points import Points
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "a GTFS timetable (a zip archive of .txt tables)"
CRS = "EPSG:4326"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
KINDS_OF_DAY = ("weekday", "saturday", "sunday")
STOP_COLUMNS = (*(f"departures_{kind}" for kind in KINDS_OF_DAY), "route_ids")
ROUTE_COLUMNS = (*(f"trips_{kind}" for kind in KINDS_OF_DAY), "stop_ids")
BLOCK_BYTES = 1 << 20
NO_PICKUP = "1"
PAST_MIDNIGHT = r"^\s*(2[4-9]|[3-9][0-9]|[0-9]{3,}):"
# An odd number that spreads small ones over 64 bits (the golden ratio, as in Fibonacci hashing).
_MIXER = np.int64(0x1E3779B97F4A7C15)
_NEVER = np.iinfo(np.int64).min

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@contextmanager
def read(path: Path, *, table: str) -> Iterator[Layer]:
    """Open a timetable for its 'stops' or its 'routes': the published columns and the computed ones.

    Stops gain departures_weekday, departures_saturday and departures_sunday (see `service_days`; the end of a
    trip and a place where nobody may board are no departures), and route_ids in the order of routes.txt.
    Routes gain trips_weekday, trips_saturday, trips_sunday, and stop_ids in the order of travel (see
    `_in_order_of_travel`).
    """
    if table not in ("stops", "routes"):
        raise FileFault(f"table is {table!r}; allowed are stops, routes", where=path.name)
    if (kind := kind_of(head(path))) != "zip":
        raise refuse(path, kind, WANTED)
    try:
        archive = zipfile.ZipFile(path)
    except ZIP_DAMAGE as error:
        raise FileFault(f"the zip archive is damaged or cut off: {error}", where=path.name) from error
    with archive:
        timetable = _Timetable(path, archive)
        names = timetable.header(f"{table}.txt")
        added = STOP_COLUMNS if table == "stops" else ROUTE_COLUMNS
        # Told here, before the first batch, so that a wrong archive fails at once.
        for each, columns in NEEDED.items():
            timetable.check(each, columns)
        yield Layer((*names, *added), CRS if table == "stops" else None, _batches(timetable, table, added))


NEEDED = {
    "stops.txt": ("stop_id", "stop_lat", "stop_lon"),
    "routes.txt": ("route_id",),
    "trips.txt": ("route_id", "service_id", "trip_id"),
    "stop_times.txt": ("trip_id", "stop_id", "stop_sequence"),
}
CALENDAR = ("service_id", *DAYS, "start_date", "end_date")
CALENDAR_DATES = ("service_id", "date", "exception_type")
FREQUENCIES = ("trip_id", "start_time", "end_time", "headway_secs")


class _Timetable:
    """The tables of one archive, read by name."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.archive = archive
        # Some publishers zip the folder, so a table may stand one level down.
        self.members = {PurePosixPath(name).name.lower(): name for name in archive.namelist()}

    def __contains__(self, table: str) -> bool:
        return table in self.members

    def header(self, table: str) -> list[str]:
        try:
            with self._open(table) as stream:
                line = stream.readline().decode("utf-8-sig", errors="replace")
            return [name.strip() for name in next(csv.reader([line]), [])]
        except csv.Error as error:
            raise FileFault(f"{table} has no readable header: {error}", where=self.path.name) from error
        except ZIP_DAMAGE as error:
            raise FileFault(f"{table} is damaged: {error}", where=self.path.name) from error

    def check(self, table: str, columns: Sequence[str]) -> None:
        header = self.header(table)
        if missing := [name for name in columns if name not in header]:
            raise FileFault(
                f"{table} has no column {', '.join(missing)}; it has {', '.join(header)}",
                where=self.path.name,
            )

    def rows(self, table: str, problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
        """A small table's rows as dictionaries, with their line."""
        names = self.header(table)
        with self._open(table) as stream:
            reader = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
            line = 1
            try:
                next(reader, None)
                line = reader.line_num + 1
                for row in reader:
                    if row:
                        if len(row) != len(names):
                            problems.append(_ragged(table, line, len(row), len(names)))
                            row += [""] * (len(names) - len(row))
                        yield line, dict(zip(names, row, strict=False))
                    line = reader.line_num + 1
            except (csv.Error, UnicodeDecodeError) as error:
                raise FileFault(
                    f"{table} cannot be read at line {line}: {error}", where=self.path.name
                ) from error
            except ZIP_DAMAGE as error:
                raise FileFault(
                    f"{table} is damaged at line {line}: {error}", where=self.path.name
                ) from error

    def blocks(self, table: str, columns: Sequence[str], problems: list[Problem]) -> Iterator[pa.RecordBatch]:
        """A large table's columns as text, block by block."""
        names = self.header(table)

        def note(row: Any) -> str:
            problems.append(_ragged(table, row.number, row.actual_columns, row.expected_columns))
            return "skip"

        with self._open(table) as stream:
            try:
                reader = pa_csv.open_csv(
                    pa.PythonFile(stream, mode="r"),
                    # Threads would hand over blocks without line numbers for the notes.
                    pa_csv.ReadOptions(
                        use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=1
                    ),
                    pa_csv.ParseOptions(invalid_row_handler=note, newlines_in_values=False),
                    pa_csv.ConvertOptions(
                        include_columns=list(columns),
                        column_types=dict.fromkeys(columns, pa.string()),
                        strings_can_be_null=False,
                    ),
                )
                yield from reader
            except (pa.ArrowException, UnicodeDecodeError) as error:
                raise FileFault(f"{table} cannot be read: {error}", where=self.path.name) from error
            except ZIP_DAMAGE as error:
                raise FileFault(f"{table} is damaged: {error}", where=self.path.name) from error

    def _open(self, table: str) -> Any:
        if table not in self:
            inside = ", ".join(sorted(self.members)[:12]) or "nothing"
            raise FileFault(f"the timetable has no {table}; it has {inside}", where=self.path.name)
        try:
            return self.archive.open(self.members[table])
        except ZIP_DAMAGE as error:
            raise FileFault(f"{table} cannot be unpacked: {error}", where=self.path.name) from error


def _batches(timetable: _Timetable, table: str, added: Sequence[str]) -> Iterator[Batch]:
    problems: list[Problem] = []
    rows = [(line, row) for line, row in timetable.rows(f"{table}.txt", problems)]
    stat = timetable.path.stat()
    computed = _serve(timetable.path, stat.st_mtime_ns, stat.st_size)
    # late trips matter to who looks up departures
    problems += [each for each in computed.problems if table == "stops" or each.rule != "time-past-midnight"]
    extra = computed.stops if table == "stops" else computed.routes
    key = "stop_id" if table == "stops" else "route_id"
    points = Points(("stop_lon", "stop_lat"), None) if table == "stops" else Points(None, None)
    names = timetable.header(f"{table}.txt")
    for start in range(0, max(len(rows), 1), BATCH_SIZE):
        lot = rows[start : start + BATCH_SIZE]
        positions = [f"{table}.txt line {line}" for line, _ in lot]
        columns: dict[str, list[Any]] = {name: [row[name] for _, row in lot] for name in names}
        for at, name in enumerate(added):
            columns[name] = [extra[row[key]][at] for _, row in lot]
        yield Batch(columns, points.of(columns, positions, problems), positions, problems)
        problems = []


@dataclass(frozen=True)
class _Served:
    stops: Mapping[str, tuple[Any, ...]]
    routes: Mapping[str, tuple[Any, ...]]
    problems: Sequence[Problem]


@dataclass(frozen=True)
class _Trips:
    ids: pa.Array
    route: Ints
    """Per trip: the number of its route in routes.txt, -1 when it is not there."""
    runs: Floats
    """Per trip and kind of day: how often it runs."""


@dataclass
class _Counted:
    """What streaming the stop times leaves: departures by stop, and who stops where."""

    departures: Floats
    called: NDArray[np.bool_]
    """Per trip whether it calls anywhere."""
    patterns: Ints
    """Per trip a number that two trips share when they call at the same stops in the same order."""
    made: Sequence[tuple[Ints, ...]]
    """Per call its trip, its place in the trip, and its stop, block by block."""


@lru_cache(maxsize=1)
def _serve(path: Path, _changed: int, _size: int) -> _Served:
    """Count departures and trips for every stop and route; kept, as both tables of a timetable are read."""
    problems: list[Problem] = []
    with zipfile.ZipFile(path) as archive:
        return _count(_Timetable(path, archive), problems)


def _count(timetable: _Timetable, problems: list[Problem]) -> _Served:
    stop_ids = _keys(timetable, "stops.txt", "stop_id")
    route_ids = _keys(timetable, "routes.txt", "route_id")
    trips = _read_trips(timetable, route_ids, problems)
    known_stops = pa.array(stop_ids, pa.string())
    counted = _count_stop_times(timetable, known_stops, trips, problems)

    travelled = _in_order_of_travel(trips, counted, len(route_ids))
    by_route = [[stop_ids[stop] for stop in stops] for stops in travelled]
    by_stop: list[list[str]] = [[] for _ in stop_ids]
    for route, stops in zip(route_ids, travelled, strict=True):
        for stop in stops:
            by_stop[stop].append(route)

    known = trips.route >= 0
    running = np.zeros((len(route_ids), len(KINDS_OF_DAY)))
    np.add.at(running, trips.route[known], trips.runs[known])
    return _Served(
        {key: (*_rounded(counted.departures[at]), by_stop[at]) for at, key in enumerate(stop_ids)},
        {key: (*_rounded(running[at]), by_route[at]) for at, key in enumerate(route_ids)},
        problems,
    )


def _keys(timetable: _Timetable, table: str, column: str) -> list[str]:
    """The keys of a small table, each once, in the table's order."""
    return list(dict.fromkeys(row[column] for _, row in timetable.rows(table, [])))


def _read_trips(timetable: _Timetable, route_ids: list[str], problems: list[Problem]) -> _Trips:
    services = service_days(timetable, problems)
    repeats = _repeats(timetable, problems)
    # the last row is that of a service which no calendar knows
    days = np.array([*services.values(), (0.0,) * len(KINDS_OF_DAY)])
    known_routes, known_services = pa.array(route_ids, pa.string()), pa.array(list(services), pa.string())
    strangers: dict[str, None] = {}
    ids: list[Any] = []
    route, runs = [np.empty(0, dtype=np.int64)], [np.empty((0, len(KINDS_OF_DAY)))]
    for block in timetable.blocks("trips.txt", ("trip_id", "route_id", "service_id"), problems):
        trip_ids = block.column("trip_id")
        ids.append(trip_ids)
        route.append(_numbers(block.column("route_id"), known_routes, "route_id", strangers))
        running = days[_numbers(block.column("service_id"), known_services, "service_id", strangers)]
        if repeats:
            running *= np.array([repeats.get(each, 1) for each in trip_ids.to_pylist()])[:, None]
        runs.append(running)
    problems.extend(Problem("trips.txt", "unknown-reference", name) for name in strangers)
    every_id = pa.concat_arrays(ids) if ids else pa.array([], pa.string())
    return _Trips(every_id, np.concatenate(route), np.concatenate(runs))


def _count_stop_times(
    timetable: _Timetable, stop_ids: pa.Array, trips: _Trips, problems: list[Problem]
) -> _Counted:
    """Count what the stop times say, block by block."""
    stops = len(stop_ids)
    departures = np.zeros((stops, len(KINDS_OF_DAY)))
    # Per trip its last call, as one number that grows with the sequence and also tells the stop and whether
    # one may board; it is counted like the others and taken off at the end: a trip may straddle two blocks.
    last = np.full(len(trips.ids), _NEVER)
    strangers: dict[str, None] = {}
    made: list[tuple[Ints, ...]] = []
    patterns = np.zeros(len(trips.ids), dtype=np.int64)
    after_midnight, example = 0, ""
    there = timetable.header("stop_times.txt")
    columns = ["trip_id", "stop_id", "stop_sequence"]
    columns += [name for name in ("pickup_type", "departure_time") if name in there]
    for block in timetable.blocks("stop_times.txt", columns, problems):
        trip, stop = (
            _numbers(block.column(name), known, name, strangers)
            for name, known in (("trip_id", trips.ids), ("stop_id", stop_ids))
        )
        sequence = _sequence(timetable, block.column("stop_sequence"))
        boards = np.ones(len(trip), dtype=np.int64)
        if "pickup_type" in columns:
            boards = np.array(pc.not_equal(block.column("pickup_type"), NO_PICKUP)).astype(np.int64)
        if "departure_time" in columns:
            # there are few different times, in the order in which they come
            times = pc.value_counts(block.column("departure_time"))
            past = times.filter(pc.match_substring_regex(times.field("values"), PAST_MIDNIGHT))
            if not after_midnight and len(past):
                clock = past.field("values")[0]
                of = block.column("trip_id")[pc.index(block.column("departure_time"), clock).as_py()]
                example = f"{clock.as_py().strip()} of trip {of.as_py()}"
            after_midnight += pc.sum(past.field("counts")).as_py() or 0
        known = (trip >= 0) & (stop >= 0)
        if not known.all():
            trip, stop, sequence, boards = (each[known] for each in (trip, stop, sequence, boards))
        _add(departures, stop, trips.runs, trip, boards)
        np.maximum.at(last, trip, (sequence * stops + stop) * 2 + boards)
        # Overflow is meant: the sum is the same whatever the blocks, and differs for another stop or order.
        np.add.at(patterns, trip, (stop + 1) * _MIXER ^ (sequence + 1) * (_MIXER >> 7) * (stop + 1))
        made.append((trip.astype(np.int32), sequence, stop.astype(np.int32)))
    called = last > _NEVER
    ended = np.flatnonzero(called)
    _add(departures, last[ended] // 2 % stops, -trips.runs, ended, last[ended] % 2)
    problems.extend(Problem("stop_times.txt", "unknown-reference", name) for name in sorted(strangers))
    if after_midnight:
        detail = f"{after_midnight} departures, such as {example}; they belong to the service day before"
        problems.append(Problem("stop_times.txt", "time-past-midnight", detail))
    # Subtraction leaves -1e-13 where nothing is left.
    return _Counted(np.maximum(departures.round(6), 0), called, patterns, made)


def _in_order_of_travel(trips: _Trips, counted: _Counted, routes: int) -> list[list[int]]:
    """Each route's stops as its longest trip calls at them, then those of its other courses.

    One trip of each course is enough.
    """
    served = np.flatnonzero((trips.route >= 0) & counted.called)
    if not len(served):
        return [[] for _ in range(routes)]
    route, pattern = trips.route[served], counted.patterns[served]
    # np.unique would do, but takes 25 ms to import what it needs
    by_course = np.lexsort((pattern, route))
    first = np.ones(len(served), dtype=np.bool_)
    first[1:] = (np.diff(route[by_course]) != 0) | (np.diff(pattern[by_course]) != 0)
    chosen = served[np.sort(by_course[first])]
    row_of = np.full(len(trips.ids), -1, dtype=np.int64)
    row_of[chosen] = np.arange(len(chosen))
    # lot by lot, as few of the calls are wanted
    picked = [
        (rows[wanted], sequence[wanted], stop[wanted])
        for trip, sequence, stop in counted.made
        for rows in (row_of[trip],)
        for wanted in (rows >= 0,)
    ]
    row, sequence, stop = (np.concatenate(each) for each in zip(*picked, strict=True))
    in_order = stop[np.lexsort((stop, sequence, row))]
    courses = np.split(in_order, np.cumsum(np.bincount(row, minlength=len(chosen)))[:-1])
    found: list[dict[int, None]] = [{} for _ in range(routes)]
    for at in sorted(range(len(chosen)), key=lambda at: (-len(courses[at]), at)):
        found[trips.route[chosen[at]]].update(dict.fromkeys(courses[at].tolist()))
    return [list(stops) for stops in found]


def _add(departures: Floats, stop: Ints, runs: Floats, trip: Ints, boards: Ints) -> None:
    """Count for each stop how often the trips run that call there and may be boarded."""
    for kind in range(len(KINDS_OF_DAY)):
        times = runs[:, kind][trip] * boards
        departures[:, kind] += np.bincount(stop, weights=times, minlength=len(departures))


def _numbers(column: pa.Array, known: pa.Array, name: str, strangers: dict[str, None]) -> Ints:
    """Each key's place among the known ones, -1 for a stranger."""
    found = pc.index_in(column, value_set=known)
    if found.null_count:
        what = name.removesuffix("_id")
        unknown = pc.unique(column.filter(pc.is_null(found))).to_pylist()
        strangers.update(dict.fromkeys(f"{what} {each}" for each in unknown))
    return np.asarray(pc.fill_null(found, -1)).astype(np.int64)


def _sequence(timetable: _Timetable, column: pa.Array) -> Ints:
    try:
        return np.asarray(pc.cast(pc.utf8_trim_whitespace(column), pa.int64()))
    except pa.ArrowInvalid as error:
        raise FileFault(
            f"stop_times.txt has a stop_sequence that is no whole number: {error}", where=timetable.path.name
        ) from error


def _repeats(timetable: _Timetable, problems: list[Problem]) -> dict[str, float]:
    """How often a trip given by its headway runs in a day."""
    repeats: dict[str, float] = {}
    if "frequencies.txt" not in timetable:
        return repeats
    timetable.check("frequencies.txt", FREQUENCIES)
    for line, row in timetable.rows("frequencies.txt", problems):
        try:
            span = _seconds(row["end_time"]) - _seconds(row["start_time"])
            headway = int(row["headway_secs"] or 0)
        except ValueError as error:
            raise FileFault(
                f"frequencies.txt line {line} says {row['start_time']!r}, {row['end_time']!r}, "
                f"{row['headway_secs']!r}; expected are two times such as 25:10:00 and seconds",
                where=timetable.path.name,
            ) from error
        if headway > 0:
            repeats[row["trip_id"]] = repeats.get(row["trip_id"], 0) + span / headway
    return repeats


def _seconds(clock: str) -> int:
    """'25:10:00' is ten past one on the next day, in seconds from the service day's start."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def service_days(timetable: _Timetable, problems: list[Problem]) -> dict[str, tuple[float, ...]]:
    """How often each service runs on an average weekday (Monday to Friday), Saturday and Sunday.

    Averaged over the dates on which anything runs at all, after the exceptions in calendar_dates.txt; a
    service of every weekday counts 1.0, one of Fridays only 0.2.
    """
    if "calendar.txt" not in timetable and "calendar_dates.txt" not in timetable:
        raise FileFault(
            "the timetable has neither calendar.txt nor calendar_dates.txt", where=timetable.path.name
        )
    running: dict[str, set[date]] = {}
    if "calendar.txt" in timetable:
        timetable.check("calendar.txt", CALENDAR)
        for line, row in timetable.rows("calendar.txt", problems):
            first, end = (
                _date(timetable, "calendar.txt", line, row[name]) for name in ("start_date", "end_date")
            )
            days = [row[day].strip() == "1" for day in DAYS]
            span = (first + timedelta(days=number) for number in range((end - first).days + 1))
            running.setdefault(row["service_id"], set()).update(day for day in span if days[day.weekday()])
    if "calendar_dates.txt" in timetable:
        timetable.check("calendar_dates.txt", CALENDAR_DATES)
        for line, row in timetable.rows("calendar_dates.txt", problems):
            day = _date(timetable, "calendar_dates.txt", line, row["date"])
            dates = running.setdefault(row["service_id"], set())
            if row["exception_type"].strip() == "1":
                dates.add(day)
            else:
                dates.discard(day)
    whole = _by_kind(set().union(*running.values()))
    return {
        service: tuple(
            here / all_days if all_days else 0.0
            for here, all_days in zip(_by_kind(dates), whole, strict=True)
        )
        for service, dates in running.items()
    }


def _by_kind(dates: set[date]) -> tuple[int, int, int]:
    """How many of some dates are weekdays, Saturdays, Sundays."""
    weekdays = [day.weekday() for day in dates]
    return sum(day < 5 for day in weekdays), weekdays.count(5), weekdays.count(6)


def _date(timetable: _Timetable, table: str, line: int, text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise FileFault(
            f"{table} line {line} has the date {text!r}; expected is YYYYMMDD", where=timetable.path.name
        ) from error


def _ragged(table: str, line: int | None, fields: int, width: int) -> Problem:
    position = f"{table} line {line}" if line is not None else table
    return Problem(
        position, "ragged-line", f"{fields} field{'' if fields == 1 else 's'} under {width} headers"
    )


def _rounded(amounts: Floats) -> tuple[float, ...]:
    return tuple(round(each, 1) for each in amounts.tolist())
