-- Share of answered waits that were answered within 30 seconds, by day, over the last 30 days
SELECT start_time::DATE AS day,
       count(*) AS waits,
       round(100 * avg(canceled::INTEGER), 1) AS abandoned_percent,
       round(100 * avg((duration_seconds <= 30)::INTEGER) FILTER (assigned), 1) AS answered_within_30s_percent
FROM videsk.queues
WHERE start_time >= current_date - 30 AND start_time < current_date
GROUP BY ALL
ORDER BY day
