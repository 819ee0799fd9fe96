"""The page that says what bounds a scan, by the way to the tables: every line of it is tried."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from duckdb_videsk.ranges import EVER
from memory import MemorySource, all_rows, connect_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk import Connection

PAGE = (Path(__file__).parent.parent / "docs" / "bounds.md").read_text("utf-8")
LINES = re.findall(r"^\| `([^|]+)` \| (yes|no) \| (yes|no) \|$", PAGE, re.MULTILINE)
# What DuckDB 1.5 does not pass on by itself.
NOT_BEFORE_2 = {"NOT (start_time < '2026-10-01' OR start_time >= '2026-11-01')"}


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(all_rows())


@pytest.fixture
def con(source: MemorySource) -> Iterator[Connection]:
    with connect_to(source) as connection:
        yield connection


def is_bounded(source: MemorySource) -> bool:
    ranges = [piece for _, pieces, _, _ in source.asked for piece in pieces]
    source.asked.clear()
    return all(piece.start > EVER.start for piece in ranges)


def test_the_page_is_read_whole() -> None:
    assert len(LINES) == len(re.findall(r"^\| `start_time|^\| `[^C`]", PAGE, re.MULTILINE)) >= 15


@pytest.mark.parametrize(("condition", "ours", "others"), LINES)
def test_a_line_of_the_page(con: Connection, source: MemorySource, condition: str, ours: str, others: str) -> None:
    query = f"SELECT count(*) FROM videsk.calls WHERE {condition}"
    found = con.execute(query).fetchall()
    assert is_bounded(source) is (ours == "yes")
    assert con.native.execute(query).fetchall() == found
    if condition not in NOT_BEFORE_2 or duckdb.__version__ >= "2":
        assert is_bounded(source) is (others == "yes")


def test_a_date_made_in_a_sub_query(con: Connection, source: MemorySource) -> None:
    (queries,) = re.findall(r"^```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    for query in queries.splitlines():
        expected = con.native.execute(query).fetchall()
        assert not is_bounded(source)
        assert con.execute(query).fetchall() == expected
        assert is_bounded(source)
    for beside in ("LIMIT 5", "UNION ALL SELECT end_time::date, agent FROM videsk.calls"):
        con.execute(queries.splitlines()[0].replace(") AS t", f" {beside}) AS t")).fetchall()
        assert not is_bounded(source)


def test_macros_bound_everywhere(con: Connection, source: MemorySource) -> None:
    for name in ("calls", "es.llamadas", "en.calls", "queues"):
        query = f"SELECT count(*) FROM videsk.{name}(since := '2026-10-01', until := '2026-11-01')"
        for way in (con, con.native, con.cursor(), con.native.cursor()):
            way.execute(query).fetchall()
            assert is_bounded(source)


def test_a_connection_that_was_attached_to_has_both_ways() -> None:
    query = "SELECT count(*) FROM videsk.calls WHERE start_time::date = '2026-01-05'"
    source = MemorySource(all_rows())
    with duckdb.connect() as native, connect_to(source, native=native) as con:
        con.execute(query).fetchall()
        assert is_bounded(source)
        native.execute(query).fetchall()
        assert not is_bounded(source)
