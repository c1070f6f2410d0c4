"""Records that a text or a place means: search, geocode, reverseGeocode and reconcile.

Their types, how they are planned, and the SQL that answers them, which twin/ writes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import strawberry
from geoalchemy2 import Geometry
from psycopg.sql import SQL, Identifier, Literal
from sqlalchemy import (
    Double,
    Integer,
    Text,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, aggregate_order_by
from sqlalchemy.sql.elements import ColumnElement

from schema import plan as p
from schema import reads, values
from schema.arguments import Leaf, Tree, required
from schema.compile import EMPTY_LIST, Compiler, quoted
from schema.declare import InputMember, Member, camel, enum_type, input_type, object_type
from schema.scalars import POINT_ARGUMENTS, GeoJSON, JSONValue
from twin import geocode, reconcile, search
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest
from twin.fields import KEY

if TYPE_CHECKING:
    from schema.planner import Asked, Planner

#: of one operation: each looks at far more records than it gives
MOST_LOOKUPS = 10
#: places that one geocoding gives at most
GEOCODE_CEILING = 100
#: records that one search gives at most
SEARCH_CEILING = 100


def _count(planner: Planner) -> None:
    if planner.count("lookups") > MOST_LOOKUPS:
        raise BadRequest(
            f"more than {MOST_LOOKUPS} of search, geocode, reverseGeocode and reconcile are asked for; "
            "send the others in operations of their own"
        )


# --- search -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Matched(p.Feature):
    """How a record answers a search: pairs of response key and part."""

    parts: p.Parts

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        said = [
            (key, quoted("SearchMatch") if part == "__typename" else t.c[part]) for key, part in self.parts
        ]
        return compiler.json_object(said, t)


class MatchedOf(reads.Feature):
    """How a record answers a search."""

    def plan(self, planner: Planner, asked: Asked) -> Matched:
        return Matched(asked.key, planner.parts("SearchMatch", asked.below))


@dataclass(frozen=True)
class Search(p.Feature):
    """The records that best answer a text, the best first."""

    text: Leaf
    types: Leaf | None
    near: p.Place | None
    size: int
    parts: tuple[p.FoundPart, ...]

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        types: Any = cast(quoted(f"{{{','.join(search.TYPES)}}}"), ARRAY(KEY))
        if self.types is not None:
            types = compiler.bind(values.types(self.types, f"{self.key}.types"), ARRAY(KEY))
        kinds = {"words": ARRAY(KEY), "near_of": ARRAY(Integer), "near_word": ARRAY(KEY)}
        columns = [
            compiler.bind(read, kinds.get(name, KEY)).label(name)
            for name, read in values.searched(self.text, f"{self.key}.text").items()
        ]
        columns.append(types.label("types"))
        columns.append((true() if self.types is not None else false()).label("narrow"))
        if self.near is not None:
            columns.append(compiler.place(self.near).label("place"))
        asked = compiler.ahead(*columns)
        sql = search.found(
            compiler.city.name, asked.name, near=self.near is not None, size=self.size, public=camel
        )
        known = ("rank", "hit_type", "hit_key", "score", "how", "field", "distance_m")
        hit = text(sql).columns(*(column(name) for name in known)).subquery(compiler.name("hit"))
        return compiler.lists(hit, self.parts, hit.c.rank)


class RootSearch(reads.Feature):
    """The records that best answer a text."""

    cost = reads.Cost(1000, 1)

    def plan(self, planner: Planner, asked: Asked) -> Search:
        _count(planner)
        size = planner.size(asked, SEARCH_CEILING, "records")
        near = asked.arguments.get("near")
        return Search(
            asked.key,
            required(asked.arguments["text"], f"{asked.name}.text", "give the text to look for"),
            asked.arguments.get("types"),
            planner.place(near, f"{asked.name}.near") if near is not None else None,
            size,
            planner.found("Search", "hit", asked, size, search.TYPES),
        )


EntityType = enum.Enum("EntityType", {name: name for name in search.TYPES})  # type: ignore[misc]
EntityType.__doc__ = "What can be searched for"
enum_type(EntityType, {name: BY_NAME[name].doc for name in search.TYPES})
enum_type(search.MatchKind)
object_type(
    "SearchMatch",
    "How a record answers a search",
    [
        Member("field", str, "The field that says it, such as legalName", reads.Part("field")),
        Member("how", search.MatchKind, "How well it says it", reads.Part("how")),
    ],
)
object_type(
    "SearchEdge",
    "A record that a search found",
    [
        Member("node", "CityEntity!", "The record", reads.LinkEnd("hit")),
        Member(
            "score", float,
            "From 0 to 1: how it matched above all, then what it is and how near",
            reads.Value("score"),
        ),
        Member("matched", "SearchMatch!", "What of it matched, and how", MatchedOf()),
        Member(
            "distanceM", float | None,
            "Metres from the middle of it to the place asked for; null without one, or where it has no place",
            reads.Value("distance_m"),
        ),
    ],
)  # fmt: skip
object_type(
    "SearchConnection",
    "What a search found, the best first; no list to page through: ask for more with first, or type more",
    [
        Member("edges", "[SearchEdge!]!", "The records, and how they match", reads.Part("edges")),
        Member("nodes", "[CityEntity!]!", "The records only", reads.Part("nodes")),
    ],
)


# --- geocoding ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Understood(p.Feature):
    """The parts of an address that a geocoding read: pairs of response key and part."""

    parts: p.Parts

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        pairs = [
            (key, quoted("AddressParts"))
            if part == "__typename"
            else (key, func.nullif(t.c.understood.op("->>")(quoted(part)), literal_column("''")))
            for key, part in self.parts
        ]
        return case((t.c.understood.isnot(None), compiler.json_object(pairs, t)))


class UnderstoodOf(reads.Feature):
    """The parts of an address text as they were read."""

    def plan(self, planner: Planner, asked: Asked) -> Understood:
        return Understood(asked.key, planner.parts("AddressParts", asked.below))


@dataclass(frozen=True)
class Geocode(p.Feature):
    """The places that a text means, or that a place has; one of the two is given."""

    text: Leaf | None
    at: p.Place | None
    within_m: Leaf | None
    size: int
    items: p.Items

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        size, city = SQL("{}").format(Literal(self.size)), compiler.city.name
        if self.text is not None:
            said = compiler.bind(values.geocoded(self.text, f"{self.key}.text"), Text())
            asked = compiler.ahead(said.label("parsed"))
            parsed = SQL("(SELECT parsed FROM {})").format(Identifier(asked.name))
            found = geocode.statement(parsed, size, city=city)
        else:
            assert self.at is not None
            assert self.within_m is not None
            reading = values.number(self.within_m, f"{self.key}.withinM", least=0)
            place = compiler.place(self.at).label("place")
            asked = compiler.ahead(place, compiler.bind(reading, Double()).label("within"))
            name = Identifier(asked.name)
            places = SQL(
                "(SELECT json_build_array(json_build_object('n', 0, 'shape',"
                " encode(ST_AsEWKB(place), 'hex')))::text FROM {})"
            ).format(name)
            within = SQL("(SELECT within FROM {})").format(name)
            found = geocode.reverse_statement(places, within, size, city=city)
        known = (column(name, Geometry() if name == "position" else None) for name in geocode.COLUMNS)
        match = text(found.as_string()).columns(*known).subquery(compiler.name("match"))
        columns = compiler.labelled(None, match, self.items)
        rows = select(*columns).select_from(match).order_by(match.c.place)
        return compiler.json_list(rows, self.items)


class RootGeocode(reads.Feature):
    """The places that an address text may mean, or what stands at a place."""

    cost = reads.Cost(600, 1)

    def plan(self, planner: Planner, asked: Asked) -> Geocode:
        _count(planner)
        name, arguments = asked.name, asked.arguments
        size = planner.size(asked, GEOCODE_CEILING, "places")
        planner.rows += asked.times * size
        text_ = at = within = None
        if "text" in arguments:
            text_ = required(arguments["text"], f"{name}.text", "give the text of an address")
        else:
            at = planner.place(arguments["at"], f"{name}.at")
            within = required(arguments["withinM"], f"{name}.withinM", "give metres")
        items = planner.fields("GeocodeMatch", None, asked.repeated(size))
        return Geocode(asked.key, text_, at, within, size, items)


enum_type(geocode.Level)
object_type(
    "AddressParts",
    "The parts of an address as they were read, in small Latin letters; null where it does not have them",
    [Member(part, str | None, doc, reads.Part(part)) for part, doc in geocode.PART_DOCS.items()],
)
object_type(
    "GeocodeMatch",
    "A place that an address text may mean, or what stands at a place",
    [
        Member("level", geocode.Level, "How exactly it is found", reads.Value("level")),
        Member("score", float, "How likely it is the right one at its level, 0 to 1", reads.Value("score")),
        Member(
            "expectedErrorM", float,
            "Metres from the position within which nine of ten such places lie; of a place how far off it is "
            "(unit: m)",
            reads.Value("expected_error_m"),
        ),
        Member("reason", str, "Which parts matched and how", reads.Value("reason")),
        Member("position", GeoJSON, "Where it is", reads.Shape("position"), POINT_ARGUMENTS),
        Member("address", "Address", "The address", reads.ToOne("address", "Address")),
        Member("building", "Building", "The building", reads.ToOne("building", "Building")),
        Member(
            "neighbourhood", "Neighbourhood", "The neighbourhood",
            reads.ToOne("neighbourhood", "Neighbourhood"),
        ),
        Member("district", "District", "The district", reads.ToOne("district", "District")),
        Member("understood", "AddressParts", "What was read of the text", UnderstoodOf()),
        Member("leftOver", str | None, "The words that were not understood", reads.Value("left_over")),
    ],
)  # fmt: skip


# --- reconciliation -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Candidate:
    """A candidate: pairs of response key and part, those of features and the record with what is below."""

    parts: tuple[tuple[str, str, p.Parts | p.End | None], ...]


@dataclass(frozen=True)
class Reconcile(p.Feature):
    """A result for each of the queries; its parts are the candidates, or None for __typename."""

    queries: Tree
    parts: tuple[tuple[str, Candidate | None], ...]

    def sql(self, compiler: Compiler, entity: Entity | None, t: Any) -> Any:
        asked = compiler.bind(values.reconciled(self.queries, "reconcile.queries"), Text())
        question: Any = select(asked.label("queries")).cte(compiler.name("asked"))
        queries = SQL("(SELECT queries FROM {})").format(Identifier(question.name))
        sql = reconcile.statement(queries, compiler.city.name)
        rows_of = text(sql.as_string()).columns(*(column(name) for name in reconcile.COLUMNS))
        # materialized it is answered once, not once for each result
        found = rows_of.cte(compiler.name("found")).prefix_with("MATERIALIZED")
        numbers = func.generate_series(
            literal_column("0"),
            func.jsonb_array_length(cast(question.c.queries, JSONB)) - literal_column("1"),
        )
        each = select(numbers.label("n")).select_from(question).subquery(compiler.inner("each"))
        pairs = []
        for key, candidate in self.parts:
            if candidate is None:
                pairs.append((key, quoted("ReconcileResult")))
                continue
            c = found.alias(compiler.name("candidate"))
            with compiler.around(c):
                said = compiler.json_object(
                    [(k, _of_candidate(compiler, c, part, below)) for k, part, below in candidate.parts], c
                )
            rows = select(func.coalesce(func.json_agg(aggregate_order_by(said, c.c.rank)), EMPTY_LIST))
            pairs.append((key, rows.where(c.c.n == each.c.n).correlate(each).scalar_subquery()))
        results = func.json_agg(aggregate_order_by(compiler.json_object(pairs, each), each.c.n))
        whole = select(func.coalesce(results, EMPTY_LIST)).select_from(each).add_cte(question)
        return whole.scalar_subquery()


def _of_candidate(compiler: Compiler, c: Any, part: str, below: Any) -> ColumnElement[Any]:
    match part:
        case "id":
            identifier: ColumnElement[Any] = func.concat(c.c.candidate_type, quoted(":"), c.c.candidate_key)
            return identifier
        case "record":
            return compiler.column(None, c, below)
        case "features":
            one = func.json_array_elements(c.c.features).table_valued("value", name=compiler.name("feature"))
            each = cast(one.c.value, JSON)
            says = {
                "id": each.op("->>")(literal_column("'id'")),
                "value": each.op("->")(literal_column("'value'")),
                "__typename": quoted("ReconcileFeature"),
            }
            whole = func.json_agg(compiler.json_object([(key, says[name]) for key, name in below], c))
            return compiler.select(func.coalesce(whole, EMPTY_LIST)).select_from(one).scalar_subquery()
        case "__typename":
            return quoted("ReconcileCandidate")
    known: ColumnElement[Any] = c.c[part]
    return known


class RootReconcile(reads.Feature):
    """Which records are meant by what somebody else's table says."""

    cost = reads.Cost(0, 100)

    def plan(self, planner: Planner, asked: Asked) -> Reconcile:
        _count(planner)
        queries = asked.arguments["queries"]
        sent = planner.count("reconciliations", len(queries))
        if sent > reconcile.MOST_QUERIES:
            before = " with the reconciliations before it" if sent > len(queries) else ""
            raise BadRequest(
                f"has {sent} queries{before}; send at most {reconcile.MOST_QUERIES} at once",
                where="reconcile.queries",
            )
        most = len(queries) * reconcile.MOST_CANDIDATES
        planner.rows += asked.times * most
        parts: list[tuple[str, Candidate | None]] = []
        for key, nodes in planner.collected("ReconcileResult", asked.below):
            is_name = nodes[0].name.value == "__typename"
            parts.append((key, None if is_name else self._candidate(planner, asked.each(nodes, most))))
        return Reconcile(asked.key, queries, tuple(parts))

    def _candidate(self, planner: Planner, asked: Asked) -> Candidate:
        parts: list[tuple[str, str, p.Parts | p.End | None]] = []
        for key, nodes in planner.collected("ReconcileCandidate", asked.below):
            part = nodes[0].name.value
            each = asked.each(nodes)
            below: p.Parts | p.End | None = None
            if part == "features":
                below = planner.parts("ReconcileFeature", each.below)
            elif part == "record":
                below = planner.end(key, "candidate", each, tuple(reconcile.TYPES))
            parts.append((key, part, below))
        return Candidate(tuple(parts))


