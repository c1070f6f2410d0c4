"""The names that addresses use of places, where each is and how far it reaches: what geocoding looks up.

Derived from the entities that know names and refreshed by links.py; geocode.py and claims.py look names up.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Any

import psycopg
from geoalchemy2 import Geometry
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy import Double, Index
from sqlalchemy.orm import Mapped, mapped_column

from twin.addresses import LONGEST_NAME, AddressKey, parse_address
from twin.entities import Base
from twin.fields import KEY


class PlaceKind(enum.Enum):
    """What a name of an address is the name of."""

    SETTLEMENT = "SETTLEMENT"
    DISTRICT = "DISTRICT"
    AREA = "AREA"
    STREET = "STREET"


class GazetteerEntry(Base):
    """One place under one name; a name that two places have is there twice."""

    __tablename__ = "gazetteer"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(KEY)
    #: as twin.addresses writes the parts of an address: 'shipka', 'lyulin 8'
    name: Mapped[str] = mapped_column(KEY)
    #: the town or village that it is in, written alike; its own name for a settlement
    settlement: Mapped[str] = mapped_column(KEY)
    #: the entity that knows the name, and the record where it is one: streets and estates are of many
    entity: Mapped[str] = mapped_column(KEY)
    key: Mapped[str | None] = mapped_column(KEY)
    #: the areas that hold nearly all of it; none where it runs through several
    district: Mapped[str | None] = mapped_column(KEY)
    neighbourhood: Mapped[str | None] = mapped_column(KEY)
    position: Mapped[Any] = mapped_column(Geometry("POINT", srid=0, spatial_index=False), nullable=False)
    #: metres from the position within which nine tenths of it lie
    reach_m: Mapped[float] = mapped_column(Double())

    __table_args__ = (
        Index("gazetteer_kind_name_idx", "kind", "name"),
        Index("gazetteer_name_trgm", "name", postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}),
    )


#: the entities whose change may change a name's place
DERIVED_FROM = frozenset({"Address", "StreetSegment", "District", "Neighbourhood", "NamedPlace", "Site"})
#: houses of one street, or of one estate, stand no farther apart; two places may have one name beyond that
STREET_GAP_M, AREA_GAP_M = 1_500, 2_000
#: of a place's houses, those within its reach, and those that must agree about the area it is in
MOST = 0.9
_SAMPLE_POINTS = 50

_WORDS: dict[str, Composable] = {
    **{kind.name.lower(): Literal(kind.name) for kind in PlaceKind},
    "street_gap": Literal(STREET_GAP_M),
    "area_gap": Literal(AREA_GAP_M),
    "most": Literal(MOST),
    "points": Literal(_SAMPLE_POINTS),
    "names": Identifier("staging_name"),
    "fresh": Identifier("staging_gazetteer"),
}

# Every name as published, by the part of an address that it would be.
_PUBLISHED = """
SELECT 'district', name_bg FROM district WHERE name_bg IS NOT NULL
UNION SELECT 'area', name FROM neighbourhood WHERE name IS NOT NULL
UNION SELECT 'area', name FROM named_place WHERE name IS NOT NULL
UNION SELECT 'area', estate FROM address WHERE estate IS NOT NULL
UNION SELECT 'street', name FROM street_segment WHERE name IS NOT NULL
"""

# The town that addresses without one mean.
_MAIN_SETTLEMENT = """
SELECT split_part(match_key, '|', 1) FROM (
    SELECT match_key FROM address UNION ALL SELECT match_key FROM site UNION ALL SELECT match_key FROM permit
) AS every WHERE match_key IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""

