"""What the layer does around a statement: it is left alone, guarded, proved, and costs little."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import duckdb
import pytest

from duckdb_videsk import rewriting
from duckdb_videsk.ranges import EVER, Range, micros
from duckdb_videsk.rewriting import grid
from duckdb_videsk.rewriting.scopes import Scope
from duckdb_videsk.rewriting.splices import implied_text
from memory import START, MemorySource, all_rows, connect_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk import Connection

DAY = "start_time::date = '2026-01-05'"
COUNT = f"SELECT count(*) FROM videsk.calls WHERE {DAY}"
DAY_LONG = 86_400_000_000
ONE_DAY = (Range(micros(START) + 96 * 3_600_000_000, micros(START) + 120 * 3_600_000_000),)


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(all_rows())


@pytest.fixture
def con(source: MemorySource) -> Iterator[Connection]:
    with connect_to(source) as connection:
        yield connection


def rewritten(con: Connection, text: str) -> str:
    return con._rewritten(text)


def asked(source: MemorySource) -> tuple[Range, ...]:
    return source.asked[-1][1]


def test_every_door(con: Connection, source: MemorySource) -> None:
    for run in (con.sql, con.query, con.execute):
        assert run(COUNT).fetchall() == [(24,)]
        assert asked(source) == ONE_DAY
    con.execute(f"CREATE TABLE kept AS SELECT id FROM videsk.calls WHERE {DAY}")
    assert asked(source) == ONE_DAY
    con.execute(f"INSERT INTO kept SELECT id FROM videsk.calls WHERE {DAY}")
    assert asked(source) == ONE_DAY
    assert con.sql("SELECT count(*) FROM kept").fetchall() == [(48,)]
    con.execute(f"DELETE FROM kept WHERE id IN (SELECT id FROM videsk.calls WHERE {DAY})")
    assert asked(source) == ONE_DAY
    con.execute(f"EXPLAIN ANALYZE {COUNT}").fetchall()
    assert asked(source) == ONE_DAY


def test_copy_and_pivot(con: Connection, source: MemorySource, tmp_path: Any) -> None:
    con.execute(f"COPY (SELECT id FROM videsk.calls WHERE {DAY}) TO '{tmp_path}/x.csv' (HEADER)")
    assert asked(source) == ONE_DAY
    con.execute(f"PIVOT (SELECT agent, segment FROM videsk.calls WHERE {DAY}) ON agent USING count(*)").fetchall()
    assert {ranges for _, ranges, _, _ in source.asked[1:]} == {ONE_DAY}


def test_the_setting(source: MemorySource) -> None:
    with connect_to(source, implied_ranges=False) as con:
        assert con.sql(COUNT).fetchall() == [(24,)]
        assert asked(source) == (EVER,)


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE VIEW v AS {COUNT}",
        f"CREATE MACRO m() AS TABLE {COUNT}",
        f"PREPARE p AS {COUNT}",
        f"{COUNT}; {COUNT}",
        "SELECT count(*) FROM videsk.calls WHERE start_time::date = ?",
        "SELECT count(*) FROM videsk.calls WHERE start_time::date = $day",
        "SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-01-05' AND start_time < '2026-01-06'",
        "SELECT count(*) FROM videsk.calls WHERE agent = 'ana'",
        "SELECT count(*) FROM videsk.calls WHERE end_time::date = '2026-01-05'",
        "SELECT count(*) FROM videsk.requests WHERE started::date = '2026-01-05'",
        f"SELECT 1 WHERE '{COUNT.replace(chr(39), chr(39) * 2)}' = 'videsk'",
        "SELECT nonsense FROM FROM videsk.calls WHERE",
        "",
    ],
)
def test_left_alone(con: Connection, text: str) -> None:
    assert rewritten(con, text) == text


def test_only_additions(con: Connection) -> None:
    """Taking the two additions out gives the user's text again, comments and all."""
    text = f"SELECT string_agg(agent), mod(1, 2) -- where\nFROM videsk.calls /* on */ WHERE {DAY} /* end */ LIMIT 1"
    new = rewritten(con, text)
    before, _, rest = new.partition(f"WHERE ({DAY}) AND (")
    assert before + f"WHERE {DAY}" + rest[rest.index(") /* end") + 1 :] == text
    assert con.sql(text).columns == con.native.sql(text).columns


def test_parameters_elsewhere(con: Connection, source: MemorySource) -> None:
    assert con.execute(f"{COUNT} AND agent = ?", ["ana"]).fetchall() == [(8,)]
    assert asked(source) == ONE_DAY


def test_a_lazy_query_in_another_time_zone(con: Connection, source: MemorySource) -> None:
    relation = con.sql(COUNT)
    con.execute("SET TimeZone = 'Asia/Kathmandu'")
    expected = con.native.execute(COUNT).fetchall()
    source.asked.clear()
    assert relation.fetchall() == expected
    assert asked(source) == (EVER,)


