"""Groups of a connection: groupBy and groupCount, with their types, plans and SQL.

Keys are codes, records, areas, ranges of numbers, periods and cells of a grid; aggregates.py says what a
group comes to.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import get_named_type
from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Integer,
    Numeric,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy import (
    Date as SqlDate,
)
from sqlalchemy import (
    DateTime as SqlDateTime,
)

from schema import plan as p
from schema import reads, values
from schema.aggregates import (
    AREAS,
    COUNT,
    Column,
    Measure,
    Number,
    Numbers,
    Rows,
    check,
    covers,
    each_of,
    numbers_of,
    open_fields,
    plain,
    records,
    said_of,
    summed,
)
from schema.arguments import Leaf, Tree, required
from schema.compile import EMPTY_LIST, Compiler, SortKey, directed, geojson, quoted
from schema.declare import (
    REQUIRED,
    Argument,
    InputMember,
    Member,
    camel,
    documented,
    enum_type,
    input_type,
    object_type,
)
from schema.filters import INT_OP
from schema.ordering import Direction
from schema.scalars import POINT_ARGUMENTS, CodedValue, Date, GeoJSON
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest
from twin.fields import Choice

if TYPE_CHECKING:
    from schema.planner import Asked, Planner

#: groups in a list where `first` is left out
GROUPS_DEFAULT = 1_000
#: keys that one grouping may have
MOST_KEYS = 4
#: conditions of one `having`
MOST_CONDITIONS = 50
#: the least width of a range, and how far from 0 one may be wide or begin: floats tell its edges apart
NARROWEST, FARTHEST = 0.001, 1e9
#: how many widths from an edge floats may err, and much more: of 2 * FARTHEST / NARROWEST widths, 0.001
BESIDE = 0.01
#: cells that would cover a city's box
MOST_CELLS = 1_000_000


# --- keys -----------------------------------------------------------------------------------------------
class Period(Choice):
    """A stretch of the calendar, in UTC."""

    DECADE = "DECADE", "Ten years, from one that ends in 0"
    YEAR = "YEAR", "A year"
    QUARTER = "QUARTER", "Three months, from January, April, July or October"
    MONTH = "MONTH", "A month"
    DAY = "DAY", "A day"


#: how a period is written, and how long it is
_PERIODS = {
    Period.DECADE: ('YYYY"s"', "10 years"),
    Period.YEAR: ("YYYY", "1 year"),
    Period.QUARTER: ('YYYY"-Q"Q', "3 months"),
    Period.MONTH: ("YYYY-MM", "1 month"),
    Period.DAY: ("YYYY-MM-DD", "1 day"),
}
enum_type(Period)


class By(enum.Enum):
    """How a key groups records."""

    VALUE = "VALUE"
    CODE = "CODE"
    RECORD = "RECORD"
    AREA = "AREA"
    RANGE = "RANGE"
    PERIOD = "PERIOD"
    SQUARE = "SQUARE"
    HEXAGON = "HEXAGON"


#: What it takes to work out a record's key, as measured of 30,000 buildings; to find the area that a record
#: lies in takes seconds for a whole city.
_WEIGHTS = {By.RANGE: 0.3, By.SQUARE: 1.2, By.HEXAGON: 1.2, By.AREA: 4.0}
#: to put a record into its group
_GROUPED = 0.1


@dataclass(frozen=True)
class Keyed:
    """Something that records can be grouped by: a field, or one of the record that `via` links to."""

    by: By
    doc: str
    given: Any  #: what `by` takes
    said: Any  #: what `key` gives
    name: str
    via: str | None = None
    of: str | None = None  #: a code list, or the entity that a record is of


@lru_cache
def keyed(entity: Entity) -> dict[str, Keyed]:
    """GraphQL name -> what an entity's records can be grouped by."""
    found = _own(entity, "", None)
    for link, target_name in entity.links.items():
        target = BY_NAME[target_name]
        for name, key in _own(target, camel(link), link).items():
            if key.by is not By.RECORD and (key.by in (By.CODE, By.RANGE, By.PERIOD) or key.given is bool):
                found.setdefault(name, key)
    if entity.geometry:
        for area in AREAS:
            if area is not entity and area.name not in entity.links.values():
                doc = f"The {area.name} that holds it, or most of it; worked out when it is asked for"
                name = area.name[0].lower() + area.name[1:]
                found[name] = Keyed(By.AREA, doc, bool, area.name, entity.geometry, of=area.name)
        for name, by in (("square", By.SQUARE), ("hexagon", By.HEXAGON)):
            doc = f"The {name} of a grid in the city's metric CRS that its middle (centroid) lies in"
            found[name] = Keyed(by, doc, "CellInput", "Cell", entity.geometry)
    return found


