"""The embedded PostGIS: made, started and stopped by the twin, whatever folder it is given."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from twin.cluster import Cluster, embedded, find_programs
from twin.errors import BadRequest
from twin.settings import Settings


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="twin-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def own(home: Path) -> Iterator[Cluster]:
    made = embedded(Settings(home=home / "pg"))
    yield made
    made.down()


def test_it_is_made_once_and_its_data_survive_a_restart(own: Cluster) -> None:
    assert own.up() == "created and started"
    assert own.up() == "was running"
    with psycopg.connect(own.url("postgres")) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    assert own.down()
    assert not own.running()
    assert not own.down()
    assert own.up() == "started"
    with psycopg.connect(own.url("postgres")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_it_survives_being_killed(own: Cluster) -> None:
    own.up()
    pid = int((own.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    while own.running():
        pass
    assert own.up() == "started"


def test_bulgarian_letters_are_letters_to_it(own: Cluster) -> None:
    own.up()
    with psycopg.connect(own.url("postgres")) as connection:
        found = connection.execute("SELECT lower('ЩАСТИЕ'), 'я' ~ '\\w', 'Ж' < 'З'").fetchone()
    assert found == ("щастие", True, True)


def test_a_deep_folder_gets_a_short_socket(home: Path) -> None:
    deep = embedded(Settings(home=home / "/".join(["a-long-folder-name"] * 8)))
    assert len(str(deep.socket)) < 90


def test_a_folder_that_postgresql_may_not_enter_is_not_used(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    made = embedded(Settings(home=closed / "pg"))
    if made.account is None:
        assert made.folder == closed / "pg"
    else:
        assert closed not in made.folder.parents


def test_it_listens_on_tcp_only_when_asked(own: Cluster) -> None:
    with pytest.raises(BadRequest, match="TWIN_CLUSTER_PORT"):
        own.tcp_url()


def test_missing_programs_are_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathlib.Path.glob", lambda *_: iter(()))
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(BadRequest, match=r"apt-get install postgresql-15-postgis-3.*docker compose up"):
        find_programs()
