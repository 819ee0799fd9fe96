-- name: days of Chile
SELECT start_time::DATE AS day, count(*) FROM {videsk}.calls WHERE start_time >= '2026-04-02' AND start_time < '2026-04-09' GROUP BY ALL

-- name: days of Greenwich
-- zone: UTC
SELECT start_time::DATE AS day, count(*) FROM {videsk}.calls WHERE start_time >= '2026-04-02' AND start_time < '2026-04-09' GROUP BY ALL

-- name: days of Kathmandu
-- zone: Asia/Kathmandu
SELECT start_time::DATE AS day, count(*) FROM {videsk}.calls WHERE start_time >= '2026-04-02' AND start_time < '2026-04-09' GROUP BY ALL

-- name: the repeated hour
-- account: odd
SELECT id, start_time, strftime(start_time, '%Y-%m-%d %H:%M %z') AS local, hour(start_time) AS hour
FROM {videsk}.calls WHERE start_time >= '2026-04-04 23:00' AND start_time < '2026-04-05 01:00'

-- name: the repeated hour by truncation
-- account: odd
SELECT date_trunc('hour', start_time) AS hour, count(*) FROM {videsk}.calls
WHERE date_trunc('day', start_time) = '2026-04-04' GROUP BY ALL

-- name: the skipped hour
-- account: odd
SELECT id, start_time FROM {videsk}.calls WHERE start_time >= '2026-09-05 23:30' AND start_time < '2026-09-06 00:30'

-- name: the skipped day's beginning
-- account: odd
SELECT count(*), min(start_time) FROM {videsk}.calls WHERE start_time::DATE = '2026-09-06'

-- name: hours in Kathmandu
-- account: odd
-- zone: Asia/Kathmandu
SELECT date_trunc('hour', start_time) AS hour, date_part('timezone', start_time) AS away, count(*) FROM {videsk}.calls
WHERE start_time BETWEEN '2026-04-05 05:45' AND '2026-04-05 12:15' GROUP BY ALL

-- name: a day in Kathmandu
-- account: odd
-- zone: Asia/Kathmandu
SELECT id, start_time FROM {videsk}.queues WHERE date_trunc('day', start_time) = '2026-04-05'

-- name: another zone's clock
SELECT timezone('Asia/Kathmandu', start_time) AS there, start_time AT TIME ZONE 'UTC' AS greenwich, start_time::TIMESTAMP AS here
FROM {videsk}.calls WHERE start_time >= '2026-04-04' AND start_time < '2026-04-06'

-- name: another zone's day
SELECT count(*) FROM {videsk}.calls WHERE (start_time AT TIME ZONE 'Asia/Kathmandu')::DATE = '2026-04-05'

-- name: printed
-- account: odd
SELECT id, start_time::VARCHAR AS printed, strftime(end_time, '%d/%m/%Y, %H:%M:%S') AS ended FROM {videsk}.calls

-- name: printed in Greenwich
-- account: odd
-- zone: UTC
SELECT id, start_time::VARCHAR AS printed FROM {videsk}.calls

-- name: filter on the print
SELECT count(*) FROM {videsk}.calls WHERE strftime(start_time, '%Y-%m-%d') = '2026-04-05'

-- name: weeks and quarters
SELECT week(start_time) AS week, quarter(start_time) AS quarter, isodow(start_time) AS day, count(*) FROM {videsk}.queues GROUP BY ALL

-- name: time buckets
SELECT time_bucket(INTERVAL '6 hours', start_time) AS bucket, count(*) FROM {videsk}.calls
WHERE start_time >= '2026-04-03' GROUP BY ALL

-- name: ages and differences
SELECT id, date_diff('day', start_time, TIMESTAMPTZ '2026-04-20 00:00:00-04') AS days, age(end_time, start_time) AS age
FROM {videsk}.calls WHERE start_time >= '2026-04-04' AND start_time < '2026-04-06'

-- name: month by year and month
-- zone: UTC
SELECT count(*) FROM {videsk}.metadata WHERE year(created_at) = 2026 AND month(created_at) = 4

-- name: time of day
SELECT id FROM {videsk}.calls WHERE start_time::TIMESTAMP::TIME BETWEEN '09:00' AND '09:15'

-- name: epoch
SELECT count(*) FROM {videsk}.calls WHERE epoch_ms(start_time) >= 1775347200000
