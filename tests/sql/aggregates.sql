-- name: group by all
SELECT agent, segment, count(*) AS calls FROM {videsk}.calls GROUP BY ALL

-- name: count only
-- third opinion
SELECT count(*) FROM {videsk}.metadata

-- name: count with a filter
-- third opinion
SELECT count(*) FROM {videsk}.metadata WHERE city_name = 'Arica' OR os_name = 'iOS'

-- name: no column needed
SELECT 1 AS one FROM {videsk}.recordings WHERE created_at < '2026-03-04'

-- name: no column needed at all
SELECT 'x' AS x FROM {videsk}.surveys

-- name: exists only
SELECT EXISTS (FROM {videsk}.calls WHERE agent = 'Camila Rojas') AS camila, EXISTS (FROM {videsk}.calls WHERE agent = 'Nobody') AS nobody

-- name: rollup
SELECT segment, date_trunc('month', start_time) AS month, count(*), grouping(segment) AS g FROM {videsk}.calls
GROUP BY ROLLUP (segment, month)

-- name: cube and grouping sets
SELECT device_type, os_name, count(*) FROM {videsk}.metadata WHERE created_at >= '2026-04-01'
GROUP BY GROUPING SETS ((device_type, os_name), (device_type), ())

-- name: filter
-- approx
SELECT agent, count(*) FILTER (transferred_agent) AS moved, sum(duration_seconds) FILTER (start_time >= '2026-04-05') AS s
FROM {videsk}.calls GROUP BY agent

-- name: quantiles
-- approx
SELECT segment, quantile_cont(duration_seconds, [0.1, 0.5, 0.9]) AS q, median(after_call_work_seconds),
       stddev(effective_duration_seconds)
FROM {videsk}.calls GROUP BY segment

-- name: ordered text
SELECT id, string_agg(tag_label, ' | ' ORDER BY tag_label) AS labels, list(tag ORDER BY tag DESC) AS tags
FROM {videsk}.tags WHERE start_time >= '2026-03-30' GROUP BY id

-- name: list of times
SELECT agent, list(start_time ORDER BY start_time) AS times FROM {videsk}.calls
WHERE start_time >= '2026-04-04' AND start_time < '2026-04-06' GROUP BY agent

-- name: having
SELECT agent, count(*) AS n FROM {videsk}.calls GROUP BY agent HAVING n > 60

-- name: distinct
SELECT DISTINCT entity_type, sentiment_text FROM {videsk}.ai_sentiments

-- name: distinct on
SELECT DISTINCT ON (agent) agent, id, start_time FROM {videsk}.calls ORDER BY agent, start_time DESC, id

-- name: argmax and bools
SELECT dismissed, bool_and(assigned), bool_or(canceled), arg_max(id, start_time), count(*) FROM {videsk}.queues
GROUP BY dismissed

-- name: histogram
SELECT histogram(topic_name) FROM {videsk}.ai_topics WHERE entity_type = 'call'

-- name: hours of the day
SELECT hour(start_time) AS hour, dayname(start_time) AS day, count(*) FROM {videsk}.calls GROUP BY ALL

-- name: seconds are seconds
-- approx
SELECT count(*), max(abs(epoch(end_time) - epoch(start_time) - duration_seconds)) < 4 AS close, sum(duration_seconds)
FROM {videsk}.calls

-- name: recordings are seconds already
SELECT duration_seconds, count(*) FROM {videsk}.recordings WHERE created_at < '2026-03-06' GROUP BY ALL

-- name: summarize
-- approx
SELECT column_name, column_type, min, max, count, null_percentage FROM (SUMMARIZE {videsk}.tags)

-- name: describe
-- ordered
SELECT column_name, column_type, "null" FROM (DESCRIBE {videsk}.appointments)

-- name: describe every column
-- ordered
SELECT * FROM (DESCRIBE SELECT * FROM {videsk}.calls, {videsk}.queues, {videsk}.metadata, {videsk}.forms)

-- name: columns by pattern
SELECT max(COLUMNS('.*_time')), count(COLUMNS(* EXCLUDE (tags, comments))) FROM {videsk}.calls WHERE start_time < '2026-03-10'

-- name: every column of every row
SELECT * EXCLUDE (url), upper(url) AS url FROM {videsk}.metadata WHERE created_at >= '2026-04-15'
