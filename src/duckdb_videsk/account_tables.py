"""The tables that tell of a connection's accounts: `videsk.accounts`, and what stands for an account left out."""

from __future__ import annotations

import warnings
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.dataset import ScannedDataset, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import pyarrow.compute as pc

    from duckdb_videsk.running import Board, Ticket

__all__ = [
    "ACCOUNTS_SCHEMA",
    "AccountLeftOutWarning",
    "AccountsTable",
    "KnownAccount",
    "LeftOutTable",
    "tell_left_out",
]

ACCOUNTS_SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("base_url", pa.string()),
        ("status", pa.string()),
        ("left_out_because", pa.string()),
        ("requests", pa.int64()),
        ("last_request_at", pa.timestamp("us", "UTC")),
        ("last_error", pa.string()),
    ]
)


class AccountLeftOutWarning(UserWarning):
    """An answer has no rows of an account that failed when the connection was opened."""


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """One account, as it stands.

    Attributes:
        account: its name.
        base_url: of its API.
        status: "in" or "left out".
        left_out_because: the error it failed with.
        requests: made so far.
        last_request_at: when the last of them began.
        last_error: kind of the last one that failed.
    """

    account: str
    base_url: str
    status: str
    left_out_because: str | None
    requests: int
    last_request_at: object
    last_error: str | None


class AccountsTable(ScannedDataset):
    """The accounts, as they are when a query reads them."""

    def __init__(self, known: Callable[[], Iterable[KnownAccount]], *, board: Board) -> None:
        super().__init__(ACCOUNTS_SCHEMA, board)
        self._known = known

    def read(
        self,
        _expression: pc.Expression | None,
        _ticket: Ticket,
        _tally: Tally,
        /,
    ) -> Generator[pa.RecordBatch, None, None]:
        names = ACCOUNTS_SCHEMA.names
        rows = [dict(zip(names, astuple(one), strict=True)) for one in self._known()]
        yield from pa.Table.from_pylist(rows, ACCOUNTS_SCHEMA).to_batches()


class LeftOutTable(ScannedDataset):
    """Stands for a table of an account that is left out: no rows, and a warning to whoever would have read it."""

    def __init__(self, account: str, because: str, schema: pa.Schema, *, board: Board) -> None:
        super().__init__(schema, board)
        self._account = account
        self._because = because

    def read(
        self,
        _expression: pc.Expression | None,
        _ticket: Ticket,
        _tally: Tally,
        /,
    ) -> Generator[pa.RecordBatch, None, None]:
        tell_left_out(f"The answer has no rows of the account {self._account!r}, which is left out", self._because)
        yield from ()


def tell_left_out(text: str, because: str) -> None:
    """Warn, each time anew: Python by itself shows a warning once for each line of code."""
    message = f"{text}: {because}"
    warnings.warn_explicit(message, AccountLeftOutWarning, "videsk.accounts", 1, registry={})
