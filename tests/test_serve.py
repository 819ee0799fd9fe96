"""`videsk serve`: what a client can do, what it can't however it tries, and how the server starts, logs and stops."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from duckdb_videsk.cli import main
from duckdb_videsk.errors import ConfigError
from duckdb_videsk.server import Limits, Server, free_port
from duckdb_videsk.service import log_line, service_token
from duckdb_videsk.settings import Token, load_settings
from duckdb_videsk.simulator import Behaviour, Records, Simulator
from served import API_TOKEN, COMMAND, HAS_EXTRA, ROWS, WITHOUT_EXTRA, account, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason=WITHOUT_EXTRA)
KEY = "client-token-of-thirty-letters"


class Told:
    """What the server told of each statement."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str | None]] = []

    def __call__(self, session: str, sql: str, refused: str | None) -> None:
        self.lines.append((session, sql, refused))


@contextlib.contextmanager
def serving(limits: Limits | None = None, told: Any = None, **behaviour: Any) -> Iterator[tuple[Server, Simulator]]:
    with Simulator(Records({"calls": ROWS}), behaviour=Behaviour(**behaviour), token=API_TOKEN) as simulator:
        settings = load_settings(
            token=API_TOKEN, base_url=simulator.url, time_zone="America/Santiago", cache_dir="none", progress=False
        )
        more = {"told": told} if told else {}
        with Server(settings, token=Token(KEY), port=free_port(), limits=limits, **more) as server:
            yield server, simulator


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def server(told: Told) -> Iterator[Server]:
    with serving(told=told) as (server, _):
        yield server


@pytest.fixture(scope="module")
def con(server: Server) -> Iterator[duckdb.DuckDBPyConnection]:
    with client(server.uri, KEY) as connection:
        yield connection


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return con.execute("FROM videsk.query(?)", [sql]).fetchall()


# --- what it is for


@needs_extra
@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-03-17'", [(16,)]),
        ("SELECT count(*) FROM calls", [(400,)]),
        ('WITH a AS (FROM videsk.es.llamadas) SELECT DISTINCT "Agente" FROM a ORDER BY 1', [("Añá",), ("Bruno",)]),
        ("SELECT count(*) FROM videsk.calls(since := '2026-03-02', until := '2026-03-03')", [(24,)]),
        ("SELECT count(*) FROM videsk.en.calls(until := '2026-03-02')", [(24,)]),
        ("SELECT strftime(TIMESTAMPTZ '2026-03-01 12:00:00+00', '%H')", [("09",)]),
        ("SELECT agent, row_number() OVER (ORDER BY agent) FROM videsk.calls LIMIT 1", [("Añá", 1)]),
        (
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'comments' AND schema_name = 'main' LIMIT 1",
            None,
        ),
        ("DESCRIBE videsk.calls", None),
        ("SHOW ALL TABLES", None),
        ("EXPLAIN FROM videsk.calls", None),
        ("SELECT table_name FROM information_schema.tables", None),
    ],
)
def test_a_client_reads(con: duckdb.DuckDBPyConnection, sql: str, answer: list[Any] | None) -> None:
    found = ask(con, sql)
    assert found
    assert answer is None or found == answer


