from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duckdb_videsk.ranges import EVER, SECOND, Range, as_datetime, iso, micros, normalise, subtract, total

small = st.integers(-20, 20)
ranges = st.lists(st.builds(Range, small, small), max_size=6)


def instants(pieces):
    return {t for piece in pieces for t in range(piece.start, piece.end)}


@given(ranges)
def test_normalise_keeps_the_instants_and_leaves_gaps(pieces):
    result = normalise(pieces)
    assert instants(result) == instants(pieces)
    assert all(not piece.empty for piece in result)
    assert all(a.end < b.start for a, b in pairwise(result))


@given(ranges, ranges)
def test_subtract_is_set_difference(pieces, holes):
    assert instants(subtract(pieces, holes)) == instants(pieces) - instants(holes)


@given(ranges)
def test_total_counts_each_instant_once(pieces):
    assert total(pieces) == len(instants(pieces))


@given(st.builds(Range, small, small), st.builds(Range, small, small))
def test_intersect_is_set_intersection(a, b):
    assert instants([a.intersect(b)]) == instants([a]) & instants([b])


@given(st.builds(Range, small, small), st.integers(1, 7))
def test_outward_is_the_smallest_hull_of_whole_units(piece, unit):
    hull = piece.outward(unit)
    if piece.empty:
        assert hull == piece
        return
    assert hull.start % unit == hull.end % unit == 0
    assert hull.start <= piece.start < hull.start + unit
    assert hull.end - unit < piece.end <= hull.end


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.500Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (EVER.start - SECOND, "0001-01-01T00:00:00Z"),
        (EVER.end + 100 * SECOND, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_iso(instant, text):
    assert iso(instant) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_datetimes_go_both_ways(moment):
    assert as_datetime(micros(moment)) == moment


def test_ever_reaches_from_year_1_to_9999():
    assert as_datetime(EVER.start) == datetime(1, 1, 1, tzinfo=UTC)
    assert as_datetime(EVER.end - SECOND) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert as_datetime(EVER.end) == datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


def test_an_empty_range_is_a_value():
    empty = Range(5, 3)
    assert empty.empty
    assert empty.length == 0
    assert 4 not in empty
    assert str(empty) == "nothing"
