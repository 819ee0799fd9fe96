"""The doctor's requests: one at a time, no more than a bound, each in the request log, with what it cost."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from duckdb_videsk.client import Client
from duckdb_videsk.decode import Decoder
from duckdb_videsk.decode.placement import Placement
from duckdb_videsk.doctor.evidence import Failure, Sample, Seen, headings_and_time_shapes
from duckdb_videsk.endpoints import DOCUMENTED_KEYS
from duckdb_videsk.errors import ApiError, RateLimitError, ResponseError
from duckdb_videsk.fetch.retry import delay_before
from duckdb_videsk.ledger import LoggedRequest
from duckdb_videsk.ranges import EVER, as_datetime
from duckdb_videsk.rate import Pace, seconds_ahead

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk.client import Reply, Request
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Prober", "Spent", "Unanswered"]

_RETRIES = 2
_KNOWN_WORDS = re.compile(
    r"jwt [a-z ]+|invalid (signature|token|algorithm)|not authenticated|unauthorized|forbidden"
    r"|you do not have access to this resource",
    re.IGNORECASE,
)


class Spent(Exception):  # noqa: N818 - it is an end, not a fault
    """As many requests have been made as may be."""


class Unanswered(Exception):  # noqa: N818
    """A request has no good answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


@dataclass(slots=True)
class _Attempts:
    """What the log says of one request."""

    started: float = field(default_factory=time.monotonic)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    count: int = 0
    status: int | None = None
    size: int | None = None


class Prober:
    """Asks single requests of an account, and reads the answers as scans do.

    Args:
        settings: of the connection.
        ledger: the request log.
        most: attempts that may be made in all.
        watch: called after each request.

    Attributes:
        settings: those in use; another header where `use_header` said so.
        sent, failed, received: attempts, those without a good answer, bytes of bodies unpacked.
        limited: attempts refused for the rate.
        samples: what each good attempt cost.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, *, most: int, watch: Callable[[], None] | None = None
    ) -> None:
        self.settings = settings
        self.most = most
        self.sent = self.failed = self.received = self.limited = 0
        self.samples: list[Sample] = []
        self._ledger = ledger
        self._watch = watch
        self._query = ledger.next_query()
        self._pace = Pace(settings.requests_per_second)
        self._client = Client(settings, all_keys=DOCUMENTED_KEYS)

    async def close(self) -> None:
        await self._client.close()

    async def use_header(self, name: str) -> None:
        """Send the token in another header from here on."""
        await self._client.close()
        self.settings = replace(self.settings, auth_header=name)
        self._client = Client(self.settings, all_keys=DOCUMENTED_KEYS)

    async def ask(self, request: Request) -> Seen:
        """A readable answer.

        Raises:
            Unanswered: there is none.
            Spent: no more requests may be made.
        """
        attempts, seen, reply = _Attempts(), None, None
        error: ApiError | None = None
        try:
            reply = await self._reply(request, attempts, min(_RETRIES, self.settings.retries))
            seen = await asyncio.to_thread(_read, reply, request)
        except ResponseError as refused:
            error = refused
            raise Unanswered(_unreadable(refused, reply)) from None
        except ApiError as failed:
            error = failed
            raise Unanswered(_failure(failed)) from None
        finally:
            if attempts.count:
                self._log(request, attempts, seen, None if error is None else type(error).__name__)
            if self._watch is not None:
                self._watch()
        return seen

    async def _reply(self, request: Request, attempts: _Attempts, retries: int) -> Reply:
        while True:
            turn = await self._pace.turn()
            if self.sent >= self.most:
                raise Spent
            attempts.count += 1
            self.sent += 1
            began = time.perf_counter()
            try:
                reply = await self._client.send(request, on_sent=turn.sent)
            except ApiError as error:
                self.failed += 1
                self.limited += isinstance(error, RateLimitError)
                attempts.status = error.status
                if not error.retryable or attempts.count > retries:
                    raise
                if error.retry_after is not None:
                    self._pace.pause(error.retry_after)
                await asyncio.sleep(delay_before(attempts.count + 1, error))
            else:
                self._note(reply, (time.perf_counter() - began) * 1_000)
                attempts.status, attempts.size = reply.status, len(reply.body)
                return reply

    def _note(self, reply: Reply, ms: float) -> None:
        self._pace.learn(reply.headers)
        self.received += len(reply.body)
        length, packed = reply.headers.get("content-length", ""), reply.headers.get("content-encoding", "")
        self.samples.append(
            Sample(
                ms=ms,
                size=len(reply.body),
                packed="" if packed.lower() == "identity" else packed.lower(),
                wire=int(length) if length.isdecimal() else None,
                headers={name: text for name, text in reply.headers.items() if name.startswith("ratelimit")},
                ahead=seconds_ahead(reply.headers, time.time()),
            )
        )

    def _log(self, request: Request, attempts: _Attempts, seen: Seen | None, error: str | None) -> None:
        self._ledger.add(
            LoggedRequest(
                query=self._query,
                table_name=request.endpoint.table,
                id=request.id,
                asked_from=as_datetime(request.span.start) if request.span.start >= EVER.start else None,
                asked_until=as_datetime(request.span.end) if request.span.end <= EVER.end else None,
                newest_first=request.newest_first,
                rows=None if seen is None else seen.rows,
                cap=None if seen is None else seen.limit,
                capped=None if seen is None else seen.full,
                attempts=attempts.count,
                status=attempts.status,
                ms=(time.monotonic() - attempts.started) * 1_000,
                bytes=attempts.size,
                at=attempts.at,
                error=error,
            )
        )


def _read(reply: Reply, request: Request) -> Seen:
    answer = Decoder(request.endpoint, request.id).decode(reply.body)
    listed, shapes = headings_and_time_shapes(request.endpoint, reply.body)
    return Seen(
        request=request,
        limit=answer.limit,
        labels=listed,
        left_over=Placement.of(request.endpoint, set(listed)).left_over(listed),
        batch=answer.batch,
        time_shapes=shapes,
    )


def _failure(error: ApiError) -> Failure:
    # Other words may quote what was asked for, or name somebody.
    said = error.said if _KNOWN_WORDS.fullmatch(error.said) else ""
    return Failure(type(error).__name__, error.status, error.answered, said)


def _unreadable(error: ResponseError, reply: Reply | None) -> Failure:
    """The error's own text may quote the body, and so a record."""
    if reply is None:
        return _failure(error)
    page = reply.body.lstrip()[:1] == b"<"
    what = "a web page" if page else "an answer that is not as documented"
    return Failure(type(error).__name__, reply.status, None, "", what)
