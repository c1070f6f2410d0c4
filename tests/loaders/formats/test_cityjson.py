"""City models, as documents and line by line; one house of 4 by 3 by 2 m is shown in full."""

from __future__ import annotations

import copy
import gzip
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely import MultiPolygon, box

from loaders.formats import BATCH_SIZE, Batch, FileFault, open_layer
from loaders.solids import measured

# In decimetres: the transform makes metres of them.
CORNERS = [
    [0, 0, 0], [40, 0, 0], [40, 30, 0], [0, 30, 0],
    [0, 0, 20], [40, 0, 20], [40, 30, 20], [0, 30, 20],
]  # fmt: skip
# Seen from outside, each counter-clockwise: floor, roof, four walls.
SHELL = [[[0, 3, 2, 1]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]], [[3, 0, 4, 7]]]
GROUND = {"surfaces": [{"type": "RoofSurface"}, {"type": "GroundSurface"}], "values": [[1, 0, 0, 0, 0, 0]]}
PLOT = box(85000, 447000, 85004, 447003)
RD = "https://www.opengis.net/def/crs/EPSG/0/7415"
HEADER = {
    "type": "CityJSON",
    "version": "2.0",
    "transform": {"scale": [0.1, 0.1, 0.1], "translate": [85000, 447000, -1]},
    "metadata": {"referenceSystem": RD},
}


def solid(lod: str = "1", **more: Any) -> dict[str, Any]:
    return {"type": "Solid", "lod": lod, "boundaries": [SHELL], **more}


def flat(*indices: int, lod: str = "0") -> dict[str, Any]:
    return {"type": "MultiSurface", "lod": lod, "boundaries": [[list(indices)]]}


def building(*shapes: dict[str, Any], type: str = "Building", **more: Any) -> dict[str, Any]:
    return {"type": type, "geometry": list(shapes), **more}


def document(path: Path, objects: dict[str, Any], corners: Any = CORNERS, **header: Any) -> Path:
    content = json.dumps({**HEADER, "CityObjects": objects, "vertices": corners, **header})
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def sequence(path: Path, *features: dict[str, Any] | str, **header: Any) -> Path:
    first = json.dumps({**HEADER, "CityObjects": {}, "vertices": [], **header})
    lines = [
        each
        if isinstance(each, str)
        else json.dumps({"type": "CityJSONFeature", "CityObjects": each, "vertices": CORNERS})
        for each in features
    ]
    path.write_text("\n".join([first, *lines]) + "\n")
    return path


def read(path: Path, **options: Any) -> Batch:
    with open_layer(path, "cityjson", **options) as layer:
        assert layer.columns == ()
        [batch] = layer.batches
    return batch


def one(path: Path, *shapes: dict[str, Any], **header: Any) -> Batch:
    return read(document(path / "a.city.json", {"b": building(*shapes)}, **header))


def footprint(batch: Batch, place: int = 0) -> Any:
    assert batch.geometry is not None
    return batch.geometry[place]


def surfaces(batch: Batch, level: str) -> tuple[str, int, list[shapely.Polygon]]:
    """Kind, SRID and faces of the first record's shape at a level, as PostGIS is given it."""
    [shape] = [each for each in batch.columns["@solids"][0] if each.lod == level]
    columns, _ = measured([shape], "EPSG:28992", "EPSG:28992")
    [ewkb] = columns["solid"].to_pylist()
    code, srid, count = struct.unpack("<III", ewkb[1:13])
    faces, at = [], 13
    for _ in range(count):
        start, at = at, at + 9
        for _ in range(struct.unpack("<I", ewkb[start + 5 : at])[0]):
            at += 4 + 24 * struct.unpack("<I", ewkb[at : at + 4])[0]
        faces.append(shapely.from_wkb(ewkb[start:at]))
    assert at == len(ewkb)
    return {0xA000000F: "POLYHEDRALSURFACE Z", 0xA0000006: "MULTIPOLYGON Z"}[code], srid, faces


