"""Programs of others against the running server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import clients
from tests.processes import Served
from tests.town import Town


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
