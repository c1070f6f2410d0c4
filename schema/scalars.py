"""Scalars and small output types; PostgreSQL's JSON already has the form that they promise."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NewType

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from schema.declare import Argument, Member, enum_type, object_type
from schema.reads import CodedPart
from twin.errors import BadRequest
from twin.fields import GEOJSON_DIGITS, Choice
from twin.terms import SKOS

GeoJSON = NewType("GeoJSON", object)
JSONValue = NewType("JSONValue", object)
CityJSON = NewType("CityJSON", object)
Lod = NewType("Lod", str)
BigInt = NewType("BigInt", int)
Representation = NewType("Representation", object)
Date = NewType("Date", str)
DateTime = NewType("DateTime", str)


#: what PostgreSQL takes
_FARTHEST_OFFSET = dt.timedelta(hours=16)


def _date(value: Any) -> str:
    try:
        return dt.date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise BadRequest(f"{value!r} is no date; write it as 2026-11-24") from None


def _moment(value: Any) -> str:
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadRequest(f"{value!r} is no moment; write it as 2026-11-24T10:00:00+02:00") from None
    if moment.tzinfo is None:
        raise BadRequest(f"{value!r} names no time zone; write it as 2026-11-24T10:00:00+02:00")
    if abs(moment.utcoffset() or dt.timedelta()) >= _FARTHEST_OFFSET:
        raise BadRequest(f"{value!r} is 16 hours or more off UTC; time zones are up to 14 hours off")
    return moment.isoformat()


def _geojson(value: Any) -> Any:
    if not isinstance(value, dict):
        raise BadRequest(
            'a GeoJSON geometry is an object such as {"type": "Point", "coordinates": [lon, lat]}'
        )
    return value


def _big(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise BadRequest(f"{value!r} is no whole number of at most 64 bits")
    return value


def _representation(value: Any) -> Any:
    if not isinstance(value, dict):
        raise BadRequest(f'{value!r} is no object such as {{"__typename": "Building", "id": "Building:1"}}')
    return value


def _lod(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9](\.[0-9])?", value):
        raise BadRequest(f'{value!r} is no level of detail; write it as "2" or "2.2"')
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _scalar(
    name: str, description: str, parse: Callable[[Any], Any] = _as_it_is, specified_by: str | None = None
) -> ScalarDefinition:
    """A scalar that PostgreSQL has written in its form already, so that only what comes in is checked."""
    return strawberry.scalar(
        name=name,
        description=description,
        serialize=_as_it_is,
        parse_value=parse,
        specified_by_url=specified_by,
    )


CONFIGURATION = StrawberryConfig(
    auto_camel_case=False,
    scalar_map={
        GeoJSON: _scalar(
            "GeoJSON",
            "A GeoJSON geometry (RFC 7946): an object with type and coordinates, x before y",
            _geojson,
            "https://datatracker.ietf.org/doc/html/rfc7946",
        ),
        JSONValue: _scalar(
            "JSON", "Any JSON value", specified_by="https://datatracker.ietf.org/doc/html/rfc8259"
        ),
        CityJSON: _scalar(
            "CityJSON",
            "A CityJSON 2.0 document: an object that a 3D viewer opens as it is",
            specified_by="https://www.cityjson.org/specs/2.0.1/",
        ),
        Lod: _scalar(
            "Lod",
            "A level of detail of a 3D shape, such as 1.2 (a block) or 2.2 (with its roof)",
            _lod,
            "https://3d.bk.tudelft.nl/lod/",
        ),
        Representation: _scalar(
            "_Any", "A record as another subgraph knows it: its __typename and id", _representation
        ),
        BigInt: _scalar("BigInt", "A whole number of up to 64 bits, as a JSON number", _big),
        Date: _scalar("Date", "A calendar date (ISO 8601), such as 2026-11-24", _date),
        DateTime: _scalar(
            "DateTime",
            "A moment with its time zone (ISO 8601), such as 2026-11-24T10:00:00+02:00",
            _moment,
        ),
    },
)


class Lang(Choice):
    """The language and script of a label."""

    BG = "BG", "Bulgarian, or what the city's language is, in its own script"
    EN = "EN", "English, or else Latin script"


enum_type(Lang)

CodedValue = object_type(
    "CodedValue",
    "A value of a code list, as its register writes it and as people read it",
    [
        Member("code", str, "The code as the register writes it", CodedPart("code"), term=SKOS + "notation"),
        Member("scheme", str, "The code list that it is from", CodedPart("scheme"), term=SKOS + "inScheme"),
        Member(
            "label",
            str | None,
            "What it means; null when the list does not say",
            CodedPart("label"),
            [Argument("lang", "Lang", "The language", default=Lang.BG)],
            term=SKOS + "prefLabel",
        ),
    ],
    uri=SKOS + "Concept",
)

CRS = Argument("crs", int, "EPSG code of the coordinates wanted", default=4326)
_PRECISION = Argument("precision", int, "Decimal places of the coordinates, 0 to 15", default=GEOJSON_DIGITS)
#: of a point there is no detail to leave out
POINT_ARGUMENTS = [CRS, _PRECISION]
SHAPE_ARGUMENTS = [
    *POINT_ARGUMENTS,
    Argument("simplifyM", float, "Leave out detail smaller than this many metres"),
]
