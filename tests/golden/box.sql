SELECT (SELECT coalesce(json_agg(row_to_json(rows$2)), '[]'::json) AS coalesce_1
FROM (SELECT 'Building:'::text || building_1.key AS id, building_1.geojson AS geometry, (SELECT row_to_json(row$1) AS row_to_json_1
FROM (SELECT district_1.name_latin AS "nameLatin"
FROM town.district AS district_1
WHERE district_1.key = building_1.district) AS row$1) AS district, json_build_object('nodes'::text, (SELECT coalesce(json_agg(row_to_json(rows$1)), '[]'::json) AS coalesce_2
FROM (SELECT coalesce(site_1.name, site_1.name_latin) AS label, (SELECT row_to_json(row$2) AS row_to_json_2
FROM (SELECT business_1.eik AS eik
FROM town.business AS business_1
WHERE business_1.key = site_1.business) AS row$2) AS business
FROM town.site AS site_1
WHERE site_1.building = building_1.key ORDER BY site_1.key ASC
 LIMIT 5) AS rows$1)) AS sites
FROM town.building AS building_1
WHERE (building_1.footprint && CAST($1 AS geometry)) AND ((building_1.footprint @ CAST($2 AS geometry)) OR ST_Intersects(building_1.footprint, CAST($1 AS geometry))) ORDER BY building_1.key ASC
 LIMIT 2) AS rows$2) AS answer
