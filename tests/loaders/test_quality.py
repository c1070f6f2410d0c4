"""`twin quality`: for somebody to read, for a program, and as an alarm that nobody has to watch."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from tests.loaders.town import LoadTown
from twin.cli import main

SCHOOLS = """
key = "f"
format = "tabular"
file = "f.csv"
refresh = "weekly"
refresh_days = 7
options = { lonlat = ["lon", "lat"] }
[dataset.Facility]
expect = [1, 2]
key = "id"
kind = { from = "type", codes = { school = "SCHOOL" } }
name = "name"
position = "geometry"
"""
HEAD = "id,type,name,lon,lat\n"
ROWS = "1,school,1. ОУ,23.3,42.7\n2,school,,23.3,42.7\n"


@pytest.fixture
def schools(town: LoadTown, monkeypatch: pytest.MonkeyPatch) -> LoadTown:
    monkeypatch.setenv("TWIN_DATABASE_URL", town.url)
    town.describe(SCHOOLS)
    town.write("f.csv", HEAD + ROWS)
    assert town.load().exit_code == 0
    return town


def quality(town: LoadTown, *options: str) -> Result:
    return CliRunner().invoke(main, ["quality", "--city", town.name, *options])


def test_a_good_city_is_told_in_tables_and_passes(schools: LoadTown) -> None:
    result = quality(schools, "--strict")
    assert (result.exit_code, result.stderr) == (0, "")
    for shown in ("weekly", "LOADED", "1 to 2", "name 50%", "building 0%, district 0%, neighbourhood 0%"):
        assert shown in result.stdout
    assert "kind 100%" not in result.stdout


def test_a_program_gets_the_same_in_the_names_of_the_api(schools: LoadTown) -> None:
    told = json.loads(quality(schools, "--json").stdout)
    [source] = told["sources"]
    assert (told["city"], told["broken"]) == ("Test town", [])
    assert {
        "key": "f",
        "records": 2,
        "refreshDays": 7,
        "ageDays": 0,
        "stale": False,
    }.items() <= source.items()
    assert source["lastRun"] == {"status": "LOADED", "failure": None}
    assert {
        "entity": "Facility", "field": None, "metric": "COUNT", "value": 2, "least": 1, "most": 2, "outcome": "MET",
    } in source["quality"]  # fmt: skip


def test_what_is_old_raises_the_alarm(schools: LoadTown) -> None:
    with schools.connect() as connection:
        connection.execute("UPDATE source SET loaded_at = now() - interval '8 days 1 hour'")
    said = "f: it is 8 days old; it is published anew every 7 days.\n"
    for options, code in (((), 0), (("--strict",), 1), (("--strict", "--json"), 1)):
        result = quality(schools, *options)
        assert (result.exit_code, result.stderr) == (code, said)
    assert "8 days, stale" in quality(schools).stdout
    assert json.loads(quality(schools, "--json").stdout)["sources"][0]["broken"] == [said[3:-2]]


def test_a_broken_expectation_raises_the_alarm(schools: LoadTown) -> None:
    schools.write("f.csv", HEAD + ROWS + "3,school,x,23.3,42.7\n")
    assert schools.load().exit_code == 0
    result = quality(schools, "--strict")
    assert (result.exit_code, result.stderr) == (
        1,
        "f: it holds 3 records of Facility; expected is 1 to 2.\n",
    )


def test_a_load_that_was_refused_raises_the_alarm_though_the_data_are_as_before(schools: LoadTown) -> None:
    schools.write("f.csv", HEAD)
    assert schools.load().exit_code == 1
    result = quality(schools, "--strict")
    assert result.exit_code == 1
    assert result.stderr.startswith("f: its last load failed: f.csv: it holds no records")
    schools.write("f.csv", HEAD + ROWS)
    schools.load()
    assert quality(schools, "--strict").exit_code == 0


def test_a_city_that_is_not_loaded_is_wrong_use(schools: LoadTown) -> None:
    result = CliRunner().invoke(main, ["quality", "--city", "nowhere"])
    assert (result.exit_code, '"nowhere" is not loaded' in result.stderr) == (2, True)
