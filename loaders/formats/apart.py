"""Reading in a process of its own.

For a library that a damaged file can make end the process it runs in, and for large files that take as long
to read as their records to check: the next batch is read meanwhile, and no more, so that memory stays flat.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import shapely

from loaders.formats import Batch, FileFault, Layer

_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from loaders.formats.apart import serve; serve()"
_PACKAGES = str(Path(__file__).parents[2])


@contextmanager
def read_apart(path: Path, module: str, **options: Any) -> Iterator[Layer]:
    """What the `read` of a module yields, read by another process.

    FileFault where that process ends before its time, beside those that it raises itself.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, _PACKAGES],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with process.stdin as asked:
                pickle.dump((path, module, options), asked)
            columns, crs = _answer(path, process.stdout)
            yield Layer(columns, crs, _batches(path, process.stdout))
        finally:
            process.kill()


def _batches(path: Path, answers: IO[bytes]) -> Iterator[Batch]:
    while (answer := _answer(path, answers)) is not None:
        batch, shapes = answer
        yield batch if shapes is None else replace(batch, geometry=shapely.from_wkb(shapes))


def _answer(path: Path, answers: IO[bytes]) -> Any:
    try:
        answer = pickle.load(answers)  # noqa: S301  (written by our own process)
    except (EOFError, pickle.UnpicklingError) as error:
        raise FileFault("the file is damaged: reading it ended the reader", where=path.name) from error
    if isinstance(answer, BaseException):
        raise answer
    return answer


def serve() -> None:
    """Read the file that standard input names; write its layer, its batches and None, or what was raised."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    path, module, options = pickle.load(sys.stdin.buffer)  # noqa: S301  (written by our own process)
    try:
        with importlib.import_module(module).read_here(path, **options) as layer:
            pickle.dump((layer.columns, layer.crs), answers)
            answers.flush()
            for batch in layer.batches:
                # a shape for itself would be packed one by one
                shapes = None if batch.geometry is None else shapely.to_wkb(batch.geometry)
                pickle.dump((replace(batch, geometry=None), shapes), answers)
                answers.flush()
        pickle.dump(None, answers)
    except Exception as error:
        pickle.dump(error, answers)
    answers.flush()
