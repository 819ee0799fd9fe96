"""The folders of the lake: which days each holds, and how days get in and out.

A file stands for its days as long as it is the one that was written: its size and its modification time are those in
its name; else its checksum decides. What is not right is set aside, or remembered where it cannot be renamed, and its
days count as missing.
"""

from __future__ import annotations

import contextlib
import math
import os
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.errors import ConfigError
from duckdb_videsk.lake.layout import MONTH, SUFFIX, Piece, id_folder, mark_of, month_folder
from duckdb_videsk.lake.locks import Lease, locked
from duckdb_videsk.lake.writing import checksum_of, private_folder, tell, unfinished_piece
from duckdb_videsk.ranges import DAY, SECOND
from duckdb_videsk.settings import ALL_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.ranges import Range
    from duckdb_videsk.settings import Settings

__all__ = ["Lake", "Shelf"]

# Programs that read a whole folder pass by names with a leading dot, or without the ending.
_DAMAGED = ".damaged"
_LOCK = ".lock"
_READERS = ".readers"
_ID = ".id"
_RECENT = ".recent"
# A query that has all its rows waits no longer to keep some; those who write here do so for milliseconds.
_PATIENCE_SECONDS = 1.0


class Shelf:
    """The kept days of one table, or of one form's or survey's id.

    Args:
        folder: where they lie.
        endpoint, asked_id: what they are of.
        account: whose they are.
        is_good: whether a piece may be used still, or already.
    """

    def __init__(
        self,
        folder: Path,
        endpoint: Endpoint,
        asked_id: str | None,
        *,
        account: str,
        is_good: Callable[[Piece], bool] = lambda _: True,
    ) -> None:
        self.folder = folder
        self._good_by_time = is_good
        # Names of files that are damaged and could not be renamed. A file that is written anew has another name.
        self._stuck: set[str] = set()
        self.endpoint = endpoint
        self.id = asked_id
        self.mark = mark_of(endpoint, account, asked_id)

    def pieces(self) -> list[Piece]:
        """What is kept now, by time; no two that hold rows share a day."""
        return _disjoint([piece for piece in self.all_pieces() if self._is_good(piece)])

    def all_pieces(self) -> list[Piece]:
        """The same with those that may not be used, or whose days a longer or later one holds too."""
        return [piece for entry in self._entries() if (piece := self._trusted(entry)) is not None]

    def _is_good(self, piece: Piece) -> bool:
        return piece.file_name not in self._stuck and self._good_by_time(piece)

    def stuck(self) -> list[Piece]:
        """Those that were found damaged and could not be set aside."""
        pieces = [piece for name in sorted(self._stuck) if (piece := Piece.named(name)) is not None]
        return [piece for piece in pieces if self.path(piece).exists()]

    def path(self, piece: Piece) -> Path:
        return self.folder / piece.place

    def read(self, piece: Piece) -> pa.Table | None:
        """The rows of a piece; None where they cannot be had, and then the file is set aside."""
        try:
            return pq.read_table(self.path(piece), partitioning=None).cast(self.endpoint.schema)
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException, ValueError) as error:
            self._set_aside(self.path(piece), str(error))
            return None

    def keep(self, days: Range, rows: pa.Table, *, fetched: int) -> None:
        """Keep all the records of some days, unless another has kept them meanwhile.

        Raises:
            OSError: there is no room, or no permission; or another process writes here, and takes its time.
        """
        folder = self.folder / month_folder(days)
        with self.unfinished(folder, rows, days, fetched=fetched) as (file, piece):
            self._say_whose()
            with self.writing(patience=_PATIENCE_SECONDS):
                there = [kept for kept in self.all_pieces() if kept.days.intersect(days).length]
                if not any(map(self._is_good, there)):
                    self.remove(map(self.path, there))
                    file.replace(self.path(piece))

    def unfinished(
        self, folder: Path, rows: pa.Table, days: Range, *, fetched: int
    ) -> AbstractContextManager[tuple[Path, Piece]]:
        """A file that is not kept yet: see `writing.unfinished_piece`."""
        facts = {"table": self.endpoint.table} | ({} if self.id is None else {"id": self.id})
        return unfinished_piece(folder, rows, days, fetched=fetched, mark=self.mark, facts=facts)

    @contextlib.contextmanager
    def writing(self, *, patience: float = math.inf) -> Iterator[None]:
        """Within, no other thread or process changes what is kept here.

        Raises:
            TimeoutError: another does, for longer than `patience` seconds.
        """
        with locked(self.folder / _LOCK, patience=patience):
            yield

    def remove(self, files: Iterable[Path]) -> dict[Path, OSError]:
        """Delete files, and give those that are still there with why: no permission, or in use where that counts."""
        left: dict[Path, OSError] = {}
        for file in files:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                left[file] = error
        return left

    def holding(self, span: Range) -> tuple[list[Path], dict[Path, OSError]]:
        """All files of any day of `span`, damaged and of other versions too, and months that cannot be looked into.

        Raises:
            OSError: nor can the folder.
        """
        files: list[Path] = []
        closed: dict[Path, OSError] = {}
        for month in [entry for entry in self.folder.iterdir() if entry.name.startswith(MONTH)]:
            try:
                files.extend(file for file in month.iterdir() if _holds(file.name, span))
            except OSError as error:
                closed[month] = error
        return files, closed

    def set_aside(self, piece: Piece) -> Path:
        """What a piece is renamed to where it cannot be used."""
        return self.path(piece).with_name(_damaged_name(piece.file_name))

    def verified(self, piece: Piece) -> bool:
        """Whether a file has the bytes that were written; one that has not is set aside."""
        file = self.path(piece)
        try:
            facts = file.stat()
            # A device or a pipe would be read without end.
            whole = stat.S_ISREG(facts.st_mode) and facts.st_size == piece.size
            right = whole and checksum_of(file) == piece.checksum
        except OSError:
            return False
        if not right:
            self._set_aside(file, "its content is not what was written")
        return right

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        for month in _scanned(self.folder):
            if month.name.startswith(MONTH):
                yield from _scanned(Path(month.path))

    def _trusted(self, entry: os.DirEntry[str]) -> Piece | None:
        piece = Piece.named(entry.name)
        if piece is None or piece.mark != self.mark:
            return None
        try:
            facts = entry.stat()
        except OSError:
            return None
        plain = stat.S_ISREG(facts.st_mode) and facts.st_size == piece.size
        if plain and facts.st_mtime_ns == piece.fetched * 1_000_000_000:
            return piece
        file = Path(entry.path)
        if entry.name in self._stuck or file != self.path(piece) or not self.verified(piece):
            return None
        with contextlib.suppress(OSError, OverflowError):
            os.utime(file, (piece.fetched, piece.fetched))
        return piece

    def _set_aside(self, file: Path, why: str) -> None:
        aside = _damaged_name(file.name)
        done = f"it was renamed to {aside}"
        try:
            file.replace(file.with_name(aside))
        except FileNotFoundError:
            return
        except OSError as error:
            if file.name in self._stuck:
                return
            self._stuck.add(file.name)
            done = f"it could not be renamed ({error.strerror or error}), so delete it yourself: {file}"
        tell(f"A kept file of {self.endpoint.table} cannot be used ({why}): {done}. Its days are asked for again.")

    def _say_whose(self) -> None:
        file = (self.folder.parent if self.folder.name == _RECENT else self.folder) / _ID
        if self.id is not None and not file.exists():
            file.write_text(self.id, "utf-8")
            file.chmod(0o600)


