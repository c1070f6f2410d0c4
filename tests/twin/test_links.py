"""Which area a thing lies in and which building it stands in: by place, by key, by address, and how surely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shapely

from tests.town import Grid, Town
from twin import database, search
from twin.addresses import match_key, parse_address
from twin.claims import FAMILIES
from twin.entities import BY_NAME
from twin.links import relink_all
from twin.text import fold

# metres: ten between two neighbouring marks
GRID = Grid("""
    A . . . . B . . . . C
    . a b . . . . . . . .
    . d c p . k l m . . .
    . . . . . n . o . . .
    . . . r . . . . . . .
    . . . . . . . . . . .
    . e f . . . g . h . .
    . j i . . . q . t . .
    F . . . . E . . . . D
    . . . . . . . . . . .
    z . . . . . . . . . y
""")


class Linked(Town):
    """A town whose links can be made and looked at."""

    def relink(self) -> tuple[int, int, int]:
        with database.connect(self.url, city=self.city.name) as connection:
            done = relink_all(connection)
        return done.areas, done.claims, done.rewritten

    def relink_what_is_stale(self) -> tuple[int, int, int]:
        with database.connect(self.url, city=self.city.name) as connection:
            done = relink_all(connection, again=False)
        return done.areas, done.claims, done.rewritten

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with database.connect(self.url, city=self.city.name) as connection:
            return connection.execute(sql.encode()).fetchall()

    def ledger(self, subject: str = "Site") -> list[tuple[Any, ...]]:
        """Object, method, score and status of what the ledger says of an entity's rows."""
        return self.rows(
            "SELECT subject_key, object_key, method, score, status FROM link"
            f" WHERE subject_type = '{subject}' ORDER BY subject_key, type, object_key"
        )


@pytest.fixture
def town(database_url: str) -> Iterator[Linked]:
    made = Linked(database_url)
    made.add("District", "W", code="W", boundary=GRID["ABEF"])
    made.add("District", "O", code="O", boundary=GRID["BCDE"])
    yield made
    for entity in BY_NAME.values():
        made.run(f"TRUNCATE {entity.table.name}")
    made.run("TRUNCATE area_part, linked_from, link_history, site_history, building_history, address_history")


def site(town: Town, key: str, **columns: Any) -> None:
    town.add("Site", key, kind="OUTLET", **columns)


def test_a_point_belongs_to_the_area_that_covers_it_and_to_none_outside(town: Linked) -> None:
    for mark in "pgz":
        town.add("TransitStop", mark, gtfs_id=mark, name=mark, position=GRID[mark])
    # on the border of two, the first by key
    town.add("TransitStop", "B", gtfs_id="B", name="B", position=GRID["B"])
    town.relink()
    assert town.rows("SELECT key, district FROM transit_stop ORDER BY key") == [
        ("B", "O"),
        ("g", "O"),
        ("p", "W"),
        ("z", None),
    ]


def test_a_polygon_or_line_belongs_to_the_area_that_holds_most_of_it(town: Linked) -> None:
    town.add("Building", "west", footprint=GRID["abcd"])
    town.add("Building", "most-in-the-east", footprint=GRID["klon"])
    town.add("Building", "outside", footprint=GRID["zyDF"])
    town.add("StreetSegment", "long-in-the-west", centreline=GRID["rB"])
    town.add("StreetSegment", "half-and-half", centreline=GRID["AC"])
    town.relink()
    assert town.rows("SELECT key, district FROM building ORDER BY key") == [
        ("most-in-the-east", "O"),
        ("outside", None),
        ("west", "W"),
    ]
    assert town.rows("SELECT key, district FROM street_segment ORDER BY key") == [
        ("half-and-half", None),
        ("long-in-the-west", "W"),
    ]


