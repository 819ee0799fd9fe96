"""What is known of an expression over one time column: where its value is constant, whether it rises with time.

Nothing is evaluated here: the words stay the user's, and DuckDB evaluates them. Whatever is not sure raises
`NotUnderstood`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.errors import NotUnderstood

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = [
    "COLUMN",
    "Clock",
    "Level",
    "Scalar",
    "called",
    "combined",
    "converted",
    "difference",
    "formatted",
    "in_zone",
    "part_of",
    "stepped",
    "summed",
    "truncated",
]

COLUMN = "\0"
"""Stands for the column in a template. No statement has it."""


class Level(IntEnum):
    """Within what stretch of local time a value is constant."""

    EVER = 0
    DAY = 1
    QUARTER = 2
    INSTANT = 3


class Clock(IntEnum):
    """How a value depends on the time of the query."""

    NONE = 0
    DAY = 1
    INSTANT = 2


@dataclass(frozen=True, slots=True)
class Scalar:
    """An expression.

    Attributes:
        text: a template, in which COLUMN stands for the column.
        checked: the same with the functions' full names, to find out whether the short names mean them.
        kind: `timestamptz`, `timestamp`, `time`, `date`, `number`, `text`, `interval` or `bool`; "string" for a bare
            string literal, which takes the type of what it meets.
        level: where it is constant; EVER where the column is not in it.
        smooth: at INSTANT: from where on it rises within each cell: DAY or QUARTER.
        rises: 1 if it rises with time over all time (give or take some days), -1 if it falls, 0 if neither is sure.
        shifted: an interval has been added to the column, or to the time of the query.
        clock: dependence on the time of the query.
        zones: zones named in it.
        days: of an interval: whether it is of whole days; None if it is not known.
        value: of a literal: its text.
    """

    text: str
    checked: str
    kind: str
    level: Level = Level.EVER
    smooth: Level = Level.DAY
    rises: int = 0
    shifted: bool = False
    clock: Clock = Clock.NONE
    zones: frozenset[str] = frozenset()
    days: bool | None = None
    value: str | None = None

    @property
    def constant(self) -> bool:
        return self.level is Level.EVER


_DAY_PARTS = {
    "year", "years", "yr", "y", "quarter", "quarters", "qtr", "month", "months", "mon", "week", "weeks", "w",
    "weekofyear", "day", "days", "d", "dayofmonth", "dayofweek", "weekday", "dow", "isodow", "doy", "dayofyear",
    "decade", "decades", "century", "centuries", "millennium", "isoyear", "yearweek", "era",
}  # fmt: skip
_HOUR_PARTS = {"hour", "hours", "hr", "h"}
_RISING_PARTS = {
    "year", "years", "yr", "y", "decade", "decades", "century", "centuries", "millennium", "isoyear",
    "yearweek",
}  # fmt: skip
_TRUNCATED_TO_DAY = {
    "year", "years", "quarter", "quarters", "month", "months", "week", "weeks", "day", "days", "decade",
    "century", "millennium",
}  # fmt: skip
_FORMAT = re.compile(r"%(-?[A-Za-z%])")
_DAY_FORMATS = {
    "Y", "y", "m", "-m", "d", "-d", "b", "B", "a", "A", "w", "u", "j", "-j", "U", "W", "V", "G", "%",
}  # fmt: skip
_HOUR_FORMATS = {"H", "-H", "I", "-I", "p"}
_RISING_FORMAT = re.compile(r"%Y([^%]*%m([^%]*%d([^%]*%H[^%]*)?)?)?[^%]*|%Y[^%]*%j[^%]*|%G[^%]*%V[^%]*")


def called(
    name: str, given: Sequence[Scalar], kind: str, level: Level, *, rises: int = 0, days: bool | None = None
) -> Scalar:
    varying = [a for a in given if not a.constant]
    return Scalar(
        f"{name}({', '.join(a.text for a in given)})",
        f"system.main.{name}({', '.join(a.checked for a in given)})",
        kind,
        level if varying else Level.EVER,
        smooth=max((a.smooth for a in varying), default=Level.DAY),
        rises=rises if varying else 0,
        shifted=any(a.shifted for a in given),
        clock=max(a.clock for a in given),
        zones=frozenset().union(*(a.zones for a in given)),
        days=days,
    )


def stepped(name: str, given: Sequence[Scalar], of: Scalar, kind: str, level: Level, *, rises: int = 0) -> Scalar:
    """A function of a time that is constant within `level`."""
    if of.kind not in {"timestamptz", "timestamp", "date"}:
        raise NotUnderstood(f"{name} of a {of.kind}")
    found = called(name, given, kind, level, rises=rises * of.rises)
    return _coarser(found, of, level)


def _coarser(found: Scalar, of: Scalar, level: Level) -> Scalar:
    """`found`, a function of `of` that changes with the local day or hour only."""
    if of.constant:
        settled = of.clock is Clock.INSTANT and level <= Level.DAY and of.days is not False
        return replace(found, clock=Clock.DAY if settled else of.clock)
    if of.level <= Level.DAY:
        return replace(found, level=of.level)
    # An interval can move a time past a change of the clock: only quarters of an hour stay whole then.
    return replace(found, level=max(level, of.smooth), smooth=of.smooth)


def part_of(part: str, given: Sequence[Scalar], of: Scalar, name: str) -> Scalar:
    part = part.lower()
    if part not in _DAY_PARTS | _HOUR_PARTS:
        raise NotUnderstood(f"the part {part}")
    level = Level.DAY if part in _DAY_PARTS else Level.QUARTER
    return stepped(name, given, of, "number", level, rises=int(part in _RISING_PARTS))


def truncated(name: str, given: Sequence[Scalar]) -> Scalar:
    part = (given[0].value or "").lower()
    if part not in _TRUNCATED_TO_DAY | _HOUR_PARTS:
        raise NotUnderstood(f"the part {part}")
    level = Level.DAY if part in _TRUNCATED_TO_DAY else Level.QUARTER
    kind = "timestamp" if given[1].kind == "date" else given[1].kind
    return stepped(name, given, given[1], kind, level, rises=1)


def formatted(given: Sequence[Scalar]) -> Scalar:
    pattern = given[1].value
    if pattern is None or given[1].kind != "string":
        raise NotUnderstood("a format that is no literal")
    parts = set(_FORMAT.findall(pattern))
    if "%" in _FORMAT.sub("", pattern) or not parts <= _DAY_FORMATS | _HOUR_FORMATS:
        raise NotUnderstood("a format with other parts")
    level = Level.QUARTER if parts & _HOUR_FORMATS else Level.DAY
    rises = int(_RISING_FORMAT.fullmatch(pattern) is not None)
    return stepped("strftime", given, given[0], "text", level, rises=rises)


def difference(name: str, given: Sequence[Scalar]) -> Scalar:
    part, start, end = given
    if (part.value or "").lower() not in _TRUNCATED_TO_DAY or start.constant == end.constant:
        raise NotUnderstood("a difference of other parts")
    of, other = (end, start) if start.constant else (start, end)
    if other.kind not in {"timestamptz", "timestamp", "date", "string"} or of.shifted:
        raise NotUnderstood("a difference to no time")
    found = stepped(name, given, of, "number", Level.DAY, rises=1 if start.constant else -1)
    return replace(found, clock=Clock.DAY if other.clock and other.days is not False else other.clock)


def converted(inner: Scalar, target: tuple[str, str], form: str) -> Scalar:
    written, kind = target
    found = replace(
        inner,
        text=form.format(inner.text, written),
        checked=form.format(inner.checked, written),
        kind=kind,
        value=None,
        days=inner.days if kind.startswith("timestamp") else None,
    )
    if inner.constant:
        settled = inner.clock is Clock.INSTANT and kind == "date" and inner.days is not False
        return replace(found, clock=Clock.DAY) if settled else found
    if kind == "date" and inner.kind in {"timestamptz", "timestamp"}:
        return _coarser(found, inner, Level.DAY)
    return _instant_as(found, inner) if inner.level is Level.INSTANT else _step_as(found, inner)


def _instant_as(found: Scalar, inner: Scalar) -> Scalar:
    if found.kind == inner.kind or (inner.kind == "timestamptz" and found.kind == "timestamp"):
        return found
    if found.kind == "time" and inner.kind in {"timestamptz", "timestamp"} and not inner.shifted:
        return replace(found, rises=0)
    raise NotUnderstood(f"an instant as {found.kind}")


def _step_as(found: Scalar, inner: Scalar) -> Scalar:
    if inner.kind == "timestamp" and found.kind == "timestamptz":
        raise NotUnderstood("a local time as an instant")
    kinds = (inner.kind, found.kind)
    keeps_order = inner.kind == found.kind or kinds in {("date", "text"), ("date", "timestamp")}
    return replace(found, rises=inner.rises if keeps_order else 0)


def in_zone(of: Scalar, zone: Scalar, form: str, full: str) -> Scalar:
    if zone.value is None or zone.kind != "string":
        raise NotUnderstood("a time zone that is no literal")
    if of.kind != "timestamptz" or of.clock or of.level is not Level.INSTANT or of.shifted:
        raise NotUnderstood("another use of AT TIME ZONE")
    return replace(
        of,
        text=form.format(of.text, zone.text),
        checked=full.format(of.checked, zone.checked),
        kind="timestamp",
        zones=of.zones | {zone.value},
    )


def summed(left: Scalar, operator: str, right: Scalar) -> Scalar:
    if right.kind == "interval" and operator in {"+", "-"} and left.kind in {"timestamptz", "timestamp", "date"}:
        return _moved(left, right, operator)
    found = combined([left, right], f" {operator} ", "number")
    sign = -1 if operator == "-" else 1
    if operator == "||" or {left.kind, right.kind} - {"date", "number"} or not (left.constant or right.constant):
        return replace(found, kind="text" if operator == "||" else _sum_kind(left, right, operator))
    rises = left.rises if right.constant else sign * right.rises
    return replace(found, kind=_sum_kind(left, right, operator), rises=rises)


def _sum_kind(left: Scalar, right: Scalar, operator: str) -> str:
    kinds = {left.kind, right.kind}
    if kinds <= {"number", "string"} or (left.kind == right.kind == "date" and operator == "-"):
        return "number"
    if kinds <= {"date", "number"}:
        return "date"
    raise NotUnderstood("a sum of other things")


def _moved(time: Scalar, interval: Scalar, operator: str) -> Scalar:
    """A time plus or minus an interval."""
    if not interval.constant or interval.days is None or interval.clock:
        raise NotUnderstood("an interval of unknown length")
    kind = "timestamp" if time.kind == "date" else time.kind
    found = replace(
        time,
        text=f"{time.text} {operator} {interval.text}",
        checked=f"{time.checked} {operator} {interval.checked}",
        kind=kind,
        days=interval.days and time.days is not False,
    )
    if time.constant:
        clock = Clock.INSTANT if time.clock and not interval.days else time.clock
        return replace(found, clock=clock, shifted=time.shifted or time.clock is Clock.INSTANT)
    if time.level is Level.INSTANT:
        return replace(found, shifted=True, smooth=Level.QUARTER)
    if time.kind == "timestamptz":
        raise NotUnderstood("a truncated instant that is moved")
    return found


def combined(given: Sequence[Scalar], between: str, kind: str, name: str = "") -> Scalar:
    """Any sure function of values that are constant in stretches."""
    if any(a.level is Level.INSTANT for a in given) or any(a.kind in {"timestamptz", "time"} for a in given):
        raise NotUnderstood("arithmetic on instants")
    if any(a.clock is Clock.INSTANT for a in given):
        raise NotUnderstood("arithmetic on the time of the query")
    varying = [a for a in given if not a.constant]
    full = f"system.main.{name}" if name and name != "coalesce" else name
    opening, closing = ("(", ")") if name else ("", "")
    return Scalar(
        f"{name}{opening}{between.join(a.text for a in given)}{closing}",
        f"{full}{opening}{between.join(a.checked for a in given)}{closing}",
        kind,
        max((a.level for a in varying), default=Level.EVER),
        smooth=max((a.smooth for a in varying), default=Level.DAY),
        shifted=any(a.shifted for a in given),
        clock=max(a.clock for a in given),
        zones=frozenset().union(*(a.zones for a in given)),
    )
