"""Names in the lake: the folder of each table and id, and the file name in which a file says what it holds.

`<lake>/<account>/<table>[/<id>]/month=2026-10/2026-10-05_2026-10-06.<rows>-<bytes>-<fetched>-<mark>-<checksum>.parquet`
holds every record of the UTC days from the first date until just before the second. The name says all that opening
the lake takes, so that it opens no file. Pure: no I/O.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from duckdb_videsk.ranges import DAY, EVER, Range, as_datetime

if TYPE_CHECKING:
    from duckdb_videsk.endpoints import Endpoint

__all__ = ["LAYOUT", "MONTH", "SUFFIX", "Piece", "fetched_at", "id_folder", "mark_of", "month_folder", "month_of"]

LAYOUT = 1
"""Raised whenever files of before must not be read any more."""
SUFFIX = ".parquet"
MONTH = "month="

_PLAIN_ID = re.compile(r"[0-9a-z][0-9a-z_]{0,63}")
_DATE = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
_NUMBER = r"([0-9]{1,15})"
_NAME = re.compile(
    rf"{_DATE}_{_DATE}\.{_NUMBER}-{_NUMBER}-([0-9]{{1,11}})-([0-9a-f]{{12}})-([0-9a-f]{{16}})\.parquet"
)
_MONTH_LETTERS = len("2026-10")
_LAST_DAY = "9999-12-31"
_FIRST_ORDINAL = date(1970, 1, 1).toordinal()


class Piece(NamedTuple):
    """What one file holds: proof that these days are complete.

    Attributes:
        days: whole UTC days.
        rows: records in it.
        size: bytes of the file.
        fetched: when they were asked for, seconds since the epoch; the file's modification time is set to it.
        mark: of account, table, id and schema: a file that was moved here, or is of another version, has another.
        checksum: of the file's bytes.
    """

    days: Range
    rows: int
    size: int
    fetched: int
    mark: str
    checksum: str

    @property
    def file_name(self) -> str:
        span = f"{_day_text(self.days.start)}_{_day_text(self.days.end)}"
        return f"{span}.{self.rows}-{self.size}-{self.fetched}-{self.mark}-{self.checksum}{SUFFIX}"

    @property
    def place(self) -> str:
        """Folder and name of the file, in the folder of its table or id."""
        name = self.file_name
        return f"{MONTH}{name[:_MONTH_LETTERS]}/{name}"

    @classmethod
    def named(cls, file_name: str) -> Piece | None:
        """What a file of that name holds; None where it is not a name of the lake."""
        found = _NAME.fullmatch(file_name)
        if found is None:
            return None
        start, end, rows, size, fetched, mark, checksum = found.groups()
        days = _days(start, end)
        return None if days.empty else cls(days, int(rows), int(size), int(fetched), mark, checksum)


def month_of(instant: int) -> Range:
    """The calendar month (UTC) that holds an instant."""
    moment = as_datetime(instant)
    start = moment.date().replace(day=1)
    following = (start.year + start.month // 12, start.month % 12 + 1)
    end = EVER.end if following[0] > 9999 else _instant_of(date(*following, 1))
    return Range(_instant_of(start), end)


def month_folder(days: Range) -> str:
    """The folder that a file of these days lies in: one partition for each month."""
    return f"{MONTH}{_day_text(days.start)[:_MONTH_LETTERS]}"


def id_folder(asked_id: str) -> str:
    """A folder's name for a form's or survey's id: itself where every file system takes it as it is, else a hash."""
    if _PLAIN_ID.fullmatch(asked_id):
        return f"id-{asked_id}"
    return f"hash-{hashlib.sha256(asked_id.encode()).hexdigest()[:32]}"


def mark_of(endpoint: Endpoint, account: str, asked_id: str | None) -> str:
    """What files of this table and id are marked with: it changes with whatever would change the rows."""
    columns = [
        (column.name, column.kind.name, column.keys, column.fixed, column.unit, column.factor)
        for column in endpoint.all_columns
    ]
    facts = (LAYOUT, account, endpoint.table, asked_id, endpoint.range_column, endpoint.identity, columns)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


@cache
def _day_text(instant: int) -> str:
    # The end of time is a day after the last one that has a date.
    return _LAST_DAY if instant >= EVER.end else as_datetime(instant).date().isoformat()


@cache
def _days(start: str, end: str) -> Range:
    """Empty where the texts are no dates."""
    try:
        return Range(_day_instant(start), _day_instant(end))
    except ValueError:
        return Range(0, 0)


def _day_instant(text: str) -> int:
    return EVER.end if text == _LAST_DAY else _instant_of(date.fromisoformat(text))


def _instant_of(day: date) -> int:
    return (day.toordinal() - _FIRST_ORDINAL) * DAY


def fetched_at(piece: Piece) -> datetime:
    """When the days of a piece were asked for."""
    return datetime.fromtimestamp(piece.fetched, UTC)
