"""Which time of a record `start` and `end` are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.doctor.clocks import is_month_first, shift_of
from duckdb_videsk.doctor.verdicts import Verdict
from duckdb_videsk.ranges import SECOND

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Seen, Table

__all__ = ["judge_filter"]

_RAISES = "A scan that meets a record outside its range raises OutOfRangeError; others may lack records. "
_ADVICE = f"{_RAISES}Ask for this table without a condition on its time, and please report it to the vendor."


def judge_filter(table: Table) -> Verdict | None:
    """Whether an export filters on its range column."""
    if table.found is None:
        return None
    if table.elsewhere is None and shift_of(table):
        return Verdict("filter", "unknown", "not known", "the times are shifted")
    if is_month_first(table):
        return Verdict("filter", "unknown", "not known", "the times have the month before the day")
    return _fault(table) or _confirmed(table)


def _fault(table: Table) -> Verdict | None:
    column, answers = table.endpoint.range_column, [*table.answers, *table.near]
    strays = sum(map(_strays, answers))
    if table.elsewhere is not None:
        other = "the creation time in the id" if table.elsewhere == "id" else table.elsewhere
        reading, evidence = f"on {other}, not on {column}", f"a record comes around its {other} only"
    elif strays:
        reading = f"gives records outside the range of {column}"
        evidence = f"{strays:,} of {sum(seen.rows for seen in answers):,} records"
    elif table.around is False:
        reading = f"on a time that is not {column}, and none that it sends"
        evidence = "a record does not come within a second of any of its times; unless they are shifted"
    else:
        return None
    return Verdict("filter", "problem", reading, evidence, _ADVICE, report=True)


def _confirmed(table: Table) -> Verdict:
    column = table.endpoint.range_column
    if not table.around or table.anchor is None:
        return Verdict("filter", "unknown", "not known", table.why_not("ends"))
    if not table.anchor.others:
        evidence = "the record that was asked for has no other time that differs"
        return Verdict("filter", "ok", f"on {column}, or a time equal to it", evidence)
    names = ", ".join("its id's creation" if name == "id" else name for name in table.anchor.others)
    evidence = f"a record comes by it, while {names} lies outside what was asked"
    return Verdict("filter", "ok", f"on {column}", evidence)


def _strays(seen: Seen) -> int:
    span = seen.request.span
    times = [time for time in seen.times if time is not None]
    return sum(not span.start - SECOND < time <= span.end for time in times)
