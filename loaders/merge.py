"""Station 6: staged records become the entity's rows; unchanged ones are left alone, vanished ones closed.

A few statements a table, whatever its size. The old version of a row goes to history in the statement that
changes or removes it. Where several data sets describe an entity, what each says is kept in `record`, and the
entity's row is made anew from all of them by the catalogue's precedence. There too is what a data set that
publishes changes has said so far, each attribute with the version of its last word (`versions.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from loaders.checks import MADE
from loaders.erasure import purge, strip_records
from loaders.notices import Notices
from loaders.staging import (
    PREFIX,
    Staging,
    comparable,
    indexed_afterwards,
    is_filled,
    make_ready,
    names,
    sourced,
)
from loaders.versions import VERSIONS
from twin.areas import WHEREABOUTS, whereabouts
from twin.entities import Entity
from twin.history import HISTORY

_AFFECTED = Identifier(f"{PREFIX}affected")
_FRESH = Identifier(f"{PREFIX}fresh")
#: from so many rows on it is faster to index a table after it was filled
MANY_ROWS = 20_000


@dataclass(frozen=True)
class Merged:
    """How many rows of an entity a load added, changed, left alone and closed."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0
    held: int | None = None  #: all rows there are now, where what was loaded did not speak of all of them

    def __add__(self, other: Merged) -> Merged:
        partly = self.held is not None or other.held is not None
        return Merged(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.closed + other.closed,
            self.rows + other.rows if partly else None,
        )

    @property
    def rows(self) -> int:
        """How many rows there are of it now."""
        return self.added + self.changed + self.unchanged if self.held is None else self.held

    @property
    def touched(self) -> bool:
        """Whether anything was written."""
        return bool(self.added or self.changed or self.closed)


def rows_held(connection: psycopg.Connection[Any], dataset: str, entity: Entity) -> int:
    """How many rows of an entity the twin holds of a data set."""
    row = connection.execute(
        SQL("SELECT count(*) FROM {} WHERE %s = ANY (sources)").format(Identifier(entity.table.name)),
        [dataset],
    ).fetchone()
    return int(row[0]) if row else 0


def merge_alone(staging: Staging, dataset: str, notices: Notices, *, closes: bool) -> Merged:
    """Merge an entity that only one data set describes; `closes`: what is not staged has vanished."""
    _leave_to_others(staging, dataset, notices)
    staging.analyse()
    ours = SQL("t.sources = ARRAY[{}]::text[]").format(Literal(dataset))
    return _merge(
        staging.connection,
        staging.entity,
        staging.table,
        sources=SQL("ARRAY[{}]::text[]").format(Literal(dataset)),
        scope=ours,
        closes=closes,
    )


def merge_records(
    staging: Staging, dataset: str, precedence: Sequence[str], notices: Notices, *, shaped: bool, closes: bool
) -> Merged:
    """Merge an entity that several data sets, or the changes of one, describe: keep what this one says, then
    make the rows anew.

    `shaped`: the data set gives the entity's geometry, so that a record without one is worth a notice.
    `closes`: what the data set said of entities that are not staged is void.
    """
    connection, entity = staging.connection, staging.entity
    if len(precedence) == 1:
        _leave_to_others(staging, dataset, notices)
    staging.analyse()
    connection.execute(SQL("DROP TABLE IF EXISTS {}").format(_AFFECTED))
    connection.execute(SQL('CREATE UNLOGGED TABLE {} (key text COLLATE "C" NOT NULL)').format(_AFFECTED))
    if staging.versioned:
        _keep_words(staging, dataset)
    else:
        _keep_records(staging, dataset, closes=closes)
    connection.execute(SQL("ALTER TABLE {} ADD PRIMARY KEY (key)").format(_AFFECTED))
    connection.execute(SQL("ANALYZE {}").format(_AFFECTED))
    if entity.name == "Business":
        strip_records(connection, _AFFECTED)
    remade = Identifier(f"{PREFIX}{entity.table.name}_remade")
    _remake(staging, remade, precedence)
    if not staging.versioned:  # changes say what they say, and no more
        _note_incomplete(staging, remade, dataset, notices, shaped=shaped)
    make_ready(connection, remade, entity)
    merged = _merge(
        connection,
        entity,
        remade,
        sources=SQL("s.sources"),
        scope=SQL("EXISTS (SELECT FROM {} AS a WHERE a.key = t.key)").format(_AFFECTED),
        closes=True,
    )
    if staging.versioned:
        purge(connection, entity, staging.table)
    untouched = connection.execute(
        SQL(
            "SELECT count(DISTINCT s.key) FROM {} AS s JOIN {} AS t USING (key)"
            " WHERE NOT EXISTS (SELECT FROM {} AS a WHERE a.key = s.key)"
        ).format(staging.table, Identifier(entity.table.name), _AFFECTED)
    ).fetchone()
    for table in (remade, _AFFECTED):
        connection.execute(SQL("DROP TABLE {}").format(table))
    return merged + Merged(unchanged=untouched[0] if untouched else 0)


