"""Where to cut ranges so that several readers can share them: pieces that are expected to hold equally many rows.

Only a guess, from earlier scans or from a few small requests: each piece is read and proven as any other range, so a
wrong guess costs time, not rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from duckdb_videsk.client import Request
from duckdb_videsk.fetch.audit import Doubts
from duckdb_videsk.fetch.density import Density
from duckdb_videsk.fetch.retry import RetryBudget
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, micros, normalise, subtract, total
from duckdb_videsk.trimming import instants, rows_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.account import Account
    from duckdb_videsk.fetch.proof import Shown

__all__ = ["Slicing", "slice_ranges"]

_SAMPLES = 4
_SPARE_FAILURES = 10
# What one reader can do by itself, and from where on the first record has to be looked for.
_SHORT = DAY
_LONG = 800 * DAY


@dataclass(frozen=True, slots=True)
class _Cell:
    """A stretch with the rows that it is known or expected to hold, the earliest of which comes at `first`."""

    span: Range
    rows: float
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Slicing:
    """Ranges cut into pieces.

    Attributes:
        pieces: each a sequence of ranges, in order of time; together just the ranges, and none twice.
        requests: expected for all of them; None while nothing is known.
        timeless: whether there are rows without a time, which only one read of everything gives.
    """

    pieces: tuple[tuple[Range, ...], ...]
    requests: int | None
    timeless: bool = False


async def slice_ranges(
    account: Account, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None, *, most: int
) -> Slicing:
    """Cut `ranges` into at most `most` pieces of about one answer or more each.

    Asks for up to four single days where earlier scans do not tell enough, and for the oldest records where the
    ranges reach far back; all of time takes one request in any case, since it may hold rows without a time.

    Args:
        ranges: half-open, microseconds; cuts are at whole seconds.

    Raises:
        VideskError: a request failed, or an answer shows that rows could be lost.
    """
    return await _Slicer(account, endpoint, normalise(ranges), asked_id).slice(most)


class _Slicer:
    """The cutting of one table's, or one id's, ranges."""

    def __init__(self, account: Account, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None) -> None:
        self._account = account
        self._endpoint = endpoint
        self._ranges = ranges
        self._id = asked_id
        self._now = micros(datetime.now(UTC))
        self._history = account.history(endpoint, asked_id)
        self._outlook = self._history.outlook()
        self._density = Density(self._now, self._outlook)
        self._doubts = Doubts(now=self._now)
        self._budget = RetryBudget(spare=_SPARE_FAILURES)
        self._query = account.ledger.next_query()
        self._seen: list[_Cell] = []

    async def slice(self, most: int) -> Slicing:
        everything = self._ranges == (EVER,)
        span = Range(self._ranges[0].start, self._ranges[-1].end) if self._ranges else Range(0, 0)
        if total(self._ranges) <= _SHORT or most <= 1:
            return Slicing((tuple(self._ranges),) if self._ranges else (), None)
        if everything or (not self._is_known() and span.length > _LONG):
            shown, covered = await self._ask(span)
            if everything and shown.timeless:
                return Slicing(((EVER,),), None, timeless=True)
            self._learn(shown, covered)
            if covered == span.outward():
                self._history.save()
                return Slicing((tuple(self._ranges),), 1)
        if not self._is_known():
            for day in self._days():
                shown, covered = await self._ask(day)
                self._learn(shown, covered)
        self._history.save()
        return self._cut(most)

    def _is_known(self) -> bool:
        """Whether earlier scans saw at least half of what lies in the past."""
        if self._outlook is None or not self._history.cap:
            return False
        past = [piece.intersect(Range(EVER.start, self._now)) for piece in self._ranges]
        start = max(min(piece.start for piece in past), min(self._outlook.hull.start, self._now))
        past = [piece.intersect(Range(start, self._now)) for piece in past]
        return 2 * total(piece.intersect(self._outlook.hull) for piece in past) >= total(past)

    async def _ask(self, span: Range) -> tuple[Shown, Range]:
        """An answer to whole seconds of `span`, oldest first, and which of them it shows whole."""
        span = span.outward()
        request = Request(self._endpoint, Range(span.start - SECOND, span.end + SECOND), id=self._id)
        shown = await self._account.asker.ask(request, query=self._query, budget=self._budget)
        shown = self._doubts.weigh(shown, request)
        self._history.cap = min(shown.limit, shown.batch.num_rows) if shown.cut else shown.limit
        if not shown.cut:
            return shown, span
        last = span.start if shown.last is None else min(shown.last, span.end)
        return shown, Range(span.start, max(last, span.start))

    def _learn(self, shown: Shown, covered: Range) -> None:
        if covered.empty:
            return
        rows = rows_within(shown.batch, self._endpoint, covered)
        times = instants(rows, self._endpoint).drop_null()
        edges = pc.min_max(times)
        first, last = edges["min"].as_py(), edges["max"].as_py()
        self._density.learn(covered, rows.num_rows, first, last)
        self._history.note(covered, times, now=self._now)
        self._seen.append(_Cell(covered, rows.num_rows, covered.start if first is None else first))

    def _days(self) -> Iterator[Range]:
        """Some days (UTC) spread over what is past and has not been seen."""
        oldest = min((seen.first for seen in self._seen if seen.first is not None), default=EVER.start)
        past = subtract(
            [piece.intersect(Range(oldest, self._now)) for piece in self._ranges], [seen.span for seen in self._seen]
        )
        length, given = total(past), set()
        for number in range(_SAMPLES):
            day = _after(past, length * (2 * number + 1) // (2 * _SAMPLES)) // DAY * DAY
            if length and day not in given:
                given.add(day)
                yield next(
                    found for piece in past if not (found := piece.intersect(Range(day, day + DAY))).empty
                ).outward()

    def _cut(self, most: int) -> Slicing:
        cells = sorted(self._cells(), key=lambda cell: cell.span.start)
        expected = sum(cell.rows for cell in cells)
        answers = expected / max(self._history.cap, 1)
        count = max(1, min(most, -int(-answers // 1)))
        edges = [EVER.start, *self._edges(cells, expected / count, count), EVER.end]
        slots = [Range(*edge) for edge in pairwise(edges)]
        pieces = (normalise(piece.intersect(slot) for piece in self._ranges) for slot in slots)
        return Slicing(tuple(piece for piece in pieces if piece), round(answers) + count)

    def _cells(self) -> Iterator[_Cell]:
        """The ranges, in stretches of what was seen and what is guessed."""
        for piece in subtract(self._ranges, [seen.span for seen in self._seen]):
            yield _Cell(piece, self._density.rows(piece))
        for seen in self._seen:
            for piece in self._ranges:
                if not (part := seen.span.intersect(piece)).empty:
                    yield seen if part == seen.span else _Cell(part, self._density.rows(part))

    def _edges(self, cells: list[_Cell], share: float, count: int) -> list[int]:
        """The instants by which each `share` of the rows has passed, in whole seconds."""
        edges: list[int] = []
        passed = 0.0
        for cell in cells:
            while len(edges) < count - 1 and passed + cell.rows > share * (len(edges) + 1):
                wanted = share * (len(edges) + 1) - passed
                if cell.first is None:
                    instant = self._density.locate(cell.span, wanted)
                else:
                    instant = cell.first + int((cell.span.end - cell.first) * wanted / cell.rows)
                edges.append(instant // SECOND * SECOND)
            passed += cell.rows
        return sorted(set(edges))


def _after(ranges: Sequence[Range], length: int) -> int:
    """The instant before which so much of the ranges lies."""
    for piece in ranges:
        if length < piece.length:
            return piece.start + length
        length -= piece.length
    return ranges[-1].end - 1 if ranges else 0
