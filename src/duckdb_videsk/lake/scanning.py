"""One read through the lake: kept rows first, then what is missing, and at its end what of that is to be kept."""

from __future__ import annotations

import threading
import time
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from duckdb_videsk.errors import ClosedError, IncompleteError, MissingDaysError, ResponseError, VideskError
from duckdb_videsk.lake.collecting import Collector
from duckdb_videsk.lake.parts import Part
from duckdb_videsk.lake.writing import tell
from duckdb_videsk.ranges import DAY, SECOND, as_datetime, normalise
from duckdb_videsk.trimming import rows_outside, rows_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.guard import Guard
    from duckdb_videsk.lake.asking import Asked, Asking
    from duckdb_videsk.lake.changes import Changes
    from duckdb_videsk.lake.store import Lake
    from duckdb_videsk.lake.timeless import Timeless
    from duckdb_videsk.ranges import Range

__all__ = ["LakeScan", "Sources"]

_NAMED = 5
_MOST_AHEAD_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Sources:
    """Where rows come from.

    Attributes:
        lake: what is kept.
        asking: asks for the rest.
        timeless: which tables have rows without a time.
        changes: told of tables with more kept days than others may know.
    """

    lake: Lake
    asking: Asking
    timeless: Timeless
    changes: Changes


class LakeScan:
    """The batches of one read, in no order of time. Any thread may poll, one at a time, or close it."""

    def __init__(
        self,
        sources: Sources,
        endpoint: Endpoint,
        ranges: Sequence[Range],
        held: Mapping[str | None, Sequence[Range]],
        *,
        null_times: bool,
        guard: Guard | None,
        order: Literal["newest", "oldest"] | None,
    ) -> None:
        """
        Args:
            held: the ids to read (None for exports that take none), each with days that are not to be given.
        """
        self._sources = sources
        self._endpoint = endpoint
        self._ranges = ranges
        self._held = held
        self._null_times = null_times
        self._guard = guard
        self._order = order
        self._timeout: float | None = None
        self._asked: Asked | None = None
        self._collectors: dict[str | None, list[Collector]] = {}
        self._lock = threading.Lock()  # of what close() lets go of
        self._closed = False
        self._error: BaseException | None = None
        self._steps = self._run()

    def poll(self, timeout: float | None) -> pa.RecordBatch | None:
        """The next batch, or None if none came within `timeout` seconds; raises StopIteration at the end.

        Raises:
            VideskError: the rows cannot be had, or not whole.
        """
        if self._error is not None:
            raise self._error
        self._refuse_closed()
        self._timeout = timeout
        try:
            return next(self._steps)
        except StopIteration:
            raise
        except BaseException as error:
            self._error = error
            raise

    @property
    def in_order(self) -> bool:
        """Whether each batch so far holds what comes next in the order asked for; kept rows are in none."""
        return self._order is not None and self._asked is not None and self._asked.in_order

    def close(self) -> None:
        """Stop asking and free everything; idempotent. Of days that are being kept, those that are done stay."""
        with self._lock:
            self._closed = True
            asked = self._asked
        if asked is not None:
            asked.close()
        self._drop_collectors()

    def _run(self) -> Iterator[pa.RecordBatch | None]:
        lake = self._sources.lake
        parts = [
            Part(lake.shelf(self._endpoint, asked_id), lake.recent(self._endpoint, asked_id), self._ranges, held)
            for asked_id, held in self._held.items()
        ]
        self._refuse_if_offline(parts)
        for part in parts:
            if self._null_times and (part.kept or part.held):
                yield from self._look_for_timeless(part)
        for part in parts:
            yield from self._kept_rows(part)
        self._refuse_if_offline(parts)
        yield from self._missing_rows(parts)

    def _refuse_if_offline(self, parts: list[Part]) -> None:
        if not self._sources.lake.settings.offline:
            return
        missing = normalise(gap for part in parts for gap in part.gaps)
        if missing:
            raise missing_days(self._endpoint, [part.id for part in parts if part.gaps], missing)

    def _look_for_timeless(self, part: Part) -> Iterator[None]:
        timeless = self._sources.timeless
        if timeless.is_free(self._endpoint, part.id):
            return
        found = timeless.look(self._endpoint, part.id)
        while True:
            try:
                some = found.result(self._timeout)
                break
            except NotYet:
                if found.done():
                    raise
                yield None
        if some:
            part.forget_kept()
            part.read_all_from_api(self._ranges)
        else:
            timeless.note_free(self._endpoint, part.id)

    def _kept_rows(self, part: Part) -> Iterator[pa.RecordBatch]:
        for shelf, piece in part.pieces:
            rows = shelf.read(piece)
            if rows is None:
                part.miss(piece)
                continue
            self._order = None
            for batch in rows.to_batches():
                yield rows_within(batch, self._endpoint, *part.wanted)
        if any(shelf is part.shelf for shelf, _ in part.pieces):
            self._sources.changes.add(self._endpoint.table)

    def _missing_rows(self, parts: list[Part]) -> Iterator[pa.RecordBatch | None]:
        now = time.time()
        settled_until = self._sources.lake.settled_until(self._endpoint.table, now=now)
        reusing = self._sources.lake.settings.reuse_minutes > 0
        over_until = int(now) * SECOND // DAY * DAY if reusing else settled_until
        collectors = {}
        for part in parts:
            part.plan(settled_until, self._sources.asking.cap(self._endpoint, part.id))
            collectors[part.id] = [
                Collector(shelf, days, fetched=int(now))
                for shelf, days in part.days_to_keep(settled_until, over_until)
            ]
        with self._lock:
            self._refuse_closed()
            self._collectors = collectors
        yield from self._gaps(parts)
        try:
            yield from (None for _ in self._read({part.id: part.later for part in parts if part.later}))
        except VideskError:
            # The query has all its rows; what was only to be kept is asked for again another time.
            self._drop_collectors()
        self._finish_collectors()

    def _gaps(self, parts: list[Part]) -> Iterator[pa.RecordBatch | None]:
        """What is missing. Where it cannot be read by itself, all is read as it would be without a lake."""
        given_any = False
        try:
            for batch in self._given(parts):
                given_any = given_any or batch is not None
                yield batch
        except (IncompleteError, ResponseError) as error:
            hopeless = isinstance(error, ResponseError) and error.retryable
            if hopeless or given_any or not any(part.kept or part.held for part in parts):
                raise
        else:
            return
        self._drop_collectors()
        for part in parts:
            part.read_all_from_api(self._ranges)
        yield from self._given(parts)

    def _given(self, parts: list[Part]) -> Iterator[pa.RecordBatch | None]:
        given = {part.id: part.given for part in parts if part.given}
        ranges = {part.id: part.gaps for part in parts if part.gaps}
        for batch in self._read(ranges, null_times=self._null_times):
            if batch is not None and (days := given.get(self._id_of(batch))):
                yield rows_outside(batch, self._endpoint, *days)
            else:
                yield batch

    def _read(
        self, ranges: Mapping[str | None, Sequence[Range]], *, null_times: bool = False
    ) -> Iterator[pa.RecordBatch | None]:
        """What the API gives for ranges, taken down on the way."""
        if not ranges:
            return
        asked = self._sources.asking.scan_parts(
            self._endpoint, ranges, null_times=null_times, guard=self._guard, order=self._order
        )
        try:
            with self._lock:
                self._refuse_closed()
                self._asked = asked
            while True:
                try:
                    batch = asked.poll(self._timeout)
                except StopIteration:
                    return
                if batch is not None:
                    self._take_down(batch)
                yield batch
        finally:
            asked.close()

    def _take_down(self, batch: pa.RecordBatch) -> None:
        try:
            for collector in self._collectors.get(self._id_of(batch), ()):
                collector.add(batch)
        except OSError as error:
            self._drop_collectors()
            _warn_of(error, self._endpoint)

    def _id_of(self, batch: pa.RecordBatch) -> str | None:
        """An answer is to a request, which had one id."""
        if self._endpoint.parameter is None or not batch.num_rows:
            return None
        asked_id: str | None = batch.column(self._endpoint.parameter)[0].as_py()
        return asked_id

    def _clock_is_ahead(self) -> bool:
        """By the server's clock, days might not be settled, or not even over."""
        ahead = self._sources.asking.clock_ahead()
        if ahead > _MOST_AHEAD_SECONDS:
            self._drop_collectors()
            tell(f"This machine's clock is {ahead / 3_600:.1f} hours ahead of the server's: no days are kept.")
        return ahead > _MOST_AHEAD_SECONDS

    def _refuse_closed(self) -> None:
        if self._closed:
            raise _closed_early()

    def _drop_collectors(self) -> None:
        with self._lock:
            collectors, self._collectors = self._collectors, {}
        for collector in _flat(collectors):
            collector.close()

    def _finish_collectors(self) -> None:
        collectors = _flat(self._collectors)
        if not collectors or self._clock_is_ahead():
            return
        try:
            for collector in collectors:
                collector.finish()
        except OSError as error:
            _warn_of(error, self._endpoint)
        self._drop_collectors()
        self._sources.changes.add(self._endpoint.table)


