"""The eleven table functions, for people who build queries from Python: each gives a relation over one export."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, overload

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import QueryError
from duckdb_videsk.views import CATALOG, quoted, text_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from duckdb_videsk.connection import Connection
    from duckdb_videsk.relation import Relation

__all__ = [
    "KeyedTableFunction",
    "TableFunction",
    "ai_sentiments",
    "ai_topics",
    "appointments",
    "calls",
    "comments",
    "forms",
    "metadata",
    "queues",
    "recordings",
    "surveys",
    "tags",
]


class TableFunction:
    """A function that gives one table's rows of a half-open stretch of time, as a lazy relation."""

    def __init__(self, table: str) -> None:
        self._endpoint = by_table()[table]
        self.__name__ = table
        self.__doc__ = f"Rows of `{CATALOG}.{table}` ({self._endpoint.comment}) with since <= time < until."

    @overload
    def __call__(
        self,
        con: Connection,
        *,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
    ) -> Relation: ...

    @overload
    def __call__(
        self,
        con: duckdb.DuckDBPyConnection,
        *,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
    ) -> duckdb.DuckDBPyRelation: ...

    def __call__(
        self,
        con: Connection | duckdb.DuckDBPyConnection,
        *,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
    ) -> Relation | duckdb.DuckDBPyRelation:
        """The rows from `since` until just before `until`; what says no time zone is in the connection's."""
        return con.sql(self._text(since, until))

    def __repr__(self) -> str:
        return f"<function duckdb_videsk.{self.__name__}>"

    def _text(self, since: object, until: object) -> str:
        bounds = {"since": since, "until": until}
        given = ", ".join(f"{name} := {_moment(name, value)}" for name, value in bounds.items() if value is not None)
        return f"FROM {CATALOG}.main.{quoted(self._endpoint.table)}({given})"


class KeyedTableFunction(TableFunction):
    """A table function of an export that is read by ids: one, several, or those of the settings."""

    @overload
    def __call__(
        self,
        con: Connection,
        ids: str | Sequence[str] | None = None,
        /,
        *,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
    ) -> Relation: ...

    @overload
    def __call__(
        self,
        con: duckdb.DuckDBPyConnection,
        ids: str | Sequence[str] | None = None,
        /,
        *,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
    ) -> duckdb.DuckDBPyRelation: ...

    def __call__(
        self,
        con: Connection | duckdb.DuckDBPyConnection,
        ids: str | Sequence[str] | None = None,
        /,
        *,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
    ) -> Relation | duckdb.DuckDBPyRelation:
        """The rows of these ids from `since` until just before `until`."""
        return con.sql(self._text(since, until) + self._condition(ids))

    def _condition(self, ids: str | Sequence[str] | None) -> str:
        if ids is None:
            return ""
        named = [ids] if isinstance(ids, str) else list(ids)
        if not named or not all(isinstance(name, str) for name in named):
            raise QueryError(f"{self.__name__}: an id is a text; give one, or a list of at least one.")
        return f" WHERE {quoted(str(self._endpoint.parameter))} IN ({', '.join(map(text_literal, named))})"


def _moment(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        aware = value.tzinfo is not None
        plain = value.astimezone(UTC).replace(tzinfo=None) if aware else value
        return f"{'TIMESTAMPTZ' if aware else 'TIMESTAMP'} '{plain.isoformat(sep=' ')}{'+00' if aware else ''}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return text_literal(value)
    raise QueryError(f"{name} is a {type(value).__name__}: give a datetime, a date or a text such as '2026-10-01'.")


calls = TableFunction("calls")
queues = TableFunction("queues")
metadata = TableFunction("metadata")
comments = TableFunction("comments")
tags = TableFunction("tags")
appointments = TableFunction("appointments")
recordings = TableFunction("recordings")
ai_topics = TableFunction("ai_topics")
ai_sentiments = TableFunction("ai_sentiments")
forms = KeyedTableFunction("forms")
surveys = KeyedTableFunction("surveys")