class Lake:
    """All that is kept of one account. Thread-safe, and several processes may use one lake.

    Attributes:
        folder: of the account.
        settings: of the connection.

    Raises:
        ConfigError: `settle_days` names what is no table.
    """

    def __init__(self, settings: Settings) -> None:
        unknown = set(settings.settle_days) - {ALL_TABLES} - set(by_table())
        if unknown:
            raise ConfigError(f"settle_days names {min(unknown)!r}; tables are: {', '.join(by_table())}.")
        self.settings = settings
        self.folder = settings.lake_dir / settings.account
        self._shelves: dict[tuple[str, str | None, bool], Shelf] = {}
        self._lock = threading.Lock()

    def shelf(self, endpoint: Endpoint, asked_id: str | None = None) -> Shelf:
        """The settled days that are kept of a table or of one of its ids; there may be none."""
        return self._shelf(endpoint, asked_id, recent=False)

    def recent(self, endpoint: Endpoint, asked_id: str | None = None) -> Shelf:
        """Its days that are over but not settled, as they were read some minutes ago."""
        return self._shelf(endpoint, asked_id, recent=True)

    def _shelf(self, endpoint: Endpoint, asked_id: str | None, *, recent: bool) -> Shelf:
        key = endpoint.table, asked_id, recent
        with self._lock:
            if key not in self._shelves:
                table = self.folder / endpoint.table
                folder = table if asked_id is None else table / id_folder(asked_id)
                self._shelves[key] = Shelf(
                    folder / _RECENT if recent else folder,
                    endpoint,
                    asked_id,
                    account=self.settings.account,
                    is_good=self._is_recent if recent else self._was_settled(endpoint.table),
                )
            return self._shelves[key]

    def _was_settled(self, table: str) -> Callable[[Piece], bool]:
        """Whether a piece was fetched late enough for what the settings say now; offline there is no better one."""
        if self.settings.offline:
            return lambda _: True
        settling = int(self.settings.settles_after(table) * DAY)
        return lambda piece: piece.days.end + settling <= piece.fetched * SECOND

    def _is_recent(self, piece: Piece) -> bool:
        return 0 <= time.time() - piece.fetched <= self.settings.reuse_minutes * 60

    def shelves(self) -> Iterator[Shelf]:
        """Those that hold, or held, anything."""
        for endpoint in ENDPOINTS:
            table = self.folder / endpoint.table
            if endpoint.parameter is None:
                if table.is_dir():
                    yield self.shelf(endpoint)
                continue
            for entry in sorted(_scanned(table), key=lambda entry: entry.name):
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    file = Path(entry.path, _ID)
                    if file.is_file():
                        yield self.shelf(endpoint, file.read_text("utf-8"))

    def has_more_files_than(self, number: int) -> bool:
        """Whether so many lie in its folders, whatever they are; quick."""
        for _, _, files in os.walk(self.folder):
            number -= len(files)
            if number < 0:
                return True
        return False

    def settled_until(self, table: str, *, now: float | None = None) -> int:
        """The midnight (UTC) before which the records of a table change no more, microseconds since the epoch."""
        seconds = (time.time() if now is None else now) - self.settings.settles_after(table) * 86_400
        return int(seconds * SECOND) // DAY * DAY

    def lease(self) -> Lease | None:
        """A claim on all files that are kept now: none is merged away before it is released."""
        try:
            private_folder(self.folder)
            return Lease(self.folder / _READERS)
        except OSError:
            return None

    @contextlib.contextmanager
    def unread(self) -> Iterator[bool]:
        """Within, nobody holds a lease; gives whether that is so."""
        with contextlib.ExitStack() as held:
            try:
                alone = held.enter_context(locked(self.folder / _READERS, patience=0))
            except TimeoutError:
                alone = False
            yield alone


