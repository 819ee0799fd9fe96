"""`videsk.requests`: the requests made to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.dataset import ScannedDataset, Tally
from duckdb_videsk.ledger import REQUESTS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Generator

    import pyarrow as pa
    import pyarrow.compute as pc

    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.running import Board, Ticket

__all__ = ["LedgerTable"]


class LedgerTable(ScannedDataset):
    """The request log, as it stands when a query reads it."""

    def __init__(self, ledger: Ledger, *, board: Board) -> None:
        super().__init__(REQUESTS_SCHEMA, board)
        self._ledger = ledger

    def read(
        self,
        _expression: pc.Expression | None,
        _ticket: Ticket,
        _tally: Tally,
        /,
    ) -> Generator[pa.RecordBatch, None, None]:
        yield from self._ledger.table().to_batches()
