"""All verdicts of an examination, in one shape for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duckdb_videsk.doctor.access import judge_access, judge_refusal, judge_token
from duckdb_videsk.doctor.caps import applied_cap, judge_cap
from duckdb_videsk.doctor.dates import judge_dates
from duckdb_videsk.doctor.ends import judge_ends, judge_milliseconds
from duckdb_videsk.doctor.filtering import judge_filter
from duckdb_videsk.doctor.labelling import judge_columns, judge_keys, judge_labels
from duckdb_videsk.doctor.ordering import judge_order, judge_ties
from duckdb_videsk.doctor.server import (
    judge_clock,
    judge_packing,
    judge_rate,
    judge_speed,
    records_a_day,
    requests_a_month,
)
from duckdb_videsk.doctor.verdicts import LEVELS, Level, Verdict, short_id
from duckdb_videsk.doctor.zones import judge_zone
from duckdb_videsk.ranges import as_datetime

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk.doctor.evidence import Account, Table
    from duckdb_videsk.doctor.examination import Costs

__all__ = ["ACCOUNT_CHECKS", "FORMAT_VERSION", "TABLE_CHECKS", "Report", "TableLine", "report_of"]

FORMAT_VERSION = 1
"""Of the JSON: it goes up where a field changes its meaning or goes away."""

TABLE_CHECKS = (
    judge_access,
    judge_cap,
    judge_ends,
    judge_milliseconds,
    judge_filter,
    judge_order,
    judge_ties,
    judge_zone,
    judge_keys,
    judge_labels,
    judge_dates,
    judge_columns,
)
ACCOUNT_CHECKS = (judge_token, judge_rate, judge_clock, judge_packing, judge_speed, judge_refusal)

_STOPPED = {
    "token": "The token is refused, so no more was asked.",
    "network": "The server does not answer, so no more was asked.",
    "requests": "As many requests were made as may be; raise max_requests for the rest.",
}


@dataclass(frozen=True, slots=True)
class TableLine:
    """One table in figures; None where they are not known.

    Attributes:
        table, id: which one; the id shortened.
        latest: time of its newest record.
        cap: that it announces.
        applied_cap: at which it was seen to cut, or else `cap`.
        records_a_day: lately.
        requests_a_month: for thirty such days.
    """

    table: str
    id: str | None
    latest: datetime | None
    cap: int | None
    applied_cap: int | None
    records_a_day: float | None
    requests_a_month: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination found.

    Attributes:
        at: when it ended.
        host: of the API.
        tables: each table in figures.
        verdicts: of all checks.
        costs: the requests that it took.
        seconds: how long it took.
        usual_ms: median of an answer; None without one.
        stopped: why it ended early; empty where it did not.
    """

    at: datetime
    host: str
    tables: tuple[TableLine, ...]
    verdicts: tuple[Verdict, ...]
    costs: Costs
    seconds: float
    usual_ms: float | None
    stopped: str

    def of_level(self, level: Level) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.level == level]

    @property
    def level(self) -> Level:
        """The worst of all; unknown where nothing could be read."""
        if self.of_level("problem"):
            return "problem"
        if not any(verdict.check == "access" and verdict.level == "ok" for verdict in self.verdicts):
            return "unknown"
        return "differs" if self.of_level("differs") else "ok"

    def as_json(self) -> dict[str, Any]:
        """For programs; described in the documentation."""
        return {
            "version": FORMAT_VERSION,
            "product": f"duckdb-videsk {version('duckdb-videsk')}",
            "at": self.at.isoformat(timespec="seconds"),
            "host": self.host,
            "verdict": self.level,
            "counts": {level: len(self.of_level(level)) for level in LEVELS},
            "stopped": self.stopped,
            "requests": asdict(self.costs),
            "seconds": round(self.seconds, 1),
            "usual_ms": None if self.usual_ms is None else round(self.usual_ms, 1),
            "tables": [_plain(asdict(line)) for line in self.tables],
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }


def report_of(account: Account, costs: Costs) -> Report:
    """Judge what was seen."""
    verdicts: list[Verdict] = [judge(account) for judge in ACCOUNT_CHECKS]
    for table in account.tables:
        name, asked_id = table.endpoint.table, None if table.id is None else short_id(table.id)
        found = [verdict for judge in _checks_of(table) if (verdict := judge(table))]
        verdicts.extend(replace(verdict, table=name, id=asked_id) for verdict in found)
    return Report(
        at=datetime.now(UTC),
        host=urlsplit(account.settings.base_url).hostname or "",
        tables=tuple(map(_line, account.tables)),
        verdicts=tuple(verdicts),
        costs=costs,
        seconds=account.seconds,
        usual_ms=median(sample.ms for sample in account.samples) if account.samples else None,
        stopped=_STOPPED.get(account.stopped, ""),
    )


def _checks_of(table: Table) -> tuple[Callable[[Table], Verdict | None], ...]:
    """Without a record there is one thing to say."""
    return TABLE_CHECKS if table.found is not None and table.found.rows else TABLE_CHECKS[:1]


def _line(table: Table) -> TableLine:
    found = table.found
    latest = None if found is None or found.last is None else as_datetime(found.last)
    return TableLine(
        table=table.endpoint.table,
        id=None if table.id is None else short_id(table.id),
        latest=latest,
        cap=None if found is None else found.limit,
        applied_cap=applied_cap(table),
        records_a_day=records_a_day(table),
        requests_a_month=requests_a_month(table),
    )


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    latest, daily = fields["latest"], fields["records_a_day"]
    return fields | {
        "latest": None if latest is None else latest.isoformat(),
        "records_a_day": None if daily is None else round(daily, 1),
    }