@needs_extra
def test_tables_as_tables(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE OR REPLACE TABLE mine AS SELECT 'Bruno' AS agent")
    assert con.execute("SELECT count(*) FROM videsk.calls SEMI JOIN mine USING (agent)").fetchone() == (200,)
    assert con.execute('SELECT count("Agente") FROM videsk.es.llamadas').fetchone() == (400,)


# --- what it must not do

SECRET = "a secret of the server, in a file"
ATTACKS = """
COPY (SELECT 1) TO '{folder}/out.csv'
COPY videsk.calls TO '{folder}/out.parquet' (FORMAT parquet)
COPY (SELECT 1) TO '{folder}/secret.txt'
EXPORT DATABASE '{folder}/all'
IMPORT DATABASE '{folder}'
ATTACH '{folder}/new.duckdb' AS n
ATTACH ':memory:' AS n
DETACH videsk
USE videsk
INSTALL spatial
LOAD httpfs
FORCE INSTALL httpfs
CREATE SECRET (TYPE http, BEARER_TOKEN 'x')
CREATE PERSISTENT SECRET s (TYPE quack, TOKEN 'xxxx')
DROP SECRET s
FROM duckdb_secrets()
FROM duckdb_secrets(redact := false)
FROM which_secret('quack:127.0.0.1', 'quack')
PRAGMA version
PRAGMA database_list
PRAGMA enable_profiling
PRAGMA table_info('calls')
CALL pragma_version()
CALL duckdb_secrets()
SET threads = 1
SET VARIABLE a = 1
SET GLOBAL quack_authorization_function = 'quack_nop_authorization'
RESET GLOBAL quack_authorization_function
SET GLOBAL quack_authentication_function = 'quack_nop_authorization'
SET enable_external_access = true
SET lock_configuration = false
SELECT current_setting('quack_authorization_function')
SELECT current_setting('home_directory')
SELECT getvariable('a')
FROM duckdb_settings()
FROM pg_catalog.pg_settings
FROM pg_settings
WITH pg_settings AS (SELECT 1) FROM (SELECT 1) SEMI JOIN (FROM pg_settings) ON true
SHOW VARIABLES
FROM duckdb_variables()
FROM duckdb_extensions()
FROM duckdb_logs
FROM duckdb_logs()
CALL enable_logging('QueryLog')
SELECT write_log('x')
FROM duckdb_temporary_files()
FROM duckdb_prepared_statements()
FROM read_csv('{folder}/secret.txt')
FROM read_text('{folder}/secret.txt')
FROM read_blob('{folder}/secret.txt')
FROM read_json('{folder}/secret.txt')
FROM read_json_objects('{folder}/secret.txt')
FROM read_parquet('{folder}/secret.txt')
FROM parquet_metadata('{folder}/secret.txt')
FROM sniff_csv('{folder}/secret.txt')
FROM read_duckdb('{folder}/secret.txt')
FROM '{folder}/secret.txt'
FROM "{folder}/secret.txt"
FROM main."{folder}/secret.txt"
FROM glob('{folder}/*')
FROM 'https://example.com/x.csv'
FROM read_csv('https://example.com/x.csv')
SELECT getenv('VIDESK_API_TOKEN')
SELECT main.getenv('VIDESK_API_TOKEN')
SELECT 'VIDESK_API_TOKEN'.getenv()
SELECT list_transform(['HOME'], x -> getenv(x))
SELECT (SELECT getenv('HOME'))
SELECT * FROM videsk.calls(since := getenv('HOME'))
FROM videsk.calls ORDER BY getenv('HOME')
FROM videsk.calls LIMIT (SELECT length(current_setting('threads')))
SELECT CASE WHEN true THEN getenv('HOME') END
SELECT sum(1) FILTER (WHERE getenv('HOME') = '')
SELECT count(*) OVER (ORDER BY getenv('HOME'))
SELECT COLUMNS(x -> getenv(x) = '') FROM videsk.calls
VALUES (getenv('HOME'))
DESCRIBE SELECT * FROM read_text('{folder}/secret.txt')
SUMMARIZE SELECT * FROM read_text('{folder}/secret.txt')
EXPLAIN ANALYZE SELECT * FROM read_text('{folder}/secret.txt')
EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/out.csv'
EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{folder}/out.csv'
EXPLAIN EXPLAIN SELECT 1
CREATE TABLE t (i INT)
CREATE TEMP TABLE t (i INT)
CREATE TABLE videsk.t (i INT)
CREATE VIEW v AS SELECT 1
CREATE OR REPLACE VIEW main.calls AS SELECT 1
CREATE MACRO m() AS 1
CREATE OR REPLACE MACRO videsk_may_run(a, b) AS true
CREATE SCHEMA s
CREATE TYPE ty AS ENUM ('a')
CREATE SEQUENCE sq
INSERT INTO calls VALUES (1)
UPDATE calls SET id = 1
DELETE FROM calls
TRUNCATE calls
MERGE INTO calls USING (SELECT 1) ON true WHEN MATCHED THEN DELETE
ALTER VIEW calls RENAME TO c
DROP VIEW main.calls
DROP VIEW videsk.main.calls
DROP SCHEMA es CASCADE
DROP MACRO videsk.main.calls
COMMENT ON VIEW main.calls IS 'x'
WITH x AS (SELECT 1) INSERT INTO calls SELECT * FROM x
FROM query('SELECT 1')
FROM query('COPY (SELECT 1) TO ''{folder}/out.csv''')
FROM query_table('calls')
FROM query_table(['duckdb_secrets'])
FROM histogram('pg_settings', 'name')
FROM json_execute_serialized_sql('x')
PRAGMA json_execute_serialized_sql('x')
SELECT json_serialize_plan('SELECT 1')
FROM quack_query('quack:127.0.0.1:1', 'SELECT 1', token := 'x')
FROM quack_query_by_name('videsk', 'SELECT 1')
CALL quack_serve('quack:127.0.0.1:19999', token := 'other')
FROM quack_serve('quack:127.0.0.1:19999', token := 'other')
CALL quack_stop('quack:127.0.0.1:1')
FROM quack_stop('quack:127.0.0.1:1')
FROM quack_active_connections()
FROM quack_server_list()
SELECT quack_check_token('a', 'b', 'c')
SELECT videsk_may_run('a', 'b')
SELECT videsk_wide('a', 'b', 'c', 'd')
FROM whoami()
FROM arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)
FROM arrow_scan_dumb(1, 2, 3)
FROM pandas_scan(1)
FROM python_map_function(1, 2)
FROM seq_scan('calls')
FROM told
SELECT 1; SELECT 2
SELECT 1; COPY (SELECT 1) TO '{folder}/out.csv'
SELECT 1; -- and
SELECT 1 /* */; DROP VIEW main.calls
PREPARE p AS COPY (SELECT 1) TO '{folder}/out.csv'
EXECUTE p
DEALLOCATE p
BEGIN
BEGIN TRANSACTION
COMMIT
ROLLBACK
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
SELECT sleep_ms(100000)
SELECT nextval('sq')
SELECT current_query()
SELECT $1
PIVOT (FROM read_text('{folder}/secret.txt')) ON filename
FROM videsk.form('a'' UNION ALL FROM read_text(''{folder}/secret.txt'') --')
FROM videsk.form((SELECT content FROM read_text('{folder}/secret.txt')))
SELECT catalog_id()
FROM other.main.calls
FROM system.main.duckdb_settings
SELEC

""".strip("\n").splitlines()
ATTACKS += [
    "SELECT 1 --EXPLAIN \n; DROP VIEW main.calls",
    "SELECT 1 --EXPLAIN \n; CALL quack_stop('{uri}')",
    "SELECT 1 --EXPLAIN \n FROM duckdb_secrets()",
    "SELECT 1\0; DROP VIEW main.calls",
]
HARMLESS = {"SELECT 1; -- and"}


@needs_extra
@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(con: duckdb.DuckDBPyConnection, server: Server, tmp_path: Path, attack: str) -> None:
    (tmp_path / "secret.txt").write_text(SECRET, "utf-8")
    if attack in HARMLESS:
        assert ask(con, attack) == [(1,)]
        return
    with pytest.raises(duckdb.Error) as caught:
        ask(con, attack.format(folder=tmp_path, uri=server.uri))
    assert SECRET not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]
    assert (tmp_path / "secret.txt").read_text("utf-8") == SECRET
    assert ask(con, "SELECT count(*) FROM main.calls") == [(400,)]


