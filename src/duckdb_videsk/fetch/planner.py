"""Which stretch of time to ask for next. Pure: no I/O, no clock of its own.

Every unread stretch is a span that is read from its start. An answer that was cut at the cap is full, so a span is
read in full answers but for its last; spare capacity goes to halving the span that is expected to hold most.
So the cost is the least number of requests and about one for each span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.fetch.density import Density
from duckdb_videsk.ranges import EVER, SECOND, Range, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Ask", "Plan"]

_WORTH_HALVING = 1.3
_MARGIN = 0.04


@dataclass(frozen=True, slots=True)
class Ask:
    """One stretch to ask for, in whole seconds; the slack for unknown ends is not in it."""

    span: int
    range: Range
    newest_first: bool = False


@dataclass(slots=True)
class _Span:
    start: int
    end: int
    asked: int = 0
    both_ends: bool = False

    @property
    def left(self) -> Range:
        return Range(self.start, self.end)


class Plan:
    """The unread part of some ranges, and what to ask next.

    `next` hands out an `Ask` or None for now; each is given back once through `answered`.

    Attributes:
        ranges: what is read, in whole seconds.
    """

    def __init__(self, ranges: Iterable[Range], *, now: int) -> None:
        self._spans: dict[int, _Span] = {}
        self._numbers = 0
        self._density = Density(now)
        self._cap = 0
        self.ranges = normalise(piece.intersect(EVER).outward() for piece in ranges)
        for piece in self.ranges:
            span = self._spans[self._add(piece.start, piece.end)]
            span.both_ends = piece == EVER

    @property
    def finished(self) -> bool:
        """Whether every instant of the ranges has been read."""
        return not self._spans

    def expected_rows(self) -> float | None:
        """Rows expected in what is unread; None while nothing is known."""
        return sum(self._density.rows(span.left) for span in self._spans.values()) if self._density.known else None

    def expected_requests(self) -> float | None:
        """Requests expected for what is unread, those under way included; None while nothing is known."""
        if not self._density.known or not self._cap:
            return None
        return sum(max(1.0, self._density.rows(span.left) / self._cap) for span in self._spans.values())

    def next(self) -> Ask | None:
        """The next stretch worth asking for; None if none is worth it before an answer comes."""
        for number, span in self._spans.items():
            if not span.asked:
                span.asked += 1
                return Ask(number, span.left)
            if span.both_ends:
                span.both_ends = False
                span.asked += 1
                return Ask(number, span.left, newest_first=True)
        return self._halve()

    def answered(
        self, ask: Ask, covered: Range, *, rows: int, cap: int, first: int | None, last: int | None
    ) -> Range:
        """Take note that all rows of `covered` have come; gives the part of it to keep.

        Args:
            ask: what was asked.
            covered: from where the ask starts (newest first: until where it ends), in whole seconds; may be empty.
            rows: rows in `covered`.
            cap: records that one answer may hold.
            first, last: times of its first and last row, None without rows.
        """
        self._cap = cap
        self._density.learn(covered, rows, first, last)
        span = self._spans.get(ask.span)
        if span is None:
            return Range(covered.start, covered.start)
        span.asked -= 1
        keep = covered.intersect(span.left)
        if keep.empty:
            return keep
        if ask.newest_first and keep.start > span.start:
            span.end = keep.start
        else:
            span.start = keep.end
        if span.left.empty:
            del self._spans[ask.span]
        return keep

    def _add(self, start: int, end: int) -> int:
        self._numbers += 1
        self._spans[self._numbers] = _Span(start, end)
        return self._numbers

    def _halve(self) -> Ask | None:
        if not self._density.known or not self._cap:
            return None
        # Before the oldest record has been seen, a span from the beginning of time cannot be halved by its rows.
        candidates = ((self._density.rows(s.left), n) for n, s in self._spans.items() if s.start > EVER.start)
        rows, number = max(candidates, default=(0.0, 0))
        answers = rows / self._cap
        if answers < _WORTH_HALVING:
            return None
        span = self._spans[number]
        share = (max(1, int(answers / 2 + 0.5)) - _MARGIN) * self._cap
        middle = self._density.locate(span.left, share) // SECOND * SECOND
        if not span.start < middle < span.end:
            return None
        new = self._add(middle, span.end)
        span.end = middle
        self._spans[new].asked = 1
        return Ask(new, self._spans[new].left)