def test_a_house_has_a_footprint_a_height_and_its_solid(tmp_path: Path) -> None:
    attributes = {"measuredHeight": 2.0, "use": {"code": "1"}, "tags": [1]}
    file = document(
        tmp_path / "a.city.json", {"b": building(solid(), attributes=attributes, address=[{"x": 1}])}
    )
    with open_layer(file, "cityjson") as layer:
        assert layer.crs == "EPSG:28992"
        [batch] = layer.batches
    solids = batch.columns.pop("@solids")
    assert batch.columns == {
        "@id": ["b"],
        "@type": ["Building"],
        "@parents": [None],
        "@address": [[{"x": 1}]],
        "measuredHeight": [2.0],
        "use.code": ["1"],
        "tags": [[1]],
        "@lods": [["1"]],
        "@height_m": [2.0],
    }
    assert batch.positions == ["object b"]
    assert batch.problems == []
    assert isinstance(footprint(batch), MultiPolygon)
    assert footprint(batch).equals(PLOT)
    assert not footprint(batch).has_z
    assert repr(solids) == "[[Solid(1)]]"
    batch.columns["@solids"] = solids
    kind, srid, faces = surfaces(batch, "1")
    assert (kind, srid, len(faces)) == ("POLYHEDRALSURFACE Z", 28992, 6)
    assert faces[1].equals(PLOT)
    assert {z for _, _, z in shapely.get_coordinates(faces[1], include_z=True)} == {1.0}


def test_the_footprint_comes_from_level_0_then_ground_then_what_faces_down(tmp_path: Path) -> None:
    half = flat(0, 1, 2)
    assert footprint(one(tmp_path, solid("2.2", semantics=GROUND), half)).area == pytest.approx(6)
    tilted = {"surfaces": [{"type": "GroundSurface"}], "values": [[None, None, None, 0, None, None]]}
    # A ground surface that stands upright leaves nothing to stand on.
    assert footprint(one(tmp_path, solid("2.2", semantics=tilted))) is None
    assert footprint(one(tmp_path, solid("2.2", semantics=GROUND), solid("1"))).equals(PLOT)
    assert footprint(one(tmp_path, solid("1", semantics={"surfaces": [], "values": [None]}))).equals(PLOT)


def test_a_solid_turned_inside_out_still_has_a_footprint(tmp_path: Path) -> None:
    inside_out = [[ring[::-1] for ring in surface] for surface in SHELL]
    assert footprint(one(tmp_path, {"type": "Solid", "lod": "1", "boundaries": [inside_out]})).equals(PLOT)


def test_a_roof_alone_gives_its_shadow(tmp_path: Path) -> None:
    batch = one(tmp_path, flat(4, 5, 6, 7, lod="2"))
    assert footprint(batch).equals(PLOT)
    assert surfaces(batch, "2")[0] == "MULTIPOLYGON Z"


def test_holes_are_kept(tmp_path: Path) -> None:
    corners = [*CORNERS, [10, 10, 0], [20, 10, 0], [20, 20, 0]]
    shape = {"type": "MultiSurface", "lod": "0", "boundaries": [[[0, 1, 2, 3], [8, 10, 9]]]}
    batch = one(tmp_path, shape, vertices=corners)
    assert footprint(batch).area == pytest.approx(12 - 0.5)
    assert batch.columns["@height_m"] == [None]
    # Level 0 is the footprint, and no solid.
    assert batch.columns["@solids"] == [[]]
    batch = one(tmp_path, {**shape, "lod": "1"}, vertices=corners)
    assert surfaces(batch, "1")[2][0].area == pytest.approx(12 - 0.5)


def test_a_solid_of_many_shells_becomes_its_surfaces(tmp_path: Path) -> None:
    shape = {"type": "CompositeSolid", "lod": "1", "boundaries": [[SHELL], [SHELL]]}
    batch = one(tmp_path, shape, {"type": "MultiPoint", "lod": "1", "boundaries": [0]})
    kind, _, faces = surfaces(batch, "1")
    assert (kind, len(faces)) == ("MULTIPOLYGON Z", 12)
    assert footprint(batch).equals(PLOT)


