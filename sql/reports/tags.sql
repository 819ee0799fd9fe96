-- order = 9
-- [title]
-- en = "Tags"
-- es = "Etiquetas"
-- pt = "Etiquetas"
-- [question]
-- en = "What do agents tag calls with?"
-- es = "¿Con qué etiquetan los agentes las llamadas?"
-- pt = "Com que os agentes etiquetam as chamadas?"
-- [reading]
-- en = "Calls with each tag, of all calls. A call may have several tags, so the shares can exceed 100 %."
-- es = "Llamadas con cada etiqueta, sobre todas las llamadas. Una llamada puede tener varias, así que las partes pueden superar el 100 %."
-- pt = "Chamadas com cada etiqueta, sobre todas. Uma chamada pode ter várias, portanto as partes podem passar de 100 %."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- [reads]
-- calls = { columns = ["start_time", "id"] }
-- tags = { columns = ["start_time", "id", "tag", "tag_label"] }
-- [columns]
-- tag = ["VARCHAR", "", "the tag's name, or its id where it has none; NULL for calls without a tag"]
-- calls = ["BIGINT", "calls", "calls of the range with it, each once"]
-- calls_percent = ["DOUBLE", "percent", "of all calls of the range"]

WITH taken AS MATERIALIZED (
  SELECT COLUMNS('^(account|id)$') FROM videsk.calls WHERE start_time >= $since AND start_time < $until
), tagged AS MATERIALIZED (
  SELECT DISTINCT COLUMNS('^(account|id)$'), coalesce(tag_label, tag) AS tag
  FROM videsk.tags
  WHERE start_time >= $since AND start_time < $until AND coalesce(tag_label, tag) IS NOT NULL
), counted AS (
  SELECT tag, count(*) AS calls FROM tagged NATURAL SEMI JOIN taken GROUP BY tag
  UNION ALL
  SELECT NULL, count(*) FROM taken NATURAL ANTI JOIN tagged
)
SELECT tag, calls, round(100 * calls / (SELECT count(*) FROM taken), 1) AS calls_percent
FROM counted
WHERE calls > 0
ORDER BY calls DESC, tag
