"""What a load does to rows that are new, changed, the same or gone, and what history keeps."""

from __future__ import annotations

import pytest
from shapely import affinity

import loaders.merge
from loaders.report import Status
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid
from twin.links import relink_all

GRID = Grid("""
    A . . . B . . . C
    . a b . . . . . .
    . d c . . p . . .
    . . . . . . . q .
    F . . . E . . . D
""")

DISTRICTS = """
key = "districts"
format = "vector"
file = "districts.geojson"
crs = "EPSG:4326"
[dataset.District]
key = "code"
code = "code"
name_bg = "name"
boundary = "geometry"
"""
PLACES = """
key = "places"
format = "tabular"
file = "places.csv"
options = { lonlat = ["lon", "lat"] }
[dataset.Facility]
key = { from = "id", prefix = "p-" }
kind = "kind"
name = "name"
capacity = "seats"
position = "geometry"
"""


def places(*rows: tuple[str, str, str, str, str]) -> str:
    """A table of facilities: id, kind, name, seats and where on the grid."""
    lines = ["id,kind,name,seats,lon,lat"]
    for key, kind, name, seats, mark in rows:
        point = lonlat(GRID[mark])
        lines.append(f"{key},{kind},{name},{seats},{point.x},{point.y}")
    return "\n".join(lines) + "\n"


def describe_districts(town: LoadTown) -> None:
    town.features(
        "districts.geojson",
        ({"code": "W", "name": "Запад"}, lonlat(GRID["ABEF"])),
        ({"code": "O", "name": "Изток"}, lonlat(GRID["BCDE"])),
    )
    town.describe(DISTRICTS)


def test_rows_are_added_changed_left_alone_and_closed(town: LoadTown) -> None:
    describe_districts(town)
    town.describe(PLACES)
    town.write(
        "places.csv",
        places(
            ("1", "SCHOOL", "Първо", "10", "p"),
            ("2", "SCHOOL", "Второ", "20", "q"),
            ("3", "LIBRARY", "Трета", "", "a"),
        ),
    )
    first = town.load()
    assert first.exit_code == 0
    [untouched] = town.rows("SELECT ctid::text, xmin::text FROM facility WHERE key = 'p-1'")
    town.write(
        "places.csv",
        places(
            ("1", "SCHOOL", "Първо", "10", "p"),
            ("2", "SCHOOL", "Второ", "25", "b"),
            ("4", "HOSPITAL", "Нова", "", "q"),
        ),
    )
    report = town.load("places")["places"]
    merged = report.entities["Facility"]
    assert (merged.added, merged.changed, merged.unchanged, merged.closed) == (1, 1, 1, 1)
    assert town.rows("SELECT key, capacity, district FROM facility ORDER BY key") == [
        ("p-1", 10, "O"),
        ("p-2", 25, "W"),  # it moved, and its district with it
        ("p-4", None, "O"),
    ]
    assert town.rows("SELECT ctid::text, xmin::text FROM facility WHERE key = 'p-1'") == [untouched]
    assert town.rows(
        "SELECT key, capacity, district, recorded_to > recorded_at FROM facility_history ORDER BY key"
    ) == [("p-2", 20, "O", True), ("p-3", None, "W", True)]
    # one version ends when the next begins
    assert town.rows(
        "SELECT h.recorded_to = f.recorded_at FROM facility AS f JOIN facility_history AS h USING (key)"
    ) == [(True,)]


def test_names_are_given_in_latin_and_folded_and_sources_listed(town: LoadTown) -> None:
    town.describe(PLACES)
    town.write("places.csv", places(("1", "SCHOOL", "Жълта Щъркелова къща", "", "p")))
    town.load()
    assert town.rows("SELECT name_latin, name_folded, sources FROM facility") == [
        ("Zhalta Shtarkelova kashta", "zhalta shtarkelova kashta", ["places"])
    ]


