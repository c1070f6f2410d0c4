"""Strawberry classes made from facts rather than written out: what types.py, filters.py and ordering.py use.

A name given as text is looked up among the classes declared here when the schema is built, so that types
may speak of each other in any order.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from schema.cost import directives_of
from schema.terms import term

READ = "read"
#: the default of an argument that must be given
REQUIRED = inspect.Parameter.empty
_here = sys.modules[__name__]


def documented(doc: str, unit: str | None) -> str:
    """A public description with its unit, if any."""
    return f"{doc} (unit: {unit})" if unit else doc


@dataclass(frozen=True)
class Argument:
    """An argument of a field: its type (a class, or the name of a declared one), doc and default."""

    name: str
    type_: Any
    doc: str
    default: Any = strawberry.UNSET
    deprecated: str | None = None


@dataclass(frozen=True)
class Member:
    """A field of an object type. `read` says how the compiler gets it: see reads.py."""

    name: str
    type_: Any
    doc: str
    read: Any
    arguments: Sequence[Argument] = ()
    term: str | None = None
    unit: str | None = None
    deprecated: str | None = None


@dataclass(frozen=True)
class InputMember:
    """A field of an input type; every one may be left out unless `required`."""

    name: str
    type_: Any
    doc: str
    required: bool = False
    default: Any = strawberry.UNSET
    deprecated: str | None = None


def camel(name: str) -> str:
    """`storeys_above_ground` is `storeysAboveGround` in GraphQL."""
    return re.sub(r"_([a-z0-9])", lambda m: m.group(1).upper(), name)


def object_type(
    name: str,
    doc: str,
    members: Sequence[Member],
    *,
    interfaces: Sequence[type] = (),
    uri: str | None = None,
) -> type[Any]:
    """A GraphQL object type; `uri` is that of the published term that it stands for."""

    def made(cls: type) -> type:
        return strawberry.type(cls, name=name, description=doc, directives=term(uri))

    return _register(name, members, interfaces, made)


def interface_type(
    name: str,
    doc: str,
    members: Sequence[Member],
    *,
    interfaces: Sequence[type] = (),
    uri: str | None = None,
) -> type[Any]:
    """A GraphQL interface, as object_type."""

    def made(cls: type) -> type:
        return strawberry.interface(cls, name=name, description=doc, directives=term(uri))

    return _register(name, members, interfaces, made)


def input_type(name: str, doc: str, members: Sequence[InputMember], *, one_of: bool = False) -> type[Any]:
    """A GraphQL input type; with `one_of` exactly one of its fields must be given."""
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for member in members:
        attribute = f"f_{member.name}"
        annotation = named(member.type_)
        body["__annotations__"][attribute] = annotation if member.required else _optional(annotation)
        options: dict[str, Any] = {
            "name": member.name,
            "description": member.doc,
            "deprecation_reason": member.deprecated,
        }
        if not member.required:
            options["default"] = member.default
        body[attribute] = strawberry.field(**options)
    cls = strawberry.input(type(name, (), body), name=name, description=doc, one_of=one_of)
    setattr(_here, name, cls)
    return cls


def enum_type(enumeration: type[Any], docs: Mapping[str, str] | None = None) -> type[Any]:
    """A GraphQL enum of a Choice, or of another enum with what its members mean."""
    if hasattr(_here, enumeration.__name__):
        return enumeration
    made = strawberry.enum(enumeration, description=inspect.cleandoc(enumeration.__doc__ or ""))  # type: ignore[call-overload]
    for value in made.__strawberry_definition__.values:
        value.description = docs[value.name] if docs else getattr(enumeration[value.name], "doc", None)
    setattr(_here, enumeration.__name__, enumeration)
    return enumeration


def replayed(root: Any, info: Info) -> Any:
    """Resolve a field by its response key from an answer that PostgreSQL has already built.

    This is how graphql-core's own execution runs over the twin's answers: for introspection beside data,
    and in the tests that hold the two engines against each other.
    """
    return root[info.path.key]


def _register(
    name: str,
    members: Sequence[Member],
    interfaces: Sequence[type],
    decorate: Callable[[type], type],
) -> type[Any]:
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for member in members:
        attribute = f"f_{member.name}"
        body[attribute] = strawberry.field(
            resolver=_resolver(member),
            name=member.name,
            description=member.doc,
            metadata={READ: member.read},
            directives=[*directives_of(member.read), *term(member.term, member.unit)],
            deprecation_reason=member.deprecated,
        )
    if not any(getattr(base, "is_type_of", None) for base in interfaces):
        body["is_type_of"] = classmethod(_is_type_of)
    cls = decorate(type(name, tuple(interfaces) or (object,), body))
    setattr(_here, name, cls)
    return cls


def _is_type_of(cls: Any, value: Any, _info: Any) -> bool:
    return not isinstance(value, dict) or value.get(TYPE_KEY, cls.__name__) == cls.__name__


#: where a replayed answer keeps the concrete type of an object that an interface stands for
TYPE_KEY = "__typename"


def _resolver(member: Member) -> Callable[..., Any]:
    def resolve(root: Any, info: Info, **_: Any) -> Any:
        return replayed(root, info)

    parameters = [
        inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    for argument in member.arguments:
        annotation = named(argument.type_)
        parameters.append(
            inspect.Parameter(
                f"a_{argument.name}",
                inspect.Parameter.KEYWORD_ONLY,
                default=argument.default,
                annotation=Annotated[
                    annotation if argument.default is inspect.Parameter.empty else _optional(annotation),
                    strawberry.argument(
                        name=argument.name,
                        description=argument.doc,
                        deprecation_reason=argument.deprecated,
                    ),
                ],
            )
        )
    resolve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters, return_annotation=named(member.type_)
    )
    resolve.__module__ = __name__
    return resolve


def named(type_: Any) -> Any:
    """A class stays; text such as "[District!]!" becomes a lazy annotation of this module's names."""
    if not isinstance(type_, str):
        return type_
    inner, required = (type_[:-1], True) if type_.endswith("!") else (type_, False)
    annotation = (
        list[named(inner[1:-1])]  # type: ignore[misc]
        if inner.startswith("[")
        else Annotated[inner, strawberry.lazy(__name__)]
    )
    return annotation if required else _optional(annotation)


def _optional(annotation: Any) -> Any:
    return annotation | None if not isinstance(annotation, str) else f"{annotation} | None"
