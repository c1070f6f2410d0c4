"""Arguments of a validated document, with variables left open: values are bound when the statement runs.

A plan is made once per document and shape of its variables. What decides the SQL (a direction, a page's
size, whether a filter is there) is fixed in the plan; every other value stays a Leaf, read anew from each
request's variables.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    print_ast,
    type_from_ast,
    value_from_ast,
)
from graphql.language import ListValueNode, NullValueNode, ObjectValueNode, VariableNode

from twin.errors import BadRequest


@dataclass(frozen=True)
class Const:
    """A value that the document itself says."""

    value: Any

    def read(self, _variables: Mapping[str, Any]) -> Any:
        return self.value


@dataclass(frozen=True)
class Var:
    """A value inside a variable, found by the path below it."""

    name: str
    path: tuple[str | int, ...]
    type_: GraphQLInputType

    def read(self, variables: Mapping[str, Any]) -> Any:
        value = variables[self.name]
        for step in self.path:
            value = value[step]
        return _coerce(value, self.type_)


@dataclass(frozen=True)
class Seq:
    """A list that the document writes out, with variables among its items."""

    items: tuple[Leaf, ...]

    def read(self, variables: Mapping[str, Any]) -> Any:
        return [item.read(variables) for item in self.items]


@dataclass(frozen=True)
class Written:
    """A scalar that the document writes out with variables inside it, such as GeoJSON coordinates."""

    node: ValueNode
    type_: GraphQLInputType

    def read(self, variables: Mapping[str, Any]) -> Any:
        return value_from_ast(self.node, self.type_, dict(variables))


Leaf = Const | Var | Seq | Written
#: an argument's value: input objects as dicts by GraphQL name, lists of them as lists, the rest leaves
Tree = Any


@dataclass(frozen=True)
class Structural:
    """A part of the variables whose value, or what `of` makes of it, decides the SQL."""

    leaf: Leaf
    of: Callable[[Any], Any]


class Arguments:
    """Reads argument trees of one operation, and notes which variables decide its SQL."""

    def __init__(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
        self.variables = variables
        self.structural: list[Structural] = []
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }

    def of_field(self, field: Any, node: Any) -> dict[str, Tree]:
        """The arguments of a selected field; those left out and without default are absent."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        return self._members(field.args, given, node.name.value)

    def fix(self, leaf: Leaf, of: Callable[[Any], Any] = lambda value: value) -> Any:
        """The value now; it becomes part of what the plan is cached under."""
        if not isinstance(leaf, Const):
            self.structural.append(Structural(leaf, of))
        return of(leaf.read(self.variables))

    def _members(
        self, declared: Mapping[str, Any], given: Mapping[str, ValueNode], where: str
    ) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        for name, member in declared.items():
            tree = self._resolve(given[name], member.type, f"{where}.{name}") if name in given else Undefined
            if tree is Undefined and member.default_value is not Undefined:
                tree = Const(member.default_value)
            if tree is None and is_non_null_type(member.type):
                raise BadRequest("is null; it must be given a value", where=name)
            if tree is not Undefined:
                found[name] = tree
        return found

    def _resolve(self, node: ValueNode, type_: Any, where: str) -> Tree:
        type_ = get_nullable_type(type_)
        if isinstance(node, VariableNode):
            name = node.name.value
            if name in self.variables:
                return self._open(self.variables[name], type_, name, ())
            if name in self._defaults:
                return self._resolve(self._defaults[name], type_, where)
            return Undefined
        if isinstance(node, NullValueNode):
            return None
        if is_list_type(type_):
            nodes = node.values if isinstance(node, ListValueNode) else (node,)
            items = [self._resolve(item, type_.of_type, f"{where}[{i}]") for i, item in enumerate(nodes)]
            items = [None if item is Undefined else item for item in items]
            if is_input_object_type(get_named_type(type_)):
                return items
            if all(isinstance(item, Const) for item in items):
                return Const([item.value for item in items])
            return Seq(tuple(Const(None) if item is None else item for item in items))
        if is_input_object_type(type_):
            assert isinstance(node, ObjectValueNode)
            given = {field.name.value: field.value for field in node.fields}
            return self._members(type_.fields, given, where)
        if _holds_variable(node):
            return Written(node, type_)
        value = value_from_ast(node, type_)
        if value is Undefined:
            # validation takes any digits for a Float, also those that no double holds
            raise BadRequest(f"{print_ast(node)[:80]} is no {type_}", where=where)
        return Const(value)

    def _open(self, value: Any, type_: Any, name: str, path: tuple[str | int, ...]) -> Tree:
        type_ = get_nullable_type(type_)
        if value is None:
            return None
        if is_input_object_type(get_named_type(type_)):
            if is_list_type(type_):
                if not isinstance(value, list):
                    return [self._open(value, type_.of_type, name, path)]
                return [self._open(item, type_.of_type, name, (*path, i)) for i, item in enumerate(value)]
            found: dict[str, Tree] = {}
            for member_name, member in type_.fields.items():
                if member_name in value:
                    found[member_name] = self._open(
                        value[member_name], member.type, name, (*path, member_name)
                    )
                elif member.default_value is not Undefined:
                    found[member_name] = Const(member.default_value)
            return found
        return Var(name, path, type_)


