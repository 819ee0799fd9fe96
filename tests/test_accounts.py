"""Several accounts against simulators of different tokens, rows, caps and time zones."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import duckdb_videsk
from differential.accounts import HIDDEN_FORM, ODD_FORMS, ODD_SURVEYS, odd_account, odd_behaviour
from differential.oracle import build_copy
from differential.words import VIEWS
from duckdb_videsk import AccountLeftOutWarning, Settings, Token
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import (
    AuthenticationError,
    ConfigError,
    ConnectionFailedError,
    LakeChangedError,
    LargeScanError,
    MissingIdError,
    QueryError,
    RequestLimitError,
    ServerError,
    VideskError,
)
from duckdb_videsk.simulator import Behaviour, Fault, Simulator, SyntheticAccount
from memory import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb_videsk import Connection

ZONE = "America/Santiago"
OLD = int(duckdb.__version__.split(".")[0]) < 2
NAMES = ("north", "south", "order by")
LABELS = {"es": "Cuenta", "en": "Account", "pt": "Conta"}


def _small(per_day: int, *, seed: int) -> SyntheticAccount:
    return SyntheticAccount(since=date(2026, 3, 2), until=date(2026, 3, 9), calls_per_day=per_day, seed=seed)


@pytest.fixture(scope="module")
def sims() -> Iterator[dict[str, Simulator]]:
    made = {
        "north": Simulator(_small(12, seed=1), behaviour=Behaviour(prints_in="Asia/Tokyo"), token="tok-of-north"),
        "south": Simulator(odd_account(), behaviour=odd_behaviour(), token="tok-of-south"),
        "order by": Simulator(_small(8, seed=2), behaviour=Behaviour(cap=15), token="tok-of-order"),
    }
    with contextlib.ExitStack() as running:
        yield {name: running.enter_context(sim) for name, sim in made.items()}


@pytest.fixture(autouse=True)
def _polite(request: pytest.FixtureRequest) -> Iterator[None]:
    """Faults of one test are none of the next."""
    yield
    if "sims" in request.fixturenames:
        for sim in request.getfixturevalue("sims").values():
            sim.behaviour.faults = []
            sim.behaviour.token_state = "ok"


def ids_of(sim: Simulator) -> dict[str, tuple[str, ...]]:
    if isinstance(sim.source, SyntheticAccount):
        return {"form": tuple(sim.source.form_ids), "survey": tuple(sim.source.survey_ids)}
    return {"form": ODD_FORMS, "survey": ODD_SURVEYS}


def given(sims: dict[str, Simulator], *names: str, **more: Any) -> dict[str, dict[str, Any]]:
    """What `connect` takes as accounts."""
    return {
        name: {
            "token": sims[name].token,
            "base_url": sims[name].url,
            "forms": ids_of(sims[name])["form"],
            "surveys": ids_of(sims[name])["survey"],
            "requests_per_second": 1_000,
            **more,
        }
        for name in names or NAMES
    }


def open_them(sims: dict[str, Simulator], *names: str, **options: Any) -> Connection:
    return duckdb_videsk.connect(accounts=given(sims, *names), **{"time_zone": ZONE, **options})


@pytest.fixture(scope="module")
def con(sims: dict[str, Simulator]) -> Iterator[Connection]:
    with open_them(sims) as connection:
        put_copies_in(connection.native, sims)
        yield connection


@pytest.fixture
def two(sims: dict[str, Simulator]) -> Iterator[Connection]:
    with open_them(sims, "north", "south", retries=0) as connection:
        yield connection


def put_copies_in(native: duckdb.DuckDBPyConnection, sims: dict[str, Simulator]) -> None:
    """A copy of each account's truth, and `truth` of all together."""
    for number, sim in enumerate(sims.values()):
        build_copy(native, sim, ids=ids_of(sim), name=f"truth_{number}")
    native.execute("ATTACH ':memory:' AS truth")
    for endpoint in ENDPOINTS:
        _put_union_in(native, "main", endpoint.table, "account")
        table, column = f"truth.{endpoint.table}", endpoint.range_column
        native.execute(f"CREATE MACRO {table}(since) AS TABLE FROM {table} WHERE {column} >= since::TIMESTAMPTZ")
    for language, label in LABELS.items():
        native.execute(f"CREATE SCHEMA truth.{language}")
        for view in VIEWS[language]:
            _put_union_in(native, language, view, label)


def _put_union_in(native: duckdb.DuckDBPyConnection, schema: str, table: str, label: str) -> None:
    parts = [f'SELECT \'{name}\' AS "{label}", * FROM truth_{n}.{schema}."{table}"' for n, name in enumerate(NAMES)]
    native.execute(f'CREATE TABLE truth.{schema}."{table}" AS {" UNION ALL ".join(parts)}')


def asked(sims: dict[str, Simulator]) -> dict[str, int]:
    return {name: len(sim.asked) for name, sim in sims.items()}


def forget(sims: dict[str, Simulator]) -> None:
    for sim in sims.values():
        sim.forget_asked()


def same(con: Connection, text: str) -> None:
    """That a query says the same of the tables as of the copies."""
    names = {"all": "videsk", **{f"n{n}": f'"{name}"' for n, name in enumerate(NAMES)}}
    copies = {"all": "truth", **{f"n{n}": f"truth_{n}" for n in range(len(NAMES))}}
    ours = con.execute(text.format(**names)).fetchall()
    theirs = con.native.execute(text.format(**copies)).fetchall()
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))
    assert ours, "a comparison of nothing proves nothing"


# --- the same as copies of the truth