#: of what a link leads to: grouping by when those were valid or recorded answers no question
_NOT_THROUGH = ("valid_from", "valid_to", "recorded_at")


def _own(entity: Entity, prefix: str, via: str | None) -> dict[str, Keyed]:
    found: dict[str, Keyed] = {}

    def put(name: str, doc: str, by: By, given: Any, said: Any, of: str | None = None) -> None:
        public = camel(name)
        if prefix:
            public = prefix + public[0].upper() + public[1:]
        found[public] = Keyed(by, doc, given, said, name, via, of)

    for name, known in open_fields(entity).items():
        column = entity.table.c[name]
        if via and name in _NOT_THROUGH:
            continue
        if known.link:
            put(name, known.doc, By.RECORD, bool, known.link, known.link)
        elif known.codes:
            put(name, known.doc, By.CODE, bool, CodedValue, known.codes)
        elif known.enumeration:
            put(name, known.doc, By.VALUE, bool, known.enumeration.__name__)
        elif isinstance(column.type, Boolean):
            put(name, known.doc, By.VALUE, bool, bool)
        elif isinstance(column.type, Text) and not known.identifier:
            if via is None:
                put(name, known.doc, By.VALUE, bool, str)
        else:
            _put_measured(put, name, documented(known.doc, known.unit), column.type)
    for name, computed in entity.computed.items():
        if isinstance(computed.type_, Boolean):
            put(name, computed.doc, By.VALUE, bool, bool)
        else:
            _put_measured(put, name, documented(computed.doc, computed.unit), computed.type_)
    return found


def _put_measured(put: Callable[..., None], name: str, doc: str, type_: Any) -> None:
    if isinstance(type_, BigInteger | Integer | Double):
        put(name, doc, By.RANGE, "RangeInput", "NumberRange")
    elif isinstance(type_, SqlDate | SqlDateTime):
        put(name, doc, By.PERIOD, Period, "DateRange")


@dataclass(frozen=True)
class Key:
    """One key of a grouping; `leaves` are the width and origin of a range, the edge of a cell."""

    public: str
    known: Keyed
    where: str
    leaves: tuple[Leaf, ...] = ()
    period: Period | None = None


@dataclass(frozen=True)
class KeyPart:
    """A part of a group's key: which key it is, and what is asked of it."""

    key: str
    index: int
    item: p.Item | p.Parts | p.Constant


@dataclass(frozen=True)
class Compared:
    """A measure of a group is so."""

    number: Number
    op: str
    value: Leaf | None
    kind: Any
    where: str


@dataclass(frozen=True)
class Having:
    """Conditions on a group; `how` is and, or or not."""

    how: str
    conditions: tuple[Having | Compared, ...]


@dataclass(frozen=True)
class GroupOrder:
    """What groups are ordered by: a measure, or their keys."""

    number: Number | None
    direction: Direction


@dataclass(frozen=True)
class GroupShape:
    """The geometry of a group's area or cell."""

    key: str
    crs: int
    precision: int


@dataclass(frozen=True)
class KeyObject:
    key: str
    parts: tuple[KeyPart | p.Constant, ...]


