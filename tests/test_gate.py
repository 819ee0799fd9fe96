"""The gate by itself: a function or table that is refused is found wherever it stands in a statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest

import duckdb_videsk
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.gate import Gate, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    with duckdb_videsk.connect(token="t" * 20, base_url="http://127.0.0.1:1", cache_dir="none") as con:
        made = Gate(con.native)
        yield made
        made.close()


ALLOWED = """
FROM main.calls
FROM es.llamadas
FROM videsk.main.calls
SELECT catalog_name, schema_name FROM information_schema.schemata WHERE catalog_name NOT IN ('system', 'temp') ORDER BY ALL
SELECT schema_name, sql, 'table' FROM duckdb_tables() UNION ALL SELECT schema_name, view_name, 'view' FROM duckdb_views()
SELECT agent, count(*) AS n, sum(duration_seconds) / 60 FROM videsk.calls WHERE start_time >= '2026-01-01' AND agent LIKE 'A%' AND agent NOT ILIKE '%b' AND NOT (agent IS NULL) GROUP BY ALL HAVING n > 1 ORDER BY n DESC LIMIT 3
WITH a AS (FROM videsk.calls(since := current_date - 7)) SELECT quantile_cont(duration_seconds, 0.5), list(DISTINCT agent), count(*) FILTER (WHERE agent = 'x') FROM a
SELECT extract(year FROM start_time), start_time::DATE, [x + 1 FOR x IN [1, 2]], coalesce(agent, id), nullif(agent, ''), CASE WHEN true THEN 1 END, {'a': 1}.a, tags[1:2], INTERVAL 3 DAY, date_trunc('day', start_time) FROM calls
SELECT answers->>'x', answers->'y', survey IN ('1', '2'), EXISTS (SELECT 1), 1 BETWEEN 1 AND 2, position('a' IN id), substring(id FROM 1 FOR 2), trim(id), strftime(created_at, '%Y') FROM videsk.surveys
SELECT * EXCLUDE (id) REPLACE (1 AS agent), COLUMNS('a.*') FROM videsk.es.llamadas
SELECT lag(id) OVER w, first_value(id) OVER w, ntile(4) OVER w, sum(1) OVER w FROM videsk.calls WINDOW w AS (PARTITION BY agent ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) QUALIFY row_number() OVER w = 1
EXPLAIN SELECT 1
EXPLAIN ANALYZE FROM calls
/* of a tool */ EXPLAIN SELECT 'explain it'
DESCRIBE videsk.calls
SHOW TABLES
SHOW ALL TABLES
SHOW DATABASES
SUMMARIZE videsk.calls
FROM videsk.form('a')
FROM videsk.es.survey('a')
FROM videsk.en.calls(until := '2026-01-01')
FROM videsk.calls PIVOT (count(*) FOR agent IN ('a', 'b'))
SELECT * FROM videsk.calls ASOF JOIN videsk.queues USING (start_time) LEFT JOIN LATERAL (SELECT 1) ON true
VALUES (1), (2)
WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 5) FROM r
SELECT unnest([1, 2]), start_time AT TIME ZONE 'UTC', now(), current_timestamp, random() FROM calls
FROM range(5) t(i) POSITIONAL JOIN generate_series(1, 3)
SELECT grouping(agent), count(*) FROM videsk.calls GROUP BY ROLLUP (agent)
FROM videsk.calls TABLESAMPLE 10%
SELECT DISTINCT ON (agent) agent FROM calls UNION BY NAME SELECT agent FROM calls EXCEPT SELECT 'a' INTERSECT SELECT 'b'
SELECT -1, 3 % 2, 3 // 2, 3 ** 2, 1 << 1, 1 & 1, 1 | 1, 1 <> 2, 1 IS DISTINCT FROM 2, 'a' || 'b', 'a' GLOB 'b', 'a' SIMILAR TO 'x', try_cast('a' AS INT), DATE '2026-01-01', MAP {'a': 1}, 'a' COLLATE nocase
""".strip().splitlines()


@pytest.mark.parametrize("sql", ALLOWED)
def test_what_people_and_tools_ask(gate: Gate, sql: str) -> None:
    gate.check(sql)


def test_every_table_view_and_macro(gate: Gate) -> None:
    for endpoint in ENDPOINTS:
        gate.check(f"FROM videsk.{endpoint.table}(since := '2026-01-01')")
        for language, view in endpoint.views.items():
            gate.check(f'FROM {language}."{view}"')
            gate.check(f"FROM videsk.{language}.\"{view}\"(since := '2026-01-01')")


PLACES = """
SELECT {}
SELECT 1 + length({})
SELECT * FROM calls WHERE {} = 'a'
SELECT * FROM calls WHERE id IN (SELECT {})
SELECT * FROM calls WHERE EXISTS (SELECT {})
SELECT * FROM calls WHERE id BETWEEN 'a' AND {}
SELECT * FROM calls WHERE id LIKE {}
SELECT * FROM calls ORDER BY {}
SELECT * FROM calls LIMIT length({})
SELECT * FROM calls OFFSET length({})
SELECT count(*) FROM calls GROUP BY {}
SELECT count(*) FROM calls GROUP BY GROUPING SETS ((id), ({}))
SELECT count(*) FROM calls GROUP BY id HAVING {} = 'a'
SELECT count(*) FILTER (WHERE {} = 'a') FROM calls
SELECT list(id ORDER BY {}) FROM calls
SELECT sum(1) OVER (ORDER BY {}) FROM calls
SELECT sum(1) OVER (PARTITION BY {}) FROM calls
SELECT sum(1) OVER (ROWS length({}) PRECEDING) FROM calls
SELECT lag(id, 1, {}) OVER () FROM calls
SELECT sum(1) OVER w FROM calls WINDOW w AS (ORDER BY {})
SELECT id FROM calls QUALIFY row_number() OVER (ORDER BY {}) = 1
SELECT DISTINCT ON ({}) id FROM calls
SELECT * FROM calls a JOIN calls b ON a.id = {}
SELECT * FROM calls, LATERAL (SELECT {})
SELECT * FROM (VALUES ({}))
SELECT * FROM unnest([{}])
SELECT * FROM range(length({}))
SELECT * FROM videsk.calls(since := {})
SELECT * FROM videsk.form({})
SELECT * REPLACE ({} AS id) FROM calls
SELECT COLUMNS(c -> c = {}) FROM calls
SELECT CASE {} WHEN 'a' THEN 1 END
SELECT CASE WHEN true THEN 1 ELSE length({}) END
SELECT CAST({} AS VARCHAR)
SELECT {}::VARCHAR
SELECT [{}]
SELECT [x || {} FOR x IN ['a']]
SELECT list_transform(['a'], x -> {})
SELECT {{'a': {}}}
SELECT MAP {{'a': {}}}
SELECT {} COLLATE nocase
SELECT (SELECT {})
SELECT ARRAY(SELECT {})
SELECT coalesce(NULL, {})
SELECT INTERVAL (length({})) DAY
SELECT ['a'][length({})]
SELECT 'a' = ANY (SELECT {})
WITH a AS (SELECT {}) SELECT 1
WITH a AS MATERIALIZED (SELECT {}) FROM a
WITH RECURSIVE r AS (SELECT {} AS a UNION ALL SELECT a FROM r) FROM r
SELECT 1 UNION ALL SELECT length({})
SELECT 1 EXCEPT SELECT length({})
DESCRIBE SELECT {}
SUMMARIZE SELECT {}
EXPLAIN SELECT {}
EXPLAIN ANALYZE SELECT {}
FROM (SELECT {} AS a, 1 AS b) PIVOT (sum(b) FOR a IN ('x'))
FROM (SELECT 1 AS a) PIVOT (max({}) FOR a IN ('x'))
FROM (SELECT 1 AS a, 2 AS b) UNPIVOT (v FOR n IN (a, b)) WHERE {} = 'a'
(SELECT {})
""".strip().splitlines()
FUNCTIONS = [
    "current_setting('threads')",
    "CURRENT_SETTING('threads')",
    "\"current_setting\"('threads')",
    "main.current_setting('threads')",
    "system.main.current_setting('threads')",
    "'threads'.current_setting()",
    "current_setting /* a */ ('threads')",
]
TABLES = ["read_text('/a')", "'/a.csv'", '"/a.csv"', "duckdb_secrets()", "pg_settings", "query('SELECT 1')"]


@pytest.mark.parametrize("place", PLACES)
def test_a_function_is_found_wherever_it_stands(gate: Gate, place: str) -> None:
    # What does not parse is refused too, and would prove nothing.
    with pytest.raises(Refused, match="the function current_setting is not allowed"):
        gate.check(place.format(FUNCTIONS[0]))
    for function in FUNCTIONS[1:]:
        with pytest.raises(Refused):
            gate.check(place.format(function))


@pytest.mark.parametrize("place", [place for place in PLACES if "SELECT {}" in place])
@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_found_wherever_it_stands(gate: Gate, place: str, table: str) -> None:
    with pytest.raises(Refused, match=r"no table|table function"):
        gate.check(place.format(f"(SELECT max(x) FROM {table} AS t(x))"))


def test_a_name_of_with_hides_nothing(gate: Gate) -> None:
    gate.check("WITH a AS (SELECT 1) FROM a")
    for sql in (
        "WITH pg_settings AS (SELECT 1) FROM (FROM pg_settings)",
        "FROM (WITH duckdb_logs AS (SELECT 1) FROM duckdb_logs), duckdb_logs",
        "WITH a AS (SELECT 1) FROM main.a",
        "WITH a AS (SELECT 1) FROM a, b",
    ):
        with pytest.raises(Refused, match="no table"):
            gate.check(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM other.main.calls",
        "FROM other.es.llamadas",
        "FROM other.calls",
        "FROM main.other.calls",
        "FROM other.calls(since := '2026-01-01')",
        "FROM other.main.calls(since := '2026-01-01')",
        "FROM other.main.range(3)",
        "FROM calls(since := '2026-01-01')",
        "FROM pg_catalog.pg_settings",
        "FROM system.pg_catalog.pg_settings",
        "FROM main.duckdb_logs",
        "FROM pg_catalog.duckdb_tables",
    ],
)
def test_names_of_others(gate: Gate, sql: str) -> None:
    with pytest.raises(Refused, match=r"no table|table function"):
        gate.check(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 --EXPLAIN \n, getenv('HOME')",
        "SELECT 1 -- explain  analyze \n; CALL quack_stop('a')",
        "-- EXPLAIN\nSELECT getenv('HOME')",
        "--\rEXPLAIN \nSELECT getenv('HOME')",
        "/* /* */ EXPLAIN */ SELECT getenv('HOME')",
        "SELECT $$ $EXPLAIN $ $$, getenv('HOME') --$ $$",
        "EXPLAIN -- EXPLAIN \n DROP VIEW calls",
        "EXPLAIN ANALYZE EXPLAIN SELECT 1",
        "SELECT 1\0, getenv('HOME')",
    ],
)
def test_a_word_in_a_comment_ends_no_comment(gate: Gate, sql: str) -> None:
    with pytest.raises(Refused):
        gate.check(sql)


def test_what_is_explained_may_have_comments_before_it(gate: Gate) -> None:
    gate.check("-- a\r\n/* b\n */\tEXPLAIN\n\tANALYZE\n-- c\nSELECT 'EXPLAIN '")
    gate.check("SELECT 'EXPLAIN ' -- EXPLAIN \n, 1 /* EXPLAIN */")


@pytest.mark.parametrize("file", ["/a.csv", "https://a.b/c.parquet", "a.JSON", "x.db"])
def test_a_name_of_with_stands_for_no_file(gate: Gate, file: str) -> None:
    """Outside of the statement that the WITH belongs to, the name is a file's."""
    with pytest.raises(Refused, match="no table"):
        gate.check(f'FROM (WITH "{file}" AS (SELECT 1) SELECT 1), "{file}"')


