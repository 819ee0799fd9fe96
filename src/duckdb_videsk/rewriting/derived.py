"""What a condition outside of a sub-query or a CTE says of a range column inside, by what is made of it there.

A row is left out inside only where the condition can hold for nothing that is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.conditions import clock_of
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.joins import conjuncts, lower
from duckdb_videsk.rewriting.scopes import is_inner
from duckdb_videsk.rewriting.trees import OTHER, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from duckdb_videsk.rewriting.joins import Path
    from duckdb_videsk.rewriting.places import Place
    from duckdb_videsk.rewriting.scopes import Scope, Source
    from duckdb_videsk.rewriting.subselects import SubSelects

__all__ = ["Derivations", "Derived"]

_DEEPEST = 8
# Values that are equal are the same there: rows can be grouped by them and nothing is lost.
_EXACT = {
    "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME", "VARCHAR", "BOOLEAN",
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
}  # fmt: skip
# Of a bare literal in one of these the type is only settled where it is used.
_UNSETTLED = {"case", "coalesce"}


@dataclass(frozen=True)
class Derived:
    """What is made of a range column.

    Attributes:
        place: of a condition of the SELECT that has the column.
        path: the column, as it is named there.
        tree: what is made of it.
        keyed: whether rows that are alike were made one on the way.
    """

    place: Place
    path: Path
    tree: Node
    keyed: bool = False


class Derivations:
    """What columns of a statement's sub-queries and CTEs are made of."""

    def __init__(self, selects: SubSelects, types: Callable[[Path, Sequence[Node]], tuple[str, ...]]) -> None:
        """
        Args:
            types: of expressions over a range column, as DuckDB says them; raises NotUnderstood.
        """
        self._selects = selects
        self._types = types

    def conditions(self, place: Place, tree: Node) -> Iterator[Derived]:
        """The condition `tree` of a place, as conditions of the SELECTs that have the range columns."""
        if place.join:
            return
        names = sorted({lower(node.path) for node in tree.walk() if node.kind == "column"})
        found = {path: self._made(place, path, _DEEPEST) for path in names if place.source_of(path) is None}
        for first in {(made.place, made.path): made for made in found.values() if made is not None}.values():
            mine = {path: made for path, made in found.items() if made is not None and _is_alike(made, first)}
            keyed = any(made.keyed for made in mine.values())
            if keyed and not all(self._is_exact(made) for made in mine.values()):
                continue
            condition = self._mapped(tree, mine, place.scope)
            if keyed:
                # A group that is left out in part would be another one: only what DuckDB looks at before it groups.
                sure = (part for part in conjuncts(condition) if all(node.kind != OTHER for node in part.walk()))
                condition = Node("and", parts=tuple(sure))
            yield Derived(first.place, first.path, condition, keyed)

    def _made(self, place: Place, path: Path, deepest: int) -> Derived | None:
        """What a column in a condition is made of, where that is one range column inside."""
        source = place.owner_of(path)
        if source is None or source.query is None or not deepest or not _is_linear(place.scope, source, path):
            return None
        names = [name for name, _ in source.columns or ()]
        select = self._selects.of(source.query) if len(set(names)) == len(names) else None
        if select is None:
            return None
        item = select.items.get(path[-1], Node("column", path=path[-1:]))
        parts: dict[Path, Derived] = {}
        for node in item.walk():
            if node.kind != "column" or clock_of(node):
                continue
            named = lower(node.path)
            if select.place.source_of(named) is not None:
                made: Derived | None = Derived(select.place, named, node)
            else:
                made = self._made(select.place, named, deepest - 1)
            if made is None or not all(_is_alike(made, other) for other in parts.values()):
                return None
            parts[named] = made
        tree = self._mapped(item, parts, select.place.scope)
        if not parts or tree.kind in _UNSETTLED:
            return None
        (first, *_) = parts.values()
        return Derived(first.place, first.path, tree, select.keyed or any(made.keyed for made in parts.values()))

    def _mapped(self, node: Node, made: Mapping[Path, Derived], scope: Scope) -> Node:
        """An expression with what its columns are made of; a column of which that is not known may be anything."""
        if node.kind != "column":
            return replace(node, parts=tuple(self._mapped(part, made, scope) for part in node.parts))
        if lower(node.path) in made:
            return made[lower(node.path)].tree
        return node if clock_of(node) and _is_clock(node, scope) else Node(OTHER)

    def _is_exact(self, made: Derived) -> bool:
        """Whether equal values of it, and of all that it is made of on the way, are the same."""
        steps = [node for node in made.tree.walk() if any(lower(part.path) == made.path for part in node.walk())]
        try:
            return set(self._types(made.path, steps)) <= _EXACT
        except NotUnderstood:
            return False


def _is_alike(made: Derived, other: Derived) -> bool:
    return made.place is other.place and made.path == other.path


def _is_linear(scope: Scope, source: Source, path: Path) -> bool:
    """Whether a SELECT loses just what comes of the rows that its source loses, and means the source by a name."""
    merged = len(path) == 1 and path[0] in scope.merged
    return scope.flat and (source.join is None or is_inner(source.join)) and not merged


def _is_clock(node: Node, scope: Scope) -> bool:
    """Whether a word for the time of the query is surely no column, and no other name for one."""
    around = [source.columns for source in scope.sources]
    given = {item.alias.lower() for item in scope.select.expressions}
    named = given.union(*({name for name, _ in columns or ()} for columns in around))
    return None not in around and node.path[0].lower() not in named