# What has a boundary lies in its middle, and reaches as far as most of its land does. Streets, estates and
# settlements are where their houses are: those that lie together are one place. Of two sources that know one
# place by one name, the one with a record of it is kept.
_DERIVE = """
CREATE UNLOGGED TABLE {fresh} AS
WITH bounded AS (
    SELECT n.kind, n.name, 'District' AS entity, d.key, d.key AS district, NULL::text AS neighbourhood,
        d.boundary AS shape, 1 AS rank
    FROM district AS d JOIN {names} AS n ON n.part = 'district' AND n.published = d.name_bg
    UNION ALL
    SELECT n.kind, n.name, 'Neighbourhood', a.key, a.district, a.key, a.boundary, 1
    FROM neighbourhood AS a JOIN {names} AS n ON n.part = 'area' AND n.published = a.name
    UNION ALL
    SELECT n.kind, n.name, 'NamedPlace', a.key, a.district, NULL, a.boundary, 2
    FROM named_place AS a JOIN {names} AS n ON n.part = 'area' AND n.published = a.name
    UNION ALL
    SELECT {settlement}, {main}, 'District', NULL, NULL, NULL, ST_ConvexHull(ST_Collect(boundary)), 2
    FROM district HAVING count(*) > 0
), middled AS (
    SELECT b.*, CASE WHEN ST_Intersects(b.shape, ST_Centroid(b.shape)) THEN ST_Centroid(b.shape)
        ELSE ST_PointOnSurface(b.shape) END AS position
    FROM bounded AS b
), areas AS (
    SELECT m.kind, m.name, CASE m.kind WHEN {settlement} THEN m.name ELSE {main} END AS settlement, m.entity,
        m.key, CASE WHEN most.within >= {most} THEN m.district END AS district, m.neighbourhood, m.position,
        most.reach_m, m.rank
    FROM middled AS m CROSS JOIN LATERAL (
        SELECT percentile_cont({most}) WITHIN GROUP (ORDER BY ST_Distance(m.position, point.geom)) AS reach_m,
            avg((m.key = m.district OR EXISTS (
                SELECT FROM area_part WHERE area_type = 'District' AND area_key = m.district
                    AND ST_Covers(part, point.geom)
            ))::integer) AS within
        FROM ST_Dump(ST_GeneratePoints(m.shape, {points}, 1)) AS point
    ) AS most
), numbered AS (
    SELECT split_part(match_key, '|', 1) AS settlement, split_part(match_key, '|', 2) AS name,
        CASE WHEN street IS NULL OR match_key LIKE '%|%|bl %' THEN {area} ELSE {street} END AS kind,
        estate, district, neighbourhood, position
    FROM address WHERE match_key IS NOT NULL
), members AS (
    SELECT kind, name, settlement, 'Address' AS entity, 3 AS rank, district, neighbourhood, position
    FROM numbered
    UNION ALL
    SELECT {area}, n.name, a.settlement, 'Address', 3, a.district, a.neighbourhood, a.position
    FROM numbered AS a JOIN {names} AS n ON n.part = 'area' AND n.published = a.estate
    WHERE n.kind = {area} AND (a.kind, a.name) <> (n.kind, n.name)
    UNION ALL
    SELECT {settlement}, settlement, settlement, 'Address', 3, district, neighbourhood, position
    FROM numbered WHERE settlement <> {main}
    UNION ALL
    SELECT {street}, n.name, {main}, 'StreetSegment', 4, s.district, s.neighbourhood, point.geom
    FROM street_segment AS s JOIN {names} AS n ON n.part = 'street' AND n.published = s.name
    CROSS JOIN LATERAL ST_DumpPoints(ST_Segmentize(s.centreline, 100)) AS point
    UNION ALL
    -- what stands in a street says where that is; its own areas are settled only after this
    SELECT {street}, split_part(match_key, '|', 2), split_part(match_key, '|', 1), 'Site', 5,
        (SELECT min(area_key) FROM area_part WHERE area_type = 'District' AND ST_Covers(part, position)),
        (SELECT min(area_key) FROM area_part WHERE area_type = 'Neighbourhood' AND ST_Covers(part, position)),
        position
    FROM site
    WHERE match_key IS NOT NULL AND match_key NOT LIKE '%|%|bl %' AND position IS NOT NULL
), together AS (
    SELECT m.*, ST_ClusterDBSCAN(position, CASE kind WHEN {street} THEN {street_gap} ELSE {area_gap} END, 1)
        OVER (PARTITION BY kind, settlement, name ORDER BY ST_X(position), ST_Y(position)) AS place
    FROM members AS m
), centred AS (
    SELECT t.*, ST_SetSRID(ST_MakePoint(avg(ST_X(position)) OVER one, avg(ST_Y(position)) OVER one),
        ST_SRID(position)) AS middle
    FROM together AS t WINDOW one AS (PARTITION BY kind, settlement, name, place)
), gathered AS (
    SELECT kind, name, settlement, place, min(rank) AS rank,
        (array_agg(position ORDER BY position <-> middle, position::bytea))[1] AS position,
        percentile_cont({most}) WITHIN GROUP (ORDER BY ST_Distance(position, middle)) AS reach_m,
        (array_agg(entity ORDER BY rank))[1] AS entity,
        CASE WHEN count(*) FILTER (WHERE district = usual_district) >= {most} * count(*)
            THEN min(usual_district) END AS district,
        CASE WHEN count(*) FILTER (WHERE neighbourhood = usual_neighbourhood) >= {most} * count(*)
            THEN min(usual_neighbourhood) END AS neighbourhood
    FROM (
        SELECT c.*, u.usual_district, u.usual_neighbourhood FROM centred AS c JOIN (
            SELECT kind, name, settlement, place, mode() WITHIN GROUP (ORDER BY district) AS usual_district,
                mode() WITHIN GROUP (ORDER BY neighbourhood) AS usual_neighbourhood
            FROM centred GROUP BY kind, name, settlement, place
        ) AS u USING (kind, name, settlement, place)
    ) AS counted
    GROUP BY kind, name, settlement, place
), known AS (
    SELECT kind, name, settlement, entity, key, district, neighbourhood, position, reach_m, rank FROM areas
    UNION ALL
    SELECT kind, name, settlement, entity, NULL, district, neighbourhood, position, reach_m, rank
    FROM gathered
)
SELECT kind, name, settlement, entity, key, district, neighbourhood, position,
    round(reach_m::numeric, 1)::float8 AS reach_m
FROM known AS k
WHERE name <> '' AND NOT EXISTS (
    SELECT FROM known AS better
    WHERE (better.kind, better.name, better.settlement) = (k.kind, k.name, k.settlement)
        AND better.rank < k.rank
        AND ST_DWithin(better.position, k.position, greatest(better.reach_m, k.reach_m))
)
"""

