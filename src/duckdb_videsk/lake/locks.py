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


_STEP_SECONDS = 0.02


class Lease:
    """A shared claim on a lock file, held until `release`; several may hold one, of any process."""

    def __init__(self, file: Path) -> None:
        self._handle: int | None = _opened(file)
        try:
            # Inside the system, where it has its turn as soon as the lock is free; Ctrl-C in the main thread ends it.
            _lock(self._handle, exclusive=False, wait=True)
        except OSError:
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
        yield _acquired(handle, patience)
    finally:
        os.close(handle)


def _acquired(handle: int, patience: float) -> bool:
    """False where the file system has no locks; raises TimeoutError.

    It waits in steps: inside the system it would wait for ever, where DuckDB waits for it and nobody hears Ctrl-C.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            _lock(handle, exclusive=True, wait=False)
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

    _TAKEN = {errno.EACCES}

    def _lock(handle: int, *, exclusive: bool, wait: bool) -> None:
        if exclusive:
            msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    _TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN}

    def _lock(handle: int, *, exclusive: bool, wait: bool) -> None:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
