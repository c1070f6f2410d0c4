"""Which version of a city's data there is: what changes them says so in its own transaction.

A server that knows a city's version knows whether an answer that it gave still holds, without asking for it
again (schema/versions.py). A version is a random name: no database, copied or restored, has another's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import psycopg


class Part(Enum):
    """What of a city has a version of its own: a load notes its runs beside the transaction of its data, and
    neither may wait for the other."""

    DATA = "data"
    RUNS = "runs"


#: the versions of all cities, as one JSON object: name -> text
VERSIONS = b"""
SELECT coalesce(json_object_agg(city, version), '{}') FROM (
    SELECT city, string_agg(version::text, '/' ORDER BY part) AS version FROM twin.version GROUP BY city
) AS v
"""


def mark_changed(connection: psycopg.Connection[Any], part: Part = Part.DATA) -> None:
    """Give the city on the search path a new version. It comes last in a transaction: others wait for it."""
    connection.execute(
        "INSERT INTO twin.version (city, part) VALUES (current_schema(), %s)"
        " ON CONFLICT (city, part) DO UPDATE SET version = DEFAULT",
        [part.value],
    )


@contextmanager
def changing(connection: psycopg.Connection[Any], part: Part = Part.DATA) -> Iterator[None]:
    """A transaction that changes what a city holds."""
    with connection.transaction():
        yield
        mark_changed(connection, part)
