"""From ranges to batches: an engine for each account, a scan for each time a table is read.

All or nothing: a scan gives every row of its ranges once, or raises. What to ask next is the planner's matter, what
an answer proves `proof`'s, what to do within a crowded second `crowded`'s.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from duckdb_videsk.client import Request
from duckdb_videsk.errors import ClosedError, UnplacedRowError
from duckdb_videsk.fetch.asking import Asker
from duckdb_videsk.fetch.audit import Audit, Doubts
from duckdb_videsk.fetch.crowded import SecondReader
from duckdb_videsk.fetch.outlet import Outlet
from duckdb_videsk.fetch.planner import Plan
from duckdb_videsk.fetch.proof import rows_within
from duckdb_videsk.fetch.retry import RetryBudget
from duckdb_videsk.fetch.runtime import LoopThread
from duckdb_videsk.ranges import SECOND, Range, micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.crowded import Ends
    from duckdb_videsk.fetch.planner import Ask
    from duckdb_videsk.fetch.proof import Shown
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Engine", "Scan"]

_FIRST_WAVE = 2
_SLICES = 4
_SPARE_FAILURES = 40
_CLOSING_SECONDS = 5.0


class Engine:
    """Reads the exports of one account. Thread-safe; scans run side by side."""

    def __init__(self, settings: Settings, *, ledger: Ledger) -> None:
        self.settings = settings
        self.ledger = ledger
        self.loops = LoopThread("videsk-requests", self._close_asker)
        self.ends: dict[str, Ends] = {}
        self._asker: Asker | None = None
        self._closed = False

    def scan(
        self,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        *,
        ids: Sequence[str] = (),
        null_times: bool = False,
    ) -> Scan:
        """Start to read; nothing is asked before the first batch is wanted.

        Args:
            endpoint: the export.
            ranges: what to read, half-open, in microseconds.
            ids: the forms or surveys to read, for exports that take one.
            null_times: whether rows without a time are wanted too.
        """
        if self._closed:
            raise ClosedError("The connection is closed: open a new one with duckdb_videsk.connect().")
        wanted: Sequence[str | None] = ids if endpoint.parameter is not None else (None,)
        return Scan(self, endpoint, ranges, wanted, null_times=null_times)

    def asker(self) -> Asker:
        """The asker of the running loop; to be called on it."""
        if self._asker is None:
            self._asker = Asker(self.settings, self.ledger)
        return self._asker

    def close(self) -> None:
        """Stop every scan; idempotent."""
        self._closed = True
        self.loops.stop()

    async def _close_asker(self) -> None:
        asker, self._asker = self._asker, None
        if asker is not None:
            await asker.close()


class Scan(Iterator["pa.RecordBatch"]):
    """The batches of one read, in no order of time. Any thread may iterate, one at a time, or close it.

    Attributes:
        number: of this scan in the request log (`query` in `videsk.requests`).
    """

    def __init__(
        self,
        engine: Engine,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        ids: Sequence[str | None],
        *,
        null_times: bool,
    ) -> None:
        self.number = engine.ledger.next_query()
        self._engine = engine
        self._fetch = _Fetch(engine, self.number, endpoint, ranges, ids, null_times=null_times)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __next__(self) -> pa.RecordBatch:
        batch = None
        while batch is None:
            batch = self.poll(None)
        return batch

    def poll(self, timeout: float | None) -> pa.RecordBatch | None:
        """The next batch, or None if none came within `timeout` seconds (None: wait on).

        Raises:
            StopIteration: every row has been given.
            VideskError: the rows cannot be had, or not whole.
        """
        self._start()
        try:
            return self._fetch.outlet.take(timeout)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Stop asking and free everything; idempotent."""
        with self._lock:
            self._closed = True
            loop = self._loop
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
            self._loop = self._engine.loops.hold()
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._fetch.run()
        except asyncio.CancelledError:
            self._fetch.outlet.end(ClosedError("The scan was stopped, since its connection was closed."))
        except BaseException as error:  # noqa: BLE001 - whatever it was, the reader has to hear of it
            self._fetch.outlet.end(error)
        else:
            self._fetch.outlet.end()
        finally:
            self._stopped.set()
            self._engine.loops.let_go()


class _Part:
    """One id's share of a scan: its plan, and the audit of its answers."""

    def __init__(self, endpoint: Endpoint, asked_id: str | None, ranges: Sequence[Range]) -> None:
        self.id = asked_id
        self.plan = Plan(ranges, now=micros(datetime.now(UTC)))
        self.audit = Audit(endpoint)
        self.doubts = Doubts()
        self._outer = {edge for piece in self.plan.ranges for edge in (piece.start, piece.end)}

    def compare(self, keep: Range, batch: pa.RecordBatch, *, until: int) -> None:
        """Hold an answer, of which `keep` is kept and seconds before `until` are whole, against its neighbours."""
        if keep.start not in self._outer:
            self.audit.after(keep.start, batch, until=until)
        if keep.end not in self._outer:
            self.audit.before(keep.end, batch, until=until)


