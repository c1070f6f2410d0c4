"""Which district and neighbourhood a thing lies in, settled by geometry alone.

The merge computes it for the rows that it writes, links.py for the others when a boundary changes.
"""

from __future__ import annotations

from typing import Any

import psycopg
from geoalchemy2 import Geometry
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from twin.entities import Base, Entity
from twin.fields import KEY

#: the entities that others lie in, the larger first: a neighbourhood has its district
AREAS = ("District", "Neighbourhood")
#: vertices of the largest piece of a boundary
PART_VERTICES = 64

_MEASURES = {"MULTIPOLYGON": SQL("ST_Area"), "MULTILINESTRING": SQL("ST_Length")}


class AreaPart(Base):
    """A piece of a district's or neighbourhood's boundary, small enough to be found and tested quickly."""

    __tablename__ = "area_part"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    area_type: Mapped[str] = mapped_column(Text(collation="C"))
    area_key: Mapped[str] = mapped_column(KEY, index=True)
    part: Mapped[Any] = mapped_column(Geometry("POLYGON", srid=0, spatial_index=True), nullable=False)


def area_values(entity: Entity, row: str) -> dict[str, Composable]:
    """What finds the district and the neighbourhood of a row of an entity, `row` its alias, by attribute.

    A point belongs to the area that covers it, the first by key where two do. A line or polygon belongs to
    the one that holds more than half of it, and to none when none does. Most of those lie in one piece of a
    boundary, which a single index lookup finds; only the others are cut.
    """
    if entity.geometry is None:
        return {}
    kind = entity.fields[entity.geometry].geometry or ""
    shape = Identifier(row, entity.geometry)
    return {
        attribute: _area_value(target, shape, kind)
        for attribute, target in entity.links.items()
        if target in AREAS and target != entity.name
    }


def _area_value(area: str, shape: Composable, kind: str) -> Composable:
    words: dict[str, Composable] = {"area": Literal(area), "shape": shape}
    covering = SQL(
        "(SELECT min(area_key) FROM area_part WHERE area_type = {area} AND ST_Covers(part, {shape}))"
    ).format(**words)
    if kind not in _MEASURES:
        return covering
    holding = SQL(
        "(SELECT area_key FROM area_part WHERE area_type = {area} AND ST_Intersects(part, {shape})"
        " GROUP BY area_key HAVING sum({measure}(ST_Intersection(part, {shape}))) > {measure}({shape}) / 2"
        " ORDER BY sum({measure}(ST_Intersection(part, {shape}))) DESC, area_key LIMIT 1)"
    ).format(**words, measure=_MEASURES[kind])
    # the second is only worked out where the first finds nothing
    return SQL("COALESCE({}, {})").format(covering, holding)


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