@dataclass(frozen=True)
class Grouping(p.Feature):
    """The groups that a connection's records fall into; with no parts, how many they are."""

    page: p.Page
    keys: tuple[Key, ...]
    having: Having | None
    order: tuple[GroupOrder, ...]
    size: int
    parts: tuple[Numbers | KeyObject | GroupShape | p.Constant, ...] | None

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        rows = Rows(compiler, entity, t, self.page)
        columns: list[Any] = []
        for i, key in enumerate(self.keys):
            columns += [column.label(name) for name, column in self._key_columns(rows, key, i)]
        keys = len(columns)
        numbers = [part for part in self.parts or () if isinstance(part, Numbers)]
        for i, number in enumerate(each_of(numbers)):
            columns.append(rows.number(number).label(f"a{i}"))
        for i, one in enumerate(self.order):
            if one.number is not None:
                columns.append(rows.number(one.number).label(f"o{i}"))
        having = [self._having(compiler, rows, self.having)] if self.having is not None else []
        # a key is named by its place: said again, its parameters would make it another expression
        grouped = rows.select(*columns).group_by(*(plain(i + 1) for i in range(keys))).having(*having)
        g = grouped.subquery(compiler.inner("groups"))
        if self.parts is None:
            return select(func.count()).select_from(g).scalar_subquery()
        measured = iter([column for name, column in g.c.items() if name.startswith("a")])
        pairs: list[tuple[str, Column]] = []
        with compiler.around(g):
            for part in self.parts:
                match part:
                    case p.Constant(key_, value):
                        pairs.append((key_, quoted(value)))
                    case Numbers(key_, parts):
                        pairs.append((key_, said_of(compiler, parts, g, measured)))
                    case KeyObject(key_, key_parts):
                        said = [
                            (one.key, quoted(one.value))
                            if isinstance(one, p.Constant)
                            else (one.key, self._key(compiler, g, one))
                            for one in key_parts
                        ]
                        pairs.append((key_, compiler.json_object(said, g)))
                    case GroupShape():
                        pairs.append((part.key, self._shape(compiler, g, part)))
            chosen = select(compiler.json_object(pairs, g).label("o")).select_from(g)
        ordered = chosen.order_by(*self._directed(g)).limit(plain(self.size))
        each = ordered.subquery(compiler.inner("rows"))
        whole = func.coalesce(func.json_agg(each.c.o), EMPTY_LIST)
        return select(whole).select_from(each).scalar_subquery()

    def _key_columns(self, rows: Rows, key: Key, i: int) -> Iterator[tuple[str, Column]]:
        compiler, known = rows.compiler, key.known
        if known.via is None:
            column = compiler.value(rows.entity, rows.t, known.name)
        else:
            target = BY_NAME[rows.entity.links[known.via]]
            s = compiler.alias(target)
            rows.source = rows.source.outerjoin(s, s.c.key == rows.t.c[known.via])
            column = compiler.value(target, s, known.name)
        match known.by:
            case By.RANGE:
                yield f"k{i}", _numbered(compiler, key, cast(column, Double()))
            case By.PERIOD:
                assert key.period is not None
                if isinstance(column.type, SqlDateTime):
                    column = func.timezone(quoted("UTC"), column)
                yield f"k{i}", cast(func.date_trunc(quoted(key.period.value.lower()), column), SqlDate())
            case By.SQUARE | By.HEXAGON:
                cell = _cell(rows, column, key)
                yield f"k{i}", cell.c.i
                yield f"k{i}_j", cell.c.j
            case By.AREA:
                yield f"k{i}", _area(rows, BY_NAME[known.of or ""])
            case _:
                yield f"k{i}", column

    def _key(self, compiler: Compiler, g: Any, part: KeyPart) -> Column:
        key, column = self.keys[part.index], g.c[f"k{part.index}"]
        match key.known.by:
            case By.RANGE:
                begins = _range(compiler, key)
                says = {
                    "from": begins(column),
                    "below": begins(column + plain(1)),
                    "__typename": quoted("NumberRange"),
                }
            case By.PERIOD:
                assert key.period is not None
                form, length = _PERIODS[key.period]
                end = column.op("+")(literal_column(f"interval '{length}'"))
                says = {
                    "from": column,
                    "below": cast(end, SqlDate()),
                    "label": func.to_char(column, quoted(form)),
                    "__typename": quoted("DateRange"),
                }
            case By.SQUARE | By.HEXAGON:
                says = {
                    "column": cast(column, Integer()),
                    "row": cast(g.c[f"k{part.index}_j"], Integer()),
                    "edgeM": _edge(compiler, key),
                    "__typename": quoted("Cell"),
                }
            case _:
                return compiler.column(self.page.entity, g, part.item)  # type: ignore[arg-type]
        pairs = [(name, says[what]) for name, what in part.item]  # type: ignore[union-attr]
        return case((column.isnot(None), compiler.json_object(pairs, g)))

    def _shape(self, compiler: Compiler, g: Any, part: GroupShape) -> Column:
        for i, key in enumerate(self.keys):
            column = g.c[f"k{i}"]
            if key.known.by in (By.SQUARE, By.HEXAGON):
                made = func.ST_Square if key.known.by is By.SQUARE else func.ST_Hexagon
                origin = func.ST_SetSRID(func.ST_MakePoint(plain(0), plain(0)), plain(compiler.city.srid))
                cell = made(
                    _edge(compiler, key), cast(column, Integer()), cast(g.c[f"k{i}_j"], Integer()), origin
                )
                return geojson(cell, part.crs, part.precision)
            if key.known.by in (By.RECORD, By.AREA):
                target = BY_NAME[key.known.of or ""]
                if target.geometry:
                    s = compiler.alias(target)
                    shape = p.Shape(part.key, target.geometry, "geometry", part.crs, part.precision, None)
                    found = select(compiler.column(target, s, shape)).select_from(s)
                    return found.where(s.c.key == column).scalar_subquery()
        return literal_column("NULL::json")

    def _having(self, compiler: Compiler, rows: Rows, having: Having | Compared) -> Any:
        if isinstance(having, Having):
            inner = [self._having(compiler, rows, one) for one in having.conditions]
            if having.how == "not":
                return func.coalesce(not_(and_(true(), *inner)), true())
            return or_(false(), *inner) if having.how == "or" else and_(true(), *inner)
        column = rows.number(having.number)
        if having.value is None:
            return column.is_(None) if having.op == "isNull" else column.isnot(None)
        read = values.plain(having.value, having.where)
        return compiler.compared(column, having.op, read, having.kind)

    def _directed(self, g: Any) -> Iterator[Any]:
        """The order asked for, then by key, so that it is always the same."""
        for i, one in enumerate(self.order):
            named = [g.c[f"o{i}"]] if one.number is not None else self._keys_of(g)
            for column in named:
                yield directed(SortKey(column, one.direction.descending, True, one.direction.nulls_first))
        if not any(one.number is None for one in self.order):
            for column in self._keys_of(g):
                yield column.asc().nulls_last()

    def _keys_of(self, g: Any) -> list[Any]:
        return [column for name, column in g.c.items() if name.startswith("k")]


