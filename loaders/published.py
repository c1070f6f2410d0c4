"""A batch of records as published, seen column by column; where mapping and checks say what is wrong.

`run.py` makes one Published of each batch that a reader yields, and a Selected of it for each entity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from loaders.catalogue.words import Condition
from loaders.formats import Batch
from loaders.notices import RULES, Notices
from twin.entities import Severity
from twin.geometry import WGS84, Mask, Shapes, finite, flat, transform

#: a pyarrow array; pyarrow has no types that mypy could read
Column: TypeAlias = Any
Rows: TypeAlias = NDArray[np.int64]


class Published:
    """A batch, with each column read once and its shapes moved into the city's coordinate system once."""

    def __init__(self, batch: Batch, file: str, notices: Notices, *, crs: str | None, city_crs: str) -> None:
        self.batch = batch
        self.file = file
        self.notices = notices
        self.crs = crs or WGS84
        self.city_crs = city_crs
        self._texts: dict[str, Column] = {}
        self._mixed: set[str] = set()  # columns whose values pyarrow does not take as they are

    def __len__(self) -> int:
        return len(self.batch)

    def raw(self, name: str) -> Column:
        """A column's values with their own type where they have one type, else as texts."""
        values = self.batch.columns.get(name)
        if values is None:
            return pa.nulls(len(self), pa.string())
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
            self._mixed.add(name)
            return pa.array(
                [None if value is None else without_surrogates(str(value)) for value in values], pa.string()
            )

    def text(self, name: str) -> Column:
        """A column's values as texts without blanks around them; an empty one is no value."""
        if name not in self._texts:
            self._texts[name] = self._trimmed(name, self._texts_only(name))
        return self._texts[name]

    def _texts_only(self, name: str) -> Column:
        """A column as texts: no lists, no objects, no characters that a database cannot keep."""
        raw = self.raw(name)
        column = as_text(raw)
        broken = mask(pc.match_substring(column, "\0"))
        everything = Selected(self, np.arange(len(self)))
        if pa.types.is_nested(raw.type) or name in self._mixed:
            values = self.batch.columns[name]
            nested = np.array([isinstance(value, list | dict) for value in values], dtype=np.bool_)
            note_not_text(everything, nested, name, column)
            column = pc.if_else(pa.array(nested), pa.scalar(None, pa.string()), column)
            broken |= np.array(
                [isinstance(value, str) and without_surrogates(value) != value for value in values],
                dtype=np.bool_,
            )
        if broken.any():
            everything.note(
                "broken-character", broken, name, column,
                lambda _: f"{name} holds characters that are none, such as NUL; they were removed.",
            )  # fmt: skip
            column = pc.replace_substring(column, "\0", "")
        return column

    def _trimmed(self, name: str, column: Column) -> Column:
        trimmed = pc.utf8_trim_whitespace(column)
        empty = pc.equal(trimmed, "")
        padded = mask(pc.not_equal(trimmed, column))
        if padded.any():
            everything = Selected(self, np.arange(len(self)))
            blank = padded & mask(empty)
            quoted = pc.binary_join_element_wise('"', column, '"', "")
            everything.note(
                "blank-value",
                blank,
                name,
                quoted,
                lambda value: f"{name} is {value}, only blanks. Left empty.",
            )
            everything.note(
                "padded-value", padded & ~blank, name, column,
                lambda value: f'{name} is "{value}"; the blanks around it were removed.',
            )  # fmt: skip
        return pc.if_else(empty, pa.scalar(None, pa.string()), trimmed)

    @cached_property
    def shapes(self) -> Shapes:
        """The shapes in the city's coordinate system, without heights; None where there is none."""
        if self.batch.geometry is None:
            return np.full(len(self), None, dtype=np.object_)
        shapes = transform(flat(self.batch.geometry), self.crs, self.city_crs)
        bad = ~finite(shapes)
        if bad.any():
            Selected(self, np.arange(len(self))).note(
                "bad-coordinate", bad, "geometry", None,
                lambda _: f"a coordinate is no place in {self.city_crs}. The shape was left out.",
            )  # fmt: skip
            shapes = shapes.copy()
            shapes[bad] = None
        empty = shapely.is_empty(shapes)
        if empty.any():
            shapes = shapes.copy()
            shapes[empty] = None
        return shapes

    def select(self, conditions: tuple[Condition, ...]) -> Selected:
        """The records that meet all conditions."""
        chosen = np.ones(len(self), dtype=np.bool_)
        for one in conditions:
            text = self.text(one.column)
            if one.filled is None:
                chosen &= mask(pc.is_in(text, pa.array(sorted(one.values), pa.string())))
            else:
                chosen &= mask(pc.is_valid(text)) == one.filled
        return Selected(self, np.flatnonzero(chosen))


