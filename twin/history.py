"""Superseded versions: a history table beside each entity's, filled by the merge in the same transaction.

A question about today never reads these tables. There are no triggers: the merge's own SQL writes them.
"""

from __future__ import annotations

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table

from twin.entities import ENTITIES, Base, Entity


def _history_table(entity: Entity) -> Table:
    columns: list[Any] = [
        Column("version", BigInteger, Identity(), primary_key=True),
        *(
            # the rendition is left out: it can be made again from the geometry
            Column(column.key, _unindexed(column.type), nullable=True)
            for column in entity.table.columns
            if not column.computed
        ),
        Column("recorded_to", DateTime(timezone=True), nullable=False, comment="When a newer version came"),
    ]
    table = Table(f"{entity.table.name}_history", Base.metadata, *columns)
    Index(f"{table.name}_key_idx", table.c.key, table.c.recorded_to)
    for name, known in entity.fields.items():
        if known.identifier:  # an identifier that a record had once still leads to it
            Index(f"{table.name}_{name}_idx", table.c[name])
    return table


def _unindexed(type_: Any) -> Any:
    if isinstance(type_, Geometry):
        return Geometry(
            type_.geometry_type, srid=0, dimension=type_.dimension, spatial_index=False, nullable=True
        )
    return type_


#: entity name -> its history table: the entity's columns, and until when the twin held that version
HISTORY: dict[str, Table] = {
    entity.name: _history_table(entity)
    for entity in ENTITIES
    if entity.is_city_entity or entity.name == "Link"
}
