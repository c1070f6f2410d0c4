"""Addresses as people and registers write them: taken apart, and joined where they name one house."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.addresses import AGREEING, UNDERSTOOD, Reading, permit_addresses, places, read
from twin.address_words import NAMED_FOR_BOTH
from twin.addresses import AddressKey, Known, match_key, parse_address
from twin.text import fold


def parts(key: AddressKey) -> dict[str, str]:
    """An address's filled parts."""
    names = ("settlement", "district", "area", "street", "number", "block", "entrance", "rest")
    return {name: getattr(key, name) for name in names if getattr(key, name)}


def told(text: str) -> dict[str, str]:
    """All filled parts but the kinds of street and area."""
    key = asdict(parse_address(text, Known(frozenset({"sofia"}))))
    return {name: value for name, value in key.items() if value and not name.endswith("_kind")}


def address(text: str, *areas: str) -> dict[str, str]:
    return parts(parse_address(text, Known(frozenset({"sofia"}), frozenset(areas))))


def test_a_cadastral_address_is_understood_whole() -> None:
    place = 'гр. София, район Студентски, ж.к. "Малинова долина"'
    text = f'{place}, ул. "Проф. Крикор Азарян" №25, вх. А, ет. 2, ап. А16'
    assert address(text) == {
        "settlement": "sofia",
        "district": "studentski",
        "area": "malinova dolina",
        "street": "profesor krikor azaryan",
        "number": "25",
        "entrance": "a",
    }


@pytest.mark.parametrize(
    ("text", "street", "number"),
    [
        ('пл."Света Неделя" №19', "sveti nedelya", "19"), ("бул. Витоша №2", "vitosha", "2"),
        ("ул.ПАТРИАРХ ЕВТИМИЙ", "patriarh evtimiy", ""), ("ул. Шипка 14 А", "shipka", "14a"),
        ("бул. княз АЛ.ДОНДУКОВ-КОРСАКОВ", "knyaz aleksandar dondukov korsakov", ""),
        ("ул. Георги С. Раковски 201а", "georgi s rakovski", "201a"), ("ул. Н. Жеков № 22", "n zhekov", "22"),
        ("ул. П. К. Яворов 3", "p k yavorov", "3"), ("ул. 20-ти април 13", "20 april", "13"),
        ("ул. С № 71", "s", "71"), ("ул. „В“ № 5", "v", "5"), ("ул. И 5", "i", "5"), ("ул. N 5", "", "5"),
        ("ул. 202", "202", ""), ("ул. 202 № 5", "202", "5"), ("бул. Тотлебен 53-55", "totleben", "53-55"),
        ("ул. Шипка N 6", "shipka", "6"), ("ул. Шипка No6", "shipka", "6"), ("Фамилия 41A", "familia", "41a"),
        ("Свобода № 5", "svoboda", "5"), ("ul. Vitosha 2", "vitosha", "2"),
        ("Vitosha Blvd. 2", "vitosha", "2"),
        ("Vitosha Blvd", "vitosha", ""), ("бул. Джеймс Баучер 5", "james bourchier", "5"),
        ("James Bourchier Blvd 5", "james bourchier", "5"),
        ("ул. Шипка 023А", "shipka", "23a"),
    ],
)  # fmt: skip
def test_streets_and_numbers_are_told_apart(text: str, street: str, number: str) -> None:
    expected = {"street": street, "number": number}
    assert address(text) == {name: value for name, value in expected.items() if value}


