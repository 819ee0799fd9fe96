"""Tables of the user's own that are joined on a date bound a scan by their ends, and never wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckdb_videsk.ranges import DAY, EVER, Range, micros, total
from memory import START, MemorySource, all_rows, connect_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk import Connection

# DuckDB 1.5 plans a statement before the transaction in which it runs, so nothing is bounded there.
BOUNDS = int(duckdb.__version__.split(".")[0]) >= 2
BOUNDED = [
    "SELECT c.id, goal FROM videsk.calls c JOIN targets t ON c.start_time::date = t.day",
    "SELECT c.id, goal FROM videsk.calls c JOIN Targets T ON T.Day = c.start_time::date",
    "SELECT c.id, goal FROM videsk.calls c, targets WHERE c.start_time::date = day",
    "SELECT c.id, goal FROM videsk.calls AS c JOIN memory.main.targets t ON date_trunc('day', c.start_time) = t.day",
    "SELECT c.id, goal FROM targets t LEFT JOIN videsk.calls c ON c.start_time::date = t.day",
    "SELECT c.id, goal FROM targets t JOIN videsk.calls c ON c.start_time >= t.day AND c.start_time < t.day + 1",
    "SELECT c.id, goal FROM targets t JOIN videsk.calls c ON c.start_time BETWEEN t.day AND t.day + INTERVAL 1 DAY",
    "SELECT c.id, goal FROM targets t JOIN videsk.calls c ON c.start_time BETWEEN t.since AND t.until",
    "SELECT c.id, t.goal FROM videsk.calls c JOIN targets t ON c.start_time::date = t.day OR c.start_time = t.since",
    'SELECT "Identificador", goal FROM videsk.es.llamadas l JOIN targets t ON l."Inicio"::date = t.day',
    "WITH w AS (SELECT goal FROM targets JOIN videsk.calls c ON c.start_time::date = targets.day) FROM w",
]
NOT_BOUNDED = [
    "SELECT c.id FROM videsk.calls c LEFT JOIN targets t ON c.start_time::date = t.day",
    "SELECT c.id FROM videsk.calls c JOIN targets t ON c.start_time::date = t.day OR t.goal > 1",
    "SELECT c.id FROM videsk.calls c JOIN targets t ON NOT (c.start_time::date = t.day)",
    "SELECT c.id FROM videsk.calls c JOIN targets t ON c.start_time::date <> t.day",
    "SELECT c.id FROM videsk.calls c JOIN targets t ON c.start_time = t.clock",
    "WITH targets AS (SELECT '2026-01-02'::DATE AS day) SELECT id FROM videsk.calls, targets WHERE start_time = day",
    "SELECT c.id FROM videsk.calls c JOIN view_of_targets t ON c.start_time::date = t.day",
    "SELECT c.id FROM videsk.calls c JOIN (FROM targets) t ON c.start_time::date = t.day",
    "SELECT c.id FROM videsk.calls c JOIN targets t(start) ON c.start_time::date = t.start",
]


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(all_rows())


@pytest.fixture
def con(source: MemorySource) -> Iterator[Connection]:
    with connect_to(source) as connection:
        connection.execute(
            "CREATE TABLE targets AS SELECT day, i AS goal, day::TIMESTAMPTZ AS since, "
            "(day + 1)::TIMESTAMPTZ AS until,"
            " day::TIMESTAMP AS clock FROM (SELECT i, DATE '2026-01-03' + i::INTEGER AS day FROM range(3) t(i))"
        )
        connection.execute("INSERT INTO targets VALUES (NULL, 9, NULL, NULL, NULL)")
        connection.execute("CREATE VIEW view_of_targets AS FROM targets")
        yield connection


def asked(source: MemorySource) -> tuple[Range, ...]:
    return source.asked[-1][1]


def plainly(con: Connection, text: str) -> list[str]:
    return sorted(map(repr, con.native.execute(text).fetchall()))


@pytest.mark.parametrize("text", BOUNDED)
def test_bounded(con: Connection, source: MemorySource, text: str) -> None:
    expected = plainly(con, text)
    for run in (con.execute, con.sql):
        source.asked.clear()
        assert sorted(map(repr, run(text).fetchall())) == expected
        assert not BOUNDS or total(asked(source)) <= 4 * DAY + DAY // 24
        assert not BOUNDS or asked(source)[0].start == micros(START) + 2 * DAY
    assert expected
    (scan,) = con.plan(text).scans
    assert not BOUNDS or total(scan.ranges) <= 4 * DAY + DAY // 24


@pytest.mark.parametrize("text", NOT_BOUNDED)
def test_not_bounded(con: Connection, source: MemorySource, text: str) -> None:
    expected = plainly(con, text)
    by_itself = asked(source)
    source.asked.clear()
    assert sorted(map(repr, con.execute(text).fetchall())) == expected
    # DuckDB 1.5 narrows some joins by itself while they run.
    assert asked(source) == by_itself
    assert by_itself == (EVER,) or duckdb.__version__ < "2"


def test_a_variable_of_python(con: Connection, source: MemorySource) -> None:
    frame = con.sql("FROM targets").to_arrow_table()
    assert frame.num_rows == 4
    for run in (con.execute, con.sql):
        assert len(run("SELECT c.id FROM videsk.calls c JOIN frame t ON c.start_time::date = t.day").fetchall()) == 72
        assert asked(source) == (EVER,)


def test_rows_that_come_later_are_found_by_a_lazy_relation(con: Connection, source: MemorySource) -> None:
    lazy = con.sql(BOUNDED[0])
    assert len(lazy.fetchall()) == 72
    assert asked(source) != (EVER,) or not BOUNDS
    for change in (
        "INSERT INTO targets (day) VALUES ('2026-01-09')",
        "UPDATE targets SET day = '2026-01-10' WHERE goal = 1",
    ):
        con.native.execute(change)
        assert sorted(map(repr, lazy.fetchall())) == plainly(con, BOUNDED[0])
        assert asked(source) == (EVER,)


def test_another_table_of_that_name(con: Connection, source: MemorySource) -> None:
    lazy = con.sql(BOUNDED[0])
    assert len(lazy.fetchall()) == 72
    con.native.execute("CREATE TEMP TABLE targets AS SELECT DATE '2026-01-09' AS day, 1 AS goal")
    assert len(lazy.fetchall()) == 24
    assert asked(source) == (EVER,)
    assert len(con.execute(BOUNDED[0]).fetchall()) == 24, "the temporary table is the one that is meant"
    assert not BOUNDS or total(asked(source)) == DAY


def test_in_a_transaction(con: Connection, source: MemorySource) -> None:
    con.begin()
    con.execute("INSERT INTO targets (day) VALUES ('2026-01-09')")
    for run in (con.execute, con.sql):
        assert sorted(map(repr, run(BOUNDED[0]).fetchall())) == plainly(con, BOUNDED[0])
    con.rollback()
    for run in (con.execute, con.sql):
        assert len(run(BOUNDED[0]).fetchall()) == 72
        assert asked(source) != (EVER,) or not BOUNDS


def test_an_older_snapshot(con: Connection, source: MemorySource) -> None:
    con.begin()
    assert con.execute("SELECT count(*) FROM targets").fetchall() == [(4,)]
    with con.cursor() as other:
        other.execute("DELETE FROM targets")
        other.execute("INSERT INTO targets (day) VALUES ('2026-01-09')")
    for run in (con.execute, con.sql):
        assert len(run(BOUNDED[0]).fetchall()) == 72
    con.commit()
    for run in (con.execute, con.sql):
        assert len(run(BOUNDED[0]).fetchall()) == 24


def test_deleted_rows_widen_at_most(con: Connection, source: MemorySource) -> None:
    con.execute("DELETE FROM targets WHERE goal <> 1")
    assert len(con.execute(BOUNDED[0]).fetchall()) == 24
    assert not BOUNDS or total(asked(source)) <= 4 * DAY


def test_infinite_and_absent_dates(con: Connection, source: MemorySource) -> None:
    con.execute("INSERT INTO targets (day) VALUES ('infinity')")
    assert len(con.execute(BOUNDED[0]).fetchall()) == 72
    con.execute("TRUNCATE targets")
    assert con.execute(BOUNDED[0]).fetchall() == []


@pytest.mark.parametrize("day", ["5874897-12-31", "294246-01-01", "290300-01-01 (BC)"])
def test_dates_that_cannot_be_moved_do_not_spoil_a_transaction(con: Connection, day: str) -> None:
    con.begin()
    con.execute(f"INSERT INTO targets (day) VALUES (DATE '{day}')")
    assert len(con.execute(BOUNDED[0]).fetchall()) == 72
    con.commit()
    assert con.sql("SELECT count(*) FROM targets").fetchall() == [(5,)]


def test_a_statement_does_not_grow_without_end(con: Connection) -> None:
    joins = " ".join(
        f"JOIN targets t{i} ON c.start_time::date = t{i}.day AND dayofweek(c.start_time) <> 1" for i in range(6)
    )
    text = con._rewritten(f"SELECT count(*) FROM videsk.calls c {joins}")
    assert 1_000 < len(text) < 100_000


def test_a_macro_in_the_place_of_a_function(con: Connection) -> None:
    text = "SELECT c.id FROM videsk.calls c JOIN targets t ON date_trunc('day', c.start_time) = t.day"
    lazy = con.sql(text)
    assert len(lazy.fetchall()) == 72
    con.native.execute("CREATE MACRO date_trunc(part, at) AS DATE '2026-01-03'")
    assert len(lazy.fetchall()) == len(con.native.sql(text).fetchall()) > 72


DAYS = st.integers(0, 20)
CHANGES = st.one_of(
    st.tuples(st.just("INSERT INTO mine VALUES (DATE '2025-12-28' + {0})"), DAYS),
    st.tuples(st.just("DELETE FROM mine WHERE day = DATE '2025-12-28' + {0}"), DAYS),
    st.tuples(st.just("UPDATE mine SET day = day + {0} WHERE day < '2026-01-03'"), DAYS),
    st.tuples(st.sampled_from(["BEGIN", "COMMIT", "ROLLBACK"]), DAYS),
)
CONDITIONS = st.sampled_from(
    ["c.start_time::date = m.day", "c.start_time >= m.day AND c.start_time < m.day + 2", "c.start_time < m.day",
     "date_trunc('week', c.start_time) = m.day",
     "m.day - INTERVAL 12 HOUR > c.start_time AND c.start_time::date >= m.day - 3"]
)  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Iterator[Connection]:
    with connect_to(MemorySource(all_rows())) as connection:
        yield connection


@settings(max_examples=15, deadline=None)
@given(changes=st.lists(CHANGES, max_size=5), condition=CONDITIONS, start=st.lists(DAYS, min_size=1, max_size=3))
def test_whatever_happens_to_the_table(
    shared: Connection, changes: list[tuple[str, int]], condition: str, start: list[int]
) -> None:
    text = f"SELECT count(*), min(c.start_time), max(c.id) FROM videsk.calls c JOIN mine m ON {condition}"
    shared.execute("CREATE OR REPLACE TABLE mine (day DATE)")
    shared.executemany("INSERT INTO mine VALUES (DATE '2025-12-28' + ?::INTEGER)", [[day] for day in start])
    lazy = shared.sql(text)
    within = False
    for change, day in changes:
        if change in {"BEGIN", "COMMIT", "ROLLBACK"}:
            if (change == "BEGIN") is within:
                continue
            within = not within
        shared.native.execute(change.format(day))
        expected = shared.native.execute(text).fetchall()
        assert lazy.fetchall() == expected
        assert shared.sql(text).fetchall() == expected
        assert shared.execute(text).fetchall() == expected
    if within:
        shared.rollback()


def test_an_error_while_it_runs_shows_nothing_that_was_put_in(con: Connection) -> None:
    text = "SELECT c.id FROM videsk.calls c JOIN targets t ON c.start_time::date = t.day AND t.goal = c.agent::BIGINT"
    for run in (con.execute, con.sql):
        with pytest.raises(duckdb.ConversionException, match=r"Could not convert string '\w+'") as caught:
            run(text).fetchall()
        assert "CASE WHEN" not in str(caught.value)
        assert "system.main" not in str(caught.value)
