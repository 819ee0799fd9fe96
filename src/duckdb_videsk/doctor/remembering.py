"""What is kept of an examination: caps and counts where scans plan with them, and the verdicts for the next one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.doctor.caps import applied_cap
from duckdb_videsk.doctor.clocks import shift_of
from duckdb_videsk.doctor.report import FORMAT_VERSION
from duckdb_videsk.fetch.account import Account as Known
from duckdb_videsk.fetch.history import write_json
from duckdb_videsk.ranges import SECOND, Range, micros

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb_videsk.doctor.evidence import Account, Seen, Table
    from duckdb_videsk.doctor.report import Report
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["changes_since", "remember"]

_NAME = "doctor.json"
_LARGEST = 1 << 20
_LASTING = {
    *("token", "refusals", "rate", "access", "cap", "ends", "milliseconds", "filter"),
    *("order", "zone", "keys", "labels", "dates"),
}

_BY_CHANCE = {"ends", "filter"}
"""How exactly these can be told, where all is well, hangs on the record that was asked for."""


def remember(account: Account, report: Report, ledger: Ledger) -> list[str]:
    """Keep what scans can plan with, which costs them requests where it is wrong and never rows.

    Returns:
        the tables whose cap is known now; none where nothing is kept.
    """
    folder = _folder(account.settings)
    if folder is None:
        return []
    known = Known(account.settings, ledger)
    learnt = [table for table in account.tables if _teach(known, table)]
    day = report.at.date().isoformat()
    now = {name: (day, reading) for name, reading in _by_name(report).items()}
    write_json(folder / _NAME, {"version": FORMAT_VERSION, "readings": {**_read(folder / _NAME), **now}})
    return list(dict.fromkeys(table.endpoint.table for table in learnt))


def changes_since(settings: Settings, report: Report) -> list[str]:
    """What was read otherwise the last time that it was looked at, with the day of that."""
    folder = _folder(settings)
    before = {} if folder is None else _read(folder / _NAME)
    return [
        f"{name}: {before[name][1]} ({before[name][0]}) -> {reading}"
        for name, reading in _by_name(report).items()
        if name in before and before[name][1] != reading
    ]


def _teach(known: Known, table: Table) -> bool:
    """Into the history that scans of a table plan with."""
    cap = applied_cap(table)
    if cap is None:
        return False
    history = known.history(table.endpoint, table.id)
    history.expect_cap(cap)
    whole = table.whole
    if whole is not None and whole.first is not None and cap == whole.limit and _is_newest(table, whole):
        times = pa.array([time for time in whole.times if time is not None], pa.int64())
        span = whole.request.span
        # The first second of a cut answer may be there in part.
        start = whole.first // SECOND * SECOND + SECOND if whole.full else span.start
        history.note(Range(start, span.end), times, now=micros(datetime.now(UTC)))
    history.save()
    return True


def _is_newest(table: Table, whole: Seen) -> bool:
    """Whether an answer ends where the table does, and its times can be trusted."""
    return table.found is not None and table.found.last == whole.last and not shift_of(table)


def _folder(settings: Settings) -> Path | None:
    return None if settings.cache_dir is None else settings.cache_dir / "history" / settings.account


def _by_name(report: Report) -> dict[str, str]:
    """Each reading that says something of the server, by table and check."""
    return {
        " ".join(part for part in (v.table, v.id, v.check) if part): (
            "as it should be" if v.check in _BY_CHANCE and v.level == "ok" else v.reading
        )
        for v in report.verdicts
        if v.check in _LASTING and v.level != "unknown"
    }


def _read(file: Path) -> dict[str, tuple[str, str]]:
    """Day and reading by name; nothing where the file is not there, or not as it was written."""
    try:
        if file.stat().st_size > _LARGEST:
            return {}
        content = json.loads(file.read_text("utf-8"))
        pairs = {str(name): (str(day), str(reading)) for name, (day, reading) in content["readings"].items()}
        return pairs if content["version"] == FORMAT_VERSION else {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
