"""A town in view: places on an ASCII grid, and one-line makers for what stands on them."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import shapely
from shapely.geometry.base import BaseGeometry

from twin import database
from twin.database import City
from twin.entities import BY_NAME
from twin.text import fold

#: metres between two neighbouring characters of a grid
CELL_M = 10.0
#: where a grid's lower left corner lies, in EPSG:7801, within Sofia
ORIGIN = (321_000.0, 4_731_000.0)
CITY = City("town", "Town", 7801, (23.20, 42.60, 23.45, 42.75))


class Grid:
    """Named places: `grid["p"]` is a point, `grid["ABCD"]` the polygon through four of them."""

    def __init__(self, picture: str) -> None:
        rows = [line.split() for line in picture.strip().splitlines()]
        self.places = {
            mark: shapely.Point(ORIGIN[0] + x * CELL_M, ORIGIN[1] + (len(rows) - 1 - y) * CELL_M)
            for y, row in enumerate(rows)
            for x, mark in enumerate(row)
            if mark != "."
        }

    def __getitem__(self, marks: str) -> BaseGeometry:
        points = [self.places[mark] for mark in marks]
        if len(points) == 1:
            return points[0]
        return shapely.LineString(points) if len(points) == 2 else shapely.Polygon(points)


class Town:
    """A city schema to be filled row by row."""

    def __init__(self, url: str, city: City = CITY) -> None:
        self.url = url
        self.city = city
        database.register_city(url, city)

    def add(self, entity: str, key: str, /, **columns: Any) -> str:
        """One row; geometries may be shapely's. Its public id."""
        with database.connect(self.url, city=self.city.name) as connection:
            return self.put(connection, entity, key, **columns)

    def put(self, connection: psycopg.Connection[Any], entity: str, key: str, /, **columns: Any) -> str:
        """One of many rows, by a connection to the city; names are folded as a load folds them."""
        table = BY_NAME[entity].table
        if BY_NAME[entity].is_city_entity:
            columns = {"recorded_at": "2026-01-01T00:00:00Z", "sources": ["town"], **columns}
        values = {"key": key, **columns}
        for name, known in BY_NAME[entity].fields.items():
            if known.folded_of and columns.get(known.folded_of):
                values.setdefault(name, fold(columns[known.folded_of]))
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        stored = [self._stored(table.c[name], value) for name, value in values.items()]
        connection.execute(f"INSERT INTO {table.name} ({names}) VALUES ({marks})".encode(), stored)
        return f"{entity}:{key}"

    def run(self, sql: str) -> None:
        with database.connect(self.url, city=self.city.name) as connection:
            connection.execute(sql.encode())

    def _stored(self, column: Any, value: Any) -> Any:
        if isinstance(value, BaseGeometry):
            kind = getattr(column.type, "geometry_type", "")
            if kind == "MULTIPOLYGON" and value.geom_type == "Polygon":
                value = shapely.MultiPolygon([value])
            if kind == "MULTILINESTRING" and value.geom_type == "LineString":
                value = shapely.MultiLineString([value])
            return f"SRID={self.city.srid};{value.wkt}"
        if isinstance(value, dict):
            return json.dumps(value)
        return value


def count(url: str, city: str, table: str) -> int:
    """How many rows a table of a city has."""
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {city}.{table}".encode()).fetchone()
        assert row is not None
        return int(row[0])
