"""OpenStreetMap extracts: buildings, boundaries, streets and shops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import osmium
import pytest
import shapely
from osmium.osm import mutable

from loaders.formats import Batch, FileFault, open_layer

# A square A B C D with a smaller one E F G H in it; Z is in no file.
PLACES = {
    "A": (9.50, 47.10), "B": (9.60, 47.10), "C": (9.60, 47.20), "D": (9.50, 47.20),
    "E": (9.53, 47.13), "F": (9.57, 47.13), "G": (9.57, 47.17), "H": (9.53, 47.17),
}  # fmt: skip
NUMBERS = {name: number for number, name in enumerate("ABCDEFGHZ", start=1)}


def extract(
    tmp_path: Path,
    *,
    nodes: Mapping[str, Mapping[str, str]] | None = None,
    ways: Sequence[tuple[str, Mapping[str, str]]] = (),
    relations: Sequence[tuple[Sequence[int], Mapping[str, str]]] = (),
    suffix: str = "osm.pbf",
) -> Path:
    """Write an extract; ways are numbered from 101 and named by their nodes, relations from 201."""
    file = tmp_path / f"town.{suffix}"
    with osmium.SimpleWriter(str(file)) as writer:
        for name, place in PLACES.items():
            writer.add_node(
                mutable.Node(
                    id=NUMBERS[name], location=place, tags=dict((nodes or {}).get(name, {})), version=1
                )
            )
        for number, (names, tags) in enumerate(ways, start=101):
            writer.add_way(
                mutable.Way(id=number, nodes=[NUMBERS[name] for name in names], tags=dict(tags), version=1)
            )
        for number, (members, tags) in enumerate(relations, start=201):
            parts = [("w", member, "outer") for member in members]
            writer.add_relation(mutable.Relation(id=number, members=parts, tags=dict(tags), version=1))
    return file


def read(file: Path, **options: Any) -> Batch:
    with open_layer(file, "osm", **options) as layer:
        assert layer.crs == "EPSG:4326"
        batches = list(layer.batches)
    assert len(batches) == 1
    assert list(batches[0].columns) == list(layer.columns)
    return batches[0]


def kinds(batch: Batch) -> list[str | None]:
    assert batch.geometry is not None
    return [each.geom_type if each is not None else None for each in batch.geometry]


@pytest.mark.parametrize("suffix", ["osm.pbf", "osm"])
def test_closed_ways_become_polygons_with_the_tags_asked_for(tmp_path: Path, suffix: str) -> None:
    ways = [("ABCDA", {"building": "yes", "name": "Кула"}), ("EFGHE", {"landuse": "grass"})]
    file = extract(tmp_path, ways=ways, suffix=suffix)
    batch = read(file, select="areas", tags={"building": True}, columns=["name", "height"])
    assert batch.columns == {"@id": ["way/101"], "name": ["Кула"], "height": [None]}
    assert batch.positions == ["way 101"]
    assert batch.geometry is not None
    assert batch.geometry[0].equals(shapely.box(9.5, 47.1, 9.6, 47.2))
    assert batch.problems == []


def test_a_relation_of_several_ways_becomes_one_area(tmp_path: Path) -> None:
    tags = {"type": "boundary", "boundary": "administrative", "admin_level": "8", "name": "Vaduz"}
    file = extract(tmp_path, ways=[("ABC", {}), ("CDA", {})], relations=[([101, 102], tags)])
    batch = read(
        file, select="areas", tags={"boundary": "administrative", "admin_level": ["8", "9"]}, columns=["name"]
    )
    assert batch.columns == {"@id": ["relation/201"], "name": ["Vaduz"]}
    assert kinds(batch) == ["Polygon"]
    assert batch.problems == []


def test_a_relation_cut_off_at_the_border_is_named(tmp_path: Path) -> None:
    tags = {"type": "multipolygon", "admin_level": "8"}
    file = extract(
        tmp_path,
        ways=[("ABC", {}), ("EFGHE", {})],
        relations=[([101, 999], tags), ([102], tags), ([101], {"type": "multipolygon"})],
    )
    batch = read(file, select="areas", tags={"admin_level": "8"})
    assert batch.columns == {"@id": ["relation/202"], "admin_level": ["8"]}
    [problem] = batch.problems
    assert (problem.position, problem.rule) == ("relation 201", "area-not-assembled")
    assert "relation 201 (multipolygon)" in problem.detail


def test_a_boundary_line_beside_its_relation_is_no_problem(tmp_path: Path) -> None:
    file = extract(tmp_path, ways=[("ABC", {"admin_level": "8"}), ("ABCDA", {"admin_level": "8"})])
    batch = read(file, select="areas", tags={"admin_level": "8"})
    assert batch.columns["@id"] == ["way/102"]
    assert batch.problems == []


def test_a_closed_way_that_crosses_itself_is_named(tmp_path: Path) -> None:
    file = extract(tmp_path, ways=[("ACBDA", {"building": "yes"}), ("EFGHE", {"building": "yes"})])
    batch = read(file, select="areas", tags={"building": True})
    assert batch.columns["@id"] == ["way/102"]
    assert [(each.position, each.rule) for each in batch.problems] == [("way 101", "area-not-assembled")]


def test_shops_are_points_or_areas_and_one_of_several_tags_suffices(tmp_path: Path) -> None:
    file = extract(
        tmp_path,
        nodes={"A": {"shop": "bakery"}, "B": {"amenity": "bank"}, "C": {"natural": "tree"}},
        ways=[("EFGHE", {"shop": "mall"}), ("ABC", {"shop": "no area"})],
    )
    batch = read(file, select="nodes+areas", tags=[{"shop": True}, {"amenity": True}])
    assert batch.columns == {
        "@id": ["node/1", "node/2", "way/101"],
        "shop": ["bakery", None, "mall"],
        "amenity": [None, "bank", None],
    }
    assert kinds(batch) == ["Point", "Point", "Polygon"]
    assert read(file, select="nodes", tags={"shop": True}).columns["@id"] == ["node/1"]


def test_streets_are_lines_and_lost_points_are_reported(tmp_path: Path) -> None:
    ways = [("ABC", {"highway": "primary"}), ("ABZ", {"highway": "service"}), ("ZA", {"highway": "path"})]
    batch = read(extract(tmp_path, ways=ways), select="ways", tags={"highway": True})
    assert kinds(batch) == ["LineString", "LineString", None]
    assert [(each.position, each.rule, each.detail) for each in batch.problems] == [
        ("way 102", "incomplete-way", "1 of 3 points are not in the file"),
        ("way 103", "incomplete-way", "1 of 2 points are not in the file"),
    ]


def test_version_and_time_of_the_last_edit_can_be_read(tmp_path: Path) -> None:
    file = extract(tmp_path, nodes={"A": {"shop": "bakery"}})
    batch = read(file, select="nodes", tags={"shop": True}, columns=["@version", "@timestamp"])
    assert batch.columns["@version"] == [1]
    assert batch.columns["@timestamp"][0].endswith("+00:00")


def test_nothing_found_is_no_fault(tmp_path: Path) -> None:
    with open_layer(extract(tmp_path), "osm", select="ways", tags={"highway": True}) as layer:
        assert list(layer.batches) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"select": "lines", "tags": {"highway": True}}, "select is 'lines'; allowed are areas, ways"),
        ({"select": "ways", "tags": {}}, "tags are empty"),
    ],
)
def test_a_wrong_option_is_explained(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(FileFault, match=said), open_layer(extract(tmp_path), "osm", **options):
        pass


def test_an_extract_cut_off_is_refused(tmp_path: Path) -> None:
    file = extract(tmp_path, ways=[("ABC", {"highway": "primary"})])
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(FileFault, match=r"town\.osm\.pbf: the extract is damaged or cut off"):
        read(file, select="ways", tags={"highway": True})


def test_another_file_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "town.osm.pbf"
    file.write_text("<html>503</html>")
    with pytest.raises(FileFault, match="this is a web page; wanted is an OpenStreetMap extract"):
        read(file, select="ways", tags={"highway": True})
