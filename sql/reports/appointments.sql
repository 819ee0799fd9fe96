-- order = 13
-- [title]
-- en = "Appointments"
-- es = "Citas"
-- pt = "Agendamentos"
-- [question]
-- en = "How many appointments are kept, cancelled or moved?"
-- es = "¿Cuántas citas se cumplen, se cancelan o se reagendan?"
-- pt = "Quantos agendamentos se cumprem, se cancelam ou se remarcam?"
-- [reading]
-- en = "By the day of the appointment. Each stands in one column: moved if another replaces it, else cancelled, else to come, else kept if it has an end, else missed."
-- es = "Según el día de la cita. Cada una está en una columna: reagendada si otra la reemplaza, si no cancelada, si no por venir, si no cumplida si tiene fin, si no perdida."
-- pt = "Pelo dia do agendamento. Cada um está em uma coluna: remarcado se outro o substitui, senão cancelado, senão por vir, senão cumprido se tem fim, senão perdido."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- [reads]
-- appointments = { columns = ["start_time", "end_time", "cancellation_date", "rescheduled_appointment"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- booked = ["BIGINT", "appointments", "kept + missed + cancelled + moved + to_come"]
-- kept = ["BIGINT", "appointments", "begun, with an end"]
-- missed = ["BIGINT", "appointments", "their time is past, without an end"]
-- cancelled = ["BIGINT", "appointments", "with a cancellation date, not moved"]
-- moved = ["BIGINT", "appointments", "another one replaces it"]
-- to_come = ["BIGINT", "appointments", "their time is still to come"]
-- kept_percent = ["DOUBLE", "percent", "kept of booked without to_come; NULL where there is none"]
-- missed_percent = ["DOUBLE", "percent", "missed of kept + missed: the share of no-shows; NULL where there is none"]

WITH periods AS (
  SELECT unnest(generate_series(
           date_trunc($by, $since::TIMESTAMPTZ)::DATE,
           ($until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND)::DATE,
           CASE $by WHEN 'day' THEN INTERVAL 1 DAY WHEN 'week' THEN INTERVAL 7 DAY ELSE INTERVAL 1 MONTH END
         ))::DATE AS period
  WHERE $since::TIMESTAMPTZ < $until::TIMESTAMPTZ
), sorted AS (
  SELECT date_trunc($by, start_time)::DATE AS period,
         CASE
           WHEN rescheduled_appointment IS NOT NULL THEN 'moved'
           WHEN cancellation_date IS NOT NULL THEN 'cancelled'
           WHEN start_time > now() THEN 'to come'
           WHEN end_time IS NOT NULL THEN 'kept'
           ELSE 'missed'
         END AS outcome
  FROM videsk.appointments
  WHERE start_time >= $since AND start_time < $until
), counted AS (
  SELECT period,
         count(*) AS booked,
         count(*) FILTER (outcome = 'kept') AS kept,
         count(*) FILTER (outcome = 'missed') AS missed,
         count(*) FILTER (outcome = 'cancelled') AS cancelled,
         count(*) FILTER (outcome = 'moved') AS moved,
         count(*) FILTER (outcome = 'to come') AS to_come
  FROM sorted
  GROUP BY period
)
SELECT period,
       coalesce(booked, 0) AS booked,
       coalesce(kept, 0) AS kept,
       coalesce(missed, 0) AS missed,
       coalesce(cancelled, 0) AS cancelled,
       coalesce(moved, 0) AS moved,
       coalesce(to_come, 0) AS to_come,
       round(100 * kept / nullif(booked - to_come, 0), 1) AS kept_percent,
       round(100 * missed / nullif(kept + missed, 0), 1) AS missed_percent
FROM periods LEFT JOIN counted USING (period)
ORDER BY period