QUERIES = """
SELECT account, count(*), min(start_time), max(start_time) FROM {all}.calls GROUP BY ALL;
SELECT * FROM {all}.calls WHERE start_time >= '2026-03-04' AND start_time < '2026-04-05 12:00';
SELECT account, count(*) FROM {all}.calls WHERE start_time::date = '2026-03-05' GROUP BY ALL;
SELECT account, id FROM {all}.calls WHERE hour(start_time) = 15 AND month(start_time) = 3;
SELECT * FROM {all}.es.llamadas
    WHERE "Cuenta" = 'order by' AND "Inicio"::date BETWEEN '2026-03-04' AND '2026-03-06';
SELECT "Conta", count(*) FROM {all}.pt.filas WHERE year("Início") = 2026 GROUP BY ALL;
SELECT "Account", count(DISTINCT "Agent") FROM {all}.en.calls GROUP BY ALL;
SELECT * FROM {all}.queues WHERE account IN ('north', 'order by') AND start_time < '2026-03-04';
SELECT * FROM {all}.calls WHERE account = 'south' AND agent IS NULL
    OR account = 'north' AND start_time::date = '2026-03-04';
SELECT c.account, count(*), count(q.id) FROM {all}.calls c LEFT JOIN {all}.queues q
    ON q.account = c.account AND q.id = c.queue GROUP BY ALL;
SELECT c.account, c.id, t.tag FROM {all}.calls c JOIN {all}.tags t USING (account, id)
    WHERE c.start_time < '2026-04-05';
SELECT c.account, q.id FROM {all}.calls c JOIN {all}.queues q ON q.account = c.account AND q.id = c.queue
    AND q.start_time BETWEEN c.start_time - INTERVAL 1 HOUR AND c.start_time WHERE c.start_time::date = '2026-03-04';
SELECT account, id FROM {all}.calls c
    WHERE EXISTS (FROM {all}.tags m WHERE m.account = c.account AND m.id = c.id);
SELECT account, id FROM {all}.calls c
    WHERE start_time = (SELECT max(start_time) FROM {all}.calls d WHERE d.account = c.account);
WITH w AS (SELECT account, date_trunc('day', start_time) AS d, count(*) AS n FROM {all}.calls GROUP BY ALL)
    SELECT account, max(n) FROM w WHERE d >= '2026-03-03' GROUP BY ALL;
SELECT id, 0 FROM {n0}.calls UNION ALL SELECT id, 1 FROM {n2}.calls
    EXCEPT SELECT id, 0 FROM {all}.calls WHERE account = 'order by';
SELECT count(*) FROM {n0}.calls JOIN {all}.calls USING (id) WHERE account = 'north';
SELECT {n0}.main.calls.id FROM {n0}.main.calls WHERE {n0}.main.calls.start_time::date = '2026-03-04';
SELECT {n0}.calls.id, {n2}.calls.id FROM {n0}.calls JOIN {n2}.calls ON {n0}.calls.id > {n2}.calls.id
    WHERE {n0}.calls.start_time::date = '2026-03-04' AND {n2}.calls.start_time::date = '2026-03-03';
SELECT account, form, count(*) FROM {all}.forms WHERE created_at >= '2026-03-04' GROUP BY ALL;
SELECT max(start_time) FROM {all}.calls;
SELECT min(start_time), max(start_time) FROM {all}.queues WHERE account <> 'south';
SELECT account, start_time FROM {all}.calls WHERE account <> 'south' ORDER BY start_time DESC LIMIT 7;
SELECT start_time FROM {all}.calls WHERE start_time >= '2026-03-04' ORDER BY start_time LIMIT 9;
SELECT count(*) FROM {all}.calls(since := '2026-03-04') WHERE account LIKE 'n%';
SELECT count(*) FROM {n2}.es.llamadas WHERE "Inicio"::date = '2026-03-04';
SELECT account, round(sum(duration_seconds), 3) FROM {all}.calls GROUP BY account HAVING account <> 'north';
SELECT DISTINCT account, segment FROM {all}.calls
    QUALIFY row_number() OVER (PARTITION BY account ORDER BY id, start_time) < 40
"""
TABLES = [endpoint.table for endpoint in ENDPOINTS if endpoint.path != "extra-data"]


@pytest.mark.parametrize("text", [*(f"SELECT * FROM {{all}}.{name}" for name in TABLES), *QUERIES.split(";\n")])
def test_it_is_what_a_copy_says(con: Connection, text: str) -> None:
    same(con, text)


def test_the_account_comes_first_in_every_table_and_view(con: Connection) -> None:
    for endpoint in ENDPOINTS:
        own = con.execute(f"DESCRIBE north.{endpoint.table}").fetchall()
        together = con.execute(f"DESCRIBE videsk.{endpoint.table}").fetchall()
        assert [row[:2] for row in together] == [("account", "VARCHAR"), *(row[:2] for row in own)]
        for language, label in LABELS.items():
            view = endpoint.views.get(language, endpoint.table)
            assert con.execute(f'DESCRIBE videsk.{language}."{view}"').fetchall()[0][0] == label


def test_names_of_the_catalogs(con: Connection) -> None:
    found = con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert {"videsk", *NAMES} <= {name for (name,) in found}
    assert con.execute("SELECT account, base_url, status FROM videsk.accounts").fetchall() == [
        (name, settings.base_url, "in") for name, settings in con.accounts.items()
    ]
    assert list(con.accounts) == list(NAMES)


# --- what is asked, and of whom

