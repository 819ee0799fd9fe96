"""The newest or oldest few records: how many requests they take, and that the answer is that of the whole table."""

import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import duckdb_videsk
from duckdb_videsk.ranges import EVER
from duckdb_videsk.simulator import Behaviour, Records, Simulator
from duckdb_videsk.wanted import MOST_ROWS, Wanted, mark_literal, wanted_by

START = datetime(2026, 10, 5, tzinfo=UTC)
CAP = 50


def calls(count):
    rng = random.Random(3)
    for number in range(count):
        at = START + number // 2 * timedelta(minutes=7)  # two of each time
        yield {
            "id": f"{int(at.timestamp()):08x}{number:016x}",
            "startTime": at,
            "agent": "rare" if number == 40 else rng.choice("abc"),
            "duration": rng.random(),
        }


ROWS = list(calls(818))


@contextmanager
def connected(rows=ROWS, *, cap=CAP, emit_timeless=False, **given):
    behaviour = Behaviour(cap=cap, emit_timeless=emit_timeless)
    with (
        Simulator(Records({"calls": rows}), behaviour=behaviour) as simulator,
        duckdb_videsk.connect(
            token=simulator.token, base_url=simulator.url, requests_per_second=10_000, time_zone="UTC", **given
        ) as con,
    ):
        yield con


@pytest.fixture(scope="module")
def con():
    with connected() as connection:
        connection.execute("CREATE TABLE copy AS FROM videsk.calls")
        yield connection


def asked(con):
    ((count,),) = con.execute("SELECT count(*) FROM videsk.requests").fetchall()
    return count


def both(con, query, parameters=None):
    """The answers of the virtual table and of the copy, and what the first one took."""
    before = asked(con)
    found = con.execute(query, parameters).fetchall()
    requests = asked(con) - before
    for name in ("videsk.main.calls", "videsk.calls", '"VIDESK"."Calls"'):
        query = query.replace(name, "copy")
    return found, con.execute(query, parameters).fetchall(), requests


ONE_REQUEST = [
    "SELECT id, agent FROM videsk.calls ORDER BY start_time DESC, id LIMIT 10",
    "SELECT id FROM videsk.calls ORDER BY start_time DESC, id LIMIT 7 OFFSET 5",
    "FROM videsk.calls ORDER BY start_time DESC, id LIMIT 3;",
    "SELECT * FROM videsk.calls AS c ORDER BY c.start_time DESC, id LIMIT 10 -- the latest",
    'select id, start_time as t from "VIDESK"."Calls" order by START_TIME desc nulls last, 1 limit 10',
    "SELECT id FROM videsk.main.calls WHERE agent = 'a' ORDER BY start_time DESC, id LIMIT 10",
    "SELECT id FROM videsk.calls WHERE start_time > '2026-10-06' AND agent<>'b' ORDER BY start_time DESC, id LIMIT 5",
    "SELECT id FROM videsk.calls WHERE start_time < '2026-10-07' ORDER BY start_time DESC, id LIMIT 10",
    "SELECT id FROM videsk.calls ORDER BY start_time, id LIMIT 10",
    "SELECT id FROM videsk.calls WHERE agent = 'b' ORDER BY start_time ASC, id DESC LIMIT 4 OFFSET 1",
    "SELECT max(start_time) FROM videsk.calls",
    "SELECT min(start_time) AS first FROM videsk.calls",
    "SELECT max(start_time)::date FROM videsk.calls WHERE agent = 'c'",
]


@pytest.mark.parametrize("query", ONE_REQUEST)
def test_one_request_is_enough(con, query):
    found, truth, requests = both(con, query)
    assert found == truth
    assert len(found) > 0
    assert requests == 1


BETWEEN_TWO = [
    "start_time >= '2026-10-06' AND start_time < '2026-10-09'",
    "start_time BETWEEN '2026-10-06' AND '2026-10-09' AND agent = 'a'",
    "start_time > '2026-10-06 00:00:00.5' AND start_time <= '2026-10-09 11:59:59'",
]


@pytest.mark.parametrize("where", BETWEEN_TWO)
def test_between_two_times(con, where):
    for query, most in (
        (f"SELECT id FROM videsk.calls WHERE {where} ORDER BY start_time DESC, id LIMIT 10", 1),
        (f"SELECT id FROM videsk.calls WHERE {where} ORDER BY start_time, id LIMIT 10", 1),
        (f"SELECT max(start_time) FROM videsk.calls WHERE {where}", 1),
        (f"SELECT min(start_time), max(start_time) FROM videsk.calls WHERE {where}", 2),
    ):
        found, truth, requests = both(con, query)
        assert found == truth
        assert len(found) > 0
        assert requests <= most, query


