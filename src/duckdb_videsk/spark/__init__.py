"""The exports as a data source of Apache Spark, for when one machine is not enough: `register(spark)`, then
`spark.read.format("videsk").load("calls")`. Needs the extra `spark`.
"""

from duckdb_videsk.errors import ConfigError

try:
    from duckdb_videsk.spark.source import VideskDataSource, register
except ImportError as error:
    if (error.name or "").partition(".")[0] != "pyspark":
        raise
    raise ConfigError(
        "duckdb_videsk.spark needs PySpark 4.1 or later, also on the executors: pip install 'duckdb-videsk[spark]'."
    ) from None

__all__ = ["VideskDataSource", "register"]
