"""Reading through the lake: what it costs, what is kept, what other programs see, and that nothing is ever wrong."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import polars as pl
import pytest

import duckdb_videsk
from duckdb_videsk import LakeChangedError, LakeWarning, MissingDaysError, pinning
from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.simulator import Fault
from lakes import MARCH, Shore, counted, damage_silently, refuse_changes, shore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Shore]:
    with shore(tmp_path / "lake") as made:
        yield made


# --- what it costs


def test_the_second_run_asks_nothing(here: Shore) -> None:
    want = here.truth(MARCH)
    with here.connect() as con:
        first, cost = here.asked(con, counted(MARCH))
        assert first == want
        assert cost > 0
        assert here.asked(con, counted(MARCH)) == (want, 0)
        spanish = "\"Inicio\" >= '2026-03-03' AND \"Inicio\" < '2026-03-10'"
        query = f'SELECT count(*), sum(hash("Identificador")) FROM videsk.es.llamadas WHERE {spanish}'
        assert here.asked(con, query) == (want, 0)
    with here.connect() as con:
        assert here.asked(con, counted(MARCH)) == (want, 0)


def test_every_table_is_kept(here: Shore) -> None:
    ids = {"forms": here.sim.source.form_ids[:2], "surveys": here.sim.source.survey_ids[:1]}
    with here.connect(**ids) as con, here.connect(lake=False, **ids) as plain:
        for endpoint in ENDPOINTS:
            column = endpoint.range_column
            days = f"{column} >= '2026-03-03' AND {column} < '2026-03-05'"
            query = f"FROM videsk.{endpoint.table} WHERE {days} ORDER BY ALL"
            want = plain.execute(query).fetchall()
            assert here.asked(con, query)[0] == want
            assert here.asked(con, query) == (want, 0)
            assert con.description == plain.execute(query).description


def test_only_what_is_missing_is_asked_for(here: Shore) -> None:
    longer = "start_time >= '2026-03-03' AND start_time < '2026-03-12'"
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
        got, _ = here.asked(con, counted(longer))
        assert all(asked.start_text >= "2026-03-10T23:59:59Z" for asked in here.sim.asked)
        assert here.asked(con, counted(longer)) == (got, 0)
    assert got == here.truth(longer)


def test_a_week_that_fits_and_is_known_to_is_one_request(here: Shore) -> None:
    here.sim.behaviour.cap = 5_000
    with here.connect() as con:
        con.execute(counted("start_time >= '2026-03-03' AND start_time < '2026-03-05'")).fetchall()
        assert here.asked(con, counted("start_time >= '2026-04-03' AND start_time < '2026-04-10'"))[1] == 1
        assert here.asked(con, counted("start_time >= '2026-04-03' AND start_time < '2026-04-10'"))[1] == 0


def test_a_limit_costs_no_more_and_keeps_nothing(here: Shore) -> None:
    query = "FROM videsk.calls WHERE start_time >= '2026-03-03' AND start_time < '2026-06-03' LIMIT 10"
    with here.connect(lake=False) as con:
        _, without = here.asked(con, query)
    with here.connect() as con:
        rows, cost = here.asked(con, query)
        assert len(rows) == 10
        assert cost <= without
    assert here.files() == []


def test_without_a_range_only_recent_days_are_asked_for_again(here: Shore) -> None:
    with here.connect() as con:
        first, _ = here.asked(con, counted("true"))
        assert first == here.truth("true")
        assert here.asked(con, counted("true"))[1] <= 2  # once more to look for rows without a time
        assert here.asked(con, counted("true")) == (first, 1)


def test_days_that_are_not_settled_are_not_kept(here: Shore) -> None:
    since = datetime.now(UTC) - timedelta(days=2)
    recent = f"start_time >= '{since:%Y-%m-%d}'"
    with here.connect() as con:
        assert here.asked(con, counted(recent))[1] > 0
        assert here.asked(con, counted(recent))[1] > 0
        assert here.files() == []
    with here.connect(settle_days={"calls": 0}) as con:
        con.execute(counted(recent)).fetchall()
        con.execute(counted(recent.replace("start_time", "created_at"), table="recordings")).fetchall()
        tables = {file.relative_to(here.folder).parts[1] for file in here.files()}
        assert tables == {"calls"}


def test_days_that_are_over_are_reused_for_some_minutes(here: Shore) -> None:
    since, until = (datetime.now(UTC).date() - timedelta(days=days) for days in (2, 0))
    days = f"start_time >= '{since} 00:00:00+00' AND start_time < '{until} 00:00:00+00'"
    open_end = f"start_time >= '{since} 00:00:00+00'"
    want, all_want = here.truth(days), here.truth(open_end)
    with here.connect(reuse_minutes=5) as con:
        assert here.asked(con, counted(days))[0] == want
        assert here.asked(con, counted(days)) == (want, 0)
        assert here.asked(con, counted(open_end)) == (all_want, 1)
        states = "SELECT DISTINCT table_name, state FROM videsk.coverage"
        assert con.execute(states).fetchall() == [("calls", "provisional")]
    assert [file for file in here.files() if ".recent" not in file.parts] == []
    with here.connect(reuse_minutes=5) as con:
        assert here.asked(con, counted(days)) == (want, 0)
    with here.connect() as con:
        got, cost = here.asked(con, counted(days))
        assert got == want
        assert cost > 0
        assert con.execute("FROM videsk.coverage").fetchall() == []
    with here.connect(reuse_minutes=5, settle_days=0) as con:
        con.execute(counted(days)).fetchall()
        assert con.execute(states).fetchall() == [("calls", "provisional")]


def test_longer_settle_days_ask_again_for_what_was_kept_too_early(here: Shore) -> None:
    day = datetime.now(UTC).date() - timedelta(days=2)
    recent = f"start_time >= '{day} 00:00:00+00' AND start_time < '{day + timedelta(days=1)} 00:00:00+00'"
    want = here.truth(recent)
    with here.connect(settle_days=1) as con:
        con.execute(counted(recent)).fetchall()
        assert here.asked(con, counted(recent)) == (want, 0)
    with here.connect(settle_days=3) as con:
        assert here.asked(con, counted(recent)) == (want, 1)
    with here.connect(settle_days=3, offline=True) as con:
        assert here.asked(con, counted(recent)) == (want, 0)


def test_off_keeps_nothing(here: Shore) -> None:
    with here.connect(lake=False) as con:
        con.execute(counted(MARCH)).fetchall()
        assert con.execute("FROM videsk.coverage").fetchall() == []
    assert not here.folder.exists()


# --- what is kept


def test_a_scan_that_fails_keeps_nothing(here: Shore) -> None:
    here.sim.behaviour.faults = [Fault("status", times=None, after=3, status=400)]
    with here.connect() as con, pytest.raises(duckdb_videsk.BadRequestError):
        con.execute(counted("start_time >= '2026-03-03' AND start_time < '2026-06-10'")).fetchall()
    assert here.files() == []


def test_what_only_was_to_be_kept_may_fail(here: Shore) -> None:
    here.sim.behaviour.cap = 5_000
    want = here.truth(MARCH)
    here.sim.behaviour.faults = [Fault("status", times=None, after=1, status=400)]
    with here.connect() as con:
        assert con.execute(counted(MARCH)).fetchall() == want
    assert here.files() == []


def test_files_are_private_and_tell_nothing_of_the_token(here: Shore) -> None:
    with here.connect(forms=here.sim.source.form_ids[:1]) as con:
        con.execute(counted(MARCH)).fetchall()
        con.execute(counted("created_at >= '2026-03-03' AND created_at < '2026-03-10'", table="forms")).fetchall()
    paths = [here.folder, *here.folder.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}
    token = here.sim.token
    assert not [
        path for path in paths if token in str(path) or (path.is_file() and token.encode() in path.read_bytes())
    ]
    assert not list(here.folder.rglob("*.unfinished"))


def test_coverage(here: Shore) -> None:
    with here.connect(forms=here.sim.source.form_ids[:1]) as con:
        con.execute(counted(MARCH)).fetchall()
        con.execute(counted("created_at >= '2026-03-03' AND created_at < '2026-03-10'", table="forms")).fetchall()
        found = con.execute(
            "SELECT table_name, id, min(covered_from AT TIME ZONE 'UTC')::VARCHAR, "
            "max(covered_until AT TIME ZONE 'UTC')::VARCHAR, any_value(state), sum(rows) > 0, sum(bytes) > 0, "
            "max(fetched_at) > now() - INTERVAL 1 HOUR, max(version) FROM videsk.coverage GROUP BY ALL ORDER BY 1"
        ).fetchall()
    span = ("2026-03-03 00:00:00", "2026-03-11 00:00:00")
    facts = ("settled", True, True, True, 1)
    assert found == [("calls", None, *span, *facts), ("forms", here.sim.source.form_ids[0], *span, *facts)]


def test_a_form_that_no_setting_names_is_kept_and_stays_out_of_other_queries(here: Shore) -> None:
    known, other = here.sim.source.form_ids[:2]
    query = f"SELECT count(*) FROM videsk.forms WHERE form = '{other}' AND created_at < '2026-03-10'"
    for _ in range(2):
        with here.connect(forms=[known]) as con:
            want = here.asked(con, query)[0]
            assert want[0][0] > 0
            assert here.asked(con, query)[0] == want
            all_forms = con.execute(
                "SELECT DISTINCT form FROM videsk.forms WHERE created_at < '2026-03-10'"
            ).fetchall()
            assert all_forms == [(known,)]


# --- when something is wrong with the files


def spoil(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "cut":
        file.write_bytes(content[:-100])
    elif how == "overwritten":
        file.write_bytes(content[:400] + bytes(200) + content[600:])
    elif how == "foreign":
        file.write_bytes(b"PAR1 is no lake PAR1")
    else:
        file.unlink()


@pytest.mark.parametrize("how", ["cut", "overwritten", "foreign", "removed"])
def test_what_is_damaged_is_asked_for_again(here: Shore, how: str) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    spoil(here.files()[2], how)
    if how == "removed":
        with here.connect() as con:
            got, cost = here.asked(con, counted(MARCH))
    else:
        with pytest.warns(LakeWarning, match=r"renamed to .*\.damaged"), here.connect() as con:
            got, cost = here.asked(con, counted(MARCH))
    assert got == want
    assert cost == 1
    with here.connect() as con:
        assert here.asked(con, counted(MARCH)) == (want, 0)


@pytest.mark.parametrize("how", ["foreign", "removed"])
@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_what_is_damaged_under_an_open_connection(here: Shore, how: str) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
        spoil(here.files()[2], how)
        with pytest.raises(LakeChangedError, match="calls"):
            con.execute(f"SELECT max(segment), max(tags) FROM videsk.calls WHERE {MARCH}").fetchall()
        assert here.asked(con, counted(MARCH)) == (want, 1)


def test_what_is_damaged_and_cannot_be_renamed_is_left_out(here: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    file = here.files()[2]
    spoil(file, "foreign")
    refuse_changes(monkeypatch)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with here.connect() as con:
            for _ in range(3):
                assert here.asked(con, counted(MARCH)) == (want, 1)
    said = [str(one.message) for one in told if "cannot be used" in str(one.message)]
    assert len(said) == 1
    assert f"it could not be renamed (Permission denied), so delete it yourself: {file}." in said[0]
    assert file in here.files()


@pytest.mark.filterwarnings("ignore::duckdb_videsk.LakeWarning")
def test_silent_damage_that_cannot_be_renamed_fails_one_query_and_no_more(
    here: Shore, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = "count(*), sum(length(agent)), max(segment)"
    query = f"SELECT {columns} FROM videsk.calls WHERE {MARCH}"
    want = here.truth(MARCH, columns=columns)
    with here.connect() as con:
        assert con.execute(query).fetchall() == want
    damage_silently(here.files()[2])
    refuse_changes(monkeypatch)
    with here.connect() as con:
        with pytest.raises(LakeChangedError, match="calls"):
            con.execute(query).fetchall()
        for _ in range(2):
            assert here.asked(con, query) == (want, 1)


def test_a_file_of_another_table_account_or_version_is_left_alone(here: Shore) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    mark = here.lake().shelf(by_table()["calls"]).mark
    for file in here.files():
        file.rename(file.with_name(file.name.replace(mark, "0123456789ab")))
    with here.connect() as con:
        got, cost = here.asked(con, counted(MARCH))
        assert got == want
        assert cost > 0
    assert sum("0123456789ab" in file.name for file in here.files()) == len(here.files()) / 2


def test_copied_files_serve_as_the_old_ones_did(here: Shore, tmp_path: Path) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    for file in here.files():
        file.touch()
    shutil.copytree(here.folder, tmp_path / "moved", copy_function=shutil.copyfile)
    with here.connect(lake_dir=tmp_path / "moved") as con:
        assert here.asked(con, counted(MARCH)) == (want, 0)


def test_no_room_to_keep_anything(here: Shore) -> None:
    want = here.truth(MARCH)
    here.folder.write_text("a file where a folder should be")
    with here.connect() as con, pytest.warns(LakeWarning, match="could not be kept"):
        assert con.execute(counted(MARCH)).fetchall() == want


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_full_disk(here: Shore) -> None:
    """A process that may write no file larger than 20 KB: days are written in part, or not at all."""
    script = (
        "import resource, sys, warnings, duckdb_videsk\n"
        "warnings.simplefilter('ignore')\n"
        "con = duckdb_videsk.connect(time_zone='America/Santiago')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"print(con.execute({counted(MARCH)!r}).fetchall())\n"
    )
    environment = {
        **os.environ,
        "VIDESK_API_TOKEN": here.sim.token,
        "VIDESK_BASE_URL": here.sim.url,
        "VIDESK_LAKE": "true",
        "VIDESK_LAKE_DIR": str(here.folder),
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    want = here.truth(MARCH)
    assert done.stdout.strip() == str(want)
    assert not list(here.folder.rglob("*.unfinished"))
    with here.connect() as con:
        assert con.execute(counted(MARCH)).fetchall() == want


# --- offline


def test_offline(here: Shore) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    with here.connect(offline=True) as con:
        assert here.asked(con, counted(MARCH)) == (want, 0)
        with pytest.raises(MissingDaysError, match="from 2026-03-11T00:00:00Z until 2026-03-12T03:00:00Z") as caught:
            con.execute(counted("start_time >= '2026-03-03' AND start_time < '2026-03-12'")).fetchall()
        assert caught.value.table == "calls"
        assert caught.value.missing == ((datetime(2026, 3, 11, tzinfo=UTC), datetime(2026, 3, 12, 3, tzinfo=UTC)),)
        with pytest.raises(MissingDaysError, match="queues"):
            con.execute("FROM videsk.queues LIMIT 1").fetchall()
        assert here.sim.asked == []


def test_offline_needs_the_lake() -> None:
    with pytest.raises(duckdb_videsk.ConfigError, match="offline"):
        duckdb_videsk.connect(token="t" * 10, offline=True, lake=False)


# --- DuckDB's view of it


def test_kept_days_are_read_by_duckdb_itself(here: Shore) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
        plan = con.execute(f"EXPLAIN SELECT count(*) FROM videsk.calls WHERE {MARCH}").fetchall()[0][1]
    assert "PARQUET" in plan.upper()
    assert "ARROW_SCAN" in plan.upper()


@pytest.mark.parametrize("text", [counted(MARCH), counted(MARCH).replace("videsk.calls", "videsk.es.llamadas")])
def test_with_very_many_files_a_table_waits_for_its_first_statement(
    here: Shore, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    monkeypatch.setattr(pinning, "_MANY_FILES", 0)
    with here.connect() as con:
        native = f"EXPLAIN SELECT count(*) FROM videsk.calls WHERE {MARCH}"
        assert "PARQUET" not in con.native.execute(native).fetchall()[0][1].upper()
        con.execute("SELECT count(*) FROM videsk.tags WHERE start_time < '1990-01-01'").fetchall()
        assert "PARQUET" not in con.native.execute(native).fetchall()[0][1].upper()
        con.sql("DESCRIBE videsk.es.llamadas" if "llamadas" in text else text)
        assert "PARQUET" in con.native.execute(native).fetchall()[0][1].upper()
        assert here.asked(con, counted(MARCH)) == (want, 0)


def test_days_kept_by_another_connection_are_seen(here: Shore) -> None:
    with here.connect() as one, here.connect() as other:
        want = one.execute(counted(MARCH)).fetchall()
        assert here.asked(other, counted(MARCH)) == (want, 0)  # through Arrow, and then by itself
        plan = other.execute(f"EXPLAIN SELECT count(*) FROM videsk.calls WHERE {MARCH}").fetchall()[0][1]
        assert "PARQUET" in plan.upper()
        assert here.asked(other, counted(MARCH)) == (want, 0)


def test_within_a_transaction(here: Shore) -> None:
    want = here.truth(MARCH)
    with here.connect() as con:
        con.execute("BEGIN")
        con.execute("CREATE TABLE mine AS SELECT 1 AS one")
        for _ in range(3):
            assert con.execute(counted(MARCH)).fetchall() == want
        con.execute("COMMIT")
        assert con.execute(counted(MARCH)).fetchall() == want
        assert con.execute("FROM mine").fetchall() == [(1,)]


def test_a_streamed_result_survives_the_view_being_replaced(here: Shore) -> None:
    with here.connect() as con:
        con.execute(f"SELECT id FROM videsk.calls WHERE {MARCH} ORDER BY id")
        first = con.fetchmany(3)
        with con.cursor() as cursor:
            cursor.execute(counted("start_time >= '2026-04-03' AND start_time < '2026-04-05'")).fetchall()
        rest = con.fetchall()
    assert first + rest == sorted(here.truth(MARCH, columns="id"))


def test_prepared_statements_relations_and_cursors(here: Shore) -> None:
    want = here.truth(MARCH)
    with here.connect() as con:
        con.execute(f"PREPARE march AS {counted(MARCH)}")
        relation = con.sql(counted(MARCH))
        cursor = con.cursor()
        for _ in range(2):
            assert con.execute("EXECUTE march").fetchall() == want
            assert con.sql(counted(MARCH)).fetchall() == want
            assert cursor.execute(counted(MARCH)).fetchall() == want
        assert relation.fetchall() == want
        views = "duckdb_views() WHERE database_name = 'videsk' AND schema_name = 'main'"
        assert con.execute(f"SELECT comment FROM {views} AND view_name = 'calls'").fetchall() == [
            ("video calls between a customer and an agent",)
        ]


def test_attached_to_a_connection_of_the_user(here: Shore, tmp_path: Path) -> None:
    want = here.truth(MARCH)
    file = tmp_path / "mine.duckdb"
    duckdb.connect(str(file)).close()
    for read_only in (False, True):
        native = duckdb.connect(str(file), read_only=read_only)
        native.execute("SET TimeZone = 'America/Santiago'")
        attached = duckdb_videsk.attach(native, **{k: v for k, v in here.settings().items() if k != "time_zone"})
        for _ in range(2):
            assert native.execute(counted(MARCH)).fetchall() == want
            assert attached.execute(counted(MARCH)).fetchall() == want
        assert here.asked(native, counted(MARCH)) == (want, 0)
        attached.close()
        native.close()
    duckdb.connect(str(file)).close()


def test_where_duckdb_may_open_no_files(here: Shore) -> None:
    with here.connect() as con:
        want = con.execute(counted(MARCH)).fetchall()
    other = counted("start_time >= '2026-04-03' AND start_time < '2026-04-05'")
    with here.connect(config={"enable_external_access": False}) as con:
        for _ in range(2):
            assert here.asked(con, counted(MARCH)) == (want, 0)
            con.execute(other).fetchall()
        assert here.asked(con, other)[1] == 0


def test_where_duckdb_may_open_no_files_any_more(here: Shore) -> None:
    with here.connect() as con:
        con.execute(counted(MARCH)).fetchall()
        con.execute("SET enable_external_access = false")
        with pytest.raises(duckdb.PermissionException):
            con.execute(counted(MARCH)).fetchall()


def test_a_change_of_the_working_directory(here: Shore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with here.connect(lake_dir="lake") as con:
        want = con.execute(counted(MARCH)).fetchall()
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert here.asked(con, counted(MARCH)) == (want, 0)


def test_settle_days_of_what_is_no_table(here: Shore) -> None:
    with pytest.raises(duckdb_videsk.ConfigError, match="'call'; tables are"):
        here.connect(settle_days={"call": 3})


def test_threads_at_once(here: Shore) -> None:
    want = here.truth(MARCH)
    got = []
    with here.connect() as con:

        def read() -> None:
            with con.cursor() as cursor:
                got.extend(cursor.execute(counted(MARCH)).fetchall() for _ in range(5))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == [want] * 20
    days = [tuple(file.name.split(".")[0].split("_")) for file in here.files()]
    assert len(days) == len(set(days))


# --- other programs


def test_other_programs_read_the_same_files(here: Shore) -> None:
    months = "start_time >= '2026-02-28 21:00' AND start_time < '2026-04-10'"
    with here.connect() as con:
        con.execute(counted(months)).fetchall()
        want = con.execute(
            f"SELECT count(*), sum(duration_seconds)::BIGINT, min(start_time) FROM videsk.calls WHERE {MARCH}"
        ).fetchall()
    folder = next(here.folder.glob("*/calls"))
    bounds = [pd.Timestamp(text, tz="America/Santiago") for text in ("2026-03-03", "2026-03-10")]
    with duckdb.connect() as bare:
        bare.execute("SET TimeZone = 'America/Santiago'")
        source = f"read_parquet('{folder}/*/*.parquet')"
        facts = "count(*), sum(duration_seconds)::BIGINT, min(start_time)"
        assert bare.execute(f"SELECT {facts} FROM {source} WHERE {MARCH} AND month = '2026-03'").fetchall() == want
        types = dict(bare.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {source})").fetchall())
        assert types["start_time"] == "TIMESTAMP WITH TIME ZONE"
        assert types["tags"] == "VARCHAR[]"
        assert types["_unmapped"] == "JSON"
    frame = pd.read_parquet(folder, filters=[("start_time", ">=", bounds[0]), ("start_time", "<", bounds[1])])
    assert [(len(frame), round(frame["duration_seconds"].sum()), frame["start_time"].min())] == want
    instants = [bound.tz_convert("UTC").to_pydatetime() for bound in bounds]
    lazy = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
    found = lazy.filter((pl.col("start_time") >= instants[0]) & (pl.col("start_time") < instants[1])).select(
        pl.len(), pl.col("duration_seconds").sum().round(), pl.col("start_time").min()
    )
    assert [tuple(row) for row in found.collect().rows()] == [
        (want[0][0], float(want[0][1]), want[0][2].astimezone(UTC))
    ]
