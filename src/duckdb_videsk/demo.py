"""`videsk demo`: the built-in simulator, three telling queries with their answers, and what each one cost."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from duckdb_videsk.connection import connect
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.connection import Connection

__all__ = ["demo_account", "demo_queries", "run_demo"]

_ZONE = "America/Santiago"
_LATENCY_SECONDS = 0.08
_NEXT_STEPS = """\
What to try next
  videsk simulate                        keep this simulator running and query it yourself
  videsk query "FROM videsk.es.llamadas WHERE \\"Inicio\\" >= current_date - 1 LIMIT 5"
                                         with your own account: export VIDESK_API_TOKEN=…
  python -c "import duckdb_videsk; print(duckdb_videsk.connect().sql('SHOW ALL TABLES'))"
"""


def demo_account() -> SyntheticAccount:
    """A made-up contact centre: six years of calls until yesterday."""
    today = datetime.now(ZoneInfo(_ZONE)).date()
    return SyntheticAccount(seed=7, since=today.replace(year=today.year - 6, day=1), until=today - timedelta(days=1))


def demo_queries() -> Iterator[tuple[str, str]]:
    """Title and SQL of each query of the demonstration, from `sql/demo`."""
    for file in sorted(_sql_folder().joinpath("demo").iterdir(), key=lambda entry: entry.name):
        title, _, sql = file.read_text("utf-8").partition("\n")
        yield title.removeprefix("--").strip(), sql.strip()


def run_demo() -> None:
    """Run the demonstration on standard output."""
    behaviour = Behaviour(latency_s=_LATENCY_SECONDS, rate_per_second=20)
    _say("A simulated Videsk account (made-up data, no token needed), queried over HTTP like the real one.\n")
    with (
        Simulator(demo_account(), behaviour=behaviour) as simulator,
        connect(token=simulator.token, base_url=simulator.url, time_zone=_ZONE) as connection,
    ):
        for title, sql in demo_queries():
            _show(connection, title, sql)
    _say(_NEXT_STEPS)


def _show(connection: Connection, title: str, sql: str) -> None:
    before = len(connection.ledger.entries())
    began = time.monotonic()
    _say(f"── {title}\n{sql}\n")
    connection.sql(sql).show()
    seconds = time.monotonic() - began
    asked = connection.ledger.entries()[before:]
    rows = sum(entry.rows or 0 for entry in asked)
    _say(f"   {len(asked)} request{'s' * (len(asked) != 1)} to the API, {rows:,} records, {seconds:.1f} s\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _sql_folder() -> Path | resources.abc.Traversable:
    """`sql/` of the wheel, or of the source tree where the package was installed from there to be edited."""
    shipped = resources.files("duckdb_videsk").joinpath("sql")
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "sql"
