"""What a join with a table of the user's own says of a range column: it lies between the ends there.

They are looked up before the statement runs, and hold for as long as DuckDB knows so by the statistics that it keeps
of the table: it is asked that whenever it plans the statement, in the transaction that the statement runs in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

from duckdb_videsk.rewriting.joins import is_constant
from duckdb_videsk.rewriting.session import answer
from duckdb_videsk.rewriting.trees import Node
from duckdb_videsk.views import quoted, text_literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk.rewriting.places import Place

__all__ = ["Ends", "LocalTables", "Look", "bounded"]

Look: TypeAlias = "Callable[[str], list[tuple[Any, ...]]]"
"""Runs a query where the statement is about to run, or beside it."""

_TYPES = {"DATE": "DATE", "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
# A TIMESTAMP is left out: as an instant, one that the clock skips comes after some that are later.
_TURNED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SLACK_DAYS = [0, 1, 31, 366, 3_660]
# An error, as where a date is moved past the last there is, would spoil the user's transaction.
_USUAL_DAYS = {">": "0001-01-01", "<": "9999-12-31"}
_MOST_PROOFS = 4
# DuckDB 1.5 plans a statement in a transaction of its own, before that in which it runs.
_ONE_TRANSACTION = int(duckdb.__version__.split(".")[0]) >= 2
_TEXT = r'"(?:[^"\\]|\\.)*"'
_TABLE = re.compile(rf'"function_data":\{{"catalog":({_TEXT}),"schema":({_TEXT}),"table":({_TEXT})')
_NOTHING = '{"error":false,"plans":[{"type":"LOGICAL_EMPTY_RESULT"'


@dataclass(frozen=True)
class Ends:
    """Between which values, with them, those of a column lie; None where that is not known."""

    least: Node | None
    greatest: Node | None

    def moved(self, by: Callable[[Node], Node]) -> Ends:
        """Those of an expression that rises with the column."""
        return Ends(*(None if end is None else by(end) for end in (self.least, self.greatest)))


class LocalTables:
    """The user's own tables that one statement names, in its session."""

    def __init__(self, native: duckdb.DuckDBPyConnection, look: Look) -> None:
        self.used: dict[str, None] = {}
        self._native = native
        self._look = look
        self._known: dict[tuple[str, str], tuple[str, Ends] | None] = {}

    @property
    def asked(self) -> bool:
        """Whether anything was looked up: what is so of them may change any time."""
        return bool(self._known)

    def ends(self, place: Place, node: Node) -> Ends | None:
        """Between which values a part of a condition lies, where it is a column of a local table; None otherwise.

        It may be a date with a constant added. The conditions that all this holds are the keys of `used`.
        """
        if (
            node.kind == "operator"
            and node.name in {"+", "-"}
            and len(node.parts) == 2
            and is_constant(node.parts[1])
        ):
            column, constant = node.parts
            found = self._of(place, column)
            if found is None or found[0] != "DATE":
                return None
            return found[1].moved(lambda end: Node("operator", node.name, (end, constant)))
        found = self._of(place, node)
        return None if found is None else found[1]

    def _of(self, place: Place, node: Node) -> tuple[str, Ends] | None:
        key = _column(place, node)
        if key is None or (key not in self._known and len(self.used) >= _MOST_PROOFS):
            return None
        if key not in self._known:
            try:
                self._known[key] = self._looked_up(*key) if _ONE_TRANSACTION else None
            except duckdb.InterruptException:
                raise
            except (duckdb.Error, ValueError, LookupError):
                self._known[key] = None
        return self._known[key]

    def _looked_up(self, table: str, column: str) -> tuple[str, Ends] | None:
        """The type of a column and its ends."""
        name = quoted(column)
        text = answer(self._native, _plan(f"SELECT {name} FROM {table}", optimize=False))  # noqa: S608 - quoted
        (projection,) = json.loads(text)["plans"]
        (scan,) = projection["children"]
        meant, kind = _TABLE.search(text), _TYPES.get(projection["expressions"][0]["return_type"]["id"])
        if kind is None or meant is None or scan["type"] != "LOGICAL_GET" or not _is_table_scan(scan):
            return None
        whole = ".".join(quoted(json.loads(part)) for part in meant.groups())
        ends = ", ".join(
            f"[CAST(system.main.{function}({name}) {sign} system.main.to_days(n) AS {kind})::VARCHAR"
            f" FOR n IN {_SLACK_DAYS}]"
            for function, sign in (("min", "-"), ("max", "+"))
        )
        usual = " AND ".join(f"{name} {sign} CAST('{day}' AS {kind})" for sign, day in _USUAL_DAYS.items())
        ((least, greatest),) = self._look(f"SELECT {ends} FROM {whole} WHERE {usual}")  # noqa: S608 - quoted
        proofs = _Proofs(table, name, kind, meant.group())
        return kind, Ends(self._sure(proofs, "<", least), self._sure(proofs, ">", greatest))

    def _sure(self, proofs: _Proofs, operator: str, ends: list[str | None]) -> Node | None:
        """The first of some ends that DuckDB knows to be one. It forgets no value that was in the table once."""
        for end in ends:
            if end is None:
                return None
            proof = proofs.beyond(operator, end)
            if answer(self._native, f"({proof})::VARCHAR") == "true":
                self.used[proof] = None
                return Node("cast", proofs.kind, (Node("constant", text_literal(end)),))
        return None


