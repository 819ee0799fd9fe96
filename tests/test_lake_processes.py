"""The lake when processes are killed at random moments, and when two use it at once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import duckdb
import pytest

from lakes import Shore, counted, shore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("KILLS", "10"))
SPANS = (
    "start_time >= '2026-02-28 21:00' AND start_time < '2026-03-31 21:00'",
    "start_time >= '2026-03-05' AND start_time < '2026-03-12'",
    "start_time >= '2026-03-20 12:00' AND start_time < '2026-04-09 15:00'",
)

# Reads, merges and forgets for ever, in any order, and says each answer.
WORKER = """
import json, random, sys, warnings
import duckdb_videsk
from duckdb_videsk.lake import Lake
from duckdb_videsk.lake.upkeep import compact, forget
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import LakeChangedError
from duckdb_videsk.ranges import DAY, Range, micros
from duckdb_videsk.settings import load_settings
from datetime import datetime, UTC

warnings.simplefilter("ignore")
queries, seed, rounds = json.loads(sys.argv[1])
dice = random.Random(seed)
print("ready", flush=True)
for _ in range(rounds):
    with duckdb_videsk.connect() as con:
        for number in dice.sample(range(len(queries)), 2):
            try:
                print(json.dumps([number, con.execute(queries[number]).fetchall()], default=str), flush=True)
            except LakeChangedError:
                pass
    lake = Lake(load_settings())
    if dice.random() < 0.5:
        compact(lake)
    if dice.random() < 0.5:
        start = micros(datetime(2026, 3, dice.randint(1, 28), tzinfo=UTC))
        forget(lake.shelf(by_table()["calls"]), Range(start, start + 3 * DAY))
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Shore]:
    with shore(tmp_path / "lake") as made:
        yield made


def started(here: Shore, seed: int, rounds: int) -> subprocess.Popen[str]:
    settings = here.settings()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIDESK_")} | {
        "VIDESK_API_TOKEN": settings["token"],
        "VIDESK_BASE_URL": settings["base_url"],
        "VIDESK_LAKE_DIR": str(here.folder),
        "VIDESK_TIME_ZONE": settings["time_zone"],
        "VIDESK_REQUESTS_PER_SECOND": "10000",
        "VIDESK_CACHE_DIR": "none",
    }
    job = json.dumps([[counted(span) for span in SPANS], seed, rounds])
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, job], env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def truth(here: Shore) -> list[str]:
    return [json.dumps([number, here.truth(span)], default=str) for number, span in enumerate(SPANS)]


def assert_whole(here: Shore) -> None:
    """No day stands in two files of those that a program sees that reads the whole folder."""
    if not here.files():
        return
    with duckdb.connect() as bare:
        doubled = bare.execute(
            f"SELECT id FROM read_parquet('{here.folder}/*/calls/*/*.parquet') GROUP BY id HAVING count(*) > 1"
        ).fetchall()
    assert doubled == []


@pytest.mark.timeout(900)
def test_killed_at_random_moments(here: Shore) -> None:
    want = truth(here)
    dice = random.Random(11)
    for kill in range(KILLS):
        worker = started(here, seed=kill, rounds=1_000)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        time.sleep(dice.uniform(0, 1.2))
        worker.kill()
        said, _ = worker.communicate()
        lines = said.splitlines(keepends=True)
        assert {line.strip() for line in lines if line.endswith("\n")} <= set(want)
        assert_whole(here)
        if kill % 5 == 0:
            with here.connect() as con:
                got = [con.execute(counted(span)).fetchall() for span in SPANS]
            assert [json.dumps([number, rows], default=str) for number, rows in enumerate(got)] == want


def test_two_processes_at_once(here: Shore) -> None:
    want = truth(here)
    workers = [started(here, seed=seed, rounds=6) for seed in range(2)]
    for worker in workers:
        said, _ = worker.communicate(timeout=100)
        assert worker.returncode == 0
        ready, *answers = said.splitlines()
        assert ready == "ready"
        assert len(answers) > 4
        assert set(answers) <= set(want)
    assert_whole(here)
    with here.connect() as con:
        for number, span in enumerate(SPANS):
            rows = con.execute(counted(span)).fetchall()
            assert json.dumps([number, rows], default=str) == want[number]
