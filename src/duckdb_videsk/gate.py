"""Which statements a client of a served catalog may run: one SELECT over the catalog's tables and known functions.

It judges the parsed statement, not its text, and knows nothing of the server. What is not listed here is refused.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.views import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Gate", "Refused"]

_LONGEST_SQL = 100_000
# DuckDB 1.5 takes a time that grows with their square: twenty thousand keep it half a minute, and others waiting.
_MOST_COMMENTS = 500
# The same of a row of signs, which each of them ends anew: four thousand take a minute.
_SIGNS = re.compile(r"[+-]{20,}")
_LONGEST_SIGNS, _MOST_SIGNS = 200, 2_000
_OWN_CATALOGS = {"", CATALOG, "memory"}
# Of comments only those of which there can be no two opinions where they end.
_BLANK = r"(?:[ \t\r\n]|--[^\r\n\0]*\r?\n|/\*[^*/\0]*\*/)"
# With nothing but blanks before it: elsewhere it may stand in a comment, which taking it out would end.
_EXPLAIN = re.compile(f"{_BLANK}*+EXPLAIN{_BLANK}++(?:ANALYZE{_BLANK}++)?", re.IGNORECASE)
# Replacement scans of DuckDB take a table's name for a file's by what follows the last dot.
_FILE_SIGN = "."

# What a client of Quack, or a tool that lists tables and columns, asks of DuckDB's own catalog.
_METADATA = {
    "main": {
        *("duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_indexes", "duckdb_schemas"),
        *("duckdb_tables", "duckdb_types", "duckdb_views", "sqlite_master", "sqlite_schema"),
    },
    "information_schema": {
        *("character_sets", "columns", "constraint_column_usage", "key_column_usage", "referential_constraints"),
        *("schemata", "table_constraints", "tables", "views"),
    },
    "pg_catalog": {
        *("pg_am", "pg_attrdef", "pg_attribute", "pg_class", "pg_collation", "pg_constraint", "pg_database"),
        *("pg_depend", "pg_description", "pg_enum", "pg_index", "pg_indexes", "pg_namespace", "pg_proc"),
        *("pg_tables", "pg_tablespace", "pg_type", "pg_views"),
    },
}
_TABLE_FUNCTIONS = {
    *_METADATA["main"],
    *("duckdb_functions", "duckdb_keywords", "generate_series", "icu_calendar_names", "json_each", "json_tree"),
    *("pg_timezone_names", "pragma_version", "range", "unnest"),
}
# Of the functions that DuckDB has by itself: those that tell of the server, wait, write, or run SQL in a text.
_REFUSED_FUNCTIONS = {
    *("current_connection_id", "current_query", "current_query_id", "current_setting", "current_transaction_id"),
    *("currval", "getenv", "getvariable", "json_deserialize_sql", "json_serialize_plan", "json_serialize_sql"),
    *("nextval", "parse_duckdb_log_message", "pg_get_viewdef", "setseed", "setval", "sleep_ms", "stats"),
    *("txid_current", "write_log"),
}
# These are syntax to DuckDB, and in no list of its functions.
_MORE_FUNCTIONS = {"count_star", "grouping", "grouping_id", "unnest"}
_EXPRESSIONS = {
    *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "DEFAULT"),
    *("FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"),
}
_WINDOWS = {
    *("WINDOW_CUME_DIST", "WINDOW_FILL", "WINDOW_FIRST_VALUE", "WINDOW_LAG", "WINDOW_LAST_VALUE", "WINDOW_LEAD"),
    *("WINDOW_NTH_VALUE", "WINDOW_NTILE", "WINDOW_PERCENT_RANK", "WINDOW_RANK", "WINDOW_RANK_DENSE"),
    "WINDOW_ROW_NUMBER",
}
_NODES = {
    *("ASCENDING", "BASE_TABLE", "CTE_NODE", "DESCENDING", "DISTINCT_MODIFIER", "EMPTY", "EXPRESSION_LIST", "JOIN"),
    *("LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_DEFAULT", "ORDER_MODIFIER", "PIVOT", "RECURSIVE_CTE_NODE"),
    *("SELECT_NODE", "SET_OPERATION_NODE", "SHOW_REF", "SUBQUERY", "TABLE_FUNCTION"),
}
_SHOWN = {'"tables"', '"databases"', "__show_tables_expanded"}


class Refused(Exception):  # noqa: N818 - a decision, no fault
    """The statement may not be run; the text says why, without the statement."""


class Gate:
    """Judges statements, in any thread.

    Args:
        served: the connection whose catalog is served, with everything in it.
    """

    def __init__(self, served: duckdb.DuckDBPyConnection) -> None:
        views = "SELECT schema_name, lower(view_name) FROM duckdb_views() WHERE database_name = ?"
        macros = (
            "SELECT schema_name, lower(function_name) FROM duckdb_functions() "
            "WHERE database_name = ? AND function_type = 'table_macro'"
        )
        self._views = set(served.execute(views, [CATALOG]).fetchall())
        self._macros = set(served.execute(macros, [CATALOG]).fetchall())
        self._parser = duckdb.connect(":memory:", config={"python_enable_replacements": False, "threads": 1})
        self._lock = threading.Lock()
        self._functions = self._known_functions() - _REFUSED_FUNCTIONS | _MORE_FUNCTIONS
        self._hidden = self._system_views() - _METADATA["main"]
        self._refuse_macros()

    def close(self) -> None:
        self._parser.close()

    def check(self, sql: str) -> None:
        """Raises Refused unless the SQL is one statement that only reads the catalog."""
        if len(sql) > _LONGEST_SQL:
            raise Refused(f"the statement is longer than {_LONGEST_SQL:,} characters")
        if sql.count("/*") > _MOST_COMMENTS:
            raise Refused(f"the statement has more than {_MOST_COMMENTS} comments")
        signs = [len(row) for row in _SIGNS.findall(sql) if "+" in row]
        if max(signs, default=0) > _LONGEST_SIGNS or sum(signs) > _MOST_SIGNS:
            raise Refused("the statement has long rows of plus signs")
        if "\0" in sql:
            raise Refused("the statement holds a NUL character")
        statement = self._parsed(_without_explain(sql))
        names = {str(entry["key"]).lower() for entry in _entries(statement)}
        for node in _nodes(statement):
            self._check_node(node, names)

    def _parsed(self, sql: str) -> Any:
        with self._lock:
            row = self._parser.execute(
                "SELECT json_serialize_sql(?, skip_empty := true, skip_null := true)", [sql]
            ).fetchone()
        answer: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
        if answer["error"]:
            raise Refused("only SELECT may be run, and what is written as one (FROM, WITH, DESCRIBE, SHOW, EXPLAIN)")
        if len(answer["statements"]) != 1:
            raise Refused("only one statement may be run at a time")
        return answer["statements"][0]

    def _check_node(self, node: dict[str, Any], cte_names: set[str]) -> None:
        if "class" in node:
            self._check_expression(node)
        elif isinstance(node.get("type"), str):
            if node["type"] not in _NODES and not node["type"].endswith("_TYPE_INFO"):
                raise Refused(f"{node['type']} is not allowed")
            if node["type"] == "BASE_TABLE":
                self._check_table(node, cte_names)
            elif node["type"] == "TABLE_FUNCTION":
                self._check_table_function(node["function"])
            elif node["type"] == "SHOW_REF" and "query" not in node and node.get("table_name") not in _SHOWN:
                raise Refused("of SHOW, only TABLES, ALL TABLES and DATABASES may be run")

    def _check_expression(self, node: dict[str, Any]) -> None:
        if node["class"] not in _EXPRESSIONS:
            raise Refused(f"{node['class']} is not allowed")
        is_call = node["class"] == "FUNCTION" or node.get("type") == "WINDOW_AGGREGATE" or "function_name" in node
        is_built_in_window = node["class"] == "WINDOW" and node.get("type") in _WINDOWS
        name = str(node.get("function_name", "")).lower()
        if is_call and not is_built_in_window and name not in self._functions:
            raise Refused(f"the function {name} is not allowed")

    def _check_table(self, node: dict[str, Any], cte_names: set[str]) -> None:
        catalog, schema, name = (str(node.get(f"{part}_name", "")).lower() for part in ("catalog", "schema", "table"))
        if not catalog and schema in _OWN_CATALOGS:
            catalog, schema = schema, "main" if schema else ""
        if catalog in _OWN_CATALOGS and (schema or "main", name) in self._views:
            return
        if catalog in {"", "system", "memory", CATALOG} and name in _METADATA.get(schema or "main", set()):
            return
        # A name of WITH that DuckDB's own catalog or a file has too could mean either, by where it stands.
        if not schema and not catalog and name in cte_names - self._hidden and _FILE_SIGN not in name:
            return
        raise Refused(f"this catalog has no table {name[:60]!r} that may be read")

    def _check_table_function(self, function: dict[str, Any]) -> None:
        if function.get("class") != "FUNCTION":
            raise Refused("this table function is not allowed")
        catalog, schema, name = (
            str(function.get(part, "")).lower() for part in ("catalog", "schema", "function_name")
        )
        if not catalog and schema in {"", "main"} and name in _TABLE_FUNCTIONS:
            return
        if not catalog and schema == CATALOG:
            catalog, schema = CATALOG, "main"
        if catalog == CATALOG and (schema, name) in self._macros:
            return
        raise Refused(f"the table function {name} is not allowed")

    def _known_functions(self) -> set[str]:
        sql = (
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type IN "
            "('scalar', 'aggregate', 'macro') AND NOT starts_with(function_name, '__internal')"
        )
        return {name for (name,) in self._parser.execute(sql).fetchall()}

    def _refuse_macros(self) -> None:
        """Take away DuckDB's own macros that do, themselves or by others, what may not be written out."""
        sql = "SELECT lower(function_name), macro_definition FROM duckdb_functions() WHERE function_type = 'macro'"
        own = self._parser.execute(sql).fetchall()
        while refused := {name for name, does in own if name in self._functions and not self._lets_pass(does)}:
            self._functions -= refused

    def _lets_pass(self, definition: str) -> bool:
        try:
            self.check(f"SELECT {definition}")
        except Refused:
            return False
        return True

    def _system_views(self) -> set[str]:
        sql = "SELECT lower(view_name) FROM duckdb_views() WHERE internal"
        return {name for (name,) in self._parser.execute(sql).fetchall()}


def _without_explain(sql: str) -> str:
    """The statement that is to be explained, or the whole of one that is none."""
    explain = _EXPLAIN.match(sql)
    return sql[explain.end() :] if explain else sql


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node; a table function's own name is judged with it, and a constant holds no nodes."""
    if isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)
    elif isinstance(tree, dict):
        yield tree
        if tree.get("class") == "CONSTANT":
            return
        for key, part in tree.items():
            if tree.get("type") == "TABLE_FUNCTION" and key == "function":
                yield from _nodes(list(part.values()))
            else:
                yield from _nodes(part)


def _entries(tree: Any) -> Iterator[dict[str, Any]]:
    """The entries of every WITH."""
    for node in _nodes(tree):
        if isinstance(node.get("cte_map"), dict):
            yield from node["cte_map"].get("map", [])
