"""What the simulator remembers between requests: the token's age, the rate, which faults are due, what was asked."""

from __future__ import annotations

import math
import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .behaviour import Fault
from .exports import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .behaviour import Behaviour

__all__ = ["Asked", "Gate", "Ledger", "Limits"]

_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One POST to an export. Times are milliseconds since 1970; `rows` is what the answer held, `matched` what it
    would have held without a cap; `at` is a `time.monotonic()`; `in_flight` counts this request too.
    """

    endpoint: str
    at: float
    in_flight: int
    start: int | None = None
    end: int | None = None
    start_text: str | None = None
    end_text: str | None = None
    sort: int | None = None
    timezone: str | None = None
    keys: Mapping[str, str] | None = None
    form: str | None = None
    rows: int = 0
    matched: int = 0
    capped: bool = False
    status: int = 0
    fault: str | None = None
    bytes: int = 0


class Ledger:
    """Every request asked, in the order in which they arrived."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: list[Asked] = []
        self._in_flight = 0
        self._forgotten = 0

    def enter(self, endpoint: str) -> int:
        """Notes the arrival of a request; the number it gets is for `write` and `leave`."""
        with self._lock:
            self._in_flight += 1
            self._asked.append(Asked(endpoint=endpoint, at=time.monotonic(), in_flight=self._in_flight))
            return self._forgotten + len(self._asked) - 1

    def write(self, number: int, **facts: object) -> None:
        """Adds what has become known of a request."""
        with self._lock:
            place = number - self._forgotten
            if place >= 0:
                self._asked[place] = replace(self._asked[place], **facts)  # type: ignore[arg-type]

    def leave(self) -> None:
        """Notes that a request is over."""
        with self._lock:
            self._in_flight -= 1

    def snapshot(self) -> list[Asked]:
        """A copy of what was asked."""
        with self._lock:
            return list(self._asked)

    def forget(self) -> None:
        """Starts afresh."""
        with self._lock:
            self._forgotten += len(self._asked)
            self._asked.clear()


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a request stands in the rate's window of one second."""

    limit: int
    used: int
    reset_s: float

    def check(self) -> None:
        """Raises a refusal where this request is one too many."""
        if self.used > self.limit:
            raise Refusal(429, "Too many requests, please try again later.")

    def headers(self) -> dict[str, str]:
        """The rate headers of the answer."""
        return {
            "Ratelimit-Limit": str(self.limit),
            "Ratelimit-Remaining": str(max(0, self.limit - self.used)),
            "Ratelimit-Reset": str(max(1, math.ceil(self.reset_s))),
            "Ratelimit-Policy": f"{self.limit};w=1",
        }


class Gate:
    """Decides, request by request, who comes in and what goes wrong."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._window_start = -math.inf
        self._used = 0
        self._admitted = 0
        self._answers = 0
        self._seen: dict[int, tuple[Fault, int]] = {}
        self._weather: tuple[int, random.Random] = (0, random.Random(0))

    def limits(self, behaviour: Behaviour) -> Limits:
        """Counts a request towards the rate."""
        with self._lock:
            now = time.monotonic()
            if now - self._window_start >= 1:
                self._window_start, self._used = now, 0
            self._used += 1
            limit = behaviour.rate_per_second
            return Limits(_UNLIMITED if limit is None else limit, self._used, self._window_start + 1 - now)

    def admit(self, headers: Mapping[str, str], behaviour: Behaviour) -> None:
        """Raises the refusal that the request's token deserves."""
        presented = _presented(headers, behaviour)
        if presented is None:
            raise Refusal(401, "Not authenticated")
        scheme, _, token = presented.partition(" ")
        state = behaviour.token_state
        if scheme.lower() != "bearer" or not token or state == "malformed":
            raise Refusal(401, "jwt malformed")
        if token.strip() != self._token:
            raise Refusal(401, "invalid signature")
        if state == "forbidden":
            raise Refusal(403, "You do not have access to this resource")
        if state == "expired" or self._is_spent(behaviour):
            raise Refusal(401, "jwt expired")

    def _is_spent(self, behaviour: Behaviour) -> bool:
        with self._lock:
            self._admitted += 1
            allowed = behaviour.expires_after_requests
            return allowed is not None and self._admitted > allowed

    def fault(self, endpoint: str, behaviour: Behaviour) -> Fault | None:
        """The fault that this request meets, planned ones first."""
        with self._lock:
            planned: Fault | None = None
            for fault in list(behaviour.faults):
                if fault.endpoint in (None, endpoint) and self._is_due(fault, met=planned is not None):
                    planned = fault
            return planned or self._weather_fault(behaviour)

    def _is_due(self, fault: Fault, *, met: bool) -> bool:
        _, seen = self._seen.get(id(fault), (fault, 0))
        # A fault that waits behind another counts `after` on, but keeps its `times`.
        if met and seen >= fault.after:
            return False
        self._seen[id(fault)] = (fault, seen + 1)
        return not met and seen >= fault.after and (fault.times is None or seen < fault.after + fault.times)

    def _weather_fault(self, behaviour: Behaviour) -> Fault | None:
        if behaviour.fault_rate <= 0:
            return None
        if self._weather[0] != behaviour.fault_seed:
            self._weather = (behaviour.fault_seed, random.Random(behaviour.fault_seed))
        dice = self._weather[1]
        if dice.random() >= behaviour.fault_rate:
            return None
        return Fault(dice.choice(behaviour.fault_kinds))

    def cap(self, endpoint: str, behaviour: Behaviour) -> int:
        """The cap of the next answer; a schedule goes one step for each answer and rests on its last."""
        with self._lock:
            schedule = behaviour.cap_schedule
            step, self._answers = self._answers, self._answers + 1
            if schedule:
                return schedule[min(step, len(schedule) - 1)]
            return behaviour.caps.get(endpoint, behaviour.cap)


def _presented(headers: Mapping[str, str], behaviour: Behaviour) -> str | None:
    names = {"x-api-token": ("x-api-token",), "authorization": ("authorization",)}
    for name in names.get(behaviour.accepts, ("x-api-token", "authorization")):
        value = headers.get(name)
        if value:
            return value
    return None
