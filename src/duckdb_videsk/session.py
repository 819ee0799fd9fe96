"""What a DuckDB session is set to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.views import text_literal

if TYPE_CHECKING:
    import duckdb

__all__ = ["hide_bar", "set_time_zone", "show_first_rows_early"]


def set_time_zone(native: duckdb.DuckDBPyConnection, name: str) -> None:
    """Set a connection's time zone, and that of cursors to come: they do not inherit it."""
    native.execute(f"SET GLOBAL TimeZone = {text_literal(name)}")
    native.execute(f"SET TimeZone = {text_literal(name)}")


def hide_bar(native: duckdb.DuckDBPyConnection) -> None:
    """Turn DuckDB's own progress bar off, for cursors to come too: it knows nothing of how far a scan is."""
    # In a notebook without ipywidgets it is off, and DuckDB lets nobody set it.
    if native.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
        native.execute("SET enable_progress_bar = false")


def show_first_rows_early(native: duckdb.DuckDBPyConnection) -> None:
    """With its usual buffer DuckDB reads some thirty answers before it gives the first row of a streamed result."""
    native.execute("SET streaming_buffer_size = '64KB'")
