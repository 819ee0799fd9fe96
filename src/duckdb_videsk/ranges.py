"""Half-open UTC time ranges and their algebra, in whole microseconds since the Unix epoch.

Pure and total: an impossible range is the empty range, never an exception. What the API's clock or
cap make of a range is the fetch engine's matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DAY",
    "EVER",
    "MILLISECOND",
    "SECOND",
    "Range",
    "as_datetime",
    "iso",
    "micros",
    "normalise",
    "subtract",
    "total",
]

MILLISECOND = 1_000
SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def as_datetime(instant: int) -> datetime:
    """The aware UTC datetime of `instant` microseconds; years before 1 and after 9999 become their nearest."""
    return _EPOCH + timedelta(microseconds=min(max(instant, _FIRST), _LAST))


def iso(instant: int) -> str:
    """ISO 8601 text in UTC, with as many decimals as it takes; years before 1 and after 9999 become their nearest."""
    instant = min(max(instant, _FIRST), _LAST)
    decimals = "milliseconds" if instant % MILLISECOND == 0 else "microseconds"
    spec = "seconds" if instant % SECOND == 0 else decimals
    return as_datetime(instant).replace(tzinfo=None).isoformat(timespec=spec) + "Z"


_FIRST = micros(datetime(1, 1, 1, tzinfo=UTC))
_LAST = micros(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))


@dataclass(frozen=True, order=True, slots=True)
class Range:
    """The instants `t` with `start <= t < end`, in microseconds since the epoch; empty where `start >= end`."""

    start: int
    end: int

    @classmethod
    def between(cls, start: datetime, end: datetime) -> Range:
        """The range between two aware datetimes."""
        return cls(micros(start), micros(end))

    @property
    def empty(self) -> bool:
        return self.start >= self.end

    @property
    def length(self) -> int:
        """Microseconds, 0 where empty."""
        return max(0, self.end - self.start)

    def __contains__(self, instant: int) -> bool:
        return self.start <= instant < self.end

    def intersect(self, other: Range) -> Range:
        return Range(max(self.start, other.start), min(self.end, other.end))

    def outward(self, unit: int = SECOND) -> Range:
        """The smallest range of whole `unit`s that holds this one; an empty one stays as it is."""
        return self if self.empty else Range(self.start // unit * unit, -(-self.end // unit) * unit)

    def __str__(self) -> str:
        if self.empty:
            return "nothing"
        start = "the beginning" if self.start <= EVER.start else iso(self.start)
        end = "the end" if self.end >= EVER.end else iso(self.end)
        return f"from {start} until {end}"


EVER = Range(_FIRST, _LAST // SECOND * SECOND + SECOND)
"""All time that ISO 8601 texts can express, years 1 to 9999: the future included."""


_start = attrgetter("start")


def normalise(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same instants as sorted, disjoint ranges with gaps between them; empty ranges are left out."""
    merged: list[Range] = []
    for piece in sorted((r for r in ranges if r.start < r.end), key=_start):
        if merged and piece.start <= merged[-1].end:
            merged[-1] = Range(merged[-1].start, max(merged[-1].end, piece.end))
        else:
            merged.append(piece)
    return tuple(merged)


def subtract(ranges: Iterable[Range], holes: Iterable[Range]) -> tuple[Range, ...]:
    """What of `ranges` no hole covers, normalised."""
    left: list[Range] = []
    gaps, at = normalise(holes), 0
    for piece in normalise(ranges):
        start = piece.start
        while at < len(gaps) and gaps[at].start < piece.end:
            if gaps[at].start > start:
                left.append(Range(start, gaps[at].start))
            start = max(start, gaps[at].end)
            if gaps[at].end > piece.end:
                break  # it may cover some of the next piece too
            at += 1
        if start < piece.end:
            left.append(Range(start, piece.end))
    return tuple(left)


def total(ranges: Iterable[Range]) -> int:
    """Microseconds covered by at least one range."""
    return sum(piece.length for piece in normalise(ranges))
