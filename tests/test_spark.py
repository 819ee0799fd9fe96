"""`spark.read.format("videsk")` in a real Spark with two tasks at a time, against the simulator and against DuckDB."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import duckdb_videsk
import needed
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.simulator import Behaviour, Fault, Records, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

API_TOKEN = "tok-never-to-be-seen"
ZONE = "America/Santiago"
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("events")


@pytest.fixture(scope="module")
def spark(events: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    needed.module("pyspark")
    needed.program("java")
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        environment.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
        environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        environment.setenv("SPARK_LOCAL_DIRS", str(folder))
        from pyspark.sql import SparkSession  # noqa: PLC0415 - not every machine has it

        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.eventLog.enabled", "true")
            .config("spark.eventLog.dir", str(events))
            .config("spark.sql.session.timeZone", ZONE)
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.adaptive.enabled", "false")
            .config("spark.sql.warehouse.dir", str(folder))
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        yield session
        gateway = session.sparkContext._gateway
        session.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(20)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """PySpark's own warnings are none of ours."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pyspark\..*")
        yield


@pytest.fixture(scope="module")
def account() -> Iterator[Simulator]:
    source = SyntheticAccount(since=date(2026, 2, 1), until=date(2026, 4, 12), calls_per_day=60)
    with Simulator(source, behaviour=Behaviour(cap=200), token=API_TOKEN) as simulator:
        yield simulator


@contextlib.contextmanager
def served(spark: SparkSession, rows: list[dict[str, Any]], **behaviour: Any) -> Iterator[Simulator]:
    """A simulator of these calls, which the session's `videsk` reads."""
    with Simulator(Records({"calls": rows}), behaviour=Behaviour(**behaviour), token=API_TOKEN) as simulator:
        register(spark, simulator)
        yield simulator


def register(spark: SparkSession, simulator: Simulator, **settings: Any) -> None:
    from duckdb_videsk.spark import register  # noqa: PLC0415 - not every machine has PySpark

    given = {"token": API_TOKEN, "base_url": simulator.url, "time_zone": ZONE, "requests_per_second": 1_000}
    register(spark, **given | settings)


def read(spark: SparkSession, table: str = "calls", **options: Any) -> DataFrame:
    return spark.read.format("videsk").options(**options).load(table)


def rows_of(frame: DataFrame) -> list[tuple[Any, ...]]:
    return in_order([tuple(row.values()) for row in frame.toArrow().to_pylist()])


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def calls(count: int, *, every: timedelta = timedelta(hours=1), start: datetime = START) -> list[dict[str, Any]]:
    moments = [start + number * every for number in range(count)]
    return [
        {
            "id": f"{int(moment.timestamp()):08x}{number:016x}",
            "startTime": moment,
            "agent": ("Añá", "Bruno")[number % 2],
        }
        for number, moment in enumerate(moments)
    ]


def ids_of(frame: DataFrame) -> list[str]:
    return sorted(frame.select("id").toArrow().column(0).to_pylist())


# --- every table


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.table)
def test_each_table_is_what_duckdb_gives(spark: SparkSession, account: Simulator, endpoint: Any) -> None:
    ids = [] if endpoint.parameter is None else list(account._exports._source.parameters(endpoint.parameter))
    settings = {"forms": ",".join(ids), "surveys": ",".join(ids)} if ids else {}
    register(spark, account)
    frame = read(spark, endpoint.table, since="2026-03-20", until="2026-04-10", **settings)
    with duckdb_videsk.connect(
        token=API_TOKEN, base_url=account.url, time_zone=ZONE, requests_per_second=1_000, lake=False, **settings
    ) as con:
        relation = con.sql(
            f"FROM videsk.{endpoint.table} WHERE {endpoint.range_column} >= '2026-03-20' "
            f"AND {endpoint.range_column} < '2026-04-10'"
        )
        expected = in_order(relation.fetchall())
        assert frame.columns == relation.columns
    assert expected
    assert rows_of(frame) == expected
