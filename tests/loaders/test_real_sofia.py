"""What Sofia publishes beside the data sets of test_real_cities.py: counts, defects, and what is tied to what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shapely import wkb

from loaders.catalogue import catalogue
from loaders.run import load
from tests.loaders.real import Loaded
from twin.database import connect

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def sofia(database_url: str, real_data: Path) -> Loaded:
    return Loaded(database_url, "sofia", real_data / "sofia")


@pytest.mark.parametrize(
    ("dataset", "entity", "rows"),
    [
        ("sofia-districts-2024", "District", 24),
        ("sofia-named-places", "NamedPlace", 310),
        ("sofia-named-place-names", "NamedPlace", 310),
        ("sofia-planning-units", "PlanningUnit", 574),
        ("sofia-tram-network", "TransitLink", 643),
        ("sofia-trolleybus-network", "TransitLink", 370),
        ("sofia-metro-network", "TransitLink", 31 - 3),
        ("sofia-metro-entrances", "Facility", 198),
        ("sofia-interblock-areas", "Facility", 311),
        # 718 in all of Bulgaria, two of them without a place
        ("sofia-sports-venues", "Facility", 415),
        ("sofia-culture-venues", "Site", 419),
        # all of RML.csv stands in RST.csv again
        ("sofia-waste-containers", "CityFurniture", 25_616 - 597 - 1_619),
        ("sofia-waste-containers-poduyane", "CityFurniture", 597),
        ("sofia-parking-subzones", "ParkingZone", 35),
        ("sofia-parking-zones", "ParkingZone", 34),
        ("sofia-air-quality", "AirQualityStation", 6),
        ("sofia-air-quality", "Observation", 5_000),
        ("sofia-building-permits", "Permit", 66_200 - 537),
    ],
)
def test_the_counts_match_the_files(sofia: Loaded, dataset: str, entity: str, rows: int) -> None:
    assert sofia.report[dataset].entities[entity].rows == rows


@pytest.mark.parametrize(
    ("dataset", "defects"),
    [
        ("sofia-districts-2024", {}),
        ("sofia-named-places", {"repaired-geometry": 2}),
        ("sofia-named-place-names", {"repeated-value": 4}),
        ("sofia-planning-units", {"area-disagrees": 9, "crs-differs": 1, "unknown-code": 38}),
        ("sofia-tram-network", {"blank-value": 139, "script-wrapped-json": 1}),
        ("sofia-trolleybus-network", {"blank-value": 30, "script-wrapped-json": 1}),
        ("sofia-metro-network", {"exact-duplicate": 3}),
        ("sofia-metro-entrances", {"not-yes-or-no": 2}),
        ("sofia-interblock-areas", {"reader-warning": 1, "repaired-geometry": 1}),
        (
            "sofia-sports-venues",
            {
                "bad-coordinate": 2,
                "duplicate-column": 4,
                "html-entity": 2,
                "no-geometry": 2,
                "outside-the-areas": 718 - 2 - 415,
                "padded-value": 30,
            },
        ),
        ("sofia-culture-venues", {}),
        (
            "sofia-waste-containers",
            {"exact-duplicate": 1_619, "not-a-whole-number": 3, "trailing-separator": 9},
        ),
        ("sofia-waste-containers-poduyane", {"trailing-separator": 1}),
        ("sofia-parking-subzones", {}),
        (
            "sofia-parking-zones",
            {"no-geometry": 1, "reader-warning": 1, "repaired-geometry": 1, "unclosed-ring": 28},
        ),
        ("sofia-air-quality", {"negative-concentration": 30}),
        (
            "sofia-building-permits",
            {"bad-cadastral-id": 18, "exact-duplicate": 537, "no-cadastral-id": 6842, "padded-value": 3840},
        ),
    ],
)
def test_every_defect_is_a_notice(sofia: Loaded, dataset: str, defects: dict[str, int]) -> None:
    assert sofia.found(dataset) == defects


def test_permits_have_dates_kinds_districts_and_cadastral_identifiers(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT count(issued_on), count(took_effect_on), count(works), count(district), count(cadastral_parcel),"
        " count(match_key), min(issued_on)::text, max(took_effect_on)::text FROM permit"
    ) == [(65_663, 2_472, 58_768, 60_888, 4_486, 29_405, "1990-02-19", "2018-11-27")]
    # parcels, buildings and units, alone and several together
    assert sofia.rows(
        "SELECT length(i) - length(replace(i, '.', '')), count(*) FROM permit, unnest(cadastral_ids) AS i"
        " GROUP BY 1 ORDER BY 1"
    ) == [(2, 3_790), (3, 561), (4, 371)]
    assert sofia.rows("SELECT count(*) FROM permit WHERE address_text ~* '\\m(ап|ет)\\.'") == [(0,)]


MOVED = {"68134-17", "68134-18", "68134-19", "68134-23", "68134-24"}


def test_of_the_newer_edition_of_the_districts_only_the_changed_boundaries_count(sofia: Loaded) -> None:
    first, now = (
        {key: wkb.loads(shape, hex=True) for key, shape in sofia.rows(statement)}
        for statement in (
            "SELECT key, fields ->> 'boundary' FROM record WHERE source = 'sofia-districts'",
            "SELECT key, boundary::text FROM district",
        )
    )
    assert {key for key in now if not now[key].equals_exact(first[key], 0)} == MOVED
    lyulin = "68134-19"
    shared, both = now[lyulin].intersection(first[lyulin]).area, now[lyulin].union(first[lyulin]).area
    assert shared / both == pytest.approx(0.979, abs=0.0005)
    # the official code list names them, not the edition in capitals
    assert sofia.rows("SELECT name_bg, name_latin FROM district WHERE key = '68134-11'") == [
        ("Красна поляна", "Krasna polyana")
    ]


def test_an_edition_put_in_the_place_of_the_one_before_changes_five_rows(
    database_url: str, real_data: Path, tmp_path: Path
) -> None:
    """Each edition through the same data set, as it is when its publisher replaces the file."""
    profile = replace(catalogue("sofia").city, name="editions")
    editions = replace(catalogue("sofia"), city=profile)
    folder = tmp_path / "districts"
    folder.mkdir()
    for name in ("district_codes.csv", "districts_2023.geojson"):
        (folder / name).write_bytes((real_data / "sofia" / "districts" / name).read_bytes())
    only = ("sofia-districts", "sofia-district-codes")
    load(database_url, editions, tmp_path, only=only)
    newer = real_data / "sofia" / "districts" / "districts_2024_other_edition.json"
    (folder / "districts_2023.geojson").write_bytes(newer.read_bytes())
    merged = load(database_url, editions, tmp_path, only=only)["sofia-districts"].entities["District"]
    assert (merged.added, merged.changed, merged.unchanged, merged.closed) == (0, 5, 19, 0)
    with connect(database_url, city="editions") as connection:
        held = connection.execute("SELECT DISTINCT key FROM district_history").fetchall()
    assert {key for (key,) in held} >= MOVED


def test_named_places_cover_all_land_and_leave_neighbourhoods_alone(sofia: Loaded) -> None:
    [(area, named)] = sofia.rows("SELECT sum(ST_Area(boundary)) / 1e6, count(name) FROM named_place")
    assert area == pytest.approx(1341.43, abs=0.01)
    assert named == 305
    assert sofia.rows(
        "SELECT position FROM notice WHERE source = 'sofia-named-places' AND rule = 'repaired-geometry' ORDER BY 1"
    ) == [("record 258",), ("record 284",)]
    assert sofia.rows("SELECT count(*) FROM neighbourhood") == [(309,)]


def test_planning_units_have_their_census_and_say_which_areas_are_wrong(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT sum(population), sum(dwellings), sum(male + female), sum(age_0_14 + age_15_24 + age_25_34 + age_35_44"
        " + age_45_54 + age_55_64 + age_65_over), sum(education_tertiary), count(district) FROM planning_unit"
    ) == [(1_153_695, 582_528, 1_153_695, 1_153_695, 377_397, 574)]
    assert sofia.rows("SELECT count(*) FROM planning_unit WHERE stated_district = '68134-06'") == [(14,)]
    assert (
        "neighbourhoods/planning_units_census2011.geojson", "record 370", "Area_m2", "3103604, 138",
    ) in sofia.rows("SELECT file, position, field, value FROM notice WHERE rule = 'area-disagrees'")  # fmt: skip


def test_the_network_knows_its_lines_and_where_it_lies(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT mode, status, count(*), count(lines) FROM transit_link GROUP BY 1, 2 ORDER BY 1, 2"
    ) == [
        ("METRO", "EXISTING", 14, 0),
        ("METRO", "PLANNED", 14, 0),
        ("TRAM", "EXISTING", 643, 643 - 139),
        ("TROLLEYBUS", "EXISTING", 370, 370 - 30),
    ]
    # in metres of EPSG:32634, which the file states
    [(inside,)] = sofia.rows("SELECT count(district) FROM transit_link WHERE mode = 'TRAM'")
    assert inside == 641
    [(kilometres,)] = sofia.rows(
        "SELECT sum(ST_Length(centreline)) / 1e3 FROM transit_link WHERE mode = 'TRAM'"
    )
    assert kilometres == pytest.approx(160.4, abs=0.1)


def test_entrances_say_whether_a_wheelchair_gets_in(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT wheelchair, count(*) FROM facility WHERE kind = 'METRO_ENTRANCE' GROUP BY 1 ORDER BY 1"
    ) == [(False, 24), (True, 52), (None, 122)]


def test_containers_have_kind_volume_and_state_under_either_header(sofia: Loaded) -> None:
    assert sofia.rows("SELECT function, count(*) FROM city_furniture GROUP BY 1 ORDER BY 1") == [
        ("ASH_CONTAINER", 248),
        ("WASTE_CONTAINER", 23_749),
    ]
    assert sofia.rows("SELECT condition, count(*) FROM city_furniture GROUP BY 1 ORDER BY 2") == [
        ("NEEDS_SERVICE", 284),
        (None, 517),
        ("GOOD", 23_196),
    ]
    assert sofia.rows("SELECT count(*) FROM city_furniture WHERE district IS NULL") == [(0,)]


def test_parking_zones_have_the_boundary_of_one_source_and_the_tariff_of_the_other(sofia: Loaded) -> None:
    assert sofia.rows("SELECT tariff, count(*) FROM parking_zone GROUP BY 1 ORDER BY 1") == [
        ("BLUE", 13),
        ("GREEN", 21),
        (None, 2),
    ]
    assert sofia.rows("SELECT message FROM notice WHERE source = 'sofia-parking-zones' AND rule = 'no-geometry'") == [
        ("ParkingZone sofia-27 has no boundary in sofia-parking-zones. "
         "Its row keeps the boundary of another data set.",)
    ]  # fmt: skip


def test_stations_have_their_hours_in_order(sofia: Loaded) -> None:
    assert sofia.rows("SELECT station, count(*) FROM observation GROUP BY 1 ORDER BY 1") == [
        ("sofia-1", 901), ("sofia-2", 665), ("sofia-3", 900), ("sofia-4", 948), ("sofia-5", 823), ("sofia-6", 763),
    ]  # fmt: skip
    assert sofia.rows(
        "SELECT count(*) FROM (SELECT phenomenon_time < lag(phenomenon_time) OVER (PARTITION BY station ORDER BY key)"
        " AS back FROM observation) AS o WHERE back"
    ) == [(0,)]
