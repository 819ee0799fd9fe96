"""How many rows each day held when earlier scans read it, kept between runs so that the next scan plans well at once.

Only counts are kept, never rows. Nothing here is needed for a right answer: what is missing, wrong or unreadable
costs requests, not rows.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from duckdb_videsk.ranges import DAY, EVER, SECOND, Range

__all__ = ["History", "Outlook", "write_json"]

_HOUR = 3_600 * SECOND
_WEEK_HOURS = 168
_MONDAY = 4 * DAY  # the epoch's first Monday
_VERSION = 1
_LONGEST = 40_000
_LARGEST = 4 << 20
_MOST = 1 << 40


class Outlook:
    """Expected rows in any part of the days that a history spans.

    Args:
        first: number of the first day since the epoch.
        counts: rows of each day from there on, None where unknown.
        hours: rows seen in each hour of the week, from Monday 00:00 UTC.
    """

    def __init__(self, first: int, counts: list[int | None], hours: list[int]) -> None:
        known = [count for count in counts if count is not None]
        mean = sum(known) / len(known)
        self.hull = Range(first * DAY, (first + len(counts)) * DAY)
        self._before = [0.0, *accumulate(mean if count is None else float(count) for count in counts)]
        self._shares = [_shares(hours, weekday) for weekday in range(7)]

    def rows(self, span: Range) -> float:
        """Expected rows in the part of `span` that lies in `hull`."""
        span = span.intersect(self.hull)
        return 0.0 if span.empty else self._until(span.end) - self._until(span.start)

    def _until(self, instant: int) -> float:
        day, rest = divmod(instant - self.hull.start, DAY)
        if day >= len(self._before) - 1:
            return self._before[-1]
        hour, minutes = divmod(rest, _HOUR)
        passed = self._shares[(instant - _MONDAY) // DAY % 7]
        share = passed[hour] + (passed[hour + 1] - passed[hour]) * minutes / _HOUR
        return self._before[day] + (self._before[day + 1] - self._before[day]) * share


def _shares(hours: list[int], weekday: int) -> list[float]:
    """The share of a day's rows that has come by each hour, 0 to 24; of all days where this weekday has few."""
    own = hours[weekday * 24 : weekday * 24 + 24]
    if sum(own) < 240:
        own = [sum(hours[hour::24]) for hour in range(24)]
    weights = [count + 0.01 for count in own]
    return [0.0, *(passed / sum(weights) for passed in accumulate(weights))]


class History:
    """What scans of one table (and one form's or survey's id) saw, in memory and, with a file, between runs.

    Attributes:
        cap: records in one answer as last announced; 0 while unknown.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.cap = 0
        self._file = file
        self._days: dict[int, int] = {}
        self._hours = [0] * _WEEK_HOURS
        self._partial: dict[int, tuple[int, int]] = {}
        self._changed = False
        if file is not None:
            self._load(file)

    def note(self, read: Range, times: pa.Int64Array, *, now: int) -> None:
        """Take note that `read` held rows at just these instants (microseconds); days not yet over do not count."""
        edges = pc.min_max(times)
        first, last = edges["min"].as_py(), edges["max"].as_py()
        # Nothing is worth remembering of the time before the first record, or after the last one.
        start = first if read.start <= EVER.start else read.start
        end = last if read.end >= EVER.end else read.end - 1
        if start is None or end is None:
            return
        counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(pc.divide(times, DAY)).to_pylist()}
        for day in range(start // DAY, min(end // DAY + 1, start // DAY + _LONGEST)):
            covered = Range(day * DAY, (day + 1) * DAY).intersect(read).length
            rows, before = self._partial.get(day, (0, 0))
            self._partial[day] = rows + counts.get(day, 0), before + covered
            if before + covered >= DAY and (day + 1) * DAY <= now:
                self._days[day] = self._partial.pop(day)[0]
                self._changed = True
        hours = pc.divide(pc.subtract(times, _MONDAY), _HOUR)
        for entry in pc.value_counts(hours).to_pylist():
            self._hours[entry["values"] % _WEEK_HOURS] += entry["counts"]

    def expect_cap(self, cap: int) -> None:
        """Take note of a cap that was seen apart from scans; the next one plans with it, and believes its answers."""
        self._changed = self._changed or cap != self.cap
        self.cap = cap

    def outlook(self) -> Outlook | None:
        """What to expect, from the days known so far; None while there is no whole day."""
        self._partial.clear()
        if not self._days:
            return None
        first, last = min(self._days), max(self._days)
        if last - first > _LONGEST:
            return None
        return Outlook(first, [self._days.get(day) for day in range(first, last + 1)], self._hours)

    def save(self) -> None:
        """Write the file, private to the user and whole or not at all; a failure is no matter."""
        if self._file is None or not self._changed:
            return
        self._changed = False
        content = {"version": _VERSION, "cap": self.cap, "days": sorted(self._days.items()), "hours": self._hours}
        write_json(self._file, content)

    def _load(self, file: Path) -> None:
        try:
            if not file.is_file() or file.stat().st_size > _LARGEST:
                return
            content = json.loads(file.read_text("utf-8"))
            days = {int(day): int(rows) for day, rows in content["days"]}
            hours = [int(rows) for rows in content["hours"]]
            cap = int(content["cap"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
            return
        numbers = [cap, *days.values(), *hours]
        sane = all(0 <= number < _MOST for number in numbers) and all(abs(day) < _MOST for day in days)
        if content.get("version") == _VERSION and sane and len(hours) == _WEEK_HOURS:
            self._days, self._hours, self.cap = days, hours, cap


def write_json(file: Path, content: object) -> None:
    """Write a file of what is only good to know: private to the user, whole or not at all; a failure is no matter."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-")
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as target:
                json.dump(content, target, ensure_ascii=False, separators=(",", ":"))
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)
