"""How a load reads: everything, changes or what is new; a trial, a dry run, many files, and what is known already."""

from __future__ import annotations

from typing import Any

import pytest

import loaders.opening
from loaders.report import Status
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid
from twin.errors import BadRequest

GRID = Grid("""
    A . . . B
    . p . . .
    . . . q .
    D . . . C
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
PLACES = """
key = "places"
format = "tabular"
file = "{file}"
mode = "{mode}"
options = {{ lonlat = ["lon", "lat"] }}
[dataset.Facility]
{more}
key = "id"
kind = {{ value = "SCHOOL" }}
name = "name"
capacity = "seats"
position = "geometry"
"""


def describe(town: LoadTown, mode: str = "full", file: str = "places.csv", more: str = "") -> None:
    town.describe(PLACES.format(mode=mode, file=file, more=more))


def places(*rows: tuple[str, str, object]) -> str:
    """A table of schools: id, name and seats."""
    point = lonlat(GRID["p"])
    lines = [f"{key},{name},{seats},{point.x},{point.y}" for key, name, seats in rows]
    return "\n".join(["id,name,seats,lon,lat", *lines]) + "\n"


def held(town: LoadTown) -> list[tuple[Any, ...]]:
    return town.rows("SELECT key, name, capacity FROM facility ORDER BY key")


def everything(town: LoadTown) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the city, byte for byte, and where it lies."""
    tables = town.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
    return {
        name: town.rows(f'SELECT ctid::text, xmin::text, t::text FROM "{name}" AS t') for (name,) in tables
    }


# ------------------------------------------------------------------------------------------------- appended


def test_what_is_appended_stays_as_it_was_first_said(town: LoadTown) -> None:
    describe(town, "append")
    town.write("places.csv", places(("1", "A", 1), ("2", "B", 2)))
    town.load()
    town.write("places.csv", places(("2", "B", 3), ("1", "A", 1), ("3", "C", 3)))
    merged = town.load()["places"].entities["Facility"]
    assert (merged.added, merged.changed, merged.unchanged, merged.closed) == (1, 0, 2, 0)
    assert held(town) == [("1", "A", 1), ("2", "B", 2), ("3", "C", 3)]
    [(file, position, field, value, message, _)] = town.notices("changed-after-all")
    assert (file, position, field, value) == ("places.csv", "line 2", "key", "2")
    assert message == ("Facility 2 says something else than when it was first loaded. It was left as it was.")
    assert town.rows("SELECT count(*) FROM facility_history") == [(0,)]


def test_what_is_appended_cannot_be_merged_from_several_data_sets(town: LoadTown) -> None:
    describe(town, "append")
    town.describe(PLACES.format(mode="full", file="b.csv", more="").replace('"places"', '"others"'))
    town.head = '[precedence]\nFacility = ["places", "others"]\n'
    with pytest.raises(BadRequest, match="places has mode append, whose records never change"):
        town.load()


# --------------------------------------------------------------------------------------------- expectations


@pytest.mark.parametrize("mode", ["delta", "append"])
def test_of_changes_the_rows_held_afterwards_are_what_is_expected(town: LoadTown, mode: str) -> None:
    describe(town, mode, more="expect = [3, 3]")
    town.write("places.csv", places(("1", "A", 1), ("2", "B", 2)))
    report = town.load()["places"]
    assert report.status is Status.LOADED
    assert [row[4] for row in town.notices("unexpected-count")] == ["There are 2 of Facility; expected 3."]
    town.write("places.csv", places(("3", "C", 3)))
    report = town.load()["places"]
    assert (report.entities["Facility"].added, report.entities["Facility"].rows) == (1, 3)
    assert town.notices("unexpected-count") == []
    assert town.rows("SELECT records FROM source") == [(3,)]


def test_a_file_of_changes_may_be_empty(town: LoadTown) -> None:
    describe(town, "delta")
    town.write("places.csv", places(("1", "A", 1)))
    town.load()
    town.write("places.csv", places())
    assert town.load()["places"].status is Status.UNCHANGED
    assert held(town) == [("1", "A", 1)]


@pytest.mark.parametrize(("count", "status"), [(3, Status.UNCHANGED), (30, Status.FAILED)])
def test_many_changes_that_are_all_wrong_are_refused(town: LoadTown, count: int, status: Status) -> None:
    describe(town, "delta", more="required = ['capacity']")
    town.write("places.csv", places(("1", "A", 1)))
    town.load()
    town.write("places.csv", places(*((str(n), "A", "") for n in range(count))))
    assert town.load()["places"].status is status
    assert held(town) == [("1", "A", 1)]


# ---------------------------------------------------------------------------------------------------- trial


def test_a_trial_reads_the_first_records_and_closes_nothing(town: LoadTown) -> None:
    describe(town, more="expect = [5, 5]")
    town.write("places.csv", places(*((str(n), "A", n) for n in range(1, 6))))
    town.load()
    town.write("places.csv", places(*((str(n), "B", n) for n in range(3, 8))))
    report = town.load(limit=2)
    assert report.exit_code == 0
    assert report["places"].records == 2
    merged = report["places"].entities["Facility"]
    assert (merged.changed, merged.closed, merged.rows) == (2, 0, 5)
    assert [name for _, name, _ in held(town)] == ["A", "A", "B", "B", "A"]
    assert town.notices("unexpected-count") == []
    assert town.rows("SELECT record_limit, records_read FROM import_run ORDER BY started_at") == [
        (None, 5),
        (2, 2),
    ]
    assert "a trial with 2 records of each data set, which closes nothing" in report.title


def test_a_trial_stops_reading_early(town: LoadTown) -> None:
    describe(town)
    town.write("places.csv", places(("1", "A", 1)) + '2,"an open quotation mark\n' * 30_000)
    assert town.load(limit=1)["places"].status is Status.LOADED


def test_after_a_trial_the_same_file_is_read_whole(town: LoadTown) -> None:
    describe(town)
    town.write("places.csv", places(("1", "A", 1), ("2", "B", 2)))
    town.load(limit=1)
    assert town.load(again=False)["places"].entities["Facility"].added == 1


def test_a_trial_of_no_records_is_refused(town: LoadTown) -> None:
    describe(town)
    with pytest.raises(BadRequest, match="--limit: it is 0; expected is a number of records, at least 1"):
        town.load(limit=0)


# -------------------------------------------------------------------------------------------------- dry run


def test_a_dry_run_says_what_would_change_and_leaves_every_table_as_it_was(town: LoadTown) -> None:
    town.describe(DISTRICTS)
    describe(town)
    town.features("districts.geojson", ({"code": "D"}, lonlat(GRID["ABCD"])))
    town.write("places.csv", places(("1", "A", 1), ("2", "B", 2), ("3", "C", 3)))
    town.load()
    before = everything(town)
    town.write("places.csv", places(("1", "A", 1), ("2", "BB", 22), ("4", "D", 4), ("5", "", "many")))
    report = town.load(dry_run=True)
    assert report.exit_code == 0
    merged = report["places"].entities["Facility"]
    assert (merged.added, merged.changed, merged.unchanged, merged.closed) == (2, 1, 1, 1)
    assert report["places"].notices == {"not-a-whole-number": 1}
    assert [(one.entity, one.kind, one.count, one.examples) for one in report.changes] == [
        ("Facility", "added", 2, (("Facility:4", ()), ("Facility:5", ()))),
        ("Facility", "changed", 1, (("Facility:2", ("name", "name_latin", "name_folded", "capacity")),)),
        ("Facility", "closed", 1, (("Facility:3", ()),)),
    ]
    assert everything(town) == before
    assert town.load().datasets[1].entities == report["places"].entities


def test_a_dry_run_that_fails_says_so_by_its_exit_code(town: LoadTown) -> None:
    describe(town, more="expect = [3, 3]")
    town.write("places.csv", places(("1", "A", 1)))
    report = town.load(dry_run=True)
    assert (report.exit_code, report["places"].status) == (1, Status.FAILED)


@pytest.mark.parametrize("atomic", [False, True])
def test_a_dry_run_of_a_new_city_leaves_none(town: LoadTown, atomic: bool) -> None:
    describe(town)
    town.write("places.csv", places(("1", "A", 1), ("2", "B", 2)))
    report = town.load(dry_run=True, limit=1, atomic=atomic)
    assert report["places"].entities["Facility"].added == 1
    assert town.rows("SELECT count(*) FROM twin.city WHERE name = %s", town.name) == [(0,)]
    assert town.rows("SELECT to_regnamespace(%s) IS NULL", town.name) == [(True,)]


# ------------------------------------------------------------------------------------------------ unchanged


def test_what_has_not_changed_is_not_read_again(town: LoadTown) -> None:
    describe(town)
    town.write("places.csv", places(("1", "A", 1)))
    town.load()
    before = town.versions()
    [(loaded_at,)] = town.rows("SELECT loaded_at FROM source")
    report = town.load(again=False)["places"]
    assert (report.status, report.records, report.known) == (Status.UNCHANGED, 0, 1)
    assert "(not read again)" in report.outcome
    assert town.versions() == before
    assert town.rows("SELECT loaded_at > %s, records FROM source", loaded_at) == [(True, 1)]
    assert town.rows(
        "SELECT status, records_read, rows_unchanged FROM import_run ORDER BY started_at DESC LIMIT 1"
    ) == [("UNCHANGED", 0, 1)]
    # and again, after the one that read nothing
    assert town.load(again=False)["places"].since == report.since
    assert town.load()["places"].records == 1


def test_a_changed_entry_of_the_catalogue_is_read_again(town: LoadTown) -> None:
    describe(town)
    town.write("places.csv", places(("1", "A", 1)))
    town.load()
    town.entries[0] = town.entries[0].replace('"SCHOOL"', '"LIBRARY"')
    assert town.load(again=False)["places"].entities["Facility"].changed == 1


def test_changed_code_reads_again(town: LoadTown, monkeypatch: pytest.MonkeyPatch) -> None:
    describe(town)
    town.write("places.csv", places(("1", "A", 1)))
    town.load()
    monkeypatch.setattr(loaders.opening, "code_digest", lambda: "other")
    assert town.load(again=False)["places"].records == 1


def test_where_the_areas_changed_what_lies_in_them_is_read_again(town: LoadTown) -> None:
    town.describe(DISTRICTS)
    describe(town, more='within = "District"')
    town.features("districts.geojson", ({"code": "D"}, lonlat(GRID["ABCD"])))
    town.write("places.csv", places(("1", "A", 1)))
    assert town.load()["places"].entities["Facility"].rows == 1
    assert town.load(again=False)["places"].records == 0
    town.features("districts.geojson", ({"code": "D"}, lonlat(GRID["DqC"])))
    report = town.load(again=False, accept_fewer=True)
    assert (report["places"].records, report["places"].refused) == (1, 1)


def test_a_key_that_another_data_set_gave_up_is_read_again(town: LoadTown) -> None:
    for key in ("places", "others"):
        town.describe(PLACES.format(mode="full", file=f"{key}.csv", more="").replace("places", key))
        town.write(f"{key}.csv", places(("1", key, 1), (key, key, 2)))
    town.load()
    town.write("places.csv", places(("places", "places", 2)))
    report = town.load(again=False)
    assert report["others"].entities["Facility"].added == 1


def test_a_file_that_was_loaded_before_the_last_one_is_read_again(town: LoadTown) -> None:
    describe(town)
    for name in ("A", "B", "A"):
        town.write("places.csv", places(("1", name, 1)))
        assert town.load(again=False)["places"].status is Status.LOADED


# ----------------------------------------------------------------------------------------------- many files


def write_days(town: LoadTown, count: int, first: int = 1) -> None:
    """A file a day, each with one school more and a new word on the first."""
    for day in range(first, first + count):
        town.write(f"days/{day:03}.csv", places((str(day), "A", day), ("0", f"day {day}", day)))


def runs(town: LoadTown) -> list[tuple[Any, ...]]:
    """Status and file names of each run."""
    return town.rows(
        "SELECT r.status, array_agg(right(f.name, 7) ORDER BY f.name) FILTER (WHERE f.name IS NOT NULL)"
        " FROM import_run AS r LEFT JOIN loaded_file AS f ON f.run = r.key GROUP BY r.key ORDER BY r.started_at"
    )


@pytest.fixture
def two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders.opening, "BATCH_FILES", 2)


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.usefixtures("two_at_a_time")
def test_many_files_are_loaded_some_at_a_time_in_the_order_of_their_names(
    town: LoadTown, atomic: bool
) -> None:
    describe(town, "delta", "days/*.csv")
    write_days(town, 5)
    report = town.load(atomic=atomic)["places"]
    merged = report.entities["Facility"]
    assert (report.status, report.records, merged.added, merged.rows) == (Status.LOADED, 10, 6, 6)
    assert held(town)[0] == ("0", "day 5", 5)
    assert runs(town) == [
        ("LOADED", ["001.csv", "002.csv"]),
        ("LOADED", ["003.csv", "004.csv"]),
        ("LOADED", ["005.csv"]),
    ]
    assert town.rows("SELECT records FROM source") == [(6,)]


