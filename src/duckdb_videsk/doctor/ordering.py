"""Whether `$sort` is honoured, and what becomes of records of one second."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from duckdb_videsk.doctor.clocks import id_shift, shift_of
from duckdb_videsk.doctor.verdicts import Verdict
from duckdb_videsk.ranges import SECOND

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Name, Seen, Table

__all__ = ["judge_order", "judge_ties"]

# So many come in the same order by chance once in some hundred times.
_ENOUGH_TIES = 8
_HOUR = 3_600 * SECOND


def judge_order(table: Table) -> Verdict | None:
    """Whether 1 gives the oldest first and -1 the newest."""
    if table.found is None:
        return None
    down = _is_sorted(table.found, newest_first=True)
    up = None if table.turned is None else _is_sorted(table.turned, newest_first=False)
    counts = f"{table.found.rows:,} records newest first"
    if table.turned is not None:
        counts += f", {table.turned.rows:,} oldest first"
    if down is None or up is None:
        return Verdict("order", "unknown", "not known", f"{table.why_not('turned')}; {counts}")
    if down and up:
        return Verdict("order", "ok", "$sort 1 and -1 are honoured", counts)
    if not _fits_utc(table) and _is_an_hour_twice(table):
        why = f"the times may be local ones, of an hour that came twice as summer time ended; {counts}"
        return Verdict("order", "unknown", "not known", why)
    wrong = " and ".join(sort for sort, right in (("-1", down), ("1", up)) if not right)
    return Verdict(
        "order",
        "problem",
        f"$sort {wrong} is not honoured",
        counts,
        "Where an answer is cut, a scan raises OrderError: read ranges that fit one answer. Please report it to the "
        "vendor.",
        report=True,
    )


def _is_sorted(seen: Seen, *, newest_first: bool) -> bool | None:
    if len({time for time in seen.times if time is not None}) < 2:
        return None
    return not _steps_back(seen, newest_first=newest_first)


def _steps_back(seen: Seen, *, newest_first: bool) -> list[int]:
    """How far times go back that should go on, in microseconds."""
    times = [time for time in seen.times if time is not None]
    pairs = pairwise(reversed(times) if newest_first else times)
    return [earlier - later for earlier, later in pairs if earlier > later]


def _is_an_hour_twice(table: Table) -> bool:
    """Whether each order goes back no more than once, by an hour at the most, as clocks do when summer time ends."""
    down = [] if table.found is None else _steps_back(table.found, newest_first=True)
    up = [] if table.turned is None else _steps_back(table.turned, newest_first=False)
    return all(len(steps) <= 1 and sum(steps) <= _HOUR for steps in (down, up))


def _fits_utc(table: Table) -> bool:
    """Whether something says that times are UTC."""
    return not shift_of(table) and (bool(table.around) or (table.found is not None and id_shift(table.found) == 0))


def judge_ties(table: Table) -> Verdict | None:
    """Whether records of one second come in the same order each time."""
    if table.found is None:
        return None
    if table.plain is None or table.turned is None:
        return Verdict("ties", "unknown", "not known", table.why_not("plain"))
    first, again, back = (_by_second(seen) for seen in (table.found, table.plain, table.turned))
    # The other zone moves every second by the same, so only the names tell which is which.
    turned = {frozenset(names): names for names in back.values()}
    ties = [second for second, names in first.items() if len(names) > 1 and len(again.get(second, ())) == len(names)]
    if not ties:
        return Verdict("ties", "unknown", "no two records of one second", f"{table.found.rows:,} records")
    same = all(first[second] == again[second] for second in ties)
    mirrored = all(first[s] == turned.get(frozenset(first[s]), [])[::-1] for s in ties)
    return _judged_ties(len(ties), same=same, mirrored=mirrored)


def _judged_ties(seconds: int, *, same: bool, mirrored: bool) -> Verdict:
    evidence = f"{seconds:,} seconds with several records, asked three times"
    if not same:
        follows = "The last second of a cut answer is always asked for again."
        return Verdict("ties", "differs", "another order each time", evidence, follows)
    if seconds < _ENOUGH_TIES:
        return Verdict("ties", "unknown", "too few records of one second to tell", evidence)
    turned = "and" if mirrored else "but not"
    return Verdict("ties", "ok", f"the same order each time, {turned} turned round by $sort", evidence)


def _by_second(seen: Seen) -> dict[int, list[Name]]:
    found = defaultdict(list)
    for name, time in zip(seen.names, seen.times, strict=True):
        if name is not None and time is not None:
            found[time].append(name)
    return found
