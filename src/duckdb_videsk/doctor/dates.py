"""The forms in which times are printed."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from duckdb_videsk.doctor.clocks import is_month_first
from duckdb_videsk.doctor.verdicts import Verdict

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Table

__all__ = ["judge_dates"]

_PLAIN, _DAY_FIRST = "9999-99-99 99:99:99", "99/99/9999, 99:99:99"
_READ = re.compile(r"9999-99-99[ a]99:99:99(?:\.9{1,6})?a?|99/99/9999, 99:99:99")
_SHOWN = {_PLAIN: "YYYY-MM-DD HH:MM:SS", _DAY_FIRST: "DD/MM/YYYY, HH:MM:SS"}


def judge_dates(table: Table) -> Verdict | None:
    """Whether times come in the form that is documented for the export."""
    if table.found is None:
        return None
    shapes: Counter[str] = Counter()
    for seen in table.answers:
        shapes.update(seen.time_shapes)
    if not shapes:
        return Verdict("dates", "unknown", "no times seen", table.why_not("dates"))
    listed = ", ".join(f"{_SHOWN.get(shape, shape)} ({count:,})" for shape, count in shapes.most_common(4))
    if set(shapes) == {_DAY_FIRST} and is_month_first(table):
        listed = f"{listed}; read so they lie outside the range that was asked, with the month first within it"
        return _unknown_form("the month before the day", listed)
    documented = _DAY_FIRST if table.endpoint.path.startswith("ai/") else _PLAIN
    if set(shapes) == {documented}:
        return Verdict("dates", "ok", _SHOWN[documented], listed)
    if all(_READ.fullmatch(shape) for shape in shapes):
        return Verdict("dates", "differs", "another form than documented", listed, "It is read all the same.")
    return _unknown_form("a form that is not known", listed)


def _unknown_form(reading: str, listed: str) -> Verdict:
    return Verdict(
        "dates",
        "problem",
        reading,
        listed,
        "Scans by such a time raise ResponseError, or OutOfRangeError where it is read as another one. Please "
        "report it to the vendor, and to us.",
        report=True,
    )
