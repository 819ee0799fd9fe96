"""Rows inside and outside of ranges of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.ranges import Range

__all__ = ["instants", "rows_outside", "rows_within"]


def instants(batch: pa.RecordBatch, endpoint: Endpoint) -> pa.Int64Array:
    """The rows' times in microseconds since the epoch, null where a row has none."""
    return batch.column(batch.schema.get_field_index(endpoint.range_column)).view(pa.int64())


def rows_within(batch: pa.RecordBatch, endpoint: Endpoint, spans: Iterable[Range]) -> pa.RecordBatch:
    """The rows that lie in one of some ranges; none without a time."""
    return batch.filter(_inside(batch, endpoint, spans))


def rows_outside(batch: pa.RecordBatch, endpoint: Endpoint, spans: Iterable[Range]) -> pa.RecordBatch:
    """The rows that lie in none of some ranges, and those without a time."""
    return batch.filter(pc.invert(pc.fill_null(_inside(batch, endpoint, spans), False)))


def _inside(batch: pa.RecordBatch, endpoint: Endpoint, spans: Iterable[Range]) -> pa.BooleanArray:
    times = instants(batch, endpoint)
    inside = pa.array([False] * batch.num_rows)
    for span in spans:
        if not span.empty:
            inside = pc.or_kleene(inside, pc.and_(pc.greater_equal(times, span.start), pc.less(times, span.end)))
    return inside
