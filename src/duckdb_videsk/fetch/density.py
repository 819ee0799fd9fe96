"""How many rows a stretch of time is likely to hold, learnt from the answers so far.

Only ever a guess for planning: no answer's completeness depends on it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import DAY, EVER, SECOND, Range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb_videsk.fetch.history import Outlook

__all__ = ["Density"]

_NEARBY = 7 * DAY


@dataclass(frozen=True, order=True, slots=True)
class _Piece:
    start: int
    end: int
    rows: float


class Density:
    """Expected rows along time: what earlier scans saw, and beyond it the rates of what this scan has read nearby.

    Times past `horizon` are taken as empty until rows are seen there.
    """

    def __init__(self, horizon: int, outlook: Outlook | None = None) -> None:
        self._horizon = horizon
        self._outlook = outlook
        self._pieces: list[_Piece] = []
        if outlook is not None:
            hull = outlook.hull
            for edge in (Range(hull.start, hull.start + _NEARBY), Range(hull.end - _NEARBY, hull.end)):
                within = edge.intersect(hull)
                insort(self._pieces, _Piece(within.start, within.end, outlook.rows(within)))

    @property
    def known(self) -> bool:
        return bool(self._pieces)

    @property
    def seen(self) -> int:
        """Microseconds of time that it knows by what was read there."""
        return sum(piece.end - piece.start for piece in self._pieces)

    def learn(self, covered: Range, rows: int, first: int | None, last: int | None) -> None:
        """Take note that `covered` holds `rows` rows, the first and last at these instants (None without rows)."""
        if first is not None and last is not None:
            self._horizon = max(self._horizon, last + SECOND)
            start = first if covered.start <= EVER.start else max(covered.start, first - DAY)
            end = last + SECOND if covered.end >= EVER.end else min(covered.end, last + DAY)
            covered = Range(start, end)
        if not covered.empty:
            insort(self._pieces, _Piece(covered.start, covered.end, rows))

    def rows(self, span: Range) -> float:
        """Expected rows in `span`, of which nothing has been read."""
        return self._passed(self._stretches(span), span.end)

    def locate(self, span: Range, rows: float) -> int:
        """The instant by which `rows` of the span's rows have passed, if they are spread as expected."""
        stretches = self._stretches(span)
        low, high = span.start, min(span.end, max(self._horizon, span.start))
        while high - low > SECOND:
            middle = (low + high) // 2
            low, high = (middle, high) if self._passed(stretches, middle) < rows else (low, middle)
        return low

    def _stretches(self, span: Range) -> list[_Stretch]:
        """The span in pieces that are guessed in one way each."""
        if self._outlook is None:
            return [self._guessed(span)]
        hull = self._outlook.hull
        before = span.intersect(Range(span.start, hull.start))
        return [
            # How far back the data goes is not known: without a bound, nothing is expected there.
            _Stretch(before) if before.start <= EVER.start else self._guessed(before),
            _Stretch(span.intersect(hull), outlook=self._outlook),
            self._guessed(span.intersect(Range(hull.end, span.end))),
        ]

    def _guessed(self, span: Range) -> _Stretch:
        span = span.intersect(Range(span.start, self._horizon))
        return _Stretch(span, *self._rates(span))

    @staticmethod
    def _passed(stretches: list[_Stretch], instant: int) -> float:
        return sum(stretch.until(instant) for stretch in stretches if not stretch.span.empty)

    def _rates(self, span: Range) -> tuple[float, float]:
        """Rates at the two ends of an unread span: each side's own neighbourhood, or else the other's."""
        at = bisect_left(self._pieces, _Piece(span.start, span.end, 0))
        left = _rate(reversed(self._pieces[:at]))
        right = _rate(self._pieces[at:])
        known = left if left is not None else right if right is not None else 0.0
        return (known if left is None else left), (known if right is None else right)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows that change evenly from one rate to another, or follow an outlook."""

    span: Range
    left: float = 0.0
    right: float = 0.0
    outlook: Outlook | None = None

    def until(self, instant: int) -> float:
        passed = self.span.intersect(Range(self.span.start, instant))
        if passed.empty:
            return 0.0
        if self.outlook is not None:
            return self.outlook.rows(passed)
        share = passed.length / self.span.length
        return (self.left + (self.right - self.left) * share / 2) * passed.length


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
