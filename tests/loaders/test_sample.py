"""The sample city, read back with other means than those that wrote it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np
import pyogrio
import pytest
import shapely
from lxml import etree
from pyproj import Transformer

from loaders.sample import TRUTH, SampleSummary, register, write_sample
from loaders.sample.buildings import raise_buildings
from loaders.sample.land import DISTRICTS, district_polygons
from loaders.sample.names import Namer
from loaders.sample.plan import plan_district
from twin import identifiers

TO_METRES = Transformer.from_crs("EPSG:4326", "EPSG:7801", always_xy=True)
CADNUM = re.compile(r"68134\.[1-9]\d*\.[1-9]\d*\.[1-9]\d*")
NAMESPACES = {
    "m": "http://www.registryagency.bg/schemas/envelopev2",
    "d": "http://www.registryagency.bg/schemas/deedv2",
    "f": "http://www.registryagency.bg/schemas/deedv2/Fields",
}
CADASTRE_COLUMNS = {
    *("cadnum", "AREA", "PERIM", "ekatte", "ekattefn", "cadreg", "cadimm", "cadbuild", "cadapp", "immaddr"),
    *("regname", "quarname", "strename", "strnum", "place", "oldident", "propcode", "proptype", "validate"),
    *("flrcount", "appcount", "functype", "funccode"),
}
ADDRESS_ELEMENTS = (
    "CountryID CountryCode Country IsForeign DistrictID DistrictEkatte District Municipalityid "
    "MunicipalityEkatte Municipality SettlementID SettlementEKATTE Settlement AreaID Area AreaEkatte "
    "PostCode ForeignPlace HousingEstate Street StreetNumber Block Entrance Floor Apartment"
)


class City(NamedTuple):
    """A written sample and its buildings, read back."""

    folder: Path
    summary: SampleSummary
    district: list[int]
    footprints: list[shapely.Polygon]
    columns: dict[str, list[Any]]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("sample")
    summary = write_sample(folder, buildings=1_000, seed=7)
    district: list[int] = []
    footprints: list[shapely.Polygon] = []
    columns: dict[str, list[Any]] = {}
    for number in range(1, 25):
        path = f"/vsizip/{folder}/buildings/sgradi_{number:02d}.zip/сгради.shp"
        meta, _, geometry, values = pyogrio.raw.read(path)
        assert meta["crs"] == "EPSG:7801"
        assert meta["encoding"] == "UTF-8"
        footprints += shapely.from_wkb(geometry).tolist()
        district += [number] * len(geometry)
        for name, column in zip(meta["fields"], values, strict=True):
            columns.setdefault(name, []).extend(column)
    return City(folder, summary, district, footprints, columns)


def features(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["publisher"] == "sample"
    found: list[dict[str, Any]] = document["features"]
    return found


def metres(geometry: dict[str, Any]) -> shapely.Geometry:
    """A GeoJSON geometry in EPSG:7801."""
    return shapely.transform(
        shapely.geometry.shape(geometry),
        lambda points: np.column_stack(TO_METRES.transform(points[:, 0], points[:, 1])),
    )


def deeds(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.glob("businesses/register_*.xml")):
        yield from etree.parse(path).iterfind("m:Body/m:Deeds/d:Deed", NAMESPACES)


def addresses(folder: Path) -> list[dict[str, str]]:
    with (folder / "addresses" / "addresses.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(archive: ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"))))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_eik(text: str) -> bool:
    """The check digit of a 9-digit EIK, as the law's two weighted sums."""
    if not re.fullmatch(r"\d{9}", text):
        return False
    digits = [int(character) for character in text]
    first = sum(a * b for a, b in zip(digits, (1, 2, 3, 4, 5, 6, 7, 8), strict=False)) % 11
    second = sum(a * b for a, b in zip(digits, (3, 4, 5, 6, 7, 8, 9, 10), strict=False)) % 11
    return digits[8] == (first if first < 10 else second % 10)


