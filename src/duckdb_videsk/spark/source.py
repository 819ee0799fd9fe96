"""The data source that Spark registers: what it is asked for goes to `options`, what it reads comes from `tasks`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

from duckdb_videsk.account_settings import one_account
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ConfigError
from duckdb_videsk.settings import load_settings
from duckdb_videsk.spark.carrying import Carried
from duckdb_videsk.spark.options import job_of, refuse_offline
from duckdb_videsk.spark.tasks import plan_tasks, task_batches
from duckdb_videsk.spark.types import arrow_batches, spark_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

    from duckdb_videsk.spark.options import Job
    from duckdb_videsk.spark.tasks import Task

__all__ = ["VideskDataSource", "register"]

NAME = "videsk"


class VideskDataSource(DataSource):  # type: ignore[misc]  # seen as untyped, since not every machine has PySpark
    """`spark.read.format("videsk")`: the exports of one account, with the settings of the process that plans.

    `register` is the shorter way, and takes settings along.
    """

    carried: ClassVar[Carried | None] = None
    parallelism: ClassVar[int | None] = None

    @classmethod
    def name(cls) -> str:
        return NAME

    def schema(self) -> StructType:
        """The columns of the table that the options name.

        Raises:
            VideskError: an option or a setting is wrong.
        """
        return spark_schema(self._job().endpoint)

    def reader(self, schema: StructType) -> DataSourceReader:
        """What plans and reads.

        Raises:
            VideskError: an option or a setting is wrong, or another schema was asked for.
        """
        job = self._job()
        columns = [(field.name, field.dataType) for field in spark_schema(job.endpoint)]
        if columns != [(field.name, field.dataType) for field in schema]:
            raise ConfigError(
                f"The schema of {job.endpoint.table} is fixed: leave out .schema(…), and select columns."
            )
        return _Reader(job)

    def _job(self) -> Job:
        return job_of(self.options, self.carried, self.parallelism)


def register(spark: SparkSession, **settings: Any) -> None:
    """Make `spark.read.format("videsk")` known to a session.

    Args:
        spark: the session.
        settings: fields of `Settings`, such as `token`; what is not given comes from this process's environment or
            settings file. They go along to the executors.

    Raises:
        ConfigError: a setting is missing or wrong (`MissingTokenError`: no token).
    """
    if settings.get("token") is None:
        one_account("The Spark data source")
    loaded = load_settings(**settings)
    refuse_offline(loaded)
    known = {"carried": Carried(loaded), "parallelism": _parallelism(spark)}
    spark.dataSource.register(type("VideskDataSource", (VideskDataSource,), known))


@dataclass(frozen=True)
class _Partition(InputPartition):  # type: ignore[misc]
    task: Task


class _Reader(DataSourceReader):  # type: ignore[misc]
    """Reads what a job says.

    It takes no filters: Spark 4.1 to 4.3 keep the plan that a query's filters narrowed, and use it again for the next
    query on the same DataFrame, which would lack rows.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def partitions(self) -> Sequence[InputPartition]:
        return [_Partition(task) for task in plan_tasks(self._job)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of a partition; where there are none to read, Spark makes one of its own."""
        if not isinstance(partition, _Partition):
            return
        endpoint = by_table()[partition.task.table]
        for batch in task_batches(partition.task):
            yield from arrow_batches(batch, endpoint)

    def __getstate__(self) -> dict[str, Any]:
        """Executors are told by their partitions what to read."""
        return {}


def _parallelism(spark: SparkSession) -> int | None:
    """Tasks that a session runs at once; None where it does not say, as by Spark Connect."""
    try:
        return int(spark.sparkContext.defaultParallelism)
    except Exception:  # noqa: BLE001 - of a kind that differs by session
        return None