@dataclass(frozen=True, eq=False)
class Selected:
    """Some records of a batch, by their row numbers; everything here has their length."""

    published: Published
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _all(self) -> bool:
        return len(self.rows) == len(self.published)

    def raw(self, name: str) -> Column:
        column = self.published.raw(name)
        return column if self._all else column.take(pa.array(self.rows))

    def text(self, name: str) -> Column:
        column = self.published.text(name)
        return column if self._all else column.take(pa.array(self.rows))

    @property
    def shapes(self) -> Shapes:
        return self.published.shapes[self.rows]

    @cached_property
    def positions(self) -> list[str]:
        positions = self.published.batch.positions
        return positions if self._all else [positions[row] for row in self.rows]

    def narrowed(self, keep: Mask) -> Selected:
        """Only the records that `keep` says."""
        return self if keep.all() else Selected(self.published, self.rows[keep])

    def note(
        self,
        rule: str,
        wrong: Mask,
        field: str | None,
        values: Column | None,
        say: Callable[[str], str],
        *,
        severity: Severity | None = None,
    ) -> None:
        """A notice for every record that is wrong; `say` gets the value and words the message."""
        found = np.flatnonzero(wrong)
        if not len(found):
            return
        notices, file = self.published.notices, self.published.file
        if RULES[rule].by_value and values is not None:
            texts = as_text(values.take(pa.array(found))).fill_null("")
            counted = {each["values"]: each["counts"] for each in pc.value_counts(texts).to_pylist()}
            first = {value: found[place] for place, value in reversed(list(enumerate(texts.to_pylist())))}
            for value, count in counted.items():
                notices.add(
                    rule, say(value), file=file, position=self.positions[first[value]], field=field,
                    value=value, severity=severity, occurrences=count,
                )  # fmt: skip
            return
        shown = found[: max(notices.room(rule, field), 0)]
        for row in shown:
            value = None if values is None else values[int(row)].as_py()
            notices.add(
                rule, say("" if value is None else str(value)), file=file, position=self.positions[row],
                field=field, value=value, severity=severity,
            )  # fmt: skip
        notices.more(rule, field=field, occurrences=len(found) - len(shown))


def note_not_text(selected: Selected, wrong: Mask, label: str, shown: Column) -> None:
    """A list or an object where a text is expected."""
    selected.note(
        "not-text", wrong, label, shown,
        lambda value: f"{label} is {value}; expected is a text. Left empty.",
    )  # fmt: skip


def without_surrogates(text: str) -> str:
    """A text without halves of characters, which JSON can write and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "ignore").decode()


def mask(column: Column) -> Mask:
    """A column of truths as a numpy mask; unknown is false."""
    filled = column.fill_null(False) if column.null_count else column
    found: Mask = np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)
    return found


def as_text(column: Column) -> Column:
    """Values as texts: whole numbers without a decimal point, truths as true and false, bytes as UTF-8."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_floating(kind):
        whole = pc.equal(column, pc.trunc(column))
        largest = pc.max(pc.abs(column)).as_py()
        if pc.all(whole, skip_nulls=True).as_py() and (largest is None or largest < 2**63):
            return pc.cast(pc.cast(column, pa.int64(), safe=False), pa.string())
        return pc.cast(column, pa.string())
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
    if pa.types.is_binary(kind):
        texts = [None if v is None else v.decode("utf-8", "replace") for v in column.to_pylist()]
        return pa.array(texts, pa.string())
    return pc.cast(column, pa.string())