@pytest.mark.usefixtures("two_at_a_time")
def test_a_file_that_was_loaded_is_not_read_again(town: LoadTown) -> None:
    describe(town, "delta", "days/*.csv")
    write_days(town, 3)
    town.load()
    write_days(town, 1, first=4)
    town.write("days/002.csv", places(("2", "corrected", 2)))
    report = town.load(again=False)["places"]
    # the corrected day comes before the third, whose word counts more and must come after it again
    assert (report.records, report.known) == (5, 1)
    assert report.outcome == "loaded, 1 file known"
    assert runs(town)[-2:] == [("LOADED", ["002.csv", "003.csv"]), ("LOADED", ["004.csv"])]
    assert town.load(again=False)["places"].outcome.startswith("unchanged since ")
    assert town.load(again=True)["places"].records == 7


@pytest.mark.usefixtures("two_at_a_time")
def test_notices_of_all_the_files_of_a_command_are_kept(town: LoadTown) -> None:
    describe(town, "append", "days/*.csv")
    for day in range(1, 5):
        town.write(f"days/{day}.csv", places((str(day), "A", "many")))
    report = town.load()["places"]
    assert report.notices == {"not-a-whole-number": 4}
    assert [row[0] for row in town.notices("not-a-whole-number")] == [f"days/{n}.csv" for n in range(1, 5)]


