"""Vector tiles of a small city, read back with GDAL: what is in them, what is not, and what is refused."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import replace
from typing import Any

import psycopg
import pyogrio
import pyproj
import pytest
import shapely
import shapely.affinity

from schema import tiles
from twin import database
from twin.entities import ENTITIES, Entity
from twin.errors import BadRequest
from twin.settings import Settings

# a reserved word as its name: every table must be quoted
CITY = database.City("order", "Tile test", 7801, (23.20, 42.60, 23.45, 42.75))
CENTRE = (23.3219, 42.6977)


def address_at(z: int, lon: float = CENTRE[0], lat: float = CENTRE[1]) -> tuple[int, int, int]:
    """The tile that holds a place."""
    side = 1 << z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return z, int((lon + 180) / 360 * side), int(y * side)


@pytest.fixture(scope="module")
def city_url(database_url: str) -> str:
    url = database.prepare(Settings(database_url=database_url))
    database.register_city(url, CITY)
    with database.connect(url, city=CITY.name) as connection:
        _fill(connection)
    return url


EAST, NORTH = pyproj.Transformer.from_crs(4326, CITY.srid, always_xy=True).transform(*CENTRE)


def square(east: float, north: float, side: float) -> str:
    """A square around a point so many metres from the centre."""
    box = shapely.box(-side / 2, -side / 2, side / 2, side / 2)
    return _stored(shapely.MultiPolygon([shapely.affinity.translate(box, EAST + east, NORTH + north)]))


def point(east: float, north: float) -> str:
    return _stored(shapely.Point(EAST + east, NORTH + north))


def street(*ends: tuple[float, float]) -> str:
    line = shapely.LineString([(EAST + east, NORTH + north) for east, north in ends])
    return _stored(shapely.MultiLineString([line]))


def _stored(shape: Any) -> str:
    return f"SRID={CITY.srid};{shape.wkt}"


def _fill(connection: psycopg.Connection[Any]) -> None:
    """One of each around the centre, and what a tile must leave out."""

    def add(table: str, key: str, **columns: Any) -> None:
        names = ["key", "recorded_at", "sources", *columns]
        connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES (%s, now(), %s{', %s' * len(columns)})",
            [key, ["test"], *columns.values()],
        )

    add(
        "district", "68134-01", code="68134-01", name_bg="Средец", name_latin="Sredets",
        boundary=square(0, 0, 3000),
    )  # fmt: skip
    add("neighbourhood", "n1", name_latin="Tsentar", boundary=square(0, 0, 1000))
    add(
        "building", "b.measured", height_m=21.5, storeys_above_ground=5, current_use="110",
        footprint=square(0, 0, 20),
    )  # fmt: skip
    add("building", "b.storeys", storeys_above_ground=4, footprint=square(40, 0, 24))
    add("building", "b.unknown", footprint=square(80, 0, 20))
    add("building", "b.tiny", footprint=square(20, 30, 2))
    add("building", "b.far", footprint=square(9000, 0, 20))
    add(
        "street_segment", "w1", name="ул. Шипка", function="carriageway",
        centreline=street((-50, 20), (90, 20)),
    )  # fmt: skip
    add("transit_stop", "s1", gtfs_id="s1", name="ОРЛОВ МОСТ", position=point(5, 22))
    add("facility", "f1", kind="SCHOOL", name="6. ОУ", position=point(10, 5))
    add("site", "x1", kind="OUTLET", name="Хлебарница", position=point(0, 0))
    add("site", "x2", kind="SEAT", name="Без място")


def fetch(url: str, z: int, x: int, y: int) -> bytes:
    async def once() -> bytes:
        reader = database.Reader(url, Settings(connections=1))
        await reader.open()
        try:
            return await tiles.tile(reader, CITY, z, x, y)
        finally:
            await reader.close()

    return asyncio.run(once())


def layers(mvt: bytes) -> dict[str, dict[str, dict[str, Any]]]:
    """Layer -> public id -> properties, with the geometry in the tile's grid as `shape`."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in pyogrio.list_layers(mvt)[:, 0] if mvt else ():
        meta, _, shapes, columns = pyogrio.raw.read(mvt, layer=name)
        rows = [dict(zip(meta["fields"], row, strict=True)) for row in zip(*columns, strict=True)]
        found[name] = {
            row["id"]: row | {"shape": shape}
            for row, shape in zip(rows, shapely.from_wkb(shapes), strict=True)
        }
    return found


def test_a_tile_holds_every_layer_with_public_ids(city_url: str) -> None:
    found = layers(fetch(city_url, *address_at(14)))
    assert {name: sorted(rows) for name, rows in found.items()} == {
        "district": ["District:68134-01"],
        "neighbourhood": ["Neighbourhood:n1"],
        "street_segment": ["StreetSegment:w1"],
        "building": ["Building:b.measured", "Building:b.storeys", "Building:b.unknown"],
        "transit_stop": ["TransitStop:s1"],
        "facility": ["Facility:f1"],
        "site": ["Site:x1"],
    }
    assert found["district"]["District:68134-01"]["name"] == "Средец"
    assert found["district"]["District:68134-01"]["name_latin"] == "Sredets"
    assert found["neighbourhood"]["Neighbourhood:n1"]["name"] == "Tsentar"
    assert found["facility"]["Facility:f1"]["kind"] == "SCHOOL"
    assert found["street_segment"]["StreetSegment:w1"]["function"] == "carriageway"


