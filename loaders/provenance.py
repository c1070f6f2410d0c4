"""What a load leaves behind about itself: its source, its run, its notices, and the city's code lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Placeholder

from loaders.catalogue import Catalogue, CodeValue, Dataset
from loaders.fetched import Fetch
from loaders.merge import Merged
from loaders.notices import RULES, Noted
from loaders.opening import Opened, checksum_of
from loaders.staging import names
from twin.entities import NOTICE_RULE, RunStatus
from twin.versions import Part, changing

_ENDED_WELL = [RunStatus.LOADED.name, RunStatus.UNCHANGED.name]


@dataclass(frozen=True)
class Before:
    """What is known of a data set's last load that ended well."""

    fingerprint: str | None  #: None: it cannot be told whether a reading would give the same
    read_at: dt.datetime | None  #: when files of it were last read
    records: int  #: how many of its records the twin holds


def write_source(connection: psycopg.Connection[Any], dataset: Dataset) -> None:
    """Enter the data set, or bring its description up to the catalogue's."""
    said = {
        "title": dataset.title,
        "publisher": dataset.publisher,
        "licence": dataset.licence,
        "url": dataset.url,
        "entities": ", ".join(entity.name for entity in dataset.entities),
        "format": dataset.formats,
        "file": dataset.file,
        "refresh": dataset.refresh,
        "refresh_days": dataset.refresh_days,
    }
    columns = names(list(said))
    with changing(connection, Part.RUNS):
        connection.execute(
            SQL(
                "INSERT INTO source AS s (key, {columns}) VALUES (%s, {values}) ON CONFLICT (key) DO UPDATE"
                " SET ({columns}) = ROW({new}) WHERE ROW({held}) IS DISTINCT FROM ROW({new})"
            ).format(
                columns=columns,
                values=SQL(", ").join([Placeholder()] * len(said)),
                new=names(list(said), "excluded"),
                held=names(list(said), "s"),
            ),
            [dataset.key, *said.values()],
        )


def close_runs(connection: psycopg.Connection[Any], failure: str) -> None:
    """Enter why the runs failed that never ended. Call it while holding the city's lock."""
    with changing(connection, Part.RUNS):
        connection.execute(
            "UPDATE import_run SET status = %s, finished_at = clock_timestamp(), failure = %s"
            " WHERE status = %s",
            [RunStatus.FAILED.name, failure, RunStatus.RUNNING.name],
        )


def before(connection: psycopg.Connection[Any], dataset: Dataset) -> Before | None:
    """The last load of a data set that ended well; None where there was none."""
    row = connection.execute(
        "SELECT r.fingerprint, ("
        "  SELECT max(finished_at) FROM import_run"
        "  WHERE source = s.key AND status = ANY (%s) AND records_read > 0"
        " ), COALESCE(s.records, 0)"
        " FROM source AS s JOIN import_run AS r ON r.source = s.key"
        " WHERE s.key = %s AND r.status = ANY (%s) ORDER BY r.started_at DESC LIMIT 1",
        [_ENDED_WELL, dataset.key, _ENDED_WELL],
    ).fetchone()
    return Before(*row) if row else None


def files_before(connection: psycopg.Connection[Any], dataset: Dataset) -> dict[str, str]:
    """The files of a data set that were read to their end: name -> checksum, as of the last time."""
    rows = connection.execute(
        "SELECT DISTINCT ON (f.name) f.name, f.checksum, r.record_limit IS NULL FROM loaded_file AS f"
        " JOIN import_run AS r ON r.key = f.run WHERE r.source = %s ORDER BY f.name, r.started_at DESC",
        [dataset.key],
    )
    return {name: checksum for name, checksum, whole in rows if whole}


def begin_run(
    connection: psycopg.Connection[Any], dataset: Dataset, files: Sequence[Opened], *, limit: int | None
) -> str:
    """Enter a run that is under way; its key."""
    started = dt.datetime.now(dt.UTC)
    key = f"{dataset.key}/{started:%Y%m%dT%H%M%S.%f}Z"
    named = files[0].name if len(files) == 1 else f"{dataset.file} ({len(files)} files)"
    with changing(connection, Part.RUNS):
        connection.execute(
            "INSERT INTO import_run (key, source, status, started_at, mode, record_limit, file, checksum,"
            " bytes_read, records_read, records_refused, rows_added, rows_changed, rows_unchanged,"
            " rows_closed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, 0)",
            [
                key, dataset.key, RunStatus.RUNNING.name, started, dataset.mode.name, limit, named,
                checksum_of(files), sum(one.size for one in files),
            ],
        )  # fmt: skip
    return key


