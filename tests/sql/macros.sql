-- name: since and until
FROM {videsk}.calls(since := '2026-04-01', until := '2026-04-03')

-- name: since only
SELECT count(*), min(start_time) FROM {videsk}.queues(since := '2026-04-10')

-- name: until only
SELECT id, created_at FROM {videsk}.metadata(until := TIMESTAMPTZ '2026-03-03 12:00:00+00')

-- name: neither
SELECT count(*) FROM {videsk}.comments()

-- name: dates and expressions
SELECT count(*) FROM {videsk}.recordings(since := DATE '2026-04-04', until := DATE '2026-04-04' + 3)

-- name: a filter on top
SELECT id FROM {videsk}.tags(since := '2026-03-20') WHERE start_time < '2026-03-22' AND tag <> 'vip'

-- name: one form
-- account: odd
FROM {videsk}.forms(form := 'aaaaaaaaaaaaaaaaaaaaaaaa')

-- name: one form and a range
-- account: odd
FROM {videsk}.forms(form := 'bbbbbbbbbbbbbbbbbbbbbbbb', since := '2026-04-05 00:00', until := '2026-04-05 03:00')

-- name: all forms by macro
-- account: odd
SELECT form, count(*) FROM {videsk}.forms() GROUP BY ALL

-- name: one survey
-- account: odd
FROM {videsk}.surveys(survey := '555555555555555555555555')

-- name: macros joined
SELECT count(*) FROM {videsk}.ai_topics(since := '2026-04-01') t JOIN {videsk}.ai_sentiments(since := '2026-04-01') s USING (id)

-- name: a macro with parameters
-- params: ["2026-04-01", "2026-04-02"]
SELECT id FROM {videsk}.calls(since := ?, until := ?)

-- name: a macro with a sub-query
SELECT count(*) FROM {videsk}.appointments(since := (SELECT max(moment) FROM instants))

-- name: nulls are open
SELECT count(*) FROM {videsk}.calls(since := NULL, until := '2026-03-05')
