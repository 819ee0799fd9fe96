"""What is known of an expression over one time column: where its value is constant, whether it rises with time.

Parses the words of one leaf of a condition by a small grammar of its own. Whatever the grammar does not have raises
`NotUnderstood`. Nothing is evaluated here: the words stay the user's, and DuckDB evaluates them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.words import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb_videsk.rewriting.words import Word

__all__ = ["COLUMN", "Clock", "Cursor", "Level", "Scalar", "scalar"]

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


class Cursor:
    """A place in a leaf's words, and what the names in them mean."""

    def __init__(self, words: Sequence[Word], column: Callable[[tuple[Word, ...]], bool], clock: dict[str, str]) -> None:
        """
        Args:
            column: whether a name, as its words without the dots, is the column.
            clock: what to write for `current_date` and `now`.
        """
        self.words = words
        self.at = 0
        self.columns: list[tuple[int, int]] = []
        self.is_column = column
        self.clock = clock

    def peek(self, ahead: int = 0) -> str:
        return self.words[self.at + ahead].key if self.at + ahead < len(self.words) else ""

    def sort(self, ahead: int = 0) -> Sort | None:
        return self.words[self.at + ahead].sort if self.at + ahead < len(self.words) else None

    def take(self) -> Word:
        if self.at >= len(self.words):
            raise NotUnderstood("an expression without an end")
        self.at += 1
        return self.words[self.at - 1]

    def accept(self, *keys: str) -> bool:
        """Take these words if they come next."""
        if all(self.peek(ahead) == key for ahead, key in enumerate(keys)):
            self.at += len(keys)
            return True
        return False

    def expect(self, key: str) -> None:
        if not self.accept(key):
            raise NotUnderstood(f"no {key!r}")

    def string(self) -> str:
        word = self.take()
        if word.sort is not Sort.STRING:
            raise NotUnderstood("not a string")
        return word.text[1:-1].replace("''", "'")

    def written(self) -> str:
        """All words, in which COLUMN stands for the column."""
        left, at = [], 0
        for start, end in self.columns:
            left += [word.text for word in self.words[at:start]] + [COLUMN]
            at = end
        return " ".join(left + [word.text for word in self.words[at:]])

    @property
    def done(self) -> bool:
        return self.at == len(self.words)


_DAY_PARTS = frozenset(
    "year years yr y quarter quarters qtr month months mon week weeks w weekofyear day days d dayofmonth dayofweek "
    "weekday dow isodow doy dayofyear decade decades century centuries millennium isoyear yearweek era".split()
)
_HOUR_PARTS = frozenset("hour hours hr h".split())
_RISING_PARTS = frozenset("year years yr y decade decades century centuries millennium isoyear yearweek".split())
_TRUNCATED_TO_DAY = frozenset(
    "year years quarter quarters month months week weeks day days decade century millennium".split()
)
_PART_FUNCTIONS = frozenset(
    "year quarter month week weekofyear day dayofmonth dayofweek weekday isodow dayofyear decade century millennium "
    "isoyear yearweek hour".split()
)
_NAME_FUNCTIONS = {"dayname", "monthname"}
_OF_STEPS = {"abs", "floor", "lower", "upper", "left", "right", "substring", "substr", "concat", "lpad", "mod", "coalesce"}
_MAKING = {"make_date", "make_timestamp", "make_timestamptz", "to_years", "to_months", "to_weeks", "to_days", "to_hours"}
_DIFFERENCES = {"date_diff", "datediff"}
_TYPES = {
    "date": "date", "timestamp": "timestamp", "datetime": "timestamp", "timestamptz": "timestamptz", "time": "time",
    "varchar": "text", "text": "text", "string": "text", "int": "number", "integer": "number", "bigint": "number",
    "smallint": "number", "tinyint": "number", "utinyint": "number", "double": "number", "interval": "interval",
}  # fmt: skip
_UNITS_OF_DAYS = frozenset("day days week weeks month months quarter quarters year years".split())
_UNITS = _UNITS_OF_DAYS | {"hour", "hours", "minute", "minutes"}
_PERIOD = re.compile(r"\s*([+-]?\d{1,5})\s*([a-z]+)\s*", re.IGNORECASE)

_FORMAT = re.compile(r"%(-?[A-Za-z%])")
_DAY_FORMATS = frozenset("Y y m -m d -d b B a A w u j -j U W V G %".split())
_HOUR_FORMATS = frozenset("H -H I -I p".split())
_RISING_FORMAT = re.compile(r"%Y([^%]*%m([^%]*%d([^%]*%H[^%]*)?)?)?[^%]*|%Y[^%]*%j[^%]*|%G[^%]*%V[^%]*")


