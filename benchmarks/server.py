"""The simulator in a process of its own, so that its work is not in a contestant's; told what to do by lines of JSON.

Run as a module it is that process. `SimulatorProcess` is the other end of the line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.asking import asked_body, headers
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Account", "SimulatorProcess", "Weather"]

_DAY = timedelta(days=1)
_SPARE_CACHE = 1.3
_ROW_BYTES = 560
_WARMERS = 2


@dataclass(frozen=True, slots=True)
class Account:
    """The calls to serve.

    Attributes:
        cached: keep all of the text; else it is made as it is asked for, within 256 MiB.
    """

    since: date
    days: int
    calls_per_day: float
    cached: bool = True

    @property
    def start(self) -> datetime:
        """Before the first call."""
        return datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """After the last call, which may be one of the last local evening."""
        return self.start + (self.days + 1) * _DAY


@dataclass(frozen=True, slots=True)
class Weather:
    """How the server behaves."""

    cap: int
    latency_s: float = 0.0
    rate_per_second: int | None = None
    gzip: bool = True


class SimulatorProcess:
    """A running simulator; use it in a with statement."""

    def __init__(self, account: Account) -> None:
        self.account = account
        given = json.dumps(asdict(account) | {"since": account.since.isoformat()})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", given],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url: str = self._line()["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def warm(self, start: datetime, end: datetime) -> None:
        """Have the text of those calls made, as far as it can be kept."""
        self._tell("warm", start=start.isoformat(), end=end.isoformat())

    def behave(self, weather: Weather) -> None:
        self._tell("behave", **asdict(weather))

    def count(self, start: datetime, end: datetime) -> int:
        return int(self._tell("count", start=start.isoformat(), end=end.isoformat()))

    def best_ranges(self, start: datetime, end: datetime, cap: int) -> list[tuple[str, str]]:
        """The fewest ranges with at most `cap` calls each, as `start` and `end` to send."""
        return [(a, b) for a, b in self._tell("split", start=start.isoformat(), end=end.isoformat(), cap=cap)]

    def asked(self) -> dict[str, Any]:
        """What was asked since `forget`."""
        with urllib.request.urlopen(f"{self.url}/simulator/asked") as answer:  # noqa: S310 - our own server
            return dict(json.load(answer))

    def forget(self) -> None:
        urllib.request.urlopen(f"{self.url}/simulator/forget", data=b"{}").close()  # noqa: S310 - our own server

    def _tell(self, order: str, **facts: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"order": order, **facts}) + "\n")
        self._process.stdin.flush()
        return self._line()["done"]

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the simulator's process has ended")
        return dict(json.loads(line))


class _Served:
    """The simulator's own side: one method an order."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def behave(self, **facts: Any) -> None:
        self._simulator.behaviour = Behaviour(**facts)

    def count(self, start: str, end: str) -> int:
        return self._simulator.count("calls", start=_moment(start), end=_moment(end))

    def warm(self, start: str, end: str) -> None:
        behaviour, self._simulator.behaviour = self._simulator.behaviour, Behaviour(cap=1_000_000, gzip=False)
        first, days = _moment(start), (_moment(end) - _moment(start)).days
        with ThreadPoolExecutor(_WARMERS) as threads:
            list(threads.map(self._ask_for, (first + number * _DAY for number in range(days))))
        self._simulator.behaviour = behaviour
        self._simulator.forget_asked()

    def _ask_for(self, day: datetime) -> None:
        body = asked_body(day.isoformat(), (day + _DAY).isoformat())
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self._simulator.url}/reports/exports/calls", data=body, headers=headers(self._simulator.token)
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own server
            answer.read()

    def split(self, start: str, end: str, cap: int) -> list[tuple[str, str]]:
        first, last = int(_moment(start).timestamp()), int(_moment(end).timestamp())
        pieces = -(-self._rows(first, last) // cap)
        while True:
            edges = self._edges(first, last, pieces)
            if all(self._rows(a, b) <= cap for a, b in pairwise(edges)):
                break
            pieces += 1
        return [(_text(a), _text(b, before=1)) for a, b in pairwise(edges)]

    def _edges(self, first: int, last: int, pieces: int) -> list[int]:
        rows = self._rows(first, last)
        inner = [self._passed(first, last, rows * number // pieces) for number in range(1, pieces)]
        return [first, *inner, last]

    def _passed(self, first: int, last: int, rows: int) -> int:
        """The second by which so many rows have come."""
        low, high = first, last
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._rows(first, middle) <= rows else (low, middle)
        return low

    def _rows(self, first: int, last: int) -> int:
        return self.count(_text(first), _text(last))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(second: int, *, before: int = 0) -> str:
    """An instant, so many milliseconds earlier."""
    return (datetime.fromtimestamp(second, UTC) - timedelta(milliseconds=before)).isoformat()


def _serve(account: Account) -> None:
    most = int(account.calls_per_day * account.days * _ROW_BYTES * _SPARE_CACHE) if account.cached else 0
    source = SyntheticAccount(
        since=account.since,
        until=account.since + account.days * _DAY,
        calls_per_day=account.calls_per_day,
        cache_bytes=max(most, 256 << 20),
    )
    with Simulator(source) as simulator:
        served = _Served(simulator)
        print(json.dumps({"url": simulator.url}), flush=True)
        for line in sys.stdin:
            facts = json.loads(line)
            done = getattr(served, facts.pop("order"))(**facts)
            print(json.dumps({"done": done}), flush=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    _serve(Account(**given | {"since": date.fromisoformat(given["since"])}))
