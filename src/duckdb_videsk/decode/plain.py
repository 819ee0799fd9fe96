"""The quick way: Arrow's own JSON reader over a whole body, for answers in which every value is what it should be.

The reader is strict on all but a few things, which are checked here; it refuses unknown and repeated keys and
wrong types, and then the other way decides. It takes one type for each key; so a list that comes as text gets a key
of its own before it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from duckdb_videsk.decode.cells import scaled
from duckdb_videsk.decode.placement import own_labels
from duckdb_videsk.decode.times import instants
from duckdb_videsk.endpoints import UNMAPPED, Kind

if TYPE_CHECKING:
    from duckdb_videsk.endpoints import Column, Endpoint

__all__ = ["Reader"]

_LARGEST = 2**31 - 4_096  # Arrow counts the bytes of a block in 32 bits
_MARGIN = 1_024
_SMALL = 8 << 20
_MARK = "\x7f"
_MARK_BYTE = ord(_MARK)
_SPELT_MARKS = (_MARK.encode(), rb"\u007")
_READ_AS = {Kind.TIME: pa.string(), Kind.JSON: pa.null()}


class Reader:
    """Reads the plain answers of one endpoint; several threads may read at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._texts = [
            label for column in endpoint.columns if column.kind is Kind.LIST for label in own_labels(column)
        ]
        row = [(label, _read_as(column)) for column in endpoint.columns for label in own_labels(column)]
        row += [(_marked(label), pa.string()) for label in self._texts]
        self._parse = pyarrow.json.ParseOptions(
            explicit_schema=pa.schema(
                [
                    ("$limit", pa.int64()),
                    ("columns", pa.list_(pa.string())),
                    ("data", pa.list_(pa.struct(row))),
                ]
            ),
            newlines_in_values=True,
            unexpected_field_behavior="error",
        )

    def read(self, body: bytes) -> tuple[int, pa.RecordBatch] | None:
        """The cap and the rows of a UTF-8 body, or None where it is not plain."""
        # A body that begins with null crashes Arrow's reader, and with it the process.
        if len(body) > _LARGEST or not body[:_MARGIN].lstrip().startswith(b"{"):
            return None
        if self._texts and any(spelt in body for spelt in _SPELT_MARKS):
            return None
        pool = _pool_for(body)
        try:
            table = pyarrow.json.read_json(
                pa.BufferReader(self._with_texts_apart(body)),
                read_options=pyarrow.json.ReadOptions(block_size=len(body) + _MARGIN),
                parse_options=self._parse,
                memory_pool=pool,
            )
        except pa.ArrowException:
            return None
        if table.num_rows != 1:  # several objects may follow each other
            return None
        limit = table.column("$limit")[0].as_py()
        data = table.column("data").combine_chunks(memory_pool=pool)
        if limit is None or limit < 1 or data.null_count:
            return None
        rows = data.flatten()
        batch = None if rows.null_count else self._batch(rows)
        return None if batch is None else (limit, batch)

    def _with_texts_apart(self, body: bytes) -> pa.Buffer:
        """The body with another key before each list that is text.

        In JSON a name between quotation marks with a colon behind it can only be a key.
        """
        if not self._texts:
            return pa.py_buffer(body)
        whole = bytearray(body)
        for label in self._texts:
            sought = f'"{label}":"'.encode()
            last, find, at = len(sought) - 4, whole.find, whole.find(sought)
            while at >= 0:
                whole[at + last] = _MARK_BYTE
                at = find(sought, at + last)
        return pa.py_buffer(whole)

    def _batch(self, rows: pa.StructArray) -> pa.RecordBatch | None:
        arrays = {UNMAPPED: pa.nulls(len(rows), Kind.JSON.value)}
        for column in self._endpoint.columns:
            array = _array(column, rows)
            if array is None:
                return None
            arrays[column.name] = array
        schema = self._endpoint.schema
        return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)


def _pool_for(body: bytes) -> pa.MemoryPool:
    """Arrow's own pool holds much for each thread that ever read; the system's does worse with large bodies."""
    return pa.system_memory_pool() if len(body) <= _SMALL else pa.default_memory_pool()


def _read_as(column: Column) -> pa.DataType:
    return _READ_AS.get(column.kind, column.kind.value)


def _array(column: Column, rows: pa.StructArray) -> pa.Array | None:
    array, *others = [rows.field(label) for label in own_labels(column)]
    for other in others:
        if pc.any(pc.and_(array.is_valid(), other.is_valid())).as_py():
            return None
        array = pc.coalesce(array, other)
    if column.kind is Kind.LIST:
        return _with_texts(array, [rows.field(_marked(label)) for label in own_labels(column)])
    if column.kind is Kind.JSON:
        return pa.nulls(len(rows), Kind.JSON.value)
    if column.kind is Kind.TIME:
        times, odd = instants(array)
        return None if odd else times
    # NaN and Infinity are no JSON, yet Arrow reads them.
    if column.kind is Kind.DOUBLE and pc.all(pc.is_finite(array)).as_py() is False:
        return None
    return scaled(column, array)


def _marked(label: str) -> str:
    """A label of as many bytes, for the texts among the lists under `label`, which ends in ASCII."""
    return label[:-1] + _MARK


def _with_texts(lists: pa.ListArray, texts: list[pa.StringArray]) -> pa.ListArray | None:
    """The lists, and a list of each text; None where a row has two of them."""
    for column in texts:
        if column.null_count == len(column):
            continue
        if pc.any(pc.and_(lists.is_valid(), column.is_valid())).as_py():
            return None
        lists = pc.coalesce(lists, _listed(column).cast(lists.type))
    return lists


def _listed(texts: pa.StringArray) -> pa.ListArray:
    """A list of each text, without items where it is empty."""
    some = pc.fill_null(pc.greater(pc.binary_length(texts), 0), False)
    ends = pc.cumulative_sum(some.cast(pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.ListArray.from_arrays(offsets, texts.filter(some), mask=texts.is_null())
