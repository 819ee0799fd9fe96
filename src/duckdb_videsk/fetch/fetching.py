"""One scan on the event loop: what is under way, how much may be, and what of each answer is handed over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from duckdb_videsk.client import Request
from duckdb_videsk.errors import ResponseError, UnplacedRowError
from duckdb_videsk.fetch.audit import Audit, Doubts
from duckdb_videsk.fetch.crowded import SecondReader
from duckdb_videsk.fetch.outlet import Outlet
from duckdb_videsk.fetch.planner import Plan
from duckdb_videsk.fetch.retry import RetryBudget
from duckdb_videsk.ranges import SECOND, Range, micros
from duckdb_videsk.trimming import instants, rows_within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.account import Account
    from duckdb_videsk.fetch.planner import Ask
    from duckdb_videsk.fetch.proof import Shown
    from duckdb_videsk.guard import Guard

__all__ = ["Fetch", "Progress"]

_FIRST_WAVE = 2
_ORDERLY_ANSWERS = 4
_SLICES = 4
_SPARE_FAILURES = 40
_TICK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is.

    Attributes:
        number: of the scan.
        table: that it reads.
        rows: records received.
        requests: answered so far.
        expected: requests expected in all; None while nothing is known.
        ended: whether nothing more will come.
    """

    number: int
    table: str
    rows: int
    requests: int
    expected: int | None
    ended: bool


class _Part:
    """One id's share of a scan: its plan, and the audit of its answers."""

    def __init__(self, endpoint: Endpoint, asked_id: str | None, ranges: Sequence[Range], account: Account) -> None:
        self.id = asked_id
        self.history = account.history(endpoint, asked_id)
        self._now = micros(datetime.now(UTC))
        self._endpoint = endpoint
        self.plan = Plan(ranges, now=self._now, outlook=self.history.outlook(), cap=self.history.cap)
        self.audit = Audit(endpoint, now=self._now)
        self.doubts = Doubts(now=self._now)
        self._outer = {edge for piece in self.plan.ranges for edge in (piece.start, piece.end)}

    def learn(self, keep: Range, batch: pa.RecordBatch) -> None:
        """Remember how many rows there were, for later scans."""
        self.history.note(keep, instants(batch, self._endpoint).drop_null(), now=self._now)

    def compare(self, keep: Range, batch: pa.RecordBatch, *, until: int) -> None:
        """Hold an answer, of which `keep` is kept and seconds before `until` are whole, against its neighbours."""
        if keep.start not in self._outer:
            self.audit.after(keep.start, batch, until=until)
        if keep.end not in self._outer:
            self.audit.before(keep.end, batch, until=until)


