"""A load, station by station: files in, linked rows out, one transaction for each data set.

A data set that comes in many files of changes is loaded some of them at a time, each time in a transaction of
its own. The command line calls `load` and `link`.
"""

from __future__ import annotations

import copy
import logging
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import psycopg
from psycopg.sql import Identifier
from rich.console import Console

from loaders import provenance
from loaders.catalogue import Catalogue, Dataset, Mode
from loaders.changes import Change, changes_of
from loaders.erasure import erase_from_notices, forget, forget_matches
from loaders.expectations import Expectations
from loaders.fetched import Fetch, fetch_of
from loaders.measures import NOTHING_CHANGED, measure, measure_links
from loaders.merge import Merged, leave_as_they_were, merge_alone, merge_records, rows_held
from loaders.notices import Notices
from loaders.opening import Opened, batches, fingerprint, open_file
from loaders.progress import Progress
from loaders.reading import FileRead, Reading
from loaders.report import KEPT, DatasetReport, LinkReport, LoadReport, Status
from loaders.staging import Staging, drop_leftovers, is_filled
from twin import search
from twin.areas import AREAS, refresh_area_parts
from twin.database import cities, connect, in_words, lock_city, register_city, rehearsal
from twin.entities import BY_NAME, RunStatus
from twin.errors import BadRequest, Interrupted, TwinFault
from twin.links import Relinked, relink, relink_all
from twin.versions import changing, mark_changed

log = logging.getLogger(__name__)

#: how long a load waits for another one of the same city
PATIENCE_S = 30.0
#: after so many broken files in a row the rest of a data set is left alone
BROKEN_FILES = 5


@dataclass(frozen=True)
class Manner:
    """How a command wants its data sets loaded."""

    atomic: bool = False  #: all or none
    accept_fewer: bool = False  #: even where records are far fewer than they should be
    again: bool = False  #: read also what has not changed since it was loaded
    dry_run: bool = False  #: keep nothing
    limit: int | None = None  #: read only so many records, close nothing

    @property
    def one_transaction(self) -> bool:
        """Whether one is around those of all data sets."""
        return self.atomic or self.dry_run


def load(
    url: str,
    catalogue: Catalogue,
    data: Path,
    *,
    only: Sequence[str] = (),
    atomic: bool = False,
    accept_fewer: bool = False,
    again: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    console: Console | None = None,
) -> LoadReport:
    """Load a city's data sets from a folder: all that are there, or only those named.

    Each data set is a transaction of its own, with `atomic` all of them are one. What a file's owner can mend
    becomes notices; a file that cannot be read at all leaves its data set as it was, and so does one that
    holds far fewer records than it should, unless `accept_fewer` says that this is right. Where no file is
    found, nothing is touched. What has not changed since it was loaded is not read, except `again`. With
    `dry_run` all is done and then undone; `limit` reads only the first records of each data set and closes
    nothing. Interrupted, when somebody stops it, says what was kept. Progress is drawn on the console where
    it is a terminal.
    """
    if not data.is_dir():
        raise BadRequest(f"{data} is no folder", where="--data")
    if limit is not None and limit < 1:
        raise BadRequest(f"it is {limit}; expected is a number of records, at least 1", where="--limit")
    asked = [catalogue.dataset(key) for key in only]
    datasets = [one for one in catalogue.datasets if one in asked or not asked]
    city = catalogue.city.city
    manner = Manner(atomic, accept_fewer, again, dry_run, limit)
    if not any(dataset.find(data) for dataset in datasets):
        return LoadReport(
            catalogue.city.title, tuple(_missing(one, data, named=bool(only)) for one in datasets)
        )
    if not dry_run:
        register_city(url, city)
    reports: list[DatasetReport] = []
    begun: list[_Load] = []
    changes: tuple[Change, ...] = ()
    with (
        _stop_in_words(manner, reports, begun),
        _faults_in_words(),
        _city_locked(url, catalogue.city.name) as (connection, ledger),
        Progress(console) as progress,
        ExitStack() as undone,
    ):
        if dry_run:
            # what is noted about the load is undone with it
            connection = ledger = undone.enter_context(rehearsal(url, city))
        else:
            provenance.close_runs(ledger, "The load was interrupted; nothing of it was kept.")
        with _changing(connection, said=dry_run):
            drop_leftovers(connection)
            provenance.write_codes(connection, catalogue)
        try:
            with _one_transaction(connection, wanted=atomic):
                for dataset in datasets:
                    files = [(file, file.relative_to(data).as_posix()) for file in dataset.find(data)]
                    if files:
                        begun.append(_Load(connection, ledger, catalogue, dataset, progress, manner))
                        report = begun[-1].load(files)
                    else:
                        report = _missing(dataset, data, named=bool(only))
                    reports.append(report)
                    if atomic and report.status.is_bad:
                        raise _Undone
        except _Undone:
            reports = [report.undone() for report in reports]
            provenance.close_runs(ledger, "Something else of the same command failed.")
        if dry_run:
            changes = changes_of(connection)
    return LoadReport(catalogue.city.title, tuple(reports), limit, dry_run, changes)


