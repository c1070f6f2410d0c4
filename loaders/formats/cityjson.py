"""CityJSON 1.0 to 2.0, one document or a sequence of lines: objects with footprint, height and solids.

A document's corners are held in memory while its objects stream by; of a sequence, one line at a time is.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from loaders.formats import BATCH_SIZE, Batch, FileFault, Geometries, Layer, Problem
from loaders.formats.columns import as_columns
from loaders.formats.json_members import BrokenObject, pieces
from loaders.formats.json_records import LINE_SUFFIXES, flatten
from loaders.formats.meshes import DEPTHS, Member, Mesh, Solid
from loaders.formats.plain_text import BOM, open_bytes
from loaders.formats.sniff import head, kind_of, refuse
from loaders.formats.vector import crs_code

WANTED = "CityJSON or CityJSONSeq, possibly gzipped"
VERSIONS = ("1.0", "1.1", "2.0")
# A batch also ends at this many corners: one landmark can be larger than a thousand houses.
LOT_POINTS = 300_000
BLOCK_BYTES = 1 << 20
LONGEST_HEADER_BYTES = 16 << 20
# What a document says beside its corners and its objects.
_HEADER = ("type", "version", "transform", "metadata", "geometry-templates")
# A face this thin for its length, seen from above, is a wall.
WALL = 1e-6

Floats: TypeAlias = NDArray[np.float64]
Record: TypeAlias = dict[str, Any]

_BROKEN = (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError)


@contextmanager
def read(path: Path, *, types: Sequence[str] = ("Building", "BuildingPart")) -> Iterator[Layer]:
    """Open a city model for its objects of some types: one record each, with its attributes as published.

    Columns beside the attributes: '@id'; '@type'; '@parents', a list of ids; '@lods', as texts; '@height_m',
    from the lowest to the highest corner at the most detailed level (of the parts where the object itself
    has only a footprint); '@solids', its shapes with those of its parts, one Solid for each level but 0;
    '@address' as published.

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
    declared: str | None  #: the same with what it says of heights
    scale: Floats
    translate: Floats
    vertices: Floats  #: a document's; empty for a sequence, whose lines bring their own
    templates: Sequence[Mapping[str, Any]]
    template_vertices: Floats

    def placed(self, vertices: Iterable[Any]) -> Floats:
        """Corners as published, moved to where they are."""
        return _corners(vertices) * self.scale + self.translate


@dataclass(frozen=True, eq=False)
class _Object:
    """A city object with its decoded shapes, one for each level, the least detailed first."""

    record: Record | None  #: None for a part that nobody asked for and its parent may need
    name: str
    type: str
    position: str
    levels: dict[str, list[Mesh]]  #: as published
    meshes: list[Mesh]  #: those of a level as one
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
    corners: list[Floats] = []
    try:
        for piece in pieces(_blocks(path)):
            if piece.name == "vertices":
                corners.append(_corners(piece.parse()))
            elif piece.name in _HEADER:
                value = piece.parse()
                held = found.setdefault(piece.name, value)
                if isinstance(held, dict) and isinstance(value, dict):
                    held.update(value)
    except BrokenObject as error:
        raise FileFault(f"the JSON is broken or cut off: {_brief(error)}", where=path.name) from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault("the gzip archive is damaged or cut off", where=path.name) from error
    except _BROKEN as error:
        raise FileFault("its vertices are not all three numbers", where=path.name) from error
    return {**found, "vertices": np.concatenate(corners) if corners else ()}


