"""Locks between processes, on files: the system lets go of them when their process ends, however that comes."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Lease", "locked"]


class Lease:
    """A shared claim on a lock file, held until `release`; several may hold one, of any process."""

    def __init__(self, file: Path) -> None:
        self._handle: int | None = _opened(file)
        try:
            _lock(self._handle, exclusive=False, wait=True)
        except OSError:
            # A file system without locks: nobody can be kept out.
            self.release()

    def release(self) -> None:
        """Idempotent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def locked(file: Path, *, wait: bool = True) -> Iterator[bool]:
    """Within, nobody else has the lock; gives whether that is so: with `wait` false, another may have it."""
    handle = _opened(file)
    try:
        yield _try_exclusive(handle, wait=wait)
    finally:
        os.close(handle)


def _opened(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)


def _try_exclusive(handle: int, *, wait: bool) -> bool:
    try:
        _lock(handle, exclusive=True, wait=wait)
    except OSError:
        return False
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, *, exclusive: bool, wait: bool) -> None:
        if exclusive:
            msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int, *, exclusive: bool, wait: bool) -> None:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
