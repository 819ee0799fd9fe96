"""Which tables have more kept days than those who know some of them may know."""

from __future__ import annotations

import threading

__all__ = ["Changes"]


class Changes:
    """Tables of which more days are kept than their views know; thread-safe."""

    def __init__(self) -> None:
        self._tables: set[str] = set()
        self._lock = threading.Lock()

    def add(self, table: str) -> None:
        with self._lock:
            self._tables.add(table)

    def take(self) -> set[str]:
        """Those there are, which are then forgotten."""
        if not self._tables:
            return set()
        with self._lock:
            taken, self._tables = self._tables, set()
        return taken
