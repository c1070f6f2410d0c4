"""The link ledger: which record is tied to which, how and how surely; and the best link beside each record.

The loaders call `relink` after a merge, `twin link` calls `relink_all`. Everything here is set-based SQL on
one city's schema, which the caller's connection has as its search_path.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from twin.areas import AREAS, WHEREABOUTS, refresh_area_parts, whereabouts
from twin.claims import FAMILIES, WORDS, Family
from twin.entities import BY_NAME, ENTITIES, Entity
from twin.gazetteer import DERIVED_FROM, refresh_gazetteer
from twin.history import HISTORY

DECIDED_BY = "twin.links"

#: the links to areas of what takes them from its building or address where it has no position
_AREAS = ("district", "neighbourhood")
_CLAIMS = Identifier("staging_claim")


@dataclass(frozen=True)
class Relinked:
    """How many rows a linking wrote: areas of rows, claims in the ledger, best links beside the entities."""

    areas: int = 0
    claims: int = 0
    rewritten: int = 0

    def __add__(self, other: Relinked) -> Relinked:
        return Relinked(
            self.areas + other.areas, self.claims + other.claims, self.rewritten + other.rewritten
        )


#: whose areas may also come from their building or address, and wait for that
_SETTLED = ("Site", "Permit")


def relink(connection: psycopg.Connection[Any], changed: Collection[str]) -> Relinked:
    """Bring links up to date after a load changed rows of the named entities.

    Where only subjects changed, only theirs are made anew; where buildings, addresses or areas changed, all
    links that lead to such are. Runs in the transaction of the load, whose rows it knows by their time.
    """
    return _relink(connection, set(changed))


def depending_on(changed: Collection[str]) -> set[str]:
    """The entities whose links may be others after the named ones changed, these among them."""
    found = set(changed)
    if found & set(AREAS):
        found |= {entity.name for entity in ENTITIES if entity.is_spatial}
    for family in FAMILIES:
        if found & set(family.leads_through):
            found.add(family.subject)
    return found


def relink_all(connection: psycopg.Connection[Any]) -> Relinked:
    """Make all links anew; where nothing changed, nothing is written."""
    for name in AREAS:
        refresh_area_parts(connection, BY_NAME[name])
    return _relink(connection, set(BY_NAME))


def _relink(connection: psycopg.Connection[Any], changed: set[str]) -> Relinked:
    done = Relinked()
    if changed & set(AREAS):
        for entity in ENTITIES:
            if entity.is_spatial and entity.name not in _SETTLED:
                moved = _relink_areas(connection, entity)
                done += Relinked(areas=moved)
                changed |= {entity.name} if moved else set()
    if changed & DERIVED_FROM:
        refresh_gazetteer(connection)
    for family in FAMILIES:
        if changed & {family.subject, *family.leads_through}:
            everything = bool(changed & set(family.leads_through))
            done += Relinked(claims=_claim(connection, family, everything=everything))
            if family.subject not in _SETTLED:
                copied = _copy_best(connection, family, everything=everything)
                done += Relinked(rewritten=copied)
                changed |= {family.subject} if copied else set()
    everything = bool(changed & {"Building", "Address", *AREAS})
    for name in _SETTLED:
        if everything or name in changed:
            done += Relinked(rewritten=_settle(connection, BY_NAME[name], everything=everything))
    return done


def _scope(*, everything: bool) -> SQL:
    """All subjects, or those that this transaction has written."""
    return SQL("true") if everything else SQL("s.recorded_at = now()")


def _words(family: Family, *, everything: bool) -> dict[str, Composable]:
    scope = _scope(everything=everything)
    return {
        **WORDS,
        "claims": _CLAIMS,
        "scope": scope,
        "type": Literal(family.type.name),
        "subject_type": Literal(family.subject),
        "object_type": Literal(family.object),
        "subjects": Identifier(BY_NAME[family.subject].table.name),
        "attribute": Identifier(family.attribute),
        "decided_by": Literal(DECIDED_BY),
        "statement": SQL(family.claims).format(**WORDS, scope=scope),
        "best": SQL(_BEST).format(
            **WORDS, type=Literal(family.type.name), subject_type=Literal(family.subject)
        ),
    }


def _claim(connection: psycopg.Connection[Any], family: Family, *, everything: bool) -> int:
    """Make a family's claims anew and write to the ledger what differs; how many did."""
    words = _words(family, everything=everything)
    connection.execute(SQL("DROP TABLE IF EXISTS {claims}").format(**words))
    connection.execute(SQL(_STAGE_CLAIMS).format(**words))
    connection.execute(SQL("ANALYZE {claims}").format(**words))
    row = connection.execute(SQL(_MERGE_CLAIMS).format(**words)).fetchone()
    connection.execute(SQL("DROP TABLE {claims}").format(**words))
    written: int = row[0] if row else 0
    if written:
        # the joins that follow meet what was just written
        connection.execute("ANALYZE link")
    return written


