"""A second way to answer the schema's questions, to hold the first against.

The rows of a city lie in memory, every condition, order and page is plain Python, shapely decides how places
lie to each other, and graphql-core executes. PostGIS is asked only for what it serves and shapely would round
otherwise: coordinates in a CRS, and distances.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import shapely
from graphql import GraphQLEnumType, build_schema, execute_sync, get_named_type, parse
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Date, DateTime

from schema import places
from schema.declare import camel
from tests.town import Town
from twin.entities import BY_NAME, IDENTIFIERS, NOTICE_RULE, Entity
from twin.schemes import SCHEMES
from twin.settings import Settings
from twin.text import fold

SDL = Path(__file__).parents[1] / "schema" / "schema.graphql"
#: entity -> what is worked out of a row
COMPUTED: dict[str, Callable[[Reference, Row], Any]] = {
    "footprint_area_m2": lambda _, row: row["footprint"] and row["footprint"].area,
    "footprint_perimeter_m": lambda _, row: row["footprint"].length,
    "area_m2": lambda _, row: row["boundary"].area,
    "perimeter_m": lambda _, row: row["boundary"].length,
    "length_m": lambda _, row: row["centreline"].length,
    "age_days": lambda reference, row: reference.age_days(row),
    "stale": lambda reference, row: _both(operator.gt, reference.age_days(row), row["refresh_days"]),
    "meaning": lambda reference, row: reference.labels.get((NOTICE_RULE, row["rule"]), (None, None))[1],
}
#: operator -> whether a value that is not null fulfils it
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
    "in": lambda value, said: value in said, "has": lambda value, said: said in value,
    "startsWith": str.startswith, "endsWith": str.endswith,
    "contains": lambda value, said: _holds(value, said) if isinstance(value, dict) else said in value,
    "hasKey": lambda value, said: said in value,
    "number": lambda value, said: isinstance(value.get(said["of"]), int | float)
    and all(OPERATORS[op](value[said["of"]], one) for op, one in said.items() if op != "of"),
}  # fmt: skip
PREDICATES = {
    "intersects": shapely.intersects, "within": shapely.within, "contains": shapely.contains,
    "covers": shapely.covers, "coveredBy": shapely.covered_by, "overlaps": shapely.overlaps,
    "touches": shapely.touches, "crosses": shapely.crosses, "disjoint": shapely.disjoint,
    "equals": shapely.equals, "containsProperly": shapely.contains_properly,
}  # fmt: skip


class NotCovered(Exception):
    """The reference has no answer of its own to this."""


class Cursor(str):
    """Stands for whatever cursor the twin gives the record of this key."""


@dataclass(frozen=True, eq=False)
class Row:
    entity: Entity
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def key(self) -> str:
        return str(self.values["key"])


class Reference:
    """The city of a town as it is now, and graphql-core over it."""

    def __init__(self, town: Town, settings: Settings) -> None:
        self.town = town
        self.settings = settings
        self.schema = build_schema(SDL.read_text("utf-8"), assume_valid_sdl=True)
        self._measured: dict[Any, dict[str, Any]] = {}
        self._connection = psycopg.connect(town.url, autocommit=True)
        self.rows = {name: self._load(entity) for name, entity in BY_NAME.items()}
        said = self._connection.execute(
            f"SELECT scheme, code, label_bg, label_en FROM {town.city.name}.code_value".encode()
        ).fetchall()
        self.labels: dict[tuple[str, str], tuple[str | None, str | None]] = {
            (scheme, code): (bg, en) for scheme, code, bg, en in said
        }

    def answer(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of an answer; NotCovered where it has none."""
        result = execute_sync(
            self.schema, parse(query), self, variable_values=dict(variables or {}),
            field_resolver=self._resolve, type_resolver=lambda row, *_: row.entity.name,
        )  # fmt: skip
        for error in result.errors or ():
            raise error.original_error or error
        return result.data

    # --- rows -------------------------------------------------------------------------------------------
    def close(self) -> None:
        self._connection.close()

    def _load(self, entity: Entity) -> dict[str, Row]:
        columns = entity.table.columns.keys()
        shapes = {name for name, known in entity.fields.items() if known.geometry}
        read = ", ".join(f'ST_AsEWKB("{name}")' if name in shapes else f'"{name}"' for name in columns)
        found = self._connection.execute(
            f"SELECT {read} FROM {self.town.city.name}.{entity.table.name} ORDER BY key".encode()
        )
        rows = [
            Row(
                entity,
                {
                    name: shapely.from_wkb(value) if name in shapes else value
                    for name, value in zip(columns, values, strict=True)
                },
            )
            for values in found
        ]
        return {row.key: row for row in rows}

    def _served(self, row: Row, column: str, expression: str, *parameters: Any) -> Any:
        """What PostGIS makes of a geometry column `g`."""
        asked = (row.entity.name, column, expression, *parameters)
        if asked not in self._measured:
            sql = f"SELECT key, {expression} FROM (SELECT key, {column} AS g FROM {self.town.city.name}.{row.entity.table.name}) s"
            self._measured[asked] = dict(self._connection.execute(sql.encode(), parameters).fetchall())
        return self._measured[asked][row.key]

    def geojson(self, row: Row, *, centroid: bool = False) -> Any:
        """A row's main geometry, or the middle of it, by longitude and latitude; None where it has none."""
        assert row.entity.geometry is not None
        return self._shape(row, row.entity.geometry, "centroid" if centroid else "geometry")

    def value(self, row: Row, name: str) -> Any:
        return COMPUTED[name](self, row) if name in row.entity.computed else row[name]

    def age_days(self, source: Row) -> int | None:
        since = source["fetched_at"] or source["loaded_at"]
        return None if since is None else (dt.datetime.now(dt.UTC) - since).days

    def standing(self, name: str, key: str) -> Row | None:
        """The record of that key, else the only one that took its place."""
        rows = self.rows[name]
        if key in rows or not BY_NAME[name].is_city_entity:
            return rows.get(key)
        heirs: set[str] = set()
        seen, ahead = {key}, [key]
        while ahead:
            gone = ahead.pop()
            for step in self.rows["Succession"].values():
                if step["entity"] == name and step["old_key"] == gone:
                    if step["new_key"] in rows:
                        heirs.add(step["new_key"])
                    elif step["new_key"] not in seen:
                        seen.add(step["new_key"])
                        ahead.append(step["new_key"])
        return rows[heirs.pop()] if len(heirs) == 1 else None

    # --- fields -----------------------------------------------------------------------------------------
    def _resolve(self, source: Any, info: Any, /, **arguments: Any) -> Any:
        name = info.field_name
        if isinstance(source, Row):
            return self._of_row(source, name, arguments)
        if source is self:
            return self._of_root(name, get_named_type(info.return_type).name, arguments)
        if name not in source:
            raise NotCovered(name)
        part = source[name]
        return part(**arguments) if callable(part) else part

    def _of_root(self, name: str, type_: str, arguments: dict[str, Any]) -> Any:
        target = type_.removesuffix("Connection")
        if name == "node":
            entity, _, key = arguments["id"].partition(":")
            return self.standing(entity, key)
        if name == "byIdentifier":
            entity_, column = IDENTIFIERS[arguments["scheme"]]
            said = SCHEMES[arguments["scheme"]].normalised(arguments["value"], where=name)
            bearers = [row.key for row in self.rows[entity_.name].values() if row[column] == said]
            return self.standing(entity_.name, min(bearers, default=said))
        if name == "sources":
            return list(self.rows["Source"].values())
        if name == "notices":
            source, rule = arguments.pop("source", None), arguments.pop("rule", None)
            rows = [
                row
                for row in self.rows["Notice"].values()
                if (source is None or row["source"] == source.split(":", 1)[-1])
                and (rule is None or row["rule"] == rule)
            ]
            return self._page(BY_NAME["Notice"], rows, arguments)
        if target in BY_NAME and type_ != target:
            return self._page(BY_NAME[target], self.rows[target].values(), arguments)
        raise NotCovered(name)

    def _of_row(self, row: Row, name: str, arguments: dict[str, Any]) -> Any:
        entity, key = row.entity, row.key
        match name:
            case "id":
                return f"{entity.name}:{key}"
            case "uri":
                return f"/{self.town.city.name}/id/{entity.name}/{key}"
            case "label":
                own, latin = (row[one] for one in entity.label) if entity.label else (None, None)
                return _first(latin, own) if arguments["lang"] == "EN" else _first(own, latin)
            case "identifiers":
                return [self._identifier(row, column) for column in _identified(row)]
            case "sameAs":
                said = [self._identifier(row, column)["uri"] for column in _identified(row)]
                return [uri for uri in said if uri is not None]
            case "sources":
                return [source for source in self.rows["Source"].values() if source.key in row["sources"]]
            case "links":
                ends = ("subject", "object")
                mine = (
                    link
                    for link in self.rows["Link"].values()
                    if any((link[f"{end}_type"], link[f"{end}_key"]) == (entity.name, key) for end in ends)
                )
                return self._page(BY_NAME["Link"], mine, arguments)
            case "subject" | "object" if entity.name == "Link":
                return self.rows[row[f"{name}_type"]].get(row[f"{name}_key"])
            case "lods" if entity.name == "Building":
                return sorted(solid["lod"] for solid in self._hanging(row, "solids"))
            case "lod" if entity.name == "Building":
                at = [s["cityjson"] for s in self._hanging(row, "solids") if s["lod"] == arguments["level"]]
                return at[0] if at else None
            case "distance" if entity.is_spatial:
                return self._distance(row, self._place(arguments["to"]))
        if entity.geometry and name in ("geometry", "centroid", "pointOnSurface", "bbox"):
            return self._shape(row, entity.geometry, name, **arguments)
        return self._of_attribute(row, attribute(entity, name), arguments)

    def _of_attribute(self, row: Row, name: str, arguments: dict[str, Any]) -> Any:
        entity = row.entity
        if name in entity.lists:
            many = entity.lists[name]
            return self._page(BY_NAME[many.target], self._hanging(row, name), arguments, own=bool(many.keys))
        value = self.value(row, name)
        known = entity.fields.get(name)
        if known is None or value is None:
            return value
        if known.link:
            return self.rows[known.link].get(value)
        if known.geometry:
            return self._shape(row, name, "geometry", **arguments)
        if known.codes:
            bg, en = self.labels.get((known.codes, value), (None, None))
            label = {"BG": _first(bg, en), "EN": _first(en, bg)}
            return {"code": value, "scheme": known.codes, "label": lambda lang: label[lang]}
        return value.isoformat() if isinstance(value, dt.date) else value

    def _identifier(self, row: Row, column: str) -> dict[str, Any]:
        scheme = row.entity.fields[column].identifier or ""
        uri = SCHEMES[scheme].uri
        return {"scheme": scheme, "value": row[column], "uri": uri and uri + row[column]}

    def _hanging(self, row: Row, name: str) -> list[Row]:
        many = row.entity.lists[name]
        rows = self.rows[many.target]
        if many.by:
            return [one for one in rows.values() if one[many.by] == row.key]
        return [rows[key] for key in dict.fromkeys(row[many.keys or ""] or ()) if key in rows]

    def _shape(
        self, row: Row, column: str, what: str, crs: int | None = None, precision: int | None = None,
        simplifyM: float | None = None, **others: Any,  # noqa: N803  (as the argument is called)
    ) -> Any:  # fmt: skip
        if others:
            raise NotCovered(f"{row.entity.name}.{what}")
        crs = places.WGS84 if crs is None else crs
        if what == "bbox":
            g = f"ST_Transform(g, {crs})"
            edges = ", ".join(f"ST_{edge}({g})" for edge in ("XMin", "YMin", "XMax", "YMax"))
            return self._served(row, column, f"CASE WHEN g IS NOT NULL THEN ARRAY[{edges}] END")
        shape = {"centroid": "ST_Centroid(g)", "pointOnSurface": "ST_PointOnSurface(g)"}.get(what, "g")
        if simplifyM is not None:
            shape = f"ST_SimplifyPreserveTopology(g, {simplifyM!r})"
        digits, options = 7 if precision is None else precision, 0 if crs == places.WGS84 else 2
        return self._served(
            row, column, f"ST_AsGeoJSON(ST_Transform({shape}, {crs}), {digits}, {options})::json"
        )

    # --- pages ------------------------------------------------------------------------------------------
    def _page(
        self, entity: Entity, rows: Iterable[Row], arguments: Mapping[str, Any], *, own: bool = False
    ) -> Any:
        """A connection; `own`: where nothing else is asked the rows stay in the order that they come in."""
        whole = [row for row in rows if self.holds(row, arguments.get("where"))]
        orders = [next(iter(one.items())) for one in arguments.get("orderBy") or ()]
        if orders or not own:
            whole.sort(key=lambda row: row.key)
        for name, said in reversed(orders):
            values = {row: self._ordered(row, name, said) for row in whole}
            while isinstance(said, dict) and name != "distance":
                name, said = next(iter(said.items()))
            _sort(whole, values, said)
        first, last = arguments.get("first"), arguments.get("last")
        after, before = arguments.get("after"), arguments.get("before")
        backwards = last is not None or before is not None
        cursor = before if backwards else after
        rest = whole
        if cursor is not None:
            here = next((i for i, row in enumerate(whole) if row.key in _decoded(cursor)), None)
            if here is None:
                raise NotCovered("a cursor that is none, where nothing is asked that it decides")
            rest = whole[:here] if backwards else whole[here + 1 :]
        size = _first(last if backwards else first, self.settings.page_default)
        shown = rest[max(len(rest) - size, 0) :] if backwards else rest[:size]
        more, begun = len(rest) > size, cursor is not None
        near = [self._place(said) for name, said in orders if name == "distance"]
        return {
            "nodes": shown,
            "totalCount": len(whole),
            "edges": [
                {"node": row, "cursor": Cursor(row.key), "distanceM": self._distance(row, near[0]) if near else None}
                for row in shown
            ],
            "pageInfo": {
                "hasNextPage": begun if backwards else more,
                "hasPreviousPage": more if backwards else begun,
                "startCursor": Cursor(shown[0].key) if shown else None,
                "endCursor": Cursor(shown[-1].key) if shown else None,
            },
        }  # fmt: skip

    def _ordered(self, row: Row | None, name: str, said: Any) -> Any:
        """What an order looks at; `said` is a place, a direction, or an order of the linked record."""
        if row is None:
            return None
        if name == "distance":
            return self._distance(row, self._place(said))
        own = attribute(row.entity, name)
        if isinstance(said, dict):
            return self._ordered(self.rows[row.entity.links[own]].get(row[own]), *next(iter(said.items())))
        return self.value(row, own)

    # --- conditions -------------------------------------------------------------------------------------
    def holds(self, row: Row, where: Mapping[str, Any] | None) -> bool:
        """Whether a row is as a filter asks; what is null is not so."""
        return all(self._member(row, name, said) for name, said in (where or {}).items() if said is not None)

    def _member(self, row: Row, name: str, said: Any) -> bool:
        match name:
            case "and":
                return all(self.holds(row, one) for one in said)
            case "or":
                return any(self.holds(row, one) for one in said)
            case "not":
                return not self.holds(row, said)
            case "id":
                own = f"{row.entity.name}:{row.key}"
                return all(self._fulfils(row, "key", own, op, one) for op, one in said.items())
        entity, name = row.entity, attribute(row.entity, name)
        if name in entity.lists:
            hanging = self._hanging(row, name)
            quantified = {"some": any, "every": all, "none": _none}
            return all(
                quantified[how](self.holds(one, inner) for one in hanging)
                for how, inner in said.items()
                if inner is not None
            )
        value, known = self.value(row, name), entity.fields.get(name)
        if known is not None and known.link:
            linked = self.rows[known.link].get(value)
            return linked is not None and self.holds(linked, said)
        if known is not None and known.geometry:
            return self._lies(value, said)
        type_ = entity.computed[name].type_ if name in entity.computed else entity.table.c[name].type
        return all(self._fulfils(row, name, value, op, _python(one, type_)) for op, one in said.items())

    def _fulfils(self, row: Row, name: str, value: Any, op: str, said: Any) -> bool:
        if op == "isNull":
            return (value is None) is said
        if op == "ne":
            return bool(value != said)
        if op == "notIn":
            return value not in said
        if op == "search":
            folded = next(n for n, known in row.entity.fields.items() if known.folded_of == name)
            return fold(said) in (row[folded] or "")
        if op not in OPERATORS:
            raise NotCovered(op)
        return value is not None and OPERATORS[op](value, said)

    def _lies(self, shape: BaseGeometry | None, said: Mapping[str, Any]) -> bool:
        ((how, other),) = ((how, other) for how, other in said.items() if other is not None)
        if how == "bbox":
            how, other = "intersects", {"bbox": other}
        to = self._place(other.get("of") or other.get("to") or other)
        if shape is None or to is None:
            return False
        if how == "dwithin":
            return bool(shapely.dwithin(shape, to, other["withinM"]))
        if how == "relate":
            return bool(shapely.relate_pattern(shape, to, other["pattern"]))
        if how not in PREDICATES:
            raise NotCovered(how)
        return bool(PREDICATES[how](shape, to))

    def _place(self, said: Mapping[str, Any]) -> BaseGeometry | None:
        """A geometry argument in the city's CRS."""
        ((kind, of),) = ((kind, of) for kind, of in said.items() if of is not None)
        srid = self.town.city.srid
        match kind:
            case "entity":
                entity, _, key = of.partition(":")
                shape: BaseGeometry | None = self.rows[entity][key][BY_NAME[entity].geometry or ""]
                return shape
            case "buffer":
                inner = self._place(of["of"])
                return None if inner is None else inner.buffer(of["metres"], quad_segs=places.BUFFER_SEGMENTS)
            case "union":
                parts = [self._place(part) for part in of]
                return shapely.union_all([part for part in parts if part is not None])
            case "point":
                return places.project(shapely.Point(of["lon"], of["lat"]), places.WGS84, srid)
            case "bbox":
                box = places.box(of["west"], of["south"], of["east"], of["north"], srid=srid, where=kind)
                return box.polygon
            case "geojson":
                return places.project(shapely.geometry.shape(of), places.WGS84, srid)
        return places.project(shapely.from_wkt(of["wkt"]), _first(of["crs"], places.WGS84), srid)

    def _distance(self, row: Row, to: BaseGeometry | None) -> float | None:
        if to is None or row.entity.geometry is None:
            return None
        said = shapely.to_wkb(shapely.set_srid(to, self.town.city.srid), hex=True, include_srid=True)
        apart: float | None = self._served(
            row, row.entity.geometry, "ST_Distance(g, %s::text::geometry)", said
        )
        return apart


