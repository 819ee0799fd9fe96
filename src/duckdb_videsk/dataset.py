"""The pyarrow Datasets that DuckDB scans, one for each export, and what others are made of.

DuckDB does not check again what it pushes down, so every filter is applied here, to the row. Rows come from a
`Source`; which to ask for is `predicates`' finding.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from duckdb_videsk.errors import MissingIdError, VideskError
from duckdb_videsk.picking import Picker
from duckdb_videsk.predicates import matching_ids, rows_wanted, time_ranges
from duckdb_videsk.running import FailedScan, failures

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.guard import Guard
    from duckdb_videsk.ranges import Range
    from duckdb_videsk.running import Board, Ticket
    from duckdb_videsk.wanted import Wanted

__all__ = ["Batches", "Order", "ScannedDataset", "Source", "TableScan", "Tally", "VirtualTable"]

Order = Literal["newest", "oldest"]

_POLL_SECONDS = 0.2

# A subclass that DuckDB is to scan has no C++ dataset behind it: what it does not override reads a null pointer.


class Batches(Protocol):
    """One read of an export."""

    @property
    def in_order(self) -> bool:
        """Whether each batch so far holds what comes next in the order asked for, and all that has its times."""

    def poll(self, timeout: float | None, /) -> pa.RecordBatch | None:
        """The next batch, None if none came within `timeout` seconds; raises StopIteration at the end."""

    def close(self) -> None: ...


class Tally:
    """How many rows of a scan its filter has accepted so far."""

    rows: int = 0


class Source(Protocol):
    """Where the rows of an export come from."""

    def scan(
        self,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        /,
        *,
        ids: Sequence[str] = (),
        null_times: bool = False,
        guard: Guard | None = None,
        order: Order | None = None,
    ) -> Batches: ...


class ScannedDataset(ds.Dataset):  # type: ignore[misc]  # pyarrow ships no types
    """A Dataset whose rows exist only while they are read. Public methods work by a scan, or say why they cannot."""

    range_column: str | None = None
    starts_ahead = False

    def __init__(self, schema: pa.Schema, board: Board) -> None:
        self.table_schema = schema
        self._board = board

    @abstractmethod
    def read(
        self, expression: pc.Expression | None, ticket: Ticket, tally: Tally, /
    ) -> Generator[pa.RecordBatch, None, None]:
        """Batches of the whole schema with at least every row that `expression` accepts, and that matters.

        With `ticket.ahead` the first is None, once the read is under way.
        """

    @property
    def schema(self) -> pa.Schema:
        return self.table_schema

    @property
    def partition_expression(self) -> pc.Expression:
        return pc.scalar(True)

    def scanner(self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None) -> TableScan:  # noqa: A002
        return TableScan(self, columns, filter, self._board)

    def to_batches(
        self,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,  # noqa: A002
    ) -> Iterator[pa.RecordBatch]:
        return self.scanner(columns, filter).to_batches()

    def to_table(
        self,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,  # noqa: A002
    ) -> pa.Table:
        return self.scanner(columns, filter).to_table()

    def head(
        self,
        num_rows: int,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,  # noqa: A002
    ) -> pa.Table:
        return self.scanner(columns, filter).head(num_rows)

    def count_rows(self, filter: pc.Expression | None = None) -> int:  # noqa: A002
        return self.scanner([], filter).count_rows()

    def take(self, indices: Any, columns: Sequence[str] | None = None) -> pa.Table:
        return self.to_table(columns).take(indices)

    def filter(self, expression: pc.Expression) -> ScannedDataset:
        return _Filtered(self, expression, self._board)

    def sort_by(self, sorting: Any) -> ds.Dataset:
        return ds.dataset(self.to_table().sort_by(sorting))

    def join(self, *args: Any, **options: Any) -> ds.Dataset:
        return ds.dataset(self.to_table()).join(*args, **options)

    def join_asof(self, *args: Any, **options: Any) -> ds.Dataset:
        return ds.dataset(self.to_table()).join_asof(*args, **options)

    def get_fragments(self, filter: pc.Expression | None = None) -> Iterator[ds.Fragment]:  # noqa: A002
        raise NotImplementedError("Rows of an export lie in no files, so there are no fragments: use to_batches().")

    def replace_schema(self, schema: pa.Schema) -> ds.Dataset:
        raise NotImplementedError("The schema of an export is fixed: cast the result of to_table().")

    def __reduce__(self) -> Any:
        raise TypeError("A table of an export is bound to its connection: it cannot be pickled or copied.")


class VirtualTable(ScannedDataset):
    """One export as a Dataset: asks for the ranges and ids that a filter can match, and for nothing else."""

    def __init__(
        self,
        endpoint: Endpoint,
        source: Source,
        *,
        board: Board,
        known_ids: Sequence[str] = (),
        check: Callable[[], None] = lambda: None,
        guard: Callable[[Ticket], Guard | None] = lambda _: None,
        catalog: str = "videsk",
        account: str | None = None,
    ) -> None:
        """
        Args:
            known_ids: what to read of an export that takes an id, where the filter names none.
            check: called before a query is bound; raises where none can be served any more.
            guard: how a scan is watched over.
            catalog: where the table is.
            account: named in errors, where there are several.
        """
        super().__init__(endpoint.schema, board)
        self.range_column = endpoint.range_column
        self._endpoint = endpoint
        self._source = source
        self._known_ids = tuple(known_ids)
        self._check = check
        self._guard = guard
        self._catalog = catalog
        self._account = account
        # DuckDB reads the parts of a union one by one, but opens all of them where their order does not matter.
        self.starts_ahead = account is not None

    @property
    def schema(self) -> pa.Schema:
        try:
            self._check()
        except VideskError as error:
            raise failures.bear(error) from None
        return self.table_schema

    def read(
        self, expression: pc.Expression | None, ticket: Ticket, tally: Tally, /
    ) -> Generator[pa.RecordBatch, None, None]:
        with VideskError.of_account(self._account):
            yield from self._read(expression, ticket, tally)

    def _read(
        self, expression: pc.Expression | None, ticket: Ticket, tally: Tally, /
    ) -> Generator[pa.RecordBatch, None, None]:
        match = time_ranges(expression, self.table_schema, self._endpoint.range_column)
        ids = self._ids(expression) if match.ranges else ()
        if not match.ranges or (self._endpoint.parameter and not ids):
            return
        guard = self._guard(ticket)
        wanted = rows_wanted(expression) if len(ids) <= 1 else None
        for order in _orders(wanted):
            scan = self._source.scan(
                self._endpoint, match.ranges, ids=ids, null_times=match.null_times, guard=guard, order=order
            )
            try:
                if (yield from _until_enough(scan, ticket, tally, None if wanted is None else wanted.rows)):
                    return
            finally:
                scan.close()

    def _ids(self, expression: pc.Expression | None) -> tuple[str, ...]:
        parameter, table = self._endpoint.parameter, self._endpoint.table
        if parameter is None:
            return ()
        match = matching_ids(expression, self.table_schema, parameter, self._known_ids)
        if not match.bounded and not self._known_ids:
            raise MissingIdError(
                f"The API gives {table} by one {parameter}'s id at a time. Name it in the query: "
                f"FROM {self._catalog}.{table} WHERE {parameter} = '…' (or {parameter} IN ('…', '…')). "
                f"Or set the ids to read by default: connect({parameter}s=[…]), or VIDESK_{parameter.upper()}S.",
                endpoint=self._endpoint.path,
            )
        return match.ids


class _Filtered(ScannedDataset):
    """Another dataset's rows, without those that a condition refuses."""

    def __init__(self, base: ScannedDataset, condition: pc.Expression, board: Board) -> None:
        super().__init__(base.table_schema, board)
        self._base = base
        self._condition = condition

    def scanner(self, columns: Sequence[str] | None = None, filter: pc.Expression | None = None) -> TableScan:  # noqa: A002
        both = self._condition if filter is None else self._condition & filter
        return self._base.scanner(columns, both)

    def read(
        self, expression: pc.Expression | None, ticket: Ticket, tally: Tally, /
    ) -> Generator[pa.RecordBatch, None, None]:
        return self._base.read(expression, ticket, tally)


