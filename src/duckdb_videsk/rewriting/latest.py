"""Statements of which only the newest or oldest few records matter: a mark for the scan is put into their text.

`ORDER BY <range column> … LIMIT n`, and `min` and `max` of it. That the scan's own filter is all that stands between
the records and their order, DuckDB's plan says.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.ranges import as_datetime, micros
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.places import places
from duckdb_videsk.rewriting.scopes import parsed
from duckdb_videsk.rewriting.session import has_usual_order
from duckdb_videsk.rewriting.splices import spliced
from duckdb_videsk.rewriting.words import words_of
from duckdb_videsk.views import quoted
from duckdb_videsk.wanted import MOST_ROWS, Wanted, mark_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from duckdb_videsk.rewriting.scopes import Node, Source, Tables
    from duckdb_videsk.rewriting.words import Word

__all__ = ["may_be_latest", "with_mark"]

_LIKELY = re.compile(r"\blimit\b|\b(?:min|max)\s*\(", re.IGNORECASE)
_CLAUSES = {"kind", "expressions", "from", "from_", "where", "order", "limit", "offset", "operation_modifiers"}
_COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.Between)
_ORDERLY = {"PROJECTION", "TOP_N", "ORDER_BY", "LIMIT", "STREAMING_LIMIT", "UNION"}
_OPTIONAL = re.compile(r"optional: Dynamic Filter \(\w+\)")
_RANGE_COLUMN = re.compile(rf"\b(?:{'|'.join(sorted({endpoint.range_column for endpoint in ENDPOINTS}))})\b")
_SCANS = {"ARROW_SCAN", "PYTHON_ARROW_SCAN"}
_INSTANT = re.compile(r"'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d(?::\d\d)?)'")
_MOST_BOUNDS = 4
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
    wanted = _extremes(select, source, column) or _top(select, source, column)
    if not has_usual_order(native):
        raise NotUnderstood("the session orders in its own way")
    for mark in _possible(native, text, parameters, wanted):
        conditions = " AND ".join(f"{quoted(column)} <> {mark_literal(instant)}" for instant in mark)
        marked = _marked(text, select, conditions, tables)
        if _reaches_scan(native, marked, parameters, list(map(_shown, mark)), null_times=wanted.null_times):
            return marked
    raise NotUnderstood("another condition implies the mark")


def _possible(
    native: duckdb.DuckDBPyConnection, text: str, parameters: object, wanted: Wanted
) -> Iterator[tuple[int, ...]]:
    """Marks to try: those that other conditions seldom imply, then such as lie between conditions on the time."""
    yield from wanted.marks()
    ((_, plan),) = native.execute(f"EXPLAIN (FORMAT json) {text}", parameters).fetchall()
    filters = [_filters(scan) for node in json.loads(plan) for scan in _scans(node, orderly=True)]
    bounds = {bound for shown in filters for bound in _INSTANT.findall(shown)}
    for bound in sorted(bounds)[:_MOST_BOUNDS]:
        yield from wanted.marks_near(micros(datetime.fromisoformat(bound).astimezone(UTC)))


def _shown(mark: int) -> str:
    """What of a mark stands in every way to print it."""
    return as_datetime(mark).strftime("%S.%f").rstrip("0")


def _one_table(select: Node, tables: Tables) -> tuple[Source, str]:
    """The one table that a plain SELECT reads, and its range column."""
    given = (
        {name for name, value in select.args.items() if value} if isinstance(select, exp.Select) else {"no SELECT"}
    )
    sources = tables.scope(select).sources if given <= _CLAUSES else ()
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


def _extremes(select: Node, source: Source, column: str) -> Wanted | None:
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
    return Wanted(1, "both" if len(found) > 1 else "newest" if True in found else "oldest")


def _top(select: Node, source: Source, column: str) -> Wanted:
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
    if timed and not any(_is_strict(part, source, column) for part in _parts(where.this)):
        raise NotUnderstood("conditions that a record without a time may meet")
    if not 0 < rows <= MOST_ROWS:
        raise NotUnderstood("many records, or none")
    return Wanted(rows, "newest" if first.args.get("desc") else "oldest", null_times=not timed)


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


def _parts(condition: Node) -> Iterator[Node]:
    """What all has to be true for a condition to be true."""
    if isinstance(condition, exp.Paren):
        yield from _parts(condition.this)
    elif isinstance(condition, exp.And):
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    else:
        yield condition


def _is_strict(condition: Node, source: Source, column: str) -> bool:
    """Whether a condition refuses records without a time."""
    sides = (condition.this, condition.args.get("expression")) if isinstance(condition, _COMPARISONS) else ()
    return any(_is_range_column(one, source, column) for one in sides)


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
        found = list(places(select, words, tables))
        if len(found) != 1:
            raise NotUnderstood("the place of a condition is not certain")
        marked = spliced(text, words, [(found[0], mark)])
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


def _reaches_scan(
    native: duckdb.DuckDBPyConnection, text: str, parameters: object, mark: Sequence[str], *, null_times: bool
) -> bool:
    """Whether DuckDB hands the whole mark to each scan of what is not kept: there is one for each account.

    Raises:
        NotUnderstood: it does not hand it every condition, or does more with the records than order and cut them; or
            records without a time count, and another condition looks at the time.
    """
    ((_, plan),) = native.execute(f"EXPLAIN (FORMAT json) {text}", parameters).fetchall()
    scans = [scan for node in json.loads(plan) for scan in _scans(node, orderly=True)]
    filters = [_filters(scan) for scan in scans]
    if null_times and any(len(_RANGE_COLUMN.findall(text)) > 1 for text in filters):
        raise NotUnderstood("another condition on the time")
    return bool(filters) and all(instant in text for text in filters for instant in mark)


def _filters(scan: dict[str, Any]) -> str:
    found = scan["extra_info"].get("Filters", [])
    return _OPTIONAL.sub("", found if isinstance(found, str) else "\n".join(found))


def _scans(node: dict[str, Any], *, orderly: bool) -> Iterator[dict[str, Any]]:
    """The scans of what is not kept; raises NotUnderstood where one is under anything but an order and a cut."""
    name = node["name"].strip()
    if name in _SCANS:
        if not orderly:
            raise NotUnderstood("something between the records and their order")
        yield node
    for child in node["children"]:
        yield from _scans(child, orderly=orderly and (name in _ORDERLY or _is_extreme(node)))


def _is_extreme(node: dict[str, Any]) -> bool:
    aggregates = node["extra_info"].get("Aggregates", "")
    listed = [aggregates] if isinstance(aggregates, str) else aggregates
    return node["name"].strip() == "UNGROUPED_AGGREGATE" and all(_EXTREME.fullmatch(one) for one in listed)
