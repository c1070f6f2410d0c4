"""Building permits: what is kept of a register whose free text may name people, and what each is tied to."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from loaders.permits import _works
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid

GRID = Grid("""
    A . . . . . . B
    . a b . . e f .
    . d c . . h g .
    . . . . p . . .
    D . . . . . . C
""")
DISTRICTS = """
key = "districts"
format = "vector"
file = "districts.geojson"
crs = "EPSG:4326"
[dataset.District]
key = "code"
code = "code"
boundary = "geometry"
"""
BUILDINGS = """
key = "buildings"
format = "vector"
file = "buildings.geojson"
crs = "EPSG:4326"
[dataset.Building]
key = { attribute = "cadastral_id" }
cadastral_id = "cadnum"
footprint = "geometry"
"""
ADDRESSES = """
key = "addresses"
format = "tabular"
file = "addresses.csv"
options = { lonlat = ["lon", "lat"] }
[dataset.Address]
key = "id"
text = "text"
match_key = { address = { text = "text" }, settlement = "София" }
position = "geometry"
"""
PERMITS = """
key = "permits"
format = "json_records"
file = "permits.jsonl"
prepare = "permits"
[dataset.Permit]
key = "Hash"
register_id = "Hash"
number = "Number"
issued_on = { from = "Number", match = "/([0-9.]{10})$" }
took_effect_on = "TakeEffectFilter"
works = "works"
cadastral_ids = "cadastral_ids"
cadastral_parcel = "cadastral_parcel"
address_text = "Address"
match_key = { address = { text = "Address" }, settlement = "София" }
district_hint = { from = "Region", codes = { "Лозенец" = "W", "Средец" = "O" } }
"""
ONE, OTHER = "68134.100.33.1", "68134.100.34.2"


def permit(key: str, **said: str | None) -> dict[str, str | None]:
    return {
        "Hash": key, "Number": f"{key}/09.11.2018", "TakeEffectFilter": None, "Object": None,
        "Identifier": "", "Address": None, "Region": "Лозенец", **said,
    }  # fmt: skip


def load_permits(town: LoadTown, *permits: dict[str, str | None]) -> None:
    """A town with one district, two buildings and an address beside the first, and these permits."""
    town.entries.clear()
    town.features("districts.geojson", ({"code": "W"}, lonlat(GRID["ABCD"])))
    town.features(
        "buildings.geojson",
        ({"cadnum": ONE}, lonlat(GRID["abcd"])),
        ({"cadnum": OTHER}, lonlat(GRID["efgh"])),
    )
    place = lonlat(GRID["d"])
    town.write("addresses.csv", f'id,text,lon,lat\na-1,"гр. София, ул. Шипка № 5",{place.x},{place.y}\n')
    town.write("permits.jsonl", "\n".join(json.dumps(each, ensure_ascii=False) for each in permits))
    for entry in (DISTRICTS, BUILDINGS, ADDRESSES, PERMITS):
        town.describe(entry)
    assert town.load().exit_code == 0


def test_dates_are_read_from_the_number_and_from_milliseconds(town: LoadTown) -> None:
    load_permits(
        town,
        permit("summer", TakeEffectFilter="/Date(1502139600000)/"),
        permit("winter", TakeEffectFilter="/Date(1543269600000)/"),
        permit("wrong", Number="7/31.02.2018", TakeEffectFilter="soon"),
    )
    assert town.rows("SELECT key, issued_on, took_effect_on FROM permit ORDER BY key") == [
        ("summer", dt.date(2018, 11, 9), dt.date(2017, 8, 8)),
        ("winter", dt.date(2018, 11, 9), dt.date(2018, 11, 27)),
        ("wrong", None, None),
    ]
    assert [row[:4] for row in town.notices("not-a-date")] == [
        ("permits.jsonl", "line 3", "Number", "31.02.2018"),
        ("permits.jsonl", "line 3", "TakeEffectFilter", "soon"),
    ]


def test_identifiers_are_found_in_free_text_and_names_in_it_are_not_kept(town: LoadTown) -> None:
    load_permits(
        town,
        permit("two", Identifier="68134.8592.181 и 68134.8592.180"),
        permit("unit", Identifier=f" {ONE}.7"),
        permit("mistyped", Identifier="69134.4361.67"),
        permit("old-plan", Identifier="ПИ-741"),
        permit("person", Identifier="ДОКЛАД НА ФИРМА, УПРАВИТЕЛ ИВАН ПЕТРОВ"),
    )
    assert town.rows("SELECT key, cadastral_ids, cadastral_parcel FROM permit ORDER BY key") == [
        ("mistyped", None, None),
        ("old-plan", None, None),
        ("person", None, None),
        ("two", ["68134.8592.181", "68134.8592.180"], "68134.8592.181"),
        ("unit", [f"{ONE}.7"], "68134.100.33"),
    ]
    assert [row[1:4] for row in town.notices("bad-cadastral-id")] == [
        ("line 3", "Identifier", "69134.4361.67")
    ]
    assert [row[1:4] for row in town.notices("no-cadastral-id")] == [
        ("line 4", "Identifier", "ПИ-741"),
        ("line 5", "Identifier", "a text that may name people, not repeated here"),
    ]
    for (table,) in town.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"):
        found = town.rows(f'SELECT count(*) FROM "{table}" AS t WHERE t::text ILIKE %s', "%петров%")
        assert found == [(0,)], table


@pytest.mark.parametrize(
    ("published", "kept"),
    [
        ("гр. София, ж.к. Младост 1, бл. 96А, вх. Б, ет. 1, ап. 72", "гр. София, ж.к. Младост 1, бл. 96А, вх. Б"),
        ("гр. София, ул. УЛ. ШИПКА № 5 ЕТ.2 АП.41", "гр. София, ул. УЛ. ШИПКА № 5"),
        ("гр. София, ул. ШИПКА № 5, ет. ПАРТЕР", "гр. София, ул. ШИПКА № 5"),
        ("гр. София, ул. ап. Павел № 3", "гр. София, ул. ап. Павел № 3"),
        ("ул. Шипка № 6, ет 3, ап 7", "ул. Шипка № 6"),
        ("ул. Шипка № 6, етаж 3, апартамент 7", "ул. Шипка № 6"),
        ("ул. Шипка № 6 ет. 2-3", "ул. Шипка № 6"),
        ("ул. Шипка № 6, вх.А;ет.ІІ;ап.7", "ул. Шипка № 6, вх.А"),
        ("ж.к. Младост 1, бл. 5-ап. 7", "ж.к. Младост 1, бл. 5"),
    ],
)  # fmt: skip
def test_an_address_ends_at_the_entrance(town: LoadTown, published: str, kept: str) -> None:
    load_permits(town, permit("p", Address=published))
    assert town.rows("SELECT address_text FROM permit") == [(kept,)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ПРЕУСТРОЙСТВО НА МАГАЗИН В ЖИЛИЩЕ", "CHANGE_OF_USE"),
        ("Пристройка и надстройка на жилищна сграда", "EXTENSION"),
        ("ОГРАДА", "FENCE"),
        ("ВЪТРЕШНА ГАЗОВА ИНСТАЛАЦИЯ НА ЖИЛИЩНА СГРАДА", "UTILITY_NETWORK"),
        ("ДВУЕТАЖНА ЖИЛИЩНА СГРАДА С ГАРАЖ", "RESIDENTIAL"),
        ("Комплекс с паркинг за леки автомобили", "PARKING"),
        ("САМОСТОЯТЕЛЕН ОБЕКТ ЗА ТРАНСПОРТ", None),
        ("ОФИС СГРАДА С МАГАЗИНИ И ТРАФОПОСТ", "COMMERCIAL"),
        ("П.Г.", None),
        ("", None),
    ],
)
def test_the_kind_of_works_is_told_from_their_description(text: str, kind: str | None) -> None:
    assert _works(text) == kind


def test_a_permit_is_tied_to_the_building_that_it_names_else_to_that_of_its_address(town: LoadTown) -> None:
    load_permits(
        town,
        permit("by-building", Identifier=f"{OTHER}; {ONE}", Address="гр. София, ул. Шипка № 5"),
        permit("by-unit", Identifier=f"{OTHER}.12"),
        permit("by-address", Address="гр. София, ул. ШИПКА №5, ет. 2", Identifier="68134.100.33"),
        permit("by-region", Region="Средец"),
        permit("elsewhere", Region="Средец", Address="гр. София, ул. ШИПКА №5"),
    )
    assert town.rows("SELECT key, building, address, district FROM permit ORDER BY key") == [
        ("by-address", ONE, "a-1", "W"),
        ("by-building", ONE, "a-1", "W"),
        ("by-region", None, None, None),  # a district that is not loaded
        ("by-unit", OTHER, None, "W"),
        ("elsewhere", ONE, "a-1", "W"),  # the only such house, though the register says another district
    ]
    assert town.rows(
        "SELECT subject_key, object_key, method, score, evidence FROM link"
        " WHERE type = 'CONCERNS' ORDER BY subject_key, object_key"
    ) == [
        ("by-address", ONE, "ADDRESS_MATCH", 0.98, {"address": "a-1"}),
        ("by-building", ONE, "SAME_KEY", 1.0, {"cadastral_id": ONE}),
        ("by-building", OTHER, "SAME_KEY", 1.0, {"cadastral_id": OTHER}),
        ("by-unit", OTHER, "SAME_KEY", 1.0, {"cadastral_id": f"{OTHER}.12"}),
        ("elsewhere", ONE, "ADDRESS_MATCH", 0.921, {"address": "a-1"}),
    ]


def test_loading_the_same_permits_again_writes_nothing_and_a_new_building_finds_its_permit(
    town: LoadTown,
) -> None:
    waiting = permit("p", Identifier="68134.100.35.1")
    load_permits(town, waiting, permit("q", Identifier=ONE))
    before = town.versions()
    town.load()
    assert town.versions() == before
    town.features(
        "buildings.geojson",
        ({"cadnum": ONE}, lonlat(GRID["abcd"])),
        ({"cadnum": "68134.100.35.1"}, lonlat(GRID["efgh"])),
    )
    town.load("buildings")
    assert town.rows("SELECT key, building FROM permit ORDER BY key") == [
        ("p", "68134.100.35.1"),
        ("q", ONE),
    ]
