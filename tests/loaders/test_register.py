"""Deeds of the Commercial Register become businesses and their seats; what is a person's goes no further."""

from __future__ import annotations

import pytest

from tests.loaders.deeds import GRID, HEAD, ONE, THREE, TWO, deed, everything, export, field, seat, whole
from tests.loaders.town import LoadTown, lonlat


def test_a_deed_becomes_a_business_and_its_seat(register: LoadTown) -> None:
    activity = '<SubjectOfActivityNKID codeNkid="4711" textNkid="x" FieldActionDate="2020-01-02"/>'
    latin = field("Transliteration", "FIRST LTD", "2020-01-02")
    register.write(
        "1.xml",
        export(
            deed(
                ONE, field("Company", "ПЪРВА", "2020-01-02"), field("LegalForm", "", "2020-01-03"),
                seat("ул. Шипка", "2020-01-02"), activity, latin, form="ЕООД", status="E",
            )
        ),
    )  # fmt: skip
    assert register.load().exit_code == 0
    assert register.rows(
        "SELECT key, eik, legal_name, legal_name_latin, legal_form, status, activity, natural_person_like,"
        " registered_on::text FROM business"
    ) == [(ONE, ONE, "ПЪРВА", "FIRST LTD", "EOOD", "E", "4711", False, "2020-01-02")]
    assert register.rows(
        "SELECT key, kind, name, name_latin, business, address_text, match_key, district FROM site"
    ) == [
        (
            f"{ONE}-seat", "SEAT", "ПЪРВА", "FIRST LTD", ONE, "гр. София, ул. Шипка № 5", "sofia|shipka|5#", "68134-09",
        )
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["ET", "ЕТ"])
def test_a_sole_trader_shows_neither_name_nor_address(register: LoadTown, form: str) -> None:
    register.write("1.xml", export(whole(ONE, "ИВАН ИВАНОВ - 23", "ул. Тайна", "2020-01-02", form=form)))
    register.load()
    assert register.rows(
        "SELECT legal_name, legal_name_latin, legal_name_folded, legal_form, natural_person_like FROM business"
    ) == [(None, None, None, "ET", True)]
    assert register.rows(
        "SELECT name, name_latin, address_text, match_key, business, district FROM site"
    ) == [(None, None, None, None, ONE, "68134-09")]
    everything = str([register.rows(f'SELECT t::text FROM "{table}" AS t') for table in register.versions()])
    for secret in ("ИВАН", "IVAN", "Тайна", "ivan"):
        assert secret not in everything


def test_the_latest_word_on_each_field_counts_whatever_the_order_of_files(register: LoadTown) -> None:
    register.write("1.xml", export(deed(ONE, seat("ул. Нова", "2024-05-05"))))
    register.write(
        "2.xml",
        export(
            whole(ONE, "СТАРА", "ул. Стара", "2020-01-02"),
            deed(ONE, field("Company", "НОВА", "2023-03-03"), status="C"),
        ),
    )
    register.load()
    [(name, status, registered)] = register.rows(
        "SELECT legal_name, status, registered_on::text FROM business"
    )
    assert (name, status, registered) == ("НОВА", "N", "2020-01-02")
    assert register.rows("SELECT address_text FROM site") == [("гр. София, ул. Нова № 5",)]
    assert register.rows("SELECT count(*) FROM notice WHERE rule LIKE '%%duplicate'") == [(0,)]


def test_what_is_erased_is_gone(register: LoadTown) -> None:
    register.write("1.xml", export(whole(ONE, "ИМЕ", "ул. Шипка", "2020-01-02")))
    register.write(
        "2.xml",
        export(
            deed(
                ONE, field("Company", "ИМЕ", "2024-05-05", "Erase"), seat("ул. Шипка", "2024-05-05", "Erase")
            )
        ),
    )
    register.load()
    assert register.rows("SELECT legal_name, legal_form FROM business") == [(None, "EOOD")]
    assert register.rows("SELECT count(*) FROM site WHERE address_text IS NOT NULL") == [(0,)]


