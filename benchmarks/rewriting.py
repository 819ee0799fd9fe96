"""How long a look at a statement takes before it runs: `python -m benchmarks.rewriting`.

Beside it the time that DuckDB itself takes to plan the statement, in the same run.
"""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import duckdb_videsk
from benchmarks.asking import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk import Connection

ROUNDS = 15
CASES = [
    ("no condition", "SELECT count(*) FROM videsk.calls -- {}", 15),
    ("nothing to add", "SELECT count(*) FROM videsk.calls WHERE agent = 'ana {}'", 15),
    ("a day", "SELECT count(*) FROM videsk.calls WHERE start_time::date = current_date - {}", 15),
    ("a month", "SELECT count(*) FROM videsk.calls WHERE strftime(start_time, '%Y-%m') = '20{:02}-10'", 15),
    ("a year and a month", "FROM videsk.calls WHERE year(start_time) = 20{:02} AND month(start_time) = 9", 15),
    ("the latest", "SELECT id FROM videsk.calls ORDER BY start_time DESC LIMIT 1{}", 15),
    (
        "a join",
        "FROM videsk.calls c JOIN videsk.queues q USING (start_time) WHERE c.start_time::date = '20{:02}-10-01'",
        15,
    ),
    (
        "ten years of hours",
        "FROM videsk.calls WHERE hour(start_time) = {} AND year(start_time) BETWEEN 2016 AND 2025",
        150,
    ),
]


def main() -> None:
    with duckdb_videsk.connect(token=TOKEN, base_url="http://127.0.0.1:9", lake=False) as con:
        look(con, CASES[2][1].format(99))
        for name, text, target in CASES:
            looked = median(partial(look, con), text)
            planned = median(con.native.execute, f"EXPLAIN {text}")
            own = f"DuckDB's plan {planned:5.1f} ms  {looked / planned:5.1f} x"
            print(f"{name:<22}{looked:8.1f} ms  {own}  (target {target} ms)")


def look(con: Connection, text: str) -> None:
    con._rewritten(text, at_once=True)  # noqa: SLF001 - it is what runs before each statement


def median(run: Callable[[str], object], text: str) -> float:
    spent = []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        run(text.format(number))
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent) * 1_000


if __name__ == "__main__":
    main()
