"""The product: SQL over its table, as a user would write it."""

from __future__ import annotations

from importlib.metadata import version

from benchmarks.asking import TOKEN
from benchmarks.contestants.job import Job, run
from duckdb_videsk import connect

_UNPACED = 10_000.0


def where(job: Job) -> str:
    """The condition that names those ends of the range that the query knows."""
    ends = [f"start_time >= '{job.start}'"] * job.lower + [f"start_time < '{job.end}'"] * job.upper
    return f"WHERE {' AND '.join(ends)}" if ends else ""


def product(job: Job) -> int:
    with connect(
        token=TOKEN,
        base_url=job.url,
        concurrency=job.concurrency,
        requests_per_second=job.rate or _UNPACED,
        cache_dir=job.keep or "none",
        lake=False,
    ) as con:
        if job.task == "limit":
            return len(con.execute(f"SELECT id, agent FROM videsk.calls {where(job)} LIMIT 10").fetchall())
        if job.task == "first":
            reader = con.sql(f"SELECT id, agent FROM videsk.calls {where(job)}").to_arrow_reader(1_000)
            return int(reader.read_next_batch().num_rows)
        found = con.execute(f"SELECT count(*), sum(duration_seconds) FROM videsk.calls {where(job)}").fetchone()
        assert found is not None
        return int(found[0])


if __name__ == "__main__":
    run(product, versions={name: version(name) for name in ("duckdb-videsk", "duckdb", "pyarrow")})
