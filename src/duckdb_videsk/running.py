"""Scans under way: whose each one is, how it is told to stop, and what made one fail.

DuckDB runs a scan in any of its threads and hands on only the text of an error. So a scan looks for a stop between
two short waits, and a failure leaves its exception here under a mark that stands in the text.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from duckdb_videsk.guard import Allowance
from duckdb_videsk.interrupts import doorbell

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Board", "FailedScan", "Failures", "Owner", "Stopped", "Ticket", "failures"]

_MARK = re.compile(r"\[videsk scan ([0-9a-f]{16})\]")
_SETTLING_STEP = 0.01
_QUIET_STEPS = 5


class Stopped(Exception):  # noqa: N818 - no fault: somebody asked for it
    """The scan was told to stop."""


class FailedScan(Exception):  # noqa: N818 - the bearer of an error
    """What DuckDB sees of a failure: the error's own text, and the mark it is kept under."""


class Failures:
    """The latest exceptions of scans, by mark."""

    def __init__(self, keep: int = 64) -> None:
        self._kept: OrderedDict[str, BaseException] = OrderedDict()
        self._keep = keep
        self._lock = threading.Lock()

    def bear(self, error: BaseException) -> FailedScan:
        """An exception to raise into DuckDB in place of `error`, which is kept."""
        mark = secrets.token_hex(8)
        with self._lock:
            self._kept[mark] = error
            if len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        # DuckDB 1.5 ends a text at a NUL.
        text = str(error).replace("\0", "␀")
        return FailedScan(f"{type(error).__name__}: {text} [videsk scan {mark}]")

    def original(self, text: str) -> BaseException | None:
        """The exception whose mark stands in `text`; None where there is no mark, or it is long ago."""
        with self._lock:
            found = [self._kept.pop(mark) for mark in set(_MARK.findall(text)) if mark in self._kept]
        return found[0] if found else None


failures = Failures()


class Owner:
    """One of our connections.

    Attributes:
        allowance: of the query that it runs.
    """

    def __init__(self) -> None:
        self.allowance = Allowance()


class Ticket:
    """One scan's standing order: go on until told to stop.

    Attributes:
        owner: the connection whose scan it is; None where that is unknown, or no connection of ours.
        ours: whether it can be a scan of one of our connections.
        stopped: whether it was told to stop.
        at_work: whether DuckDB waits for it.
        began: when, on the monotonic clock.
        ahead: whether it is to begin before DuckDB wants rows.
    """

    def __init__(self, board: Board, owner: Owner | None, *, ours: bool) -> None:
        self.owner = owner
        self.ours = ours
        self.stopped = False
        self.at_work = True
        self.began = time.monotonic()
        self.ahead = False
        self._board = board

    def check(self) -> None:
        """Raises Stopped once the scan was told to stop."""
        self._board.heed_doorbell()
        if self.stopped:
            raise Stopped("The query was interrupted.")

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Within, the scan waits for DuckDB to want more."""
        self.at_work = False
        try:
            yield
        finally:
            self.at_work = True


_STRANGER = Owner()


class Board:
    """The scans of one catalog that run now."""

    def __init__(self) -> None:
        self._tickets: set[Ticket] = set()
        self._executing: dict[int, Owner] = {}
        self._main = threading.main_thread().ident
        self._rehearsing: set[Owner] = set()

    @contextmanager
    def executing(self, owner: Owner) -> Iterator[None]:
        """Within, scans that this thread sets off are the owner's, and Ctrl-C in the main thread stops them."""
        thread = threading.get_ident()
        before = self._executing.get(thread)
        self._executing[thread] = owner
        try:
            with doorbell.listening():
                yield
        finally:
            if before is None:
                del self._executing[thread]
            else:
                self._executing[thread] = before

    @contextmanager
    def rehearsing(self, owner: Owner) -> Iterator[None]:
        """Within, the owner's scans are not to be made."""
        self._rehearsing.add(owner)
        try:
            yield
        finally:
            self._rehearsing.discard(owner)

    def is_rehearsal(self, ticket: Ticket) -> bool:
        """Whether a scan is one that is not to be made."""
        return ticket.owner in self._rehearsing

    def new_ticket(self) -> Ticket:
        """A ticket for a scan that is set off in this thread."""
        owner = self._owner()
        return Ticket(self, owner, ours=owner is not _STRANGER and bool(self._executing))

    def heed_doorbell(self) -> None:
        """After Ctrl-C, stop what the main thread waits for."""
        if doorbell.rings() and (owner := self._executing.get(self._main or 0)) is not None:
            self.stop(owner, unclaimed=True)

    @contextmanager
    def running(self, ticket: Ticket) -> Iterator[Ticket]:
        self._tickets.add(ticket)
        try:
            yield ticket
        finally:
            self._tickets.discard(ticket)

    def stop(self, owner: Owner, *, unclaimed: bool = False) -> None:
        """Tell the owner's scans to stop; with `unclaimed` also those of which nobody knows whose they are."""
        for ticket in list(self._tickets):
            if ticket.owner is owner or (unclaimed and ticket.owner is None):
                ticket.stopped = True

    def stop_all(self) -> bool:
        """Tell every scan to stop; gives whether there were any."""
        tickets = list(self._tickets)
        for ticket in tickets:
            ticket.stopped = True
        return bool(tickets)

    def stop_older(self, seconds: float) -> int:
        """Tell the scans that began so long ago to stop; gives how many there were that had not been told."""
        latest = time.monotonic() - seconds
        old = [ticket for ticket in list(self._tickets) if ticket.began < latest and not ticket.stopped]
        for ticket in old:
            ticket.stopped = True
        return len(old)

    def settle(self, seconds: float) -> None:
        """After `stop_all`: wait for the scans at work to end, and for the calls of other threads to return.

        A scan may rest for a moment only, and DuckDB needs one after its end: so it has to stay quiet for a while.
        """
        deadline = time.monotonic() + seconds
        quiet_steps = 0
        while quiet_steps < _QUIET_STEPS and time.monotonic() < deadline:
            time.sleep(_SETTLING_STEP)
            quiet_steps = 0 if self._is_busy() else quiet_steps + 1

    def _is_busy(self) -> bool:
        others_execute = any(thread != threading.get_ident() for thread in list(self._executing))
        return others_execute or any(ticket.at_work for ticket in list(self._tickets))

    def _owner(self) -> Owner | None:
        """Whose thread this is; for a thread of DuckDB's own, who executes, where that is only one."""
        thread = threading.get_ident()
        if thread in self._executing:
            return self._executing[thread]
        if any(known.ident == thread and not _is_foreign(known) for known in threading.enumerate()):
            return _STRANGER
        owners = set(self._executing.values())
        return owners.pop() if len(owners) == 1 else None


def _is_foreign(thread: threading.Thread) -> bool:
    """Whether Python did not start a thread, and only met it: it may be one of DuckDB's."""
    return isinstance(thread, threading._DummyThread)  # noqa: SLF001 - documented under this name
