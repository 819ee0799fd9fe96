"""Reading one second that holds more records than an answer: in slices of milliseconds, exactly.

Times are printed in whole seconds, so rows cannot be trimmed to a millisecond. Slices therefore have to fit together
without gap or overlap, which depends on whether the server counts a request's two ends in; that is found out first.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.errors import BadRequestError, CrowdedInstantError
from duckdb_videsk.fetch.proof import identity_counts
from duckdb_videsk.ranges import MILLISECOND, SECOND, Range, iso
from duckdb_videsk.trimming import rows_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.proof import Shown

__all__ = ["Ends", "SecondReader"]


class Ends(Enum):
    """Whether a request's `start` and `end` are counted in; (first, last) widening of a slice, in milliseconds.

    With one end counted in, a slice of `n` milliseconds is a request of length `n`, whichever end it is.
    """

    BOTH = (0, 0)
    ONE = (0, 1)
    NONE = (-1, 1)


class SecondReader:
    """Reads whole seconds of one export.

    Args:
        endpoint: the export.
        ask: sends one request for exactly the given span (its start may lie after its end) and judges the answer.
        ends: how the server reads ends, where another scan has found out.
    """

    def __init__(self, endpoint: Endpoint, ask: Callable[[Range], Awaitable[Shown]], *, ends: Ends | None) -> None:
        self._endpoint = endpoint
        self._ask = ask
        self.ends = ends

    async def read(self, second: int) -> pa.RecordBatch:
        """All rows printed with this second (microseconds since the epoch).

        Raises:
            CrowdedInstantError: one millisecond fills an answer, or the server does not look at milliseconds.
        """
        whole = await self._ask(Range(second - MILLISECOND, second + SECOND))
        own = Range(second, second + SECOND)
        if not whole.cut:
            return rows_within(whole.batch, self._endpoint, own)
        if self.ends is None:
            self.ends = await self._find_ends(second)
        first = -1 if self.ends is Ends.ONE else 0
        rows = pa.concat_batches(await self._slice(second, first, 999, self.ends))
        seen = identity_counts(rows_within(whole.batch, self._endpoint, own), self._endpoint)
        if seen - identity_counts(rows, self._endpoint):
            raise self._unreadable(second, "its slices of milliseconds do not add up")
        return rows

    async def _slice(self, second: int, first: int, last: int, ends: Ends) -> list[pa.RecordBatch]:
        """Rows of the milliseconds `first` to `last` of the second, those of other seconds left out."""
        before, after = ends.value
        shown = await self._ask(Range(second + (first + before) * MILLISECOND, second + (last + after) * MILLISECOND))
        own = rows_within(shown.batch, self._endpoint, Range(second, second + SECOND))
        # Rows of one millisecond print the same second: none of this second among them means none left out.
        if not shown.cut or (first == last and not own.num_rows):
            return [own]
        if first == last:
            raise self._unreadable(second + first * MILLISECOND, "a millisecond cannot be split")
        middle = (first + last) // 2
        return [
            *await self._slice(second, first, middle, ends),
            *await self._slice(second, middle + 1, last, ends),
        ]

    async def _find_ends(self, second: int) -> Ends:
        """Search for a millisecond that holds rows, by halving; how it shows tells how ends are read."""
        low, high = -1, 1000
        while high - low > 1:
            middle = (low + high) // 2
            if await self._shows_rows(second, low, middle):
                high = middle
            elif await self._shows_rows(second, middle, high):
                low = middle
            else:
                return Ends.NONE
        try:
            instant = await self._shows_rows(second, low, low) or await self._shows_rows(second, high, high)
        except BadRequestError:
            raise self._unreadable(second, "the server refuses requests for a single instant") from None
        if not instant:
            return Ends.ONE
        await self._check_milliseconds_count(second)
        return Ends.BOTH

    async def _check_milliseconds_count(self, second: int) -> None:
        """A request that ends before it starts has no rows, unless both ends are taken as their second."""
        try:
            rows = await self._shows_rows(second, 900, 100)
        except BadRequestError:
            return
        if rows:
            raise self._unreadable(second, "the server does not look at milliseconds")

    async def _shows_rows(self, second: int, start: int, end: int) -> bool:
        shown = await self._ask(Range(second + start * MILLISECOND, second + end * MILLISECOND))
        return bool(shown.batch.num_rows - shown.timeless)

    def _unreadable(self, instant: int, why: str) -> CrowdedInstantError:
        return CrowdedInstantError(
            f"{iso(instant)} holds more records than one answer of the API may have, and {why}, so they cannot be "
            "read whole. Leave that instant out with a predicate on "
            f"{self._endpoint.range_column}, or ask Videsk to raise the account's record cap.",
            endpoint=self._endpoint.path,
            span=iso(instant),
        )
