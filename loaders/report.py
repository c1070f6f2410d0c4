"""What a load did, for the command line to print and to end with the right exit code."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rich.markup import escape
from rich.table import Table

from loaders.changes import Change
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
    PARTLY = "partly loaded"
    FAILED = "failed"
    UNDONE = "undone"

    @property
    def is_bad(self) -> bool:
        return self in (Status.MISSING, Status.PARTLY, Status.FAILED, Status.UNDONE)


#: how a load ends that nothing undid, the most eventful first
KEPT = (Status.PARTLY, Status.LOADED, Status.UNCHANGED, Status.NOTHING)


@dataclass(frozen=True)
class DatasetReport:
    """One data set's load: counts by entity, notices by rule."""

    key: str
    status: Status
    records: int = 0
    refused: int = 0
    entities: Mapping[str, Merged] = field(default_factory=dict)
    expected: Mapping[str, tuple[int, int] | None] = field(default_factory=dict)
    notices: Mapping[str, int] = field(default_factory=dict)
    known: int = 0  #: files that were loaded before and have not changed since
    since: dt.datetime | None = None  #: where no file had changed: when they were read
    seconds: float = 0.0
    failure: str | None = None

    def followed_by(self, later: DatasetReport) -> DatasetReport:
        """What became of these files and of the next ones of the same data set, as one."""
        entities = {
            name: replace(merged + self.entities.get(name, Merged()), held=merged.rows)
            for name, merged in later.entities.items()
        }
        return replace(
            later,
            status=min(self.status, later.status, key=KEPT.index),
            records=self.records + later.records,
            refused=self.refused + later.refused,
            entities=entities,
            seconds=self.seconds + later.seconds,
        )

    @property
    def outcome(self) -> str:
        """The status in words."""
        if self.since:
            return f"unchanged since {self.since:%Y-%m-%d %H:%M} (not read again)"
        files = "file" if self.known == 1 else "files"
        return f"{self.status.value}, {self.known:,} {files} known" if self.known else self.status.value

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
    limit: int | None = None  #: it was a trial with so many records of each data set
    dry_run: bool = False  #: and nothing was kept
    changes: tuple[Change, ...] = ()  #: what it would have changed

    @property
    def title(self) -> str:
        """What the tables below it are about."""
        what = "what would be loaded; nothing was kept" if self.dry_run else "what was loaded"
        return f"{self.city}: {what}" + (
            f"; a trial with {self.limit:,} records of each data set, which closes nothing"
            if self.limit
            else ""
        )

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
            title=escape(self.title),
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
                    one.outcome if first else "",
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
                table.add_row(one.key, one.outcome, *[""] * 7, notices)
        return table

    @property
    def change_table(self) -> Table:
        """What a dry run would have changed, with some rows of each kind by their ids."""
        table = Table(title="what would change", title_justify="left")
        for heading in ("entity", "", "rows", "such as"):
            table.add_column(heading, justify="right" if heading == "rows" else "left")
        for one in self.changes:
            shown = [f"{key} ({', '.join(fields)})" if fields else key for key, fields in one.examples]
            table.add_row(one.entity, one.kind, f"{one.count:,}", escape("\n".join(shown)))
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