def test_between_two_times_that_are_close(con):
    query = (
        "SELECT id FROM videsk.calls WHERE start_time >= '2026-10-06 10:00' AND start_time < '2026-10-06 10:00:05' "
        "ORDER BY start_time DESC, id LIMIT 10"
    )
    found, truth, _ = both(con, query)
    assert found == truth


def test_both_ends_take_two(con):
    found, truth, requests = both(con, "SELECT min(start_time), max(start_time) AS last FROM videsk.calls")
    assert found == truth
    assert requests == 2


def test_parameters(con):
    query = "SELECT id FROM videsk.calls WHERE agent = $1 ORDER BY start_time DESC, id LIMIT 10"
    found, truth, requests = both(con, query, ["a"])
    assert found == truth
    assert requests == 1


def test_views_of_every_language():
    with connected(languages={"de": {"startTime": "Beginn", "agent": "Agent:in"}}) as con:
        for number, (view, column) in enumerate(
            [("es.llamadas", '"Inicio"'), ("en.calls", '"Start"'), ("de.calls", "Beginn")]
        ):
            names = [name for name, *_ in con.execute(f"DESCRIBE videsk.{view}").fetchall()]
            assert column.strip('"') in names
            con.execute(f"SELECT * FROM videsk.{view} ORDER BY {column} DESC LIMIT 10").fetchall()
            assert asked(con) == number + 1


# What is not plain, or could mean something else, reads the whole table.
OTHERS = [
    "SELECT id AS start_time FROM videsk.calls ORDER BY start_time DESC LIMIT 10",
    "SELECT * REPLACE (id AS start_time) FROM videsk.calls ORDER BY start_time DESC LIMIT 10",
    "SELECT id FROM videsk.calls ORDER BY start_time DESC NULLS FIRST, id LIMIT 10",
    "SELECT id FROM videsk.calls WHERE duration_seconds % 2 < 1 ORDER BY start_time DESC, id LIMIT 10",
    "SELECT id FROM videsk.calls ORDER BY start_time DESC, id LIMIT 1 + 1",
    "SELECT id FROM videsk.calls ORDER BY start_time DESC, id LIMIT 1%",
    "SELECT agent, count(*) FROM videsk.calls GROUP BY ALL ORDER BY max(start_time) DESC, agent LIMIT 2",
    "SELECT DISTINCT agent FROM videsk.calls ORDER BY agent LIMIT 10",
    "SELECT id FROM videsk.calls ORDER BY id LIMIT 10",
    "SELECT id FROM videsk.calls ORDER BY end_time DESC, id LIMIT 10",
    "SELECT id, row_number() OVER (ORDER BY id) FROM videsk.calls ORDER BY start_time DESC, id LIMIT 10",
    "SELECT max(start_time), count(*) FROM videsk.calls",
    "SELECT max(start_time) FILTER (WHERE agent = 'a') FROM videsk.calls",
    "SELECT id FROM videsk.calls QUALIFY row_number() OVER (ORDER BY id) > 5 ORDER BY start_time DESC, id LIMIT 10",
    "SELECT a.id FROM videsk.calls a JOIN videsk.calls b USING (id) ORDER BY a.start_time DESC, id LIMIT 10",
    "SELECT unnest([id, agent]) FROM videsk.calls ORDER BY start_time DESC, id, 1 LIMIT 10",
    "SELECT id FROM videsk.calls WHERE id IN (SELECT max(id) FROM videsk.calls) ORDER BY start_time DESC LIMIT 9",
    "SELECT (SELECT max(start_time) FROM videsk.calls c WHERE c.id = d.id) FROM videsk.calls d ORDER BY 1 LIMIT 3",
]


@pytest.mark.parametrize("query", OTHERS)
def test_what_is_not_plain_is_answered_all_the_same(con, query):
    found, truth, requests = both(con, query)
    assert found == truth
    assert requests > 1


def test_a_session_that_orders_in_its_own_way(con):
    for setting in ("default_null_order = 'nulls_first'", "default_order = 'desc'"):
        con.execute(f"SET {setting}")
        try:
            found, truth, _ = both(con, "SELECT id FROM videsk.calls ORDER BY start_time, id LIMIT 10")
            assert found == truth
        finally:
            con.execute(f"RESET {setting.split()[0]}")


