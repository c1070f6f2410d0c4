"""Reading published files: what every format yields, and the one door through which loaders open them.

`loaders/run.py` calls `open_layer`; each format is one module with one function, `read`, here or in
another package (see the README, 'Add a data set').
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadRequest

BATCH_SIZE = 5_000
"""At most this many records stand in one batch, whatever the file's size."""

LONGEST_MESSAGE = 1000

#: under this entry point an installed package of somebody else's names the modules that read its formats
GROUP = "twin.formats"
#: the modules of this package that read a format
FORMATS = ("vector", "tabular", "json_records", "osm", "gtfs", "register_xml", "parquet", "excel", "cityjson")

RULES = {
    "area-not-assembled": "An OpenStreetMap relation or closed way does not join up into an area.",
    "bad-coordinate": "A coordinate is not a number, is missing its partner, or lies outside the globe.",
    "bad-cadastral-id": "A cadastral identifier fails its form or its settlement's check digit; left out.",
    "bad-settlement-code": "The code (ЕКАТТЕ) of a settlement or of a district in one is none; left empty.",
    "branch-without-number": "A branch in the Commercial Register has no number; it was left out.",
    "broken-encoding": "A text is cut within a character or is no text; what cannot be read was removed.",
    "broken-geometry": "A shape is not built as its format demands, or lacks corners; it was left out.",
    "broken-json": "A line is not valid JSON; the record was left out.",
    "deed-without-attributes": "A deed of the Commercial Register carries no identifier, name or status.",
    "duplicate-column": "Two columns have one name; the later one was renamed with a number.",
    "incomplete-way": "An OpenStreetMap way refers to points that the file does not hold.",
    "html-entity": "A text is written with an HTML entity, such as &amp;; its character was put there.",
    "invalid-geometry-encoding": "A geometry could not be decoded; the record was kept without it.",
    "misspelt-attribute": "An attribute is not spelled as its format demands; it was read all the same.",
    "negative-concentration": "A concentration is below zero, which none can be; left empty.",
    "no-cadastral-id": "A text stands where a cadastral identifier should, and holds none; left empty.",
    "no-reference-system": "The file does not say in which coordinate system its places are.",
    "not-a-record": "An element stands where a record was expected; it was left out.",
    "ragged-line": "A line has more or fewer fields than the header; missing are empty, extra dropped.",
    "reader-warning": "The reading library noticed something about the file as a whole.",
    "script-wrapped-json": "The JSON stands in a script, after 'var x ='; the script around it was left out.",
    "time-past-midnight": "A timetable has times past 24:00, which the next day's early hours are.",
    "trailing-separator": "Lines end in a separator that the header does not have; reported once a file.",
    "unknown-edition": "An activity's code does not show which edition of its classification it is from.",
    "unclosed-ring": "A polygon's ring does not end where it began; it was closed.",
    "unknown-reference": "A timetable row names a stop, trip or service that the timetable does not list.",
}
"""What each reader-level rule means, for reports and documentation."""

#: rules whose detail begins with the name of a column, and rules that are about one column only
_NAMING = (
    "bad-identifier", "bad-settlement-code", "broken-encoding", "duplicate-column", "misspelt-attribute",
    "personal-number",
    "unknown-edition",
)  # fmt: skip
_FIELD_OF = {
    "time-past-midnight": "departure_time",
    "negative-concentration": "level",
    "bad-cadastral-id": "Identifier",
    "no-cadastral-id": "Identifier",
}

#: the parameters of a `read` that can leave columns out, and that prepares its batches where it reads them
IGNORES, PREPARE = "ignores", "prepare"

Geometries: TypeAlias = NDArray[np.object_]


class FileFault(BadRequest):
    """A file cannot be read, and whoever supplied it can mend that."""

    def __init__(self, message: str, *, where: str | None = None) -> None:
        # a damaged file may have a column's name of a thousand letters
        shown = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"
        super().__init__(shown, where=where)


