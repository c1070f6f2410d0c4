"""Stations 2 to 5 of a load: records are read, mapped, checked and staged batch by batch, in flat memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loaders.catalogue import Catalogue, Dataset, Read, Target
from loaders.catalogue.words import Recipe
from loaders.checks import Check
from loaders.formats import Batch, FileFault, Layer, open_layer
from loaders.formats.apart import Apart
from loaders.notices import RULES, Notices
from loaders.preparation import PREPARATIONS
from loaders.published import Published, Selected
from loaders.solids import solids_of
from loaders.staging import Staging
from loaders.whereabouts import Whereabouts
from twin.entities import Severity
from twin.errors import BadRequest
from twin.geometry import Mask, has_more


@dataclass(frozen=True)
class FileRead:
    """What came of one file: the records in it, and how often one was taken or left out."""

    name: str
    records: int
    kept: int
    refused: int


class Reading:
    """One pass over a data set's files, which leaves checked records in the staging tables.

    `records`, `kept` and `refused` count what was read, taken and left out, `file` is the one being read;
    `advance` is told of each batch's size. With a `limit` only so many records are read.
    """

    def __init__(
        self,
        read: Read,
        dataset: Dataset,
        catalogue: Catalogue,
        staged: Mapping[str, Staging],
        notices: Notices,
        advance: Callable[[int], None],
        limit: int | None = None,
    ) -> None:
        self.read = read
        self.prepare = PREPARATIONS[read.prepare] if read.prepare else None
        self.staged = staged
        self.notices = notices
        self.advance = advance
        self.limit = limit
        self.file: str | None = None
        self.records = 0
        self.refused = 0
        self.kept = 0
        self.files: list[FileRead] = []
        self.city = catalogue.city
        self.whereabouts = Whereabouts(catalogue.city, read, notices)
        srid = catalogue.city.city.srid
        self.checks = [
            (
                target,
                Check(
                    target,
                    dataset.key,
                    catalogue,
                    srid,
                    merged=bool(catalogue.merged_from(dataset, target.entity)),
                    ignores=read.ignores,
                ),
            )
            for target in read.targets
            if not target.of
        ]
        self.solids = next((target for target in read.targets if target.of), None)
        self.spatial = self.solids is not None or any(
            target.entity.fields[name].geometry for target in read.targets for name in target.fields
        )
        self.leaves_some_out = any(target.within for target in read.targets)
        self.flattened: str | None = None  # the last file of which it was said
        self.columns: dict[str, str] = {}  # column -> the first file that has it
        self.repeated: dict[str, Counter[str]] = {name: Counter() for name in read.distinct}

    def stage(self, files: Sequence[tuple[Path, str]]) -> None:
        """Read all files, each with the name by which notices call it."""
        # numpy warns of coordinates that are no numbers; they become notices
        with np.errstate(invalid="ignore", over="ignore"), closing(self._layers(files)) as layers:
            for layer, file, name in layers:
                before = self.records, self.kept, self.refused
                self.whereabouts.begin(layer, name)
                for batch in layer.batches:
                    self._stage_batch(self._within_limit(batch, file), layer, name)
                    if self.limit == self.records:
                        break
                now = self.records, self.kept, self.refused
                self.files.append(FileRead(name, *(b - a for a, b in zip(before, now, strict=True))))
                if self.limit == self.records:
                    break
            self.file = None
            self.whereabouts.check()
        if self.records:
            self._check_columns(self.columns, next(iter(self.columns.values()), ""), only_vital=True)
        self._note_unclaimed_columns()

    def _layers(self, files: Sequence[tuple[Path, str]]) -> Generator[tuple[Layer, Path, str], None, None]:
        """Each file opened in its turn; of those that other processes read, the next is begun meanwhile."""
        with ExitStack() as begun:
            coming: Apart | None = None
            for number, (file, name) in enumerate(files, 1):
                self.file = name
                with coming or self._open(file) as layer:
                    coming = self._begun(files[number][0]) if number < len(files) else None
                    if coming:
                        begun.callback(coming.close)
                    yield layer, file, name

    def _open(self, file: Path) -> AbstractContextManager[Layer]:
        # with a limit only the records within it are prepared
        prepare = self.prepare if self.limit is None else None
        return open_layer(
            file, self.read.format, ignores=self._needless, prepare=prepare, **self.read.options
        )

    def _begun(self, file: Path) -> Apart | None:
        """A file that another process has begun to read; None for any other, and where it is refused."""
        if self.limit is None:
            with suppress(FileFault, OSError):  # told in its turn
                opened = self._open(file)
                if isinstance(opened, Apart):
                    opened.begin()
                    return opened
        return None

    def _within_limit(self, batch: Batch, file: Path) -> Batch:
        if self.limit is None:
            return batch
        batch = batch.head(self.limit - self.records)
        return self.prepare(batch, file) if self.prepare else batch

    def _needless(self, column: str) -> bool:
        """Whether no mapping looks at a published column; what a step in code looks at is not known here."""
        return not self.read.prepare and column not in self.read.claimed and self.read.ignores(column)

    def _stage_batch(self, batch: Batch, layer: Layer, name: str) -> None:
        for problem in batch.problems:
            meaning = RULES[problem.rule].doc.removesuffix(".")
            self.notices.add(
                problem.rule, f"{meaning}: {problem.detail}", file=name, position=problem.position,
                field=problem.field, value=problem.detail,
            )  # fmt: skip
        if layer.columns:
            self._check_columns(batch.columns, name)
        for column in batch.columns:
            self.columns.setdefault(column, name)
        if self.spatial:
            self._note_flattened(batch, name)
            batch = self.whereabouts.settle(batch)
        self.records += len(batch)
        published = Published(batch, name, self.notices, crs=self.whereabouts.crs, city_crs=self.city.crs)
        inside = self.whereabouts.see(published, spoken_of=not self.leaves_some_out)
        self._note_repeated(published)
        taken = np.zeros(len(batch), dtype=np.bool_)
        for target, check in self.checks:
            selected = published.select(target.when)
            taken[selected.rows] = True
            if target.within:
                selected = self._only_near(selected, inside)
            checked = check(selected)
            self.refused += checked.refused
            self.kept += len(checked)
            self.staged[target.entity.name].write(checked, name)
            if self.solids and self.solids.of and target.entity.name == "Building":
                solids = solids_of(checked, published, self.solids.of)
                self.staged[self.solids.entity.name].write(solids, name)
        self._note_unclaimed_records(published, taken)
        self.advance(len(batch))

    def _note_flattened(self, batch: Batch, name: str) -> None:
        """Of a file's shapes with heights, the first one is said; what is 3D by purpose is no such shape."""
        if batch.geometry is None or name == self.flattened or not (more := has_more(batch.geometry)).any():
            return
        self.flattened = name
        self.notices.add(
            "flattened-geometry", "the shape has Z or M beside x and y, as others of the file may. They were "
            "left out.", file=name, position=batch.positions[int(more.argmax())], field="geometry",
        )  # fmt: skip

    def _only_near(self, selected: Selected, inside: Mask) -> Selected:
        """Leave out what cannot lie in the city's areas, before it is staged."""
        near = inside[selected.rows]
        selected.note(
            "outside-the-areas", ~near, "geometry", None,
            lambda _: "it lies outside the city's bounds. It was left out.",
        )  # fmt: skip
        placeless = np.array([shape is None for shape in selected.shapes], dtype=np.bool_)
        selected.note(
            "no-geometry", placeless, "geometry", None,
            lambda _: "it has no place, so that nobody can say whether it is in the city. It was left out.",
            severity=Severity.INFO,
        )  # fmt: skip
        keep = near & ~placeless
        self.refused += int((~keep).sum())
        return selected.narrowed(keep)

    def _check_columns(self, there: Mapping[str, object], name: str, *, only_vital: bool = False) -> None:
        """The columns that the mapping needs must be there; `only_vital`: those that no record can lack."""
        for target in self.read.targets:
            for attribute, recipe in _recipes(target):
                if only_vital and attribute not in ("key", *target.required):
                    continue
                wanted = dict.fromkeys(recipe.columns)
                if wanted and not set(wanted) & set(there):
                    shown = [column for column in there if not self.read.ignores(column)]
                    raise BadRequest(
                        f"there is no column {' or '.join(wanted)}, from which "
                        f"{target.entity.name}.{attribute} is made; there are {', '.join(shown) or 'none'}",
                        where=name,
                    )

    def _note_unclaimed_columns(self) -> None:
        claimed = self.read.claimed
        for column, name in self.columns.items():
            if column not in claimed and not self.read.ignores(column):
                self.notices.add(
                    "unclaimed-column", f"the catalogue neither maps nor ignores the column {column}.",
                    file=name, position="header", field=column,
                )  # fmt: skip

    def _note_unclaimed_records(self, published: Published, taken: Mask) -> None:
        if taken.all():
            return
        left = Selected(published, np.flatnonzero(~taken))
        asked = dict.fromkeys(one.column for target in self.read.targets for one in target.when)
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


def _recipes(target: Target) -> list[tuple[str, Recipe]]:
    key = [("key", target.key)] if target.key else []
    return [*key, *target.fields.items()]