def test_bad_numbers_are_refused_each_with_one_notice(register: LoadTown) -> None:
    register.write(
        "1.xml",
        export(whole("12345", "А", "ул. А", "2020-01-02"), "<Deed/>", whole(TWO, "Б", "ул. Б", "2020-01-02")),
    )
    report = register.load()["register"]
    assert report.records == 3
    assert register.rows("SELECT key FROM business") == [(TWO,)]
    assert register.rows("SELECT key FROM site") == [(f"{TWO}-seat",)]
    assert register.rows("SELECT rule, position, field, value FROM notice ORDER BY rule") == [
        ("bad-identifier", "deed 1", "uic", "12345"),
        ("deed-without-attributes", "deed 2", None, "line 1"),
    ]


def test_leading_zeros_survive(register: LoadTown) -> None:
    register.write("1.xml", export(whole(THREE, "А", "ул. А", "2020-01-02")))
    register.load()
    assert register.rows("SELECT key, eik FROM business") == [(THREE, THREE)]


def test_a_seat_finds_its_address_and_building(register: LoadTown) -> None:
    register.features("b.geojson", ({"id": "b1"}, lonlat(GRID["abcd"])))
    register.describe(
        'key = "b"\nformat = "vector"\nfile = "b.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.Building]\nkey = "id"\nfootprint = "geometry"\n'
    )
    point = lonlat(GRID["c"])
    register.write("a.csv", f"id,street,number,lon,lat\n1,ул. Шипка,5,{point.x},{point.y}\n")
    register.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Address]\nkey = { from = "id", prefix = "a-" }\ntext = { format = "{street} {number}" }\n'
        'match_key = { address = { street = "street", number = "number" }, settlement = "София" }\n'
        'position = "geometry"\n'
    )
    register.write("1.xml", export(whole(ONE, "А", "УЛ. „ШИПКА“", "2020-01-02")))
    register.load()
    assert register.rows("SELECT address, building, district FROM site") == [("a-1", "b1", "68134-09")]
    assert register.rows(
        "SELECT key, method, score, evidence::text, status FROM link WHERE subject_type = 'Site' ORDER BY key"
    ) == [
        (
            f"AT_ADDRESS/Site/{ONE}-seat/a-1", "ADDRESS_MATCH", 0.98,
            '{"matched" : ["house","district"], "addresses" : 1}', "ACCEPTED",
        ),
        (
            f"IN_BUILDING/Site/{ONE}-seat/b1", "ADDRESS_MATCH", 0.98, '{"address" : "a-1"}', "ACCEPTED",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("precedence", ["", '[precedence]\nBusiness = ["register", "owned"]\n'])
def test_a_business_that_becomes_a_sole_trader_leaves_no_name_or_address_behind(
    register: LoadTown, precedence: str
) -> None:
    register.head = HEAD + precedence
    if precedence:
        register.write("o.csv", f"eik,name\n{ONE},ИВАН ИВАНОВ ДВЕ\n")
        register.describe(
            'key = "owned"\nformat = "tabular"\nfile = "o.csv"\n'
            '[dataset.Business]\nkey = { attribute = "eik" }\neik = "eik"\nlegal_name = "name"\n'
        )
    point = lonlat(GRID["c"])
    register.write("a.csv", f"id,street,number,lon,lat\n1,ул. Тайна,5,{point.x},{point.y}\n")
    register.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Address]\nkey = { from = "id", prefix = "address-" }\ntext = "number"\n'
        'match_key = { address = { street = "street", number = "number" }, settlement = "София" }\n'
        'position = "geometry"\n'
    )
    other = whole(TWO, "ДРУГА", "ул. Тайна", "2020-01-02")
    register.write("1.xml", export(whole(ONE, "ИВАН ИВАНОВ", "ул. Тайна", "2020-01-02"), other))
    assert register.load().exit_code == 0
    assert register.rows("SELECT count(*) FROM link") == [(2,)]
    register.write("1.xml", export(whole(ONE, "ИВАН", "ул. Тайна", "2024-01-02", form="ET"), other))
    assert register.load().exit_code == 0
    assert register.rows("SELECT count(*) > 0 FROM business_history") == [(True,)]
    assert register.rows("SELECT subject_key FROM link") == [(f"{TWO}-seat",)]
    assert register.rows("SELECT subject_key FROM link_history") == []
    assert register.rows("SELECT legal_name FROM business WHERE key = %s", ONE) == [(None,)]
    assert register.rows("SELECT address, district FROM site WHERE business = %s", ONE) == [
        (None, "68134-09")
    ]
    for secret in ("ИВАН", "IVAN", "ivan"):
        assert secret not in everything(register)
    assert register.rows(
        "SELECT DISTINCT name, address_text, match_key, address FROM site_history WHERE business = %s", ONE
    ) == [(None, None, None, None)]
    assert register.rows("SELECT address FROM site WHERE business = %s", TWO) == [("address-1",)]


