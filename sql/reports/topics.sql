-- order = 12
-- [title]
-- en = "Topics"
-- es = "Temas"
-- pt = "Tópicos"
-- [question]
-- en = "What are conversations about, over time?"
-- es = "¿De qué tratan las conversaciones, a lo largo del tiempo?"
-- pt = "Sobre o que são as conversas, ao longo do tempo?"
-- [reading]
-- en = "The share of analysed conversations with each topic, as the AI found them. A conversation may have several."
-- es = "La parte de las conversaciones analizadas con cada tema, según la IA. Una conversación puede tener varios."
-- pt = "A parte das conversas analisadas com cada tópico, segundo a IA. Uma conversa pode ter vários."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- by = { type = "VARCHAR", default = "'day'", choices = ["day", "week", "month"] }
-- [reads]
-- ai_topics = { columns = ["id", "entity_type", "created_at", "topic_name", "topic_score"] }
-- [columns]
-- period = ["DATE", "", "first local day of the period; weeks begin on Monday"]
-- topic = ["VARCHAR", "", "as the API names it; NULL where it names none"]
-- conversations = ["BIGINT", "calls and appointments", "with it, each once"]
-- conversations_percent = ["DOUBLE", "percent", "of those with any topic in the period"]
-- score = ["DOUBLE", "as the API gives it", "mean of topic_score; NULL where there is none"]

WITH found AS MATERIALIZED (
  SELECT date_trunc($by, created_at)::DATE AS period,
         topic_name AS topic,
         row(*COLUMNS('^(account|entity_type|id)$')) AS conversation,
         topic_score
  FROM videsk.ai_topics
  WHERE created_at >= $since AND created_at < $until
), analysed AS (
  SELECT period, count(DISTINCT conversation) AS analysed FROM found GROUP BY period
), named AS (
  SELECT period, topic, count(DISTINCT conversation) AS conversations, avg(topic_score) AS score
  FROM found
  GROUP BY period, topic
)
SELECT period,
       topic,
       conversations,
       round(100 * conversations / analysed, 1) AS conversations_percent,
       round(score, 3) AS score
FROM named JOIN analysed USING (period)
ORDER BY period, conversations DESC, topic