def test_the_oracle_knows_real_numbers() -> None:
    assert is_eik("000695146")
    assert is_eik("831309045")
    assert not is_eik("201593308")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"buildings": 999, "seed": 1}, "1,000 to 1,000,000"),
        ({"buildings": 1_000_001, "seed": 1}, "1,000 to 1,000,000"),
        ({"buildings": 1_000, "seed": 1, "businesses": -1}, "0 to 5,000,000"),
        ({"buildings": 1_000, "seed": -1}, "0 or more"),
    ],
)
def test_numbers_out_of_bounds_say_what_is_allowed(
    numbers: dict[str, int], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        write_sample(tmp_path / "none", **numbers)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(city: City, tmp_path: Path) -> None:
    write_sample(tmp_path / "same", buildings=1_000, seed=7)
    assert digests(tmp_path / "same") == digests(city.folder)
    write_sample(tmp_path / "other", buildings=1_000, seed=8)
    assert (
        digests(tmp_path / "other")["addresses/addresses.csv"]
        != digests(city.folder)["addresses/addresses.csv"]
    )


def test_a_smaller_sample_leaves_no_file_of_a_larger_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "DEEDS_PER_FILE", 400)
    told: list[tuple[str, int, int]] = []
    large = write_sample(tmp_path, buildings=1_000, seed=1, progress=lambda *step: told.append(step))
    split = {name: count for name, count in large.records.items() if "register" in name}
    assert split == {f"businesses/register_{k}.xml": n for k, n in enumerate((400, 400, 400, 300), 1)}
    assert len(list(deeds(tmp_path))) == 1_500
    assert told[-1] == ("timetable", 1, 1)
    assert ("buildings", 1_000, 1_000) in told
    small = write_sample(tmp_path, buildings=1_000, seed=1, businesses=10)
    assert set(digests(tmp_path)) - {"README.txt", TRUTH} == set(small.records)
    assert small.businesses == len(list(deeds(tmp_path))) == 10


def test_the_summary_counts_every_file(city: City) -> None:
    records = city.summary.records
    assert set(records) == set(digests(city.folder)) - {"README.txt", TRUTH}
    assert city.summary.buildings == len(city.footprints) == 1_000
    assert city.summary.addresses == len(addresses(city.folder)) == records["addresses/addresses.csv"]
    assert city.summary.businesses == len(list(deeds(city.folder))) == 1_500
    assert "sample" in (city.folder / "README.txt").read_text(encoding="utf-8")
    for path in city.folder.rglob("*.zip"):
        with ZipFile(path) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert b"Sample city" in archive.comment


def test_the_districts_share_out_the_city(city: City) -> None:
    found = features(city.folder / "districts" / "districts.geojson")
    assert [row["properties"]["obns_num"] for row in found] == [f"{k:02d}" for k in range(1, 25)]
    areas = [shapely.geometry.shape(row["geometry"]) for row in found]
    whole = shapely.union_all(areas)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert all(area.is_valid for area in areas)
    assert whole.area == pytest.approx(sum(area.area for area in areas), rel=1e-9)
    assert 1_000 < metres(shapely.geometry.mapping(whole)).area / 1e6 < 1_700
    for district, area in zip(DISTRICTS, areas, strict=True):
        assert area.contains(shapely.Point(district.lon, district.lat)), district.name


def test_neighbourhoods_lie_apart_within_their_districts(city: City) -> None:
    found = features(city.folder / "neighbourhoods" / "neighbourhoods.geojson")
    areas = [metres(row["geometry"]) for row in found]
    assert 200 <= len(found) <= 240
    assert len({row["properties"]["kvname"] for row in found}) == len(found)
    assert {"КВ.", "ЖК.", "В.З.", "---"} == {row["properties"]["prefname"] for row in found}
    assert all(area.is_valid for area in areas)
    total = sum(area.area for area in areas)
    assert shapely.union_all(areas).area == pytest.approx(total, rel=1e-5)
    assert total < 0.5 * sum(land.area for land in district_polygons())
    assert all(any(land.buffer(0.1).contains(area) for land in district_polygons()) for area in areas)


