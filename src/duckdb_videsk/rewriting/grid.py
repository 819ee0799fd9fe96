"""Which instants a condition can hold at: DuckDB evaluates it over cells of time, in a database of its own.

Years come first, half days only in years that can match, quarters of an hour only in half days that can. Clocks and
their changes have to keep to whole quarters of an hour; those that do not are left in.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, micros, normalise, subtract, total
from duckdb_videsk.rewriting.conditions import FIRST, LAST
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.levels import Level
from duckdb_videsk.views import text_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from duckdb_videsk.rewriting.conditions import Condition, Moments

__all__ = ["MOST_RANGES", "QUARTER", "Evaluator"]

MOST_RANGES = 40
"""What a scan takes apart in a fraction of a second."""

QUARTER = 900 * SECOND
_SPAN = Range.between(datetime(2000, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC))
_YEARS = [micros(datetime(year, 1, 1, tzinfo=UTC)) for year in range(2000, 2051)]
# As text, the year 10000, which begins somewhere a little earlier, comes before 2000.
_LAST_DAYS = Range(EVER.end - 2 * DAY, EVER.end)
_MOST_QUARTERS = 3 * 366 * 96
_FIRST_CELLS, _MOST_CELLS = 4_000, 20_000
_QUICK = 0.02
_SHARES = 0.25, 0.75
"""Of the time that is left, after which half days and quarters of an hour are taken whole."""
_MOST_ODD = 500
_NEAR = 12 * DAY
_CELLS = f"""
    SELECT a FROM (SELECT a, make_timestamptz(a) AS {FIRST}, make_timestamptz(a + {{1}} - 1) AS {LAST}
                   FROM (SELECT unnest(range(x, y, {{1}})) AS a FROM (VALUES {{0}}) AS pieces(x, y)))
    WHERE {{2}}
"""  # noqa: S608 - numbers, and texts made of checked words
_PIECES = (
    Range(EVER.start, _SPAN.start),
    *(Range(a, b) for a, b in pairwise(_YEARS)),
    Range(_SPAN.end, _LAST_DAYS.start),
)
_TABLES = f"""
    CREATE TABLE samples AS SELECT make_timestamptz(unnest(
        {[at for year in (EVER.start + 1, *_YEARS, EVER.end) for at in (year - 1, year) if at in EVER]}
    )) AS {FIRST};
    CREATE TABLE years AS SELECT i, if(i > 0, make_timestamptz(a), NULL) AS {FIRST},
                                 if(i < {len(_PIECES) - 1}, make_timestamptz(b), NULL) AS {LAST}
    FROM (SELECT unnest(range({len(_PIECES)})) AS i, unnest({[piece.start for piece in _PIECES]}) AS a,
                 unnest({[piece.end - 1 for piece in _PIECES]}) AS b);
    INSERT INTO years VALUES (-1, NULL, NULL)
