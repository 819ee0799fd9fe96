"""What all scans of one account share: its requests' way out, what is known of the server, and earlier row counts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from duckdb_videsk.fetch.asking import Asker
from duckdb_videsk.fetch.history import History

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.crowded import Ends
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Account"]


class Account:
    """State of one account; all methods belong to the event loop.

    Attributes:
        settings: the connection's.
        ledger: the request log.
        asker: sends the requests.
        ends: how each export (by path) reads a request's ends, where that was found out.
    """

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self.settings = settings
        self.ledger = ledger
        self.asker = Asker(settings, ledger)
        self.ends: dict[str, Ends] = {}
        self._histories: dict[tuple[str, str | None], History] = {}

    def history(self, endpoint: Endpoint, asked_id: str | None) -> History:
        """What earlier scans of a table saw."""
        key = endpoint.table, asked_id
        if key not in self._histories:
            self._histories[key] = History(_history_file(self.settings, *key))
        return self._histories[key]


def _history_file(settings: Settings, table: str, asked_id: str | None) -> Path | None:
    """A file for each account, table and id; the names of account and id are hashes, so that nothing shows."""
    if settings.cache_dir is None:
        return None
    name = table if asked_id is None else f"{table}-{_short_hash(asked_id)}"
    return settings.cache_dir / "history" / settings.account / f"{name}.json"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