def _range(compiler: Compiler, key: Key) -> Callable[[Any], Any]:
    """Where the range of this number begins: worked out in decimals, in which 17 x 0.1 is 1.7."""
    width, origin = (compiler.bind(read, Numeric()) for read in _widths(key))
    return lambda number: cast(origin + cast(number, Numeric()) * width, Double())


def _numbered(compiler: Compiler, key: Key, value: Any) -> Any:
    """The number of the range that holds a value: it begins at most there, and the next one beyond it.

    To divide floats tells it but where a value is next to an edge; decimals, slower, are asked only there.
    """
    begins = _range(compiler, key)
    width, origin = (compiler.bind(read, Double()) for read in _widths(key))
    widths = (value - origin) / width
    near = func.round(widths)
    there = near - case((value < begins(near), plain(1)), else_=plain(0))
    return case((func.abs(widths - near) > plain(BESIDE), func.floor(widths)), else_=there)


def _widths(key: Key) -> tuple[values.Reading, values.Reading]:
    """A range's width and origin: not so small or large that edges fall together."""
    width, origin = key.leaves
    return (
        values.number(width, f"{key.where}.width", least=NARROWEST, most=FARTHEST),
        values.number(origin, f"{key.where}.from", least=-FARTHEST, most=FARTHEST),
    )


def _edge(compiler: Compiler, key: Key) -> Any:
    """The edge of a cell in metres; so long that the city has not too many cells."""
    return compiler.bind(
        values.edge(key.leaves[0], f"{key.where}.edgeM", compiler.city, MOST_CELLS), Double()
    )


