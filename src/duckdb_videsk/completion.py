"""What SQL at a cursor can go on with: schemas, tables, views, columns of the tables that it names, variables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from duckdb_videsk.variables import is_value
from duckdb_videsk.views import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

__all__ = ["Suggestion", "suggestions"]

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d]\w*)'
_STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*$")
_UNFINISHED = re.compile(rf'(?<![\w"])(?P<path>(?:{_NAME}\s*\.\s*)*)(?P<last>"[^"\n]*|[^\W\d]\w*|)$')
_PARAMETER = re.compile(r"\$(\w*)$")
_MENTION = re.compile(
    rf"(?<![\w\"$.])(?P<path>{_NAME}(?:\s*\.\s*{_NAME})*)(?=(?:\s*\([^()]*\))?(?:\s+(?:AS\s+)?(?P<alias>{_NAME}))?)",
    re.IGNORECASE,
)
_TABLE_COMES = re.compile(r"\b(?:from|join|into|describe|summarize|table|update)\s+$", re.IGNORECASE)
_NO_ALIAS = re.compile(
    r"where|on|using|group|order|limit|join|left|right|inner|full|cross|asof|positional|semi|anti|natural|having|qualify"
    r"|window|union|intersect|except|select|from|set|values|and|or|tablesample|pivot|unpivot|returning|offset|as",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to write at the cursor, in place of what stands there unfinished.

    Attributes:
        text: as it is to be written, quoted where SQL needs that.
        kind: "column", "table", "schema" or "variable".
    """

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Table:
    path: tuple[str, str, str]
    names: tuple[tuple[str, ...], ...]


def suggestions(
    cursor: duckdb.DuckDBPyConnection, sql: str, position: int, variables: Mapping[str, Any]
) -> tuple[str, list[Suggestion]]:
    """The unfinished word before a position, and what it can become.

    Args:
        cursor: of the database that is asked for its tables; nothing is asked of the API.
        sql: the whole text; tables that are named behind the position count too.
        position: of the cursor in it.
        variables: a user's Python variables: those that hold tables, and those that hold values of parameters.
    """
    before = _STRING_OR_COMMENT.sub(lambda found: " " * len(found[0]), sql[:position])
    if "'" in before or _COMMENT.search(sql[:position][len(before.rstrip()) :]):
        return "", []
    if (parameter := _PARAMETER.search(before)) is not None:
        values = (name for name, value in variables.items() if is_value(value))
        return parameter[1], [Suggestion(name, "variable") for name in _beginning(parameter[1], values)]
    found = _UNFINISHED.search(before)
    if found is None:
        return "", []
    path, last = _parts(found["path"]), found["last"]
    known = _Known(cursor, sql[:position] + " " + sql[position:], variables)
    only_tables = _TABLE_COMES.search(before[: found.start()]) is not None
    words = known.inside(path) if path else known.anywhere(only_tables=only_tables)
    wanted = last.removeprefix('"').lower()
    closed = sql[position : position + 1] == '"'
    fitting = dict.fromkeys((name, kind) for name, kind in words if name.lower().startswith(wanted))
    texts = [Suggestion(_written(known, name, last, closed=closed), kind) for name, kind in fitting]
    return last, texts


class _Known:
    """What a database holds, and what of it a statement names."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, sql: str, variables: Mapping[str, Any]) -> None:
        self._cursor = cursor
        self._sql = _STRING_OR_COMMENT.sub(" ", sql)
        self._frames = {name: value for name, value in variables.items() if _is_frame(value)}
        self._here = cursor.execute("SELECT current_database(), current_schema()").fetchall()[0]
        self._tables = list(self._all_tables())

    def anywhere(self, *, only_tables: bool) -> Iterator[tuple[str, str]]:
        """Words that can stand without a path before them."""
        if not only_tables:
            for columns in self._named.values():
                yield from ((column, "column") for column in columns)
        yield from ((name, "table") for name in self._frames)
        for table in self._tables:
            yield from ((names[0], "table" if len(names) == 1 else "schema") for names in table.names)

    def inside(self, path: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Words that can stand behind a path and its dot."""
        folded = _folded(path)
        yield from ((column, "column") for column in self._named.get(folded, ()))
        for table in self._tables:
            for names in table.names:
                if len(names) > len(path) and _folded(names[: len(path)]) == folded:
                    yield names[len(path)], "table" if len(names) == len(path) + 1 else "schema"

    @cached_property
    def reserved(self) -> set[str]:
        """Words that name nothing unless they are quoted."""
        query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        return {str(name) for (name,) in self._cursor.execute(query).fetchall()}

    @cached_property
    def _named(self) -> dict[tuple[str, ...], list[str]]:
        """The columns of the tables that the statement names, by alias and by each path to them."""
        by_name = {_folded(names): table for table in self._tables for names in table.names}
        found: dict[tuple[str, ...], list[str]] = {}
        for mention in _MENTION.finditer(self._sql):
            path = _folded(_parts(mention["path"]))
            if path in by_name:
                columns = self._columns(by_name[path])
            elif len(path) == 1 and path[0] in self._frames:
                columns = [str(name) for name in self._frames[path[0]].columns]
            else:
                continue
            found[path] = found[path[-1:]] = columns
            if (alias := mention["alias"]) is not None and not _NO_ALIAS.fullmatch(alias):
                found[_folded(_parts(alias))] = columns
        return found

    def _all_tables(self) -> Iterator[_Table]:
        rows = self._cursor.execute(
            "SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal UNION ALL "
            "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
        ).fetchall()
        database, here = self._here
        for catalog, schema, name in rows:
            names: list[tuple[str, ...]] = [(catalog, schema, name)]
            names += [(catalog, name)] if schema == "main" else []
            names += [(schema, name)] if catalog == database and schema != here else []
            names += [(name,)] if (catalog, schema) == (database, here) else []
            yield _Table((catalog, schema, name), tuple(names))

    def _columns(self, table: _Table) -> list[str]:
        query = (
            "SELECT column_name FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index"
        )
        return [name for (name,) in self._cursor.execute(query, table.path).fetchall()]


def _written(known: _Known, name: str, last: str, *, closed: bool) -> str:
    if last.startswith('"'):
        return quoted(name).removesuffix('"') if closed else quoted(name)
    return name if _PLAIN.fullmatch(name) and name not in known.reserved else quoted(name)


def _beginning(start: str, names: Iterator[str]) -> list[str]:
    return [name for name in names if name.lower().startswith(start.lower())]


def _parts(path: str) -> list[str]:
    names = re.findall(_NAME, path)
    return [name[1:-1].replace('""', '"') if name.startswith('"') else name for name in names]


def _folded(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _is_frame(value: Any) -> bool:
    """Whether DuckDB would read a variable as a table: a frame of pandas or Polars, or a table of Arrow."""
    kind = type(value)
    return kind.__name__ in {"DataFrame", "LazyFrame", "Table"} and kind.__module__.partition(".")[0] in {
        "pandas", "polars", "pyarrow",
    }  # fmt: skip
