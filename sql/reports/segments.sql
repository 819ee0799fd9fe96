-- order = 7
-- [title]
-- en = "Segments"
-- es = "Segmentos"
-- pt = "Segmentos"
-- [question]
-- en = "How does each segment fare: customers, waits and handling time?"
-- es = "¿Cómo le va a cada segmento: clientes, esperas y tiempo de gestión?"
-- pt = "Como vai cada segmento: clientes, esperas e tempo de atendimento?"
-- [reading]
-- en = "A wait counts for the segment that it was offered to, a call for the segment that took it: after a transfer these differ."
-- es = "Una espera cuenta en el segmento al que se ofreció, una llamada en el que la tomó: tras una transferencia difieren."
-- pt = "Uma espera conta no segmento a que foi oferecida, uma chamada no que a atendeu: após uma transferência diferem."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- threshold_seconds = { type = "DOUBLE", default = "30" }
-- [reads]
-- queues = { columns = ["start_time", "segment", "assigned", "canceled", "duration_seconds"] }
-- calls = { columns = ["start_time", "segment", "duration_seconds", "after_call_work_seconds", "transferred_agent", "transferred_segment"] }
-- [columns]
-- segment = ["VARCHAR", "", "NULL where none is named"]
-- offered = ["BIGINT", "waits", "entries into the queue"]
-- abandoned = ["BIGINT", "waits", "given up by the customer: canceled and not assigned"]
-- abandoned_percent = ["DOUBLE", "percent", "abandoned of offered; NULL where none was offered"]
-- service_level_percent = ["DOUBLE", "percent", "answered within threshold_seconds, of offered; NULL where none was offered"]
-- wait_median_seconds = ["DOUBLE", "seconds", "median wait of the answered"]
-- calls = ["BIGINT", "calls", "video calls that began"]
-- talk_seconds = ["DOUBLE", "seconds", "mean duration of a call, of those that have one"]
-- after_call_seconds = ["DOUBLE", "seconds", "mean after-call work, of calls that have it"]
-- handling_seconds = ["DOUBLE", "seconds", "mean of duration plus after-call work, of calls that have both"]
-- measured = ["BIGINT", "calls", "calls that have both"]
-- transferred_percent = ["DOUBLE", "percent", "calls marked as transferred to an agent or a segment, of all; NULL without calls"]

WITH waits AS (
  SELECT segment,
         count(*) AS offered,
         count(*) FILTER (canceled AND assigned IS NOT TRUE) AS abandoned,
         count(*) FILTER (assigned AND duration_seconds <= $threshold_seconds) AS in_time,
         quantile_cont(duration_seconds, 0.5) FILTER (assigned) AS median
  FROM videsk.queues
  WHERE start_time >= $since AND start_time < $until
  GROUP BY segment
), taken AS (
  SELECT segment,
         count(*) AS calls,
         avg(duration_seconds) AS talk,
         avg(after_call_work_seconds) AS after_call,
         avg(duration_seconds + after_call_work_seconds) AS handling,
         count(duration_seconds + after_call_work_seconds) AS measured,
         count(*) FILTER (transferred_agent OR transferred_segment) AS transferred
  FROM videsk.calls
  WHERE start_time >= $since AND start_time < $until
  GROUP BY segment
)
SELECT coalesce(waits.segment, taken.segment) AS segment,
       coalesce(offered, 0) AS offered,
       coalesce(abandoned, 0) AS abandoned,
       round(100 * abandoned / offered, 1) AS abandoned_percent,
       round(100 * in_time / offered, 1) AS service_level_percent,
       round(median, 1) AS wait_median_seconds,
       coalesce(calls, 0) AS calls,
       round(talk, 1) AS talk_seconds,
       round(after_call, 1) AS after_call_seconds,
       round(handling, 1) AS handling_seconds,
       coalesce(measured, 0) AS measured,
       round(100 * transferred / calls, 1) AS transferred_percent
FROM waits FULL JOIN taken ON waits.segment IS NOT DISTINCT FROM taken.segment
ORDER BY offered DESC, calls DESC, segment
