"""3D shapes of buildings: what is kept of each, what is wrong with some, and that viewers can open them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loaders.formats.meshes import Member, Mesh, Solid
from loaders.solids import measured
from tests.cityjson import Model
from tests.loaders.town import LoadTown
from twin.errors import BadRequest

RD = "EPSG:28992"
CORNERS = [
    [0, 0, 0], [4, 0, 0], [4, 3, 0], [0, 3, 0], [0, 0, 2], [4, 0, 2], [4, 3, 2], [0, 3, 2],
]  # fmt: skip
# Seen from outside, each counter-clockwise: floor, roof, four walls.
BOX = [[[0, 3, 2, 1]], [[4, 5, 6, 7]], [[0, 1, 5, 4]], [[1, 2, 6, 5]], [[2, 3, 7, 6]], [[3, 0, 4, 7]]]
MEANINGS = ["GroundSurface", "RoofSurface", *["WallSurface"] * 4]
Faces = list[list[list[int]]]


def mesh(
    faces: Faces = BOX, *, kind: str = "Solid", corners: Any = CORNERS, meanings: list[str] | None = None
) -> Mesh:
    """A shape somewhere in Delft."""
    rings = [[*ring, ring[0]] for face in faces for ring in face]
    named = list(dict.fromkeys(meanings or ()))
    return Mesh(
        level=2.2,
        lod="2.2",
        kind=kind,
        xyz=np.array(corners, dtype=np.float64)[[corner for ring in rings for corner in ring]]
        + [85_000, 447_000, -1],
        ends=np.cumsum([len(ring) for ring in rings]).tolist(),
        rings=[len(face) for face in faces],
        shells=[[len(faces)]],
        meanings=[named.index(each) for each in meanings] if meanings else [None] * len(faces),
        surfaces=[{"type": name} for name in named],
    )


def house(*meshes: Mesh, crs: str | None = "EPSG:7415", **parts: Mesh) -> Solid:
    members = [Member(name, "BuildingPart", [shape]) for name, shape in parts.items()]
    return Solid("2.2", crs, [Member("house", "Building", list(meshes)), *members])


def one(solid: Solid, crs: str = RD) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The columns of one solid, and its flaws."""
    columns, flaws = measured([solid], crs, RD)
    return {name: column[0].as_py() for name, column in columns.items()}, [
        (flaw.rule, flaw.detail) for flaw in flaws
    ]


def test_a_box_is_measured() -> None:
    kept, flaws = one(house(mesh(meanings=MEANINGS)))
    del kept["solid"], kept["cityjson"]
    assert flaws == []
    assert kept == {
        "lod": "2.2",
        "volume_m3": 24.0,
        "ground_area_m2": 12.0,
        "roof_area_m2": 12.0,
        "wall_area_m2": 28.0,
        "lowest_m": -1.0,
        "highest_m": 1.0,
        "height_datum": "NAP height (EPSG:5709)",
    }


def test_areas_are_unknown_where_nobody_says_what_the_faces_are() -> None:
    kept, _ = one(house(mesh()))
    assert [kept[name] for name in ("volume_m3", "roof_area_m2", "wall_area_m2")] == [24.0, None, None]


def test_a_cavity_counts_off_the_volume() -> None:
    corners = [*CORNERS, *(np.array(CORNERS) / 2 + [0.5, 0.5, 0.5]).tolist()]
    inner = [[[8 + corner for corner in reversed(ring)] for ring in face] for face in BOX]
    kept, flaws = one(house(mesh([*BOX, *inner], corners=corners)))
    assert (kept["volume_m3"], flaws) == (24.0 - 3.0, [])


def test_solids_of_several_buildings_do_not_mix() -> None:
    solids = [house(mesh()), house(mesh(BOX[:5]), crs=None), house(mesh(corners=np.array(CORNERS) * 2))]
    columns, flaws = measured(solids, RD, RD)
    assert columns["volume_m3"].to_pylist() == [24.0, None, 192.0]
    assert columns["height_datum"].to_pylist() == ["NAP height (EPSG:5709)", None, "NAP height (EPSG:5709)"]
    assert [(flaw.solid, flaw.rule) for flaw in flaws] == [(1, "open-solid")]


