"""The free audit: neighbouring answers overlap by the extra seconds, and rows of the overlap have to agree.

A server that stops before the cap it announces leaves a hole that only the neighbour's overlap shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.errors import SilentCutError
from duckdb_videsk.fetch.crowded import row_counts
from duckdb_videsk.fetch.proof import first_instant, rows_within
from duckdb_videsk.ranges import SECOND, Range, iso

if TYPE_CHECKING:
    from collections import Counter

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint

__all__ = ["Audit"]


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows that one answer shows around a boundary, complete from the boundary until `until`."""

    rows: pa.RecordBatch
    until: int
    first: int | None = None


class Audit:
    """The boundaries between the answers of one scan of one export; each is checked once both sides are there."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._before: dict[int, _Side] = {}
        self._after: dict[int, _Side] = {}

    def overlap_until(self, boundary: int) -> int:
        """Where an answer that ends at `boundary` should reach to, so that its neighbour's first rows audit it."""
        after = self._after.get(boundary)
        return SECOND + (boundary if after is None or after.first is None else after.first)

    def before(self, boundary: int, batch: pa.RecordBatch, *, until: int) -> None:
        """Note the answer that ends at `boundary` and shows every row of the seconds up to `until`.

        Raises:
            SilentCutError: its neighbour shows rows that it lacks, or the other way round.
        """
        until = min(until, self.overlap_until(boundary))
        rows = rows_within(batch, self._endpoint, Range(boundary - SECOND, until))
        self._before[boundary] = _Side(rows, until)
        self._compare(boundary)

    def after(self, boundary: int, batch: pa.RecordBatch, *, until: int) -> None:
        """Note the answer that starts at `boundary` and shows every row of the seconds from there up to `until`.

        Raises:
            SilentCutError: as for `before`.
        """
        first = first_instant(batch, self._endpoint, boundary)
        until = min(until, (boundary if first is None else first) + SECOND)
        rows = rows_within(batch, self._endpoint, Range(boundary - SECOND, until))
        self._after[boundary] = _Side(rows, until, first)
        self._compare(boundary)

    def _compare(self, boundary: int) -> None:
        before, after = self._before.get(boundary), self._after.get(boundary)
        if before is None or after is None:
            return
        del self._before[boundary], self._after[boundary]
        both = Range(boundary, min(before.until, after.until))
        # The later answer may lack rows at the very start of the second before, where an end may be left out.
        previous = Range(boundary - SECOND, boundary)
        if self._counts(before, both) != self._counts(after, both) or (
            self._counts(after, previous) - self._counts(before, previous)
        ):
            raise SilentCutError(
                f"Two answers that overlap at {iso(boundary)} do not show the same records: one of them left some "
                "out without saying so. No rows are returned. If records were being written at that moment, run the "
                "query again; if it comes back, please report it.",
                endpoint=self._endpoint.path,
                span=iso(boundary),
            )

    def _counts(self, side: _Side, span: Range) -> Counter[str]:
        return row_counts(rows_within(side.rows, self._endpoint, span))