def test_two_shapes_at_one_level_are_taken_together(tmp_path: Path) -> None:
    batch = one(tmp_path, solid("1"), flat(0, 1, 2, lod="1"))
    assert batch.columns["@lods"] == [["1"]]
    assert len(surfaces(batch, "1")[2]) == 7
    assert footprint(batch).equals(PLOT)


def test_a_template_is_put_in_its_place(tmp_path: Path) -> None:
    instance = {
        "type": "GeometryInstance", "template": 0, "boundaries": [1],
        "transformationMatrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 5, 0, 0, 0, 1],
    }  # fmt: skip
    stored = {
        "templates": [solid("2")],
        "vertices-templates": [[x / 10, y / 10, z / 10] for x, y, z in CORNERS],
    }
    expected = box(85004, 447000, 85012, 447006)
    for batch in (
        one(tmp_path, instance, **{"geometry-templates": stored}),
        read(sequence(tmp_path / "a.jsonl", {"b": building(instance)}, **{"geometry-templates": stored})),
    ):
        assert batch.problems == []
        assert footprint(batch).equals(expected)
        assert batch.columns["@lods"] == [["2"]]
        _, _, faces = surfaces(batch, "2")
        assert shapely.get_coordinates(faces[0], include_z=True)[:, 2].tolist() == [4.0] * 5


FAMILY = {
    "b": building(children=["b-1", "b-2", "b-x"]),
    "b-1": building(flat(0, 1, 2), solid("2"), type="BuildingPart", parents=["b"]),
    "b-2": building(flat(0, 2, 3), type="BuildingPart", parents=["b"]),
    "b-x": building(solid(), type="BuildingInstallation", parents=["b"]),
}


@pytest.mark.parametrize(
    "order", [["b", "b-1", "b-2", "b-x"], ["b-x", "b-2", "b-1", "b"], ["b-1", "b", "b-2"]]
)
def test_a_building_of_parts_covers_what_its_parts_cover(tmp_path: Path, order: list[str]) -> None:
    objects = {name: FAMILY[name] for name in order}
    for file in (document(tmp_path / "a.city.json", objects), sequence(tmp_path / "a.city.jsonl", objects)):
        batch = read(file)
        rows = {name: row for row, name in enumerate(batch.columns["@id"])}
        assert rows.keys() == {"b", "b-1", "b-2"}
        assert footprint(batch, rows["b"]).equals(PLOT)
        assert footprint(batch, rows["b-2"]).area == pytest.approx(6)
        assert batch.columns["@parents"][rows["b-1"]] == ["b"]
        assert batch.columns["@height_m"][rows["b"]] == 2.0
        assert batch.columns["@lods"][rows["b"]] == []
        # The parts count even where nobody asked for them.
        alone = read(file, types=["Building"])
        assert alone.columns["@id"] == ["b"]
        assert footprint(alone).equals(PLOT)


def test_a_part_that_is_named_twice_or_names_itself_counts_once(tmp_path: Path) -> None:
    house = building(solid(), children=["p", "p", "b"])
    part = building(solid(), type="BuildingPart", parents=["b"])
    batch = read(document(tmp_path / "a.city.json", {"b": house, "p": part}), types=["Building"])
    assert [member.name for member in batch.columns["@solids"][0][0].members] == ["b", "p"]


def test_other_types_can_be_asked_for(tmp_path: Path) -> None:
    objects = {
        "b": building(solid()),
        "t": {"type": "SolitaryVegetationObject", "attributes": {"species": "дъб"}},
    }
    batch = read(document(tmp_path / "a.city.json", objects), types=["SolitaryVegetationObject"])
    assert batch.columns["species"] == ["дъб"]
    assert footprint(batch) is None


def test_a_sequence_names_line_and_object_and_may_be_gzipped(tmp_path: Path) -> None:
    plain = sequence(tmp_path / "a.city.jsonl", {"a": building(solid())}, {"b": building(solid())})
    packed = tmp_path / "b.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + plain.read_bytes()))
    for file in (plain, packed):
        batch = read(file)
        assert batch.positions == ["line 2, a", "line 3, b"]
        assert footprint(batch, 1).equals(PLOT)


