"""The differential queries once more, with the lake in every state: the answers must be those of the truth."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
from typing import TYPE_CHECKING

import pytest

import duckdb_videsk
from differential.accounts import (
    ODD_FORMS,
    ODD_SURVEYS,
    busy_account,
    busy_behaviour,
    odd_account,
    odd_behaviour,
)
from differential.comparing import answer, assert_same
from differential.oracle import build_copy
from differential.queries import QUERIES, Query
from differential.words import KLINGON
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.simulator import Simulator
from test_differential import ZONE, Account, add_local_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")

STATES = ("empty", "partial", "full", "damaged")
PARTS = (
    "{column} >= '2026-03-09' AND {column} < '2026-03-20'",
    "{column} >= '2026-04-05 12:00' AND {column} < '2026-04-06 12:00'",
)


def fill(con: duckdb_videsk.Connection, state: str) -> None:
    for endpoint in ENDPOINTS:
        for part in PARTS if state == "partial" else ("true",):
            condition = part.format(column=endpoint.range_column)
            # Some exports of the odd account can only be read whole.
            with contextlib.suppress(duckdb_videsk.VideskError):
                con.execute(f"SELECT count(id) FROM videsk.{endpoint.table} WHERE {condition}").fetchall()


def damage(lake: Path) -> None:
    """A third of the files: cut short, overwritten in the middle, replaced by another one, or removed."""
    files = sorted(lake.rglob("*.parquet"))
    dice = random.Random(7)
    for file in dice.sample(files, len(files) // 3):
        content = bytearray(file.read_bytes())
        match dice.randrange(4):
            case 0:
                file.write_bytes(content[: len(content) // 2])
            case 1:
                content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
                file.write_bytes(content)
            case 2:
                file.write_bytes(dice.choice(files).read_bytes() if dice.choice(files).exists() else b"")
            case _:
                file.unlink()


@contextlib.contextmanager
def opened(state: str, folders: pytest.TempPathFactory) -> Iterator[dict[str, Account]]:
    busy = busy_account()
    with (
        Simulator(busy, behaviour=busy_behaviour()) as busy_sim,
        Simulator(odd_account(), behaviour=odd_behaviour()) as odd_sim,
    ):
        found = {}
        for name, sim, forms, surveys in (
            ("busy", busy_sim, busy.form_ids, busy.survey_ids),
            ("odd", odd_sim, ODD_FORMS, ODD_SURVEYS),
        ):
            folder = folders.mktemp(name)

            def connect(
                sim: Simulator = sim,
                forms: tuple[str, ...] = forms,
                surveys: tuple[str, ...] = surveys,
                folder: Path = folder,
            ) -> duckdb_videsk.Connection:
                return duckdb_videsk.connect(
                    token=sim.token,
                    base_url=sim.url,
                    time_zone=ZONE,
                    forms=forms,
                    surveys=surveys,
                    languages={"tlh": KLINGON},
                    requests_per_second=10_000,
                    lake=True,
                    lake_dir=folder / "lake [of *] days?",
                )

            if state != "empty":
                with connect() as con:
                    fill(con, state)
            if state == "damaged":
                damage(folder)
            con = connect()
            build_copy(con.native, sim, ids={"form": forms, "survey": surveys})
            add_local_tables(con, folder)
            found[name] = Account(sim, con, folder)
        yield found
        for account in found.values():
            account.con.close()


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], dict[str, Account]]]:
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda state: stack.enter_context(opened(state, tmp_path_factory)))


def pairs() -> list[tuple[str, Query]]:
    """Every query over two of the states, each time another two: all four would take twice as long."""
    turns = itertools.cycle(itertools.combinations(STATES, 2))
    return [(state, query) for query, two in zip(QUERIES, turns, strict=False) for state in two]


@pytest.mark.parametrize(
    ("state", "query"),
    sorted(pairs(), key=lambda pair: STATES.index(pair[0])),
    ids=lambda given: given if isinstance(given, str) else given.name.replace(" ", "_"),
)
def test_same_answer(state: str, query: Query, states: Callable[[str], dict[str, Account]]) -> None:
    account = states(state)[query.account]
    with account.zone(query.zone):
        want = answer(account.con, query.statements("truth", account.folder), query.params)
        got = answer(account.con, query.statements("videsk", account.folder), query.params)
    assert_same(got, want, ordered="ordered" in query.flags, approx="approx" in query.flags)
