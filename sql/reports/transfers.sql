-- order = 8
-- [title]
-- en = "Transfers"
-- es = "Transferencias"
-- pt = "Transferências"
-- [question]
-- en = "How many calls are passed on?"
-- es = "¿Cuántas llamadas se transfieren?"
-- pt = "Quantas chamadas são transferidas?"
-- [reading]
-- en = "Calls that the API marks as transferred to an agent, to a segment, or both. A call without a mark counts as not transferred."
-- es = "Llamadas que la API marca como transferidas a un agente, a un segmento o a ambos. Una llamada sin marca cuenta como no transferida."
-- pt = "Chamadas que a API marca como transferidas para um agente, um segmento ou ambos. Uma chamada sem marca conta como não transferida."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- [reads]
-- calls = { columns = ["start_time", "transferred_agent", "transferred_segment"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- calls = ["BIGINT", "calls", "video calls that began"]
-- to_agent = ["BIGINT", "calls", "marked as transferred to an agent alone"]
-- to_segment = ["BIGINT", "calls", "marked as transferred to a segment alone"]
-- to_both = ["BIGINT", "calls", "marked as both"]
-- transferred_percent = ["DOUBLE", "percent", "to_agent + to_segment + to_both, of calls; NULL without calls"]

WITH periods AS (
  SELECT unnest(generate_series(
           date_trunc($by, $since::TIMESTAMPTZ)::DATE,
           ($until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND)::DATE,
           CASE $by WHEN 'day' THEN INTERVAL 1 DAY WHEN 'week' THEN INTERVAL 7 DAY ELSE INTERVAL 1 MONTH END
         ))::DATE AS period
  WHERE $since::TIMESTAMPTZ < $until::TIMESTAMPTZ
), taken AS (
  SELECT date_trunc($by, start_time)::DATE AS period,
         count(*) AS calls,
         count(*) FILTER (transferred_agent AND transferred_segment IS NOT TRUE) AS to_agent,
         count(*) FILTER (transferred_segment AND transferred_agent IS NOT TRUE) AS to_segment,
         count(*) FILTER (transferred_agent AND transferred_segment) AS to_both
  FROM videsk.calls
  WHERE start_time >= $since AND start_time < $until
  GROUP BY ALL
)
SELECT period,
       coalesce(calls, 0) AS calls,
       coalesce(to_agent, 0) AS to_agent,
       coalesce(to_segment, 0) AS to_segment,
       coalesce(to_both, 0) AS to_both,
       round(100 * (to_agent + to_segment + to_both) / calls, 1) AS transferred_percent
FROM periods LEFT JOIN taken USING (period)
ORDER BY period
