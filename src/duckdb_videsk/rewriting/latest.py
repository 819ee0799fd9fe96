"""Statements of which only the newest or oldest few records matter: a mark for the scan is put into their text.

`ORDER BY <range column> … LIMIT n`, and `min` and `max` of it. That the scan's own filter is all that stands between
the records and their order, DuckDB's plan says.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.places import places
from duckdb_videsk.rewriting.scopes import Scope, parsed
from duckdb_videsk.rewriting.session import has_usual_order
from duckdb_videsk.rewriting.splices import spliced
from duckdb_videsk.rewriting.words import words_of
from duckdb_videsk.wanted import MOST_ROWS, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from duckdb_videsk.rewriting.scopes import Node, Source, Tables
    from duckdb_videsk.rewriting.words import Word

__all__ = ["may_be_latest", "with_mark"]

_LIKELY = re.compile(r"\blimit\b|\b(?:min|max)\s*\(", re.IGNORECASE)
_PARTS = {"kind", "expressions", "from", "from_", "where", "order", "limit", "offset", "operation_modifiers"}
_COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.Between)
_ORDERLY = {"PROJECTION", "TOP_N", "ORDER_BY", "LIMIT", "STREAMING_LIMIT", "UNION"}
_AGGREGATE = "UNGROUPED_AGGREGATE"
_EXTREME = re.compile(r"(?:min|max)\(#\d+\)")


def may_be_latest(text: str) -> bool:
    """Whether a closer look is worth it."""
    return _LIKELY.search(text) is not None


def with_mark(native: duckdb.DuckDBPyConnection, text: str, parameters: object, tables: Tables) -> str:
    """The statement with its mark.

    Raises:
        NotUnderstood: it is no such statement, or that is not certain.
        duckdb.Error: DuckDB cannot bind it.
    """
    select = parsed(text)
    source, column = _one_table(select, tables)
    wanted = list(_extremes(select, source, column) or _top(select, source, column))
    if not has_usual_order(native):
        raise NotUnderstood("the session orders in its own way")
    written = exp.column(column, quoted=True).sql("duckdb")
    mark = " AND ".join(one.condition(written) for one in wanted)
    marked = _marked(text, select, mark, tables)
    _check_plan(native, marked, parameters)
    return marked


def _one_table(select: Node, tables: Tables) -> tuple[Source, str]:
    """The one table that a plain SELECT reads, and its range column."""
    given = (
        {name for name, value in select.args.items() if value} if isinstance(select, exp.Select) else {"no SELECT"}
    )
    sources = Scope(select, tables).sources if given <= _PARTS else ()
    if len(sources) != 1 or sources[0].table is None:
        raise NotUnderstood("not one table alone")
    ranges = [name for name, is_range in sources[0].columns or () if is_range]
    if len(ranges) != 1:
        raise NotUnderstood("no range column")
    return sources[0], ranges[0]


def _is_range_column(node: Node, source: Source, column: str) -> bool:
    return (
        isinstance(node, exp.Column)
        and node.name.lower() == column
        and node.table.lower() in {"", source.name}
        and not node.args.get("db")
    )


def _extremes(select: Node, source: Source, column: str) -> list[Wanted] | None:
    """What `SELECT min(column), max(column)` wants."""
    found = set()
    for item in select.expressions:
        inner = item.this if isinstance(item, exp.Alias) else item
        inner = inner.this if isinstance(inner, exp.Cast) else inner
        plain = isinstance(inner, exp.Min | exp.Max) and not inner.expressions
        if not plain or not _is_range_column(inner.this, source, column):
            return None
        found.add(isinstance(inner, exp.Max))
    if not found or select.args.get("order") or select.args.get("limit"):
        return None
    return [Wanted(1, newest=newest, null_times=False) for newest in sorted(found)]


def _top(select: Node, source: Source, column: str) -> Iterator[Wanted]:
    """What `ORDER BY column DESC LIMIT n` wants."""
    order, limit, offset = (select.args.get(name) for name in ("order", "limit", "offset"))
    if order is None or limit is None or _is_renamed(select, source, column):
        raise NotUnderstood("no order by time with a limit")
    first = order.expressions[0]
    if (
        not _is_range_column(first.this, source, column)
        or first.args.get("nulls_first")
        or first.args.get("with_fill")
    ):
        raise NotUnderstood("another order")
    rows = _number(limit) + (0 if offset is None else _number(offset))
    where = select.args.get("where")
    timed = where is not None and any(one.name.lower() == column for one in where.find_all(exp.Column))
    if timed and not any(_is_strict(part, source, column) for part in where.this.flatten()):
        raise NotUnderstood("conditions that a record without a time may meet")
    if not 0 < rows <= MOST_ROWS:
        raise NotUnderstood("many records")
    yield Wanted(rows, newest=bool(first.args.get("desc")), null_times=not timed)


def _is_renamed(select: Node, source: Source, column: str) -> bool:
    """Whether the name may mean something else in ORDER BY than the table's column."""
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) and isinstance(item.this, exp.Star) else item
        if isinstance(star, exp.Star):
            if any(value for name, value in star.args.items() if name not in {"except", "except_"}):
                return True
        elif isinstance(item, exp.Alias | exp.Column):
            if item.alias_or_name.lower() == column and not _is_range_column(item.unalias(), source, column):
                return True
        elif item.find(exp.Columns):
            return True
    return False


