"""JSON that holds a list of records somewhere inside, and JSON lines; either may be gzipped."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import orjson

from loaders.formats import Batch, FileFault, Layer, Problem
from loaders.formats.columns import Item, as_columns, gather
from loaders.formats.plain_text import BOM, JSON_DAMAGE, check_depth, open_bytes
from loaders.formats.points import Points
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "JSON or JSON lines, possibly gzipped"
LINE_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines", ".geojsonl")
# What stands before each text of a JSON text sequence (RFC 7464).
RECORD_SEPARATOR = b"\x1e"


@contextmanager
def read(
    path: Path,
    *,
    records: str | None = None,
    lines: bool | None = None,
    lonlat: Sequence[str] | None = None,
    latlon: str | Sequence[str] | None = None,
) -> Iterator[Layer]:
    """Open a file of JSON records, read one at a time; nested objects become dotted columns.

    `records` is the path to the list of records ('data', 'result.items'), not needed for a bare list or for
    JSON lines; `lines` says that each line is a record, found out when not given. A list inside a record is
    kept as one value. `lonlat` and `latlon` name the columns from which points are made.
    """
    start = head(path)
    if (kind := kind_of(start)) != "json":
        raise refuse(path, kind, WANTED)
    if lines is None:
        lines = records is None and _looks_like_lines(path, start)
    if not lines:
        check_depth(path)
    with open_bytes(path) as stream:
        if start.startswith(BOM):
            stream.read(len(BOM))
        if lines:
            items = _from_lines(path, stream)
        else:
            items = _from_list(path, stream, _prefix(path, start, records))
        yield Layer((), None, _batches(items, Points(lonlat, latlon)))


def flatten(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """A record's values with dotted names: {'a': {'b': 1}} gives ('a.b', 1)."""
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from flatten(value, f"{name}.")
        else:
            yield name, value


def _batches(items: Iterator[Item], points: Points) -> Iterator[Batch]:
    for positions, lot, problems in gather(items):
        columns = as_columns(lot)
        # Where an object is missing it is written as null; that null is no column of its own.
        parents = {name[:at] for name in columns for at, letter in enumerate(name) if letter == "."}
        for name in parents & columns.keys():
            if not any(value is not None for value in columns[name]):
                del columns[name]
        yield Batch(columns, points.of(columns, positions, problems), positions, problems)


def _from_lines(path: Path, stream: BinaryIO) -> Iterator[Item]:
    number = 0
    try:
        for number, line in enumerate(stream, start=1):
            line = line.lstrip(RECORD_SEPARATOR).strip()
            if not line:
                continue
            position = f"line {number}"
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield Problem(position, "broken-json", str(error))
                continue
            yield _item(position, record)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(f"the archive is damaged or cut off after line {number}", where=path.name) from error


def _from_list(path: Path, stream: BinaryIO, prefix: str) -> Iterator[Item]:
    number = 0
    try:
        for number, record in enumerate(ijson.items(stream, prefix, use_float=True), start=1):
            yield _item(f"record {number}", record)
    except JSON_DAMAGE as error:
        raise FileFault(
            f"the JSON is broken or cut off after record {number}: {_first_line(error)}", where=path.name
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(
            f"the archive is damaged or cut off after record {number}", where=path.name
        ) from error
    if number == 0:
        _check_path(path, prefix)


def _item(position: str, record: Any) -> Item:
    if isinstance(record, dict):
        return position, dict(flatten(record))
    return Problem(position, "not-a-record", f"{type(record).__name__} in place of an object")


def _prefix(path: Path, start: bytes, records: str | None) -> str:
    """ijson's name for the elements of the list of records."""
    if records:
        return f"{records}.item"
    if start.removeprefix(BOM).lstrip().startswith(b"["):
        return "item"
    raise FileFault(f"say where the records are: records = {_choices(path)}", where=path.name)


def _check_path(path: Path, prefix: str) -> None:
    """Tell an empty list, which is for the caller to judge, from a path that leads nowhere."""
    asked = prefix.removesuffix("item").rstrip(".")
    if asked and asked not in (lists := _lists(path)):
        raise FileFault(f"there is no list at records = {asked!r}; lists are at {lists}", where=path.name)


def _choices(path: Path) -> str:
    return " or ".join(repr(name) for name in _lists(path)) or "nowhere: it holds no list"


def _lists(path: Path) -> list[str]:
    """Where lists stand in a file, for telling the caller; lists within lists are left out."""
    found: list[str] = []
    with open_bytes(path) as stream:
        if head(path).startswith(BOM):
            stream.read(len(BOM))
        try:
            for prefix, event, _ in ijson.parse(stream):
                if event == "start_array" and ".item" not in prefix and prefix != "item":
                    found.append(prefix)
        except (*JSON_DAMAGE, OSError, EOFError, zlib.error) as error:
            raise FileFault(
                f"the JSON is broken or cut off: {_first_line(error)}", where=path.name
            ) from error
    return found


def _looks_like_lines(path: Path, start: bytes) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if any(suffix in LINE_SUFFIXES for suffix in suffixes):
        return True
    start = start.removeprefix(BOM).lstrip()
    if start.startswith(RECORD_SEPARATOR):
        return True
    first, newline, rest = start.partition(b"\n")
    if not newline or not rest.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
        return False


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
