"""A script as one would write it: a request a day, one after the other, pandas, DuckDB.

It knows nothing of caps: where a day holds more calls than an answer, the rest is lost, which the rows show.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import duckdb
import httpx
import pandas as pd

from benchmarks.asking import PATH, asked_body, headers
from benchmarks.contestants.job import Job, run

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["days", "plain_loop"]


def days(job: Job) -> Iterator[list[dict[str, Any]]]:
    """The calls, a day at a time."""
    start, end = datetime.fromisoformat(job.start), datetime.fromisoformat(job.end)
    with httpx.Client(base_url=job.url, headers=headers(), timeout=120) as client:
        while start < end:
            until = min(start + timedelta(days=1), end)
            body = asked_body(start.isoformat(), (until - timedelta(milliseconds=1)).isoformat())
            answer = client.post(PATH, content=body)
            while answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                time.sleep(float(answer.headers.get("retry-after", 1)))
                answer = client.post(PATH, content=body)
            answer.raise_for_status()
            yield answer.json()["data"]
            start = until


def plain_loop(job: Job) -> int:
    frame = pd.concat(pd.DataFrame(rows) for rows in days(job))
    frame["startTime"] = pd.to_datetime(frame["startTime"], utc=True)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE calls AS FROM frame")
        found = con.execute("SELECT count(*), sum(duration * 60) FROM calls").fetchone()
    assert found is not None
    return int(found[0])


if __name__ == "__main__":
    run(plain_loop, versions={"pandas": version("pandas")})
