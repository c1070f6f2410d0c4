"""The Commercial Register's export, 300,000 deeds of it: rate of its XML through the whole load, and memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loaders.sample import write_sample
from tests.bench.loads.runs import FOLDER, Bar, Ground, Run, flatness

DATASET = "sample-register"
DEEDS = (30_000, 300_000)
FEW_DEEDS = (500, 1_000)


def measure(ground: Ground) -> Sequence[Bar]:
    """A first load of few deeds and one of many: read, checked, staged, merged word by word and linked."""
    few, many = (_load(ground, deeds) for deeds in (FEW_DEEDS if ground.small else DEEDS))
    (_, small), (megabytes, large) = few, many
    return [
        Bar(
            "the register: XML through the whole load", megabytes / large.seconds, 10, " MB/s", at_least=True,
            detail=f"{megabytes:,.0f} MB in {large.seconds:.1f} s, {large.records:,} records",
        ),
        *flatness("the register", small, large),
    ]  # fmt: skip


def _load(ground: Ground, deeds: int) -> tuple[float, Run]:
    """The megabytes of so many deeds, and what their load took."""
    folder = _written(deeds)
    ground.forget("sample")
    took = ground.load("sample", folder, DATASET)
    ground.forget("sample")
    return sum(file.stat().st_size for file in folder.glob("businesses/register_*.xml")) / 1e6, took


def _written(deeds: int) -> Path:
    folder = FOLDER / f"register-{deeds}"
    if not (folder / "README.txt").exists():
        write_sample(folder, buildings=2_000, businesses=deeds, seed=1)
    return folder
