"""From a pushed-down Arrow filter to the time ranges and the ids it can match; no I/O.

Arrow judges, by simplifying the filter against what holds inside a slice. The literals found in the filter only say
where to cut: one that is missed makes a slice wider, never wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from duckdb_videsk.ranges import EVER, Range, normalise
from duckdb_videsk.wanted import wanted_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from duckdb_videsk.wanted import Wanted

__all__ = [
    "IdMatch",
    "TimeMatch",
    "accepted_ranges",
    "matching_ids",
    "rows_wanted",
    "storage_schema",
    "time_ranges",
]

_TIME = pa.timestamp("us", "UTC")
_MOST_CUTS = 10_000
_MOST_COMPARED = 40_000  # each slice is judged by each literal that is no member of a list
_FEW_CUTS = 24  # judging takes the more for each, the more there are; filtering hundreds of batches takes as long
_FURTHEST = (1 << 63) - 1

# Functions that compare a column as it stands: between two neighbouring literals their results do not change.
_COMPARING = {"if_else", "invert", "is_in", "is_null", "is_valid"}
_CALL = re.compile(r"(\w+)\(")
_MEMBERSHIP = re.compile(r"is_in\((\w+), \{value_set=([\w\[\]=,/+:-]+?(?: \S+?)?):\[")

_FORMAT = ds.ParquetFileFormat()
_NOWHERE = fs.LocalFileSystem()


@dataclass(frozen=True, slots=True)
class TimeMatch:
    """Where rows that a filter accepts can lie in time.

    Attributes:
        ranges: normalised; empty where the filter accepts nothing.
        null_times: whether it can accept a row without a time.
    """

    ranges: tuple[Range, ...]
    null_times: bool


@dataclass(frozen=True, slots=True)
class IdMatch:
    """Which ids a filter accepts.

    Attributes:
        ids: those that it can accept, in order: of the known ones and, where it is bounded, of those it names.
        bounded: whether it accepts no other id.
    """

    ids: tuple[str, ...]
    bounded: bool


def time_ranges(expression: pc.Expression | None, schema: pa.Schema, column: str) -> TimeMatch:
    """The instants of `column` that `expression` can match."""
    if expression is None:
        return TimeMatch((EVER,), null_times=True)
    field, filtered = pc.field(column), _Filter(expression, schema, column)
    if filtered.can_match([field.is_null()]):
        # A row without a time may come in any answer.
        return TimeMatch((EVER,), null_times=True)
    edges = sorted(set(filtered.instants()))
    cuts = _thinned(edges, filtered.most_cuts)
    slices = list(_time_slices(field, cuts))
    matched = filtered.matching(slices, exhaustive=len(cuts) == len(edges))
    found = normalise(slices[index].range.intersect(EVER) for index in matched)
    marked = wanted_by(edges)
    if marked is None:
        return TimeMatch(found, null_times=False)
    marks, wanted = marked
    holes = [
        Range(mark, mark + 1)
        for mark in marks
        if any(piece.end == mark or piece.start == mark + 1 for piece in found)
    ]
    return TimeMatch(normalise([*found, *holes]), null_times=wanted.null_times)


def accepted_ranges(expression: pc.Expression, schema: pa.Schema, column: str) -> tuple[Range, ...]:
    """The instants of `column` at which `expression` accepts every row, whatever else is in it.

    None of them, where it holds so many instants that it takes long to know.
    """
    field, cuts = pc.field(column), sorted(set(_instants(_literal_arrays(expression))))
    if len(cuts) > _FEW_CUTS:
        return ()
    slices = list(_time_slices(field, cuts))
    refusing = _Filter(~expression | expression.is_null(), schema, column)
    try:
        refused = refusing.can_match([piece.guarantee for piece in slices])
    except pa.ArrowException:  # a NULL of no type has no opposite
        return ()
    return normalise(piece.range for index, piece in enumerate(slices) if index not in refused)


def rows_wanted(expression: pc.Expression | None) -> Wanted | None:
    """The few rows that matter, where a filter says so."""
    marked = None if expression is None else wanted_by(_instants(_literal_arrays(expression)))
    return None if marked is None else marked[1]


def matching_ids(
    expression: pc.Expression | None, schema: pa.Schema, column: str, known: Sequence[str] = ()
) -> IdMatch:
    """The values of `column`, which is never NULL, that `expression` can match."""
    if expression is None:
        return IdMatch(tuple(known), bounded=False)
    field, filtered = pc.field(column), _Filter(expression, schema, column)
    known = tuple(dict.fromkeys(known))
    candidates = (*known, *sorted(set(filtered.texts()) - set(known)))
    bounded = not filtered.matching(list(_text_gaps(field, sorted(candidates))))
    possible = candidates if bounded else known
    matched = filtered.can_match([field == candidate for candidate in possible])
    return IdMatch(tuple(possible[index] for index in sorted(matched)), bounded=bounded)


def storage_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with each extension type as what it is stored as, which Arrow's functions can compare."""
    return pa.schema([field.with_type(_storage(field.type)) for field in schema])


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


@dataclass(frozen=True, slots=True)
class _Slice:
    """A set of values: what Arrow may take for granted in it, one of them, and the instants where they are times."""

    guarantee: pc.Expression
    sample: pc.Expression
    range: Range = EVER


