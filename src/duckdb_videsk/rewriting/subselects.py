"""Sub-queries and CTEs whose rows may as well be left out inside as outside: what they give, and where to say so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.parameters import filled
from duckdb_videsk.rewriting.places import Place, word_at
from duckdb_videsk.rewriting.scopes import parsed
from duckdb_videsk.rewriting.steady import steady_functions
from duckdb_videsk.rewriting.trees import functions_in, node_of, serialised
from duckdb_videsk.rewriting.words import condition_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb_videsk.rewriting.grid import Evaluator
    from duckdb_videsk.rewriting.parameters import Values
    from duckdb_videsk.rewriting.scopes import Node as SyntaxNode
    from duckdb_videsk.rewriting.scopes import Tables
    from duckdb_videsk.rewriting.trees import Node
    from duckdb_videsk.rewriting.words import Word

__all__ = ["SubSelect", "SubSelects"]

_OPENING, _CLOSING = {"(", "[", "{", "case"}, {")", "]", "}", "end"}
_AFTER_FROM = {"group", "having", "order", "window"}
# Rows that are taken by chance, or come from no rows: NULL where there is a total.
_SAMPLED, _TOTALLED = {"sample", "tablesample"}, {"rollup", "cube", "grouping"}


@dataclass(frozen=True, eq=False)
class SubSelect:
    """A SELECT whose every row comes from one row of each of its sources, or from all that are alike.

    Attributes:
        place: its WHERE, or where one would stand.
        items: what it gives by name, in lower case, but for what comes from a star.
        keyed: whether rows that are alike are made one.
    """

    place: Place
    items: Mapping[str, Node]
    keyed: bool


class SubSelects:
    """Those of one statement, each looked at once."""

    def __init__(
        self,
        text: str,
        words: Sequence[Word],
        tree: SyntaxNode,
        *,
        tables: Tables,
        values: Values,
        evaluator: Evaluator,
    ) -> None:
        self._text = text
        self._words = words
        self._tree = tree
        self._tables = tables
        self._values = values
        self._evaluator = evaluator
        self._known: dict[int, SubSelect | None] = {}
        self._sampled = any(word.key in _SAMPLED for word in words)
        self._sure: bool | None = None

    def of(self, select: exp.Select) -> SubSelect | None:
        """What is known of a sub-query or a CTE; None where its rows are not surely left out as well inside."""
        if self._sampled:
            return None
        if id(select) not in self._known:
            try:
                self._known[id(select)] = self._read(select)
            except (NotUnderstood, KeyError, IndexError, TypeError, AttributeError):
                self._known[id(select)] = None
        return self._known[id(select)]

    def _read(self, select: exp.Select) -> SubSelect:
        if isinstance(select.parent, exp.CTE):
            self._check_cte(select.parent)
        start, end = self._stretch(select)
        (node,) = self._serialised(self._text[self._words[start].start : self._words[end - 1].end])
        listed, modifiers = node["select_list"], node.get("modifiers", ())
        distinct = [modifier for modifier in modifiers if modifier["type"] == "DISTINCT_MODIFIER"]
        others = {modifier["type"] for modifier in modifiers} - {"DISTINCT_MODIFIER", "ORDER_MODIFIER"}
        if others or "qualify" in node or _has_window(listed):
            raise NotUnderstood("it looks at other rows")
        if any(modifier.get("distinct_on_targets") for modifier in distinct):
            raise NotUnderstood("it takes one of several rows")
        if any(word.key in _TOTALLED for word in self._words[start:end]):
            raise NotUnderstood("it has totals")
        items = {
            _name_of(item): filled(node_of(_unnamed(item)), self._values, self._words, start, end)
            for item in listed
            if item["class"] != "STAR"
        }
        grouped = "group_expressions" in node or node["aggregate_handling"] != "STANDARD_HANDLING"
        return SubSelect(self._place(select, start, end), items, keyed=bool(distinct) or grouped)

    def _serialised(self, text: str) -> list[Any]:
        """The trees of a text's SELECTs; raises NotUnderstood where a call may not give the same for the same."""
        ((answer,),) = self._evaluator.rows(serialised(text))
        found = json.loads(answer)
        if found.get("error") or not set(functions_in(found)) <= steady_functions(self._evaluator):
            raise NotUnderstood("it is no SELECT of sure functions alone")
        return [statement["node"] for statement in found["statements"]]

    def _check_cte(self, cte: exp.CTE) -> None:
        """Raises NotUnderstood where a CTE may be read more than once: by name, or by a macro, which sees it too."""
        name = cte.alias.lower()
        named = [
            at
            for at, word in enumerate(self._words)
            if (word.key or word.text.strip('"').lower()) == name
            and "." not in {self._key(at - 1), self._key(at + 1)}
        ]
        if len(named) != 2:
            raise NotUnderstood("it may be read more than once")
        if self._sure is None:
            self._sure = False
            self._serialised(self._text)
            self._sure = True
        if not self._sure:
            raise NotUnderstood("it may be read by a macro")

    def _stretch(self, select: exp.Select) -> tuple[int, int]:
        """The words of a SELECT in brackets."""
        starts = [part.meta["start"] for part in select.walk() if "start" in part.meta]
        first = word_at(self._words, min(starts, default=-1))
        for at in range(first, 0, -1):
            if self._key(at) == "select" and self._key(at - 1) == "(":
                end = self._closing(at)
                if end > first and parsed(self._text[self._words[at].start : self._words[end - 1].end]) == select:
                    return at, end
        raise NotUnderstood("its place is not certain")

    def _closing(self, start: int) -> int:
        depth = 0
        for at in range(start, len(self._words)):
            depth += (self._key(at) == "(") - (self._key(at) == ")")
            if depth < 0:
                return at
        raise NotUnderstood("a bracket without an end")

    def _place(self, select: exp.Select, start: int, end: int) -> Place:
        where = select.args.get("where")
        scope, depth, begun = self._tables.scope(select), 0, False
        for at in range(start, end):
            key = self._key(at)
            if depth == 0:
                begun = begun or (key == "from" and self._key(at - 1) != "distinct")
                if begun and key == "where":
                    return Place(at + 1, condition_end(self._words, at + 1, join=False), where, scope, join=False)
                if begun and key in _AFTER_FROM:
                    return Place(at, at, select, scope, join=False)
            depth += (key in _OPENING) - (key in _CLOSING)
        return Place(end, end, select, scope, join=False)

    def _key(self, at: int) -> str:
        return self._words[at].key if 0 <= at < len(self._words) else ""


def _name_of(item: Any) -> str:
    if "alias" in item:
        return str(item["alias"]).lower()
    if item["class"] != "COLUMN_REF":
        raise NotUnderstood("a name that is DuckDB's own")
    return str(item["column_names"][-1]).lower()


def _has_window(tree: Any) -> bool:
    if isinstance(tree, dict):
        return tree.get("class") == "WINDOW" or any(map(_has_window, tree.values()))
    return isinstance(tree, list) and any(map(_has_window, tree))


def _unnamed(item: Any) -> Any:
    return {name: value for name, value in item.items() if name != "alias"}
