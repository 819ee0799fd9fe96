"""A JSON reader that loses nothing, for the few rows that the quick ones would change or refuse.

It keeps repeated keys and numbers of any size. Halves of UTF-16 pairs, which no string can hold, are spelt out as
the escapes they came as.
"""

from __future__ import annotations

import io
import json
import math
import re
from itertools import count
from typing import Any, NoReturn

import msgspec

__all__ = ["Repeating", "exact", "listed", "row_of_fault", "whole_characters"]

# An escape begins behind an even number of backslashes. Only those for halves are looked at one by one.
_HALVES = re.compile(
    rb"(?<!\\)(?:\\\\)*+(?:\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))", re.DOTALL
)
_DATA = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[[ \t\r\n]*')
_BETWEEN = re.compile(r"[ \t\r\n]*(?:,[ \t\r\n]*)?")


class Repeating(dict[str, Any]):
    """An object in which a key stands more than once: as a mapping, such a key holds the list of its values but null.

    Attributes:
        pairs: its keys and values as they came.
    """

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self.pairs = pairs
        values: dict[str, list[Any]] = {}
        for key, value in pairs:
            values.setdefault(key, []).extend([] if value is None else [value])
        self.update((key, listed(found)) for key, found in values.items())


def listed(values: list[Any]) -> Any:
    """Several values of one key as a list, one as itself, none as None."""
    return values if len(values) > 1 else next(iter(values), None)


def exact(text: bytes) -> Any:
    """The value of a JSON text; raises ValueError or RecursionError."""
    return _DECODER.decode(text.decode())


def whole_characters(text: bytes) -> bytes:
    """A JSON text in which a backslash is put before each escape for one half of a pair."""
    whole, place = io.BytesIO(), 0
    for escape in _HALVES.finditer(text):
        if escape[1]:
            whole.write(text[place : escape.start(1)])
            whole.write(b"\\")
            place = escape.start(1)
    whole.write(memoryview(text)[place:])
    return whole.getvalue()


def row_of_fault(text: bytes) -> int | None:
    """The number of the row in which a broken body stops being JSON; None where that is before or behind its rows."""
    start = _DATA.search(text)
    if start is None:
        return None
    characters, position = text.decode(), len(text[: start.end()].decode())
    for number in count():
        if characters.startswith("]", position):
            return None
        try:
            _, position = _DECODER.raw_decode(characters, position)
        except (ValueError, RecursionError):
            return number
        if between := _BETWEEN.match(characters, position):
            position = between.end()
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeating(pairs)


def _int(digits: str) -> int | msgspec.Raw:
    try:
        return int(digits)
    except ValueError:  # Python's own limit on the length of a number
        return msgspec.Raw(digits.encode())


def _float(digits: str) -> float | msgspec.Raw:
    number = float(digits)
    return number if math.isfinite(number) else msgspec.Raw(digits.encode())


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_refused)