def test_a_query_on_another_day(con: Connection, source: MemorySource) -> None:
    text = "SELECT count(*) FROM videsk.calls WHERE start_time::date >= current_date - 30"
    new = rewritten(con, text)
    ((today,),) = con.execute("SELECT current_date::VARCHAR").fetchall()
    assert f"DISTINCT FROM DATE '{today}'" in new
    con.native.execute(new).fetchall()
    assert asked(source) != (EVER,)
    con.native.execute(new.replace(f"DISTINCT FROM DATE '{today}'", "DISTINCT FROM DATE '2020-02-02'")).fetchall()
    assert asked(source) == (EVER,)


def test_macros_with_names_of_functions(con: Connection, source: MemorySource) -> None:
    text = "SELECT count(*) FROM videsk.calls WHERE year(start_time) = 5"
    assert rewritten(con, text) != text
    early = con.sql(text)
    assert early.fetchall() == [(0,)]
    derived = early.project("42 AS answer, *")
    con.execute("CREATE MACRO year(x) AS day(x)")
    assert con.sql(text).fetchall() == [(48,)]
    assert early.fetchall() == [(48,)], "a lazy relation means what its words mean when it runs"
    assert derived.fetchall() == [(42, 48)]
    assert asked(source) == (EVER,)
    assert [scan.ranges for scan in con.plan(text).scans] == [(EVER,)]
    con.execute("DROP MACRO year")
    assert early.fetchall() == [(0,)]
    assert asked(source) != (EVER,)
    con.execute("CREATE TEMP MACRO current_date() AS DATE '2026-01-05'")
    today = "SELECT count(*) FROM videsk.calls WHERE start_time::date = current_date()"
    assert con.sql(today).fetchall() == con.native.sql(today).fetchall()


def test_settings_that_change_meanings(con: Connection) -> None:
    con.execute("SET default_collation = 'NOCASE'")
    assert rewritten(con, COUNT) == COUNT


def test_names_alone(con: Connection, source: MemorySource) -> None:
    con.execute("USE videsk")
    assert con.sql(f"SELECT count(*) FROM calls WHERE {DAY}").fetchall() == [(24,)]
    assert asked(source) == ONE_DAY
    assert con.sql("SELECT count(*) FROM es.llamadas WHERE inicio::date = '2026-01-05'").fetchall() == [(24,)]
    assert asked(source) == ONE_DAY
    con.execute("CREATE TEMP TABLE calls AS SELECT TIMESTAMP '2026-01-05' AS start_time")
    text = f"SELECT count(*) FROM calls WHERE {DAY}"
    assert rewritten(con, text) == text
    assert con.sql(text).fetchall() == [(1,)]


def test_errors_are_those_of_the_text(con: Connection) -> None:
    text = f"SELECT nothing_here FROM videsk.calls WHERE {DAY}"
    with pytest.raises(duckdb.BinderException) as ours:
        con.sql(text)
    with pytest.raises(duckdb.BinderException) as native:
        con.native.sql(text)
    assert str(ours.value) == str(native.value)


def test_a_transaction_is_not_touched(con: Connection) -> None:
    con.begin()
    con.execute("CREATE TABLE mine AS SELECT 1 AS x")
    bad = "SELECT count(*) FROM videsk.calls WHERE start_time::date = 'no date'"
    assert rewritten(con, bad) == bad
    assert con.execute(COUNT).fetchall() == [(24,)]
    con.commit()
    assert con.sql("FROM mine").fetchall() == [(1,)]


def test_results_that_wait_stay(con: Connection) -> None:
    con.execute("SELECT * FROM range(10_000)")
    assert con.fetchone() == (0,)
    con.sql(COUNT)
    assert len(con.fetchall()) == 9_999


def test_own_tables_stay_as_they_are(con: Connection) -> None:
    con.execute("CREATE TABLE calls AS SELECT '2026-01-05' AS start_time")
    text = f"SELECT count(*) FROM calls, videsk.tags t WHERE calls.{DAY}"
    assert rewritten(con, text) == text


def test_implied_text() -> None:
    pieces = [Range(0, 1_000_000), Range(5_000_000, 6_500_000)]
    assert implied_text("t", pieces) == (
        "t >= TIMESTAMPTZ '1970-01-01 00:00:00+00' AND t < TIMESTAMPTZ '1970-01-01 00:00:06.500000+00' AND "
        "(t < TIMESTAMPTZ '1970-01-01 00:00:01+00' OR t >= TIMESTAMPTZ '1970-01-01 00:00:05+00')"
    )