#: how much there is of a line or polygon
_EXTENTS = {"MULTIPOLYGON": func.ST_Area, "MULTILINESTRING": func.ST_Length}


def _area(rows: Rows, area: Entity) -> Column:
    """The area that each record lies in, by the rule of links that are kept: the one that holds a point,
    and more than half of a line or polygon.

    Each area finds what it covers, which is quicker than to look up the area of each record; who holds
    most is worked out only for what no area covers.
    """
    compiler, name = rows.compiler, rows.entity.geometry
    assert name is not None
    a, within = compiler.alias(area), compiler.alias(rows.entity)
    with compiler.around(a):
        covered = compiler.select(within.c.key.label("key")).select_from(within)
        covered = covered.where(
            func.ST_Covers(a.c[area.geometry], within.c[name]),
            *rows.like(within),
        )
        q = covered.offset(plain(0)).lateral(compiler.inner("covered"))
    found = select(q.c.key.label("key"), func.min(a.c.key).label("area")).select_from(a.join(q, true()))
    lying = found.group_by(q.c.key).subquery(compiler.inner("lying"))
    rows.source = rows.source.outerjoin(lying, lying.c.key == rows.t.c.key)
    measure = _EXTENTS.get(rows.entity.fields[name].geometry or "")
    if measure is None:
        return lying.c.area
    b, shape = compiler.alias(area), rows.t.c[name]
    shared = measure(func.ST_Intersection(b.c[area.geometry], shape))
    holding = (
        select(b.c.key)
        .where(func.ST_Intersects(b.c[area.geometry], shape), shared > measure(shape) / plain(2))
        .order_by(shared.desc(), b.c.key)
        .limit(plain(1))
        .correlate(rows.t)
    )
    return func.coalesce(lying.c.area, holding.scalar_subquery())


def _cell(rows: Rows, shape: Any, key: Key) -> Any:
    """A join to the cell that a shape's middle lies in: its column i and row j, as ST_Square and ST_Hexagon
    number them.

    OFFSET keeps PostgreSQL from working out the middle again wherever it is spoken of.
    """
    compiler = rows.compiler
    middle = shape if rows.entity.fields[key.known.name].geometry == "POINT" else func.ST_Centroid(shape)
    m = select(middle.label("m")).offset(plain(0)).correlate(rows.t).subquery(compiler.inner("middle"))
    edge = _edge(compiler, key)
    at = (
        select(func.ST_X(m.c.m).label("x"), func.ST_Y(m.c.m).label("y"), edge.label("e"))
        .select_from(m).offset(plain(0)).lateral(compiler.inner("at"))
    )  # fmt: skip
    rows.source = rows.source.join(at, true())
    x, y, e = at.c.x, at.c.y, at.c.e
    if key.known.by is By.SQUARE:
        whole = select(func.floor(x / e).label("i"), func.floor(y / e).label("j"))
    else:
        # The middles of hexagons are two lattices of rectangles, of the even and of the odd columns: of the
        # nearest of each the nearer one's hexagon it is
        height = e * literal_column("sqrt(3)")
        two, half, three, apart = map(plain, (2, 0.5, 3, 1.5))
        even_i, even_j = two * func.round(x / (three * e)), func.round(y / height)
        odd_i = two * func.round((x - apart * e) / (three * e)) + literal_column("1")
        odd_j = func.round(y / height - half)

        def off(i: Any, j: Any) -> Any:
            across, along = x - apart * e * i, y - height * j
            return across * across + along * along

        nearer = off(even_i, even_j) <= off(odd_i, odd_j + half)
        whole = select(
            case((nearer, even_i), else_=odd_i).label("i"), case((nearer, even_j), else_=odd_j).label("j")
        )
    cell = whole.select_from(at).correlate(at).lateral(compiler.inner("cell"))
    rows.source = rows.source.join(cell, true())
    return cell


def _only(tree: Tree, where: str) -> tuple[str, Tree]:
    """The one member of an input of which exactly one must be given."""
    if not tree or len(tree) != 1:
        raise BadRequest("give exactly one field", where=where)
    ((name, inner),) = tree.items()
    return name, inner