# 'Младост' alone is Младост 1 to 4 together.
_WHOLES = """
INSERT INTO {fresh}
WITH parts AS (
    SELECT f.*, substring(name FROM '^(.+) [0-9]+[a-z]?$') AS stem FROM {fresh} AS f WHERE kind = {area}
), wholes AS (
    SELECT stem, settlement, ST_Centroid(ST_Collect(position)) AS middle FROM parts AS p
    WHERE NOT EXISTS (
        SELECT FROM {fresh} AS f WHERE (f.kind, f.name, f.settlement) = ({area}, p.stem, p.settlement)
            AND ST_DWithin(f.position, p.position, f.reach_m)
    ) GROUP BY stem, settlement HAVING count(*) > 1
)
SELECT {area}, stem, settlement, min(p.entity), NULL,
    CASE WHEN min(p.district) = max(p.district) AND count(*) = count(p.district) THEN min(p.district) END,
    NULL, middle, round(max(p.reach_m + ST_Distance(p.position, middle))::numeric, 1)
FROM parts AS p JOIN wholes AS w USING (stem, settlement) GROUP BY stem, settlement, middle
"""

_COLUMNS = "kind, name, settlement, entity, key, district, neighbourhood, position, reach_m"
_DIFFERS = f"""
WITH held AS (SELECT {_COLUMNS.replace("position", "position::bytea")} FROM gazetteer),
    fresh AS (SELECT {_COLUMNS.replace("position", "position::bytea")} FROM {{fresh}})
SELECT EXISTS (TABLE held EXCEPT ALL TABLE fresh) OR EXISTS (TABLE fresh EXCEPT ALL TABLE held)
"""
_KEEP = f"""
INSERT INTO gazetteer ({_COLUMNS})
SELECT {_COLUMNS} FROM {{fresh}} ORDER BY kind, settlement, name, key, position::bytea
"""


