"""The link ledger: which record is tied to which, how and how surely; and the best link beside each record.

The loaders call `relink` after a merge, `twin link` calls `relink_all`. Everything here is set-based SQL on
one city's schema, which the caller's connection has as its search_path.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from twin.addresses import ENTRANCE
from twin.areas import AREAS, WHEREABOUTS, refresh_area_parts, whereabouts
from twin.entities import BY_NAME, ENTITIES, Entity, LinkMethod, LinkStatus, LinkType
from twin.history import HISTORY

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
DECIDED_BY = "twin.links"

#: the links to areas of what takes them from its building or address where it has no position
_AREAS = ("district", "neighbourhood")
_CLAIMS = Identifier("staging_claim")
#: the names that the statements below use
_WORDS: dict[str, Composable] = {
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
class Relinked:
    """How many rows a linking wrote: areas of rows, claims in the ledger, best links beside the entities."""

    areas: int = 0
    claims: int = 0
    rewritten: int = 0

    def __add__(self, other: Relinked) -> Relinked:
        return Relinked(
            self.areas + other.areas, self.claims + other.claims, self.rewritten + other.rewritten
        )


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
#: whose areas may also come from their building or address, and wait for that
_SETTLED = ("Site", "Permit")


def relink(connection: psycopg.Connection[Any], changed: Collection[str]) -> Relinked:
    """Bring links up to date after a load changed rows of the named entities.

    Where only subjects changed, only theirs are made anew; where buildings, addresses or areas changed, all
    links that lead to such are. Runs in the transaction of the load, whose rows it knows by their time.
    """
    return _relink(connection, set(changed))


def depending_on(changed: Collection[str]) -> set[str]:
    """The entities whose links may be others after the named ones changed, these among them."""
    found = set(changed)
    if found & set(AREAS):
        found |= {entity.name for entity in ENTITIES if entity.is_spatial}
    for family in FAMILIES:
        if found & set(family.leads_through):
            found.add(family.subject)
    return found


def relink_all(connection: psycopg.Connection[Any]) -> Relinked:
    """Make all links anew; where nothing changed, nothing is written."""
    for name in AREAS:
        refresh_area_parts(connection, BY_NAME[name])
    return _relink(connection, set(BY_NAME))


def _relink(connection: psycopg.Connection[Any], changed: set[str]) -> Relinked:
    done = Relinked()
    if changed & set(AREAS):
        for entity in ENTITIES:
            if entity.is_spatial and entity.name not in _SETTLED:
                moved = _relink_areas(connection, entity)
                done += Relinked(areas=moved)
                changed |= {entity.name} if moved else set()
    for family in FAMILIES:
        if changed & {family.subject, *family.leads_through}:
            everything = bool(changed & set(family.leads_through))
            done += Relinked(claims=_claim(connection, family, everything=everything))
            if family.subject not in _SETTLED:
                copied = _copy_best(connection, family, everything=everything)
                done += Relinked(rewritten=copied)
                changed |= {family.subject} if copied else set()
    everything = bool(changed & {"Building", "Address", *AREAS})
    for name in _SETTLED:
        if everything or name in changed:
            done += Relinked(rewritten=_settle(connection, BY_NAME[name], everything=everything))
    return done


def _scope(*, everything: bool) -> SQL:
    """All subjects, or those that this transaction has written."""
    return SQL("true") if everything else SQL("s.recorded_at = now()")


def _words(family: Family, *, everything: bool) -> dict[str, Composable]:
    scope = _scope(everything=everything)
    return {
        **_WORDS,
        "claims": _CLAIMS,
        "scope": scope,
        "type": Literal(family.type.name),
        "subject_type": Literal(family.subject),
        "object_type": Literal(family.object),
        "subjects": Identifier(BY_NAME[family.subject].table.name),
        "attribute": Identifier(family.attribute),
        "decided_by": Literal(DECIDED_BY),
        "statement": SQL(family.claims).format(**_WORDS, scope=scope),
        "best": SQL(_BEST).format(
            **_WORDS, type=Literal(family.type.name), subject_type=Literal(family.subject)
        ),
    }


def _claim(connection: psycopg.Connection[Any], family: Family, *, everything: bool) -> int:
    """Make a family's claims anew and write to the ledger what differs; how many did."""
    words = _words(family, everything=everything)
    connection.execute(SQL("DROP TABLE IF EXISTS {claims}").format(**words))
    connection.execute(SQL(_STAGE_CLAIMS).format(**words))
    connection.execute(SQL("ANALYZE {claims}").format(**words))
    row = connection.execute(SQL(_MERGE_CLAIMS).format(**words)).fetchone()
    connection.execute(SQL("DROP TABLE {claims}").format(**words))
    written: int = row[0] if row else 0
    if written:
        # the joins that follow meet what was just written
        connection.execute("ANALYZE link")
    return written