def test_a_site_is_in_the_building_that_contains_it_else_in_the_nearest_within_30_m(town: Linked) -> None:
    town.add("Building", "big", footprint=GRID["efij"])
    town.add("Building", "other", footprint=GRID["abcd"])
    site(town, "inside", position=GRID["e"])
    site(town, "ten-metres-off", position=GRID["p"])
    site(town, "too-far", position=GRID["t"])
    town.relink()
    assert town.rows("SELECT key, building FROM site ORDER BY key") == [
        ("inside", "big"),
        ("ten-metres-off", "other"),
        ("too-far", None),
    ]
    assert town.ledger() == [
        ("inside", "big", "CONTAINMENT", 1.0, "ACCEPTED"),
        ("ten-metres-off", "other", "NEAREST", 0.767, "ACCEPTED"),
    ]
    [(evidence,)] = town.rows("SELECT evidence FROM link WHERE method = 'NEAREST'")
    assert evidence == {"metres": 10.0}


def test_of_two_buildings_that_contain_it_the_smaller_counts(town: Linked) -> None:
    town.add("Building", "block", footprint=GRID["AEF"])
    town.add("Building", "kiosk", footprint=GRID["efij"])
    town.add("Facility", "school", kind="SCHOOL", position=GRID["e"])
    town.relink()
    assert town.rows("SELECT building FROM facility") == [("kiosk",)]


def test_an_address_leads_to_the_building_that_its_source_names(town: Linked) -> None:
    town.add("Building", "near", footprint=GRID["abcd"])
    town.add("Building", "named", footprint=GRID["efij"])
    town.add("Address", "1", text="x", position=GRID["p"], building_hint="named")
    town.add("Address", "2", text="x", position=GRID["p"], building_hint="gone")
    town.relink()
    assert town.ledger("Address") == [
        ("1", "named", "SAME_KEY", 1.0, "ACCEPTED"),
        ("2", "near", "NEAREST", 0.767, "ACCEPTED"),
    ]


def key_of(text: str) -> str | None:
    return match_key(parse_address(text), settlement="sofia")


def address(town: Town, key: str, text: str, mark: str) -> None:
    town.add("Address", key, text=text, position=GRID[mark], match_key=key_of(text))


def seat(town: Town, key: str, text: str, hint: str | None = None) -> None:
    town.add("Site", key, kind="SEAT", match_key=key_of(text), district_hint=hint)


def test_a_seat_is_at_the_address_with_its_house_and_entrance(town: Linked) -> None:
    town.add("Building", "b", footprint=GRID["abcd"])
    address(town, "a", "ул. Шипка 6, вх. А", "b")
    address(town, "v", "ул. Шипка 6, вх. В", "c")
    seat(town, "with-entrance", 'УЛ."ШИПКА" № 6, вх.B')
    seat(town, "house-only", "ул. Шипка 6")
    seat(town, "elsewhere", "ул. Шипка 7")
    town.relink()
    assert town.rows("SELECT key, address, building, district FROM site ORDER BY key") == [
        ("elsewhere", None, None, None),
        ("house-only", "a", "b", "W"),  # both entrances are of one building
        ("with-entrance", "v", "b", "W"),
    ]
    assert town.ledger() == [
        ("house-only", "a", "ADDRESS_MATCH", 0.85, "ACCEPTED"),
        ("house-only", "b", "ADDRESS_MATCH", 0.85, "ACCEPTED"),
        ("with-entrance", "v", "ADDRESS_MATCH", 0.98, "ACCEPTED"),
        ("with-entrance", "b", "ADDRESS_MATCH", 0.98, "ACCEPTED"),
    ]


def test_an_ambiguous_address_gives_candidates_unless_the_district_decides(town: Linked) -> None:
    address(town, "west", "ул. Шипка 6", "b")
    address(town, "east", "ул. Шипка 6", "h")
    seat(town, "unsure", "ул. Шипка 6")
    seat(town, "sure", "ул. Шипка 6", hint="O")
    town.relink()
    assert town.ledger() == [
        ("sure", "east", "ADDRESS_MATCH", 0.98, "ACCEPTED"),
        ("unsure", "east", "ADDRESS_MATCH", 0.25, "CANDIDATE"),
        ("unsure", "west", "ADDRESS_MATCH", 0.25, "CANDIDATE"),
    ]
    # a candidate is not walked
    assert town.rows("SELECT key, address FROM site ORDER BY key") == [("sure", "east"), ("unsure", None)]


