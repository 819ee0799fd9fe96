"""Calls into DuckDB on a user's behalf: made from the user's frame, stopped by Ctrl-C, failing with our errors."""

from __future__ import annotations

import contextlib
import sys
import threading
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa

from duckdb_videsk.guard import Allowance
from duckdb_videsk.interrupts import doorbell
from duckdb_videsk.running import Owner, Stopped, failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import FrameType

    from duckdb_videsk.running import Board

__all__ = ["BINDING_ERRORS", "HOLDS_ON", "Bridge", "Keeper", "Wrapper", "gives_rows", "held", "lossless", "unwrapped"]

BINDING_ERRORS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
"""What comes before a statement does anything. What is wrong then has to be said of the user's own text."""
HOLDS_ON = int(duckdb.__version__.split(".")[0]) < 2
"""Whether `sql` with parameters runs the query while no other thread may run Python: DuckDB 1.5, which then waits for
ever for a thread of its own that reads our rows. What has parameters is run by `execute` there."""
# What is put into a statement stands behind this, and an excerpt of it might show some.
_SPLICED = ") AND ("
_CALL_NAME = "__duckdb_videsk_call__"
_CALL = compile(f"{_CALL_NAME}()", "<duckdb_videsk>", "eval")


class Wrapper(ABC):
    """Something of ours around something of DuckDB's, which is `native`."""

    __slots__ = ()

    @property
    @abstractmethod
    def native(self) -> Any: ...


class Keeper(Protocol):
    """What looks after the tables."""

    def catch_up(self) -> None:
        """Called after each call."""

    def explain(self, error: Exception) -> Exception | None:
        """The cause of a failure of DuckDB, where it is known."""


class Bridge:
    """The way from one connection's wrappers to DuckDB.

    Attributes:
        max_requests: that one query may make; None for any number.
    """

    def __init__(self, board: Board, keeper: Keeper, *, max_requests: int | None = None) -> None:
        self.max_requests = max_requests
        self._board = board
        self._keeper = keeper
        self._owner = Owner()

    def call(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """`function(*args, **options)` as if the caller's caller had called it.

        DuckDB looks names up in the frame that calls it. So the call is made from a frame with the user's names in
        it, in which wrappers stand as what they wrap.
        """
        frame = sys._getframe(2)  # noqa: SLF001 - documented, and what inspect's functions are made of
        bare = {name: unwrapped(value) for name, value in options.items()}
        names = _visible(frame)
        names[_CALL_NAME] = partial(function, *map(unwrapped, args), **bare)
        self._owner.allowance = Allowance(self.max_requests)
        with self.guard():
            return eval(_CALL, frame.f_globals, names)  # noqa: S307 - the code is a constant

    def go_on(self, function: Callable[..., Any], *args: Any) -> Any:
        """More of the query that runs."""
        # From a frame that is none of this file's: Ctrl-C is raised in it at once.
        with self.guard():
            return eval(_CALL, {_CALL_NAME: partial(function, *args)})  # noqa: S307 - the code is a constant

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Within, scans are this connection's, Ctrl-C stops them, and their errors come out as they were raised."""
        try:
            with self._board.executing(self._owner):
                try:
                    yield
                except Exception as error:
                    interrupted = doorbell.rings() and threading.current_thread() is threading.main_thread()
                    original = KeyboardInterrupt() if interrupted else failures.original(str(error))
                    if original is None and isinstance(error, duckdb.Error):
                        original = self._keeper.explain(error)
                    if original is None:
                        original = _without_excerpt(error)
                    if original is None:
                        raise
                    raise original from original.__cause__
        except Stopped:
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!") from None
        finally:
            with doorbell.insisting():
                self._keeper.catch_up()

    def rehearsing(self) -> AbstractContextManager[None]:
        """Within, this connection's scans of the API fail instead of asking it."""
        return self._board.rehearsing(self._owner)

    def interrupt(self) -> None:
        """Stop this connection's scans."""
        self._board.stop(self._owner)

    def reader(self, native: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The same batches, under the guard."""
        return pa.RecordBatchReader.from_batches(native.schema, self._batches(native))

    def _batches(self, native: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        with contextlib.closing(native):
            while True:
                with self.guard():
                    try:
                        batch = native.read_next_batch()
                    except StopIteration:
                        return
                yield batch


def _without_excerpt(error: Exception) -> Exception | None:
    """An error of DuckDB that shows text of ours, without that; None for any other."""
    message, cut, excerpt = str(error).partition("\n\nLINE ")
    ours = isinstance(error, duckdb.Error) and cut and _SPLICED in excerpt
    return type(error)(message) if ours else None


def gives_rows(native: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether a text is one statement, and a query."""
    statements = native.extract_statements(text)
    return len(statements) == 1 and statements[0].expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]


@contextlib.contextmanager
def lossless(native: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Within, every type of DuckDB goes to Arrow so that it comes back as the same."""
    name = "arrow_lossless_conversion"
    ((before,),) = native.execute(f"SELECT current_setting('{name}')").fetchall()
    native.execute(f"SET SESSION {name} = true")
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):
            native.execute(f"SET SESSION {name} = {str(before).lower()}")


def held(native: duckdb.DuckDBPyConnection, text: str, values: object) -> duckdb.DuckDBPyRelation:
    """The answer of a query with parameters as a relation."""
    with lossless(native):
        table = native.execute(text, values).to_arrow_table()
    return native.from_arrow(table)


def unwrapped(value: Any) -> Any:
    """What DuckDB is to see of a value."""
    return value.native if isinstance(value, Wrapper) else value


def _visible(frame: FrameType) -> dict[str, Any]:
    """The frame's local names, and the wrappers among its global ones."""
    names = {name: value.native for name, value in frame.f_globals.items() if isinstance(value, Wrapper)}
    names.update((name, unwrapped(value)) for name, value in frame.f_locals.items())
    return names
