"""The answers of all reports over one range, from one scan of each table.

Each table's range is copied once, with the columns that reports name, into a DuckDB of its own in memory, whose
catalog is called `videsk` too: the reports run there as they are.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ForbiddenError, QueryError
from duckdb_videsk.reporting import bound, named, reports
from duckdb_videsk.views import ACCOUNT, CATALOG, quoted, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, tzinfo

    import pyarrow as pa

    from duckdb_videsk.connection import Connection
    from duckdb_videsk.reporting import Report

__all__ = ["Answer", "Answers", "first_moment", "following", "gather", "periods"]

_WIDEST_BY_DAY = timedelta(days=62)
_WIDEST_BY_WEEK = timedelta(days=366)
_COMPARED = "summary"
# A year is left on either side for what reports read around the range.
_FIRST_YEAR, _LAST_YEAR = 2, 9_998


@dataclass(frozen=True, slots=True)
class Answer:
    """What a report gave.

    Attributes:
        report: which one.
        rows: by column.
        missing: tables that it needs and could not be read; where there are any, there are no rows.
    """

    report: Report
    rows: tuple[Mapping[str, Any], ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """What all reports gave.

    Attributes:
        since, until: the range, in the time zone.
        by: "day", "week" or "month".
        threshold_seconds: of service levels.
        zone: the time zone's name.
        made: when it was asked for, in the time zone.
        by_name: the answers.
        before: the summary of the same number of days before; None where a table of it is missing.
        young_since: by report, the first moment whose records may still change.
        forbidden: tables that the account may not read.
        left_out: accounts that have no part in the answers, since they failed when the connection was opened.
    """

    since: datetime
    until: datetime
    by: str
    threshold_seconds: float
    zone: str
    made: datetime
    by_name: Mapping[str, Answer]
    before: Mapping[str, Any] | None
    young_since: Mapping[str, datetime]
    forbidden: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        """Local days of the range."""
        return max(1, (self.last_day - self.since.date()).days + 1)

    @property
    def whole_days(self) -> bool:
        """Whether the range begins and ends with local days, and is not empty."""
        return self.since < self.until and all(_begins_a_day(moment) for moment in (self.since, self.until))

    @property
    def last_day(self) -> date:
        """The last local day of the range."""
        return (self.until - timedelta(microseconds=1)).date()


def gather(
    connection: Connection,
    *,
    since: object = None,
    until: object = None,
    by: str | None = None,
    threshold_seconds: float | None = None,
) -> Answers:
    """Run every report over one range, and the summary also over the days before it.

    Args:
        connection: to read by.
        since, until: the range; by itself the last 30 whole days.
        by: by itself the day up to two months, the week up to a year, else the month.
        threshold_seconds: of service levels.

    Raises:
        QueryError: a value is wrong.
        VideskError: a table cannot be read, for another reason than that the account may not.
    """
    given = {"since": since, "until": until, "by": by, "threshold_seconds": threshold_seconds}
    known = {name: value for name, value in given.items() if value is not None}
    values = bound(connection, named("service_level"), known)
    zone = _time_zone(connection)
    local = ZoneInfo(zone)
    try:
        start, end = (values[name].astimezone(local) for name in ("since", "until"))
        earlier = _earlier(start, end)
        known_years = earlier.year >= _FIRST_YEAR and end.year <= _LAST_YEAR
    except (OverflowError, ValueError):
        known_years = False
    if not known_years:
        raise QueryError("With as many days before it the range leaves the years that there are: make it shorter.")
    if by is None:
        values["by"] = (
            "day" if end - start <= _WIDEST_BY_DAY else "week" if end - start <= _WIDEST_BY_WEEK else "month"
        )
    made = datetime.now(UTC).astimezone(local)
    with contextlib.closing(_empty_copy(zone)) as copy:
        missing = dict(_copied(connection, copy, start, end, earlier))
        answers = {one.name: _answered(copy, one, values, missing) for one in reports()}
        before = _answered(copy, named(_COMPARED), {**values, "since": earlier, "until": start}, missing)
    return Answers(
        since=start,
        until=end,
        by=values["by"],
        threshold_seconds=values["threshold_seconds"],
        zone=zone,
        made=made,
        by_name=answers,
        before=before.rows[0] if before.rows else None,
        young_since={one.name: made - _settling(connection, one) for one in reports()},
        forbidden=tuple(table for table, forbidden in missing.items() if forbidden),
        left_out=_left_out(connection),
    )


def periods(since: date, last: date, by: str) -> Iterator[date]:
    """The first day of each period that the days from `since` to `last` touch."""
    first = since.replace(day=1) if by == "month" else since - timedelta(days=since.weekday() if by == "week" else 0)
    while first <= last:
        yield first
        first = following(first, by)


def following(first: date, by: str) -> date:
    """The first day of the period after that of `first`."""
    if by == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if by == "week" else 1)


def first_moment(day: date, zone: tzinfo | None) -> datetime:
    """When a local day begins, in UTC: after midnight where clocks skip that."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _begins_a_day(moment: datetime) -> bool:
    return moment.astimezone(UTC) == first_moment(moment.date(), moment.tzinfo)


