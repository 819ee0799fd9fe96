"""How long queries over kept days take, as a multiple of the same query by DuckDB on one well-made Parquet file.

Run `python benchmarks/lake.py`; with `--check` it exits with 1 where a figure is over its target.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

import duckdb_videsk
from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.lake import Lake
from duckdb_videsk.lake.layout import Piece, month_of
from duckdb_videsk.ranges import DAY, Range, micros
from duckdb_videsk.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.lake.store import Shelf

SINCE = datetime(2021, 1, 1, tzinfo=UTC)
MONTHS = 60
FILES = 20_000
ROUNDS = 7
TABLE, VIEW = "videsk.calls", "videsk.es.llamadas"

CALLS = """
SELECT
    printf('%08x', (epoch(moment))::BIGINT) || printf('%016x', n) AS id,
    ['Ventas', 'Posventa', 'Soporte técnico', 'Cobranza'][1 + (hash(n, 1) % 4)::BIGINT] AS segment,
    ['Ana Pérez', 'Juan Muñoz', 'Sofía Rojas', 'Íñigo Peña'][1 + (hash(n, 2) % 4)::BIGINT]
        || ' ' || (hash(n, 3) % 25)
        AS agent,
    moment AS start_time,
    moment + to_seconds((hash(n, 4) % 1200)::BIGINT) AS end_time,
    ((hash(n, 4) % 1200)::BIGINT)::DOUBLE AS duration_seconds,
    'NPS' AS survey,
    printf('%024x', hash(n, 5)) AS extra_data,
    moment + to_seconds((hash(n, 4) % 1200)::BIGINT) AS customer_leave,
    (hash(n, 6) % 10)::BIGINT = 0 AS transferred_agent,
    false AS transferred_segment,
    printf('%024x', hash(n, 7)) AS queue,
    printf('%024x', hash(n, 8)) AS survey_id,
    printf('%024x', (hash(n, 9) % 20)::BIGINT) AS agent_form,
    printf('%024x', (hash(n, 10) % 20)::BIGINT) AS base_form,
    90.0::DOUBLE AS after_call_work_seconds,
    ((hash(n, 4) % 1200)::BIGINT)::DOUBLE AS effective_duration_seconds,
    ['venta', 'reclamo'][1:(hash(n, 11) % 3)::BIGINT] AS tags,
    ['Cliente pide más información'][1:(hash(n, 12) % 2)::BIGINT] AS comments,
    NULL::VARCHAR AS _unmapped
