"""The small parts of the fetch engine: pace, retries, hand-over and the event loop's thread."""

import asyncio
import threading
import time

import pyarrow as pa
import pytest

from duckdb_videsk.errors import ClosedError, ConnectionFailedError, RetryBudgetError, ServerError
from duckdb_videsk.fetch.outlet import Outlet
from duckdb_videsk.fetch.retry import RetryBudget, delay_before
from duckdb_videsk.fetch.runtime import LoopThread
from duckdb_videsk.rate import Pace, retry_after

BATCH = pa.record_batch({"n": [1, 2, 3]})


def starts(pace, count):
    async def take():
        at = []
        for _ in range(count):
            await pace.turn()
            at.append(time.monotonic())
        return at

    return asyncio.run(take())


def test_no_second_has_more_starts_than_the_pace():
    at = starts(Pace(20), 45)
    assert at[19] - at[0] < 0.5
    assert all(later - earlier >= 1.0 for earlier, later in zip(at, at[20:], strict=False))


def test_a_pace_below_one_a_second_spreads_out():
    at = starts(Pace(0.5 * 10), 6)
    assert at[5] - at[0] >= 1.0


def test_the_server_can_only_slow_the_pace_down():
    pace = Pace(10)
    pace.learn({"ratelimit-policy": "1000;w=1"})
    at = starts(pace, 11)
    assert at[10] - at[0] >= 1.0
    pace.learn({"ratelimit-limit": "3"})
    at = starts(pace, 4)
    assert at[3] - at[0] >= 1.0


def test_nothing_starts_while_the_servers_window_is_used_up():
    pace = Pace(100)
    pace.learn({"ratelimit-remaining": "0", "ratelimit-reset": "0.3"})
    began = time.monotonic()
    assert starts(pace, 1)[0] - began >= 0.29


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit-limit": "x"},
        {"ratelimit-limit": "-5"},
        {"ratelimit-limit": "nan"},
        {"ratelimit-policy": "0;w=1"},
        {"ratelimit-policy": "inf;w=1"},
        {"ratelimit-policy": "5;w=-1"},
        {"ratelimit-policy": "5;w=nan"},
        {"ratelimit-policy": ',,;;=,"'},
        {"ratelimit-policy": '"bytes";q=5;w=60;qu="content-bytes"'},
        {"ratelimit-reset": "-1", "ratelimit-remaining": "0"},
    ],
)
def test_odd_headers_change_nothing(headers):
    pace = Pace(50)
    pace.learn(headers)
    at = starts(pace, 20)
    assert at[-1] - at[0] < 0.2


@pytest.mark.parametrize(
    "headers",
    [{"ratelimit-policy": "5;w=86400"}, {"ratelimit-policy": '"day";q=5;w=3600', "ratelimit-limit": "5"}],
)
def test_a_window_of_hours_is_not_waited_for(headers):
    pace = Pace(50)
    pace.learn(headers)
    at = starts(pace, 20)
    assert at[-1] - at[0] < 0.2


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit-policy": '"default";q=5;w=0.5'},
        {"ratelimit-policy": '"a, b";w=0.5; q=5 ;qu="requests"'},
        {"ratelimit-limit": "5, 5;w=0.5"},
        {"ratelimit-limit": "5, 5;w=0.5, 1000;w=86400"},
        {"ratelimit-limit": "1000", "ratelimit-policy": "1000;w=60, 5;w=0.5"},
    ],
)
def test_a_limit_is_understood_in_each_of_its_forms(headers):
    pace = Pace(50)
    pace.learn(headers)
    at = starts(pace, 6)
    assert at[4] - at[0] < 0.3
    assert at[5] - at[0] >= 0.5


def test_a_wide_window_does_not_allow_bursts():
    pace = Pace(10)
    pace.learn({"ratelimit-policy": "60;w=60"})
    at = starts(pace, 11)
    assert at[10] - at[0] >= 1.0


def test_a_limit_that_is_lifted_is_forgotten():
    pace = Pace(50)
    pace.learn({"ratelimit-policy": "2;w=60"})
    assert starts(pace, 2)
    pace.learn({"ratelimit-policy": "50;w=1"})
    at = starts(pace, 20)
    assert at[-1] - at[0] < 0.2


