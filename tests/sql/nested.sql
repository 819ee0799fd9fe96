-- name: tags as lists
SELECT id, tags, len(tags) AS n FROM {videsk}.calls WHERE len(tags) > 1 AND start_time >= '2026-04-01'

-- name: odd lists
-- account: odd
SELECT id, tags, comments, len(tags), tags[1], list_sort(tags) FROM {videsk}.calls

-- name: empty and null lists
-- account: odd
SELECT tags IS NULL AS none, len(tags) AS n, count(*) FROM {videsk}.calls GROUP BY ALL

-- name: a list compared
-- account: odd
-- third opinion
SELECT id FROM {videsk}.calls WHERE tags = ['a', 'b']

-- name: a list in lists
-- account: odd
SELECT id FROM {videsk}.calls WHERE tags IN (['a'], ['"', '\', '👏'])

-- name: a list is null
-- account: odd
-- third opinion
SELECT id FROM {videsk}.calls WHERE tags IS NULL AND comments IS NOT NULL

-- name: unnest
SELECT tag, count(*) FROM (SELECT unnest(tags) AS tag FROM {videsk}.calls WHERE start_time >= '2026-03-20') GROUP BY tag

-- name: contains
SELECT id FROM {videsk}.calls WHERE list_contains(tags, 'Cliente "VIP"') AND start_time < '2026-03-20'

-- name: list comprehension
-- account: odd
SELECT id, [upper(t) for t in tags if t IS NOT NULL] AS tags, list_distinct(tags || comments) AS both FROM {videsk}.calls

-- name: ordered by list
-- account: odd
-- ordered
SELECT tags, id FROM {videsk}.calls ORDER BY tags, id LIMIT 30

-- name: group by list
-- account: odd
SELECT tags, count(*) FROM {videsk}.appointments GROUP BY tags

-- name: answers
SELECT form, id, answers->>'RUT' AS rut, (answers->'Resuelto')::BOOLEAN AS solved, (answers->>'Monto (CLP)')::BIGINT AS clp
FROM {videsk}.forms WHERE created_at >= '2026-04-10'

-- name: filter on answers
SELECT id FROM {videsk}.forms WHERE (answers->>'Monto (CLP)')::BIGINT > 800000 AND (answers->>'RUT') LIKE '1%'

-- name: every odd answer
-- account: odd
SELECT * FROM {videsk}.forms

-- name: keys of answers
-- account: odd
SELECT key, count(*) FROM (SELECT unnest(json_keys(answers)) AS key FROM {videsk}.forms) GROUP BY key

-- name: questions named like columns
-- account: odd
SELECT id, created_at, answers->>'id' AS other, answers->>'Fecha' AS date, answers->>'createdAt' AS c, answers->'Pregunta' AS twice
FROM {videsk}.forms WHERE json_exists(answers, '$.id') OR json_exists(answers, '$.createdAt') OR (answers->'Pregunta') IS NOT NULL

-- name: equal answers
-- account: odd
SELECT count(*) FROM {videsk}.forms WHERE answers = '{}'

-- name: surveys
-- account: odd
SELECT survey, call, answers->>'nota' AS grade, answers->>'call' AS asked FROM {videsk}.surveys

-- name: nps
SELECT survey, avg((answers->>'¿Qué tan probable es que nos recomiende? (0 a 10)')::INTEGER) AS nps, count(*)
FROM {videsk}.surveys GROUP BY survey

-- name: integration data
SELECT integration_data->>'crmId' AS crm, (integration_data->>'prioridad')::INTEGER AS priority FROM {videsk}.queues
WHERE integration_data IS NOT NULL AND start_time >= '2026-04-13'

-- name: odd integration data
-- account: odd
SELECT id, integration_data, json_type(integration_data) FROM {videsk}.queues

-- name: integration data by type
-- account: odd
SELECT json_type(integration_data) AS kind, count(*) FROM {videsk}.queues GROUP BY ALL

-- name: unmapped
-- account: odd
SELECT id, _unmapped FROM {videsk}.calls WHERE _unmapped IS NOT NULL

-- name: unmapped by key
-- account: odd
SELECT key, json_type(_unmapped, '$."' || key || '"') AS kind, count(*)
FROM (SELECT _unmapped, unnest(json_keys(_unmapped)) AS key FROM {videsk}.calls) GROUP BY ALL

-- name: all unmapped
-- account: odd
SELECT 'q' AS t, _unmapped FROM {videsk}.queues UNION ALL SELECT 't', _unmapped FROM {videsk}.tags
UNION ALL SELECT 'm', _unmapped FROM {videsk}.metadata UNION ALL SELECT 'r', _unmapped FROM {videsk}.recordings
UNION ALL SELECT 'a', _unmapped FROM {videsk}.appointments UNION ALL SELECT 'f', _unmapped FROM {videsk}.forms
UNION ALL SELECT 's', _unmapped FROM {videsk}.ai_sentiments UNION ALL SELECT 'c', _unmapped FROM {videsk}.comments

-- name: nothing unmapped
SELECT count(*), count(_unmapped) FROM {videsk}.calls

-- name: every odd call
-- account: odd
SELECT * FROM {videsk}.calls

-- name: every odd queue
-- account: odd
SELECT * FROM {videsk}.queues

-- name: every odd tag
-- account: odd
SELECT * FROM {videsk}.tags

-- name: twins stay two
-- account: odd
SELECT id, topic_name, count(*) FROM {videsk}.ai_topics GROUP BY ALL HAVING count(*) > 1

-- name: structs
SELECT {'who': agent, 'when': start_time, 'tags': tags} AS call FROM {videsk}.calls WHERE start_time < '2026-03-03'