def test_a_view_has_the_users_own_text(con: Connection, source: MemorySource) -> None:
    relation = con.sql(COUNT)
    assert relation.sql_query() == con.native.sql(COUNT).sql_query()
    relation.create_view("counted")
    ((text,),) = con.sql("SELECT sql FROM duckdb_views() WHERE view_name = 'counted'").fetchall()
    assert "CASE" not in text
    assert relation.fetchall() == con.sql("FROM counted").fetchall() == [(24,)]


def test_names_of_columns_stay(con: Connection) -> None:
    text = f"SELECT (SELECT count(*) FROM videsk.calls WHERE {DAY}), EXISTS (SELECT 1 FROM videsk.calls WHERE {DAY})"
    assert con.sql(text).columns == con.native.sql(text).columns
    assert con.sql(text).fetchall() == [(24, True)]


@pytest.mark.parametrize(
    "beside",
    ["random() >= 0", "nextval('numbers') > 0", "coalesce(error('no'), true)", "mine(agent)", "own(agent) > 0"],
)
def test_left_alone_beside_what_may_do_anything(con: Connection, beside: str) -> None:
    con.execute("CREATE SEQUENCE numbers")
    con.execute("CREATE MACRO mine(x) AS random() < 2")
    con.native.create_function("own", len, ["VARCHAR"], "BIGINT")
    text = f"{COUNT} AND {beside}"
    assert rewritten(con, text) == text


def test_parameters(con: Connection, source: MemorySource) -> None:
    day = "SELECT ?, count(*) FROM videsk.calls WHERE agent = ? AND start_time::date = ? GROUP BY 1"
    for value in ("2026-01-05", date(2026, 1, 5)):
        assert con.execute(day, ["x", "ana", value]).fetchall() == [("x", 8)]
        assert asked(source) == ONE_DAY
        assert con.sql(day, params=["x", "ana", value]).fetchall() == [("x", 8)]
        assert asked(source) == ONE_DAY
    parts = "year(start_time) = $y AND month(start_time) = $m AND day(start_time) = $d"
    named = f"SELECT count(*) FROM videsk.calls WHERE {parts}"
    assert con.execute(named, {"y": 2026, "m": 1, "d": 5}).fetchall() == [(24,)]
    assert asked(source) == ONE_DAY
    moment = datetime(2026, 1, 5, 3, tzinfo=UTC)
    both = "SELECT count(*) FROM videsk.calls WHERE date_trunc('day', start_time) IN ($2, $1)"
    assert con.execute(both, [moment, moment]).fetchall() == [(24,)]
    assert asked(source) == ONE_DAY


def test_words_for_the_time_that_are_not_about_the_column(con: Connection, source: MemorySource) -> None:
    ((hour,),) = con.execute("SELECT hour(now())").fetchall()
    now = f"hour(now()) IN ({hour}, {(hour + 1) % 24})"
    for condition in (
        f"{now} AND start_time >= '2026-01-01' AND start_time::date <= current_date",
        f"({now} OR start_time < '2025-01-01') AND start_time >= '2026-01-02' AND start_time::date < current_date",
        f"NOT (NOT {now}) AND start_time > '2026-01-02' AND start_time::date <> current_date",
    ):
        query = f"SELECT id FROM videsk.calls WHERE {condition} ORDER BY id"
        found = con.execute(query).fetchall()
        assert found
        assert found == con.native.execute(query).fetchall()
    for beside in ("end_time < now()", "end_time + to_seconds(duration_seconds) < now()", now, f"NOT ({now})"):
        con.execute(f"{COUNT} AND {beside}").fetchall()
        assert asked(source) == ONE_DAY


@pytest.mark.parametrize(
    "beside",
    [
        "nullif(agent, '') IS NOT NULL",
        "agent = ANY(['ana', 'bruno'])",
        "agent IN (SELECT unnest(['ana', 'bruno']))",
        "if(agent = 'ana', 1, 2) = 1",
        "list_sum([duration_seconds]) > 0",
        "split_part(agent, ' ', 1) = 'ana'",
    ],
)
def test_functions_beside_it(con: Connection, source: MemorySource, beside: str) -> None:
    con.execute(f"{COUNT} AND {beside}").fetchall()
    assert asked(source) == ONE_DAY


def test_a_chain_of_ctes_is_looked_at_once(con: Connection) -> None:
    with_ = [f"c0 AS (SELECT id, start_time FROM videsk.calls WHERE {DAY})"]
    with_ += [f"c{n} AS (SELECT * FROM c{n - 1} UNION ALL SELECT * FROM c{n - 1} WHERE {DAY})" for n in range(1, 30)]
    text = f"WITH {', '.join(with_)} SELECT count(*) FROM c29 WHERE {DAY}"
    looked = []
    with patch.object(
        Scope, "_joined", lambda scope, node, old=Scope._joined: looked.append(node) or old(scope, node)
    ):
        assert rewritten(con, text).count("CASE WHEN") >= 31
    assert len(looked) < 500


