"""Values that cannot be true become notices that say file, record, field, value and rule; the rest is kept."""

from __future__ import annotations

import json

import shapely

from loaders.formats import Batch
from loaders.notices import Notices
from loaders.published import Published
from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid

GRID = Grid("""
    A . B
    . p .
    D . C
""")
BUILDINGS = """
key = "buildings"
format = "vector"
file = "buildings.geojson"
crs = "EPSG:4326"
[dataset.Building]
key = "id"
cadastral_id = "cadnum"
name = "name"
current_use = "use"
storeys_above_ground = "floors"
height_m = "height"
date_of_construction = "built"
footprint = "geometry"
"""
HEAD = 'code_lists = ["codes.toml"]\n'


def load_buildings(town: LoadTown, *records: dict[str, object], shape: object = None) -> None:
    everything = ("id", "cadnum", "name", "use", "floors", "height", "built")
    footprint = lonlat(GRID["ABCD"]) if shape is None else shape
    town.head = HEAD
    (town.folder / "codes.toml").write_text('[building_use]\n100 = ["къща", "house"]\n', encoding="utf-8")
    town.features(
        "buildings.geojson",
        *(({**dict.fromkeys(everything), "id": f"b{n}", **one}, footprint) for n, one in enumerate(records)),
    )
    town.describe(BUILDINGS)
    report = town.load()
    assert report.exit_code == 0, report


def test_numbers_that_are_none_are_left_empty(town: LoadTown) -> None:
    load_buildings(
        town,
        {"floors": "2,5", "height": "12 m"},
        {"floors": "6", "height": "7.50"},
        {"floors": "6.0", "height": "1e1"},
        {"floors": "-1"},
        {"floors": "201", "height": "-0.5"},
    )
    assert town.rows("SELECT key, storeys_above_ground, height_m FROM building ORDER BY key") == [
        ("b0", None, None),
        ("b1", 6, 7.5),
        ("b2", 6, 10.0),
        ("b3", None, None),
        ("b4", None, None),
    ]
    assert town.notices("not-a-whole-number") == [
        (
            "buildings.geojson", "record 1", "floors", "2,5",
            'The value of floors is "2,5"; expected is a whole number. Left empty.', 1,
        )
    ]  # fmt: skip
    assert [row[2:5] for row in town.notices("not-a-number")] == [
        ("height", "12 m", 'The value of height is "12 m"; expected is a number such as 12.5. Left empty.')
    ]
    assert [row[4] for row in town.notices("out-of-range")] == [
        "The value of floors is -1; possible is from 0 to 200. Left empty.",
        "The value of floors is 201; possible is from 0 to 200. Left empty.",
        "The value of height is -0.5; possible is from 0 to 1000. Left empty.",
    ]


def test_dates_are_read_and_others_said(town: LoadTown) -> None:
    published = (
        "1999-12-31T00:00:00",
        "20200229",
        "31.12.1999",
        "/Date(946591200000)/",
        "1999/12/31",
        "30.02.1999",
    )
    rows: list[dict[str, object]] = [{"built": one} for one in published]
    load_buildings(town, *rows)
    assert [str(row[0]) for row in town.rows("SELECT date_of_construction FROM building ORDER BY key")] == [
        "1999-12-31",
        "2020-02-29",
        "1999-12-31",
        "1999-12-31",
        "None",
        "None",
    ]
    assert [row[3] for row in town.notices("not-a-date")] == ["1999/12/31", "30.02.1999"]


def test_an_unknown_code_is_kept_and_said_once_with_its_number(town: LoadTown) -> None:
    load_buildings(town, {"use": "100"}, {"use": "999"}, {"use": "999"})
    assert town.rows("SELECT current_use FROM building ORDER BY key") == [("100",), ("999",), ("999",)]
    [(_, position, field, value, message, occurrences)] = town.notices("unknown-code")
    assert (position, field, value, occurrences) == ("record 2", "use", "999", 2)
    assert (
        message == 'The value of use is "999", which is not in the code list building_use. Kept as published.'
    )


