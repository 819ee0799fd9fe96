"""The lake when processes are killed at random moments, and when two use it at once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from duckdb_videsk import LakeWarning
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.lake.locks import locked
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

# Has a lock until it is told to end.
HOLDER = """
import sys
from pathlib import Path
from duckdb_videsk.lake.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
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


def held_by_another(lock: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_query_does_not_wait_for_a_process_that_hangs_while_it_keeps_days(here: Shore) -> None:
    folder = here.lake().shelf(by_table()["calls"]).folder
    folder.mkdir(parents=True)
    answers: list[Any] = []

    def ask() -> None:
        with here.connect() as con:
            answers.append(con.execute(counted(SPANS[1])).fetchall())

    holder = held_by_another(folder / ".lock")
    asking = threading.Thread(target=ask, daemon=True)
    try:
        asking.start()
        with pytest.warns(LakeWarning, match="could not be kept.* another process"):
            asking.join(30)
        assert not asking.is_alive()
    finally:
        holder.communicate("")
    assert answers == [here.truth(SPANS[1])]
    assert here.files() == []
    ask()
    assert answers[1] == answers[0]
    assert here.files() != []


def test_who_waits_for_a_lock_gets_it_once_it_is_free(tmp_path: Path) -> None:
    holder = held_by_another(tmp_path / "lock")
    with pytest.raises(TimeoutError), locked(tmp_path / "lock", patience=0.1):
        pass
    threading.Timer(0.3, holder.communicate, [""]).start()
    with locked(tmp_path / "lock") as alone:
        assert alone
        assert holder.wait(20) == 0