class _Fetch:
    """The loop's side of a scan."""

    def __init__(
        self,
        engine: Engine,
        number: int,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        ids: Sequence[str | None],
        *,
        null_times: bool,
    ) -> None:
        self.outlet = Outlet(self._on_demand)
        self._engine = engine
        self._number = number
        self._endpoint = endpoint
        self._null_times = null_times
        self._parts = [_Part(endpoint, asked_id, ranges) for asked_id in ids]
        self._budget = RetryBudget(spare=_SPARE_FAILURES)
        self._second_lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._answers = 0
        self._cap = 0
        self._open = False

    def _on_demand(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                while self._may_start(len(tasks)) and (job := self._next_job()) is not None:
                    tasks.add(self._loop.create_task(self._read(*job)))
                if not tasks and all(part.plan.finished for part in self._parts):
                    return
                tasks = await self._progress(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _progress(self, tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Wait until an answer was handled or the reader took something; gives the tasks still under way."""
        waker = asyncio.ensure_future(self._wake.wait())
        try:
            done, _ = await asyncio.wait({*tasks, waker}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
        for task in done - {waker}:
            task.result()
        return tasks - done

    def _next_job(self) -> tuple[_Part, Ask] | None:
        for part in self._parts:
            if not part.plan.finished and (ask := part.plan.next()) is not None:
                return part, ask
        return None

    def _may_start(self, under_way: int) -> bool:
        """Concurrency, memory, and a first wave that is small until its rows have been taken (a LIMIT may end it)."""
        settings = self._engine.settings
        if under_way >= settings.concurrency:
            return False
        self._open = self._open or (self._answers > 0 and self.outlet.hungry)
        if not self._open:
            return not self._answers and under_way < _FIRST_WAVE
        if not under_way:
            return self.outlet.hungry or self.outlet.held_bytes < settings.in_flight_bytes
        answer = self._engine.asker().answer_bytes(self._endpoint.path, self._cap)
        return self.outlet.held_bytes + answer * (under_way + 1) <= settings.in_flight_bytes

    async def _read(self, part: _Part, ask: Ask) -> None:
        until = ask.range.end + SECOND if ask.newest_first else part.audit.overlap_until(ask.range.end)
        span = Range(ask.range.start - SECOND, until)
        request = Request(self._endpoint, span, newest_first=ask.newest_first, id=part.id)
        shown = part.doubts.weigh(await self._ask(request), request)
        covered = self._covered(shown, ask)
        if covered.empty and not ask.newest_first:
            await self._read_crowded(part, ask)
        else:
            rows, cap = shown.batch.num_rows, min(shown.limit, shown.batch.num_rows) if shown.cut else shown.limit
            self._cap = cap
            keep = part.plan.answered(ask, covered, rows=rows, cap=cap, first=shown.first, last=shown.last)
            if not keep.empty:
                known_until = until if ask.newest_first or not shown.cut else covered.end
                part.compare(keep, shown.batch, until=known_until)
                self._emit(self._to_keep(part, keep, shown))
        self._answers += 1

    async def _read_crowded(self, part: _Part, ask: Ask) -> None:
        """Read the first second of an ask by itself: it is as far as a whole answer reaches."""
        covered = Range(ask.range.start, ask.range.start + SECOND)
        path = self._endpoint.path
        async with self._second_lock:
            reader = SecondReader(
                self._endpoint,
                lambda span: self._ask(Request(self._endpoint, span, id=part.id)),
                ends=self._engine.ends.get(path),
            )
            batch = await reader.read(covered.start)
            if reader.ends is not None:
                self._engine.ends[path] = reader.ends
        keep = part.plan.answered(
            ask, covered, rows=batch.num_rows, cap=self._cap or 1, first=covered.start, last=covered.start
        )
        if not keep.empty:
            self._emit(batch)

    def _covered(self, shown: Shown, ask: Ask) -> Range:
        """The seconds of an ask that an answer shows whole."""
        if not shown.cut:
            return ask.range
        if shown.first is None or shown.last is None:
            raise self._unplaced("an answer full of them")
        if ask.newest_first:
            return Range(max(shown.first + SECOND, ask.range.start), ask.range.end)
        return Range(ask.range.start, min(shown.last, ask.range.end))

    def _to_keep(self, part: _Part, keep: Range, shown: Shown) -> pa.RecordBatch:
        if shown.timeless and self._null_times:
            if shown.cut or (keep,) != part.plan.ranges:
                raise self._unplaced("an answer that covers only a part of the range")
            return shown.batch
        inside = shown.first is None or shown.last is None or (shown.first in keep and shown.last in keep)
        if inside and not shown.timeless:
            return shown.batch
        return rows_within(shown.batch, self._endpoint, keep)

    def _unplaced(self, where: str) -> UnplacedRowError:
        column = self._endpoint.range_column
        return UnplacedRowError(
            f"Records without a {column} came in {where}, so how often each one stands is unknown. "
            f"Ask for a range of {column}, or for less than one answer holds.",
            endpoint=self._endpoint.path,
        )

    async def _ask(self, request: Request) -> Shown:
        return await self._engine.asker().ask(request, query=self._number, budget=self._budget)

    def _emit(self, batch: pa.RecordBatch) -> None:
        """Hand over in slices, so that a reader who wants a few rows does not seem to want all."""
        step = -(-batch.num_rows // _SLICES)
        for start in range(0, batch.num_rows, max(step, 1)):
            self.outlet.put(batch.slice(start, step))
