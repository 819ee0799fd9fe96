"""Ctrl-C as any thread can hear it.

Python runs a signal's handler in the main thread, and only between two of its own instructions. While that thread
waits inside DuckDB for a scan in another thread, nothing would tell the scan; the wake-up descriptor does. And the
handler would raise where DuckDB returns to: amid what has to be put back in order. There it waits for the end.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Doorbell", "doorbell"]


# Of these the code that goes into DuckDB and comes back is made.
_MACHINERY = {
    contextlib.contextmanager.__code__.co_filename,
    *(str(Path(__file__).with_name(name)) for name in ("interrupts.py", "running.py", "bridge.py")),
}


class Doorbell:
    """Rings where a SIGINT arrives while the main thread listens. Other handlers than Python's own are let alone."""

    def __init__(self) -> None:
        self._owed = False
        self._pair: tuple[socket.socket, socket.socket] | None = None
        self._before = -1
        self._depth = 0
        self._rung = False
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def listening(self) -> Iterator[bool]:
        """Within, `rings` may become true; gives whether it can.

        Raises:
            KeyboardInterrupt: at the end, where one arrived amid this program's own code.
        """
        if not self._can_listen():
            yield False
            return
        self._enter()
        try:
            yield True
        except KeyboardInterrupt:
            self._leave()
            raise
        except BaseException:
            if self._leave():
                raise KeyboardInterrupt from None
            raise
        if self._leave():
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def insisting(self) -> Iterator[None]:
        """Within, every error may be caught: DuckDB makes one of a KeyboardInterrupt that is raised where it calls.

        Raises:
            KeyboardInterrupt: at the end, where one arrived.
        """
        with self.listening() as listens:
            try:
                yield
            except Exception:
                if listens and self.rings():
                    raise KeyboardInterrupt from None
                raise
            if listens and self.rings():
                raise KeyboardInterrupt

    def rings(self) -> bool:
        """Whether a SIGINT arrived since the main thread began to listen."""
        if self._depth and not self._rung:
            self._drain()
        return self._rung

    def close(self) -> None:
        for end in self._pair or ():
            end.close()
        self._pair = None

    def _can_listen(self) -> bool:
        in_main = threading.current_thread() is threading.main_thread()
        return in_main and signal.getsignal(signal.SIGINT) in (signal.default_int_handler, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._rung = True
        if frame is not None and frame.f_code.co_filename in _MACHINERY:
            self._owed = True
            return
        signal.default_int_handler(number, frame)

    def _enter(self) -> None:
        if self._depth == 0:
            self._rung = self._owed = False
            signal.signal(signal.SIGINT, self._handle)
            self._pair = self._pair or _quiet_pair()
            self._before = signal.set_wakeup_fd(self._pair[1].fileno(), warn_on_full_buffer=False)
        self._depth += 1

    def _leave(self) -> bool:
        """Whether an interrupt has to be raised yet."""
        self._depth -= 1
        if self._depth:
            return False
        signal.set_wakeup_fd(self._before, warn_on_full_buffer=self._before == -1)
        self._drain()
        if signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return self._owed

    def _drain(self) -> None:
        with self._lock:
            try:
                numbers = self._pair[0].recv(4096) if self._pair else b""
            except BlockingIOError:
                return
        if self._before != -1:
            with contextlib.suppress(OSError):
                os.write(self._before, numbers)
        self._rung = self._rung or signal.SIGINT in numbers


def _quiet_pair() -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair()
    for end in pair:
        end.setblocking(False)
    return pair


doorbell = Doorbell()
atexit.register(doorbell.close)
