"""What a process's first query would wait for, made ready while a catalog is made, which is DuckDB's own work."""

from __future__ import annotations

import contextlib
import threading

from duckdb_videsk import client, rewriting

__all__ = ["warm_up"]

_begun = threading.Event()


def warm_up() -> None:
    """Begin, once in a process, in a thread that ends with its work."""
    if not _begun.is_set():
        _begun.set()
        # It is no daemon: ended half-way through DuckDB's code, as the process ends, it would take that down.
        threading.Thread(target=_all, name="videsk-warm-up", daemon=False).start()


def _all() -> None:
    for part in (client.prepare, rewriting.prepare):
        # What fails here fails again where it is needed, and is told there.
        with contextlib.suppress(Exception):
            part()
