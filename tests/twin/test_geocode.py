"""Where an address text is, how surely and how exactly; and what a position has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.bench.geocoding import DATASETS, outlets
from tests.town import Grid, Town
from twin import database
from twin.addresses import match_key, parse_address
from twin.cli import main
from twin.entities import BY_NAME
from twin.geocode import Level, Match, asked, geocode, reverse_geocode, reverse_statement, statement
from twin.links import relink_all

# metres: ten between two neighbouring marks
GRID = Grid("""
    A . . . . B . . . . C
    . a b . . . . . n . .
    . d c . . . . . . . .
    . q . r . . . . . s .
    F . . . . E . . . . D
""")


class Asked(Town):
    """A town whose addresses can be looked for."""

    def house(self, key: str, text: str, at: str, **columns: Any) -> None:
        parts = parse_address(text)
        self.add(
            "Address", key, text=text, street=parts.street or None, position=GRID[at],
            match_key=match_key(parts, settlement="sofia"), **columns,
        )  # fmt: skip

    def relink(self) -> None:
        with database.connect(self.url, city=self.city.name) as connection:
            relink_all(connection)

    def find(self, text: str, first: int = 5) -> list[Match]:
        with database.connect(self.url, city=self.city.name) as connection:
            return next(iter(geocode(connection, [text], first=first)))

    def plan(self, query: Any, values: dict[str, Any]) -> str:
        with database.connect(self.url, city=self.city.name) as connection:
            connection.execute("SET enable_seqscan = off")
            rows = connection.execute(b"EXPLAIN " + query.as_bytes(connection), values).fetchall()
        return "\n".join(row[0] for row in rows)


@pytest.fixture
def town(database_url: str) -> Iterator[Asked]:
    made = Asked(database_url)
    made.add("District", "W", code="W", name_bg="Запад", boundary=GRID["ABEF"])
    made.add("District", "O", code="O", name_bg="Изток", boundary=GRID["BCDE"])
    made.add("Building", "B1", footprint=GRID["abcd"])
    made.house("1", "ул. Шипка 1, вх. А", "a")
    made.house("2", "ул. Шипка 1, вх. Б", "b")
    made.house("3", "ул. Шипка 7", "q")
    made.house("4", "ж.к. Люлин 8, бл. 819", "n")
    yield made
    for entity in BY_NAME.values():
        made.run(f"TRUNCATE {entity.table.name}")
    made.run("TRUNCATE area_part, gazetteer, address_history, site_history, link_history")


def test_a_house_is_found_with_its_building_and_its_entrance(town: Asked) -> None:
    town.relink()
    [found] = town.find("гр. София, ул. „Шипка“ №1, вх. Б")
    assert (found.level, found.address, found.building, found.district) == (Level.BUILDING, "2", "B1", "W")
    assert found.score > 0.9
    assert found.reason == 'house, entrance; street "shipka"'


def test_a_block_of_an_estate_is_found_by_its_number(town: Asked) -> None:
    town.relink()
    [found] = town.find("Sofia, zh.k. Lyulin 8, bl. 819")
    assert (found.level, found.address, found.building) == (Level.ADDRESS, "4", None)


def test_misspelt_names_are_corrected_and_less_sure(town: Asked) -> None:
    town.relink()
    found = town.find("ул. Шипкка 1")[0]
    assert (found.level, found.building) == (Level.BUILDING, "B1")
    assert 'street "shipka" for "shipkka"' in found.reason
    assert found.score < 0.9


def test_an_unknown_number_falls_back_to_the_nearest_and_then_to_the_street(town: Asked) -> None:
    town.relink()
    [near] = town.find("ул. Шипка 9")
    assert (near.level, near.reason) == (Level.STREET, 'nearest number 7; street "shipka"')
    assert near.expected_error_m == 35
    [street] = town.find("ул. Шипка")
    assert (street.level, street.address, street.street) == (Level.STREET, None, "shipka")


def test_the_finest_place_that_is_known_is_told_down_to_the_district_and_nothing_of_elsewhere(
    town: Asked,
) -> None:
    town.relink()
    assert [one.level for one in town.find("ж.к. Люлин 8, бл. 3")] == [Level.NEIGHBOURHOOD]
    assert [one.level for one in town.find("район Изток, ул. Непозната 3")] == [Level.DISTRICT]
    assert town.find("гр. Пловдив, ул. Шипка 1") == []
    assert town.find("") == []


def test_a_street_that_is_there_twice_gives_two_candidates_unless_the_district_is_named(town: Asked) -> None:
    for number, metres in enumerate((0, 4_000)):
        town.run(
            "INSERT INTO address (key, text, street, match_key, position, recorded_at, sources, district) VALUES"
            f" ('r{number}', 'x', 'роза', 'sofia|roza|5#', ST_SetSRID(ST_MakePoint(321000 + {metres}, 4731000),"
            f" 7801), now(), '{{town}}', NULL)"
        )
    town.relink()
    both = town.find("ул. Роза 5")
    assert [one.address for one in both] == ["r0", "r1"]
    assert all(one.score < 0.5 and "one of 2" in one.reason for one in both)
    assert town.find("район Запад, ул. Роза 5")[0].address == "r0"


def test_names_run_together_are_told_apart(town: Asked) -> None:
    town.relink()
    found = town.find("ЛЮЛИН 8 ШИПКА № 7")[0]
    assert found.address == "3"
    assert "among the words" in found.reason


def test_a_position_has_the_nearest_houses_then_the_street_then_its_areas(town: Asked) -> None:
    town.add("StreetSegment", "s", name="ул. Дълга", name_folded="ul dalga", centreline=GRID["sD"])
    town.relink()
    with database.connect(town.url, city=town.city.name) as connection:

        def near(lon: float, lat: float, within_m: float) -> list[Match]:
            return reverse_geocode(connection, lon, lat, within_m=within_m)

        def lonlat(mark: str) -> tuple[float, float]:
            row = connection.execute(
                "SELECT ST_X(p), ST_Y(p) FROM ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), 7801), 4326) AS p",
                [GRID[mark].x, GRID[mark].y],
            ).fetchone()
            assert row is not None
            return row[0], row[1]

        on_it = near(*lonlat("b"), 15)[0]
        assert (on_it.level, on_it.building, on_it.address) == (Level.BUILDING, "B1", "2")
        [street] = near(*lonlat("s"), 5)
        assert (street.level, street.street, street.district) == (Level.STREET, "dalga", "O")
        [area] = near(*lonlat("r"), 5)
        assert (area.level, area.district) == (Level.DISTRICT, "W")


def test_names_houses_and_neighbours_are_read_from_indexes(town: Asked) -> None:
    town.relink()
    from psycopg.sql import SQL

    values = {"parsed": asked([parse_address("ул. Шипкка 1")]), "first": 1}
    plan = town.plan(statement(SQL("%(parsed)s"), SQL("%(first)s"), similar="%%"), values)
    for index in ("gazetteer_kind_name_idx", "address_match_key_idx", "site_match_key_idx"):
        assert index in plan
    query = reverse_statement(SQL("%(places)s"), SQL("%(within)s::float8"), SQL("%(first)s"))
    plan = town.plan(query, {"places": "[]", "within": 50, "first": 5})
    for index in ("idx_address_position", "idx_building_footprint", "idx_street_segment_centreline"):
        assert index in plan


def test_a_table_is_written_again_with_where_each_row_is(
    town: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.relink()
    monkeypatch.setenv("TWIN_DATABASE_URL", town.url)
    file = tmp_path / "list.csv"
    file.write_bytes('name;Адрес\r\nпърви;"ул. Шипка 7"\r\nвтори;гр. Пловдив\r\n'.encode("cp1251"))
    done = CliRunner().invoke(main, ["geocode", str(file), "--city", "town"])
    assert done.exit_code == 0, done.output
    header, first, second = done.stdout.splitlines()
    assert header == (
        "name,Адрес,longitude,latitude,level,building,address,district,score,expected_error_m,reason"
    )
    assert first.startswith("първи,ул. Шипка 7,23.")
    assert ",BUILDING,B1,3,W," in first
    assert second == "втори,гр. Пловдив,,,,,,,,,"
    wrong = CliRunner().invoke(main, ["geocode", str(file), "--city", "town", "--column", "street"])
    assert wrong.exit_code == 2
    assert 'there is no column "street"; there are name, Адрес' in " ".join(wrong.stderr.split())


def test_a_table_can_be_replaced_and_is_when_all_of_it_is_found(
    town: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.relink()
    monkeypatch.setenv("TWIN_DATABASE_URL", town.url)
    file = tmp_path / "list.csv"
    rows = "".join(f"{n},ул. Шипка 7,x\n" for n in range(5_000))
    asked_for = ["geocode", str(file), "--city", "town", "--output", str(file)]
    for content, exit_code, said in (
        (f"id,address,Longitude\n{rows}", 2, 'there is no column "street"'),
        (f"id,address,Longitude\n{rows}1,2,3,4\n".encode() + b"1,\xff\xfe\n", 2, "utf-8"),
    ):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        before = file.read_bytes()
        more = ["--column", "street"] if "street" in said else []
        wrong = CliRunner().invoke(main, [*asked_for, *more])
        assert wrong.exit_code == exit_code
        assert said in wrong.stderr
        assert file.read_bytes() == before
    file.write_text(f"id,address,Longitude\n{rows}", encoding="utf-8")
    done = CliRunner().invoke(main, asked_for)
    assert done.exit_code == 0, done.output
    header, *found = file.read_text(encoding="utf-8").splitlines()
    assert header == (
        "id,address,Longitude,twin_longitude,latitude,level,building,twin_address,district,score,"
        "expected_error_m,reason"
    )
    assert len(found) == 5_000
    assert found[-1].startswith("4999,ул. Шипка 7,x,23.")
    assert list(tmp_path.iterdir()) == [file]
    nowhere = CliRunner().invoke(main, [*asked_for[:-1], str(tmp_path / "none" / "x.csv")])
    assert nowhere.exit_code == 2
    assert "No such file or directory" in nowhere.stderr


@pytest.mark.real
def test_addresses_of_real_outlets_tell_their_district(database_url: str, real_data: Path) -> None:
    from loaders.catalogue import catalogue
    from loaders.run import load

    load(database_url, catalogue("sofia"), real_data / "sofia", only=DATASETS)
    with database.connect(database_url, city="sofia") as connection:
        tried = list(outlets(connection))
    enough = [one for one in tried if one.says_enough]
    assert len(enough) > 0.4 * len(tried)
    assert sum(one.is_right for one in enough) >= 0.95 * len(enough)
