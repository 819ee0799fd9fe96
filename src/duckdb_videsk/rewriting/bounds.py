"""What a condition can be on a cell of time, as SQL over the cell's first and last instant.

For each condition five texts: whether it can be true somewhere in a cell, whether it is true in the whole of it,
whether it can be true before all cells, after all cells, and for a time that is NULL. An unknown leaf can always be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.grammar import Cursor, scalar
from duckdb_videsk.rewriting.scalars import COLUMN, Clock, Level, Scalar
from duckdb_videsk.rewriting.words import And, Leaf, Not, Or

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from duckdb_videsk.rewriting.words import Condition, Word

__all__ = ["FIRST", "HIGH", "LAST", "LOW", "Bounds", "Test", "bounds_of", "test_of", "tests_in"]

FIRST, LAST = "s", "z"
"""A cell's columns: its first instant, and its last."""
LOW, HIGH = "TIMESTAMPTZ '2000-01-06 00:00:00+00'", "TIMESTAMPTZ '2049-12-27 00:00:00+00'"
"""Instants some days inside the first and the last cell: what rises with time does so give or take that much."""
_SLACK = "INTERVAL 5 DAY"

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}
_OPERATORS = {"==": "=", "!=": "<>"} | {operator: operator for operator in _MIRRORED}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The five texts. `must` says that looking closer is of no use; the others may be true where it is not."""

    may: str
    must: str
    low: str
    high: str
    null: str


# `must` only says where nothing is left to find out.
_ANYTHING = Bounds("true", "true", "true", "true", "true")


@dataclass(frozen=True, slots=True)
class Test:
    """A leaf that is understood: `left operator right`, or a whole of steps where there is no operator.

    Attributes:
        text: the leaf as a template; in it the time of the query is a literal.
        checked: the same with the functions' full names, and the time of the query by name.
        written: the leaf in the user's own words, as a template.
        scalars: every expression in it.
        pushed: DuckDB pushes it down by itself.
    """

    text: str
    checked: str
    scalars: tuple[Scalar, ...]
    left: Scalar | None = None
    operator: str = ""
    right: tuple[Scalar, ...] = ()
    prefix: str | None = None
    written: str = ""

    @property
    def level(self) -> Level:
        return max(s.level for s in self.scalars)

    @property
    def smooth(self) -> Level:
        return max(s.smooth for s in self.scalars)

    @property
    def quartered(self) -> bool:
        """Whether it takes quarters of an hour that are whole in local time."""
        return Level.QUARTER in {level for s in self.scalars for level in (s.level, s.smooth)}

    @property
    def clock(self) -> Clock:
        return max(s.clock for s in self.scalars)

    @property
    def zones(self) -> frozenset[str]:
        return frozenset().union(*(s.zones for s in self.scalars))

    @property
    def pushed(self) -> bool:
        return self.left is not None and self.left.text == COLUMN and bool(self.operator)

    def bounds(self, level: Level | None, *, negated: bool) -> Bounds:
        """The texts over cells of a level; None: cells so long that only what rises for ever is known of them."""
        null = _put(_negated(self.text, negated), "NULL::TIMESTAMPTZ")
        low, high = self._outside(negated)
        return Bounds(*self._inside(level, negated), low, high, _sure(null))

    def _inside(self, level: Level | None, negated: bool) -> tuple[str, str]:
        if self.level is Level.EVER or (level is not None and self.level <= level):
            text = _sure(_put(_negated(self.text, negated), FIRST))
            return text, text
        if level is not None and self.level in {Level.INSTANT, Level.QUARTER} and self.smooth <= level:
            return self._compared(FIRST, LAST, negated, sure_order=True)
        return self._compared(f"{FIRST} - {_SLACK}", f"{LAST} + {_SLACK}", negated, sure_order=False)

    def _compared(self, first: str, last: str, negated: bool, *, sure_order: bool) -> tuple[str, str]:
        """By the values at two instants between which, or beyond which, the cell lies."""
        if self.left is None or not self.operator or self.prefix is not None:
            return "true", "false"
        left = self.left
        if not left.rises and not (sure_order and left.level is Level.INSTANT):
            return "true", "false"
        if left.rises < 0:
            first, last = last, first
        lowest, highest = _put(left.text, first), _put(left.text, last)
        tests = [_between(lowest, highest, self._operator(negated), c.text) for c in self.right]
        may, must = (" OR ".join(f"({t[i]})" for t in tests) for i in (0, 1))
        return _sure(may), _sure(must) if len(tests) == 1 else "false"

    def _outside(self, negated: bool) -> tuple[str, str]:
        """Before the first cell and after the last."""
        if self.left is None or not self.operator or not self.left.rises or (negated and len(self.right) > 1):
            constant = all(s.constant for s in self.scalars)
            text = _sure(_negated(self.text, negated)) if constant else "true"
            return text, text
        operator = self._operator(negated)
        shape = "{}" if self.prefix is None else f"left({{}}, {len(self.prefix)})"
        below, above = (shape.format(_put(self.left.text, edge)) for edge in (LOW, HIGH))
        texts = [(_at_most(below, operator, c.text), _at_least(above, operator, c.text)) for c in self.right]
        if self.left.rises < 0:
            texts = [(_at_least(below, operator, c.text), _at_most(above, operator, c.text)) for c in self.right]
        low, high = (_sure(" OR ".join(f"({t[i]})" for t in texts)) for i in (0, 1))
        return low, high

    def _operator(self, negated: bool) -> str:
        return _OPPOSITE[self.operator] if negated else self.operator


def test_of(leaf: Leaf, column: Callable[[tuple[Word, ...]], bool], clock: dict[str, str]) -> Test:
    """A leaf read by the grammar; raises NotUnderstood."""
    cursor = Cursor(leaf.words, column, clock)
    left = scalar(cursor)
    found = _test(cursor, left)
    if not cursor.done:
        raise NotUnderstood("more than one comparison")
    if found.clock is Clock.INSTANT:
        raise NotUnderstood("the time of the query, to the second")
    return replace(found, written=cursor.written())


def _test(cursor: Cursor, left: Scalar) -> Test:
    if cursor.done:
        return _steps(left.text, left.checked, (left,))
    operator = cursor.peek()
    if operator in _OPERATORS:
        cursor.take()
        return _comparison(left, _OPERATORS[operator], scalar(cursor))
    if cursor.accept("is"):
        return _is(cursor, left)
    negated = "NOT " if cursor.accept("not") else ""
    if cursor.accept("in", "("):
        return _membership(cursor, left, negated)
    if cursor.accept("like"):
        return _like(left, negated, scalar(cursor))
    raise NotUnderstood(f"the operator {operator!r}")


def _comparison(left: Scalar, operator: str, right: Scalar) -> Test:
    text, checked = f"{left.text} {operator} {right.text}", f"{left.checked} {operator} {right.checked}"
    if left.constant and not right.constant:
        left, right, operator = right, left, _MIRRORED[operator]
    if not left.constant and right.constant:
        return Test(text, checked, (left, right), left, operator, (right,))
    return _steps(text, checked, (left, right))


def _is(cursor: Cursor, left: Scalar) -> Test:
    words = ["IS"]
    if cursor.accept("not"):
        words.append("NOT")
    if cursor.accept("distinct", "from"):
        right = scalar(cursor)
        form = f"{{}} {' '.join(words)} DISTINCT FROM {{}}"
        return _steps(form.format(left.text, right.text), form.format(left.checked, right.checked), (left, right))
    what = cursor.take()
    if what.key not in {"null", "true", "false"}:
        raise NotUnderstood("IS something else")
    ending = f" {' '.join(words)} {what.text}"
    if what.key == "null" and left.text == COLUMN:
        # Of a time that is there, all is said by a constant.
        text = f"(CASE WHEN {COLUMN} IS NULL THEN {len(words) == 1} ELSE {len(words) == 2} END)"
        return Test(text, left.checked + ending, (Scalar(left.text, left.checked, "bool", Level.DAY),))
    return _steps(left.text + ending, left.checked + ending, (left,))


def _membership(cursor: Cursor, left: Scalar, negated: str) -> Test:
    members = [scalar(cursor)]
    while cursor.accept(","):
        members.append(scalar(cursor))
    if not cursor.accept(")") or not all(m.constant for m in members):
        raise NotUnderstood("a list of other things")
    text, checked = (
        f"{getattr(left, form)} {negated}IN ({', '.join(getattr(m, form) for m in members)})"
        for form in ("text", "checked")
    )
    scalars = (left, *members)
    if negated or left.constant or len({m.kind for m in members}) > 1:
        return _steps(text, checked, scalars)
    return Test(text, checked, scalars, left, "=", tuple(members))


def _like(left: Scalar, negated: str, right: Scalar) -> Test:
    if right.value is None or "\\" in right.value or left.kind != "text":
        raise NotUnderstood("a pattern that is no literal")
    text, checked = (f"{getattr(left, form)} {negated}LIKE {right.text}" for form in ("text", "checked"))
    if left.level is Level.INSTANT:
        raise NotUnderstood("a pattern over instants")
    prefix = re.split(r"[%_]", right.value)[0]
    if negated or not prefix:
        return _steps(text, checked, (left, right))
    literal = Scalar("'" + prefix.replace("'", "''") + "'", "", "text")
    return Test(text, checked, (left, right), left, "=", (literal,), prefix)


def _steps(text: str, checked: str, scalars: tuple[Scalar, ...]) -> Test:
    if any(s.level is Level.INSTANT for s in scalars):
        raise NotUnderstood("an instant that is not compared with a constant")
    return Test(text, checked, scalars)


def tests_in(condition: Condition, read: Callable[[Leaf], Test | None]) -> Iterator[Test]:
    """The leaves that are understood."""
    match condition:
        case Leaf():
            test = read(condition)
            if test is not None:
                yield test
        case Not(part):
            yield from tests_in(part, read)
        case And(parts) | Or(parts):
            for part in parts:
                yield from tests_in(part, read)


def bounds_of(
    condition: Condition, read: Callable[[Leaf], Test | None], level: Level | None, *, negated: bool = False
) -> Bounds:
    """A condition's texts over cells of a level."""
    match condition:
        case Leaf():
            test = read(condition)
            return _ANYTHING if test is None else test.bounds(level, negated=negated)
        case Not(part):
            return bounds_of(part, read, level, negated=not negated)
        case And(parts) | Or(parts):
            joint = " AND " if isinstance(condition, And) != negated else " OR "
            return _joined((bounds_of(part, read, level, negated=negated) for part in parts), joint)