@pytest.mark.usefixtures("two_at_a_time")
def test_a_broken_file_is_named_and_the_others_are_loaded_where_their_order_does_not_matter(
    town: LoadTown,
) -> None:
    describe(town, "append", "days/*.csv")
    write_days(town, 5)
    town.write("days/002.csv", "")
    report = town.load()
    assert report.exit_code == 1
    assert report["places"].status is Status.PARTLY
    assert report["places"].failure == (
        "days/002.csv: the file is empty. 4 of 5 files were loaded. Load it again when that is mended"
    )
    assert [key for key, _, _ in held(town)] == ["0", "1", "3", "4", "5"]
    assert town.rows("SELECT status, failure FROM import_run ORDER BY started_at DESC LIMIT 1") == [
        ("FAILED", report["places"].failure)
    ]
    # only the broken one is tried again
    before = len(runs(town))
    assert town.load(again=False)["places"].failure == "days/002.csv: the file is empty"
    assert len(runs(town)) == before + 1
    town.write("days/002.csv", places(("2", "A", 2)))
    assert town.load(again=False)["places"].entities["Facility"].added == 1


@pytest.mark.usefixtures("two_at_a_time")
def test_where_the_order_matters_files_wait_for_the_broken_one(town: LoadTown) -> None:
    describe(town, "delta", "days/*.csv")
    write_days(town, 5)
    town.write("days/002.csv", "")
    report = town.load()["places"]
    assert report.failure == (
        "days/002.csv: the file is empty. 1 of 5 files were loaded; 3 were not begun, as their order counts. "
        "Load it again when that is mended"
    )
    assert [key for key, _, _ in held(town)] == ["0", "1"]
    write_days(town, 1, first=2)
    assert town.load(again=False)["places"].records == 8
    assert held(town)[0] == ("0", "day 5", 5)


