"""A city has a new version after whatever changes what it answers, and the old one after what does not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from loaders.run import link
from tests.loaders.test_transactions import ENTRY, table
from tests.loaders.town import LoadTown


def versions(town: LoadTown) -> list[tuple[Any, ...]]:
    return town.rows("SELECT part, version FROM twin.version WHERE city = %s ORDER BY part", town.name)


def test_loads_and_links_change_the_version_when_they_change_the_city(town: LoadTown) -> None:
    town.describe(ENTRY.format(key="a"))
    town.write("a.csv", table(3))
    town.load()
    seen = [versions(town)]
    assert [part for part, _ in seen[0]] == ["data", "runs"]

    town.write("a.csv", table(4))
    town.load(atomic=True)
    seen.append(versions(town))
    town.load(again=False)  # not read, but `sources` says that it was looked at
    seen.append(versions(town))
    link(town.url, town.name, again=True)
    seen.append(versions(town))
    for before, after in pairwise(seen):
        assert dict(before)["data"] != dict(after)["data"]

    town.load(dry_run=True)
    link(town.url, town.name)
    assert versions(town) == seen[-1]


def test_a_load_that_fails_changes_the_version_of_the_runs(town: LoadTown) -> None:
    town.describe(ENTRY.format(key="a"))
    town.write("a.csv", table(3))
    town.load()
    before = dict(versions(town))
    town.write("a.csv", "")
    assert town.load().exit_code == 1
    after = dict(versions(town))
    assert before["runs"] != after["runs"]
