"""Python values of one column to an Arrow array of its kind, and those that it cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.decode.times import instants
from duckdb_videsk.endpoints import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb_videsk.endpoints import Column

__all__ = ["cells", "json_array", "json_text", "scaled"]

_ABSENT = object()
_SMALLEST, _BEYOND = -(2**63), 2**63

json_text = msgspec.json.Encoder().encode


def cells(column: Column, values: Sequence[Any]) -> tuple[pa.Array, list[Any] | None]:
    """The array of `values`, and a list with only those that the column cannot hold (None: it holds all)."""
    if column.kind is Kind.JSON:
        return json_array([None if value is None else json_text(value) for value in values]), None
    if column.kind is Kind.TIME:
        texts, odd = _typed(Kind.TEXT, values)
        times, wrong = instants(texts)
        return times, _merged(odd, values, wrong)
    array, odd = _typed(column.kind, values)
    return scaled(column, array), odd


def json_array(texts: Sequence[bytes | None]) -> pa.ExtensionArray:
    """An array of JSON texts, in UTF-8."""
    return pa.ExtensionArray.from_storage(Kind.JSON.value, pa.array(texts, pa.binary()).view(pa.string()))


def scaled(column: Column, array: pa.Array) -> pa.Array:
    """`array` in the column's unit."""
    return array if column.factor == 1.0 else pc.multiply(array, column.factor)


def _typed(kind: Kind, values: Sequence[Any]) -> tuple[pa.Array, list[Any] | None]:
    check = _CHECKS[kind]
    if kind not in _PLAIN_TYPES or _PLAIN_TYPES[kind].issuperset(map(type, values)):
        try:
            return pa.array(values, kind.value), None
        except (pa.ArrowException, OverflowError):
            pass
    held = [check(value) for value in values]
    odd = [value if fit is _ABSENT else None for value, fit in zip(values, held, strict=True)]
    array = pa.array([None if fit is _ABSENT else fit for fit in held], kind.value)
    return array, odd if any(value is not None for value in odd) else None


def _merged(odd: list[Any] | None, values: Sequence[Any], wrong: set[int] | None) -> list[Any] | None:
    if wrong is None:
        return odd
    return [
        value if row in wrong else other
        for row, (value, other) in enumerate(zip(values, odd or [None] * len(values), strict=True))
    ]


def _text(value: Any) -> Any:
    return value if value is None or type(value) is str else _ABSENT


def _double(value: Any) -> Any:
    if value is None or type(value) is float:
        return value
    try:
        return float(value) if type(value) is int else _ABSENT
    except OverflowError:
        return _ABSENT


def _bigint(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if value is None or (type(value) is int and _SMALLEST <= value < _BEYOND) else _ABSENT


def _boolean(value: Any) -> Any:
    return value if value is None or type(value) is bool else _ABSENT


def _list(value: Any) -> Any:
    if type(value) is str:
        return [value] if value else []
    if value is None:
        return None
    return value if type(value) is list and all(item is None or type(item) is str for item in value) else _ABSENT


_NONE = type(None)
# Arrow would take true for 1.0, 3.5 for 3, and a text for the list of its characters.
_PLAIN_TYPES = {
    Kind.DOUBLE: frozenset({float, int, _NONE}),
    Kind.BIGINT: frozenset({int, _NONE}),
    Kind.LIST: frozenset({list, _NONE}),
}
_CHECKS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.DOUBLE: _double,
    Kind.BIGINT: _bigint,
    Kind.BOOLEAN: _boolean,
    Kind.LIST: _list,
}
