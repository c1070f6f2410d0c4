"""A load is whole or not there: transactions, locks, and loads that die; test_faults.py kills databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import loaders.run
from loaders.catalogue import catalogue
from loaders.merge import Merged, merge_alone
from loaders.notices import Notices
from loaders.report import DatasetReport, Status
from loaders.run import load
from loaders.staging import Staging
from tests.loaders.town import LoadTown
from twin.database import connect
from twin.errors import BadRequest
from twin.versions import mark_changed

ENTRY = """
key = "{key}"
format = "tabular"
file = "{key}.csv"
options = {{ lonlat = ["lon", "lat"] }}
[dataset.Facility]
key = {{ from = "id", prefix = "{key}-" }}
kind = {{ value = "SCHOOL" }}
name = "name"
position = "geometry"
"""


def table(count: int, name: str = "x") -> str:
    lines = [f"{n},{name},{23.2 + n % 100 / 1000},{42.6 + n % 97 / 1000}" for n in range(count)]
    return "id,name,lon,lat\n" + "\n".join(lines) + "\n"


def statuses(town: LoadTown) -> list[tuple[object, ...]]:
    return town.rows("SELECT source, status FROM import_run ORDER BY started_at")


def test_each_data_set_is_a_transaction_of_its_own(town: LoadTown) -> None:
    for key in ("a", "b", "c"):
        town.describe(ENTRY.format(key=key))
        town.write(f"{key}.csv", table(3) if key != "b" else "")
    report = town.load()
    assert report.exit_code == 1
    assert [one.status for one in report.datasets] == [Status.LOADED, Status.FAILED, Status.LOADED]
    assert town.rows("SELECT count(*) FROM facility") == [(6,)]


@pytest.mark.parametrize("manner", [{"atomic": True}, {"dry_run": True}])
def test_an_atomic_load_does_not_hold_up_who_decides_about_links(
    town: LoadTown, monkeypatch: pytest.MonkeyPatch, manner: dict[str, bool]
) -> None:
    for key in ("a", "b"):
        town.describe(ENTRY.format(key=key))
        town.write(f"{key}.csv", table(3))
    town.load()
    town.write("a.csv", table(4))
    town.write("b.csv", table(4))
    decided = []
    one = loaders.run._Load.load

    def then_decide(self: loaders.run._Load, found: Sequence[tuple[Path, str]]) -> DatasetReport:
        report = one(self, found)
        with connect(town.url, city=town.name) as connection:
            connection.execute("SET lock_timeout = '5s'")
            mark_changed(connection)
            decided.append(report.key)
        return report

    monkeypatch.setattr(loaders.run._Load, "load", then_decide)
    assert town.load(**manner).exit_code == 0
    assert decided == ["a", "b"]


def test_atomic_loads_all_or_none(town: LoadTown) -> None:
    for key in ("a", "b", "c"):
        town.describe(ENTRY.format(key=key))
        town.write(f"{key}.csv", table(3) if key != "b" else "")
    report = town.load(atomic=True)
    assert report.exit_code == 1
    assert [one.status for one in report.datasets] == [Status.UNDONE, Status.FAILED]
    assert town.rows("SELECT count(*) FROM facility") == [(0,)]
    assert statuses(town) == [("a", "FAILED"), ("b", "FAILED")]
    town.write("b.csv", table(3))
    assert town.load(atomic=True).exit_code == 0
    assert town.rows("SELECT count(*) FROM facility") == [(9,)]


def test_two_loads_at_once_wait_for_each_other(town: LoadTown) -> None:
    for key in ("a", "b"):
        town.describe(ENTRY.format(key=key))
        town.write(f"{key}.csv", table(2000))
    described = town.catalogue
    codes: list[int] = []

    def run(key: str) -> None:
        codes.append(load(town.url, described, town.folder / "data", only=[key]).exit_code)

    threads = [threading.Thread(target=run, args=[key]) for key in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    assert town.rows("SELECT count(*) FROM facility") == [(4000,)]


def test_a_load_that_waits_too_long_says_why(town: LoadTown, monkeypatch: pytest.MonkeyPatch) -> None:
    town.describe(ENTRY.format(key="a"))
    town.write("a.csv", table(3))
    monkeypatch.setattr(loaders.run, "PATIENCE_S", 0.1)
    with connect(town.url) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('twin.load'), hashtext(%s))", [town.name])
        with pytest.raises(BadRequest, match=f"another load of {town.name} is under way"):
            town.load()
    assert town.load().exit_code == 0


CHILD = """
import sys
from pathlib import Path
from loaders.catalogue import catalogue
from loaders.run import load
print("ready", flush=True)
load(sys.argv[1], catalogue(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.parametrize("delay_s", [0.15, 0.4, 0.8])
def test_kill_9_at_any_moment_leaves_the_old_state_whole_and_the_next_load_works(
    town: LoadTown, delay_s: float
) -> None:
    town.describe(ENTRY.format(key="a"))
    town.write("a.csv", table(200))
    town.load()
    before = town.versions()
    town.write("a.csv", table(40_000, "new"))
    path = town.folder / f"{town.name}.toml"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, town.url, str(path), str(town.folder / "data")],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(delay_s)
    assert child.poll() is None, "it ended before it could be killed; more records are needed"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert town.versions() == before
    report = load(town.url, catalogue(path), town.folder / "data")
    assert report.exit_code == 0
    merged = report["a"].entities["Facility"]
    assert (merged.added, merged.changed) == (39_800, 200)
    assert town.rows("SELECT count(*) FROM facility_history") == [(200,)]
    assert town.rows("SELECT count(*) FROM import_run WHERE status = 'RUNNING'") == [(0,)]
    assert town.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE %s", "staging%") == []


def test_what_a_killed_load_left_in_staging_is_cleared_away(town: LoadTown) -> None:
    town.describe(ENTRY.format(key="a"))
    town.write("a.csv", table(3))
    town.load()
    with town.connect() as connection:
        connection.execute("CREATE UNLOGGED TABLE staging_facility (a int)")
        connection.execute("CREATE UNLOGGED TABLE staging_other (a int)")
    assert town.load().exit_code == 0
    assert town.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE %s", "staging%") == []


def test_an_unexpected_fault_of_one_data_set_is_a_failed_row_and_the_others_go_on(
    town: LoadTown, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for key in ("a", "b", "c"):
        town.describe(ENTRY.format(key=key))
        town.write(f"{key}.csv", table(3))

    def stumble(staging: Staging, dataset: str, notices: Notices, *, closes: bool) -> Merged:
        if dataset == "b":
            raise IndexError("the cause")
        return merge_alone(staging, dataset, notices, closes=closes)

    monkeypatch.setattr(loaders.run, "merge_alone", stumble)
    report = town.load()
    assert report.exit_code == 1
    assert [one.status for one in report.datasets] == [Status.LOADED, Status.FAILED, Status.LOADED]
    failure = report["b"].failure or ""
    assert failure.startswith("the twin failed at it; nothing was changed. Quote incident ")
    assert "IndexError" not in failure
    [logged] = caplog.records
    assert logged.getMessage().split()[-1] in failure
    assert logged.exc_info is not None
    assert town.rows("SELECT failure FROM import_run WHERE source = 'b'") == [(failure,)]
    assert town.rows("SELECT count(*) FROM facility") == [(6,)]
