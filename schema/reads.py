"""How a GraphQL field is read: the metadata on every Strawberry field, and all that planner.py relies on.

A hand-written Strawberry type whose fields carry these stands beside the derived ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from schema import plan
    from schema.planner import Asked, Planner


@dataclass(frozen=True)
class Cost:
    """What a field costs each time that it is asked for, and for each row that it may give; see cost.py."""

    weight: float = 0
    per_item: float = 0


class Feature(ABC):
    """A subject of its own, which plans itself: lookups.py has some."""

    cost: ClassVar[Cost] = Cost(0, 1)

    @abstractmethod
    def plan(self, planner: Planner, asked: Asked) -> plan.Item:
        """What is to be read for a field that is asked for; BadRequest where it may not be."""


class OfPage(ABC):
    """A part of a connection that is a subject of its own: aggregates.py and groups.py have some."""

    cost: ClassVar[Cost] = Cost(0, 1)

    @abstractmethod
    def plan(self, planner: Planner, asked: Asked, page: plan.Page) -> plan.Feature:
        """What is to be read for it; the page says of which records, and has no parts yet."""


class OfMany(ABC):
    """A measure of many records: aggregates.py has all."""

    @property
    @abstractmethod
    def cost(self) -> Cost:
        """What it costs for each record that it is of."""


@dataclass(frozen=True)
class Id:
    """The public id."""


@dataclass(frozen=True)
class Uri:
    """The dereferenceable address."""


@dataclass(frozen=True)
class Label:
    """What people call it, in the language of the `lang` argument."""


@dataclass(frozen=True)
class Value:
    """A column or computed value of the entity, as it is."""

    name: str


@dataclass(frozen=True)
class Coded:
    """A code with its label from a code list."""

    name: str
    scheme: str


@dataclass(frozen=True)
class CodedPart:
    """A part of a CodedValue: code, label or scheme."""

    part: str


@dataclass(frozen=True)
class Shape:
    """A geometry column, None for the main one. `what`: see plan.Shape."""

    name: str | None
    what: str = "geometry"


@dataclass(frozen=True)
class Distance:
    """Metres from the entity's main geometry to the geometry of the `to` argument."""


@dataclass(frozen=True)
class ToOne:
    """The entity that a link's key names."""

    name: str
    target: str


@dataclass(frozen=True)
class ToMany:
    """A connection of the entities that hang from this one."""

    name: str
    target: str


@dataclass(frozen=True)
class Levels:
    """The levels of detail at which a building's 3D shape is kept."""


@dataclass(frozen=True)
class AtLevel:
    """A building's 3D shape at the level of detail of the `level` argument."""


@dataclass(frozen=True)
class SourcesOf:
    """The data sets that an entity's record comes from."""


@dataclass(frozen=True)
class IdentifiersOf:
    """The identifiers that registers and publishers gave an entity."""


@dataclass(frozen=True)
class SameAs:
    """The URIs by which others know an entity."""


@dataclass(frozen=True)
class LinksOf:
    """A connection of the claims in which an entity is subject or object."""


@dataclass(frozen=True)
class LinkEnd:
    """A link's subject or object, of whatever entity it is."""

    side: str


@dataclass(frozen=True)
class Part:
    """A part of a connection, an edge or a page: nodes, edges, pageInfo, totalCount, node, cursor..."""

    name: str


@dataclass(frozen=True)
class Root:
    """A connection of all entities of a type."""

    target: str


@dataclass(frozen=True)
class RootList:
    """All entities of a type as a plain list."""

    target: str


@dataclass(frozen=True)
class RootNode:
    """One entity by its public id."""


@dataclass(frozen=True)
class RootIdentifier:
    """One entity by an identifier that a register gave it."""


@dataclass(frozen=True)
class RootNotices:
    """A connection of notices, narrowed by source and rule."""


Read = (
    Feature
    | OfPage
    | OfMany
    | Id
    | Uri
    | Label
    | Value
    | Coded
    | CodedPart
    | Shape
    | Distance
    | ToOne
    | ToMany
    | Levels
    | AtLevel
    | SourcesOf
    | IdentifiersOf
    | SameAs
    | LinksOf
    | LinkEnd
    | Part
    | Root
    | RootList
    | RootNode
    | RootIdentifier
    | RootNotices
)
