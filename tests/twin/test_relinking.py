"""Linking only what a load's changes concern gives what linking everything gives, whatever the changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import shapely
import shapely.affinity

from tests.town import ORIGIN, Town
from twin import curation, database
from twin.addresses import match_key, parse_address
from twin.claims import FAMILIES
from twin.entities import BY_NAME, LinkType
from twin.history import HISTORY
from twin.identity import public_id
from twin.links import _relink_areas, relink, relink_all
from twin.text import fold

#: metres: the town is so wide that some of it is near what changes and most is not
WIDTH_M = 400
STREETS = ("Шипка", "Оборище", "Искър")
NAMES = (
    "Лидл България ЕООД",
    "ЛИДЛ",
    "Кошница Примерна АД",
    "Кошница",
    "Троха ООД",
    "Троха 2 ООД",
    "Мобилко",
)
SUBJECTS = ("Address", "Facility", "TransitStop", "Site", "Permit")
CHANGING = ("Building", "StreetSegment", "Business", *SUBJECTS)


class Changing:
    """A town that one transaction after the other changes as a merge does: the old version goes to history."""

    def __init__(self, url: str, seed: int) -> None:
        self.town = Town(url)
        self.draw = random.Random(seed)
        half = shapely.box(0, 0, WIDTH_M / 2, WIDTH_M)
        for key, x in (("W", 0), ("O", WIDTH_M / 2)):
            self.town.add(
                "District", key, code=key,
                boundary=shapely.affinity.translate(half, ORIGIN[0] + x, ORIGIN[1]),
            )  # fmt: skip

    # --- rows by chance ---
    def point(self) -> shapely.Point:
        x, y = (self.draw.uniform(-20, WIDTH_M + 20) for _ in "xy")
        return shapely.Point(ORIGIN[0] + x, ORIGIN[1] + y)

    def maybe(self, value: Any, chance: float = 0.5) -> Any:
        return value if self.draw.random() < chance else None

    def some_key(self, letter: str) -> str:
        return f"{letter}{self.draw.randrange(30)}"

    def address_words(self) -> str | None:
        text = f"ул. {self.draw.choice(STREETS)} {self.draw.randint(1, 4)}"
        if self.draw.random() < 0.4:
            text += f", вх. {self.draw.choice('АБ')}"
        return match_key(parse_address(text), settlement="sofia")

    def row(self, entity: str) -> dict[str, Any]:
        draw = self.draw
        if entity == "Building":
            return {
                "cadastral_id": f"68134.1.1.{draw.randint(1, 9)}",
                "footprint": shapely.MultiPolygon(
                    [self.point().buffer(draw.uniform(3, 25), cap_style="square")]
                ),
            }
        if entity == "StreetSegment":
            line = shapely.LineString([self.point(), self.point()])
            name = self.maybe("ул. " + draw.choice(STREETS), 0.7)
            return {
                "name": name,
                "name_folded": name and fold(name),
                "centreline": shapely.MultiLineString([line]),
            }
        if entity == "Business":
            name = draw.choice(NAMES)
            closed = self.maybe("2020-01-01", 0.2)
            return {
                "eik": str(draw.randrange(10**12)),
                "legal_name": name,
                "legal_name_folded": fold(name),
                "valid_to": closed,
            }
        if entity == "Address":
            return {
                "text": "x", "position": self.point(), "match_key": self.address_words(),
                "building_hint": self.maybe(self.some_key("b"), 0.2),
            }  # fmt: skip
        if entity == "Facility":
            return {"kind": "SCHOOL", "position": self.point()}
        if entity == "TransitStop":
            name = f"УЛ. {draw.choice(STREETS).upper()}"
            return {"gtfs_id": "1", "name": name, "name_folded": fold(name), "position": self.point()}
        if entity == "Permit":
            ids = self.maybe([f"68134.1.1.{draw.randint(1, 12)}" + draw.choice(["", ".3"])], 0.4)
            return {
                "register_id": str(draw.randrange(10**12)), "number": "1", "cadastral_ids": ids,
                "match_key": self.maybe(self.address_words()), "district_hint": self.maybe(draw.choice("WO")),
            }  # fmt: skip
        outlet = draw.random() < 0.6
        name, operator = draw.choice(NAMES), self.maybe(draw.choice(NAMES))
        return {
            "kind": "OUTLET" if outlet else "SEAT", "name": name, "name_folded": fold(name),
            "operator": operator, "operator_folded": operator and fold(operator),
            "business": None if outlet else self.some_key("n"),
            "business_hint": self.maybe(self.some_key("n"), 0.2) if outlet else None,
            "position": self.maybe(self.point(), 0.5 if outlet else 0.0), "match_key": self.maybe(self.address_words()),
            "district_hint": self.maybe(draw.choice("WO"), 0.3),
        }  # fmt: skip

    # --- what a load does ---
    def change(self, connection: psycopg.Connection[Any], entity: str, count: int) -> None:
        """Add, change or close rows, and let the areas be as the merge finds them."""
        table, history = BY_NAME[entity].table.name, HISTORY[entity].name
        kept = [c.key for c in HISTORY[entity].columns if c.key not in ("version", "recorded_to")]
        names = ", ".join(kept)
        letter = "n" if entity == "Business" else entity[0].lower()
        for _ in range(count):
            key = self.some_key(letter)
            connection.execute(
                f"INSERT INTO {history} ({names}, recorded_to) SELECT {names}, now() FROM {table}"
                " WHERE key = %s AND recorded_at < now()".encode(),
                [key],
            )
            if self.draw.random() < 0.25:
                connection.execute(f"DELETE FROM {table} WHERE key = %s".encode(), [key])
                continue
            values = self.row(entity)
            if entity == "Site":
                values["business_linked"] = None
            stored = [
                self.town._stored(BY_NAME[entity].table.c[name], value) for name, value in values.items()
            ]
            written = connection.execute(
                f"UPDATE {table} SET {', '.join(f'{name} = %s' for name in values)}, recorded_at = now()"
                " WHERE key = %s".encode(),
                [*stored, key],
            ).rowcount
            if not written:
                columns = ", ".join(["key", *values, "sources", "recorded_at"])
                marks = ", ".join(["%s"] * (len(values) + 1))
                connection.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks}, '{{town}}', now())".encode(),
                    [key, *stored],
                )
        if BY_NAME[entity].is_spatial and entity != "Site":
            _relink_areas(connection, BY_NAME[entity])

    def decide(self) -> None:
        """Somebody accepts or rejects a link between two records, found or not."""
        family = self.draw.choice(FAMILIES)
        ends = []
        with self.connect() as connection:
            # the business of a seat or branch is the register's, and nobody may decide about it
            outlets = " WHERE kind = 'OUTLET'" if family.type is LinkType.SITE_OF else ""
            for entity, those in ((family.subject, outlets), (family.object, "")):
                keys = connection.execute(
                    f"SELECT key FROM {BY_NAME[entity].table.name}{those} ORDER BY key".encode()
                )
                ends.append(public_id(entity, self.draw.choice([key for (key,) in keys])))
        decision = self.draw.choice([curation.accept, curation.reject])
        claim = curation.Claim(family.type.name, *ends)
        decision(self.town.url, self.town.city, claim, reason="by chance", author="ana")

    def connect(self) -> psycopg.Connection[Any]:
        return database.connect(self.town.url, city=self.town.city.name)

    def linked(self, connection: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
        """The ledger, and what is kept of it beside the records."""
        found = {
            "ledger": connection.execute(
                "SELECT key, method, score, evidence::text, status FROM link ORDER BY key"
            ).fetchall()
        }
        for entity in SUBJECTS:
            links = [name for name, known in BY_NAME[entity].fields.items() if known.link]
            found[entity] = connection.execute(
                f"SELECT key, {', '.join(links)} FROM {BY_NAME[entity].table.name} ORDER BY key".encode()
            ).fetchall()
        return found


@pytest.fixture
def few_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows a change writes, only what it concerns is made anew."""
    monkeypatch.setattr("twin.links._FEW", 2.0)


@pytest.fixture(params=range(4))
def changing(database_url: str, request: pytest.FixtureRequest) -> Iterator[Changing]:
    made = Changing(database_url, request.param)
    yield made
    for entity in (*CHANGING, "District"):
        made.town.run(f"TRUNCATE {BY_NAME[entity].table.name}, {HISTORY[entity].name}")
    made.town.run("TRUNCATE link, link_history, area_part, linked_from")


@pytest.mark.usefixtures("few_are_few")
def test_linking_what_changed_equals_linking_everything(changing: Changing) -> None:
    with changing.connect() as connection:
        for entity in CHANGING:
            changing.change(connection, entity, 40)
        relink_all(connection)
    for _ in range(10):
        entities = changing.draw.sample(CHANGING, changing.draw.choice([1, 1, 1, 2, 3]))
        with changing.connect() as connection:
            for entity in entities:
                changing.change(connection, entity, changing.draw.randint(1, 5))
            relink(connection, entities)
        if changing.draw.random() < 0.5:
            changing.decide()
        with changing.connect() as connection:
            before = changing.linked(connection)
            relink_all(connection)
            assert changing.linked(connection) == before, f"after a change of {', '.join(entities)}"
            connection.rollback()
