SELECT (SELECT coalesce(json_agg(row_to_json(rows$2)), '[]'::json) AS coalesce_1
FROM (SELECT 'Site:'::text || site_1.key AS id, json_build_object('nodes'::text, (SELECT coalesce(json_agg(row_to_json(rows$1)), '[]'::json) AS coalesce_2
FROM (SELECT link_1.score AS score, CASE WHEN (link_1.object_type = 'District'::text) THEN (SELECT row_to_json(row$1) AS row_to_json_1
FROM (SELECT 'District:'::text || district_1.key AS id
FROM town.district AS district_1
WHERE district_1.key = link_1.object_key) AS row$1) WHEN (link_1.object_type = 'Neighbourhood'::text) THEN (SELECT row_to_json(row$2) AS row_to_json_2
FROM (SELECT 'Neighbourhood:'::text || neighbourhood_1.key AS id
FROM town.neighbourhood AS neighbourhood_1
WHERE neighbourhood_1.key = link_1.object_key) AS row$2) WHEN (link_1.object_type = 'NamedPlace'::text) THEN (SELECT row_to_json(row$3) AS row_to_json_3
FROM (SELECT 'NamedPlace:'::text || named_place_1.key AS id
FROM town.named_place AS named_place_1
WHERE named_place_1.key = link_1.object_key) AS row$3) WHEN (link_1.object_type = 'PlanningUnit'::text) THEN (SELECT row_to_json(row$4) AS row_to_json_4
FROM (SELECT 'PlanningUnit:'::text || planning_unit_1.key AS id
FROM town.planning_unit AS planning_unit_1
WHERE planning_unit_1.key = link_1.object_key) AS row$4) WHEN (link_1.object_type = 'Building'::text) THEN (SELECT row_to_json(row$5) AS row_to_json_5
FROM (SELECT 'Building:'::text || building_2.key AS id
FROM town.building AS building_2
WHERE building_2.key = link_1.object_key) AS row$5) WHEN (link_1.object_type = 'BuildingSolid'::text) THEN (SELECT row_to_json(row$6) AS row_to_json_6
FROM (SELECT 'BuildingSolid:'::text || building_solid_1.key AS id
FROM town.building_solid AS building_solid_1
WHERE building_solid_1.key = link_1.object_key) AS row$6) WHEN (link_1.object_type = 'Address'::text) THEN (SELECT row_to_json(row$7) AS row_to_json_7
FROM (SELECT 'Address:'::text || address_1.key AS id
FROM town.address AS address_1
WHERE address_1.key = link_1.object_key) AS row$7) WHEN (link_1.object_type = 'StreetSegment'::text) THEN (SELECT row_to_json(row$8) AS row_to_json_8
FROM (SELECT 'StreetSegment:'::text || street_segment_1.key AS id
FROM town.street_segment AS street_segment_1
WHERE street_segment_1.key = link_1.object_key) AS row$8) WHEN (link_1.object_type = 'Facility'::text) THEN (SELECT row_to_json(row$9) AS row_to_json_9
FROM (SELECT 'Facility:'::text || facility_1.key AS id
FROM town.facility AS facility_1
WHERE facility_1.key = link_1.object_key) AS row$9) WHEN (link_1.object_type = 'CityFurniture'::text) THEN (SELECT row_to_json(row$10) AS row_to_json_10
FROM (SELECT 'CityFurniture:'::text || city_furniture_1.key AS id
FROM town.city_furniture AS city_furniture_1
WHERE city_furniture_1.key = link_1.object_key) AS row$10) WHEN (link_1.object_type = 'ParkingZone'::text) THEN (SELECT row_to_json(row$11) AS row_to_json_11
FROM (SELECT 'ParkingZone:'::text || parking_zone_1.key AS id
FROM town.parking_zone AS parking_zone_1
WHERE parking_zone_1.key = link_1.object_key) AS row$11) WHEN (link_1.object_type = 'AirQualityStation'::text) THEN (SELECT row_to_json(row$12) AS row_to_json_12
FROM (SELECT 'AirQualityStation:'::text || air_quality_station_1.key AS id
FROM town.air_quality_station AS air_quality_station_1
WHERE air_quality_station_1.key = link_1.object_key) AS row$12) WHEN (link_1.object_type = 'Observation'::text) THEN (SELECT row_to_json(row$13) AS row_to_json_13
FROM (SELECT 'Observation:'::text || observation_1.key AS id
FROM town.observation AS observation_1
WHERE observation_1.key = link_1.object_key) AS row$13) WHEN (link_1.object_type = 'TransitStop'::text) THEN (SELECT row_to_json(row$14) AS row_to_json_14
FROM (SELECT 'TransitStop:'::text || transit_stop_1.key AS id
FROM town.transit_stop AS transit_stop_1
WHERE transit_stop_1.key = link_1.object_key) AS row$14) WHEN (link_1.object_type = 'TransitRoute'::text) THEN (SELECT row_to_json(row$15) AS row_to_json_15
FROM (SELECT 'TransitRoute:'::text || transit_route_1.key AS id
FROM town.transit_route AS transit_route_1
WHERE transit_route_1.key = link_1.object_key) AS row$15) WHEN (link_1.object_type = 'TransitLink'::text) THEN (SELECT row_to_json(row$16) AS row_to_json_16
FROM (SELECT 'TransitLink:'::text || transit_link_1.key AS id
FROM town.transit_link AS transit_link_1
WHERE transit_link_1.key = link_1.object_key) AS row$16) WHEN (link_1.object_type = 'Business'::text) THEN (SELECT row_to_json(row$17) AS row_to_json_17
FROM (SELECT 'Business:'::text || business_1.key AS id
FROM town.business AS business_1
WHERE business_1.key = link_1.object_key) AS row$17) WHEN (link_1.object_type = 'Site'::text) THEN (SELECT row_to_json(row$18) AS row_to_json_18
FROM (SELECT 'Site:'::text || site_2.key AS id
FROM town.site AS site_2
WHERE site_2.key = link_1.object_key) AS row$18) WHEN (link_1.object_type = 'Permit'::text) THEN (SELECT row_to_json(row$19) AS row_to_json_19
FROM (SELECT 'Permit:'::text || permit_1.key AS id
FROM town.permit AS permit_1
WHERE permit_1.key = link_1.object_key) AS row$19) WHEN (link_1.object_type = 'Succession'::text) THEN (SELECT row_to_json(row$20) AS row_to_json_20
FROM (SELECT 'Succession:'::text || succession_1.key AS id
FROM town.succession AS succession_1
WHERE succession_1.key = link_1.object_key) AS row$20) END AS object
FROM town.link AS link_1
WHERE link_1.subject_key = site_1.key AND link_1.subject_type = 'Site'::text OR link_1.object_key = site_1.key AND link_1.object_type = 'Site'::text ORDER BY link_1.key ASC
 LIMIT 50) AS rows$1)) AS links
FROM town.site AS site_1
WHERE EXISTS (SELECT 1
FROM town.building AS building_1
WHERE building_1.key = site_1.building AND building_1.cadastral_id = CAST($1 AS TEXT) COLLATE "C") ORDER BY site_1.key ASC
 LIMIT 50) AS rows$2) AS answer
