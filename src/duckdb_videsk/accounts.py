"""Several accounts in one DuckDB database: a catalog for each, and `videsk` with the rows of all of them."""

from __future__ import annotations

import contextlib
import secrets
import weakref
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

import duckdb

from duckdb_videsk.account_tables import AccountsTable, KnownAccount, LeftOutTable, tell_left_out
from duckdb_videsk.catalog import (
    OTHER_SETTINGS,
    Catalog,
    ClosableSource,
    catalog_statements,
    put_in,
    same_settings,
    staged_query,
)
from duckdb_videsk.coverage import COVERAGE_SCHEMA
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import ConfigError, QueryError, VideskError
from duckdb_videsk.hosting import (
    at_catalog,
    attach_empty,
    detach,
    enlist,
    execute_all,
    hosted_as,
    marker,
    refuse_transaction,
)
from duckdb_videsk.ledger import REQUESTS_SCHEMA, Ledger
from duckdb_videsk.naming import exports_of, rewriter_for
from duckdb_videsk.plans import QueryPlan
from duckdb_videsk.rehearsal import stage
from duckdb_videsk.rewriting import time_zone_of
from duckdb_videsk.running import Board
from duckdb_videsk.unions import Branch, log_view, union_statements
from duckdb_videsk.views import CATALOG, languages, written
from duckdb_videsk.wide import macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from duckdb_videsk.rewriting import Rewritten
    from duckdb_videsk.settings import Settings

__all__ = ["Accounts", "open_accounts"]

_LEFT_OUT = "__left_out_{}"
_WAITING_SECONDS = 0.2


class _WideOfAccounts:
    """A form belongs to one account."""

    def __init__(self, accounts: Sequence[str]) -> None:
        self._accounts = accounts

    def text(self, parameter: str, asked_id: str, schema: str) -> NoReturn:
        """Raises QueryError: which account is meant has to be said."""
        name = parameter if schema else f"{parameter}_questions"
        call = f"{written(self._accounts[0])}.{name}('{asked_id}')"
        raise QueryError(
            f"A {parameter} belongs to one account: name it, as in FROM {call}. "
            f"The accounts are: {', '.join(self._accounts)}."
        )


