"""Tables and translation views written out for people who only have DuckDB: a database, a DuckLake, a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.errors import QueryError
from duckdb_videsk.output import take_place
from duckdb_videsk.ranges import as_datetime
from duckdb_videsk.views import CATALOG, comments, languages, quoted, schema_views, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb_videsk.connection import Connection
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.ranges import Range

__all__ = ["materialise"]

_TARGET = "videsk_target"
_DATABASES = {".duckdb", ".db", ".ddb"}
_DUCKLAKE = "ducklake:"


def materialise(connection: Connection, target: str, endpoints: Sequence[Endpoint], span: Range) -> None:
    """Write the rows of `span` as tables of their own, in new files that the user alone can read.

    A file that is there keeps its mode.

    Args:
        connection: to read by.
        target: a DuckDB file (`.duckdb`, `.db`), `ducklake:…` as DuckDB's ATTACH takes it, or a folder for files.
        endpoints: the tables.
        span: the range of the tables' range columns.

    Raises:
        QueryError: the target cannot be opened.
        VideskError: rows cannot be had; a database or a file is then as it was before.
    """
    with _private_files():
        if target.startswith(_DUCKLAKE) or Path(target).suffix.lower() in _DATABASES:
            _write_database(connection, target, endpoints, span)
        else:
            _write_folder(connection, Path(target), endpoints, span)


@contextlib.contextmanager
def _private_files() -> Iterator[None]:
    """Within, files that DuckDB makes, logs of a database among them, are the user's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _write_database(connection: Connection, target: str, endpoints: Sequence[Endpoint], span: Range) -> None:
    try:
        if target.startswith(_DUCKLAKE):
            connection.execute("INSTALL ducklake; LOAD ducklake")
        connection.execute(f"ATTACH {text_literal(target)} AS {_TARGET}")
    except duckdb.Error as error:
        raise QueryError(f"{target} cannot be opened to write into: {error}") from error
    try:
        connection.execute("BEGIN")
        try:
            for statement in _statements(connection, endpoints, span, commented=not target.startswith(_DUCKLAKE)):
                connection.execute(statement)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    finally:
        connection.execute(f"DETACH {_TARGET}")


def _statements(
    connection: Connection, endpoints: Sequence[Endpoint], span: Range, *, commented: bool
) -> Iterator[str]:
    for endpoint in endpoints:
        table = f"{_TARGET}.main.{quoted(endpoint.table)}"
        yield f"CREATE OR REPLACE TABLE {table} AS {_selection(endpoint, span)}"
        if commented:
            yield from comments(endpoint, catalog=_TARGET, kind="TABLE")
    for name, labels in languages(connection.settings.languages).items():
        for statement in schema_views(
            endpoints, name, labels, catalog=_TARGET, macros=False, anew=True, accounts=bool(connection.accounts)
        ):
            if commented or not statement.startswith("COMMENT"):
                yield statement


def _write_folder(connection: Connection, folder: Path, endpoints: Sequence[Endpoint], span: Range) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for endpoint in endpoints:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{endpoint.table}.", suffix=".unfinished")
        os.close(handle)
        unfinished = Path(name)
        try:
            copied = f"COPY ({_selection(endpoint, span)}) TO {text_literal(name)} (FORMAT parquet, COMPRESSION zstd)"
            connection.execute(copied)
            take_place(unfinished, folder / f"{endpoint.table}.parquet")
        finally:
            unfinished.unlink(missing_ok=True)


def _selection(endpoint: Endpoint, span: Range) -> str:
    column = quoted(endpoint.range_column)
    start, end = (f"TIMESTAMPTZ '{as_datetime(instant).isoformat()}'" for instant in (span.start, span.end))
    table = f"{CATALOG}.main.{quoted(endpoint.table)}"
    return f"SELECT * FROM {table} WHERE {column} >= {start} AND {column} < {end} ORDER BY {column}"  # noqa: S608
