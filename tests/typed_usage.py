"""Typed use of the public names: checked by mypy, never run."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, assert_type

import duckdb

import duckdb_videsk
from duckdb_videsk import Connection, Relation, Settings, VideskError

if TYPE_CHECKING:
    import pyarrow as pa


def connecting() -> None:
    con = duckdb_videsk.connect("local.duckdb", token="…", forms=["a"], languages={"de": {"agent": "Agent"}})
    assert_type(con, Connection)
    assert_type(con.settings, Settings)
    assert_type(con.native, duckdb.DuckDBPyConnection)
    assert_type(duckdb_videsk.attach(duckdb.connect(), time_zone="America/Santiago"), Connection)
    with duckdb_videsk.connect() as entered:
        assert_type(entered, Connection)
    several = duckdb_videsk.connect(accounts=["north", "south"], failing_accounts="leave_out")
    assert_type(dict(several.accounts), dict[str, Settings])
    duckdb_videsk.attach(
        duckdb.connect(), accounts={"north": {"token": "…", "forms": ["a"]}, "south": several.settings}
    )


def asking(con: Connection) -> None:
    relation = con.sql("FROM videsk.calls", params={"a": 1})
    assert_type(relation, Relation)
    assert_type(relation.fetchall(), list[tuple[Any, ...]])
    assert_type(relation.columns, list[str])
    assert_type(relation.native, duckdb.DuckDBPyRelation)
    assert_type(con.execute("SELECT ?", [1]), Connection)
    assert_type(con.execute("SELECT 1").fetchone(), tuple[Any, ...] | None)
    assert_type(con.cursor(), Connection)
    table: pa.Table = con.execute("SELECT 1").arrow()
    assert table is not None


def functions(con: Connection, native: duckdb.DuckDBPyConnection) -> None:
    assert_type(duckdb_videsk.calls(con, since=date(2026, 1, 1), until="2026-02-01"), Relation)
    assert_type(duckdb_videsk.calls(native), duckdb.DuckDBPyRelation)
    assert_type(duckdb_videsk.forms(con, ["a", "b"], since="2026-01-01"), Relation)
    assert_type(duckdb_videsk.surveys(native, "a"), duckdb.DuckDBPyRelation)


def failing(con: Connection) -> str | None:
    try:
        con.execute("FROM videsk.calls")
    except VideskError as error:
        return error.endpoint or error.account
    return None