def test_what_is_found_in_time_is_kept(con: Connection) -> None:
    months = [f"2026-{month:02}-01" for month in range(1, 13)] * 3
    branch = "SELECT count(*) FROM videsk.calls WHERE date_trunc('month', start_time) = '{}'"
    text = " UNION ALL ".join(map(branch.format, months))
    ticks = itertools.count()
    with (
        patch.object(rewriting, "_SECONDS", 0.5),
        patch.object(grid.time, "thread_time", lambda: next(ticks) * 0.005),
    ):
        found = rewritten(con, text)
    assert 1 <= found.count("CASE WHEN") < len(months)


def test_an_interrupt_reaches_the_search(con: Connection) -> None:
    def stop() -> None:
        raise duckdb.InterruptException("stop")

    with pytest.raises(duckdb.InterruptException):
        con._catalog.rewriter.rewrite(con.native, COUNT, check=stop)


def test_many_members(con: Connection) -> None:
    members = ", ".join(f"DATE '2026-01-05' + {number}" for number in range(1_000))
    text = f"SELECT count(*) FROM videsk.calls WHERE start_time::date IN ({members})"
    assert con.sql(text).fetchall() == con.native.sql(text).fetchall()


def test_what_says_where_tables_are_named(con: Connection) -> None:
    text = f'WITH calls AS (FROM videsk.tags) FROM calls, Videsk."calls" c, videsk.es.llamadas WHERE c.{DAY}'
    found = con._catalog.rewriter.rewrite(con.native, text)
    assert [(r.table, text[r.start : r.end]) for r in sorted(found.references, key=lambda r: r.start)] == [
        (("videsk", "main", "tags"), "videsk.tags"),
        (("videsk", "main", "calls"), 'Videsk."calls"'),
        (("videsk", "es", "llamadas"), "videsk.es.llamadas"),
    ]
    (implied,) = found.implied
    assert (implied.table, implied.column, implied.ranges) == (
        ("videsk", "main", "calls"),
        '"c"."start_time"',
        ONE_DAY,
    )
    assert implied.predicate == f"c.{DAY}"


def test_errors_say_where_in_the_text(con: Connection) -> None:
    for text in (
        f"SELECT count(*) FROM videsk.calls WHERE {DAY} AND nothing_here = 1",
        f"SELECT count(*) FROM videsk.calls c JOIN nowhere n ON true WHERE c.{DAY}",
        f"SELECT no_function(id) FROM videsk.calls WHERE {DAY}",
    ):
        for run, plain in ((con.sql, con.native.sql), (con.execute, con.native.execute)):
            with pytest.raises(duckdb.Error) as native:
                plain(text)
            with pytest.raises(type(native.value)) as ours:
                run(text)
            assert str(ours.value) == str(native.value)


QUEUES = f"SELECT count(*) FROM videsk.calls c LEFT JOIN videsk.queues q ON q.id = c.queue WHERE c.{DAY}"


def test_what_is_so_by_nature_is_a_hint(con: Connection, source: MemorySource) -> None:
    (hint,) = con._catalog.rewriter.rewrite(con.native, QUEUES).hints
    assert (hint.table, hint.column) == (("videsk", "main", "queues"), '"q"."start_time"')
    assert hint.ranges == (Range(ONE_DAY[0].start - DAY_LONG, ONE_DAY[0].end + DAY_LONG),)
    assert con.sql(QUEUES).fetchall() == [(24,)]
    assert EVER in {piece for table, ranges, _, _ in source.asked if table == "queues" for piece in ranges}
    source.asked.clear()
    con.execute(QUEUES.replace("c.queue", f"c.queue AND {hint.condition}")).fetchall()
    assert {table: ranges for table, ranges, _, _ in source.asked}["queues"] == hint.ranges


def test_what_is_so_by_nature_bounds_when_it_is_asked_to(source: MemorySource) -> None:
    with connect_to(source, natural_bounds=True) as con:
        assert con.sql(QUEUES).fetchall() == [(24,)]
        bounded = (Range(ONE_DAY[0].start - DAY_LONG, ONE_DAY[0].end + DAY_LONG),)
        assert {table: ranges for table, ranges, _, _ in source.asked} == {"calls": ONE_DAY, "queues": bounded}
        assert con._catalog.rewriter.rewrite(con.native, QUEUES).hints == ()
        spanish = 'SELECT 1 FROM videsk.es.llamadas l JOIN videsk.es.comentarios m ON m."Llamada" = l."Identificador"'
        con.sql(f"{spanish} WHERE l.\"Inicio\"::date = '2026-01-05'").fetchall()
        (ranges,) = (ranges for table, ranges, _, _ in source.asked if table == "comments")
        assert ranges[0].start == ONE_DAY[0].start - DAY_LONG