def test_a_height_is_measured_else_estimated_from_storeys_else_absent(city_url: str) -> None:
    buildings = layers(fetch(city_url, *address_at(15)))["building"]
    measured, storeys, unknown = (
        buildings[f"Building:b.{name}"] for name in ("measured", "storeys", "unknown")
    )
    assert (measured["height_m"], measured["estimated"], measured["use"]) == (21.5, False, "110")
    assert (storeys["height_m"], storeys["estimated"]) == (12.0, True)
    assert math.isnan(unknown["height_m"])
    assert not unknown["estimated"]


def test_a_feature_lies_where_it_is(city_url: str) -> None:
    z, x, y = address_at(17)
    shape = layers(fetch(city_url, z, x, y))["site"]["Site:x1"]["shape"]
    lon = ((x + shape.x / tiles.EXTENT) / (1 << z)) * 360 - 180
    # GDAL counts upwards from the tile's lower edge
    row = y + 1 - shape.y / tiles.EXTENT
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / (1 << z)))))
    assert (lon, lat) == pytest.approx(CENTRE, abs=2e-6)


@pytest.mark.parametrize(
    ("z", "names"),
    [
        (0, []),  # the whole city is less than a pixel
        (9, ["district"]),
        (12, ["district", "facility", "neighbourhood"]),
        (13, ["building", "district", "facility", "neighbourhood", "transit_stop"]),
        (22, ["building", "district", "neighbourhood", "site"]),
    ],
)
def test_layers_come_with_the_scale(city_url: str, z: int, names: list[str]) -> None:
    assert sorted(layers(fetch(city_url, *address_at(z)))) == names


def test_a_building_below_a_pixel_is_left_out_until_it_is_larger(city_url: str) -> None:
    assert "Building:b.tiny" not in layers(fetch(city_url, *address_at(14)))["building"]
    assert "Building:b.tiny" in layers(fetch(city_url, *address_at(18)))["building"]


def test_too_many_features_keep_the_largest(city_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "LAYERS", tuple(replace(layer, ceiling=1) for layer in tiles.LAYERS))
    tiles.statement.cache_clear()
    try:
        found = layers(fetch(city_url, *address_at(15)))
    finally:
        tiles.statement.cache_clear()
    assert list(found["building"]) == ["Building:b.storeys"]


def test_a_tile_far_from_the_city_is_empty_and_asks_nothing() -> None:
    nobody: Any = None
    for z, x, y in ((5, 3, 3), (22, 0, 0), (22, (1 << 22) - 1, (1 << 22) - 1)):
        assert asyncio.run(tiles.tile(nobody, CITY, z, x, y)) == b""


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ((-1, 0, 0), "zoom is -1; zooms go from 0 to 22"),
        ((23, 0, 0), "zoom is 23; zooms go from 0 to 22"),
        ((3, 8, 0), "column is 8; at zoom 3 columns go from 0 to 7"),
        ((3, 0, -1), "row is -1; at zoom 3 rows go from 0 to 7"),
    ],
)
def test_an_address_off_the_grid_is_refused(address: tuple[int, int, int], said: str) -> None:
    nobody: Any = None
    with pytest.raises(BadRequest, match=said):
        asyncio.run(tiles.tile(nobody, CITY, *address))


def test_large_tables_are_read_by_their_spatial_index(city_url: str) -> None:
    """The plan for any tile, not for this one: prepared statements end up with it."""
    z, x, y = address_at(16)
    statement = tiles.statement(CITY.name, CITY.srid, z)
    area = tiles._area(CITY, z, x, y)
    assert area
    kinds = ", ".join(["integer"] * 3 + ["float8"] * 5)
    with database.connect(city_url) as connection:
        # so few rows would be read in a row; on a large table the planner has no such wish
        connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        connection.execute(f"PREPARE one_tile ({kinds}) AS {statement}")
        values = ", ".join(map(str, (z, x, y, *area, 0.9)))
        plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN EXECUTE one_tile ({values})"))
    for layer in tiles.LAYERS:
        assert f"idx_{layer.entity.table.name}_{layer.entity.geometry}" in plan
    assert "Filter: (footprint &&" not in plan


def test_no_layer_shows_a_personal_or_hidden_field() -> None:
    known: dict[str, Entity] = {entity.name: entity for entity in ENTITIES}
    for layer in tiles.LAYERS:
        fields = known[layer.entity.name].fields
        barred = [name for name, field in fields.items() if field.personal or field.hidden]
        for _, sql in layer.properties:
            assert not [name for name in barred if name in re.split(r"\W+", sql)]
