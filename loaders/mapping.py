"""Station 3: named source columns become attributes, as the catalogue's words say.

Works on whole columns: a batch is never taken apart into records. The values made here are still as the
source writes them; `checks.py` gives them their type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from loaders.catalogue import Target
from loaders.catalogue.words import Recipe, Segment, Words
from loaders.published import Column, Selected, as_text, mask
from twin.addresses import AddressKey, Known, match_key, parse_address
from twin.geometry import Mask, Shapes
from twin.identity import hashed_key
from twin.text import fold, title_case


class Unfilled:
    """Which records have no value because their code is in no table, and the code."""

    def __init__(self, length: int) -> None:
        self.rows: Mask = np.zeros(length, dtype=np.bool_)
        self.values: Column = pa.nulls(length, pa.string())
        self.known: tuple[str, ...] = ()


def map_attribute(recipe: Recipe, selected: Selected, done: Mapping[str, Column]) -> tuple[Column, Unfilled]:
    """The values of one attribute; `done` holds the attributes that were mapped and checked before."""
    unfilled = Unfilled(len(selected))
    found: Column | None = None
    for words in recipe.alternatives:
        values = _values(words, selected, done, unfilled)
        if found is None:
            found = values
        else:
            if values.type != found.type:
                values, found = as_text(values), as_text(found)
            found = pc.coalesce(found, values)
    assert found is not None  # a recipe has one alternative at least
    unfilled.rows &= mask(pc.is_null(found))
    return found, unfilled


def map_shapes(recipe: Recipe, selected: Selected) -> Shapes:
    """The values of a geometry attribute."""
    shapes = selected.shapes
    if any(words.point_on_surface for words in recipe.alternatives):
        shapes = shapes.copy()
        filled = ~shapely.is_missing(shapes)
        shapes[filled] = shapely.point_on_surface(shapes[filled])
    if any(words.areas_only for words in recipe.alternatives):
        shapes = shapes.copy()
        shapes[shapely.get_dimensions(shapes) != 2] = None
    return shapes


def content_keys(
    target: Target, dataset: str, selected: Selected, ignores: Callable[[str], bool] = lambda _: False
) -> list[str]:
    """Keys for records without one of their own: the same content and place always give the same key.

    Columns that the catalogue ignores are no content.
    """
    batch = selected.published.batch
    names = sorted(name for name in batch.columns if not ignores(name))
    columns = [batch.columns[name] for name in names]
    shapes = (
        shapely.to_wkb(batch.geometry, hex=True)
        if batch.geometry is not None
        else np.full(len(batch), None, dtype=np.object_)
    )
    return [
        hashed_key(
            dataset,
            target.entity.name,
            shapes[row],
            *(f"{name}={column[row]}" for name, column in zip(names, columns, strict=True)),
        )
        for row in selected.rows
    ]


def column_keys(words: Words, dataset: str, selected: Selected) -> list[str | None]:
    """Keys made of some columns' values; none where all of them are empty."""
    columns = [selected.text(name).to_pylist() for name in words.columns]
    return [
        hashed_key(dataset, *values) if any(value is not None for value in values) else None
        for values in zip(*columns, strict=True)
    ]


def _values(words: Words, selected: Selected, done: Mapping[str, Column], unfilled: Unfilled) -> Column:
    if words.value is not None:
        return pa.array([words.value] * len(selected))
    values = done[words.attribute] if words.attribute else _taken(words, selected)
    if words.unknown:
        text = as_text(values)
        meaningless = mask(pc.is_in(text, pa.array(words.unknown, pa.string())))
        label = ", ".join(words.columns)
        selected.note(
            "unknown-value", meaningless, label, text,
            lambda value: f'{label} is "{value}", which says that it is not known. Left empty.',
        )  # fmt: skip
        values = _emptied(values, meaningless)
    if words.nothing:
        values = _emptied(values, mask(pc.is_in(as_text(values), pa.array(words.nothing, pa.string()))))
    for word, change in _TEXT_WORDS.items():
        given = getattr(words, word)
        if given:
            values = change(values, given)
    if words.codes is not None:
        values = _coded(values, words.codes, unfilled)
    for word, change in _AFTER_CODES.items():
        given = getattr(words, word)
        if given:
            values = change(values, given)
    if words.scale is not None or words.round:
        values = numbers(values, selected, ", ".join(words.columns))
        values = pc.multiply(values, words.scale) if words.scale is not None else values
        values = pc.round(values) if words.round else values
    return values


def _taken(words: Words, selected: Selected) -> Column:
    if words.format:
        return _formatted(words.format, selected)
    if words.address:
        return _address_keys(words, selected)
    if len(words.columns) > 1:
        return pc.coalesce(*(selected.text(name) for name in words.columns))
    raw = selected.raw(words.columns[0])
    return selected.text(words.columns[0]) if pa.types.is_string(raw.type) else raw


