"""Settings on their way to other processes: Spark pickles what its tasks need, and the token is among it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from duckdb_videsk.settings import Settings, Token, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Carried"]

# What belongs to the machine that it was read on, or to DuckDB.
_STAYS = {"token", "cache_dir", "languages", "lake", "lake_dir", "offline", "progress", "wide_views"}


class Carried:
    """Settings that can be pickled, token included: whoever can read the pickled bytes can read the token.

    It shows itself to nobody, and is unpacked by `settings` alone.
    """

    __slots__ = ("_given", "_token")

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token.reveal()
        self._given = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in _STAYS}

    def settings(self) -> Settings:
        """They, for a process that keeps nothing on its machine."""
        return Settings(token=Token(self._token), cache_dir=None, lake=False, **self._given)

    def with_options(self, options: Mapping[str, Any]) -> Settings:
        """They, with some given anew as texts; what belongs to a machine is this one's.

        Raises:
            ConfigError: an option is unknown, or its value is wrong.
        """
        return load_settings(**{"token": Token(self._token), **self._given, **options})

    def __repr__(self) -> str:
        return "Carried(<hidden>)"
