"""The same questions answered by Strawberry as its documentation teaches it: resolvers and DataLoaders.

A peer of the benchmark, at its fair best: async SQLAlchemy over psycopg, only the columns that are asked for,
the parser's and validation's caches, orjson, uvloop. Run by peers.py under uvicorn.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
import strawberry
from psycopg.types.json import set_json_loads
from sqlalchemy import Double, Executable, Select, Text, cast, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.scalars import JSON

from twin import entities

_SITES = 5


class Database:
    """The tables of one city, through a pool of connections."""

    def __init__(self, url: str, city: str, srid: int) -> None:
        self.srid = srid
        self._engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=16,
            max_overflow=0,
            pool_timeout=120,
            isolation_level="AUTOCOMMIT",
        ).execution_options(schema_translate_map={None: city})

    async def rows(self, statement: Executable) -> Sequence[Any]:
        async with self._engine.connect() as connection:
            found: Sequence[Any] = (await connection.execute(statement)).all()
            return found


@strawberry.type
class District:
    id: strawberry.ID
    code: str
    name_bg: str | None

    @strawberry.field
    async def buildings(self, info: strawberry.Info[Loaders]) -> int:
        return (await info.context.storeys.load(str(self.id)))[0]

    @strawberry.field
    async def mean_storeys(self, info: strawberry.Info[Loaders]) -> float | None:
        return (await info.context.storeys.load(str(self.id)))[1]

    @strawberry.field
    async def businesses(self, info: strawberry.Info[Loaders]) -> int:
        return await info.context.businesses.load(str(self.id))


@strawberry.type
class Stop:
    id: strawberry.ID
    name: str | None
    distance: float | None


@strawberry.type
class Site:
    id: strawberry.ID
    name: str | None
    kind: str


@strawberry.type
class Building:
    id: strawberry.ID
    cadastral_id: str | None
    storeys_above_ground: int | None
    height_m: float | None
    geometry: JSON | None
    district_key: strawberry.Private[str | None]

    @strawberry.field
    async def district(self, info: strawberry.Info[Loaders]) -> District | None:
        return None if self.district_key is None else await info.context.districts.load(self.district_key)

    @strawberry.field
    async def sites(self, info: strawberry.Info[Loaders]) -> list[Site]:
        return await info.context.sites.load(str(self.id))


class Loaders:
    """What one request has loaded; a new one for every request."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.districts: DataLoader[str, District | None] = DataLoader(load_fn=self._load_districts)
        self.sites: DataLoader[str, list[Site]] = DataLoader(load_fn=self._load_sites)
        self.storeys: DataLoader[str, tuple[int, float | None]] = DataLoader(load_fn=self._load_storeys)
        self.businesses: DataLoader[str, int] = DataLoader(load_fn=self._load_businesses)

    async def _load_districts(self, keys: list[str]) -> list[District | None]:
        table = entities.District
        rows = await self.database.rows(
            select(table.key, table.code, table.name_bg).where(table.key.in_(keys))
        )
        found = {key: District(id=strawberry.ID(key), code=code, name_bg=name) for key, code, name in rows}
        return [found.get(key) for key in keys]

    async def _load_storeys(self, keys: list[str]) -> list[tuple[int, float | None]]:
        table = entities.Building
        rows = await self.database.rows(
            select(table.district, func.count(), cast(func.avg(table.storeys_above_ground), Double))
            .where(table.district.in_(keys))
            .group_by(table.district)
        )
        found = {key: (count, mean) for key, count, mean in rows}
        return [found.get(key, (0, None)) for key in keys]

    async def _load_businesses(self, keys: list[str]) -> list[int]:
        table = entities.Site
        rows = await self.database.rows(
            select(table.district, func.count(table.business.distinct()))
            .where(table.district.in_(keys))
            .group_by(table.district)
        )
        found = {row[0]: row[1] for row in rows}
        return [found.get(key, 0) for key in keys]

    async def _load_sites(self, keys: list[str]) -> list[list[Site]]:
        table = entities.Site
        asked = (
            func.unnest(cast(literal(keys, ARRAY(Text)), ARRAY(Text)))
            .table_valued("key", name="asked")
            .render_derived()
        )
        first = (
            select(table.key, table.name, table.kind)
            .where(table.building == asked.c.key)
            .order_by(table.key)
            .limit(_SITES)
            .lateral("first")
        )
        rows = await self.database.rows(
            select(asked.c.key, first.c.key, first.c.name, first.c.kind).join_from(asked, first, true())
        )
        found = defaultdict(list)
        for building, key, name, kind in rows:
            found[building].append(Site(id=strawberry.ID(key), name=name, kind=kind))
        return [found[key] for key in keys]


