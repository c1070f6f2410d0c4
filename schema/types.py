"""Entity -> Strawberry object type, connection and edge, with each field saying how it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import strawberry
from sqlalchemy import BigInteger, Boolean, Double, Integer
from sqlalchemy import Date as SqlDate
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.dialects.postgresql import ARRAY, JSON

from schema import reads
from schema.aggregates import connection_parts
from schema.declare import REQUIRED, Argument, Member, camel, documented, interface_type, object_type
from schema.filters import GeometryInput, declare_filters
from schema.groups import group_parts
from schema.ordering import declare_orders
from schema.scalars import (
    CRS,
    SHAPE_ARGUMENTS,
    BigInt,
    CityJSON,
    CodedValue,
    Date,
    DateTime,
    GeoJSON,
    JSONValue,
    Lang,
    Lod,
)
from schema.spatial import NEARBY, OVERLAPS, is_area
from twin.entities import ENTITIES, Entity
from twin.fields import Field
from twin.terms import ADMS, DCT, GEO, OWL, RDFS, SKOS

_LANG = Argument("lang", "Lang", "The language and script", default=Lang.BG)


def page_arguments(target: str) -> list[Argument]:
    """The arguments that every connection of this entity takes."""
    return [
        Argument("where", f"{target}Filter", "Which ones; all when left out"),
        Argument("orderBy", f"[{target}Order!]", "In which order; by id when left out"),
        Argument("first", int, "At most this many, from the front"),
        Argument("after", str, "Only those behind this cursor"),
        Argument("last", int, "At most this many, from the back"),
        Argument("before", str, "Only those ahead of this cursor"),
    ]


PageInfo = object_type(
    "PageInfo",
    "Where a page lies in its list (Relay)",
    [
        Member("hasNextPage", bool, "Whether more follow", reads.Part("hasNextPage")),
        Member("hasPreviousPage", bool, "Whether others come before", reads.Part("hasPreviousPage")),
        Member("startCursor", str | None, "Cursor of the first one", reads.Part("startCursor")),
        Member("endCursor", str | None, "Cursor of the last one", reads.Part("endCursor")),
    ],
)

Node = interface_type(
    "Node", "Anything with an id", [Member("id", strawberry.ID, "Stable public id", reads.Id())]
)
Identifier = object_type(
    "Identifier",
    "What a register or publisher calls a record; byIdentifier takes it back",
    [
        Member("scheme", "IdentifierScheme!", "Whose identifier it is", reads.Part("scheme")),
        Member("value", str, "The identifier", reads.Part("value"), term=SKOS + "notation"),
        Member("uri", str | None, "It as a URI, where its scheme has such", reads.Part("uri")),
    ],
    uri=ADMS + "Identifier",
)
CityEntity = interface_type(
    "CityEntity",
    "Something in the city that sources speak of and links tie together",
    [
        Member("uri", str, "Its dereferenceable address on this server", reads.Uri()),
        Member("label", str | None, "What people call it", reads.Label(), [_LANG], term=RDFS + "label"),
        Member(
            "identifiers",
            "[Identifier!]!",
            "What registers and publishers call it",
            reads.IdentifiersOf(),
            term=ADMS + "identifier",
        ),
        Member(
            "sameAs",
            list[str],
            "URIs by which others know it (owl:sameAs)",
            reads.SameAs(),
            term=OWL + "sameAs",
        ),
        Member(
            "sources",
            "[Source!]!",
            "The data sets that it comes from",
            reads.SourcesOf(),
            term=DCT + "source",
        ),
        Member("validFrom", Date | None, "Since when it was so in the city", reads.Value("valid_from")),
        Member("validTo", Date | None, "Until when it was so in the city", reads.Value("valid_to")),
        Member("recordedAt", DateTime, "When the twin learnt this version", reads.Value("recorded_at")),
        Member(
            "links",
            "LinkConnection!",
            "The claims that tie it to others and that could be wrong",
            reads.LinksOf(),
            page_arguments("Link"),
        ),
    ],
    interfaces=[Node],
)
SpatialEntity = interface_type(
    "SpatialEntity",
    "A city entity with a place on the ground",
    [
        Member(
            "geometry",
            GeoJSON | None,
            "Its main geometry",
            reads.Shape(None),
            SHAPE_ARGUMENTS,
            term=GEO + "hasGeometry",
        ),
        Member(
            "centroid",
            GeoJSON | None,
            "Its centre of mass",
            reads.Shape(None, "centroid"),
            [CRS],
            term=GEO + "hasCentroid",
        ),
        Member(
            "pointOnSurface",
            GeoJSON | None,
            "A point that is surely within it, for a label",
            reads.Shape(None, "point_on_surface"),
            [CRS],
        ),
        Member(
            "bbox",
            list[float] | None,
            "Its box: west, south, east, north, or in that order in another CRS",
            reads.Shape(None, "bbox"),
            [CRS],
            term=GEO + "hasBoundingBox",
        ),
        Member(
            "distance",
            float | None,
            "Metres between it and another place, 0 where they touch",
            reads.Distance(),
            [Argument("to", GeometryInput, "The other place", default=REQUIRED)],
            unit="m",
        ),
        NEARBY,
    ],
    interfaces=[CityEntity],
    uri=GEO + "Feature",
)


#: what a Field calls by name
_SCALARS: dict[str, Any] = {"CityJSON": CityJSON, "Lod": Lod}


def _scalar(entity: Entity, name: str, known: Field) -> Any:
    column = entity.table.c[name]
    kind = _SCALARS[known.scalar] if known.scalar else _sql_scalar(column.type)
    return kind | None if column.nullable else kind


def _sql_scalar(type_: Any) -> Any:
    for sql, kind in (
        (Boolean, bool),
        (BigInteger, BigInt),
        (Integer, int),
        (Double, float),
        (SqlDateTime, DateTime),
        (SqlDate, Date),
        (JSON, JSONValue),
        (ARRAY, list[str]),
    ):
        if isinstance(type_, sql):
            return kind
    return str


def field_member(entity: Entity, name: str, known: Field) -> Member:
    """The GraphQL field of an entity's field."""
    member = _plain_member(entity, name, known)
    return replace(member, term=known.term, unit=known.unit, deprecated=known.deprecated)


