"""The words in which a catalogue says how an attribute is made of published columns.

`name = "kvname"` takes a column as it is. A table says more, for instance
`{ from = "type", codes = { "училище" = "SCHOOL" } }`, and a list gives alternatives of which the first that
yields a value counts. `mapping.py` carries them out, in the order in which Words lists them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from twin.errors import BadRequest

#: the column name that means the record's shape
GEOMETRY = "geometry"


#: what stands between two commas of a format: texts, each with the column that follows it
Segment: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """How one value is made. Blanks around a text always go, and an empty text is no value."""

    columns: tuple[str, ...] = ()  #: `from`: one column, or several of which the first filled one counts
    format: tuple[Segment, ...] = ()  #: one line of several columns: "{street} {number}, вх. {entrance}"
    address: Mapping[str, str] | None = None  #: part of an address -> column: makes a match key
    settlement: str = ""  #: the town or village that an address without one means
    attribute: str | None = None  #: another attribute of the same entity, as mapped and checked
    value: Any = None  #: the same for every record
    hash: bool = False  #: a key made of the columns' values, for records without one of their own
    unknown: tuple[str, ...] = ()  #: published values that say that nothing is known
    nothing: tuple[str, ...] = ()  #: published values that say nothing and are no defect: building=yes
    match: re.Pattern[str] | None = None  #: what the first group of this pattern finds, else nothing
    replace: tuple[tuple[str, str], ...] = ()  #: texts to put in the place of others
    split: str = ""  #: a list of the texts between this: ".20.22." -> 20, 22
    codes: Mapping[str, str] | None = None  #: published value -> ours; any other is an unknown code
    pad: int | None = None  #: zeros in front, up to this length
    prefix: str = ""
    suffix: str = ""
    title_case: bool = False  #: capitals only where Bulgarian writes them: 'КВ. БОЯНА' -> 'кв. Бояна'
    mixed_case: bool = False  #: a name in capitals only is worth a notice
    scale: float | None = None  #: a number to multiply by
    round: bool = False  #: to the nearest whole number
    agrees_with: str | None = None  #: kept only where it is that attribute's official transliteration
    point_on_surface: bool = False  #: a point inside the shape
    areas_only: bool = False  #: the shape only where it is an area


@dataclass(frozen=True, slots=True)
class Recipe:
    """The alternatives from which an attribute is filled."""

    alternatives: tuple[Words, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The published columns that it uses, the geometry not among them."""
        return tuple(n for words in self.alternatives for n in words.columns if n != GEOMETRY)

    @property
    def label(self) -> str:
        """What a notice calls the place of its value: the published columns."""
        return ", ".join(dict.fromkeys(self.columns))


@dataclass(frozen=True, slots=True)
class Condition:
    """Which records a target takes: those whose column is filled (or empty), or holds one of some values."""

    column: str
    filled: bool | None
    values: frozenset[str] = frozenset()


_ORIGINS = ("from", "format", "address", "attribute", "value")
_ADDRESS = ("text", "settlement", "district", "area", "street", "number", "block", "entrance")
_PIECE = re.compile(r"([^{}]*)\{([^{}]+)\}")
_WORDS = {each.name for each in fields(Words)} - {"columns"} | {"from"}


def recipe(entry: Any, where: str, tables: Mapping[str, Any]) -> Recipe:
    """Read an attribute's entry; BadRequest when a word is not known or has a value of the wrong kind."""
    entries = entry if isinstance(entry, list) else [entry]
    return Recipe(tuple(_words(each, where, tables) for each in entries))


def condition(column: str, value: Any, where: str, tables: Mapping[str, Any]) -> Condition:
    """Read one condition; a value may be true, false, a text, a list of texts, or `{ codes = ... }`."""
    if isinstance(value, bool):
        return Condition(column, value)
    if isinstance(value, dict) and set(value) == {"codes"}:
        return Condition(column, None, frozenset(_codes(value["codes"], where, tables)))
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise BadRequest(f"{column} is {value!r}; expected is true, false, a text or texts", where=where)
    return Condition(column, None, frozenset(values))


def _words(entry: Any, where: str, tables: Mapping[str, Any]) -> Words:
    if isinstance(entry, str):
        return Words(columns=(entry,))
    if not isinstance(entry, dict):
        raise BadRequest(f"it is {entry!r}; expected is a column's name or a table of words", where=where)
    for word in entry:
        if word not in _WORDS:
            raise BadRequest(
                f'"{word}" is no mapping word; there are {", ".join(sorted(_WORDS))}', where=where
            )
    origins = [word for word in _ORIGINS if word in entry]
    if len(origins) != 1:
        raise BadRequest(f"say where the value comes from: exactly one of {', '.join(_ORIGINS)}", where=where)
    given = dict(entry)
    columns = given.pop("from", ())
    if "format" in given:
        given["format"] = _format(given["format"], where)
        columns = tuple(column for segment in given["format"] for _, column in segment)
    if "address" in given:
        columns = _address(given["address"], where)
    if "match" in given:
        given["match"] = _pattern(given["match"], where)
    if "codes" in given:
        given["codes"] = _codes(given["codes"], where, tables)
    if "replace" in given:
        given["replace"] = tuple(given["replace"].items())
    for word in ("unknown", "nothing"):
        if word in given:
            given[word] = (given[word],) if isinstance(given[word], str) else tuple(given[word])
    return Words(columns=(columns,) if isinstance(columns, str) else tuple(columns), **given)


def _format(text: Any, where: str) -> tuple[Segment, ...]:
    """Read a format; a part between commas is left out where all of its columns are empty."""
    segments = tuple(tuple(_PIECE.findall(part)) for part in str(text).split(", "))
    if not all(segments) or "".join(f"{a}{{{b}}}" for each in segments for a, b in each) != str(text).replace(
        ", ", ""
    ):
        raise BadRequest(
            f"format is {text!r}; expected are columns in braces, such as '{{street}} {{number}}, вх. {{x}}'",
            where=where,
        )
    return segments


def _address(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, dict) or not given or not set(given) <= set(_ADDRESS):
        raise BadRequest(f"address is {given!r}; expected are columns by {', '.join(_ADDRESS)}", where=where)
    return tuple(given.values())


def _pattern(text: Any, where: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except (re.error, TypeError) as error:
        raise BadRequest(f"match is {text!r}, which is no pattern: {error}", where=where) from error
    if pattern.groups < 1:
        raise BadRequest(f"match is {text!r}; it needs a group in brackets", where=where)
    return pattern


def _codes(given: Any, where: str, tables: Mapping[str, Any]) -> Mapping[str, str]:
    """A table of codes written in place, or by its name under [tables]."""
    table = tables.get(given) if isinstance(given, str) else given
    if not isinstance(table, dict) or not all(isinstance(each, str) for each in table.values()):
        raise BadRequest(
            f"codes is {given!r}; expected is a table of texts or one of {', '.join(tables) or 'no tables'}",
            where=where,
        )
    return table
