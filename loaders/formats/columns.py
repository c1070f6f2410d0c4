"""From records one by one to batches column by column, for formats that are read record by record."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from loaders.formats import BATCH_SIZE, Problem

Item = tuple[str, Mapping[str, Any]] | Problem
"""A record with its position, or a problem met on the way."""


def gather(items: Iterable[Item]) -> Iterator[tuple[list[str], list[Mapping[str, Any]], list[Problem]]]:
    """Group records and problems into lots of at most one batch's size."""
    source = iter(items)
    while lot := list(itertools.islice(source, BATCH_SIZE)):
        problems = [item for item in lot if isinstance(item, Problem)]
        records = [item for item in lot if not isinstance(item, Problem)]
        yield [position for position, _ in records], [record for _, record in records], problems


def as_columns(records: list[Mapping[str, Any]], names: Iterable[str] | None = None) -> dict[str, list[Any]]:
    """Turn records into columns: the named ones, or all that the records use, in order of appearance."""
    if names is None:
        names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def column_names(published: Iterable[str], position: str, problems: list[Problem]) -> tuple[str, ...]:
    """A header's names, each filled and once: a missing one and a repeated one get a number."""
    names: dict[str, None] = {}
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(2))
    for number, field in enumerate(published, start=1):
        name = field.strip() or f"column_{number}"
        if name in names:
            problems.append(Problem(position, "duplicate-column", name))
            name = next(free for n in numbers[name] if (free := f"{name}_{n}") not in names)
        names[name] = None
    return tuple(names)
