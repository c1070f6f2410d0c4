"""CityJSON 1.0 to 2.0, one document or a sequence of lines: objects with footprint, height and solids.

A document's corners are held in memory while its objects stream by; of a sequence, one line at a time is.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import ijson
import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from loaders.formats import BATCH_SIZE, Batch, FileFault, Geometries, Layer, Problem
from loaders.formats.columns import as_columns
from loaders.formats.json_records import LINE_SUFFIXES, flatten
from loaders.formats.plain_text import BOM, open_bytes
from loaders.formats.sniff import head, kind_of, refuse
from loaders.formats.vector import crs_code

WANTED = "CityJSON or CityJSONSeq, possibly gzipped"
VERSIONS = ("1.0", "1.1", "2.0")
# A batch also ends at this many corners: one landmark can be larger than a thousand houses.
LOT_POINTS = 300_000
BLOCK_BYTES = 1 << 20
LONGEST_HEADER_BYTES = 16 << 20
# How many lists stand around a surface, by the kind of shape.
DEPTHS = {"MultiSurface": 0, "CompositeSurface": 0, "Solid": 1, "MultiSolid": 2, "CompositeSolid": 2}
# A face this thin for its length, seen from above, is a wall.
WALL = 1e-6

Floats: TypeAlias = NDArray[np.float64]
Record: TypeAlias = dict[str, Any]

_BROKEN = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)
_COUNT = struct.Struct("<I")
_POLYGON_Z, _MULTIPOLYGON_Z, _POLYHEDRAL_SURFACE_Z = 0x80000003, 0x80000006, 0x8000000F
_WITH_SRID = 0x20000000
_FACE = b"\x01" + _COUNT.pack(_POLYGON_Z)


@contextmanager
def read(path: Path, *, types: Sequence[str] = ("Building", "BuildingPart")) -> Iterator[Layer]:
    """Open a city model for its objects of some types: one record each, with its attributes as published.

    Columns beside the attributes: '@id'; '@type'; '@parents', a list of ids; '@lods', as texts; '@height_m',
    from the lowest to the highest corner at the most detailed level (of the parts where the object itself
    has only a footprint); '@solids', level -> EWKB in the file's coordinate system, a POLYHEDRALSURFACE Z of
    a plain solid and a MULTIPOLYGON Z of everything else; '@address' as published.

    The record's geometry is the footprint, a flat MultiPolygon: the shape at level 0, else the surfaces that
    are said to be ground, else what faces down of the least detailed solid; the union of the footprints of
    its parts where the object has no shape of its own.
    """
    start = head(path)
    if (kind := kind_of(start)) != "json":
        raise refuse(path, kind, WANTED)
    with open_bytes(path) as stream:
        if start.startswith(BOM):
            stream.read(len(BOM))
        first = _first_line(path, stream)
        if first is not None:
            model = _model(path, _header(path, first))
            families = _from_lines(path, stream, model, types)
        else:
            model = _model(path, _gathered(path))
            families = _from_document(path, model, types)
        yield Layer((), model.crs, _batches(families, model, types))


@dataclass(frozen=True, eq=False)
class _Model:
    """What a file says once for all of its objects."""

    crs: str | None
    scale: Floats
    translate: Floats
    vertices: Floats  #: a document's; empty for a sequence, whose lines bring their own
    templates: Sequence[Mapping[str, Any]]
    template_vertices: Floats

    def placed(self, vertices: Iterable[Any]) -> Floats:
        """Corners as published, moved to where they are."""
        return _corners(vertices) * self.scale + self.translate


@dataclass(frozen=True, eq=False)
class _Mesh:
    """One shape of an object at one level of detail: surfaces made of rings made of corners."""

    level: float
    lod: str
    solid: bool  #: a solid with one shell
    closed: bool  #: bounds a volume, so that what faces down is the footprint
    xyz: Floats
    ends: list[int]  #: where each ring ends in xyz
    rings: list[int]  #: how many rings each surface has
    ground: list[bool]  #: which surfaces are said to be ground

    def ewkb(self, srid: int) -> bytes:
        """The shape as PostGIS reads it."""
        kind = _POLYHEDRAL_SURFACE_Z if self.solid else _MULTIPOLYGON_Z
        code = _COUNT.pack(kind | _WITH_SRID) + _COUNT.pack(srid) if srid else _COUNT.pack(kind)
        data = self.xyz.astype("<f8", copy=False).tobytes()
        parts = [b"\x01", code, _COUNT.pack(len(self.rings))]
        ends = iter(self.ends)
        start = 0
        for rings in self.rings:
            parts += (_FACE, _COUNT.pack(rings))
            for end in itertools.islice(ends, rings):
                parts += (_COUNT.pack(end - start), data[start * 24 : end * 24])
                start = end
        return b"".join(parts)


@dataclass(frozen=True, eq=False)
class _Object:
    """A city object with its decoded shapes, one for each level, the least detailed first."""

    record: Record | None  #: None for a part that nobody asked for and its parent may need
    position: str
    meshes: list[_Mesh]
    parts: list[str]


@dataclass(eq=False)
class _Family:
    """An object with its parts, to be handled together; or a defect in the place of one."""

    position: str
    objects: dict[str, Mapping[str, Any]]
    vertices: Floats
    by_line: bool = True
    problems: list[Problem] = field(default_factory=list)


# The two forms of a file


def _first_line(path: Path, stream: BinaryIO) -> bytes | None:
    """The header line of a sequence; None for a document."""
    by_name = any(suffix.lower() in LINE_SUFFIXES for suffix in path.suffixes)
    try:
        first = stream.readline(LONGEST_HEADER_BYTES)
        if by_name:
            return first
        while blank := stream.readline(BLOCK_BYTES):
            if blank.strip():
                break
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault("the gzip archive is damaged or cut off", where=path.name) from error
    try:
        whole = bool(blank) and isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return None
    if not whole:
        return None
    stream.seek(len(first) + (len(BOM) if head(path).startswith(BOM) else 0))
    return first


def _header(path: Path, first: bytes) -> Mapping[str, Any]:
    try:
        header = orjson.loads(first)
    except orjson.JSONDecodeError as error:
        raise FileFault(
            f"line 1 is no CityJSON header, it is broken JSON: {error}", where=path.name
        ) from error
    return header if isinstance(header, dict) else {}


def _gathered(path: Path) -> Mapping[str, Any]:
    """A document's members but for its objects; the corners as an array."""
    found: dict[str, Any] = {}
    # One pass of the lexer each, so those that most documents lack or that came already are not looked for.
    takers = {name: _Taker(name) for name in ("type", "version", "transform", "metadata")}
    corners = _Taker("vertices.item")
    blocks: list[Floats] = []
    before = b""
    try:
        for block in _blocks(path):
            for name, taker in list(takers.items()):
                if taker.sees(block):
                    found[name] = takers.pop(name).taken[0]
            if corners.sees(block):
                blocks.append(_corners(corners.taken))
                corners.taken.clear()
            if b'"geometry-templates"' in before[-32:] + block:
                found["geometry-templates"] = {}
            before = block
        corners.coroutine.close()
        if corners.taken:
            blocks.append(_corners(corners.taken))
        if "geometry-templates" in found:
            templates = _Taker("geometry-templates")
            if any(templates.sees(block) for block in _blocks(path)):
                found["geometry-templates"] = templates.taken[0]
    except ijson.JSONError as error:
        raise FileFault(f"the JSON is broken or cut off: {_brief(error)}", where=path.name) from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault("the gzip archive is damaged or cut off", where=path.name) from error
    except _BROKEN as error:
        raise FileFault("its vertices are not all three numbers", where=path.name) from error
    return {**found, "vertices": np.concatenate(blocks) if blocks else ()}


