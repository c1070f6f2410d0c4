"""A CityJSON 2.0 document read as a viewer would: whatever breaks the specification fails here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

_DEPTHS = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
_MEMBERS = {"type", "version", "transform", "metadata", "CityObjects", "vertices"}
Point = list[float]


class Model:
    """The document's objects with their corners in place."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        assert set(document) == _MEMBERS
        assert (document["type"], document["version"]) == ("CityJSON", "2.0")
        self.system: str = document["metadata"]["referenceSystem"]
        assert re.fullmatch(r"https://www\.opengis\.net/def/crs/EPSG/0/\d+", self.system)
        scale, translate = document["transform"]["scale"], document["transform"]["translate"]
        assert len(scale) == len(translate) == 3
        for vertex in document["vertices"]:
            assert len(vertex) == 3
            assert all(type(each) is int for each in vertex)
        self.vertices: list[Point] = [
            [round(v * s + t, 6) for v, s, t in zip(vertex, scale, translate, strict=True)]
            for vertex in document["vertices"]
        ]
        assert len(set(map(tuple, self.vertices))) == len(self.vertices), "corners repeat"
        used: set[int] = set()
        for name, thing in document["CityObjects"].items():
            self._check_family(name, thing)
            for geometry in thing.get("geometry", ()):
                assert re.fullmatch(r"[0-3](\.[0-3])?", geometry["lod"])
                for face, _ in self._faces(geometry):
                    for ring in face:
                        assert len(ring) >= 3
                        used |= set(ring)
        assert used == set(range(len(self.vertices))), "corners are missing or not used"

    @property
    def bounds(self) -> tuple[Point, Point]:
        """Its lowest and highest coordinates."""
        columns = list(zip(*self.vertices, strict=True))
        return [min(each) for each in columns], [max(each) for each in columns]

    def faces(self, name: str) -> dict[str, list[list[Point]]]:
        """What the outer rings of an object's faces are said to be -> those rings; '' where nothing is said."""
        found: dict[str, list[list[Point]]] = defaultdict(list)
        for geometry in self.document["CityObjects"][name].get("geometry", ()):
            for face, meaning in self._faces(geometry):
                found[meaning].append([self.vertices[corner] for corner in face[0]])
        return dict(found)

    def _check_family(self, name: str, thing: dict[str, Any]) -> None:
        objects = self.document["CityObjects"]
        for child in thing.get("children", ()):
            assert objects[child]["parents"] == [name]
        for parent in thing.get("parents", ()):
            assert name in objects[parent]["children"]
        assert thing["type"].endswith("Part") == ("parents" in thing)

    def _faces(self, geometry: dict[str, Any]) -> Iterator[tuple[list[list[int]], str]]:
        depth = _DEPTHS[geometry["type"]]
        semantics = geometry.get("semantics")
        faces = _flat(geometry["boundaries"], depth)
        if semantics is None:
            yield from ((face, "") for face in faces)
            return
        values = _flat(semantics["values"], depth)
        for face, value in zip(faces, values, strict=True):
            yield face, "" if value is None else semantics["surfaces"][value]["type"]


def _flat(nested: list[Any], depth: int) -> list[Any]:
    for _ in range(depth):
        nested = [inner for outer in nested for inner in outer]
    return nested
