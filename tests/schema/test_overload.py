"""More requests than the database answers at once: who waits, who is told to come later, who leaves."""

from __future__ import annotations

import asyncio
import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
import uvicorn
from graphql import DocumentNode, GraphQLError, GraphQLSchema, validate

from schema import execute
from schema.app import create
from schema.compile import Statement, compile_plan
from schema.disconnect import Protocol
from schema.plan import Plan
from schema.served import Served
from tests.schema.conftest import Asked
from tests.town import Town
from twin.database import City
from twin.settings import Settings

ASKED = {"query": "{ buildings(first: 1) { nodes { id } } }"}
ANSWER = {"data": {"buildings": {"nodes": [{"id": "Building:b.1"}]}}}


class Server:
    """The application under uvicorn, in a thread of the test, so that its queue can be looked at."""

    def __init__(self, settings: Settings) -> None:
        self.application = create(settings)
        config = uvicorn.Config(
            self.application, port=0, loop="uvloop", http=Protocol, log_level="warning", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Server:
        self._thread.start()
        until(lambda: self._server.started)
        (listening,) = self._server.servers[0].sockets
        self.port = int(listening.getsockname()[1])
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    @property
    def waiting(self) -> int:
        served: Served = self.application.state.served
        return served.reader.waiting

    @property
    def connected(self) -> int:
        return len(self._server.server_state.connections)

    def ask(self, query: str = ASKED["query"]) -> http.client.HTTPConnection:
        """Send a question, and do not wait for its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(
            "POST", "/graphql", json.dumps({"query": query}), {"content-type": "application/json"}
        )
        return connection


def until(true: Callable[[], Any]) -> None:
    """Wait for what must come to be."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def said(connection: http.client.HTTPConnection) -> tuple[int, Any, str | None]:
    answer = connection.getresponse()
    with closing(connection):
        return answer.status, json.loads(answer.read()), answer.getheader("retry-after")


@contextmanager
def buildings_locked(town: Town) -> Iterator[None]:
    """While this holds, no question about buildings gets its answer."""
    with psycopg.connect(town.url) as connection:
        connection.execute("LOCK TABLE town.building IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def blocked(town: Town) -> list[int]:
    """The connections of the server that wait for a lock."""
    with psycopg.connect(town.url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'twin-reader' "
            "AND datname = current_database() AND wait_event_type = 'Lock'"
        )
        return [row[0] for row in rows]


@pytest.fixture(scope="module")
def server(town: Town) -> Iterator[Server]:
    settings = Settings(
        database_url=town.url, connections=1, waiting_ceiling=2, waiting_timeout_s=20, statement_timeout_s=20
    )
    with Server(settings) as server:
        yield server


def test_past_the_queue_a_request_is_told_at_once_when_to_come_again(server: Server, town: Town) -> None:
    with buildings_locked(town):
        first = server.ask()
        until(lambda: blocked(town))
        patient = [server.ask(), server.ask()]
        until(lambda: server.waiting == 2)
        status, body, later = said(server.ask())
        assert (status, later) == (503, "20")
        (error,) = body["errors"]
        assert error == {
            "message": "the server has more requests than it can answer; try again later",
            "extensions": {"code": "OVERLOADED"},
        }
    for connection in (first, *patient):
        assert said(connection) == (200, ANSWER, None)


def test_what_sums_up_many_records_leaves_connections_to_others(town: Town) -> None:
    settings = Settings(database_url=town.url, connections=3, sums=2, statement_timeout_s=20)
    with Server(settings) as server:
        with buildings_locked(town):
            sums = [server.ask("{ buildings { aggregate { count } } }") for _ in range(4)]
            until(lambda: len(blocked(town)) == 2)
            assert said(server.ask("{ districts { totalCount } }"))[0] == 200
        for connection in sums:
            assert said(connection)[:2] == (200, {"data": {"buildings": {"aggregate": {"count": 3}}}})


def test_past_the_queue_a_document_never_seen_is_told_so_before_it_is_read(
    server: Server, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(schema: GraphQLSchema, document: DocumentNode, **how: Any) -> list[GraphQLError]:
        read.append(document.loc.source.body if document.loc else "")
        return validate(schema, document, **how)

    monkeypatch.setattr(execute, "validate", noted)
    with buildings_locked(town):
        first = server.ask()
        until(lambda: blocked(town))
        patient = [server.ask(), server.ask()]
        until(lambda: server.waiting == 2)
        status, body, later = said(server.ask("{ buildings(first: 1) { nodes { unseen: id } } }"))
        assert (status, body["errors"][0]["extensions"]["code"], later) == (503, "OVERLOADED", "20")
    for connection in (first, *patient):
        assert said(connection) == (200, ANSWER, None)
    assert not [query for query in read if "unseen" in query]


def test_of_many_documents_never_seen_at_once_those_past_the_queue_are_told_so_at_once(
    ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    def counted(schema: GraphQLSchema, document: DocumentNode, **how: Any) -> list[GraphQLError]:
        nonlocal read
        read += 1
        return validate(schema, document, **how)

    monkeypatch.setattr(execute, "validate", counted)
    told: list[int] = []

    async def answer(query: str) -> int:
        status = (await ask.engine.answer(ask.reader, ask.town.city, query)).status
        if status == 503:
            told.append(read)
        return status

    async def use() -> list[int]:
        queries = [f"{{ buildings(first: 1) {{ nodes {{ many{i}: id }} }} }}" for i in range(300)]
        return await asyncio.gather(*map(answer, queries))

    statuses = ask.loop.run_until_complete(use())
    assert (statuses.count(200), statuses.count(503)) == (201, 99)
    assert told == [0] * 99


def test_who_leaves_while_waiting_leaves_the_queue(server: Server, town: Town) -> None:
    with buildings_locked(town):
        first = server.ask()
        until(lambda: blocked(town))
        leaving, staying = server.ask(), server.ask()
        until(lambda: server.waiting == 2)
        leaving.close()
        until(lambda: server.waiting == 1)
        came_later = server.ask()
        until(lambda: server.waiting == 2)
    for connection in (first, staying, came_later):
        assert said(connection) == (200, ANSWER, None)


def test_the_statement_of_who_leaves_is_ended_and_its_connection_serves_the_next(
    server: Server, town: Town
) -> None:
    with buildings_locked(town):
        leaving = server.ask()
        until(lambda: blocked(town))
        backend = blocked(town)
        leaving.close()
        until(lambda: not blocked(town))
        staying = server.ask()
        until(lambda: blocked(town))
        assert blocked(town) == backend
    assert said(staying) == (200, ANSWER, None)


def test_who_waited_too_long_is_told_so(town: Town) -> None:
    settings = Settings(database_url=town.url, connections=1, waiting_timeout_s=0.2)
    with Server(settings) as server, buildings_locked(town):
        first = server.ask()
        until(lambda: blocked(town))
        status, body, later = said(server.ask())
        assert (status, body["errors"][0]["extensions"]["code"], later) == (503, "OVERLOADED", "1")
        first.close()


class Deaf:
    """A client that asks and then takes nothing more than its small buffer holds."""

    def __init__(self, server: Server, accept: str, size: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.connect(("127.0.0.1", server.port))
        fields = " ".join(f"f{i}: id" for i in range(size))
        body = json.dumps({"query": "{ notices(first: 10000) { nodes { %s } } }" % fields})
        self._socket.sendall(
            f"POST /graphql HTTP/1.1\r\nhost: twin\r\naccept: {accept}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
        )

    def answered(self) -> bool:
        """Whether something of the answer has come."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def rest(self) -> bytes:
        """All that came of the answer."""
        taken = b""
        with closing(self._socket):
            while more := self._socket.recv(1_000_000):
                taken += more
        return taken


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_who_takes_nothing_of_an_answer_is_cut_off(town: Town, accept: str) -> None:
    town.run(
        "INSERT INTO notice (key, source, rule, severity, occurrences, message)"
        " SELECT 'deaf/' || i, 'town', 'no-key', 'ERROR', 1, '' FROM generate_series(1, 10000) i"
        " ON CONFLICT DO NOTHING"
    )
    with Server(Settings(database_url=town.url, connections=1, streams=1, write_timeout_s=0.5)) as server:
        served: Served = server.application.state.served
        deaf = Deaf(server, accept, size=40)
        until(deaf.answered)
        until(lambda: not server.connected)
        until(lambda: served.streams == 0)
        taken = deaf.rest()
        assert taken.startswith(b"HTTP/1.1 200 OK")
        assert not taken.endswith((b"]}}}", b"0\r\n\r\n"))


def long_question(name: str) -> str:
    """A document of some thousand characters, of which each is another."""
    return "{ buildings(first: 1) { nodes { id %s } } }" % " ".join(f"{name}{i}: id" for i in range(300))


def test_others_are_answered_while_a_long_document_is_validated(
    ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_were_answered = threading.Event()

    def slow(schema: GraphQLSchema, document: DocumentNode, **how: Any) -> list[GraphQLError]:
        if len(str(document.loc and document.loc.source.body)) > 2_000:
            assert others_were_answered.wait(30)
        return validate(schema, document, **how)

    monkeypatch.setattr(execute, "validate", slow)

    async def use() -> None:
        def answer(query: str) -> asyncio.Task[execute.Answer]:
            return asyncio.ensure_future(ask.engine.answer(ask.reader, ask.town.city, query))

        long = answer(long_question("a"))
        short = await answer("{ buildings(first: 1) { nodes { short: id } } }")
        assert short.status == 200
        assert not long.done()
        others_were_answered.set()
        assert (await long).status == 200

    ask.loop.run_until_complete(use())


def test_others_are_answered_while_a_short_document_of_many_fields_is_compiled(
    ask: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_were_answered = threading.Event()

    def slow(plan: Plan, city: City) -> Statement:
        if threading.current_thread() is not threading.main_thread():
            assert others_were_answered.wait(30)
        return compile_plan(plan, city)

    monkeypatch.setattr(execute, "compile_plan", slow)
    spread = " ".join(f"d{i}: district {{ ...F }}" for i in range(8))
    many = f"{{ buildings(first: 1) {{ nodes {{ {spread} }} }} }} fragment F on District {{ id code a: id b: id }}"
    assert len(many) < 500

    async def use() -> None:
        def answer(query: str) -> asyncio.Task[execute.Answer]:
            return asyncio.ensure_future(ask.engine.answer(ask.reader, ask.town.city, query))

        large = answer(many)
        short = await answer("{ buildings(first: 1) { nodes { few: id } } }")
        assert short.status == 200
        assert not large.done()
        others_were_answered.set()
        assert (await large).status == 200

    ask.loop.run_until_complete(use())


def test_a_long_document_waits_for_others_only_so_long(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def slow(schema: GraphQLSchema, document: DocumentNode, **how: Any) -> list[GraphQLError]:
        assert ended.wait(30)
        return validate(schema, document, **how)

    monkeypatch.setattr(execute, "validate", slow)
    asked = Asked(town, Settings(database_url=town.url, connections=1, waiting_timeout_s=0.1))
    answer = asked.answer(long_question("b"))
    ended.set()
    asked.close()
    assert (answer.status, answer.retry_after_s) == (503, 1)
    assert json.loads(answer.body)["errors"][0]["extensions"]["code"] == "OVERLOADED"
