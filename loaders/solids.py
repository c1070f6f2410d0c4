"""3D shapes of buildings as they are published, and what the twin keeps of each: BuildingSolid's columns.

`formats/cityjson.py` yields the shapes; `reading.py` asks for those of the buildings that it keeps.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from loaders.checks import Checked
from loaders.formats.meshes import DEPTHS, Floats, Mesh, Solid
from loaders.notices import RULES
from loaders.published import Published
from twin.geometry import Mask, srid_of, transformer

Integers: TypeAlias = NDArray[np.int64]

#: corners of a document are whole numbers of this, and corners that are the same number are one
GRID_M = 0.001
#: a face whose corners lie further from a plane than this is uneven
UNEVEN_M = 0.1
LEAST_FACES = 4
#: no place on Earth has coordinates in metres that are larger
FARTHEST_M = 1e8

_GROUND, _ROOF, _WALL = 1, 2, 3
_KINDS = {"GroundSurface": _GROUND, "RoofSurface": _ROOF, "WallSurface": _WALL}

_COUNT = struct.Struct("<I")
_POLYGON_Z, _MULTIPOLYGON_Z, _POLYHEDRAL_SURFACE_Z = 0x80000003, 0x80000006, 0x8000000F
_WITH_SRID = 0x20000000
_FACE = b"\x01" + _COUNT.pack(_POLYGON_Z)


class Flaw(NamedTuple):
    """A rule that a solid breaks: which solid, and in what way."""

    solid: int
    rule: str
    detail: str


def solids_of(checked: Checked, published: Published, column: str) -> Checked:
    """The shapes of the buildings that were kept, one record for each level, keyed building/level."""
    held = published.batch.columns.get(column) or []
    found = [
        (key, row, position, solid)
        for key, row, position in zip(
            checked.columns["key"].to_pylist(), checked.rows, checked.positions, strict=True
        )
        for solid in (held[row] if held else None) or ()
    ]
    somewhere = _somewhere([solid for *_, solid in found], published.crs, published.city_crs)
    for key, _, position, solid in itertools.compress(found, ~somewhere):
        published.notices.add(
            "bad-coordinate", f"a coordinate is no place in {published.city_crs}. The 3D shape was left out.",
            file=published.file, position=position, field=column, value=f"{key}/{solid.lod}",
        )  # fmt: skip
    if not somewhere.any():
        return Checked({}, [], 0, checked.rows[:0])
    keys, rows, positions, solids = (
        list(each) for each in zip(*itertools.compress(found, somewhere), strict=True)
    )
    columns, flaws = measured(solids, published.crs, published.city_crs)
    names = [f"{key}/{solid.lod}" for key, solid in zip(keys, solids, strict=True)]
    for number, rule, detail in flaws:
        published.notices.add(
            rule, f"{RULES[rule].doc.removesuffix('.')}: {detail}", file=published.file,
            position=positions[number], field=column, value=names[number],
        )  # fmt: skip
    columns["key"] = pa.array(names, pa.string())
    columns["building"] = pa.array(keys, pa.string())
    return Checked(columns, positions, 0, np.array(rows))


def _somewhere(solids: Sequence[Solid], crs: str, city_crs: str) -> Mask:
    """Which solids have all of their corners where the city's coordinate system reaches."""
    if not solids:
        return np.zeros(0, dtype=np.bool_)
    corners = [[mesh.xyz for member in solid.members for mesh in member.meshes] for solid in solids]
    sizes = np.array([sum(map(len, each)) for each in corners])
    firsts = np.cumsum(sizes) - sizes
    xyz = np.concatenate(list(itertools.chain.from_iterable(corners)))
    boxes = np.stack([np.minimum.reduceat(xyz, firsts), np.maximum.reduceat(xyz, firsts)], axis=1)
    way = transformer(crs, city_crs)
    if way is not None:
        boxes[..., 0], boxes[..., 1] = way.transform(boxes[..., 0], boxes[..., 1])
    near: Mask = (np.abs(boxes) < FARTHEST_M).all(axis=(1, 2))
    return near


