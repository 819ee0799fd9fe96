"""The values given for a statement's parameters, as constants of the types that DuckDB gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.trees import Node
from duckdb_videsk.views import text_literal

if TYPE_CHECKING:
    from duckdb_videsk.rewriting.words import Word

__all__ = ["Values", "filled", "values_of"]

Values = dict[str, Node]
"""Constants by the parameters' names, which are numbers from 1 on for those without one."""


_COMPARING = {"compare", "between", "in", "not in"}


def values_of(parameters: object) -> Values:
    """The constants; values of other types are left out."""
    if isinstance(parameters, Mapping):
        given = {str(name): value for name, value in parameters.items()}
    elif isinstance(parameters, Sequence) and not isinstance(parameters, str):
        given = {str(number): value for number, value in enumerate(parameters, 1)}
    else:
        given = {}
    return {name: node for name, value in given.items() if (node := _constant(value)) is not None}


def filled(tree: Node, values: Values, words: Sequence[Word], start: int, end: int) -> Node:
    """A condition, of the words from `start` to `end`, with the values of its parameters."""
    marks = [index for index, word in enumerate(words[:end]) if word.key == "?"]
    own = any(index >= start for index in marks)
    before = sum(index < start for index in marks) if own else 0
    return _filled(tree, values, before)


def _filled(node: Node, values: Values, before: int) -> Node:
    parts = tuple(_filled(part, values, before) for part in node.parts)
    if node.kind == "parameter":
        name = str(int(node.name) + before) if node.name.isdecimal() else node.name
        return values.get(name, node)
    if node.kind not in _COMPARING:
        # A text given to a function may choose another function than a literal text would.
        parts = tuple(
            old if old.kind == "parameter" and new.name.startswith("'") else new
            for old, new in zip(node.parts, parts, strict=True)
        )
    return replace(node, parts=parts)


def _constant(value: object) -> Node | None:
    match value:
        case bool():
            return Node("constant", str(value).lower())
        case int():
            return Node("constant", f"({value})")
        case str():
            return Node("constant", text_literal(value))
        case datetime():
            return _typed(value.isoformat(), "TIMESTAMPTZ" if value.tzinfo else "TIMESTAMP")
        case date():
            return _typed(value.isoformat(), "DATE")
    return None


def _typed(text: str, kind: str) -> Node:
    return Node("cast", kind, (Node("constant", text_literal(text)),))