def _plain_member(entity: Entity, name: str, known: Field) -> Member:
    doc, public = documented(known.doc, known.unit), camel(name)
    column = entity.table.c[name]
    if known.link:
        return Member(public, known.link, doc, reads.ToOne(name, known.link))
    if known.geometry:
        kind = GeoJSON | None if column.nullable else GeoJSON
        return Member(public, kind, doc, reads.Shape(name), SHAPE_ARGUMENTS)
    if known.codes:
        coded = CodedValue | None if column.nullable else CodedValue
        return Member(public, coded, doc, reads.Coded(name, known.codes))
    if known.enumeration:
        required = "" if column.nullable else "!"
        return Member(public, f"{known.enumeration.__name__}{required}", doc, reads.Value(name))
    return Member(public, _scalar(entity, name, known), doc, reads.Value(name))


_INHERITED = ("valid_from", "valid_to", "recorded_at")


def _members(entity: Entity) -> list[Member]:
    members = [
        field_member(entity, name, known)
        for name, known in entity.fields.items()
        if not known.hidden and not (entity.is_city_entity and name in _INHERITED)
    ]
    if entity.name == "Link":
        members += [
            Member("subject", "CityEntity", "What the claim is about", reads.LinkEnd("subject")),
            Member("object", "CityEntity", "What it is tied to", reads.LinkEnd("object")),
        ]
    if entity.name == "Building":
        members += [
            Member("lods", list[Lod], "The levels of detail at which its 3D shape is known", reads.Levels()),
            Member(
                "lod",
                CityJSON | None,
                "Its 3D shape at one level of detail; null when it is not known at that level",
                reads.AtLevel(),
                [Argument("level", Lod, "Such as 2.2; lods says which there are", default=REQUIRED)],
            ),
        ]
    if is_area(entity):
        members.append(OVERLAPS)
    for name, computed in entity.computed.items():
        kind = _sql_scalar(computed.type_)
        members.append(
            Member(
                camel(name),
                kind | None,
                documented(computed.doc, computed.unit),
                reads.Value(name),
                term=computed.term,
                unit=computed.unit,
                deprecated=computed.deprecated,
            )
        )
    for name, many in entity.lists.items():
        members.append(
            Member(
                camel(name),
                f"{many.target}Connection!",
                many.doc,
                reads.ToMany(name, many.target),
                page_arguments(many.target),
                term=many.term,
                deprecated=many.deprecated,
            )
        )
    return members


def declare_types() -> list[type[Any]]:
    """Declare the inputs, object types, edges and connections of every entity; the object types."""
    declare_filters()
    declare_orders()
    made = []
    for entity in ENTITIES:
        interface = SpatialEntity if entity.is_spatial else CityEntity if entity.is_city_entity else Node
        made.append(
            object_type(entity.name, entity.doc, _members(entity), interfaces=[interface], uri=entity.term)
        )
        edge = [
            Member("cursor", str, "Where it stands in this list, for after and before", reads.Part("cursor")),
            Member("node", f"{entity.name}!", "The record", reads.Part("node")),
        ]
        if entity.geometry:
            doc = "Metres to the place that the list is ordered by; null in another order"
            edge.append(Member("distanceM", float | None, doc, reads.Part("distanceM"), unit="m"))
        object_type(f"{entity.name}Edge", f"A {entity.name} in a list", edge)
        object_type(
            f"{entity.name}Connection",
            f"A list of {entity.name}, page by page (Relay)",
            [
                Member("edges", f"[{entity.name}Edge!]!", "The page, with cursors", reads.Part("edges")),
                Member("nodes", f"[{entity.name}!]!", "The page, records only", reads.Part("nodes")),
                Member("pageInfo", PageInfo, "Where the page lies in the list", reads.Part("pageInfo")),
                Member("totalCount", int, "How many the whole list has", reads.Part("totalCount")),
                *connection_parts(entity),
                *group_parts(entity),
            ],
        )
    return made
