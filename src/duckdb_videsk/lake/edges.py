"""What to ask for beside what a query needs, so that its first and last day can be kept whole. Pure: no I/O.

A query's days are those of its time zone, the lake's are UTC's: without this, the two days at the ends would be asked
for again by every run. The rest of the last day is asked for in the same go; that of the first day too where it is
known to cost no request more, otherwise after the query has had all its rows, so that a LIMIT never pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import DAY, Range, normalise, subtract, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Density", "Errand", "errand", "whole_days"]

_FILL = 0.8
_MOST_LONGER = 2
_FEW_ANSWERS = 2


@dataclass(frozen=True, slots=True)
class Density:
    """What is known of a table.

    Attributes:
        rows_per_day: in the days that are kept.
        cap: records that one answer may hold.
    """

    rows_per_day: float
    cap: int

    def answers(self, length: int) -> float:
        """Full answers that so many microseconds hold."""
        return self.rows_per_day * length / DAY / self.cap


@dataclass(frozen=True, slots=True)
class Errand:
    """What to ask for: `now` for the query, `later` only to keep whole days."""

    now: tuple[Range, ...]
    later: tuple[Range, ...]


def errand(gaps: Sequence[Range], *, settled_until: int, taken: Iterable[Range], density: Density | None) -> Errand:
    """What to ask for.

    Args:
        gaps: what the query needs and nothing holds, normalised.
        settled_until: days after it are not kept, so nothing is asked for them.
        taken: whole days that are not to be asked for.
        density: None while nothing is known.
    """
    edges = {edge // DAY * DAY for gap in gaps for edge in (gap.start, gap.end) if edge % DAY}
    days = [Range(start, start + DAY) for start in edges if start + DAY <= settled_until]
    free = [day for day in days if subtract([day], taken) == (day,)]
    rest = subtract(free, gaps)
    if not rest:
        return Errand(tuple(gaps), ())
    if density is not None and _fits(gaps, rest, density):
        return Errand(normalise([*gaps, *rest]), ())
    few = density is not None and density.answers(total(rest)) <= _FEW_ANSWERS
    if not few and total(rest) > _MOST_LONGER * total(gaps):
        return Errand(tuple(gaps), ())
    # A stretch is read from its start, so what is added to its end comes last.
    added = [piece for piece in rest if any(piece.start == gap.end for gap in gaps)]
    return Errand(normalise([*gaps, *added]), subtract(rest, added))


def whole_days(ranges: Iterable[Range], *, settled_until: int) -> tuple[Range, ...]:
    """The settled whole days within ranges."""
    inner = (Range(-(-piece.start // DAY) * DAY, min(piece.end, settled_until) // DAY * DAY) for piece in ranges)
    return normalise(inner)


def _fits(gaps: Sequence[Range], rest: Sequence[Range], density: Density) -> bool:
    """Whether each stretch that a gap grows into fits the answers that the gap itself takes."""
    grown = normalise([*gaps, *rest])
    return len(grown) <= len(gaps) and all(
        density.answers(piece.length) <= _FILL for piece in grown if piece not in gaps
    )