def scalar(cursor: Cursor) -> Scalar:
    """The expression at the cursor, up to what cannot belong to it."""
    found = _product(cursor)
    while cursor.peek() in {"+", "-", "||"}:
        operator = cursor.take().text
        found = _sum(found, operator, _product(cursor))
    return found


def _product(cursor: Cursor) -> Scalar:
    found = _signed(cursor)
    while cursor.peek() in {"*", "/", "//", "%"}:
        operator = cursor.take().text
        found = _combined([found, _signed(cursor)], f" {operator} ", "number")
    return found


def _signed(cursor: Cursor) -> Scalar:
    if cursor.accept("-"):
        inner = _signed(cursor)
        if not inner.constant or inner.kind not in {"number", "interval"}:
            raise NotUnderstood("a negated value")
        return replace(inner, text=f"-{inner.text}", checked=f"-{inner.checked}", value=None)
    return _cast(cursor)


def _cast(cursor: Cursor) -> Scalar:
    found = _primary(cursor)
    while True:
        if cursor.accept("::"):
            found = _converted(found, _type(cursor), "{}::{}")
        elif cursor.accept("at", "time", "zone"):
            found = _in_zone(found, _primary(cursor), "({} AT TIME ZONE {})", "(system.main.timezone({1}, {0}))")
        else:
            return found


def _primary(cursor: Cursor) -> Scalar:  # noqa: C901, PLR0911 - one line a form
    sort, key = cursor.sort(), cursor.peek()
    if sort is Sort.STRING:
        text = cursor.words[cursor.at].text
        return Scalar(text, text, "string", value=cursor.string())
    if sort is Sort.NUMBER:
        text = cursor.take().text
        return Scalar(text, text, "number", value=text)
    if cursor.accept("("):
        inner = scalar(cursor)
        cursor.expect(")")
        return replace(inner, text=f"({inner.text})", checked=f"({inner.checked})")
    if key in {"cast", "try_cast"} and cursor.peek(1) == "(":
        return _cast_call(cursor)
    if key == "extract" and cursor.peek(1) == "(":
        return _extract(cursor)
    if key == "interval":
        return _interval(cursor)
    if key in {"date", "timestamp", "timestamptz", "time"} and cursor.sort(1) is Sort.STRING:
        name, literal = cursor.take().text, cursor.take().text
        return Scalar(f"{name} {literal}", f"{name} {literal}", _TYPES[key])
    if key in {"true", "false", "null"}:
        text = cursor.take().text
        return Scalar(text, text, "bool" if key != "null" else "string")
    return _named(cursor)


def _named(cursor: Cursor) -> Scalar:
    """A column, a function, or a word such as current_date."""
    start = cursor.at
    names = [cursor.take()]
    while cursor.accept("."):
        names.append(cursor.take())
    if any(word.sort not in {Sort.NAME, Sort.QUOTED} for word in names):
        raise NotUnderstood("not a name")
    if cursor.peek() == "(":
        if len(names) > 1 or names[0].sort is not Sort.NAME:
            raise NotUnderstood("a function with a qualified or quoted name")
        return _call(cursor, names[0].key)
    if cursor.is_column(tuple(names)):
        cursor.columns.append((start, cursor.at))
        return Scalar(COLUMN, COLUMN, "timestamptz", Level.INSTANT, rises=1)
    if len(names) == 1 and names[0].key in {"current_date", "current_timestamp"}:
        return _now(cursor, names[0].key)
    raise NotUnderstood("another column")


def _now(cursor: Cursor, name: str) -> Scalar:
    day = name in {"current_date", "today"}
    text = cursor.clock["current_date" if day else "now"]
    checked = {"current_date": "system.main.current_date()", "current_timestamp": "system.main.get_current_timestamp()"}
    full = checked.get(name, f"system.main.{name}()")
    return Scalar(text, full, "date" if day else "timestamptz", clock=Clock.DAY if day else Clock.INSTANT)


