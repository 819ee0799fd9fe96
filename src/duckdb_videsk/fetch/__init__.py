"""From ranges to batches: planning, concurrency, caps, back-pressure, cancelling. All or nothing."""

from duckdb_videsk.fetch.engine import Engine, Scan

__all__ = ["Engine", "Scan"]
