"""Seats as people really type them: the noise that the linking of businesses is measured with.

`type_anew` types every seat of a written sample city again, from the address where the business truly is. It
knows how people write addresses and nothing of how the twin reads them: no table here comes from there.

Every seat gets the spellings that real registers show, each about as often as they do. One in five is damaged
besides: typing errors, cut names, a missing or wrong district, a wrong or missing entrance, number or block.

What can be demanded. A record counts for recall when its text still determines the building: when a patient
reader with the list of all addresses would name exactly that one. That reader looks in the stated district for
an address of exactly that name and house; else for names there that one slip of the hand or a cut explains, and
for the exact name in the rest of the city; else for names there that a slip or a cut explains. If what he first
finds is one building, and the true one, the record counts. So a misspelt street counts unless another street
with that house is as near; a wrong district counts unless the house exists there as well; a missing number never
counts, nor does a number that was typed wrong. Precision knows no such mercy: whatever is accepted for any record
is right when it is the true building, and wrong otherwise. Sole traders are left out, as their addresses are.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple
from xml.sax.saxutils import escape, unescape

from loaders.sample import TRUTH
from loaders.sample.land import DISTRICTS

DAMAGED = 0.2
_TWICE = 0.1


class Place(NamedTuple):
    """An address part by part; '' for what is not said. `kind` and `street` are the two words of 'ул. Шипка'."""

    district: str = ""
    postcode: str = ""
    area_kind: str = ""
    area: str = ""
    kind: str = ""
    street: str = ""
    number: str = ""
    block: str = ""
    entrance: str = ""
    floor: str = ""
    apartment: str = ""


class Seat(NamedTuple):
    """A business's seat as it was typed, and where it truly is.

    `building` is the cadastral identifier, '' where it is in none of the city's. `counts` says whether the text
    still determines it; `kinds` are the sorts of noise that were put on it.
    """

    eik: str
    building: str
    counts: bool
    kinds: frozenset[str]
    text: str


def type_anew(folder: Path, *, seed: int) -> list[Seat]:
    """Type the seats of a written sample anew, the same for the same seed; sole traders' are not in the answer."""
    rng = Random(seed)
    city = City.of(folder)
    with (folder / TRUTH).open(encoding="utf-8") as file:
        truth = {row["eik"]: row for row in csv.DictReader(file)}
    seats = []
    for path in sorted(
        folder.glob("businesses/register_*.xml"), key=lambda path: (len(path.name), path.name)
    ):
        typed = path.with_suffix(".typed")
        with path.open(encoding="utf-8") as before, typed.open("w", encoding="utf-8", newline="\n") as after:
            for line in before:
                deed = _DEED.match(line)
                if deed is None:
                    after.write(line)
                    continue
                known = truth[deed["eik"]]
                line, seat = _retyped(line, known, city, rng)
                after.write(line)
                if deed["form"] != "ET":
                    seats.append(seat)
        typed.replace(path)
    return seats


_DEED = re.compile(r'<Deed .*?UIC="(?P<eik>\d+)" LegalForm="(?P<form>\w+)"')
_SEAT = re.compile(r"(?<=<Seat )(.*?<Settlement>.*?</Settlement>)(.*?)(?=</Address>)")
_ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")
_TYPED = ("HousingEstate", "Street", "StreetNumber", "Block", "Entrance", "Floor", "Apartment")


def _retyped(line: str, known: Mapping[str, str], city: City, rng: Random) -> tuple[str, Seat]:
    found = _SEAT.search(line)
    if found is None:
        raise ValueError(f"no seat in {line[:200]}")
    said = {tag: unescape(text) for tag, text in _ELEMENT.findall(found[2])}
    if known["seat"] == "elsewhere":
        text = ", ".join(said[tag] for tag in _TYPED if said.get(tag))
        return line, Seat(known["eik"], "", False, frozenset({"elsewhere"}), text)
    if known["seat"] == "address":
        place = city.places[known["address"]]._replace(
            floor=said.get("Floor", ""), apartment=said.get("Apartment", "")
        )
    else:
        kind, _, street = said.get("Street", "").partition(" ")
        place = Place(
            said["AreaEkatte"],
            said["PostCode"],
            kind=kind,
            street=street,
            number=said.get("StreetNumber", ""),
        )
    kinds = {known["seat"]} - {"address"}
    if rng.random() < DAMAGED:
        for _ in range(1 + (rng.random() < _TWICE)):
            place = _damaged(place, city, rng, kinds)
    counts = known["cadnum"] != "" and city.buildings(place) == {known["cadnum"]}
    typed = _Typing(rng, kinds).type(place)
    seat = Seat(
        known["eik"], known["cadnum"], counts, frozenset(kinds or {"plain"}),
        " | ".join(f"{tag}={text}" for tag, text in typed.items() if text),
    )  # fmt: skip
    return f"{line[: found.start(2)]}{_elements(typed)}{line[found.end(2) :]}", seat


