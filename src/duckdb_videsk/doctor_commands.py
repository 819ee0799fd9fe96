"""`videsk doctor`: how the account's API behaves, with what bears each verdict."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from duckdb_videsk.account_settings import one_account
from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.errors import QueryError, redact
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.output import say
from duckdb_videsk.ranges import EVER, SECOND, Range, micros
from duckdb_videsk.settings import load_settings
from duckdb_videsk.usage import COMMANDS, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.settings import Settings

__all__ = ["add_doctor"]

_ABOUT = """\
Ask the account's API what its documentation leaves open, and say for each question what was found, what bears it,
and what follows. About seven small requests for a table, one after the other; no record's content is shown.

The caps that are seen are kept for the next queries to plan with.
"""
_EXAMPLES = """\
examples:
  videsk doctor
  videsk doctor --tables calls,queues --since 2026-03-01 --until 2026-04-01
  videsk doctor --json

exit codes: 0 no problem, 1 a problem was found, 2 the command or a setting is wrong, 130 interrupted
"""
_PROBLEM = 1
# Younger records may still be written while they are asked for.
_NOT_BEFORE = timedelta(hours=1)
_WIDTH_WITHOUT_TERMINAL = 100


def add_doctor(commands: Any) -> None:
    """Add it to the parser's sub-commands."""
    parser = commands.add_parser(
        "doctor",
        help=COMMANDS["doctor"],
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_doctor)
    parser.add_argument(
        "--tables", help="comma-separated; default: all, of forms and surveys those whose id is known"
    )
    parser.add_argument("--since", type=moment, metavar="DATE", help="look at records from this day on; default: any")
    parser.add_argument("--until", type=moment, metavar="DATE", help="and before this one; default: an hour ago")
    parser.add_argument(
        "--full-answers", action="store_true", help="ask each table for as much as its cap, also where that is large"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON, for programs")
    parser.add_argument("--forms", help="ids of forms, comma-separated")
    parser.add_argument("--surveys", help="ids of surveys, comma-separated")
    parser.add_argument("--max-requests", type=int, metavar="N", help="ask no more than so often")
    parser.add_argument("--base-url", help="of the API, or of a simulator")
    parser.add_argument("--time-zone", help="IANA name whose days the dates mean, as in America/Santiago")


def _doctor(options: argparse.Namespace) -> int:
    # Only this command takes the time to import it.
    from duckdb_videsk import doctor  # noqa: PLC0415

    one_account("videsk doctor")
    settings = load_settings(
        base_url=options.base_url,
        time_zone=options.time_zone,
        forms=options.forms,
        surveys=options.surveys,
        max_requests=options.max_requests,
    )
    endpoints, span, ledger = _endpoints(options.tables), _span(options, settings), Ledger()
    with _Watch(settings.progress) as watch:
        account, costs = asyncio.run(
            doctor.examine(
                settings, endpoints, span, ledger=ledger, full_answers=options.full_answers, watch=watch.tell
            )
        )
    report = doctor.report_of(account, costs)
    changes = doctor.changes_since(settings, report)
    remembered = doctor.remember(account, report, ledger)
    if options.json:
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
    else:
        width = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns
        text = doctor.drawn_report(report, width=width, changes=changes, remembered=remembered)
    say(redact(text, settings.token.reveal()))
    return _PROBLEM if report.level == "problem" else 0


def _endpoints(tables: str | None) -> list[Endpoint]:
    if tables is None:
        return list(ENDPOINTS)
    names = [name.strip() for name in tables.split(",") if name.strip()]
    unknown = [name for name in names if name not in by_table()]
    if unknown or not names:
        raise QueryError(f"There is no table {', '.join(unknown)}; tables are: {', '.join(by_table())}.")
    return [endpoint for endpoint in ENDPOINTS if endpoint.table in names]


def _span(options: argparse.Namespace, settings: Settings) -> Range:
    """Where to look for records, in whole seconds."""
    start = EVER.start if options.since is None else _instant(options.since, settings)
    latest = micros(datetime.now(UTC) - _NOT_BEFORE)
    end = latest if options.until is None else _instant(options.until, settings)
    if start >= end:
        raise QueryError("--since has to lie before --until, which is an hour ago where it is not given.")
    return Range(start // SECOND * SECOND, end // SECOND * SECOND)


def _instant(moment: datetime, settings: Settings) -> int:
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.time_zone)))


class _Watch:
    """A line on standard error for who watches, gone at the end."""

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = sys.stderr is not None and sys.stderr.isatty() if wanted is None else wanted
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._show("")

    @property
    def tell(self) -> Callable[[str, int], None]:
        return lambda table, sent: self._show(f"videsk doctor: {table}, {sent} requests")

    def _show(self, text: str) -> None:
        if self._wanted and (text or self._shown):
            sys.stderr.write(f"\r{text:{self._shown}}" if text else f"\r{'':{self._shown}}\r")
            sys.stderr.flush()
            self._shown = len(text)
