"""What a process's first query would wait for, made ready while a catalog is made, which is DuckDB's own work."""

from __future__ import annotations

import contextlib
import os
import threading

from duckdb_videsk import client, rewriting

__all__ = ["warm_up"]

_begun = threading.Event()
_threads: list[threading.Thread] = []
_LONGEST_WAIT = 10.0


def warm_up() -> None:
    """Begin, once in a process, in a thread that ends with its work; nothing is made where none can be begun."""
    if not _begun.is_set():
        _begun.set()
        # It is no daemon: ended half-way through DuckDB's code, as the process ends, it would take that down.
        thread = threading.Thread(target=_all, name="videsk-warm-up", daemon=False)
        with contextlib.suppress(RuntimeError):
            thread.start()
            _threads.append(thread)


def _all() -> None:
    for part in (client.prepare, rewriting.prepare):
        # What fails here fails again where it is needed, and is told there.
        with contextlib.suppress(Exception):
            part()


def _before_fork() -> None:
    """A child would wait for ever for the locks that the thread holds: those of imports, and DuckDB's."""
    for thread in _threads:
        thread.join(_LONGEST_WAIT)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
