"""Station 8: how good the data set is that was just loaded, against what its catalogue expects.

One aggregate an entity; what is as it was is not written again. `twin quality` and the API read the outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from loaders.catalogue import Catalogue, Dataset
from loaders.notices import Notices
from loaders.staging import names
from twin.entities import BY_NAME, Entity, QualityMetric, QualityOutcome
from twin.errors import BadRequest
from twin.links import depending_on

NOTHING_CHANGED = "nothing was changed"
INSIST = "If that is right, load it again with --accept-fewer"
_LINKED = QualityMetric.LINKED.name
_COLUMNS = ("key", "source", "entity", "field", "metric", "value", "least", "most", "outcome")


@dataclass(frozen=True)
class Measurement:
    """One row of `quality_measurement`, its key and outcome left out."""

    source: str
    entity: str | None
    field: str | None
    metric: QualityMetric
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def key(self) -> str:
        return "/".join(part for part in (self.source, self.entity, self.field, self.metric.name) if part)

    @property
    def complaint(self) -> str | None:
        """How it breaks what the catalogue expects, as a clause; None where it does not."""
        if self.outcome in (None, QualityOutcome.MET):
            return None
        value = self._shown(self.value)
        said = {
            QualityMetric.COUNT: f"it holds {value} records of {self.entity}",
            QualityMetric.COMPLETENESS: f"{value} of its records of {self.entity} have {self.field} filled",
        }.get(self.metric, f"the {self.metric.name.lower()} {self.field} of {self.entity} is {value}")
        return f"{said}; expected is {self.expected}"

    @property
    def expected(self) -> str:
        """'24', '20 to 30', 'at least 50%', 'at most 500'; empty where nothing is."""
        least, most = self._shown(self.least), self._shown(self.most)
        if least and most:
            return least if least == most else f"{least} to {most}"
        return f"at least {least}" if least else f"at most {most}" if most else ""

    def _shown(self, number: float | None) -> str:
        if number is None:
            return ""
        return f"{number * 100:.6g}%" if self.metric is QualityMetric.COMPLETENESS else f"{number:,.10g}"

    @property
    def row(self) -> tuple[str | float | None, ...]:
        """In the order of _COLUMNS."""
        outcome = self.outcome.name if self.outcome else None
        least, most = (None if end is None else float(end) for end in (self.least, self.most))
        said = (self.source, self.entity, self.field, self.metric.name)
        return (self.key, *said, float(self.value), least, most, outcome)

    @property
    def outcome(self) -> QualityOutcome | None:
        if self.least is not None and self.value < self.least:
            return QualityOutcome.BELOW
        if self.most is not None and self.value > self.most:
            return QualityOutcome.ABOVE
        return None if self.least is None and self.most is None else QualityOutcome.MET


def measure(
    connection: psycopg.Connection[Any],
    catalogue: Catalogue,
    dataset: Dataset,
    notices: Notices,
    *,
    records: int,
    refused: int,
    changed: Collection[str],
    accept_fewer: bool,
    kept: str = NOTHING_CHANGED,
) -> None:
    """Measure a data set after its load and keep what was found; `changed` are the entities that it touched.

    BadRequest, so that nothing of the load is kept, where a floor of the catalogue is broken and nobody
    insists; `kept` is what it says of that. A broken ceiling is a notice.
    """
    found = [
        Measurement(dataset.key, None, None, QualityMetric.RECORDS_READ, records),
        Measurement(dataset.key, None, None, QualityMetric.RECORDS_REFUSED, refused),
    ]
    for entity in dataset.entities:
        measured = list(_content(connection, catalogue, dataset, entity))
        _judge(dataset, measured, notices, accept_fewer=accept_fewer, kept=kept)
        found += measured
    _write(connection, found, SQL("source = {} AND metric <> {}").format(dataset.key, _LINKED))
    measure_links(connection, depending_on(changed))


def measure_links(connection: psycopg.Connection[Any], entities: Collection[str]) -> None:
    """Measure anew which share of each data set's rows of these entities is linked, and to what."""
    for name in sorted(entities):
        entity = BY_NAME[name]
        links = [link for link in entity.links if entity.fields[link].derived]
        if not entity.is_city_entity or not links:
            continue
        rows = connection.execute(
            SQL(
                "SELECT source, sum(rows)::bigint, {sums} FROM ("
                " SELECT sources, count(*) AS rows, {counts} FROM {table} GROUP BY sources"
                ") AS t, unnest(t.sources) AS source GROUP BY source"
            ).format(
                sums=SQL(", ").join(SQL("sum(t.{})::bigint").format(Identifier(link)) for link in links),
                counts=SQL(", ").join(SQL("count({0}) AS {0}").format(Identifier(link)) for link in links),
                table=Identifier(entity.table.name),
            )
        ).fetchall()
        found = [
            Measurement(source, name, link, QualityMetric.LINKED, linked / count)
            for source, count, *counts in rows
            for link, linked in zip(links, counts, strict=True)
        ]
        _write(connection, found, SQL("entity = {} AND metric = {}").format(name, _LINKED))


