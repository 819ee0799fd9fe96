"""One file of the lake: written aside, made durable, then renamed, so that it appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from duckdb_videsk.lake.layout import LAYOUT, Piece
from duckdb_videsk.ranges import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.ranges import Range

__all__ = ["UNFINISHED", "LakeWarning", "checksum_of", "private_folder", "tell", "unfinished_piece"]

UNFINISHED = ".unfinished"
_ROW_GROUP = 122_880
_CHUNK = 1 << 20


class LakeWarning(UserWarning):
    """Something about the kept days that costs requests, never rows."""


_TOLD: dict[str | tuple[str, type[Warning], int], int] = {}


def tell(text: str) -> None:
    """Warn, by default once of the same; shown without a line of our code, which says nothing to anybody."""
    warnings.warn_explicit(text, LakeWarning, "videsk.lake", 1, registry=_TOLD)


@contextlib.contextmanager
def unfinished_piece(
    folder: Path, rows: pa.Table, days: Range, *, fetched: int, mark: str, facts: dict[str, str]
) -> Iterator[tuple[Path, Piece]]:
    """A file of `rows` in `folder` under a name that nobody reads, and what it is to be renamed to.

    Args:
        folder: made where it is not there.
        rows: in the order they are to be kept.
        days: that they are all the records of.
        fetched: when they were asked for, seconds since the epoch.
        mark: of the table, see `layout.mark_of`.
        facts: for whoever looks into the file's metadata.

    Raises:
        OSError: there is no room, or no permission.
    """
    private_folder(folder)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=UNFINISHED)
    file = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            pq.write_table(
                rows.replace_schema_metadata(_metadata(days, fetched, facts)),
                target,
                compression="zstd",
                row_group_size=_ROW_GROUP,
                use_dictionary=_repeating(rows.schema),
            )
            target.flush()
            # A name that stands for proof must not come to stand on bytes that never reached the disk.
            os.fsync(target.fileno())
        os.utime(file, (fetched, fetched))
        yield file, Piece(days, rows.num_rows, file.stat().st_size, fetched, mark, checksum_of(file))
    finally:
        file.unlink(missing_ok=True)


def checksum_of(file: Path) -> str:
    """Of a file's bytes."""
    digest = hashlib.blake2b(digest_size=8)
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def private_folder(folder: Path) -> None:
    """Make a folder that only the user can enter, with those above it."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def _repeating(schema: pa.Schema) -> list[str]:
    """Columns whose values repeat; a dictionary of the others' would be made for nothing."""
    repeating = [field for field in schema if field.name != "id" and not pa.types.is_timestamp(field.type)]
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in repeating]


def _metadata(days: Range, fetched: int, facts: dict[str, str]) -> dict[str, str]:
    own = {
        "layout": str(LAYOUT),
        "from": iso(days.start),
        "until": iso(days.end),
        "fetched": iso(fetched * 1_000_000),
    }
    return {f"videsk.{name}": value for name, value in {**own, **facts}.items()}
