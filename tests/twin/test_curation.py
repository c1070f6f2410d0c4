"""What people decide about links: it stands, it can be taken back, and what was before is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.town import Grid, Town
from twin import curation, database
from twin.curation import Claim
from twin.entities import BY_NAME
from twin.errors import BadRequest
from twin.links import relink, relink_all

# metres: ten between two neighbouring marks
GRID = Grid("""
    . a b . . . . . . . .
    . d c p . k l m . . .
    . . . . . n . o . . .
""")
NEAR, FAR = (
    Claim("IN_BUILDING", "Site:shop", "Building:near"),
    Claim("IN_BUILDING", "Site:shop", "Building:far"),
)
WHO = {"author": "ana", "reason": "I was there"}


class Curated(Town):
    """A town with a shop beside one building, and another far off."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with database.connect(self.url, city=self.city.name) as connection:
            return connection.execute(sql.encode()).fetchall()

    def relink(self) -> None:
        with database.connect(self.url, city=self.city.name) as connection:
            relink_all(connection)

    @property
    def building(self) -> str | None:
        """The building that a question about the shop gets."""
        [(building,)] = self.rows("SELECT building FROM site WHERE key = 'shop'")
        return building  # type: ignore[no-any-return]


@pytest.fixture
def town(database_url: str) -> Iterator[Curated]:
    made = Curated(database_url)
    made.add("Building", "near", footprint=GRID["abcd"])
    made.add("Building", "far", footprint=GRID["klon"])
    made.add("Site", "shop", kind="OUTLET", position=GRID["p"])
    made.relink()
    yield made
    for entity in BY_NAME.values():
        made.run(f"TRUNCATE {entity.table.name}")
    made.run("TRUNCATE area_part, linked_from, link_history, site_history, search_entry, search_word")


def test_an_accepted_link_is_walked_at_once_and_whatever_is_found_later(town: Curated) -> None:
    assert town.building == "near"
    assert curation.accept(town.url, town.city, FAR, **WHO) == "Link:IN_BUILDING/Site/shop/far"
    assert town.building == "far"
    town.relink()
    assert town.building == "far"
    assert town.rows(
        "SELECT object_key, method, score, status, decided_by, reason, decided_at = recorded_at FROM link ORDER BY 1"
    ) == [
        ("far", "CURATED", 1.0, "ACCEPTED", "ana", "I was there", True),
        ("near", "NEAREST", 0.767, "ACCEPTED", "twin.links", None, None),
    ]


def test_a_rejected_link_is_not_walked_and_tells_what_had_been_found(town: Curated) -> None:
    curation.reject(town.url, town.city, "Link:IN_BUILDING/Site/shop/near", **WHO)
    assert town.building is None
    town.relink()
    assert town.building is None
    assert town.rows("SELECT method, score, status, evidence FROM link") == [
        ("CURATED", 0.0, "REJECTED", {"found": {
            "method": "NEAREST", "score": 0.767, "status": "ACCEPTED", "evidence": {"metres": 10.0},
        }}),
    ]  # fmt: skip
    assert town.rows("SELECT method, score FROM link_history") == [("NEAREST", 0.767)]


def test_of_two_accepted_links_the_later_decision_counts(town: Curated) -> None:
    for claim in (FAR, NEAR, FAR):
        curation.accept(town.url, town.city, claim, **WHO)
    assert town.building == "far"


def test_a_withdrawn_decision_leaves_the_link_as_it_is_found_and_is_remembered(town: Curated) -> None:
    curation.reject(town.url, town.city, NEAR, **WHO)
    curation.accept(town.url, town.city, FAR, **WHO)
    for claim in (NEAR, FAR):
        curation.withdraw(town.url, town.city, claim, author="boris")
    assert town.building == "near"
    assert town.rows("SELECT object_key, method, decided_by, reason FROM link") == [
        ("near", "NEAREST", "twin.links", None)
    ]
    assert town.rows("SELECT object_key, status, decided_by, reason FROM link_history WHERE reason IS NOT NULL"
                     " ORDER BY 1") == [
        ("far", "ACCEPTED", "ana", "I was there"),
        ("near", "REJECTED", "ana", "I was there"),
    ]  # fmt: skip


def test_what_follows_from_a_link_follows_from_a_decision(town: Curated) -> None:
    town.add("Address", "a", text="x", position=GRID["p"], match_key="sofia|shipka|6#")
    town.add("Site", "seat", kind="SEAT", match_key="sofia|shipka|6#")
    town.relink()
    assert town.rows("SELECT building FROM site WHERE key = 'seat'") == [("near",)]
    curation.accept(town.url, town.city, Claim("IN_BUILDING", "Address:a", "Building:far"), **WHO)
    assert town.rows("SELECT building FROM site WHERE key = 'seat'") == [("far",)]


