"""A plan: what an operation reads, as frozen dataclasses that can be printed, costed and tested.

planner.py makes it of a validated document, compile.py one statement of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema.arguments import Leaf, Tree
from twin.entities import Entity

if TYPE_CHECKING:
    from schema.compile import Compiler
    from schema.cost import Bill

#: pairs of response key and part, in the order asked
Parts = tuple[tuple[str, str], ...]


# --- what is asked of a row ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Constant:
    """A value that needs no data: __typename."""

    key: str
    value: str


@dataclass(frozen=True)
class PublicId:
    key: str


@dataclass(frozen=True)
class Address:
    """The dereferenceable URI."""

    key: str


@dataclass(frozen=True)
class Label:
    key: str
    lang: str


@dataclass(frozen=True)
class Value:
    key: str
    name: str


@dataclass(frozen=True)
class Coded:
    """A CodedValue: pairs of response key and part (code, scheme, BG or EN for a label, a type's name)."""

    key: str
    name: str
    scheme: str
    parts: Parts


@dataclass(frozen=True)
class Shape:
    key: str
    name: str
    what: str
    crs: int
    precision: int
    simplify: Leaf | None


@dataclass(frozen=True)
class Distance:
    key: str
    to: Place


@dataclass(frozen=True)
class Levels:
    """The levels of detail of a building."""

    key: str


@dataclass(frozen=True)
class AtLevel:
    """A building's shape at one level of detail."""

    key: str
    level: Leaf


@dataclass(frozen=True)
class Identifiers:
    """An entity's identifiers: pairs of response key and part (scheme, value, uri or __typename)."""

    key: str
    parts: Parts


@dataclass(frozen=True)
class SameAs:
    """The URIs by which others know an entity."""

    key: str


@dataclass(frozen=True)
class One:
    """The entity that this row's link names."""

    key: str
    name: str
    target: Entity
    items: Items


@dataclass(frozen=True)
class AllOf:
    """Sources of a row, or every row of a small entity at the root, as a plain list."""

    key: str
    target: Entity
    items: Items
    of_row: bool


@dataclass(frozen=True)
class End:
    """A link's subject or object: what to read of it, by entity."""

    key: str
    side: str
    choices: tuple[tuple[Entity, Items], ...]


@dataclass(frozen=True)
class Edges:
    """What is asked of each edge of a list that a subject of its own finds."""

    key: str
    items: Items


#: of such a list; an End is of its nodes
FoundPart = Edges | End | Constant


@dataclass(frozen=True)
class Single:
    """One row of the root: by id, or by an identifier of a scheme."""

    key: str
    target: Entity
    value: Leaf
    items: Items
    scheme: str | None = None


@dataclass(frozen=True)
class Feature(ABC):
    """What a subject of its own reads, such as a search: it says itself what SQL gives its value."""

    key: str

    @abstractmethod
    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        """The JSON value, of a row `t` of an entity; both are None at the root."""


# --- conditions -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Place:
    """A geometry argument: its tree, and the argument path that errors name."""

    tree: Tree
    where: str
    entity: Entity | None = None  #: of the entity whose geometry is meant
    of: Place | None = None  #: what a buffer is around
    parts: tuple[Place, ...] = ()  #: what a union is of
    inward: bool = False  #: of a buffer: whether it may leave nothing
    dimension: int | None = None  #: what its union is of: 0 points, 1 lines, 2 areas


@dataclass(frozen=True)
class All:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    condition: Condition


@dataclass(frozen=True)
class Compare:
    """`op` is an operator of filters.py, or notNull; of a JSON object it is of a member that is a number."""

    name: str
    op: str
    value: Leaf | None
    where: str
    member: Leaf | None = None


@dataclass(frozen=True)
class Spatial:
    """`predicate` is one of filters.PREDICATES, dwithin or relate."""

    name: str
    predicate: str
    place: Place
    within_m: Leaf | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Through:
    """The linked entity is so."""

    name: str
    target: Entity
    condition: Condition


@dataclass(frozen=True)
class Among:
    """Some, every or none of the entities that hang from this one are so."""

    name: str
    target: Entity
    quantifier: str
    condition: Condition


Condition = All | Either | Not | Compare | Spatial | Through | Among


# --- pages ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Order:
    """One key of an order: a field, or the distance to a place; of what is found through links, if any."""

    name: str | None
    descending: bool
    place: Place | None = None
    nulls_first: bool = False
    through: tuple[tuple[str, Entity], ...] = ()


@dataclass(frozen=True)
class Edge:
    """Parts of an edge in the order asked: (response key, part, items of its node)."""

    key: str
    parts: tuple[tuple[str, str, Items], ...]


@dataclass(frozen=True)
class Nodes:
    key: str
    items: Items


@dataclass(frozen=True)
class PageInfo:
    key: str
    parts: Parts


@dataclass(frozen=True)
class TotalCount:
    key: str


PagePart = Edge | Nodes | PageInfo | TotalCount | Feature | Constant


@dataclass(frozen=True)
class Page:
    """A connection. `via` is the parent's list attribute, None at the root, or 'links'."""

    key: str
    entity: Entity
    via: str | None
    condition: Condition | None
    order: tuple[Order, ...]
    size: int
    backwards: bool
    cursor: Leaf | None
    parts: tuple[PagePart, ...]


Item = (
    Feature
    | Constant
    | PublicId
    | Address
    | Label
    | Value
    | Coded
    | Shape
    | Distance
    | Levels
    | AtLevel
    | Identifiers
    | SameAs
    | One
    | AllOf
    | End
    | Single
    | Page
)
Items = tuple[Item, ...]


@dataclass(frozen=True)
class Plan:
    """A whole operation: its root fields, and what they may cost at most."""

    items: Items
    bill: Bill
    introspects: bool = False