PRUNING = [
    ("account = 'north'", {"north"}),
    ("account IN ('north', 'order by')", {"north", "order by"}),
    ("account <> 'south'", {"north", "order by"}),
    ("account LIKE 'nor%'", {"north"}),
    ("account = 'north' AND start_time::date = '2026-03-04'", {"north"}),
    ("(account = 'north' OR account = 'order by') AND start_time >= '2026-03-04'", {"north", "order by"}),
    ("account = 'NORTH'", set()),
    ("account IS NULL", set()),
    ("lower(account) = 'north'", {"north"}),
    ("account = (SELECT 'north')", set(NAMES)),
    ("account IN (SELECT name FROM few)", set(NAMES)),
]


@pytest.mark.parametrize(("condition", "whom"), PRUNING)
def test_who_is_asked(con: Connection, sims: dict[str, Simulator], condition: str, whom: set[str]) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE few AS SELECT 'north' AS name")
    for run in (con.execute, con.native.execute):
        forget(sims)
        run(f"SELECT count(*) FROM videsk.calls WHERE {condition}").fetchall()
        assert {name for name, count in asked(sims).items() if count} == whom


@pytest.mark.parametrize(
    ("text", "parameters", "whom"),
    [
        ("SELECT count(*) FROM videsk.calls WHERE account = ?", ["north"], {"north"}),
        ("SELECT count(*) FROM videsk.es.llamadas WHERE \"Cuenta\" = $a", {"a": "order by"}, {"order by"}),
        ("SELECT count(*) FROM videsk.calls c JOIN videsk.queues q USING (account, id) WHERE c.account = 'north'",
         None, {"north"}),
        ("SELECT count(*) FROM videsk.tags(since := '2026-03-04') WHERE account = 'north'", None, {"north"}),
        ("SELECT count(*) FROM videsk.calls JOIN few ON account = name", None, set(NAMES)),
        ("FROM north.calls", None, {"north"}),
        ("SELECT count(*) FROM \"order by\".es.llamadas", None, {"order by"}),
    ],
)  # fmt: skip
def test_who_is_asked_by_other_statements(
    con: Connection, sims: dict[str, Simulator], text: str, parameters: object, whom: set[str]
) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE few AS SELECT 'north' AS name")
    forget(sims)
    con.execute(text, parameters).fetchall()
    assert {name for name, count in asked(sims).items() if count} == whom


def test_ranges_reach_every_branch(con: Connection, sims: dict[str, Simulator]) -> None:
    for text in (
        "SELECT count(*) FROM videsk.calls WHERE start_time::date = '2026-03-04'",
        "SELECT count(*) FROM videsk.es.llamadas WHERE strftime(\"Inicio\", '%Y-%m-%d') = '2026-03-04'",
        'SELECT count(*) FROM "order by".main.calls WHERE "order by".main.calls.start_time::date = \'2026-03-04\'',
        'SELECT count(*) FROM "order by".pt.chamadas x WHERE x."Início"::date = \'2026-03-04\'',
    ):
        plan = con.plan(text)
        assert plan.scans
        for scan in plan.scans:
            (piece,) = scan.ranges
            assert piece.length == 24 * 3_600_000_000, text
    forget(sims)
    con.execute('USE "order by"')
    try:
        con.execute("SELECT count(*) FROM calls WHERE start_time::date = '2026-03-04'").fetchall()
    finally:
        con.execute("USE memory")
    assert asked(sims) == {"north": 0, "south": 0, "order by": 1}


def test_the_newest_are_one_request_of_each(con: Connection, sims: dict[str, Simulator]) -> None:
    for text in ("SELECT max(start_time) FROM videsk.queues", "FROM videsk.queues ORDER BY start_time DESC LIMIT 3"):
        forget(sims)
        con.execute(text).fetchall()
        assert set(asked(sims).values()) == {1}
    forget(sims)
    con.execute("SELECT max(start_time) FROM north.queues").fetchall()
    assert asked(sims) == {"north": 1, "south": 0, "order by": 0}


def test_a_limit_stops_early(con: Connection, sims: dict[str, Simulator]) -> None:
    con.execute('SELECT count(*) FROM "order by".calls').fetchall()
    whole = len(sims["order by"].asked)
    forget(sims)
    assert len(con.execute('FROM "order by".calls LIMIT 3').fetchall()) == 3
    assert len(con.execute("FROM videsk.calls LIMIT 3").fetchall()) == 3
    assert asked(sims)["order by"] <= whole


def test_plans(con: Connection, sims: dict[str, Simulator]) -> None:
    forget(sims)
    plan = con.plan("SELECT count(*) FROM videsk.calls c JOIN north.queues q ON q.id = c.queue"
                    " WHERE c.account IN ('north', 'order by') AND c.start_time::date = '2026-03-04'")  # fmt: skip
    assert sorted((scan.catalog, scan.table) for scan in plan.scans) == [
        ("north", "calls"), ("north", "queues"), ("order by", "calls"),
    ]  # fmt: skip
    assert '"order by".calls' in str(plan)
    assert "north.calls" in str(plan)
    assert sorted(set(plan.table()["account"].to_pylist())) == ["north", "order by"]
    because = {scan.because for scan in plan.scans if scan.table == "calls"}
    assert len(because) == 1
    assert "start_time::date" in str(because)
    assert not any(asked(sims).values())
    qualified = con.plan("SELECT videsk.calls.agent FROM videsk.calls WHERE videsk.calls.account = 'north'")
    assert [scan.catalog for scan in qualified.scans] == ["north"]
    names = con.execute("SELECT database_name FROM duckdb_databases()").fetchall()
    assert not [name for (name,) in names if "rehearsal" in name]


