"""The readers against files as they were really published; the counts are those of the data's own README."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loaders.formats import Batch, FileFault, open_layer

pytestmark = pytest.mark.real

PBF = "liechtenstein/liechtenstein-2013-08-03.osm.pbf"


class Summary(NamedTuple):
    records: int
    shapes: int
    crs: str | None
    rules: dict[str, int]


def batches(file: Path, format: str, **options: Any) -> list[Batch]:
    with open_layer(file, format, **options) as layer:
        found = list(layer.batches)
    for batch in found:
        assert all(len(values) == len(batch) for values in batch.columns.values())
        assert batch.geometry is None or len(batch.geometry) == len(batch)
    return found


def summary(file: Path, format: str, **options: Any) -> Summary:
    with open_layer(file, format, **options) as layer:
        crs = layer.crs
    found = batches(file, format, **options)
    shapes = sum(
        shape is not None for batch in found if batch.geometry is not None for shape in batch.geometry
    )
    rules = Counter(problem.rule for batch in found for problem in batch.problems)
    return Summary(sum(map(len, found)), shapes, crs, dict(rules))


@pytest.mark.parametrize(
    ("file", "records", "crs"),
    [
        ("sofia/districts/districts_2023.geojson", 24, "EPSG:4326"),
        ("sofia/districts/districts_2024_other_edition.json", 24, "EPSG:4326"),
        ("sofia/neighbourhoods/neighbourhoods_309.geojson", 309, "EPSG:4326"),
        ("sofia/neighbourhoods/neighbourhoods_310.json", 310, "EPSG:4326"),
        # It says 3857 and means 4326: the catalogue knows better, the reader only repeats.
        ("sofia/neighbourhoods/planning_units_census2011.geojson", 574, "EPSG:3857"),
        ("sofia/classifiers/settlement_lands.geojson", 4623, "EPSG:4326"),
        ("sofia/transit/Trams.geojson", 643, "EPSG:32634"),
        ("sofia/transit/Trolleybusses.geojson", 370, "EPSG:32634"),
        ("sofia/metro/mgt_metro_26_sofpr_20210308.json", 31, "EPSG:4326"),
        ("sofia/metro/mgt_metro_spirki_26_sofpr_20210308.json", 78, "EPSG:4326"),
        ("sofia/metro/mgt_metro_spirki_vhodove_25_osm_20200402.json", 198, "EPSG:4326"),
        ("sofia/streets/lyulin_network.json", 5912, "EPSG:4326"),
        ("sofia/parking/sinia-zona_zones.json", 34, "EPSG:3857"),
        ("sofia/parking/sofiatraffic_subzones.geojson", 35, "EPSG:4326"),
        ("sofia/air_quality/no2_grid_20231112.geojson", 10_000, "EPSG:4326"),
    ],
)
def test_published_shapes_are_read_to_the_last(real_data: Path, file: str, records: int, crs: str) -> None:
    found = summary(real_data / file, "vector")
    assert (found.records, found.shapes, found.crs) == (records, records, crs)


def test_the_parking_zones_rings_are_closed(real_data: Path) -> None:
    assert summary(real_data / "sofia/parking/sinia-zona_zones.json", "vector").rules["unclosed-ring"] == 28


@pytest.mark.parametrize(
    ("file", "records", "options"),
    [
        ("sofia/facilities/sensitive_sites.tsv", 1025, {"lonlat": ["lng", "lat"]}),
        ("sofia/businesses/renewable_plant_owners.csv", 1303, {"latlon": "geo"}),
    ],
)
def test_published_positions_become_points(real_data: Path, file: str, records: int, options: Any) -> None:
    found = summary(real_data / file, "tabular", **options)
    assert (found.records, found.shapes, found.rules) == (records, records, {})


@pytest.mark.parametrize(
    ("file", "records"),
    [
        ("sofia/businesses/public_owned_companies.csv", 400),
        ("sofia/districts/district_codes.csv", 24),
        ("sofia/districts/district_populations_2024.csv", 25),
        ("sofia/air_quality/stations_hourly_sample.csv", 5000),
    ],
)
def test_published_tables_are_read_to_the_last(real_data: Path, file: str, records: int) -> None:
    found = summary(real_data / file, "tabular")
    assert (found.records, found.rules) == (records, {})


def test_waste_containers_of_all_districts_add_up(real_data: Path) -> None:
    found = [summary(file, "tabular") for file in sorted((real_data / "sofia/waste").glob("*.csv"))]
    assert sum(each.records for each in found) == 25_616
    assert {rule for each in found for rule in each.rules} == {"trailing-separator"}


def test_outlets_are_located_by_the_chain_or_by_openstreetmap(real_data: Path) -> None:
    files = [
        file for file in (real_data / "sofia/businesses/outlets").glob("*.json") if file.stem != "metadata"
    ]
    options = {"records": "data", "latlon": ["atp.coordinates", "osm.coordinates"]}
    found = [summary(file, "json_records", **options) for file in files]
    assert len(found) == 46
    assert sum(each.shapes for each in found) == 25_769


def test_the_permits_come_line_by_line(real_data: Path) -> None:
    file = real_data / "sofia/permits/building_permits_1991_2018.jsonl.gz"
    found = batches(file, "json_records")
    assert sum(map(len, found)) == 66_200
    hashes = [each for batch in found for each in batch.columns["Hash"]]
    assert len(hashes) - len(set(hashes)) == 537


def test_the_register_sample_holds_seven_deeds(real_data: Path) -> None:
    # Two more elements are called Deed: the empty case numbers within the field about the old register.
    file = real_data / "sofia/businesses/commercial_register_sample.xml"
    [batch] = batches(file, "register_xml")
    assert batch.columns["uic"] == ["12345"] * 7
    assert batch.columns["company_name"] == ["Тест"] * 7
    assert batch.columns["activity_code"].count("5540") == 1
    assert Counter(each.rule for each in batch.problems) == {"misspelt-attribute": 6}


def test_the_timetable_is_counted_within_four_seconds(real_data: Path) -> None:
    start = time.perf_counter()
    [stops] = batches(real_data / "sofia/transit/gtfs_2026.zip", "gtfs", table="stops")
    assert time.perf_counter() - start < 4
    assert len(stops) == 2870
    assert [each.detail[:15] for each in stops.problems] == ["1776 departures"]
    # Every stop time is a departure but the last of each trip; all services run all workdays or all weekends.
    weekday, saturday, sunday = (
        sum(stops.columns[f"departures_{day}"]) for day in ("weekday", "saturday", "sunday")
    )
    assert weekday + saturday == 606_519 - 26_245
    assert saturday == sunday
    [routes] = batches(real_data / "sofia/transit/gtfs_2026.zip", "gtfs", table="routes")
    assert len(routes) == 138
    assert sum(routes.columns["trips_weekday"]) + sum(routes.columns["trips_sunday"]) == 26_245


@pytest.mark.parametrize(
    ("options", "records", "problems"),
    [
        ({"select": "areas", "tags": {"building": True}}, 3723, 0),
        ({"select": "nodes+areas", "tags": {"building": True}}, 3747, 0),
        ({"select": "ways", "tags": {"highway": True}}, 2753, 0),
        ({"select": "nodes+areas", "tags": [{"shop": True}, {"amenity": True}]}, 435, 0),
        ({"select": "nodes", "tags": [{"shop": True}, {"amenity": True}]}, 283, 0),
        # Eleven municipalities and four nameless closed ways; eleven neighbours are cut off at the border.
        ({"select": "areas", "tags": {"boundary": "administrative", "admin_level": "8"}}, 15, 11),
    ],
)
def test_liechtenstein_gives_what_it_holds(
    real_data: Path, options: dict[str, Any], records: int, problems: int
) -> None:
    found = summary(real_data / PBF, "osm", **options)
    assert (found.records, found.shapes, found.crs) == (records, records, "EPSG:4326")
    assert found.rules == ({"area-not-assembled": problems} if problems else {})


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("cityjson/delft.city.json", "vector"),
        ("sofia/classifiers/Ek_atte.xls", "tabular"),
        ("sofia/transit/gtfs_2026.zip", "vector"),
        (PBF, "register_xml"),
    ],
)
def test_a_real_file_given_to_the_wrong_reader_is_refused(real_data: Path, file: str, format: str) -> None:
    with pytest.raises(FileFault, match="wanted is"):
        batches(real_data / file, format)
