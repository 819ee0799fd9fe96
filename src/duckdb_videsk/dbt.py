"""A plugin for dbt-duckdb: the catalog `videsk` in every connection of a dbt project.

Named in a profile as `module: duckdb_videsk.dbt`. The models then read `videsk.calls` and the others like any table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin

from duckdb_videsk.opening import attach
from duckdb_videsk.settings import load_settings

if TYPE_CHECKING:
    import duckdb

__all__ = ["Plugin"]


class Plugin(BasePlugin):
    """Attaches the catalog; what the profile has under `config` are settings, by their names."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the settings of the profile; dbt-duckdb mixes those of DuckDB in."""
        of_duckdb = (self.creds and self.creds.settings) or {}
        self._given = {name: value for name, value in plugin_config.items() if name not in of_duckdb}

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Put the tables into dbt's DuckDB, and set its time zone to that of the settings.

        Raises:
            ConfigError: a setting is missing or wrong.
        """
        attach(conn, **{**self._given, "time_zone": load_settings(**self._given).time_zone})
