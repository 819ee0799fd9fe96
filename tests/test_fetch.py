"""Scans against a real server: how many requests, what survives, what raises, and what is left behind."""

import gc
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from duckdb_videsk.client import Request
from duckdb_videsk.decode import Answer
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import (
    AuthenticationError,
    BadRequestError,
    ClockError,
    ClosedError,
    ConnectionFailedError,
    CrowdedInstantError,
    ForbiddenError,
    IncompleteError,
    OrderError,
    OutOfRangeError,
    RateLimitError,
    ResponseError,
    ServerError,
    SilentCutError,
    UnplacedRowError,
    VideskError,
)
from duckdb_videsk.fetch import Engine
from duckdb_videsk.fetch.audit import Doubts
from duckdb_videsk.fetch.proof import judge
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, as_datetime, micros
from duckdb_videsk.settings import load_settings
from duckdb_videsk.simulator import Behaviour, Fault, Records, Simulator

TABLES = by_table()
START = datetime(2026, 10, 5, tzinfo=UTC)
TEN_DAYS = Range(micros(START), micros(START) + 10 * DAY)


def object_id(moment, number):
    return f"{int(moment.timestamp()):08x}{number:016x}"


def calls(count, *, every=timedelta(minutes=7), start=START, shift=timedelta()):
    return [
        {"id": object_id(moment, n), "startTime": moment + shift, "agent": "a"}
        for n in range(count)
        for moment in [start + n * every]
    ]


ROWS = calls(2_000)


@contextmanager
def served(rows=ROWS, *, endpoint="calls", settings=None, **behaviour):
    with Simulator(Records({endpoint: rows}), behaviour=Behaviour(**behaviour)) as sim:
        chosen = {"requests_per_second": 10_000, "concurrency": 4, **(settings or {})}
        engine = Engine(load_settings(token=sim.token, base_url=sim.url, **chosen), ledger=Ledger())
        try:
            yield sim, engine
        finally:
            engine.close()
    gc.collect()


def read(engine, *ranges, table="calls", **options):
    scan = engine.scan(TABLES[table], ranges or [TEN_DAYS], **options)
    try:
        return [row for batch in scan for row in batch.to_pylist()]
    finally:
        scan.close()


def ids(rows):
    return Counter(row["id"] for row in rows)


def within(rows, span, key="startTime"):
    return Counter(row["id"] for row in rows if micros(row[key]) in span)


def test_a_day_that_fits_is_one_request_as_documented():
    with served(settings={"forms": ("x",)}) as (sim, engine):
        day = Range(TEN_DAYS.start + DAY, TEN_DAYS.start + 2 * DAY)
        assert ids(read(engine, day)) == within(ROWS, day)
        (asked,) = sim.asked
    assert (asked.start_text, asked.end_text) == ("2026-10-05T23:59:59Z", "2026-10-07T00:00:01Z")
    assert (asked.sort, asked.timezone) == (1, "UTC")
    assert asked.keys["startTime"] == "startTime"
    assert asked.keys["topicScore"] == "topicScore"


def test_own_keys_only_is_for_servers_that_refuse_others():
    with served(rejects_unknown_keys=True) as (_, engine), pytest.raises(BadRequestError):
        read(engine)
    with served(rejects_unknown_keys=True, settings={"own_keys_only": True}) as (_, engine):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)


