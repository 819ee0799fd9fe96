"""What the lake wants of whatever asks the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.guard import Guard
    from duckdb_videsk.ranges import Range

__all__ = ["Asked", "Asking", "Expected"]


class Asked(Protocol):
    """One read of the API."""

    @property
    def in_order(self) -> bool: ...

    def poll(self, timeout: float | None, /) -> pa.RecordBatch | None: ...

    def close(self) -> None: ...


class Expected(Protocol):
    """What a read is expected to cost; None where nothing is known yet."""

    @property
    def requests(self) -> int | None: ...

    @property
    def rows(self) -> int | None: ...


class Asking(Protocol):
    """What asks the API."""

    def scan_parts(
        self,
        endpoint: Endpoint,
        parts: Mapping[str | None, Sequence[Range]],
        *,
        null_times: bool = False,
        guard: Guard | None = None,
        order: Literal["newest", "oldest"] | None = None,
    ) -> Asked:
        """All rows of the ranges of each id (None for exports that take none)."""

    def look_for_timeless(self, endpoint: Endpoint, asked_id: str | None) -> Future[bool]:
        """Whether an unbounded answer shows rows without a time."""

    def questions(self, endpoint: Endpoint, asked_id: str, /, *, check: Callable[[], None]) -> Sequence[str]:
        """The labels of a form's or survey's questions."""

    def estimate(self, endpoint: Endpoint, ranges: Sequence[Range], asked_id: str | None, /) -> Expected:
        """What a read is expected to cost."""

    def reach(self) -> Future[None]:
        """One small request, to see whether the account can be read."""

    def cap(self, endpoint: Endpoint, asked_id: str | None) -> int:
        """Records that one answer may hold; 0 while unknown."""

    def clock_ahead(self) -> float:
        """Seconds that this machine's clock is ahead of the server's; 0 while unknown."""

    def close(self) -> None: ...
