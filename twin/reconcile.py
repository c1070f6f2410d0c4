"""Reconciliation: what somebody else's table calls things -> the records that are meant, and how surely.

The same questions and candidates for the W3C service (schema/reconcile.py) and for GraphQL's `reconcile`.
One statement answers a whole batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from twin import geocode
from twin.addresses import AddressKey, parse_address
from twin.entities import BY_NAME
from twin.errors import BadRequest
from twin.schemes import SCHEMES
from twin.search import COUNTED_WORD, SHORTEST_PREFIX, bare_name, telling_words
from twin.text import fold, storable

#: what can be reconciled, and what people call it
TYPES: Mapping[str, str] = {
    "Address": "Address",
    "Building": "Building",
    "Business": "Business",
    "District": "District",
    "Neighbourhood": "Neighbourhood",
    "TransitStop": "Transit stop",
}
MOST_QUERIES = 50
MOST_CANDIDATES = 25
DEFAULT_CANDIDATES = 5
LONGEST_TEXT = 500
MOST_PROPERTIES = 20


def _identifiers() -> dict[str, tuple[str, str]]:
    return {
        known.identifier: (name, column)
        for name in TYPES
        for column, known in BY_NAME[name].fields.items()
        if known.identifier
    }


#: scheme of an identifier -> the type and column that bear it
_COLUMNS: Mapping[str, tuple[str, str]] = _identifiers()
#: what `properties` of a query may say, and what it is
PROPERTIES: Mapping[str, str] = {
    "district": "District: its name, code or id",
    "settlement": "Town or village of an address",
    "postcode": "Postcode of an address",
    "lon": "Longitude near which it is (EPSG:4326), with lat",
    "lat": "Latitude near which it is (EPSG:4326), with lon",
    "eik": "EIK of a business, with or without BG before it",
    "cadastralId": "Cadastral identifier of a building",
    "osmId": "OpenStreetMap object of a building, such as way/123",
    "gtfsId": "stop_id of a transit stop",
    "code": "Code of a district",
    "wikidata": "Wikidata item of a building or district",
}
#: those of them that are identifiers, and decide alone
SCHEMES_OF: Mapping[str, tuple[str, ...]] = {
    "eik": ("EIK",),
    "cadastralId": ("CADASTRE",),
    "osmId": ("OSM_BUILDING",),
    "gtfsId": ("GTFS_STOP",),
    "code": ("DISTRICT_CODE",),
    "wikidata": ("WIKIDATA_BUILDING", "WIKIDATA_DISTRICT"),
}


@dataclass(frozen=True)
class Query:
    """One question: a name, address or identifier as somebody wrote it, and what else they know."""

    text: str
    types: tuple[str, ...] = tuple(TYPES)
    limit: int = DEFAULT_CANDIDATES
    properties: tuple[tuple[str, str], ...] = ()  #: id of a property and a value, perhaps several of one id
    prefix: bool = False  #: the text is only the beginning of what is meant


def read_query(said: Any, where: str) -> Query:
    """A query as the protocol writes it; BadRequest says which part is wrong and what is allowed."""
    if not isinstance(said, dict):
        raise BadRequest('is no object; send {"query": "..."}', where=where)
    text = said.get("query")
    properties = _properties(said.get("properties"), f"{where}.properties")
    if text is None and not properties:
        raise BadRequest("has neither query nor properties", where=where)
    text = "" if text is None else _text(text, f"{where}.query")
    limit = said.get("limit") or DEFAULT_CANDIDATES  # 0 is a client's word for its default
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1 or limit % 1:
        raise BadRequest(f"is {limit!r}; ask for 1 to {MOST_CANDIDATES} candidates", where=f"{where}.limit")
    strict = said.get("type_strict")
    if strict not in (None, "any", "all", "should"):
        raise BadRequest(f"is {strict!r}; it may be any, all or should", where=f"{where}.type_strict")
    types = _types(said.get("type"), f"{where}.type")
    if strict == "all" and len(types) > 1 and said.get("type"):
        types = ()  # no record is of two types
    return Query(text, types, min(int(limit), MOST_CANDIDATES), properties)


def _types(said: Any, where: str) -> tuple[str, ...]:
    """The types asked for; all when none is."""
    listed = said if isinstance(said, list) else [said] if said else []
    # some clients send a type as they got it
    names = [str(each.get("id") if isinstance(each, dict) else each) for each in listed]
    for name in names:
        if name not in TYPES:
            raise BadRequest(f"{name!r} is no type; there are {', '.join(TYPES)}", where=where)
    return tuple(dict.fromkeys(names)) or tuple(TYPES)


def _properties(said: Any, where: str) -> tuple[tuple[str, str], ...]:
    if said is None:
        return ()
    if not isinstance(said, list) or len(said) > MOST_PROPERTIES:
        raise BadRequest(f'is no list of at most {MOST_PROPERTIES} of {{"pid": ..., "v": ...}}', where=where)
    found = []
    for i, each in enumerate(said):
        place = f"{where}[{i}]"
        if not isinstance(each, dict) or "pid" not in each or "v" not in each:
            raise BadRequest('is no {"pid": ..., "v": ...}', where=place)
        pid = each["pid"]
        if not isinstance(pid, str) or pid not in PROPERTIES:
            known = ", ".join(PROPERTIES)
            raise BadRequest(f"{pid!r} is no property; there are {known}", where=f"{place}.pid")
        values = each["v"] if isinstance(each["v"], list) else [each["v"]]
        if len(values) > MOST_PROPERTIES:
            raise BadRequest(f"has {len(values)} values; give at most {MOST_PROPERTIES}", where=f"{place}.v")
        for value in values:
            if isinstance(value, dict):  # reconciled before
                value = value.get("id")
            text = "" if value is None else _text(value, f"{place}.v")
            if text and pid in _DEGREES:
                _degrees(text, _DEGREES[pid], f"{place}.v")
            if text:
                found.append((pid, text))
    return tuple(found)


#: how far they go, either way
_DEGREES = {"lon": 180, "lat": 90}


def _degrees(text: str, most: int, where: str) -> float:
    """A longitude or latitude as people write it, with a point or a comma."""
    try:
        degrees = float(text.replace(",", "."))
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= most:
        raise BadRequest(f'is "{text[:20]}"; it must be a number from -{most} to {most}', where=where)
    return degrees


def _text(said: Any, where: str) -> str:
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    if not isinstance(said, str | int | float):
        raise BadRequest(f"is {said!r}; it must be a text or a number", where=where)
    text = str(said)
    if len(text) > LONGEST_TEXT:
        raise BadRequest(f"has {len(text)} characters; give at most {LONGEST_TEXT}", where=where)
    return storable(text, where=where).strip()


def asked(queries: Sequence[Query]) -> str:
    """The queries as the JSON text that the statement takes: parsed, folded, identifiers recognised."""
    addresses = json.loads(geocode.asked(_address(query) for query in queries))
    return json.dumps(
        [{**address, **_asked(query)} for address, query in zip(addresses, queries, strict=True)],
        ensure_ascii=False,
    )


def _address(query: Query) -> AddressKey:
    """The text as an address, in the settlement that the properties name; nothing where none is asked for."""
    if not {"Address", "Building"} & set(query.types):
        return AddressKey()
    address = parse_address(query.text)
    settlements = [value for name, value in query.properties if name == "settlement"]
    if address.settlement or not settlements:
        return address
    return replace(address, settlement=AddressKey.from_parts(settlement=settlements[0]).settlement)


def _asked(query: Query) -> dict[str, Any]:
    said: dict[str, list[str]] = {}
    for name, value in query.properties:
        said.setdefault(name, []).append(value)
    districts = said.get("district", [])
    place = _place(said)
    folded = fold(query.text)
    words = telling_words(folded)[:_MOST_WORDS]
    return {
        "folded": folded,
        "name": bare_name(folded),
        "words": words,
        "named": [name for name in query.types if name in _NAMED or (query.prefix and name == "Address")],
        "area_name": _place_name(query.text, "area"),
        "district_name": _place_name(query.text, "district"),
        "prefix": query.prefix,
        "types": query.types,
        "most": query.limit,
        "district_names": [_place_name(value, "district") for value in districts],
        "district_keys": [value.removeprefix("District:") for value in districts],
        "postcodes": said.get("postcode", []),
        "lon": place and place[0],
        "lat": place and place[1],
        "ids": _ids(query.text, said, query.types),
        "by_identifier": any(name in SCHEMES_OF for name in said),
    }


def _place_name(text: str, part: str) -> str:
    """A place's name as the gazetteer has it: without the word for its kind."""
    key = AddressKey.from_parts(**{part: text})
    return key.district or key.area or key.settlement or key.street