def test_a_document_may_be_gzipped_and_spread_over_lines(tmp_path: Path) -> None:
    assert footprint(read(document(tmp_path / "a.json.gz", {"b": building(solid())}))).equals(PLOT)
    file = tmp_path / "a.json"
    file.write_text(
        json.dumps({"CityObjects": {"b": building(solid())}, **HEADER, "vertices": CORNERS}, indent=1)
    )
    assert footprint(read(file)).equals(PLOT)


def test_many_objects_come_in_batches(tmp_path: Path) -> None:
    nothing = {"type": "Building"}
    file = document(tmp_path / "a.city.json", {str(n): nothing for n in range(BATCH_SIZE + 5)})
    with open_layer(file, "cityjson") as layer:
        assert [len(batch) for batch in layer.batches] == [BATCH_SIZE, 5]
    file = sequence(tmp_path / "a.city.jsonl", {str(n): nothing for n in range(BATCH_SIZE + 5)})
    with open_layer(file, "cityjson") as layer:
        assert [len(batch) for batch in layer.batches] == [BATCH_SIZE, 5]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"boundaries": [[[[0, 3, 2, 99]]]]}, "it refers to corner 99; there are 8"),
        ({"boundaries": [[[[0, 3, 2, -1]]]]}, "it refers to corner -1; there are 8"),
        ({"boundaries": [[[[0, 1.5, 2]]]]}, "its corners are not whole numbers"),
        ({"boundaries": [[[[0, 1]]]]}, "it has no surface"),
        ({"boundaries": 5}, "not iterable"),
        ({"boundaries": [[["abcd"]]]}, "not whole numbers"),
        ({"lod": None}, "must be a string or a real number"),
        ({"lod": "high"}, "could not convert"),
        ({"lod": "nan"}, "its level of detail is nan"),
        ({"type": None}, ""),
        ({"type": "GeometryInstance"}, ""),
    ],
)
def test_a_broken_shape_is_reported_and_its_record_kept(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    batch = read(sequence(tmp_path / "a.city.jsonl", {"b": building({**solid(), **change})}))
    assert batch.columns["@id"] == ["b"]
    assert footprint(batch) is None
    if change != {"type": None}:
        [problem] = batch.problems
        assert (problem.position, problem.rule) == ("line 2, b", "broken-geometry")
        assert said in problem.detail


def test_a_corner_that_is_nowhere_breaks_only_the_shapes_that_use_it(tmp_path: Path) -> None:
    corners = [*CORNERS, [None, 0, 0]]
    objects = {"a": building(flat(0, 1, 8)), "b": building(solid())}
    batch = read(document(tmp_path / "a.city.json", objects, corners))
    assert [footprint(batch, row) is None for row in (0, 1)] == [True, False]
    assert [(each.position, each.rule) for each in batch.problems] == [("object a", "broken-geometry")]


def test_broken_lines_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    good = {"b": building(solid())}
    short = json.dumps({"type": "CityJSONFeature", "CityObjects": good, "vertices": [[1, 2]]})
    batch = read(
        sequence(tmp_path / "a.city.jsonl", '{"type": "City', "[]", '{"type": "Point"}', short, good)
    )
    assert batch.positions == ["line 6, b"]
    assert [(each.position, each.rule) for each in batch.problems] == [
        ("line 2", "broken-json"),
        ("line 3", "not-a-record"),
        ("line 4", "not-a-record"),
        ("line 5", "not-a-record"),
    ]


def test_a_file_that_does_not_say_where_it_is_says_so_once(tmp_path: Path) -> None:
    file = sequence(tmp_path / "a.city.jsonl", {"a": building(solid())}, metadata={})
    with open_layer(file, "cityjson") as layer:
        assert layer.crs is None
        [batch] = layer.batches
    assert [(each.position, each.rule) for each in batch.problems] == [("header", "no-reference-system")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,name\n", "this is plain text; wanted is CityJSON"),
        ('{"type": "FeatureCollection"}', "its type is 'FeatureCollection'; wanted is CityJSON"),
        ('{"a": 1}', "it has no type"),
        ('{"type": "CityJSON", "version": "0.8"}', r"it is CityJSON 0\.8; readable are 1\.0, 1\.1, 2\.0"),
        ('{"type": "CityJSON", "version": "2.0"}', "it has no transform"),
        ('{"type": "CityJSON", "version": "2.0", "vertices": [[1', "the JSON is broken or cut off"),
        (
            '{"type": "CityJSON", "version": "2.0", "vertices": [[1, 2]]}',
            "its vertices are not all three numbers",
        ),
        ('{"type": "CityJSON", "version": "2.0", "transform": {"scale": 1}}', "its header is broken"),
        (
            '{"type": "CityJSONFeature"}\n{"type": "CityJSONFeature"}\n',
            "a sequence begins with its CityJSON header",
        ),
    ],
)
def test_what_is_no_city_model_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(FileFault, match=said):
        read(file)


