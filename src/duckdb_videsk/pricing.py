"""From scans that a rehearsal saw to a plan: what made their ranges, what of them is kept, what the rest costs."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Protocol

from duckdb_videsk.plans import PlannedScan
from duckdb_videsk.ranges import EVER, normalise, subtract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake import Expected, Lake
    from duckdb_videsk.ranges import Range
    from duckdb_videsk.rehearsal import SeenScan
    from duckdb_videsk.rewriting import Rewritten, TableName

__all__ = ["Estimating", "Pricing"]


_LONGEST = 200


class Estimating(Protocol):
    """What knows of earlier reads."""

    def estimate(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None, /) -> Expected:
        """What a read is expected to cost; nothing is asked."""


class Pricing:
    """Prices the scans of one catalog.

    Args:
        source: knows of earlier reads.
        lake: where days are kept; None where none are.
        exports: the export of each table and view.
        requests_per_second: that may be made.
        catalog: its name.
    """

    def __init__(
        self,
        source: Estimating,
        lake: Lake | None,
        exports: Mapping[TableName, Endpoint],
        requests_per_second: float,
        *,
        catalog: str,
    ) -> None:
        self._catalog = catalog
        self._source = source
        self._lake = lake
        self._exports = exports
        self._per_second = requests_per_second

    def scans(self, seen: SeenScan, rewritten: Rewritten) -> Iterator[PlannedScan]:
        """The scan that was seen, one for each id."""
        for asked_id in seen.ids if seen.endpoint.parameter else (None,):
            kept = self._kept(seen, asked_id)
            rest = subtract(seen.ranges, kept)
            requests, rows = self._price(seen, rest, asked_id)
            yield PlannedScan(
                table=seen.endpoint.table,
                id=asked_id,
                ranges=seen.ranges,
                because=self._because(seen, rewritten),
                first=seen.first,
                kept=kept,
                requests=requests,
                rows=rows,
                seconds=None if requests is None else requests / self._per_second,
                hints=tuple(hint.condition for hint in rewritten.hints if self._is_of(hint.table, seen)),
                catalog=self._catalog,
            )

    def _because(self, seen: SeenScan, rewritten: Rewritten) -> tuple[str, ...]:
        implied = sorted({one.predicate for one in rewritten.implied if one.table and self._is_of(one.table, seen)})
        if implied or seen.ranges == (EVER,) or not seen.condition:
            return tuple(implied)
        return (shorten(" ".join(seen.condition.split()), _LONGEST, placeholder=" …"),)

    def _is_of(self, table: TableName, seen: SeenScan) -> bool:
        return self._exports.get(table) is seen.endpoint

    def _kept(self, seen: SeenScan, asked_id: str | None) -> tuple[Range, ...]:
        if self._lake is None:
            return ()
        days = normalise(piece.days for piece in self._lake.shelf(seen.endpoint, asked_id).pieces())
        return normalise(piece.intersect(day) for piece in seen.ranges for day in days)

    def _price(self, seen: SeenScan, rest: Sequence[Range], asked_id: str | None) -> tuple[int | None, int | None]:
        """Requests and rows."""
        if not rest:
            return 0, 0
        if seen.first is not None:
            return (2 if seen.first == "both" else 1), None
        expected = self._source.estimate(seen.endpoint, rest, asked_id)
        return expected.requests, expected.rows
