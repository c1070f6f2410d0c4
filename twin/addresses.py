"""Bulgarian addresses: what each word of one says, and what two spellings of one address have in common.

Loaders write the latter beside addresses and sites; links.py joins by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from twin.text import EXCEPTIONS, FOLD, LATIN, LOOKS_LATIN, TO_CYRILLIC, one_script, plain


@dataclass(frozen=True, slots=True)
class AddressKey:
    """An address as something to compare: each part folded, '' where the address does not have it.

    Two texts for one place give equal keys. The kind of street ('ul', 'bul', 'pl') and the words that were
    not understood take no part in comparing; floors and apartments are read and dropped.
    """

    settlement: str = ""
    district: str = ""
    area: str = ""
    """A housing estate (ж.к.), quarter (кв.), locality (м.) or villa zone (в.з.)."""
    street: str = ""
    number: str = ""
    block: str = ""
    entrance: str = ""
    street_kind: str = field(default="", compare=False)
    rest: str = field(default="", compare=False)

    @classmethod
    def from_parts(
        cls,
        *,
        settlement: str | None = None,
        district: str | None = None,
        area: str | None = None,
        street: str | None = None,
        number: str | None = None,
        block: str | None = None,
        entrance: str | None = None,
    ) -> AddressKey:
        """The key of an address that a register keeps part by part.

        Parts may hold what belongs to another one, as registers do: 'ж.к. Дружба' as a street, '101, Мол
        София' as a number.
        """
        reader = _Reader((), ())
        parts = (
            ("settlement", settlement), ("district", district), ("area", area), ("street", street),
            ("number", number), ("block", block), ("entrance", entrance),
        )  # fmt: skip
        for slot, part in parts:
            if part:
                reader.read(part, slot)
        return reader.key()


def parse_address(text: str, *, settlements: Collection[str] = (), areas: Collection[str] = ()) -> AddressKey:
    """The key of an address written as one text: 'гр. София, ж.к. Люлин 8, бл. 819, вх. А'.

    `settlements` and `areas` are folded names that need no 'гр.' or 'ж.к.' before them: 'sofia', 'mladost 1'.
    Another name followed by a number is a street ('Фамилия 41A'), or an estate where a block follows. What is
    not understood is in `rest`.
    """
    reader = _Reader(settlements, areas)
    reader.read(text, None)
    return reader.key()


# Word, folded with its full stop kept -> the part of the address that it announces.
_MARKERS: dict[str, str] = {
    word: slot
    for slot, words in {
        "settlement": "гр. гр град с. село gr. gr s. town village",
        "district": "р-н район r-n rayon raion district",
        "area": "жк жк. ж.к. кв. кв квартал м. местност м-т комплекс в.з. с.о. zhk. zhk kv. kv",
        "street": "ул. ул улица бул. бул булевард б-р пл. пл площад ul. ul bul. bul pl. pl blvd. blvd street",
        "number": "№ номер no no. n n. nr nr. nomer",
        "block": "бл. бл блок bl. bl blok block",
        "entrance": "вх. вх вход vh. vh vhod entrance",
        "floor": "ет. ет етаж et. et etazh floor",
        "apartment": "ап. ап апартамент ап-т ap. ap apt apt. apartament",
        "region": "обл. област общ. община obl. oblast obsht. obshtina",
        "post_code": "п.к. пк",
        "plot": "упи имот пи парцел",
    }.items()
    for word in words.split()
}  # fmt: skip
_STREET_KINDS = {
    "ul": "ul", "ulitsa": "ul", "bul": "bul", "bulevard": "bul", "b-r": "bul", "blvd": "bul", "pl": "pl",
    "ploshtad": "pl", "street": "ul",
}  # fmt: skip
_KIND_LAST = frozenset(("blvd", "blvd.", "street"))
# Words that are also initials or parts of names: ул. Георги С. Раковски, ул. Н. Вапцаров.
_INITIALS = frozenset(("s.", "m."))
_NUMBER_FOLLOWS = frozenset(("n", "n.", "no", "no.", "nr", "pi", "imot"))
# What stands near a block is not in it: срещу бл. 208, до блок 10.
_NEARBY = frozenset(
    ("do", "sreshtu", "mezhdu", "m", "u", "pred", "zad", "pri", "kray", "pokray", "nad", "pod")
)
# Parts that are one word, after which something new begins.
_ONE_WORD = frozenset(("number", "block", "entrance", "floor", "apartment", "post_code"))
# Read to be kept out of the other parts, and dropped.
_DROPPED = frozenset(("floor", "apartment", "region", "post_code"))
# Titles that streets carry now written out, now abbreviated.
_TITLES = {
    "prof": "profesor", "gen": "general", "akad": "akademik", "d-r": "doktor", "dr": "doktor", "kn": "knyaz",
    "br": "bratya", "kap": "kapitan", "polk": "polkovnik", "arh": "arhitekt",
    "inzh": "inzhener", "adm": "admiral", "sv": "sveti", "sveta": "sveti", "al": "aleksandar",
}  # fmt: skip
# The same, and the exceptions to the Act as its rules alone would spell them: 'baucher' is 'bourchier'.
_SPELLINGS = _TITLES | {word.translate(FOLD): latin.lower() for word, latin in EXCEPTIONS.items()}
_ROMAN = {
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "v": "5",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "x": "10",
}
_NOT_NUMBER = re.compile(r"[^a-z0-9-]+")
# Estates count their parts up to about a dozen; a greater number after the name is a block.
_LAST_ESTATE_PART = 12
_LONGEST_LETTERS = 2


def _address_table() -> dict[int, str | None]:
    table: dict[int, str | None] = dict(FOLD)
    table.update({ord(each): " " for each in '"„“”«»‘\u00a0\u202f\u2009\t\r\n'})
    table.update({ord(each): "-" for each in "–—‑−‐"})
    table.update({ord(each): " , " for each in ",;:()[]/\\"})
    table[ord(".")] = ". "
    table[ord("№")] = " № "
    table[ord("#")] = " № "
    return table


_ADDRESS = _address_table()
# In numbers, blocks and entrances a Latin letter counts as the Cyrillic one that it looks like: 14A is 14А.
_LONE_LATIN = re.compile(rf"(?<![A-Za-zЀ-ӿ])[{LOOKS_LATIN}bhkmt](?![A-Za-zЀ-ӿ])")
_GLUED = re.compile(r"([a-z]+)(\d.*)")
_GLUED_MARKERS = ("bl", "vh", "et", "ap", "no", "n", "ul", "bul")


def _address_words(text: str) -> list[str]:
    """An address in small Latin letters, word by word; commas are words, full stops stay with theirs."""
    if not text.isascii():
        text = one_script(unicodedata.normalize("NFC", text))
    if LATIN.search(text):
        text = _LONE_LATIN.sub(lambda match: match[0].upper().translate(TO_CYRILLIC), text)
    return text.translate(_ADDRESS).split()


def _folded_markers(markers: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    return {tuple(word.translate(_ADDRESS).split()): slot for word, slot in markers.items()}


_BY_WORDS = _folded_markers(_MARKERS)
_SINGLE = {words[0]: slot for words, slot in _BY_WORDS.items() if len(words) == 1}
# ж.к., в.з., с.о., п.к.: two words, the last with or without its full stop.
_PAIRS = {
    (words[0], last): slot
    for words, slot in _BY_WORDS.items()
    if len(words) == 2
    for last in (words[1], words[1].removesuffix("."))
}
_PAIR_STARTS = frozenset(first for first, _ in _PAIRS)


class _Reader:
    """Reads addresses word by word: each word announces a part, belongs to one, or ends one."""

    __slots__ = (
        "announced_kind",
        "areas",
        "loose",
        "parts",
        "rest",
        "settlements",
        "street_guessed",
        "street_kind",
    )

    def __init__(self, settlements: Collection[str], areas: Collection[str]) -> None:
        self.settlements = settlements
        self.areas = areas
        self.parts: dict[str, str] = {}
        self.street_kind = ""
        self.announced_kind = ""
        self.street_guessed = False
        self.loose: list[str] = []
        """Words that no marker announced, until it shows what they are."""
        self.rest: list[str] = []

    def read(self, text: str, slot: str | None) -> None:
        """Take in one text; `slot` is the part that its first words belong to."""
        words = _address_words(text)
        held: list[str] = []
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if word == ",":
                self._close(slot, held)
                slot, held = None, []
                continue
            marker, more = self._marker(word, words, at, slot, held)
            if marker is not None:
                at += more
                if word in _KIND_LAST and slot is None and held:
                    # 'Vitosha Blvd. 2': in English the kind of street follows its name.
                    self._close("street", held)
                    slot, held = "number", []
                    continue
                self._close(slot, held, before=marker)
                if marker == "street":
                    self.announced_kind = _STREET_KINDS.get(word.removesuffix("."), "")
                slot, held = marker, [word] if marker == "plot" else []
                continue
            if slot in _ONE_WORD and held and not (len(held) == 1 and _is_suffix(word, held[0])):
                self._close(slot, held)
                slot, held = None, []
            held.append(word)
        self._close(slot, held)
        self.rest.extend(self.loose)
        self.loose = []

    def _marker(
        self, word: str, words: list[str], at: int, slot: str | None, held: list[str]
    ) -> tuple[str | None, int]:
        """The part that a word announces, if it does, and how many more words it took for that."""
        more = 0
        marker = None
        if word in _PAIR_STARTS and at < len(words):
            marker = _PAIRS.get((word, words[at]))
            more = 1 if marker else 0
        if marker is None:
            marker = _SINGLE.get(word) or _SINGLE.get(word.removesuffix("."))
        if marker is None and word[-1].isdigit() and not word[0].isdigit() and (glued := _unglued(word)):
            marker = glued[0]
            words.insert(at, glued[1])
        if marker is None:
            return None, 0
        following = words[at + more] if at + more < len(words) else ","
        number = following[0].isdigit()
        if (following == "," and word[-1] != "." and word not in _KIND_LAST) or (
            word in _NUMBER_FOLLOWS and not number
        ):
            return None, 0
        if word in _INITIALS and (slot in ("street", "area") or held):
            return None, 0
        if marker == "post_code" and not number:
            return None, 0
        if marker in ("block", "number", "entrance") and (held or self.loose or ["-"])[-1] in _NEARBY:
            return "plot", more
        if marker == "area" and number:
            # 'кв. 15' is a regulation quarter on a plan, no place that people know.
            return "plot", more
        return marker, more

    def _close(self, slot: str | None, words: list[str], before: str | None = None) -> None:
        """File the words of a part that has ended."""
        if slot is None:
            self._loose_words(words, before)
            return
        if not words or slot in _DROPPED:
            return
        if slot == "plot":
            self.rest.extend(words)
        elif slot == "street":
            self._street(words)
        elif slot == "area":
            self._area(words)
        elif slot in _ONE_WORD:
            value = _number(words)
            # 'вход откъм парка', 'бл. срещу 208': no block is called by a word.
            if value not in _NEARBY and (len(value) <= _LONGEST_LETTERS or not value.isalpha()):
                self._put(slot, value)
            else:
                self.rest.append(value)
        elif slot == "settlement":
            self._settlement(_name(tuple(words)))
        else:
            self._put(slot, _name(tuple(words)))

    def _loose_words(self, words: list[str], before: str | None) -> None:
        """File words that no marker announced by what they look like and what comes after them."""
        if words and len(words[0]) == 4 and words[0].isdigit():
            words = words[1:]  # a post code
        for length in (1, 2, 3):
            if words and _name(tuple(words[:length])) in self.settlements:
                self._put("settlement", _name(tuple(words[:length])))
                words = words[length:]
                break
        words = self.loose + words
        self.loose = []
        if not words:
            return
        no_area = "area" not in self.parts
        no_street = "street" not in self.parts
        known = bool(self.areas) and _estate(tuple(words)) in self.areas
        if no_area and (known or (before == "block" and no_street)):
            self._area(words)
        elif no_street and (before == "number" or (len(words) > 1 and _has_number(words))):
            self._street(words)
            self.street_guessed = True
        elif before is None:
            # A comma may stand between a name and its number or block.
            self.loose = words
        else:
            self.rest.extend(words)

    def _settlement(self, name: str) -> None:
        """Keep the settlement; a second one is the more exact: 'гр. София, ул. ГР. БАНКЯ'."""
        if name:
            self.parts["settlement"] = name

    def _street(self, words: list[str]) -> None:
        if self.street_guessed:
            # 'Метростанция Овча купел 2, ул. Братя Прошек': the announced street is the real one.
            self.rest.extend((self.parts.pop("street", ""), self.parts.pop("number", "")))
            self.street_guessed = False
        elif self.parts.get("street", "").startswith("s "):
            # 'ул. С. КАЗИЧЕНЕ, УЛ. ЦАР БОРИС 54': a village where a form asked for the street.
            self._settlement(self.parts.pop("street").removeprefix("s "))
        if len(words) > 1 and words[-1] == "i":
            words = words[:-1]  # a corner: 'ул. Резбарска и ул. Войнишка'
        if len(words) > 1 and _has_number(words):
            tail = 2 if _is_suffix(words[-1], words[-2]) and len(words) > 2 else 1
            self._put("number", _number(words[-tail:]))
            words = words[:-tail]
        if "street" not in self.parts:
            self.street_kind = self.announced_kind
        self._put("street", _name(tuple(words)))

    def _area(self, words: list[str]) -> None:
        last = words[-1]
        if (
            len(words) > 1
            and "block" not in self.parts
            and last[0].isdigit()
            and _leading(last) > _LAST_ESTATE_PART
        ):
            self._put("block", _number([last]))
            words = words[:-1]
        self._put("area", _estate(tuple(words)))

    def _put(self, slot: str, value: str) -> None:
        """Keep a part's value; a second one for the same part stays unexplained."""
        if not value:
            return
        if self.parts.setdefault(slot, value) != value:
            self.rest.append(value)

    def key(self) -> AddressKey:
        """The address that was read."""
        parts = self.parts
        if self.street_guessed and "block" in parts and "area" not in parts:
            # 'Младост 1, бл. 425': the name with a number was an estate after all.
            name, number = parts.pop("street", ""), parts.pop("number", "")
            parts["area"] = f"{name} {number}".strip()
        return AddressKey(**parts, street_kind=self.street_kind, rest=_finish(self.rest))


