"""What a query may cost: requests it may make in all, and what is done about a scan that would need very many.

Knows nothing of how requests are planned or made; the fetch engine asks before each, and once it knows a scan's size.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass, field
from typing import Literal, get_args

from duckdb_videsk.errors import LargeScanError, RequestLimitError

__all__ = ["POLICIES", "Allowance", "Guard", "LargeScanWarning", "Policy"]

Policy = Literal["allow", "warn", "refuse"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
_TOLD: dict[str | tuple[str, type[Warning], int], int] = {}


class LargeScanWarning(UserWarning):
    """A scan begins that takes more requests than the budget."""


class Allowance:
    """Requests that one query may make, over all of its scans; thread-safe. Retries of a failed one are not counted.

    Args:
        limit: how many; None for any number.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._made = 0
        self._lock = threading.Lock()

    def take(self, table: str) -> None:
        """Count one request; raises RequestLimitError where it would be one too many."""
        with self._lock:
            if self._limit is not None and self._made >= self._limit:
                raise RequestLimitError(
                    f"The query needs more than {self._limit:,} requests, the max_requests set for it, so it was "
                    f"stopped while it read {table}; no rows are returned. Name a shorter range of time, or "
                    "raise max_requests."
                )
            self._made += 1


@dataclass(frozen=True, slots=True)
class Guard:
    """How one scan is watched over.

    Attributes:
        allowance: of the query that it belongs to.
        budget: requests up to which a scan is nobody's concern.
        policy: what to do about a larger one.
        requests_per_second: for the time it would take.
        served: whether the reader is another process, whose filters DuckDB 1.5 does not send.
        catalog: where the table is.
    """

    allowance: Allowance = field(default_factory=Allowance)
    budget: int = 1_000
    policy: Policy = "allow"
    requests_per_second: float = 20.0
    served: bool = False
    catalog: str = "videsk"

    def take(self, table: str) -> None:
        """Count one request; raises RequestLimitError where it would be one too many."""
        self.allowance.take(f"{self.catalog}.{table}")

    def weigh(self, table: str, range_column: str, requests: int) -> None:
        """Say what a scan of so many requests deserves.

        Raises:
            LargeScanError: it is over the budget, and such are refused.
            LargeScanWarning: as a warning, where such are told of.
        """
        if requests <= self.budget or self.policy == "allow":
            return
        seconds = _duration(requests / self.requests_per_second)
        text = (
            f"Reading {self.catalog}.{table} takes about {requests:,} requests, {seconds} "
            f"or more. A condition such as {range_column} >= '2026-10-01' bounds it, written on the column itself"
        )
        if self.policy == "refuse":
            if self.served:
                text = (
                    f"Reading videsk.{table} takes about {requests:,} requests, {seconds} or more: the server got no "
                    f"range. Write FROM {table}(since := '2026-10-01') in videsk shell, or anywhere "
                    f"FROM videsk.query('FROM videsk.{table} WHERE {range_column} >= current_date - 7')"
                )
                raise LargeScanError(f"{text}. Whoever runs the server can set unbounded_scans or scan_budget.")
            raise LargeScanError(
                f"{text} or as FROM {self.catalog}.{table}(since := '2026-10-01'). To read it all the same, set "
                f"unbounded_scans='allow' or a scan_budget over {self.budget:,}.",
            )
        # Shown without a line of our code, by default once of the same.
        warnings.warn_explicit(f"{text}. Ctrl-C stops it.", LargeScanWarning, "videsk.scan", 1, registry=_TOLD)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(seconds, 1):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 6_000 else f"{seconds / 3_600:.1f} hours"
