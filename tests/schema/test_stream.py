"""Streams: a connection of any length as NDJSON, its lines those of the pages, ended as soon as nobody reads."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

import orjson
import psycopg
import pytest
import zstandard
from click.testing import CliRunner
from starlette.testclient import TestClient

from schema import stream
from schema.app import create
from tests.schema.conftest import Asked
from tests.town import Town
from twin.cli import main
from twin.settings import Settings

NDJSON = {"accept": "application/x-ndjson"}
NOTICES = 6_000


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    town.run(
        "INSERT INTO notice (key, source, rule, severity, occurrences, message)"
        " SELECT 'n/' || to_char(i, 'FM00000'), 'town', 'no-key', 'ERROR', 1, repeat('дълго ', 40)"
        f" FROM generate_series(1, {NOTICES}) i"
    )
    with TestClient(create(settings(town))) as client:
        yield client


def settings(town: Town) -> Settings:
    return Settings(database_url=town.url, connections=2, page_ceiling=2, streams=1)


def streamed(client: TestClient, query: str, **variables: Any) -> list[Any]:
    answer = client.post("/graphql", json={"query": query, "variables": variables}, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content.endswith(b"\n") or not answer.content
    return [orjson.loads(line) for line in answer.content.splitlines()]


@pytest.mark.parametrize(
    ("connection", "selection"),
    [
        ("buildings", "nodes { id geometry currentUse { label } sites(first: 2) { nodes { id name } } }"),
        ("buildings", "edges { cursor node { id footprintAreaM2 } }"),
        ("transitStops(orderBy: [{name: DESC}])", "nodes { name routes { nodes { shortName stops { totalCount } } } }"),
        ("sites(orderBy: [{distance: {point: {lon: 23.32, lat: 42.69}}}])", "edges { distanceM node { id } }"),
        ('sites(where: {position: {within: {entity: "District:68134-01"}}})', "nodes { id }"),
        ("districts(first: 2)", "all: nodes { id }"),
        ("links", "nodes { id subject { id } evidence }"),
        ("businesses", "nodes { " + " ".join(f"f{i}: eik" for i in range(120)) + " }"),
    ],
)  # fmt: skip
def test_its_lines_are_the_records_of_the_page(
    client: TestClient, ask: Asked, connection: str, selection: str
) -> None:
    query = f"{{ list: {connection} {{ {selection} }} }}"
    (page,) = ask(query)["list"].values()
    assert page
    assert streamed(client, query) == page


def test_it_is_longer_than_a_page_may_be(client: TestClient) -> None:
    whole = streamed(client, "{ notices { nodes { id message } } }")
    assert [one["id"] for one in whole] == [f"Notice:n/{i:05}" for i in range(1, NOTICES + 1)]
    some = streamed(client, "query($n: Int!) { notices(first: $n) { nodes { id message } } }", n=5_000)
    assert some == whole[:5_000]


def test_it_goes_on_behind_a_cursor(client: TestClient) -> None:
    whole = streamed(client, "{ notices { edges { cursor node { id } } } }")
    after = whole[4_000]["cursor"]
    rest = streamed(
        client, "query($c: String) { notices(after: $c) { edges { cursor node { id } } } }", c=after
    )
    assert rest == whole[4_001:]


def test_nothing_found_is_no_line(client: TestClient) -> None:
    assert streamed(client, '{ districts(where: {code: {eq: "x"}}) { nodes { id } } }') == []


@pytest.mark.parametrize(
    ("accept", "coding"),
    [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0.5, gzip", "gzip"), ("gzip;q=0", None), ("", None)],
)
def test_it_can_be_asked_for_by_get_and_as_small_as_the_caller_can_read(
    client: TestClient, accept: str, coding: str | None
) -> None:
    parameters = {"query": "{ notices { nodes { id message } } }"}

    def ask(accept: str) -> tuple[str | None, bytes]:
        headers = NDJSON | {"accept-encoding": accept}
        with client.stream("GET", "/town/graphql", params=parameters, headers=headers) as answer:
            return answer.headers.get("content-encoding"), b"".join(answer.iter_raw())

    seen, packed = ask(accept)
    _, plain = ask("identity")
    assert seen == coding
    if coding == "gzip":
        assert gzip.decompress(packed) == plain
    elif coding == "zstd":
        assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == plain
    else:
        assert packed == plain
    assert coding is None or len(packed) < len(plain) / 10


def test_a_head_runs_no_stream(client: TestClient) -> None:
    answer = client.head("/graphql", params={"query": "{ notices { nodes { id } } }"}, headers=NDJSON)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{ castles { nodes { id } } }", "Cannot query field 'castles'"),
        ("{ a: buildings { nodes { id } } b: sites { nodes { id } } }", "ask for exactly one field"),
        ('{ node(id: "Building:b.1") { id } }', "ask for exactly one field such as buildings"),
        ("{ __typename }", "ask for exactly one field such as buildings"),
        (
            "{ __schema { __typename } buildings { nodes { id } } }",
            "ask for exactly one field such as buildings",
        ),
        ("{ buildings { totalCount } }", "buildings: a stream is of nodes or of edges"),
        ("{ buildings { nodes { id } pageInfo { endCursor } } }", "select exactly one of them"),
        ("{ buildings(last: 5) { nodes { id } } }", "buildings: a stream is read from its front"),
        ("{ buildings(first: -1) { nodes { id } } }", "buildings.first: is -1; ask for 0 rows or more"),
        ('{ buildings(after: "x") { nodes { id } } }', '"x" is no cursor of this list'),
        (
            '{ sites(where: {position: {within: {entity: "District:x"}}}) { nodes { id } } }',
            'sites.where.position.within.entity: there is no "District:x"',
        ),
        ("{ districts { nodes { buildings(first: 3) { nodes { id } } } } }", "ask for 0 to 2 rows"),
    ],
)
def test_what_is_wrong_at_once_is_an_ordinary_error(client: TestClient, query: str, told: str) -> None:
    answer = client.post("/graphql", json={"query": query}, headers=NDJSON)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/graphql-response+json"
    (error,) = answer.json()["errors"]
    assert told in error["message"]


def test_a_mutation_is_no_stream(client: TestClient) -> None:
    query = 'mutation { withdrawDecision(link: {id: "Link:x"}) { link { id } } }'
    assert client.post("/graphql", json={"query": query}, headers=NDJSON).status_code == 400


def test_each_line_keeps_to_the_limits_of_an_operation(client: TestClient, town: Town) -> None:
    query = "{ districts { nodes { sites(first: 2) { nodes { id building { id } } } } } }"
    assert len(streamed(client, query)) == 3
    narrow = Settings(database_url=town.url, connections=1, rows_ceiling=4)
    with TestClient(create(narrow)) as other:
        answer = other.post("/graphql", json={"query": query}, headers=NDJSON)
        assert "the operation may read up to 5 rows; 4 are allowed" in answer.json()["errors"][0]["message"]


LONG = "{ notices { nodes { id message } } }"


def pieces(ask: Asked, query: str = LONG) -> AsyncGenerator[bytes, None]:
    return stream.lines(ask.engine, ask.reader, ask.town.city, query)


def running(town: Town) -> list[int]:
    """The connections that stream now."""
    with psycopg.connect(town.url) as connection:
        return [
            row[0]
            for row in connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ~ 'streamed'"
                " AND pid <> pg_backend_pid()"
            )
        ]


def test_what_fails_later_is_told_in_the_last_line(client: TestClient, town: Town, ask: Asked) -> None:
    async def run() -> bytes:
        lines = pieces(ask)
        whole = await anext(lines)
        (pid,) = running(town)
        town.run(f"SELECT pg_terminate_backend({pid})")
        async for piece in lines:
            whole += piece
        return whole

    *found, last = ask.loop.run_until_complete(run()).splitlines()
    assert 0 < len(found) < NOTICES
    assert orjson.loads(found[-1])["id"] == f"Notice:n/{len(found):05}"
    assert orjson.loads(last)["errors"][0]["extensions"]["code"] in ("UNAVAILABLE", "INTERNAL")


def test_one_that_takes_too_long_is_ended(client: TestClient, town: Town) -> None:
    hurried = Settings(database_url=town.url, connections=1, stream_timeout_s=0.05)
    asked = Asked(town, hurried)

    async def run() -> bytes:
        lines = pieces(asked)
        whole = await anext(lines)
        await asyncio.sleep(0.1)
        async for piece in lines:
            whole += piece
        return whole

    try:
        *found, last = asked.loop.run_until_complete(run()).splitlines()
    finally:
        asked.close()
    assert len(found) < NOTICES
    assert "the stream took longer than 0.05 s and was ended" in orjson.loads(last)["errors"][0]["message"]


def gone(town: Town) -> bool:
    until = time.monotonic() + 20
    while running(town):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_who_stops_reading_ends_the_statement(client: TestClient, town: Town, ask: Asked) -> None:
    async def run() -> None:
        lines = pieces(ask)
        await anext(lines)
        assert running(town)
        await lines.aclose()

    ask.loop.run_until_complete(run())
    assert gone(town)


class Caller:
    """A client of the application itself: takes the first piece, then waits until it is let go."""

    def __init__(self, client: TestClient) -> None:
        self.app: Any = client.app
        self.statuses: list[int] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.started = asyncio.Event()
        self.leave = asyncio.Event()

    async def ask(self) -> None:
        body = orjson.dumps({"query": LONG})
        sent = False

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            await self.leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])
                self.headers.append(dict(message["headers"]))
            elif self.statuses == [200]:
                self.started.set()
                await self.leave.wait()  # a slow client: its socket takes no more

        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "query_string": b"",
            "headers": [(b"accept", b"application/x-ndjson"), (b"content-type", b"application/json")],
        }  # fmt: skip
        await self.app(scope, receive, send)


def in_app(town: Town, act: Callable[[TestClient], Awaitable[None]]) -> None:
    """Run within the event loop of an application of its own."""
    app = create(settings(town))
    client = TestClient(app)

    async def run() -> None:
        async with app.app.router.lifespan_context(app.app):
            await act(client)

    asyncio.run(run())


def test_a_client_that_leaves_ends_the_statement_and_makes_room(client: TestClient, town: Town) -> None:
    async def act(client: TestClient) -> None:
        first, second, third = Caller(client), Caller(client), Caller(client)
        asking = asyncio.create_task(first.ask())
        await first.started.wait()
        assert running(town)
        await second.ask()
        assert second.statuses == [503]
        assert second.headers[0][b"retry-after"] == b"10"
        first.leave.set()
        await asking
        assert await asyncio.to_thread(gone, town)
        asking = asyncio.create_task(third.ask())
        await third.started.wait()
        assert third.statuses == [200]
        third.leave.set()
        await asking

    in_app(town, act)


def test_the_command_line_streams_too(
    client: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWIN_DATABASE_URL", town.url)
    asked = CliRunner().invoke(main, ["query", "-", "--city", "town", "--stream"], input=LONG)
    assert asked.exit_code == 0
    assert asked.stdout_bytes == client.post("/graphql", json={"query": LONG}, headers=NDJSON).content
    wrong = CliRunner().invoke(
        main, ["query", "-", "--city", "town", "--stream"], input="{ buildings { totalCount } }"
    )
    assert (wrong.exit_code, "a stream is of nodes or of edges" in wrong.stdout) == (1, True)
