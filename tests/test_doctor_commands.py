"""`videsk doctor` as it is run: what it prints, keeps and never shows, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from duckdb_videsk.cli import main
from duckdb_videsk.doctor import drawn_report
from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.fetch.account import Account
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.simulator import Behaviour, Fault, Records, Simulator
from examined import FORM, SECRETS, SURVEY, TOKEN, UNTIL, account_of, account_rows, examined, settings_for
from served import COMMAND, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from duckdb_videsk.fetch.history import History

UNTIL_OPTION = ("--until", UNTIL.isoformat())


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(account_of(), behaviour=Behaviour(), token=TOKEN) as started:
        yield started


@pytest.fixture
def environment(simulator: Simulator, tmp_path: Path) -> dict[str, str]:
    return {
        "VIDESK_API_TOKEN": TOKEN,
        "VIDESK_BASE_URL": simulator.url,
        "VIDESK_CACHE_DIR": str(tmp_path / "cache"),
        "VIDESK_TIME_ZONE": "America/Santiago",
        "VIDESK_REQUESTS_PER_SECOND": "10000",
        "VIDESK_RETRIES": "0",
        "XDG_CONFIG_HOME": str(tmp_path),
        "COLUMNS": "100",
    }


@pytest.fixture
def doctor(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["doctor", *UNTIL_OPTION, *arguments])
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def test_a_terminal_shows_the_summary_first_then_the_tables(doctor: Any) -> None:
    code, out, err = doctor("--tables", "calls,queues,surveys", "--surveys", SURVEY)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("No problem at 127.0.0.1: 3 of 3 tables read, ")
    assert lines[2].split() == [
        *("table", "newest", "record", "(UTC)", "cap", "ends", "filter", "order", "zone", "keys", "dates")
    ]
    assert lines[3].split() == ["calls", "2026-03-20", "17:49", "5,000", "?", *["ok"] * 6]
    assert lines[5].startswith("surveys 5ff2…bdc2  2026-03-20 17:59")
    assert "Problems" not in out
    assert out.index("Not known") < out.index("As assumed")
    assert all(len(line) <= 100 for line in lines)


def test_problems_come_first_and_are_the_exit_code(simulator: Simulator, doctor: Any) -> None:
    simulator.behaviour.filter_key = {"calls": "endTime", "queues": "endTime"}
    simulator.behaviour.start_inclusive = False
    code, out, _ = doctor("--tables", "calls,queues,comments")
    assert code == 1
    assert out.startswith("1 problem at 127.0.0.1: 3 of 3 tables read, ")
    assert "\n* filter       calls, queues: on end_time, not on start_time" in out
    assert next(line for line in out.splitlines() if line.startswith("calls ")).split()[4:7] == ["?", "?", "PROBLEM"]
    assert out.index("Problems") < out.index("Otherwise than assumed, and coped with") < out.index("Not known")
    assert "* is worth telling the vendor" in out


def test_a_narrow_terminal_and_a_report_without_an_answer() -> None:
    for seen in (examined(account_rows(), "calls"), examined(Records({}), faults=[Fault("reset", times=None)])):
        text = drawn_report(seen.report, width=40)
        below = text.split("\n\n", 2)[2]
        assert all(len(line) <= 60 for line in below.splitlines())
    assert " ".join(text.split()).startswith("2 problems at 127.0.0.1: 0 of 11 tables read, 1 request in ")


def test_an_account_without_records_was_read_and_times_that_are_not_hide_no_problem() -> None:
    empty = drawn_report(examined(Records({}), "calls", "queues").report, width=100)
    assert empty.startswith("No record was found at 127.0.0.1: 0 of 2 tables read, ")
    odd = drawn_report(examined(account_rows(), "calls", date_formats={"calls": "words"}).report, width=100)
    row = next(line for line in odd.splitlines() if line.startswith("calls "))
    assert row.split() == ["calls", "5,000", "?", *["?"] * 4, "differs", "PROBLEM"]


def test_json_for_programs(doctor: Any) -> None:
    code, out, err = doctor("--json", "--forms", FORM)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["version"] == 1
    assert set(told) == {
        *("version", "product", "at", "host", "verdict", "counts", "stopped", "requests", "seconds", "usual_ms"),
        *("tables", "verdicts"),
    }
    assert (told["verdict"], told["host"], told["stopped"]) == ("ok", "127.0.0.1", "")
    assert told["counts"]["problem"] == told["counts"]["differs"] == 0
    assert sum(told["counts"].values()) == len(told["verdicts"])
    assert set(told["requests"]) == {"sent", "failed", "most", "received"}
    assert [line["table"] for line in told["tables"]] == [endpoint.table for endpoint in ENDPOINTS]
    assert set(told["tables"][0]) == {
        *("table", "id", "latest", "cap", "applied_cap", "records_a_day", "requests_a_month")
    }
    assert set(told["verdicts"][0]) == {
        *("check", "level", "reading", "evidence", "follows", "report", "table", "id")
    }
    assert {verdict["level"] for verdict in told["verdicts"]} == {"ok", "unknown"}


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"token_state": "malformed"},
        {"honours_keys": False, "own_labels": {key: f"x{key}" for key in ("comments", "ip", "agent")}},
        {"faults": [Fault("not_object", times=None)]},
        {"faults": [Fault("bad_json", times=None, endpoint="calls"), Fault("status", status=400, times=None)]},
        {"date_formats": {"calls": "words"}},
    ],
)
def test_no_token_and_nothing_of_a_record_is_shown(
    simulator: Simulator, doctor: Any, behaviour: dict[str, Any], form: tuple[str, ...], tmp_path: Path
) -> None:
    for name, value in behaviour.items():
        setattr(simulator.behaviour, name, value)
    _, out, err = doctor("--forms", FORM, "--surveys", SURVEY, *form)
    kept = "".join(file.read_text("utf-8") for file in (tmp_path / "cache").rglob("*") if file.is_file())
    ids = [row["id"] for rows in account_rows().values() for row in rows]
    for secret in (*SECRETS, *ids, TOKEN):
        assert secret not in out + err + kept, secret
    assert "calls" in out


# --- what is kept


def history_of(tmp_path: Path, simulator: Simulator, table: str) -> History:
    settings = settings_for(simulator, cache_dir=tmp_path / "cache")
    return Account(settings, Ledger()).history(by_table()[table], None)


def test_caps_and_counts_are_kept_where_scans_plan_with_them(
    simulator: Simulator, doctor: Any, tmp_path: Path
) -> None:
    simulator.behaviour.caps = {"calls": 30}
    _, out, _ = doctor("--tables", "calls,queues")
    assert "Kept for the next queries to plan with: the caps of 2 tables" in out
    assert history_of(tmp_path, simulator, "calls").cap == 30
    assert history_of(tmp_path, simulator, "queues").cap == 5_000
    assert history_of(tmp_path, simulator, "tags").cap == 0
    files = [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    assert {file.name for file in files} == {"calls.json", "queues.json", "doctor.json"}
    if os.name != "nt":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert {stat.S_IMODE(file.parent.stat().st_mode) for file in files} == {0o700}


def test_the_days_of_a_full_answer_are_counted(
    doctor: Any, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator(Records(account_rows(records=900)), token=TOKEN) as busy:
        monkeypatch.setenv("VIDESK_BASE_URL", busy.url)
        doctor("--tables", "calls")
        outlook = history_of(tmp_path, busy, "calls").outlook()
        assert outlook is not None
        assert outlook.rows(outlook.hull) == pytest.approx(900, abs=210)  # the first and last day are not whole


def test_counts_that_cannot_be_trusted_are_not_kept(
    doctor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for behaviour in (Behaviour(cap=500, sort_ignored=True), Behaviour(honours_timezone=False)):
        with Simulator(Records(account_rows(records=900)), behaviour=behaviour, token=TOKEN) as busy:
            monkeypatch.setenv("VIDESK_BASE_URL", busy.url)
            assert doctor("--tables", "calls")[0] == 1
            assert history_of(tmp_path, busy, "calls").cap == behaviour.cap
            assert history_of(tmp_path, busy, "calls").outlook() is None


def test_a_silent_cap_is_planned_with_and_not_believed(
    simulator: Simulator, doctor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb_videsk  # noqa: PLC0415

    with Simulator(
        Records(account_rows(records=2_500)), behaviour=Behaviour(cap=1_000, announced_cap=5_000), token=TOKEN
    ) as busy:
        monkeypatch.setenv("VIDESK_BASE_URL", busy.url)
        assert doctor("--tables", "calls")[0] == 0
        assert history_of(tmp_path, busy, "calls").cap == 1_000
        # The server changes its ways after it was looked at.
        for cap in (1_000, 400, 50_000):
            busy.behaviour.cap = busy.behaviour.announced_cap = cap
            with duckdb_videsk.connect(lake=False, requests_per_second=10_000) as con:
                assert con.sql("SELECT count(*), count(DISTINCT id) FROM videsk.calls").fetchall() == [(2_500, 2_500)]


def test_what_has_changed_since_the_last_time_is_said(simulator: Simulator, doctor: Any, tmp_path: Path) -> None:
    assert "Changed since" not in doctor("--tables", "calls")[1]
    assert "Changed since" not in doctor("--tables", "calls")[1]
    simulator.behaviour.date_formats = {"calls": "isoz"}
    _, out, _ = doctor("--tables", "calls")
    said = " ".join(out.split())
    assert "Changed since the last time calls dates: YYYY-MM-DD HH:MM:SS (20" in said
    assert ") -> another form than documented" in said
    (kept,) = (tmp_path / "cache").rglob("doctor.json")
    for damage in ("", "{", "[]", '{"version": 1}', '{"version": 1, "readings": {"calls dates": 3}}', '"' * 5_000):
        kept.write_text(damage)
        code, out, _ = doctor("--tables", "calls")
        assert code == 0
        assert "Changed since" not in out


def test_a_table_left_out_keeps_what_is_known_of_it(doctor: Any, tmp_path: Path) -> None:
    doctor("--tables", "calls")
    doctor("--tables", "queues")
    (kept,) = (tmp_path / "cache").rglob("doctor.json")
    readings = json.loads(kept.read_text("utf-8"))["readings"]
    assert {name.split()[0] for name in readings} >= {"calls", "queues"}


def test_nothing_is_kept_without_a_folder(doctor: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIDESK_CACHE_DIR", "none")
    code, out, _ = doctor("--tables", "calls")
    assert (code, "Kept for" in out) == (0, False)
    assert not list(tmp_path.rglob("*.json"))


# --- how it ends


@pytest.mark.parametrize(
    "wrong",
    [
        ("--tables", "callz"),
        ("--tables", ","),
        ("--since", "2026-04-01"),
        ("--max-requests", "0"),
        ("--base-url", "http://example.com"),
    ],
)
def test_wrong_settings(doctor: Any, wrong: tuple[str, str], simulator: Simulator) -> None:
    code, out, err = doctor(*wrong)
    assert (code, out) == (2, "")
    assert err.startswith("videsk: ")
    assert simulator.asked == []


def test_an_unreachable_host(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDESK_BASE_URL", "http://127.0.0.1:9")
    code, out, _ = doctor()
    assert code == 1
    assert out.startswith("2 problems at 127.0.0.1: 0 of 11 tables read, 1 request in ")
    assert "the server was not reached" in out


def test_the_bound_on_requests(doctor: Any, simulator: Simulator) -> None:
    code, out, _ = doctor("--max-requests", "5")
    assert code == 0
    assert len(simulator.asked) == 5
    assert "5 requests in" in out
    assert "raise max_requests for the rest" in " ".join(out.split())


def test_ctrl_c_ends_it_within_a_second(simulator: Simulator, environment: dict[str, str]) -> None:
    simulator.behaviour.latency_s = 20
    child = subprocess.Popen(
        [*COMMAND, "doctor"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not simulator.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert (child.returncode, out, err) == (130, "", "videsk: interrupted\n")


@pytest.mark.skipif(not Path("/usr/bin/setsid").exists(), reason="needs a terminal of its own")
def test_progress_on_a_terminal_and_nowhere_else(simulator: Simulator, environment: dict[str, str]) -> None:
    simulator.behaviour.latency_s = 0.02
    terminal = Terminal([*COMMAND, "doctor", "--tables", "calls", *UNTIL_OPTION], {**os.environ, **environment})
    try:
        terminal.wait_for("videsk doctor: calls, 2 requests")
        terminal.wait_for("No problem at 127.0.0.1")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_the_command_line_starts_without_it() -> None:
    code = (
        "import sys, duckdb_videsk.commands; "
        "sys.exit(any(name.startswith('duckdb_videsk.doctor.') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