def test_a_bad_identifier_is_left_empty_where_it_is_not_the_key(town: LoadTown) -> None:
    load_buildings(town, {"cadnum": "68134.100.33.2"}, {"cadnum": "68134.100.33"}, {"cadnum": "68134.0.3.1"})
    assert town.rows("SELECT cadastral_id FROM building ORDER BY key") == [
        ("68134.100.33.2",),
        (None,),
        (None,),
    ]
    assert [row[3] for row in town.notices("bad-identifier")] == ["68134.100.33", "68134.0.3.1"]


def test_a_bad_identifier_that_is_the_key_refuses_the_record(town: LoadTown) -> None:
    town.features(
        "buildings.geojson",
        ({"cadnum": "68134.100.33.2"}, lonlat(GRID["ABCD"])),
        ({"cadnum": "68134.100.33"}, lonlat(GRID["ABCD"])),
        ({"cadnum": None}, lonlat(GRID["ABCD"])),
    )
    town.describe(
        'key = "buildings"\nformat = "vector"\nfile = "buildings.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.Building]\nkey = { attribute = "cadastral_id" }\ncadastral_id = "cadnum"\n'
        'footprint = "geometry"\n'
    )
    report = town.load()["buildings"]
    assert (report.records, report.refused) == (3, 2)
    assert town.rows("SELECT key FROM building") == [("68134.100.33.2",)]
    [refused] = town.notices("bad-identifier")
    assert refused[4].endswith("The record was left out.")
    [empty] = town.notices("no-value")
    assert empty[1:3] == ("record 3", "cadnum")
    assert town.rows("SELECT DISTINCT severity FROM notice") == [("ERROR",)]


def test_personal_numbers_in_free_text_are_removed(town: LoadTown) -> None:
    # a made-up number whose check digit and date hold
    load_buildings(town, {"name": "Къща на 7523169263"}, {"name": "Блок 1234567890"})
    assert town.rows("SELECT name FROM building ORDER BY key") == [
        ("Къща на [removed]",),
        ("Блок 1234567890",),
    ]
    assert [row[4] for row in town.notices("personal-number")] == [
        "The value of name holds a personal number; it was removed."
    ]
    assert not town.rows(
        "SELECT key FROM notice WHERE value LIKE %s OR message LIKE %s", *["%7523169263%"] * 2
    )


