"""Station 5: checked records go by binary COPY into an unlogged table of the city's schema.

The table has the entity's loadable columns, and for each record its number and its place in the files. It is
made anew for each load of an entity and dropped at its end; what a killed load left is dropped first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import JSON, BigInteger, Boolean, Date, DateTime, Double, Integer
from sqlalchemy.dialects.postgresql import ARRAY

from loaders.checks import MADE, TIMESTAMP, Checked
from loaders.notices import Notices
from loaders.packing import HEADER, TRAILER, pack
from loaders.published import Column
from loaders.versions import VERSIONS
from twin.entities import Entity

PREFIX = "staging_"


def names(columns: Sequence[str], table: str | None = None) -> Composed:
    """Column names for a statement, each with the table's alias when one is given."""
    if table is None:
        return SQL(", ").join(Identifier(name) for name in columns)
    return SQL(", ").join(Identifier(table, name) for name in columns)


def comparable(entity: Entity, columns: Sequence[str], table: str) -> Composed:
    """Columns for a comparison of rows: JSON, which PostgreSQL does not compare, as text."""
    json = {column.key for column in entity.table.columns if isinstance(column.type, JSON)}
    return SQL(", ").join(
        SQL("{}::text").format(Identifier(table, name)) if name in json else Identifier(table, name)
        for name in columns
    )


def sourced(entity: Entity, columns: Sequence[str], table: str) -> Composed:
    """Columns of held rows as comparable() has them, without what linking filled where no source did."""
    return SQL(", ").join(
        SQL("CASE WHEN {} IS NOT TRUE THEN {} END").format(
            Identifier(table, flag), comparable(entity, [name], table)
        )
        if (flag := entity.fields[name].linked if name in entity.fields else None)
        else comparable(entity, [name], table)
        for name in columns
    )


def drop_leftovers(connection: psycopg.Connection[Any]) -> None:
    """Remove staging tables that a killed load of this city left."""
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE %s",
        [PREFIX.replace("_", r"\_") + "%"],
    ).fetchall()
    for (table,) in found:
        connection.execute(SQL("DROP TABLE {}").format(Identifier(table)))


def make_ready(connection: psycopg.Connection[Any], table: Identifier, entity: Entity) -> None:
    """Index a table of staged records by key and let the planner know its size.

    Where the planner takes the changed rows for few, it looks each of them up here by a nested loop: without
    an index, 43 s for 14,000 changed buildings of 20,000, with it 2 s. A first load looks nothing up.
    """
    if is_filled(connection, Identifier(entity.table.name)):
        connection.execute(SQL("CREATE INDEX ON {} (key)").format(table))
        connection.execute(SQL("ANALYZE {}").format(table))


def is_filled(connection: psycopg.Connection[Any], table: Identifier) -> bool:
    """Whether a table has any row."""
    row = connection.execute(SQL("SELECT EXISTS (SELECT FROM {})").format(table)).fetchone()
    return bool(row and row[0])


@contextmanager
def indexed_afterwards(connection: psycopg.Connection[Any], table: Identifier) -> Iterator[None]:
    """Fill an empty table without its indexes and keys, which are made again at the end under their names.

    With the six indexes of 1,000,000 buildings: 17 s instead of 26. Until the transaction ends, whoever reads
    the table waits.
    """
    parts = connection.execute(
        "SELECT conname, NULL, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %(table)s::regclass AND contype IN ('p', 'u')"
        " UNION ALL"
        " SELECT NULL, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i"
        " WHERE i.indrelid = %(table)s::regclass"
        "  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)",
        {"table": table.as_string(connection)},
    ).fetchall()
    for constraint, index, _ in parts:
        if constraint:
            connection.execute(SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, Identifier(constraint)))
        else:
            connection.execute(SQL("DROP INDEX {}").format(SQL(index)))
    yield
    for constraint, _, definition in parts:
        if constraint:
            connection.execute(
                SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                    table, Identifier(constraint), SQL(definition)
                )
            )
        else:
            connection.execute(SQL(definition))


