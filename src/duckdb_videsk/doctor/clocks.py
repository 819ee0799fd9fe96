"""Whether printed times are what they say: against the clock in the ids, and against the range that was asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import SECOND, as_datetime, micros

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Seen, Table
    from duckdb_videsk.ranges import Range

__all__ = ["id_shift", "is_month_first", "range_shift", "shift_of"]

_QUARTER = 900 * SECOND
_HOUR = 4 * _QUARTER
_NEAR = 60 * SECOND
# So large a part of the records does not begin an hour after its id was made.
_NOT_BY_CHANCE = 4
_MONTHS = 12
_ZONES = 15 * 3_600 * SECOND


def id_shift(seen: Seen) -> int | None:
    """Microseconds, in whole quarters of an hour, that times are after their ids' creation; None: no telling.

    The shift of most, or of the more of two shifts that are an hour apart; 0 only where hardly any is an hour off.

    Only of exports whose ids are made when their record begins.
    """
    needed = seen.endpoint.clock_rows
    pairs = zip(seen.times, seen.created, strict=True)
    offsets = [time - created for time, created in pairs if time is not None and created is not None]
    if needed is None or len(offsets) < needed:
        return None
    return _common(offsets)


def range_shift(seen: Seen) -> int | None:
    """The same against the range that was asked: 0 where all times lie in it; None where nothing explains them."""
    span = seen.request.span
    times = [time for time in seen.times if time is not None]
    if not times:
        return None
    first, last = min(times), max(times)
    if first >= span.start - SECOND and last <= span.end + SECOND:
        return 0
    if last >= span.start and first <= span.end:
        return None
    room = range(last - span.end - SECOND, first - span.start + SECOND + 1)
    fitting = [shift for quarter in range(-60, 61) if (shift := quarter * _QUARTER) and shift in room]
    return min(fitting, key=abs, default=None)


def shift_of(table: Table) -> int | None:
    """A shift that any clock shows, that of other tables where it has none of its own; None or 0 without one."""
    if table.found is None:
        return None
    own = id_shift(table.found)
    if own is None and not table.around:
        own = table.others_shift
    return own or range_shift(table.found)


def is_month_first(table: Table) -> bool:
    """Whether times that are outside the range that was asked are in it with day and month changed about."""
    if table.found is None:
        return False
    span = table.found.request.span
    outside = [time for time in table.found.times if time is not None and not _is_in(time, span)]
    return bool(outside) and all(_is_in(other, span) for other in map(_changed_about, outside))


def _is_in(time: int | None, span: Range) -> bool:
    return time is not None and span.start - SECOND < time <= span.end


def _changed_about(time: int) -> int | None:
    moment = as_datetime(time)
    return micros(moment.replace(day=moment.month, month=moment.day)) if moment.day <= _MONTHS else None


def _common(offsets: list[int]) -> int | None:
    quarters = Counter(
        quarter
        for offset in offsets
        if abs(offset - (quarter := round(offset / _QUARTER) * _QUARTER)) <= _NEAR and abs(quarter) <= _ZONES
    )
    if not quarters:
        return None
    shift, count = quarters.most_common(1)[0]
    # Times of a zone with summer time are off by two shifts, an hour apart.
    other = max((shift - _HOUR, shift + _HOUR), key=lambda quarter: quarters[quarter])
    if (count + quarters[other]) * 2 <= len(offsets):
        return None
    return shift or (other if quarters[other] * _NOT_BY_CHANCE >= len(offsets) else 0)
