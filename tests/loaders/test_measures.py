"""How good a data set is, is measured at its load, kept with the city and held against its catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from loaders.report import Status
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid
from twin.errors import BadRequest

GRID = Grid("""
    A . . B
    . p . .
    D . . C
""")
DISTRICTS = """
key = "d"
format = "vector"
file = "d.geojson"
crs = "EPSG:4326"
[dataset.District]
key = "code"
code = "code"
name_bg = "name"
boundary = "geometry"
"""
POPULATIONS = """
key = "n"
format = "tabular"
file = "n.csv"
[dataset.District]
range = { population = [100, 5000] }
key = "code"
population = "people"
"""
FACILITIES = """
key = "f"
format = "tabular"
file = "f.csv"
options = { lonlat = ["lon", "lat"] }
[dataset.Facility]
expect = [2, 5]
complete = { name = 0.5 }
range = { capacity = [10, 500] }
key = "id"
kind = { from = "type", codes = { school = "SCHOOL" } }
name = "name"
capacity = "places"
position = "geometry"
"""


def facilities(*rows: str) -> str:
    return "id,type,name,places,lon,lat\n" + "".join(f"{n},{row}\n" for n, row in enumerate(rows))


INSIDE = lonlat(GRID["p"])
IN = f"{INSIDE.x},{INSIDE.y}"
OUT = "23.45,42.72"


def measured(town: LoadTown, source: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Entity, field and metric of each of a source's measurements -> value, least, most, outcome."""
    rows = town.rows(
        "SELECT entity, field, metric, value, least, most, outcome FROM quality_measurement WHERE source = %s",
        source,
    )
    return {row[:3]: row[3:] for row in rows}


@pytest.fixture
def schools(town: LoadTown) -> LoadTown:
    """Three schools, one of them in the only district, one without a name; and a record that is refused."""
    town.describe(DISTRICTS)
    town.describe(FACILITIES)
    town.features("d.geojson", ({"code": "D1", "name": "Лозенец"}, lonlat(GRID["ABCD"])))
    town.write(
        "f.csv",
        facilities(f"school,1. ОУ,300,{IN}", f"school,2. ОУ,,{OUT}", f"school,,40,{OUT}", f"mill,x,1,{OUT}"),
    )
    assert town.load().exit_code == 0
    return town


def test_what_was_read_kept_filled_and_linked_is_measured(schools: LoadTown) -> None:
    assert measured(schools, "f") == {
        (None, None, "RECORDS_READ"): (4, None, None, None),
        (None, None, "RECORDS_REFUSED"): (1, None, None, None),
        ("Facility", None, "COUNT"): (3, 2, 5, "MET"),
        ("Facility", "kind", "COMPLETENESS"): (1, None, None, None),
        ("Facility", "name", "COMPLETENESS"): (pytest.approx(2 / 3), 0.5, None, "MET"),
        ("Facility", "capacity", "COMPLETENESS"): (pytest.approx(2 / 3), None, None, None),
        ("Facility", "position", "COMPLETENESS"): (1, None, None, None),
        ("Facility", "capacity", "SMALLEST"): (40, 10, None, "MET"),
        ("Facility", "capacity", "LARGEST"): (300, None, 500, "MET"),
        ("Facility", "building", "LINKED"): (0, None, None, None),
        ("Facility", "district", "LINKED"): (pytest.approx(1 / 3), None, None, None),
        ("Facility", "neighbourhood", "LINKED"): (0, None, None, None),
    }


def test_the_same_files_again_rewrite_no_measurement(schools: LoadTown) -> None:
    before = schools.versions()
    assert before["quality_measurement"]
    assert {one.status for one in schools.load().datasets} == {Status.UNCHANGED}
    assert schools.versions() == before


def test_a_load_measures_anew_what_it_links(schools: LoadTown) -> None:
    """The district comes to lie elsewhere: the schools' own data set was not loaded, but its links changed."""
    schools.features("d.geojson", ({"code": "D1", "name": "Лозенец"}, lonlat(GRID["Dp"].buffer(1))))
    before = measured(schools, "f")
    schools.load("d")
    after = measured(schools, "f")
    assert after["Facility", "district", "LINKED"][0] == pytest.approx(1 / 3)
    schools.features("d.geojson", ({"code": "D1", "name": "Лозенец"}, lonlat(GRID["D"].buffer(1))))
    schools.load("d")
    after = measured(schools, "f")
    assert after.pop(("Facility", "district", "LINKED"))[0] == 0
    assert after.items() <= before.items()


