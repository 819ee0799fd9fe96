"""The copy of the truth: what each table should hold, worked out row by row in plain Python.

It shares nothing with the product but DuckDB. JSON is written with sorted keys, as the product promises.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from differential.layout import DUCKDB_TYPES, TABLES, Field, Table
from differential.words import LANGUAGES, VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from duckdb_videsk.simulator import Simulator

__all__ = ["build_copy"]

_ARROW_TYPES = {
    "text": pa.string(),
    "double": pa.float64(),
    "minutes": pa.float64(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "time": pa.timestamp("us", "UTC"),
    "list": pa.list_(pa.string()),
    "json": pa.string(),
}
_MISFIT = object()


def build_copy(
    con: duckdb.DuckDBPyConnection, sim: Simulator, *, ids: Mapping[str, tuple[str, ...]], name: str = "truth"
) -> None:
    """Puts a database `name` with tables, macros and language views of the simulator's truth into a connection."""
    con.execute(f"ATTACH ':memory:' AS {name}")
    for table in TABLES:
        rows = list(_rows(table, sim, ids))
        _store(con, table, rows, name)
        con.execute(_macro(table, name))
    for language, labels in LANGUAGES.items():
        con.execute(f"CREATE SCHEMA {name}.{language}")
        for table, view in zip(TABLES, VIEWS[language], strict=True):
            con.execute(_view(table, view, language, labels, name))


def _rows(table: Table, sim: Simulator, ids: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    if table.parameter is None:
        yield from (_row(table, record) for record in sim.truth(table.path))
        return
    for identity in ids[table.parameter]:
        for record in sim.truth(table.path, form=identity):
            yield {table.parameter: identity, **_row(table, record)}


def _row(table: Table, record: Mapping[str, Any]) -> dict[str, Any]:
    left = dict(record)
    questions = left.pop("answers", []) if table.parameter else []
    odd: dict[str, Any] = {}
    row: dict[str, Any] = {}
    for field in table.fields:
        row[field.name] = _taken(field, left, odd)
    if table.parameter:
        row["answers"] = _json(_answered(questions, left))
    else:
        odd.update((key, value) for key, value in left.items() if value is not None)
    row["_unmapped"] = _json(odd) if odd else None
    return row


def _taken(field: Field, left: dict[str, Any], odd: dict[str, Any]) -> Any:
    """The field's value, taken out of `left`; what it cannot hold goes to `odd`."""
    held = None
    for key in field.keys:
        value = left.pop(key, None)
        if value is None:
            continue
        fitted = _fitted(field.kind, value)
        if fitted is _MISFIT or (held is not None and fitted != held):
            odd[key] = value
        elif held is None:
            held = fitted
    return held


def _fitted(kind: str, value: Any) -> Any:  # noqa: PLR0911 - one branch a kind
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "double" and is_number:
        return float(value)
    if kind == "minutes" and is_number:
        return float(value) * 60
    if kind == "bigint" and is_number and value == int(value) and abs(value) < 2**63:
        return int(value)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "time" and isinstance(value, datetime):
        return value.replace(microsecond=0)
    if kind == "list" and isinstance(value, str):
        return [value] if value else []
    if kind == "list" and isinstance(value, list) and all(item is None or isinstance(item, str) for item in value):
        return value
    return _json(value) if kind == "json" else _MISFIT


def _answered(questions: list[tuple[str, Any]], left: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for label, value in [*left.items(), *questions]:
        if value is not None:
            found.setdefault(label, []).append(value)
    return {label: values if len(values) > 1 else values[0] for label, values in found.items()}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _store(con: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]], name: str) -> None:
    columns = table.columns
    declared = ", ".join(f'"{column.name}" {DUCKDB_TYPES[column.kind]}' for column in columns)
    con.execute(f"CREATE TABLE {name}.main.{table.name} ({declared})")
    arrays = [pa.array([row[column.name] for row in rows], _ARROW_TYPES[column.kind]) for column in columns]
    con.register("copied_rows", pa.table(arrays, [column.name for column in columns]))
    con.execute(f"INSERT INTO {name}.main.{table.name} FROM copied_rows")
    con.unregister("copied_rows")


def _macro(table: Table, name: str) -> str:
    time = f"t.{table.range_column}"
    wanted = [
        f"({time} >= since::TIMESTAMPTZ OR since IS NULL)",
        f"({time} < until::TIMESTAMPTZ OR until IS NULL)",
    ]
    parameters = "since := NULL, until := NULL"
    if table.parameter:
        parameters = f"{table.parameter} := NULL, {parameters}"
        wanted.append(f"(t.{table.parameter} = {table.parameter} OR {table.parameter} IS NULL)")
    rows = f"SELECT t.* FROM {name}.main.{table.name} t WHERE {' AND '.join(wanted)}"
    return f"CREATE MACRO {name}.main.{table.name}({parameters}) AS TABLE {rows}"


def _view(table: Table, view: str, language: str, labels: Mapping[str, str], name: str) -> str:
    renamed = []
    for column in table.columns:
        key = column.keys[0] if column.keys else column.name
        # What has no word keeps the label the API gives it, or its own name where the API knows it by a key.
        own = key if " " in key or key[:1].isupper() else column.name
        label = labels.get(key, own).replace('"', '""')
        renamed.append(f'"{column.name}" AS "{label}"')
    return f"CREATE VIEW {name}.{language}.{view} AS SELECT {', '.join(renamed)} FROM {name}.main.{table.name}"
