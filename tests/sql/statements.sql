-- name: question marks
-- params: ["2026-03-20 00:00:00", "2026-03-22 00:00:00", "Camila Rojas"]
SELECT id, start_time FROM {videsk}.calls
WHERE start_time >= ?::TIMESTAMPTZ AND start_time < ?::TIMESTAMPTZ AND agent <> ?

-- name: named parameters
-- params: {"since": "2026-04-04 23:30:00-04", "agents": ["Camila Rojas", "Diego Sepúlveda"], "least": 120.5}
SELECT id, agent, duration_seconds FROM {videsk}.calls
WHERE start_time >= $since::TIMESTAMPTZ AND list_contains($agents, agent) AND duration_seconds > $least

-- name: a parameter that is null
-- params: [null, "2026-03-03"]
SELECT count(*) FROM {videsk}.calls WHERE (?::TIMESTAMPTZ IS NULL OR start_time < '2000-01-01') AND start_time < ?

-- name: prepared and run again
PREPARE stretch AS SELECT count(*) AS n, min(start_time) AS first FROM {videsk}.calls WHERE start_time >= $1 AND start_time < $2;
CREATE OR REPLACE TEMP TABLE counted AS SELECT 0::BIGINT AS n, NULL::TIMESTAMPTZ AS first;
EXECUTE stretch('2026-03-10', '2026-03-11');
EXECUTE stretch('2026-04-01', '2026-04-02')

-- name: prepared with a form
-- account: odd
-- params: ["aaaaaaaaaaaaaaaaaaaaaaaa", "2026-04-05 01:00:00+00"]
SELECT * FROM {videsk}.forms WHERE form = ? AND created_at < ?

-- name: common table expressions
WITH busy AS (SELECT agent, count(*) AS n FROM {videsk}.calls GROUP BY agent),
     top AS (SELECT agent FROM busy ORDER BY n DESC, agent LIMIT 3)
SELECT c.agent, c.segment, count(*) FROM {videsk}.calls c JOIN top USING (agent)
WHERE c.start_time >= '2026-04-01' GROUP BY ALL

-- name: materialised expressions used twice
WITH c AS MATERIALIZED (SELECT * FROM {videsk}.calls WHERE start_time >= '2026-04-10')
SELECT (SELECT count(*) FROM c WHERE start_time < '2026-04-12'), (SELECT count(*) FROM c WHERE start_time >= '2026-04-12')

-- name: not materialised expressions used twice
WITH c AS NOT MATERIALIZED (SELECT * FROM {videsk}.calls WHERE start_time >= '2026-04-10')
SELECT (SELECT count(*) FROM c WHERE start_time < '2026-04-12'), (SELECT count(*) FROM c WHERE start_time >= '2026-04-12')

-- name: recursive days
WITH RECURSIVE days(day) AS (
    SELECT DATE '2026-04-02' UNION ALL SELECT (day + 1)::DATE FROM days WHERE day < '2026-04-08'
)
SELECT day, (SELECT count(*) FROM {videsk}.calls WHERE start_time::DATE = day) AS calls FROM days

-- name: recursive chain
WITH RECURSIVE chain AS (
    SELECT id, rescheduled_appointment AS next, 1 AS depth FROM {videsk}.appointments WHERE rescheduled_appointment IS NOT NULL
    UNION ALL
    SELECT c.id, a.rescheduled_appointment, depth + 1 FROM chain c JOIN {videsk}.appointments a ON a.id = c.next
)
SELECT id, max(depth) FROM chain GROUP BY id

-- name: union
SELECT id, start_time AS moment FROM {videsk}.calls WHERE start_time < '2026-03-03'
UNION SELECT id, created_at FROM {videsk}.metadata WHERE created_at < '2026-03-03'

-- name: union all by name
SELECT id, agent FROM {videsk}.recordings WHERE created_at < '2026-03-03'
UNION ALL BY NAME SELECT agent, id, status FROM {videsk}.appointments WHERE start_time < '2026-03-10'

-- name: filter above a union
-- third opinion
SELECT kind, count(*) FROM (
    SELECT 'call' AS kind, start_time AS moment FROM {videsk}.calls UNION ALL SELECT 'queue', start_time FROM {videsk}.queues
) WHERE moment >= '2026-04-05' AND moment < '2026-04-08' GROUP BY kind

