"""What stands in the FROM of each SELECT, and which columns there are an export's range column. By sqlglot.

Names are followed through sub-queries and CTEs as long as they hand the column on as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError

from duckdb_videsk.rewriting.ctes import argument, cte_query, is_cte, names_of
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.views import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


__all__ = [
    "Columns",
    "Node",
    "Scope",
    "Source",
    "TableName",
    "Tables",
    "holds",
    "is_inner",
    "parsed",
]

Node: TypeAlias = Any
"""A node of the syntax tree: the class that all have changes from version to version."""
TableName = tuple[str, str, str]
"""Catalog, schema and name in lower case."""
Columns = tuple[tuple[str, bool], ...]
"""Names in lower case, in order, and whether each is a range column."""
_PLAIN = {"this", "db", "catalog", "alias"}


@dataclass(frozen=True)
class Tables:
    """What the names of tables mean.

    Attributes:
        columns: of each table and view.
        catalogs: the names of those they are in.
        at: catalog and schema where names alone are looked up, if that is one of these catalogs.
        hidden: names that mean something else when they stand alone.
    """

    columns: Mapping[TableName, Columns]
    catalogs: frozenset[str]
    at: tuple[str, str] | None = None
    hidden: frozenset[str] = frozenset()
    _scopes: dict[int, Scope] = field(default_factory=dict, compare=False, repr=False)

    def scope(self, select: exp.Select) -> Scope:
        """The sources of a SELECT, found once: what a chain of CTEs names would be looked at ever again."""
        known = self._scopes.get(id(select))
        if known is None or known.select is not select:
            known = self._scopes[id(select)] = Scope(select, self)
        return known

    def place(self, parts: Sequence[str]) -> TableName | None:
        """The table that a name in lower case means."""
        match parts:
            case [catalog, schema, name]:
                found = (catalog, schema, name)
            case [catalog, name] if catalog in self.catalogs:
                found = (catalog, "main", name)
            case [schema, name] if self.at is not None:
                found = (self.at[0], schema, name)
            case [name] if self.at is not None and name not in self.hidden:
                found = (*self.at, name)
            case _:
                return None
        return found if found in self.columns else None


@dataclass(frozen=True, eq=False)
class Source:
    """One entry of a FROM: its name, its columns where they are known, and which table it is if it is one itself.

    Attributes:
        join: the join that adds it; None for what stands first.
        local: the name as SQL, if it is a table or a view that is none of the catalog's.
        query: the sub-query or CTE that gives its rows as they are, if that is one SELECT.
    """

    name: str | None
    columns: Columns | None
    in_where: bool = True
    table: TableName | None = None
    join: Node = None
    local: str | None = None
    query: Node = None


def holds(source: Source, column: str) -> bool:
    return [is_range for name, is_range in source.columns or () if name == column] == [True]


class _Parser(DuckDB.Parser):  # type: ignore[misc, valid-type]  # sqlglot's metaclass puts it there
    def _warn_unsupported(self) -> None:
        raise SqlglotError("a statement that is not parsed")


def parsed(text: str) -> Node:
    """The syntax tree of the one statement in `text`; raises NotUnderstood."""
    dialect = DuckDB()
    try:
        tokens = dialect.tokenize(text)
        statements = _Parser(error_level=ErrorLevel.IMMEDIATE, dialect=dialect).parse(tokens, text)
    except Exception as error:
        # A parser's slip on odd text, of any kind, is no concern of the user's.
        raise NotUnderstood("sqlglot cannot parse it") from error
    whole = [statement for statement in statements if statement is not None]
    if len(whole) != 1 or isinstance(whole[0], exp.Command):
        raise NotUnderstood("not one statement")
    return whole[0]


class Scope:
    """The sources of one SELECT.

    Attributes:
        select: itself.
        tables: what names of tables mean.
        sources: in order.
        joins: every join in its FROM.
        merged: names that a join makes one of several.
        filtered: whether it has a WHERE.
        flat: whether each join simply adds to what stands before it, and loses nothing of that but by its condition.
    """

    def __init__(self, select: exp.Select, tables: Tables) -> None:
        self.select = select
        self.tables = tables
        self.filtered = select.args.get("where") is not None
        self.joins: list[exp.Join] = []
        from_ = argument(select, "from")
        found = list(self._relation(from_.this)) if from_ is not None else []
        found += self._joined(select)
        self.sources = tuple(found)
        self.merged = (
            frozenset(name.name.lower() for join in self.joins for name in join.args.get("using") or ())
            | self._natural()
        )
        self.flat = len(self.joins) == len(select.args.get("joins") or ()) and all(
            is_inner(join) or (_how(join) in {("LEFT", ""), ("LEFT", "OUTER")} and not join.args.get("method"))
            for join in self.joins
        )

    def _natural(self) -> frozenset[str]:
        if any(join.args.get("method") == "NATURAL" for join in self.joins):
            return frozenset(name for source in self.sources for name, _ in source.columns or ())
        return frozenset()

    def _joined(self, node: Node) -> Iterator[Source]:
        for join in node.args.get("joins") or ():
            self.joins.append(join)
            hidden = (join.args.get("kind") or "").upper() in {"SEMI", "ANTI"} or (
                join.args.get("side") or ""
            ).upper() in {"SEMI", "ANTI"}
            for source in self._relation(join.this):
                yield replace(source, in_where=source.in_where and not hidden, join=source.join or join)

    def _relation(self, node: Node) -> Iterator[Source]:
        alias = node.args.get("alias")
        name = alias.name.lower() if alias and alias.name else None
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and not alias:
            yield from self._relation(node.this)
        elif node.args.get("pivots"):
            yield Source(name, None)
        else:
            known = _table_columns(node, self.tables) if isinstance(node, exp.Table) else _output(node, self.tables)
            own = node.name.lower() if isinstance(node, exp.Table) and not alias else None
            table = self.tables.place(names_of(node)) if isinstance(node, exp.Table) and not is_cte(node) else None
            local, query = _local(node, known), _query(node)
            yield Source(name or own, _renamed(known, alias), table=table, local=local, query=query)
        yield from self._joined(node)


def _local(node: Node, known: Columns | None) -> str | None:
    plain = isinstance(node, exp.Table) and {name for name, value in node.args.items() if value} <= _PLAIN
    if known is not None or not plain or not names_of(node) or is_cte(node):
        return None
    alias = node.args.get("alias")
    return None if alias and alias.args.get("columns") else ".".join(quoted(part.name) for part in node.parts)


def _query(node: Node) -> Node:
    """The SELECT of a sub-query, or of a CTE that is named, with nothing more said about it there."""
    said = {name for name, value in node.args.items() if value}
    alias = node.args.get("alias")
    if said - {"this", "alias"} or (alias and alias.args.get("columns")):
        return None
    query = node.this if isinstance(node, exp.Subquery) else None
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        query = cte_query(node, node.name.lower())[1]
    return query if isinstance(query, exp.Select) else None


def is_inner(join: Node) -> bool:
    """Whether a join gives no row but those that meet its condition."""
    return _how(join) in {("", ""), ("", "INNER"), ("", "CROSS")} and not join.args.get("method")


def _how(join: Node) -> tuple[str, str]:
    return (join.args.get("side") or "").upper(), (join.args.get("kind") or "").upper()


def _renamed(columns: Columns | None, alias: Node | None) -> Columns | None:
    names = alias.args.get("columns") if alias else None
    if columns is None or not names:
        return columns
    if len(names) > len(columns):
        return None
    given = [(name.name.lower(), is_range) for name, (_, is_range) in zip(names, columns, strict=False)]
    return (*given, *columns[len(given) :])


def _table_columns(node: exp.Table, tables: Tables) -> Columns | None:
    if isinstance(node.this, exp.Identifier):
        if is_cte(node):
            query = cte_query(node, node.name.lower())[1]
            return None if query is None else _output(query, tables)
        place = tables.place(names_of(node))
        return None if place is None else tables.columns[place]
    if isinstance(node.this, exp.Anonymous) and node.args.get("db"):
        # The table macros have the columns of their tables.
        schema = [part.name.lower() for part in (node.args.get("catalog"), node.args.get("db")) if part]
        place = tables.place([*schema, str(node.this.this).lower()])
        return tables.columns[place] if place is not None and schema[-1] in {*tables.catalogs, "main"} else None
    return None


def _output(query: Node, tables: Tables) -> Columns | None:
    """The columns that a query gives, where they can be told."""
    if isinstance(query, exp.Subquery) and not query.args.get("pivots"):
        return _output(query.this, tables)
    if isinstance(query, exp.SetOperation):
        left, right = _output(query.left, tables), _output(query.right, tables)
        if left is None or right is None or len(left) != len(right) or query.args.get("by_name"):
            return None
        return tuple((name, a and b) for (name, a), (_, b) in zip(left, right, strict=True))
    if isinstance(query, exp.Select):
        return _selected(query, tables)
    return None


def _selected(select: exp.Select, tables: Tables) -> Columns | None:
    scope = tables.scope(select)
    columns: list[tuple[str, bool]] = []
    for item in select.expressions:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            starred = _starred(item, scope)
            if starred is None:
                return None
            columns += starred
        else:
            inner = item.this if isinstance(item, exp.Alias) else item
            if isinstance(inner, exp.Columns | exp.Unnest):
                return None
            columns.append((item.alias_or_name.lower(), isinstance(inner, exp.Column) and _hands_on(inner, scope)))
    return tuple(columns)


def _starred(item: Node, scope: Scope) -> Columns | None:
    star = item if isinstance(item, exp.Star) else item.this
    if scope.merged or any(star.args.get(option) for option in ("replace", "rename", "ilike", "like")):
        return None
    table = item.table.lower() if isinstance(item, exp.Column) else None
    sources = [s for s in scope.sources if (table is None and s.in_where) or (table and s.name == table)]
    if not sources or any(source.columns is None for source in sources) or (table and len(sources) > 1):
        return None
    left_out = {column.name.lower() for column in argument(star, "except") or ()}
    return tuple(pair for source in sources for pair in source.columns or () if pair[0] not in left_out)


def _hands_on(column: exp.Column, scope: Scope) -> bool:
    name, table = column.name.lower(), column.table.lower()
    if column.args.get("db"):
        return False
    if table:
        named = [source for source in scope.sources if source.name == table and source.in_where]
        return len(named) == 1 and holds(named[0], name)
    if name in scope.merged or any(source.columns is None for source in scope.sources):
        return False
    having = [s for s in scope.sources if s.in_where and any(other == name for other, _ in s.columns or ())]
    return len(having) == 1 and holds(having[0], name)