def _blocks(path: Path) -> Iterator[bytes]:
    """A document's bytes, no escaped character cut in two."""
    with open_bytes(path) as stream:
        if head(path).startswith(BOM):
            stream.read(len(BOM))
        while block := stream.read(BLOCK_BYTES):
            while block.endswith(b"\\") and (more := stream.read(1)):
                block += more
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
    named = str(declared) if declared else None
    return _Model(crs_code(named), named, scale, translate, vertices, templates, template_vertices)


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
        for piece in pieces(_blocks(path)):
            objects = piece.parse() if piece.name == "CityObjects" else {}
            if not isinstance(objects, dict):
                raise BrokenObject("CityObjects is no object")
            for name, thing in objects.items():
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
    except BrokenObject as error:
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
            yield from _finished(lot, model, problems)
            lot, problems = [], []
            records = points = 0
    if records or problems:
        yield from _finished(lot, model, problems)


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
    levels: dict[str, list[Mesh]] = {}
    shapes = thing.get("geometry")
    for shape in shapes if isinstance(shapes, list) else ():
        try:
            mesh = _mesh(shape, family.vertices, model)
        except _BROKEN as error:
            problems.append(Problem(position, "broken-geometry", _brief(error)))
            continue
        if mesh is not None:
            levels.setdefault(mesh.lod, []).append(mesh)
    meshes = sorted((_joined(same) for same in levels.values()), key=lambda mesh: mesh.level)
    return _Object(record, name, kind, position, levels, meshes, _texts(thing.get("children")))


def _mesh(shape: Mapping[str, Any], vertices: Floats, model: _Model) -> Mesh | None:
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
    level = float(lod)  # type: ignore[arg-type]
    if not 0 <= level < 10:
        raise ValueError(f"its level of detail is {lod}")
    surfaces, said = _semantics(shape.get("semantics"))
    for _ in range(DEPTHS["MultiSolid"] - DEPTHS[kind]):
        boundaries, said = [boundaries], [said]
    meanings = _meanings(boundaries, said, len(surfaces))
    faces = [face for solid in boundaries for shell in solid for face in shell]
    shells = [[len(shell) for shell in solid] for solid in boundaries]
    if not all(face and min(map(len, face)) > 2 for face in faces):
        faces, meanings, shells = _without_slivers(faces, meanings, shells)
    if not faces:
        raise ValueError("it has no surface")
    rings = [ring for face in faces for ring in face]
    sizes = np.array([len(ring) for ring in rings])
    published = np.array(list(itertools.chain.from_iterable(rings)))
    if published.dtype.kind != "i":
        raise TypeError("its corners are not whole numbers")
    if published.min() < 0 or (highest := published.max()) >= len(vertices):
        wrong = published.min() if published.min() < 0 else highest
        raise IndexError(f"it refers to corner {wrong}; there are {len(vertices)}")
    ends = np.cumsum(sizes + 1)
    corners = np.empty(ends[-1], dtype=np.int64)
    closing = np.zeros(len(corners), dtype=np.bool_)
    closing[ends - 1] = True
    corners[~closing] = published
    corners[closing] = published[np.cumsum(sizes) - sizes]
    xyz = vertices[corners]
    if not np.isfinite(xyz).all():
        raise ValueError("one of its corners is nowhere")
    counts = [len(face) for face in faces]
    return Mesh(level, f"{level:g}", kind, xyz, ends.tolist(), counts, shells, meanings, surfaces)


def _without_slivers(
    faces: list[Any], meanings: list[int | None], shells: list[list[int]]
) -> tuple[list[Any], list[int | None], list[list[int]]]:
    """Without rings of fewer than three corners; where such a ring is the outer one, without the face."""
    whole = [bool(face) and len(face[0]) > 2 for face in faces]
    left = iter(whole)
    kept = [[sum(itertools.islice(left, count)) for count in counts] for counts in shells]
    return (
        [[ring for ring in face if len(ring) > 2] for face in itertools.compress(faces, whole)],
        list(itertools.compress(meanings, whole)),
        [counts for each in kept if (counts := [count for count in each if count])],
    )


def _meanings(boundaries: Any, said: Any, surfaces: int) -> list[int | None]:
    """The place of each face in the list of surfaces; whole branches may be without."""
    found: list[int | None] = []
    for solid, said_of_solid in _paired(boundaries, said):
        for shell, said_of_shell in _paired(solid, said_of_solid):
            for _, meaning in _paired(shell, said_of_shell):
                known = isinstance(meaning, int) and 0 <= meaning < surfaces
                found.append(meaning if known else None)
    return found


