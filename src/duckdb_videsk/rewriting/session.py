"""What a connection's session says, asked without running a statement: results that wait to be fetched stay.

DuckDB binds a relation when it is made, and `query()` evaluates its argument while it is bound: what is asked comes
back as the name of a column. A transaction is neither begun nor spoilt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.views import quoted, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Session",
    "answer",
    "has_temporary",
    "has_usual_order",
    "mean_the_same",
    "sameness",
    "search_path_of",
    "session_of",
    "time_zone_of",
]

_SETTINGS = ", ".join(
    f"system.main.current_setting('{name}')" for name in ("Calendar", "old_implicit_casting", "default_collation")
)
_USUAL = "gregorian|false|"
_USUAL_ORDERS = {f"{order}|{nulls}" for order in ("asc", "ascending") for nulls in ("nulls_last", "nulls last")}
_ASKED = (
    "system.main.concat_ws('|', system.main.current_setting('TimeZone'), system.main.current_database(), "
    "system.main.current_schema(), system.main.current_date(), system.main.epoch_us(system.main.now()), "
    f"{_SETTINGS})"
)


@dataclass(frozen=True, slots=True)
class Session:
    """A session while a statement is looked at.

    Attributes:
        time_zone: its time zone.
        database: where names alone are looked up.
        schema: the same.
        day: its current_date.
        now: microseconds since the epoch.
    """

    time_zone: str
    database: str
    schema: str
    day: str
    now: int

    def differs(self, column: str) -> str:
        """The condition that a session is another, or a column no TIMESTAMPTZ; known when a query is bound."""
        usual = text_literal(f"TIMESTAMP WITH TIME ZONE|{self.time_zone}|{_USUAL}")
        zone = "system.main.current_setting('TimeZone')"
        asked = f"system.main.concat_ws('|', system.main.typeof({column}), {zone}, {_SETTINGS})"
        return f"{asked} <> {usual}"


def session_of(native: duckdb.DuckDBPyConnection) -> Session:
    """A connection's session; raises NotUnderstood where settings change what expressions mean."""
    time_zone, database, schema, day, now, usual = answer(native, _ASKED).split("|", 5)
    if usual != _USUAL:
        raise NotUnderstood("the session has settings of its own")
    return Session(time_zone, database, schema, day, int(now))


def time_zone_of(native: duckdb.DuckDBPyConnection) -> str:
    """A connection's time zone."""
    return answer(native, "system.main.current_setting('TimeZone')")


def search_path_of(native: duckdb.DuckDBPyConnection) -> str:
    """Where a connection looks for tables, as `USE` has set it; empty where it has not."""
    return answer(native, "'=' || system.main.current_setting('search_path')").removeprefix("=")


def mean_the_same(native: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether expressions over a TIMESTAMPTZ `s` mean the same in the session, as DuckDB binds them."""
    return answer(native, f"({sameness(pairs)})::VARCHAR") == "true"


def sameness(pairs: Iterable[tuple[str, str]]) -> str:
    """The condition for that; DuckDB evaluates it whenever it plans a statement."""
    one, other = (_plan(", ".join(texts)) for texts in zip(*pairs, strict=True))
    return f"coalesce({one} = {other} AND NOT system.main.contains({one}, '\"error\":true'), false)"


def has_temporary(native: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the session has a temporary table or view of that name."""
    try:
        native.sql(f"SELECT 1 FROM temp.main.{quoted(name)} LIMIT 0")  # noqa: S608 - quoted
    except duckdb.CatalogException:
        return False
    return True


def has_usual_order(native: duckdb.DuckDBPyConnection) -> bool:
    """Whether ORDER BY goes upwards, and puts NULLs last, where nothing else is said."""
    names = ("default_order", "default_null_order")
    asked = ", ".join(f"lower(system.main.current_setting('{name}'))" for name in names)
    return answer(native, f"system.main.concat_ws('|', {asked})") in _USUAL_ORDERS


def answer(native: duckdb.DuckDBPyConnection, expression: str) -> str:
    """What an expression of type VARCHAR says, asked in the session."""
    escaped = f"system.main.replace({expression}, '\"', '\"\"')"
    (name,) = native.sql(f"FROM system.main.query('SELECT 1 AS \"' || {escaped} || '\"')").columns
    return str(name)


def _plan(expressions: str) -> str:
    query = f"SELECT {expressions} FROM (SELECT make_timestamptz(0) AS s)"  # noqa: S608 - bound, never run
    plan = f"system.main.json_serialize_plan({text_literal(query)}, optimize := false)"
    ignored = '(query_location(_length)?|is_operator)":(\\d+|true|false)'
    return f"system.main.regexp_replace({plan}, '\"{ignored}', '', 'g')"
