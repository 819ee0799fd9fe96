"""A dlt resource that yields the calls a day at a time, loaded into DuckDB, and the query over the loaded table."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks.contestants.job import Job, run
from benchmarks.contestants.plain_loop import days

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}  # it reads them when imported

import dlt

if TYPE_CHECKING:
    from collections.abc import Iterator


def dlt_resource(job: Job) -> int:
    @dlt.resource(name="calls", write_disposition="append")
    def calls() -> Iterator[list[dict[str, Any]]]:
        yield from days(job)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "calls.duckdb")
        pipeline = dlt.pipeline(
            "benchmark", pipelines_dir=folder, destination=dlt.destinations.duckdb(str(file)), dataset_name="videsk"
        )
        pipeline.run(calls(), loader_file_format="parquet")  # the quicker of its ways, and the leaner
        with duckdb.connect(str(file), read_only=True) as con:
            found = con.execute("SELECT count(*), sum(duration * 60) FROM videsk.calls").fetchone()
    assert found is not None
    return int(found[0])


if __name__ == "__main__":
    run(dlt_resource, versions={"dlt": dlt.__version__})