@dataclass(frozen=True)
class _Proofs:
    table: str
    column: str
    kind: str
    meant: str

    def beyond(self, operator: str, end: str) -> str:
        """The condition that no value is beyond an end, in the table that was meant."""
        beyond = f"{self.column} {operator} CAST({text_literal(end)} AS {self.kind})"
        query = f"SELECT 1 FROM {self.table} WHERE {beyond}"  # noqa: S608 - quoted
        return (
            f"coalesce(system.main.starts_with({_plan(query, optimize=True)}, {text_literal(_NOTHING)}) AND "
            f"system.main.contains({_plan(query, optimize=False)}, {text_literal(self.meant)}), false)"
        )


def bounded(tree: Node, place: Place, local: LocalTables) -> Node:
    """A condition with the ends of local columns in the place of the columns: what it implies for all else."""
    if tree.kind in {"and", "or"}:
        return Node(tree.kind, tree.name, tuple(bounded(part, place, local) for part in tree.parts))
    if tree.kind == "between":
        value, low, high = tree.parts
        both = (Node("compare", ">=", (value, low)), Node("compare", "<=", (value, high)))
        found = tuple(bounded(part, place, local) for part in both)
        return tree if found == both else Node("and", parts=found)
    if tree.kind != "compare" or tree.name not in _TURNED:
        return tree
    one, other = tree.parts
    for value, column, operator in ((one, other, tree.name), (other, one, _TURNED[tree.name])):
        if any(place.source_of(part.path) is not None for part in value.walk() if part.kind == "column"):
            ends = local.ends(place, column)
            if ends is not None:
                return _within(value, operator, ends) or tree
    return tree


def _within(value: Node, operator: str, ends: Ends) -> Node | None:
    strict = operator.strip("=")
    wanted = [(">", ends.least), ("<", ends.greatest)]
    found = [
        Node("compare", operator if strict else f"{sign}=", (value, end))
        for sign, end in wanted
        if end is not None and strict in {"", sign}
    ]
    return Node("and", parts=tuple(found)) if found else None


def _column(place: Place, node: Node) -> tuple[str, str] | None:
    """The local table that a name in a condition is a column of, as the statement names it, and the column."""
    if node.kind != "column" or len(node.path) > 2:
        return None
    sources = [source for source in place.scope.sources if source.in_where or place.join]
    *table, column = node.path
    if table:
        having = [source for source in sources if source.name == table[0].lower()]
    elif column.lower() in place.scope.merged or any(
        name == column.lower() for source in sources for name, _ in source.columns or ()
    ):
        return None
    else:
        having = [source for source in sources if source.columns is None]
    local = having[0].local if len(having) == 1 else None
    return None if local is None else (local, column)


def _is_table_scan(scan: Any) -> bool:
    name: str = scan.get("name") or scan["qname"]["path"][-1]
    return name == "seq_scan"


def _plan(query: str, *, optimize: bool) -> str:
    return f"system.main.json_serialize_plan({text_literal(query)}, optimize := {str(optimize).lower()})"