def test_the_logs_of_all(con: Connection, sims: dict[str, Simulator]) -> None:
    con.execute("SELECT count(*) FROM videsk.calls WHERE account = 'north'").fetchall()
    shown = con.execute("SELECT account, count(*) FROM videsk.requests GROUP BY ALL").fetchall()
    assert "north" in {name for name, _ in shown} <= set(NAMES)
    assert sum(count for _, count in shown) == len(con.ledger.entries())
    # A scan's number is no other account's.
    several = "SELECT query FROM videsk.requests GROUP BY query HAVING count(DISTINCT account) > 1"
    assert con.execute(several).fetchall() == []
    assert con.execute("SELECT sum(requests) FROM videsk.accounts").fetchone() == (len(con.ledger.entries()),)
    assert con.execute("SELECT count(*) FROM north.requests").fetchone() == (
        con.execute("SELECT requests FROM videsk.accounts WHERE account = 'north'").fetchone()
    )


def test_wide_forms_are_an_accounts_own(con: Connection, sims: dict[str, Simulator]) -> None:
    form = ids_of(sims["north"])["form"][0]
    rows = con.execute(f"SELECT count(*) FROM north.form('{form}')").fetchall()
    assert rows == con.native.execute(f"SELECT count(*) FROM truth_0.forms WHERE form = '{form}'").fetchall()
    assert rows != [(0,)]
    assert con.execute(f"SELECT count(*) FROM north.es.form('{form}')").fetchall() == rows
    for call in (f"videsk.form('{form}')", f"videsk.es.survey('{form}')", f"videsk.form_questions('{form}')"):
        with pytest.raises(QueryError, match=r"belongs to one account.*north, south, order by") as raised:
            con.execute(f"FROM {call}")
        assert "north." in str(raised.value)


def test_a_form_of_one_account_is_asked_of_that_one(con: Connection, sims: dict[str, Simulator]) -> None:
    form = HIDDEN_FORM
    forget(sims)
    found = con.execute("SELECT count(*) FROM videsk.forms WHERE account = 'south' AND form = ?", [form]).fetchone()
    assert found is not None
    assert found[0] > 0
    assert asked(sims)["north"] == 0
    with pytest.raises(VideskError) as raised:
        con.execute("SELECT count(*) FROM videsk.forms WHERE form = ?", [form]).fetchall()
    assert raised.value.account in {"north", "order by"}


def test_forms_without_ids_name_the_account(sims: dict[str, Simulator]) -> None:
    accounts = given(sims, "north", "south")
    del accounts["south"]["forms"]
    with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE) as con:
        assert con.execute("SELECT count(*) > 0 FROM videsk.forms WHERE account = 'north'").fetchall() == [(True,)]
        with pytest.raises(MissingIdError, match=r"^account 'south': ") as raised:
            con.execute("FROM videsk.forms").fetchall()
        assert raised.value.account == "south"


def test_wide_views(sims: dict[str, Simulator]) -> None:
    form = ids_of(sims["north"])["form"][0]
    with open_them(sims, "north", "south", wide_views=True) as con:
        assert con.execute(f"SELECT count(*) > 0 FROM north.form_{form}").fetchall() == [(True,)]
        con.refresh_questions()
        assert con.execute(f"SELECT count(*) > 0 FROM south.form_{ODD_FORMS[0]}").fetchall() == [(True,)]


# --- limits


def test_limits_are_over_all_accounts(sims: dict[str, Simulator]) -> None:
    with open_them(sims, "north", "order by", max_requests=3) as con:
        forget(sims)
        with pytest.raises(RequestLimitError, match=r"stopped while it read (north|\"order by\")\.calls"):
            con.execute("SELECT count(*) FROM videsk.calls").fetchall()
        assert sum(asked(sims).values()) <= 3
        con.max_requests = None
        assert con.execute("SELECT count(*) > 0 FROM videsk.calls").fetchall() == [(True,)]
    with open_them(sims, "order by", scan_budget=1, unbounded_scans="refuse") as con:
        with pytest.raises(LargeScanError, match=r'Reading "order by"\.calls') as raised:
            con.execute("FROM videsk.calls").fetchall()
        assert raised.value.account == "order by"


def test_each_account_keeps_its_own_pace(sims: dict[str, Simulator]) -> None:
    accounts = given(sims, "north", "order by")
    accounts["order by"]["requests_per_second"] = 2
    with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE) as con:
        began = time.monotonic()
        con.execute("SELECT count(*) FROM north.calls").fetchall()
        con.execute("SELECT count(*) FROM north.queues").fetchall()
        assert time.monotonic() - began < 1.5
        forget(sims)
        con.execute("SELECT count(*) FROM videsk.calls WHERE start_time < '2026-03-05'").fetchall()
        times = [one.at for one in sims["order by"].asked]
        assert len(times) >= 3
        # Two starts a second.
        assert all(later - earlier > 0.9 for earlier, later in zip(times, times[2:], strict=False))
        assert con.execute("SELECT count(*) > 0 FROM north.requests").fetchone() == (True,)


def test_accounts_are_read_side_by_side(sims: dict[str, Simulator]) -> None:
    slow = [Fault("slow", times=None, delay_s=0.7)]
    for sim in sims.values():
        sim.behaviour.faults = slow
    day = "start_time >= '2026-03-04' AND start_time < '2026-03-05'"
    with open_them(sims) as con:
        for text in (
            f"SELECT account, count(*) FROM videsk.calls WHERE {day} GROUP BY ALL",
            f"SELECT account, id FROM videsk.calls WHERE {day} ORDER BY start_time",
        ):
            forget(sims)
            con.execute(text).fetchall()
            starts = [sim.asked[0].at for sim in sims.values()]
            assert max(starts) - min(starts) < 0.6
        forget(sims)
        con.execute(
            "SELECT count(*) FROM videsk.calls WHERE account = 'north' AND start_time < '2020-01-01'"
        ).fetchall()
        assert asked(sims)["south"] == 0


