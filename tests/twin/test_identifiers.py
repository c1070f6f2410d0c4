"""Which numbers are companies', places' and people's."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.identifiers import (
    BUILDING_FORM,
    CadastralId,
    cadastral_parent,
    cadastral_parts,
    contains_egn,
    eik_from_damaged,
    find_personal_numbers,
    is_cadastral_id,
    is_egn,
    is_eik,
    is_ekatte,
    scrub_personal_numbers,
)

DIGITS = st.text("0123456789", max_size=16)


@pytest.mark.parametrize(
    "text",
    ["131413749", "827105001", "831309045", "175074752", "000695146", "1750747520019", "8313090450014"],
)
def test_real_company_numbers_are_known(text: str) -> None:
    assert is_eik(text)


@pytest.mark.parametrize(
    "text",
    [
        "201593308",  # the one that a government test service invents
        "12345", "", "000000000", "695146", "BG175074752", " 175074752", "175074752\n", "1750747520018",
        "17507475а", "١٧٥٠٧٤٧٥٢", "²01593308",
    ],
)  # fmt: skip
def test_other_numbers_are_no_company(text: str) -> None:
    assert not is_eik(text)


@pytest.mark.parametrize(
    ("damaged", "whole"),
    [
        ("695146", "000695146"),
        ("695146.0", "000695146"),
        (" 175074752 ", "175074752"),
        ("BG175074752", "175074752"),
        ("12345", None),
        ("5", None),
        ("", None),
        ("201593308", None),
        ("7501020018", None),
    ],
)
def test_lost_zeros_come_back_only_where_the_check_digit_holds(damaged: str, whole: str | None) -> None:
    assert eik_from_damaged(damaged) == whole


@given(DIGITS)
def test_a_restored_number_is_always_a_valid_one(text: str) -> None:
    restored = eik_from_damaged(text)
    assert restored is None or is_eik(restored)


@pytest.mark.parametrize("text", ["68134", "00357", "07140", "02659", "55871", "00702"])
def test_real_settlement_codes_are_known(text: str) -> None:
    assert is_ekatte(text)


@pytest.mark.parametrize("text", ["68135", "00000", "6813", "681340", "SOF46", ""])
def test_other_texts_are_no_settlement(text: str) -> None:
    assert not is_ekatte(text)


@pytest.mark.parametrize(
    ("text", "kind", "parent"),
    [
        ("68134.8592.181", "parcel", None),
        ("68134.100.33.2", "building", "68134.100.33"),
        ("00702.200.110.3.11", "unit", "00702.200.110.3"),
        ("68134.100.0.2", "building", None),
        ("68134.100.0.2.5", "unit", "68134.100.0.2"),
    ],
)
def test_a_cadastral_identifier_tells_what_it_names_and_what_that_lies_in(
    text: str, kind: str, parent: str | None
) -> None:
    parts = cadastral_parts(text)
    assert parts is not None
    assert (str(parts), parts.kind, cadastral_parent(text)) == (text, kind, parent)


def test_cadastral_identifiers_sort_as_places_do() -> None:
    texts = ["68134.100.10", "68134.100.9", "68134.99.1"]
    assert sorted(texts, key=lambda text: cadastral_parts(text) or ("",)) == texts[::-1]
    assert cadastral_parts("68134.100.33.2") == CadastralId("68134", 100, 33, 2, None)


@pytest.mark.parametrize(
    "text",
    [
        "68134.8592.181 и 68134.8592.180", "68134", "68134.100", "68134.0.1", "68134.100.0", "68134.100.33.0",
        "68134.100.-33", "68134.100.033", "68135.100.33", "68134.100.33.2.1.1", "438", " 68134.100.33",
        "", "001001",
    ],
)  # fmt: skip
def test_other_texts_are_no_cadastral_identifier(text: str) -> None:
    assert not is_cadastral_id(text)
    assert cadastral_parent(text) is None


def egn(born: date, serial: str = "001") -> str:
    """The personal number of somebody born on a day."""
    month = born.month + {18: 20, 19: 0, 20: 40}[born.year // 100]
    digits = f"{born.year % 100:02}{month:02}{born.day:02}{serial}"
    return digits + str(
        sum(int(a) * b for a, b in zip(digits, (2, 4, 8, 5, 10, 9, 7, 3, 6), strict=True)) % 11 % 10
    )


@given(st.dates(date(1800, 1, 1), date(2099, 12, 31)), st.text("0123456789", min_size=3, max_size=3))
def test_everybodys_personal_number_is_known_and_scrubbed(born: date, serial: str) -> None:
    number = egn(born, serial)
    assert is_egn(number)
    assert contains_egn(f"Иван Иванов {number}, София")
    assert scrub_personal_numbers(f"x {number}.") == ("x [removed].", 1)


@pytest.mark.parametrize("text", ["7502300018", "7513010018", "7501020019", "750102001", "0888123456"])
def test_other_ten_digit_numbers_are_no_personal_number(text: str) -> None:
    assert not is_egn(text)
    assert find_personal_numbers(f"тел. {text}") == []


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("ЕГН 7501020019", "ЕГН [removed]"),
        ("EГH: 7501020019, л.к. № 641234567", "EГH: [removed], л.к. № [removed]"),
        ("с ЛНЧ №1001234567 и", "с ЛНЧ №[removed] и"),
        ("личен номер на чужденец 1001234567", "личен номер на чужденец [removed]"),
        ("ЕГН 750102 0018", "ЕГН [removed]"),
        ("от 7501020018 и 7501020018", "от [removed] и [removed]"),
    ],
)
def test_labelled_numbers_are_scrubbed_whatever_their_check_digit(text: str, scrubbed: str) -> None:
    found, count = scrub_personal_numbers(text)
    assert found == scrubbed
    assert count == scrubbed.count("[removed]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ЕИК 175074752",
        "УПИ XV - 180,181,2316",
        "68134.8592.181",
        "17507475200190",
        "тел. 02/9811234",
        "бл. 411",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert scrub_personal_numbers(text) == (text, 0)


@pytest.mark.parametrize("predicate", [is_eik, is_ekatte, is_cadastral_id, is_egn, contains_egn])
@given(text=st.text())
def test_no_text_is_too_odd_to_ask_about(predicate: Callable[[str], bool], text: str) -> None:
    assert predicate(text) in (True, False)


@given(st.text())
def test_scrubbing_leaves_no_personal_number(text: str) -> None:
    scrubbed, _ = scrub_personal_numbers(text)
    assert not contains_egn(scrubbed)


@pytest.mark.real
def test_published_companies_have_valid_numbers_or_get_their_zeros_back(real_data: Path) -> None:
    def numbers(file: str, column: str) -> list[str]:
        with (real_data / "sofia/businesses" / file).open(encoding="utf-8", newline="") as lines:
            return [row[column] for row in csv.DictReader(lines)]

    assert all(is_eik(each) for each in numbers("public_owned_companies.csv", "eik"))
    owners = numbers("renewable_plant_owners.csv", "bulstat")
    assert sum(is_eik(each) for each in owners) == 1258
    assert sum(eik_from_damaged(each) is not None for each in owners) == 1298


@pytest.mark.real
def test_every_published_settlement_code_is_valid(real_data: Path) -> None:
    with (real_data / "sofia/classifiers/settlements.csv").open(encoding="utf-8", newline="") as lines:
        codes = [row["ekatte"] for row in csv.DictReader(lines)]
    assert len(codes) == 5284
    assert all(is_ekatte(code) for code in codes)


@pytest.mark.real
def test_permits_name_parcels_buildings_and_units(real_data: Path) -> None:
    with gzip.open(real_data / "sofia/permits/building_permits_1991_2018.jsonl.gz") as lines:
        texts = [(json.loads(line)["Identifier"] or "").strip() for line in lines]
    found = [cadastral_parts(text) for text in texts if text]
    assert len(found) == 11_400
    # Fourteen more have the form, but a mistyped settlement: 69134, 68131, 86134 for Sofia's 68134.
    assert Counter(each.kind if each else None for each in found) == {
        None: 7158,
        "parcel": 3482,
        "building": 479,
        "unit": 281,
    }


@given(st.from_regex(r"\A(68134|00357|68135)(\.[0-9]{1,2}){0,4}\.?\Z"))
def test_the_form_of_a_building_says_the_same_as_taking_its_identifier_apart(text: str) -> None:
    parts = cadastral_parts(text)
    whole = parts is not None and parts.kind == "building"
    assert (re.search(BUILDING_FORM, text) is not None and is_ekatte(text[:5])) == whole
