"""The schema that clients build upon: committed, kept compatible, described, and made of the names that users know."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import strawberry
from graphql import (
    GraphQLSchema,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_introspection_type,
    is_object_type,
    print_ast,
)
from graphql.utilities import find_breaking_changes

from schema import query, reads
from schema.declare import Argument, InputMember, Member, input_type, object_type
from schema.types import field_member
from twin import terms
from twin.entities import BY_NAME, ENTITIES

FOLDER = Path(query.__file__).parent
COMMITTED = FOLDER / "schema.graphql"
#: the schema as it was last promised, which clients have built upon
RELEASED = FOLDER / "released.graphql"
#: what a client may trip over since then, each with its date and reason
DECLARED = FOLDER / "breaking.toml"


def committed() -> GraphQLSchema:
    return build_schema(COMMITTED.read_text(encoding="utf-8"))


def test_the_committed_schema_is_the_served_one() -> None:
    """After a change on purpose: `twin schema > schema/schema.graphql`."""
    assert query.sdl(query.build()) == COMMITTED.read_text(encoding="utf-8")


def test_what_would_break_a_client_is_declared() -> None:
    """Declare it in schema/breaking.toml, word for word as it is named here, with date and reason.

    At a release schema.graphql becomes released.graphql and the declarations go.
    """
    released = build_schema(RELEASED.read_text(encoding="utf-8"))
    found = {change.description for change in find_breaking_changes(released, committed())}
    declared = tomllib.loads(DECLARED.read_text(encoding="utf-8")).get("change", [])
    assert all(one["date"] and one["reason"] for one in declared)
    assert found == {one["what"] for one in declared}


def test_a_field_that_goes_is_found_to_break_clients() -> None:
    text = RELEASED.read_text(encoding="utf-8")
    renamed = re.sub(r"(\ntype Building .*?\n  )heightM:", r"\1height:", text, count=1, flags=re.DOTALL)
    changes = find_breaking_changes(build_schema(text), build_schema(renamed))
    assert [change.description for change in changes] == ["Field Building.heightM was removed."]


def described(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Everything in a schema that can have a description, with it."""
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        yield name, type_.description
        if is_enum_type(type_):
            yield from ((f"{name}.{key}", value.description) for key, value in type_.values.items())
        if is_object_type(type_) or is_interface_type(type_) or is_input_object_type(type_):
            for field_name, field in type_.fields.items():
                yield f"{name}.{field_name}", field.description
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{name}.{field_name}({argument_name})", argument.description
    for directive in schema.directives:
        if directive.name not in ("include", "skip", "deprecated", "specifiedBy", "oneOf"):
            yield f"@{directive.name}", directive.description


def test_everything_in_it_is_described() -> None:
    everything = list(described(committed()))
    assert len(everything) > 2_000
    assert [name for name, description in everything if not description] == []


def said(type_: Any, name: str) -> list[str]:
    """The uses of a directive on a type or field of the committed schema."""
    return [print_ast(one) for one in type_.ast_node.directives or () if one.name.value == name]


def test_entities_and_fields_name_their_terms_and_units() -> None:
    types: Any = committed().type_map
    assert said(types["Business"], "term") == [f'@term(uri: "{terms.ROV}RegisteredOrganization")']
    assert said(types["Business"].fields["legalName"], "term") == [f'@term(uri: "{terms.ROV}legalName")']
    assert said(types["Business"].fields["sites"], "term") == [f'@term(uri: "{terms.ORG}hasSite")']
    assert said(types["SpatialEntity"], "term") == [f'@term(uri: "{terms.GEO}Feature")']
    assert said(types["Building"].fields["heightM"], "term") == [
        '@term(unit: "http://qudt.org/vocab/unit/M")'
    ]
    assert said(types["District"].fields["areaM2"], "term") == [
        f'@term(uri: "{terms.GEO}hasMetricArea", unit: "http://qudt.org/vocab/unit/M2")'
    ]


def test_every_unit_is_one_that_qudt_knows_and_every_term_of_a_known_vocabulary() -> None:
    vocabularies = tuple(
        value for name, value in vars(terms).items() if name.isupper() and isinstance(value, str)
    )
    for entity in ENTITIES:
        units = [known.unit for known in entity.fields.values()]
        units += [known.unit for known in entity.computed.values()]
        assert {unit for unit in units if unit} <= set(terms.UNITS), entity.name
        parts: list[Any] = [*entity.fields.values(), *entity.computed.values(), *entity.lists.values()]
        for uri in (entity.term, *(known.term for known in parts)):
            assert uri is None or re.fullmatch(r"[A-Za-z]+", uri.removeprefix(max(
                (one for one in vocabularies if uri.startswith(one)), key=len, default=""
            ))), uri  # fmt: skip


def test_what_is_deprecated_says_so() -> None:
    old = object_type(
        "Old",
        "Something",
        [
            Member("fine", str, "A field", reads.Value("fine")),
            Member("gone", str, "A field", reads.Value("gone"), deprecated="Ask for fine"),
            Member(
                "taken", str, "A field", reads.Value("taken"),
                [Argument("how", "OldInput", "How", deprecated="It is ignored")],
            ),
        ],
    )  # fmt: skip
    input_type("OldInput", "Something", [InputMember("gone", str, "A field", deprecated="Leave it out")])
    sdl = strawberry.Schema(
        object_type("Query", "Q", [Member("old", old, "It", reads.Value("old"))])
    ).as_str()
    types: Any = build_schema(sdl).type_map
    assert types["Old"].fields["fine"].deprecation_reason is None
    assert types["Old"].fields["gone"].deprecation_reason == "Ask for fine"
    assert types["Old"].fields["taken"].args["how"].deprecation_reason == "It is ignored"
    assert types["OldInput"].fields["gone"].deprecation_reason == "Leave it out"


def test_a_field_is_deprecated_where_its_entity_says_so() -> None:
    building = BY_NAME["Building"]
    known = replace(building.fields["height_m"], deprecated="Ask for solids")
    assert field_member(building, "height_m", known).deprecated == "Ask for solids"
