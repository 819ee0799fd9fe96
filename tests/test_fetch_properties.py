"""Random crowded data through a real server: the rows are exactly the truth, or the only honest error comes."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import CrowdedInstantError
from duckdb_videsk.fetch import Engine
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.ranges import MILLISECOND, SECOND, Range
from duckdb_videsk.settings import load_settings
from duckdb_videsk.simulator import Behaviour, Records, Simulator

TABLES = by_table()

# An ordinary afternoon; the hour that Chile's clocks repeat; a leap day; the turn of a year.
BASES = [
    datetime(2026, 10, 14, 15, 0, tzinfo=UTC),
    datetime(2026, 4, 5, 2, 59, 50, tzinfo=UTC),
    datetime(2028, 2, 28, 23, 59, 50, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 50, tzinfo=UTC),
]

moments = st.lists(
    st.one_of(
        st.integers(0, 20_000),  # anywhere in twenty seconds
        st.integers(3, 8).map(lambda second: second * 1_000),  # whole seconds
        st.integers(5_000, 5_003),  # a crowded instant
        st.integers(5_990, 6_010),  # around a second's edge
        st.just(7_123),
    ),
    max_size=60,
)
caps = st.one_of(st.integers(1, 12), st.integers(13, 80), st.sampled_from([1_000, 100_000]))
edges = st.integers(-1, 21)


def object_id(moment, number):
    return f"{int(moment.timestamp()):08x}{number:016x}"


def calls(moments):
    rows = [{"id": object_id(m, n), "startTime": m, "agent": f"a{n % 3}"} for n, m in enumerate(moments)]
    truth = [((row["id"], row["agent"]), row["startTime"]) for row in rows]
    return Records({"calls": rows}), truth, ["id", "agent"]


def topics(moments):
    """Few different rows, so that twins are many."""
    rows = [
        {"id": "6" * 24, "createdAt": m, "topicName": f"t{n % 2}", "topicScore": 0.5} for n, m in enumerate(moments)
    ]
    truth = [((row["id"], row["topicName"]), row["createdAt"]) for row in rows]
    return Records({"ai/topics": rows}), truth, ["id", "topic_name"]


def forms(moments):
    rows = [
        {
            "id": object_id(m, n),
            "createdAt": m,
            "Type": "customer",
            "answers": [("Fecha", f"f{n}"), ("id", f"i{n}"), ("Type", n), ("¿Qué tal?", "bien")],
        }
        for n, m in enumerate(moments)
    ]
    truth = [((row["id"], tuple(sorted(row["answers"]))), row["createdAt"]) for row in rows]
    return Records({}, forms={"F": rows}), truth, ["id", "answers"]


def plain(value):
    """A row's value for comparison: answers as sorted pairs, since their order means nothing."""
    return tuple(sorted(json.loads(value).items())) if isinstance(value, str) and value[:1] == "{" else value


TABLE_DATA = {"calls": calls, "ai_topics": topics, "forms": forms}


def micros(moment):
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def error_is_due(instants, ranges, cap):
    """A millisecond inside what is read that holds as many rows as an answer: nothing can prove it whole."""
    per_millisecond = Counter(instant // MILLISECOND for instant in instants)
    return any(
        count >= cap and any(instant * MILLISECOND in piece for piece in ranges)
        for instant, count in per_millisecond.items()
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    table=st.sampled_from(sorted(TABLE_DATA)),
    base=st.sampled_from(BASES),
    offsets=moments,
    cap=caps,
    pieces=st.lists(st.tuples(edges, edges), min_size=1, max_size=2),
    start_inclusive=st.booleans(),
    end_inclusive=st.booleans(),
    ties=st.sampled_from(["stable", "reversed", "shuffled"]),
    concurrency=st.integers(1, 4),
)
def test_rows_fetched_are_the_truth(
    table, base, offsets, cap, pieces, start_inclusive, end_inclusive, ties, concurrency
):
    random.Random(len(offsets)).shuffle(offsets)
    source, truth, columns = TABLE_DATA[table]([base + timedelta(milliseconds=offset) for offset in offsets])
    ranges = [Range(micros(base) + a * SECOND, micros(base) + b * SECOND) for a, b in pieces]
    behaviour = Behaviour(
        cap=cap, start_inclusive=start_inclusive, end_inclusive=end_inclusive, ties=ties, gzip=False
    )
    with Simulator(source, behaviour=behaviour) as sim:
        engine = Engine(
            load_settings(
                token=sim.token, base_url=sim.url, concurrency=concurrency, requests_per_second=10_000, retries=0
            ),
            ledger=Ledger(),
        )
        scan = engine.scan(TABLES[table], ranges, ids=["F"])
        try:
            if error_is_due([micros(moment) for _, moment in truth], ranges, cap):
                with pytest.raises(CrowdedInstantError):
                    list(scan)
                return
            rows = [tuple(plain(row[name]) for name in columns) for batch in scan for row in batch.to_pylist()]
        finally:
            scan.close()
            engine.close()
        wanted = [key for key, moment in truth if any(micros(moment) // SECOND * SECOND in piece for piece in ranges)]
        assert Counter(rows) == Counter(wanted)
        asked_least = min(piece.start for piece in ranges) - SECOND
        asked_most = max(piece.end for piece in ranges) + SECOND
        assert all(asked.start * MILLISECOND >= asked_least for asked in sim.asked if asked.start is not None)
        assert all(asked.end * MILLISECOND <= asked_most for asked in sim.asked if asked.end is not None)
