"""A condition as DuckDB's own parser reads it: the tree that `json_serialize_sql` gives, and SQL text made of it.

Both versions of DuckDB come out the same. Forms that this has no name for become `OTHER`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.views import quoted, text_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "CLOCKS",
    "CLOCK_WORDS",
    "OTHER",
    "Node",
    "condition_tree",
    "functions_in",
    "node_of",
    "same_but_for",
    "serialised",
    "serialising",
    "sql",
]

OTHER = "other"
CLOCKS = {
    "current_date": "DATE", "today": "DATE", "now": "TIMESTAMPTZ", "get_current_timestamp": "TIMESTAMPTZ",
    "current_timestamp": "TIMESTAMPTZ", "transaction_timestamp": "TIMESTAMPTZ",
}  # fmt: skip
"""What tells the time of the query, and its type."""
CLOCK_WORDS = {"current_date", "current_timestamp"}
"""Those that stand without brackets, as a column would."""

_COMPARISONS = {
    "COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>", "COMPARE_LESSTHAN": "<", "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=", "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM", "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}  # fmt: skip
_OPERATORS = {
    "OPERATOR_NOT": "not", "OPERATOR_IS_NULL": "is null", "OPERATOR_IS_NOT_NULL": "is not null", "COMPARE_IN": "in",
    "COMPARE_NOT_IN": "not in", "OPERATOR_COALESCE": "coalesce", "CONJUNCTION_AND": "and", "CONJUNCTION_OR": "or",
}  # fmt: skip
_TYPES = {
    "date": "DATE", "timestamp": "TIMESTAMP", "datetime": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ",
    "timestamp with time zone": "TIMESTAMPTZ", "time": "TIME", "varchar": "VARCHAR", "text": "VARCHAR",
    "string": "VARCHAR", "integer": "INTEGER", "int": "INTEGER",
    "bigint": "BIGINT", "long": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN", "bool": "BOOLEAN",
    "interval": "INTERVAL",
}  # fmt: skip
_KNOWN_TO_CALLS = {
    "class", "type", "function_name", "schema", "catalog", "children", "arguments", "is_operator", "order_bys",
    "qualified_name", "query_location", "query_location_length",
}  # fmt: skip
_ASIDE = ("query_location", "named_param")
_ROOM = "SELECT 1 FROM t WHERE (true)"

Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Node:
    """One expression.

    Attributes:
        kind: "column", "constant", "call", "operator", "cast", "try_cast", "compare", "between", "case", "in",
            "not in", "is null", "is not null", "coalesce", "and", "or", "not", "parameter" or OTHER.
        name: of a function or an operator; of a cast its type; of a constant its text as SQL.
        parts: what it is made of. A column's are none, and its names are `path`.
    """

    kind: str
    name: str = ""
    parts: tuple[Node, ...] = ()
    path: tuple[str, ...] = ()

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


def serialising(condition: str) -> str:
    """The query whose answer `condition_tree` reads."""
    return serialised(_ROOM, _ROOM.replace("true", condition + "\n"))


def serialised(*statements: str) -> str:
    """The query that answers with the trees of statements."""
    texts = [text_literal(text) for text in statements]
    calls = [
        f"json_serialize_sql({text}, skip_null := true, skip_default := true, skip_empty := true)" for text in texts
    ]
    return f"SELECT {', '.join(calls)}"


def condition_tree(room: str, answer: str) -> tuple[Node, frozenset[str]]:
    """The tree of a condition, and the names of all functions in it; raises NotUnderstood.

    The condition has to fill its room and nothing else of the statement: so it is one whole expression.
    """
    found, empty = json.loads(answer), json.loads(room)
    if found.get("error"):
        raise NotUnderstood("DuckDB does not read it as one condition")
    where = _taken(found)
    _taken(empty)
    if _bare(found) != _bare(empty):
        raise NotUnderstood("it is more than a condition")
    try:
        return node_of(where), frozenset(functions_in(where))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise NotUnderstood("a tree of another shape") from error


def same_but_for(marks: Sequence[str], before: str, after: str) -> bool:
    """Whether DuckDB reads two statements alike, but for conditions in the second that are texts compared with ''.

    What it has no trees for, since it is no SELECT, is taken to be alike.
    """
    one, other = json.loads(before), json.loads(after)
    if one.get("error"):
        return True
    found: list[str] = []
    return bool(_bare(one) == _unmarked(_bare(other), set(marks), found)) and sorted(found) == sorted(marks)


def _unmarked(tree: Json, marks: set[str], found: list[str]) -> Json:
    if isinstance(tree, list):
        return [_unmarked(value, marks, found) for value in tree]
    if not isinstance(tree, dict):
        return tree
    tree = {key: _unmarked(value, marks, found) for key, value in tree.items()}
    if _mark_of(tree.get("where_clause", {})) in marks:
        found.append(_mark_of(tree.pop("where_clause")))
    if tree.get("type") == "CONJUNCTION_AND":
        named = [_mark_of(child) for child in tree["children"]]
        found += [name for name in named if name in marks]
        tree["children"] = [c for c, name in zip(tree["children"], named, strict=True) if name not in marks]
        return tree["children"][0] if len(tree["children"]) == 1 else tree
    return tree


def _mark_of(tree: Json) -> str:
    constant = tree.get("left", {}) if tree.get("type") == "COMPARE_EQUAL" else {}
    return str((constant.get("literal") or {}).get("text") or (constant.get("value") or {}).get("value"))


def functions_in(tree: Json) -> Iterator[str]:
    """Names of functions anywhere, sub-queries included."""
    if isinstance(tree, dict):
        if tree.get("function_name"):
            yield tree["function_name"].lower()
        for value in tree.values():
            yield from functions_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from functions_in(value)


def sql(  # noqa: PLR0911 - one line a form
    node: Node, put: Callable[[Node], str | None], *, full: bool = False
) -> str:
    """A node as text; `put` may say what stands for a node. With `full` functions have their built-in's full name."""
    given = put(node)
    if given is not None:
        return given
    parts = [sql(part, put, full=full) for part in node.parts]
    match node.kind:
        case "column":
            return ".".join(map(quoted, node.path))
        case "constant":
            return node.name
        case "call" | "operator":
            return _call(node, parts, full)
        case "cast" | "try_cast":
            return f"{node.kind.upper()}({parts[0]} AS {node.name})"
        case "between":
            return f"({parts[0]} BETWEEN {parts[1]} AND {parts[2]})"
        case "compare":
            return f"({parts[0]} {node.name} {parts[1]})"
        case "case":
            checks = " ".join(f"WHEN {a} THEN {b}" for a, b in zip(parts[:-1:2], parts[1:-1:2], strict=True))
            return f"(CASE {checks} ELSE {parts[-1]} END)"
        case _:
            return _worded(node.kind, parts)