def _copy_best(connection: psycopg.Connection[Any], family: Family, *, everything: bool) -> int:
    """Keep the best accepted link beside each subject; how many changed."""
    found = SQL(
        "SELECT s.key, best.object_key AS {attribute} FROM {subjects} AS s"
        " LEFT JOIN ({best}) AS best ON best.subject_key = s.key WHERE {scope}"
    ).format(**_words(family, everything=everything))
    return _rewrite(connection, BY_NAME[family.subject], found, [family.attribute])


def _settle(connection: psycopg.Connection[Any], entity: Entity, *, everything: bool) -> int:
    """Keep beside each site or permit its best address and building, and the areas that follow; how many
    changed.

    The areas are those of its position, else of its building or address, else what its source names.
    """
    scope, table = _scope(everything=everything), Identifier(entity.table.name)
    best = {
        family.attribute: _words(family, everything=True)["best"]
        for family in FAMILIES
        if family.subject == entity.name
    }
    placed = SQL("SELECT s.key, s.{} AS shape FROM {} AS s WHERE {}").format(
        Identifier(entity.geometry or "key"), table, scope
    )
    with whereabouts(connection, entity, placed) as areas:
        lies = {
            name: SQL("w.{}").format(Identifier(name)) if name in areas else SQL("NULL") for name in _AREAS
        }
        found = SQL(_PLACES).format(
            table=table,
            lying=SQL("LEFT JOIN {} AS w ON w.key = s.key").format(WHEREABOUTS) if areas else SQL(""),
            best_address=best["address"],
            best_building=best["building"],
            **lies,
            scope=scope,
        )
        return _rewrite(connection, entity, found, ["address", "building", *_AREAS])


_STAGE_CLAIMS = """
CREATE UNLOGGED TABLE {claims} AS
SELECT concat_ws('/', {type}::text, {subject_type}::text, c.key, c.object) COLLATE "C" AS key,
    c.key AS subject_key, c.object AS object_key, c.method, c.score::float8 AS score, c.evidence, c.status
FROM ({statement}) AS c
"""

_MERGE_CLAIMS = """
WITH held AS MATERIALIZED (
    SELECT l.key, l.method, l.score, l.evidence, l.status
    FROM link AS l LEFT JOIN {subjects} AS s ON s.key = l.subject_key
    WHERE l.type = {type} AND l.subject_type = {subject_type} AND l.method <> {curated}
        AND (s.key IS NULL OR {scope})
), gone AS (
    SELECT h.key FROM held AS h WHERE NOT EXISTS (SELECT FROM {claims} AS c WHERE c.key = h.key)
), changed AS (
    SELECT c.* FROM {claims} AS c JOIN held AS h USING (key)
    WHERE (c.method, c.score, c.evidence::text, c.status)
        IS DISTINCT FROM (h.method, h.score, h.evidence::text, h.status)
), remembered AS (
    INSERT INTO link_history (key, type, subject_type, subject_key, object_type, object_key, method, score,
        evidence, status, decided_by, recorded_at, recorded_to)
    SELECT l.key, l.type, l.subject_type, l.subject_key, l.object_type, l.object_key, l.method, l.score,
        l.evidence, l.status, l.decided_by, l.recorded_at, now()
    FROM link AS l
    WHERE l.key IN (SELECT key FROM gone UNION ALL SELECT key FROM changed) AND l.recorded_at < now()
), deleted AS (
    DELETE FROM link AS l USING gone AS g WHERE l.key = g.key RETURNING l.key
), updated AS (
    UPDATE link AS l SET method = c.method, score = c.score, evidence = c.evidence, status = c.status,
        decided_by = {decided_by}, recorded_at = now()
    FROM changed AS c WHERE l.key = c.key RETURNING l.key
), added AS (
    INSERT INTO link (key, type, subject_type, subject_key, object_type, object_key, method, score,
        evidence, status, decided_by, recorded_at)
    SELECT c.key, {type}, {subject_type}, c.subject_key, {object_type}, c.object_key, c.method, c.score,
        c.evidence, c.status, {decided_by}, now()
    FROM {claims} AS c
    -- what was curated about the same pair stands
    WHERE NOT EXISTS (SELECT FROM link AS l WHERE l.key = c.key) RETURNING key
)
SELECT (SELECT count(*) FROM deleted) + (SELECT count(*) FROM updated) + (SELECT count(*) FROM added)
"""

