from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.picking import Picker
from duckdb_videsk.predicates import IdMatch, TimeMatch, _Filter, accepted_ranges, matching_ids, time_ranges
from duckdb_videsk.ranges import DAY, EVER, Range, normalise

TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema([("t", TIME), ("text", pa.string()), ("number", pa.float64()), ("json", pa.json_(pa.string()))])
NULL = pc.scalar(pa.scalar(None, pa.bool_()))
t = pc.field("t")


def at(instant: int) -> pc.Expression:
    return pc.scalar(pa.scalar(instant, TIME))


def among(values: list[int]) -> pc.Expression:
    return t.isin(pa.array(values, TIME))


def guarded(expression: pc.Expression, field: pc.Expression = t) -> pc.Expression:
    """The way DuckDB 2.0 writes an IN list."""
    return pc.if_else(field.is_valid(), expression, NULL)


def ranges_of(expression: pc.Expression | None) -> tuple[Range, ...]:
    match = time_ranges(expression, SCHEMA, "t")
    assert not match.null_times
    return match.ranges


def test_no_filter_is_all_time_and_no_time() -> None:
    assert time_ranges(None, SCHEMA, "t") == TimeMatch((EVER,), null_times=True)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (t >= at(10), [Range(10, EVER.end)]),
        (t > at(10), [Range(11, EVER.end)]),
        (t < at(10), [Range(EVER.start, 10)]),
        (t <= at(10), [Range(EVER.start, 11)]),
        (t == at(10), [Range(10, 11)]),
        (t != at(10), [Range(EVER.start, 10), Range(11, EVER.end)]),
        ((t >= at(10)) & (t < at(20)), [Range(10, 20)]),
        ((t >= at(10)) & (t < at(10)), []),
        (~((t >= at(10)) & (t < at(20))), [Range(EVER.start, 10), Range(20, EVER.end)]),
        (among([10, 20]), [Range(10, 11), Range(20, 21)]),
        (guarded(among([10, 20])), [Range(10, 11), Range(20, 21)]),
        (~guarded(among([10, 12])), [Range(EVER.start, 10), Range(11, 12), Range(13, EVER.end)]),
        ((t < at(10)) | (t > at(DAY)), [Range(EVER.start, 10), Range(DAY + 1, EVER.end)]),
        ((t > at(10)) & (pc.field("text") == "x"), [Range(11, EVER.end)]),
        ((t > at(10)) & (pc.field("json") == "{}"), [Range(11, EVER.end)]),
        (t.is_valid(), [EVER]),
        (pc.scalar(False), []),
        (t < at(2**63 - 1), [EVER]),
        (t > at(EVER.end + DAY), []),
    ],
)
def test_edges_are_exact(expression: pc.Expression, expected: list[Range]) -> None:
    assert ranges_of(expression) == tuple(expected)


@pytest.mark.parametrize(
    "expression",
    [t.is_null(), (t > at(5)) | t.is_null(), pc.field("text") == "x", (t > at(5)) | (pc.field("number") > 1)],
)
def test_a_row_without_time_may_lie_anywhere(expression: pc.Expression) -> None:
    assert time_ranges(expression, SCHEMA, "t") == TimeMatch((EVER,), null_times=True)


def test_long_lists_are_seen_whole() -> None:
    instants = [index * DAY for index in range(5_000)]
    assert ranges_of(guarded(among(instants))) == tuple(Range(i, i + 1) for i in instants)


def test_a_list_of_another_type_does_not_narrow() -> None:
    assert ranges_of(t.isin(pa.array([1], pa.int64()))) == (EVER,)
    texts = pa.array([f"1970-01-01T00:00:00.{index:06}Z" for index in range(60)])
    assert ranges_of(t.isin(texts)) == (EVER,)


def test_a_transformed_column_does_not_narrow_wrongly() -> None:
    days = t.cast(pa.date32()).isin(pa.array([1, 2], pa.date32()))
    ever = among([at_index * DAY for at_index in range(60)]) | days
    assert ranges_of(ever) == (EVER,)


def test_more_cuts_than_judged_read_wider() -> None:
    instants = [index * DAY for index in range(25_001)]
    found = ranges_of(among(instants))
    assert all(any(instant in piece for piece in found) for instant in instants[::97])
    assert ranges_of(among(instants) & (t > at(3)) & (t < at(9 * DAY)))[0].start >= 1


