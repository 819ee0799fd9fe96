-- name: spanish
-- third opinion
SELECT "Agente", round(avg("Duración"), 6) AS media, count(*) FROM {videsk}.es.llamadas
WHERE "Inicio" >= '2026-04-01' AND "Inicio" < '2026-04-08' GROUP BY ALL

-- name: spanish to the letter
SELECT * FROM {videsk}.es.llamadas WHERE "Inicio" >= '2026-04-18'

-- name: spanish queues
SELECT * FROM {videsk}.es.filas WHERE "Abandonada" AND "Inicio" < '2026-03-06'

-- name: spanish metadata
SELECT * FROM {videsk}.es.metadatos WHERE "Fecha" BETWEEN '2026-03-20' AND '2026-03-21' AND "Region" IS NOT NULL

-- name: spanish comments
SELECT * FROM {videsk}.es.comentarios WHERE "Cita" IS NOT NULL

-- name: spanish tags
SELECT * FROM {videsk}.es.etiquetas WHERE "ID Etiqueta" = 'vip' OR "Nombre Etiqueta" LIKE 'Garan%'

-- name: spanish appointments
SELECT * FROM {videsk}.es.reuniones WHERE "Status" = 'canceled' AND "Inicio" > '2026-03-04'

-- name: spanish recordings
SELECT * FROM {videsk}.es.grabaciones WHERE "Duración" > 600

-- name: spanish topics
SELECT * FROM {videsk}.es.topicos_ia WHERE "Puntuación del Topico" > 0.95

-- name: spanish sentiments
SELECT * FROM {videsk}.es.sentimientos_ia WHERE "Texto del Sentimiento" = 'Negativo' AND "Entity Type" = 'call'

-- name: spanish forms
SELECT * FROM {videsk}.es.formularios WHERE "Fecha" >= '2026-04-17'

-- name: spanish surveys
SELECT * FROM {videsk}.es.encuestas WHERE "Fecha" >= '2026-04-17' AND "Respuestas" IS NOT NULL

-- name: english
SELECT * FROM {videsk}.en.calls WHERE "Start" < '2026-03-03' AND "Transferred to agent" = false

-- name: english appointments
-- account: odd
SELECT * FROM {videsk}.en.appointments WHERE "Start" >= '2027-01-01' OR "Cancelled at" IS NOT NULL

-- name: english queues and metadata
SELECT q.*, m.* FROM {videsk}.en.queues q JOIN {videsk}.en.metadata m ON q."Metadata" = m."ID"
WHERE q."Start" >= '2026-04-18'

-- name: english and the rest
SELECT t.*, k."Comments", r."Duration" AS recorded, p."Topic", s."Sentiment score", s."Requested"
FROM {videsk}.en.tags t LEFT JOIN {videsk}.en.comments k ON k."Call" = t."ID"
LEFT JOIN {videsk}.en.recordings r ON r."Call" = t."ID" LEFT JOIN {videsk}.en.ai_topics p ON p."ID" = t."ID"
LEFT JOIN {videsk}.en.ai_sentiments s ON s."ID" = t."ID" WHERE t."Start" < '2026-03-04'

-- name: english forms and surveys
-- account: odd
SELECT "Form" AS which, "Answers", "Other data" FROM {videsk}.en.forms
UNION ALL SELECT "Survey", "Answers", "Other data" FROM {videsk}.en.surveys

-- name: portuguese
SELECT * FROM {videsk}.pt.chamadas WHERE "Início" >= '2026-04-04 12:00' AND "Início" < '2026-04-06 12:00'

-- name: portuguese appointments
SELECT * FROM {videsk}.pt.agendamentos WHERE "Situação" = 'scheduled' AND "Início" < '2026-05-01'

-- name: portuguese queues
-- account: odd
SELECT * FROM {videsk}.pt.filas

-- name: portuguese metadata
-- account: odd
SELECT * FROM {videsk}.pt.metadados WHERE "Longitude" < 0 OR "Precisão do GPS" IS NOT NULL

-- name: portuguese and the rest
SELECT e.*, k."Comentários", g."Duração", t."Tópico", s."Pontuação do sentimento"
FROM {videsk}.pt.etiquetas e LEFT JOIN {videsk}.pt.comentarios k ON k."Chamada" = e."Identificador"
LEFT JOIN {videsk}.pt.gravacoes g ON g."Chamada" = e."Identificador"
LEFT JOIN {videsk}.pt.topicos_ia t ON t."Identificador" = e."Identificador"
LEFT JOIN {videsk}.pt.sentimentos_ia s ON s."Identificador" = e."Identificador" WHERE e."Início" >= '2026-04-18'

-- name: portuguese forms and surveys
-- account: odd
SELECT f."Formulário", f."Data", p."Pesquisa", p."Respostas" FROM {videsk}.pt.formularios f
JOIN {videsk}.pt.pesquisas p ON f."Identificador" = p."Identificador"

-- name: a language of the user's
SELECT * FROM {videsk}.tlh.calls WHERE "tagh; DROP TABLE x --" >= '2026-04-18' AND "Sa'" <> 'Camila Rojas'

-- name: a language of the user's everywhere
-- account: odd
SELECT q.*, f.* FROM {videsk}.tlh.queues q JOIN {videsk}.tlh.forms f ON q."tagh; DROP TABLE x --" < f.created_at
WHERE f."%s $1 ?" LIKE '69d18%'

-- name: views and tables together
SELECT l."Identificador", c.agent FROM {videsk}.es.llamadas l JOIN {videsk}.calls c ON c.id = l."Identificador"
WHERE l."Inicio" >= '2026-04-10' AND c.start_time < '2026-04-11'

-- name: a view of a view
CREATE OR REPLACE TEMP VIEW nuestras AS SELECT "Agente" AS quien, "Inicio" AS cuando FROM {videsk}.es.llamadas;
SELECT quien, min(cuando) FROM nuestras WHERE cuando >= '2026-04-04' GROUP BY ALL
