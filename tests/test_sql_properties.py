"""Conditions at random: every instant at which one holds lies in the ranges found for it; answers stay the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckdb_videsk.ranges import DAY, EVER, Range, micros, normalise, subtract, total
from duckdb_videsk.rewriting import Rewriter, grid
from duckdb_videsk.rewriting.grid import MOST_RANGES
from memory import MemorySource, connect_to
from test_sql_layer import ROWS

ZONES = [
    "UTC", "America/Santiago", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "America/Nuuk",
    "Africa/Casablanca", "Atlantic/Azores", "Pacific/Apia",
]  # fmt: skip
DAYS = [
    "2011-12-30", "2026-02-14", "2026-03-22", "2026-04-04", "2026-04-05", "2026-03-28", "2026-03-29", "2026-09-06",
    "2026-10-04", "2026-10-25", "2027-02-28",
]  # fmt: skip


def instants() -> list[int]:
    """Days densely around changes of the clock, years sparsely, and the edges of everything."""
    dense = [
        micros(datetime.fromisoformat(day).replace(tzinfo=UTC)) + (step * 450 - 86_400) * 1_000_000 + shift
        for day in DAYS
        for step in range(3 * 192)
        for shift in (0, -1)
    ]
    sparse = [micros(datetime(1985, 1, 1, tzinfo=UTC) + timedelta(hours=37) * step) for step in range(19_000)]
    return sorted({*dense, *sparse, EVER.start, EVER.end - 1})


def table() -> pa.Table:
    values = instants()
    return pa.table(
        {
            "t": pa.array([*values, None], pa.int64()).cast(pa.timestamp("us", "UTC")),
            "k": pa.array([index % 3 for index in range(len(values) + 1)]),
        }
    )


days = st.sampled_from(DAYS)
numbers = st.integers(0, 60)
comparing = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"])
times = st.sampled_from([
    "t", "t", "t", "t::timestamp", "(t AT TIME ZONE 'America/Santiago')", "(t + INTERVAL 1 DAY)",
    "(t - INTERVAL 3 HOUR)", "(t + INTERVAL 2 MONTH)", "(t - INTERVAL 15 MINUTE)", "(t + INTERVAL 7 MINUTE)",
    "(t::timestamp + INTERVAL '1 day 3 hours')", "(t + INTERVAL 1 DAY - INTERVAL 2 HOUR)", "date_trunc('hour', t)",
    "(date_trunc('week', t) + INTERVAL 5 DAY)", "(t AT TIME ZONE 'Asia/Kathmandu')::timestamptz",
])  # fmt: skip
instant_times = times.filter(lambda text: "timestamp " not in text + " " and "'America" not in text)
parts = st.sampled_from(["hour", "day", "week", "quarter"])
counted = st.builds(
    "{}({})".format,
    st.sampled_from(["month", "quarter", "week", "day", "dayofweek", "isodow", "dayofyear", "hour", "weekofyear"]),
    times,
)
yearly = st.builds("{}({})".format, st.sampled_from(["year", "isoyear"]), times)
dates = st.builds("{}::date".format, times) | st.builds("date_trunc('month', {})::date".format, times)
suffixes = st.sampled_from([
    "", "", "", " IS NOT TRUE", " IS TRUE", " = false", " IS NULL", " ISNULL", " <> true", " IS DISTINCT FROM true",
    " IS NOT DISTINCT FROM false", " AND k = 1", " OR k = 2", " = true AND k < 2",
])  # fmt: skip
plain = st.one_of(
    st.builds("{} {} '{}'".format, dates, comparing, days),
    st.builds("'{}' {} {}".format, days, comparing, dates),
    st.builds("{} BETWEEN '{}' AND '{}'".format, dates, days, days),
    st.builds("{} NOT BETWEEN '{}' AND '{}'".format, dates, days, days),
    st.builds("{} BETWEEN '{}' AND TIMESTAMP '{} 11:07'".format, times, days, days),
    st.builds("{} NOT BETWEEN '{} 12:00' AND DATE '{}'".format, times, days, days),
    st.builds("{} IN ('{}', '{}')".format, dates, days, days),
    st.builds("{} NOT IN ('{}', NULL)".format, dates, days),
    st.builds("{} IN (TIMESTAMPTZ '{} 03:07:03+00', DATE '{}')".format, times, days, days),
    st.builds("{} {} {}".format, counted, comparing, numbers),
    st.builds("{} IN ({}, {})".format, counted, numbers, numbers),
    st.builds("{} {} {}".format, yearly, comparing, st.integers(2010, 2028)),
    st.builds("{} {} TIMESTAMPTZ '{} {:02}:07:00+00'".format, times, comparing, days, st.integers(0, 23)),
    st.builds("{} {} '{} {:02}:30:00'".format, times, comparing, days, st.integers(0, 23)),
    st.builds("strftime({}, '%Y-%m') {} '2026-{:02}'".format, times, comparing, st.integers(1, 12)),
    st.builds("strftime({}, '%Y%m')::int {} 2026{:02}".format, times, comparing, st.integers(1, 12)),
    st.builds("strftime({}, '%Y-%m-%d') LIKE '2026-0{}%'".format, times, st.integers(1, 9)),
    st.builds("strftime({}, '%d %H') = '0{} {:02}'".format, times, st.integers(1, 9), st.integers(0, 23)),
    st.builds("date_trunc('{}', t) {} '{}'".format, parts, comparing, days),
    st.builds("date_diff('day', t, TIMESTAMPTZ '{} 05:00:00+00') {} {}".format, days, comparing, numbers),
    st.builds("date_diff('{}', DATE '{}', {}) {} {}".format, parts, days, times, comparing, numbers),
    st.builds("DATE '{}' - t::date {} {}".format, days, comparing, numbers),
    st.builds("t::timestamp::time {} '{:02}:10:00'".format, comparing, st.integers(0, 23)),
    st.builds("TIMESTAMPTZ '{}' - t {} INTERVAL {} HOUR".format, days, comparing, numbers),
    st.builds("age(TIMESTAMPTZ '{}', t) {} INTERVAL {} DAY".format, days, comparing, numbers),
    st.builds("t IS {}NULL".format, st.sampled_from(["", "NOT "])),
    st.builds("epoch({}) {} {}".format, instant_times, comparing, st.integers(1_770_000_000, 1_800_000_000)),
    st.builds("epoch(t) - 3600 {} {}".format, comparing, st.integers(1_770_000_000, 1_800_000_000)),
    st.builds("k {} {}".format, comparing, st.integers(0, 2)),
    st.builds("coalesce({} {} '{}', {})".format, dates, comparing, days, st.sampled_from(["true", "false", "k = 1"])),
    st.builds("CASE WHEN month({}) {} {} THEN k > 0 ELSE year(t) = 2026 END".format, times, comparing, numbers),
    st.builds("CASE WHEN day(t) > {} THEN {}::date END = '{}'".format, numbers, times, days),
    st.builds("{}::date {} current_date - {}".format, times, comparing, numbers),
    st.builds("{}::date {} (now() - INTERVAL {} HOUR)::date".format, times, comparing, numbers),
    st.builds("{} + INTERVAL {} DAY {} now()".format, times, numbers, comparing),
    st.builds("date_diff('day', t, now()) {} {}".format, comparing, numbers),
    st.sampled_from(["true", "false", "NULL", "1 = 1", "t::date = t::date", "year(t) * 12 + month(t) = 24316",
                     "greatest(month(t), 7) = 7", "t::date::varchar < '2026'", "week(t) % 2 = 1 AND year(t) = 2026"]),
)  # fmt: skip
# Words for the time of the query that have nothing to do with the column.
elsewhere = st.one_of(
    st.builds("hour(now()) BETWEEN {} AND {}".format, st.integers(0, 23), st.integers(0, 23)),
    st.builds("hour(now()) <> {}".format, st.integers(0, 23)),
    st.builds("strftime(now(), '%H') LIKE '{}%'".format, st.integers(0, 2)),
    st.builds("NOT (minute(current_timestamp) {} {})".format, comparing, st.integers(0, 59)),
    st.sampled_from(
        ["to_timestamp(k) < now()", "current_date > '2026-01-01'", "now() IS NULL", "t + to_days(k) < now()"]
    ),
)
leaves = st.builds("{}{}".format, plain, suffixes) | elsewhere
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
        st.builds("({}) IS NOT TRUE".format, inner),
        st.builds("{} AND {}".format, leaves, inner),
        st.builds("{} OR {}".format, leaves, inner),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def native() -> Any:
    con = duckdb.connect()
    con.register("given", table()).execute("CREATE TABLE instants AS FROM given")
    yield con
    con.close()


def inside(ranges: Any) -> str:
    pieces = [f"(epoch_us(t) >= {piece.start} AND epoch_us(t) < {piece.end})" for piece in ranges]
    return " OR ".join(pieces) or "false"


@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    condition=conditions, zone=st.sampled_from(ZONES), shares=st.sampled_from([(0.25, 0.75), (-9, 0.75), (-9, -9)])
)
def test_no_match_outside_of_the_ranges(native: Any, condition: str, zone: str, shares: tuple[float, float]) -> None:
    native.execute(f"SET TimeZone = '{zone}'")
    rewriter = Rewriter({("videsk", "main", "calls"): (("t", True), ("k", False))})
    with patch.object(grid, "_SHARES", shares):
        found = rewriter.rewrite(native, f"SELECT 1 FROM videsk.calls WHERE {condition}")
    for implied in found.implied:
        assert implied.ranges == normalise(implied.ranges)
        assert len(implied.ranges) <= MOST_RANGES
        outside = f"coalesce(NOT ({inside(implied.ranges)}), true)"
        assert native.execute(f"SELECT t FROM instants WHERE ({condition}) AND {outside}").fetchall() == []


def test_a_year_is_better_than_nothing_when_time_is_short(native: Any) -> None:
    native.execute("SET TimeZone = 'America/Santiago'")
    condition = "t::date = DATE '2026-10-05'"
    found = {}
    for shares in [(0.25, 0.75), (-9, 0.75), (-9, -9)]:
        rewriter = Rewriter({("videsk", "main", "calls"): (("t", True), ("k", False))})
        with patch.object(grid, "_SHARES", shares):
            (implied,) = rewriter.rewrite(native, f"SELECT 1 FROM videsk.calls WHERE {condition}").implied
        found[shares] = implied.ranges
    exact, halves, years = found.values()
    assert exact == (Range.between(datetime(2026, 10, 5, 3, tzinfo=UTC), datetime(2026, 10, 6, 3, tzinfo=UTC)),)
    assert not subtract(exact, halves)
    assert not subtract(halves, years)
    assert exact != years
    assert total(years) < 370 * DAY


def test_of_many_equal_gaps_those_near_today_stay(native: Any) -> None:
    native.execute("SET TimeZone = 'America/Santiago'")
    rewriter = Rewriter({("videsk", "main", "calls"): (("t", True), ("k", False))})
    (implied,) = rewriter.rewrite(native, "SELECT 1 FROM videsk.calls WHERE dayofweek(t) <> 1").implied
    assert len(implied.ranges) == MOST_RANGES
    today = micros(datetime.now(UTC))
    gaps = [before.end for before, _ in pairwise(implied.ranges)]
    assert max(abs(gap - today) for gap in gaps) < 7 * 30 * DAY


@pytest.fixture(scope="module")
def doors() -> Any:
    made: dict[str, Any] = {}

    def door(zone: str) -> Any:
        if zone not in made:
            source = MemorySource({"calls": ROWS["calls"], "tags": ROWS["tags"]}, batch_rows=100_000)
            made[zone] = connect_to(source, time_zone=zone)
        return made[zone]

    yield door
    for con in made.values():
        con.close()


JOINS = [
    "videsk.calls c",
    "videsk.calls c JOIN videsk.tags g ON c.id = g.id",
    "videsk.calls c LEFT JOIN videsk.tags g ON c.id = g.id AND g.start_time::date > '2026-04-01'",
    "videsk.tags g FULL JOIN videsk.calls c ON c.id = g.id",
    "videsk.calls c JOIN videsk.tags g ON c.start_time = g.start_time",
    "(SELECT start_time AS t, length(agent) AS k, id FROM videsk.calls) c",
]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(condition=conditions, zone=st.sampled_from(ZONES[:4]), join=st.sampled_from(JOINS))
def test_answers_stay_the_same(doors: Any, condition: str, zone: str, join: str) -> None:
    tables = join if " AS t" in join else f"(SELECT c.id, c.start_time AS t, length(c.agent) AS k FROM {join}) c"
    statement = f"SELECT id, t FROM {tables} WHERE {condition}"
    con = doors(zone)
    try:
        expected = sorted(map(repr, con.native.sql(statement).fetchall()))
    except duckdb.Error as error:
        with pytest.raises(type(error)):
            con.sql(statement).fetchall()
        return
    assert sorted(map(repr, con.sql(statement).fetchall())) == expected


made = {
    "d": "c.t::date", "m": "date_trunc('month', c.t)", "y": "year(c.t)", "n": "month(c.t)", "h": "hour(c.t)",
    "w": "strftime(c.t, '%Y-%m')", "u": "c.t + INTERVAL 1 DAY", "f": "c.t::date >= '2026-09-06'",
    "o": "coalesce(c.t::date, DATE '2026-03-29')", "e": "TIMESTAMPTZ '2026-09-06 12:00:00+00' - c.t",
    "b": "c.t IS NULL",
}  # fmt: skip
of_made = st.one_of(
    st.builds("{} {} '{}'".format, st.sampled_from(["d", "m", "u", "o", "m::date", "coalesce(d, '2026-04-05')"]),
              comparing, days),
    st.builds("{} {} {}".format, st.sampled_from(["n", "h", "day(d)", "y - 2014", "n + y"]), comparing, numbers),
    st.builds("w {} '2026-{:02}'".format, comparing, st.integers(1, 12)),
    st.builds("e {} INTERVAL {} DAY".format, comparing, numbers),
    st.builds("d IN ('{}', '{}')".format, days, days),
    st.builds("d {} current_date - {}".format, comparing, numbers),
    st.sampled_from(["f", "b", "d IS NULL", "y = 2026", "k = 1", "k IS NULL", "t = 2", "t < 1", "d = m"]),
)  # fmt: skip
conditions_of_made = st.recursive(
    st.builds("{}{}".format, of_made, suffixes.filter(lambda text: "true" not in text and "false" not in text)),
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=5,
)
ITEMS = ", ".join(f"{text} AS {name}" for name, text in made.items())
OF_ONE = [
    "SELECT {items}, length(c.agent) AS k, 1 AS t, c.id FROM {rows}",
    "SELECT DISTINCT {items}, length(c.agent) AS k, length(c.agent) AS t, 1 AS id FROM {rows}",
    "SELECT {items}, count(*) AS k, count(*) % 3 AS t, max(c.id) AS id FROM {rows} GROUP BY ALL",
    "SELECT {items}, sum(1) OVER (ORDER BY c.id) AS k, 1 AS t, c.id FROM {rows}",
    "SELECT {items}, length(c.agent) AS k, 1 AS t, c.id FROM {rows} ORDER BY c.id LIMIT 400",
    "SELECT * FROM (SELECT {items}, length(c.agent) AS k, 1 AS t, c.id FROM {rows} WHERE c.agent IS NOT NULL) x",
]
AROUND = [
    "SELECT * FROM ({0}) q WHERE {1}",
    "WITH q AS ({0}) SELECT d, count(*) FROM q WHERE {1} GROUP BY d",
    "SELECT q.* FROM ({0}) q LEFT JOIN (VALUES ('a')) v(z) ON q.k = 2 WHERE {1}",
    "SELECT q.* FROM (VALUES (3), (5)) v(z) LEFT JOIN ({0}) q ON q.k = v.z WHERE {1}",
    "SELECT q.* FROM (VALUES (3), (5)) v(z) JOIN ({0}) q ON q.k = v.z AND q.y > 2000 WHERE {1}",
    "WITH q AS ({0}) SELECT * FROM q WHERE {1} AND id IN (SELECT id FROM q WHERE k > 0)",
]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    condition=conditions_of_made,
    one=st.sampled_from(OF_ONE),
    around=st.sampled_from(AROUND),
    zone=st.sampled_from(ZONES[:3]),
    join=st.sampled_from(JOINS[:4]),
)
def test_answers_over_what_is_made_stay_the_same(
    few: Any, condition: str, one: str, around: str, zone: str, join: str
) -> None:
    con = few(zone)
    rows = f"(SELECT c.id, c.start_time AS t, c.agent FROM {join}) c"
    statement = around.format(one.format(items=ITEMS, rows=rows), condition)
    try:
        expected = sorted(map(repr, con.native.sql(statement).fetchall()))
    except duckdb.Error as error:
        with pytest.raises(type(error)):
            con.sql(statement).fetchall()
        return
    assert sorted(map(repr, con.sql(statement).fetchall())) == expected


shifts = st.builds(
    "{} INTERVAL {} {}".format, st.sampled_from("+-"), st.integers(0, 9), st.sampled_from(["HOUR", "DAY", "MONTH"])
)
links = st.one_of(
    st.builds("g.start_time BETWEEN c.start_time - INTERVAL {} HOUR AND c.start_time".format, st.integers(0, 99)),
    st.builds("g.start_time {} c.start_time {}".format, comparing.filter(lambda o: o != "IS DISTINCT FROM"), shifts),
    st.builds("c.start_time {} > g.start_time AND g.start_time > c.start_time {}".format, shifts, shifts),
)  # fmt: skip
sides = st.builds("{}.start_time::date {} '{}'".format, st.sampled_from("cg"), comparing, days) | st.builds(
    "year({}.start_time) = 2026 AND month({}.start_time) = {}".format,
    st.sampled_from("cg"), st.sampled_from("cg"), st.integers(1, 12),
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN"]),
    link=links,
    on=sides | st.just("true"),
    where=sides | st.just("true"),
    zone=st.sampled_from(ZONES[:3]),
)
def test_joined_answers_stay_the_same(few: Any, kind: str, link: str, on: str, where: str, zone: str) -> None:
    con = few(zone)
    statement = f"""
        SELECT c.id, {"c.id" if kind == "SEMI JOIN" else "g.id"} FROM videsk.calls c {kind} videsk.tags g
        ON {link} AND {on} AND c.id <> 'x' WHERE {where.replace("g.", "c.") if kind == "SEMI JOIN" else where}"""
    try:
        expected = sorted(map(repr, con.native.sql(statement).fetchall()))
    except duckdb.Error as error:
        with pytest.raises(type(error)):
            con.sql(statement).fetchall()
        return
    assert sorted(map(repr, con.sql(statement).fetchall())) == expected


@pytest.fixture(scope="module")
def few() -> Any:
    """Connections over fewer rows, some of them without a time."""
    rows = {"calls": [*ROWS["calls"][::9], ROWS["calls"][-1]], "tags": ROWS["tags"][::7]}
    made: dict[str, Any] = {}

    def door(zone: str) -> Any:
        if zone not in made:
            made[zone] = connect_to(MemorySource(rows, batch_rows=100_000), time_zone=zone)
        return made[zone]

    yield door
    for con in made.values():
        con.close()