def _merge(
    connection: psycopg.Connection[Any],
    entity: Entity,
    staged: Identifier,
    *,
    sources: Composable,
    scope: Composable,
    closes: bool,
) -> Merged:
    """Bring the rows that `scope` says are ours to what is staged."""
    table = Identifier(entity.table.name)
    history = HISTORY[entity.name]
    loaded = [column.key for column in entity.loaded_columns]
    compared = [name for name in loaded if name != "key"]
    kept = [column.key for column in history.columns if column.key not in ("version", "recorded_to")]
    words: dict[str, Composable] = {
        "table": table,
        "staged": staged,
        "found": _FRESH,
        "history": Identifier(history.name),
        "scope": scope,
        "closes": Literal(closes),
        "sources": sources,
        "staged_values": comparable(entity, compared, "s"),
        "held_values": sourced(entity, compared, "t"),
        "version": names(kept),
        "held_version": names(kept, "t"),
    }
    count = _count(connection, staged)
    first = not is_filled(connection, table)
    closed = 0
    if first:
        words["fresh"] = SQL("")
    else:
        connection.execute(SQL("DROP TABLE IF EXISTS {}").format(_FRESH))
        connection.execute(SQL(_FIND_FRESH).format(**words))
        connection.execute(SQL("ANALYZE {}").format(_FRESH))
        row = connection.execute(SQL(_CLOSE).format(**words)).fetchone()
        closed = row[0] if row else 0
        words["fresh"] = SQL("JOIN {} AS f ON f.key = s.key").format(_FRESH)
    placed = SQL("SELECT s.key, s.{shape} AS shape FROM {staged} AS s {fresh}").format(
        shape=Identifier(entity.geometry or "key"), **words
    )
    with whereabouts(connection, entity, placed) as areas:
        words |= {
            "columns": names([*loaded, *areas]),
            "values": SQL(", ").join(
                [*(Identifier("s", name) for name in loaded), *(Identifier("w", name) for name in areas)]
            ),
            "settings": SQL(", ").join(
                SQL("{} = n.{}").format(Identifier(name), Identifier(name)) for name in [*compared, *areas]
            ),
            "lying": SQL("LEFT JOIN {} AS w ON w.key = s.key").format(WHEREABOUTS) if areas else SQL(""),
        }
        changed = 0 if first else connection.execute(SQL(_CHANGE).format(**words)).rowcount
        with indexed_afterwards(connection, table) if first and count >= MANY_ROWS else nullcontext():
            add = SQL(_ADD).format(**words) if first else SQL(_ADD + _NEW_ONLY).format(**words)
            added = connection.execute(add).rowcount
    if not first:
        connection.execute(SQL("DROP TABLE {}").format(_FRESH))
    if added or changed or closed:
        # the linking that follows joins what was just written
        connection.execute(SQL("ANALYZE {table}").format(**words))
    return Merged(added, changed, count - added - changed, closed)


def _count(connection: psycopg.Connection[Any], table: Identifier) -> int:
    row = connection.execute(SQL("SELECT count(*) FROM {}").format(table)).fetchone()
    return int(row[0]) if row else 0


# What is new or differs from what is held.
_FIND_FRESH = """
CREATE UNLOGGED TABLE {found} AS
SELECT s.key, t.key IS NOT NULL AS known FROM {staged} AS s LEFT JOIN {table} AS t ON t.key = s.key
WHERE t.key IS NULL OR ROW({held_values}, t.sources) IS DISTINCT FROM ROW({staged_values}, {sources})
"""

# What this transaction wrote itself, under --atomic, is no version that anybody saw.
_CLOSE = """
WITH closed AS (
    DELETE FROM {table} AS t
    WHERE {closes} AND {scope} AND NOT EXISTS (SELECT FROM {staged} AS s WHERE s.key = t.key)
    RETURNING {held_version}
), remembered AS (
    INSERT INTO {history} ({version}, recorded_to)
    SELECT c.*, now() FROM closed AS c WHERE c.recorded_at < now()
) SELECT count(*) FROM closed
"""

