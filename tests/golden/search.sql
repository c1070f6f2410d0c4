WITH asked_1 AS
(SELECT CAST($1 AS TEXT) COLLATE "C" AS text, CAST($2 AS TEXT) COLLATE "C" AS name, CAST($3 AS TEXT) COLLATE "C" AS raw, CAST($4 AS TEXT) COLLATE "C" AS above, CAST($5 AS TEXT[]) COLLATE "C" AS words, CAST($6 AS INTEGER[]) AS near_of, CAST($7 AS TEXT[]) COLLATE "C" AS near_word, CAST('{District,Neighbourhood,NamedPlace,PlanningUnit,Building,Address,StreetSegment,Facility,ParkingZone,AirQualityStation,TransitStop,TransitRoute,Business,Site,Permit}'::text AS TEXT[]) COLLATE "C" AS types, false AS narrow, CAST($8 AS geometry) AS place)
 SELECT json_build_object('search'::text, (SELECT json_build_object('edges'::text, coalesce(whole$1.l0, '[]'::json), 'nodes'::text, coalesce(whole$1.l1, '[]'::json)) AS json_build_object_1
FROM (SELECT json_agg(rows$1.l0) AS l0, json_agg(rows$1.l1) AS l1
FROM (SELECT json_build_object('score'::text, hit_1.score, 'distanceM'::text, hit_1.distance_m, 'matched'::text, json_build_object('field'::text, hit_1.field, 'how'::text, hit_1.how), 'node'::text, CASE WHEN (hit_1.hit_type = 'District'::text) THEN (SELECT row_to_json(row$1) AS row_to_json_1
FROM (SELECT 'District'::text AS __typename, 'District:'::text || district_1.key AS id, coalesce(district_1.name_bg, district_1.name_latin) AS label
FROM town.district AS district_1
WHERE district_1.key = hit_1.hit_key) AS row$1) WHEN (hit_1.hit_type = 'Neighbourhood'::text) THEN (SELECT row_to_json(row$2) AS row_to_json_2
FROM (SELECT 'Neighbourhood'::text AS __typename, 'Neighbourhood:'::text || neighbourhood_1.key AS id, coalesce(neighbourhood_1.name, neighbourhood_1.name_latin) AS label
FROM town.neighbourhood AS neighbourhood_1
WHERE neighbourhood_1.key = hit_1.hit_key) AS row$2) WHEN (hit_1.hit_type = 'NamedPlace'::text) THEN (SELECT row_to_json(row$3) AS row_to_json_3
FROM (SELECT 'NamedPlace'::text AS __typename, 'NamedPlace:'::text || named_place_1.key AS id, coalesce(named_place_1.name, named_place_1.name_latin) AS label
FROM town.named_place AS named_place_1
WHERE named_place_1.key = hit_1.hit_key) AS row$3) WHEN (hit_1.hit_type = 'PlanningUnit'::text) THEN (SELECT row_to_json(row$4) AS row_to_json_4
FROM (SELECT 'PlanningUnit'::text AS __typename, 'PlanningUnit:'::text || planning_unit_1.key AS id, coalesce(planning_unit_1.name, planning_unit_1.name_latin) AS label
FROM town.planning_unit AS planning_unit_1
WHERE planning_unit_1.key = hit_1.hit_key) AS row$4) WHEN (hit_1.hit_type = 'Building'::text) THEN (SELECT row_to_json(row$5) AS row_to_json_5
FROM (SELECT 'Building'::text AS __typename, 'Building:'::text || building_1.key AS id, coalesce(building_1.name, building_1.name_latin) AS label
FROM town.building AS building_1
WHERE building_1.key = hit_1.hit_key) AS row$5) WHEN (hit_1.hit_type = 'Address'::text) THEN (SELECT row_to_json(row$6) AS row_to_json_6
FROM (SELECT 'Address'::text AS __typename, 'Address:'::text || address_1.key AS id, coalesce(address_1.text, address_1.text_latin) AS label
FROM town.address AS address_1
WHERE address_1.key = hit_1.hit_key) AS row$6) WHEN (hit_1.hit_type = 'StreetSegment'::text) THEN (SELECT row_to_json(row$7) AS row_to_json_7
FROM (SELECT 'StreetSegment'::text AS __typename, 'StreetSegment:'::text || street_segment_1.key AS id, coalesce(street_segment_1.name, street_segment_1.name_latin) AS label
FROM town.street_segment AS street_segment_1
WHERE street_segment_1.key = hit_1.hit_key) AS row$7) WHEN (hit_1.hit_type = 'Facility'::text) THEN (SELECT row_to_json(row$8) AS row_to_json_8
FROM (SELECT 'Facility'::text AS __typename, 'Facility:'::text || facility_1.key AS id, coalesce(facility_1.name, facility_1.name_latin) AS label
FROM town.facility AS facility_1
WHERE facility_1.key = hit_1.hit_key) AS row$8) WHEN (hit_1.hit_type = 'ParkingZone'::text) THEN (SELECT row_to_json(row$9) AS row_to_json_9
FROM (SELECT 'ParkingZone'::text AS __typename, 'ParkingZone:'::text || parking_zone_1.key AS id, coalesce(parking_zone_1.number, parking_zone_1.number) AS label
FROM town.parking_zone AS parking_zone_1
WHERE parking_zone_1.key = hit_1.hit_key) AS row$9) WHEN (hit_1.hit_type = 'AirQualityStation'::text) THEN (SELECT row_to_json(row$10) AS row_to_json_10
FROM (SELECT 'AirQualityStation'::text AS __typename, 'AirQualityStation:'::text || air_quality_station_1.key AS id, coalesce(air_quality_station_1.name, air_quality_station_1.name) AS label
FROM town.air_quality_station AS air_quality_station_1
WHERE air_quality_station_1.key = hit_1.hit_key) AS row$10) WHEN (hit_1.hit_type = 'TransitStop'::text) THEN (SELECT row_to_json(row$12) AS row_to_json_11
FROM (SELECT 'TransitStop'::text AS __typename, 'TransitStop:'::text || transit_stop_1.key AS id, coalesce(transit_stop_1.name, transit_stop_1.name_latin) AS label, (SELECT row_to_json(row$11) AS row_to_json_12
FROM (SELECT district_2.code AS code
FROM town.district AS district_2
WHERE district_2.key = transit_stop_1.district) AS row$11) AS district
FROM town.transit_stop AS transit_stop_1
WHERE transit_stop_1.key = hit_1.hit_key) AS row$12) WHEN (hit_1.hit_type = 'TransitRoute'::text) THEN (SELECT row_to_json(row$13) AS row_to_json_13
FROM (SELECT 'TransitRoute'::text AS __typename, 'TransitRoute:'::text || transit_route_1.key AS id, coalesce(transit_route_1.long_name, transit_route_1.long_name_latin) AS label
FROM town.transit_route AS transit_route_1
WHERE transit_route_1.key = hit_1.hit_key) AS row$13) WHEN (hit_1.hit_type = 'Business'::text) THEN (SELECT row_to_json(row$14) AS row_to_json_14
FROM (SELECT 'Business'::text AS __typename, 'Business:'::text || business_1.key AS id, coalesce(business_1.legal_name, business_1.legal_name_latin) AS label
FROM town.business AS business_1
WHERE business_1.key = hit_1.hit_key) AS row$14) WHEN (hit_1.hit_type = 'Site'::text) THEN (SELECT row_to_json(row$15) AS row_to_json_15
FROM (SELECT 'Site'::text AS __typename, 'Site:'::text || site_1.key AS id, coalesce(site_1.name, site_1.name_latin) AS label
FROM town.site AS site_1
WHERE site_1.key = hit_1.hit_key) AS row$15) WHEN (hit_1.hit_type = 'Permit'::text) THEN (SELECT row_to_json(row$16) AS row_to_json_16
FROM (SELECT 'Permit'::text AS __typename, 'Permit:'::text || permit_1.key AS id, coalesce(permit_1.number, permit_1.number) AS label
FROM town.permit AS permit_1
WHERE permit_1.key = hit_1.hit_key) AS row$16) END) AS l0, CASE WHEN (hit_1.hit_type = 'District'::text) THEN (SELECT row_to_json(row$17) AS row_to_json_17
FROM (SELECT 'District:'::text || district_3.key AS id
FROM town.district AS district_3
WHERE district_3.key = hit_1.hit_key) AS row$17) WHEN (hit_1.hit_type = 'Neighbourhood'::text) THEN (SELECT row_to_json(row$18) AS row_to_json_18
FROM (SELECT 'Neighbourhood:'::text || neighbourhood_2.key AS id
FROM town.neighbourhood AS neighbourhood_2
WHERE neighbourhood_2.key = hit_1.hit_key) AS row$18) WHEN (hit_1.hit_type = 'NamedPlace'::text) THEN (SELECT row_to_json(row$19) AS row_to_json_19
FROM (SELECT 'NamedPlace:'::text || named_place_2.key AS id
FROM town.named_place AS named_place_2
WHERE named_place_2.key = hit_1.hit_key) AS row$19) WHEN (hit_1.hit_type = 'PlanningUnit'::text) THEN (SELECT row_to_json(row$20) AS row_to_json_20
FROM (SELECT 'PlanningUnit:'::text || planning_unit_2.key AS id
FROM town.planning_unit AS planning_unit_2
WHERE planning_unit_2.key = hit_1.hit_key) AS row$20) WHEN (hit_1.hit_type = 'Building'::text) THEN (SELECT row_to_json(row$21) AS row_to_json_21
FROM (SELECT 'Building:'::text || building_2.key AS id
FROM town.building AS building_2
WHERE building_2.key = hit_1.hit_key) AS row$21) WHEN (hit_1.hit_type = 'Address'::text) THEN (SELECT row_to_json(row$22) AS row_to_json_22
FROM (SELECT 'Address:'::text || address_2.key AS id
FROM town.address AS address_2
WHERE address_2.key = hit_1.hit_key) AS row$22) WHEN (hit_1.hit_type = 'StreetSegment'::text) THEN (SELECT row_to_json(row$23) AS row_to_json_23
FROM (SELECT 'StreetSegment:'::text || street_segment_2.key AS id
FROM town.street_segment AS street_segment_2
WHERE street_segment_2.key = hit_1.hit_key) AS row$23) WHEN (hit_1.hit_type = 'Facility'::text) THEN (SELECT row_to_json(row$24) AS row_to_json_24
FROM (SELECT 'Facility:'::text || facility_2.key AS id
FROM town.facility AS facility_2
WHERE facility_2.key = hit_1.hit_key) AS row$24) WHEN (hit_1.hit_type = 'ParkingZone'::text) THEN (SELECT row_to_json(row$25) AS row_to_json_25
FROM (SELECT 'ParkingZone:'::text || parking_zone_2.key AS id
FROM town.parking_zone AS parking_zone_2
WHERE parking_zone_2.key = hit_1.hit_key) AS row$25) WHEN (hit_1.hit_type = 'AirQualityStation'::text) THEN (SELECT row_to_json(row$26) AS row_to_json_26
FROM (SELECT 'AirQualityStation:'::text || air_quality_station_2.key AS id
FROM town.air_quality_station AS air_quality_station_2
WHERE air_quality_station_2.key = hit_1.hit_key) AS row$26) WHEN (hit_1.hit_type = 'TransitStop'::text) THEN (SELECT row_to_json(row$27) AS row_to_json_27
FROM (SELECT 'TransitStop:'::text || transit_stop_2.key AS id
FROM town.transit_stop AS transit_stop_2
WHERE transit_stop_2.key = hit_1.hit_key) AS row$27) WHEN (hit_1.hit_type = 'TransitRoute'::text) THEN (SELECT row_to_json(row$28) AS row_to_json_28
FROM (SELECT 'TransitRoute:'::text || transit_route_2.key AS id
FROM town.transit_route AS transit_route_2
WHERE transit_route_2.key = hit_1.hit_key) AS row$28) WHEN (hit_1.hit_type = 'Business'::text) THEN (SELECT row_to_json(row$29) AS row_to_json_29
FROM (SELECT 'Business:'::text || business_2.key AS id
FROM town.business AS business_2
WHERE business_2.key = hit_1.hit_key) AS row$29) WHEN (hit_1.hit_type = 'Site'::text) THEN (SELECT row_to_json(row$30) AS row_to_json_30
FROM (SELECT 'Site:'::text || site_2.key AS id
FROM town.site AS site_2
WHERE site_2.key = hit_1.hit_key) AS row$30) WHEN (hit_1.hit_type = 'Permit'::text) THEN (SELECT row_to_json(row$31) AS row_to_json_31
FROM (SELECT 'Permit:'::text || permit_2.key AS id
FROM town.permit AS permit_2
WHERE permit_2.key = hit_1.hit_key) AS row$31) END AS l1
FROM (WITH token AS MATERIALIZED ( SELECT t.i, t.word, t.i = cardinality(a.words) AS last, cardinality(a.words) AS count, t.word ~ '[0-9]' AS is_number, t.word !~ '[0-9]' AND length(t.word) >= 3 AS is_word FROM "asked_1" AS a, unnest(a.words) WITH ORDINALITY AS t (word, i) ), spelling AS MATERIALIZED ( SELECT n.i, n.word FROM "asked_1" AS a, unnest(a.near_of, a.near_word) AS n (i, word) ), known AS MATERIALIZED ( SELECT t.*, CASE WHEN NOT t.is_word THEN t.word || CASE WHEN t.last AND NOT t.is_number THEN ':*' ELSE '' END WHEN t.last AND EXISTS ( SELECT FROM "town"."search_word" AS v WHERE v.word >= t.word AND v.word < t.word || '~' ) THEN t.word || ':*' WHEN EXISTS (SELECT FROM "town"."search_word" AS v WHERE v.word = t.word) THEN t.word END AS lexeme FROM token AS t ), meant AS MATERIALIZED ( SELECT k.i, k.lexeme IS NULL AS corrected, COALESCE( k.lexeme, (SELECT string_agg(s.word, '|') FROM ( SELECT v.word FROM spelling AS n JOIN "town"."search_word" AS v ON v.word = n.word WHERE n.i = k.i ORDER BY v.entries DESC, v.word LIMIT 8 ) AS s), CASE WHEN k.last THEN (SELECT string_agg(s.word || ':*', '|') FROM ( SELECT n.word FROM spelling AS n WHERE n.i = k.i AND length(n.word) >= length(k.word) AND EXISTS (SELECT FROM "town"."search_word" AS v WHERE v.word >= n.word AND v.word < n.word || '~') ORDER BY n.word LIMIT 8 ) AS s) END, (SELECT string_agg(s.word, '|') FROM ( SELECT v.word FROM "town"."search_word" AS v WHERE v.word % k.word ORDER BY similarity(v.word, k.word) DESC, v.entries DESC, v.word LIMIT 4 ) AS s) ) AS lexemes, NOT k.is_word AND NOT k.is_number AND k.last AS hardly, k.count, k.word, NOT k.is_number AND k.count = 1 AND 100000 <= ( SELECT sum(v.entries) FROM "town"."search_word" AS v WHERE v.word >= k.word AND v.word < k.word || CASE WHEN k.is_word THEN '~' ELSE ' ' END ) AS common FROM known AS k ), question AS MATERIALIZED ( SELECT bool_or(m.corrected) AS corrected, bool_or(m.common) AS common, CASE WHEN bool_and(m.lexemes IS NOT NULL) THEN string_agg('(' || m.lexemes || ')', '&')::tsquery END AS whole, CASE WHEN bool_and(m.lexemes IS NOT NULL AND m.common IS NOT TRUE) THEN ( string_agg( '(' || CASE WHEN NOT m.hardly THEN m.lexemes WHEN m.count = 1 THEN m.word END || ')', '&' ) || (SELECT CASE WHEN a.narrow THEN '&(' || array_to_string(a.types, '|') || ')' ELSE '' END FROM "asked_1" AS a) )::tsquery END AS indexed FROM meant AS m ), candidate AS ( SELECT b.*, NULL AS field, NULL::boolean AS same FROM (SELECT unnest(types) AS type FROM "asked_1") AS k CROSS JOIN LATERAL ( SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM "town"."search_entry" AS e WHERE e.entity = k.type AND e.name >= (SELECT name FROM "asked_1") AND e.name < (SELECT name || '~' FROM "asked_1") ORDER BY e.name, e.key LIMIT 40 ) AS b UNION ALL ( SELECT h.*, NULL, NULL FROM ( SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM "town"."search_entry" AS e WHERE e.words @@ (SELECT indexed FROM question) LIMIT 1500 ) AS h WHERE h.words @@ (SELECT whole FROM question) ) UNION ALL ( SELECT h.*, NULL, NULL FROM (SELECT unnest(types) AS type FROM "asked_1") AS k CROSS JOIN LATERAL ( SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM "town"."search_entry" AS e WHERE e.entity = k.type ORDER BY e.key LIMIT 1500 / 10 ) AS h WHERE (SELECT common FROM question) AND h.words @@ (SELECT whole FROM question) ) UNION ALL ( SELECT n.*, NULL, NULL FROM ( SELECT e.entity, e.key, e.name, e.names, e.words, e.position FROM "town"."search_entry" AS e WHERE e.position IS NOT NULL ORDER BY e.position <-> (SELECT place FROM "asked_1") LIMIT 1000 ) AS n WHERE n.words @@ (SELECT whole FROM question) AND n.entity = ANY ((SELECT types FROM "asked_1")::text[]) ) UNION ALL SELECT 'District', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, ST_Centroid(t."boundary"), 'code', t."code" = a.raw FROM "town"."district" AS t WHERE t."code" >= a.raw AND t."code" < a.above ORDER BY t."code", t.key LIMIT 10 ) AS i WHERE 'District' = ANY (a.types) UNION ALL SELECT 'Building', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, ST_Centroid(t."footprint"), 'cadastralId', t."cadastral_id" = a.raw FROM "town"."building" AS t WHERE t."cadastral_id" >= a.raw AND t."cadastral_id" < a.above ORDER BY t."cadastral_id", t.key LIMIT 10 ) AS i WHERE 'Building' = ANY (a.types) UNION ALL SELECT 'TransitStop', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, ST_Centroid(t."position"), 'gtfsId', t."gtfs_id" = a.raw FROM "town"."transit_stop" AS t WHERE t."gtfs_id" >= a.raw AND t."gtfs_id" < a.above ORDER BY t."gtfs_id", t.key LIMIT 10 ) AS i WHERE 'TransitStop' = ANY (a.types) UNION ALL SELECT 'TransitRoute', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, NULL::geometry, 'gtfsId', t."gtfs_id" = a.raw FROM "town"."transit_route" AS t WHERE t."gtfs_id" >= a.raw AND t."gtfs_id" < a.above ORDER BY t."gtfs_id", t.key LIMIT 10 ) AS i WHERE 'TransitRoute' = ANY (a.types) UNION ALL SELECT 'Business', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, NULL::geometry, 'eik', t."eik" = a.raw FROM "town"."business" AS t WHERE t."eik" >= a.raw AND t."eik" < a.above ORDER BY t."eik", t.key LIMIT 10 ) AS i WHERE 'Business' = ANY (a.types) UNION ALL SELECT 'Site', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, ST_Centroid(t."position"), 'eik', t."eik" = a.raw FROM "town"."site" AS t WHERE t."eik" >= a.raw AND t."eik" < a.above ORDER BY t."eik", t.key LIMIT 10 ) AS i WHERE 'Site' = ANY (a.types) UNION ALL SELECT 'Permit', i.* FROM "asked_1" AS a CROSS JOIN LATERAL ( SELECT t.key, '', '', NULL::tsvector, NULL::geometry, 'registerId', t."register_id" = a.raw FROM "town"."permit" AS t WHERE t."register_id" >= a.raw AND t."register_id" < a.above ORDER BY t."register_id", t.key LIMIT 10 ) AS i WHERE 'Permit' = ANY (a.types) ), kind (entity, weight, ordinal, fields) AS (VALUES ('District', 1.0::float8, 0, '{nameBg,nameLatin}'::text[]), ('Neighbourhood', 0.95::float8, 1, '{name,nameLatin}'::text[]), ('NamedPlace', 0.8::float8, 2, '{name,nameLatin}'::text[]), ('PlanningUnit', 0.4::float8, 3, '{name,nameLatin}'::text[]), ('Building', 0.7::float8, 4, '{name,nameLatin}'::text[]), ('Address', 0.6::float8, 5, '{text}'::text[]), ('StreetSegment', 0.9::float8, 6, '{name,nameLatin}'::text[]), ('Facility', 0.8::float8, 7, '{name,nameLatin,operator,addressText}'::text[]), ('ParkingZone', 0.2::float8, 8, '{number}'::text[]), ('AirQualityStation', 0.6::float8, 9, '{name}'::text[]), ('TransitStop', 0.8::float8, 10, '{name,nameLatin}'::text[]), ('TransitRoute', 0.7::float8, 11, '{shortName,longName,longNameLatin}'::text[]), ('Business', 0.5::float8, 12, '{legalName,legalNameLatin}'::text[]), ('Site', 0.5::float8, 13, '{name,nameLatin,operator,addressText}'::text[]), ('Permit', 0.1::float8, 14, '{number,locality,addressText}'::text[])), judged AS ( SELECT c.entity, c.key, c.names, c.field, ST_Distance(c.position, a.place) AS distance_m, CASE WHEN c.same IS NOT NULL THEN CASE WHEN c.same THEN 'EXACT' ELSE 'PREFIX' END WHEN c.name = a.name OR strpos(c.names, '|' || a.text || '|') > 0 THEN 'EXACT' WHEN starts_with(c.name, a.name) OR strpos(c.names, '|' || a.text) > 0 THEN 'PREFIX' WHEN (SELECT corrected FROM question) THEN 'SPELLING' ELSE 'WORDS' END AS how, strpos(translate(c.names, '|', ' '), ' ' || a.text || ' ') > 0 AS together FROM candidate AS c CROSS JOIN "asked_1" AS a ), scored AS ( SELECT DISTINCT ON (score, length, ordinal, key) j.entity, j.key, j.names, j.field, j.how, j.distance_m, k.ordinal, length(j.names) AS length, k.fields, CASE j.how WHEN 'EXACT' THEN 0.8 WHEN 'PREFIX' THEN 0.6 WHEN 'WORDS' THEN 0.4 ELSE 0.2 END + CASE WHEN j.together THEN 0.04 ELSE 0 END + 0.06 * k.weight + COALESCE(0.1 / (1 + j.distance_m / 1000), 0) AS score FROM judged AS j JOIN kind AS k ON k.entity = j.entity ORDER BY score DESC, length, ordinal, key LIMIT 3 * 3 ), best AS ( SELECT DISTINCT ON (entity, key) * FROM scored ORDER BY entity, key, score DESC ) SELECT row_number() OVER (ORDER BY s.score DESC, s.length, s.ordinal, s.key) AS rank, s.entity AS hit_type, s.key AS hit_key, s.score, s.how, COALESCE( s.field, (SELECT s.fields[n.i - 1] FROM "asked_1" AS a, unnest(string_to_array(s.names, '|')) WITH ORDINALITY AS n (name, i) WHERE n.name <> '' ORDER BY n.name = a.text DESC, starts_with(n.name, a.text) DESC, (SELECT count(*) FROM unnest(a.words) AS w (word) WHERE strpos(' ' || n.name, ' ' || w.word) > 0) DESC, n.i LIMIT 1) ) AS field, s.distance_m FROM (SELECT * FROM best ORDER BY score DESC, length, ordinal, key LIMIT 3) AS s) AS hit_1 ORDER BY hit_1.rank) AS rows$1) AS whole$1)) AS answer
