"""Conditions at random: every instant at which one holds lies in the ranges found for it; answers stay the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckdb_videsk.ranges import EVER, micros, normalise, subtract
from duckdb_videsk.rewriting.bounds import Test as Leaf
from duckdb_videsk.rewriting.bounds import test_of as read_leaf
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.grid import MOST_RANGES, matching_ranges
from duckdb_videsk.rewriting.words import shape, words_of
from memory import MemorySource, connect_to
from test_sql_layer import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

ZONES = ["UTC", "America/Santiago", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "America/Nuuk"]
DAYS = [
    "2026-04-04",
    "2026-04-05",
    "2026-03-28",
    "2026-03-29",
    "2026-09-06",
    "2026-10-04",
    "2026-10-25",
    "2027-02-28",
]


def instants() -> list[int]:
    """Twenty days densely around changes of the clock, years sparsely, and the edges of everything."""
    dense = [
        micros(datetime.fromisoformat(day).replace(tzinfo=UTC)) + (step * 300 - 86_400) * 1_000_000 + shift
        for day in DAYS
        for step in range(3 * 288)
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
comparing = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
times = st.sampled_from([
    "t", "t", "t", "t::timestamp", "(t AT TIME ZONE 'America/Santiago')", "(t + INTERVAL 1 DAY)",
    "(t - INTERVAL 3 HOUR)", "(t + INTERVAL 2 MONTH)", "(t - INTERVAL 15 MINUTE)",
])  # fmt: skip
instant_times = times.filter(lambda text: "::" not in text and "ZONE" not in text)
parts = st.sampled_from(["hour", "day", "week", "quarter"])
counted = st.builds(
    "{}({})".format,
    st.sampled_from(["month", "quarter", "week", "day", "dayofweek", "isodow", "dayofyear", "hour", "weekofyear"]),
    times,
)
yearly = st.builds("{}({})".format, st.sampled_from(["year", "isoyear"]), times)
dates = st.builds("{}::date".format, times) | st.builds("date_trunc('month', {})::date".format, times)
leaves = st.one_of(
    st.builds("{} {} '{}'".format, dates, comparing, days),
    st.builds("'{}' {} {}".format, days, comparing, dates),
    st.builds("{} BETWEEN '{}' AND '{}'".format, dates, days, days),
    st.builds("{} NOT BETWEEN '{}' AND '{}'".format, dates, days, days),
    st.builds("{} IN ('{}', '{}')".format, dates, days, days),
    st.builds("{} NOT IN ('{}', '{}')".format, dates, days, days),
    st.builds("{} {} {}".format, counted, comparing, numbers),
    st.builds("{} IN ({}, {})".format, counted, numbers, numbers),
    st.builds("{} {} {}".format, yearly, comparing, st.integers(2024, 2028)),
    st.builds("{} {} TIMESTAMPTZ '{} {:02}:07:00+00'".format, instant_times, comparing, days, st.integers(0, 23)),
    st.builds("{} {} '{} {:02}:30:00'".format, times, comparing, days, st.integers(0, 23)),
    st.builds("strftime({}, '%Y-%m') {} '2026-{:02}'".format, times, comparing, st.integers(1, 12)),
    st.builds("strftime({}, '%Y-%m-%d') LIKE '2026-0{}%'".format, times, st.integers(1, 9)),
    st.builds("strftime({}, '%d %H') = '0{} {:02}'".format, times, st.integers(1, 9), st.integers(0, 23)),
    st.builds("date_trunc('{}', t) {} '{}'".format, parts, comparing, days),
    st.builds("date_diff('day', t, TIMESTAMPTZ '{} 05:00:00+00') {} {}".format, days, comparing, numbers),
    st.builds("DATE '{}' - t::date {} {}".format, days, comparing, numbers),
    st.builds("t::timestamp::time {} '{:02}:10:00'".format, comparing, st.integers(0, 23)),
    st.builds("t IS {}NULL".format, st.sampled_from(["", "NOT "])),
    st.builds("epoch(t) {} {}".format, comparing, st.integers(1_770_000_000, 1_800_000_000)),
    st.builds("k {} {}".format, comparing, st.integers(0, 2)),
    st.sampled_from(["true", "false", "NULL", "1 = 1", "t::date = t::date", "year(t) * 12 + month(t) = 24316"]),
)  # fmt: skip
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
        st.builds("{} AND {}".format, leaves, inner),
    ),
    max_leaves=6,
)


def reader() -> Callable[[Any], Leaf | None]:
    known: dict[Any, Leaf | None] = {}

    def read(leaf: Any) -> Leaf | None:
        if leaf not in known:
            try:
                known[leaf] = read_leaf(leaf, lambda names: names[-1].text == "t", {})
            except NotUnderstood:
                known[leaf] = None
        return known[leaf]

    return read


@pytest.fixture(scope="module")
def native() -> Any:
    con = duckdb.connect()
    con.register("given", table()).execute("CREATE TABLE instants AS FROM given")
    yield con
    con.close()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(condition=conditions, zone=st.sampled_from(ZONES))
def test_no_match_outside_of_the_ranges(native: Any, condition: str, zone: str) -> None:
    try:
        ranges = matching_ranges(shape(words_of(condition)), reader(), zone)
    except NotUnderstood:
        return
    native.execute(f"SET TimeZone = '{zone}'")
    matches = native.execute(f"SELECT epoch_us(t) FROM instants WHERE {condition}").fetchall()
    assert (None,) not in matches or ranges is None
    if ranges is None:
        return
    assert ranges == normalise(ranges)
    assert len(ranges) <= MOST_RANGES
    inside = native.execute(
        f"SELECT count(*) FROM instants WHERE ({condition}) AND NOT ("
        + (
            " OR ".join(f"(epoch_us(t) >= {piece.start} AND epoch_us(t) < {piece.end})" for piece in ranges)
            or "false"
        )
        + ")"
    ).fetchall()
    assert inside == [(0,)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(condition=conditions, zone=st.sampled_from(ZONES[:3]), join=st.booleans())
def test_answers_stay_the_same(doors: Any, condition: str, zone: str, join: bool) -> None:
    words = condition.replace("(t", "(c.start_time")
    words = " ".join("c.start_time" + w[1:] if w == "t" or w.startswith("t::") else w for w in words.split(" "))
    words = (
        re.sub(r"\bk\b", "length(c.agent)", words)
        .replace(", t)", ", c.start_time)")
        .replace(", t,", ", c.start_time,")
    )
    tables = "videsk.calls c JOIN videsk.tags g ON c.id = g.id" if join else "videsk.calls c"
    statement = f"SELECT c.id, c.start_time FROM {tables} WHERE {words}"
    (with_layer, source), (without, other) = doors(zone, True), doors(zone, False)
    source.asked.clear()
    other.asked.clear()
    try:
        expected = sorted(map(repr, without.sql(statement).fetchall()))
    except duckdb.Error as error:
        with pytest.raises(type(error)):
            with_layer.sql(statement).fetchall()
        return
    assert sorted(map(repr, with_layer.sql(statement).fetchall())) == expected
    asked, before = ({t: r for t, r, _, _ in door.asked} for door in (source, other))
    for name, ranges in asked.items():
        assert not subtract(ranges, before.get(name, ()))


@pytest.fixture(scope="module")
def doors() -> Any:
    made: dict[tuple[str, bool], Any] = {}

    def door(zone: str, layer: bool) -> Any:
        if (zone, layer) not in made:
            source = MemorySource({"calls": ROWS["calls"], "tags": ROWS["tags"]}, batch_rows=100_000)
            made[zone, layer] = (connect_to(source, time_zone=zone, implied_ranges=layer), source)
        return made[zone, layer]

    yield door
    for con, _ in made.values():
        con.close()
