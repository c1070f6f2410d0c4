"""A whole connection as NDJSON: however long it is, one node (or edge) a line, and memory stays flat.

http.py answers with it where the caller accepts application/x-ndjson; `twin query --stream` prints it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Text, cast, func, select
from starlette.types import Receive, Send

from schema import plan as p
from schema.arguments import Leaf
from schema.callers import Caller
from schema.compile import Compiler, Statement, cursor_of, json_record
from schema.compression import compressor
from schema.disconnect import gone
from schema.execute import Answer, Engine
from schema.planner import Asked, Planner
from schema.served import Served
from twin.database import City, Overloaded, Reader, Refused
from twin.errors import BadRequest

_Headers = list[tuple[bytes, bytes]]

NDJSON = "application/x-ndjson"
#: of a stream without `first`: more than any table has, and PostgreSQL still reads from the front
_ALL = 2**60
#: PostgreSQL's code of a statement that was ended
TOO_LONG = "57014"
#: how much longer than a stream may take is waited for a client to take its last line
_PATIENCE_S = 5.0
_RETRY_AFTER_S = 10


class StreamPlanner(Planner):
    """Plans the one connection of a stream: as long as it is, while each of its lines keeps to the limits."""

    _lines = 1

    def stream(self, city: City, budget: float) -> Statement:
        """The statement of a stream, its bill that of a line.

        BadRequest where the operation is no connection, or a line may cost more than the budget.
        """
        plan = self.plan()
        bill = plan.bill.of_each(self._lines)
        bill.check(self.settings.rows_ceiling, budget)
        page, *others = [*plan.items, None]
        if len(others) != 1 or not isinstance(page, p.Page) or plan.introspects:
            raise BadRequest("a stream is of one connection: ask for exactly one field such as buildings")
        if len(page.parts) != 1 or not isinstance(page.parts[0], p.Nodes | p.Edge):
            raise BadRequest("a stream is of nodes or of edges: select exactly one of them", where=page.key)
        return replace(compile_stream(page, city), bill=bill)

    def extent(self, asked: Asked) -> tuple[int, bool, Leaf | None]:
        if asked.depth > 1:
            return super().extent(asked)
        first, after = asked.arguments.get("first"), asked.arguments.get("after")
        if asked.arguments.get("last") is not None or asked.arguments.get("before") is not None:
            raise BadRequest("a stream is read from its front: give first and after", where=asked.name)
        size = _ALL if first is None else self.arguments.fix(first)
        if not 0 <= size <= _ALL:
            raise BadRequest(f"is {size}; ask for 0 rows or more", where=f"{asked.name}.first")
        self._lines = max(size, 1)
        return size, False, after


def compile_stream(page: p.Page, city: City) -> Statement:
    """The statement whose rows are the lines, or the number of an expected entity that is missing."""
    compiler = Compiler(city)
    t, order, rows_of = compiler.source(None, None, page, page.size)
    part = page.parts[0]
    if isinstance(part, p.Edge):
        edge = compiler.edge(page.entity, t, part, page, order, cursor_of(compiler, page, order))
        rows = rows_of([edge.label("o")]).subquery(compiler.inner("rows"))
        line: Any = rows.c.o
    else:
        assert isinstance(part, p.Nodes)
        rows = rows_of(compiler.labelled(page.entity, t, part.items)).subquery(compiler.inner("rows"))
        line = json_record(rows, part.items)
    line = cast(line, Text)
    missing = compiler.missing()
    if missing is None:
        return compiler.rendered(select(line).select_from(rows))
    known = select(missing.label("missing")).subquery(compiler.inner("expected"))
    told = func.coalesce(cast(known.c.missing, Text), line)
    unless = known.c.missing.is_(None)
    return compiler.rendered(select(told).select_from(known.outerjoin(rows, unless)))


async def lines(
    engine: Engine,
    reader: Reader,
    city: City,
    query: str,
    variables: Mapping[str, Any] | None = None,
    operation_name: str | None = None,
    *,
    caller: Caller | None = None,
) -> AsyncGenerator[bytes, None]:
    """The lines of a stream, many at a time; an empty piece where there are none.

    What is wrong before the first piece is raised, as Engine.failure takes it; later it is told in the last
    line: {"errors": [...]}.
    """
    caller = caller or engine.anybody
    _, document, operation, given = await engine.prepared(reader, query, variables, operation_name)

    def planned(budget: float) -> Statement:
        planner = StreamPlanner(engine.schema, document.ast, operation.node, given, engine.settings)
        return planner.stream(city, budget)

    statement = await engine.compiled(reader, document, planned, caller.budget)
    if caller.bucket is not None:
        caller.bucket.take(statement.bill.cost)
    timeout_s = engine.settings.stream_timeout_s
    clock = asyncio.get_running_loop().time
    ends = clock() + timeout_s
    started = False
    batches = reader.stream(statement.sql, statement.values(given), timeout_s=timeout_s)
    try:
        async for rows in batches:
            if not started and rows[0] is not None and rows[0].isdigit():
                expected = statement.expected[int(rows[0])]
                raise BadRequest(expected.told(given), where=expected.where)
            # PostgreSQL breaks lines between the records of a nested list; in a text they are escaped
            yield b"".join(row.replace(b"\n", b"") + b"\n" for row in rows if row is not None)
            started = True
            if caller.bucket is not None:
                caller.bucket.owe(statement.bill.cost * len(rows))
            if clock() > ends:
                raise Refused(TOO_LONG, "the stream has taken too long")
        if not started:
            yield b""
    except Exception as wrong:
        if isinstance(wrong, Refused) and wrong.sqlstate == TOO_LONG:
            wrong = BadRequest(
                f"the stream took longer than {timeout_s:g} s and was ended: ask for a part of it; "
                "with edges { cursor node } the rest follows with after"
            )
        if not started:
            raise wrong from None
        yield engine.failure(wrong).body + b"\n"
    finally:
        await batches.aclose()


async def respond(
    served: Served,
    pieces: AsyncGenerator[bytes, None],
    *,
    coding: str | None,
    headers: _Headers,
    receive: Receive,
    send: Send,
) -> Answer | None:
    """Send a stream for as long as its caller listens; what is wrong before its first line is given back.

    `coding` is what coding_of() gives. Overloaded where as many streams run as may.
    """
    if served.streams >= served.settings.streams:
        raise Overloaded(_RETRY_AFTER_S)
    served.streams += 1
    sending = asyncio.ensure_future(_send(served.engine, pieces, coding, headers, send))
    leaving = asyncio.ensure_future(gone(receive))
    try:
        await asyncio.wait(
            {sending, leaving},
            timeout=served.settings.stream_timeout_s + _PATIENCE_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        return sending.result() if sending.done() else None
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        served.streams -= 1


async def _send(
    engine: Engine,
    pieces: AsyncGenerator[bytes, None],
    coding: str | None,
    headers: _Headers,
    send: Send,
) -> Answer | None:
    try:
        piece = await anext(pieces)
    except Exception as wrong:
        return engine.failure(wrong)
    sent = [(b"content-type", NDJSON.encode()), *headers]
    packed = None
    if coding:
        sent.append((b"content-encoding", coding.encode()))
        packed = compressor(coding)
    await send({"type": "http.response.start", "status": 200, "headers": sent})
    try:
        while True:
            body = packed.compress(piece) if packed else piece
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            piece = await anext(pieces)
    except StopAsyncIteration:
        rest = packed.flush() if packed else b""
        await send({"type": "http.response.body", "body": rest})
    finally:
        await pieces.aclose()
    return None
