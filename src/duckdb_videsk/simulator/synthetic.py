"""The synthetic account: a contact centre that comes out the same for the same seed, made piece by piece as asked.

Days are local days of the account. A piece is some neighbouring days of one export, printed in one way; pieces are
kept up to a bound on bytes. What happens on a day is told by `contact_centre`.
"""

from __future__ import annotations

import random
import threading
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import pyarrow as pa

from .blocks import Block, Scope, Span, Window
from .contact_centre import APPOINTMENTS, CONTACTS, RANDOMS, Day, Sheet
from .expressions import printed, timed
from .happenings import HAPPENINGS
from .hours import times_of_day
from .questionnaires import FORMS, SURVEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .catalogue import Column, Endpoint

__all__ = ["SyntheticAccount"]

_AHEAD_DAYS = 60
_PIECE_ROWS = 32_000
_WEEK = (1.35, 1.22, 1.15, 1.12, 1.18, 0.65, 0.33)
_HOLIDAYS = {(1, 1), (5, 1), (5, 21), (9, 18), (9, 19), (10, 12), (12, 8), (12, 25)}
# How far another time of a row may lie from the one its day is known by.
_STRAYING_DAYS = 45


@dataclass(frozen=True, slots=True)
class _Calendar:
    """The account's days: when each begins (one more than there are, for the end), and what it holds."""

    begins: list[int]
    clocks: list[int]
    days: list[Day]
    weekend: list[bool]

    def days_of(self, window: Window) -> range:
        """The numbers of the days that a window touches."""
        count = len(self.days)
        first = 0 if window.first is None else max(0, bisect_right(self.begins, window.first) - 1)
        last = count - 1 if window.last is None else min(count - 1, bisect_right(self.begins, window.last) - 1)
        return range(first, max(first, last + 1))