def ring(*marks: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon([(23.3 + x * 1e-4, 42.7 + y * 1e-4) for x, y in marks])


def test_a_polygon_that_hardly_crosses_itself_is_mended(town: LoadTown) -> None:
    spike = ring((0, 0), (10, 0), (10, 10), (5, 10), (5, 10.001), (5, 10), (0, 10))
    assert not spike.is_valid
    load_buildings(town, {}, shape=spike)
    assert town.rows("SELECT ST_IsValid(footprint), ST_NumGeometries(footprint) FROM building") == [(True, 1)]
    [(_, position, field, _, message, _)] = town.notices("repaired-geometry")
    assert (position, field) == ("record 1", "geometry")
    assert "was mended" in message


def test_heights_are_left_out_and_said_once_a_file(town: LoadTown) -> None:
    load_buildings(town, {}, {}, shape=shapely.force_3d(lonlat(GRID["ABCD"]), 550.0))
    assert town.rows("SELECT DISTINCT ST_NDims(footprint) FROM building") == [(2,)]
    assert town.notices("flattened-geometry") == [
        (
            "buildings.geojson", "record 1", "geometry", None,
            "The shape has Z or M beside x and y, as others of the file may. They were left out.", 1,
        )
    ]  # fmt: skip


def test_a_bow_tie_is_refused(town: LoadTown) -> None:
    load_buildings(town, {}, shape=ring((0, 0), (10, 10), (10, 0), (0, 10)))
    assert town.rows("SELECT count(*) FROM building") == [(0,)]
    [(_, position, _, value, message, _)] = town.notices("invalid-geometry")
    assert position == "record 1"
    assert "Self-intersection" in value
    assert message.endswith("The record was left out.")


def test_shapes_of_the_wrong_kind_and_missing_ones_are_refused(town: LoadTown) -> None:
    town.features(
        "buildings.geojson",
        ({"id": "point"}, lonlat(GRID["p"])),
        ({"id": "nothing"}, None),
        ({"id": "empty"}, shapely.Polygon()),
        ({"id": "tall"}, shapely.force_3d(lonlat(GRID["ABCD"]), 5)),
        ({"id": "parts"}, shapely.MultiPolygon([lonlat(GRID["ABCD"])])),
    )
    town.describe(
        'key = "buildings"\nformat = "vector"\nfile = "buildings.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.Building]\nkey = "id"\nfootprint = "geometry"\n'
    )
    town.load()
    assert town.rows("SELECT key, ST_AsText(footprint) ~ 'Z' FROM building ORDER BY key") == [
        ("parts", False),
        ("tall", False),
    ]
    assert [row[3] for row in town.notices("wrong-geometry-type")] == ["Point"]
    assert [row[1] for row in town.notices("no-geometry")] == ["record 2", "record 3"]


def test_columns_that_nobody_claims_are_said_once(town: LoadTown) -> None:
    town.write("a.csv", "id,lon,lat,colour,q1,q2\n1,23.3,42.7,red,1,2\n2,23.3,42.7,blue,1,2\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        'ignore = ["q*"]\n[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'
    )
    town.load()
    assert town.notices("unclaimed-column") == [
        ("a.csv", "header", "colour", None, "The catalogue neither maps nor ignores the column colour.", 1)
    ]


def test_repeated_values_of_a_column_that_should_be_distinct_are_said(town: LoadTown) -> None:
    town.write("a.csv", "id,other,lon,lat\n1,7,23.3,42.7\n2,7,23.3,42.7\n3,8,23.3,42.7\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        'distinct = ["other"]\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'
    )
    town.load()
    assert [row[:4] for row in town.notices("repeated-value")] == [("a.csv", "line 3", "other", "7")]


def test_records_that_no_entity_takes_are_said_by_what_they_are(town: LoadTown) -> None:
    town.write(
        "a.csv", "id,amenity,lon,lat\n1,school,23.3,42.7\n2,moon,23.3,42.7\n3,moon,23.3,42.7\n4,,23.3,42.7\n"
    )
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nwhen = { amenity = "school" }\nkey = "id"\nkind = { value = "SCHOOL" }\n'
        'position = "geometry"\n'
    )
    town.load()
    assert town.rows("SELECT key FROM facility") == [("1",)]
    assert [(row[1], row[3], row[5]) for row in town.notices("unclaimed-record")] == [
        ("line 3", "amenity=moon", 2),
        ("line 5", "", 1),
    ]


def test_what_lies_outside_the_city_is_kept_and_said(town: LoadTown) -> None:
    town.write("a.csv", "id,lon,lat\n1,23.3,42.7\n2,24.7,42.1\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'
    )
    town.load()
    assert town.rows("SELECT count(*) FROM facility") == [(2,)]
    assert [row[1] for row in town.notices("outside-the-city")] == ["line 3"]


def test_of_a_country_only_what_lies_in_the_districts_is_taken(town: LoadTown) -> None:
    town.features("d.geojson", ({"code": "D"}, lonlat(GRID["ABCD"])))
    town.describe(
        'key = "d"\nformat = "vector"\nfile = "d.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.District]\nkey = "code"\ncode = "code"\nboundary = "geometry"\n'
    )
    inside, near = lonlat(GRID["p"]), (23.30, 42.70)
    town.write("a.csv", f"id,lon,lat\n1,{inside.x},{inside.y}\n2,{near[0]},{near[1]}\n3,27.9,43.2\n4,,\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Site]\nwithin = "District"\nrequired = ["position"]\nkey = "id"\n'
        'kind = { value = "OUTLET" }\nposition = "geometry"\n'
    )
    report = town.load()["a"]
    assert town.rows("SELECT key, district FROM site") == [("1", "D")]
    assert report.refused == 3
    assert sorted(str(row[1]) for row in town.notices("outside-the-areas")) == ["line 3", "line 4"]
    assert [row[1] for row in town.notices("no-geometry")] == ["line 5"]


def test_more_records_than_expected_are_said_and_kept(town: LoadTown) -> None:
    town.write("a.csv", "id,lon,lat\n1,23.3,42.7\n2,23.3,42.7\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nexpect = [1, 1]\nkey = "id"\nkind = { value = "SCHOOL" }\n'
        'position = "geometry"\n'
    )
    assert town.load().exit_code == 0
    assert [row[4] for row in town.notices("unexpected-count")] == ["There are 2 of Facility; expected 1."]