def _building(row: Any) -> Building:
    key, cadastral_id, storeys, height_m, geojson, district = row
    return Building(
        id=strawberry.ID(key),
        cadastral_id=cadastral_id,
        storeys_above_ground=storeys,
        height_m=height_m,
        geometry=geojson,
        district_key=district,
    )


def _buildings() -> Select[Any]:
    table = entities.Building
    return select(
        table.key,
        table.cadastral_id,
        table.storeys_above_ground,
        table.height_m,
        table.geojson,
        table.district,
    )


@strawberry.type
class Query:
    @strawberry.field
    async def building(self, info: strawberry.Info[Loaders], id: strawberry.ID) -> Building | None:
        rows = await info.context.database.rows(_buildings().where(entities.Building.key == id))
        return _building(rows[0]) if rows else None

    @strawberry.field
    async def buildings(
        self,
        info: strawberry.Info[Loaders],
        west: float,
        south: float,
        east: float,
        north: float,
        first: int,
    ) -> list[Building]:
        database = info.context.database
        edges = func.ST_Segmentize(
            func.ST_MakeEnvelope(west, south, east, north, 4326), min(east - west, north - south) / 16
        )
        # in a subquery, so that it is worked out once: a generic plan would do it for every row (7 times slower)
        box = select(func.ST_Transform(edges, database.srid)).scalar_subquery()
        table = entities.Building
        statement = (
            _buildings().where(func.ST_Intersects(table.footprint, box)).order_by(table.key).limit(first)
        )
        return [_building(row) for row in await database.rows(statement)]

    @strawberry.field
    async def nearest_stops(
        self, info: strawberry.Info[Loaders], lon: float, lat: float, first: int
    ) -> list[Stop]:
        database, table = info.context.database, entities.TransitStop
        point = func.ST_SetSRID(func.ST_MakePoint(lon, lat), 4326)
        here = select(func.ST_Transform(point, database.srid)).scalar_subquery()
        statement = (
            select(table.key, table.name, func.ST_Distance(table.position, here))
            .order_by(table.position.op("<->")(here))
            .limit(first)
        )
        rows = await database.rows(statement)
        return [Stop(id=strawberry.ID(key), name=name, distance=metres) for key, name, metres in rows]

    @strawberry.field
    async def districts(self, info: strawberry.Info[Loaders]) -> list[District]:
        table = entities.District
        rows = await info.context.database.rows(
            select(table.key, table.code, table.name_bg).order_by(table.key)
        )
        return [District(id=strawberry.ID(key), code=code, name_bg=name) for key, code, name in rows]


class Application(GraphQL[Loaders, None]):
    """Strawberry's own ASGI application with a faster JSON and the loaders as its context."""

    def __init__(self, schema: strawberry.Schema, database: Database) -> None:
        super().__init__(schema, graphql_ide=None)
        self._database = database

    async def get_context(self, request: Any, response: Any) -> Loaders:
        return Loaders(self._database)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


def create() -> Application:
    """The application that uvicorn serves."""
    set_json_loads(orjson.loads)
    database = Database(os.environ["DATABASE_URL"], os.environ["PEER_CITY"], int(os.environ["PEER_SRID"]))
    schema = strawberry.Schema(query=Query, extensions=[ParserCache, ValidationCache])
    return Application(schema, database)
