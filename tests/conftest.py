"""Fixtures that every test may use: a throw-away PostGIS, a fresh database, the real files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from twin import database
from twin.cluster import Cluster, embedded
from twin.settings import Settings


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files, for tests marked `real`."""
    folder = Settings.from_environment().real_data
    if folder is None:
        pytest.skip("TWIN_REAL_DATA is not set: no real files to read")
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """An embedded cluster of this test process, gone when it ends."""
    # not pytest's own temporary folder: PostgreSQL's account could not enter it when root runs the tests
    home = Path(tempfile.mkdtemp(prefix="twin-test-"))
    home.chmod(0o755)
    made = embedded(Settings(home=home / "pg"))
    made.up()
    with psycopg.connect(made.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield made
    finally:
        made.down()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a database that is ready for cities and holds none."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE twin_template")
    database.prepare(Settings(database_url=cluster.url("twin_template")))
    return "twin_template"


@pytest.fixture(scope="module")
def database_url(cluster: Cluster, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database of this test module."""
    name = "t_" + request.module.__name__.rpartition(".")[2].lower()
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}'.encode())
    yield cluster.url(name)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests ran on real files: a run without them proves less."""
    ran = [
        report
        for status in ("passed", "failed")
        for report in terminalreporter.stats.get(status, [])
        if "real" in report.keywords
    ]
    where = os.environ.get("TWIN_REAL_DATA", "TWIN_REAL_DATA is not set")
    terminalreporter.write_line(
        f"{len(ran)} real-data tests ran ({where if not ran else 'real files were read'})"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-goldens", action="store_true", help="write tests/golden anew from what is answered now"
    )
    parser.addoption("--seed", type=int, help="make soak's damaged files as in an earlier run")
