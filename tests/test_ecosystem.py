"""What the pages on other tools claim: which conditions bound a scan, and what does not work on which DuckDB."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import duckdb_videsk
import needed
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

IS_2 = int(duckdb.__version__.split(".")[0]) >= 2
ZONE = "America/Santiago"
MIDNIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _time_to_think(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine too, what a condition implies is found."""
    monkeypatch.setattr("duckdb_videsk.rewriting._SECONDS", 30.0)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb_videsk.Connection]:
    account = SyntheticAccount(seed=7, since=date(2026, 1, 5), until=date(2026, 4, 1), calls_per_day=40)
    with (
        Simulator(account, behaviour=Behaviour()) as sim,
        duckdb_videsk.connect(
            token=sim.token, base_url=sim.url, time_zone=ZONE, requests_per_second=1000, lake=False
        ) as connection,
    ):
        yield connection


@pytest.fixture(scope="module")
def that_day(con: duckdb_videsk.Connection) -> int:
    """How many calls the second of March has, local time."""
    ((count,),) = con.execute("SELECT count(*) FROM videsk.calls WHERE start_time::date = '2026-03-02'").fetchall()
    return int(count)


def asked_of(con: duckdb_videsk.Connection, before: int) -> bool:
    """Whether what was asked since then was bounded at both ends."""
    entries = con.ledger.entries()[before:]
    assert entries
    return all(entry.asked_from is not None and entry.asked_from.year > 1 for entry in entries)


# --- frames


def test_polars_reads_by_itself(con: duckdb_videsk.Connection, that_day: int) -> None:
    import polars as pl  # noqa: PLC0415

    before = len(con.ledger.entries())
    frame = pl.read_database("SELECT * FROM videsk.calls WHERE start_time::date = '2026-03-02'", con)
    assert frame.height == that_day
    assert frame.schema["start_time"] == pl.Datetime("us", ZONE)
    assert asked_of(con, before)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # DuckDB with pandas 3.1
def test_pandas_has_local_times(con: duckdb_videsk.Connection, that_day: int) -> None:
    frame = con.sql("FROM videsk.calls WHERE start_time::date = '2026-03-02'").df()
    assert len(frame) == that_day
    assert str(frame.dtypes["start_time"]) == f"datetime64[us, {ZONE}]"


# --- ibis


@pytest.fixture(scope="module")
def ibis_backend(con: duckdb_videsk.Connection) -> Iterator[Any]:
    ibis = needed.module("ibis")
    with con.native.cursor() as cursor:
        backend = ibis.duckdb.from_connection(cursor)
        backend.raw_sql(f"SET TimeZone = '{ZONE}'")
        yield backend


IBIS = {
    "text": (True, lambda t: (t.start_time >= "2026-03-02") & (t.start_time < "2026-03-03")),
    "datetime": (True, lambda t: (t.start_time >= datetime(2026, 3, 2)) & (t.start_time < datetime(2026, 3, 3))),  # noqa: DTZ001
    "zone": (True, lambda t: (t.start_time >= MIDNIGHT) & (t.start_time < MIDNIGHT + timedelta(days=1))),
    "between": (True, lambda t: t.start_time.between("2026-03-02", "2026-03-02 23:59:59.999999")),
    "truncate": (True, lambda t: t.start_time.truncate("D") == datetime(2026, 3, 2)),  # noqa: DTZ001
    "date": (False, lambda t: t.start_time.date() == date(2026, 3, 2)),
}


@pytest.mark.filterwarnings("ignore")  # of ibis with newer DuckDB and pandas
@pytest.mark.parametrize("name", IBIS)
def test_what_bounds_a_scan_of_ibis(
    con: duckdb_videsk.Connection, ibis_backend: Any, that_day: int, name: str
) -> None:
    bounded, condition = IBIS[name]
    calls = ibis_backend.table("calls", database="videsk.main")
    before = len(con.ledger.entries())
    assert calls.filter(condition(calls)).count().execute() == that_day
    assert asked_of(con, before) is bounded


def test_ibis_sets_the_zone_of_a_connection_to_utc(con: duckdb_videsk.Connection) -> None:
    ibis = needed.module("ibis")
    with con.native.cursor() as cursor:
        ibis.duckdb.from_connection(cursor)
        assert cursor.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
    assert con.execute("SELECT current_setting('TimeZone')").fetchone() == (ZONE,)


