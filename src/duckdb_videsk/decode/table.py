"""Columns of Python values to the endpoint's record batch, with a place for every value that has no column."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.decode.cells import cells, json_array, json_text
from duckdb_videsk.decode.exact import listed
from duckdb_videsk.decode.rows import struct_of
from duckdb_videsk.endpoints import UNMAPPED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb_videsk.decode.placement import Placement
    from duckdb_videsk.decode.rows import Rows
    from duckdb_videsk.endpoints import Column, Endpoint

__all__ = ["Builder"]

_EMPTY_OBJECT = b"{}"
_WIDEST_STRUCT = 500


class Builder:
    """Builds the batches of one endpoint, and of one form or survey."""

    def __init__(self, endpoint: Endpoint, asked_id: str | None) -> None:
        self._schema = endpoint.schema
        self._parameter = endpoint.parameter
        self._asked_id = asked_id

    @cached_property
    def empty(self) -> pa.RecordBatch:
        """A batch without rows."""
        return pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in self._schema.types], schema=self._schema)

    def batch(self, rows: Rows, placement: Placement) -> pa.RecordBatch:
        """The batch of some rows of an answer."""
        unmapped, answers = _Leftovers(rows.count), _Leftovers(rows.count)
        rest = unmapped if self._parameter is None else answers
        arrays = {
            column.name: _array(column, labels, rows, odd=unmapped, rest=rest) for column, labels in placement.columns
        }
        placed = placement.labels
        for label, values in rows.columns.items():
            if label not in placed:
                rest.add(label, values)
        for label, later in rows.later.items():
            rest.add_later(label, later)
        arrays[UNMAPPED] = unmapped.array(blank=None)
        if self._parameter is not None:
            arrays[self._parameter] = pa.array([self._asked_id] * rows.count, pa.string())
            arrays["answers"] = answers.array(blank=_EMPTY_OBJECT)
        return pa.RecordBatch.from_arrays([arrays[name] for name in self._schema.names], schema=self._schema)


class _Leftovers:
    """One JSON object for each row, gathered label by label."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._columns: dict[str, Sequence[Any]] = {}

    def add(self, label: str, values: Sequence[Any]) -> None:
        """Puts the values that are not None under `label`, behind those that stand there."""
        if all(value is None for value in values):
            return
        if label in self._columns:
            self.add_later(label, {row: [value] for row, value in enumerate(values) if value is not None})
        else:
            self._columns[label] = values

    def add_later(self, label: str, values: Mapping[int, list[Any]]) -> None:
        """Puts more values of some rows under `label`, behind those that stand there."""
        column = list(self._columns.get(label, [None] * self._count))
        for row, more in values.items():
            first = [] if column[row] is None else [column[row]]
            column[row] = listed(first + more)
        self._columns[label] = column

    def array(self, *, blank: bytes | None) -> pa.ExtensionArray:
        """The objects as JSON, `blank` for those without a value.

        Labels are sorted: the same row has the same text in every answer, whatever order its columns came in.
        """
        if not self._columns:
            return json_array([blank] * self._count)
        labels = tuple(sorted(self._columns))
        values = [self._columns[label] for label in labels]
        struct = struct_of(labels) if len(labels) <= _WIDEST_STRUCT else None
        objects: Any = map(struct, *values) if struct else _dicts(labels, values)
        texts: list[bytes | None] = list(map(json_text, objects))
        return json_array(
            texts if blank == _EMPTY_OBJECT else [None if text == _EMPTY_OBJECT else text for text in texts]
        )


def _dicts(labels: Sequence[str], values: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [
        {label: value for label, value in zip(labels, row, strict=True) if value is not None}
        for row in zip(*values, strict=True)
    ]


def _array(column: Column, labels: Sequence[str], rows: Rows, *, odd: _Leftovers, rest: _Leftovers) -> pa.Array:
    nothing = [None] * rows.count
    values: Sequence[Any] = nothing
    array = None
    for label in labels:
        found = rows.columns.get(label, nothing)
        more, wrong = cells(column, found)
        if wrong:
            odd.add(label, wrong)
            found = [None if bad is not None else value for value, bad in zip(found, wrong, strict=True)]
        if array is not None:
            pairs = list(zip(values, found, strict=True))
            rest.add(label, [None if kept is None or _same(kept, value) else value for kept, value in pairs])
            found = [value if kept is None else kept for kept, value in pairs]
            more = pc.coalesce(array, more)
        array, values = more, found
    return array


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
