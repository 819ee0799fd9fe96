"""Settings on their way to other processes: Spark pickles what its tasks need, and the token is among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from duckdb_videsk.settings import Settings, Token, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TRAVELLING", "Carried"]

TRAVELLING = frozenset(
    {
        "auth_header",
        "base_url",
        "concurrency",
        "forms",
        "in_flight_bytes",
        "max_answer_bytes",
        "max_requests",
        "own_keys_only",
        "requests_per_second",
        "retries",
        "scan_budget",
        "surveys",
        "time_zone",
        "timeout_seconds",
        "unbounded_scans",
    }
)
"""The settings that have a meaning in Spark, without the token."""


class Carried:
    """Settings that can be pickled, token included: whoever can read the pickled bytes can read the token.

    It shows itself to nobody, and is unpacked by its methods alone.
    """

    __slots__ = ("_cache_dir", "_given", "_token")

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token.reveal()
        self._cache_dir = "none" if settings.cache_dir is None else str(settings.cache_dir)
        self._given = {name: getattr(settings, name) for name in TRAVELLING}

    def settings(self) -> Settings:
        """They, for a process that keeps nothing on its machine."""
        return Settings(token=Token(self._token), cache_dir=None, lake=False, **self._given)

    def with_options(self, options: Mapping[str, Any]) -> Settings:
        """They, for the process that plans, with some given anew as texts.

        Raises:
            ConfigError: an option's value is wrong.
        """
        given = {"token": Token(self._token), "cache_dir": self._cache_dir, **self._given, **options}
        return load_settings(**given)

    def __repr__(self) -> str:
        return "Carried(<hidden>)"