@pytest.mark.parametrize(
    ("mode", "last", "failure"),
    [
        ("append", "", "days/99.csv: the file is empty. 4 of 5 files were loaded. "),
        ("delta", "", "days/99.csv: the file is empty. 4 of 5 files were loaded. "),
        # too small, which only a measurement of the whole tells
        (
            "append", places(("9", "A", 1)),
            "days/*.csv: the smallest capacity of Facility is 1; expected is at least 10. Of its files 4 were "
            "loaded before and stay, and nothing more was kept. ",
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("two_at_a_time")
def test_what_was_kept_is_told_and_measured_when_the_last_file_is_broken(
    town: LoadTown, mode: str, last: str, failure: str
) -> None:
    describe(town, mode, "days/*.csv", more="expect = [20, 30]\nrange = { capacity = [10, 50] }")
    write_days(town, 4, first=20)
    town.write("days/99.csv", last)
    report = town.load()["places"]
    assert (report.status, len(held(town))) == (Status.PARTLY, 5)
    assert (report.failure or "").startswith(failure)
    assert town.rows(
        "SELECT metric, value, outcome FROM quality_measurement WHERE field IS NULL ORDER BY metric"
    ) == [("COUNT", 5, "BELOW"), ("RECORDS_READ", 8, None), ("RECORDS_REFUSED", 0, None)]
    assert town.rows("SELECT value FROM quality_measurement WHERE metric = 'LARGEST'") == [(23,)]
    assert [row[4] for row in town.notices("unexpected-count")] == [
        "There are 5 of Facility; expected 20 to 30."
    ]
    assert report.notices["unexpected-count"] == 1


@pytest.mark.usefixtures("two_at_a_time")
def test_files_that_are_all_broken_are_given_up(town: LoadTown) -> None:
    describe(town, "append", "days/*.csv")
    for day in range(1, 21):
        town.write(f"days/{day:03}.csv", "id,lon,lat\n1,23,42\n")
    report = town.load()["places"]
    assert report.status is Status.FAILED
    assert "days/001.csv: there is no column name" in (report.failure or "")
    assert "0 of 20 files were loaded; 15 were not begun, as 5 in a row were broken" in (report.failure or "")


@pytest.mark.usefixtures("two_at_a_time")
def test_a_file_that_is_wrong_as_a_whole_is_found_among_its_batch(town: LoadTown) -> None:
    describe(town, "append", "days/*.csv", more="required = ['capacity']")
    write_days(town, 1)
    town.load()
    write_days(town, 3)
    town.write("days/003.csv", places(*((str(n), "A", "") for n in range(10, 40))))
    town.write("days/004.csv", places(*((str(n), "A", "") for n in range(40, 70))))
    failure = town.load(again=False)["places"].failure or ""
    assert failure.count("none of its 30 records could be kept (no-value 30") == 2
    assert "days/003.csv: " in failure
    assert "days/004.csv: " in failure
    assert [key for key, _, _ in held(town)] == ["0", "1", "2"]


@pytest.mark.usefixtures("two_at_a_time")
def test_with_atomic_a_broken_file_undoes_all(town: LoadTown) -> None:
    describe(town, "append", "days/*.csv")
    write_days(town, 5)
    town.write("days/004.csv", "")
    report = town.load(atomic=True)
    assert (report.exit_code, held(town)) == (1, [])
    assert {status for status, _ in runs(town)} == {"FAILED"}
    assert town.rows("SELECT count(*) FROM loaded_file") == [(0,)]


@pytest.mark.usefixtures("two_at_a_time")
def test_a_dry_run_of_many_files_remembers_none(town: LoadTown) -> None:
    describe(town, "append", "days/*.csv")
    write_days(town, 1)
    town.load()
    before = everything(town)
    write_days(town, 5)
    report = town.load(dry_run=True, again=False)
    assert report["places"].entities["Facility"].added == 4
    assert [(one.kind, one.count) for one in report.changes] == [("added", 4)]
    assert everything(town) == before


def test_a_late_file_of_ordered_changes_is_followed_by_those_after_it(town: LoadTown) -> None:
    describe(town, mode="delta", file="day*.csv")
    town.write("day2.csv", places(("a", "Второ", 2)))
    town.load(again=False)
    town.write("day1.csv", places(("a", "Първо", 1), ("b", "Друго", 5)))
    town.load(again=False)
    assert held(town) == [("a", "Второ", 2), ("b", "Друго", 5)]
