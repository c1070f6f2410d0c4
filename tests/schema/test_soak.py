"""A minute of far too much: 500 connections that never stop asking. Run by `make soak`."""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.processes import Served
from tests.town import Town

CONNECTIONS, SECONDS = 500, 60.0
#: a request that is accepted waits for so long at most, and its statement runs for so long at most
WAITING_S, STATEMENT_S = 2.0, 3.0
MB = 2**20

FORMS = (
    "{ %s: buildings(where: {storeysAboveGround: {gte: 1}}) { nodes { id geometry district { nameBg } } } }",
    "{ %s: districts { nodes { nameBg buildings { totalCount } sites(first: 5) { nodes { name } } } } }",
    '{ %s: node(id: "Building:b.1") { id ... on Building { heightM district { id code } } } }',
    "{ %s: transitStops(orderBy: [{distance: {point: {lon: 23.31, lat: 42.69}}}]) { edges { distanceM } } }",
)
#: each is answered under a name of its own, so that no answer can pass for another's
ASKED = [FORMS[i % len(FORMS)] % f"a{i}" for i in range(100)]


def request(query: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: twin\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    return (head % len(body)).encode() + body


class Caller:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, port: int, expected: dict[str, bytes]) -> None:
        self.port = port
        self.expected = expected
        self.took: list[float] = []
        self.seen: Counter[str] = Counter()

    async def ask_until(self, end: float, chance: random.Random) -> None:
        while time.monotonic() < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                while time.monotonic() < end:
                    query = chance.choice(ASKED)
                    if chance.random() < 0.01:  # a client that does not wait for its answer
                        writer.write(request(query))
                        await asyncio.sleep(chance.random() * 0.1)
                        self.seen["left"] += 1
                        break
                    began = time.monotonic()
                    writer.write(request(query))
                    status, headers, body = await answer(reader)
                    if status == 503:
                        assert json.loads(body)["errors"][0]["extensions"]["code"] == "OVERLOADED"
                        assert int(headers["retry-after"]) == WAITING_S
                        self.seen["refused"] += 1
                        await asyncio.sleep(chance.random() * 0.5)
                        continue
                    assert (status, body) == (200, self.expected[query])
                    self.took.append(time.monotonic() - began)
            finally:
                writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split()[1]), headers, body


async def answers(port: int) -> dict[str, bytes]:
    """What each question is answered when nobody else asks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = {}
    for query in ASKED:
        writer.write(request(query))
        status, _, body = await asyncio.wait_for(answer(reader), 2)
        assert status == 200, body
        found[query] = body
    writer.close()
    return found


def memory(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.soak
def test_a_minute_of_overload_breaks_nothing(town: Town) -> None:
    settings = {
        "TWIN_DATABASE_URL": town.url,
        "TWIN_WAITING_CEILING": "200",
        "TWIN_WAITING_TIMEOUT_S": str(WAITING_S),
        "TWIN_STATEMENT_TIMEOUT_S": str(STATEMENT_S),
    }

    async def use(served: Served) -> None:
        assert served.pid is not None
        expected = await answers(served.port)
        callers = [Caller(served.port, expected) for _ in range(CONNECTIONS)]
        end = time.monotonic() + SECONDS
        asking = asyncio.gather(*(c.ask_until(end, random.Random(i)) for i, c in enumerate(callers)))
        # what is allocated once for so many connections is there by then
        await asyncio.sleep(SECONDS / 3)
        early = memory(served.pid)
        await asking
        late = memory(served.pid)
        took = [seconds for caller in callers for seconds in caller.took]
        seen = sum((caller.seen for caller in callers), Counter[str]())
        p99 = statistics.quantiles(took, n=100)[98]
        print(f"{len(took)} answers, {dict(seen)}, p99 {p99:.2f} s, {early / MB:.0f} to {late / MB:.0f} MB")  # noqa: T201
        assert seen["refused"]
        assert p99 <= WAITING_S + STATEMENT_S
        assert late <= early * 1.1 + 10 * MB
        await asyncio.sleep(5)
        assert await answers(served.port) == expected

    with Served({**os.environ, **settings}) as served:
        asyncio.run(use(served))
