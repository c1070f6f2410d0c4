"""The questions of the benchmark: each in every peer's words, with the values to ask them for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from twin.database import City

TWIN, POSTGRAPHILE, STRAWBERRY, PGBENCH = "twin", "postgraphile", "stock strawberry", "sql alone"

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question; `words` are its GraphQL documents by peer."""

    name: str
    title: str
    words: Mapping[str, str]
    rows: int | None  #: records that each answer must hold; None: as many as the city has
    #: how many values are asked for, and how they are found in the city
    variants: int
    find: Callable[[psycopg.Connection[Any], City, int], list[Values]]
    per_lookup: int  #: statements that pgbench runs for each set of values that it fetches
    #: the least that the twin's answers per second must be, as a multiple of a peer's
    least: Mapping[str, float]
    #: the most that its median at one connection may be, as a multiple of the SQL's alone
    most_beside_sql: float | None = None
    #: whether the peers say the same in objects of other forms: their values are compared in order
    by_value: bool = False

    def variables(self, peer: str, values: Values) -> dict[str, Any]:
        """The GraphQL variables that ask a peer for these values."""
        if peer == TWIN and "key" in values:
            return {"id": f"Building:{values['key']}"}
        if peer == TWIN and "west" in values:
            return {"box": dict(values)}
        return dict(values)


def read_ids(connection: psycopg.Connection[Any], city: City, count: int) -> list[Values]:
    """Keys of buildings from all over the city."""
    rows = connection.execute(
        sql.SQL("SELECT key FROM {} WHERE district IS NOT NULL ORDER BY md5(key) LIMIT {}").format(
            _buildings(city), count
        )
    )
    return [{"key": row[0]} for row in rows]


def boxes_of(buildings: int) -> Callable[[psycopg.Connection[Any], City, int], list[Values]]:
    """Boxes around buildings from all over the city, each with that many buildings or somewhat more."""

    def read(connection: psycopg.Connection[Any], city: City, count: int) -> list[Values]:
        # a square of the circle's area around the centre, and a third more: some corners are empty
        statement = sql.SQL(
            """
            WITH middle AS MATERIALIZED (
                SELECT key, ST_Centroid(footprint) AS p FROM {buildings} ORDER BY md5(key || 'box') LIMIT {tries}
            ), drawn AS MATERIALIZED (
                SELECT key, ST_Transform(ST_Expand(p, 0.886 * r), 4326) AS box FROM middle, LATERAL (
                    SELECT ST_Distance(b.footprint, p) AS r FROM {buildings} b
                    ORDER BY b.footprint <-> p OFFSET {reach} LIMIT 1
                ) reached
            )
            SELECT round(ST_XMin(box)::numeric, 6)::float8, round(ST_YMin(box)::numeric, 6)::float8,
                   round(ST_XMax(box)::numeric, 6)::float8, round(ST_YMax(box)::numeric, 6)::float8
            FROM drawn WHERE (
                SELECT count(*) FROM {buildings} b WHERE ST_Intersects(b.footprint, ST_Transform(box, {srid}))
            ) BETWEEN {least} AND {most}
            ORDER BY key LIMIT {count}
            """
        ).format(
            buildings=_buildings(city),
            tries=3 * count,
            reach=buildings * 4 // 3,
            srid=city.srid,
            least=buildings + buildings // 50 + 5,
            most=buildings * 2,
            count=count,
        )
        rows = connection.execute(statement).fetchall()
        return [dict(zip(("west", "south", "east", "north"), row, strict=True)) for row in rows]

    return read


def read_points(connection: psycopg.Connection[Any], city: City, count: int) -> list[Values]:
    """Places beside buildings from all over the city."""
    rows = connection.execute(
        sql.SQL(
            "SELECT round(ST_X(p)::numeric, 6)::float8, round(ST_Y(p)::numeric, 6)::float8 FROM ("
            " SELECT ST_Transform(ST_Translate(ST_Centroid(footprint), 31, 17), 4326) AS p"
            " FROM {} ORDER BY md5(key || 'near') LIMIT {}) AS places"
        ).format(_buildings(city), count)
    )
    return [{"lon": row[0], "lat": row[1]} for row in rows]


def nothing(_connection: psycopg.Connection[Any], _city: City, _count: int) -> list[Values]:
    """A question that is always the same."""
    return [{}]


def _buildings(city: City) -> sql.Identifier:
    return sql.Identifier(city.name, "building")