def _place(said: Mapping[str, list[str]]) -> tuple[float, float] | None:
    if "lon" not in said or "lat" not in said:
        return None
    lon, lat = (_degrees(said[name][0], most, name) for name, most in _DEGREES.items())
    return lon, lat


def _ids(text: str, said: Mapping[str, list[str]], types: Sequence[str]) -> list[dict[str, str]]:
    """What may be identifiers, by scheme: of the text every one that it could be; public ids under ''."""
    found = []
    name, colon, key = text.partition(":")
    if colon and name in types:
        found.append({"scheme": "", "type": name, "value": key})
    for scheme in _COLUMNS:
        value = SCHEMES[scheme].read(text) if text else None
        if value:
            found.append({"scheme": scheme, "type": _COLUMNS[scheme][0], "value": value})
    for pid, values in said.items():
        for scheme in SCHEMES_OF.get(pid, ()):
            read = (SCHEMES[scheme].read(value) for value in values)
            type_ = _COLUMNS[scheme][0]
            found += [{"scheme": scheme, "type": type_, "value": value} for value in read if value]
    return found


#: what speaks for and against a candidate, with its share of the score; `reconcile` tells them as features
FEATURES: Mapping[str, str] = {
    "identifier": "Whether an identifier that was given is its own",
    "name_similarity": "How alike the names are, 0 to 1 (share of common trigrams)",
    "address": "How surely the address is its own, 0 to 1",
    "same_district": "Whether it is in the district that was given",
    "same_postcode": "Whether its postcode is the one that was given",
    "distance_m": "Metres from the place that was given",
}
OTHER_DISTRICT, NO_DISTRICT, OTHER_POSTCODE, OTHER_IDENTIFIER = 0.5, 0.9, 0.7, 0.5
#: what is that far away is worth the least that distance leaves
FAR_M, FAR = 3000.0, 0.3
#: a match is taken without asking from this score on, where the next candidate is so much less likely
SURE, AHEAD = 90.0, 5.0
_LOOKED_AT = 25
#: what is found by the names that the search keeps
_NAMED = frozenset(("Building", "Business", "TransitStop"))
#: words of a name that are looked up, and spellings of one that nobody has; entries with a rare word, and
#: that are compared with a name at most; how alike names are at least
_MOST_WORDS, _SPELLINGS, _RARE, _COMPARED, _LEAST_ALIKE = 10, 8, 2_000, 1_000, 0.3
#: what is left for a name that has all the words that are typed, and does not begin with them
_ALL_WORDS = 0.8

