"""What may tie two records together, and how surely: every kind of claim of the link ledger.

links.py makes the claims of each family, keeps them in the ledger and the best of them beside each record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.sql import Composable, Literal

from twin.addresses import ENTRANCE
from twin.entities import BY_NAME, LinkMethod, LinkStatus, LinkType
from twin.names import core_name

#: how far from a building a thing may stand and still be taken for being in it
NEAR_M = 30
#: how sure the nearest building is: right beside it, and NEAR_M away
BESIDE_SCORE, FAR_SCORE = 0.9, 0.5
#: an address text that names the place down to the entrance, or only its house
ADDRESS_SCORE, HOUSE_SCORE = 0.98, 0.85
#: shared among the places that an ambiguous address may mean
AMBIGUOUS_SCORE = 0.5
CANDIDATES_KEPT = 5
#: a house of that name that is in another district than its text says, while none is there: its odds beside
#: houses there whose name is only alike, and what it scores without such
ELSEWHERE_ODDS, ELSEWHERE_SCORE = 100, 0.93
#: how alike two names are, by their trigrams, when they are as likely as not the same name, and by what power
#: of ten the odds grow from there to the same spelling; what a name that is part of another one counts
AS_LIKELY_AS_NOT, STEEPNESS, WITHIN = 0.4, 11, 0.9
LEAST_ALIKE = 0.2
#: what is less likely is not told
WORTH_TELLING = 0.05
#: a site's own position and its address may be that far apart
SAME_SITE_M = 500
#: how far from a street's centre line a stop may stand and still be taken for being on it
ON_STREET_M = 40
#: how sure the street is that the stop's own name says
STREET_NAMED_SCORE = 0.95
#: how sure a business of an outlet's very name is: the only one of that name, the only one of its operator's
#: name, or one that has its seat or a branch in the same building
SOLE_NAME_SCORE, SOLE_OPERATOR_SCORE, HOUSED_NAME_SCORE = 0.6, 0.9, 0.95
#: what a seat or branch in the same district adds
SAME_DISTRICT_SCORE = 0.1
#: names that have so much in common (pg_trgm's similarity) are worth a candidate; how sure equal ones were
SIMILAR, SIMILAR_SCORE = 0.5, 0.6
#: among the words of legal names those are looked up first that hold so much of it (word_similarity)
SIMILAR_WORDS = 0.6
#: what is as sure as this is accepted
ACCEPTED_SCORE = 0.8
SHORTEST_NAME = 3
#: the names that the statements below use
WORDS: dict[str, Composable] = {
    "near_m": Literal(NEAR_M),
    "beside": Literal(BESIDE_SCORE),
    "loss": Literal(round(BESIDE_SCORE - FAR_SCORE, 6)),
    "address_score": Literal(ADDRESS_SCORE),
    "house_score": Literal(HOUSE_SCORE),
    "ambiguous_score": Literal(AMBIGUOUS_SCORE),
    "candidates": Literal(CANDIDATES_KEPT),
    "elsewhere": Literal(ELSEWHERE_ODDS),
    "elsewhere_score": Literal(ELSEWHERE_SCORE),
    "as_likely_as_not": Literal(AS_LIKELY_AS_NOT),
    "steepness": Literal(STEEPNESS),
    "within": Literal(WITHIN),
    "least_alike": Literal(LEAST_ALIKE),
    "worth_telling": Literal(WORTH_TELLING),
    "same_site_m": Literal(SAME_SITE_M),
    "entrance": Literal(ENTRANCE),
    "after_entrance": Literal(chr(ord(ENTRANCE) + 1)),
    "on_street_m": Literal(ON_STREET_M),
    "street_named": Literal(STREET_NAMED_SCORE),
    "sole_name": Literal(SOLE_NAME_SCORE),
    "sole_operator": Literal(SOLE_OPERATOR_SCORE),
    "housed_name": Literal(HOUSED_NAME_SCORE),
    "same_district": Literal(SAME_DISTRICT_SCORE),
    "similar": Literal(SIMILAR),
    "similar_score": Literal(SIMILAR_SCORE),
    "accepted_score": Literal(ACCEPTED_SCORE),
    "shortest_name": Literal(SHORTEST_NAME),
    **{one.name.lower(): Literal(one.name) for kind in (LinkType, LinkMethod, LinkStatus) for one in kind},
}


@dataclass(frozen=True)
class Family:
    """Links of one type from one entity to another, and the statement that claims them."""

    type: LinkType
    subject: str
    object: str
    #: the entities whose change may change these links, and the keys of the subjects that their rows in
    #: {written} may attract, which holds those that were written as they were and as they are. Subjects that
    #: have a link to such a row are known by the ledger. Without a statement all links are made anew.
    leads_through: Mapping[str, str | None]
    attribute: str  #: the subject's column that keeps the best of them
    #: key, object, method, score, evidence and status of every claim about the subjects `s` in {scope}, whose
    #: links `l` are in {held}; {doors} are DOORS or DOORS_OF_FEW, {address_heirs} the HEIRS of addresses
    claims: str


#: what took the place of records to which somebody tied a subject last, and that are gone since: key, subject
#: and object of that link, an heir, and how many there are. A chain of successions ends at the first record
#: that is there.
HEIRS = """
WITH RECURSIVE bereft AS MATERIALIZED (
    SELECT l.key, l.subject_key, l.object_key FROM link AS l
    WHERE l.method = {curated} AND l.type = {type} AND l.subject_type = {subject_type}
        AND l.status = {accepted} AND {held}
        AND NOT EXISTS (SELECT FROM {objects} AS o WHERE o.key = l.object_key)
        AND NOT EXISTS (
            SELECT FROM link AS later WHERE later.subject_key = l.subject_key AND later.type = {type}
                AND later.subject_type = {subject_type} AND later.method = {curated}
                AND later.status = {accepted} AND later.decided_at > l.decided_at
        )
), chain AS (
    SELECT b.key, s.new_key FROM bereft AS b
    JOIN succession AS s ON s.entity = {object_type} AND s.old_key = b.object_key
    UNION
    SELECT c.key, s.new_key FROM chain AS c
    JOIN succession AS s ON s.entity = {object_type} AND s.old_key = c.new_key
    WHERE NOT EXISTS (SELECT FROM {objects} AS o WHERE o.key = c.new_key)
)
SELECT b.key, b.subject_key, b.object_key, o.key AS heir, count(*) OVER (PARTITION BY b.key) AS heirs
FROM bereft AS b JOIN chain AS c USING (key) JOIN {objects} AS o ON o.key = c.new_key
"""

# The building of the best address that a subject is at.
_ADDRESSED = """
    SELECT DISTINCT ON (l.subject_key) l.subject_key AS key, a.key AS address, a.building, l.score
    FROM link AS l LEFT JOIN ({address_heirs}) AS h ON h.key = l.key AND h.heirs = 1
    JOIN address AS a ON a.key = COALESCE(h.heir, l.object_key)
    WHERE l.type = {at_address} AND l.subject_type = '%(entity)s' AND l.status = {accepted}
        AND a.building IS NOT NULL AND {held}
    ORDER BY l.subject_key, l.method = {curated} DESC, l.decided_at DESC NULLS LAST, l.score DESC,
        l.object_key
