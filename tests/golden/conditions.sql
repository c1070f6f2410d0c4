SELECT (SELECT coalesce(json_agg(row_to_json(rows$1)), '[]'::json) AS coalesce_1
FROM (SELECT district_1.code AS code
FROM town.district AS district_1
WHERE (district_1.name_folded LIKE CAST($1 AS TEXT) OR (EXISTS (SELECT 1
FROM town.building AS building_1
WHERE building_1.district = district_1.key AND building_1.storeys_above_ground >= CAST($2 AS INTEGER)))) AND coalesce(district_1.population <= CAST($3 AS INTEGER), true) ORDER BY district_1.population DESC NULLS LAST, district_1.key ASC
 LIMIT 50) AS rows$1) AS answer