def test_a_decision_leaves_nothing_to_be_linked_again(town: Curated) -> None:
    curation.accept(town.url, town.city, FAR, **WHO)
    assert town.building == "far"
    assert town.rows("SELECT DISTINCT state FROM linked_from WHERE of = 'Site'") == town.rows(
        "SELECT concat_ws(' ', count(*), extract(epoch FROM max(recorded_at))) FROM site"
    )


def test_a_decision_for_a_record_that_is_gone_hides_no_link_and_counts_again_when_it_is_back(
    town: Curated,
) -> None:
    curation.accept(town.url, town.city, FAR, **WHO)
    town.run("DELETE FROM building WHERE key = 'far'")
    town.relink()
    assert town.building == "near"
    town.add("Building", "far", footprint=GRID["klon"])
    town.relink()
    assert town.building == "far"


def replace(town: Curated, old: str, *new: str) -> None:
    """A register gives a building's place to others, in one load: the old row goes to history."""
    with database.connect(town.url, city=town.city.name) as connection:
        connection.execute(
            "WITH gone AS (DELETE FROM building WHERE key = %s RETURNING key, footprint, recorded_at)"
            " INSERT INTO building_history (key, footprint, recorded_at, recorded_to)"
            " SELECT key, footprint, recorded_at, now() FROM gone",
            [old],
        )
        for key in new:
            connection.execute(
                "INSERT INTO succession (key, entity, old_key, new_key, sources, recorded_at)"
                " VALUES (%s, 'Building', %s, %s, '{town}', now())",
                [f"{old}/{key}", old, key],
            )
        relink(connection, ["Building", "Succession"])


def test_a_decision_follows_a_building_to_what_took_its_place(town: Curated) -> None:
    curation.accept(town.url, town.city, FAR, **WHO)
    town.add("Building", "renumbered", footprint=GRID["klon"])
    replace(town, "far", "renumbered")
    assert town.building == "renumbered"
    town.add("Building", "again", footprint=GRID["klon"])
    replace(town, "renumbered", "again")
    assert town.building == "again"
    town.relink()
    assert town.building == "again"
    curation.withdraw(town.url, town.city, "Link:IN_BUILDING/Site/shop/far", author="ana")
    assert town.building == "near"


def test_a_decision_follows_a_succession_that_is_told_after_the_building_went(town: Curated) -> None:
    curation.accept(town.url, town.city, FAR, **WHO)
    town.add("Building", "renumbered", footprint=GRID["klon"])
    replace(town, "far")
    assert town.building == "near"
    replace(town, "far", "renumbered")
    assert town.building == "renumbered"


def test_where_a_building_was_split_the_parts_are_candidates_until_somebody_decides(town: Curated) -> None:
    curation.accept(town.url, town.city, FAR, **WHO)
    for part in ("part1", "part2"):
        town.add("Building", part, footprint=GRID["klon"])
    replace(town, "far", "part1", "part2")
    assert town.building == "near"
    candidates = "SELECT object_key, score, evidence FROM link WHERE status = 'CANDIDATE' ORDER BY 1"
    assert town.rows(candidates) == [(part, 0.5, {"part_of": "far"}) for part in ("part1", "part2")]
    town.relink()
    assert len(town.rows(candidates)) == 2
    curation.accept(town.url, town.city, Claim("IN_BUILDING", "Site:shop", "Building:part2"), **WHO)
    assert town.building == "part2"
    assert town.rows(candidates) == []


def test_what_follows_from_an_address_that_is_gone_follows_from_the_one_found(town: Curated) -> None:
    for key, mark in (("a", "p"), ("b", "o")):
        town.add("Address", key, text=key, position=GRID[mark], match_key=f"sofia|{key}|6#")
    town.add("Site", "seat", kind="SEAT", match_key="sofia|a|6#")
    town.relink()
    curation.accept(town.url, town.city, Claim("AT_ADDRESS", "Site:seat", "Address:b"), **WHO)
    assert town.rows("SELECT address, building FROM site WHERE key = 'seat'") == [("b", "far")]
    town.run("DELETE FROM address WHERE key = 'b'")
    town.relink()
    assert town.rows("SELECT address, building FROM site WHERE key = 'seat'") == [("a", "near")]