@pytest.mark.parametrize("sql", ["", ";", "-- nothing", "SELECT 1; SELECT 2", "SELEC", "SELECT $1", "SELECT ?", "\0"])
def test_no_statement_or_several_or_with_parameters(gate: Gate, sql: str) -> None:
    with pytest.raises(Refused):
        gate.check(sql)


def test_too_long(gate: Gate) -> None:
    with pytest.raises(Refused, match="longer"):
        gate.check(f"SELECT '{'a' * 100_000}'")


@pytest.mark.parametrize("signs", ["+" * 4_000, "+-" * 2_000, f"{'+' * 150} 1 " * 20])
def test_rows_of_signs(gate: Gate, signs: str) -> None:
    gate.check(f"SELECT 1 {'+' * 40} 1 -- {'-' * 4_000}")
    with pytest.raises(Refused, match="long rows of plus signs"):
        gate.check(f"SELECT 1 {signs} 1")


@pytest.mark.parametrize("comments", ["/**/", "/*"])
def test_too_many_comments(gate: Gate, comments: str) -> None:
    """Within others or one after the other, so many keep DuckDB 1.5 for long, and all other clients' statements wait."""
    with pytest.raises(Refused, match="more than 500 comments"):
        gate.check(f"SELECT 1 {comments * 24_000}")
    gate.check(f"SELECT 1 {'/**/' * 500}")


