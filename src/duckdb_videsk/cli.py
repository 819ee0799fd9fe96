"""The command `videsk`: a thin face over `connect`, with errors in one line and exit codes for scripts."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.connection import connect
from duckdb_videsk.demo import demo_account, run_demo
from duckdb_videsk.errors import ConfigError, QueryError, VideskError, redact
from duckdb_videsk.lake_commands import add_lake_commands
from duckdb_videsk.output import FORMATS, Target, run_script, say
from duckdb_videsk.simulator import Behaviour, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

_FAILED = 1
_MISUSED = 2
_INTERRUPTED = 130
_UNHEARD = 141

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
    except BrokenPipeError:
        return _fall_silent()
    except (duckdb.Error, OSError) as error:
        return _complain(str(error), _MISUSED)
    return 0


def _complain(text: str, code: int) -> int:
    line = redact(" ".join(text.split("\n\n", 1)[0].split()))
    sys.stderr.write(f"videsk: {line}\n")
    return code


def _fall_silent() -> int:
    """Nobody reads what is written: let Python's own last flush go nowhere too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return _UNHEARD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="videsk", description=_ABOUT, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"duckdb-videsk {version('duckdb-videsk')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="three queries against the built-in simulator, without an account",
        description="Three queries against the built-in simulator, with what each one cost. No account, no network.",
    )
    demo.set_defaults(run=lambda _: run_demo())
    _add_query(commands)
    add_lake_commands(commands)
    _add_simulate(commands)
    return parser


def _add_query(commands: Any) -> None:
    query = commands.add_parser(
        "query",
        help="run SQL and print or save the answer",
        description=_ABOUT_QUERY,
        epilog=_QUERY_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    query.set_defaults(run=_query)
    query.add_argument("sql", nargs="?", help="the SQL; '-' reads it from standard input")
    query.add_argument("-f", "--file", type=Path, help="read the SQL from this file")
    query.add_argument(
        "--format",
        choices=["table", *FORMATS],
        help="default: what the name of --output ends in, otherwise table",
    )
    query.add_argument("-o", "--output", type=Path, help="write the answer to this file, whole or not at all")
    query.add_argument(
        "--max-rows", type=_number(int, 1), default=40, metavar="N", help="rows that a table shows (default: 40)"
    )
    query.add_argument("--database", default=":memory:", help="a DuckDB file of yours to have open beside the tables")
    query.add_argument("--base-url", help="of the API, or of a simulator")
    query.add_argument("--time-zone", help="IANA name whose days and hours the SQL means, as in America/Santiago")
    query.add_argument("--forms", help="ids of forms to read where the SQL names none, comma-separated")
    query.add_argument("--surveys", help="ids of surveys to read where the SQL names none, comma-separated")
    query.add_argument(
        "--max-requests", type=_number(int, 1), metavar="N", help="fail where a query needs more requests than this"
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
        help="run the simulator alone, until Ctrl-C",
        description="A server on this machine that speaks the export API over made-up data, until Ctrl-C.",
    )
    simulate.set_defaults(run=_simulate)
    simulate.add_argument(
        "--port", type=_number(int, 0, 65_535), default=8787, metavar="N", help="default: 8787; 0 takes a free one"
    )
    simulate.add_argument(
        "--cap", type=_number(int, 1), default=5_000, metavar="N", help="records in one answer (default: 5000)"
    )
    simulate.add_argument(
        "--latency",
        type=_number(float, 0, 3_600),
        default=0.08,
        metavar="SECONDS",
        help="time an answer takes (default: 0.08)",
    )
    simulate.add_argument(
        "--rate", type=_number(int, 1), default=20, metavar="N", help="requests a second (default: 20)"
    )


def _number(kind: type[int | float], least: float, most: float = 1_000_000_000) -> Callable[[str], float]:
    """A type for argparse: a number within bounds."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return value

    return number


def _query(options: argparse.Namespace) -> None:
    sql = _sql_text(options)
    target = Target(options.output, options.format)
    with connect(
        options.database,
        base_url=options.base_url,
        time_zone=options.time_zone,
        forms=options.forms,
        surveys=options.surveys,
        max_requests=options.max_requests,
        languages=_languages(options.language) or None,
        config={"python_enable_replacements": False},  # a table of the SQL is no variable of this program
    ) as connection:
        run_script(connection, sql, target, max_rows=options.max_rows)


def _sql_text(options: argparse.Namespace) -> str:
    if (options.sql is None) == (options.file is None):
        raise QueryError("Give the SQL either as an argument ('-' for standard input) or with --file.")
    if options.file is not None:
        return _decoded(options.file.read_bytes(), str(options.file))
    if options.sql == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    return _decoded(os.fsencode(options.sql), "the SQL")


def _decoded(text: bytes, where: str) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise QueryError(f"What {where} holds is no text in UTF-8.") from None


def _languages(named: Sequence[str]) -> dict[str, Path]:
    pairs = [entry.partition("=") for entry in named]
    if any(not separator for _, separator, _ in pairs):
        raise ConfigError("--language is written NAME=FILE, as in --language de=labels.de.json")
    return {name: Path(file) for name, _, file in pairs}


def _simulate(options: argparse.Namespace) -> None:
    account = demo_account()
    behaviour = Behaviour(cap=options.cap, latency_s=options.latency, rate_per_second=options.rate)
    simulator = Simulator(account, behaviour=behaviour, port=options.port)
    try:
        simulator.start()
    except OSError as error:
        raise ConfigError(
            f"Cannot listen on port {options.port}: {error.strerror}. Choose another with --port; 0 takes a free one."
        ) from error
    with simulator:
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        with contextlib.suppress(KeyboardInterrupt):
            say(_invitation(simulator, account.form_ids, account.survey_ids))
            while not stopped.wait(0.5):
                pass


def _invitation(simulator: Simulator, forms: Sequence[str], surveys: Sequence[str]) -> str:
    variables = {
        "VIDESK_BASE_URL": simulator.url,
        "VIDESK_API_TOKEN": simulator.token,
        "VIDESK_FORMS": ",".join(forms),
        "VIDESK_SURVEYS": ",".join(surveys),
        "VIDESK_TIME_ZONE": "America/Santiago",
    }
    form = '  $env:{} = "{}"' if os.name == "nt" else "  export {}={}"
    return "\n".join(
        [
            f"Simulating the Videsk export API on {simulator.url}; stop with Ctrl-C. In another terminal:",
            *(form.format(name, value) for name, value in variables.items()),
            '  videsk query "FROM videsk.calls WHERE start_time >= current_date - 1 LIMIT 5"\n',
        ]
    )
