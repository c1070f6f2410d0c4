"""What lies around a record and what overlaps it: nearby and overlaps.

Their types, how they are planned, and their SQL; types.py puts them on the entities that have a place.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Double, case, func, literal_column, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from schema import plan as p
from schema import reads, values
from schema.arguments import Leaf, Tree
from schema.compile import Compiler, quoted
from schema.declare import REQUIRED, Argument, InputMember, Member, enum_type, input_type, object_type
from schema.scalars import SHAPE_ARGUMENTS, GeoJSON
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest

if TYPE_CHECKING:
    from schema.planner import Asked, Planner

#: records that one list of neighbours or of overlaps gives at most
CEILING = 100
#: how far off the records may be among which those of a filter are looked for at the usual cost
_NEAR_M = 2_000
_FAR_COST = 5_000


def is_area(entity: Entity) -> bool:
    """Whether an entity's main geometry has an area."""
    return entity.geometry is not None and entity.fields[entity.geometry].geometry == "MULTIPOLYGON"


SPATIAL = tuple(name for name, entity in BY_NAME.items() if entity.is_spatial)
AREAS = tuple(name for name in SPATIAL if is_area(BY_NAME[name]))

#: what a list may be of: an entity, and which of its records
Kind = tuple[Entity, p.Condition | None]


# --- nearby -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Nearby(p.Feature):
    """The nearest records of some kinds."""

    size: int
    parts: tuple[p.FoundPart, ...]
    kinds: tuple[Kind, ...]
    within_m: Leaf | None

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        assert entity is not None
        here = t.c[entity.geometry]
        within = None
        if self.within_m is not None:
            reading = values.number(self.within_m, f"{self.key}.withinM", least=0)
            within = compiler.bind(reading, Double())
        size: ColumnElement[Any] = literal_column(str(self.size))
        each = []
        for number, (kind, condition) in enumerate(self.kinds):
            s = compiler.alias(kind)
            there = s.c[kind.geometry]
            apart = there.op("<->", return_type=Double())(here)
            nearest = compiler.select(
                literal_column(str(number)).label("number"),
                quoted(kind.name).label("other_type"),
                s.c.key.label("other_key"),
                apart.label("distance_m"),
            ).where(here.isnot(None), there.isnot(None))
            if within is not None:
                nearest = nearest.where(func.ST_DWithin(there, here, within))
            if kind.name == entity.name:
                nearest = nearest.where(s.c.key != t.c.key)
            if condition is not None:
                nearest = nearest.where(compiler.condition(kind, s, condition))
            # with all that tie, so that the same question has the same answer; see compile.py
            each.append(nearest.order_by(apart).fetch(size, with_ties=True))
        near = union_all(*each).subquery(compiler.inner("near"))
        order = ("distance_m", "number", "other_key")
        nearest = select(near).order_by(*(near.c[name] for name in order)).limit(size)
        found = nearest.subquery(compiler.inner("found"))
        return compiler.lists(found, self.parts, *(found.c[name] for name in order))


class NearbyOf(reads.Feature):
    """The nearest records of some kinds to the one around it."""

    cost = reads.Cost(100, 1)

    def plan(self, planner: Planner, asked: Asked) -> Nearby:
        size = planner.size(asked, CEILING, "records")
        names = tuple(dict.fromkeys(kind.value for kind in planner.arguments.fix(asked.arguments["kinds"])))
        if not names:
            raise BadRequest(f"is empty; give some of {', '.join(SPATIAL)}", where=f"{asked.name}.kinds")
        # as many of each kind are looked at
        planner.rows += asked.times * size * len(names)
        kinds, parts = _kinds(planner, asked, names), planner.found("Nearby", "other", asked, size, names)
        within = asked.arguments.get("withinM")
        if within is None or not planner.arguments.fix(within, lambda metres: metres <= _NEAR_M):
            # where few are so, what is far off is looked at too
            filtered = sum(condition is not None for _, condition in kinds)
            planner.account.spend(asked.times * filtered * _FAR_COST)
        return Nearby(asked.key, size, parts, kinds, within)


# --- overlaps -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Overlaps(p.Feature):
    """The areas of a kind that share some area with a record's."""

    size: int
    parts: tuple[p.FoundPart, ...]
    kind: Kind
    least: Leaf | None

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        assert entity is not None
        kind, condition = self.kind
        s = compiler.alias(kind)
        here, there = t.c[entity.geometry], s.c[kind.geometry]
        cut = func.ST_Multi(func.ST_CollectionExtract(func.ST_Intersection(there, here), literal_column("3")))
        # most of what is small lies wholly within, which is told faster than it is cut
        shared = case((func.ST_CoveredBy(there, here), there), else_=cut)
        each = compiler.select(
            quoted(kind.name).label("other_type"),
            s.c.key.label("other_key"),
            shared.label("shared"),
            func.ST_Area(there, type_=Double()).label("there_m2"),
            func.ST_Area(here, type_=Double()).label("here_m2"),
        ).where(func.ST_Intersects(there, here))
        if kind.name == entity.name:
            each = each.where(s.c.key != t.c.key)
        if condition is not None:
            each = each.where(compiler.condition(kind, s, condition))
        # OFFSET 0: cut once, not once for each use of it
        pieces = each.offset(literal_column("0")).subquery(compiler.inner("piece"))
        area: ColumnElement[Any] = func.ST_Area(pieces.c.shared, type_=Double())
        one: ColumnElement[Any] = literal_column("1.0::float8")
        largest = select(
            pieces.c.other_type,
            pieces.c.other_key,
            pieces.c.shared,
            area.label("area_m2"),
            func.least(area / pieces.c.here_m2, one).label("share"),
            func.least(area / pieces.c.there_m2, one).label("node_share"),
        ).where(area > literal_column("0"))
        if self.least is not None:
            least = compiler.bind(values.number(self.least, f"{self.key}.minAreaM2", least=0), Double())
            largest = largest.where(area >= least)
        largest = largest.order_by(area.desc(), pieces.c.other_key).limit(literal_column(str(self.size)))
        found = largest.subquery(compiler.inner("found"))
        return compiler.lists(found, self.parts, found.c.area_m2.desc(), found.c.other_key)


