"""Bulgarian identifiers: which numbers are real ones, what they contain, and which must never be kept.

Loaders check records with these; nothing here raises, an unusable text simply is not an identifier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["parcel", "building", "unit"]

# From the register agency's own validator (EPZEU, BaseValidator.ts); the second row is for a first result 10.
_EIK_9 = ((1, 2, 3, 4, 5, 6, 7, 8), (3, 4, 5, 6, 7, 8, 9, 10))
_EIK_13 = ((2, 7, 3, 5), (4, 9, 5, 7))
# Derived from, and true for, all 5,273 codes of the 2014 edition.
_EKATTE = ((1, 2, 3, 4), (3, 4, 5, 6))
_EGN = (2, 4, 8, 5, 10, 9, 7, 3, 6)

_DIGITS = re.compile(r"[0-9]+")
# Ordinance RD-02-20-3/2016, art. 6: field 3 is 0 only for a building that spans several parcels.
_CADASTRAL = re.compile(
    r"([0-9]{5})\.([1-9][0-9]*)\.(?:([1-9][0-9]*)(?:\.([1-9][0-9]*))?|(0)\.([1-9][0-9]*))(?:\.([1-9][0-9]*))?"
)
#: what a building's identifier looks like whose settlement is one, for whole columns of them
BUILDING_FORM = r"^[0-9]{5}\.[1-9][0-9]*\.(?:[1-9][0-9]*|0)\.[1-9][0-9]*$"

SHORTEST_DAMAGED_EIK = 5
"""With fewer digits left than this, a check digit that happens to hold says too little."""


def is_eik(text: str) -> bool:
    """Whether a text is a company's number (ЕИК/БУЛСТАТ): 9 digits, or 13 for a branch, check digits right.

    Persons in free professions have such numbers too, so a valid one need not be a legal entity's.
    """
    if not _DIGITS.fullmatch(text):
        return False
    digits = [int(each) for each in text]
    if len(digits) not in (9, 13) or not any(digits[:9]):
        return False
    if digits[8] != _check_digit(digits[:8], _EIK_9):
        return False
    return len(digits) == 9 or digits[12] == _check_digit(digits[8:12], _EIK_13)


def eik_from_damaged(text: str) -> str | None:
    """A company's number as it was before a spreadsheet took its leading zeros, or None.

    '695146' and '695146.0' give '000695146'. Zeros are put back only where the check digit then holds; a
    number that reads as a person's is never taken for a company's.
    """
    digits = text.strip().removeprefix("BG").strip().removesuffix(".0")
    if is_eik(digits):
        return digits
    if not _DIGITS.fullmatch(digits) or len(digits) < SHORTEST_DAMAGED_EIK or is_egn(digits):
        return None
    restored = digits.zfill(9 if len(digits) < 9 else 13)
    return restored if is_eik(restored) else None


@lru_cache(maxsize=8192)  # a cadastre names few settlements in very many identifiers
def is_ekatte(text: str) -> bool:
    """Whether a text is a settlement's code in the national register (ЕКАТТЕ), check digit included."""
    if len(text) != 5 or not _DIGITS.fullmatch(text) or text == "00000":
        return False
    digits = [int(each) for each in text]
    return digits[4] == _check_digit(digits[:4], _EKATTE)


class CadastralId(NamedTuple):
    """The fields of a cadastral identifier as numbers, so that identifiers sort as places do."""

    ekatte: str
    district: int
    parcel: int
    """0 for a building that spans several parcels."""
    building: int | None
    unit: int | None

    @property
    def kind(self) -> Kind:
        """Whether it names a parcel, a building or a unit within a building."""
        if self.unit is not None:
            return "unit"
        return "parcel" if self.building is None else "building"

    @property
    def parent(self) -> CadastralId | None:
        """What it lies in: a unit's building, a building's parcel. None for a parcel, or for several."""
        if self.unit is not None:
            return self._replace(unit=None)
        return self._replace(building=None) if self.building is not None and self.parcel else None

    def __str__(self) -> str:
        return ".".join(str(each) for each in self if each is not None)