QUESTIONS: Sequence[Question] = (
    Question(
        "building_by_id",
        "one building by id, its district",
        {
            TWIN: """
                query ($id: ID!) {
                  node(id: $id) {
                    ... on Building {
                      id cadastralId storeysAboveGround heightM district { id code nameBg }
                    }
                  }
                }""",
            POSTGRAPHILE: """
                query ($key: String!) {
                  buildingByKey(key: $key) {
                    id: key cadastralId storeysAboveGround heightM district: itsDistrict { id: key code nameBg }
                  }
                }""",
            STRAWBERRY: """
                query ($key: ID!) {
                  building(id: $key) {
                    id cadastralId storeysAboveGround heightM district { id code nameBg }
                  }
                }""",
        },
        rows=1,
        variants=2_000,
        find=read_ids,
        per_lookup=8,
        least={POSTGRAPHILE: 1.5, STRAWBERRY: 25},
    ),
    Question(
        "buildings_in_box",
        "50 buildings in a box, geometry, district, 5 sites each",
        {
            TWIN: """
                query ($box: BBoxInput!) {
                  buildings(where: {footprint: {bbox: $box}}, first: 50) {
                    nodes {
                      id storeysAboveGround geometry district { id nameBg }
                      sites(first: 5) { nodes { id name kind } }
                    }
                  }
                }""",
            POSTGRAPHILE: """
                query ($west: Float!, $south: Float!, $east: Float!, $north: Float!) {
                  peerBuildingsInBoxList(west: $west, south: $south, east: $east, north: $north, first: 50) {
                    id: key storeysAboveGround geometry district: itsDistrict { id: key nameBg }
                    sites: sitesList(first: 5) { id: key name kind }
                  }
                }""",
            STRAWBERRY: """
                query ($west: Float!, $south: Float!, $east: Float!, $north: Float!) {
                  buildings(west: $west, south: $south, east: $east, north: $north, first: 50) {
                    id storeysAboveGround geometry district { id nameBg }
                    sites { id name kind }
                  }
                }""",
        },
        rows=50,
        variants=500,
        find=boxes_of(50),
        per_lookup=1,
        least={POSTGRAPHILE: 1.5, STRAWBERRY: 15},
        most_beside_sql=1.25,
    ),
    Question(
        "many_buildings",
        "10,000 buildings with geometry",
        {
            TWIN: """
                query ($box: BBoxInput!) {
                  buildings(where: {footprint: {bbox: $box}}, first: 10000) { nodes { id geometry } }
                }""",
            POSTGRAPHILE: """
                query ($west: Float!, $south: Float!, $east: Float!, $north: Float!) {
                  peerBuildingsInBoxList(west: $west, south: $south, east: $east, north: $north, first: 10000) {
                    id: key geometry
                  }
                }""",
            STRAWBERRY: """
                query ($west: Float!, $south: Float!, $east: Float!, $north: Float!) {
                  buildings(west: $west, south: $south, east: $east, north: $north, first: 10000) {
                    id geometry
                  }
                }""",
        },
        rows=10_000,
        variants=48,
        find=boxes_of(10_000),
        per_lookup=1,
        least={POSTGRAPHILE: 1.2, STRAWBERRY: 5},
        most_beside_sql=1.4,
    ),
    Question(
        "nearest_stops",
        "20 nearest stops with distance",
        {
            TWIN: """
                query ($lon: Float!, $lat: Float!) {
                  transitStops(orderBy: [{distance: {point: {lon: $lon, lat: $lat}}}], first: 20) {
                    nodes { id name distance(to: {point: {lon: $lon, lat: $lat}}) }
                  }
                }""",
            POSTGRAPHILE: """
                query ($lon: Float!, $lat: Float!) {
                  peerNearestStopsList(lon: $lon, lat: $lat, first: 20) { id name distance }
                }""",
            STRAWBERRY: """
                query ($lon: Float!, $lat: Float!) {
                  nearestStops(lon: $lon, lat: $lat, first: 20) { id name distance }
                }""",
        },
        rows=20,
        variants=500,
        find=read_points,
        per_lookup=1,
        least={POSTGRAPHILE: 1.4, STRAWBERRY: 10},
    ),
    Question(
        "numbers_by_district",
        "per district: buildings, businesses, mean storeys",
        {
            TWIN: """
                {
                  districts {
                    nodes {
                      id nameBg
                      buildings { aggregate { count storeysAboveGround { avg } } }
                      sites { aggregate { business { distinct } } }
                    }
                  }
                }""",
            POSTGRAPHILE: """
                { peerDistrictNumbersList { id nameBg buildings meanStoreys businesses } }""",
            STRAWBERRY: """
                { districts { id nameBg buildings meanStoreys businesses } }""",
        },
        rows=None,
        variants=1,
        find=nothing,
        per_lookup=1,
        least={POSTGRAPHILE: 1.0, STRAWBERRY: 1.0},
        most_beside_sql=1.1,
        by_value=True,
    ),
)

_TYPE = re.compile("^(Building|District|Site|TransitStop):")


def content(question: Question, answer: Any) -> Any:
    """What an answer says, whoever says it: without its root field, `nodes` and the type in the twin's ids."""
    if set(answer) != {"data"}:
        raise ValueError(f"not a full answer: {str(answer)[:600]}")
    (root,) = answer["data"].values()
    said = _plain(root)
    return [list(_values(row)) for row in said] if question.by_value else said


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    else:
        yield value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"nodes"}:
        return _plain(value["nodes"])
    return {key: _TYPE.sub("", inner) if key == "id" else _plain(inner) for key, inner in value.items()}
