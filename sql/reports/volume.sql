-- order = 2
-- [title]
-- en = "Volume"
-- es = "Volumen"
-- pt = "Volume"
-- [question]
-- en = "How much is there to do, by day, week or month?"
-- es = "¿Cuánto trabajo hay, por día, semana o mes?"
-- pt = "Quanto trabalho há, por dia, semana ou mês?"
-- [reading]
-- en = "Calls by the time they began. The first and last week or month may be cut by the range: see its days."
-- es = "Llamadas según su inicio. La primera y la última semana o mes pueden quedar cortadas por el rango: vea sus días."
-- pt = "Chamadas pelo início. A primeira e a última semana ou mês podem ser cortadas pelo intervalo: veja os dias."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- [reads]
-- queues = { columns = ["start_time"] }
-- calls = { columns = ["start_time", "duration_seconds", "after_call_work_seconds", "agent"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- days = ["BIGINT", "days", "local days of the period that lie in the range"]
-- offered = ["BIGINT", "waits", "entries into the queue"]
-- calls = ["BIGINT", "calls", "video calls that began"]
-- calls_per_day = ["DOUBLE", "calls", "calls by days"]
-- agents = ["BIGINT", "agents", "different agents with a call"]
-- talk_hours = ["DOUBLE", "hours", "sum of the calls' durations; NULL where no call has one"]
-- handling_seconds = ["DOUBLE", "seconds", "mean of duration plus after-call work, of calls that have both"]

WITH periods AS (
  SELECT unnest(generate_series(
           date_trunc($by, $since::TIMESTAMPTZ)::DATE,
           ($until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND)::DATE,
           CASE $by WHEN 'day' THEN INTERVAL 1 DAY WHEN 'week' THEN INTERVAL 7 DAY ELSE INTERVAL 1 MONTH END
         ))::DATE AS period
  WHERE $since::TIMESTAMPTZ < $until::TIMESTAMPTZ
), spans AS (
  SELECT period,
         date_diff(
           'day',
           greatest(period, $since::TIMESTAMPTZ::DATE),
           least(
             (period + CASE $by WHEN 'day' THEN INTERVAL 1 DAY WHEN 'week' THEN INTERVAL 7 DAY ELSE INTERVAL 1 MONTH END)::DATE,
             ($until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND)::DATE + 1
           )
         ) AS days
  FROM periods
), arrived AS (
  SELECT date_trunc($by, start_time)::DATE AS period, count(*) AS offered
  FROM videsk.queues
  WHERE start_time >= $since AND start_time < $until
  GROUP BY ALL
), taken AS (
  SELECT date_trunc($by, start_time)::DATE AS period,
         count(*) AS calls,
         count(DISTINCT agent) AS agents,
         sum(duration_seconds) AS talk,
         avg(duration_seconds + after_call_work_seconds) AS handling
  FROM videsk.calls
  WHERE start_time >= $since AND start_time < $until
  GROUP BY ALL
)
SELECT period,
       days,
       coalesce(offered, 0) AS offered,
       coalesce(calls, 0) AS calls,
       round(coalesce(calls, 0) / days, 1) AS calls_per_day,
       coalesce(agents, 0) AS agents,
       round(CASE WHEN calls IS NULL THEN 0 ELSE talk END / 3600, 2) AS talk_hours,
       round(handling, 1) AS handling_seconds
FROM spans LEFT JOIN arrived USING (period) LEFT JOIN taken USING (period)
ORDER BY period
