"""What the tests of `videsk shell` and `videsk serve` share: an account, the real command, a terminal."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.server import load_quack
from duckdb_videsk.simulator import Behaviour, Records, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API_TOKEN = "tok-never-to-be-seen"
START = datetime(2026, 3, 1, 3, tzinfo=UTC)
ROWS = [
    {"id": f"{int(moment.timestamp()):08x}{number:016x}", "startTime": moment, "agent": ("Añá", "Bruno")[number % 2]}
    for number in range(400)
    for moment in [START + number * timedelta(hours=1)]
]
HAS_EXTRA = all(
    importlib.util.find_spec(name) for name in ("duckdb_cli", "duckdb_extension_httpfs", "duckdb_extension_quack")
)
WITHOUT_EXTRA = "needs the extra `shell`: DuckDB's shell and its Quack extension, of this version"
# SIGINT is ignored in children of a shell's background job; the entry point itself is what the installed script runs.
ENTRY = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from duckdb_videsk.cli import main; sys.exit(main())"
)
COMMAND = [sys.executable, "-c", ENTRY]


@contextlib.contextmanager
def account(folder: Path, **behaviour: Any) -> Iterator[tuple[Simulator, dict[str, str]]]:
    """A simulator, and an environment that names it."""
    with Simulator(Records({"calls": ROWS}), behaviour=Behaviour(**behaviour), token=API_TOKEN) as simulator:
        yield (
            simulator,
            {
                **{name: value for name, value in os.environ.items() if not name.startswith("VIDESK_")},
                "VIDESK_BASE_URL": simulator.url,
                "VIDESK_API_TOKEN": API_TOKEN,
                "VIDESK_TIME_ZONE": "America/Santiago",
                "VIDESK_CACHE_DIR": "none",
                "XDG_CONFIG_HOME": str(folder),
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "TERM": "xterm",
            },
        )


def client(uri: str, token: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB that has attached the server as `videsk`."""
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
    try:
        load_quack(connection)
        connection.execute(f"ATTACH '{uri}' AS videsk (TYPE quack, TOKEN '{token}')")
    except BaseException:
        connection.close()
        raise
    return connection


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        import fcntl  # noqa: PLC0415 - there is none on Windows
        import struct  # noqa: PLC0415
        import termios  # noqa: PLC0415

        self._screen, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
        self.child = subprocess.Popen(
            ["/usr/bin/setsid", "--ctty", "--wait", *command],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment,
        )
        os.close(inner)
        self.shown = b""
        self._seen = 0

    def wait_for(self, text: str, seconds: float = 40.0) -> None:
        """Until the program has shown this, after what was waited for before."""
        deadline = time.monotonic() + seconds
        while (place := self.shown.find(text.encode(), self._seen)) < 0:
            assert time.monotonic() < deadline, self.shown.decode(errors="replace")
            assert self.read() or text.encode() in self.shown[self._seen :], self.shown.decode(errors="replace")
        self._seen = place + len(text.encode())

    def read(self, seconds: float = 0.1) -> bool:
        """Take what is there; whether the program still holds the terminal."""
        if not select.select([self._screen], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._screen, 65_536)
        except OSError:
            return False
        # The shell asks where the cursor is, and waits for the answer.
        os.write(self._screen, b"\x1b[1;1R" * data.count(b"\x1b[6n"))
        self.shown += data
        return bool(data)

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def end(self) -> int:
        while self.read():
            pass
        return self.child.wait(20)

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self._screen)
