"""What a query will ask of the API: for each scan its ranges, what made them, what is kept, and the price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.ranges import DAY, EVER, as_datetime
from duckdb_videsk.views import written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from duckdb_videsk.ranges import Range

__all__ = ["PLAN_SCHEMA", "PlannedScan", "QueryPlan"]

_TIME = pa.timestamp("us", "UTC")
_SHOWN = 3
_ONLY = "videsk"

PLAN_SCHEMA = pa.schema(
    [
        ("scan", pa.int64()),
        ("table_name", pa.string()),
        ("id", pa.string()),
        ("range_from", _TIME),
        ("range_until", _TIME),
        ("because", pa.list_(pa.string())),
        ("first", pa.string()),
        ("kept_days", pa.float64()),
        ("requests", pa.int64()),
        ("rows", pa.int64()),
        ("seconds", pa.float64()),
        ("hints", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class PlannedScan:
    """One read of a table.

    Attributes:
        table: that is read.
        id: of the form or survey; None for other tables.
        ranges: of its range column, half-open, microseconds since the epoch; `EVER` where nothing bounds it.
        because: the conditions that make them.
        first: "newest", "oldest" or "both" where only the records at those ends matter; else None.
        kept: the part of the ranges that the lake holds.
        requests, rows, seconds: expected for the rest, at least with `first`; None where nothing is known yet.
        hints: what could be added to read less, each true by nature but not by logic.
        catalog: where the table is: `videsk`, or an account's own.
    """

    table: str
    id: str | None
    ranges: tuple[Range, ...]
    because: tuple[str, ...]
    first: str | None
    kept: tuple[Range, ...]
    requests: int | None
    rows: int | None
    seconds: float | None
    hints: tuple[str, ...] = ()
    catalog: str = _ONLY


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What a query will read, in no order. `print` it, or ask its `table`.

    Attributes:
        scans: one for each read of a table, and each form or survey.
        time_zone: in which it is printed.
    """

    scans: tuple[PlannedScan, ...]
    time_zone: tzinfo

    @property
    def requests(self) -> int | None:
        """Expected in all; None where that of a scan is unknown."""
        return _sum([scan.requests for scan in self.scans])

    def table(self) -> pa.Table:
        """The plan as an Arrow table (`PLAN_SCHEMA`): a row for each range of each scan; ends of time are NULL.

        Where the connection has several accounts, the last column is `account`.
        """
        rows = [
            {**dict(zip(PLAN_SCHEMA.names, (number, *row), strict=True)), "account": scan.catalog}
            for number, scan in enumerate(self.scans, 1)
            for row in _rows(scan)
        ]
        of_accounts = any(scan.catalog != _ONLY for scan in self.scans)
        schema = PLAN_SCHEMA.append(pa.field("account", pa.string())) if of_accounts else PLAN_SCHEMA
        return pa.Table.from_pylist(rows, schema)

    def __str__(self) -> str:
        if not self.scans:
            return "Nothing is read from the API."
        texts = ["\n".join(_lines(scan, self.time_zone)) for scan in self.scans]
        total = [f"in all: {_about(self.requests, 'request')}"] if len(self.scans) > 1 else []
        return "\n\n".join([*texts, *total])


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _rows(scan: PlannedScan) -> Iterator[tuple[object, ...]]:
    days = round(sum(piece.length for piece in scan.kept) / DAY, 3)
    for piece in scan.ranges:
        start = None if piece.start <= EVER.start else as_datetime(piece.start)
        end = None if piece.end >= EVER.end else as_datetime(piece.end)
        price = scan.requests, scan.rows, scan.seconds
        yield (scan.table, scan.id, start, end, list(scan.because), scan.first, days, *price, list(scan.hints))


def _lines(scan: PlannedScan, zone: tzinfo) -> Iterator[str]:
    yield f"{written(scan.catalog)}.{scan.table}" + (f" ({scan.id})" if scan.id else "")
    yield from _labelled("reads", [_said(piece, zone) for piece in scan.ranges] or ["nothing"])
    yield from _labelled("because", list(scan.because) or ["no condition on its time that is understood"])
    if scan.first:
        ends = "both ends" if scan.first == "both" else f"the {scan.first}"
        yield from _labelled("order", [f"{ends} first, and stops when it has enough"])
    if scan.kept:
        yield from _labelled("kept", [f"{sum(piece.length for piece in scan.kept) / DAY:,.4g} days of it"])
    requests = _about(scan.requests, "request") + (" or more" if scan.first and scan.requests else "")
    price = [requests, _about(scan.rows, "record"), _duration(scan.seconds)]
    yield from _labelled("price", [", ".join(price)])
    yield from _labelled("hint", list(scan.hints))


def _labelled(label: str, texts: list[str]) -> Iterator[str]:
    shown = texts if len(texts) <= _SHOWN + 1 else [*texts[:_SHOWN], f"and {len(texts) - _SHOWN:,} more"]
    for number, text in enumerate(shown):
        yield f"  {label if number == 0 else '':<8}{text}"


def _said(piece: Range, zone: tzinfo) -> str:
    start = "the first record" if piece.start <= EVER.start else _shown(piece.start, zone)
    end = "the last record" if piece.end >= EVER.end else _shown(piece.end, zone)
    return f"from {start} to {end}"


def _shown(instant: int, zone: tzinfo) -> str:
    moment = as_datetime(instant)
    try:
        return str(moment.astimezone(zone))
    except OverflowError:  # there, it is the year 0 or 10000
        return str(moment)


def _about(number: float | None, unit: str) -> str:
    if number is None:
        return f"{unit}s unknown"
    said = f"{number:,.0f}" if number >= 10 or float(number).is_integer() else f"{number:.1f}"
    return f"{'' if number in {0, 1} else 'about '}{said} {unit}{'' if number == 1 else 's'}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "time unknown"
    return _about(seconds, "second") if seconds >= 1 else "less than a second"
