"""Where a body stops being JSON: found by passing over it, so that nothing of it is held, whatever its size."""

from __future__ import annotations

from typing import NoReturn

import msgspec

__all__ = ["row_of_fault", "rows_before_fault"]

_MOST_COUNTED = 1_000_000


class _Ending(msgspec.Struct, array_like=True):
    """Any list, refused once its end is reached."""

    def __post_init__(self) -> NoReturn:
        raise ValueError("the list ends")


class _DataBegins(msgspec.Struct):
    data: int  # a list is refused where it begins


class _DataEnds(msgspec.Struct):
    data: _Ending


_BEGINS = msgspec.json.Decoder(_DataBegins)
_ENDS = msgspec.json.Decoder(_DataEnds)


def row_of_fault(text: bytes) -> int | None:
    """The number of the row in which a broken body stops being JSON.

    None where that is before or behind its rows, or behind a row that is no object, or behind a million rows.
    """
    if not _reached(_BEGINS, text) or _reached(_ENDS, text):
        return None
    rows, all_counted = _counted(text, _MOST_COUNTED)
    return rows if all_counted else None


def rows_before_fault(text: bytes, most: int) -> int:
    """How many rows of a broken body can be read; the count stops at `most`, and at a row that is no object."""
    return _counted(text, most)[0]


def _reached(decoder: msgspec.json.Decoder[_DataBegins] | msgspec.json.Decoder[_DataEnds], text: bytes) -> bool:
    """Whether a decoder comes to what it refuses before it comes to the fault."""
    try:
        decoder.decode(text)
    except msgspec.ValidationError:
        return True
    except (msgspec.DecodeError, RecursionError):
        return False
    return False


def _counted(text: bytes, most: int) -> tuple[int, bool]:
    """How many rows stand before the fault, and whether these are all."""
    rows = 0

    class Row(msgspec.Struct, frozen=True, gc=False):
        """Any object, with nothing of it."""

        def __post_init__(self) -> None:
            nonlocal rows
            rows += 1
            if rows >= most:
                raise ValueError("enough")

    # All such rows are equal, so that the set holds one of them.
    body = msgspec.defstruct("Body", [("data", set[Row])])
    try:
        msgspec.json.decode(text, type=body)
    except msgspec.ValidationError:
        return rows, False
    except (msgspec.DecodeError, RecursionError):
        pass
    return rows, True
