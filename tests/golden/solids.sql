SELECT (SELECT coalesce(json_agg(row_to_json(rows$2)), '[]'::json) AS coalesce_1
FROM (SELECT 'Building:'::text || building_1.key AS id, array_to_json(array((SELECT building_solid_1.lod
FROM town.building_solid AS building_solid_1
WHERE building_solid_1.building = building_1.key ORDER BY building_solid_1.lod))) AS lods, (SELECT building_solid_2.cityjson
FROM town.building_solid AS building_solid_2
WHERE building_solid_2.building = building_1.key AND building_solid_2.lod = CAST($1 AS TEXT) COLLATE "C"
 LIMIT 1) AS lod, json_build_object('nodes'::text, (SELECT coalesce(json_agg(row_to_json(rows$1)), '[]'::json) AS coalesce_2
FROM (SELECT building_solid_3.lod AS lod, building_solid_3.volume_m3 AS "volumeM3"
FROM town.building_solid AS building_solid_3
WHERE building_solid_3.building = building_1.key ORDER BY building_solid_3.key ASC
 LIMIT 50) AS rows$1)) AS solids
FROM town.building AS building_1 ORDER BY building_1.key ASC
 LIMIT 1) AS rows$2) AS answer
