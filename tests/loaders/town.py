"""A town for loader tests: a folder of files, a catalogue written beside them, a city of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from shapely import to_geojson
from shapely.geometry.base import BaseGeometry

from loaders.catalogue import Catalogue, catalogue
from loaders.report import LoadReport
from loaders.run import load
from twin.database import connect
from twin.geometry import WGS84, transform

HEAD = """
[city]
name = "{name}"
title = "Test town"
crs = "EPSG:7801"
bounds = [23.0, 42.4, 23.7, 42.9]
languages = ["bg"]
"""


@dataclass
class LoadTown:
    """A city under test: write files, say how to read them, load, and look."""

    url: str
    folder: Path
    name: str
    head: str = ""
    entries: list[str] = field(default_factory=list)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file into the data folder."""
        path = self.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def features(self, name: str, *features: tuple[Mapping[str, Any], BaseGeometry | None]) -> Path:
        """Write GeoJSON: properties and a shape for each feature."""
        return self.write(name, geojson(features))

    def describe(self, entry: str) -> None:
        """Add a data set to the catalogue; title, publisher and format vector are filled in."""
        self.entries.append(entry)

    @property
    def catalogue(self) -> Catalogue:
        path = self.folder / f"{self.name}.toml"
        defaults = 'title = "A test"\npublisher = "Somebody"\n'
        body = "\n".join(f"[[dataset]]\n{defaults}{entry}" for entry in self.entries)
        path.write_text(HEAD.format(name=self.name) + self.head + body, encoding="utf-8")
        return catalogue(path)

    def load(self, *only: str, again: bool = True, **manner: Any) -> LoadReport:
        """Load what the catalogue describes; files that have not changed are read all the same."""
        return load(self.url, self.catalogue, self.folder / "data", only=only, again=again, **manner)

    def connect(self) -> psycopg.Connection[Any]:
        return connect(self.url, city=self.name)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives in this city."""
        with self.connect() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def notices(self, rule: str) -> list[tuple[Any, ...]]:
        """File, position, field, value, message and occurrences of a rule's notices."""
        return self.rows(
            "SELECT file, position, field, value, message, occurrences FROM notice WHERE rule = %s ORDER BY key",
            rule,
        )

    def versions(self) -> dict[str, list[tuple[Any, ...]]]:
        """Where every row of the city's own tables lies and which transaction wrote it."""
        tables = [
            table
            for (table,) in self.rows(
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
                " AND tablename NOT IN ('import_run', 'loaded_file', 'source', 'alembic_version') ORDER BY 1"
            )
        ]
        return {table: self.rows(f'SELECT ctid::text, xmin::text FROM "{table}"') for table in tables}


def geojson(features: Sequence[tuple[Mapping[str, Any], BaseGeometry | None]]) -> str:
    """A feature collection in longitude and latitude."""
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": dict(properties),
                    "geometry": json.loads(to_geojson(shape)) if shape is not None else None,
                }
                for properties, shape in features
            ],
        },
        ensure_ascii=False,
    )


def lonlat(shape: BaseGeometry) -> BaseGeometry:
    """A shape of tests/town.py's grid, which is in metres, as a published file has it."""
    moved: BaseGeometry = transform(np.array([shape], dtype=np.object_), "EPSG:7801", WGS84)[0]
    return moved