def link(url: str, city: str, *, again: bool = False) -> LinkReport:
    """Make the links of a city anew that are not from what it holds now, or with `again` all, in one
    transaction; where nothing changed, nothing is written."""
    started = time.monotonic()
    if city not in cities(url):
        raise BadRequest(f'there is no city "{city}"; loaded are {", ".join(cities(url)) or "none"}')
    with (
        _faults_in_words(),
        _city_locked(url, city) as (connection, _),
        connection.transaction(),
    ):
        relinked = relink_all(connection, again=again)
        if again or relinked != Relinked() or not is_filled(connection, Identifier("search_entry")):
            search.rebuild(connection)
            measure_links(connection, BY_NAME)
            mark_changed(connection)
        ledger = connection.execute(
            "SELECT type, subject_type, method, status, count(*) FROM link"
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        ).fetchall()
    return LinkReport(city, relinked, tuple(ledger), time.monotonic() - started)


def _missing(dataset: Dataset, data: Path, *, named: bool) -> DatasetReport:
    """The report of a data set without files; one that need not be there is only missed when it is named."""
    report = DatasetReport.missing(dataset.key, dataset.file, folder=any(data.glob(dataset.file)))
    return report.absent() if dataset.optional and not named else report


class _Undone(Exception):
    """One data set failed, and with --atomic that undoes the others."""


