"""Locks between processes, on files: the system lets go of them when their process ends, however that comes."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Lease", "locked"]


# Waiting inside the system would hear no Ctrl-C while DuckDB waits for whoever waits there.
_STEP_SECONDS = 0.02
# EACCES is what Windows says.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


class Lease:
    """A shared claim on a lock file, held until `release`; several may hold one, of any process."""

    def __init__(self, file: Path) -> None:
        self._handle: int | None = _opened(file)
        try:
            if not _acquired(self._handle, exclusive=False, patience=math.inf):
                # A file system without locks: nobody can be kept out.
                self.release()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Idempotent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def locked(file: Path, *, patience: float = math.inf) -> Iterator[bool]:
    """Within, nobody else has the lock; gives whether that is so: a file system may have no locks.

    Args:
        patience: seconds to wait for another who has it.

    Raises:
        TimeoutError: another has it for longer.
    """
    handle = _opened(file)
    try:
        yield _acquired(handle, exclusive=True, patience=patience)
    finally:
        os.close(handle)


def _acquired(handle: int, *, exclusive: bool, patience: float) -> bool:
    """False where the file system has no locks; raises TimeoutError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _lock(handle, exclusive=exclusive)
        except OSError as error:
            if error.errno not in _TAKEN:
                return False
        else:
            return True
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another process or thread is at work in this folder")
        time.sleep(_STEP_SECONDS)


def _opened(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, *, exclusive: bool) -> None:
        if exclusive:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int, *, exclusive: bool) -> None:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
