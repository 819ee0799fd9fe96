"""`videsk shell`, with the real DuckDB shell: tables, macros, hints, Ctrl-C, and what is left behind: nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from duckdb_videsk.cli import main
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.shipped import sql_folder
from served import API_TOKEN, COMMAND, HAS_EXTRA, WITHOUT_EXTRA, Terminal, account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason=WITHOUT_EXTRA)
needs_terminal = pytest.mark.skipif(sys.platform != "linux", reason="a terminal made by Linux's setsid")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with account(tmp_path_factory.mktemp("home")) as (_, environment):
        yield environment


def shell(environment: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, "shell", *arguments],
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert API_TOKEN not in done.stdout + done.stderr
    return done


@needs_extra
def test_what_people_ask(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "teams.csv").write_text("agent,team\nBruno,Norte\n", "utf-8")
    questions = {
        "SELECT count(*) FROM videsk.calls": "400",
        "SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-03-10'": "184",
        "SELECT count(*) FROM calls(since := '2026-03-02', until := '2026-03-03')": "24",
        "SELECT count(*) FROM calls(since := TIMESTAMPTZ '2026-03-02 12:00' - INTERVAL 1 HOUR)": "365",
        "SELECT count(DISTINCT \"Agente\") FROM es('llamadas', since := '2026-03-02', until := '2026-03-03')": "2",
        "SELECT count(\"Start\") FROM en('calls', since := '2026-03-17')": "16",
        "SELECT count(*) FROM view_in('pt', 'chamadas', until := '2026-03-02')": "24",
        "SELECT count(*) FROM videsk.query('SELECT hour(start_time) FROM videsk.calls GROUP BY ALL')": "24",
        'SELECT "Agente" FROM videsk.es.llamadas ORDER BY "Inicio" LIMIT 1': "Añá",
        f"SELECT team FROM '{tmp_path}/teams.csv' SEMI JOIN calls(since := '2026-03-17') USING (agent)": "Norte",
        "SELECT current_setting('TimeZone')": "America/Santiago",
        "SELECT count(*) > 0 FROM videsk.requests": "true",
    }
    done = shell(environment, "--", "-list", "-noheader", stdin=";\n".join(questions) + ";\n")
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (list(questions.values()), "", 0)


@needs_extra
def test_a_database_of_ones_own_and_the_exit_code(environment: dict[str, str], tmp_path: Path) -> None:
    file = str(tmp_path / "crm.duckdb")
    assert shell(environment, file, "-c", "CREATE TABLE march AS FROM calls(until := '2026-03-02')").returncode == 0
    with duckdb.connect(file, read_only=True) as own:
        assert own.execute("SELECT count(*) FROM march").fetchone() == (24,)
        # Nothing of the session stays in the file: its macros are temporary.
        assert own.execute("SELECT count(*) FROM duckdb_functions() WHERE NOT internal").fetchone() == (0,)
    assert shell(environment, "-c", "SELEC").returncode == 1
    assert shell(environment, stdin=".exit 7\n").returncode == 7


@needs_extra
@pytest.mark.parametrize(
    "attempt",
    [
        "FROM calls(since := $$2026-03-02') ; SELECT 1 --$$)",
        "FROM calls(since := '2026-03-02'') UNION ALL FROM (SELECT 1')",
        "FROM es('llamadas\"(since := NULL) --')",
        "FROM view_in('es\".\"filas', 'llamadas')",
        "FROM form('a'') --')",
    ],
)
def test_a_value_stays_a_value(environment: dict[str, str], attempt: str) -> None:
    done = shell(environment, "-c", attempt, "--", "-list")
    assert done.returncode == 1
    assert done.stdout == ""
    assert not re.search("syntax error", done.stderr, re.IGNORECASE)


@needs_extra
def test_a_large_scan_is_refused_with_what_to_write(tmp_path: Path) -> None:
    with account(tmp_path, cap=20) as (_, environment):
        tight = {**environment, "VIDESK_SCAN_BUDGET": "5"}
        done = shell(tight, "-c", "SELECT count(*) FROM videsk.calls WHERE start_time >= '2026-03-10'")
        assert done.returncode == 1
        assert "FROM calls(since := '2026-10-01') in videsk shell" in done.stderr
        assert "FROM videsk.query('FROM videsk.calls WHERE start_time >= current_date - 7')" in done.stderr
        day = "SELECT count(*) FROM calls(since := '2026-03-17 12:00')"
        assert shell(tight, "-c", day, "--", "-list", "-noheader").stdout == "4\n"


@needs_extra
def test_what_the_server_refuses_is_said(environment: dict[str, str]) -> None:
    done = shell(environment, "-c", "FROM videsk.query('SELECT getenv(''HOME'')')")
    assert done.returncode == 1
    assert "videsk: the server refused the query: the function getenv is not allowed" in done.stderr


@needs_extra
@needs_terminal
def test_a_session_on_a_terminal(tmp_path: Path) -> None:
    with account(tmp_path, latency_s=0.3, cap=20) as (simulator, environment):
        terminal = Terminal([*COMMAND, "shell", "--", "-dark-mode"], environment)
        try:
            terminal.wait_for("videsk 127.0.0.1 D ")
            terminal.type("SELECT 40 + 2 AS answer;\r")
            terminal.wait_for("│     42 │")
            # The shell has read its opening: nothing of it is left, and no list of processes shows the token.
            assert [path.name for path in tmp_path.iterdir() if path.suffix == ".sql"] == []
            assert "TOKEN" not in command_lines("-cmd")
            before = len(simulator.asked)
            terminal.type("SELECT count(*) AS slow FROM calls();\r")
            wait_until(lambda: len(simulator.asked) > before + 2, terminal)
            terminal.type("\x03")
            terminal.type("SELECT 1000000 + count(*) AS fast FROM calls(since := '2026-03-17');\r")
            terminal.wait_for("1000016")
            time.sleep(0.5)
            assert len(simulator.asked) < before + 20  # all of it takes more
            terminal.type(".exit 7\r")
            assert terminal.end() == 7
            kept = [path for path in tmp_path.rglob("*") if path.is_file()]
            assert not any(b"TOKEN" in path.read_bytes() for path in kept), (
                "a history has what the shell was opened with"
            )
        finally:
            terminal.close()
        assert "duckdb_cli" not in command_lines(str(tmp_path))


def command_lines(part: str) -> str:
    listed = subprocess.run(["/bin/ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if part in line)


def wait_until(condition: Any, terminal: Terminal) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, terminal.shown
        terminal.read()


# --- without any of it


def test_without_a_shell_one_line_says_what_brings_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if HAS_EXTRA:
        pytest.skip("the shell is here")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VIDESK_API_TOKEN", API_TOKEN)
    assert main(["shell"]) == 2
    assert_one_line(capsys, f"The DuckDB shell {duckdb.__version__} is not here. pip install 'duckdb-videsk[shell]'")


def test_a_shell_of_another_version_is_not_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if HAS_EXTRA:
        pytest.skip("the right one is here, and taken")
    if os.name == "nt":
        pytest.skip("a program of POSIX")
    other = tmp_path / "duckdb"
    other.write_text("#!/bin/sh\necho 'v1.2.3 (Histrionicus) 0123456789'\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setenv("VIDESK_API_TOKEN", API_TOKEN)
    assert main(["shell"]) == 2
    assert_one_line(capsys, "is of version 1.2.3.")


def assert_one_line(capsys: pytest.CaptureFixture[str], said: str) -> None:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("videsk: ")
    assert err.count("\n") == 1
    assert said in err


def test_every_table_has_a_macro() -> None:
    text = sql_folder().joinpath("shell", "macros.sql").read_text("utf-8")
    defined = set(re.findall(r"TEMP MACRO (\w+)\(", text))
    assert {endpoint.table for endpoint in ENDPOINTS} <= defined
    assert {"es", "en", "pt", "form", "survey", "view_in"} <= defined