def test_numbers_that_a_column_cannot_hold_are_left_empty(town: LoadTown) -> None:
    numbers = ["3000000000", "2147483647", "9" * 19, "1" + "0" * 400, "-3000000000"]
    town.write("a.csv", "id,n,lon,lat\n" + "".join(f"{n},{v},23.3,42.7\n" for n, v in enumerate(numbers)))
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\ncapacity = "n"\nposition = "geometry"\n'
    )
    assert town.load().exit_code == 0
    assert town.rows("SELECT key FROM facility WHERE capacity IS NOT NULL") == [("1",)]
    noted = town.notices("out-of-range")
    assert [row[1] for row in noted] == ["line 4", "line 5", "line 2", "line 6"]
    assert noted[2][2:4] == ("n", "3000000000")
    assert noted[2][4].endswith("n is 3000000000; possible is from 0 to 2147483647. Left empty.")


def test_huge_json_numbers_are_left_empty(town: LoadTown) -> None:
    numbers = [2**62, 3e9, 1e300, 3]
    records = [{"id": f"f{n}", "n": number, "lon": 23.3, "lat": 42.7} for n, number in enumerate(numbers)]
    town.write("a.json", json.dumps(records))
    town.describe(
        'key = "a"\nformat = "json_records"\nfile = "a.json"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\ncapacity = "n"\nposition = "geometry"\n'
    )
    assert town.load().exit_code == 0
    assert town.rows("SELECT key, capacity FROM facility WHERE capacity IS NOT NULL") == [("f3", 3)]
    assert sum(row[5] for row in town.notices("out-of-range") + town.notices("not-a-whole-number")) == 3


def test_lists_and_objects_are_no_texts(town: LoadTown) -> None:
    names = [[["a"]], {"bg": "x"}, "Шипка"]
    records = [{"id": f"f{n}", "name": name, "lon": 23.3, "lat": 42.7} for n, name in enumerate(names)]
    town.write("a.json", json.dumps(records))
    town.describe(
        'key = "a"\nformat = "json_records"\nfile = "a.json"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nname = "name"\nposition = "geometry"\n'
    )
    assert town.load().exit_code == 0
    assert town.rows("SELECT key, name FROM facility WHERE name IS NOT NULL") == [("f2", "Шипка")]
    assert {row[2] for row in town.notices("not-text")} <= {"name", "name.bg"}
    assert "expected is a text. Left empty." in town.notices("not-text")[0][4]


def test_characters_that_are_none_are_removed_from_texts(town: LoadTown) -> None:
    records = [
        {"id": f"f{n}", "name": name, "lon": 23.3, "lat": 42.7} for n, name in enumerate(["a\0b", "c"])
    ]
    town.write("a.json", json.dumps(records))
    town.describe(
        'key = "a"\nformat = "json_records"\nfile = "a.json"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nname = "name"\nposition = "geometry"\n'
    )
    report = town.load()
    assert report.exit_code == 0, report
    assert town.rows("SELECT key, name FROM facility ORDER BY key") == [("f0", "ab"), ("f1", "c")]
    assert [row[1:4] for row in town.notices("broken-character")] == [("record 1", "name", "ab")]


def test_halves_of_characters_are_removed_from_texts() -> None:
    notices = Notices()
    batch = Batch({"name": ["c\ud83dd", "Шипка", None]}, None, ["1", "2", "3"])
    published = Published(batch, "a.json", notices, crs=None, city_crs="EPSG:7801")
    assert published.text("name").to_pylist() == ["cd", "Шипка", None]
    assert [(one.rule, one.position, one.value) for one in notices.rows] == [("broken-character", "1", "cd")]


