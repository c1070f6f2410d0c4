-- What PostGraphile's documentation advises for types that it does not know: a computed column that
-- returns GeoJSON (read from the stored one, so that nothing is worked out twice), and a function that
-- returns the rows of a box. Both are plain enough for PostgreSQL to inline.
CREATE FUNCTION peer.building_geometry(building {city}.building) RETURNS json
LANGUAGE sql STABLE
AS $$ SELECT building.geojson $$;

CREATE FUNCTION peer.buildings_in_box(
    west double precision, south double precision, east double precision, north double precision
) RETURNS SETOF {city}.building
LANGUAGE sql STABLE
AS $$
    SELECT b.* FROM {city}.building b
    WHERE ST_Intersects(
        b.footprint,
        -- in a subquery, so that it is worked out once: a generic plan would do it for every row (7 times slower)
        (SELECT ST_Transform(
            ST_Segmentize(ST_MakeEnvelope(west, south, east, north, 4326), least(east - west, north - south) / 16),
            {srid}
        ))
    )
    ORDER BY b.key
$$;

CREATE FUNCTION peer.nearest_stops(lon double precision, lat double precision)
RETURNS TABLE (id text, name text, distance double precision)
LANGUAGE sql STABLE
AS $$
    SELECT s.key, s.name, ST_Distance(
        s.position, (SELECT ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), {srid}))
    )
    FROM {city}.transit_stop s
    ORDER BY s.position <-> (SELECT ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), {srid}))
$$;

CREATE FUNCTION peer.district_numbers()
RETURNS TABLE (id text, name_bg text, buildings integer, mean_storeys double precision, businesses integer)
LANGUAGE sql STABLE
AS $$
    SELECT d.key, d.name_bg, coalesce(b.n, 0), b.mean, coalesce(s.n, 0)
    FROM {city}.district d
    LEFT JOIN (
        SELECT district, count(*)::int AS n, avg(storeys_above_ground)::float8 AS mean
        FROM {city}.building GROUP BY district
    ) b ON b.district = d.key
    LEFT JOIN (
        SELECT district, count(DISTINCT business)::int AS n FROM {city}.site GROUP BY district
    ) s ON s.district = d.key
    ORDER BY d.key
$$;
