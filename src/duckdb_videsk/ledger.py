"""The log of requests made to the API: one entry a request, kept in memory, read as an Arrow table."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["REQUESTS_SCHEMA", "Ledger", "LoggedRequest"]

_TIME = pa.timestamp("us", "UTC")

REQUESTS_SCHEMA = pa.schema(
    [
        ("query", pa.int64()),
        ("table_name", pa.string()),
        ("id", pa.string()),
        ("asked_from", _TIME),
        ("asked_until", _TIME),
        ("newest_first", pa.bool_()),
        ("rows", pa.int64()),
        ("cap", pa.int64()),
        ("capped", pa.bool_()),
        ("attempts", pa.int64()),
        ("status", pa.int64()),
        ("ms", pa.float64()),
        ("bytes", pa.int64()),
        ("at", _TIME),
        ("error", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request with all its attempts.

    Attributes:
        query: number of the scan it was made for; a query that reads two tables makes two scans.
        table_name: table it was made for.
        id: the form's or survey's id, or None.
        asked_from, asked_until: the `start` and `end` that were sent; None where there was no bound.
        newest_first: `$sort` was -1.
        rows, cap, capped: records in the answer, its `$limit`, whether it was taken as cut; None without an answer.
        attempts: how often it was sent.
        status: HTTP status of the last attempt; None where none came.
        ms: from the first attempt's start to the last one's end, milliseconds, waits between them included.
        bytes: size of the body after decompression.
        at: when the first attempt started.
        error: kind of the error that ended it, or None.
    """

    query: int
    table_name: str
    id: str | None
    asked_from: datetime | None
    asked_until: datetime | None
    newest_first: bool
    rows: int | None
    cap: int | None
    capped: bool | None
    attempts: int
    status: int | None
    ms: float
    bytes: int | None
    at: datetime
    error: str | None


class Ledger:
    """A bounded, thread-safe log; the oldest entries go first.

    Args:
        keep: how many entries.
        whole: a log that has this one's entries too, and gives the numbers.
    """

    def __init__(self, keep: int = 100_000, *, whole: Ledger | None = None) -> None:
        self._whole = whole
        self._entries: deque[LoggedRequest] = deque(maxlen=keep)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def next_query(self) -> int:
        """A number that no other scan of this ledger has."""
        if self._whole is not None:
            return self._whole.next_query()
        with self._lock:
            return next(self._numbers)

    def add(self, entry: LoggedRequest) -> None:
        with self._lock:
            self._entries.append(entry)
        if self._whole is not None:
            self._whole.add(entry)

    def entries(self) -> list[LoggedRequest]:
        """A copy of the log, oldest first."""
        with self._lock:
            return list(self._entries)

    def table(self) -> pa.Table:
        """The log in `REQUESTS_SCHEMA`."""
        rows = [astuple(entry) for entry in self.entries()]
        columns = zip(*rows, strict=True) if rows else [()] * len(REQUESTS_SCHEMA)
        return pa.table(
            [pa.array(list(column), field.type) for column, field in zip(columns, REQUESTS_SCHEMA, strict=True)],
            schema=REQUESTS_SCHEMA,
        )