def test_every_message_is_a_sentence_and_names_field_and_value(town: LoadTown) -> None:
    town.write(
        "a.csv", "id,name,lon,lat\n1,   ,23.3,42.7\n0,x,23.3,42.7\n2,x,25.5,42.7\n3,x\n4,x,,\n5,x,x,42\n"
    )
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = { from = "id", unknown = "0" }\nkind = { value = "SCHOOL" }\nname = "name"\n'
        'position = "geometry"\n'
    )
    town.load()
    for (message,) in town.rows("SELECT message FROM notice"):
        assert message[0].isupper(), message
        assert message.endswith("."), message
    assert [row[2:4] for row in town.notices("blank-value")] == [("name", '"   "')]
    assert [row[2:4] for row in town.notices("no-key")] == [("id", "0")]
    assert [row[2:4] for row in town.notices("outside-the-city")] == [("geometry", "25.50000, 42.70000")]
    assert [row[1:4] for row in town.notices("no-geometry")] == [
        ("line 5", "geometry", "3"), ("line 6", "geometry", "4"), ("line 7", "geometry", "5"),
    ]  # fmt: skip
    assert town.notices("no-geometry")[0][4] == (
        "Record 3 has no position, and a Facility cannot be without. It was left out; what an earlier load made "
        "of it is closed."
    )
    assert "2 fields under 4 headers" in town.notices("ragged-line")[0][4]


def test_nothing_accepted_is_said(town: LoadTown) -> None:
    town.write("a.csv", "id,lon,lat\n1,,\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'
    )
    report = town.load()
    assert (report.exit_code, report["a"].status.value) == (0, "nothing accepted")


def test_the_same_area_under_two_keys_is_kept_and_said(town: LoadTown) -> None:
    other = shapely.MultiPolygon([ring((0, 0), (9, 0), (9, 9))])
    town.features(
        "buildings.geojson",
        ({"id": "a"}, ring((0, 0), (5, 0), (5, 5))),
        ({"id": "b"}, other),
        ({"id": "c"}, ring((0, 0), (5, 0), (5, 5))),
        ({"id": "a"}, ring((0, 0), (5, 0), (5, 5))),
        ({"id": "d"}, ring((0, 0), (5, 0), (5, 5))),
    )
    town.describe(
        'key = "buildings"\nformat = "vector"\nfile = "buildings.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.Building]\nkey = "id"\nfootprint = "geometry"\n'
    )
    town.load()
    assert town.rows("SELECT count(*) FROM building") == [(4,)]
    assert [row[1:5] for row in town.notices("same-shape")] == [
        ("record 3", "geometry", "c", "Building c has the very shape of a. Both were kept."),
        ("record 5", "geometry", "d", "Building d has the very shape of a. Both were kept."),
    ]


def test_two_things_in_one_point_are_no_defect(town: LoadTown) -> None:
    town.write("a.csv", "id,lon,lat\n1,23.3,42.7\n2,23.3,42.7\n")
    town.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Facility]\nkey = "id"\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'
    )
    town.load()
    assert town.notices("same-shape") == []


def test_a_sliver_is_kept_and_said(town: LoadTown) -> None:
    load_buildings(town, {}, shape=ring((0, 0), (10, 0), (10, 0.005), (0, 0.005)))
    assert town.rows("SELECT count(*) FROM building") == [(1,)]
    assert [row[1:5] for row in town.notices("sliver")] == [
        ("record 1", "geometry", None, "The footprint is less than 0.1 m wide. It was kept.")
    ]


def test_a_hole_that_touches_its_edge_in_a_line_is_mended_and_one_in_a_corner_is_valid(
    town: LoadTown,
) -> None:
    shell = [(0, 0), (10, 0), (10, 10), (0, 10)]
    in_a_point = shapely.Polygon(ring(*shell).exterior, [ring((0, 0), (2, 1), (1, 2)).exterior])
    in_a_line = shapely.Polygon(ring(*shell).exterior, [ring((4, 0), (6, 0), (6, 2), (4, 2)).exterior])
    town.features("buildings.geojson", ({"id": "point"}, in_a_point), ({"id": "line"}, in_a_line))
    town.describe(
        'key = "buildings"\nformat = "vector"\nfile = "buildings.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.Building]\nkey = "id"\nfootprint = "geometry"\n'
    )
    town.load()
    assert town.rows("SELECT key, ST_IsValid(footprint) FROM building ORDER BY key") == [
        ("line", True),
        ("point", True),
    ]
    assert [row[1] for row in town.notices("repaired-geometry")] == ["record 2"]


def test_bytes_that_are_no_utf8_become_a_text() -> None:
    batch = Batch({"name": [b"\xd0\x94\xd0\xb0", b"\xff", None]}, None, ["1", "2", "3"])
    texts = Published(batch, "a.parquet", Notices(), crs=None, city_crs="EPSG:7801").text("name")
    assert texts.to_pylist() == ["Да", "\ufffd", None]
