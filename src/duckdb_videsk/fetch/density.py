"""How many rows a stretch of time is likely to hold, learnt from the answers so far.

Only ever a guess for planning: no answer's completeness depends on it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import DAY, SECOND, Range

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Density"]

_NEARBY = 7 * DAY


@dataclass(frozen=True, order=True, slots=True)
class _Piece:
    start: int
    end: int
    rows: float


class Density:
    """Rows per microsecond along time. Times past `horizon` are taken as empty until rows are seen there."""

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self._pieces: list[_Piece] = []

    @property
    def known(self) -> bool:
        return bool(self._pieces)

    def learn(self, covered: Range, rows: int, first: int | None, last: int | None) -> None:
        """Take note that `covered` holds `rows` rows, the first and last at these instants (None without rows)."""
        if first is not None and last is not None:
            self._horizon = max(self._horizon, last + SECOND)
            covered = Range(max(covered.start, first - DAY), min(covered.end, max(self._horizon, last + SECOND)))
        if not covered.empty:
            insort(self._pieces, _Piece(covered.start, covered.end, rows))

    def rows(self, span: Range) -> float:
        """Expected rows in `span`, of which nothing has been read."""
        span = self._within_horizon(span)
        if span.empty:
            return 0.0
        left, right = self._rates(span)
        return (left + right) / 2 * span.length

    def locate(self, span: Range, rows: float) -> int:
        """The instant by which `rows` of the span's rows have passed, if they are spread as expected."""
        within = self._within_horizon(span)
        if within.empty:
            return span.end
        left, right = self._rates(within)
        low, high = 0.0, 1.0
        for _ in range(50):
            share = (low + high) / 2
            passed = (left + (right - left) * share / 2) * share * within.length
            low, high = (share, high) if passed < rows else (low, share)
        return within.start + int(within.length * low)

    def _within_horizon(self, span: Range) -> Range:
        return span.intersect(Range(span.start, self._horizon))

    def _rates(self, span: Range) -> tuple[float, float]:
        """Rates at the two ends of an unread span: each side's own neighbourhood, or else the other's."""
        at = bisect_left(self._pieces, _Piece(span.start, span.end, 0))
        left = _rate(reversed(self._pieces[:at]))
        right = _rate(self._pieces[at:])
        known = left if left is not None else right if right is not None else 0.0
        return (known if left is None else left), (known if right is None else right)


def _rate(pieces: Iterable[_Piece]) -> float | None:
    """Rows per microsecond over the first week or so of `pieces`; None where there is none."""
    time = 0
    rows = 0.0
    for piece in pieces:
        time += piece.end - piece.start
        rows += piece.rows
        if time >= _NEARBY:
            break
    return rows / time if time else None
