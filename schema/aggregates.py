"""Numbers of a connection: aggregate, coverage and groupBy, with their types, plans and SQL.

What may be summed up and grouped by follows from an entity's fields; personal and hidden ones never are.
"""

from __future__ import annotations

import enum
import inspect
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geometry
from graphql import get_named_type
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    Integer,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy import (
    Date as SqlDate,
)
from sqlalchemy import (
    DateTime as SqlDateTime,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

from schema import plan as p
from schema import reads, values
from schema.arguments import Leaf, Tree, required
from schema.compile import Compiler, SortKey, directed, quoted
from schema.cost import COUNTED
from schema.declare import READ, Argument, InputMember, Member, camel, enum_type, input_type, object_type
from schema.filters import BIG_INT_OP, DATE_OP, DATE_TIME_OP, FLOAT_OP, INT_OP
from schema.ordering import Direction
from schema.places import WGS84
from schema.scalars import CRS, POINT_ARGUMENTS, BigInt, CodedValue, Date, DateTime, GeoJSON
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest
from twin.fields import Choice, Field

if TYPE_CHECKING:
    from schema.planner import Asked, Planner

#: groups in a list where `first` is left out
GROUPS_DEFAULT = 1_000
#: keys that one grouping may have
MOST_KEYS = 4
#: conditions of one `having`
MOST_CONDITIONS = 50
#: to find the areas that records lie in takes seconds of a whole city
WHEREABOUTS_COST = 5_000
#: records that an estimate looks at
SAMPLE_ROWS = 20_000
#: measures of the same records: PostgreSQL's rows have at most 1,664 columns
MOST_MEASURES = 500
#: the highest limit of a count
MOST_COUNTED = 1_000_000
#: cells that would cover a city's box
MOST_CELLS = 1_000_000

#: what divides the ground; some hundreds of each at most
AREAS = tuple(entity for entity in BY_NAME.values() if entity.geometry == "boundary")

_REQUIRED = inspect.Parameter.empty
Column = ColumnElement[Any]


def _plain(number: float) -> Column:
    """A number that the schema, not a caller, says."""
    return literal_column(str(number))


# --- what values can be summed up as --------------------------------------------------------------------
@dataclass(frozen=True)
class Measure:
    """One number of many values: its GraphQL type and doc, its SQL, and how `having` compares it."""

    type_: Any
    doc: str
    sql: Callable[[Any], Column]
    kind: Any = None
    operators: Any = None


@dataclass(frozen=True)
class Kind:
    """What can be said of many values of one SQL type."""

    name: str
    doc: str
    measures: Mapping[str, Measure]


def _middle(discrete: bool) -> Callable[[Any], Column]:
    half = _plain(0.5)
    chosen = func.percentile_disc(half) if discrete else func.percentile_cont(half)
    return lambda c: chosen.within_group(c)


_COUNT = Measure(int, "How many have a value", func.count, BigInteger(), INT_OP)
_DISTINCT = Measure(
    int, "How many different values there are", lambda c: func.count(c.distinct()), BigInteger(), INT_OP
)


def _ordered(name: str, kind: Any, sql: Any, ops: Any, *, total: tuple[Any, Any, Any] | None = None) -> Kind:
    """What can be said of values that can be sorted; with `total`, of numbers."""
    measures = {"count": _COUNT, "distinct": _DISTINCT}
    if total is not None:
        sum_type, sum_sql, sum_ops = total
        measures["sum"] = Measure(sum_type | None, "Their sum; null of none", func.sum, sum_sql, sum_ops)
        measures["avg"] = Measure(
            float | None,
            "Their mean; null of none",
            lambda c: cast(func.avg(c), Double()),
            Double(),
            FLOAT_OP,
        )
    middle = float if total is not None else kind
    measures |= {
        "min": Measure(kind | None, "The least; null of none", func.min, sql, ops),
        "max": Measure(kind | None, "The greatest; null of none", func.max, sql, ops),
        "median": Measure(
            middle | None,
            "The middle one: half are less; null of none",
            _middle(discrete=total is None),
            Double() if total is not None else sql,
            FLOAT_OP if total is not None else ops,
        ),
    }
    return Kind(f"{name}Summary", f"What many values of {name} come to", measures)


_INT = _ordered("Int", int, Integer(), INT_OP, total=(BigInt, BigInteger(), BIG_INT_OP))
_BIG_INT = _ordered("BigInt", BigInt, BigInteger(), BIG_INT_OP, total=(BigInt, BigInteger(), BIG_INT_OP))
_FLOAT = _ordered("Float", float, Double(), FLOAT_OP, total=(float, Double(), FLOAT_OP))
_DATE = _ordered("Date", Date, SqlDate(), DATE_OP)
_DATE_TIME = _ordered("DateTime", DateTime, SqlDateTime(timezone=True), DATE_TIME_OP)
_BOOLEAN = Kind(
    "BooleanSummary",
    "What many truth values come to",
    {
        "count": _COUNT,
        "trueCount": Measure(
            int, "How many are true", lambda c: func.count().filter(c), BigInteger(), INT_OP
        ),
        "falseCount": Measure(
            int, "How many are false", lambda c: func.count().filter(~c), BigInteger(), INT_OP
        ),
    },
)
_VALUE = Kind(
    "ValueSummary", "What many codes, texts or links come to", {"count": _COUNT, "distinct": _DISTINCT}
)
_GEOMETRY = Kind("GeometrySummary", "What many geometries come to", {"count": _COUNT})
_KINDS = (_INT, _BIG_INT, _FLOAT, _DATE, _DATE_TIME, _BOOLEAN, _VALUE, _GEOMETRY)


def _kind(type_: Any) -> Kind | None:
    """What can be said of many values of a SQL type; None where nothing can."""
    for sql, kind in (
        (Geometry, _GEOMETRY),
        (Boolean, _BOOLEAN),
        (BigInteger, _BIG_INT),
        (Integer, _INT),
        (Double, _FLOAT),
        (SqlDateTime, _DATE_TIME),
        (SqlDate, _DATE),
        (Text, _VALUE),
    ):
        if isinstance(type_, sql):
            return kind
    return None


def _kind_of(entity: Entity, name: str) -> Kind:
    """The kind of a field that can be summed up."""
    computed = entity.computed.get(name)
    kind = _kind(computed.type_ if computed else entity.table.c[name].type)
    assert kind is not None
    return kind


def _open_fields(entity: Entity) -> dict[str, Field]:
    """The fields that anybody may count by."""
    return {n: known for n, known in entity.fields.items() if not (known.hidden or known.personal)}


@lru_cache
def summed(entity: Entity) -> dict[str, tuple[str, Kind, str]]:
    """GraphQL name -> attribute, kind and doc of each field that can be summed up."""
    found: dict[str, tuple[str, Kind, str]] = {}
    for name, known in _open_fields(entity).items():
        kind = _kind(entity.table.c[name].type)
        if kind is not None:
            found[_apart(camel(name))] = name, kind, _doc(known.doc, known.unit)
    for name, computed in entity.computed.items():
        kind = _kind(computed.type_)
        if kind is not None:
            found[_apart(camel(name))] = name, kind, _doc(computed.doc, computed.unit)
    return found


def _apart(name: str) -> str:
    """A field that is itself called count must not hide how many records there are."""
    return "countValue" if name == "count" else name


def _doc(doc: str, unit: str | None) -> str:
    return f"{doc} (unit: {unit})" if unit else doc


# --- how their fields are read --------------------------------------------------------------------------
@dataclass(frozen=True)
class Says:
    """A field that is a measure; of the field around it where it names none itself."""

    measure: str
    name: str | None = None


@dataclass(frozen=True)
class Holds:
    """A field below which are measures of a field, or of none."""

    name: str | None = None


# --- plans ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Number:
    """A measure of a field of all records, or of the records themselves."""

    key: str
    measure: str
    name: str | None = None
    crs: int = WGS84
    precision: int = 0


@dataclass(frozen=True)
class Numbers:
    """An object of measures."""

    key: str
    parts: tuple[Number | Numbers | p.Constant, ...]


def _numbers(planner: Planner, type_name: str, below: Sequence[Any], name: str | None = None) -> Any:
    """What selections of a type of measures ask for."""
    type_ = planner.object_type(type_name)
    parts: list[Number | Numbers | p.Constant] = []
    for key, nodes in planner.collected(type_, below):
        public = nodes[0].name.value
        if public == "__typename":
            parts.append(p.Constant(key, type_.name))
            continue
        declared = type_.fields[public]
        match declared.extensions["strawberry-definition"].metadata[READ]:
            case Says(measure, own):
                arguments = planner.arguments.of_field(declared, nodes[0])
                crs = planner.crs(arguments, public)
                precision = planner.precision(arguments, public)
                parts.append(Number(key, measure, own or name, crs, precision))
            case Holds(own):
                inner = [node.selection_set for node in nodes if node.selection_set]
                target = get_named_type(declared.type).name
                parts.append(Numbers(key, _numbers(planner, target, inner, own or name)))
    return tuple(parts)


# --- their SQL ------------------------------------------------------------------------------------------
def _checked(parts: Sequence[Any], where: str) -> None:
    """BadRequest where more is asked of the same records than one row can hold."""
    if sum(1 for _ in _each(parts)) > MOST_MEASURES:
        raise BadRequest(f"has more than {MOST_MEASURES} measures; ask for them in several", where=where)


def _each(parts: Sequence[Any]) -> Iterator[Number]:
    for part in parts:
        if isinstance(part, Number):
            yield part
        elif isinstance(part, Numbers):
            yield from _each(part.parts)


class Rows:
    """The records that are summed up: a FROM clause that grows by what the measures need."""

    def __init__(self, compiler: Compiler, parent: Entity | None, outer: Any, page: p.Page):
        self.compiler = compiler
        self.entity = page.entity
        self.t = compiler.alias(page.entity)
        self.source: Any = self.t
        self.conditions = compiler.scope(parent, outer, page, self.t)
        self._scope = parent, outer, page
        self._ages: Any = None

    def select(self, *columns: Any) -> Any:
        return self.compiler.select(*columns).select_from(self.source).where(*self.conditions)

    def number(self, number: Number) -> Column:
        """The SQL of a measure; an aggregate, or made of some."""
        if number.name is None:
            if number.measure == "count":
                return func.count()
            ages = self._sources()
            return func.min(ages.c.oldest) if number.measure == "oldest" else func.max(ages.c.newest)
        if number.measure == "shareOfList":
            return self._share_of_list(number.name)
        column = self.compiler.value(self.entity, self.t, number.name)
        match number.measure:
            case "share":
                return _share(func.count(column))
            case "extent":
                box = func.ST_Extent(func.ST_Transform(column, _plain(number.crs)))
                edges = (func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
                return case((box.isnot(None), func.json_build_array(*edges)))
            case "convexHull":
                return _geojson(func.ST_ConvexHull(func.ST_Collect(column)), number.crs, number.precision)
        return _kind_of(self.entity, number.name).measures[number.measure].sql(column)

    def _share_of_list(self, name: str) -> Column:
        """The share of records from which at least one other hangs."""
        many = self.entity.lists[name]
        if many.by is None:
            return _share(func.count().filter(func.cardinality(self.t.c[many.keys]) > _plain(0)))
        s = self.compiler.alias(BY_NAME[many.target])
        there = exists(select(_plain(1)).select_from(s).where(s.c[many.by] == self.t.c.key).correlate(self.t))
        return _share(func.count().filter(there))

    def area(self, area: Entity) -> Column:
        """The area that each record lies in, by the rule of links that are kept: the one that holds a point,
        and more than half of a line or polygon.

        Each area finds what it covers, which is quicker than to look up the area of each record; who holds
        most is worked out only for what no area covers.
        """
        compiler, name = self.compiler, self.entity.geometry
        assert name is not None
        a, within = compiler.alias(area), compiler.alias(self.entity)
        with compiler.around(a):
            covered = compiler.select(within.c.key.label("key")).select_from(within)
            covered = covered.where(
                func.ST_Covers(a.c[area.geometry], within.c[name]),
                *compiler.scope(*self._scope, within),
            )
            q = covered.offset(_plain(0)).lateral(compiler.inner("covered"))
        found = select(q.c.key.label("key"), func.min(a.c.key).label("area")).select_from(a.join(q, true()))
        lying = found.group_by(q.c.key).subquery(compiler.inner("lying"))
        self.source = self.source.outerjoin(lying, lying.c.key == self.t.c.key)
        measure = _EXTENTS.get(self.entity.fields[name].geometry or "")
        if measure is None:
            return lying.c.area
        b, shape = compiler.alias(area), self.t.c[name]
        shared = measure(func.ST_Intersection(b.c[area.geometry], shape))
        holding = (
            select(b.c.key)
            .where(func.ST_Intersects(b.c[area.geometry], shape), shared > measure(shape) / _plain(2))
            .order_by(shared.desc(), b.c.key)
            .limit(_plain(1))
            .correlate(self.t)
        )
        return func.coalesce(lying.c.area, holding.scalar_subquery())

    def _sources(self) -> Any:
        """When the oldest and the newest of the data sets behind a record were loaded."""
        if self._ages is None:
            s = self.compiler.alias(BY_NAME["Source"])
            loaded = select(func.min(s.c.loaded_at).label("oldest"), func.max(s.c.loaded_at).label("newest"))
            # PostgreSQL remembers the answer for each list of sources, of which there are few
            self._ages = loaded.where(s.c.key == func.any(self.t.c.sources)).lateral(
                self.compiler.inner("ages")
            )
            self.source = self.source.join(self._ages, true())
        return self._ages


#: how much there is of a line or polygon
_EXTENTS = {"MULTIPOLYGON": func.ST_Area, "MULTILINESTRING": func.ST_Length}


def _share(some: Any) -> Column:
    """The share that some make up of all; null of none."""
    return cast(some, Double()) / func.nullif(func.count(), literal_column("0"))


def _geojson(shape: Any, crs: int, precision: int) -> Column:
    options = 0 if crs == WGS84 else 2
    moved = func.ST_Transform(shape, _plain(crs))
    return cast(func.ST_AsGeoJSON(moved, _plain(precision), _plain(options)), JSON)


def _said(compiler: Compiler, parts: Sequence[Any], row: Any, columns: Iterator[Any]) -> Column:
    """The JSON object of measures, read from the columns that hold them in the order of _each()."""
    pairs: list[tuple[str, Column]] = []
    for part in parts:
        if isinstance(part, p.Constant):
            pairs.append((part.key, quoted(part.value)))
        elif isinstance(part, Number):
            pairs.append((part.key, next(columns)))
        else:
            pairs.append((part.key, _said(compiler, part.parts, row, columns)))
    return compiler.json_object(pairs, row)


# --- aggregate and coverage -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Summary(p.Feature):
    """Measures of all records of a connection.

    With `all_of`, the rows around are a page of so many with no condition, of areas: where all areas are on
    it, the records of all are summed up at once and not area by area, which would read most pages of their
    table many times.
    """

    page: p.Page
    parts: tuple[Number | Numbers | p.Constant, ...]
    all_of: int | None

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        numbers = list(_each(self.parts))
        if not numbers:
            return _said(compiler, self.parts, t, iter(()))
        rows = Rows(compiler, entity, t, self.page)
        columns = [rows.number(number).label(f"a{i}") for i, number in enumerate(numbers)]
        sums = rows.select(*columns).subquery(compiler.inner("sums"))
        said = _said(compiler, self.parts, sums, iter(sums.c))
        own = select(said).select_from(sums).scalar_subquery()
        if self.all_of is None:
            return own
        assert entity is not None
        return func.coalesce(self._of_all(compiler, entity, t, numbers, self.all_of), own)

    def _of_all(
        self, compiler: Compiler, entity: Entity, t: Any, numbers: Sequence[Number], size: int
    ) -> Column:
        """This row's part of what is summed up for all; null where not all are asked for, or it has none."""
        rows = Rows(compiler, None, None, replace(self.page, via=None))
        columns = [rows.number(number).label(f"a{i}") for i, number in enumerate(numbers)]
        of = rows.t.c[entity.lists[self.page.via or ""].by]
        grouped = select(of.label("k"), *columns).select_from(rows.source).where(*rows.conditions)
        # else PostgreSQL would do it anew for each row
        sums = grouped.group_by(of).cte(compiler.name("sums")).prefix_with("MATERIALIZED")
        sums = compiler.before(sums)
        said = _said(compiler, self.parts, sums, iter(list(sums.c)[1:]))
        mine = select(said).select_from(sums).where(sums.c.k == t.c.key).correlate(t).scalar_subquery()
        there = select(func.count()).select_from(compiler.alias(entity)).scalar_subquery()
        return case((there <= _plain(size), mine))


class SummaryOf(reads.OfPage):
    """Measures of all records of a connection: its aggregate, its coverage."""

    cost = reads.Cost(100)

    def plan(self, planner: Planner, asked: Asked, page: p.Page) -> Summary:
        planner.rows += asked.times
        target = get_named_type(asked.declared.type).name
        parts = _numbers(planner, target, asked.below)
        _checked(parts, asked.name)
        return Summary(asked.key, page, parts, _all_of(planner, page))


def _all_of(planner: Planner, page: p.Page) -> int | None:
    """How many areas the page around may show, where it may show all."""
    around = planner.pages[-1] if planner.pages else None
    if around is None or around.entity not in AREAS or page.via not in around.entity.lists:
        return None
    if around.entity.lists[page.via].by is None:
        return None
    whole = around.via is None and around.condition is None and around.cursor is None
    return around.size if whole else None


# --- counting -------------------------------------------------------------------------------------------
class CountMode(Choice):
    """How exactly to count: all, with a guess from a sample where there are many, or up to a limit."""

    EXACT = "EXACT", "All of them"
    ESTIMATED = "ESTIMATED", "A guess from a sample, where there are many"
    CAPPED = "CAPPED", "All of them up to a limit"


class CountMeaning(Choice):
    """What a count is: exact, an estimate (of a sample of the table), or a limit that the list exceeds."""

    EXACT = "EXACT", "There are as many"
    ESTIMATE = "ESTIMATE", "There are about as many, by a sample of the table"
    AT_LEAST = "AT_LEAST", "There are as many or more"


enum_type(CountMode)
enum_type(CountMeaning)


@dataclass(frozen=True)
class Count(p.Feature):
    """How many records a connection has, exactly or not: pairs of response key and part."""

    page: p.Page
    mode: CountMode
    up_to: int
    parts: p.Parts

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        rows = Rows(compiler, entity, t, self.page)
        if self.mode is CountMode.EXACT:
            counted = rows.select(func.count().label("n"), quoted("EXACT").label("means"))
        else:
            some = rows.select(_plain(1).label("one")).limit(_plain(self.up_to + 1))
            few = some.subquery(compiler.inner("few"))
            n = func.count()
            more = n > _plain(self.up_to)
            if self.mode is CountMode.CAPPED:
                beyond, means = _plain(self.up_to), quoted("AT_LEAST")
            else:
                beyond, means = func.greatest(n, self._estimate(compiler, entity, t)), quoted("ESTIMATE")
            counted = select(
                case((more, beyond), else_=n).label("n"),
                case((more, means), else_=quoted("EXACT")).label("means"),
            ).select_from(few)
        c = counted.subquery(compiler.inner("counted"))
        says = {"value": c.c.n, "means": c.c.means, "__typename": quoted("Count")}
        said = compiler.json_object([(key, says[part]) for key, part in self.parts], c)
        return select(said).select_from(c).scalar_subquery()

    def _estimate(self, compiler: Compiler, parent: Entity | None, outer: Any) -> Column:
        """From what PostgreSQL knows of the table, or from some of its pages where there are conditions."""
        table = self.page.entity.table
        name = quoted(f'"{compiler.city.name}"."{table.name}"')
        known: Column = literal_column("pg_class.reltuples")
        of_table: Any = select(known).select_from(text("pg_class"))
        held = of_table.where(literal_column("pg_class.oid") == func.to_regclass(name)).scalar_subquery()
        # of a table that was never analysed nothing is known, and all of it is the sample
        percent = func.least(_plain(100), _plain(100 * SAMPLE_ROWS) / func.greatest(held, _plain(1)))
        sample = table.tablesample(func.system(percent), name=compiler.name(table.name), seed=_plain(1))
        conditions = compiler.scope(parent, outer, self.page, sample)
        sampled: Any = compiler.select(func.count() * _plain(100) / percent).select_from(sample)
        guess = sampled.where(*conditions).scalar_subquery()
        if not conditions:
            guess = case((held > _plain(0), held), else_=guess)
        return cast(func.round(guess), BigInteger())


class CountOf(reads.OfPage):
    """How many records a connection has, exactly or not."""

    cost = COUNTED

    def plan(self, planner: Planner, asked: Asked, page: p.Page) -> Count:
        mode, up_to = (
            planner.arguments.fix(required(asked.arguments[name], f"{asked.name}.{name}", "leave it out"))
            for name in ("mode", "upTo")
        )
        if not 1 <= up_to <= MOST_COUNTED:
            raise BadRequest(f"is {up_to}; give 1 to {MOST_COUNTED:,}", where=f"{asked.name}.upTo")
        planner.rows += asked.times
        return Count(asked.key, page, mode, up_to, planner.parts("Count", asked.below))


object_type(
    "Count",
    "How many a list has",
    [
        Member("value", int, "How many", reads.Part("value")),
        Member("means", CountMeaning, "What this number is", reads.Part("means")),
    ],
)


# --- grouping -------------------------------------------------------------------------------------------
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

    for name, known in _open_fields(entity).items():
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
            _put_measured(put, name, _doc(known.doc, known.unit), column.type)
    for name, computed in entity.computed.items():
        if isinstance(computed.type_, Boolean):
            put(name, computed.doc, By.VALUE, bool, bool)
        else:
            _put_measured(put, name, _doc(computed.doc, computed.unit), computed.type_)
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
        for i, number in enumerate(_each(numbers)):
            columns.append(rows.number(number).label(f"a{i}"))
        for i, one in enumerate(self.order):
            if one.number is not None:
                columns.append(rows.number(one.number).label(f"o{i}"))
        having = [self._having(compiler, rows, self.having)] if self.having is not None else []
        # a key is named by its place: said again, its parameters would make it another expression
        grouped = rows.select(*columns).group_by(*(_plain(i + 1) for i in range(keys))).having(*having)
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
                        pairs.append((key_, _said(compiler, parts, g, measured)))
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
        ordered = chosen.order_by(*self._directed(g)).limit(_plain(self.size))
        each = ordered.subquery(compiler.inner("rows"))
        whole = func.coalesce(func.json_agg(each.c.o), literal_column("'[]'::json"))
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
                width, origin = _range(compiler, key)
                yield f"k{i}", func.floor((cast(column, Double()) - origin) / width)
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
                yield f"k{i}", rows.area(BY_NAME[known.of or ""])
            case _:
                yield f"k{i}", column

    def _key(self, compiler: Compiler, g: Any, part: KeyPart) -> Column:
        key, column = self.keys[part.index], g.c[f"k{part.index}"]
        match key.known.by:
            case By.RANGE:
                width, origin = _range(compiler, key)
                says = {
                    "from": origin + column * width,
                    "below": origin + (column + literal_column("1")) * width,
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
                origin = func.ST_SetSRID(func.ST_MakePoint(_plain(0), _plain(0)), _plain(compiler.city.srid))
                cell = made(
                    _edge(compiler, key), cast(column, Integer()), cast(g.c[f"k{i}_j"], Integer()), origin
                )
                return _geojson(cell, part.crs, part.precision)
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
        if having.op == "in":
            return column == func.any(compiler.bind(read, ARRAY(having.kind)))
        value = compiler.bind(read, having.kind)
        return column.is_distinct_from(value) if having.op == "ne" else _COMPARISONS[having.op](column, value)

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


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def _range(compiler: Compiler, key: Key) -> tuple[Any, Any]:
    """Width and origin of a range."""
    width, origin = key.leaves
    return (
        compiler.bind(values.number(width, f"{key.where}.width", above=0), Double()),
        compiler.bind(values.number(origin, f"{key.where}.from"), Double()),
    )


def _edge(compiler: Compiler, key: Key) -> Any:
    """The edge of a cell in metres; so long that the city has not too many cells."""
    return compiler.bind(
        values.edge(key.leaves[0], f"{key.where}.edgeM", compiler.city, MOST_CELLS), Double()
    )


def _cell(rows: Rows, shape: Any, key: Key) -> Any:
    """A join to the cell that a shape's middle lies in: its column i and row j, as ST_Square and ST_Hexagon
    number them.

    OFFSET keeps PostgreSQL from working out the middle again wherever it is spoken of.
    """
    compiler = rows.compiler
    middle = shape if rows.entity.fields[key.known.name].geometry == "POINT" else func.ST_Centroid(shape)
    m = select(middle.label("m")).offset(_plain(0)).correlate(rows.t).subquery(compiler.inner("middle"))
    edge = _edge(compiler, key)
    at = (
        select(func.ST_X(m.c.m).label("x"), func.ST_Y(m.c.m).label("y"), edge.label("e"))
        .select_from(m).offset(_plain(0)).lateral(compiler.inner("at"))
    )  # fmt: skip
    rows.source = rows.source.join(at, true())
    x, y, e = at.c.x, at.c.y, at.c.e
    if key.known.by is By.SQUARE:
        whole = select(func.floor(x / e).label("i"), func.floor(y / e).label("j"))
    else:
        # The middles of hexagons are two lattices of rectangles, of the even and of the odd columns: of the
        # nearest of each the nearer one's hexagon it is
        height = e * literal_column("sqrt(3)")
        two, half, three, apart = map(_plain, (2, 0.5, 3, 1.5))
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

    cost = reads.Cost(200, 1)

    def plan(self, planner: Planner, asked: Asked, page: p.Page) -> Grouping:
        entity, ceiling = page.entity, planner.settings.page_ceiling
        size = min(GROUPS_DEFAULT, ceiling)
        planner.account.size(size)
        if asked.arguments.get("first") is not None:
            size = planner.size(asked, ceiling, "groups")
        planner.rows += asked.times * size
        keys, having = self.grouped(planner, asked, entity)
        order = self._order(planner, entity, asked.arguments.get("orderBy"), f"{asked.name}.orderBy")
        parts = tuple(self._parts(planner, asked.repeated(size), entity, keys))
        _checked(parts, asked.name)
        return Grouping(asked.key, page, keys, having, order, size, parts)

    def grouped(
        self, planner: Planner, asked: Asked, entity: Entity
    ) -> tuple[tuple[Key, ...], Having | None]:
        """What records are grouped by, and which groups count."""
        keys = self._keys(planner, entity, asked.arguments["by"], f"{asked.name}.by")
        for key in keys:
            if key.known.by is By.AREA:
                planner.account.spend(WHEREABOUTS_COST * asked.times)
        if asked.arguments.get("having") is None:
            return keys, None
        return keys, self._having(planner, entity, asked.arguments["having"], f"{asked.name}.having")

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

    def _having(self, planner: Planner, entity: Entity, tree: Tree, where: str) -> Having:
        found: list[Having | Compared] = []
        for name, inner in tree.items():
            place = f"{where}.{name}"
            if inner is None:
                continue
            if name in ("and", "or"):
                several = [self._having(planner, entity, one, f"{place}[{i}]") for i, one in enumerate(inner)]
                found.append(Having(name, tuple(several)))
            elif name == "not":
                found.append(Having("not", (self._having(planner, entity, inner, place),)))
            elif name == "count":
                found += self._compared(planner, Number("", "count"), _COUNT, inner, place)
            else:
                attribute, kind, _ = summed(entity)[name]
                for measure, comparison in inner.items():
                    if comparison is not None:
                        number = Number("", measure, attribute)
                        found += self._compared(
                            planner, number, kind.measures[measure], comparison, f"{place}.{measure}"
                        )
        return Having("and", tuple(found))

    def _compared(
        self, planner: Planner, number: Number, measure: Measure, tree: Tree, where: str
    ) -> Iterator[Compared]:
        for op, inner in tree.items():
            place = f"{where}.{op}"
            if planner.count("having") > MOST_CONDITIONS:
                raise BadRequest(f"more than {MOST_CONDITIONS} conditions on groups", where=where)
            leaf = required(inner, place, "to ask for null, say isNull: true")
            if op == "isNull":
                asked = "isNull" if planner.arguments.fix(leaf) else "notNull"
                yield Compared(number, asked, None, measure.kind, place)
            else:
                yield Compared(number, op, leaf, measure.kind, place)

    def _order(self, planner: Planner, entity: Entity, trees: Tree, where: str) -> tuple[GroupOrder, ...]:
        orders = []
        for tree, place in planner.keys(trees, where):
            name, inner = _only(tree, place)
            number: Number | None = None
            if name == "count":
                number = Number("", "count")
            elif name != "key":
                place = f"{place}.{name}"
                measure, inner = _only(inner, place)
                number = Number("", measure, summed(entity)[name][0])
            direction = required(inner, place, "say ASC or DESC")
            orders.append(GroupOrder(number, planner.arguments.fix(direction)))
        return tuple(orders)

    def _parts(
        self, planner: Planner, asked: Asked, entity: Entity, keys: Sequence[Key]
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
                yield Numbers(key, _numbers(planner, target, below.below))

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
def _declare_kinds() -> None:
    for kind in _KINDS:
        members = [Member(name, m.type_, m.doc, Says(name)) for name, m in kind.measures.items()]
        if kind is _GEOMETRY:
            members += [
                Member(
                    "extent", list[float] | None,
                    "The box around all: west, south, east, north, or in that order in another CRS; "
                    "null of none",
                    Says("extent"), [CRS],
                ),
                Member(
                    "convexHull", GeoJSON | None,
                    "The least shape without dents around all, in the city's metric CRS; null of none",
                    Says("convexHull"), POINT_ARGUMENTS,
                ),
            ]  # fmt: skip
        object_type(kind.name, kind.doc, members)
        having = [InputMember(name, m.operators, m.doc) for name, m in kind.measures.items()]
        input_type(f"{kind.name}Having", f"What a {kind.name} must be; all given must hold", having)
        orders = [InputMember(name, Direction, m.doc) for name, m in kind.measures.items()]
        input_type(f"{kind.name}Order", f"Which measure of a {kind.name} to order by", orders, one_of=True)


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


_declare_kinds()
_declare_keys()


def _nullable(entity: Entity) -> Iterator[tuple[str, str, str]]:
    """GraphQL name, attribute and doc of the fields that a record may lack."""
    for name, known in _open_fields(entity).items():
        if entity.table.c[name].nullable:
            yield camel(name), name, known.doc


def connection_parts(entity: Entity) -> list[Member]:
    """Declare what numbers an entity's connections have; the fields that say them."""
    name = entity.name
    totals = [Member("count", int, "How many there are", Says("count"))]
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
    for public, (attribute, kind, doc) in summed(entity).items():
        totals.append(Member(public, f"{kind.name}!", doc, Holds(attribute)))
        having.append(InputMember(public, f"{kind.name}Having", doc))
        orders.append(InputMember(public, f"{kind.name}Order", doc))
    object_type(f"{name}Aggregate", f"What many {name} come to", totals)
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
    parts = [
        Member(
            "count", "Count!", "How many the whole list has: quickly, where it has many", CountOf(),
            [
                Argument("mode", CountMode, "How exactly", default=CountMode.EXACT),
                Argument("upTo", int, "Exact up to so many, unless the mode is EXACT", default=10_000),
            ],
        ),
        Member("aggregate", f"{name}Aggregate!", "What the whole list comes to", SummaryOf()),
    ]  # fmt: skip
    coverage = []
    shares = [
        Member(public, float | None, f"Share with this, 0 to 1: {doc}", Says("share", attribute))
        for public, attribute, doc in _nullable(entity)
    ]
    shares += [
        Member(camel(list_), float | None, f"Share with any, 0 to 1: {many.doc}", Says("shareOfList", list_))
        for list_, many in entity.lists.items()
    ]
    if shares:
        object_type(f"{name}Share", f"Share of many {name} that have a value or link; null of none", shares)
        coverage.append(Member("share", f"{name}Share!", "Share that has a value or link", Holds()))
    if entity.is_city_entity:
        coverage += [
            Member(
                "oldestSource",
                DateTime | None,
                "When the oldest data set behind them was loaded",
                Says("oldest"),
            ),
            Member(
                "newestSource",
                DateTime | None,
                "When the newest data set behind them was loaded",
                Says("newest"),
            ),
        ]
    if coverage:
        object_type(f"{name}Coverage", f"How much is known of many {name}", coverage)
        group.append(
            Member("coverage", f"{name}Coverage!", "How much is known of them", reads.Part("coverage"))
        )
        parts.append(
            Member("coverage", f"{name}Coverage!", "How much is known of the whole list", SummaryOf())
        )
    object_type(f"{name}Group", f"{name} that have something in common", group)
    by = Argument("by", f"[{name}GroupBy!]!", f"One to {MOST_KEYS} keys", default=_REQUIRED)
    only = Argument("having", f"{name}Having", "Only groups that are so")
    parts += [
        Member(
            "groupBy", f"[{name}Group!]!",
            "The groups that the whole list falls into; each record is in one", GroupsOf(),
            [
                by, only,
                Argument("orderBy", f"[{name}GroupOrder!]", "In which order; by key when left out"),
                Argument("first", int, f"At most this many; {GROUPS_DEFAULT:,} when left out"),
            ],
        ),
        Member("groupCount", int, "How many groups there are without first", GroupCountOf(), [by, only]),
    ]  # fmt: skip
    return parts


def _optional(said: Any) -> Any:
    return said if isinstance(said, str) else said | None
