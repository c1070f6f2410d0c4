SELECT json_build_object('node'::text, (SELECT row_to_json(row$2) AS row_to_json_1
FROM (SELECT 'Building:'::text || building_1.key AS id, CASE WHEN (building_1.current_use IS NOT NULL) THEN json_build_object('code'::text, building_1.current_use, 'label'::text, (SELECT coalesce(code_value_1.label_bg, code_value_1.label_en) AS coalesce_1
FROM town.code_value AS code_value_1
WHERE code_value_1.key = ('building_use/'::text || building_1.current_use))) END AS "currentUse", (SELECT row_to_json(row$1) AS row_to_json_2
FROM (SELECT district_1.code AS code
FROM town.district AS district_1
WHERE district_1.key = building_1.district) AS row$1) AS district, json_build_object('totalCount'::text, (SELECT count(*) AS count_1
FROM town.address AS address_1
WHERE address_1.building = building_1.key)) AS addresses
FROM town.building AS building_1
WHERE building_1.key = coalesce((SELECT heir$1_own.key
FROM town.building AS heir$1_own
WHERE heir$1_own.key = CAST($1 AS TEXT) COLLATE "C"), (SELECT min(heir$1_heir.key) AS min_1
FROM (WITH RECURSIVE heir$1(key) AS
(SELECT heir$1_first.new_key AS key
FROM town.succession AS heir$1_first
WHERE heir$1_first.entity = 'Building' AND heir$1_first.old_key = CAST($1 AS TEXT) COLLATE "C" UNION SELECT heir$1_step.new_key AS new_key
FROM town.succession AS heir$1_step, heir$1
WHERE heir$1_step.entity = 'Building' AND heir$1_step.old_key = heir$1.key AND NOT (EXISTS (SELECT 1
FROM town.building AS heir$1_living
WHERE heir$1_living.key = heir$1.key)))
 SELECT heir$1_found.key AS key
FROM town.building AS heir$1_found JOIN heir$1 ON heir$1.key = heir$1_found.key) AS heir$1_heir
HAVING count(*) = 1))
 LIMIT 1) AS row$2)) AS answer