def _semantics(published: Any) -> tuple[list[dict[str, Any]], Any]:
    """What surfaces there are, without what only a viewer or another program needs; which face is which."""
    said = published if isinstance(published, dict) else {}
    surfaces = said.get("surfaces")
    kept = [
        {
            name: value
            for name, value in (surface.items() if isinstance(surface, dict) else ())
            # any other text may be about who owns or uses it
            if name in ("type", "children") or isinstance(value, int | float)
        }
        for surface in (surfaces if isinstance(surfaces, list) else ())
    ]
    return kept, said.get("values")


def _paired(boundaries: Any, said: Any) -> Iterator[tuple[Any, Any]]:
    """Each member with what is said of it."""
    return zip(
        boundaries,
        itertools.chain(said if isinstance(said, list) else (), itertools.repeat(None)),
        strict=False,
    )


def _joined(meshes: list[Mesh]) -> Mesh:
    """Several shapes at one level as one."""
    if len(meshes) == 1:
        return meshes[0]
    starts = itertools.accumulate((len(mesh.xyz) for mesh in meshes), initial=0)
    numbers = itertools.accumulate((len(mesh.surfaces) for mesh in meshes), initial=0)
    return Mesh(
        level=meshes[0].level,
        lod=meshes[0].lod,
        kind="CompositeSolid" if all(mesh.closed for mesh in meshes) else "MultiSurface",
        xyz=np.concatenate([mesh.xyz for mesh in meshes]),
        ends=[start + end for start, mesh in zip(starts, meshes, strict=False) for end in mesh.ends],
        rings=[count for mesh in meshes for count in mesh.rings],
        shells=[counts for mesh in meshes for counts in mesh.shells],
        meanings=[
            None if meaning is None else number + meaning
            for number, mesh in zip(numbers, meshes, strict=False)
            for meaning in mesh.meanings
        ],
        surfaces=[surface for mesh in meshes for surface in mesh.surfaces],
    )


# Batches


def _finished(lot: list[dict[str, _Object]], model: _Model, problems: list[Problem]) -> Iterator[Batch]:
    """Complete the records of a lot, with all footprints made at once."""
    members = [(objects, each) for objects in lot for each in objects.values()]
    places = {id(each): place for place, (_, each) in enumerate(members)}
    footprints = _footprints([each for _, each in members], problems)
    for place, (objects, each) in enumerate(members):
        parts = [objects[name] for name in dict.fromkeys(each.parts) if name in objects and name != each.name]
        if not each.meshes and parts:
            footprints[place] = _union([shape for part in parts if (shape := footprints[places[id(part)]])])
        if each.record is not None:
            each.record["@lods"] = [mesh.lod for mesh in each.meshes]
            each.record["@height_m"] = _height([each, *parts])
            each.record["@solids"] = _solids(each, parts, model.declared)
    kept = [place for place, (_, each) in enumerate(members) if each.record is not None]
    for start in range(0, max(len(kept), 1), BATCH_SIZE):
        chosen = kept[start : start + BATCH_SIZE]
        records: list[Mapping[str, Any]] = [
            record for place in chosen if (record := members[place][1].record) is not None
        ]
        positions = [members[place][1].position for place in chosen]
        yield Batch(as_columns(records), footprints[chosen], positions, problems)
        problems = []


def _solids(each: _Object, parts: Sequence[_Object], crs: str | None) -> list[Solid]:
    """The shapes of an object and its parts by level, the least detailed first; level 0 is no solid."""
    levels = {mesh.lod: mesh.level for one in (each, *parts) for mesh in one.meshes if mesh.level >= 1}
    return [
        Solid(
            lod,
            crs,
            [
                Member(one.name, one.type, one.levels.get(lod, []))
                for one in (each, *parts)
                if one is each or lod in one.levels
            ],
        )
        for lod in sorted(levels, key=levels.__getitem__)
    ]


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


def _basis(meshes: list[Mesh]) -> tuple[Mesh, list[bool], bool]:
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