def literal(value: Any, type_: Any = None) -> str:
    """A value as a document writes it."""
    named = get_named_type(type_)
    if isinstance(value, dict):
        types = {name: known.type for name, known in getattr(named, "fields", {}).items()}
        said = ", ".join(f"{name}: {literal(inner, types.get(name))}" for name, inner in value.items())
        return f"{{{said}}}"
    if isinstance(value, list):
        return f"[{', '.join(literal(inner, named) for inner in value)}]"
    return value if isinstance(named, GraphQLEnumType) and isinstance(value, str) else json.dumps(value)


def disagreement(expected: Any, answered: Any, path: str = "data") -> str | None:
    """Where two answers first differ, keys in their order included; None where they are the same."""
    if isinstance(expected, Cursor):
        same = isinstance(answered, str) and expected in _decoded(answered)
        return None if same else f"{path}: {answered!r} is no cursor of {expected}"
    if isinstance(expected, dict) and isinstance(answered, dict):
        if list(expected) != list(answered):
            return f"{path}: {list(answered)}; expected {list(expected)}"
        pairs = [(f"{path}.{key}", expected[key], answered[key]) for key in expected]
    elif isinstance(expected, list) and isinstance(answered, list):
        if len(expected) != len(answered):
            return f"{path}: {len(answered)} items {answered!r}; expected {len(expected)} {expected!r}"[:1000]
        pairs = [(f"{path}[{i}]", *both) for i, both in enumerate(zip(expected, answered, strict=True))]
    else:
        same = expected == answered and isinstance(expected, bool) == isinstance(answered, bool)
        return None if same else f"{path}: {answered!r}; expected {expected!r}"
    return next((told for at, one, other in pairs if (told := disagreement(one, other, at))), None)


