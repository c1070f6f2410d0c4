"""Reading in a process of its own.

For a library that a damaged file can make end the process it runs in, and for large files that take longer to
read than their records to check: these are read and prepared ahead, some batches and no more, so that memory
stays flat.
"""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any

import shapely

from loaders.formats import Batch, FileFault, Layer, Preparation, prepared

_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from loaders.formats.apart import serve; serve()"
_PACKAGES = str(Path(__file__).parents[2])


class Apart(AbstractContextManager[Layer]):
    """What the `read_here` of a module yields, read by another process, its batches as `prepare` makes them.

    That process keeps up to `ahead` batches, beside the one that it is at, for when they are asked for.
    FileFault where it ends before its time, beside those that it raises itself.
    """

    def __init__(
        self, path: Path, module: str, *, prepare: Preparation | None = None, ahead: int = 0, **options: Any
    ) -> None:
        self._path = path
        self._asked = path, module, prepare, ahead, options
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start to read, unless that is begun; who begins it enters it, or closes it."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, _PACKAGES],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert self._process.stdin is not None
            try:
                with self._process.stdin as asked:
                    pickle.dump(self._asked, asked)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """End the process; may be called more than once."""
        if self._process is not None:
            self._process.kill()
            with self._process:
                self._process = None

    def __enter__(self) -> Layer:
        self.begin()
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            columns, crs = _answer(self._path, self._process.stdout)
        except BaseException:
            self.close()
            raise
        return Layer(columns, crs, _batches(self._path, self._process.stdout))

    def __exit__(self, *_: object) -> None:
        self.close()


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
    path, module, prepare, ahead, options = pickle.load(sys.stdin.buffer)  # noqa: S301  (by our own process)
    with _answering(answers, ahead) as answer:
        try:
            with prepared(importlib.import_module(module).read_here(path, **options), prepare, path) as layer:
                answer((layer.columns, layer.crs))
                for batch in layer.batches:
                    # a shape for itself would be packed one by one
                    shapes = None if batch.geometry is None else shapely.to_wkb(batch.geometry)
                    answer((replace(batch, geometry=None), shapes))
            answer(None)
        except Exception as error:
            answer(error)


@contextmanager
def _answering(answers: IO[bytes], ahead: int) -> Iterator[Callable[[Any], None]]:
    """What writes an answer, or keeps it until it can be written where fewer than `ahead` wait for that."""

    def write(packed: bytes) -> None:
        answers.write(packed)
        answers.flush()

    if not ahead:
        yield lambda told: write(pickle.dumps(told))
        return
    kept: Queue[bytes] = Queue(ahead)

    def write_all() -> None:
        try:
            while packed := kept.get():
                write(packed)
        except BaseException:
            os._exit(1)  # nobody listens any more, and who waits for room in the queue would for ever

    writing = Thread(target=write_all)
    writing.start()
    try:
        yield lambda told: kept.put(pickle.dumps(told))
    finally:
        kept.put(b"")
        writing.join()
