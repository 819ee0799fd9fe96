"""Dates made in a sub-query or a CTE and compared outside, beside the statements of `sql_layer/derived.txt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from duckdb_videsk.ranges import EVER, Range, micros
from memory import START, MemorySource, all_rows, connect_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk import Connection

DAYS = "SELECT start_time::date AS day, id, agent FROM videsk.calls"
COUNT = f"SELECT count(*) FROM ({DAYS}) WHERE day = '2026-01-05'"
ONE_DAY = (Range(micros(START) + 96 * 3_600_000_000, micros(START) + 120 * 3_600_000_000),)


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(all_rows())


@pytest.fixture
def con(source: MemorySource) -> Iterator[Connection]:
    with connect_to(source) as connection:
        yield connection


def asked(source: MemorySource) -> tuple[Range, ...]:
    return source.asked[-1][1]


def test_every_kind_of_statement(con: Connection, source: MemorySource, tmp_path: Any) -> None:
    ids = COUNT.replace("count(*)", "id")
    for text in (
        COUNT,
        f"CREATE TABLE kept AS {ids}",
        f"INSERT INTO kept {ids}",
        f"UPDATE kept SET id = 'x' WHERE id IN ({ids})",
        f"DELETE FROM kept WHERE id IN ({ids})",
        f"EXPLAIN ANALYZE {COUNT}",
        f"COPY ({ids}) TO '{tmp_path}/x.csv'",
        f"PIVOT ({COUNT.replace('count(*)', 'agent')}) ON agent USING count(*)",
    ):
        source.asked.clear()
        con.execute(text).fetchall()
        assert {ranges for _, ranges, _, _ in source.asked} == {ONE_DAY}, text
    view = f"CREATE VIEW v AS {COUNT}"
    assert con._rewritten(view) == view


def test_a_plan_says_what_bounds_it(con: Connection) -> None:
    (scan,) = con.plan(COUNT).scans
    assert (scan.ranges, scan.because) == (ONE_DAY, ("day = '2026-01-05'",))


def test_a_column_that_is_handed_on_is_bounded_once(con: Connection) -> None:
    text = "SELECT count(*) FROM (SELECT * FROM videsk.calls) WHERE start_time::date = '2026-01-05'"
    assert con._rewritten(text).count("CASE WHEN") == 2


def test_parameters_inside_and_outside(con: Connection, source: MemorySource) -> None:
    text = """SELECT ?, count(*) FROM (SELECT start_time::date + ? AS day FROM videsk.calls WHERE agent <> ?)
              WHERE day = ? GROUP BY 1"""
    values = ["x", 2, "ana", "2026-01-07"]
    found = con.execute(text, values).fetchall()
    assert asked(source) == ONE_DAY
    assert found == con.native.execute(text, values).fetchall() == [("x", 8)]


def test_a_lazy_query_in_another_session(con: Connection, source: MemorySource) -> None:
    by_year = "SELECT count(*) FROM (SELECT year(start_time) AS y FROM videsk.calls) WHERE y = 2025"
    early, other = con.sql(COUNT), con.sql(by_year)
    con.execute("SET TimeZone = 'Asia/Kathmandu'")
    assert early.fetchall() == con.native.execute(COUNT).fetchall()
    assert asked(source) == (EVER,)
    con.execute("RESET TimeZone")
    con.execute("CREATE MACRO year(x) AS 2025")
    assert other.fetchall() == con.native.execute(by_year).fetchall() != [(0,)]


def test_on_another_day(con: Connection, source: MemorySource) -> None:
    new = con._rewritten(COUNT.replace("= '2026-01-05'", "= current_date - 1"))
    ((today,),) = con.execute("SELECT current_date::VARCHAR").fetchall()
    con.native.execute(new).fetchall()
    assert asked(source) != (EVER,)
    con.native.execute(new.replace(f"DISTINCT FROM DATE '{today}'", "DISTINCT FROM DATE '2020-02-02'")).fetchall()
    assert asked(source) == (EVER,)


def test_a_macro_may_read_a_cte(con: Connection) -> None:
    con.execute("CREATE TABLE c AS SELECT 1 AS x")
    con.execute("CREATE MACRO all_of_c() AS (SELECT count(*) FROM c)")
    text = f"WITH c AS ({DAYS}) SELECT all_of_c(), count(*) FROM c WHERE day = '2026-01-05'"
    assert con._rewritten(text) == text
    assert con._rewritten(text.replace("all_of_c(), ", "")) != text
    both = f"WITH b AS ({DAYS}), c AS ({DAYS}) SELECT all_of_c() FROM b, c"
    other = f"{both} WHERE b.day > '2026-01-02' AND c.day = '2026-01-05'"
    assert con._rewritten(other) == other
    table = f"WITH c AS ({DAYS}) SELECT day FROM c WHERE day = '2026-01-05' UNION ALL SELECT day FROM rows_of_c()"
    con.execute("CREATE MACRO rows_of_c() AS TABLE SELECT DATE '2026-01-01' AS day FROM c")
    assert con._rewritten(table) == table
    assert con.execute(table).fetchall() == con.native.execute(table).fetchall()


def test_a_column_of_an_own_table_may_be_named_like_a_word_for_the_time(con: Connection) -> None:
    con.execute("CREATE TABLE mine AS SELECT DATE '2026-01-05' AS current_date")
    text = f"SELECT count(*) FROM ({DAYS}) t, mine WHERE day = current_date"
    assert con._rewritten(text) == text
    assert con.execute(text).fetchall() == [(24,)]


def test_an_own_macro_may_do_anything(con: Connection) -> None:
    con.execute("CREATE MACRO place_in_row() AS row_number() OVER ()")
    text = COUNT.replace("agent FROM", "place_in_row() AS n FROM")
    assert con._rewritten(text) == text


def test_errors_are_those_of_the_text(con: Connection) -> None:
    text = COUNT.replace("agent FROM", "nothing_here FROM")
    with pytest.raises(Exception, match="nothing_here") as native:
        con.native.sql(text)
    with pytest.raises(type(native.value)) as ours:
        con.sql(text)
    assert str(ours.value) == str(native.value)
