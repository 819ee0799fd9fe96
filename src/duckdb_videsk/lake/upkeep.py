"""What is done to kept files afterwards: days merged into months, leftovers cleared, days forgotten.

None of it may happen under a reader: merging waits for a moment without leases, and is put off where there is none.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.lake.layout import Piece, month_folder, month_of
from duckdb_videsk.lake.writing import UNFINISHED
from duckdb_videsk.ranges import SECOND, Range, normalise, subtract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from duckdb_videsk.lake.store import Lake, Shelf

__all__ = ["Forgotten", "compact", "forget", "forget_piece"]

_LEFT_OVER_SECONDS = 86_400


def compact(lake: Lake) -> int | None:
    """Merge the days of months that are kept whole into one file each, and clear what was left over.

    A reader waits for one month at the most, and then has its turn.

    Gives the number of months merged; None where it was not done to its end, since another process reads the lake.

    Raises:
        OSError: there is no room, or no permission; nothing is lost.
    """
    merged = 0
    for step in _steps(lake):
        with lake.unread() as alone:
            if not alone:
                return None
            merged += step()
    return merged


def _steps(lake: Lake) -> Iterator[Callable[[], bool]]:
    """Each gives whether it merged a month."""
    for shelf in lake.shelves():
        yield partial(_clear, shelf)
        yield partial(_clear, lake.recent(shelf.endpoint, shelf.id))
        for month in _ripe_months(shelf.pieces()):
            yield partial(_merge, shelf, month)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What came of deleting files.

    Attributes:
        deleted: how many are gone.
        left: what is still there, with why; a folder where it cannot be looked into.
    """

    deleted: int = 0
    left: Mapping[Path, OSError] = field(default_factory=dict)

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.deleted + other.deleted, {**self.left, **other.left})


def forget(shelf: Shelf, span: Range) -> Forgotten:
    """Delete the files that hold any day of `span`, damaged ones too; their other days are asked for again too."""
    if not shelf.folder.is_dir():
        return Forgotten()
    try:
        with shelf.writing():
            files, closed = shelf.holding(span)
            left = shelf.remove(files)
    except OSError as error:
        return Forgotten(left={shelf.folder: error})
    return Forgotten(len(files) - len(left), closed | left)


def forget_piece(shelf: Shelf, piece: Piece) -> Forgotten:
    """The same for one file."""
    left = shelf.remove([shelf.path(piece), shelf.set_aside(piece)])
    return Forgotten(0 if left else 1, left)


def _ripe_months(pieces: list[Piece]) -> list[Range]:
    """Months that are kept whole, in more than one file."""
    kept = normalise(piece.days for piece in pieces)
    starts = [month_of(piece.days.start) for piece in pieces if piece.rows]
    return sorted({month for month in starts if starts.count(month) > 1 and not subtract([month], kept)})


def _merge(shelf: Shelf, month: Range) -> bool:
    here = [piece for piece in shelf.pieces() if piece.days.intersect(month).length]
    old = [piece for piece in here if not subtract([piece.days], [month])]
    if subtract([month], normalise(piece.days for piece in here)) or any(
        piece.rows for piece in here if piece not in old
    ):
        return False
    tables = [shelf.read(piece) for piece in old if piece.rows]
    if any(table is None for table in tables):
        return False
    rows = pa.concat_tables([table for table in tables if table is not None]).combine_chunks()
    # As long after the month as any of its days was fetched after that day.
    end = month.end // SECOND
    fetched = end + min(piece.fetched - piece.days.end // SECOND for piece in old)
    folder = shelf.folder / month_folder(month)
    with shelf.unfinished(folder, rows, month, fetched=fetched) as (file, piece), shelf.writing():
        # Another process may have forgotten some of them meanwhile.
        if not all(shelf.path(piece).exists() for piece in here):
            return False
        # In this order, so that whoever reads the whole folder never finds a day twice, come what may.
        shelf.remove(map(shelf.path, old))
        file.replace(shelf.path(piece))
    return True


def _clear(shelf: Shelf) -> bool:
    """Remove what a killed process left, and files that may not be used or whose days a longer one holds."""
    if not shelf.folder.is_dir():
        return False
    with shelf.writing():
        chosen = set(shelf.pieces())
        shelf.remove(shelf.path(piece) for piece in shelf.all_pieces() if piece not in chosen)
    for file in shelf.folder.glob(f"**/*{UNFINISHED}"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _LEFT_OVER_SECONDS:
                file.unlink()
    return False
