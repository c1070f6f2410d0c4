"""Delft from its city models: a catalogue entry alone makes footprints, heights and years of construction."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from loaders.catalogue import catalogue
from loaders.report import LoadReport, Status
from loaders.run import load
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
    assert counts == {"delft-3dbag": {"Building": 52}, "delft-city-model": {"Building": 160}}
    found = rows(database_url, "SELECT source, rule, sum(occurrences) FROM notice GROUP BY 1, 2")
    assert found == []


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


def test_loading_delft_again_changes_nothing(report: LoadReport, database_url: str, real_data: Path) -> None:
    assert report.exit_code == 0
    again = load(database_url, catalogue("delft"), real_data / "cityjson")
    assert {one.status for one in again.datasets} == {Status.UNCHANGED}