def test_a_long_or_reads_wider() -> None:
    instants = [index * DAY for index in range(1_500)]
    found = ranges_of(reduce(or_, [t == at(instant) for instant in instants]))
    assert all(any(instant in piece for piece in found) for instant in instants)
    assert len(found) < 100
    assert (found[0].start, found[-1].end) == (0, instants[-1] + 1)


INSTANTS = st.integers(-3, 12)
ATOMS = st.one_of(
    st.builds(lambda v: t < at(v), INSTANTS),
    st.builds(lambda v: t <= at(v), INSTANTS),
    st.builds(lambda v: t > at(v), INSTANTS),
    st.builds(lambda v: t >= at(v), INSTANTS),
    st.builds(lambda v: t == at(v), INSTANTS),
    st.builds(lambda v: t != at(v), INSTANTS),
    st.builds(among, st.lists(INSTANTS, max_size=4)),
    st.builds(lambda vs: guarded(among(vs)), st.lists(INSTANTS, min_size=1, max_size=4)),
    st.just(t.is_valid()),
)
OTHERS = st.one_of(
    st.just(pc.field("text") == "x"),
    st.just(pc.field("number") > 1),
    st.just(pc.field("text").is_null()),
    st.just(t.is_null()),
)


def trees(atoms: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds(lambda a, b: a & b, inner, inner),
            st.builds(lambda a, b: a | b, inner, inner),
            st.builds(lambda a: ~a, inner),
        ),
        max_leaves=8,
    )


ROWS = pa.Table.from_pylist(
    [
        {"t": instant, "text": text, "number": number}
        for instant in (*range(-5, 15), None)
        for text in ("x", "y", None)
        for number in (0.0, 2.0, None)
    ],
    schema=pa.schema([("t", TIME), ("text", pa.string()), ("number", pa.float64())]),
)
TIMES = ROWS.column("t").cast(pa.int64()).to_pylist()


@settings(max_examples=150, deadline=None)
@given(trees(st.one_of(ATOMS, OTHERS)))
def test_every_row_that_matches_lies_in_the_ranges(expression: pc.Expression) -> None:
    match = time_ranges(expression, SCHEMA, "t")
    for instant in ROWS.filter(expression).column("t").cast(pa.int64()).to_pylist():
        if instant is None:
            assert match.null_times
        else:
            assert any(instant in piece for piece in match.ranges)


@settings(max_examples=150, deadline=None)
@given(trees(ATOMS))
def test_ranges_hold_nothing_that_cannot_match(expression: pc.Expression) -> None:
    matched = {i for i in ROWS.filter(expression).column("t").cast(pa.int64()).to_pylist() if i is not None}
    match = time_ranges(expression, SCHEMA, "t")
    if not match.null_times:
        inside = Range(-5, 15)
        expected = normalise(Range(instant, instant + 1) for instant in matched)
        assert normalise(piece.intersect(inside) for piece in match.ranges) == expected


@settings(max_examples=250, deadline=None)
@given(trees(st.one_of(ATOMS, ATOMS, OTHERS)))
def test_every_row_in_the_accepted_ranges_matches(expression: pc.Expression) -> None:
    accepted = accepted_ranges(expression, SCHEMA, "t")
    inside = ROWS.filter(pa.array([at_ is not None and any(at_ in piece for piece in accepted) for at_ in TIMES]))
    assert inside.filter(expression).equals(inside)


@settings(max_examples=100, deadline=None)
@given(trees(ATOMS))
def test_what_only_looks_at_times_is_accepted_wherever_it_matches(expression: pc.Expression) -> None:
    match = time_ranges(expression, SCHEMA, "t")
    if not match.null_times:
        assert accepted_ranges(expression, SCHEMA, "t") == match.ranges


@pytest.mark.parametrize("expression", [pc.scalar(None), t.cast(pa.date32()) == pa.scalar(3, pa.date32())])
def test_what_is_not_understood_is_accepted_nowhere(expression: pc.Expression) -> None:
    assert accepted_ranges(expression, SCHEMA, "t") == ()


