"""Which names are CTEs where they stand, and which queries those are. By sqlglot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from duckdb_videsk.rewriting.scopes import Node

__all__ = ["argument", "cte_query", "is_cte", "names_of"]


def argument(node: Node, name: str) -> Node | None:
    """An argument that has Python's word for a name, with or without the underscore of newer versions."""
    return node.args.get(f"{name}_", node.args.get(name))


def names_of(table: exp.Table) -> list[str]:
    return [part.name.lower() for part in table.parts] if isinstance(table.this, exp.Identifier) else []


def is_cte(table: exp.Table) -> bool:
    return len(names_of(table)) == 1 and cte_query(table, table.name.lower())[0]


def cte_query(node: Node, name: str) -> tuple[bool, Node | None]:
    """Whether a name is a CTE where it stands, and its query, where that is plain."""
    inside: Node = node
    while inside.parent is not None:
        outer = inside.parent
        with_ = argument(outer, "with")
        if with_ is not None:
            before = list(with_.expressions)
            if inside is with_:
                before = before[: next(i for i, cte in enumerate(before) if _holds_node(cte, node)) + with_.recursive]
            for cte in reversed(before):
                if cte.alias.lower() == name:
                    recursive = with_.recursive and any(
                        _names_alone(table, name) for table in cte.find_all(exp.Table)
                    )
                    plain = not recursive and not cte.args["alias"].args.get("columns")
                    return True, cte.this if plain else None
        inside = outer
    return False, None


def _names_alone(table: Node, name: str) -> bool:
    return bool(table.name.lower() == name) and not table.args.get("db")


def _holds_node(outer: Node, node: Node) -> bool:
    at: Node | None = node
    while at is not None and at is not outer:
        at = at.parent
    return at is outer
