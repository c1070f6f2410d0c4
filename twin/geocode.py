"""Where an address text is, and what address a position has: the same candidates for GraphQL, CLI and links.

Texts are parsed in Python (twin/addresses.py) and found by one set-based statement over the gazetteer and the
addresses of one city, whose schema the caller names or has as its search_path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from twin.addresses import AddressKey, parse_address
from twin.fields import Choice
from twin.gazetteer import PlaceKind


class Level(Choice):
    """How exactly a place was found: at a building's address down to somewhere in a settlement."""

    BUILDING = "BUILDING", "At a building with that address"
    ADDRESS = "ADDRESS", "At the address itself, or the nearest number of its street"
    STREET = "STREET", "Somewhere on the street"
    NEIGHBOURHOOD = "NEIGHBOURHOOD", "Somewhere in the neighbourhood"
    DISTRICT = "DISTRICT", "Somewhere in the district"
    SETTLEMENT = "SETTLEMENT", "Somewhere in the settlement"


@dataclass(frozen=True, slots=True)
class Match:
    """One place that a text may mean or a position may have."""

    level: Level
    score: float
    """How likely it is the right one at its level, 0 to 1."""
    expected_error_m: float
    """Metres from its position within which nine of ten such places lie; of a position, how far it is."""
    reason: str
    """Which parts matched and how."""
    longitude: float
    latitude: float
    address: str | None
    """Key of the Address, as are the following of their entities."""
    building: str | None
    street: str | None
    """The street's name in the grammar's normal form."""
    neighbourhood: str | None
    district: str | None


#: the parts of an address that the statement reads
PART_DOCS = {
    "settlement": "Town or village", "district": "District", "area": "Housing estate, quarter or locality",
    "street": "Street without its kind", "number": "House number", "block": "Block", "entrance": "Entrance",
}  # fmt: skip
#: words that are looked up together at most, and those of a text that are looked at: an address has no more
_LONGEST_NAME = 4
_MOST_WORDS = 25
_SHORTEST_NAME = 4
_BATCH = 1000
_WRITTEN = (
    "longitude", "latitude", "level", "building", "address", "district", "score", "expected_error_m",
    "reason",
)  # fmt: skip

# How sure a place is when all that the text says of it is found as it is written.
SURE = {
    Level.BUILDING: 0.98, Level.ADDRESS: 0.97, Level.STREET: 0.95, Level.NEIGHBOURHOOD: 0.95,
    Level.DISTRICT: 0.99, Level.SETTLEMENT: 0.99,
}  # fmt: skip
#: what is left of that for a name found among other words, and for one whose spelling was corrected: so much
#: of its likeness, from the least that counts; towns elsewhere are many
AMONG_WORDS, ONE_WORD, LIKENESS_LEAST, TOWN_LEAST = 0.8, 0.45, 0.35, 0.6
#: and where the district or area that the text names is another
OTHER_DISTRICT, OTHER_AREA = 0.25, 0.5
#: and for a street of which no house with such a number is known, where no district is named
STREET_ALONE = 0.8
#: a coarser place is told only where no finer one is as sure as that
DECIDED = 0.5
#: metres: a house from its own address; how much farther a number apart; an area's edge is not sharp
HOUSE_M, NUMBER_M, EDGE_M = 15, 10, 300
#: house numbers: of two streets of one name, that one is as likely whose nearest number is so much farther
_FAR = 20.0
#: houses that must agree about the district
_NEIGHBOURS = 3
#: what stands that near a position is at it
NEAR_M = 50

_WORDS: dict[str, Composable] = {
    **{kind.name.lower(): Literal(kind.name) for kind in PlaceKind},
    **{f"at_{level.name.lower()}": Literal(level.name) for level in Level},
    **{f"sure_{level.name.lower()}": Literal(SURE[level]) for level in Level},
    "among_words": Literal(AMONG_WORDS),
    "one_word": Literal(ONE_WORD),
    "least": Literal(LIKENESS_LEAST),
    "least_town": Literal(TOWN_LEAST),
    "other_district": Literal(OTHER_DISTRICT),
    "other_area": Literal(OTHER_AREA),
    "street_alone": Literal(STREET_ALONE),
    "decided": Literal(DECIDED),
    "house_m": Literal(HOUSE_M),
    "number_m": Literal(NUMBER_M),
    "edge_m": Literal(EDGE_M),
    "far": Literal(_FAR),
    "neighbours": Literal(_NEIGHBOURS),
}

