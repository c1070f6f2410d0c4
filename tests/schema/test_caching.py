"""Answers that may be kept: until the city's data change, and never asked of the database while they hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from schema.app import create
from schema.http import GRAPHQL, JSON
from schema.served import Served
from schema.versions import BOUND_S
from tests.town import CITY, Town
from twin import curation
from twin.cluster import Cluster
from twin.curation import Claim
from twin.database import connect, prepare, register_city
from twin.errors import BadRequest
from twin.settings import Settings
from twin.versions import Part, changing, mark_changed

BUILDINGS = {"query": "{ buildings { totalCount } }"}
TOKEN = "0123456789abcdef"


class Asked:
    """A server over the town that reads versions, and for which time passes, only when a test says so."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.served: Served = client.app.state.served  # type: ignore[attr-defined]
        self.statements = 0
        fetch = self.served.reader.fetch

        async def counted(*what: Any, **how: Any) -> Any:
            self.statements += 1
            return await fetch(*what, **how)

        self.served.reader.fetch = counted
        task = self.served.versions._task
        assert task is not None
        self._call(task.cancel)
        self.now_s = 0.0
        self.served.versions._clock = lambda: self.now_s

    def _call(self, what: Callable[..., Any]) -> None:
        assert self.client.portal is not None
        self.client.portal.call(what)

    def learn(self) -> None:
        """What the background does every half second."""
        self._call(self.served.versions.read)

    def get(self, tag: str | None = None, path: str = "/graphql", **parameters: str) -> Any:
        self.statements = 0
        headers = {"if-none-match": tag} if tag else {}
        return self.client.get(path, params=parameters or BUILDINGS, headers=headers)


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    settings = Settings(
        database_url=town.url,
        connections=1,
        curators=(("ana", TOKEN),),
        callers=(("registry", "of the registry!", 1_000_000),),
    )
    town.run("INSERT INTO twin.version (city, part) VALUES ('town', 'data') ON CONFLICT DO NOTHING")
    with TestClient(create(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def asked(client: TestClient) -> Asked:
    return Asked(client)


@pytest.fixture(autouse=True)
def _known(asked: Asked) -> None:
    asked.learn()


def test_an_answer_that_still_holds_is_not_asked_of_the_database(asked: Asked) -> None:
    first = asked.get()
    assert first.status_code == 200
    assert asked.statements == 1
    assert first.headers["cache-control"] == "public, no-cache"
    assert first.headers["vary"] == "accept, accept-encoding"
    tag = first.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = asked.get(known)
        assert (again.status_code, again.content, asked.statements) == (304, b"", 0)
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "public, no-cache"
        assert again.headers["vary"] == "accept, accept-encoding"
        assert again.headers["access-control-allow-origin"] == "*"
    assert asked.client.head("/graphql", params=BUILDINGS, headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize("known", ['"other"', "*", '""', "W/", "nothing, at, all"])
def test_what_the_caller_has_of_others_is_no_answer(asked: Asked, known: str) -> None:
    assert asked.get(known).json() == {"data": {"buildings": {"totalCount": 3}}}


def test_each_question_has_its_own_tag(asked: Asked) -> None:
    query = "query A($c: String) { districts(where: {code: {eq: $c}}) { totalCount } } query B { __typename }"
    tags = [
        asked.get(query=query, operationName=operation, variables=json.dumps({"c": code})).headers["etag"]
        for operation in ("A", "B")
        for code in ("68134-01", "68134-02")
    ]
    assert len(set(tags)) == 4


def test_an_answer_holds_in_every_coding_and_has_a_tag_of_its_own_in_each_media_type(asked: Asked) -> None:
    query = "{ %s }" % " ".join(f"n{n}: buildings {{ totalCount }}" for n in range(70))
    answers = [
        asked.client.get(
            "/graphql", params={"query": query}, headers={"accept-encoding": coding, "accept": kind}
        )
        for coding in ("gzip", "zstd", "identity")
        for kind in (JSON, GRAPHQL)
    ]
    assert len({answer.headers.get("content-encoding") for answer in answers}) == 3
    tags = {(answer.headers["content-type"], answer.headers["etag"]) for answer in answers}
    assert {kind for kind, _ in tags} == {JSON, GRAPHQL}
    assert len(tags) == len({tag for _, tag in tags}) == 2
    assert all(tag.startswith("W/") for _, tag in tags)


def test_whoever_is_nobody_is_not_told_that_an_answer_holds(asked: Asked) -> None:
    tag = asked.get().headers["etag"]
    for known in ({}, {"if-none-match": tag}):
        answer = asked.client.get(
            "/graphql", params=BUILDINGS, headers={"authorization": "Bearer nobodys-token-at-all", **known}
        )
        assert answer.status_code == 401


def test_a_search_may_be_kept_too(asked: Asked) -> None:
    query = '{ search(text: "Средец") { nodes { id } } }'
    answer = asked.get(query=query)
    assert answer.json()["data"]["search"]["nodes"]
    assert asked.get(answer.headers["etag"], query=query).status_code == 304


def test_a_tile_that_still_holds_is_not_asked_of_the_database(asked: Asked) -> None:
    path = "/town/tiles/16/37012/24157.mvt"
    first = asked.get(path=path, of="none")
    assert first.content
    assert first.headers["cache-control"] == "public, max-age=300"
    assert first.headers["access-control-allow-origin"] == "*"
    again = asked.get(first.headers["etag"], path=path, of="none")
    assert (again.status_code, again.content, asked.statements) == (304, b"", 0)
    other = asked.get(first.headers["etag"], path="/town/tiles/16/37012/24158.mvt", of="none")
    assert other.status_code == 200


def test_what_depends_on_the_day_is_not_kept(asked: Asked) -> None:
    answer = asked.get(query="{ sources { ageDays } }")
    assert answer.json()["data"]
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


def test_neither_mistakes_nor_posts_nor_mutations_are_kept(asked: Asked) -> None:
    mutation = 'mutation { withdrawLink(link: {id: "Link:none"}) { link { id } } }'
    for answer in (
        asked.get(query="{ castles }"),
        asked.get(query='{ buildings(after: "x") { nodes { id } } }'),
        asked.get(path="/atlantis/graphql"),
        asked.client.post("/graphql", json=BUILDINGS),
        asked.client.post("/graphql", json={"query": mutation}, headers={"authorization": f"Bearer {TOKEN}"}),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_an_operator_may_let_answers_be_kept_unasked(town: Town) -> None:
    with TestClient(create(Settings(database_url=town.url, connections=1, cache_max_age_s=60))) as client:
        answer = client.get("/graphql", params=BUILDINGS)
        assert answer.headers["cache-control"] == "public, max-age=60"


def test_nothing_holds_while_the_last_change_is_not_known(asked: Asked) -> None:
    """The database was not reached for a while, or the server was too busy to ask it."""
    tag = asked.get().headers["etag"]
    asked.now_s += BOUND_S
    assert asked.get(tag).status_code == 304
    asked.now_s += 0.001
    answer = asked.get(tag)
    assert (answer.status_code, asked.statements) == (200, 1)
    assert "etag" not in answer.headers


# --- what changes a city's data -------------------------------------------------------------------------
def test_a_committed_change_ends_what_held(asked: Asked, town: Town) -> None:
    tag = asked.get().headers["etag"]
    with connect(town.url, city=CITY.name) as connection:
        connection.autocommit = True
        with changing(connection):
            connection.execute("UPDATE building SET height_m = 7 WHERE key = 'b.1'")
            asked.learn()
            assert asked.get(tag).status_code == 304  # it is not committed yet
    asked.learn()
    assert asked.get(tag).status_code == 200


def test_what_is_undone_changes_nothing(asked: Asked, town: Town) -> None:
    tag = asked.get().headers["etag"]
    with connect(town.url, city=CITY.name) as connection:
        mark_changed(connection)
        connection.rollback()
    asked.learn()
    assert asked.get(tag).status_code == 304


def test_the_notes_of_a_run_wait_for_no_load(asked: Asked, town: Town) -> None:
    """`twin load --atomic` notes each run while the transaction of all of them is open."""
    tag = asked.get().headers["etag"]
    with connect(town.url, city=CITY.name) as data, connect(town.url, city=CITY.name) as runs:
        runs.execute("SET lock_timeout = '5s'")
        mark_changed(data)
        mark_changed(runs, Part.RUNS)
        runs.commit()
        asked.learn()
        assert asked.get(tag).status_code == 200


def test_a_decision_ends_what_held(asked: Asked, town: Town) -> None:
    tag = asked.get().headers["etag"]
    claim = Claim("IN_BUILDING", "Site:s1", "Building:b.1")
    curation.accept(town.url, CITY, claim, reason="seen there", author="ana")
    asked.learn()
    accepted = asked.get(tag)
    assert accepted.status_code == 200
    curation.withdraw(town.url, CITY, claim, author="ana")
    asked.learn()
    assert asked.get(accepted.headers["etag"]).status_code == 200


def test_a_user_who_may_only_read_is_told_that_a_database_of_an_older_program_is_not_ready(
    cluster: Cluster, template: str
) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE read_only TEMPLATE {template}".encode())
        connection.execute("CREATE ROLE only_reads")
    with psycopg.connect(cluster.url("read_only"), autocommit=True) as connection:
        connection.execute("DROP TABLE twin.version")
        connection.execute("GRANT USAGE ON SCHEMA twin TO only_reads")
    for how in ("-c role=only_reads", "-c default_transaction_read_only=on"):
        url = psycopg.conninfo.make_conninfo(cluster.url("read_only"), options=how)
        with pytest.raises(BadRequest, match="not ready for this version of the twin, and its user may not"):
            prepare(Settings(database_url=url))


def test_a_city_that_was_made_by_an_older_program_has_a_version(cluster: Cluster, template: str) -> None:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE older TEMPLATE {template}".encode())
    register_city(cluster.url("older"), CITY)
    with psycopg.connect(cluster.url("older"), autocommit=True) as connection:
        connection.execute("DROP TABLE twin.version")
        prepare(Settings(database_url=cluster.url("older")))
        rows = connection.execute("SELECT city, part FROM twin.version").fetchall()
    assert rows == [("town", "data")]
