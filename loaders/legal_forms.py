"""Which legal form a text of the Commercial Register means: its editions write numbers, two sorts of Latin
codes, Cyrillic abbreviations or the form's whole name."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

#: the forms under which a natural person trades: sole trader, and the legacy trader of a foreign person
PERSON_LIKE = frozenset({"ET", "CHDF"})
_SOLE_TRADER = "ЕДНОЛИЧЕН ТЪРГОВЕЦ"
_FOLDER = Path(__file__).parent / "catalogue"
#: a code typed on the wrong keyboard is the same code
_LOOK_ALIKES = str.maketrans("ABCEHKMOPTX", "АВСЕНКМОРТХ")


@lru_cache(maxsize=1024)
def legal_form(text: str) -> str | None:
    """The code of a legal form, None for a text that is none known."""
    folded = _folded(text)
    if folded.startswith(_folded(_SOLE_TRADER)):
        return "ET"
    return _forms().get(folded)


@cache
def _forms() -> dict[str, str]:
    codes = _read("tables_bg.toml")["legal_forms"]
    labels = {names[0]: code for code, names in _read("codes_bg.toml")["legal_form"].items()}
    return {_folded(text): code for text, code in {**labels, **codes}.items()}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _folded(text: str) -> str:
    return text.strip().upper().translate(_LOOK_ALIKES)