@pytest.mark.parametrize(
    ("text", "area", "block", "entrance"),
    [
        ("ж.к. Люлин 8, бл. 819, вх. A", "lyulin 8", "819", "a"),
        ("ж. к. Люлин VIII бл819", "lyulin 8", "819", ""),
        ("жк Дружба-2 бл. 213", "druzhba 2", "213", ""),
        ("Младост 1, бл. 425, вх. Б", "mladost 1", "425", "b"),
        ("Дружба 2 бл. 14А", "druzhba 2", "14a", ""),
        ("Ж.К. П. Р. Славейков 111", "p r slaveykov", "111", ""),
        ("кв. ж.к. Дружба 2", "druzhba 2", "", ""), ("в.з. Братковица", "bratkovitsa", "", ""),
        ("м. Буката", "bukata", "", ""), ("в.з. Манастира, бл. 2", "manastira", "2", ""), ('кв."Горна баня"', "gorna banya", "", ""),
    ],
)  # fmt: skip
def test_estates_and_blocks_are_told_apart(text: str, area: str, block: str, entrance: str) -> None:
    expected = {"area": area, "block": block, "entrance": entrance}
    assert address(text) == {name: value for name, value in expected.items() if value}


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("1303 София, бул. Витоша 2", {"settlement": "sofia", "street": "vitosha", "number": "2"}),
        ("бул. Витоша 2, София, 1303", {"settlement": "sofia", "street": "vitosha", "number": "2"}),
        ("с. Лозен, ул. Съединение 3", {"settlement": "lozen", "street": "saedinenie", "number": "3"}),
        ("гр. София, ул. ГР. БАНКЯ, УЛ. ПИРИН 1", {"settlement": "bankya", "street": "pirin", "number": "1"}),
        (
            "гр. София, ул. С. МРАМОР, УЛ. ПИРИН №20",
            {"settlement": "mramor", "street": "pirin", "number": "20"},
        ),
        ("гр.София р-н Средец", {"settlement": "sofia", "district": "sredets"}),
    ],
)
def test_settlements_are_found_where_they_stand(text: str, understood: dict[str, str]) -> None:
    assert address(text) == understood


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("СВОБОДА", {"rest": "svoboda"}),
        ("", {}),
        ("ул. Пирин, нещо друго", {"street": "pirin", "rest": "neshto drugo"}),
        (
            "ул. Междублоково пространство на жк Дружба",
            {"area": "druzhba", "rest": "mezhdublokovo prostranstvo"},
        ),
        ("кв. Дружба, бл. 5, до баба Мара", {"area": "druzhba", "block": "5", "rest": "do baba mara"}),
        ("ул. Пирин (Ведрина) № 3", {"street": "pirin", "number": "3", "rest": "vedrina"}),
    ],
)
def test_what_is_not_understood_is_left_over(text: str, understood: dict[str, str]) -> None:
    assert address(text) == understood


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        (
            "ул. Пирин № 51А (в магазин Фантастико)",
            {"street": "pirin", "number": "51a", "landmark": "magazin fantastiko"},
        ),
        ("ул. Тирана № 3, до бл. 2", {"street": "tirana", "number": "3", "landmark": "do bl 2"}),
        ("кв. Дружба, бл. СРЕЩУ 208", {"area": "druzhba", "landmark": "sreshtu bl 208"}),
        ("бл. М/У БЛ. 812 И 813", {"landmark": "m u bl 812, 813"}),
        ("ул. Марица и ул. Пирин", {"street": "maritsa", "corner": "pirin"}),
        ("ъгъла на бул. Черни връх и бул. Арсеналски", {"street": "cherni vrah", "corner": "arsenalski", "landmark": "agala"}),
        ("бул. Цар Борис III, ул. Чучулига № 2", {"street": "chuchuliga", "number": "2", "corner": "tsar boris iii"}),
        ("УПИ XV-180, кв. 15, м. Буката", {"area": "bukata", "plot": "upi xv-180", "quarter": "15"}),
        ("имот 68134.1006.181, ул. Пирин", {"street": "pirin", "cadastral_id": "68134.1006.181"}),
        ("Метростанция Овча купел 2, ул. Пирин", {"street": "pirin", "landmark": "metrostantsia ovcha kupel 2"}),
        ("ж.к. Люлин 3, бл. 5, 39 СОУ", {"area": "lyulin 3", "block": "5", "landmark": "39 sou"}),
        ("ж.к. Люлин 3, бл. 385, секция А, маг. № 4", {"area": "lyulin 3", "block": "385", "unit": "sektsia a, mag 4"}),
        ("ж.к. Люлин 3, бл. 5, вх. А, Б и В", {"area": "lyulin 3", "block": "5", "entrance": "a", "also": "vh b, vh v"}),
        ("ул. Пирин 3, ет. 2 и 3, ап. 5; 6", {"street": "pirin", "number": "3", "floor": "2, 3", "apartment": "5, 6"}),
        ("ул. Пирин 3, първи надземен етаж", {"street": "pirin", "number": "3", "floor": "parvi nadzemen"}),
        ("ул. Пирин 3, втори и трети етаж", {"street": "pirin", "number": "3", "floor": "vtori i treti"}),
        ("ул. Пирин 3, II ет.", {"street": "pirin", "number": "3", "floor": "ii"}),
        ("бул. Мадрид 40, бивш ул. Я. Сакъзов № 128", {"street": "madrid", "number": "40", "former": "bivsh ul ya sakazov 128"}),
        ("ж.к. Красна поляна, бл. 145 /стар 39/", {"area": "krasna polyana", "block": "145", "former": "star 39"}),
        ("гр. София, общ. Столична, п.к. 1000", {"settlement": "sofia", "region": "stolichna", "post_code": "1000"}),
        ("гр. София, ул. ГР. БАНКЯ", {"settlement": "bankya", "region": "sofia"}),
    ],
)  # fmt: skip
def test_all_that_an_address_says_is_told(text: str, understood: dict[str, str]) -> None:
    assert told(text) == understood


def test_a_known_estate_is_not_taken_for_a_street() -> None:
    assert address("Младост 3") == {"street": "mladost", "number": "3"}
    assert address("София, Младост III", "mladost 3") == {"settlement": "sofia", "area": "mladost 3"}