@pytest.mark.parametrize(
    ("shape", "volume", "rule", "said"),
    [
        (mesh(BOX[:5]), None, "open-solid", "faces: 5, edges with one face: 4"),
        (mesh(BOX[:1]), None, "open-solid", "faces: 1"),
        (mesh([BOX[0], [BOX[0][0][::-1]]]), None, "open-solid", "faces: 2, edges with one face: 0"),
        (mesh(BOX[1:]), 24.0, "no-floor", "edges with one face: 4"),
        (mesh([[ring[::-1] for ring in face] for face in BOX]), 24.0, "inverted-solid", "-24.0 m3"),
        (mesh(corners=[*CORNERS[:6], [4, 3, 2.5], CORNERS[7]]), 25.0, "uneven-face", "0.2"),
    ],
)
def test_a_flaw_is_said_and_the_shape_kept(shape: Mesh, volume: float | None, rule: str, said: str) -> None:
    kept, flaws = one(house(shape))
    assert [(name, said in detail) for name, detail in flaws] == [(rule, True)]
    assert kept["volume_m3"] == (None if volume is None else pytest.approx(volume, abs=1.1))
    assert kept["solid"]
    Model(json.loads(kept["cityjson"]))


def test_a_bare_surface_is_no_flaw_and_has_no_volume() -> None:
    kept, flaws = one(house(mesh(BOX[:2], kind="MultiSurface", meanings=MEANINGS[:2])))
    assert (kept["volume_m3"], kept["roof_area_m2"], flaws) == (None, 12.0, [])


def test_a_document_holds_the_building_with_its_parts() -> None:
    kept, _ = one(house(east=mesh(meanings=MEANINGS), west=mesh(corners=np.array(CORNERS) - [4, 0, 0])))
    assert kept["volume_m3"] == 48.0
    model = Model(json.loads(kept["cityjson"]))
    assert model.system == "https://www.opengis.net/def/crs/EPSG/0/7415"
    assert model.document["CityObjects"]["house"] == {"type": "Building", "children": ["east", "west"]}
    # The wall between the two has its corners in common.
    assert len(model.vertices) == 12
    assert model.bounds == ([84_996, 447_000, -1], [85_004, 447_003, 1])
    assert model.faces("east")["RoofSurface"] == [
        [[85_000, 447_000, 1], [85_004, 447_000, 1], [85_004, 447_003, 1], [85_000, 447_003, 1]]
    ]


def test_shapes_in_another_system_are_moved_and_their_heights_are_not() -> None:
    degrees = np.array(CORNERS) / [1e5, 1e5, 1] + [4.36, 52.01, 1] - [85_000, 447_000, -1]
    kept, _ = one(house(mesh(corners=degrees), crs="EPSG:4979"), "EPSG:4326")
    model = Model(json.loads(kept["cityjson"]))
    low, _ = model.bounds
    assert low[:2] == pytest.approx([84_600, 447_600], abs=1_000)
    assert (kept["lowest_m"], kept["height_datum"]) == (1.0, "ellipsoid WGS 84")
    # Heights above an ellipsoid are none of the city's system, which is named without any.
    assert model.system == "https://www.opengis.net/def/crs/EPSG/0/28992"


LEVELS = {"lod": "2", "type": "Solid", "boundaries": [BOX]}


def sequence(*houses: dict[str, Any], system: str = "https://www.opengis.net/def/crs/EPSG/0/7801") -> str:
    header = {
        "type": "CityJSON", "version": "2.0", "CityObjects": {}, "vertices": [],
        "transform": {"scale": [1, 1, 1], "translate": [321_000, 4_731_000, 550]},
        "metadata": {"referenceSystem": system},
    }  # fmt: skip
    lines = [
        {"type": "CityJSONFeature", "id": name, "CityObjects": {name: thing}, "vertices": CORNERS}
        for each in houses
        for name, thing in each.items()
    ]
    return "\n".join(json.dumps(each) for each in [header, *lines])


ENTRY = """
key = "model"
format = "cityjson"
file = "model.city.jsonl"
ignore = ["@*"]
[dataset.Building]
key = "number"
footprint = "geometry"
[dataset.BuildingSolid]
of = "@solids"
"""


