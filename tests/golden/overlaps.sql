SELECT (SELECT coalesce(json_agg(row_to_json(rows$2)), '[]'::json) AS coalesce_1
FROM (SELECT district_1.code AS code, (SELECT json_build_object('edges'::text, coalesce(whole$1.l0, '[]'::json)) AS json_build_object_1
FROM (SELECT json_agg(rows$1.l0) AS l0
FROM (SELECT json_build_object('areaM2'::text, found$1.area_m2, 'share'::text, found$1.share, 'nodeShare'::text, found$1.node_share, 'geometry'::text, CAST(ST_AsGeoJSON(ST_Transform(found$1.shared, 7801), 1, 2) AS JSON), 'node'::text, CASE WHEN (found$1.other_type = 'Building'::text) THEN (SELECT row_to_json(row$1) AS row_to_json_1
FROM (SELECT 'Building:'::text || building_2.key AS id
FROM town.building AS building_2
WHERE building_2.key = found$1.other_key) AS row$1) END) AS l0
FROM (SELECT piece$1.other_type AS other_type, piece$1.other_key AS other_key, piece$1.shared AS shared, ST_Area(piece$1.shared) AS area_m2, least(ST_Area(piece$1.shared) / CAST(piece$1.here_m2 AS DOUBLE PRECISION), 1.0::float8) AS share, least(ST_Area(piece$1.shared) / CAST(piece$1.there_m2 AS DOUBLE PRECISION), 1.0::float8) AS node_share
FROM (SELECT 'Building'::text AS other_type, building_1.key AS other_key, CASE WHEN ST_CoveredBy(building_1.footprint, district_1.boundary) THEN building_1.footprint ELSE ST_Multi(ST_CollectionExtract(ST_Intersection(building_1.footprint, district_1.boundary), 3)) END AS shared, ST_Area(building_1.footprint) AS there_m2, ST_Area(district_1.boundary) AS here_m2
FROM town.building AS building_1
WHERE ST_Intersects(building_1.footprint, district_1.boundary)
 LIMIT ALL OFFSET 0) AS piece$1
WHERE ST_Area(piece$1.shared) > 0 AND ST_Area(piece$1.shared) >= CAST($1 AS DOUBLE PRECISION) ORDER BY ST_Area(piece$1.shared) DESC, piece$1.other_key
 LIMIT 20) AS found$1 ORDER BY found$1.area_m2 DESC, found$1.other_key) AS rows$1) AS whole$1) AS "overlaps"
FROM town.district AS district_1 ORDER BY district_1.key ASC
 LIMIT 2) AS rows$2) AS answer
