"""The rows of a scan on their way into the lake: taken down as they come, kept as days once the scan is complete.

Until then nothing is proven, since one answer can prove another wrong; so a scan that ends early keeps nothing.
Memory is bounded: what is over a limit waits in a file of its own.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import defaultdict
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.lake.layout import month_of
from duckdb_videsk.lake.trimming import instants, rows_within
from duckdb_videsk.lake.writing import UNFINISHED, private_folder
from duckdb_videsk.ranges import DAY, Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake.store import Shelf

__all__ = ["Collector"]

_MOST_HELD = 32 << 20


class Collector:
    """The rows of some whole days of one shelf.

    Args:
        shelf: where they are to be kept.
        days: normalised whole days.
        fetched: when the scan began, seconds since the epoch.
        most_held: bytes of rows in memory, about.
    """

    def __init__(self, shelf: Shelf, days: Sequence[Range], *, fetched: int, most_held: int = _MOST_HELD) -> None:
        self._shelf = shelf
        self._days = days
        self._fetched = fetched
        self._most_held = most_held
        self._held: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._held_bytes = 0
        self._spill: _Spill | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take down those rows that lie in the days.

        Raises:
            OSError: there is no room for what does not fit into memory.
        """
        endpoint = self._shelf.endpoint
        edges = pc.min_max(instants(batch, endpoint))
        first, last = edges["min"].as_py(), edges["max"].as_py()
        while first is not None and first <= last:
            month = month_of(first)
            rows = rows_within(batch, endpoint, (days.intersect(month) for days in self._days))
            if rows.num_rows:
                self._held[month.start].append(rows)
                self._held_bytes += rows.nbytes
            first = month.end
        if self._held_bytes > self._most_held:
            self._put_aside()

    def finish(self) -> None:
        """All rows of the days have been added: keep them.

        Raises:
            OSError: there is no room, or no permission; what is kept by then stays.
        """
        for days in self._days:
            self._keep(days)
        self.close()

    def close(self) -> None:
        """Let go of everything; idempotent."""
        self._held.clear()
        if self._spill is not None:
            self._spill.close()
            self._spill = None

    def _keep(self, days: Range) -> None:
        """Whole months as one file, days with rows as one each, what holds no rows as few as possible."""
        empty_since = days.start
        months = sorted({*self._held, *(self._spill.months if self._spill else ())})
        for start in months:
            month = month_of(start)
            own = month.intersect(days)
            if own.empty:
                continue
            rows = _within(self._sorted(start), own, self._shelf.endpoint)
            for span, its_rows in _files(rows, own, month, self._shelf.endpoint):
                self._keep_empty(Range(empty_since, span.start))
                self._shelf.keep(span, its_rows, fetched=self._fetched)
                empty_since = span.end
        self._keep_empty(Range(empty_since, days.end))

    def _keep_empty(self, days: Range) -> None:
        if not days.empty:
            self._shelf.keep(days, self._shelf.endpoint.schema.empty_table(), fetched=self._fetched)

    def _sorted(self, month: int) -> pa.Table:
        endpoint = self._shelf.endpoint
        batches = [*(self._spill.read(month) if self._spill else ()), *self._held[month]]
        table = pa.Table.from_batches(batches, endpoint.schema)
        order = [(name, "ascending") for name in dict.fromkeys((endpoint.range_column, *endpoint.identity))]
        keys = table.select([name for name, _ in order])
        return table.take(pc.sort_indices(keys, sort_keys=order))

    def _put_aside(self) -> None:
        if self._spill is None:
            private_folder(self._shelf.folder)
            self._spill = _Spill(self._shelf.folder, self._shelf.endpoint.schema)
        for month, batches in self._held.items():
            self._spill.write(month, batches)
        self._held.clear()
        self._held_bytes = 0


class _Spill:
    """Batches by month in one file that has no name to find it by."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, suffix=UNFINISHED)  # noqa: SIM115 - closed by close
        self._schema = schema
        self.months: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def write(self, month: int, batches: Sequence[pa.RecordBatch]) -> None:
        start = self._file.seek(0, 2)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(pa.PythonFile(self._file, "w"), self._schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
        self.months[month].append((start, self._file.seek(0, 2)))

    def read(self, month: int) -> Iterator[pa.RecordBatch]:
        for start, end in self.months.get(month, ()):
            self._file.seek(start)
            with pa.ipc.open_stream(self._file.read(end - start)) as reader:
                yield from reader

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def _files(rows: pa.Table, days: Range, month: Range, endpoint: Endpoint) -> Iterator[tuple[Range, pa.Table]]:
    """What one file each is to hold of a month's sorted rows, in order; days without rows are in none."""
    if not rows.num_rows:
        return
    if days == month:
        yield month, rows
        return
    numbers = pc.divide(pc.subtract(_times(rows, endpoint), days.start), DAY)
    start = 0
    for entry in pc.value_counts(numbers).to_pylist():
        day = days.start + entry["values"] * DAY
        yield Range(day, day + DAY), rows.slice(start, entry["counts"])
        start += entry["counts"]


def _within(rows: pa.Table, span: Range, endpoint: Endpoint) -> pa.Table:
    times = _times(rows, endpoint)
    return rows.filter(pc.and_(pc.greater_equal(times, span.start), pc.less(times, span.end)))


def _times(rows: pa.Table, endpoint: Endpoint) -> pa.ChunkedArray:
    return rows.column(endpoint.range_column).cast(pa.int64())
