"""Operations that nobody thought of: hypothesis-graphql makes them from the schema, and none ends in a fault.

Left alone, it asks for ids, codes and coordinate systems that do not exist; so most of what it makes is led
towards the rows that there are. What is answered has the shape that graphql-core gives it, and the values of
tests/reference.py where that covers all that is asked.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import orjson
import pytest
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLScalarType,
    GraphQLSchema,
    NameNode,
    ObjectValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    Visitor,
    get_named_type,
    is_specified_scalar_type,
    parse_value,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries

from tests.questions import conditions, group_keys, orders, place
from tests.reference import NotCovered, Reference, disagreement, literal
from tests.schema.conftest import Asked
from twin.entities import BY_NAME, IDENTIFIERS
from twin.schemes import SCHEMES

_DATES = st.dates().map(lambda day: day.isoformat())
_MOMENTS = _DATES.map(lambda day: f"{day}T12:00:00+02:00")
_JSON = st.sampled_from(["null", "1", '"a"', '{id: "District:68134-01"}', "[]", '["68134"]']).map(parse_value)
SCALARS = {
    "Date": (_DATES | _DATES | _DATES | st.text()).map(nodes.String),
    "DateTime": (_MOMENTS | _MOMENTS | _MOMENTS | st.text()).map(nodes.String),
    "BigInt": st.integers(-(2**64), 2**64).map(nodes.Int),
    "Lod": st.sampled_from(["0", "1.2", "2.2", "fine"]).map(nodes.String),
    "GeoJSON": st.sampled_from(['{type: "Point", coordinates: [23.3, 42.7]}', '{type: "Blob"}']).map(
        parse_value
    ),
    "JSON": _JSON,
}
#: argument -> a value that there is, or is allowed
LIKELY: dict[str, tuple[Any, ...]] = {
    "crs": (4326, 7801, 3857, 3035), "precision": (0, 2, 7, 15), "simplifyM": (0, 5.5, 30), "withinM": (0, 25, 80),
    "first": (1, 2, 3), "last": (1, 2, 3), "rule": ("а", "b"), "source": ("Source:town", "So.1"),
    "text": ("шипка 14", "люлин", "b.1"),
}  # fmt: skip


#: that an answer holds records, or counts some
SOMETHING = re.compile(rb'":\[\{|"(node|byIdentifier)":\{|"totalCount":[1-9]')


class Questions:
    """What can be asked of the rows that there are."""

    def __init__(self, reference: Reference, chance: random.Random) -> None:
        listed = [name for name in BY_NAME if f"{name}Order" in reference.schema.type_map]
        self.conditions = {name: [{}, *conditions(reference, name, chance)] for name in listed}
        self.orders = {name: orders(reference, name, chance) for name in listed}
        self.places = [place(reference, chance) for _ in range(50)]
        self.identifiers = [
            (scheme, row[column])
            for scheme, (entity, column) in IDENTIFIERS.items()
            for row in reference.rows[entity.name].values()
            if row[column] is not None and SCHEMES[scheme].read(row[column])
        ]
        self.ids = [f"{name}:{key}" for name, rows in reference.rows.items() for key in rows]


class Likelier(Visitor):
    """Leads an operation towards what there is; one time in ten it leaves a thing as it was."""

    def __init__(self, questions: Questions, types: TypeInfo, chance: random.Random) -> None:
        super().__init__()
        self.questions, self.types, self.chance = questions, types, chance

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        declared = self.types.get_field_def()
        if declared is None:
            return None
        entity = get_named_type(declared.type).name.removesuffix("Connection")
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        page = self.chance.choice(["first", "first", "last"])
        for name in ("first", "last", "after", "before"):
            if name in declared.args and name != page and self.chance.random() < 0.97:
                given.pop(name, None)
        for name, argument in declared.args.items():
            said = self._likely(name, entity, get_named_type(argument.type))
            if said is not None and name in given and self.chance.random() < 0.95:
                given[name] = parse_value(literal(said, argument.type))
        if node.name.value == "byIdentifier" and self.chance.random() < 0.9:
            scheme, value = self.chance.choice(self.questions.identifiers)
            given = {"scheme": nodes.Enum(scheme), "value": nodes.String(value)}
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=tuple(
                ArgumentNode(name=NameNode(value=name), value=said) for name, said in given.items()
            ),
            directives=node.directives or (),
            selection_set=node.selection_set,
        )

    def enter_object_value(self, node: ObjectValueNode, *_: Any) -> Any:
        """Of the fields of a @oneOf input one is kept."""
        type_ = get_named_type(self.types.get_input_type())
        if not getattr(type_, "is_one_of", False) or len(node.fields) < 2 or self.chance.random() < 0.05:
            return None
        return ObjectValueNode(fields=(self.chance.choice(node.fields),))

    def _likely(self, name: str, entity: str, type_: GraphQLNamedType) -> Any:
        chance, questions = self.chance, self.questions
        if isinstance(type_, GraphQLInputObjectType) and type_.name.endswith("GroupBy"):
            return group_keys(type_, chance)
        if name in LIKELY:
            return chance.choice(LIKELY[name])
        if name == "where" and entity in questions.conditions:
            return chance.choice([{}, chance.choice(questions.conditions[entity])])
        if name == "orderBy" and entity in questions.orders:
            return chance.sample(questions.orders[entity], chance.randrange(3))
        if name == "id":
            return chance.choice(questions.ids)
        if name == "ids":
            return chance.sample(questions.ids, 3)
        if name == "representations":
            return [
                {"__typename": one.partition(":")[0], "id": one} for one in chance.sample(questions.ids, 2)
            ]
        return chance.choice(questions.places) if name in ("to", "at", "near") else None


def scalars(schema: GraphQLSchema) -> dict[str, st.SearchStrategy[ValueNode]]:
    named = (type_ for type_ in schema.type_map.values() if isinstance(type_, GraphQLScalarType))
    own = [type_.name for type_ in named if not is_specified_scalar_type(type_)]
    return {name: SCALARS.get(name, st.text().map(nodes.String)) for name in own}


def fuzz(ask: Asked, reference: Reference, examples: int, start: int) -> Counter[str]:
    """How so many operations ended; fails at the first that ended wrongly, quoting it."""
    ended: Counter[str] = Counter()
    schema = reference.schema
    questions = Questions(reference, random.Random(start))
    assert schema.query_type is not None
    # one root field at a time: drawing which of all to take would be most of the work
    of_one_root = [
        queries(schema, fields=[root], custom_scalars=scalars(schema), print_ast=lambda document: document)
        for root in schema.query_type.fields
    ]

    @seed(start)
    @settings(
        max_examples=examples, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(*of_one_root), st.integers(0, 2**32))
    def run(document: DocumentNode, number: int) -> None:
        types = TypeInfo(schema)
        likelier = TypeInfoVisitor(types, Likelier(questions, types, random.Random(number)))
        query = print_ast(visit(document, likelier))
        ended[outcome(ask, reference, query)] += 1

    run()
    return ended


def outcome(ask: Asked, reference: Reference, query: str) -> str:
    answer = ask.answer(query)
    body = orjson.loads(answer.body)
    assert answer.status in (200, 400), f"{body}\n{query}"
    if answer.status == 400:
        return "refused"
    assert disagreement(ask.replayed(query), body["data"]) is None, query
    try:
        expected = reference.answer(query)
    except NotCovered:
        return "of the right shape"
    told = disagreement(expected, body["data"])
    assert told is None, f"{told}\n{query}"
    some = SOMETHING.search(orjson.dumps(body["data"]))
    return "as the reference has it" if some else "empty, as the reference has it"


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # would hide what failed
def test_generated_operations_are_answered_or_refused_in_words(ask: Asked, reference: Reference) -> None:
    ended = fuzz(ask, reference, 300, start=1)
    assert ended.total() >= 300
    assert ended["refused"] < 0.4 * ended.total(), ended
    assert ended["as the reference has it"] > 0.2 * ended.total(), ended


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # would hide what failed
@pytest.mark.soak
def test_ten_thousand_generated_operations(
    ask: Asked, reference: Reference, pytestconfig: pytest.Config
) -> None:
    start = pytestconfig.getoption("seed") or random.randrange(2**32)
    print(f"--seed {start} makes the same operations")  # noqa: T201  (to have a failure again)
    ended = fuzz(ask, reference, 10_000, start)
    print(dict(ended))  # noqa: T201
    assert ended.total() >= 10_000
