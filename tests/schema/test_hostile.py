"""What attackers and accidents send reaches every argument of the schema: it finds nothing, or is refused in words."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, groupby
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from tests.reference import literal
from tests.schema.conftest import Asked
from tests.town import CITY, Town
from twin.database import connect

TEXTS = [
    "'", '"', "'; DROP TABLE town.building; --", "' OR '1'='1", "\\", "\\'", "%", "_", "$1", "%s", "{}", "{a,b}", "NULL",
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "😀", "ъ" * 20_000, "\u202eгол", "\u200b", "e\u0301", "\ufeff", "\n\r\t",
    "\x7f", "../../etc/passwd", "<script>alert(1)</script>", "NaN", "Infinity", "-Infinity", "1e400", "0x41",
    "9" * 400, "2026-13-45", "0000-00-00", "infinity", "Building:", ":", "Building:'", "POINT(nan nan)", "POLYGON EMPTY",
    "GEOMETRYCOLLECTION(POINT(1 2))", "SRID=4326;POINT(1 2)", "WzEsIG51bGxd", "W10", "''", "[" * 3000,
]  # fmt: skip
NUMBERS = [0, -1, 2**31 - 1, 2**31, -(2**63), 2**63, 10**400, 1.5, -0.0, 5e-324, 1.8e308 - 1e292, 1e400]
DEEP: Any = 1
for _ in range(60):
    DEEP = [DEEP]
OTHERS: list[Any] = [None, True, [], [None], {}, {"type": "Point"}, {"type": "Point", "coordinates": DEEP}, DEEP,
          {"type": "Point", "coordinates": [1e400, float("nan")]}, {"type": "Polygon", "coordinates": [[]]},
          {"type": "MultiPolygon", "coordinates": [[[[0, 0]] * 4]]}, {"'": '"'}]  # fmt: skip
#: each with what of its kind can be written in a document
VALUES = [*TEXTS, *NUMBERS, *OTHERS]  # an odd number, so that each is both written and sent


#: an operator of a field of an entity's filter
OPERATOR = re.compile(r"Filter\.[a-zA-Z0-9]+\.")


@dataclass(frozen=True)
class Slot:
    """A place for a value: a document with `@` in that place, and what stands around it."""

    where: str
    document: str
    type_: Any

    def written(self, value: Any) -> str:
        return f"{{ {self.document.replace('@', literal(value, self.type_))} }}"

    def declared(self) -> str:
        return f"query($v: {self.type_}) {{ {self.document.replace('@', '$v')} }}"


def example(type_: Any) -> Any:
    """A value that is allowed, for what stands beside the one that is tried."""
    named = get_named_type(type_)
    if is_list_type(get_nullable_type(type_)):
        return [example(named)]
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    if isinstance(named, GraphQLInputObjectType):
        if named.name == "GeometryInput":
            return {"point": {"lon": 23.33, "lat": 42.7}}
        members = named.fields.items()
        needed = [one for one in members if is_required_input_field(one[1])] or (
            list(members)[:1] if named.is_one_of else []
        )
        return {name: example(member.type) for name, member in needed}
    return {"ID": "Building:b.1", "Int": 1, "Float": 1.0, "Boolean": True, "Lod": "2.2", "JSON": 1,
            "Date": "2026-01-01", "DateTime": "2026-01-01T00:00:00Z"}.get(named.name, "b.1")  # fmt: skip


def asked(field: Any, name: str, tried: str | None = None, said: str = "") -> str:
    """A field with the arguments that it needs, one of them as it is said."""
    arguments = {
        one: literal(example(argument.type), argument.type)
        for one, argument in field.args.items()
        if is_required_argument(argument)
    } | ({tried: said} if tried else {})
    return name + (
        f"({', '.join(f'{one}: {value}' for one, value in arguments.items())})" if arguments else ""
    )


def ways(schema: GraphQLSchema) -> dict[str, str]:
    """Object type -> a selection that leads to it, with `#` where its fields go."""
    assert schema.query_type is not None
    found = {schema.query_type.name: "#"}
    ahead = deque([schema.query_type])
    while ahead:
        type_ = ahead.popleft()
        for name, field in type_.fields.items():
            below = get_named_type(field.type)
            targets = [below] if isinstance(below, GraphQLObjectType) else []
            if is_composite_type(below) and not targets:
                targets = list(schema.get_possible_types(below))  # type: ignore[arg-type]
            for target in targets:
                if target.name not in found:
                    inner = "#" if target is below else f"... on {target.name} {{ # }}"
                    found[target.name] = found[type_.name].replace("#", f"{asked(field, name)} {{ {inner} }}")
                    ahead.append(target)
    return found


def selection(type_: Any) -> str:
    """What is asked below a field, so that PostgreSQL has to read its arguments."""
    if not is_composite_type(type_):
        return ""
    return " { nodes { __typename } }" if type_.name.endswith("Connection") else " { __typename }"


def slots(schema: GraphQLSchema) -> Iterator[Slot]:
    """Every argument of every field, and every field of every input below it; what is shared once."""
    seen: set[str] = set()
    for type_name, way in ways(schema).items():
        type_ = schema.type_map[type_name]
        assert isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items():
            below = selection(get_named_type(field.type))
            for argument, known in field.args.items():
                for path, around, leaf in inputs(known.type, f"{name}({argument})", "@", seen):
                    yield Slot(path, way.replace("#", asked(field, name, argument, around) + below), leaf)


def inputs(type_: Any, path: str, around: str, seen: set[str]) -> Iterator[tuple[str, str, Any]]:
    """A place for a value itself, or each of those within it: its path, what stands around it, its type."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLInputObjectType):
        if path not in seen:
            seen.add(path)
            yield path, around, type_
        return
    if is_list_type(get_nullable_type(type_)):
        around = around.replace("@", "[@]")
    for name, member in named.fields.items():
        # operators count for each field of each entity, a place or a page once
        step = (
            f"{path}.{name}"
            if named.name.endswith("Op") and named.name != "GeometryOp"
            else f"{named.name}.{name}"
        )
        if step in seen or (
            isinstance(get_named_type(member.type), GraphQLInputObjectType) and f"{step}*" in seen
        ):
            continue
        seen.add(f"{step}*")
        needed = {
            other: literal(example(one.type), one.type)
            for other, one in named.fields.items()
            if is_required_input_field(one) and other != name
        } | {name: "@"}
        inside = ", ".join(f"{other}: {said}" for other, said in needed.items())
        yield from inputs(member.type, step, around.replace("@", f"{{{inside}}}"), seen)


