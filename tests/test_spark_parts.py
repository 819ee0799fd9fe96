"""The parts of `duckdb_videsk.spark` without a Spark: options, settings on their way, batches, and who needs what."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

import needed
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import ConfigError, MissingTokenError, QueryError
from duckdb_videsk.ranges import EVER, iso
from duckdb_videsk.settings import Settings, Token
from duckdb_videsk.simulator import Behaviour, Records, Simulator

API_TOKEN = "tok-never-to-be-seen"


@pytest.fixture
def with_pyspark() -> None:
    needed.module("pyspark")


@pytest.mark.parametrize("version", ["none", "old"])
@pytest.mark.usefixtures("with_pyspark")
def test_without_pyspark_the_extra_is_named(version: str) -> None:
    old = "sys.modules['pyspark.sql.datasource'] = types.ModuleType('pyspark.sql.datasource')"
    blocked = "sys.modules['pyspark'] = None" if version == "none" else old
    code = f"import sys, types; {blocked}; import duckdb_videsk.spark"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ConfigError: duckdb_videsk.spark needs PySpark 4.1" in done.stderr
    assert "pip install 'duckdb-videsk[spark]'" in done.stderr


def test_nobody_loads_pyspark_unasked() -> None:
    code = "import sys, duckdb_videsk, duckdb_videsk.cli; sys.exit('pyspark' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def job_of(carried: Any = None, **options: str) -> Any:
    from duckdb_videsk.spark.options import job_of  # noqa: PLC0415 - not every machine has PySpark

    return job_of(options, carried, None)


def carried(**settings: Any) -> Any:
    from duckdb_videsk.spark.carrying import Carried  # noqa: PLC0415

    return Carried(Settings(Token(API_TOKEN), time_zone="America/Santiago", **settings))


@pytest.mark.usefixtures("with_pyspark")
class TestOptions:
    def test_a_table_by_path_or_by_option(self) -> None:
        assert job_of(carried(), path="calls").endpoint.table == "calls"
        assert job_of(carried(), Table="queues").endpoint.table == "queues"
        assert job_of(carried(), path="calls", table="calls").span == EVER

    def test_moments_are_of_the_time_zone_unless_they_say_one(self) -> None:
        job = job_of(carried(), path="calls", since="2026-03-01", until="2026-03-02T12:00:00+02:00")
        assert (iso(job.span.start), iso(job.span.end)) == ("2026-03-01T03:00:00Z", "2026-03-02T10:00:00Z")
        job = job_of(carried(), path="calls", since="2026-03-01", time_zone="Europe/Madrid")
        assert iso(job.span.start) == "2026-02-28T23:00:00Z"

    @pytest.mark.parametrize(
        ("options", "error", "text"),
        [
            ({}, QueryError, "Name one table"),
            ({"path": "calls", "table": "tags"}, QueryError, "Name one table"),
            ({"path": "llamadas"}, QueryError, "There is no table 'llamadas'; tables are: calls"),
            ({"path": "calls", "since": "yesterday"}, QueryError, "since is 'yesterday': write a moment"),
            ({"path": "calls", "since": "2026-03-02", "until": "2026-03-01"}, QueryError, "ends before it begins"),
            ({"path": "calls", "partitions": "0"}, ConfigError, "partitions is '0'"),
            ({"path": "calls", "parallelism": "two"}, ConfigError, "parallelism is 'two'"),
            ({"path": "calls", "lake_dir": "/x"}, ConfigError, "lake_dir has no meaning in Spark"),
            ({"path": "calls", "sinse": "2026"}, ConfigError, "Unknown option 'sinse'; options are: auth_header"),
            ({"path": "calls", "concurrency": "many"}, ConfigError, "concurrency has a value of the wrong type"),
            ({"path": "calls", "base_url": "http://example.org"}, ConfigError, "unencrypted"),
        ],
    )
    def test_what_is_wrong_is_said(self, options: dict[str, str], error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            job_of(carried(), **options)

    def test_the_token_is_no_option_and_is_not_repeated(self) -> None:
        with pytest.raises(ConfigError, match="The token is no option") as caught:
            job_of(carried(), path="calls", token="another-secret")
        assert "another-secret" not in str(caught.value)

    @pytest.mark.parametrize("name", ["path", "since", "until", "partitions", "parallelism", "A-secret-of-16-marks"])
    def test_a_token_in_the_wrong_place_is_not_repeated(self, name: str) -> None:
        token = "a-secret-of-16-letters"
        with pytest.raises((ConfigError, QueryError), match="<token>"):
            job_of(carried(), **{"path": "calls", name: token})

    def test_without_settings_they_are_those_of_the_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(MissingTokenError):
            job_of(path="calls")
        monkeypatch.setenv("VIDESK_API_TOKEN", API_TOKEN)
        monkeypatch.setenv("VIDESK_CONCURRENCY", "3")
        assert job_of(path="calls").settings.concurrency == 3
        assert job_of(path="calls", concurrency="5").settings.concurrency == 5
        monkeypatch.setenv("VIDESK_LAKE", "true")
        monkeypatch.setenv("VIDESK_OFFLINE", "true")
        with pytest.raises(ConfigError, match="offline is set"):
            job_of(path="calls")
        from duckdb_videsk.spark import register  # noqa: PLC0415

        with pytest.raises(ConfigError, match="offline is set"):
            register(None)  # it does not come so far

    def test_options_win_over_what_was_registered(self) -> None:
        job = job_of(carried(retries=2, concurrency=4), path="calls", retries="1")
        assert (job.settings.retries, job.settings.concurrency) == (1, 4)
        assert job.settings.token.reveal() == API_TOKEN


@pytest.mark.usefixtures("with_pyspark")
class TestCarrying:
    def test_settings_arrive_and_show_nothing(self) -> None:
        sent = carried(forms=("a", "b"), requests_per_second=7.5, max_requests=9)
        arrived = pickle.loads(pickle.dumps(sent)).settings()  # noqa: S301 - our own
        assert arrived.token.reveal() == API_TOKEN
        assert (arrived.forms, arrived.requests_per_second, arrived.max_requests) == (("a", "b"), 7.5, 9)
        assert (arrived.cache_dir, arrived.lake) == (None, False)
        assert sent.with_options({"retries": "1"}).cache_dir == Settings(Token(API_TOKEN)).cache_dir
        assert carried(cache_dir=None).with_options({}).cache_dir is None
        assert API_TOKEN not in f"{sent} {sent!r} {arrived!r}"

    def test_each_task_has_its_share(self) -> None:
        from duckdb_videsk.spark.tasks import _share_of  # noqa: PLC0415

        job = job_of(carried(concurrency=8, requests_per_second=20.0), path="calls", parallelism="4")
        shares = [_share_of(job, tasks) for tasks in (1, 2, 100)]
        assert [(one.concurrency, one.requests_per_second) for one in shares] == [(8, 20), (4, 10), (2, 5)]


@pytest.mark.usefixtures("with_pyspark")
class TestTypes:
    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.table)
    def test_batches_are_in_sparks_own_schema(self, endpoint: Any) -> None:
        from duckdb_videsk.spark.types import arrow_batches, spark_schema  # noqa: PLC0415

        rows = pa.RecordBatch.from_pylist([{}] * 25_001, schema=endpoint.schema)
        batches = list(arrow_batches(rows, endpoint))
        assert [batch.num_rows for batch in batches] == [10_000, 10_000, 5_001]
        assert batches[0].schema.names == spark_schema(endpoint).fieldNames()
        assert not any(isinstance(field.type, pa.BaseExtensionType) for field in batches[0].schema)


@pytest.mark.usefixtures("with_pyspark")
@pytest.mark.parametrize(("parallelism", "at_once"), [(1, 1), (2, 2), (4, 4), (100, 4)])
def test_tasks_at_once_share_the_rate(parallelism: int, at_once: int) -> None:
    from duckdb_videsk.spark.options import job_of  # noqa: PLC0415
    from duckdb_videsk.spark.tasks import plan_tasks  # noqa: PLC0415

    start = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [{"id": f"{number:024x}", "startTime": start + timedelta(hours=number)} for number in range(400)]
    with Simulator(Records({"calls": rows}), behaviour=Behaviour(cap=50), token=API_TOKEN) as simulator:
        settings = carried(base_url=simulator.url, requests_per_second=20.0, concurrency=8)
        tasks = plan_tasks(job_of({"path": "calls", "partitions": "4"}, settings, parallelism))
    assert len(tasks) == 4
    for task in tasks:
        given = task.account.settings()
        assert (given.requests_per_second, given.concurrency) == (20 / at_once, 8 // at_once)