def test_a_mistyped_name_is_the_most_alike_one_that_has_the_house_in_the_district(town: Linked) -> None:
    address(town, "west", "ул. Поп Делян Пчеларов 6", "b")
    address(town, "alike", "ул. Деян Ангелов 6", "c")
    address(town, "east", "ул. Поп Делян Пчеларов 6", "h")
    address(town, "numbered", "ул. 811 6", "b")
    seat(town, "typo", "ул. Поп Делан Пчеларов 6", hint="W")
    seat(town, "cut", "ул. Д. Пчеларов 6", hint="W")
    seat(town, "other-house", "ул. Поп Делан Пчеларов 8", hint="W")
    seat(town, "other-number", "ул. 81 6", hint="W")
    seat(town, "nothing-like", "ул. Шипка 6", hint="W")
    town.relink()
    assert town.rows("SELECT subject_key, object_key FROM link WHERE status = 'ACCEPTED'") == [
        ("cut", "west"),
        ("typo", "west"),
    ]
    assert town.rows("SELECT key FROM site WHERE address IS NULL ORDER BY key") == [
        ("nothing-like",), ("other-house",), ("other-number",),
    ]  # fmt: skip
    # another street of the district is as much like it
    address(town, "rival", "ул. Поп Делат Пчеларов 6", "c")
    town.relink()
    assert town.rows("SELECT object_key, status FROM link WHERE subject_key = 'typo' ORDER BY object_key") == [
        ("rival", "CANDIDATE"), ("west", "CANDIDATE"),
    ]  # fmt: skip


def test_a_house_that_is_not_in_the_district_named_is_the_one_elsewhere(town: Linked) -> None:
    address(town, "east", "ул. Шипка 6", "h")
    seat(town, "s", "ул. Шипка 6", hint="W")
    town.relink()
    assert town.ledger() == [("s", "east", "ADDRESS_MATCH", 0.921, "ACCEPTED")]
    address(town, "west", "ул. Шипка 6", "b")
    town.relink()
    assert town.ledger() == [("s", "west", "ADDRESS_MATCH", 0.98, "ACCEPTED")]


def test_a_site_without_place_is_in_the_district_that_its_source_names(town: Linked) -> None:
    seat(town, "1", "до моста", hint="O")
    seat(town, "2", "до моста", hint="68134-99")
    town.relink()
    assert town.rows("SELECT key, district FROM site ORDER BY key") == [("1", "O"), ("2", None)]


def test_linking_again_writes_nothing(town: Linked) -> None:
    town.add("Building", "b", footprint=GRID["abcd"])
    address(town, "a", "ул. Шипка 6", "b")
    seat(town, "s", "ул. Шипка 6")
    site(town, "shop", position=GRID["p"])
    assert town.relink() != (0, 0, 0)
    before = town.rows("SELECT ctid::text, xmin::text, key FROM link ORDER BY key")
    parts = town.rows("SELECT ctid::text, xmin::text FROM area_part ORDER BY number")
    assert town.relink() == (0, 0, 0)
    assert town.rows("SELECT ctid::text, xmin::text, key FROM link ORDER BY key") == before
    assert town.rows("SELECT ctid::text, xmin::text FROM area_part ORDER BY number") == parts


