"""The catalog of an account inside a DuckDB database: put in, found again, taken out."""

from __future__ import annotations

import contextlib
import secrets
import weakref
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import duckdb

from duckdb_videsk.coverage import CoverageTable
from duckdb_videsk.dataset import Source, VirtualTable
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import ClosedError, ConfigError, QueryError, VideskError
from duckdb_videsk.guard import Allowance, Guard
from duckdb_videsk.hosting import (
    SETTLING_SECONDS,
    at_catalog,
    attach_empty,
    detach,
    enlist,
    execute_all,
    hosted_as,
    is_open,
    marker,
    refuse_transaction,
)
from duckdb_videsk.lake import ReadThrough
from duckdb_videsk.naming import exports_of, rewriter_for
from duckdb_videsk.pinning import PinnedTables
from duckdb_videsk.plans import QueryPlan
from duckdb_videsk.pricing import Estimating, Pricing
from duckdb_videsk.rehearsal import stage
from duckdb_videsk.request_log import LedgerTable
from duckdb_videsk.rewriting import NotUnderstood, time_zone_of
from duckdb_videsk.running import Board
from duckdb_videsk.views import CATALOG, comments, languages, macro, quoted, schema_views, text_literal, written
from duckdb_videsk.wide import QuestionSource, WideTables, macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.guard import Policy
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.plans import PlannedScan
    from duckdb_videsk.rehearsal import SeenScan, Stage
    from duckdb_videsk.rewriting import Rewriter, Rewritten, TableName
    from duckdb_videsk.running import Ticket
    from duckdb_videsk.settings import Settings

__all__ = [
    "OTHER_SETTINGS",
    "Catalog",
    "ClosableSource",
    "catalog_statements",
    "open_catalog",
    "put_in",
    "same_settings",
    "staged_query",
]

OTHER_SETTINGS = (
    f"This database has a {CATALOG!r} catalog with other settings. Close the connection that made it, or "
    f"run DETACH {CATALOG}, and try again."
)


class ClosableSource(Source, QuestionSource, Estimating, Protocol):
    """A source that belongs to one catalog."""

    def reach(self) -> Future[None]:
        """One small request, to see whether the account can be read."""

    def close(self) -> None: ...


class Catalog:
    """What the tables of one database stand on. DuckDB's views keep it alive, and with them it is closed.

    Attributes:
        name: under which SQL knows it.
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
        name: str = CATALOG,
        board: Board | None = None,
    ) -> None:
        """
        Args:
            labels: those of every language.
            name: another than `videsk` is that of one account of several.
            board: of all of them; None for one of its own.
        """
        self.id = secrets.token_hex(8)
        self.name = name
        self._account = None if name == CATALOG else name
        self.settings = settings
        self.ledger = ledger
        self.board = board or Board()
        self.wide = WideTables(source, self.board, labels, catalog=name, account=self._account)
        self.users = 0
        self.served = False
        self.rewriter = rewriter_for(settings, catalog=name)
        self._labels = labels
        self._source = source
        self._pinned = (
            PinnedTables(source, catalog=name, beside_others=name != CATALOG)
            if isinstance(source, ReadThrough)
            else None
        )
        self._native = weakref.ref(native)
        self._close_source = weakref.finalize(self, source.close)

    @property
    def accounts(self) -> Mapping[str, Settings]:
        """The settings of each account by name, where there are several; empty here."""
        return {}

    @property
    def keeps_days(self) -> bool:
        return self._pinned is not None

    @property
    def usable(self) -> bool:
        """Whether queries can still be served."""
        return self._close_source.alive and is_open(self._native())

    def check(self) -> None:
        """Raises ClosedError where a query could crash DuckDB 1.5: it reads the connection that made the views."""
        if not is_open(self._native()):
            raise ClosedError(
                "The connection that the videsk catalog was attached by is closed: attach it again by another one."
            )

    def put_tables_in(self, native: duckdb.DuckDBPyConnection) -> None:
        """Create the tables, from a connection that is at this catalog."""
        if self._pinned is not None:
            self._pinned.put_in(native, ENDPOINTS, self._dataset)
        else:
            for endpoint in ENDPOINTS:
                native.from_arrow(self._dataset(endpoint, self._source)).create_view(endpoint.table)
        lake = None if self._pinned is None else self._pinned.lake
        native.from_arrow(LedgerTable(self.ledger, board=self.board)).create_view("requests")
        native.from_arrow(CoverageTable(lake, board=self.board)).create_view("coverage")

    def pin(self, native: duckdb.DuckDBPyConnection) -> None:
        """Let the tables stand on the days that are kept, from a connection that is at this catalog."""
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
        found = None if self._pinned is None else self._pinned.explain(error)
        if found is not None:
            found.account = self._account
        return found

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
            catalog=written(self.name),
            account=self._account,
        )

    def own_statements(self) -> Iterator[str]:
        """Statements that lead from the database to this catalog; raises VideskError."""
        yield from self.wide_views()
        yield from macros(self.id, self._labels, catalog=self.name)
        yield marker(self.name, self.id)

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
                execute_all(cursor, statements)

    def close(self) -> None:
        """Stop the scans and whatever makes requests; idempotent."""
        scans_ran = self.board.stop_all()
        self._close_source()
        if self._pinned is not None:
            self._pinned.close()
        if scans_ran:
            self.board.settle(SETTLING_SECONDS)

    def take_out(self) -> None:
        """Remove the catalog from its database, as far as that still stands, and close it."""
        self.close()
        native = self._native()
        if native is None:
            return
        with contextlib.suppress(duckdb.Error), native.cursor() as cursor:
            detach(cursor, self.name)

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
        with stage(native, {self.name: self.settings}, self._labels, board=self.board) as staged:
            query = staged_query(self.rewriter, native, text, staged)
            run(query)
        exports = exports_of(self._labels)
        scans = (planned for scan in staged.seen for planned in self.priced(scan, rewritten, exports))
        return QueryPlan(tuple(scans), ZoneInfo(time_zone_of(native)))

    def priced(
        self, seen: SeenScan, rewritten: Rewritten, exports: Mapping[TableName, Endpoint]
    ) -> Iterator[PlannedScan]:
        """A scan of this catalog's with its price, one for each id."""
        lake = None if self._pinned is None else self._pinned.lake
        pricing = Pricing(self._source, lake, exports, self.settings.requests_per_second, catalog=self.name)
        with VideskError.of_account(self._account):
            yield from pricing.scans(seen, rewritten)

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
        pace = settings.requests_per_second
        return Guard(allowance, settings.scan_budget, policy, pace, served=self.served, catalog=written(self.name))