def test_search_finds_a_record_where_a_decision_put_it_and_back_again(town: Curated) -> None:
    town.run("UPDATE site SET name_folded = 'hlebarnitsa', position = NULL WHERE key = 'shop'")
    entries = "SELECT ST_AsText(position, 0) FROM search_entry WHERE entity = 'Site' AND key = 'shop'"
    curation.accept(town.url, town.city, FAR, **WHO)
    assert town.rows(entries) == town.rows(
        "SELECT ST_AsText(ST_Centroid(footprint), 0) FROM building WHERE key = 'far'"
    )
    curation.withdraw(town.url, town.city, FAR, author="ana")
    assert town.rows(entries) == [(None,)]


def test_an_outlets_business_may_be_decided_but_a_seats_is_the_registers(town: Curated) -> None:
    for key in ("1", "2"):
        town.add("Business", key, eik=key)
    town.add("Site", "seat", kind="SEAT", business="1")
    curation.accept(town.url, town.city, Claim("SITE_OF", "Site:shop", "Business:2"), **WHO)
    with pytest.raises(BadRequest, match='"Site:seat" is a SEAT, and the register says of which business'):
        curation.accept(town.url, town.city, Claim("SITE_OF", "Site:seat", "Business:2"), **WHO)
    assert town.rows("SELECT key, business FROM site ORDER BY key") == [("seat", "1"), ("shop", "2")]
    assert town.rows("SELECT subject_key FROM link WHERE type = 'SITE_OF'") == [("shop",)]


def test_no_outlet_is_tied_to_a_sole_trader(town: Curated) -> None:
    town.add("Business", "et", eik="et", natural_person_like=True)
    with pytest.raises(BadRequest, match='"Business:et" is a natural person, who is tied to no outlet'):
        curation.accept(town.url, town.city, Claim("SITE_OF", "Site:shop", "Business:et"), **WHO)
    assert town.rows("SELECT business FROM site WHERE key = 'shop'") == [(None,)]


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("Link:nothing", 'there is no link "Link:nothing"'),
        ("Building:near", 'there is no link "Building:near"'),
        (Claim("IN_BUILDING", "Site:shop", "Building:gone"), 'there is no "Building:gone"'),
        (Claim("IN_BUILDING", "Site:gone", "Building:near"), 'there is no "Site:gone"'),
        (Claim("CONCERNS", "Site:shop", "Building:near"), "no link CONCERNS ties a Site and a Building"),
        (Claim("IN_BUILDING", "shop", "Building:near"), '"shop" is no id'),
        (Claim("IN_BUILDING", "Site:x'; --", "Building:near"), 'there is no "Site:x\'; --"'),
        ("Link:\0", "link: holds a NUL character"),
        ("Link:\ud800", "link: holds half of a surrogate pair"),
        (Claim("IN_BUILDING", "Site:\0", "Building:near"), "subject: holds a NUL character"),
        (Claim("IN_BUILDING", "Site:shop", "Building:\udfff"), "object: holds half of a surrogate pair"),
    ],
)
def test_what_is_no_link_is_told_so(town: Curated, link: str | Claim, told: str) -> None:
    with pytest.raises(BadRequest) as refused:
        curation.accept(town.url, town.city, link, **WHO)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "0 characters"), ("  \n", "0 characters"), ("x" * 1_001, "1001 characters"),
        ("ЕГН 1234567890", "number of a person"), ("I was\0there", "reason: holds a NUL character"),
        ("I was \ud83d", "reason: holds half of a surrogate pair"),
    ],
)  # fmt: skip
def test_a_decision_needs_a_reason_without_personal_numbers(town: Curated, reason: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        curation.accept(town.url, town.city, NEAR, reason=reason, author="ana")
    assert town.rows("SELECT method FROM link") == [("NEAREST",)]


def test_only_a_decision_can_be_withdrawn(town: Curated) -> None:
    with pytest.raises(BadRequest, match="nobody has decided"):
        curation.withdraw(town.url, town.city, NEAR, author="ana")


def test_the_seat_of_a_sole_trader_is_tied_to_no_place(town: Curated) -> None:
    town.add("Business", "et", eik="et", natural_person_like=True)
    town.add("Site", "home", kind="SEAT", business="et")
    with pytest.raises(BadRequest, match="natural person"):
        curation.accept(town.url, town.city, Claim("IN_BUILDING", "Site:home", "Building:near"), **WHO)


def test_while_the_city_is_loaded_nothing_is_decided(town: Curated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twin.curation.PATIENCE_S", 0.2)
    with database.connect(town.url, city=town.city.name) as loading:
        assert database.lock_city(loading, town.city.name)
        with pytest.raises(BadRequest, match="is being loaded"):
            curation.accept(town.url, town.city, FAR, **WHO)
    curation.accept(town.url, town.city, FAR, **WHO)
    assert town.building == "far"
