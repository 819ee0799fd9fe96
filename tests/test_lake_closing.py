"""A read through the lake that another thread closes: what is kept by then is true, and nothing is asked after it."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ClosedError
from duckdb_videsk.fetch import Engine
from duckdb_videsk.lake import ReadThrough
from duckdb_videsk.lake.store import Shelf
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.ranges import Range, micros
from lakes import Shore, shore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb_videsk.lake.scanning import LakeScan

CALLS = by_table()["calls"]
DAYS = Range(micros(datetime(2026, 2, 25, tzinfo=UTC)), micros(datetime(2026, 3, 6, tzinfo=UTC)))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Shore]:
    with shore(tmp_path / "lake") as made:
        yield made


@contextlib.contextmanager
def reading(here: Shore) -> Iterator[tuple[ReadThrough, Engine]]:
    lake = here.lake()
    engine = Engine(lake.settings, ledger=Ledger())
    source = ReadThrough(lake, engine)
    try:
        yield source, engine
    finally:
        source.close()


def rows_of(scan: LakeScan) -> list[str]:
    ids: list[str] = []
    with contextlib.suppress(StopIteration):
        while True:
            batch = scan.poll(None)
            ids += [] if batch is None else batch.column("id").to_pylist()
    return sorted(ids)


def close_elsewhere(scan: LakeScan) -> None:
    other = threading.Thread(target=scan.close)
    other.start()
    other.join()


def test_closed_while_its_days_are_kept(here: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Shelf.keep
    with reading(here) as (source, _):
        scan = source.scan(CALLS, (DAYS,))

        def keep_and_close(self: Shelf, *args: Any, **options: Any) -> None:
            keep(self, *args, **options)
            close_elsewhere(scan)

        monkeypatch.setattr(Shelf, "keep", keep_and_close)
        truth = rows_of(scan)
        monkeypatch.undo()
        assert len(truth) > 200
        kept = source.lake.shelf(CALLS).pieces()
        assert len(kept) == 1
        assert kept[0].rows > 0
        with pytest.raises(ClosedError):
            scan.poll(None)
        assert rows_of(source.scan(CALLS, (DAYS,))) == truth


def test_closed_while_it_begins_to_ask(here: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(here) as (source, engine):
        scan = source.scan(CALLS, (DAYS,))
        scan_parts = engine.scan_parts

        def close_and_scan(*args: Any, **options: Any) -> Any:
            close_elsewhere(scan)
            return scan_parts(*args, **options)

        monkeypatch.setattr(engine, "scan_parts", close_and_scan)
        for _ in range(2):
            with pytest.raises(ClosedError):
                scan.poll(None)
        assert not here.sim.asked
        assert source.lake.shelf(CALLS).pieces() == []


def test_closed_before_it_takes_rows_down(here: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(here) as (source, engine):
        scan = source.scan(CALLS, (DAYS,))
        cap = engine.cap

        def close_and_say(*args: Any) -> int:
            close_elsewhere(scan)
            return cap(*args)

        monkeypatch.setattr(engine, "cap", close_and_say)
        with pytest.raises(ClosedError):
            scan.poll(None)
        assert not here.sim.asked
