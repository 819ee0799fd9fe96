"""A snapshot of a table: the files that one view names, and the days that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import Range, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake.store import Lake

__all__ = ["NOTHING_HELD", "Snapshot", "take_snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Kept days of one table at one moment; it never changes.

    Attributes:
        files: those that hold rows, in order of time.
        held: the days that the files stand for, and those without rows; by id, None for exports that take none.
    """

    files: tuple[str, ...]
    held: Mapping[str | None, tuple[Range, ...]]


NOTHING_HELD = Snapshot((), {})


def take_snapshot(lake: Lake, endpoint: Endpoint, ids: Iterable[str]) -> Snapshot:
    """What is kept now of a table, of those ids where it takes one."""
    files: list[str] = []
    held: dict[str | None, tuple[Range, ...]] = {}
    for asked_id in ids if endpoint.parameter is not None else (None,):
        shelf = lake.shelf(endpoint, asked_id)
        pieces = shelf.pieces()
        files.extend(f"{shelf.folder}/{piece.place}" for piece in pieces if piece.rows)
        held[asked_id] = normalise(piece.days for piece in pieces)
    return Snapshot(tuple(files), held)
