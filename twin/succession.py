"""Old ids: what took a record's place when a register merged, split or renumbered it.

`schema/` asks here for `node`, `byIdentifier` and `/id/...`; the table itself is filled like any other.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql import Select
from sqlalchemy.sql.elements import ColumnElement

from twin.entities import Entity, Succession
from twin.history import HISTORY
from twin.identity import public_id

_SUCCESSION: Any = Succession.__table__


def heirs(entity: Entity, key: ColumnElement[Any], name: str) -> Select[Any]:
    """The keys of the living records that stand in the place of `key`, directly or by way of others.

    A chain ends at the first record that is there; one that leads back into itself ends nowhere. `name` is
    the subquery's, which must be the only one of its name in a statement.
    """
    living = entity.table.alias(f"{name}_living")
    stepping = _SUCCESSION.alias(f"{name}_step")
    of_entity: Any = literal_column(f"'{entity.name}'")
    step = _SUCCESSION.alias(f"{name}_first")
    chain = (
        select(step.c.new_key.label("key"))
        .where(step.c.entity == of_entity, step.c.old_key == key)
        .cte(name, recursive=True, nesting=True)
    )
    there = select(literal_column("1")).where(living.c.key == chain.c.key).exists()
    chain = chain.union(  # not UNION ALL: what was met before is not followed again
        select(stepping.c.new_key).where(
            stepping.c.entity == of_entity, stepping.c.old_key == chain.c.key, ~there
        )
    )
    found = entity.table.alias(f"{name}_found")
    return select(found.c.key).join(chain, chain.c.key == found.c.key)


def standing(entity: Entity, key: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """A record's key as it is now: `key` itself where that record is there, else that of its only heir."""
    own = entity.table.alias(f"{name}_own")
    heir = heirs(entity, key, name).subquery(f"{name}_heir")
    sole = select(func.min(heir.c.key)).having(func.count() == literal_column("1"))
    return func.coalesce(select(own.c.key).where(own.c.key == key).scalar_subquery(), sole.scalar_subquery())


def bearer(entity: Entity, column: str, value: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """The key of who bears an identifier now, else of who bore it last, else the identifier as a key."""
    now, once = entity.table.alias(f"{name}_now"), HISTORY[entity.name].alias(f"{name}_once")
    one: Any = literal_column("1")
    return func.coalesce(
        select(now.c.key).where(now.c[column] == value).order_by(now.c.key).limit(one).scalar_subquery(),
        select(once.c.key)
        .where(once.c[column] == value)
        .order_by(once.c.recorded_to.desc())
        .limit(one)
        .scalar_subquery(),
        value,
    )


def fate(entity: Entity, key: ColumnElement[Any]) -> Select[Any]:
    """What became of a record that is no more: a JSON array of its heirs' ids (null: none), and when the twin
    last knew it (null: it never did)."""
    heir = heirs(entity, key, "heir").subquery("heirs")
    once = HISTORY[entity.name].alias("once")
    prefix: Any = literal_column(f"'{public_id(entity.name, '')}'")
    return select(
        select(func.json_agg(aggregate_order_by(prefix.concat(heir.c.key), heir.c.key))).scalar_subquery(),
        select(func.max(once.c.recorded_to)).where(once.c.key == key).scalar_subquery(),
    )
