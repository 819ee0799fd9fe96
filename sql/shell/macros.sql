-- What `videsk shell` adds to the DuckDB shell: macros that send a range to the server, which DuckDB 1.5 does not do
-- for a condition on a table that stands on another server. `since` is included, `until` is not.
--   FROM calls(since := '2026-10-01', until := '2026-11-01');
--   FROM es('llamadas', since := current_date - 7);
-- Each builds the text of a query: a value goes into it as a quoted literal, a name as a quoted identifier.

CREATE OR REPLACE TEMP MACRO videsk_literal(given) AS
    CASE WHEN given IS NULL THEN 'NULL' ELSE '''' || replace(CAST(given AS VARCHAR), '''', '''''') || '''' END;
CREATE OR REPLACE TEMP MACRO videsk_name(given) AS '"' || replace(CAST(given AS VARCHAR), '"', '""') || '"';
CREATE OR REPLACE TEMP MACRO videsk_range(since, until) AS
    'since := ' || videsk_literal(since) || ', until := ' || videsk_literal(until);
CREATE OR REPLACE TEMP MACRO videsk_since(since, until) AS
    ' WHERE created_at >= coalesce(CAST(' || videsk_literal(since) || ' AS TIMESTAMPTZ), ''-infinity'')'
    || ' AND created_at < coalesce(CAST(' || videsk_literal(until) || ' AS TIMESTAMPTZ), ''infinity'')';

-- the tables
CREATE OR REPLACE TEMP MACRO calls(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.calls(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO queues(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.queues(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO metadata(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.metadata(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO comments(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.comments(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO tags(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.tags(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO appointments(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.appointments(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO recordings(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.recordings(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO ai_topics(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.ai_topics(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO ai_sentiments(since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name('videsk', 'FROM videsk.ai_sentiments(' || videsk_range(since, until) || ')');
CREATE OR REPLACE TEMP MACRO forms(form := NULL, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.forms(form := ' || videsk_literal(form) || ', ' || videsk_range(since, until) || ')'
    );
CREATE OR REPLACE TEMP MACRO surveys(survey := NULL, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.surveys(survey := ' || videsk_literal(survey) || ', ' || videsk_range(since, until) || ')'
    );

-- one form or survey, with a column for each question
CREATE OR REPLACE TEMP MACRO form(id, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.form(' || videsk_literal(id) || ')' || videsk_since(since, until)
    );
CREATE OR REPLACE TEMP MACRO survey(id, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.survey(' || videsk_literal(id) || ')' || videsk_since(since, until)
    );

-- the views of a language, by name
CREATE OR REPLACE TEMP MACRO view_in(language, name, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk',
        'FROM videsk.' || videsk_name(language) || '.' || videsk_name(name) || '(' || videsk_range(since, until) || ')'
    );
CREATE OR REPLACE TEMP MACRO es(name, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.es.' || videsk_name(name) || '(' || videsk_range(since, until) || ')'
    );
CREATE OR REPLACE TEMP MACRO en(name, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.en.' || videsk_name(name) || '(' || videsk_range(since, until) || ')'
    );
CREATE OR REPLACE TEMP MACRO pt(name, since := NULL, until := NULL) AS TABLE
    FROM quack_query_by_name(
        'videsk', 'FROM videsk.pt.' || videsk_name(name) || '(' || videsk_range(since, until) || ')'
    );