def shaped(number: str | None, *shapes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Building", "attributes": {"number": number}, "geometry": list(shapes)}


def test_solids_hang_from_the_buildings_that_are_kept(town: LoadTown) -> None:
    town.describe(ENTRY)
    low = {**LEVELS, "lod": 1.2}
    town.write(
        "model.city.jsonl",
        sequence({"a": shaped("7", LEVELS, low), "b": shaped(None, LEVELS), "c": shaped("8", {**LEVELS, "lod": 0})}),
    )  # fmt: skip
    assert town.load().exit_code == 0
    found = town.rows(
        "SELECT key, building, lod, ST_GeometryType(solid), ST_SRID(solid), ST_ZMin(solid), sources"
        " FROM building_solid ORDER BY key"
    )
    assert found == [
        (f"7/{lod}", "7", lod, "ST_PolyhedralSurface", 7801, 550.0, ["model"]) for lod in ("1.2", "2")
    ]
    assert town.rows("SELECT key FROM building ORDER BY key") == [("7",), ("8",)]


def test_a_changed_solid_is_one_change_and_a_vanished_one_is_closed(town: LoadTown) -> None:
    town.describe(ENTRY)
    town.write("model.city.jsonl", sequence({"a": shaped("7", LEVELS)}, {"b": shaped("8", LEVELS)}))
    town.load()
    before = town.versions()
    town.load()
    assert town.versions() == before
    open_above = {**LEVELS, "boundaries": [[BOX[0], *BOX[2:]]]}
    town.write("model.city.jsonl", sequence({"a": shaped("7", open_above)}, {"b": shaped("8")}))
    [report] = town.load().datasets
    merged = report.entities["BuildingSolid"]
    assert (merged.added, merged.changed, merged.closed) == (0, 1, 1)
    assert town.rows("SELECT key, volume_m3 FROM building_solid_history ORDER BY 1") == [
        ("7/2", 24),
        ("8/2", 24),
    ]
    assert town.rows("SELECT key, volume_m3 FROM building_solid") == [("7/2", None)]
    [(file, position, _, value, message, _)] = town.notices("open-solid")
    assert (file, position, value) == ("model.city.jsonl", "line 2, a", "7/2")
    assert (
        message
        == "A 3D solid does not close; it was kept, without a volume: faces: 5, edges with one face: 4."
    )


def test_a_shape_that_is_nowhere_is_left_out(town: LoadTown) -> None:
    town.describe(ENTRY.replace('footprint = "geometry"', 'height_m = "@height_m"'))
    town.head = '[precedence]\nBuilding = ["model"]\n'
    town.write("model.city.jsonl", sequence({"a": shaped("7", LEVELS)}).replace("4731000", "4731000e10"))
    assert town.load().exit_code == 0
    assert town.rows("SELECT count(*) FROM building_solid") == [(0,)]
    assert [(one[1], one[3]) for one in town.notices("bad-coordinate")] == [("line 2, a", "7/2")]


def test_a_model_that_does_not_say_where_it_is_is_placed_by_the_citys_bounds(town: LoadTown) -> None:
    town.describe(ENTRY)
    town.write("model.city.jsonl", sequence({"a": shaped("7", LEVELS)}).replace("referenceSystem", "title"))
    [report] = town.load().datasets
    assert report.notices == {"no-reference-system": 1, "crs-guessed": 1}
    [(datum, document)] = town.rows("SELECT height_datum, cityjson FROM building_solid")
    model = Model(document)
    assert (datum, model.system) == (None, "https://www.opengis.net/def/crs/EPSG/0/7801")
    assert model.bounds == ([321_000, 4_731_000, 550], [321_004, 4_731_003, 552])


@pytest.mark.real
def test_the_real_model_without_metadata_is_refused(town: LoadTown, real_data: Path) -> None:
    town.describe(ENTRY.replace('"cityjson"', '"cityjson"\noptions = { types = ["+GenericCityObject"] }'))
    town.write("model.city.jsonl", (real_data / "cityjson/bad_no_metadata.city.jsonl").read_bytes())
    [report] = town.load().datasets
    assert report.failure
    assert (
        "neither the file nor the catalogue says in which coordinate system its places are" in report.failure
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[dataset.Building]\nkey", "[dataset.District]\ncode"), "a BuildingSolid is of a Building"),
        (('of = "@solids"', ""), "of is missing"),
        (
            ('of = "@solids"', 'of = "@solids"\nlod = "@lod"'),
            '"lod" means nothing here; allowed are of, expect',
        ),
        (('key = "number"', 'key = "number"\nof = "@solids"'), "only a BuildingSolid is of something"),
    ],
)
def test_a_catalogue_says_only_of_which_column_solids_are(
    town: LoadTown, change: tuple[str, str], said: str
) -> None:
    town.describe(
        ENTRY.replace(*change).replace("footprint", "boundary" if "District" in change[1] else "footprint")
    )
    with pytest.raises(BadRequest, match=said):
        _ = town.catalogue
