"""The background thread with the event loop that all requests of an engine run on; it ends when idle."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from typing import TYPE_CHECKING

from duckdb_videsk.errors import ClosedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["LoopThread", "connection_closed"]

_LINGER_SECONDS = 0.5

_all: weakref.WeakSet[LoopThread] = weakref.WeakSet()


class LoopThread:
    """An event loop in a daemon thread, started when first held and ended a moment after it was last let go.

    Once stopped it does not start again.

    Args:
        name: of the thread.
        on_stop: awaited on the loop before it ends.
    """

    def __init__(self, name: str, on_stop: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._on_stop = on_stop
        self._lock = threading.Lock()
        self._holders = 0
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        _all.add(self)

    def forget(self) -> None:
        """In a forked child: the thread stayed with the parent."""
        self._lock = threading.Lock()
        self._holders = 0
        self._loop = self._thread = None

    def hold(self, begin: Callable[[], object] | None = None) -> asyncio.AbstractEventLoop:
        """The running loop, kept alive until `let_go`; `begin` is called on it, whatever happens to the loop then.

        Raises:
            ClosedError: it was stopped.
        """
        with self._lock:
            if self._stopped:
                raise connection_closed()
            self._holders += 1
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            if begin is not None:
                self._loop.call_soon_threadsafe(begin)
            return self._loop

    def let_go(self) -> None:
        with self._lock:
            self._holders -= 1
            loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(loop.call_later, _LINGER_SECONDS, self._stop_if_idle, loop)

    def is_current(self) -> bool:
        """Whether the caller runs on the loop's own thread, where nothing may wait for the loop."""
        return self._thread is threading.current_thread()

    def stop(self) -> None:
        """End the loop now and for good, whoever holds it, and wait for the thread; idempotent."""
        with self._lock:
            self._stopped = True
            loop, thread = self._loop, self._thread
            self._loop = None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _stop_if_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._holders or self._loop is not loop:
                return
            self._loop = None
        loop.stop()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(self._wind_down())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    async def _wind_down(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._on_stop()
        await asyncio.get_running_loop().shutdown_asyncgens()


def connection_closed() -> ClosedError:
    """The error of whoever asks through a closed connection."""
    return ClosedError("The connection is closed: open a new one with duckdb_videsk.connect().")


def _after_fork() -> None:
    for loops in list(_all):
        loops.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