def _worded(kind: str, parts: list[str]) -> str:
    match kind:
        case "and" | "or":
            return f"({f' {kind.upper()} '.join(parts)})"
        case "not":
            return f"(NOT {parts[0]})"
        case "in" | "not in":
            return f"({parts[0]} {kind.upper()} ({', '.join(parts[1:])}))"
        case "is null" | "is not null":
            return f"({parts[0]} {kind.upper()})"
        case "coalesce":
            return f"coalesce({', '.join(parts)})"
    raise NotUnderstood(kind)


def _call(node: Node, parts: list[str], full: bool) -> str:
    if full:
        return f"system.main.{quoted(node.name)}({', '.join(parts)})"
    if node.kind == "operator":
        name = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"}.get(node.name, node.name)
        return f"({name} {parts[0]})" if len(parts) == 1 else f"({parts[0]} {name} {parts[1]})"
    return f"{quoted(node.name)}({', '.join(parts)})"


def _taken(parsed: Json) -> Json:
    """The condition, taken out of its statement."""
    try:
        return parsed["statements"][0]["node"].pop("where_clause")
    except (KeyError, IndexError, AttributeError) as error:
        raise NotUnderstood("it is not a SELECT") from error


def _bare(tree: Json) -> Json:
    if isinstance(tree, dict):
        return {key: _bare(value) for key, value in tree.items() if not key.startswith(_ASIDE)}
    return [_bare(value) for value in tree] if isinstance(tree, list) else tree


