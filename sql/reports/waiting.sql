-- order = 4
-- [title]
-- en = "Waiting and giving up"
-- es = "Espera y abandono"
-- pt = "Espera e abandono"
-- [question]
-- en = "How long do customers wait, and how many give up?"
-- es = "¿Cuánto esperan los clientes, y cuántos desisten?"
-- pt = "Quanto os clientes esperam, e quantos desistem?"
-- [reading]
-- en = "Waits of the answered: nine of ten waited no longer than the 90th percentile. Abandoned are waits that the customer ended; the rest has no outcome yet."
-- es = "Esperas de las atendidas: nueve de cada diez no esperaron más que el percentil 90. Las abandonadas las terminó el cliente; el resto aún no tiene desenlace."
-- pt = "Esperas das atendidas: nove em dez não esperaram mais que o percentil 90. As abandonadas foram encerradas pelo cliente; o resto ainda não tem desfecho."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- [reads]
-- queues = { columns = ["start_time", "assigned", "canceled", "dismissed", "duration_seconds"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- offered = ["BIGINT", "waits", "entries into the queue: answered + abandoned + other"]
-- answered = ["BIGINT", "waits", "assigned to an agent"]
-- abandoned = ["BIGINT", "waits", "given up by the customer: canceled and not assigned"]
-- other = ["BIGINT", "waits", "neither assigned nor canceled, as those that still wait"]
-- dismissed = ["BIGINT", "waits", "of all of these, those marked as rejected"]
-- abandoned_percent = ["DOUBLE", "percent", "abandoned of offered; NULL where none was offered"]
-- wait_mean_seconds = ["DOUBLE", "seconds", "mean wait of the answered (average speed of answer)"]
-- wait_median_seconds = ["DOUBLE", "seconds", "median wait of the answered"]
-- wait_p90_seconds = ["DOUBLE", "seconds", "90th percentile of the answered, interpolated"]
-- wait_p95_seconds = ["DOUBLE", "seconds", "95th percentile of the answered, interpolated"]
-- patience_median_seconds = ["DOUBLE", "seconds", "median wait of the abandoned"]

WITH periods AS (
  SELECT unnest(generate_series(
           date_trunc($by, $since::TIMESTAMPTZ)::DATE,
           ($until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND)::DATE,
           CASE $by WHEN 'day' THEN INTERVAL 1 DAY WHEN 'week' THEN INTERVAL 7 DAY ELSE INTERVAL 1 MONTH END
         ))::DATE AS period
  WHERE $since::TIMESTAMPTZ < $until::TIMESTAMPTZ
), waits AS (
  SELECT date_trunc($by, start_time)::DATE AS period,
         count(*) AS offered,
         count(*) FILTER (assigned) AS answered,
         count(*) FILTER (canceled AND assigned IS NOT TRUE) AS abandoned,
         count(*) FILTER (dismissed) AS dismissed,
         avg(duration_seconds) FILTER (assigned) AS mean,
         quantile_cont(duration_seconds, [0.5, 0.9, 0.95]) FILTER (assigned) AS waited,
         quantile_cont(duration_seconds, 0.5) FILTER (canceled AND assigned IS NOT TRUE) AS patience
  FROM videsk.queues
  WHERE start_time >= $since AND start_time < $until
  GROUP BY ALL
)
SELECT period,
       coalesce(offered, 0) AS offered,
       coalesce(answered, 0) AS answered,
       coalesce(abandoned, 0) AS abandoned,
       coalesce(offered - answered - abandoned, 0) AS other,
       coalesce(dismissed, 0) AS dismissed,
       round(100 * abandoned / offered, 1) AS abandoned_percent,
       round(mean, 1) AS wait_mean_seconds,
       round(waited[1], 1) AS wait_median_seconds,
       round(waited[2], 1) AS wait_p90_seconds,
       round(waited[3], 1) AS wait_p95_seconds,
       round(patience, 1) AS patience_median_seconds
FROM periods LEFT JOIN waits USING (period)
ORDER BY period
