"""OpenStreetMap extracts (PBF or XML): ways as lines, closed ways and relations as areas, single points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import osmium
import shapely
from osmium import filter as osm_filter

from loaders.formats import Batch, FileFault, Geometries, Layer, Problem
from loaders.formats.apart import Apart
from loaders.formats.columns import Item, as_columns, gather
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "an OpenStreetMap extract (.osm.pbf or .osm)"
SELECTIONS = ("areas", "ways", "nodes", "nodes+areas")
CRS = "EPSG:4326"
LARGE_FILE_BYTES = 200_000_000

Conditions: TypeAlias = Mapping[str, bool | str | Sequence[str]]
"""Tags that must all be there: {'building': True}, {'place': ['town', 'village'], 'name': 'Vaduz'}."""

_SHAPE = "\x00shape"
_META = {
    "@version": lambda thing: thing.version,
    "@timestamp": lambda thing: thing.timestamp.isoformat(),
}


@contextmanager
def read(
    path: Path,
    *,
    select: str,
    tags: Conditions | Sequence[Conditions],
    columns: Sequence[str] | None = None,
) -> Iterator[Layer]:
    """Open an extract for the things that carry certain tags.

    `select` is areas, ways, nodes or nodes+areas. `tags` holds conditions that must all be met, or a list of
    such sets of which one suffices. `columns` are the tags to read (default: those in the conditions), and
    '@version' and '@timestamp' if wanted; '@id' ('way/123') always comes first.
    """
    start = head(path)
    kind = kind_of(start)
    if kind not in ("osm-pbf", "osm-xml"):
        raise refuse(path, kind, WANTED)
    if select not in SELECTIONS:
        raise FileFault(f"select is {select!r}; allowed are {', '.join(SELECTIONS)}", where=path.name)
    choices: list[Conditions] = [tags] if isinstance(tags, Mapping) else list(tags)
    if not choices or not all(choices):
        raise FileFault("tags are empty; name at least one tag", where=path.name)
    # some damaged extracts end the process that reads them
    with Apart(path, __name__, kind=kind, select=select, choices=choices, columns=columns) as layer:
        yield layer


@contextmanager
def read_here(
    path: Path, *, kind: str, select: str, choices: list[Conditions], columns: Sequence[str] | None
) -> Iterator[Layer]:
    """The same, with what was asked for already checked, in the process that calls it."""
    asked = columns if columns is not None else list(dict.fromkeys(key for each in choices for key in each))
    names = tuple(dict.fromkeys(("@id", *asked)))
    things = _things(path, kind, select, choices, names[1:])
    yield Layer(names, CRS, _batches(things, names))


def _batches(things: Iterator[Item], names: tuple[str, ...]) -> Iterator[Batch]:
    for positions, records, problems in gather(things):
        shapes: Geometries = np.array([record[_SHAPE] for record in records], dtype=np.object_)
        yield Batch(as_columns(records, names), _simplest(shapes), positions, problems)


def _simplest(shapes: Geometries) -> Geometries:
    """Decode areas, and give those of one part as plain polygons."""
    shapes = np.array(
        [shapely.from_wkb(each) if isinstance(each, str) else each for each in shapes], dtype=np.object_
    )
    single = (shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOLYGON) & (
        shapely.get_num_geometries(shapes) == 1
    )
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    return shapes


def _things(
    path: Path, kind: str, select: str, choices: list[Conditions], wanted: Sequence[str]
) -> Iterator[Item]:
    areas = "areas" in select
    processor = _processor(path, kind, areas=areas, choices=choices)
    factory = osmium.geom.WKBFactory()
    # What should become an area, until it does: id of the area -> name of the thing. A relation's area often
    # comes before the relation itself, as soon as its last way was read; then it waits among the early ones.
    awaited: dict[int, str] = {}
    early: set[int] = set()

    def expect(area: int, name: str) -> None:
        if area in early:
            early.remove(area)
        else:
            awaited[area] = name

    thing: Any
    try:
        for thing in processor:
            if not _meets(thing.tags, choices):
                continue
            if thing.is_area():
                name = f"{'way' if thing.from_way() else 'relation'} {thing.orig_id()}"
                if awaited.pop(thing.id, None) is None:
                    early.add(thing.id)
                try:
                    shape: Any = factory.create_multipolygon(thing)
                except RuntimeError as error:
                    yield Problem(name, "area-not-assembled", str(error))
                    continue
            elif areas and not thing.is_node():
                if thing.is_relation():
                    expect(thing.id * 2 + 1, _of_type(thing))
                elif thing.is_closed() and len(thing.nodes) > 3 and thing.tags.get("area") != "no":
                    expect(thing.id * 2, f"way {thing.id}")
                continue
            elif thing.is_way() and select == "ways":
                name = f"way {thing.id}"
                shape, lost = _line(thing)
                if lost:
                    yield Problem(
                        name, "incomplete-way", f"{lost} of {len(thing.nodes)} points are not in the file"
                    )
            elif thing.is_node() and "nodes" in select:
                name = f"node {thing.id}"
                shape = (
                    shapely.Point(thing.location.lon, thing.location.lat) if thing.location.valid() else None
                )
            else:
                continue
            record = {key: _META[key](thing) if key in _META else thing.tags.get(key) for key in wanted}
            yield name, {"@id": name.replace(" ", "/"), **record, _SHAPE: shape}
    except (RuntimeError, OSError, ValueError, osmium.InvalidLocationError) as error:
        raise FileFault(f"the extract is damaged or cut off: {error}", where=path.name) from error
    for name in awaited.values():
        position = " ".join(name.split(" ")[:2])
        yield Problem(position, "area-not-assembled", f"{name} has missing, open or crossing parts")


def _processor(path: Path, kind: str, *, areas: bool, choices: list[Conditions]) -> osmium.FileProcessor:
    file = osmium.io.File(str(path), "pbf" if kind == "osm-pbf" else "osm")
    processor = osmium.FileProcessor(file)
    # Points of a whole country fit in memory; a larger extract keeps them in a file that vanishes by itself.
    large = path.stat().st_size > LARGE_FILE_BYTES
    processor.with_locations("sparse_file_array" if large else "flex_mem")
    filters = _filters(choices)
    if areas:
        processor.with_areas(*filters)
    for each in filters:
        processor.with_filter(each)
    return processor


def _filters(choices: list[Conditions]) -> list[Any]:
    """Filters that run inside the library and let through at least everything that meets the conditions."""
    needed = [[key for key, wanted in each.items() if wanted is not False] for each in choices]
    if not all(needed):
        return []
    if len(needed) > 1:
        return [osm_filter.KeyFilter(*{key for each in needed for key in each})]
    return [osm_filter.KeyFilter(key) for key in needed[0]]


def _meets(tags: Any, choices: list[Conditions]) -> bool:
    return any(all(_is(tags.get(key), wanted) for key, wanted in each.items()) for each in choices)


def _is(value: str | None, wanted: bool | str | Sequence[str]) -> bool:
    if isinstance(wanted, bool):
        return (value is not None) == wanted
    return value == wanted if isinstance(wanted, str) else value in wanted


def _of_type(relation: Any) -> str:
    return f"relation {relation.id} ({relation.tags.get('type', 'no type')})"


def _line(way: Any) -> tuple[shapely.LineString | None, int]:
    """A way's line through the points that are there, and how many are not."""
    points = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
    line = shapely.LineString(points) if len(points) > 1 else None
    return line, len(way.nodes) - len(points)
