-- Two exports joined with a table of your own
WITH targets(mood, goal_percent) AS (VALUES ('positivo', 50), ('neutral', 30), ('negativo', 10))
SELECT sentiment_text AS mood, count(*) AS calls,
       round(100 * count(*) / sum(count(*)) OVER ()) AS percent, any_value(goal_percent) AS goal_percent
FROM videsk.calls
JOIN videsk.ai_sentiments USING (id)
LEFT JOIN targets ON mood = sentiment_text
WHERE start_time >= current_date - 7 AND start_time < current_date
  AND created_at >= current_date - 7
GROUP BY ALL
ORDER BY calls DESC
