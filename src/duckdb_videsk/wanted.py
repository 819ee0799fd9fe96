"""How a statement tells a scan that only its newest or oldest few rows matter.

It says that a column of text is not a certain text, which DuckDB hands to the scan with the other conditions; the
scan knows that this is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Wanted", "mark_of", "marked_column", "wanted_by"]

_OPENING = "videsk: all that matters is"
_COLUMN = re.compile(rf'(\w+) != "{_OPENING}')
_ONE = re.compile(r" (newest|oldest) (\d{1,18})\b")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that matter of those that a scan's filter accepts.

    Attributes:
        rows: how many, and with them all that have the time of the last one.
        newest: the newest of them, or else the oldest.
    """

    rows: int
    newest: bool


def mark_of(wanted: Sequence[Wanted]) -> str:
    """The text."""
    return _OPENING + ",".join(f" {'newest' if one.newest else 'oldest'} {one.rows}" for one in wanted)


def marked_column(expression: str) -> str | None:
    """The column that a printed filter says is not such a text."""
    found = _COLUMN.search(expression)
    return None if found is None else found[1]


def wanted_by(texts: Iterable[str]) -> tuple[Wanted, ...]:
    """What the texts in a filter say."""
    marks = [text.removeprefix(_OPENING) for text in texts if text.startswith(_OPENING)]
    found = [_ONE.findall(mark) for mark in marks]
    return tuple(Wanted(int(rows), newest=end == "newest") for ends in found[:1] for end, rows in ends)
