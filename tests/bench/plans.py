"""PostgreSQL's plans for the twin's statements: an indexed question must not read a large table whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from schema.compile import Statement
from tests.bench.questions import Values
from twin.database import City

#: a table of fewer rows may be read whole: districts, sources, codes
_LARGE = 1_000
#: with the values known, and with the plan that serves any value, which PostgreSQL may come to prefer
MODES = ("force_custom_plan", "force_generic_plan")


def large_tables_read_whole(
    connection: psycopg.Connection[Any], city: City, statement: Statement, variables: Values
) -> list[str]:
    """The sequential scans of large tables in the statement's plans, as sentences."""
    large = {
        row[0]
        for row in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' "
            "AND reltuples >= %s",
            [city.name, _LARGE],
        )
    }
    found: list[str] = []
    connection.execute(b"PREPARE explained AS " + statement.sql, prepare=False)
    values = [None if value is None else value.decode() for value in statement.values(variables)]
    given = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values))) if values else sql.SQL("")
    run = sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE explained {}").format(given)
    for mode in MODES:
        connection.execute(sql.SQL("SET plan_cache_mode = {}").format(sql.Identifier(mode)))
        row = connection.execute(run, prepare=False).fetchone()
        if row is None:
            raise RuntimeError("EXPLAIN gave no plan")
        found += [
            f"{mode}: sequential scan of {node['Relation Name']}"
            for node in _nodes(row[0][0]["Plan"])
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large
        ]
    connection.execute("RESET plan_cache_mode")
    connection.execute("DEALLOCATE explained", prepare=False)
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
