"""The same query over the tables of other catalogs, which stand in for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from duckdb_videsk.rewriting.ctes import is_cte, names_of
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.scopes import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb_videsk.rewriting.scopes import Node, Tables

__all__ = ["staged"]

# Tables of a catalog that the API is not asked for, which nothing has to stand in for.
_OWN_TABLES = {"requests", "coverage", "accounts"}


def staged(text: str, tables: Tables, stages: Mapping[str, str]) -> str:
    """The query of a statement, with the tables of other catalogs. What the statement does with it is left out.

    Args:
        stages: which catalog stands for each; names that need no quotation marks.

    Raises:
        NotUnderstood: it has no query, or cannot be parsed.
    """
    tree = parsed(text)
    query = _query(tree)
    if query is not tree:
        text = query.sql("duckdb")
        query = parsed(text)
    pieces, at = [], 0
    for start, end, piece in sorted(_replaced(query, tables, stages)):
        pieces += [text[at:start], piece]
        at = end
    return "".join([*pieces, text[at:]])


def _query(tree: Node) -> Node:
    if isinstance(tree, exp.Query):
        return tree
    inner = tree.this if isinstance(tree, exp.Copy | exp.Summarize) else tree.args.get("expression")
    while isinstance(inner, exp.Subquery | exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Table):
        inner = exp.select("*").from_(inner.copy())
    if not isinstance(tree, exp.Create | exp.Insert | exp.Copy | exp.Summarize) or not isinstance(inner, exp.Query):
        raise NotUnderstood("no query")
    return inner


def _replaced(tree: Node, tables: Tables, stages: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    for node in tree.find_all(exp.Table):
        parts = [part for part in (node.args.get("catalog"), node.args.get("db"), node.this) if part is not None]
        first = parts[0]
        if _is_of(tables, parts) and parts[-1].name.lower() in _OWN_TABLES:
            continue
        if isinstance(node.this, exp.Anonymous) and _is_of(tables, parts) and not _is_known(tables, parts):
            raise NotUnderstood("the columns of a wide form depend on the API")
        if _is_of(tables, parts):
            yield first.meta["start"], first.meta["end"] + 1, stages[first.name.lower()]
        elif not is_cte(node) and (place := tables.place(names_of(node))) is not None:
            schema = "" if len(parts) > 1 else f"{exp.to_identifier(place[1], quoted=True).sql('duckdb')}."
            yield first.meta["start"], first.meta["start"], f"{stages[place[0]]}.{schema}"
    for column in tree.find_all(exp.Column):
        first, *others = column.parts
        is_own = len(others) > 1 and others[-2].name.lower() in _OWN_TABLES
        if len(others) > 1 and not is_own and first.name.lower() in tables.catalogs and "start" in first.meta:
            yield first.meta["start"], first.meta["end"] + 1, stages[first.name.lower()]


def _is_of(tables: Tables, parts: list[Node]) -> bool:
    return len(parts) > 1 and isinstance(parts[0], exp.Identifier) and parts[0].name.lower() in tables.catalogs


def _is_known(tables: Tables, parts: list[Node]) -> bool:
    """Whether a table function of a catalog is named like one of its tables or views."""
    schema = parts[1].name.lower() if len(parts) > 2 else "main"
    return (parts[0].name.lower(), schema, str(parts[-1].this).lower()) in tables.columns