def test_a_macro_called_max_is_not_max(con):
    con.execute("CREATE TEMP MACRO max(x) AS avg(epoch(x))")
    try:
        found, truth, requests = both(con, "SELECT max(start_time) FROM videsk.calls")
        assert found == truth
        assert requests > 1
    finally:
        con.execute("DROP MACRO max")


def test_a_query_that_is_only_made_ends_no_other(con):
    reader = con.cursor().sql("SELECT id FROM videsk.calls").to_arrow_reader(100)
    first = reader.read_next_batch().num_rows
    con.sql("SELECT id FROM videsk.calls ORDER BY start_time DESC LIMIT 1")
    assert first + sum(batch.num_rows for batch in reader) == len(ROWS)
    con.execute("FROM range(5)")
    assert con.fetchone() == (0,)
    con.sql("SELECT max(start_time) FROM videsk.calls")
    assert con.fetchall() == [(1,), (2,), (3,), (4,)]


@pytest.mark.parametrize(
    "condition",
    ["s < '2026-10-05 00:05:00+00'", "s <> '2026-10-05'", "s IS NULL", "s IS NULL OR agent = 'b'",
     "COLUMNS('start_time') <> '2026-10-05'", "struct_extract(c, 'start_time') IS NULL", "true"],
)  # fmt: skip
def test_records_without_a_time_under_another_name(condition):
    rows = [*calls(5), *({"id": f"x{n}", "startTime": None, "agent": "b"} for n in range(3))]
    with connected(rows, emit_timeless=True) as con:
        con.execute("CREATE TABLE copy AS FROM videsk.calls")
        query = f"SELECT id, start_time AS s FROM videsk.calls c WHERE {condition} ORDER BY start_time, id LIMIT 20"
        found, truth, _ = both(con, query)
        assert found == truth


def test_what_the_session_says_later_counts(con):
    rare = "SELECT id FROM videsk.calls WHERE agent = getvariable('a') ORDER BY start_time DESC, id LIMIT 3"
    relation = con.sql(rare)
    for value in ("rare", "a"):
        con.execute(f"SET VARIABLE a = '{value}'")
        assert relation.fetchall() == con.execute(rare.replace("videsk.calls", "copy")).fetchall()
        found, truth, _ = both(con, rare)
        assert found == truth


def test_what_is_rare_is_found_with_the_rest_of_the_table_read_as_fast_as_ever(con):
    query = "SELECT id FROM videsk.calls WHERE agent = 'rare' ORDER BY start_time DESC LIMIT 1"
    found, truth, requests = both(con, query)
    assert found == truth
    assert requests <= 1.15 * 17 + 8 + 4


def test_a_relation_can_be_read_again_and_built_upon(con):
    query = "SELECT id, start_time FROM videsk.calls ORDER BY start_time DESC, id LIMIT 10"
    relation = con.sql(query)
    truth = con.execute(query.replace("videsk.calls", "copy")).fetchall()
    assert relation.fetchall() == truth
    assert relation.fetchall() == truth
    assert relation.filter("start_time < '2026-01-01'").fetchall() == []
    assert relation.aggregate("count(*)").fetchall() == [(10,)]


def test_records_without_a_time_come_last():
    rows = [*calls(5), *({"id": f"x{n}", "startTime": None, "agent": "a"} for n in range(3))]
    with connected(rows, emit_timeless=True) as con:
        con.execute("CREATE TABLE copy AS FROM videsk.calls")
        for query in (
            "SELECT id FROM videsk.calls ORDER BY start_time DESC, id LIMIT 7",
            "SELECT id FROM videsk.calls WHERE agent = 'a' ORDER BY start_time, id LIMIT 7",
            "SELECT id FROM videsk.calls WHERE start_time > '2026-10-01' ORDER BY start_time DESC, id LIMIT 7",
            "SELECT max(start_time), min(start_time) FROM videsk.calls",
        ):
            found, truth, _ = both(con, query)
            assert found == truth