#: number of the text, then its candidates, the best first
COLUMNS = (
    "n", "place", "level", "score", "expected_error_m", "reason", "position", "address", "building", "street",
    "neighbourhood", "district", "understood", "left_over",
)  # fmt: skip

# For each text: wanted: the names to look up, those said and those found among the words of a part. known:
# those in the gazetteer as they are written, the longest only; corrected: for a name said that is not, those
# like it. A town that is named and not known is elsewhere, and nothing in it is found. All is worked out text
# by text: the planner cannot know how many names the texts have, and took a join of all for one of few.
_FIND: LiteralString = """
WITH asked AS MATERIALIZED (
    SELECT q.* FROM jsonb_to_recordset(CAST({parsed} AS jsonb)) AS q(n integer, settlement text,
        district text, area text, street text, number text, block text, entrance text, heads text[],
        tails text[], rest text)
), main AS MATERIALIZED (
    SELECT name FROM {gazetteer} WHERE kind = {settlement} AND entity = 'District' LIMIT 1
)
SELECT q.n, f.* FROM asked AS q CROSS JOIN LATERAL (
WITH wanted AS (
    SELECT w.kind, w.name, true AS said FROM (
        VALUES ({settlement}, q.settlement), ({district}, q.district), ({area}, q.area), ({street}, q.street)
    ) AS w(kind, name) WHERE w.name <> ''
    UNION ALL
    SELECT k.kind, head, false FROM unnest(q.heads) AS head
    CROSS JOIN (VALUES ({settlement}), ({district}), ({area})) AS k(kind)
    WHERE k.kind <> {settlement} OR q.settlement = ''
    UNION ALL
    SELECT {street}, tail, false FROM unnest(q.tails) AS tail
    WHERE NOT EXISTS (SELECT FROM {gazetteer} AS g WHERE g.kind = {settlement} AND g.name = tail)
), known AS (
    SELECT w.kind AS part, w.name AS asked_name, w.said, 1.0::float8 AS likeness, g.*,
        rank() OVER (
            PARTITION BY w.kind ORDER BY w.said DESC, length(w.name) DESC, g.kind = w.kind DESC
        ) AS rank
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT * FROM {gazetteer} WHERE kind = w.kind AND name = w.name
        UNION ALL
        SELECT * FROM {gazetteer} WHERE w.kind = {area} AND name = w.name
            AND (kind = {settlement} AND entity <> 'District' OR kind = {district} AND w.said)
    ) AS g
), corrected AS (
    SELECT w.kind AS part, w.name AS asked_name, w.said, alike.*
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT similarity(g.name, w.name)::float8 AS likeness, g.* FROM {gazetteer} AS g
        WHERE g.name {similar} w.name AND g.kind = w.kind ORDER BY 1 DESC, g.name, g.number LIMIT 5
    ) AS alike
    WHERE w.said AND NOT EXISTS (SELECT FROM known AS k WHERE k.part = w.kind AND k.said)
        AND alike.likeness >= CASE w.kind WHEN {settlement} THEN {least_town} ELSE {least} END
), meant AS MATERIALIZED (
    SELECT part, asked_name, CASE WHEN said THEN 'exact' ELSE 'among' END AS how,
        CASE WHEN said THEN 1 WHEN part = {street} AND strpos(name, ' ') = 0 THEN {one_word}
            ELSE {among_words} END AS weight, number, kind, name, settlement, district,
        neighbourhood, position, reach_m
    FROM known WHERE rank = 1
    UNION ALL
    SELECT part, asked_name, 'corrected', likeness, number, kind, name, settlement, district, neighbourhood,
        position, reach_m
    FROM corrected
), said_town AS (
    SELECT name, position, reach_m FROM meant WHERE part = {settlement} ORDER BY weight DESC, number LIMIT 1
), town AS MATERIALIZED (
    -- where no address says in which town the city is, any is
    SELECT said.position, COALESCE(
            said.name, CASE WHEN q.settlement = '' OR main.name IS NULL THEN COALESCE(main.name, '') END
        ) AS name,
        said.reach_m, said.name IS NULL OR said.name = main.name AS is_main, main.name AS main_name
    FROM (SELECT 1) AS one LEFT JOIN main ON true LEFT JOIN said_town AS said ON true
), around AS MATERIALIZED (
    -- the districts and areas that the text names, against which streets and houses are held
    SELECT part, district, position, reach_m FROM meant WHERE part IN ({district}, {area})
    UNION ALL
    SELECT {area}, NULL, position, reach_m FROM town WHERE NOT is_main AND position IS NOT NULL
), streets AS MATERIALIZED (
    SELECT m.* FROM meant AS m JOIN town AS t
        ON m.settlement = t.name OR (NOT t.is_main AND m.settlement = t.main_name)
    WHERE m.part = {street}
), sought AS (
    SELECT settlement || '|' || name || '|' || q.number AS house, {street} AS part, asked_name, name, how,
        max(weight) AS weight
    FROM streets WHERE q.number <> '' GROUP BY settlement, name, asked_name, how
    UNION ALL
    SELECT t.name || '|' || m.name || '|' || house.number, {area}, m.asked_name, m.name, m.how, max(m.weight)
    FROM meant AS m CROSS JOIN town AS t CROSS JOIN LATERAL (
        SELECT CASE WHEN q.block <> '' THEN 'bl ' || q.block WHEN q.street = '' THEN NULLIF(q.number, '') END
            AS number
    ) AS house
    WHERE m.part = {area} AND house.number IS NOT NULL
    GROUP BY t.name, m.name, house.number, m.asked_name, m.how
), houses AS (
    SELECT DISTINCT ON (COALESCE(a.building, a.key)) COALESCE(a.building, a.key) AS place, s.part,
        s.asked_name, s.name, s.how, s.weight, a.key AS address, a.building, a.district, a.neighbourhood,
        a.position, split_part(a.match_key, '#', 2) = q.entrance AND q.entrance <> '' AS same_entrance
    FROM sought AS s JOIN {address} AS a ON a.match_key >= s.house || '#' AND a.match_key < s.house || '$'
    ORDER BY COALESCE(a.building, a.key), s.weight DESC, split_part(a.match_key, '#', 2) <> q.entrance, a.key
), candidates AS (
    SELECT place, CASE WHEN building IS NULL THEN {at_address} ELSE {at_building} END AS level,
        CASE WHEN building IS NULL THEN {sure_address} ELSE {sure_building} END AS sure, part, asked_name,
        name, how, weight, {house_m}::float8 AS expected_error_m, address, building,
        CASE part WHEN {street} THEN name END AS street, neighbourhood, district, position,
        concat_ws(', ', 'house', CASE WHEN same_entrance THEN 'entrance' END) AS matched,
        1.0::float8 AS nearness
    FROM houses
    UNION ALL
    SELECT 'street ' || s.number, {at_street}, {sure_street}, s.part, s.asked_name, s.name, s.how, s.weight,
        COALESCE({house_m} + {number_m} * near.apart, s.reach_m), NULL, NULL, s.name,
        CASE WHEN near.apart IS NULL THEN s.neighbourhood ELSE near.neighbourhood END,
        CASE WHEN near.apart IS NULL THEN s.district WHEN near.apart <= {far} OR near.district = s.district
            THEN near.district END,
        COALESCE(near.position, s.position), 'nearest number ' || near.there,
        {far} / ({far} + COALESCE(near.apart, 2 * {far}))
    FROM streets AS s LEFT JOIN LATERAL (
        -- the houses of the street whose numbers are nearest, on the same side where there are such; in a
        -- district that all of them are in, for a street may be the border of two
        SELECT (array_agg(position ORDER BY away))[1] AS position,
            (array_agg(there ORDER BY away))[1] AS there,
            abs((array_agg(there - here ORDER BY away))[1]) AS apart,
            CASE WHEN min(district) = max(district) THEN min(district) END AS district,
            CASE WHEN min(neighbourhood) = max(neighbourhood) THEN min(neighbourhood) END AS neighbourhood
        FROM (SELECT h.*, abs(there - here) + 2 * abs(mod(there - here, 2)) AS away FROM (
            SELECT a.district, a.neighbourhood, a.position,
                substring(split_part(a.match_key, '|', 3) FROM '^[0-9]{{1,6}}')::integer AS there,
                substring(q.number FROM '^[0-9]{{1,6}}')::integer AS here
            FROM (
                SELECT match_key, district, neighbourhood, position FROM {address}
                UNION ALL SELECT match_key, district, neighbourhood, position FROM {site}
                WHERE position IS NOT NULL
            ) AS a
            WHERE a.match_key >= s.settlement || '|' || s.name || '|'
                AND a.match_key < s.settlement || '|' || s.name || '}}'
                AND ST_DWithin(a.position, s.position, 2 * s.reach_m + {edge_m})
        ) AS h
        WHERE there IS NOT NULL AND here IS NOT NULL
        ORDER BY away, there, position::bytea LIMIT {neighbours}) AS nearest HAVING count(*) > 0
    ) AS near ON q.number <> ''
    UNION ALL
    SELECT DISTINCT ON (number) kind || ' ' || number,
        CASE WHEN part = {settlement} AND neighbourhood IS NULL THEN {at_settlement}
            WHEN kind = {district} THEN {at_district} ELSE {at_neighbourhood} END,
        CASE kind WHEN {district} THEN {sure_district} WHEN {settlement} THEN {sure_settlement}
            ELSE {sure_neighbourhood} END,
        part, asked_name, name, how, weight, reach_m, NULL, NULL, NULL, neighbourhood, district, position,
        NULL,
        -- of two areas of one name the larger is meant
        (reach_m + 1) / (reach_m + {edge_m})
    FROM meant
    WHERE part <> {street} AND (part = {settlement} OR (SELECT name FROM town) IS NOT NULL)
), held AS (
    -- a candidate that no named district or area has is less likely; where none is named nothing speaks
    SELECT c.*, part NOT IN ({district}, {settlement}) AND there.in_district IS FALSE AS other_district,
        part = {street} AND there.in_area IS FALSE AS other_area, there.in_district, there.in_area,
        CASE level WHEN {at_building} THEN 1 WHEN {at_address} THEN 1 WHEN {at_street} THEN 2
            WHEN {at_neighbourhood} THEN 3 WHEN {at_district} THEN 4 ELSE 5 END AS level_rank
    FROM candidates AS c CROSS JOIN LATERAL (
        SELECT bool_or(a.district = c.district) FILTER (WHERE a.part = {district}) AS in_district,
            bool_or(ST_DWithin(a.position, c.position, 1.2 * a.reach_m + {edge_m} + c.expected_error_m))
                FILTER (WHERE a.part = {area}) AS in_area
        FROM around AS a
    ) AS there
), judged AS (
    SELECT h.*, CASE WHEN how = 'among' AND in_district AND part NOT IN ({district}, {settlement})
            THEN 1 WHEN how = 'among' AND in_area AND part = {street} THEN {among_words}
            ELSE weight END * CASE WHEN other_district THEN {other_district} ELSE 1 END
        * CASE WHEN other_area THEN {other_area} ELSE 1 END
        * CASE WHEN level = {at_street} AND in_district IS NULL AND (q.number <> '' OR in_area IS NULL)
            AND nearness < 0.5 THEN {street_alone} ELSE 1 END AS evidence
    FROM held AS h
), rivals AS (
    -- those of one level share what is sure, by the square of what speaks for each
    SELECT j.*,
        sure * evidence * (evidence * nearness) ^ 2 / sum((evidence * nearness) ^ 2) OVER level AS score,
        count(*) FILTER (WHERE evidence >= {decided}) OVER level AS many
    FROM judged AS j WINDOW level AS (PARTITION BY level_rank)
), levels AS (
    SELECT r.*, sum(score) OVER (PARTITION BY level_rank) >= {decided} AS decided FROM rivals AS r
), last AS (
    SELECT l.*, min(level_rank) FILTER (WHERE decided) OVER () AS decided_at,
        row_number() OVER (ORDER BY decided DESC, CASE WHEN decided THEN level_rank END, score DESC,
            level_rank, place) AS place_in_list
    FROM levels AS l
)
SELECT place_in_list AS place, level, round(score::numeric, 3)::float8 AS score,
    round(expected_error_m::numeric, 0)::float8 AS expected_error_m,
    concat_ws('; ',
        NULLIF(matched, ''),
        lower(part) || CASE how WHEN 'exact' THEN ' "' || name || '"'
            WHEN 'among' THEN ' "' || name || '" among the words'
            ELSE ' "' || name || '" for "' || asked_name || '"' END,
        CASE WHEN other_district THEN 'not in the district named'
            WHEN in_district AND part NOT IN ({district}, {settlement}) THEN 'in the district named' END,
        CASE WHEN other_area THEN 'not in the area named'
            WHEN in_area AND part = {street} THEN 'in the area named' END,
        CASE WHEN many > 1 THEN 'one of ' || many END
    ) AS reason,
    position, address, building, street, neighbourhood,
    -- a street through several districts is meant in the one that the text names
    COALESCE(district, (SELECT min(a.district) FROM around AS a WHERE a.part = {district}
        HAVING min(a.district) = max(a.district))) AS district,
    to_json(q) AS understood,
    btrim(CASE how WHEN 'among' THEN replace(' ' || q.rest || ' ', ' ' || name || ' ', ' ') ELSE q.rest END)
        AS left_over
FROM last WHERE place_in_list <= {first} AND (decided_at IS NULL OR level_rank <= decided_at)
) AS f
"""