@pytest.mark.parametrize(("text", "seconds"), [("2", 2.0), ("0.5", 0.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_retry_after(text, seconds):
    assert retry_after({"retry-after": text}) == seconds


def test_a_window_used_up_by_others_is_waited_for_and_ones_own_is_not():
    headers = {"ratelimit-policy": "20;w=1", "ratelimit-remaining": "0", "ratelimit-reset": "1"}
    pace = Pace(20)
    pace.learn(headers)
    began = time.monotonic()
    starts(pace, 20)
    assert time.monotonic() - began >= 0.9
    pace.learn(headers)
    assert pace._not_before <= began + 1.5


def test_after_a_pause_no_more_start_at_once_than_the_pace_allows():
    async def take():
        pace = Pace(5)
        pace.pause(0.3)
        at = []

        async def one():
            await pace.turn()
            at.append(time.monotonic())

        await asyncio.gather(*(one() for _ in range(8)))
        return sorted(at)

    at = asyncio.run(take())
    assert at[5] - at[0] >= 1.0


def test_a_start_counts_from_when_its_request_was_on_its_way():
    async def take():
        pace = Pace(2)
        first = await pace.turn()
        await pace.turn()
        await asyncio.sleep(0.3)
        first.sent()
        await pace.turn()
        return time.monotonic() - first.at

    assert asyncio.run(take()) >= 1.0


def test_waits_grow_and_never_undercut_the_server():
    error = ServerError("down")
    waits = [delay_before(attempt, error, jitter=lambda: 1.0) for attempt in range(2, 10)]
    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert max(waits) == 10.0
    error.retry_after = 7.0
    assert delay_before(2, error, jitter=lambda: 0.0) >= 7.0


def test_a_budget_ends_and_good_answers_refill_it():
    budget = RetryBudget(spare=1, share=0.5)
    error = ConnectionFailedError("reset", endpoint="calls", attempt=3)
    budget.failed(error)
    budget.succeeded()
    budget.succeeded()
    budget.failed(error)
    with pytest.raises(RetryBudgetError, match="reset") as caught:
        budget.failed(error)
    assert caught.value.endpoint == "calls"
    assert caught.value.__cause__ is error


def test_an_outlet_hands_over_then_ends():
    demands = []
    outlet = Outlet(lambda: demands.append(1))
    assert outlet.take(0.01) is None
    outlet.put(BATCH)
    assert outlet.held_bytes == BATCH.nbytes
    outlet.end()
    assert outlet.take(None) is BATCH
    assert outlet.held_bytes == 0
    for _ in range(2):
        with pytest.raises(StopIteration):
            outlet.take(None)
    assert demands


def test_an_error_overtakes_what_was_not_taken():
    outlet = Outlet(lambda: None)
    outlet.put(BATCH)
    outlet.end(ServerError("down"))
    outlet.end()
    for _ in range(2):
        with pytest.raises(ServerError):
            outlet.take(None)


def test_closing_drops_what_is_left_though_it_was_all_there():
    outlet = Outlet(lambda: None)
    outlet.put(BATCH)
    outlet.end()
    outlet.end(ServerError("closed"))
    with pytest.raises(ServerError, match="closed"):
        outlet.take(None)


def test_an_outlet_knows_that_its_reader_waits():
    outlet = Outlet(lambda: None)
    reader = threading.Thread(target=outlet.take, args=(5,))
    reader.start()
    deadline = time.monotonic() + 5
    while not outlet.hungry and time.monotonic() < deadline:
        time.sleep(0.005)
    assert outlet.hungry
    outlet.put(BATCH)
    reader.join()
    assert not outlet.hungry


def loop_threads():
    return [thread for thread in threading.enumerate() if thread.name == "loop-under-test"]


@pytest.fixture
def loops():
    stopped = []

    async def on_stop():
        stopped.append(True)

    thread = LoopThread("loop-under-test", on_stop)
    yield thread, stopped
    thread.stop()
    assert not loop_threads()


def test_a_loop_ends_when_idle_and_starts_again(loops):
    thread, stopped = loops
    first = thread.hold()
    thread.let_go()
    deadline = time.monotonic() + 5
    while loop_threads() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not loop_threads()
    assert first.is_closed()
    assert stopped == [True]
    assert thread.hold() is not first


def test_a_held_loop_goes_on(loops):
    thread, _ = loops
    first = thread.hold()
    thread.hold()
    thread.let_go()
    time.sleep(0.8)
    assert thread.hold() is first


def test_stopping_cancels_what_runs(loops):
    thread, _ = loops
    loop = thread.hold()
    future = asyncio.run_coroutine_threadsafe(asyncio.sleep(60), loop)
    thread.stop()
    assert future.cancelled()
    thread.stop()
    with pytest.raises(ClosedError):
        thread.hold()
