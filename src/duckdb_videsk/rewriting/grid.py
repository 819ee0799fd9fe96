"""Which instants a condition can hold at: DuckDB evaluates it over cells of local time, in a database of its own.

Cells are cut where a local day begins and where a clock changes; where that is too coarse, at quarters of an hour.
Years come first, days only in years that can match, quarters only in days that can.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, micros, normalise, subtract, total
from duckdb_videsk.rewriting.bounds import FIRST, LAST, bounds_of, tests_in
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.scalars import Clock, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Self

    from duckdb_videsk.rewriting.bounds import Bounds, Test
    from duckdb_videsk.rewriting.words import Condition, Leaf

__all__ = ["MOST_RANGES", "matching_ranges"]

MOST_RANGES = 60
"""What a scan takes apart in a fraction of a second."""

_QUARTER = 900 * SECOND
_GRID = Range.between(datetime(2000, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC))
_MOST_QUARTERS = 12 * 366 * 96
_YEARS = [micros(datetime(year, 1, 1, tzinfo=UTC)) for year in range(2000, 2051)]


def matching_ranges(
    condition: Condition, read: Callable[[Leaf], Test | None], time_zone: str
) -> tuple[Range, ...] | None:
    """The instants at which a condition can be true; None where nothing is gained by knowing.

    Raises:
        NotUnderstood: it cannot be evaluated, or accepts a NULL.
    """
    found = tuple(tests_in(condition, read))
    zones = [_zone(name) for name in sorted({time_zone}.union(*(test.zones for test in found)))]
    _check(found, zones)
    if not all(zone.quartered for zone in zones):
        read = _without_quarters(read)
    with _evaluator as evaluator:
        evaluator.use_zone(time_zone)
        try:
            ranges = _search(evaluator, condition, read, zones)
        except duckdb.Error as error:
            raise NotUnderstood("it cannot be evaluated everywhere") from error
    return None if ranges == (EVER,) else ranges


def _search(
    evaluator: _Evaluator,
    condition: Condition,
    read: Callable[[Leaf], Test | None],
    zones: Sequence[_Zone],
) -> tuple[Range, ...]:
    by_level = {level: bounds_of(condition, read, level) for level in (None, Level.DAY)}
    null, low, high = evaluator.constants(by_level[None])
    if null:
        raise NotUnderstood("it accepts a time that is NULL")
    sure = [Range(EVER.start, _GRID.start)] * low
    if any(s.kind == "text" and s.rises for test in tests_in(condition, read) for s in test.scalars):
        # As text, the year 10000, which has begun somewhere, comes before 2000.
        last = Range(EVER.end // DAY * DAY - DAY, EVER.end)
        sure += [Range(_GRID.end, last.start)] * high
        certain, possible = evaluator.cells(bounds_of(condition, read, Level.QUARTER), _quarters([last]), [last])
        sure += certain + possible
    else:
        sure += [Range(_GRID.end, EVER.end)] * high
    certain, open_ = evaluator.cells(by_level[None], _YEARS, [_GRID])
    sure += certain
    certain, open_ = evaluator.cells(by_level[Level.DAY], _merged(zone.days for zone in zones), open_)
    sure += certain
    coarse = _few(normalise([*sure, *open_]))
    if not open_ or total(open_) > _MOST_QUARTERS * _QUARTER:
        return coarse
    quarters = _merged([zone.changes for zone in zones] + [_quarters(open_)])
    certain, open_ = evaluator.cells(bounds_of(condition, read, Level.QUARTER), quarters, open_)
    fine = normalise([*sure, *certain, *open_])
    return fine if len(fine) <= MOST_RANGES else coarse


def _without_quarters(read: Callable[[Leaf], Test | None]) -> Callable[[Leaf], Test | None]:
    """The same for a time zone where a quarter of an hour can have two hours or days in it."""

    def read_less(leaf: Leaf) -> Test | None:
        test = read(leaf)
        return None if test is None or test.quartered else test

    return read_less


def _check(found: Sequence[Test], zones: Sequence[_Zone]) -> None:
    moved = any(s.shifted and s.clock is not Clock.NONE for test in found for s in test.scalars)
    if moved and not all(zone.midnights_safe for zone in zones):
        raise NotUnderstood("a change of the clock crosses midnight in this time zone")


def _few(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """No more ranges than are quick to read: the widest gaps stay."""
    if len(ranges) <= MOST_RANGES:
        return ranges
    widest = sorted((Range(a.end, b.start) for a, b in pairwise(ranges)), key=lambda gap: gap.length, reverse=True)
    return subtract([Range(ranges[0].start, ranges[-1].end)], widest[: MOST_RANGES - 1])


def _merged(cuts: Iterable[Sequence[int]]) -> Sequence[int]:
    several = list(cuts)
    return several[0] if len(several) == 1 else sorted(set[int]().union(*several))


def _quarters(ranges: Sequence[Range]) -> list[int]:
    return [at for piece in ranges for at in range(-(-piece.start // _QUARTER) * _QUARTER, piece.end, _QUARTER)]


@dataclass(frozen=True)
class _Zone:
    """A time zone, as DuckDB knows it, over the years of the grid.

    Attributes:
        days: where a local day begins, and `changes`.
        changes: where the offset from UTC changes.
        quartered: every offset and every change is at a quarter of an hour.
        midnights_safe: no change skips from one day into the next past its beginning.
    """

    days: tuple[int, ...]
    changes: tuple[int, ...]
    quartered: bool
    midnights_safe: bool


@lru_cache(maxsize=32)
def _zone(name: str) -> _Zone:
    with _evaluator as evaluator:
        try:
            evaluator.use_zone(name)
            spans = evaluator.offsets(Range(_GRID.start - DAY, _GRID.end + DAY))
        except duckdb.Error as error:
            raise NotUnderstood(f"the time zone {name!r}") from error
    changes = tuple(start for start, _ in spans[1:])
    ends = [*changes, _GRID.end + DAY]
    days = {
        midnight - offset
        for (start, offset), end in zip(spans, ends, strict=True)
        for midnight in range(-(-(start + offset) // DAY) * DAY, end + offset, DAY)
    }
    skips = [(at + before, at + after) for (_, before), (at, after) in pairwise(spans)]
    return _Zone(
        days=tuple(sorted(days.union(changes))),
        changes=changes,
        quartered=all(number % _QUARTER == 0 for number in [spans[0][1], *(n for span in spans[1:] for n in span)]),
        midnights_safe=all(a // DAY == b // DAY or a >= b for a, b in skips),
    )


class _Evaluator:
    """A database in memory that holds nothing and knows nothing of the user's. One user at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    @property
    def _con(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config={"threads": 1})
        return self._connection

    def use_zone(self, name: str) -> None:
        self._con.execute(f"SET TimeZone = '{name.replace(chr(39), chr(39) * 2)}'")

    def constants(self, bounds: Bounds) -> tuple[bool, bool, bool]:
        """Whether a condition can be true for NULL, before the grid and after it."""
        text = f"SELECT {bounds.null}, {bounds.low}, {bounds.high}"
        null, low, high = self._con.execute(text).fetchall()[0]
        return null, low, high

    def cells(self, bounds: Bounds, cuts: Sequence[int], within: Sequence[Range]) -> tuple[list[Range], list[Range]]:
        """Cells of the ranges, cut at `cuts`: those where the condition has to be true, and those where it may be."""
        edges = [pair for piece in within for pair in pairwise(_cut(piece, cuts))]
        starts, ends = [a for a, _ in edges], [b - 1 for _, b in edges]
        kind = pa.timestamp("us", "UTC")
        table = pa.table(
            {
                "i": pa.array(range(len(edges)), pa.int64()),
                FIRST: pa.array(starts, pa.int64()).cast(kind),
                LAST: pa.array(ends, pa.int64()).cast(kind),
            }
        )
        text = f"SELECT i, {bounds.must} AS must FROM cells WHERE {bounds.may}"  # noqa: S608 - checked word by word
        found = self._con.register("cells", table).execute(text).fetchall()
        certain = [Range(*edges[index]) for index, must in found if must]
        return certain, [Range(*edges[index]) for index, must in found if not must]

    def offsets(self, span: Range) -> list[tuple[int, int]]:
        """Where each offset from UTC begins, to the second, and the offset."""
        samples = self._offsets_at(range(span.start, span.end, DAY // 2))
        found = [(a, b, before, after) for (a, before), (b, after) in pairwise(samples) if before != after]
        while any(high - low > SECOND for low, high, _, _ in found):
            middles = [(low + high) // 2 // SECOND * SECOND for low, high, _, _ in found]
            offsets = dict(self._offsets_at(sorted(set(middles))))
            if any(offsets[middle] not in sides for middle, (_, _, *sides) in zip(middles, found, strict=True)):
                raise NotUnderstood("two changes of the clock in half a day")
            found = [
                (middle, high, before, after) if offsets[middle] == before else (low, middle, before, after)
                for middle, (low, high, before, after) in zip(middles, found, strict=True)
            ]
        return [samples[0], *((high, after) for _, high, _, after in found)]

    def _offsets_at(self, instants: Sequence[int]) -> list[tuple[int, int]]:
        table = pa.table({"i": pa.array(instants, pa.int64())})
        text = "SELECT i, epoch_us(make_timestamptz(i)::TIMESTAMP) - i FROM instants ORDER BY i"
        return self._con.register("instants", table).execute(text).fetchall()


def _cut(piece: Range, cuts: Sequence[int]) -> list[int]:
    return [piece.start, *cuts[bisect_right(cuts, piece.start) : bisect_left(cuts, piece.end)], piece.end]


_evaluator = _Evaluator()
