"""Cutting ranges for several readers: nothing lost, nothing twice, few questions, and pieces of like size."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import AuthenticationError
from duckdb_videsk.fetch import Engine
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, as_datetime, normalise, total
from duckdb_videsk.settings import Settings, Token
from duckdb_videsk.simulator import Behaviour, Records, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CALLS = by_table()["calls"]
MARCH_START, MARCH_END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
MARCH = Range.between(MARCH_START, MARCH_END)


@pytest.fixture(scope="module")
def account() -> Iterator[Simulator]:
    source = SyntheticAccount(since=date(2025, 6, 1), until=date(2026, 7, 1), calls_per_day=20, growth=3)
    with Simulator(source, behaviour=Behaviour(cap=150)) as simulator:
        yield simulator


@contextlib.contextmanager
def engine(simulator: Simulator, **settings: Any) -> Iterator[Engine]:
    given = {"cache_dir": None, "requests_per_second": 1_000.0, "retries": 0} | settings
    opened = Engine(Settings(Token(simulator.token), base_url=simulator.url, **given), ledger=Ledger())
    simulator.forget_asked()
    try:
        yield opened
    finally:
        opened.close()


def assert_whole(pieces: Sequence[Sequence[Range]], ranges: Sequence[Range]) -> None:
    """Together they are the ranges, in order, and share nothing, not even a second."""
    flat = [span for piece in pieces for span in piece]
    assert normalise(flat) == normalise(ranges)
    assert sum(span.length for span in flat) == total(ranges)
    assert all(list(piece) == list(normalise(piece)) and piece for piece in pieces)
    for earlier, later in pairwise(flat):
        assert earlier.end <= later.start
        assert earlier.end < later.start or earlier.end % SECOND == 0


def counts(simulator: Simulator, pieces: Sequence[Sequence[Range]]) -> list[int]:
    def count(span: Range) -> int:
        return simulator.count("calls", start=as_datetime(span.start), end=as_datetime(span.end))

    return [sum(map(count, piece)) for piece in pieces]


def test_a_month_is_cut_into_pieces_of_like_size_by_four_small_questions(account: Simulator) -> None:
    with engine(account) as reader:
        slicing = reader.slices(CALLS, [MARCH], None, most=50)
    assert_whole(slicing.pieces, [MARCH])
    assert len(account.asked) == 4
    assert all(asked.end - asked.start <= DAY // 1_000 + 2_000 for asked in account.asked)
    sizes = counts(account, slicing.pieces)
    assert sum(sizes) == account.count("calls", start=MARCH_START, end=MARCH_END)
    assert len(sizes) >= sum(sizes) / 150 * 0.6
    assert max(sizes) <= 3 * sum(sizes) / len(sizes)
    assert slicing.requests is not None
    assert sum(sizes) / 150 * 0.6 <= slicing.requests <= 3 * (sum(sizes) / 150 + len(sizes))


def test_no_more_pieces_than_are_wanted(account: Simulator) -> None:
    with engine(account) as reader:
        slicing = reader.slices(CALLS, [MARCH], None, most=3)
        assert len(slicing.pieces) == 3
        assert_whole(slicing.pieces, [MARCH])
        account.forget_asked()
        assert reader.slices(CALLS, [MARCH], None, most=1).pieces == ((MARCH,),)
        assert account.asked == []


def test_all_of_time_takes_its_oldest_records_and_four_days(account: Simulator) -> None:
    with engine(account) as reader:
        slicing = reader.slices(CALLS, [EVER], None, most=40)
    assert len(account.asked) == 5
    assert_whole(slicing.pieces, [EVER])
    assert 20 <= len(slicing.pieces) <= 40
    sizes = counts(account, slicing.pieces)
    assert sum(sizes) == account.count("calls")
    assert slicing.requests is not None
    assert slicing.requests < 4 * sum(sizes) / 150 + 40


def test_a_range_that_begins_long_before_the_first_record(account: Simulator) -> None:
    span = Range(0, MARCH.end)
    with engine(account) as reader:
        slicing = reader.slices(CALLS, [span], None, most=40)
    assert_whole(slicing.pieces, [span])
    assert len(account.asked) <= 5
    sizes = counts(account, slicing.pieces)
    assert len(sizes) > 5
    assert max(sizes) <= 4 * sum(sizes) / len(sizes)


def test_what_fits_one_answer_is_one_piece_and_a_short_range_costs_no_question() -> None:
    rows = [{"id": f"{number:024x}", "startTime": MARCH_START + number * timedelta(hours=1)} for number in range(50)]
    with Simulator(Records({"calls": rows}), behaviour=Behaviour(cap=100)) as simulator, engine(simulator) as reader:
        assert reader.slices(CALLS, [EVER], None, most=9).pieces == ((EVER,),)
        assert len(simulator.asked) == 1
        simulator.forget_asked()
        day = Range(MARCH.start, MARCH.start + DAY)
        assert reader.slices(CALLS, [day], None, most=9).pieces == ((day,),)
        assert reader.slices(CALLS, [], None, most=9).pieces == ()
        assert simulator.asked == []


def test_rows_without_a_time_are_read_by_one_reader() -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"{number:024x}", "startTime": MARCH_START + number * timedelta(hours=1)} for number in range(50)
    ]
    rows.append({"id": f"{99:024x}"})
    behaviour = Behaviour(cap=100, emit_timeless=True)
    with Simulator(Records({"calls": rows}), behaviour=behaviour) as simulator, engine(simulator) as reader:
        slicing = reader.slices(CALLS, [EVER], None, most=9)
        assert (slicing.pieces, slicing.timeless) == (((EVER,),), True)


def test_ranges_with_gaps_and_fractions_of_seconds_stay_what_they_are(account: Simulator) -> None:
    ranges = [
        Range(MARCH.start + 1, MARCH.start + 9 * DAY + 999_999),
        Range(MARCH.start + 12 * DAY, MARCH.start + 12 * DAY + 1),
        Range(MARCH.start + 20 * DAY, MARCH.end),
    ]
    with engine(account) as reader:
        slicing = reader.slices(CALLS, ranges, None, most=7)
    assert_whole(slicing.pieces, ranges)
    assert len(slicing.pieces) == 7


def test_crowded_seconds_are_never_cut_through() -> None:
    crowd = [{"id": f"{number:024x}", "startTime": MARCH_START + timedelta(days=3)} for number in range(300)]
    others = [
        {"id": f"{1_000 + number:024x}", "startTime": MARCH_START + number * timedelta(hours=3)}
        for number in range(240)
    ]
    behaviour = Behaviour(cap=150)
    with Simulator(Records({"calls": [*crowd[:140], *others]}), behaviour=behaviour) as simulator:
        with engine(simulator) as reader:
            slicing = reader.slices(CALLS, [EVER], None, most=9)
            assert_whole(slicing.pieces, [EVER])
            read = sum(batch.num_rows for piece in slicing.pieces for batch in reader.scan(CALLS, piece))
        assert read == 380
    with Simulator(Records({"calls": crowd}), behaviour=behaviour) as simulator, engine(simulator) as reader:
        assert_whole(reader.slices(CALLS, [EVER], None, most=9).pieces, [EVER])


def test_earlier_scans_save_the_questions(account: Simulator, tmp_path: Path) -> None:
    with engine(account, cache_dir=tmp_path) as reader:
        assert sum(batch.num_rows for batch in reader.scan(CALLS, [MARCH]))
    with engine(account, cache_dir=tmp_path) as reader:
        slicing = reader.slices(CALLS, [MARCH], None, most=50)
    assert account.asked == []
    assert_whole(slicing.pieces, [MARCH])
    sizes = counts(account, slicing.pieces)
    assert len(sizes) == -(-sum(sizes) // 150)
    assert max(sizes) <= 1.5 * min(sizes)


def test_questions_are_remembered_for_the_next_time(account: Simulator, tmp_path: Path) -> None:
    with engine(account, cache_dir=tmp_path) as reader:
        reader.slices(CALLS, [MARCH], None, most=50)
    with engine(account, cache_dir=tmp_path) as reader:
        assert_whole(reader.slices(CALLS, [MARCH], None, most=50).pieces, [MARCH])
    assert account.asked == []


def test_what_the_api_refuses_is_raised() -> None:
    with (
        Simulator(Records({}), behaviour=Behaviour(token_state="expired")) as simulator,
        engine(simulator) as reader,
        pytest.raises(AuthenticationError),
    ):
        reader.slices(CALLS, [MARCH], None, most=9)
