"""Operations that callers name instead of sending: by hash once they were sent, or from the operator's list."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from schema.app import create
from schema.execute import Engine
from schema.http import GRAPHQL, JSON
from schema.persisted import Operations, read_operations, sha256
from schema.query import build
from tests.town import Town
from twin.cli import main
from twin.errors import BadRequest
from twin.settings import Settings

COUNT = "query Districts($code: String) { districts(where: {code: {eq: $code}}) { totalCount } }"
BUILDINGS = "query Buildings { buildings { totalCount } }"
TWO = "query First { districts { totalCount } } query Second { buildings { totalCount } }"

Open = Callable[..., TestClient]


@pytest.fixture(scope="module")
def serve(town: Town) -> Iterator[Open]:
    """Opens a server over the town with settings."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(
            TestClient(create(Settings(database_url=town.url, connections=1, **settings)))
        )


@pytest.fixture(scope="module")
def client(serve: Open) -> TestClient:
    return serve()


@pytest.fixture(scope="module")
def listed(serve: Open, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A server that answers what is listed and nothing else."""
    folder = tmp_path_factory.mktemp("operations")
    (folder / "of-codegen.json").write_text(json.dumps({"5f1c0e": COUNT}))
    (folder / "of-apollo.json").write_text(
        json.dumps({
            "format": "apollo-persisted-query-manifest", "version": 1,
            "operations": [{"id": "a7", "name": "Buildings", "type": "query", "body": BUILDINGS}],
        })
    )  # fmt: skip
    (folder / "by-file.graphql").write_text(TWO)
    return serve(operations=folder, only_operations=True)


def persisted(document: str, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(document.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **more}


def first_error(answer: Any) -> tuple[str, str | None]:
    error = answer.json()["errors"][0]
    return error["message"], error.get("extensions", {}).get("code")


# --- automatic persisted queries ------------------------------------------------------------------------
def test_a_query_that_was_sent_with_its_hash_is_answered_by_the_hash(client: TestClient) -> None:
    variables = {"code": "68134-01"}
    unknown = client.post("/graphql", json=persisted(COUNT, variables=variables))
    assert unknown.status_code == 200
    assert first_error(unknown) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    for asked in (persisted(COUNT, query=COUNT, variables=variables), persisted(COUNT, variables=variables)):
        answer = client.post("/town/graphql", json=asked)
        assert answer.json() == {"data": {"districts": {"totalCount": 1}}}
    address = {
        "extensions": json.dumps(persisted(COUNT)["extensions"]),
        "variables": json.dumps(variables),
    }
    assert client.get("/graphql", params=address).json() == {"data": {"districts": {"totalCount": 1}}}


def test_an_unknown_hash_is_no_well_formed_request_for_those_who_tell(client: TestClient) -> None:
    answer = client.post("/graphql", json=persisted("{ unknown }"), headers={"accept": GRAPHQL})
    assert (answer.status_code, first_error(answer)[0]) == (400, "PersistedQueryNotFound")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (persisted(COUNT, query=BUILDINGS), "it is not the hash of the query"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}}, '"version": 1'),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "'; --"}}}, "64 hexadecimal digits"),
        ({"extensions": {"persistedQuery": "x"}}, "64 hexadecimal digits"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "64 hexadecimal digits"),
    ],
)
def test_a_hash_that_is_none_is_refused(client: TestClient, asked: dict[str, Any], told: str) -> None:
    answer = client.post("/graphql", json=asked)
    assert answer.status_code == 400
    assert told in first_error(answer)[0]


def test_what_callers_register_does_not_fill_the_memory() -> None:
    operations = Operations({}, only=False)
    documents = [f"{{ districts(first: {n}) {{ totalCount }} }}{' ' * 100_000}" for n in range(40)]
    for document in documents:
        operations.persisted(persisted(document)["extensions"]["persistedQuery"], document)
    kept = [document for document in documents if operations._registered.get(sha256(document))]
    assert 1_500_000 < sum(map(len, kept)) <= 2_000_000
    assert operations.named(sha256(documents[-1])).document == documents[-1]


# --- the operator's list --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"documentId": "5f1c0e", "variables": {"code": "68134-01"}}, {"districts": {"totalCount": 1}}),
        ({"documentId": "sha256:" + sha256(BUILDINGS)}, {"buildings": {"totalCount": 3}}),
        ({"documentId": "a7"}, {"buildings": {"totalCount": 3}}),
        ({"operation": "Buildings"}, {"buildings": {"totalCount": 3}}),
        ({"operation": "Second"}, {"buildings": {"totalCount": 3}}),
        ({"operation": "by-file", "operationName": "First"}, {"districts": {"totalCount": 3}}),
        (persisted(BUILDINGS), {"buildings": {"totalCount": 3}}),
        ({"query": BUILDINGS}, {"buildings": {"totalCount": 3}}),
        (persisted(BUILDINGS, query=BUILDINGS), {"buildings": {"totalCount": 3}}),
    ],
)
def test_what_is_listed_is_answered_by_any_of_its_names(
    listed: TestClient, named: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert listed.post("/graphql", json=named).json() == {"data": expected}
    address = {key: said if isinstance(said, str) else json.dumps(said) for key, said in named.items()}
    assert listed.get("/graphql", params=address).json() == {"data": expected}


def test_what_is_not_listed_is_not_answered(listed: TestClient) -> None:
    for asked in ({"query": "{ __typename }"}, persisted("{ __typename }", query="{ __typename }")):
        for accept in (GRAPHQL, JSON):
            answer = listed.post("/graphql", json=asked, headers={"accept": accept})
            assert answer.status_code == 403
            assert first_error(answer)[1] == "OPERATION_NOT_LISTED"
    answer = listed.post("/graphql", json=persisted("{ __typename }"))
    assert first_error(answer) == ("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
    answer = listed.get("/graphql", params={"operation": "Unknown"})
    assert first_error(answer) == ('the server lists no operation "Unknown"', "OPERATION_NOT_FOUND")


def test_a_record_is_still_followed_where_only_listed_operations_are_answered(listed: TestClient) -> None:
    assert listed.get("/town/id/Building/b.1").json()["id"] == "Building:b.1"


def test_other_documents_are_answered_beside_the_list_unless_it_is_the_only(
    serve: Open, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"Count": COUNT}))
    client = serve(operations=manifest)
    assert client.get("/graphql?operation=Count").json() == {"data": {"districts": {"totalCount": 3}}}
    assert client.post("/graphql", json={"query": "{ __typename }"}).json()["data"]


def test_a_name_of_several_documents_is_told_apart_by_their_hashes(serve: Open, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(
        json.dumps({"old": "query Q { __typename }", "new": "query Q { t: __typename }"})
    )
    client = serve(operations=tmp_path)
    answer = client.get("/graphql?operation=Q")
    assert answer.status_code == 400
    assert "several documents" in first_error(answer)[0]
    assert client.get("/graphql?documentId=new").json() == {"data": {"t": "Query"}}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "m.json",
            json.dumps({"k": "{ castles }"}),
            r'm\.json: "k" .*Cannot query field .castles. .*\(line 1\)',
        ),
        ("m.json", json.dumps({"k": "{ districts"}), r'm\.json: "k" cannot be answered: Syntax Error'),
        ("m.graphql", "{ castles }", r'm\.graphql: "m" cannot be answered'),
        ("m.json", "{", r"m\.json is no JSON"),
        ("m.json", json.dumps(["{ __typename }"]), r"m\.json is no manifest; expected is"),
        ("m.json", json.dumps({"k": 1}), r"m\.json is no manifest"),
        ("m.json", json.dumps({"operations": [{"id": "k"}]}), r"m\.json is no manifest"),
        ("m.json", "{}", r"holds no operations"),
        ("m.txt", "{ __typename }", r"holds no operations"),
    ],
)
def test_a_list_with_a_mistake_stops_the_server(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    schema = Engine(build(), Settings()).schema
    with pytest.raises(BadRequest, match=f"TWIN_OPERATIONS: .*{told}"):
        read_operations(Settings(operations=tmp_path), schema)


def test_serving_says_what_is_wrong_with_the_list(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps({"k": "{ castles }"}))
    done = CliRunner().invoke(main, ["serve"], env={"TWIN_OPERATIONS": str(tmp_path)})
    assert done.exit_code == 2
    assert "m.json: \"k\" cannot be answered: Cannot query field 'castles'" in " ".join(done.output.split())


def test_a_list_that_is_not_there_stops_the_server(tmp_path: Path) -> None:
    schema = Engine(build(), Settings()).schema
    with pytest.raises(BadRequest, match=r"TWIN_OPERATIONS: .*none\.json cannot be read"):
        read_operations(Settings(operations=tmp_path / "none.json"), schema)
    with pytest.raises(
        BadRequest, match="TWIN_ONLY_OPERATIONS: it is set, but no TWIN_OPERATIONS says which"
    ):
        read_operations(Settings(only_operations=True), schema)


def read(folder: Path) -> Operations:
    return read_operations(Settings(operations=folder), Engine(build(), Settings()).schema)


def test_a_file_named_like_an_operation_of_another_document_stops_the_server(tmp_path: Path) -> None:
    (tmp_path / "stops.graphql").write_text("query Near { transitStops { nodes { id } } }")
    (tmp_path / "x.graphql").write_text("query stops { transitStops { totalCount } }")
    with pytest.raises(BadRequest, match=r'"stops" is the key, or the file, .* x\.graphql has an operation'):
        read(tmp_path)


def test_a_file_named_like_one_of_its_operations_means_that_operation(serve: Open, tmp_path: Path) -> None:
    (tmp_path / "buildings.graphql").write_text(
        "query buildings { buildings { totalCount } } query districts { districts { totalCount } }"
    )
    client = serve(operations=tmp_path)
    for name in ("documentId", "operation"):
        answer = client.get("/graphql", params={name: "buildings"})
        assert answer.json() == {"data": {"buildings": {"totalCount": 3}}}
    answer = client.get("/graphql", params={"documentId": "buildings", "operationName": "districts"})
    assert answer.json() == {"data": {"districts": {"totalCount": 3}}}


def test_a_key_of_two_documents_stops_the_server(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"k": "{ __typename }"}))
    (tmp_path / "b.json").write_text(json.dumps({"k": "{ t: __typename }"}))
    with pytest.raises(BadRequest, match=r'b\.json: "k" has another document elsewhere in the list'):
        read_operations(Settings(operations=tmp_path), Engine(build(), Settings()).schema)
