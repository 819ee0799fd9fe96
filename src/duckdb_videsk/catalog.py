"""The `videsk` catalog inside a DuckDB database: put in, found again, taken out.

It is an in-memory database attached beside the user's own, so nothing of it reaches a file.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import threading
import weakref
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import duckdb
from duckdb.sqltypes import VARCHAR

from duckdb_videsk.coverage import CoverageTable
from duckdb_videsk.dataset import LedgerTable, Source, VirtualTable
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import ClosedError, ConfigError, QueryError
from duckdb_videsk.guard import Allowance, Guard
from duckdb_videsk.lake import ReadThrough
from duckdb_videsk.naming import exports_of, rewriter_for
from duckdb_videsk.pinning import PinnedTables
from duckdb_videsk.plans import QueryPlan
from duckdb_videsk.pricing import Estimating, Pricing
from duckdb_videsk.rehearsal import stage
from duckdb_videsk.rewriting import NotUnderstood, time_zone_of
from duckdb_videsk.running import Board, failures
from duckdb_videsk.views import CATALOG, comments, languages, macro, schema_views, text_literal
from duckdb_videsk.wide import FUNCTION, QuestionSource, WideTables, macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.guard import Policy
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.rewriting import Rewritten
    from duckdb_videsk.running import Ticket
    from duckdb_videsk.settings import Settings

__all__ = ["Catalog", "ClosableSource", "open_catalog"]

_SETTLING_SECONDS = 2.0

_live: weakref.WeakValueDictionary[str, Catalog] = weakref.WeakValueDictionary()


class ClosableSource(Source, QuestionSource, Estimating, Protocol):
    """A source that belongs to one catalog."""

    def close(self) -> None: ...


class Catalog:
    """What the tables of one database stand on. DuckDB's views keep it alive, and with them it is closed.

    Attributes:
        settings: what it was opened with.
        ledger: the request log.
        board: its scans under way.
        wide: what is known of the questions of its forms and surveys.
        users: connections that will close it.
        served: whether other processes read it.
        rewriter: adds to statements what their conditions imply.
    """

    def __init__(
        self,
        native: duckdb.DuckDBPyConnection,
        settings: Settings,
        *,
        ledger: Ledger,
        source: ClosableSource,
        labels: Mapping[str, Mapping[str, str]],
    ) -> None:
        """`labels` are those of every language."""
        self.id = secrets.token_hex(8)
        self.settings = settings
        self.ledger = ledger
        self.board = Board()
        self.wide = WideTables(source, self.board, labels)
        self.users = 0
        self.served = False
        self.rewriter = rewriter_for(settings)
        self._labels = labels
        self._source = source
        self._pinned = PinnedTables(source) if isinstance(source, ReadThrough) else None
        self._native = weakref.ref(native)
        self._close_source = weakref.finalize(self, source.close)

    @property
    def usable(self) -> bool:
        """Whether queries can still be served."""
        return self._close_source.alive and self._is_native_open()

    def check(self) -> None:
        """Raises ClosedError where a query could crash DuckDB 1.5: it reads the connection that made the views."""
        if not self._is_native_open():
            raise ClosedError(
                "The connection that the videsk catalog was attached by is closed: attach it again by another one."
            )

    def put_tables_in(self, native: duckdb.DuckDBPyConnection) -> None:
        """Create the tables, from a connection that is at the videsk catalog."""
        if self._pinned is not None:
            self._pinned.put_in(native, ENDPOINTS, self._dataset)
        else:
            for endpoint in ENDPOINTS:
                native.from_arrow(self._dataset(endpoint, self._source)).create_view(endpoint.table)
        lake = None if self._pinned is None else self._pinned.lake
        native.from_arrow(LedgerTable(self.ledger, board=self.board)).create_view("requests")
        native.from_arrow(CoverageTable(lake, board=self.board)).create_view("coverage")

    def pin(self, native: duckdb.DuckDBPyConnection) -> None:
        """Let the tables stand on the days that are kept, from a connection that is at the videsk catalog."""
        if self._pinned is not None:
            self._pinned.pin(native, ENDPOINTS, self._dataset)

    def pin_named(self, text: str) -> None:
        """Let the tables that a statement may name stand on the days that are kept, where that was put off."""
        native = self._native()
        if self._pinned is not None and native is not None and self._close_source.alive:
            self._pinned.pin_named(native, text, self._dataset)

    def catch_up(self) -> None:
        """Let the tables stand on the days that were kept meanwhile; cheap where there are none."""
        native = self._native()
        if self._pinned is not None and native is not None and self._close_source.alive:
            self._pinned.catch_up(native, self._dataset)

    def explain(self, error: Exception) -> Exception | None:
        """What a failure of DuckDB was, where kept files were the cause."""
        return None if self._pinned is None else self._pinned.explain(error)

    def _dataset(self, endpoint: Endpoint, source: Source) -> VirtualTable:
        known_ids = self.settings.ids(endpoint.parameter) if endpoint.parameter else ()
        # The table holds the catalog by `check`: DuckDB's views are what keeps it alive.
        return VirtualTable(
            endpoint,
            source,
            board=self.board,
            known_ids=known_ids,
            check=self.check,
            guard=self._guard,
        )

    def wide_views(self) -> Iterator[str]:
        """Statements that make the wide views that the settings ask for; raises VideskError."""
        if self.settings.wide_views:
            yield from self.wide.views("form", self.settings.forms)
            yield from self.wide.views("survey", self.settings.surveys)

    def refresh_questions(self) -> None:
        """Ask again which questions there are; raises VideskError."""
        self.check()
        self.wide.forget()
        statements = list(self.wide_views())
        native = self._native()
        if statements and native is not None:
            # A cursor, since the connection itself may be inside a transaction that writes elsewhere.
            with native.cursor() as cursor:
                _execute_all(cursor, statements)

    def close(self) -> None:
        """Stop the scans and whatever makes requests; idempotent."""
        scans_ran = self.board.stop_all()
        self._close_source()
        if self._pinned is not None:
            self._pinned.close()
        if scans_ran:
            self.board.settle(_SETTLING_SECONDS)

    def take_out(self) -> None:
        """Remove the catalog from its database, as far as that still stands, and close it."""
        self.close()
        native = self._native()
        if native is None:
            return
        with contextlib.suppress(duckdb.Error), native.cursor() as cursor:
            cursor.execute(f"DETACH DATABASE IF EXISTS {CATALOG}")

    def plan(
        self, native: duckdb.DuckDBPyConnection, text: str, rewritten: Rewritten, run: Callable[[str], object]
    ) -> QueryPlan:
        """What a statement would read.

        Args:
            native: a session of its own for this.
            text: the statement as it would run.
            rewritten: what its conditions imply.
            run: runs a query in the session.

        Raises:
            QueryError: it has no query, or cannot be planned.
        """
        with stage(native, self.settings, self._labels, board=self.board) as staged:
            try:
                query = self.rewriter.staged(native, text, staged.catalog)
            except NotUnderstood as error:
                raise QueryError(f"Only a query that is understood can be planned: {error}.") from error
            run(query)
        lake = None if self._pinned is None else self._pinned.lake
        pricing = Pricing(self._source, lake, exports_of(self._labels), self.settings.requests_per_second)
        scans = (planned for scan in staged.seen for planned in pricing.scans(scan, rewritten))
        return QueryPlan(tuple(scans), ZoneInfo(time_zone_of(native)))

    def _guard(self, ticket: Ticket) -> Guard:
        """Others than our own connections have no other way to learn of a mistake than an error."""
        if self.board.is_rehearsal(ticket):
            raise QueryError(
                "A plan sees the tables that a query names itself, and this one reads more: by a view of yours, "
                "perhaps. Plan the query that it stands for."
            )
        settings = self.settings
        policy: Policy = settings.unbounded_scans or ("warn" if ticket.ours else "refuse")
        allowance = (
            Allowance(settings.max_requests) if ticket.owner is None or not ticket.ours else ticket.owner.allowance
        )
        return Guard(allowance, settings.scan_budget, policy, settings.requests_per_second, served=self.served)

    def _is_native_open(self) -> bool:
        native = self._native()
        try:
            return native is not None and native.query_progress() is not None
        except duckdb.Error:
            return False


def open_catalog(
    native: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    ledger: Ledger,
    source: Callable[[], ClosableSource],
) -> Catalog:
    """The catalog of a connection's database: put in, or found there with the same settings.

    Args:
        source: makes what gives the rows; called only where the catalog is put in.

    Raises:
        ConfigError: the name is taken, by something else or by a catalog with other settings; or the connection
            is inside a transaction.
        LabelError: a user's language is not usable.
    """
    own_languages = languages(settings.languages)
    statements = [
        *(statement for endpoint in ENDPOINTS for statement in (macro(endpoint), *comments(endpoint))),
        *(statement for name, labels in own_languages.items() for statement in schema_views(ENDPOINTS, name, labels)),
        f"COMMENT ON VIEW {CATALOG}.main.requests IS 'requests made to the API since the catalog was attached'",
        f"COMMENT ON VIEW {CATALOG}.main.coverage IS 'days that are kept on this machine'",
    ]
    _refuse_transaction(native)
    found = _find(native)
    if found is not None and found.usable:
        if not _same(found.settings, settings):
            raise ConfigError(
                f"This database has a {CATALOG!r} catalog with other settings. Close the connection that made it, or "
                f"run DETACH {CATALOG}, and try again."
            )
        return found
    if found is not None:
        found.take_out()
        native.execute(f"DETACH DATABASE IF EXISTS {CATALOG}")
    catalog = Catalog(native, settings, ledger=ledger, source=source(), labels=own_languages)
    try:
        _put_in(native, catalog, [*statements, *macros(catalog.id, own_languages), *catalog.wide_views()])
    except BaseException:
        catalog.take_out()
        raise
    _live[catalog.id] = catalog
    return catalog


def _put_in(native: duckdb.DuckDBPyConnection, catalog: Catalog, statements: list[str]) -> None:
    native.execute(f"ATTACH ':memory:' AS {CATALOG} (READ_WRITE)")
    with _current_catalog(native):
        catalog.put_tables_in(native)
    _register_function(native)
    marker = f"CREATE MACRO {CATALOG}.main.catalog_id() AS {text_literal(catalog.id)}"
    _execute_all(native, [*statements, marker])
    with _current_catalog(native):
        catalog.pin(native)


def _execute_all(native: duckdb.DuckDBPyConnection, statements: list[str]) -> None:
    """All of them, or none."""
    native.begin()
    try:
        for statement in statements:
            native.execute(statement)
    except BaseException:
        native.rollback()
        raise
    native.commit()


def _register_function(native: duckdb.DuckDBPyConnection) -> None:
    """Let SQL call `_wide_text`. The function belongs to the whole database, and stays when the catalog goes."""
    # It is there already: by another connection, or by this one.
    with contextlib.suppress(duckdb.CatalogException, duckdb.NotImplementedException):
        native.create_function(FUNCTION, _wide_text, [VARCHAR] * 4, VARCHAR)


def _wide_text(catalog_id: str, parameter: str, asked_id: str, schema: str) -> str:
    """The text of a wide table, for DuckDB to bind."""
    try:
        return _living(catalog_id).wide.text(parameter, asked_id, schema)
    except BaseException as error:  # noqa: BLE001 - DuckDB would hand on its text alone
        raise failures.bear(error) from None


def _living(catalog_id: str) -> Catalog:
    catalog = _live.get(catalog_id)
    if catalog is None:
        raise ClosedError(f"The {CATALOG} catalog that this query reads is closed.")
    catalog.check()
    return catalog


@contextlib.contextmanager
def _current_catalog(native: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Within, names without a catalog are the videsk catalog's; afterwards the search path is as it was."""
    ((search_path,),) = native.execute("SELECT current_setting('search_path')").fetchall()
    native.execute(f"USE {CATALOG}")
    try:
        yield
    finally:
        # What stands there without a catalog was said while the connection was at its first database.
        native.execute("RESET search_path")
        if search_path:
            native.execute(f"SET search_path = {text_literal(search_path)}")