def _elements(typed: Mapping[str, str]) -> str:
    code = typed["Area"]
    name = _DISTRICT_NAMES.get(code, "")
    area = f"<AreaID>{code[-2:]}</AreaID><Area>р-н {name}</Area><AreaEkatte>{code}</AreaEkatte>"
    elements = [
        area if code else '<AreaID xsi:nil="true" /><Area /><AreaEkatte />',
        _element("PostCode", typed),
    ]
    return "".join([*elements, "<ForeignPlace />", *(_element(tag, typed) for tag in _TYPED)])


def _element(tag: str, typed: Mapping[str, str]) -> str:
    text = typed.get(tag, "")
    return f"<{tag}>{escape(text)}</{tag}>" if text else f"<{tag} />"


_DISTRICT_NAMES = {district.code: district.name for district in DISTRICTS}


# --------------------------------------------------------------------------------------
# What a text still determines


class House(NamedTuple):
    """A district in which a name has a number, and the building there."""

    district: str
    building: str


class Names:
    """The names of streets, or of estates, with their houses; found again when they were mistyped."""

    def __init__(self) -> None:
        self._houses: dict[tuple[str, str], set[House]] = defaultdict(set)
        self._names: set[str] = set()
        self._by_rest: dict[str, set[str]] = defaultdict(set)
        self._by_start: dict[str, set[str]] = defaultdict(set)

    def add(self, name: str, number: str, house: House) -> None:
        """One more house."""
        self._houses[name, number].add(house)
        if name not in self._names:
            self._names.add(name)
            for rest in _rests(name):
                self._by_rest[rest].add(name)
            for word in _words(name):
                for k in range(len(word)):
                    self._by_start[word[: k + 1]].add(name)

    def houses(self, name: str, number: str) -> set[House]:
        """Those of exactly that name and number."""
        return self._houses.get((name, number), set())

    def near(self, name: str, number: str) -> set[House]:
        """Those of any name that one slip or a cut may have turned into this one."""
        slips = set().union(*(self._by_rest.get(rest, ()) for rest in _rests(name)))
        words = _words(name)
        starts = [self._by_start.get(word, set()) for word in words]
        cuts = (
            {other for other in set.intersection(*starts) if _is_cut(words, other)} if starts else self._names
        )
        return {house for other in slips | cuts for house in self.houses(other, number)}


