"""Plan -> one SQLAlchemy statement that PostgreSQL answers with the JSON text of the whole operation.

Every value is a bind parameter; aliases are counted, so that the same plan gives the same SQL. Nested
records are correlated subqueries: they keep the page's order without sorting it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

from geoalchemy2 import Geometry
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by, array
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import NullType, UserDefinedType

from schema import plan as p
from schema import values
from schema.cost import NOTHING, Bill
from schema.filters import PREDICATES
from schema.places import BUFFER_SEGMENTS, WGS84
from schema.values import Reading
from twin.database import City
from twin.entities import BY_NAME, IDENTIFIERS, CodeValue, Entity
from twin.fields import GEOJSON_DIGITS, KEY
from twin.identity import public_id, uri_path
from twin.schemes import SCHEMES
from twin.succession import bearer, standing

#: PostgreSQL cuts longer column names, and row_to_json names its keys by them
_NAME_BYTES = 63
#: json_build_object takes 100 arguments at most
_PAIRS = 50
_DERIVED_SHAPES = {"centroid": "ST_Centroid", "point_on_surface": "ST_PointOnSurface"}
EMPTY_LIST: ColumnElement[Any] = literal_column("'[]'::json")
#: what a statement says that asks for the time of day
_CLOCK = "now()"
#: where a DE-9IM pattern speaks of interiors and boundaries that meet
_SHARED = (0, 1, 3, 4)
_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


class SortKey(NamedTuple):
    """One key of an order. Nulls come last unless `nulls_first`."""

    expression: ColumnElement[Any]
    descending: bool
    nullable: bool
    nulls_first: bool = False


#: a row that another is linked to, and the condition that it is
Linked = tuple[Any, ColumnElement[bool]]


@dataclass(frozen=True)
class Expected:
    """What an argument names and that must exist: else the answer would be silently empty."""

    where: str
    told: Callable[[Mapping[str, Any]], str]  #: where it does not


@dataclass(frozen=True)
class Statement:
    """One SQL statement, and how to read each of its parameters from a request's variables."""

    sql: bytes
    readings: tuple[Reading, ...]
    expected: tuple[Expected, ...]
    wide: tuple[Callable[[Mapping[str, Any]], bool], ...] = ()
    opening: bytes = b""  #: what stands before the statement's JSON, and after it
    closing: bytes = b""
    #: where one record is asked for by its id: the statement to run when this one finds nothing
    otherwise: Callable[[], Statement] | None = None
    bill: Bill = NOTHING
    lasting: bool = True  #: whether it answers alike until the data change

    def wants_own_plan(self, variables: Mapping[str, Any]) -> bool:
        """Whether these values are so unlike most that a plan made for any value would be a poor one."""
        return bool(self.wide) and any(wide(variables) for wide in self.wide)

    def values(self, variables: Mapping[str, Any]) -> list[bytes | None]:
        """The parameters in PostgreSQL's text format; BadRequest where one is not allowed."""
        return [read(variables) for read in self.readings]


def compile_plan(plan: p.Plan, city: City) -> Statement:
    """The statement that answers a plan for one city."""
    statement = replace(Compiler(city, successions=False).statement(plan), bill=plan.bill)
    if len(plan.items) == 1 and _may_have_heirs(plan.items[0]):
        # PostgreSQL sets up all of a plan: to follow old ids would double the price of those that stand
        return replace(statement, otherwise=cache(lambda: Compiler(city).statement(plan)))
    return statement


def _may_have_heirs(item: p.Item) -> bool:
    return isinstance(item, p.Single) and item.scheme is None and item.target.is_city_entity


