"""Records by their ids, many at once: nodes(ids:), and the twin as a subgraph of Apollo Federation 2.

Their types, how they are planned, and the SQL that answers them: one statement, of whatever types they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, Union

import strawberry
from sqlalchemy import Text, case, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from schema import plan as p
from schema import reads, values
from schema.arguments import Leaf, required
from schema.compile import EMPTY_LIST, Compiler, quoted
from schema.declare import REQUIRED, Argument, Member, object_type
from schema.scalars import Representation
from twin.entities import BY_NAME
from twin.errors import BadRequest
from twin.fields import KEY
from twin.identity import split_id
from twin.succession import standing

if TYPE_CHECKING:
    from schema.planner import Asked, Planner

#: the version of the specification that the subgraph speaks
_SPECIFICATION = "https://specs.apollo.dev/federation/v2.3"
#: type and key of each record that is asked for
Pairs = list[tuple[str, str]]


# --- ids ------------------------------------------------------------------------------------------------
def _known(name: str, where: str) -> str:
    if name not in BY_NAME:
        raise BadRequest(f'there is no type "{name}"; there are {", ".join(BY_NAME)}', where=where)
    return name


def pairs_of_ids(ids: Any, where: str) -> Pairs:
    """Public ids; BadRequest where one is none, or of a type that is not there."""
    pairs = [split_id(text) for text in ids]
    return [(_known(name, where), key) for name, key in pairs]


def pairs_of_representations(given: Any, where: str) -> Pairs:
    """Representations, {"__typename": "Building", "id": "Building:1"}; BadRequest where one is none."""
    pairs = []
    for i, one in enumerate(given):
        name, text = one.get("__typename"), one.get("id")
        if not isinstance(name, str) or not isinstance(text, str):
            raise BadRequest("has no __typename and id, both texts", where=f"{where}[{i}]")
        kind, key = split_id(text)
        if kind != _known(name, f"{where}[{i}]"):
            raise BadRequest(f'"{text}" is no id of a {name}', where=f"{where}[{i}].id")
        pairs.append((kind, key))
    return pairs


@dataclass(frozen=True)
class ByIds(p.Feature):
    """Records in the order of their ids, null for one that is not there: what to read of them, by entity."""

    leaf: Leaf
    where: str
    pairs: Callable[[Any, str], Pairs]
    end: p.End

    def sql(self, compiler: Compiler, entity: Any, t: Any) -> Any:
        if not self.end.choices:
            return EMPTY_LIST
        types = values.listed(self.leaf, lambda given: [name for name, _ in self.pairs(given, self.where)])
        keys = values.listed(self.leaf, lambda given: [key for _, key in self.pairs(given, self.where)])
        name = compiler.name("asked")
        given = func.unnest(compiler.bind(types, ARRAY(KEY)), compiler.bind(keys, ARRAY(KEY)))
        one = given.table_valued("type", "key", with_ordinality="n").render_derived(name=name)
        # as text: within the recursion that follows successions it must not become a table of its own
        kind, key = literal_column(f"{name}.type", KEY), literal_column(f"{name}.key", KEY)
        now = [
            (kind == quoted(target.name), standing(target, key, compiler.inner("heir")))
            for target, _ in self.end.choices
            if target.is_city_entity  # the twin's own records have no heirs
        ]
        current = case(*now, else_=key) if now else key
        columns = (one.c.n, kind.label("asked_type"), current.label("asked_key"))
        rows = select(*columns).select_from(one).subquery(compiler.inner("asked"))
        with compiler.around(rows):
            record = compiler.column(None, rows, self.end)
        whole = func.coalesce(func.json_agg(aggregate_order_by(record, rows.c.n)), EMPTY_LIST)
        return select(whole).select_from(rows).scalar_subquery()


@dataclass(frozen=True)
class RootByIds(reads.Feature):
    """Records by ids that an argument lists."""

    argument: str
    pairs: Callable[[Any, str], Pairs]

    def plan(self, planner: Planner, asked: Asked) -> ByIds:
        where = f"{asked.name}.{self.argument}"
        leaf = required(asked.arguments[self.argument], where, "give a list")
        ceiling = planner.settings.page_ceiling

        def shape(given: Sequence[Any]) -> tuple[tuple[str, ...], int]:
            """What of the ids decides the SQL: their types, and roughly how many there are."""
            if len(given) > ceiling:
                raise BadRequest(f"has {len(given):,} entries; send at most {ceiling:,} at once", where=where)
            types = {name for name, _ in self.pairs(given, where)}
            return tuple(sorted(types)), 1 << max(len(given) - 1, 0).bit_length()

        types, size = planner.arguments.fix(leaf, shape)
        end = planner.end(asked.key, "asked", asked.repeated(size), types)
        return ByIds(asked.key, leaf, where, self.pairs, end)


# --- the subgraph ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Service(p.Feature):
    """What a gateway asks first: pairs of response key and part."""

    parts: p.Parts

    def sql(self, compiler: Compiler, entity: Any, t: Any) -> Any:
        text = subgraph().encode()
        pairs = [
            (key, quoted("_Service") if part == "__typename" else compiler.bind(lambda _: text, Text()))
            for key, part in self.parts
        ]
        return compiler.json_object(pairs, None)


class RootService(reads.Feature):
    """The subgraph's own schema."""

    cost = reads.Cost(1_000)

    def plan(self, planner: Planner, asked: Asked) -> Service:
        parts = planner.parts("_Service", asked.below)
        # a short document could ask for it hundreds of times, and it is long
        if planner.count("sdl", sum(part == "sdl" for _, part in parts)) > 1:
            raise BadRequest("is asked for more than once; it is always the same", where="_service.sdl")
        return Service(asked.key, parts)


