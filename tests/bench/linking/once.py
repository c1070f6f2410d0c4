"""One load or one linking in a process of its own; `__main__.py` starts it.

Arguments: load and a folder, or link. On stdout: seconds in all, seconds of the linking, peak memory.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from loaders.catalogue import catalogue
from loaders.run import link, load
from twin.links import relink
from twin.settings import Settings

CITY = "sample"
REGISTER = "sample-register"


def main(what: str, *folder: str) -> None:
    """Load the city that a folder holds, the register last; or make all links of the city anew."""
    url = Settings.from_environment().database_url or sys.exit("TWIN_DATABASE_URL is not set")
    spent: list[float] = []

    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        done = relink(*arguments)
        spent.append(time.perf_counter() - started)
        return done

    started = time.perf_counter()
    if what == "link":
        link(url, CITY)
    else:
        entries = catalogue(CITY)
        others = [one.key for one in entries.datasets if one.key != REGISTER]
        for only in (others, [REGISTER]):
            spent.clear()
            with patch("loaders.run.relink", timed):
                report = load(url, entries, Path(folder[0]), only=only)
            if failures := [f"{one.key}: {one.failure}" for one in report.datasets if one.status.is_bad]:
                sys.exit("; ".join(failures))
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    said = {
        "seconds": time.perf_counter() - started,
        # of all the parts in which the register's files are loaded
        "link_seconds": sum(spent),
        "peak_mb": int(peak[1]) / 1024 if peak else 0.0,
    }
    print(json.dumps(said))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
