-- name: closed
-- third opinion
SELECT id, agent, start_time FROM {videsk}.calls
WHERE start_time >= '2026-03-20' AND start_time <= '2026-03-27 12:00:00'

-- name: half open across the clock change
-- third opinion
SELECT * FROM {videsk}.calls WHERE start_time >= '2026-04-04' AND start_time < '2026-04-07'

-- name: open below
SELECT id, start_time, end_time FROM {videsk}.queues WHERE start_time < '2026-03-05 10:30'

-- name: open above
SELECT id, created_at FROM {videsk}.metadata WHERE created_at > TIMESTAMPTZ '2026-04-17 00:00:00+00'

-- name: no range
SELECT * FROM {videsk}.comments

-- name: or of ranges
-- third opinion
SELECT id, start_time, tag FROM {videsk}.tags
WHERE start_time < '2026-03-04' OR (start_time >= '2026-03-20' AND start_time < '2026-03-21')
   OR start_time >= '2026-04-18'

-- name: overlapping ors of ranges
SELECT count(*), min(start_time), max(start_time) FROM {videsk}.calls
WHERE start_time BETWEEN '2026-03-10' AND '2026-03-13' OR start_time BETWEEN '2026-03-12' AND '2026-03-15'
   OR start_time = '2026-03-20 12:00:00'

-- name: between
SELECT id, duration_seconds FROM {videsk}.calls WHERE start_time BETWEEN '2026-03-31 09:00' AND '2026-03-31 18:00'

-- name: not between
SELECT count(*) FROM {videsk}.calls WHERE start_time NOT BETWEEN '2026-03-10' AND '2026-04-15'

-- name: not of a conjunction
-- third opinion
SELECT id FROM {videsk}.calls
WHERE NOT (start_time >= '2026-03-04' AND (agent <> 'Camila Rojas' OR start_time >= '2026-04-10'))

-- name: in instants
-- third opinion
SELECT id, start_time FROM {videsk}.appointments
WHERE start_time IN ('2026-03-02 09:30:00', '2026-03-02 12:30:00', '2026-03-06 15:00:00', '2031-01-01 00:00:00')

-- name: not in instants
SELECT count(*) FROM {videsk}.appointments
WHERE start_time NOT IN ('2026-03-02 09:30:00', '2026-03-02 12:30:00') AND start_time < '2026-03-20'

-- name: in ids
SELECT * FROM {videsk}.calls
WHERE id IN (SELECT id FROM {videsk}.calls WHERE start_time < '2026-03-03' ORDER BY id LIMIT 5)

-- name: in a long list of instants
SELECT t.start_time, count(*) FROM {videsk}.appointments t
WHERE start_time IN (
    '2026-03-02 09:30', '2026-03-02 10:00', '2026-03-02 10:30', '2026-03-02 11:00', '2026-03-02 11:30',
    '2026-03-02 12:00', '2026-03-02 12:30', '2026-03-03 09:30', '2026-03-03 10:00', '2026-03-03 10:30',
    '2026-03-03 11:00', '2026-03-03 11:30', '2026-03-03 12:00', '2026-03-03 12:30', '2026-03-04 15:00',
    '2026-05-04 09:30', '2026-05-04 10:00', '2026-05-05 10:30', '2026-05-05 11:00', '2026-05-06 12:00')
GROUP BY ALL

-- name: one instant
SELECT id, start_time FROM {videsk}.appointments WHERE start_time = TIMESTAMPTZ '2026-03-02 12:30:00+00'
   OR start_time = TIMESTAMPTZ '2026-03-02 15:30:00+00'

-- name: microseconds around a second
-- account: odd
SELECT id, start_time FROM {videsk}.calls
WHERE start_time > '2026-04-04 22:05:00.000001+00' AND start_time <= '2026-04-04 22:25:00.000000+00'

-- name: a microsecond before a second
-- account: odd
SELECT id, start_time FROM {videsk}.calls
WHERE start_time >= '2026-04-04 22:04:59.999999+00' AND start_time < '2026-04-04 22:15:00.000001+00'

-- name: a part of a second that no row has
-- account: odd
-- may be empty
SELECT id FROM {videsk}.calls WHERE start_time = '2026-04-04 22:05:00.037+00'

-- name: different from an instant
-- account: odd
-- third opinion
SELECT count(*) FROM {videsk}.calls WHERE start_time <> '2026-04-04 22:05:00+00'

-- name: an impossible range
-- may be empty
SELECT * FROM {videsk}.calls WHERE start_time >= '2026-04-01' AND start_time < '2026-03-01'

