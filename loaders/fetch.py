"""Download what a city's catalogue says is published, into a folder of today, for `twin load` to read.

The command line calls `fetch`. DIR/2026-11-24/ gets the files under the paths that the catalogue gives
them and `fetched.json`, which says of each where it came from, what the source said of it and when. What has
not changed is linked from the folder before; what could not be fetched or comes by hand is taken over from
there; DIR/latest leads to the newest folder.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loaders.addresses import Address, addresses_of
from loaders.catalogue import Catalogue, Dataset
from loaders.fetched import Fetched, read_state, write_state
from loaders.opening import open_file
from loaders.progress import Progress
from loaders.signatures import Promise
from loaders.web import Known, Limits, Refusal, Web
from twin.errors import BadRequest

LATEST = "latest"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
#: after so many failures in a row a data set's other files are left alone
_PATIENCE = 5


class Status(enum.Enum):
    """How the fetching of a data set ended."""

    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    KEPT = "by hand, kept"
    BY_HAND = "by hand"
    FAILED = "failed"


@dataclass(frozen=True)
class DatasetFetch:
    """One data set's outcome."""

    key: str
    status: Status
    new: int = 0
    unchanged: int = 0
    failed: int = 0
    taken_over: int = 0
    size: int = 0
    licences: tuple[str, ...] = ()
    failure: str | None = None
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class FetchReport:
    """A whole command's downloads."""

    city: str
    folder: Path
    datasets: tuple[DatasetFetch, ...]

    @property
    def exit_code(self) -> int:
        """0 when everything asked for is there, 1 when something could not be fetched."""
        return int(any(one.status is Status.FAILED for one in self.datasets))

    def __getitem__(self, key: str) -> DatasetFetch:
        return next(one for one in self.datasets if one.key == key)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What failed and what was odd, a line each."""
        return tuple(
            f"{one.key}: {text}"
            for one in self.datasets
            for text in (*([one.failure] if one.failure else []), *_few(one.remarks))
        )

    @property
    def table(self) -> Table:
        """A row for each data set."""
        table = Table(title=f"{self.city}: what was fetched", title_justify="left")
        for heading in ("data set", ""):
            table.add_column(heading)
        for heading in ("new", "unchanged", "failed", "MB", "s"):
            table.add_column(heading, justify="right")
        table.add_column("licence as stated there")
        for one in self.datasets:
            counts = [f"{number:,}" if number else "" for number in (one.new, one.unchanged, one.failed)]
            table.add_row(
                one.key,
                one.status.value,
                *counts,
                f"{one.size / 1e6:,.1f}" if one.size else "",
                f"{one.seconds:.1f}" if one.seconds else "",
                escape(", ".join(one.licences)),
            )
        return table


def fetch(
    catalogue: Catalogue,
    data: Path,
    *,
    only: Sequence[str] = (),
    web: Web | None = None,
    console: Console | None = None,
) -> FetchReport:
    """Fetch a city's data sets into a folder of today: all that have an address, or only those named.

    A source that fails keeps the files of the day before, and the others are fetched all the same. Nothing
    half-written is ever under a file's name; a second run on one day asks only what has changed since.
    """
    wanted = tuple(catalogue.dataset(key) for key in only) or catalogue.datasets
    for one in wanted:
        if only and one.fetch is None:
            raise BadRequest(
                f"the catalogue states no address to fetch it from{f' (see {one.url})' if one.url else ''}",
                where=one.key,
            )
    if not any(one.fetch for one in wanted):
        named = ", ".join(one.key for one in catalogue.datasets if one.fetch) or "none"
        raise BadRequest(
            f"the catalogue states no address to fetch from; those with one: {named}", where=catalogue.file
        )
    own = web is None
    web = web or Web()
    try:
        with _locked(data), Progress(console, unit="kB") as progress:
            folder = data / web.clock.now().date().isoformat()
            folder.mkdir(parents=True, exist_ok=True)
            run = _Run(catalogue, folder, web, progress)
            reports = []
            for one in catalogue.datasets:
                if one in wanted and one.fetch:
                    reports.append(run.fetch(one))
                else:
                    taken = run.take_over(one)
                    if not only:
                        reports.append(DatasetFetch(one.key, Status.KEPT if taken else Status.BY_HAND))
            if any(one.new or one.unchanged for one in reports):
                _point_latest(data, folder.name)
    except OSError as error:
        raise BadRequest(
            f"the files cannot be written: {error.strerror or error}; what was fetched before is whole",
            where=str(data),
        ) from error
    finally:
        if own:
            web.close()
    return FetchReport(catalogue.city.title, folder, tuple(reports))


class _Run:
    """Today's folder being filled, with what is known of the folders before it."""

    def __init__(self, catalogue: Catalogue, folder: Path, web: Web, progress: Progress) -> None:
        self.catalogue = catalogue
        self.folder = folder
        self.web = web
        self.progress = progress
        for left in folder.rglob(".*.part"):
            left.unlink()
        self.before = sorted(
            (
                each
                for each in folder.parent.iterdir()
                if _DAY.fullmatch(each.name) and each.name < folder.name
            ),
            reverse=True,
        )
        self.state = read_state(folder)
        #: path -> the newest folder that has it by its own account
        self.known: dict[str, tuple[Path, Fetched]] = {}
        for each in (folder, *self.before):
            for path, row in (self.state if each == folder else read_state(each)).items():
                self.known.setdefault(path, (each, row))

    def fetch(self, dataset: Dataset) -> DatasetFetch:
        """All files of one data set; whatever fails, those of the day before stay in their place."""
        started = self.web.clock.monotonic()
        report = DatasetFetch(dataset.key, Status.UNCHANGED)
        try:
            found = addresses_of(dataset, self.web)
        except Refusal as refused:
            report = replace(report, status=Status.FAILED, failure=str(refused))
            addresses: tuple[Address, ...] = ()
        else:
            report = replace(report, remarks=found.remarks)
            addresses = found.addresses
        in_a_row = 0
        for address in addresses:
            try:
                new, row = self._file(dataset, address)
            except Refusal as refused:
                in_a_row += 1
                report = replace(report, failed=report.failed + 1, failure=report.failure or str(refused))
                if in_a_row == _PATIENCE and len(addresses) > _PATIENCE:
                    report = replace(
                        report, remarks=(*report.remarks, f"given up after {in_a_row} failures in a row")
                    )
                    break
                continue
            in_a_row = 0
            self.state[address.path] = row
            write_state(self.folder, self.catalogue.city.name, self.state)
            licences = (*report.licences, *([row.licence] if row.licence else []))
            report = replace(
                report,
                new=report.new + new,
                unchanged=report.unchanged + (not new),
                size=report.size + row.size,
                licences=tuple(dict.fromkeys(licences)),
            )
        if report.failure:
            taken = self.take_over(dataset)
            kept = f"; kept from an earlier day: {_files(taken)}" if taken else ""
            several = f"{report.failed} of {len(addresses)} files: " if len(addresses) > 1 else ""
            report = replace(
                report, status=Status.FAILED, taken_over=taken, failure=f"{several}{report.failure}{kept}"
            )
        elif report.new:
            report = replace(report, status=Status.FETCHED)
        return replace(
            report,
            remarks=(*report.remarks, *_licence_remarks(dataset, report.licences)),
            seconds=self.web.clock.monotonic() - started,
        )

    def take_over(self, dataset: Dataset) -> int:
        """What an earlier folder has of a data set and today's has not; how many files."""
        here = {path.relative_to(self.folder).as_posix() for path in dataset.find(self.folder)}
        for before in self.before:
            there = {path.relative_to(before).as_posix(): path for path in dataset.find(before)}
            if not there:
                continue
            missing = {path: source for path, source in there.items() if path not in here}
            for path, source in missing.items():
                known = self.known.get(path)
                # a file that somebody put there may be edited in place: that must not change another day's
                _place(source, self.folder / path, linked=known is not None)
                if known:
                    self.state[path] = known[1]
            if missing:
                write_state(self.folder, self.catalogue.city.name, self.state)
            return len(missing)
        return 0

    def _file(self, dataset: Dataset, address: Address) -> tuple[bool, Fetched]:
        """One file, fetched or taken from where it is already; whether it is new, and its row."""
        assert dataset.fetch
        target = self.folder / address.path
        source, row = self._held(address)
        now = self.web.clock.now().isoformat(timespec="seconds")
        if row and source and row.stamp and row.stamp == address.stamp:
            _place(source, target)
            return False, replace(row, licence=address.licence or row.licence, confirmed_at=now)
        received = 0

        def advance(count: int) -> None:
            nonlocal received
            received += count
            self.progress.advance(dataset.key, received // 1000)

        done = self.web.download(
            address.url,
            target,
            Promise(PurePosixPath(address.path).suffix.lower(), dataset.reads[0].format),
            Limits(dataset.fetch.max_mb * 1_000_000, dataset.fetch.timeout_s),
            known=Known(row.etag, row.last_modified) if row else None,
            advance=advance,
        )
        if row and source and not done.changed:
            _place(source, target)
            return False, replace(
                row, stamp=address.stamp, licence=address.licence or row.licence, confirmed_at=now
            )
        same = row is not None and row.checksum == done.checksum
        if same and source and source != target:
            target.unlink()
            _place(source, target)
        return not same, Fetched(
            dataset=dataset.key,
            url=address.url,
            checksum=done.checksum,
            size=done.size,
            fetched_at=now,
            confirmed_at=now,
            etag=done.etag,
            last_modified=done.last_modified,
            stamp=address.stamp,
            licence=address.licence or done.licence,
        )

    def _held(self, address: Address) -> tuple[Path | None, Fetched | None]:
        """The newest copy that is still what it was when it came from this address."""
        folder, row = self.known.get(address.path, (None, None))
        if folder is None or row is None or row.url != address.url:
            return None, None
        source = folder / address.path
        if not source.is_file() or open_file(source, address.path).checksum != row.checksum:
            return None, None
        return source, row


def _few(remarks: tuple[str, ...], most: int = 3) -> tuple[str, ...]:
    return (
        remarks if len(remarks) <= most else (*remarks[:most], f"and {len(remarks) - most} more of the kind")
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _licence_remarks(dataset: Dataset, stated: tuple[str, ...]) -> tuple[str, ...]:
    """A licence that is not the one in the catalogue is for somebody to look at."""
    return tuple(
        f'its source states the licence "{one}", the catalogue {dataset.licence or "none"}'
        for one in stated
        if one != dataset.licence
    )


def _place(source: Path, target: Path, *, linked: bool = True) -> None:
    """Put a file of an earlier folder into today's: a second name for it where the disk can, else a copy."""
    if source == target:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        if linked:
            with contextlib.suppress(OSError):
                os.link(source, part)
        if not part.exists():
            shutil.copy2(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _point_latest(data: Path, day: str) -> None:
    """DIR/latest leads to the day; where it is something of somebody else's, it stays."""
    latest, new = data / LATEST, data / f".{LATEST}.part"
    if latest.exists() and not latest.is_symlink():
        return
    new.unlink(missing_ok=True)
    # a disk without symbolic links has the folder's own name, which is printed
    with contextlib.suppress(OSError):
        new.symlink_to(day, target_is_directory=True)
        new.replace(latest)


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """While no other fetch writes into the same folder."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / ".fetch.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadRequest("another fetch into this folder is under way", where=str(data)) from error
        yield