def _copy_best(connection: psycopg.Connection[Any], family: Family, *, everything: bool) -> int:
    """Keep the best accepted link beside each subject; how many changed."""
    found = SQL(
        "SELECT s.key, best.object_key AS {attribute} FROM {subjects} AS s"
        " LEFT JOIN ({best}) AS best ON best.subject_key = s.key WHERE {scope}"
    ).format(**_words(family, everything=everything))
    return _rewrite(connection, BY_NAME[family.subject], found, [family.attribute])


def _settle(connection: psycopg.Connection[Any], entity: Entity, *, everything: bool) -> int:
    """Keep beside each site or permit its best address and building, and the areas that follow; how many
    changed.

    The areas are those of its position, else of its building or address, else what its source names.
    """
    scope, table = _scope(everything=everything), Identifier(entity.table.name)
    best = {
        family.attribute: _words(family, everything=True)["best"]
        for family in FAMILIES
        if family.subject == entity.name
    }
    placed = SQL("SELECT s.key, s.{} AS shape FROM {} AS s WHERE {}").format(
        Identifier(entity.geometry or "key"), table, scope
    )
    with whereabouts(connection, entity, placed) as areas:
        lies = {
            name: SQL("w.{}").format(Identifier(name)) if name in areas else SQL("NULL") for name in _AREAS
        }
        found = SQL(_PLACES).format(
            table=table,
            lying=SQL("LEFT JOIN {} AS w ON w.key = s.key").format(WHEREABOUTS) if areas else SQL(""),
            best_address=best["address"],
            best_building=best["building"],
            **lies,
            scope=scope,
        )
        return _rewrite(connection, entity, found, ["address", "building", *_AREAS])


_STAGE_CLAIMS = """
CREATE UNLOGGED TABLE {claims} AS
SELECT concat_ws('/', {type}::text, {subject_type}::text, c.key, c.object) COLLATE "C" AS key,
    c.key AS subject_key, c.object AS object_key, c.method, c.score::float8 AS score, c.evidence, c.status
FROM ({statement}) AS c
"""

_MERGE_CLAIMS = """
WITH held AS MATERIALIZED (
    SELECT l.key, l.method, l.score, l.evidence, l.status
    FROM link AS l LEFT JOIN {subjects} AS s ON s.key = l.subject_key
    WHERE l.type = {type} AND l.subject_type = {subject_type} AND l.method <> {curated}
        AND (s.key IS NULL OR {scope})
), gone AS (
    SELECT h.key FROM held AS h WHERE NOT EXISTS (SELECT FROM {claims} AS c WHERE c.key = h.key)
), changed AS (
    SELECT c.* FROM {claims} AS c JOIN held AS h USING (key)
    WHERE (c.method, c.score, c.evidence::text, c.status)
        IS DISTINCT FROM (h.method, h.score, h.evidence::text, h.status)
), remembered AS (
    INSERT INTO link_history (key, type, subject_type, subject_key, object_type, object_key, method, score,
        evidence, status, decided_by, recorded_at, recorded_to)
    SELECT l.key, l.type, l.subject_type, l.subject_key, l.object_type, l.object_key, l.method, l.score,
        l.evidence, l.status, l.decided_by, l.recorded_at, now()
    FROM link AS l
    WHERE l.key IN (SELECT key FROM gone UNION ALL SELECT key FROM changed) AND l.recorded_at < now()
), deleted AS (
    DELETE FROM link AS l USING gone AS g WHERE l.key = g.key RETURNING l.key
), updated AS (
    UPDATE link AS l SET method = c.method, score = c.score, evidence = c.evidence, status = c.status,
        decided_by = {decided_by}, recorded_at = now()
    FROM changed AS c WHERE l.key = c.key RETURNING l.key
), added AS (
    INSERT INTO link (key, type, subject_type, subject_key, object_type, object_key, method, score,
        evidence, status, decided_by, recorded_at)
    SELECT c.key, {type}, {subject_type}, c.subject_key, {object_type}, c.object_key, c.method, c.score,
        c.evidence, c.status, {decided_by}, now()
    FROM {claims} AS c
    -- what was curated about the same pair stands
    WHERE NOT EXISTS (SELECT FROM link AS l WHERE l.key = c.key) RETURNING key
)
SELECT (SELECT count(*) FROM deleted) + (SELECT count(*) FROM updated) + (SELECT count(*) FROM added)
"""

