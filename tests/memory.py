"""Rows in memory as a source of the exports, for tests of what stands on one."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from duckdb_videsk.catalog import open_catalog
from duckdb_videsk.connection import Connection
from duckdb_videsk.endpoints import Endpoint, by_table
from duckdb_videsk.errors import ClosedError
from duckdb_videsk.fetch.engine import Estimate
from duckdb_videsk.ledger import Ledger, LoggedRequest
from duckdb_videsk.ranges import micros
from duckdb_videsk.session import set_time_zone
from duckdb_videsk.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb_videsk.guard import Guard
    from duckdb_videsk.ranges import Range

TOKEN = "tok-never-to-be-seen"
ZONE = "America/Santiago"
START = datetime(2026, 1, 1, 3, tzinfo=UTC)  # midnight in Santiago


@dataclass
class MemorySource:
    """Gives rows as an engine does.

    Attributes:
        rows: by table, as dictionaries.
        batch_rows: size of a batch.
        error: raised after the first batch.
        silent: after the first batch nothing comes until the scan is closed.
        asked: one entry a scan: table, ranges, ids, null_times.
        labels: the questions of each form and survey, by kind and id, as in "form f1".
        asked_questions: the ids that questions were asked for.
        given: batches handed out.
        closed_scans: scans that were closed.
    """

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    batch_rows: int = 100
    error: BaseException | None = None
    silent: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    asked: list[tuple[str, tuple[Range, ...], tuple[str, ...], bool]] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    asked_questions: list[str] = field(default_factory=list)
    given: int = 0
    closed_scans: int = 0
    closed: bool = False

    def scan(
        self,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        *,
        ids: Sequence[str] = (),
        null_times: bool = False,
        guard: Guard | None = None,  # noqa: ARG002 - what is in memory costs nothing
        order: str | None = None,  # noqa: ARG002 - and is in no order
    ) -> MemoryScan:
        if self.closed:
            raise ClosedError("closed")
        self.asked.append((endpoint.table, tuple(ranges), tuple(ids), null_times))
        self.ledger.add(_logged(self.ledger.next_query(), endpoint.table))
        rows = [row for row in self.rows.get(endpoint.table, []) if _wanted(row, endpoint, ranges, ids, null_times)]
        return MemoryScan(self, pa.Table.from_pylist(rows, schema=endpoint.schema).to_batches(self.batch_rows))

    def questions(self, endpoint: Endpoint, asked_id: str, *, check: Callable[[], None]) -> list[str]:
        check()
        self.asked_questions.append(asked_id)
        return self.labels.get(f"{endpoint.parameter} {asked_id}", [])

    def estimate(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None, /) -> Estimate:  # noqa: ARG002
        return Estimate(None, None)

    def close(self) -> None:
        self.closed = True


class MemoryScan:
    in_order = False

    def __init__(self, source: MemorySource, batches: list[pa.RecordBatch]) -> None:
        self._source = source
        self._left = list(batches)
        self._first = True
        self._closed = threading.Event()

    def poll(self, timeout: float | None, /) -> pa.RecordBatch | None:
        if not self._first:
            if self._source.error is not None:
                raise self._source.error
            if self._source.silent:
                self._closed.wait(timeout)
                return None
        self._first = False
        if not self._left:
            raise StopIteration
        self._source.given += 1
        return self._left.pop(0)

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._source.closed_scans += 1


def _wanted(
    row: dict[str, Any], endpoint: Endpoint, ranges: Sequence[Range], ids: Sequence[str], null_times: bool
) -> bool:
    moment = row.get(endpoint.range_column)
    if endpoint.parameter and row[endpoint.parameter] not in ids:
        return False
    if moment is None:
        return null_times
    instant = micros(moment)
    return any(instant in piece for piece in ranges)


def _logged(query: int, table: str) -> LoggedRequest:
    return LoggedRequest(
        query, table, None, START, START, newest_first=False, rows=1, cap=5000, capped=False, attempts=1,
        status=201, ms=1.0, bytes=10, at=START, error=None,
    )  # fmt: skip


def call_rows(count: int = 1_000) -> list[dict[str, Any]]:
    """Calls, one every hour, and one without a time."""
    timed = [
        {
            "id": f"{index:024x}",
            "agent": ("ana", "bruno", None)[index % 3],
            "segment": f"segment {index % 5}",
            "start_time": START + timedelta(hours=index),
            "end_time": START + timedelta(hours=index, minutes=5),
            "duration_seconds": 60.0 * (index % 7),
            "transferred_agent": index % 2 == 0,
            "tags": ["a", "b"][: index % 3],
            "_unmapped": '{"x": 1}' if index % 10 == 0 else None,
        }
        for index in range(count)
    ]
    return [*timed, {"id": "f" * 24, "agent": "ana", "start_time": None}]


def form_rows(*ids: str) -> list[dict[str, Any]]:
    return [
        {"form": name, "id": f"{name}-{index}", "created_at": START + timedelta(days=index), "answers": '{"q": 1}'}
        for name in ids
        for index in range(3)
    ]


def all_rows() -> dict[str, list[dict[str, Any]]]:
    return {"calls": call_rows(), "forms": form_rows("f1", "f2", 'it\'s "odd"\\,')}


def settings_of(**options: Any) -> Any:
    return load_settings(**({"token": TOKEN, "time_zone": ZONE} | options))


def connect_to(source: MemorySource, native: Any = None, **options: Any) -> Connection:
    """What `connect` gives, or `attach` where a native connection is given, over a source in memory."""
    settings = settings_of(**options)
    owned = native is None
    native = duckdb.connect() if owned else native
    if owned:
        set_time_zone(native, settings.time_zone)
    catalog = open_catalog(native, settings, ledger=source.ledger, source=lambda: source)
    return Connection(native, catalog, owns_native=owned)


def wait_until(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


ENDPOINTS_BY_TABLE = by_table()
