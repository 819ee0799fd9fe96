"""How fast requests may start: the settings' pace, the server's rate headers and its requests to wait.

Belongs to one event loop at a time; knows nothing of HTTP beyond the names of the headers.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LONGEST_WINDOW", "Pace", "Turn", "announced_limits", "retry_after", "seconds_ahead"]

LONGEST_WINDOW = 120.0
"""Seconds; the windows of limits that are kept to by pace."""

_MARGIN = 1.05
_LONGEST_WAIT = 120.0
_MOST_STARTS = 100_000
_MOST_LIMITS = 16


class Turn:
    """One start. It counts from when it was allowed, or better from when its request was on its way."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = time.monotonic()

    def sent(self) -> None:
        """Say that the server is about to see it: a new connection takes its time."""
        self.at = time.monotonic()


class Pace:
    """At most `per_second` starts in any second, fewer where the server announces less."""

    def __init__(self, per_second: float) -> None:
        limit = max(1, int(per_second))
        self._own = (limit, limit / per_second)
        self._limits = [self._own]
        self._starts: deque[Turn] = deque(maxlen=_MOST_STARTS)
        self._not_before = 0.0

    async def turn(self) -> Turn:
        """Return when one more request may start."""
        while (wait := self._wait(time.monotonic())) > 0:
            await asyncio.sleep(wait)
        turn = Turn()
        self._starts.append(turn)
        return turn

    def _wait(self, now: float) -> float:
        """Seconds until the next start, as it looks now: a pause or another start may come between."""
        at = self._not_before
        for limit, window in self._limits:
            if len(self._starts) >= limit:
                at = max(at, self._starts[-limit].at + window * _MARGIN)
        return at - now

    def pause(self, seconds: float) -> None:
        """Start nothing more for so long (at most two minutes)."""
        self._not_before = max(self._not_before, time.monotonic() + min(seconds, _LONGEST_WAIT))

    def learn(self, headers: Mapping[str, str]) -> None:
        """Follow `Ratelimit-Policy`, `-Limit`, `-Remaining` and `-Reset`; odd values change nothing.

        Windows of more than two minutes are not paced: the server says when one is used up.
        """
        if announced := announced_limits(headers):
            followed = [limit for limit in announced if limit[1] <= LONGEST_WINDOW][:_MOST_LIMITS]
            self._limits = [self._own, *followed]
        remaining, reset = _number(headers.get("ratelimit-remaining")), _number(headers.get("ratelimit-reset"))
        if remaining is not None and remaining <= 0 and reset and not self._explained_by_own_starts(reset):
            self.pause(reset)

    def _explained_by_own_starts(self, reset: float) -> bool:
        """Whether a window is used up by what was started here, at the announced pace: then `turn` waits anyway."""
        now = time.monotonic()
        return any(
            reset <= 2 * window and len(self._starts) >= limit and self._starts[-limit].at > now - 2 * window
            for limit, window in self._limits[1:]
        )


def announced_limits(headers: Mapping[str, str]) -> list[tuple[int, float]]:
    """The limits that rate headers announce, as starts and seconds; none where they are absent or odd."""
    announced, bare = _announced(headers)
    return announced or bare


def _announced(headers: Mapping[str, str]) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Limits as starts and seconds: those that name their window, and bare numbers, which are a second's.

    Items of the lists are such as `100`, `100;w=60` and `"default";q=5;w=1`.
    """
    announced, bare = [], []
    for item in f"{headers.get('ratelimit-policy', '')},{headers.get('ratelimit-limit', '')}".split(","):
        first, *others = item.split(";")
        parameters = dict(part.strip().partition("=")[::2] for part in others)
        quota, window = _number(parameters.get("q", first), math.inf), _number(parameters.get("w"), math.inf)
        if quota is None or quota < 1 or parameters.get("qu", '"requests"') != '"requests"':
            continue
        limit = min(int(quota), _MOST_STARTS)
        if window:
            announced.append((limit, window))
        elif not parameters:
            bare.append((limit, 1.0))
    return announced, bare


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header; None where it is absent, a date or odd."""
    return _number(headers.get("retry-after"))


def seconds_ahead(headers: Mapping[str, str], now: float) -> float | None:
    """How far `now`, seconds since the epoch, is ahead of a `Date` header; None where that is absent or odd."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
        return now - (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _number(text: str | None, below: float = 86_400) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < below else None
