"""Businesses find their buildings in a noisy sample city, and the ledger's scores promise what they keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from loaders.catalogue import catalogue
from loaders.run import load
from loaders.sample import write_sample
from tests.linkage import judge
from tests.noise import type_anew
from twin.database import connect

WANTED = (
    "sample-districts",
    "sample-neighbourhoods",
    "sample-buildings",
    "sample-addresses",
    "sample-streets",
    "sample-register",
)


@pytest.mark.parametrize("seed", [11, 12])
def test_businesses_find_their_buildings_in_spite_of_noise(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    with connect(database_url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS sample CASCADE")
        connection.execute("DELETE FROM twin.city WHERE name = 'sample'")
    write_sample(tmp_path, buildings=1_500, businesses=6_000, seed=seed)
    seats = type_anew(tmp_path, seed=seed)
    report = load(database_url, catalogue("sample"), tmp_path, only=WANTED)
    assert report.exit_code == 0, report
    with connect(database_url, city="sample") as connection:
        linkage = judge(connection, seats)
    told = "\n".join((*linkage.table(), *linkage.calibration()))
    assert linkage.all.counting > 4_000
    assert linkage.all.precision >= 0.98, told
    assert linkage.all.recall >= 0.95, told
    assert linkage.calibration_error < 0.05, told
