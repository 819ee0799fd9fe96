-- name: qualify
SELECT agent, id, start_time FROM {videsk}.calls
QUALIFY row_number() OVER (PARTITION BY agent ORDER BY start_time DESC, id) = 1

-- name: running total
-- approx
SELECT id, sum(duration_seconds) OVER (PARTITION BY agent ORDER BY start_time, id) AS so_far
FROM {videsk}.calls WHERE start_time < '2026-03-12'

-- name: lag
SELECT id, start_time - lag(start_time) OVER (PARTITION BY agent ORDER BY start_time, id) AS gap
FROM {videsk}.calls WHERE start_time >= '2026-04-03' AND start_time < '2026-04-08'

-- name: range frame
SELECT id, count(*) OVER (ORDER BY start_time RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND CURRENT ROW) AS busy
FROM {videsk}.queues WHERE start_time >= '2026-04-03' AND start_time < '2026-04-08'

-- name: filter above a window
-- third opinion
SELECT * FROM (
    SELECT agent, start_time, rank() OVER (PARTITION BY agent ORDER BY start_time) AS place FROM {videsk}.calls
) WHERE start_time >= '2026-03-10' AND start_time < '2026-03-12'

-- name: filter on the partition
-- third opinion
SELECT * FROM (
    SELECT agent, id, ntile(4) OVER (PARTITION BY agent ORDER BY start_time, id) AS quarter FROM {videsk}.calls
) WHERE agent = 'Camila Rojas'

-- name: filter below a limit
-- ordered
SELECT * FROM (SELECT id, start_time FROM {videsk}.calls ORDER BY start_time, id LIMIT 50) WHERE start_time >= '2026-03-02 12:00'