_WORDS: dict[str, Composable] = {
    "other_district": Literal(OTHER_DISTRICT),
    "no_district": Literal(NO_DISTRICT),
    "other_postcode": Literal(OTHER_POSTCODE),
    "other_identifier": Literal(OTHER_IDENTIFIER),
    "far": Literal(FAR),
    "far_m": Literal(FAR_M),
    "sure": Literal(SURE),
    "ahead": Literal(AHEAD),
    "looked_at": Literal(_LOOKED_AT),
    "counted": Literal(COUNTED_WORD),
    "prefix": Literal(SHORTEST_PREFIX),
    "spellings": Literal(_SPELLINGS),
    "rare": Literal(_RARE),
    "compared": Literal(_COMPARED),
    "all_words": Literal(_ALL_WORDS),
    "least_alike": Literal(_LEAST_ALIKE),
}

# What a name may mean is looked for among the search's entries: by the name as it is, by all its words, and
# by those of them that are rare. A word that no entry has stands for those that are spelt like it. Of a word
# that is hardly begun the index would read a good part, so it is looked for among what the other words find.
# Where a name is there as it is written, no other is compared with it. To compare a damaged one with all that
# share trigrams with it took ten times as long among 200,000.
_NAMES: LiteralString = """
word AS MATERIALIZED (
    SELECT q.n, w.i, w.word, q.prefix AND w.i = cardinality(q.words) AS begun, w.word ~ {counted} AS counted
    FROM asked AS q CROSS JOIN LATERAL unnest(q.words) WITH ORDINALITY AS w(word, i)
    WHERE cardinality(q.named) > 0
), spelling AS MATERIALIZED (
    SELECT w.n, w.i, s.* FROM word AS w CROSS JOIN LATERAL (
        SELECT w.word || CASE WHEN w.begun THEN ':*' ELSE '' END AS lexeme, NULL::bigint AS entries,
            w.begun AND length(w.word) < {prefix} AS hardly
        WHERE NOT w.counted
        UNION ALL
        SELECT w.word || ':*', sum(v.entries), length(w.word) < {prefix} FROM {vocabulary} AS v
        WHERE w.counted AND w.begun AND v.word >= w.word AND v.word < w.word || '~' HAVING count(*) > 0
        UNION ALL
        SELECT v.word, v.entries, false FROM {vocabulary} AS v
        WHERE w.counted AND NOT w.begun AND v.word = w.word
    ) AS s
), corrected AS MATERIALIZED (
    SELECT w.n, w.i, s.* FROM word AS w CROSS JOIN LATERAL (
        (SELECT v.word AS lexeme, v.entries::bigint AS entries, false AS hardly FROM {vocabulary} AS v
        WHERE v.word {similar} w.word ORDER BY similarity(v.word, w.word) DESC, v.word LIMIT {spellings})
        UNION
        -- two letters exchanged leave few trigrams of a word
        SELECT v.word, v.entries, false FROM generate_series(1, length(w.word) - 1) AS at(i)
        JOIN {vocabulary} AS v ON v.word = left(w.word, at.i - 1) || substr(w.word, at.i + 1, 1)
            || substr(w.word, at.i, 1) || substr(w.word, at.i + 2)
        UNION
        -- two words may be written as one
        SELECT '(' || one.word || '&' || other.word || ')', least(one.entries, other.entries), false
        FROM generate_series(2, length(w.word) - 2) AS at(i)
        JOIN {vocabulary} AS one ON one.word = left(w.word, at.i)
        JOIN {vocabulary} AS other ON other.word = substr(w.word, at.i + 1)
    ) AS s
    WHERE w.counted AND NOT EXISTS (SELECT FROM spelling AS k WHERE k.n = w.n AND k.i = w.i)
), lexeme AS (
    SELECT every.*, entries <= {rare} OR row_number() OVER (PARTITION BY n ORDER BY entries) = 1 AS is_rare
    FROM (
        TABLE spelling
        UNION ALL TABLE corrected
        UNION ALL
        -- a word may be written as two
        SELECT w.n, NULL, v.word, v.entries, false FROM word AS w
        JOIN word AS next ON next.n = w.n AND next.i = w.i + 1 AND NOT next.begun
        JOIN {vocabulary} AS v ON v.word = w.word || next.word
    ) AS every
), meant AS MATERIALIZED (
    SELECT n, string_agg(lexemes, '&') FILTER (WHERE i > 0) AS whole,
        string_agg(lexemes, '&') FILTER (WHERE i > 0 AND NOT hardly) AS indexed, string_agg(rare, '|') AS rare
    FROM (
        SELECT n, i, '(' || string_agg(lexeme, '|') || ')' AS lexemes, bool_or(hardly) AS hardly,
            string_agg(lexeme, '|') FILTER (WHERE is_rare AND entries > 0) AS rare
        FROM lexeme GROUP BY n, i
    ) AS one GROUP BY n
), titled AS (
    SELECT q.n, best.type, best.key, best.likeness FROM asked AS q LEFT JOIN meant AS m USING (n)
    CROSS JOIN LATERAL unnest(q.named) AS kind(type)
    CROSS JOIN LATERAL (
        WITH whole AS MATERIALIZED (
            (SELECT e.key, e.name, e.names FROM {entries} AS e
            WHERE e.entity = kind.type AND e.name >= q.name
                AND e.name <= q.name || CASE WHEN q.prefix THEN '~' ELSE '' END
            ORDER BY e.name, e.key LIMIT {looked_at})
            UNION
            SELECT e.key, e.name, e.names FROM (
                SELECT e.key, e.name, e.names, e.words FROM {entries} AS e
                WHERE e.words @@ (m.indexed || '&' || kind.type)::tsquery LIMIT {compared}
            ) AS e WHERE e.words @@ m.whole::tsquery
        ), every AS (
            TABLE whole
            UNION
            (SELECT e.key, e.name, e.names FROM {entries} AS e
            WHERE e.words @@ ('(' || m.rare || ')&' || kind.type)::tsquery
                AND NOT q.prefix AND NOT EXISTS (
                    SELECT FROM whole AS w WHERE strpos(w.names, '|' || q.folded || '|') > 0
                )
            LIMIT {compared})
        ), judged AS (
            SELECT e.key, max(length(e.names)) AS length, bool_or(said.name = q.folded) AS same,
                max(CASE WHEN NOT q.prefix THEN similarity(said.name, q.folded)
                    WHEN starts_with(e.name, q.name) OR starts_with(said.name, q.folded) THEN 1
                    ELSE {all_words} END)::float8 AS likeness
            FROM every AS e CROSS JOIN LATERAL unnest(string_to_array(e.names, '|')) AS said(name)
            WHERE said.name <> '' GROUP BY e.key
        )
        SELECT kind.type, j.* FROM judged AS j
        WHERE j.same OR q.prefix
            OR (j.likeness >= {least_alike} AND NOT EXISTS (SELECT FROM judged WHERE same))
        ORDER BY j.likeness DESC, j.length, j.key LIMIT {looked_at}
    ) AS best
    WHERE q.folded <> ''
)
"""