class GroupsOf(reads.OfPage):
    """The groups that a connection's records fall into."""

    cost = reads.Cost(20, 1)

    def plan(self, planner: Planner, asked: Asked, page: p.Page) -> Grouping:
        entity, ceiling = page.entity, planner.settings.page_ceiling
        size = min(GROUPS_DEFAULT, ceiling)
        planner.account.size(size)
        if asked.arguments.get("first") is not None:
            size = planner.size(asked, ceiling, "groups")
        planner.rows += asked.times * size
        keys, having = self.grouped(planner, asked, entity)
        order = self._order(
            planner, entity, asked.arguments.get("orderBy"), f"{asked.name}.orderBy", records(asked)
        )
        parts = tuple(self._parts(planner, asked.repeated(size), entity, keys, records(asked)))
        check(parts, asked.name)
        return Grouping(asked.key, page, keys, having, order, size, parts)

    def grouped(
        self, planner: Planner, asked: Asked, entity: Entity
    ) -> tuple[tuple[Key, ...], Having | None]:
        """What records are grouped by, and which groups count."""
        keys = self._keys(planner, entity, asked.arguments["by"], f"{asked.name}.by")
        weight = sum(_WEIGHTS.get(key.known.by, 0) for key in keys)
        planner.account.sum_up(records(asked), _GROUPED + weight)
        if asked.arguments.get("having") is None:
            return keys, None
        return keys, self._having(
            planner, entity, asked.arguments["having"], f"{asked.name}.having", records(asked)
        )

    def _keys(self, planner: Planner, entity: Entity, trees: Tree, where: str) -> tuple[Key, ...]:
        if not 1 <= len(trees) <= MOST_KEYS:
            raise BadRequest(f"has {len(trees)} keys; give 1 to {MOST_KEYS}", where=where)
        keys: list[Key] = []
        for i, tree in enumerate(trees):
            place = f"{where}[{i}]"
            public, inner = _only(tree, place)
            if any(key.public == public for key in keys):
                raise BadRequest(f"{public} is there twice", where=place)
            keys.append(self._key(planner, public, keyed(entity)[public], inner, f"{place}.{public}"))
        return tuple(keys)

    def _key(self, planner: Planner, public: str, known: Keyed, tree: Tree, where: str) -> Key:
        if tree is None:
            raise BadRequest("is null; say what to group by", where=where)
        match known.by:
            case By.RANGE:
                width = required(tree["width"], f"{where}.width", "say how wide a range is")
                origin = required(tree["from"], f"{where}.from", "leave it out for 0")
                return Key(public, known, where, (width, origin))
            case By.SQUARE | By.HEXAGON:
                return Key(public, known, where, (required(tree["edgeM"], f"{where}.edgeM", "give metres"),))
            case By.PERIOD:
                return Key(public, known, where, period=planner.arguments.fix(tree))
        if planner.arguments.fix(tree) is not True:
            raise BadRequest("is false; say true, or leave it out", where=where)
        return Key(public, known, where)

    def _having(self, planner: Planner, entity: Entity, tree: Tree, where: str, of: int) -> Having:
        found: list[Having | Compared] = []
        for name, inner in tree.items():
            place = f"{where}.{name}"
            if inner is None:
                continue
            if name in ("and", "or"):
                several = [
                    self._having(planner, entity, one, f"{place}[{i}]", of) for i, one in enumerate(inner)
                ]
                found.append(Having(name, tuple(several)))
            elif name == "not":
                found.append(Having("not", (self._having(planner, entity, inner, place, of),)))
            elif name == "count":
                found += self._compared(planner, Number("", "count"), COUNT, inner, place, of)
            else:
                attribute, kind, _ = summed(entity)[name]
                for measure, comparison in inner.items():
                    if comparison is not None:
                        number = Number("", measure, attribute)
                        found += self._compared(
                            planner, number, kind.measures[measure], comparison, f"{place}.{measure}", of
                        )
        return Having("and", tuple(found))

    def _compared(
        self, planner: Planner, number: Number, measure: Measure, tree: Tree, where: str, of: int
    ) -> Iterator[Compared]:
        for op, inner in tree.items():
            place = f"{where}.{op}"
            if planner.count("having") > MOST_CONDITIONS:
                raise BadRequest(f"more than {MOST_CONDITIONS} conditions on groups", where=where)
            planner.account.spend(measure.weight * of)
            leaf = required(inner, place, "to ask for null, say isNull: true")
            if op == "isNull":
                asked = "isNull" if planner.arguments.fix(leaf) else "notNull"
                yield Compared(number, asked, None, measure.kind, place)
            else:
                yield Compared(number, op, leaf, measure.kind, place)

    def _order(
        self, planner: Planner, entity: Entity, trees: Tree, where: str, of: int
    ) -> tuple[GroupOrder, ...]:
        orders = []
        for tree, place in planner.keys(trees, where):
            name, inner = _only(tree, place)
            number: Number | None = None
            if name == "count":
                number = Number("", "count")
            elif name != "key":
                place = f"{place}.{name}"
                measure, inner = _only(inner, place)
                attribute, kind, _ = summed(entity)[name]
                number = Number("", measure, attribute)
                planner.account.spend(kind.measures[measure].weight * of)
            direction = required(inner, place, "say ASC or DESC")
            orders.append(GroupOrder(number, planner.arguments.fix(direction)))
        return tuple(orders)

    def _parts(
        self, planner: Planner, asked: Asked, entity: Entity, keys: Sequence[Key], of: int
    ) -> Iterator[Numbers | KeyObject | GroupShape | p.Constant]:
        type_ = planner.object_type(f"{entity.name}Group")
        for key, nodes in planner.collected(type_, asked.below):
            public = nodes[0].name.value
            below = asked.each(nodes)
            if public == "__typename":
                yield p.Constant(key, type_.name)
            elif public == "key":
                yield KeyObject(key, tuple(self._key_parts(planner, below, entity, keys)))
            elif public == "geometry":
                arguments = planner.arguments.of_field(type_.fields[public], nodes[0])
                yield GroupShape(key, planner.crs(arguments, key), planner.precision(arguments, key))
            else:
                target = get_named_type(type_.fields[public].type).name
                with planner.account.field(key, reads.Cost(), 0):
                    yield Numbers(key, numbers_of(planner, target, below.below, of))

    def _key_parts(
        self, planner: Planner, asked: Asked, entity: Entity, keys: Sequence[Key]
    ) -> Iterator[KeyPart | p.Constant]:
        named = {key.public: (i, key.known) for i, key in enumerate(keys)}
        type_ = planner.object_type(f"{entity.name}GroupKey")
        for key, nodes in planner.collected(type_, asked.below):
            public = nodes[0].name.value
            if public == "__typename":
                yield p.Constant(key, type_.name)
                continue
            if public not in named:
                raise BadRequest(
                    f"groups have no {public}: by names {', '.join(named)}; add it there, or ask for those",
                    where="groupBy.key",
                )
            i, known = named[public]
            below = asked.each(nodes)
            item: Any
            match known.by:
                case By.CODE:
                    planner.rows += below.times
                    item = p.Coded(key, f"k{i}", known.of or "", planner.coded_parts(below.below))
                case By.RECORD | By.AREA:
                    planner.rows += below.times
                    target = BY_NAME[known.of or ""]
                    item = p.One(key, f"k{i}", target, planner.record(target.name, below))
                case By.VALUE:
                    item = KeyValue(key, f"k{i}")
                case _:
                    item = planner.parts(get_named_type(type_.fields[public].type).name, below.below)
            yield KeyPart(key, i, item)


