"""Hourly means of air-quality stations: a key and a time for each, and values that cannot be."""

from __future__ import annotations

from pathlib import Path

from loaders.formats import Batch, Problem

#: what is measured as a concentration, which is never negative
_CONCENTRATIONS = frozenset(("Particulate matter", "NO2", "NO", "C6H6", "CO", "O3", "SO2"))


def prepare_hourly_means(batch: Batch, _file: Path) -> Batch:
    """Columns with the key of each observation, which sorts by time, and without negative concentrations."""
    columns = batch.columns
    stations, hours, numbers, names = (columns[name] for name in ("station", "timest", "param", "param_name"))
    levels = list(columns["level"])
    problems = list(batch.problems)
    for row, (name, level) in enumerate(zip(names, levels, strict=True)):
        if name in _CONCENTRATIONS and str(level).startswith("-"):
            problems.append(Problem(batch.positions[row], "negative-concentration", f"{name} {level}"))
            levels[row] = None
    keys = [
        f"{station}/{hour.replace(' ', 'T')}/{number}" if station and hour and number else None
        for station, hour, number in zip(stations, hours, numbers, strict=True)
    ]
    return Batch({**columns, "level": levels, "key": keys}, batch.geometry, batch.positions, problems)
