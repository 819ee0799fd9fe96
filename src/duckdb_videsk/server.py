"""A DuckDB that serves the catalog `videsk` to other processes over DuckDB's Quack extension, for reading only.

Three walls stand behind each other: the gate judges every statement, the database has no table to write into, and its
configuration is locked with files, network, extensions and Python out of reach.
"""

from __future__ import annotations

import contextlib
import hmac
import importlib.util
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from duckdb.sqltypes import BOOLEAN, VARCHAR

from duckdb_videsk.connection import Connection
from duckdb_videsk.errors import ConfigError
from duckdb_videsk.gate import Gate, Refused
from duckdb_videsk.opening import engine_catalog
from duckdb_videsk.session import set_time_zone
from duckdb_videsk.views import CATALOG, quoted, text_literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from duckdb_videsk.settings import Settings, Token

__all__ = ["LOOPBACK", "Limits", "Server", "free_port", "load_quack"]

LOOPBACK = "127.0.0.1"
_MAY_CONNECT = "videsk_may_connect"
_MAY_RUN = "videsk_may_run"
_NO_FILES = ("SET temp_directory = ''", "SET enable_external_access = false")
_LOCK = (
    "SET allow_community_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_persistent_secrets = false",
    f"SET GLOBAL quack_authentication_function = '{_MAY_CONNECT}'",
    f"SET GLOBAL quack_authorization_function = '{_MAY_RUN}'",
    "SET lock_configuration = true",
)
_TICK_SECONDS = 0.5
_SETTLING_SECONDS = 5.0


class Limits:
    """What all clients together may take.

    Attributes:
        queries: that run at once, or whose rows were not read to the end.
        seconds: after which a query's scans of the API are stopped, and it no longer counts among those.
        sessions: that are open. DuckDB 1.5 never closes those of clients that vanished, and its list of them, from
            which queries under way are counted, has room for 2,048.
    """

    def __init__(self, queries: int = 16, seconds: float = 600.0, sessions: int = 1_000) -> None:
        self.queries = queries
        self.seconds = seconds
        self.sessions = sessions