def inputs_of(types: Mapping[str, GraphQLInputType]) -> dict[str, GraphQLInputObjectType | None]:
    """Of each variable the input object that it is, or is a list of; None where it is a scalar."""
    return {name: _input_object(type_) for name, type_ in types.items()}


def _input_object(type_: GraphQLInputType) -> GraphQLInputObjectType | None:
    named = get_named_type(type_)
    return named if isinstance(named, GraphQLInputObjectType) else None


@lru_cache(1000)
def _members(type_: GraphQLInputObjectType) -> list[tuple[str, GraphQLInputObjectType | None]]:
    return [(name, _input_object(member.type)) for name, member in type_.fields.items()]


def shape_of(variables: Mapping[str, Any], inputs: Mapping[str, GraphQLInputObjectType | None]) -> Hashable:
    """What of the declared variables decides the SQL before any plan is known: which members are there.

    Scalars and lists of them count as one value, whatever is in them; variables not declared do not count.
    """
    return tuple([(name, _shape(variables[name], one)) for name, one in inputs.items() if name in variables])


def _shape(value: Any, type_: GraphQLInputObjectType | None) -> Hashable:
    if value is None:
        return None
    if type_ is None:
        return True
    if isinstance(value, list):
        return "[]", *(_shape(item, type_) for item in value)
    return tuple([(name, _shape(value[name], one)) for name, one in _members(type_) if name in value])


def are_surely_valid(variables: Mapping[str, Any], operation: OperationDefinitionNode, types: Any) -> bool:
    """Whether what a request says is of the declared types, told in a third of graphql-core's time.

    Where this says no, graphql-core knows what is wrong, if anything is.
    """
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in variables:
            if not _is_surely(variables[name], types[name]):
                return False
        elif is_non_null_type(types[name]) and definition.default_value is None:
            return False
    return True


def _is_surely(value: Any, type_: Any) -> bool:
    if isinstance(type_, GraphQLNonNull):
        return value is not None and _is_surely(value, type_.of_type)
    if value is None:
        return True
    if isinstance(type_, GraphQLList):
        return isinstance(value, list) and all(_is_surely(item, type_.of_type) for item in value)
    if isinstance(type_, GraphQLInputObjectType):
        if not isinstance(value, dict):
            return False
        if type_.is_one_of and (len(value) != 1 or None in value.values()):
            return False
        known = 0
        for name, member in type_.fields.items():
            if name in value:
                known += 1
                if not _is_surely(value[name], member.type):
                    return False
            elif is_required_input_field(member):
                return False
        return known == len(value)
    try:
        return type_.parse_value(value) is not Undefined
    except Exception:  # whatever a scalar says of a value that it does not take
        return False


def variable_types(schema: GraphQLSchema, operation: OperationDefinitionNode) -> dict[str, GraphQLInputType]:
    """The declared variables of an operation and their types."""
    return {
        definition.variable.name.value: type_from_ast(schema, definition.type)  # type: ignore[misc]
        for definition in operation.variable_definitions or ()
    }


def _coerce(value: Any, type_: Any) -> Any:
    if value is None:
        return None
    if isinstance(type_, GraphQLScalarType | GraphQLEnumType):
        return type_.parse_value(value)
    type_ = get_nullable_type(type_)
    if is_list_type(type_):
        values = value if isinstance(value, list) else [value]
        return [_coerce(item, type_.of_type) for item in values]
    return type_.parse_value(value)


def _holds_variable(node: ValueNode) -> bool:
    if isinstance(node, ObjectValueNode):
        return any(_holds_variable(field.value) for field in node.fields)
    if isinstance(node, ListValueNode):
        return any(_holds_variable(item) for item in node.values)
    return isinstance(node, VariableNode)


def required(tree: Tree, where: str, allowed: str) -> Leaf:
    """A leaf that must have a value: null is refused, saying what is allowed instead."""
    if tree is None:
        raise BadRequest(f"is null; {allowed}", where=where)
    leaf: Leaf = tree
    return leaf