class _Filter:
    """An expression, the literals in it, and Arrow's judgement on it."""

    def __init__(self, expression: pc.Expression, schema: pa.Schema, column: str) -> None:
        self._expression = expression
        self._schema = storage_schema(schema)
        self._literals = _literal_arrays(expression)
        self._sampled = bool(self._literals) and _only_compares(str(expression), self._schema.field(column))

    @property
    def most_cuts(self) -> int:
        """How many cuts are quick to judge."""
        return max(_FEW_CUTS, min(_MOST_CUTS, _MOST_COMPARED // max(1, len(self._literals))))

    def instants(self) -> Iterator[int]:
        return _instants(self._literals)

    def texts(self) -> Iterator[str]:
        for array in self._literals:
            if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
                yield from array.drop_null().to_pylist()

    def matching(self, slices: Sequence[_Slice], *, exhaustive: bool = True) -> list[int]:
        """Positions of the slices in which the expression can be true.

        Arrow does not simplify a list of many members under an interval. Where the expression does nothing but
        compare, and every literal is an edge (`exhaustive`), one value of a slice speaks for the whole of it.
        """
        matched = sorted(self.can_match([piece.guarantee for piece in slices]))
        if not (matched and exhaustive and self._sampled):
            return matched
        sampled = self.can_match([slices[index].sample for index in matched])
        return [index for position, index in enumerate(matched) if position in sampled]

    def can_match(self, guarantees: Iterable[pc.Expression]) -> set[int]:
        """Positions of the guarantees under which the expression can be true. No file is opened."""
        fragments = [
            _FORMAT.make_fragment(str(index), filesystem=_NOWHERE, partition_expression=guarantee)
            for index, guarantee in enumerate(guarantees)
        ]
        dataset = ds.FileSystemDataset(fragments, self._schema, _FORMAT, filesystem=_NOWHERE)
        return {int(fragment.path) for fragment in dataset.get_fragments(filter=self._expression)}


def _literal_arrays(expression: pc.Expression) -> list[pa.Array]:
    """Every literal of an expression, members of value lists included, as arrays without order.

    They stand in the one-row table of the expression's own pickled form; an unknown form gives none.
    """
    try:
        _, (image, *_) = expression.__reduce__()
        columns = pa.ipc.open_file(image).read_all().columns
    except (pa.ArrowException, TypeError, ValueError):
        return []
    return [leaf for column in columns for chunk in column.chunks for leaf in _leaves(chunk)]


def _instants(literals: Iterable[pa.Array]) -> Iterator[int]:
    for array in literals:
        if pa.types.is_timestamp(array.type):
            yield from array.cast(_TIME, safe=False).cast(pa.int64()).drop_null().to_pylist()


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_struct(array.type):
        for child in array.flatten():
            yield from _leaves(child)
    elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        yield from _leaves(array.flatten())
    else:
        yield array


def _only_compares(text: str, field: pa.Field) -> bool:
    """Whether a printed expression holds a list to search `field` in, and nothing that could transform its values."""
    lists = _MEMBERSHIP.findall(text)
    return (
        bool(lists)
        and text.count("is_in(") == len(lists)
        and set(_CALL.findall(text)) <= _COMPARING
        and all(kind == str(field.type) for name, kind in lists if name == field.name)
    )


def _thinned(cuts: list[int], most: int) -> list[int]:
    """No more cuts than `most`, or one more, the outermost among them."""
    step = -(-len(cuts) // most)
    return cuts if step <= 1 else sorted({*cuts[::step], cuts[-1]})


def _time_slices(field: pc.Expression, cuts: list[int]) -> Iterator[_Slice]:
    """All time in order: the cuts themselves, and the open intervals around them.

    Edges are exclusive and points are equalities, since Arrow does not know that instants are whole numbers.
    """
    if not cuts:
        yield _Slice(field.is_valid(), field == _instant(0))
        return
    points = [_instant(cut) for cut in cuts]
    yield _Slice(field < points[0], field == _instant(cuts[0] - 1), Range(EVER.start, cuts[0]))
    for (cut, point), (following, its_point) in pairwise(zip(cuts, points, strict=True)):
        yield _Slice(field == point, field == point, Range(cut, cut + 1))
        if following > cut + 1:
            guarantee = (field > point) & (field < its_point)
            yield _Slice(guarantee, field == _instant(cut + 1), Range(cut + 1, following))
    yield _Slice(field == points[-1], field == points[-1], Range(cuts[-1], cuts[-1] + 1))
    yield _Slice(field > points[-1], field == _instant(cuts[-1] + 1), Range(cuts[-1] + 1, EVER.end))


def _instant(micros: int) -> pc.Expression:
    return pc.scalar(pa.scalar(min(max(micros, -_FURTHEST), _FURTHEST), _TIME))


def _text_gaps(field: pc.Expression, values: Sequence[str]) -> Iterator[_Slice]:
    """Every text that is none of the sorted `values`, as open intervals."""
    if not values:
        yield _Slice(field.is_valid(), field == "")
        return
    if values[0]:
        yield _Slice(field < values[0], field == "")
    for value, following in pairwise(values):
        if following != value + "\0":
            yield _Slice((field > value) & (field < following), field == value + "\0")
    yield _Slice(field > values[-1], field == values[-1] + "\0")