def test_a_registers_parts_and_a_written_address_give_one_key() -> None:
    from_register = AddressKey.from_parts(
        settlement="гр. София",
        district="р-н Възраждане",
        street="бул. АЛ. СТАМБОЛИЙСКИ",
        number="101, Мол София",
        entrance="A",
    )
    written = parse_address("гр.София, район Възраждане, бул. „Александър Стамболийски“ № 101, вх. А")
    assert from_register == written
    assert from_register.landmark == "mol sofia"
    assert from_register.street_kind == written.street_kind == "bul"


def test_a_registers_part_may_hold_what_belongs_to_another() -> None:
    assert parts(AddressKey.from_parts(street="ж.к. Дружба", block="14A")) == {
        "area": "druzhba",
        "block": "14a",
    }
    assert parts(AddressKey.from_parts(area="Младост 1", block="023А")) == {
        "area": "mladost 1",
        "block": "23a",
    }
    assert parts(AddressKey.from_parts(settlement="", street=None)) == {}


def test_keys_differ_by_place_and_not_by_the_kind_of_street() -> None:
    key = parse_address("ул. Витоша 2")
    assert key == parse_address("бул. Витоша 2") != parse_address("ул. Витоша 3")
    assert hash(key) == hash(replace(key, rest="x"))


@settings(max_examples=500)
@given(st.text(st.sampled_from('абАБбл.вхулкж№,- "14AIX()/Софияр-н'), max_size=60))
def test_no_address_is_too_odd_to_read(text: str) -> None:
    key = parse_address(text, Known(frozenset({"sofia"})))
    for value in parts(key).values():
        assert value == value.strip()
        assert value.isascii()


ADDRESS_WORDS = [
    "ул.",
    "бул",
    "бл.",
    "бл",
    "вх",
    "№",
    "N",
    "кв.",
    "ж.к.",
    "гр.",
    "р-н",
    "до",
    "срещу",
    "14А",
    "14",
    "A",
    "и",
    "Младост",
    "VIII",
    ",",
    "с.",
    "м.",
    "п.к.",
    "1303",
    "УПИ",
    "Blvd",
    "é",
    "№5",
    "bl14",
    ".",
    "I",
    "V",
    "/",
    "(",
    ")",
    "-",
    "ет.",
    "партер",
    "ап.",
    "секция",
    "магазин",
    "ъгъла",
    "между",
    "на",
    "39",
    "СОУ",
    "бивш",
    "стар",
    "Зона",
    "Б-5",
    "част",
    "Красно",
    "село",
    "Цар",
    "Борис",
    "Str",
    "ОК",
    "20-ти",
    "68134.100.5",
    "ч.",
    "Левски",
    "В",
    "обл.",
    "масив",
    "хотел",
]
WORD_SOUP = st.lists(st.sampled_from(ADDRESS_WORDS), max_size=10).map(" ".join)


@settings(max_examples=1000)
@given(WORD_SOUP)
def test_address_words_in_any_order_are_read(text: str) -> None:
    key = parse_address(text)
    assert asdict(key) == asdict(parse_address(text))
    for each in (key, AddressKey.from_parts(street=text, area=text, number=text, block=text)):
        assert all(value.isascii() and value == value.strip() for value in parts(each).values())


@settings(max_examples=1000)
@given(WORD_SOUP)
def test_no_word_that_says_something_is_lost(text: str) -> None:
    key = asdict(parse_address(text))
    told = set(fold(" ".join(key.values())).split())
    names = {"mladost", "krasno", "tsar", "boris", "levski", "sou", "hotel", "parter"}
    assert names & set(fold(text).split()) <= told


NAMES = st.sampled_from(
    [
        "Шипка",
        "Цар Борис III",
        "20-ти април",
        "Красно село",
        "Проф. Крикор Азарян",
        "202",
        "Св. Св. Кирил и Методий",
    ]
)
HOUSES = st.sampled_from(["6", "14А", "53-55", "115 З"])
PARTS = st.tuples(
    st.sampled_from(["гр. София", "с. Лозен", "гр. Нови Искър"]),
    st.sampled_from(["район Лозенец", "р-н Красно село"]),
    st.sampled_from(
        ["ж.к. Люлин VIII", "кв. Манастирски ливади", "в.з. Киноцентъра III част", "жк Левски В"]
    ),
    st.builds("{} {} № {}".format, st.sampled_from(["ул.", "бул.", "пл."]), NAMES, HOUSES),
    st.builds("бл. {}".format, HOUSES),
    st.builds("вх. {}".format, st.sampled_from(["А", "3", "Б"])),
    st.builds("ет. {}".format, st.sampled_from(["2", "партер", "III"])),
    st.builds("ап. {}".format, st.sampled_from(["16", "А16"])),
    st.sampled_from(["п.к. 1000", "1303"]),
    st.sampled_from(["до бл. 208", "срещу 39 СОУ"]),
)


