"""Comparing kept days with what the API gives now: which days differ, in which columns, by how many records."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from duckdb_videsk.ranges import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake.asking import Asking
    from duckdb_videsk.lake.layout import Piece
    from duckdb_videsk.lake.store import Shelf

__all__ = ["GONE", "NEW", "Difference", "differences"]

GONE = "(gone)"
NEW = "(new)"


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """Records of one day that are not as they were.

    Attributes:
        day: midnight UTC, microseconds since the epoch.
        column: in which they differ; `GONE` where they are no longer there, `NEW` where they were not.
        records: how many.
    """

    day: int
    column: str
    records: int


def differences(asking: Asking, shelf: Shelf, piece: Piece) -> list[Difference]:
    """What the API gives otherwise than a kept file does; the file's days are asked for again.

    Raises:
        VideskError: the days cannot be had, or not whole.
    """
    kept = shelf.read(piece)
    now = pa.Table.from_batches(_asked(asking, shelf, piece), shelf.endpoint.schema)
    old = _by_identity(shelf.endpoint, shelf.endpoint.schema.empty_table() if kept is None else kept)
    new = _by_identity(shelf.endpoint, now)
    found: Counter[tuple[int, str]] = Counter()
    for key in old.keys() | new.keys():
        for column in _differing(shelf.endpoint, old.get(key, []), new.get(key, [])):
            found[key[0], column] += 1
    return sorted(Difference(day, column, records) for (day, column), records in found.items())


def _asked(asking: Asking, shelf: Shelf, piece: Piece) -> Iterator[pa.RecordBatch]:
    scan = asking.scan_parts(shelf.endpoint, {shelf.id: (piece.days,)})
    try:
        while True:
            try:
                batch = scan.poll(None)
            except StopIteration:
                return
            if batch is not None:
                yield batch
    finally:
        scan.close()


def _by_identity(endpoint: Endpoint, rows: pa.Table) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
    """Rows by day and identity; genuine twins exist, in an order that means nothing."""
    found = defaultdict(list)
    days = rows.column(endpoint.range_column).cast(pa.int64()).to_pylist()
    columns = [rows.column(name).to_pylist() for name in endpoint.schema.names]
    keys = [rows.column(name).to_pylist() for name in endpoint.identity]
    for day, *values in zip(days, *keys, *columns, strict=True):
        identity, row = values[: len(keys)], values[len(keys) :]
        found[day // DAY * DAY, *identity].append(tuple(map(_plain, row)))
    return {key: sorted(twins, key=repr) for key, twins in found.items()}


def _differing(endpoint: Endpoint, old: list[tuple[Any, ...]], new: list[tuple[Any, ...]]) -> Iterator[str]:
    if len(old) != len(new):
        yield GONE if len(old) > len(new) else NEW
        return
    for position, name in enumerate(endpoint.schema.names):
        if [row[position] for row in old] != [row[position] for row in new]:
            yield name


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
