-- Who took most calls last week? In the Spanish words of Videsk's own reports
SELECT "Agente", count(*) AS llamadas, round(avg("Duración") / 60, 1) AS minutos
FROM videsk.es.llamadas
WHERE "Inicio" >= current_date - 7 AND "Inicio" < current_date
GROUP BY ALL
ORDER BY llamadas DESC, "Agente"
LIMIT 5
