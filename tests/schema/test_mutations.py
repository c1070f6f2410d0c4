"""Decisions about links over HTTP: who may, what is answered, and what a GET is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from schema.app import create
from tests.town import Town
from twin.errors import BadRequest
from twin.settings import Settings

TOKEN = "a-token-of-ana-42"
ANA = {"authorization": f"Bearer {TOKEN}"}
DECIDE = """
mutation Decide($link: LinkReference!, $reason: String!, $more: Boolean = true) {
  done: acceptLink(link: $link, reason: $reason) {
    __typename
    link { ...Decided subject @include(if: $more) { id label } }
    link { object { __typename id ... on Building { cadastralId } } }
  }
}
fragment Decided on Link { id type status method score evidence decidedBy reason }
"""
WITHDRAW = 'mutation { withdrawDecision(link: {claim: {type: IN_BUILDING, subject: "Site:s0", object: "Building:b.1"}}) { link { id } } }'
LINK = {"claim": {"type": "IN_BUILDING", "subject": "Site:s0", "object": "Building:b.1"}}


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    settings = Settings(database_url=town.url, connections=2, curators=(("boris", "b" * 16), ("ana", TOKEN)))
    with TestClient(create(settings)) as client:
        yield client


def post(client: TestClient, query: str, headers: dict[str, str] = ANA, **variables: Any) -> Any:
    return client.post("/town/graphql", json={"query": query, "variables": variables}, headers=headers)


def test_a_curator_decides_and_sees_the_link_as_it_is_then(client: TestClient) -> None:
    answer = post(client, DECIDE, link=LINK, reason="I was there")
    assert answer.status_code == 200
    assert answer.json() == {
        "data": {
            "done": {
                "__typename": "DecisionPayload",
                "link": {
                    "id": "Link:IN_BUILDING/Site/s0/b.1", "type": "IN_BUILDING", "status": "ACCEPTED",
                    "method": "CURATED", "score": 1.0, "evidence": {}, "decidedBy": "ana", "reason": "I was there",
                    "subject": {"id": "Site:s0", "label": "Обект 0"},
                    "object": {"__typename": "Building", "id": "Building:b.1", "cadastralId": "b.1"},
                },
            }
        }
    }  # fmt: skip
    site = '{ node(id: "Site:s0") { ... on Site { building { id } } } }'
    assert post(client, site, {}).json()["data"]["node"]["building"] == {"id": "Building:b.1"}
    assert post(client, WITHDRAW).json() == {"data": {"withdrawDecision": {"link": None}}}
    assert post(client, site, {}).json()["data"]["node"]["building"] != {"id": "Building:b.1"}


def test_of_several_decisions_each_is_carried_out_or_refused_by_itself(client: TestClient) -> None:
    query = """mutation($link: LinkReference!) {
      a: rejectLink(link: $link, reason: "no door there") { link { status } }
      b: rejectLink(link: {id: "Link:none"}, reason: "x") { link { status } }
      c: withdrawDecision(link: $link) { link { status } }
    }"""
    answer = post(client, query, link=LINK)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"a": {"link": {"status": "REJECTED"}}, "b": None, "c": {"link": None}}
    [error] = answer.json()["errors"]
    assert error["path"] == ["b"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert 'there is no link "Link:none"' in error["message"]


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}, {"authorization": "Bearer "}]
)  # fmt: skip
def test_without_a_curators_token_nothing_is_decided(client: TestClient, headers: dict[str, str]) -> None:
    answer = post(client, DECIDE, headers, link=LINK, reason="x")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


def test_a_server_without_curators_says_so(town: Town) -> None:
    with TestClient(create(Settings(database_url=town.url, connections=1))) as client:
        answer = post(client, DECIDE, link=LINK, reason="x")
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["message"] == "curation is not enabled on this server"


def test_a_mutation_by_get_is_not_allowed(client: TestClient) -> None:
    answer = client.get("/town/graphql", params={"query": WITHDRAW}, headers=ANA)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    # nor is one that lacks variables, or is not valid at all
    for wrong in (DECIDE, "mutation { forgetAll }"):
        assert client.get("/town/graphql", params={"query": wrong}, headers=ANA).status_code == 405


def test_whoever_may_not_decide_is_told_that_first(client: TestClient) -> None:
    for wrong in (DECIDE, "mutation { forgetAll }"):
        assert client.post("/town/graphql", json={"query": wrong}).status_code == 401


def test_a_mutation_is_not_carried_out_for_a_dry_run(client: TestClient) -> None:
    asked = {"query": DECIDE, "variables": {"link": LINK, "reason": "x"}, "extensions": {"dryRun": True}}
    answer = client.post("/town/graphql", json=asked, headers=ANA)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == "a dry run is of a query; a mutation would be carried out"


@pytest.mark.parametrize(
    ("query", "variables", "told"),
    [
        (DECIDE, {"link": {}, "reason": "x"}, "exactly one"),
        (DECIDE, {"link": {"id": "Link:x", **LINK}, "reason": "x"}, "exactly one"),
        (DECIDE, {"link": LINK}, "Variable '$reason'"),
        (
            'mutation { acceptLink(link: {id: "Link:x"}, reason: "x") { score } }',
            {},
            "Cannot query field 'score'",
        ),
        ("mutation { forgetAll { id } }", {}, "Cannot query field 'forgetAll'"),
    ],
)
def test_a_wrong_mutation_is_told_what_is_wrong(
    client: TestClient, query: str, variables: dict[str, Any], told: str
) -> None:
    answer = post(client, query, **variables)
    assert told.lower() in answer.json()["errors"][0]["message"].lower()
    assert "data" not in answer.json()


def test_no_token_is_logged_or_shown(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        post(client, DECIDE, link=LINK, reason="x")
        post(client, WITHDRAW)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(Settings(curators=(("ana", TOKEN),)))
    with pytest.raises(BadRequest, match="TWIN_CURATORS: entry 2") as refused:
        Settings.from_environment({"TWIN_CURATORS": f"ana:{TOKEN},boris:short-one"})
    assert "short-one" not in str(refused.value)


def test_nothing_is_decided_where_what_is_asked_of_the_link_cannot_be_answered(client: TestClient) -> None:
    many = "sites(first: 10000) { nodes { building { addresses(first: 10000) { nodes { id } } } } }"
    answer = post(
        client,
        f'mutation {{ rejectLink(link: {{claim: {{type: IN_BUILDING, subject: "Site:s0", object: "Building:b.2"}}}}, reason: "no") {{'
        f" link {{ subject {{ ... on Site {{ building {{ {many} }} }} }} }} }} }}",
    )
    assert "rows" in answer.json()["errors"][0]["message"]
    left = post(client, "{ links(where: {status: {eq: REJECTED}}) { nodes { id } } }").json()
    assert left == {"data": {"links": {"nodes": []}}}
