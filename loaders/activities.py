"""Which edition of the classification of economic activities a code of the Commercial Register is from.

The register writes no edition beside a code, and what it holds spans three: НКИД-2003 (NACE Rev. 1.1),
КИД-2008 (Rev. 2) and КИД-2025 (Rev. 2.1). The twin has no full list of any, so it tells an edition only
where that is certain: from the divisions that an edition has at all, from the day on which КИД-2025 came into
force, and from the register's own words for the code. Whatever stays open is left open.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from twin.text import fold

#: names of twin.entities.ActivityEdition, whose module takes a reading process too long to import
NKID_2003, KID_2008, KID_2025 = "NKID_2003", "KID_2008", "KID_2025"

#: an entry made before this day cannot be of КИД-2025
KID_2025_SINCE = "2025-01-01"


def _divisions(*ranges: tuple[int, int]) -> frozenset[str]:
    return frozenset(f"{n:02}" for first, last in ranges for n in range(first, last + 1))


# The divisions of NACE Rev. 1.1 (Regulation 29/2002), Rev. 2 (1893/2006) and Rev. 2.1 (2023/137).
_REV_2 = _divisions(
    (1, 3), (5, 33), (35, 39), (41, 43), (45, 47), (49, 53), (55, 56), (58, 66), (68, 75), (77, 82), (84, 88),
    (90, 99),
)  # fmt: skip
DIVISIONS = {
    NKID_2003: _divisions(
        (1, 2), (5, 5), (10, 37), (40, 41), (45, 45), (50, 52), (55, 55), (60, 67), (70, 75), (80, 80),
        (85, 85), (90, 93), (95, 97), (99, 99),
    ),
    KID_2008: _REV_2,
    KID_2025: _REV_2 - _divisions((45, 45)),
}  # fmt: skip


def edition_of(code: str, text: str | None, entered: str | None) -> tuple[str, str] | None:
    """The edition of a four-digit code, and what shows it (an EditionBasis); None where that is not certain.

    `text` is what the register calls the activity, `entered` the day of the entry (ISO 8601).
    """
    if len(code) != 4 or not code.isdecimal():
        return None
    able = [edition for edition, divisions in DIVISIONS.items() if code[:2] in divisions]
    if len(able) == 1:
        return able[0], "CODE"
    if entered and entered < KID_2025_SINCE:
        able = [edition for edition in able if edition != KID_2025]
        if len(able) == 1:
            return able[0], "DATE"
        if text and KID_2008 in able and _labels_2008().get(code) == fold(text):
            return KID_2008, "TEXT"
    return None


@cache
def _labels_2008() -> dict[str, str]:
    """Folded labels of the classes of КИД-2008 that the code lists name."""
    lists = tomllib.loads((Path(__file__).parent / "catalogue/codes_bg.toml").read_text(encoding="utf-8"))
    return {code: fold(labels[0]) for code, labels in lists["activity"].items()}
