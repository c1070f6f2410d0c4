"""A load that somebody stops, by Ctrl-C or SIGTERM: it ends at once, in order, and says how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import loaders.opening
import loaders.run
from loaders.report import Status
from tests.loaders.town import LoadTown
from twin.errors import Interrupted

ENTRY = """
key = "{key}"
format = "tabular"
file = "{key}*.csv"
mode = "{mode}"
options = {{ lonlat = ["lon", "lat"] }}
[dataset.Facility]
key = "id"
kind = {{ value = "SCHOOL" }}
position = "geometry"
"""
# a shell lets what it starts in the background ignore Ctrl-C, and so would all that these tests start then
COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from twin.cli import main; main()"
)


def table(first: int, count: int) -> str:
    lines = [f"{n},{23.2 + n % 100 / 1000},{42.6 + n % 97 / 1000}" for n in range(first, first + count)]
    return "id,lon,lat\n" + "\n".join(lines) + "\n"


def start(town: LoadTown) -> subprocess.Popen[str]:
    """`twin load` of the town, in a process of its own."""
    file = town.folder / f"{town.name}.toml"
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "load", "--city", str(file), "--data", str(town.folder / "data")],
        env={**os.environ, "TWIN_DATABASE_URL": town.url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_a_lock(town: LoadTown) -> None:
    """Until a statement of the load waits for ours, which holds the table."""
    for _ in range(600):
        waiting = town.rows(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", "facility"
        )
        if waiting[0][0]:
            return
        time.sleep(0.1)
    raise AssertionError("the load never came to the table")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_load_that_is_stopped_in_a_statement_ends_at_once_and_goes_on_later(
    town: LoadTown, number: signal.Signals, code: int
) -> None:
    for key in ("a", "b"):
        town.describe(ENTRY.format(key=key, mode="full"))
    town.write("a.csv", table(0, 5))
    town.load()
    town.write("b.csv", table(5, 5))
    before = town.versions()
    with town.connect() as other:
        other.execute("LOCK TABLE facility IN SHARE ROW EXCLUSIVE MODE")
        child = start(town)
        wait_for_a_lock(town)
        child.send_signal(number)
        _, said = child.communicate(timeout=30)
    assert child.returncode == code
    assert " ".join(said.split()) == (
        "stopped; loaded by then, and kept, are 1 of the data sets, and nothing is half-loaded. "
        "Run the same command again: it goes on from there"
    )
    assert town.versions() == before
    assert town.rows("SELECT status, failure FROM import_run WHERE source = %s", "b") == [
        ("FAILED", "It was stopped; nothing of it was kept.")
    ]
    child = start(town)
    child.communicate(timeout=60)
    assert child.returncode == 0
    assert town.rows("SELECT count(*) FROM facility") == [(10,)]


def test_what_is_loaded_of_many_files_stays_and_the_rest_follows(
    town: LoadTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.describe(ENTRY.format(key="a", mode="append"))
    for number in range(6):
        town.write(f"a{number}.csv", table(number, 1))
    links: list[object] = []

    def stop(*_: object) -> None:
        links.append(_)
        if len(links) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(loaders.opening, "BATCH_FILES", 2)
    with monkeypatch.context() as stopped:
        stopped.setattr(loaders.run, "relink", stop)
        with pytest.raises(Interrupted, match="kept, are 0 of the data sets and 4 files of a, and nothing"):
            town.load(again=False)
    assert town.rows("SELECT count(*) FROM facility") == [(4,)]
    report = town.load(again=False)["a"]
    assert (report.status, report.records, report.known) == (Status.LOADED, 2, 4)
    assert town.rows("SELECT count(*) FROM facility") == [(6,)]


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ({"dry_run": True}, "stopped; a dry run keeps nothing"),
        ({"atomic": True}, "stopped; nothing was kept, as it is all or none. Run the same command again"),
    ],
)
def test_a_stopped_load_that_keeps_nothing_says_so(
    town: LoadTown, monkeypatch: pytest.MonkeyPatch, manner: dict[str, bool], said: str
) -> None:
    for key in ("a", "b"):
        town.describe(ENTRY.format(key=key, mode="full"))
        town.write(f"{key}.csv", table(ord(key), 1))
    town.load("a")
    before = town.versions()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loaders.run, "relink", stop)
    with pytest.raises(Interrupted) as stopped:
        town.load(**manner)
    assert str(stopped.value) == said
    assert town.versions() == before
    assert town.rows("SELECT count(*) FROM import_run WHERE status = %s", "RUNNING") == [(0,)]
