"""A load, station by station: files in, linked rows out, one transaction for each data set.

The command line calls `load`, `link` and `quality`.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from rich.console import Console
from rich.table import Table

from loaders import provenance
from loaders.catalogue import Catalogue, Dataset, Read, Target
from loaders.checks import Check
from loaders.formats import Batch, Layer, open_layer
from loaders.merge import Merged, merge_alone, merge_records
from loaders.notices import Notices
from loaders.preparation import PREPARATIONS
from loaders.progress import Progress
from loaders.published import Published, Selected
from loaders.report import DatasetReport, LoadReport, Status
from loaders.staging import Staging, drop_leftovers
from loaders.whereabouts import Whereabouts, crs_of
from twin.areas import AREAS, refresh_area_parts
from twin.database import cities, connect, register_city
from twin.entities import BY_NAME, RunStatus
from twin.errors import BadRequest
from twin.links import Relinked, relink, relink_all

log = logging.getLogger(__name__)

#: how long a load waits for another one of the same city
PATIENCE_S = 30.0
_BLOCK_BYTES = 1 << 20


def load(
    url: str,
    catalogue: Catalogue,
    data: Path,
    *,
    only: Sequence[str] = (),
    atomic: bool = False,
    console: Console | None = None,
) -> LoadReport:
    """Load a city's data sets from a folder: all that are there, or only those named.

    Each data set is a transaction of its own, with `atomic` all of them are one. What a file's owner can mend
    becomes notices; a file that cannot be read at all leaves its data set as it was.
    """
    if not data.is_dir():
        raise BadRequest(f"{data} is no folder", where="--data")
    datasets = tuple(catalogue.dataset(key) for key in only) or catalogue.datasets
    register_city(url, catalogue.city.city)
    reports: list[DatasetReport] = []
    with _city_locked(url, catalogue.city.name) as (connection, ledger), Progress(console) as progress:
        with connection.transaction():
            drop_leftovers(connection)
            provenance.write_codes(connection, catalogue)
        try:
            with _one_transaction(connection, wanted=atomic):
                for dataset in datasets:
                    report = _Load(connection, ledger, catalogue, dataset, data, progress).run()
                    if report.status is Status.MISSING and dataset.optional and not only:
                        report = report.absent()
                    reports.append(report)
                    if atomic and report.status.is_bad:
                        raise _Undone
        except _Undone:
            reports = [report.undone() for report in reports]
    return LoadReport(catalogue.city.title, tuple(reports))


@dataclass(frozen=True)
class LinkReport:
    """What making all links of a city anew changed, and how many there are of each kind."""

    city: str
    relinked: Relinked
    ledger: tuple[tuple[str, str, str, str, int], ...]  #: type, subject, method, status, how many
    seconds: float

    @property
    def table(self) -> Table:
        """The ledger by kind of link."""
        table = Table(title=f"{self.city}: the link ledger", title_justify="left")
        for heading in ("link", "of", "method", "status"):
            table.add_column(heading)
        table.add_column("links", justify="right")
        for type_, subject, method, status, count in self.ledger:
            table.add_row(type_, subject, method, status, f"{count:,}")
        return table


def link(url: str, city: str) -> LinkReport:
    """Make all links of a city anew, in one transaction; where nothing changed, nothing is written."""
    started = time.monotonic()
    if city not in cities(url):
        raise BadRequest(f'there is no city "{city}"; loaded are {", ".join(cities(url)) or "none"}')
    with _city_locked(url, city) as (connection, _), connection.transaction():
        relinked = relink_all(connection)
        ledger = connection.execute(
            "SELECT type, subject_type, method, status, count(*) FROM link"
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        ).fetchall()
    return LinkReport(city, relinked, tuple(ledger), time.monotonic() - started)


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
        data: Path,
        progress: Progress,
    ) -> None:
        self.connection = connection
        self.ledger = ledger
        self.catalogue = catalogue
        self.dataset = dataset
        self.data = data
        self.progress = progress
        self.notices = Notices()
        self.staged: dict[str, Staging] = {}
        self.merged: dict[str, Merged] = {}
        self.to_link: list[str] = []
        self.records = 0
        self.refused = 0

    def run(self) -> DatasetReport:
        """All stations, one after the other; whatever fails, what was there before stays."""
        started = time.monotonic()
        files = self.dataset.find(self.data)
        if not files:
            return DatasetReport.missing(self.dataset.key, self.dataset.file)
        opened = self.open(files)
        provenance.write_source(self.ledger, self.dataset)
        run = provenance.begin_run(self.ledger, self.dataset, opened)
        try:
            with self.connection.transaction():
                self.stage(files)
                self.merge()
                self.link()
                status = self.report(run)
        except BadRequest as refused:
            provenance.fail_run(self.ledger, run, str(refused))
            return DatasetReport.failed(self.dataset.key, str(refused), time.monotonic() - started)
        except BaseException as error:
            self._record_fault(run, error)
            raise
        return DatasetReport(
            key=self.dataset.key,
            status=Status.LOADED if status is RunStatus.LOADED else Status.UNCHANGED,
            records=self.records,
            refused=self.refused,
            entities=self.merged,
            expected={entity.name: self.dataset.expected(entity) for entity in self.dataset.entities},
            notices=self.notices.counts,
            seconds=time.monotonic() - started,
        )

    def open(self, files: Sequence[Path]) -> provenance.Read:
        """Station 1: which bytes they are."""
        digest, size = hashlib.blake2b(digest_size=16), 0
        for file in files:
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
        named = self._name(files[0]) if len(files) == 1 else f"{self.dataset.file} ({len(files)} files)"
        return provenance.Read(named, size, digest.hexdigest())

    def stage(self, files: Sequence[Path]) -> None:
        """Stations 2 to 5: read, map, check and stage, batch by batch; memory stays flat."""
        for entity in self.dataset.entities:
            merged = entity.name in self.catalogue.precedence
            versioned = any(t.version for r in self.dataset.reads for t in r.targets if t.entity is entity)
            self.staged[entity.name] = Staging(self.connection, entity, merged=merged, versioned=versioned)
        for read in self.dataset.reads:
            _ReadPass(self, read).stage(files)
        if not self.records:
            raise BadRequest("it holds no records; nothing was changed", where=self._name(files[0]))
        for entity in self.dataset.entities:
            self.staged[entity.name].settle_duplicates(self.notices)

    def merge(self) -> None:
        """Station 6: areas first, so that what comes after them finds them."""
        for entity in self.dataset.entities:
            staging = self.staged[entity.name]
            for area in {t.within for r in self.dataset.reads for t in r.targets if t.entity is entity}:
                if area:
                    self.refused += staging.keep_within(BY_NAME[area], self.notices)
            precedence = self.catalogue.precedence.get(entity.name)
            if precedence:
                merged = merge_records(staging, self.dataset.key, precedence, self.notices)
            else:
                merged = merge_alone(staging, self.dataset.key, self.notices)
            staging.drop()
            if merged.touched and (entity.name not in AREAS or refresh_area_parts(self.connection, entity)):
                self.to_link.append(entity.name)
            self._expect(entity.name, merged)
            self.merged[entity.name] = merged

    def link(self) -> None:
        """Station 7: what this load changed, and what depends on it."""
        relink(self.connection, self.to_link)

    def report(self, run: str) -> RunStatus:
        """Station 8: what was done, kept with the city."""
        total = sum(self.merged.values(), Merged())
        provenance.write_notices(self.connection, self.dataset, self.notices.rows)
        provenance.update_source(self.connection, self.dataset, total.added + total.changed + total.unchanged)
        return provenance.finish_run(
            self.connection, run, records=self.records, refused=self.refused, merged=total
        )

    def _expect(self, entity: str, merged: Merged) -> None:
        expected = self.dataset.expected(BY_NAME[entity])
        count = merged.added + merged.changed + merged.unchanged
        if expected and not expected[0] <= count <= expected[1]:
            self.notices.add(
                "unexpected-count",
                f"there are {count:,} of {entity}; expected are {expected[0]:,} to {expected[1]:,}.",
                field=entity, value=count,
            )  # fmt: skip

    def _record_fault(self, run: str, error: BaseException) -> None:
        try:
            provenance.fail_run(
                self.ledger, run, f"{type(error).__name__}: the load ended; nothing was kept."
            )
        except psycopg.Error:
            # the database is gone: the next load finds the run unfinished and says so
            log.warning("the run %s could not be marked as failed", run)

    def _name(self, file: Path) -> str:
        return file.relative_to(self.data).as_posix()


class _ReadPass:
    """One pass over a data set's files."""

    def __init__(self, load: _Load, read: Read) -> None:
        self.load = load
        self.read = read
        self.notices = load.notices
        city = load.catalogue.city
        self.whereabouts = Whereabouts(city)
        self.checks: list[tuple[Target, Check]] = [
            (
                target,
                Check(
                    target,
                    load.dataset.key,
                    load.catalogue,
                    city.city.srid,
                    merged=target.entity.name in load.catalogue.precedence,
                ),
            )
            for target in read.targets
        ]
        self.spatial = any(
            f.geometry for _, c in self.checks for n, f in c.facts.items() if n in c.target.fields
        )
        self.columns: dict[str, str] = {}  # column -> the first file that has it
        self.repeated: dict[str, Counter[str]] = {name: Counter() for name in read.distinct}

    def stage(self, files: Sequence[Path]) -> None:
        for file in files:
            name = self.load._name(file)
            with open_layer(file, self.read.format, **self.read.options) as layer:
                crs = crs_of(self.read, layer, name, self.notices)
                for batch in layer.batches:
                    self._stage_batch(batch, layer, file, name, crs)
        self.whereabouts.check()
        self._note_unclaimed_columns()

    def _stage_batch(self, batch: Batch, layer: Layer, file: Path, name: str, crs: str | None) -> None:
        load = self.load
        self._note_problems(batch, name)
        if self.read.prepare:
            batch = PREPARATIONS[self.read.prepare](batch, file)
        if layer.columns:
            self._check_columns(batch, name)
        for column in batch.columns:
            self.columns.setdefault(column, name)
        if crs is None and self.spatial and batch.geometry is not None:
            raise BadRequest(
                "neither the file nor the catalogue says in which coordinate system its places are; "
                'say crs = "EPSG:..." in the catalogue',
                where=name,
            )
        load.records += len(batch)
        published = Published(batch, name, self.notices, crs=crs, city_crs=load.catalogue.city.crs)
        within = any(target.within for target in self.read.targets)
        inside = self.whereabouts.see(published, spoken_of=not within)
        self._note_repeated(published)
        taken = np.zeros(len(batch), dtype=np.bool_)
        for target, check in self.checks:
            selected = published.select(target.when)
            taken[selected.rows] = True
            if target.within:
                near = inside[selected.rows]
                selected.note(
                    "outside-the-areas", ~near, "geometry", None,
                    lambda _: "it lies outside the city's bounds. It was left out.",
                )  # fmt: skip
                load.refused += int((~near).sum())
                selected = selected.narrowed(near)
            checked = check(selected)
            load.refused += checked.refused
            load.staged[target.entity.name].write(checked, name)
        self._note_unclaimed_records(published, taken)
        load.progress.advance(load.dataset.key, load.records)

    def _check_columns(self, batch: Batch, name: str) -> None:
        """A column that the mapping cannot do without must be there."""
        there = set(batch.columns)
        for target, _ in self.checks:
            for attribute, recipe in [*target.fields.items(), *([("key", target.key)] if target.key else [])]:
                wanted = set(recipe.columns)
                if wanted and not wanted & there:
                    raise BadRequest(
                        f"there is no column {' or '.join(sorted(wanted))}, from which "
                        f"{target.entity.name}.{attribute} is made; there are {', '.join(batch.columns)}",
                        where=name,
                    )

    def _note_problems(self, batch: Batch, name: str) -> None:
        for position, rule, detail in batch.problems:
            self.notices.add(rule, detail, file=name, position=position, value=detail)

    def _note_unclaimed_columns(self) -> None:
        claimed = self.read.claimed
        for column, name in self.columns.items():
            if column not in claimed and not self.read.ignores(column):
                self.notices.add(
                    "unclaimed-column",
                    f"the catalogue neither maps nor ignores the column {column}.",
                    file=name, position="header", field=column,
                )  # fmt: skip

    def _note_unclaimed_records(self, published: Published, taken: np.ndarray) -> None:
        if taken.all():
            return
        left = Selected(published, np.flatnonzero(~taken))
        asked = dict.fromkeys(one.column for target, _ in self.checks for one in target.when)
        texts = {column: left.text(column).to_pylist() for column in asked}
        for row, position in enumerate(left.positions):
            said = ", ".join(f"{column}={texts[column][row]}" for column in asked if texts[column][row])
            self.notices.add(
                "unclaimed-record", f"no entity takes a record with {said or 'none of these columns'}.",
                file=published.file, position=position, value=said,
            )  # fmt: skip

    def _note_repeated(self, published: Published) -> None:
        for column, seen in self.repeated.items():
            values = published.text(column).to_pylist()
            for value, position in zip(values, published.batch.positions, strict=True):
                if value is None:
                    continue
                seen[value] += 1
                if seen[value] > 1:
                    self.notices.add(
                        "repeated-value", f'{column} is "{value}", as in an earlier record.',
                        file=published.file, position=position, field=column, value=value,
                    )  # fmt: skip


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
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext('twin.load'), hashtext(%s))", [city])
    found = row.fetchone()
    return bool(found and found[0])
