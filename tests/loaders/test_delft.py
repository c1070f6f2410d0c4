"""Delft from its city models: a catalogue entry alone makes footprints, heights and years of construction."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import shapely

from loaders.catalogue import catalogue
from loaders.report import LoadReport, Status
from loaders.run import load
from tests.cityjson import Model
from twin.database import connect

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def report(database_url: str, real_data: Path) -> LoadReport:
    return load(database_url, catalogue("delft"), real_data / "cityjson")


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with connect(url, city="delft") as connection:
        return connection.execute(statement.encode()).fetchall()


def test_every_building_of_both_models_is_loaded(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0, report
    counts = {
        one.key: {name: merged.rows for name, merged in one.entities.items()} for one in report.datasets
    }
    assert counts == {
        "delft-3dbag": {"Building": 52, "BuildingSolid": 156},
        "delft-city-model": {"Building": 160, "BuildingSolid": 160},
    }
    found = rows(database_url, "SELECT source, rule, sum(occurrences) FROM notice GROUP BY 1, 2")
    assert found == [("delft-city-model", "no-floor", 160)]


def test_a_building_has_its_number_height_year_and_footprint(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0
    [(height, built, area, srid)] = rows(
        database_url,
        "SELECT height_m, date_of_construction, ST_Area(footprint), ST_SRID(footprint) FROM building"
        " WHERE key = '0503100000000334'",
    )
    assert (height, built, srid) == (6.345, dt.date(1980, 1, 1), 28992)
    assert area == pytest.approx(160.37, abs=0.01)
    [(lowest, highest, empty)] = rows(
        database_url,
        "SELECT min(height_m), max(height_m), count(*) FILTER (WHERE footprint IS NULL) FROM building",
    )
    assert (lowest > 0, highest < 30, empty) == (True, True, 0)


def test_a_building_has_a_solid_for_each_level_of_detail(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0
    levels = rows(
        database_url,
        "SELECT sources[1], lod, count(*), count(volume_m3), count(roof_area_m2), max(height_datum),"
        " max(ST_GeometryType(solid)) FROM building_solid GROUP BY 1, 2 ORDER BY 1, 2",
    )
    kind = ("NAP height (EPSG:5709)", "ST_PolyhedralSurface")
    assert levels == [
        *(("delft-3dbag", lod, 52, 52, 52, *kind) for lod in ("1.2", "1.3", "2.2")),
        ("delft-city-model", "1", 160, 160, 0, *kind),
    ]


def test_volumes_and_grounds_agree_with_heights_and_footprints(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0
    # Blocks fill their height to the last, roofs with slopes do not.
    shares = rows(
        database_url,
        "SELECT lod, min(share), max(share) FROM (SELECT lod, volume_m3 / ST_Area(footprint) / height_m AS share"
        " FROM building_solid AS s JOIN building AS b ON b.key = s.building) AS x GROUP BY lod",
    )
    limits = {"1": (0.999, 1.001), "1.2": (0.7, 1), "1.3": (0.6, 1), "2.2": (0.6, 1)}
    for lod, lowest, highest in shares:
        assert limits[lod][0] < lowest <= highest < limits[lod][1]
    assert len(shares) == len(limits)


def test_the_ground_surfaces_cover_the_footprint(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0
    shared = whole = 0.0
    for document, area, footprint in rows(
        database_url,
        "SELECT cityjson, ground_area_m2, ST_AsBinary(footprint) FROM building_solid AS s"
        " JOIN building AS b ON b.key = s.building WHERE lod = '2.2'",
    ):
        model = Model(document)
        rings = [
            ring for name in document["CityObjects"] for ring in model.faces(name).get("GroundSurface", [])
        ]
        ground, drawn = (
            shapely.union_all([shapely.Polygon(ring) for ring in rings]),
            shapely.from_wkb(footprint),
        )
        assert ground.area == pytest.approx(area, abs=0.01)
        shared += ground.intersection(drawn).area
        whole += ground.union(drawn).area
    # The one was drawn, the other computed from a point cloud: alike, not equal.
    assert shared / whole > 0.99


def test_each_solid_is_a_document_that_a_viewer_opens(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0
    found = rows(
        database_url,
        "SELECT lod, lowest_m, highest_m, ST_NumGeometries(solid), cityjson FROM building_solid ORDER BY key",
    )
    for lod, lowest, highest, faces, document in found:
        model = Model(document)
        low, high = model.bounds
        assert (low[2], high[2]) == pytest.approx((lowest, highest), abs=0.001)
        told = [model.faces(name) for name in document["CityObjects"]]
        assert sum(len(rings) for each in told for rings in each.values()) == faces
        said = {meaning for each in told for meaning in each}
        assert said == ({""} if lod == "1" else {"GroundSurface", "RoofSurface", "WallSurface"})
        assert model.system.endswith("/7415")


def test_loading_delft_again_changes_nothing(report: LoadReport, database_url: str, real_data: Path) -> None:
    assert report.exit_code == 0
    again = load(database_url, catalogue("delft"), real_data / "cityjson", again=True)
    assert {one.status for one in again.datasets} == {Status.UNCHANGED}


def test_the_readmes_question_is_answered_with_city_models(report: LoadReport, database_url: str) -> None:
    assert report.exit_code == 0
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (question,) = re.findall(r"<!-- delft -->\n```graphql\n(.*?)```", readme, re.DOTALL)
    done = subprocess.run(
        [Path(sys.executable).parent / "twin", "query", "-", "--city", "delft"],
        env={**os.environ, "TWIN_DATABASE_URL": database_url},
        input=question, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    nodes = json.loads(done.stdout)["data"]["buildings"]["nodes"]
    assert len(nodes) == 3
    for node in nodes:
        assert node["lods"] == ["1.2", "1.3", "2.2"] == [one["lod"] for one in node["solids"]["nodes"]]
        assert node["solids"]["nodes"][2]["roofAreaM2"] > 400
        Model(node["lod"])