@needs_extra
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE videsk.t (i INT)",
        "CREATE TABLE videsk.t AS SELECT 1 AS i",
        "CREATE SCHEMA videsk.s",
        "CREATE OR REPLACE VIEW videsk.v AS SELECT 1",
        "INSERT INTO videsk.calls SELECT 1",
        "INSERT INTO videsk.main.requests VALUES (1)",
        "DROP VIEW videsk.calls",
        "DELETE FROM videsk.calls",
        "UPDATE videsk.calls SET id = ''",
        "COPY videsk.calls FROM '/dev/null'",
        "COMMENT ON VIEW videsk.calls IS 'x'",
    ],
)
def test_writing_through_the_attached_catalog(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        con.execute(statement).fetchall()
    with contextlib.suppress(duckdb.Error):
        con.execute("ROLLBACK")
    assert ask(con, "SELECT count(*) FROM calls") == [(400,)]
    assert ask(con, "SELECT count(*) FROM duckdb_tables()") == [(0,)]


@needs_extra
def test_nothing_that_a_client_can_read_holds_a_secret(con: duckdb.DuckDBPyConnection) -> None:
    for source in (
        "duckdb_views()",
        "duckdb_databases()",
        "duckdb_functions()",
        "videsk.requests",
        "duckdb_columns()",
    ):
        text = str(ask(con, f"FROM {source}"))
        assert API_TOKEN not in text
        assert KEY not in text


@needs_extra
def test_the_walls_behind_the_gate() -> None:
    """Should the gate ever let something through, the database itself refuses."""
    with serving() as (server, _):
        inside = server._connection.native.cursor()
        for attack in (
            "COPY (SELECT 1) TO 'out.csv'",
            "FROM read_text('/etc/hostname')",
            "FROM glob('/*')",
            "ATTACH '/tmp/x.duckdb'",
            "LOAD spatial",
            "INSTALL spatial",
            "SET enable_external_access = true",
            "SET lock_configuration = false",
            "SET GLOBAL quack_authorization_function = 'quack_nop_authorization'",
            "CREATE PERSISTENT SECRET s (TYPE quack, TOKEN 'xxxx')",
            "FROM server",
        ):
            with pytest.raises(duckdb.Error):
                inside.execute(attack).fetchall()
        assert inside.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
        inside.close()


@needs_extra
def test_rows_sent_beside_sql_are_refused_too() -> None:
    """Quack has a message that appends rows to a table, without a statement. The catalog has no table; with one:"""
    with serving() as (server, _):
        server._connection.native.cursor().execute("CREATE TABLE there (i INT)").close()
        with client(server.uri, KEY) as connection:
            with pytest.raises(duckdb.Error, match="Authorization failed"):
                connection.execute("INSERT INTO videsk.there SELECT 1")
            with pytest.raises(duckdb.Error):
                ask(connection, "FROM there")
        inside = server._connection.native.cursor()
        assert inside.execute("SELECT count(*) FROM there").fetchone() == (0,)
        inside.close()


@needs_extra
@pytest.mark.parametrize("token", ["", "guess-guess-guess-guess", KEY[:-1], KEY + "x", KEY.upper()])
def test_a_wrong_token(token: str) -> None:
    with serving() as (server, _), pytest.raises(duckdb.Error, match=r"(?i)authenti|token"):
        client(server.uri, token).close()


# --- limits


@needs_extra
def test_a_large_result_comes_in_parts_and_a_large_statement_not_at_all(con: duckdb.DuckDBPyConnection) -> None:
    assert len(ask(con, "FROM range(1_000_000)")) == 1_000_000
    with pytest.raises(duckdb.Error):
        ask(con, f"SELECT {'1 + ' * 50_000} 1")
    with pytest.raises(duckdb.Error):
        ask(con, f"SELECT {'(' * 20_000}1{')' * 20_000}")
    assert ask(con, "SELECT 1") == [(1,)]


@needs_extra
def test_so_many_queries_at_once_and_no_more() -> None:
    told = Told()
    with (
        serving(Limits(queries=1, seconds=60), told, latency_s=2.0, cap=5) as (server, simulator),
        client(server.uri, KEY) as first,
        client(server.uri, KEY) as second,
    ):
        slow = threading.Thread(target=finish, args=(first,))
        slow.start()
        wait_until(lambda: simulator.asked)
        with pytest.raises(duckdb.Error):
            ask(second, "SELECT 1")
        assert told.lines[-1][2] == "1 queries are under way already"
        server.interrupt()
        slow.join(20)
        assert not slow.is_alive()
        assert ask(second, "SELECT 1") == [(1,)]


def finish(con: duckdb.DuckDBPyConnection) -> None:
    with contextlib.suppress(duckdb.Error):
        ask(con, "SELECT count(*) FROM videsk.calls")


@needs_extra
def test_so_many_sessions_and_no_more() -> None:
    told = Told()
    with serving(Limits(sessions=3), told) as (server, _), contextlib.ExitStack() as open_clients:
        with pytest.raises(duckdb.Error, match="Authentication failed"):  # noqa: PT012 - which one depends on DuckDB
            for _ in range(4):
                ask(open_clients.enter_context(client(server.uri, KEY)), "SELECT 1")
        assert told.lines[-1][2] == "3 sessions are open already; a restart closes them"
        open_clients.close()
        with client(server.uri, KEY) as connection:
            assert ask(connection, "SELECT 1") == [(1,)]


@needs_extra
def test_a_scan_that_takes_too_long_is_stopped() -> None:
    with serving(Limits(seconds=1), latency_s=1.0, cap=5) as (server, _), client(server.uri, KEY) as connection:
        began = time.monotonic()
        with pytest.raises(duckdb.Error, match="interrupted"):
            ask(connection, "SELECT count(*) FROM videsk.calls")
        assert time.monotonic() - began < 8
        assert ask(connection, "SELECT 1") == [(1,)]


def wait_until(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- the command


@contextlib.contextmanager
def command(
    folder: Path, *options: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], int, Simulator]]:
    port = free_port()
    with account(folder, latency_s=float(environment.pop("latency", "0"))) as (simulator, known):
        child = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port), *options],
            env={**known, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            assert f"quack:127.0.0.1:{port}" in child.stdout.readline()
            yield child, port, simulator
        finally:
            child.kill()
            child.communicate()


@needs_extra
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_and_stop(tmp_path: Path, number: signal.Signals) -> None:
    with command(tmp_path) as (child, port, _):
        file = tmp_path / "videsk" / "serve.token"
        key = file.read_text("utf-8").strip()
        assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o600
        with client(f"quack:127.0.0.1:{port}", key) as connection:
            assert ask(connection, "SELECT count(*) FROM videsk.calls WHERE agent = 'Bruno'") == [(200,)]
            with pytest.raises(duckdb.Error):
                ask(connection, "CREATE SECRET (TYPE quack, TOKEN 'somebody-elses-token')")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        child.send_signal(number)
        out, err = child.communicate(timeout=20)
        assert child.returncode == 0
        assert "no new queries" in out
        lines = err.splitlines()
        assert any("runs: SELECT count(*) FROM videsk.calls WHERE agent = '…'" in line for line in lines)
        assert "refused: only SELECT" in lines[-1]
        for hidden in (key, API_TOKEN, "somebody-elses-token", "Bruno"):
            assert hidden not in out + err
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=2)


