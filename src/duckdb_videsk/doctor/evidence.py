"""What was seen: single answers, and all that was asked of one table or of the whole account."""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pyarrow as pa

from duckdb_videsk.decode.placement import Placement
from duckdb_videsk.endpoints import UNMAPPED, Kind
from duckdb_videsk.ranges import SECOND, Range

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from duckdb_videsk.client import Request
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.errors import RefusalShape
    from duckdb_videsk.settings import Settings

__all__ = [
    "Account",
    "Anchor",
    "Failure",
    "Name",
    "Sample",
    "Seen",
    "Table",
    "headings_and_time_shapes",
    "shape_of_time",
]

Name = tuple[Any, ...]
"""What names a row: the values of its identity columns."""

_LOOKED_AT = 500


@dataclass(frozen=True)
class Seen:
    """One good answer.

    Attributes:
        request: what was asked.
        limit: the cap that it announces.
        labels: the columns that it lists, in order.
        left_over: those of them that no column of the table takes.
        batch: its rows, decoded.
        time_shapes: forms of the texts of its times, digits as 9 and letters as a, with how many there were.
    """

    request: Request
    limit: int
    labels: tuple[str, ...]
    left_over: tuple[str, ...]
    batch: pa.RecordBatch
    time_shapes: Mapping[str, int]

    @property
    def endpoint(self) -> Endpoint:
        return self.request.endpoint

    @property
    def rows(self) -> int:
        return int(self.batch.num_rows)

    @property
    def full(self) -> bool:
        return self.rows >= self.limit

    @cached_property
    def times(self) -> list[int | None]:
        """The rows' range times in microseconds, in the order they came."""
        return self.instants(self.endpoint.range_column)

    def instants(self, column: str) -> list[int | None]:
        """Microseconds of a column of times."""
        found = self.batch.column(self.batch.schema.get_field_index(column))
        instants: list[int | None] = found.cast(pa.int64()).to_pylist()
        return instants

    def texts(self, column: str) -> list[str | None]:
        """The values of a column of texts."""
        found: list[str | None] = self.batch.column(self.batch.schema.get_field_index(column)).to_pylist()
        return found

    @cached_property
    def names(self) -> list[Name | None]:
        """What names each row; None where that is missing."""
        rows = zip(*map(self.texts, self.endpoint.identity), strict=True)
        return [row if row[0] is not None else None for row in rows]

    @cached_property
    def created(self) -> list[int | None]:
        """The creation second inside each row's id, in microseconds; None where the id has none."""
        return [_created(text) for text in self.texts("id")]

    @property
    def first(self) -> int | None:
        return min((time for time in self.times if time is not None), default=None)

    @property
    def last(self) -> int | None:
        return max((time for time in self.times if time is not None), default=None)

    @cached_property
    def unmapped(self) -> Counter[str]:
        """Labels of what no column could hold, with how many rows had it."""
        return Counter(
            label for text in self.texts(UNMAPPED) if text is not None for label in msgspec.json.decode(text)
        )

    def times_by_name(self) -> dict[Name, int]:
        """The times of the rows whose name no other row has."""
        counts = Counter(self.names)
        pairs = zip(self.names, self.times, strict=True)
        return {name: time for name, time in pairs if name and time is not None and counts[name] == 1}


def _created(text: str | None) -> int | None:
    if text is None or len(text) != 24:
        return None
    try:
        return (int(text, 16) >> 64) * SECOND
    except ValueError:
        return None


def shape_of_time(text: str) -> str:
    """A text of a time with its digits as 9 and its letters as a; a month that cannot be one shows as 'MM>12'."""
    shape = "".join("9" if c.isdigit() and c.isascii() else "a" if c.isalpha() else c for c in text[:40])
    if shape.startswith("99/99/9999") and int(text[3:5]) > 12:
        return f"MM/DD/YYYY{shape[10:]}"
    return shape


def _time_labels(endpoint: Endpoint, present: Collection[str]) -> set[str]:
    """The labels that columns of times come under in an answer; a form's question may have one of the others."""
    columns = Placement.of(endpoint, present).columns
    return {label for column, labels in columns if column.kind is Kind.TIME for label in labels}


def headings_and_time_shapes(endpoint: Endpoint, body: bytes) -> tuple[tuple[str, ...], Counter[str]]:
    """The columns that an answer lists, and the forms of the times of its first rows."""
    try:
        shell = msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8), type=_Shell)
        rows = [msgspec.json.decode(row) for row in shell.data[:_LOOKED_AT]]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return (), Counter()  # the decoder of scans takes a little more, and found no fault
    listed = [label for label in shell.columns or () if isinstance(label, str)]
    wanted = _time_labels(endpoint, {*listed, *(label for row in rows for label in row)})
    texts = (value for row in rows for label, value in row.items() if label in wanted)
    shapes = Counter(shape_of_time(text) for text in texts if isinstance(text, str) and text)
    return tuple(listed), shapes