def measured(solids: Sequence[Solid], crs: str, city_crs: str) -> tuple[dict[str, Any], list[Flaw]]:
    """BuildingSolid's columns but for the keys, and what is wrong with some.

    A shape that is said to be solid must be closed: each edge of a shell is walked once in either direction.
    Its volume follows from the divergence theorem. Where only a flat floor at its lowest height is missing,
    the volume is that above it. One that is open elsewhere is kept without a volume, one that is inside out
    with its volume all the same. Whether faces cross each other is not tested.
    """
    faces = _Faces(solids, crs, city_crs)
    volumes, flaws = faces.volumes()
    known = np.bincount(faces.solid_of_face, faces.kind >= 0, len(solids)) > 0

    def area(kind: int) -> Any:
        sums = np.bincount(faces.solid_of_face, faces.area * (faces.kind == kind), len(solids))
        return pa.array(sums.round(3), mask=~known)

    columns = {
        "lod": pa.array([solid.lod for solid in solids], pa.string()),
        "volume_m3": pa.array(volumes.round(3), mask=np.isnan(volumes)),
        "ground_area_m2": area(_GROUND),
        "roof_area_m2": area(_ROOF),
        "wall_area_m2": area(_WALL),
        "lowest_m": pa.array(np.minimum.reduceat(faces.xyz[:, 2], faces.first_of_solid).round(3)),
        "highest_m": pa.array(np.maximum.reduceat(faces.xyz[:, 2], faces.first_of_solid).round(3)),
        "height_datum": pa.array([height_datum(solid.crs) for solid in solids], pa.string()),
        "solid": pa.array(faces.ewkb(srid_of(city_crs)), pa.binary()),
        "cityjson": pa.array(faces.documents(city_crs), pa.string()),
    }
    return columns, sorted(flaws)


