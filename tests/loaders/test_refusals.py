"""Bad input gets a clear sentence that names the place and what is allowed, and leaves nothing half-written."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from loaders.report import Status
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid
from twin.errors import BadRequest
from twin.geometry import transform

GRID = Grid("""
    A . B
    . p .
    D . C
""")
AREA = '[dataset.District]\nkey = "code"\ncode = "code"\nboundary = "geometry"\n'
TABLE = """
key = "a"
format = "tabular"
file = "a.csv"
options = { lonlat = ["lon", "lat"] }
[dataset.Facility]
key = "id"
kind = { value = "SCHOOL" }
name = ["name", "title"]
position = "geometry"
"""


def vector(crs: str = "") -> str:
    return f'key = "a"\nformat = "vector"\nfile = "a.*"\n{crs}\n{AREA}'


def failure(town: LoadTown) -> str:
    """Why the only data set failed, after checking that nothing of it was kept."""
    report = town.load()
    assert report.exit_code == 1
    [one] = report.datasets
    assert one.status is Status.FAILED
    assert one.failure is not None
    assert "Traceback" not in one.failure
    assert "SELECT" not in one.failure
    assert town.rows("SELECT count(*) FROM district") == [(0,)]
    assert town.rows("SELECT count(*) FROM facility") == [(0,)]
    assert town.rows("SELECT status, failure FROM import_run") == [("FAILED", one.failure)]
    assert town.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE %s", "staging%") == []
    return one.failure


def swapped(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: xy[:, ::-1])


def test_an_empty_file(town: LoadTown) -> None:
    town.describe(TABLE)
    town.write("a.csv", "")
    assert failure(town) == "a.csv: the file is empty"


def test_a_file_of_headers_only(town: LoadTown) -> None:
    town.describe(TABLE)
    town.write("a.csv", "id,name,lon,lat\n")
    assert failure(town) == "a.csv: it holds no records; nothing was changed"


def test_a_file_of_another_kind(town: LoadTown) -> None:
    town.describe(TABLE)
    town.write("a.csv", b"%PDF-1.7 nothing of use")
    assert (
        failure(town)
        == "a.csv: this is a PDF document; wanted is a table of text (CSV, TSV), possibly gzipped"
    )


def test_a_truncated_zip(town: LoadTown) -> None:
    town.describe(vector('crs = "EPSG:4326"'))
    path = town.write("a.zip", b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.geojson", "{}" * 5000)
    path.write_bytes(path.read_bytes()[:60])
    assert failure(town).startswith("a.zip: the zip archive is damaged or cut off")


def test_a_missing_column(town: LoadTown) -> None:
    town.describe(TABLE)
    town.write("a.csv", "id,label,lon,lat\n1,x,23.3,42.7\n")
    assert failure(town) == (
        "a.csv: there is no column name or title, from which Facility.name is made; "
        "there are id, label, lon, lat"
    )


def test_a_missing_key_in_nested_records(town: LoadTown) -> None:
    town.describe(TABLE.replace("tabular", "json_records").replace("a.csv", "a.json"))
    town.write("a.json", '[{"name": "x", "lon": 23.3, "lat": 42.7}]')
    assert failure(town).startswith(
        "a.json: there is no column id, from which Facility.key is made; there are"
    )


def test_swapped_axes(town: LoadTown) -> None:
    town.describe(vector('crs = "EPSG:4326"'))
    town.features("a.geojson", ({"code": "D"}, swapped(lonlat(GRID["ABCD"]))))
    assert failure(town) == (
        "a.geojson: none of its 1 places lies in Test town. They were read as EPSG:4326; the middle one is at "
        "x 42.6937, y 23.3153. With x and y swapped they lie in it: the file's axes are the wrong way round."
    )


def test_degrees_that_are_metres(town: LoadTown) -> None:
    town.describe(vector('crs = "EPSG:4326"'))
    town.features("a.geojson", ({"code": "D"}, GRID["ABCD"]))
    assert failure(town).endswith("Read as EPSG:7801 they lie in it: say crs = 'EPSG:7801' in the catalogue.")


def test_metres_of_another_zone(town: LoadTown) -> None:
    town.describe(vector('crs = "EPSG:7801"'))
    moved = transform(np.array([GRID["ABCD"]], dtype=np.object_), "EPSG:7801", "EPSG:32634")[0]
    town.features("a.geojson", ({"code": "D"}, moved))
    assert "Read as EPSG:32634 they lie in it" in failure(town)


def test_places_of_nowhere(town: LoadTown) -> None:
    town.describe(vector('crs = "EPSG:4326"'))
    town.features("a.geojson", ({"code": "D"}, shapely.box(100, 10, 101, 11)))
    assert "neither swapped axes nor a common CRS fits" in failure(town)


def test_a_crs_that_the_file_states_wrongly_is_said_and_the_catalogue_believed(town: LoadTown) -> None:
    town.describe(vector('crs = "EPSG:4326"'))
    text = town.features("a.geojson", ({"code": "D"}, lonlat(GRID["ABCD"]))).read_text(encoding="utf-8")
    crs = '{"type": "FeatureCollection", "crs": {"type": "name", "properties": {"name": "EPSG:3857"}},'
    town.write("a.geojson", text.replace('{"type": "FeatureCollection",', crs))
    assert town.load().exit_code == 0
    [(file, _, field, value, _, _)] = town.notices("crs-differs")
    assert (file, field, value) == ("a.geojson", "crs", "EPSG:3857")


def test_an_unknown_data_set(town: LoadTown) -> None:
    town.describe(TABLE)
    with pytest.raises(BadRequest, match='there is no data set "moon"; there are a'):
        town.load("moon")


def test_a_folder_that_is_none(town: LoadTown) -> None:
    town.describe(TABLE)
    (town.folder / "data").rmdir()
    with pytest.raises(BadRequest, match="is no folder"):
        town.load()


def test_the_failure_stands_below_the_report(town: LoadTown) -> None:
    town.describe(TABLE)
    town.write("a.csv", "")
    report = town.load()
    assert report.table.caption == "a: a.csv: the file is empty"
    assert report.table.row_count == 1
