"""Search entries follow what is loaded: added, changed and gone with their records, erased with persons."""

from __future__ import annotations

import random
from typing import Any

import pytest
from shapely import LineString

from loaders.run import link
from tests.loaders.deeds import ONE, TWO, deed, export, field, seat, whole
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid
from twin.text import fold

GRID = Grid("""
    p . q
    . . .
    r . .
""")
STOPS = """
key = "stops"
format = "tabular"
file = "stops.csv"
options = { lonlat = ["lon", "lat"] }
[dataset.TransitStop]
key = "id"
gtfs_id = "id"
name = "name"
position = "geometry"
"""


def stops(town: LoadTown, *rows: tuple[str, str, str]) -> None:
    lines = ["id,name,lon,lat"]
    for key, name, mark in rows:
        point = lonlat(GRID[mark])
        lines.append(f"{key},{name},{point.x},{point.y}")
    town.write("stops.csv", "\n".join(lines) + "\n")


def entries(town: LoadTown) -> list[tuple[Any, ...]]:
    return town.rows("SELECT entity, key, names FROM search_entry ORDER BY entity, key")


def words(town: LoadTown) -> dict[str, int]:
    return dict(town.rows("SELECT word, entries FROM search_word"))


def test_entries_come_change_and_go_with_their_records(town: LoadTown) -> None:
    town.describe(STOPS)
    stops(town, ("1", "Орлов мост", "p"), ("2", "Мост на влюбените", "q"))
    town.load()
    assert entries(town) == [
        ("TransitStop", "1", "|orlov most||"),
        ("TransitStop", "2", "|most na vlyubenite||"),
    ]
    assert words(town) == {"orlov": 1, "most": 2, "na": 1, "vlyubenite": 1}
    stops(town, ("1", "Орлов мост", "r"), ("3", "Лъвов мост", "q"))
    town.load(accept_fewer=True)
    assert entries(town) == [("TransitStop", "1", "|orlov most||"), ("TransitStop", "3", "|lavov most||")]
    assert words(town) == {"orlov": 1, "most": 2, "lavov": 1}
    assert town.rows(
        "SELECT count(*) FROM search_entry AS e JOIN transit_stop AS t USING (key)"
        " WHERE ST_Equals(e.position, t.position)"
    ) == [(2,)]


def test_what_did_not_change_is_not_written(town: LoadTown) -> None:
    town.describe(STOPS)
    stops(town, ("1", "Орлов мост", "p"), ("2", "Лъвов мост", "q"))
    town.load()
    before = town.versions()["search_entry"], town.versions()["search_word"]
    town.load()
    link(town.url, town.name)
    assert (town.versions()["search_entry"], town.versions()["search_word"]) == before
    stops(town, ("1", "Орлов мост", "p"), ("2", "Лъвов", "q"))
    town.load()
    assert len(set(town.versions()["search_entry"]) & set(before[0])) == 1


def test_linking_makes_the_entries_of_a_city_that_had_none(town: LoadTown) -> None:
    town.describe(STOPS)
    stops(town, ("1", "Орлов мост", "p"))
    town.load()
    kept = entries(town)
    with town.connect() as connection:
        connection.execute("TRUNCATE search_entry, search_word")
    link(town.url, town.name)
    assert entries(town) == kept
    assert words(town) == {"orlov": 1, "most": 1}


def test_who_becomes_a_sole_trader_cannot_be_searched_any_more(register: LoadTown) -> None:
    register.load("d")
    register.write("1.xml", export(whole(ONE, "ТАЙНА", "ул. Тайна", "2020-01-02"),
                                   whole(TWO, "ЯВНА", "ул. Шипка", "2020-01-02")))  # fmt: skip
    register.load()
    assert {entity for entity, _, names in entries(register) if "tayna" in names} == {"Business", "Site"}
    register.write("2.xml", export(deed(ONE, field("LegalForm", "", "2021-01-02"), form="ET")))
    register.load()
    assert not [names for _, _, names in entries(register) if "tayna" in names]
    assert not [word for word in words(register) if word.startswith("tayna")]
    assert [names for _, _, names in entries(register) if "yavna" in names]


def test_a_street_that_a_register_erases_cannot_be_searched_any_more(register: LoadTown) -> None:
    register.load("d")
    register.write("1.xml", export(whole(ONE, "ПЪРВА", "ул. Заличена", "2020-01-02")))
    register.load()
    assert "zalichena" in words(register)
    register.write("2.xml", export(deed(ONE, seat("", "2021-01-02", "Erase"))))
    register.load()
    assert "zalichena" not in words(register)
    assert not [names for _, _, names in entries(register) if "zalichena" in names]


NAMED = """
key = "{entity}"
format = "vector"
file = "{entity}.geojson"
crs = "EPSG:4326"
[dataset.{entity}]
key = "id"
{fields}
"""


@pytest.mark.parametrize(
    "long",
    [
        " ".join("".join(random.Random(n).choices("абвгдежзиклмнопрстуфх", k=9)) for n in range(600)),
        "".join(random.Random(0).choices("абвгдежзиклмнопрстуфхцчшщ", k=6_000)),
    ],
    ids=["words", "word"],
)
def test_what_has_too_long_a_name_is_loaded_and_found_by_how_it_begins(register: LoadTown, long: str) -> None:
    point, line = lonlat(GRID["p"]), lonlat(LineString([GRID["p"], GRID["q"]]))
    area = lonlat(GRID["p"].buffer(50))
    for entity, fields, shape in (
        ("Facility", 'name = "name"\nkind = { value = "SCHOOL" }\nposition = "geometry"', point),
        ("StreetSegment", 'name = "name"\ncentreline = "geometry"', line),
        ("Neighbourhood", 'name = "name"\nboundary = "geometry"', area),
        ("Address", 'text = "name"\nposition = "geometry"\n'
                    'match_key = { address = { text = "name" }, settlement = "София" }', point),
    ):  # fmt: skip
        name = f"ул. {long} № 5" if entity == "Address" else long
        register.features(f"{entity}.geojson", ({"id": "1", "name": name}, shape))
        register.describe(NAMED.format(entity=entity, fields=fields))
    register.write("1.xml", export(whole(ONE, long, f"ул. {long}", "2020-01-02")))
    report = register.load()
    assert report.exit_code == 0, [each.failure for each in report.datasets]
    begun = fold(long)[:150]
    assert register.rows(
        "SELECT DISTINCT entity FROM search_entry WHERE name LIKE %s ORDER BY 1", begun + "%"
    ) == [("Address",), ("Business",), ("Facility",), ("Neighbourhood",), ("Site",), ("StreetSegment",)]
    assert register.rows("SELECT count(*) FROM business WHERE name_core LIKE %s", begun + "%") == [(1,)]
