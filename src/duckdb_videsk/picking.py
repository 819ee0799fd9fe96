"""Which rows of a batch a filter accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.predicates import accepted_ranges, rows_wanted, storage_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb_videsk.ranges import Range

__all__ = ["Picker"]

_POSITION = "__position"
_FEW = 3
"""Batches for which it does not pay to know what is accepted whole."""


class Picker:
    """Filters a batch exactly, then projects it."""

    def __init__(
        self,
        schema: pa.Schema,
        names: Sequence[str],
        expression: pc.Expression | None,
        range_column: str | None,
    ) -> None:
        self._names = list(names)
        self._expression = expression
        text = "" if expression is None else str(expression)
        # A name that stands in a literal only costs a column more to look at.
        self._looked_at = [name for name in schema.names if name in text]
        looked_at = storage_schema(pa.schema([schema.field(name) for name in self._looked_at]))
        self._schema = looked_at.append(pa.field(_POSITION, pa.int64()))
        self._numbers = pa.array([], pa.int64())
        wanted = rows_wanted(expression)
        # What marks a scan is no condition, yet it refuses NULL as every comparison does.
        self._null_passes = range_column if wanted is not None and wanted.null_times else None
        self._times = range_column if wanted is None and self._looked_at == [range_column] else None
        self._accepted: tuple[Range, ...] = ()
        self._before = 0

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        picked = batch.select(self._names)
        if self._expression is None or self._accepts_all(batch):
            return picked
        positions = self._positions(batch)
        return picked if len(positions) == batch.num_rows else picked.take(positions)

    def _accepts_all(self, batch: pa.RecordBatch) -> bool:
        """Whether it is plain from the first and the last time that no row is left out; cheaper than to filter."""
        if self._times is None:
            return False
        self._before += 1
        if self._before <= _FEW:
            return False
        if self._before == _FEW + 1:
            self._accepted = accepted_ranges(self._expression, self._schema, self._times)
        times = batch.column(self._times)
        if not self._accepted or times.null_count or not len(times):
            return False
        ends = pc.min_max(times)
        first, last = ends["min"].value, ends["max"].value
        return any(first in piece and last in piece for piece in self._accepted)

    def _positions(self, batch: pa.RecordBatch) -> pa.Array:
        if len(self._numbers) < batch.num_rows:
            self._numbers = pa.array(range(batch.num_rows), pa.int64())
        columns = [self._column(batch, name) for name in self._looked_at]
        table = pa.Table.from_arrays([*columns, self._numbers.slice(0, batch.num_rows)], schema=self._schema)
        return table.filter(self._expression).column(_POSITION).combine_chunks()

    def _column(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        array = batch.column(name)
        array = array.storage if isinstance(array, pa.ExtensionArray) else array
        return pc.fill_null(array, pa.scalar(0, array.type)) if name == self._null_passes else array