def test_what_the_catalogue_takes_no_more_is_measured_no_more(schools: LoadTown) -> None:
    schools.entries[1] = schools.entries[1].replace('name = "name"\n', "").replace("name = 0.5", "")
    schools.load("f")
    assert ("Facility", "name", "COMPLETENESS") not in measured(schools, "f")


def test_of_an_entity_with_several_sources_each_is_measured_by_what_it_says(town: LoadTown) -> None:
    town.head = '[precedence]\nDistrict = ["d", "n"]\n'
    town.describe(DISTRICTS)
    town.describe(POPULATIONS)
    shape = lonlat(GRID["ABCD"])
    town.features("d.geojson", ({"code": "D1", "name": "Лозенец"}, shape), ({"code": "D2"}, shape))
    town.write("n.csv", "code,people\nD1,1200\nD2,\nD3,300\n")
    assert town.load().exit_code == 0
    assert measured(town, "d")["District", "name_bg", "COMPLETENESS"][0] == 0.5
    found = measured(town, "n")
    assert found["District", None, "COUNT"][0] == 3
    assert found["District", "population", "COMPLETENESS"][0] == pytest.approx(2 / 3)
    assert found["District", "population", "SMALLEST"] == (300, 100, None, "MET")
    assert found["District", "population", "LARGEST"] == (1200, None, 5000, "MET")
    assert ("District", "name_bg", "COMPLETENESS") not in found


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (
            [f"school,,20,{IN}", f"school,,20,{IN}", f"school,x,20,{IN}"],
            "f.csv: 33.3333% of its records of Facility have name filled; expected is at least 50%. ",
        ),
        (
            [f"school,x,20,{IN}", f"school,y,2,{IN}"],
            "f.csv: the smallest capacity of Facility is 2; expected is at least 10. ",
        ),
    ],
)
def test_a_broken_floor_stops_the_load_unless_one_insists(
    schools: LoadTown, rows: list[str], complaint: str
) -> None:
    before = schools.versions()
    schools.write("f.csv", facilities(*rows))
    report = schools.load("f")
    assert report.exit_code == 1
    assert report["f"].failure == (
        complaint + "Nothing was changed. If that is right, load it again with --accept-fewer"
    )
    assert schools.versions() == before
    assert schools.load("f", accept_fewer=True).exit_code == 0
    assert [row[6] for row in schools.rows("SELECT * FROM quality_measurement WHERE outcome = 'BELOW'")]
    [(*_, message, occurrences)] = schools.notices("unexpected-values")
    assert message.lower() == complaint.removeprefix("f.csv: ").rstrip().lower()
    assert occurrences == 1


def test_a_broken_ceiling_is_a_notice(schools: LoadTown) -> None:
    schools.write("f.csv", facilities(*[f"school,x,{n},{IN}" for n in (20, 501, 30, 40, 50, 60)]))
    assert schools.load("f").exit_code == 0
    assert measured(schools, "f")["Facility", None, "COUNT"] == (6, 2, 5, "ABOVE")
    assert measured(schools, "f")["Facility", "capacity", "LARGEST"] == (501, None, 500, "ABOVE")
    [(_, _, field, value, message, _)] = schools.notices("unexpected-values")
    assert (field, value) == ("capacity", "501")
    assert message == "The largest capacity of Facility is 501; expected is at most 500."


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("complete = { nme = 0.5 }", "this entry fills no nme; it fills kind, name, capacity, position"),
        ("complete = { name = 90 }", "name is 90; expected is a share above 0 and up to 1"),
        ("complete = 0.9", "complete must be a table"),
        ("range = { name = [1, 2] }", "name is no number, so it has no range"),
        ("range = { capacity = [5, 1] }", "capacity is [5, 1]; expected is [least, most]"),
        ('range = { capacity = ["a", "b"] }', "capacity is ['a', 'b']; expected is [least, most]"),
        ("expect = [true, 5]", "expect is [True, 5]; expected is [least, most]"),
    ],
)
def test_an_expectation_that_cannot_be_is_refused(town: LoadTown, given: str, complaint: str) -> None:
    lines = [line for line in FACILITIES.splitlines() if not line.startswith(("expect", "complete", "range"))]
    lines.insert(lines.index("[dataset.Facility]") + 1, given)
    town.describe("\n".join(lines))
    with pytest.raises(BadRequest) as wrong:
        town.load()
    assert complaint in str(wrong.value)


@pytest.mark.parametrize("days", ["0", "-7", "1.5", "true", '"weekly"'])
def test_refresh_days_are_days(town: LoadTown, days: str) -> None:
    town.describe(f"refresh_days = {days}\n{FACILITIES}")
    with pytest.raises(BadRequest, match="expected is a whole number of days above 0"):
        town.load()