def test_no_function_of_this_duckdb_does_what_is_refused(gate: Gate) -> None:
    with duckdb.connect() as con:
        listed = con.execute(
            "SELECT DISTINCT lower(function_name), macro_definition, has_side_effects FROM duckdb_functions() "
            "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
        ).fetchall()
    refused = {name for name, _, _ in listed if not passes(gate, f'SELECT "{name}"()')}
    assert {"getenv", "sleep_ms", "pg_sleep", "nextval", "currval", "setval", "current_query"} & {
        name for name, _, _ in listed
    } <= refused
    let_through = [(name, does or "", volatile) for name, does, volatile in listed if name not in refused]
    assert len(let_through) > 500
    calling = {name: set(re.findall(r'(\w+)"?\s*\(', does)) & refused for name, does, _ in let_through}
    assert {name: called for name, called in calling.items() if called} == {}
    # What is not the same each time either draws lots or has an effect.
    drawing = {"random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"}
    assert {name for name, _, volatile in let_through if volatile} <= drawing | {"error", "vector_type"}


@pytest.mark.parametrize(
    "call", ["pg_sleep(1)", "pg_catalog.pg_sleep(1)", "SETVAL('s', 1)", "get_block_size('videsk')"]
)
def test_what_waits_writes_or_tells_by_another_name(gate: Gate, call: str) -> None:
    with pytest.raises(Refused, match="is not allowed"):
        gate.check(f"SELECT {call}")


def passes(gate: Gate, sql: str) -> bool:
    try:
        gate.check(sql)
    except Refused:
        return False
    return True