def _latest(moment: datetime) -> datetime:
    """The last instant that a clock shows this time: sums with times of the clock forget which was meant."""
    return max(moment.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _earlier(start: datetime, end: datetime) -> datetime:
    """The beginning of as many local days before."""
    first, last = (
        datetime.combine(moment.date(), time() if _begins_a_day(moment) else moment.time()) for moment in (start, end)
    )
    return (first - (last - first)).replace(tzinfo=start.tzinfo)


def _time_zone(connection: Connection) -> str:
    ((zone,),) = connection.sql("SELECT current_setting('TimeZone')").fetchall()
    return str(zone)


def _empty_copy(zone: str) -> duckdb.DuckDBPyConnection:
    copy = duckdb.connect(config={"python_enable_replacements": False})
    copy.execute(f"SET TimeZone = {text_literal(zone)}; ATTACH ':memory:' AS {CATALOG}")
    return copy


def _copied(
    connection: Connection, copy: duckdb.DuckDBPyConnection, start: datetime, end: datetime, earlier: datetime
) -> Iterator[tuple[str, bool]]:
    """Copies what is read of each table; yields the tables that cannot be had, and whether that is forbidden."""
    out = _left_out(connection)
    read = [one for name, one in connection.accounts.items() if name not in out] or [connection.settings]
    for table, (columns, before, after) in _wanted().items():
        endpoint = by_table()[table]
        if endpoint.parameter and not all(one.ids(endpoint.parameter) for one in read):
            yield table, False
            continue
        compared = named(_COMPARED).reads.get(table)
        lower = start - timedelta(days=before)
        if compared is not None:
            lower = min(lower, earlier - timedelta(days=compared.days_before))
        whose = [ACCOUNT] if connection.accounts else []
        selected, column = ", ".join(map(quoted, [*whose, *columns])), quoted(endpoint.range_column)
        sql = f"SELECT {selected} FROM {CATALOG}.main.{quoted(table)} WHERE {column} >= $since AND {column} < $until"  # noqa: S608
        upper = _latest(end + timedelta(days=after))
        try:
            rows = connection.sql(sql, params={"since": lower, "until": upper}).to_arrow_table()
        except ForbiddenError:
            yield table, True
        else:
            _put(copy, table, rows)


def _put(copy: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    copy.register("rows_read", rows)
    copy.execute(f"CREATE TABLE {CATALOG}.main.{quoted(table)} AS FROM rows_read")
    copy.unregister("rows_read")


def _wanted() -> dict[str, tuple[list[str], int, int]]:
    """What all reports together read of each table: columns, days before and after the range."""
    found: dict[str, tuple[list[str], int, int]] = {}
    for one in reports():
        for table, read in one.reads.items():
            columns, before, after = found.get(table, ([], 0, 0))
            columns = list(dict.fromkeys([*columns, *read.columns]))
            found[table] = columns, max(before, read.days_before), max(after, read.days_after)
    return found


def _answered(
    copy: duckdb.DuckDBPyConnection, one: Report, values: Mapping[str, object], missing: Mapping[str, bool]
) -> Answer:
    lacking = tuple(table for table in one.reads if table in missing)
    if lacking:
        return Answer(one, (), lacking)
    own = {parameter.name: values.get(parameter.name) for parameter in one.parameters}
    copy.execute(one.sql, own)
    names = [column.name for column in one.columns]
    return Answer(one, tuple(dict(zip(names, row, strict=True)) for row in copy.fetchall()))


def _settling(connection: Connection, one: Report) -> timedelta:
    settings = list(connection.accounts.values()) or [connection.settings]
    return timedelta(days=max(each.settles_after(table) for each in settings for table in one.reads))


def _left_out(connection: Connection) -> tuple[str, ...]:
    if not connection.accounts:
        return ()
    rows = connection.sql(f"SELECT account FROM {CATALOG}.main.accounts WHERE status <> 'in'").fetchall()  # noqa: S608
    return tuple(name for (name,) in rows)
