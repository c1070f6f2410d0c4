"""Areas and the link ledger: which record lies where and which is tied to which, how, and how surely.

The loaders call these after a merge; everything here is set-based SQL on one city's schema, which the
caller's connection has as its search_path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from geoalchemy2 import Geometry
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from twin.entities import ENTITIES, Base, Entity
from twin.fields import KEY
from twin.history import HISTORY

#: the entities that others lie in, the larger first: a neighbourhood has its district
AREAS = ("District", "Neighbourhood")
#: vertices of the largest piece of a boundary; measured on 24 districts and 20,000 buildings
PART_VERTICES = 64

_MEASURES = {"MULTIPOLYGON": SQL("ST_Area"), "MULTILINESTRING": SQL("ST_Length")}


class AreaPart(Base):
    """A piece of a district's or neighbourhood's boundary, small enough to be found and tested quickly."""

    __tablename__ = "area_part"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    area_type: Mapped[str] = mapped_column(Text(collation="C"))
    area_key: Mapped[str] = mapped_column(KEY, index=True)
    part: Mapped[Any] = mapped_column(Geometry("POLYGON", srid=0, spatial_index=True), nullable=False)


@dataclass(frozen=True)
class AreaJoin:
    """How a statement finds the area in which a row lies: a join, and the value that it yields."""

    attribute: str
    join: Composable
    value: Composable


def area_joins(entity: Entity, row: str) -> list[AreaJoin]:
    """The joins that find the district and the neighbourhood of each row of an entity, `row` its alias.

    A point belongs to the area that covers it, the first by key where two do. A line or polygon belongs to
    the one that holds more than half of it, and to none when none does. Most of those lie in one piece of a
    boundary, which a single index lookup finds; only the others are cut.
    """
    if entity.geometry is None:
        return []
    kind = entity.fields[entity.geometry].geometry or ""
    shape = Identifier(row, entity.geometry)
    return [
        _area_join(attribute, target, shape, kind)
        for attribute, target in entity.links.items()
        if target in AREAS and target != entity.name
    ]


def _area_join(attribute: str, area: str, shape: Composable, kind: str) -> AreaJoin:
    whole, most = Identifier(f"{attribute}_whole"), Identifier(f"{attribute}_most")
    covering = SQL(
        "LEFT JOIN LATERAL (SELECT area_key FROM area_part"
        " WHERE area_type = {area} AND ST_Covers(part, {shape}) ORDER BY area_key LIMIT 1) AS {whole} ON true"
    ).format(area=Literal(area), shape=shape, whole=whole)
    if kind not in _MEASURES:
        return AreaJoin(attribute, covering, SQL("{}.area_key").format(whole))
    holding = SQL(
        "LEFT JOIN LATERAL (SELECT area_key FROM area_part"
        " WHERE {whole}.area_key IS NULL AND area_type = {area} AND ST_Intersects(part, {shape})"
        " GROUP BY area_key HAVING sum({measure}(ST_Intersection(part, {shape}))) > {measure}({shape}) / 2"
        " ORDER BY sum({measure}(ST_Intersection(part, {shape}))) DESC, area_key LIMIT 1) AS {most} ON true"
    ).format(whole=whole, most=most, area=Literal(area), shape=shape, measure=_MEASURES[kind])
    return AreaJoin(
        attribute,
        SQL("{} {}").format(covering, holding),
        SQL("COALESCE({}.area_key, {}.area_key)").format(whole, most),
    )


def refresh_area_parts(connection: psycopg.Connection[Any], area: Entity) -> None:
    """Cut the boundaries of an area entity into pieces anew."""
    boundary = Identifier(area.geometry or "")
    connection.execute("DELETE FROM area_part WHERE area_type = %s", [area.name])
    connection.execute(
        SQL(
            "INSERT INTO area_part (area_type, area_key, part)"
            " SELECT {area}, key, ST_Subdivide({boundary}, {vertices}) FROM {table} ORDER BY key"
        ).format(
            area=Literal(area.name),
            boundary=boundary,
            vertices=Literal(PART_VERTICES),
            table=Identifier(area.table.name),
        )
    )
    connection.execute("ANALYZE area_part")


def relink_areas(connection: psycopg.Connection[Any], entity: Entity) -> int:
    """Give every row of an entity the areas in which it lies; how many were in others before."""
    areas = area_joins(entity, "s")
    if not areas:
        return 0
    return _rewrite(
        connection,
        entity,
        SQL("SELECT s.key, {} FROM {} AS s {}").format(
            SQL(", ").join(SQL("{} AS {}").format(one.value, Identifier(one.attribute)) for one in areas),
            Identifier(entity.table.name),
            SQL(" ").join(one.join for one in areas),
        ),
        [one.attribute for one in areas],
    )


def relink(connection: psycopg.Connection[Any], changed: Sequence[str]) -> None:
    """Bring links up to date after the named entities' rows changed."""
    if set(changed) & set(AREAS):
        for entity in ENTITIES:
            if entity.is_spatial:
                relink_areas(connection, entity)


def _rewrite(
    connection: psycopg.Connection[Any],
    entity: Entity,
    found: Composable,
    attributes: list[str],
) -> int:
    """Set attributes to what `found` (key and attributes) says, only where they differ; how many did.

    A version that an earlier transaction wrote goes to history first.
    """
    history = HISTORY[entity.name]
    kept = [column.key for column in history.columns if column.key not in ("version", "recorded_to")]
    changed = connection.execute(
        SQL(
            "WITH found AS ({found}), differing AS MATERIALIZED ("
            " SELECT f.* FROM found AS f JOIN {table} AS t USING (key)"
            " WHERE ROW({t}) IS DISTINCT FROM ROW({f})"
            "), remembered AS ("
            " INSERT INTO {history} ({kept}, recorded_to) SELECT {t_kept}, now() FROM {table} AS t"
            " JOIN differing AS d USING (key) WHERE t.recorded_at < now()"
            ") UPDATE {table} AS t SET {settings}, recorded_at = now() FROM differing AS d WHERE t.key = d.key"
        ).format(
            found=found,
            table=Identifier(entity.table.name),
            history=Identifier(history.name),
            t=SQL(", ").join(Identifier("t", name) for name in attributes),
            f=SQL(", ").join(Identifier("f", name) for name in attributes),
            kept=SQL(", ").join(Identifier(name) for name in kept),
            t_kept=SQL(", ").join(Identifier("t", name) for name in kept),
            settings=SQL(", ").join(
                SQL("{} = d.{}").format(Identifier(name), Identifier(name)) for name in attributes
            ),
        )
    )
    return changed.rowcount


__all__ = [
    "AREAS",
    "AreaJoin",
    "AreaPart",
    "area_joins",
    "refresh_area_parts",
    "relink",
    "relink_areas",
]