def test_loading_the_same_files_again_writes_no_row(town: LoadTown) -> None:
    describe_districts(town)
    town.describe(PLACES)
    town.write("places.csv", places(("1", "SCHOOL", "A", " 2", "p"), ("2", "CASTLE", "B", "2,5", "q")))
    town.load()
    before = town.versions()
    again = town.load()
    assert {one.status for one in again.datasets} == {Status.UNCHANGED}
    assert town.versions() == before
    with town.connect() as connection:
        relink_all(connection)
    assert town.versions() == before


def test_exact_duplicates_collapse_and_of_differing_ones_the_first_is_kept(town: LoadTown) -> None:
    town.describe(PLACES)
    town.write(
        "places.csv",
        places(
            ("1", "SCHOOL", "A", "", "p"),
            ("1", "SCHOOL", "A", "", "p"),
            ("2", "SCHOOL", "B", "1", "q"),
            ("2", "SCHOOL", "B", "2", "q"),
            ("1", "SCHOOL", "A", "", "p"),
        ),
    )
    town.load()
    assert town.rows("SELECT key, capacity FROM facility ORDER BY key") == [("p-1", None), ("p-2", 1)]
    assert [row[1] for row in town.notices("exact-duplicate")] == ["line 3", "line 6"]
    [(file, position, field, value, message, _)] = town.notices("differing-duplicate")
    assert (file, position, field, value) == ("places.csv", "line 5", "key", "p-2")
    assert message == "Line 5 has the same key as, but differs from, line 4. It was left out."


def test_records_without_a_key_are_known_by_their_content(town: LoadTown) -> None:
    town.describe(PLACES.replace('key = { from = "id", prefix = "p-" }\n', ""))
    town.write("places.csv", places(("", "SCHOOL", "A", "", "p"), ("", "SCHOOL", "A", "", "q")))
    town.load()
    keys = town.rows("SELECT key FROM facility ORDER BY key")
    assert all(key.startswith("places-") for (key,) in keys)
    # the other order of the lines is no change
    town.write("places.csv", places(("", "SCHOOL", "A", "", "q"), ("", "SCHOOL", "A", "", "p")))
    assert town.load()["places"].status is Status.UNCHANGED
    assert town.rows("SELECT key FROM facility ORDER BY key") == keys


def test_a_row_of_another_data_set_is_left_to_it(town: LoadTown) -> None:
    town.describe(PLACES)
    town.describe(PLACES.replace('"places"', '"others"').replace("places.csv", "others.csv"))
    town.write("places.csv", places(("1", "SCHOOL", "Ours", "", "p")))
    town.write("others.csv", places(("1", "SCHOOL", "Theirs", "", "p"), ("2", "SCHOOL", "Two", "", "q")))
    report = town.load()
    assert report.exit_code == 0
    assert town.rows("SELECT key, name, sources FROM facility ORDER BY key") == [
        ("p-1", "Ours", ["places"]),
        ("p-2", "Two", ["others"]),
    ]
    [(file, position, _, value, message, _)] = town.notices("key-of-another-source")
    assert (file, position, value) == ("others.csv", "line 2", "p-1")
    assert "already comes from places" in message


def test_a_file_in_which_every_record_is_wrong_empties_nothing(town: LoadTown) -> None:
    town.describe(PLACES)
    town.write("places.csv", places(("1", "SCHOOL", "A", "", "p")))
    town.load()
    town.write("places.csv", places(("1", "CASTLE", "A", "", "p")))
    report = town.load()
    assert report.exit_code == 1
    assert "none of its 1 records could be kept as Facility" in (report["places"].failure or "")
    assert town.rows("SELECT key FROM facility") == [("p-1",)]


def test_a_missing_file_changes_nothing_and_says_so(town: LoadTown) -> None:
    town.describe(PLACES)
    town.describe(PLACES.replace('"places"', '"others"').replace("places.csv", "others.csv"))
    file = town.write("places.csv", places(("1", "SCHOOL", "A", "", "p")))
    town.write("others.csv", places(("2", "SCHOOL", "B", "", "q")))
    town.load()
    file.unlink()
    report = town.load()
    assert report.exit_code == 1
    assert report["places"].status is Status.MISSING
    assert report["places"].failure == "there is no file places.csv in the data folder; nothing was changed"
    assert report["others"].status is Status.UNCHANGED
    assert town.rows("SELECT count(*) FROM facility") == [(2,)]


