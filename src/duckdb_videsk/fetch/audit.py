"""Finding answers that were cut without saying so: a server may stop before the cap it announces.

Neighbouring answers overlap by the extra seconds, and rows of the overlap have to agree; an answer that claims to be
whole must hold what others show of its time; and answers that stop at the same number of rows are not taken as whole.
The last hour is left alone: records may be written between two requests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.errors import SilentCutError
from duckdb_videsk.fetch.proof import doubted, first_instant, identity_counts
from duckdb_videsk.ranges import SECOND, Range, iso
from duckdb_videsk.trimming import rows_within

if TYPE_CHECKING:
    from collections import Counter

    from duckdb_videsk.client import Request
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.proof import Shown

__all__ = ["Audit", "Doubts"]

_WORTH_A_DOUBT = 100
_STILL_WRITTEN = 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows that one answer shows around a boundary, complete from the boundary until `until`."""

    rows: pa.RecordBatch
    until: int
    first: int | None = None


class Audit:
    """The boundaries between the answers of one scan of one export; each is checked once both sides are there."""

    def __init__(self, endpoint: Endpoint, *, now: int) -> None:
        self._endpoint = endpoint
        self._settled = now - _STILL_WRITTEN
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
        rows = self._around(batch, Range(boundary - SECOND, until))
        self._before[boundary] = _Side(rows, until)
        self._compare(boundary)

    def after(self, boundary: int, batch: pa.RecordBatch, *, until: int) -> None:
        """Note the answer that starts at `boundary` and shows every row of the seconds from there up to `until`.

        Raises:
            SilentCutError: as for `before`.
        """
        first = first_instant(batch, self._endpoint, boundary)
        until = min(until, (boundary if first is None else first) + SECOND)
        rows = self._around(batch, Range(boundary - SECOND, until))
        self._after[boundary] = _Side(rows, until, first)
        self._compare(boundary)

    def _around(self, batch: pa.RecordBatch, span: Range) -> pa.RecordBatch:
        """What names the rows of `span`, copied: a view would hold the whole answer."""
        named = batch.select(list({*self._endpoint.identity, self._endpoint.range_column}))
        rows = rows_within(named, self._endpoint, span)
        return rows.take(pa.array(range(rows.num_rows), pa.int64()))

    def _compare(self, boundary: int) -> None:
        before, after = self._before.get(boundary), self._after.get(boundary)
        if before is None or after is None:
            return
        del self._before[boundary], self._after[boundary]
        alike = before.until == after.until and before.rows.equals(after.rows)
        if alike or boundary >= self._settled:
            return
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
        return identity_counts(rows_within(side.rows, self._endpoint, span), self._endpoint)


class Doubts:
    """What the answers of one scan say against each other.

    Attributes:
        distrusted: the number of rows at which answers stop suspiciously often; None without suspicion.
    """

    def __init__(self, *, now: int) -> None:
        self.distrusted: int | None = None
        self._settled = now - _STILL_WRITTEN
        self._largest = 0
        self._claims: list[_Claim] = []
        self._shown: list[Range] = []

    def weigh(self, shown: Shown, request: Request) -> Shown:
        """The answer; as cut, where it is the second that stops at the largest number of rows seen below the cap.

        Raises:
            SilentCutError: it and another answer cannot both be whole.
            OrderError: it is in doubt and not in time order.
        """
        self._check_claims(shown, request)
        rows = shown.batch.num_rows
        if shown.cut:
            return shown
        asked = Range(request.span.start + SECOND, request.span.end - SECOND)
        self._claim(_Claim(asked, shown.first, shown.last, rows), request, shown.limit)
        if rows < _WORTH_A_DOUBT or rows < self._largest:
            return shown
        if rows > self._largest:
            self._largest = rows
            return shown
        self.distrusted = rows
        return doubted(shown, request)

    def distrust(self, shown: Shown) -> Shown:
        """An answer inside a crowded second; as cut, where it holds as many rows as those that are in doubt."""
        if self.distrusted is None or shown.batch.num_rows < self.distrusted:
            return shown
        return replace(shown, full=True, cut=True)

    def confirm(self, shown: Shown, second: Range, endpoint: Endpoint) -> None:
        """Take note that an answer lacked records of `second`.

        Raises:
            SilentCutError: it was only in doubt, so another one that stopped at the same number lacks records too.
        """
        if not shown.full and shown.batch.num_rows == self.distrusted:
            claim = _Claim(second, shown.first, shown.last, shown.batch.num_rows)
            raise _silent_cut(endpoint, shown.limit, claim)

    def _check_claims(self, shown: Shown, request: Request) -> None:
        if shown.first is None or shown.last is None:
            return
        for claim in self._claims:
            for empty in claim.empty():
                if empty.start <= shown.last and shown.first < empty.end:
                    settled = empty.intersect(Range(empty.start, self._settled))
                    if rows_within(shown.batch, request.endpoint, settled).num_rows:
                        raise _silent_cut(request.endpoint, shown.limit, claim)
        self._shown.append(Range(shown.first, shown.last + 1))

    def _claim(self, claim: _Claim, request: Request, limit: int) -> None:
        self._claims.append(claim)
        for empty in claim.empty():
            if any(
                edge in empty and edge < self._settled for seen in self._shown for edge in (seen.start, seen.end - 1)
            ):
                raise _silent_cut(request.endpoint, limit, claim)


@dataclass(frozen=True, slots=True)
class _Claim:
    """An answer that was not cut says that its time holds nothing before its first and after its last row."""

    asked: Range
    first: int | None
    last: int | None
    rows: int

    def empty(self) -> tuple[Range, ...]:
        if self.first is None or self.last is None:
            return (self.asked,)
        before, after = Range(self.asked.start, self.first), Range(self.last + SECOND, self.asked.end)
        return tuple(piece for piece in (before, after) if not piece.empty)


def _silent_cut(endpoint: Endpoint, limit: int, claim: _Claim) -> SilentCutError:
    return SilentCutError(
        f"An answer of {claim.rows:,} records, although its cap is {limit:,}, left out records that another answer "
        "shows. No rows are returned. If many records were being written at that moment, run the query again; else "
        "please report this, and read shorter ranges until it is mended.",
        endpoint=endpoint.path,
        span=str(claim.asked),
    )
