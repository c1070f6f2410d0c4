WITH asked_1 AS
(SELECT CAST($1 AS TEXT) AS parsed)
 SELECT json_build_object('geocode'::text, (SELECT coalesce(json_agg(row_to_json(rows$1)), '[]'::json) AS coalesce_1
FROM (SELECT match_1.level AS level, match_1.score AS score, match_1.expected_error_m AS "expectedErrorM", match_1.reason AS reason, CAST(ST_AsGeoJSON(ST_Transform(match_1.position, 4326), 4, 0) AS JSON) AS position, (SELECT row_to_json(row$1) AS row_to_json_1
FROM (SELECT district_1.name_bg AS "nameBg"
FROM town.district AS district_1
WHERE district_1.key = match_1.district) AS row$1) AS district, (SELECT row_to_json(row$2) AS row_to_json_2
FROM (SELECT 'Building:'::text || building_1.key AS id
FROM town.building AS building_1
WHERE building_1.key = match_1.building) AS row$2) AS building, CASE WHEN (match_1.understood IS NOT NULL) THEN json_build_object('district'::text, nullif(match_1.understood ->> 'district'::text, ''), 'street'::text, nullif(match_1.understood ->> 'street'::text, ''), 'number'::text, nullif(match_1.understood ->> 'number'::text, '')) END AS understood, match_1.left_over AS "leftOver"
FROM (
WITH asked AS MATERIALIZED (
    SELECT q.* FROM jsonb_to_recordset(CAST((SELECT parsed FROM "asked_1") AS jsonb)) AS q(n integer, settlement text,
        district text, area text, street text, number text, block text, entrance text, heads text[],
        tails text[], rest text)
), main AS MATERIALIZED (
    SELECT name FROM "town"."gazetteer" WHERE kind = 'SETTLEMENT' AND entity = 'District' LIMIT 1
)
SELECT q.n, f.* FROM asked AS q CROSS JOIN LATERAL (
WITH wanted AS (
    SELECT w.kind, w.name, true AS said FROM (
        VALUES ('SETTLEMENT', q.settlement), ('DISTRICT', q.district), ('AREA', q.area), ('STREET', q.street)
    ) AS w(kind, name) WHERE w.name <> ''
    UNION ALL
    SELECT k.kind, head, false FROM unnest(q.heads) AS head
    CROSS JOIN (VALUES ('SETTLEMENT'), ('DISTRICT'), ('AREA')) AS k(kind)
    WHERE k.kind <> 'SETTLEMENT' OR q.settlement = ''
    UNION ALL
    SELECT 'STREET', tail, false FROM unnest(q.tails) AS tail
    WHERE NOT EXISTS (SELECT FROM "town"."gazetteer" AS g WHERE g.kind = 'SETTLEMENT' AND g.name = tail)
), known AS (
    SELECT w.kind AS part, w.name AS asked_name, w.said, 1.0::float8 AS likeness, g.*,
        rank() OVER (
            PARTITION BY w.kind ORDER BY w.said DESC, length(w.name) DESC, g.kind = w.kind DESC
        ) AS rank
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT * FROM "town"."gazetteer" WHERE kind = w.kind AND name = w.name
        UNION ALL
        SELECT * FROM "town"."gazetteer" WHERE w.kind = 'AREA' AND name = w.name
            AND (kind = 'SETTLEMENT' AND entity <> 'District' OR kind = 'DISTRICT' AND w.said)
    ) AS g
), corrected AS (
    SELECT w.kind AS part, w.name AS asked_name, w.said, alike.*
    FROM wanted AS w CROSS JOIN LATERAL (
        SELECT similarity(g.name, w.name)::float8 AS likeness, g.* FROM "town"."gazetteer" AS g
        WHERE g.name % w.name AND g.kind = w.kind ORDER BY 1 DESC, g.name, g.number LIMIT 5
    ) AS alike
    WHERE w.said AND NOT EXISTS (SELECT FROM known AS k WHERE k.part = w.kind AND k.said)
        AND alike.likeness >= CASE w.kind WHEN 'SETTLEMENT' THEN 0.6 ELSE 0.35 END
), meant AS MATERIALIZED (
    SELECT part, asked_name, CASE WHEN said THEN 'exact' ELSE 'among' END AS how,
        CASE WHEN said THEN 1 WHEN part = 'STREET' AND strpos(name, ' ') = 0 THEN 0.45
            ELSE 0.8 END AS weight, number, kind, name, settlement, district,
        neighbourhood, position, reach_m
    FROM known WHERE rank = 1
    UNION ALL
    SELECT part, asked_name, 'corrected', likeness, number, kind, name, settlement, district, neighbourhood,
        position, reach_m
    FROM corrected
), said_town AS (
    SELECT name, position, reach_m FROM meant WHERE part = 'SETTLEMENT' ORDER BY weight DESC, number LIMIT 1
), town AS MATERIALIZED (
    -- where no address says in which town the city is, any is
    SELECT said.position, COALESCE(
            said.name, CASE WHEN q.settlement = '' OR main.name IS NULL THEN COALESCE(main.name, '') END
        ) AS name,
        said.reach_m, said.name IS NULL OR said.name = main.name AS is_main, main.name AS main_name
    FROM (SELECT 1) AS one LEFT JOIN main ON true LEFT JOIN said_town AS said ON true
), around AS MATERIALIZED (
    -- the districts and areas that the text names, against which streets and houses are held
    SELECT part, district, position, reach_m FROM meant WHERE part IN ('DISTRICT', 'AREA')
    UNION ALL
    SELECT 'AREA', NULL, position, reach_m FROM town WHERE NOT is_main AND position IS NOT NULL
), streets AS MATERIALIZED (
    SELECT m.* FROM meant AS m JOIN town AS t
        ON m.settlement = t.name OR (NOT t.is_main AND m.settlement = t.main_name)
    WHERE m.part = 'STREET'
), sought AS (
    SELECT settlement || '|' || name || '|' || q.number AS house, 'STREET' AS part, asked_name, name, how,
        max(weight) AS weight
    FROM streets WHERE q.number <> '' GROUP BY settlement, name, asked_name, how
    UNION ALL
    SELECT t.name || '|' || m.name || '|' || house.number, 'AREA', m.asked_name, m.name, m.how, max(m.weight)
    FROM meant AS m CROSS JOIN town AS t CROSS JOIN LATERAL (
        SELECT CASE WHEN q.block <> '' THEN 'bl ' || q.block WHEN q.street = '' THEN NULLIF(q.number, '') END
            AS number
    ) AS house
    WHERE m.part = 'AREA' AND house.number IS NOT NULL
    GROUP BY t.name, m.name, house.number, m.asked_name, m.how
), houses AS (
    SELECT DISTINCT ON (COALESCE(a.building, a.key)) COALESCE(a.building, a.key) AS place, s.part,
        s.asked_name, s.name, s.how, s.weight, a.key AS address, a.building, a.district, a.neighbourhood,
        a.position, split_part(a.match_key, '#', 2) = q.entrance AND q.entrance <> '' AS same_entrance
    FROM sought AS s JOIN "town"."address" AS a ON a.match_key >= s.house || '#' AND a.match_key < s.house || '$'
    ORDER BY COALESCE(a.building, a.key), s.weight DESC, split_part(a.match_key, '#', 2) <> q.entrance, a.key
), candidates AS (
    SELECT place, CASE WHEN building IS NULL THEN 'ADDRESS' ELSE 'BUILDING' END AS level,
        CASE WHEN building IS NULL THEN 0.97 ELSE 0.98 END AS sure, part, asked_name,
        name, how, weight, 15::float8 AS expected_error_m, address, building,
        CASE part WHEN 'STREET' THEN name END AS street, neighbourhood, district, position,
        concat_ws(', ', 'house', CASE WHEN same_entrance THEN 'entrance' END) AS matched,
        1.0::float8 AS nearness
    FROM houses
    UNION ALL
    SELECT 'street ' || s.number, 'STREET', 0.95, s.part, s.asked_name, s.name, s.how, s.weight,
        COALESCE(15 + 10 * near.apart, s.reach_m), NULL, NULL, s.name,
        CASE WHEN near.apart IS NULL THEN s.neighbourhood ELSE near.neighbourhood END,
        CASE WHEN near.apart IS NULL THEN s.district WHEN near.apart <= 20.0 OR near.district = s.district
            THEN near.district END,
        COALESCE(near.position, s.position), 'nearest number ' || near.there,
        20.0 / (20.0 + COALESCE(near.apart, 2 * 20.0))
    FROM streets AS s LEFT JOIN LATERAL (
        -- the houses of the street whose numbers are nearest, on the same side where there are such; in a
        -- district that all of them are in, for a street may be the border of two
        SELECT (array_agg(position ORDER BY away))[1] AS position,
            (array_agg(there ORDER BY away))[1] AS there,
            abs((array_agg(there - here ORDER BY away))[1]) AS apart,
            CASE WHEN min(district) = max(district) THEN min(district) END AS district,
            CASE WHEN min(neighbourhood) = max(neighbourhood) THEN min(neighbourhood) END AS neighbourhood
        FROM (SELECT h.*, abs(there - here) + 2 * abs(mod(there - here, 2)) AS away FROM (
            SELECT a.district, a.neighbourhood, a.position,
                substring(split_part(a.match_key, '|', 3) FROM '^[0-9]{1,6}')::integer AS there,
                substring(q.number FROM '^[0-9]{1,6}')::integer AS here
            FROM (
                SELECT match_key, district, neighbourhood, position FROM "town"."address"
                UNION ALL SELECT match_key, district, neighbourhood, position FROM "town"."site"
                WHERE position IS NOT NULL
            ) AS a
            WHERE a.match_key >= s.settlement || '|' || s.name || '|'
                AND a.match_key < s.settlement || '|' || s.name || '}'
                AND ST_DWithin(a.position, s.position, 2 * s.reach_m + 300)
        ) AS h
        WHERE there IS NOT NULL AND here IS NOT NULL
        ORDER BY away, there, position::bytea LIMIT 3) AS nearest HAVING count(*) > 0
    ) AS near ON q.number <> ''
    UNION ALL
    SELECT DISTINCT ON (number) kind || ' ' || number,
        CASE WHEN part = 'SETTLEMENT' AND neighbourhood IS NULL THEN 'SETTLEMENT'
            WHEN kind = 'DISTRICT' THEN 'DISTRICT' ELSE 'NEIGHBOURHOOD' END,
        CASE kind WHEN 'DISTRICT' THEN 0.99 WHEN 'SETTLEMENT' THEN 0.99
            ELSE 0.95 END,
        part, asked_name, name, how, weight, reach_m, NULL, NULL, NULL, neighbourhood, district, position,
        NULL,
        -- of two areas of one name the larger is meant
        (reach_m + 1) / (reach_m + 300)
    FROM meant
    WHERE part <> 'STREET' AND (part = 'SETTLEMENT' OR (SELECT name FROM town) IS NOT NULL)
), held AS (
    -- a candidate that no named district or area has is less likely; where none is named nothing speaks
    SELECT c.*, part NOT IN ('DISTRICT', 'SETTLEMENT') AND there.in_district IS FALSE AS other_district,
        part = 'STREET' AND there.in_area IS FALSE AS other_area, there.in_district, there.in_area,
        CASE level WHEN 'BUILDING' THEN 1 WHEN 'ADDRESS' THEN 1 WHEN 'STREET' THEN 2
            WHEN 'NEIGHBOURHOOD' THEN 3 WHEN 'DISTRICT' THEN 4 ELSE 5 END AS level_rank
    FROM candidates AS c CROSS JOIN LATERAL (
        SELECT bool_or(a.district = c.district) FILTER (WHERE a.part = 'DISTRICT') AS in_district,
            bool_or(ST_DWithin(a.position, c.position, 1.2 * a.reach_m + 300 + c.expected_error_m))
                FILTER (WHERE a.part = 'AREA') AS in_area
        FROM around AS a
    ) AS there
), judged AS (
    SELECT h.*, CASE WHEN how = 'among' AND in_district AND part NOT IN ('DISTRICT', 'SETTLEMENT')
            THEN 1 WHEN how = 'among' AND in_area AND part = 'STREET' THEN 0.8
            ELSE weight END * CASE WHEN other_district THEN 0.25 ELSE 1 END
        * CASE WHEN other_area THEN 0.5 ELSE 1 END
        * CASE WHEN level = 'STREET' AND in_district IS NULL AND (q.number <> '' OR in_area IS NULL)
            AND nearness < 0.5 THEN 0.8 ELSE 1 END AS evidence
    FROM held AS h
), rivals AS (
    -- those of one level share what is sure, by the square of what speaks for each
    SELECT j.*,
        sure * evidence * (evidence * nearness) ^ 2 / sum((evidence * nearness) ^ 2) OVER level AS score,
        count(*) FILTER (WHERE evidence >= 0.5) OVER level AS many
    FROM judged AS j WINDOW level AS (PARTITION BY level_rank)
), levels AS (
    SELECT r.*, sum(score) OVER (PARTITION BY level_rank) >= 0.5 AS decided FROM rivals AS r
), last AS (
    SELECT l.*, min(level_rank) FILTER (WHERE decided) OVER () AS decided_at,
        row_number() OVER (ORDER BY decided DESC, CASE WHEN decided THEN level_rank END, score DESC,
            level_rank, place) AS place_in_list
    FROM levels AS l
)
SELECT place_in_list AS place, level, round(score::numeric, 3)::float8 AS score,
    round(expected_error_m::numeric, 0)::float8 AS expected_error_m,
    concat_ws('; ',
        NULLIF(matched, ''),
        lower(part) || CASE how WHEN 'exact' THEN ' "' || name || '"'
            WHEN 'among' THEN ' "' || name || '" among the words'
            ELSE ' "' || name || '" for "' || asked_name || '"' END,
        CASE WHEN other_district THEN 'not in the district named'
            WHEN in_district AND part NOT IN ('DISTRICT', 'SETTLEMENT') THEN 'in the district named' END,
        CASE WHEN other_area THEN 'not in the area named'
            WHEN in_area AND part = 'STREET' THEN 'in the area named' END,
        CASE WHEN many > 1 THEN 'one of ' || many END
    ) AS reason,
    position, address, building, street, neighbourhood,
    -- a street through several districts is meant in the one that the text names
    COALESCE(district, (SELECT min(a.district) FROM around AS a WHERE a.part = 'DISTRICT'
        HAVING min(a.district) = max(a.district))) AS district,
    to_json(q) AS understood,
    btrim(CASE how WHEN 'among' THEN replace(' ' || q.rest || ' ', ' ' || name || ' ', ' ') ELSE q.rest END)
        AS left_over
FROM last WHERE place_in_list <= 2 AND (decided_at IS NULL OR level_rank <= decided_at)
) AS f
) AS match_1 ORDER BY match_1.place) AS rows$1)) AS answer