_BEST = """
SELECT DISTINCT ON (l.subject_key) l.subject_key, l.object_key FROM link AS l
WHERE l.type = {type} AND l.subject_type = {subject_type} AND l.status = {accepted}
ORDER BY l.subject_key, l.method = {curated} DESC, l.score DESC, l.object_key
"""

_PLACES = """
SELECT s.key, at.object_key AS address, within.object_key AS building,
    COALESCE({district}, b.district, a.district, h.key) AS district,
    COALESCE({neighbourhood}, b.neighbourhood, a.neighbourhood) AS neighbourhood
FROM {table} AS s {lying}
LEFT JOIN ({best_address}) AS at ON at.subject_key = s.key
LEFT JOIN ({best_building}) AS within ON within.subject_key = s.key
LEFT JOIN building AS b ON b.key = within.object_key
LEFT JOIN address AS a ON a.key = at.object_key
LEFT JOIN district AS h ON h.key = s.district_hint
WHERE {scope}
"""


def _relink_areas(connection: psycopg.Connection[Any], entity: Entity) -> int:
    """Give every row of an entity the areas in which it lies; how many were in others before."""
    shape, table = Identifier(entity.geometry or ""), Identifier(entity.table.name)
    placed = SQL("SELECT key, {} AS shape FROM {}").format(shape, table)
    with whereabouts(connection, entity, placed) as areas:
        found = SQL("SELECT * FROM {}").format(WHEREABOUTS)
        return _rewrite(connection, entity, found, list(areas)) if areas else 0


def _rewrite(
    connection: psycopg.Connection[Any], entity: Entity, found: Composable, attributes: list[str]
) -> int:
    """Set attributes to what `found` (key and attributes) says, only where they differ; how many did.

    A version that an earlier transaction wrote goes to history first.
    """
    history = HISTORY[entity.name]
    kept = [column.key for column in history.columns if column.key not in ("version", "recorded_to")]
    return connection.execute(
        SQL(
            "WITH found AS ({found}), differing AS MATERIALIZED ("
            " SELECT f.* FROM found AS f JOIN {table} AS t USING (key)"
            " WHERE ROW({t}) IS DISTINCT FROM ROW({f})"
            "), remembered AS ("
            " INSERT INTO {history} ({kept}, recorded_to) SELECT {t_kept}, now() FROM {table} AS t"
            " JOIN differing AS d USING (key) WHERE t.recorded_at < now()"
            ") UPDATE {table} AS t SET {settings}, recorded_at = now()"
            " FROM differing AS d WHERE t.key = d.key"
        ).format(
            found=found,
            table=Identifier(entity.table.name),
            history=Identifier(history.name),
            t=SQL(", ").join(Identifier("t", name) for name in attributes),
            f=SQL(", ").join(Identifier("f", name) for name in attributes),
            kept=SQL(", ").join(Identifier(name) for name in kept),
            t_kept=SQL(", ").join(Identifier("t", name) for name in kept),
            settings=SQL(", ").join(
                SQL("{} = d.{}").format(Identifier(name), Identifier(name)) for name in attributes
            ),
        )
    ).rowcount
