"""What all load benchmarks share: a database of their own, loads in child processes, and bars."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from tests.bench.city import HOME, cluster
from twin.cluster import find_programs
from twin.database import prepare
from twin.errors import BadRequest
from twin.settings import Settings

DATABASE = "loads"
FOLDER = HOME / "loads"


class Absent(Exception):
    """What a measurement needs is not here; the message says what."""


@dataclass(frozen=True)
class Run:
    """What one load took and did; `rows`: added, changed, unchanged and closed, by entity."""

    seconds: float
    peak_mb: float
    records: int
    rows: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Bar:
    """A figure beside its limit."""

    title: str
    seen: float
    limit: float
    unit: str = ""
    at_least: bool = False  #: whether the limit is a floor
    detail: str = ""

    @property
    def met(self) -> bool:
        return self.seen >= self.limit if self.at_least else self.seen <= self.limit

    def __str__(self) -> str:
        limit = f"{'at least' if self.at_least else 'at most'} {self.limit:,g}{self.unit}"
        word = "met" if self.met else "MISSED"
        return f"{word}: {self.title}: {self.seen:,.2f}{self.unit} ({limit}){f'; {self.detail}' if self.detail else ''}"


@dataclass(frozen=True)
class Ground:
    """A database in the benchmark's cluster that holds nothing but what the measurements load."""

    url: str
    console: Console
    small: bool  #: whether to try everything with little data: the figures then say nothing
    told: list[str] = field(default_factory=list)  #: lines about single measurements

    def tell(self, line: str) -> None:
        """Keep a line for the report, and show it."""
        self.told.append(line)
        self.console.print(line, markup=False)

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, each its own transaction; the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def timed(self, *statements: str) -> float:
        """The seconds that some statements take together."""
        started = time.perf_counter()
        self.execute(*statements)
        return time.perf_counter() - started

    def forget(self, city: str) -> None:
        """Drop a city."""
        self.execute(
            f'DROP SCHEMA IF EXISTS "{city}" CASCADE', f"DELETE FROM twin.city WHERE name = '{city}'"
        )

    def load(self, catalogue: str, folder: Path, *only: str) -> Run:
        """Load some data sets of a folder in a process of its own."""
        answer = run(
            sys.executable, "-m", "tests.bench.loads.load", catalogue, str(folder), *only,
            env={"TWIN_DATABASE_URL": self.url},
        )  # fmt: skip
        said = json.loads(answer.splitlines()[-1])
        if said.pop("failures"):
            raise BadRequest(f"the load of {', '.join(only)} failed: {answer}")
        return Run(**said)

    def program(self, name: str) -> str:
        """One of PostgreSQL's programs."""
        return str(find_programs() / name)


@contextlib.contextmanager
def ground(console: Console, *, small: bool) -> Iterator[Ground]:
    """The database, made anew, and dropped at the end."""
    with (
        cluster() as running,
        psycopg.connect(running.tcp_url("postgres"), autocommit=True) as connection,
    ):
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}".encode())
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        url = prepare(Settings(database_url=running.tcp_url(DATABASE)))
        try:
            yield Ground(url, console, small)
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)".encode())


def run(*command: str, env: Mapping[str, str] | None = None, timeout_s: float = 1800) -> str:
    """A program's output; BadRequest with its last words when it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env={**os.environ, **(env or {})},
    )
    if done.returncode:
        raise BadRequest(f"{Path(command[0]).name} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def took(*command: str, env: Mapping[str, str] | None = None) -> float:
    """The seconds that a program takes."""
    started = time.perf_counter()
    run(*command, env=env)
    return time.perf_counter() - started


def flatness(title: str, small: Run, large: Run) -> Sequence[Bar]:
    """Peak memory under 400 MB, and hardly more for many records than for few."""
    grown = large.peak_mb / small.peak_mb - 1
    detail = (
        f"{small.peak_mb:,.0f} MB for {small.records:,} records, {large.peak_mb:,.0f} for {large.records:,}"
    )
    return [
        Bar(f"{title}: peak memory", large.peak_mb, 400, " MB"),
        Bar(f"{title}: growth of peak memory", 100 * grown, 10, " %", detail=detail),
    ]
