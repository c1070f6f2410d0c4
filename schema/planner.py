"""Validated document -> plan: walks the selections, resolves fragments, directives and variables.

A subject of its own, such as search, plans itself with what the Planner offers: see reads.Feature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
)

from schema import plan as p
from schema import reads
from schema.arguments import Arguments, Leaf, Tree, required
from schema.cost import BUFFERED, COUNTED, TOLD, TOLD_OF, UNITED, Account, cost_of, of_condition, of_order
from schema.declare import READ, camel
from schema.filters import PREDICATES
from schema.ordering import Direction
from schema.places import WGS84, alike, is_known_crs
from schema.scalars import Lang
from twin.entities import BY_NAME, IDENTIFIERS, Entity
from twin.errors import BadRequest
from twin.fields import GEOJSON_DIGITS
from twin.identity import split_id
from twin.settings import Settings

#: what a link may tie together
_ENDS = tuple(name for name, entity in BY_NAME.items() if entity.is_city_entity)
#: PostgreSQL's rows have at most 1,664 columns
_FIELDS_CEILING = 500
#: of one operation, wherever its fragments are spread: a short document could ask for millions
_ALL_FIELDS_CEILING = 2_000
#: keys that one order may have
_KEYS_CEILING = 10
_CONDITIONS_CEILING = 300
_PLACES_CEILING = 300


@dataclass(frozen=True)
class Asked:
    """A field that is asked for: where it stands, and what is selected below it."""

    key: str  #: the response key
    name: str
    declared: GraphQLField
    arguments: Mapping[str, Tree]
    below: Sequence[SelectionSetNode]
    entity: Entity | None  #: what the row around it is of; None at the root
    times: int  #: how many such rows there are at most
    depth: int  #: how many records deep it stands
    ends: Sequence[str] = _ENDS  #: what a record may be that the row around it names with its type

    def each(self, nodes: Sequence[FieldNode], rows: int = 1) -> Asked:
        """What is selected below some of its fields, of each of at most so many rows."""
        return replace(self, below=_below(nodes), times=self.times * rows)

    def repeated(self, rows: int) -> Asked:
        """What is selected below it, of each of at most so many rows."""
        return replace(self, times=self.times * rows)


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
        self.account = Account()
        #: the pages around what is being planned, outermost first, with no parts yet
        self.pages: list[p.Page] = []
        self._operation = operation
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._typed = typed
        self._introspects = False
        self._conditions = 0
        self._counted: dict[str, int] = {}

    def plan(self) -> p.Plan:
        """The plan, which says what it costs; BadRequest where an argument's value is not allowed."""
        if self._operation.operation != OperationType.QUERY:
            raise BadRequest(f"this is a {self._operation.operation.value}, and only queries are planned")
        root = self.schema.query_type
        assert root is not None
        items = self._items(root, None, [self._operation.selection_set], 1, 1)
        return p.Plan(items, self.account.bill(), self._introspects)

    @property
    def rows(self) -> int:
        """How many rows what is planned so far may read at most; whoever plans a list adds to it."""
        return self.account.rows

    @rows.setter
    def rows(self, rows: int) -> None:
        self.account.rows = rows

    def count(self, what: str, more: int = 1) -> int:
        """How many of something the whole operation has by now, with these."""
        self._counted[what] = self._counted.get(what, 0) + more
        return self._counted[what]

    # selections
    def collected(
        self, type_: str | GraphQLObjectType, selection_sets: Sequence[SelectionSetNode]
    ) -> Iterator[tuple[str, list[FieldNode]]]:
        """What selections of a type ask for, by response key; fragments and directives resolved."""
        fields: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in selection_sets:
            self._gather(self.object_type(type_), selection_set, fields, seen)
        if self.count("fields", len(fields)) > _ALL_FIELDS_CEILING:
            raise BadRequest(
                f"more than {_ALL_FIELDS_CEILING:,} fields are asked for, each counted wherever its fragment "
                "is spread and for each type behind an interface; send several operations"
            )
        yield from fields.items()

    def object_type(self, type_: str | GraphQLObjectType) -> GraphQLObjectType:
        """An object type of the schema by its name."""
        found = self.schema.type_map[type_] if isinstance(type_, str) else type_
        assert isinstance(found, GraphQLObjectType)
        return found

    def _gather(
        self,
        type_: GraphQLObjectType,
        selection_set: SelectionSetNode,
        fields: dict[str, list[FieldNode]],
        seen: set[str],
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
        return is_abstract_type(named) and self.schema.is_sub_type(named, type_)

    def _items(
        self,
        type_: GraphQLObjectType,
        entity: Entity | None,
        selection_sets: Sequence[SelectionSetNode],
        times: int,
        depth: int,
        ends: Sequence[str] = _ENDS,
    ) -> p.Items:
        """What is asked of a row of this type, of which there are at most so many."""
        if depth > self.settings.depth_ceiling:
            raise BadRequest(f"fields are nested deeper than {self.settings.depth_ceiling} levels of records")
        items: list[p.Item] = []
        for key, nodes in self.collected(type_, selection_sets):
            if len(items) >= _FIELDS_CEILING:
                raise BadRequest(f"more than {_FIELDS_CEILING} fields of one {type_.name} are asked for")
            name = nodes[0].name.value
            if name == "__typename":
                items.append(p.Constant(key, type_.name))
            elif name in ("__schema", "__type"):
                self._introspects = True
                with self.account.field(key, reads.Cost(), times):
                    self._told("__Schema" if name == "__schema" else "__Type", _below(nodes), 1)
            else:
                declared = type_.fields[name]
                arguments = self.arguments.of_field(declared, nodes[0])
                below = _below(nodes)
                with self.account.field(key, cost_of(_read(declared)), times):
                    asked = Asked(key, name, declared, arguments, below, entity, times, depth, ends)
                    items.append(self._item(asked))
        return tuple(items)

    def _told(self, type_: str, below: Sequence[SelectionSetNode], times: int) -> None:
        """Count what is told of the schema."""
        for _, nodes in self.collected(type_, below):
            self.account.spend(TOLD * times)
            declared = self.object_type(type_).fields.get(nodes[0].name.value)
            inner = _below(nodes)
            if declared is not None and inner:
                size = TOLD_OF.get(nodes[0].name.value, 1)
                self._told(get_named_type(declared.type).name, inner, times * size)

    def _item(self, asked: Asked) -> p.Item:
        read = _read(asked.declared)
        key, name, arguments = asked.key, asked.name, asked.arguments
        match read:
            case reads.Feature():
                return read.plan(self, asked)
            case reads.Id():
                return p.PublicId(key)
            case reads.Uri():
                return p.Address(key)
            case reads.Label():
                return p.Label(key, self._lang(arguments))
            case reads.Value(column):
                return p.Value(key, column)
            case reads.Coded(column, scheme):
                self.rows += asked.times
                return p.Coded(key, column, scheme, self.coded_parts(asked.below))
            case reads.Shape():
                return self._shape(read, asked)
            case reads.Distance():
                return p.Distance(key, self.place(arguments["to"], f"{name}.to"))
            case reads.Levels():
                self.rows += asked.times
                return p.Levels(key)
            case reads.AtLevel():
                self.rows += asked.times
                return p.AtLevel(key, required(arguments["level"], f"{name}.level", "say which"))
            case reads.ToOne(column, target):
                self.rows += asked.times
                return p.One(key, column, BY_NAME[target], self.record(target, asked))
            case reads.ToMany(attribute, target):
                return self.page(asked, target, attribute)
            case reads.LinksOf():
                return self.page(asked, "Link", "links")
            case reads.SourcesOf():
                self.rows += asked.times
                return p.AllOf(key, BY_NAME["Source"], self.record("Source", asked), of_row=True)
            case reads.IdentifiersOf():
                self.rows += asked.times
                return p.Identifiers(key, self.parts("Identifier", asked.below))
            case reads.SameAs():
                return p.SameAs(key)
            case reads.RootList(target):
                self.rows += asked.times
                return p.AllOf(key, BY_NAME[target], self.record(target, asked), of_row=False)
            case reads.LinkEnd(side):
                return self.end(key, side, asked, asked.ends)
            case reads.Root(target):
                return self.page(asked, target)
            case reads.RootNotices():
                return self._notices(asked)
            case reads.RootNode():
                return self._node(asked)
            case reads.RootIdentifier():
                scheme = self.arguments.fix(arguments["scheme"]).value
                target_entity, _ = IDENTIFIERS[scheme]
                self.rows += asked.times
                items = self._behind_interface(target_entity.name, asked)
                leaf = required(arguments["value"], f"{name}.value", "give the identifier's text")
                return p.Single(key, target_entity, leaf, items, scheme)
        raise TypeError(f"{read} cannot be planned")

    def record(self, name: str, asked: Asked) -> p.Items:
        """What is asked of the entity behind a field, one level deeper."""
        return self.fields(name, BY_NAME[name], asked)

    def fields(self, type_: str, entity: Entity | None, asked: Asked) -> p.Items:
        """What is asked of the rows behind a field: of an object type, and of an entity if of any."""
        return self._items(self.object_type(type_), entity, asked.below, asked.times, asked.depth + 1)

    def _behind_interface(self, name: str, asked: Asked) -> p.Items:
        items = self.record(name, asked)
        if self._typed and not any(item.key == "__typename" for item in items):
            items = (*items, p.Constant("__typename", name))
        return items

    def found(
        self, type_: str, side: str, asked: Asked, size: int, names: Sequence[str]
    ) -> tuple[p.FoundPart, ...]:
        """What is asked of a list that a subject of its own finds, `<type_>Connection`.

        Its nodes may be of any of these entities, told by the columns `<side>_type` and `<side>_key`.
        """
        parts: list[p.FoundPart] = []
        for key, nodes in self.collected(f"{type_}Connection", asked.below):
            each = asked.each(nodes, size)
            match nodes[0].name.value:
                case "__typename":
                    parts.append(p.Constant(key, f"{type_}Connection"))
                case "nodes":
                    parts.append(self.end(key, side, each, names))
                case _:
                    edge = self.object_type(f"{type_}Edge")
                    parts.append(
                        p.Edges(key, self._items(edge, None, each.below, each.times, each.depth, names))
                    )
        return tuple(parts)

    def end(self, key: str, side: str, asked: Asked, names: Sequence[str]) -> p.End:
        """A record of one of these entities, told by the columns `<side>_type` and `<side>_key`."""
        choices = self.account.dearest((BY_NAME[name], self._behind_interface(name, asked)) for name in names)
        self.rows += asked.times
        return p.End(key, side, tuple(choices))

    def parts(self, type_name: str, below: Sequence[SelectionSetNode]) -> p.Parts:
        """Response key and field name of each plain field that is asked of an object type."""
        return tuple((key, nodes[0].name.value) for key, nodes in self.collected(type_name, below))

    def size(self, asked: Asked, ceiling: int, what: str) -> int:
        """The value of `first` of a list without cursors."""
        leaf = asked.arguments.get("first")
        size: int = self.settings.page_default if leaf is None else self.arguments.fix(leaf)
        if not 0 <= size <= ceiling:
            raise BadRequest(f"is {size}; ask for 0 to {ceiling} {what}", where=f"{asked.name}.first")
        self.account.size(size)
        return size

    def _node(self, asked: Asked) -> p.Item:
        leaf = required(asked.arguments["id"], "node.id", "give an id such as District:68134-09")
        name = self.arguments.fix(leaf, _type_of_id)
        if name not in BY_NAME:
            raise BadRequest(
                f'there is no type "{name}"; an id begins with one of {", ".join(BY_NAME)}', where="node.id"
            )
        self.rows += asked.times
        return p.Single(asked.key, BY_NAME[name], leaf, self._behind_interface(name, asked))

    def coded_parts(self, below: Sequence[SelectionSetNode]) -> p.Parts:
        type_ = self.object_type("CodedValue")
        parts = []
        for key, nodes in self.collected(type_, below):
            name = nodes[0].name.value
            if name == "label":
                parts.append((key, self._lang(self.arguments.of_field(type_.fields[name], nodes[0]))))
            else:
                parts.append((key, name))
        return tuple(parts)

    def _lang(self, arguments: Mapping[str, Tree]) -> str:
        leaf = arguments.get("lang")
        lang = self.arguments.fix(leaf) if leaf is not None else Lang.BG
        return lang.value if isinstance(lang, Lang) else str(lang)

    def _shape(self, read: reads.Shape, asked: Asked) -> p.Shape:
        arguments = asked.arguments
        name = read.name or (asked.entity.geometry if asked.entity else None)
        assert name is not None
        crs, precision = self.crs(arguments, asked.key), self.precision(arguments, asked.key)
        return p.Shape(asked.key, name, read.what, crs, precision, arguments.get("simplifyM"))

    def crs(self, arguments: Mapping[str, Tree], where: str) -> int:
        """The EPSG code in which a field's coordinates are wanted."""
        code: int = self.arguments.fix(arguments["crs"]) if arguments.get("crs") is not None else WGS84
        if code != WGS84 and not is_known_crs(code):
            raise BadRequest(f"there is no EPSG:{code}", where=f"{where}.crs")
        return code

    def precision(self, arguments: Mapping[str, Tree], where: str) -> int:
        """The decimal places that a field's coordinates are wanted with."""
        digits: int = GEOJSON_DIGITS
        if arguments.get("precision") is not None:
            digits = self.arguments.fix(arguments["precision"])
        if not 0 <= digits <= 15:
            raise BadRequest(f"is {digits}; ask for 0 to 15 decimal places", where=f"{where}.precision")
        return digits

    # pages
    def _notices(self, asked: Asked) -> p.Page:
        extra: list[p.Condition] = []
        for name, column, op in (("source", "source", "key"), ("rule", "rule", "eq")):
            if asked.arguments.get(name) is not None:
                extra.append(p.Compare(column, op, asked.arguments[name], f"{asked.name}.{name}"))
        return self.page(asked, "Notice", extra=extra)

    def page(
        self, asked: Asked, target: str, via: str | None = None, extra: Sequence[p.Condition] = ()
    ) -> p.Page:
        """A connection of an entity; `via` as in plan.Page."""
        name, arguments, entity = asked.name, asked.arguments, BY_NAME[target]
        conditions = list(extra)
        if arguments.get("where") is not None:
            conditions.append(self.condition(entity, arguments["where"], f"{name}.where"))
        size, backwards, cursor = self.extent(asked)
        order = self.order(entity, arguments.get("orderBy"), f"{name}.orderBy")
        connection = get_named_type(asked.declared.type)
        assert isinstance(connection, GraphQLObjectType)
        condition = p.All(tuple(conditions)) if conditions else None
        page = p.Page(asked.key, entity, via, condition, order, size, backwards, cursor, ())
        parts: list[p.PagePart] = []
        for key, nodes in self.collected(connection, asked.below):
            part = nodes[0].name.value
            each = asked.each(nodes, size)
            if part == "__typename":
                parts.append(p.Constant(key, connection.name))
            elif part in ("nodes", "edges"):
                self.rows += each.times
                self.account.size(size)
                self.pages.append(page)
                if part == "nodes":
                    parts.append(p.Nodes(key, self.record(target, each)))
                else:
                    parts.append(self._edge(key, target, each))
                self.pages.pop()
            elif part == "pageInfo":
                parts.append(p.PageInfo(key, self.parts("PageInfo", each.below)))
            elif part == "totalCount":
                with self.account.field(key, COUNTED, asked.times):
                    parts.append(p.TotalCount(key))
            else:
                declared = connection.fields[part]
                own: reads.OfPage = declared.extensions["strawberry-definition"].metadata[READ]
                given = self.arguments.of_field(declared, nodes[0])
                here = replace(asked.each(nodes), key=key, name=part, declared=declared, arguments=given)
                with self.account.field(key, own.cost, here.times):
                    parts.append(own.plan(self, here, page))
        lists = any(isinstance(part, p.Nodes | p.Edge | p.PageInfo) for part in parts)
        others = sum(isinstance(part, p.TotalCount | p.Feature) for part in parts)
        hanging = via is not None
        if condition is not None:
            self.account.spend(asked.times * (lists + others) * of_condition(condition, hanging=hanging))
        if lists:
            self.account.spend(asked.times * of_order(order, hanging=hanging))
        return replace(page, parts=tuple(parts))

    def _edge(self, key: str, target: str, asked: Asked) -> p.Edge:
        parts: list[tuple[str, str, p.Items]] = []
        for part_key, nodes in self.collected(f"{target}Edge", asked.below):
            part = nodes[0].name.value
            parts.append((part_key, part, self.record(target, asked.each(nodes)) if part == "node" else ()))
        return p.Edge(key, tuple(parts))

    def extent(self, asked: Asked) -> tuple[int, bool, Leaf | None]:
        """How many rows of a connection, whether from its back, and behind which cursor."""
        name, arguments = asked.name, asked.arguments
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

    def order(self, entity: Entity, trees: Tree, where: str) -> tuple[p.Order, ...]:
        """What `orderBy` says, the first that differs decides."""
        return tuple(self._order(entity, tree, place) for tree, place in self.keys(trees, where))

    def keys(self, trees: Tree, where: str) -> list[tuple[Tree, str]]:
        """The keys of an order, each with where it stands; BadRequest where they are too many."""
        trees = trees or ()
        if len(trees) > _KEYS_CEILING:
            raise BadRequest(f"has {len(trees)} keys; give at most {_KEYS_CEILING}", where=where)
        return [(tree, f"{where}[{i}]") for i, tree in enumerate(trees)]

    def _order(
        self, entity: Entity, tree: Tree, where: str, through: tuple[tuple[str, Entity], ...] = ()
    ) -> p.Order:
        if not tree or len(tree) != 1:
            raise BadRequest("give exactly one field to order by", where=where)
        ((name, leaf),) = tree.items()
        if leaf is None:
            raise BadRequest(f"{name} is null; say ASC or DESC", where=where)
        if name == "distance":
            return p.Order(None, False, self.place(leaf, f"{where}.distance"), through=through)
        attribute = _attribute(entity, name)
        if attribute in entity.links:
            target = BY_NAME[entity.links[attribute]]
            return self._order(target, leaf, f"{where}.{name}", (*through, (attribute, target)))
        direction: Direction = self.arguments.fix(leaf)
        return p.Order(attribute, direction.descending, None, direction.nulls_first, through)

    # conditions
    def condition(self, entity: Entity, tree: Tree, where: str) -> p.Condition:
        found: list[p.Condition] = []
        self._conditions += 1
        if self._conditions > _CONDITIONS_CEILING:
            raise BadRequest(f"has more than {_CONDITIONS_CEILING} conditions", where=where.partition(".")[0])
        for name, inner in tree.items():
            place = f"{where}.{name}"
            if inner is None:
                continue
            if name == "and":
                found += [self.condition(entity, one, f"{place}[{i}]") for i, one in enumerate(inner)]
            elif name == "or":
                either = [self.condition(entity, one, f"{place}[{i}]") for i, one in enumerate(inner)]
                found.append(p.Either(tuple(either)))
            elif name == "not":
                found.append(p.Not(self.condition(entity, inner, place)))
            else:
                found.append(self._field_condition(entity, name, inner, place))
        return found[0] if len(found) == 1 else p.All(tuple(found))

    def _field_condition(self, entity: Entity, name: str, tree: Tree, where: str) -> p.Condition:
        attribute = _attribute(entity, name)
        if attribute in entity.lists:
            many = entity.lists[attribute]
            target = BY_NAME[many.target]
            return p.All(
                tuple(
                    p.Among(
                        attribute, target, quantifier, self.condition(target, inner, f"{where}.{quantifier}")
                    )
                    for quantifier, inner in tree.items()
                    if inner is not None
                )
            )
        if attribute in entity.links:
            target = BY_NAME[entity.links[attribute]]
            return p.Through(attribute, target, self.condition(target, tree, where))
        known = entity.fields.get(attribute)
        if known is not None and known.geometry:
            return self._spatial(attribute, tree, where)
        return p.All(
            tuple(
                self._compare(attribute, operator, leaf, f"{where}.{operator}")
                for operator, leaf in tree.items()
            )
        )

    def _compare(self, name: str, operator: str, tree: Tree, where: str) -> p.Condition:
        leaf = required(tree, where, "to ask for null, say isNull: true")
        if operator == "number":
            member = tree["of"]
            return p.All(
                tuple(
                    p.Compare(name, op, required(inner, f"{where}.{op}", "give a number"), where, member)
                    for op, inner in tree.items()
                    if op != "of"
                )
                or (p.Compare(name, "notNull", None, where, member),)
            )
        if operator == "isNull":
            return p.Compare(name, "isNull" if self.arguments.fix(leaf) else "notNull", None, where)
        return p.Compare(name, operator, leaf, where)

    def _spatial(self, name: str, tree: Tree, where: str) -> p.Condition:
        given = [(operator, inner) for operator, inner in tree.items() if inner is not None]
        if len(given) != 1:
            raise BadRequest("give exactly one spatial operator", where=where)
        ((operator, inner),) = given
        place = f"{where}.{operator}"
        if operator == "dwithin":
            return p.Spatial(name, "dwithin", self.place(inner["of"], f"{place}.of"), inner["withinM"])
        if operator == "bbox":
            return p.Spatial(name, "intersects", p.Place({"bbox": inner}, place))
        if operator == "relate":
            pattern = self.arguments.fix(inner["pattern"])
            if not re.fullmatch("[TF*012]{9}", pattern):
                raise BadRequest(
                    f"is {pattern[:80]!r}; a DE-9IM pattern is nine of T, F, *, 0, 1 and 2",
                    where=f"{place}.pattern",
                )
            return p.Spatial(name, operator, self.place(inner["to"], f"{place}.to"), pattern=pattern)
        assert operator in PREDICATES
        return p.Spatial(name, operator, self.place(inner, place))

    def place(self, tree: Tree, where: str) -> p.Place:
        """A place that an argument says."""
        if self.count("places") > _PLACES_CEILING:
            raise BadRequest(f"has more than {_PLACES_CEILING} places", where=where.partition(".")[0])
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
            return p.Place({kind: inner}, f"{where}.entity", entity=BY_NAME[name])
        if kind == "buffer":
            of = self.place(inner["of"], f"{where}.buffer.of")
            self.account.spend(BUFFERED)
            inward = self.arguments.fix(inner["metres"], lambda metres: metres <= 0)
            return p.Place({kind: inner}, f"{where}.buffer", of=of, inward=inward)
        if kind == "union":
            if not inner:
                raise BadRequest("give at least one place", where=f"{where}.union")
            parts = [self.place(one, f"{where}.union[{i}]") for i, one in enumerate(inner)]
            self.account.spend(UNITED * len(parts))
            return p.Place({kind: inner}, f"{where}.union", parts=alike(parts))
        return p.Place({kind: inner}, f"{where}.{kind}")


def _read(declared: GraphQLField) -> reads.Read:
    read: reads.Read = declared.extensions["strawberry-definition"].metadata[READ]
    return read


def _below(nodes: Sequence[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set]


def _type_of_id(text: str | None) -> str | None:
    # where null is not allowed, planning says so
    return None if text is None else split_id(text)[0]


_attributes: dict[str, dict[str, str]] = {}


def _attribute(entity: Entity, public: str) -> str:
    if entity.name not in _attributes:
        names = [*entity.fields, *entity.computed, *entity.lists]
        _attributes[entity.name] = {camel(name): name for name in names} | {"id": "key"}
    return _attributes[entity.name][public]
