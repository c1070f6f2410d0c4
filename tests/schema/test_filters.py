"""What `where` finds: every operator, and places said in every way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely

from schema.places import project
from tests.schema.conftest import GRID, Asked
from tests.town import ORIGIN

WEST, EAST = '{entity: "District:68134-01"}', '{entity: "District:68134-02"}'


def ids(ask: Asked, root: str, where: str, **variables: Any) -> list[str]:
    """The keys of what a filter finds; `where` may use the variables $a and $g."""
    declared = {"a": "ID!", "g": "GeoJSON", "j": "JSON"}
    head = ", ".join(f"${name}: {declared[name]}" for name in variables)
    query = f"query{f'({head})' if head else ''} {{ {root}(where: {where}) {{ totalCount nodes {{ id }} }} }}"
    found = ask(query, **variables)[root]
    assert found["totalCount"] == len(found["nodes"])
    return [node["id"].partition(":")[2] for node in found["nodes"]]


def lonlat(marks: str) -> Any:
    """A place of the grid as GeoJSON."""
    return json.loads(shapely.to_geojson(project(GRID[marks], 7801, 4326)))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ('{id: {ne: "Building:b.1"}}', ["b.2", "b.3"]),
        ('{id: {notIn: ["Building:b.1", "Building:b.2"]}}', ["b.3"]),
        ('{id: {in: []}}', []),
        ('{id: {notIn: []}}', ["b.1", "b.2", "b.3"]),
        ('{currentUse: {notIn: ["100"]}}', ["b.2", "b.3"]),
        ('{currentUse: {in: ["100", "110"], ne: "100"}}', ["b.2"]),
        ("{storeysAboveGround: {notIn: [8]}}", ["b.1", "b.3"]),
        ('{cadastralId: {endsWith: ".2"}}', ["b.2"]),
        ('{cadastralId: {endsWith: "a longer text than that"}}', []),
        ('{cadastralId: {endsWith: ""}}', ["b.1", "b.2", "b.3"]),
        ("{not: {or: [{storeysAboveGround: {lt: 3}}, {storeysAboveGround: {gt: 7}}]}}", ["b.3"]),
        ("{footprintAreaM2: {notIn: [100]}, footprintPerimeterM: {gt: 40.5}}", ["b.3"]),
        ("{district: {perimeterM: {lt: 300}, areaM2: {gt: 3000}}}", ["b.1", "b.2"]),
    ],
)  # fmt: skip
def test_an_operator(ask: Asked, where: str, expected: list[str]) -> None:
    assert ids(ask, "buildings", where) == expected


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        ('{hasKey: "metres"}', True),
        ('{hasKey: "words"}', False),
        ("{contains: {metres: 12.5}}", True),
        ("{contains: {metres: 12}}", False),
        ('{number: {of: "metres", gt: 10, lte: 12.5}}', True),
        ('{number: {of: "metres", gt: 10, lt: 12.5}}', False),
        ('{number: {of: "metres"}}', True),
        ('{number: {of: "address", gt: 0}}', False),
        ("{isNull: false}", True),
    ],
)
def test_links_are_found_by_their_evidence(ask: Asked, evidence: str, found: bool) -> None:
    assert bool(ids(ask, "links", f"{{evidence: {evidence}}}")) is found


def test_evidence_may_be_asked_for_in_a_variable(ask: Asked) -> None:
    assert ids(ask, "links", "{evidence: {contains: $j}}", j={"metres": 12.5})
    assert "NUL" in ask.refused("query($j: JSON) { links(where: {evidence: {contains: $j}}) { totalCount } }", j={"a": ["\0"]})  # fmt: skip


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("contains: {entity: \"Building:b.1\"}", ["68134-01"]),
        ("containsProperly: {entity: \"Building:b.1\"}", ["68134-01"]),
        ("covers: {entity: \"Building:b.3\"}", ["68134-02"]),
        ("containsProperly: {entity: \"Building:b.3\"}", []),
        (f"relate: {{to: {WEST}, pattern: \"FF*F1****\"}}", ["68134-02", "68134-03"]),
        (f"relate: {{to: {WEST}, pattern: \"FF*F0****\"}}", []),
        (f"relate: {{to: {WEST}, pattern: \"T*F**FFF*\"}}", ["68134-01"]),
        ("relate: {to: {entity: \"Facility:f1\"}, pattern: \"FF*FF****\"}", ["68134-02", "68134-03"]),
        (f"touches: {{union: [{WEST}, {EAST}]}}", ["68134-03"]),
        (f"within: {{union: [{WEST}, {EAST}]}}", ["68134-01", "68134-02"]),
        (f"within: {{buffer: {{of: {{union: [{WEST}, {EAST}]}}, metres: 1}}}}", ["68134-01", "68134-02"]),
        (f"within: {{buffer: {{of: {{buffer: {{of: {WEST}, metres: -5}}}}, metres: 1}}}}", []),
        (f"intersects: {{buffer: {{of: {WEST}, metres: -5}}}}", ["68134-01"]),
        ("contains: {union: [{entity: \"Facility:f1\"}, {entity: \"Site:s0\"}]}", []),
        ("intersects: {union: [{entity: \"Facility:f1\"}, {entity: \"Site:s1\"}]}", ["68134-01", "68134-02"]),
        ("dwithin: {of: {union: [{entity: \"Facility:f1\"}, {entity: \"Site:s1\"}]}, withinM: 1}",
         ["68134-01", "68134-02"]),
    ],
)  # fmt: skip
def test_a_place_by_other_entities(ask: Asked, how: str, expected: list[str]) -> None:
    assert ids(ask, "districts", f"{{boundary: {{{how}}}}}") == expected


def test_several_districts_at_once_hold_the_buildings_of_each(ask: Asked) -> None:
    where = f"{{footprint: {{within: {{union: [{WEST}, {EAST}]}}}}}}"
    assert ids(ask, "buildings", where) == ["b.1", "b.2", "b.3"]
    assert ids(ask, "buildings", where.replace(f", {EAST}", "")) == ["b.1", "b.2"]


def test_a_geometry_collection_means_all_its_parts(ask: Asked) -> None:
    parts = [lonlat("abcd"), lonlat("efgh")]
    where = "{footprint: {coveredBy: {buffer: {of: {geojson: $g}, metres: 0.1}}}}"
    collection = {"type": "GeometryCollection", "geometries": parts}
    assert ids(ask, "buildings", where, g=collection) == ["b.1", "b.2"]
    assert ids(ask, "buildings", where, g=parts[1]) == ["b.2"]
    x, y = ORIGIN
    wkt = f"GEOMETRYCOLLECTION(POINT({x} {y}), GEOMETRYCOLLECTION(POINT({x + 50} {y + 20})))"
    asked = f'{{boundary: {{intersects: {{wkt: {{wkt: "{wkt}", crs: 7801}}}}}}}}'
    assert ids(ask, "districts", asked) == ["68134-01", "68134-02", "68134-03"]


def test_a_union_may_hold_places_of_every_kind(ask: Asked) -> None:
    where = f"{{footprint: {{intersects: {{union: [{{geojson: $g}}, {{buffer: {{of: {{entity: $a}}, metres: 1}}}}, {EAST}]}}}}}}"
    assert ids(ask, "buildings", where, a="Facility:f1", g=lonlat("efgh")) == ["b.2", "b.3"]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("{union: []}", "intersects.union: give at least one place"),
        ('{union: [{entity: "District:68134-01"}, {entity: "Facility:f1"}]}',
         "boundary.intersects.union[0].entity: is of areas, but districts.where.boundary.intersects.union[1].entity of points"),
        ('{union: [{entity: "District:68134-01"}, {wkt: {wkt: "POINT(23 42)"}}]}',
         "union[1].wkt: points are no areas"),
        ('{union: [{wkt: {wkt: "LINESTRING(23 42, 24 42)"}}, {wkt: {wkt: "POINT(23 42)"}}]}',
         "union: points are no lines"),
        ('{geojson: {type: "GeometryCollection", geometries: []}}', "geometries of a GeometryCollection are missing"),
        ('{geojson: {type: "GeometryCollection", geometries: [{type: "Point", coordinates: [23, 42]}, '
         '{type: "LineString", coordinates: [[23, 42], [24, 42]]}]}}', "lines are no points"),
        ('{union: [{entity: "District:nowhere"}]}', 'union[0].entity: there is no "District:nowhere"'),
        ('{buffer: {of: {entity: "District:68134-01"}, metres: 1e300}}', "metres: is 1e+300; give metres, at most 1,000,000"),
        ('{buffer: {of: {point: {lon: 23, lat: 42}}, metres: -1}}', "nothing is left of the geometry at -1.0 metres"),
        ('{buffer: {of: {entity: "District:68134-01"}, metres: -500}}', "nothing is left of the geometry at -500.0 metres"),
        ("{union: [%s]}" % ", ".join(["{point: {lon: 23, lat: 42}}"] * 300), "districts: has more than 300 places"),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused(ask: Asked, place: str, told: str) -> None:
    query = f"{{ districts(where: {{boundary: {{intersects: {place}}}}}) {{ totalCount }} }}"
    assert told in ask.refused(query)


@pytest.mark.parametrize("pattern", ["", "T", "T********T", "t********", "FF*FF***'", "3********"])
def test_what_is_no_de_9im_pattern_is_refused(ask: Asked, pattern: str) -> None:
    query = f"query($p: String!) {{ districts(where: {{boundary: {{relate: {{to: {WEST}, pattern: $p}}}}}}) {{ totalCount }} }}"
    assert "relate.pattern: is" in ask.refused(query, p=pattern)
