"""Python variables as parameters: by value, only those that DuckDB names, of types that keep their meaning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from duckdb_videsk import QueryError
from duckdb_videsk.variables import is_value, parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def native() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


MOMENT = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, '"NULL"', None),
        (True, "BOOLEAN", "true"),
        ("x'; DROP TABLE t; --", "VARCHAR", "x'; DROP TABLE t; --"),
        (date(2026, 3, 1), "DATE", "2026-03-01"),
        (MOMENT, "TIMESTAMP", "2026-03-01 12:30:00"),
        (MOMENT.replace(tzinfo=UTC), "TIMESTAMP WITH TIME ZONE", "2026-03-01 12:30:00+00"),
        (Decimal("1.20"), "DECIMAL(3,2)", "1.20"),
        (timedelta(hours=1), "INTERVAL", "01:00:00"),
        (np.int64(3), "INTEGER", "3"),
        (np.bool_(True), "BOOLEAN", "true"),
        (np.str_("ñ"), "VARCHAR", "ñ"),
        (np.datetime64("2026-03-01T12:30:00", "ns"), "TIMESTAMP", "2026-03-01 12:30:00"),
        (np.array(["2026-03-01"], "M8[ns]"), "TIMESTAMP[]", "['2026-03-01 00:00:00']"),
        (pd.Timestamp("2026-03-01 12:30", tz="UTC"), "TIMESTAMP WITH TIME ZONE", "2026-03-01 12:30:00+00"),
        (pd.NaT, '"NULL"', None),
        (pd.NA, '"NULL"', None),
        (pd.Series(["a", None]), "VARCHAR[]", "[a, NULL]"),
        (pl.Series([1, 2]), "INTEGER[]", "[1, 2]"),
        (pa.array([1, None]), "INTEGER[]", "[1, NULL]"),
        (pa.scalar(3), "INTEGER", "3"),
        ([np.int64(1), 2], "INTEGER[]", "[1, 2]"),
        ({"a"}, "VARCHAR[]", "[a]"),
        ({"a": np.int64(1)}, "STRUCT(a INTEGER)", "{'a': 1}"),
    ],
)
def test_values_keep_their_type(native: duckdb.DuckDBPyConnection, value: Any, kind: str, text: str | None) -> None:
    sql = "SELECT typeof($v), $v::VARCHAR"
    assert native.execute(sql, parameters_of(native, sql, {"v": value})).fetchall() == [(kind, text)]


def test_only_parameters_are_bound(native: duckdb.DuckDBPyConnection) -> None:
    sql = """SELECT '$a', $$ $b $$, "x$y", $c -- $d
             FROM (SELECT 1 AS "x$y") /* $e */"""
    assert parameters_of(native, sql, dict.fromkeys("abcde", 1)) == {"c": 1}
    assert parameters_of(native, "SELECT 1", {}) == {}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT $nothing", "no variable nothing"),
        ("SELECT ?", "written \\$name"),
        ("SELECT $1", "written \\$name"),
        ("SELECT $Name, $name", "\\$Name and \\$name"),
        ("SELECT $frame", "DataFrame.*FROM frame"),
        ("SELECT $function", "builtin_function"),
        ("SELECT $deep", "complex"),
    ],
)
def test_what_cannot_be_bound_is_said(native: duckdb.DuckDBPyConnection, sql: str, said: str) -> None:
    variables = {"Name": 1, "name": 2, "frame": pd.DataFrame({"a": [1]}), "function": print, "deep": [1j]}
    with pytest.raises(QueryError, match=said):
        parameters_of(native, sql, variables)


def test_values_are_told_from_tables_and_functions() -> None:
    assert all(is_value(value) for value in (1, "a", date(2026, 3, 1), ["a"], {"a"}))
    assert not any(is_value(value) for value in (print, pd, pd.DataFrame()))
