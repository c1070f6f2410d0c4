"""What a load did, for the command line to print and to end with the right exit code."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rich.markup import escape
from rich.table import Table

from loaders.merge import Merged
from loaders.notices import RULES
from twin.links import Relinked


class Status(enum.Enum):
    """How the load of a data set ended."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    NOTHING = "nothing accepted"
    MISSING = "missing"
    ABSENT = "not there"
    FAILED = "failed"
    UNDONE = "undone"

    @property
    def is_bad(self) -> bool:
        return self in (Status.MISSING, Status.FAILED, Status.UNDONE)


@dataclass(frozen=True)
class DatasetReport:
    """One data set's load: counts by entity, notices by rule."""

    key: str
    status: Status
    run: str | None = None
    records: int = 0
    refused: int = 0
    entities: Mapping[str, Merged] = field(default_factory=dict)
    expected: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)
    notices: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    failure: str | None = None

    @classmethod
    def missing(cls, key: str, file: str, *, folder: bool = False) -> DatasetReport:
        why = (
            f"{file} is a folder; a file is needed"
            if folder
            else f"there is no file {file} in the data folder"
        )
        return cls(key, Status.MISSING, failure=f"{why}; nothing was changed")

    def absent(self) -> DatasetReport:
        """The same for a data set that need not be there."""
        return replace(self, status=Status.ABSENT)

    def undone(self) -> DatasetReport:
        """The same after another data set's failure undid it."""
        return (
            self
            if self.status.is_bad or self.status is Status.ABSENT
            else replace(self, status=Status.UNDONE)
        )


@dataclass(frozen=True)
class LoadReport:
    """A whole command's load."""

    city: str
    datasets: tuple[DatasetReport, ...]

    @property
    def exit_code(self) -> int:
        """0 when every data set was loaded, 1 when one failed, was missing or was refused.

        Records that were left out are notices and do not count. (2, wrong use, is the command line's.)
        """
        return int(any(one.status.is_bad for one in self.datasets))

    def __getitem__(self, key: str) -> DatasetReport:
        return next(one for one in self.datasets if one.key == key)

    @property
    def table(self) -> Table:
        """Counts against expectations, a row for each entity of each data set; below, what failed and why."""
        failures = [f"{one.key}: {escape(one.failure)}" for one in self.datasets if one.failure]
        table = Table(
            title=f"{self.city}: what was loaded",
            caption="\n".join(failures) or None,
            title_justify="left",
            caption_justify="left",
        )
        for heading in ("data set", "", "entity"):
            table.add_column(heading)
        for heading in ("rows", "expected", "added", "changed", "closed", "refused", "notices", "s"):
            table.add_column(heading, justify="right")
        for one in self.datasets:
            first = True
            for name, merged in one.entities.items():
                table.add_row(
                    one.key if first else "",
                    one.status.value if first else "",
                    name,
                    f"{merged.rows:,}",
                    _range(one.expected.get(name)),
                    f"{merged.added:,}",
                    f"{merged.changed:,}",
                    f"{merged.closed:,}",
                    f"{one.refused:,}" if first else "",
                    f"{sum(one.notices.values()):,}" if first else "",
                    f"{one.seconds:.1f}" if first else "",
                )
                first = False
            if first:
                notices = f"{sum(one.notices.values()):,}" if one.notices else ""
                table.add_row(one.key, one.status.value, *[""] * 7, notices)
        return table

    @property
    def notice_table(self) -> Table:
        """Notices by data set and rule, with what each rule means."""
        table = Table(title="what its owners could mend", title_justify="left")
        table.add_column("data set")
        table.add_column("rule")
        table.add_column("found", justify="right")
        table.add_column("meaning")
        for one in self.datasets:
            for rule, count in sorted(one.notices.items()):
                table.add_row(one.key, rule, f"{count:,}", RULES[rule].doc)
        return table


@dataclass(frozen=True)
class LinkReport:
    """What making all links of a city anew changed, and how many there are of each kind."""

    city: str
    relinked: Relinked
    ledger: tuple[tuple[str, str, str, str, int], ...]  #: type, subject, method, status, how many
    seconds: float

    @property
    def table(self) -> Table:
        """The ledger by kind of link, under what was written."""
        done = self.relinked
        table = Table(
            title=f"{self.city}: links; {done.claims:,} written, {done.rewritten:,} best ones and "
            f"{done.areas:,} areas changed in {self.seconds:.1f} s",
            title_justify="left",
        )
        for heading in ("link", "of", "method", "status"):
            table.add_column(heading)
        table.add_column("links", justify="right")
        for type_, subject, method, status, count in self.ledger:
            table.add_row(type_, subject, method, status, f"{count:,}")
        return table


def _range(expected: tuple[int, int] | None) -> str:
    if expected is None:
        return ""
    low, high = expected
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
