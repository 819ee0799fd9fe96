-- order = 3
-- [title]
-- en = "Hours of the week"
-- es = "Horas de la semana"
-- pt = "Horas da semana"
-- [question]
-- en = "When do customers come, and when do they give up?"
-- es = "¿Cuándo llegan los clientes, y cuándo desisten?"
-- pt = "Quando os clientes chegam, e quando desistem?"
-- [reading]
-- en = "Mean entries into the queue in each local hour, over the days of that weekday in the range. On days when clocks change, the hour that repeats counts once."
-- es = "Promedio de entradas a la fila en cada hora local, sobre los días de esa semana que hay en el rango. Cuando cambia la hora, la hora repetida cuenta una vez."
-- pt = "Média de entradas na fila em cada hora local, sobre os dias dessa semana que há no intervalo. Quando o relógio muda, a hora repetida conta uma vez."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- [reads]
-- queues = { columns = ["start_time", "assigned", "canceled"] }
-- [columns]
-- weekday = ["BIGINT", "", "1 Monday to 7 Sunday"]
-- hour = ["BIGINT", "", "local hour of the day, 0 to 23"]
-- days = ["BIGINT", "days", "days of this weekday in the range"]
-- offered = ["BIGINT", "waits", "entries into the queue"]
-- offered_per_day = ["DOUBLE", "waits", "offered by days; NULL where the range has no such day"]
-- abandoned = ["BIGINT", "waits", "given up by the customer: canceled and not assigned"]
-- abandoned_percent = ["DOUBLE", "percent", "abandoned of offered; NULL where none was offered"]

WITH grid AS (
  SELECT w.range AS weekday, h.range AS hour FROM range(1, 8) AS w CROSS JOIN range(24) AS h
), dates AS (
  SELECT unnest(generate_series(
           $since::TIMESTAMPTZ::DATE,
           ($until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND)::DATE,
           INTERVAL 1 DAY
         ))::DATE AS date
  WHERE $since::TIMESTAMPTZ < $until::TIMESTAMPTZ
), weekdays AS (
  SELECT isodow(date) AS weekday, count(*) AS days FROM dates GROUP BY ALL
), waits AS (
  SELECT isodow(start_time) AS weekday,
         hour(start_time) AS hour,
         count(*) AS offered,
         count(*) FILTER (canceled AND assigned IS NOT TRUE) AS abandoned
  FROM videsk.queues
  WHERE start_time >= $since AND start_time < $until
  GROUP BY ALL
)
SELECT weekday,
       hour,
       coalesce(days, 0) AS days,
       coalesce(offered, 0) AS offered,
       round(coalesce(offered, 0) / days, 1) AS offered_per_day,
       coalesce(abandoned, 0) AS abandoned,
       round(100 * abandoned / offered, 1) AS abandoned_percent
FROM grid LEFT JOIN weekdays USING (weekday) LEFT JOIN waits USING (weekday, hour)
ORDER BY weekday, hour