class GroupCountOf(GroupsOf):
    """How many groups a connection's records fall into."""

    def plan(self, planner: Planner, asked: Asked, page: p.Page) -> Grouping:
        planner.rows += asked.times
        keys, having = self.grouped(planner, asked, page.entity)
        return Grouping(asked.key, page, keys, having, (), 0, None)


@dataclass(frozen=True)
class KeyValue(p.Feature):
    """A key as it is."""

    name: str

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        return t.c[self.name]


# --- declarations ---------------------------------------------------------------------------------------
def _declare_keys() -> None:
    input_type(
        "RangeInput",
        "Ranges of numbers, all equally wide",
        [
            InputMember("width", float, "How wide a range is, more than 0", required=True),
            InputMember("from", float, "Where one of them begins", default=0.0),
        ],
    )
    input_type(
        "CellInput",
        "Cells of a grid in the city's metric CRS",
        [InputMember("edgeM", float, "Length of a cell's edge in metres", required=True)],
    )
    object_type(
        "NumberRange",
        "A range of numbers",
        [
            Member("from", float, "Its least number", reads.Part("from")),
            Member("below", float, "What all of its numbers are less than", reads.Part("below")),
        ],
    )
    object_type(
        "DateRange",
        "A stretch of the calendar",
        [
            Member("from", Date, "Its first day", reads.Part("from")),
            Member("below", Date, "The first day after it", reads.Part("below")),
            Member("label", str, "In short: 1970s, 1974, 1974-Q2, 1974-05, 1974-05-17", reads.Part("label")),
        ],
    )
    object_type(
        "Cell",
        "A cell of a grid in the city's metric CRS, as PostGIS's ST_Square and ST_Hexagon number them; the "
        "group's geometry is its outline",
        [
            Member("column", int, "Its column, from west to east", reads.Part("column")),
            Member("row", int, "Its row, from south to north", reads.Part("row")),
            Member("edgeM", float, "Length of its edge (unit: m)", reads.Part("edgeM")),
        ],
    )