"""

# A thing is in the building that its source names, else in the one that contains it, the smaller of two, else
# in the nearest within NEAR_M, else in that of its address. {named} and {addressed} are joins, or false.
_IN_BUILDING = """
SELECT s.key,
    COALESCE(named.key, inside.key, nearest.key, addressed.building) AS object,
    CASE WHEN named.key IS NOT NULL THEN {same_key} WHEN inside.key IS NOT NULL THEN {containment}
        WHEN nearest.key IS NOT NULL THEN {nearest} ELSE {address_match} END AS method,
    CASE WHEN COALESCE(named.key, inside.key) IS NOT NULL THEN 1
        WHEN nearest.key IS NOT NULL THEN round(({beside} - {loss} * nearest.metres / {near_m})::numeric, 3)
        ELSE addressed.score END AS score,
    CASE WHEN named.key IS NOT NULL THEN json_build_object('named_by', 'source')
        WHEN inside.key IS NOT NULL THEN json_build_object('inside', true)
        WHEN nearest.key IS NOT NULL THEN json_build_object('metres', round(nearest.metres::numeric, 1))
        ELSE json_build_object('address', addressed.address) END AS evidence,
    {accepted} AS status
FROM %(table)s AS s
LEFT JOIN building AS named ON %(named)s
LEFT JOIN LATERAL (
    SELECT b.key FROM building AS b
    WHERE named.key IS NULL AND ST_Intersects(b.footprint, s.position)
    ORDER BY ST_Area(b.footprint), b.key LIMIT 1
) AS inside ON true
LEFT JOIN LATERAL (
    SELECT b.key, ST_Distance(b.footprint, s.position) AS metres FROM building AS b
    WHERE named.key IS NULL AND inside.key IS NULL AND ST_DWithin(b.footprint, s.position, {near_m})
    ORDER BY 2, b.key LIMIT 1
) AS nearest ON true
LEFT JOIN (%(addressed)s) AS addressed ON addressed.key = s.key
WHERE COALESCE(named.key, inside.key, nearest.key, addressed.building) IS NOT NULL AND {scope}
"""

# A permit concerns the buildings that it names, or in which are units that it names; naming none, that of its
# address. A parcel's identifier has three parts, a building's four, a unit's five.
_CONCERNS = """
WITH named AS (
    SELECT s.key, b.key AS object, min(c.id) AS id
    FROM permit AS s CROSS JOIN LATERAL unnest(s.cadastral_ids) AS c(id)
    JOIN building AS b ON b.cadastral_id = substring(c.id FROM '^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+')
    WHERE {scope} GROUP BY s.key, b.key
)
SELECT key, object, {same_key} AS method, 1 AS score, json_build_object('cadastral_id', id) AS evidence,
    {accepted} AS status
