"""How a request's `start` and `end` are read, and whether a second of slack is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.doctor.verdicts import Verdict

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Table

__all__ = ["judge_ends", "judge_milliseconds"]

_EXACT = "asked with the exact second of one record, and a second of slack is enough"
_COPES = "Every request asks a second more at both ends, and rows are trimmed to the range."


def judge_ends(table: Table) -> Verdict | None:
    """Whether a record comes where its own second is the start, or the end."""
    if table.found is None:
        return None
    if table.around is False:
        return _beyond_the_slack(table)
    if table.at_start is None or table.at_end is None:
        why = table.why_not("ends") if table.anchor is None or "ends" in table.skipped else "the answers were cut"
        return Verdict("ends", "unknown", "not known", why)
    if not table.at_start:
        end = "in" if table.at_end else "out"
        reading = f"a record of the very second of the start is left out; of the end: {end}"
        return Verdict("ends", "differs", reading, _EXACT, _COPES)
    # Where one of the end is left out, the end may be counted in all the same: milliseconds are not printed.
    end = "and of the end come" if table.at_end else "comes, one of the end does not"
    return Verdict("ends", "ok", f"a record of the very second of the start {end}", _EXACT)


def _beyond_the_slack(table: Table) -> Verdict:
    if table.elsewhere is not None:
        return Verdict("ends", "unknown", "not known", "the range is one of another time")
    return Verdict(
        "ends",
        "problem",
        "a record does not come within a second of its time",
        "asked from a second before it until a second after",
        "Scans by this time would lose records: do not rely on them. Please report it to the vendor.",
        report=True,
    )


def judge_milliseconds(table: Table) -> Verdict | None:
    """Whether the ends are counted in, to the millisecond."""
    if table.milliseconds is None:
        return None
    start, end = table.milliseconds
    evidence = f"one record comes with start at most {start} ms and end at least {end} ms after its second"
    if table.reads_seconds:
        return Verdict(
            "milliseconds",
            "differs",
            "start and end are read in whole seconds",
            f"{evidence}; another one too",
            "A second with more records than the cap cannot be read: such a scan raises CrowdedInstantError.",
        )
    if start == 999 and end == 1_000:
        return Verdict("milliseconds", "unknown", "one record alone cannot tell", evidence)
    if end == start:
        return Verdict("milliseconds", "ok", "start and end are both counted in", evidence)
    if end - start == 2:
        return Verdict("milliseconds", "differs", "neither start nor end is counted in", evidence, _COPES)
    if table.at_end or table.at_start is False:
        reading = "the end is counted in, the start is not"
    else:
        reading = "one of start and end is counted in, the other is not; which one, cannot be told"
    return Verdict("milliseconds", "differs", reading, evidence, _COPES)
