"""The noise on the sample's seats: what it leaves of an address, and what it then demands of a linking."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from loaders.sample import write_sample
from tests.noise import City, House, Place, Seat, type_anew


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("noise")
    write_sample(made, buildings=1_000, businesses=4_000, seed=3)
    return made


@pytest.fixture(scope="module")
def typed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Seat]]:
    copy = tmp_path_factory.mktemp("typed") / "sample"
    shutil.copytree(folder, copy)
    return copy, type_anew(copy, seed=3)


def test_the_same_seed_types_the_same(folder: Path, typed: tuple[Path, list[Seat]], tmp_path: Path) -> None:
    for seed, same in ((3, True), (4, False)):
        copy = tmp_path / str(seed)
        shutil.copytree(folder, copy)
        assert (type_anew(copy, seed=seed) == typed[1]) is same
        one, other = (path / "businesses" / "register_1.xml" for path in (copy, typed[0]))
        assert (one.read_bytes() == other.read_bytes()) is same


def test_only_seats_are_typed_anew(folder: Path, typed: tuple[Path, list[Seat]]) -> None:
    seat = re.compile(r"(?<=<Settlement>гр. София</Settlement>).*?(?=</Address>)")
    before, after = (
        (path / "businesses" / "register_1.xml").read_text(encoding="utf-8") for path in (folder, typed[0])
    )
    assert before != after
    assert seat.sub("", before) == seat.sub("", after)


def test_a_fifth_is_damaged_and_most_still_say_where_they_are(typed: tuple[Path, list[Seat]]) -> None:
    seats = typed[1]
    there = [seat for seat in seats if seat.building]
    assert 0.85 < len(there) / len(seats) < 0.95
    assert 0.93 < sum(seat.counts for seat in there) / len(there) < 0.99
    kinds = Counter(kind for seat in seats for kind in seat.kinds)
    assert 0.07 < kinds["typo"] / len(there) < 0.13
    assert len(kinds) > 35
    for never in ("no house", "nowhere", "elsewhere", "district"):
        assert not any(seat.counts for seat in seats if never in seat.kinds)
    assert all(seat.counts for seat in seats if seat.kinds == {"plain"})


def test_a_text_counts_when_a_reader_with_all_addresses_would_name_one_building() -> None:
    city = City()
    for name, number, district, building in (
        ("Бяла чешма", "5", "01", "a"), ("Бяла чешма", "7", "01", "b"), ("Бяла чешма", "5", "02", "c"),
        ("Стара чешма", "9", "01", "d"), ("Проф. Явор Липов", "3", "01", "e"), ("Бела чешма", "7", "01", "f"),
    ):  # fmt: skip
        city.streets.add(name, number, House(district, building))
    city.areas.add("Бели липи 2", "204", House("01", "g"))

    def street(name: str, number: str, district: str = "01") -> set[str]:
        return city.buildings(Place(district, street=name, number=number))

    assert street("Бяла чешма", "5") == {"a"}
    assert street("Бяла чешма", "5", district="") == {"a", "c"}
    # the house is not in the stated district, and once in the city
    assert street("Бяла чешма", "7", district="02") == {"b"}
    assert street("Бял чешма", "5") == {"a"}
    assert street("Бялла чешма", "7") == {"b"}
    # as near to Бяла as to Бела
    assert street("Бла чешма", "7") == {"b", "f"}
    assert street("Липов", "3") == street("Проф. Липов", "3") == street("Я. Липов", "3") == {"e"}
    assert street("Стара чеш.", "9") == {"d"}
    assert street("Бяла чешма", "") == street("Бяла чешма", "6") == set()
    assert city.buildings(Place("01", area="Бели липи", block="204")) == {"g"}
    assert city.buildings(Place("01", block="204")) == {"g"}