_BORNE: LiteralString = """
    SELECT i.n, {type} AS type, t.key FROM ids AS i JOIN {table} AS t ON t.{column} = i.value
    WHERE i.scheme = {scheme}
"""
_KNOWN: LiteralString = """
    SELECT i.n, i.type, i.value FROM ids AS i WHERE i.scheme = '' AND i.type = {type}
        AND EXISTS (SELECT FROM {table} AS t WHERE t.key = i.value)
"""
_DESCRIBED: LiteralString = """
    SELECT f.*, {name} AS name, {description} AS description, {districts} AS districts,
        {postcode} AS postcode, {shape} AS shape
    FROM found AS f JOIN {table} AS t ON t.key = f.key WHERE f.type = {type}
"""

# What a record shows of itself. Persons behind a business are never kept, and sole traders have no name here.
_ONE_DISTRICT: LiteralString = "CASE WHEN t.district IS NULL THEN '{{}}' ELSE ARRAY[t.district] END"
_IN_DISTRICT: LiteralString = (
    "(SELECT COALESCE(d.name_bg, d.name_latin) FROM {district} AS d WHERE d.key = t.district)"
)
_SHOWN: Mapping[str, tuple[LiteralString, LiteralString, LiteralString, LiteralString, LiteralString]] = {
    "Address": ("t.text", _IN_DISTRICT, _ONE_DISTRICT, "t.postcode", "t.position"),
    "Building": (
        "COALESCE(t.name, (SELECT min(a.text) FROM {address} AS a WHERE a.building = t.key), t.address_text)",
        "concat_ws(', ', t.cadastral_id, " + _IN_DISTRICT + ")", _ONE_DISTRICT, "NULL", "t.footprint",
    ),
    "Business": (
        "COALESCE(t.legal_name, t.legal_name_latin)", "'EIK ' || t.eik",
        "ARRAY(SELECT DISTINCT s.district FROM {site} AS s"
        " WHERE s.business = t.key AND s.district IS NOT NULL)",
        "NULL", "NULL::geometry",
    ),
    "District": ("COALESCE(t.name_bg, t.name_latin)", "t.code", "ARRAY[t.key]", "NULL", "t.boundary"),
    "Neighbourhood": (
        "COALESCE(t.name, t.name_latin)", _IN_DISTRICT, _ONE_DISTRICT, "NULL", "t.boundary",
    ),
    "TransitStop": (
        "t.name", "concat_ws(', ', t.gtfs_id, " + _IN_DISTRICT + ")", _ONE_DISTRICT, "NULL", "t.position",
    ),
}  # fmt: skip

