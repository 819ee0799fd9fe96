"""Whether a table has rows without a time. They lie in no day, so no day's file can tell."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake.asking import Asking

__all__ = ["Timeless"]

_GOOD_SECONDS = 600.0


class Timeless:
    """Which tables and ids were seen to have none, for ten minutes."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._free: dict[tuple[str, str | None], float] = {}

    def is_free(self, endpoint: Endpoint, asked_id: str | None) -> bool:
        """Whether an unbounded answer showed a short while ago that there are none."""
        seen = self._free.get((endpoint.table, asked_id))
        return seen is not None and time.monotonic() - seen < _GOOD_SECONDS

    def look(self, endpoint: Endpoint, asked_id: str | None) -> Future[bool]:
        """Ask for it: one unbounded request; true where there are some."""
        return self._asking.look_for_timeless(endpoint, asked_id)

    def note_free(self, endpoint: Endpoint, asked_id: str | None) -> None:
        """Take note that there are none."""
        self._free[endpoint.table, asked_id] = time.monotonic()