def test_nothing_is_asked_before_the_first_batch_is_wanted():
    with served() as (sim, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        time.sleep(0.05)
        assert sim.asked == []
        scan.close()


def test_an_empty_set_of_ranges_asks_nothing():
    with served() as (sim, engine):
        assert read(engine, Range(5, 5)) == []
        assert sim.asked == []


@pytest.mark.parametrize("cap", [50, 333, 1_999, 5_000])
def test_unbounded_reads_everything_from_both_ends(cap):
    with served(cap=cap) as (sim, engine):
        assert ids(read(engine, EVER)) == ids(ROWS)
        assert sorted(asked.sort for asked in sim.asked[:2]) == [-1, 1]
        assert len(sim.asked) <= 1.15 * -(-len(ROWS) // cap) + 4


def test_the_future_is_read_too():
    ahead = calls(50, start=datetime.now(UTC).replace(microsecond=0) + timedelta(days=30), every=timedelta(days=1))
    with served(ahead, cap=9) as (_, engine):
        assert ids(read(engine, Range(TEN_DAYS.start, EVER.end))) == ids(ahead)


def test_a_reader_who_stops_early_costs_one_request():
    with served(cap=100) as (sim, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        next(scan)
        next(scan)
        time.sleep(0.1)
        scan.close()
        assert len(sim.asked) == 1


def test_a_cap_that_changes_between_answers():
    with served(cap_schedule=[70, 500, 3, 40, 1_000, 64] * 40) as (_, engine):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)


def test_each_request_is_in_the_log_with_the_scans_number():
    with served(cap=300) as (sim, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        rows = sum(batch.num_rows for batch in scan)
        log = engine.account.ledger.table().to_pylist()
        assert len(log) == len(sim.asked)
        assert {entry["query"] for entry in log} == {scan.number}
        assert sum(entry["rows"] for entry in log) >= rows
        assert all(entry["status"] == 201 and entry["cap"] == 300 and entry["attempts"] == 1 for entry in log)


def test_scans_side_by_side():
    with served(cap=100, settings={"concurrency": 8}) as (_, engine):
        results = {}
        threads = [
            threading.Thread(target=lambda n=n: results.__setitem__(n, ids(read(engine, EVER)))) for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(result == ids(ROWS) for result in results.values())
        assert len(results) == 5


@pytest.mark.parametrize("accepts", ["x-api-token", "authorization"])
def test_the_header_is_a_setting(accepts):
    header = {"x-api-token": "X-API-Token", "authorization": "Authorization"}
    other = {"x-api-token": "Authorization", "authorization": "X-API-Token"}
    with served(accepts=accepts, settings={"auth_header": header[accepts]}) as (_, engine):
        assert read(engine)
    with served(accepts=accepts, settings={"auth_header": other[accepts]}) as (_, engine):
        with pytest.raises(AuthenticationError) as caught:
            read(engine)
        assert "sim-token" not in str(caught.value)


RECOVERED = ["status", "html", "reset", "cut", "cut_json", "bad_json", "nan", "bad_utf8", "slow", "empty", "no_limit"]


@pytest.mark.parametrize("kind", RECOVERED)
def test_a_passing_fault_is_survived(kind):
    faults = [Fault(kind, times=2, after=1)]
    with served(cap=400, faults=faults, settings={"retries": 4}) as (sim, engine):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)
        assert sum(asked.fault == kind for asked in sim.asked) == 2


LASTING = [
    (Fault("status", times=None), ServerError),
    (Fault("status", times=None, status=500), ServerError),
    (Fault("html", times=None, status=502), ServerError),
    (Fault("html", times=None, status=201), ResponseError),
    (Fault("reset", times=None), ConnectionFailedError),
    (Fault("cut", times=None), ConnectionFailedError),
    (Fault("cut_json", times=None), ResponseError),
    (Fault("bad_json", times=None), ResponseError),
    (Fault("nan", times=None), ResponseError),
    (Fault("bad_utf8", times=None), ResponseError),
    (Fault("empty", times=None), ResponseError),
    (Fault("no_limit", times=None), ResponseError),
    (Fault("not_object", times=None), ResponseError),
    (Fault("slow", times=None, delay_s=2), ConnectionFailedError),
    (Fault("status", times=None, status=429), RateLimitError),
]


@pytest.mark.parametrize(("fault", "error"), LASTING)
def test_a_lasting_fault_is_a_typed_error(fault, error):
    settings = {"retries": 1, "timeout_seconds": 0.3}
    with served(faults=[fault], settings=settings) as (sim, engine), pytest.raises(error) as caught:
        read(engine)
    assert caught.value.endpoint == "calls"
    assert caught.value.attempt == 2
    assert len(sim.asked) == 2


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"token_state": "expired"}, AuthenticationError),
        ({"token_state": "malformed"}, AuthenticationError),
        ({"token_state": "forbidden"}, ForbiddenError),
        ({"faults": [Fault("status", times=None, status=400)]}, BadRequestError),
        ({"faults": [Fault("redirect", times=None)]}, ResponseError),
        ({"faults": [Fault("out_of_range", times=None)]}, OutOfRangeError),
    ],
)
def test_what_cannot_succeed_is_not_tried_again(behaviour, error):
    with served(**behaviour) as (sim, engine), pytest.raises(error):
        read(engine)
    assert len(sim.asked) == 1


