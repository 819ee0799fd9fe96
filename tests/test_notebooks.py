"""The notebooks of the docs: they run in a real kernel, with the simulator's answers, and what is stored is true."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nbformat
import pytest
from nbclient import NotebookClient

from duckdb_videsk.demo import demo_account
from duckdb_videsk.simulator import Simulator

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
ZONE = ZoneInfo("America/Santiago")
SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=ZONE), datetime(2026, 4, 1, tzinfo=ZONE)
# Altair's own renderer gives a page with scripts; this one the chart's data.
SPECS = "import altair; altair.renderers.enable('json'); None"


@pytest.fixture(scope="module")
def truth() -> dict[str, list[dict[str, Any]]]:
    simulator = Simulator(demo_account())
    return {name: simulator.truth(name, start=SINCE, end=UNTIL) for name in ("calls", "queues")}


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in spec["datasets"].values() for row in rows]


def outputs(notebook: Any) -> list[Any]:
    """What cells gave; an empty one is left of the progress of a slow scan."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output for output in found if output.get("data") != {"text/plain": ""}]


def text_of(output: Any) -> str:
    return output.text if output.output_type == "stream" else output.data["text/plain"]


@pytest.mark.parametrize("name", ["contact_centre", "centro_de_contacto"])
def test_a_notebook_runs_and_says_the_truth(
    name: str, truth: dict[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = outputs(nbformat.read(FOLDER / f"{name}.ipynb", as_version=4))
    run = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    run.cells.insert(0, nbformat.v4.new_code_cell(SPECS))
    NotebookClient(run, timeout=100, kernel_name="python3", coalesce_streams=True).execute()

    given = outputs(run)
    assert "".join(output.text for output in given if output.get("name") == "stderr") == ""
    assert [output.output_type for output in given] == [output.output_type for output in kept]
    charts = [output.data["application/json"] for output in given if "application/json" in output.get("data", {})]
    check_charts(charts, truth)

    *tables, cost = [place for place, output in enumerate(given) if "application/json" not in output.get("data", {})]
    assert [text_of(given[place]) for place in tables] == [text_of(kept[place]) for place in tables]
    assert [line.split()[1] for line in text_of(given[cost]).splitlines()[1:]] == ["calls", "queues"]
    assert all("image/png" in kept[place].data for place in range(len(kept)) if place not in {*tables, cost})


def check_charts(charts: list[dict[str, Any]], truth: dict[str, list[dict[str, Any]]]) -> None:
    days, hours, waits, reached = [rows_of(chart) for chart in charts]
    calls = [row["startTime"].astimezone(ZONE) for row in truth["calls"]]
    assert Counter(calls_of(days)) == Counter(moment.date().isoformat() for moment in calls)
    slots = Counter((moment.isoweekday(), moment.hour) for moment in calls)
    assert len(hours) == len(slots)
    queues = truth["queues"]
    assert sum(row.get("waits", row.get("esperas")) for row in waits) > 0.99 * len(queues)
    noon = next(row for row in waits if row.get("hour", row.get("hora")) == 12)
    at_noon = [row for row in queues if row["startTime"].astimezone(ZONE).hour == 12]
    given_up = sum(bool(row["canceled"]) for row in at_noon)
    assert noon.get("waits", noon.get("esperas")) == len(at_noon)
    share = noon.get("abandoned_percent", noon.get("abandono"))
    assert share == pytest.approx(100 * given_up / len(at_noon), abs=0.06)
    ventas = next(row for row in reached if "Ventas" in row.values())
    answered = [row["duration"] * 60 for row in queues if row["segment"] == "Ventas" and row["assigned"]]
    within = 100 * sum(seconds <= 45.000001 for seconds in answered) / len(answered)
    assert ventas.get("reached", ventas.get("Logrado")) == pytest.approx(within, abs=0.06)


def calls_of(days: list[dict[str, Any]]) -> dict[str, int]:
    return {row.get("day", row.get("dia"))[:10]: row.get("calls", row.get("llamadas")) for row in days}
