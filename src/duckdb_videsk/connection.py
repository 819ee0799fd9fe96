"""The Connection: DuckDB's own, whose queries pay only for what they need."""

from __future__ import annotations

import contextlib
import importlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.bridge import BINDING_ERRORS, HOLDS_ON, Bridge, Wrapper, gives_rows, lossless
from duckdb_videsk.errors import ClosedError, ConfigError
from duckdb_videsk.interrupts import doorbell
from duckdb_videsk.relation import Relation, adopted, delegate
from duckdb_videsk.rewriting import Rewritten, search_path_of, time_zone_of
from duckdb_videsk.session import show_first_rows_early
from duckdb_videsk.views import text_literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    import pyarrow as pa

    from duckdb_videsk.accounts import Accounts
    from duckdb_videsk.catalog import Catalog
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.plans import QueryPlan
    from duckdb_videsk.settings import Settings

__all__ = ["Connection", "relation_of", "text_for_now"]

_CLOSING_SECONDS = 2.0
_CLOSING_STEP = 0.02


class Connection(Wrapper):
    """A DuckDB connection whose catalog `videsk` holds the exports.

    It has every method of `duckdb.DuckDBPyConnection`. Errors of a scan come out as `VideskError`, and Ctrl-C ends a
    query that waits for the API.

    Attributes:
        native: the connection itself, for tools that want one.
        settings: what it was opened with; the token is hidden. With several accounts, those of the first.
    """

    def __init__(
        self,
        native: duckdb.DuckDBPyConnection,
        catalog: Catalog | Accounts,
        *,
        owns_native: bool,
        parent: Connection | None = None,
    ) -> None:
        self._native = native
        self._catalog = catalog
        self._owns_native = owns_native
        self._parent = parent
        limit = catalog.settings.max_requests if parent is None else parent.max_requests
        self._bridge = Bridge(catalog.board, catalog, max_requests=limit)
        self._closed = False
        self._interrupts = 0
        if parent is None:
            catalog.users += 1

    @property
    def native(self) -> duckdb.DuckDBPyConnection:
        return self._native

    @property
    def settings(self) -> Settings:
        return self._catalog.settings

    @property
    def accounts(self) -> Mapping[str, Settings]:
        """The settings of each account by its name, where there are several; else empty."""
        return self._catalog.accounts

    @property
    def ledger(self) -> Ledger:
        """The log of requests, which SQL reads as `videsk.requests`."""
        return self._catalog.ledger

    @property
    def max_requests(self) -> int | None:
        """Requests that one query of this connection may make, over all its tables; None for any number.

        It can be set, and holds for queries run from then on; one that needs more raises `RequestLimitError`.
        """
        return self._bridge.max_requests

    @max_requests.setter
    def max_requests(self, limit: int | None) -> None:
        if limit is not None and limit < 1:
            raise ConfigError(f"max_requests is {limit}: it has to be 1 or more, or None for any number.")
        self._bridge.max_requests = limit

    @property
    def closed(self) -> bool:
        return self._closed or (self._parent is not None and self._parent.closed)

    def sql(self, query: str, *, alias: str = "", params: object = None) -> Relation:
        """A query as a lazy relation; None for a statement without a result."""
        bridge, text = self._open_bridge(), self._rewritten(query, params)
        relation: Relation
        if HOLDS_ON and params and gives_rows(self._native, query):
            return self._held(query, text, alias, params)
        if text is not query:
            with contextlib.suppress(*BINDING_ERRORS):
                native = bridge.call(self._native.sql, text, alias=alias, params=params)
                relation = adopted(native, bridge)
                if relation is not None and native.type == "QUERY_RELATION":
                    relation.plain = partial(self._native.sql, query, alias=alias, params=params)
                return relation
        relation = adopted(bridge.call(self._native.sql, query, alias=alias, params=params), bridge)
        return relation

    query = sql

    def _held(self, query: str, text: str, alias: str, params: object) -> Relation:
        """The answer of a query with parameters, which is run now, as it is by DuckDB's own `sql`."""
        bridge = self._bridge
        with lossless(self._native):
            try:
                bridge.call(self._native.execute, text, params)
            except BINDING_ERRORS:
                if text is query:
                    raise
                bridge.call(self._native.execute, query, params)
            table = bridge.go_on(self._native.to_arrow_table)
        relation = self._native.from_arrow(table)
        return Relation(relation.set_alias(alias) if alias else relation, bridge)

    def execute(self, query: str, parameters: object = None) -> Connection:
        """Run a statement; its rows wait to be fetched."""
        bridge, text = self._open_bridge(), self._rewritten(query, parameters, at_once=True)
        if text is not query:
            with contextlib.suppress(*BINDING_ERRORS):
                bridge.call(self._native.execute, text, parameters)
                return self
        bridge.call(self._native.execute, query, parameters)
        return self

    def plan(self, query: str, parameters: object = None) -> QueryPlan:
        """What a query would read of the API, and at what price, without asking it.

        DuckDB runs the query over empty tables in their place, on a cursor: it sees no temporary tables, and nothing
        of a transaction that is not committed.

        Raises:
            QueryError: it is no query, or reads the tables by a view of the user's own or a wide form.
            VideskError, duckdb.Error: the query itself is not right.
        """
        bridge, rewriter = self._open_bridge(), self._catalog.rewriter
        rewritten = Rewritten(query)
        with self._native.cursor() as cursor:
            cursor.execute(f"SET TimeZone = {text_literal(time_zone_of(self._native))}")
            if search_path := search_path_of(self._native):
                cursor.execute(f"SET search_path = {text_literal(search_path)}")
            with doorbell.insisting():
                if self.settings.implied_ranges:
                    rewritten = rewriter.checked(cursor, query, rewriter.rewrite(cursor, query, parameters))
                text = rewriter.marked(cursor, rewritten.text, parameters) if self._may_mark else rewritten.text

            def run(staged: str) -> None:
                try:
                    with bridge.rehearsing():
                        bridge.call(cursor.execute, staged, parameters)
                        bridge.go_on(cursor.fetchall)
                except BINDING_ERRORS:
                    cursor.execute(f"EXPLAIN {query}", parameters)
                    raise

            return self._catalog.plan(cursor, text, rewritten, run)

    @property
    def _may_mark(self) -> bool:
        """With kept days DuckDB 1.5 is not shown all columns, and which days are kept may change at any time."""
        return self.settings.implied_ranges and not (self._catalog.keeps_days and duckdb.__version__ < "2")

    def executemany(self, query: str, parameters: object = None) -> Connection:
        """Run a statement once for each set of parameters."""
        self._open_bridge().call(self._native.executemany, query, parameters)
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row of the statement run last."""
        row: tuple[Any, ...] | None = self._open_bridge().go_on(self._native.fetchone)
        return row

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next rows of the statement run last."""
        rows: list[tuple[Any, ...]] = self._open_bridge().go_on(self._native.fetchmany, size)
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left of the statement run last."""
        rows: list[tuple[Any, ...]] = self._open_bridge().go_on(self._native.fetchall)
        return rows

    def arrow(self) -> pa.Table:
        """The rows that are left, as an Arrow table. `sql(…).arrow()` copies them once less."""
        return self._open_bridge().go_on(self._native.to_arrow_table)

    def df(self) -> Any:
        """The rows that are left, as a pandas frame."""
        return self._open_bridge().go_on(self._native.df)

    def pl(self) -> Any:
        """The rows that are left, as a Polars frame."""
        return importlib.import_module("polars").from_arrow(self._open_bridge().go_on(self._native.to_arrow_table))

    def cursor(self) -> Connection:
        """A second connection to the same database and the same tables."""
        self._open_bridge()
        native = self._native.cursor()
        show_first_rows_early(native)
        return Connection(native, self._catalog, owns_native=True, parent=self)

    def refresh_questions(self) -> None:
        """Ask the API again which questions forms and surveys have, at the next use of each.

        Without this they are asked for once. With `wide_views` those views are made anew, now.

        Raises:
            VideskError: the API gives no answer for an id of the settings.
        """
        with self._open_bridge().guard():
            self._catalog.refresh_questions()

    def interrupt(self) -> None:
        """End this connection's query, from any thread."""
        self._interrupts += 1
        self._native.interrupt()
        self._bridge.interrupt()

    def close(self) -> None:
        """Close, with what was opened by it; idempotent. A connection that was attached to is left open.

        Scans under way are stopped. Where DuckDB 2 refuses, since another thread goes on with a query that needs
        no scan, close again once that has ended.
        """
        if not self._closed:
            self._closed = True
            self._bridge.interrupt()
            if self._parent is None:
                self._leave_catalog()
        if self._owns_native:
            self._close_native()

    def _rewritten(self, query: str, parameters: object = None, *, at_once: bool = False) -> str:
        """A statement with the ranges that its conditions imply; itself where there are none.

        With `at_once` it is run now, and once: what holds for its plan now holds then, and open results end anyway.
        """
        text = query
        if isinstance(query, str):
            # It goes on without what fails, and an interrupt may look like a failure.
            with doorbell.insisting():
                self._catalog.pin_named(query)
                if self.settings.implied_ranges:
                    text = self._implied(query, parameters, at_once=at_once)
        return query if text == query else text

    def _implied(self, query: str, parameters: object, *, at_once: bool) -> str:
        before = self._interrupts

        def check() -> None:
            if self._interrupts != before:
                raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

        rewriter = self._catalog.rewriter
        look = self._look if at_once else None
        text = rewriter.rewrite(self._native, query, parameters, check=check, look=look).text
        return rewriter.marked(self._native, text, parameters) if at_once and self._may_mark else text

    def _look(self, query: str) -> list[tuple[Any, ...]]:
        """Here temporary tables are seen, but rows of an earlier statement that wait to be fetched are lost."""
        return self._native.execute(query).fetchall()

    def _close_native(self) -> None:
        deadline = time.monotonic() + _CLOSING_SECONDS
        while True:
            try:
                return self._native.close()
            except duckdb.OperationalError:
                # DuckDB 2, while a call of another thread has not returned yet.
                if time.monotonic() > deadline:
                    raise
            time.sleep(_CLOSING_STEP)

    def _leave_catalog(self) -> None:
        self._catalog.users -= 1
        if self._catalog.users == 0:
            self._catalog.take_out()

    def _open_bridge(self) -> Bridge:
        if self.closed:
            raise ClosedError("The connection is closed: open a new one with duckdb_videsk.connect().")
        return self._bridge

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return delegate(self._native, name, self._open_bridge())

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._native)})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"base_url={self.settings.base_url!r}"
        return f"<duckdb_videsk.Connection {state}>"


def text_for_now(connection: Connection, query: str) -> str:
    """The text of a query to be run next, and once, by DuckDB itself: as `execute` would run it."""
    connection._open_bridge()  # noqa: SLF001 - of this module
    return connection._rewritten(query, at_once=True)  # noqa: SLF001


def relation_of(connection: Connection, native: duckdb.DuckDBPyRelation) -> Relation:
    """DuckDB's own relation as one whose errors are the scan's own."""
    return Relation(native, connection._open_bridge())  # noqa: SLF001
