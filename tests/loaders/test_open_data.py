"""Open data as cities publish it: scripts around JSON, sparse tables, repeated stations, hours, impossible values."""

from __future__ import annotations

import datetime as dt

import pytest

from loaders.report import Status
from tests.loaders.town import LoadTown, geojson, lonlat
from tests.town import Grid

GRID = Grid("""
    A . . B
    . p q .
    . a b .
    D . . C
""")
LINKS = """
key = "network"
format = "vector"
file = "lines.js"
crs = "EPSG:4326"
ignore = ["id"]
[dataset.TransitLink]
mode = { value = "TRAM" }
lines = { from = "lines", split = "." }
centreline = "geometry"
"""
STATIONS = """
key = "air"
format = "tabular"
file = "air*.csv"
mode = "append"
options = { lonlat = ["longitude", "latitude"] }
prepare = "hourly-means"
ignore = ["param"]
[dataset.AirQualityStation]
repeated = true
key = "station"
name = "station_name"
position = "geometry"
[dataset.Observation]
key = "key"
station = "station"
observed_property = "param_name"
value = "level"
phenomenon_time = "timest"
"""
SPORTS = """
key = "sports"
format = "tabular"
file = "sports.csv"
options = { lonlat = ["longitude", "latitude"] }
prepare = "sports"
[dataset.Facility]
key = "id"
kind = { value = "SPORT" }
name = "name"
activities = "activities"
position = "geometry"
"""


def load_links(town: LoadTown, *lines: tuple[str, str]) -> None:
    """Lines along the grid, each with its numbers, in a script as map pages have it."""
    features = geojson(
        [
            ({"id": number, "lines": numbers}, lonlat(GRID[marks]))
            for number, (numbers, marks) in enumerate(lines)
        ]
    )
    town.describe(LINKS)
    town.write("lines.js", f"var tramLines = {features};\n")
    assert town.load().exit_code == 0


def test_json_in_a_script_is_read_and_said(town: LoadTown) -> None:
    load_links(town, (".20.22.", "pq"))
    assert town.rows("SELECT mode, lines FROM transit_link") == [("TRAM", ["20", "22"])]
    [(file, position, _, value, message, occurrences)] = town.notices("script-wrapped-json")
    assert (file, position, value, occurrences) == ("lines.js", "file", "var tramLines =", 1)
    assert message.startswith("The JSON stands in a script")


def test_a_list_is_split_and_one_without_anything_in_it_is_none(town: LoadTown) -> None:
    load_links(town, ("3.4.", "pq"), (".", "ab"), (" ", "AB"))
    assert town.rows("SELECT lines FROM transit_link ORDER BY lines NULLS LAST") == [
        (["3", "4"],),
        (None,),
        (None,),
    ]


def test_records_that_differ_in_ignored_columns_only_are_one(town: LoadTown) -> None:
    load_links(town, (".1.", "pq"), (".1.", "pq"), (".2.", "pq"))
    assert town.rows("SELECT lines FROM transit_link ORDER BY 1") == [(["1"],), (["2"],)]
    assert [row[1] for row in town.notices("exact-duplicate")] == ["record 2"]


def hours(*rows: tuple[str, str, str, str]) -> str:
    """Hourly means: time, station, what was measured and how much."""
    place = {name: lonlat(GRID[mark]) for name, mark in (("Павлово", "p"), ("Изток", "q"))}
    lines = [
        f"{time},{station},{len(name)},{level},{station},{place[station].x},{place[station].y},{name}"
        for time, station, name, level in rows
    ]
    header = "timest,station,param,level,station_name,longitude,latitude,param_name"
    return "\n".join([header, *lines]) + "\n"


def test_measurements_have_a_station_each_and_an_hour(town: LoadTown) -> None:
    town.describe(STATIONS)
    town.write(
        "air1.csv",
        hours(
            ("2017-11-17 05:00:00", "Павлово", "Humidity", "86.3"),
            ("2017-11-17 06:00:00", "Павлово", "Humidity", "84"),
            ("2017-11-17 05:00:00", "Изток", "O3", "-57.45"),
            ("some day", "Изток", "Temperature", "-3.5"),
        ),
    )
    assert town.load().exit_code == 0
    assert town.rows("SELECT key, name FROM air_quality_station ORDER BY key") == [
        ("Изток", "Изток"),
        ("Павлово", "Павлово"),
    ]
    # that the station stands beside each measurement is no defect
    assert town.notices("exact-duplicate") == []
    assert town.rows(
        "SELECT station, observed_property, value, phenomenon_time FROM observation ORDER BY key"
    ) == [
        ("Изток", "O3", None, dt.datetime(2017, 11, 17, 5, tzinfo=dt.UTC)),
        ("Павлово", "Humidity", 86.3, dt.datetime(2017, 11, 17, 5, tzinfo=dt.UTC)),
        ("Павлово", "Humidity", 84.0, dt.datetime(2017, 11, 17, 6, tzinfo=dt.UTC)),
    ]
    assert [row[1:4] for row in town.notices("negative-concentration")] == [("line 4", "level", "O3 -57.45")]
    assert [row[1:4] for row in town.notices("not-a-time")] == [("line 5", "timest", "some day")]
    assert [row[1:3] for row in town.notices("no-value")] == [("line 5", "timest")]


def test_later_hours_are_added_and_earlier_ones_stay(town: LoadTown) -> None:
    town.describe(STATIONS)
    town.write("air1.csv", hours(("2017-11-17 05:00:00", "Павлово", "Humidity", "86.3")))
    town.load()
    (town.folder / "data" / "air1.csv").unlink()
    town.write("air2.csv", hours(("2017-11-17 06:00:00", "Павлово", "Humidity", "84")))
    report = town.load()["air"]
    assert report.status is Status.LOADED
    assert report.entities["Observation"].added == 1
    assert town.rows("SELECT count(*) FROM observation") == [(2,)]
    assert town.rows("SELECT count(*) FROM air_quality_station") == [(1,)]


@pytest.mark.parametrize(
    ("published", "kept"),
    [
        ("2017-11-17T05:00:00+02:00", dt.datetime(2017, 11, 17, 3, tzinfo=dt.UTC)),
        ("1969-12-31 23:59:59", dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
    ],
)
def test_an_hour_with_a_zone_is_that_instant(town: LoadTown, published: str, kept: dt.datetime) -> None:
    town.describe(STATIONS)
    town.write("air1.csv", hours((published, "Павлово", "Humidity", "86.3")))
    town.load()
    assert town.rows("SELECT phenomenon_time FROM observation") == [(kept,)]


def test_what_a_sparse_table_marks_becomes_a_list_with_entities_decoded(town: LoadTown) -> None:
    place = lonlat(GRID["p"])
    town.describe(SPORTS)
    town.write(
        "sports.csv",
        "id,name,longitude,latitude,Йога,HIIT&amp;Run,Тенис\n"
        f"1,Зала,{place.x},{place.y},TRUE,TRUE,\n2,Двор,{place.x},{place.y},,,\n",
    )
    assert town.load().exit_code == 0
    assert town.rows("SELECT key, activities FROM facility ORDER BY key") == [
        ("1", ["HIIT&Run", "Йога"]),
        ("2", None),
    ]
    [(_, position, _, value, _, _)] = town.notices("html-entity")
    assert (position, value) == ("header", "HIIT&amp;Run")
