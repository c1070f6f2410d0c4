"""Bulgarian addresses: what each word of one says, and what two spellings of one address have in common.

Loaders write the latter beside addresses and sites; links.py joins by it, geocode.py looks parts up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from twin.address_words import NAMED_FOR_BOTH, SIDES, WHOLE_NAMES, Word, words_of
from twin.text import plain


def _told() -> str:
    """A part that is understood and takes no part in comparing."""
    return field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AddressKey:
    """An address as something to compare: each part folded, '' where the address does not have it.

    Two texts for one house give equal keys. Where a part is there twice ('вх. А и Б') it is the first that
    compares, and the others are in `also`.
    """

    settlement: str = ""
    district: str = ""
    area: str = ""
    """A housing estate (ж.к.), quarter (кв.), locality (м.) or villa zone (в.з.)."""
    street: str = ""
    """Of several streets the one with a house number, else the first."""
    number: str = ""
    block: str = ""
    entrance: str = ""

    street_kind: str = _told()
    """'ul', 'bul' or 'pl'."""
    area_kind: str = _told()
    """'zhk', 'kv', 'm', 'mah', 'vz', 'so' or 'zemlishte'."""
    floor: str = _told()
    apartment: str = _told()
    unit: str = _told()
    """What part of the house is meant: 'magazin 7', 'sektsia b'."""
    post_code: str = _told()
    region: str = _told()
    """The province or municipality, or a town that is said beside the village."""
    plot: str = _told()
    """A plot by its plan: 'upi xv-180', 'pl 33'."""
    quarter: str = _told()
    """The regulation quarter of a plan, 'кв. 15': no place that people know."""
    cadastral_id: str = _told()
    corner: str = _told()
    """The other street of a corner, with its number."""
    landmark: str = _told()
    """What the place is beside, or known by: 'do bl 208', 'metrostantsia lyulin'."""
    former: str = _told()
    """An older name or number, 'стар № 89'."""
    also: str = _told()
    """Further values of parts that hold one: 'vh b, vh v'."""
    rest: str = _told()
    """What was not understood."""

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
        reader = _Reader(NOTHING_KNOWN)
        parts = (
            ("settlement", settlement), ("district", district), ("area", area), ("street", street),
            ("number", number), ("block", block), ("entrance", entrance),
        )  # fmt: skip
        for slot, part in parts:
            if part:
                reader.read(part, slot)
        return reader.key()


@dataclass(frozen=True, slots=True)
class Known:
    """Names that a city knows, as AddressKey has them; they are understood without 'гр.', 'ж.к.' or 'ул.'."""

    settlements: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()
    streets: frozenset[str] = frozenset()


NOTHING_KNOWN = Known()


def parse_address(text: str, known: Known = NOTHING_KNOWN) -> AddressKey:
    """The key of an address written as one text: 'гр. София, ж.к. Люлин 8, бл. 819, вх. А'.

    A name that nothing announces and that is not known is a street where a number follows ('Фамилия 41A'), an
    estate where a block does; else it is in `rest`, with all that was not understood.
    """
    reader = _Reader(known)
    reader.read(text)
    return reader.key()


# --------------------------------------------------------------------------------------
# Reading

#: characters of a place's name and of a match key: what is longer is no name, and no index takes it
LONGEST_NAME, LONGEST_KEY = 200, 500
#: parts that are codes -> how they are written in `also` and `landmark`
_CODES = {"number": "no", "block": "bl", "entrance": "vh", "floor": "et", "apartment": "ap"}
_SHORTER = {"settlement": "", "district": "r-n", "area": "kv", "street": "ul", "region": "obl"}
_LONGEST_NAME = 6
# Estates count their parts up to about a dozen; a greater number after the name is a block.
_LAST_ESTATE_PART = 12
_END = Word(",")
# Behind 'магазин' and the like every word is inside the name.
_INSIDE = {"thing": (_END,)}


class _Street:
    __slots__ = ("announced", "kind", "name", "number")

    def __init__(self, name: str, kind: str = "", number: str = "", *, announced: bool = True) -> None:
        self.name, self.kind, self.number, self.announced = name, kind, number, announced


class _Reader:
    """Reads addresses from left to right; every word is taken by exactly one part, or left over."""

    __slots__ = (
        "also",
        "at",
        "bracket",
        "known",
        "loose",
        "number",
        "parts",
        "rest",
        "streets",
        "told",
        "words",
    )

    def __init__(self, known: Known) -> None:
        self.known = known
        self.parts: dict[str, str] = {}
        self.streets: list[_Street] = []
        self.number = ""
        """A house number that no street had asked for."""
        self.told: dict[str, list[str]] = {}
        self.also: list[str] = []
        self.loose: list[list[Word]] = []
        """Names and numbers that nothing announced, until it shows what they are."""
        self.rest: list[str] = []
        self.words: list[Word] = []
        self.at = 0
        self.bracket = False

    # ---- the walk

    def read(self, text: str, slot: str = "") -> None:
        """Take in one text; `slot` is the part that its first words belong to."""
        words, ids = words_of(text, cyrillic=bool(slot))
        for each in ids:
            self._put("cadastral_id", each, "id")
        end = len(words)
        self.words = [*words, _END, _END, _END]
        self.at = 0
        if slot:
            self._part(slot, "")
        loose: list[Word] = []
        while self.at < end:
            word = self.words[self.at]
            if not word.special:
                loose.append(word)
                self.at += 1
            elif word.separator or word.dash:
                following = self.words[self.at + 1]
                if not (word.dash and loose and following.number):
                    self._close(loose)
                    loose = []
                self.bracket = word.text in "([/"
                self.at += 1
            elif self._announces(loose):
                loose = self._announced(word, loose)
            elif not self._aside(word, loose):
                loose.append(word)
                self.at += 1
            else:
                loose = []
        self._close(loose)

    def _announces(self, held: Sequence[Word], inside: str = "") -> bool:
        """Whether the word here announces a part, given the words before it in the name that is read."""
        word = self.words[self.at]
        if not word.marker:
            return False
        following = self.words[self.at + 1]
        if word.text == "№":
            return True
        if word.code_needed:
            if word.marker == "number":
                return following.number
            return following.text == "№" or (following.code and any(map(str.isdigit, following.bare)))
        if word.initial:
            if held or following.separator:
                return False
            return inside != "street" or self._place_for_street(word)
        if word.inside_name and held:
            return False
        if following.separator and word.marker == "floor" and held:
            return held[-1].floor or held[-1].code
        return word.stop or word.kind_last or not following.separator

    def _place_for_street(self, word: Word) -> bool:
        """Whether 'ул. С. КАЗИЧЕНЕ, УЛ. ЗОРА' has a village where a form asked for the street."""
        last = self.at + 1
        while not self.words[last].special:
            last += 1
        name = _name(self.words[self.at + 1 : last])
        if name in (self.known.areas if word.marker == "area" else self.known.settlements):
            return True
        if word.marker == "area":
            return False
        return (self.words[last + 1] if self.words[last].separator else self.words[last]).marker == "street"

    def _announced(self, word: Word, loose: list[Word]) -> list[Word]:
        """Read the part that a word announces; gives the loose words that are still open."""
        slot, kind = word.marker, word.kind
        following = self.words[self.at + 1]
        if word.kind_last and loose:
            loose = self._known_places(loose)
        if (
            word.kind_last
            and loose
            and not (following.special is False and all(each.number for each in loose))
        ):
            # 'Vitosha Blvd. 2', '34 Vitosha Blvd.': in English the kind of street follows its name.
            self.at += 1
            number = ""
            if loose[0].number and not loose[0].ordinal and len(loose) > 1:
                number, loose = _code_value(loose[0]), loose[1:]
            self._street(loose, kind)
            if number or following.number:
                self._house(number or self._code())
            return []
        if slot == "floor" and loose and not (following.code or following.floor):
            before = [loose.pop()] if loose[-1].code else []
            while loose and (loose[-1].floor or (before and (loose[-1].joins or loose[-1].glue))):
                before.insert(0, loose.pop())
            if before:
                self._tell("floor", " ".join(each.shown for each in before))
        elif slot == "region" and loose and following.special:
            # 'Столична община'
            self._put("region", _name(loose), "obl")
            loose = []
        if slot == "area" and following.number and self.words[self.at + 2].special and kind == "kv":
            slot = "quarter"
        self._close(loose, before=slot)
        self.at += 1
        self._part(slot, kind, word)
        return []

    def _part(self, slot: str, kind: str, word: Word | None = None) -> None:
        """Read what was announced."""
        if slot == "street":
            self._street(self._words_of_name("street"), kind)
            if self.words[self.at].number:
                self._house(self._code())
        elif slot == "area":
            self._area(self._words_of_name("area"), kind)
        elif slot in ("settlement", "district", "region"):
            words = self._words_of_name(slot)
            if slot == "settlement":
                words = self._settlement(words)
            elif words:
                self._put(slot, _name(words), _SHORTER[slot])
                words = []
            if words:
                self._close(words)
        elif slot in ("plot", "quarter", "post_code"):
            mark = word.bare.replace(".", "") if word and slot == "plot" else ""
            values = self._codes()
            if values:
                for value in values:
                    self._put(slot, f"{mark} {value}".strip(), slot)
            elif word:
                self.rest.append(word.shown)
        elif slot == "floor":
            self._floor()
        else:
            self._coded(slot)

    def _coded(self, slot: str) -> None:
        values = self._codes()
        if not values:
            if self.words[self.at].relation:
                # 'бл. СРЕЩУ 208': a block has no such name
                self._relation(_CODES[slot])
            return
        if slot == "apartment" and values[-1].isalpha() and self.words[self.at].number:
            values[-1] += self._code()  # А 401
        for value in values:
            if slot == "number":
                self._house(value)
            elif slot == "apartment":
                self._tell(slot, value)
            else:
                self._put(slot, value, _CODES[slot])

    def _floor(self) -> None:
        """Read a storey: 3, III, партер, първи надземен, на покрива, 6 и 7."""
        said = []
        while True:
            word = self.words[self.at]
            if word.floor or (word.glue and self.words[self.at + 1].floor):
                said.append(word.shown)
                self.at += 1
            elif said and (
                (word.marker == "floor" and not self.words[self.at + 1].code)
                or (word.joins and self.words[self.at + 1].floor)
            ):
                said += [word.shown] if word.joins else []
                self.at += 1
            elif word.code and not said:
                roman = word.estate if word.bare.isalpha() else ""
                said.append(", ".join([*filter(None, [roman]), *self._codes()[1 if roman else 0 :]]))
            elif word.separator and self.words[self.at + 1].floor and self.words[self.at + 2].special:
                self.at += 1
            else:
                break
        if said:
            self._tell("floor", " ".join(said))

    # ---- names

    def _words_of_name(self, inside: str) -> list[Word]:
        """The words from here on that can be one name."""
        held: list[Word] = []
        while True:
            word = self.words[self.at]
            following = self.words[self.at + 1]
            if (
                inside == "street"
                and not held
                and word.letter
                and word.marker != "number"
                and (following.text == "№" or following.number)
            ):
                # 'ул. С № 71': in villages letters are names of streets, also those that are words elsewhere
                self.at += 1
                return [word]
            if word.separator or self._announces(held or _INSIDE.get(inside, ()), inside):
                break
            if inside == "street" and held and word.number and not word.ordinal:
                # 'Цар Борис 3 № 5': a second number shows that the first is of the name
                if not (following.text == "№" or (following.number and not following.ordinal)):
                    break
            elif (
                inside == "area"
                and held
                and (word.estate or (word.letter and not word.stop))
                and not word.joins
            ):
                self._estate_part(held)
                break
            elif word.dash or word.joins:
                if inside == "area" and held and (following.letter or following.estate):
                    self.at += 1
                    self._estate_part(held)
                    break
                if (following.special and not following.initial) or (word.joins and not held):
                    break
            elif word.unit or word.landmark or word.corner or (word.compass and following.corner):
                stays = word.in_names or (word.needs_code and not following.code)
                if not stays and (
                    held or inside not in ("street", "area") or not word.landmark or not following.separator
                ):
                    while len(held) > 1 and (held[-1].attribute or (word.landmark and held[-1].estate)):
                        held.pop()
                        self.at -= 1
                    break
            elif (word.relation and self._relates(word, following)) or (word.glue and following.special):
                break
            if not word.dash:
                held.append(word)
            self.at += 1
        return held

    @staticmethod
    def _relates(word: Word, following: Word) -> bool:
        """Whether a preposition in a name ends it: 'Добруджански край' is one, 'Тирана до бл. 2' is not."""
        return not word.in_names or (following.special and not following.separator) or following.code

    def _estate_part(self, held: list[Word]) -> None:
        """Take the number or letter of an estate's part: 8, VIII, 1 А, I ч., В."""
        word = self.words[self.at]
        zone = held[0].estate_part
        if word.estate and not zone and _leading(word.estate) > _LAST_ESTATE_PART:
            return
        held.append(word)
        self.at += 1
        while True:
            word, following = self.words[self.at], self.words[self.at + 1]
            if word.estate_part or (zone and word.number):
                if not word.estate_part:
                    held.append(word)
                self.at += 1
            elif word.dash and (following.letter or (zone and following.number)):
                self.at += 1
            elif (
                word.letter
                and not word.joins
                and held[-1].estate.isdigit()
                and (following.special or word.bare == "a")
            ):
                held.append(word)
                self.at += 1
            else:
                break

    def _street(self, words: list[Word], kind: str) -> None:
        if not words:
            if kind and not (self.streets and self.streets[-1].name == ""):
                self.streets.append(_Street("", kind))
            return
        for n, each in enumerate(words):
            if each.no_name:
                # 'Витоша тротоарно платно'
                self._leave(words[n:])
                words = words[:n]
                break
        if len(words) > _LONGEST_NAME:
            self._leave(words)
            words = []
        if not words:
            return
        for n in range(1, len(words) - 1):
            if words[n].joins and (words[n - 1].bare, words[n + 1].bare) not in NAMED_FOR_BOTH:
                self._street(words[:n], kind)
                self._street(words[n + 1 :], "")
                return
        name = _name(words, street=True)
        if self.streets and self.streets[-1].name == "":
            kind = kind or self.streets.pop().kind
        for street in self.streets:
            if street.name == name and not street.number:
                return
        number = ""
        head, _, tail = name.rpartition(" ")
        if head and tail.isdigit() and self.words[self.at].text != "№" and not self.words[self.at].number:
            # 'Б-5', '202-5'
            name, number = head, tail
        self.streets.append(_Street(name, kind, number))

    def _house(self, number: str) -> None:
        """Keep a house number, of the last street where that has none."""
        if self.streets and self.streets[-1].name and not self.streets[-1].number:
            self.streets[-1].number = number
        elif not self.number and not any(each.name for each in self.streets):
            self.number = number
        elif number not in (self.number, *(each.number for each in self.streets)):
            self.also.append(f"no {number}")

    def _area(self, words: list[Word], kind: str) -> None:
        if not words:
            if kind:
                self.parts.setdefault("area_kind", kind)
            return
        if any(each.no_name for each in words):
            self._leave(words)
            return
        if words[0].number and not words[0].ordinal and all(each.estate_part for each in words[1:]):
            self._put("quarter", _code_value(words[0]), "quarter")
            return
        cut = self._longest(words, self.known.areas) or len(words)
        name = _area_name(tuple(words[:cut]))
        while cut < len(words) and words[cut].bare in SIDES:
            # of 'Манастирски ливади-запад' the name is known without its side
            self.also.append(words[cut].shown)
            cut += 1
        if "area" not in self.parts:
            self.parts["area_kind"] = kind or self.parts.get("area_kind", "")
        self._put("area", name, kind or "kv")
        if cut < len(words):
            self._close(words[cut:])
        following = self.words[self.at]
        if (
            following.number
            and not following.special
            and "block" not in self.parts
            and self.words[self.at + 1].special
        ):
            self._put("block", self._code(), "bl")

    def _settlement(self, words: list[Word]) -> list[Word]:
        """Keep the settlement; a second one is the more exact: 'гр. София, ул. ГР. БАНКЯ'."""
        if not words:
            return words
        cut = self._longest(words, self.known.settlements) or len(words)
        name = _name(words[:cut])
        first = self.parts.get("settlement")
        if first and first != name:
            self._put("region", first, "obl")
        self.parts["settlement"] = name
        return words[cut:]

    def _longest(self, words: Sequence[Word], names: frozenset[str]) -> int:
        """How many of the first words are a known name; 0 where none is."""
        if not names:
            return 0
        for length in range(min(len(words), 5), 0, -1):
            if _area_name(tuple(words[:length])) in names or _name(words[:length]) in names:
                while length < len(words) and words[length].estate_part:
                    length += 1
                return length
        return 0

    # ---- what stands beside

    def _aside(self, word: Word, loose: list[Word]) -> bool:
        """Read words that announce no part but say where or what; False where they are part of a name."""
        following = self.words[self.at + 1]
        if word.former and (word.former_always or (not loose and (self.bracket or following.marker))):
            self._close(loose)
            self._until_separator("former")
        elif (word.joins or word.glue) and (
            following.marker or following.corner or following.relation or following.unit or following.landmark
        ):
            self._close(loose)
            self.at += 1
        elif word.relation and self._relates(word, following):
            self._close(loose)
            self._relation()
        elif word.corner or (word.compass and following.corner):
            self._corner(loose)
        elif (word.unit or word.landmark) and not (
            word.needs_code
            and not following.code
            and following.text != "№"
            and not (loose and loose[-1].number)
        ):
            before: list[Word] = []
            while loose and (loose[-1].attribute or (word.landmark and loose[-1].estate and not before)):
                before.insert(0, loose.pop())
            self._close(loose)
            self._thing(before)
        else:
            return False
        return True

    def _corner(self, loose: list[Word]) -> None:
        """Read 'Недко войвода ъгъл с Екзарх Стефан', 'на североизточния ъгъл на ул. ...'."""
        loose = self._known_places(loose)
        if loose and not self.streets and not _ends_with_house(loose):
            self._street(loose, "")
        else:
            self._close(loose)
        said = []
        while self.words[self.at].corner or self.words[self.at].compass:
            said.append(self.words[self.at].shown)
            self.at += 1
        self._tell("landmark", " ".join(said))
        if self.words[self.at].glue and not self.words[self.at + 1].special:
            self.at += 1
            self._part("street", "")

    def _thing(self, before: Sequence[Word] = ()) -> None:
        slot, said = self._named_thing(before)
        if slot:
            self._tell(slot, said)
        else:
            self.rest.append(said)

    def _named_thing(self, before: Sequence[Word] = ()) -> tuple[str, str]:
        """A part of a building, or a place known by its name: магазин 7, 39 СОУ, стадион „Академик“."""
        word = self.words[self.at]
        said = [each.shown for each in (*before, word)]
        self.at += 1
        codes = self._codes()
        said += [", ".join(codes)] if codes else []
        if word.unit and codes:
            return "unit", " ".join(said)
        name = self._words_of_name("thing")
        said += [each.shown for each in name]
        if len(name) > _LONGEST_NAME:
            return "", " ".join(said)
        return ("unit" if word.unit and not name else "landmark"), " ".join(said)

    def _relation(self, default: str = "") -> None:
        """Read what the place is beside: до бл. 2 и 3, между ул. Искър и ул. Осогово, срещу 39 СОУ."""
        said: list[str] = []
        understood = False
        while True:
            word, following = self.words[self.at], self.words[self.at + 1]
            if word.relation or word.corner or word.compass:
                said.append(word.shown)
                self.at += 1
            elif word.glue or word.joins:
                if not (following.special or following.code):
                    break
                said.append(word.shown)
                self.at += 1
            elif self._announces((), "relation"):
                self.at += 1
                if word.marker in _CODES or word.marker == "plot":
                    said.append(_CODES.get(word.marker, word.shown))
                    codes = self._codes()
                    understood = understood or bool(codes)
                    said += [", ".join(codes)] if codes else []
                else:
                    name = self._words_of_name(word.marker)
                    said += [word.kind or _SHORTER.get(word.marker, word.shown), _name(name)]
                    understood = understood or bool(name)
                    if self.words[self.at].number:
                        said.append(self._code())
            elif word.unit or word.landmark or (word.number and following.landmark):
                before = [word] if not (word.unit or word.landmark) else []
                self.at += len(before)
                slot, thing = self._named_thing(before)
                understood = understood or bool(slot)
                said.append(thing)
            elif word.code and following.special:
                said += [default, ", ".join(self._codes())] if default else [", ".join(self._codes())]
                understood = True
            else:
                break
        text = " ".join(filter(None, said))
        if understood:
            self._tell("landmark", text)
        else:
            words = self._words_of_name("thing")
            self.rest.append(" ".join([text, *(each.shown for each in words)]))

    def _until_separator(self, slot: str) -> None:
        said = []
        while not self.words[self.at].separator:
            said.append(self.words[self.at].shown)
            self.at += 1
        self._tell(slot, " ".join(filter(None, said)))

    # ---- codes

    def _codes(self) -> list[str]:
        """The codes from here on: '14', '3, 5 и 7', 'А, Б'; none where something else stands here."""
        first = self._code()
        if not first:
            return []
        found = [first]
        while True:
            word, following, after = self.words[self.at : self.at + 3]
            listed = (word.separator or word.joins or word.dash) and following.code
            if not listed or not after.special or after.landmark or _is_post_code(following):
                break
            if after.marker == "floor" and not self.words[self.at + 3].code:
                break
            self.at += 1
            found.append(self._code())
        return found

    def _code(self) -> str:
        """One house number, block, entrance, floor or apartment: '023А' is '23a', '43 - 45' is '43-45'."""
        while self.words[self.at].marker == "number" or (
            self.words[self.at].dash and self.words[self.at + 1].code
        ):
            self.at += 1
        word, after = self.words[self.at : self.at + 2]
        if not word.code or (
            (word.glue or word.joins) and not (after.separator or after.marker or after.dash)
        ):
            return ""
        self.at += 1
        value = _code_value(word)
        suffix, after = self.words[self.at : self.at + 2]
        if value.isdigit() and suffix.letter and not suffix.joins and after.special:
            self.at += 1
            return value + suffix.bare
        if suffix.dash and after.code and self.words[self.at + 2].special and after.bare[0].isdigit():
            self.at += 2
            return f"{value}-{_code_value(after)}"
        return value

    # ---- what nothing announced

    def _known_places(self, words: list[Word]) -> list[Word]:
        """Take known settlements and areas, and a post code, from the beginning of some words."""
        while words:
            if _is_post_code(words[0]) and "post_code" not in self.parts and len(words) != 1:
                self._put("post_code", words[0].bare, "")
                words = words[1:]
            elif cut := self._longest(words, self.known.settlements):
                words = self._settlement(words)
            elif cut := self._longest(words, self.known.areas):
                self._put("area", _area_name(tuple(words[:cut])), "kv")
                words = words[cut:]
            else:
                break
        return words

    def _close(self, words: list[Word], before: str = "") -> None:
        """File words that nothing announced by what they look like and by what comes after them."""
        if not words:
            return
        words = self._known_places(words)
        if not words:
            return
        if any(each.no_name for each in words) or len(words) > _LONGEST_NAME + 2:
            self._leave(words)
        elif _storey(words):
            self._tell("floor", " ".join(each.shown for each in words))
        elif _estate_like(words) and (
            words[-1].estate_part or (before == "block" and "area" not in self.parts and not self.streets)
        ):
            self._put("area", _area_name(tuple(words)), "kv")
        elif before == "block" and "area" in self.parts and not self.streets and _nameable(words):
            # what stands between an estate and its block is a street: 'ж.к. Илинден, Пиротска бл. 4'
            self._street(words, "")
        elif not self.streets and (before == "number" or _ends_with_house(words)) and _nameable(words):
            tail = _ends_with_house(words) if before != "number" else 0
            name = words[: len(words) - tail]
            while name[-1].joins:
                name = name[:-1]
            number = "".join(_code_value(each) for each in words[len(words) - tail :])
            self.streets.append(_Street(_name(name, street=True), number=number, announced=False))
        elif words[-1].bare in _STREET_ENDS and len(words) > 1:
            self._street(words, "")
        elif words[-1].number and len(words) > 2 and words[-2].bare in _STREET_ENDS:
            self._street(words[:-1], "")
            self._house(_code_value(words[-1]))
        else:
            self.loose.append(words)

    def _tell(self, slot: str, said: str) -> None:
        self.told.setdefault(slot, []).append(said)

    def _leave(self, words: Iterable[Word]) -> None:
        self.rest.append(" ".join(filter(None, (each.shown for each in words))))

    def _put(self, slot: str, value: str, mark: str) -> None:
        """Keep a part's value; a second one is told beside."""
        if value and self.parts.setdefault(slot, value) != value:
            self.also.append(f"{mark} {value}".strip())

    # ---- the end

    def key(self) -> AddressKey:
        """The address that was read."""
        parts = self.parts
        self._settle_streets()
        self._settle_loose()
        streets = self.streets
        if self.number:
            if streets and not streets[0].number:
                streets[0].number = self.number
            elif streets:
                self.also.append(f"no {self.number}")
            else:
                parts["number"] = self.number
        house = next((each for each in streets if each.number), streets[0] if streets else None)
        if house:
            parts["street"], parts["street_kind"] = house.name, house.kind
            if house.number:
                parts["number"] = house.number
            corners = [f"{each.name} {each.number}".strip() for each in streets if each is not house]
            if corners:
                parts["corner"] = ", ".join(corners)
        for slot, said in self.told.items():
            parts[slot] = ", ".join(said)
        rest = plain(" ".join(self.rest))
        return AddressKey(**parts, also=", ".join(self.also), rest=rest)

    def _settle_streets(self) -> None:
        """Decide what a street that only looked like one is, now that all is read."""
        streets = self.streets = [each for each in self.streets if each.name]
        parts = self.parts
        for street in list(streets):
            others = len(streets) > 1
            part = street.number and _leading(street.number) <= _LAST_ESTATE_PART
            if not street.announced and "area" not in parts and ("block" in parts or (others and part)):
                # 'Младост 1, бл. 425': the name with a number was an estate after all.
                parts["area"] = f"{street.name} {street.number}".strip()
                streets.remove(street)
                continue
            known = f"{street.name} {street.number}" in self.known.areas
            if known and "block" in parts and "area" not in parts:
                # 'ул. Младост-3, бл. 324', where a form asked for the street
                parts["area"] = f"{street.name} {street.number}"
                streets.remove(street)
                continue
            if not street.announced and others:
                self.rest.append(f"{street.name} {street.number}".strip())
                streets.remove(street)
            elif others and not street.number and street.name in self.known.settlements:
                parts["settlement"] = street.name
                streets.remove(street)

    def _settle_loose(self) -> None:
        """File names and numbers that stood between commas."""
        parts, streets = self.parts, self.streets
        left = []
        for words in self.loose:
            if len(words) == 1 and words[0].number:
                if _is_post_code(words[0]) and "post_code" not in parts:
                    parts["post_code"] = words[0].bare
                    continue
                if not self.number and (not streets or not streets[-1].number):
                    self.number = _code_value(words[0])
                    continue
            left.append(words)
        for words in left:
            name = _name(words, street=True)
            if name in self.known.streets or (
                len(left) == 1 and self.number and not streets and _nameable(words)
            ):
                streets.append(_Street(name))
            elif (
                len(left) == 1
                and "block" in parts
                and "area" not in parts
                and not streets
                and _estate_like(words)
            ):
                parts["area"] = _area_name(tuple(words))
            else:
                self._leave(words)


