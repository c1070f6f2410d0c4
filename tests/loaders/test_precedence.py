"""Entities that several data sets describe: fields merge by precedence, the last record's end closes them."""

from __future__ import annotations

from loaders.report import Status
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid

GRID = Grid("""
    A . B . C
    . . . . .
    F . E . D
""")
HEAD = """
[precedence]
District = ["boundaries", "names", "numbers"]
"""
BOUNDARIES = """
key = "boundaries"
format = "vector"
file = "boundaries.geojson"
crs = "EPSG:4326"
[dataset.District]
key = { from = "n", pad = 2, prefix = "D-" }
code = { from = "n", pad = 2, prefix = "D-" }
name_bg = "name"
boundary = "geometry"
"""
NAMES = """
key = "names"
format = "tabular"
file = "names.csv"
[dataset.District]
key = "code"
code = "code"
name_bg = "name"
name_latin = "latin"
"""
NUMBERS = """
key = "numbers"
format = "tabular"
file = "numbers.csv"
ignore = ["name"]
[dataset.District]
key = { from = "id", unknown = "0", pad = 2, prefix = "D-" }
population = "people"
"""


def build(town: LoadTown) -> None:
    town.head = HEAD
    for entry in (BOUNDARIES, NAMES, NUMBERS):
        town.describe(entry)
    town.features(
        "boundaries.geojson",
        ({"n": 1, "name": "Запад"}, lonlat(GRID["ABEF"])),
        ({"n": 2, "name": None}, lonlat(GRID["BCDE"])),
    )
    town.write("names.csv", "code,name,latin\nD-01,ЗАПАД,\nD-02,Изток,Orient\nD-03,Юг,\n")
    town.write("numbers.csv", 'id,name,people\n0,"Неизвестно",\n1,"Зъпад",100\n2,"Исток",200\n')


def districts(town: LoadTown) -> list[tuple[object, ...]]:
    return town.rows("SELECT key, name_bg, name_latin, population, sources FROM district ORDER BY key")


def test_fields_merge_by_precedence_and_a_real_latin_name_beats_a_generated_one(town: LoadTown) -> None:
    build(town)
    assert town.load().exit_code == 0
    everyone = ["boundaries", "names", "numbers"]
    assert districts(town) == [
        ("D-01", "Запад", "Zapad", 100, everyone),
        ("D-02", "Изток", "Orient", 200, everyone),
    ]


def test_what_lacks_something_it_cannot_be_without_waits_and_is_said(town: LoadTown) -> None:
    build(town)
    town.load()
    [(file, position, _, value, message, _)] = town.notices("incomplete-entity")
    assert (file, position, value) == ("names.csv", "line 4", "D-03")
    assert message.startswith("District D-03 has no code, boundary in names or any other data set")
    [unknown] = town.notices("unknown-value")
    assert unknown[:4] == ("numbers.csv", "line 2", "id", "0")
    # when its boundary comes, it is made
    town.features(
        "boundaries.geojson",
        ({"n": 1, "name": "Запад"}, lonlat(GRID["ABEF"])),
        ({"n": 3, "name": None}, lonlat(GRID["BCDE"])),
    )
    town.load("boundaries")
    assert districts(town) == [
        ("D-01", "Запад", "Zapad", 100, ["boundaries", "names", "numbers"]),
        ("D-03", "Юг", "Yug", None, ["boundaries", "names"]),
    ]


def test_a_source_that_falls_silent_leaves_the_word_to_the_next(town: LoadTown) -> None:
    build(town)
    town.load()
    town.features(
        "boundaries.geojson",
        ({"n": 1, "name": None}, lonlat(GRID["ABEF"])),
        ({"n": 2, "name": None}, lonlat(GRID["BCDE"])),
    )
    report = town.load("boundaries")
    assert report["boundaries"].entities["District"].changed == 1
    assert districts(town)[0][:3] == ("D-01", "ЗАПАД", "ZAPAD")
    assert town.rows(
        "SELECT name_bg FROM district_history WHERE key = 'D-01' ORDER BY version DESC LIMIT 1"
    ) == [("Запад",)]


def test_an_entity_closes_when_its_last_record_vanishes(town: LoadTown) -> None:
    build(town)
    town.load()
    town.write("numbers.csv", "id,name,people\n1,x,100\n")
    town.load("numbers")
    assert [row[0] for row in districts(town)] == ["D-01", "D-02"]
    assert districts(town)[1][3:] == (None, ["boundaries", "names"])
    town.write("names.csv", "code,name,latin\nD-01,ЗАПАД,\n")
    town.load("names")
    town.features("boundaries.geojson", ({"n": 1, "name": "Запад"}, lonlat(GRID["ABEF"])))
    report = town.load("boundaries")
    assert report["boundaries"].entities["District"].closed == 1
    assert [row[0] for row in districts(town)] == ["D-01"]


def test_loading_again_writes_no_row_and_no_record(town: LoadTown) -> None:
    build(town)
    town.load()
    before = town.versions()
    assert {one.status for one in town.load().datasets} == {Status.UNCHANGED}
    assert town.versions() == before
