"""What a data set has to keep to, by its catalogue and by what it gave before.

A load (`run.py`) asks between its stations. What breaks a floor is a BadRequest, so that nothing of it is
kept, unless somebody insists; `measures.py` judges in the same way what the fields hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from loaders.catalogue import Dataset
from loaders.measures import INSIST
from loaders.merge import Merged
from loaders.notices import Notices
from loaders.reading import FileRead
from twin.entities import Entity
from twin.errors import BadRequest

#: where a catalogue expects no count: a data set may close that share of its rows, or fewer than so many
CLOSED_SHARE, CLOSED_ROWS = 0.5, 20
#: a file of changes of which all records are wrong, and that are so many, is in another form than expected
ALL_WRONG_ROWS = 20


@dataclass(frozen=True)
class Expectations:
    """Those of one data set; `notices` are what was wrong with its records so far."""

    dataset: Dataset
    notices: Notices
    accept_fewer: bool  #: somebody insists

    def refuse_all_wrong(self, file: FileRead) -> None:
        """Of a day's changes all may be wrong; many that all are wrong come in another form than expected."""
        if self.accept_fewer or file.kept or file.refused < ALL_WRONG_ROWS:
            return
        raise BadRequest(
            f"none of its {file.records:,} records could be kept{self._defects()}; nothing of it was "
            f"loaded. {INSIST}",
            where=file.name,
        )

    def note_no_changes(self, files: Iterable[FileRead]) -> None:
        """A day on which nothing changed is no defect, and worth a word."""
        records: Counter[str] = Counter()
        for file in files:
            records[file.name] += file.records
        for name, count in records.items():
            if not count:
                self.notices.add(
                    "no-changes", "there is no change in the file. It was loaded as that.", file=name
                )

    def refuse_to_empty(self, entity: Entity, *, records: int, held: int) -> None:
        """A file in which every record is wrong is a wrong file, not a city that lost all it had."""
        if held and not self.accept_fewer:
            raise BadRequest(
                f"none of its {records:,} records could be kept as {entity.name}{self._defects()}, "
                f"while the twin holds some from before; nothing was changed. {INSIST}",
                where=self.dataset.file,
            )

    def refuse_too_few(self, entity: Entity, count: int) -> None:
        """What falls below the catalogue's expectation is a broken file rather than a smaller city."""
        expected = self.dataset.expected(entity)
        if expected and count < expected[0] and not self.accept_fewer:
            raise BadRequest(
                f"it holds {count:,} whole records of {entity.name}{self._defects()}; "
                f"expected {_range(expected)}. Nothing was changed. {INSIST}",
                where=self.dataset.file,
            )

    def refuse_to_close(self, entity: Entity, merged: Merged) -> None:
        """Where nothing is expected, a file that closes most of what it gave before is taken for broken."""
        if self.accept_fewer or self.dataset.expected(entity):
            return
        before = merged.closed + merged.changed + merged.unchanged
        if merged.closed >= CLOSED_ROWS and merged.closed > before * CLOSED_SHARE:
            raise BadRequest(
                f"{merged.closed:,} of its {before:,} rows of {entity.name} would be closed"
                f"{self._defects()}; expected is that at least half of them stay. Nothing was changed. "
                f"{INSIST}",
                where=self.dataset.file,
            )

    def note_count(self, entity: Entity, count: int) -> None:
        """`count`: the whole records of a file that holds all there is, else the rows held after the load."""
        expected = self.dataset.expected(entity)
        if expected and not expected[0] <= count <= expected[1]:
            self.notices.add(
                "unexpected-count",
                f"There are {count:,} of {entity.name}; expected {_range(expected)}.",
                field=entity.name, value=count,
            )  # fmt: skip

    def _defects(self) -> str:
        """The commonest defects of what was read, for a sentence."""
        found = ", ".join(f"{rule} {count:,}" for rule, count in self.notices.counts.most_common(3))
        return f" ({found})" if found else ""


def _range(expected: tuple[int, int]) -> str:
    low, high = expected
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
