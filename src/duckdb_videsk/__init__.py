"""The exports of the Videsk API as tables of a DuckDB catalog: `connect()`, then SQL over `videsk.calls` and more."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell as _InteractiveShell

    from duckdb_videsk.account_tables import AccountLeftOutWarning
    from duckdb_videsk.connection import Connection
    from duckdb_videsk.errors import (
        ApiError,
        AuthenticationError,
        BadRequestError,
        ClockError,
        ClosedError,
        ConfigError,
        ConnectionFailedError,
        CrowdedInstantError,
        ForbiddenError,
        IncompleteError,
        LabelError,
        LakeChangedError,
        LakeError,
        LargeScanError,
        MissingDaysError,
        MissingIdError,
        MissingTokenError,
        OrderError,
        OutOfRangeError,
        QueryError,
        RateLimitError,
        RequestLimitError,
        ResponseError,
        RetryBudgetError,
        ServerError,
        SilentCutError,
        UnplacedRowError,
        VideskError,
    )
    from duckdb_videsk.functions import (
        ai_sentiments,
        ai_topics,
        appointments,
        calls,
        comments,
        forms,
        metadata,
        queues,
        recordings,
        surveys,
        tags,
    )
    from duckdb_videsk.guard import LargeScanWarning
    from duckdb_videsk.lake import LakeWarning
    from duckdb_videsk.opening import attach, connect
    from duckdb_videsk.relation import Relation
    from duckdb_videsk.reporting import Report, report, reports
    from duckdb_videsk.settings import Settings, Token

__all__ = [
    "AccountLeftOutWarning",
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "ClockError",
    "ClosedError",
    "ConfigError",
    "Connection",
    "ConnectionFailedError",
    "CrowdedInstantError",
    "ForbiddenError",
    "IncompleteError",
    "LabelError",
    "LakeChangedError",
    "LakeError",
    "LakeWarning",
    "LargeScanError",
    "LargeScanWarning",
    "MissingDaysError",
    "MissingIdError",
    "MissingTokenError",
    "OrderError",
    "OutOfRangeError",
    "QueryError",
    "RateLimitError",
    "Relation",
    "Report",
    "RequestLimitError",
    "ResponseError",
    "RetryBudgetError",
    "ServerError",
    "Settings",
    "SilentCutError",
    "Token",
    "UnplacedRowError",
    "VideskError",
    "ai_sentiments",
    "ai_topics",
    "appointments",
    "attach",
    "calls",
    "comments",
    "connect",
    "forms",
    "load_ipython_extension",
    "metadata",
    "queues",
    "recordings",
    "report",
    "reports",
    "surveys",
    "tags",
    "unload_ipython_extension",
]

# Where each name comes from. It is loaded when it is first used, so that importing the package costs nothing.
_HOMES = {
    "account_tables": "AccountLeftOutWarning",
    "connection": "Connection",
    "errors": (
        "ApiError AuthenticationError BadRequestError ClockError ClosedError ConfigError "
        "ConnectionFailedError CrowdedInstantError ForbiddenError IncompleteError LabelError "
        "LakeChangedError LakeError LargeScanError MissingDaysError MissingIdError MissingTokenError "
        "OrderError OutOfRangeError QueryError RateLimitError RequestLimitError ResponseError "
        "RetryBudgetError ServerError SilentCutError UnplacedRowError VideskError"
    ),
    "functions": "ai_sentiments ai_topics appointments calls comments forms metadata queues recordings surveys tags",
    "guard": "LargeScanWarning",
    "lake": "LakeWarning",
    "opening": "attach connect",
    "relation": "Relation",
    "reporting": "Report report reports",
    "settings": "Settings Token",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: "_InteractiveShell") -> None:
    """What `%load_ext duckdb_videsk` calls: gives the notebook `%videsk` and `%%videsk`."""
    _importlib.import_module("duckdb_videsk.notebook").load(shell)


def unload_ipython_extension(shell: "_InteractiveShell") -> None:
    """What `%unload_ext duckdb_videsk` calls."""
    _importlib.import_module("duckdb_videsk.notebook").unload(shell)
