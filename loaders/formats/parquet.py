"""GeoParquet, and Parquet tables without shapes: read row group by row group, nested columns laid flat."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loaders.formats import BATCH_SIZE, Batch, FileFault, Geometries, Layer, Problem
from loaders.formats.sniff import head, kind_of, refuse
from loaders.formats.vector import crs_code, decoded

WANTED = "a GeoParquet or Parquet file"
BUFFER_BYTES = 1 << 20
# A mangled name is a UnicodeDecodeError, which is a ValueError.
_DAMAGE = (pa.ArrowException, OSError, ValueError)


@contextmanager
def read(path: Path, *, geometry: str | None = None) -> Iterator[Layer]:
    """Open a Parquet file; objects become dotted columns ('names.primary'), lists stay lists.

    `geometry` names the column of shapes (WKB), where it is not the primary one of the file's 'geo' metadata.
    Other columns of shapes are left out. Without such metadata and without that option there are no shapes.
    """
    kind = kind_of(head(path))
    if kind != "parquet":
        raise refuse(path, kind, WANTED)
    try:
        # Buffered rather than memory-mapped or fetched ahead: a row group may be larger than the memory.
        file = pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except _DAMAGE as error:
        raise _damaged(path, 0, error) from error
    with file:
        shapes = _shapes(path, file.schema_arrow, geometry)
        fields = [field for field in file.schema_arrow if field.name not in shapes.columns]
        asked = [field.name for field in fields] + ([shapes.name] if shapes.name else [])
        yield Layer(
            columns=tuple(name for each in fields for name in _names(each)),
            crs=shapes.crs,
            batches=_batches(path, file, asked, shapes.name),
        )


@dataclass(frozen=True)
class _Shapes:
    """Which column holds the shapes, in which coordinate system, and all columns that hold some."""

    name: str | None
    crs: str | None
    columns: frozenset[str]


def _shapes(path: Path, schema: pa.Schema, asked: str | None) -> _Shapes:
    try:
        said = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
        columns: Mapping[str, Mapping[str, Any]] = dict(said.get("columns", {}))
        name = asked or said.get("primary_column")
        known = dict(columns.get(name, {})) if name else {}
    except (ValueError, TypeError, AttributeError) as error:
        raise FileFault(f"its 'geo' metadata cannot be read: {error}", where=path.name) from error
    if name is None:
        return _Shapes(None, None, frozenset(columns))
    if name not in schema.names:
        raise FileFault(f"there is no column {name!r}; there are {', '.join(schema.names)}", where=path.name)
    encoding = known.get("encoding", "WKB")
    if encoding != "WKB" or not _holds_bytes(schema.field(name).type):
        kind = encoding if encoding != "WKB" else schema.field(name).type
        raise FileFault(f"the shapes in {name!r} are encoded as {kind}; wanted is WKB", where=path.name)
    return _Shapes(name, _crs(known) if known else None, frozenset({*columns, name}))


def _crs(known: Mapping[str, Any]) -> str | None:
    """What the metadata says of a column's coordinate system; saying nothing means longitude and latitude."""
    if "crs" not in known:
        return crs_code("OGC:CRS84")
    declared = known["crs"]
    return crs_code(json.dumps(declared) if isinstance(declared, dict) else declared)


def _holds_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _names(field: pa.Field, prefix: str = "") -> Iterator[str]:
    if pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _names(inner, f"{prefix}{field.name}.")
    else:
        yield f"{prefix}{field.name}"


def _batches(path: Path, file: pq.ParquetFile, asked: list[str], shapes: str | None) -> Iterator[Batch]:
    done = 0
    lots = file.iter_batches(BATCH_SIZE, columns=asked)
    while True:
        try:
            arrow = next(lots, None)
            if arrow is None:
                return
            columns = dict(_flat(arrow.drop_columns([shapes]) if shapes else arrow))
        except _DAMAGE as error:
            raise _damaged(path, done, error) from error
        positions = [f"record {number}" for number in range(done + 1, done + arrow.num_rows + 1)]
        problems: list[Problem] = []
        geometry: Geometries | None = None
        if shapes:
            geometry = decoded(arrow.column(shapes), positions, problems)
        yield Batch(columns, geometry, positions, problems)
        done += arrow.num_rows


def _flat(arrow: pa.RecordBatch) -> Iterator[tuple[str, list[Any]]]:
    """Columns as Python values; the members of an object that is missing are missing too."""
    table = pa.Table.from_batches([arrow])
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.to_pylist()
        if pa.types.is_map(column.type):
            values = [None if value is None else dict(value) for value in values]
        yield name, values


def _damaged(path: Path, done: int, error: Exception) -> FileFault:
    why = str(error).split("\n")[0].strip()
    return FileFault(f"it is damaged or cut off after record {done}: {why}", where=path.name)
