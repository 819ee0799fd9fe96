"""What the command line takes, and the help that it gives."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_videsk.output import FORMATS
from duckdb_videsk.server import LOOPBACK
from duckdb_videsk.usage import COMMANDS, bare_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["add_accounts", "number", "parser"]

_ABOUT_QUERY = """\
Run SQL statements; the answer of the last one is printed, or saved whole with --output.

The token is read from VIDESK_API_TOKEN or the settings file, never from an argument: arguments show in process lists.
"""
_QUERY_EXAMPLES = """\
examples:
  videsk query "FROM videsk.es.llamadas WHERE \\"Inicio\\" >= current_date - 1" --output ayer.csv
  videsk query --file report.sql --output report.parquet
  videsk query "SELECT count(*) FROM videsk.queues WHERE start_time >= current_date - 7; FROM videsk.requests"
  videsk query "FROM videsk.calls SEMI JOIN 'vip.csv' USING (agent) WHERE start_time >= '2026-10-01'" --format json

exit codes: 0 done, 1 the API or the network failed, 2 the command, a setting, the SQL or a file is wrong,
130 interrupted, 141 the program that was reading the answer went away
"""
_ABOUT_SHELL = """\
Opens the official DuckDB shell with the catalog 'videsk' in it, served by this process for as long as the shell runs.
Your own files and databases work as in any DuckDB shell. What stands behind '--' are options of the shell.
"""
_SHELL_EXAMPLES = """\
in the shell:
  FROM calls(since := '2026-10-01', until := '2026-11-01');
  FROM es('llamadas', since := current_date - 7);
  FROM videsk.query('SELECT agent, count(*) FROM videsk.calls WHERE start_time >= current_date - 7 GROUP BY ALL');

examples:
  videsk shell
  videsk shell crm.duckdb
  videsk shell -c "SELECT count(*) FROM calls(since := current_date - 7)" -- -csv

exit codes: the shell's own; 2 where a part is missing or a setting is wrong
"""
_ABOUT_SERVE = """\
Serves the catalog 'videsk' to other DuckDBs through DuckDB's Quack extension, read-only, until Ctrl-C.

