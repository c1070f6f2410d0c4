"""A broken file must not empty a data set: far fewer records than expected are refused unless one insists."""

from __future__ import annotations

import json

import pytest
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from loaders.report import Status
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid

GRID = Grid("""
    A . B
    . p .
    D . C
""")
DISTRICTS = """
key = "a"
format = "vector"
file = "a.geojson"
crs = "EPSG:4326"
[dataset.District]
expect = [4, 4]
key = "code"
code = "code"
boundary = "geometry"
"""
#: a second source of districts, which makes them merged ones
NAMES = """
key = "b"
format = "tabular"
file = "b.csv"
[dataset.District]
key = "code"
code = "code"
name_bg = "name"
"""
FACILITIES = """
key = "f"
format = "tabular"
file = "f.csv"
options = { lonlat = ["lon", "lat"] }
[dataset.Facility]
key = "id"
kind = { from = "type", codes = { school = "SCHOOL" } }
position = "geometry"
"""


def districts(count: int, shape: BaseGeometry) -> list[tuple[dict[str, str], BaseGeometry | None]]:
    return [({"code": f"D{n}"}, translate(shape, n / 10_000)) for n in range(count)]


def facilities(count: int, kind: str = "school", first: int = 0) -> str:
    lines = [f"{n},{kind},23.3,42.7" for n in range(first, first + count)]
    return "id,type,lon,lat\n" + "\n".join(lines) + "\n"


@pytest.fixture
def districted(town: LoadTown) -> LoadTown:
    """Four districts described by two sources, and loaded."""
    town.head = '[precedence]\nDistrict = ["a", "b"]\n'
    town.describe(DISTRICTS)
    town.describe(NAMES)
    town.features("a.geojson", *districts(4, lonlat(GRID["ABCD"])))
    town.write("b.csv", "code,name\n" + "".join(f"D{n},Лозенец\n" for n in range(4)))
    assert town.load().exit_code == 0
    return town


def refused(town: LoadTown) -> str:
    """Why the first data set was refused, after checking that nothing changed."""
    before = town.versions()
    report = town.load()
    one = report.datasets[0]
    assert report.exit_code == 1
    assert one.status is Status.FAILED
    assert town.versions() == before
    [*_, last] = town.rows(
        "SELECT status, failure FROM import_run WHERE source = %s ORDER BY started_at", one.key
    )
    assert last == ("FAILED", one.failure)
    return one.failure or ""


def test_geometries_that_are_all_nan_close_no_district(districted: LoadTown) -> None:
    path = districted.features("a.geojson", *districts(4, lonlat(GRID["ABCD"])))
    collection = json.loads(path.read_text(encoding="utf-8"))
    for feature in collection["features"]:
        feature["geometry"]["coordinates"] = [[[float("nan")] * 2] * 5]
    districted.write("a.geojson", json.dumps(collection))
    failure = refused(districted)
    assert failure.startswith("a.geojson: it holds 0 whole records of District")
    assert failure.endswith(
        "expected 4. Nothing was changed. If that is right, load it again with --accept-fewer"
    )


def test_a_file_that_was_cut_short_closes_no_district(districted: LoadTown) -> None:
    districted.features("a.geojson", *districts(3, lonlat(GRID["ABCD"])))
    assert "it holds 3 whole records of District; expected 4." in refused(districted)


def test_fewer_records_are_loaded_when_one_insists(districted: LoadTown) -> None:
    districted.features("a.geojson", *districts(3, lonlat(GRID["ABCD"])))
    report = districted.load("a", accept_fewer=True)
    assert (report.exit_code, report["a"].entities["District"].closed) == (0, 1)
    assert [row[4] for row in districted.notices("unexpected-count")] == [
        "There are 3 of District; expected 4."
    ]


def test_fewer_than_expected_are_refused_at_the_first_load_too(town: LoadTown) -> None:
    town.describe(DISTRICTS)
    town.features("a.geojson", *districts(1, lonlat(GRID["ABCD"])))
    assert town.load().exit_code == 1
    assert town.rows("SELECT count(*) FROM district") == [(0,)]


def test_without_an_expectation_a_file_may_not_close_most_of_its_rows(town: LoadTown) -> None:
    town.describe(FACILITIES)
    town.write("f.csv", facilities(50))
    town.load()
    town.write("f.csv", facilities(24))
    assert refused(town) == (
        "f.csv: 26 of its 50 rows of Facility would be closed; expected is that at least half of them stay. "
        "Nothing was changed. If that is right, load it again with --accept-fewer"
    )
    assert town.load(accept_fewer=True)["f"].entities["Facility"].closed == 26


def test_a_renamed_code_says_what_befell_the_records(town: LoadTown) -> None:
    town.describe(FACILITIES)
    town.write("f.csv", facilities(50))
    town.load()
    lines = [f"{n},{'school' if n < 10 else 'училище'},23.3,42.7" for n in range(50)]
    town.write("f.csv", "id,type,lon,lat\n" + "\n".join(lines) + "\n")
    assert "40 of its 50 rows of Facility would be closed (unknown-code 40)" in refused(town)
    assert town.load()["f"].notices == {"unknown-code": 40}


@pytest.mark.parametrize(("before", "after"), [(50, 25), (25, 6)])
def test_some_rows_may_go_without_insisting(town: LoadTown, before: int, after: int) -> None:
    town.describe(FACILITIES)
    town.write("f.csv", facilities(before))
    town.load()
    town.write("f.csv", facilities(after))
    assert town.load().exit_code == 0
    assert town.rows("SELECT count(*) FROM facility") == [(after,)]


def test_no_file_at_all_makes_no_city(town: LoadTown) -> None:
    town.describe(FACILITIES)
    report = town.load()
    assert (report.exit_code, report["f"].status) == (1, Status.MISSING)
    assert town.rows("SELECT count(*) FROM twin.city WHERE name = %s", town.name) == [(0,)]
    assert town.rows("SELECT to_regnamespace(%s) IS NULL", town.name) == [(True,)]


def test_no_file_at_all_leaves_the_bounds_of_a_city(town: LoadTown) -> None:
    town.describe(FACILITIES)
    path = town.write("f.csv", facilities(2))
    town.load()
    path.unlink()
    with town.connect() as connection:
        connection.execute("UPDATE twin.city SET title = 'as it was' WHERE name = %s", [town.name])
    town.load()
    assert town.rows("SELECT title FROM twin.city WHERE name = %s", town.name) == [("as it was",)]


def test_a_record_that_loses_its_geometry_says_what_becomes_of_its_row(districted: LoadTown) -> None:
    shape = lonlat(GRID["ABCD"])
    districted.features("a.geojson", *districts(3, shape), ({"code": "D3"}, None))
    report = districted.load("a", accept_fewer=True)
    assert report["a"].entities["District"].closed == 1
    [(_, position, field, value, message, _)] = districted.notices("no-geometry")
    assert (position, field, value) == ("record 4", "boundary", "D3")
    assert message == ("District D3 has no boundary in a. No other data set gives it, so its row was closed.")


def test_a_folder_in_the_place_of_a_file_is_called_one(town: LoadTown) -> None:
    town.describe(FACILITIES)
    town.write("f.csv/inside.txt", "")
    assert town.load()["f"].failure == "f.csv is a folder; a file is needed; nothing was changed"