class _Taker:
    """Picks the values at one place of a document while its bytes stream by."""

    def __init__(self, place: str) -> None:
        self.taken = ijson.sendable_list()
        self.coroutine = ijson.items_coro(self.taken, place, use_float=True)

    def sees(self, block: bytes) -> bool:
        """Read on; whether something was found that was not yet taken away."""
        self.coroutine.send(block)
        return bool(self.taken)


def _blocks(path: Path) -> Iterator[bytes]:
    with open_bytes(path) as stream:
        if head(path).startswith(BOM):
            stream.read(len(BOM))
        while block := stream.read(BLOCK_BYTES):
            yield block


def _model(path: Path, header: Mapping[str, Any]) -> _Model:
    kind, version = header.get("type"), str(header.get("version"))
    if kind != "CityJSON":
        said = f"its type is {kind!r}" if kind else "it has no type"
        hint = "; a sequence begins with its CityJSON header" if kind == "CityJSONFeature" else ""
        raise FileFault(f"{said}{hint}; wanted is {WANTED}", where=path.name)
    if version not in VERSIONS:
        raise FileFault(f"it is CityJSON {version}; readable are {', '.join(VERSIONS)}", where=path.name)
    try:
        metadata = header.get("metadata") or {}
        declared = metadata.get("referenceSystem")
        if "transform" in header:
            scale, translate = (_corners([header["transform"][name]])[0] for name in ("scale", "translate"))
        elif version == "1.0":
            scale, translate = np.ones(3), np.zeros(3)
        else:
            raise FileFault("it has no transform, without which its corners mean nothing", where=path.name)
        stored = header.get("geometry-templates") or {}
        template_vertices = _corners(stored.get("vertices-templates", []))
        vertices = _corners(header.get("vertices", [])) * scale + translate
        templates = list(stored.get("templates", []))
    except _BROKEN as error:
        raise FileFault(f"its header is broken: {_brief(error)}", where=path.name) from error
    crs = crs_code(str(declared)) if declared else None
    return _Model(crs, scale, translate, vertices, templates, template_vertices)


