"""CSV and its relatives: text tables with one header line, values kept as published."""

from __future__ import annotations

import csv
import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from loaders.formats import BATCH_SIZE, Batch, FileFault, Layer, Problem
from loaders.formats.columns import column_names
from loaders.formats.plain_text import encoding_of, open_text
from loaders.formats.points import Points
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "a table of text (CSV, TSV), possibly gzipped"
SEPARATORS = (",", ";", "\t", "|")
SNIFFED_LINES = 20


@contextmanager
def read(
    path: Path,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    skip_lines: int = 0,
    lonlat: Sequence[str] | None = None,
    latlon: str | Sequence[str] | None = None,
) -> Iterator[Layer]:
    """Open a text table.

    `separator` and `encoding` are found out when not given; `skip_lines` passes over captions above the
    header; `lonlat` and `latlon` name the columns from which points are made (see `points.Points`).
    """
    start = head(path)
    if (kind := kind_of(start)) != "text":
        raise refuse(path, kind, WANTED)
    charset = encoding_of(path, start, encoding)
    points = Points(lonlat, latlon)
    with open_text(path, charset) as stream:
        lines = _lines(path, stream, charset)
        for _ in range(skip_lines):
            next(lines, None)
        first = list(itertools.islice(lines, SNIFFED_LINES))
        rows = csv.reader(itertools.chain(first, lines), delimiter=separator or sniff_separator(first))
        problems: list[Problem] = []
        header = _header(path, rows, skip_lines, problems)
        missing = [name for name in points.names if name not in header]
        if missing:
            raise FileFault(
                f"there is no column {', '.join(missing)}; there are {', '.join(header)}", where=path.name
            )
        yield Layer(header, None, _batches(path, rows, header, skip_lines, points, problems))


def sniff_separator(lines: Sequence[str]) -> str:
    """The separator that gives the first lines the most columns, and the same number in most lines."""

    def steadiness(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        if not widths or widths[0] == 1:
            return 0, 0
        # Half the lines may be ragged; the header's width still has to be the rule.
        alike = sum(width >= widths[0] for width in widths)
        return (1 if alike * 2 >= len(widths) else 0), widths[0]

    try:
        return max(SEPARATORS, key=steadiness)
    except csv.Error:
        return SEPARATORS[0]


def _lines(path: Path, stream: TextIO, charset: str) -> Iterator[str]:
    number = 0
    try:
        for line in stream:
            number += 1
            yield line
    except UnicodeDecodeError as error:
        raise FileFault(
            f"after line {number} the text is not {charset.removesuffix('-sig')}; say which encoding it has",
            where=path.name,
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(f"the file is damaged or cut off after line {number}", where=path.name) from error


def _header(path: Path, rows: Iterator[list[str]], skipped: int, problems: list[Problem]) -> tuple[str, ...]:
    try:
        published = next((row for row in rows if row), None)
    except csv.Error as error:
        raise FileFault(f"the header cannot be read: {error}", where=path.name) from error
    if published is None:
        raise FileFault("there is no header line", where=path.name)
    return column_names(published, f"line {skipped + 1}", problems)


def _batches(
    path: Path,
    rows: Any,
    header: tuple[str, ...],
    skipped: int,
    points: Points,
    problems: list[Problem],
) -> Iterator[Batch]:
    width = len(header)
    trailing_seen = False
    numbered = _numbered(path, rows, skipped)
    while True:
        taken: list[list[str | None]] = []
        positions: list[str] = []
        for line, row in itertools.islice(numbered, BATCH_SIZE):
            fields: list[str | None] = list(row)
            if len(fields) != width:
                if len(fields) > width and not any(row[width:]):
                    if not trailing_seen:
                        problems.append(_ragged("trailing-separator", line, fields, width))
                        trailing_seen = True
                else:
                    problems.append(_ragged("ragged-line", line, fields, width))
                fields = fields[:width] + [None] * (width - len(fields))
            taken.append(fields)
            positions.append(f"line {line}")
        if not taken and not problems:
            return
        columns: dict[str, list[Any]] = {
            name: list(values)
            for name, values in zip(header, zip(*taken, strict=True) if taken else [()] * width, strict=True)
        }
        geometry = points.of(columns, positions, problems)
        yield Batch(columns, geometry, positions, problems)
        if not taken:
            return
        problems = []


def _numbered(path: Path, rows: Any, skipped: int) -> Iterable[tuple[int, list[str]]]:
    """Rows with the line on which each begins; blank lines are passed over."""
    while True:
        line = skipped + rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise FileFault(
                f"line {line} cannot be read: {error}; is a quote left open?", where=path.name
            ) from error
        if row is None:
            return
        if row:
            yield line, row


def _ragged(rule: str, line: int, fields: Sequence[str | None], width: int) -> Problem:
    plural = "" if len(fields) == 1 else "s"
    return Problem(f"line {line}", rule, f"{len(fields)} field{plural} under {width} headers")
