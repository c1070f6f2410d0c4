"""The words of a catalogue, each with what it makes of published values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

from loaders.catalogue import Target
from loaders.catalogue.words import condition, recipe
from loaders.formats import Batch
from loaders.mapping import column_keys, content_keys, map_attribute, map_shapes
from loaders.notices import Notices
from loaders.published import Published, Selected
from twin.entities import BY_NAME


def published(columns: dict[str, list[Any]], shapes: list[Any] | None = None) -> Published:
    length = len(next(iter(columns.values())))
    geometry = None if shapes is None else np.array(shapes, dtype=np.object_)
    batch = Batch(columns, geometry, [f"line {n}" for n in range(2, length + 2)])
    return Published(batch, "a.csv", Notices(), crs=None, city_crs="EPSG:4326")


def everything(source: Published) -> Selected:
    return Selected(source, np.arange(len(source)))


def made(entry: Any, **columns: list[Any]) -> list[Any]:
    values, _ = map_attribute(recipe(entry, "here", {}), everything(published(columns)), {})
    found: list[Any] = values.to_pylist()
    return found


@pytest.mark.parametrize(
    ("entry", "value", "result"),
    [
        ("a", "  x ", "x"),
        ("a", " ", None),
        ({"from": "a", "prefix": "68134-", "pad": 2}, "7", "68134-07"),
        ({"from": "a", "pad": 2}, 12, "12"),
        ({"from": "a", "suffix": "-seat"}, "1", "1-seat"),
        ({"from": "a", "prefix": "x/"}, ["1", "2"], ["x/1", "x/2"]),
        ({"from": "a", "prefix": "x/"}, None, None),
        ({"from": "a", "replace": {"/": "-"}}, "way/1", "way-1"),
        ({"from": "a", "title_case": True}, "КВ. БОЯНА", "кв. Бояна"),
        ({"from": "a", "codes": {"училище": "SCHOOL"}}, "училище", "SCHOOL"),
        ({"from": "a", "codes": {"limited": ""}}, "limited", None),
        ({"from": "a", "match": "^([A-Z]+)"}, "TM6", "TM"),
        ({"from": "a", "match": "^([A-Z]+)"}, "6", None),
        ({"from": "a", "scale": 0.001}, "1500", 1.5),
        ({"from": "a", "round": True}, 2.6, 3.0),
        ({"from": "a", "nothing": "yes"}, "yes", None),
        ({"from": "a", "nothing": ["yes"]}, "house", "house"),
        ({"from": "a", "unknown": "---"}, "---", None),
        ({"value": "SCHOOL"}, "", "SCHOOL"),
        ({"from": "a"}, 239.0, 239.0),
    ],
)
def test_a_word_makes_its_value(entry: Any, value: Any, result: Any) -> None:
    assert made(entry, a=[value]) == [result]


def test_of_several_columns_the_first_filled_one_counts() -> None:
    assert made({"from": ["a", "b"]}, a=["", "x"], b=["y", "z"]) == ["y", "x"]


def test_of_several_entries_the_first_that_yields_a_value_counts() -> None:
    entry = [
        {"from": "type", "codes": {"0": "TRAM"}},
        {"from": "id", "match": "^([A-Z]+)", "codes": {"TB": "TROLLEYBUS"}},
    ]
    recipe_ = recipe(entry, "here", {})
    selected = everything(published({"type": ["0", "77", "77"], "id": ["TM1", "TB2", "Q3"]}))
    values, unfilled = map_attribute(recipe_, selected, {})
    assert values.to_pylist() == ["TRAM", "TROLLEYBUS", None]
    assert unfilled.rows.tolist() == [False, False, True]


def test_a_format_leaves_out_what_is_empty() -> None:
    entry = {"format": "{street} {number}, бл. {block}, {postcode} {town}"}
    columns = {
        "street": ["ул. Шипка", None, None, None],
        "number": ["6", None, None, "5"],
        "block": [None, "12", None, None],
        "postcode": ["1504", "", None, None],
        "town": ["София", "София", None, None],
    }
    assert made(entry, **columns) == ["ул. Шипка 6, 1504 София", "бл. 12, София", None, "5"]


def test_addresses_that_mean_one_house_get_one_match_key() -> None:
    text = made(
        {"address": {"text": "a"}, "settlement": "София"},
        a=['ул. "Шипка" №6, вх. А', "София, ул. Шипка 6 вх А", "ж.к. Люлин 8, бл. 819", "до моста"],
    )
    parts = made(
        {"address": {"street": "s", "number": "n", "entrance": "e"}, "settlement": "София"},
        s=["улица Шипка"], n=["№ 6"], e=["A"],
    )  # fmt: skip
    assert text[0] == text[1] == parts[0] == "sofia|shipka|6#a"
    assert text[2:] == ["sofia|lyulin 8|bl 819#", None]


def test_unknown_values_and_blanks_are_said() -> None:
    source = published({"a": ["---", " x", "  "]})
    map_attribute(recipe({"from": "a", "unknown": "---"}, "here", {}), everything(source), {})
    assert source.notices.counts == {"unknown-value": 1, "padded-value": 1, "blank-value": 1}
    assert [(one.position, one.value) for one in source.notices.rows if one.rule == "padded-value"] == [
        ("line 3", " x")
    ]


def test_conditions_choose_records() -> None:
    source = published({"shop": ["bakery", None, ""], "amenity": [None, "school", "bench"]})

    def rows(**conditions: Any) -> list[int]:
        asked = tuple(condition(name, value, "here", {}) for name, value in conditions.items())
        found: list[int] = source.select(asked).rows.tolist()
        return found

    assert rows(shop=True) == [0]
    assert rows(shop=False) == [1, 2]
    assert rows(amenity=["school", "library"]) == [1]
    assert rows(shop=False, amenity={"codes": {"bench": "BENCH"}}) == [2]


def test_keys_of_columns_and_of_content_are_the_same_for_the_same_record() -> None:
    target = Target(BY_NAME["Facility"], None, {})
    point = shapely.Point(23.3, 42.7)
    one = everything(published({"a": ["x", "x", "y"], "b": [None, None, None]}, [point, point, point]))
    keys = content_keys(target, "set", one)
    assert keys[0] == keys[1] != keys[2]
    words = recipe({"from": ["a", "b"], "hash": True}, "here", {}).alternatives[0]
    hashed = column_keys(words, "set", everything(published({"a": ["x", "x", None], "b": ["1", "1", " "]})))
    assert hashed[0] == hashed[1]
    assert hashed[2] is None


def test_shapes_become_points_inside_or_only_areas() -> None:
    ring = shapely.Polygon([(0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4)])
    selected = everything(published({"a": ["1", "2"]}, [ring, shapely.Point(9, 9)]))
    inside = map_shapes(recipe({"from": "geometry", "point_on_surface": True}, "here", {}), selected)
    assert ring.contains(inside[0])
    assert inside[1] == shapely.Point(9, 9)
    areas = map_shapes(recipe({"from": "geometry", "areas_only": True}, "here", {}), selected)
    assert areas[0] == ring
    assert areas[1] is None