class Compiler:
    """Compiles one plan; what a plan.Feature needs to say its SQL is public."""

    def __init__(self, city: City, *, successions: bool = True) -> None:
        self.city = city
        self._successions = successions  #: whether an id that is alone in its operation is followed
        self._aliases: Counter[str] = Counter()
        self._readings: dict[str, Reading] = {}
        self._expected: list[tuple[Expected, ColumnElement[Any]]] = []
        self._wide: list[Callable[[Mapping[str, Any]], bool]] = []
        self._ahead: list[Any] = []  #: what the statement begins WITH
        self._outside: list[Any] = []  #: the rows around the one being compiled, outermost first

    def statement(self, plan: p.Plan) -> Statement:
        keys, answer = self._answer(plan.items)
        outputs = [answer.label("answer")]
        missing = self.missing()
        if missing is not None:
            outputs.append(missing.label("missing"))
        opening, closing = "".join(f'{{"{key}":' for key in keys), "}" * len(keys)
        return replace(self.rendered(select(*outputs)), opening=opening.encode(), closing=closing.encode())

    def _answer(self, items: p.Items) -> tuple[tuple[str, ...], ColumnElement[Any]]:
        """What the statement answers, and the keys of the objects around it that hold nothing else.

        Those are left to the server: in PostgreSQL each would copy all of a long answer once more.
        """
        match items:
            case (p.Page(key) as page,) if _holds_nodes_only(page):
                return (key, page.parts[0].key), self._nodes(None, None, page)
            case (p.Single(key) as single,):
                alone = not self._successions and _may_have_heirs(single)
                return (key,), self._single(single, followed=not alone)
        return (), self.json_object(self.columns(None, None, items), None)

    def missing(self) -> ColumnElement[Any] | None:
        """The number of the first expected entity that is not there; None where none is expected."""
        if not self._expected:
            return None
        whens: list[Any] = [
            (~present, literal_column(str(i))) for i, (_, present) in enumerate(self._expected)
        ]
        return case(*whens)

    def rendered(self, whole: Select[Any]) -> Statement:
        """The statement of what was compiled so far."""
        compiled = whole.add_cte(*self._ahead).compile(
            dialect=_DIALECT,
            schema_translate_map={None: self.city.name},
            render_schema_translate=True,
            compile_kwargs={"render_postcompile": True},
        )
        names = compiled.positiontup or []
        sql = str(compiled)
        return Statement(
            sql.encode(),
            tuple(self._readings[name] for name in names),
            tuple(expected for expected, _ in self._expected),
            tuple(self._wide),
            # values are no part of the text
            lasting=_CLOCK not in sql,
        )

    # --- rows ---------------------------------------------------------------------------------------
    def columns(self, entity: Entity | None, t: Any, items: p.Items) -> list[tuple[str, ColumnElement[Any]]]:
        with self.around(t):
            return [(item.key, self.column(entity, t, item)) for item in items]

    @contextmanager
    def around(self, *rows: Any) -> Iterator[None]:
        """What is compiled within may speak of these rows."""
        outside = self._outside
        self._outside = [*outside, *(row for row in rows if row is not None)]
        yield
        self._outside = outside

    def ahead(self, *columns: Any) -> Any:
        """A CTE of one row of these columns, which textual SQL can name."""
        return self.before(select(*columns).cte(self.name("asked")))

    def before(self, cte: Any) -> Any:
        """A CTE that the statement begins with; it speaks of no row around it."""
        self._ahead.append(cte)
        return cte

    def select(self, *columns: Any) -> Select[Any]:
        """A subquery that may speak of the rows around it; told so, SQLAlchemy keeps them out of its FROM."""
        chosen = select(*columns)
        return chosen.correlate(*self._outside) if self._outside else chosen

    def column(self, entity: Entity | None, t: Any, item: p.Item) -> ColumnElement[Any]:
        match item:
            case p.Constant(_, value):
                return quoted(value)
            case p.Page():
                return self._page(entity, t, item)
            case p.Single():
                return self._single(item)
            case p.Feature():
                own: ColumnElement[Any] = item.sql(self, entity, t)
                return own
            case p.AllOf(_, target, items, of_row):
                s = self.alias(target)
                rows = self.select(*self.labelled(target, s, items)).select_from(s).order_by(s.c.key)
                if of_row:
                    rows = rows.where(s.c.key == func.any(t.c.sources))
                return self.json_list(rows, items)
            case p.Value(_, name):
                return self.value(entity, t, name)
            case p.Shape():
                return self._shape(entity, t, item)
            case p.One(_, name, target, items):
                s = self.alias(target)
                return self.one(target, s, items, s.c.key == t.c[name])
            case p.End(_, side, choices):
                whens = []
                for target, items in choices:
                    s = self.alias(target)
                    row = self.one(target, s, items, s.c.key == t.c[f"{side}_key"])
                    whens.append((t.c[f"{side}_type"] == quoted(target.name), row))
                return case(*whens)
        assert entity is not None
        return self._of_entity(entity, t, item)

    def _of_entity(self, entity: Entity, t: Any, item: p.Item) -> ColumnElement[Any]:
        match item:
            case p.PublicId():
                return quoted(public_id(entity.name, "")).concat(t.c.key)
            case p.Address():
                return quoted(uri_path(self.city.name, entity.name, "")).concat(t.c.key)
            case p.Label(_, lang):
                if entity.label is None:
                    return literal_column("NULL::text")
                own, latin = (t.c[name] for name in entity.label)
                return func.coalesce(latin, own) if lang == "EN" else func.coalesce(own, latin)
            case p.Coded():
                return self._coded(t, item)
            case p.Distance(_, to):
                return func.ST_Distance(t.c[entity.geometry], self.place(to))
            case p.Levels():
                s = self.alias(BY_NAME["BuildingSolid"])
                lods = self.select(s.c.lod).where(s.c.building == t.c.key).order_by(s.c.lod)
                return func.array_to_json(func.array(lods.scalar_subquery()))
            case p.AtLevel(_, level):
                s = self.alias(BY_NAME["BuildingSolid"])
                lod = self.bind(values.plain(level, "level"), KEY)
                shape = self.select(s.c.cityjson).where(s.c.building == t.c.key, s.c.lod == lod)
                return shape.limit(literal_column("1")).scalar_subquery()
            case p.Identifiers():
                return self._identifiers(entity, t, item)
            case p.SameAs():
                uris = [_uri(t, s, n) for s, n in _schemes(entity) if SCHEMES[s].uri]
                if not uris:
                    return EMPTY_LIST
                return func.to_json(func.array_remove(array(uris), literal_column("NULL")))
        raise TypeError(f"{item} cannot be compiled")

    def value(self, entity: Entity | None, t: Any, name: str) -> ColumnElement[Any]:
        """A column or computed value of a row."""
        if entity is not None and name in entity.computed:
            return entity.computed[name].of(t)
        column: ColumnElement[Any] = t.c[name]
        return column

    def _coded(self, t: Any, item: p.Coded) -> ColumnElement[Any]:
        column = t.c[item.name]
        pairs: list[tuple[str, ColumnElement[Any]]] = []
        for key, part in item.parts:
            if part == "code":
                pairs.append((key, column))
            elif part == "scheme":
                pairs.append((key, quoted(item.scheme)))
            elif part == "__typename":
                pairs.append((key, quoted("CodedValue")))
            else:
                codes = _alias(CodeValue.__table__, self.name("code_value"))
                labels = (codes.c.label_en, codes.c.label_bg)
                label = func.coalesce(*(labels if part == "EN" else reversed(labels)))
                code = quoted(f"{item.scheme}/").concat(column)
                pairs.append((key, select(label).where(codes.c.key == code).scalar_subquery()))
        return case((column.isnot(None), self.json_object(pairs, t)))

    def _shape(self, entity: Entity | None, t: Any, item: p.Shape) -> ColumnElement[Any]:
        column = t.c[item.name]
        if item.what == "bbox":
            return edges_of(func.ST_Transform(column, literal_column(str(item.crs))), column)
        if item.what in _DERIVED_SHAPES:
            column = getattr(func, _DERIVED_SHAPES[item.what])(column)
        elif item.simplify is not None:
            metres = self.bind(values.number(item.simplify, "simplifyM", least=0), Double())
            column = func.ST_SimplifyPreserveTopology(column, metres)
        elif entity is not None and (item.name, item.crs, item.precision) == (
            entity.geometry,
            WGS84,
            GEOJSON_DIGITS,
        ):
            rendition: ColumnElement[Any] = t.c.geojson
            return rendition
        return geojson(column, item.crs, item.precision)

    def _single(self, item: p.Single, *, followed: bool = True) -> ColumnElement[Any]:
        """One record by its id, or where that is `followed`, what took its place."""
        s = self.alias(item.target)
        if item.scheme is None:
            key = self.bind(values.key_of(item.value, item.target, "node.id"), KEY)
            if not followed or not item.target.is_city_entity:  # the twin's own records have no heirs
                return self.one(item.target, s, item.items, s.c.key == key, limit=True)
        else:
            _, column = IDENTIFIERS[item.scheme]
            value = self.bind(values.identifier(item.value, item.scheme, "byIdentifier.value"), KEY)
            key = bearer(item.target, column, value, self.inner("bearer"))
        now = standing(item.target, key, self.inner("heir"))
        return self.one(item.target, s, item.items, s.c.key == now, limit=True)

    def _identifiers(self, entity: Entity, t: Any, item: p.Identifiers) -> ColumnElement[Any]:
        known = []
        for number, (scheme, name) in enumerate(_schemes(entity)):
            part_of = {
                "scheme": quoted(scheme),
                "value": t.c[name],
                "uri": _uri(t, scheme, name),
                "__typename": quoted("Identifier"),
            }
            said = self.json_object([(key, part_of[part]) for key, part in item.parts], None)
            with self.around(t):
                one = self.select(literal_column(str(number)).label("i"), said.label("o"))
            known.append(one.where(t.c[name].isnot(None)))
        if not known:
            return EMPTY_LIST
        each = union_all(*known).subquery(self.inner("identifiers"))
        agg = func.json_agg(aggregate_order_by(each.c.o, each.c.i))
        return select(func.coalesce(agg, EMPTY_LIST)).select_from(each).scalar_subquery()

    def json_object(self, columns: Sequence[tuple[str, ColumnElement[Any]]], t: Any) -> ColumnElement[Any]:
        """A JSON object of any number of keys of any length, in their order."""
        if not columns:
            return literal_column("'{}'::json")
        if len(columns) <= _PAIRS:
            return _pairs(columns)
        with self.around(t):
            numbered = [
                self.select(
                    literal_column(str(number)).label("i"),
                    quoted(key).label("k"),
                    func.to_json(value).label("v"),
                )
                for number, (key, value) in enumerate(columns)
            ]
        pairs = union_all(*numbered).subquery(self.inner("pairs"))
        ordered = select(pairs).order_by(pairs.c.i).subquery(self.inner("pairs"))
        return select(func.json_object_agg(ordered.c.k, ordered.c.v)).select_from(ordered).scalar_subquery()

    def one(
        self, entity: Entity, s: Any, items: p.Items, condition: Any, *, limit: bool = False
    ) -> ColumnElement[Any]:
        rows = self.select(*self.labelled(entity, s, items)).select_from(s).where(condition)
        if limit:
            rows = rows.limit(literal_column("1"))
        r = rows.subquery(self.inner("row"))
        record = _record(r) if _fits(items) else r.c.o
        return select(func.row_to_json(record) if _fits(items) else record).select_from(r).scalar_subquery()

    def labelled(self, entity: Entity | None, s: Any, items: p.Items) -> list[Any]:
        columns = self.columns(entity, s, items)
        if _fits(items):
            return [column.label(key) for key, column in columns]
        return [self.json_object(columns, s).label("o")]

    def json_list(self, rows: Any, items: p.Items) -> ColumnElement[Any]:
        r = rows.subquery(self.inner("rows"))
        whole = func.coalesce(func.json_agg(json_record(r, items)), EMPTY_LIST)
        return select(whole).select_from(r).scalar_subquery()

    def lists(self, found: Any, parts: Sequence[p.FoundPart], *order: Any) -> ColumnElement[Any]:
        """A JSON object of lists: what is asked of the rows found and of their nodes, in this order."""
        columns: dict[str, ColumnElement[Any]] = {}
        with self.around(found):
            for part in parts:
                if isinstance(part, p.Edges):
                    columns[part.key] = self.inline(None, found, part.items)
                elif isinstance(part, p.End):
                    columns[part.key] = self.column(None, found, part)
        pairs = {part.key: quoted(part.value) for part in parts if isinstance(part, p.Constant)}
        if not columns:
            return self.json_object(list(pairs.items()), None)
        labels = {key: f"l{i}" for i, key in enumerate(columns)}
        rows = select(*(columns[key].label(label) for key, label in labels.items())).select_from(found)
        row = rows.order_by(*order).subquery(self.inner("rows"))
        agg = [func.json_agg(row.c[label]).label(label) for label in labels.values()]
        whole = select(*agg).select_from(row).subquery(self.inner("whole"))
        pairs |= {key: func.coalesce(whole.c[label], EMPTY_LIST) for key, label in labels.items()}
        ordered = [(part.key, pairs[part.key]) for part in parts]
        return select(self.json_object(ordered, whole)).select_from(whole).scalar_subquery()

    # --- pages --------------------------------------------------------------------------------------
    def _page(self, parent: Entity | None, outer: Any, page: p.Page) -> ColumnElement[Any]:
        wants_info = any(isinstance(part, p.PageInfo) for part in page.parts)
        lists = [part for part in page.parts if isinstance(part, p.Nodes | p.Edge)]
        if _holds_nodes_only(page):
            return _pairs([(page.parts[0].key, self._nodes(parent, outer, page))])

        pairs: list[tuple[str, ColumnElement[Any]]] = []
        source: Any = None
        if lists or wants_info:
            source = self._paged(parent, outer, page, lists, extra=wants_info)
        for i, part in enumerate(page.parts):
            match part:
                case p.Constant(key, value):
                    pairs.append((key, quoted(value)))
                case p.TotalCount(key):
                    pairs.append((key, self._count(parent, outer, page)))
                case p.Nodes(key) | p.Edge(key):
                    pairs.append((key, func.coalesce(func.array_to_json(source.c[f"l{i}"]), EMPTY_LIST)))
                case p.PageInfo(key, parts):
                    pairs.append((key, self._page_info(source, page, parts)))
                case p.Feature(key):
                    pairs.append((key, part.sql(self, parent, outer)))
        if source is None:
            return self.json_object(pairs, outer)
        answer = select(self.json_object(pairs, source)).select_from(source)
        return answer.scalar_subquery()

    def _nodes(self, parent: Entity | None, outer: Any, page: p.Page) -> ColumnElement[Any]:
        """The list of a page that is asked for its records only, without the columns that cursors need."""
        (nodes,) = page.parts
        assert isinstance(nodes, p.Nodes)
        t, _, rows_of = self.source(parent, outer, page, page.size)
        return self.json_list(rows_of(self.labelled(page.entity, t, nodes.items)), nodes.items)

    def _paged(
        self, parent: Entity | None, outer: Any, page: p.Page, lists: Sequence[Any], *, extra: bool
    ) -> Any:
        """One row: an array per list part, the cursors, how many rows were found (at most one too many)."""
        entity = page.entity
        size = page.size + 1 if extra else page.size
        t, order, rows_of = self.source(parent, outer, page, size, settled=True)
        cursor = cursor_of(self, page, order)
        columns: list[Any] = [cursor.label("c")] if extra else []
        for i, part in enumerate(page.parts):
            if isinstance(part, p.Nodes):
                columns.append(self.inline(entity, t, part.items).label(f"l{i}"))
            elif isinstance(part, p.Edge):
                columns.append(self.edge(entity, t, part, page, order, cursor).label(f"l{i}"))
        columns += [expression.label(f"o{i}") for i, (expression, *_) in enumerate(order)]
        rows = rows_of(columns).subquery(self.inner("page"))
        if page.backwards:
            again = [directed(key._replace(expression=rows.c[f"o{i}"])) for i, key in enumerate(order)]
            rows = select(rows).order_by(*again).subquery(self.inner("page"))
        found = func.count()
        n: ColumnElement[Any] = literal_column(str(page.size))
        first = (
            func.greatest(found - n, literal_column("0")) + literal_column("1")
            if page.backwards
            else literal_column("1")
        )
        last = found if page.backwards else func.least(found, n)

        def kept(column: Any) -> ColumnElement[Any]:
            whole = func.array_agg(column)
            return whole[first:last] if extra else whole

        outputs = [kept(rows.c[f"l{i}"]).label(f"l{i}") for i, part in enumerate(page.parts) if part in lists]
        if extra:
            outputs += [kept(rows.c.c).label("c"), found.label("found")]
        return select(*outputs).select_from(rows).subquery(self.inner("whole"))

    def inline(self, entity: Entity | None, t: Any, items: p.Items) -> ColumnElement[Any]:
        """A record as one JSON value beside other columns of its row."""
        columns = self.columns(entity, t, items)
        if not _fits(items) or len(items) <= _PAIRS:
            return self.json_object(columns, t)
        with self.around(t):
            r = self.select(*(column.label(key) for key, column in columns)).subquery(self.inner("row"))
        return select(func.row_to_json(_record(r))).select_from(r).scalar_subquery()

    def edge(
        self, entity: Entity, t: Any, part: p.Edge, page: p.Page, order: Any, cursor: ColumnElement[Any]
    ) -> ColumnElement[Any]:
        pairs: list[tuple[str, ColumnElement[Any]]] = []
        for key, name, items in part.parts:
            if name == "node":
                pairs.append((key, self.inline(entity, t, items)))
            elif name == "cursor":
                pairs.append((key, cursor))
            elif name == "distanceM":
                near = [i for i, one in enumerate(page.order) if one.place is not None and not one.through]
                pairs.append((key, order[near[0]][0] if near else literal_column("NULL::float8")))
            else:
                pairs.append((key, quoted(f"{entity.name}Edge")))
        return self.json_object(pairs, t)

    def source(
        self, parent: Entity | None, outer: Any, page: p.Page, size: int, *, settled: bool = False
    ) -> tuple[Any, list[SortKey], Callable[[Sequence[Any]], Any]]:
        """Where a page's rows come from, what orders them, and how to select columns of at most `size`.

        With `settled` rows are chosen before anything is made of them: PostgreSQL would work out a cursor,
        which it thinks cheap, for every row that it sorts. So are rows in the order of what is linked, which
        is joined to them: to look it up for each row takes twice as long.
        """
        t = whole = self.alias(page.entity)
        order, linked = self._order(parent, outer, page, t)
        conditions = self.scope(parent, outer, page, t)
        if page.cursor is not None:
            conditions.append(self._beyond(page, order))
        for s, led in linked:
            whole = whole.outerjoin(s, led)
        nearest_first = page.order and page.order[0].place is not None and not page.order[0].through
        nearest_first = nearest_first and not page.backwards
        if nearest_first or settled or linked:
            by = [one.expression.label(f"by{i}") for i, one in enumerate(order)]
            chosen = self.select(t, *by).select_from(whole).where(*conditions)
            most: ColumnElement[Any] = literal_column(str(size))
            if nearest_first:
                # A GiST index gives the nearest first only where nothing else orders; PostgreSQL 15 sorts the
                # whole table otherwise. So take the nearest with all that tie, and settle ties after.
                chosen = chosen.order_by(directed(order[0])).fetch(most, with_ties=True)
            else:
                first = [directed(one, backwards=page.backwards) for one in order]
                chosen = chosen.order_by(*first).limit(most)
            t = chosen.subquery(self.inner("chosen"))
            order, conditions = [one._replace(expression=t.c[f"by{i}"]) for i, one in enumerate(order)], []
        ordered = [directed(one, backwards=page.backwards) for one in order]

        def rows_of(columns: Sequence[Any]) -> Any:
            rows = self.select(*columns).select_from(t).where(*conditions)
            return rows.order_by(*ordered).limit(literal_column(str(size)))

        return t, order, rows_of

    def _count(self, parent: Entity | None, outer: Any, page: p.Page) -> ColumnElement[Any]:
        t = self.alias(page.entity)
        rows = self.select(func.count()).select_from(t)
        for condition in self.scope(parent, outer, page, t):
            rows = rows.where(condition)
        return rows.scalar_subquery()

    def scope(self, parent: Entity | None, outer: Any, page: p.Page, t: Any) -> list[ColumnElement[Any]]:
        conditions: list[ColumnElement[Any]] = []
        if page.via == "links":
            assert parent is not None
            name = quoted(parent.name)
            conditions.append(
                or_(
                    and_(t.c.subject_key == outer.c.key, t.c.subject_type == name),
                    and_(t.c.object_key == outer.c.key, t.c.object_type == name),
                )
            )
        elif page.via is not None:
            assert parent is not None
            conditions.append(self._hangs_from(parent, page.via, outer, t))
        if page.condition is not None:
            conditions.append(self.condition(page.entity, t, page.condition))
        return conditions

    def _hangs_from(self, parent: Entity, attribute: str, outer: Any, t: Any) -> ColumnElement[Any]:
        many = parent.lists[attribute]
        led: ColumnElement[Any] = (
            t.c[many.by] == outer.c.key if many.by else t.c.key == func.any(outer.c[many.keys])
        )
        return led

    def _order(
        self, parent: Entity | None, outer: Any, page: p.Page, t: Any
    ) -> tuple[list[SortKey], list[Linked]]:
        """What a page is ordered by, the entity's key at last, and what must be joined for it."""
        linked: list[Linked] = []
        keys = [self._key(page.entity, t, one, linked) for one in page.order]
        many = parent.lists.get(page.via) if parent is not None and page.via else None
        if not page.order and many is not None and many.keys:
            # a list that its owner keeps in an order, such as a route's stops, is shown in that order
            place = func.array_position(outer.c[many.keys], t.c.key, type_=Integer)
            keys.append(SortKey(place, False, False))
        if not any(one.name == "key" and not one.through for one in page.order):
            keys.append(SortKey(t.c.key, False, False))
        return keys, linked

    def _key(self, entity: Entity, t: Any, one: p.Order, linked: list[Linked]) -> SortKey:
        if one.through:
            (link, target), *further = one.through
            s = self.alias(target)
            linked.append((s, s.c.key == t.c[link]))
            key = self._key(target, s, replace(one, through=tuple(further)), linked)
            return key._replace(nullable=True)
        name = one.name or entity.geometry
        assert name is not None
        nullable = name in entity.computed or bool(entity.table.c[name].nullable)
        if one.place is not None:
            between = t.c[name].op("<->", return_type=Double())
            # the record that is meant may have no place
            return SortKey(between(self.place(one.place)), False, nullable or values.names_entity(one.place))
        return SortKey(self.value(entity, t, name), one.descending, nullable, one.nulls_first)

    def _beyond(self, page: p.Page, order: Sequence[SortKey]) -> Any:
        """Rows behind the cursor in this order (ahead of it when going backwards)."""
        assert page.cursor is not None
        signature, where = _signature(page), f"{page.key}.{'before' if page.backwards else 'after'}"
        alternatives = []
        equal: list[Any] = []
        for i, (expression, descending, nullable, nulls_first) in enumerate(order):
            read = values.cursor_value(
                page.cursor, i, len(order), signature, expression.type, where, nullable=nullable
            )
            value = self.bind(read, expression.type)
            down = descending != page.backwards
            further: Any = expression < value if down else expression > value
            if nullable:
                known, unknown = (value, expression) if nulls_first == page.backwards else (expression, value)
                further = or_(further, and_(known.isnot(None), unknown.is_(None)))
            alternatives.append(and_(*equal, further))
            equal.append(expression.is_not_distinct_from(value) if nullable else expression == value)
        return or_(*alternatives)

    def _page_info(self, source: Any, page: p.Page, parts: Sequence[tuple[str, str]]) -> ColumnElement[Any]:
        more = source.c.found > literal_column(str(page.size))
        started = true() if page.cursor is not None else false()
        c = source.c.c
        values: dict[str, ColumnElement[Any]] = {
            "hasNextPage": cast(started if page.backwards else more, Boolean),
            "hasPreviousPage": cast(more if page.backwards else started, Boolean),
            "startCursor": c[literal_column("1")],
            "endCursor": c[func.cardinality(c)],
            "__typename": quoted("PageInfo"),
        }
        return self.json_object([(key, values[name]) for key, name in parts], source)

    # --- conditions ---------------------------------------------------------------------------------
    def condition(self, entity: Entity, t: Any, condition: p.Condition) -> Any:
        match condition:
            case p.All(inner):
                return and_(true(), *(self.condition(entity, t, one) for one in inner))
            case p.Either(inner):
                return or_(false(), *(self.condition(entity, t, one) for one in inner))
            case p.Not(inner_condition):
                # null counts as 'not so', as people mean it
                return func.coalesce(not_(self.condition(entity, t, inner_condition)), true())
            case p.Compare():
                return self._compare(entity, t, condition)
            case p.Spatial():
                return self._spatial(t, condition)
            case p.Through(name, target, inner_condition):
                s = self.alias(target)
                linked: Any = select(literal_column("1")).select_from(s).where(s.c.key == t.c[name])
                return exists(linked.where(self.condition(target, s, inner_condition)))
            case p.Among(name, target, quantifier, inner_condition):
                s = self.alias(target)
                so = self.condition(target, s, inner_condition)
                if quantifier == "every":
                    so = func.coalesce(not_(so), true())
                found: Any = select(literal_column("1")).select_from(s)
                there = exists(found.where(self._hangs_from(entity, name, t, s), so))
                return there if quantifier == "some" else ~there
        raise TypeError(f"{condition} cannot be compiled")

    def _compare(self, entity: Entity, t: Any, c: p.Compare) -> Any:
        column = self.value(entity, t, c.name)
        if c.member is not None:
            member = self.bind(values.plain(c.member, f"{c.where}.of"), Text())
            said = column.op("->>", return_type=Text())(member)
            kind_of = func.json_typeof(column.op("->", return_type=JSON())(member))
            column = case((kind_of == quoted("number"), cast(said, Double)))
        if c.op == "isNull":
            return column.is_(None)
        if c.op == "notNull":
            return column.isnot(None)
        assert c.value is not None
        if c.name == "key":
            read = values.key_of(c.value, entity, c.where)
        elif c.name == "source" and entity.name == "Notice" and c.op == "key":
            read = values.key_of(c.value, None, c.where)
        else:
            read = values.plain(c.value, c.where)
        kind = column.type
        match c.op:
            case "startsWith":
                return column.op("^@", is_comparison=True)(self.bind(read, Text()))
            case "endsWith":
                end = self.bind(read, Text())
                return func.right(column, func.length(end)) == end
            case "contains" if isinstance(kind, JSON):
                held = self.bind(values.json_text(c.value, c.where), JSONB())
                return cast(column, JSONB).op("@>", is_comparison=True)(held)
            case "hasKey":
                return func.jsonb_exists(cast(column, JSONB), self.bind(read, Text()))
            case "contains":
                return func.strpos(column, self.bind(read, Text())) > literal_column("0")
            case "has":
                return column.contains(array([self.bind(read, KEY)]))
            case "search":
                folded = next(n for n, known in entity.fields.items() if known.folded_of == c.name)
                return t.c[folded].like(self.bind(values.folded(c.value, c.where), Text()))
        return self.compared(column, c.op, read, kind)

    def compared(self, column: Any, op: str, read: Reading, kind: Any) -> Any:
        """Whether a value equals, is one of or is less or more than what is read."""
        match op:
            case "eq" | "key":
                return column == self.bind(read, kind)
            case "ne":
                return column.is_distinct_from(self.bind(read, kind))
            case "in":
                return column == func.any(self.bind(read, ARRAY(kind)))
            case "notIn":
                return func.coalesce(column != func.all(self.bind(read, ARRAY(kind))), true())
            case "lt":
                return column < self.bind(read, kind)
            case "lte":
                return column <= self.bind(read, kind)
            case "gt":
                return column > self.bind(read, kind)
            case "gte":
                return column >= self.bind(read, kind)
        raise TypeError(f"{op} cannot be compiled")

    def _spatial(self, t: Any, s: p.Spatial) -> Any:
        column = t.c[s.name]
        place = self.place(s.place)
        self._wide.append(values.wide(s, self.city))
        if s.predicate == "intersects" and "bbox" in s.place.tree:
            # most of what is found lies well within the box, and to see that takes no look at its geometry
            inner = self.bind(values.within_box(s.place, self.city.srid), Geometry())
            surely = column.op("@", is_comparison=True)(inner)
            return and_(
                column.op("&&", is_comparison=True)(place), or_(surely, func.ST_Intersects(column, place))
            )
        if s.predicate == "dwithin":
            assert s.within_m is not None
            where = f"{s.place.where.rpartition('.of')[0]}.withinM"
            return func.ST_DWithin(
                column, place, self.bind(values.number(s.within_m, where, least=0), Double())
            )
        if s.pattern is not None:
            pattern = s.pattern.encode()
            so = func.ST_Relate(column, place, self.bind(lambda _: pattern, Text()))
            # no index serves ST_Relate; but what shares a point has boxes that do
            shares = any(s.pattern[i] in "T012" for i in _SHARED)
            return and_(column.op("&&", is_comparison=True)(place), so) if shares else so
        return getattr(func, PREDICATES[s.predicate])(column, place)

    # --- parameters ---------------------------------------------------------------------------------
    def place(self, place: p.Place) -> Any:
        """The place in the city's CRS, as one parameter where no other entity is meant."""
        srid = self.city.srid
        if place.entity is not None:
            leaf = place.tree["entity"]
            key = self.bind(values.key_of(leaf, place.entity, place.where), KEY)
            s = self.alias(place.entity)
            found = select(s.c[place.entity.geometry]).where(s.c.key == key)
            present = exists(select(literal_column("1")).select_from(s).where(s.c.key == key))
            missing = Expected(place.where, lambda variables: f'there is no "{leaf.read(variables)}"')
            self._expected.append((missing, present))
            return found.scalar_subquery()
        # in a SELECT of its own it is made once, not for every row that it is compared with
        if place.of is not None and values.names_entity(place.of):
            metres = place.tree["buffer"]["metres"]
            reading = values.metres(metres, f"{place.where}.metres")
            around = func.ST_Buffer(
                self.place(place.of), self.bind(reading, Double()), literal_column(str(BUFFER_SEGMENTS))
            )
            if place.inward:
                # of an entity without a place there is no buffer, which is no mistake
                left = func.coalesce(~func.ST_IsEmpty(around), true())
                empty = Expected(place.where, lambda variables: values.nothing_left(metres.read(variables)))
                self._expected.append((empty, left))
            return select(around).scalar_subquery()
        if values.names_entity(place):
            parts = array([self.place(part) for part in place.parts])
            return select(func.ST_Union(parts)).scalar_subquery()
        (kind,) = place.tree
        read = {"bbox": values.box, "point": values.point}.get(kind, values.shape)
        return self.bind(read(place, srid), Geometry(srid=srid))

    def bind(self, reading: Reading, kind: Any) -> Any:
        """A parameter of this SQL type."""
        name = f"v{len(self._readings)}"
        self._readings[name] = reading
        if isinstance(kind, Geometry):
            # PostGIS reads its own hex text; GeoAlchemy would wrap the parameter in ST_GeomFromEWKT
            kind = _HexGeometry()
        # cast at once: through text, a generic plan would read a geometry anew for every row
        return cast(bindparam(name, type_=NullType()), kind)

    # --- names --------------------------------------------------------------------------------------
    def alias(self, entity: Entity) -> Any:
        """The entity's table under a name of its own."""
        return _alias(entity.table, self.name(entity.table.name))

    def name(self, base: str) -> str:
        """A name that nothing else in the statement has."""
        self._aliases[base] += 1
        return f"{base}_{self._aliases[base]}"

    def inner(self, base: str) -> str:
        """A subquery's name that no response key can have: a column of that name would hide the row."""
        self._aliases[base] += 1
        return f"{base}${self._aliases[base]}"


