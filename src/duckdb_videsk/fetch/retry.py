"""When a failed attempt is worth another, and how long to wait before it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from duckdb_videsk.errors import ApiError, RetryBudgetError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RetryBudget", "delay_before"]

_FIRST_DELAY = 0.25
_LONGEST_DELAY = 10.0
_LONGEST_ASKED = 120.0


def delay_before(attempt: int, error: ApiError, *, jitter: Callable[[], float] = random.random) -> float:
    """Seconds to wait before `attempt` (from 2): exponential with full jitter, never less than the server asked."""
    most = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (attempt - 2))
    asked = min(error.retry_after or 0.0, _LONGEST_ASKED)
    return asked + most * (0.5 + jitter() / 2)


class RetryBudget:
    """How many failures one scan may have: a fixed part and a share of its good answers."""

    def __init__(self, *, spare: int, share: float = 0.5) -> None:
        self._left = float(spare)
        self._share = share

    def succeeded(self) -> None:
        self._left += self._share

    def failed(self, error: ApiError) -> None:
        """Count a failure that is to be retried.

        Raises:
            RetryBudgetError: the budget is used up.
        """
        self._left -= 1
        if self._left < 0:
            raise RetryBudgetError(
                f"Too many requests of this scan failed, the last one with: {error.message}",
                endpoint=error.endpoint,
                span=error.span,
                status=error.status,
                attempt=error.attempt,
            ) from error
