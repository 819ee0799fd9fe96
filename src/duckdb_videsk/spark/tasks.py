"""What the driver plans and an executor does: a read cut into tasks, each with its share of the requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import LargeScanError, MissingIdError, RequestLimitError
from duckdb_videsk.fetch import Engine
from duckdb_videsk.guard import Allowance, Guard
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.ranges import EVER, SECOND, Range
from duckdb_videsk.spark.carrying import Carried
from duckdb_videsk.trimming import rows_within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.settings import Settings
    from duckdb_videsk.spark.options import Job

__all__ = ["Task", "plan_tasks", "task_batches"]

_MOST_SAMPLED_IDS = 4
_LEAST_PACE = 0.01


@dataclass(frozen=True, slots=True)
class Task:
    """What one task reads, and with what.

    Attributes:
        table: whose rows.
        ids: the forms or surveys; (None,) for tables that take none.
        ranges: half-open, normalised, microseconds.
        null_times: whether rows without a time are wanted too.
        account: the settings of the account that they belong to, with this task's share of its requests.
        max_requests: the most that it may make; None for any number.
    """

    table: str
    ids: tuple[str | None, ...]
    ranges: tuple[Range, ...]
    null_times: bool
    account: Carried
    max_requests: int | None


def plan_tasks(job: Job) -> list[Task]:
    """The tasks that together give just the rows of a job.

    Raises:
        MissingIdError: a form's or survey's id is needed.
        LargeScanError, RequestLimitError: it takes more requests than it may.
        VideskError: a look at the API failed.
    """
    ids = _ids(job)
    if job.span.empty:
        return []
    engine = Engine(job.settings, ledger=Ledger())
    try:
        shares, requests = _shares(engine, job, ids)
    finally:
        engine.close()
    _weigh(job, max(requests, len(shares)))
    account = Carried(_share_of(job, len(shares)))
    limit = job.settings.max_requests
    allowed = None if limit is None else limit // len(shares)
    return [Task(job.endpoint.table, named, ranges, ranges == (EVER,), account, allowed) for named, ranges in shares]


def task_batches(task: Task) -> Iterator[pa.RecordBatch]:
    """All rows of a task, in the schema of its table.

    Raises:
        VideskError: they cannot be had, or not whole.
    """
    endpoint = by_table()[task.table]
    engine = Engine(task.account.settings(), ledger=Ledger())
    guard = Guard(Allowance(task.max_requests))
    parts = dict.fromkeys(task.ids, task.ranges)
    try:
        scan = engine.scan_parts(endpoint, parts, null_times=task.null_times, guard=guard)
        try:
            for batch in scan:
                yield _trimmed(batch, endpoint, task.ranges)
        finally:
            scan.close()
    finally:
        engine.close()


def _ids(job: Job) -> tuple[str | None, ...]:
    parameter, table = job.endpoint.parameter, job.endpoint.table
    if parameter is None:
        return (None,)
    ids = job.settings.ids(parameter)
    if not ids:
        raise MissingIdError(
            f"The API gives {table} by one {parameter}'s id at a time. Name them: .option('{parameter}s', 'id, id'), "
            f"register(spark, {parameter}s=[…]), or VIDESK_{parameter.upper()}S.",
            endpoint=job.endpoint.path,
        )
    return ids


def _shares(
    engine: Engine, job: Job, ids: Sequence[str | None]
) -> tuple[list[tuple[tuple[str | None, ...], tuple[Range, ...]]], int]:
    """Ids and ranges of each task, and requests expected, as far as that is known."""
    if len(ids) > min(_MOST_SAMPLED_IDS, job.partitions):
        groups = [tuple(ids[start :: job.partitions]) for start in range(min(job.partitions, len(ids)))]
        return [(group, (job.span,)) for group in groups], len(ids)
    shares: list[tuple[tuple[str | None, ...], tuple[Range, ...]]] = []
    requests = 0
    for asked_id in ids:
        slicing = engine.slices(job.endpoint, (job.span,), asked_id, most=job.partitions // len(ids))
        shares += [((asked_id,), ranges) for ranges in slicing.pieces]
        requests += slicing.requests or 0
    return shares, requests


def _weigh(job: Job, requests: int) -> None:
    settings, table = job.settings, job.endpoint.table
    bound = "Bound it by .option('since', '2026-10-01'): a filter on the DataFrame does not"
    if requests > settings.scan_budget and settings.unbounded_scans in (None, "refuse"):
        raise LargeScanError(
            f"Reading {table} takes about {requests:,} requests. {bound}. To read it all the same: "
            f".option('unbounded_scans', 'allow'), or a scan_budget over {settings.scan_budget:,}.",
            endpoint=job.endpoint.path,
        )
    if settings.max_requests is not None and requests > settings.max_requests:
        raise RequestLimitError(
            f"Reading {table} takes about {requests:,} requests, more than the max_requests of "
            f"{settings.max_requests:,} set for it. {bound}; or raise max_requests.",
            endpoint=job.endpoint.path,
        )


def _share_of(job: Job, tasks: int) -> Settings:
    """The settings of one task, where as many run at once as may."""
    at_once = min(tasks, job.parallelism)
    return replace(
        job.settings,
        concurrency=max(1, job.settings.concurrency // at_once),
        requests_per_second=max(_LEAST_PACE, job.settings.requests_per_second / at_once),
    )


def _trimmed(batch: pa.RecordBatch, endpoint: Endpoint, ranges: Sequence[Range]) -> pa.RecordBatch:
    """Scans are of whole seconds."""
    if all(edge % SECOND == 0 for piece in ranges for edge in (piece.start, piece.end)):
        return batch
    return rows_within(batch, endpoint, *ranges)
