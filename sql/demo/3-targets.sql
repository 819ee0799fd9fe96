-- Are customers as happy as planned? Two exports joined with targets of your own
WITH targets(mood, goal) AS (
  VALUES ('Muy positivo', 15), ('Positivo', 30), ('Neutral', 30), ('Negativo', 20), ('Muy negativo', 5)
), last_week AS (
  SELECT sentiment_text AS mood, count(*) AS calls
  FROM videsk.calls JOIN videsk.ai_sentiments USING (id)
  WHERE start_time >= current_date - 7 AND start_time < current_date AND created_at >= current_date - 7
  GROUP BY ALL
)
SELECT mood, calls, round(100 * calls / sum(calls) OVER (), 1) AS percent, goal, round(percent - goal, 1) AS gap
FROM last_week JOIN targets USING (mood)
ORDER BY gap DESC
