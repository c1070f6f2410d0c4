"""An awkward little city, and a way to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from graphql import OperationDefinitionNode, execute_sync, parse

from schema.compile import compile_plan
from schema.execute import Answer, Engine
from schema.planner import Planner
from schema.query import build
from tests import crowd
from tests.reference import Reference
from tests.town import CITY, Grid, Town
from twin.database import Reader, connect
from twin.gazetteer import refresh_gazetteer
from twin.search import rebuild
from twin.settings import Settings

GRID = Grid("""
    A . . . . B . . . . C
    . . . . . . . . . . .
    . a b . . . . . q . .
    . d c . p . . . . . .
    . . . . . . . . . . .
    . e f . . . s . . t .
    . h g . . . . . . . .
    . . . . . . . . . . .
    F . . . . E . . . . D
    . . . . . . . . . . .
    z . . . . . . . . . y
""")


class Asked:
    """An engine over the town, with every statement that it sent."""

    def __init__(self, town: Town, settings: Settings) -> None:
        self.town = town
        self.settings = settings
        self.engine = Engine(build(), settings)
        self.loop = asyncio.new_event_loop()
        self.reader = Reader(town.url, settings)
        self.loop.run_until_complete(self.reader.open())
        self.statements: list[bytes] = []
        fetch = self.reader.fetch

        async def counted(sql: bytes, values: Any, **how: Any) -> Any:
            self.statements.append(sql)
            return await fetch(sql, values, **how)

        self.reader.fetch = counted  # type: ignore[method-assign]

    def answer(self, query: str, **variables: Any) -> Answer:
        return self.loop.run_until_complete(
            self.engine.answer(self.reader, self.town.city, query, variables or None)
        )

    def dry(self, query: str) -> Answer:
        """What a dry run says."""
        engine = self.engine
        asked = self.loop.run_until_complete(engine.prepared(self.reader, query, None, None))
        return self.loop.run_until_complete(
            engine.explain(self.reader, self.town.city, asked, engine.anybody)
        )

    def __call__(self, query: str, **variables: Any) -> Any:
        """The data of an answer; fails where there are errors."""
        answer = self.answer(query, **variables)
        body = orjson.loads(answer.body)
        assert answer.status == 200, body
        return body["data"]

    def refused(self, query: str, **variables: Any) -> str:
        """The first error's message; fails where there is none, or where it is a fault of ours."""
        answer = self.answer(query, **variables)
        body = orjson.loads(answer.body)
        assert answer.status == 400, body
        message: str = body["errors"][0]["message"]
        return message

    def replayed(self, query: str, **variables: Any) -> Any:
        """The data that graphql-core makes of an answer which PostgreSQL has built."""
        document = parse(query)
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        planner = Planner(self.engine.schema, document, operation, variables, self.settings, typed=True)
        statement = compile_plan(planner.plan(), self.town.city)
        data = self.loop.run_until_complete(self.engine._fetch(self.reader, statement, variables))
        root = orjson.loads(b"".join(data))
        result = execute_sync(self.engine.schema, document, root, variable_values=variables)
        assert result.errors is None
        return result.data

    def close(self) -> None:
        self.loop.run_until_complete(self.reader.close())
        self.loop.close()