def cadastral_parts(text: str) -> CadastralId | None:
    """The fields of a cadastral identifier such as 68134.100.33.2, or None when it is none.

    Negative fields (projects, not yet registered) and old plan numbers are no identifiers.
    """
    match = _CADASTRAL.fullmatch(text)
    if match is None or not is_ekatte(match[1]):
        return None
    ekatte, district, parcel, building, spanning, spanning_building, unit = match.groups()
    building = building or spanning_building
    return CadastralId(
        ekatte,
        int(district),
        int(parcel or spanning),
        int(building) if building else None,
        int(unit) if unit else None,
    )


def is_cadastral_id(text: str) -> bool:
    """Whether a text identifies a parcel, a building or a unit in the cadastre."""
    return cadastral_parts(text) is not None


def cadastral_parent(text: str) -> str | None:
    """The identifier of what a building or unit lies in, None where there is none (or no identifier)."""
    parts = cadastral_parts(text)
    parent = parts.parent if parts else None
    return str(parent) if parent else None


def is_egn(text: str) -> bool:
    """Whether a text is a citizen's personal number (ЕГН): 10 digits, a real date, check digit right."""
    if len(text) != 10 or not _DIGITS.fullmatch(text):
        return False
    digits = [int(each) for each in text]
    if digits[9] != sum(a * b for a, b in zip(digits, _EGN, strict=False)) % 11 % 10:
        return False
    # 20 added to the month means born in the 1800s, 40 in the 2000s.
    century, month = divmod(int(text[2:4]), 20)
    if century > 2:
        return False
    try:
        date((1900, 1800, 2000)[century] + int(text[:2]), month, int(text[4:6]))
    except ValueError:
        return False
    return True


class PersonalNumber(NamedTuple):
    """Where a personal number stands in a text; the number itself is not repeated."""

    start: int
    end: int
    why: str
    """'egn' when the number proves itself, 'labelled' when the text says what it is."""


# The label makes it personal whatever its check digit: a typing error does not make it less so. In both
# alphabets, for the letters look alike. An identity card's number is only known by its label.
_LABELLED = re.compile(
    r"(?:\b(?:[ЕE][ГG][НNH]|[ЛL][НNH][ЧC]H?|ЛН)\b|\bличен\s+номер\b|\bл\s?\.\s?к\s?\.)"
    r"[^\w\n]{0,8}(?:(?:на|номер|чужденец|no|nr)\b[^\w\n]{0,4}){0,3}([0-9][0-9 ]{4,10}[0-9])(?![0-9])",
    re.IGNORECASE,
)
_TEN_DIGITS = re.compile(r"(?<![0-9])[0-9]{10}(?![0-9])")
_SIX_DIGITS = re.compile(r"[0-9][0-9 ]{4}[0-9]")

REMOVED = "[removed]"


def find_personal_numbers(text: str) -> list[PersonalNumber]:
    """Where a text holds personal numbers of people, in order.

    A citizen's number (ЕГН) is known by its check digit and date; about 1 in 90 other ten-digit numbers pass
    too. A foreigner's (ЛНЧ) and an identity card's prove nothing and count only where a label says so.
    """
    if not _SIX_DIGITS.search(text):
        return []
    found = [PersonalNumber(*match.span(1), "labelled") for match in _LABELLED.finditer(text)]
    for match in _TEN_DIGITS.finditer(text):
        start, end = match.span()
        if is_egn(match[0]) and not any(each.start < end and start < each.end for each in found):
            found.append(PersonalNumber(start, end, "egn"))
    return sorted(found)


def contains_egn(text: str) -> bool:
    """Whether a text holds a citizen's personal number (ЕГН), by check digit and date."""
    return any(is_egn(match[0]) for match in _TEN_DIGITS.finditer(text))


def scrub_personal_numbers(text: str) -> tuple[str, int]:
    """A text with every personal number replaced by '[removed]', and how many there were."""
    found = find_personal_numbers(text)
    for each in reversed(found):
        text = f"{text[: each.start]}{REMOVED}{text[each.end :]}"
    return text, len(found)


def _check_digit(digits: Sequence[int], weights: tuple[Sequence[int], Sequence[int]]) -> int:
    """Weighted sum modulo 11; where that is 10 the second weights decide, and a 10 again counts as 0."""
    for row in weights:
        rest = sum(a * b for a, b in zip(digits, row, strict=True)) % 11
        if rest < 10:
            return rest
    return 0