FROM (
    SELECT i AS n, make_timestamptz($start + (i * ($length / $rows))::BIGINT // 1000000 * 1000000) AS moment
    FROM range($rows::BIGINT) t(i)
)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One query over a stretch of time: its months or days, and what it may take.

    Attributes:
        times: the most, as a multiple of the one file's time.
        more_ms: the most over the one file's time, in milliseconds.
    """

    name: str
    start: str
    end: str
    times: float | None = None
    more_ms: float | None = None


CASES = (
    Case("five years", "2021-01-02", "2025-12-31", times=1.3),
    Case("one month", "2023-05-01", "2023-06-01", times=1.5),
    Case("one day", "2023-05-10", "2023-05-11", more_ms=10),
)


def months() -> Iterator[Range]:
    start = micros(SINCE)
    for _ in range(MONTHS):
        month = month_of(start)
        yield month
        start = month.end


def fill(shelf: Shelf, rows: int) -> None:
    with duckdb.connect() as made:
        for month in months():
            parameters = {"start": month.start, "length": month.length, "rows": rows // MONTHS}
            table = made.sql(CALLS, params=parameters).to_arrow_table()
            shelf.keep(month, table.cast(shelf.endpoint.schema), fetched=int(time.time()))


def one_file(folder: Path, shelf: Shelf) -> Path:
    file = folder / "one.parquet"
    with duckdb.connect() as made:
        source = [str(shelf.path(piece)) for piece in shelf.pieces()]
        made.execute(
            f"COPY (FROM read_parquet({source}, hive_partitioning = false)) TO '{file}' "
            "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
        )
    return file


def query(source: str, case: Case, names: tuple[str, str, str]) -> str:
    agent, seconds, start = names
    return (
        f"SELECT {agent}, count(*), sum({seconds}) FROM {source} "
        f"WHERE {start} >= TIMESTAMPTZ '{case.start} 00:00:00+00' AND {start} < TIMESTAMPTZ '{case.end} 00:00:00+00' "
        "GROUP BY ALL"
    )


def best(con: duckdb_videsk.Connection, *queries: str) -> list[float]:
    """The shortest time of each, taken in turns; the answers must be of the same size."""
    times = [float("inf")] * len(queries)
    for _ in range(ROUNDS):
        sizes = set()
        for index, text in enumerate(queries):
            started = time.perf_counter()
            sizes.add(len(con.execute(text).fetchall()))
            times[index] = min(times[index], time.perf_counter() - started)
        assert len(sizes) == 1
    return times


def queries(folder: Path, rows: int) -> bool:
    """Prints the times of the queries; gives whether each is within its target."""
    options: dict[str, Any] = {
        "token": "benchmark",
        "time_zone": "UTC",
        "lake": True,
        "lake_dir": folder / "lake",
        "cache_dir": "none",
    }
    shelf = Lake(load_settings(**options)).shelf(by_table()["calls"])
    fill(shelf, rows)
    file = one_file(folder, shelf)
    good = True
    with duckdb_videsk.connect(offline=True, **options) as con:
        for case in CASES:
            english = ("agent", "duration_seconds", "start_time")
            bare, table, view = best(
                con,
                query(f"read_parquet('{file}')", case, english),
                query(TABLE, case, english),
                query(VIEW, case, ('"Agente"', '"Duración"', '"Inicio"')),
            )
            for name, taken in ((TABLE, table), (VIEW, view)):
                target = f"{case.times} x" if case.times else f"{case.more_ms:.0f} ms more"
                print(
                    f"{case.name:<16} {name:<20} {taken * 1e3:7.1f} ms  one file {bare * 1e3:7.1f} ms"
                    f"  {taken / bare:5.2f} x, {(taken - bare) * 1e3:+6.1f} ms (target {target})"
                )
                good = good and taken <= bare * (case.times or 1) + (case.more_ms or 0) / 1e3
    return good


def opening(folder: Path) -> bool:
    """Prints how long it takes to open a catalog over many files; gives whether it is within the target."""
    forms, surveys = ("f" * 24,), ("5" * 24,)
    options: dict[str, Any] = {
        "token": "benchmark",
        "lake": True,
        "lake_dir": folder / "many",
        "cache_dir": "none",
        "forms": forms,
        "surveys": surveys,
    }
    lake = Lake(load_settings(**options))
    for endpoint in ENDPOINTS:
        ids = {"form": forms, "survey": surveys}.get(endpoint.parameter or "", (None,))
        scatter(lake.shelf(endpoint, ids[0]), FILES // len(ENDPOINTS))
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        duckdb_videsk.connect(**options).close()
        times.append(time.perf_counter() - started)
    print(f"opening a catalog over {FILES:,} files: {min(times) * 1e3:.0f} ms (target 300 ms)")
    return min(times) <= 0.3


def scatter(shelf: Shelf, days: int) -> None:
    """Many files of a day each, which all hold the same row."""
    table = pa.Table.from_pylist([{"id": "a"}], shelf.endpoint.schema)
    start = micros(SINCE)
    now = int(time.time())
    shelf.keep(month_of(start), table, fetched=now)
    (first,) = shelf.pieces()
    content = shelf.path(first).read_bytes()
    shelf.remove([shelf.path(first)])
    for number in range(days):
        span = Range(start + number * DAY, start + (number + 1) * DAY)
        piece = Piece(span, 1, first.size, now, first.mark, first.checksum)
        file = shelf.path(piece)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (now, now))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="kept calls (default: ten million)")
    options.add_argument("--check", action="store_true", help="exit with 1 where a figure is over its target")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        within = [opening(Path(folder)), queries(Path(folder), chosen.rows)]
    return 1 if chosen.check and not all(within) else 0


if __name__ == "__main__":
    sys.exit(main())
