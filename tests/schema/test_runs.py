"""How data sets were loaded, as the API answers it."""

from __future__ import annotations

from tests.schema.conftest import Asked
from tests.town import Town


def test_a_run_says_how_and_which_files_it_read(town: Town, ask: Asked) -> None:
    counts = dict.fromkeys(
        ("bytes_read", "records_read", "records_refused", "rows_added", "rows_changed", "rows_unchanged",
         "rows_closed"), 0,
    )  # fmt: skip
    town.add(
        "ImportRun", "trial/1", status="LOADED", started_at="2026-01-01T00:00:00Z", mode="DELTA",
        record_limit=10, file="days/*.csv (2 files)", checksum="c", **counts,
    )  # fmt: skip
    for number in (1, 2):
        town.add(
            "LoadedFile", f"trial/1/{number}", run="trial/1", name=f"{number}.csv", checksum="c", bytes=9
        )
    answer = ask(
        """{ importRuns(where: { recordLimit: { gt: 0 }, mode: { eq: DELTA } }) { nodes {
               id mode recordLimit files { nodes { name bytes checksum run { id } } } } } }"""
    )
    file = {"bytes": 9, "checksum": "c", "run": {"id": "ImportRun:trial/1"}}
    assert answer["importRuns"]["nodes"] == [
        {
            "id": "ImportRun:trial/1",
            "mode": "DELTA",
            "recordLimit": 10,
            "files": {"nodes": [{"name": "1.csv", **file}, {"name": "2.csv", **file}]},
        }
    ]