# 28-А is 28А
_LONE_LETTER = re.compile(r"(?<=\d)-(?=[a-z](?![a-z]))")
_STREET_ENDS = frozenset(("shose", "pat", "shosse", "bulevard"))


def _code_value(word: Word) -> str:
    return _LONE_LETTER.sub("", word.bare.strip("-")).lstrip("0") or "0"


def _is_post_code(word: Word) -> bool:
    return len(word.bare) == 4 and word.bare.isdigit() and word.bare[0] != "0"


def _ends_with_house(words: Sequence[Word]) -> int:
    """How many of the last words are a house number: '25', '14a', or '14 a' in two words."""
    if len(words) > 1 and words[-1].number and not words[-1].ordinal:
        return 1
    if len(words) > 2 and words[-1].letter and not words[-1].joins and words[-2].bare.isdigit():
        return 2
    return 0


def _nameable(words: Sequence[Word]) -> bool:
    """Whether words that nothing announced can be a name."""
    if not words:
        return False
    first = words[0]
    if words[-1].joins or first.number or first.joins or first.glue or first.relation:
        return False
    return any(len(each.shown) > 2 and not (each.marker or each.number) for each in words)


def _estate_like(words: Sequence[Word]) -> bool:
    """Whether words that nothing announced can be an estate: 'Надежда II ч.', not 'Младост 14'."""
    bare = words[:-1] if words[-1].estate_part else words
    if words[-1].estate_part and not (bare and bare[-1].estate):
        return False
    return _nameable(bare) and not (bare[-1].number and _leading(bare[-1].bare) > _LAST_ESTATE_PART)


