"""What a run of the benchmark found: medians, ratios, bars; as a table and as results.json."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.generators import Round
from tests.bench.questions import PGBENCH, TWIN, Question

_PACKAGES = (
    "strawberry-graphql",
    "graphql-core",
    "sqlalchemy",
    "psycopg",
    "starlette",
    "uvicorn",
    "uvloop",
    "orjson",
)


@dataclass(frozen=True)
class Measured:
    """One peer's rounds of one question: under load, and with a single connection."""

    question: Question
    peer: str
    loaded: Sequence[Round]
    alone: Sequence[Round]
    #: CPU milliseconds of one answer in each loaded round: the server's, PostgreSQL's
    cpu_ms: Sequence[tuple[float, float]]

    @property
    def per_s(self) -> float:
        return statistics.median(one.per_s for one in self.loaded)

    @property
    def p50_ms(self) -> float:
        return statistics.median(one.p50_ms for one in self.loaded)

    @property
    def p50_ms_alone(self) -> float:
        return statistics.median(one.p50_ms for one in self.alone)

    @property
    def server_ms(self) -> float:
        return statistics.median(server for server, _ in self.cpu_ms)

    @property
    def database_ms(self) -> float:
        return statistics.median(database for _, database in self.cpu_ms)

    def as_json(self) -> dict[str, Any]:
        return {
            "requests_per_s": round(self.per_s, 2),
            "rounds": [round(one.per_s, 2) for one in self.loaded],
            "p50_ms": round(self.p50_ms, 3),
            "p50_ms_at_one_connection": round(self.p50_ms_alone, 3),
            "cpu_ms_per_answer": {
                "server": round(self.server_ms, 4),
                "postgresql": round(self.database_ms, 4),
            },
            "answer_bytes": round(self.loaded[0].answer_bytes),
        }


@dataclass(frozen=True)
class Bar:
    """What was demanded of the twin, and what was seen."""

    of: str  #: the question
    said: str  #: what was compared, with the bar
    seen: float
    met: bool

    def __str__(self) -> str:
        return f"{'met' if self.met else 'MISSED'}: {self.of}: {self.seen:.2f} {self.said}"


def bars(measured: Sequence[Measured]) -> list[Bar]:
    """Every bar that could be looked at: a peer that is not here leaves its bars out."""
    by = {(one.question.name, one.peer): one for one in measured}
    found: list[Bar] = []
    for one in measured:
        twin, title = by[one.question.name, TWIN], one.question.title
        least, most = one.question.least.get(one.peer), one.question.most_beside_sql
        if least is not None:
            seen = twin.per_s / one.per_s
            found.append(Bar(title, f"x {one.peer}, at least {least:g} x wanted", seen, seen >= least))
        if one.peer == PGBENCH and most is not None:
            seen = twin.p50_ms_alone / one.p50_ms_alone
            said = f"x the median of the SQL alone at one connection, at most {most:g} x wanted"
            found.append(Bar(title, said, seen, seen <= most))
    return found


def table(measured: Sequence[Measured], absent: Mapping[str, str], connections: int) -> str:
    """A Markdown table, as the README takes it."""
    head = (
        "question", "answered by", f"req/s at {connections} connections", "the twin is",
        f"p50 ms at {connections}", "p50 ms at 1", "CPU ms: server", "PostgreSQL",
    )  # fmt: skip
    by = {(one.question.name, one.peer): one for one in measured}
    rows = [head]
    for one in measured:
        ratio = by[one.question.name, TWIN].per_s / one.per_s
        rows.append(
            (
                one.question.title if one.peer == TWIN else "",
                one.peer,
                _number(one.per_s),
                "" if one.peer == TWIN else f"{ratio:.2f} x",
                _number(one.p50_ms),
                _number(one.p50_ms_alone),
                _number(one.server_ms) if one.server_ms else "",
                _number(one.database_ms),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(
        1, "|" + "|".join("-" * (w + 1) + (":" if i > 1 else "-") for i, w in enumerate(widths)) + "|"
    )
    lines += [f"\n{peer}: not here: {reason}" for peer, reason in absent.items()]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(w) if i > 1 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"


def _number(value: float) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{digits}f}"


def machine() -> dict[str, Any]:
    """What the numbers hold for."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return {
        "cpu": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
    }


def versions(url: str, others: Mapping[str, str]) -> dict[str, str]:
    """Of everything that took part."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting('server_version'), postgis_lib_version()").fetchone()
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"wrk (\S+)", wrk)
    return {
        "python": platform.python_version(),
        "postgresql": row[0] if row else "",
        "postgis": row[1] if row else "",
        "wrk": found[1] if found else "",
        **{name: version(name) for name in _PACKAGES},
        **others,
    }
