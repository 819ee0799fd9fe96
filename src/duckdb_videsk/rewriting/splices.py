"""Text put into a statement at places of it, and the proof that nothing else of it changed its meaning."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sqlglot import exp

from duckdb_videsk.ranges import EVER, as_datetime
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.scopes import parsed
from duckdb_videsk.rewriting.trees import same_but_for, serialised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb_videsk.ranges import Range
    from duckdb_videsk.rewriting.grid import Evaluator
    from duckdb_videsk.rewriting.places import Place
    from duckdb_videsk.rewriting.scopes import Node
    from duckdb_videsk.rewriting.words import Word

__all__ = ["implied_text", "prove", "spliced"]


def implied_text(column: str, ranges: Sequence[Range], unless: str = "") -> str:
    """That a column lies in one of the ranges, as comparisons that DuckDB pushes down.

    DuckDB 1.5 pushes an OR of two comparisons, but no OR of ranges: so this is the hull, and every gap left out.

    Args:
        unless: a condition known when a query is bound, under which the ranges say nothing.
    """
    if not ranges:
        return f"{column} < {_bound(EVER.start, unless, 'infinity')}"
    clauses = []
    if ranges[0].start > EVER.start:
        clauses.append(f"{column} >= {_bound(ranges[0].start, unless, '-infinity')}")
    if ranges[-1].end < EVER.end:
        clauses.append(f"{column} < {_bound(ranges[-1].end, unless, 'infinity')}")
    for before, after in pairwise(ranges):
        end, start = _bound(before.end, unless, "infinity"), _literal(after.start)
        clauses.append(f"({column} < {end} OR {column} >= {start})")
    return " AND ".join(clauses)


def _bound(instant: int, unless: str, otherwise: str) -> str:
    # Only a constant in this form is folded, in both versions of DuckDB, before filters are pushed down.
    if not unless:
        return _literal(instant)
    return f"CASE WHEN {unless} THEN TIMESTAMPTZ '{otherwise}' ELSE {_literal(instant)} END"


def _literal(instant: int) -> str:
    moment = as_datetime(instant).replace(tzinfo=None)
    return f"TIMESTAMPTZ '{moment.isoformat(sep=' ', timespec='auto')}+00'"


def spliced(text: str, words: Sequence[Word], additions: Sequence[tuple[Place, str]]) -> str:
    """The statement with `(condition) AND (addition)` in the place of each condition, or `WHERE (addition)`."""
    inserts = []
    for place, addition in additions:
        if place.is_new:
            # What is added to the last condition of its FROM comes first.
            inserts.append((words[place.end - 1].end, 1, f" WHERE ({addition})"))
            continue
        inserts.append((words[place.start].start, 2, "("))
        inserts.append((words[place.end - 1].end, 0, f") AND ({addition})"))
    parts, at = [], 0
    for position, _, piece in sorted(inserts, key=lambda insert: insert[:2]):
        parts += [text[at:position], piece]
        at = position
    return "".join([*parts, text[at:]])


def prove(text: str, tree: Node, words: Sequence[Word], chosen: Sequence[Place], evaluator: Evaluator) -> None:
    """That additions at these places are read as additions to the conditions meant; raises NotUnderstood.

    The statement with a mark at each place has to parse as its own tree with the marks at the conditions: by
    sqlglot, and by DuckDB, if that shows its tree.
    """
    marks = {place: f"mark {number}" for number, place in enumerate(chosen)}
    marked = spliced(text, words, [(place, f"'{mark}' = ''") for place, mark in marks.items()])
    seen = parsed(marked)
    for place, mark in marks.items():
        key = "on" if place.join else "this"
        added = exp.Paren(this=exp.EQ(this=exp.Literal.string(mark), expression=exp.Literal.string("")))
        if place.is_new:
            place.node.set("where", exp.Where(this=added))
            continue
        place.node.set(key, exp.And(this=exp.Paren(this=place.node.args[key]), expression=added))
    # What was found in time is not lost for the little that is left to do.
    ((before, after),) = evaluator.rows(serialised(text, marked), in_time=False)
    if seen != tree or not same_but_for(list(marks.values()), before, after):
        raise NotUnderstood("the place of a condition is not certain")