def _content(
    connection: psycopg.Connection[Any], catalogue: Catalogue, dataset: Dataset, entity: Entity
) -> Iterator[Measurement]:
    """What the data set says of an entity: how many records, how complete, between which values."""
    attributes = dataset.filled(entity)
    ranges = dataset.range(entity)
    given = _records(dataset, entity) if entity.name in catalogue.precedence else _rows(dataset, entity)
    aggregates = [
        SQL("count(*)"),
        *(SQL("count({})").format(given.value(name)) for name in attributes),
        *(SQL("{}({})").format(SQL(end), given.number(name)) for name in ranges for end in ("min", "max")),
    ]
    row = connection.execute(
        SQL("SELECT {} FROM {}").format(SQL(", ").join(aggregates), given.rows)
    ).fetchone()
    assert row is not None  # an aggregate always has a row
    count, shares, ends = row[0], row[1 : len(attributes) + 1], row[len(attributes) + 1 :]
    least, most = dataset.expected(entity) or (None, None)

    def measurement(
        field: str | None, metric: QualityMetric, value: float, *expected: float | None
    ) -> Measurement:
        return Measurement(dataset.key, entity.name, field, metric, value, *expected)

    yield measurement(None, QualityMetric.COUNT, count, least, most)
    complete = dataset.complete(entity)
    for name, filled in zip(attributes, shares, strict=True):
        if count:
            yield measurement(name, QualityMetric.COMPLETENESS, filled / count, complete.get(name))
    for (name, (low, high)), (smallest, largest) in zip(
        ranges.items(), zip(ends[::2], ends[1::2], strict=True), strict=True
    ):
        if smallest is not None:
            yield measurement(name, QualityMetric.SMALLEST, smallest, low)
            yield measurement(name, QualityMetric.LARGEST, largest, None, high)


@dataclass(frozen=True)
class _Given:
    """Where the records stand that a data set gives of an entity, and how their attributes are read."""

    rows: Composed
    columns: bool

    def value(self, name: str) -> Composable:
        return Identifier(name) if self.columns else SQL("fields->{}").format(Literal(name))

    def number(self, name: str) -> Composable:
        return Identifier(name) if self.columns else SQL("(fields->>{})::float8").format(Literal(name))


def _rows(dataset: Dataset, entity: Entity) -> _Given:
    """The entity's own rows, where no other data set says anything of them."""
    return _Given(
        SQL("{} WHERE sources = ARRAY[{}]::text[]").format(Identifier(entity.table.name), dataset.key),
        columns=True,
    )


def _records(dataset: Dataset, entity: Entity) -> _Given:
    """What this one of several data sets says, which has at least what the entity cannot be without."""
    return _Given(
        SQL("record WHERE entity = {} AND source = {} AND fields ?& {}::text[]").format(
            entity.name, dataset.key, dataset.vital(entity)
        ),
        columns=False,
    )


def _judge(
    dataset: Dataset, measured: Sequence[Measurement], notices: Notices, *, accept_fewer: bool, kept: str
) -> None:
    """Refuse what breaks a floor, note what breaks a ceiling; the count of records is judged by the merge."""
    for one in measured:
        if one.field is None or one.complaint is None:
            continue
        if one.outcome is QualityOutcome.BELOW and not accept_fewer:
            raise BadRequest(f"{one.complaint}. {kept.capitalize()}. {INSIST}", where=dataset.file)
        notices.add("unexpected-values", one.complaint, field=one.field, value=f"{one.value:.10g}")


def _write(connection: psycopg.Connection[Any], found: Sequence[Measurement], scope: Composed) -> None:
    """Bring the rows in `scope` to what was found; what is the same already is left alone."""
    rows = [one.row for one in found]
    compared = [name for name in _COLUMNS if name != "key"]
    connection.execute(
        SQL(
            "WITH found AS MATERIALIZED ("
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[],"
            "  %s::float8[], %s::float8[], %s::text[]) AS f({columns})"
            "), gone AS ("
            " DELETE FROM quality_measurement AS q WHERE {scope}"
            "  AND NOT EXISTS (SELECT FROM found AS f WHERE f.key = q.key)"
            ") INSERT INTO quality_measurement AS q ({columns}) SELECT {columns} FROM found"
            " ON CONFLICT (key) DO UPDATE SET ({compared}) = ROW({new})"
            " WHERE ROW({held}) IS DISTINCT FROM ROW({new})"
        ).format(
            columns=names(_COLUMNS),
            scope=scope,
            compared=names(compared),
            new=names(compared, "excluded"),
            held=names(compared, "q"),
        ),
        [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * len(_COLUMNS),
    )