-- name: a contradiction of instants
-- may be empty
SELECT * FROM {videsk}.calls WHERE start_time = '2026-04-01 10:00' AND start_time = '2026-04-01 11:00'

-- name: infinities
SELECT count(*) FROM {videsk}.calls WHERE start_time > '-infinity' AND start_time < 'infinity'

-- name: nothing above infinity
-- may be empty
SELECT id FROM {videsk}.calls WHERE start_time >= 'infinity'

-- name: centuries away
SELECT count(*) FROM {videsk}.calls WHERE start_time > '0044-03-15 (BC)' AND start_time < '12026-01-01'

-- name: the future
SELECT id, status, start_time FROM {videsk}.appointments WHERE start_time >= '2026-04-20'

-- name: the far future
-- account: odd
SELECT id, start_time FROM {videsk}.appointments WHERE start_time > '2026-12-10'

-- name: all of the past
-- account: odd
SELECT id, start_time FROM {videsk}.appointments WHERE start_time < '2026-12-02'

-- name: dates as bounds
SELECT id FROM {videsk}.recordings WHERE created_at >= DATE '2026-04-05' AND created_at < DATE '2026-04-05' + 2

-- name: naive timestamps as bounds
SELECT id FROM {videsk}.ai_topics
WHERE created_at >= TIMESTAMP '2026-04-06 09:00:00' AND created_at < TIMESTAMP '2026-04-06 12:00:00'

-- name: nanoseconds as bounds
-- account: odd
SELECT id FROM {videsk}.calls
WHERE start_time >= TIMESTAMP_NS '2026-04-05 00:05:00.000000001'::TIMESTAMP AND start_time < TIMESTAMP_S '2026-04-05 01:05:00'::TIMESTAMP

-- name: constant arithmetic as bounds
SELECT count(*) FROM {videsk}.ai_sentiments
WHERE created_at >= TIMESTAMPTZ '2026-04-06 00:00:00-04' - INTERVAL 3 DAY
  AND created_at < TIMESTAMPTZ '2026-04-06 00:00:00-04' + INTERVAL '2 hours'

-- name: now
SELECT count(*) FROM {videsk}.calls WHERE start_time < now() AND start_time > now() - INTERVAL 30 YEAR

-- name: today
SELECT count(*) FROM {videsk}.appointments WHERE start_time < current_date OR start_time >= current_date + 1

-- name: a day by cast
SELECT id, start_time FROM {videsk}.calls WHERE start_time::DATE = '2026-04-04'

-- name: a day by truncation
SELECT id, start_time FROM {videsk}.calls WHERE date_trunc('day', start_time) = '2026-04-05'

-- name: a month by truncation and more
SELECT count(*), min(start_time), max(start_time) FROM {videsk}.calls
WHERE date_trunc('month', start_time) = '2026-04-01' AND start_time >= '2026-04-03'

-- name: year and month
SELECT count(*) FROM {videsk}.calls WHERE year(start_time) = 2026 AND month(start_time) = 3

-- name: a sum with the column
SELECT count(*) FROM {videsk}.calls WHERE start_time + INTERVAL 1 DAY > TIMESTAMPTZ '2026-04-18 12:00:00-04'

-- name: other times than the range
SELECT id FROM {videsk}.calls WHERE end_time >= '2026-04-10 12:00' AND end_time < '2026-04-10 13:00'

-- name: both times
SELECT id FROM {videsk}.queues WHERE start_time >= '2026-04-10' AND end_time < '2026-04-10 13:00'

-- name: one column against another
SELECT id, start_time, customer_leave, end_time FROM {videsk}.calls
WHERE customer_leave < end_time AND start_time >= '2026-04-13' AND end_time - start_time > INTERVAL 5 MINUTE

-- name: a range from a sub-query
SELECT id, start_time FROM {videsk}.calls
WHERE start_time >= (SELECT max(start_time) - INTERVAL 1 DAY FROM {videsk}.calls)

-- name: a range inside an or with another column
-- third opinion
SELECT id, agent, start_time FROM {videsk}.calls
WHERE (start_time >= '2026-04-15' AND agent = 'Camila Rojas') OR (start_time < '2026-03-04' AND segment = 'Ventas')

-- name: an or that bounds nothing
SELECT count(*) FROM {videsk}.calls WHERE start_time >= '2026-04-15' OR agent = 'Camila Rojas'

-- name: bounds in a having and a case
SELECT agent, max(start_time) AS latest FROM {videsk}.calls
WHERE CASE WHEN agent LIKE 'C%' THEN start_time >= '2026-04-01' ELSE start_time < '2026-03-10' END
GROUP BY agent HAVING max(start_time) > '2026-03-09'