@dataclass
class City:
    """All addresses of a sample city, to see what a text may mean."""

    places: dict[str, Place] = field(default_factory=dict)  #: by the address's number
    streets: Names = field(default_factory=Names)
    areas: Names = field(default_factory=Names)

    @classmethod
    def of(cls, folder: Path) -> City:
        """Read the address file of a written sample."""
        city = cls()
        with (folder / "addresses" / "addresses.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                kind, _, street = row["street"].partition(" ")
                area_kind, area = "", row["neighbourhood"]
                if area.startswith(_AREA_KINDS):
                    area_kind, _, area = area.partition(" ")
                city.places[row["id"]] = Place(
                    row["district_code"], row["postcode"], area_kind, area, kind, street, row["number"],
                    row["block"], row["entrance"],
                )  # fmt: skip
                house = House(row["district_code"], row["cadnum"])
                if street:
                    city.streets.add(street, row["number"], house)
                else:
                    city.areas.add(area, row["block"], house)
        return city

    def buildings(self, place: Place) -> set[str]:
        """The buildings that a reader with the list of addresses would think of first."""
        names = self.streets if place.street else self.areas
        said = (place.street, place.number) if place.street else (place.area, place.block)
        exact = names.houses(*said)
        here = {house.building for house in exact if house.district == place.district}
        if here:
            return here
        near = names.near(*said)
        here = {house.building for house in near if house.district == place.district}
        return here | {house.building for house in exact} or {house.building for house in near}


def _words(name: str) -> list[str]:
    return name.lower().replace(".", " ").split()


def _rests(name: str) -> set[str]:
    """A name, whole and without each of its letters: two names that share one of these are a slip apart."""
    name = name.lower()
    return {name, *(name[:k] + name[k + 1 :] for k in range(len(name)))}


def _is_cut(words: list[str], name: str) -> bool:
    """Whether words, each perhaps without its end, stand in a name in this order."""
    rest = iter(_words(name))
    return all(any(whole.startswith(word) for whole in rest) for word in words)


# --------------------------------------------------------------------------------------
# Damage


def _damaged(place: Place, city: City, rng: Random, kinds: set[str]) -> Place:
    """A place after one mishap that can befall it."""
    while True:
        name, (_, damage) = _pick_one(rng, _DAMAGES)
        if (after := damage(place, rng)) is not None and after != place:
            kinds.add(name)
            return after


def _pick_one(rng: Random, table: Mapping[str, tuple[float, Damage]]) -> tuple[str, tuple[float, Damage]]:
    return rng.choices(list(table.items()), [weight for weight, _ in table.values()])[0]


Damage = Callable[[Place, Random], Place | None]


def _typo(place: Place, rng: Random) -> Place | None:
    """One slip in the name of the street or the estate."""
    return _with_name(place, lambda name: _slip(name, rng))


def _with_name(place: Place, change: Callable[[str], str]) -> Place | None:
    if place.street:
        return place._replace(street=change(place.street))
    return place._replace(area=change(place.area)) if place.area else None


def _slip(name: str, rng: Random) -> str:
    at = [k for k, letter in enumerate(name) if letter.isalpha() and len(_word_at(name, k)) > 3]
    if not at:
        return name
    k = rng.choice(at)
    letter = name[k]
    sort = rng.random()
    if sort < 0.2 and k + 1 in at:
        return name[:k] + name[k + 1].lower() + letter.lower() + name[k + 2 :]
    if sort < 0.45:
        return name[:k] + name[k + 1 :]
    if sort < 0.6:
        return name[:k] + letter + letter.lower() + name[k + 1 :]
    others = (_NEIGHBOURS if sort < 0.8 else _SOUNDS).get(letter.lower(), letter.lower())
    other = rng.choice(others)
    return name[:k] + (other.upper() if letter.isupper() else other) + name[k + 1 :]


def _word_at(name: str, k: int) -> str:
    return next(match[0] for match in re.finditer(r"\S+", name) if match.start() <= k < match.end())


_KEYBOARD = ("явертъуиопч", "асдфгхйклшщ", "зьцжбнмю")
_NEIGHBOURS = {
    row[k]: row[max(k - 1, 0) : k] + row[k + 1 : k + 2] for row in _KEYBOARD for k in range(len(row))
}
# letters that sound alike where they are not stressed, or at the end of a word
_SOUNDS = {
    a: b for one, other in ("оу", "аъ", "еи", "ий", "бп", "дт", "вф", "зс", "жш", "гк") for a, b in ((one, other), (other, one))
}  # fmt: skip


def _cut(place: Place, rng: Random) -> Place | None:
    """A name without a part of it: a title, a given name, the end of its last word."""
    return _with_name(place, lambda name: _cut_name(name, rng))


def _cut_name(name: str, rng: Random) -> str:
    words = name.split()
    titled = words[0].endswith(".") or words[0] in _TITLES
    people = words[1:] if titled else words
    if len(people) == 2 and people[1].endswith(("в", "ев", "ски", "ров")):
        given, family = people
        return rng.choice([f"{given} {family}", f"{given[0]}. {family}", f"{words[0]} {family}", family])
    if words[-1].isdigit() or len(words[-1]) < 5:
        return name
    left = len(words[-1]) - rng.randint(1, max(1, len(words[-1]) - 3))
    return " ".join([*words[:-1], words[-1][:left] + rng.choice(["", ".", ""])])


def _other_district(place: Place, rng: Random) -> Place | None:
    return place._replace(district=rng.choice([code for code in _DISTRICT_NAMES if code != place.district]))


def _other_entrance(place: Place, rng: Random) -> Place | None:
    return place._replace(entrance=rng.choice("АБВГДЕЖ")) if place.entrance else None


def _other_number(place: Place, rng: Random) -> Place | None:
    if place.number:
        return place._replace(number=_misread(place.number, rng))
    return place._replace(block=_misread(place.block, rng)) if place.block else None


def _misread(number: str, rng: Random) -> str:
    """A number with a slip: two digits swapped, one other or missing, its letter lost."""
    digits = re.sub(r"\D", "", number)
    if digits != number and rng.random() < 0.5:
        return digits
    tail = number[len(digits) :]
    k = rng.randrange(len(digits))
    if len(digits) > 1 and rng.random() < 0.5:
        k = min(k, len(digits) - 2)
        digits = digits[:k] + digits[k + 1] + digits[k] + digits[k + 2 :]
    else:
        digits = digits[:k] + str((int(digits[k]) + rng.choice((1, 2, 9))) % 10) + digits[k + 1 :]
    return (digits.lstrip("0") or "1") + tail


def _no_house(place: Place, _rng: Random) -> Place | None:
    return place._replace(number="", block="") if place.number or place.block else None


def _no_part(place: Place, _rng: Random) -> Place | None:
    """An estate without the number of its part: Бели липи for Бели липи 2."""
    name, _, part = place.area.rpartition(" ")
    return place._replace(area=name) if not place.street and part.isdigit() else None


_DAMAGES: dict[str, tuple[float, Damage]] = {
    "typo": (40, _typo),
    "cut name": (12, _cut),
    "no district": (9, lambda place, _: place._replace(district="", postcode="")),
    "wrong district": (8, _other_district),
    "wrong entrance": (6, _other_entrance),
    "no entrance": (3, lambda place, _: place._replace(entrance="") if place.entrance else None),
    "no house": (9, _no_house),
    "wrong number": (4, _other_number),
    "no estate": (2, lambda place, _: place._replace(area_kind="", area="") if not place.street else None),
    "no part of the estate": (3, _no_part),
    "wrong postcode": (4, lambda place, rng: place._replace(postcode=str(rng.randint(1000, 1799)))),
}


# --------------------------------------------------------------------------------------
# Spelling

_AREA_KINDS = ("ж.к.", "кв.", "в.з.")
# title -> written out
_TITLES = {
    "Проф.": "Професор", "Ген.": "Генерал", "Акад.": "Академик", "Д-р": "Доктор", "Полк.": "Полковник",
    "Кап.": "Капитан", "Поп": "Поп",
}  # fmt: skip
_QUOTES = ('"%s"', '"%s"', '"%s"', "„%s“", "„%s”", "“%s”", "«%s»", "'%s'", "''%s''", '"%s', '„%s"')
_KINDS = {
    "ул.": {"ул. ": 50, "ул.": 16, "ул ": 8, "улица ": 6, "Ул. ": 3, "": 10, "бул. ": 1},
    "бул.": {"бул. ": 50, "бул.": 16, "бул ": 8, "булевард ": 8, "б-р ": 2, "Бул. ": 3, "": 6, "ул. ": 2},
}
_ESTATES = {
    "ж.к.": {"ж.к. ": 36, "ж.к.": 10, "жк ": 14, "ж.к ": 4, "ж. к. ": 4, "Ж.К. ": 4, "комплекс ": 1, "кв. ": 3, "": 22},
    "кв.": {"кв. ": 50, "кв.": 16, "кв ": 8, "квартал ": 4, "ж.к. ": 3, "": 20},
    "в.з.": {"в.з. ": 50, "в.з.": 14, "вз ": 4, "в. з. ": 4, "вилна зона ": 6, "местност ": 5, "м. ": 3, "": 14},
    "": {"": 1},
}  # fmt: skip
_NUMBERS = {
    "%s": 52, "№%s": 16, "№ %s": 14, "N%s": 2, "N %s": 3, "No %s": 2, "No.%s": 1, "номер %s": 1, "Nо %s": 1,
}  # fmt: skip
_BLOCKS = {"бл. %s": 36, "бл.%s": 24, "бл %s": 10, "блок %s": 12, "бл%s": 4, "Бл. %s": 4, "бл. № %s": 1}
_ENTRANCES = {"вх. %s": 44, "вх.%s": 30, "вх %s": 10, "вход %s": 8, "Вх. %s": 4, 'вх. "%s"': 4}
_FLOORS = {"ет. %s": 44, "ет.%s": 34, "етаж %s": 10, "ет %s": 6, "eт. %s": 2}
_FLATS = {"ап. %s": 44, "ап.%s": 34, "апартамент %s": 6, "ап %s": 6, "ап. №%s": 2}
_ROMAN = {
    str(k): roman for k, roman in enumerate(("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"), 1)
}
_REMARKS = (
    "офис 3", "офис 12", "магазин 1", "партер", "ателие 2", "гараж 4", "мецанин", "до пощата", "студио 5",
    "вътрешен двор", "Бизнес център Слънце", "магазин № 2", "приземен етаж", "сутерен", "срещу училището",
    "УПИ VII-123, кв. 45", "ет. 2, офис 7", "склад", "(партер)", "- офис 1",
)  # fmt: skip
_LOOKS = str.maketrans("АВЕКМНОРСТХаеорсху", "ABEKMHOPCTXaeopcxy")
_ACT = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h",
    "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu", "я": "ya", "№": "No ",
    "„": '"', "“": '"', "”": '"', "«": '"', "»": '"',
}  # fmt: skip
# how people write Bulgarian in Latin letters who never heard of the Act
_POPULAR = {
    "ж": ("j", "zh"), "ц": ("c", "tz", "ts"), "ъ": ("u", "a", "y"), "щ": ("sht", "shch"), "ю": ("iu", "ju", "yu"),
    "я": ("ia", "ja", "ya"), "й": ("i", "j", "y"), "х": ("h", "kh"), "ч": ("ch", "tch"), "в": ("v", "v", "w"),
}  # fmt: skip


