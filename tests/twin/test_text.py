"""Bulgarian names: how they are spelt in Latin, found again and written out."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.text import fold, one_script, title_case, transliterate

ALPHABET = "абвгдежзийклмнопрстуфхцчшщъьюя"
WORDS = st.lists(st.text(ALPHABET + ALPHABET.upper(), min_size=1, max_size=12), min_size=1, max_size=4).map(
    " ".join
)


@pytest.mark.parametrize(
    ("bulgarian", "latin"),
    [
        ("България", "Bulgaria"), ("БЪЛГАРИЯ", "BULGARIA"), ("София", "Sofia"), ("Мария", "Maria"),
        ("Сияна", "Siyana"), ("Искър", "Iskar"), ("Стара планина", "Stara planina"),
        ("София-юг", "Sofia-yug"),
        ("Шипка", "Shipka"), ("ЩАСТИЕ", "SHTASTIE"), ("Жълтуша", "Zhaltusha"), ("Цар", "Tsar"), ("Юг", "Yug"),
        ("ЮЗ", "YUZ"), ("Я", "Ya"), ("Джон", "Dzhon"), ("Дзанев", "Dzanev"), ("Кьосев", "Kyosev"),
        ("Йордан", "Yordan"), ("Щъркел", "Shtarkel"), ("ИЛИЯ", "ILIA"), ("илиян", "iliyan"),
        ("Джеймс Баучер", "James Bourchier"), ("ул. „Шипка“ №6, вх. А", "ul. „Shipka“ №6, vh. A"),
        ("Люлин VIII", "Lyulin VIII"), ("", ""), ("Sofia", "Sofia"),
    ],
)  # fmt: skip
def test_names_are_spelt_as_the_law_has_it(bulgarian: str, latin: str) -> None:
    assert transliterate(bulgarian) == latin


@pytest.mark.parametrize(
    ("bulgarian", "latin"),
    [
        ("Средец", "Sredets"), ("Красно село", "Krasno selo"), ("Възраждане", "Vazrazhdane"),
        ("Оборище", "Oborishte"), ("Сердика", "Serdika"), ("Подуяне", "Poduyane"), ("Слатина", "Slatina"),
        ("Изгрев", "Izgrev"), ("Лозенец", "Lozenets"), ("Триадица", "Triaditsa"),
        ("Красна поляна", "Krasna polyana"), ("Илинден", "Ilinden"), ("Надежда", "Nadezhda"),
        ("Младост", "Mladost"), ("Студентски", "Studentski"), ("Витоша", "Vitosha"),
        ("Овча купел", "Ovcha kupel"), ("Люлин", "Lyulin"), ("Връбница", "Vrabnitsa"),
        ("Нови Искър", "Novi Iskar"), ("Кремиковци", "Kremikovtsi"), ("Панчарево", "Pancharevo"),
        ("Банкя", "Bankya"),
    ],
)  # fmt: skip
def test_districts_get_the_latin_names_of_the_official_register(bulgarian: str, latin: str) -> None:
    assert transliterate(bulgarian) == latin


@given(WORDS)
def test_a_decomposed_spelling_gives_the_same_latin(text: str) -> None:
    assert transliterate(unicodedata.normalize("NFD", text)) == transliterate(text)


@given(WORDS)
def test_a_name_and_its_latin_spelling_fold_to_the_same(text: str) -> None:
    assert fold(transliterate(text)) == fold(text)


@given(WORDS)
def test_capitals_fold_to_the_same(text: str) -> None:
    assert fold(text.upper()) == fold(text) == fold(text.lower())


@given(st.text())
def test_folding_twice_changes_nothing_and_leaves_plain_text(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded.isascii()
    assert folded == " ".join(folded.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ж.к. „Люлин–8“", "ЖК Люлин 8".replace("ЖК", "Ж К")),
        ("Бул.\u00a0Цар\u2009Освободител", "бул. цар освободител"),
        ("Cофия", "София"),  # the first letter is Latin
        ("МЛAДОCT", "Младост"),
        ("Zlatni \u0440yasatsi", "Zlatni pyasatsi"),  # the law's own text has this Cyrillic р
        ("Д’Артанян", "ДАртанян"),
        ("Sofiya", "София"),
        ("Со\u0300фия", "София"),
        ("№ 5", "5"),
        ("Café", "cafe"),
        ("  a -- b  ", "A B"),
        ("Straße", "STRASSE"),
    ],
)
def test_spellings_of_one_name_fold_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_letters_stay_different() -> None:
    assert fold("Мир") != fold("Мър")
    assert fold("Й") == "y" != fold("И")


def test_a_word_of_one_alphabet_is_left_alone() -> None:
    assert one_script("CAT и КОТ, НАТО NATO") == "CAT и КОТ, НАТО NATO"


@pytest.mark.parametrize(
    ("capitals", "usual"),
    [
        ("КВ. МАНАСТИРСКИ ЛИВАДИ", "кв. Манастирски Ливади"), ("С. БАЛША", "с. Балша"),
        ("Ж.К. ЛЮЛИН VIII", "ж.к. Люлин VIII"), ("В.З. БРАТКОВИЦА", "в.з. Братковица"),
        ("М. ГОРНА БАНЯ", "м. Горна Баня"), ("Г. М. ДИМИТРОВ", "Г. М. Димитров"),
        ("БЛ. 411 Ж.К. МЛАДОСТ 4", "бл. 411 ж.к. Младост 4"), ("102-РО ОУ", "102-ро ОУ"), ("НДК", "НДК"),
        ('УЛ. "КИРИЛ И МЕТОДИЙ"', 'ул. "Кирил и Методий"'), ("ДОНДУКОВ-КОРСАКОВ", "Дондуков-Корсаков"),
        ("ПАМЕТНИК НА АРМИЯТА", "Паметник на Армията"), ("НА ПАЗАРА", "На Пазара"),
        ("ВИТОША 14А", "Витоша 14А"),
        ("---", "---"), ("", ""), ("Вече добре", "Вече добре"), ("NATO", "NATO"),
    ],
)  # fmt: skip
def test_names_in_capitals_are_written_as_usual(capitals: str, usual: str) -> None:
    assert title_case(capitals) == usual
    assert title_case(usual) == usual


@given(st.text())
def test_no_text_is_too_odd_to_write_as_usual(text: str) -> None:
    title_case(text.upper())
