"""One load in a process of its own, so that its memory can be told; `runs.py` starts it.

Arguments: catalogue, folder, data sets; --again among them reads what has not changed, too. On stdout: seconds, the process's peak memory, rows by entity.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

from loaders.catalogue import catalogue
from loaders.run import load
from twin.settings import Settings

AGAIN = "--again"
PROCESSES = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(name: str, folder: str, *only: str) -> None:
    """Load, and say what it took."""
    url = Settings.from_environment().database_url or sys.exit("TWIN_DATABASE_URL is not set")
    entries = catalogue(name)
    started = time.perf_counter()
    sources = [one for one in only if one != AGAIN]
    report = load(url, entries, Path(folder), only=sources, again=AGAIN in only)
    seconds = time.perf_counter() - started
    said = {
        "seconds": seconds,
        # of the process and of the largest that it started: OpenStreetMap is read in one of its own
        "peak_mb": sum(resource.getrusage(each).ru_maxrss for each in PROCESSES) / 1024,
        "records": sum(one.records for one in report.datasets),
        "rows": {entity: asdict(m) for one in report.datasets for entity, m in one.entities.items()},
        "failures": [f"{one.key}: {one.failure}" for one in report.datasets if one.status.is_bad],
    }
    print(json.dumps(said))  # noqa: T201


main(*sys.argv[1:])