# For each position: the nearest addresses and buildings, which the index gives in that order; where none is
# within reach the nearest named street; and where there is none, the areas that it lies in.
_REVERSE: LiteralString = """
WITH asked AS MATERIALIZED (
    SELECT q.n, ST_GeomFromEWKB(decode(q.shape, 'hex')) AS position
    FROM jsonb_to_recordset(CAST({places} AS jsonb)) AS q(n integer, shape text)
)
SELECT q.n, f.* FROM asked AS q CROSS JOIN LATERAL (
WITH areas AS MATERIALIZED (
    SELECT min(area_key) FILTER (WHERE area_type = 'District') AS district,
        min(area_key) FILTER (WHERE area_type = 'Neighbourhood') AS neighbourhood
    FROM {area_part} WHERE ST_Covers(part, ST_PointOnSurface(q.position))
), addresses AS (
    SELECT a.*, a.position <-> q.position AS metres FROM {address} AS a
    WHERE ST_DWithin(a.position, q.position, {within}) ORDER BY a.position <-> q.position LIMIT {first}
), buildings AS (
    SELECT b.*, b.footprint <-> q.position AS metres FROM {building} AS b
    WHERE ST_DWithin(b.footprint, q.position, {within}) ORDER BY b.footprint <-> q.position LIMIT {first}
), houses AS MATERIALIZED (
    SELECT DISTINCT ON (building) b.key AS building, a.key AS address,
        CASE WHEN a.street IS NOT NULL THEN split_part(a.match_key, '|', 2) END AS street, b.neighbourhood,
        b.district, COALESCE(a.position, ST_PointOnSurface(b.footprint)) AS position, b.metres
    FROM buildings AS b LEFT JOIN {address} AS a ON a.building = b.key
    ORDER BY building, a.position <-> q.position, a.key
), places AS MATERIALIZED (
    SELECT 1 AS level_rank, {at_building} AS level, h.* FROM houses AS h
    UNION ALL
    SELECT 1, {at_address}, a.building, a.key,
        CASE WHEN a.street IS NOT NULL THEN split_part(a.match_key, '|', 2) END, a.neighbourhood, a.district,
        a.position, a.metres
    FROM addresses AS a WHERE NOT EXISTS (SELECT FROM houses AS h WHERE h.building = a.building)
), streets AS MATERIALIZED (
    SELECT regexp_replace(s.name_folded, '^(ul|bul|pl) ', '') AS street, s.district, s.neighbourhood,
        ST_ClosestPoint(s.centreline, q.position) AS position,
        s.centreline <-> q.position AS metres
    FROM {street_segment} AS s
    WHERE s.name IS NOT NULL AND ST_DWithin(s.centreline, q.position, {within})
    ORDER BY s.centreline <-> q.position LIMIT 1
), every AS (
    SELECT * FROM places
    UNION ALL
    SELECT 2, {at_street}, NULL, NULL, street, COALESCE(a.neighbourhood, s.neighbourhood),
        COALESCE(a.district, s.district), position, metres
    FROM streets AS s CROSS JOIN areas AS a WHERE NOT EXISTS (SELECT FROM places)
    UNION ALL
    SELECT 3, CASE WHEN neighbourhood IS NOT NULL THEN {at_neighbourhood} ELSE {at_district} END, NULL, NULL,
        NULL, neighbourhood, district, ST_PointOnSurface(q.position), 0
    FROM areas
    WHERE COALESCE(neighbourhood, district) IS NOT NULL AND NOT EXISTS (SELECT FROM places)
        AND NOT EXISTS (SELECT FROM streets)
), ordered AS (
    SELECT e.*, row_number() OVER (ORDER BY metres, address, building) AS place FROM every AS e
)
SELECT place, level, round((1 - 0.5 * metres / greatest({within}, 1))::numeric, 3)::float8 AS score,
    round(metres::numeric, 1)::float8 AS expected_error_m,
    CASE WHEN level_rank = 3 THEN 'lies in it' WHEN metres = 0 THEN 'stands on it'
        ELSE round(metres::numeric, 1) || ' m away' END AS reason,
    position, address, building, street, neighbourhood, district, NULL::json AS understood,
    NULL::text AS left_over
FROM ordered WHERE place <= {first}
) AS f
"""


