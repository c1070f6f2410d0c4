"""Station 1: which files a data set has, which of them are new, and how many a load takes at once.

`run.py` calls these. A file is known by its name below the data folder and the checksum of its bytes; what a
whole data set depends on besides its files is its fingerprint.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

import twin
from loaders.catalogue import Dataset
from loaders.formats import release_of
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest
from twin.history import HISTORY

#: of a data set that comes in many files, so many are loaded in one transaction and linked at once
BATCH_FILES, BATCH_BYTES = 100, 2 << 30
#: rules by which other data sets decide about a record: the next time it may be decided otherwise
OTHERS_DECIDE = frozenset({"incomplete-entity", "key-of-another-source"})
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Opened:
    """A file to be loaded: where it is, its name below the data folder, its size and checksum (BLAKE2b)."""

    path: Path
    name: str
    size: int
    checksum: str


def open_file(path: Path, name: str) -> Opened:
    """Read a file's bytes for its checksum; BadRequest where they cannot be read."""
    digest, size = _digest(), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise BadRequest(f"the file cannot be read: {error.strerror}", where=name) from error
    return Opened(path, name, size, digest.hexdigest())


def checksum_of(files: Sequence[Opened]) -> str:
    """One checksum for what a load reads: a file's own, or that of several files' checksums."""
    if len(files) == 1:
        return files[0].checksum
    return _checksum("".join(one.checksum for one in files))


def batches(files: Iterable[Opened]) -> Iterator[list[Opened]]:
    """The files in their order, as many at once as one transaction should hold; at least one."""
    batch: list[Opened] = []
    size = 0
    for one in files:
        if batch and (len(batch) == BATCH_FILES or size + one.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def fingerprint(
    connection: psycopg.Connection[Any],
    dataset: Dataset,
    files: Sequence[Opened],
    notices: Collection[str] = (),
) -> str | None:
    """What the rows of a data set follow from: its files, its entry in the catalogue, the code that reads
    them, and the areas that it is confined to. None where the rules of its `notices` tell that other data
    sets had a say in it."""
    if OTHERS_DECIDE & set(notices):
        return None
    areas = sorted({target.within for read in dataset.reads for target in read.targets if target.within})
    parts = [
        dataset.entry,
        code_digest(),
        *(release_of(read.format) for read in dataset.reads),
        *(_state(connection, BY_NAME[area]) for area in areas),
        *sorted((one.name, one.checksum) for one in files),
    ]
    return _checksum(repr(parts))


@functools.cache
def code_digest() -> str:
    """A checksum of the code that reads, maps, checks and merges."""
    digest = _digest()
    for package in (Path(__file__).parent, Path(str(twin.__file__)).parent):
        for file in sorted(package.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _state(connection: psycopg.Connection[Any], entity: Entity) -> tuple[Any, ...]:
    """What changes whenever a row of an entity does."""
    row = connection.execute(
        SQL(
            "SELECT (SELECT count(*) FROM {table}),"
            " (SELECT extract(epoch FROM max(recorded_at)) FROM {table}),"
            " (SELECT max(version) FROM {history})"
        ).format(table=Identifier(entity.table.name), history=Identifier(HISTORY[entity.name].name))
    ).fetchone()
    assert row is not None  # an aggregate always has a row
    return tuple(row)


def _checksum(text: str) -> str:
    return _digest(text.encode()).hexdigest()


def _digest(content: bytes = b"") -> hashlib.blake2b:
    return hashlib.blake2b(content, digest_size=16)