def staged_query(rewriter: Rewriter, native: duckdb.DuckDBPyConnection, text: str, staged: Stage) -> str:
    """The query of a statement over stand-ins; raises QueryError where it has none."""
    try:
        return rewriter.staged(native, text, staged.catalogs)
    except NotUnderstood as error:
        raise QueryError(f"Only a query that is understood can be planned: {error}.") from error


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
    statements = catalog_statements(CATALOG, own_languages)
    refuse_transaction(native)
    is_ours, found = hosted_as(native, CATALOG)
    if isinstance(found, Catalog) and found.usable and same_settings(found.settings, settings):
        return found
    if found is not None and found.usable:
        raise ConfigError(OTHER_SETTINGS)
    if found is not None:
        found.take_out()
    if is_ours:
        detach(native, CATALOG)
    catalog = Catalog(native, settings, ledger=ledger, source=source(), labels=own_languages)
    put_in(native, catalog, statements)
    return catalog


def put_in(native: duckdb.DuckDBPyConnection, catalog: Catalog, statements: Sequence[str]) -> None:
    """Put a new catalog into a connection's database, which has none of its name.

    Args:
        statements: the catalog's, by `catalog_statements`.

    Raises:
        VideskError: the questions of wide views cannot be had; the catalog is closed then.
    """
    try:
        attach_empty(native, catalog.name)
        with at_catalog(native, catalog.name):
            catalog.put_tables_in(native)
        execute_all(native, [*statements, *catalog.own_statements()])
        with at_catalog(native, catalog.name):
            catalog.pin(native)
    except BaseException:
        catalog.take_out()
        raise
    enlist(catalog.id, catalog)


def catalog_statements(catalog: str, labels: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What makes a catalog's macros, language views and comments; raises LabelError."""
    return list(_statements(catalog, labels))


def _statements(catalog: str, labels: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for endpoint in ENDPOINTS:
        yield macro(endpoint, catalog=catalog)
        yield from comments(endpoint, catalog=catalog)
    for language, texts in labels.items():
        yield from schema_views(ENDPOINTS, language, texts, catalog=catalog)
    about = {
        "requests": "requests made to the API since the catalog was attached",
        "coverage": "days that are kept on this machine",
    }
    for view, text in about.items():
        yield f"COMMENT ON VIEW {quoted(catalog)}.main.{view} IS {text_literal(text)}"


def same_settings(one: Settings, other: Settings) -> bool:
    return one.token.reveal() == other.token.reveal() and all(
        getattr(one, field.name) == getattr(other, field.name) for field in fields(one) if field.name != "token"
    )
