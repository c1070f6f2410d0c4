"""One load in a process of its own, so that its memory can be told; `runs.py` starts it.

Arguments: catalogue, folder, data sets; --again among them reads what has not changed, too. On stdout: seconds,
peak memory, rows by entity.
"""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from os import getpid
from pathlib import Path
from threading import Thread

from loaders.catalogue import catalogue
from loaders.run import load
from twin.settings import Settings

AGAIN = "--again"
WATCH_EVERY_S = 0.05


def main(name: str, folder: str, *only: str) -> None:
    """Load, and say what it took."""
    url = Settings.from_environment().database_url or sys.exit("TWIN_DATABASE_URL is not set")
    entries = catalogue(name)
    highest: dict[str, int] = {}
    Thread(target=_watch, args=[highest], daemon=True).start()
    started = time.perf_counter()
    sources = [one for one in only if one != AGAIN]
    report = load(url, entries, Path(folder), only=sources, again=AGAIN in only)
    seconds = time.perf_counter() - started
    said = {
        "seconds": seconds,
        # of the process and of the largest that it started: OpenStreetMap is read in one of its own
        "peak_mb": (_peak_kb("self") + max(highest.values(), default=0)) / 1024,
        "records": sum(one.records for one in report.datasets),
        "rows": {entity: asdict(m) for one in report.datasets for entity, m in one.entities.items()},
        "failures": [f"{one.key}: {one.failure}" for one in report.datasets if one.status.is_bad],
    }
    print(json.dumps(said))  # noqa: T201


def _watch(highest: dict[str, int]) -> None:
    """Keep the peak memory of each process that this one starts, while it lives."""
    while True:
        for pid in Path(f"/proc/self/task/{getpid()}/children").read_text().split():
            with suppress(OSError):  # it has just ended
                highest[pid] = _peak_kb(pid) or highest.get(pid, 0)
        time.sleep(WATCH_EVERY_S)


def _peak_kb(pid: str) -> int:
    """A process's peak memory. getrusage would tell at least that of the process by which it was started."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


main(*sys.argv[1:])