def _is_strict(part: Node, source: Source, column: str) -> bool:
    """Whether a part of an AND refuses records without a time."""
    sides = (part.this, part.args.get("expression")) if isinstance(part, _COMPARISONS) else ()
    return isinstance(part.parent, exp.Where | exp.And) and any(
        _is_range_column(one, source, column) for one in sides
    )


def _number(clause: Node) -> int:
    value = clause.args.get("expression")
    if not isinstance(value, exp.Literal) or value.is_string or not value.name.isdecimal():
        raise NotUnderstood("a limit that is no number")
    if any(given for name, given in clause.args.items() if name not in {"expression", "this"}):
        raise NotUnderstood("a limit of another kind")
    return int(value.name)


def _marked(text: str, select: Node, mark: str, tables: Tables) -> str:
    """The text with the mark as a condition more, and the proof that it is that and nothing else."""
    words = [word for word in words_of(text) if word.key != ";"]
    expected = select.copy()
    condition = parsed(f"SELECT {mark}").expressions[0]
    if select.args.get("where") is None:
        at = _end_of_from(words)
        marked = f"{text[:at]} WHERE {mark}{text[at:]}"
        expected.set("where", exp.Where(this=condition))
    else:
        (place,) = places(select, words, tables)
        marked = spliced(text, words, [(place, mark)])
        both = exp.And(this=exp.Paren(this=expected.args["where"].this), expression=exp.Paren(this=condition))
        expected.set("where", exp.Where(this=both))
    if parsed(marked) != expected:
        raise NotUnderstood("the place of a condition is not certain")
    return marked


def _end_of_from(words: Sequence[Word]) -> int:
    """Where a WHERE would stand: before the last ORDER BY or LIMIT outside of parentheses, or at the end."""
    depth = 0
    for index, word in enumerate(words):
        depth += (word.key in {"(", "[", "{"}) - (word.key in {")", "]", "}"})
        if depth == 0 and index and word.key == "order" and words[index + 1].key == "by":
            return words[index - 1].end
    return words[-1].end


def _check_plan(native: duckdb.DuckDBPyConnection, text: str, parameters: object) -> None:
    """That DuckDB hands every condition to the scan, and does nothing with its records but order and cut them."""
    with native.cursor() as cursor:
        ((_, plan),) = cursor.execute(f"EXPLAIN (FORMAT json) {text}", parameters).fetchall()
    for node in _nodes(json.loads(plan)):
        name = node["name"].strip()
        if name == _AGGREGATE:
            aggregates = node["extra_info"]["Aggregates"]
            listed = [aggregates] if isinstance(aggregates, str) else aggregates
            if all(_EXTREME.fullmatch(one) for one in listed):
                continue
        if name not in _ORDERLY and not name.endswith("_SCAN"):
            raise NotUnderstood(f"{name} between the records and their order")


def _nodes(plans: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for plan in plans:
        yield plan
        yield from _nodes(plan["children"])
