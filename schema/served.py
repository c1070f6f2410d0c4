"""What a server process holds: the engine, its database connections and the cities it knows."""

from __future__ import annotations

import gc

import orjson
from starlette.exceptions import HTTPException

from schema import query
from schema.callers import Callers
from schema.disconnect import Departures
from schema.execute import Engine
from schema.persisted import read_operations
from schema.versions import Versions
from twin.database import City, Reader
from twin.settings import Settings


class Served:
    """What answers need, from the start of a server process to its end."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.url = url
        self.schema = query.build()
        self.engine = Engine(self.schema, settings)
        self.operations = read_operations(settings, self.engine.schema)
        self.reader = Reader(url, settings)
        self.versions = Versions(url, settings)
        self.callers = Callers(settings)
        self.departures = Departures()
        self.cities: dict[str, City] = {}
        self.streams = 0  #: how many run now

    async def open(self) -> None:
        """Connect to the database; Unreachable when it does not answer."""
        await self.reader.open()
        await self.learn_cities()
        await self.versions.open()
        # what is here now stays: to look through it for garbage would hold up all answers for 0.1 s
        gc.collect()
        gc.freeze()

    async def close(self) -> None:
        await self.versions.close()
        await self.reader.close()

    async def learn_cities(self) -> None:
        """Read the list of cities anew: one may have been loaded since."""
        (found,) = await self.reader.fetch(
            b"SELECT coalesce(json_agg(c ORDER BY registered_at), '[]') FROM twin.city c", []
        )
        self.cities = {
            row["name"]: City(row["name"], row["title"], row["srid"], tuple(row["bounds"]))
            for row in orjson.loads(found or b"[]")
        }

    async def city(self, name: str | None) -> City:
        """The city of that name, or the default one; HTTPException 404 lists those there are."""
        if name is None:
            name = self.settings.city or next(iter(self.cities), None)
        if name is None or name not in self.cities:
            await self.learn_cities()
            name = name or next(iter(self.cities), None)
        if name is None:
            raise HTTPException(
                404, "no city is loaded yet: run `twin load`, or `make demo` for the sample city"
            )
        if name not in self.cities:
            known = ", ".join(self.cities) or "none yet"
            raise HTTPException(404, f'there is no city "{name}"; loaded: {known}')
        return self.cities[name]
