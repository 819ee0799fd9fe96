-- order = 10
-- [title]
-- en = "Survey results"
-- es = "Resultados de encuestas"
-- pt = "Resultados de pesquisas"
-- [question]
-- en = "What do customers answer in surveys?"
-- es = "¿Qué responden los clientes en las encuestas?"
-- pt = "O que os clientes respondem nas pesquisas?"
-- [reading]
-- en = "Answers by question. Free texts are counted, not shown. Only customers who answer are heard here."
-- es = "Respuestas por pregunta. Los textos libres se cuentan, no se muestran. Aquí solo se oye a los clientes que responden."
-- pt = "Respostas por pergunta. Textos livres são contados, não mostrados. Aqui só se ouvem os clientes que respondem."
-- [parameters]
-- since = { type = "TIMESTAMPTZ", default = "CASE WHEN until = until::DATE THEN until::DATE - 30 ELSE until - INTERVAL 30 DAY END" }
-- until = { type = "TIMESTAMPTZ", default = "current_date" }
-- survey = { type = "VARCHAR", default = "NULL" }
-- [reads]
-- surveys = { columns = ["survey", "id", "created_at", "answers"] }
-- [columns]
-- survey = ["VARCHAR", "", "the survey's id"]
-- question = ["VARCHAR", "", "its label"]
-- kind = ["VARCHAR", "", "number: every answer is one; choice: at most eleven different answers, each given twice on average; text: any other"]
-- answer = ["VARCHAR", "", "NULL for texts, and for numbers that are no scale: more than eleven different ones, or any beyond 100"]
-- responses = ["BIGINT", "answers", "with this answer; an answer of several choices counts for each"]
-- respondents = ["BIGINT", "surveys", "surveys in which the question was answered"]
-- responses_percent = ["DOUBLE", "percent", "responses of respondents"]
-- mean = ["DOUBLE", "", "mean of all numbers given to the question; NULL for other kinds"]

WITH filled AS (
  SELECT survey,
         row(*COLUMNS('^(account|id)$')) AS respondent,
         unnest(map_entries(from_json(answers, '"MAP(VARCHAR, JSON)"'))) AS entry
  FROM videsk.surveys
  WHERE created_at >= $since AND created_at < $until AND ($survey::VARCHAR IS NULL OR survey = $survey)
), given AS MATERIALIZED (
  SELECT survey,
         respondent,
         entry.key AS question,
         unnest(CASE json_type(entry.value) WHEN 'ARRAY' THEN entry.value->>'$[*]' ELSE [entry.value->>'$'] END) AS answer
  FROM filled
), kinds AS (
  SELECT survey,
         question,
         count(DISTINCT respondent) AS respondents,
         count(DISTINCT answer) AS different,
         max(abs(TRY_CAST(answer AS DOUBLE))) AS largest,
         avg(TRY_CAST(answer AS DOUBLE)) AS mean,
         CASE
           WHEN bool_and(isfinite(TRY_CAST(answer AS DOUBLE)) IS TRUE) THEN 'number'
           WHEN different <= 11 AND count(*) >= 2 * different THEN 'choice'
           ELSE 'text'
         END AS kind
  FROM given
  WHERE trim(answer) <> ''
  GROUP BY ALL
), counted AS (
  SELECT survey,
         question,
         CASE WHEN kind = 'choice' OR (kind = 'number' AND different <= 11 AND largest <= 100) THEN answer END AS answer,
         count(*) AS responses
  FROM given JOIN kinds USING (survey, question)
  WHERE trim(answer) <> ''
  GROUP BY ALL
)
SELECT survey,
       question,
       kind,
       answer,
       responses,
       respondents,
       round(100 * responses / respondents, 1) AS responses_percent,
       CASE WHEN kind = 'number' THEN round(mean, 2) END AS mean
FROM counted JOIN kinds USING (survey, question)
ORDER BY survey, question, CASE WHEN kind = 'number' THEN TRY_CAST(answer AS DOUBLE) END, responses DESC, answer
