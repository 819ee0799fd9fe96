"""What is asked of one table, in order: its newest records, then small questions around one of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from duckdb_videsk.client import Request
from duckdb_videsk.doctor.asking import Unanswered
from duckdb_videsk.doctor.clocks import shift_of
from duckdb_videsk.doctor.evidence import Anchor, Table
from duckdb_videsk.doctor.instants import find_milliseconds
from duckdb_videsk.endpoints import Kind
from duckdb_videsk.ranges import DAY, EVER, SECOND, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.doctor.asking import Prober
    from duckdb_videsk.doctor.evidence import Failure, Seen

__all__ = ["LOOKED_BACK", "OTHER_ZONE", "QUESTIONS", "REQUESTS_A_TABLE", "look_at"]

LOOKED_BACK = (DAY // 24, DAY // 4, DAY, 8 * DAY, 31 * DAY, 366 * DAY)
"""How far back the newest records are looked for, one after the other."""

OTHER_ZONE = "Asia/Kathmandu"
"""Nobody's default, never on summer time, and no whole hours from UTC."""

REQUESTS_A_TABLE = 18
"""The most that `look_at` makes without retries."""

QUESTIONS = ("turned", "plain", "ends", "milliseconds", "cap")
"""What may be skipped of a table that was read."""

_ENOUGH = 10
_WINDOW_ROWS = 100
_FULL_ROWS = 10_000
_APART = 2 * SECOND
_REFUSED = {"BadRequestError"}
_REFUSES_TOKEN = "AuthenticationError"  # noqa: S105 - not a secret


async def look_at(
    prober: Prober,
    table: Table,
    span: Range,
    *,
    reach: int,
    full_answers: bool,
    in_milliseconds: bool,
) -> int:
    """Ask the questions of one table and write what comes into `table`.

    Args:
        prober: asks.
        table: what to fill.
        span: where to look for records.
        reach: number of the step in `LOOKED_BACK` to begin with.
        full_answers: fill an answer up to the cap, however large that is.
        in_milliseconds: find out to the millisecond how a request's ends are read.

    Returns:
        the step at which there were records; the first one where so long a range could hold a large answer.

    Raises:
        Spent: no more requests may be made.
    """
    try:
        reach = await _find(prober, table, span, reach)
    except Unanswered as error:
        table.failure = error.failure
        return reach
    if table.found is not None and table.found.limit > _FULL_ROWS and not full_answers:
        reach = 0
    if table.found is None or not table.found.rows:
        return reach
    table.window = _window(table.found)
    try:
        await _ask_again(prober, table)
        await _ask_around(prober, table, in_milliseconds=in_milliseconds)
        await _fill(prober, table, table.found, span, even_if_large=full_answers)
    except Unanswered as error:
        table.expelled = error.failure
        for question in QUESTIONS:
            table.skipped.setdefault(question, f"the token was refused meanwhile: {error.failure}")
    return reach


@contextmanager
def _may_fail(table: Table, question: str) -> Iterator[None]:
    """A question that has no answer says so, and leaves the others alone.

    Raises:
        Unanswered: the token is refused, so that nothing more should be asked with it.
    """
    try:
        yield
    except Unanswered as error:
        table.skipped[question] = f"the request failed: {error.failure}"
        if error.failure.kind == _REFUSES_TOKEN:
            raise


def _request(table: Table, span: Range, *, newest_first: bool = False, zone: str = "UTC") -> Request:
    keys = table.endpoint.api_keys if table.own_keys_only else None
    return Request(table.endpoint, span, newest_first=newest_first, id=table.id, time_zone=zone, keys=keys)


async def _find(prober: Prober, table: Table, span: Range, reach: int) -> int:
    """The newest records, looking back further as long as there are few.

    Raises:
        Unanswered: before there was a record, or the token is refused.
    """
    for step, back in enumerate(LOOKED_BACK):
        if step < reach:
            continue
        start = max(span.start, span.end - back) // SECOND * SECOND
        try:
            table.found = await _ask_first(prober, table, Range(start, span.end))
        except Unanswered as error:
            if table.found is None or not table.found.rows or error.failure.kind == _REFUSES_TOKEN:
                raise
            break
        table.searched = Range(start, span.end)
        reach = step
        if table.found.full or table.found.rows >= _ENOUGH or start <= span.start:
            break
    return reach


async def _ask_first(prober: Prober, table: Table, span: Range) -> Seen:
    """A request with all keys; with the export's own ones where the server will not have the others."""
    try:
        return await prober.ask(_request(table, span, newest_first=True))
    except Unanswered as error:
        if table.own_keys_only or prober.settings.own_keys_only or not _is_refusal(error.failure):
            raise
        refused = error
    table.own_keys_only = True
    try:
        return await prober.ask(_request(table, span, newest_first=True))
    except Unanswered:
        table.own_keys_only = False
        raise refused from None


def _is_refusal(failure: Failure) -> bool:
    return failure.kind in _REFUSED and failure.status not in {404, 405}


