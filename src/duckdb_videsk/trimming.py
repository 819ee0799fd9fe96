"""Rows inside and outside of ranges of time."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.ranges import Range

__all__ = ["instants", "rows_outside", "rows_within"]


def instants(batch: pa.RecordBatch, endpoint: Endpoint) -> pa.Int64Array:
    """The rows' times in microseconds since the epoch, null where a row has none."""
    return batch.column(batch.schema.get_field_index(endpoint.range_column)).view(pa.int64())


def rows_within(batch: pa.RecordBatch, endpoint: Endpoint, *spans: Range) -> pa.RecordBatch:
    """The rows that lie in one of some ranges; none without a time. They are a view where they follow each other."""
    inside = _inside(batch, endpoint, spans)
    count, start = pc.sum(inside).as_py() or 0, pc.index(inside, True).as_py()
    if count == 0:
        return batch.slice(0, 0)
    if pc.all(inside.slice(start, count)).as_py():
        return batch.slice(start, count)
    return batch.filter(inside)


def rows_outside(batch: pa.RecordBatch, endpoint: Endpoint, *spans: Range) -> pa.RecordBatch:
    """The rows that lie in none of some ranges, and those without a time."""
    return batch.filter(pc.invert(_inside(batch, endpoint, spans)))


def _inside(batch: pa.RecordBatch, endpoint: Endpoint, spans: Sequence[Range]) -> pa.BooleanArray:
    times = instants(batch, endpoint)
    if len(spans) > 1:
        first, last = pc.min_max(times).as_py().values()
        spans = [] if first is None else [span for span in spans if span.start <= last and first < span.end]
    nowhere = pa.array([False] * batch.num_rows, pa.bool_())
    inside = (pc.and_(pc.greater_equal(times, span.start), pc.less(times, span.end)) for span in spans)
    return pc.fill_null(reduce(pc.or_, inside, nowhere) if len(spans) != 1 else next(inside), False)