# Sites tell where streets are by their positions, and by their addresses which town those without one mean.
_BY_SITES = f"""
SELECT EXISTS (SELECT FROM site WHERE position IS NOT NULL AND recorded_at = now())
    OR EXISTS (SELECT FROM site_history WHERE position IS NOT NULL AND recorded_to = now())
    OR NOT EXISTS (
        SELECT FROM gazetteer
        WHERE kind = {{settlement}} AND entity = 'District' AND name = ({_MAIN_SETTLEMENT})
    )
"""


def follows(connection: psycopg.Connection[Any], changed: Collection[str]) -> bool:
    """Whether what this transaction changed of the named entities may change the table."""
    relevant = DERIVED_FROM & set(changed)
    if relevant != {"Site"}:
        return bool(relevant)
    row = connection.execute(SQL(_BY_SITES).format(**_WORDS)).fetchone()
    return bool(row and row[0])


def refresh_gazetteer(connection: psycopg.Connection[Any]) -> bool:
    """Derive the table anew from what the city's entities know; whether that made any difference.

    Set-based: of a name that many records share only the name goes through Python. Every position is in the
    city's CRS.
    """
    for table in ("fresh", "names"):
        connection.execute(SQL("DROP TABLE IF EXISTS {}").format(_WORDS[table]))
    main = connection.execute(_MAIN_SETTLEMENT).fetchone()
    words = {**_WORDS, "main": Literal(main[0] if main else "")}
    connection.execute(
        SQL("CREATE UNLOGGED TABLE {names} (part text, published text, kind text, name text)").format(**words)
    )
    published = connection.execute(_PUBLISHED).fetchall()
    with connection.cursor() as cursor, cursor.copy(SQL("COPY {names} FROM STDIN").format(**words)) as copy:
        for part, name in published:
            copy.write_row((part, name, *_normal(part, name)))
    connection.execute(SQL("ANALYZE {names}").format(**words))
    connection.execute(SQL(_DERIVE).format(**words))
    connection.execute(SQL(_WHOLES).format(**words))
    row = connection.execute(SQL(_DIFFERS).format(**words)).fetchone()
    differs = bool(row and row[0])
    if differs:
        connection.execute("DELETE FROM gazetteer")
        connection.execute(SQL(_KEEP).format(**words))
        connection.execute("ANALYZE gazetteer")
    connection.execute(SQL("DROP TABLE {names}, {fresh}").format(**words))
    return differs


def _normal(part: str, published: str) -> tuple[str, str]:
    """What kind of place a published name is of, and the name as addresses are compared by it.

    'с. Бистрица' among the neighbourhoods is a settlement; a name with no kind is of the part that it is in.
    """
    if part == "area":
        key = parse_address(published)
        if key.settlement and key == AddressKey(settlement=key.settlement) and not key.rest:
            return PlaceKind.SETTLEMENT.name, key.settlement
    key = AddressKey.from_parts(**{part: published})
    for kind in (PlaceKind.DISTRICT, PlaceKind.AREA, PlaceKind.STREET, PlaceKind.SETTLEMENT):
        name = getattr(key, kind.name.lower())
        if name and len(name) <= LONGEST_NAME:
            return kind.name, name
    return "", ""
