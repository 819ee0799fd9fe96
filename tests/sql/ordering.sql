-- name: limit
-- ordered
SELECT id, start_time FROM {videsk}.calls ORDER BY start_time, id LIMIT 10

-- name: newest first
-- ordered
SELECT id, start_time FROM {videsk}.calls ORDER BY start_time DESC, id LIMIT 10

-- name: offset
-- ordered
SELECT id, start_time FROM {videsk}.queues WHERE start_time >= '2026-03-20' ORDER BY start_time, id LIMIT 25 OFFSET 400

-- name: top with a filter
-- ordered
-- third opinion
SELECT id, duration_seconds FROM {videsk}.calls
WHERE agent <> 'Camila Rojas' AND start_time < '2026-04-05' ORDER BY duration_seconds DESC, id LIMIT 7

-- name: nulls last
-- account: odd
-- ordered
SELECT agent, id FROM {videsk}.calls ORDER BY agent DESC NULLS LAST, id

-- name: limit of nothing
-- may be empty
SELECT * FROM {videsk}.calls ORDER BY ALL LIMIT 0

-- name: percent of the rows
-- ordered
SELECT id FROM {videsk}.surveys ORDER BY id LIMIT 10%

-- name: top of each
-- ordered
SELECT agent, max_by(id, start_time) AS latest, max(duration_seconds, 3) AS three FROM {videsk}.calls
GROUP BY agent ORDER BY agent

-- name: order by expression
-- ordered
SELECT id, strftime(start_time, '%H:%M') AS clock FROM {videsk}.calls
WHERE start_time < '2026-03-04' ORDER BY clock DESC, id

-- name: limit inside a sub-query
SELECT count(*), min(start_time) FROM (FROM {videsk}.tags ORDER BY start_time DESC, id, tag LIMIT 100)

-- name: collated
-- account: odd
-- ordered
SELECT DISTINCT agent COLLATE NOACCENT AS agent FROM {videsk}.calls WHERE agent COLLATE NOCASE = 'ANA' ORDER BY 1