@pytest.mark.parametrize("zone", ["UTC", "America/Santiago", "Asia/Kathmandu", "Pacific/Kiritimati"])
def test_the_ends_of_all_time(zone):
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
    rows = [{"id": f"z{n}", "startTime": at, "agent": "a"} for n, at in enumerate(ends)]
    with connected([rows[0], *calls(3 * CAP), rows[1]]) as con:
        con.execute(f"SET TimeZone = '{zone}'")
        for order, first in (("DESC", "z1"), ("ASC", "z0")):
            query = f"SELECT id FROM videsk.calls ORDER BY start_time {order} LIMIT 1"
            assert con.execute(query).fetchall() == [(first,)]
        assert asked(con) == 2


def test_kept_days_and_the_rest_together(tmp_path):
    rows = [*calls(300)]
    with connected(rows, lake=True, lake_dir=tmp_path, settle_days=1) as con:
        con.execute("CREATE TABLE copy AS FROM videsk.calls WHERE start_time < '2026-12-01'")
        for query in ONE_REQUEST[:8] + ONE_REQUEST[10:12]:
            con.execute("FROM videsk.calls WHERE start_time >= '2026-10-05' AND start_time < '2026-10-06'").fetchall()
            found, truth, requests = both(con, query)
            assert found == truth
            assert requests <= 4


def test_an_empty_table():
    with connected([]) as con:
        assert con.execute("FROM videsk.calls ORDER BY start_time DESC LIMIT 10").fetchall() == []
        assert con.execute("SELECT max(start_time) FROM videsk.calls").fetchall() == [(None,)]
        assert asked(con) == 2


@pytest.mark.parametrize("crowded", [0, 400, 1_008])
def test_a_crowded_second_at_an_end_or_in_the_middle(crowded):
    rows = list(calls(600))
    at = rows[min(crowded, len(rows) - 1)]["startTime"]
    rows += [
        {"id": f"{int(at.timestamp()):08x}{n:016x}", "startTime": at + n * timedelta(milliseconds=9), "agent": "z"}
        for n in range(1_000, 1_000 + 2 * CAP)
    ]
    with connected(rows, unbounded_scans="allow") as con:
        con.execute("CREATE TABLE copy AS FROM videsk.calls")
        for order in ("DESC", "ASC"):
            for limit in (1, 10, 120, 500):
                query = f"SELECT id FROM videsk.calls ORDER BY start_time {order}, id LIMIT {limit}"
                found, truth, _ = both(con, query)
                assert found == truth


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(
        [
            "",
            "(start_time IS NULL OR agent = 'a')",
            "agent = 'a'",
            "agent = 'rare'",
            "start_time >= '2026-10-07'",
            "start_time BETWEEN '2026-10-06 10:00:00' AND '2026-10-08 12:00:00'",
            "duration_seconds < 0.002",
        ]
    ),
    st.sampled_from(
        ["", "start_time < '2026-10-08 03:21:07'", "start_time <> '2026-10-09'", "duration_seconds > 0.9"]
    ),
    st.sampled_from(["DESC", "ASC", "DESC NULLS LAST"]),
    st.integers(1, 130),
    st.integers(0, 60),
)
def test_any_mix_of_conditions(con, one, other, order, limit, offset):
    where = " AND ".join(filter(None, (one, other)))
    query = (
        f"SELECT id, start_time FROM videsk.calls {'WHERE ' if where else ''}{where} "
        f"ORDER BY start_time {order}, id LIMIT {limit} OFFSET {offset}"
    )
    found, truth, _ = both(con, query)
    assert found == truth


@given(
    st.integers(1, MOST_ROWS),
    st.sampled_from(["newest", "oldest", "both"]),
    st.booleans(),
    st.integers(10**13, 2 * 10**17),
)
def test_the_mark_says_what_is_wanted(rows, ends, null_times, at):
    wanted = Wanted(rows, ends, null_times)
    after, before = wanted.marks_near(at)
    assert at <= min(after) <= max(after) < at + 8_000_000
    assert at - 8_000_000 <= min(before) <= max(before) < at
    for mark in (*wanted.marks(), after, before):
        for instant in mark:
            ((shown,),) = duckdb.sql(f"SELECT epoch_us({mark_literal(instant)})").fetchall()
            assert shown == instant
            assert instant % 10
        assert wanted_by([0, *mark, EVER.start, EVER.end - 1, EVER.end, -(2**63), 2**63 - 1]) == (mark, wanted)
        if len(mark) > 1:
            assert wanted_by(mark[1:]) is None
            assert wanted_by(mark[:2]) is None


@given(st.integers(-(2**63), 2**63 - 1))
def test_no_time_of_the_api_is_a_mark(instant):
    assert wanted_by([instant // 1_000 * 1_000]) is None
