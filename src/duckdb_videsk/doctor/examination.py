"""One examination of an account: which tables, in which order, and when it is better to ask no more."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.client import Request
from duckdb_videsk.doctor.asking import Prober, Spent, Unanswered
from duckdb_videsk.doctor.clocks import id_shift
from duckdb_videsk.doctor.evidence import Account, Table
from duckdb_videsk.doctor.looking import QUESTIONS, REQUESTS_A_TABLE, look_at
from duckdb_videsk.ranges import SECOND, Range
from duckdb_videsk.settings import AUTH_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.ledger import Ledger
    from duckdb_videsk.settings import Settings

__all__ = ["Costs", "examine"]

_REQUESTS_BESIDE = 20
_NO_ZONE = "Nowhere/Never"
_UNAUTHORISED, _FORBIDDEN, _NO_NETWORK = "AuthenticationError", "ForbiddenError", "ConnectionFailedError"
_ID_COLUMNS = {"form": ("base_form", "agent_form"), "survey": ("survey_id", "survey")}


@dataclass(frozen=True, slots=True)
class Costs:
    """What an examination took.

    Attributes:
        sent, failed: attempts, and those without a good answer.
        most: attempts that it may have taken.
        received: bytes of bodies, unpacked.
    """

    sent: int
    failed: int
    most: int
    received: int


async def examine(
    settings: Settings,
    endpoints: Sequence[Endpoint],
    span: Range,
    *,
    ledger: Ledger,
    full_answers: bool = False,
    watch: Callable[[str, int], None] | None = None,
) -> tuple[Account, Costs]:
    """Look at the tables of an account, one request after the other.

    Args:
        settings: of the connection; `max_requests` bounds the requests.
        endpoints: the exports to look at.
        span: where to look for records, in microseconds.
        ledger: where requests are logged.
        full_answers: fill an answer up to the cap for each table, however large the cap.
        watch: told of the table and how many requests were made.
    """
    most = REQUESTS_A_TABLE * (len(endpoints) + len(settings.forms) + len(settings.surveys)) + _REQUESTS_BESIDE
    account = Account(settings)
    prober = Prober(
        settings,
        ledger,
        most=min(most, settings.max_requests or most),
        watch=lambda: watch(account.tables[-1].endpoint.table, prober.sent) if watch else None,
    )
    began = time.monotonic()
    try:
        await _Examination(account, prober, span, full_answers=full_answers).run(endpoints)
    finally:
        await prober.close()
    account.samples, account.limited = prober.samples, prober.limited
    account.seconds = time.monotonic() - began
    return account, Costs(prober.sent, prober.failed, prober.most, prober.received)


class _Examination:
    def __init__(self, account: Account, prober: Prober, span: Range, *, full_answers: bool) -> None:
        self._account = account
        self._prober = prober
        self._span = span
        self._full_answers = full_answers
        self._reach = 0
        self._refused_in_a_row = 0

    async def run(self, endpoints: Sequence[Endpoint]) -> None:
        for endpoint in endpoints:
            for asked_id in self._ids(endpoint):
                table = Table(endpoint, asked_id, others_shift=self._shift())
                self._account.tables.append(table)
                if endpoint.parameter is not None and asked_id is None:
                    table.skipped["table"] = self._why_no_id(endpoint.parameter)
                elif self._account.stopped:
                    table.skipped["table"] = "the examination had ended before"
                else:
                    await self._look_at(table)
        if not self._account.stopped:
            await self._ask_what_is_wrong()

    def _shift(self) -> int | None:
        """What the last table with a clock of its own says."""
        found = [table.found for table in self._account.tables if table.found is not None]
        return next((shift for seen in reversed(found) if (shift := id_shift(seen)) is not None), None)

    async def _look_at(self, table: Table) -> None:
        try:
            await self._look_once(table)
            untaken = self._account.auth_header is None and table.found is None
            if self._is_refused(table) and untaken and not self._account.refused_in:
                await self._try_other_header(table)
        except Spent:
            self._account.stopped = "requests"
            for question in (*QUESTIONS, "table"):
                table.skipped.setdefault(question, "as many requests were made as may be")
        self._weigh(table)

    async def _look_once(self, table: Table) -> None:
        self._reach = await look_at(
            self._prober,
            table,
            self._span,
            reach=self._reach,
            full_answers=self._full_answers,
            in_milliseconds=all(other.milliseconds is None for other in self._account.tables),
        )

    async def _try_other_header(self, table: Table) -> None:
        """Once for an account: a token that is not taken is not tried again and again."""
        first, refusal = self._prober.settings.auth_header, table.failure
        (other,) = (name for name in AUTH_HEADERS if name != first)
        self._account.refused_in = (first,)
        await self._prober.use_header(other)
        table.failure = None
        try:
            await self._look_once(table)
        except Spent:
            table.failure = refusal if table.found is None else None
            raise
        if self._is_refused(table):
            self._account.refused_in = AUTH_HEADERS
        if self._is_refused(table) or self._is_unreached(table):
            table.failure = refusal
            await self._prober.use_header(first)

    def _weigh(self, table: Table) -> None:
        """Whether what came of a table makes more requests pointless."""
        if table.found is not None:
            self._account.auth_header = self._prober.settings.auth_header
        is_refused = self._is_refused(table) or table.expelled is not None or self._is_locked_out(table)
        if is_refused or self._is_unreached(table):
            self._refused_in_a_row += 1
            again = self._refused_in_a_row > 1 or not (is_refused or self._account.auth_header)
            if again:
                self._account.stopped = "token" if is_refused else "network"
        elif table.found is not None or table.failure:
            self._refused_in_a_row = 0

    @staticmethod
    def _is_refused(table: Table) -> bool:
        return table.failure is not None and table.failure.kind == _UNAUTHORISED

    @staticmethod
    def _is_unreached(table: Table) -> bool:
        return table.failure is not None and table.failure.kind == _NO_NETWORK

    def _is_locked_out(self, table: Table) -> bool:
        """403 in the other header, while the first one was refused and no table has been read."""
        unread = self._account.auth_header is None and bool(self._account.refused_in)
        return unread and table.failure is not None and table.failure.kind == _FORBIDDEN

    async def _ask_what_is_wrong(self) -> None:
        """A request that cannot be right, to see how a refusal looks: the token is none to be wrong about."""
        table = next((table for table in self._account.tables if table.found is not None), None)
        if table is None or table.found is None:
            return
        end = self._span.end
        request = Request(table.endpoint, Range(end - SECOND, end), id=table.id, time_zone=_NO_ZONE)
        try:
            await self._prober.ask(request)
            self._account.refusal_taken = True
        except Unanswered as error:
            self._account.refusal = error.failure
        except Spent:
            self._account.stopped = "requests"

    def _ids(self, endpoint: Endpoint) -> Sequence[str | None]:
        if endpoint.parameter is None:
            return (None,)
        named = self._prober.settings.ids(endpoint.parameter)
        if named:
            return named
        found = self._ids_of_calls(endpoint.parameter)
        return [text for text, count in found.most_common(1) if count > 1] or [None]

    def _why_no_id(self, parameter: str) -> str:
        why = f"no id: --{parameter}s names one"
        return f"{why}; calls share none" if self._ids_of_calls(parameter) else why

    def _ids_of_calls(self, parameter: str) -> Counter[str]:
        """What calls name: an id that several share may be that of a form, one that none share is of an answer."""
        seen = [t.found for t in self._account.tables if t.endpoint.table == "calls" and t.found is not None]
        names = _ID_COLUMNS[parameter]
        texts = (text for one in seen for name in names for text in one.texts(name))
        return Counter(text for text in texts if text is not None and len(text) == 24 and text.isalnum())
