-- When do customers wait, and how many give up? Two months of the queue, by local hour
SELECT hour(start_time) AS hour, count(*) AS waits, bar(waits, 0, 6000, 24) AS day,
       round(100 * avg(canceled::INTEGER), 1) AS gave_up_percent
FROM videsk.queues
WHERE start_time >= current_date - 60 AND start_time < current_date
GROUP BY ALL
ORDER BY hour