def test_links_of_what_is_as_it_was_are_not_made_again(town: Linked) -> None:
    town.add("Building", "b", footprint=GRID["abcd"])
    site(town, "shop", position=GRID["p"])
    assert town.relink_what_is_stale() != (0, 0, 0)
    # a link that is gone by itself shows whether they are made again
    town.run("DELETE FROM link")
    assert town.relink_what_is_stale() == (0, 0, 0)
    assert town.ledger() == []
    assert town.relink() == (0, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE building SET recorded_at = now()",
        "DELETE FROM building",
        "UPDATE site SET recorded_at = now()",
        "UPDATE linked_from SET state = 'of another version' WHERE of = 'code' AND subject = 'Site'",
        "UPDATE district SET boundary = ST_Multi(ST_Buffer(boundary, 1)) WHERE key = 'W'",
    ],
)
def test_links_are_made_again_where_what_they_are_from_changed(town: Linked, change: str) -> None:
    town.add("Building", "b", footprint=GRID["abcd"])
    site(town, "shop", position=GRID["p"])
    town.relink()
    town.run("UPDATE link SET score = 0.1")
    town.run(change)
    assert town.relink_what_is_stale() != (0, 0, 0)
    assert all(score != 0.1 for _, _, _, score, _ in town.ledger())


def test_an_outlet_is_of_the_business_of_its_operators_name(town: Linked) -> None:
    names = {"1": "Кошница Примерна АД", "2": "Троха ООД", "3": "ТРОХА ЕООД", "4": "Мобилко"}
    for key, legal_name in names.items():
        town.add("Business", key, eik=key, legal_name=legal_name, legal_name_folded=fold(legal_name))
    for key, operator, name in (
        ("sure", "кошница примерна", "Кошница"),
        ("two-are-called-so", "Троха", None),
        ("only-its-sign", None, "Мобилко"),
        ("nearly", "Кошница Пример", None),
        ("another", "Съвсем друга", None),
    ):
        site(
            town, key, operator=operator, operator_folded=operator and fold(operator),
            name=name, name_folded=name and fold(name),
        )  # fmt: skip
    town.relink()
    assert town.ledger() == [
        ("nearly", "1", "NAME_MATCH", 0.48, "CANDIDATE"),
        ("only-its-sign", "4", "NAME_MATCH", 0.6, "CANDIDATE"),
        ("sure", "1", "NAME_MATCH", 0.9, "ACCEPTED"),
        ("two-are-called-so", "2", "NAME_MATCH", 0.3, "CANDIDATE"),
        ("two-are-called-so", "3", "NAME_MATCH", 0.3, "CANDIDATE"),
    ]
    assert town.rows("SELECT key, business FROM site WHERE business IS NOT NULL") == [("sure", "1")]


def test_a_seat_in_the_same_building_tells_which_business_an_outlet_is_of(town: Linked) -> None:
    town.add("Building", "b", footprint=GRID["abcd"])
    address(town, "a", "ул. Шипка 6", "b")
    for key in ("1", "2"):
        town.add("Business", key, eik=key, legal_name="Троха", legal_name_folded="troha")
    site(town, "shop", name="Троха", name_folded="troha", position=GRID["p"])
    town.add("Site", "seat", kind="SEAT", business="2", match_key=key_of("ул. Шипка 6"))
    town.relink()
    assert town.rows("SELECT business FROM site WHERE key = 'shop'") == [("2",)]
    [(evidence,)] = town.rows("SELECT evidence FROM link WHERE type = 'SITE_OF' AND status = 'ACCEPTED'")
    assert evidence == {"matched": ["name", "building", "district"], "businesses": 2}


def test_the_business_that_an_outlets_source_names_wins(town: Linked) -> None:
    town.add("Business", "1", eik="1", legal_name="Троха", legal_name_folded="troha")
    town.add("Business", "2", eik="2", legal_name="Държавна АД", legal_name_folded="darzhavna ad")
    site(town, "shop", name="Троха", name_folded="troha", business_hint="2")
    town.relink()
    assert town.ledger() == [("shop", "2", "SAME_KEY", 1.0, "ACCEPTED")]


def test_a_stop_is_on_the_street_that_its_name_says_else_on_the_nearest_named(town: Linked) -> None:
    for key, street, line in (("x", "", "ab"), ("y", "ул. Искър", "dc"), ("z", "ул. Шипка", "rB")):
        town.add("StreetSegment", key, name=street or None, name_folded=fold(street), centreline=GRID[line])
    for key, stop in (("1", "УЛ. ШИПКА"), ("2", "ОПЕРАТА")):
        town.add("TransitStop", key, gtfs_id=key, name=stop, name_folded=fold(stop), position=GRID["c"])
    town.relink()
    assert town.rows("SELECT key, street FROM transit_stop ORDER BY key") == [("1", "z"), ("2", "y")]
    assert [row[2:] for row in town.ledger("TransitStop")] == [
        ("NEAREST", 0.95, "ACCEPTED"), ("NEAREST", 0.9, "ACCEPTED"),
    ]  # fmt: skip


