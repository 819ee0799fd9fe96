-- name: like a prefix
-- third opinion
SELECT id, agent FROM {videsk}.calls WHERE agent LIKE 'Cr%'

-- name: like in the middle
SELECT count(*) FROM {videsk}.metadata WHERE user_agent LIKE '%Chrome%' AND user_agent NOT LIKE '%Edg%'

-- name: ilike
SELECT DISTINCT city_name FROM {videsk}.metadata WHERE city_name ILIKE 'ñ%' OR city_name ILIKE '%Á%'

-- name: regexp
SELECT id, comments FROM {videsk}.comments WHERE regexp_matches(comments, '^(Se|No) .*\.$')

-- name: starts with
SELECT id FROM {videsk}.metadata WHERE starts_with(ip, '185.') AND ip SIMILAR TO '.*\.1\d'

-- name: glob
SELECT count(*) FROM {videsk}.ai_topics WHERE topic_name GLOB 'G*s'

-- name: awkward texts
-- account: odd
-- third opinion
SELECT id, agent FROM {videsk}.calls
WHERE agent IN ('', ' ', 'NULL', 'La "jefa"', 'Raúl O''Higgins', 'ñandú 👏', 'is_in(start_time, {value_set=timestamp[us, tz=UTC]:[')

-- name: awkward texts and instants
-- account: odd
SELECT id, agent, start_time FROM {videsk}.calls
WHERE agent <> 'is_in(start_time, {value_set=timestamp[us, tz=UTC]:[2026' AND agent NOT IN ('if_else(', '(a or b)', 'x) and (y')
  AND start_time IN ('2026-04-05 00:05:02+00', '2026-04-04 22:05:00+00', '2026-04-04 22:15:00+00', '2026-04-04 22:25:00+00')

-- name: escapes in like
-- account: odd
SELECT id, agent FROM {videsk}.calls WHERE agent LIKE '100\% \_x\_' ESCAPE '\' OR agent LIKE '%' || chr(10) || '%'

-- name: compared in order
-- account: odd
-- third opinion
SELECT id, agent FROM {videsk}.calls WHERE agent > 'R' AND agent <= 'ñandú 👏'

-- name: between texts
SELECT DISTINCT agent FROM {videsk}.calls WHERE agent BETWEEN 'D' AND 'J'

-- name: combining characters
-- account: odd
SELECT agent, length(agent), strlen(agent), nfc_normalize(agent) FROM {videsk}.calls WHERE agent >= chr(769)

-- name: lower and trim
SELECT lower(trim(segment)) AS segment, count(*) FROM {videsk}.calls GROUP BY ALL

-- name: ids carry their second
SELECT count(*), count(*) FILTER (epoch(start_time)::BIGINT = ('0x' || id[1:8])::BIGINT) AS agree FROM {videsk}.calls

-- name: text against number
SELECT count(*) FROM {videsk}.metadata WHERE browser_version LIKE '1%' AND len(os_version) < 4 AND os_version > '1'

-- name: long text
-- account: odd
SELECT id FROM {videsk}.comments WHERE comments = repeat('ñ', 300)
