"""The ground of the benchmark: a sample city in a cluster of its own, made once and kept in .bench/."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from rich.console import Console
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from twin.cluster import Cluster, embedded
from twin.database import City, cities, prepare
from twin.entities import Base
from twin.errors import BadRequest
from twin.settings import Settings

HOME = Path(__file__).parents[2] / ".bench"
_SEED = 1
_BUSINESSES_PER_BUILDING = 2


@dataclass(frozen=True)
class Ground:
    """A loaded city and where it is reached: over TCP, as every peer can."""

    url: str
    city: City
    pid: int  #: of PostgreSQL's first process


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """The benchmark's own cluster, running, while no other benchmark runs here."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadRequest(
                "a benchmark is running here already: two at once would time each other"
            ) from None
        settings = Settings(home=HOME / "cluster", cluster_port=free_port())
        made = embedded(settings)
        # one that a broken run left behind listens on a port that nobody knows any more
        made.down()
        try:
            prepare(settings)
            yield made
        finally:
            made.down()


@contextlib.contextmanager
def ground(
    buildings: int, console: Console, *, named: str | None = None, fresh: bool = False
) -> Iterator[Ground]:
    """The benchmark's cluster, running, with a sample city of that many buildings.

    `named` takes a city that the cluster already holds instead; `fresh` makes the sample anew.
    """
    with cluster() as running:
        url = running.tcp_url()
        name = named or "sample"
        if named is None:
            make_sample(url, buildings, console, fresh=fresh)
        known = cities(url)
        if name not in known:
            raise BadRequest(
                f'the benchmark\'s cluster has no city "{name}"; it has {", ".join(known) or "none"}'
            )
        yield Ground(url, known[name], int((running.data / "postmaster.pid").read_text().split()[0]))


def _description(buildings: int, only: Sequence[str], more: str) -> str:
    """What a sample city is made of: one that was made otherwise is made anew."""
    made = {
        "buildings": buildings,
        "seed": _SEED,
        "tables": _layout(),
        "per building": 0 if only else _BUSINESSES_PER_BUILDING,
    }
    return json.dumps(made | ({"only": only, "more": more} if only or more else {}))


def make_sample(
    url: str,
    buildings: int,
    console: Console,
    *,
    name: str = "sample",
    fresh: bool = False,
    only: Sequence[str] = (),
    more: str = "",
) -> None:
    """A sample city of that many buildings, unless it is there; of `only` these data sets, if any.

    `more` is SQL that adds to what was loaded.
    """
    wanted = _description(buildings, only, more)
    with psycopg.connect(url) as connection:
        if not fresh and _said_of(connection, name) == wanted:
            return
    # here, so that a benchmark of a city that is there needs no loader
    from loaders.catalogue import catalogue
    from loaders.run import load
    from loaders.sample import write_sample

    sample = catalogue("sample")
    folder = HOME / "sample"
    with console.status(f"writing a sample city of {buildings:,} buildings"):
        businesses = 0 if only else round(buildings * _BUSINESSES_PER_BUILDING)
        write_sample(folder, buildings=buildings, businesses=businesses, seed=_SEED)
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))
        connection.execute("DELETE FROM twin.city WHERE name = %s", [name])
    report = load(
        url, replace(sample, city=replace(sample.city, name=name)), folder, only=only, console=console
    )
    shutil.rmtree(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path TO {}, public").format(sql.Identifier(name)))
        row = connection.execute("SELECT count(*) FROM building").fetchone()
        if row is None or row[0] < buildings * 0.98:
            raise BadRequest(
                f"the sample city was not loaded: exit code {report.exit_code}, buildings: {row}"
            )
        if more:
            connection.execute(sql.SQL(more))
        connection.execute("VACUUM ANALYZE")
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(name), sql.Literal(wanted))
        )


def _said_of(connection: psycopg.Connection[Any], city: str) -> str | None:
    """The description of a sample city; None where there is no such city."""
    row = connection.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [city]).fetchone()
    return None if row is None else row[0]


def _layout() -> str:
    """A digest of the tables: a city with other tables or indexes is made anew."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    said = hashlib.sha256()
    for table in Base.metadata.sorted_tables:
        said.update(str(CreateTable(table).compile(dialect=dialect)).encode())
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            said.update(str(CreateIndex(index).compile(dialect=dialect)).encode())
    return said.hexdigest()[:16]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
