"""Leaves -> parameters: what a request says, as PostgreSQL's text format, checked on the way.

Each function takes a leaf and gives back a Reading: a function from a request's variables to the bytes of
one parameter. A leaf that the document itself says is read once.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import enum
import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Float, Integer, Numeric
from sqlalchemy.types import NullType

from schema import places
from schema import plan as p
from schema.arguments import Const, Leaf, Tree
from twin import geocode
from twin.addresses import parse_address
from twin.database import City
from twin.entities import Entity
from twin.errors import BadRequest
from twin.identity import split_id
from twin.reconcile import asked, read_query
from twin.schemes import SCHEMES
from twin.search import Question, question
from twin.text import fold, storable

#: of a city's box: what holds less is a small place
_SMALL_SHARE = 1 / 200
_METRES_OF_DEGREE = 90_000
_LONGEST_ADDRESS = 500
#: of a buffer: farther than any city reaches
_FARTHEST_M = 1_000_000

Variables = Mapping[str, Any]
Reading = Callable[[Variables], bytes | None]


def plain(leaf: Leaf, where: str) -> Reading:
    """A scalar, an enum member or a list of them."""
    return _once(lambda variables: _encode(leaf.read(variables), where), leaf)


def number(leaf: Leaf, where: str, *, least: float | None = None, most: float | None = None) -> Reading:
    """A finite number, not less than `least` nor more than `most`."""

    def read(variables: Variables) -> bytes:
        value = leaf.read(variables)
        if least is not None and most is not None and not least <= value <= most:
            raise BadRequest(f"is {value:g}; give a number from {least:g} to {most:,.0f}", where=where)
        if not math.isfinite(value) or (least is not None and value < least):
            raise BadRequest(f"is {value}; give a number of at least {least or 0:g}", where=where)
        return repr(float(value)).encode()

    return _once(read, leaf)


def edge(leaf: Leaf, where: str, city: City, most: int) -> Reading:
    """Metres of a cell's edge: at most `most` squares of it cover the city's box, and none is larger."""
    west, south, east, north = shapely.bounds(places.box(*city.bounds, srid=city.srid, where=where).polygon)
    least = math.ceil(math.sqrt((east - west) * (north - south) / most))
    largest = math.ceil(max(east - west, north - south))

    def read(variables: Variables) -> bytes:
        value = leaf.read(variables)
        if not least <= value <= largest:
            raise BadRequest(
                f"is {value:g}; give {least} to {largest:,} metres: at most {most:,} cells cover the city",
                where=where,
            )
        return repr(float(value)).encode()

    return _once(read, leaf)


def metres(leaf: Leaf, where: str) -> Reading:
    """How far around a place, or below 0 how deep within it."""
    return _once(lambda variables: repr(_metres(leaf.read(variables), where)).encode(), leaf)


def _metres(value: float, where: str) -> float:
    if not abs(value) <= _FARTHEST_M:
        raise BadRequest(f"is {value}; give metres, at most {_FARTHEST_M:,}", where=where)
    return float(value)


def json_text(leaf: Leaf, where: str) -> Reading:
    """Any JSON value."""

    def read(variables: Variables) -> bytes:
        value = leaf.read(variables)
        _check_json(value, where)
        return json.dumps(value).encode()

    return _once(read, leaf)


def _check_json(value: Any, where: str) -> None:
    if isinstance(value, str):
        storable(value, where=where)
    elif isinstance(value, dict | list):
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_json(inner, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadRequest(f"holds {value}; give finite numbers", where=where)


def key_of(leaf: Leaf, entity: Entity | None, where: str) -> Reading:
    """The key in a public id, or the keys in a list of them; the id must be of this entity.

    With no entity a bare key is taken as well as an id.
    """

    def one(text: str) -> str:
        if entity is None:
            return text.split(":", 1)[-1]
        name, key = split_id(text)
        if name != entity.name:
            raise BadRequest(f'"{text}" is no id of a {entity.name}', where=where)
        return key

    def read(variables: Variables) -> bytes | None:
        value = leaf.read(variables)
        return _encode([one(v) for v in value] if isinstance(value, list) else one(value), where)

    return _once(read, leaf)


def identifier(leaf: Leaf, scheme: str, where: str) -> Reading:
    """An identifier in whatever form its scheme takes, as the twin keeps it."""
    known = SCHEMES[scheme]
    return _once(lambda variables: _text(known.normalised(leaf.read(variables), where=where), where), leaf)


def reconciled(queries: Tree, where: str) -> Reading:
    """Reconciliation queries as the text that their statement takes."""

    def read(variables: Variables) -> bytes:
        said = _said(queries, variables)
        return asked([read_query(each, f"{where}[{i}]") for i, each in enumerate(said)]).encode()

    return _once(read, *_leaves(queries))


def _said(tree: Tree, variables: Variables) -> Any:
    """An argument as plain values."""
    if isinstance(tree, dict):
        return {name: _said(inner, variables) for name, inner in tree.items()}
    if isinstance(tree, list):
        return [_said(inner, variables) for inner in tree]
    return None if tree is None else tree.read(variables)


def folded(leaf: Leaf, where: str) -> Reading:
    """A LIKE pattern that finds a folded name."""

    def read(variables: Variables) -> bytes:
        text = fold(leaf.read(variables))
        if not text:
            raise BadRequest("has no letter or digit to look for", where=where)
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return _text(f"%{escaped}%", where)

    return _once(read, leaf)


def searched(leaf: Leaf, where: str) -> dict[str, Reading]:
    """What twin.search asks with, by the names that it gives its parts."""

    def read(of: Callable[[Question], Any]) -> Reading:
        return _once(lambda variables: _encode(of(question(leaf.read(variables), where)), where), leaf)

    return {
        "text": read(lambda q: q.text),
        "name": read(lambda q: q.name),
        "raw": read(lambda q: q.raw),
        "above": read(lambda q: q.above),
        "words": read(lambda q: list(q.words)),
        "near_of": read(lambda q: [i for i, _ in q.near]),
        "near_word": read(lambda q: [word for _, word in q.near]),
    }


def geocoded(leaf: Leaf, where: str) -> Reading:
    """A parsed address as the JSON text that twin.geocode asks with."""

    def read(variables: Variables) -> bytes:
        text = leaf.read(variables)
        if len(text) > _LONGEST_ADDRESS:
            raise BadRequest(
                f"has {len(text)} characters; an address has at most {_LONGEST_ADDRESS}", where=where
            )
        _text(text, where)
        return _text(geocode.asked([parse_address(text)]), where)

    return _once(read, leaf)


def listed(leaf: Leaf, of: Callable[[Any], list[str]]) -> Reading:
    """A list of texts that is made of a value."""
    return _once(lambda variables: _encode(of(leaf.read(variables)), ""), leaf)


def types(leaf: Leaf, where: str) -> Reading:
    """A list of entities' names that is not empty."""

    def read(variables: Variables) -> bytes | None:
        names = leaf.read(variables)
        if not names:
            raise BadRequest("is empty; name what to search for, or leave it out for all", where=where)
        return _encode(names, where)

    return _once(read, leaf)


