"""A cadastre of a million buildings: beside ogr2ogr and plain SQL that does what a load does, and again unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from loaders.sample import write_sample
from tests.bench.loads.runs import FOLDER, Absent, Bar, Ground, flatness, took

BUILDINGS, FEW = 1_000_000, 100_000
AREAS = ("sample-districts", "sample-district-codes", "sample-neighbourhoods")
DATASET = "sample-buildings"
#: what the load checks of a building and a reader of its notices would miss
CHECKED = """
CREATE UNLOGGED TABLE peer.checked AS
SELECT cadnum AS key, cadnum AS cadastral_id, NULLIF(trim(funccode), '') AS current_use,
    CASE WHEN flrcount ~ '^[0-9]{1,3}$' AND flrcount::int <= 200 THEN flrcount::int END AS storeys,
    CASE WHEN appcount ~ '^[0-9]{1,9}$' THEN appcount::int END AS dwellings,
    NULLIF(trim(immaddr), '') AS address_text, footprint, number,
    cadnum ~ '^[0-9]{5}[.][1-9][0-9]*[.]([1-9][0-9]*[.][1-9][0-9]*|0[.][1-9][0-9]*)$' AND (
        SELECT substr(cadnum, 5, 1)::int = CASE WHEN sum = 10 THEN other % 10 ELSE sum END FROM (
            SELECT (d[1] + 2 * d[2] + 3 * d[3] + 4 * d[4]) % 11 AS sum,
                (3 * d[1] + 4 * d[2] + 5 * d[3] + 6 * d[4]) % 11 AS other
            FROM (SELECT string_to_array(substr(cadnum, 1, 4), NULL)::int[] AS d) AS digits
        ) AS check_digit
    ) AS good_key,
    ST_IsValid(footprint) AND NOT ST_IsEmpty(footprint) AS good_shape,
    flrcount <> '' AND flrcount !~ '^[0-9]{1,3}$' OR appcount <> '' AND appcount !~ '^[0-9]{1,9}$' AS bad_number,
    EXISTS (SELECT FROM sample.code_value WHERE scheme = 'building_use' AND code = funccode) AS good_use,
    ST_X(ST_Centroid(footprint)) BETWEEN 290000 AND 370000
        AND ST_Y(ST_Centroid(footprint)) BETWEEN 4690000 AND 4770000 AS in_city
FROM peer.read
"""
NOTICES = """
CREATE TABLE peer.notice AS
SELECT number, key, good_key, good_shape, bad_number, good_use, in_city FROM peer.checked
WHERE NOT (good_key AND good_shape AND good_use AND in_city) OR bad_number
"""
DUPLICATES = """
DELETE FROM peer.checked AS c USING (
    SELECT key, min(number) AS number FROM peer.checked GROUP BY key HAVING count(*) > 1
) AS first WHERE c.key = first.key AND c.number > first.number
"""
AREAS_FOUND = """
CREATE UNLOGGED TABLE peer.lies AS SELECT c.key, {columns} FROM peer.checked AS c {joins}
"""
AREA_COLUMN = """COALESCE(in_{area}.area_key, (
    SELECT area_key FROM sample.area_part WHERE area_type = '{area}' AND ST_Intersects(part, c.footprint)
    GROUP BY area_key HAVING sum(ST_Area(ST_Intersection(part, c.footprint))) > ST_Area(c.footprint) / 2
    ORDER BY sum(ST_Area(ST_Intersection(part, c.footprint))) DESC LIMIT 1)) AS {area}"""
AREA_JOIN = """LEFT JOIN (
    SELECT q.key, min(a.area_key) AS area_key FROM sample.area_part AS a CROSS JOIN LATERAL (
        SELECT key FROM peer.checked WHERE ST_Covers(a.part, footprint) OFFSET 0
    ) AS q WHERE a.area_type = '{area}' GROUP BY q.key
) AS in_{area} ON in_{area}.key = c.key"""
MERGE = """
INSERT INTO peer.building (key, cadastral_id, current_use, storeys_above_ground, dwellings, address_text,
    footprint, district, neighbourhood, recorded_at, sources)
SELECT c.key, c.cadastral_id, c.current_use, c.storeys, c.dwellings, c.address_text, c.footprint, l.District,
    l.Neighbourhood, now(), '{sample-buildings}'
