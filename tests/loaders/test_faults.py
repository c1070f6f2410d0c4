"""What befalls a load from outside: nothing is lost, nothing half-loaded, and the message says what to do.

A cluster of these tests' own is killed, cut off and filled up, each time at a chosen station of a load.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import loaders.run
from loaders import provenance
from tests.loaders.test_transactions import ENTRY, table
from tests.loaders.town import LoadTown
from twin import database
from twin.cluster import Cluster, embedded
from twin.errors import BadRequest, TwinFault
from twin.settings import Settings

PATIENCE_S = 60
BEFORE, AFTER = 200, 3000
#: too many for a small disk
MANY = 40_000

Fault = Callable[[psycopg.Connection[Any]], None]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that may be killed."""
    home = Path(tempfile.mkdtemp(prefix="twin-test-"))
    home.chmod(0o755)
    made = embedded(Settings(home=home / "pg"))
    made.up()
    try:
        yield made
    finally:
        made.down()
        shutil.rmtree(home, ignore_errors=True)


def ready(cluster: Cluster) -> None:
    """Make a database that holds no city yet."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ready")
    database.prepare(Settings(database_url=cluster.url("ready")))


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    with cluster() as made:
        ready(made)
        yield made


@pytest.fixture
def fresh(own: Cluster, tmp_path: Path) -> LoadTown:
    """A town in a fresh database of that cluster, with one data set loaded and a newer edition waiting."""
    with psycopg.connect(own.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS faulty WITH (FORCE)")
        connection.execute("CREATE DATABASE faulty TEMPLATE ready")
    return loaded(LoadTown(own.url("faulty"), tmp_path, "town"))


def loaded(town: LoadTown) -> LoadTown:
    (town.folder / "data").mkdir()
    town.describe(ENTRY.format(key="a"))
    town.write("a.csv", table(BEFORE))
    assert town.load().exit_code == 0
    town.write("a.csv", table(AFTER, "new"))
    return town


def in_copy(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """The fault comes in the middle of the staging's COPY, when its records were half sent."""
    write = psycopg.Copy.write

    def half(copy: psycopg.Copy, buffer: Any) -> None:
        if isinstance(buffer, memoryview):
            write(copy, buffer[: len(buffer) // 2])
            fault(copy.connection)
            buffer = buffer[len(buffer) // 2 :]
        write(copy, buffer)

    monkeypatch.setattr(psycopg.Copy, "write", half)


def after(place: Any, name: str) -> Callable[[pytest.MonkeyPatch, Fault], None]:
    """The fault comes when a function of the load has done its work, before anything is committed."""

    def station(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
        real = getattr(place, name)

        def then(first: Any, *others: Any, **named: Any) -> Any:
            done = real(first, *others, **named)
            fault(getattr(first, "connection", first))
            return done

        monkeypatch.setattr(place, name, then)

    return station


STATIONS = {
    "staging": in_copy,
    "merge": after(loaders.run, "merge_alone"),
    "linking": after(loaders.run, "relink"),
    "the commit": after(provenance, "finish_run"),
}


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().splitlines()[0])


def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.005)
    return False


def revive(cluster: Cluster) -> None:
    """Have the cluster run again and take connections, after whatever befell it."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            cluster.up()
            psycopg.connect(cluster.url("postgres")).close()
        except (BadRequest, psycopg.OperationalError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def whole(town: LoadTown, before: dict[str, Any], failure: str, *, rows: int = AFTER) -> None:
    """All is as before the fault; the same command succeeds; the run that failed says why."""
    assert town.versions() == before
    assert town.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE %s", "staging%") == []
    report = town.load()
    assert report.exit_code == 0, report
    merged = report["a"].entities["Facility"]
    assert (merged.added, merged.changed) == (rows - BEFORE, BEFORE)
    assert town.rows("SELECT count(*) FROM facility_history") == [(BEFORE,)]
    statuses = town.rows("SELECT status, failure FROM import_run ORDER BY started_at")
    assert [status for status, _ in statuses] == ["LOADED", "FAILED", "LOADED"]
    assert statuses[1][1] == failure
    assert town.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE %s", "staging%") == []


INTERRUPTED = "The load was interrupted; nothing of it was kept."


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("victim", ["postmaster", "server process"])
def test_a_database_that_is_killed_keeps_its_old_state_whole(
    own: Cluster, fresh: LoadTown, monkeypatch: pytest.MonkeyPatch, station: str, victim: str
) -> None:
    before = fresh.versions()

    def kill(connection: psycopg.Connection[Any]) -> None:
        backend = connection.info.backend_pid
        os.kill(backend if victim == "server process" else postmaster(own), signal.SIGKILL)
        assert gone(backend)

    with monkeypatch.context() as broken:
        STATIONS[station](broken, kill)
        with pytest.raises(
            TwinFault,
            match=r"the database failed while a was loaded \(.+\); nothing of it was kept\. "
            r"(Run it again when the database is well|.* was stopped: run it again when it is up)",
        ):
            fresh.load()
    revive(own)
    whole(fresh, before, INTERRUPTED)


@pytest.mark.parametrize("station", STATIONS)
def test_a_connection_that_an_administrator_ends(
    fresh: LoadTown, monkeypatch: pytest.MonkeyPatch, station: str
) -> None:
    before = fresh.versions()

    def end(connection: psycopg.Connection[Any]) -> None:
        with database.connect(fresh.url) as other:
            other.execute(
                "SELECT pg_terminate_backend(%s, %s)", [connection.info.backend_pid, PATIENCE_S * 1000]
            )

    with monkeypatch.context() as broken:
        STATIONS[station](broken, end)
        with pytest.raises(TwinFault, match="nothing of it was kept") as said:
            fresh.load()
    whole(fresh, before, str(said.value))


@pytest.mark.parametrize("statement", ["in COPY", "INSERT INTO facility"])
def test_a_statement_that_is_cancelled(
    fresh: LoadTown, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    def cancel(connection: psycopg.Connection[Any]) -> None:
        with database.connect(fresh.url) as other:
            other.execute("SELECT pg_cancel_backend(%s)", [connection.info.backend_pid])

    with monkeypatch.context() as broken, in_the_data(fresh, "pg_cancel_backend") as before:
        if statement == "in COPY":
            in_copy(broken, cancel)
        with pytest.raises(TwinFault, match=r"canceling statement .*a time limit .* ended it: run it again"):
            fresh.load()
        assert fresh.versions() == before
    [(failure,)] = fresh.rows("SELECT failure FROM import_run WHERE status = 'FAILED'")
    whole(fresh, fresh.versions(), failure)
    assert "canceling statement" in failure


@contextmanager
def in_the_data(town: LoadTown, function: str) -> Iterator[dict[str, Any]]:
    """The first row that a merge adds does to its own server process what `function` does."""
    with town.connect() as connection:
        connection.execute(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN PERFORM {function}(pg_backend_pid()); PERFORM pg_sleep(0); RETURN new; END $$".encode()
        )
        connection.execute(
            "CREATE TRIGGER fault BEFORE INSERT ON facility FOR EACH ROW EXECUTE FUNCTION fault()"
        )
    yield town.versions()
    with town.connect() as connection:
        connection.execute("DROP FUNCTION fault() CASCADE")


class Proxy:
    """Stands between a load and its database, and can cut both off as a broken network does."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        #: bytes that may still pass to the database before all connections are reset; None for any number
        self.budget: int | None = None
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    def _pass_on(self) -> None:
        ends: dict[socket.socket, socket.socket] = {}
        clients: set[socket.socket] = set()
        while True:
            ready, _, _ = select.select([self.server, self._stopped, *ends], [], [])
            if self._stopped in ready:
                return
            if self.server in ready:
                client, _ = self.server.accept()
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(self.target)
                ends |= {client: upstream, upstream: client}
                clients.add(client)
            for source in ready:
                if source not in ends:
                    continue
                block = source.recv(4096)
                if self.budget is not None and source in clients:
                    self.budget -= len(block)
                if self.budget is not None and self.budget < 0:
                    self.budget = None
                    for one in ends:
                        if one in clients:
                            # lingering for no time at all makes close() send a reset
                            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        one.close()
                    ends.clear()
                    break
                if block:
                    ends[source].sendall(block)
                else:
                    for one in (source, ends.pop(source)):
                        ends.pop(one, None)
                        one.close()

    def close(self) -> None:
        self._stop.send(b"x")
        self._thread.join()
        for one in (self.server, self._stop, self._stopped):
            one.close()


@pytest.fixture
def proxy(own: Cluster) -> Iterator[Proxy]:
    made = Proxy(str(own.socket / ".s.PGSQL.5432"))
    yield made
    made.close()


def test_a_connection_that_is_reset_in_the_middle_of_the_records(
    own: Cluster, fresh: LoadTown, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fresh.versions()
    direct = fresh.url
    fresh.url = f"postgresql://postgres@127.0.0.1:{proxy.port}/faulty?sslmode=disable&gssencmode=disable"

    def allow(_: psycopg.Connection[Any]) -> None:
        proxy.budget = 10_000

    with monkeypatch.context() as broken:
        in_copy(broken, allow)
        with pytest.raises(
            TwinFault, match=r"nothing of it was kept\. Run it again when the database is well"
        ):
            fresh.load()
    fresh.url = direct
    whole(fresh, before, INTERRUPTED)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of a few megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="twin-test-"))
    folder.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


def resize(disk: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(disk)], check=True)


