"""`connect` and `attach`: the product's front door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.account_settings import chosen_settings
from duckdb_videsk.accounts import open_accounts
from duckdb_videsk.catalog import open_catalog
from duckdb_videsk.connection import Connection
from duckdb_videsk.fetch import Engine
from duckdb_videsk.interrupts import doorbell
from duckdb_videsk.lake import Lake, ReadThrough
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.progress import watcher
from duckdb_videsk.session import hide_bar, set_time_zone, show_first_rows_early
from duckdb_videsk.views import CATALOG, written
from duckdb_videsk.warming import warm_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from duckdb_videsk.account_settings import AccountsGiven, Chosen, FailingAccounts
    from duckdb_videsk.accounts import Accounts
    from duckdb_videsk.catalog import Catalog
    from duckdb_videsk.guard import Policy
    from duckdb_videsk.settings import Settings, Token

__all__ = ["attach", "connect", "engine_catalog"]


def connect(
    database: str | Path = ":memory:",
    *,
    token: str | Token | None = None,
    base_url: str | None = None,
    auth_header: str | None = None,
    time_zone: str | None = None,
    forms: Sequence[str] | None = None,
    surveys: Sequence[str] | None = None,
    languages: Mapping[str, Mapping[str, str] | str | Path] | None = None,
    concurrency: int | None = None,
    requests_per_second: float | None = None,
    timeout_seconds: float | None = None,
    retries: int | None = None,
    max_answer_bytes: int | None = None,
    in_flight_bytes: int | None = None,
    implied_ranges: bool | None = None,
    natural_bounds: bool | None = None,
    own_keys_only: bool | None = None,
    wide_views: bool | None = None,
    cache_dir: str | Path | None = None,
    progress: bool | None = None,
    unbounded_scans: Policy | None = None,
    scan_budget: int | None = None,
    max_requests: int | None = None,
    lake: bool | None = None,
    lake_dir: str | Path | None = None,
    settle_days: float | Mapping[str, float] | None = None,
    reuse_minutes: float | None = None,
    offline: bool | None = None,
    accounts: AccountsGiven | None = None,
    failing_accounts: FailingAccounts | None = None,
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
) -> Connection:
    """Open DuckDB with the account's exports as tables of the catalog `videsk`. No request is made yet.

    Args:
        database: the main database, a file or in memory; the tables are never written into it.
        read_only: open the file for reading only.
        config: DuckDB's own configuration.
        wide_views: with this, the questions of `forms` and `surveys` are asked for at once.
        accounts: several accounts, each in a catalog of its own, and `videsk` with all of them: names of the settings
            file, "all", or a mapping from names to what each has of its own (`VIDESK_ACCOUNTS`).
        failing_accounts: with "leave_out" each is asked something now, and those that fail are left out of `videsk`,
            with a warning, for as long as the connection is open; by itself ("raise") nothing is left out
            (`VIDESK_FAILING_ACCOUNTS`).

    The others are the fields of `Settings`; what is not given comes from the environment or the settings file.

    Raises:
        ConfigError: a setting is missing or wrong (`MissingTokenError`: no token), or the name `videsk` is taken.
    """
    said = {
        "token": token,
        "base_url": base_url,
        "auth_header": auth_header,
        "time_zone": time_zone,
        "forms": forms,
        "surveys": surveys,
        "languages": languages,
        "concurrency": concurrency,
        "requests_per_second": requests_per_second,
        "timeout_seconds": timeout_seconds,
        "retries": retries,
        "max_answer_bytes": max_answer_bytes,
        "in_flight_bytes": in_flight_bytes,
        "implied_ranges": implied_ranges,
        "natural_bounds": natural_bounds,
        "own_keys_only": own_keys_only,
        "wide_views": wide_views,
        "cache_dir": cache_dir,
        "progress": progress,
        "unbounded_scans": unbounded_scans,
        "scan_budget": scan_budget,
        "max_requests": max_requests,
        "lake": lake,
        "lake_dir": lake_dir,
        "settle_days": settle_days,
        "reuse_minutes": reuse_minutes,
        "offline": offline,
    }
    chosen = chosen_settings(accounts, failing_accounts, said)
    native = duckdb.connect(str(database), read_only=read_only, config=dict(config or {}))
    try:
        set_time_zone(native, chosen.first.time_zone)
        hide_bar(native)
        # Without it each query reads anew what every kept file says of itself.
        native.execute("SET parquet_metadata_cache = true")
        show_first_rows_early(native)
        return Connection(native, _catalog(native, chosen), owns_native=True)
    except BaseException:
        native.close()
        raise


def attach(
    native: duckdb.DuckDBPyConnection,
    *,
    token: str | Token | None = None,
    base_url: str | None = None,
    auth_header: str | None = None,
    time_zone: str | None = None,
    forms: Sequence[str] | None = None,
    surveys: Sequence[str] | None = None,
    languages: Mapping[str, Mapping[str, str] | str | Path] | None = None,
    concurrency: int | None = None,
    requests_per_second: float | None = None,
    timeout_seconds: float | None = None,
    retries: int | None = None,
    max_answer_bytes: int | None = None,
    in_flight_bytes: int | None = None,
    implied_ranges: bool | None = None,
    natural_bounds: bool | None = None,
    own_keys_only: bool | None = None,
    wide_views: bool | None = None,
    cache_dir: str | Path | None = None,
    progress: bool | None = None,
    unbounded_scans: Policy | None = None,
    scan_budget: int | None = None,
    max_requests: int | None = None,
    lake: bool | None = None,
    lake_dir: str | Path | None = None,
    settle_days: float | Mapping[str, float] | None = None,
    reuse_minutes: float | None = None,
    offline: bool | None = None,
    accounts: AccountsGiven | None = None,
    failing_accounts: FailingAccounts | None = None,
) -> Connection:
    """Put the catalog `videsk` into a DuckDB connection that is already there.

    The tables work in the connection itself and in its cursors, whether the Connection given back is kept or not;
    closing that takes the catalog out and leaves the user's connection open. The connection's time zone stays as it
    is unless `time_zone` is given. Attaching again with the same settings changes nothing. `accounts` and
    `failing_accounts` are those of `connect`.

    Raises:
        ConfigError: as for `connect`; also inside a transaction, and where the catalog is there with other settings.
    """
    said = {
        "token": token,
        "base_url": base_url,
        "auth_header": auth_header,
        "time_zone": time_zone,
        "forms": forms,
        "surveys": surveys,
        "languages": languages,
        "concurrency": concurrency,
        "requests_per_second": requests_per_second,
        "timeout_seconds": timeout_seconds,
        "retries": retries,
        "max_answer_bytes": max_answer_bytes,
        "in_flight_bytes": in_flight_bytes,
        "implied_ranges": implied_ranges,
        "natural_bounds": natural_bounds,
        "own_keys_only": own_keys_only,
        "wide_views": wide_views,
        "cache_dir": cache_dir,
        "progress": progress,
        "unbounded_scans": unbounded_scans,
        "scan_budget": scan_budget,
        "max_requests": max_requests,
        "lake": lake,
        "lake_dir": lake_dir,
        "settle_days": settle_days,
        "reuse_minutes": reuse_minutes,
        "offline": offline,
    }
    chosen = chosen_settings(accounts, failing_accounts, said)
    catalog = _catalog(native, chosen)
    if time_zone is not None:
        set_time_zone(native, chosen.first.time_zone)
    return Connection(native, catalog, owns_native=False)


def engine_catalog(native: duckdb.DuckDBPyConnection, settings: Settings) -> Catalog:
    """The catalog of a connection's database, fed by the API."""
    ledger = Ledger()
    return open_catalog(native, settings, ledger=ledger, source=lambda: _source(CATALOG, settings, ledger))


def _catalog(native: duckdb.DuckDBPyConnection, chosen: Chosen) -> Catalog | Accounts:
    if not chosen.first.offline:
        warm_up()
    with doorbell.insisting():
        if not chosen.accounts:
            return engine_catalog(native, chosen.first)
        return open_accounts(native, chosen.accounts, leaves_out=chosen.leaves_out, source=_source)


def _source(catalog: str, settings: Settings, ledger: Ledger) -> Engine | ReadThrough:
    engine = Engine(settings, ledger=ledger, watch=watcher(settings.progress, catalog=written(catalog)))
    return ReadThrough(Lake(settings), engine) if settings.lake else engine
