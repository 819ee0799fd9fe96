"""`videsk.coverage`: which days of which table the lake holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.dataset import ScannedDataset, Tally
from duckdb_videsk.lake.layout import LAYOUT, fetched_at
from duckdb_videsk.ranges import EVER, as_datetime

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import pyarrow.compute as pc

    from duckdb_videsk.lake import Lake
    from duckdb_videsk.running import Board, Ticket

__all__ = ["COVERAGE_SCHEMA", "CoverageTable"]

_TIME = pa.timestamp("us", "UTC")

COVERAGE_SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("id", pa.string()),
        ("covered_from", _TIME),
        ("covered_until", _TIME),
        ("state", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("fetched_at", _TIME),
        ("version", pa.int64()),
    ]
)
"""One row a file: it holds all records with covered_from <= time < covered_until; NULL: from ever."""


class CoverageTable(ScannedDataset):
    """The kept files, as they are when a query reads them; none where there is no lake."""

    def __init__(self, lake: Lake | None, *, board: Board) -> None:
        super().__init__(COVERAGE_SCHEMA, board)
        self._lake = lake

    def read(
        self,
        _expression: pc.Expression | None,
        _ticket: Ticket,
        _tally: Tally,
        /,
    ) -> Generator[pa.RecordBatch, None, None]:
        rows = [] if self._lake is None else list(_rows(self._lake))
        names = COVERAGE_SCHEMA.names
        table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], COVERAGE_SCHEMA)
        yield from table.to_batches()


def _rows(lake: Lake) -> Iterator[tuple[object, ...]]:
    for settled in lake.shelves():
        for state, shelf in (("settled", settled), ("provisional", lake.recent(settled.endpoint, settled.id))):
            for piece in shelf.pieces():
                start = None if piece.days.start <= EVER.start else as_datetime(piece.days.start)
                facts = piece.rows, piece.size, fetched_at(piece), LAYOUT
                yield shelf.endpoint.table, shelf.id, start, as_datetime(piece.days.end), state, *facts