def test_a_token_that_expires_half_way_gives_no_partial_result():
    with (
        served(cap=100, expires_after_requests=5) as (_, engine),
        pytest.raises(AuthenticationError, match="expired"),
    ):
        read(engine)


def test_a_body_that_never_ends_is_dropped_at_the_size_limit():
    settings = {"max_answer_bytes": 200_000, "retries": 3}
    with served(faults=[Fault("endless", times=None)], settings=settings) as (sim, engine):
        with pytest.raises(ResponseError, match="max_answer_bytes"):
            read(engine)
        assert len(sim.asked) == 1


def test_a_body_that_drips_is_given_up():
    settings = {"timeout_seconds": 0.1, "retries": 0}
    with served(faults=[Fault("drip", times=None, delay_s=0.09)], settings=settings) as (_, engine):
        began = time.monotonic()
        with pytest.raises(ConnectionFailedError):
            read(engine)
        assert time.monotonic() - began < 10


def test_no_server_at_all():
    engine = Engine(load_settings(token="t", base_url="http://127.0.0.1:9", retries=1), ledger=Ledger())
    try:
        with pytest.raises(ConnectionFailedError, match="base_url"):
            read(engine)
    finally:
        engine.close()


def test_a_proxy_of_the_environment_is_not_for_this_machine(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with served() as (_, engine):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)


def test_bad_weather():
    kinds = ("status", "html", "reset", "cut", "cut_json", "bad_json", "slow")
    with served(cap=12, fault_rate=0.1, fault_kinds=kinds, settings={"concurrency": 8}) as (sim, engine):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)
        assert sum(asked.fault is not None for asked in sim.asked) > 5


def test_the_rate_limit_is_kept_by_itself():
    with served(cap=60, rate_per_second=20, settings={"requests_per_second": 20, "concurrency": 8}) as (sim, engine):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)
        assert sum(asked.status == 429 for asked in sim.asked) <= len(sim.asked) / 100


def test_429_pauses_and_goes_on():
    with served(cap=200, rate_per_second=5, settings={"requests_per_second": 1_000, "concurrency": 8}) as (
        sim,
        engine,
    ):
        assert ids(read(engine)) == within(ROWS, TEN_DAYS)
        assert sum(asked.status == 429 for asked in sim.asked) <= 8


@pytest.mark.parametrize("zone", ["America/Santiago", "Asia/Kathmandu"])
def test_times_in_another_zone_are_noticed(zone):
    span = Range(TEN_DAYS.start, TEN_DAYS.end)
    wrong = {"honours_timezone": False, "prints_in": zone, "cap": 5_000}
    with served(**wrong) as (_, engine), pytest.raises((ClockError, OutOfRangeError)):
        read(engine, span)


def test_a_shift_inside_the_range_is_seen_by_the_ids():
    few = calls(40, start=START + timedelta(days=4), every=timedelta(minutes=3))
    with served(few, honours_timezone=False) as (_, engine):
        with pytest.raises(ClockError, match="hours off"):
            read(engine)
        wait_until(lambda: not left_behind(()))
        with pytest.raises(ClockError):
            read(engine, table="ai_topics")


