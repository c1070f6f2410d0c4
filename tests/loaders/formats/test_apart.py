"""A file that ends the process that reads it is refused, and the load goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import shapely

from loaders.formats import Batch, FileFault, Layer
from loaders.formats.apart import read_apart


@contextmanager
def read_here(path: Path, *, ends: str) -> Iterator[Layer]:
    """A reader that gives two records, then ends as it is told."""

    def batches() -> Iterator[Batch]:
        shapes = np.array([shapely.Point(1, 2, 3), None], dtype=np.object_)
        yield Batch({"a": [1, None]}, shapes, ["record 1", "record 2"])
        if ends == "killed":
            os.abort()
        if ends == "fault":
            raise FileFault("it is cut off", where=path.name)

    yield Layer(("a",), "EPSG:4326", batches())


def test_what_is_read_apart_is_the_same() -> None:
    with read_apart(Path("a.pbf"), __name__, ends="well") as layer:
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
    with read_apart(Path("a.pbf"), __name__, ends=ends) as layer, pytest.raises(FileFault) as refused:
        list(layer.batches)
    assert str(refused.value) == said
