"""How fast requests may start: the settings' pace, the server's rate headers and its requests to wait.

Belongs to one event loop at a time; knows nothing of HTTP beyond the names of the headers.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Pace", "retry_after"]

_MARGIN = 1.05
_POLICY = re.compile(r"^\s*(\d+)\s*;\s*w=(\d+(?:\.\d+)?)")
_LONGEST_WAIT = 120.0


class Pace:
    """At most `per_second` starts in any second, fewer where the server announces less.

    Waits are handed out in the order of asking, so no request starves.
    """

    def __init__(self, per_second: float) -> None:
        self._limit = max(1, int(per_second)) if per_second >= 1 else 1
        self._window = self._limit / per_second
        self._own = (self._limit, self._window)
        self._starts: deque[float] = deque()
        self._not_before = 0.0

    async def turn(self) -> None:
        """Return when one more request may start."""
        now = time.monotonic()
        at = max(now, self._not_before)
        while len(self._starts) >= self._limit:
            at = max(at, self._starts.popleft() + self._window * _MARGIN)
        self._starts.append(at)
        while (left := max(at, self._not_before) - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def pause(self, seconds: float) -> None:
        """Start nothing more for so long (at most two minutes)."""
        self._not_before = max(self._not_before, time.monotonic() + min(seconds, _LONGEST_WAIT))

    def learn(self, headers: Mapping[str, str]) -> None:
        """Follow `Ratelimit-Policy`, `-Limit`, `-Remaining` and `-Reset`; odd values change nothing."""
        policy = _POLICY.match(headers.get("ratelimit-policy", ""))
        limit = int(policy[1]) if policy else _number(headers.get("ratelimit-limit"))
        window = float(policy[2]) if policy else 1.0
        if limit is not None and limit >= 1 and window > 0:
            self._limit, self._window = min(
                self._own, (max(1, int(limit)), window), key=lambda pace: pace[0] / pace[1]
            )
        remaining, reset = _number(headers.get("ratelimit-remaining")), _number(headers.get("ratelimit-reset"))
        if remaining is not None and remaining <= 0 and reset:
            self.pause(reset)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header; None where it is absent, a date or odd."""
    return _number(headers.get("retry-after"))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 86_400 else None