FAR = [-(2**63) + 1, EVER.start - 1, EVER.start, -1, 0, 1, 2, EVER.end - 1, EVER.end, 2**63 - 1]
FAR_ATOMS = st.one_of(
    ATOMS,
    st.builds(lambda v: t < at(v), st.sampled_from(FAR)),
    st.builds(lambda v: t >= at(v), st.sampled_from(FAR)),
    st.builds(lambda vs: t.isin(pa.array(vs, TIME)), st.lists(st.sampled_from([*FAR, None]), max_size=3)),
    st.builds(lambda v: t == pc.scalar(pa.scalar(v, pa.timestamp("ms", "UTC"))), INSTANTS),
    st.just(t < pc.scalar(pa.scalar(None, TIME))),
    st.just(NULL),
    st.just(t.is_null()),
)
FEW_TIMES = st.lists(st.sampled_from([*FAR, *range(-3, 6)]) | st.none(), max_size=3)


@settings(max_examples=150, deadline=None)
@given(trees(FAR_ATOMS), st.lists(FEW_TIMES, min_size=4, max_size=12))
def test_a_picker_leaves_out_what_the_filter_does_and_nothing_else(
    expression: pc.Expression, batches: list[list[int | None]]
) -> None:
    schema = pa.schema([("t", TIME)])
    pick = Picker(schema, ["t"], expression, "t")
    for times in batches:
        batch = pa.record_batch([pa.array(times, TIME)], schema)
        left = pa.Table.from_batches([batch]).filter(expression)
        assert pa.Table.from_batches([pick(batch)]).equals(left)


def test_what_takes_long_to_know_is_accepted_nowhere() -> None:
    seasons = [(t >= at(2 * index)) & (t < at(2 * index + 1)) for index in range(150)]
    with patch.object(_Filter, "can_match", side_effect=AssertionError("judged")):
        assert accepted_ranges(reduce(or_, seasons), SCHEMA, "t") == ()
    assert accepted_ranges(reduce(or_, seasons[:10]), SCHEMA, "t") == tuple(Range(i, i + 1) for i in range(0, 20, 2))


FORMS = by_table()["forms"].schema
form = pc.field("form")
ODD_IDS = ["a", "", "we\"i'rd", "back\\slash", "new\nline", '"]', "a,b", "é🙂", "\x01", '",\n  "b']


def ids_of(expression: pc.Expression | None, *known: str) -> IdMatch:
    return matching_ids(expression, FORMS, "form", known)


@pytest.mark.parametrize("value", ODD_IDS)
def test_an_id_is_found_to_the_letter(value: str) -> None:
    assert ids_of(form == value) == IdMatch((value,), bounded=True)
    assert ids_of((form == value) & (pc.field("type") == "other")) == IdMatch((value,), bounded=True)


def test_ids_of_a_list_are_found_to_the_letter() -> None:
    listed = form.isin(pa.array(ODD_IDS))
    for expression in (listed, guarded(listed, form)):
        match = ids_of(expression)
        assert match.bounded
        assert sorted(match.ids) == sorted(ODD_IDS)


def test_a_long_list_of_ids_is_seen_whole() -> None:
    wanted = [f"{index:024x}" for index in range(300)]
    assert ids_of(form.isin(pa.array(wanted))) == IdMatch(tuple(wanted), bounded=True)


@pytest.mark.parametrize(
    "expression", [None, form != "a", form > "a", form < "m", pc.field("type") == "a", ~form.isin(pa.array(["a"]))]
)
def test_a_predicate_that_leaves_ids_open_is_not_bounded(expression: pc.Expression | None) -> None:
    assert not ids_of(expression).bounded


def test_known_ids_are_kept_where_they_can_match() -> None:
    assert ids_of(form != "a", "a", "b", "c").ids == ("b", "c")
    assert ids_of(form > "a", "a", "b").ids == ("b",)
    assert ids_of(None, "b", "a").ids == ("b", "a")
    assert ids_of(form == "z", "a", "b") == IdMatch(("z",), bounded=True)


def test_a_contradiction_needs_no_id() -> None:
    assert ids_of((form == "a") & (form == "b")) == IdMatch((), bounded=True)


def test_a_time_predicate_beside_an_id() -> None:
    moment = pc.scalar(pa.scalar(datetime(2026, 1, 1, tzinfo=UTC), TIME))
    expression = (form == "a") & (pc.field("created_at") >= moment)
    assert ids_of(expression) == IdMatch(("a",), bounded=True)
    assert time_ranges(expression, FORMS, "created_at").ranges[0].end == EVER.end