def _storey(words: Sequence[Word]) -> bool:
    """Whether words are a storey: 'на покрива', 'втори и трети', 'таван 6'."""
    if words[0].floor and len(words) == 2 and words[1].number:
        return True
    return words[-1].floor and all(each.floor or each.glue or each.joins for each in words)


def _leading(word: str) -> int:
    digits = len(word) - len(word.lstrip("0123456789"))
    return int(word[:digits]) if digits else 0


def _name(words: Sequence[Word], *, street: bool = False) -> str:
    """A street's, district's or settlement's name: folded, titles written out."""
    if street and words and words[0].ordinal:
        # 20-ти април, 1-ва
        return plain(" ".join([words[0].ordinal, *(each.name for each in words[1:])]))
    name = plain(" ".join([each.name for each in words])).replace("sveti sveti ", "sveti ")
    return WHOLE_NAMES.get(name, name)


@lru_cache(maxsize=65_536)
def _area_name(words: tuple[Word, ...]) -> str:
    """An estate's name: folded, the numbers after it in digits."""
    said = [words[0].name] if words else []
    for each in words[1:]:
        if each.letter and not each.estate and said[-1].isdigit():
            said[-1] += each.bare
        elif not each.estate_part:
            said.append(each.estate or each.name)
    name = plain(" ".join(said))
    return WHOLE_NAMES.get(name, name)


# --------------------------------------------------------------------------------------
# Joining

#: between the house and the entrance, so that the house alone can be compared too
ENTRANCE = "#"


def match_key(key: AddressKey, *, settlement: str = "") -> str | None:
    """The text by which an address is joined: its house, then its entrance; None when it names no house, or
    in more words than a name has.

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
    joined = f"{'|'.join(house)}{ENTRANCE}{key.entrance}"
    return joined if len(joined) <= LONGEST_KEY else None