FROM peer.checked AS c LEFT JOIN peer.lies AS l ON l.key = c.key
WHERE c.good_key AND c.good_shape AND NOT EXISTS (SELECT FROM peer.building AS b WHERE b.key = c.key)
"""


def measure(ground: Ground) -> Sequence[Bar]:
    """First load beside the peer, the same again, and the memory of both sizes."""
    if shutil.which("ogr2ogr") is None:
        raise Absent("ogr2ogr is missing; `apt-get install gdal-bin` brings it")
    few, many = (_folder(n // 50 if ground.small else n, ground) for n in (FEW, BUILDINGS))
    ground.forget("sample")
    ground.load("sample", few, *AREAS)
    little = ground.load("sample", few, DATASET)
    ground.forget("sample")
    ground.load("sample", many, *AREAS)
    first = ground.load("sample", many, DATASET)
    ground.tell(f"twin: {first.records:,} buildings in {first.seconds:.1f} s")
    before = _written(ground)
    again = ground.load("sample", many, DATASET, "--again")
    skipped = ground.load("sample", many, DATASET)
    ground.tell(f"twin, the same again: {again.seconds:.1f} s; not read again: {skipped.seconds:.1f} s")
    wrote = sum(a != b for a, b in zip(before, _written(ground), strict=True))
    read, made = _peer(ground, many)
    [(held,)] = ground.execute("SELECT count(*) FROM peer.building")
    ours = first.rows["Building"]["added"]
    ground.tell(f"ogr2ogr {read:.1f} s, plain SQL {made:.1f} s: {held:,} buildings; the twin has {ours:,}")
    ground.execute("DROP SCHEMA peer CASCADE")
    ground.forget("sample")
    return [
        Bar(
            "first load of buildings beside ogr2ogr and plain SQL", first.seconds / (read + made), 1.2, " x",
            detail=f"{first.seconds:.1f} s to {read:.1f} + {made:.1f} s",
        ),
        Bar("the same buildings again, of the first load's time", again.seconds / first.seconds, 0.5, " x"),
        Bar("tables of entities, links and history written by that", wrote, 0),
        Bar("buildings that peer and twin do not both hold", abs(held - ours), 0),
        *flatness("buildings", little, first),
    ]  # fmt: skip


def _folder(buildings: int, ground: Ground) -> Path:
    folder = FOLDER / f"sample-{buildings}"
    if not (folder / "README.txt").exists():
        with ground.console.status(f"writing a sample city of {buildings:,} buildings"):
            write_sample(folder, buildings=buildings, businesses=1_000, seed=1)
    return folder


def _written(ground: Ground) -> list[str]:
    """A digest of where each row lies and who wrote it, table by table."""
    return [
        ground.execute(
            f"SELECT md5(string_agg(ctid::text || xmin::text, ',' ORDER BY ctid)) FROM sample.{table}"
        )[0][0]
        for table in ("building", "building_history", "link", "link_history", "record", "area_part")
    ]


def _peer(ground: Ground, folder: Path) -> tuple[float, float]:
    """The seconds of ogr2ogr into a bare table, and of the SQL that makes of it what the twin makes."""
    ground.execute("DROP SCHEMA IF EXISTS peer CASCADE", "CREATE SCHEMA peer")
    read = 0.0
    for number, archive in enumerate(sorted((folder / "buildings").glob("*.zip"))):
        first = ("-lco", "GEOMETRY_NAME=footprint", "-lco", "FID=number", "-lco", "SPATIAL_INDEX=NONE")
        read += took(
            "ogr2ogr", "-f", "PostgreSQL", f"PG:{ground.url}", f"/vsizip/{archive}", "-nln", "peer.read",
            "-nlt", "PROMOTE_TO_MULTI", *(first if number == 0 else ("-append",)),
            env={"PG_USE_COPY": "YES"},
        )  # fmt: skip
    indexes = [row[0] for row in ground.execute(
        "SELECT replace(indexdef, 'sample.', 'peer.') FROM pg_indexes"
        " WHERE schemaname = 'sample' AND tablename = 'building'"
    )]  # fmt: skip
    areas = ("District", "Neighbourhood")
    made = ground.timed(
        CHECKED,
        NOTICES,
        DUPLICATES,
        "CREATE INDEX ON peer.checked USING gist (footprint)",
        "ANALYZE peer.checked",
        AREAS_FOUND.format(
            columns=", ".join(AREA_COLUMN.format(area=area) for area in areas),
            joins=" ".join(AREA_JOIN.format(area=area) for area in areas),
        ),
        "ANALYZE peer.lies",
        "CREATE TABLE peer.building (LIKE sample.building INCLUDING GENERATED)",
        MERGE,
        *indexes,
        "ANALYZE peer.building",
    )
    return read, made