def _joined(parts: Iterable[Bounds], joint: str) -> Bounds:
    listed = list(parts)
    return Bounds(
        *(
            joint.join(f"({getattr(part, name)})" for part in listed)
            for name in ("may", "must", "low", "high", "null")
        )
    )


def _put(template: str, value: str) -> str:
    return template.replace(COLUMN, f"({value})")


def _negated(text: str, negated: bool) -> str:
    return f"NOT ({text})" if negated else text


def _sure(text: str) -> str:
    """What is neither true nor false accepts no row."""
    return f"coalesce(({text}), false)"


def _between(lowest: str, highest: str, operator: str, constant: str) -> tuple[str, str]:
    """Whether a value between two others can, and has to, compare so with a constant."""
    match operator:
        case "=":
            equal = f"{lowest} = {constant} AND {highest} = {constant}"
            return f"{lowest} <= {constant} AND {highest} >= {constant}", equal
        case "<>":
            return (
                f"NOT ({lowest} = {constant} AND {highest} = {constant})",
                f"{lowest} > {constant} OR {highest} < {constant}",
            )
        case "<" | "<=":
            return f"{lowest} {operator} {constant}", f"{highest} {operator} {constant}"
        case _:
            return f"{highest} {operator} {constant}", f"{lowest} {operator} {constant}"


def _at_most(value: str, operator: str, constant: str) -> str:
    """Whether something no greater than `value` can compare so."""
    return {"=": f"{value} >= {constant}", ">": f"{value} > {constant}", ">=": f"{value} >= {constant}"}.get(
        operator, "true"
    )


def _at_least(value: str, operator: str, constant: str) -> str:
    """Whether something no less than `value` can compare so."""
    return {"=": f"{value} <= {constant}", "<": f"{value} < {constant}", "<=": f"{value} <= {constant}"}.get(
        operator, "true"
    )
