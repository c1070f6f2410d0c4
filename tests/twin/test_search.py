"""What people type, read; and the words that it may be meant for."""

from __future__ import annotations

import pytest

from twin.entities import BY_NAME, ENTITIES
from twin.errors import BadRequest
from twin.search import IDENTIFIED, SEARCHED, TYPES, question


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("ул. Шипка 14А", "shipka 14a", ("shipka", "14a")),
        ("Люлин, бл. 12", "lyulin bl 12", ("lyulin", "bl12")),
        ("ж.к. Младост 1", "mladost 1", ("mladost", "1")),
        ("бул. бул. Витоша", "vitosha", ("vitosha",)),
        ("шипка Шипка SHIPKA", "shipka shipka shipka", ("shipka",)),
    ],
)
def test_words_for_kinds_of_places_do_not_decide(text: str, name: str, words: tuple[str, ...]) -> None:
    asked = question(text)
    assert (asked.name, asked.words) == (name, words)


def test_a_word_for_a_kind_alone_is_looked_for() -> None:
    assert question("ул.").words == ("ul",)
    assert question("ж.к.").words == ("zh", "k")


def test_spellings_one_letter_away() -> None:
    near = {word for _, word in question("shipka").near}
    assert {"shpika", "shika", "shibka", "shipkka", "hipka"} <= near
    assert "shipka" not in near
    assert {i for i, _ in question("shipka lyulin 14").near} == {1, 2}


def test_short_words_and_numbers_have_no_other_spelling() -> None:
    assert question("лук 1234 бл12 14а").near == ()


@pytest.mark.parametrize("text", ["", " ", "?!", "ш" * 201, "шип\0ка", " ".join(map(str, range(11)))])
def test_what_is_nothing_to_look_for_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        question(text, "search.text")
    assert refused.value.where == "search.text"


def test_what_is_searched_is_public() -> None:
    for name in TYPES:
        assert BY_NAME[name].is_city_entity
        fields = BY_NAME[name].fields
        for attribute in (*getattr(SEARCHED.get(name), "fields", ()), *IDENTIFIED.get(name, ())):
            assert not fields[attribute].personal
            assert not fields[attribute].hidden


def test_whatever_has_a_name_can_be_searched() -> None:
    named = {e.name for e in ENTITIES if e.is_city_entity and e.label} - {"BuildingSolid", "Observation"}
    assert named <= set(TYPES)
