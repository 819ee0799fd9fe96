"""The lake: days of settled records, kept as plain Parquet files instead of being asked for again."""

from duckdb_videsk.lake.asking import Expected
from duckdb_videsk.lake.store import Lake
from duckdb_videsk.lake.through import ReadThrough
from duckdb_videsk.lake.writing import LakeWarning

__all__ = ["Expected", "Lake", "LakeWarning", "ReadThrough"]