class OverlapsOf(reads.Feature):
    """The areas of a kind that share some area with the one around it."""

    cost = reads.Cost(300, 5)

    def plan(self, planner: Planner, asked: Asked) -> Overlaps:
        size = planner.size(asked, CEILING, "areas")
        names = (planner.arguments.fix(asked.arguments["with"]).value,)
        planner.rows += asked.times * size
        (kind,), parts = _kinds(planner, asked, names), planner.found("Overlap", "other", asked, size, names)
        return Overlaps(asked.key, size, parts, kind, asked.arguments.get("minAreaM2"))


# --- both ---------------------------------------------------------------------------------------------
def _kinds(planner: Planner, asked: Asked, names: tuple[str, ...]) -> tuple[Kind, ...]:
    where: Tree = asked.arguments.get("where") or {}
    conditions: dict[str, p.Condition] = {}
    for member, tree in where.items():
        name, place = _MEMBERS[member], f"{asked.name}.where.{member}"
        if tree is None:
            continue
        if name not in names:
            raise BadRequest(f"{name} is not asked for, only {', '.join(names)}", where=place)
        conditions[name] = planner.condition(BY_NAME[name], tree, place)
    return tuple((BY_NAME[name], conditions.get(name)) for name in names)


#: member of SpatialFilter -> the entity that it is about
_MEMBERS = {name[0].lower() + name[1:]: name for name in SPATIAL}
SpatialType = enum.Enum("SpatialType", {name: name for name in SPATIAL})  # type: ignore[misc]
SpatialType.__doc__ = "What has a place"
enum_type(SpatialType, {name: BY_NAME[name].doc for name in SPATIAL})
AreaType = enum.Enum("AreaType", {name: name for name in AREAS})  # type: ignore[misc]
AreaType.__doc__ = "What has an area"
enum_type(AreaType, {name: BY_NAME[name].doc for name in AREAS})
SpatialFilter = input_type(
    "SpatialFilter",
    "Which records of each kind that is asked for; all of those left out",
    [InputMember(member, f"{name}Filter", f"Which {name}") for member, name in _MEMBERS.items()],
)


def _list_of(name: str, doc: str, edge: str, members: list[Member]) -> None:
    node = Member("node", "SpatialEntity!", "The record", reads.LinkEnd("other"))
    object_type(f"{name}Edge", edge, [node, *members])
    object_type(
        f"{name}Connection",
        doc,
        [
            Member("edges", f"[{name}Edge!]!", "The records, and how they lie", reads.Part("edges")),
            Member("nodes", "[SpatialEntity!]!", "The records only", reads.Part("nodes")),
        ],
    )


_list_of(
    "Nearby",
    "What is near a record, the nearest first; no list to page through: ask for more with first",
    "A record near another one",
    [
        Member(
            "distanceM",
            float,
            "Metres between the two, 0 where they touch",
            reads.Value("distance_m"),
            unit="m",
        )
    ],
)
_list_of(
    "Overlap",
    "The areas that share some area with a record's, the largest share first; no list to page through",
    "An area that shares some area with another one",
    [
        Member("areaM2", float, "The area that both share (unit: m2)", reads.Value("area_m2"), unit="m2"),
        Member("share", float, "The share of the area asked about, 0 to 1", reads.Value("share")),
        Member("nodeShare", float, "The share of the node's area, 0 to 1", reads.Value("node_share")),
        Member("geometry", GeoJSON, "What both share", reads.Shape("shared"), SHAPE_ARGUMENTS),
    ],
)

#: on everything that has a place
NEARBY = Member(
    "nearby", "NearbyConnection!", "The nearest records of some kinds",
    NearbyOf(),
    [
        Argument("kinds", "[SpatialType!]!", "Of which kinds; what ties comes in their order", REQUIRED),
        Argument(
            "withinM", float,
            "How far off at most, in metres; however far when left out, which costs more with where",
        ),
        Argument("where", "SpatialFilter", "Which ones of each kind"),
        Argument("first", int, f"At most this many of all kinds together, up to {CEILING}", default=10),
    ],
)  # fmt: skip
#: on everything that has an area
OVERLAPS = Member(
    "overlaps", "OverlapConnection!", "The areas of another kind, or others of its own, that it overlaps",
    OverlapsOf(),
    [
        Argument("with", "AreaType!", "Of which kind", REQUIRED),
        Argument("minAreaM2", float, "Only those that share at least this much, in square metres"),
        Argument("where", "SpatialFilter", "Which ones of that kind"),
        Argument("first", int, f"At most this many, up to {CEILING}", default=20),
    ],
)  # fmt: skip
