"""Reading files in a process that may crash, hang or ask for all memory, and saying how it went.

`Trials` starts this module as a program and hands it one file after the other.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

LIMIT_S = 30
MOST_BYTES = 4 << 30
#: what a workbook may take; the reader's own limits are for those of a whole country
WORKBOOK_S, WORKBOOK_BYTES = 10, 1 << 30
#: what may become of a file
GOOD = ("read", "refused")
CITY_CRS = "EPSG:7801"


class Outcome(NamedTuple):
    """How a file was taken, and the number of its records or what was said."""

    kind: str
    said: str


def main() -> None:
    """Read the files that standard input names, one a line; answer with a line each."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    from loaders.formats import excel

    excel.LONGEST_S, excel.MOST_BYTES = WORKBOOK_S, WORKBOOK_BYTES
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        print(
            json.dumps(attempt(Path(asked["path"]), asked["format"], asked["options"])),
            file=answers,
            flush=True,
        )


def attempt(path: Path, format: str, options: dict[str, Any]) -> Outcome:
    """Read a file as a load does, up to its shapes in the city's coordinate system."""
    from loaders.formats import FileFault
    from twin.errors import BadRequest

    try:
        return Outcome("read", f"{_records(path, format, options)} records")
    except FileFault as refused:
        good = str(refused).startswith(f"{path.name}: ") and len(str(refused)) < 1500
        return Outcome("refused" if good else "unclear refusal", str(refused)[:3000])
    except BadRequest as refused:
        return Outcome("refused", str(refused))
    except BaseException:
        return Outcome("exception", "".join(traceback.format_exc().splitlines(keepends=True)[-9:])[-1500:])


def _records(path: Path, format: str, options: dict[str, Any]) -> int:
    import numpy as np

    from loaders.formats import open_layer
    from loaders.notices import RULES, Notices
    from loaders.published import Published
    from twin.geometry import as_kind, ewkb, mend, within

    count = 0
    with np.errstate(invalid="ignore", over="ignore"), open_layer(path, format, **options) as layer:
        for batch in layer.batches:
            assert all(len(values) == len(batch) for values in batch.columns.values()), (
                "columns of unequal length"
            )
            assert batch.geometry is None or len(batch.geometry) == len(batch), "not a shape for each record"
            assert all(problem.rule in RULES for problem in batch.problems), "an unknown rule"
            published = Published(batch, path.name, Notices(), crs=layer.crs, city_crs=CITY_CRS)
            for name in batch.columns:
                published.text(name)
            if batch.geometry is not None:
                within(batch.geometry, published.crs, (23.0, 42.4, 23.7, 42.9))
                areas, others = as_kind(published.shapes, "MULTIPOLYGON")
                areas[others] = None
                ewkb(mend(areas).shapes, 7801, "MULTIPOLYGON")
            count += len(batch)
    return count


class Trials:
    """A process that reads files; a new one is started when it has died or hung."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)

    def __enter__(self) -> Trials:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._stderr.close()

    def read(self, path: Path, format: str, options: dict[str, Any]) -> Outcome:
        """How a file is taken."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"path": str(path), "format": format, "options": options}) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], LIMIT_S)
        line = process.stdout.readline() if ready else ""
        if line:
            return Outcome(*json.loads(line))
        code = self._end()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace")[-2000:]
        return (
            Outcome("crash", f"it ended with {code}: {said}")
            if ready
            else Outcome("hang", f"not done in {LIMIT_S} s")
        )

    def _start(self) -> subprocess.Popen[str]:
        self._stderr.truncate(0)
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.loaders.trial"],
            cwd=Path(__file__).parents[2], text=True, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
        )  # fmt: skip
        return self._process

    def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


if __name__ == "__main__":
    main()