# --- failures


def test_one_that_is_refused_is_named(two: Connection, sims: dict[str, Simulator]) -> None:
    sims["south"].behaviour.token_state = "expired"
    for run in (lambda: two.execute("SELECT count(*) FROM videsk.calls").fetchall(),
                lambda: two.sql("SELECT account, id FROM videsk.es.llamadas".replace("account, id", "*")).fetchall(),
                lambda: two.execute("FROM south.calls").fetchall()):  # fmt: skip
        with pytest.raises(AuthenticationError, match=r"^account 'south': ") as raised:
            run()
        assert raised.value.account == "south"
        assert sims["south"].token not in str(raised.value)
    assert two.execute("SELECT count(*) > 0 FROM videsk.calls WHERE account = 'north'").fetchall() == [(True,)]
    assert two.execute("SELECT last_error FROM videsk.accounts WHERE account = 'south'").fetchone() == (
        "AuthenticationError",
    )


def test_a_failure_in_the_middle_is_never_a_part(sims: dict[str, Simulator]) -> None:
    with duckdb_videsk.connect(
        accounts=given(sims, "north", "order by", retries=0), time_zone=ZONE, failing_accounts="leave_out"
    ) as con:
        sims["order by"].behaviour.faults = [Fault("status", times=None, after=2, status=503, endpoint="calls")]
        with pytest.raises(ServerError) as raised:
            con.execute("SELECT account, count(*) FROM videsk.calls GROUP BY ALL").fetchall()
        assert raised.value.account == "order by"
        # What was begun for the other account has ended too.
        wait_until(lambda: not con._catalog.board.stop_all())
        with pytest.raises(VideskError):
            con.execute("SELECT * FROM videsk.calls").fetchmany(100_000)


def test_one_that_is_down_and_one_that_is_slow(sims: dict[str, Simulator]) -> None:
    gone = Simulator(_small(5, seed=3), token="tok-of-gone").start()
    accounts = given(sims, "north", "south", retries=0, timeout_seconds=0.3)
    accounts["gone"] = {"token": "tok-of-gone", "base_url": gone.url, "retries": 0}
    with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE) as con:
        gone.close()
        with pytest.raises(ConnectionFailedError, match=r"^account 'gone': "):
            con.execute("SELECT count(*) FROM videsk.calls WHERE account = 'gone'").fetchall()
        sims["south"].behaviour.faults = [Fault("slow", times=None, delay_s=1.0)]
        with pytest.raises(ConnectionFailedError, match=r"^account 'south': "):
            con.execute("SELECT count(*) FROM videsk.calls WHERE account IN ('north', 'south')").fetchall()


def test_left_out_by_choice(sims: dict[str, Simulator]) -> None:
    sims["south"].behaviour.token_state = "expired"
    accounts = given(sims, "north", "south")
    with pytest.warns(AccountLeftOutWarning, match=r"'south' is left out of the tables of videsk.*token") as told:
        con = duckdb_videsk.connect(accounts=accounts, time_zone=ZONE, failing_accounts="leave_out", wide_views=True)
    assert len(told) == 1
    with con:
        truth = {"north"}
        for run in (con.execute, con.native.execute, con.cursor().execute):
            for _ in range(2):
                with pytest.warns(AccountLeftOutWarning, match="no rows of the account 'south'"):
                    rows = run("SELECT account, count(*) FROM videsk.calls GROUP BY ALL").fetchall()
                assert {name for name, _ in rows} == truth
        with pytest.warns(AccountLeftOutWarning):
            con.sql("SELECT count(*) FROM videsk.es.llamadas WHERE \"Inicio\"::date = '2026-03-04'").fetchall()
        # What would not have read it is not told, and neither is a plan.
        assert con.execute("SELECT count(*) > 0 FROM videsk.calls WHERE account = 'north'").fetchall() == [(True,)]
        assert [scan.catalog for scan in con.plan("FROM videsk.calls").scans] == ["north"]
        assert [scan.catalog for scan in con.plan("FROM south.calls").scans] == ["south"]
        assert con.execute("SELECT account, status FROM videsk.accounts").fetchall() == [
            ("north", "in"), ("south", "left out"),
        ]  # fmt: skip
        reason = con.execute("SELECT left_out_because FROM videsk.accounts WHERE account = 'south'").fetchone()
        assert reason is not None
        assert "token" in reason[0]
        with pytest.raises(AuthenticationError, match=r"^account 'south': "):
            con.execute("FROM south.calls").fetchall()
        with warnings.catch_warnings():
            warnings.simplefilter("error", AccountLeftOutWarning)
            with pytest.raises(AccountLeftOutWarning):
                con.execute("SELECT count(*) FROM videsk.calls").fetchall()
        # It is well again, and stays out for as long as this connection is open.
        sims["south"].behaviour.token_state = "ok"
        with pytest.warns(AccountLeftOutWarning):
            rows = con.execute("SELECT account FROM videsk.calls GROUP BY ALL").fetchall()
        assert rows == [("north",)]
        assert con.execute("SELECT count(*) > 0 FROM south.calls").fetchall() == [(True,)]
    with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE, failing_accounts="leave_out") as con:
        assert con.execute("SELECT count(DISTINCT account) FROM videsk.calls").fetchall() == [(2,)]


