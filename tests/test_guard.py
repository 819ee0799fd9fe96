"""What a query may cost: warnings, refusals and limits, over a real server."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

import duckdb_videsk
from duckdb_videsk.errors import ConfigError, LargeScanError, RequestLimitError
from duckdb_videsk.guard import Allowance, Guard, LargeScanWarning
from duckdb_videsk.simulator import Behaviour, Records, Simulator

START = datetime(2026, 10, 5, tzinfo=UTC)


def calls(count):
    moments = [START + n * timedelta(minutes=7) for n in range(count)]
    return [
        {"id": f"{int(at.timestamp()):08x}{n:016x}", "startTime": at, "agent": "a"} for n, at in enumerate(moments)
    ]


@pytest.fixture(scope="module")
def simulator():
    with Simulator(Records({"calls": calls(2_017), "queues": []}), behaviour=Behaviour(cap=50)) as running:
        yield running


@contextmanager
def connected(simulator, **settings):
    chosen = {"requests_per_second": 10_000, "time_zone": "UTC", **settings}
    with duckdb_videsk.connect(token=simulator.token, base_url=simulator.url, **chosen) as con:
        yield con


COUNT = "SELECT count(*) FROM videsk.calls"


def asked(con):
    return con.execute("SELECT count(*) FROM videsk.requests").fetchall()[0][0]


def test_a_large_scan_is_told_of_and_goes_on(simulator):
    with connected(simulator, scan_budget=20) as con:
        with pytest.warns(LargeScanWarning, match=r"videsk\.calls takes about \d\d requests.*start_time >= "):
            found = con.execute(COUNT).fetchall()
        assert found == [(2_017,)]


def test_a_large_scan_can_be_refused(simulator):
    with connected(simulator, scan_budget=20, unbounded_scans="refuse") as con:
        with pytest.raises(LargeScanError, match="unbounded_scans='allow'"):
            con.execute(COUNT).fetchall()
        assert asked(con) <= 10


@pytest.mark.parametrize("settings", [{"scan_budget": 20, "unbounded_scans": "allow"}, {"scan_budget": 60}, {}])
def test_what_is_allowed_or_within_the_budget_is_quiet(simulator, settings):
    with connected(simulator, **settings) as con:
        assert con.execute(COUNT).fetchall() == [(2_017,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM (SELECT agent FROM videsk.calls LIMIT 10)",
        "SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-10-05' AND start_time < '2026-10-07'",
        "SELECT count(*) FROM videsk.queues",
    ],
)
def test_a_small_scan_of_a_large_table_passes(simulator, query):
    with connected(simulator, scan_budget=12, unbounded_scans="refuse") as con:
        con.execute(query).fetchall()


def test_the_size_is_known_beforehand_from_an_earlier_run(simulator, tmp_path):
    with connected(simulator, cache_dir=tmp_path) as con:
        con.execute(COUNT).fetchall()
    with connected(simulator, cache_dir=tmp_path, scan_budget=20, unbounded_scans="refuse") as con:
        with pytest.raises(LargeScanError):
            con.execute(COUNT).fetchall()
        assert asked(con) <= 10


def test_foreign_connections_refuse_unless_told_otherwise(simulator):
    given = {"token": simulator.token, "base_url": simulator.url, "requests_per_second": 10_000}
    with duckdb.connect() as native:
        duckdb_videsk.attach(native, scan_budget=20, **given)
        with pytest.raises(duckdb.Error, match=r"LargeScanError.*FROM videsk\.calls\(since := "):
            native.execute(COUNT).fetchall()
        with ThreadPoolExecutor(1) as other, pytest.raises(duckdb.Error, match="LargeScanError"):
            other.submit(lambda: native.cursor().execute(COUNT).fetchall()).result()
        bounded = f"{COUNT}(since := '2026-10-05', until := '2026-10-06')"
        assert native.execute(bounded).fetchall()[0][0] > 100
    with duckdb.connect() as native:
        duckdb_videsk.attach(native, scan_budget=20, unbounded_scans="allow", **given)
        assert native.execute(COUNT).fetchall() == [(2_017,)]


def test_the_native_connection_of_ours_is_foreign_too(simulator):
    with connected(simulator, scan_budget=20) as con, pytest.raises(duckdb.Error, match="LargeScanError"):
        con.native.execute(COUNT).fetchall()


def test_a_query_may_be_given_a_number_of_requests(simulator):
    with connected(simulator, max_requests=10) as con:
        with pytest.raises(RequestLimitError, match="more than 10 requests"):
            con.execute(COUNT).fetchall()
        assert asked(con) == 10
        assert con.execute(f"{COUNT}(until := '2026-10-05 06:00')").fetchall()[0][0] > 50
        con.max_requests = None
        assert con.execute(COUNT).fetchall() == [(2_017,)]
        con.max_requests = 3
        assert con.cursor().max_requests == 3
        with pytest.raises(RequestLimitError):
            con.sql(COUNT).fetchall()
        with pytest.raises(ConfigError):
            con.max_requests = 0


def test_the_number_holds_for_all_scans_of_a_query_and_anew_for_the_next(simulator):
    day = "FROM videsk.calls(since := '2026-10-05', until := '2026-10-05 12:00')"
    with connected(simulator) as con:
        con.execute(f"SELECT count(*) {day}").fetchall()
        once = asked(con)
        con.max_requests = once + 1
        con.execute(f"SELECT count(*) {day}").fetchall()
        con.execute(f"SELECT count(*) {day}").fetchall()
        with pytest.raises(RequestLimitError):
            con.execute(
                f"SELECT count(*)::text {day} UNION ALL SELECT max(id) {day.replace('12:00', '11:00')}"
            ).fetchall()


def test_foreign_connections_have_the_number_for_each_scan(simulator):
    with duckdb.connect() as native:
        duckdb_videsk.attach(native, token=simulator.token, base_url=simulator.url, max_requests=5)
        with pytest.raises(duckdb.Error, match="RequestLimitError"):
            native.execute(COUNT).fetchall()


def test_an_allowance_is_exact_over_threads():
    allowance, refused = Allowance(1_000), []

    def take():
        for _ in range(400):
            try:
                allowance.take("calls")
            except RequestLimitError:
                refused.append(1)

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1_000


@pytest.mark.parametrize(("requests", "said"), [(1_001, "50 seconds"), (5_000, "4 minutes"), (400_000, "5.6 hours")])
def test_how_long_it_would_take(requests, said):
    with pytest.raises(LargeScanError, match=said):
        Guard(policy="refuse").weigh("calls", "start_time", requests)


@pytest.mark.parametrize("settings", [{"unbounded_scans": "perhaps"}, {"scan_budget": 0}, {"max_requests": 0}])
def test_settings_of_the_guard_are_checked(settings):
    with pytest.raises(ConfigError):
        duckdb_videsk.connect(token="t" * 8, **settings)
