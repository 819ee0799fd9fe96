"""`videsk serve`: the catalog for a team or a tool, until it is told to stop; its token, its log, its end."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import secrets
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.errors import ConfigError, redact
from duckdb_videsk.harmless import one_line
from duckdb_videsk.output import say
from duckdb_videsk.server import Limits, Server
from duckdb_videsk.settings import Token, config_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb_videsk.settings import Settings

__all__ = ["log_line", "run_service", "service_token"]

_TOKEN_VARIABLE = "VIDESK_SERVE_TOKEN"  # noqa: S105 - the name of a variable
_SHORTEST_TOKEN = 24
_LONGEST_LOGGED = 400
_DATE = re.compile(
    r"'(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-][01]\d(?::?[0-5]\d)?)?)?'(?!')",
    re.ASCII,
)
_HIDDEN = "'…'"
_COMMENT = re.compile(r"(?:--|/\*).*", re.DOTALL)
_LAST_RESORT_SECONDS = 20.0


def run_service(
    settings: Settings, *, host: str, port: int, behind_tls: bool, token_file: Path | None, limits: Limits
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: of the catalog.
        host: the address to listen on.
        port: to listen on.
        behind_tls: whether the user says that something in front of it encrypts.
        token_file: where the clients' token stands; made if it is not there.
        limits: what clients may take.

    Raises:
        ConfigError: the address, the token or the extension is not usable.
    """
    if not behind_tls and not _is_loopback(host):
        raise ConfigError(
            f"{host} is no address of this machine alone, and the traffic is plain HTTP: the token and all rows "
            "could be read on the way. Put a proxy with TLS in front and listen on 127.0.0.1, or say --behind-tls."
        )
    token, source = service_token(token_file)
    stopped = threading.Event()
    with _told_to_stop(stopped):
        server = Server(settings, token=token, host=host, port=port, limits=limits, told=_log)
        say(_invitation(server.uri, source))
        stopped.wait()
        say("Stopping: no new queries.\n")
        # Should a client's query not end with the server, the process does.
        last_resort = threading.Timer(_LAST_RESORT_SECONDS, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()
        server.close()
        last_resort.cancel()


def service_token(file: Path | None) -> tuple[Token, str]:
    """The token that clients have to show, and where it stands: the environment, or a file that only its owner reads.

    Raises:
        ConfigError: it is too short, or others can read the file.
    """
    text = os.environ.get(_TOKEN_VARIABLE) if file is None else None
    if text:
        return _checked(text, _TOKEN_VARIABLE), f"the environment variable {_TOKEN_VARIABLE}"
    path = file or config_file().with_name("serve.token")
    if not path.exists():
        _write_token(path)
    if os.name != "nt" and path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others, so its token is not used: chmod 600 {path}")
    return _checked(path.read_text("utf-8").strip(), str(path)), str(path)


def _checked(text: str, where: str) -> Token:
    if len(text) < _SHORTEST_TOKEN or not text.isascii() or not text.isprintable():
        raise ConfigError(
            f"The token in {where} has to be {_SHORTEST_TOKEN} printable ASCII characters or more, and random."
        )
    return Token(text)


def _write_token(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(secrets.token_urlsafe(32) + "\n")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


@contextlib.contextmanager
def _told_to_stop(event: threading.Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: event.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _invitation(uri: str, source: str) -> str:
    return "\n".join(
        [
            f"Serving the catalog videsk, read-only, on {uri}; the token is in {source}. Stop with Ctrl-C.",
            "In a DuckDB of the same version, with the extension quack:",
            f"  CREATE SECRET (TYPE quack, TOKEN '…', SCOPE '{uri}');",
            f"  ATTACH '{uri}' AS videsk (TYPE quack);",
            "  FROM videsk.query('FROM videsk.calls WHERE start_time >= current_date - 1');\n",
        ]
    )


def _log(session: str, sql: str, refused: str | None) -> None:
    sys.stderr.write(log_line(session, sql, refused))
    sys.stderr.flush()


def log_line(session: str, sql: str, refused: str | None) -> str:
    """One line for one statement: when, whose, whether it may run, and what it is.

    Texts in the statement are left out, except for dates, and of what is refused the statement is left out whole:
    it may hold anything. A session's id lets its bearer use it, so the line has a digest.
    """
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    client = hashlib.sha256(session.encode()).hexdigest()[:8]
    said = f"refused: {refused}" if refused else f"runs: {_without_texts(sql)}"
    return f"{moment} session {client} {one_line(redact(said), _LONGEST_LOGGED)}\n"


def _without_texts(sql: str) -> str:
    tokens = duckdb.tokenize(sql)
    encoded, pieces = sql.encode(), []
    ends = [start for start, _ in tokens[1:]] + [len(encoded)]
    for (start, kind), end in zip(tokens, ends, strict=True):
        piece = encoded[start:end].decode("utf-8", "replace")
        if kind == duckdb.token_type.string_const:
            date = _DATE.match(piece)
            pieces.append(f"{date[0] if date else _HIDDEN} ")
        else:
            # After the token come white space and comments, however nested; in DuckDB 2 a comment is a token itself.
            pieces.append(_COMMENT.sub(" ", piece))
    return "".join(pieces)