def test_a_superseded_link_goes_to_history_and_so_does_the_site(town: Linked) -> None:
    town.add("Building", "far", footprint=GRID["abcd"])
    site(town, "shop", position=GRID["p"])
    town.relink()
    town.add("Building", "on-the-spot", footprint=Grid.__getitem__(GRID, "bcrp"))
    town.relink()
    assert town.ledger() == [("shop", "on-the-spot", "CONTAINMENT", 1.0, "ACCEPTED")]
    assert town.rows("SELECT object_key, method, recorded_to > recorded_at FROM link_history") == [
        ("far", "NEAREST", True)
    ]
    assert town.rows("SELECT building FROM site_history ORDER BY version") == [(None,), ("far",)]


def test_a_curated_decision_is_never_touched_and_wins(town: Linked) -> None:
    town.add("Building", "far", footprint=GRID["efij"])
    town.add("Building", "near", footprint=GRID["abcd"])
    site(town, "shop", position=GRID["p"])
    town.relink()
    town.add(
        "Link", "IN_BUILDING/Site/shop/far", type="IN_BUILDING", subject_type="Site", subject_key="shop",
        object_type="Building", object_key="far", method="CURATED", score=1.0, evidence={"by": "a clerk"},
        status="ACCEPTED", recorded_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    town.relink()
    assert town.rows("SELECT building FROM site") == [("far",)]
    assert ("shop", "far", "CURATED", 1.0, "ACCEPTED") in town.ledger()
    assert town.relink() == (0, 0, 0)


def test_a_curated_rejection_stands(town: Linked) -> None:
    town.add("Building", "near", footprint=GRID["abcd"])
    site(town, "shop", position=GRID["p"])
    town.add(
        "Link", "IN_BUILDING/Site/shop/near", type="IN_BUILDING", subject_type="Site", subject_key="shop",
        object_type="Building", object_key="near", method="CURATED", score=1.0, evidence={},
        status="REJECTED", recorded_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    town.relink()
    assert town.rows("SELECT building FROM site") == [(None,)]
    assert town.ledger() == [("shop", "near", "CURATED", 1.0, "REJECTED")]


def test_links_of_a_record_that_is_gone_go_with_it(town: Linked) -> None:
    town.add("Building", "near", footprint=GRID["abcd"])
    site(town, "shop", position=GRID["p"])
    town.relink()
    town.run("DELETE FROM site")
    town.relink()
    assert town.ledger() == []
    assert town.rows("SELECT count(*) FROM link_history") == [(1,)]


def test_every_family_keeps_its_best_in_a_link_of_its_subject() -> None:
    for family in FAMILIES:
        assert BY_NAME[family.subject].links[family.attribute] == family.object


def test_a_search_entry_follows_the_building_that_its_record_is_in(town: Linked) -> None:
    town.add("Building", "b", footprint=GRID["abcd"])
    town.add("Site", "s", kind="SEAT", name="ЗОРА", name_folded="zora", building="b")
    where = "SELECT ST_AsText(position) FROM search_entry WHERE key = 's'"
    with database.connect(town.url, city=town.city.name) as connection:
        search.rebuild(connection)
    [before] = town.rows(where)
    with database.connect(town.url, city=town.city.name) as connection:
        connection.execute(
            "UPDATE building SET footprint = ST_Translate(footprint, 50, 0), recorded_at = now()"
        )
        search.refresh(connection, ["Building"])
    [after] = town.rows(where)
    town.run("TRUNCATE search_entry, search_word")
    assert shapely.from_wkt(before[0]).distance(shapely.from_wkt(after[0])) == 50
