"""What an operation costs, known before any SQL runs: the costs of fields, how they add up, dry runs.

One is what it takes to read one record by its key, a few microseconds. The SDL says each field's cost with
@cost, the planner adds them up in an Account, execute.py holds the Bill against the caller's budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import strawberry
from strawberry.schema_directive import Location

from schema import plan as p
from schema import reads
from twin.errors import BadRequest

T = TypeVar("T")

_FREE = reads.Cost()
#: of a field for each record that it is asked of, and for each record that it gives
_COSTS: dict[type[Any], reads.Cost] = {
    reads.Coded: reads.Cost(0, 1),
    reads.Shape: reads.Cost(1),
    reads.Distance: reads.Cost(1),
    reads.ToOne: reads.Cost(0, 1),
    reads.ToMany: reads.Cost(2, 1),
    reads.Levels: reads.Cost(2),
    reads.AtLevel: reads.Cost(5),
    reads.SourcesOf: reads.Cost(0, 2),
    reads.IdentifiersOf: reads.Cost(0, 1),
    reads.LinksOf: reads.Cost(4, 1),
    reads.LinkEnd: reads.Cost(0, 1),
    reads.Root: reads.Cost(2, 1),
    reads.RootList: reads.Cost(2, 1),
    reads.RootNode: reads.Cost(0, 1),
    reads.RootIdentifier: reads.Cost(0, 2),
    reads.RootNotices: reads.Cost(2, 1),
}
#: of what an operation says about the schema, for each thing that it may tell, however deep
TOLD = 0.25
#: how many there are of what is listed in the schema, of a type or of a field on average
TOLD_OF = {"types": 500, "fields": 5, "inputFields": 5, "enumValues": 1, "args": 1, "directives": 10}
#: of a place that is not just read: it is worked out once for an operation
BUFFERED, UNITED = 200.0, 50.0
#: of what a nested list looks through, as of a whole table: the few rows that hang from one
_HANGING = 0.01
_BY_INDEX, _BY_ROW, _BY_SHAPE = 10.0, 1_000.0, 5_000.0
_SORTED, _SORTED_BY_DISTANCE = 100.0, 100_000.0
#: which operators no index serves
_LOOKED_AT = ("endsWith", "contains", "hasKey", "has")
_SHAPES_LOOKED_AT = ("relate", "disjoint")
#: a list is counted row by row, on an index where there is one
COUNTED = reads.Cost(10)


def cost_of(read: Any) -> reads.Cost:
    """What a field costs that is read so."""
    if isinstance(read, reads.Feature | reads.OfPage | reads.OfMany):
        return read.cost
    if read == reads.Part("totalCount"):
        return COUNTED
    return _COSTS.get(type(read), _FREE)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="What the field costs: weight for each record that it is asked of (of a measure: that it "
    "sums up), perItem for each that it may give; 1 is a record read by its key",
)
class CostDirective:
    """The cost of a field as the SDL says it."""

    weight: float
    per_item: float | None = strawberry.directive_field(name="perItem", default=strawberry.UNSET)


def directives_of(read: Any) -> list[object]:
    """@cost, where a field costs more than nothing."""
    cost = cost_of(read)
    if cost == _FREE:
        return []
    return [CostDirective(weight=cost.weight, per_item=cost.per_item or strawberry.UNSET)]


# --- conditions and orders ----------------------------------------------------------------------------
def of_condition(condition: p.Condition, *, hanging: bool = False) -> float:
    """What it takes to look once for the rows that are so: in a table, or among what hangs from a row."""
    return _looked_for(condition) * (_HANGING if hanging else 1)


def _looked_for(condition: p.Condition) -> float:
    match condition:
        case p.All(inner) | p.Either(inner):
            return sum(_looked_for(one) for one in inner)
        case p.Not(one):
            return _looked_for(one)
        case p.Compare(name, op):
            if name == "key":
                return 0
            return _BY_ROW if op in _LOOKED_AT or condition.member is not None else _BY_INDEX
        case p.Spatial(_, predicate):
            return _BY_SHAPE if predicate in _SHAPES_LOOKED_AT else _BY_INDEX * 10
        case p.Through() | p.Among():
            return _BY_INDEX + _looked_for(condition.condition)


def of_order(order: Sequence[p.Order], *, hanging: bool = False) -> float:
    """What it takes to sort a list once."""
    whole = 0.0
    for i, one in enumerate(order):
        if one.place is not None and (one.through or i):
            whole += _SORTED_BY_DISTANCE  # which only the first key's index spares
        elif one.through:
            whole += _SORTED * 10
        else:
            whole += 0 if one.name == "key" else _SORTED
    return whole * (_HANGING if hanging else 1)


# --- adding up ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Bill:
    """What an operation may cost at most, and where: by path of response keys, without nodes and edges."""

    cost: float
    rows: int
    parts: tuple[tuple[str, float], ...] = ()  #: the costliest first
    narrow: tuple[str, ...] = ()  #: what to ask for less of
    summed: int = 0  #: how many records are thought to be summed up

    def check(self, rows_ceiling: int, budget: float) -> None:
        """BadRequest where it is more than may be: which part costs most, and what to narrow."""
        if self.rows > rows_ceiling:
            self._refuse(f"may read up to {self.rows:,} rows; {rows_ceiling:,} are allowed")
        if self.cost > budget:
            self._refuse(f"may cost up to {self.cost:,.0f}; {budget:,.0f} are allowed")

    def told(self, budget: float) -> Any:
        """What an answer says of its cost."""
        return {"cost": round(self.cost), "rows": self.rows, "budget": round(budget)}

    def _refuse(self, what: str) -> None:
        most = f"; {self.parts[0][0]} costs most ({self.parts[0][1]:,.0f})" if self.parts else ""
        raise BadRequest(f"the operation {what}{most}: {'; '.join(self.narrow)}")

    def of_each(self, times: int) -> Bill:
        """A part of it: one of so many like it."""
        parts = tuple((path, cost / times) for path, cost in self.parts)
        return replace(self, cost=self.cost / times, rows=self.rows // times, parts=parts)


NOTHING = Bill(0, 0)


class Account:
    """Adds up what an operation costs while it is planned."""

    _SHOWN = 5

    def __init__(self) -> None:
        self.rows = 0  #: how many rows what is planned so far may read at most
        self._cost = 0.0
        self._summed = 0
        self._rows_below = 0  #: of the fields below the one that is being planned
        self._path: list[str] = []
        self._parts: Counter[str] = Counter()
        self._sizes: dict[str, int] = {}

    @contextmanager
    def field(self, key: str, cost: reads.Cost, times: int) -> Iterator[None]:
        """What is added within is of this field, which is asked of so many records."""
        self._path.append(key)
        outside, before = self._rows_below, self.rows
        self._rows_below = 0
        yield
        rows = self.rows - before
        self.spend(cost.weight * times + cost.per_item * (rows - self._rows_below))
        self._rows_below = outside + rows
        self._path.pop()

    def spend(self, cost: float) -> None:
        """Add to the cost of the field that is being planned."""
        if cost:
            self._cost += cost
            self._parts[".".join(self._path)] += cost  # type: ignore[assignment]  # a Counter of floats

    def sum_up(self, records: int, cost: float) -> None:
        """The field that is being planned sums up so many records, at this cost for each."""
        self._summed += records
        self.spend(records * cost)

    def size(self, size: int) -> None:
        """The field that is being planned is a list of at most so many."""
        self._sizes[".".join(self._path)] = size

    def dearest(self, alternatives: Iterable[T]) -> list[T]:
        """Alternatives that are planned one by one, of which only one counts: the one that may cost most."""
        before = most = self.rows, self._cost, self._rows_below, self._summed
        parts = dearest = self._parts
        self._parts = parts.copy()
        made = []
        for one in alternatives:
            made.append(one)
            now = self.rows, self._cost, self._rows_below, self._summed
            if now[1] > most[1]:
                dearest = self._parts
            most = (
                max(most[0], now[0]), max(most[1], now[1]), max(most[2], now[2]), max(most[3], now[3]),
            )  # fmt: skip
            (self.rows, self._cost, self._rows_below, self._summed), self._parts = before, parts.copy()
        (self.rows, self._cost, self._rows_below, self._summed), self._parts = most, dearest
        return made

    def bill(self) -> Bill:
        """What it all costs."""
        parts = tuple((path, float(cost)) for path, cost in self._parts.most_common(self._SHOWN))
        return Bill(self._cost, self.rows, parts, tuple(self._narrow(parts)), self._summed)

    def _narrow(self, parts: Sequence[tuple[str, float]]) -> Iterator[str]:
        """The lists that the costliest part is in, the longest first."""
        path = parts[0][0].split(".") if parts else []
        around = [".".join(path[:end]) for end in range(len(path), 0, -1)]
        lists = sorted((self._sizes[one], one) for one in around if one in self._sizes)
        for size, one in reversed(lists):
            yield f"ask for fewer than {size:,} with first of {one}"
        if not lists:
            yield "ask for less in one operation"


# --- dry runs -----------------------------------------------------------------------------------------
#: tables of this city that are too large to be read whole for one answer
LARGE_TABLES = (
    b"SELECT coalesce(json_agg(relname), '[]') FROM pg_class"
    b" WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND reltuples >= 1000"
)


def dry_run(bill: Bill, refusal: str | None, budget: float, explained: Any, large: Sequence[str]) -> Any:
    """What an operation would take: by our count, and by PostgreSQL's plan (EXPLAIN's JSON)."""
    whole = explained[0]["Plan"]
    nodes = list(_nodes(whole, 1.0, 1.0))
    scans = sorted(
        {
            node["Relation Name"]
            for node, _ in nodes
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large
        }
    )
    narrow = [*bill.narrow] if refusal else []
    narrow += [
        f"{table} is read whole: filter by an indexed field or a place, or take fewer" for table in scans
    ]
    return bill.told(budget) | {
        "refusal": refusal,
        "estimatedRows": round(sum(rows for node, rows in nodes if "Relation Name" in node)),
        "estimatedCost": whole["Total Cost"],
        "indexes": sorted({node["Index Name"] for node, _ in nodes if "Index Name" in node}),
        "sequentialScans": scans,
        "mostCostly": [{"path": path, "cost": round(cost)} for path, cost in bill.parts],
        "narrow": narrow,
    }


#: nodes that read all of what is below them before they give a row, whatever LIMIT is above
_READ_ALL = ("Aggregate", "Hash", "Materialize", "Sort")


def _nodes(node: Mapping[str, Any], times: float, share: float) -> Iterator[tuple[Mapping[str, Any], float]]:
    """The nodes of a plan, each with how many rows PostgreSQL expects it to give in all.

    `times` is how often the node is carried out, `share` how much of it a LIMIT above lets happen.
    """
    yield node, node["Plan Rows"] * times * share
    if node["Node Type"] in _READ_ALL:
        share = 1.0
    inner = node.get("Plans", ())
    outer_rows = max((one["Plan Rows"] for one in inner if one["Parent Relationship"] == "Outer"), default=1)
    for one in inner:
        again, part = times, share
        match one["Parent Relationship"]:
            case "SubPlan":
                again, part = times * max(node["Plan Rows"] * share, 1), 1.0
            case "Inner" if node["Node Type"] == "Nested Loop":
                again = times * max(outer_rows, 1)
            case "InitPlan":
                again, part = 1.0, 1.0
            case "Outer" if node["Node Type"] == "Limit":
                part = share * min(1.0, node["Plan Rows"] / max(one["Plan Rows"], 1))
        yield from _nodes(one, again, part)
