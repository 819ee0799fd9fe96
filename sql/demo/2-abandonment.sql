-- When do customers hang up in the queue? Two months, hour by hour
SELECT hour(start_time) AS hour, count(*) AS waits, round(100 * avg(canceled::INTEGER), 1) AS abandoned_percent
FROM videsk.queues
WHERE start_time >= current_date - 60 AND start_time < current_date
GROUP BY ALL
HAVING waits > 1000
ORDER BY abandoned_percent DESC
LIMIT 5