class _Faces:
    """All faces of some solids in one set of arrays, in the city's coordinate system."""

    def __init__(self, solids: Sequence[Solid], crs: str, city_crs: str) -> None:
        self.solids = solids
        self.meshes = [mesh for solid in solids for member in solid.members for mesh in member.meshes]
        per_solid = [sum(len(member.meshes) for member in solid.members) for solid in solids]
        self.solid_of_mesh = np.repeat(np.arange(len(solids)), per_solid)
        corners = np.array([len(mesh.xyz) for mesh in self.meshes])
        starts = np.concatenate([[0], np.cumsum(corners)])
        self.first_of_solid = starts[np.concatenate([[0], np.cumsum(per_solid)[:-1]])]
        self.mesh_of_corner = np.repeat(np.arange(len(self.meshes)), corners)
        self.xyz = np.concatenate([mesh.xyz for mesh in self.meshes])
        way = transformer(crs, city_crs)
        if way is not None:
            x, y = way.transform(self.xyz[:, 0], self.xyz[:, 1])
            self.xyz = np.column_stack([x, y, self.xyz[:, 2]])
        # the document of a solid counts from its lowest corner in each direction
        self.origins = np.minimum.reduceat(self.xyz, self.first_of_solid)
        solid_of_corner = self.solid_of_mesh[self.mesh_of_corner]
        steps: Integers = np.rint((self.xyz - self.origins[solid_of_corner]) / GRID_M).astype(np.int64)
        self._number_vertices(steps, solid_of_corner)

        ring_ends = np.concatenate(
            [np.array(mesh.ends) + start for mesh, start in zip(self.meshes, starts, strict=False)]
        )
        self.ring_starts = np.concatenate([[0], ring_ends[:-1]])
        rings = np.array([count for mesh in self.meshes for count in mesh.rings])
        self.ring_of_face = np.concatenate([[0], np.cumsum(rings)[:-1]])
        self.mesh_of_face = np.repeat(np.arange(len(self.meshes)), [len(mesh.rings) for mesh in self.meshes])
        self.solid_of_face = self.solid_of_mesh[self.mesh_of_face]
        self.kind = np.array([kind for mesh in self.meshes for kind in _kinds(mesh)])
        # an edge leads from each corner of a ring but the last to the next
        tails = np.ones(len(self.xyz), dtype=np.bool_)
        tails[ring_ends - 1] = False
        self.tails = np.flatnonzero(tails)
        self.local = self.xyz - self.origins[solid_of_corner]
        products = np.zeros_like(self.xyz)
        products[self.tails] = np.cross(self.local[self.tails], self.local[self.tails + 1])
        self.normal = np.add.reduceat(products, self.ring_starts[self.ring_of_face]) / 2
        self.area = np.linalg.norm(self.normal, axis=1)
        self.corner_of_face = self.ring_starts[self.ring_of_face]

    def _number_vertices(self, steps: Integers, solid_of_corner: Integers) -> None:
        """Number equal corners of a solid alike, in the order of the solids."""
        order = np.lexsort((*steps.T, solid_of_corner))
        rows = np.column_stack([solid_of_corner, steps])[order]
        fresh = np.ones(len(rows), dtype=np.bool_)
        fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        self.vertex = np.empty(len(rows), dtype=np.int64)
        self.vertex[order] = np.cumsum(fresh) - 1
        self.vertices = np.ascontiguousarray(rows[fresh, 1:])
        self.vertices_of_solid = np.bincount(rows[fresh, 0], minlength=len(self.solids))

    def volumes(self) -> tuple[Floats, list[Flaw]]:
        """Cubic metres of each solid, nan where it has none; what is wrong with some."""
        count = len(self.meshes)
        said = np.array([mesh.closed for mesh in self.meshes])
        loose, low = self._loose_edges()
        few = np.bincount(self.mesh_of_face, minlength=count) < LEAST_FACES
        # a flat floor would add nothing to the sum below, whose heights count from the lowest point
        gaps = (loose - low > 0) | few
        heights = (self.local[self.corner_of_face] * self.normal).sum(axis=1)
        volume = np.bincount(self.mesh_of_face, heights, count) / 3
        bounds = said & ~gaps
        of_solid = self.solid_of_mesh
        whole = (np.bincount(of_solid, said) > 0) & (np.bincount(of_solid, said & gaps) == 0)
        volumes = np.where(whole, np.bincount(of_solid, np.where(bounds, abs(volume), 0)), np.nan)

        def flaw(one: Any, rule: str, detail: str) -> Flaw:
            return Flaw(int(of_solid[one]), rule, detail)

        flaws = [
            flaw(
                one, "open-solid", f"faces: {len(self.meshes[one].rings)}, edges with one face: {loose[one]}"
            )
            for one in np.flatnonzero(said & gaps)
        ]
        flaws += [
            flaw(one, "no-floor", f"edges with one face: {low[one]}")
            for one in np.flatnonzero(bounds & (low > 0))
        ]
        flaws += [
            flaw(one, "inverted-solid", f"its volume comes out as {volume[one]:.1f} m3")
            for one in np.flatnonzero(bounds & (volume < 0))
        ]
        uneven = self._unevenness()
        worst = np.zeros(len(self.solids))
        np.maximum.at(worst, self.solid_of_face, uneven)
        flaws += [
            Flaw(int(one), "uneven-face", f"a face is off its plane by {worst[one]:.2f} m")
            for one in np.flatnonzero(worst > UNEVEN_M)
        ]
        return volumes, flaws

    def _loose_edges(self) -> tuple[Integers, Integers]:
        """How many edges of each mesh have not one face on either side; how many of them at its foot."""
        tail, head = self.vertex[self.tails], self.vertex[self.tails + 1]
        first, second = np.minimum(tail, head), np.maximum(tail, head)
        size = len(self.vertices)
        codes = (self.mesh_of_corner[self.tails] * size + first) * size + second
        edges, place = np.unique(codes, return_inverse=True)
        loose = edges[np.bincount(place, np.sign(head - tail)) != 0]
        meshes, first, second = loose // (size * size), loose // size % size, loose % size
        at_foot = (self.vertices[first, 2] == 0) & (self.vertices[second, 2] == 0)
        count = len(self.meshes)
        return np.bincount(meshes, minlength=count), np.bincount(meshes[at_foot], minlength=count)

    def _unevenness(self) -> Floats:
        """How thick the layer is that holds all corners of each face, in metres."""
        corners = np.diff([*self.corner_of_face, len(self.xyz)])
        across = self.normal / np.maximum(self.area, GRID_M**2)[:, None]
        heights = (self.local * np.repeat(across, corners, axis=0)).sum(axis=1)
        thickness: Floats = np.maximum.reduceat(heights, self.corner_of_face) - np.minimum.reduceat(
            heights, self.corner_of_face
        )
        return thickness

    def ewkb(self, srid: int) -> list[bytes]:
        """Each solid as PostGIS reads it."""
        data = self.xyz.astype("<f8", copy=False).tobytes()
        ends = itertools.pairwise([*self.ring_starts.tolist(), len(self.xyz)])
        meshes = iter(self.meshes)
        found = []
        for solid in self.solids:
            shapes = list(itertools.islice(meshes, sum(len(member.meshes) for member in solid.members)))
            alone = len(shapes) == 1 and shapes[0].kind == "Solid" and len(shapes[0].shells[0]) == 1
            kind = (_POLYHEDRAL_SURFACE_Z if alone else _MULTIPOLYGON_Z) | _WITH_SRID
            faces = sum(len(shape.rings) for shape in shapes)
            parts = [b"\x01", _COUNT.pack(kind), _COUNT.pack(srid), _COUNT.pack(faces)]
            for rings in itertools.chain.from_iterable(shape.rings for shape in shapes):
                parts += (_FACE, _COUNT.pack(rings))
                for start, end in itertools.islice(ends, rings):
                    parts += (_COUNT.pack(end - start), data[start * 24 : end * 24])
            found.append(b"".join(parts))
        return found

    def documents(self, city_crs: str) -> list[str]:
        """Each solid as a CityJSON 2.0 document."""
        firsts = np.concatenate([[0], np.cumsum(self.vertices_of_solid)])
        numbers = (self.vertex - firsts[self.solid_of_mesh[self.mesh_of_corner]]).tolist()
        rings = (
            numbers[start : end - 1]
            for start, end in itertools.pairwise([*self.ring_starts.tolist(), len(numbers)])
        )
        origins = self.origins.round(6).tolist()
        found = []
        for place, solid in enumerate(self.solids):
            document = {
                "type": "CityJSON",
                "version": "2.0",
                "transform": {"scale": [GRID_M] * 3, "translate": origins[place]},
                "metadata": {"referenceSystem": reference_system(solid.crs, city_crs)},
                "CityObjects": _city_objects(solid, rings),
                "vertices": self.vertices[firsts[place] : firsts[place + 1]],
            }
            found.append(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY).decode())
        return found