def node_of(tree: Json) -> Node:  # noqa: PLR0911 - one line a class
    """An expression of a tree that DuckDB gives; raises KeyError and the like where it has another shape."""
    match tree["class"]:
        case "COLUMN_REF":
            return Node("column", path=tuple(tree["column_names"]))
        case "CONSTANT":
            return _constant(tree)
        case "FUNCTION":
            return _function(tree)
        case "CAST":
            return _cast(tree)
        case "COMPARISON" if tree["type"] in _COMPARISONS:
            return Node("compare", _COMPARISONS[tree["type"]], (node_of(tree["left"]), node_of(tree["right"])))
        case "BETWEEN" if tree["type"] == "COMPARE_BETWEEN":
            return Node("between", parts=tuple(node_of(tree[key]) for key in ("input", "lower", "upper")))
        case "OPERATOR" | "CONJUNCTION" if tree["type"] in _OPERATORS:
            return Node(_OPERATORS[tree["type"]], parts=tuple(map(node_of, tree["children"])))
        case "CASE":
            return _case(tree)
        case "PARAMETER":
            return Node("parameter", tree["identifier"])
    return Node(OTHER)


def _case(tree: Json) -> Node:
    checks = [check[key] for check in tree["case_checks"] for key in ("when_expr", "then_expr")]
    last = tree.get("else_expr")
    return Node("case", parts=(*map(node_of, checks), node_of(last) if last else Node("constant", "NULL")))


def _function(tree: Json) -> Node:
    path = tree.get("qualified_name", {}).get("path", [tree["function_name"]])
    schema = [*path[:-1], *(tree.get(key, "") for key in ("catalog", "schema"))]
    odd = set(tree) - _KNOWN_TO_CALLS or tree.get("order_bys", {}).get("orders")
    given = tree.get("children") or [argument["expression"] for argument in tree.get("arguments", ())]
    named = any(argument.get("name") for argument in tree.get("arguments", ()))
    if odd or named or not set(schema) <= {"", "main", "system"} or any(part.get("alias") for part in given):
        return Node(OTHER)
    kind = "operator" if tree.get("is_operator") and len(given) <= 2 else "call"
    return Node(kind, tree["function_name"].lower(), tuple(map(node_of, given)))


def _cast(tree: Json) -> Node:
    spelt = tree.get("type_expr") or {"type_name": tree.get("cast_type", {}).get("id", "")}
    name = _TYPES.get(spelt.get("type_name", "").lower())
    if name is None or spelt.get("children") or len(spelt.get("qualified_name", {}).get("path", [0])) > 1:
        return Node(OTHER)
    return Node("try_cast" if tree.get("try_cast") else "cast", name, (node_of(tree["child"]),))


def _constant(tree: Json) -> Node:
    literal = tree.get("literal")
    if literal is None:
        literal = _literal(tree["value"])
    kind, text = literal["kind"], literal.get("text", "")
    if kind == "STRING":
        return Node("constant", text_literal(text))
    if kind in {"INTEGER", "NUMERIC", "BOOLEAN"}:
        return Node("constant", f"({text})" if text.startswith("-") else text)
    return Node("constant", "NULL") if kind == "NULL_LITERAL" else Node(OTHER)


def _literal(value: Json) -> Json:
    """A constant of DuckDB 1.5 as DuckDB 2 would write it."""
    kind = value["type"]["id"]
    if value["is_null"]:
        return {"kind": "NULL_LITERAL"}
    if kind == "VARCHAR":
        return {"kind": "STRING", "text": value.get("value", "")}
    text = str(value["value"])
    if kind in {"INTEGER", "BIGINT"}:
        return {"kind": "INTEGER", "text": text}
    return {"kind": "BOOLEAN", "text": text.lower()} if kind == "BOOLEAN" else {"kind": OTHER}
