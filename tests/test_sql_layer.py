"""Statements in plain files with what they may ask for; each also answered without the layer, and compared."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.ranges import EVER, Range, micros, subtract, total
from memory import MemorySource, connect_to

FOLDER = Path(__file__).parent / "sql_layer"
ZONES = ["UTC", "America/Santiago", "Asia/Kathmandu"]
EDGES = [
    "2026-01-01",
    "2026-04-04",
    "2026-04-05",
    "2026-09-05",
    "2026-09-06",
    "2026-10-01",
    "2026-10-05",
    "2026-10-06",
]


def moments() -> list[datetime]:
    """A year in steps of some hours, every edge of interest to the microsecond in each zone, and these days."""
    start, now = datetime(2025, 12, 20, tzinfo=UTC), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    found = {start + timedelta(hours=17, minutes=13) * step for step in range(480)}
    found |= {now + timedelta(hours=5) * step for step in range(-60, 12)}
    for zone in ZONES:
        for day in EDGES:
            edge = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            found |= {edge + timedelta(microseconds=shift) for shift in (-1, 0, 1)}
            found |= {edge + timedelta(minutes=45) * step for step in range(-4, 30)}
    return sorted(found)


def rows_of() -> dict[str, list[dict[str, Any]]]:
    instants = moments()
    rows = {}
    for endpoint in ENDPOINTS:
        rows[endpoint.table] = [
            {
                "id": f"{index:024x}",
                "agent": ("ana", "bruno", None)[index % 3],
                "segment": f"s{index % 2}",
                "queue": f"{index:024x}",
                "tags": ["a", "b"][: index % 3],
                "end_time": moment + timedelta(hours=2),
                endpoint.range_column: moment,
            }
            | ({endpoint.parameter: "x1"} if endpoint.parameter else {})
            for index, moment in enumerate(instants)
        ]
    rows["calls"].append({"id": "f" * 24, "agent": "ana", "start_time": None})
    known = {e.table: {c.name for c in e.all_columns} for e in ENDPOINTS}
    return {table: [{k: v for k, v in row.items() if k in known[table]} for row in rs] for table, rs in rows.items()}


ROWS = rows_of()


def entries(name: str) -> list[tuple[str, str, list[str]]]:
    """Name, statement and expectations of each entry of a file."""
    found = []
    blocks = (FOLDER / f"{name}.txt").read_text("utf-8").split("\n\n")
    for number, block in enumerate(blocks[1:], 1):
        lines = block.strip().splitlines()
        statement = "\n".join(line for line in lines if not line.startswith("=> "))
        found.append((f"{name}-{number}", statement, [line[3:] for line in lines if line.startswith("=> ")]))
    return found


CASES = [
    pytest.param(zone, statement, expected, id=f"{title}-{zone}")
    for name in ("derived", "endpoints", "joins", "predicates", "shapes")
    for title, statement, expected in entries(name)
    for zone in ZONES
] + [
    pytest.param(re.match(r"-- (\S+)", statement)[1], statement, expected, id=title)  # type: ignore[index]
    for title, statement, expected in entries("clock_changes")
]


@pytest.fixture(scope="module")
def doors() -> Any:
    """Connections with and without the layer, by zone, over one source each."""
    made: dict[tuple[str, bool], Any] = {}

    def door(zone: str, layer: bool) -> Any:
        if (zone, layer) not in made:
            source = MemorySource(ROWS, batch_rows=100_000)
            made[zone, layer] = (connect_to(source, time_zone=zone, implied_ranges=layer), source)
        return made[zone, layer]

    yield door
    for con, _ in made.values():
        con.close()


def instant(text: str, zone: str, today: date, *, otherwise: int) -> int:
    if not text:
        return otherwise
    if text.startswith("today"):
        moment = datetime.combine(today + timedelta(days=int(text[5:] or 0)), datetime.min.time())
    else:
        zone = "UTC" if text.endswith("Z") else zone
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    return micros(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))


def expectation(line: str, zone: str, today: date) -> tuple[str, tuple[Range, ...]]:
    table, _, written = line.partition(" ")
    pieces = [piece.strip(" ~").split("..") for piece in written.split(",")]
    return table, tuple(
        Range(instant(a, zone, today, otherwise=EVER.start), instant(b, zone, today, otherwise=EVER.end))
        for a, b in pieces
    )


def asked_by(con: Any, source: MemorySource, statement: str) -> tuple[Any, list[tuple[str, tuple[Range, ...]]]]:
    source.asked.clear()
    try:
        answer = sorted(map(repr, con.execute(statement).fetchall()))
    except duckdb.Error as error:
        answer = [type(error).__name__]
    return answer, sorted((table, ranges) for table, ranges, _, _ in source.asked)


def test_there_are_enough_statements() -> None:
    assert sum(len(entries(path.stem)) for path in FOLDER.glob("*.txt")) >= 150


@pytest.mark.parametrize(("zone", "statement", "expected"), CASES)
def test_a_statement(doors: Any, zone: str, statement: str, expected: list[str]) -> None:
    with_layer, without = doors(zone, True), doors(zone, False)
    today = with_layer[0].execute("SELECT current_date").fetchall()[0][0]
    answer, asked = asked_by(*with_layer, statement)
    plain, asked_without = asked_by(*without, statement)
    assert answer == plain
    for (table, ranges), (same, more) in zip(asked, asked_without, strict=False):
        assert table != same or total(ranges) <= total(more)
    if expected == ["calls error"]:
        assert answer in (["ConversionException"], ["BinderException"])
        return
    wanted = sorted(expectation(line, zone, today) for line in expected if line != "-" and not line.endswith(" !"))
    assert [table for table, _ in asked] == [table for table, _ in wanted]
    for (_, ranges), (_, most) in zip(asked, wanted, strict=True):
        # DuckDB 1.5 narrows some joins by itself while they run; what it may narrow is marked.
        exact = most != (EVER,) and not any("~" in line for line in expected)
        assert ranges == most if exact else not subtract(ranges, most)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(statement, id=title)
        for title, statement, expected in entries("derived")
        if all(line.endswith(" ..") for line in expected)
    ],
)
def test_what_is_not_sure_of_what_is_derived_is_left_alone(doors: Any, statement: str) -> None:
    con, _ = doors("UTC", True)
    assert con._rewritten(statement) == statement
