"""The tables, in Markdown: what was measured, and which goals that meets."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from benchmarks.scenarios import GOAL_PACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measuring import Result

__all__ = ["goals", "line", "report"]

_HEAD = ("reader", "rows", "requests", "least", "429", "seconds", "× floor", "processor s", "peak MB")
_CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal and what was measured of it."""

    text: str
    limit: float
    found: float

    @property
    def met(self) -> bool:
        return self.found <= self.limit


def line(result: Result, floor: Result | None) -> tuple[str, ...]:
    """One result as the cells of a table."""
    lost = result.there - result.rows if result.scenario.task == "total" else 0
    return (
        result.contestant,
        f"{result.rows:,}" + (f" ({lost:,} lost)" if lost else ""),
        f"{result.requests:,}",
        f"{result.least:,}",
        f"{result.refused:,}",
        f"{result.seconds:.2f}",
        "" if floor is None else f"{result.seconds / floor.seconds:.2f}",
        f"{result.cpu_seconds:.2f}",
        f"{result.peak_mb:.0f}",
    )


def report(results: Sequence[Result], *, notes: Sequence[str] = ()) -> str:
    """All of it as Markdown."""
    parts = [f"{_machine()} {_versions(results)}", *notes]
    for scenario, group in groupby(results, key=lambda result: result.scenario):
        own = list(group)
        weather = scenario.weather
        rate = f"{weather.rate_per_second} requests a second" if weather.rate_per_second else "no rate limit"
        facts = f"cap {weather.cap:,}, {weather.latency_s * 1e3:.0f} ms latency, {rate}"
        packed = "gzip" if weather.gzip else "no gzip"
        parts.append(f"**{scenario.name}**: {scenario.title} ({facts}, {packed})")
        parts.append(_table([_HEAD, *(line(result, _floor(own)) for result in own)]))
    parts.append("**Goals**")
    parts.append(_table([("goal", "limit", "measured", ""), *(_goal_line(goal) for goal in goals(results))]))
    return "\n\n".join(parts) + "\n"


def goals(results: Sequence[Result]) -> list[Goal]:
    """The goals that these results say something about."""
    found: list[Goal] = []
    for scenario, group in groupby(results, key=lambda result: result.scenario):
        own = list(group)
        for result in own:
            if result.contestant.startswith("product"):
                found.extend(_goals_of(result, _floor(own), f"{scenario.name}, {result.contestant}"))
    return found


def _goals_of(result: Result, floor: Result | None, name: str) -> Iterator[Goal]:
    scenario, least = result.scenario, result.least
    if scenario.task == "total":
        again = result.contestant == "product again"
        most = 1.08 * least + 2 if again else 1.15 * least + _CONCURRENCY
        answered = result.requests - result.refused
        yield Goal(f"{name}: requests", most, answered)
        yield Goal(f"{name}: rows not there", 0, abs(result.there - result.rows))
    if scenario.task == "limit":
        yield Goal(f"{name}: requests", 2, result.requests)
    if scenario.paced and floor is not None:
        yield Goal(f"{name}: time by the floor's", GOAL_PACE, result.seconds / floor.seconds)
    if scenario.task == "first" and floor is not None:
        yield Goal(f"{name}: time by one bare request's", 1.5, result.seconds / floor.seconds)
    if scenario.weather.rate_per_second is not None and scenario.task == "total":
        yield Goal(f"{name}: 429s in a hundred requests", 1, 100 * result.refused / result.asked)
    if scenario.most_mb is not None:
        yield Goal(f"{name}: peak MB over the start", scenario.most_mb, result.peak_mb)


def _floor(results: Sequence[Result]) -> Result | None:
    return next((result for result in results if result.contestant == "floor"), None)


def _goal_line(goal: Goal) -> tuple[str, ...]:
    return goal.text, f"{goal.limit:.4g}", f"{goal.found:.4g}", "met" if goal.met else "**missed**"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *others)]
    return "\n".join(lines)


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), shared by the simulator and the reader; "
        f"{platform.system()}, Python {platform.python_version()}."
    )


def _versions(results: Sequence[Result]) -> str:
    versions = {name: version for result in results for name, version in result.versions.items()}
    return "Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + "."
