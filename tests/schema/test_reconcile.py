"""Reconciliation as its clients see it: candidates with their features, and OpenRefine's calls in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from schema.app import create
from tests.schema.conftest import GRID, Asked
from tests.schema.reconciliation import (
    EXTENDED,
    FLYOUT,
    MANIFEST,
    PROPOSED,
    RESULT_BATCH,
    SUGGESTED_ENTITIES,
    SUGGESTED_OTHERS,
    valid,
)
from tests.town import CITY, Town
from twin import search
from twin.addresses import match_key, parse_address
from twin.database import connect
from twin.gazetteer import refresh_gazetteer
from twin.reconcile import MOST_QUERIES, Query, asked
from twin.settings import Settings
from twin.text import fold

BUILDING = "68134.100.33.2"


@pytest.fixture(scope="module")
def town(database_url: str) -> Town:
    """Two districts, a street of three houses, firms with alike names, a sole trader, two stops of one name."""
    town = Town(database_url, CITY)
    for code, name, latin, ring in (
        ("68134-01", "Средец", "Sredets", "ABEF"),
        ("68134-09", "Лозенец", "Lozenets", "BCDE"),
    ):
        town.add("District", code, code=code, name_bg=name, name_latin=latin, name_folded=fold(name),
                 population=1000, boundary=GRID[ring])  # fmt: skip
    town.add("Neighbourhood", "n1", name="кв. Лозенец", name_folded="kv lozenets", boundary=GRID["BCD"],
             district="68134-09")  # fmt: skip
    town.add("Building", BUILDING, cadastral_id=BUILDING, osm_id="way/7", storeys_above_ground=3,
             name="Дом на киното", name_latin="House of Cinema", footprint=GRID["abcd"], district="68134-01")  # fmt: skip
    for number, mark, building in (("14", "p", BUILDING), ("16", "q", None), ("18", "t", None)):
        text = f"гр. София, ул. Шипка {number}"
        town.add("Address", f"a{number}", text=text, street="ул. Шипка", house_number=number,
                 settlement="гр. София", postcode="1504", match_key=match_key(parse_address(text)),
                 position=GRID[mark], building=building,
                 district="68134-01" if number == "14" else "68134-09")  # fmt: skip
    for eik, name, latin, district in (
        ("000695146", "Пробна строителна АД", "Sample Builders PLC", "68134-01"),
        ("131413749", "Пробна търговия ООД", "Probna targovia OOD", "68134-09"),
        ("827105001", "Близнак ЕООД", "Bliznak EOOD", "68134-01"),
        ("831309045", "Близнак ЕООД", "Bliznak EOOD", "68134-09"),
    ):
        town.add("Business", eik, eik=eik, legal_name=name, legal_name_latin=latin,
                 legal_name_folded=fold(name))  # fmt: skip
        town.add("Site", f"s{eik}", kind="SEAT", business=eik, district=district)
    # what a sole trader's row holds at most
    town.add("Business", "175074752", eik="175074752", natural_person_like=True, legal_form="ET")
    town.add("Site", "s175074752", kind="SEAT", business="175074752", district="68134-01")
    for old in ("68134.100.33.8", "68134.100.33.9"):
        town.add("Succession", old, entity="Building", old_key=old, new_key=BUILDING)
    for stop, mark in (("1", "p"), ("2", "t")):
        town.add("TransitStop", f"g/{stop}", gtfs_id=stop, name="ОРЛОВ МОСТ", name_folded="orlov most",
                 position=GRID[mark], district="68134-01")  # fmt: skip
    with connect(town.url, city=CITY.name) as connection:
        refresh_gazetteer(connection)
        search.rebuild(connection)
    return town


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[TestClient]:
    settings = Settings(database_url=town.url, connections=2, request_bytes_ceiling=100_000)
    with TestClient(create(settings)) as client:
        yield client


def post(client: TestClient, **queries: Any) -> Any:
    answer = client.post("/town/reconcile", data={"queries": json.dumps(queries)})
    assert answer.status_code == 200, answer.text
    return {name: each["result"] for name, each in valid(answer.json(), RESULT_BATCH).items()}


def ids(candidates: list[Any]) -> list[str]:
    return [each["id"] for each in candidates]


def features(candidate: Any) -> dict[str, Any]:
    return {each["id"]: each["value"] for each in candidate["features"]}


# --- candidates -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "types", "expected"),
    [
        ("Лозенец", "District", "District:68134-09"),
        ("р-н Лозенец", "District", "District:68134-09"),
        ("LOZENETS", "District", "District:68134-09"),
        ("68134-9", "District", "District:68134-09"),
        ("District:68134-09", None, "District:68134-09"),
        ("Лозенец", "Neighbourhood", "Neighbourhood:n1"),
        ("ПРОБНА СТРОИТЕЛНА АД", None, "Business:000695146"),
        ("Probna stroitelna AD", "Business", "Business:000695146"),
        ("Sample Builders PLC", None, "Business:000695146"),  # the register's own Latin name
        ("BG000695146", None, "Business:000695146"),
        ("Дом на киното", None, f"Building:{BUILDING}"),
        ("HOUSE OF CINEMA", "Building", f"Building:{BUILDING}"),
        ("ул. Шипка 14, София", "Address", "Address:a14"),
        ("Шипка №14", "Address", "Address:a14"),
        ("бул. Шипка 14", "Building", f"Building:{BUILDING}"),
        ("68134. 100.33.2", None, f"Building:{BUILDING}"),
        ("68134.100.33.9", None, f"Building:{BUILDING}"),  # it took that one's place
        ("Building:68134.100.33.8", None, f"Building:{BUILDING}"),
        ("https://www.openstreetmap.org/way/7", None, f"Building:{BUILDING}"),
    ],
)
def test_what_people_write_is_matched(
    client: TestClient, text: str, types: str | None, expected: str
) -> None:
    query: dict[str, Any] = {"query": text, **({"type": types} if types else {})}
    (best, *_) = post(client, q0=query)["q0"]
    assert best["id"] == expected
    assert best["match"] is True, best
    assert best["score"] >= 90


@pytest.mark.parametrize(
    "text",
    [
        "Пробна строителня",
        "Порбна строителна АД",
        "Пробнастроителна АД",
        "Проб на строителна АД",
        "Пробна строителна компания АД",
        "Smaple Builders",
    ],
)
def test_a_damaged_name_is_a_candidate_and_no_match(client: TestClient, text: str) -> None:
    best, *_ = post(client, q0={"query": text, "type": "Business"})["q0"]
    assert best["id"] == "Business:000695146"
    assert best["match"] is False
    assert 0.4 < features(best)["name_similarity"] < 1


def test_of_the_longest_text_only_its_first_words_are_looked_up() -> None:
    long = " ".join(f"дума{chr(0x430 + i // 30)}{chr(0x430 + i % 30)}" for i in range(70))
    (said,) = json.loads(asked([Query(long)]))
    assert len(said["words"]) == 10
    assert len(said["heads"]) <= 100


def test_of_two_namesakes_none_is_a_match_until_more_is_known(client: TestClient) -> None:
    name = {"query": "Близнак ЕООД", "type": ["Business"]}
    found = post(
        client,
        alone=name,
        district={**name, "properties": [{"pid": "district", "v": "район Лозенец"}]},
        reconciled={**name, "properties": [{"pid": "district", "v": {"id": "District:68134-09"}}]},
        eik={**name, "properties": [{"pid": "eik", "v": 831309045}]},
    )
    assert ids(found["alone"]) == ["Business:827105001", "Business:831309045"]
    assert [each["match"] for each in found["alone"]] == [False, False]
    for how in ("district", "reconciled", "eik"):
        assert ids(found[how])[0] == "Business:831309045"
        assert [each["match"] for each in found[how]] == [True, False]
    assert [features(each)["same_district"] for each in found["district"]] == [True, False]
    assert [features(each)["identifier"] for each in found["eik"]] == [True, False]


def test_a_place_tells_namesakes_apart_by_metres(client: TestClient, town: Town) -> None:
    with connect(town.url, city=CITY.name) as connection:
        row = connection.execute(
            "SELECT ST_X(g), ST_Y(g) FROM (SELECT ST_Transform(position, 4326) AS g FROM transit_stop"
            " WHERE key = 'g/2') AS p"
        ).fetchone()
    assert row is not None
    place = [{"pid": "lon", "v": row[0]}, {"pid": "lat", "v": str(row[1])}]
    first, second = post(client, q={"query": "Орлов мост", "type": "TransitStop", "properties": place})["q"]
    assert (first["id"], features(first)["distance_m"]) == ("TransitStop:g/2", 0)
    assert features(second)["distance_m"] > 50


@pytest.mark.parametrize(("lon", "lat"), [(27, -90), (0, 90), (-180, 0), ("-157,5", "-42,7")])
def test_a_place_at_the_end_of_the_world_is_far_off(client: TestClient, lon: Any, lat: Any) -> None:
    place = [{"pid": "lon", "v": lon}, {"pid": "lat", "v": lat}]
    found = post(
        client,
        near={"query": "Орлов мост", "type": "TransitStop"},
        far={"query": "Орлов мост", "type": "TransitStop", "properties": place},
    )
    assert ids(found["far"]) == ids(found["near"])
    assert found["far"][0]["score"] < found["near"][0]["score"]
    assert features(found["far"][0])["distance_m"] > 4_000_000


def test_limit_and_type_are_kept(client: TestClient) -> None:
    found = post(
        client,
        all={"query": "Лозенец"},
        one={"query": "Лозенец", "limit": 1},
        strict={"query": "Лозенец", "type": ["Neighbourhood", "Building"], "type_strict": "any"},
        both={"query": "Лозенец", "type": ["Neighbourhood", "District"], "type_strict": "all"},
        nothing={"query": "Xyzzyq"},
        blank={"query": " "},
        by_code={"properties": [{"pid": "code", "v": "68134-01"}]},
    )
    assert {each["type"][0]["id"] for each in found["all"]} == {"District", "Neighbourhood"}
    assert len(found["one"]) == 1
    assert ids(found["strict"]) == ["Neighbourhood:n1"]
    assert found["both"] == found["nothing"] == found["blank"] == []
    assert ids(found["by_code"]) == ["District:68134-01"]


def test_a_sole_trader_is_found_by_number_only_and_shows_no_name(client: TestClient) -> None:
    (trader,) = post(client, q={"query": "175074752"})["q"]
    assert (trader["id"], trader["name"]) == ("Business:175074752", "175074752")
    page = client.get("/town/reconcile/preview", params={"id": trader["id"]}).text
    assert "175074752" in page
    assert "address" not in page


def test_a_batch_is_one_statement_and_the_same_in_graphql(ask: Asked, client: TestClient) -> None:
    queries = [
        {"query": "Близнак ЕООД", "type": ["Business"], "properties": [{"pid": "district", "v": "Лозенец"}]},
        {"query": "Шипка 14", "limit": 2},
        {"query": "Xyzzyq"},
    ]
    ask.statements.clear()
    found = ask(
        "query($q: [ReconcileQuery!]!) { reconcile(queries: $q) { candidates {"
        " id name description score match features { id value } type: __typename record { id __typename } } } }",
        q=queries,
    )["reconcile"]
    assert len(ask.statements) == 1
    said = post(client, **{f"q{i}": query for i, query in enumerate(queries)})
    kept = ("id", "name", "score", "match", "features")
    assert [[{k: each[k] for k in kept} for each in one["candidates"]] for one in found] == [
        [{k: each[k] for k in kept} for each in one] for one in said.values()
    ]
    assert found[0]["candidates"][0]["record"] == {"id": "Business:831309045", "__typename": "Business"}


def test_graphql_takes_queries_that_the_document_writes_out(ask: Asked) -> None:
    found = ask(
        'query($name: String!) { reconcile(queries: [{query: $name, type: ["District"],'
        ' properties: [{pid: "code", v: "68134-09"}]}]) { candidates { id } } }',
        name="Лозенец",
    )
    assert found["reconcile"] == [{"candidates": [{"id": "District:68134-09"}]}]
    assert "there are Address" in ask.refused(
        '{ reconcile(queries: [{query: "x", type: ["Castle"]}]) { __typename } }'
    )


# --- OpenRefine -----------------------------------------------------------------------------------------
def test_openrefine_reconciles_a_column_and_extends_it(client: TestClient) -> None:
    """The calls of OpenRefine 3.8, in its order and as it writes them."""
    cors = {"origin": "http://127.0.0.1:3333"}
    # adding the service: CORS first, JSONP where that fails
    answer = client.get("/town/reconcile", headers=cors)
    assert answer.headers["access-control-allow-origin"] == "*"
    manifest = valid(answer.json(), MANIFEST)
    script = client.get("/town/reconcile", params={"callback": "jQuery33_1"})
    assert script.headers["x-content-type-options"] == "nosniff"
    assert script.headers["content-type"].startswith("application/javascript")
    assert script.text == f"/**/jQuery33_1({answer.text});"
    endpoint = manifest["identifierSpace"].removesuffix("/id/") + "/reconcile"

    # guessing the column's type from its first ten cells, then the batch with its type and another column
    cells = ["Близнак ЕООД", "ПРОБНА ТЪРГОВИЯ"]
    guess = {f"q{i}": {"query": cell, "limit": 3} for i, cell in enumerate(cells)}
    guessed = valid(client.post(endpoint, data={"queries": json.dumps(guess)}).json(), RESULT_BATCH)
    types = {each["type"][0]["id"] for one in guessed.values() for each in one["result"]}
    assert types == {"Business"}
    batch = {
        f"q{i}": {"query": cell, "type": "Business", "type_strict": "should",
                  "properties": [{"pid": "district", "v": "Лозенец"}]}
        for i, cell in enumerate(cells)
    }  # fmt: skip
    found = valid(client.post(endpoint, data={"queries": json.dumps(batch)}).json(), RESULT_BATCH)
    assert [one["result"][0]["id"] for one in found.values()] == ["Business:831309045", "Business:131413749"]
    assert found["q0"]["result"][0]["match"] is True

    # choosing another type, a property for a column, another record for a cell
    suggest = manifest["suggest"]

    def typed(kind: str, prefix: str, **more: str) -> Any:
        url = suggest[kind]["service_url"] + suggest[kind]["service_path"]
        answer = client.get(url, params={"prefix": prefix, **more}, headers=cors)
        assert answer.headers["access-control-allow-origin"] == "*"
        return valid(answer.json(), SUGGESTED_ENTITIES if kind == "entity" else SUGGESTED_OTHERS)["result"]

    assert [each["id"] for each in typed("type", "busi")] == ["Business"]
    assert "district" in [each["id"] for each in typed("property", "dist", schema="Business")]
    assert typed("entity", "пробна т")[0]["id"] == "Business:131413749"
    assert typed("entity", "строит")[0]["id"] == "Business:000695146"
    assert typed("entity", "sample b")[0]["id"] == "Business:000695146"
    assert typed("entity", "дом на ки")[0]["id"] == f"Building:{BUILDING}"
    for beginning in ("шип", "ул. Шипка", "Шипка 1", "гр. София, ул. Шипка № 1"):
        found_at = [each["id"] for each in typed("entity", beginning, type="Address")]
        assert found_at == ["Address:a14", "Address:a16", "Address:a18"], beginning
    assert typed("entity", "Шипка 16", type="Address")[0]["id"] == "Address:a16"
    assert typed("entity", "Лоз", type="District")[0]["id"] == "District:68134-09"
    assert typed("entity", "Business:000695146")[0]["name"] == "Пробна строителна АД"
    for kind, name in (("entity", "Business:000695146"), ("type", "Business"), ("property", "district")):
        path = suggest[kind]["flyout_service_path"].replace("${id}", name.replace(":", "%3A"))
        assert valid(client.get(suggest[kind]["flyout_service_url"] + path).json(), FLYOUT)["id"] == name

    # hovering over a match, following it
    page = client.get(manifest["preview"]["url"].replace("{{id}}", "Business%3A831309045"))
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "Близнак ЕООД" in page.text
    record = client.get(manifest["view"]["url"].replace("{{id}}", "Business%3A831309045"))
    assert record.json()["eik"] == "831309045"

    # adding columns from the reconciled values
    extend = manifest["extend"]["propose_properties"]
    proposed = valid(
        client.get(extend["service_url"] + extend["service_path"], params={"type": "Business"}).json(),
        PROPOSED,
    )
    assert {"legalName", "eik", "district", "building"} <= {each["id"] for each in proposed["properties"]}
    wanted = {"ids": ["Business:831309045"], "properties": [{"id": "eik"}, {"id": "district"}]}
    extended = valid(client.post(endpoint, data={"extend": json.dumps(wanted)}).json(), EXTENDED)
    assert extended == {
        "meta": [
            {"id": "eik", "name": "eik"},
            {"id": "district", "name": "district", "type": {"id": "District", "name": "District"}},
        ],
        "rows": {"Business:831309045": {
            "eik": [{"str": "831309045"}], "district": [{"id": "District:68134-09", "name": "Лозенец"}],
        }},
    }  # fmt: skip


def test_extension_gives_centres_numbers_and_nothing_for_ids_that_it_does_not_know(
    client: TestClient,
) -> None:
    unknown = ("Building:none", "nonsense", "Building:", ":", "", "Building:\0", "Castle:1", "Building")
    wanted = {
        "ids": [f"Building:{BUILDING}", "TransitStop:g/1", *unknown],
        "properties": [{"id": "lon"}, {"id": "storeysAboveGround"}, {"id": "name"}, {"id": "district"}],
    }
    answer = client.get("/town/reconcile", params={"extend": json.dumps(wanted)}).json()
    rows = valid(answer, EXTENDED)["rows"]
    assert 23 < rows[f"Building:{BUILDING}"]["lon"][0]["float"] < 24
    assert rows[f"Building:{BUILDING}"]["storeysAboveGround"] == [{"int": 3}]
    assert rows["TransitStop:g/1"]["storeysAboveGround"] == []
    assert rows["TransitStop:g/1"]["name"] == [{"str": "ОРЛОВ МОСТ"}]
    nothing: dict[str, Any] = {"lon": [], "storeysAboveGround": [], "name": [], "district": []}
    assert {each: rows[each] for each in unknown} == dict.fromkeys(unknown, nothing)


def test_every_proposed_property_of_every_type_has_values_of_the_form_agreed(client: TestClient) -> None:
    types = [each["id"] for each in client.get("/reconcile").json()["defaultTypes"]]
    of = {"Address": "a14", "Building": BUILDING, "Business": "000695146", "District": "68134-09",
          "Neighbourhood": "n1", "TransitStop": "g/1"}  # fmt: skip
    assert set(of) == set(types)
    for name, key in of.items():
        proposed = valid(client.get("/reconcile/properties", params={"type": name}).json(), PROPOSED)
        wanted = {"ids": [f"{name}:{key}"], "properties": proposed["properties"][:30]}
        rows = valid(client.post("/reconcile", data={"extend": json.dumps(wanted)}).json(), EXTENDED)["rows"]
        assert rows[f"{name}:{key}"]["label"] or name == "Building"  # it has no name
        assert client.get("/reconcile/preview", params={"id": f"{name}:{key}"}).status_code == 200


# --- refusals -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"queries": "{"}, 400, "queries: is no JSON"),
        ({"queries": "[]"}, 400, "queries: is no JSON object"),
        ({"queries": '{"a": {}}'}, 400, "queries.a: has neither query nor properties"),
        ({"queries": '{"a": 1}'}, 400, "queries.a: is no object"),
        ({"queries": '{"a": {"query": ["x"]}}'}, 400, "queries.a.query"),
        ({"queries": '{"a": {"query": "x", "type": "Castle"}}'}, 400, "there are Address, Building"),
        ({"queries": '{"a": {"query": "x", "limit": -1}}'}, 400, "queries.a.limit: is -1"),
        ({"queries": '{"a": {"query": "x", "type_strict": "no"}}'}, 400, "any, all or should"),
        (
            {"queries": '{"a": {"query": "x", "properties": [{"pid": "colour", "v": 1}]}}'},
            400, "queries.a.properties[0].pid: 'colour' is no property; there are district",
        ),
        (
            {"queries": '{"a": {"query": "x", "properties": [{"pid": ["lon"], "v": 1}]}}'},
            400, "queries.a.properties[0].pid: ['lon'] is no property; there are district",
        ),
        (
            {"queries": '{"a": {"query": "x", "properties": [{"pid": "lat", "v": -90.5}]}}'},
            400, "queries.a.properties[0].v: is \"-90.5\"; it must be a number from -90 to 90",
        ),
        (
            {"queries": '{"a": {"query": "x", "properties": [{"pid": "lon", "v": "east"}]}}'},
            400, "queries.a.properties[0].v: is \"east\"; it must be a number from -180 to 180",
        ),
        ({"queries": json.dumps({"a": {"query": "x" * 501}})}, 400, "at most 500"),
        ({"queries": '{"a": {"query": "\\u0000"}}'}, 400, "NUL"),
        ({"queries": '{"a": {"query": "\\ud800"}}'}, 400, "no JSON"),
        (
            {"queries": json.dumps({f"q{i}": {"query": "x"} for i in range(MOST_QUERIES + 1)})},
            413, f"has {MOST_QUERIES + 1} queries; send at most {MOST_QUERIES}",
        ),
        ({"extend": '{"ids": [1], "properties": []}'}, 400, "extend.ids"),
        ({"extend": '{"ids": [], "properties": [{"id": "colour"}]}'}, 400, 'no property "colour"'),
        ({"extend": json.dumps({"ids": ["a"] * 101, "properties": []})}, 413, "at most 100"),
        ({"nothing": "x"}, 400, "neither queries nor extend"),
        ({"queries": "x" * 110_000}, 413, "100000 bytes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(client: TestClient, form: dict[str, str], status: int, told: str) -> None:
    answer = client.post("/town/reconcile", data=form)
    assert answer.status_code == status
    assert told in answer.json()["errors"][0]["message"]


def test_other_refusals(client: TestClient) -> None:
    for path, status in (
        ("/reconcile?callback=alert(1)", 400),
        ("/reconcile/suggest/castle?prefix=x", 404),
        ("/reconcile/suggest/entity?prefix=x&cursor=-1", 400),
        ("/reconcile/flyout/type?id=Castle", 400),
        ("/reconcile/flyout/property?id=colour", 400),
        ("/reconcile/preview?id=Building:none", 404),
        ("/reconcile/preview?id=Castle:1", 400),
        ("/reconcile/properties?type=Castle", 400),
        ("/atlantis/reconcile", 404),
    ):
        assert client.get(path).status_code == status, path
    assert client.post("/reconcile", json={}).status_code == 415


def test_a_preview_escapes_what_a_register_writes(client: TestClient, town: Town) -> None:
    town.add("Business", "201593301", eik="201593301", legal_name="<script>alert(1)</script>")
    assert "<script>" not in client.get("/reconcile/preview?id=Business:201593301").text
