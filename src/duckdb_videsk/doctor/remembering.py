"""What is kept of an examination: caps and counts where scans plan with them, and the verdicts for the next one."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.doctor.caps import applied_cap
from duckdb_videsk.doctor.report import FORMAT_VERSION
from duckdb_videsk.fetch.account import Account as Known
from duckdb_videsk.ranges import SECOND, Range, micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb_videsk.doctor.evidence import Account, Table
    from duckdb_videsk.doctor.report import Report
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Changes", "changes_since", "remember"]

Changes = tuple[str, list[str]]
"""The day of the examination before, and what was read otherwise then."""

_NAME = "doctor.json"
_LARGEST = 1 << 20
_LASTING = {
    *("token", "refusals", "rate", "access", "cap", "ends", "milliseconds", "filter"),
    *("order", "zone", "keys", "labels", "dates"),
}


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
    _write(folder / _NAME, _readings(report))
    return list(dict.fromkeys(table.endpoint.table for table in learnt))


def changes_since(settings: Settings, report: Report) -> Changes | None:
    """What the examination kept last read otherwise; None where there was none."""
    folder = _folder(settings)
    before = None if folder is None else _read(folder / _NAME)
    if before is None:
        return None
    day, readings = before
    now = _by_name(report)
    return day, [
        f"{name}: {readings[name]} -> {reading}"
        for name, reading in now.items()
        if name in readings and readings[name] != reading
    ]


def _teach(known: Known, table: Table) -> bool:
    """Into the history that scans of a table plan with."""
    cap = applied_cap(table)
    if cap is None:
        return False
    history = known.history(table.endpoint, table.id)
    history.expect_cap(cap)
    whole = table.whole
    if whole is not None and whole.first is not None and cap == whole.limit:
        times = pa.array([time for time in whole.times if time is not None], pa.int64())
        span = whole.request.span
        # The first second of a cut answer may be there in part.
        start = whole.first // SECOND * SECOND + SECOND if whole.full else span.start
        history.note(Range(start, span.end), times, now=micros(datetime.now(UTC)))
    history.save()
    return True


def _folder(settings: Settings) -> Path | None:
    return None if settings.cache_dir is None else settings.cache_dir / "history" / settings.account


def _by_name(report: Report) -> dict[str, str]:
    """Each reading that says something of the server, by table and check."""
    return {
        " ".join(part for part in (v.table, v.id, v.check) if part): v.reading
        for v in report.verdicts
        if v.check in _LASTING and v.level != "unknown"
    }


def _readings(report: Report) -> dict[str, object]:
    return {"version": FORMAT_VERSION, "day": report.at.date().isoformat(), "readings": _by_name(report)}


def _read(file: Path) -> tuple[str, Mapping[str, str]] | None:
    try:
        if file.stat().st_size > _LARGEST:
            return None
        content = json.loads(file.read_text("utf-8"))
        day, readings = content["day"], content["readings"]
        sane = content["version"] == FORMAT_VERSION and isinstance(day, str) and isinstance(readings, dict)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return (day, {str(name): str(reading) for name, reading in readings.items()}) if sane else None


def _write(file: Path, content: Mapping[str, object]) -> None:
    """Private to the user, whole or not at all; a failure is no matter."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".doctor-")
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as target:
                json.dump(content, target, ensure_ascii=False)
            unfinished.replace(file)
        finally:
            unfinished.unlink(missing_ok=True)