def _call(cursor: Cursor, name: str) -> Scalar:  # noqa: C901, PLR0911 - one line a function
    cursor.expect("(")
    if name in {"now", "today", "get_current_timestamp", "transaction_timestamp", "current_date"}:
        cursor.expect(")")
        return _now(cursor, name)
    given = _arguments(cursor)
    if name in _MAKING and all(a.constant for a in given):
        kinds = {"make_date": "date", "make_timestamp": "timestamp", "make_timestamptz": "timestamptz"}
        return _called(name, given, kinds.get(name, "interval"), Level.EVER, days=name != "to_hours" or None)
    if name in _PART_FUNCTIONS and len(given) == 1:
        return _part(name, given, given[0], name)
    if name in {"date_part", "datepart"} and len(given) == 2:
        return _part(given[0].value or "", given, given[1], name)
    if name in _NAME_FUNCTIONS and len(given) == 1:
        return _stepped(name, given, given[0], "text", Level.DAY)
    if name == "last_day" and len(given) == 1:
        return _stepped(name, given, given[0], "date", Level.DAY, rises=1)
    if name in {"date_trunc", "datetrunc"} and len(given) == 2:
        return _truncated(name, given)
    if name == "strftime" and len(given) == 2:
        return _formatted(given)
    if name in _DIFFERENCES and len(given) == 3:
        return _difference(name, given)
    if name in {"epoch", "epoch_ms"} and len(given) == 1 and given[0].kind == "timestamptz" and not given[0].constant:
        return _called(name, given, "number", given[0].level, rises=given[0].rises)
    if name == "timezone" and len(given) == 2:
        return _in_zone(given[1], given[0], "timezone({1}, {0})", "system.main.timezone({1}, {0})")
    if name in _OF_STEPS:
        kind = "number" if name in {"abs", "floor", "mod"} else "text"
        return _combined(given, ", ", kind if name != "coalesce" else given[0].kind, name)
    raise NotUnderstood(f"the function {name}")


def _arguments(cursor: Cursor) -> list[Scalar]:
    given = [scalar(cursor)]
    while cursor.accept(","):
        given.append(scalar(cursor))
    cursor.expect(")")
    return given


