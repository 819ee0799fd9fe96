"""A DuckDB database that hosts catalogs of ours: what it is asked and told, and which catalogs live.

Each catalog is an in-memory database attached beside the user's own, so nothing of it reaches a file. A macro in it
says which of ours it is.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

import duckdb
from duckdb.sqltypes import VARCHAR

from duckdb_videsk.errors import ClosedError, ConfigError
from duckdb_videsk.running import failures
from duckdb_videsk.views import quoted, text_literal
from duckdb_videsk.wide import FUNCTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from duckdb_videsk.running import Board

__all__ = [
    "SETTLING_SECONDS",
    "Hosted",
    "WideText",
    "at_catalog",
    "attach_empty",
    "detach",
    "enlist",
    "execute_all",
    "has_database",
    "hosted_as",
    "is_open",
    "marker",
    "refuse_transaction",
]

SETTLING_SECONDS = 2.0


class WideText(Protocol):
    """What knows wide tables."""

    def text(self, parameter: str, asked_id: str, schema: str, /) -> str: ...


class Hosted(Protocol):
    """A catalog of ours in some database."""

    @property
    def board(self) -> Board: ...

    @property
    def wide(self) -> WideText: ...

    @property
    def usable(self) -> bool:
        """Whether queries can still be served."""

    def check(self) -> None:
        """Raises ClosedError where a query could crash DuckDB 1.5."""

    def take_out(self) -> None:
        """Remove the catalog from its database, as far as that still stands, and close it."""


_live: weakref.WeakValueDictionary[str, Hosted] = weakref.WeakValueDictionary()


def attach_empty(native: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """An empty database in memory of this name, and the function that macros of ours call."""
    native.execute(f"ATTACH ':memory:' AS {quoted(catalog)} (READ_WRITE)")
    # The function belongs to the whole database, and stays when the catalog goes. It is there already: by another
    # connection, or by this one.
    with contextlib.suppress(duckdb.CatalogException, duckdb.NotImplementedException):
        native.create_function(FUNCTION, _wide_text, [VARCHAR] * 4, VARCHAR)


def detach(native: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Remove the database, if it is there."""
    native.execute(f"DETACH DATABASE IF EXISTS {quoted(catalog)}")


def marker(catalog: str, identity: str) -> str:
    """The statement that says which catalog of ours this is."""
    return f"CREATE MACRO {quoted(catalog)}.main.catalog_id() AS {text_literal(identity)}"


def enlist(identity: str, hosted: Hosted) -> None:
    """Let a catalog be found by its marker and by what its macros call, and be taken out when the program ends."""
    _live[identity] = hosted


def hosted_as(native: duckdb.DuckDBPyConnection, catalog: str) -> tuple[bool, Hosted | None]:
    """Whether a database of this name is one of ours, and what lives in it.

    Raises:
        ConfigError: the name means something else.
    """
    if not has_database(native, catalog):
        return False, None
    marked = "SELECT function_name FROM duckdb_functions() WHERE database_name = ? AND function_name = 'catalog_id'"
    if native.execute(marked, [catalog]).fetchone() is None:
        raise ConfigError(
            f"A database named {catalog!r} is already open in this connection, and the tables need that name. If it "
            f"is your own file, open it under another name: con.execute(\"ATTACH '{catalog}.duckdb' AS mine\")."
        )
    ((identity,),) = native.execute(f"SELECT {quoted(catalog)}.main.catalog_id()").fetchall()
    return True, _live.get(identity)


def has_database(native: duckdb.DuckDBPyConnection, name: str) -> bool:
    known = "SELECT database_name FROM duckdb_databases() WHERE lower(database_name) = lower(?)"
    return native.execute(known, [name]).fetchone() is not None


def is_open(native: duckdb.DuckDBPyConnection | None) -> bool:
    try:
        return native is not None and native.query_progress() is not None
    except duckdb.Error:
        return False


def execute_all(native: duckdb.DuckDBPyConnection, statements: Iterable[str]) -> None:
    """All of them, or none."""
    native.begin()
    try:
        for statement in statements:
            native.execute(statement)
    except BaseException:
        native.rollback()
        raise
    native.commit()


@contextlib.contextmanager
def at_catalog(native: duckdb.DuckDBPyConnection, catalog: str) -> Iterator[None]:
    """Within, names without a catalog are this catalog's; afterwards the search path is as it was."""
    ((search_path,),) = native.execute("SELECT current_setting('search_path')").fetchall()
    native.execute(f"USE {quoted(catalog)}")
    try:
        yield
    finally:
        # What stands there without a catalog was said while the connection was at its first database.
        native.execute("RESET search_path")
        if search_path:
            native.execute(f"SET search_path = {text_literal(search_path)}")


def refuse_transaction(native: duckdb.DuckDBPyConnection) -> None:
    """Raises ConfigError inside a transaction."""
    # Outside of a transaction every statement has a number of its own.
    numbers = {native.execute("SELECT txid_current()").fetchone() for _ in range(2)}
    if len(numbers) == 1:
        raise ConfigError("The connection is inside a transaction: commit or roll back, then attach.")


def _wide_text(catalog_id: str, parameter: str, asked_id: str, schema: str) -> str:
    """The text of a wide table, for DuckDB to bind."""
    try:
        return _living(catalog_id).wide.text(parameter, asked_id, schema)
    except BaseException as error:  # noqa: BLE001 - DuckDB would hand on its text alone
        raise failures.bear(error) from None


def _living(catalog_id: str) -> Hosted:
    hosted = _live.get(catalog_id)
    if hosted is None:
        raise ClosedError("The videsk catalog that this query reads is closed.")
    hosted.check()
    return hosted


@atexit.register
def _take_out_all() -> None:
    """DuckDB 2.0 reports a leak where a connection still holds a Python object when the interpreter ends.

    It aborts the process where a call of a daemon thread returns only after that.
    """
    for hosted in list(_live.values()):
        hosted.take_out()
        if threading.active_count() > 1:
            hosted.board.settle(SETTLING_SECONDS)