@dataclass(frozen=True)
class Signature:
    """What a cursor must agree with: fields and directions of an order, and the places that it is from."""

    said: str
    places: tuple[Tree, ...]

    def of(self, variables: Variables) -> int:
        """A checksum of it all."""
        found = zlib.crc32(self.said.encode())
        for tree in self.places:
            found = zlib.crc32(json.dumps(_said(tree, variables), sort_keys=True).encode(), found)
        return found

    def reading(self) -> Reading:
        """The checksum as a parameter."""
        return _once(lambda variables: str(self.of(variables)).encode(), *_leaves(list(self.places)))


def cursor_value(
    leaf: Leaf, index: int, count: int, signature: Signature, kind: Any, where: str, *, nullable: bool
) -> Reading:
    """One of the values that a cursor carries, of this SQL type; the cursor must be from the same order."""

    def read(variables: Variables) -> bytes | None:
        text = leaf.read(variables)
        value = _cursor(text, count, signature.of(variables), where)[index]
        if value is None and nullable:
            return None
        if not _is_of(value, kind):
            raise _no_cursor(text, where)
        if isinstance(value, bool):
            return b"t" if value else b"f"
        return _text(value if isinstance(value, str) else json.dumps(value), where)

    return _once(read, leaf, *_leaves(list(signature.places)))


def _is_of(value: Any, kind: Any) -> bool:
    """Whether PostgreSQL may have written this JSON value for one of this SQL type."""
    if isinstance(kind, Boolean):
        return isinstance(value, bool)
    if isinstance(kind, Integer):
        bits = 63 if isinstance(kind, BigInteger) else 31
        return type(value) is int and -(2**bits) <= value < 2**bits
    if isinstance(kind, Float | Numeric):
        try:
            return type(value) in (int, float) and math.isfinite(float(value))
        except OverflowError:
            return False
    if isinstance(kind, NullType):
        return type(value) in (str, int, float)
    if not isinstance(value, str):
        return False
    if isinstance(kind, Date | DateTime):
        try:
            (dt.datetime if isinstance(kind, DateTime) else dt.date).fromisoformat(value)
        except ValueError:
            return False
    return True


def shape(place: p.Place, srid: int) -> Reading:
    """A place that names no other entity, as a geometry in the city's CRS."""

    def read(variables: Variables) -> bytes:
        found = places.checked(_shape(place, variables, srid), where=place.where)
        if place.dimension is not None:
            places.check_dimension(found, place.dimension, where=place.where)
        return places.ewkb_hex(found, srid).encode()

    return _once(read, *_leaves(place.tree))


def box(place: p.Place, srid: int) -> Reading:
    """A box of longitudes and latitudes as a geometry in the city's CRS."""

    def read(variables: Variables) -> bytes:
        return places.ring_ewkb_hex(_box(place, variables, srid).ring, srid).encode()

    return _once(read, *_leaves(place.tree))


def point(place: p.Place, srid: int) -> Reading:
    """A longitude and latitude as a geometry in the city's CRS."""
    lon, lat = place.tree["point"]["lon"], place.tree["point"]["lat"]

    def read(variables: Variables) -> bytes:
        at = lon.read(variables), lat.read(variables)
        return places.point_ewkb_hex(*at, srid, where=place.where).encode()

    return _once(read, lon, lat)