def finish_run(
    connection: psycopg.Connection[Any],
    key: str,
    *,
    records: int,
    refused: int,
    merged: Merged,
    files: Sequence[Opened] = (),
    fingerprint: str | None = None,
) -> RunStatus:
    """Enter how a run ended well, and which files it read."""
    status = RunStatus.LOADED if merged.touched else RunStatus.UNCHANGED
    connection.execute(
        "UPDATE import_run SET status = %s, finished_at = clock_timestamp(), records_read = %s,"
        " records_refused = %s, rows_added = %s, rows_changed = %s, rows_unchanged = %s, rows_closed = %s,"
        " fingerprint = %s WHERE key = %s",
        [
            status.name, records, refused, merged.added, merged.changed, merged.unchanged, merged.closed,
            fingerprint, key,
        ],
    )  # fmt: skip
    connection.cursor().executemany(
        "INSERT INTO loaded_file (key, run, name, checksum, bytes) VALUES (%s, %s, %s, %s, %s)",
        [
            (f"{key}/{number}", key, one.name, one.checksum, one.size)
            for number, one in enumerate(files, start=1)
        ],
    )
    return status


def fail_run(connection: psycopg.Connection[Any], key: str, failure: str) -> None:
    """Enter why a run ended badly."""
    with changing(connection, Part.RUNS):
        connection.execute(
            "UPDATE import_run SET status = %s, finished_at = clock_timestamp(), failure = %s WHERE key = %s",
            [RunStatus.FAILED.name, failure, key],
        )


def update_source(
    connection: psycopg.Connection[Any], dataset: Dataset, records: int, fetched: Fetch | None
) -> None:
    """Enter how many records the twin holds of the data set, loaded now, and when it was fetched."""
    connection.execute(
        "UPDATE source SET records = %s, loaded_at = clock_timestamp(), fetched_at = %s, stated_licence = %s"
        " WHERE key = %s",
        [records, fetched and fetched.at, fetched and fetched.licence, dataset.key],
    )


def write_notices(connection: psycopg.Connection[Any], dataset: Dataset, notices: Sequence[Noted]) -> None:
    """Replace the data set's notices by those of this load; the same ones are left alone."""
    numbers: dict[str, int] = {}
    rows = []
    for one in notices:
        numbers[one.rule] = numbers.get(one.rule, 0) + 1
        rows.append(
            (
                f"{dataset.key}/{one.rule}/{numbers[one.rule]}", dataset.key, one.rule, one.severity.name,
                one.occurrences, one.file, one.position, one.field, one.value, one.message,
            )
        )  # fmt: skip
    held = connection.execute(
        "SELECT key, source, rule, severity, occurrences, file, position, field, value, message"
        " FROM notice WHERE source = %s",
        [dataset.key],
    ).fetchall()
    new = set(rows)
    gone = [row[0] for row in held if row not in new]
    known = set(held)
    if gone:
        connection.execute("DELETE FROM notice WHERE key = ANY(%s)", [gone])
    fresh = [row for row in rows if row not in known]
    if fresh:
        with (
            connection.cursor() as cursor,
            cursor.copy(
                "COPY notice (key, source, rule, severity, occurrences, file, position, field, value,"
                " message) FROM STDIN"
            ) as copy,
        ):
            for row in fresh:
                copy.write_row(row)


def write_codes(connection: psycopg.Connection[Any], catalogue: Catalogue) -> None:
    """Bring the city's code lists to the catalogue's; what the rules of notices mean is one more."""
    values = [
        *catalogue.codes,
        *(CodeValue(NOTICE_RULE, name, None, rule.doc) for name, rule in RULES.items()),
    ]
    columns: list[list[str | None]] = [
        [f"{value.scheme}/{value.code}" for value in values],
        [value.scheme for value in values],
        [value.code for value in values],
        [value.label_bg for value in values],
        [value.label_en for value in values],
    ]
    connection.execute(
        "WITH listed AS ("
        " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])"
        "  AS l(key, scheme, code, label_bg, label_en)"
        "), gone AS ("
        " DELETE FROM code_value AS c WHERE NOT EXISTS (SELECT FROM listed AS l WHERE l.key = c.key)"
        ") INSERT INTO code_value AS c SELECT * FROM listed AS l"
        " WHERE NOT EXISTS (SELECT FROM code_value AS k WHERE k.key = l.key"
        "  AND (k.label_bg, k.label_en) IS NOT DISTINCT FROM (l.label_bg, l.label_en))"
        " ON CONFLICT (key) DO UPDATE SET label_bg = excluded.label_bg, label_en = excluded.label_en",
        columns,
    )