def test_what_of_ibis_duckdb_2_lacks(ibis_backend: Any) -> None:
    if IS_2:
        with pytest.raises(AttributeError, match="fetch_arrow_table"):
            ibis_backend.sql("SELECT 1 AS one")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert ibis_backend.sql("SELECT 1 AS one").count().execute() == 1


# --- SQLAlchemy


@pytest.fixture(scope="module")
def engine(con: duckdb_videsk.Connection) -> Iterator[Any]:
    needed.module("duckdb_engine")
    import duckdb_engine  # noqa: PLC0415
    import sqlalchemy  # noqa: PLC0415

    def opened() -> Any:
        cursor = con.cursor()
        cursor.execute("USE videsk")
        return duckdb_engine.ConnectionWrapper(cursor)

    made = sqlalchemy.create_engine("duckdb://", creator=opened)
    yield made
    made.dispose()


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_what_bounds_a_scan_of_sqlalchemy(con: duckdb_videsk.Connection, engine: Any, that_day: int) -> None:
    import sqlalchemy as sa  # noqa: PLC0415

    described = sa.inspect(engine).get_columns("calls", schema="main")
    assert [column["name"] for column in described][:4] == ["id", "segment", "agent", "start_time"]
    for schema, condition, bounded in [
        (None, lambda t: (t.c.start_time >= datetime(2026, 3, 2)) & (t.c.start_time < datetime(2026, 3, 3)), True),  # noqa: DTZ001
        (None, lambda t: sa.cast(t.c.start_time, sa.Date) == date(2026, 3, 2), True),
        ("main", lambda t: sa.cast(t.c.start_time, sa.Date) == date(2026, 3, 2), True),
    ]:
        columns = [sa.Column(column["name"], column["type"]) for column in described]
        calls = sa.Table("calls", sa.MetaData(), *columns, schema=schema)
        before = len(con.ledger.entries())
        with engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(calls).where(condition(calls))
            assert connection.execute(query).scalar() == that_day
        assert asked_of(con, before) is bounded


def test_errors_of_a_scan_pass_through_sqlalchemy(engine: Any) -> None:
    import sqlalchemy as sa  # noqa: PLC0415

    with engine.connect() as connection, pytest.raises(duckdb_videsk.MissingIdError):
        connection.execute(sa.text("SELECT * FROM forms")).all()


def test_autoload_of_sqlalchemy_fails_with_any_table() -> None:
    needed.module("duckdb_engine")
    import sqlalchemy as sa  # noqa: PLC0415

    plain = sa.create_engine("duckdb:///:memory:")
    with plain.begin() as connection:
        connection.execute(sa.text("CREATE TABLE a (x INTEGER)"))
        with pytest.raises(sa.exc.ProgrammingError, match="REGCLASS"):
            sa.Table("a", sa.MetaData(), autoload_with=connection)
    plain.dispose()


# --- dbt


def test_the_plugin_of_dbt(con: duckdb_videsk.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    needed.module("dbt.adapters.duckdb")
    from duckdb_videsk.dbt import Plugin  # noqa: PLC0415

    class Credentials:
        settings = {"memory_limit": "1GB"}  # noqa: RUF012

    monkeypatch.setenv("VIDESK_API_TOKEN", con.settings.token.reveal())
    given = {"memory_limit": "1GB", "base_url": con.settings.base_url, "time_zone": "Pacific/Easter"}
    plugin = Plugin("dbt", given, Credentials())
    with duckdb.connect() as native:
        plugin.configure_connection(native)
        query = "SELECT count(*) > 0 FROM videsk.calls WHERE start_time >= '2026-03-02' AND start_time < '2026-03-03'"
        assert native.cursor().execute(query).fetchone() == (True,)
        assert native.cursor().execute("SELECT current_setting('TimeZone')").fetchone() == ("Pacific/Easter",)


def test_a_wrong_setting_in_a_profile_is_told() -> None:
    needed.module("dbt.adapters.duckdb")
    from duckdb_videsk.dbt import Plugin  # noqa: PLC0415

    with duckdb.connect() as native, pytest.raises(duckdb_videsk.ConfigError, match="colour"):
        Plugin("dbt", {"colour": "red", "token": "t"}).configure_connection(native)