_FIND: LiteralString = """
WITH RECURSIVE asked AS MATERIALIZED (
    SELECT q.* FROM jsonb_to_recordset(CAST({asked} AS jsonb)) AS q(n integer, folded text, name text,
        words text[], named text[], area_name text, district_name text, prefix boolean, types text[],
        most integer, district_names text[], district_keys text[], postcodes text[], lon float8,
        lat float8, ids jsonb, by_identifier boolean)
), ids AS MATERIALIZED (
    SELECT q.n, i.* FROM asked AS q
    CROSS JOIN LATERAL jsonb_to_recordset(q.ids) AS i(scheme text, type text, value text)
), said AS MATERIALIZED (
    SELECT q.n, array_agg(d.key) AS districts FROM asked AS q JOIN {district} AS d
        ON d.key = ANY(q.district_keys) OR d.code = ANY(q.district_keys) OR d.key IN (
            SELECT g.key FROM {gazetteer} AS g WHERE g.entity = 'District' AND g.name = ANY(q.district_names)
        )
    GROUP BY q.n
), {names}, named AS (
    TABLE titled
    UNION ALL
    SELECT q.n, alike.entity, alike.key, alike.likeness FROM asked AS q CROSS JOIN LATERAL (
        SELECT g.entity, g.key, max(CASE WHEN q.prefix AND g.name LIKE (wanted.name || '%') THEN 1
            ELSE similarity(g.name, wanted.name) END)::float8 AS likeness
        FROM (VALUES ('District', q.district_name), ('Neighbourhood', q.area_name)) AS wanted(entity, name)
        JOIN {gazetteer} AS g ON g.entity = wanted.entity
        WHERE wanted.name <> '' AND wanted.entity = ANY(q.types) AND g.key IS NOT NULL
            AND (g.name {similar} wanted.name OR (q.prefix AND g.name LIKE (wanted.name || '%')))
        GROUP BY g.entity, g.key ORDER BY 3 DESC, 2 LIMIT {looked_at}
    ) AS alike
), placed AS (
    {placed}
), inherited AS (
    -- what took the place of a record that bore it; several did where it was split
    SELECT i.n, s.entity AS type, s.new_key AS key FROM ids AS i
    JOIN {succession} AS s ON s.entity = i.type AND s.old_key = i.value
    UNION
    SELECT h.n, s.entity, s.new_key FROM inherited AS h
    JOIN {succession} AS s ON s.entity = h.type AND s.old_key = h.key
), identified AS (
    {borne}
    UNION ALL
    {known}
    UNION ALL
    SELECT n, type, key FROM inherited
), found AS MATERIALIZED (
    SELECT e.n, e.type, e.key, max(e.likeness) AS likeness, max(e.at_address) AS at_address,
        bool_or(e.identified) AS identified
    FROM (
        SELECT n, type, key, likeness, NULL::float8 AS at_address, false AS identified FROM named
        UNION ALL SELECT n, type, key, NULL, sureness, false FROM placed
        UNION ALL SELECT n, type, key, NULL, NULL, true FROM identified
    ) AS e JOIN asked AS q USING (n) WHERE e.type = ANY(q.types) GROUP BY e.n, e.type, e.key
), described AS (
    {described}
), held AS (
    SELECT d.*, q.most, q.by_identifier, d.districts && said.districts AS same_district,
        CASE WHEN cardinality(q.postcodes) > 0 THEN d.postcode = ANY(q.postcodes) END AS same_postcode,
        -- on the globe: what is far from where the city's CRS is meant for has no place in it
        CASE WHEN q.lon IS NOT NULL THEN ST_Distance(ST_Transform(d.shape, 4326)::geography,
            ST_SetSRID(ST_MakePoint(q.lon, q.lat), 4326)::geography) END AS distance_m
    FROM described AS d JOIN asked AS q USING (n) LEFT JOIN said USING (n)
), scored AS (
    SELECT h.*, round((100 * greatest(CASE WHEN identified THEN 1 END, likeness, at_address)
        * CASE WHEN same_district OR same_district IS NULL OR identified THEN 1
            WHEN cardinality(districts) = 0 THEN {no_district} ELSE {other_district} END
        * CASE WHEN same_postcode IS FALSE AND NOT identified THEN {other_postcode} ELSE 1 END
        * CASE WHEN by_identifier AND NOT identified THEN {other_identifier} ELSE 1 END
        * CASE WHEN distance_m IS NULL THEN 1 ELSE greatest({far}, 1 - distance_m / {far_m}) END
        )::numeric, 1)::float8 AS score
    FROM held AS h
), ranked AS (
    SELECT s.*, row_number() OVER one AS rank, lead(score) OVER one AS next FROM scored AS s
    WINDOW one AS (PARTITION BY n ORDER BY score DESC, type, key)
)
SELECT n, rank, type AS candidate_type, key AS candidate_key, COALESCE(NULLIF(name, ''), key) AS name,
    NULLIF(description, '') AS description, score,
    rank = 1 AND score >= {sure} AND score - COALESCE(next, 0) >= {ahead} AS match,
    to_json(array_remove(ARRAY[
        CASE WHEN identified OR by_identifier THEN
            jsonb_build_object('id', 'identifier', 'value', identified) END,
        CASE WHEN likeness IS NOT NULL THEN
            jsonb_build_object('id', 'name_similarity', 'value', round(likeness::numeric, 3)) END,
        CASE WHEN at_address IS NOT NULL THEN
            jsonb_build_object('id', 'address', 'value', round(at_address::numeric, 3)) END,
        CASE WHEN same_district IS NOT NULL THEN
            jsonb_build_object('id', 'same_district', 'value', same_district) END,
        CASE WHEN same_postcode IS NOT NULL THEN
            jsonb_build_object('id', 'same_postcode', 'value', same_postcode) END,
        CASE WHEN distance_m IS NOT NULL THEN
            jsonb_build_object('id', 'distance_m', 'value', round(distance_m::numeric)) END
    ], NULL)) AS features
FROM ranked WHERE rank <= most
"""

