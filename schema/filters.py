"""What `where` and geometry arguments accept: operators by kind of field, and a filter per entity."""

from __future__ import annotations

import enum
from typing import Any

import strawberry
from sqlalchemy import JSON, BigInteger, Boolean, Double, Integer, Text
from sqlalchemy import Date as SqlDate
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.dialects.postgresql import ARRAY

from schema.declare import InputMember, camel, enum_type, input_type
from schema.scalars import BigInt, Date, DateTime, GeoJSON, JSONValue
from twin.entities import ENTITIES, Entity
from twin.fields import Field

#: operator -> PostGIS function
PREDICATES = {
    "intersects": "ST_Intersects",
    "within": "ST_Within",
    "contains": "ST_Contains",
    "containsProperly": "ST_ContainsProperly",
    "covers": "ST_Covers",
    "coveredBy": "ST_CoveredBy",
    "overlaps": "ST_Overlaps",
    "touches": "ST_Touches",
    "crosses": "ST_Crosses",
    "disjoint": "ST_Disjoint",
    "equals": "ST_Equals",
}


def _operators(name: str, kind: Any, *, ordered: bool, extra: tuple[InputMember, ...] = ()) -> type[Any]:
    members = [
        InputMember("eq", kind, "Equal to"),
        InputMember("ne", kind, "Different from; null counts as different"),
        InputMember("in", list[kind], "One of these"),
        InputMember("notIn", list[kind], "None of these; null counts as none of them"),
        *extra,
    ]
    if ordered:
        members += [
            InputMember("lt", kind, "Less than"),
            InputMember("lte", kind, "Less than or equal to"),
            InputMember("gt", kind, "Greater than"),
            InputMember("gte", kind, "Greater than or equal to"),
        ]
    members.append(InputMember("isNull", bool, "Whether it is null"))
    doc = f"What a {name.removesuffix('Op')} must be; all operators given must hold"
    return input_type(name, doc, members)


INT_OP = _operators("IntOp", int, ordered=True)
BIG_INT_OP = _operators("BigIntOp", BigInt, ordered=True)
FLOAT_OP = _operators("FloatOp", float, ordered=True)
DATE_OP = _operators("DateOp", Date, ordered=True)
DATE_TIME_OP = _operators("DateTimeOp", DateTime, ordered=True)
ID_OP = input_type(
    "IDOp",
    "What a public id must be",
    [
        InputMember("eq", strawberry.ID, "Equal to"),
        InputMember("ne", strawberry.ID, "Different from"),
        InputMember("in", list[strawberry.ID], "One of these"),
        InputMember("notIn", list[strawberry.ID], "None of these"),
    ],
)
CODE_OP = _operators("CodeOp", str, ordered=False)
BOOLEAN_OP = input_type(
    "BooleanOp",
    "What a Boolean must be",
    [
        InputMember("eq", bool, "Equal to"),
        InputMember("isNull", bool, "Whether it is null"),
    ],
)
_TEXT = (
    InputMember("startsWith", str, "Begins with exactly this"),
    InputMember("endsWith", str, "Ends with exactly this"),
    InputMember("contains", str, "Contains exactly this"),
)
_SEARCH = InputMember(
    "search", str, "Contains this, whatever its case or script: Люлин and lyulin find each other"
)
TEXT_OP = _operators("TextOp", str, ordered=False, extra=_TEXT)
NAME_OP = _operators("NameOp", str, ordered=False, extra=(*_TEXT, _SEARCH))

TEXT_LIST_OP = input_type(
    "TextListOp",
    "What a list of texts must be; all operators given must hold",
    [
        InputMember("has", str, "Holds exactly this text"),
        InputMember("isNull", bool, "Whether it is null"),
    ],
)
JSON_NUMBER_OP = input_type(
    "JSONNumberOp",
    "What a number among the members of a JSON object must be; without such a number it is not so",
    [
        InputMember("of", str, "The member, such as metres", required=True),
        InputMember("eq", float, "Equal to"),
        InputMember("lt", float, "Less than"),
        InputMember("lte", float, "Less than or equal to"),
        InputMember("gt", float, "Greater than"),
        InputMember("gte", float, "Greater than or equal to"),
    ],
)
JSON_OP = input_type(
    "JSONOp",
    "What a JSON object must be; all operators given must hold",
    [
        InputMember("hasKey", str, "Has a member of this name"),
        InputMember("contains", JSONValue, 'Holds all that this does, such as {"address": "sample-2846"}'),
        InputMember("number", JSON_NUMBER_OP, "Has a member that is a number, and how large it is"),
        InputMember("isNull", bool, "Whether it is null"),
    ],
)

