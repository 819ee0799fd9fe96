"""The commands `videsk report` and `videsk dashboard`."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_videsk.arguments import number
from duckdb_videsk.errors import QueryError
from duckdb_videsk.opening import connect
from duckdb_videsk.output import FORMATS, Target, give, say, whole_file, writable
from duckdb_videsk.report_words import PAGE_LANGUAGES, TITLE_LANGUAGES
from duckdb_videsk.reporting import bound, named, report, reports
from duckdb_videsk.usage import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb_videsk.connection import Connection

__all__ = ["add_report_commands"]

_ABOUT_REPORT = """\
Run one of the reports that ship with the package; without a name, list them with the question that each answers.

Dates are days of the account's time zone; without them the last 30 whole days are taken.
"""
_REPORT_EXAMPLES = """\
examples:
  videsk report
  videsk report service_level --since 2026-10-01 --until 2026-11-01 --by week --threshold-seconds 20
  videsk report agents --language es --output agentes.csv
  videsk report --format json

exit codes: as for 'videsk query'
"""
_ABOUT_DASHBOARD = """\
Write all reports with their charts into one HTML file, which needs no network and nothing beside it.

Each export is asked once. The file holds data of customers and agents; if it is new, you alone can read it.
"""
_DASHBOARD_EXAMPLES = """\
examples:
  videsk dashboard -o page.html
  videsk dashboard -o octubre.html --since 2026-10-01 --until 2026-11-01 --language es

exit codes: as for 'videsk query'
"""
_LISTING = "json"


def add_report_commands(commands: Any) -> None:
    """Add them to the parser's sub-commands."""
    asked = commands.add_parser(
        "report",
        help=COMMANDS["report"],
        description=_ABOUT_REPORT,
        epilog=_REPORT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    asked.set_defaults(run=_report)
    asked.add_argument("name", nargs="?", help="of the report; without it they are listed")
    asked.add_argument("--survey", metavar="ID", help="of the survey to report on; default: all of the settings")
    asked.add_argument("--format", choices=["table", *FORMATS], help="default: as for 'videsk query'")
    asked.add_argument("-o", "--output", type=Path, help="write the answer to this file, whole or not at all")
    asked.add_argument(
        "--max-rows", type=number(int, 1), default=200, metavar="N", help="rows that a table shows (default: 200)"
    )
    asked.add_argument("--language", choices=TITLE_LANGUAGES, help="of titles; default: names as in the SQL")
    _add_range(asked)
    page = commands.add_parser(
        "dashboard",
        help=COMMANDS["dashboard"],
        description=_ABOUT_DASHBOARD,
        epilog=_DASHBOARD_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    page.set_defaults(run=_dashboard)
    page.add_argument("-o", "--output", type=Path, required=True, help="the HTML file, written whole or not at all")
    page.add_argument("--language", choices=PAGE_LANGUAGES, default="en", help="of the page (default: en)")
    _add_range(page)


def _add_range(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="DATE", help="first day; default: 30 days before --until")
    parser.add_argument("--until", metavar="DATE", help="the day before which to stop; default: today")
    parser.add_argument("--by", help="day, week or month; default: day, on a page by the length of the range")
    parser.add_argument(
        "--threshold-seconds", type=float, metavar="N", help="wait up to which a service is in time (default: 30)"
    )
    parser.add_argument("--surveys", help="ids of surveys to read, comma-separated")
    parser.add_argument("--base-url", help="of the API, or of a simulator")
    parser.add_argument("--time-zone", help="IANA name whose days the dates mean, as in America/Santiago")
    parser.add_argument(
        "--max-requests",
        type=number(int, 1),
        metavar="N",
        help="fail where a query needs more requests than this",
    )


def _connected(options: argparse.Namespace) -> Connection:
    return connect(
        base_url=options.base_url,
        time_zone=options.time_zone,
        surveys=options.surveys,
        max_requests=options.max_requests,
        config={"python_enable_replacements": False},
    )


def _report(options: argparse.Namespace) -> None:
    if options.name is None:
        _list(options)
        return
    chosen = named(options.name)
    names = ("since", "until", "by", "threshold_seconds", "survey")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    target = Target(options.output, options.format)
    with _connected(options) as connection:
        values = bound(connection, chosen, given)
        language = options.language or "en"
        title = f"{chosen.titles[language]}: {chosen.questions[language]}\n{_told(values)}\n"
        answer = report(connection, chosen.name, **given, language=options.language)
        give(connection, answer, target, max_rows=options.max_rows, title=title)


def _told(values: Mapping[str, object]) -> str:
    """What a report was asked with."""
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)


def _list(options: argparse.Namespace) -> None:
    language = options.language or "en"
    if options.output is not None or options.format not in {None, "table", _LISTING}:
        raise QueryError("Without the name of a report they are listed on standard output, as a table or as JSON.")
    if options.format == _LISTING:
        said = [{key: value for key, value in asdict(one).items() if key != "sql"} for one in reports()]
        say(json.dumps(said, ensure_ascii=False, indent=1) + "\n")
        return
    width = max(len(one.name) for one in reports())
    lines = (f"{one.name:<{width}}  {one.questions[language]}\n" for one in reports())
    say("".join(lines))


def _dashboard(options: argparse.Namespace) -> None:
    from duckdb_videsk.dashboard import dashboard  # noqa: PLC0415 - no other command needs the charts

    file = writable(options.output)
    with _connected(options) as connection:
        page = dashboard(
            connection,
            since=options.since,
            until=options.until,
            by=options.by,
            threshold_seconds=options.threshold_seconds,
            language=options.language,
        )
    with whole_file(file) as unfinished:
        unfinished.write_text(page, "utf-8")
    say(f"Written to {options.output}\n")
