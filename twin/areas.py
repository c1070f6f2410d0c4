"""Which district and neighbourhood a thing lies in, settled by geometry alone.

The merge computes it for the rows that it writes, links.py for the others when a boundary changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from geoalchemy2 import Geometry
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal
from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from twin.entities import Base, Entity
from twin.fields import KEY

#: the entities that others lie in, the larger first: a neighbourhood has its district
AREAS = ("District", "Neighbourhood")
#: vertices of the largest piece of a boundary
PART_VERTICES = 64

#: the table that whereabouts() makes
WHEREABOUTS = Identifier("staging_whereabouts")
_PLACES = Identifier("staging_place")
_MEASURES = {"MULTIPOLYGON": SQL("ST_Area"), "MULTILINESTRING": SQL("ST_Length")}


class AreaPart(Base):
    """A piece of a district's or neighbourhood's boundary, small enough to be found and tested quickly."""

    __tablename__ = "area_part"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    area_type: Mapped[str] = mapped_column(Text(collation="C"))
    area_key: Mapped[str] = mapped_column(KEY, index=True)
    part: Mapped[Any] = mapped_column(Geometry("POLYGON", srid=0, spatial_index=True), nullable=False)


@contextmanager
def whereabouts(
    connection: psycopg.Connection[Any], entity: Entity, places: Composable
) -> Iterator[tuple[str, ...]]:
    """A table of the areas in which some of an entity's rows lie; yields its columns beside `key`.

    `places` is a query of the rows' `key` and `shape`, WHEREABOUTS the table. Where the entity has no links
    to areas there are no columns and no table. A point belongs to the area that covers it, the first by key
    where two do. A line or polygon belongs to the one that holds more than half of it, and to none when none
    does.
    """
    kind = entity.fields[entity.geometry].geometry if entity.geometry else None
    areas = {name: area for name, area in entity.links.items() if area in AREAS and area != entity.name}
    if kind is None or not areas:
        yield ()
        return
    words = {"places": _PLACES, "whereabouts": WHEREABOUTS}
    connection.execute(SQL("DROP TABLE IF EXISTS {places}, {whereabouts}").format(**words))
    connection.execute(SQL("CREATE UNLOGGED TABLE {places} AS {query}").format(query=places, **words))
    connection.execute(SQL("CREATE INDEX ON {places} USING gist (shape)").format(**words))
    connection.execute(SQL("ANALYZE {places}").format(**words))
    # Each piece of a boundary finds what it covers, at 3 us a row; to look up the piece of each row takes 12,
    # and OFFSET keeps the planner from it. Only for what no piece covers it is worked out who holds most.
    columns, joins = [], []
    for name, area in areas.items():
        found = Identifier(f"in_{name}")
        columns.append(
            SQL("COALESCE({}.area_key, {}) AS {}").format(found, _holding(area, kind), Identifier(name))
        )
        joins.append(
            SQL(
                " LEFT JOIN (SELECT q.key, min(a.area_key) AS area_key FROM area_part AS a"
                "  CROSS JOIN LATERAL (SELECT key FROM {places} WHERE ST_Covers(a.part, shape) OFFSET 0) AS q"
                " WHERE a.area_type = {area} GROUP BY q.key) AS {found} ON {found}.key = p.key"
            ).format(area=Literal(area), found=found, **words)
        )
    connection.execute(
        SQL(
            "CREATE UNLOGGED TABLE {whereabouts} AS SELECT p.key, {columns} FROM {places} AS p{joins}"
        ).format(columns=SQL(", ").join(columns), joins=Composed(joins), **words)
    )
    connection.execute(SQL("DROP TABLE {places}").format(**words))
    connection.execute(SQL("ANALYZE {whereabouts}").format(**words))
    yield tuple(areas)
    connection.execute(SQL("DROP TABLE {whereabouts}").format(**words))


def _holding(area: str, kind: str) -> Composable:
    """The area that holds more than half of the line or polygon `p.shape`.

    That is cut into pieces too: 310 polygons, one of 34,488 vertices, take 1.8 s so, and 5.3 s whole.
    """
    if kind not in _MEASURES:
        return SQL("NULL")
    return SQL(
        "(SELECT area_key FROM ST_Subdivide(p.shape, {vertices}) AS piece"
        " JOIN area_part ON area_type = {area} AND ST_Intersects(part, piece)"
        " GROUP BY area_key HAVING sum({measure}(ST_Intersection(part, piece))) > {measure}(p.shape) / 2"
        " ORDER BY sum({measure}(ST_Intersection(part, piece))) DESC, area_key LIMIT 1)"
    ).format(area=Literal(area), measure=_MEASURES[kind], vertices=Literal(PART_VERTICES))


def refresh_area_parts(connection: psycopg.Connection[Any], area: Entity) -> bool:
    """Cut the boundaries of an area entity into pieces anew; whether that made any difference."""
    words: dict[str, Composable] = {
        "area": Literal(area.name),
        "boundary": Identifier(area.geometry or ""),
        "vertices": Literal(PART_VERTICES),
        "table": Identifier(area.table.name),
        "fresh": Identifier("staging_area_part"),
    }
    connection.execute(SQL("DROP TABLE IF EXISTS {fresh}").format(**words))
    connection.execute(
        SQL(
            "CREATE UNLOGGED TABLE {fresh} AS"
            " SELECT key AS area_key, ST_Subdivide({boundary}, {vertices}) AS part FROM {table}"
        ).format(**words)
    )
    row = connection.execute(
        SQL(
            "WITH held AS (SELECT area_key, part::bytea AS part FROM area_part WHERE area_type = {area}),"
            " fresh AS (SELECT area_key, part::bytea AS part FROM {fresh})"
            " SELECT EXISTS (TABLE held EXCEPT TABLE fresh) OR EXISTS (TABLE fresh EXCEPT TABLE held)"
        ).format(**words)
    ).fetchone()
    differs = bool(row and row[0])
    if differs:
        connection.execute(SQL("DELETE FROM area_part WHERE area_type = {area}").format(**words))
        connection.execute(
            SQL(
                "INSERT INTO area_part (area_type, area_key, part)"
                " SELECT {area}, area_key, part FROM {fresh} ORDER BY area_key"
            ).format(**words)
        )
        connection.execute("ANALYZE area_part")
    connection.execute(SQL("DROP TABLE {fresh}").format(**words))
    return differs
