"""The switches of the simulator: how it reads a request, how polite it is, and which faults it commits.

Only what to do is said here; who keeps count of it is `gate`, and who does it on the socket is `server`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from .catalogue import DateStyle

__all__ = ["FAULT_KINDS", "Accepts", "Behaviour", "Fault", "FaultKind", "Ties", "TokenState"]

FaultKind = Literal[
    "status",
    "html",
    "reset",
    "cut",
    "cut_json",
    "bad_json",
    "nan",
    "bad_utf8",
    "slow",
    "drip",
    "endless",
    "redirect",
    "empty",
    "no_limit",
    "not_object",
    "out_of_range",
]
Ties = Literal["stable", "reversed", "shuffled"]
Accepts = Literal["x-api-token", "authorization", "both"]
TokenState = Literal["ok", "expired", "forbidden", "malformed"]

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned misdeed: after `after` requests it would have hit, it hits the next `times` (None: for ever).

    `status` counts for the kinds "status" and "html", `delay_s` for "slow" (before the answer), "drip" and "endless"
    (between two pieces of the body), `retry_after` is sent with a status that should carry one.
    """

    kind: FaultKind
    times: int | None = 1
    after: int = 0
    endpoint: str | None = None
    status: int = 503
    delay_s: float = 0.05
    retry_after: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; known: {', '.join(FAULT_KINDS)}")


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """Everything that may differ from one server to the next; polite unless told otherwise, and free to change while
    the simulator runs.
    """

    cap: int = 5_000
    caps: dict[str, int] = field(default_factory=dict)
    announced_cap: int | None = None
    cap_schedule: list[int] = field(default_factory=list)

    start_inclusive: bool = True
    end_inclusive: bool = True
    truncates_ms: bool = False
    floors_range_to_s: int = 0
    widens_range_to_s: int = 0
    range_in_zone: bool = False
    filter_key: dict[str, str] = field(default_factory=dict)
    emit_timeless: bool = False
    ties: Ties = "stable"
    ties_seed: int = 0
    sort_ignored: bool = False

    honours_timezone: bool = True
    prints_in: str = "America/Santiago"
    date_formats: dict[str, DateStyle] = field(default_factory=dict)
    checks_zone: bool = True
    honours_keys: bool = True
    own_labels: dict[str, str] = field(default_factory=dict)
    rejects_unknown_keys: bool = False

    accepts: Accepts = "both"
    token_state: TokenState = "ok"  # noqa: S105 - not a secret
    expires_after_requests: int | None = None

    latency_s: float = 0.0
    rate_per_second: int | None = None
    retry_after: bool = True
    announces_rate: bool = True
    gzip: bool = True
    zstd: bool = False
    clock_ahead_s: float = 0.0
    json_errors: bool = True

    faults: list[Fault] = field(default_factory=list)
    fault_rate: float = 0.0
    fault_kinds: tuple[FaultKind, ...] = ("status", "html", "reset", "cut", "cut_json")
    fault_seed: int = 0