def _unglued(word: str) -> tuple[str, str] | None:
    """'bl14' as a block's marker and '14'."""
    match = _GLUED.fullmatch(word)
    if match is None or match[1] not in _GLUED_MARKERS:
        return None
    return _SINGLE[match[1]], match[2]


def _has_number(words: list[str]) -> bool:
    """Whether a name ends with a house number: '25', '14a', or '14 a' in two words."""
    if words[-1][0].isdigit():
        # '20-ti april' begins with a number, '6-ti' is one no house has.
        return "-" not in words[-1] or words[-1][-1].isdigit()
    return len(words) > 2 and _is_suffix(words[-1], words[-2])


def _is_suffix(word: str, number: str) -> bool:
    """Whether a word is the letter of the house number before it; и is 'and'."""
    return len(word) == 1 and word.isalpha() and word != "i" and number.isdigit()


def _leading(word: str) -> int:
    match = re.match(r"\d+", word)
    return int(match[0]) if match else 0


@lru_cache(maxsize=65_536)
def _name(words: tuple[str, ...]) -> str:
    """A street's, district's or settlement's name: folded, titles written out."""
    plain = (_SPELLINGS.get(word.strip(".-"), word) for word in words if word != ",")
    return _finish(plain)


@lru_cache(maxsize=65_536)
def _estate(words: tuple[str, ...]) -> str:
    """An estate's name: folded, Roman numerals after it in digits."""
    bare = [word.strip(".-") for word in words if word != ","]
    return _finish([*bare[:1], *(_ROMAN.get(word, "1" if word == "i" else word) for word in bare[1:])])


def _finish(words: Iterable[str]) -> str:
    return plain(" ".join(words))


def _number(words: list[str]) -> str:
    """A house number, block or entrance without leading zeros, blanks or stops: '023A' is '23a'."""
    joined = _NOT_NUMBER.sub("", "".join(words)).strip("-")
    return joined.lstrip("0") or joined


# --------------------------------------------------------------------------------------
# Joining

#: between the house and the entrance, so that the house alone can be compared too
ENTRANCE = "#"


def match_key(key: AddressKey, *, settlement: str = "") -> str | None:
    """The text by which an address is joined: its house, then its entrance; None when it names no house.

    A house is a number in a street, else a block in an estate, else a number in a quarter without streets.
    `settlement` is the folded name of the place that is meant where the address names none.
    """
    if not key.settlement:
        key = replace(key, settlement=settlement)
    if key.street and key.number:
        house = (key.settlement, key.street, key.number)
    elif key.area and key.block:
        house = (key.settlement, key.area, f"bl {key.block}")
    elif key.area and key.number:
        house = (key.settlement, key.area, key.number)
    else:
        return None
    return f"{'|'.join(house)}{ENTRANCE}{key.entrance}"
