"""What a load wrote, as seen inside its transaction: how many rows of each entity, and a few of them by name.

`run.py` asks at the end of a dry run, before all is undone. It is told from the rows themselves: what this
transaction wrote bears its time, and the version before it went to history at that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from loaders.staging import sourced
from twin.entities import ENTITIES, Entity
from twin.history import HISTORY
from twin.identity import public_id

#: so many rows of a kind are named
EXAMPLES = 3


@dataclass(frozen=True)
class Change:
    """Rows of an entity that a load added, changed or closed."""

    entity: str
    kind: str  #: added, changed or closed
    count: int
    examples: tuple[tuple[str, tuple[str, ...]], ...]  #: public id, and the attributes that differ


def changes_of(connection: psycopg.Connection[Any]) -> tuple[Change, ...]:
    """What the transaction under way did to each entity of the city; links made anew are not counted."""
    found = []
    for entity in ENTITIES:
        if entity.is_city_entity:
            found.extend(_changes(connection, entity))
    return tuple(found)


def _changes(connection: psycopg.Connection[Any], entity: Entity) -> list[Change]:
    compared = [column.key for column in entity.loaded_columns if column.key != "key"]
    differing = SQL(", ").join(
        SQL("CASE WHEN {new} IS DISTINCT FROM {old} THEN {name} END").format(
            new=sourced(entity, [name], "t"), old=sourced(entity, [name], "h"), name=Literal(name)
        )
        for name in compared
    )
    rows = connection.execute(
        SQL(
            "WITH written AS ("
            " SELECT COALESCE(t.key, h.key) AS key,"
            "  CASE WHEN h.key IS NULL THEN 'added' WHEN t.key IS NULL THEN 'closed'"
            "   ELSE 'changed' END AS kind,"
            "  CASE WHEN t.key = h.key THEN array_remove(ARRAY[{differing}]::text[], NULL)"
            "   ELSE '{{}}' END AS differing"
            " FROM (SELECT * FROM {table} WHERE recorded_at = now()) AS t"
            " FULL JOIN (SELECT * FROM {history} WHERE recorded_to = now()) AS h USING (key)"
            "), numbered AS ("
            " SELECT *, count(*) OVER (PARTITION BY kind) AS count,"
            "  row_number() OVER (PARTITION BY kind ORDER BY key) AS number FROM written"
            ") SELECT kind, count, key, differing FROM numbered WHERE number <= {examples}"
            " ORDER BY kind, number"
        ).format(
            differing=differing,
            table=Identifier(entity.table.name),
            history=Identifier(HISTORY[entity.name].name),
            examples=Literal(EXAMPLES),
        )
    ).fetchall()
    counts = {kind: count for kind, count, _, _ in rows}
    return [
        Change(
            entity.name,
            kind,
            count,
            tuple((public_id(entity.name, key), tuple(fields)) for of, _, key, fields in rows if of == kind),
        )
        for kind, count in counts.items()
    ]
