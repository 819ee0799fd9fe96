"""From ranges to batches: an engine for each account, a scan for each time a table is read.

All or nothing: a scan gives every row of its ranges once, or raises. What to ask next is the planner's matter, what
an answer proves `proof`'s, what to do within a crowded second `crowded`'s.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from duckdb_videsk.client import Request
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ClosedError, ConnectionFailedError
from duckdb_videsk.fetch.account import Account
from duckdb_videsk.fetch.fetching import Fetch
from duckdb_videsk.fetch.planner import Plan
from duckdb_videsk.fetch.questions import newest_questions
from duckdb_videsk.fetch.retry import RetryBudget
from duckdb_videsk.fetch.runtime import LoopThread, connection_closed
from duckdb_videsk.fetch.slicing import slice_ranges
from duckdb_videsk.guard import Guard
from duckdb_videsk.ranges import EVER, SECOND, Range, micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.fetching import Progress
    from duckdb_videsk.fetch.slicing import Slicing
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Engine", "Estimate", "Scan"]

_CLOSING_SECONDS = 5.0
_POLL_SECONDS = 0.2
_REACHING_SECONDS = 20.0
_REACHING_RETRIES = 2
_LONG_AGO = Request(
    by_table()["calls"],
    Range(micros(datetime(2000, 1, 1, tzinfo=UTC)), micros(datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC))),
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a read is expected to cost; None where nothing is known yet."""

    requests: int | None
    rows: int | None