def is_told(ask: Asked, query: str, value: Any, **variables: Any) -> None:
    answer = ask.answer(query, **variables)
    body = json.loads(answer.body.decode())
    assert answer.status in (200, 400), (query[:500], repr(value)[:200], body)
    if answer.status == 400:
        (told, *_) = (error["message"] for error in body["errors"])
        assert told
        assert "Traceback" not in told
        assert "SELECT" not in told


def test_every_argument_of_the_schema_takes_or_refuses_whatever_is_sent(ask: Asked) -> None:
    """Each in its turn, every second value written in the document; of a field's operators one, another each time."""
    by_field = groupby(
        slots(ask.engine.schema),
        lambda slot: slot.where.rpartition(".")[0] if OPERATOR.search(slot.where) else slot,
    )
    every = [alike[n % len(alike)] for n, alike in enumerate(list(group) for _, group in by_field)]
    assert len(every) > 600
    for slot, value, in_variables in zip(every, cycle(VALUES), cycle([True, False]), strict=False):
        if in_variables:
            is_told(ask, slot.declared(), value, v=value)
        else:
            is_told(ask, slot.written(value), value)
    assert ask("{ buildings { totalCount } }")["buildings"]["totalCount"] == 3


#: the kinds of arguments that read what they are given in ways of their own
OWN_WAYS = [
    "search(text)", "geocode(text)", "node(id)", "byIdentifier(value)", "districts(after)", "districts(first)",
    "lod(level)", "notices(source)", "notices(rule)", "WktInput.wkt", "WktInput.crs", "GeometryInput.geojson",
    "GeometryInput.entity", "PointInput.lon", "BufferInput.metres", "ReconcileQuery.query", "ReconcileProperty.v",
    "ReconcileQuery.type", "geometry(crs)", "geometry(precision)", "geometry(simplifyM)", "search(types)",
]  # fmt: skip


@pytest.mark.parametrize("where", OWN_WAYS)
def test_arguments_that_are_read_in_their_own_way_take_or_refuse_everything(ask: Asked, where: str) -> None:
    (slot,) = (slot for slot in slots(ask.engine.schema) if slot.where == where)
    for value in VALUES:
        is_told(ask, slot.declared(), value, v=value)


@pytest.fixture(scope="module")
def named_so(town: Town) -> list[str]:
    """The hostile texts that can be stored, each the name of a place."""
    texts = [text for text in TEXTS if "\0" not in text and "\ud800" not in text and "\udfff" not in text]
    with connect(town.url, city=CITY.name) as connection:
        for i, text in enumerate(texts):
            town.put(connection, "Site", f"h{i}", kind="OUTLET", name=text)
    return texts


@pytest.mark.parametrize("in_variables", [True, False])
def test_hostile_texts_find_what_is_equal_to_them_and_nothing_else(
    ask: Asked, named_so: list[str], in_variables: bool
) -> None:
    """Each operator by the text, against Python's own; all the places are asked, not only these."""
    names = [node["name"] for node in ask("{ sites(first: 1000) { nodes { name } } }")["sites"]["nodes"]]
    assert set(named_so) < set(names)
    for text in named_so:
        operators: list[tuple[str, Any, Any]] = [
            ("eq", text, lambda name, text=text: name == text),
            ("ne", text, lambda name, text=text: name != text),
            ("in", [text, "Обект 0"], lambda name, text=text: name in (text, "Обект 0")),
            ("startsWith", text, lambda name, text=text: name is not None and name.startswith(text)),
            ("contains", text, lambda name, text=text: name is not None and text in name),
        ]
        for operator, said, keeps in operators:
            kind = "[String!]" if operator == "in" else "String"
            query = f"{{ sites(first: 1000, where: {{name: {{{operator}: @}}}}) {{ nodes {{ name }} }} }}"
            if in_variables:
                data = ask(f"query($v: {kind}) {query.replace('@', '$v')}", v=said)
            else:
                data = ask(query.replace("@", literal(said)))
            found = [node["name"] for node in data["sites"]["nodes"]]
            assert sorted(map(repr, found)) == sorted(repr(name) for name in names if keeps(name)), (
                operator,
                text[:50],
            )
