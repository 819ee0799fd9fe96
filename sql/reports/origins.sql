-- order = 14
-- [title]
-- en = "Where customers come from"
-- es = "De dónde vienen los clientes"
-- pt = "De onde vêm os clientes"
-- [question]
-- en = "From which country and region, with which device, system and browser do customers come?"
-- es = "¿De qué país y región, y con qué dispositivo, sistema y navegador llegan los clientes?"
-- pt = "De que país e região, e com que dispositivo, sistema e navegador os clientes chegam?"
-- [reading]
-- en = "Customers' visits by the time they began, whether a call came of them or not."
-- es = "Visitas de clientes según su inicio, resultara o no en una llamada."
-- pt = "Visitas de clientes pelo início, tenham ou não resultado em chamada."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- [reads]
-- metadata = { columns = ["created_at", "country_name", "region_name", "device_type", "os_name", "browser_name"] }
-- [columns]
-- kind = ["VARCHAR", "", "country, region, device, system or browser"]
-- value = ["VARCHAR", "", "NULL where it is not known"]
-- visits = ["BIGINT", "visits", "rows of metadata"]
-- visits_percent = ["DOUBLE", "percent", "of all visits of the range"]

WITH visited AS (
  SELECT unnest([
           {'rank': 1, 'kind': 'country', 'value': country_name},
           {'rank': 2, 'kind': 'region', 'value': region_name},
           {'rank': 3, 'kind': 'device', 'value': device_type},
           {'rank': 4, 'kind': 'system', 'value': os_name},
           {'rank': 5, 'kind': 'browser', 'value': browser_name}
         ], recursive := true)
  FROM videsk.metadata
  WHERE created_at >= $since AND created_at < $until
)
SELECT kind,
       value,
       count(*) AS visits,
       round(100 * visits / sum(visits) OVER (PARTITION BY kind), 1) AS visits_percent
FROM visited
GROUP BY rank, kind, value
ORDER BY rank, visits DESC, value
