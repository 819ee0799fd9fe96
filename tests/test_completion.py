"""What is suggested for SQL at a cursor, which stands at `|`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from duckdb_videsk import Connection, connect
from duckdb_videsk.completion import suggestions
from duckdb_videsk.simulator import Records, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = {"goals": pd.DataFrame({"Total goal": [1]}), "since": "2026-03-01", "number": 3, "function": print}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Records({})) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def con(simulator: Simulator) -> Iterator[Connection]:
    with connect(token=simulator.token, base_url=simulator.url) as connection:
        connection.execute('CREATE TABLE teams(agent TEXT, "My team" TEXT, "select" TEXT)')
        connection.execute("CREATE SCHEMA crm")
        connection.execute("CREATE TABLE crm.customers(name TEXT)")
        yield connection


def suggested(con: Connection, text: str) -> tuple[str, list[str]]:
    with con.native.cursor() as cursor:
        fragment, found = suggestions(cursor, text.replace("|", "", 1), text.index("|"), VARIABLES)
    return fragment, [suggestion.text for suggestion in found]


@pytest.mark.parametrize(
    ("text", "fragment", "words"),
    [
        ("FROM vi|", "vi", ["videsk"]),
        ("FROM |", "", ["goals", "crm", "memory", "teams", "videsk"]),
        ("FROM videsk.es.lla|", "lla", ["llamadas"]),
        ("FROM videsk.ca|", "ca", ["calls"]),
        ("FROM crm.|", "", ["customers"]),
        ("FROM go|", "go", ["goals"]),
        ("SELECT st| FROM videsk.calls", "st", ["start_time"]),
        ("SELECT ST| FROM VIDESK.CALLS", "ST", ["start_time"]),
        ("SELECT agent, dur| FROM videsk.calls(since := '2026-03-01')", "dur", ["duration_seconds"]),
        ("SELECT c.tags| FROM videsk.calls c JOIN videsk.queues AS q USING (id)", "tags", ["tags"]),
        ("SELECT q.tags| FROM videsk.calls c JOIN videsk.queues AS q USING (id)", "tags", []),
        ("SELECT calls.seg| FROM videsk.calls", "seg", ["segment"]),
        ('SELECT "Dur| FROM videsk.es.llamadas', '"Dur', ['"Duración"']),
        ('SELECT "Dur|" FROM videsk.es.llamadas', '"Dur', ['"Duración']),
        ("SELECT Dur| FROM videsk.es.llamadas", "Dur", ['"Duración"']),
        ("SELECT t.| FROM teams t", "", ["agent", '"My team"', '"select"']),
        ("SELECT g.T| FROM goals g", "T", ['"Total goal"']),
        ("FROM videsk.calls WHERE start_time >= $s|", "s", ["since"]),
        ("FROM videsk.calls WHERE x = $|", "", ["since", "number"]),
        ("FROM videsk.calls WHERE agent = 'st|'", "", []),
        ("FROM videsk.calls -- st|", "", []),
        ("FROM nowhere.|", "", []),
    ],
)  # fmt: skip
def test_suggestions(con: Connection, text: str, fragment: str, words: list[str]) -> None:
    found = suggested(con, text)
    assert found[0] == fragment
    assert sorted(found[1]) == sorted(words)


def test_columns_come_first_and_nothing_is_asked(con: Connection, simulator: Simulator) -> None:
    _, words = suggested(con, "SELECT | FROM videsk.queues")
    assert words[0] == "id"
    assert words.index("canceled_reason") < words.index("teams") < words.index("videsk")
    assert simulator.asked == []
