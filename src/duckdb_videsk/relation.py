"""A lazy query result: DuckDB's own relation, whose errors are the scan's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from duckdb_videsk.bridge import Wrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk.bridge import Bridge

__all__ = ["Relation", "adopted", "delegate"]


# DuckDB 1.5 asks the variables that a query names for their stream while it holds the connection: a relation of the
# same connection would wait for ever. DuckDB 2 refuses with an error.
_REFUSES_REENTRY = int(duckdb.__version__.split(".")[0]) >= 2


class Relation(Wrapper):
    """A query that has not run yet. It has every method of `duckdb.DuckDBPyRelation`; those that derive a relation
    give one of these again.

    Attributes:
        native: the relation itself, for tools that want one.
        plain: makes the same relation of the user's own text, where it was made of another one.
    """

    __slots__ = ("__weakref__", "_bridge", "_native", "plain")

    def __init__(self, native: duckdb.DuckDBPyRelation, bridge: Bridge) -> None:
        self._native = native
        self._bridge = bridge
        self.plain: Callable[[], duckdb.DuckDBPyRelation] = lambda: native

    @property
    def native(self) -> duckdb.DuckDBPyRelation:
        return self._native

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._native.columns)

    def create_view(self, view_name: str, replace: bool = True) -> Relation:
        """Create a view of the query as it was written."""
        plain = self._bridge.call(self.plain)
        view: Relation = adopted(self._bridge.call(plain.create_view, view_name, replace=replace), self._bridge)
        return view

    def to_view(self, view_name: str, replace: bool = True) -> Relation:
        """Create a view of the query as it was written."""
        plain = self._bridge.call(self.plain)
        view: Relation = adopted(self._bridge.call(plain.to_view, view_name, replace=replace), self._bridge)
        return view

    def sql_query(self) -> str:
        """The query's text."""
        text: str = self._bridge.call(self.plain).sql_query()
        return text

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Every row, as tuples."""
        rows: list[tuple[Any, ...]] = self._bridge.call(self._native.fetchall)
        return rows

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return delegate(self._native, name, self._bridge)

    def __getitem__(self, name: str) -> Any:
        return adopted(self._bridge.call(self._native.__getitem__, name), self._bridge)

    def __contains__(self, name: object) -> bool:
        return name in self._native.columns

    def __len__(self) -> int:
        count: int = self._bridge.call(self._native.__len__)
        return count

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        text: str = self._bridge.call(self._native.__repr__)
        return text

    if _REFUSES_REENTRY:

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
            # Through a reader, since nobody could translate an error of the bare stream.
            reader = self._bridge.reader(pa.RecordBatchReader.from_stream(self._native))
            return reader.__arrow_c_stream__(requested_schema)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._native)})


def delegate(native: Any, name: str, bridge: Bridge) -> Any:
    """A native object's attribute; a method as one that goes by the bridge."""
    with bridge.guard():
        value = getattr(native, name)
    if not callable(value) or isinstance(value, type):
        return adopted(value, bridge)
    return _Method(value, bridge)


def adopted(value: Any, bridge: Bridge) -> Any:
    """What a user is to see of a native value."""
    if isinstance(value, duckdb.DuckDBPyRelation):
        return Relation(value, bridge)
    if isinstance(value, pa.RecordBatchReader):
        return bridge.reader(value)
    return value


class _Method:
    """A native method behind the bridge."""

    def __init__(self, function: Callable[..., Any], bridge: Bridge) -> None:
        self._function = function
        self._bridge = bridge
        self.__name__ = getattr(function, "__name__", "method")
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return adopted(self._bridge.call(self._function, *args, **options), self._bridge)

    def __repr__(self) -> str:
        return f"<method {self.__name__}>"