The clients' token is read from VIDESK_SERVE_TOKEN or a private file, never from an argument. Standard error has a
line for each query. GET / answers 200 while it runs.
"""


def parser(
    runs: Mapping[str, Callable[[argparse.Namespace], int | None]], *, more: Callable[[Any], None]
) -> argparse.ArgumentParser:
    """The parser of the command line; what is parsed has `run`, one of `runs` by the command's name.

    Args:
        more: adds further commands, which have theirs.
    """
    root = bare_parser()
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser(
        "demo",
        help=COMMANDS["demo"],
        description="Three queries against the built-in simulator, with what each one cost. No account, no network.",
    )
    _add_query(commands)
    _add_plan(commands)
    _add_shell(commands)
    _add_serve(commands)
    _add_simulate(commands)
    for name, command in commands.choices.items():
        command.set_defaults(run=runs[name])
    more(commands)
    return root


def _add_query(commands: Any) -> None:
    query = commands.add_parser(
        "query",
        help=COMMANDS["query"],
        description=_ABOUT_QUERY,
        epilog=_QUERY_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    query.add_argument("sql", nargs="?", help="the SQL; '-' reads it from standard input")
    query.add_argument("-f", "--file", type=Path, help="read the SQL from this file")
    query.add_argument(
        "--format",
        choices=["table", *FORMATS],
        help="default: what the name of --output ends in, otherwise table",
    )
    query.add_argument("-o", "--output", type=Path, help="write the answer to this file, whole or not at all")
    query.add_argument(
        "--max-rows", type=number(int, 1), default=40, metavar="N", help="rows that a table shows (default: 40)"
    )
    query.add_argument("--database", default=":memory:", help="a DuckDB file of yours to have open beside the tables")
    add_accounts(query)
    _add_settings(query)


def _add_plan(commands: Any) -> None:
    plan = commands.add_parser(
        "plan",
        help=COMMANDS["plan"],
        description="Say for each table that a query reads: the ranges, what made them, and the expected price.",
    )
    plan.add_argument("sql", nargs="?", help="the SQL; '-' reads it from standard input")
    plan.add_argument("-f", "--file", type=Path, help="read the SQL from this file")
    plan.add_argument("--json", action="store_true", help="print it as JSON, for programs")
    plan.add_argument("--database", default=":memory:", help="a DuckDB file of yours to have open beside the tables")
    add_accounts(plan)
    _add_settings(plan)


def _add_shell(commands: Any) -> None:
    shell = commands.add_parser(
        "shell",
        help=COMMANDS["shell"],
        description=_ABOUT_SHELL,
        epilog=_SHELL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shell.add_argument("database", nargs="?", help="a DuckDB file of yours to open; default: in memory")
    shell.add_argument("-c", dest="sql", action="append", default=[], help="run this SQL and end; may be repeated")
    _add_settings(shell)


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser(
        "serve",
        help=COMMANDS["serve"],
        description=_ABOUT_SERVE,
        allow_abbrev=False,  # a token behind --token would become a file's name
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument("--host", default=LOOPBACK, help="address to listen on (default: 127.0.0.1)")
    serve.add_argument(
        "--port", type=number(int, 1, 65_535), default=9494, metavar="N", help="port to listen on (default: 9494)"
    )
    serve.add_argument(
        "--behind-tls", action="store_true", help="a proxy in front encrypts: allows a host other than this machine"
    )
    serve.add_argument("--token-file", type=Path, help="the clients' token; made, for your eyes only, if not there")
    serve.add_argument(
        "--max-queries", type=number(int, 1), default=16, metavar="N", help="queries at once (default: 16)"
    )
    serve.add_argument(
        "--max-seconds",
        type=number(float, 1),
        default=600,
        metavar="N",
        help="after so long, a query's requests are stopped (default: 600)",
    )
    _add_settings(serve)


def add_accounts(command: argparse.ArgumentParser) -> None:
    """The option that names several accounts."""
    command.add_argument(
        "--accounts", metavar="NAMES", help="accounts of the settings file, comma-separated, or 'all'"
    )


def _add_settings(query: argparse.ArgumentParser) -> None:
    query.add_argument("--base-url", help="of the API, or of a simulator")
    query.add_argument("--time-zone", help="IANA name whose days and hours the SQL means, as in America/Santiago")
    query.add_argument("--forms", help="ids of forms to read where the SQL names none, comma-separated")
    query.add_argument("--surveys", help="ids of surveys to read where the SQL names none, comma-separated")
    query.add_argument(
        "--max-requests", type=number(int, 1), metavar="N", help="fail where a query needs more requests than this"
    )
    query.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help='views in a language of your own from a JSON file {"key": "label"}; may be repeated',
    )


def _add_simulate(commands: Any) -> None:
    simulate = commands.add_parser(
        "simulate",
        help=COMMANDS["simulate"],
        description="A server on this machine that speaks the export API over made-up data, until Ctrl-C.",
    )
    simulate.add_argument(
        "--port", type=number(int, 0, 65_535), default=8787, metavar="N", help="default: 8787; 0 takes a free one"
    )
    simulate.add_argument(
        "--cap", type=number(int, 1), default=5_000, metavar="N", help="records in one answer (default: 5000)"
    )
    simulate.add_argument(
        "--latency",
        type=number(float, 0, 3_600),
        default=0.08,
        metavar="SECONDS",
        help="time an answer takes (default: 0.08)",
    )
    simulate.add_argument(
        "--rate", type=number(int, 1), default=20, metavar="N", help="requests a second (default: 20)"
    )


def number(kind: type[int | float], least: float, most: float = 1_000_000_000) -> Callable[[str], float]:
    """A type for argparse: a number within bounds."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return value

    return number
