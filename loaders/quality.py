"""How good a city's data are, as its loads measured them: for somebody to read, for a program, for an alarm.

`twin quality` calls `quality`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from sqlalchemy import literal_column, select, true
from sqlalchemy.dialects import postgresql

from loaders.measures import Measurement
from twin.database import cities, connect
from twin.entities import BY_NAME, NOTICE_RULE, QualityMetric, RunStatus, Severity
from twin.errors import BadRequest


@dataclass(frozen=True)
class NoticeGroup:
    """How often a data set's records break a rule."""

    rule: str
    severity: str
    occurrences: int
    meaning: str | None


@dataclass(frozen=True)
class SourceQuality:
    """One data set: how old it is, how its last load ended, what that measured and what was wrong."""

    key: str
    title: str
    records: int | None
    loaded_at: dt.datetime | None
    fetched_at: dt.datetime | None
    refresh: str | None
    refresh_days: int | None
    age_days: int | None
    stale: bool | None
    status: str | None
    failure: str | None
    measurements: Sequence[Measurement] = ()
    notices: Sequence[NoticeGroup] = ()

    @property
    def broken(self) -> list[str]:
        """What is not as it should be, a clause each: a load that failed, age, broken expectations."""
        found = []
        if self.status == RunStatus.FAILED.name:
            found.append(f"its last load failed: {self.failure}")
        if self.stale:
            found.append(
                f"it is {_days(self.age_days)} old; it is published anew every {_days(self.refresh_days)}"
            )
        return [*found, *(one.complaint for one in self.measurements if one.complaint)]

    def found(self, severity: Severity) -> int:
        return sum(one.occurrences for one in self.notices if one.severity == severity.name)

    @property
    def json(self) -> dict[str, Any]:
        """In the names that the API has for them."""
        return {
            "key": self.key,
            "title": self.title,
            "records": self.records,
            "loadedAt": self.loaded_at and self.loaded_at.isoformat(),
            "fetchedAt": self.fetched_at and self.fetched_at.isoformat(),
            "refreshDays": self.refresh_days,
            "ageDays": self.age_days,
            "stale": self.stale,
            "lastRun": {"status": self.status, "failure": self.failure},
            "broken": self.broken,
            "quality": [
                {
                    "entity": one.entity,
                    "field": one.field,
                    "metric": one.metric.name,
                    "value": one.value,
                    "least": one.least,
                    "most": one.most,
                    "outcome": one.outcome and one.outcome.name,
                }
                for one in self.measurements
            ],
            "notices": [vars(one) for one in self.notices],
        }


@dataclass(frozen=True)
class QualityReport:
    """All data sets of a city."""

    city: str
    sources: tuple[SourceQuality, ...]

    @property
    def broken(self) -> list[str]:
        """What is not as it should be, a sentence each."""
        return [f"{one.key}: {clause}." for one in self.sources for clause in one.broken]

    @property
    def json(self) -> dict[str, Any]:
        return {"city": self.city, "broken": self.broken, "sources": [one.json for one in self.sources]}

    @property
    def tables(self) -> Group:
        """Data sets with their age, entities with their gaps, notices by rule."""
        return Group(self._sources(), self._entities(), self._notices())

    def _sources(self) -> Table:
        table = _table(f"{self.city}: data sets", "data set", "records", "age", "published", "last load",
                       "errors", "warnings", right=("records", "errors", "warnings"))  # fmt: skip
        for one in self.sources:
            age = "-" if one.age_days is None else "today" if not one.age_days else _days(one.age_days)
            table.add_row(
                one.key,
                "-" if one.records is None else f"{one.records:,}",
                f"{age}, stale" if one.stale else age,
                one.refresh or "",
                escape(": ".join(part for part in (one.status, one.failure) if part)) or "-",
                f"{one.found(Severity.ERROR):,}",
                f"{one.found(Severity.WARNING):,}",
            )
        return table

    def _entities(self) -> Table:
        """What each data set gives of each entity: how many, which fields are not always filled or linked."""
        table = _table("records", "data set", "entity", "records", "expected", "filled", "linked",
                       right=("records",))  # fmt: skip
        for one in self.sources:
            for entity in dict.fromkeys(m.entity for m in one.measurements if m.entity):
                of = {
                    metric: [m for m in one.measurements if m.entity == entity and m.metric is metric]
                    for metric in QualityMetric
                }
                count = next(iter(of[QualityMetric.COUNT]), None)
                table.add_row(
                    one.key,
                    entity,
                    f"{count.value:,.0f}" if count else "",
                    count.expected if count else "",
                    _gaps(of[QualityMetric.COMPLETENESS]),
                    _gaps(of[QualityMetric.LINKED]),
                )
        return table

    def _notices(self) -> Table:
        table = _table("notices", "data set", "rule", "severity", "found", "meaning", right=("found",))
        for one in self.sources:
            for each in one.notices:
                table.add_row(
                    one.key, each.rule, each.severity, f"{each.occurrences:,}", escape(each.meaning or "")
                )
        return table


