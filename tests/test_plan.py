"""The price of a query, told without asking the API."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

import duckdb_videsk
from duckdb_videsk.cli import main
from duckdb_videsk.errors import MissingIdError, QueryError
from duckdb_videsk.plans import PLAN_SCHEMA, QueryPlan
from duckdb_videsk.ranges import DAY, EVER, Range, micros
from duckdb_videsk.simulator import Behaviour, Records, Simulator

START = datetime(2026, 10, 5, tzinfo=UTC)
CAP = 50


def calls(count):
    moments = [START + n * timedelta(minutes=7) for n in range(count)]
    return [
        {"id": f"{int(at.timestamp()):08x}{n:016x}", "startTime": at, "agent": "a"} for n, at in enumerate(moments)
    ]


@pytest.fixture(scope="module")
def simulator():
    with Simulator(Records({"calls": list(calls(2_017))}), behaviour=Behaviour(cap=CAP)) as running:
        yield running


@contextmanager
def connected(simulator, **settings):
    chosen = {"time_zone": "UTC", **settings}
    with duckdb_videsk.connect(token=simulator.token, base_url=simulator.url, **chosen) as con:
        yield con


@pytest.fixture(scope="module")
def con(simulator):
    with connected(simulator) as connection:
        yield connection


def days(first, last):
    return Range(micros(datetime(2026, *first, tzinfo=UTC)), micros(datetime(2026, *last, tzinfo=UTC)))


OCTOBER_6 = days((10, 6), (10, 7))
ONE_DAY = [
    "SELECT count(*) FROM videsk.calls WHERE start_time::date = '2026-10-06'",
    "FROM videsk.calls WHERE start_time >= '2026-10-06' AND start_time < '2026-10-07'",
    """SELECT * FROM videsk.es.llamadas AS l WHERE strftime(l."Inicio", '%Y-%m-%d') = '2026-10-06'""",
    "FROM videsk.calls(since := '2026-10-06', until := '2026-10-07')",
    "FROM videsk.es.llamadas(since := '2026-10-06', until := '2026-10-07')",
    "WITH c AS (FROM videsk.main.calls) SELECT * FROM c WHERE start_time::date = '2026-10-06'",
    "CREATE TABLE kept AS SELECT id FROM videsk.calls WHERE start_time::date = '2026-10-06'",
    "COPY (SELECT id FROM videsk.calls WHERE start_time::date = '2026-10-06') TO 'nowhere/calls.csv'",
    'EXPLAIN SELECT id FROM "videsk"."calls" WHERE start_time::date = \'2026-10-06\'',
    "SUMMARIZE SELECT * FROM videsk.calls WHERE start_time::date = '2026-10-06'",
]


@pytest.mark.parametrize("query", ONE_DAY)
def test_the_range_of_one_day(con, query):
    (scan,) = con.plan(query).scans
    assert (scan.table, scan.id, scan.ranges, scan.first) == ("calls", None, (OCTOBER_6,), None)
    assert len(scan.because) == 1


def test_nothing_is_asked_and_nothing_is_left_behind(con):
    before = con.execute("SELECT database_name FROM duckdb_databases() ORDER BY ALL").fetchall()
    for query in ONE_DAY:
        con.plan(query)
    assert con.execute("SELECT count(*) FROM videsk.requests").fetchall() == [(0,)]
    assert con.execute("SELECT database_name FROM duckdb_databases() ORDER BY ALL").fetchall() == before
    assert "kept" not in [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def test_every_read_of_a_join_is_there(con):
    con.execute("CREATE OR REPLACE TABLE teams AS SELECT 'a' AS agent")
    plan = con.plan("""
        SELECT count(*) FROM videsk.calls c JOIN videsk.queues q ON q.id = c.queue JOIN teams USING (agent)
        WHERE c.start_time::date = '2026-10-06' AND NOT EXISTS (FROM videsk.tags t WHERE t.id = c.id)
    """)
    assert {scan.table: scan.ranges for scan in plan.scans} == {
        "calls": (OCTOBER_6,),
        "queues": (EVER,),
        "tags": (EVER,),
    }
    assert plan.requests is None
    assert "requests unknown" in str(plan)
    (queues,) = [scan for scan in plan.scans if scan.table == "queues"]
    assert any("BETWEEN" in hint or "<=" in hint or ">=" in hint for hint in queues.hints)


def test_parameters_and_the_connections_time_zone(con):
    con.execute("SET TimeZone = 'America/Santiago'")
    try:
        (scan,) = con.plan("FROM videsk.calls WHERE start_time::date = ?", ["2026-10-06"]).scans
    finally:
        con.execute("SET TimeZone = 'UTC'")
    offset = 3 * 3_600_000_000
    assert scan.ranges == (Range(OCTOBER_6.start + offset, OCTOBER_6.end + offset),)


def test_the_latest(con):
    (scan,) = con.plan("FROM videsk.calls ORDER BY start_time DESC LIMIT 10").scans
    assert (scan.first, scan.requests) == ("newest", 1)
    (scan,) = con.plan("SELECT min(start_time), max(start_time) FROM videsk.calls").scans
    assert (scan.first, scan.requests) == ("both", 2)


def test_the_price_is_known_once_days_have_been_read(simulator, tmp_path):
    with connected(simulator, cache_dir=tmp_path, requests_per_second=10_000) as con:
        con.execute("SELECT count(*) FROM videsk.calls").fetchall()
        con.execute("SELECT count(*) FROM videsk.calls").fetchall()
    with connected(simulator, cache_dir=tmp_path) as con:
        plan = con.plan("FROM videsk.calls WHERE start_time >= '2026-10-06' AND start_time < '2026-10-10'")
        (scan,) = plan.scans
        rows = 4 * 24 * 60 / 7
        assert scan.rows == pytest.approx(rows, rel=0.02)
        assert scan.requests == pytest.approx(rows / CAP, abs=2)
        assert scan.seconds == scan.requests / 20
        assert plan.requests == scan.requests
        assert f"about {scan.requests} requests, about {scan.rows} records" in str(plan)


def test_what_is_kept_costs_nothing(simulator, tmp_path):
    query = "SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-10-06' AND start_time < '2026-10-08'"
    with connected(simulator, lake=True, lake_dir=tmp_path, requests_per_second=10_000) as con:
        con.execute(query).fetchall()
        (scan,) = con.plan(query).scans
        assert scan.kept == (days((10, 6), (10, 8)),)
        assert (scan.requests, scan.rows) == (0, 0)
        (scan,) = con.plan(query.replace("10-08", "10-09")).scans
        assert scan.kept == (days((10, 6), (10, 8)),)
        assert scan.requests != 0
        assert "kept    2 days" in str(con.plan(query))


def test_as_a_table(con):
    found = con.plan(
        "FROM videsk.calls WHERE start_time IN ('2026-10-06', '2026-10-08') OR start_time > '2027-01-01'"
    ).table()
    assert found.schema == PLAN_SCHEMA
    assert found.num_rows == 3
    assert duckdb.sql("SELECT count(*) FROM found WHERE range_until IS NULL").fetchall() == [(1,)]


def test_ids_of_forms(simulator):
    with connected(simulator, forms=["a", "b"]) as con:
        scans = con.plan("FROM videsk.forms WHERE created_at::date = '2026-10-06'").scans
        assert [(scan.id, scan.ranges) for scan in scans] == [("a", (OCTOBER_6,)), ("b", (OCTOBER_6,))]
    with connected(simulator) as con, pytest.raises(MissingIdError):
        con.plan("FROM videsk.forms")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("DROP TABLE nothing", QueryError),
        ("FROM videsk.form('x')", QueryError),
        ("SELECT nothing FROM videsk.calls", duckdb.BinderException),
        ("SELEC 1", QueryError),
        ("FROM mine", QueryError),
    ],
)
def test_what_cannot_be_planned_says_so_and_asks_nothing(con, query, error):
    con.execute("CREATE OR REPLACE VIEW mine AS FROM videsk.calls")
    before = con.execute("SELECT count(*) FROM videsk.requests").fetchall()
    with pytest.raises(error) as caught:
        con.plan(query)
    assert "rehearsal" not in str(caught.value)
    assert con.execute("SELECT count(*) FROM videsk.requests").fetchall() == before
    assert con.execute("SELECT count(*) FROM videsk.calls(until := '2026-10-05 06:00')").fetchall()[0][0] > 50


def test_within_a_transaction_and_beside_an_open_result(con):
    con.execute("CREATE OR REPLACE TABLE mine_too (n INT)")
    con.execute("BEGIN")
    con.execute("INSERT INTO mine_too VALUES (1)")
    for query in ("SELECT max(start_time)::VARCHAR FROM videsk.calls", ONE_DAY[0]):
        for _ in range(2):
            assert [scan.table for scan in con.plan(query).scans] == ["calls"]
    with pytest.raises(MissingIdError):
        con.plan("FROM videsk.forms")
    con.execute("COMMIT")
    assert con.execute("FROM mine_too").fetchall() == [(1,)]
    con.execute("FROM range(5)")
    assert con.fetchone() == (0,)
    con.plan(ONE_DAY[0])
    assert con.fetchall() == [(1,), (2,), (3,), (4,)]


def test_threads_plan_at_once(con):
    with ThreadPoolExecutor(3) as threads:
        plans = list(threads.map(lambda _: con.cursor().plan(ONE_DAY[0]), range(9)))
    assert {plan.scans[0].ranges for plan in plans} == {(OCTOBER_6,)}


@pytest.mark.parametrize(
    ("query", "scans"),
    [
        ("SELECT videsk.requests.rows FROM videsk.main.requests", 0),
        ("FROM videsk.coverage, videsk.calls WHERE start_time::date = '2026-01-01'", 1),
        ("SELECT videsk.calls.id FROM videsk.calls JOIN videsk.requests ON videsk.requests.id = videsk.calls.id", 1),
    ],
)
def test_what_a_catalog_tells_of_itself_is_no_read_of_the_api(con, query, scans):
    assert len(con.plan(query).scans) == scans


def test_a_query_that_reads_nothing(con):
    plan = con.plan("SELECT 1")
    assert plan == QueryPlan((), ZoneInfo("UTC"))
    assert str(plan) == "Nothing is read from the API."
    assert plan.requests == 0


def test_on_the_command_line(simulator, monkeypatch, capsys):
    monkeypatch.setenv("VIDESK_API_TOKEN", simulator.token)
    command = ["plan", ONE_DAY[0], "--base-url", simulator.url, "--time-zone", "UTC"]
    assert main(command) == 0
    assert "  reads   from 2026-10-06 00:00:00+00:00 to 2026-10-07 00:00:00+00:00\n" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["table_name"] == "calls"
    assert OCTOBER_6.length == DAY


@pytest.mark.parametrize(
    ("use", "query"),
    [
        ("videsk", "SELECT count(*) FROM calls WHERE start_time::date = '2026-10-06'"),
        ("videsk", "SELECT count(*) FROM main.calls WHERE main.calls.start_time::date = '2026-10-06'"),
        ("videsk.es", """FROM llamadas WHERE "Inicio"::date = '2026-10-06'"""),
    ],
)
def test_names_are_looked_up_where_the_session_looks(simulator, use, query):
    with connected(simulator, lake=False) as own:
        own.execute(f"USE {use}")
        (scan,) = own.plan(query).scans
        assert scan.ranges == (OCTOBER_6,)
