-- order = 6
-- [title]
-- en = "Agents"
-- es = "Agentes"
-- pt = "Agentes"
-- [question]
-- en = "How many calls did each agent take, and how long did they take?"
-- es = "¿Cuántas llamadas tomó cada agente, y cuánto duraron?"
-- pt = "Quantas chamadas cada agente atendeu, e quanto duraram?"
-- [reading]
-- en = "Handling time is talk plus after-call work, of calls where both are known. Agents differ in the calls they get: few calls say little."
-- es = "El tiempo de gestión es conversación más trabajo posterior, en llamadas donde se conocen ambos. Los agentes reciben llamadas distintas: pocas llamadas dicen poco."
-- pt = "O tempo de atendimento é conversa mais pós-atendimento, em chamadas em que ambos são conhecidos. Agentes recebem chamadas diferentes: poucas chamadas dizem pouco."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- [reads]
-- calls = { columns = ["start_time", "agent", "duration_seconds", "after_call_work_seconds", "transferred_agent", "transferred_segment"] }
-- [columns]
-- agent = ["VARCHAR", "", "NULL for calls without one"]
-- calls = ["BIGINT", "calls", "video calls that began"]
-- days = ["BIGINT", "days", "local days with a call"]
-- talk_seconds = ["DOUBLE", "seconds", "mean duration of a call, of those that have one"]
-- after_call_seconds = ["DOUBLE", "seconds", "mean after-call work, of calls that have it"]
-- handling_seconds = ["DOUBLE", "seconds", "mean of duration plus after-call work, of calls that have both"]
-- measured = ["BIGINT", "calls", "calls that have both"]
-- handling_hours = ["DOUBLE", "hours", "sum of duration and after-call work, of calls that have both; NULL where none has"]
-- transferred_percent = ["DOUBLE", "percent", "calls marked as transferred to an agent or a segment, of all"]

SELECT agent,
       count(*) AS calls,
       count(DISTINCT start_time::DATE) AS days,
       round(avg(duration_seconds), 1) AS talk_seconds,
       round(avg(after_call_work_seconds), 1) AS after_call_seconds,
       round(avg(duration_seconds + after_call_work_seconds), 1) AS handling_seconds,
       count(duration_seconds + after_call_work_seconds) AS measured,
       round(sum(duration_seconds + after_call_work_seconds) / 3600, 2) AS handling_hours,
       round(100 * count(*) FILTER (transferred_agent OR transferred_segment) / count(*), 1) AS transferred_percent
FROM videsk.calls
WHERE start_time >= $since AND start_time < $until
GROUP BY agent
ORDER BY calls DESC, agent