class SyntheticAccount:
    """A Chilean video contact centre from `since` to before `until` (default: today), and its appointments for sixty
    days more. `calls_per_day` is the average of the first weeks; it grows by `growth` a year.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        since: date = date(2021, 1, 4),
        until: date | None = None,
        calls_per_day: float = 340,
        growth: float = 0.12,
        timezone: str = "America/Santiago",
        cache_bytes: int = 256 << 20,
    ) -> None:
        self.seed = seed
        self.since = since
        self.until = until or datetime.now(ZoneInfo(timezone)).date()
        if self.until <= since:
            raise ValueError(f"the account ends on {self.until}, before it has begun on {since}")
        self.calls_per_day = calls_per_day
        self.growth = growth
        self.timezone = timezone
        self.form_ids = tuple(self._definition("form", number) for number in range(len(FORMS)))
        self.survey_ids = tuple(self._definition("survey", number) for number in range(len(SURVEYS)))
        self._calendar = self._plan()
        self._totals: dict[tuple[str, str | None], list[int]] = {}
        self._pieces = _Pieces(cache_bytes)
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None

    def parameters(self, name: str) -> Sequence[str]:
        return self.form_ids if name == "form" else self.survey_ids

    def extras(self, endpoint: Endpoint, form: str | None) -> Sequence[Column]:
        del endpoint, form
        return ()

    def questions(self, endpoint: Endpoint, form: str | None) -> Sequence[str]:
        return self._sheet(endpoint, form).questions

    def timeless(self, scope: Scope) -> Span | None:
        del scope
        return None

    def spans(self, scope: Scope, window: Window, *, newest_first: bool) -> Iterator[Span]:
        days = self._calendar.days_of(window)
        if scope.time_key != scope.endpoint.range_key:
            yield self._wide(scope, days).within(window)
            return
        size = self._piece_days(scope)
        first, last = days.start // size, -(-days.stop // size)
        pieces = range(first, last) if days else range(0)
        for piece in reversed(pieces) if newest_first else pieces:
            yield self._piece(scope, piece).within(window)

    def count(self, scope: Scope, window: Window) -> int:
        days = self._calendar.days_of(window)
        if scope.time_key != scope.endpoint.range_key:
            return len(self._wide(scope, days).within(window))
        begins = self._calendar.begins
        whole = range(
            days.start + (window.first is not None and bool(days) and window.first > begins[days.start]),
            days.stop - (window.last is not None and bool(days) and window.last < begins[days.stop] - 1),
        )
        totals = self._total(scope)
        edges = (self._times(scope, day).within(window) for day in days if day not in whole)
        return totals[whole.stop] - totals[whole.start] + sum(map(len, edges)) if whole else sum(map(len, edges))

    def records(self, scope: Scope, window: Window) -> list[dict[str, Any]]:
        times = set(scope.endpoint.time_keys)
        found: list[dict[str, Any]] = []
        for span in self.spans(scope, window, newest_first=False):
            text = bytes(span.block.slice(span.low, span.high))
            found.extend(msgspec.json.decode(b"[" + text[:-1] + b"]"))
        for record in found:
            for key in times & record.keys():
                record[key] = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=record[key])
            if "answers" in record:
                record["answers"] = [(label, value) for label, value in record["answers"]]
        return found

    def _definition(self, kind: str, number: int) -> str:
        seconds = int(datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC).timestamp())
        return f"{seconds:08x}{random.Random(f'{self.seed}:{kind}:{number}').getrandbits(64):016x}"

    def _sheet(self, endpoint: Endpoint, form: str | None) -> Sheet:
        if endpoint.parameter == "form":
            return FORMS[self.form_ids.index(str(form))]
        if endpoint.parameter == "survey":
            return SURVEYS[self.survey_ids.index(str(form))]
        return HAPPENINGS[endpoint.path]

    def _plan(self) -> _Calendar:
        zone = ZoneInfo(self.timezone)
        dates = [self.since + timedelta(days=n) for n in range((self.until - self.since).days + _AHEAD_DAYS + 1)]
        begins = [_milliseconds(datetime(day.year, day.month, day.day, tzinfo=zone)) for day in dates]
        # Clocks change at night: counted from noon, a wall clock's hours come out right on such days too.
        clocks = [
            _milliseconds(datetime(day.year, day.month, day.day, 12, tzinfo=zone)) - 43_200_000 for day in dates
        ]
        days = [self._day(day) for day in dates[:-1]]
        return _Calendar(begins, clocks, days, [day.weekday() > 4 for day in dates])

    def _day(self, day: date) -> Day:
        dice = random.Random(f"{self.seed}:{day.isoformat()}")
        level = self.calls_per_day * (1 + self.growth) ** ((day - self.since).days / 365.25) * _WEEK[day.weekday()]
        if (day.month, day.day) in _HOLIDAYS:
            level *= 0.12
        calls = max(0, round(dice.gauss(level, level**0.5 + 0.05 * level)))
        abandoned = round(calls * dice.uniform(0.12, 0.24))
        appointments = 0 if day.weekday() == 6 else round(level * dice.uniform(0.04, 0.08))
        if day >= self.until:
            return Day(0, 0, appointments, past=False)
        return Day(calls, abandoned, appointments, past=True)

    def _total(self, scope: Scope) -> list[int]:
        """How many rows there are before each day."""
        key = scope.endpoint.path, scope.form
        if key not in self._totals:
            count = self._sheet(scope.endpoint, scope.form).count
            self._totals[key] = list(accumulate(map(count, self._calendar.days), initial=0))
        return self._totals[key]

    def _piece_days(self, scope: Scope) -> int:
        totals = self._total(scope)
        return max(1, min(366, _PIECE_ROWS * len(self._calendar.days) // max(1, totals[-1])))

    def _piece(self, scope: Scope, number: int) -> Block:
        size = self._piece_days(scope)
        days = range(number * size, min((number + 1) * size, len(self._calendar.days)))
        return self._pieces.get((scope, number), lambda: self._make(scope, days))

    def _wide(self, scope: Scope, days: range) -> Block:
        """Rows by a time that their days are not ordered by: one block with a margin."""
        first = max(0, days.start - _STRAYING_DAYS)
        wide = range(first, min(len(self._calendar.days), days.stop + _STRAYING_DAYS))
        return self._pieces.get((scope, (wide.start, wide.stop)), lambda: self._make(scope, wide))

    def _times(self, scope: Scope, day: int) -> Block:
        """One day's times with no text, for counting."""
        key = scope.endpoint.path, scope.form, day
        return self._pieces.get(key, lambda: self._make(scope, range(day, day + 1), bare=True))

    def _make(self, scope: Scope, days: range, *, bare: bool = False) -> Block:
        sheet = self._sheet(scope.endpoint, scope.form)
        rows = timed(scope, sheet.selects) if bare else printed(scope, sheet.selects, sheet.questions)
        sql = f"WITH {CONTACTS}, {APPOINTMENTS}, {rows}"
        sources = {select.source for select in sheet.selects}
        with self._cursor() as cursor:
            cursor.register("f", self._frame(days if "contacts" in sources else range(0), "contacts"))
            cursor.register("g", self._frame(days if sources != {"contacts"} else range(0), "meetings"))
            table = cursor.sql(sql).to_arrow_table()
            cursor.unregister("f")
            cursor.unregister("g")
        return _block(table)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._database is None:
                self._database = duckdb.connect(config={"threads": "1"})
            return self._database.cursor()

    def _frame(self, days: range, stream: str) -> pa.Table:
        """One row for each contact or appointment of some days, with its random numbers."""
        calendar = self._calendar
        plans = [(number, calendar.days[number]) for number in days]
        counts = [day.appointments if stream == "meetings" else day.calls + day.abandoned for _, day in plans]
        numbers = pa.array(range(max(counts, default=0)), pa.int64())
        columns = {
            "d": _repeated([calendar.clocks[number] for number, _ in plans], counts, pa.int64()),
            "n": _repeated([day.calls for _, day in plans], counts, pa.int64()),
            "p": _repeated([day.appointments for _, day in plans], counts, pa.int64()),
            "weekend": _repeated([calendar.weekend[number] for number, _ in plans], counts, pa.bool_()),
            "past": _repeated([day.past for _, day in plans], counts, pa.bool_()),
            "today": _repeated([calendar.begins[-_AHEAD_DAYS - 1] for _ in plans], counts, pa.int64()),
            "i": pa.concat_arrays([pa.array((), pa.int64()), *(numbers.slice(0, count) for count in counts)]),
        }
        dice = [random.Random(f"{self.seed}:{stream}:{self._calendar.begins[number]}") for number, _ in plans]
        for column in range(RANDOMS):
            noise = b"".join(one.randbytes(4 * count) for one, count in zip(dice, counts, strict=True))
            columns[f"r{column}"] = pa.Array.from_buffers(pa.uint32(), sum(counts), [None, pa.py_buffer(noise)])
        columns["clock"] = times_of_day(columns["r0"], columns["weekend"])
        return pa.table(columns)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _repeated(values: Sequence[object], counts: Sequence[int], kind: pa.DataType) -> pa.Array:
    runs = (pa.repeat(pa.scalar(value, kind), count) for value, count in zip(values, counts, strict=True))
    return pa.concat_arrays([pa.array((), kind), *runs])


def _block(table: pa.Table) -> Block:
    if not table.num_rows:
        return Block((), (0,), b"")
    times, texts = (pa.concat_arrays(column.chunks) for column in (table["t"].cast(pa.int64()), table["x"]))
    _, offsets, data = texts.cast(pa.string()).buffers()
    return Block(memoryview(times.buffers()[1]).cast("q"), memoryview(offsets).cast("i"), memoryview(data))


class _Pieces:
    """Blocks already made, the least recently used first, up to a bound on bytes; each is made once at a time."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._blocks: OrderedDict[object, Block] = OrderedDict()
        self._lock = threading.Lock()
        self._makers = [threading.Lock() for _ in range(32)]

    def get(self, key: object, make: Callable[[], Block]) -> Block:
        """The block of that key, made now where it is not held."""
        with self._makers[hash(key) % len(self._makers)]:
            with self._lock:
                block = self._blocks.get(key)
                if block is not None:
                    self._blocks.move_to_end(key)
                    return block
            block = make()
            with self._lock:
                self._blocks[key] = block
                self._held += block.weight
                while self._held > self._most and len(self._blocks) > 1:
                    _, dropped = self._blocks.popitem(last=False)
                    self._held -= dropped.weight
            return block
