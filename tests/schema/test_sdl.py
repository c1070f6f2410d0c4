"""The schema that clients build upon: committed, described, and made of the names that users know."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLSchema, build_schema, is_input_object_type, is_introspection_type, is_object_type

from schema import query

COMMITTED = Path(query.__file__).parent / "schema.graphql"


def test_the_committed_schema_is_the_served_one() -> None:
    """After a change on purpose: `twin schema > schema/schema.graphql`."""
    assert query.sdl(query.build()) == COMMITTED.read_text(encoding="utf-8")


def test_everything_in_it_is_described() -> None:
    schema: GraphQLSchema = build_schema(COMMITTED.read_text(encoding="utf-8"))
    missing = []
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        if not type_.description:
            missing.append(name)
        if is_object_type(type_) or is_input_object_type(type_):
            for field_name, field in type_.fields.items():
                if not field.description:
                    missing.append(f"{name}.{field_name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        missing.append(f"{name}.{field_name}({argument_name})")
    assert missing == []
