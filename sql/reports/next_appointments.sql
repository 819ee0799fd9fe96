-- Appointments of the coming week, by day and service
SELECT start_time::DATE AS day, service, count(*) AS appointments
FROM videsk.appointments
WHERE start_time >= current_date AND start_time < current_date + 7 AND cancellation_date IS NULL
GROUP BY ALL
ORDER BY ALL
