"""Progress of long scans for people who watch: a line on a terminal or in a notebook, gone when the scan ends."""

from __future__ import annotations

import importlib
import io
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb_videsk.fetch import Progress

__all__ = ["ProgressLines", "watcher"]

_AFTER_SECONDS = 1.0
_NOTEBOOK_STEP_SECONDS = 0.2


class _Line(tqdm):  # type: ignore[misc]  # it ships no types
    # Its watchdog would be a thread that outlives the scan.
    monitor_interval = 0


class _NotebookLine(_Line):
    """One output of the cell that runs, which is replaced again and again, and empty at the end."""

    def __init__(self, **options: Any) -> None:
        self._publish = importlib.import_module("IPython.display").display
        self._shown_as = ""
        self._next = 0.0
        super().__init__(**{**options, "file": io.StringIO()})

    def display(self, msg: str | None = None, pos: int | None = None) -> None:  # noqa: ARG002 - as tqdm calls it
        if msg is None and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _NOTEBOOK_STEP_SECONDS
        known = bool(self._shown_as)
        self._shown_as = self._shown_as or secrets.token_hex(8)
        text = {"text/plain": str(self) if msg is None else msg}
        self._publish(text, raw=True, display_id=self._shown_as, update=known)


class ProgressLines:
    """Shows each scan that takes longer than a moment: requests answered of those expected, rows, time left.

    Args:
        stream: where the lines go; None for the notebook that runs.
        catalog: where the tables are.
        after_seconds: how long a scan stays unseen.
    """

    def __init__(
        self, stream: TextIO | None, *, catalog: str = "videsk", after_seconds: float = _AFTER_SECONDS
    ) -> None:
        self._stream = stream
        self._catalog = catalog
        self._after = after_seconds
        self._since: dict[int, float] = {}
        self._lines: dict[int, Any] = {}

    def __call__(self, progress: Progress) -> None:
        began = self._since.setdefault(progress.number, time.monotonic())
        if progress.ended:
            del self._since[progress.number]
            if (line := self._lines.pop(progress.number, None)) is not None:
                line.close()
        elif time.monotonic() - began >= self._after:
            line = self._lines.get(progress.number)
            line = self._new_line(progress) if line is None else line
            line.total = progress.expected
            line.n = progress.requests
            line.set_postfix_str(f"{progress.rows:,} rows")

    def _new_line(self, progress: Progress) -> Any:
        line = (_NotebookLine if self._stream is None else _Line)(
            desc=f"{self._catalog}.{progress.table}",
            unit=" requests",
            file=self._stream,
            leave=False,
            dynamic_ncols=True,
            mininterval=0,
        )
        line.start_t -= time.monotonic() - self._since[progress.number]
        self._lines[progress.number] = line
        return line


def watcher(wanted: bool | None, *, catalog: str = "videsk") -> Callable[[Progress], None] | None:
    """What an engine tells its progress to; None (the setting): only where somebody watches standard error."""
    notebook = _in_notebook()
    if wanted is None:
        wanted = notebook or (sys.stderr is not None and sys.stderr.isatty())
    return ProgressLines(None if notebook else sys.stderr, catalog=catalog) if wanted else None


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