def _called(
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


def _stepped(
    name: str, given: Sequence[Scalar], of: Scalar, kind: str, level: Level, *, rises: int = 0
) -> Scalar:
    """A function of a time that is constant within `level`."""
    if of.kind not in {"timestamptz", "timestamp", "date"}:
        raise NotUnderstood(f"{name} of a {of.kind}")
    found = _called(name, given, kind, level, rises=rises * of.rises)
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


def _part(part: str, given: Sequence[Scalar], of: Scalar, name: str) -> Scalar:
    part = part.lower()
    if part not in _DAY_PARTS | _HOUR_PARTS:
        raise NotUnderstood(f"the part {part}")
    level = Level.DAY if part in _DAY_PARTS else Level.QUARTER
    return _stepped(name, given, of, "number", level, rises=int(part in _RISING_PARTS))


def _truncated(name: str, given: Sequence[Scalar]) -> Scalar:
    part = (given[0].value or "").lower()
    if part not in _TRUNCATED_TO_DAY | _HOUR_PARTS:
        raise NotUnderstood(f"the part {part}")
    level = Level.DAY if part in _TRUNCATED_TO_DAY else Level.QUARTER
    kind = "timestamp" if given[1].kind == "date" else given[1].kind
    return _stepped(name, given, given[1], kind, level, rises=1)


def _formatted(given: Sequence[Scalar]) -> Scalar:
    pattern = given[1].value
    if pattern is None or given[1].kind != "string":
        raise NotUnderstood("a format that is no literal")
    parts = set(_FORMAT.findall(pattern))
    if "%" in _FORMAT.sub("", pattern) or not parts <= _DAY_FORMATS | _HOUR_FORMATS:
        raise NotUnderstood("a format with other parts")
    level = Level.QUARTER if parts & _HOUR_FORMATS else Level.DAY
    rises = int(_RISING_FORMAT.fullmatch(pattern) is not None)
    return _stepped("strftime", given, given[0], "text", level, rises=rises)


def _difference(name: str, given: Sequence[Scalar]) -> Scalar:
    part, start, end = given
    if (part.value or "").lower() not in _TRUNCATED_TO_DAY or start.constant == end.constant:
        raise NotUnderstood("a difference of other parts")
    of, other = (end, start) if start.constant else (start, end)
    if other.kind not in {"timestamptz", "timestamp", "date", "string"} or of.shifted:
        raise NotUnderstood("a difference to no time")
    found = _stepped(name, given, of, "number", Level.DAY, rises=1 if start.constant else -1)
    return replace(found, clock=Clock.DAY if other.clock and other.days is not False else other.clock)


def _cast_call(cursor: Cursor) -> Scalar:
    name = cursor.take().text
    cursor.expect("(")
    inner = scalar(cursor)
    cursor.expect("as")
    found = _converted(inner, _type(cursor), name + "({} AS {})")
    cursor.expect(")")
    return found


def _type(cursor: Cursor) -> tuple[str, str]:
    word = cursor.take()
    if word.key == "timestamp" and cursor.accept("with", "time", "zone"):
        return "TIMESTAMP WITH TIME ZONE", "timestamptz"
    if word.key not in _TYPES or cursor.peek() in {"(", "["}:
        raise NotUnderstood(f"the type {word.text}")
    return word.text, _TYPES[word.key]


def _converted(inner: Scalar, target: tuple[str, str], form: str) -> Scalar:
    written, kind = target
    text = {"text": form.format(inner.text, written), "checked": form.format(inner.checked, written)}
    found = replace(inner, **text, kind=kind, value=None, days=inner.days if kind.startswith("timestamp") else None)
    if inner.constant:
        if inner.clock is Clock.INSTANT and kind == "date" and inner.days is not False:
            return replace(found, clock=Clock.DAY)
        return found
    times = {"timestamptz", "timestamp"}
    if kind == "date" and inner.kind in times:
        return replace(_coarser(found, inner, Level.DAY), kind="date")
    if inner.level is Level.INSTANT:
        if inner.kind in times and kind == "timestamp":
            return found
        if inner.kind == kind:
            return found
        if kind == "time" and inner.kind in times and not inner.shifted:
            return replace(found, rises=0)
        raise NotUnderstood(f"a time as {kind}")
    keeps_order = (inner.kind, kind) in {("date", "text"), ("date", "timestamp"), ("number", "number")} or (
        inner.kind == kind
    )
    if inner.kind == "timestamp" and kind == "timestamptz":
        raise NotUnderstood("a local time as an instant")
    return replace(found, rises=inner.rises if keeps_order else 0)


def _in_zone(of: Scalar, zone: Scalar, form: str, full: str) -> Scalar:
    if zone.value is None or zone.kind != "string" or of.kind != "timestamptz" or of.clock or of.level is not Level.INSTANT:
        raise NotUnderstood("another use of AT TIME ZONE")
    if of.shifted:
        raise NotUnderstood("a moved time in another zone")
    text = {"text": form.format(of.text, zone.text), "checked": full.format(of.checked, zone.checked)}
    return replace(of, **text, kind="timestamp", zones=of.zones | {zone.value})


def _extract(cursor: Cursor) -> Scalar:
    cursor.take()
    cursor.expect("(")
    word = cursor.take()
    part = word.key or word.text.strip("'")
    cursor.expect("from")
    of = scalar(cursor)
    cursor.expect(")")
    found = _part(part, [of], of, "extract")
    return replace(
        found, text=f"extract({word.text} FROM {of.text})", checked=f"system.main.date_part('{part}', {of.checked})"
    )


def _interval(cursor: Cursor) -> Scalar:
    cursor.take()
    start = cursor.at
    if cursor.accept("("):
        cursor.accept("-")
        count = cursor.take()
        cursor.expect(")")
    else:
        cursor.accept("-")
        count = cursor.take()
    if count.sort is Sort.STRING and cursor.peek() not in _UNITS:
        match = _PERIOD.fullmatch(count.text[1:-1])
        number, unit = (match[1], match[2].lower()) if match and start + 1 == cursor.at else ("", "")
    else:
        number, unit = count.text.strip("'"), cursor.take().key
    if unit not in _UNITS or not re.fullmatch(r"[+-]?\d{1,5}", number):
        raise NotUnderstood("another interval")
    if unit in {"minute", "minutes"} and int(number) % 15:
        raise NotUnderstood("an interval that divides quarters of an hour")
    text = "INTERVAL " + " ".join(word.text for word in cursor.words[start : cursor.at])
    return Scalar(text, text, "interval", days=unit in _UNITS_OF_DAYS)


def _sum(left: Scalar, operator: str, right: Scalar) -> Scalar:
    text = {"text": f"{left.text} {operator} {right.text}", "checked": f"{left.checked} {operator} {right.checked}"}
    if right.kind == "interval" and operator in {"+", "-"} and left.kind in {"timestamptz", "timestamp", "date"}:
        return _moved(left, right, text)
    found = _combined([left, right], f" {operator} ", "number")
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


def _moved(time: Scalar, interval: Scalar, text: dict[str, str]) -> Scalar:
    """A time plus or minus an interval."""
    if not interval.constant or interval.days is None or interval.clock:
        raise NotUnderstood("an interval of unknown length")
    kind = "timestamp" if time.kind == "date" else time.kind
    found = replace(time, **text, kind=kind, days=interval.days and time.days is not False)
    if time.constant:
        clock = Clock.INSTANT if time.clock and not interval.days else time.clock
        return replace(found, clock=clock, shifted=time.shifted or time.clock is Clock.INSTANT)
    if time.level is Level.INSTANT:
        return replace(found, shifted=True, smooth=Level.QUARTER)
    if time.kind == "timestamptz":
        raise NotUnderstood("a truncated instant that is moved")
    return found


def _combined(given: Sequence[Scalar], between: str, kind: str, name: str = "") -> Scalar:
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
