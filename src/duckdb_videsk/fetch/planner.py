"""Which stretch of time to ask for next. Pure: no I/O, no clock of its own.

Every unread stretch is a span that is read from both its ends towards the middle. An answer that was cut at the cap
is full, so only the last answer of a span is not; spare capacity goes to the span that is expected to hold most,
first to its other end, then by halving it. So the cost is the least number of requests and half a one for each span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.fetch.density import Density
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb_videsk.fetch.history import Outlook

__all__ = ["Ask", "Plan"]

_WORTH_ASKING = 0.3
_FILL = 0.98
_GLIMPSE = DAY // 4


@dataclass(frozen=True, slots=True)
class Ask:
    """One stretch to ask for, in whole seconds; the slack for unknown ends is not in it."""

    number: int
    range: Range
    newest_first: bool = False


@dataclass(slots=True)
class _Span:
    """An unread stretch, and which of its two ends are being asked."""

    start: int
    end: int
    from_start: bool = False
    from_end: bool = False
    stuck_at_end: bool = False

    @property
    def unread(self) -> Range:
        return Range(self.start, self.end)

    @property
    def asked(self) -> int:
        return self.from_start + self.from_end


class Plan:
    """The unread part of some ranges, and what to ask next.

    `next` hands out an `Ask` or None for now; each is given back once through `answered`.

    Args:
        ranges: what to read, in microseconds.
        now: the present, after which little is expected.
        outlook: what earlier scans saw, where they did.
        cap: the cap that earlier answers announced; 0 where there were none.

    Attributes:
        ranges: what is read, in whole seconds.
    """

    def __init__(self, ranges: Iterable[Range], *, now: int, outlook: Outlook | None = None, cap: int = 0) -> None:
        self.ranges = normalise(piece.intersect(EVER).outward() for piece in ranges)
        self._spans = [_Span(piece.start, piece.end) for piece in self.ranges]
        self._under_way: dict[int, tuple[Ask, _Span]] = {}
        self._numbers = 0
        self._density = Density(now, outlook)
        self._is_outlook_known = outlook is not None
        self._known_since = EVER.end if outlook is None else outlook.hull.start
        self._cap = cap

    @property
    def finished(self) -> bool:
        """Whether every instant of the ranges has been read."""
        return not self._spans

    def expected_rows(self) -> float | None:
        """Rows expected in what is unread; None while nothing is known."""
        return sum(self._density.rows(span.unread) for span in self._spans) if self._density.known else None

    def expected_requests(self) -> float | None:
        """Requests expected for what is unread, those under way included; None while nothing is known."""
        if not self._density.known or not self._cap:
            return None
        if any(self._is_beginning_unknown(span) or self._is_end_unknown(span) for span in self._spans):
            return None
        return sum(max(1.0, self._density.rows(span.unread) / self._cap) for span in self._spans)

    @property
    def is_sound(self) -> bool:
        """Whether what is expected rests on more than a glimpse, and on where the records begin.

        A crowded minute says nothing of a year, nor do known weeks of the years before them.
        """
        if not (self._is_outlook_known or self._density.seen >= _GLIMPSE):
            return False
        earliest = min((span.start for span in self._spans), default=EVER.end)
        if earliest <= EVER.start:
            return self._is_outlook_known
        return earliest > self.ranges[0].start or earliest >= self._known_since

    def next(self) -> Ask | None:
        """The next stretch worth asking for; None if none is worth it before an answer comes."""
        for span in self._spans:
            if not span.asked:
                return self._ask(span)
            if span.unread == EVER and not span.from_end:
                return self._ask(span, newest_first=True)
        return self._ask_more() if self._density.known and self._cap else None

    def next_in_order(self, *, newest_first: bool) -> Ask | None:
        """An end of what is unread, once every ask was answered; None also where it cannot be had by itself."""
        if self._under_way or not self._spans:
            return None
        span = (max if newest_first else min)(self._spans, key=lambda span: span.start)
        return None if newest_first and span.stuck_at_end else self._ask(span, newest_first=newest_first)

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
        _, span = self._under_way.pop(ask.number)
        if ask.newest_first:
            span.from_end = False
            span.stuck_at_end = covered.empty
        else:
            span.from_start = False
        keep = covered.intersect(span.unread)
        if keep.empty:
            return Range(covered.start, covered.start)
        if keep.start == span.start:
            span.start = keep.end
        else:
            span.end = keep.start
        if span.unread.empty:
            self._spans.remove(span)
        return keep

    def _ask_more(self) -> Ask | None:
        span = max(self._spans, key=self._unasked_answers, default=None)
        if span is None or self._unasked_answers(span) < _WORTH_ASKING:
            return None
        if not span.from_start:
            return self._ask(span)
        if not span.from_end and not span.stuck_at_end:
            return self._ask(span, newest_first=True)
        return self._halve(span)

    def _ask(self, span: _Span, *, newest_first: bool = False) -> Ask:
        if newest_first:
            span.from_end = True
        else:
            span.from_start = True
        self._numbers += 1
        ask = Ask(self._numbers, span.unread, newest_first)
        self._under_way[ask.number] = ask, span
        return ask

    def _unasked_answers(self, span: _Span) -> float:
        """Full answers that the span is expected to hold beyond those under way."""
        if self._is_beginning_unknown(span):
            return 0.0
        return self._density.rows(span.unread) / self._cap - span.asked

    def _is_beginning_unknown(self, span: _Span) -> bool:
        """Whether the span is from the beginning of time and its oldest record has not been seen yet."""
        return span.start <= EVER.start and not self._is_outlook_known

    def _is_end_unknown(self, span: _Span) -> bool:
        """Whether the span is without an end, much is guessed in it, and its newest record has not been seen yet."""
        if span.end < EVER.end or span.stuck_at_end or self._is_outlook_known:
            return False
        return span.from_end or self._unasked_answers(span) >= _WORTH_ASKING

    def _halve(self, span: _Span) -> Ask | None:
        # Where the records end is not known before the newest have been seen: then do not leap far ahead.
        expected = 2.0 if span.end >= EVER.end else self._density.rows(span.unread) / self._cap
        answers = max(1, round(expected / 2))
        rows = answers * self._cap * _FILL
        middle = self._density.locate(span.unread, rows) // SECOND * SECOND
        if not span.start < middle < span.end:
            return None
        later = _Span(middle, span.end, from_end=span.from_end, stuck_at_end=span.stuck_at_end)
        span.end = middle
        span.from_end = span.stuck_at_end = False
        self._spans.append(later)
        for number, (ask, owner) in self._under_way.items():
            if owner is span and ask.newest_first:
                self._under_way[number] = ask, later
        return self._ask(later)
