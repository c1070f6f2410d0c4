"""Costs: said in the SDL, added up before any SQL, held against the caller's budget, told by dry runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from graphql import build_schema, is_object_type, print_ast
from starlette.testclient import TestClient

from schema import query
from schema.app import create
from schema.callers import Bucket, Callers, Spent
from schema.cost import Bill, cost_of
from schema.declare import READ
from tests.schema.conftest import Asked
from tests.town import Town
from twin.errors import BadRequest
from twin.settings import Settings

GRAPHQL = {"accept": "application/graphql-response+json"}
ANA, BORIS = "a" * 20, "b" * 20


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    settings = Settings(
        database_url=town.url,
        connections=2,
        cost_budget=100,
        callers=(("ana", ANA, 1_000.0),),
        curators=(("boris", BORIS),),
    )
    with TestClient(create(settings), headers=GRAPHQL) as client:
        yield client


def ask_over(client: TestClient, text: str, token: str | None = None, **extensions: Any) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = client.post("/graphql", json={"query": text, "extensions": extensions}, headers=headers)
    return answer.status_code, answer.json()


def bill(ask: Asked, text: str) -> Bill:
    return ask.engine.statement(ask.town.city, text).bill


@pytest.mark.parametrize(
    ("text", "cost", "rows"),
    [
        ("{ __typename }", 0, 0),
        ('{ node(id: "Building:b.1") { id } }', 1, 1),
        ("{ buildings(first: 10) { nodes { id heightM } } }", 2 + 10, 10),
        ("{ buildings(first: 10) { nodes { geometry district { code } } } }", 2 + 10 + 10 + 10, 20),
        (
            "{ districts(first: 3) { nodes { buildings(first: 10) { nodes { id } } } } }",
            (2 + 3) + 3 * (2 + 10), 3 + 30,
        ),
        ("{ buildings { totalCount } }", 2 + 10, 0),
        ("{ a: buildings(first: 1) { nodes { id } } b: buildings(first: 1) { nodes { id } } }", 6, 2),
        # of the records that a link may lead to, only the dearest counts
        ('{ node(id: "Link:x") { ... on Link { subject { id ... on Site { business { eik } } } } } }', 3, 3),
    ],
)  # fmt: skip
def test_what_an_operation_costs(ask: Asked, text: str, cost: float, rows: int) -> None:
    found = bill(ask, text)
    assert (found.cost, found.rows) == (cost, rows)


RELATED = '{footprint: {relate: {to: {entity: "District:68134-01"}, pattern: "T********"}}}'
AROUND = '{buffer: {of: {entity: "District:68134-01"}, metres: 5}}'


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ _service { sdl } }", 1_000),
        ('{ __type(name: "Building") { name fields { name } } }', 0.25 * (2 + 5)),
        ("{ buildings(where: {heightM: {gt: 3}}) { totalCount } }", 12 + 10),
        ("{ buildings(where: {heightM: {gt: 3}}) { totalCount nodes { __typename } } }", 62 + 20),
        ('{ addresses(where: {text: {contains: "x"}}) { totalCount } }', 12 + 1_000),
        ("{ buildings(where: {or: [%s]}) { totalCount } }" % ", ".join([RELATED] * 40), 12 + 40 * 5_000),
        ("{ buildings(where: {footprint: {within: {union: [%s]}}}) { totalCount } }" % ", ".join([AROUND] * 9),
         12 + 9 * 250 + 100),
        ("{ districts(first: 2) { nodes { buildings(first: 1, where: %s) { nodes { id } } } } }" % RELATED,
         4 + 2 * (3 + 50)),
        ('{ addresses(first: 1, orderBy: [{district: {distance: {entity: "District:1"}}}]) { nodes { id } } }',
         3 + 100_000),
    ],
)  # fmt: skip
def test_what_is_looked_through_is_not_free(ask: Asked, text: str, cost: float) -> None:
    assert bill(ask, text).cost == cost


def test_a_filter_that_makes_nearby_walk_far_costs_more_than_one_within_reach(ask: Asked) -> None:
    text = """{ buildings(first: 10) { nodes { nearby(kinds: [Site], first: 1%s,
        where: {site: {name: {contains: "zzzz"}}}) { nodes { id } } } } }"""
    far, near = (bill(ask, text % within).cost for within in ("", ", withinM: 500"))
    assert far - near == bill(ask, text % ", withinM: 5000").cost - near == 10 * 5_000


def test_a_gateway_gets_the_subgraphs_schema_once(ask: Asked) -> None:
    for text in ("{ _service { a: sdl b: sdl } }", "{ a: _service { sdl } b: _service { sdl } }"):
        assert "_service.sdl: is asked for more than once" in ask.refused(text)


def test_what_costs_most_is_of_the_dearest_alternative_only(ask: Asked) -> None:
    text = """{ districts(first: 2) { nodes { nearby(kinds: [Building, Site, Facility], first: 5) {
        nodes { ... on SpatialEntity { nearby(kinds: [Building], first: 5) { nodes { id } } } } } } } }"""
    found = bill(ask, text)
    assert sum(cost for _, cost in found.parts) == found.cost


def test_a_measure_costs_by_what_it_takes_and_by_how_many_it_is_of(ask: Asked) -> None:
    def cost(measure: str, around: str = "{ buildings { %s } }") -> float:
        return bill(ask, around % measure).cost

    plain, sorted_ = cost("aggregate { heightM { avg } }"), cost("aggregate { heightM { median } }")
    boxed, drawn = cost("aggregate { footprint { extent } }"), cost("aggregate { footprint { convexHull } }")
    assert plain < sorted_ < boxed < drawn
    three = cost("aggregate { footprint { convexHull } heightM { avg median } }")
    assert three > drawn > 100_000
    assert cost("groupBy(by: [{currentUse: true}]) { aggregate { footprint { convexHull } } }") > drawn
    of_links = "{ buildings(first: 1000) { nodes { links { %s } } } }"
    assert cost("aggregate { count }", of_links) < 15_000
    of_districts = "{ districts(first: 24) { nodes { buildings { %s } } } }"
    assert cost("aggregate { count }", of_districts) < cost("aggregate { count }", of_links)


def test_the_costliest_measure_is_named(ask: Asked) -> None:
    said = bill(ask, "{ buildings { aggregate { count footprint { count hull: convexHull } } } }")
    assert said.parts[0][0] == "buildings.aggregate.footprint.hull"


def test_a_refusal_of_groups_names_their_own_first(ask: Asked) -> None:
    text = (
        "{ districts(first: 100) { nodes { buildings(first: 3) {"
        " groupBy(by: [{currentUse: true}]) { aggregate { count } } } } } }"
    )
    with pytest.raises(BadRequest) as refused:
        bill(ask, text).check(rows_ceiling=100_000, budget=10**9)
    assert str(refused.value) == (
        "the operation may read up to 100,100 rows; 100,000 are allowed; "
        "districts.buildings.groupBy costs most (112,000): "
        "ask for fewer than 1,000 with first of districts.buildings.groupBy; "
        "ask for fewer than 100 with first of districts"
    )


def test_the_sdl_says_what_the_planner_counts() -> None:
    schema = query.build()
    served, said = schema._schema.type_map, build_schema(query.sdl(schema)).type_map
    costly = 0
    for name, type_ in said.items():
        known = served[name]
        if not (is_object_type(type_) and is_object_type(known)) or name.startswith("__"):
            continue
        for field_name, field in type_.fields.items():
            definition = known.fields[field_name].extensions["strawberry-definition"]
            cost = cost_of(definition.metadata.get(READ))
            expected = f"@cost(weight: {cost.weight}" + (
                f", perItem: {cost.per_item})" if cost.per_item else ")"
            )
            assert field.ast_node is not None
            told = [
                print_ast(directive)
                for directive in field.ast_node.directives or ()
                if directive.name.value == "cost"
            ]
            assert told == ([expected] if cost.weight or cost.per_item else []), f"{name}.{field_name}"
            costly += len(told)
    assert costly > 100


def test_a_refusal_names_what_costs_most_and_what_to_narrow(client: TestClient) -> None:
    text = "{ mine: districts(first: 3) { nodes { label buildings(first: 40) { nodes { id } } } } }"
    status, body = ask_over(client, text)
    assert status == 400
    (error,) = body["errors"]
    assert error["message"] == (
        "the operation may cost up to 131; 100 are allowed; mine.buildings costs most (126): "
        "ask for fewer than 40 with first of mine.buildings; ask for fewer than 3 with first of mine"
    )
    assert error["extensions"]["code"] == "BAD_REQUEST"


def test_a_known_caller_has_a_budget_of_their_own(client: TestClient) -> None:
    text = "{ buildings(first: 500) { nodes { id } } }"
    assert ask_over(client, text)[0] == 400
    for _ in range(2):  # planned anew, and from what is kept of it
        assert ask_over(client, text, ANA)[0] == 200
    status, body = ask_over(client, text)
    assert (status, body["errors"][0]["message"][:37]) == (400, "the operation may cost up to 502; 100")
    assert ask_over(client, text, BORIS)[0] == 400  # a curator's token is known, and gives no budget


def test_a_curator_of_a_callers_name_has_everybodys_budget() -> None:
    settings = Settings(cost_budget=100, callers=(("ana", ANA, 1_000.0),), curators=(("ana", BORIS),))
    callers = Callers(settings)
    assert [callers.of(f"Bearer {token}", "x").budget for token in (ANA, BORIS)] == [1_000, 100]


def test_a_token_of_nobody_is_told(client: TestClient) -> None:
    answer = client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"authorization": "Bearer " + "c" * 20}
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_stream_is_held_to_the_budget_line_by_line(client: TestClient) -> None:
    headers = {"accept": "application/x-ndjson"}
    cheap = {"query": "{ buildings { nodes { id geometry } } }"}
    assert client.post("/graphql", json=cheap, headers=headers).status_code == 200
    dear = {"query": "{ districts { nodes { buildings(first: 200) { nodes { id } } } } }"}
    answer = client.post("/graphql", json=dear, headers=headers)
    assert answer.status_code == 400
    assert "may cost up to 203; 100 are allowed" in answer.json()["errors"][0]["message"]


def test_an_answer_tells_its_cost_when_asked(client: TestClient) -> None:
    text = "{ districts(first: 2) { nodes { id } } }"
    status, body = ask_over(client, text, cost=True)
    assert status == 200
    assert body["extensions"] == {"cost": {"cost": 4, "rows": 2, "budget": 100}}
    assert body["data"] == ask_over(client, text)[1]["data"]
    assert "extensions" not in ask_over(client, text, cost=False)[1]


def test_a_dry_run_tells_all_and_runs_nothing(client: TestClient, ask: Asked) -> None:
    text = '{ buildings(first: 9, where: {id: {in: ["Building:b.1"]}}) { nodes { id district { nameBg } } } }'
    status, body = ask_over(client, text, dryRun=True)
    assert status == 200
    assert body["data"] is None
    run = body["extensions"]["dryRun"]
    assert (run["cost"], run["rows"], run["budget"], run["refusal"]) == (20, 18, 100, None)
    assert run["mostCostly"] == [
        {"path": "buildings", "cost": 11},
        {"path": "buildings.district", "cost": 9},
    ]
    assert run["estimatedCost"] > 0
    assert run["estimatedRows"] == 2  # the building, and its district
    assert run["sequentialScans"] == run["narrow"] == []
    ask.statements.clear()
    ask.dry(text)
    assert [sql for sql in ask.statements if not sql.startswith(b"EXPLAIN (FORMAT JSON) ")] == ask.statements[
        1:
    ]


def test_a_dry_run_says_what_would_be_refused(client: TestClient) -> None:
    run = ask_over(client, "{ buildings(first: 500) { nodes { id } } }", dryRun=True)[1]["extensions"][
        "dryRun"
    ]
    assert run["refusal"].startswith(
        "the operation may cost up to 502; 100 are allowed; buildings costs most"
    )
    assert run["narrow"] == ["ask for fewer than 500 with first of buildings"]


def test_a_dry_run_names_the_indexes_and_the_tables_read_whole(town: Town, client: TestClient) -> None:
    town.run(
        "INSERT INTO named_place (key, name, boundary, recorded_at, sources) SELECT 'n' || i, 'Място',"
        " ST_Multi(ST_MakeEnvelope(i, 0, i + 1, 1, 7801)), now(), '{town}' FROM generate_series(1, 3000) i"
    )
    town.run("ANALYZE named_place")
    few = ask_over(client, "{ namedPlaces(first: 5) { nodes { id } } }", dryRun=True)[1]
    assert few["extensions"]["dryRun"]["estimatedRows"] == 5  # of 3,000
    found = ask_over(client, '{ node(id: "NamedPlace:n7") { id } }', dryRun=True)[1]["extensions"]["dryRun"]
    assert "named_place_pkey" in found["indexes"]
    assert found["sequentialScans"] == []
    whole = ask_over(client, '{ namedPlaces(where: {name: {ne: "x"}}) { totalCount } }', dryRun=True)
    run = whole[1]["extensions"]["dryRun"]
    assert run["sequentialScans"] == ["named_place"]
    assert run["narrow"] == [
        "named_place is read whole: filter by an indexed field or a place, or take fewer"
    ]


@pytest.mark.parametrize("text", ["{ castles }", "{ buildings(first: -1) { nodes { id } } }"])
def test_a_dry_run_of_what_is_wrong_is_an_ordinary_error(client: TestClient, text: str) -> None:
    status, body = ask_over(client, text, dryRun=True)
    assert (status, list(body)) == (400, ["errors"])


@pytest.mark.parametrize("extensions", [{"dryRun": 1}, {"cost": "yes"}])
def test_an_extension_that_is_no_truth_value_is_told(client: TestClient, extensions: Any) -> None:
    status, body = ask_over(client, "{ __typename }", **extensions)
    assert status == 400
    assert "is neither true nor false" in body["errors"][0]["message"]


def test_who_spends_too_fast_waits(town: Town) -> None:
    settings = Settings(database_url=town.url, connections=1, cost_budget=1_000, cost_rate=0.5)
    with TestClient(create(settings), headers=GRAPHQL) as client:
        text = {"query": "{ buildings(first: 598) { nodes { id } } }"}
        assert client.post("/graphql", json=text).status_code == 200
        answer = client.post("/graphql", json=text)
        assert answer.status_code == 429
        assert 390 <= int(answer.headers["retry-after"]) <= 400
        assert answer.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert (
            client.post("/graphql", json={"query": "{ buildings(first: 5) { nodes { id } } }"}).status_code
            == 200
        )


def test_dry_runs_are_of_the_budget_over_time(town: Town) -> None:
    settings = Settings(database_url=town.url, connections=1, cost_budget=200, cost_rate=0.1)
    asked = {"query": "{ buildings(first: 1000) { nodes { id } } }", "extensions": {"dryRun": True}}
    with TestClient(create(settings), headers=GRAPHQL) as client:
        statuses = [client.post("/graphql", json=asked).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_a_bucket_fills_again_and_lets_the_dearest_through_when_full(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    bucket = Bucket(rate=10, holds=100)
    bucket.take(500)
    with pytest.raises(Spent) as refused:
        bucket.take(50)
    assert refused.value.retry_after_s == 5
    now = 5.0
    bucket.take(50)


def test_who_has_read_a_long_stream_owes_what_a_full_bucket_holds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    bucket = Bucket(rate=10, holds=600)
    bucket.owe(1_000_000)
    with pytest.raises(Spent) as refused:
        bucket.take(600)
    assert refused.value.retry_after_s == 120


def test_the_settings_of_callers_are_checked() -> None:
    read = Settings.from_environment
    known = read({"TWIN_CALLERS": f"ana:{ANA}:2000000, boris:{BORIS}:5e5"}).callers
    assert known == (("ana", ANA, 2_000_000.0), ("boris", BORIS, 500_000.0))
    for wrong in (f"ana:{ANA}", "ana:short:5", f"ana:{ANA}:0", f"ana:{ANA}:many", f":{ANA}:5"):
        with pytest.raises(BadRequest, match="TWIN_CALLERS: entry 1 is no name:token:budget") as refused:
            read({"TWIN_CALLERS": wrong})
        assert ANA not in str(refused.value)
    assert replace(read({}), callers=known).cost_budget == 500_000
    assert orjson.dumps(read({}).cost_rate) == b"null"
