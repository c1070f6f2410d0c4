"""The GraphQL question behind a record's URI: every plain field of its type."""

from __future__ import annotations

from functools import lru_cache

from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from twin.entities import entity


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
        elif named.name == "Source":
            parts.append(f"{field_name} {{ id title publisher licence }}")
        elif isinstance(named, GraphQLObjectType) and "uri" in named.fields:
            parts.append(f"{field_name} {{ id uri label }}")
    return f"query($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {' '.join(parts)} }} }} }}"