def _find(native: duckdb.DuckDBPyConnection) -> Catalog | None:
    """The catalog in a connection's database, live or not; raises ConfigError where the name means something else."""
    known = "SELECT database_name FROM duckdb_databases() WHERE lower(database_name) = ?"
    if native.execute(known, [CATALOG]).fetchone() is None:
        return None
    marked = "SELECT function_name FROM duckdb_functions() WHERE database_name = ? AND function_name = 'catalog_id'"
    if native.execute(marked, [CATALOG]).fetchone() is None:
        raise ConfigError(
            f"A database named {CATALOG!r} is already open in this connection, and the tables need that name. If it "
            f"is your own file, open it under another name: con.execute(\"ATTACH 'videsk.duckdb' AS mine\")."
        )
    ((identity,),) = native.execute(f"SELECT {CATALOG}.main.catalog_id()").fetchall()
    return _live.get(identity)


def _same(one: Settings, other: Settings) -> bool:
    return one.token.reveal() == other.token.reveal() and all(
        getattr(one, field.name) == getattr(other, field.name) for field in fields(one) if field.name != "token"
    )


def _refuse_transaction(native: duckdb.DuckDBPyConnection) -> None:
    # Outside of a transaction every statement has a number of its own.
    numbers = {native.execute("SELECT txid_current()").fetchone() for _ in range(2)}
    if len(numbers) == 1:
        raise ConfigError("The connection is inside a transaction: commit or roll back, then attach.")


@atexit.register
def _take_out_all() -> None:
    """DuckDB 2.0 reports a leak where a connection still holds a Python object when the interpreter ends.

    It aborts the process where a call of a daemon thread returns only after that.
    """
    for catalog in list(_live.values()):
        catalog.take_out()
        if threading.active_count() > 1:
            catalog.board.settle(_SETTLING_SECONDS)
