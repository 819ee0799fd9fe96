"""What overlapping answers have to agree on."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import SilentCutError
from duckdb_videsk.fetch.audit import Audit
from duckdb_videsk.ranges import SECOND, as_datetime, micros

COMMENTS = by_table()["comments"]
EDGE = 100 * SECOND


def batch(*seconds):
    rows = [{"id": f"{second}", "created_at": as_datetime(second * SECOND)} for second in seconds]
    return pa.RecordBatch.from_pylist(rows, COMMENTS.schema)


def compare(before, after, *, until=101, after_until=200, first_known=True):
    audit = Audit(COMMENTS, now=micros(datetime.now(UTC)))
    if first_known:
        audit.after(EDGE, batch(*after), until=after_until * SECOND)
        assert audit.overlap_until(EDGE) >= EDGE + SECOND
    audit.before(EDGE, batch(*before), until=until * SECOND)
    if not first_known:
        audit.after(EDGE, batch(*after), until=after_until * SECOND)


@pytest.mark.parametrize("first_known", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "until"),
    [
        ([98, 99], [], 101),
        ([98, 99, 100], [99, 100, 101], 101),
        ([98, 99, 99, 100], [99, 99, 100, 150], 101),
        ([98, 99], [100, 101], 100),  # cut at the edge: it says nothing of the second after it
        ([98, 99], [150], 101),
    ],
)
def test_answers_that_agree(before, after, until, first_known):
    compare(before, after, until=until, first_known=first_known)


def test_the_later_answer_may_miss_the_very_start_of_the_second_before():
    compare([98, 99, 99], [99])


@pytest.mark.parametrize("first_known", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "until"),
    [
        ([98], [99, 100], 100),  # a row of the second before, which the earlier answer claims whole
        ([98, 99], [100], 101),
        ([98, 99, 100], [101], 101),
        ([98, 100], [100, 100], 101),  # a twin too few
    ],
)
def test_answers_that_contradict_each_other(before, after, until, first_known):
    with pytest.raises(SilentCutError, match="overlap"):
        compare(before, after, until=until, first_known=first_known)


def test_an_answer_reaches_to_its_neighbours_first_row_so_that_a_cut_far_from_the_edge_shows():
    audit = Audit(COMMENTS, now=micros(datetime.now(UTC)))
    audit.after(EDGE, batch(150, 151), until=200 * SECOND)
    assert audit.overlap_until(EDGE) == 151 * SECOND
    with pytest.raises(SilentCutError):
        audit.before(EDGE, batch(60, 61), until=151 * SECOND)
