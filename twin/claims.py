"""What may tie two records together, and how surely: every kind of claim of the link ledger.

links.py makes the claims of each family, keeps them in the ledger and the best of them beside each record.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.sql import Composable, Literal

from twin.addresses import ENTRANCE
from twin.entities import BY_NAME, LinkMethod, LinkStatus, LinkType

#: how far from a building a thing may stand and still be taken for being in it
NEAR_M = 30
#: how sure the nearest building is: right beside it, and NEAR_M away
BESIDE_SCORE, FAR_SCORE = 0.9, 0.5
#: an address text that names the place down to the entrance, or only its house
ADDRESS_SCORE, HOUSE_SCORE = 0.95, 0.85
#: shared among the places that an ambiguous address may mean
AMBIGUOUS_SCORE = 0.5
CANDIDATES_KEPT = 5
#: a site's own position and its address may be that far apart
SAME_SITE_M = 500
#: the names that the statements below use
WORDS: dict[str, Composable] = {
    "near_m": Literal(NEAR_M),
    "beside": Literal(BESIDE_SCORE),
    "loss": Literal(round(BESIDE_SCORE - FAR_SCORE, 6)),
    "address_score": Literal(ADDRESS_SCORE),
    "house_score": Literal(HOUSE_SCORE),
    "ambiguous_score": Literal(AMBIGUOUS_SCORE),
    "candidates": Literal(CANDIDATES_KEPT),
    "same_site_m": Literal(SAME_SITE_M),
    "entrance": Literal(ENTRANCE),
    **{one.name.lower(): Literal(one.name) for kind in (LinkType, LinkMethod, LinkStatus) for one in kind},
}


@dataclass(frozen=True)
class Family:
    """Links of one type from one entity to another, and the statement that claims them."""

    type: LinkType
    subject: str
    object: str
    leads_through: tuple[str, ...]  #: entities whose change may change any of these links
    attribute: str  #: the subject's column that keeps the best of them
    #: key, object, method, score, evidence and status of every claim about the subjects `s` in {scope}
    claims: str


# The building of the best address that a subject is at.
_ADDRESSED = """
    SELECT DISTINCT ON (l.subject_key) l.subject_key AS key, l.object_key AS address, a.building, l.score
    FROM link AS l JOIN address AS a ON a.key = l.object_key
    WHERE l.type = {at_address} AND l.subject_type = '%(entity)s' AND l.status = {accepted}
        AND a.building IS NOT NULL
    ORDER BY l.subject_key, l.method = {curated} DESC, l.score DESC, l.object_key
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

# A site is at the address that has the same house, and where one has it the same entrance. What its source
# says of the district, and its own position, must not speak against it. Several addresses of one building are
# no doubt; several places are, and then all are only candidates.
_AT_ADDRESS = """
WITH subject AS (
    SELECT s.key, s.match_key, split_part(s.match_key, {entrance}, 1) AS house, s.district_hint,
        %(position)s AS position
    FROM %(table)s AS s WHERE s.match_key IS NOT NULL AND {scope}
), matching AS (
    SELECT s.key, a.key AS address, COALESCE(a.building, a.key) AS place, a.match_key = s.match_key AS exact,
        split_part(s.match_key, {entrance}, 2) <> '' AS has_entrance,
        s.district_hint = a.district AS same_district
    FROM subject AS s JOIN address AS a ON split_part(a.match_key, {entrance}, 1) = s.house
    WHERE (s.district_hint IS NULL OR a.district IS NULL OR a.district = s.district_hint)
        AND (s.position IS NULL OR ST_DWithin(a.position, s.position, {same_site_m}))
), compared AS (
    SELECT m.*, bool_or(m.exact) OVER (PARTITION BY m.key) AS any_exact FROM matching AS m
), judged AS (
    SELECT c.*, min(c.place) OVER places = max(c.place) OVER places AS clear, count(*) OVER places AS many,
        row_number() OVER (PARTITION BY c.key ORDER BY c.address) AS number
    FROM compared AS c WHERE c.exact = c.any_exact WINDOW places AS (PARTITION BY c.key)
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


#: in the order in which they build on each other
FAMILIES = (
    Family(
        LinkType.IN_BUILDING, "Address", "Building", ("Building",), "building",
        _claims(_IN_BUILDING, "Address", named="named.key = s.building_hint"),
    ),
    Family(
        LinkType.IN_BUILDING, "Facility", "Building", ("Building",), "building",
        _claims(_IN_BUILDING, "Facility"),
    ),
    Family(
        LinkType.AT_ADDRESS, "Site", "Address", ("Address", "Building"), "address",
        _claims(_AT_ADDRESS, "Site"),
    ),
    Family(
        LinkType.IN_BUILDING, "Site", "Building", ("Building", "Address"), "building",
        _claims(_IN_BUILDING, "Site"),
    ),
    Family(
        LinkType.AT_ADDRESS, "Permit", "Address", ("Address", "Building"), "address",
        _claims(_AT_ADDRESS, "Permit"),
    ),
    Family(
        LinkType.CONCERNS, "Permit", "Building", ("Building", "Address"), "building",
        _claims(_CONCERNS, "Permit"),
    ),
)  # fmt: skip