class Fetch:
    """The loop's side of a scan.

    Attributes:
        outlet: where its batches go.
        in_order: whether it reads from one end of time, an answer at a time and a batch for each. A reader that has
            not had enough after some of them wants the rest as soon as may be.
    """

    def __init__(
        self,
        account: Account,
        number: int,
        endpoint: Endpoint,
        wanted: Mapping[str | None, Sequence[Range]],
        *,
        null_times: bool,
        guard: Guard,
        order: Literal["newest", "oldest"] | None,
        watch: Callable[[Progress], None] | None,
    ) -> None:
        self.outlet = Outlet(self._on_demand)
        self._watch = watch
        self._account = account
        self._number = number
        self._endpoint = endpoint
        self._null_times = null_times
        self._guard = guard
        self._newest_first = order == "newest"
        self.in_order = order is not None and len(wanted) == 1
        self._wanted = wanted
        self._parts: list[_Part] = []
        self._budget = RetryBudget(spare=_SPARE_FAILURES)
        self._second_lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._answers = 0
        self._rows = 0
        self._cap = 0
        self._open = False
        self._weighed = False

    def _on_demand(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parts = [_Part(self._endpoint, *part, self._account) for part in self._wanted.items()]
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
            for part in self._parts:
                part.history.save()
            self._tell(ended=True)

    async def _progress(self, tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Wait until an answer was handled or the reader took something; gives the tasks still under way."""
        waker = asyncio.ensure_future(self._wake.wait())
        tick = None if self._watch is None else _TICK_SECONDS
        try:
            done, _ = await asyncio.wait({*tasks, waker}, return_when=asyncio.FIRST_COMPLETED, timeout=tick)
        finally:
            waker.cancel()
        for task in done - {waker}:
            task.result()
        self._tell(ended=False)
        return tasks - done

    def _tell(self, *, ended: bool) -> None:
        if self._watch is not None:
            table, expected = self._endpoint.table, self._expected()
            self._watch(Progress(self._number, table, self._rows, self._answers, expected, ended))

    def _expected(self) -> int | None:
        """Requests expected in all; None while nothing is known."""
        ahead = [part.plan.expected_requests() for part in self._parts]
        known = [count for count in ahead if count is not None]
        return self._answers + round(sum(known)) if len(known) == len(ahead) else None

    def _weigh(self) -> None:
        """Tell the guard how large the scan is, once that is known and more than the first rows are wanted."""
        if self._weighed or not all(part.plan.finished or part.plan.is_sound for part in self._parts):
            return
        if (expected := self._expected()) is not None:
            self._weighed = True
            self._guard.weigh(self._endpoint.table, self._endpoint.range_column, expected)

    def _next_job(self) -> tuple[_Part, Ask] | None:
        if self.in_order:
            (part,) = self._parts
            ask = part.plan.next_in_order(newest_first=self._newest_first)
            if ask is not None or part.plan.finished:
                return None if ask is None else (part, ask)
            self.in_order = False
        for part in self._parts:
            if not part.plan.finished and (ask := part.plan.next()) is not None:
                return part, ask
        return None

    def _may_start(self, under_way: int) -> bool:
        """Concurrency, memory, and a first wave that is small until its rows have been taken (a LIMIT may end it)."""
        settings = self._account.settings
        if under_way >= settings.concurrency:
            return False
        if self.in_order:
            if under_way or (self._answers and not self.outlet.hungry):
                return False
            if self._answers < _ORDERLY_ANSWERS:
                return True
            self.in_order = False
        self._open = self._open or (self._answers > 0 and self.outlet.hungry)
        if not self._open:
            return not self._answers and under_way < _FIRST_WAVE
        self._weigh()
        if not under_way:
            return self.outlet.hungry or self.outlet.held_bytes < settings.in_flight_bytes
        answer = self._account.asker.answer_bytes(self._endpoint.path, self._cap)
        return self.outlet.held_bytes + answer * (under_way + 1) <= settings.in_flight_bytes

    async def _read(self, part: _Part, ask: Ask) -> None:
        until = ask.range.end + SECOND if ask.newest_first else part.audit.overlap_until(ask.range.end)
        span = Range(ask.range.start - SECOND, until)
        request = Request(self._endpoint, span, newest_first=ask.newest_first, id=part.id)
        shown = part.doubts.weigh(await self._ask(request), request)
        covered = self._covered(shown, ask)
        if covered.empty and not ask.newest_first:
            await self._read_crowded(part, ask, shown)
        else:
            rows, cap = shown.batch.num_rows, min(shown.limit, shown.batch.num_rows) if shown.cut else shown.limit
            self._cap = part.history.cap = cap
            keep = part.plan.answered(ask, covered, rows=rows, cap=cap, first=shown.first, last=shown.last)
            if not keep.empty:
                known_until = until if ask.newest_first or not shown.cut else covered.end
                part.compare(keep, shown.batch, until=known_until)
                rows_kept = self._to_keep(part, keep, shown)
                part.learn(keep, rows_kept)
                self._emit(rows_kept)
        self._answers += 1

    async def _read_crowded(self, part: _Part, ask: Ask, shown: Shown) -> None:
        """Read the first second of an ask by itself: it is as far as a whole answer reaches."""
        covered = Range(ask.range.start, ask.range.start + SECOND)
        path = self._endpoint.path
        async with self._second_lock:
            reader = SecondReader(
                self._endpoint,
                lambda span: self._ask_inside(part, span),
                ends=self._account.ends.get(path),
            )
            batch = await reader.read(covered.start)
            if reader.ends is not None:
                self._account.ends[path] = reader.ends
        if batch.num_rows > rows_within(shown.batch, self._endpoint, covered).num_rows:
            part.doubts.confirm(shown, covered, self._endpoint)
        keep = part.plan.answered(
            ask, covered, rows=batch.num_rows, cap=self._cap or 1, first=covered.start, last=covered.start
        )
        if not keep.empty:
            part.learn(keep, batch)
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
        if shown.unread is not None:
            raise self._unreadable(shown.unread)
        inside = shown.first is None or shown.last is None or (shown.first in keep and shown.last in keep)
        if inside and not shown.timeless:
            return shown.batch
        return rows_within(shown.batch, self._endpoint, keep)

    def _unreadable(self, labels: str) -> ResponseError:
        error = ResponseError(
            f"The answer's times cannot be read: {labels} is missing, or in a form that is not known. No rows are "
            "returned, since a range of time could leave them out unseen. Please report this; without a condition on "
            f"{self._endpoint.range_column} the records can be read.",
            endpoint=self._endpoint.path,
        )
        error.retryable = False
        return error

    def _unplaced(self, where: str) -> UnplacedRowError:
        column = self._endpoint.range_column
        return UnplacedRowError(
            f"Records without a {column} came in {where}, so how often each one stands is unknown. "
            f"Ask for a range of {column}, or for less than one answer holds.",
            endpoint=self._endpoint.path,
        )

    async def _ask(self, request: Request) -> Shown:
        self._guard.take(self._endpoint.table)
        return await self._account.asker.ask(request, query=self._number, budget=self._budget)

    async def _ask_inside(self, part: _Part, span: Range) -> Shown:
        """Ask for a part of a crowded second."""
        return part.doubts.distrust(await self._ask(Request(self._endpoint, span, id=part.id)))

    def _emit(self, batch: pa.RecordBatch) -> None:
        """Hand over in slices, so that a reader who wants a few rows does not seem to want all."""
        self._rows += batch.num_rows
        step = -(-batch.num_rows // (1 if self.in_order else _SLICES))
        for start in range(0, batch.num_rows, max(step, 1)):
            self.outlet.put(batch.slice(start, step))
