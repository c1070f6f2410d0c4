"""Numbers of a connection: aggregate, coverage and count, with their types, plans and SQL.

What may be summed up follows from an entity's fields; personal and hidden ones never are. groups.py divides a
connection's records before it sums them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from geoalchemy2 import Geometry
from graphql import get_named_type
from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Integer,
    Text,
    case,
    cast,
    exists,
    func,
    literal_column,
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
from sqlalchemy.sql.elements import ColumnElement

from schema import plan as p
from schema import reads
from schema.arguments import required
from schema.compile import Compiler, edges_of, geojson, quoted
from schema.cost import COUNTED, cost_of
from schema.declare import (
    READ,
    Argument,
    InputMember,
    Member,
    camel,
    documented,
    enum_type,
    input_type,
    object_type,
)
from schema.filters import BIG_INT_OP, DATE_OP, DATE_TIME_OP, FLOAT_OP, INT_OP
from schema.ordering import Direction
from schema.places import WGS84
from schema.scalars import CRS, POINT_ARGUMENTS, BigInt, Date, DateTime, GeoJSON
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest
from twin.fields import Choice, Field

if TYPE_CHECKING:
    from schema.planner import Asked, Planner

#: measures of the same records: PostgreSQL's rows have at most 1,664 columns
MOST_MEASURES = 500
#: records that an estimate looks at
SAMPLE_ROWS = 20_000
#: the highest limit of a count
MOST_COUNTED = 1_000_000

#: what divides the ground; some hundreds of each at most
AREAS = tuple(entity for entity in BY_NAME.values() if entity.geometry == "boundary")

#: Costs of a measure for each record that it is of, as measured of 30,000 buildings: to add or compare, to
#: sort or look elsewhere, to take a geometry's box in another CRS, to draw a shape around geometries.
_ADDED, _SORTED, _BOXED, _DRAWN = 0.02, 0.1, 1.2, 3
#: to read a record that is summed up
_READ = 0.05
#: Records that a list is thought to have when its cost is said, before anybody looks: one at the root, one of
#: an area, one of anything else.
_ALL, _OF_AN_AREA, _OF_ONE = 50_000, 1_000, 10

Column = ColumnElement[Any]


def plain(number: float) -> Column:
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
    weight: float = _ADDED


@dataclass(frozen=True)
class Kind:
    """What can be said of many values of one SQL type."""

    name: str
    doc: str
    measures: Mapping[str, Measure]


def _middle(discrete: bool) -> Callable[[Any], Column]:
    half = plain(0.5)
    chosen = func.percentile_disc(half) if discrete else func.percentile_cont(half)
    return lambda c: chosen.within_group(c)


COUNT = Measure(int, "How many have a value", func.count, BigInteger(), INT_OP)
_DISTINCT = Measure(
    int,
    "How many different values there are",
    lambda c: func.count(c.distinct()),
    BigInteger(),
    INT_OP,
    _SORTED,
)


def _ordered(name: str, kind: Any, sql: Any, ops: Any, *, total: tuple[Any, Any, Any] | None = None) -> Kind:
    """What can be said of values that can be sorted; with `total`, of numbers."""
    measures = {"count": COUNT, "distinct": _DISTINCT}
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
            _SORTED,
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
        "count": COUNT,
        "trueCount": Measure(
            int, "How many are true", lambda c: func.count().filter(c), BigInteger(), INT_OP
        ),
        "falseCount": Measure(
            int, "How many are false", lambda c: func.count().filter(~c), BigInteger(), INT_OP
        ),
    },
)
_VALUE = Kind(
    "ValueSummary", "What many codes, texts or links come to", {"count": COUNT, "distinct": _DISTINCT}
)
_GEOMETRY = Kind("GeometrySummary", "What many geometries come to", {"count": COUNT})
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


def open_fields(entity: Entity) -> dict[str, Field]:
    """The fields that anybody may count by."""
    return {n: known for n, known in entity.fields.items() if not (known.hidden or known.personal)}


@lru_cache
def summed(entity: Entity) -> dict[str, tuple[str, Kind, str]]:
    """GraphQL name -> attribute, kind and doc of each field that can be summed up."""
    found: dict[str, tuple[str, Kind, str]] = {}
    for name, known in open_fields(entity).items():
        kind = _kind(entity.table.c[name].type)
        if kind is not None:
            found[_apart(camel(name))] = name, kind, documented(known.doc, known.unit)
    for name, computed in entity.computed.items():
        kind = _kind(computed.type_)
        if kind is not None:
            found[_apart(camel(name))] = name, kind, documented(computed.doc, computed.unit)
    return found


def _apart(name: str) -> str:
    """A field that is itself called count must not hide how many records there are."""
    return "countValue" if name == "count" else name


# --- how their fields are read --------------------------------------------------------------------------
@dataclass(frozen=True)
class Says(reads.OfMany):
    """A field that is a measure; of the field around it where it names none itself."""

    measure: str
    name: str | None = None
    weight: float = _ADDED

    @property
    def cost(self) -> reads.Cost:
        """Of each record that it is of."""
        return reads.Cost(self.weight)


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


def records(asked: Asked) -> int:
    """How many records the connection around a field is thought to have, in all the rows that have one."""
    if asked.entity is None:
        return _ALL * asked.times
    return asked.times * (_OF_AN_AREA if asked.entity in AREAS else _OF_ONE)


def numbers_of(
    planner: Planner, type_name: str, below: Sequence[Any], of: int, name: str | None = None
) -> tuple[Number | Numbers | p.Constant, ...]:
    """What selections of a type of measures ask for, of so many records."""
    type_ = planner.object_type(type_name)
    parts: list[Number | Numbers | p.Constant] = []
    for key, nodes in planner.collected(type_, below):
        public = nodes[0].name.value
        if public == "__typename":
            parts.append(p.Constant(key, type_.name))
            continue
        declared = type_.fields[public]
        read = declared.extensions["strawberry-definition"].metadata[READ]
        with planner.account.field(key, cost_of(read), of):
            match read:
                case Says(measure, own):
                    arguments = planner.arguments.of_field(declared, nodes[0])
                    crs = planner.crs(arguments, public)
                    precision = planner.precision(arguments, public)
                    parts.append(Number(key, measure, own or name, crs, precision))
                case Holds(own):
                    inner = [node.selection_set for node in nodes if node.selection_set]
                    target = get_named_type(declared.type).name
                    parts.append(Numbers(key, numbers_of(planner, target, inner, of, own or name)))
    return tuple(parts)


# --- their SQL ------------------------------------------------------------------------------------------
def check(parts: Sequence[Any], where: str) -> None:
    """BadRequest where more is asked of the same records than one row can hold."""
    if sum(1 for _ in each_of(parts)) > MOST_MEASURES:
        raise BadRequest(f"has more than {MOST_MEASURES} measures; ask for them in several", where=where)


def each_of(parts: Sequence[Any]) -> Iterator[Number]:
    for part in parts:
        if isinstance(part, Number):
            yield part
        elif isinstance(part, Numbers):
            yield from each_of(part.parts)


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

    def like(self, t: Any) -> list[Any]:
        """The conditions under which a row of the same table under another alias is one of them."""
        return self.compiler.scope(*self._scope, t)

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
                box = func.ST_Extent(func.ST_Transform(column, plain(number.crs)))
                return edges_of(box, box)
            case "convexHull":
                return geojson(func.ST_ConvexHull(func.ST_Collect(column)), number.crs, number.precision)
        return _kind_of(self.entity, number.name).measures[number.measure].sql(column)

    def _share_of_list(self, name: str) -> Column:
        """The share of records from which at least one other hangs."""
        many = self.entity.lists[name]
        if many.by is None:
            return _share(func.count().filter(func.cardinality(self.t.c[many.keys]) > plain(0)))
        s = self.compiler.alias(BY_NAME[many.target])
        there = exists(select(plain(1)).select_from(s).where(s.c[many.by] == self.t.c.key).correlate(self.t))
        return _share(func.count().filter(there))

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


def _share(some: Any) -> Column:
    """The share that some make up of all; null of none."""
    return cast(some, Double()) / func.nullif(func.count(), literal_column("0"))


def said_of(compiler: Compiler, parts: Sequence[Any], row: Any, columns: Iterator[Any]) -> Column:
    """The JSON object of measures, read from the columns that hold them in the order of each_of()."""
    pairs: list[tuple[str, Column]] = []
    for part in parts:
        if isinstance(part, p.Constant):
            pairs.append((part.key, quoted(part.value)))
        elif isinstance(part, Number):
            pairs.append((part.key, next(columns)))
        else:
            pairs.append((part.key, said_of(compiler, part.parts, row, columns)))
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
        numbers = list(each_of(self.parts))
        if not numbers:
            return said_of(compiler, self.parts, t, iter(()))
        rows = Rows(compiler, entity, t, self.page)
        columns = [rows.number(number).label(f"a{i}") for i, number in enumerate(numbers)]
        sums = rows.select(*columns).subquery(compiler.inner("sums"))
        said = said_of(compiler, self.parts, sums, iter(sums.c))
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
        said = said_of(compiler, self.parts, sums, iter(list(sums.c)[1:]))
        mine = select(said).select_from(sums).where(sums.c.k == t.c.key).correlate(t).scalar_subquery()
        there = select(func.count()).select_from(compiler.alias(entity)).scalar_subquery()
        return case((there <= plain(size), mine))


class SummaryOf(reads.OfPage):
    """Measures of all records of a connection: its aggregate, its coverage."""

    cost = reads.Cost(5)

    def plan(self, planner: Planner, asked: Asked, page: p.Page) -> Summary:
        planner.rows += asked.times
        target = get_named_type(asked.declared.type).name
        planner.account.sum_up(records(asked), _READ)
        parts = numbers_of(planner, target, asked.below, records(asked))
        check(parts, asked.name)
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
            some = rows.select(plain(1).label("one")).limit(plain(self.up_to + 1))
            few = some.subquery(compiler.inner("few"))
            n = func.count()
            more = n > plain(self.up_to)
            if self.mode is CountMode.CAPPED:
                beyond, means = plain(self.up_to), quoted("AT_LEAST")
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
        percent = func.least(plain(100), plain(100 * SAMPLE_ROWS) / func.greatest(held, plain(1)))
        sample = table.tablesample(func.system(percent), name=compiler.name(table.name), seed=plain(1))
        conditions = compiler.scope(parent, outer, self.page, sample)
        sampled: Any = compiler.select(func.count() * plain(100) / percent).select_from(sample)
        guess = sampled.where(*conditions).scalar_subquery()
        if not conditions:
            guess = case((held > plain(0), held), else_=guess)
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


# --- declarations ---------------------------------------------------------------------------------------
def _declare_kinds() -> None:
    for kind in _KINDS:
        members = [
            Member(name, m.type_, m.doc, Says(name, weight=m.weight)) for name, m in kind.measures.items()
        ]
        if kind is _GEOMETRY:
            members += [
                Member(
                    "extent", list[float] | None,
                    "The box around all: west, south, east, north, or in that order in another CRS; "
                    "null of none",
                    Says("extent", weight=_BOXED), [CRS],
                ),
                Member(
                    "convexHull", GeoJSON | None,
                    "The least shape without dents around all, in the city's metric CRS; null of none",
                    Says("convexHull", weight=_DRAWN), POINT_ARGUMENTS,
                ),
            ]  # fmt: skip
        object_type(kind.name, kind.doc, members)
        having = [InputMember(name, m.operators, m.doc) for name, m in kind.measures.items()]
        input_type(f"{kind.name}Having", f"What a {kind.name} must be; all given must hold", having)
        orders = [InputMember(name, Direction, m.doc) for name, m in kind.measures.items()]
        input_type(f"{kind.name}Order", f"Which measure of a {kind.name} to order by", orders, one_of=True)


_declare_kinds()


def nullable(entity: Entity) -> Iterator[tuple[str, str, str]]:
    """GraphQL name, attribute and doc of the fields that a record may lack."""
    for name, known in open_fields(entity).items():
        if entity.table.c[name].nullable:
            yield camel(name), name, known.doc


def covers(entity: Entity) -> bool:
    """Whether anything can be said of how much is known of it."""
    return entity.is_city_entity or bool(entity.lists) or any(nullable(entity))


def connection_parts(entity: Entity) -> list[Member]:
    """Declare what numbers an entity's connections have; the fields that say them."""
    name = entity.name
    totals = [Member("count", int, "How many there are", Says("count"))]
    for public, (attribute, kind, doc) in summed(entity).items():
        totals.append(Member(public, f"{kind.name}!", doc, Holds(attribute)))
    object_type(f"{name}Aggregate", f"What many {name} come to", totals)
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
        for public, attribute, doc in nullable(entity)
    ]
    shares += [
        Member(
            camel(list_), float | None, f"Share with any, 0 to 1: {many.doc}",
            Says("shareOfList", list_, _SORTED),
        )
        for list_, many in entity.lists.items()
    ]  # fmt: skip
    if shares:
        object_type(f"{name}Share", f"Share of many {name} that have a value or link; null of none", shares)
        coverage.append(Member("share", f"{name}Share!", "Share that has a value or link", Holds()))
    if entity.is_city_entity:
        coverage += [
            Member(
                "oldestSource",
                DateTime | None,
                "When the oldest data set behind them was loaded",
                Says("oldest", weight=_SORTED),
            ),
            Member(
                "newestSource",
                DateTime | None,
                "When the newest data set behind them was loaded",
                Says("newest", weight=_SORTED),
            ),
        ]
    if covers(entity):
        object_type(f"{name}Coverage", f"How much is known of many {name}", coverage)
        parts.append(
            Member("coverage", f"{name}Coverage!", "How much is known of the whole list", SummaryOf())
        )
    return parts