def test_left_out_is_told_each_time_and_as_an_error_leaves_nothing_behind(sims: dict[str, Simulator]) -> None:
    sims["south"].behaviour.token_state = "expired"
    accounts = given(sims, "north", "south")

    def attached() -> Connection:
        return duckdb_videsk.attach(native, accounts=accounts, time_zone=ZONE, failing_accounts="leave_out")

    with duckdb.connect() as native:
        databases = "SELECT database_name FROM duckdb_databases() ORDER BY ALL"
        before = native.execute(databases).fetchall()
        with warnings.catch_warnings():
            warnings.simplefilter("error", AccountLeftOutWarning)
            for _ in range(2):
                with pytest.raises(AccountLeftOutWarning, match="'south' is left out"):
                    attached()
                assert native.execute(databases).fetchall() == before
        with pytest.warns(AccountLeftOutWarning, match="'south' is left out"):
            first = attached()
        with pytest.warns(AccountLeftOutWarning, match="'south' is left out"):
            attached().close()
        with warnings.catch_warnings():
            warnings.simplefilter("error", AccountLeftOutWarning)
            with pytest.raises(AccountLeftOutWarning):
                attached()
        # Those that were there before stay with whom they belong to.
        assert first.execute("SELECT count(*) > 0 FROM north.calls").fetchall() == [(True,)]
        first.close()


def test_when_all_fail_there_is_nothing_to_leave_out(sims: dict[str, Simulator]) -> None:
    for name in ("north", "south"):
        sims[name].behaviour.token_state = "forbidden"
    with pytest.raises(VideskError, match=r"^account 'north': "):
        open_them(sims, "north", "south", failing_accounts="leave_out")
    sims["north"].behaviour.token_state = "ok"
    # Without the choice nothing is asked, and nothing left out.
    forget(sims)
    with open_them(sims, "north", "south") as con:
        assert not any(asked(sims).values())
        with pytest.raises(VideskError, match=r"^account 'south': "):
            con.execute("SELECT count(*) FROM videsk.calls").fetchall()


