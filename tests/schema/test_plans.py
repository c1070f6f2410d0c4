"""Questions that an index can answer never read a whole large table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from schema.execute import Engine
from schema.query import build
from tests.town import CITY, Town
from twin.settings import Settings

LARGE = ("building", "site", "business", "transit_stop", "address", "link")


@pytest.fixture(scope="module")
def big(database_url: str) -> Iterator[tuple[Engine, psycopg.Connection[Any]]]:
    """20,000 buildings on a lattice, two sites in each, a business to each site."""
    Town(database_url)
    with psycopg.connect(database_url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute(f"SET search_path TO {CITY.name}, public".encode())
        for statement in (
            "INSERT INTO district (key, code, name_folded, boundary, recorded_at, sources)"
            " SELECT '68134-0' || i, '68134-0' || i, 'district ' || i, ST_Multi(ST_MakeEnvelope("
            " 320000 + (i - 1) * 1000, 4730000, 320000 + i * 1000, 4734000, 7801)), now(), '{s}'"
            " FROM generate_series(1, 4) i",
            "INSERT INTO building (key, cadastral_id, current_use, storeys_above_ground, footprint, district,"
            " recorded_at, sources) SELECT i::text, i::text, (100 + i % 50)::text, i % 9, ST_Multi("
            " ST_MakeEnvelope(x, y, x + 10, y + 10, 7801)), '68134-0' || (1 + (i % 200) / 50), now(), '{s}'"
            " FROM (SELECT i, 320000 + (i % 200) * 20 AS x, 4730000 + (i / 200) * 20 AS y"
            " FROM generate_series(0, 19999) i) b",
            "INSERT INTO business (key, eik, legal_name, legal_name_folded, recorded_at, sources)"
            " SELECT i::text, i::text, 'Фирма ' || i, 'firma ' || md5(i::text), now(), '{s}'"
            " FROM generate_series(0, 39999) i",
            "INSERT INTO site (key, kind, name, business, building, position, district, recorded_at, sources)"
            " SELECT i::text, 'SEAT', 'Обект', i::text, (i % 20000)::text, ST_SetSRID(ST_MakePoint("
            " 320000 + random() * 4000, 4730000 + random() * 2000), 7801), '68134-01', now(), '{s}'"
            " FROM generate_series(0, 39999) i",
            "INSERT INTO transit_stop (key, gtfs_id, name, position, recorded_at, sources)"
            " SELECT i::text, i::text, 'Спирка', ST_SetSRID(ST_MakePoint(320000 + random() * 4000,"
            " 4730000 + random() * 2000), 7801), now(), '{s}' FROM generate_series(0, 9999) i",
            "INSERT INTO link (key, type, subject_type, subject_key, object_type, object_key, method, score,"
            " evidence, status, recorded_at) SELECT i::text, 'IN_BUILDING', 'Site', i::text, 'Building',"
            " (i % 20000)::text, 'NEAREST', 0.8, '{}', 'ACCEPTED', now() FROM generate_series(0, 39999) i",
            "VACUUM ANALYZE",
        ):
            connection.execute(statement.encode())
        yield Engine(build(), Settings()), connection


@pytest.mark.parametrize(
    "query",
    [
        '{ node(id: "Building:77") { ... on Building { district { code } sites(first: 5) { nodes { id } } } } }',
        '{ byIdentifier(scheme: EIK, value: "000695146") { id } }',
        '{ nodes(ids: ["Building:77", "Site:77", "Building:gone"]) { id ... on Site { building { id } } } }',
        '{ byIdentifier(scheme: CADASTRE, value: "68134.100.33.2") { id } }',
        "{ buildings(first: 50, where: {footprint: {bbox: {west: 23.31, south: 42.69, east: 23.313, north: 42.692}}})"
        " { nodes { id geometry district { nameBg } sites(first: 5) { nodes { name business { eik } } } } } }",
        "{ transitStops(first: 20, orderBy: [{distance: {point: {lon: 23.32, lat: 42.69}}}])"
        " { edges { distanceM node { name } } } }",
        "{ sites(first: 20, orderBy: [{distance: {point: {lon: 23.32, lat: 42.69}}}]) { nodes { name } } }",
        "{ sites(where: {position: {dwithin: {of: {point: {lon: 23.32, lat: 42.69}}, withinM: 50}}}) { totalCount } }",
        "{ buildings(first: 20) { nodes { id } pageInfo { hasNextPage endCursor } } }",
        '{ buildings(first: 20, where: {id: {in: ["Building:5", "Building:6"]}}) { nodes { id } } }',
        '{ businesses(where: {legalName: {search: "firma 1679091c5a"}}) { nodes { id } } }',
        '{ buildings(first: 5, where: {sites: {some: {id: {eq: "Site:77"}}}}) { nodes { id } } }',
        '{ node(id: "Building:77") { ... on Building { links { totalCount } } } }',
        "{ buildings(first: 20) { nodes { sites { aggregate { count business { distinct } } coverage { share {"
        " building } } groupBy(by: [{kind: true}]) { key { kind } aggregate { count } } } } } }",
        "{ buildings(where: {footprint: {bbox: {west: 23.31, south: 42.69, east: 23.313, north: 42.692}}})"
        " { aggregate { count heightM { avg } } groupBy(by: [{currentUse: true}, {hexagon: {edgeM: 100}}])"
        " { aggregate { count } } count(mode: CAPPED) { value } } }",
        "{ sites(where: {position: {dwithin: {of: {point: {lon: 23.32, lat: 42.69}}, withinM: 50}}})"
        " { groupBy(by: [{namedPlace: true}, {businessLegalForm: true}]) { aggregate { count } } } }",
        "{ buildings { count(mode: ESTIMATED, upTo: 100) { value means } } }",
    ],
)
def test_no_large_table_is_read_whole(big: tuple[Engine, psycopg.Connection[Any]], query: str) -> None:
    engine, connection = big
    statement = engine.statement(CITY, query)
    scans = [node for node in _nodes(_explain(connection, statement)) if node["Node Type"] == "Seq Scan"]
    assert not [node["Relation Name"] for node in scans if node["Relation Name"] in LARGE]


DISTRICT, BUILDING = '{entity: "District:68134-02"}', '{entity: "Building:77"}'


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    "how",
    [
        f"within: {BUILDING}",
        f"intersects: {DISTRICT}",
        f"intersects: {{buffer: {{of: {BUILDING}, metres: 50}}}}",
        f"coveredBy: {{buffer: {{of: {{buffer: {{of: {DISTRICT}, metres: -20}}}}, metres: 10}}}}",
        f"overlaps: {{union: [{DISTRICT}, {BUILDING}]}}",
        f"dwithin: {{of: {DISTRICT}, withinM: 10}}",
        f'relate: {{to: {DISTRICT}, pattern: "T*F**F***"}}',
        f"containsProperly: {DISTRICT}",
    ],
)
def test_what_lies_to_another_entity_is_found_by_the_spatial_index(
    big: tuple[Engine, psycopg.Connection[Any]], how: str, mode: str
) -> None:
    engine, connection = big
    query = f"{{ buildings(first: 9, where: {{footprint: {{{how}}}}}) {{ totalCount nodes {{ id }} }} }}"
    plan = _explain(connection, engine.statement(CITY, query), mode)
    spatial = [node for node in _nodes(plan) if "footprint" in node.get("Index Cond", "")]
    assert len(spatial) == 2
    assert not [
        node for node in _nodes(plan) if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    ]
    # what is around or together is made once, not again for every building
    assert "st_buffer" not in json.dumps([node.get("Filter") for node in spatial]).lower()
    assert "st_union" not in json.dumps([node.get("Filter") for node in spatial]).lower()


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("within", ["", ", withinM: 300"])
def test_what_is_near_is_read_in_order_from_the_spatial_index_of_each_kind(
    big: tuple[Engine, psycopg.Connection[Any]], within: str, mode: str
) -> None:
    engine, connection = big
    near = f"nearby(kinds: [TransitStop, Building, Site]{within}, first: 5) {{ edges {{ distanceM node {{ id }} }} }}"
    query = f"{{ buildings(first: 50) {{ nodes {{ {near} }} }} }}"
    nodes = list(_nodes(_explain(connection, engine.statement(CITY, query), mode)))
    assert {node["Relation Name"] for node in nodes if "<->" in str(node.get("Order By"))} == {
        "transit_stop", "building", "site",
    }  # fmt: skip
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_what_overlaps_is_found_by_the_spatial_index_and_cut_once(
    big: tuple[Engine, psycopg.Connection[Any]], mode: str
) -> None:
    engine, connection = big
    query = "{ districts { nodes { overlaps(with: Building) { edges { areaM2 share geometry } } } } }"
    plan = _explain(connection, engine.statement(CITY, query), mode, "VERBOSE, ")
    (found,) = [node for node in _nodes(plan) if "footprint &&" in node.get("Index Cond", "")]
    assert "st_intersection" in str(found["Output"]).lower()
    cut = [node for node in _nodes(plan) if "st_intersection" in str(node.get("Output")).lower()]
    assert cut == [found]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_many_ids_are_looked_up_one_by_one(big: tuple[Engine, psycopg.Connection[Any]], mode: str) -> None:
    engine, connection = big
    many = json.dumps([f"Building:{i}" for i in range(0, 20_000, 20)])
    query = f"{{ buildings(where: {{id: {{in: {many}}}}}) {{ nodes {{ id }} }} }}"
    nodes = list(_nodes(_explain(connection, engine.statement(CITY, query), mode)))
    assert [node["Index Name"] for node in nodes if "Index Name" in node] == ["building_pkey"]


@pytest.mark.parametrize(
    ("where", "own"),
    [
        ("{bbox: {west: 23.31, south: 42.69, east: 23.32, north: 42.70}}", False),
        ("{bbox: {west: 23.0, south: 42.0, east: 24.0, north: 43.0}}", True),
        ("{dwithin: {of: {point: {lon: 23.3, lat: 42.7}}, withinM: 50}}", False),
        ("{dwithin: {of: {point: {lon: 23.3, lat: 42.7}}, withinM: 5000}}", True),
        ('{within: {entity: "District:68134-01"}}', True),
    ],
)
def test_a_place_as_large_as_the_city_gets_a_plan_of_its_own(
    big: tuple[Engine, psycopg.Connection[Any]], where: str, own: bool
) -> None:
    """PostgreSQL's plan for any place would sort a whole city to show its first fifty buildings."""
    statement = big[0].statement(
        CITY, f"{{ buildings(first: 50, where: {{footprint: {where}}}) {{ nodes {{ id }} }} }}"
    )
    assert statement.wants_own_plan({}) is own


def _explain(connection: psycopg.Connection[Any], statement: Any, mode: str = "auto", more: str = "") -> Any:
    """The plan of the statement with these values, as the server's prepared statements run it."""
    connection.execute(f"SET plan_cache_mode = {mode}".encode())
    values = ", ".join(psycopg.sql.quote(value.decode()) for value in statement.values({}))
    connection.execute("DEALLOCATE ALL")
    connection.execute(b"PREPARE asked AS " + statement.sql, prepare=False)
    execute = f"EXPLAIN ({more}FORMAT JSON) EXECUTE asked{f'({values})' if values else ''}"
    row = connection.execute(execute.encode(), prepare=False).fetchone()
    assert row is not None
    return row[0][0]["Plan"] if isinstance(row[0], list) else json.loads(row[0])[0]["Plan"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)
