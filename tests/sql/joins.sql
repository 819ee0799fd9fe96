-- name: calls and queues
SELECT c.id, q.id AS queue, c.start_time - q.start_time AS waited
FROM {videsk}.calls c JOIN {videsk}.queues q ON c.queue = q.id
WHERE c.start_time >= '2026-04-01' AND c.start_time < '2026-04-08'

-- name: left join with a range on the right
SELECT c.id, q.id AS queue FROM {videsk}.calls c
LEFT JOIN {videsk}.queues q ON c.queue = q.id AND q.start_time >= '2026-04-02'
WHERE c.start_time >= '2026-04-01' AND c.start_time < '2026-04-03'

-- name: a where on the right of a left join
SELECT c.id FROM {videsk}.calls c LEFT JOIN {videsk}.surveys s ON c.survey_id = s.id
WHERE s.created_at IS NULL AND c.start_time < '2026-03-06'

-- name: full join
-- account: odd
SELECT c.id, r.id AS recording FROM {videsk}.calls c FULL JOIN {videsk}.recordings r ON c.id = r.call
  AND c.start_time >= '2026-04-05'

-- name: right join
SELECT c.agent, m.city_name, count(*) FROM {videsk}.calls c RIGHT JOIN {videsk}.metadata m ON c.extra_data = m.id
WHERE m.created_at >= '2026-04-10' GROUP BY ALL

-- name: using
SELECT id, c.start_time, t.tag FROM {videsk}.calls c JOIN {videsk}.tags t USING (id)
WHERE t.tag IN ('vip', 'reclamo') AND c.agent LIKE 'C%'

-- name: natural
SELECT count(*) FROM {videsk}.calls c NATURAL JOIN (SELECT id, tag FROM {videsk}.tags WHERE tag = 'vip')

-- name: comments of calls and of appointments
SELECT coalesce(c.agent, a.agent) AS agent, k.comments FROM {videsk}.comments k
LEFT JOIN {videsk}.calls c ON k.call = c.id LEFT JOIN {videsk}.appointments a ON k.appointment = a.id
WHERE k.created_at >= '2026-04-01'

-- name: five tables
-- approx
SELECT c.agent, count(DISTINCT c.id) AS calls, count(DISTINCT r.id) AS recordings, count(DISTINCT t.tag) AS tags,
       avg(s.sentiment_number) AS mood
FROM {videsk}.calls c
LEFT JOIN {videsk}.recordings r ON r.call = c.id
LEFT JOIN {videsk}.tags t ON t.id = c.id
LEFT JOIN {videsk}.ai_sentiments s ON s.id = c.id AND s.entity_type = 'call'
JOIN {videsk}.metadata m ON m.id = c.extra_data AND m.device_type <> 'tablet'
WHERE c.start_time BETWEEN '2026-03-30' AND '2026-04-11'
GROUP BY c.agent

-- name: semi
SELECT id, agent FROM {videsk}.calls c SEMI JOIN {videsk}.recordings r ON r.call = c.id WHERE c.start_time < '2026-03-05'

-- name: anti
SELECT id FROM {videsk}.queues q ANTI JOIN {videsk}.calls c ON c.queue = q.id WHERE q.start_time >= '2026-04-06'

-- name: in a sub-query
SELECT id FROM {videsk}.calls WHERE start_time >= '2026-04-06'
  AND id IN (SELECT call FROM {videsk}.comments WHERE comments ILIKE '%boleta%')

-- name: exists
SELECT id FROM {videsk}.calls c WHERE start_time < '2026-03-10'
  AND EXISTS (FROM {videsk}.ai_topics t WHERE t.id = c.id AND t.topic_score > 0.9)

-- name: not exists
SELECT count(*) FROM {videsk}.calls c WHERE NOT EXISTS (FROM {videsk}.forms f WHERE f.id = c.agent_form)

-- name: correlated
SELECT c.id, (SELECT count(*) FROM {videsk}.tags t WHERE t.id = c.id) AS tags,
       (SELECT max(created_at) FROM {videsk}.comments k WHERE k.call = c.id AND k.created_at > c.start_time) AS last
FROM {videsk}.calls c WHERE c.start_time >= '2026-04-17'

