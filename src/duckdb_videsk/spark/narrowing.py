"""From the filters that Spark offers to the time ranges and the ids that rows can have which pass all of them.

Spark applies every filter again to the rows, so what is not understood here only leaves more to read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import (
    EqualNullSafe,
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNotNull,
    LessThan,
    LessThanOrEqual,
)

from duckdb_videsk.ranges import EVER, Range, micros, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from duckdb_videsk.endpoints import Endpoint

__all__ = ["Wanted", "narrowed"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read.

    Attributes:
        ranges: normalised.
        null_times: whether rows without a time are wanted too.
        ids: the only forms or surveys wanted; None where nothing says which.
    """

    ranges: tuple[Range, ...]
    null_times: bool
    ids: tuple[str, ...] | None = None


def narrowed(wanted: Wanted, filters: Iterable[Any], endpoint: Endpoint) -> Wanted:
    """What is left of `wanted` where all of Spark's `filters` hold."""
    for condition in filters:
        column = getattr(condition, "attribute", None)
        if column == (endpoint.range_column,):
            wanted = _narrowed_time(wanted, condition)
        elif endpoint.parameter is not None and column == (endpoint.parameter,):
            wanted = _narrowed_ids(wanted, condition)
    return wanted


def _narrowed_time(wanted: Wanted, condition: Any) -> Wanted:
    if isinstance(condition, IsNotNull):
        return replace(wanted, null_times=False)
    spans = _spans(condition)
    if spans is None:
        return wanted
    both = normalise(mine.intersect(span) for mine in wanted.ranges for span in spans)
    return replace(wanted, ranges=both, null_times=False)


def _spans(condition: Any) -> list[Range] | None:
    """The instants that a comparison accepts; None where that is not known."""
    instants = [_instant(value) for value in _values(condition)]
    known = [instant for instant in instants if instant is not None]
    accepted = next((accepts for kind, accepts in _ACCEPTED if isinstance(condition, kind)), None)
    if accepted is None or not known or len(known) < len(instants):
        return None
    return [accepted(instant) for instant in known]


_ACCEPTED: tuple[tuple[Any, Callable[[int], Range]], ...] = (
    (EqualTo | EqualNullSafe | In, lambda instant: Range(instant, instant + 1)),
    (GreaterThan, lambda instant: Range(instant + 1, EVER.end)),
    (GreaterThanOrEqual, lambda instant: Range(instant, EVER.end)),
    (LessThan, lambda instant: Range(EVER.start, instant)),
    (LessThanOrEqual, lambda instant: Range(EVER.start, instant + 1)),
)


def _narrowed_ids(wanted: Wanted, condition: Any) -> Wanted:
    if not isinstance(condition, EqualTo | EqualNullSafe | In):
        return wanted
    values = _values(condition)
    if not values or not all(isinstance(value, str) for value in values):
        return wanted
    ids = tuple(dict.fromkeys(values))
    return replace(wanted, ids=ids if wanted.ids is None else tuple(one for one in wanted.ids if one in ids))


def _values(condition: Any) -> tuple[Any, ...]:
    """What a column is compared with; NULL in a list is equal to nothing."""
    if isinstance(condition, In):
        return tuple(value for value in condition.value if value is not None)
    return (getattr(condition, "value", None),)


def _instant(value: Any) -> int | None:
    """Microseconds of an aware datetime; None for anything else."""
    return micros(value) if isinstance(value, datetime) and value.tzinfo is not None else None
