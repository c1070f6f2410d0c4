"""The words that entities are written in: field(), geometry(), link(), many(), computed(), area()...

An entity class made of these is the only declaration of that entity: its table and history table, its
GraphQL type with filters and orders, and its loader's mapping all follow from what is said here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import Computed as GeneratedAs
from sqlalchemy import Double, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from twin.terms import GEO

#: byte order: stable whatever the server's locale, and alphabetical for Bulgarian
KEY = Text(collation="C")
INFO = "twin"
GEOJSON_DIGITS = 7


class Choice(enum.Enum):
    """A closed list whose members say what they mean: `SEAT = "SEAT", "It has its registered seat there"`."""

    doc: str

    def __new__(cls, value: str, doc: str = "") -> Choice:
        member = object.__new__(cls)
        member._value_ = value
        member.doc = doc
        return member


@dataclass(frozen=True, slots=True)
class Field:
    """What is known about a column beyond its SQL type; the docs are the public GraphQL descriptions."""

    doc: str
    unit: str | None = None  #: UCUM symbol: m, m2, a (years)
    term: str | None = None  #: URI of the published term that it stands for: see twin/terms.py
    deprecated: str | None = None  #: why clients should not build upon it any more, and on what instead
    codes: str | None = None  #: the code list that a CodedValue's code is from
    enumeration: type[enum.Enum] | None = None  #: a closed list; the column holds the member's name
    identifier: str | None = None  #: the scheme under which `byIdentifier` finds it
    personal: bool = False  #: about a natural person: see architecture, 'Personal data'
    hidden: bool = False  #: kept for the twin's own work; not in GraphQL
    minimum: float | None = None  #: values outside the range become notices
    maximum: float | None = None
    latin_of: str | None = None  #: filled by transliterating that field when no source gives it
    folded_of: str | None = None  #: filled by folding that field; what TextOp.search reads
    geometry: str | None = None  #: PostGIS geometry type, for a geometry field
    scalar: str | None = None  #: the GraphQL scalar, where the SQL type does not tell
    link: str | None = None  #: the entity that a link's key names
    derived: bool = False  #: written by merge or linking, never by a source
    linked: str | None = None  #: the column that says whether linking filled it, where no source did


@dataclass(frozen=True, slots=True)
class Many:
    """Entities that hang from this one: by their link to it, or by a list of their keys kept here."""

    target: str
    doc: str
    by: str | None = None  #: the target's link that leads back here
    keys: str | None = None  #: this entity's column that lists the target's keys, in order
    term: str | None = None
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """A value worked out from the row when it is asked for; it filters and orders like a column."""

    doc: str
    type_: TypeEngine[Any]
    of: Callable[[FromClause], ColumnElement[Any]]
    unit: str | None = None
    term: str | None = None
    deprecated: str | None = None


def field(
    doc: str,
    type_: TypeEngine[Any] | type[TypeEngine[Any]] | None = None,
    *,
    index: bool = False,
    unique: bool = False,
    nullable: bool | None = None,
    **known: Any,
) -> MappedColumn[Any]:
    """A column with its public description. `known` are Field's members."""
    options: dict[str, Any] = {"index": index, "unique": unique, "info": {INFO: Field(doc, **known)}}
    if nullable is not None:
        options["nullable"] = nullable
    if type_ is None and (known.get("enumeration") or known.get("codes")):
        type_ = KEY
    return mapped_column(type_, **options) if type_ is not None else mapped_column(**options)


def text_field(doc: str, **known: Any) -> MappedColumn[Any]:
    """A text column in byte order; `index`, `unique` and Field's members as in field()."""
    return field(doc, KEY, **known)


def geometry(doc: str, kind: str, *, nullable: bool = False) -> MappedColumn[Any]:
    """A geometry in the city's metric CRS, with its GiST index. `kind` is PostGIS's type name."""
    return mapped_column(
        Geometry(kind, srid=0, spatial_index=True),
        nullable=nullable,
        info={INFO: Field(doc, geometry=kind)},
    )


def rendition(of: str) -> MappedColumn[Any]:
    """The geometry's GeoJSON in EPSG:4326 as most callers want it, made once when the row is written.

    Reading it back is several times cheaper than ST_Transform and ST_AsGeoJSON for every answer.
    """
    made = f"(ST_AsGeoJSON(ST_Transform({of}, 4326), {GEOJSON_DIGITS}))::json"
    return mapped_column(
        JSON(none_as_null=True),
        GeneratedAs(text(made), persisted=True),
        nullable=True,
        info={INFO: Field(f"GeoJSON of {of}", hidden=True, derived=True)},
    )


def link(target: str, doc: str, *, derived: bool = True, **known: Any) -> MappedColumn[Any]:
    """The key of one other entity, indexed; GraphQL walks it as an object. `known` are Field's members."""
    return mapped_column(
        KEY, nullable=True, index=True, info={INFO: Field(doc, link=target, derived=derived, **known)}
    )


def generated(doc: str, expression: str) -> MappedColumn[Any]:
    """A hidden text that PostgreSQL makes of other columns of the row whenever it is written, indexed."""
    return mapped_column(
        KEY, GeneratedAs(text(expression), persisted=True), nullable=True, index=True,
        info={INFO: Field(doc, hidden=True, derived=True)},
    )  # fmt: skip


def texts_field(doc: str, **known: Any) -> MappedColumn[Any]:
    """A list of texts, which a question can ask whether it holds one."""
    return mapped_column(ARRAY(KEY), nullable=True, info={INFO: Field(doc, **known)})


def keys_of(target: str, doc: str) -> MappedColumn[Any]:
    """An ordered list of another entity's keys, for many(keys=...)."""
    return mapped_column(ARRAY(KEY), nullable=True, info={INFO: Field(doc, hidden=True)})


def many(target: str, doc: str, **known: Any) -> Any:
    """See Many. Typed Any so that declarative classes take it as a plain attribute."""
    return Many(target, doc, **known)


def computed(
    doc: str,
    type_: TypeEngine[Any],
    of: Callable[[FromClause], ColumnElement[Any]],
    **known: Any,
) -> Any:
    """See Computed."""
    return Computed(doc, type_, of, **known)


def area(of: str, doc: str) -> Any:
    """The area of a geometry."""
    return _measured("m2", doc, lambda t: func.ST_Area(t.c[of]), "hasMetricArea")


def perimeter(of: str, doc: str) -> Any:
    """The length of the edges of an area."""
    return _measured("m", doc, lambda t: func.ST_Perimeter(t.c[of]), "hasMetricPerimeterLength")


def length(of: str, doc: str) -> Any:
    """The length of a line."""
    return _measured("m", doc, lambda t: func.ST_Length(t.c[of]), "hasMetricLength")


def _measured(unit: str, doc: str, of: Callable[[FromClause], ColumnElement[Any]], term: str) -> Any:
    return computed(f"{doc} in the city's metric CRS", Double(), of, unit=unit, term=GEO + term)
