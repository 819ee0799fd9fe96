"""Statements of clients that mean harm, before the gate of `videsk serve`, against an oracle that does not know it.

What the gate lets through is run where nothing else would stop it, and must leave no trace and find no canary. The
examples here are few and the same in every run; for many new ones:

    FUZZ_EXAMPLES=100000 pytest tests/test_hostile_sql.py -p no:cacheprovider --timeout=0
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckdb_videsk.gate import Gate, Refused
from hostile.statements import Statements
from memory import MemorySource, call_rows, connect_to, form_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

CANARY = "canary-4f1d"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
THOROUGH = settings(
    max_examples=EXAMPLES or 150,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
RANDOM = st.randoms(use_true_random=False)
READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
LOOKING = ("IO Error", "Permission Error", "HTTP Error", "automatically install the required extension")
STATE = (
    "FROM duckdb_settings()",
    "SELECT database_name, path, readonly FROM duckdb_databases()",
    "SELECT database_name, schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal",
    "SELECT database_name, schema_name, table_name, sql FROM duckdb_tables()",
    "SELECT database_name, schema_name, type_name FROM duckdb_types() WHERE NOT internal",
    "SELECT database_name, schema_name, sequence_name, last_value FROM duckdb_sequences()",
    "SELECT database_name, function_name FROM duckdb_functions() WHERE NOT internal",
    "SELECT name FROM duckdb_secrets()",
    "FROM duckdb_variables()",
    "SELECT name FROM duckdb_prepared_statements()",
    "FROM other.secret",
)


class World:
    """A catalog without the server's other walls, in which canaries lie about and files can be read and written.

    Attributes:
        gate: of the catalog.
        folder: of the files.
        file: the path of those with the canary, without their endings.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = f"{folder}/secret"
        rows = {"calls": call_rows(30), "forms": form_rows("f1")}
        self._connection = connect_to(MemorySource(rows, labels={"form f1": ["q"]}))
        self._native = self._connection.native
        for statement in (
            f"COPY (SELECT '{CANARY}' AS secret) TO '{self.file}.csv'",
            f"COPY (SELECT '{CANARY}' AS secret) TO '{self.file}.json'",
            f"COPY (SELECT '{CANARY}' AS secret) TO '{self.file}.parquet'",
            f"ATTACH '{self.file}.duckdb' AS other",
            f"CREATE TABLE other.secret AS SELECT '{CANARY}' AS secret",
            "CREATE SEQUENCE other.counter",
            "CHECKPOINT other",
            f"CREATE MACRO memory.main.quack_stop(a) AS TABLE SELECT '{CANARY}'",
            f"CREATE MACRO memory.main.getenv(a) AS '{CANARY}'",
            f"SET GLOBAL http_proxy_username = '{CANARY}'",
            "CREATE VIEW memory.main.calls AS FROM videsk.main.calls",
            "CREATE SCHEMA memory.es",
            "CREATE VIEW memory.es.llamadas AS FROM videsk.es.llamadas",
            "SET autoinstall_known_extensions = false",
            "SET python_enable_replacements = false",
        ):
            self._native.execute(statement)
        self.gate = Gate(self._native)
        self._state = self._seen_state()

    def close(self) -> None:
        self.gate.close()
        self._connection.close()

    def lets_through(self, sql: str) -> bool:
        try:
            self.gate.check(sql)
        except (Refused, RecursionError, UnicodeError):
            return False
        return True

    def is_a_query(self, sql: str) -> bool:
        """Whether DuckDB takes it for one statement that reads, and can tell what columns it gives."""
        try:
            (statement,) = self._native.extract_statements(sql)
            if statement.type not in READING:
                return False
            with self._native.cursor() as cursor:
                cursor.execute(sql if statement.type == duckdb.StatementType.EXPLAIN else f"EXPLAIN {sql}")
        except (duckdb.Error, ValueError):
            return False
        return True

    def harm(self, sql: str) -> str | None:
        """Runs the statement, and says what it did that reading the catalog does not."""
        with contextlib.suppress(duckdb.Error):
            statements = self._native.extract_statements(sql)
            if len(statements) > 1 or any(one.type not in READING for one in statements):
                return "it is no query"
        shown = self._run(sql)
        if CANARY in shown:
            return "it found a canary"
        if any(sign in shown for sign in LOOKING):
            return f"it looked for a file: {shown}"
        if self._seen_state() != self._state:
            return "something is not what it was"
        if self.file in shown:
            return "it found a file's name"
        return None

    def _run(self, sql: str) -> str:
        """The answer as text, or the error's."""
        with self._native.cursor() as cursor:
            timer = threading.Timer(5.0, cursor.interrupt)
            timer.start()
            cursor.execute(f"SET VARIABLE canary = '{CANARY}'")
            try:
                return str(cursor.execute(sql).fetchmany(5_000))
            except (duckdb.Error, ValueError, OverflowError, UnicodeError) as error:
                return str(error)
            finally:
                timer.cancel()

    def _seen_state(self) -> list[Any]:
        files = sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in self.folder.rglob("*"))
        with self._native.cursor() as cursor:
            return [files, *(cursor.execute(f"FROM ({sql}) ORDER BY ALL").fetchall() for sql in STATE)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.closing(World(tmp_path_factory.mktemp("world"))) as made:
        yield made


@THOROUGH
@given(RANDOM, st.sampled_from([0.05, 0.2, 0.5]), st.sampled_from(["whole", "damaged", "baited"]))
def test_what_is_let_through_only_reads_the_catalog(world: World, random: Random, harm: float, how: str) -> None:
    drawn = Statements(random, world.file, str(world.folder), harm=harm)
    sql = drawn.baited() if how == "baited" else drawn.statement()
    sql = drawn.damaged(sql) if how == "damaged" else sql
    if world.lets_through(sql):
        assert world.harm(sql) is None


@THOROUGH
@given(RANDOM)
def test_plain_reading_passes(world: World, random: Random) -> None:
    drawn = Statements(random, world.file, str(world.folder), harm=0)
    sql = drawn.respelled(drawn.statement())
    if world.is_a_query(sql):
        world.gate.check(sql)


def test_the_statements_are_no_empty_words(world: World) -> None:
    """Of those drawn, enough are queries that DuckDB can run, and the gate both lets through and refuses."""
    import random  # noqa: PLC0415

    drawn = Statements(random.Random(7), world.file, str(world.folder), harm=0)
    plain = [drawn.respelled(drawn.statement()) for _ in range(100)]
    assert sum(map(world.is_a_query, plain)) > 30
    drawn = Statements(random.Random(7), world.file, str(world.folder), harm=0.2)
    assert 20 < sum(world.lets_through(drawn.statement()) for _ in range(100)) < 80


@pytest.mark.parametrize(
    ("sql", "seen"),
    [
        ("FROM '{file}.csv'", "canary"),
        ("FROM read_csv('{file}.csv')", "canary"),
        ("FROM '{file}.parquet'", "canary"),
        ("FROM read_csv('{file}.txt')", "file"),
        ("FROM 'new.db'", "file"),
        ("FROM glob('{file}.*')", "name"),
        ("FROM 'https://127.0.0.1:1/a.csv'", "file"),
        ("FROM other.secret", "canary"),
        ("FROM query_table('other.secret')", "canary"),
        ("SELECT getenv('CANARY')", "canary"),
        ("SELECT getvariable('canary')", "canary"),
        ("FROM duckdb_settings()", "canary"),
        ("FROM quack_stop('x')", "canary"),
        ("CALL quack_stop('x')", "no query"),
        ("SELECT 1; SELECT 2", "no query"),
        ("ATTACH ':memory:' AS more", "no query"),
        ("SET threads = 1", "no query"),
    ],
)
def test_the_oracle_sees_what_is_found(world: World, sql: str, seen: str) -> None:
    sql = sql.format(file=world.file)
    assert seen in (world.harm(sql) or "")
    assert not world.lets_through(sql)


@pytest.mark.parametrize(
    "change",
    [
        "SELECT nextval('other.counter')",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}.new'",
        "EXPLAIN ANALYZE INSERT INTO other.secret VALUES ('x')",
        "EXPLAIN ANALYZE CREATE VIEW memory.main.more AS SELECT 1",
    ],
)
def test_the_oracle_sees_what_is_changed(tmp_path: Path, change: str) -> None:
    with contextlib.closing(World(tmp_path)) as own:
        assert own.harm("SELECT 1") is None
        assert own.harm(change.format(file=own.file)) == "something is not what it was"