def test_buildings_stand_apart_and_within_their_districts(city: City) -> None:
    footprints = np.array(city.footprints)
    assert shapely.is_valid(footprints).all()
    a, b = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    assert (a == b).all()
    lands = [metres(row["geometry"]) for row in features(city.folder / "districts" / "districts.geojson")]
    for number, footprint in zip(city.district, city.footprints, strict=True):
        assert lands[number - 1].contains(footprint)
    x0, y0, x1, y1 = shapely.total_bounds(footprints)
    # x is east and y is north, not the axis order that EPSG:7801 itself has
    assert 290_000 < x0 < x1 < 370_000
    assert 4_690_000 < y0 < y1 < 4_770_000
    assert np.allclose(shapely.area(footprints), city.columns["AREA"], atol=0.006)
    corners = Counter(len(footprint.exterior.coords) - 1 for footprint in city.footprints)
    assert set(corners) == {4, 6, 8}


def test_a_dense_district_has_no_overlaps_either() -> None:
    district, land = DISTRICTS[15], district_polygons()[15]
    plan = plan_district(district, land, 4_000, 1.0, np.random.default_rng(3))
    names = Namer(np.random.default_rng(3)).name(plan)
    footprints = np.concatenate([chunk.footprint for chunk in raise_buildings(plan, names, [3])])
    a, b = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    assert len(footprints) == 4_000
    assert (a == b).all()
    assert land.contains(shapely.multipolygons(footprints))


def test_a_district_builds_no_more_than_its_land_holds() -> None:
    district, land = DISTRICTS[8], district_polygons()[8]
    plan = plan_district(district, land, 50_000, 1.0, np.random.default_rng(3))
    assert 4_000 < plan.buildings < 12_000
    assert land.contains(shapely.union_all(plan.hood_polygons()))


def test_building_attributes_are_the_cadastres(city: City) -> None:
    columns = city.columns
    assert set(columns) == CADASTRE_COLUMNS
    assert len(set(columns["cadnum"])) == 1_000
    for number, cadnum, region, storeys, address in zip(
        city.district,
        columns["cadnum"],
        columns["regname"],
        columns["flrcount"],
        columns["immaddr"],
        strict=True,
    ):
        assert CADNUM.fullmatch(cadnum)
        assert int(cadnum.split(".")[1]) // 100 == number
        assert region == f"район {DISTRICTS[number - 1].name}"
        assert storeys is None or 1 <= int(storeys) <= 18
        assert address.startswith(f"гр. София, {region}")
    joined = Counter(zip(columns["funccode"], columns["functype"], strict=True))
    assert joined["100", "Жилищна сграда - еднофамилна"] > 100
    assert joined["110", "Жилищна сграда - многофамилна"] > 100
    assert len({code for code, _ in joined}) == len(joined)
    forms = (
        r'гр\. София, район [^,]+, (ул|бул)\. "[^"]+" №\d+А?',
        r'гр\. София, район [^,]+, (кв|ж\.к|в\.з)\. "[^"]+", (ул|бул)\. "[^"]+" №\d+А?',
        r'гр\. София, район [^,]+, ж\.к\. "[^"]+", бл\. \d+А?',
    )
    for form in forms:
        assert any(re.fullmatch(form, address) for address in columns["immaddr"]), form


def test_addresses_are_entrances_of_buildings(city: City) -> None:
    rows = addresses(city.folder)
    footprint = dict(zip(city.columns["cadnum"], city.footprints, strict=True))
    for row in rows:
        point = metres({"type": "Point", "coordinates": [float(row["lon"]), float(row["lat"])]})
        assert footprint[row["cadnum"]].contains(point), row
        assert row["district_code"] == f"68134-{int(row['cadnum'].split('.')[1]) // 100:02d}"
        assert (row["street"] and row["number"]) or row["block"]
    assert [row["id"] for row in rows] == [str(k) for k in range(1, len(rows) + 1)]
    keys = ("district_code", "street", "number", "block", "entrance")
    named = Counter(
        (*(row[key] for key in keys), row["neighbourhood"] if row["block"] else "") for row in rows
    )
    assert max(named.values()) == 1
    assert any(row["entrance"] == "В" for row in rows)