def statement(
    parsed: Composable, first: Composable, *, city: str | None = None, similar: LiteralString = "%"
) -> Composed:
    """The statement that finds parsed texts: a row of COLUMNS for each candidate.

    `parsed` is the JSON text that `asked` makes and `first` how many candidates a text may have, as
    parameters; `city` the schema of the tables, the search_path's when left out.
    """
    return SQL(_FIND).format(parsed=parsed, first=first, similar=SQL(similar), **_tables(city), **_WORDS)


def reverse_statement(
    places: Composable, within: Composable, first: Composable, *, city: str | None = None
) -> Composed:
    """The statement that finds what positions have: a row of COLUMNS for each candidate, the nearest first.

    `places` is JSON text, a list of n and shape (hexadecimal EWKB in the city's CRS); `within` in metres.
    """
    return SQL(_REVERSE).format(places=places, within=within, first=first, **_tables(city), **_WORDS)


def _tables(city: str | None) -> dict[str, Composable]:
    names = ("gazetteer", "address", "site", "building", "street_segment", "area_part")
    return {name: Identifier(city, name) if city else Identifier(name) for name in names}


def asked(keys: Iterable[AddressKey]) -> str:
    """Parsed addresses as the JSON text that the statement takes."""
    return json.dumps([{"n": n, **_asked(key)} for n, key in enumerate(keys)])


