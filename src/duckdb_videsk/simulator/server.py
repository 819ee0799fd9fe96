"""The simulator as a server on a real socket: its life, its routes, and the facts it keeps of each request."""

from __future__ import annotations

import dataclasses
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Self

import msgspec

from .behaviour import Behaviour
from .blocks import Window
from .catalogue import ENDPOINTS, Endpoint
from .exports import Answer, Asking, Exports, Refusal
from .gate import Asked, Gate, Ledger
from .wire import Listener, Reply, spoiled, web_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .behaviour import Fault
    from .blocks import Source

__all__ = ["Simulator"]

_EXPORTS = "/reports/exports/"
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Simulator:
    """A server that speaks the export API over a source's rows. `behaviour` may be changed while it runs."""

    def __init__(
        self,
        source: Source,
        *,
        behaviour: Behaviour | None = None,
        token: str = "sim-token",  # noqa: S107 - not a secret
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.source = source
        self.behaviour = behaviour or Behaviour()
        self.token = token
        self._address = (host, port)
        self._exports = Exports(source)
        self._gate = Gate(token)
        self._ledger = Ledger()
        self._lock = threading.Lock()
        self._listener: Listener | None = None

    def start(self) -> Self:
        """Opens the port; does nothing where it is open already."""
        with self._lock:
            if self._listener is None:
                self._listener = Listener(self._address, self._reply)
        return self

    def close(self) -> None:
        """Closes the port and every connection, and waits until nothing runs any more."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        listener = self._listener
        if listener is None:
            raise RuntimeError("the simulator is not running; call start() or use it in a with statement")
        return listener.url

    @property
    def asked(self) -> list[Asked]:
        """What was asked so far, in order of arrival: a copy."""
        return self._ledger.snapshot()

    def forget_asked(self) -> None:
        """Empties `asked`."""
        self._ledger.forget()

    def truth(
        self,
        endpoint: str,
        *,
        form: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """The rows of an export by API key, oldest first, whatever the behaviour; `start` to before `end`."""
        return self._exports.truth(ENDPOINTS[endpoint], form=form, window=_half_open(start, end))

    def count(
        self,
        endpoint: str,
        *,
        form: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> int:
        """How many timed rows an export has from `start` to before `end`, without making them where that can be."""
        return self._exports.count(ENDPOINTS[endpoint], form=form, window=_half_open(start, end))

    def _reply(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        path = path.partition("?")[0]
        endpoint = ENDPOINTS.get(path.removeprefix(_EXPORTS)) if path.startswith(_EXPORTS) else None
        if endpoint is not None and method == "POST":
            return self._export(endpoint, headers, body)
        if (method, path) == ("GET", "/simulator/asked"):
            return Reply(200, self._asked_json())
        if (method, path) == ("POST", "/simulator/forget"):
            self.forget_asked()
            return Reply(200, b"{}")
        if endpoint is not None:
            return Reply(405, Refusal(405, f"Method {method} not allowed").body())
        return Reply(404, Refusal(404, "Page not found").body())

    def _export(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Reply:
        number = self._ledger.enter(endpoint.path)
        try:
            reply = self._weighed(endpoint, number, headers, body)
        except BaseException:
            self._ledger.leave()
            raise
        self._ledger.write(number, status=reply.status, bytes=len(reply.body))
        packings = [name for name in ("zstd", "gzip") if getattr(self.behaviour, name)]
        return dataclasses.replace(reply, finished=self._ledger.leave, packings=packings if reply.packings else ())

    def _weighed(self, endpoint: Endpoint, number: int, headers: Mapping[str, str], body: bytes) -> Reply:
        behaviour = self.behaviour
        limits = self._gate.limits(behaviour)
        announced = limits.headers() if behaviour.announces_rate else {}
        if behaviour.clock_ahead_s:
            announced["Date"] = formatdate(time.time() + behaviour.clock_ahead_s, usegmt=True)
        asking = Asking.read(endpoint, body)
        self._ledger.write(number, **_facts(asking))
        try:
            limits.check()
            self._gate.admit(headers, behaviour)
            reply = self._faulty(endpoint, number, asking, behaviour)
        except Refusal as refusal:
            reply = Reply(refusal.status, refusal.body()) if behaviour.json_errors else web_page(refusal.status)
            if refusal.status == 429 and behaviour.retry_after:
                announced["Retry-After"] = limits.headers()["Ratelimit-Reset"]
        return dataclasses.replace(
            reply, headers={**announced, **reply.headers}, latency_s=behaviour.latency_s + reply.latency_s
        )

    def _faulty(self, endpoint: Endpoint, number: int, asking: Asking, behaviour: Behaviour) -> Reply:
        fault = self._gate.fault(endpoint.path, behaviour)
        if fault is not None:
            self._ledger.write(number, fault=fault.kind)

        def answer() -> bytes:
            return self._answer(endpoint, number, asking, behaviour, fault).body

        return Reply(201, answer()) if fault is None else spoiled(fault, answer)

    def _answer(
        self, endpoint: Endpoint, number: int, asking: Asking, behaviour: Behaviour, fault: Fault | None
    ) -> Answer:
        self._exports.check(endpoint, asking, behaviour)
        kind = fault.kind if fault else None
        answer = self._exports.answer(
            endpoint,
            asking,
            behaviour,
            cap=self._gate.cap(endpoint.path, behaviour),
            announces=kind != "no_limit",
            stray=kind == "out_of_range",
        )
        self._ledger.write(number, rows=answer.rows, matched=answer.matched, capped=answer.capped)
        return answer

    def _asked_json(self) -> bytes:
        asked = self.asked
        return msgspec.json.encode(
            {
                "requests": len(asked),
                "rows": sum(request.rows for request in asked),
                "bytes": sum(request.bytes for request in asked),
                "statuses": _tally(str(request.status) for request in asked),
                "most_in_flight": max((request.in_flight for request in asked), default=0),
                "asked": [dataclasses.asdict(request) for request in asked],
            }
        )


def _tally(names: Any) -> dict[str, int]:
    tally: dict[str, int] = {}
    for name in names:
        tally[name] = tally.get(name, 0) + 1
    return tally


def _facts(asking: Asking) -> dict[str, object]:
    names = ("start", "end", "start_text", "end_text", "sort", "timezone", "keys", "form")
    return {name: getattr(asking, name) for name in names}


def _half_open(start: datetime | None, end: datetime | None) -> Window:
    first = None if start is None else -((_EPOCH - start) // _MILLISECOND)
    last = None if end is None else -((_EPOCH - end) // _MILLISECOND) - 1
    return Window(first, last)
