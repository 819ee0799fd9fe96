"""The hand-over of batches from the event loop to whoever iterates over a scan, in any thread."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

__all__ = ["Outlet"]


class Outlet:
    """A thread-safe queue of batches that knows its bytes and whether its reader is waiting.

    Args:
        on_demand: called, from the reader's thread, whenever a batch was taken or the reader begins to wait.
    """

    def __init__(self, on_demand: Callable[[], None]) -> None:
        self._on_demand = on_demand
        self._condition = threading.Condition()
        self._batches: deque[pa.RecordBatch] = deque()
        self._bytes = 0
        self._waiting = 0
        self._ended = False
        self._error: BaseException | None = None

    @property
    def held_bytes(self) -> int:
        """Bytes of batches that nobody has taken yet."""
        return self._bytes

    @property
    def hungry(self) -> bool:
        """Whether a reader waits and there is nothing for it."""
        return self._waiting > 0 and not self._batches

    def put(self, batch: pa.RecordBatch) -> None:
        """Add a batch; nothing after the outlet ended with an error."""
        with self._condition:
            if self._error is not None:
                return
            self._batches.append(batch)
            self._bytes += batch.nbytes
            self._condition.notify()

    def end(self, error: BaseException | None = None) -> None:
        """No batch will follow; with an error, readers get it at once and what is left is dropped.

        The first error stays.
        """
        with self._condition:
            if self._error is not None:
                return
            self._ended = True
            self._error = error
            if error is not None:
                self._batches.clear()
                self._bytes = 0
            self._condition.notify_all()

    def take(self, timeout: float | None) -> pa.RecordBatch | None:
        """The next batch, or None if none came within `timeout` seconds.

        Raises:
            StopIteration: there is none left.
            BaseException: the error that the outlet ended with, at every call.
        """
        with self._condition:
            if not self._batches and not self._ended:
                self._wait(timeout)
            if self._batches:
                batch = self._batches.popleft()
                self._bytes -= batch.nbytes
            elif self._error is not None:
                raise self._error
            elif self._ended:
                raise StopIteration
            else:
                return None
        self._on_demand()
        return batch

    def _wait(self, timeout: float | None) -> None:
        self._waiting += 1
        try:
            self._on_demand()
            self._condition.wait_for(lambda: self._batches or self._ended, timeout)
        finally:
            self._waiting -= 1
