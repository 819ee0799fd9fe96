"""Texts of times to timestamps: the API's two formats and ISO 8601 with a Z, all in UTC.

A text that names no real second, such as the 31st of February, is never guessed at.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.endpoints import Kind

__all__ = ["instants"]

_NAIVE = pa.timestamp("us")
_TIME = Kind.TIME.value
_PLAIN_LENGTH = 19  # of YYYY-MM-DD HH:MM:SS
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CLOCK = r"([0-9]{2}):([0-9]{2}):([0-9]{2})"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})[ T]{_CLOCK}(?:\.([0-9]{{1,6}}))?Z?")
_DAY_FIRST = re.compile(rf"([0-9]{{2}})/([0-9]{{2}})/([0-9]{{4}}), {_CLOCK}")
_REWRITES = (
    (r"^([0-9]{2})/([0-9]{2})/([0-9]{4}), ([0-9:]{8})$", r"\3-\2-\1 \4"),
    (r"^([0-9-]{10})[ T]([0-9:]{8})(?:\.0{1,6})?Z?$", r"\1 \2"),
)


def instants(texts: pa.StringArray) -> tuple[pa.TimestampArray, set[int] | None]:
    """The times of `texts`, NULL where there is none, and the rows whose text is no time (None: all are)."""
    quick = _cast(texts)
    if quick is None:
        rewritten = texts
        for pattern, replacement in _REWRITES:
            rewritten = pc.replace_substring_regex(rewritten, pattern, replacement)
        quick = _cast(rewritten)
    return (quick, None) if quick is not None else _one_by_one(texts)


def _cast(texts: pa.StringArray) -> pa.TimestampArray | None:
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    if lengths["min"] is None:
        return pa.nulls(len(texts), _TIME)
    if not lengths["min"] == lengths["max"] == _PLAIN_LENGTH:
        return None
    try:
        times = texts.cast(_NAIVE).cast(_TIME)
    except pa.ArrowInvalid:
        return None
    # Arrow knows a year 0, which neither Python nor DuckDB's clients can show.
    return times if pc.min(times).value >= pa.scalar(_FIRST, _TIME).value else None


def _one_by_one(texts: pa.StringArray) -> tuple[pa.TimestampArray, set[int] | None]:
    found = texts.to_pylist()
    known = {text: _microseconds(text) for text in set(found) if text is not None}
    times = pa.array([known.get(text) for text in found], pa.int64()).cast(_TIME)
    return times, {row for row, text in enumerate(found) if text is not None and known[text] is None} or None


def _microseconds(text: str) -> int | None:
    if parts := _YEAR_FIRST.fullmatch(text):
        year, month, day, hour, minute, second, fraction = parts.groups(default="")
    elif parts := _DAY_FIRST.fullmatch(text):
        (day, month, year, hour, minute, second), fraction = parts.groups(), ""
    else:
        return None
    date, clock = (int(year), int(month), int(day)), (int(hour), int(minute), int(second))
    try:
        time = datetime(*date, *clock, int(fraction.ljust(6, "0")), tzinfo=UTC)
    except ValueError:
        return None
    return (time - _EPOCH) // _MICROSECOND