def _formatted(segments: tuple[Segment, ...], selected: Selected) -> Column:
    """Columns on one line; a text before a column goes with it, a part without any value goes whole."""
    parts = []
    for segment in segments:
        pieces = []
        for before, name in segment:
            mark = f"{before.strip()} " if before.strip() else ""
            pieces.append(pc.binary_join_element_wise(mark, selected.text(name), ""))
        parts.append(_joined(pieces, " "))
    return _joined(parts, ", ")


def _joined(parts: list[Column], separator: str) -> Column:
    """The filled ones of several texts; none where all are empty.

    pyarrow 26 can skip nulls itself, but then drops the rows in which all are null.
    """
    line = parts[0]
    for part in parts[1:]:
        both = pc.binary_join_element_wise(line, part, separator)
        line = pc.coalesce(both, line, part)
    return line


def _address_keys(words: Words, selected: Selected) -> Column:
    """What other spellings of the same address have in common; none where it leads to no house."""
    parts = dict(words.address or {})
    settlement = fold(words.settlement)
    text = parts.pop("text", None)
    if text is not None:
        names = Known(settlements=frozenset((settlement,)))
        return by_value(
            selected.text(text), lambda line: match_key(parse_address(line, names), settlement=settlement)
        )
    columns = [selected.text(name).to_pylist() for name in parts.values()]
    known: dict[tuple[str | None, ...], str | None] = {}
    found = []
    for values in zip(*columns, strict=True):
        if values not in known:
            key = AddressKey.from_parts(**dict(zip(parts, values, strict=True)))
            known[values] = match_key(key, settlement=settlement)
        found.append(known[values])
    return pa.array(found, pa.string())


def _emptied(values: Column, rows: Mask) -> Column:
    if not rows.any():
        return values
    return pc.if_else(pa.array(rows), pa.scalar(None, values.type), values)


def _matched(values: Column, pattern: Any) -> Column:
    def first_group(text: str) -> str | None:
        found = pattern.search(text)
        return found.group(1) if found else None

    return by_value(as_text(values), first_group)


def _replaced(values: Column, pairs: tuple[tuple[str, str], ...]) -> Column:
    values = as_text(values)
    for old, new in pairs:
        values = pc.replace_substring(values, old, new)
    return values


def _split(texts: Column, separator: str) -> Column:
    parts = [
        None if text is None else [each.strip() for each in text.split(separator) if each.strip()] or None
        for text in texts.to_pylist()
    ]
    return pa.array(parts, pa.list_(pa.string()))


def _around(values: Column, change: Callable[[Column], Column]) -> Column:
    """Change texts, or the texts in lists of them."""
    if pa.types.is_list(values.type):
        return pa.ListArray.from_arrays(
            values.offsets, change(as_text(values.values)), mask=pa.array(mask(pc.is_null(values)))
        )
    return change(as_text(values))


def _prefixed(values: Column, prefix: str) -> Column:
    return _around(values, lambda texts: pc.binary_join_element_wise(prefix, texts, ""))


def _suffixed(values: Column, suffix: str) -> Column:
    return _around(values, lambda texts: pc.binary_join_element_wise(texts, suffix, ""))


#: word -> what it does, in this order
_TEXT_WORDS: dict[str, Callable[[Column, Any], Column]] = {
    "match": _matched,
    "replace": _replaced,
    "split": lambda values, separator: _split(as_text(values), separator),
}
_AFTER_CODES: dict[str, Callable[[Column, Any], Column]] = {
    "pad": lambda values, width: pc.utf8_lpad(as_text(values), width, padding="0"),
    "prefix": _prefixed,
    "suffix": _suffixed,
    "title_case": lambda values, _: by_value(as_text(values), title_case),
}


def _coded(values: Column, codes: Mapping[str, str], unfilled: Unfilled) -> Column:
    text = as_text(values)
    place = pc.index_in(text, value_set=pa.array(list(codes), pa.string()))
    ours = pa.array([each or None for each in codes.values()], pa.string()).take(place)
    unmapped = mask(pc.and_(pc.is_null(place), pc.is_valid(text)))
    if unmapped.any():
        unfilled.rows |= unmapped
        unfilled.values = pc.if_else(pa.array(unmapped), text, unfilled.values)
        unfilled.known = (*unfilled.known, *codes)
    return ours


def numbers(values: Column, selected: Selected, label: str) -> Column:
    """Values as floating-point numbers; what is none is noticed and left empty."""
    if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
        return pc.cast(values, pa.float64(), safe=False)
    text = as_text(values)
    numeric = pc.match_substring_regex(text, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    selected.note(
        "not-a-number", mask(pc.invert(numeric)), label, text,
        lambda value: f'{label} is "{value}"; expected is a number such as 12.5. Left empty.',
    )  # fmt: skip
    return pc.cast(pc.if_else(numeric, text, pa.scalar(None, pa.string())), pa.float64())


def by_value(texts: Column, change: Callable[[str], str | None]) -> Column:
    """A function applied once to each different text."""
    coded = texts.dictionary_encode()
    changed = [None if text is None else change(text) for text in coded.dictionary.to_pylist()]
    return pa.array(changed, pa.string()).take(coded.indices)