_declare_keys()


def group_parts(entity: Entity) -> list[Member]:
    """Declare what groups an entity's connections have; the fields that say them."""
    name = entity.name
    having = [
        InputMember("and", f"[{name}Having!]", "All of these hold"),
        InputMember("or", f"[{name}Having!]", "At least one of these holds"),
        InputMember("not", f"{name}Having", "This does not hold"),
        InputMember("count", INT_OP, "How many it has"),
    ]
    orders = [
        InputMember("count", Direction, "By how many it has"),
        InputMember("key", Direction, "By what it is grouped by: codes and ids as they are written"),
    ]
    for public, (_, kind, doc) in summed(entity).items():
        having.append(InputMember(public, f"{kind.name}Having", doc))
        orders.append(InputMember(public, f"{kind.name}Order", doc))
    input_type(f"{name}Having", f"What a group of {name} must be; all given must hold", having)
    input_type(f"{name}GroupOrder", f"What to order groups of {name} by", orders, one_of=True)

    keys = keyed(entity)
    input_type(
        f"{name}GroupBy",
        f"What to group {name} by; those without a value are a group of their own",
        [InputMember(public, key.given, key.doc) for public, key in keys.items()],
        one_of=True,
    )
    object_type(
        f"{name}GroupKey",
        f"What a group of {name} has in common; null where they have no value",
        [Member(public, _optional(key.said), key.doc, reads.Part(public)) for public, key in keys.items()],
    )
    group = [
        Member("key", f"{name}GroupKey!", "What they have in common", reads.Part("key")),
        Member("aggregate", f"{name}Aggregate!", "What they come to", reads.Part("aggregate")),
        Member(
            "geometry", GeoJSON | None,
            "Of the first key that is an area, another place or a cell; null where none is",
            reads.Part("geometry"), POINT_ARGUMENTS,
        ),
    ]  # fmt: skip
    if covers(entity):
        group.append(
            Member("coverage", f"{name}Coverage!", "How much is known of them", reads.Part("coverage"))
        )
    object_type(f"{name}Group", f"{name} that have something in common", group)
    by = Argument("by", f"[{name}GroupBy!]!", f"One to {MOST_KEYS} keys", default=REQUIRED)
    only = Argument("having", f"{name}Having", "Only groups that are so")
    return [
        Member(
            "groupBy", f"[{name}Group!]!",
            "The groups that the whole list falls into, each record in one; groupCount says how many",
            GroupsOf(),
            [
                by, only,
                Argument("orderBy", f"[{name}GroupOrder!]", "In which order; by key when left out"),
                Argument("first", int, f"At most this many; {GROUPS_DEFAULT:,} when left out"),
            ],
        ),
        Member("groupCount", int, "How many groups there are without first", GroupCountOf(), [by, only]),
    ]  # fmt: skip


def _optional(said: Any) -> Any:
    return said if isinstance(said, str) else said | None