@pytest.fixture(scope="module")
def town(database_url: str) -> Town:
    """Two districts side by side, three buildings, and what leans on them."""
    town = Town(database_url, CITY)
    town.add(
        "Source", "town", title="Town register", publisher="Town hall", entities="Building", format="vector",
        file="town.zip",
    )  # fmt: skip
    left, right = GRID["ABEF"], GRID["BCDE"]
    town.add("District", "68134-01", code="68134-01", name_bg="Средец", name_latin="Sredets",
             name_folded="sredets", population=100, boundary=left)  # fmt: skip
    town.add("District", "68134-02", code="68134-02", name_bg="Лозенец", name_latin="Lozenets",
             name_folded="lozenets", boundary=right)  # fmt: skip
    town.add("District", "68134-03", code="68134-03", name_bg="Празен", name_latin="Prazen",
             name_folded="prazen", boundary=GRID["FEyz"])  # fmt: skip
    town.add("Building", "b.1", cadastral_id="b.1", current_use="100", storeys_above_ground=2,
             height_m=6.5, footprint=GRID["abcd"], district="68134-01")  # fmt: skip
    town.add("Building", "b.2", cadastral_id="b.2", current_use="110", storeys_above_ground=8,
             footprint=GRID["efgh"], district="68134-01")  # fmt: skip
    town.add("Building", "b.3", cadastral_id="b.3", footprint=GRID["BCD"])
    for lod, height in (("2.2", 2.5), ("1.2", 2)):
        town.add("BuildingSolid", f"b.1/{lod}", building="b.1", lod=lod, volume_m3=100 * height, lowest_m=550,
                 highest_m=550 + height, solid=f"SRID=7801;POLYGON Z((0 0 {height}, 1 0 0, 0 1 0, 0 0 {height}))",
                 cityjson={"type": "CityJSON", "version": "2.0", "lod": lod})  # fmt: skip
    town.add("TransitStop", "g/1", gtfs_id="1", name="ОРЛОВ МОСТ", name_latin="ORLOV MOST",
             name_folded="orlov most", position=GRID["p"], district="68134-01",
             route_keys=["g/R2", "g/R1"])  # fmt: skip
    town.add("TransitStop", "g/2", gtfs_id="2", name="НДК", name_folded="ndk", position=GRID["q"],
             district="68134-02", route_keys=["g/R1"])  # fmt: skip
    town.add("TransitRoute", "g/R1", gtfs_id="R1", short_name="1", mode="TRAM", stop_keys=["g/2", "g/1"])
    town.add("TransitRoute", "g/R2", gtfs_id="R2", short_name="94", mode="BUS", stop_keys=["g/1"])
    town.add("Business", "000695146", eik="000695146", legal_name="Пробна АД", legal_name_folded="probna ad")
    for i, place in enumerate(["s", "t", "p"]):
        town.add("Site", f"s{i}", kind="OUTLET", name=f"Обект {i}", position=GRID[place], business="000695146",
                 building="b.2" if i < 2 else None, district="68134-01" if i != 1 else "68134-02")  # fmt: skip
    town.add("Site", "s9", kind="SEAT", name="Без място")
    town.add("Facility", "f1", kind="SCHOOL", name="5. ОУ", position=GRID["p"], district="68134-01")
    town.add("AirQualityStation", "a1", name="Павлово", position=GRID["p"], district="68134-01")
    for hour, value in ((6, 84.0), (5, 86.3), (7, None)):
        town.add("Observation", f"a1/{hour}", station="a1", observed_property="HUMIDITY", value=value, unit="%",
                 phenomenon_time=f"2017-11-17T0{hour}:00:00Z")  # fmt: skip
    town.add("TransitLink", "tram", mode="TRAM", lines=["20", "22"], centreline=GRID["AB"],
             district="68134-01")  # fmt: skip
    town.add("Permit", "h=", register_id="h=", number="1/09.11.2018", building="b.1", district="68134-01",
             cadastral_ids=["68134.1.2", "68134.1.3"], cadastral_parcel="68134.1.2")  # fmt: skip
    town.add("Link", "IN_BUILDING/Site/s0/b.2", type="IN_BUILDING", subject_type="Site", subject_key="s0",
             object_type="Building", object_key="b.2", method="NEAREST", score=0.7, status="ACCEPTED",
             evidence={"metres": 12.5}, recorded_at="2026-01-01T00:00:00Z")  # fmt: skip
    town.run(
        "INSERT INTO code_value (key, scheme, code, label_bg, label_en) VALUES "
        "('building_use/100', 'building_use', '100', 'Жилищна сграда', 'Dwelling')"
    )
    with connect(town.url, city=CITY.name) as connection:
        rebuild(connection)
        refresh_gazetteer(connection)
    town.run("ANALYZE")
    return town


@pytest.fixture(scope="module")
def ask(town: Town) -> Iterator[Asked]:
    # a busy machine may take its time
    settings = Settings(database_url=town.url, connections=2, page_ceiling=1000, waiting_timeout_s=60)
    asked = Asked(town, settings)
    yield asked
    asked.close()


@pytest.fixture(scope="module")
def reference(ask: Asked) -> Iterator[Reference]:
    """The town with rows of every entity in it, and a second way to ask it."""
    crowd.fill(ask.town, seed=7)
    with connect(ask.town.url, city=CITY.name) as connection:
        rebuild(connection)
        refresh_gazetteer(connection)
    ask.town.run("ANALYZE")
    reference = Reference(ask.town, ask.settings)
    yield reference
    reference.close()
