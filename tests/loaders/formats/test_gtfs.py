"""A timetable small enough to count by hand."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from loaders.formats import Batch, FileFault, open_layer

# One week, Monday 5 to Sunday 11 January 2026. Tram 6 runs A-B-C twice on workdays, once on Saturday; the
# night bus runs C-A on Fridays, leaving after midnight.
FEED = {
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nA,Орлов мост,42.69,23.33\nB,Попа,42.68,23.32\n"
    "C,НДК,42.68,23.31\nD,Никъде,,\n",
    "routes.txt": "route_id,route_short_name,route_type\nN1,N1,3\nTM6,6,0\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,"
    "start_date,end_date\n"
    "work,1,1,1,1,1,0,0,20260105,20260111\nsat,0,0,0,0,0,1,0,20260105,20260111\n"
    "fri,0,0,0,0,1,0,0,20260105,20260111\nsun,0,0,0,0,0,0,1,20260105,20260111\n",
    "trips.txt": "route_id,service_id,trip_id\nTM6,work,t1\nTM6,work,t2\nTM6,sat,t3\nN1,fri,n1\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t1,08:00:00,08:00:00,A,1\nt1,08:05:00,08:05:00,B,2\nt1,08:10:00,08:10:00,C,10\n"
    "t2,09:00:00,09:00:00,A,1\nt2,09:05:00,09:05:00,B,2\nt2,09:10:00,09:10:00,C,10\n"
    "t3,08:00:00,08:00:00,A,1\nt3,08:05:00,08:05:00,B,2\nt3,08:10:00,08:10:00,C,10\n"
    "n1,24:30:00,24:30:00,C,1\nn1,25:10:00,25:10:00,A,2\n",
}


def feed(tmp_path: Path, folder: str = "", **changes: str | None) -> Path:
    """Zip the timetable with some tables changed (`stops="..."`) or left out (`stops=None`)."""
    tables = {**FEED, **{f"{name}.txt": text for name, text in changes.items()}}
    file = tmp_path / "gtfs.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in tables.items():
            if text is not None:
                archive.writestr(folder + name, text)
    return file


def read(file: Path, table: str) -> Batch:
    with open_layer(file, "gtfs", table=table) as layer:
        [batch] = layer.batches
        assert list(batch.columns) == list(layer.columns)
    return batch


def by_key(batch: Batch, key: str, *columns: str) -> dict[str, Any]:
    return dict(
        zip(batch.columns[key], zip(*(batch.columns[name] for name in columns), strict=True), strict=True)
    )


DEPARTURES = ("departures_weekday", "departures_saturday", "departures_sunday")
# The last stop of a trip is an arrival, not a departure: C sees off the night bus alone, one day in five.
COUNTED = {"A": (2.0, 1.0, 0.0), "B": (2.0, 1.0, 0.0), "C": (0.2, 0.0, 0.0), "D": (0.0, 0.0, 0.0)}


def test_stops_tell_how_often_something_leaves_and_what(tmp_path: Path) -> None:
    batch = read(feed(tmp_path), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES) == COUNTED
    assert batch.columns["route_ids"] == [["N1", "TM6"], ["TM6"], ["N1", "TM6"], []]
    assert batch.columns["stop_name"] == ["Орлов мост", "Попа", "НДК", "Никъде"]
    assert batch.positions[0] == "stops.txt line 2"
    assert [each.rule for each in batch.problems] == ["time-past-midnight"]


def test_stops_are_points_where_they_have_a_position(tmp_path: Path) -> None:
    batch = read(feed(tmp_path), "stops")
    assert batch.geometry is not None
    assert (batch.geometry[0].x, batch.geometry[0].y) == (23.33, 42.69)
    assert batch.geometry[3] is None


def test_routes_tell_how_often_they_run_and_where_they_stop(tmp_path: Path) -> None:
    batch = read(feed(tmp_path), "routes")
    assert by_key(batch, "route_id", "trips_weekday", "trips_saturday", "trips_sunday") == {
        "N1": (0.2, 0.0, 0.0),
        "TM6": (2.0, 1.0, 0.0),
    }
    # in the order of travel: the night bus comes back
    assert batch.columns["stop_ids"] == [["C", "A"], ["A", "B", "C"]]
    assert batch.geometry is None


def test_a_route_lists_its_longest_course_first_then_what_other_courses_add(tmp_path: Path) -> None:
    text = FEED["stop_times.txt"] + "t4,10:00:00,10:00:00,C,1\nt4,10:05:00,10:05:00,D,2\n"
    trips = FEED["trips.txt"] + "TM6,work,t4\n"
    batch = read(feed(tmp_path, stop_times=text, trips=trips), "routes")
    assert batch.columns["stop_ids"] == [["C", "A"], ["A", "B", "C", "D"]]


DATES = "service_id,date,exception_type\n" + "".join(
    f"{service},202601{day:02},1\n"
    for service, days in {"work": range(5, 10), "sat": [10], "fri": [9], "sun": [11]}.items()
    for day in days
)


def test_a_calendar_of_dates_alone_counts_the_same(tmp_path: Path) -> None:
    batch = read(feed(tmp_path, calendar=None, calendar_dates=DATES), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES) == COUNTED


def test_exceptions_change_the_calendar(tmp_path: Path) -> None:
    # Wednesday is a holiday on which the workday service stands still and the Saturday one runs.
    changes = "service_id,date,exception_type\nwork,20260107,2\nsat,20260107,1\n"
    batch = read(feed(tmp_path, calendar_dates=changes), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES)["B"] == (1.8, 1.0, 0.0)


def test_places_where_nobody_may_board_count_no_departure(tmp_path: Path) -> None:
    header, *rows = FEED["stop_times.txt"].splitlines()
    text = "\n".join([f"{header},pickup_type", *(f"{row},{int(',B,' in row)}" for row in rows)])
    batch = read(feed(tmp_path, stop_times=text), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES) == {**COUNTED, "B": (0.0, 0.0, 0.0)}


def test_a_trip_given_by_its_headway_counts_each_run(tmp_path: Path) -> None:
    text = "trip_id,start_time,end_time,headway_secs\nt1,06:00:00,07:00:00,600\n"
    batch = read(feed(tmp_path, frequencies=text), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES)["A"] == (7.0, 1.0, 0.0)


@pytest.mark.parametrize("folder", ["", "sofia-gtfs/"])
def test_marks_and_folders_do_no_harm(tmp_path: Path, folder: str) -> None:
    marked: dict[str, Any] = {
        name.removesuffix(".txt"): "\ufeff" + text.replace("\n", "\r\n") for name, text in FEED.items()
    }
    batch = read(feed(tmp_path, folder, **marked), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES) == COUNTED


def test_rows_that_refer_to_nothing_are_reported(tmp_path: Path) -> None:
    text = FEED["stop_times.txt"] + "t1,10:00:00,10:00:00,X,11\nt9,10:00:00,10:00:00,A,1\n"
    trips = FEED["trips.txt"] + "TM7,work,t7\nTM6,never,t8\n"
    batch = read(feed(tmp_path, stop_times=text, trips=trips), "stops")
    assert by_key(batch, "stop_id", *DEPARTURES) == COUNTED
    assert [tuple(each) for each in batch.problems if each.rule == "unknown-reference"] == [
        ("trips.txt", "unknown-reference", "route TM7"),
        ("trips.txt", "unknown-reference", "service never"),
        ("stop_times.txt", "unknown-reference", "stop X"),
        ("stop_times.txt", "unknown-reference", "trip t9"),
    ]


def test_ragged_rows_are_reported_with_their_line(tmp_path: Path) -> None:
    batch = read(feed(tmp_path, stop_times=FEED["stop_times.txt"] + "t1,10\n"), "stops")
    assert tuple(batch.problems[0]) == ("stop_times.txt line 13", "ragged-line", "2 fields under 5 headers")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stop_times": None}, r"gtfs\.zip: the timetable has no stop_times\.txt; it has calendar\.txt, "),
        ({"calendar": None}, r"gtfs\.zip: the timetable has neither calendar\.txt nor calendar_dates\.txt"),
        (
            {"stops": "stop_id,stop_name\nA,x\n"},
            r"stops\.txt has no column stop_lat, stop_lon; it has stop_id, ",
        ),
        ({"calendar": "service_id,monday\n"}, r"calendar\.txt has no column tuesday, "),
        (
            {"calendar": FEED["calendar.txt"].replace("20260105", "5.1.26")},
            r"calendar\.txt line 2 has the date '5\.1",
        ),
        (
            {"stop_times": "trip_id,stop_id,stop_sequence\nt1,A,first\n"},
            "stop_sequence that is no whole number",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FileFault, match=said):
        read(feed(tmp_path, **changes), "stops")


def test_an_unknown_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="table is 'shapes'; allowed are stops, routes"):
        read(feed(tmp_path), "shapes")


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    file = feed(tmp_path)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(FileFault, match=r"gtfs\.zip: the zip archive is damaged or cut off"):
        read(file, "stops")


@pytest.mark.parametrize("table", ["stops", "routes"])
def test_a_timetable_without_any_trip_serves_nothing(tmp_path: Path, table: str) -> None:
    batch = read(feed(tmp_path, trips="route_id,service_id,trip_id\n"), table)
    served = "route_ids" if table == "stops" else "stop_ids"
    assert batch.columns[served] == [[]] * len(batch)


def test_a_headway_that_is_no_number_is_refused_with_its_line(tmp_path: Path) -> None:
    frequencies = "trip_id,start_time,end_time,headway_secs\nt1,08:00:00,soon,600\n"
    with pytest.raises(FileFault, match=r"frequencies\.txt line 2 says '08:00:00', 'soon', '600'; expected"):
        read(feed(tmp_path, frequencies=frequencies), "stops")


def test_times_past_midnight_name_their_column_and_a_trip(tmp_path: Path) -> None:
    [late] = [each for each in read(feed(tmp_path), "stops").problems if each.rule == "time-past-midnight"]
    assert late.field == "departure_time"
    assert late.detail == "2 departures, such as 24:30:00 of trip n1; they belong to the service day before"
