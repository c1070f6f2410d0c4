"""The server over HTTP: GraphQL's status codes and media types, followed ids, health, plain refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from schema.app import create
from schema.http import GRAPHQL, JSON
from tests.town import Town
from twin.settings import Settings


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    settings = Settings(database_url=town.url, connections=2, request_bytes_ceiling=10_000)
    with TestClient(create(settings)) as client:
        yield client


def test_post_answers_for_the_default_city_and_a_named_one(client: TestClient) -> None:
    asked = {"query": "{ districts { totalCount } }"}
    for path in ("/graphql", "/town/graphql"):
        answer = client.post(path, json=asked)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"data": {"districts": {"totalCount": 3}}}


def test_get_answers_too(client: TestClient) -> None:
    query = "query($c: String) { districts(where: {code: {eq: $c}}) { totalCount } }"
    answer = client.get("/graphql", params={"query": query, "variables": '{"c": "68134-01"}'})
    assert answer.json() == {"data": {"districts": {"totalCount": 1}}}


def test_get_chooses_an_operation_and_takes_what_it_does_not_know(client: TestClient) -> None:
    query = "query A { districts { totalCount } } query B { buildings { totalCount } }"
    asked = {
        "query": query,
        "operationName": "B",
        "variables": "",
        "extensions": '{"of": "others"}',
        "x": "1",
    }
    assert client.get("/town/graphql", params=asked).json() == {"data": {"buildings": {"totalCount": 3}}}


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "query is missing"),
        ({"query": "{ __typename }", "variables": "{"}, "variables are no JSON"),
        ({"query": "{ __typename }", "variables": "[]"}, "variables is no object"),
        ({"query": "{ __typename }", "extensions": "1"}, "extensions is no object"),
        ({"query": "{ __typename }"} | {f"p{n}": "1" for n in range(20)}, "more than 20 parameters"),
    ],
)
def test_a_malformed_address_is_told_so(client: TestClient, parameters: dict[str, str], told: str) -> None:
    answer = client.get("/graphql", params=parameters)
    assert answer.status_code == 400
    assert told in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON};q=0.9", JSON),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"text/html, {JSON}", JSON),
        ("APPLICATION/GraphQL-Response+JSON", GRAPHQL),
        ("text/csv", None),
        (f"{JSON};q=0, */*", None),
        (f"{JSON}; charset=utf-16", None),
    ],
)
def test_the_media_type_is_the_one_that_is_wanted(client: TestClient, accept: str, kind: str | None) -> None:
    answer = client.post("/graphql", json={"query": "{ __typename }"}, headers={"accept": accept})
    assert answer.status_code == (200 if kind else 406)
    assert answer.headers["content-type"] == (kind or JSON)
    if kind is None:
        assert GRAPHQL in answer.json()["errors"][0]["message"]


def test_other_methods_are_told_which_there_are(client: TestClient) -> None:
    for method in ("PUT", "DELETE", "OPTIONS"):
        answer = client.request(method, "/town/graphql")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD, POST"
    assert client.head("/graphql", params={"query": "{ __typename }"}).status_code == 200


def test_a_mutation_is_no_get(client: TestClient) -> None:
    answer = client.get("/graphql", params={"query": "mutation { __typename }"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_browser_that_asks_nothing_gets_graphiql(client: TestClient) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = client.get("/town/graphql", headers=browser)
    assert page.headers["content-type"].startswith("text/html" if page.status_code == 200 else "text/plain")
    answer = client.get("/town/graphql", params={"query": "{ __typename }"}, headers=browser)
    assert answer.json() == {"data": {"__typename": "Query"}}


def test_what_only_looks_like_the_endpoint_is_not_there(client: TestClient) -> None:
    assert client.post("/town/town/graphql", json={"query": "{ __typename }"}).status_code == 404


@pytest.mark.parametrize(("accept", "status"), [(GRAPHQL, 400), (JSON, 200), ("*/*", 200)])
def test_a_wrong_query_has_the_status_of_its_media_type(client: TestClient, accept: str, status: int) -> None:
    answer = client.post("/graphql", json={"query": "{ castles }"}, headers={"accept": accept})
    assert answer.status_code == status
    assert "Cannot query field 'castles'" in answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    ("body", "kind", "status", "told"),
    [
        (b'{"query": ', "application/json", 400, "the body is no JSON"),
        (b"[]", "application/json", 400, "the body is no object"),
        (b"{}", "application/json", 400, "query is missing"),
        (b'{"query": "{ x }", "variables": []}', "application/json", 400, "variables is no object"),
        (b'{"query": "{ x }", "operationName": 1}', "application/json", 400, "operationName is no text"),
        (b"query=x", "application/x-www-form-urlencoded", 415, "send application/json"),
        (b"{}", "application/json; charset=utf-16", 415, 'charset is "utf-16"; send utf-8'),
        (
            b'{"query": "' + b" " * 11_000 + b'"}',
            "application/json",
            413,
            "more than the 10000 bytes allowed",
        ),
    ],
)
def test_a_malformed_request_is_told_so(
    client: TestClient, body: bytes, kind: str, status: int, told: str
) -> None:
    answer = client.post("/graphql", content=body, headers={"content-type": kind})
    assert answer.status_code == status
    assert told in answer.json()["errors"][0]["message"]


def test_an_operation_is_chosen_by_name(client: TestClient) -> None:
    query = "query A { districts { totalCount } } query B { buildings { totalCount } }"
    answer = client.post("/graphql", json={"query": query, "operationName": "B"})
    assert answer.json() == {"data": {"buildings": {"totalCount": 3}}}
    for name, told in ((None, "has 2 operations"), ("C", 'no operation "C"')):
        answer = client.post("/graphql", json={"query": query, "operationName": name})
        assert told in answer.json()["errors"][0]["message"]


def test_a_uri_can_be_followed(client: TestClient) -> None:
    record = client.get("/town/id/Building/b.1").json()
    assert record["id"] == "Building:b.1"
    assert record["currentUse"] == {"code": "100", "label": "Жилищна сграда"}
    assert record["district"] == {
        "id": "District:68134-01", "uri": "/town/id/District/68134-01", "label": "Средец",
    }  # fmt: skip
    page = client.get("/id/TransitStop/g/1", headers={"accept": "text/html"}, follow_redirects=False)
    assert page.headers["location"] == "/town/#select=TransitStop%3Ag%2F1"
    assert client.get("/town/id/Building/none").status_code == 404
    unknown = client.get("/town/id/Castle/1")
    assert unknown.status_code == 400
    assert 'no "Castle"; there are District' in unknown.json()["errors"][0]["message"]


def test_an_unknown_city_is_told_which_there_are(client: TestClient) -> None:
    answer = client.post("/atlantis/graphql", json={"query": "{ districts { totalCount } }"})
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["message"] == 'there is no city "atlantis"; loaded: town'


def test_a_tile_and_a_tile_that_cannot_be(client: TestClient) -> None:
    answer = client.get("/town/tiles/14/9252/6040.mvt")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert client.get("/town/tiles/3/99/0.mvt").status_code == 400


def test_a_page_of_another_site_may_ask(client: TestClient) -> None:
    origin = {"origin": "https://example.org", "access-control-request-method": "POST"}
    assert client.options("/graphql", headers=origin).headers["access-control-allow-origin"] == "*"
    answer = client.get(
        "/graphql", params={"query": "{ __typename }"}, headers={"origin": "https://example.org"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_database_that_is_away_is_no_mistake_of_the_caller(client: TestClient, town: Town) -> None:
    served = client.app.state.served  # type: ignore[attr-defined]
    away, there = "postgresql://nobody@127.0.0.1:1/none", served.reader._conninfo
    served.reader._conninfo = away
    try:
        client.portal.call(lambda: [wire.close() for wire in list(served.reader._all)])  # type: ignore[union-attr]
        for answer in (
            client.post("/graphql", json={"query": "{ districts { totalCount } }"}),
            client.get("/town/tiles/14/9252/6040.mvt"),
            client.get("/town/id/District/68134-01"),
            client.get("/readyz"),
        ):
            assert answer.status_code == 503
            assert "127.0.0.1" not in answer.text
    finally:
        served.reader._conninfo = there
    assert client.post("/graphql", json={"query": "{ districts { totalCount } }"}).status_code == 200


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").text == "ready: town"
    described = client.get("/city.json").json()
    assert described["name"] == "town"
    assert described["cities"] == [{"name": "town", "title": "Town", "path": "/town/"}]
