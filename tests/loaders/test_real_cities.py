"""Sofia and Liechtenstein from their real files: counts, notices, links, and what a second load writes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from loaders.quality import quality
from loaders.report import Status
from loaders.run import link
from schema.execute import Engine
from schema.query import build
from tests.loaders.real import Loaded
from twin.database import Reader, cities
from twin.settings import Settings

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def sofia(database_url: str, real_data: Path) -> Loaded:
    return Loaded(database_url, "sofia", real_data / "sofia")


@pytest.fixture(scope="module")
def liechtenstein(database_url: str, real_data: Path) -> Loaded:
    return Loaded(database_url, "liechtenstein", real_data / "liechtenstein")


def test_sofia_loads_in_one_command(sofia: Loaded) -> None:
    assert sofia.report.exit_code == 0, sofia.report


@pytest.mark.parametrize(
    ("dataset", "entity", "rows"),
    [
        ("sofia-districts", "District", 24),
        ("sofia-neighbourhoods", "Neighbourhood", 309),
        ("sofia-gtfs", "TransitStop", 2870),
        ("sofia-gtfs", "TransitRoute", 138),
        ("sofia-metro-stations", "Facility", 78),
        ("sofia-sensitive-sites", "Facility", 1025 - 38),
        ("sofia-lyulin-network", "StreetSegment", 5912),
        ("sofia-public-owned-companies", "Business", 400),
        ("sofia-commercial-register", "Business", 0),
        # 6,032 located in Sofia, of which two are one object of OpenStreetMap
        ("sofia-outlets", "Site", 6031),
    ],
)
def test_the_counts_match_the_files(sofia: Loaded, dataset: str, entity: str, rows: int) -> None:
    assert sofia.report[dataset].entities[entity].rows == rows


def test_numbers_by_district_are_those_of_plain_sql(sofia: Loaded) -> None:
    """As a planner asks for them: in nested lists, by the link that is kept, and by position."""

    async def answered() -> Any:
        reader = Reader(sofia.url, Settings())
        await reader.open()
        answer = await Engine(build(), Settings()).answer(
            reader,
            cities(sofia.url)["sofia"],
            """{ districts { nodes { code transitStops { aggregate { count departuresWeekday { sum median } } } } }
              transitStops { groupBy(by: [{district: true}]) { key { district { code } } aggregate { count } }
                byUnit: groupBy(by: [{planningUnit: true}]) { key { planningUnit { name } } aggregate { count } } }
              sites { groupBy(by: [{hexagon: {edgeM: 1000}}, {kind: true}]) { aggregate { count } } } }""",
        )
        await reader.close()
        return orjson.loads(answer.body)["data"]

    found = asyncio.run(answered())
    counted = sofia.rows(
        "SELECT d.code, count(s.key), sum(s.departures_weekday),"
        " percentile_cont(0.5) WITHIN GROUP (ORDER BY s.departures_weekday)"
        " FROM district d LEFT JOIN transit_stop s ON s.district = d.key GROUP BY d.code ORDER BY d.code"
    )
    nested = [
        (n["code"], m["count"], m["departuresWeekday"]["sum"], m["departuresWeekday"]["median"])
        for n in found["districts"]["nodes"]
        for m in [n["transitStops"]["aggregate"]]
    ]
    assert sorted(nested) == counted
    stops = found["transitStops"]
    by_district = {g["key"]["district"] and g["key"]["district"]["code"]: g for g in stops["groupBy"]}
    assert {code: n for code, n, *_ in counted if n} == {
        code: group["aggregate"]["count"] for code, group in by_district.items() if code
    }
    ((outside,),) = sofia.rows("SELECT count(*) FROM transit_stop WHERE district IS NULL")
    assert by_district[None]["aggregate"]["count"] == outside
    lying = sofia.rows(
        "SELECT (SELECT u.key FROM planning_unit u WHERE ST_Covers(u.boundary, s.position) ORDER BY u.key LIMIT 1)"
        " AS unit, count(*) FROM transit_stop s GROUP BY 1 ORDER BY 2"
    )
    assert sorted(g["aggregate"]["count"] for g in stops["byUnit"]) == [n for _, n in lying]
    ((sites,),) = sofia.rows("SELECT count(*) FROM site")
    assert sum(group["aggregate"]["count"] for group in found["sites"]["groupBy"]) == sites


def test_every_defect_of_a_record_is_a_notice(sofia: Loaded) -> None:
    assert sofia.found("sofia-districts") == {"latin-disagrees": 18}
    assert sofia.found("sofia-district-codes") == {"padded-value": 23}
    assert sofia.found("sofia-district-populations") == {"no-key": 1, "unknown-value": 1}
    assert sofia.found("sofia-neighbourhoods") == {"repeated-value": 11, "unknown-value": 4}
    assert sofia.found("sofia-gtfs") == {"name-in-capitals": 2855, "time-past-midnight": 1}
    assert sofia.found("sofia-metro-stations") == {}
    assert sofia.found("sofia-sensitive-sites") == {"exact-duplicate": 38, "outside-the-city": 5}
    assert sofia.found("sofia-lyulin-network") == {"blank-value": 153}
    assert sofia.found("sofia-commercial-register") == {
        "bad-identifier": 7,
        "misspelt-attribute": 6,
        "unknown-edition": 1,
    }
    assert sofia.found("sofia-public-owned-companies") == {}
    outlets = sofia.found("sofia-outlets")
    assert outlets.pop("padded-value") > 0
    assert outlets == {
        "differing-duplicate": 1,
        "no-geometry": 29_647 - 25_769,
        "outside-the-areas": 25_769 - 6_032,
    }


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        (
            "latin-disagrees",
            ("districts/districts_2023.geojson", "record 13", "obns_lat", "Nadevda"),
        ),
        ("unknown-value", ("districts/district_populations_2024.csv", "line 2", "id", "0")),
        ("bad-identifier", ("businesses/commercial_register_sample.xml", "deed 1", "uic", "12345")),
        (
            "misspelt-attribute",
            ("businesses/commercial_register_sample.xml", "deed 2", "CompanyNAme", "CompanyNAme"),
        ),
    ],
)
def test_a_notice_says_file_record_field_and_value(sofia: Loaded, rule: str, row: tuple[object, ...]) -> None:
    assert row in sofia.rows(f"SELECT file, position, field, value FROM notice WHERE rule = '{rule}'")


def test_districts_merge_boundaries_codes_and_populations(sofia: Loaded) -> None:
    [(area, population)] = sofia.rows("SELECT sum(ST_Area(boundary)) / 1e6, sum(population) FROM district")
    assert area == pytest.approx(1341.4, abs=0.05)
    assert population == 1_360_812
    assert sofia.rows("SELECT name_bg, name_latin, code FROM district WHERE key = '68134-13'") == [
        ("Надежда", "Nadezhda", "68134-13")
    ]
    # the misspelt names of the population file go nowhere
    assert sofia.rows("SELECT count(*) FROM district WHERE name_bg IN ('Върбица', 'Панчерево')") == [(0,)]


def test_everything_with_a_position_gets_its_district(sofia: Loaded) -> None:
    assert sofia.rows("SELECT count(*) FROM transit_stop WHERE district IS NULL") == [(28,)]
    assert sofia.rows("SELECT count(*) FROM site WHERE position IS NOT NULL AND district IS NULL") == [(0,)]
    assert sofia.rows("SELECT count(*) FROM transit_stop WHERE district = '68134-19'")[0][0] > 50
    # each of these lies in several districts, and in none of them with more than half
    assert sofia.rows("SELECT name FROM neighbourhood WHERE district IS NULL ORDER BY name") == [
        ("Парк Борисова Градина",),
        ("Център",),
        ("кв. Подуяне",),
    ]


def test_routes_and_stops_know_each_other(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT count(*) FROM transit_route AS r, unnest(r.stop_keys) AS k(key)"
        " WHERE NOT EXISTS (SELECT FROM transit_stop AS s WHERE s.key = k.key AND r.key = ANY (s.route_keys))"
    ) == [(0,)]
    assert sofia.rows("SELECT mode, count(*) FROM transit_route GROUP BY 1 ORDER BY 1") == [
        ("BUS", 107),
        ("METRO", 4),
        ("TRAM", 17),
        ("TROLLEYBUS", 10),
    ]


def test_public_companies_are_found_by_their_number(sofia: Loaded) -> None:
    assert sofia.rows(
        "SELECT legal_name, legal_name_latin, ownership FROM business WHERE eik = '121396123'"
    ) == [("Български пощи ЕАД", "Balgarski poshti EAD", "STATE")]
    assert sofia.rows("SELECT count(*) FROM business WHERE eik LIKE '0%'")[0][0] > 0


def test_outlets_have_their_brands_wikidata_item(sofia: Loaded) -> None:
    [(known, billa)] = sofia.rows(
        "SELECT count(brand_wikidata), count(*) FILTER (WHERE brand_wikidata = 'Q537781') FROM site"
        " WHERE sources = '{sofia-outlets}'"
    )
    assert known >= 3269
    assert billa >= 54


def test_outlets_have_chain_line_of_business_and_address(sofia: Loaded) -> None:
    [(sites, operators, categories, addresses)] = sofia.rows(
        "SELECT count(*), count(operator), count(category), count(address_text) FROM site"
        " WHERE sources = '{sofia-outlets}'"
    )
    assert (sites, operators, categories) == (6031, 6031, 6031)
    assert addresses >= 5279


@pytest.mark.parametrize("name", ["sofia", "liechtenstein"])
def test_loading_again_writes_no_row(name: str, request: pytest.FixtureRequest) -> None:
    city: Loaded = request.getfixturevalue(name)
    before = city.written()
    again = city.load()
    assert {one.status for one in again.datasets} <= {Status.UNCHANGED, Status.NOTHING, Status.ABSENT}
    assert city.written() == before
    report = link(city.url, city.name)
    assert (report.relinked.areas, report.relinked.claims, report.relinked.rewritten) == (0, 0, 0)
    assert city.written() == before


def test_liechtenstein_needs_no_code_of_its_own(liechtenstein: Loaded) -> None:
    assert liechtenstein.report.exit_code == 0
    entities = liechtenstein.report["liechtenstein-osm"].entities
    assert {name: merged.rows for name, merged in entities.items()} == {
        "District": 11,
        "Building": 3723,
        "Address": 223,
        "StreetSegment": 2753,
        "Facility": 323,
        "Site": 112,
    }
    assert liechtenstein.rows("SELECT srid FROM twin.city WHERE name = 'liechtenstein'") == [(2056,)]
    assert liechtenstein.rows("SELECT name_bg, name_latin FROM district ORDER BY name_latin LIMIT 1") == [
        (None, "Balzers")
    ]


def test_what_liechtenstein_lacks_is_said(liechtenstein: Loaded) -> None:
    assert liechtenstein.found("liechtenstein-osm") == {
        "area-not-assembled": 11,  # municipalities cut off at the border
        "no-value": 4,  # closed ways beside them, without a name
        "outside-the-city": 4,
        "padded-value": 3,
        "same-shape": 1,  # one building or street drawn twice
        "wrong-geometry-type": 24,  # buildings drawn as a point
    }


def test_sites_and_facilities_of_liechtenstein_stand_in_their_buildings(liechtenstein: Loaded) -> None:
    ledger = {
        (row[0], row[1], row[2]): row[3]
        for row in liechtenstein.rows(
            "SELECT type, subject_type, method, count(*) FROM link GROUP BY 1, 2, 3"
        )
    }
    assert ledger == {
        ("AT_ADDRESS", "Site", "ADDRESS_MATCH"): 25,
        ("IN_BUILDING", "Address", "SAME_KEY"): 142,
        ("IN_BUILDING", "Address", "CONTAINMENT"): 58,
        ("IN_BUILDING", "Address", "NEAREST"): 7,
        ("IN_BUILDING", "Facility", "CONTAINMENT"): 65,
        ("IN_BUILDING", "Facility", "NEAREST"): 100,
        ("IN_BUILDING", "Site", "CONTAINMENT"): 67,
        ("IN_BUILDING", "Site", "NEAREST"): 10,
    }
    # the ledger's best is what stands beside the site
    assert liechtenstein.rows(
        "SELECT count(*) FROM site AS s JOIN link AS l ON l.subject_key = s.key AND l.type = 'IN_BUILDING'"
        " AND l.subject_type = 'Site' WHERE s.building IS DISTINCT FROM l.object_key"
    ) == [(0,)]


def test_both_cities_stand_in_one_database_and_can_be_judged(sofia: Loaded, liechtenstein: Loaded) -> None:
    assert sofia.url == liechtenstein.url
    for city in (sofia, liechtenstein):
        assert quality(city.url, city.name).broken == []
