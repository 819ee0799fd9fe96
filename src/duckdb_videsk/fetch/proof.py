"""What one decoded answer proves: whether it was cut, which seconds it shows, and that it is what was asked.

Works on printed times, which have whole seconds; knows nothing of other answers.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.endpoints import UNMAPPED
from duckdb_videsk.errors import ClockError, OrderError, OutOfRangeError
from duckdb_videsk.ranges import SECOND, Range, iso
from duckdb_videsk.trimming import instants

if TYPE_CHECKING:
    from duckdb_videsk.client import Request
    from duckdb_videsk.decode import Answer
    from duckdb_videsk.endpoints import Endpoint

__all__ = ["Shown", "doubted", "first_instant", "identity_counts", "judge"]

_ROUND = 1_000
_SAMPLE = 256
_QUARTER = 900
_ZONES = 15 * 3_600
_JITTER = 2
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
# Labels alone are read: the values may be numbers or nests that no reader can hold.
_LABELLED = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Shown:
    """A judged answer.

    Attributes:
        batch: its rows in the order they came, the endpoint's schema.
        limit: the cap it announced.
        full: whether it holds as many rows as the cap.
        cut: whether rows may be missing at its end: it is full, or stops at a suspiciously round number.
        first, last: earliest and latest printed time, microseconds; None without a timed row.
        timeless: rows without a time.
        unread: the labels that hold, or should hold, times in a form that is not known; None where all were read.
        clock_proven: whether times were held against the ids' creation seconds, and fit.
        questions: the labels that it lists and no column takes, of a form or survey.
    """

    batch: pa.RecordBatch
    limit: int
    full: bool
    cut: bool
    first: int | None
    last: int | None
    timeless: int
    unread: str | None
    clock_proven: bool
    questions: tuple[str, ...] = ()


def judge(answer: Answer, request: Request) -> Shown:
    """Check an answer by itself.

    An answer of a round number of rows below its announced cap counts as cut too: a server that stops at 5,000 and
    announces 100,000 would else lose rows unseen. The price is one request more for one answer in a thousand.

    Raises:
        OutOfRangeError: a row lies outside what was asked.
        OrderError: it was cut and is not in the order asked for.
        ClockError: the times are shifted against the ids.
    """
    endpoint = request.endpoint
    times = instants(answer.batch, endpoint)
    rows = answer.batch.num_rows
    full = rows >= answer.limit
    cut = full or (rows > 0 and rows % _ROUND == 0)
    edges = pc.min_max(times)
    first, last = edges["min"].as_py(), edges["max"].as_py()
    unread = _unread_times(answer.batch, times, endpoint) if times.null_count else None
    clock_proven = False
    if first is not None and last is not None:
        _check_range(first, last, request)
        clock_proven = endpoint.clock_rows is not None and _check_clock(answer.batch, times, request)
    if cut:
        _check_order(times, request)
    return Shown(
        answer.batch,
        answer.limit,
        full,
        cut,
        first,
        last,
        times.null_count,
        unread,
        clock_proven,
        answer.questions,
    )


def doubted(shown: Shown, request: Request) -> Shown:
    """The same answer, taken as cut.

    Raises:
        OrderError: it is not in the order asked for.
    """
    _check_order(instants(shown.batch, request.endpoint), request)
    return replace(shown, cut=True)


def identity_counts(batch: pa.RecordBatch, endpoint: Endpoint) -> Counter[str]:
    """How often each row stands, rows named by their identity and printed time."""
    names = [*endpoint.identity, endpoint.range_column]
    texts = [pc.fill_null(batch.column(name).cast(pa.string()), "\0") for name in names]
    joined = pc.binary_join_element_wise(*texts, "\n")
    return Counter({entry["values"]: entry["counts"] for entry in pc.value_counts(joined).to_pylist()})


def first_instant(batch: pa.RecordBatch, endpoint: Endpoint, start: int) -> int | None:
    """The earliest printed time from `start` on, or None."""
    times = instants(batch, endpoint)
    earliest: int | None = pc.min(times.filter(pc.greater_equal(times, start))).as_py()
    return earliest


def _unread_times(batch: pa.RecordBatch, times: pa.Int64Array, endpoint: Endpoint) -> str | None:
    """A row may have no time; a time that is there in a form, or under a label, not known must not look like none."""
    timeless = batch.filter(pc.is_null(times))
    column = endpoint.column(endpoint.range_column)
    labels = {*column.keys, *column.fallback_labels}
    kept_aside = [text for text in timeless.column(UNMAPPED).to_pylist() if text is not None]
    for text in kept_aside:
        if found := labels & _LABELLED.decode(text).keys():
            return ", ".join(sorted(found))
    answers = timeless.column("answers").to_pylist() if endpoint.parameter is not None else []
    something_else = bool(kept_aside) or any(text != "{}" for text in answers)
    return column.keys[0] if something_else and timeless.num_rows == batch.num_rows else None


def _check_range(first: int, last: int, request: Request) -> None:
    asked = Range(request.span.start // SECOND * SECOND, request.span.end)
    stray = first if first < asked.start else last if last > asked.end else None
    if stray is not None:
        raise OutOfRangeError(
            f"The answer holds a record of {iso(stray)}, outside what was asked. This export filters on another "
            f"time than {request.endpoint.range_column}, so a scan by that column could lose rows; none are "
            "returned. Please report this.",
            endpoint=request.endpoint.path,
            span=str(request),
        )


def _check_order(times: pa.Int64Array, request: Request) -> None:
    timed = times.drop_null()
    earlier, later = timed[:-1], timed[1:]
    if request.newest_first:
        earlier, later = later, earlier
    if len(timed) > 1 and not pc.all(pc.less_equal(earlier, later)).as_py():
        raise OrderError(
            "An answer that was cut at the cap is not sorted by time as asked, so what it left out is unknown.",
            endpoint=request.endpoint.path,
            span=str(request),
        )


def _check_clock(batch: pa.RecordBatch, times: pa.Int64Array, request: Request) -> bool:
    """Compare times with the ObjectIds' creation seconds on a sample of rows; gives whether that proves them."""
    step = max(1, batch.num_rows // _SAMPLE)
    sample = pa.array(range(0, batch.num_rows, step), pa.int64())
    ids = batch.column(batch.schema.get_field_index("id")).take(sample).to_pylist()
    offsets = [
        time // SECOND - created
        for id_, time in zip(ids, times.take(sample).to_pylist(), strict=True)
        if time is not None and (created := _created(id_)) is not None
    ]
    shifted = [offset for offset in offsets if _is_zone_shift(offset)]
    fitting = sum(abs(offset) <= _JITTER for offset in offsets)
    if len(offsets) >= (request.endpoint.clock_rows or 1) and len(shifted) * 2 > len(offsets):
        hours = shifted[len(shifted) // 2] / 3_600
        raise ClockError(
            f"The times of this answer are about {hours:+.2f} hours off the creation times in the record ids: the "
            "server seems to ignore the time zone it was asked for. No rows are returned, since each time would be "
            "wrong. Please report this.",
            endpoint=request.endpoint.path,
            span=str(request),
        )
    return bool(fitting * 2 > len(offsets))


def _created(id_: str | None) -> int | None:
    """Creation second of a MongoDB ObjectId (its first four bytes), or None for any other id."""
    return None if id_ is None or _OBJECT_ID.fullmatch(id_) is None else int(id_, 16) >> 64


def _is_zone_shift(offset: int) -> bool:
    """Whether seconds are those of a time-zone offset: whole quarter-hours but not none, at most 15 hours."""
    away = (offset + _JITTER) % _QUARTER
    return away <= 2 * _JITTER and _JITTER < abs(offset) <= _ZONES
