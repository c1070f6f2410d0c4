"""Programs of others against the running server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gql import Client, gql
from gql.dsl import DSLInlineFragment, DSLQuery, DSLSchema, dsl_gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from graphql import GraphQLError

from tests import clients
from tests.processes import Served
from tests.town import Town
from twin.entities import BY_NAME


@pytest.fixture(scope="module")
def server(town: Town) -> Iterator[Served]:
    with Served({**os.environ, "TWIN_DATABASE_URL": town.url, "TWIN_CONNECTIONS": "4"}) as served:
        yield served


def test_every_audit_of_graphql_over_http_passes(server: Served) -> None:
    """All of them: what the specification says must, should and may be."""
    found = clients.run("audit.js", f"{server.url}/graphql")
    assert len(found) > 60
    assert [audit for audit in found if audit["status"] != "ok"] == []


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (clients.HERE / "package-lock.json").read_text("utf-8")


def test_gql_fetches_the_schema_and_asks_by_its_dsl(server: Served) -> None:
    with Client(
        transport=RequestsHTTPTransport(f"{server.url}/graphql"), fetch_schema_from_transport=True
    ) as session:
        assert session.client.schema is not None
        ds = DSLSchema(session.client.schema)
        where = {"storeysAboveGround": {"gte": 2}, "district": {"nameLatin": {"eq": "Sredets"}}}
        buildings = ds.Query.buildings(where=where, orderBy=[{"storeysAboveGround": "DESC"}]).select(
            ds.BuildingConnection.totalCount,
            ds.BuildingConnection.nodes.select(
                ds.Building.id, ds.Building.label(lang="EN").alias("english"), ds.Building.recordedAt
            ),
        )
        node = ds.Query.node(id="District:68134-01").select(
            ds.Node.id, DSLInlineFragment().on(ds.District).select(ds.District.nameBg)
        )
        data = session.execute(dsl_gql(DSLQuery(buildings, node)))
        assert data["buildings"] == {
            "totalCount": 2,
            "nodes": [
                {"id": f"Building:b.{n}", "english": None, "recordedAt": "2026-01-01T00:00:00+00:00"}
                for n in (2, 1)
            ],
        }
        assert data["node"] == {"id": "District:68134-01", "nameBg": "Средец"}
        # what the schema does not have is refused before it is sent, what the server refuses is an exception
        with pytest.raises(GraphQLError, match="castles"):
            session.execute(gql("{ castles { id } }"))
        with pytest.raises(TransportQueryError, match='"nonsense" is no id'):
            session.execute(gql('{ node(id: "nonsense") { id } }'))


def test_apollo_client_keeps_records_by_id_and_puts_pages_together(server: Served) -> None:
    seen = clients.run("apollo.js", f"{server.url}/graphql", "question.graphql")
    kinds = [entity.name for entity in BY_NAME.values() if entity.is_city_entity]
    assert sorted(seen["possibleTypes"]["CityEntity"]) == sorted(kinds)
    assert seen["ids"] == ["Building:b.1", "Building:b.2", "Building:b.3"]
    assert seen["again"] == 3
    assert seen["fromCache"]
    assert seen["node"]["__typename"] == "Building"
    assert seen["fragment"]["label"] == "Средец"
    assert len(seen["fragment"]["bbox"]) == 4
    # a district that two buildings share is kept once
    assert seen["cached"] == [
        "Building:Building:b.1", "Building:Building:b.2", "Building:Building:b.3", "District:District:68134-01",
        "ROOT_QUERY",
    ]  # fmt: skip


def test_types_generated_from_the_server_compile_strictly(server: Served, tmp_path: Path) -> None:
    """Types of the whole schema and of an app's questions; where the app goes wrong, `tsc` says so."""
    lengths = clients.run("codegen.js", f"{server.url}/graphql", "question.graphql", str(tmp_path))
    assert min(lengths) > 10_000
    (tmp_path / "typed.ts").write_text((clients.HERE / "typed.ts").read_text("utf-8"), "utf-8")
    (tmp_path / "node_modules").symlink_to(clients.HERE / "node_modules")
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler",
               "--allowImportingTsExtensions", "--types", ""]  # fmt: skip
    files = [str(tmp_path / name) for name in ("typed.ts", "schema.ts")]
    assert clients.complaint("node_modules/typescript/bin/tsc", *options, *files) == ""
