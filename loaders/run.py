"""A load, station by station: files in, linked rows out, one transaction for each data set.

The command line calls `load` and `link`.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Console

from loaders import provenance
from loaders.catalogue import Catalogue, Dataset, Mode
from loaders.fetched import fetch_of
from loaders.measures import INSIST, measure, measure_links
from loaders.merge import Merged, merge_alone, merge_records
from loaders.notices import Notices
from loaders.persons import forget
from loaders.progress import Progress
from loaders.reading import Reading
from loaders.report import DatasetReport, LinkReport, LoadReport, Status
from loaders.staging import Staging, drop_leftovers
from twin.areas import AREAS, refresh_area_parts
from twin.database import cities, connect, in_words, register_city
from twin.entities import BY_NAME, Entity, RunStatus
from twin.errors import BadRequest, TwinFault
from twin.links import relink, relink_all

log = logging.getLogger(__name__)

#: how long a load waits for another one of the same city
PATIENCE_S = 30.0
#: where a catalogue expects no count: a data set may close that share of its rows, or fewer than so many
CLOSED_SHARE, CLOSED_ROWS = 0.5, 20
_BLOCK_BYTES = 1 << 20


def load(
    url: str,
    catalogue: Catalogue,
    data: Path,
    *,
    only: Sequence[str] = (),
    atomic: bool = False,
    accept_fewer: bool = False,
    console: Console | None = None,
) -> LoadReport:
    """Load a city's data sets from a folder: all that are there, or only those named.

    Each data set is a transaction of its own, with `atomic` all of them are one. What a file's owner can mend
    becomes notices; a file that cannot be read at all leaves its data set as it was, and so does one that
    holds far fewer records than it should, unless `accept_fewer` says that this is right. Where no file is
    found, nothing is touched. Progress is drawn on the console where it is a terminal.
    """
    if not data.is_dir():
        raise BadRequest(f"{data} is no folder", where="--data")
    asked = [catalogue.dataset(key) for key in only]
    datasets = [one for one in catalogue.datasets if one in asked or not asked]
    city = catalogue.city.city
    if not any(dataset.find(data) for dataset in datasets):
        return LoadReport(
            catalogue.city.title, tuple(_missing(one, data, named=bool(only)) for one in datasets)
        )
    register_city(url, city)
    reports: list[DatasetReport] = []
    with (
        _faults_in_words(),
        _city_locked(url, catalogue.city.name) as (connection, ledger),
        Progress(console) as progress,
    ):
        with connection.transaction():
            drop_leftovers(connection)
            provenance.write_codes(connection, catalogue)
        try:
            with _one_transaction(connection, wanted=atomic):
                for dataset in datasets:
                    files = [(file, file.relative_to(data).as_posix()) for file in dataset.find(data)]
                    if files:
                        loading = _Load(connection, ledger, catalogue, dataset, progress, accept_fewer)
                        report = loading.run(files)
                    else:
                        report = _missing(dataset, data, named=bool(only))
                    reports.append(report)
                    if atomic and report.status.is_bad:
                        raise _Undone
        except _Undone:
            reports = [report.undone() for report in reports]
            for report in reports:
                if report.status is Status.UNDONE and report.run:
                    provenance.fail_run(ledger, report.run, "Another data set of the same command failed.")
    return LoadReport(catalogue.city.title, tuple(reports))


def link(url: str, city: str) -> LinkReport:
    """Make all links of a city anew, in one transaction; where nothing changed, nothing is written."""
    started = time.monotonic()
    if city not in cities(url):
        raise BadRequest(f'there is no city "{city}"; loaded are {", ".join(cities(url)) or "none"}')
    with (
        _faults_in_words(),
        _city_locked(url, city) as (connection, _),
        connection.transaction(),
    ):
        relinked = relink_all(connection)
        measure_links(connection, BY_NAME)
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
    """One data set on its way through the stations."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        ledger: psycopg.Connection[Any],
        catalogue: Catalogue,
        dataset: Dataset,
        progress: Progress,
        accept_fewer: bool,
    ) -> None:
        self.connection = connection
        self.ledger = ledger
        self.catalogue = catalogue
        self.dataset = dataset
        self.progress = progress
        self.accept_fewer = accept_fewer
        self.notices = Notices()
        self.staged: dict[str, Staging] = {}
        self.merged: dict[str, Merged] = {}
        self.to_link: list[str] = []
        self.records = 0
        self.refused = 0

    def run(self, files: Sequence[tuple[Path, str]]) -> DatasetReport:
        """All stations, one after the other; whatever fails, what was there before stays."""
        started = time.monotonic()
        run: str | None = None
        try:
            run = self.open(files)
            with self.connection.transaction():
                self.stage(files)
                self.merge()
                self.link()
                status = self.report(run, files)
        except BadRequest as refused:
            self._fail(run, str(refused))
            return self._failed(str(refused), started)
        except psycopg.OperationalError as fault:
            said = in_words(fault, f" while {self.dataset.key} was loaded")
            self._record_fault(run, said)
            raise TwinFault(said) from fault
        except Exception:
            incident = uuid.uuid4().hex[:12]
            log.exception("loading %s failed, incident %s", self.dataset.key, incident)
            failure = (
                f"the twin failed at it; nothing was changed. Quote incident {incident} when you report it"
            )
            self._fail(run, failure)
            return self._failed(failure, started)
        except BaseException as error:
            self._record_fault(run, f"{type(error).__name__}: nothing of it was kept.")
            raise
        return DatasetReport(
            key=self.dataset.key,
            status=self._outcome(status),
            run=run,
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

    def open(self, files: Sequence[tuple[Path, str]]) -> str:
        """Station 1: which bytes they are, under which licence; the key of the run that begins."""
        digest, size = hashlib.blake2b(digest_size=16), 0
        for file, name in files:
            try:
                with file.open("rb") as stream:
                    while block := stream.read(_BLOCK_BYTES):
                        digest.update(block)
                        size += len(block)
            except OSError as error:
                raise BadRequest(f"the file cannot be read: {error.strerror}", where=name) from error
        named = files[0][1] if len(files) == 1 else f"{self.dataset.file} ({len(files)} files)"
        provenance.write_source(self.ledger, self.dataset)
        return provenance.begin_run(
            self.ledger, self.dataset, provenance.Opened(named, size, digest.hexdigest())
        )

    def stage(self, files: Sequence[tuple[Path, str]]) -> None:
        """Stations 2 to 5: read, map, check and stage."""
        for entity in self.dataset.entities:
            merged = entity.name in self.catalogue.precedence
            versioned = any(t.version for r in self.dataset.reads for t in r.targets if t.entity is entity)
            self.staged[entity.name] = Staging(self.connection, entity, merged=merged, versioned=versioned)
        for read in self.dataset.reads:
            reading = Reading(read, self.dataset, self.catalogue, self.staged, self.notices, self._advance)
            reading.stage(files)
            self.refused += reading.refused
        if not self.records:
            raise BadRequest("it holds no records; nothing was changed", where=files[0][1])
        for entity in self.dataset.entities:
            if not self.accept_fewer:
                self._refuse_to_empty(entity)
            self.staged[entity.name].settle_duplicates(self.notices)

    def merge(self) -> None:
        """Station 6: areas first, so that what comes after them finds them."""
        closes = self.dataset.mode is Mode.FULL
        for entity in self.dataset.entities:
            staging = self.staged[entity.name]
            for area in {t.within for r in self.dataset.reads for t in r.targets if t.entity is entity}:
                if area:
                    self.refused += staging.keep_within(BY_NAME[area], self.notices)
            count = staging.complete(self._vital(entity))
            self._refuse_too_few(entity, count)
            precedence = self.catalogue.precedence.get(entity.name)
            if precedence:
                shaped = entity.geometry in self._vital(entity)
                merged = merge_records(
                    staging, self.dataset.key, precedence, self.notices, shaped=shaped, closes=closes
                )
            else:
                merged = merge_alone(staging, self.dataset.key, self.notices, closes=closes)
            staging.drop()
            self._refuse_to_close(entity, merged)
            if merged.touched and (entity.name not in AREAS or refresh_area_parts(self.connection, entity)):
                self.to_link.append(entity.name)
            self._note_too_many(entity, count)
            self.merged[entity.name] = merged

    def link(self) -> None:
        """Station 7: what this load changed, and what depends on it."""
        forget(self.connection, self.to_link)
        relink(self.connection, self.to_link)
        forget(self.connection, self.to_link)

    def report(self, run: str, files: Sequence[tuple[Path, str]]) -> RunStatus:
        """Station 8: what was done and how good it is, kept with the city."""
        total = sum(self.merged.values(), Merged())
        measure(
            self.connection, self.catalogue, self.dataset, self.notices, records=self.records,
            refused=self.refused, accept_fewer=self.accept_fewer,
            changed={*self.to_link, *(name for name, merged in self.merged.items() if merged.touched)},
        )  # fmt: skip
        provenance.write_notices(self.connection, self.dataset, self.notices.rows)
        provenance.update_source(self.connection, self.dataset, total.rows, fetch_of(self.dataset, files))
        return provenance.finish_run(
            self.connection, run, records=self.records, refused=self.refused, merged=total
        )

    def _advance(self, records: int) -> None:
        self.records += records
        self.progress.advance(self.dataset.key, self.records)

    def _refuse_to_empty(self, entity: Entity) -> None:
        """A file in which every record is wrong is a wrong file, not a city that lost all it had."""
        if self.staged[entity.name].count or not self.refused:
            return
        row = self.connection.execute(
            SQL("SELECT EXISTS (SELECT FROM {} WHERE %s = ANY (sources))").format(
                Identifier(entity.table.name)
            ),
            [self.dataset.key],
        ).fetchone()
        if row and row[0]:
            raise BadRequest(
                f"none of its {self.records:,} records could be kept as {entity.name}{self._defects()}, "
                f"while the twin holds some from before; nothing was changed. {INSIST}",
                where=self.dataset.file,
            )

    def _vital(self, entity: Entity) -> list[str]:
        """What this data set says of an entity that the entity cannot be without."""
        said = {
            name for r in self.dataset.reads for t in r.targets if t.entity is entity for name in t.fields
        }
        return [c.key for c in entity.loaded_columns if c.key in said and not c.nullable]

    def _refuse_too_few(self, entity: Entity, count: int) -> None:
        """What falls below the catalogue's expectation is a broken file rather than a smaller city."""
        expected = self.dataset.expected(entity)
        if expected and count < expected[0] and not self.accept_fewer:
            raise BadRequest(
                f"it holds {count:,} whole records of {entity.name}{self._defects()}; "
                f"expected {_range(expected)}. Nothing was changed. {INSIST}",
                where=self.dataset.file,
            )

    def _refuse_to_close(self, entity: Entity, merged: Merged) -> None:
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

    def _note_too_many(self, entity: Entity, count: int) -> None:
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

    def _fail(self, run: str | None, failure: str) -> None:
        if run:
            provenance.fail_run(self.ledger, run, failure)

    def _record_fault(self, run: str | None, failure: str) -> None:
        try:
            self._fail(run, failure)
        except psycopg.Error:
            # the database is gone: the next load finds the run unfinished and says so
            log.warning("the run %s could not be marked as failed", run)


def _range(expected: tuple[int, int]) -> str:
    low, high = expected
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


@contextmanager
def _faults_in_words() -> Iterator[None]:
    """Say that the database failed, without its statement; whatever was under way is not kept."""
    try:
        yield
    except psycopg.OperationalError as fault:
        raise TwinFault(in_words(fault)) from fault


@contextmanager
def _one_transaction(connection: psycopg.Connection[Any], *, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    with connection.transaction():
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
        while not _got_lock(connection, city):
            if time.monotonic() - waited > PATIENCE_S:
                raise BadRequest(
                    f"another load of {city} is under way and did not end within {PATIENCE_S:g} s; "
                    "nothing was changed. Try again when it has ended"
                )
            time.sleep(0.2)
        provenance.close_interrupted_runs(ledger)
        yield connection, ledger


def _got_lock(connection: psycopg.Connection[Any], city: str) -> bool:
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtext('twin.load'), hashtext(%s))", [city]
    ).fetchone()
    return bool(row and row[0])