FROM named
UNION ALL
SELECT s.key, addressed.building, {address_match}, addressed.score,
    json_build_object('address', addressed.address), {accepted}
FROM permit AS s JOIN (%(addressed)s) AS addressed ON addressed.key = s.key
WHERE NOT EXISTS (SELECT FROM named AS n WHERE n.key = s.key) AND {scope}
"""

_DOOR = """a.key AS address, COALESCE(a.building, a.key) AS place,
        split_part(a.match_key, {entrance}, 1) AS house, split_part(a.match_key, {entrance}, 2) AS entrance,
        a.district, a.position"""
#: the addresses that a subject may be at, those of its house and any
DOORS = f"""door AS MATERIALIZED (
    SELECT {_DOOR} FROM address AS a WHERE a.match_key IS NOT NULL
), any_door AS NOT MATERIALIZED (TABLE door)"""
#: the same for so few subjects that the index finds theirs; all are read only where a house is not there
DOORS_OF_FEW = f"""door AS MATERIALIZED (
    SELECT {_DOOR} FROM (SELECT DISTINCT house FROM subject) AS s JOIN address AS a
        ON a.match_key >= s.house || {{entrance}} AND a.match_key < s.house || {{after_entrance}}
), any_door AS NOT MATERIALIZED (
    SELECT {_DOOR} FROM address AS a WHERE a.match_key IS NOT NULL
)"""

# A site is at the address that has the same house, and where one has it the same entrance. What its source
# says of the district, and its own position, must not speak against it. Several addresses of one building are
# no doubt; several places are, and then all are only candidates. Where no house agrees, the district or the
# name was mistyped: the same house in another district, and houses of that number in the district whose
# street or estate is called alike, share what is likely by their odds.
_AT_ADDRESS = """
WITH subject AS MATERIALIZED (
    SELECT s.key, split_part(s.match_key, {entrance}, 1) AS house,
        split_part(s.match_key, {entrance}, 2) AS entrance, s.district_hint, %(position)s AS position
    FROM %(table)s AS s WHERE s.match_key IS NOT NULL AND {scope}
), {doors}, same_house AS MATERIALIZED (
    SELECT s.key, d.address, d.place, d.entrance = s.entrance AS exact, s.entrance <> '' AS has_entrance,
        s.district_hint = d.district AS same_district
    FROM subject AS s JOIN door AS d USING (house)
    WHERE s.position IS NULL OR ST_DWithin(d.position, s.position, {same_site_m})
), compared AS (
    SELECT m.*, bool_or(m.exact) OVER (PARTITION BY m.key) AS any_exact FROM same_house AS m
    WHERE same_district IS NOT FALSE
), judged AS (
    SELECT c.*, min(c.place) OVER places = max(c.place) OVER places AS clear, count(*) OVER places AS many,
        row_number() OVER (PARTITION BY c.key ORDER BY c.address) AS number
    FROM compared AS c WHERE c.exact = c.any_exact WINDOW places AS (PARTITION BY c.key)
), astray AS MATERIALIZED (
    SELECT s.*, split_part(house, '|', 1) AS settlement, split_part(house, '|', 2) AS name,
        split_part(house, '|', 3) AS number, substring(split_part(house, '|', 2) FROM '[0-9]+') AS digits
    FROM subject AS s WHERE NOT EXISTS (SELECT FROM judged AS j WHERE j.key = s.key)
), sought AS (
    SELECT s.*, d.key AS district FROM astray AS s
    JOIN district AS d ON s.district_hint IS NULL OR d.key = s.district_hint
), near AS MATERIALIZED (
    SELECT s.key, d.address, d.place, d.entrance = s.entrance AS exact, d.name,
        greatest(similarity(s.name, d.name), {within} * word_similarity(s.name, d.name)) AS likeness
    FROM sought AS s JOIN (
        SELECT *, split_part(house, '|', 1) AS settlement, split_part(house, '|', 2) AS name,
            split_part(house, '|', 3) AS number, substring(split_part(house, '|', 2) FROM '[0-9]+') AS digits
        FROM any_door
    ) AS d USING (settlement, number, district)
    -- the 81st street is not the 811th
    WHERE (s.digits = d.digits OR s.digits IS NULL OR d.digits IS NULL)
        AND similarity(s.name, d.name) >= {least_alike}
        AND (s.position IS NULL OR ST_DWithin(d.position, s.position, {same_site_m}))
), likely AS (
    SELECT DISTINCT ON (key, place) * FROM (
        SELECT key, address, place, exact, NULL AS name, NULL::float8 AS likeness,
            {elsewhere}::float8 AS odds, {elsewhere_score}::float8 AS best
        FROM same_house WHERE key IN (SELECT key FROM astray)
        UNION ALL
        SELECT key, address, place, exact, name, likeness,
            10 ^ ({steepness} * (likeness - {as_likely_as_not})), {address_score}
        FROM near
    ) AS every ORDER BY key, place, odds DESC, exact DESC, address
), shared AS (
    SELECT l.*, best * odds / (1 + sum(odds) OVER one) AS score, count(*) OVER one AS many,
        row_number() OVER (PARTITION BY key ORDER BY odds DESC, address) AS number
    FROM likely AS l WINDOW one AS (PARTITION BY key)
)
SELECT key, address AS object, {address_match} AS method,
    CASE WHEN NOT clear THEN round(({ambiguous_score} / many)::numeric, 3)
        WHEN exact THEN {address_score} ELSE {house_score} END AS score,
    json_build_object(
        'matched', array_remove(ARRAY['house', CASE WHEN exact AND has_entrance THEN 'entrance' END,
            CASE WHEN same_district THEN 'district' END], NULL),
        'addresses', many
    ) AS evidence,
    CASE WHEN clear THEN {accepted} ELSE {candidate} END AS status
