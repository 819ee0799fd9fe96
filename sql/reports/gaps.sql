-- order = 15
-- [title]
-- en = "Gaps in the data"
-- es = "Vacíos en los datos"
-- pt = "Lacunas nos dados"
-- [question]
-- en = "Which records lack what belongs to them?"
-- es = "¿A qué registros les falta lo que les corresponde?"
-- pt = "A quais registros falta o que lhes pertence?"
-- [reading]
-- en = "What belongs to a record is looked for from seven days before the range to one day after it. Not every gap is a fault: calls can be unrecorded on purpose, and young records get theirs later."
-- es = "Lo que corresponde a un registro se busca desde siete días antes del rango hasta un día después. No todo vacío es una falla: puede haber llamadas sin grabar a propósito, y a los registros recientes lo suyo les llega después."
-- pt = "O que pertence a um registro é procurado de sete dias antes do intervalo até um dia depois. Nem toda lacuna é falha: chamadas podem não ser gravadas de propósito, e registros recentes recebem o seu depois."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- [reads]
-- calls = { columns = ["start_time", "id", "agent", "end_time", "after_call_work_seconds", "queue", "extra_data"], days_before = 7, days_after = 1 }
-- queues = { columns = ["start_time", "id", "assigned", "canceled", "extra_data"], days_before = 7, days_after = 1 }
-- metadata = { columns = ["created_at", "id"], days_before = 7, days_after = 1 }
-- recordings = { columns = ["created_at", "id", "call", "appointment"], days_before = 7, days_after = 1 }
-- tags = { columns = ["start_time", "id"] }
-- [columns]
-- gap = ["VARCHAR", "", "what is missing of what"]
-- records = ["BIGINT", "records", "with that gap"]
-- checked = ["BIGINT", "records", "that were looked at"]
-- records_percent = ["DOUBLE", "percent", "records of checked; NULL where none was there to check"]
-- example = ["VARCHAR", "", "the id of the first of them, by id"]

WITH near_calls AS MATERIALIZED (
  SELECT id, agent, end_time, after_call_work_seconds, queue, extra_data,
         row(*COLUMNS('^(account|id)$')) AS key,
         row(*COLUMNS('^(account|queue)$')) AS queue_key,
         row(*COLUMNS('^(account|extra_data)$')) AS metadata_key,
         start_time >= $since AND start_time < $until AS inside
  FROM videsk.calls
  WHERE start_time >= $since::TIMESTAMPTZ - INTERVAL 7 DAY AND start_time < $until::TIMESTAMPTZ + INTERVAL 1 DAY
), near_queues AS MATERIALIZED (
  SELECT id, assigned, canceled, extra_data,
         row(*COLUMNS('^(account|id)$')) AS key,
         row(*COLUMNS('^(account|extra_data)$')) AS metadata_key,
         start_time >= $since AND start_time < $until AS inside
  FROM videsk.queues
  WHERE start_time >= $since::TIMESTAMPTZ - INTERVAL 7 DAY AND start_time < $until::TIMESTAMPTZ + INTERVAL 1 DAY
), near_metadata AS MATERIALIZED (
  SELECT id, row(*COLUMNS('^(account|id)$')) AS key
  FROM videsk.metadata
  WHERE created_at >= $since::TIMESTAMPTZ - INTERVAL 7 DAY AND created_at < $until::TIMESTAMPTZ + INTERVAL 1 DAY
), near_recordings AS MATERIALIZED (
  SELECT id, call, appointment,
         row(*COLUMNS('^(account|call)$')) AS call_key,
         created_at >= $since AND created_at < $until AS inside
  FROM videsk.recordings
  WHERE created_at >= $since::TIMESTAMPTZ - INTERVAL 7 DAY AND created_at < $until::TIMESTAMPTZ + INTERVAL 1 DAY
), tags_here AS MATERIALIZED (
  SELECT id, row(*COLUMNS('^(account|id)$')) AS key FROM videsk.tags WHERE start_time >= $since AND start_time < $until
), calls_here AS MATERIALIZED (
  SELECT * FROM near_calls WHERE inside
), queues_here AS MATERIALIZED (
  SELECT * FROM near_queues WHERE inside
), recordings_here AS MATERIALIZED (
  SELECT * FROM near_recordings WHERE inside
), checks AS (
  SELECT 'call without queue entry' AS gap, id, NOT EXISTS (FROM near_queues AS q WHERE q.id = c.queue AND q.key = c.queue_key) AS missing
  FROM calls_here AS c
  UNION ALL
  SELECT 'queue entry assigned without call', id, NOT EXISTS (FROM near_calls AS c WHERE c.queue = q.id AND c.queue_key = q.key)
  FROM queues_here AS q
  WHERE assigned
  UNION ALL
  SELECT 'queue entry without outcome', id, assigned IS NOT TRUE AND canceled IS NOT TRUE
  FROM queues_here
  UNION ALL
  SELECT 'call without metadata', id, NOT EXISTS (FROM near_metadata AS m WHERE m.id = c.extra_data AND m.key = c.metadata_key)
  FROM calls_here AS c
  UNION ALL
  SELECT 'queue entry without metadata', id, NOT EXISTS (FROM near_metadata AS m WHERE m.id = q.extra_data AND m.key = q.metadata_key)
  FROM queues_here AS q
  UNION ALL
  SELECT 'call without recording', id, NOT EXISTS (FROM near_recordings AS r WHERE r.call = c.id AND r.call_key = c.key)
  FROM calls_here AS c
  UNION ALL
  SELECT 'recording without its call', id, NOT EXISTS (FROM near_calls AS c WHERE c.id = r.call AND c.key = r.call_key)
  FROM recordings_here AS r
  WHERE call IS NOT NULL
  UNION ALL
  SELECT 'recording of nothing', id, call IS NULL AND appointment IS NULL
  FROM recordings_here
  UNION ALL
  SELECT 'tag without its call', id, NOT EXISTS (FROM near_calls AS c WHERE c.id = t.id AND c.key = t.key)
  FROM tags_here AS t
  UNION ALL
  SELECT 'call without agent', id, agent IS NULL
  FROM calls_here
  UNION ALL
  SELECT 'call without end', id, end_time IS NULL
  FROM calls_here
  UNION ALL
  SELECT 'call without after-call work', id, after_call_work_seconds IS NULL
  FROM calls_here
), gaps AS (
  SELECT unnest([
           'call without queue entry', 'queue entry assigned without call', 'queue entry without outcome',
           'call without metadata', 'queue entry without metadata', 'call without recording',
           'recording without its call', 'recording of nothing', 'tag without its call',
           'call without agent', 'call without end', 'call without after-call work'
         ]) AS gap,
         generate_subscripts(range(12), 1) AS rank
)
SELECT gap,
       count(*) FILTER (missing) AS records,
       count(missing) AS checked,
       round(100 * records / nullif(checked, 0), 1) AS records_percent,
       min(id) FILTER (missing) AS example
FROM gaps LEFT JOIN checks USING (gap)
GROUP BY rank, gap
ORDER BY rank
