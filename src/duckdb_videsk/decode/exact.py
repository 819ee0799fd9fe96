"""A JSON reader that loses nothing, for the few rows that the quick ones would change or refuse.

It keeps repeated keys and numbers of any size. Halves of UTF-16 pairs, which no string can hold, are spelt out as
the escapes they came as.
"""

from __future__ import annotations

import io
import json
import math
import re
from typing import Any, NoReturn

import msgspec

__all__ = ["Repeating", "exact", "listed", "whole_characters"]

# Escape by escape, so that none begins at the second of two backslashes; all but halves are passed over in one go.
_OTHER = rb"(?:[^u]|u(?![dD][89a-fA-F])|u[dD][89abAB]..\\u[dD][c-fC-F]..)"
_HALVES = re.compile(
    rb"\\(?:" + _OTHER + rb"(?:[^\\]*+\\" + _OTHER + rb")*+|(u[dD][89a-fA-F][0-9a-fA-F]{2}))", re.DOTALL
)
_SURROGATES = (rb"\ud", rb"\uD")


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
    if not any(begun in text for begun in _SURROGATES):
        return text
    whole, view, place = io.BytesIO(), memoryview(text), 0
    for escape in _HALVES.finditer(text):
        if escape[1]:
            whole.write(view[place : escape.start()])
            whole.write(b"\\")
            place = escape.start()
    whole.write(view[place:])
    return whole.getvalue()


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