@cache
def subgraph() -> str:
    """The schema as composition takes it: every entity with its key, nothing of Federation's own."""
    text = (Path(__file__).parent / "schema.graphql").read_text("utf-8")
    described = r'"""(?:[^"]|"(?!""))*"""\n'
    own = r"(?:scalar _Any|union _Entity = [^\n]*|type _Service \{\n.*?\n\})\n\n?"
    text = re.sub(f"^{described}{own}", "", text, flags=re.MULTILINE | re.DOTALL)
    field = r"  _(?:service|entities)(?:\(\n.*?\n  \))?: [^\n]*\n\n?"
    text = re.sub(f"^  {described}{field}", "", text, flags=re.MULTILINE | re.DOTALL)
    entities = "|".join(BY_NAME)
    text = re.sub(rf"^(type (?:{entities}) [^\n]*)\{{$", r'\1@key(fields: "id") {', text, flags=re.MULTILINE)
    # every graph with Relay's lists has it
    text = re.sub(r"^(type PageInfo )\{$", r"\1@shareable {", text, flags=re.MULTILINE)
    return f'extend schema @link(url: "{_SPECIFICATION}", import: ["@key", "@shareable"])\n\n{text}'


def root_members(entities: Sequence[type[Any]]) -> list[Member]:
    """The fields of the root that take many ids; `entities` are the types that they can be of."""
    service = object_type(
        "_Service",
        "The twin as a subgraph of Apollo Federation",
        [Member("sdl", str, "Its schema, with the keys of its entities", reads.Part("sdl"))],
    )
    described = strawberry.union("_Entity", description="Whatever has a key in this subgraph")
    union: Any = Annotated[Union[tuple(entities)], described]  # noqa: UP007
    return [
        Member(
            "nodes", "[Node]!",
            "Records by their public ids, in their order, as node gives each; null for one that is not there",
            RootByIds("ids", pairs_of_ids),
            [Argument("ids", list[strawberry.ID], "Such as District:68134-09", default=REQUIRED)],
        ),
        Member(
            "_entities", list[Optional[union]],  # noqa: UP045
            "What another subgraph speaks of (Apollo Federation): null for one that is not there",
            RootByIds("representations", pairs_of_representations),
            [
                Argument(
                    "representations", list[Representation],
                    "Objects with __typename and id", default=REQUIRED,
                )
            ],
        ),
        Member("_service", service, "This subgraph (Apollo Federation)", RootService()),
    ]  # fmt: skip
