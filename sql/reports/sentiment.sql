-- order = 11
-- [title]
-- en = "Sentiment"
-- es = "Sentimiento"
-- pt = "Sentimento"
-- [question]
-- en = "In what mood are conversations, over time?"
-- es = "¿De qué ánimo son las conversaciones, a lo largo del tiempo?"
-- pt = "Com que humor são as conversas, ao longo do tempo?"
-- [reading]
-- en = "The mood that the AI found in calls and appointments, by the time it was found. Conversations that were not analysed are not here."
-- es = "El ánimo que la IA halló en llamadas y citas, según cuándo lo halló. Las conversaciones no analizadas no están aquí."
-- pt = "O humor que a IA encontrou em chamadas e agendamentos, por quando o encontrou. Conversas não analisadas não estão aqui."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- [reads]
-- ai_sentiments = { columns = ["id", "entity_type", "created_at", "sentiment_text", "sentiment_number"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- sentiment = ["VARCHAR", "", "as the API names it; NULL where it names none"]
-- conversations = ["BIGINT", "calls and appointments", "with it"]
-- conversations_percent = ["DOUBLE", "percent", "of those analysed in the period"]
-- score = ["DOUBLE", "as the API gives it", "mean of sentiment_number; NULL where there is none"]

WITH found AS (
  SELECT date_trunc($by, created_at)::DATE AS period,
         sentiment_text AS sentiment,
         count(*) AS conversations,
         avg(sentiment_number) AS score
  FROM videsk.ai_sentiments
  WHERE created_at >= $since AND created_at < $until
  GROUP BY ALL
)
SELECT period,
       sentiment,
       conversations,
       round(100 * conversations / sum(conversations) OVER (PARTITION BY period), 1) AS conversations_percent,
       round(score, 3) AS score
FROM found
ORDER BY period, avg(score) OVER (PARTITION BY sentiment), sentiment