class Engine:
    """Reads the exports of one account. Thread-safe; scans run side by side."""

    def __init__(
        self, settings: Settings, *, ledger: Ledger, watch: Callable[[Progress], None] | None = None
    ) -> None:
        """`watch` is told how far each scan is, a few times a second, on the engine's own thread."""
        self.account = Account(settings, ledger)
        self.loops = LoopThread("videsk-requests", self.account.asker.close)
        self.watch = watch
        self._closed = False

    def scan(
        self,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        *,
        ids: Sequence[str] = (),
        null_times: bool = False,
        guard: Guard | None = None,
        order: Literal["newest", "oldest"] | None = None,
    ) -> Scan:
        """Start to read; nothing is asked before the first batch is wanted.

        Args:
            endpoint: the export.
            ranges: what to read, half-open, in microseconds.
            ids: the forms or surveys to read, for exports that take one.
            null_times: whether rows without a time are wanted too.
            guard: what the scan may cost; None for whatever it takes.
            order: which rows to read first, since the reader may have enough of them soon; None for the fewest
                requests.
        """
        wanted: Sequence[str | None] = ids if endpoint.parameter is not None else (None,)
        parts = dict.fromkeys(wanted, ranges)
        return self.scan_parts(endpoint, parts, null_times=null_times, guard=guard, order=order)

    def scan_parts(
        self,
        endpoint: Endpoint,
        parts: Mapping[str | None, Sequence[Range]],
        *,
        null_times: bool = False,
        guard: Guard | None = None,
        order: Literal["newest", "oldest"] | None = None,
    ) -> Scan:
        """The same, with ranges for each id; the id is None for exports that take none."""
        self._refuse_closed()
        return Scan(self, endpoint, parts, null_times=null_times, guard=guard or Guard(), order=order)

    def questions(self, endpoint: Endpoint, asked_id: str, *, check: Callable[[], None]) -> tuple[str, ...]:
        """The labels of a form's or survey's questions; waits for the API.

        Args:
            endpoint: an export that takes an id.
            asked_id: the form or survey.
            check: called a few times a second; what it raises ends the wait.

        Raises:
            VideskError: they cannot be had.
        """
        self._refuse_closed()
        loop = self.loops.hold()
        try:
            asking = asyncio.run_coroutine_threadsafe(newest_questions(self.account, endpoint, asked_id), loop)
            return _awaited(asking, check)
        finally:
            self.loops.let_go()

    def estimate(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None) -> Estimate:
        """What a read of these ranges is expected to cost, as far as earlier ones tell. Nothing is asked."""
        self._refuse_closed()
        loop = self.loops.hold()
        try:
            return asyncio.run_coroutine_threadsafe(self._estimate(endpoint, ranges, asked_id), loop).result()
        finally:
            self.loops.let_go()

    async def _estimate(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None) -> Estimate:
        history = self.account.history(endpoint, asked_id)
        now = micros(datetime.now(UTC))
        plan = Plan(ranges, now=now, outlook=history.outlook(), cap=history.cap)
        rows, requests = plan.expected_rows(), plan.expected_requests()
        if rows is None or requests is None:
            return Estimate(None, None)
        return Estimate(round(requests), round(rows))

    def slices(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None, *, most: int) -> Slicing:
        """The ranges in at most `most` pieces for several readers; asks a few requests where nothing is known.

        Raises:
            VideskError: one of them failed.
        """
        self._refuse_closed()
        loop = self.loops.hold()
        try:
            slicing = slice_ranges(self.account, endpoint, ranges, asked_id, most=most)
            return asyncio.run_coroutine_threadsafe(slicing, loop).result()
        finally:
            self.loops.let_go()

    def look_for_timeless(self, endpoint: Endpoint, asked_id: str | None) -> Future[bool]:
        """Ask whether there are rows without a time: they come where a request has no bounds, if anywhere."""
        self._refuse_closed()
        loop = self.loops.hold()
        request = Request(endpoint, Range(EVER.start - SECOND, EVER.end + SECOND), id=asked_id)
        found = asyncio.run_coroutine_threadsafe(self._is_timeless(request), loop)
        found.add_done_callback(lambda _: self.loops.let_go())
        return found

    def reach(self) -> Future[None]:
        """Ask for a second of long ago: one small request, to see whether the account can be read."""
        self._refuse_closed()
        loop = self.loops.hold()
        found = asyncio.run_coroutine_threadsafe(self._reach(), loop)
        found.add_done_callback(lambda _: self.loops.let_go())
        return found

    def cap(self, endpoint: Endpoint, asked_id: str | None) -> int:
        """Records in one answer as last announced; 0 while unknown."""
        return self.account.history(endpoint, asked_id).cap

    def clock_ahead(self) -> float:
        """Seconds that this machine's clock is ahead of the server's, by its last answer."""
        return self.account.asker.clock_ahead

    async def _reach(self) -> None:
        settings = self.account.settings
        budget = RetryBudget(spare=min(settings.retries, _REACHING_RETRIES))
        query = self.account.ledger.next_query()
        seconds = min(settings.timeout_seconds, _REACHING_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self.account.asker.ask(_LONG_AGO, query=query, budget=budget)
        except TimeoutError:
            raise ConnectionFailedError(f"There was no answer within {seconds:g} seconds.") from None

    async def _is_timeless(self, request: Request) -> bool:
        budget = RetryBudget(spare=self.account.settings.retries)
        shown = await self.account.asker.ask(request, query=self.account.ledger.next_query(), budget=budget)
        return shown.timeless > 0

    def close(self) -> None:
        """Stop every scan; nothing is asked from then on. Idempotent."""
        self._closed = True
        self.loops.stop()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise connection_closed()


class Scan(Iterator["pa.RecordBatch"]):
    """The batches of one read, in no order of time. Any thread may iterate, one at a time, or close it.

    Attributes:
        number: of this scan in the request log (`query` in `videsk.requests`).
    """

    def __init__(
        self,
        engine: Engine,
        endpoint: Endpoint,
        parts: Mapping[str | None, Sequence[Range]],
        *,
        null_times: bool,
        guard: Guard,
        order: Literal["newest", "oldest"] | None,
    ) -> None:
        self.number = engine.account.ledger.next_query()
        self._engine = engine
        self._fetch = Fetch(
            engine.account,
            self.number,
            endpoint,
            parts,
            null_times=null_times,
            guard=guard,
            order=order,
            watch=engine.watch,
        )
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._exhausted = False

    @property
    def in_order(self) -> bool:
        """Whether each batch so far holds what comes next in the order asked for, and all that has its times."""
        return self._fetch.in_order

    def __next__(self) -> pa.RecordBatch:
        batch = None
        while batch is None:
            batch = self.poll(None)
        return batch

    def poll(self, timeout: float | None) -> pa.RecordBatch | None:
        """The next batch, or None if none came within `timeout` seconds (None: wait on).

        Raises:
            StopIteration: every row has been given.
            VideskError: the rows cannot be had, or not whole; ClosedError where the scan or its engine was closed.
        """
        self._start()
        try:
            return self._fetch.outlet.take(timeout)
        except StopIteration:
            self._exhausted = True
            raise

    def close(self) -> None:
        """Stop asking and free everything; idempotent."""
        with self._lock:
            self._closed = True
            loop = self._loop
        if not self._exhausted:
            self._fetch.outlet.end(ClosedError("The scan was closed before its end."))
        if loop is None or self._stopped.is_set():
            return
        loop.call_soon_threadsafe(self._cancel)
        if not self._engine.loops.is_current():
            self._stopped.wait(_CLOSING_SECONDS)

    def _start(self) -> None:
        with self._lock:
            if self._closed or self._loop is not None:
                return
            self._loop = self._engine.loops.hold(self._begin)

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._fetch.run())
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[None]) -> None:
        """However the task ended, also before its first step: the reader has to hear of it."""
        if task.cancelled():
            self._fetch.outlet.end(ClosedError("The scan was stopped, since its connection was closed."))
        else:
            self._fetch.outlet.end(task.exception())
        self._stopped.set()
        self._engine.loops.let_go()


def _awaited(asking: concurrent.futures.Future[tuple[str, ...]], check: Callable[[], None]) -> tuple[str, ...]:
    try:
        while not asking.done():
            check()
            concurrent.futures.wait([asking], _POLL_SECONDS)
        return asking.result()
    except concurrent.futures.CancelledError:
        raise ClosedError("The question was not answered, since the connection was closed.") from None
    finally:
        asking.cancel()