class _Load:
    """One data set of a command: which of its files are new, and how they are loaded."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        ledger: psycopg.Connection[Any],
        catalogue: Catalogue,
        dataset: Dataset,
        progress: Progress,
        manner: Manner,
    ) -> None:
        self.connection = connection
        self.ledger = ledger
        self.catalogue = catalogue
        self.dataset = dataset
        self.progress = progress
        self.manner = manner
        #: whether its files tell one after the other what changed, so that each can be loaded by itself
        self.in_parts = dataset.mode is not Mode.FULL and manner.limit is None
        #: whether it matters which of them comes first
        self.ordered = dataset.mode is Mode.DELTA and not all(
            target.versions for read in dataset.reads for target in read.targets
        )
        self.fetch: Fetch | None = None
        #: of the files loaded so far
        self.notices = Notices()
        self.files = 0
        self.records = 0
        self.refused = 0
        self.touched: set[str] = set()

    def load(self, found: Sequence[tuple[Path, str]]) -> DatasetReport:
        """All that is new of it; whatever fails, what was there before stays."""
        started = time.monotonic()
        try:
            files = [open_file(path, name) for path, name in found]
        except BadRequest as unreadable:
            return DatasetReport(self.dataset.key, Status.FAILED, failure=str(unreadable))
        self.fetch = fetch_of(self.dataset, files)
        provenance.write_source(self.ledger, self.dataset)
        before = provenance.before(self.connection, self.dataset)
        new = self._new(files, before)
        if not new and before:
            return self._leave(files, before)
        report = self._load_parts(new) if self.in_parts else _Run(self, new).load()
        return replace(report, known=len(files) - len(new), seconds=time.monotonic() - started)

    def _new(self, files: Sequence[Opened], before: provenance.Before | None) -> Sequence[Opened]:
        """The files that a load of them would tell something new."""
        if self.manner.again or before is None:
            return files
        if self.dataset.mode is not Mode.FULL:
            known = provenance.files_before(self.connection, self.dataset)
            new = [one for one in files if known.get(one.name) != one.checksum]
            # what was said after a late file has to be said again after it
            return files[files.index(new[0]) :] if new and self.ordered else new
        if self.manner.limit or before.fingerprint != fingerprint(self.connection, self.dataset, files):
            return files
        return []

    def _leave(self, files: Sequence[Opened], before: provenance.Before) -> DatasetReport:
        """Nothing is new: the data set is as old as its files, and as fresh as this command."""
        run = provenance.begin_run(self.ledger, self.dataset, files, limit=self.manner.limit)
        with _changing(self.connection, said=self.manner.one_transaction):
            provenance.update_source(self.connection, self.dataset, before.records, self.fetch)
            provenance.finish_run(
                self.connection,
                run,
                records=0,
                refused=0,
                merged=Merged(unchanged=before.records),
                fingerprint=before.fingerprint,
            )
        return DatasetReport(self.dataset.key, Status.UNCHANGED, known=len(files), since=before.read_at)

    def _load_parts(self, files: Sequence[Opened]) -> DatasetReport:
        """Some files at a time. A broken one is named and left out; where their order matters, those after it
        wait until it is mended."""
        report: DatasetReport | None = None
        broken: list[Opened] = []
        said: list[str] = []
        parts = deque(batches(files))
        in_a_row = waiting = 0
        why = ""
        while parts:
            part = parts.popleft()
            run = _Run(self, part, last=not parts)
            outcome = run.load()
            if outcome.status is not Status.FAILED:
                report = report.followed_by(outcome) if report else outcome
                in_a_row = 0
                continue
            if run.judged and run.refusal:
                if report is None:
                    return outcome
                self._measure_kept()
                return replace(report, status=Status.PARTLY, failure=outcome.failure)
            names = [one.name for one in part]
            if self.manner.atomic or len(files) == 1:
                return replace(outcome, failure=_of_file(run.file or names[0], outcome.failure))
            if run.refusal and len(part) > 1 and run.file not in names:
                # they are wrong together: which of them makes it so?
                parts.extendleft([one] for one in reversed(part))
                continue
            at = names.index(run.file) if run.file in names else 0
            broken.append(part[at])
            said.append(_of_file(names[at], outcome.failure))
            in_a_row += 1
            sound, after = part[:at], part[at + 1 :]
            if not run.refusal:
                why = "the fault may not be the file's"
            elif self.ordered:
                why = "their order counts"
            elif in_a_row == BROKEN_FILES:
                why = f"{BROKEN_FILES} in a row were broken"
            if why:
                waiting += len(after) + sum(len(each) for each in parts)
                parts.clear()
            elif after:
                parts.appendleft(after)
            if sound:
                parts.appendleft(sound)
        if not broken:
            assert report is not None  # there were files
            return report
        if len(said) > 3:
            said[3:] = [f"{len(said) - 3} more broken files"]
        fate = [f"{len(files) - len(broken) - waiting} of {len(files)} files were loaded"]
        if waiting:
            fate.append(f"{waiting} were not begun, as {why}")
        failure = f"{'; '.join(said)}. {'; '.join(fate)}. Load it again when that is mended"
        # the last that is known of the data set should be that something is wrong
        failed = provenance.begin_run(self.ledger, self.dataset, broken, limit=None)
        provenance.fail_run(self.ledger, failed, failure)
        if report is None:
            return DatasetReport(self.dataset.key, Status.FAILED, failure=failure)
        if not run.judged:
            self._measure_kept()
        return replace(report, status=Status.PARTLY, failure=failure)

    def _measure_kept(self) -> None:
        """How good the data set is with what was kept of it, where the files that it ends with were not."""
        expectations = Expectations(self.dataset, self.notices, accept_fewer=True)
        with _changing(self.connection, said=self.manner.one_transaction):
            for entity in self.dataset.entities:
                expectations.note_count(entity, rows_held(self.connection, self.dataset.key, entity))
            measure(
                self.connection, self.catalogue, self.dataset, self.notices, records=self.records,
                refused=self.refused, accept_fewer=True, changed=self.touched,
            )  # fmt: skip
            provenance.write_notices(self.connection, self.dataset, self.notices.rows)


class _Run:
    """Some files of a data set, or all of them, on their way through the stations in one transaction."""

    def __init__(self, load: _Load, files: Sequence[Opened], *, last: bool = True) -> None:
        self.connection = load.connection
        self.ledger = load.ledger
        self.catalogue = load.catalogue
        self.dataset = load.dataset
        self.progress = load.progress
        self.manner = load.manner
        self.whole = load
        self.files = files
        self.last = last  #: no other files follow, so that it can be said how many records there are in all
        #: what was wrong with the files before these is still to be told
        self.notices = copy.deepcopy(load.notices)
        self.expectations = Expectations(self.dataset, self.notices, self.manner.accept_fewer)
        self.staged: dict[str, Staging] = {}
        self.merged: dict[str, Merged] = {}
        self.to_link: list[str] = []
        self.records = 0
        self.refused = 0
        self.file: str | None = None  #: the one that is being read
        self.judged = False  #: whether all was merged, and what failed is the data set as a whole
        self.refusal = False  #: whether it failed by what is in the files, and not by a fault of ours

    @property
    def closes(self) -> bool:
        """Whether what is not in the files is gone."""
        return self.dataset.mode is Mode.FULL and self.manner.limit is None

    @property
    def touched(self) -> set[str]:
        """Of which entities it changed rows."""
        return {name for name, merged in self.merged.items() if merged.touched}

    @property
    def _kept(self) -> str:
        """What is told of the data set where this fails."""
        if not self.whole.files or self.manner.atomic:
            return NOTHING_CHANGED
        return f"of its files {self.whole.files:,} were loaded before and stay, and nothing more was kept"

    def load(self) -> DatasetReport:
        """All stations, one after the other; whatever fails, what was there before stays."""
        started = time.monotonic()
        run = provenance.begin_run(self.ledger, self.dataset, self.files, limit=self.manner.limit)
        try:
            with _changing(self.connection, said=self.manner.one_transaction):
                self.stage()
                self.merge()
                self.link()
                status = self.report(run)
        except BadRequest as refused:
            self.refusal = True
            provenance.fail_run(self.ledger, run, str(refused))
            return self._failed(str(refused), started)
        except psycopg.OperationalError as fault:
            what = (
                f"the next files of {self.dataset.key} were"
                if self.whole.records
                else f"{self.dataset.key} was"
            )
            said = in_words(fault, f" while {what} loaded")
            self._record_fault(run, said)
            raise TwinFault(said) from fault
        except Exception:
            incident = uuid.uuid4().hex[:12]
            log.exception("loading %s failed, incident %s", self.dataset.key, incident)
            failure = f"the twin failed at it; {self._kept}. Quote incident {incident} when you report it"
            provenance.fail_run(self.ledger, run, failure)
            return self._failed(failure, started)
        except BaseException as error:
            how = "It was stopped" if isinstance(error, KeyboardInterrupt) else type(error).__name__
            self._record_fault(run, f"{how}; nothing of it was kept.")
            raise
        self.whole.notices = self.notices
        self.whole.files += len(self.files)
        self.whole.records += self.records
        self.whole.refused += self.refused
        self.whole.touched |= self.touched
        return DatasetReport(
            key=self.dataset.key,
            status=self._outcome(status),
            records=self.records,
            refused=self.refused,
            entities=self.merged,
            expected={entity.name: self.dataset.expected(entity) for entity in self.dataset.entities},
            notices=self.notices.counts,
            seconds=time.monotonic() - started,
        )

    def _outcome(self, status: RunStatus) -> Status:
        if status is RunStatus.LOADED:
            return Status.LOADED
        return Status.UNCHANGED if any(one.rows for one in self.merged.values()) else Status.NOTHING

    def _failed(self, failure: str, started: float) -> DatasetReport:
        """A report that still tells what was read and what was wrong with it."""
        return DatasetReport(
            key=self.dataset.key,
            status=Status.FAILED,
            records=self.records,
            refused=self.refused,
            notices=self.notices.counts,
            seconds=time.monotonic() - started,
            failure=failure,
        )

    def stage(self) -> None:
        """Stations 2 to 5: read, map, check and stage."""
        for entity in self.dataset.entities:
            merged = bool(self.catalogue.merged_from(self.dataset, entity))
            versioned = self.dataset.versioned(entity)
            self.staged[entity.name] = Staging(self.connection, entity, merged=merged, versioned=versioned)
        files: list[FileRead] = []
        for read in self.dataset.reads:
            reading = Reading(
                read, self.dataset, self.catalogue, self.staged, self.notices, self._advance,
                self.manner.limit,
            )  # fmt: skip
            try:
                reading.stage([(one.path, one.name) for one in self.files])
            finally:
                self.file = reading.file
            self.refused += reading.refused
            files += reading.files
            if self.whole.in_parts:
                for file in reading.files:
                    self.file = file.name
                    self.expectations.refuse_all_wrong(file)
                self.file = None
        if self.whole.in_parts:
            self.expectations.note_no_changes(files)
        if not self.records and self.closes:
            raise BadRequest("it holds no records; nothing was changed", where=self.files[0].name)
        for entity in self.dataset.entities:
            if self.closes and self.refused and not self.staged[entity.name].count:
                held = rows_held(self.connection, self.dataset.key, entity)
                self.expectations.refuse_to_empty(entity, records=self.records, held=held)
            if self.whole.ordered:
                self.staged[entity.name].keep_last_files()
            repeated = any(target.repeated for target in self.dataset.targets(entity))
            self.staged[entity.name].settle_duplicates(self.notices, expected=repeated)
            self.staged[entity.name].note_same_shapes(self.notices)
            self.staged[entity.name].identify(self.notices)

    def merge(self) -> None:
        """Station 6: areas first, so that what comes after them finds them."""
        for entity in self.dataset.entities:
            staging = self.staged[entity.name]
            for area in {target.within for target in self.dataset.targets(entity)}:
                if area:
                    self.refused += staging.keep_within(BY_NAME[area], self.notices)
            for target in self.dataset.targets(entity):
                if target.same_within_m is not None:
                    staging.adopt_held(target.same_within_m)
            count = staging.complete(self.dataset.vital(entity))
            if self.closes:
                self.expectations.refuse_too_few(entity, count)
            known = 0
            if self.dataset.mode is Mode.APPEND:
                known = leave_as_they_were(staging, self.dataset.key, self.notices)
            precedence = self.catalogue.merged_from(self.dataset, entity)
            if precedence:
                shaped = entity.geometry in self.dataset.vital(entity)
                merged = merge_records(
                    staging, self.dataset.key, precedence, self.notices, shaped=shaped, closes=self.closes
                )
            else:
                merged = merge_alone(staging, self.dataset.key, self.notices, closes=self.closes)
            staging.drop()
            if self.closes:
                self.expectations.refuse_to_close(entity, merged)
            else:
                count = rows_held(self.connection, self.dataset.key, entity)
                merged = replace(merged, unchanged=merged.unchanged + known, held=count)
            if merged.touched and (entity.name not in AREAS or refresh_area_parts(self.connection, entity)):
                self.to_link.append(entity.name)
            if self.last and not self.manner.limit:
                self.expectations.note_count(entity, count)
            self.merged[entity.name] = merged

    def link(self) -> None:
        """Station 7: what this load changed, and what depends on it."""
        forget(self.connection, self.to_link)
        erase_from_notices(self.connection, self.dataset.key, self.notices)
        relink(self.connection, self.to_link)
        forget_matches(self.connection, self.to_link)
        search.refresh(self.connection, [name for name, one in self.merged.items() if one.touched])

    def report(self, run: str) -> RunStatus:
        """Station 8: what was done and how good it is, kept with the city."""
        total = sum(self.merged.values(), Merged())
        if self.last and not self.manner.limit:
            self.judged = True
            measure(
                self.connection, self.catalogue, self.dataset, self.notices,
                records=self.whole.records + self.records, refused=self.whole.refused + self.refused,
                accept_fewer=self.manner.accept_fewer,
                changed=self.whole.touched | self.touched, kept=self._kept,
            )  # fmt: skip
        provenance.write_notices(self.connection, self.dataset, self.notices.rows)
        provenance.update_source(self.connection, self.dataset, total.rows, self.whole.fetch)
        return provenance.finish_run(
            self.connection,
            run,
            records=self.records,
            refused=self.refused,
            merged=total,
            files=self.files,
            fingerprint=(
                fingerprint(self.connection, self.dataset, self.files, self.notices.counts)
                if self.closes
                else None
            ),
        )

    def _advance(self, records: int) -> None:
        self.records += records
        self.progress.advance(self.dataset.key, self.whole.records + self.records)

    def _record_fault(self, run: str, failure: str) -> None:
        try:
            provenance.fail_run(self.ledger, run, failure)
        except psycopg.Error:
            # the database is gone: the next load finds the run unfinished and says so
            log.warning("the run %s could not be marked as failed", run)


def _of_file(name: str, failure: str | None) -> str:
    """What is wrong with one of several files, with its name below the data folder in front."""
    reason = (failure or "").removeprefix(f"{name}: ").removeprefix(f"{PurePosixPath(name).name}: ")
    return f"{name}: {reason.rstrip('.')}"


@contextmanager
def _faults_in_words() -> Iterator[None]:
    """Say that the database failed, without its statement; whatever was under way is not kept."""
    try:
        yield
    except psycopg.OperationalError as fault:
        raise TwinFault(in_words(fault)) from fault


@contextmanager
def _stop_in_words(manner: Manner, ended: Sequence[DatasetReport], begun: Sequence[_Load]) -> Iterator[None]:
    """Say of a load that somebody stops what was kept of it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(_kept(manner, ended, begun)) from stop


