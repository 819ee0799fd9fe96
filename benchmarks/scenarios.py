"""What is measured: which calls, served how, read by whom, and what has to come out. One entry a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from benchmarks.server import Account, Weather

__all__ = ["ACCOUNTS", "FULL", "GOAL_PACE", "QUICK", "Scenario"]

GOAL_PACE = 1.25
_DISTANT = Weather(cap=5_000, latency_s=0.15, rate_per_second=20)
_NEAR = Weather(cap=5_000)
_READERS = ("floor", "product")
_EVERYBODY = ("floor", "product", "product again", "plain loop", "sqlite adapter", "dlt resource")

ACCOUNTS = {
    "sixty days": Account(date(2026, 3, 2), 60, 2_336),
    "two weeks": Account(date(2026, 3, 2), 14, 1_000),
    "six hundred thousand": Account(date(2025, 1, 6), 365, 1_600),
    "ten million": Account(date(2024, 1, 1), 730, 12_420),
}
"""By name; the least calls that the name promises are in it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of rows: the same calls read by several contestants.

    Attributes:
        name: for `--only`.
        title: for people.
        account: one of `ACCOUNTS`.
        weather: of the server.
        contestants: who reads, the floor first.
        days: how many of the account's days are wanted; all of them where None.
        lower, upper: whether the query names the ends of the range.
        task: see `Job`.
        rounds: how often; the median time and the largest memory count.
        most_mb: memory that the product may take, where this scenario is about that.
        paced: whether the goal on time is for this scenario.
    """

    name: str
    title: str
    account: str
    weather: Weather
    contestants: tuple[str, ...] = _READERS
    days: int | None = None
    lower: bool = True
    upper: bool = True
    task: str = "total"
    rounds: int = 1
    most_mb: int | None = None
    paced: bool = True


_SMALL_CAP = Weather(cap=1_000, latency_s=0.15, rate_per_second=20)
_LARGE_CAP = Weather(cap=100_000, latency_s=0.15, rate_per_second=20)
_TEN_ROWS = Scenario(
    "limit", "LIMIT 10, beside one bare request", "sixty days", _DISTANT, task="limit", rounds=3, paced=False
)
_FIRST_ROWS = Scenario(
    "first-rows",
    "first batch of a reader, beside one bare request",
    "sixty days",
    _DISTANT,
    task="first",
    rounds=3,
    paced=False,
)

FULL = (
    Scenario("headline", "60 days", "sixty days", _DISTANT, _EVERYBODY, rounds=3),
    Scenario("cap-1000", "60 days, cap 1,000", "sixty days", _SMALL_CAP, (*_READERS, "product again", "plain loop")),
    Scenario("cap-100000", "60 days, cap 100,000", "sixty days", _LARGE_CAP, (*_READERS, "product again"), rounds=3),
    Scenario("half-bounded", "60 days, no upper end", "sixty days", _DISTANT, upper=False, rounds=3),
    Scenario("unbounded", "60 days, no end named", "sixty days", _DISTANT, lower=False, upper=False, rounds=3),
    _FIRST_ROWS,
    _TEN_ROWS,
    Scenario("near", "60 days, no latency", "sixty days", _NEAR, rounds=3),
    Scenario("near-plain", "60 days, no latency, no gzip", "sixty days", Weather(cap=5_000, gzip=False), rounds=3),
    Scenario("near-100000", "a tenth, no latency, cap 100,000", "ten million", Weather(cap=100_000), days=73),
    Scenario(
        "memory-5000", "a tenth, cap 5,000", "ten million", _NEAR, ("product",), days=73, most_mb=150, paced=False
    ),
    Scenario(
        "memory-100000",
        "ten million rows, cap 100,000",
        "ten million",
        Weather(cap=100_000),
        ("product",),
        most_mb=600,
        paced=False,
    ),
)
"""What the documentation shows."""

QUICK = (
    Scenario("tiny", "two weeks, no latency", "two weeks", Weather(cap=1_000), paced=False),
    Scenario("headline", "60 days", "sixty days", _DISTANT, (*_READERS, "product again", "plain loop")),
    Scenario("unbounded", "60 days, no end named", "sixty days", _DISTANT, lower=False, upper=False),
    _FIRST_ROWS,
    _TEN_ROWS,
    Scenario("near", "60 days, no latency", "sixty days", _NEAR),
    Scenario(
        "memory-100000",
        "six hundred thousand rows, cap 100,000",
        "six hundred thousand",
        Weather(cap=100_000),
        ("product",),
        most_mb=600,
        paced=False,
    ),
)
"""An impression, within a minute and a half."""
