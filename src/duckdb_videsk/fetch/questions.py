"""Which questions a form or survey has: the labels that its newest answers list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from duckdb_videsk.client import Request
from duckdb_videsk.fetch.retry import RetryBudget
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, micros

if TYPE_CHECKING:
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.fetch.account import Account
    from duckdb_videsk.fetch.proof import Shown

__all__ = ["newest_questions"]

# The API should list every question in any answer. Should it list those of the answer's rows alone, a month of them
# shows most; older ones are looked for only where there are none.
_LOOKED_BACK = (31 * DAY, 366 * DAY, EVER.length)
_SPARE_FAILURES = 10
# Labels alone are read: the values may be numbers or nests that no reader can hold.
_LABELLED = msgspec.json.Decoder(dict[str, msgspec.Raw])


async def newest_questions(account: Account, endpoint: Endpoint, asked_id: str) -> tuple[str, ...]:
    """The labels of an id's questions, in the order that the API lists them; none where it has no records.

    One request, as a rule, three at most, in the request log as a scan of its own.

    Raises:
        VideskError: the API gives no good answer.
    """
    number, now = account.ledger.next_query(), micros(datetime.now(UTC))
    budget = RetryBudget(spare=_SPARE_FAILURES)
    for back in _LOOKED_BACK:
        start = max(EVER.start, (now - back) // SECOND * SECOND)
        request = Request(endpoint, Range(start - SECOND, EVER.end + SECOND), newest_first=True, id=asked_id)
        found = _questions(await account.asker.ask(request, query=number, budget=budget))
        if found:
            return found
    return ()


def _questions(shown: Shown) -> tuple[str, ...]:
    """The labels that an answer lists, then those that its rows carry all the same."""
    carried: set[str] = set()
    for text in shown.batch.column("answers").to_pylist():
        carried.update(_LABELLED.decode(text))
    return tuple(dict.fromkeys((*shown.questions, *sorted(carried))))
