"""Answers made smaller for who can read them so."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import orjson
import pytest
import zstandard
from starlette.testclient import TestClient

from schema.app import create
from tests.town import Town
from twin.settings import Settings

#: 2 kB, and 200 kB, which another thread compresses
LONG = "{ %s }" % " ".join(f"n{n}: buildings {{ totalCount }}" for n in range(70))
LARGE = "{ __schema { types { name description fields { name description args { name description } } } } }"


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    with TestClient(create(Settings(database_url=town.url, connections=1))) as client:
        yield client


@pytest.mark.parametrize("query", [LONG, LARGE])
@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("identity", None),
        ("br, deflate", None),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0, gzip;q=0", None),
        ("GZIP", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0.1, identity", None),
        ("gzip;q=x", None),
    ],
)
def test_an_answer_is_as_small_as_the_caller_can_read(
    client: TestClient, query: str, accept: str, coding: str | None
) -> None:
    def ask(accept: str) -> tuple[str | None, bytes]:
        with client.stream(
            "POST", "/graphql", json={"query": query}, headers={"accept-encoding": accept}
        ) as answer:
            raw = b"".join(answer.iter_raw())
            assert answer.headers["content-length"] == str(len(raw))
            assert answer.headers["vary"] == "accept, accept-encoding"
            return answer.headers.get("content-encoding"), raw

    seen, raw = ask(accept)
    assert seen == coding
    _, plain = ask("identity")
    if coding == "gzip":
        assert gzip.decompress(raw) == plain
    else:
        assert (zstandard.decompress(raw) if coding else raw) == plain
    assert orjson.loads(plain)["data"]
    assert coding is None or len(raw) < len(plain) / 2


def test_a_tile_is_as_small_as_the_caller_can_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.compression._LEAST_BYTES", 1)
    answer = client.get("/town/tiles/16/37012/24157.mvt", headers={"accept-encoding": "gzip"})
    plain = client.get("/town/tiles/16/37012/24157.mvt", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == plain.content != b""


def test_a_short_answer_is_sent_as_it_is(client: TestClient) -> None:
    answer = client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"accept-encoding": "zstd, gzip"}
    )
    assert "content-encoding" not in answer.headers
