-- order = 1
-- [title]
-- en = "At a glance"
-- es = "De un vistazo"
-- pt = "Visão geral"
-- [question]
-- en = "How many customers came, how many gave up, and how fast and how long were they served?"
-- es = "¿Cuántos clientes llegaron, cuántos desistieron, y con qué rapidez y por cuánto tiempo se les atendió?"
-- pt = "Quantos clientes vieram, quantos desistiram, e com que rapidez e por quanto tempo foram atendidos?"
-- [reading]
-- en = "Offered are all entries into the queue. Service level is the share of them that an agent answered within the threshold: who gave up counts against it. Handling time is talk plus after-call work."
-- es = "Las ofrecidas son todas las entradas a la fila. El nivel de servicio es la parte de ellas que un agente atendió dentro del umbral: quien desistió cuenta en contra. El tiempo de gestión es conversación más trabajo posterior."
-- pt = "As oferecidas são todas as entradas na fila. O nível de serviço é a parte delas que um agente atendeu dentro do limite: quem desistiu conta contra. O tempo de atendimento é conversa mais pós-atendimento."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- threshold_seconds = { type = "DOUBLE", default = "30" }
-- [reads]
-- queues = { columns = ["start_time", "assigned", "canceled", "duration_seconds"] }
-- calls = { columns = ["start_time", "duration_seconds", "after_call_work_seconds"] }
-- [columns]
-- offered = ["BIGINT", "waits", "entries into the queue"]
-- answered = ["BIGINT", "waits", "assigned to an agent"]
-- abandoned = ["BIGINT", "waits", "given up by the customer: canceled and not assigned"]
-- abandoned_percent = ["DOUBLE", "percent", "abandoned of offered; NULL where none was offered"]
-- service_level_percent = ["DOUBLE", "percent", "answered within threshold_seconds, of offered; NULL where none was offered"]
-- wait_median_seconds = ["DOUBLE", "seconds", "median wait of the answered"]
-- calls = ["BIGINT", "calls", "video calls that began"]
-- talk_seconds = ["DOUBLE", "seconds", "mean duration of a call"]
-- handling_seconds = ["DOUBLE", "seconds", "mean of duration plus after-call work, of calls that have both"]

WITH waits AS (
  SELECT count(*) AS offered,
         count(*) FILTER (assigned) AS answered,
         count(*) FILTER (canceled AND assigned IS NOT TRUE) AS abandoned,
         count(*) FILTER (assigned AND duration_seconds <= $threshold_seconds) AS in_time,
         quantile_cont(duration_seconds, 0.5) FILTER (assigned) AS median
  FROM videsk.queues
  WHERE start_time >= $since AND start_time < $until
), taken AS (
  SELECT count(*) AS calls,
         avg(duration_seconds) AS talk,
         avg(duration_seconds + after_call_work_seconds) AS handling
  FROM videsk.calls
  WHERE start_time >= $since AND start_time < $until
)
SELECT offered,
       answered,
       abandoned,
       round(100 * abandoned / nullif(offered, 0), 1) AS abandoned_percent,
       round(100 * in_time / nullif(offered, 0), 1) AS service_level_percent,
       round(median, 1) AS wait_median_seconds,
       calls,
       round(talk, 1) AS talk_seconds,
       round(handling, 1) AS handling_seconds
FROM waits CROSS JOIN taken