def test_a_broken_first_line_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.city.jsonl"
    file.write_text('{"type": "CityJSON", "ver\n')
    with pytest.raises(FileFault, match=r"a\.city\.jsonl: line 1 is no CityJSON header"):
        read(file)


def test_a_file_cut_off_is_refused(tmp_path: Path) -> None:
    content = document(tmp_path / "a.city.json", {"b": building(solid())}).read_bytes()
    file = tmp_path / "b.city.json"
    for size in (len(content) - 5, 300, 120):
        file.write_bytes(content[:size])
        with pytest.raises(FileFault, match="the JSON is broken or cut off"):
            read(file)
    packed = tmp_path / "a.city.jsonl.gz"
    noise = "".join(f"{n:x}" for n in range(60_000))
    lines = sequence(tmp_path / "a.jsonl", {"b": building(solid(), attributes={"noise": noise})}).read_bytes()
    packed.write_bytes(gzip.compress(lines)[:-2000])
    with pytest.raises(FileFault, match="damaged or cut off"):
        read(packed)


def test_reading_changes_nothing_that_it_was_given(tmp_path: Path) -> None:
    before = copy.deepcopy(FAMILY)
    read(document(tmp_path / "a.city.json", FAMILY))
    assert before == FAMILY


@pytest.mark.real
def test_delft_is_read_with_all_its_buildings(real_data: Path) -> None:
    batch = read(real_data / "cityjson/delft.city.json")
    assert len(batch) == 160
    assert batch.problems == []
    assert batch.geometry is not None
    assert shapely.is_valid(batch.geometry).all()
    assert 84_600 < shapely.total_bounds(batch.geometry)[0] < 85_141
    # What it calls the measured height is the height of the top above sea level.
    tops = zip(batch.columns["measuredHeight"], batch.columns["min-height-surface"], strict=True)
    assert batch.columns["@height_m"] == pytest.approx([top - bottom for top, bottom in tops], abs=0.011)


@pytest.mark.real
def test_3dbag_is_read_with_parts_and_levels(real_data: Path) -> None:
    batch = read(real_data / "cityjson/3dbag_tile_901.city.jsonl")
    kinds = batch.columns["@type"]
    assert (kinds.count("Building"), kinds.count("BuildingPart")) == (52, 52)
    assert batch.geometry is not None
    shapes = dict(zip(batch.columns["@id"], batch.geometry, strict=True))
    shared = whole = 0.0
    for name, parents, lods in zip(
        *(batch.columns[each] for each in ("@id", "@parents", "@lods")), strict=True
    ):
        assert lods == (["1.2", "1.3", "2.2"] if parents else ["0"])
        if parents:
            shared += shapes[name].intersection(shapes[parents[0]]).area
            whole += shapes[name].union(shapes[parents[0]]).area
    # The one was drawn, the other computed from a point cloud: alike, not equal.
    assert shared / whole > 0.99


@pytest.mark.real
def test_a_model_without_metadata_is_one_notice(real_data: Path) -> None:
    file = real_data / "cityjson/bad_no_metadata.city.jsonl"
    batch = read(file, types=["+GenericCityObject"])
    assert [each.rule for each in batch.problems] == ["no-reference-system"]
    assert len(batch) == 1
    assert footprint(batch) is not None
