"""The floor: a bare client that knows the best ranges beforehand, parses each body and throws it away."""

from __future__ import annotations

import asyncio
import time
from collections import deque

import httpx
import orjson

from benchmarks.asking import PATH, asked_body, headers
from benchmarks.contestants.job import Job, run

_MARGIN = 1.05


class _Pace:
    """At most so many starts in any second."""

    def __init__(self, rate: int | None) -> None:
        self._starts: deque[float] = deque(maxlen=rate or 1)
        self._rate = rate

    async def turn(self) -> None:
        if self._rate is None:
            return
        at = time.monotonic()
        if len(self._starts) == self._rate:
            at = max(at, self._starts[0] + _MARGIN)
        self._starts.append(at)
        await asyncio.sleep(max(0.0, at - time.monotonic()))


async def _all(job: Job) -> int:
    ranges = deque(job.ranges[:1] if job.task != "total" else job.ranges)
    pace = _Pace(job.rate)
    rows = 0
    limits = httpx.Limits(max_connections=job.concurrency, max_keepalive_connections=job.concurrency)
    async with httpx.AsyncClient(base_url=job.url, headers=headers(), limits=limits, timeout=120) as client:

        async def worker() -> None:
            nonlocal rows
            while ranges:
                start, end = ranges.popleft()
                await pace.turn()
                answer = await client.post(PATH, content=asked_body(start, end))
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    ranges.append((start, end))
                    await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
                    continue
                answer.raise_for_status()
                rows += len(orjson.loads(answer.content)["data"])

        await asyncio.gather(*(worker() for _ in range(job.concurrency)))
    return rows


def floor(job: Job) -> int:
    return asyncio.run(_all(job))


if __name__ == "__main__":
    run(floor, versions={"httpx": httpx.__version__, "orjson": orjson.__version__})
