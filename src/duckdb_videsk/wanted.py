"""How a statement tells a scan that only its newest or oldest few rows matter.

It says that the range column is not a certain instant, one that no record can have; which instant counts the rows.
DuckDB hands that to the scan with the other conditions, and the scan knows that it is none. Where other conditions
bound the time at both ends the instant has to lie between them, or DuckDB drops it; there it takes three of them, at
distances that nobody writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from duckdb_videsk.ranges import EVER, SECOND, as_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_ROWS", "Ends", "Wanted", "mark_literal", "wanted_by"]

Ends = Literal["newest", "oldest", "both"]

MOST_ROWS = 20_000
_KINDS: tuple[tuple[Ends, bool], ...] = tuple(
    (ends, nulls) for ends in ("newest", "oldest", "both") for nulls in (False, True)
)
_APART = 300_000
_LAST_SECONDS = 2 * SECOND
_GRID = 4 * SECOND
_TRIPLE = (0, 1_234_560, 2_013_570)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that matter of those that a scan's filter accepts.

    Attributes:
        rows: how many at an end, from 1 to `MOST_ROWS`, and with them all that have the time of the last one.
        ends: at which end, or at each.
        null_times: whether rows without a time count, after all others; what marks the scan would refuse them.
    """

    rows: int
    ends: Ends
    null_times: bool = False

    def marks(self) -> tuple[tuple[int, ...], ...]:
        """Two marks that say so, far in the future and far in the past: instants, microseconds since the epoch.

        The API's times have no more than milliseconds, and these have a last digit.
        """
        return (EVER.end - _LAST_SECONDS + self._offset,), (EVER.start + self._offset,)

    def marks_near(self, instant: int) -> tuple[tuple[int, ...], ...]:
        """Two that lie in the seconds after an instant and in those before it."""
        after, before = -(-instant // _GRID) * _GRID, (instant // _GRID - 1) * _GRID
        return tuple(tuple(base + self._offset + at for at in _TRIPLE) for base in (after, before))

    @property
    def _offset(self) -> int:
        return _KINDS.index((self.ends, self.null_times)) * _APART + self.rows * 10 + 1


def mark_literal(mark: int) -> str:
    """A mark as SQL. Only a literal is known to every version of DuckDB before it hands conditions on."""
    return f"TIMESTAMPTZ '{as_datetime(mark).replace(tzinfo=None).isoformat(sep=' ', timespec='microseconds')}+00'"


def wanted_by(instants: Iterable[int]) -> tuple[tuple[int, ...], Wanted] | None:
    """The mark among the literals of a filter, and what it says; None where there is none."""
    known = set(instants)
    for instant in sorted(known):
        far = _wanted(instant - (EVER.start if instant < 0 else EVER.end - _LAST_SECONDS))
        if far is not None:
            return (instant,), far
        triple = tuple(instant + at for at in _TRIPLE)
        near = _wanted(instant % _GRID) if known.issuperset(triple) else None
        if near is not None:
            return triple, near
    return None


def _wanted(offset: int) -> Wanted | None:
    kind, counted = divmod(offset, _APART)
    rows, digit = divmod(counted, 10)
    if not (0 <= kind < len(_KINDS) and 0 < rows <= MOST_ROWS and digit == 1):
        return None
    return Wanted(rows, *_KINDS[kind])
