"""What is behind a record's URI: the GraphQL question for its plain fields, and what became of old ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import orjson
from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from sqlalchemy import Text, bindparam, cast
from sqlalchemy.dialects import postgresql

from twin.database import City, Reader
from twin.entities import entity
from twin.succession import fate

_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Fate:
    """What became of a record that is no more."""

    heirs: tuple[str, ...]  #: the public ids of what took its place
    known_until: str | None  #: when the twin last held it; None: never


@lru_cache(maxsize=64)
def record_query(schema: GraphQLSchema, name: str) -> str:
    """A query for node(id: $id) with all plain fields, and id and label of what it links to.

    BadRequest lists the types there are when `name` is none of them.
    """
    type_ = schema.type_map[entity(name).name]
    assert isinstance(type_, GraphQLObjectType)
    parts = []
    for field_name, field in type_.fields.items():
        if any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values()):
            continue
        named = get_named_type(field.type)
        if is_leaf_type(named):
            parts.append(field_name)
        elif named.name == "CodedValue":
            parts.append(f"{field_name} {{ code label }}")
        elif named.name == "Identifier":
            parts.append(f"{field_name} {{ scheme value uri }}")
        elif named.name == "Source":
            parts.append(f"{field_name} {{ id title publisher licence }}")
        elif isinstance(named, GraphQLObjectType) and "uri" in named.fields:
            parts.append(f"{field_name} {{ id uri label }}")
    return f"query($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {' '.join(parts)} }} }} }}"


async def fate_of(reader: Reader, city: City, name: str, key: str) -> Fate:
    """What became of a record that has gone: its heirs, and when the twin last held it."""
    heirs, until = await reader.fetch(_fate_sql(city.name, name), [key.encode()])
    return Fate(tuple(orjson.loads(heirs or b"[]")), until.decode() if until else None)


@lru_cache(maxsize=256)
def _fate_sql(schema: str, name: str) -> bytes:
    compiled = fate(entity(name), cast(bindparam("key"), Text)).compile(
        dialect=_DIALECT, schema_translate_map={None: schema}, render_schema_translate=True
    )
    return str(compiled).encode()