@pytest.mark.parametrize("gone", ["person", "erased"])
def test_an_outlet_does_not_tell_the_name_that_a_business_had(register: LoadTown, gone: str) -> None:
    point = lonlat(GRID["c"])
    rows = f"1,Будка,ИВАН ИВАНОВ,,{point.x},{point.y}\n2,Ъгъл,,{ONE},{point.x},{point.y}\n"
    register.write("s.csv", f"id,name,operator,eik,lon,lat\n{rows}")
    register.describe(
        'key = "s"\nformat = "tabular"\nfile = "s.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        '[dataset.Site]\nkey = "id"\nkind = { value = "OUTLET" }\nname = "name"\noperator = "operator"\n'
        'business_hint = "eik"\nposition = "geometry"\n'
    )
    register.write("1.xml", export(whole(ONE, "ИВАН ИВАНОВ", "ул. Тайна", "2020-01-02")))
    assert register.load().exit_code == 0
    matched = "SELECT subject_key FROM {} WHERE type = 'SITE_OF' AND method = 'NAME_MATCH'"
    outlets = "SELECT key, business FROM site WHERE kind = 'OUTLET' ORDER BY key"
    assert register.rows(matched.format("link")) == [("1",)]
    assert register.rows(outlets) == [("1", ONE), ("2", ONE)]
    changed = {
        "person": whole(ONE, "ИВАН", "ул. Тайна", "2024-01-02", form="ET"),
        "erased": deed(ONE, field("Company", "", "2024-01-02", "Erase")),
    }
    register.write("1.xml", export(changed[gone]))
    assert register.load().exit_code == 0
    assert register.rows("SELECT legal_name FROM business") == [(None,)]
    assert register.rows(matched.format("link")) == register.rows(matched.format("link_history")) == []
    assert register.rows(outlets) == [("1", None), ("2", ONE)]
    assert register.rows("SELECT business FROM site_history WHERE key = '1' AND business IS NOT NULL") == []
    assert register.rows("SELECT method FROM link WHERE type = 'SITE_OF' AND subject_key = '2'") == [
        ("SAME_KEY",)
    ]


@pytest.mark.parametrize(("attribute", "code"), [("EOOD", "1"), ("ET", "10"), ("", "ET")])
def test_either_word_for_the_legal_form_withholds_the_name(
    register: LoadTown, attribute: str, code: str
) -> None:
    entry = f'FieldEntryNumber="1" FieldActionDate="2020-01-02T10:00:00" Code="{code}"'
    register.write(
        "1.xml",
        export(
            deed(
                ONE, field("Company", "ИВАН", "2020-01-02"), f"<LegalForm {entry}/>",
                seat("ул. Тайна", "2020-01-02"), form=attribute,
            )
        ),
    )  # fmt: skip
    register.load()
    assert register.rows("SELECT legal_name, natural_person_like FROM business") == [(None, True)]
    assert register.rows("SELECT name, address_text, match_key FROM site") == [(None, None, None)]
