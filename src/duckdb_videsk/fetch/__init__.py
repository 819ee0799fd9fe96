"""From ranges to batches: planning, concurrency, caps, back-pressure, cancelling. All or nothing."""

from duckdb_videsk.fetch.engine import Engine, Scan
from duckdb_videsk.fetch.fetching import Progress

__all__ = ["Engine", "Progress", "Scan"]