def _corners(published: Any) -> Floats:
    corners: Floats = np.array(published, dtype=np.float64)
    if corners.size == 0:
        return np.empty((0, 3))
    if corners.ndim != 2 or corners.shape[1] != 3:
        raise ValueError("a corner is not three numbers")
    return corners


def _from_lines(path: Path, stream: BinaryIO, model: _Model, types: Sequence[str]) -> Iterator[_Family]:
    number = 1
    try:
        for number, line in enumerate(stream, start=2):
            if not line.strip():
                continue
            position = f"line {number}"
            family = _Family(position, {}, model.vertices)
            try:
                feature = orjson.loads(line)
                if feature["type"] != "CityJSONFeature":
                    raise TypeError(f"its type is {feature['type']!r}; expected is CityJSONFeature")
                family.objects = _relevant(feature["CityObjects"], types)
                if family.objects:
                    family.vertices = model.placed(feature["vertices"])
            except orjson.JSONDecodeError as error:
                family.problems.append(Problem(position, "broken-json", str(error)))
            except _BROKEN as error:
                family.objects = {}
                family.problems.append(Problem(position, "not-a-record", _brief(error)))
            yield family
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(f"the archive is damaged or cut off after line {number}", where=path.name) from error


def _from_document(path: Path, model: _Model, types: Sequence[str]) -> Iterator[_Family]:
    """A document's objects, each held back until its parts have come by, which is mostly at once."""
    pending: dict[str, dict[str, Mapping[str, Any]]] = {}  # root -> what has come of its family
    missing: dict[str, set[str]] = {}  # root -> the children that it names and that have not come
    early: dict[str, set[str]] = {}  # root -> children of any type that came before it
    done = 0
    try:
        with open_bytes(path) as stream:
            if head(path).startswith(BOM):
                stream.read(len(BOM))
            for name, thing in ijson.kvitems(stream, "CityObjects", use_float=True):
                done += 1
                if not isinstance(thing, dict):
                    problem = Problem(f"object {name}", "not-a-record", "it is no object")
                    yield _Family(f"object {name}", {}, model.vertices, False, [problem])
                    continue
                relevant = _relevant({name: thing}, types)
                parents, children = _texts(thing.get("parents")), _texts(thing.get("children"))
                root = parents[0] if parents else name
                if relevant:
                    pending.setdefault(root, {}).update(relevant)
                if not parents:
                    missing[root] = set(children) - early.pop(root, set())
                elif root in missing:
                    missing[root].discard(name)
                else:
                    early.setdefault(root, set()).add(name)
                if not missing.get(root, True):
                    del missing[root]
                    if root in pending:
                        yield _Family("", pending.pop(root), model.vertices, False)
    except ijson.JSONError as error:
        raise FileFault(
            f"the JSON is broken or cut off after object {done}: {_brief(error)}", where=path.name
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(f"the archive is damaged or cut off after object {done}", where=path.name) from error
    # A family of which something is missing.
    for objects in pending.values():
        yield _Family("", objects, model.vertices, False)


def _relevant(objects: Mapping[str, Mapping[str, Any]], types: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The objects that are asked for, and the parts of which those may be made up."""
    return {
        name: thing
        for name, thing in objects.items()
        if (kind := thing.get("type")) in types or (isinstance(kind, str) and kind.endswith("Part"))
    }


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _brief(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


# Objects and their shapes


def _batches(families: Iterator[_Family], model: _Model, types: Sequence[str]) -> Iterator[Batch]:
    srid = int(model.crs.removeprefix("EPSG:")) if model.crs and model.crs.startswith("EPSG:") else 0
    problems: list[Problem] = []
    if model.crs is None:
        problems.append(Problem("header", "no-reference-system", "metadata.referenceSystem is missing"))
    lot: list[dict[str, _Object]] = []
    records = points = 0
    for family in families:
        problems += family.problems
        objects = {
            name: _object(name, thing, family, model, types, problems)
            for name, thing in family.objects.items()
        }
        lot.append(objects)
        records += sum(each.record is not None for each in objects.values())
        points += sum(len(mesh.xyz) for each in objects.values() for mesh in each.meshes)
        if records >= BATCH_SIZE or points >= LOT_POINTS or len(problems) >= BATCH_SIZE:
            yield from _finished(lot, srid, problems)
            lot, problems = [], []
            records = points = 0
    if records or problems:
        yield from _finished(lot, srid, problems)


def _object(
    name: str,
    thing: Mapping[str, Any],
    family: _Family,
    model: _Model,
    types: Sequence[str],
    problems: list[Problem],
) -> _Object:
    position = f"{family.position}, {name}" if family.by_line else f"object {name}"
    record: Record | None = None
    if (kind := thing["type"]) in types:
        record = {"@id": name, "@type": kind, "@parents": thing.get("parents") or None}
        if address := thing.get("address"):
            record["@address"] = address
        attributes = thing.get("attributes")
        if isinstance(attributes, dict):
            record.update(flatten(attributes))
    levels: dict[float, list[_Mesh]] = {}
    shapes = thing.get("geometry")
    for shape in shapes if isinstance(shapes, list) else ():
        try:
            mesh = _mesh(shape, family.vertices, model)
        except _BROKEN as error:
            problems.append(Problem(position, "broken-geometry", _brief(error)))
            continue
        if mesh is not None:
            levels.setdefault(mesh.level, []).append(mesh)
    meshes = [_joined(same) for _, same in sorted(levels.items())]
    return _Object(record, position, meshes, _texts(thing.get("children")))


def _mesh(shape: Mapping[str, Any], vertices: Floats, model: _Model) -> _Mesh | None:
    """Decode one shape; None for points and lines."""
    lod = shape.get("lod")
    boundaries = shape["boundaries"]
    if shape["type"] == "GeometryInstance":
        (corner,) = boundaries
        if not 0 <= corner < len(vertices):
            raise IndexError(f"it refers to corner {corner}; there are {len(vertices)}")
        matrix = np.array(shape["transformationMatrix"], dtype=np.float64).reshape(4, 4)
        flat = np.column_stack([model.template_vertices, np.ones(len(model.template_vertices))]) @ matrix.T
        shape = model.templates[shape["template"]]
        lod = shape.get("lod", lod)
        boundaries = shape["boundaries"]
        vertices = flat[:, :3] + vertices[corner]
    kind = shape["type"]
    if kind not in DEPTHS:
        return None
    semantics = shape.get("semantics") or {}
    said = semantics.get("values")
    grounds = {
        number
        for number, surface in enumerate(semantics.get("surfaces") or ())
        if surface.get("type") == "GroundSurface"
    }
    indices: list[int] = []
    ends: list[int] = []
    rings: list[int] = []
    ground: list[bool] = []
    for surface, value in _surfaces(boundaries, said if grounds else None, DEPTHS[kind]):
        before = len(ends)
        for ring in surface:
            if len(ring) > 2:
                indices += ring
                indices.append(ring[0])
                ends.append(len(indices))
            elif len(ends) == before:
                break  # no outer ring, so no surface
        if len(ends) > before:
            rings.append(len(ends) - before)
            ground.append(value in grounds)
    if not rings:
        raise ValueError("it has no surface")
    corners = np.array(indices)
    if corners.dtype.kind != "i":
        raise TypeError("its corners are not whole numbers")
    if corners.min() < 0 or (highest := corners.max()) >= len(vertices):
        wrong = corners.min() if corners.min() < 0 else highest
        raise IndexError(f"it refers to corner {wrong}; there are {len(vertices)}")
    xyz = vertices[corners]
    if not np.isfinite(xyz).all():
        raise ValueError("one of its corners is nowhere")
    solid = kind == "Solid" and len(boundaries) == 1
    return _Mesh(float(lod), str(lod), solid, DEPTHS[kind] > 0, xyz, ends, rings, ground)  # type: ignore[arg-type]


def _surfaces(boundaries: Any, values: Any, depth: int) -> Iterator[tuple[Any, Any]]:
    """Each surface with its number in the list of meanings; whole branches may be without."""
    paired = zip(boundaries, itertools.chain(values or (), itertools.repeat(None)), strict=False)
    if depth == 0:
        yield from paired
    else:
        for inner, value in paired:
            yield from _surfaces(inner, value, depth - 1)


def _joined(meshes: list[_Mesh]) -> _Mesh:
    """Several shapes at one level as one."""
    if len(meshes) == 1:
        return meshes[0]
    starts = itertools.accumulate((len(mesh.xyz) for mesh in meshes), initial=0)
    return _Mesh(
        level=meshes[0].level,
        lod=meshes[0].lod,
        solid=False,
        closed=all(mesh.closed for mesh in meshes),
        xyz=np.concatenate([mesh.xyz for mesh in meshes]),
        ends=[start + end for start, mesh in zip(starts, meshes, strict=False) for end in mesh.ends],
        rings=[count for mesh in meshes for count in mesh.rings],
        ground=[each for mesh in meshes for each in mesh.ground],
    )


# Batches


def _finished(lot: list[dict[str, _Object]], srid: int, problems: list[Problem]) -> Iterator[Batch]:
    """Complete the records of a lot, with all footprints made at once."""
    members = [(objects, each) for objects in lot for each in objects.values()]
    places = {id(each): place for place, (_, each) in enumerate(members)}
    footprints = _footprints([each for _, each in members], problems)
    for place, (objects, each) in enumerate(members):
        parts = [objects[name] for name in each.parts if name in objects]
        if not each.meshes and parts:
            footprints[place] = _union([shape for part in parts if (shape := footprints[places[id(part)]])])
        if each.record is not None:
            each.record["@lods"] = [mesh.lod for mesh in each.meshes]
            each.record["@height_m"] = _height([each, *parts])
            each.record["@solids"] = {mesh.lod: mesh.ewkb(srid) for mesh in each.meshes}
    kept = [place for place, (_, each) in enumerate(members) if each.record is not None]
    for start in range(0, max(len(kept), 1), BATCH_SIZE):
        chosen = kept[start : start + BATCH_SIZE]
        records: list[Mapping[str, Any]] = [
            record for place in chosen if (record := members[place][1].record) is not None
        ]
        positions = [members[place][1].position for place in chosen]
        yield Batch(as_columns(records), footprints[chosen], positions, problems)
        problems = []


def _height(objects: Sequence[_Object]) -> float | None:
    """From the lowest to the highest corner of some objects, each at its most detailed level but 0."""
    heights = [each.meshes[-1].xyz[:, 2] for each in objects if each.meshes and each.meshes[-1].level >= 1]
    if not heights:
        return None
    height = max(float(z.max()) for z in heights) - min(float(z.min()) for z in heights)
    return round(height, 3)


def _footprints(objects: Sequence[_Object], problems: list[Problem]) -> Geometries:
    """The footprint of each object that has a shape."""
    footprints: Geometries = np.full(len(objects), None, dtype=np.object_)
    blocks: list[Floats] = []
    lengths: list[int] = []  # corners of each ring
    rings: list[int] = []  # rings of each face
    owners: list[int] = []  # object of each face
    downwards: list[bool] = []  # whether only what faces down counts
    for owner, each in enumerate(objects):
        if not each.meshes:
            continue
        mesh, chosen, down = _basis(each.meshes)
        start = ring = 0
        for wanted, count in zip(chosen, mesh.rings, strict=True):
            end = mesh.ends[ring + count - 1]
            if wanted:
                blocks.append(mesh.xyz[start:end, :2])
                previous = start
                for stop in mesh.ends[ring : ring + count]:
                    lengths.append(stop - previous)
                    previous = stop
                rings.append(count)
                owners.append(owner)
                downwards.append(down)
            start = end
            ring += count
    if not blocks:
        return footprints
    faces = shapely.polygons(
        shapely.linearrings(np.concatenate(blocks), indices=np.repeat(np.arange(len(lengths)), lengths)),
        indices=np.repeat(np.arange(len(rings)), rings),
    )
    owner_of, down_of = np.array(owners), np.array(downwards)
    flat = shapely.area(faces) > WALL * shapely.length(faces) ** 2
    below = flat & ~shapely.is_ccw(shapely.get_exterior_ring(faces))
    # A solid that is inside out has nothing that faces down; then all its faces count.
    usual = np.bincount(owner_of[below], minlength=len(objects)) > 0
    keep = np.where(down_of & usual[owner_of], below, flat)
    faces, owner_of = faces[keep], owner_of[keep]
    counts = np.bincount(owner_of, minlength=len(objects))
    alone = counts[owner_of] == 1
    footprints[owner_of[alone]] = shapely.multipolygons(faces[alone], indices=np.arange(int(alone.sum())))
    firsts = np.concatenate([[0], np.cumsum(counts)])
    for owner in np.flatnonzero(counts > 1).tolist():
        try:
            footprints[owner] = _union(faces[firsts[owner] : firsts[owner + 1]])
        except shapely.GEOSException as error:
            problems.append(Problem(objects[owner].position, "broken-geometry", _brief(error)))
    return footprints


def _basis(meshes: list[_Mesh]) -> tuple[_Mesh, list[bool], bool]:
    """The shape and those of its surfaces that make a footprint, and whether only what faces down does."""
    if meshes[0].level < 1:
        return meshes[0], [True] * len(meshes[0].rings), False
    for mesh in reversed(meshes):
        if any(mesh.ground):
            return mesh, mesh.ground, False
    return meshes[0], [True] * len(meshes[0].rings), meshes[0].closed


def _union(shapes: Any) -> shapely.MultiPolygon | None:
    """Areas as one; None when nothing is left of them."""
    shapes = np.asarray(shapes, dtype=np.object_)
    valid = shapely.is_valid(shapes)
    if not valid.all():
        shapes = np.where(valid, shapes, shapely.make_valid(shapes))
    parts = shapely.get_parts(shapely.union_all(shapes))
    areas = parts[shapely.get_dimensions(parts) == 2]
    return shapely.multipolygons(areas) if len(areas) else None
