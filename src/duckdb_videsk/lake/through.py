"""Reading through the lake: what it holds comes from its files, the rest from the API, and is kept on the way."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal

from duckdb_videsk.lake.changes import Changes
from duckdb_videsk.lake.scanning import LakeScan, Sources
from duckdb_videsk.lake.timeless import Timeless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.guard import Guard
    from duckdb_videsk.lake.asking import Asking, Expected
    from duckdb_videsk.lake.store import Lake
    from duckdb_videsk.ranges import Range

__all__ = ["ReadThrough"]


class ReadThrough:
    """The rows of the exports, of lake and API together, as a source of a catalog's tables.

    Args:
        lake: what is kept; until `close`, none of its files is merged away.
        asking: asks for the rest.

    Attributes:
        changes: tables of which its scans found or kept more days than were held by others.
    """

    def __init__(self, lake: Lake, asking: Asking) -> None:
        self.lake = lake
        self.changes = Changes()
        self._asking = asking
        self._sources = Sources(lake, asking, Timeless(asking), self.changes)
        self._lease = lake.lease()

    def scan(
        self,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        *,
        ids: Sequence[str] = (),
        null_times: bool = False,
        guard: Guard | None = None,
        order: Literal["newest", "oldest"] | None = None,
    ) -> LakeScan:
        """All rows of `ranges`; arguments as for the engine's scan."""
        return self.beyond({}).scan(endpoint, ranges, ids=ids, null_times=null_times, guard=guard, order=order)

    def questions(self, endpoint: Endpoint, asked_id: str, *, check: Callable[[], None]) -> Sequence[str]:
        """The labels of a form's or survey's questions, which are not kept."""
        return self._asking.questions(endpoint, asked_id, check=check)

    def estimate(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None) -> Expected:
        """What it is expected to cost to ask for all of these ranges, kept or not."""
        return self._asking.estimate(endpoint, ranges, asked_id)

    def reach(self) -> Future[None]:
        """One small request, to see whether the account can be read; none offline."""
        if not self.lake.settings.offline:
            return self._asking.reach()
        nothing: Future[None] = Future()
        nothing.set_result(None)
        return nothing

    def beyond(self, held: Mapping[str | None, Sequence[Range]]) -> Beyond:
        """The same without days that somebody else reads, by id (None for exports that take none); normalised."""
        return Beyond(self._sources, held)

    def close(self) -> None:
        """Stop whatever makes requests; idempotent."""
        self._asking.close()
        if self._lease is not None:
            self._lease.release()


class Beyond:
    """What some held days do not have."""

    def __init__(self, sources: Sources, held: Mapping[str | None, Sequence[Range]]) -> None:
        self._sources = sources
        self._held = held

    def scan(
        self,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        *,
        ids: Sequence[str] = (),
        null_times: bool = False,
        guard: Guard | None = None,
        order: Literal["newest", "oldest"] | None = None,
    ) -> LakeScan:
        """All rows of `ranges` but those of the held days."""
        wanted: Sequence[str | None] = ids if endpoint.parameter is not None else (None,)
        held = {asked_id: self._held.get(asked_id, ()) for asked_id in wanted}
        return LakeScan(self._sources, endpoint, ranges, held, null_times=null_times, guard=guard, order=order)
