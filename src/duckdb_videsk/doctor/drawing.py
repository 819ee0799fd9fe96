"""A report as text for a terminal: a line that says it all, a row for each table, then what matters, worst first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from duckdb_videsk.doctor.verdicts import Level, worst

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from duckdb_videsk.doctor.report import Report, TableLine
    from duckdb_videsk.doctor.verdicts import Verdict

__all__ = ["drawn_report"]

_COLUMNS = {
    "ends": ("ends", "milliseconds"),
    "filter": ("filter",),
    "order": ("order", "ties"),
    "zone": ("zone",),
    "keys": ("keys", "labels", "columns"),
    "dates": ("dates",),
}
_WORDS: dict[Level | None, str] = {"ok": "ok", "differs": "differs", "problem": "PROBLEM", "unknown": "?", None: ""}
_TITLES: tuple[tuple[Level, str], ...] = (
    ("problem", "Problems"),
    ("differs", "Otherwise than assumed, and coped with"),
    ("unknown", "Not known"),
)
_INDENT = 15
_MANY = 4
_LEAST_WIDTH, _MOST_WIDTH = 60, 110


def drawn_report(report: Report, *, width: int, changes: Sequence[str] = (), remembered: Sequence[str] = ()) -> str:
    """The whole text.

    Args:
        report: what was found.
        width: of the terminal, in characters.
        changes: what differs from examinations before.
        remembered: tables whose cap is kept for the next queries.
    """
    width = max(_LEAST_WIDTH, min(width, _MOST_WIDTH))
    parts = [_summary(report, width), _grid(report)]
    for level, title in _TITLES:
        verdicts = [v for v in report.of_level(level) if not _stands_in_grid(v)]
        parts.append(_section(title, verdicts, width, read=_read(report)))
    parts.append(_section("As assumed", [v for v in report.of_level("ok") if v.table is None], width))
    parts.extend(_closing(report, width, changes, remembered))
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(report: Report, width: int) -> str:
    read = _read(report)
    counts = {level: len(_grouped(report.of_level(level))) for level in ("problem", "differs")}
    took = f"{len(read)} of {_count(len({line.table for line in report.tables}), 'table')} read, "
    took += f"{_count(report.costs.sent, 'request')} in {report.seconds:.1f} s"
    match report.level:
        case "problem":
            said = f"{_count(counts['problem'], 'problem')} at {report.host}"
        case "unknown":
            said = f"{'No record was found' if _is_empty(report) else 'Nothing could be read'} at {report.host}"
        case _:
            said = f"No problem at {report.host}"
    more = ""
    if counts["differs"]:
        more = f" {_count(counts['differs'], 'thing')} otherwise than assumed, and coped with."
    stopped = f" {report.stopped}" if report.stopped else ""
    return textwrap.fill(f"{said}: {took}.{more}{stopped}", width)


def _read(report: Report) -> set[str | None]:
    """The tables that could be read."""
    return {v.table for v in report.verdicts if v.check == "access" and v.level == "ok"}


def _is_empty(report: Report) -> bool:
    """Whether tables answered, of a report of which none had a record."""
    return any(line.cap is not None for line in report.tables)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _stands_in_grid(verdict: Verdict) -> bool:
    """What the table's own line says already."""
    return verdict.check == "access" and verdict.level == "unknown"


def _grid(report: Report) -> str:
    rows = [["table", "newest record (UTC)", "cap", *_COLUMNS]]
    asides: list[str | None] = [None]
    for line in report.tables:
        own = [v for v in report.verdicts if v.table == line.table and v.id == line.id]
        rows.append(_row(line, own))
        asides.append(_aside(own))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(_laid_out(row, widths, aside) for row, aside in zip(rows, asides, strict=True))


def _row(line: TableLine, own: Sequence[Verdict]) -> list[str]:
    levels = {name: worst([v.level for v in own if v.check in checks]) for name, checks in _COLUMNS.items()}
    return [
        line.table if line.id is None else f"{line.table} {line.id}",
        "" if line.latest is None else f"{line.latest:%Y-%m-%d %H:%M}",
        "" if line.cap is None else _cap(line, own),
        *(_WORDS[level] for level in levels.values()),
    ]


def _cap(line: TableLine, own: Sequence[Verdict]) -> str:
    """The announced cap; a mark where the real one was not seen."""
    level = next((v.level for v in own if v.check == "cap"), "unknown")
    return f"{line.cap:,}" + {"ok": "", "unknown": " ?"}.get(level, " !")


def _aside(own: Sequence[Verdict]) -> str | None:
    """What stands instead of the columns, where nothing was read."""
    access = next((v for v in own if v.check == "access"), None)
    if access is None or access.level == "ok":
        return None
    return f"{_WORDS['problem']}: {access.reading}" if access.level == "problem" else _said(access)


def _said(access: Verdict) -> str:
    return f"{access.reading}: {access.evidence}" if access.evidence else access.reading


def _laid_out(row: Sequence[str], widths: Sequence[int], aside: str | None) -> str:
    if aside is not None:
        return f"{row[0]:{widths[0]}}  {aside}".rstrip()
    return "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _grouped(verdicts: Iterable[Verdict]) -> dict[tuple[str, str, str], list[Verdict]]:
    """Those that say the same of several tables."""
    found: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.check, verdict.reading, verdict.follows), []).append(verdict)
    return found


def _section(title: str, verdicts: Sequence[Verdict], width: int, *, read: Collection[str | None] = ()) -> str:
    if not verdicts:
        return ""
    lines = [line for same in _grouped(verdicts).values() for line in _finding(same, width, read)]
    return "\n".join([title, *lines])


def _finding(same: Sequence[Verdict], width: int, read: Collection[str | None]) -> Iterator[str]:
    first = same[0]
    names = dict.fromkeys(v.table for v in same if v.table is not None)
    tables = "all tables read" if len(names) >= _MANY and names.keys() == read else ", ".join(names)
    mark = "*" if any(v.report for v in same) else " "
    which = f"{first.table}: " if len(same) > 1 and first.evidence else ""
    evidence = f" ({which}{first.evidence})" if first.evidence else ""
    yield _filled(f"{tables}{': ' if tables else ''}{first.reading}{evidence}", f"{mark} {first.check:<13}", width)
    if first.follows:
        yield _filled(f"-> {first.follows}", "", width)


def _filled(text: str, label: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=f"{label:<{_INDENT}}",
        subsequent_indent=" " * (_INDENT + 3 * text.startswith("->")),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _closing(report: Report, width: int, changes: Sequence[str], remembered: Sequence[str]) -> Iterator[str]:
    if changes:
        lines = [textwrap.fill(change, width, initial_indent="  ", subsequent_indent="    ") for change in changes]
        yield "\n".join(["Changed since the last time", *lines])
    notes = []
    if any(v.report for v in report.verdicts):
        notes.append(
            "* is worth telling the vendor. No record's content and no token is shown, so this can be sent as it is."
        )
    if remembered:
        notes.append(
            f"Kept for the next queries to plan with: the caps of {_count(len(remembered), 'table')}. Answers are "
            "believed all the same."
        )
    if notes:
        yield "\n".join(textwrap.fill(note, width, subsequent_indent="  ") for note in notes)