def _asked(key: AddressKey) -> dict[str, Any]:
    heads, tails = _names_among(key)
    return {
        **{part: getattr(key, part) for part in PART_DOCS},
        "heads": sorted(heads),
        "tails": sorted(tails),
        "rest": key.rest,
    }


def _names_among(key: AddressKey) -> tuple[set[str], set[str]]:
    """Words that may name an area, and words that may name a street, though nothing announced them.

    Any of the rest; and of a name that may be two, as 'ЖК Лозенец Черни връх' is, its beginning and its end.
    """
    heads = {name for _, _, name in _runs(key.rest)}
    tails = set(heads)
    for name, loose in ((key.area, True), (key.street, not key.street_kind)):
        length = len(name.split())
        for start, end, run in _runs(name) if loose else ():
            if start == 0 and end < length:
                heads.add(run)
            if end == length and start > 0:
                tails.add(run)
    return heads, tails


def _runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Every few words of a text that stand together, and from where to where."""
    words = text.split()[:_MOST_WORDS]
    for start in range(len(words)):
        for end in range(start + 1, min(start + _LONGEST_NAME, len(words)) + 1):
            run = " ".join(words[start:end])
            if len(run) >= _SHORTEST_NAME:
                yield start, end, run


def geocode(
    connection: psycopg.Connection[Any], texts: Iterable[str], *, first: int = 5
) -> Iterator[list[Match]]:
    """Where each address text is: up to `first` candidates each, the best first; none where nothing is known.

    The connection's search_path is the city. Texts are taken in batches, so that any number may be given.
    """
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == _BATCH:
            yield from _geocode(connection, batch, first)
            batch = []
    if batch:
        yield from _geocode(connection, batch, first)


def _geocode(connection: psycopg.Connection[Any], texts: Sequence[str], first: int) -> list[list[Match]]:
    # texts that are parsed alike are looked up once
    numbers: dict[tuple[AddressKey, str], int] = {}
    of_text = []
    for text in texts:
        key = parse_address(text)
        of_text.append(numbers.setdefault((key, key.rest), len(numbers)))
    found: list[list[Match]] = [[] for _ in numbers]
    query = statement(SQL("%(parsed)s"), SQL("%(first)s"), similar="%%")
    values = {"parsed": asked(key for key, _ in numbers), "first": first}
    for n, match in _matches(connection, query, values):
        found[n].append(match)
    return [found[n] for n in of_text]


def reverse_geocode(
    connection: psycopg.Connection[Any],
    longitude: float,
    latitude: float,
    *,
    within_m: float = NEAR_M,
    first: int = 5,
) -> list[Match]:
    """What stands at a position in EPSG:4326: up to `first` places within some metres, the nearest first.

    Addresses and buildings; where there is none the nearest street with a name; and without one the areas.
    """
    row = connection.execute(
        "SELECT encode(ST_AsEWKB(ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), 4326),"
        " Find_SRID(current_schema()::varchar, 'address', 'position'))), 'hex')",
        [longitude, latitude],
    ).fetchone()
    query = reverse_statement(SQL("%(places)s"), SQL("%(within)s::float8"), SQL("%(first)s"))
    places = json.dumps([{"n": 0, "shape": row[0]}]) if row else "[]"
    values = {"places": places, "within": within_m, "first": first}
    return [match for _, match in _matches(connection, query, values)]


def _matches(
    connection: psycopg.Connection[Any], query: Composed, values: dict[str, Any]
) -> Iterator[tuple[int, Match]]:
    chosen = SQL(
        "SELECT n, level, score, expected_error_m, reason, ST_X(lonlat), ST_Y(lonlat), address, building,"
        " street, neighbourhood, district FROM ({}) AS found"
        " CROSS JOIN LATERAL ST_Transform(position, 4326) AS lonlat"
        " ORDER BY n, place"
    ).format(query)
    for n, level, *members in connection.execute(chosen, values):
        yield n, Match(Level(level), *members)


def written(match: Match | None) -> dict[str, Any]:
    """What a table says of the place that was found for a row, by column; None in each where none was."""
    if match is None:
        return dict.fromkeys(_WRITTEN)
    return {name: getattr(match, name) for name in _WRITTEN} | {
        "longitude": round(match.longitude, 7), "latitude": round(match.latitude, 7),
        "level": match.level.name,
    }  # fmt: skip
