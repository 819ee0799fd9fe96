"""A shillelagh adapter: a virtual table of SQLite over the plain loop's requests, which gives its rows one by one.

The adapter is told the range, which is what makes it comparable; columns other than those of the query are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from shillelagh.adapters.base import Adapter
from shillelagh.adapters.registry import registry
from shillelagh.backends.apsw.db import connect
from shillelagh.fields import DateTime, Float, Order, String
from shillelagh.filters import Range

from benchmarks.contestants.job import Job, run
from benchmarks.contestants.plain_loop import days

if TYPE_CHECKING:
    from collections.abc import Iterator

_jobs: dict[str, Job] = {}


class CallsAdapter(Adapter):
    """The calls of one job."""

    safe = True
    start_time = DateTime(filters=[Range], order=Order.NONE, exact=True)
    id = String()
    agent = String()
    duration = Float()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._job = _jobs[name]

    @staticmethod
    def supports(uri: str, fast: bool = True, **kwargs: Any) -> bool | None:  # noqa: ARG004
        return uri.startswith("calls:")

    @staticmethod
    def parse_uri(uri: str) -> tuple[str]:
        return (uri.removeprefix("calls:"),)

    def get_data(
        self,
        bounds: dict[str, Any],
        order: list[Any],  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[dict[str, Any]]:
        wanted = bounds.get("start_time", Range(None, None))
        assert (wanted.start, wanted.end) == (_moment(self._job.start), _moment(self._job.end))
        number = 0
        for day in days(self._job):
            for row in day:
                yield {
                    "rowid": number,
                    "start_time": datetime.fromisoformat(row["startTime"]).replace(tzinfo=UTC),
                    "id": row["id"],
                    "agent": row.get("agent"),
                    "duration": row.get("duration"),
                }
                number += 1


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def sqlite_adapter(job: Job) -> int:
    _jobs["job"] = job
    registry.add("calls", CallsAdapter)
    cursor = connect(":memory:", adapters=["calls"]).cursor()
    condition = f"start_time >= '{job.start}' AND start_time < '{job.end}'"
    found = cursor.execute(f'SELECT count(*), sum(duration * 60) FROM "calls:job" WHERE {condition}').fetchone()
    assert found is not None
    return int(found[0])


if __name__ == "__main__":
    run(sqlite_adapter, versions={name: version(name) for name in ("shillelagh", "apsw")})
