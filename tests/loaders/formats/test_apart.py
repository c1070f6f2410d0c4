"""A file that ends the process that reads it is refused, and the load goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from loaders.formats import Batch, FileFault, Layer
from loaders.formats.apart import Apart


@contextmanager
def read_here(path: Path, *, ends: str, lots: int = 0) -> Iterator[Layer]:
    """A reader that gives some lots and two records, then ends as it is told."""

    def batches() -> Iterator[Batch]:
        for lot in range(lots):
            yield Batch({"a": [lot]}, None, [f"lot {lot}"])
        shapes = np.array([shapely.Point(1, 2, 3), None], dtype=np.object_)
        yield Batch({"a": [1, None]}, shapes, ["record 1", "record 2"])
        if ends == "killed":
            os.abort()
        if ends == "untold":
            raise ValueError(lambda: "cannot be packed")
        if ends == "fault":
            raise FileFault("it is cut off", where=path.name)

    yield Layer(("a",), "EPSG:4326", batches())


def doubled(batch: Batch, _file: Path) -> Batch:
    """A step in code: each record twice."""
    columns = {name: [*values, *values] for name, values in batch.columns.items()}
    return replace(batch, columns=columns, geometry=None, positions=[*batch.positions, *batch.positions])


def test_what_is_read_apart_is_the_same() -> None:
    with Apart(Path("a.pbf"), __name__, ends="well") as layer:
        [batch] = layer.batches
    assert (layer.columns, layer.crs) == (("a",), "EPSG:4326")
    assert (batch.columns, batch.positions) == ({"a": [1, None]}, ["record 1", "record 2"])
    assert batch.geometry is not None
    assert [shape and shape.wkt for shape in batch.geometry] == ["POINT Z (1 2 3)", None]


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("killed", "a.pbf: the file is damaged: reading it ended the reader"),
        ("fault", "a.pbf: it is cut off"),
    ],
)
def test_a_reader_that_ends_before_its_time_is_a_refusal(ends: str, said: str) -> None:
    with Apart(Path("a.pbf"), __name__, ends=ends) as layer, pytest.raises(FileFault) as refused:
        list(layer.batches)
    assert str(refused.value) == said


@pytest.mark.parametrize("ahead", [0, 1, 3, 20])
def test_what_is_read_ahead_comes_in_its_order_and_prepared(ahead: int) -> None:
    with Apart(Path("a.pbf"), __name__, prepare=doubled, ahead=ahead, ends="well", lots=9) as layer:
        *lots, _ = layer.batches
    assert [batch.columns["a"] for batch in lots] == [[lot, lot] for lot in range(9)]


@pytest.mark.parametrize("ahead", [0, 3])
def test_what_failed_ahead_is_told_after_what_came_before(ahead: int) -> None:
    seen: list[Batch] = []
    with (
        Apart(Path("a.pbf"), __name__, ahead=ahead, ends="fault", lots=9) as layer,
        pytest.raises(FileFault, match="it is cut off"),
    ):
        seen.extend(layer.batches)
    assert len(seen) == 10


def test_what_was_begun_and_is_not_wanted_leaves_no_process() -> None:
    begun = Apart(Path("a.pbf"), __name__, ahead=1, ends="well", lots=1000)
    begun.begin()
    process = begun._process
    assert process is not None
    assert process.poll() is None
    begun.close()
    begun.close()
    assert process.returncode == -signal.SIGKILL


def test_a_reader_ends_when_nobody_listens_any_more() -> None:
    left = Apart(Path("a.pbf"), __name__, ahead=2, ends="well", lots=100_000)
    with left as layer:
        next(layer.batches)
        process = left._process
        assert process is not None
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 1


@pytest.mark.parametrize("ahead", [0, 2])
def test_what_cannot_be_told_is_a_refusal_too(ahead: int) -> None:
    with (
        Apart(Path("a.pbf"), __name__, ahead=ahead, ends="untold", lots=9) as layer,
        pytest.raises(FileFault, match="reading it ended the reader"),
    ):
        list(layer.batches)
