"""The planner against a simulated source: every row once, and how many requests that takes."""

import random
from bisect import bisect_left
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckdb_videsk.fetch.history import History
from duckdb_videsk.fetch.planner import Plan
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range

NOW = 1_790_000_000 * SECOND


class Source:
    """Rows at whole seconds, fewer in one second than the cap."""

    def __init__(self, seconds, cap):
        self.times = sorted(second * SECOND for second in seconds)
        self.cap = cap

    def answer(self, ask):
        """covered, rows, first, last as an honest server with an exact start and end would let one know."""
        low, high = bisect_left(self.times, ask.range.start), bisect_left(self.times, ask.range.end)
        found = self.times[low:high]
        covered = ask.range
        if len(found) >= self.cap:
            found = found[-self.cap :] if ask.newest_first else found[: self.cap]
            covered = Range(found[0] + SECOND, covered.end) if ask.newest_first else Range(covered.start, found[-1])
        return covered, len(found), found[0] if found else None, found[-1] if found else None


def run(ranges, source, *, concurrency, rng, outlook=None, known_cap=0):
    plan = Plan(ranges, now=NOW, outlook=outlook, cap=known_cap)
    under_way, kept, requests = [], [], 0
    while not plan.finished:
        while len(under_way) < concurrency and (ask := plan.next()) is not None:
            under_way.append(ask)
            requests += 1
        ask = under_way.pop(rng.randrange(len(under_way)))
        covered, rows, first, last = source.answer(ask)
        keep = plan.answered(ask, covered, rows=rows, cap=source.cap, first=first, last=last)
        if not keep.empty:
            kept.append(keep)
    return plan, kept, requests


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 400), max_size=120, unique=True),
    st.integers(2, 40),
    st.integers(1, 9),
    st.lists(st.builds(Range, st.integers(-50, 450), st.integers(-50, 450)), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_every_instant_is_kept_once_in_any_order_of_answers(offsets, cap, concurrency, pieces, rng):
    base = NOW // SECOND - 300
    source = Source([base + offset for offset in offsets], cap)
    ranges = [Range((base + piece.start) * SECOND, (base + piece.end) * SECOND) for piece in pieces]
    plan, kept, _ = run(ranges, source, concurrency=concurrency, rng=rng)
    kept.sort()
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert sum(piece.length for piece in kept) == sum(piece.length for piece in plan.ranges)


def contact_centre(days, per_day, seed=5):
    """Seconds of calls shaped by weekday, hour and growth."""
    rng = random.Random(seed)
    start = NOW // SECOND // 86_400 - days
    for day in range(days):
        weekday = (start + day) % 7
        volume = int(per_day * (0.5 + day / days) * (0.15 if weekday in (2, 3) else 1.2))
        for _ in range(volume):
            yield (start + day) * 86_400 + int(min(max(rng.gauss(15, 3), 0), 23.99) * 3_600)


@pytest.mark.parametrize(("days", "per_day", "cap"), [(60, 2_400, 5_000), (60, 2_400, 1_000), (720, 400, 5_000)])
@pytest.mark.parametrize("bounds", ["both", "none", "start"])
@pytest.mark.parametrize("ended_days_ago", [0, 90, 900])
def test_requests_stay_near_the_fewest(days, per_day, cap, bounds, ended_days_ago):
    seconds = [second - ended_days_ago * 86_400 for second in contact_centre(days, per_day)]
    source = Source(seconds, cap)
    start, end = min(seconds) * SECOND, NOW - ended_days_ago * DAY
    whole = {"both": Range(start, end), "none": EVER, "start": Range(start, EVER.end)}[bounds]
    requests = max(run([whole], source, concurrency=8, rng=random.Random(seed))[2] for seed in range(5))
    least = -(-len(seconds) // cap)
    assert requests <= 1.15 * least + 8


@pytest.mark.parametrize(("days", "per_day", "cap"), [(60, 2_400, 5_000), (60, 2_400, 1_000), (720, 400, 5_000)])
@pytest.mark.parametrize("bounds", ["both", "none", "start"])
@pytest.mark.parametrize("seed", range(3))
def test_knowing_the_days_spares_requests(days, per_day, cap, bounds, seed):
    seconds = list(contact_centre(days, per_day))
    source = Source(seconds, cap)
    history = History()
    history.note(EVER, pa.array([second * SECOND for second in seconds]), now=NOW)
    start, end = min(seconds) * SECOND, NOW
    whole = {"both": Range(start, end), "none": EVER, "start": Range(start, EVER.end)}[bounds]
    _, _, requests = run(
        [whole], source, concurrency=8, rng=random.Random(seed), outlook=history.outlook(), known_cap=cap
    )
    assert requests <= 1.08 * -(-len(seconds) // cap) + 2


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 400_000), max_size=200, unique=True),
    st.lists(st.integers(-100_000, 500_000), max_size=50),
    st.integers(2, 40),
    st.randoms(use_true_random=False),
)
def test_a_wrong_memory_costs_requests_but_no_rows(offsets, remembered, cap, rng):
    base = NOW // SECOND - 300_000
    source = Source([base + offset for offset in offsets], cap)
    history = History()
    history.note(EVER, pa.array([(base + offset) * SECOND for offset in remembered], pa.int64()), now=NOW)
    whole = Range((base - 50) * SECOND, (base + 450_000) * SECOND)
    _, kept, _ = run([whole], source, concurrency=4, rng=rng, outlook=history.outlook(), known_cap=7)
    kept.sort()
    assert all(a.end <= b.start for a, b in pairwise(kept))
    assert sum(piece.length for piece in kept) == whole.length


def test_what_fits_one_answer_takes_one_request():
    source = Source([NOW // SECOND - 50], 10)
    _, _, requests = run([Range(NOW - DAY, NOW)], source, concurrency=8, rng=random.Random(1))
    assert requests == 1


def test_an_unbounded_plan_asks_both_ends_first():
    plan = Plan([EVER], now=NOW)
    first, second = plan.next(), plan.next()
    assert (first.range, first.newest_first) == (EVER, False)
    assert (second.range, second.newest_first) == (EVER, True)
    assert plan.next() is None


def test_known_weeks_say_nothing_of_thirty_years_before_them():
    times = [NOW // SECOND - 600 * number for number in range(1, 2_000)]
    history = History()
    history.note(Range(times[-1] * SECOND, NOW), pa.array([time * SECOND for time in times], pa.int64()), now=NOW)
    source = Source(times, 500)
    plan = Plan([Range(NOW - 30 * 365 * DAY, NOW)], now=NOW, outlook=history.outlook(), cap=500)
    oldest, newest = plan.next(), plan.next()
    assert newest.newest_first
    for ask, sound in ((newest, False), (oldest, True)):
        covered, rows, first, last = source.answer(ask)
        plan.answered(ask, covered, rows=rows, cap=500, first=first, last=last)
        assert plan.is_sound is sound
    assert plan.expected_requests() < 4
    inside = Plan([Range(NOW - 10 * DAY, NOW)], now=NOW, outlook=history.outlook(), cap=500)
    assert inside.is_sound


def test_ranges_are_read_in_whole_seconds_and_gaps_are_not():
    plan = Plan([Range(0, 10), Range(SECOND - 1, SECOND), Range(3 * SECOND, 4 * SECOND)], now=NOW)
    assert plan.ranges == (Range(0, SECOND), Range(3 * SECOND, 4 * SECOND))