-- name: lateral
SELECT day, busiest.agent, busiest.calls
FROM (SELECT unnest(generate_series(DATE '2026-04-01', DATE '2026-04-08', INTERVAL 1 DAY)) AS day),
LATERAL (
    SELECT agent, count(*) AS calls FROM {videsk}.calls
    WHERE start_time >= day AND start_time < day + INTERVAL 1 DAY GROUP BY agent ORDER BY calls DESC, agent LIMIT 1
) AS busiest

-- name: asof
SELECT c.id, s.created_at FROM (FROM {videsk}.calls WHERE start_time >= '2026-04-10' AND start_time < '2026-04-12') c
ASOF JOIN (SELECT DISTINCT created_at FROM {videsk}.surveys WHERE created_at < '2026-04-12') s
ON c.start_time >= s.created_at

-- name: asof left
-- account: odd
SELECT a.id, c.id AS before FROM {videsk}.comments a ASOF LEFT JOIN {videsk}.queues c ON a.created_at > c.start_time

-- name: self join
SELECT a.id, b.id AS next FROM {videsk}.calls a JOIN {videsk}.calls b
  ON a.agent = b.agent AND b.start_time > a.start_time AND b.start_time < a.start_time + INTERVAL 20 MINUTE
WHERE a.start_time >= '2026-03-09' AND a.start_time < '2026-03-11' AND b.start_time < '2026-03-12'

-- name: cross join of aggregates
SELECT a.n, b.n FROM (SELECT count(*) n FROM {videsk}.calls) a, (SELECT count(*) n FROM {videsk}.queues) b

-- name: positional
SELECT count(*) FROM (SELECT id FROM {videsk}.calls WHERE start_time < '2026-03-03')
POSITIONAL JOIN (SELECT id AS other FROM {videsk}.queues WHERE start_time < '2026-03-03')

-- name: range join
SELECT w.label, count(*) FROM {videsk}.calls c
JOIN (VALUES ('first', TIMESTAMPTZ '2026-03-10 00:00:00-03', TIMESTAMPTZ '2026-03-12 00:00:00-03'),
             ('second', TIMESTAMPTZ '2026-04-04 12:00:00-03', TIMESTAMPTZ '2026-04-05 12:00:00-04')) w(label, since, until)
  ON c.start_time >= w.since AND c.start_time < w.until
GROUP BY ALL

-- name: values
SELECT v.level, count(*) FROM {videsk}.calls c
JOIN (VALUES ('Camila Rojas', 1), ('Diego Sepúlveda', 2), ('Nobody', 3)) v(agent, level) ON c.agent = v.agent
GROUP BY ALL

-- name: temp table
-- approx
SELECT t.squad, count(*), sum(c.duration_seconds) FROM {videsk}.calls c JOIN teams t USING (agent)
WHERE c.start_time >= '2026-03-20' GROUP BY ALL

-- name: temp table of instants
SELECT i.moment, c.id FROM instants i JOIN {videsk}.calls c ON c.start_time = i.moment

-- name: times in a temp table
SELECT id FROM {videsk}.calls WHERE start_time IN (SELECT moment FROM instants) AND start_time < '2026-04-15'

-- name: csv file
SELECT c.segment, t.target, count(*) FROM {videsk}.calls c JOIN '{folder}/targets.csv' t ON t.segment = c.segment
WHERE c.start_time < '2026-03-09' GROUP BY ALL

-- name: data frame
SELECT f.shift, count(*) FROM {videsk}.calls c JOIN frame f ON hour(c.start_time) = f.hour GROUP BY ALL

-- name: surveys of a call
SELECT c.agent, s.survey, s.answers FROM {videsk}.surveys s JOIN {videsk}.calls c ON s.call = c.id
WHERE s.created_at >= '2026-04-14'

-- name: forms of a call
SELECT c.id, f.type, f.answers->>'RUT' AS rut FROM {videsk}.calls c
JOIN {videsk}.forms f ON f.id IN (c.agent_form, c.base_form) WHERE c.start_time >= '2026-04-15'

-- name: rescheduled appointments
SELECT a.id, b.start_time FROM {videsk}.appointments a JOIN {videsk}.appointments b ON a.rescheduled_appointment = b.id

-- name: appointments and their comments
SELECT a.id, len(a.comments), k.comments FROM {videsk}.appointments a JOIN {videsk}.comments k ON k.appointment = a.id

-- name: a small build side with ids
SELECT c.id, c.agent FROM {videsk}.calls c
JOIN (SELECT id FROM {videsk}.tags WHERE tag = 'vip' AND start_time >= '2026-04-16') v ON v.id = c.id
