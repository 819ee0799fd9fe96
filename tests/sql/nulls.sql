-- name: is null
SELECT id, agent_form, survey_id FROM {videsk}.calls WHERE survey_id IS NULL AND agent_form IS NOT NULL

-- name: distinct from
-- account: odd
-- third opinion
SELECT id, agent FROM {videsk}.calls WHERE agent IS DISTINCT FROM 'Ana'

-- name: not distinct from null
-- account: odd
SELECT id FROM {videsk}.calls WHERE agent IS NOT DISTINCT FROM NULL

-- name: not distinct from a value
-- account: odd
SELECT id FROM {videsk}.calls WHERE agent IS NOT DISTINCT FROM 'ana'

-- name: coalesce
-- account: odd
SELECT id, coalesce(agent, segment, '-') AS who FROM {videsk}.calls WHERE coalesce(agent, segment) = 'Soporte'

-- name: unequal and null
-- account: odd
-- third opinion
SELECT id, agent, duration_seconds FROM {videsk}.calls
WHERE agent <> 'Ana' AND NOT duration_seconds > 60 AND segment NOT IN ('Ventas')

-- name: not in with null
-- account: odd
-- may be empty
SELECT id FROM {videsk}.calls WHERE agent NOT IN ('Ana', NULL)

-- name: in with null
-- account: odd
SELECT id, agent FROM {videsk}.calls WHERE agent IN ('Ana', NULL, '')

-- name: not in a sub-query with nulls
-- account: odd
-- may be empty
SELECT id FROM {videsk}.recordings WHERE agent NOT IN (SELECT agent FROM {videsk}.calls)

-- name: three-valued flags
-- account: odd
SELECT transferred_agent, transferred_agent IS TRUE, transferred_agent IS NOT FALSE, count(*), count(transferred_agent)
FROM {videsk}.calls GROUP BY ALL

-- name: flag as predicate
-- account: odd
-- third opinion
SELECT id FROM {videsk}.calls WHERE transferred_agent

-- name: negated flag as predicate
-- account: odd
-- third opinion
SELECT id FROM {videsk}.calls WHERE NOT transferred_agent

-- name: flag is not true
-- account: odd
SELECT id FROM {videsk}.queues WHERE dismissed IS NOT TRUE AND canceled IS NOT FALSE

-- name: flags compared
SELECT count(*) FROM {videsk}.queues WHERE assigned <> canceled AND dismissed = false

-- name: rows without a time
-- account: odd
SELECT * FROM {videsk}.comments WHERE created_at IS NULL

-- name: all but rows without a time
-- account: odd
SELECT count(*) FROM {videsk}.comments WHERE created_at IS NOT NULL

-- name: a time or none
-- account: odd
-- third opinion
SELECT id, created_at FROM {videsk}.comments WHERE created_at IS NULL OR created_at >= '2026-04-05 02:00:00+00'

-- name: a time that is distinct
-- account: odd
-- third opinion
SELECT id FROM {videsk}.comments WHERE created_at IS DISTINCT FROM TIMESTAMPTZ '2026-04-04 22:05:00+00'

-- name: negated time and none
-- account: odd
SELECT count(*) FROM {videsk}.comments WHERE NOT (created_at >= '2026-04-05 02:00:00+00')

-- name: coalesced time
-- account: odd
SELECT id FROM {videsk}.comments WHERE coalesce(created_at, TIMESTAMPTZ '2000-01-01') < '2026-04-04 23:00:00+00'

-- name: everything with rows without a time
-- account: odd
SELECT * FROM {videsk}.comments

-- name: double zero and sign
-- account: odd
-- third opinion
SELECT id, duration_seconds FROM {videsk}.calls WHERE duration_seconds = 0 OR duration_seconds < -0.0

-- name: double against nan
-- account: odd
-- third opinion
SELECT count(*) FROM {videsk}.calls WHERE duration_seconds < 'NaN'::DOUBLE

-- name: double against nan and infinity
-- account: odd
SELECT count(*) FILTER (duration_seconds <= 'Infinity'), count(*) FILTER (duration_seconds <> 'NaN') FROM {videsk}.calls

-- name: not above nan
-- account: odd
-- third opinion
SELECT id FROM {videsk}.calls WHERE NOT duration_seconds >= 'NaN'::DOUBLE

-- name: in doubles with nan
-- account: odd
SELECT id, duration_seconds FROM {videsk}.calls WHERE duration_seconds IN (90, 0, 'NaN'::DOUBLE, 6)

-- name: unequal to nan
-- account: odd
-- third opinion
SELECT count(*) FROM {videsk}.calls WHERE duration_seconds <> 'NaN'::DOUBLE

-- name: whole numbers
-- account: odd
SELECT id, connections, disconnections FROM {videsk}.queues
WHERE connections > 0.5 AND connections <= 9007199254740993 AND disconnections IS NULL

-- name: whole numbers beyond doubles
-- account: odd
SELECT id, connections FROM {videsk}.queues WHERE connections = 9007199254740993

-- name: nullif and ifnull
-- account: odd
SELECT nullif(agent, '') AS agent, ifnull(duration_seconds, -1) AS seconds, count(*) FROM {videsk}.calls GROUP BY ALL

-- name: count of nulls
SELECT count(*), count(referrer), count(consent), count(longitude), count(DISTINCT city_name), count_if(consent IS NULL)
FROM {videsk}.metadata

-- name: a row of nulls
-- account: odd
SELECT ai.* FROM {videsk}.ai_sentiments ai WHERE sentiment_number IS NULL AND requested_at IS NOT NULL