def _city_objects(solid: Solid, rings: Iterator[list[int]]) -> dict[str, Any]:
    root, *parts = solid.members
    # what is a part of nothing here stands for itself
    objects: dict[str, Any] = {root.name: {"type": root.type.removesuffix("Part")}}
    if parts:
        objects[root.name]["children"] = [part.name for part in parts]
    for member in solid.members:
        object_ = objects.setdefault(member.name, {"type": member.type, "parents": [root.name]})
        if member.meshes:
            object_["geometry"] = [_geometry(mesh, rings) for mesh in member.meshes]
    return objects


def _geometry(mesh: Mesh, rings: Iterator[list[int]]) -> dict[str, Any]:
    boundaries = [list(itertools.islice(rings, count)) for count in mesh.rings]
    geometry: dict[str, Any] = {
        "type": mesh.kind,
        "lod": mesh.lod,
        "boundaries": _nested(boundaries, mesh),
    }
    if mesh.surfaces:
        geometry["semantics"] = {"surfaces": mesh.surfaces, "values": _nested(mesh.meanings, mesh)}
    return geometry


def _nested(of_faces: list[Any], mesh: Mesh) -> list[Any]:
    """What there is for each face, in the lists of shells and solids that the kind of shape has."""
    level = DEPTHS[mesh.kind]
    if level == 0:
        return of_faces
    faces = iter(of_faces)
    solids = [[list(itertools.islice(faces, count)) for count in shells] for shells in mesh.shells]
    return solids if level == 2 else solids[0]


def _kinds(mesh: Mesh) -> list[int]:
    """What each face is; -1 where nobody says."""
    kinds = [_KINDS.get(surface.get("type", ""), 0) for surface in mesh.surfaces]
    return [-1 if meaning is None else kinds[meaning] for meaning in mesh.meanings]


@cache
def height_datum(crs: str | None) -> str | None:
    """What a coordinate system's heights are measured from; None where it has none."""
    known = _known(crs)
    if known is None or len(known.axis_info) < 3:
        return None
    if not known.is_compound:
        return f"ellipsoid {known.ellipsoid.name}" if known.ellipsoid else None
    vertical = known.sub_crs_list[1]
    code = vertical.to_epsg()
    return f"{vertical.name} (EPSG:{code})" if code else str(vertical.name)


@cache
def reference_system(declared: str | None, city_crs: str) -> str:
    """How a document names its coordinate system: with heights where that has a number, else the plane."""
    known, plane = _known(declared), srid_of(city_crs)
    if known is not None and known.is_compound and known.sub_crs_list[0].to_epsg() == plane:
        return f"https://www.opengis.net/def/crs/EPSG/0/{known.to_epsg() or plane}"
    return f"https://www.opengis.net/def/crs/EPSG/0/{plane}"


def _known(crs: str | None) -> CRS | None:
    try:
        return CRS.from_user_input(crs) if crs else None
    except CRSError:
        return None
