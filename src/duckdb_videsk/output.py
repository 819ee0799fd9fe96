"""The answer of a query as a table on the screen or as a whole file: CSV, JSON, JSON lines, Parquet."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.errors import QueryError

if TYPE_CHECKING:
    from duckdb_videsk.connection import Connection

__all__ = ["FORMATS", "run_script"]

FORMATS = {
    "csv": "FORMAT csv, HEADER",
    "json": "FORMAT json, ARRAY true",
    "jsonl": "FORMAT json, ARRAY false",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}


def run_script(connection: Connection, sql: str, *, style: str, output: Path | None, max_rows: int) -> None:
    """Run the statements of `sql` and give out the answer of the last one.

    A file appears whole or not at all, and standard output gets nothing of an answer that fails half-way.

    Args:
        connection: where to run it.
        sql: one or more statements.
        style: "table", or one of `FORMATS`.
        output: the file to write; None for standard output.
        max_rows: rows of a "table" that are shown.

    Raises:
        QueryError: there is no statement, or the last one gives no rows and a file format is asked for.
    """
    statements = connection.native.extract_statements(sql)
    if not statements:
        raise QueryError("There is no SQL to run.")
    *before, last = [statement.query.strip().rstrip(";") for statement in statements]
    for statement in before:
        connection.execute(statement)
    if style == "table":
        _show(connection, last, output, max_rows)
    elif statements[-1].type != duckdb.StatementType.SELECT:
        raise QueryError(f"The last statement gives no rows to write as {style}.")
    elif output is not None:
        _write_file(connection, last, style, output)
    else:
        _write_stdout(connection, last, style)


def _show(connection: Connection, statement: str, output: Path | None, max_rows: int) -> None:
    relation = connection.sql(statement)
    if relation is None:
        return
    if output is None:
        relation.show(max_rows=max_rows)
        return
    drawn = io.StringIO()
    with contextlib.redirect_stdout(drawn):
        relation.show(max_rows=max_rows)
    output.write_text(drawn.getvalue(), "utf-8")


def _write_file(connection: Connection, statement: str, style: str, output: Path) -> None:
    """Write beside the target under another name, private to the user, and rename at the end."""
    handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        _copy(connection, statement, style, unfinished)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_stdout(connection: Connection, statement: str, style: str) -> None:
    with tempfile.TemporaryDirectory(prefix="videsk-") as folder:
        whole = Path(folder) / f"answer.{style}"
        _copy(connection, statement, style, whole)
        sys.stdout.flush()
        with whole.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _copy(connection: Connection, statement: str, style: str, target: Path) -> None:
    path = str(target).replace("'", "''")
    connection.execute(f"COPY ({statement}\n) TO '{path}' ({FORMATS[style]})")