_BEST = """
SELECT DISTINCT ON (l.subject_key) l.subject_key, l.object_key FROM link AS l
WHERE l.type = {type} AND l.subject_type = {subject_type} AND l.status = {accepted}
ORDER BY l.subject_key, l.method = {curated} DESC, l.score DESC, l.object_key
"""

_PLACES = """
SELECT s.key, at.object_key AS address, within.object_key AS building,
    COALESCE({district}, b.district, a.district, h.key) AS district,
    COALESCE({neighbourhood}, b.neighbourhood, a.neighbourhood) AS neighbourhood
FROM {table} AS s {lying}
LEFT JOIN ({best_address}) AS at ON at.subject_key = s.key
LEFT JOIN ({best_building}) AS within ON within.subject_key = s.key
LEFT JOIN building AS b ON b.key = within.object_key
LEFT JOIN address AS a ON a.key = at.object_key
LEFT JOIN district AS h ON h.key = s.district_hint
WHERE {scope}
"""


def _relink_areas(connection: psycopg.Connection[Any], entity: Entity) -> int:
    """Give every row of an entity the areas in which it lies; how many were in others before."""
    shape, table = Identifier(entity.geometry or ""), Identifier(entity.table.name)
    placed = SQL("SELECT key, {} AS shape FROM {}").format(shape, table)
    with whereabouts(connection, entity, placed) as areas:
        found = SQL("SELECT * FROM {}").format(WHEREABOUTS)
        return _rewrite(connection, entity, found, list(areas)) if areas else 0


def _rewrite(
    connection: psycopg.Connection[Any], entity: Entity, found: Composable, attributes: list[str]
) -> int:
    """Set attributes to what `found` (key and attributes) says, only where they differ; how many did.

    A version that an earlier transaction wrote goes to history first.
    """
    history = HISTORY[entity.name]
    kept = [column.key for column in history.columns if column.key not in ("version", "recorded_to")]
    return connection.execute(
        SQL(
            "WITH found AS ({found}), differing AS MATERIALIZED ("
            " SELECT f.* FROM found AS f JOIN {table} AS t USING (key)"
            " WHERE ROW({t}) IS DISTINCT FROM ROW({f})"
            "), remembered AS ("
            " INSERT INTO {history} ({kept}, recorded_to) SELECT {t_kept}, now() FROM {table} AS t"
            " JOIN differing AS d USING (key) WHERE t.recorded_at < now()"
            ") UPDATE {table} AS t SET {settings}, recorded_at = now()"
            " FROM differing AS d WHERE t.key = d.key"
        ).format(
            found=found,
            table=Identifier(entity.table.name),
            history=Identifier(history.name),
            t=SQL(", ").join(Identifier("t", name) for name in attributes),
            f=SQL(", ").join(Identifier("f", name) for name in attributes),
            kept=SQL(", ").join(Identifier(name) for name in kept),
            t_kept=SQL(", ").join(Identifier("t", name) for name in kept),
            settings=SQL(", ").join(
                SQL("{} = d.{}").format(Identifier(name), Identifier(name)) for name in attributes
            ),
        )
    ).rowcount
