"""When contacts come: the shape of a working day and of a weekend's, and times drawn from it in bulk."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["times_of_day"]

# Minute of the day and how busy the quarter of an hour from there on is.
_WEEKDAY = (
    (420, 0),
    (480, 4),
    (540, 22),
    (660, 34),
    (780, 26),
    (795, 9),
    (870, 12),
    (900, 30),
    (1080, 24),
    (1200, 9),
)
_WEEKEND = ((540, 0), (600, 10), (720, 16), (840, 9), (1080, 4))
_CLOSING = {_WEEKDAY: 1320, _WEEKEND: 1200}
_STEPS = 512


def times_of_day(noise: pa.Array, weekend: pa.Array) -> pa.Array:
    """Milliseconds since the day began, one for each random number of 32 bits."""
    step = pc.shift_right(noise, pa.scalar(23, pa.uint32()))
    part = pc.divide(pc.cast(pc.bit_wise_and(noise, pa.scalar(0x7FFFFF, pa.uint32())), pa.float64()), float(1 << 23))
    step = pc.add(pc.cast(step, pa.int32()), pc.multiply(pc.cast(weekend, pa.int32()), _STEPS + 1))
    low, high = _CURVES.take(step), _CURVES.take(pc.add(step, 1))
    return pc.cast(pc.floor(pc.add(low, pc.multiply(pc.subtract(high, low), part))), pa.int64())


def _quantiles(shape: Sequence[tuple[int, int]], closing: int) -> list[int]:
    """The millisecond of the day by which each 512th of a day's contacts has come."""
    level = dict(shape)
    busy: list[int] = []
    for minute in range(shape[0][0], closing):
        busy.append(level.get(minute, busy[-1] if busy else 0) or 1)
    reached = list(accumulate(busy, initial=0))
    return [_crossing(reached, reached[-1] * step / _STEPS, shape[0][0]) for step in range(_STEPS + 1)]


def _crossing(reached: Sequence[int], wanted: float, opening: int) -> int:
    minute = min(max(0, bisect_left(reached, wanted) - 1), len(reached) - 2)
    part = (wanted - reached[minute]) / (reached[minute + 1] - reached[minute])
    return round((opening + minute + part) * 60_000)


_CURVES = pa.array(
    [*_quantiles(_WEEKDAY, _CLOSING[_WEEKDAY]), *_quantiles(_WEEKEND, _CLOSING[_WEEKEND])], pa.float64()
)