_CHANGE = """
WITH remembered AS (
    INSERT INTO {history} ({version}, recorded_to) SELECT {held_version}, now()
    FROM {table} AS t JOIN {found} AS f ON f.key = t.key WHERE f.known AND t.recorded_at < now()
)
UPDATE {table} AS t SET {settings}, sources = n.new_sources, recorded_at = now()
FROM (
    SELECT {values}, {sources} AS new_sources FROM {staged} AS s {fresh} AND f.known {lying}
) AS n WHERE t.key = n.key
"""

_ADD = """
INSERT INTO {table} ({columns}, sources, recorded_at)
SELECT {values}, {sources}, now() FROM {staged} AS s {fresh} {lying}
"""
_NEW_ONLY = "WHERE NOT f.known"


def _leave_to_others(staging: Staging, dataset: str, notices: Notices) -> None:
    """A row that another data set wrote is not ours to change."""
    found = staging.connection.execute(
        SQL(
            "WITH others AS ("
            " DELETE FROM {staged} AS s USING {table} AS t"
            " WHERE t.key = s.key AND t.sources <> ARRAY[%s]::text[]"
            " RETURNING s.ordinal, s.key, s.place, t.sources"
            ") SELECT * FROM others ORDER BY ordinal"
        ).format(staged=staging.table, table=Identifier(staging.entity.table.name)),
        [dataset],
    ).fetchall()
    for ordinal, key, place, sources in found:
        notices.add(
            "key-of-another-source",
            f"{staging.entity.name} {key} already comes from {', '.join(sources)}. It was left as it is.",
            file=staging.file_of(ordinal), position=place, field="key", value=key,
        )  # fmt: skip


def leave_as_they_were(staging: Staging, dataset: str, notices: Notices) -> int:
    """Take out of what is staged the records that a data set gave before and that never change; how many.

    One that says something else now is worth a notice.
    """
    entity = staging.entity
    compared = [column.key for column in entity.loaded_columns if column.key != "key"]
    found = staging.connection.execute(
        SQL(
            "WITH known AS ("
            " DELETE FROM {staged} AS s USING {table} AS t"
            " WHERE t.key = s.key AND t.sources = ARRAY[%s]::text[]"
            " RETURNING s.ordinal, s.key, s.place, ROW({said}) IS DISTINCT FROM ROW({held}) AS differs"
            ") SELECT count(*), COALESCE(array_agg(ordinal ORDER BY ordinal) FILTER (WHERE differs), '{{}}'),"
            " array_agg(key ORDER BY ordinal) FILTER (WHERE differs),"
            " array_agg(place ORDER BY ordinal) FILTER (WHERE differs) FROM known"
        ).format(
            staged=staging.table, table=Identifier(entity.table.name), said=comparable(entity, compared, "s"),
            held=sourced(entity, compared, "t"),
        ),
        [dataset],
    ).fetchone()  # fmt: skip
    assert found is not None  # an aggregate always has a row
    count, *differing = found
    for ordinal, key, place in zip(*(each or () for each in differing), strict=True):
        notices.add(
            "changed-after-all",
            f"{entity.name} {key} says something else than when it was first loaded. It was left as it was.",
            file=staging.file_of(ordinal), position=place, field="key", value=key,
        )  # fmt: skip
    return int(count)


def _keep_records(staging: Staging, dataset: str, *, closes: bool) -> None:
    """Bring `record` to what the data set says now; note which keys that affects."""
    staging.connection.execute(
        SQL(
            "WITH said AS MATERIALIZED ("
            " SELECT s.key, {fields} AS fields FROM {staged} AS s"
            "), gone AS ("
            " DELETE FROM record AS r WHERE r.entity = %(entity)s AND r.source = %(source)s"
            " AND %(closes)s AND NOT EXISTS (SELECT FROM {staged} AS s WHERE s.key = r.key) RETURNING r.key"
            "), written AS ("
            " INSERT INTO record AS r (entity, key, source, fields)"
            " SELECT %(entity)s, s.key, %(source)s, s.fields FROM said AS s"
            " WHERE NOT EXISTS (SELECT FROM record AS k WHERE k.entity = %(entity)s AND k.key = s.key"
            "  AND k.source = %(source)s AND k.fields = s.fields)"
            " ON CONFLICT (entity, key, source) DO UPDATE SET fields = excluded.fields RETURNING r.key"
            ") INSERT INTO {affected} SELECT key FROM gone UNION SELECT key FROM written"
        ).format(fields=_fields(staging), staged=staging.table, affected=_AFFECTED),
        {"entity": staging.entity.name, "source": dataset, "closes": closes},
    )


