"""Two spellings of one house give one match key, two houses give two, and no house gives none."""

from __future__ import annotations

import pytest

from twin.addresses import match_key
from twin.text import AddressKey, parse_address


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
