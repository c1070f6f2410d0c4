"""Where the names that addresses use lie: streets, estates, districts and settlements, each once or twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shapely

from tests.town import ORIGIN, Grid, Town
from twin import database
from twin.addresses import match_key, parse_address
from twin.entities import BY_NAME
from twin.gazetteer import refresh_gazetteer
from twin.links import relink, relink_all

# metres: ten between two neighbouring marks
GRID = Grid("""
    A . . . . B . . . . C
    . . p . . . . n . . .
    . . . . . . . . . . .
    . q . r . . . . . . .
    F . . . . E . . . . D
""")


class Named(Town):
    """A town whose gazetteer can be made and looked at."""

    def relink(self) -> None:
        with database.connect(self.url, city=self.city.name) as connection:
            relink_all(connection)

    def change(self, entity: str, where: str) -> None:
        """Link what a load wrote, which were the rows that the condition tells."""
        with database.connect(self.url, city=self.city.name) as connection:
            table = BY_NAME[entity].table.name
            connection.execute(f"UPDATE {table} SET recorded_at = now() WHERE {where}".encode())
            relink(connection, [entity])

    def refresh(self) -> bool:
        with database.connect(self.url, city=self.city.name) as connection:
            return refresh_gazetteer(connection)

    def names(self, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        with database.connect(self.url, city=self.city.name) as connection:
            statement = f"SELECT {columns} FROM gazetteer WHERE {where} ORDER BY kind, name, 1, 2, 3"
            return connection.execute(statement.encode()).fetchall()

    def house(self, key: str, text: str, at: Any, **columns: Any) -> None:
        """An address as a loader writes it."""
        parts = parse_address(text)
        made = match_key(parts, settlement="sofia")
        street = parts.street or None
        self.add("Address", key, text=text, street=street, match_key=made, position=at, **columns)


@pytest.fixture
def town(database_url: str) -> Iterator[Named]:
    made = Named(database_url)
    made.add("District", "W", code="W", name_bg="Запад", boundary=GRID["ABEF"])
    made.add("District", "O", code="O", name_bg="р-н Изток", boundary=GRID["BCDE"])
    yield made
    for entity in BY_NAME.values():
        made.run(f"TRUNCATE {entity.table.name}")
    made.run("TRUNCATE area_part, gazetteer, address_history, site_history")


def far(metres: float) -> shapely.Point:
    return shapely.Point(ORIGIN[0] + metres, ORIGIN[1])


def test_districts_and_neighbourhoods_lie_in_their_middle_and_reach_as_far_as_most_of_their_land(
    town: Named,
) -> None:
    town.add("Neighbourhood", "n", name="ЖК. ЛЮЛИН VIII", boundary=GRID["BCDE"])
    town.relink()
    found = town.names("kind, name, entity, key, district, neighbourhood, reach_m", "key IS NOT NULL")
    assert [row[:-1] for row in found] == [
        ("AREA", "lyulin 8", "Neighbourhood", "n", "O", "n"),
        ("DISTRICT", "iztok", "District", "O", "O", None),
        ("DISTRICT", "zapad", "District", "W", "W", None),
    ]
    # a field of 50 by 40 m: its corners are 32 m from the middle, nine tenths of it within 27
    assert all(20 < reach < 32 for *_, reach in found)


def test_a_village_among_the_neighbourhoods_is_a_settlement(town: Named) -> None:
    town.add("Neighbourhood", "n", name="С. БАЛША", boundary=GRID["BCDE"])
    town.relink()
    assert town.names("name, settlement, key", "kind = 'SETTLEMENT' AND key IS NOT NULL") == [
        ("balsha", "balsha", "n")
    ]


def test_a_street_is_where_its_houses_are_and_in_the_district_of_nearly_all_of_them(town: Named) -> None:
    town.house("1", "ул. Шипка 1", GRID["q"])
    town.house("2", "ул. Шипка 2", GRID["r"])
    town.house("3", "ул. Дълга 1", GRID["p"])
    town.house("4", "ул. Дълга 9", GRID["n"])
    town.relink()
    assert town.names("name, settlement, entity, key, district", "kind = 'STREET'") == [
        ("dalga", "sofia", "Address", None, None),
        ("shipka", "sofia", "Address", None, "W"),
    ]


def test_streets_of_one_name_far_apart_are_two(town: Named) -> None:
    for number, metres in enumerate((0, 600, 1200, 4000, 4300)):
        town.house(str(number), f"ул. Роза {number + 1}", far(metres))
    town.relink()
    assert [row[0] for row in town.names("round(reach_m / 100), 2, 3", "name = 'roza'")] == [2, 6]


def test_segments_and_sites_that_have_a_place_tell_where_streets_are(town: Named) -> None:
    town.add("StreetSegment", "s", name="ул. Проф. Иван Шишманов", centreline=GRID["qr"])
    town.add("Site", "s", kind="OUTLET", match_key="sofia|hristo botev|3#", position=GRID["n"])
    town.add("Site", "nowhere", kind="OUTLET", match_key="sofia|hristo smirnenski|3#")
    town.relink()
    assert town.names("name, entity, district", "kind = 'STREET'") == [
        ("hristo botev", "Site", "O"),
        ("profesor ivan shishmanov", "StreetSegment", "W"),
    ]


def test_estates_are_known_from_addresses_with_and_without_streets(town: Named) -> None:
    town.house("1", "ж.к. Люлин 8, бл. 819", GRID["p"])
    town.house("2", "ул. Шипка 4", GRID["n"], estate="кв. Яворов")
    town.relink()
    assert town.names("name, entity, district", "kind = 'AREA'") == [
        ("lyulin 8", "Address", "W"),
        ("yavorov", "Address", "O"),
    ]


def test_a_place_that_two_sources_know_is_there_once(town: Named) -> None:
    town.add("Neighbourhood", "n", name="ЖК. ЛЮЛИН 8", boundary=GRID["ABEF"])
    town.add("NamedPlace", "p", name="жк. Люлин 8", boundary=GRID["ABEF"])
    town.house("1", "ж.к. Люлин 8, бл. 819", GRID["p"])
    town.relink()
    assert town.names("name, entity, key", "kind = 'AREA'") == [("lyulin 8", "Neighbourhood", "n")]


def test_the_parts_of_an_estate_are_known_together_by_the_name_alone(town: Named) -> None:
    town.add("Neighbourhood", "1", name="ж.к. Младост 1", boundary=GRID["ABEF"])
    town.add("Neighbourhood", "1a", name="ж.к. Младост 1А", boundary=GRID["BCDE"])
    town.relink()
    assert town.names("name, key, district", "name = 'mladost'") == [("mladost", None, None)]


def test_nothing_is_written_where_nothing_changed(town: Named) -> None:
    town.house("1", "ул. Шипка 1", GRID["q"])
    town.relink()
    before = town.names("ctid::text, xmin::text, number")
    assert not town.refresh()
    assert town.names("ctid::text, xmin::text, number") == before
    town.house("2", "ул. Роза 1", GRID["r"])
    assert town.refresh()


def test_what_a_change_of_sites_alone_tells_of_places_is_taken_up(town: Named) -> None:
    town.house("h", "ул. Шипка 6", GRID["p"])
    town.relink()
    for n, (text, mark) in enumerate((("ул. Оборище 1", "n"), ("ул. Тайна 1", None))):
        key = match_key(parse_address(text), settlement="sofia")
        town.add("Site", f"s{n}", kind="OUTLET", match_key=key, position=mark and GRID[mark],
                 recorded_at="2999-01-01")  # fmt: skip
    town.change("Site", "recorded_at = '2999-01-01'")
    streets = town.names("name, entity, settlement", "kind = 'STREET'")
    assert streets == [("oborishte", "Site", "sofia"), ("shipka", "Address", "sofia")]
    main = "kind = 'SETTLEMENT' AND entity = 'District'"
    assert town.names("kind, entity, name", main) == [("SETTLEMENT", "District", "sofia")]
    for n in range(5):
        key = match_key(parse_address("гр. Перник, ул. Миньор 1"))
        town.add("Site", f"t{n}", kind="SEAT", match_key=key, recorded_at="2999-01-01")
    town.change("Site", "recorded_at = '2999-01-01'")
    assert town.names("kind, entity, name", main) == [("SETTLEMENT", "District", "pernik")]