_attributes: dict[str, dict[str, str]] = {}


def attribute(entity: Entity, public: str) -> str:
    """The attribute behind a GraphQL name; NotCovered where it is of no attribute."""
    if entity.name not in _attributes:
        names = [*entity.fields, *entity.computed, *entity.lists]
        _attributes[entity.name] = {camel(name): name for name in names} | {"id": "key"}
    if public not in _attributes[entity.name]:
        raise NotCovered(f"{entity.name}.{public}")
    return _attributes[entity.name][public]


def _identified(row: Row) -> list[str]:
    return [name for name, known in row.entity.fields.items() if known.identifier and row[name] is not None]


def _holds(value: Any, said: Any) -> bool:
    """Whether a JSON value holds another, as jsonb's @> has it."""
    if isinstance(value, dict) and isinstance(said, dict):
        return all(name in value and _holds(value[name], one) for name, one in said.items())
    return bool(value == said)


def _sort(rows: list[Row], values: Mapping[Row, Any], way: Any) -> None:
    """Null comes last, unless it is to come first; what is the same stays as it was."""
    nulls = [row for row in rows if values[row] is None]
    others = [row for row in rows if values[row] is not None]
    others.sort(key=lambda row: values[row], reverse=str(way).startswith("DESC"))
    rows[:] = nulls + others if str(way).endswith("NULLS_FIRST") else others + nulls


def _python(said: Any, type_: Any) -> Any:
    """A value of a filter as psycopg gives those of its column."""
    if isinstance(said, list):
        return [_python(one, type_) for one in said]
    if isinstance(said, str) and isinstance(type_, DateTime):
        return dt.datetime.fromisoformat(said)
    return dt.date.fromisoformat(said) if isinstance(said, str) and isinstance(type_, Date) else said


def _decoded(cursor: str) -> list[Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        # the twin refuses it where it pages by it, and does not read it where only numbers are asked
        raise NotCovered("a cursor that is none") from None
    assert isinstance(found, list)
    return found


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _none(so: Iterable[object]) -> bool:
    return not any(so)


def _both(decide: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    return None if one is None or other is None else decide(one, other)
