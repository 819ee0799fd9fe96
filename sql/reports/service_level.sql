-- order = 5
-- [title]
-- en = "Service level"
-- es = "Nivel de servicio"
-- pt = "Nível de serviço"
-- [question]
-- en = "How many customers are answered within the threshold?"
-- es = "¿Cuántos clientes son atendidos dentro del umbral?"
-- pt = "Quantos clientes são atendidos dentro do limite?"
-- [reading]
-- en = "Answered within the threshold, of all offered: the strict reading, which nobody betters by letting customers give up. The lenient one leaves out who gave up before the threshold had passed."
-- es = "Atendidas dentro del umbral, sobre todas las ofrecidas: la lectura estricta, que nadie mejora dejando que los clientes desistan. La benévola excluye a quienes desistieron antes de cumplirse el umbral."
-- pt = "Atendidas dentro do limite, sobre todas as oferecidas: a leitura estrita, que ninguém melhora deixando clientes desistirem. A branda exclui quem desistiu antes do limite."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- threshold_seconds = { type = "DOUBLE", default = "30" }
-- [reads]
-- queues = { columns = ["start_time", "assigned", "canceled", "duration_seconds"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- offered = ["BIGINT", "waits", "entries into the queue"]
-- answered = ["BIGINT", "waits", "assigned to an agent"]
-- answered_in_time = ["BIGINT", "waits", "answered after threshold_seconds at the most; a wait without a duration is not"]
-- abandoned_early = ["BIGINT", "waits", "abandoned after threshold_seconds at the most"]
-- service_level_percent = ["DOUBLE", "percent", "answered_in_time of offered: abandoned waits count against it; NULL where none was offered"]
-- service_level_lenient_percent = ["DOUBLE", "percent", "answered_in_time of offered without abandoned_early"]
-- answered_in_time_percent = ["DOUBLE", "percent", "answered_in_time of answered: says nothing of those who gave up"]

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
         count(*) FILTER (assigned AND duration_seconds <= $threshold_seconds) AS in_time,
         count(*) FILTER (canceled AND assigned IS NOT TRUE AND duration_seconds <= $threshold_seconds) AS early
  FROM videsk.queues
  WHERE start_time >= $since AND start_time < $until
  GROUP BY ALL
)
SELECT period,
       coalesce(offered, 0) AS offered,
       coalesce(answered, 0) AS answered,
       coalesce(in_time, 0) AS answered_in_time,
       coalesce(early, 0) AS abandoned_early,
       round(100 * in_time / offered, 1) AS service_level_percent,
       round(100 * in_time / nullif(offered - early, 0), 1) AS service_level_lenient_percent,
       round(100 * in_time / nullif(answered, 0), 1) AS answered_in_time_percent
FROM periods LEFT JOIN waits USING (period)
ORDER BY period
