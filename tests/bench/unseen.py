"""What a document costs that the server has never seen: parsed, validated, planned, compiled, prepared."""

from __future__ import annotations

import re
import statistics
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.bench.questions import QUESTIONS, TWIN, Values
from tests.bench.report import Bar
from twin.errors import BadRequest

_ROOT = Path(__file__).parents[2]
_MOST_MS = 15.0


@dataclass(frozen=True)
class Unseen:
    """Medians in milliseconds at one connection: asked for the first time, and asked again."""

    documents: int
    first_ms: float
    again_ms: float
    more_ms: float  #: the median of the differences

    def __str__(self) -> str:
        return (
            f"a document never seen before: {self.more_ms:.1f} ms more than the same again (medians of "
            f"{self.documents} documents: {self.first_ms:.1f} and {self.again_ms:.1f} ms)"
        )

    @property
    def bar(self) -> Bar:
        said = f"ms more than the same again, at most {_MOST_MS:g} wanted"
        return Bar("a document never seen before", said, self.more_ms, self.more_ms <= _MOST_MS)

    def as_json(self) -> dict[str, float]:
        return {
            "documents": self.documents,
            "first_p50_ms": round(self.first_ms, 3),
            "again_p50_ms": round(self.again_ms, 3),
            "more_p50_ms": round(self.more_ms, 3),
        }


def ask_unseen(url: str, values: Mapping[str, Sequence[Values]], rounds: int) -> Unseen:
    """Ask each document of the README, the golden tests and the benchmark in a form of its own, then again."""
    first: list[float] = []
    again: list[float] = []
    documents = list(_documents(values))
    with httpx2.Client(timeout=60) as client:
        for _ in range(rounds):
            for document, variables in documents:
                asked = {"query": _never_seen(document), "variables": variables}
                for took in (first, again):
                    began = time.perf_counter()
                    answer = client.post(url, json=asked)
                    took.append(1e3 * (time.perf_counter() - began))
                    if answer.status_code != 200 or "errors" in answer.json():
                        raise BadRequest(f"{document}: {answer.text[:600]}")
    more = statistics.median(f - a for f, a in zip(first, again, strict=True))
    return Unseen(len(documents), statistics.median(first), statistics.median(again), more)


def _documents(values: Mapping[str, Sequence[Values]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((_ROOT / "tests" / "golden").glob("*.graphql")):
        yield path.read_text(encoding="utf-8"), {}
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    for document in re.findall(r"```graphql\n(.*?)```", readme, re.S):
        if document.lstrip().startswith(("{", "query")) and "$" not in document:
            yield document, {}
    for question in QUESTIONS:
        if question.name in values:
            yield question.words[TWIN], question.variables(TWIN, values[question.name][0])


def _never_seen(document: str) -> str:
    """The same question with a response key that nobody has used: its SQL is another one, too."""
    start = document.index("{", document.index(")") if document.lstrip().startswith("query (") else 0) + 1
    return f"{document[:start]} a{uuid.uuid4().hex}: __typename {document[start:]}"
