"""`videsk shell`: the official DuckDB shell with the account's tables in it, which this process serves meanwhile."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from duckdb_videsk.errors import ConfigError
from duckdb_videsk.harmless import one_line
from duckdb_videsk.server import Limits, Server, free_port
from duckdb_videsk.settings import Token
from duckdb_videsk.shipped import sql_folder
from duckdb_videsk.views import CATALOG, text_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from duckdb_videsk.settings import Settings

__all__ = ["find_shell", "run_shell"]

_PROGRAM = "duckdb.exe" if os.name == "nt" else "duckdb"
_NO_LIMITS = Limits(queries=1_000, seconds=float(1 << 31))


def run_shell(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the shell with the catalog in it until it ends; gives its exit code.

    Args:
        settings: of the catalog.
        arguments: of the shell: its options, and a database.

    Raises:
        ConfigError: the shell or the extension is missing; says which command brings it.
    """
    program = find_shell()
    token = Token(secrets.token_urlsafe(32))
    with (
        _private_file() as file,
        Server(settings, token=token, port=free_port(), limits=_NO_LIMITS, told=_teller(file)) as server,
    ):
        file.write_text(_opening(server, settings, token), "utf-8")
        return _run([str(program), "-cmd", f".read '{file.as_posix()}'", *arguments], server)


def find_shell() -> Path:
    """The DuckDB shell of the same version as this Python's DuckDB: that of the package `duckdb-cli`, or on the PATH.

    Raises:
        ConfigError: there is none, or of other versions only.
    """
    versions = {}
    for program in dict.fromkeys(_shells()):
        versions[program] = _version(program)
        if versions[program] == duckdb.__version__:
            return program
    there = "".join(f" {program} is of version {version or 'unknown'}." for program, version in versions.items())
    raise ConfigError(
        f"The DuckDB shell {duckdb.__version__} is not here.{there} pip install 'duckdb-videsk[shell]' brings DuckDB "
        f"1.5.5 with its shell and extensions; for this DuckDB, get the shell from https://duckdb.org/install"
    )


def _shells() -> Iterator[Path]:
    package = importlib.util.find_spec("duckdb_cli")
    for folder in (package.submodule_search_locations or ()) if package else ():
        if (program := Path(folder) / _PROGRAM).is_file():
            yield program
    if found := shutil.which(_PROGRAM):
        yield Path(found)


def _version(program: Path) -> str | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(  # noqa: S603 - the program that is about to be run
            [program, "-no-init", "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
        if found := re.match(r"v?(\S+)", said):
            return found[1]
    return None


@contextlib.contextmanager
def _private_file() -> Iterator[Path]:
    """A file that only this user can read, gone in the end."""
    handle, name = tempfile.mkstemp(prefix="videsk-", suffix=".sql")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _opening(server: Server, settings: Settings, token: Token) -> str:
    """What the shell runs before anything else. A secret does not show its token, as the options of ATTACH do."""
    key = text_literal(token.reveal())
    prompt = f"{CATALOG} {urlsplit(settings.base_url).hostname} D "
    return "\n".join(
        [
            f".output {os.devnull}",
            *(f"{statement};" for statement in server.loads),
            f"CREATE TEMPORARY SECRET {CATALOG} (TYPE quack, TOKEN {key}, SCOPE {text_literal(server.uri)});",
            f"ATTACH {text_literal(server.uri)} AS {CATALOG} (TYPE quack);",
            f"SET TimeZone = {text_literal(settings.time_zone)};",
            sql_folder().joinpath("shell", "macros.sql").read_text("utf-8"),
            ".output",
            f".prompt '{prompt}' '{'· ':>{len(prompt)}}'",
        ]
    )


def _teller(file: Path) -> Callable[[str, str, str | None], None]:
    def told(_session: str, _sql: str, refused: str | None) -> None:
        # The first statement is what ATTACH asks: the shell has the file open, and needs its name no more.
        file.unlink(missing_ok=True)
        if refused:
            sys.stderr.write(f"videsk: the server refused the query: {one_line(refused)}\n")

    return told


def _run(command: list[str], server: Server) -> int:
    """Run the shell in this terminal. Ctrl-C reaches both: the shell ends its query, and the server its scans."""
    child: subprocess.Popen[bytes] | None = None

    def end(*_: object) -> None:
        if child is not None:
            child.terminate()

    with _signals({signal.SIGINT: lambda *_: server.interrupt(), signal.SIGTERM: end}):
        child = subprocess.Popen(command)  # noqa: S603 - the user's own arguments, to a program found above
        try:
            code = child.wait()
        finally:
            child.terminate()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _signals(handlers: dict[signal.Signals, Callable[..., None]]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
