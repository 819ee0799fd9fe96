"""`videsk report`: what it lists, prints and writes, and how it is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest

from contact_records import SPRING, SURVEY, ZONE, made, records
from duckdb_videsk import reports
from duckdb_videsk.cli import main
from duckdb_videsk.simulator import Behaviour, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPAN = ["--since", "2026-09-05", "--until", "2026-09-08"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(records(made(3, SPRING, contacts=100)), behaviour=Behaviour(cap=100_000)) as sim:
        yield sim


@pytest.fixture(autouse=True)
def environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDESK_BASE_URL", simulator.url)
    monkeypatch.setenv("VIDESK_API_TOKEN", simulator.token)
    monkeypatch.setenv("VIDESK_TIME_ZONE", ZONE.key)
    monkeypatch.setenv("VIDESK_SURVEYS", SURVEY)
    monkeypatch.setenv("COLUMNS", "200")


def test_without_a_name_it_lists_them_and_needs_no_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VIDESK_API_TOKEN")
    assert main(["report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [one.name for one in reports()]
    assert lines[1].endswith(reports()[1].questions["en"])
    assert main(["report", "--language", "es"]) == 0
    assert "¿Cuándo llegan los clientes" in capsys.readouterr().out
    assert main(["report", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == [one.name for one in reports()]
    assert listed[0]["columns"][0] == {
        "name": "offered", "type": "BIGINT", "unit": "waits", "meaning": "entries into the queue",
    }  # fmt: skip
    assert main(["report", "--format", "csv"]) == 2


def test_a_table_says_what_it_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["report", "service_level", *SPAN, "--by", "week", "--threshold-seconds", "20", "--language", "es"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("Nivel de servicio: ¿Cuántos clientes")
    assert "since 2026-09-05 00:00:00-04:00, until 2026-09-08 00:00:00-03:00, by week, threshold_seconds 20" in out
    assert "Nivel de servicio (%)" in out
    assert "2026-08-31" in out


def test_files(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    for style in ("csv", "json", "parquet", "txt"):
        file = tmp_path / f"volume.{style}"
        assert main(["report", "volume", *SPAN, "-o", str(file)]) == 0
        if style == "txt":
            assert "Volume: How much" in file.read_text("utf-8")
            continue
        with duckdb.connect() as con:
            rows = con.execute(f"SELECT * FROM '{file}'").fetchall()
        assert [str(row[0]) for row in rows] == ["2026-09-05", "2026-09-06", "2026-09-07"]
        assert file.stat().st_mode & 0o077 == 0
    assert capsysbinary.readouterr().out == b""
    assert main(["report", "volume", *SPAN, "--format", "csv"]) == 0
    assert capsysbinary.readouterr().out == (tmp_path / "volume.csv").read_bytes()


@pytest.mark.parametrize("name", [one.name for one in reports()])
def test_each_runs(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["report", name, *SPAN, "--format", "csv"]) == 0
    assert capsys.readouterr().out.split("\n")[0] == ",".join(
        column.name for one in reports() if one.name == name for column in one.columns
    )


@pytest.mark.parametrize("option", ["--max-rows", "--max-requests"])
def test_numbers_have_bounds(capsys: pytest.CaptureFixture[str], option: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["report", "hours", option, "-5"])
    assert "-5 is not from 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["servce_level"], "There is no report 'servce_level'. Did you mean service_level?"),
        (["hours", "--by", "day"], "does not take by"),
        (["volume", "--survey", "x"], "does not take survey"),
        (["volume", "--since", "someday"], "cannot be read: since = 'someday'"),
        (["volume", "-o", "volume.doc"], "does not say which format"),
    ],
)
def test_what_is_wrong_is_one_line(capsys: pytest.CaptureFixture[str], command: list[str], said: str) -> None:
    assert main(["report", *command]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