def leave_room(disk: Path, megabytes: int) -> None:
    resize(disk, (shutil.disk_usage(disk).used >> 20) + megabytes)


def test_a_load_that_fills_the_databases_disk(own: Cluster, small_disk: Path, tmp_path: Path) -> None:
    resize(small_disk, 1000)
    shutil.chown(small_disk, *[own.account] * 2 if own.account else [os.getuid()])
    with psycopg.connect(own.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode())
        connection.execute("CREATE DATABASE confined TEMPLATE ready TABLESPACE small")
    try:
        town = loaded(LoadTown(own.url("confined"), tmp_path, "town"))
        before = town.versions()
        leave_room(small_disk, 6)
        town.write("a.csv", table(MANY, "new"))
        with pytest.raises(
            TwinFault,
            match=r"the database failed while a was loaded \(could not extend file .+: No space left on device\); "
            r"nothing of it was kept\. Make room on the disk of the database, then run it again",
        ) as said:
            town.load()
        assert town.versions() == before
        resize(small_disk, 1000)
        whole(town, before, str(said.value), rows=MANY)
    finally:
        with psycopg.connect(own.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE confined WITH (FORCE)")
            connection.execute("DROP TABLESPACE small")


def test_a_load_that_fills_the_disk_of_the_databases_log(small_disk: Path, tmp_path: Path) -> None:
    """PostgreSQL stops where it cannot write ahead, and starts again when there is room."""
    resize(small_disk, 1000)
    with cluster() as own:
        own.down()
        log, moved = own.data / "pg_wal", small_disk / "pg_wal"
        subprocess.run(["mv", str(log), str(moved)], check=True)
        log.symlink_to(moved)
        own.up()
        ready(own)
        town = loaded(LoadTown(own.url("ready"), tmp_path, "town"))
        before = town.versions()
        # less than a segment of the log
        leave_room(small_disk, 10)
        town.write("a.csv", table(MANY, "new"))
        with pytest.raises(TwinFault, match="nothing of it was kept"):
            town.load()
        resize(small_disk, 1000)
        revive(own)
        whole(town, before, INTERRUPTED, rows=MANY)