def within_box(place: p.Place, srid: int) -> Reading:
    """A rectangle of the city's CRS that surely lies within such a box; None for a box too narrow for one."""

    def read(variables: Variables) -> bytes | None:
        inner = _box(place, variables, srid).inner
        if inner is None:
            return None
        west, south, east, north = inner
        corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        return places.ring_ewkb_hex(corners, srid).encode()

    return _once(read, *_leaves(place.tree))


def _box(place: p.Place, variables: Variables, srid: int) -> places.Box:
    west, south, east, north = (
        place.tree["bbox"][name].read(variables) for name in ("west", "south", "east", "north")
    )
    return places.box(west, south, east, north, srid=srid, where=place.where)


def wide(condition: p.Spatial, city: City) -> Callable[[Variables], bool]:
    """Whether a place may hold more than a small share of the city.

    PostgreSQL's plan for any value takes every place for a small one, and would sort half a city to show
    its first fifty buildings; a plan of its own costs a third of a millisecond.
    """
    west, south, east, north = city.bounds
    whole = (east - west) * (north - south)
    tree = condition.place.tree

    def is_wide(variables: Variables) -> bool:
        if "bbox" in tree:
            box = {name: leaf.read(variables) for name, leaf in tree["bbox"].items()}
            share = (box["east"] - box["west"]) * (box["north"] - box["south"]) / whole
        elif condition.within_m is not None and "point" in tree:
            across = 2 * condition.within_m.read(variables) / _METRES_OF_DEGREE
            share = across * across / whole
        else:
            return True
        return bool(share > _SMALL_SHARE)

    return is_wide


def names_entity(place: p.Place) -> bool:
    """Whether the place is another entity's geometry, or something around one."""
    if place.of is not None:
        return names_entity(place.of)
    return place.entity is not None or any(names_entity(part) for part in place.parts)


def _shape(place: p.Place, variables: Variables, srid: int) -> BaseGeometry:
    ((kind, tree),) = ((k, v) for k, v in place.tree.items() if v is not None)
    where = place.where
    if kind == "buffer":
        assert place.of is not None
        metres = _metres(tree["metres"].read(variables), f"{where}.metres")
        around = _shape(place.of, variables, srid).buffer(metres, quad_segs=places.BUFFER_SEGMENTS)
        if shapely.is_empty(around):
            raise BadRequest(nothing_left(metres), where=where)
        return around
    if kind == "union":
        parts = [places.checked(_shape(part, variables, srid), where=part.where) for part in place.parts]
        return places.together(parts, where=where)
    if kind == "geojson":
        return places.project(places.from_geojson(tree.read(variables), where=where), places.WGS84, srid)
    values = {name: leaf.read(variables) for name, leaf in tree.items() if leaf is not None}
    if kind == "point":
        made = places.point(values["lon"], values["lat"], where=where)
    elif kind == "bbox":
        return _box(place, variables, srid).polygon
    else:
        crs = values.get("crs", places.WGS84)
        return places.project(places.from_wkt(values["wkt"], crs=crs, where=where), crs, srid)
    return places.project(made, places.WGS84, srid)


def nothing_left(metres: float) -> str:
    """What is told of a buffer that is empty."""
    return f"nothing is left of the geometry at {float(metres)} metres"


def _leaves(tree: Any) -> list[Leaf]:
    if isinstance(tree, dict):
        return [leaf for inner in tree.values() for leaf in _leaves(inner)]
    if isinstance(tree, list):
        return [leaf for inner in tree for leaf in _leaves(inner)]
    return [] if tree is None else [tree]


def _once(read: Reading, *leaves: Leaf) -> Reading:
    """Read now what no variable can change."""
    if all(isinstance(leaf, Const) for leaf in leaves):
        value = read({})
        return lambda _variables: value
    return read


def _encode(value: Any, where: str) -> bytes | None:
    if isinstance(value, list):
        if any(item is None for item in value):
            raise BadRequest("holds null; to ask for null, say isNull: true", where=where)
        items = (_encode(item, where) or b"" for item in value)
        quoted = (b'"' + item.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"' for item in items)
        return b"{" + b",".join(quoted) + b"}"
    if isinstance(value, enum.Enum):
        return value.name.encode()
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadRequest(f"is {value}; give a finite number", where=where)
        return repr(value).encode()
    if isinstance(value, dt.date):
        return value.isoformat().encode()
    return None if value is None else _text(str(value), where)


def _text(text: str, where: str) -> bytes:
    return storable(text, where=where).encode()


def _cursor(text: str, count: int, signature: int, where: str) -> list[Any]:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, list) or len(decoded) != count + 1 or decoded[0] != signature:
        raise _no_cursor(text, where)
    return decoded[1:]


def _no_cursor(text: str, where: str) -> BadRequest:
    return BadRequest(
        f'"{text[:80]}" is no cursor of this list in this order (distances are from the same place); '
        "take one from edges or pageInfo",
        where=where,
    )
