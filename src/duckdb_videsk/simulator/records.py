"""Rows given one by one, for tests that need to know each of them: values go out as they came in.

Times alone are printed by the server; everything else is plain JSON of the value that the test wrote.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from .blocks import Block, Printing, Scope, Span, Window
from .catalogue import ENDPOINTS, Column, Endpoint

__all__ = ["Records", "fragment", "instant"]

Row = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Zones reach a day to either side: stay clear of the years that datetime cannot print.
_EARLIEST, _LATEST = -62_135_510_400_000, 253_402_128_000_000
_PATTERNS = {
    "iso": "%Y-%m-%d %H:%M:%S",
    "dmy": "%d/%m/%Y, %H:%M:%S",
    "mdy": "%m/%d/%Y, %H:%M:%S",
    "isoz": "%Y-%m-%dT%H:%M:%SZ",
    "words": "%d %B %Y %H:%M:%S",
}


def instant(value: object) -> int | None:
    """The millisecond that a value means, or None where it means none."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; a simulator's times are instants")
        return (value - _EPOCH) // _MILLISECOND
    if isinstance(value, int) and not isinstance(value, bool) and _EARLIEST <= value <= _LATEST:
        return value
    return None


def _aware(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def _printer(printing: Printing) -> Callable[[int], bytes]:
    zone = ZoneInfo(printing.zone)
    pattern = _PATTERNS.get(printing.style, "")
    if not pattern:
        return lambda milliseconds: str(milliseconds).encode()

    def show(milliseconds: int) -> bytes:
        local = _aware(milliseconds).astimezone(zone)
        # strftime does not pad years before 1000
        return _encode(local.strftime(pattern.replace("%Y", f"{local.year:04d}")))

    return show


def _pairs(row: Row, columns: Sequence[Column]) -> Iterator[tuple[str, str, Any]]:
    for column in columns:
        if column.key in row:
            yield column.key, column.kind, row[column.key]
    known = {column.key for column in columns}
    for key, value in row.items():
        if key not in known:
            yield key, "json", value


def fragment(row: Row, *, endpoint: Endpoint, printing: Printing) -> bytes:
    """One row's JSON object and the comma behind it."""
    return _Writer(endpoint, printing).write(row)


class _Writer:
    """Prints rows of one export in one way."""

    def __init__(self, endpoint: Endpoint, printing: Printing) -> None:
        self._columns = endpoint.columns
        self._questions = endpoint.parameter is not None
        self._labels = dict(printing.labels)
        self._show = _printer(printing)

    def write(self, row: Row) -> bytes:
        parts = [
            self._member(self._labels.get(key, key), kind, value)
            for key, kind, value in _pairs(row, self._columns)
            if not (self._questions and key == "answers")
        ]
        if self._questions:
            parts.extend(self._member(label, "json", value) for label, value in _answers(row))
        return b"{" + b",".join(parts) + b"},"

    def _member(self, label: str, kind: str, value: object) -> bytes:
        if isinstance(value, datetime) or kind == "time":
            milliseconds = instant(value)
            if milliseconds is not None:
                return _encode(label) + b":" + self._show(milliseconds)
        return _encode(label) + b":" + _encode(value)


def _answers(row: Row) -> list[tuple[str, Any]]:
    answers = row.get("answers", ())
    return list(answers.items() if isinstance(answers, Mapping) else answers)


class _Sheet:
    """The rows of one export (of one form), ordered by each time key as it is asked for."""

    def __init__(self, endpoint: Endpoint, rows: Iterable[Row]) -> None:
        self.endpoint = endpoint
        self.rows = list(rows)
        self._ordered: dict[str, tuple[list[int], list[Row], list[Row]]] = {}
        self._blocks: dict[tuple[str, Printing], tuple[Block, Block]] = {}

    def ordered(self, time_key: str) -> tuple[list[int], list[Row], list[Row]]:
        """Times, the rows that have one, and those that have none."""
        if time_key not in self._ordered:
            stamped = [(instant(row.get(time_key)), row) for row in self.rows]
            timed = sorted(((time, row) for time, row in stamped if time is not None), key=lambda pair: pair[0])
            bare = [row for time, row in stamped if time is None]
            self._ordered[time_key] = ([time for time, _ in timed], [row for _, row in timed], bare)
        return self._ordered[time_key]

    def blocks(self, scope: Scope) -> tuple[Block, Block]:
        """The timed rows and the others, printed."""
        wanted = scope.time_key, scope.printing
        if wanted not in self._blocks:
            times, rows, bare = self.ordered(scope.time_key)
            write = _Writer(self.endpoint, scope.printing).write
            self._blocks[wanted] = (
                Block.of(times, [write(row) for row in rows]),
                Block.of([0] * len(bare), [write(row) for row in bare]),
            )
        return self._blocks[wanted]

    def extras(self) -> tuple[Column, ...]:
        known = {column.key: column for column in self.endpoint.columns}
        found = dict.fromkeys(key for row in self.rows for key in row)
        if self.endpoint.parameter is not None:
            found.pop("answers", None)
        columns = (known.get(key, Column(key, "json", always=False)) for key in found)
        return tuple(column for column in columns if not column.always)

    def questions(self) -> tuple[str, ...]:
        if self.endpoint.parameter is None:
            return ()
        return tuple(dict.fromkeys(label for row in self.rows for label, _ in _answers(row)))


class Records:
    """Rows by export path, and by id for forms and surveys.

    A key is an API key, or the fixed label of a column without one; any other key is a column that nobody knows. In
    forms and surveys `answers` holds the questions, as pairs or as a mapping. Times are aware datetimes, or
    milliseconds since 1970.
    """

    def __init__(
        self,
        rows: Mapping[str, Iterable[Row]] | None = None,
        *,
        forms: Mapping[str, Iterable[Row]] | None = None,
        surveys: Mapping[str, Iterable[Row]] | None = None,
    ) -> None:
        self._sheets: dict[tuple[str, str | None], _Sheet] = {}
        self._ids = {"form": tuple(forms or {}), "survey": tuple(surveys or {})}
        self._lock = threading.Lock()
        for path, given in (rows or {}).items():
            self._add(path, None, given)
        for path, sheets in (("forms", forms or {}), ("surveys", surveys or {})):
            for form, given in sheets.items():
                self._add(path, form, given)

    def _add(self, path: str, form: str | None, rows: Iterable[Row]) -> None:
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            raise ValueError(f"no export is called {path!r}; known: {', '.join(ENDPOINTS)}")
        if (endpoint.parameter is None) != (form is None):
            raise ValueError(f"rows of {path!r} are given by {endpoint.parameter} id, in {path}={{...}}")
        self._sheets[path, form] = _Sheet(endpoint, rows)

    def _sheet(self, endpoint: Endpoint, form: str | None) -> _Sheet:
        return self._sheets.get((endpoint.path, form)) or _Sheet(endpoint, ())

    def parameters(self, name: str) -> Sequence[str]:
        return self._ids[name]

    def extras(self, endpoint: Endpoint, form: str | None) -> Sequence[Column]:
        return self._sheet(endpoint, form).extras()

    def questions(self, endpoint: Endpoint, form: str | None) -> Sequence[str]:
        return self._sheet(endpoint, form).questions()

    def spans(self, scope: Scope, window: Window, *, newest_first: bool) -> Iterator[Span]:
        del newest_first
        with self._lock:
            timed, _ = self._sheet(scope.endpoint, scope.form).blocks(scope)
        yield timed.within(window)

    def count(self, scope: Scope, window: Window) -> int:
        return sum(map(len, self.spans(scope, window, newest_first=False)))

    def timeless(self, scope: Scope) -> Span | None:
        with self._lock:
            _, bare = self._sheet(scope.endpoint, scope.form).blocks(scope)
        return Span(bare, 0, len(bare.times)) if bare.times else None

    def records(self, scope: Scope, window: Window) -> list[dict[str, Any]]:
        times, rows, bare = self._sheet(scope.endpoint, scope.form).ordered(scope.time_key)
        span = Block(times, (), b"").within(window)
        wanted = rows[span.low : span.high]
        if window == Window():
            wanted = [*bare, *wanted]
        return list(map(partial(_truth, scope.endpoint), wanted))


def _truth(endpoint: Endpoint, row: Row) -> dict[str, Any]:
    true = dict(row)
    for key in endpoint.time_keys:
        milliseconds = instant(row.get(key))
        if milliseconds is not None:
            true[key] = _aware(milliseconds)
    if endpoint.parameter is not None:
        true["answers"] = _answers(row)
    return true
