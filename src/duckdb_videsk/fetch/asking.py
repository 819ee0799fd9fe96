"""One request until it has a judged answer: pace, retries, decoding off the event loop, and the request log."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.client import Client
from duckdb_videsk.decode import Decoder
from duckdb_videsk.endpoints import DOCUMENTED_KEYS
from duckdb_videsk.errors import ApiError, ClockError, ClosedError, ResponseError, VideskError
from duckdb_videsk.fetch.proof import judge
from duckdb_videsk.fetch.retry import delay_before
from duckdb_videsk.ledger import LoggedRequest
from duckdb_videsk.ranges import EVER, as_datetime
from duckdb_videsk.rate import Pace, seconds_ahead

if TYPE_CHECKING:
    from duckdb_videsk.client import Reply, Request
    from duckdb_videsk.fetch.proof import Shown
    from duckdb_videsk.fetch.retry import RetryBudget
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Asker"]

_DECODERS = 2
_LARGE = 8 << 20
_HELD_BY_DECODING = 2.4


@dataclass(slots=True)
class _Attempts:
    """What the log says of one request."""

    started: float = field(default_factory=time.monotonic)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    count: int = 0
    status: int | None = None
    size: int | None = None


class _Ways:
    """What belongs to one event loop: connections to the server, and threads that decode, large bodies in turn."""

    def __init__(self, settings: Settings) -> None:
        self.client = Client(settings, all_keys=DOCUMENTED_KEYS)
        self.threads = ThreadPoolExecutor(_DECODERS, thread_name_prefix="videsk-decode")
        self.one_large = threading.Lock()

    async def close(self) -> None:
        await self.client.close()
        self.threads.shutdown(wait=True, cancel_futures=True)


class Asker:
    """Asks requests of one account; decoding runs in threads beside the event loop.

    After `close` another event loop may go on with it: pace and what was learnt of the server stay.

    Attributes:
        clock_ahead: seconds that this machine's clock is ahead of the server's, by its last answer.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._ways: dict[asyncio.AbstractEventLoop, _Ways] = {}
        self._pace = Pace(settings.requests_per_second)
        self._decoders: dict[tuple[str, str | None], Decoder] = {}
        self._row_bytes: dict[str, float] = {}
        self._clock_fault: ClockError | None = None
        self.clock_ahead = 0.0

    async def close(self) -> None:
        """Let go of what belongs to the running loop; idempotent."""
        ways = self._ways.pop(asyncio.get_running_loop(), None)
        if ways is not None:
            await ways.close()

    def answer_bytes(self, path: str, cap: int) -> float:
        """Expected bytes of a full answer with what decoding makes of it; 0 while nothing is known."""
        return self._row_bytes.get(path, 0.0) * cap

    async def ask(self, request: Request, *, query: int, budget: RetryBudget) -> Shown:
        """A good, judged answer, after as many attempts as settings and budget allow.

        Raises:
            ApiError: the last attempt's failure, or RetryBudgetError.
            IncompleteError: the answer shows that rows could be lost or wrong.
        """
        self._refuse_shifted_clock(request)
        attempts = _Attempts()
        try:
            shown = await self._attempt_until_good(request, attempts, budget)
        except (VideskError, asyncio.CancelledError) as error:
            self._log(request, query, attempts, None, type(error).__name__)
            raise
        self._log(request, query, attempts, shown, None)
        return shown

    async def _attempt_until_good(self, request: Request, attempts: _Attempts, budget: RetryBudget) -> Shown:
        while True:
            attempts.count += 1
            try:
                shown = await self._attempt(request, attempts)
            except ApiError as error:
                error.attempt = attempts.count
                attempts.status = error.status
                if not error.retryable or attempts.count > self._settings.retries:
                    raise
                budget.failed(error)
                if error.retry_after is not None:
                    self._pace.pause(error.retry_after)
                await asyncio.sleep(delay_before(attempts.count + 1, error))
            else:
                budget.succeeded()
                return shown

    async def _attempt(self, request: Request, attempts: _Attempts) -> Shown:
        turn = await self._pace.turn()
        loop = asyncio.get_running_loop()
        ways = self._ways.get(loop) or self._ways.setdefault(loop, _Ways(self._settings))
        reply = await ways.client.send(request, on_sent=turn.sent)
        self._pace.learn(reply.headers)
        self.clock_ahead = seconds_ahead(reply.headers, time.time()) or 0.0
        attempts.status, attempts.size = reply.status, len(reply.body)
        try:
            shown = await self._decoded(ways, reply, request)
        except ResponseError as error:
            error.span, error.status = str(request), reply.status
            raise
        except ClockError as error:
            if request.endpoint.clock_rows == 1:
                self._clock_fault = error
            raise
        if shown.batch.num_rows:
            self._row_bytes[request.endpoint.path] = _HELD_BY_DECODING * len(reply.body) / shown.batch.num_rows
        if shown.clock_proven and request.endpoint.clock_rows == 1:
            self._clock_fault = None
        return shown

    async def _decoded(self, ways: _Ways, reply: Reply, request: Request) -> Shown:
        try:
            future = asyncio.get_running_loop().run_in_executor(ways.threads, self._decode, ways, reply, request)
        except RuntimeError as error:
            raise ClosedError("The scan was stopped, since the program is ending.") from error
        return await future

    def _decode(self, ways: _Ways, reply: Reply, request: Request) -> Shown:
        # Decoding holds more than a body again while it lasts: large ones take turns.
        if len(reply.body) > _LARGE:
            with ways.one_large:
                return self._judged(reply, request)
        try:
            return self._judged(reply, request)
        finally:
            # Arrow keeps what each thread has freed, for that thread.
            pa.default_memory_pool().release_unused()

    def _judged(self, reply: Reply, request: Request) -> Shown:
        decoder = self._decoders.setdefault(
            (request.endpoint.path, request.id), Decoder(request.endpoint, request.id)
        )
        return judge(decoder.decode(reply.body), request)

    def _refuse_shifted_clock(self, request: Request) -> None:
        """A shift seen on an export with a clock holds for the whole account, until such an export disproves it."""
        if self._clock_fault is not None and request.endpoint.clock_rows != 1:
            raise ClockError(self._clock_fault.message, endpoint=request.endpoint.path, span=str(request))

    def _log(self, request: Request, query: int, attempts: _Attempts, shown: Shown | None, error: str | None) -> None:
        self._ledger.add(
            LoggedRequest(
                query=query,
                table_name=request.endpoint.table,
                id=request.id,
                asked_from=as_datetime(request.span.start) if request.span.start >= EVER.start else None,
                asked_until=as_datetime(request.span.end) if request.span.end <= EVER.end else None,
                newest_first=request.newest_first,
                rows=None if shown is None else shown.batch.num_rows,
                cap=None if shown is None else shown.limit,
                capped=None if shown is None else shown.cut,
                attempts=attempts.count,
                status=attempts.status,
                ms=(time.monotonic() - attempts.started) * 1_000,
                bytes=attempts.size,
                at=attempts.at,
                error=error,
            )
        )
