"""What stands around the rows: UTF-8, one JSON object, `$limit`, `columns`, and where the rows are.

Every refusal of a body is worded here.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from duckdb_videsk.decode.exact import Repeating, exact, whole_characters
from duckdb_videsk.decode.faults import row_of_fault, rows_before_fault
from duckdb_videsk.errors import ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Chunk",
    "Envelope",
    "checked_text",
    "one_text",
    "opened",
    "refusals",
    "refuse_crumbs",
    "too_deep",
    "too_much",
]

_BOM = b"\xef\xbb\xbf"
_SHOWN = 60
_LARGEST_CAP = 2**63 - 1
# What a reader makes of tiny values takes up to thirty times the bytes that they came in.
_LARGEST_CHUNK = 16 << 20
_LARGEST_ROW = 32 << 20  # the database behind the API holds records of at most 16 MiB
_LARGEST_SHELL = 16 << 20
_LARGE_BODY = 8 << 20
_LEAST_OBJECT = 16
_LEAST_ROW = 64
_FEW_ROWS = 250_000
_BROKEN = "It was cut on its way, or is no answer of the API: ask again, then look for a proxy in between"
_UNDOCUMENTED = "The API, or a proxy in front of it, has changed: ask its vendor, or look for a newer duckdb-videsk"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of one answer, still JSON.

    Attributes:
        first: the number of the first of them in the answer.
        text: all of them, as one JSON list.
        rows: each of them; views of the body.
    """

    first: int
    text: bytes
    rows: Sequence[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One answer, its rows still JSON.

    Attributes:
        limit: its `$limit`.
        columns: the labels it lists.
        rows: each of its rows; views of `body`.
        body: the whole text.
        path: of the export.
    """

    limit: int
    columns: tuple[str, ...]
    rows: Sequence[msgspec.Raw]
    body: bytes
    path: str

    def chunks(self, size: int) -> Iterator[Chunk]:
        """The rows in order, so many at a time, or fewer where they are long."""
        for first in range(0, len(self.rows), size):
            yield from self._parts(first, self.rows[first : first + size])

    def _parts(self, first: int, rows: Sequence[msgspec.Raw]) -> Iterator[Chunk]:
        start, end = _span(self.body, rows)
        if end - start > _LARGEST_CHUNK and len(rows) > 1:
            half = len(rows) // 2
            yield from self._parts(first, rows[:half])
            yield from self._parts(first + half, rows[half:])
            return
        if end - start > _LARGEST_ROW:
            raise too_much(self.path, f"Row {first} of `data` has {end - start:,} bytes")
        yield Chunk(first, b"".join((b"[", memoryview(self.body)[start:end], b"]")), rows)


class _Data(msgspec.Struct):
    data: list[msgspec.Raw]


class _Nothing(msgspec.Struct, gc=False):
    """Any object, with nothing of it."""


class _Counted(msgspec.Struct):
    data: list[_Nothing]


_DATA = msgspec.json.Decoder(_Data)
_COUNTED = msgspec.json.Decoder(_Counted)


def checked_text(body: bytes, path: str) -> bytes:
    """`body` without a byte order mark; raises ResponseError where it is empty or not UTF-8."""
    text = body.removeprefix(_BOM)
    if not text or text.isspace():
        raise ResponseError(f"The body is empty. {_BROKEN}.", endpoint=path)
    if not text.isascii():
        try:
            one_text(text).cast(pa.large_string())
        except pa.ArrowInvalid:
            raise ResponseError(f"The body is not UTF-8. {_BROKEN}.", endpoint=path) from None
    return text


def refuse_crumbs(text: bytes, path: str) -> None:
    """Raises ResponseError where a large body has so many small rows that holding them takes many times its bytes."""
    if len(text) <= _LARGE_BODY:
        return
    objects = text.count(b"{")
    if objects * _LEAST_OBJECT > len(text):
        raise too_much(path, f"The body holds {objects:,} objects in {len(text):,} bytes")
    try:
        count = len(_COUNTED.decode(text).data)
    except msgspec.ValidationError as error:
        raise _undocumented(path, "the body", error) from None
    except (msgspec.DecodeError, RecursionError):
        # What is broken is for the readers to word; but they hold the rows before it.
        crowd = max(_FEW_ROWS, len(text) // _LEAST_ROW) + 1
        count = 0 if objects < crowd else rows_before_fault(whole_characters(text), crowd)
    if count > _FEW_ROWS and count * _LEAST_ROW > len(text):
        raise too_much(path, f"The body holds {count:,} rows in {len(text):,} bytes")


def one_text(body: bytes) -> pa.LargeBinaryArray:
    """The body as an array of one value, without a copy."""
    offsets = (0).to_bytes(8, "little") + len(body).to_bytes(8, "little")
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(body)])


def opened(body: bytes, path: str) -> Envelope:
    """The envelope of a body; raises ResponseError."""
    if not body.lstrip(b" \t\r\n").startswith(b"{"):
        raise ResponseError(
            f"The body is no JSON object; it begins with {_short(body[:_SHOWN].decode(errors='replace'))}. "
            "A web page or a proxy may have answered: check the base URL.",
            endpoint=path,
        )
    body, rows = _rows(body, path)
    start, end = _span(body, rows)
    around = len(body) - (end - start)
    if around > _LARGEST_SHELL:
        raise too_much(path, f"Around the rows of the body stand {around:,} bytes")
    with refusals(path, "the body"):
        shell = exact(body[:start] + body[end:])
    if isinstance(shell, Repeating):
        raise ResponseError(f"The body holds a key twice. {_UNDOCUMENTED}.", endpoint=path)
    return Envelope(_limit(shell.get("$limit"), path), _columns(shell.get("columns"), path), rows, body, path)


def _rows(body: bytes, path: str) -> tuple[bytes, list[msgspec.Raw]]:
    """The rows of a body, and the body that they are views of."""
    try:
        return body, _DATA.decode(body).data
    except (msgspec.DecodeError, RecursionError) as error:
        whole, fault = whole_characters(body), error
    if whole is not body:
        try:
            return whole, _DATA.decode(whole).data
        except (msgspec.DecodeError, RecursionError) as error:
            fault = error
    row = row_of_fault(whole)
    with refusals(path, "the body" if row is None else f"row {row} of `data`"):
        raise fault


@contextmanager
def refusals(path: str, place: str) -> Iterator[None]:
    """Raises ResponseError, naming `place`, for whatever the JSON readers raise inside."""
    try:
        yield
    except msgspec.ValidationError as error:
        raise _undocumented(path, place, error) from None
    except RecursionError:
        raise too_deep(path, place) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise ResponseError(f"In {place}, the JSON is broken: {error}. {_BROKEN}.", endpoint=path) from None


def _undocumented(path: str, place: str, error: msgspec.ValidationError) -> ResponseError:
    return ResponseError(
        f"In {place} stands what the API does not document: {error}. {_UNDOCUMENTED}.", endpoint=path
    )


def too_much(path: str, what: str) -> ResponseError:
    """The error for what could be read, but would take much more memory than any honest answer."""
    error = ResponseError(f"{what}: no answer of the API is like that. {_UNDOCUMENTED}.", endpoint=path)
    error.retryable = False
    return error


def too_deep(path: str, place: str) -> ResponseError:
    """The error for values that no reader can follow down."""
    return ResponseError(f"In {place}, values are nested too deep. {_UNDOCUMENTED}.", endpoint=path)


def _span(body: bytes, rows: Sequence[msgspec.Raw]) -> tuple[int, int]:
    """Where in `body` the first of those rows begins and the last one ends."""
    if not rows:
        return 0, 0
    origin = pa.py_buffer(body).address
    last = pa.py_buffer(rows[-1])
    return pa.py_buffer(rows[0]).address - origin, last.address + last.size - origin


def _limit(found: object, path: str) -> int:
    if type(found) is int and 1 <= found <= _LARGEST_CAP:
        return found
    what = "is missing" if found is None else f"is {_short(found)}"
    raise ResponseError(
        f"`$limit` {what}, not a whole number from 1 to 2^63 - 1: "
        f"whether the answer is complete cannot be known. {_UNDOCUMENTED}.",
        endpoint=path,
    )


def _columns(found: object, path: str) -> tuple[str, ...]:
    if found is None:
        return ()
    if not isinstance(found, list):
        raise ResponseError(f"`columns` is {_short(found)}, not a list. {_UNDOCUMENTED}.", endpoint=path)
    return tuple(label for label in found if isinstance(label, str))


def _short(found: object) -> str:
    text = bytes(found).decode() if isinstance(found, msgspec.Raw) else repr(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