@needs_extra
def test_stopping_ends_the_scans_under_way(tmp_path: Path) -> None:
    with command(tmp_path, latency=30.0, VIDESK_SERVE_TOKEN=KEY) as (child, port, simulator):
        with client(f"quack:127.0.0.1:{port}", KEY) as connection:
            slow = threading.Thread(target=finish, args=(connection,))
            slow.start()
            wait_until(lambda: simulator.asked)
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=25)
            slow.join(25)
            assert not slow.is_alive()
        assert child.returncode == 0


@needs_extra
def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDESK_API_TOKEN", API_TOKEN)
    monkeypatch.setenv("VIDESK_SERVE_TOKEN", KEY)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    err = capsys.readouterr().err
    assert "Cannot serve on quack:127.0.0.1" in err
    assert KEY not in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "videsk.example.com"])  # noqa: S104 - to be refused
def test_no_address_of_others_without_tls(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("VIDESK_API_TOKEN", API_TOKEN)
    assert main(["serve", "--host", host]) == 2
    assert "--behind-tls" in capsys.readouterr().err


def test_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "token"
    made, where = service_token(file)
    assert (len(made.reveal()) >= 40, where) == (True, str(file))
    assert service_token(file)[0].reveal() == made.reveal()
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(0o640)
        with pytest.raises(ConfigError, match="chmod 600"):
            service_token(file)
    monkeypatch.setenv("VIDESK_SERVE_TOKEN", "short")
    with pytest.raises(ConfigError, match="24"):
        service_token(None)
    monkeypatch.setenv("VIDESK_SERVE_TOKEN", KEY)
    assert service_token(None)[0].reveal() == KEY


def test_a_line_of_the_log() -> None:
    sql = "SELECT 'é secret', \"Añá\" -- secret\n FROM t WHERE d >= '2026-01-01' /* secret */ AND e = $$secret$$"
    line = log_line("abcdef", sql, None)
    assert line.count("\n") == 1
    logged = "SELECT '…' , \"Añá\" FROM t WHERE d >= '2026-01-01' AND e = '…'"
    assert line.split(" runs: ")[1].split() == logged.split()
    assert "abcdef" not in line
    assert "secret" not in log_line("a", "CREATE SECRET (TOKEN 'secret')", "only SELECT may be run")


@pytest.mark.parametrize(
    "text",
    [
        *("12345678-9", "+56 9 1234 5678", "123-456-7890", "4111 1111 1111 1111", "12.345.678", "2026", "20260301"),
        *("2026-13-01", "2026-03-32", "1234-56-78", "2026-03-0112345678", "2026-03-01 12345678", "12:30:00"),
        *("2026-03-01+56912345678", "2026-03-01' || '12345678", "٢٠٢٦-٠٣-٠١"),
    ],
)
def test_a_text_in_the_log_that_is_no_date_is_blanked(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    logged = log_line("s", f"FROM videsk.surveys WHERE answers->>'ID' = {quoted}", None)
    assert logged.split(" runs: ")[1].split() == ["FROM", "videsk.surveys", "WHERE", "answers->>'…'", "=", "'…'"]


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-01", "1999-12-31", "2026-03-01 08:00", "2026-03-01T08:00:00", "2026-03-01T08:00:00Z"),
        *(
            "2026-03-01 08:00:00.123456",
            "2026-03-01 08:00:00-03",
            "2026-03-01T08:00:00.5-03:00",
            "2026-03-01T08:00+0530",
        ),
    ],
)
def test_a_date_stays_in_the_log(text: str) -> None:
    assert f"d >= '{text}'" in log_line("s", f"FROM videsk.calls WHERE d >= '{text}'", None)


@pytest.mark.parametrize(
    "comment",
    [
        "/* secret /* nested */ secret */",
        "/* /* secret /**/ secret */ 'secret' */",
        "-- /* secret\n",
        "/* -- */ /* secret */",
        "/* */-- secret\n",
    ],
)
def test_a_comment_is_left_out_of_the_log_whole(comment: str) -> None:
    for sql in (f"SELECT 1 {comment}", f"{comment} SELECT 1", f"SELECT {comment}\n 1"):
        assert log_line("s", sql, None).split(" runs: ")[1].split() == ["SELECT", "1"]
