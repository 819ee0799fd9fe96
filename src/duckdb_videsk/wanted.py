"""How a statement tells a scan that only its newest or oldest few rows matter.

It compares the range column with an instant in the last second, or the first, of all that the API can hold; which
instant counts the rows. DuckDB hands the comparison to the scan with the other conditions, and the scan knows that
it is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import EVER, SECOND, as_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_ROWS", "Wanted", "wanted_by"]

MOST_ROWS = 100_000
_FROM_THE_END = SECOND // 2
_WITH_NULLS = SECOND // 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that matter of those that a scan's filter accepts.

    Attributes:
        rows: how many, from 1 to `MOST_ROWS`, and with them all that have the time of the last one.
        newest: the newest of them, or else the oldest.
        null_times: whether rows without a time count, after all others; the comparison alone would refuse them.
    """

    rows: int
    newest: bool
    null_times: bool

    @property
    def mark(self) -> int:
        """The instant, in microseconds since the epoch."""
        offset = _FROM_THE_END - self.rows - (_WITH_NULLS if self.null_times else 0)
        return EVER.end - offset if self.newest else EVER.start + offset

    def condition(self, column: str) -> str:
        """The comparison as SQL."""
        # Only a literal is known to every version of DuckDB before it hands conditions on.
        moment = as_datetime(self.mark).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return f"{column} {'<' if self.newest else '>'} TIMESTAMPTZ '{moment}+00'"


def wanted_by(instants: Iterable[int]) -> tuple[Wanted, ...]:
    """What the literals of a filter say, in microseconds since the epoch."""
    return tuple(found for instant in sorted(set(instants)) if (found := _wanted(instant)) is not None)


def _wanted(instant: int) -> Wanted | None:
    newest = instant > 0
    counted = _FROM_THE_END - (EVER.end - instant if newest else instant - EVER.start)
    null_times, rows = divmod(counted, _WITH_NULLS)
    if not 0 < rows <= MOST_ROWS or null_times not in {0, 1}:
        return None
    return Wanted(rows, newest=newest, null_times=bool(null_times))