class _Shell(msgspec.Struct):
    data: list[msgspec.Raw]
    columns: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    Attributes:
        kind: name of the error.
        status: of the answer; None where none came.
        shape: what a refusal came as.
        said: the server's own words, where they are safe to show.
        unreadable: what a success was that is no answer of the API; empty for others.
    """

    kind: str
    status: int | None = None
    shape: RefusalShape | None = None
    said: str = ""
    unreadable: str = ""

    def __str__(self) -> str:
        came = f"status {self.status}" if self.status else self.kind
        how = self.unreadable or {"page": "a web page", "json": "JSON of another shape"}.get(self.shape or "", "")
        return ", ".join(part for part in (came, how, self.said and f"“{self.said}”") if part)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A record whose second is known, to ask around.

    Attributes:
        name: what names it.
        second: its range time, microseconds.
        others: its other times by column, `id` for the one inside its id, where they are seconds away.
    """

    name: Name
    second: int
    others: Mapping[str, int]


@dataclass(slots=True)
class Table:
    """All that was asked of one table; None where it was not asked, and `skipped` says why.

    Attributes:
        endpoint, id: the export, and the form or survey.
        others_shift: what the tables looked at before say of the times' shift, microseconds; None: nothing.
        failure: why nothing can be said of it.
        expelled: how the token was refused after the table had been read with it.
        own_keys_only: all keys were refused, and its own were not.
        found: its newest records.
        searched: the widest range that was asked for them.
        window: the part of it that the other questions are about.
        anchor: a record to ask around.
        at_start, at_end, around: whether the record came where its second was `start`, `end`, or inside by a second.
        near: the answers to the questions around its second.
        elsewhere: the column around whose time the record came, where it did not around its own.
        turned: the window in another time zone, oldest first.
        plain: the window without keys.
        whole: one answer over all that there is.
        behind: what lies before the oldest record of `whole`, where that was not full.
        milliseconds: from where to where the anchor's second gives the record, by (latest start, earliest end).
        reads_seconds: whether another record says that milliseconds of a request are not looked at.
        skipped: by question, why it was not asked.
    """

    endpoint: Endpoint
    id: str | None = None
    others_shift: int | None = None
    failure: Failure | None = None
    expelled: Failure | None = None
    own_keys_only: bool = False
    found: Seen | None = None
    searched: Range | None = None
    window: Range | None = None
    anchor: Anchor | None = None
    at_start: bool | None = None
    at_end: bool | None = None
    around: bool | None = None
    near: list[Seen] = field(default_factory=list)
    elsewhere: str | None = None
    turned: Seen | None = None
    plain: Seen | None = None
    whole: Seen | None = None
    behind: Seen | None = None
    milliseconds: tuple[int, int] | None = None
    reads_seconds: bool | None = None
    skipped: dict[str, str] = field(default_factory=dict)

    def why_not(self, question: str) -> str:
        """Why a question was not asked, or not answered."""
        if self.found is not None and not self.found.rows:
            return "no records in the range"
        return self.skipped.get(question, "nothing was seen")

    @property
    def answers(self) -> list[Seen]:
        """Those with the times in UTC and all the keys."""
        return [seen for seen in (self.found, self.whole, self.behind) if seen is not None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt that was answered, for how fast the server is.

    Attributes:
        ms: from the start of sending to the last byte.
        size: bytes of the body, unpacked.
        packed: its encoding, or empty.
        wire: bytes on the wire, where they were announced.
        headers: of the answer.
        ahead: seconds that this machine's clock was ahead of the answer's `Date`; None without one.
    """

    ms: float
    size: int
    packed: str
    wire: int | None
    headers: Mapping[str, str]
    ahead: float | None


@dataclass(slots=True)
class Account:
    """All that was seen.

    Attributes:
        settings: those that the requests were made with.
        auth_header: the header whose token was taken; None where none was.
        refused_in: headers whose token was refused while none had been taken.
        tables: one by one.
        samples: one for each attempt that was answered with a success.
        refusal: what a request that cannot be right was answered with.
        refusal_taken: whether it was answered as if it were right.
        limited: attempts that were refused for the rate.
        seconds: that it all took.
    """

    settings: Settings
    auth_header: str | None = None
    refused_in: tuple[str, ...] = ()
    tables: list[Table] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    refusal: Failure | None = None
    refusal_taken: bool = False
    limited: int = 0
    seconds: float = 0.0
    stopped: Literal["", "token", "network", "requests"] = ""
