SELECT (SELECT row_to_json(row$4) AS row_to_json_1
FROM (SELECT (SELECT json_build_object('edges'::text, coalesce(whole$1.l0, '[]'::json)) AS json_build_object_1
FROM (SELECT json_agg(rows$1.l0) AS l0
FROM (SELECT json_build_object('distanceM'::text, found$1.distance_m, 'node'::text, CASE WHEN (found$1.other_type = 'TransitStop'::text) THEN (SELECT row_to_json(row$1) AS row_to_json_2
FROM (SELECT 'TransitStop:'::text || transit_stop_2.key AS id, coalesce(transit_stop_2.name, transit_stop_2.name_latin) AS label
FROM town.transit_stop AS transit_stop_2
WHERE transit_stop_2.key = found$1.other_key) AS row$1) WHEN (found$1.other_type = 'Facility'::text) THEN (SELECT row_to_json(row$2) AS row_to_json_3
FROM (SELECT 'Facility:'::text || facility_2.key AS id, coalesce(facility_2.name, facility_2.name_latin) AS label
FROM town.facility AS facility_2
WHERE facility_2.key = found$1.other_key) AS row$2) WHEN (found$1.other_type = 'Site'::text) THEN (SELECT row_to_json(row$3) AS row_to_json_4
FROM (SELECT 'Site:'::text || site_2.key AS id, coalesce(site_2.name, site_2.name_latin) AS label
FROM town.site AS site_2
WHERE site_2.key = found$1.other_key) AS row$3) END) AS l0
FROM (SELECT near$1.number AS number, near$1.other_type AS other_type, near$1.other_key AS other_key, near$1.distance_m AS distance_m
FROM ((SELECT 0 AS number, 'TransitStop'::text AS other_type, transit_stop_1.key AS other_key, transit_stop_1.position <-> building_1.footprint AS distance_m
FROM town.transit_stop AS transit_stop_1
WHERE building_1.footprint IS NOT NULL AND transit_stop_1.position IS NOT NULL AND ST_DWithin(transit_stop_1.position, building_1.footprint, CAST($1 AS DOUBLE PRECISION)) ORDER BY transit_stop_1.position <-> building_1.footprint
 FETCH FIRST (4) ROWS WITH TIES) UNION ALL (SELECT 1 AS number, 'Facility'::text AS other_type, facility_1.key AS other_key, facility_1.position <-> building_1.footprint AS distance_m
FROM town.facility AS facility_1
WHERE building_1.footprint IS NOT NULL AND facility_1.position IS NOT NULL AND ST_DWithin(facility_1.position, building_1.footprint, CAST($1 AS DOUBLE PRECISION)) ORDER BY facility_1.position <-> building_1.footprint
 FETCH FIRST (4) ROWS WITH TIES) UNION ALL (SELECT 2 AS number, 'Site'::text AS other_type, site_1.key AS other_key, site_1.position <-> building_1.footprint AS distance_m
FROM town.site AS site_1
WHERE building_1.footprint IS NOT NULL AND site_1.position IS NOT NULL AND ST_DWithin(site_1.position, building_1.footprint, CAST($1 AS DOUBLE PRECISION)) AND site_1.kind = CAST($2 AS TEXT) COLLATE "C" ORDER BY site_1.position <-> building_1.footprint
 FETCH FIRST (4) ROWS WITH TIES)) AS near$1 ORDER BY near$1.distance_m, near$1.number, near$1.other_key
 LIMIT 4) AS found$1 ORDER BY found$1.distance_m, found$1.number, found$1.other_key) AS rows$1) AS whole$1) AS nearby
FROM town.building AS building_1
WHERE building_1.key = CAST($3 AS TEXT) COLLATE "C"
 LIMIT 1) AS row$4) AS answer