def _kept(manner: Manner, ended: Sequence[DatasetReport], begun: Sequence[_Load]) -> str:
    if manner.dry_run:
        return "stopped; a dry run keeps nothing"
    if manner.atomic:
        return "stopped; nothing was kept, as it is all or none. Run the same command again"
    kept = f"{sum(one.status in KEPT for one in ended):,} of the data sets"
    if begun and begun[-1].files and begun[-1].in_parts:
        kept += f" and {begun[-1].files:,} files of {begun[-1].dataset.key}"
    return (
        f"stopped; loaded by then, and kept, are {kept}, and nothing is half-loaded. Run the same command "
        "again: it goes on from there"
    )


def _changing(connection: psycopg.Connection[Any], *, said: bool) -> AbstractContextManager[Any]:
    """A transaction that changes the city; `said` where the one around it says so, or is undone."""
    return connection.transaction() if said else changing(connection)


@contextmanager
def _one_transaction(connection: psycopg.Connection[Any], *, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    with changing(connection):
        yield


@contextmanager
def _city_locked(url: str, city: str) -> Iterator[tuple[psycopg.Connection[Any], psycopg.Connection[Any]]]:
    """A connection that loads and one that keeps the runs, while no other load of the city is under way."""
    with connect(url, city=city) as ledger, connect(url, city=city) as connection:
        for one in (ledger, connection):
            one.autocommit = True
            # a server process whose client was killed should end its statement, and with it the lock
            one.execute("SET client_connection_check_interval = '2s'")
        waited = time.monotonic()
        while not lock_city(connection, city):
            if time.monotonic() - waited > PATIENCE_S:
                raise BadRequest(
                    f"another load of {city} is under way and did not end within {PATIENCE_S:g} s; "
                    "nothing was changed. Try again when it has ended"
                )
            time.sleep(0.2)
        yield connection, ledger
