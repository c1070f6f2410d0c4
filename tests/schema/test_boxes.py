"""Points and boxes of longitudes and latitudes in a city's CRS: bent as their edges are, and what surely lies within."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from graphql import OperationDefinitionNode, parse
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from schema import places
from schema.arguments import are_surely_valid, variable_types
from schema.query import build
from twin.errors import BadRequest

SRID = 7801
WEST, SOUTH = st.floats(22.5, 24.0), st.floats(42.0, 43.5)
LONG, RATIO = st.floats(1e-5, 0.4), st.floats(0.2, 5)


@settings(deadline=None)
@given(WEST, SOUTH, LONG, RATIO)
def test_a_box_follows_its_parallels_and_holds_its_inner_rectangle(
    west: float, south: float, across: float, ratio: float
) -> None:
    up = across * ratio
    made = places.box(west, south, west + across, south + up, srid=SRID, where="bbox")
    box = shapely.Polygon(made.ring)
    assert box.is_valid
    change = Transformer.from_crs(4326, SRID, always_xy=True)
    edges = shapely.segmentize(shapely.box(west, south, west + across, south + up), min(across, up) / 64)
    x, y = change.transform(*shapely.get_coordinates(edges).T)
    exact = shapely.Polygon(np.column_stack([x, y]))
    assert shapely.symmetric_difference(box, exact).area <= exact.area * 1e-3
    if made.inner is not None:
        assert box.covers(shapely.box(*made.inner).buffer(places._ROUNDED_M / 2, join_style="mitre"))


def test_a_box_is_sent_as_postgis_reads_it() -> None:
    ring = places.box(23.3, 42.6, 23.31, 42.61, srid=SRID, where="bbox").ring
    sent = places.ring_ewkb_hex(ring, SRID)
    assert sent == places.ewkb_hex(shapely.Polygon(ring), SRID).lower()


def test_a_point_is_sent_as_postgis_reads_it() -> None:
    sent = places.point_ewkb_hex(23.3219, 42.6977, SRID, where="point")
    there = places.project(shapely.Point(23.3219, 42.6977), 4326, SRID)
    assert sent == places.ewkb_hex(there, SRID).lower()
    with pytest.raises(BadRequest, match="is no longitude and latitude"):
        places.point_ewkb_hex(42.6977, 123.0, SRID, where="point")


def test_a_box_beyond_where_the_crs_is_meant_for_is_cut_off() -> None:
    made = places.box(-180, -90, 180, 90, srid=SRID, where="bbox")
    assert np.isfinite(made.ring).all()
    with pytest.raises(BadRequest, match="west 2 must be less than east 1"):
        places.box(2, 1, 1, 2, srid=SRID, where="bbox")


@pytest.mark.parametrize(
    ("variables", "surely"),
    [
        ({"box": {"west": 1, "south": 2.5, "east": 3, "north": 4}}, True),
        ({"box": {"west": 1, "south": 2, "east": 3, "north": 4}, "use": ["100", None]}, True),
        ({}, False),
        ({"box": None}, False),
        ({"box": {"west": 1, "south": 2, "east": 3}}, False),
        ({"box": {"west": 1, "south": 2, "east": 3, "north": 4, "up": 5}}, False),
        ({"box": {"west": "1", "south": 2, "east": 3, "north": 4}}, False),
        ({"box": [1, 2, 3, 4]}, False),
        ({"box": {"west": 1, "south": 2, "east": 3, "north": 4}, "use": "100"}, False),
        ({"box": {"west": 1, "south": 2, "east": 3, "north": 4}, "use": [1]}, False),
    ],
)
def test_only_variables_that_are_of_their_types_are_taken_unseen(
    variables: dict[str, object], surely: bool
) -> None:
    schema = build()._schema
    (operation,) = parse("query ($box: BBoxInput!, $use: [String]) { __typename }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert are_surely_valid(variables, operation, variable_types(schema, operation)) is surely