def _damaged_name(file_name: str) -> str:
    return f".{file_name.removesuffix(SUFFIX)}{_DAMAGED}"


def _without_damage(file_name: str) -> str:
    if not file_name.endswith(_DAMAGED):
        return file_name
    return f"{file_name.removeprefix('.').removesuffix(_DAMAGED)}{SUFFIX}"


def _holds(file_name: str, span: Range) -> bool:
    piece = Piece.named(_without_damage(file_name))
    return piece is not None and piece.days.intersect(span).length > 0


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        # What cannot be looked into is as good as not there.
        return []


def _disjoint(pieces: list[Piece]) -> list[Piece]:
    """Those without rows, which double none, and of the others enough to share no day."""
    chosen = [piece for piece in pieces if not piece.rows]
    cluster: list[Piece] = []
    end = 0
    for piece in sorted((piece for piece in pieces if piece.rows), key=lambda piece: piece.days.start):
        if cluster and piece.days.start >= end:
            chosen.extend(_best(cluster))
            cluster = []
        end = max(end, piece.days.end) if cluster else piece.days.end
        cluster.append(piece)
    return sorted([*chosen, *_best(cluster)], key=lambda piece: (piece.days.start, piece.days.end))


def _best(cluster: list[Piece]) -> list[Piece]:
    """Of pieces that share days the longest, and of equally long ones the latest."""
    if len(cluster) == 1:
        return cluster
    chosen: list[Piece] = []
    for piece in sorted(cluster, key=lambda piece: (-piece.days.length, -piece.fetched, piece.checksum)):
        if not any(piece.days.intersect(other.days).length for other in chosen):
            chosen.append(piece)
    return chosen
