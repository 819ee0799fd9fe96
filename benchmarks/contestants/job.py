"""What every contestant is told and has to report, and how its time and memory are taken."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Job", "Outcome", "run"]


@dataclass(frozen=True, slots=True)
class Job:
    """One contestant's task.

    Attributes:
        url: of the simulator.
        start, end: the instants between which calls are wanted, ISO 8601.
        lower, upper: whether the query names them; where it does not, they are still where all calls lie.
        ranges: the best ranges to ask for, for a client that knows them.
        concurrency: requests at once.
        rate: requests a second that the server allows.
        task: "total" (count and sum over all), "first" (until the first rows) or "limit" (ten rows).
        keep: a folder for what a contestant may learn and keep between runs.
    """

    url: str
    start: str
    end: str
    lower: bool = True
    upper: bool = True
    ranges: tuple[tuple[str, str], ...] = ()
    concurrency: int = 8
    rate: int | None = None
    task: str = "total"
    keep: str | None = None


@dataclass(slots=True)
class Outcome:
    """What came of it; times in seconds, memory in megabytes over the process's start (imports are before it)."""

    rows: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)


def run(contestant: Callable[[Job], int], *, versions: dict[str, str] | None = None) -> None:
    """Do the job that stands in the first argument, and print the outcome; `contestant` gives the rows it read."""
    facts: dict[str, Any] = json.loads(sys.argv[1])
    job = Job(**facts | {"ranges": tuple(map(tuple, facts["ranges"]))})
    before = _held()
    started, worked = time.perf_counter(), time.process_time()
    rows = contestant(job)
    outcome = Outcome(
        rows=rows,
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - worked,
        peak_mb=(_most_held() - before) / 1_024,
        versions=versions or {},
    )
    print(json.dumps(asdict(outcome)))


def _held() -> int:
    """Kilobytes held now."""
    return _status("VmRSS:") or _most_held()


def _most_held() -> int:
    """The most kilobytes held so far."""
    # On Linux the figure of `resource` begins at that of the parent, so it is only for where there is no other.
    return _status("VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _MAC_UNIT


def _status(name: str) -> int:
    try:
        text = Path("/proc/self/status").read_text("utf-8")
    except FileNotFoundError:
        return 0
    return int(text.partition(name)[2].split()[0])


_MAC_UNIT = 1_024 if sys.platform == "darwin" else 1
