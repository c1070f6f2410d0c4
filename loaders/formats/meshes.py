"""3D shapes as a city model has them: what `cityjson.py` yields and `loaders/solids.py` makes columns of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

#: how many lists stand around a surface, by the kind of shape; points and lines are not among them
DEPTHS = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}


@dataclass(frozen=True, eq=False)
class Mesh:
    """One shape of an object at one level of detail: surfaces made of rings made of corners."""

    level: float
    lod: str
    kind: str  #: CityJSON's word for it: Solid, MultiSurface...
    xyz: Floats  #: corners of all rings, in the file's coordinate system; a ring ends where it began
    ends: list[int]  #: where each ring ends in xyz
    rings: list[int]  #: how many rings each surface has
    shells: list[list[int]]  #: how many surfaces each shell of each solid has
    meanings: list[int | None]  #: each surface's place in `surfaces`, where that is known
    surfaces: list[dict[str, Any]]  #: what surfaces there are, as CityJSON's semantics say it

    @property
    def closed(self) -> bool:
        """Whether it is said to bound a volume."""
        return DEPTHS[self.kind] > 0

    @property
    def ground(self) -> list[bool]:
        """Which surfaces are said to be ground."""
        return [
            meaning is not None and self.surfaces[meaning].get("type") == "GroundSurface"
            for meaning in self.meanings
        ]


@dataclass(frozen=True, eq=False)
class Member:
    """A city object that a building's shape is made of: the building itself or a part of it."""

    name: str
    type: str
    meshes: list[Mesh]


@dataclass(frozen=True, eq=False)
class Solid:
    """The shape of a building at one level of detail, from all that it consists of, itself first."""

    lod: str
    crs: str | None  #: as the file declares it, heights included
    members: list[Member]

    def __repr__(self) -> str:
        return f"Solid({self.lod})"