def test_streets_are_named_segments_that_no_building_stands_on(city: City) -> None:
    found = features(city.folder / "streets" / "streets.geojson")
    assert {row["properties"]["type"] for row in found} == {"Пътно платно", "Тротоар"}
    assert set(found[0]["properties"]) == {"OBJECTID", "name", "type", "str_class", "Shape_Leng"}
    lines = [metres(row["geometry"]) for row in found]
    tree = shapely.STRtree(city.footprints)
    assert tree.query(lines, predicate="intersects").size == 0
    for row, line in zip(found, lines, strict=True):
        assert line.length == pytest.approx(row["properties"]["Shape_Leng"], abs=0.05)
        assert re.match(r"(ул|бул)\. \S", row["properties"]["name"])
    streets = {row["street"] for row in addresses(city.folder)} - {""}
    assert streets <= {row["properties"]["name"] for row in found}


def test_registers_have_valid_businesses_with_sofia_addresses(city: City) -> None:
    forms: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    districts: Counter[str] = Counter()
    uics = set()
    operations: set[str | None] = set()
    seated = branches = 0
    streets = {row["street"] for row in addresses(city.folder)}
    for deed in deeds(city.folder):
        uic = deed.get("UIC")
        assert is_eik(uic)
        uics.add(uic)
        forms[deed.get("LegalForm")] += 1
        statuses[deed.get("DeedStatus")] += 1
        main = deed.find("d:SubDeed[@SubUICType='MainCircumstances']", NAMESPACES)
        assert main.find("f:UIC", NAMESPACES).get("UIC") == uic
        assert re.search("[А-Я]", main.findtext("f:Company", namespaces=NAMESPACES))
        assert not re.search("[А-Яа-я]", main.findtext("f:Transliteration", namespaces=NAMESPACES))
        operations |= {field.get("FieldOperation") for field in main}
        for branch in deed.iterfind("d:SubDeed[@SubUICType='B2_Branch']", NAMESPACES):
            number = branch.findtext("f:BranchIdentifier", namespaces=NAMESPACES)
            assert identifiers.is_eik(number)
            assert number.startswith(uic)
            assert branch.find("f:BranchSeat/f:Address/f:Settlement", NAMESPACES) is not None
            branches += 1
        address = main.find("f:Seat/f:Address", NAMESPACES)
        assert [etree.QName(part).localname for part in address] == ADDRESS_ELEMENTS.split()
        area = address.findtext("f:AreaEkatte", namespaces=NAMESPACES)
        districts[area] += 1
        street = address.findtext("f:Street", namespaces=NAMESPACES) or ""
        plain = re.sub(r"^(бул|ул)\.\s*", r"\1. ", street.replace('"', ""))
        seated += plain in streets
    assert len(uics) == 1_500
    assert 20 < branches < 150
    assert operations == {"Add", "Current", "Erase"}
    assert forms["EOOD"] > forms["OOD"] > forms["ET"] > forms["AD"] > 0
    assert statuses["N"] > statuses["E"] > statuses["C"] > 0 < statuses["L"]
    assert len(districts) == 25
    assert 0 < districts[""] < 0.08 * 1_500
    # most of the rest are in panel blocks or spell their street in another way
    assert seated > 500


