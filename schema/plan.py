"""Validated document -> plan: what to read, as frozen dataclasses that can be printed, costed and tested.

The plan knows entities, not SQL; compile.py turns it into one statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
)

from schema import reads
from schema.arguments import Arguments, Leaf, Tree, required
from schema.declare import READ, camel
from schema.filters import PREDICATES
from schema.ordering import Direction
from schema.places import WGS84, is_known_crs
from schema.scalars import Lang
from twin import search
from twin.entities import BY_NAME, IDENTIFIERS, Entity
from twin.errors import BadRequest
from twin.fields import GEOJSON_DIGITS
from twin.identity import split_id
from twin.reconcile import MOST_CANDIDATES, MOST_QUERIES, TYPES
from twin.settings import Settings

#: what a link may tie together
_ENDS = tuple(name for name, entity in BY_NAME.items() if entity.is_city_entity)
#: PostgreSQL's rows have at most 1,664 columns
_FIELDS_CEILING = 500
_CONDITIONS_CEILING = 300
#: places that one geocoding gives at most
GEOCODE_CEILING = 100
#: searches, geocodings and reconciliations of one operation: each looks at far more than it gives
MOST_LOOKUPS = 10
#: records that one search gives at most
SEARCH_CEILING = 100


# --- what is asked of a row ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Constant:
    """A value that needs no data: __typename."""

    key: str
    value: str


@dataclass(frozen=True)
class PublicId:
    key: str


@dataclass(frozen=True)
class Address:
    """The dereferenceable URI."""

    key: str


@dataclass(frozen=True)
class Label:
    key: str
    lang: str


@dataclass(frozen=True)
class Value:
    key: str
    name: str


@dataclass(frozen=True)
class Coded:
    """A CodedValue: pairs of response key and part (code, scheme, BG or EN for a label, a type's name)."""

    key: str
    name: str
    scheme: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Shape:
    key: str
    name: str
    what: str
    crs: int
    precision: int
    simplify: Leaf | None


@dataclass(frozen=True)
class Distance:
    key: str
    to: Place


@dataclass(frozen=True)
class Levels:
    """The levels of detail of a building."""

    key: str


@dataclass(frozen=True)
class AtLevel:
    """A building's shape at one level of detail."""

    key: str
    level: Leaf


@dataclass(frozen=True)
class Identifiers:
    """An entity's identifiers: pairs of response key and part (scheme, value, uri or __typename)."""

    key: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SameAs:
    """The URIs by which others know an entity."""

    key: str


@dataclass(frozen=True)
class One:
    """The entity that this row's link names."""

    key: str
    name: str
    target: Entity
    items: Items


@dataclass(frozen=True)
class AllOf:
    """Sources of a row, or every row of a small entity at the root, as a plain list."""

    key: str
    target: Entity
    items: Items
    of_row: bool


@dataclass(frozen=True)
class End:
    """A link's subject or object: what to read of it, by entity."""

    key: str
    side: str
    choices: tuple[tuple[Entity, Items], ...]


@dataclass(frozen=True)
class Single:
    """One row of the root: by id, or by an identifier of a scheme."""

    key: str
    target: Entity
    value: Leaf
    items: Items
    scheme: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A candidate: pairs of response key and part, those of features and the record with what is below."""

    parts: tuple[tuple[str, str, tuple[tuple[str, str], ...] | End | None], ...]


@dataclass(frozen=True)
class Reconcile:
    """A result for each of the queries; its parts are the candidates, or None for __typename."""

    key: str
    queries: Tree
    parts: tuple[tuple[str, Candidate | None], ...]


# --- conditions -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Place:
    """A geometry argument: its tree, and the argument path that errors name."""

    tree: Tree
    where: str
    entity: Entity | None = None  #: of the entity whose geometry is meant
    of: Place | None = None  #: what a buffer is around


@dataclass(frozen=True)
class All:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Either:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    condition: Condition


@dataclass(frozen=True)
class Compare:
    """`op` is eq, ne, in, lt, lte, gt, gte, startsWith, contains, search, has, isNull or notNull."""

    name: str
    op: str
    value: Leaf | None
    where: str


@dataclass(frozen=True)
class Spatial:
    name: str
    predicate: str
    place: Place
    within_m: Leaf | None = None


@dataclass(frozen=True)
class Through:
    """The linked entity is so."""

    name: str
    target: Entity
    condition: Condition


@dataclass(frozen=True)
class Among:
    """Some, every or none of the entities that hang from this one are so."""

    name: str
    target: Entity
    quantifier: str
    condition: Condition


Condition = All | Either | Not | Compare | Spatial | Through | Among


# --- pages ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Order:
    """One key of an order: a field, or the distance to a place."""

    name: str | None
    descending: bool
    place: Place | None = None


@dataclass(frozen=True)
class Edge:
    """Parts of an edge in the order asked: (response key, part, items of its node)."""

    key: str
    parts: tuple[tuple[str, str, Items], ...]


@dataclass(frozen=True)
class Nodes:
    key: str
    items: Items


@dataclass(frozen=True)
class PageInfo:
    key: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TotalCount:
    key: str


@dataclass(frozen=True)
class Page:
    """A connection. `via` is the parent's list attribute, None at the root, or 'links'."""

    key: str
    entity: Entity
    via: str | None
    condition: Condition | None
    order: tuple[Order, ...]
    size: int
    backwards: bool
    cursor: Leaf | None
    parts: tuple[Edge | Nodes | PageInfo | TotalCount | Constant, ...]


@dataclass(frozen=True)
class Search:
    """The records that best answer a text, the best first."""

    key: str
    text: Leaf
    types: Leaf | None
    near: Place | None
    size: int
    parts: tuple[Edge | End | Constant, ...]


@dataclass(frozen=True)
class Understood:
    """The parts of an address that a geocoding read: pairs of response key and part."""

    key: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Geocode:
    """The places that a text means, or that a place has; one of the two is given."""

    key: str
    text: Leaf | None
    at: Place | None
    within_m: Leaf | None
    size: int
    items: Items


Item = (
    Understood
    | Geocode
    | Constant
    | PublicId
    | Address
    | Label
    | Value
    | Coded
    | Shape
    | Distance
    | Levels
    | AtLevel
    | Identifiers
    | SameAs
    | One
    | AllOf
    | End
    | Single
    | Reconcile
    | Page
    | Search
)
Items = tuple[Item, ...]


@dataclass(frozen=True)
class Plan:
    """A whole operation: its root fields, and how many rows it may read at most."""

    items: Items
    rows: int
    introspects: bool = field(default=False)


# --- planning -------------------------------------------------------------------------------------------
class Planner:
    """Plans one operation of a validated document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        settings: Settings,
        *,
        typed: bool = False,
    ) -> None:
        """With `typed`, records behind an interface carry their __typename even where it is not asked."""
        self.schema = schema
        self.arguments = Arguments(operation, variables)
        self.settings = settings
        self._operation = operation
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._typed = typed
        self._introspects = False
        self._conditions = 0
        self._lookups = 0
        self._reconciled = 0

    def plan(self) -> Plan:
        """The plan; BadRequest where an argument's value or the whole's cost is not allowed."""
        if self._operation.operation != OperationType.QUERY:
            raise BadRequest(f"this is a {self._operation.operation.value}, and only queries are planned")
        root = self.schema.query_type
        assert root is not None
        items, rows = self._items(root, None, [self._operation.selection_set], 1, 1)
        if rows > self.settings.rows_ceiling:
            raise BadRequest(
                f"the operation may read up to {rows:,} rows; {self.settings.rows_ceiling:,} are allowed: "
                "ask for fewer with first, above all in nested lists"
            )
        return Plan(items, rows, self._introspects)

    # selections
    def collected(
        self, type_: GraphQLObjectType, selection_sets: Sequence[Any]
    ) -> Iterator[tuple[str, list[FieldNode]]]:
        """What selections of a type ask for, by response key; fragments and directives resolved."""
        fields: dict[str, list[FieldNode]] = {}
        for selection_set in selection_sets:
            self._gather(type_, selection_set, fields, set())
        yield from fields.items()

    def _gather(
        self, type_: GraphQLObjectType, selection_set: Any, fields: dict[str, list[FieldNode]], seen: set[str]
    ) -> None:
        for selection in selection_set.selections:
            if not self._included(selection):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                fields.setdefault(key, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                if self._applies(type_, selection.type_condition):
                    self._gather(type_, selection.selection_set, fields, seen)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                fragment = self._fragments[name]
                if name not in seen and self._applies(type_, fragment.type_condition):
                    seen.add(name)
                    self._gather(type_, fragment.selection_set, fields, seen)

    def _included(self, selection: Any) -> bool:
        for directive in selection.directives or ():
            name = directive.name.value
            if name in ("include", "skip"):
                declared = self.schema.get_directive(name)
                condition = self.arguments.fix(self.arguments.of_field(declared, directive)["if"])
                if condition is not (name == "include"):
                    return False
        return True

    def _applies(self, type_: GraphQLObjectType, condition: Any) -> bool:
        if condition is None or condition.name.value == type_.name:
            return True
        named = self.schema.type_map[condition.name.value]
        return isinstance(named, GraphQLInterfaceType) and self.schema.is_sub_type(named, type_)

    def _items(
        self,
        type_: GraphQLObjectType,
        entity: Entity | None,
        selection_sets: Sequence[Any],
        times: int,
        depth: int,
    ) -> tuple[Items, int]:
        """What is asked of a row of this type, and how many rows that may read, read `times` over."""
        if depth > self.settings.depth_ceiling:
            raise BadRequest(f"fields are nested deeper than {self.settings.depth_ceiling} levels of records")
        items: list[Item] = []
        rows = 0
        for key, nodes in self.collected(type_, selection_sets):
            if len(items) >= _FIELDS_CEILING:
                raise BadRequest(f"more than {_FIELDS_CEILING} fields of one {type_.name} are asked for")
            name = nodes[0].name.value
            if name == "__typename":
                items.append(Constant(key, type_.name))
                continue
            if name in ("__schema", "__type"):
                self._introspects = True
                continue
            declared = type_.fields[name]
            item, read = self._item(key, nodes, declared, entity, times, depth)
            items.append(item)
            rows += read
        return tuple(items), rows

    def _item(
        self,
        key: str,
        nodes: list[FieldNode],
        declared: Any,
        entity: Entity | None,
        times: int,
        depth: int,
    ) -> tuple[Item, int]:
        read: reads.Read = declared.extensions["strawberry-definition"].metadata[READ]
        arguments = self.arguments.of_field(declared, nodes[0])
        below = [node.selection_set for node in nodes if node.selection_set]
        name = nodes[0].name.value

        match read:
            case reads.Id():
                return PublicId(key), 0
            case reads.Uri():
                return Address(key), 0
            case reads.Label():
                return Label(key, self._lang(arguments)), 0
            case reads.Value(column):
                return Value(key, column), 0
            case reads.Coded(column, scheme):
                return Coded(key, column, scheme, self._coded_parts(below)), times
            case reads.Shape():
                return self._shape(key, read, arguments, entity), 0
            case reads.Distance():
                return Distance(key, self._place(arguments["to"], f"{name}.to")), 0
            case reads.Levels():
                return Levels(key), times
            case reads.AtLevel():
                return AtLevel(key, required(arguments["level"], f"{name}.level", "say which")), times
            case reads.ToOne(column, target):
                items, rows = self._entity(target, below, times, depth)
                return One(key, column, BY_NAME[target], items), rows + times
            case reads.ToMany(attribute, target):
                return self._page(key, name, target, attribute, arguments, declared, below, times, depth)
            case reads.LinksOf():
                return self._page(key, name, "Link", "links", arguments, declared, below, times, depth)
            case reads.SourcesOf():
                items, rows = self._entity("Source", below, times, depth)
                return AllOf(key, BY_NAME["Source"], items, of_row=True), rows + times
            case reads.IdentifiersOf():
                return Identifiers(key, self._simple_parts("Identifier", below)), times
            case reads.SameAs():
                return SameAs(key), 0
            case reads.RootList(target):
                items, rows = self._entity(target, below, times, depth)
                return AllOf(key, BY_NAME[target], items, of_row=False), rows + times
            case reads.LinkEnd(side):
                return self._end(key, side, below, times, depth)
            case reads.Root(target):
                return self._page(key, name, target, None, arguments, declared, below, times, depth)
            case reads.RootNotices():
                return self._notices(key, name, arguments, declared, below, times, depth)
            case reads.RootSearch():
                return self._search(key, name, arguments, declared, below, times, depth)
            case reads.RootGeocode() | reads.RootReverseGeocode():
                return self._geocode(key, name, arguments, below, times, depth)
            case reads.Understood():
                return Understood(key, self._simple_parts("AddressParts", below)), 0
            case reads.RootNode():
                return self._node(key, arguments, below, times, depth)
            case reads.RootReconcile():
                return self._reconcile(key, arguments["queries"], below, times, depth)
            case reads.RootIdentifier():
                scheme = self.arguments.fix(arguments["scheme"]).value
                target_entity, _ = IDENTIFIERS[scheme]
                items, rows = self._behind_interface(target_entity.name, below, times, depth)
                leaf = required(arguments["value"], f"{name}.value", "give the identifier's text")
                return Single(key, target_entity, leaf, items, scheme), rows + times
        raise TypeError(f"{read} cannot be planned")

    def _entity(self, name: str, below: Sequence[Any], times: int, depth: int) -> tuple[Items, int]:
        type_ = self.schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType)
        return self._items(type_, BY_NAME[name], below, times, depth + 1)

    def _behind_interface(self, name: str, below: Sequence[Any], times: int, depth: int) -> tuple[Items, int]:
        items, rows = self._entity(name, below, times, depth)
        if self._typed and not any(item.key == "__typename" for item in items):
            items = (*items, Constant("__typename", name))
        return items, rows

    def _end(
        self, key: str, side: str, below: Sequence[Any], times: int, depth: int, names: Sequence[str] = _ENDS
    ) -> tuple[End, int]:
        choices = []
        most = 0
        for name in names:
            items, rows = self._behind_interface(name, below, times, depth)
            choices.append((BY_NAME[name], items))
            most = max(most, rows)
        return End(key, side, tuple(choices)), most + times

    def _count_lookup(self) -> None:
        self._lookups += 1
        if self._lookups > MOST_LOOKUPS:
            raise BadRequest(
                f"more than {MOST_LOOKUPS} of search, geocode, reverseGeocode and reconcile are asked for; "
                "send the others in operations of their own"
            )

    def _search(
        self, key: str, name: str, arguments: dict[str, Tree], declared: Any, below: Sequence[Any],
        times: int, depth: int,
    ) -> tuple[Item, int]:  # fmt: skip
        self._count_lookup()
        near = arguments.get("near")
        size = self.settings.page_default
        if arguments.get("first") is not None:
            size = self.arguments.fix(arguments["first"])
            if not 0 <= size <= SEARCH_CEILING:
                raise BadRequest(f"is {size}; ask for 0 to {SEARCH_CEILING} records", where=f"{name}.first")
        connection = get_named_type(declared.type)
        assert isinstance(connection, GraphQLObjectType)
        parts: list[Edge | End | Constant] = []
        rows = 0
        for part_key, nodes in self.collected(connection, below):
            inner = [node.selection_set for node in nodes if node.selection_set]
            match nodes[0].name.value:
                case "__typename":
                    parts.append(Constant(part_key, connection.name))
                case "nodes":
                    node, read = self._end(part_key, "hit", inner, times * size, depth, search.TYPES)
                    parts.append(node)
                    rows += read
                case _:
                    edge, read = self._hit(part_key, inner, times * size, depth)
                    parts.append(edge)
                    rows += read
        item = Search(
            key,
            required(arguments["text"], f"{name}.text", "give the text to look for"),
            arguments.get("types"),
            self._place(near, f"{name}.near") if near is not None else None,
            size,
            tuple(parts),
        )
        return item, rows

    def _hit(self, key: str, below: Sequence[Any], times: int, depth: int) -> tuple[Edge, int]:
        """An edge of a search: its node is of any entity, what matched is an object of its own."""
        type_ = self.schema.type_map["SearchEdge"]
        assert isinstance(type_, GraphQLObjectType)
        parts: list[tuple[str, str, Items]] = []
        rows = 0
        for part_key, nodes in self.collected(type_, below):
            part = nodes[0].name.value
            inner = [node.selection_set for node in nodes if node.selection_set]
            items: Items = ()
            if part == "node":
                end, read = self._end(part_key, "hit", inner, times, depth, search.TYPES)
                items = (end,)
                rows += read
            elif part == "matched":
                items = tuple(
                    Constant(k, "SearchMatch") if name == "__typename" else Value(k, name)
                    for k, name in self._simple_parts("SearchMatch", inner)
                )
            parts.append((part_key, part, items))
        return Edge(key, tuple(parts)), rows

    def _geocode(
        self, key: str, name: str, arguments: dict[str, Tree], below: Sequence[Any], times: int, depth: int
    ) -> tuple[Item, int]:
        self._count_lookup()
        size = self.arguments.fix(required(arguments["first"], f"{name}.first", "give a number"))
        if not 0 <= size <= GEOCODE_CEILING:
            raise BadRequest(f"is {size}; ask for 0 to {GEOCODE_CEILING} places", where=f"{name}.first")
        type_ = self.schema.type_map["GeocodeMatch"]
        assert isinstance(type_, GraphQLObjectType)
        # its rows are of no entity; a link's have neither geometry nor computed values either
        items, rows = self._items(type_, BY_NAME["Link"], below, times * size, depth + 1)
        text = at = within = None
        if "text" in arguments:
            text = required(arguments["text"], f"{name}.text", "give the text of an address")
        else:
            at = self._place(arguments["at"], f"{name}.at")
            within = required(arguments["withinM"], f"{name}.withinM", "give metres")
        return Geocode(key, text, at, within, size, items), rows + times * size

    def _node(
        self, key: str, arguments: dict[str, Tree], below: Sequence[Any], times: int, depth: int
    ) -> tuple[Item, int]:
        leaf = required(arguments["id"], "node.id", "give an id such as District:68134-09")
        name = self.arguments.fix(leaf, _type_of_id)
        if name not in BY_NAME:
            raise BadRequest(
                f'there is no type "{name}"; an id begins with one of {", ".join(BY_NAME)}', where="node.id"
            )
        items, rows = self._behind_interface(name, below, times, depth)
        return Single(key, BY_NAME[name], leaf, items), rows + times

    def _reconcile(
        self, key: str, queries: Tree, below: Sequence[Any], times: int, depth: int
    ) -> tuple[Item, int]:
        self._count_lookup()
        before = " with the reconciliations before it" if self._reconciled else ""
        self._reconciled += len(queries)
        if self._reconciled > MOST_QUERIES:
            raise BadRequest(
                f"has {self._reconciled} queries{before}; send at most {MOST_QUERIES} at once",
                where="reconcile.queries",
            )
        times *= len(queries) * MOST_CANDIDATES
        rows = times
        parts: list[tuple[str, Candidate | None]] = []
        for part_key, nodes in self.collected(self._object_type("ReconcileResult"), below):
            if nodes[0].name.value == "__typename":
                parts.append((part_key, None))
                continue
            said: list[tuple[str, str, tuple[tuple[str, str], ...] | End | None]] = []
            inner = [node.selection_set for node in nodes if node.selection_set]
            for each_key, each in self.collected(self._object_type("ReconcileCandidate"), inner):
                part = each[0].name.value
                deeper = [node.selection_set for node in each if node.selection_set]
                if part == "features":
                    said.append((each_key, part, self._simple_parts("ReconcileFeature", deeper)))
                elif part == "record":
                    end, read = self._end(each_key, "candidate", deeper, times, depth, tuple(TYPES))
                    said.append((each_key, part, end))
                    rows += read
                else:
                    said.append((each_key, part, None))
            parts.append((part_key, Candidate(tuple(said))))
        return Reconcile(key, queries, tuple(parts)), rows

    def _object_type(self, name: str) -> GraphQLObjectType:
        type_ = self.schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType)
        return type_

    def _coded_parts(self, below: Sequence[Any]) -> tuple[tuple[str, str], ...]:
        type_ = self.schema.type_map["CodedValue"]
        assert isinstance(type_, GraphQLObjectType)
        parts = []
        for key, nodes in self.collected(type_, below):
            name = nodes[0].name.value
            if name == "label":
                parts.append((key, self._lang(self.arguments.of_field(type_.fields[name], nodes[0]))))
            else:
                parts.append((key, name))
        return tuple(parts)

    def _lang(self, arguments: dict[str, Tree]) -> str:
        leaf = arguments.get("lang")
        lang = self.arguments.fix(leaf) if leaf is not None else Lang.BG
        return lang.value if isinstance(lang, Lang) else str(lang)

    def _shape(self, key: str, read: reads.Shape, arguments: dict[str, Tree], entity: Entity | None) -> Shape:
        assert entity is not None
        name = read.name or entity.geometry
        assert name is not None
        crs = self.arguments.fix(arguments["crs"]) if arguments.get("crs") is not None else 4326
        precision = GEOJSON_DIGITS
        if arguments.get("precision") is not None:
            precision = self.arguments.fix(arguments["precision"])
        if not 0 <= precision <= 15:
            raise BadRequest(f"is {precision}; ask for 0 to 15 decimal places", where=f"{key}.precision")
        _check_crs(crs, f"{key}.crs")
        return Shape(key, name, read.what, crs, precision, arguments.get("simplifyM"))

    # pages
    def _notices(
        self, key: str, name: str, arguments: dict[str, Tree], declared: Any, below: Sequence[Any],
        times: int, depth: int,
    ) -> tuple[Item, int]:  # fmt: skip
        extra: list[Condition] = []
        if arguments.get("source") is not None:
            extra.append(Compare("source", "key", arguments["source"], f"{name}.source"))
        if arguments.get("rule") is not None:
            extra.append(Compare("rule", "eq", arguments["rule"], f"{name}.rule"))
        return self._page(key, name, "Notice", None, arguments, declared, below, times, depth, extra)

    def _page(
        self, key: str, name: str, target: str, via: str | None, arguments: dict[str, Tree], declared: Any,
        below: Sequence[Any], times: int, depth: int, extra: Sequence[Condition] = (),
    ) -> tuple[Item, int]:  # fmt: skip
        entity = BY_NAME[target]
        conditions = list(extra)
        if arguments.get("where") is not None:
            conditions.append(self._condition(entity, arguments["where"], f"{name}.where"))
        size, backwards, cursor = self._extent(name, arguments)
        order = self._order(entity, arguments.get("orderBy"), f"{name}.orderBy")
        connection = get_named_type(declared.type)
        assert isinstance(connection, GraphQLObjectType)
        parts: list[Edge | Nodes | PageInfo | TotalCount | Constant] = []
        rows = 0
        for part_key, nodes in self.collected(connection, below):
            part = nodes[0].name.value
            inner = [node.selection_set for node in nodes if node.selection_set]
            if part == "__typename":
                parts.append(Constant(part_key, connection.name))
            elif part == "nodes":
                items, read = self._entity(target, inner, times * size, depth)
                parts.append(Nodes(part_key, items))
                rows += read + times * size
            elif part == "edges":
                edge, read = self._edge(part_key, target, inner, times * size, depth)
                parts.append(edge)
                rows += read + times * size
            elif part == "pageInfo":
                parts.append(PageInfo(part_key, self._simple_parts("PageInfo", inner)))
            else:
                parts.append(TotalCount(part_key))
        condition = All(tuple(conditions)) if conditions else None
        return Page(key, entity, via, condition, order, size, backwards, cursor, tuple(parts)), rows

    def _edge(self, key: str, target: str, below: Sequence[Any], times: int, depth: int) -> tuple[Edge, int]:
        type_ = self.schema.type_map[f"{target}Edge"]
        assert isinstance(type_, GraphQLObjectType)
        parts: list[tuple[str, str, Items]] = []
        rows = 0
        for key_, nodes in self.collected(type_, below):
            part = nodes[0].name.value
            items: Items = ()
            if part == "node":
                inner = [node.selection_set for node in nodes if node.selection_set]
                items, read = self._entity(target, inner, times, depth)
                rows += read
            parts.append((key_, part, items))
        return Edge(key, tuple(parts)), rows

    def _simple_parts(self, type_name: str, below: Sequence[Any]) -> tuple[tuple[str, str], ...]:
        type_ = self.schema.type_map[type_name]
        assert isinstance(type_, GraphQLObjectType)
        return tuple((key, nodes[0].name.value) for key, nodes in self.collected(type_, below))

    def _extent(self, name: str, arguments: dict[str, Tree]) -> tuple[int, bool, Leaf | None]:
        first, last = arguments.get("first"), arguments.get("last")
        after, before = arguments.get("after"), arguments.get("before")
        if (first is not None or after is not None) and (last is not None or before is not None):
            raise BadRequest("give first and after, or last and before, not both", where=name)
        backwards = last is not None or before is not None
        leaf = last if backwards else first
        size = self.settings.page_default
        if leaf is not None:
            size = self.arguments.fix(leaf)
            ceiling = self.settings.page_ceiling
            if not 0 <= size <= ceiling:
                which = "last" if backwards else "first"
                raise BadRequest(f"is {size}; ask for 0 to {ceiling:,} rows", where=f"{name}.{which}")
        return size, backwards, before if backwards else after

    def _order(self, entity: Entity, trees: Tree, where: str) -> tuple[Order, ...]:
        orders: list[Order] = []
        for i, tree in enumerate(trees or ()):
            place = f"{where}[{i}]"
            if not tree or len(tree) != 1:
                raise BadRequest("give exactly one field to order by", where=place)
            ((name, leaf),) = tree.items()
            if leaf is None:
                raise BadRequest(f"{name} is null; say ASC or DESC", where=place)
            if name == "distance":
                orders.append(Order(None, False, self._place(leaf, f"{place}.distance")))
            else:
                descending = self.arguments.fix(leaf) == Direction.DESC
                orders.append(Order(_attribute(entity, name), descending))
        return tuple(orders)

    # conditions
    def _condition(self, entity: Entity, tree: Tree, where: str) -> Condition:
        found: list[Condition] = []
        self._conditions += 1
        if self._conditions > _CONDITIONS_CEILING:
            raise BadRequest(f"has more than {_CONDITIONS_CEILING} conditions", where=where.partition(".")[0])
        for name, inner in tree.items():
            place = f"{where}.{name}"
            if inner is None:
                continue
            if name == "and":
                found += [self._condition(entity, one, f"{place}[{i}]") for i, one in enumerate(inner)]
            elif name == "or":
                either = [self._condition(entity, one, f"{place}[{i}]") for i, one in enumerate(inner)]
                found.append(Either(tuple(either)))
            elif name == "not":
                found.append(Not(self._condition(entity, inner, place)))
            else:
                found.append(self._field_condition(entity, name, inner, place))
        return found[0] if len(found) == 1 else All(tuple(found))

    def _field_condition(self, entity: Entity, name: str, tree: Tree, where: str) -> Condition:
        attribute = _attribute(entity, name)
        if attribute in entity.lists:
            many = entity.lists[attribute]
            target = BY_NAME[many.target]
            return All(
                tuple(
                    Among(
                        attribute, target, quantifier, self._condition(target, inner, f"{where}.{quantifier}")
                    )
                    for quantifier, inner in tree.items()
                    if inner is not None
                )
            )
        if attribute in entity.links:
            target = BY_NAME[entity.links[attribute]]
            return Through(attribute, target, self._condition(target, tree, where))
        known = entity.fields.get(attribute)
        if known is not None and known.geometry:
            return self._spatial(attribute, tree, where)
        return All(
            tuple(
                self._compare(attribute, operator, leaf, f"{where}.{operator}")
                for operator, leaf in tree.items()
            )
        )

    def _compare(self, name: str, operator: str, tree: Tree, where: str) -> Compare:
        leaf = required(tree, where, "to ask for null, say isNull: true")
        if operator == "isNull":
            return Compare(name, "isNull" if self.arguments.fix(leaf) else "notNull", None, where)
        return Compare(name, operator, leaf, where)

    def _spatial(self, name: str, tree: Tree, where: str) -> Condition:
        given = [(operator, inner) for operator, inner in tree.items() if inner is not None]
        if len(given) != 1:
            raise BadRequest("give exactly one spatial operator", where=where)
        ((operator, inner),) = given
        place = f"{where}.{operator}"
        if operator == "dwithin":
            return Spatial(name, "dwithin", self._place(inner["of"], f"{place}.of"), inner["withinM"])
        if operator == "bbox":
            return Spatial(name, "intersects", Place({"bbox": inner}, place))
        assert operator in PREDICATES
        return Spatial(name, operator, self._place(inner, place))

    def _place(self, tree: Tree, where: str) -> Place:
        given = [(kind, inner) for kind, inner in (tree or {}).items() if inner is not None]
        if len(given) != 1:
            raise BadRequest("say a place in exactly one way", where=where)
        ((kind, inner),) = given
        if kind == "entity":
            name = self.arguments.fix(inner, _type_of_id)
            spatial = [one.name for one in BY_NAME.values() if one.geometry]
            if name not in spatial:
                raise BadRequest(
                    f'"{name}" has no geometry; those that have one are {", ".join(spatial)}',
                    where=f"{where}.entity",
                )
            return Place({kind: inner}, f"{where}.entity", entity=BY_NAME[name])
        if kind == "buffer":
            of = self._place(inner["of"], f"{where}.buffer.of")
            return Place({kind: inner}, f"{where}.buffer", of=of)
        return Place({kind: inner}, f"{where}.{kind}")


def _type_of_id(text: str) -> str:
    return split_id(text)[0]


_attributes: dict[str, dict[str, str]] = {}


def _attribute(entity: Entity, public: str) -> str:
    if entity.name not in _attributes:
        names = [*entity.fields, *entity.computed, *entity.lists]
        _attributes[entity.name] = {camel(name): name for name in names} | {"id": "key"}
    return _attributes[entity.name][public]


def _check_crs(crs: int, where: str) -> None:
    if crs != WGS84 and not is_known_crs(crs):
        raise BadRequest(f"there is no EPSG:{crs}", where=where)
