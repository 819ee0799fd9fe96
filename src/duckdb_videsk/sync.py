"""Filling the lake for a range: table by table, in stretches that are kept one by one, so that it can be resumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.errors import LakeError, QueryError, VideskError
from duckdb_videsk.lake.layout import month_of
from duckdb_videsk.ranges import DAY, Range, normalise, subtract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb_videsk.lake import ReadThrough
    from duckdb_videsk.lake.store import Shelf

__all__ = ["Synced", "sync"]

_MOST_MONTHS = 12
_FEW_ROWS = 2_500
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Synced:
    """What came of one table, or of one id.

    Attributes:
        table, id: which.
        span: the settled days of the range, all kept now unless there is an error; empty where none is settled.
        days: fetched for it.
        records: fetched for it.
        error: that ended it, and what was fetched before is kept; or that says which days could not be kept.
    """

    table: str
    id: str | None
    span: Range
    days: int
    records: int
    error: VideskError | None = None


def sync(
    source: ReadThrough,
    shelves: Sequence[Shelf],
    *,
    since: int | None,
    until: int | None,
) -> Iterator[Synced]:
    """Fetch what is missing of each shelf, and give what came of it; a table that fails does not stop the others.

    Args:
        source: reads and keeps.
        shelves: what to fill.
        since: from when, microseconds since the epoch; None goes on from the first day that is kept.
        until: up to when; None, and what is later, is where the records are not settled yet.

    Raises:
        QueryError: nothing is kept of a table, and nothing says since when it is wanted.
    """
    spans = [_span(source, shelf, since, until) for shelf in shelves]
    for shelf, span in zip(shelves, spans, strict=True):
        yield _sync_one(source, shelf, span)


def _span(source: ReadThrough, shelf: Shelf, since: int | None, until: int | None) -> Range:
    settled = source.lake.settled_until(shelf.endpoint.table)
    if since is None:
        first = next((piece.days.start for piece in shelf.pieces() if piece.rows), None)
        if first is None:
            whose = f"{shelf.endpoint.table}{f' {shelf.id}' if shelf.id else ''}"
            raise QueryError(f"Nothing is kept of {whose} yet: say from when, as in --since 2026-01-01.")
        since = first
    end = settled if until is None else min(settled, -(-until // DAY) * DAY)
    return Range(since // DAY * DAY, max(end, since // DAY * DAY))


def _sync_one(source: ReadThrough, shelf: Shelf, span: Range) -> Synced:
    days = records = 0
    try:
        for gap in _missing(shelf, span):
            records += _fetch(source, shelf, gap)
            days += gap.length // DAY
    except VideskError as error:
        return Synced(shelf.endpoint.table, shelf.id, span, days, records, error)
    unkept = subtract([span], normalise(piece.days for piece in shelf.pieces()))
    return Synced(shelf.endpoint.table, shelf.id, span, days, records, _not_kept(shelf, unkept) if unkept else None)


def _not_kept(shelf: Shelf, days: Sequence[Range]) -> LakeError:
    """The error of days that were read whole and are not there afterwards; why, a warning said as it happened."""
    whose = f"{shelf.endpoint.table}{f' {shelf.id}' if shelf.id else ''}"
    named = "; ".join(map(str, days[:_NAMED]))
    more = f"; and {len(days) - _NAMED} more stretches" if len(days) > _NAMED else ""
    return LakeError(
        f"Settled days of {whose} were read but could not be kept: {named}{more}. A LakeWarning says why: no room or "
        f"no permission in {shelf.folder}, or a clock that is ahead of the server's. Set that right and sync again."
    )


def _missing(shelf: Shelf, span: Range) -> Iterator[Range]:
    """What is not kept, in stretches of whole months that grow while they turn out to hold little."""
    months = 1
    start = span.start
    while start < span.end:
        stretch = Range(start, min(_after(start, months), span.end))
        kept = shelf.pieces()
        for gap in subtract([stretch], normalise(piece.days for piece in kept)):
            yield gap
            rows = sum(piece.rows for piece in shelf.pieces() if not subtract([piece.days], [gap]))
            months = min(months * 2, _MOST_MONTHS) if rows < _FEW_ROWS else max(months // 2, 1)
        start = stretch.end


def _after(start: int, months: int) -> int:
    for _ in range(months):
        start = month_of(start).end
    return start


def _fetch(source: ReadThrough, shelf: Shelf, gap: Range) -> int:
    ids = () if shelf.id is None else (shelf.id,)
    scan = source.scan(shelf.endpoint, (gap,), ids=ids)
    records = 0
    try:
        while True:
            try:
                batch = scan.poll(None)
            except StopIteration:
                return records
            records += 0 if batch is None else batch.num_rows
    finally:
        scan.close()