_INTERRUPTED = """
import os, signal, sys, threading, time
import duckdb_videsk
accounts = {name: {"token": token, "base_url": url, "retries": 0}
            for name, token, url in zip(*[iter(sys.argv[1:])] * 3)}
con = duckdb_videsk.connect(accounts=accounts, time_zone="UTC", progress=False)
for query in ("FROM videsk.calls", "SELECT account, max(agent) FROM videsk.calls GROUP BY ALL"):
    threading.Timer(0.4, os.kill, [os.getpid(), signal.SIGINT]).start()
    began = time.monotonic()
    try:
        con.execute(query).fetchall()
    except KeyboardInterrupt:
        assert time.monotonic() - began < 1.4, time.monotonic() - began
    else:
        raise AssertionError("not interrupted")
print(con.execute("SELECT count(*) > 1 FROM north.calls WHERE start_time < '2026-03-04'").fetchall())
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to send to oneself")
def test_ctrl_c(sims: dict[str, Simulator]) -> None:
    sims["south"].behaviour.faults = [Fault("slow", times=None, delay_s=20.0)]
    said = [part for name in ("north", "south") for part in (name, sims[name].token, sims[name].url)]
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + _INTERRUPTED
    done = subprocess.run(
        [sys.executable, "-c", code, *said], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("[(True,)]\n", 0), done.stderr


# --- attach, close, and names


def databases(native: duckdb.DuckDBPyConnection) -> set[str]:
    found = native.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    return {name for (name,) in found}


def test_attaching_and_closing(sims: dict[str, Simulator], tmp_path: Path) -> None:
    native = duckdb.connect(str(tmp_path / "mine.duckdb"))
    options: dict[str, Any] = {"accounts": given(sims, "north", "order by"), "time_zone": ZONE}
    first = duckdb_videsk.attach(native, **options)
    second = duckdb_videsk.attach(native, **options)
    assert databases(native) == {"mine", "videsk", "north", "order by"}
    native.execute("CREATE TABLE kept AS SELECT account, id FROM videsk.calls WHERE account = 'north'")
    assert native.execute("SELECT count(*) > 0 FROM kept JOIN north.calls USING (id)").fetchone() == (True,)
    for other in (
        {"accounts": given(sims, "north")},
        {"accounts": given(sims, "order by", "north")},
        {"accounts": given(sims, "north", "order by", retries=1)},
        {"token": sims["north"].token, "base_url": sims["north"].url},
    ):
        with pytest.raises(ConfigError, match="other settings"):
            duckdb_videsk.attach(native, **{"time_zone": ZONE, **other})
    first.close()
    assert "north" in databases(native)
    second.close()
    assert databases(native) == {"mine"}
    duckdb_videsk.attach(native, token=sims["north"].token, base_url=sims["north"].url).close()
    with duckdb_videsk.attach(native, **options) as again:
        assert again.execute("SELECT count(DISTINCT account) FROM videsk.calls").fetchone() == (2,)
    native.close()


def test_what_is_left_of_ours_is_taken_out(sims: dict[str, Simulator]) -> None:
    native = duckdb.connect()
    options: dict[str, Any] = {"accounts": given(sims, "north", "order by"), "time_zone": ZONE}
    duckdb_videsk.attach(native, **options)
    native.execute("DETACH videsk")
    gc.collect()
    duckdb_videsk.attach(native, **options)
    native.execute("DETACH north")
    with duckdb_videsk.attach(native, **options) as con:
        assert con.execute("SELECT count(DISTINCT account) FROM videsk.calls").fetchone() == (2,)
    assert databases(native) == {"memory"}
    native.close()


def test_a_name_of_another_database_is_refused(sims: dict[str, Simulator], tmp_path: Path) -> None:
    native = duckdb.connect(str(tmp_path / "North.duckdb"))
    with pytest.raises(ConfigError, match="named 'north' is already open"):
        duckdb_videsk.attach(native, accounts=given(sims, "north", "south"), time_zone=ZONE)
    assert databases(native) == {"North"}
    native.close()


def test_nothing_is_left_of_an_opening_that_fails(sims: dict[str, Simulator]) -> None:
    accounts = given(sims, "north", "south")
    accounts["south"]["forms"] = ["no-such-form"]
    native = duckdb.connect()
    with pytest.raises(VideskError, match=r"^account 'south': "):
        duckdb_videsk.attach(native, accounts=accounts, time_zone=ZONE, wide_views=True)
    assert databases(native) == {"memory"}
    assert not [thread.name for thread in threading.enumerate() if thread.name == "videsk-requests"]
    native.close()


def test_settings_objects_and_one_account(sims: dict[str, Simulator]) -> None:
    sim = sims["north"]
    own = Settings(Token(sim.token), base_url=sim.url, time_zone="UTC", lake=False, cache_dir=None)
    with duckdb_videsk.connect(accounts={"north": own}, time_zone="Asia/Tokyo") as con:
        assert con.settings.time_zone == "Asia/Tokyo"
        assert con.execute("SELECT current_setting('TimeZone')").fetchone() == ("Asia/Tokyo",)
        assert con.execute("SELECT DISTINCT account FROM videsk.calls").fetchall() == [("north",)]
    with duckdb_videsk.connect(token=sim.token, base_url=sim.url) as con:
        assert con.accounts == {}
        assert "account" not in con.sql("FROM videsk.calls").columns
        with pytest.raises(duckdb.Error):
            con.execute("FROM videsk.accounts")


# --- the kept days


def test_each_account_keeps_its_own_days(sims: dict[str, Simulator], tmp_path: Path) -> None:
    options: dict[str, Any] = {"time_zone": ZONE, "lake": True, "lake_dir": tmp_path}
    days = "start_time >= '2026-03-03' AND start_time < '2026-03-06'"
    text = f"SELECT account, count(*) FROM videsk.calls WHERE {days} GROUP BY ALL"
    with open_them(sims, "north", "order by", **options) as con:
        first = con.execute(text).fetchall()
        forget(sims)
        assert sorted(con.execute(text).fetchall()) == sorted(first)
        assert not any(asked(sims).values())
        shown = con.execute("SELECT account, count(*) > 0 FROM videsk.coverage GROUP BY ALL").fetchall()
        assert sorted(shown) == [("north", True), ("order by", True)]
        assert len(list(tmp_path.iterdir())) >= 2
        con.execute("SELECT count(*) FROM north.calls WHERE start_time::date = '2026-03-07'").fetchall()
        assert asked(sims)["order by"] == 0
        if not OLD:
            con.execute("SELECT max(start_time) FROM videsk.calls").fetchall()
            assert asked(sims)["order by"] == 1
    with open_them(sims, "north", "order by", offline=True, failing_accounts="leave_out", **options) as con:
        forget(sims)
        assert sorted(con.execute(text).fetchall()) == sorted(first)
        with pytest.raises(VideskError) as raised:
            con.execute("SELECT count(*) FROM videsk.calls").fetchall()
        assert raised.value.account in {"north", "order by"}
        assert not any(asked(sims).values())
        for file in tmp_path.rglob("*.parquet"):
            file.unlink()
        with pytest.raises(LakeChangedError, match=r"^account '(north|order by)': "):
            con.execute(text).fetchall()


# --- programs


def test_the_command_line(
    sims: dict[str, Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from duckdb_videsk.cli import main  # noqa: PLC0415 - for this test only

    sections = [
        f'[accounts."{name}"]\ntoken_env = "TOKEN_{n}"\nbase_url = "{sims[name].url}"\nrequests_per_second = 1000\n'
        for n, name in enumerate(NAMES)
    ]
    (tmp_path / "config.toml").write_text('time_zone = "UTC"\n' + "".join(sections), "utf-8")
    monkeypatch.setenv("VIDESK_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("VIDESK_LAKE_DIR", str(tmp_path / "lake"))
    for n, name in enumerate(NAMES):
        monkeypatch.setenv(f"TOKEN_{n}", sims[name].token)

    def run(*arguments: str) -> str:
        assert main(arguments) == 0
        return capfd.readouterr().out

    count = "SELECT account, count(*) > 0 AS some FROM videsk.calls GROUP BY ALL ORDER BY ALL"
    assert run("query", count, "--accounts", "north,order by", "--format", "csv") == (
        "account,some\nnorth,true\norder by,true\n"
    )
    assert '"south".calls' not in run("plan", "FROM videsk.calls", "--accounts", "north,order by")
    days = ("--accounts", "north,order by", "--since", "2026-03-03", "--until", "2026-03-05", "--tables", "calls")
    synced = run("sync", *days, "--to", str(tmp_path / "out.duckdb"))
    assert "north.calls: " in synced
    assert '"order by".calls: ' in synced
    with duckdb.connect(str(tmp_path / "out.duckdb")) as written:
        assert written.execute("SELECT count(DISTINCT account) FROM calls").fetchone() == (2,)
        assert written.execute('SELECT count(DISTINCT "Cuenta") FROM es.llamadas').fetchone() == (2,)
    assert "4 files checked, 0 differ" in run("verify", *days[:-2])
    assert run("forget", "--accounts", "order by", "--everything").split()[0] == "2"
    assert run("forget", "--accounts", "all", "--everything").split()[0] == "2"

    monkeypatch.setenv("VIDESK_ACCOUNTS", "north, south")
    assert run("query", "SELECT count(*) FROM videsk.accounts", "--format", "csv").split() == ["count_star()", "2"]
    for command in (["shell"], ["serve", "--token-file", str(tmp_path / "t")], ["doctor"]):
        assert main(command) == 2
        assert "VIDESK_ACCOUNTS is set" in capfd.readouterr().err
    sims["south"].behaviour.token_state = "expired"
    assert main(["sync", "--since", "2026-03-03", "--until", "2026-03-04", "--tables", "calls"]) == 1
    assert "account 'south': " in capfd.readouterr().err


def test_ids_of_the_command_line_are_those_that_every_command_means(
    sims: dict[str, Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from duckdb_videsk.cli import main  # noqa: PLC0415 - for this test only

    own, other = ids_of(sims["north"])["form"][:2]
    (tmp_path / "config.toml").write_text(
        f'time_zone = "UTC"\n[accounts.north]\ntoken = "{sims["north"].token}"\nbase_url = "{sims["north"].url}"\n'
        f'requests_per_second = 1000\nforms = ["{own}"]\nlake = true\n',
        "utf-8",
    )
    monkeypatch.setenv("VIDESK_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("VIDESK_LAKE_DIR", str(tmp_path / "lake"))
    monkeypatch.setenv("VIDESK_ACCOUNTS", "north")

    def kept() -> int:
        return len(list((tmp_path / "lake").rglob("*.parquet")))

    range_of = ("--since", "2026-03-03", "--until", "2026-03-05")
    sql = "SELECT DISTINCT form FROM videsk.forms WHERE created_at >= '2026-03-03' AND created_at < '2026-03-05'"
    for named, meant in (([], own), (["--forms", other], other)):
        assert main(["query", sql, *named, "--format", "csv"]) == 0
        assert capfd.readouterr().out.split() == ["form", meant]
        assert main(["sync", *range_of, "--tables", "forms", *named]) == 0
        assert {line.split()[1] for line in capfd.readouterr().out.splitlines()} == {f"{meant}:"}
    files = kept()
    assert main(["verify", "--forms", other]) == 0
    assert f"{files // 2} files checked" in capfd.readouterr().out
    assert main(["forget", "--forms", other]) == 0
    assert kept() == files // 2
    assert main(["query", sql, "--base-url", "http://127.0.0.1:1"]) == 2
    said = capfd.readouterr().err
    assert "--base-url" in said
    assert "'north'" in said


def test_what_is_forgotten_by_id_is_that_alone(
    sims: dict[str, Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each account has forms of its own in its settings, and none of them is meant, nor any other table."""
    from duckdb_videsk.cli import main  # noqa: PLC0415 - for this test only

    names = ("north", "order by")
    sections = [
        f'[accounts."{name}"]\ntoken = "{sims[name].token}"\nbase_url = "{sims[name].url}"\n'
        f"requests_per_second = 1000\nforms = {list(ids_of(sims[name])['form'])}\n"
        for name in names
    ]
    (tmp_path / "config.toml").write_text('time_zone = "UTC"\n' + "".join(sections), "utf-8")
    monkeypatch.setenv("VIDESK_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("VIDESK_LAKE_DIR", str(tmp_path / "lake"))
    monkeypatch.setenv("VIDESK_ACCOUNTS", "all")
    target = tmp_path / "out.duckdb"
    days = ("--since", "2026-03-03", "--until", "2026-03-05", "--tables", "calls,forms")
    assert main(["sync", *days]) == 0

    def kept() -> set[Path]:
        return set((tmp_path / "lake").rglob("*.parquet"))

    before, asked_id = kept(), ids_of(sims["north"])["form"][0]
    assert main(["verify", "--forms", asked_id]) == 0
    assert "2 files checked, 0 differ" in capfd.readouterr().out
    assert main(["forget", "--forms", asked_id]) == 0
    assert capfd.readouterr().out == "2 files deleted\n"
    assert before - kept() == {path for path in before if asked_id in str(path)}

    # A file is whole or not written, though answers to look at may leave accounts out.
    monkeypatch.setenv("VIDESK_FAILING_ACCOUNTS", "leave_out")
    sims["order by"].behaviour.token_state = "expired"
    assert main(["sync", *days[:-1], "calls", "--to", str(target)]) == 0
    with duckdb.connect(str(target)) as written:
        assert written.execute("SELECT count(DISTINCT account) FROM calls").fetchone() == (2,)


def test_the_page_of_all_reports_says_whose_it_is(sims: dict[str, Simulator]) -> None:
    from duckdb_videsk.dashboard import dashboard  # noqa: PLC0415 - for this test only

    days = {"since": date(2026, 3, 2), "until": date(2026, 3, 4)}
    accounts = given(sims, "north", "order by")
    del accounts["order by"]["surveys"]
    sims["order by"].behaviour.token_state = "expired"
    with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE) as con, pytest.raises(AuthenticationError):
        dashboard(con, **days)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccountLeftOutWarning)
        with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE, failing_accounts="leave_out") as con:
            page = dashboard(con, **days, language="es")
    assert "Incompleto: ninguna cifra incluye estas cuentas, que no se pudieron leer: order by." in page
    # The surveys of the one that is read have ids.
    assert "No se nombró ninguna encuesta" not in page
    sims["order by"].behaviour.token_state = "ok"
    with duckdb_videsk.connect(accounts=accounts, time_zone=ZONE) as con:
        page = dashboard(con, **days)
    assert "no figure counts" not in page
    assert all(name in page for name in ("north (127.0.0.1:", "order by (127.0.0.1:"))
    # And here one has none, so that figures of all would be wrong.
    assert "No survey is named" in page
