"""The grammar of expressions over one time column: words in, a `Scalar` out; what it lacks raises `NotUnderstood`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.scalars import (
    COLUMN,
    Clock,
    Level,
    Scalar,
    called,
    combined,
    converted,
    difference,
    formatted,
    in_zone,
    part_of,
    stepped,
    summed,
    truncated,
)
from duckdb_videsk.rewriting.words import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb_videsk.rewriting.words import Word

__all__ = ["Cursor", "scalar"]

_PART_FUNCTIONS = {
    "year", "quarter", "month", "week", "weekofyear", "day", "dayofmonth", "dayofweek", "weekday", "isodow",
    "dayofyear", "decade", "century", "millennium", "isoyear", "yearweek", "hour",
}  # fmt: skip
_NAME_FUNCTIONS = {"dayname", "monthname"}
_OF_STEPS = {
    "abs", "floor", "lower", "upper", "left", "right", "substring", "substr", "concat", "lpad", "mod",
    "coalesce",
}  # fmt: skip
_MAKING = {
    "make_date", "make_timestamp", "make_timestamptz", "to_years", "to_months", "to_weeks", "to_days",
    "to_hours",
}  # fmt: skip
_DIFFERENCES = {"date_diff", "datediff"}
_TYPES = {
    "date": "date", "timestamp": "timestamp", "datetime": "timestamp", "timestamptz": "timestamptz", "time": "time",
    "varchar": "text", "text": "text", "string": "text", "int": "number", "integer": "number", "bigint": "number",
    "smallint": "number", "tinyint": "number", "utinyint": "number", "double": "number", "interval": "interval",
}  # fmt: skip
_UNITS_OF_DAYS = {
    "day", "days", "week", "weeks", "month", "months", "quarter", "quarters", "year", "years",
}  # fmt: skip
_UNITS = _UNITS_OF_DAYS | {"hour", "hours", "minute", "minutes"}
_PERIOD = re.compile(r"\s*([+-]?\d{1,5})\s*([a-z]+)\s*", re.IGNORECASE)


class Cursor:
    """A place in a leaf's words, and what the names in them mean."""

    def __init__(
        self, words: Sequence[Word], column: Callable[[tuple[Word, ...]], bool], clock: dict[str, str]
    ) -> None:
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


def scalar(cursor: Cursor) -> Scalar:
    """The expression at the cursor, up to what cannot belong to it."""
    found = _product(cursor)
    while cursor.peek() in {"+", "-", "||"}:
        operator = cursor.take().text
        found = summed(found, operator, _product(cursor))
    return found


def _product(cursor: Cursor) -> Scalar:
    found = _signed(cursor)
    while cursor.peek() in {"*", "/", "//", "%"}:
        operator = cursor.take().text
        found = combined([found, _signed(cursor)], f" {operator} ", "number")
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
            found = converted(found, _type(cursor), "{}::{}")
        elif cursor.accept("at", "time", "zone"):
            found = in_zone(found, _primary(cursor), "({} AT TIME ZONE {})", "(system.main.timezone({1}, {0}))")
        else:
            return found


def _primary(cursor: Cursor) -> Scalar:  # noqa: PLR0911 - one line a form
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
    full = f"system.main.{'get_current_timestamp' if name == 'current_timestamp' else name}()"
    return Scalar(text, full, "date" if day else "timestamptz", clock=Clock.DAY if day else Clock.INSTANT)


def _call(cursor: Cursor, name: str) -> Scalar:  # noqa: C901, PLR0911 - one line a function
    cursor.expect("(")
    if name in {"now", "today", "get_current_timestamp", "transaction_timestamp", "current_date"}:
        cursor.expect(")")
        return _now(cursor, name)
    given = _arguments(cursor)
    if name in _MAKING and all(a.constant for a in given):
        kinds = {"make_date": "date", "make_timestamp": "timestamp", "make_timestamptz": "timestamptz"}
        return called(name, given, kinds.get(name, "interval"), Level.EVER, days=name != "to_hours" or None)
    if name in _PART_FUNCTIONS and len(given) == 1:
        return part_of(name, given, given[0], name)
    if name in {"date_part", "datepart"} and len(given) == 2:
        return part_of(given[0].value or "", given, given[1], name)
    if name in _NAME_FUNCTIONS and len(given) == 1:
        return stepped(name, given, given[0], "text", Level.DAY)
    if name == "last_day" and len(given) == 1:
        return stepped(name, given, given[0], "date", Level.DAY, rises=1)
    if name in {"date_trunc", "datetrunc"} and len(given) == 2:
        return truncated(name, given)
    if name == "strftime" and len(given) == 2:
        return formatted(given)
    if name in _DIFFERENCES and len(given) == 3:
        return difference(name, given)
    if name in {"epoch", "epoch_ms"} and len(given) == 1 and given[0].kind == "timestamptz" and not given[0].constant:
        return called(name, given, "number", given[0].level, rises=given[0].rises)
    if name == "timezone" and len(given) == 2:
        return in_zone(given[1], given[0], "timezone({1}, {0})", "system.main.timezone({1}, {0})")
    if name in _OF_STEPS:
        kind = "number" if name in {"abs", "floor", "mod"} else "text"
        return combined(given, ", ", kind if name != "coalesce" else given[0].kind, name)
    raise NotUnderstood(f"the function {name}")


def _arguments(cursor: Cursor) -> list[Scalar]:
    given = [scalar(cursor)]
    while cursor.accept(","):
        given.append(scalar(cursor))
    cursor.expect(")")
    return given


def _cast_call(cursor: Cursor) -> Scalar:
    name = cursor.take().text
    cursor.expect("(")
    inner = scalar(cursor)
    cursor.expect("as")
    found = converted(inner, _type(cursor), name + "({} AS {})")
    cursor.expect(")")
    return found


def _type(cursor: Cursor) -> tuple[str, str]:
    word = cursor.take()
    if word.key == "timestamp" and cursor.accept("with", "time", "zone"):
        return "TIMESTAMP WITH TIME ZONE", "timestamptz"
    if word.key not in _TYPES or cursor.peek() in {"(", "["}:
        raise NotUnderstood(f"the type {word.text}")
    return word.text, _TYPES[word.key]


def _extract(cursor: Cursor) -> Scalar:
    cursor.take()
    cursor.expect("(")
    word = cursor.take()
    part = word.key or word.text.strip("'")
    cursor.expect("from")
    of = scalar(cursor)
    cursor.expect(")")
    found = part_of(part, [of], of, "extract")
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
