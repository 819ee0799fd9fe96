"""The cap that answers announce, and whether they are cut there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.doctor.verdicts import Verdict

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Table

__all__ = ["applied_cap", "judge_cap"]

_ROUND = 1_000


def judge_cap(table: Table) -> Verdict | None:
    """Whether `$limit` is the cap that is applied."""
    if table.found is None:
        return None
    announced = sorted({seen.limit for seen in table.answers})
    said = " and ".join(f"{limit:,}" for limit in announced)
    most = max(table.answers, key=lambda seen: seen.rows)
    if most.rows > most.limit:
        return Verdict(
            "cap",
            "differs",
            "more records than announced",
            f"{most.rows:,} records, announced {most.limit:,}",
            "Such answers are taken as cut, and read on.",
            report=True,
        )
    if (silent := _silent_cut(table)) is not None:
        return _cut_in_silence(silent, table.found.limit)
    if len(announced) > 1:
        return Verdict(
            "cap",
            "differs",
            f"changes from answer to answer: {said}",
            f"{len(table.answers)} answers",
            "The cap is read from each answer.",
            report=True,
        )
    if table.whole is not None and table.whole.full:
        return Verdict("cap", "ok", f"{said}, and cut there", f"an answer of {table.whole.rows:,} records")
    why = f"the largest answer had {most.rows:,} records"
    if table.whole is None:
        why = f"{why}; {table.why_not('cap')}"
    return Verdict("cap", "unknown", f"announces {said}; no answer came that far", why)


def _cut_in_silence(rows: int, limit: int) -> Verdict:
    evidence = f"an answer of {rows:,} records under a cap of {limit:,}, and older ones are there"
    if rows % _ROUND == 0:
        follows = f"An answer of a round number of records is taken as cut and read on; {rows:,} is planned with."
        return Verdict("cap", "differs", f"announces {limit:,}, cuts at {rows:,}", evidence, follows, report=True)
    return Verdict(
        "cap",
        "problem",
        f"announces {limit:,}, cuts at {rows:,}",
        evidence,
        "Scans of several answers find it or raise; a single short one cannot. Read shorter ranges until the vendor "
        "has mended it.",
        report=True,
    )


def _silent_cut(table: Table) -> int | None:
    """At how many records an answer was cut without saying so."""
    whole, found = table.whole, table.found
    if whole is None or found is None or whole.full or not whole.rows or whole.first is None:
        return None
    oldest = whole.first
    lacks_newest = whole is not found and set(found.times_by_name()) - set(whole.names)
    older = table.behind is not None and any(time is not None and time < oldest for time in table.behind.times)
    return whole.rows if older or lacks_newest else None


def applied_cap(table: Table) -> int | None:
    """What a scan had best plan with; None where nothing was seen."""
    if table.found is None:
        return None
    return min(_silent_cut(table) or table.found.limit, table.found.limit)
