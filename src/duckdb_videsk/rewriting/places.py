"""Where a statement's conditions and its names of tables stand in its text. By sqlglot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from duckdb_videsk.rewriting.ctes import is_cte, names_of
from duckdb_videsk.rewriting.scopes import holds
from duckdb_videsk.rewriting.words import condition_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb_videsk.rewriting.scopes import Node, Scope, Source, TableName, Tables
    from duckdb_videsk.rewriting.words import Word

__all__ = ["Place", "Reference", "places", "references", "word_at"]


@dataclass(frozen=True, eq=False)
class Place:
    """A condition of a WHERE or an ON, as a stretch of the statement's words, and the scope it is in.

    A SELECT without a WHERE has a place for one as well: it ends where it starts.
    """

    start: int
    end: int
    node: Node
    scope: Scope
    join: bool

    @property
    def is_new(self) -> bool:
        """Whether there is no condition yet."""
        return self.start == self.end

    def source_of(self, names: Sequence[str]) -> Source | None:
        """The source whose range column a name in the condition is, as far as can be told."""
        source = self.owner_of(names)
        return source if source is not None and holds(source, names[-1].lower()) else None

    def owner_of(self, names: Sequence[str]) -> Source | None:
        """The source whose column a name in the condition is, as far as can be told."""
        *table, column = (name.lower() for name in names)
        seen = [source for source in self.scope.sources if source.in_where or self.join]
        if table:
            having = [source for source in seen if source.name == table[-1] and _is_so_called(source, table)]
        else:
            having = [source for source in seen if any(name == column for name, _ in source.columns or ())]
            having = having[:1] if column in self.scope.merged else having
        return having[0] if len(having) == 1 else None


def _is_so_called(source: Source, table: Sequence[str]) -> bool:
    """Whether a name before a column, with its catalog or without, can mean the source."""
    if len(table) == 1 or source.table is None:
        return len(table) == 1
    catalog, schema, name = source.table
    return list(table) in ([catalog, name], [schema, name], [catalog, schema, name])


@dataclass(frozen=True)
class Reference:
    """A table's name in a statement: what it means, and where its text begins and ends."""

    table: TableName
    start: int
    end: int


def references(tree: Node, tables: Tables) -> Iterator[Reference]:
    """Every name of a table of the catalogs, in whatever place a table is read."""
    for node in tree.find_all(exp.Table):
        found = None if is_cte(node) else tables.place(names_of(node))
        ends = [part.meta for part in node.parts]
        if found is not None and all("start" in meta for meta in ends):
            yield Reference(found, ends[0]["start"], ends[-1]["end"] + 1)


def places(tree: Node, words: Sequence[Word], tables: Tables) -> Iterator[Place]:
    """The conditions of every SELECT that runs when the statement runs."""
    if isinstance(tree, exp.Create) and tree.kind != "TABLE":
        return
    for select in tree.find_all(exp.Select):
        if _names_a_column(select):
            continue
        scope = tables.scope(select)
        where = select.args.get("where")
        if where is not None:
            yield from _place(where, words, "where", scope)
        for join in scope.joins:
            if join.args.get("on") is not None:
                yield from _place(join, words, "on", scope)


def _names_a_column(select: Node) -> bool:
    """Whether a sub-query stands in a list of columns without a name: its own text is the name then."""
    inside: Node = select
    while inside.parent is not None:
        listed = inside.arg_key == "expressions" and isinstance(inside.parent, exp.Select)
        if listed and not isinstance(inside, exp.Alias):
            return True
        inside = inside.parent
    return False


def _place(node: Node, words: Sequence[Word], keyword: str, scope: Scope) -> Iterator[Place]:
    condition = node.this if keyword == "where" else node.args["on"]
    starts = [
        part.meta["start"] for part in condition.walk() if "start" in part.meta and not isinstance(part, exp.Star)
    ]
    if not starts or not any(source.columns for source in scope.sources):
        return
    depth = 0
    for index in range(word_at(words, min(starts)), -1, -1):
        key = words[index].key
        depth += (key in {")", "]", "}", "end"}) - (key in {"(", "[", "{", "case"})
        if key == keyword and depth <= 0:
            end = condition_end(words, index + 1, join=keyword == "on")
            yield Place(index + 1, end, node, scope, join=keyword == "on")
            return


def word_at(words: Sequence[Word], position: int) -> int:
    return next((i for i, word in enumerate(words) if word.start <= position < word.end), -1)