PointInput = input_type(
    "PointInput",
    "A point by longitude and latitude (EPSG:4326)",
    [
        InputMember("lon", float, "Longitude in degrees east", required=True),
        InputMember("lat", float, "Latitude in degrees north", required=True),
    ],
)
BBoxInput = input_type(
    "BBoxInput",
    "A box between two meridians and two parallels (EPSG:4326)",
    [
        InputMember("west", float, "Western edge, degrees east", required=True),
        InputMember("south", float, "Southern edge, degrees north", required=True),
        InputMember("east", float, "Eastern edge, degrees east", required=True),
        InputMember("north", float, "Northern edge, degrees north", required=True),
    ],
)
WktInput = input_type(
    "WktInput",
    "A geometry as Well-Known Text",
    [
        InputMember(
            "wkt",
            str,
            "Such as POLYGON((23.3 42.6, 23.4 42.6, 23.4 42.7, 23.3 42.6)); x before y",
            required=True,
        ),
        InputMember("crs", int, "EPSG code of its coordinates", default=4326),
    ],
)
BufferInput = input_type(
    "BufferInput",
    "Everything within some metres of a geometry",
    [
        InputMember("of", "GeometryInput!", "The geometry", required=True),
        InputMember(
            "metres",
            float,
            "How far around it, in metres; below 0 what lies that deep within it",
            required=True,
        ),
    ],
)
GeometryInput = input_type(
    "GeometryInput",
    "A place, said in the way that is handiest",
    [
        InputMember("point", PointInput, "A point by longitude and latitude"),
        InputMember("bbox", BBoxInput, "A box by longitudes and latitudes"),
        InputMember(
            "geojson",
            GeoJSON,
            "A GeoJSON geometry (EPSG:4326); a GeometryCollection means all its parts, which must be points, "
            "lines or areas alike",
        ),
        InputMember("wkt", WktInput, "Well-Known Text with its CRS"),
        InputMember("entity", strawberry.ID, "The geometry of an entity of this city, by its id"),
        InputMember("buffer", BufferInput, "Everything within some metres of another geometry"),
        InputMember(
            "union", "[GeometryInput!]", "All of these together, which must be points, lines or areas alike"
        ),
    ],
    one_of=True,
)
DWithinInput = input_type(
    "DWithinInput",
    "Within some metres of a place",
    [
        InputMember("of", GeometryInput, "The place", required=True),
        InputMember("withinM", float, "How far at most, in metres", required=True),
    ],
)
RelateInput = input_type(
    "RelateInput",
    "A relation between two geometries that has no name of its own (DE-9IM)",
    [
        InputMember("to", GeometryInput, "The other geometry", required=True),
        InputMember(
            "pattern",
            str,
            "Nine of T, F, *, 0, 1 and 2: how interior, boundary and exterior of the field's geometry meet "
            "those of the other, such as FF*F0**** for areas that touch in points only",
            required=True,
        ),
    ],
)
GEOMETRY_OP = input_type(
    "GeometryOp",
    "How a geometry must lie to another (OGC Simple Features, as PostGIS decides it)",
    [
        *(InputMember(name, GeometryInput, f"The field's geometry {name} this one") for name in PREDICATES),
        InputMember("relate", RelateInput, "The field's geometry lies to another as a DE-9IM pattern says"),
        InputMember("bbox", BBoxInput, "The field's geometry shares a point with this box"),
        InputMember("dwithin", DWithinInput, "Within some metres of a place"),
    ],
    one_of=True,
)


def operators_for(entity: Entity, name: str, known: Field) -> Any:
    """The operator input for a field; None where it cannot be filtered."""
    if known.hidden or known.personal or known.link:
        return None
    if known.geometry:
        return GEOMETRY_OP
    if known.codes:
        return CODE_OP
    if known.enumeration:
        return _enum_operators(known.enumeration)
    if any(other.folded_of == name for other in entity.fields.values()):
        return NAME_OP
    if known.scalar and isinstance(entity.table.c[name].type, JSON):
        return None
    return sql_operators(entity.table.c[name].type)


def sql_operators(type_: Any) -> Any:
    """The operator input for a value of this SQL type."""
    for kind, operators in (
        (Boolean, BOOLEAN_OP),
        (BigInteger, BIG_INT_OP),
        (Integer, INT_OP),
        (Double, FLOAT_OP),
        (SqlDateTime, DATE_TIME_OP),
        (SqlDate, DATE_OP),
        (ARRAY, TEXT_LIST_OP),
        (JSON, JSON_OP),
        (Text, TEXT_OP),
    ):
        if isinstance(type_, kind):
            return operators
    return None


_enum_inputs: dict[type[enum.Enum], type[Any]] = {}


def _enum_operators(enumeration: type[enum.Enum]) -> type[Any]:
    if enumeration not in _enum_inputs:
        enum_type(enumeration)
        _enum_inputs[enumeration] = _operators(f"{enumeration.__name__}Op", enumeration, ordered=False)
    return _enum_inputs[enumeration]


def declare_filters() -> None:
    """Declare `<Entity>Filter` and `<Entity>ListFilter` for every entity."""
    for entity in ENTITIES:
        name = f"{entity.name}Filter"
        members = [
            InputMember("and", f"[{name}!]", "All of these hold"),
            InputMember("or", f"[{name}!]", "At least one of these holds"),
            InputMember("not", name, "This does not hold"),
            InputMember("id", ID_OP, "By public id"),
        ]
        for attribute, known in entity.fields.items():
            operators = operators_for(entity, attribute, known)
            if operators is not None:
                members.append(
                    InputMember(camel(attribute), operators, known.doc, deprecated=known.deprecated)
                )
            elif known.link and not (known.hidden or known.personal):
                members.append(
                    InputMember(
                        camel(attribute),
                        f"{known.link}Filter",
                        f"{known.doc}: it must be so",
                        deprecated=known.deprecated,
                    )
                )
        for attribute, computed in entity.computed.items():
            kind = sql_operators(computed.type_)
            members.append(InputMember(camel(attribute), kind, computed.doc, deprecated=computed.deprecated))
        for attribute, many in entity.lists.items():
            kind = f"{many.target}ListFilter"
            members.append(InputMember(camel(attribute), kind, many.doc, deprecated=many.deprecated))
        input_type(name, f"What a {entity.name} must be; all fields given must hold", members)
        input_type(
            f"{entity.name}ListFilter",
            f"What a list of {entity.name} must be; all given must hold",
            [
                InputMember("some", name, "At least one of them is so"),
                InputMember("every", name, "Each of them is so (also when there is none)"),
                InputMember("none", name, "None of them is so"),
            ],
        )