class Server:
    """The catalog on a port of this machine, until closed.

    Attributes:
        uri: what a client attaches, such as `quack:127.0.0.1:9494`.
        loads: statements that load the extension, for a shell of the same version on this machine.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        token: Token,
        port: int,
        host: str = LOOPBACK,
        limits: Limits | None = None,
        told: Callable[[str, str, str | None], None] = lambda *_: None,
    ) -> None:
        """Start serving.

        Args:
            settings: of the catalog.
            token: that clients show.
            port: to listen on.
            host: the address to listen on; the traffic is plain HTTP.
            limits: what clients may take.
            told: called for each statement, in any thread: session, SQL, and why it was refused or None.

        Raises:
            ConfigError: the extension is missing, or the address cannot be listened on.
        """
        self.uri = f"quack:{f'[{host}]' if ':' in host else host}:{port}"
        self._limits = limits or Limits()
        self._told = told
        self._stopping = threading.Event()
        native = duckdb.connect(":memory:", config={"python_enable_replacements": False})
        try:
            self.loads = load_quack(native)
            # Before the catalog is there: days that are kept come through it then, since DuckDB may open no file.
            for statement in _NO_FILES:
                native.execute(statement)
            set_time_zone(native, settings.time_zone)
            self._catalog = engine_catalog(native, settings)
        except BaseException:
            native.close()
            raise
        self._catalog.served = True
        self._connection = Connection(native, self._catalog, owns_native=True)
        self._counter = native.cursor()
        self._counting = threading.Lock()
        self._gate = Gate(native)
        self._watch = threading.Thread(target=self._stop_long_scans, name="videsk-server", daemon=True)
        try:
            _mirror(native)
            self._open(native, host, token)
        except BaseException:
            self._close_all()
            raise
        self._watch.start()

    def interrupt(self) -> None:
        """Stop the scans under way; the server goes on."""
        self._catalog.board.stop_all()

    def close(self) -> None:
        """Take no more queries, let those at work end for a moment, and close; idempotent."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._watch.join()
        with contextlib.suppress(duckdb.Error):
            self._connection.native.execute(f"CALL quack_stop({text_literal(self.uri)})")
        self._catalog.board.settle(_SETTLING_SECONDS)
        self._close_all()

    def _close_all(self) -> None:
        self._counter.close()
        self._connection.close()
        self._gate.close()

    def _open(self, native: duckdb.DuckDBPyConnection, host: str, token: Token) -> None:
        native.create_function(_MAY_CONNECT, self._may_connect, [VARCHAR] * 3, BOOLEAN)
        native.create_function(_MAY_RUN, self._may_run, [VARCHAR] * 2, BOOLEAN)
        for statement in _LOCK:
            native.execute(statement)
        try:
            native.execute(
                f"CALL quack_serve({text_literal(self.uri)}, token := {text_literal(token.reveal())}, "
                f"allow_other_hostname := {str(host != LOOPBACK).lower()}, disable_ssl := true)"
            )
        except duckdb.Error as error:
            # The text of the error may quote the statement, and with it the token.
            raise ConfigError(f"Cannot serve on {self.uri}: {_first_line(error, token)}") from None

    def _may_connect(self, session: str, shown: str, token: str) -> bool:
        """Quack's authentication callback."""
        if not hmac.compare_digest(shown.encode(), token.encode()):
            return False
        with self._counting:
            row = self._counter.execute("SELECT sum(active_connections) FROM quack_server_list()").fetchone()
        if row is not None and (row[0] or 0) < self._limits.sessions:
            return True
        self._told(session, "", f"{self._limits.sessions} sessions are open already; a restart closes them")
        return False

    def _may_run(self, session: str, sql: str) -> bool:
        """Quack's authorisation callback: anything but true refuses."""
        reason: str | None = None
        try:
            self._gate.check(sql)
            if self._queries_under_way(session) >= self._limits.queries:
                reason = f"{self._limits.queries} queries are under way already"
        except Refused as refused:
            reason = str(refused)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here must refuse
            reason = f"it could not be judged ({type(error).__name__})"
        self._told(session, sql, reason)
        return reason is None

    def _queries_under_way(self, session: str) -> int:
        sql = (
            "SELECT count(*) FROM quack_active_connections() WHERE state = 'active' AND connection_id <> ? "
            "AND query_started_at > (now() AT TIME ZONE 'UTC') - to_seconds(?)"
        )
        with self._counting:
            row = self._counter.execute(sql, [session, self._limits.seconds]).fetchone()
        return int(row[0]) if row else 0

    def _stop_long_scans(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            self._catalog.board.stop_older(self._limits.seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def load_quack(native: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Load the Quack extension; gives the statements that did.

    It is the file of the package `duckdb-extension-quack`, the installed extension, or DuckDB's own to install.

    Raises:
        ConfigError: it cannot be had; says how.
    """
    return (*_load(native, "httpfs"), *_load(native, "quack"))


def _load(native: duckdb.DuckDBPyConnection, name: str) -> tuple[str, ...]:
    file = _packaged(name)
    first = f"LOAD {text_literal(str(file))}" if file else f"LOAD {name}"
    for statements in ((first,), (f"INSTALL {name}", f"LOAD {name}")):
        try:
            for statement in statements:
                native.execute(statement)
        except duckdb.Error as error:
            reason = _first_line(error)
        else:
            return statements
    raise ConfigError(
        f"DuckDB {duckdb.__version__} has no extension {name!r} here, and could not install it ({reason}). "
        "With DuckDB 1.5.5 it comes along with: pip install 'duckdb-videsk[shell]'"
    )


def _packaged(name: str) -> Path | None:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    return None


def _first_line(error: Exception, token: Token | None = None) -> str:
    line = str(error).split("\n", 1)[0]
    return line.replace(token.reveal(), "<token>") if token else line


def _mirror(native: duckdb.DuckDBPyConnection) -> None:
    """A client sees the views of the server's first database: put one on each of the catalog's own."""
    views = "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = ? AND NOT internal"
    for schema, view in native.execute(views, [CATALOG]).fetchall():
        name = f"{quoted(schema)}.{quoted(view)}"
        native.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        native.execute(f"CREATE VIEW {name} AS FROM {CATALOG}.{name}")
