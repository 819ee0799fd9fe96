"""What a read was asked for: the options of `spark.read`, as a table, a range of time and settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ConfigError, QueryError, without_tokens
from duckdb_videsk.ranges import EVER, Range, iso, micros
from duckdb_videsk.settings import Settings, load_settings
from duckdb_videsk.spark.carrying import TRAVELLING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.spark.carrying import Carried

__all__ = ["Job", "job_of", "refuse_offline"]

_OWN = {"table", "path", "since", "until", "partitions", "parallelism"}
_PARTITIONS = 32
_PARALLELISM = 8


@dataclass(frozen=True, slots=True)
class Job:
    """One read of a table.

    Attributes:
        endpoint: the table's export.
        span: of its range column.
        settings: of the account.
        partitions: the most that the read is cut into.
        parallelism: how many of them are read at once, at most.
    """

    endpoint: Endpoint
    span: Range
    settings: Settings
    partitions: int
    parallelism: int


def job_of(options: Mapping[str, str], carried: Carried | None, parallelism: int | None) -> Job:
    """What options ask for.

    Args:
        carried: the settings it was registered with; None: those of this process.
        parallelism: tasks that run at once, where that is known.

    Raises:
        ConfigError: an option or a setting is missing or wrong.
        QueryError: there is no such table, or no such moment, or the range ends before it begins.
    """
    given = {name.lower(): value for name, value in options.items()}
    _refuse(given)
    table = _table(given)
    settings_given = {name: value for name, value in given.items() if name in TRAVELLING}
    settings = load_settings(**settings_given) if carried is None else carried.with_options(settings_given)
    refuse_offline(settings)
    since, until = _moment(given, "since", settings, EVER.start), _moment(given, "until", settings, EVER.end)
    if since > until:
        raise QueryError(f"The range ends before it begins: since {iso(since)}, until {iso(until)}.")
    return Job(
        by_table()[table],
        Range(since, until),
        settings,
        _count(given, "partitions", _PARTITIONS),
        _count(given, "parallelism", parallelism or _PARALLELISM),
    )


def refuse_offline(settings: Settings) -> None:
    """Raises ConfigError where nothing may be asked of the API."""
    if settings.offline:
        raise ConfigError(
            "offline is set, and Spark reads from the API: unset it, or read the kept days' Parquet files instead."
        )


def _refuse(given: Mapping[str, str]) -> None:
    if "token" in given:
        raise ConfigError(
            "The token is no option, since options show in plans: set VIDESK_API_TOKEN where Spark is started, or "
            "use duckdb_videsk.spark.register(spark, token=…)."
        )
    unknown = set(given) - _OWN - TRAVELLING
    if not unknown:
        return
    name = min(unknown)
    if name in {f.name for f in fields(Settings)}:
        raise ConfigError(f"The setting {name} has no meaning in Spark: leave the option out.")
    known = ", ".join(sorted((_OWN | TRAVELLING) - {"path"}))
    raise ConfigError(f"Unknown option {without_tokens(repr(name))}; options are: {known}.")


def _table(given: Mapping[str, str]) -> str:
    named = {given[name] for name in ("table", "path") if name in given}
    tables = ", ".join(by_table())
    if len(named) != 1:
        raise QueryError(f"Name one table, as in .load('calls') or .option('table', 'calls'); tables are: {tables}.")
    (table,) = named
    if table not in by_table():
        raise QueryError(f"There is no table {without_tokens(repr(table))}; tables are: {tables}.")
    return table


def _moment(given: Mapping[str, str], name: str, settings: Settings, otherwise: int) -> int:
    if name not in given:
        return otherwise
    try:
        moment = datetime.fromisoformat(given[name].strip())
        return micros(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.time_zone)))
    except (ValueError, OverflowError):
        raise QueryError(
            f"{name} is {without_tokens(repr(given[name]))}: write a moment such as 2026-10-01 or "
            "2026-10-01T08:00:00-03:00; without an offset it is in the time zone of the settings, "
            f"{settings.time_zone}."
        ) from None


def _count(given: Mapping[str, str], name: str, otherwise: int) -> int:
    text: Any = given.get(name, otherwise)
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= 10_000:
        raise ConfigError(f"{name} is {without_tokens(repr(text))}: it has to be a whole number from 1 to 10,000.")
    return count