def test_the_truth_says_where_each_business_has_its_seat(city: City) -> None:
    at = {row["id"]: row for row in addresses(city.folder)}
    with (city.folder / TRUTH).open(encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    seats = [deed.find("d:SubDeed/f:Seat/f:Address", NAMESPACES) for deed in deeds(city.folder)]
    assert [row["eik"] for row in truth] == [deed.get("UIC") for deed in deeds(city.folder)]
    kinds = Counter(row["seat"] for row in truth)
    assert kinds["address"] > 1_200
    assert set(kinds) == {"address", "district", "nowhere", "elsewhere"}
    for row, seat in zip(truth, seats, strict=True):
        code = seat.findtext("f:AreaEkatte", namespaces=NAMESPACES)
        typed = " ".join(seat.itertext())
        if row["seat"] != "address":
            assert row["address"] == row["cadnum"] == ""
            assert (code == "") == (row["seat"] == "elsewhere")
            continue
        there = at[row["address"]]
        assert (there["cadnum"], there["district_code"]) == (row["cadnum"], code)
        name = there["street"].partition(" ")[2] or there["neighbourhood"].partition(" ")[2]
        assert name.upper() in typed.upper()


def test_persons_in_the_register_are_recognisably_invented(city: City) -> None:
    people = 0
    for deed in deeds(city.folder):
        for indent in deed.iterfind(".//f:Indent", NAMESPACES):
            assert re.fullmatch(r"0{50}[0-9A-F]{14}", indent.text)
            people += 1
        if deed.get("LegalForm") == "ET":
            trader = deed.findtext(".//f:PhysicalPersonTrader/f:Person/f:Name", namespaces=NAMESPACES)
            given, _, surname = trader.split()
            assert deed.get("CompanyName").strip('"').endswith(f" - {given} {surname}")
    assert people > 1_500


def test_the_timetable_hangs_together(city: City) -> None:
    with ZipFile(city.folder / "transit" / "gtfs.zip") as archive:
        routes, stops = table(archive, "routes.txt"), table(archive, "stops.txt")
        trips, calls = table(archive, "trips.txt"), table(archive, "stop_times.txt")
        services = {row["service_id"] for row in table(archive, "calendar.txt")}
        assert table(archive, "feed_info.txt")[0]["feed_publisher_name"] == "sample"
    prefixes = {"0": "ТМ", "1": "M", "3": "А", "11": "ТБ"}
    assert {row["route_type"] for row in routes} == set(prefixes)
    for row in routes:
        assert re.fullmatch(prefixes[row["route_type"]] + r"\d+", row["route_id"])
    assert {row["route_id"] for row in trips} == {row["route_id"] for row in routes}
    assert {row["service_id"] for row in trips} == services
    assert len({row["stop_id"] for row in stops}) == len(stops)
    assert {row["stop_id"] for row in calls} == {row["stop_id"] for row in stops}
    assert {row["trip_id"] for row in calls} == {row["trip_id"] for row in trips}
    assert len(calls) == city.summary.records["transit/gtfs.zip"]
    assert max(row["arrival_time"] for row in calls) > "24:00:00"
    for before, after in pairwise(calls):
        if before["trip_id"] == after["trip_id"]:
            assert int(after["stop_sequence"]) == int(before["stop_sequence"]) + 1
            assert after["arrival_time"] > before["departure_time"]
    land = shapely.union_all(district_polygons())
    for row in stops:
        position = {"type": "Point", "coordinates": [float(row["stop_lon"]), float(row["stop_lat"])]}
        assert land.contains(metres(position))


def test_sites_and_outlets_are_at_buildings(city: City) -> None:
    tree = shapely.STRtree(city.footprints)

    def gap(lat: float, lon: float) -> float:
        point = metres({"type": "Point", "coordinates": [lon, lat]})
        return float(point.distance(city.footprints[tree.nearest(point)]))

    with (city.folder / "facilities" / "sensitive_sites.tsv").open(encoding="utf-8") as file:
        sites = list(csv.DictReader(file, delimiter="\t"))
    assert {row["type"] for row in sites} <= {
        *("училище", "детска градина", "лечебно заведение", "храм", "бензиностанция")
    }
    assert sites
    for row in sites:
        assert gap(float(row["lat"]), float(row["lng"])) < 1
    outlets = json.loads((city.folder / "businesses" / "outlets.json").read_text(encoding="utf-8"))
    assert outlets["metadata"]["publisher"] == "sample"
    assert len(outlets["data"]) == city.summary.records["businesses/outlets.json"] > 0
    for row in outlets["data"]:
        for side in ("osm", "atp"):
            if row[side]:
                assert gap(*row[side]["coordinates"]) < 25