def missing_days(endpoint: Endpoint, ids: Sequence[str | None], missing: Sequence[Range]) -> MissingDaysError:
    """The error of a query that is offline and needs what is not kept."""
    named = "; ".join(str(span) for span in missing[:_NAMED])
    more = f"; and {len(missing) - _NAMED} more stretches" if len(missing) > _NAMED else ""
    whose = ", ".join(f"{endpoint.parameter} {asked_id}" for asked_id in ids if asked_id is not None)
    error = MissingDaysError(
        f"Offline, and the lake does not hold all of {endpoint.table}{f' ({whose})' if whose else ''}. Missing: "
        f"{named}{more}. Fetch it with 'videsk sync', or ask for days that are kept: see videsk.coverage.",
        endpoint=endpoint.path,
    )
    error.table = endpoint.table
    error.missing = tuple((as_datetime(span.start), as_datetime(span.end)) for span in missing)
    return error


def _closed_early() -> ClosedError:
    return ClosedError("The scan was closed before its end.")


def _flat(collectors: Mapping[str | None, list[Collector]]) -> list[Collector]:
    return [collector for some in collectors.values() for collector in some]


def _warn_of(error: OSError, endpoint: Endpoint) -> None:
    tell(f"Days of {endpoint.table} could not be kept, so they will be asked for again: {error}")
