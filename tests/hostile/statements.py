"""SQL of every shape, of harmless pieces alone or of harmful ones too, whole or damaged.

All choices are made by a `random.Random`: hypothesis gives one that it can shrink.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random


def _listed(text: str) -> list[str]:
    """The pieces of a text, which stand on lines or two blanks apart."""
    return re.split(r"\n| {2,}", text.strip())


_PLAIN_TABLES = _listed(r"""
calls  main.calls  videsk.calls  videsk.main.calls  es.llamadas  memory.main.calls  videsk.es.llamadas  range(3)
generate_series(1, 3)  unnest([1, 2])  duckdb_tables()  duckdb_columns  information_schema.tables
pg_catalog.pg_class  videsk.calls(since := '2026-01-02', until := '2026-01-03')  videsk.form('f1')
(VALUES (1), (2))  json_each('[1]')
""")
_PLAIN_VALUES = _listed(r"""
1  -2.5  'a'  NULL  true  $$ it's; -- EXPLAIN $$  $q$ $1 $q$  DATE '2026-01-01'  INTERVAL 1 DAY  [1, 2]  {'a': 1}
MAP {'a': 1}  'EXPLAIN '  '/*'  '--'  '; DROP VIEW calls'  "x"  now()  current_date  random()  E'\n'  x'00'  'İK'
count(*)  sum(1) OVER ()
""")
_PLAIN_SHAPES = (
    *(
        "({e})",
        "{e} + {e}",
        "{e} = {e}",
        "CASE WHEN {e} THEN {e} END",
        "coalesce({e}, {e})",
        "length({e})",
        "{e}::TEXT",
    ),
    *(
        "{e} IN ({e})",
        "(SELECT {e})",
        "EXISTS ({s})",
        "[{e}]",
        "list_transform([{e}], x -> {e})",
        "TRY_CAST({e} AS INT)",
    ),
    *(
        "{e} IS NOT NULL",
        "{e} AND NOT {e}",
        "[y FOR y IN [{e}]]",
        "max({e}) FILTER (WHERE {e})",
        "{e} BETWEEN {e} AND {e}",
    ),
    *("lag({e}) OVER (ORDER BY {e})", "'a' || {e}", "{e} LIKE {e}", "struct_pack(k := {e})", "({s})"),
)
_PLAIN_SOURCES = (
    *("({s})", "({s}) AS d(x)", "{t} AS x", "{t}, {t}", "{t} JOIN {t} ON true", "{t} POSITIONAL JOIN {t}"),
    *("{t}, LATERAL (SELECT {e})", "(DESCRIBE {s})", "(SHOW TABLES)", "{t} TABLESAMPLE 50%"),
    "{t} SEMI JOIN {t} ON {e}",
)
_PLAIN_QUERIES = (
    *("SELECT {e}", "SELECT {e} AS x FROM {t}", "FROM {t}", "SELECT * FROM {t} WHERE {e}", "VALUES ({e})"),
    *("SELECT {e} FROM {t} GROUP BY ALL HAVING {e}", "FROM {t} ORDER BY {e} LIMIT 3", "{s} UNION ALL {s}"),
    *("WITH w AS ({s}) FROM w", "WITH w AS MATERIALIZED ({s}), v AS (FROM w) SELECT {e} FROM v", "({s})"),
    *("SELECT DISTINCT ON ({e}) * FROM {t}", "SELECT COLUMNS(*) FROM {t}", "SELECT * REPLACE ({e} AS id) FROM calls"),
    *("FROM {t} SELECT {e} QUALIFY row_number() OVER () = 1", "SELECT x FROM {t} EXCEPT SELECT {e}"),
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION SELECT a % 3 + 1 FROM r) FROM r",
)
_PLAIN_STATEMENTS = (
    "{s}",
    "{s}",
    "{s}",
    "{s};",
    "EXPLAIN {s}",
    "EXPLAIN ANALYZE {s}",
    "DESCRIBE {s}",
    "SUMMARIZE {s}",
)

# In these {f} stands for a file with the secret, {d} for its folder.
_BAD_TABLES = _listed(r"""
read_csv('{f}.csv')  read_text('{f}.csv')  read_blob('{d}/*')  glob('{d}/*')  '{f}.csv'  "{f}.csv"  main."{f}.csv"
'{f}.json'  read_json_auto('{f}.json')  read_parquet('{f}.parquet')  '{f}.parquet'  sniff_csv('{f}.csv')
parquet_schema('{f}.parquet')  query('FROM ''{f}.csv''')  query_table('other.secret')  query_table(['secret'])
other.secret  other.main.secret  system.main.duckdb_settings  duckdb_settings()  duckdb_secrets()  duckdb_secrets
duckdb_variables()  pg_settings  duckdb_settings  quack_stop('x')  duckdb_logs
json_execute_serialized_sql(json_serialize_sql('FROM other.secret'))  histogram('other.secret', 'secret')
read_duckdb('{f}.duckdb')  pragma_table_info('other.secret')  'https://127.0.0.1:1/a.csv'  checkpoint()
force_checkpoint()  enable_logging()  summary(other.secret)  test_all_types()  duckdb_temporary_files()
duckdb_extensions()  seq_scan('secret')  pandas_scan(1)  pragma_database_size()  duckdb_memory()
""")
_BAD_VALUES = _listed(r"""
getenv('CANARY')  "getenv"('CANARY')  'CANARY'.getenv()  current_setting('http_proxy_username')  getvariable('canary')
nextval('other.counter')  setseed(1)  write_log('x')  json_serialize_sql('x')  current_query()  txid_current()
main.getenv('CANARY')  GETENV /* */ ('CANARY')  setval('other.counter', 9)  pg_sleep(0)
json_serialize_plan('FROM other.secret')  system.main.getenv('CANARY')  getenv(chr(67) || 'ANARY')
""")
_BAD_QUERIES = (
    *("PIVOT {t} ON {e}", "TABLE {t}", 'FROM (WITH "{f}.csv" AS ({s}) {s}), "{f}.csv"', "SHOW {t}", "SELECT $1"),
    *(
        "WITH duckdb_settings AS ({s}) FROM duckdb_settings",
        "WITH w AS (DELETE FROM other.secret RETURNING *) FROM w",
    ),
    *('WITH "secret" AS ({s}) FROM (FROM "secret")', "WITH w AS (INSERT INTO other.secret VALUES ('x')) {s}"),
    *("FROM {t} AT (VERSION => {e})", "SELECT {e} INTO x FROM {t}", "SHOW ALL TABLES FROM {t}"),
)
_BAD_STATEMENTS = (
    *(
        "COPY ({s}) TO '{d}/new.csv'",
        "COPY other.secret FROM '{f}.csv'",
        "ATTACH '{d}/new.duckdb'",
        "ATTACH ':memory:' AS m",
    ),
    *(
        "DETACH other",
        "USE other",
        "EXPORT DATABASE '{d}/all'",
        "IMPORT DATABASE '{d}'",
        "INSTALL spatial",
        "LOAD httpfs",
    ),
    *("PRAGMA enable_profiling", "PRAGMA threads = 1", "SET threads = 1", "SET VARIABLE canary = 1", "RESET threads"),
    *(
        "CALL quack_stop('x')",
        "CALL enable_logging()",
        "CALL pragma_version()",
        "CREATE TABLE n AS {s}",
        "DROP VIEW calls",
    ),
    *(
        "CREATE OR REPLACE VIEW calls AS {s}",
        "CREATE MACRO m() AS ({e})",
        "CREATE OR REPLACE TEMP MACRO length(a) AS ({e})",
    ),
    *(
        "PREPARE p AS {s}",
        "EXECUTE p",
        "BEGIN",
        "CHECKPOINT",
        "INSERT INTO other.secret {s}",
        "DELETE FROM other.secret",
    ),
    *(
        "UPDATE other.secret SET secret = {e}",
        "TRUNCATE other.secret",
        "CREATE SECRET (TYPE http)",
        "DROP SECRET canary",
    ),
    *(
        "CREATE TYPE ty AS ENUM ('a')",
        "CREATE SEQUENCE sq",
        "ALTER TABLE other.secret ADD COLUMN b INT",
        "VACUUM",
        "ANALYZE",
    ),
    *(
        "COMMENT ON VIEW calls IS 'x'",
        "EXPLAIN ANALYZE COPY ({s}) TO '{d}/new.csv'",
        "EXPLAIN ANALYZE DELETE FROM other.secret",
    ),
    *(
        "EXPLAIN (ANALYZE, FORMAT json) {s}",
        "EXPLAIN EXPLAIN {s}",
        "{s}; {s}",
        "SELECT 1; COPY ({s}) TO '{d}/new.csv'",
    ),
    *(
        "SELECT 1 --EXPLAIN \n, {e}",
        "SELECT 1 --{b}\n; {x}",
        "/* {b} */ {x}",
        "SELECT 1 /* {b} /* */ {x} */",
        "{b} {x}",
    ),
    *(
        "-- {b}\r{x}",
        "SELECT 'a{b}' , {e}",
        "SELECT $${b}$$, {e}",
        "SELECT 1\0; {x}",
        "MERGE INTO other.secret USING {t} ON true",
    ),
)
_BAITS = (
    "EXPLAIN ",
    "EXPLAIN ANALYZE ",
    "EXPLAIN\n",
    "explain  analyze\t",
    "--",
    "/*",
    "*/",
    "$$",
    "'",
    '"',
    ";",
    "\0",
)
_ENVELOPES = (
    ("--", "\n"),
    ("--", "\r"),
    ("/*", "*/"),
    ("/* /*", "*/ */"),
    ("'", "'"),
    ("$$", "$$"),
    ("$a$", "$a$"),
    ('"', '"'),
)
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_ODD = (
    *(
        "\0",
        ";",
        "--",
        "/*",
        "*/",
        "'",
        '"',
        "$$",
        "$a$",
        "(",
        ")",
        "\n",
        "\r",
        "\v",
        "\f",
        "\x1c",
        "\x85",
        "\u00a0",
        "\u2028",
    ),
    *(
        "\u3000",
        "\ufeff",
        "\u200b",
        "\uff1b",
        "\u037e",
        "\u2019",
        "\u201c",
        "\u212a",
        "\u0130",
        "\\",
        "\x1b",
        "EXPLAIN ",
        "EXPLAIN\n",
    ),
)
_LOOK_ALIKE = str.maketrans(
    {"a": "а", "e": "е", "k": "\u212a", "i": "ı", ";": "\uff1b", "'": "\u2019", " ": "\u00a0"}
)
_BLANKS = (" ", " ", " ", "\n", "\t", "\r\n", " /* EXPLAIN  */ ", " -- EXPLAIN \n", " /* ; */ ")
_DEEPEST = 3


class Statements:
    """Draws statements.

    Args:
        random: makes all choices.
        file, folder: paths for the harmful pieces.
        harm: how often a piece is a harmful one.
    """

    def __init__(self, random: Random, file: str, folder: str, *, harm: float) -> None:
        self._random = random
        self._file = file
        self._folder = folder
        self._harm = harm

    def statement(self) -> str:
        return self._filled(self._one(_PLAIN_STATEMENTS, _BAD_STATEMENTS), 0)

    def respelled(self, sql: str) -> str:
        """The same with other blanks, comments and cases, where that says the same."""
        random = self._random
        parts = re.split(r"('[^']*'|\$\$.*?\$\$|\$q\$.*?\$q\$|\"[^\"]*\"|--[^\n]*\n|/\*.*?\*/)", sql, flags=re.DOTALL)
        for place in range(0, len(parts), 2):
            blank = re.sub(" ", lambda _: random.choice(_BLANKS), parts[place])
            parts[place] = blank if random.random() < 0.7 else blank.upper()
        return "".join(parts)

    def damaged(self, sql: str) -> str:
        """With words lost, doubled, swapped, looking alike, and odd characters between them."""
        random = self._random
        words = _WORD.findall(sql)
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(words) or 1)
            action = random.randrange(5)
            if action == 0:
                words[place : place + 1] = []
            elif action == 1:
                words[place:place] = [random.choice(_ODD)]
            elif action == 2:
                words[place : place + 1] = [word.translate(_LOOK_ALIKE) for word in words[place : place + 1]]
            elif action == 3:
                words[place:place] = random.choices(words or [""], k=2)
            else:
                words[place:place] = [random.choice(_BAITS)]
        return "".join(words)

    def baited(self) -> str:
        """With a comment or a text that whoever judges the statement may see end elsewhere than DuckDB does."""
        random = self._random
        before, after = random.choice(_ENVELOPES)
        bait = "".join(random.choices(_BAITS, k=random.randint(1, 2)))
        hidden = random.choice((", {e}", "; {x}", " UNION ALL SELECT {e}", " FROM {t}", " {x}"))
        opening = self._filled(random.choice(("SELECT 1", "SELECT 1", "{s}", "EXPLAIN {s}", "")), 0)
        usual, self._harm = self._harm, 1.0
        sql = f"{opening} {before}{bait}{after}{self._filled(hidden, _DEEPEST)}"
        self._harm = usual
        return sql

    def _one(self, plain: Sequence[str], bad: Sequence[str]) -> str:
        return self._random.choice(bad if self._random.random() < self._harm else plain)

    def _filled(self, shape: str, depth: int) -> str:
        return re.sub(r"\{([estbxfd])\}", lambda found: self._piece(found[1], depth + 1), shape)

    def _piece(self, kind: str, depth: int) -> str:
        random = self._random
        if kind == "f":
            return self._file
        if kind == "d":
            return self._folder
        if kind == "b":
            return random.choice(_BAITS)
        if kind == "x":
            return self._filled(random.choice(_BAD_STATEMENTS[:40]), depth)
        deep = depth > _DEEPEST or random.random() < 0.4
        if kind == "e":
            chosen = self._one(_PLAIN_VALUES, _BAD_VALUES) if deep else random.choice(_PLAIN_SHAPES)
        elif kind == "t":
            chosen = self._one(_PLAIN_TABLES, _BAD_TABLES) if deep else random.choice(_PLAIN_SOURCES)
        else:
            chosen = "SELECT 1 AS x" if depth > _DEEPEST else self._one(_PLAIN_QUERIES, _BAD_QUERIES)
        # A value is a text of its own: only shapes have gaps, and harmful pieces those of paths.
        return chosen if chosen in _PLAIN_VALUES else self._filled(chosen, depth)