#: the columns of the statement
COLUMNS = (
    "n", "rank", "candidate_type", "candidate_key", "name", "description", "score", "match", "features",
)  # fmt: skip

_PLACED: LiteralString = """
    SELECT h.n, leads.type, leads.key, max(h.score) AS sureness FROM ({houses}) AS h
    CROSS JOIN LATERAL (VALUES ('Address', h.address), ('Building', h.building)) AS leads(type, key)
    WHERE leads.key IS NOT NULL GROUP BY h.n, leads.type, leads.key
"""


def statement(asked: Composable, city: str) -> Composed:
    """The statement that answers a batch: a row of COLUMNS for each candidate, by query and rank.

    `asked` is the parameter for the text that `asked()` makes; `city` is the schema of the tables.
    """
    tables: dict[str, Composable] = {
        name: Identifier(city, name) for name in ("gazetteer", "address", "district", "site", "succession")
    }
    tables |= {"entries": Identifier(city, "search_entry"), "vocabulary": Identifier(city, "search_word")}
    words = {**_WORDS, **tables, "similar": SQL("%")}
    union = SQL("\n    UNION ALL\n")

    def of(name: str, /, **more: Composable) -> dict[str, Composable]:
        table = Identifier(city, BY_NAME[name].table.name)
        return {**words, "type": Literal(name), "table": table, **more}

    borne = [
        SQL(_BORNE).format(**of(name, scheme=Literal(scheme), column=Identifier(column)))
        for scheme, (name, column) in _COLUMNS.items()
    ]
    known = [SQL(_KNOWN).format(**of(name)) for name in TYPES]
    described = []
    for name, shown in _SHOWN.items():
        parts = zip(("name", "description", "districts", "postcode", "shape"), shown, strict=True)
        said = {part: SQL(sql).format(**words) for part, sql in parts}
        described.append(SQL(_DESCRIBED).format(**of(name, **said)))
    return SQL(_FIND).format(
        **words,
        asked=asked,
        names=SQL(_NAMES).format(**words),
        borne=union.join(borne),
        known=union.join(known),
        described=union.join(described),
        placed=SQL(_PLACED).format(houses=geocode.statement(asked, Literal(_LOOKED_AT), city=city)),
    )