def test_a_clock_fault_stays_until_ids_prove_the_clock_right():
    few = calls(40, start=START + timedelta(days=4), every=timedelta(minutes=3))
    strangers = [{**row, "id": f"call {n}"} for n, row in enumerate(few)]
    with served(few, honours_timezone=False) as (sim, engine):
        with pytest.raises(ClockError):
            read(engine)
        sim.source = Records({"calls": strangers, "appointments": strangers})
        sim._exports = type(sim._exports)(sim.source)
        assert len(read(engine)) == 40
        with pytest.raises(ClockError):
            read(engine, table="appointments")


def test_an_import_on_another_export_is_only_its_own_matter():
    late = [{**row, "createdAt": row["startTime"] + timedelta(hours=3)} for row in ROWS[:40]]
    with Simulator(Records({"comments": late, "appointments": ROWS})) as sim:
        engine = Engine(load_settings(token=sim.token, base_url=sim.url), ledger=Ledger())
        try:
            with pytest.raises(ClockError):
                read(engine, table="comments")
            assert read(engine, table="appointments")
        finally:
            engine.close()


@pytest.mark.parametrize("printed", ["06-10-2026, 15:04:05", "6/10/2026, 3:04:05 p. m.", 1_791_000_000_000.5, ["x"]])
def test_times_in_a_form_not_known_are_not_taken_for_none(printed):
    rows = [*ROWS[:5], {"id": "a" * 24, "startTime": printed}]
    with served(rows, emit_timeless=True) as (_, engine), pytest.raises(ResponseError, match="startTime"):
        read(engine)


def test_times_under_an_unknown_label_are_not_taken_for_none():
    rows = [{"id": row["id"], "Fecha de inicio": "2026-10-06 10:00:00"} for row in ROWS[:5]]
    with served(rows, emit_timeless=True) as (_, engine), pytest.raises(ResponseError, match="startTime"):
        read(engine)