FROM judged WHERE number <= CASE WHEN clear THEN 1 ELSE {candidates} END
UNION ALL
SELECT key, address, {address_match}, round(score::numeric, 3),
    CASE WHEN name IS NULL THEN json_build_object('matched', ARRAY['house'], 'addresses', many)
        ELSE json_build_object('matched', ARRAY['number', 'district'], 'name', name,
            'likeness', round(likeness::numeric, 2), 'addresses', many) END,
    CASE WHEN score >= {accepted_score} THEN {accepted} ELSE {candidate} END
FROM shared WHERE number <= {candidates} AND score >= {worth_telling}
"""


# A stop is on the street that its name says, else on the nearest one that has a name, else on the nearest.
_ON_STREET = """
SELECT s.key, g.key AS object, {nearest} AS method,
    CASE WHEN g.said THEN {street_named}
        ELSE round(({beside} - {loss} * g.metres / {on_street_m})::numeric, 3) END AS score,
    json_build_object('metres', round(g.metres::numeric, 1),
        'matched', CASE WHEN g.said THEN json_build_array('name') END) AS evidence,
    {accepted} AS status
FROM transit_stop AS s CROSS JOIN LATERAL (
    SELECT g.key, g.name, ST_Distance(g.centreline, s.position) AS metres,
        COALESCE(length(c.core) >= {shortest_name}
            AND strpos(' ' || s.name_folded || ' ', ' ' || c.core || ' ') > 0, false) AS said
    FROM street_segment AS g
    CROSS JOIN LATERAL (
        SELECT regexp_replace(g.name_folded, '^(ul|ulitsa|bul|bulevard|blvd|pl|ploshtad) ', '') AS core
    ) AS c
    WHERE ST_DWithin(g.centreline, s.position, {on_street_m})
    ORDER BY said DESC, g.name IS NULL, metres, g.key LIMIT 1
) AS g
WHERE {scope}
"""
_ON_STREET_NEAR = """
SELECT s.key FROM {written} AS o
JOIN transit_stop AS s ON ST_DWithin(o.centreline, s.position, {on_street_m})
"""

_OPERATOR, _NAME = core_name("s.operator_folded"), core_name("s.name_folded")

# An outlet is of the business that its source names, else of one of its operator's or its own name without
# words of legal form. A seat or branch of that business in the same building or district speaks for it.
_SITE_OF = f"""
WITH outlet AS MATERIALIZED (
    SELECT s.key, s.building, s.district, b.key AS named, {_OPERATOR} AS operator, {_NAME} AS name
    FROM site AS s LEFT JOIN business AS b ON b.key = s.business_hint
    WHERE s.kind = 'OUTLET' AND {{scope}}
), spelt AS (
    SELECT key, building, district, 'operator' AS matched, operator AS name FROM outlet
    WHERE named IS NULL AND length(operator) >= {{shortest_name}}
    UNION ALL
    SELECT key, building, district, 'name', name FROM outlet
    WHERE named IS NULL AND length(name) >= {{shortest_name}} AND name IS DISTINCT FROM operator
), equal AS MATERIALIZED (
    SELECT n.name, b.key AS business, count(*) OVER (PARTITION BY n.name) AS many
    FROM (SELECT DISTINCT name FROM spelt) AS n JOIN business AS b ON b.name_core = n.name
    WHERE b.valid_to IS NULL
), alike AS (
    SELECT n.name, b.key AS business, b.similarity
    FROM (SELECT DISTINCT name FROM spelt WHERE matched = 'operator') AS n
    CROSS JOIN LATERAL (
        SELECT b.key, round(similarity(b.name_core, n.name)::numeric, 3) AS similarity FROM business AS b
        WHERE b.legal_name_folded %> n.name AND b.valid_to IS NULL
            AND similarity(b.name_core, n.name) >= {{similar}}
        ORDER BY 2 DESC, b.key LIMIT {{candidates}}
    ) AS b
    WHERE NOT EXISTS (SELECT FROM equal AS e WHERE e.name = n.name)
), housed AS MATERIALIZED (
    SELECT DISTINCT e.business, o.building, o.district
    FROM equal AS e JOIN site AS o ON o.business = e.business AND o.kind <> 'OUTLET'
), compared AS (
    SELECT p.key, p.matched, e.business, e.many, near.same_building, near.same_district,
        count(*) FILTER (WHERE near.same_building) OVER (PARTITION BY p.key, p.matched) AS housed_here
    FROM spelt AS p JOIN equal AS e USING (name)
    CROSS JOIN LATERAL (
        SELECT COALESCE(bool_or(h.building = p.building), false) AS same_building,
            COALESCE(bool_or(h.district = p.district), false) AS same_district
        FROM housed AS h WHERE h.business = e.business
    ) AS near
), judged AS (
    SELECT c.key, c.business,
        CASE WHEN c.same_building AND c.housed_here = 1 THEN {{housed_name}}
            ELSE CASE WHEN c.many > 1 THEN round({{sole_name}} / c.many, 3)
                WHEN c.matched = 'operator' THEN {{sole_operator}} ELSE {{sole_name}} END
                + CASE WHEN c.same_district AND (c.many > 1 OR c.matched = 'name') THEN {{same_district}}
                    ELSE 0 END
        END AS score,
        json_build_object('matched', array_remove(ARRAY[c.matched,
            CASE WHEN c.same_building THEN 'building' END, CASE WHEN c.same_district THEN 'district' END
        ], NULL), 'businesses', c.many) AS evidence
    FROM compared AS c
    UNION ALL
    SELECT p.key, m.business, round({{similar_score}} * m.similarity, 3),
        json_build_object('matched', ARRAY[p.matched], 'similarity', m.similarity)
    FROM spelt AS p JOIN alike AS m USING (name) WHERE p.matched = 'operator'
), best AS (
    SELECT DISTINCT ON (key, business) key, business, score, evidence FROM judged
    ORDER BY key, business, score DESC, evidence::text
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY score DESC, business) AS number FROM best
)
SELECT key, named AS object, {{same_key}} AS method, 1 AS score,
    json_build_object('named_by', 'source') AS evidence, {{accepted}} AS status
