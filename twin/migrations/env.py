"""Alembic's entry: migrations run once per city, inside that city's schema."""

from __future__ import annotations

from typing import Any

import psycopg
from alembic import context
from geoalchemy2 import Geometry
from geoalchemy2.alembic_helpers import include_object
from sqlalchemy import Connection, text

import twin.areas
import twin.gazetteer
import twin.history
import twin.links
import twin.search  # noqa: F401  (their tables join the metadata)
from twin.database import City, engine_of
from twin.entities import Base
from twin.versions import mark_changed

config = context.config
city: City = config.attributes["city"]


def _same_type(_context: Any, _column: Any, _inspected: Any, found: Any, declared: Any) -> bool | None:
    # each city's tables carry its own SRID, which the metadata cannot know
    if isinstance(declared, Geometry):
        return not isinstance(found, Geometry) or str(found.geometry_type) != str(declared.geometry_type)
    return None


def _run(connection: Connection) -> None:
    connection.dialect.default_schema_name = city.name
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=_same_type,
        include_object=include_object,
        srid=city.srid,
    )
    with context.begin_transaction():
        context.run_migrations()
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, psycopg.Connection)
        mark_changed(driver)


if given := config.attributes.get("connection"):
    _run(given)
else:
    with engine_of(config.attributes["url"]).connect() as connection:
        connection.execute(text(f'SET search_path TO "{city.name}", public'))
        connection.commit()
        _run(connection)
