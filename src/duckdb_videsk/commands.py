"""What the commands do: a thin face over `connect`, with errors in one line and exit codes for scripts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.account_settings import one_account
from duckdb_videsk.arguments import parser
from duckdb_videsk.demo import demo_account, run_demo
from duckdb_videsk.doctor_commands import add_doctor
from duckdb_videsk.errors import ConfigError, QueryError, VideskError, redact
from duckdb_videsk.harmless import one_line
from duckdb_videsk.lake_commands import add_lake_commands
from duckdb_videsk.opening import connect
from duckdb_videsk.output import Target, run_script, say
from duckdb_videsk.report_commands import add_report_commands
from duckdb_videsk.server import Limits
from duckdb_videsk.service import run_service
from duckdb_videsk.settings import load_settings
from duckdb_videsk.shell import run_shell
from duckdb_videsk.simulator import Behaviour, Simulator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

__all__ = ["run", "whole_parser"]

_FAILED = 1
_MISUSED = 2
_UNHEARD = 141
_LONGEST_ERROR = 64 << 10


def run(words: Sequence[str], known: argparse.Namespace) -> int:
    """Run a command; gives the exit code.

    Args:
        words: the command line without the program's name.
        known: what is known of it besides.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    options = whole_parser().parse_args(words, known)
    try:
        code: int | None = options.run(options)
    except (ConfigError, QueryError) as error:
        return _complain(str(error), _MISUSED)
    except VideskError as error:
        return _complain(str(error), _FAILED)
    except BrokenPipeError:
        return _fall_silent()
    except (duckdb.Error, OSError) as error:
        return _complain(str(error), _MISUSED)
    return code or 0


def whole_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with all commands and what they take."""
    return parser(_RUNS, more=_add_more)


def _add_more(commands: Any) -> None:
    add_doctor(commands)
    add_lake_commands(commands)
    add_report_commands(commands)


def _complain(text: str, code: int) -> int:
    line = one_line(redact(text[:_LONGEST_ERROR].split("\n\n", 1)[0]))
    sys.stderr.write(f"videsk: {line}\n")
    return code


def _fall_silent() -> int:
    """Nobody reads what is written: let Python's own last flush go nowhere too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return _UNHEARD


def _query(options: argparse.Namespace) -> None:
    sql = _sql_text(options)
    target = Target(options.output, options.format)
    with connect(
        options.database,
        **_settings(options),
        accounts=options.accounts,
        config={"python_enable_replacements": False},  # a table of the SQL is no variable of this program
    ) as connection:
        run_script(connection, sql, target, max_rows=options.max_rows)


def _plan(options: argparse.Namespace) -> None:
    sql = _sql_text(options)
    with connect(
        options.database,
        **_settings(options),
        accounts=options.accounts,
        config={"python_enable_replacements": False},
    ) as connection:
        plan = connection.plan(sql)
    said = json.dumps(plan.table().to_pylist(), default=str, indent=1) if options.json else str(plan)
    say(f"{said}\n")


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "base_url": options.base_url,
        "time_zone": options.time_zone,
        "forms": options.forms,
        "surveys": options.surveys,
        "max_requests": options.max_requests,
        "languages": _languages(options.language) or None,
    }


def _shell(options: argparse.Namespace) -> int:
    one_account("videsk shell")
    commands = [part for sql in options.sql for part in ("-c", sql)]
    database = [options.database] if options.database else []
    return run_shell(load_settings(**_settings(options), progress=False), [*options.beyond, *commands, *database])


def _serve(options: argparse.Namespace) -> None:
    one_account("videsk serve")
    run_service(
        load_settings(**_settings(options), progress=False),
        host=options.host,
        port=options.port,
        behind_tls=options.behind_tls,
        token_file=options.token_file,
        limits=Limits(options.max_queries, options.max_seconds),
    )


def _sql_text(options: argparse.Namespace) -> str:
    if (options.sql is None) == (options.file is None):
        raise QueryError("Give the SQL either as an argument ('-' for standard input) or with --file.")
    if options.file is not None:
        return _decoded(options.file.read_bytes(), str(options.file))
    if options.sql == "-":
        return _decoded(sys.stdin.buffer.read(), "standard input")
    return _decoded(os.fsencode(options.sql), "the SQL")


def _decoded(text: bytes, where: str) -> str:
    if b"\0" in text:  # where DuckDB 1.5 would take the statement to end
        raise QueryError(f"What {where} holds has a NUL in it, so it is no SQL.")
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


_RUNS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "demo": lambda _: run_demo(),
    "query": _query,
    "plan": _plan,
    "shell": _shell,
    "serve": _serve,
    "simulate": _simulate,
}