FROM outlet WHERE named IS NOT NULL
UNION ALL
SELECT key, business, {{name_match}}, score, evidence,
    CASE WHEN score >= {{accepted_score}} THEN {{accepted}} ELSE {{candidate}} END
FROM ranked WHERE number <= {{candidates}}
"""

# Outlets that a written business may be meant by, or whose business it may have been.
_SITE_OF_NAMED = f"""
WITH known AS MATERIALIZED (
    SELECT DISTINCT key, {core_name("o.legal_name_folded")} AS name FROM {{written}} AS o
), outlet AS MATERIALIZED (
    SELECT s.key, s.business_hint, {_OPERATOR} AS operator, {_NAME} AS name
    FROM site AS s WHERE s.kind = 'OUTLET'
)
SELECT s.key FROM outlet AS s JOIN known AS o ON o.name = s.operator
UNION SELECT s.key FROM outlet AS s JOIN known AS o ON o.name = s.name
UNION SELECT s.key FROM outlet AS s JOIN known AS o ON o.key = s.business_hint
UNION SELECT s.key FROM outlet AS s
JOIN (
    SELECT DISTINCT n.operator FROM (SELECT DISTINCT operator FROM outlet) AS n
    JOIN known AS o ON similarity(o.name, n.operator) >= {{similar}}
) AS alike ON alike.operator = s.operator
"""

# Outlets that have the name of a business whose seat or branch was written, for it may stand beside them.
_SITE_OF_HOUSED = f"""
WITH known AS MATERIALIZED (
    SELECT DISTINCT b.name_core AS name FROM {{written}} AS o JOIN business AS b ON b.key = o.business
    WHERE o.kind <> 'OUTLET'
), outlet AS MATERIALIZED (
    SELECT s.key, {_OPERATOR} AS operator, {_NAME} AS name FROM site AS s WHERE s.kind = 'OUTLET'
)
SELECT s.key FROM outlet AS s JOIN known AS o ON o.name = s.operator
UNION SELECT s.key FROM outlet AS s JOIN known AS o ON o.name = s.name
"""


def _claims(statement: str, entity: str, *, named: str = "false") -> str:
    """A statement about one entity; `named` is how its source names a building."""
    spatial = BY_NAME[entity].is_spatial
    words = {
        "table": BY_NAME[entity].table.name,
        "entity": entity,
        "named": named,
        "position": "s.position" if spatial else "NULL::geometry",
    }
    return statement % {**words, "addressed": _ADDRESSED % words}


def _near_building(entity: str) -> str:
    """The rows of an entity that stand in or near a written building."""
    return (
        f"SELECT s.key FROM {{written}} AS o JOIN {BY_NAME[entity].table.name} AS s"
        " ON ST_DWithin(o.footprint, s.position, {near_m})"
    )


def _at_number(entity: str) -> str:
    """The rows of an entity whose address has the number of a written one: its name may be mistyped."""
    return (
        "SELECT s.key FROM (SELECT DISTINCT split_part(match_key, '|', 1) AS settlement,"
        " split_part(split_part(match_key, {entrance}, 1), '|', 3) AS number FROM {written}"
        f" WHERE match_key IS NOT NULL) AS o JOIN {BY_NAME[entity].table.name} AS s"
        " ON split_part(s.match_key, '|', 1) = o.settlement"
        " AND split_part(split_part(s.match_key, {entrance}, 1), '|', 3) = o.number"
    )


#: no row but those with a link to what was written, which the ledger knows
_ONLY_LINKED = "SELECT key FROM {written} WHERE false"
_HINTED = " UNION SELECT s.key FROM {written} AS o JOIN address AS s ON s.building_hint = o.key"
_CADASTRAL = """
SELECT s.key FROM permit AS s CROSS JOIN LATERAL unnest(s.cadastral_ids) AS c(id)
JOIN {written} AS o ON o.cadastral_id = substring(c.id FROM '^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+')
"""

#: in the order in which they build on each other
FAMILIES = (
    Family(
        LinkType.IN_BUILDING, "Address", "Building", {"Building": _near_building("Address") + _HINTED},
        "building", _claims(_IN_BUILDING, "Address", named="named.key = s.building_hint"),
    ),
    Family(
        LinkType.IN_BUILDING, "Facility", "Building", {"Building": _near_building("Facility")},
        "building", _claims(_IN_BUILDING, "Facility"),
    ),
    Family(
        LinkType.ON_STREET, "TransitStop", "StreetSegment", {"StreetSegment": _ON_STREET_NEAR},
        "street", _ON_STREET,
    ),
    Family(
        LinkType.AT_ADDRESS, "Site", "Address", {"Address": _at_number("Site")},
        "address", _claims(_AT_ADDRESS, "Site"),
    ),
    Family(
        LinkType.IN_BUILDING, "Site", "Building",
        {"Building": _near_building("Site"), "Address": _ONLY_LINKED},
        "building", _claims(_IN_BUILDING, "Site"),
    ),
    Family(
        LinkType.SITE_OF, "Site", "Business", {"Business": _SITE_OF_NAMED, "Site": _SITE_OF_HOUSED},
        "business", _SITE_OF,
    ),
    Family(
        LinkType.AT_ADDRESS, "Permit", "Address", {"Address": _at_number("Permit")},
        "address", _claims(_AT_ADDRESS, "Permit"),
    ),
    Family(
        LinkType.CONCERNS, "Permit", "Building", {"Building": _CADASTRAL, "Address": _ONLY_LINKED},
        "building", _claims(_CONCERNS, "Permit"),
    ),
)  # fmt: skip
