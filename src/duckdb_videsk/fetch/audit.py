"""Finding answers that were cut without saying so: a server may stop before the cap it announces.

Neighbouring answers overlap by the extra seconds, and rows of the overlap have to agree; and answers that stop at the
same number of rows are not taken as whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.errors import SilentCutError
from duckdb_videsk.fetch.crowded import row_counts
from duckdb_videsk.fetch.proof import doubted, first_instant, rows_within
from duckdb_videsk.ranges import SECOND, Range, iso

if TYPE_CHECKING:
    from collections import Counter

    import pyarrow as pa

    from duckdb_videsk.client import Request
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.proof import Shown

__all__ = ["Audit", "Doubts"]

_WORTH_A_DOUBT = 100


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


class Doubts:
    """Answers of one scan that stop at the same, largest number of rows below the cap.

    The second of them is taken as cut and read on from. Rows where it showed none convict it, and the first one too.
    """

    def __init__(self) -> None:
        self._largest = 0
        self._claimed_empty: list[Range] = []

    def weigh(self, shown: Shown, request: Request) -> Shown:
        """The answer, as cut where it is in doubt.

        Raises:
            SilentCutError: it shows rows that an answer in doubt had left out.
            OrderError: it is in doubt and not in time order.
        """
        self._convict(shown, request)
        rows = shown.batch.num_rows
        if shown.cut or rows < _WORTH_A_DOUBT or rows < self._largest or shown.first is None or shown.last is None:
            return shown
        if rows > self._largest:
            self._largest = rows
            return shown
        asked = Range(request.span.start + SECOND, request.span.end - SECOND)
        rest = Range(asked.start, shown.first) if request.newest_first else Range(shown.last + SECOND, asked.end)
        self._claimed_empty.append(rest)
        return doubted(shown, request)

    def _convict(self, shown: Shown, request: Request) -> None:
        for claim in self._claimed_empty:
            if rows_within(shown.batch, request.endpoint, claim).num_rows:
                raise SilentCutError(
                    f"Answers stop at {self._largest:,} records although they announce a cap of {shown.limit:,}: the "
                    "rest was left out without saying so. No rows are returned. Please report this; until it is "
                    "mended, read shorter ranges, of fewer records each.",
                    endpoint=request.endpoint.path,
                    span=str(claim),
                )
