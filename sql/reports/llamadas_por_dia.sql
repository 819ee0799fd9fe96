-- Llamadas, duración media y trabajo posterior de cada día de los últimos 30 días
SELECT "Inicio"::DATE AS dia,
       count(*) AS llamadas,
       round(avg("Duración")) AS duracion_media_segundos,
       round(avg("After Call Work (ACW)")) AS trabajo_posterior_segundos
FROM videsk.es.llamadas
WHERE "Inicio" >= current_date - 30 AND "Inicio" < current_date
GROUP BY ALL
ORDER BY dia
