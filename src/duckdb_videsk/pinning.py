"""The tables of a catalog where there is a lake: views that are pinned to a snapshot of the kept days.

The text of a view names the files of one snapshot, which DuckDB's own reader reads, and the dataset that gives all
that those files do not hold. So a query is bound to both halves at once, on whatever connection, and can neither lose
nor double a row. When more days are kept, the view is replaced, between two statements of a connection of ours.
"""

from __future__ import annotations

import contextlib
import re
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import LakeChangedError
from duckdb_videsk.lake.snapshots import NOTHING_HELD, take_snapshot
from duckdb_videsk.views import comments, pinned_view, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb_videsk.dataset import ScannedDataset, Source
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake import ReadThrough
    from duckdb_videsk.lake.snapshots import Snapshot

__all__ = ["PinnedTables"]

LIVE = "__live"
"""The schema of the datasets that the pinned views stand on."""

_OF_FILES = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.InternalException,
)
_OF_UNNAMED_FILES = (duckdb.SerializationException, duckdb.InternalException)
_MANY_FILES = 4_000
_FILE = re.compile(r"[^/\\\"']+\.parquet")


class PinnedTables:
    """Puts the views of a catalog's tables in, and replaces them.

    Args:
        source: gives the rows.
        catalog: its name.
        beside_others: whether its tables are also parts of unions.
    """

    def __init__(self, source: ReadThrough, *, catalog: str, beside_others: bool) -> None:
        self._catalog = catalog
        self._beside_others = beside_others
        self.lake = source.lake
        self._source = source
        self._settings = source.lake.settings
        self._changes = source.changes
        self._snapshots: dict[str, Snapshot] = {}
        self._numbers: dict[str, int] = {}
        self._waiting: dict[str, Endpoint] = {}
        self._lock = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None

    def put_in(
        self,
        native: duckdb.DuckDBPyConnection,
        endpoints: Sequence[Endpoint],
        dataset: Callable[[Endpoint, Source], ScannedDataset],
    ) -> None:
        """Create the views, on nothing that is kept yet, from a connection that is at the catalog."""
        native.execute(f"CREATE SCHEMA {quoted(self._catalog)}.{quoted(LIVE)}")
        for endpoint in endpoints:
            self._replace(native, endpoint, dataset, NOTHING_HELD)

    def pin(
        self,
        native: duckdb.DuckDBPyConnection,
        endpoints: Sequence[Endpoint],
        dataset: Callable[[Endpoint, Source], ScannedDataset],
    ) -> None:
        """Replace the views of tables of which days are kept; where DuckDB may open no files, they stay as they are.

        Apart from `put_in`, since every view that is made on these looks for all their files. Where there are very
        many, each table waits for the first statement that names it.
        """
        if self.lake.has_more_files_than(_MANY_FILES):
            self._waiting = {endpoint.table: endpoint for endpoint in endpoints}
            return
        for endpoint in endpoints:
            with contextlib.suppress(duckdb.Error):
                self._replace(native, endpoint, dataset, self._current(endpoint))

    def pin_named(
        self, native: duckdb.DuckDBPyConnection, text: str, dataset: Callable[[Endpoint, Source], ScannedDataset]
    ) -> None:
        """Replace the views that still wait for it, of tables that a statement may name."""
        if not self._waiting:
            return
        with self._lock, contextlib.suppress(duckdb.Error):
            lowered = text.lower()
            for endpoint in list(self._waiting.values()):
                if any(name in lowered for name in (endpoint.table, *map(str.lower, endpoint.views.values()))):
                    self._replace(self._own_cursor(native), endpoint, dataset, self._current(endpoint))
                    del self._waiting[endpoint.table]

    def catch_up(
        self, native: duckdb.DuckDBPyConnection, dataset: Callable[[Endpoint, Source], ScannedDataset]
    ) -> None:
        """Replace the views of changed tables, on a connection of its own; what fails is tried another time."""
        tables = self._changes.take()
        if not tables or not self._lock.acquire(blocking=False):
            for table in tables:
                self._changes.add(table)
            return
        try:
            cursor = self._own_cursor(native)
            for table in sorted(tables):
                self._replace(cursor, by_table()[table], dataset, self._current(by_table()[table]))
        except duckdb.Error:
            # The next scan that reads kept days by way of Arrow notes the table again.
            return
        finally:
            self._lock.release()

    def explain(self, error: Exception) -> LakeChangedError | None:
        """What a query's failure was, where kept files that its view names went away or are damaged."""
        # For some faults of a file DuckDB 2 has no more than the root of its errors.
        if not isinstance(error, _OF_FILES) and type(error) is not duckdb.Error:
            return None
        named = set(_FILE.findall(str(error)))
        if not named and (type(error) is duckdb.Error or isinstance(error, _OF_UNNAMED_FILES)):
            named = {Path(file).name for snapshot in list(self._snapshots.values()) for file in snapshot.files}
        gone = [table for table, snapshot in list(self._snapshots.items()) if self._is_broken(table, snapshot, named)]
        for table in gone:
            self._changes.add(table)
        if not gone:
            return None
        return LakeChangedError(
            f"Kept files of {', '.join(gone)} were removed or damaged while the query stood on them. Run it again: "
            "their days are read anew."
        )

    def close(self) -> None:
        """Let go of the database; idempotent."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.close()

    def _replace(
        self,
        native: duckdb.DuckDBPyConnection,
        endpoint: Endpoint,
        dataset: Callable[[Endpoint, Source], ScannedDataset],
        snapshot: Snapshot,
    ) -> None:
        table = endpoint.table
        if snapshot == self._snapshots.get(table):
            return
        number = self._numbers.get(table, 0) + 1
        catalog, live = quoted(self._catalog), quoted(LIVE)
        native.begin()
        try:
            native.execute(f"USE {catalog}.{live}")
            native.from_arrow(dataset(endpoint, self._source.beyond(snapshot.held))).create_view(f"{table}_{number}")
            native.execute(f"USE {catalog}")
            given = f"{live}.{quoted(f'{table}_{number}')}"
            native.execute(
                pinned_view(endpoint, snapshot.files, given, catalog=self._catalog, beside_files=self._beside_others)
            )
            for statement in comments(endpoint, catalog=self._catalog):
                native.execute(statement)
            native.execute(f"DROP VIEW IF EXISTS {catalog}.{live}.{quoted(f'{table}_{number - 1}')}")
        except BaseException:
            native.rollback()
            raise
        native.commit()
        self._numbers[table] = number
        self._snapshots[table] = snapshot

    def _current(self, endpoint: Endpoint) -> Snapshot:
        snapshot = take_snapshot(self.lake, endpoint, self._ids(endpoint))
        return snapshot if snapshot.files else NOTHING_HELD

    def _ids(self, endpoint: Endpoint) -> tuple[str, ...]:
        return self._settings.ids(endpoint.parameter) if endpoint.parameter else ()

    def _own_cursor(self, native: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """It stays open, since DuckDB 1.5 reads the connection that made a view when the view is read."""
        if self._cursor is None:
            self._cursor = native.cursor()
            weakref.finalize(native, _closed, self._cursor)
        return self._cursor

    def _is_broken(self, table: str, snapshot: Snapshot, named: set[str]) -> bool:
        """Whether a file is missing, or is named by the failure and not what was written."""
        endpoint = by_table()[table]
        for asked_id in self._ids(endpoint) or (None,):
            shelf = self.lake.shelf(endpoint, asked_id)
            for piece in shelf.pieces():
                if piece.file_name in named:
                    shelf.verified(piece)
        return not set(snapshot.files) <= set(self._current(endpoint).files)


def _closed(cursor: duckdb.DuckDBPyConnection) -> None:
    with contextlib.suppress(duckdb.Error):
        cursor.close()