class _HexGeometry(UserDefinedType[Any]):
    """The type name geometry, for a cast and nothing else."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "geometry"


@lru_cache(maxsize=512)
def _alias(table: Any, name: str) -> Any:
    """A table under another name, kept: to make its columns takes a fifth of compiling a statement."""
    return table.alias(name)


# --- small pieces of SQL ------------------------------------------------------------------------------
def quoted(text: str) -> ColumnElement[Any]:
    """A text that the schema, not a caller, says."""
    escaped = text.replace("'", "''")
    return literal_column(f"'{escaped}'::text", Text())


def geojson(shape: Any, crs: int, precision: int) -> ColumnElement[Any]:
    """A geometry as GeoJSON in another CRS, with so many decimal places."""
    # option 2 names the CRS in the GeoJSON, which RFC 7946 leaves out only for EPSG:4326
    options = 0 if crs == WGS84 else 2
    moved = func.ST_Transform(shape, literal_column(str(crs)))
    said = func.ST_AsGeoJSON(moved, literal_column(str(precision)), literal_column(str(options)))
    return cast(said, JSON)


def edges_of(box: Any, of: Any) -> ColumnElement[Any]:
    """A list of a box's edges: west, south, east, north; null where what it is of is null."""
    edges = (func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
    return case((of.isnot(None), func.json_build_array(*edges)))


def _schemes(entity: Entity) -> list[tuple[str, str]]:
    """The schemes of an entity's identifiers, each with its column."""
    return [(known.identifier, name) for name, known in entity.fields.items() if known.identifier]


def _uri(t: Any, scheme: str, name: str) -> ColumnElement[Any]:
    prefix = SCHEMES[scheme].uri
    return quoted(prefix).concat(t.c[name]) if prefix else literal_column("NULL::text")


def _record(rows: Any) -> ColumnElement[Any]:
    """The whole row of a subquery, as row_to_json wants it."""
    return literal_column(rows.name)


def json_record(rows: Any, items: p.Items) -> ColumnElement[Any]:
    """The JSON object of a row of a subquery whose columns are those of labelled()."""
    record: ColumnElement[Any] = func.row_to_json(_record(rows)) if _fits(items) else rows.c.o
    return record


def _holds_nodes_only(page: p.Page) -> bool:
    return len(page.parts) == 1 and isinstance(page.parts[0], p.Nodes) and not page.backwards


def _fits(items: p.Items) -> bool:
    """Whether the response keys can be column names."""
    return bool(items) and all(len(item.key.encode()) <= _NAME_BYTES for item in items)


def _pairs(pairs: Sequence[tuple[str, ColumnElement[Any]]]) -> ColumnElement[Any]:
    return func.json_build_object(*(part for key, value in pairs for part in (quoted(key), value)))


def directed(key: SortKey, *, backwards: bool = False) -> Any:
    """An ORDER BY key, the other way round when the list is walked from its end."""
    way = key.expression.desc() if key.descending != backwards else key.expression.asc()
    if not key.nullable:
        return way
    return way.nulls_first() if key.nulls_first != backwards else way.nulls_last()


def _signature(page: p.Page) -> values.Signature:
    said = f"{page.entity.name}|" + "|".join(_said(one) for one in page.order)
    return values.Signature(said, tuple(one.place.tree for one in page.order if one.place is not None))


def _said(one: p.Order) -> str:
    links = "".join(f"{link}." for link, _ in one.through)
    return f"{links}{one.name}{one.descending}{'first' if one.nulls_first else ''}"


def cursor_of(compiler: Compiler, page: p.Page, order: Sequence[SortKey]) -> ColumnElement[Any]:
    """A row's place in its order: URL-safe base64 of a JSON list of the values that it is ordered by."""
    signature = _signature(page)
    checksum: Any = (
        compiler.bind(signature.reading(), BigInteger())
        if signature.places
        else literal_column(str(signature.of({})))
    )
    content = func.json_build_array(checksum, *(expression for expression, *_ in order))
    encoded = func.encode(
        func.convert_to(cast(content, Text), literal_column("'UTF8'")), literal_column("'base64'")
    )
    return func.translate(encoded, literal_column("E'+/=\\n'"), literal_column("'-_'"))