class Accounts:
    """The catalogs of several accounts and the one of all together; what `Catalog` is for one.

    Attributes:
        accounts: the settings of each, by name.
        settings: those of the first; what is not an account's own is the same in all.
        leaves_out: whether accounts that failed at the beginning are left out of the tables of all.
        left_out: those that are, and why.
        ledger: the requests of all.
        board: the scans of all.
        wide: says that wide tables are an account's.
        users: connections that will close it.
        served: whether other processes read it.
        rewriter: adds to statements what their conditions imply.
    """

    def __init__(
        self,
        native: duckdb.DuckDBPyConnection,
        accounts: Mapping[str, Settings],
        catalogs: Mapping[str, Catalog],
        *,
        ledger: Ledger,
        board: Board,
        left_out: Mapping[str, VideskError],
        leaves_out: bool,
        labels: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.id = secrets.token_hex(8)
        self.accounts = accounts
        self.settings = next(iter(accounts.values()))
        self.leaves_out = leaves_out
        self.left_out = left_out
        self.ledger = ledger
        self.board = board
        self.wide = _WideOfAccounts(list(accounts))
        self.users = 0
        self.served = False
        self.rewriter = rewriter_for(self.settings, accounts=accounts)
        self._catalogs = catalogs
        self._labels = labels
        self._native = weakref.ref(native)

    @property
    def keeps_days(self) -> bool:
        return any(catalog.keeps_days for catalog in self._catalogs.values())

    @property
    def usable(self) -> bool:
        """Whether queries can still be served."""
        native = self._native()
        return native is not None and all(
            catalog.usable and hosted_as(native, name)[1] is catalog for name, catalog in self._catalogs.items()
        )

    def check(self) -> None:
        """Raises ClosedError where a query could crash DuckDB 1.5."""
        for catalog in self._catalogs.values():
            catalog.check()

    def pin_named(self, text: str) -> None:
        """Let the tables that a statement may name stand on the days that are kept, where that was put off."""
        for catalog in self._catalogs.values():
            catalog.pin_named(text)

    def catch_up(self) -> None:
        """Let the tables stand on the days that were kept meanwhile; cheap where there are none."""
        for catalog in self._catalogs.values():
            catalog.catch_up()

    def explain(self, error: Exception) -> Exception | None:
        """What a failure of DuckDB was, where kept files were the cause."""
        found = (catalog.explain(error) for catalog in self._catalogs.values())
        return next((one for one in found if one is not None), None)

    def refresh_questions(self) -> None:
        """Ask again which questions there are; raises VideskError."""
        for name, catalog in self._catalogs.items():
            if name not in self.left_out:
                catalog.refresh_questions()

    def take_out(self) -> None:
        """Remove the catalogs from their database, as far as that still stands, and close them."""
        for catalog in self._catalogs.values():
            catalog.close()
        native = self._native()
        if native is not None:
            with contextlib.suppress(duckdb.Error), native.cursor() as cursor:
                detach(cursor, CATALOG)
        for catalog in self._catalogs.values():
            catalog.take_out()

    def plan(
        self, native: duckdb.DuckDBPyConnection, text: str, rewritten: Rewritten, run: Callable[[str], object]
    ) -> QueryPlan:
        """What a statement would read, as `Catalog.plan` says it."""
        of_all = exports_of(self._labels)
        with stage(
            native, self.accounts, self._labels, board=self.board, union=CATALOG, left_out=self.left_out
        ) as staged:
            run(staged_query(self.rewriter, native, text, staged))
        scans = (
            planned
            for seen in staged.seen
            for planned in self._catalogs[seen.catalog].priced(
                seen, rewritten, of_all | exports_of(self._labels, catalog=seen.catalog)
            )
        )
        return QueryPlan(tuple(scans), ZoneInfo(time_zone_of(native)))

    def put_in(self, native: duckdb.DuckDBPyConnection) -> None:
        """Create the catalog of all."""
        attach_empty(native, CATALOG)
        branches = []
        with at_catalog(native, CATALOG):
            native.from_arrow(AccountsTable(self._known, board=self.board)).create_view("accounts")
            for number, name in enumerate(self.accounts):
                schema = _LEFT_OUT.format(number) if name in self.left_out else None
                live_only = self.keeps_days and not (schema is None and self._catalogs[name].keeps_days)
                branches.append(Branch(name, CATALOG if schema else name, schema or "main", beside_files=live_only))
                if schema:
                    self._put_in_left_out(native, name, schema)
        own = [Branch(name, name) for name in self.accounts]
        execute_all(
            native,
            [
                *union_statements(branches, self._labels),
                *log_view("requests", REQUESTS_SCHEMA.names, own),
                *log_view("coverage", COVERAGE_SCHEMA.names, own),
                *macros(self.id, self._labels),
                marker(CATALOG, self.id),
            ],
        )

    def _put_in_left_out(self, native: duckdb.DuckDBPyConnection, account: str, schema: str) -> None:
        native.execute(f"CREATE SCHEMA {CATALOG}.{schema}; USE {CATALOG}.{schema}")
        for endpoint in ENDPOINTS:
            because = str(self.left_out[account])
            native.from_arrow(LeftOutTable(account, because, endpoint.schema, board=self.board)).create_view(
                endpoint.table
            )
        native.execute(f"USE {CATALOG}")

    def _known(self) -> Iterator[KnownAccount]:
        for name, settings in self.accounts.items():
            entries = self._catalogs[name].ledger.entries()
            # What was given up, since something else failed, is no failure of its own.
            failed = [entry.error for entry in entries if entry.error not in {None, "CancelledError"}]
            left_out = self.left_out.get(name)
            yield KnownAccount(
                account=name,
                base_url=settings.base_url,
                status="in" if left_out is None else "left out",
                left_out_because=None if left_out is None else str(left_out),
                requests=len(entries),
                last_request_at=max((entry.at for entry in entries), default=None),
                last_error=failed[-1] if failed else None,
            )


def open_accounts(
    native: duckdb.DuckDBPyConnection,
    accounts: Mapping[str, Settings],
    *,
    leaves_out: bool,
    source: Callable[[str, Settings, Ledger], ClosableSource],
) -> Accounts:
    """The catalogs in a connection's database: put in, or found there with the same settings.

    Args:
        accounts: the settings of each by its name.
        leaves_out: ask each account something now, and leave out of the tables of all those that fail.
        source: makes what gives an account's rows; called only where the catalogs are put in.

    Raises:
        ConfigError: a name is taken, by something else or by catalogs with other settings; or the connection is
            inside a transaction.
        LabelError: a user's language is not usable.
        VideskError: with `leaves_out`, every account failed.
    """
    labels = languages(next(iter(accounts.values())).languages)
    statements = {name: catalog_statements(name, labels) for name in accounts}
    refuse_transaction(native)
    if (found := _found(native, accounts, leaves_out=leaves_out)) is not None:
        _tell_left_out(found.left_out)
        return found
    _make_room(native, accounts)
    ledger, board = Ledger(), Board()
    ledgers = {name: Ledger(whole=ledger) for name in accounts}
    sources: dict[str, ClosableSource] = {}
    catalogs: dict[str, Catalog] = {}
    with contextlib.ExitStack() as undoing:
        for name, settings in accounts.items():
            sources[name] = source(name, settings, ledgers[name])
            undoing.callback(sources[name].close)
        left_out = _failing(sources) if leaves_out else {}
        for name, settings in accounts.items():
            # The questions of its forms could not be had.
            used = replace(settings, wide_views=settings.wide_views and name not in left_out)
            catalog = Catalog(
                native, used, ledger=ledgers[name], source=sources[name], labels=labels, name=name, board=board
            )
            catalogs[name] = catalog
            undoing.callback(catalog.take_out)
            put_in(native, catalog, statements[name])
        together = Accounts(
            native,
            accounts,
            catalogs,
            ledger=ledger,
            board=board,
            left_out=left_out,
            leaves_out=leaves_out,
            labels=labels,
        )
        undoing.callback(together.take_out)
        together.put_in(native)
        # Where the user makes the warning an error, nothing stays behind.
        _tell_left_out(left_out)
        undoing.pop_all()
    enlist(together.id, together)
    return together


def _tell_left_out(left_out: Mapping[str, VideskError]) -> None:
    for name, error in left_out.items():
        tell_left_out(
            f"The account {name!r} is left out of the tables of {CATALOG}, for as long as they are open", str(error)
        )


def _found(
    native: duckdb.DuckDBPyConnection, accounts: Mapping[str, Settings], *, leaves_out: bool
) -> Accounts | None:
    """What is there with the same settings; None where nothing usable is there."""
    _, found = hosted_as(native, CATALOG)
    if found is None or not found.usable:
        return None
    same = (
        isinstance(found, Accounts)
        and found.leaves_out == leaves_out
        and list(found.accounts) == list(accounts)
        and all(same_settings(settings, accounts[name]) for name, settings in found.accounts.items())
    )
    if not isinstance(found, Accounts) or not same:
        raise ConfigError(OTHER_SETTINGS)
    return found


def _make_room(native: duckdb.DuckDBPyConnection, accounts: Mapping[str, Settings]) -> None:
    """Take out what is left of ours under these names; raises ConfigError where one means something else."""
    rooms = [(name, *hosted_as(native, name)) for name in (CATALOG, *accounts)]
    for name, is_ours, hosted in rooms:
        if hosted is not None:
            hosted.take_out()
        if is_ours:
            detach(native, name)


def _failing(sources: Mapping[str, ClosableSource]) -> dict[str, VideskError]:
    """Which accounts cannot be read now, and why; raises the first one's error where none can."""
    asked = {name: one.reach() for name, one in sources.items()}
    while wait(asked.values(), _WAITING_SECONDS).not_done:
        # In short turns, since Ctrl-C has to come through.
        continue
    failed: dict[str, VideskError] = {}
    for name, reached in asked.items():
        try:
            reached.result()
        except VideskError as error:
            failed[name] = error
    if len(failed) == len(sources):
        for name, failure in failed.items():
            with VideskError.of_account(name):
                raise failure
    return failed
