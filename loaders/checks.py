"""Station 4: values get their type, and what cannot be true becomes a notice instead of a value.

`Checked` is what is staged: typed columns of the records that passed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Double, Integer
from sqlalchemy import Column as SqlColumn
from sqlalchemy.dialects.postgresql import ARRAY

from loaders.catalogue import Catalogue, Target
from loaders.catalogue.words import Recipe
from loaders.mapping import (
    Unfilled,
    by_value,
    column_keys,
    content_keys,
    map_attribute,
    map_shapes,
    numbers,
)
from loaders.published import Column, Rows, Selected, as_text, mask, note_not_text
from loaders.versions import VERSIONS
from twin.entities import Severity
from twin.fields import Field
from twin.geometry import Mask, Shapes, as_kind, ewkb, mend
from twin.identifiers import BUILDING_FORM, is_eik, is_ekatte, scrub_personal_numbers
from twin.text import fold, transliterate

MADE = "made_"  #: prefix of the columns that hold a generated Latin name for the merge of several sources
SHORTEST_NAME_IN_CAPITALS = 4
#: an area is a sliver when it is narrower; of a long thin one the width is twice its area by its edge
SLIVER_M = 0.1
TIMESTAMP = pa.timestamp("us", tz="UTC")
STATED_AREA_SHARE = 0.05  #: a published area may differ from the shape's by so much

_YES, _NO = ("true", "yes", "1", "да", "y", "t"), ("false", "no", "0", "не", "n", "f")


def _are_eik(text: Column) -> Column:
    return _by_value_truth(text, is_eik)


def _are_building_ids(text: Column) -> Column:
    """Told column by column: no two of a million identifiers are the same, but their settlements are."""
    settled = _by_value_truth(pc.utf8_slice_codeunits(text, 0, 5), is_ekatte)
    return pc.and_(pc.match_substring_regex(text, BUILDING_FORM), settled)


#: identifier scheme -> which texts are one, and what one looks like
IDENTIFIERS: dict[str, tuple[Callable[[Column], Column], str]] = {
    "EIK": (_are_eik, "9 or 13 digits of which the last is a check digit"),
    "CADASTRE": (_are_building_ids, "EKATTE.region.parcel.building, such as 68134.100.33.2"),
}


@dataclass(frozen=True, eq=False)
class Checked:
    """Records of one entity ready for staging: typed columns (shapes in PostGIS's binary form), positions."""

    columns: Mapping[str, Column]
    positions: list[str]
    refused: int
    rows: Rows  #: where in the batch each stands

    def __len__(self) -> int:
        return len(self.positions)


class Check:
    """Maps and checks the records of one target; made once a load, called for every batch."""

    def __init__(
        self,
        target: Target,
        dataset: str,
        catalogue: Catalogue,
        srid: int,
        *,
        merged: bool,
        ignores: Callable[[str], bool],
    ) -> None:
        self.target = target
        self.ignores = ignores
        self.dataset = dataset
        self.srid = srid
        self.merged = merged
        entity = target.entity
        self.columns: dict[str, SqlColumn[object]] = {c.key: c for c in entity.loaded_columns}
        self.facts: dict[str, Field] = {name: f for name, f in entity.fields.items() if name in self.columns}
        self.schemes = {
            name: catalogue.scheme(field.codes) for name, field in self.facts.items() if field.codes
        }
        # of an entity with several sources, one of them need not say everything
        self.required = {
            name
            for name, column in self.columns.items()
            if name in target.required or (not merged and not column.nullable)
        }
        if target.key and target.key.alternatives[0].attribute:
            self.required.add(target.key.alternatives[0].attribute)

    def __call__(self, selected: Selected) -> Checked:
        """Map, type and check; a record that cannot be kept is a notice and not in the answer."""
        keep = np.ones(len(selected), dtype=np.bool_)
        done: dict[str, Column] = {}
        for name, recipe in self._in_order():
            field = self.facts[name]
            if field.geometry:
                done[name] = self._shapes(name, field.geometry, recipe, selected, keep)
            else:
                values, unfilled = map_attribute(recipe, selected, done)
                self._unknown_codes(name, unfilled, selected, keep)
                done[name] = self._typed(name, recipe, values, selected, keep)
                if any(words.agrees_with for words in recipe.alternatives):
                    done[name] = _agreeing(recipe, done[name], done, selected)
            if name in self.required:
                self._demand(name, recipe, unfilled=done[name], selected=selected, keep=keep)
        key = self._key(selected, done, keep)
        self._generate(done)
        if self.target.versions:
            done[VERSIONS] = selected.text(self.target.versions)
        if not keep.all():
            kept = pa.array(keep)
            done = {name: column.filter(kept) for name, column in done.items()}
            key = key.filter(kept)
        kept_ones = selected.narrowed(keep)
        return Checked({"key": key, **done}, kept_ones.positions, int((~keep).sum()), kept_ones.rows)

    def _in_order(self) -> list[tuple[str, Recipe]]:
        """The attributes, those that look at another one last."""
        return sorted(
            self.target.fields.items(),
            key=lambda item: any(w.attribute or w.agrees_with for w in item[1].alternatives),
        )

    def _unknown_codes(self, name: str, unfilled: Unfilled, selected: Selected, keep: Mask) -> None:
        if not unfilled.rows.any():
            return
        label = self.target.fields[name].label
        fatal = name in self.required
        known = ", ".join(dict.fromkeys(unfilled.known))
        known = known if len(known) <= 200 else f"{known[:200]}…"
        selected.note(
            "unknown-code", unfilled.rows & keep, label, unfilled.values,
            lambda value: f'{label} is "{value}"; known are {known}. '
            f"{'The record was left out' if fatal else 'Left empty'}.",
            severity=Severity.ERROR if fatal else None,
        )  # fmt: skip
        if fatal:
            keep &= ~unfilled.rows

    def _typed(self, name: str, recipe: Recipe, values: Column, selected: Selected, keep: Mask) -> Column:
        column, field = self.columns[name], self.facts[name]
        label = recipe.label or name
        kind = column.type
        if isinstance(kind, Double):
            return self._in_range(numbers(values, selected, label), field, label, selected)
        if isinstance(kind, Integer | BigInteger):
            bits = 64 if isinstance(kind, BigInteger) else 32
            ranged = self._in_range(
                _whole_numbers(values, selected, label), field, label, selected, bits=bits
            )
            return pc.cast(ranged, pa.int64() if bits == 64 else pa.int32())
        if isinstance(kind, Boolean):
            return _truths(values, selected, label)
        if isinstance(kind, DateTime):
            return _times(values, selected, label)
        if isinstance(kind, Date):
            return _dates(values, selected, label)
        if isinstance(kind, ARRAY):
            return values if pa.types.is_list(values.type) else pa.nulls(len(values), pa.list_(pa.string()))
        if pa.types.is_nested(values.type):
            note_not_text(selected, mask(pc.is_valid(values)), label, as_text(values))
            values = pa.nulls(len(values), pa.string())
        return self._text(name, recipe, as_text(values), selected, keep)

    def _text(self, name: str, recipe: Recipe, text: Column, selected: Selected, keep: Mask) -> Column:
        field, label = self.facts[name], recipe.label or name
        if field.identifier in IDENTIFIERS:
            return self._identifier(name, label, text, selected, keep)
        if field.enumeration:
            members = [each.name for each in field.enumeration]
            return self._of_list(
                name, label, text, selected, keep, mask(pc.is_in(text, pa.array(members))), ", ".join(members)
            )
        if field.codes:
            self._unlisted(name, label, text, selected)
            return text
        if field.link or field.identifier:
            return text
        if any(words.mixed_case for words in recipe.alternatives):
            self._capitals(label, text, selected)
        return _without_personal_numbers(text, selected, label)

    def _identifier(self, name: str, label: str, text: Column, selected: Selected, keep: Mask) -> Column:
        are_ones, form = IDENTIFIERS[self.facts[name].identifier or ""]
        good = mask(are_ones(text))
        bad = ~good & mask(pc.is_valid(text))
        fatal = name in self.required
        selected.note(
            "bad-identifier", bad & keep, label, text,
            lambda value: f'{label} is "{value}"; expected are {form}. '
            f"{'The record was left out' if fatal else 'Left empty'}.",
            severity=None if fatal else Severity.WARNING,
        )  # fmt: skip
        if fatal:
            keep &= ~bad
        return pc.if_else(pa.array(good), text, pa.scalar(None, pa.string()))

    def _of_list(
        self, name: str, label: str, text: Column, selected: Selected, keep: Mask, good: Mask, known: str
    ) -> Column:
        wrong = ~good & mask(pc.is_valid(text))
        fatal = name in self.required
        selected.note(
            "unknown-code", wrong & keep, label, text,
            lambda value: f'{label} is "{value}"; known are {known}. '
            f"{'The record was left out' if fatal else 'Left empty'}.",
            severity=Severity.ERROR if fatal else None,
        )  # fmt: skip
        if fatal:
            keep &= ~wrong
        return pc.if_else(pa.array(good), text, pa.scalar(None, pa.string()))

    def _unlisted(self, name: str, label: str, text: Column, selected: Selected) -> None:
        """A code that its list does not have is kept as published, and said."""
        listed = self.schemes[name]
        if listed is None:
            return
        unlisted = ~mask(pc.is_in(text, pa.array(sorted(listed), pa.string()))) & mask(pc.is_valid(text))
        selected.note(
            "unknown-code", unlisted, label, text,
            lambda value: f'{label} is "{value}", which is not in the code list {self.facts[name].codes}. '
            "Kept as published.",
        )  # fmt: skip

    def _capitals(self, label: str, text: Column, selected: Selected) -> None:
        loud = mask(
            pc.and_(
                pc.and_(pc.equal(pc.utf8_upper(text), text), pc.not_equal(pc.utf8_lower(text), text)),
                pc.greater_equal(pc.utf8_length(text), SHORTEST_NAME_IN_CAPITALS),
            )
        )
        selected.note(
            "name-in-capitals", loud, label, text,
            lambda value: f'{label} is "{value}", in capitals only. Kept as published.',
        )  # fmt: skip

    def _in_range(
        self, values: Column, field: Field, label: str, selected: Selected, *, bits: int | None = None
    ) -> Column:
        """Values outside what the field allows, or what its column can hold, are left empty."""
        low, high = field.minimum, field.maximum
        if bits:
            limit = 2 ** (bits - 1)
            low, high = (-limit if low is None else low), (limit - 1 if high is None else high)
        wrong = np.zeros(len(values), dtype=np.bool_)
        if low is not None:
            wrong |= mask(pc.less(values, low))
        if high is not None:
            wrong |= mask(pc.greater(values, high))
        if pa.types.is_floating(values.type):
            wrong |= mask(pc.invert(pc.is_finite(values)))
        allowed = f"from {_plain(low)}" if low is not None else "a number"
        allowed += f" to {_plain(high)}" if high is not None else ""
        selected.note(
            "out-of-range", wrong, label, values,
            lambda value: f"{label} is {value}; possible is {allowed}. Left empty.",
        )  # fmt: skip
        return pc.if_else(pa.array(wrong), pa.scalar(None, values.type), values) if wrong.any() else values

    def _shapes(self, name: str, kind: str, recipe: Recipe, selected: Selected, keep: Mask) -> Column:
        shapes, wrong = as_kind(map_shapes(recipe, selected), kind)
        fatal = name in self.required
        lost = "The record was left out." if fatal else "The shape was left out."
        if wrong.any():
            kinds = pa.array([None if s is None else s.geom_type for s in shapes], pa.string())
            selected.note(
                "wrong-geometry-type", wrong & keep, "geometry", kinds,
                lambda value: f"the shape is a {value}; a {name} is a {kind.lower()}. {lost}",
            )  # fmt: skip
            shapes[wrong] = None
        if kind == "MULTIPOLYGON":
            shapes, repaired, refused = mend(shapes)
            selected.note(
                "repaired-geometry", repaired & keep, "geometry", None,
                lambda _: f"the {name} crosses itself; it was mended, its area all but unchanged.",
            )  # fmt: skip
            selected.note(
                "invalid-geometry", refused & keep, "geometry", _reasons(shapes, refused),
                lambda why: f"the {name} is invalid ({why}) and cannot be mended. {lost}",
            )  # fmt: skip
            wrong |= refused
            shapes[refused] = None
            slim = shapely.area(shapes) * 2 < SLIVER_M * shapely.length(shapes)
            selected.note(
                "sliver", slim & keep, "geometry", None,
                lambda _: f"the {name} is less than {SLIVER_M:g} m wide. It was kept.",
            )  # fmt: skip
            if self.target.stated_area_m2:
                _compare_area(self.target.stated_area_m2, shapes, selected)
        if fatal:
            keep &= ~wrong
        return pa.array(ewkb(shapes, self.srid, kind), pa.binary())

    def _demand(self, name: str, recipe: Recipe, *, unfilled: Column, selected: Selected, keep: Mask) -> None:
        missing = mask(pc.is_null(unfilled)) & keep
        if not missing.any():
            return
        # where the reader has spoken of the record, it was this
        spoken = {problem.position for problem in selected.published.batch.problems}
        silent = np.array([position in spoken for position in selected.positions], dtype=np.bool_)
        label, entity = recipe.label or name, self.target.entity.name
        if self.facts[name].geometry:
            named = self.target.key.columns if self.target.key else ()
            selected.note(
                "no-geometry", missing, "geometry", selected.text(named[0]) if named else None,
                lambda key: f"Record {key or 'without a key'} has no {name}, and a {entity} cannot be "
                "without. It was left out; what an earlier load made of it is closed.",
            )  # fmt: skip
        else:
            selected.note(
                "no-value", missing & ~silent, label, None,
                lambda _: f"{name} is missing, and a {entity} cannot be without. The record was left out.",
            )  # fmt: skip
        keep &= ~missing

    def _key(self, selected: Selected, done: Mapping[str, Column], keep: Mask) -> Column:
        recipe = self.target.key
        if recipe is None:
            return pa.array(content_keys(self.target, self.dataset, selected, self.ignores), pa.string())
        words = recipe.alternatives[0]
        if words.hash:
            keys = pa.array(column_keys(words, self.dataset, selected), pa.string())
        else:
            values, unfilled = map_attribute(recipe, selected, done)
            keys = as_text(values)
            self._unknown_codes_of_key(unfilled, selected, keep)
        missing = mask(pc.is_null(keys)) & keep
        label = recipe.label
        selected.note(
            "no-key", missing, label or None, selected.text(words.columns[0]) if words.columns else None,
            lambda value: f'{label} is "{value}", which gives no key for a {self.target.entity.name}. '
            "The record was left out.",
        )  # fmt: skip
        keep &= ~missing
        return keys

    def _unknown_codes_of_key(self, unfilled: Unfilled, selected: Selected, keep: Mask) -> None:
        if unfilled.rows.any():
            label = self.target.key.label if self.target.key else ""
            selected.note(
                "unknown-code", unfilled.rows & keep, label, unfilled.values,
                lambda value: f'{label} is "{value}", which leads to no {self.target.entity.name}. '
                "The record was left out.",
                severity=Severity.ERROR,
            )  # fmt: skip
            keep &= ~unfilled.rows

    def _generate(self, done: dict[str, Column]) -> None:
        """Latin and folded names, where the source gives none."""
        for name, field in self.facts.items():
            if field.folded_of in done:
                done[name] = by_value(done[field.folded_of], fold)
            elif field.latin_of in done:
                made = by_value(done[field.latin_of], transliterate)
                if self.merged:
                    # another source may have the real one, which only the merge of all can tell
                    done[f"{MADE}{name}"] = made
                else:
                    done[name] = pc.coalesce(done[name], made) if name in done else made


def _agreeing(recipe: Recipe, text: Column, done: Mapping[str, Column], selected: Selected) -> Column:
    """A published Latin name where it is the official transliteration, else nothing and a notice."""
    other = next(words.agrees_with for words in recipe.alternatives if words.agrees_with)
    official = by_value(done[other], transliterate)
    differs = mask(pc.not_equal(official, text))
    label = recipe.label
    officially = dict(zip(text.to_pylist(), official.to_pylist(), strict=True))
    selected.note(
        "latin-disagrees", differs, label, text,
        lambda value: f'{label} is "{value}"; officially it is "{officially[value]}", which is used.',
    )  # fmt: skip
    return pc.if_else(pa.array(differs), pa.scalar(None, pa.string()), text)


def _plain(number: float) -> str:
    """A limit as a notice shows it: 2147483647, 0.5."""
    return f"{number:.0f}" if number == int(number) else f"{number:g}"


def _whole_numbers(values: Column, selected: Selected, label: str) -> Column:
    """Values as whole numbers of 64 bits; what is none, or does not fit, is noticed and left empty."""
    if pa.types.is_signed_integer(values.type):
        return pc.cast(values, pa.int64())
    if pa.types.is_floating(values.type):
        good = pc.equal(values, pc.trunc(values))
        huge = mask(pc.greater_equal(pc.abs(values), 2.0**63))
    else:
        values = as_text(values)
        good = pc.match_substring_regex(values, r"^[+-]?\d+(\.0+)?$")
        huge = mask(pc.match_substring_regex(values, r"^[+-]?0*[1-9]\d{18}"))
    selected.note(
        "out-of-range", huge & mask(good), label, values,
        lambda value: f"{label} is {value}, which is larger than any number that can be kept. Left empty.",
    )  # fmt: skip
    bad = mask(pc.invert(good))
    selected.note(
        "not-a-whole-number", bad, label, values,
        lambda value: f'{label} is "{value}"; expected is a whole number. Left empty.',
    )  # fmt: skip
    if bad.any() or huge.any():
        values = pc.if_else(pa.array(bad | huge), pa.scalar(None, values.type), values)
    if pa.types.is_string(values.type):
        values = pc.replace_substring_regex(values, r"(\.0+)$|^\+", "")
    return pc.cast(values, pa.int64())


def _truths(values: Column, selected: Selected, label: str) -> Column:
    if pa.types.is_boolean(values.type):
        return values
    text = pc.utf8_lower(as_text(values))
    yes, no = (pc.is_in(text, pa.array(each)) for each in (_YES, _NO))
    bad = ~mask(pc.or_(yes, no)) & mask(pc.is_valid(text))
    selected.note(
        "not-yes-or-no", bad, label, text,
        lambda value: f'{label} is "{value}"; expected is yes or no. Left empty.',
    )  # fmt: skip
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def _dates(values: Column, selected: Selected, label: str) -> Column:
    """Dates from texts that begin with one ('2011-04-05', '2011-04-05T09:25:21', '20110405', '05.04.2011')
    and from ASP.NET's '/Date(1301950800000)/'."""
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        return pc.cast(values, pa.date32(), safe=False)
    text = as_text(values)
    coded = text.dictionary_encode()
    dates = pa.array([_date(each) for each in coded.dictionary.to_pylist()], pa.date32()).take(coded.indices)
    bad = mask(pc.is_null(dates)) & mask(pc.is_valid(text))
    selected.note(
        "not-a-date", bad, label, text,
        lambda value: f'{label} is "{value}"; expected is a date such as 2024-05-31. Left empty.',
    )  # fmt: skip
    return dates


def _times(values: Column, selected: Selected, label: str) -> Column:
    """Instants from ISO texts such as '2017-11-17 05:00:00'; without a zone they count as UTC."""
    if pa.types.is_timestamp(values.type):
        return pc.cast(values, TIMESTAMP, safe=False)
    text = as_text(values)
    coded = text.dictionary_encode()
    times = pa.array([_time(each) for each in coded.dictionary.to_pylist()], TIMESTAMP).take(coded.indices)
    bad = mask(pc.is_null(times)) & mask(pc.is_valid(text))
    selected.note(
        "not-a-time", bad, label, text,
        lambda value: f'{label} is "{value}"; expected is a time such as 2024-05-31T18:00:00. Left empty.',
    )  # fmt: skip
    return times


def _time(text: str | None) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _date(text: str | None) -> dt.date | None:
    if not text:
        return None
    if instant := _INSTANT.fullmatch(text):
        # local midnight in UTC, so the nearest midnight in UTC begins the day that is meant
        return _FIRST_DAY + dt.timedelta(days=round(int(instant[1]) / _DAY_MS))
    if dotted := _DOTTED.match(text):
        text = "-".join(reversed(dotted.groups()))
    for form in (text[:10], text[:8]):
        try:
            return dt.date.fromisoformat(form)
        except ValueError:
            continue
    return None


_INSTANT = re.compile(r"/Date\((-?[0-9]{1,15})\)/")
_DOTTED = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
_FIRST_DAY = dt.date(1970, 1, 1)
_DAY_MS = 86_400_000


def _by_value_truth(text: Column, is_one: Callable[[str], bool]) -> Column:
    coded = text.dictionary_encode()
    known = [value is not None and is_one(value) for value in coded.dictionary.to_pylist()]
    return pa.array(known, pa.bool_()).take(coded.indices)


def _compare_area(column: str, shapes: Shapes, selected: Selected) -> None:
    """A notice where a published area is not that of the published shape."""
    stated = numbers(selected.text(column), selected, column).to_numpy(zero_copy_only=False)
    areas = shapely.area(shapes)
    wrong = np.abs(areas - stated) > STATED_AREA_SHARE * stated
    both = [f"{here:.0f}, {there:.0f}" for here, there in zip(stated, areas, strict=True)]
    selected.note(
        "area-disagrees", wrong & ~shapely.is_missing(shapes), column, pa.array(both, pa.string()),
        lambda pair: "{} is {} m2; the shape has {} m2, and was kept.".format(column, *pair.split(", ")),
    )  # fmt: skip


def _without_personal_numbers(text: Column, selected: Selected, label: str) -> Column:
    suspect = mask(pc.match_substring_regex(text, r"[0-9][0-9 ]{4}[0-9]"))
    if not suspect.any():
        return text
    found = np.zeros(len(text), dtype=np.bool_)
    cleaned = text.to_pylist()
    for row in np.flatnonzero(suspect):
        clean, removed = scrub_personal_numbers(cleaned[row])
        if removed:
            cleaned[row], found[row] = clean, True
    selected.note(
        "personal-number", found, label, None, lambda _: f"{label} holds a personal number; it was removed."
    )  # fmt: skip
    return pa.array(cleaned, pa.string()) if found.any() else text


def _reasons(shapes: Shapes, refused: Mask) -> Column:
    reasons: list[str | None] = [None] * len(shapes)
    for row in np.flatnonzero(refused):
        reasons[row] = str(shapely.is_valid_reason(shapes[row]))
    return pa.array(reasons, pa.string())
