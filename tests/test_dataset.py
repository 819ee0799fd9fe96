from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from duckdb_videsk.dataset import VirtualTable
from duckdb_videsk.errors import MissingIdError, ResponseError
from duckdb_videsk.picking import Picker
from duckdb_videsk.ranges import EVER, Range, micros
from duckdb_videsk.request_log import LedgerTable
from duckdb_videsk.running import Board, FailedScan, Failures, Stopped
from memory import ENDPOINTS_BY_TABLE, START, MemorySource, all_rows, call_rows

CALLS = ENDPOINTS_BY_TABLE["calls"]
FORMS = ENDPOINTS_BY_TABLE["forms"]
time = pc.field("start_time")
TIME = pa.timestamp("us", "UTC")


def at(hours: float) -> pc.Expression:
    return pc.scalar(pa.scalar(START + timedelta(hours=hours), pa.timestamp("us", "UTC")))


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(all_rows())


@pytest.fixture
def calls(source: MemorySource) -> VirtualTable:
    return VirtualTable(CALLS, source, board=Board())


@pytest.fixture
def truth() -> pa.Table:
    return pa.Table.from_pylist(call_rows(), schema=CALLS.schema)


@pytest.mark.parametrize("upper", [None, 10_000])
def test_batches_that_lie_within_the_range_are_not_filtered(
    upper: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = MemorySource(all_rows(), batch_rows=2)
    filtered = []
    positions = Picker._positions
    monkeypatch.setattr(Picker, "_positions", lambda own, batch: filtered.append(batch) or positions(own, batch))
    calls = VirtualTable(CALLS, source, board=Board())
    rows = call_rows()
    times = sorted(row["start_time"] for row in rows if row["start_time"] is not None)
    low = pc.scalar(pa.scalar(times[1], TIME))
    expression = time >= low if upper is None else (time >= low) & (time < at(upper))
    for picked in (calls.to_table(["id"], filter=expression), calls.to_table(filter=expression)):
        expected = [row["id"] for row in rows if row["start_time"] is not None and row["start_time"] >= times[1]]
        assert picked.column("id").to_pylist() == expected
    batches = -(-len(rows) // 2)
    assert len(filtered) < batches


def forms_of(source: MemorySource, *known: str) -> VirtualTable:
    return VirtualTable(FORMS, source, board=Board(), known_ids=known)


def test_everything(calls: VirtualTable, truth: pa.Table, source: MemorySource) -> None:
    assert calls.to_table().equals(truth)
    assert source.asked == [("calls", (EVER,), (), True)]
    assert source.closed_scans == 1


def test_a_filter_asks_only_for_what_it_can_match(calls: VirtualTable, source: MemorySource) -> None:
    found = calls.to_table(filter=(time >= at(10)) & (time < at(20)) & (pc.field("agent") == "ana"))
    assert found.num_rows == 3
    assert source.asked[0][1:] == (
        (Range(micros(START + timedelta(hours=10)), micros(START + timedelta(hours=20))),),
        (),
        False,
    )


@pytest.mark.parametrize(
    "expression",
    [
        pc.field("agent") == "ana",
        pc.field("agent").is_null(),
        time.is_null(),
        ~(pc.field("transferred_agent")),
        (pc.field("duration_seconds") > 100) | (time < at(3)),
        pc.field("start_time") < pc.field("end_time"),
    ],
)
def test_filters_are_exact(calls: VirtualTable, truth: pa.Table, expression: pc.Expression) -> None:
    assert sorted(calls.to_table(filter=expression)["id"].to_pylist()) == sorted(
        truth.filter(expression)["id"].to_pylist()
    )


def test_a_filter_on_a_json_column(calls: VirtualTable) -> None:
    assert calls.to_table(["id"], pc.field("_unmapped") == '{"x": 1}').num_rows == 100
    assert calls.count_rows(pc.field("_unmapped").is_valid()) == 100


def test_projection_without_the_filtered_column(calls: VirtualTable) -> None:
    found = calls.to_table(["agent", "tags"], time < at(2))
    assert found.to_pylist() == [{"agent": "ana", "tags": []}, {"agent": "bruno", "tags": ["a"]}]


def test_no_columns_still_count(calls: VirtualTable) -> None:
    assert calls.scanner([], None).to_reader().read_all().num_rows == 1001
    assert calls.count_rows(time >= at(999)) == 1


def test_nothing_is_asked_where_nothing_can_match(calls: VirtualTable, source: MemorySource) -> None:
    assert calls.count_rows((time > at(5)) & (time < at(4))) == 0
    assert source.asked == []


def test_nothing_is_asked_before_rows_are_wanted(calls: VirtualTable, source: MemorySource) -> None:
    reader = calls.scanner().to_reader()
    assert source.asked == []
    assert reader.read_next_batch().num_rows == 100
    assert len(source.asked) == 1


def test_head_stops_the_scan(calls: VirtualTable, source: MemorySource) -> None:
    assert calls.head(150).num_rows == 150
    assert source.given == 2
    assert source.closed_scans == 1


def test_a_dropped_reader_closes_the_scan(calls: VirtualTable, source: MemorySource) -> None:
    reader = calls.scanner().to_reader()
    reader.read_next_batch()
    del reader
    gc.collect()
    assert source.closed_scans == 1


def test_ids_of_the_filter(source: MemorySource) -> None:
    forms = forms_of(source, "f1")
    odd = 'it\'s "odd"\\,'
    assert forms.count_rows(pc.field("form") == odd) == 3
    assert forms.count_rows(pc.field("form").isin(["f2", odd])) == 6
    assert [set(ids) for _, _, ids, _ in source.asked] == [{odd}, {"f2", odd}]


def test_ids_of_the_settings(source: MemorySource) -> None:
    assert forms_of(source, "f1", "f2").count_rows() == 6
    assert forms_of(source, "f1", "f2").count_rows(pc.field("form") != "f1") == 3
    assert forms_of(source, "f1").count_rows(pc.field("form") > "f9") == 0
    assert [ids for _, _, ids, _ in source.asked] == [("f1", "f2"), ("f2",)]


@pytest.mark.parametrize("expression", [None, pc.field("form") != "f1", pc.field("type") == "f1"])
def test_no_id_is_an_error(source: MemorySource, expression: pc.Expression | None) -> None:
    with pytest.raises(MissingIdError, match="WHERE form = '…'"):
        forms_of(source).to_table(filter=expression)
    assert source.asked == []


def test_an_error_of_the_scan_comes_as_it_is(calls: VirtualTable, source: MemorySource) -> None:
    source.error = ResponseError("no JSON")
    with pytest.raises(ResponseError) as caught:
        calls.to_table()
    assert caught.value is source.error
    assert source.closed_scans == 1


def test_duckdb_gets_a_marked_error(calls: VirtualTable, source: MemorySource) -> None:
    source.error = ResponseError("no JSON")
    with pytest.raises(FailedScan, match=r"ResponseError: no JSON \[videsk scan [0-9a-f]{16}\]"):
        calls.scanner().to_reader().read_all()


def test_failures_are_found_once_by_their_mark() -> None:
    store, one, other = Failures(keep=2), ValueError("one"), ValueError("other")
    text, its_text = str(store.bear(one)), str(store.bear(other))
    assert store.original(f"DuckDB says: {its_text}") is other
    assert store.original(its_text) is None
    store.bear(ValueError())
    store.bear(ValueError())
    assert store.original(text) is None
    assert store.original("no mark") is None


def test_a_ticket_ends_a_silent_scan(source: MemorySource) -> None:
    source.silent = True
    board, owner = Board(), object()
    table = VirtualTable(CALLS, source, board=board)
    with board.executing(owner):
        batches = table.to_batches()
        next(batches)
        timer = threading.Timer(0.3, board.stop, [owner])
        timer.start()
        with pytest.raises(Stopped):
            next(batches)
    timer.join()
    assert source.closed_scans == 1


def test_a_stop_meets_only_the_owners_scans(source: MemorySource) -> None:
    board, owner = Board(), object()
    table = VirtualTable(CALLS, source, board=board)
    with board.executing(owner):
        own = table.to_batches()
        next(own)
    strangers = table.to_batches()
    next(strangers)
    board.stop(owner, unclaimed=True)
    with pytest.raises(Stopped):
        list(own)
    assert sum(batch.num_rows for batch in strangers) == 901


def test_the_ledger_is_read_live(source: MemorySource) -> None:
    table = LedgerTable(source.ledger, board=Board())
    assert table.count_rows() == 0
    source.scan(CALLS, (EVER,))
    assert table.to_table(["table_name"], pc.field("rows") == 1).to_pylist() == [{"table_name": "calls"}]


def test_the_other_methods_of_a_dataset(calls: VirtualTable, source: MemorySource) -> None:
    assert calls.schema == CALLS.schema
    assert calls.partition_expression.equals(pc.scalar(True))
    assert calls.take([0, 2])["id"].to_pylist() == ["0" * 24, f"{2:024x}"]
    narrowed = calls.filter(time < at(5)).filter(pc.field("agent") == "ana")
    assert narrowed.count_rows() == 2
    assert narrowed.to_table(["id"]).num_rows == 2
    assert narrowed.schema == CALLS.schema
    assert len(source.asked[-1][1]) == 1
    assert calls.sort_by([("duration_seconds", "descending")]).head(1)["duration_seconds"][0].as_py() == 360.0
    other = ds.dataset(pa.table({"id": ["0" * 24], "extra": [1]}))
    narrow = ds.dataset(calls.to_table(["id", "agent"]))
    assert narrow.join(other, "id", join_type="inner").count_rows() == 1
    for refuse in (calls.get_fragments, lambda: calls.replace_schema(calls.schema)):
        with pytest.raises(NotImplementedError):
            refuse()
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(calls)


PROBE = """
import sys
sys.path[:0] = {paths!r}
import pyarrow as pa, pyarrow.compute as pc, pyarrow.dataset as ds
from memory import ENDPOINTS_BY_TABLE, MemorySource, all_rows
from duckdb_videsk.dataset import VirtualTable
from duckdb_videsk.request_log import LedgerTable
from duckdb_videsk.running import Board
source = MemorySource(all_rows())
arguments = [(), (1,), ("agent",), (pc.field("agent") == "ana",), ([0],), ({{"a": pc.field("agent")}},), (None, None),
    (ds.dataset(pa.table({{"id": ["x"]}})), "id")]
tables = [VirtualTable(ENDPOINTS_BY_TABLE["calls"], source, board=Board()), LedgerTable(source.ledger, board=Board())]
for table in [*tables, tables[0].filter(pc.field("agent") == "ana")]:
    for name in dir(ds.Dataset):
        if name.startswith("_"):
            continue
        for given in arguments:
            try:
                value = getattr(table, name)
                if callable(value):
                    value = value(*given)
                    if name in ("to_batches",):
                        list(value)
                    if name == "scanner":
                        value.to_table()
            except Exception:
                pass
    repr(table), str(table), hash(table), table == table
print("alive")
"""


def test_no_public_method_crashes_the_process() -> None:
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run([sys.executable, "-c", PROBE.format(paths=paths)], capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, b"alive"), done.stderr.decode()[-2000:]


def test_every_public_name_of_a_dataset_is_overridden() -> None:
    inherited = [name for name in dir(ds.Dataset) if not name.startswith("_")]
    assert [name for name in inherited if getattr(VirtualTable, name) is getattr(ds.Dataset, name)] == []


def test_duckdb_reads_it(calls: VirtualTable, truth: pa.Table) -> None:
    with duckdb.connect() as native:
        native.execute("ATTACH ':memory:' AS videsk; USE videsk")
        native.from_arrow(calls).create_view("calls")
        native.register("truth", truth)
        query = "SELECT agent, count(*), sum(len(tags)) FROM {} WHERE agent IN ('ana', 'x') GROUP BY ALL"
        assert native.execute(query.format("calls")).fetchall() == native.execute(query.format("truth")).fetchall()
        assert native.execute("SELECT count(*) FROM calls").fetchall() == [(1001,)]
        assert native.execute("SELECT count(*) FROM calls WHERE _unmapped = '{\"x\": 1}'").fetchall() == [(100,)]