class Staging:
    """The staging table of one entity."""

    def __init__(
        self, connection: psycopg.Connection[Any], entity: Entity, *, merged: bool, versioned: bool = False
    ) -> None:
        self.connection = connection
        self.entity = entity
        self.table = Identifier(PREFIX + entity.table.name)
        self.loaded = [column.key for column in entity.loaded_columns]
        # of an entity with several sources, generated Latin names wait beside the real ones
        latin = [name for name, field in entity.fields.items() if field.latin_of] if merged else []
        self.made = [MADE + name for name in latin]
        self.columns = [*self.loaded, *self.made]
        self.versioned = versioned
        self.count = 0
        self._files: list[tuple[int, str]] = []
        shape = entity.fields[entity.geometry].geometry if entity.geometry else None
        # two points in one place are no defect
        self._shaped = entity.geometry if shape in ("MULTIPOLYGON", "MULTILINESTRING") else None
        #: a number for each staged shape, lot by lot; 0 for none; alike for few
        self._shapes: list[NDArray[np.int32]] = []
        kinds = {column.key: column.type for column in entity.loaded_columns}
        self._empty = {name: _arrow_type(kinds.get(name.removeprefix(MADE))) for name in self.columns}
        self._empty[VERSIONS] = pa.string()
        connection.execute(SQL("DROP TABLE IF EXISTS {}").format(self.table))
        connection.execute(
            SQL(
                "CREATE UNLOGGED TABLE {} AS SELECT {}, 0::bigint AS ordinal, ''::text AS place,"
                " NULL::jsonb AS {} FROM {} LIMIT 0"
            ).format(
                self.table,
                SQL(", ").join(
                    [
                        *(Identifier(name) for name in self.loaded),
                        *(SQL("NULL::text AS {}").format(Identifier(name)) for name in self.made),
                    ]
                ),
                Identifier(VERSIONS),
                Identifier(entity.table.name),
            )
        )

    def write(self, checked: Checked, file: str) -> None:
        """Append a batch."""
        if not len(checked):
            return
        if not self._files or self._files[-1][1] != file:
            self._files.append((self.count, file))
        length = len(checked)
        ordinals = pa.array(np.arange(self.count, self.count + length), pa.int64())
        sent = [*self.columns, VERSIONS] if self.versioned else self.columns
        arrays = [self._array(name, checked, length) for name in sent]
        if self.versioned:
            # jsonb travels as text with the number of its form before it
            arrays[-1] = pc.binary_join_element_wise("\x01", arrays[-1], "")
        rows = pack([*arrays, ordinals, pa.array(checked.positions, pa.string())])
        statement = SQL("COPY {} ({}, ordinal, place) FROM STDIN (FORMAT BINARY)").format(
            self.table, names(sent)
        )
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(HEADER)
            copy.write(rows)
            copy.write(TRAILER)
        self.count += length
        if self._shaped and self._shaped in checked.columns:
            shapes = checked.columns[self._shaped].to_pylist()
            numbers = (hash(each) & 0x7FFFFFFF if each else 0 for each in shapes)
            self._shapes.append(np.fromiter(numbers, np.int32, length))
        else:
            self._shapes.append(np.zeros(length, np.int32))

    def _array(self, name: str, checked: Checked, length: int) -> Column:
        return checked.columns[name] if name in checked.columns else pa.nulls(length, self._empty[name])

    def file_of(self, ordinal: int) -> str | None:
        """The file that a staged record came from."""
        if not self._files:
            return None
        return self._files[bisect_right(self._files, ordinal, key=lambda each: each[0]) - 1][1]

    def adopt_held(self, within_m: float) -> None:
        """Take a shape that nowhere lies farther than some metres from the row's, nor that from it, for the
        row's: an edition rounded otherwise, or drawn from another corner, has not changed.

        ST_HausdorffDistance says the same, but for 24 districts in 1.9 s where this takes 0.03 s.
        """
        self.connection.execute(
            SQL(
                "UPDATE {staged} AS s SET {shape} = t.{shape} FROM {table} AS t"
                " WHERE t.key = s.key AND s.{shape} @ ST_Expand(t.{shape}, %(within)s)"
                " AND t.{shape} @ ST_Expand(s.{shape}, %(within)s)"
                " AND ST_Covers(ST_Buffer(t.{shape}, %(within)s), s.{shape})"
                " AND ST_Covers(ST_Buffer(s.{shape}, %(within)s), t.{shape})"
            ).format(
                staged=self.table,
                table=Identifier(self.entity.table.name),
                shape=Identifier(self.entity.geometry or ""),
            ),
            {"within": within_m},
        )

    def complete(self, attributes: Sequence[str]) -> int:
        """How many staged records have all of these attributes."""
        filled = SQL(" AND ").join(SQL("{} IS NOT NULL").format(Identifier(name)) for name in attributes)
        row = self.connection.execute(
            SQL("SELECT count(*) FROM {} WHERE {}").format(self.table, filled if attributes else SQL("true"))
        ).fetchone()
        return int(row[0]) if row else 0

    def analyse(self) -> None:
        """Let the planner know what the joins will meet."""
        make_ready(self.connection, self.table, self.entity)

    def drop(self) -> None:
        self.connection.execute(SQL("DROP TABLE IF EXISTS {}").format(self.table))

    def keep_last_files(self) -> None:
        """Of the records that share a key, keep those of the last file: it was said after the others."""
        order = {name: place for place, (_, name) in reversed(list(enumerate(self._files)))}
        if len(order) < 2:
            return
        file = SQL("(%(files)s::int[])[width_bucket(ordinal, %(starts)s::bigint[])]")
        self.connection.execute(
            SQL(
                "WITH last AS MATERIALIZED ("
                " SELECT key, max({file}) AS file FROM {table} GROUP BY key HAVING count(*) > 1"
                ") DELETE FROM {table} AS s USING last AS l WHERE s.key = l.key AND {file} < l.file"
            ).format(file=file, table=self.table),
            {
                "files": [order[name] for _, name in self._files],
                "starts": [start for start, _ in self._files],
            },
        )

    def settle_duplicates(self, notices: Notices, *, expected: bool = False) -> None:
        """Make one of the records that share a key.

        The first is kept, and a notice says whether the others differed; where repetitions are `expected`,
        only those that differ are worth one. Where records are changes, each of which says a part, the merge
        needs them all.
        """
        if self.versioned:
            return
        compared = [name for name in self.columns if name != "key"]
        found = self.connection.execute(
            SQL(
                "WITH first AS MATERIALIZED ("
                " SELECT key, min(ordinal) AS ordinal FROM {table} GROUP BY key HAVING count(*) > 1"
                "), gone AS ("
                " DELETE FROM {table} AS s USING first AS f, {table} AS k"
                " WHERE s.key = f.key AND k.key = f.key AND k.ordinal = f.ordinal AND s.ordinal > f.ordinal"
                " RETURNING s.ordinal, s.key, s.place, k.place AS kept,"
                " ROW({s}) IS NOT DISTINCT FROM ROW({k}) AS same"
                ") SELECT * FROM gone ORDER BY ordinal"
            ).format(
                table=self.table,
                s=comparable(self.entity, compared, "s"),
                k=comparable(self.entity, compared, "k"),
            )
        ).fetchall()
        for ordinal, key, place, kept, same in found:
            if same and expected:
                continue
            rule = "exact-duplicate" if same else "differing-duplicate"
            said = "says the same as" if same else "has the same key as, but differs from,"
            notices.add(
                rule, f"{place} {said} {kept}. It was left out.", file=self.file_of(ordinal),
                position=place, field="key", value=key,
            )  # fmt: skip

    def identify(self, notices: Notices) -> None:
        """Tell which records the notices speak of, where they may be erased."""
        files = {name for _, name in self._files}
        places = notices.places if self.versioned else set()
        found = self.connection.execute(
            SQL("SELECT ordinal, place, key FROM {} WHERE place = ANY(%s)").format(self.table),
            [[position for file, position in places if file in files]],
        ).fetchall()
        for ordinal, position, key in found:
            place = self.file_of(ordinal), position
            if place in places:
                notices.records.setdefault(place, set()).add((self.entity.name, key))

    def note_same_shapes(self, notices: Notices) -> None:
        """A notice for each record with the very shape of an earlier one that has another key."""
        ranked = np.concatenate([np.zeros(0, np.int32), *self._shapes])
        ranked.sort()
        suspects = np.unique(ranked[1:][(ranked[1:] == ranked[:-1]) & (ranked[1:] != 0)])
        del ranked
        ordinals: list[int] = []
        start = 0
        # lot by lot: for all at once, isin takes many times their memory
        for numbers in self._shapes:
            ordinals += (start + np.flatnonzero(np.isin(numbers, suspects))).tolist()
            start += len(numbers)
        self._shapes.clear()
        if not ordinals:
            return
        # two shapes may have one number, so that the shapes themselves decide
        found = self.connection.execute(
            SQL(
                "WITH alike AS ("
                " SELECT ordinal, key, place, first_value(key) OVER ("
                "  PARTITION BY {shape}::bytea ORDER BY ordinal) AS first"
                " FROM {table} WHERE ordinal = ANY(%s)"
                ") SELECT ordinal, key, place, first FROM alike WHERE key <> first ORDER BY ordinal"
            ).format(table=self.table, shape=Identifier(self._shaped or "")),
            [ordinals],
        ).fetchall()
        for ordinal, key, place, first in found:
            notices.add(
                "same-shape", f"{self.entity.name} {key} has the very shape of {first}. Both were kept.",
                file=self.file_of(ordinal), position=place, field="geometry", value=key,
            )  # fmt: skip

    def keep_within(self, area: Entity, notices: Notices) -> int:
        """Leave out what lies in no area of an entity; how many that were."""
        geometry = self.entity.geometry or ""
        found = self.connection.execute(
            SQL(
                "WITH gone AS ("
                " DELETE FROM {table} AS s WHERE NOT EXISTS ("
                "  SELECT FROM area_part AS a WHERE a.area_type = %s AND ST_Intersects(a.part, s.{geometry}))"
                " RETURNING ordinal, key, place"
                ") SELECT * FROM gone ORDER BY ordinal"
            ).format(table=self.table, geometry=Identifier(geometry)),
            [area.name],
        ).fetchall()
        for ordinal, key, place in found:
            notices.add(
                "outside-the-areas", f"{place} lies in no {area.name} of the city. It was left out.",
                file=self.file_of(ordinal), position=place, field="geometry", value=key,
            )  # fmt: skip
        return len(found)


def _arrow_type(kind: Any) -> Any:
    for sql_type, arrow in (
        (BigInteger, pa.int64()), (Integer, pa.int32()), (Double, pa.float64()), (Boolean, pa.bool_()),
        (Date, pa.date32()), (DateTime, TIMESTAMP), (ARRAY, pa.list_(pa.string())),
    ):  # fmt: skip
        if isinstance(kind, sql_type):
            return arrow
    return pa.string()
