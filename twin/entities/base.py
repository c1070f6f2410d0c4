"""What every entity has, and how an entity class is read by the rest of the twin."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, MetaData, Table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twin.fields import INFO, KEY, Computed, Field, Many, field, rendition

NAMING = {
    "ix": "%(table_name)s_%(column_0_name)s_idx",
    "uq": "%(table_name)s_%(column_0_name)s_key",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Registry of the tables of one city; which city is said by the PostgreSQL schema."""

    metadata = MetaData(naming_convention=NAMING)


class Node(Base):
    """Anything with an id."""

    __abstract__ = True
    #: URI of the published term that the entity stands for
    __term__: ClassVar[str | None] = None
    #: the fields that a label is read from: in the city's language, and in Latin script
    __label__: ClassVar[tuple[str, str] | None] = None
    #: the geometry that `geometry`, `centroid`, `bbox` and `distance` speak of
    __geometry__: ClassVar[str | None] = None

    key: Mapped[str] = mapped_column(KEY, primary_key=True, sort_order=-10)


class CityEntity(Node):
    """Something in the city that sources speak of and links tie together."""

    __abstract__ = True

    sources: Mapped[list[str]] = mapped_column(
        ARRAY(KEY),
        sort_order=80,
        info={INFO: Field("The data sets that this record comes from", hidden=True, derived=True)},
    )
    valid_from: Mapped[dt.date | None] = field(
        "Since when it was so in the city, where the source says it", nullable=True
    )
    valid_to: Mapped[dt.date | None] = field("Until when it was so in the city", nullable=True)
    recorded_at: Mapped[dt.datetime] = field(
        "When the twin learnt this version of the record", DateTime(timezone=True), derived=True
    )


class SpatialEntity(CityEntity):
    """A city entity with a place on the ground."""

    __abstract__ = True


@dataclass(frozen=True)
class Entity:
    """An entity class as plain facts, for the compiler, the loaders and the schema."""

    cls: type[Node]

    @property
    def name(self) -> str:
        return self.cls.__name__

    @cached_property
    def doc(self) -> str:
        return re.sub(r"\s+", " ", self.cls.__doc__ or "").strip()

    @cached_property
    def table(self) -> Table:
        table = self.cls.__table__
        assert isinstance(table, Table)
        return table

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Public and hidden fields by attribute name, in the order of declaration."""
        return {column.key: column.info[INFO] for column in self.table.columns if INFO in column.info}

    @cached_property
    def computed(self) -> dict[str, Computed]:
        return {n: v for n, v in self._attributes() if isinstance(v, Computed)}

    @cached_property
    def lists(self) -> dict[str, Many]:
        return {n: v for n, v in self._attributes() if isinstance(v, Many)}

    @cached_property
    def links(self) -> dict[str, str]:
        """Attribute name of each to-one link -> the entity it leads to."""
        return {name: f.link for name, f in self.fields.items() if f.link}

    @property
    def geometry(self) -> str | None:
        return self.cls.__geometry__

    @property
    def term(self) -> str | None:
        return self.cls.__term__

    @property
    def label(self) -> tuple[str, str] | None:
        return self.cls.__label__

    @property
    def is_city_entity(self) -> bool:
        return issubclass(self.cls, CityEntity)

    @property
    def is_spatial(self) -> bool:
        return issubclass(self.cls, SpatialEntity)

    @cached_property
    def loaded_columns(self) -> list[Column[Any]]:
        """The columns that a source may fill."""
        return [
            column
            for column in self.table.columns
            if column.key == "key" or (column.key in self.fields and not self.fields[column.key].derived)
        ]

    def _attributes(self) -> list[tuple[str, Any]]:
        seen: dict[str, Any] = {}
        for base in reversed(self.cls.__mro__):
            seen.update(vars(base))
        return list(seen.items())


__all__ = ["Base", "CityEntity", "Entity", "Node", "SpatialEntity", "rendition"]
