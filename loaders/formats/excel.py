"""Tables in Excel workbooks, old (.xls) and new (.xlsx), with values of the type that Excel shows."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import python_calamine as calamine

from loaders.formats import BATCH_SIZE, Batch, FileFault, Layer, Problem
from loaders.formats.columns import column_names
from loaders.formats.points import Points
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "an Excel workbook (.xls or .xlsx)"
LONGEST_S = 120
MOST_BYTES = 2 << 30
# An exception (exit code 1) is left to the second reading, which names it.
_TRIAL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
import python_calamine
workbook = python_calamine.load_workbook(sys.argv[1])
for name in workbook.sheet_names:
    for row in workbook.get_sheet_by_name(name).iter_rows():
        pass
"""


@contextmanager
def read(
    path: Path,
    *,
    sheet: str | None = None,
    skip_lines: int = 0,
    lonlat: Sequence[str] | None = None,
    latlon: str | Sequence[str] | None = None,
) -> Iterator[Layer]:
    """Open one sheet of a workbook.

    `sheet` is needed where several have something in them; `skip_lines` passes over captions above the
    header. A text stays a text ('00014' keeps its zeros), a number without decimals is a whole one, an empty
    cell is None. Excel's own limit of 1,048,576 rows bounds the memory.
    """
    kind = kind_of(head(path))
    if kind not in ("xls", "zip"):
        raise refuse(path, kind, WANTED)
    points = Points(lonlat, latlon)
    _try_out(path)
    try:
        workbook = calamine.load_workbook(str(path))
    except calamine.PasswordError as error:
        raise FileFault("the workbook is protected by a password", where=path.name) from error
    except BaseException as error:
        if not _is_damage(error):
            raise
        raise _damaged(path, error) from error
    with workbook:
        rows = _rows(_sheet(path, workbook, sheet), skip_lines)
        problems: list[Problem] = []
        number, published = next(rows, (0, []))
        while published and published[-1] is None:
            published.pop()
        if not published:
            raise FileFault("there is no header row", where=path.name)
        header = column_names(
            ("" if name is None else str(name) for name in published), f"row {number}", problems
        )
        if missing := [name for name in points.names if name not in header]:
            raise FileFault(
                f"there is no column {', '.join(missing)}; there are {', '.join(header)}", where=path.name
            )
        yield Layer(header, None, _batches(rows, header, points, problems))


def _try_out(path: Path) -> None:
    """Let another process read the workbook first.

    On some damaged files the library ends its process, or asks for all the memory there is: a single stray
    cell makes a whole sheet of empty ones.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _TRIAL, str(path), str(MOST_BYTES)],
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileFault(f"the workbook could not be read within {LONGEST_S} s", where=path.name) from error
    if done.returncode not in (0, 1):
        raise FileFault(f"the workbook is damaged or far too large; wanted is {WANTED}", where=path.name)


def _is_damage(error: BaseException) -> bool:
    # The library gives up on some damaged files with an exception that nobody can import to name it.
    return isinstance(error, calamine.CalamineError | OSError) or type(error).__name__ == "PanicException"


def _damaged(path: Path, error: BaseException) -> FileFault:
    return FileFault(f"the workbook is damaged ({error}); wanted is {WANTED}", where=path.name)


def _sheet(path: Path, workbook: calamine.CalamineWorkbook, asked: str | None) -> calamine.CalamineSheet:
    names = workbook.sheet_names
    if asked is not None and asked not in names:
        raise FileFault(f"it has no sheet {asked!r}; it has {', '.join(names)}", where=path.name)
    try:
        sheets = [workbook.get_sheet_by_name(name) for name in ([asked] if asked else names)]
    except BaseException as error:
        if not _is_damage(error):
            raise
        raise _damaged(path, error) from error
    if asked is None:
        filled = [sheet for sheet in sheets if sheet.start]
        if len(filled) == 1:
            return filled[0]
        said = "several sheets" if filled else "no sheet with anything in it"
        raise FileFault(f"it has {said}; say sheet = one of {', '.join(names)}", where=path.name)
    return sheets[0]


def _rows(sheet: calamine.CalamineSheet, skipped: int) -> Iterator[tuple[int, list[Any]]]:
    """The rows with something in them below the captions, each with its number as Excel shows it."""
    for number, row in enumerate(sheet.iter_rows(), start=1):
        # One stray cell can make a sheet of millions of empty ones, so those are passed over at once.
        if number > skipped and row.count("") < len(row):
            yield number, [_value(cell) for cell in row]


def _value(cell: Any) -> Any:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return None if cell == "" else cell


def _batches(
    rows: Iterator[tuple[int, list[Any]]], header: tuple[str, ...], points: Points, problems: list[Problem]
) -> Iterator[Batch]:
    width = len(header)
    while True:
        lot = list(itertools.islice(rows, BATCH_SIZE))
        if not lot and not problems:
            return
        positions = [f"row {number}" for number, _ in lot]
        for position, (_, row) in zip(positions, lot, strict=True):
            if any(value is not None for value in row[width:]):
                problems.append(Problem(position, "ragged-line", f"{len(row)} cells under {width} headers"))
        columns = {name: [row[place] for _, row in lot] for place, name in enumerate(header)}
        yield Batch(columns, points.of(columns, positions, problems), positions, problems)
        problems = []
