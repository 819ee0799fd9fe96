"""The lake's parts by themselves: names of files, what to ask for beside a query, rows on their way into files."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ConfigError
from duckdb_videsk.lake import Lake, upkeep
from duckdb_videsk.lake.collecting import Collector
from duckdb_videsk.lake.edges import Density, errand, whole_days
from duckdb_videsk.lake.layout import Piece, id_folder, month_folder, month_of
from duckdb_videsk.lake.locks import Lease, locked
from duckdb_videsk.lake.store import Shelf, _disjoint
from duckdb_videsk.lake.upkeep import compact, forget
from duckdb_videsk.ranges import DAY, EVER, Range, as_datetime, micros, normalise, subtract, total
from duckdb_videsk.rate import seconds_ahead
from duckdb_videsk.settings import load_settings
from duckdb_videsk.trimming import rows_outside, rows_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CALLS = by_table()["calls"]
START = micros(datetime(2026, 3, 1, tzinfo=UTC))
HOUR = DAY // 24


def day(number: int, days: int = 1) -> Range:
    return Range(START + number * DAY, START + (number + days) * DAY)


# --- names

days = st.builds(
    lambda first, count: Range((first - 719_162) * DAY, (first - 719_162 + count) * DAY),
    st.integers(0, 3_600_000),
    st.integers(1, 52_000),
)
pieces = st.builds(
    Piece,
    days,
    st.integers(0, 10**9),
    st.integers(0, 10**12),
    st.integers(0, 10**10),
    st.text("0123456789abcdef", min_size=12, max_size=12),
    st.text("0123456789abcdef", min_size=16, max_size=16),
)


@hypothesis.given(pieces)
def test_a_files_name_says_what_it_holds(piece: Piece) -> None:
    assert Piece.named(piece.file_name) == piece


def test_the_beginning_of_time_has_a_name() -> None:
    piece = Piece(Range(EVER.start, START), 0, 1, 2, "0" * 12, "0" * 16)
    assert piece.file_name.startswith("0001-01-01_2026-03-01.")
    assert Piece.named(piece.file_name) == piece
    assert month_folder(piece.days) == "month=0001-01"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "calls.parquet",
        "2026-03-01_2026-03-02.parquet",
        "2026-03-02_2026-03-01.1-2-3-0123456789ab-0123456789abcdef.parquet",
        "2026-02-30_2026-03-01.1-2-3-0123456789ab-0123456789abcdef.parquet",
        ".2026-03-01_2026-03-02.1-2-3-0123456789ab-0123456789abcdef.damaged",
    ],
)
def test_other_names_are_none_of_the_lakes(name: str) -> None:
    assert Piece.named(name) is None


@hypothesis.given(st.integers(EVER.start, EVER.end - 1))
def test_months(instant: int) -> None:
    month = month_of(instant)
    assert instant in month
    assert month_of(month.start) == month_of(month.end - 1) == month
    assert 28 * DAY <= month.length <= 31 * DAY


@hypothesis.given(st.lists(st.text(max_size=80), max_size=20, unique=True))
def test_folders_of_ids_differ_on_every_file_system(ids: list[str]) -> None:
    folders = [id_folder(name) for name in ids]
    assert len({folder.casefold() for folder in folders}) == len(ids)
    assert all(folder.isascii() and len(folder) < 80 and set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
               for folder in folders)  # fmt: skip


# --- what to ask for

instants = st.integers(START - 5 * DAY, START + 20 * DAY)
ranges = st.lists(st.builds(Range, instants, instants), max_size=6).map(normalise)
densities = st.none() | st.builds(Density, st.floats(0, 1e6), st.integers(1, 100_000))


@hypothesis.given(ranges, ranges, st.integers(-3, 22), densities)
def test_an_errand_brings_what_is_missing_and_nothing_that_is_there(
    wanted: tuple[Range, ...], there: tuple[Range, ...], settled_days: int, density: Density | None
) -> None:
    settled = START + settled_days * DAY
    kept = whole_days(there, settled_until=EVER.end)
    gaps = subtract(wanted, kept)
    got = errand(gaps, settled_until=settled, taken=kept, density=density)
    assert not subtract(gaps, got.now)
    everything = normalise([*got.now, *got.later])
    assert total(everything) == total(got.now) + total(got.later)
    assert total(subtract(everything, kept)) == total(everything)
    more = subtract(everything, gaps)
    assert all(piece.end <= settled for piece in more)
    # What is added completes days.
    for piece in more:
        for edge in (piece.start, piece.end):
            assert edge % DAY == 0 or any(edge in (gap.start, gap.end) for gap in gaps)


def test_the_rest_of_a_day_is_asked_for_at_once_where_that_is_known_to_fit() -> None:
    local = Range(START + 3 * HOUR, START + DAY + 3 * HOUR)
    settled = START + 90 * DAY
    known = errand([local], settled_until=settled, taken=(), density=Density(100, 5_000))
    assert known.now == (day(0, 2),)
    assert known.later == ()
    unknown = errand([local], settled_until=settled, taken=(), density=None)
    assert unknown.now == (Range(local.start, START + 2 * DAY),)
    assert unknown.later == (Range(START, local.start),)


def test_an_hour_of_a_busy_day_stays_an_hour() -> None:
    hour = Range(START + 3 * HOUR, START + 4 * HOUR)
    for density in (None, Density(100_000, 5_000)):
        got = errand([hour], settled_until=START + 90 * DAY, taken=(), density=density)
        assert (got.now, got.later) == ((hour,), ())


# --- which files to read


@hypothesis.given(
    st.lists(
        st.builds(
            lambda first, count, rows, fetched: Piece(day(first, count), rows, 1, fetched, "0" * 12, "0" * 16),
            st.integers(0, 12),
            st.integers(1, 6),
            st.integers(0, 2),
            st.integers(0, 5),
        ),
        max_size=12,
    )
)
def test_no_two_files_with_rows_share_a_day(found: list[Piece]) -> None:
    chosen = _disjoint(found)
    holding = [piece.days for piece in chosen if piece.rows]
    assert sum(span.length for span in holding) == total(holding)
    assert all(piece in chosen or any(piece.days.intersect(span).length for span in holding) for piece in found)


# --- rows on their way


def rows_at(instants: list[int]) -> pa.RecordBatch:
    table = pa.Table.from_pylist([{"id": f"{number}"} for number in instants], CALLS.schema)
    position = CALLS.schema.get_field_index("start_time")
    times = pa.array(instants, pa.timestamp("us", "UTC"))
    return table.set_column(position, CALLS.schema.field(position), times).combine_chunks().to_batches()[0]


@pytest.mark.parametrize("most_held", [0, 1 << 30])
def test_rows_come_to_lie_in_the_files_of_their_days(tmp_path: Path, most_held: int) -> None:
    shelf = Shelf(tmp_path / "calls", CALLS, None, account="a")
    wanted = (day(3), day(5, 3), Range(day(31).start, day(61).start), day(70, 20))
    collector = Collector(shelf, wanted, fetched=1_790_000_000, most_held=most_held)
    instants = [START + n * 7 * HOUR for n in range(400)]
    for start in range(0, 400, 40):
        collector.add(rows_at(instants[start : start + 40][::-1]))
    collector.finish()
    kept = shelf.pieces()
    assert normalise(piece.days for piece in kept) == wanted
    for piece in kept:
        table = pq.read_table(shelf.path(piece), partitioning=None)
        times = table.column("start_time").cast(pa.int64()).to_pylist()
        assert times == [instant for instant in instants if instant in piece.days]
        assert len(times) == piece.rows
        assert table.column("id").to_pylist() == [str(time) for time in times]
    assert day(31, 30) in [piece.days for piece in kept]
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".unfinished")]


def test_days_without_rows_are_few_files(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "calls", CALLS, None, account="a")
    collector = Collector(shelf, (Range(EVER.start, day(40).start),), fetched=1_790_000_000)
    collector.add(rows_at([START + 2 * DAY, START + 2 * DAY + HOUR]))
    collector.finish()
    assert [(piece.days, piece.rows) for piece in shelf.pieces()] == [
        (Range(EVER.start, START), 0),
        (day(0, 31), 2),
        (day(31, 9), 0),
    ]


@pytest.mark.parametrize("most_held", [0, 1 << 30])
def test_closed_by_another_thread_while_days_are_kept(
    tmp_path: Path, most_held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path / "calls", CALLS, None, account="a")
    collector = Collector(shelf, (day(0, 92),), fetched=1_790_000_000, most_held=most_held)
    collector.add(rows_at([START + number * DAY for number in range(92)]))
    keep = Shelf.keep

    def keep_and_close(self: Shelf, *args: Any, **options: Any) -> None:
        keep(self, *args, **options)
        other = threading.Thread(target=collector.close)
        other.start()
        other.join()

    monkeypatch.setattr(Shelf, "keep", keep_and_close)
    collector.finish()
    assert [(piece.days, piece.rows) for piece in shelf.pieces()] == [(day(0, 31), 31)]
    collector.finish()
    assert len(shelf.pieces()) == 1


@pytest.mark.parametrize("most_held", [0, 1 << 30])
def test_a_closed_collector_keeps_nothing(tmp_path: Path, most_held: int) -> None:
    shelf = Shelf(tmp_path / "calls", CALLS, None, account="a")
    collector = Collector(shelf, (day(0, 3),), fetched=1_790_000_000, most_held=most_held)
    collector.add(rows_at([START]))
    collector.close()
    collector.close()
    collector.add(rows_at([START + DAY]))
    collector.finish()
    assert shelf.pieces() == []


def test_what_is_kept_already_stays(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "calls", CALLS, None, account="a")
    first = pa.Table.from_batches([rows_at([START])])
    shelf.keep(day(0), first, fetched=1)
    shelf.keep(day(0), pa.Table.from_batches([rows_at([START, START + HOUR])]), fetched=2)
    assert [piece.rows for piece in shelf.pieces()] == [1]


def test_what_was_kept_too_early_is_replaced(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "calls", CALLS, None, account="a", is_good=lambda piece: piece.fetched >= 10)
    shelf.keep(day(0), pa.Table.from_batches([rows_at([START])]), fetched=2)
    assert shelf.pieces() == []
    shelf.keep(day(0), pa.Table.from_batches([rows_at([START, START + HOUR])]), fetched=12)
    assert [piece.rows for piece in shelf.pieces()] == [2]
    assert shelf.all_pieces() == shelf.pieces()


def test_a_month_is_as_settled_as_the_least_settled_of_its_days(tmp_path: Path) -> None:
    lake = Lake(load_settings(token="t", lake_dir=tmp_path))
    shelf = lake.shelf(CALLS)
    for number in range(31):
        # Each three days after it ended, but one five.
        fetched = day(number).end // 1_000_000 + (5 if number == 7 else 3) * 86_400
        shelf.keep(day(number), pa.Table.from_batches([rows_at([day(number).start])]), fetched=fetched)
    assert len(shelf.pieces()) == 31
    assert compact(lake) == 1
    (month,) = shelf.pieces()
    assert (month.days, month.rows) == (day(0, 31), 31)
    assert Lake(load_settings(token="t", lake_dir=tmp_path, settle_days=4)).shelf(CALLS).pieces() == []


def full_month(tmp_path: Path) -> tuple[Lake, Shelf]:
    lake = Lake(load_settings(token="t", lake_dir=tmp_path))
    shelf = lake.shelf(CALLS)
    for number in range(31):
        fetched = day(number).end // 1_000_000 + 9 * 86_400
        shelf.keep(day(number), pa.Table.from_batches([rows_at([day(number).start])]), fetched=fetched)
    return lake, shelf


@pytest.mark.parametrize(
    ("owner", "name", "call"), [(upkeep, "_ripe_months", 1), (Shelf, "read", 1), (Shelf, "read", 31)]
)
def test_a_day_forgotten_by_another_process_is_not_merged_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int
) -> None:
    lake, shelf = full_month(tmp_path)
    original = getattr(owner, name)
    calls = itertools.count(1)

    def and_forget(*given: Any) -> Any:
        found = original(*given)
        if next(calls) == call:
            forget(lake.shelf(CALLS), day(7))
        return found

    monkeypatch.setattr(owner, name, and_forget)
    assert compact(lake) == 0
    assert len(shelf.pieces()) == 30
    assert not any(piece.days.intersect(day(7)).length for piece in shelf.all_pieces())


def test_a_reader_has_its_turn_between_two_months(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, _ = full_month(tmp_path)
    steps = upkeep._steps
    leases = []

    def after_a_reader(given: Lake) -> Iterator[Callable[[], bool]]:
        for number, step in enumerate(steps(given)):
            if number:
                with lake.unread() as alone:
                    assert alone
                leases.append(lake.lease())
            yield step

    monkeypatch.setattr(upkeep, "_steps", after_a_reader)
    assert compact(lake) is None
    (lease,) = leases
    lease.release()
    monkeypatch.undo()
    assert compact(lake) == 1


# --- rows by their times


@pytest.mark.parametrize("spans", [(), (Range(0, 5),), (EVER,), (EVER, Range(5, 3)), (Range(START, START + 1),)])
@pytest.mark.parametrize("part", [slice(0, 4), slice(0, 1), slice(1, 3), slice(3, 4), slice(2, 2)])
def test_rows_within_and_outside(spans: tuple[Range, ...], part: slice) -> None:
    rows = [
        {"id": "a"},
        *({"id": f"{at}", "start_time": as_datetime(at)} for at in (START, START + HOUR)),
        {"id": "b"},
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=CALLS.schema).slice(part.start, part.stop - part.start)
    inside = [
        row["id"] for row in rows[part] if "start_time" in row and any(int(row["id"]) in span for span in spans)
    ]
    assert rows_within(batch, CALLS, *spans).column("id").to_pylist() == inside
    others = [row["id"] for row in rows[part] if row["id"] not in inside]
    assert rows_outside(batch, CALLS, *spans).column("id").to_pylist() == others


# --- clock, locks and settings


def test_how_far_a_clock_is_ahead() -> None:
    server = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
    header = {"date": "Tue, 10 Mar 2026 12:00:00 GMT"}
    assert seconds_ahead(header, server + 90) == 90
    assert seconds_ahead(header, server - 7_200) == -7_200
    assert seconds_ahead({"date": "Tue, 10 Mar 2026 12:00:00 -0000"}, server) == 0
    assert seconds_ahead({}, server) is seconds_ahead({"date": "yesterday"}, server) is None


def test_a_lease_keeps_others_out(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    one, other = Lease(file), Lease(file)
    for lease in (one, other):
        with pytest.raises(TimeoutError), locked(file, patience=0):
            pass
        lease.release()
        lease.release()
    with locked(file, patience=0) as alone:
        assert alone


@pytest.mark.parametrize(
    ("given", "calls", "tags"),
    [(None, 3, 3), (1, 1, 1), ("0.5", 0.5, 0.5), ("calls=1, tags=7", 1, 7), ("2,tags=7", 2, 7), ({"tags": 4}, 3, 4)],
)
def test_settle_days(given: object, calls: float, tags: float) -> None:
    settings = load_settings(token="t", settle_days=given)
    assert (settings.settles_after("calls"), settings.settles_after("tags")) == (calls, tags)


@pytest.mark.parametrize("given", ["calls=soon", -1, "calls=-1", [1]])
def test_settle_days_that_are_none(given: object) -> None:
    with pytest.raises(ConfigError, match="settle_days"):
        load_settings(token="t", settle_days=given)


def test_settled_is_what_ended_long_enough_ago(tmp_path: Path) -> None:
    lake = Lake(load_settings(token="t", lake_dir=tmp_path, settle_days={"calls": 2, "tags": 0.5}))
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    until = {table: lake.settled_until(table, now=noon.timestamp()) for table in ("calls", "tags", "queues")}
    midnights = {"calls": date(2026, 3, 8), "tags": date(2026, 3, 10), "queues": date(2026, 3, 7)}
    assert until == {
        table: micros(datetime(day.year, day.month, day.day, tzinfo=UTC)) for table, day in midnights.items()
    }
