"""The rows of a scan on their way into the lake: taken down as they come, kept as days once the scan is complete.

Until then nothing is proven, since one answer can prove another wrong; so a scan that ends early keeps nothing.
Memory is bounded: what is over a limit waits in a file of its own.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.lake.layout import month_of
from duckdb_videsk.lake.writing import UNFINISHED, private_folder
from duckdb_videsk.ranges import DAY, Range
from duckdb_videsk.trimming import instants, rows_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake.store import Shelf

__all__ = ["Collector"]

_MOST_HELD = 32 << 20


class Collector:
    """The rows of some whole days of one shelf. One thread adds and finishes; any other may close it meanwhile.

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
        self._lock = threading.Lock()
        self._closed = False
        self._pile: _Pile | None = _Pile(shelf.folder, shelf.endpoint, most_held)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take down those rows that lie in the days; none once it is closed.

        Raises:
            OSError: there is no room for what does not fit into memory.
        """
        endpoint = self._shelf.endpoint
        edges = pc.min_max(instants(batch, endpoint))
        first, last = edges["min"].as_py(), edges["max"].as_py()
        with self._lock:
            while self._pile is not None and first is not None and first <= last:
                month = month_of(first)
                self._pile.add(month, rows_within(batch, endpoint, *(days.intersect(month) for days in self._days)))
                first = month.end
            if self._pile is not None:
                self._pile.fit()

    def finish(self) -> None:
        """All rows of the days have been added: keep them. Once it is closed, nothing more is kept.

        Raises:
            OSError: there is no room, or no permission; what is kept by then stays.
        """
        pile = self._taken()
        if pile is None:
            return
        try:
            for days in self._days:
                self._keep(days, pile)
        finally:
            pile.close()

    def close(self) -> None:
        """Let go of everything; idempotent."""
        self._closed = True
        pile = self._taken()
        if pile is not None:
            pile.close()

    def _taken(self) -> _Pile | None:
        """The rows, for whoever comes first: what is being kept is not let go of by another thread."""
        with self._lock:
            pile, self._pile = self._pile, None
            return pile

    def _keep(self, days: Range, pile: _Pile) -> None:
        """Whole months as one file, days with rows as one each, what holds no rows as few as possible."""
        empty_since = days.start
        for start in pile.months:
            month = month_of(start)
            own = month.intersect(days)
            if own.empty or self._closed:
                continue
            rows = _within(pile.sorted(start), own, self._shelf.endpoint)
            for span, its_rows in _files(rows, own, month, self._shelf.endpoint):
                self._keep_rows(Range(empty_since, span.start), None)
                self._keep_rows(span, its_rows)
                empty_since = span.end
        self._keep_rows(Range(empty_since, days.end), None)

    def _keep_rows(self, days: Range, rows: pa.Table | None) -> None:
        if not days.empty and not self._closed:
            rows = self._shelf.endpoint.schema.empty_table() if rows is None else rows
            self._shelf.keep(days, rows, fetched=self._fetched)


class _Pile:
    """Rows by month, in memory and beyond that in a file."""

    def __init__(self, folder: Path, endpoint: Endpoint, most_held: int) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._most_held = most_held
        self._held: dict[int, list[pa.RecordBatch]] = defaultdict(list)
        self._held_bytes = 0
        self._spill: _Spill | None = None

    @property
    def months(self) -> list[int]:
        """Where those months begin that have rows, in order."""
        return sorted({*self._held, *(self._spill.months if self._spill else ())})

    def add(self, month: Range, rows: pa.RecordBatch) -> None:
        if rows.num_rows:
            self._held[month.start].append(rows)
            self._held_bytes += rows.nbytes

    def fit(self) -> None:
        """Put aside what is too much for memory; raises OSError."""
        if self._held_bytes <= self._most_held:
            return
        if self._spill is None:
            private_folder(self._folder)
            self._spill = _Spill(self._folder, self._endpoint.schema)
        for month, batches in self._held.items():
            self._spill.write(month, batches)
        self._held.clear()
        self._held_bytes = 0

    def sorted(self, month: int) -> pa.Table:
        batches = [*(self._spill.read(month) if self._spill else ()), *self._held[month]]
        table = pa.Table.from_batches(batches, self._endpoint.schema)
        order = [
            (name, "ascending") for name in dict.fromkeys((self._endpoint.range_column, *self._endpoint.identity))
        ]
        keys = table.select([name for name, _ in order])
        return table.take(pc.sort_indices(keys, sort_keys=order))

    def close(self) -> None:
        self._held.clear()
        if self._spill is not None:
            self._spill.close()


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