-- name: except
SELECT id FROM {videsk}.calls EXCEPT SELECT call FROM {videsk}.recordings

-- name: intersect all
SELECT agent FROM {videsk}.appointments INTERSECT ALL SELECT agent FROM {videsk}.calls WHERE start_time < '2026-03-10'

-- name: pivot
PIVOT (SELECT segment, dayname(start_time) AS day FROM {videsk}.calls WHERE start_time < '2026-03-16')
ON day IN ('Monday', 'Tuesday', 'Saturday') USING count(*) GROUP BY segment

-- name: pivot on what is there
PIVOT {videsk}.ai_sentiments ON sentiment_text USING count(*) GROUP BY entity_type

-- name: unpivot
SELECT id, name, value FROM (SELECT id, os_name, browser_name FROM {videsk}.metadata WHERE created_at < '2026-03-03')
UNPIVOT (value FOR name IN (os_name, browser_name))

-- name: create table as
CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM {videsk}.calls WHERE start_time >= '2026-04-16';
FROM kept

-- name: create table as keeps the types
-- ordered
CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM {videsk}.queues WHERE start_time >= '2026-04-16';
SELECT column_name, column_type FROM (DESCRIBE kept)

-- name: insert
CREATE OR REPLACE TEMP TABLE kept (id VARCHAR, moment TIMESTAMPTZ, seconds DOUBLE);
INSERT INTO kept SELECT id, start_time, duration_seconds FROM {videsk}.calls WHERE start_time < '2026-03-04';
INSERT INTO kept BY NAME SELECT created_at AS moment, id FROM {videsk}.recordings WHERE created_at < '2026-03-04';
FROM kept

-- name: update and delete by
CREATE OR REPLACE TEMP TABLE kept AS SELECT id, agent FROM {videsk}.calls WHERE start_time < '2026-03-10';
UPDATE kept SET agent = r.id FROM {videsk}.recordings r WHERE r.call = kept.id;
DELETE FROM kept USING {videsk}.tags t WHERE t.id = kept.id AND t.tag = 'vip';
FROM kept

-- name: parquet and back
COPY (SELECT * FROM {videsk}.appointments WHERE start_time < '2026-05-01') TO '{folder}/kept.parquet' (FORMAT parquet);
SELECT * FROM '{folder}/kept.parquet'

-- name: csv and back
COPY (SELECT id, comments, created_at FROM {videsk}.comments) TO '{folder}/kept.csv' (HEADER);
SELECT * FROM read_csv('{folder}/kept.csv')

-- name: json and back
-- account: odd
COPY (SELECT id, answers, created_at FROM {videsk}.forms) TO '{folder}/kept.json';
SELECT id, created_at, answers::VARCHAR AS answers FROM read_json('{folder}/kept.json', columns = {id: 'VARCHAR', created_at: 'VARCHAR', answers: 'JSON'})

-- name: inside a transaction
BEGIN;
CREATE OR REPLACE TEMP TABLE kept AS SELECT count(*) AS n FROM {videsk}.calls WHERE start_time < '2026-03-10';
INSERT INTO kept SELECT count(*) FROM {videsk}.tags;
COMMIT;
FROM kept

-- name: sub-query in the select list
SELECT (SELECT count(*) FROM {videsk}.calls WHERE start_time < '2026-03-04') AS n, (SELECT max(id) FROM {videsk}.queues) AS m

-- name: any and all
SELECT id FROM {videsk}.calls WHERE start_time >= '2026-04-18'
  AND duration_seconds >= ALL (SELECT duration_seconds FROM {videsk}.calls WHERE start_time >= '2026-04-19')
  OR agent = ANY (SELECT agent FROM teams WHERE squad = 'none')

-- name: case insensitive names
SELECT ID, Start_Time FROM {videsk}.CALLS WHERE START_TIME < '2026-03-03'

-- name: from first
FROM {videsk}.calls SELECT count(*) WHERE start_time < '2026-03-03'

-- name: schema named in full
SELECT count(*) FROM {videsk}.main.calls WHERE {videsk}.main.calls.start_time < '2026-03-03'