def _window(found: Seen) -> Range | None:
    """The range of the newest records, a hundred at most, that holds no others."""
    times = sorted((time for time in found.times if time is not None), reverse=True)
    if not times:
        return None
    if not found.full and len(times) <= _WINDOW_ROWS:
        return found.request.span
    # The last second of a longer list may be there in part.
    start = times[:_WINDOW_ROWS][-1] + SECOND
    window = Range(start, found.request.span.end)
    return None if start > times[0] or window.empty else window


async def _ask_again(prober: Prober, table: Table) -> None:
    """The window in another order and zone, and without keys."""
    if table.window is None:
        table.skipped["turned"] = table.skipped["plain"] = "all records seen share one second, or have no time"
        return
    with _may_fail(table, "turned"):
        table.turned = await prober.ask(_request(table, table.window, zone=OTHER_ZONE))
    with _may_fail(table, "plain"):
        request = Request(table.endpoint, table.window, newest_first=True, id=table.id, keys=())
        table.plain = await prober.ask(request)


async def _ask_around(prober: Prober, table: Table, *, in_milliseconds: bool) -> None:
    """Around the second of one record: which ends are counted in, and which time is filtered on."""
    found = table.found
    shifted = shift_of(table)
    table.anchor = None if found is None or shifted else _anchor(found, table.window)
    if table.anchor is None:
        table.skipped["ends"] = "the times are shifted" if shifted else "no record stands apart from the others"
        return
    with _may_fail(table, "ends"):
        await _ask_ends(prober, table, table.anchor)
        if in_milliseconds and table.around:
            await _ask_milliseconds(prober, table, table.anchor)


async def _ask_ends(prober: Prober, table: Table, anchor: Anchor) -> None:
    second = anchor.second
    table.at_start = await _comes(prober, table, anchor, Range(second, second + SECOND))
    table.at_end = await _comes(prober, table, anchor, Range(second - SECOND, second))
    # Within the narrower range of the first question, it is within the wider one.
    around = Range(second - SECOND, second + SECOND)
    table.around = table.at_start or await _comes(prober, table, anchor, around)
    if table.around is False:
        for column, time in anchor.others.items():
            if await _comes(prober, table, anchor, Range(time - SECOND, time + SECOND)):
                table.elsewhere = column
                return


async def _comes(prober: Prober, table: Table, anchor: Anchor, span: Range) -> bool | None:
    """Whether the record comes in an answer; None where the cap may have cut it off."""
    seen = await prober.ask(_request(table, span))
    table.near.append(seen)
    there = anchor.name in seen.names
    return None if seen.full and not there else there


async def _ask_milliseconds(prober: Prober, table: Table, anchor: Anchor) -> None:
    found = await find_milliseconds(lambda span: _comes(prober, table, anchor, span), anchor.second)
    if found is None:
        table.skipped["milliseconds"] = "answers around one record do not fit together, or were cut"
        return
    table.milliseconds = found
    if found == (999, 1_000) and table.found is not None:
        # As good as never by chance, unless the milliseconds are not looked at: another record tells.
        other = _anchor(table.found, table.window, but=anchor.second)
        if other is not None:
            seen = await prober.ask(_request(table, Range(other.second + 998_000, other.second + SECOND)))
            table.reads_seconds = other.name in seen.names


def _anchor(found: Seen, window: Range | None, *, but: int | None = None) -> Anchor | None:
    """A record of the window whose name is its own; one with other times that lie apart where there is one."""
    best: Anchor | None = None
    named = found.times_by_name()
    for row, (name, time) in enumerate(zip(found.names, found.times, strict=True)):
        if name not in named or time is None or time == but or window is None or time not in window:
            continue
        anchor = Anchor(name, time, _other_times(found, row, time))
        if best is None or len(anchor.others) > len(best.others):
            best = anchor
        if len(anchor.others) > 1:
            break
    return best


def _other_times(found: Seen, row: int, time: int) -> dict[str, int]:
    own = found.endpoint.range_column
    columns = [c.name for c in found.endpoint.columns if c.kind is Kind.TIME and c.name != own]
    others = {name: found.instants(name)[row] for name in columns} | {"id": found.created[row]}
    return {name: other for name, other in others.items() if other is not None and abs(other - time) > _APART}


async def _fill(prober: Prober, table: Table, found: Seen, span: Range, *, even_if_large: bool) -> None:
    """An answer over all that there is, and what lies before it where it was not cut."""
    if found.full:
        table.whole = found
        return
    if found.limit > _FULL_ROWS and not even_if_large:
        table.skipped["cap"] = "such a large answer is asked for with --full-answers only"
        return
    everything = Range(EVER.start - SECOND, span.end) if span.start <= EVER.start else span
    with _may_fail(table, "cap"):
        whole = table.whole = await prober.ask(_request(table, everything, newest_first=True))
        if not whole.full and whole.first is not None:
            before = Range(everything.start, whole.first - SECOND)
            if not before.empty:
                table.behind = await prober.ask(_request(table, before, newest_first=True))
