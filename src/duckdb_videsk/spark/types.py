"""The tables' schemas in Spark's types, and batches in the Arrow form that Spark takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from duckdb_videsk.endpoints import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.endpoints import Column, Endpoint

__all__ = ["arrow_batches", "spark_schema"]

_ROWS = 10_000
_LIST = pa.list_(pa.field("element", pa.string()))
_SPARK_TYPES: dict[Kind, DataType] = {
    Kind.TEXT: StringType(),
    Kind.DOUBLE: DoubleType(),
    Kind.BIGINT: LongType(),
    Kind.BOOLEAN: BooleanType(),
    Kind.TIME: TimestampType(),
    Kind.LIST: ArrayType(StringType()),
    Kind.JSON: StringType(),
}
_ARROW_TYPES = {kind: kind.value for kind in Kind} | {Kind.LIST: _LIST, Kind.JSON: pa.string()}


def spark_schema(endpoint: Endpoint) -> StructType:
    """The columns of a table, with their units and meanings as comments; JSON is text."""
    return StructType([_field(column) for column in endpoint.all_columns])


def arrow_batches(batch: pa.RecordBatch, endpoint: Endpoint) -> Iterator[pa.RecordBatch]:
    """The same rows in the schema that Spark makes of `spark_schema`, in slices that a JVM has room for."""
    schema = pa.schema([(column.name, _ARROW_TYPES[column.kind]) for column in endpoint.all_columns])
    columns = [
        (array.storage if isinstance(array, pa.ExtensionArray) else array).cast(field.type)
        for array, field in zip(batch.columns, schema, strict=True)
    ]
    for start in range(0, batch.num_rows, _ROWS):
        yield pa.RecordBatch.from_arrays([column.slice(start, _ROWS) for column in columns], schema=schema)


def _field(column: Column) -> StructField:
    comment = ", ".join(text for text in (column.comment, column.unit and f"in {column.unit}") if text)
    return StructField(column.name, _SPARK_TYPES[column.kind], True, {"comment": comment} if comment else {})
