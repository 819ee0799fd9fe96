"""What the server is like whatever is asked of it: its pace, its clock, how it packs, how fast it is."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from duckdb_videsk.doctor.caps import applied_cap
from duckdb_videsk.doctor.verdicts import Verdict
from duckdb_videsk.ranges import DAY
from duckdb_videsk.rate import LONGEST_WINDOW, announced_limits

if TYPE_CHECKING:
    from duckdb_videsk.doctor.evidence import Account, Sample, Seen, Table

__all__ = ["judge_clock", "judge_packing", "judge_rate", "judge_speed", "records_a_day", "requests_a_month"]

_NONE = "no answer was seen"
_UNPACED = (
    "Scans go at the settings' pace until it is used up; then they wait as they are told, and may raise "
    "RateLimitError. Lower requests_per_second for long ones."
)
_WORTH_PACKING = 4_096
_IN_TIME = 2.0
_MUCH = 300.0
_FEW_SAMPLES = 3


def judge_rate(account: Account) -> Verdict:
    """What the rate headers promise, against the settings."""
    if not account.samples:
        return Verdict("rate", "unknown", "not known", _NONE)
    limits = announced_limits(account.samples[-1].headers)
    own = account.settings.requests_per_second
    met = f"; {account.limited} requests were refused for it" if account.limited else ""
    if not limits:
        return Verdict(
            "rate",
            "differs",
            "no rate headers",
            f"{len(account.samples)} answers{met}",
            f"The pace is the settings' alone: {own:,.6g} a second.",
        )
    said = ", ".join(f"{starts:,} in {window:g} s" for starts, window in limits)
    evidence = f"announced {said}; requests_per_second is {own:,.6g}{met}"
    if account.limited:
        return Verdict(
            "rate",
            "differs",
            "requests were refused below the announced rate",
            evidence,
            "Scans pause and go on. If it stays, does another program use the token? Lower requests_per_second.",
        )
    slowest = min((starts / window for starts, window in limits if window <= LONGEST_WINDOW), default=own)
    unpaced = [(starts, window) for starts, window in limits if window > LONGEST_WINDOW and starts / window < own]
    if unpaced:
        starts, window = min(unpaced, key=lambda limit: limit[0] / limit[1])
        reading = f"{starts:,} in {window:,.6g} s, less than the settings, and too long a time to pace"
        return Verdict("rate", "differs", reading, evidence, _UNPACED)
    if slowest < own:
        reading = f"{slowest:,.6g} a second, less than the settings"
        return Verdict("rate", "differs", reading, evidence, "The announced rate is kept.")
    fastest = min(starts / window for starts, window in limits)
    return Verdict("rate", "ok", f"{fastest:,.6g} a second at the most", evidence)


def judge_clock(account: Account) -> Verdict:
    """The server's clock against this machine's."""
    ahead = [sample.ahead for sample in account.samples if sample.ahead is not None]
    if not ahead:
        why = "answers have no Date that can be read" if account.samples else _NONE
        return Verdict("clock", "unknown", "not known", why)
    skew = median(ahead)
    evidence = f"this machine is {skew:+.1f} s ahead of the server's Date, which has whole seconds"
    if abs(skew) <= _IN_TIME:
        return Verdict("clock", "ok", "the two clocks agree", evidence)
    follows = "Set this machine's clock: now() and current_date go by it, and an hour ahead no days are kept."
    return Verdict("clock", "problem" if abs(skew) > _MUCH else "differs", "the two clocks differ", evidence, follows)


def judge_packing(account: Account) -> Verdict:
    """Whether large answers are compressed."""
    large = [sample for sample in account.samples if sample.size >= _WORTH_PACKING]
    if not large:
        return Verdict("packing", "unknown", "not known", "no answer was large enough to be packed")
    packed = [sample for sample in large if sample.packed]
    if not packed:
        return Verdict(
            "packing",
            "differs",
            "answers are not packed",
            f"{len(large)} answers of 4 KB or more",
            "They take more of the network; nothing else follows.",
            report=True,
        )
    names = ", ".join(sorted({sample.packed for sample in packed}))
    return Verdict("packing", "ok", names, f"{len(packed)} of {len(large)} answers of 4 KB or more{_ratio(packed)}")


def _ratio(packed: list[Sample]) -> str:
    known = [(sample.wire, sample.size) for sample in packed if sample.wire]
    if not known:
        return ""
    wire, size = sum(pair[0] for pair in known), sum(pair[1] for pair in known)
    return f", to {wire / size:.0%} of their size"


def judge_speed(account: Account) -> Verdict:
    """How long an answer takes, and what a month would."""
    samples = account.samples
    if len(samples) < _FEW_SAMPLES:
        return Verdict("speed", "unknown", "not known", f"{len(samples)} answers")
    usual = median(sample.ms for sample in samples)
    largest = max(samples, key=lambda sample: sample.size)
    rate = largest.size / (largest.ms / 1_000) / 1e6
    size = largest.size / 1e6
    evidence = f"median of {len(samples)} answers; the largest, {size:.1f} MB, at {rate:.1f} MB a second"
    return Verdict("speed", "ok", f"{usual:,.0f} ms for a usual answer", f"{evidence}{_month(account)}")


def _month(account: Account) -> str:
    prices = {t.endpoint.table: requests_a_month(t) for t in account.tables if t.id is None}
    known = {table: count for table, count in prices.items() if count is not None}
    if not known:
        return ""
    table, count = max(known.items(), key=lambda pair: pair[1])
    return f"; a month of {table}, the most, is about {count:,} request{'' if count == 1 else 's'}"


def records_a_day(table: Table) -> float | None:
    """How many records a day has lately; None where less than a day was seen."""
    seen = table.whole or table.found
    if seen is None or seen.first is None or seen.last is None:
        return None
    length = _length(seen)
    return seen.rows / (length / DAY) if length >= DAY else None


def _length(seen: Seen) -> int:
    span = seen.request.span
    start = seen.first if seen.full or span.length > 366 * DAY else span.start
    return span.end - (start or 0)


def requests_a_month(table: Table) -> int | None:
    """Requests for thirty days; None where nothing is known."""
    daily, cap = records_a_day(table), applied_cap(table)
    return None if daily is None or not cap else max(1, -(-round(30 * daily) // cap))
