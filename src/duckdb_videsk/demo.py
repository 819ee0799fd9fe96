"""`videsk demo`: the built-in simulator, three telling queries with their answers, and what each one cost."""

from __future__ import annotations

import shutil
import time
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from duckdb_videsk.opening import connect
from duckdb_videsk.output import drawn, say
from duckdb_videsk.shipped import sql_folder
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.connection import Connection

__all__ = ["demo_account", "demo_queries", "run_demo"]

_ZONE = "America/Santiago"
# Fixed, so that a day of the past holds the same records whenever it is asked for.
_SINCE = date(2021, 1, 4)
_LATENCY_SECONDS = 0.08
# What the user has set for their own account may be too little for the demonstration.
_ITS_OWN: dict[str, Any] = {
    "offline": False,
    "max_requests": 1_000,
    "scan_budget": 1_000,
    "max_answer_bytes": 64 << 20,
}
_WELCOME = """\
A simulated Videsk account: made-up calls since 2021, on a local server that answers like the export API,
5,000 records at a time. You write SQL; requests, caps and time zones are taken care of.
"""
_NEXT_STEPS = """\
What to try next
  videsk simulate
      keeps this simulator running, for queries of your own
  videsk query "FROM videsk.es.llamadas WHERE \\"Inicio\\" >= current_date - 1 LIMIT 5"
      asks your own account, once VIDESK_API_TOKEN is set
  videsk query --help
      CSV, JSON and Parquet files, and more examples
"""


def demo_account() -> SyntheticAccount:
    """A made-up contact centre: calls from 2021 until yesterday, appointments ahead."""
    return SyntheticAccount(seed=7, since=_SINCE, until=datetime.now(ZoneInfo(_ZONE)).date())


def demo_queries() -> Iterator[tuple[str, str]]:
    """Title and SQL of each query of the demonstration, from `sql/demo`."""
    for file in sorted(sql_folder().joinpath("demo").iterdir(), key=lambda entry: entry.name):
        title, _, sql = file.read_text("utf-8").partition("\n")
        yield title.removeprefix("--").strip(), sql.strip()


def run_demo() -> None:
    """Run the demonstration on standard output."""
    say(_WELCOME)
    behaviour = Behaviour(latency_s=_LATENCY_SECONDS, rate_per_second=20)
    with (
        Simulator(demo_account(), behaviour=behaviour) as simulator,
        connect(
            token=simulator.token, base_url=simulator.url, time_zone=_ZONE, cache_dir="none", lake=False, **_ITS_OWN
        ) as connection,
    ):
        for number, (title, sql) in enumerate(demo_queries(), 1):
            _show(connection, f"{number}. {title}", sql)
    say(f"\n{_NEXT_STEPS}")


def _show(connection: Connection, title: str, sql: str) -> None:
    say(f"\n{title}\n\n{sql}\n\n")
    before = len(connection.ledger.entries())
    began = time.monotonic()
    width = shutil.get_terminal_size((100, 24)).columns
    answer = drawn(connection.sql(sql), max_rows=20, max_width=width)
    seconds = time.monotonic() - began
    asked = connection.ledger.entries()[before:]
    records = sum(entry.rows or 0 for entry in asked)
    say(f"{answer}{len(asked)} request{'s' * (len(asked) != 1)}, {records:,} records, {seconds:.1f} seconds\n")
