"""The command line at a glance: what is shown before anything else is loaded."""

from __future__ import annotations

import argparse
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "at_dashes", "bare_parser", "moment", "root_parser"]

COMMANDS = {
    "demo": "three queries against the built-in simulator, without an account",
    "query": "run SQL and print or save the answer",
    "plan": "what a query would ask of the API, without asking",
    "shell": "the official DuckDB shell with the tables in it",
    "serve": "serve the tables, read-only, to other DuckDBs and tools",
    "simulate": "run the simulator alone, until Ctrl-C",
    "doctor": "how the API behaves where its documentation is silent",
    "sync": "fetch and keep the days of a range",
    "verify": "compare kept days with what the API gives now",
    "forget": "delete kept days",
    "report": "run a report that ships with this, or list them",
    "dashboard": "write a page with the charts of all reports",
}
"""What each command does, in a line."""
_ABOUT = """\
Ask the Videsk export API in SQL. Each export is a table of DuckDB's catalog 'videsk':
  calls queues metadata comments tags appointments recordings ai_topics ai_sentiments forms surveys
and a view in Spanish, English and Portuguese: videsk.es.llamadas, videsk.en.calls, videsk.pt.chamadas …
A date range in WHERE decides what is asked of the API; without one, all of history is read.
"""
_EXAMPLES = """\
examples:
  videsk demo
  videsk query "DESCRIBE videsk.calls"
  videsk query "SELECT agent, count(*) FROM videsk.calls WHERE start_time >= '2026-10-01' GROUP BY ALL"

'videsk COMMAND --help' has more. Unofficial: not a product of Videsk.
"""


def root_parser() -> argparse.ArgumentParser:
    """The parser of the command line as far as its own help goes: its commands take no arguments."""
    root = bare_parser()
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for name, help_ in COMMANDS.items():
        commands.add_parser(name, help=help_)
    return root


def bare_parser() -> argparse.ArgumentParser:
    """The same without commands."""
    root = argparse.ArgumentParser(
        prog="videsk", description=_ABOUT, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("-V", "--version", action="version", version=f"duckdb-videsk {version('duckdb-videsk')}")
    return root


def at_dashes(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before `--` and behind it, for the command that hands the rest on."""
    if list(words[:1]) != ["shell"] or "--" not in words:
        return list(words), []
    place = list(words).index("--")
    return list(words[:place]), list(words[place + 1 :])


def moment(text: str) -> datetime:
    """A type for argparse: a day, or a moment of it; without an offset from UTC it has no time zone yet."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date: write it as in 2026-03-01, or with a time as in 2026-03-01T08:30"
        ) from None
