"""To the millisecond: from where to where a request has to reach to give one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.ranges import MILLISECOND, SECOND, Range

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["find_milliseconds"]


async def find_milliseconds(comes: Callable[[Range], Awaitable[bool | None]], second: int) -> tuple[int, int] | None:
    """The latest `start` and the earliest `end`, in milliseconds after `second`, with which a record still comes.

    The record is one printed with that second. Were its own millisecond `m`, the start is `m` where a start is
    counted in and `m - 1` where not; the end is `m` or `m + 1`. A dozen requests, thirteen at most.

    Returns:
        None where the answers do not fit together.
    """
    # The record does not come until `low`, and does until `high`.
    low, high = -1, 1_000
    while high - low > 1:
        middle = (low + high) // 2
        if await comes(Range(second - SECOND, second + middle * MILLISECOND)):
            high = middle
        else:
            low = middle
    for start in (high, high - 1, high - 2):
        if await comes(Range(second + start * MILLISECOND, second + SECOND)):
            return start, high
    return None
