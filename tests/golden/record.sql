SELECT (SELECT row_to_json(row$2) AS row_to_json_1
FROM (SELECT 'Building:'::text || building_1.key AS id, CASE WHEN (building_1.current_use IS NOT NULL) THEN json_build_object('code'::text, building_1.current_use, 'label'::text, (SELECT coalesce(code_value_1.label_bg, code_value_1.label_en) AS coalesce_1
FROM town.code_value AS code_value_1
WHERE code_value_1.key = ('building_use/'::text || building_1.current_use))) END AS "currentUse", (SELECT row_to_json(row$1) AS row_to_json_2
FROM (SELECT district_1.code AS code
FROM town.district AS district_1
WHERE district_1.key = building_1.district) AS row$1) AS district, json_build_object('totalCount'::text, (SELECT count(*) AS count_1
FROM town.address AS address_1
WHERE address_1.building = building_1.key)) AS addresses
FROM town.building AS building_1
WHERE building_1.key = CAST($1 AS TEXT) COLLATE "C"
 LIMIT 1) AS row$2) AS answer