"""  # noqa: S608 - numbers only


class Evaluator:
    """One statement's use of its thread's database, in one time zone; for a limited time.

    That database holds some cells of time, and nobody's macros or settings reach it.
    """

    _own = threading.local()

    def __init__(self, time_zone: str, *, seconds: float, check: Callable[[], None]) -> None:
        """
        Args:
            check: raises where the statement is not wanted any more.
        """
        self._zone = time_zone
        self._check = check
        self._connection()
        # Of this thread's own time: a busy machine is no reason to read more.
        self._deadline = time.thread_time() + seconds

    def rows(self, text: str, *, in_time: bool = True) -> list[tuple[Any, ...]]:
        """What a query answers; raises NotUnderstood where it fails, or `in_time` and time is up."""
        self._check()
        if in_time and time.thread_time() > self._deadline:
            raise NotUnderstood("it takes too long")
        try:
            return self._connection().execute(text).fetchall()
        except duckdb.Error as error:
            raise NotUnderstood("it cannot be evaluated") from error

    @contextlib.contextmanager
    def once(self) -> Iterator[None]:
        """What is done once for all statements takes nothing of this one's time."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self._deadline += time.thread_time() - begun

    def ranges(self, condition: Condition, moments: Moments, zones: Iterable[str]) -> tuple[Range, ...] | None:
        """The instants at which a condition can hold; None where nothing is gained by knowing.

        Raises:
            NotUnderstood: it cannot be evaluated everywhere, or accepts a NULL.
        """
        odd = [piece for zone in {self._zone, *zones} for piece in self._odd_quarters(zone)]
        ever, day, quarter = (condition.may(level, moments) for level in (Level.EVER, Level.DAY, Level.QUARTER))
        years = self._years(ever, quarter, condition.values(moments))
        outside = [piece for piece in years if piece in (_PIECES[0], _PIECES[-1])]
        inside = normalise(piece for piece in years if piece not in outside)
        today = micros(datetime.fromisoformat(moments.day).replace(tzinfo=UTC))
        begun = time.thread_time()
        soon, late = (begun + share * (self._deadline - begun) for share in _SHARES)
        halves = normalise(self._cells(day, inside, DAY // 2, around=today, until=soon))
        close = halves
        if total(halves) > _MOST_QUARTERS * QUARTER:
            halves = _few(halves, around=today)
            close = _edges(halves)
        ends = _PIECES[-1] in outside
        near = [*close, *([] if ends else [_LAST_DAYS])]
        fine = self._cells(quarter, near, QUARTER, around=today, until=late)
        kept = [*subtract(odd, subtract([EVER], close)), *([_LAST_DAYS] if ends else [])]
        ranges = _few(normalise([*outside, *subtract(halves, close), *fine, *kept]), around=today)
        return None if ranges == (EVER,) else ranges

    def _years(self, text: str, exact: str, values: Sequence[str]) -> list[Range]:
        """The years in which a condition can hold, and all time before and after them."""
        query = f"SELECT list(i) FROM years WHERE CASE WHEN i < 0 THEN {exact} ELSE {text} END"  # noqa: S608 - checked
        # Every leaf has to have a value wherever it is looked at, since nobody sees an error of a row not read.
        sampled = ", ".join(f"count({value})" for value in values)
        ((found, *_),) = self.rows(f"SELECT ({query}), {sampled} FROM samples")  # noqa: S608 - checked words
        found = found or ()
        if -1 in found:
            raise NotUnderstood("it accepts a time that is NULL")
        return [piece for index, piece in enumerate(_PIECES) if index in found]

    def _cells(
        self, text: str, within: Sequence[Range], step: int, *, around: int | None = None, until: float = math.inf
    ) -> list[Range]:
        """The cells of the ranges in which a condition can hold, those next to each other as one.

        With `around`, those near it come first. Those left when the thread's time is `until` are taken whole.
        """
        length = step * _FIRST_CELLS
        pieces = [
            Range(at, min(at + length, piece.end)) for piece in within for at in range(piece.start, piece.end, length)
        ]
        if around is not None:
            pieces.sort(key=lambda piece: max(piece.start - around, around - piece.end), reverse=True)
        cells, found = _FIRST_CELLS, list[Range]()
        while pieces:
            begun = time.thread_time()
            if begun > until:
                return found + pieces
            batch = [pieces.pop()]
            while pieces and total([*batch, pieces[-1]]) <= step * cells:
                batch.append(pieces.pop())
            edges = ", ".join(f"({piece.start}, {piece.end})" for piece in batch)
            rows = self.rows(_CELLS.format(edges, step, text), in_time=until < math.inf)
            found += _runs(sorted(start for (start,) in rows), step)
            if time.thread_time() - begun < _QUICK:
                cells = min(2 * cells, _MOST_CELLS)
        return found

    def _odd_quarters(self, zone: str) -> tuple[Range, ...]:
        """Quarters of an hour in which a zone's clock changes; raises NotUnderstood for zones of other offsets."""
        known = _odd.get(zone)
        if known is None:
            with self.once():
                known = _odd[zone] = self._find_odd_quarters(zone)
        if len(known) > _MOST_ODD:
            raise NotUnderstood(f"the time zone {zone!r}")
        return known

    def _find_odd_quarters(self, zone: str) -> tuple[Range, ...]:
        literal = text_literal(zone)
        start, end = (f"(epoch_us(timezone({literal}, {at})) - epoch_us({at}))" for at in (FIRST, LAST))
        if self._cells(f"{start} % {QUARTER} <> 0", [_SPAN], DAY // 2):
            raise NotUnderstood(f"the time zone {zone!r}")
        changing = self._cells(f"{start} <> {end}", [_SPAN], DAY // 2)
        return tuple(self._cells(f"{start} <> {end}", changing, QUARTER))

    def hand_over(self) -> None:
        """Leave this thread's database to the next thread that needs one."""
        _spare.append(self._own.connection)
        self._own.__dict__.clear()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection: duckdb.DuckDBPyConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            try:
                connection = _spare.pop()
            except IndexError:
                connection = duckdb.connect(":memory:", config={"threads": 1})
                connection.execute(_TABLES)
            self._own.connection = connection
        if getattr(self._own, "zone", None) != self._zone:
            connection.execute(f"SET TimeZone = {text_literal(self._zone)}")
            self._own.zone = self._zone
        return connection


_odd: dict[str, tuple[Range, ...]] = {}
_spare: list[duckdb.DuckDBPyConnection] = []


def _edges(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """What lies near the ends of long ranges: what is between is hardly worth a closer look."""
    ends = [Range(at - _NEAR, at + _NEAR) for piece in ranges for at in (piece.start, piece.end)]
    return normalise(piece.intersect(end) for piece in ranges for end in ends)


def _runs(starts: Sequence[int], step: int) -> list[Range]:
    """Cells in order, those next to each other as one."""
    breaks = [at for at in range(1, len(starts)) if starts[at] != starts[at - 1] + step]
    return [Range(starts[a], starts[b - 1] + step) for a, b in pairwise([0, *breaks, len(starts)]) if a < b]


def _few(ranges: tuple[Range, ...], *, around: int) -> tuple[Range, ...]:
    """No more ranges than are quick to read: the widest gaps stay, in whole days, and of equal ones the nearest."""
    if len(ranges) <= MOST_RANGES:
        return ranges
    gaps = [Range(before.end, after.start) for before, after in pairwise(ranges)]
    gaps.sort(key=lambda gap: (-round(gap.length / DAY), abs(gap.start - around)))
    return subtract([Range(ranges[0].start, ranges[-1].end)], sorted(gaps[: MOST_RANGES - 1]))