def quality(url: str, city: str) -> QualityReport:
    """What the loads of a city measured, and how old its data are now."""
    known = cities(url)
    if city not in known:
        raise BadRequest(f'there is no city "{city}"; loaded are {", ".join(known) or "none"}')
    with connect(url, city=city) as connection:
        return QualityReport(known[city].title, tuple(_sources(connection)))


def _sources(connection: psycopg.Connection[Any]) -> Iterator[SourceQuality]:
    measurements: dict[str, list[Measurement]] = {}
    for source, entity, field, metric, *numbers in connection.execute(
        "SELECT source, entity, field, metric, value, least, most FROM quality_measurement ORDER BY key"
    ):
        one = Measurement(source, entity, field, QualityMetric[metric], *numbers)
        measurements.setdefault(source, []).append(one)
    notices: dict[str, list[NoticeGroup]] = {}
    for source, *group in connection.execute(
        "SELECT n.source, n.rule, n.severity, sum(n.occurrences)::bigint, c.label_en FROM notice AS n"
        " LEFT JOIN code_value AS c ON c.key = %s || n.rule GROUP BY 1, 2, 3, 5 ORDER BY 1, 4 DESC, 2",
        [f"{NOTICE_RULE}/"],
    ):
        notices.setdefault(source, []).append(NoticeGroup(*group))
    for row in connection.execute(_SOURCES):
        key = row[0]
        yield replace(
            SourceQuality(*row), measurements=measurements.get(key, ()), notices=notices.get(key, ())
        )


def _statement() -> str:
    """Each source with its last run; age and staleness are those that the API answers."""
    source, run = BY_NAME["Source"], BY_NAME["ImportRun"]
    s, r = source.table.alias("s"), run.table.alias("r")
    last = (
        select(r.c.status, r.c.failure)
        .where(r.c.source == s.c.key)
        .order_by(r.c.started_at.desc())
        .limit(literal_column("1"))
        .correlate(s)
        .lateral("last")
    )
    columns = [
        s.c[n] for n in ("key", "title", "records", "loaded_at", "fetched_at", "refresh", "refresh_days")
    ]
    worked_out = [source.computed[name].of(s) for name in ("age_days", "stale")]
    chosen = (
        select(*columns, *worked_out, last.c.status, last.c.failure)
        .outerjoin_from(s, last, true())
        .order_by(s.c.key)
    )
    return str(chosen.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


_SOURCES = _statement()


def _gaps(shares: Sequence[Measurement]) -> str:
    """The shares that are not whole: 'name 93%, capacity 12%'."""
    return ", ".join(f"{one.field} {_percent(one.value)}" for one in shares if one.value < 1)


def _percent(share: float) -> str:
    """Rounded down: only what is whole is 100%."""
    return f"{int(share * 100)}%" if share >= 0.01 or not share else "<1%"


def _days(days: int | None) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _table(title: str, *headings: str, right: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left")
    return table
