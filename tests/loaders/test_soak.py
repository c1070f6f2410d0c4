"""Damaged files: whatever is done to a file, a reader gives records, notices or a clear refusal.

`make soak` lets each reader take damaged files for a minute; the tests of every day take some. A failure names
the file that was kept, and the seed that makes the same files again: `pytest -m soak --seed 123`.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from random import Random

import pytest

from loaders.formats import FORMATS
from tests.loaders.mutants import mutant
from tests.loaders.seeds import seeds
from tests.loaders.trial import GOOD, Trials
from twin.settings import Settings

SOAK_S = 60
#: those that read in another process, which takes its time to start
FEW = {"excel": 15, "osm": 15}
#: enough to mend before the next run
MOST_FAULTS = 25


@pytest.mark.parametrize("format", FORMATS)
def test_whole_files_are_read_and_damaged_ones_read_or_refused(format: str) -> None:
    faults = [said for kind, said in islice(trials(format, 1), FEW.get(format, 60)) if kind not in GOOD]
    assert not faults, "\n\n".join(faults)


@pytest.mark.soak
@pytest.mark.parametrize("format", FORMATS)
def test_damaged_files_are_read_or_refused_for_a_minute(
    format: str, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(pytestconfig.getoption("--seed") or secrets.randbelow(10**6))
    counts: Counter[str] = Counter()
    faults = []
    end = time.monotonic() + SOAK_S
    for kind, said in trials(format, seed):
        counts[kind] += 1
        if kind not in GOOD:
            faults.append(said)
        if time.monotonic() > end or len(faults) == MOST_FAULTS:
            break
    with capsys.disabled():
        print(f"\n{format}: {counts.total():,} files, seed {seed}: {dict(counts)}")  # noqa: T201
    assert not faults, f"seed {seed}\n\n" + "\n\n".join(faults)


def trials(format: str, seed: int) -> Iterator[tuple[str, str]]:
    """How whole files are taken and then damaged ones, without end; a damaged one that does harm is kept."""
    folder = Path(tempfile.mkdtemp(prefix="twin-soak-"))
    whole = seeds(format, Settings.from_environment().real_data)
    with Trials() as process:
        try:
            for chosen in whole:
                path = folder / chosen.name
                path.write_bytes(chosen.content)
                kind, said = process.read(path, format, chosen.options)
                path.unlink()
                yield "read" if kind == "read" and said != "0 records" else "whole", f"{path.name}: {said}"
            for number in count():
                random = Random(f"{seed} {format} {number}")
                chosen = whole[number % len(whole)]
                path = folder / f"{number}-{chosen.name}"
                path.write_bytes(mutant(chosen.content, random) or b"x")
                kind, said = process.read(path, format, chosen.options)
                if kind in GOOD:
                    path.unlink()
                yield kind, f"{kind}: {path} with {chosen.options}: {said}"
        finally:
            with suppress(OSError):
                folder.rmdir()  # which fails where something was kept