input_type(
    "ReconcileProperty",
    "Something else that is known of what is meant",
    [
        InputMember("pid", str, f"One of {', '.join(reconcile.PROPERTIES)}", required=True),
        InputMember(
            "v", JSONValue, 'A text, a number, a record as {"id": ...}, or a list of these', required=True
        ),
    ],
)
input_type(
    "ReconcileQuery",
    "A name, address or identifier as somebody wrote it (W3C Reconciliation Service API 0.2)",
    [
        InputMember("query", str, f"What was written, at most {reconcile.LONGEST_TEXT} characters"),
        InputMember("type", list[str], f"Only of these types: {', '.join(reconcile.TYPES)}"),
        InputMember(
            "limit",
            int,
            f"At most so many candidates, up to {reconcile.MOST_CANDIDATES}; "
            f"{reconcile.DEFAULT_CANDIDATES} by default",
        ),
        InputMember("properties", "[ReconcileProperty!]", "What else is known"),
    ],
)
object_type(
    "ReconcileFeature",
    "What speaks for or against a candidate. "
    + ". ".join(f"{name}: {doc}" for name, doc in reconcile.FEATURES.items()),
    [
        Member("id", str, "Which it is", reads.Part("id")),
        Member("value", JSONValue, "A number or a truth value", reads.Part("value")),
    ],
)
object_type(
    "ReconcileCandidate",
    "A record that may be meant",
    [
        Member("id", strawberry.ID, "The record's public id", reads.Part("id")),
        Member("name", str, "What people call it", reads.Part("name")),
        Member("description", str | None, "What tells it from its namesakes", reads.Part("description")),
        Member("score", float, "How surely it is meant, 0 to 100", reads.Value("score")),
        Member("match", bool, "Whether it is sure enough to be taken unasked", reads.Part("match")),
        Member("features", "[ReconcileFeature!]!", "What the score is made of", reads.Part("features")),
        Member("record", "CityEntity!", "The record", reads.Part("record")),
    ],
)
object_type(
    "ReconcileResult",
    "What may be meant by a query",
    [Member("candidates", "[ReconcileCandidate!]!", "The best first", reads.Part("candidates"))],
)