class Problem(NamedTuple):
    """A defect that the reader met: where it stands, which rule it breaks, and what was there."""

    position: str
    rule: str
    detail: str

    @property
    def field(self) -> str | None:
        """The column or attribute that it is about, where the rule or the detail says so."""
        if self.rule in _NAMING:
            return self.detail.partition(" ")[0]
        return _FIELD_OF.get(self.rule)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a file, column by column, with values as published.

    All columns, the positions and the geometry have one length. Geometries are shapely ones (2D or 3D as
    published, x = longitude or easting), or None for a record that has none. A problem's position need not
    be among the positions: a line too broken to become a record is only a problem.
    """

    columns: dict[str, list[Any]]
    geometry: Geometries | None
    positions: list[str]
    problems: list[Problem] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.positions)

    def head(self, most: int) -> Batch:
        """The first records of it."""
        if len(self) <= most:
            return self
        return replace(
            self,
            columns={name: values[:most] for name, values in self.columns.items()},
            geometry=None if self.geometry is None else self.geometry[:most],
            positions=self.positions[:most],
        )


#: a step in code for the batches of a file: loaders/preparation.py
Preparation: TypeAlias = Callable[[Batch, Path], Batch]


@dataclass(frozen=True)
class Layer:
    """An opened file: its columns, its declared CRS, and its records in batches to be read once.

    `columns` is empty where the format cannot tell before reading; then a batch has the columns that its own
    records use. `crs` is as the file declares it ('EPSG:7801'; CRS84 becomes 'EPSG:4326'; WKT where the
    definition has no EPSG code), None where it says nothing.
    """

    columns: tuple[str, ...]
    crs: str | None
    batches: Iterator[Batch]


def names() -> tuple[str, ...]:
    """Every format that can be read: the twin's own, then those of installed packages."""
    return (*FORMATS, *(each.name for each in _installed() if each.name not in FORMATS))


@cache
def _installed() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def release_of(format: str) -> str | None:
    """The package and version that read a format, where it is not the twin itself."""
    for each in _installed():
        if each.name == format and format not in FORMATS and each.dist:
            return f"{each.dist.name} {each.dist.version}"
    return None


def _reader(format: str, where: str) -> Any:
    """The module that reads a format."""
    if format in FORMATS:
        return importlib.import_module(f"{__name__}.{format}")
    for each in _installed():
        if each.name == format:
            return each.load()
    raise FileFault(f"format is {format!r}; allowed are {', '.join(names())}", where=where)


def open_layer(
    path: Path,
    format: str,
    *,
    ignores: Callable[[str], bool] | None = None,
    prepare: Preparation | None = None,
    **options: Any,
) -> AbstractContextManager[Layer]:
    """Open a published file for reading; the options are those of the format's `read` function.

    Columns of which `ignores` says so nobody needs, and a format that is faster without them leaves them out.
    Batches come as `prepare` makes them, which a format that reads in another process lets that do.
    Raises FileFault when the file is missing, empty or of another kind, or when an option is unknown.
    """
    read = _reader(format, path.name).read
    signature = inspect.signature(read)
    check_options(path, format, signature, options)
    check_file(path)
    if IGNORES in signature.parameters:
        options[IGNORES] = ignores
    if PREPARE in signature.parameters:
        options[PREPARE] = prepare
        prepare = None
    layer: AbstractContextManager[Layer] = read(path, **options)
    return layer if prepare is None else prepared(layer, prepare, path)


@contextmanager
def prepared(
    opened: AbstractContextManager[Layer], prepare: Preparation | None, path: Path
) -> Iterator[Layer]:
    """The layer with its batches as a step in code makes them."""
    with opened as layer:
        yield (
            layer
            if prepare is None
            else replace(layer, batches=(prepare(batch, path) for batch in layer.batches))
        )


def check_file(path: Path) -> None:
    """Refuse what is not a readable file with something in it."""
    if not path.exists():
        raise FileFault(f"there is no such file in {path.parent}", where=path.name)
    if not path.is_file():
        raise FileFault("this is a folder; a file is needed", where=path.name)
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise FileFault(f"the file cannot be opened: {error.strerror}", where=path.name) from error
    if empty:
        raise FileFault("the file is empty", where=path.name)


def check_options(path: Path, format: str, signature: inspect.Signature, options: dict[str, Any]) -> None:
    """Refuse options that the format does not have, and name those that it needs."""
    known = {
        name: each
        for name, each in signature.parameters.items()
        if each.kind is each.KEYWORD_ONLY and name not in (IGNORES, PREPARE)
    }
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise FileFault(
            f"{format} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}",
            where=path.name,
        )
    missing = [name for name, each in known.items() if each.default is each.empty and name not in options]
    if missing:
        raise FileFault(f"{format} needs the option {', '.join(missing)}", where=path.name)