class _Typing:
    """One seat being typed: the elements of the register, and the kinds of noise that went in."""

    def __init__(self, rng: Random, kinds: set[str]) -> None:
        self.rng, self.kinds = rng, kinds

    def type(self, place: Place) -> dict[str, str]:
        """The register's elements for a place."""
        elements = self._laid_out(place)
        draw = self.rng.random()
        if draw < 0.25:
            self._apply("capitals", elements, str.upper)
        elif draw < 0.27:
            self._apply("small letters", elements, str.lower)
        draw = self.rng.random()
        if draw < 0.015:
            self._apply("Latin by the Act", elements, lambda text: _latin(text, {}))
        elif draw < 0.025:
            popular = {letter: self.rng.choice(latin) for letter, latin in _POPULAR.items()}
            self._apply("popular Latin", elements, lambda text: _latin(text, popular))
        else:
            self._mixed(elements)
        if self._often(0.02):
            blank = self.rng.choice(("\u00a0", "  ", " \t"))
            self._apply("odd blanks", elements, lambda text: text.replace(" ", blank))
        if self._often(0.003):
            self._apply("decomposed", elements, lambda text: unicodedata.normalize("NFD", text))
        elements |= {"Area": place.district, "PostCode": "" if self._often(0.08) else place.postcode}
        if place.district and self._often(0.015):
            elements["Area"] = ""
            self.kinds.add("no district")
        return elements

    def _laid_out(self, place: Place) -> dict[str, str]:
        area, street, block = self._area(place), self._street(place), self._lettered(place.block)
        entrance, floor, flat = self._inside(place)
        inside = [
            self._form(form, text)
            for form, text in ((_ENTRANCES, entrance), (_FLOORS, floor), (_FLATS, flat))
            if text
        ]
        if len(inside) > 1 and self._often(0.06):
            self.rng.shuffle(inside)
            self.kinds.add("inside in another order")
        draw = self.rng.random()
        if draw < 0.08 and place.number:
            joint = self.rng.choice((" ", " ", " № ", " №", ", ", "№", ", № "))
            self.kinds.add("number in Street")
            line = f"{street}{joint}{self._lettered(place.number)}"
            return {
                "HousingEstate": area,
                "Street": line,
                "Entrance": entrance,
                "Floor": floor,
                "Apartment": flat,
            }
        number = self._number(place)
        if draw < 0.17:
            return self._in_one(
                place,
                [area, f"{street} {number}".strip(), *([self._form(_BLOCKS, block)] if block else [])],
                inside,
            )
        if draw < 0.24 and inside:
            self.kinds.add("entrance beside the house")
            joint = self.rng.choice((", ", " ", ","))
            house = "StreetNumber" if number else "Block"
            return {
                "HousingEstate": area,
                "Street": street,
                house: joint.join([number or self._marked(block), *inside]),
            }
        elements = {
            "HousingEstate": area, "Street": street, "StreetNumber": number, "Block": self._marked(block),
            "Entrance": entrance, "Floor": floor, "Apartment": flat,
        }  # fmt: skip
        if block and draw < 0.32:
            self.kinds.add("estate in Street")
            return elements | {"HousingEstate": "", "Street": area}
        if block and draw < 0.38:
            self.kinds.add("block in StreetNumber")
            return elements | {"Block": "", "StreetNumber": self._form(_BLOCKS, block)}
        if self._often(0.05):
            self.kinds.add("marked inside")
            marked = ((_ENTRANCES, "Entrance"), (_FLOORS, "Floor"), (_FLATS, "Apartment"))
            elements |= {tag: self._form(form, elements[tag]) for form, tag in marked if elements[tag]}
        return elements

    def _in_one(self, place: Place, outside: list[str], inside: list[str]) -> dict[str, str]:
        """The whole address in the element for the street."""
        self.kinds.add("all in Street")
        parts = [part for part in outside if part]
        if len(parts) > 1 and self._often(0.25):
            parts.reverse()
            self.kinds.add("order of parts")
        parts += inside
        district = _DISTRICT_NAMES.get(place.district, "")
        if district and self._often(0.3):
            named = (
                self.rng.choice(("р-н %s", "район %s", "р-н. %s", 'район "%s"', "общ. %s", "община %s"))
                % district
            )
            parts.insert(0 if self._often(0.7) else len(parts), named)
        if self._often(0.35):
            town = self.rng.choice(
                ("гр. София", "гр.София", "София", "ГР. СОФИЯ", "гр. София 1000", "град София")
            )
            parts.insert(0, town.replace("1000", place.postcode))
        elif self._often(0.1):
            parts.insert(0, place.postcode)
        joint = self.rng.choices((", ", " ", ",", "; ", " - "), (74, 14, 8, 2, 2))[0]
        if joint != ", ":
            self.kinds.add("no commas")
        return {"Street": joint.join(part for part in parts if part)}

    def _street(self, place: Place) -> str:
        if not place.street:
            return ""
        kind = self.rng.choices(list(_KINDS[place.kind]), list(_KINDS[place.kind].values()))[0]
        if not kind:
            self.kinds.add("no kind of street")
        elif kind.strip() in _KINDS and kind.strip() != place.kind:
            self.kinds.add("other kind of street")
        elif kind[-1] != " ":
            self.kinds.add("no blank after ул.")
        return kind + self._quoted(self._titled(place.street))

    def _titled(self, name: str) -> str:
        title, _, rest = name.partition(" ")
        if title not in _TITLES or self._often(0.6):
            return name
        self.kinds.add("title otherwise")
        sort = self.rng.random()
        if sort < 0.5:
            return f"{_TITLES[title]} {rest}"
        return f"{title.rstrip('.')} {rest}" if sort < 0.75 or title[-1] != "." else f"{title}{rest}"

    def _quoted(self, name: str) -> str:
        if not name or self._often(0.58):
            return name
        form = self.rng.choice(_QUOTES)
        if form != '"%s"':
            self.kinds.add("odd quotes")
        return form % name

    def _area(self, place: Place) -> str:
        # beside a street people name a quarter or not
        if not place.area or (place.street and not self._often(0.4 if place.area_kind else 0.2)):
            return ""
        name, _, part = place.area.rpartition(" ")
        if part.isdigit() and (draw := self.rng.random()) < 0.14:
            self.kinds.add("part of the estate otherwise")
            said = (f"-{part}", f" - {part}", f" {_ROMAN.get(part, part)}", f" {part} част")[
                int(draw * 100) % 4
            ]
            quoted = self._quoted(name) + said
        elif part.isdigit() and draw < 0.3:
            quoted = f"{self._quoted(name)} {part}"
        else:
            quoted = self._quoted(place.area)
        kinds = _ESTATES[place.area_kind]
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        if place.area_kind and not kind:
            self.kinds.add("estate without ж.к.")
        return kind + quoted

    def _number(self, place: Place) -> str:
        if not place.number:
            return ""
        number = self._form(_NUMBERS, self._lettered(place.number))
        if self._often(0.06):
            self.kinds.add("remark after the number")
            joint = self.rng.choice((", ", " ", ", ", "; ", ","))
            return f"{number}{joint}{self.rng.choice(_REMARKS)}"
        return number

    def _marked(self, block: str) -> str:
        """A block in its own element, where most leave the word out."""
        if not block or self._often(0.75):
            return block
        self.kinds.add("marked block")
        return self._form(_BLOCKS, block)

    def _lettered(self, number: str) -> str:
        """A number whose letter people write apart, small, or with the other alphabet's keyboard."""
        digits = number.rstrip("АБВГДЕЖЗ")
        letter = number[len(digits) :]
        if not letter or self._often(0.5):
            return number
        self.kinds.add("letter of the number otherwise")
        said = self.rng.choice(
            (
                f" {letter}",
                f"-{letter}",
                letter.lower(),
                letter.translate(_LOOKS),
                f" {letter.lower()}",
                f'"{letter}"',
            )
        )
        return digits + said

    def _inside(self, place: Place) -> tuple[str, str, str]:
        entrance, floor, flat = place.entrance, place.floor, place.apartment
        if entrance and self._often(0.12):
            self.kinds.add("entrance otherwise")
            entrance = self.rng.choice((entrance.lower(), entrance.translate(_LOOKS), f'"{entrance}"'))
        if floor and self._often(0.08):
            floor = self.rng.choice(
                (_ROMAN.get(floor, floor), "партер" if floor == "1" else floor, f"{floor}-ти")
            )
        if flat and self._often(0.05):
            flat = self.rng.choice((f"А{flat}", f"{flat}А", f"0{flat}"))
        return entrance, floor, flat

    def _mixed(self, elements: dict[str, str]) -> None:
        """Letters of the Latin keyboard among the Cyrillic."""
        if self._often(0.06):
            for tag in ("StreetNumber", "Block", "Entrance"):
                said = elements.get(tag, "")
                elements[tag] = re.sub(r"(?<!\w)\d*\w(?!\w)", lambda match: match[0].translate(_LOOKS), said)
                if elements[tag] != said:
                    self.kinds.add("look-alikes in the house")
        if self._often(0.012):
            tag = "Street" if elements.get("Street") else "HousingEstate"
            letters = [
                k for k, letter in enumerate(elements.get(tag, "")) if letter.translate(_LOOKS) != letter
            ]
            if letters:
                k = self.rng.choice(letters)
                elements[tag] = (
                    elements[tag][:k] + elements[tag][k].translate(_LOOKS) + elements[tag][k + 1 :]
                )
                self.kinds.add("look-alike in the name")

    def _apply(self, kind: str, elements: dict[str, str], change: Callable[[str], str]) -> None:
        changed = {tag: change(text) for tag, text in elements.items()}
        if changed != elements:
            elements |= changed
            self.kinds.add(kind)

    def _form(self, forms: Mapping[str, int], text: str) -> str:
        return self.rng.choices(list(forms), list(forms.values()))[0] % text

    def _often(self, share: float) -> bool:
        return self.rng.random() < share


def _latin(text: str, popular: Mapping[str, str]) -> str:
    """Latin letters for Cyrillic ones: by the Act, but for those that are written in a popular way."""
    latin = ""
    for letter in text:
        said = popular.get(letter.lower()) or _ACT.get(letter.lower(), letter)
        latin += said.upper() if text.isupper() else said.capitalize() if letter.isupper() else said
    return latin if popular else re.sub(r"(?i)(?<=i)y(?=a\b)", "", latin)
