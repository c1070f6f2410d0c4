"""Fixtures of the loader tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loaders.deeds import describe_register
from tests.loaders.town import LoadTown
from twin.database import connect

_NUMBERS = itertools.count(1)


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[LoadTown]:
    """A town with nothing in it; its schema is dropped afterwards."""
    name = f"town{next(_NUMBERS)}"
    (tmp_path / "data").mkdir()
    yield LoadTown(database_url, tmp_path, name)
    with connect(database_url) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())
        connection.execute("DELETE FROM twin.city WHERE name = %s", [name])


@pytest.fixture
def register(town: LoadTown) -> LoadTown:
    """A town that loads the Commercial Register's days."""
    describe_register(town)
    return town
