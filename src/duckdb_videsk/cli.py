"""The command `videsk`: a thin face over `connect`, with errors in one line and exit codes for scripts."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.connection import connect
from duckdb_videsk.demo import demo_account, run_demo
from duckdb_videsk.errors import ConfigError, QueryError, VideskError
from duckdb_videsk.output import FORMATS, run_script
from duckdb_videsk.simulator import Behaviour, Simulator

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_FAILED = 1
_MISUSED = 2
_INTERRUPTED = 130

_ABOUT = """\
Ask the Videsk export API in SQL. Each export is a table of DuckDB's catalog 'videsk':
  calls queues metadata comments tags appointments recordings ai_topics ai_sentiments forms surveys
and a view in Spanish, English and Portuguese: videsk.es.llamadas, videsk.en.calls, videsk.pt.chamadas …
A date range in WHERE decides what is asked of the API; without one, all of history is read.
"""
_EXAMPLES = """\
examples:
  videsk demo
  videsk query "SELECT agent, count(*) FROM videsk.calls WHERE start_time >= '2026-10-01' GROUP BY ALL"
  videsk query "FROM videsk.es.llamadas WHERE \\"Inicio\\" >= current_date - 1" --format csv > ayer.csv
  videsk query --file report.sql --format parquet --output report.parquet
  videsk query "FROM videsk.requests" --help

The token is read from VIDESK_API_TOKEN or the settings file, never from an argument: arguments show in process lists.
Exit codes: 0 done, 1 the API or the network failed, 2 the command, a setting or the SQL is wrong, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        return _complain("interrupted", _INTERRUPTED)
    except (ConfigError, QueryError) as error:
        return _complain(str(error), _MISUSED)
    except VideskError as error:
        return _complain(str(error), _FAILED)
    except (duckdb.Error, OSError) as error:
        return _complain(str(error), _MISUSED)
    return 0


def _complain(text: str, code: int) -> int:
    line = " ".join(text.split("\n\n", 1)[0].split())
    sys.stderr.write(f"videsk: {line}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="videsk", description=_ABOUT, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"duckdb-videsk {version('duckdb-videsk')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo = commands.add_parser("demo", help="three queries against the built-in simulator, without an account")
    demo.set_defaults(run=lambda _: run_demo())
    _add_query(commands)
    _add_simulate(commands)
    return parser


def _add_query(commands: Any) -> None:
    query = commands.add_parser(
        "query",
        help="run SQL and print or save the answer",
        description="Run SQL statements; the answer of the last one is printed or saved.",
    )
    query.set_defaults(run=_query)
    query.add_argument("sql", nargs="?", help="the SQL; '-' reads it from standard input")
    query.add_argument("-f", "--file", type=Path, help="read the SQL from this file")
    query.add_argument("--format", choices=["table", *FORMATS], default="table", help="default: %(default)s")
    query.add_argument("-o", "--output", type=Path, help="write the answer to this file, whole or not at all")
    query.add_argument("--max-rows", type=int, default=40, help="rows that a table shows (default: %(default)s)")
    query.add_argument("--database", default=":memory:", help="a DuckDB file of yours to have open beside the tables")
    query.add_argument("--base-url", help="of the API, or of a simulator")
    query.add_argument("--time-zone", help="IANA name whose days and hours the SQL means, as in America/Santiago")
    query.add_argument("--forms", help="ids of forms to read where the SQL names none, comma-separated")
    query.add_argument("--surveys", help="ids of surveys to read where the SQL names none, comma-separated")
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
        help="run the simulator alone, until Ctrl-C",
        description="A server on this machine that speaks the export API over made-up data.",
    )
    simulate.set_defaults(run=_simulate)
    simulate.add_argument("--port", type=int, default=8787, help="default: %(default)s; 0 takes a free one")
    simulate.add_argument("--cap", type=int, default=5_000, help="records in one answer (default: %(default)s)")
    simulate.add_argument(
        "--latency", type=float, default=0.08, help="seconds an answer takes (default: %(default)s)"
    )
    simulate.add_argument("--rate", type=int, default=20, help="requests a second (default: %(default)s)")


def _query(options: argparse.Namespace) -> None:
    sql = _sql_text(options)
    with connect(
        options.database,
        base_url=options.base_url,
        time_zone=options.time_zone,
        forms=options.forms,
        surveys=options.surveys,
        languages=_languages(options.language) or None,
    ) as connection:
        run_script(connection, sql, style=options.format, output=options.output, max_rows=options.max_rows)


def _sql_text(options: argparse.Namespace) -> str:
    if (options.sql is None) == (options.file is None):
        raise QueryError("Give the SQL either as an argument ('-' for standard input) or with --file.")
    if options.file is not None:
        return str(options.file.read_text("utf-8"))
    return sys.stdin.read() if options.sql == "-" else str(options.sql)


def _languages(named: Sequence[str]) -> dict[str, Path]:
    pairs = [entry.partition("=") for entry in named]
    if any(not separator for _, separator, _ in pairs):
        raise ConfigError("--language is written NAME=FILE, as in --language de=labels.de.json")
    return {name: Path(file) for name, _, file in pairs}


def _simulate(options: argparse.Namespace) -> None:
    behaviour = Behaviour(cap=options.cap, latency_s=options.latency, rate_per_second=options.rate)
    with Simulator(demo_account(), behaviour=behaviour, port=options.port) as simulator:
        sys.stdout.write(
            f"Simulating the Videsk export API on {simulator.url}; stop with Ctrl-C. In another terminal:\n"
            f"  export VIDESK_BASE_URL={simulator.url} VIDESK_API_TOKEN={simulator.token}\n"
            '  videsk query "FROM videsk.calls WHERE start_time >= current_date - 1 LIMIT 5"\n'
        )
        sys.stdout.flush()
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        with contextlib.suppress(KeyboardInterrupt):
            while not stopped.wait(0.5):
                pass
