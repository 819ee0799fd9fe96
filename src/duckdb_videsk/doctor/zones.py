"""Whether `timezone` decides how times are printed, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from duckdb_videsk.doctor.caps import applied_cap
from duckdb_videsk.doctor.clocks import id_shift, range_shift, shift_of
from duckdb_videsk.doctor.verdicts import Verdict
from duckdb_videsk.ranges import SECOND

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Seen, Table

__all__ = ["OTHER_OFFSET", "judge_zone"]

OTHER_OFFSET = (5 * 60 + 45) * 60 * SECOND
"""How far Asia/Kathmandu, the other zone, is ahead of UTC."""

_ALWAYS_UTC = "Every request asks for UTC."
_OF_THAT_SEASON = (
    "Every request asks for UTC. Were it a zone with summer time, times of that would be an hour off: scans that see "
    "it raise ClockError."
)


def judge_zone(table: Table) -> Verdict | None:
    """Whether UTC was printed where it was asked for, and another zone where that was."""
    if table.found is None:
        return None
    clock = _clock(table, table.found)
    if shift := shift_of(table):
        return Verdict(
            "zone",
            "problem",
            f"times are {shift / 3_600 / SECOND:+.2f} hours off, although UTC was asked for",
            f"{table.found.rows:,} records against {clock or 'the clock in the ids of other tables'}",
            "Scans that see it raise ClockError, so that no wrong time is given. Please report it to the vendor.",
            report=True,
        )
    if table.turned is None or not table.found.times_by_name():
        return Verdict("zone", "unknown", "not known", table.why_not("turned"))
    return _compared(table, table.found, table.turned, clock)


def _clock(table: Table, found: Seen) -> str:
    """What the times of UTC were held against; empty where there is nothing."""
    if id_shift(found) is not None:
        return "the clock in the ids"
    return "the range that was asked" if table.around or range_shift(found) else ""


def _compared(table: Table, found: Seen, turned: Seen, clock: str) -> Verdict:
    before, after = found.times_by_name(), turned.times_by_name()
    moved = Counter(after[name] - time for name, time in before.items() if name in after)
    # A record of the very second of the start may come or not.
    expected = {name for name, time in before.items() if table.window and table.window.start < time}
    missing = sum(name not in after for name in expected)
    if missing and turned.rows >= (applied_cap(table) or turned.limit):
        return Verdict("zone", "unknown", "not known", "the answer in the other zone was cut")
    if not moved and not expected:
        return Verdict("zone", "unknown", "not known", "no record lies clearly within the range that was asked twice")
    if not moved or missing:
        return Verdict(
            "zone",
            "differs",
            "another zone gives other records: start and end are read in it",
            f"{missing:,} of {len(expected):,} records are missing in Asia/Kathmandu",
            _ALWAYS_UTC,
            report=True,
        )
    return _moved(moved, clock)


def _moved(moved: Counter[int], clock: str) -> Verdict:
    """By how far the same records' times differ in the other zone."""
    offset, count = moved.most_common(1)[0]
    evidence = f"{count:,} of {sum(moved.values()):,} records moved by {offset / 3_600 / SECOND:.2f} hours"
    if not clock:
        return Verdict("zone", "unknown", "whether the times are UTC is not known", evidence)
    if offset == OTHER_OFFSET and len(moved) == 1:
        return Verdict("zone", "ok", "honoured", f"{evidence} in Asia/Kathmandu; UTC fits {clock}")
    if offset == 0 and len(moved) == 1:
        return Verdict(
            "zone", "differs", "ignored: all times seen are UTC", f"{evidence}; UTC fits {clock}", _OF_THAT_SEASON
        )
    return Verdict("zone", "differs", "moves times by another number of hours", evidence, _ALWAYS_UTC, report=True)
