"""`spark.read.format("videsk")` in a real Spark that runs two tasks at a time, against the simulator and DuckDB."""

from __future__ import annotations

import contextlib
import gc
import re
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import duckdb_videsk
import needed
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.simulator import Behaviour, Fault, Records, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

# PySpark's own warnings are none of ours.
pytestmark = [
    pytest.mark.timeout(300),  # Spark starts slowly where the machine is busy
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings(r"ignore:::pyspark\..*"),
]

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
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        environment.setenv("PYSPARK_DRIVER_PYTHON", sys.executable)
        environment.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        environment.setenv("SPARK_LOCAL_DIRS", str(folder))
        with _unheard():
            session = _started(events, folder)
        yield session
        with _unheard():
            gateway = session.sparkContext._gateway
            session.stop()
            gateway.shutdown()
            gateway.proc.stdin.close()
            gateway.proc.wait(20)
            del session, gateway
            gc.collect()


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Without the warnings of PySpark, and of sockets that it leaves to be collected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _started(events: Path, folder: Path) -> SparkSession:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - not every machine has it

    session = (
        SparkSession.builder.master("local[2,2]")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.eventLog.enabled", "true")
        .config("spark.eventLog.compress", "false")
        .config("spark.eventLog.dir", str(events))
        .config("spark.sql.session.timeZone", ZONE)
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.warehouse.dir", str(folder))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    return session


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


def test_columns_tell_their_units(spark: SparkSession, account: Simulator) -> None:
    register(spark, account)
    (duration,) = [field for field in read(spark).schema if field.name == "duration_seconds"]
    assert duration.metadata == {"comment": "in seconds"}


def outcomes(simulator: Simulator) -> list[int]:
    return [asked.status for asked in simulator.asked]


# --- filters


@pytest.mark.parametrize("pushdown", ["true", "false"])
def test_queries_of_one_dataframe_do_not_narrow_each_other(spark: SparkSession, pushdown: str) -> None:
    spark.conf.set("spark.sql.python.filterPushdown.enabled", pushdown)
    try:
        with served(spark, calls(100)):
            frame = read(spark)
            day = frame.where("start_time >= '2026-03-02' AND start_time < '2026-03-03'")
            assert (day.count(), frame.count(), day.count()) == (24, 100, 24)
            assert frame.where("start_time < '2026-03-01'").union(day).count() == 27
    finally:
        spark.conf.unset("spark.sql.python.filterPushdown.enabled")


# In Chile clocks went back at the end of 4 April 2026: the hour from 23:00 came twice. On 6 September there was no
# midnight.
@pytest.mark.parametrize(("start", "day"), [("2026-04-04T12:00Z", "2026-04-05"), ("2026-09-05T12:00Z", "2026-09-06")])
def test_days_are_local_where_clocks_change(spark: SparkSession, start: str, day: str) -> None:
    rows = calls(200, every=timedelta(minutes=10), start=datetime.fromisoformat(start))
    with served(spark, rows, cap=500) as simulator:
        with duckdb_videsk.connect(token=API_TOKEN, base_url=simulator.url, time_zone=ZONE, lake=False) as con:
            expected = sorted(con.sql(f"SELECT id FROM videsk.calls(since := '{day}')").fetchall())
        assert [(one,) for one in ids_of(read(spark, since=day))] == expected
        assert [(one,) for one in ids_of(read(spark).where(f"start_time >= '{day}'"))] == expected
        assert 0 < len(expected) < 200


def test_forms_need_ids(spark: SparkSession, account: Simulator) -> None:
    register(spark, account)
    first, second = account._exports._source.parameters("form")
    account.forget_asked()
    only = read(spark, "forms", since="2026-03-20", forms=first).count()
    assert {asked.form for asked in account.asked} == {first}
    both = read(spark, "forms", since="2026-03-20", forms=f"{first}, {second}")
    assert 0 < only < both.count()
    assert both.where(f"form = '{first}'").count() == only
    with pytest.raises(Exception, match=r"(?s)MissingIdError.*VIDESK_FORMS"):
        read(spark, "forms").count()


def test_more_ids_than_tasks(spark: SparkSession) -> None:
    forms = {f"{number:024x}": calls(number + 1, start=START) for number in range(9)}
    rows = {
        one: [{"id": row["id"], "createdAt": row["startTime"], "answers": {"¿Sí?": "1"}} for row in some]
        for one, some in forms.items()
    }
    with Simulator(Records(forms=rows), token=API_TOKEN) as simulator:
        register(spark, simulator, forms=list(forms))
        frame = read(spark, "forms", partitions="3")
        counted = {row["form"]: row["count"] for row in frame.groupBy("form").count().collect()}
        assert counted == {one: len(some) for one, some in forms.items()}
        assert frame.rdd.getNumPartitions() == 3


# --- boundaries


@pytest.mark.parametrize("cap", [40, 41, 200])
def test_pieces_lose_and_double_nothing_at_crowded_seconds(spark: SparkSession, cap: int) -> None:
    crowded = [
        moment for second in range(30) for moment in [START + timedelta(hours=7 * second)] * (1 + 13 * second % 38)
    ]
    rows = [{"id": f"{number:024x}", "startTime": moment} for number, moment in enumerate(crowded)]
    for inclusive in (True, False):
        with served(
            spark, rows, cap=cap, start_inclusive=inclusive, end_inclusive=not inclusive, ties="shuffled"
        ) as simulator:
            frame = read(spark, partitions="12")
            assert ids_of(frame) == [row["id"] for row in rows]
            assert frame.rdd.getNumPartitions() > 2
            assert 429 not in outcomes(simulator)


def test_fractions_of_seconds_bound_exactly(spark: SparkSession) -> None:
    with served(spark, calls(40, every=timedelta(seconds=1))):
        found = read(spark, since="2026-03-01T00:00:03.000001Z", until="2026-03-01T00:00:07.000001Z")
        assert [int(one[8:], 16) for one in ids_of(found)] == [4, 5, 6, 7]


def test_a_range_without_an_instant_has_no_rows_and_asks_nothing(spark: SparkSession) -> None:
    with served(spark, calls(4)) as simulator:
        assert read(spark, since="2026-03-02", until="2026-03-02").collect() == []
        assert simulator.asked == []


def test_rows_without_a_time_belong_to_everything_only(spark: SparkSession) -> None:
    rows: list[dict[str, Any]] = [*calls(60), {"id": "timeless"}]
    with served(spark, rows, cap=100, emit_timeless=True):
        assert read(spark).count() == 61
        assert read(spark).where("start_time IS NULL").count() == 1
        assert read(spark, since="2026-01-01").count() == 60


# --- rate, failures and repeats


def test_the_rate_is_shared(spark: SparkSession) -> None:
    rows = calls(1_200, every=timedelta(minutes=7))
    # What each task is given is tested without Spark, exactly; this shows no more than that it works with a margin.
    with served(spark, rows, cap=30, rate_per_second=28) as simulator:
        register(spark, simulator, requests_per_second=20)
        assert read(spark, since="2026-03-01", until="2026-03-08").count() == 1_200 - 26
        assert outcomes(simulator).count(429) <= 4
        assert len(outcomes(simulator)) >= 40


def test_a_task_that_is_run_again_doubles_nothing(spark: SparkSession) -> None:
    with served(spark, calls(400), cap=50) as simulator:
        register(spark, simulator, retries=0)
        frame = read(spark, partitions="4")
        assert frame.rdd.getNumPartitions() == 4
        simulator.behaviour.faults = [Fault("status", after=5, status=503)]
        assert len(ids_of(frame)) == 400
        assert 503 in outcomes(simulator)


@pytest.mark.parametrize(
    ("behaviour", "error", "advice"),
    [
        ({"token_state": "expired"}, "AuthenticationError", "set a new VIDESK_API_TOKEN"),
        ({"faults": [Fault("status", times=None, status=503)]}, "ServerError", "try later"),
        ({"faults": [Fault("out_of_range", times=None)]}, "OutOfRangeError", "Please report this"),
    ],
)
def test_a_failure_is_said_with_what_to_do(
    spark: SparkSession, behaviour: dict[str, Any], error: str, advice: str
) -> None:
    with served(spark, calls(40), **behaviour) as simulator:
        register(spark, simulator, retries=0)
        frame = read(spark, since="2026-03-01", until="2026-03-02")
        with pytest.raises(Exception, match=f"(?s){error}.*{advice}") as caught:
            frame.count()
        assert API_TOKEN not in str(caught.value)


def test_a_failure_in_the_midst_gives_no_rows(spark: SparkSession) -> None:
    with served(spark, calls(400), cap=50) as simulator:
        register(spark, simulator, retries=0)
        frame = read(spark, partitions="4")
        assert frame.rdd.getNumPartitions() == 4
        simulator.behaviour.faults = [Fault("status", times=None, after=6, status=500)]
        with pytest.raises(Exception, match=r"(?s)ServerError.*status 500"):
            frame.toArrow()


def test_a_read_that_is_too_large_is_refused_with_the_way_out(spark: SparkSession) -> None:
    with served(spark, calls(400), cap=30) as simulator:
        register(spark, simulator, scan_budget=10)
        with pytest.raises(Exception, match=r"(?s)LargeScanError.*option\('since'"):
            read(spark).count()
        with pytest.raises(Exception, match=r"(?s)RequestLimitError.*max_requests"):
            read(spark, unbounded_scans="allow", max_requests="12").count()


# --- kept days


def test_spark_reads_the_kept_days(spark: SparkSession, account: Simulator, tmp_path: Path) -> None:
    with duckdb_videsk.connect(
        token=API_TOKEN, base_url=account.url, time_zone=ZONE, requests_per_second=1_000, lake=True, lake_dir=tmp_path
    ) as con:
        forms = ", ".join(f"'{one}'" for one in account._exports._source.parameters("form"))
        days = "'2026-03-20 00:00:00Z' AND '2026-03-30 23:59:59Z'"
        con.sql(f"FROM videsk.calls WHERE start_time BETWEEN {days}").fetchall()
        con.sql(f"FROM videsk.forms WHERE form IN ({forms}) AND created_at BETWEEN {days}").fetchall()
    (folder,) = tmp_path.iterdir()
    by_day = next(folder.glob("calls/month=*/*.parquet"))
    recent = folder / "calls" / ".recent" / by_day.parent.name
    recent.mkdir(parents=True)
    (recent / by_day.name).write_bytes(by_day.read_bytes())
    by_day.with_name(f".{by_day.stem}.damaged").write_bytes(by_day.read_bytes())
    register(spark, account)

    kept_calls = spark.read.parquet(str(folder / "calls"))
    kept_forms = spark.read.option("recursiveFileLookup", "true").parquet(str(folder / "forms"))
    with duckdb.connect() as con:
        expected = con.sql(f"FROM read_parquet('{folder}/calls/*/*.parquet')")
        assert kept_calls.columns == expected.columns
        assert rows_of(kept_calls) == in_order(expected.fetchall())
        expected = con.sql(f"FROM read_parquet('{folder}/forms/*/*/*.parquet', hive_partitioning = false)")
        assert rows_of(kept_forms) == in_order(expected.fetchall())
    assert {row.month for row in kept_calls.select("month").distinct().collect()} == {"2026-03"}
    assert kept_forms.select("form").distinct().count() == 2
    for kept, live in ((kept_calls.drop("month"), read(spark)), (kept_forms, read(spark, "forms", forms="x"))):
        assert types_of(kept) == types_of(live)


def types_of(frame: DataFrame) -> list[tuple[str, Any]]:
    return [(field.name, field.dataType) for field in frame.schema]


# --- ways to register and to ask


def test_the_data_source_alone_has_the_settings_of_the_process_that_plans(
    spark: SparkSession, account: Simulator
) -> None:
    from duckdb_videsk.spark import VideskDataSource  # noqa: PLC0415 - not every machine has PySpark

    spark.dataSource.register(VideskDataSource)
    options = {"base_url": account.url, "since": "2026-04-01", "until": "2026-04-02"}
    with pytest.raises(Exception, match=r"(?s)MissingTokenError.*VIDESK_API_TOKEN"):
        read(spark, **options)
    with pytest.raises(Exception, match=r"(?s)ConfigError.*The token is no option"):
        read(spark, token=API_TOKEN, **options)


def test_sql(spark: SparkSession, account: Simulator) -> None:
    register(spark, account)
    spark.sql(
        "CREATE OR REPLACE TEMPORARY VIEW april USING videsk "
        "OPTIONS (table 'tags', since '2026-04-01', until '2026-04-05')"
    )
    ((counted,),) = spark.sql("SELECT count(*) FROM april WHERE start_time < '2026-04-03'").collect()
    assert counted == account.count(
        "tags", start=datetime(2026, 4, 1, 3, tzinfo=UTC), end=datetime(2026, 4, 3, 3, tzinfo=UTC)
    )


def test_another_schema_is_refused(spark: SparkSession, account: Simulator) -> None:
    register(spark, account)
    with pytest.raises(Exception, match=r"(?s)ConfigError.*The schema of calls is fixed"):
        spark.read.format("videsk").schema("id string").load("calls").count()


def test_the_token_shows_nowhere(
    spark: SparkSession, account: Simulator, events: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    register(spark, account)
    frame = read(spark, since="2026-04-01", until="2026-04-05").where("start_time < '2026-04-03'")
    assert frame.count()
    frame.explain(True)
    frame.explain("formatted")
    plan = frame._jdf.queryExecution().toString()
    shown = capfd.readouterr()
    assert "BatchScan videsk" in plan
    assert "BatchScan videsk" in shown.out
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    log = b"".join(file.read_bytes() for file in events.rglob("*") if file.is_file())
    settings = repr(spark.sparkContext.getConf().getAll()) + repr(spark.sql("SET").collect())
    assert b"SparkListenerTaskEnd" in log
    for text in (plan, shown.out, shown.err, settings, repr(frame), log.decode()):
        assert API_TOKEN not in text


# --- documentation

ROOT = Path(__file__).parents[1]
EXAMPLES = [
    pytest.param(text, id=f"{name}:{number}")
    for name in ("README.md", "docs/spark.md")
    for number, text in enumerate(re.findall(r"(?ms)^```py\n(.*?)^```$", (ROOT / name).read_text("utf-8")))
]
NAMES: dict[str, Any] = {"__name__": "reader"}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples(
    spark: SparkSession,
    account: Simulator,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name, value in {"API_TOKEN": API_TOKEN, "BASE_URL": account.url, "TIME_ZONE": ZONE}.items():
        monkeypatch.setenv(f"VIDESK_{name}", value)
    monkeypatch.setenv("VIDESK_LAKE_DIR", str(tmp_path))
    if "lake" in text:
        with duckdb_videsk.connect(lake=True) as con:
            con.execute("SELECT count(*) FROM videsk.calls(since := '2026-03-20', until := '2026-03-21')")
    exec(compile(text, "spark.md", "exec"), NAMES | {"spark": spark})  # noqa: S102 - it is ours
    assert ".show()" not in text or "|" in capfd.readouterr().out