def _fields(staging: Staging) -> Composable:
    """The attributes of a staged record `s` that have a value, as a JSON object."""
    said = [
        SQL("s.{}::text AS {}").format(Identifier(name), Identifier(name))
        if name in staging.entity.fields and staging.entity.fields[name].geometry
        else SQL("s.{}").format(Identifier(name))
        for name in staging.columns
        if name != "key"
    ]
    return SQL("jsonb_strip_nulls((SELECT to_jsonb(x) FROM (SELECT {}) AS x))").format(SQL(", ").join(said))


def _keep_words(staging: Staging, dataset: str) -> None:
    """Bring `record` to the last word on each attribute; note which keys that affects."""
    versions: Composable = SQL("s.{}").format(Identifier(VERSIONS))
    derived = [
        (MADE + name if MADE + name in staging.made else name, known.folded_of or known.latin_of)
        for name, known in staging.entity.fields.items()
        if known.folded_of or MADE + name in staging.made
    ]
    if derived:
        # what is made of an attribute is as old as that
        versions = SQL("{} || jsonb_strip_nulls(jsonb_build_object({}))").format(
            versions,
            SQL(", ").join(
                SQL("{}, {} -> {}").format(Literal(name), versions, Literal(of)) for name, of in derived
            ),
        )
    staging.connection.execute(
        SQL(_KEEP_WORDS).format(
            fields=_fields(staging), versions=versions, staged=staging.table, affected=_AFFECTED
        ),
        {"entity": staging.entity.name, "source": dataset},
    )


# Words are taken apart only of entities that have several: on the first load of 300,000 deeds that is none.
# Of two words of one version the greater value counts, so that no order of loading can be told from the rows.
_KEEP_WORDS = """
WITH several AS MATERIALIZED (
    SELECT s.key FROM {staged} AS s GROUP BY s.key HAVING count(*) > 1
    UNION
    SELECT s.key FROM {staged} AS s JOIN record AS r USING (key)
    WHERE r.entity = %(entity)s AND r.source = %(source)s
), first AS (
    INSERT INTO record (entity, key, source, fields, versions)
    SELECT %(entity)s, s.key, %(source)s, {fields}, {versions} FROM {staged} AS s
    WHERE NOT EXISTS (SELECT FROM several AS m WHERE m.key = s.key)
    ORDER BY s.key  -- as the index has them, which is faster to fill
    RETURNING key
), said AS MATERIALIZED (
    SELECT n.key, n.fields, n.versions FROM (
        SELECT s.key, {fields} AS fields, {versions} AS versions FROM {staged} AS s JOIN several USING (key)
    ) AS n
    LEFT JOIN record AS r ON r.entity = %(entity)s AND r.key = n.key AND r.source = %(source)s
    WHERE r.key IS NULL OR NOT (r.versions @> n.versions AND r.fields @> n.fields)
), together AS (
    SELECT key, fields, versions FROM said
    UNION ALL
    SELECT r.key, r.fields, r.versions FROM record AS r
    WHERE r.entity = %(entity)s AND r.source = %(source)s AND r.key IN (SELECT key FROM said)
), words AS (
    SELECT DISTINCT ON (t.key, w.name) t.key, w.name, t.versions ->> w.name AS version,
        t.fields -> w.name AS value
    FROM together AS t CROSS JOIN LATERAL jsonb_object_keys(t.fields || t.versions) AS w(name)
    ORDER BY t.key, w.name, COALESCE(t.versions ->> w.name, '') COLLATE "C" DESC,
        (t.fields -> w.name)::text COLLATE "C" DESC NULLS LAST
), settled AS (
    SELECT key, COALESCE(jsonb_object_agg(name, value) FILTER (WHERE value IS NOT NULL), '{{}}') AS fields,
        COALESCE(jsonb_object_agg(name, version) FILTER (WHERE version IS NOT NULL), '{{}}') AS versions
    FROM words GROUP BY key
), written AS (
    INSERT INTO record (entity, key, source, fields, versions)
    SELECT %(entity)s, s.key, %(source)s, s.fields, s.versions FROM settled AS s
    WHERE NOT EXISTS (SELECT FROM record AS r WHERE r.entity = %(entity)s AND r.key = s.key
        AND r.source = %(source)s AND r.fields = s.fields AND r.versions = s.versions)
    ON CONFLICT (entity, key, source) DO UPDATE SET fields = excluded.fields, versions = excluded.versions
    RETURNING key
)
INSERT INTO {affected} SELECT key FROM first UNION ALL SELECT key FROM written
"""


