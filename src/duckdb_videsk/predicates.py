"""From a pushed-down Arrow filter to the time ranges and the ids it can match; no I/O.

Arrow judges, by simplifying the filter against what holds inside a slice. The literals found in the filter only say
where to cut: one that is missed makes a slice wider, never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from duckdb_videsk.ranges import EVER, Range, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["IdMatch", "TimeMatch", "literal_arrays", "matching_ids", "storage_schema", "time_ranges"]

_TIME = pa.timestamp("us", "UTC")
_MOST_CUTS = 10_000

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
        ids: those of the candidates (the known ones, and those the filter names) that it can accept, in order.
        bounded: whether it accepts no other id.
    """

    ids: tuple[str, ...]
    bounded: bool


def time_ranges(expression: pc.Expression | None, schema: pa.Schema, column: str) -> TimeMatch:
    """The instants of `column` that `expression` can match."""
    if expression is None:
        return TimeMatch((EVER,), null_times=True)
    field = pc.field(column)
    slices = list(_time_slices(field, _thinned(sorted(set(_instants(expression))))))
    guarantees = [field.is_null(), *(guarantee for _, guarantee in slices)]
    matched = _matching(expression, storage_schema(schema), guarantees)
    if 0 in matched:
        # A row without a time may come in any answer.
        return TimeMatch((EVER,), null_times=True)
    return TimeMatch(normalise(slices[index - 1][0].intersect(EVER) for index in matched), null_times=False)


def matching_ids(
    expression: pc.Expression | None, schema: pa.Schema, column: str, known: Sequence[str] = ()
) -> IdMatch:
    """The values of `column`, which is never NULL, that `expression` can match."""
    if expression is None:
        return IdMatch(tuple(known), bounded=False)
    field = pc.field(column)
    candidates = list(dict.fromkeys((*known, *sorted(set(_texts(expression))))))
    guarantees = [field == candidate for candidate in candidates]
    guarantees += _text_gaps(field, sorted(candidates))
    matched = _matching(expression, storage_schema(schema), guarantees)
    ids = tuple(candidate for index, candidate in enumerate(candidates) if index in matched)
    return IdMatch(ids, bounded=all(index < len(candidates) for index in matched))


def storage_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with each extension type as what it is stored as, which Arrow's functions can compare."""
    return pa.schema([field.with_type(_storage(field.type)) for field in schema])


def literal_arrays(expression: pc.Expression) -> list[pa.Array]:
    """Every literal of an expression, members of value lists included, as arrays without order.

    They stand in the one-row table of the expression's own pickled form; an unknown form gives none.
    """
    try:
        _, (image, *_) = expression.__reduce__()
        columns = pa.ipc.open_file(image).read_all().combine_chunks().columns
    except (pa.ArrowException, TypeError, ValueError):
        return []
    return [leaf for column in columns for chunk in column.chunks for leaf in _leaves(chunk)]


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_struct(array.type):
        for child in array.flatten():
            yield from _leaves(child)
    elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        yield from _leaves(array.flatten())
    else:
        yield array


def _instants(expression: pc.Expression) -> Iterator[int]:
    for array in literal_arrays(expression):
        if pa.types.is_timestamp(array.type):
            yield from array.cast(_TIME, safe=False).cast(pa.int64()).drop_null().to_pylist()


def _texts(expression: pc.Expression) -> Iterator[str]:
    for array in literal_arrays(expression):
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            yield from array.drop_null().to_pylist()


def _thinned(cuts: list[int]) -> list[int]:
    """No more cuts than are quick to judge, the outermost among them."""
    step = -(-len(cuts) // _MOST_CUTS)
    return cuts if step <= 1 else [*cuts[::step], cuts[-1]]


def _time_slices(field: pc.Expression, cuts: list[int]) -> Iterator[tuple[Range, pc.Expression]]:
    """All time as slices with what holds inside each: the cuts themselves, and the open intervals around them.

    The edges are exclusive and the points are equalities, since Arrow does not know that instants are whole numbers.
    """
    if not cuts:
        yield EVER, field.is_valid()
        return
    literals = [pc.scalar(pa.scalar(cut, _TIME)) for cut in cuts]
    yield Range(EVER.start, cuts[0]), field < literals[0]
    for cut, literal in zip(cuts, literals, strict=True):
        yield Range(cut, cut + 1), field == literal
    for (cut, literal), (following, its_literal) in pairwise(zip(cuts, literals, strict=True)):
        yield Range(cut + 1, following), (field > literal) & (field < its_literal)
    yield Range(cuts[-1] + 1, EVER.end), field > literals[-1]


def _text_gaps(field: pc.Expression, values: list[str]) -> list[pc.Expression]:
    """What holds for every text that is none of the sorted `values`."""
    if not values:
        return [field.is_valid()]
    between = [(field > value) & (field < following) for value, following in pairwise(values)]
    return [field < values[0], *between, field > values[-1]]


def _matching(expression: pc.Expression, schema: pa.Schema, guarantees: Iterable[pc.Expression]) -> set[int]:
    """Positions of the guarantees under which the expression can be true. No file is opened."""
    fragments = [
        _FORMAT.make_fragment(str(index), filesystem=_NOWHERE, partition_expression=guarantee)
        for index, guarantee in enumerate(guarantees)
    ]
    dataset = ds.FileSystemDataset(fragments, schema, _FORMAT, filesystem=_NOWHERE)
    return {int(fragment.path) for fragment in dataset.get_fragments(filter=expression)}
