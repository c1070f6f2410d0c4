"""Notices as a table for the data's owner: CSV, page by page, for the server and for `twin notices`.

RFC 4180, in UTF-8 with a byte order mark: without one Excel reads Cyrillic in another code page.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any

import orjson

from twin.database import City, Reader
from twin.entities import NOTICE_RULE
from twin.errors import BadRequest

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
COLUMNS = (
    "source", "rule", "severity", "occurrences", "file", "position", "field", "value", "message", "meaning",
)  # fmt: skip
#: what a request may narrow by
FILTERS = ("source", "rule")
PAGE_ROWS = 5_000
_BOM = b"\xef\xbb\xbf"
#: what makes a spreadsheet take a text for a formula (OWASP, CSV injection), full-width forms included
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # fmt: skip


async def notices_csv(
    reader: Reader, city: City, *, source: str | None = None, rule: str | None = None
) -> AsyncIterator[bytes]:
    """A city's notices, or those of one data set or rule, in pieces of at most PAGE_ROWS lines.

    BadRequest where there is no such data set or rule. A text that a spreadsheet would take for a formula has
    an apostrophe before it.
    """
    await _check(reader, city, "source", source, "SELECT key FROM {schema}.source")
    listed = f"SELECT code FROM {{schema}}.code_value WHERE scheme = '{NOTICE_RULE}'"
    await _check(reader, city, "rule", rule, listed)
    yield _BOM + _lines([COLUMNS])
    after = ""
    while rows := await _page(reader, city, source, rule, after):
        yield _lines(map(_guarded, cells) for _, *cells in rows)
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1][0]


async def _check(reader: Reader, city: City, name: str, asked: str | None, known: str) -> None:
    """Refuse a filter that names nothing: an empty table would look like data without fault."""
    if asked is None:
        return
    statement = f"SELECT coalesce(json_agg(k ORDER BY k), '[]') FROM ({known}) AS known(k)"
    (text,) = await reader.fetch(statement.format(schema=city.name).encode(), [])
    values = orjson.loads(text or b"[]")
    if asked not in values:
        raise BadRequest(f'there is no {name} "{asked}"; there are {", ".join(values) or "none"}', where=name)


async def _page(
    reader: Reader, city: City, source: str | None, rule: str | None, after: str
) -> list[list[Any]]:
    columns = ", ".join(f"n.{name}" for name in COLUMNS[:-1])
    statement = f"""
SELECT coalesce(json_agg(json_build_array(n.key, {columns}, c.label_en) ORDER BY n.key), '[]')
FROM (
    SELECT * FROM {city.name}.notice
    WHERE ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR rule = $2) AND key > $3
    ORDER BY key LIMIT {PAGE_ROWS}
) AS n LEFT JOIN {city.name}.code_value AS c ON c.key = '{NOTICE_RULE}/' || n.rule"""
    values = [None if value is None else value.encode() for value in (source, rule, after)]
    (text,) = await reader.fetch(statement.encode(), values)
    found: list[list[Any]] = orjson.loads(text or b"[]")
    return found


def _guarded(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()
