"""How good a city's data are: counts against expectations, notices, what is not linked, what is old."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Group
from rich.table import Table

from loaders.notices import RULES
from twin.database import cities, connect
from twin.entities import ENTITIES, Severity
from twin.errors import BadRequest


def quality(url: str, city: str) -> Group:
    """Tables for somebody to read: entities with their gaps, sources with their age and notices."""
    known = cities(url)
    if city not in known:
        raise BadRequest(f'there is no city "{city}"; loaded are {", ".join(known) or "none"}')
    with connect(url, city=city) as connection:
        return Group(_entities(connection, known[city].title), _sources(connection), _notices(connection))


def _entities(connection: psycopg.Connection[Any], title: str) -> Table:
    """Rows of each entity, and how many have no district, building, address or business."""
    table = Table(title=f"{title}: entities", title_justify="left")
    table.add_column("entity")
    table.add_column("rows", justify="right")
    table.add_column("not linked")
    for entity in ENTITIES:
        if not entity.is_city_entity:
            continue
        links = list(entity.links)
        row = connection.execute(
            SQL("SELECT count(*){} FROM {}").format(
                SQL("").join(SQL(", count(*) - count({})").format(Identifier(name)) for name in links),
                Identifier(entity.table.name),
            )
        ).fetchone()
        assert row is not None  # an aggregate always has a row
        lacking = [f"{name} {count:,}" for name, count in zip(links, row[1:], strict=True) if count]
        table.add_row(entity.name, f"{row[0]:,}", ", ".join(lacking))
    return table


def _sources(connection: psycopg.Connection[Any]) -> Table:
    """Each source with its records, its age and what the last load of it said."""
    table = Table(title="sources", title_justify="left")
    for heading in ("source", "records", "age", "published", "last load", "errors", "warnings"):
        table.add_column(heading, justify="right" if heading in ("records", "errors", "warnings") else "left")
    rows = connection.execute(
        "SELECT s.key, s.records, s.loaded_at, s.refresh, r.status, r.failure,"
        " COALESCE(sum(n.occurrences) FILTER (WHERE n.severity = %s), 0),"
        " COALESCE(sum(n.occurrences) FILTER (WHERE n.severity = %s), 0)"
        " FROM source AS s LEFT JOIN notice AS n ON n.source = s.key LEFT JOIN LATERAL ("
        "  SELECT status, failure FROM import_run WHERE source = s.key ORDER BY started_at DESC LIMIT 1"
        " ) AS r ON true GROUP BY s.key, r.status, r.failure ORDER BY s.key",
        [Severity.ERROR.name, Severity.WARNING.name],
    )
    for key, records, loaded_at, refresh, status, failure, errors, warnings in rows:
        table.add_row(
            key,
            "-" if records is None else f"{records:,}",
            _age(loaded_at),
            refresh or "",
            f"{status or '-'}{f': {failure}' if failure else ''}",
            f"{errors:,}",
            f"{warnings:,}",
        )
    return table


def _notices(connection: psycopg.Connection[Any]) -> Table:
    """What was wrong with the data, by source and rule."""
    table = Table(title="notices", title_justify="left")
    for heading in ("source", "rule", "severity", "found", "meaning"):
        table.add_column(heading, justify="right" if heading == "found" else "left")
    rows = connection.execute(
        "SELECT source, rule, severity, sum(occurrences) FROM notice GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2"
    )
    for source, rule, severity, found in rows:
        table.add_row(source, rule, severity, f"{found:,}", RULES[rule].doc if rule in RULES else "")
    return table


def _age(moment: dt.datetime | None) -> str:
    if moment is None:
        return "-"
    days = (dt.datetime.now(dt.UTC) - moment).days
    return "today" if days < 1 else f"{days} days"