def _remake(staging: Staging, remade: Identifier, precedence: Sequence[str]) -> None:
    """What all sources together say of the affected keys, in the shape of staged records."""
    connection, entity = staging.connection, staging.entity
    connection.execute(SQL("DROP TABLE IF EXISTS {}").format(remade))
    connection.execute(
        SQL("CREATE UNLOGGED TABLE {} AS SELECT {}, sources FROM {} LIMIT 0").format(
            remade, names(staging.loaded), Identifier(entity.table.name)
        )
    )
    values = [
        SQL("COALESCE(p.{}, p.{})").format(Identifier(name), Identifier(MADE + name))
        if MADE + name in staging.made
        else SQL("m.key")
        if name == "key"
        else SQL("p.{}").format(Identifier(name))
        for name in staging.loaded
    ]
    if len(precedence) == 1:
        layers: Composable = SQL("r.fields")
        sources, group = SQL("ARRAY[r.source]"), SQL("")
    else:
        # the last of the merged objects wins, so the first of the precedence comes last
        layers = SQL(" || ").join(
            SQL("COALESCE((array_agg(r.fields ORDER BY o.rank DESC))[{}], '{{}}')").format(Literal(place))
            for place in range(1, len(precedence) + 1)
        )
        sources, group = SQL("array_agg(r.source ORDER BY o.rank)"), SQL("GROUP BY r.key")
    complete = SQL(" AND ").join(
        SQL("p.{} IS NOT NULL").format(Identifier(column.key))
        for column in entity.loaded_columns
        if not column.nullable and column.key != "key"
    )
    connection.execute(
        SQL(
            "INSERT INTO {remade} SELECT {values}, m.sources FROM ("
            " SELECT r.key, {layers} AS fields, {sources} AS sources"
            " FROM record AS r JOIN {affected} AS a USING (key)"
            " JOIN unnest(%(precedence)s::text[]) WITH ORDINALITY AS o(source, rank) ON o.source = r.source"
            " WHERE r.entity = %(entity)s {group}"
            ") AS m CROSS JOIN LATERAL jsonb_populate_record(NULL::{staged}, m.fields) AS p WHERE {complete}"
        ).format(
            remade=remade,
            values=SQL(", ").join(values),
            layers=layers,
            sources=sources,
            group=group,
            affected=_AFFECTED,
            staged=staging.table,
            complete=complete if complete.as_string() else SQL("true"),
        ),
        {"entity": entity.name, "precedence": list(precedence)},
    )


def _note_incomplete(
    staging: Staging, remade: Identifier, dataset: str, notices: Notices, *, shaped: bool
) -> None:
    """Keys of this data set of which all sources together do not say enough, or this one gives no shape."""
    entity = staging.entity
    needed = ", ".join(
        column.key for column in entity.loaded_columns if not column.nullable and column.key != "key"
    )
    shapeless = (
        SQL("s.{} IS NULL").format(Identifier(entity.geometry))
        if shaped and entity.geometry
        else SQL("false")
    )
    found = staging.connection.execute(
        SQL(
            "SELECT s.ordinal, s.key, s.place, {shapeless} AS shapeless, t.key IS NOT NULL AS known,"
            " m.key IS NOT NULL OR (t.key IS NOT NULL AND a.key IS NULL) AS whole"
            " FROM {staged} AS s LEFT JOIN {remade} AS m ON m.key = s.key"
            " LEFT JOIN {table} AS t ON t.key = s.key LEFT JOIN {affected} AS a ON a.key = s.key"
            " WHERE {shapeless} OR"
            "  (m.key IS NULL AND (t.key IS NULL OR a.key IS NOT NULL)) ORDER BY s.ordinal"
        ).format(
            staged=staging.table, remade=remade, table=Identifier(entity.table.name), affected=_AFFECTED,
            shapeless=shapeless,
        )
    ).fetchall()  # fmt: skip
    for ordinal, key, place, without_shape, known, whole in found:
        if whole:
            fate = f"Its row keeps the {entity.geometry} of another data set."
        elif known:
            fate = "No other data set gives it, so its row was closed."
        else:
            fate = "It waits for another data set."
        if without_shape:
            notices.add(
                "no-geometry", f"{entity.name} {key} has no {entity.geometry} in {dataset}. {fate}",
                file=staging.file_of(ordinal), position=place, field=entity.geometry, value=key,
            )  # fmt: skip
        else:
            notices.add(
                "incomplete-entity",
                f"{entity.name} {key} has no {needed} in {dataset} or any other data set loaded so far. "
                + ("Its row was closed." if known else "It waits for them."),
                file=staging.file_of(ordinal), position=place, field="key", value=key,
            )  # fmt: skip
