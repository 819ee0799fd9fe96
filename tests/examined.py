"""A small account for the doctor's tests, and what an examination of it says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from duckdb_videsk.doctor import examine, report_of
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.ranges import Range
from duckdb_videsk.settings import load_settings
from duckdb_videsk.simulator import Behaviour, Records, Simulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb_videsk.doctor import Report
    from duckdb_videsk.doctor.evidence import Account
    from duckdb_videsk.doctor.verdicts import Verdict

TOKEN = "tok-never-to-be-seen"
UNTIL = datetime(2026, 3, 20, 18, tzinfo=UTC)
FORM, SURVEY = "5ff25a80d04f9148df159561", "5ff25a80b70bee27aea4bdc2"
SECRETS = ("Añá Secreta", "un secreto", "203.0.113.77", "¿Cómo estuvo?", FORM, SURVEY, TOKEN)
MINUTE = timedelta(minutes=1)


def object_id(moment: datetime, number: int = 0) -> str:
    return f"{int(moment.timestamp()):08x}{number:016x}"


def account_rows(*, records: int = 40, ms: int = 437, ties: bool = False) -> dict[str, list[dict[str, Any]]]:
    """By export, records every seven minutes back from a little before `UNTIL`."""
    seconds = [UNTIL - 11 * MINUTE - number * 7 * MINUTE + timedelta(seconds=13) for number in range(records)]
    seconds = [moment for moment in seconds for _ in range(1 + ties)]
    times = [(number, second + timedelta(milliseconds=ms)) for number, second in enumerate(reversed(seconds))]
    calls = [
        {"id": object_id(at, n), "agent": SECRETS[0], "startTime": at, "endTime": at + 5 * MINUTE, "duration": 5}
        for n, at in times
    ]
    return {
        "calls": calls,
        "queues": [{"id": row["id"], "startTime": row["startTime"], "endTime": row["endTime"]} for row in calls],
        "extra-data": [{"id": object_id(at, n), "createdAt": at, "ip": SECRETS[2]} for n, at in times],
        "comments": [{"id": object_id(at, n), "createdAt": at, "comments": SECRETS[1]} for n, at in times],
        "tags": [
            {"id": row["id"], "tagName": f"t{tag}", "startTime": row["startTime"], "endTime": row["endTime"]}
            for row in calls
            for tag in range(2)
        ],
        "appointments": [
            {"id": object_id(at - timedelta(days=3), n), "startTime": at, "made": at - timedelta(days=3)}
            for n, at in times
        ],
        "recordings": [{"id": object_id(at, n), "createdAt": at} for n, at in times],
        "ai/topics": [
            {"id": object_id(at, n), "createdAt": at, "topicName": "x", "topicScore": 1} for n, at in times
        ],
        "ai/sentiments": [{"id": object_id(at, n), "Entity Type": "call", "createdAt": at} for n, at in times],
    }


def account_of(**changes: Any) -> Records:
    """All eleven exports."""
    filled = [
        {"id": object_id(UNTIL - n * MINUTE, n), "createdAt": UNTIL - n * MINUTE, "answers": {SECRETS[3]: "bien"}}
        for n in range(1, 30)
    ]
    rows = account_rows()
    rows["appointments"] = [{k: v for k, v in row.items() if k != "made"} for row in rows["appointments"]]
    return Records({**rows, **changes}, forms={FORM: filled}, surveys={SURVEY: filled})


class Saying(Simulator):
    """A simulator whose answers have these headers whatever else they have."""

    headers: Mapping[str, str] = MappingProxyType({})

    def _reply(self, *asked: Any) -> Any:
        reply = super()._reply(*asked)
        return replace(reply, headers={**reply.headers, **self.headers})


class Examined:
    """One examination, and what the simulator saw of it."""

    def __init__(self, account: Account, report: Report, asked: list[Any], ledger: Ledger) -> None:
        self.account, self.report, self.asked, self.ledger = account, report, asked, ledger

    def verdict(self, check: str, table: str | None = None) -> Verdict:
        (found,) = [v for v in self.report.verdicts if (v.check, v.table) == (check, table)]
        return found

    def says(self, check: str, table: str | None = None) -> tuple[str, str]:
        found = self.verdict(check, table)
        return found.level, found.reading


def settings_for(simulator: Simulator, **settings: Any) -> Any:
    given = {"requests_per_second": 10_000, "retries": 0, "cache_dir": "none", **settings}
    return load_settings(token=TOKEN, base_url=simulator.url, **given)


def examined(
    source: Any,
    *tables: str,
    settings: dict[str, Any] | None = None,
    since: datetime | None = None,
    until: datetime = UNTIL,
    headers: Mapping[str, str] | None = None,
    full_answers: bool = False,
    **behaviour: Any,
) -> Examined:
    """Examine those tables of an account whose server behaves like that."""
    records = source if isinstance(source, Records) else Records(source)
    with Saying(records, behaviour=Behaviour(**behaviour), token=TOKEN) as simulator:
        simulator.headers = headers or {}
        ledger = Ledger()
        start = datetime(1, 1, 1, tzinfo=UTC) if since is None else since
        endpoints = [by_table()[table] for table in tables or by_table()]
        account, costs = asyncio.run(
            examine(
                settings_for(simulator, **(settings or {})),
                endpoints,
                Range.between(start, until),
                ledger=ledger,
                full_answers=full_answers,
            )
        )
        return Examined(account, report_of(account, costs), simulator.asked, ledger)
