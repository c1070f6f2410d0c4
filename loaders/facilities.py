"""Sports venues: what goes on there, out of hundreds of columns that are nearly all empty."""

from __future__ import annotations

import html
from pathlib import Path

from loaders.formats import Batch, Problem

_DETAILS = (
    "id", "city", "neighbourhood", "address", "coordinates", "latitude", "longitude", "name", "link", "new",
    "logo", "for_kids",
)  # fmt: skip
_YES = "TRUE"


def prepare_sports(batch: Batch, _file: Path) -> Batch:
    """The details, and the names of the columns that say TRUE as a list of activities."""
    columns, problems = batch.columns, list(batch.problems)
    activities: list[list[str]] = [[] for _ in range(len(batch))]
    for name, values in columns.items():
        if name in _DETAILS:
            continue
        written = html.unescape(name)
        if written != name:
            problems.append(Problem("header", "html-entity", name))
        for row, value in enumerate(values):
            if value == _YES:
                activities[row].append(written)
    details = {name: columns[name] for name in _DETAILS if name in columns}
    details["activities"] = [sorted(each) or None for each in activities]
    return Batch(details, batch.geometry, batch.positions, problems)