def test_a_data_set_that_may_be_absent_is_no_failure(town: LoadTown) -> None:
    town.describe("optional = true\n" + PLACES)
    assert town.load().exit_code == 0
    assert town.load("places").exit_code == 1  # but asked for by name it must be there


def test_a_file_of_changes_leaves_alone_what_it_does_not_mention(town: LoadTown) -> None:
    describe_districts(town)
    town.describe(PLACES.replace('format = "tabular"', 'format = "tabular"\nmode = "delta"'))
    town.write(
        "places.csv", places(("1", "SCHOOL", "Първо", "100", "p"), ("2", "SCHOOL", "Второ", "200", "q"))
    )
    town.load()
    town.write("places.csv", places(("2", "SCHOOL", "Второ", "250", "q")))
    merged = town.load("places")["places"].entities["Facility"]
    assert (merged.changed, merged.closed) == (1, 0)
    assert town.rows("SELECT key, capacity FROM facility ORDER BY key") == [("p-1", 100), ("p-2", 250)]


def test_a_first_large_load_leaves_the_indexes_as_they_were(
    town: LoadTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaders.merge, "MANY_ROWS", 2)
    describe_districts(town)
    town.load()
    catalogue = (
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'facility'"
        " UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'facility'::regclass ORDER BY 1"
    )
    before = town.rows(catalogue)
    town.describe(PLACES)
    town.write(
        "places.csv", places(("1", "SCHOOL", "Първо", "100", "p"), ("2", "SCHOOL", "Второ", "200", "q"))
    )
    town.load("places")
    assert town.rows("SELECT count(*) FROM facility") == [(2,)]
    assert len(before) > 1
    assert town.rows(catalogue) == before


def test_a_boundary_drawn_anew_within_the_tolerance_has_not_changed(town: LoadTown) -> None:
    describe_districts(town)
    town.entries[0] += "same_within_m = 0.05\n"
    town.load()
    before = town.versions()
    # from another corner, and by a centimetre
    shifted = affinity.translate(GRID["BCDE"], 0.01, -0.01)
    town.features(
        "districts.geojson",
        ({"code": "W", "name": "Запад"}, lonlat(GRID["EFAB"])),
        ({"code": "O", "name": "Изток"}, lonlat(shifted)),
    )
    assert town.load()["districts"].status is Status.UNCHANGED
    assert town.versions() == before
    # by a metre
    town.features(
        "districts.geojson",
        ({"code": "W", "name": "Запад"}, lonlat(GRID["ABEF"])),
        ({"code": "O", "name": "Изток"}, lonlat(affinity.translate(GRID["BCDE"], 1, 0))),
    )
    merged = town.load()["districts"].entities["District"]
    assert (merged.changed, merged.unchanged) == (1, 1)
    assert town.rows("SELECT key FROM district_history") == [("O",)]


def test_an_area_that_is_not_the_shapes_is_said(town: LoadTown) -> None:
    town.describe(DISTRICTS + 'stated_area_m2 = "m2"\n')
    area = GRID["ABEF"].area
    town.features(
        "districts.geojson",
        ({"code": "W", "name": "Запад", "m2": area * 1.04}, lonlat(GRID["ABEF"])),
        ({"code": "O", "name": "Изток", "m2": area * 2}, lonlat(GRID["BCDE"])),
    )
    assert town.load().exit_code == 0
    [(file, position, field, value, message, _)] = town.notices("area-disagrees")
    assert (file, position, field, value) == (
        "districts.geojson",
        "record 2",
        "m2",
        f"{area * 2:.0f}, {area:.0f}",
    )
    assert message == f"The value of m2 is {area * 2:.0f} m2; the shape has {area:.0f} m2, and was kept."
    assert town.rows("SELECT count(*) FROM district") == [(2,)]
