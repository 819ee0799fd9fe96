"""A run of a query over empty tables in the place of the catalog's, to see what DuckDB asks of each."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.dataset import VirtualTable
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.predicates import rows_wanted
from duckdb_videsk.unions import Branch, union_statements
from duckdb_videsk.views import macro, schema_views

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping, Sequence

    import duckdb
    import pyarrow as pa
    import pyarrow.compute as pc

    from duckdb_videsk.dataset import Tally
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.ranges import Range
    from duckdb_videsk.running import Board, Ticket
    from duckdb_videsk.settings import Settings

__all__ = ["SeenScan", "Stage", "stage"]

_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class SeenScan:
    """One scan that DuckDB began.

    Attributes:
        catalog: that it is in.
        endpoint: whose table it is.
        ranges, ids: that it would read.
        first: "newest", "oldest" or "both" where only those rows matter.
        condition: what DuckDB pushed down, as Arrow prints it; empty where that is nothing.
    """

    catalog: str
    endpoint: Endpoint
    ranges: tuple[Range, ...]
    ids: tuple[str, ...]
    first: str | None
    condition: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The stand-ins of one rehearsal.

    Attributes:
        catalogs: which one stands for each.
        seen: the scans of its tables so far.
    """

    catalogs: dict[str, str]
    seen: list[SeenScan]


class _Nothing:
    in_order = True

    def poll(self, _timeout: float | None, /) -> pa.RecordBatch | None:
        raise StopIteration

    def close(self) -> None:
        pass


class _EmptyTable(VirtualTable):
    """An export without rows, which notes what is asked of it."""

    def __init__(
        self, endpoint: Endpoint, seen: list[SeenScan], *, board: Board, known_ids: Sequence[str], catalog: str
    ) -> None:
        super().__init__(endpoint, self, board=board, known_ids=known_ids, catalog=catalog)
        self._of = endpoint
        self._seen = seen
        self._pushed: pc.Expression | None = None

    def read(
        self, expression: pc.Expression | None, ticket: Ticket, tally: Tally, /
    ) -> Generator[pa.RecordBatch, None, None]:
        self._pushed = expression
        return super().read(expression, ticket, tally)

    def scan(
        self, endpoint: Endpoint, ranges: Sequence[Range], /, *, ids: Sequence[str] = (), **_: object
    ) -> _Nothing:
        wanted = rows_wanted(self._pushed)
        condition = "" if self._pushed is None else str(self._pushed)
        first = None if wanted is None or len(ids) > 1 else wanted.ends
        self._seen.append(SeenScan(self._catalog, endpoint, tuple(ranges), tuple(ids), first, condition))
        return _Nothing()


@contextlib.contextmanager
def stage(
    native: duckdb.DuckDBPyConnection,
    catalogs: Mapping[str, Settings],
    labels: Mapping[str, Mapping[str, str]],
    *,
    board: Board,
    union: str | None = None,
    left_out: Collection[str] = (),
) -> Iterator[Stage]:
    """Within, other catalogs have the tables, views and macros of the real ones.

    Args:
        catalogs: by name, each with the tables of an account.
        labels: of every language.
        union: a further catalog with the tables of all those together.
        left_out: those that have no part in it.
    """
    staged = Stage({}, [])
    try:
        # They stay open, since DuckDB 1.5 reads the connection that made a view when the view is read.
        with contextlib.ExitStack() as cursors:
            for name, settings in catalogs.items():
                cursor = cursors.enter_context(native.cursor())
                _put_in(cursor, staged, name, settings, labels, board=board)
            if union is not None:
                branches = [Branch(name, staged.catalogs[name.lower()]) for name in catalogs if name not in left_out]
                cursor = cursors.enter_context(native.cursor())
                _put_in_union(cursor, staged, union, branches, labels)
            yield staged
    finally:
        with native.cursor() as cursor:
            for name in staged.catalogs.values():
                cursor.execute(f"DETACH DATABASE IF EXISTS {name}")


def _put_in(
    cursor: duckdb.DuckDBPyConnection,
    staged: Stage,
    catalog: str,
    settings: Settings,
    labels: Mapping[str, Mapping[str, str]],
    *,
    board: Board,
) -> None:
    name = _attached(cursor, staged, catalog)
    cursor.execute(f"USE {name}")
    for endpoint in ENDPOINTS:
        ids = settings.ids(endpoint.parameter) if endpoint.parameter else ()
        table = _EmptyTable(endpoint, staged.seen, board=board, known_ids=ids, catalog=catalog)
        cursor.from_arrow(table).create_view(endpoint.table)
        cursor.execute(macro(endpoint, catalog=name))
    for language, texts in labels.items():
        for statement in schema_views(ENDPOINTS, language, texts, catalog=name):
            cursor.execute(statement)


def _put_in_union(
    cursor: duckdb.DuckDBPyConnection,
    staged: Stage,
    catalog: str,
    branches: Sequence[Branch],
    labels: Mapping[str, Mapping[str, str]],
) -> None:
    name = _attached(cursor, staged, catalog)
    for statement in union_statements(branches, labels, catalog=name):
        cursor.execute(statement)


def _attached(cursor: duckdb.DuckDBPyConnection, staged: Stage, catalog: str) -> str:
    """A new catalog that stands for one, by name."""
    name = staged.catalogs[catalog.lower()] = f"videsk_rehearsal_{next(_NUMBERS)}"
    cursor.execute(f"ATTACH ':memory:' AS {name}")
    return name