def test_placeholder_times_at_the_ends_of_time_are_kept():
    ends = [datetime(1, 1, 1, tzinfo=UTC), START, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
    rows = [{"id": f"{n:024x}", "startTime": moment} for n, moment in enumerate(ends)]
    with served(rows, endpoint="appointments") as (_, engine):
        assert len(read(engine, EVER, table="appointments")) == 3


def test_ids_of_another_clock_are_no_fault():
    imported = [{"id": object_id(START, n), "startTime": START + timedelta(minutes=n)} for n in range(400)]
    with served(imported) as (_, engine):
        assert len(read(engine)) == 400


def test_an_export_that_filters_on_another_time_is_noticed():
    rows = [{**row, "endTime": row["startTime"] + timedelta(hours=5)} for row in ROWS]
    with (
        served(rows, filter_key={"calls": "endTime"}) as (_, engine),
        pytest.raises(OutOfRangeError, match="start_time"),
    ):
        read(engine)


def test_a_cut_answer_in_disorder_is_refused():
    with served(cap=50, sort_ignored=True) as (_, engine), pytest.raises(OrderError):
        read(engine, EVER)


def test_a_silent_cut_at_a_round_number_is_read_through():
    many = calls(2_500, every=timedelta(minutes=4))
    with served(many, cap=1_000, announced_cap=100_000) as (_, engine):
        assert ids(read(engine)) == within(many, TEN_DAYS)


def test_silent_cuts_at_the_same_odd_number_are_found():
    many = calls(4_000, every=timedelta(minutes=3))
    behaviour = {"cap_schedule": [700] + [613] * 50, "announced_cap": 700}
    with served(many, **behaviour) as (_, engine), pytest.raises(SilentCutError, match="613 records"):
        read(engine)


@pytest.mark.parametrize("cap", [613, 500, 250])
def test_silent_cuts_at_both_ends_contradict_each_other(cap):
    with served(cap=cap, announced_cap=5_000) as (_, engine):
        for _ in range(2):
            with pytest.raises(SilentCutError):
                read(engine, EVER)


@pytest.mark.parametrize("spread", [0, 1])
def test_a_crowded_second_behind_a_silent_cut_is_no_excuse(spread):
    crowd = [
        {"id": object_id(START, n), "startTime": START + timedelta(days=5, milliseconds=n * spread)}
        for n in range(900)
    ]
    many = calls(900, every=timedelta(seconds=60))
    days = [Range(TEN_DAYS.start + day * DAY, TEN_DAYS.start + (day + 1) * DAY) for day in (0, 5)]
    with served([*many, *crowd], cap=613, announced_cap=5_000) as (_, engine), pytest.raises(IncompleteError):
        read(engine, *days)


def test_a_millisecond_that_stops_at_a_round_number_is_not_believed():
    crowd = [{"id": object_id(START, n), "startTime": START + timedelta(seconds=5)} for n in range(1_500)]
    with served(crowd, cap=1_000, announced_cap=100_000) as (_, engine), pytest.raises(CrowdedInstantError):
        read(engine)


def test_records_of_this_hour_may_come_between_two_answers():
    """What was written after one of two overlapping answers shows in the other, and convicts nobody."""
    now = micros(datetime.now(UTC)) // SECOND * SECOND
    doubts = Doubts(now=now)
    request = Request(TABLES["comments"], Range(now - DAY, now + DAY))
    older = shown_comments(now - 7_200 * SECOND)
    doubts.weigh(older, request)
    doubts.weigh(shown_comments(now - 7_200 * SECOND, now - 60 * SECOND), request)
    with pytest.raises(SilentCutError):
        doubts.weigh(shown_comments(now - 7_300 * SECOND), request)


def shown_comments(*instants):
    rows = [{"id": str(instant), "created_at": as_datetime(instant)} for instant in instants]
    answer = Answer(5_000, pa.RecordBatch.from_pylist(rows, TABLES["comments"].schema))
    return judge(answer, Request(TABLES["comments"], EVER))


def test_equal_numbers_of_rows_are_no_fault():
    even = [
        row for day in range(10) for row in calls(300, start=START + timedelta(days=day), every=timedelta(seconds=9))
    ]
    days = [Range(TEN_DAYS.start + day * DAY, TEN_DAYS.start + (day + 1) * DAY) for day in range(0, 10, 2)]
    with served(even) as (_, engine):
        assert len(read(engine, *days)) == 1_500


def test_rows_without_a_time_are_kept_in_a_lone_answer():
    rows = [*ROWS[:20], {"id": "f" * 24, "agent": "nobody"}]
    with served(rows, emit_timeless=True) as (_, engine):
        assert ids(read(engine, EVER, null_times=True)) == ids(rows)
        assert ids(read(engine, TEN_DAYS)) == ids(rows[:20])


def test_rows_without_a_time_among_several_answers_raise_if_wanted():
    rows = [*ROWS[:200], {"id": "f" * 24, "agent": "nobody"}]
    with served(rows, emit_timeless=True, cap=50) as (_, engine):
        with pytest.raises(UnplacedRowError):
            read(engine, EVER, null_times=True)
        assert ids(read(engine)) == ids(rows[:200])


def test_a_server_that_ignores_milliseconds_is_found_out():
    crowd = [{"id": object_id(START, n), "startTime": START + timedelta(milliseconds=n)} for n in range(300)]
    with served(crowd, cap=50, truncates_ms=True) as (_, engine), pytest.raises(CrowdedInstantError):
        read(engine)


def left_behind(before):
    ours = ("videsk-requests", "videsk-decode")
    return [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith(ours)]


def wait_until(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize(
    ("start_inclusive", "end_inclusive"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_rows_without_a_time_do_not_tell_how_ends_are_read(start_inclusive, end_inclusive):
    crowd = [{"id": object_id(START, n), "startTime": START + timedelta(milliseconds=8 * n)} for n in range(120)]
    rows = [*crowd, {"id": "f" * 24, "agent": "nobody"}]
    ends = {"start_inclusive": start_inclusive, "end_inclusive": end_inclusive}
    with served(rows, cap=50, emit_timeless=True, **ends) as (_, engine):
        assert ids(read(engine)) == ids(crowd)


def our_sockets():
    folder = Path("/proc/self/fd")
    return {link for entry in folder.iterdir() if (link := _target(entry)).startswith("socket:")}


def _target(entry):
    try:
        return str(entry.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize("begun", [False, True])
def test_a_closed_scan_leaves_nothing_behind_after_a_second(begun):
    """The server's end of the connections is in this process too, so the count includes both."""
    with served(cap=50) as (sim, engine):
        before, sockets = threading.enumerate(), our_sockets()
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        if begun:
            for _ in range(5):
                next(scan)
        sim.behaviour.latency_s = 30
        assert scan.poll(0.2) is None or begun
        began = time.monotonic()
        scan.close()
        scan.close()
        assert time.monotonic() - began < 0.5
        with pytest.raises(ClosedError):
            next(scan)
        assert wait_until(lambda: not left_behind(before), seconds=1)
        sim.close()
        assert wait_until(lambda: our_sockets() <= sockets, seconds=1)


def test_a_scan_closed_before_its_first_step():
    with served() as (_, engine):
        for _ in range(20):
            scan = engine.scan(TABLES["calls"], [TEN_DAYS])
            scan.poll(0)
            began = time.monotonic()
            scan.close()
            assert time.monotonic() - began < 1
        assert wait_until(lambda: engine.loops._holders == 0, seconds=1)


def test_scans_that_begin_while_the_idle_loop_ends():
    with served(ROWS[:10]) as (_, engine):
        read(engine)
        for wait in (0.499, 0.5, 0.5005, 0.501, 0.502, 0.503, 0.505):
            time.sleep(wait)
            assert len(read(engine)) == 10


def test_closing_the_engine_ends_its_scans():
    with served(latency_s=5) as (_, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        assert scan.poll(0.1) is None
        engine.close()
        with pytest.raises(ClosedError):
            scan.poll(5)
        with pytest.raises(ClosedError):
            engine.scan(TABLES["calls"], [TEN_DAYS])


def test_a_closed_engine_begins_no_scan():
    with served() as (sim, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        engine.close()
        for _ in range(2):
            with pytest.raises(ClosedError, match="open a new one"):
                scan.poll(5)
        scan.close()
        assert not sim.asked
        assert not [thread for thread in threading.enumerate() if thread.name == "videsk-requests"]


def test_a_slow_reader_holds_the_requests_back():
    settings = {"in_flight_bytes": 60_000, "concurrency": 8}
    with served(cap=50, settings=settings) as (sim, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        for _ in range(6):
            next(scan)
        time.sleep(0.3)
        assert len(sim.asked) < 25
        rows = sum(batch.num_rows for batch in scan)
        assert rows > 1_000


def test_errors_are_the_products_own():
    with served(faults=[Fault("reset", times=None)], settings={"retries": 0}) as (_, engine):
        scan = engine.scan(TABLES["calls"], [TEN_DAYS])
        for _ in range(2):
            with pytest.raises(VideskError):
                next(scan)


def test_a_second_with_more_rows_than_the_cap():
    crowd = [
        {"id": object_id(START, n), "startTime": START + timedelta(milliseconds=n % 1_000)} for n in range(3_000)
    ]
    with served(crowd, cap=100) as (sim, engine):
        assert ids(read(engine, Range(TEN_DAYS.start, TEN_DAYS.start + SECOND))) == ids(crowd)
        assert len(sim.asked) < 150
