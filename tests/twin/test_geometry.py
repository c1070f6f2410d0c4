"""Coordinate systems, kinds and validity of shapes, against published control values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from twin.errors import BadRequest
from twin.geometry import WGS84, as_kind, ewkb, finite, flat, mend, srid_of, transform, within

BOUNDS = (23.0, 42.4, 23.7, 42.9)


def shapes(*each: object) -> np.ndarray:
    return np.array(each, dtype=np.object_)


@pytest.mark.parametrize(
    ("crs", "easting", "northing"),
    [("EPSG:7801", 321559.18, 4731436.07), ("EPSG:32634", 690183.66, 4729859.76)],
)
def test_control_values_are_reproduced_easting_first(crs: str, easting: float, northing: float) -> None:
    [moved] = transform(shapes(shapely.Point(23.3219, 42.6977)), WGS84, crs)
    assert (moved.x, moved.y) == (pytest.approx(easting, abs=0.01), pytest.approx(northing, abs=0.01))


def test_the_published_check_of_the_national_system() -> None:
    [moved] = transform(shapes(shapely.Point(678556.323, 4725533.024)), "EPSG:7801", WGS84)
    assert (moved.x, moved.y) == (pytest.approx(27.67765, abs=1e-5), pytest.approx(42.64455, abs=1e-5))


@given(st.floats(23.05, 23.68), st.floats(42.42, 42.89))
def test_there_and_back_is_where_it_was(x: float, y: float) -> None:
    there = transform(shapes(shapely.Point(x, y)), WGS84, "EPSG:7801")
    assert_allclose(shapely.get_coordinates(transform(there, "EPSG:7801", WGS84)), [[x, y]], atol=1e-9)


def test_transforming_leaves_the_given_shapes_alone() -> None:
    given_shapes = shapes(shapely.Point(23.3, 42.7), None)
    moved = transform(given_shapes, WGS84, "EPSG:7801")
    assert given_shapes[0] == shapely.Point(23.3, 42.7)
    assert moved[1] is None


@pytest.mark.parametrize("crs", ["EPSG:999999", "nonsense"])
def test_an_unknown_system_is_named(crs: str) -> None:
    with pytest.raises(BadRequest, match=crs):
        srid_of(crs)


def test_a_shape_of_another_kind_is_found() -> None:
    square, line = shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)])
    _, wrong = as_kind(shapes(square, shapely.MultiPolygon([square]), line, None), "MULTIPOLYGON")
    assert wrong.tolist() == [False, False, True, False]
    found, wrong = as_kind(
        shapes(shapely.MultiPoint([(1, 2)]), shapely.MultiPoint([(1, 2), (3, 4)])), "POINT"
    )
    assert found[0] == shapely.Point(1, 2)
    assert wrong.tolist() == [False, True]


@pytest.mark.parametrize(
    ("kind", "collection", "single"),
    [
        ("MULTIPOLYGON", shapely.MultiPolygon, shapely.box(0, 0, 2, 1)),
        ("MULTILINESTRING", shapely.MultiLineString, shapely.LineString([(0, 0), (1, 1), (3, 1)])),
    ],
)
def test_single_shapes_are_written_as_collections_of_one(kind: str, collection: Any, single: Any) -> None:
    several = collection([single, shapely.transform(single, lambda xy: xy + 5)])
    written = ewkb(shapes(single, None, several), 7801, kind)
    assert written[1] is None
    read = [shapely.from_wkb(one) for one in (written[0], written[2])]
    assert read == [collection([single]), several]
    assert [shapely.get_srid(one) for one in read] == [7801, 7801]


def test_a_polygon_is_mended_only_where_its_area_stays() -> None:
    spike = shapely.Polygon([(0, 0), (10, 0), (10, 10), (5, 10), (5, 10.001), (5, 10), (0, 10)])
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    good = shapely.box(0, 0, 1, 1)
    found = mend(shapes(spike, bow_tie, good, None))
    assert found.repaired.tolist() == [True, False, False, False]
    assert found.refused.tolist() == [False, True, False, False]
    assert found.shapes[0].is_valid
    assert found.shapes[0].area == pytest.approx(100)
    assert found.shapes[2] is good


def test_heights_go_and_the_rest_stays() -> None:
    given = shapes(*shapely.from_wkt(["POINT Z (1 2 3)", "POINT M (1 2 3)", "POINT ZM (1 2 3 4)", None]))
    assert list(flat(given[:1])) == [shapely.Point(1, 2)]
    # a measure in PostGIS's binary form of a flat shape would be read as the next coordinate
    assert [one and one.wkt for one in flat(given[1:])] == ["POINT (1 2)", "POINT (1 2)", None]


def test_infinite_coordinates_are_found() -> None:
    assert finite(shapes(shapely.Point(1, float("inf")), shapely.Point(1, 2), None)).tolist() == [
        False,
        True,
        True,
    ]


def test_a_place_is_inside_the_city_by_the_middle_of_its_extent() -> None:
    inside, outside = shapely.Point(23.3, 42.7), shapely.Point(27.9, 43.2)
    assert within(shapes(inside, outside, None), WGS84, BOUNDS).tolist() == [True, False, True]
    metric = transform(shapes(inside, outside, None), WGS84, "EPSG:7801")
    assert within(metric, "EPSG:7801", BOUNDS).tolist() == [True, False, True]
    # what the projection cannot reach is outside, not nowhere
    assert within(shapes(shapely.Point(1e30, 1e30)), "EPSG:7801", BOUNDS).tolist() == [False]


def test_postgis_gets_the_srid_with_each_shape() -> None:
    binary = ewkb(shapes(shapely.Point(1, 2), None), 7801, "POINT")
    assert binary[0].hex() == "0101000020791e0000000000000000f03f0000000000000040"
    assert binary[1] is None