@settings(max_examples=300)
@given(PARTS, st.data())
def test_the_order_of_the_parts_does_not_matter(whole: tuple[str, ...], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(whole), unique=True, min_size=1))
    in_order, shuffled = sorted(some, key=whole.index), data.draw(st.permutations(some))
    first, second = (parse_address(", ".join(each)) for each in (in_order, shuffled))
    assert first == second
    assert first.rest == second.rest == ""


_AREA_MARKS = {"zhk": "zhk", "kv": "kv.", "m": "m.", "mah": "mah.", "vz": "v.z.", "so": "s.o."}


def written_out(key: AddressKey) -> str:
    """What was understood of an address in one order: 'gr. sofia, zhk lyulin 8, bl. 819, vh. a'."""
    marked = (
        ("gr.", key.settlement), ("r-n", key.district), (_AREA_MARKS.get(key.area_kind, "kv."), key.area),
        (f"{key.street_kind or 'ul'}.", key.street), ("№", key.number), ("bl.", key.block),
        ("vh.", key.entrance), ("et.", key.floor), ("ap.", key.apartment),
    )  # fmt: skip
    return ", ".join(f"{mark} {_written(value)}" for mark, value in marked if value).replace(", №", " №")


def _written(name: str) -> str:
    """A name with 'i' so that it is not read as 'and': 'eduard i. totleben', 'kiril i metodiy'."""
    words = name.split(" ")
    for n, word in enumerate(words):
        if word == "i" and tuple(words[n - 1 : n + 2 : 2]) not in NAMED_FOR_BOTH:
            words[n] = "i."
    return " ".join(words)


@settings(max_examples=300)
@given(PARTS, st.data())
def test_what_was_understood_reads_the_same_when_it_is_written_out(
    whole: tuple[str, ...], data: st.DataObject
) -> None:
    key = parse_address(", ".join(data.draw(st.lists(st.sampled_from(whole), unique=True))))
    assert parse_address(written_out(key)) == key


@given(st.text())
def test_no_text_is_too_odd_to_read(text: str) -> None:
    parse_address(text)
    AddressKey.from_parts(street=text, number=text)


@pytest.fixture(scope="module")
def permits(real_data: Path) -> Reading:
    return read(permit_addresses(real_data), places(real_data))


@pytest.mark.real
def test_97_of_100_addresses_in_the_register_of_permits_are_understood_whole(permits: Reading) -> None:
    assert len(permits.keys) == 30_988
    assert permits.understood >= UNDERSTOOD
    located = sum(
        bool((key.street or key.area) and (key.number or key.block)) for key in permits.keys.values()
    )
    assert located / len(permits.keys) > 0.8


@pytest.mark.real
def test_the_district_that_a_permits_address_tells_is_the_registers(permits: Reading) -> None:
    assert permits.districts.total() > 8_000
    assert permits.agreeing >= AGREEING


@pytest.mark.real
def test_what_was_understood_of_real_addresses_reads_the_same_when_written_out(permits: Reading) -> None:
    other = [text for text, key in permits.keys.items() if parse_address(written_out(key)) != key]
    assert len(other) / len(permits.keys) < 0.002


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('гр. София, ул. "Шипка" №6', "УЛ.ШИПКА 6"),
        ("ж.к. Люлин 8, бл. 819, вх. А", "жк ЛЮЛИН 8 блок 819 вход A"),
        ("бул. Витоша 14А", "бул. „Витоша“ № 14A"),
    ],
)
def test_spellings_of_one_house_agree(one: str, other: str) -> None:
    keys = {match_key(parse_address(text), settlement="sofia") for text in (one, other)}
    assert len(keys) == 1
    assert None not in keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ул. Шипка 6", "ул. Шипка 6А"),
        ("ж.к. Люлин 8, бл. 819", "ж.к. Люлин 9, бл. 819"),
        ("гр. София, ул. Шипка 6", "гр. Пловдив, ул. Шипка 6"),
        ("кв. Бояна, бл. 5", "кв. Бояна 5"),
    ],
)
def test_different_houses_differ(one: str, other: str) -> None:
    assert match_key(parse_address(one)) != match_key(parse_address(other))


@pytest.mark.parametrize("text", ["", "София", "ул. Шипка", "бл. 5", "ж.k. Люлин 8", "до моста"])
def test_what_names_no_house_has_no_key(text: str) -> None:
    assert match_key(parse_address(text), settlement="sofia") is None


def test_the_house_stands_before_the_entrance() -> None:
    key = AddressKey(street="shipka", number="6", entrance="a")
    assert match_key(key, settlement="sofia") == "sofia|shipka|6#a"