class TableScan:
    """One scan of a dataset: every row that the filter accepts, with the columns asked for. Lazy; once only."""

    def __init__(
        self,
        dataset: ScannedDataset,
        columns: Sequence[str] | None,
        expression: pc.Expression | None,
        board: Board,
    ) -> None:
        self.dataset_schema: pa.Schema = dataset.table_schema
        names = self.dataset_schema.names if columns is None else list(columns)
        self.projected_schema = pa.schema([self.dataset_schema.field(name) for name in names])
        self._dataset = dataset
        self._expression = expression
        self._pick = Picker(self.dataset_schema, names, expression, dataset.range_column)
        self._board = board
        self._ticket = board.new_ticket()

    def to_batches(self) -> Generator[pa.RecordBatch, None, None]:
        tally = Tally()
        with (
            self._board.running(self._ticket) as ticket,
            closing(self._dataset.read(self._expression, ticket, tally)) as read,
        ):
            for batch in read:
                if batch is None:
                    with ticket.resting():
                        yield None
                    continue
                picked = self._pick(batch)
                tally.rows += picked.num_rows
                if picked.num_rows:
                    with ticket.resting():
                        yield picked

    def to_reader(self) -> pa.RecordBatchReader:
        """For DuckDB: an error of the scan comes out marked."""
        marked = self._marked()
        return pa.RecordBatchReader.from_batches(
            self.projected_schema, self._begun(marked) if self._dataset.starts_ahead else marked
        )

    def to_table(self) -> pa.Table:
        return pa.Table.from_batches(self.to_batches(), self.projected_schema)

    def head(self, num_rows: int) -> pa.Table:
        return pa.Table.from_batches(_first(self.to_batches(), num_rows), self.projected_schema)

    def count_rows(self) -> int:
        return sum(batch.num_rows for batch in self.to_batches())

    def _begun(self, marked: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches, of a read that is under way; what it raises is raised where they are wanted."""
        self._ticket.ahead = True
        try:
            first = next(marked)
        except StopIteration:
            return iter(())
        except FailedScan as error:
            return _failing(error)
        return marked if first is None else chain([first], marked)

    def _marked(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.to_batches()
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - DuckDB would hand on its text alone
            raise failures.bear(error) from None


def _orders(wanted: Wanted | None) -> tuple[Order | None, ...]:
    if wanted is None:
        return (None,)
    return ("newest", "oldest") if wanted.ends == "both" else (wanted.ends,)


def _until_enough(
    scan: Batches, ticket: Ticket, tally: Tally, enough: int | None
) -> Generator[pa.RecordBatch, None, bool]:
    """The scan's batches, for as long as nobody says stop and more rows matter; gives whether it came to its end."""
    before = tally.rows
    while True:
        ticket.check()
        ahead, ticket.ahead = ticket.ahead, False
        try:
            batch = scan.poll(0.0 if ahead else _POLL_SECONDS)
        except StopIteration:
            return True
        if ahead:
            yield None
        if batch is not None:
            yield batch
        if enough is not None and tally.rows - before >= enough and scan.in_order:
            return False


def _failing(error: FailedScan) -> Iterator[pa.RecordBatch]:
    """Raises at the first batch."""
    yield from ()
    raise error


def _first(batches: Generator[pa.RecordBatch, None, None], num_rows: int) -> Iterable[pa.RecordBatch]:
    """The first rows; what follows is not read."""
    with closing(batches):
        wanted = num_rows
        while wanted > 0 and (batch := next(batches, None)) is not None:
            yield batch.slice(0, wanted)
            wanted -= batch.num_rows
