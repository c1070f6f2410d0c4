WITH sums_2 AS MATERIALIZED
(SELECT building_2.district AS k, count(*) AS a0, CAST(avg(building_2.storeys_above_ground) AS DOUBLE PRECISION) AS a1, CASE WHEN (ST_Extent(ST_Transform(building_2.footprint, 4326)) IS NOT NULL) THEN json_build_array(ST_XMin(ST_Extent(ST_Transform(building_2.footprint, 4326))), ST_YMin(ST_Extent(ST_Transform(building_2.footprint, 4326))), ST_XMax(ST_Extent(ST_Transform(building_2.footprint, 4326))), ST_YMax(ST_Extent(ST_Transform(building_2.footprint, 4326)))) END AS a2
FROM town.building AS building_2 GROUP BY building_2.district),
sums_4 AS MATERIALIZED
(SELECT site_2.district AS k, count(DISTINCT site_2.business) AS a0
FROM town.site AS site_2 GROUP BY site_2.district)
 SELECT (SELECT coalesce(json_agg(row_to_json(rows$1)), '[]'::json) AS coalesce_1
FROM (SELECT district_1.name_latin AS "nameLatin", json_build_object('aggregate'::text, coalesce(CASE WHEN ((SELECT count(*) AS count_1
FROM town.district AS district_2) <= 50) THEN (SELECT json_build_object('count'::text, sums_2.a0, 'storeysAboveGround'::text, json_build_object('avg'::text, sums_2.a1), 'footprint'::text, json_build_object('extent'::text, sums_2.a2)) AS json_build_object_1
FROM sums_2
WHERE sums_2.k = district_1.key) END, (SELECT json_build_object('count'::text, sums$1.a0, 'storeysAboveGround'::text, json_build_object('avg'::text, sums$1.a1), 'footprint'::text, json_build_object('extent'::text, sums$1.a2)) AS json_build_object_2
FROM (SELECT count(*) AS a0, CAST(avg(building_1.storeys_above_ground) AS DOUBLE PRECISION) AS a1, CASE WHEN (ST_Extent(ST_Transform(building_1.footprint, 4326)) IS NOT NULL) THEN json_build_array(ST_XMin(ST_Extent(ST_Transform(building_1.footprint, 4326))), ST_YMin(ST_Extent(ST_Transform(building_1.footprint, 4326))), ST_XMax(ST_Extent(ST_Transform(building_1.footprint, 4326))), ST_YMax(ST_Extent(ST_Transform(building_1.footprint, 4326)))) END AS a2
FROM town.building AS building_1
WHERE building_1.district = district_1.key) AS sums$1))) AS buildings, json_build_object('aggregate'::text, coalesce(CASE WHEN ((SELECT count(*) AS count_2
FROM town.district AS district_3) <= 50) THEN (SELECT json_build_object('business'::text, json_build_object('distinct'::text, sums_4.a0)) AS json_build_object_3
FROM sums_4
WHERE sums_4.k = district_1.key) END, (SELECT json_build_object('business'::text, json_build_object('distinct'::text, sums$3.a0)) AS json_build_object_4
FROM (SELECT count(DISTINCT site_1.business) AS a0
FROM town.site AS site_1
WHERE site_1.district = district_1.key) AS sums$3))) AS sites
FROM town.district AS district_1 ORDER BY district_1.key ASC
 LIMIT 50) AS rows$1) AS answer
