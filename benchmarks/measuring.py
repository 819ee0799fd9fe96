"""Runs the scenarios: a simulator for each account, a fresh process for each contestant and round."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.contestants.job import Job, Outcome
from benchmarks.scenarios import ACCOUNTS
from benchmarks.server import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from benchmarks.scenarios import Scenario

__all__ = ["Contestant", "Result", "measured"]

_ROOT = Path(__file__).parent.parent
_LONGEST_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Contestant:
    """A module to run, and what it needs that this environment may lack."""

    module: str
    needs: str | None = None
    again: bool = False


_CONTESTANTS = {
    "floor": Contestant("floor"),
    "product": Contestant("product"),
    "product again": Contestant("product", again=True),
    "plain loop": Contestant("plain_loop", "pandas"),
    "sqlite adapter": Contestant("sqlite_adapter", "shillelagh"),
    "dlt resource": Contestant("dlt_resource", "dlt"),
}
_ROUNDS_OF_OTHERS = 1


@dataclass(slots=True)
class Result:
    """What one contestant did in one scenario.

    Attributes:
        rows: as the contestant counted them.
        there: rows in the range.
        least: requests that a client cannot do without.
        requests: asked, refused ones included; the most of all rounds.
        refused: answers with status 429, of all rounds; `asked` is what they are a share of.
        seconds, cpu_seconds: the median round.
        peak_mb: the largest.
    """

    scenario: Scenario
    contestant: str
    rows: int
    there: int
    least: int
    requests: int
    refused: int
    asked: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    versions: dict[str, str] = field(default_factory=dict)


def measured(scenarios: Sequence[Scenario]) -> Iterator[Result]:
    """The results, one by one as they come."""
    for name in dict.fromkeys(scenario.account for scenario in scenarios):
        own = [scenario for scenario in scenarios if scenario.account == name]
        with SimulatorProcess(ACCOUNTS[name]) as simulator:
            simulator.warm(simulator.account.start, max(_end(scenario) for scenario in own))
            for scenario in own:
                yield from _Arena(simulator, scenario).results()


def _end(scenario: Scenario) -> datetime:
    account = ACCOUNTS[scenario.account]
    return account.end if scenario.days is None else account.start + timedelta(days=scenario.days)


class _Arena:
    """One scenario on a running simulator."""

    def __init__(self, simulator: SimulatorProcess, scenario: Scenario) -> None:
        self._simulator = simulator
        self._scenario = scenario
        start, end = simulator.account.start, _end(scenario)
        cap = scenario.weather.cap
        self._there = simulator.count(start, end)
        self._least = max(1, -(-self._there // cap)) if scenario.task == "total" else 1
        knowing = "floor" in scenario.contestants
        self._job = Job(
            url=simulator.url,
            start=start.isoformat(),
            end=end.isoformat(),
            lower=scenario.lower,
            upper=scenario.upper,
            ranges=tuple(simulator.best_ranges(start, end, cap)) if knowing else (),
            rate=scenario.weather.rate_per_second,
            task=scenario.task,
        )
        simulator.behave(scenario.weather)

    def results(self) -> Iterator[Result]:
        for name in self._scenario.contestants:
            contestant = _CONTESTANTS[name]
            if contestant.needs is not None and find_spec(contestant.needs) is None:
                print(f"{name}: left out, since {contestant.needs} is not installed", file=sys.stderr)
                continue
            rounds = self._scenario.rounds if contestant.needs is None else _ROUNDS_OF_OTHERS
            yield self._result(name, list(self._rounds(contestant, rounds)))

    def _rounds(self, contestant: Contestant, rounds: int) -> Iterator[tuple[Outcome, dict[str, Any]]]:
        with tempfile.TemporaryDirectory() as folder:
            job = asdict(self._job) | {"keep": folder if contestant.again else None}
            if contestant.again:
                _run(contestant, job)
            for _ in range(rounds):
                self._simulator.forget()
                outcome = _run(contestant, job)
                yield outcome, self._simulator.asked()

    def _result(self, name: str, rounds: Sequence[tuple[Outcome, dict[str, Any]]]) -> Result:
        outcomes = [outcome for outcome, _ in rounds]
        return Result(
            scenario=self._scenario,
            contestant=name,
            rows=outcomes[0].rows,
            there=self._there,
            least=self._least,
            requests=max(asked["requests"] for _, asked in rounds),
            refused=sum(asked["statuses"].get("429", 0) for _, asked in rounds),
            asked=sum(asked["requests"] for _, asked in rounds),
            seconds=median(outcome.seconds for outcome in outcomes),
            cpu_seconds=median(outcome.cpu_seconds for outcome in outcomes),
            peak_mb=max(outcome.peak_mb for outcome in outcomes),
            versions=outcomes[0].versions,
        )


def _run(contestant: Contestant, job: dict[str, Any]) -> Outcome:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.contestants.{contestant.module}", json.dumps(job)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_LONGEST_SECONDS,
    )
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))
