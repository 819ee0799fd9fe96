"""The command line: what it prints and saves, how it fails, and how it stops."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from duckdb_videsk.cli import main
from duckdb_videsk.commands import whole_parser
from duckdb_videsk.demo import demo_queries
from duckdb_videsk.simulator import Behaviour, Fault, Records, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "tok-never-to-be-seen"
START = datetime(2026, 3, 1, 3, tzinfo=UTC)
ROWS = [
    {"id": f"{int(moment.timestamp()):08x}{number:016x}", "startTime": moment, "agent": ("Añá", "Bruno")[number % 2]}
    for number in range(400)
    for moment in [START + number * timedelta(hours=1)]
]
COUNTS = "SELECT agent, count(*) AS n FROM videsk.calls GROUP BY ALL ORDER BY agent"
# SIGINT is ignored in children of a shell's background job; the entry point itself is what the installed script runs.
ENTRY = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from duckdb_videsk.cli import main; sys.exit(main())"
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith("VIDESK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("VIDESK_CACHE_DIR", "none")
    monkeypatch.setenv("VIDESK_LAKE", "false")
    monkeypatch.setenv("VIDESK_TIME_ZONE", "America/Santiago")
    monkeypatch.setenv("COLUMNS", "100")


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, **behaviour: Any) -> Iterator[Simulator]:
    with Simulator(Records({"calls": ROWS}), behaviour=Behaviour(**behaviour), token=TOKEN) as sim:
        monkeypatch.setenv("VIDESK_BASE_URL", sim.url)
        monkeypatch.setenv("VIDESK_API_TOKEN", TOKEN)
        yield sim


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with served(monkeypatch) as sim:
        yield sim


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-c", ENTRY, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def failure(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int) -> str:
    """The one line on standard error of a command that fails with this code and prints nothing."""
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("videsk: ")
    assert err.count("\n") == 1
    assert TOKEN not in err
    return err


def misuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


# --- answers


def test_a_table(simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", COUNTS]) == 0
    out, err = capsys.readouterr()
    assert "│ Añá     │   200 │" in out
    assert err == ""


def parsed(style: str, data: bytes, folder: Path) -> list[tuple[str, int]]:
    file = folder / f"read-back.{style}"
    file.write_bytes(data)
    reader = {"csv": "read_csv", "parquet": "read_parquet"}.get(style, "read_json")
    with duckdb.connect() as con:
        return con.execute(f"FROM {reader}(?)", [str(file)]).fetchall()


@pytest.mark.parametrize("style", ["csv", "json", "jsonl", "parquet"])
def test_formats_on_standard_output_and_in_files(
    simulator: Simulator, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path, style: str
) -> None:
    expected = [("Añá", 200), ("Bruno", 200)]
    assert main(["query", COUNTS, "--format", style]) == 0
    assert parsed(style, capsysbinary.readouterr().out, tmp_path) == expected
    for target in (tmp_path / f"by-name.{style}", tmp_path / "it's by format"):
        assert main(["query", COUNTS, "-o", str(target), "--format", style][: 4 if target.suffix else 6]) == 0
        assert parsed(style, target.read_bytes(), tmp_path) == expected
    assert capsysbinary.readouterr() == (b"", b"")


def test_json_is_one_list_and_jsonl_is_lines(
    simulator: Simulator, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    main(["query", COUNTS, "--format", "json"])
    assert json.loads(capsysbinary.readouterr().out) == [{"agent": "Añá", "n": 200}, {"agent": "Bruno", "n": 200}]
    main(["query", COUNTS, "--format", "jsonl"])
    assert [json.loads(line)["n"] for line in capsysbinary.readouterr().out.splitlines()] == [200, 200]


def test_a_table_in_a_file_is_not_cut_to_the_terminal(simulator: Simulator, tmp_path: Path) -> None:
    assert main(["query", "FROM videsk.calls", "-o", str(tmp_path / "calls.txt"), "--max-rows", "3"]) == 0
    text = (tmp_path / "calls.txt").read_text("utf-8")
    assert "after_call_work_seconds" in text
    assert "transferred_segment" in text


def test_where_the_sql_comes_from(
    simulator: Simulator,
    capsysbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "query.sql"
    file.write_text(f"-- what it is\n{COUNTS};\n-- that was it;\n", "utf-8-sig")
    answers = []
    for arguments in (["--file", str(file)], [COUNTS], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        assert main(["query", *arguments, "--format", "csv"]) == 0
        answers.append(capsysbinary.readouterr().out)
    assert answers == ["agent,n\nAñá,200\nBruno,200\n".encode()] * 3


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("CREATE TABLE t AS FROM range(3) r(i); FROM t WHERE i > 1", [{"i": 2}]),
        ("SELECT 1; SELECT ';' AS a -- no; end\n ; ; -- é;", [{"a": ";"}]),
        ("PIVOT (SELECT 1 a, 'x' b) ON b USING sum(a);", [{"x": 1}]),
        ("SHOW DATABASES;", [{"database_name": "memory"}, {"database_name": "videsk"}]),
        ("CREATE TABLE t(i INT); SHOW TABLES", [{"name": "t"}]),
        ("WITH a AS (SELECT 1 b) FROM a", [{"b": 1}]),
        (f"{COUNTS}; FROM videsk.calls; SELECT count(*) > 1 AS more FROM videsk.requests", [{"more": True}]),
        ("CALL range(2)", [{"range": 0}, {"range": 1}]),
        ("CREATE TABLE p AS SELECT 1 a, 'é' b; PIVOT p ON b USING sum(a); -- é;", [{"é": 1}]),
        ("SELECT 1 AS b WHERE false", []),
        (COUNTS.replace("count(*)", "count(*)::INT") + " LIMIT 1", [{"agent": "Añá", "n": 200}]),
    ],
)
def test_the_last_of_several_statements_answers(
    simulator: Simulator, capsysbinary: pytest.CaptureFixture[bytes], sql: str, answer: list[dict[str, object]]
) -> None:
    assert main(["query", sql, "--format", "json"]) == 0
    assert json.loads(capsysbinary.readouterr().out) == answer


def test_describe(simulator: Simulator, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["query", "DESCRIBE videsk.es.llamadas", "--format", "csv"]) == 0
    assert b"\nInicio,TIMESTAMP WITH TIME ZONE" in capsysbinary.readouterr().out


def test_a_statement_without_rows_is_silent_but_makes_no_file(
    simulator: Simulator, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["query", "CREATE TABLE t(i INT)"]) == 0
    assert capsys.readouterr() == ("", "")
    line = failure(capsys, ["query", "CREATE TABLE t(i INT)", "-o", str(tmp_path / "t.csv")], 2)
    assert "no query" in line
    assert list(tmp_path.iterdir()) == []


def test_settings_and_a_database_of_ones_own(
    simulator: Simulator, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    (tmp_path / "de.json").write_text('{"agent": "Mitarbeiter"}', "utf-8")
    database = str(tmp_path / "own.duckdb")
    assert main(["query", "CREATE TABLE kept AS SELECT 5 AS i", "--database", database]) == 0
    language = f"de={tmp_path / 'de.json'}"
    sql = (
        'SELECT "Mitarbeiter" AS who, i, hour(start_time) AS h FROM videsk.de.calls, kept ORDER BY start_time LIMIT 1'
    )
    options = ["--database", database, "--language", language, "--time-zone", "UTC", "--format", "json"]
    assert main(["query", sql, *options]) == 0
    assert json.loads(capsysbinary.readouterr().out) == [{"who": "Añá", "i": 5, "h": 3}]


def test_a_narrow_terminal(
    simulator: Simulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["query", "FROM videsk.calls LIMIT 3"]) == 0
    assert 40 < max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_box_lines(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert main(["query", COUNTS]) == 0
    name = "Añá" if encoding == "cp1252" else "A??"
    assert f"| {name}     |   200 |" in written.getvalue().decode(encoding)


# --- failures


def test_an_error_half_way_leaves_no_file_and_prints_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("old\n")
    with served(monkeypatch, cap=50, expires_after_requests=4):
        for options in (["--format", "csv"], ["-o", str(tmp_path / "new.parquet")], ["-o", str(there)], []):
            line = failure(capsys, ["query", "FROM videsk.calls ORDER BY agent", *options], 1)
            assert "token is not accepted" in line
    assert [file.name for file in tmp_path.iterdir()] == ["there.csv"]
    assert there.read_text() == "old\n"


def test_a_new_file_is_private_and_a_file_keeps_its_mode(simulator: Simulator, tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("modes of POSIX")
    file = tmp_path / "answer.csv"
    for mode in (0o600, 0o640):
        if file.exists():
            file.chmod(mode)
        assert main(["query", COUNTS, "-o", str(file)]) == 0
        assert file.stat().st_mode & 0o777 == mode


def test_what_is_no_plain_file_is_left_alone(
    simulator: Simulator, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if os.name == "nt":
        pytest.skip("pipes of POSIX")
    pipe, link, target = tmp_path / "pipe.csv", tmp_path / "link.csv", tmp_path / "target.csv"
    os.mkfifo(pipe)
    assert "no plain file" in failure(capsys, ["query", COUNTS, "-o", str(pipe)], 2)
    assert pipe.is_fifo()
    link.symlink_to(pipe)
    assert "no plain file" in failure(capsys, ["query", COUNTS, "-o", str(link)], 2)
    link.unlink()
    link.symlink_to(target)
    assert main(["query", COUNTS, "-o", str(link)]) == 0
    assert link.is_symlink()
    assert target.read_text("utf-8").startswith("agent,n")
    assert simulator.asked[0].status == 201


def test_parquet_is_not_for_a_terminal(
    simulator: Simulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "--output" in failure(capsys, ["query", COUNTS, "--format", "parquet"], 2)
    assert simulator.asked == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "no SQL"),
        (["-- nothing"], "no SQL"),
        ([], "--file"),
        (["SELECT 1", "--file", "x.sql"], "--file"),
        (["--file", "absent.sql"], "absent.sql"),
        (["SELEC 1"], "syntax error"),
        (["SELECT 1; FROM nowhere"], "nowhere does not exist"),
        (["FROM connection"], "connection does not exist"),
        (["SELECT ?"], "parameter"),
        (["FROM videsk.forms"], "VIDESK_FORMS"),
        (["SELECT 1", "-o", "answer.xml"], ".parquet"),
        (["SELECT 1", "-o", "absent/answer.csv"], "no folder"),
        (["SELECT 1", "--language", "de"], "NAME=FILE"),
        (["SELECT 1", "--language", "de=absent.json"], "absent.json"),
        (["SELECT 1", "--time-zone", "Mars/Base"], "Mars/Base"),
        (["SELECT 1", "--base-url", "http://example.com"], "https"),
        (["SELECT 1 FROM videsk.calls WHERE start_time >= 'soon'"], "soon"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    simulator: Simulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in failure(capsys, ["query", *arguments], 2)


def test_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    line = failure(capsys, ["query", "SELECT 1"], 2)
    assert "VIDESK_API_TOKEN" in line
    assert "videsk demo" in line


def test_sql_that_is_no_text(
    simulator: Simulator, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "latin.sql"
    file.write_bytes("SELECT 'ñ'".encode("latin-1"))
    assert "UTF-8" in failure(capsys, ["query", "--file", str(file)], 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert "UTF-8" in failure(capsys, ["query", "-"], 2)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"token_state": "expired"}, "token"),
        ({"token_state": "forbidden"}, "may not read"),
        ({"faults": [Fault("status", times=None)]}, "try later"),
        ({"faults": [Fault("out_of_range", times=None)]}, "outside"),
    ],
)
def test_failures_of_the_api_are_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, behaviour: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("VIDESK_RETRIES", "0")
    sql = "FROM videsk.calls WHERE start_time >= '2026-03-01' AND start_time < '2026-03-02'"
    with served(monkeypatch, **behaviour):
        assert said in failure(capsys, ["query", sql, "--format", "csv"], 1)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nope"],
        ["query", "SELECT 1", "--format", "xml"],
        ["query", "SELECT 1", "--max-rows", "0"],
        ["query", "SELECT 1", "--max-rows", "many"],
        ["query", "SELECT 1", "--token", TOKEN],
        ["simulate", "--port", "99999"],
        ["serve", "--port", "0"],
        ["serve", "--token", TOKEN],
        ["shell", "a.duckdb", "b.duckdb"],
        ["simulate", "--cap", "0"],
        ["simulate", "--latency", "nan"],
        ["simulate", "--rate", "0"],
    ],
)
def test_unknown_words_and_numbers(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert "usage: videsk" in misuse(capsys, *arguments)


# --- help


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    texts = {}
    for command in ([], ["query"], ["simulate"], ["demo"], ["shell"], ["serve"]):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
        texts[" ".join(command)] = capsys.readouterr().out
    assert all(word in texts[""] for word in ("videsk.es.llamadas", "WHERE", "ai_sentiments", "videsk demo"))
    assert all(word in texts["query"] for word in ("--output", "VIDESK_API_TOKEN", "exit codes", "videsk.requests"))
    assert "Ctrl-C" in texts["simulate"]
    assert all(word in texts["shell"] for word in ("videsk.query(", "since :=", "-csv"))
    assert all(word in texts["serve"] for word in ("VIDESK_SERVE_TOKEN", "read-only", "--behind-tls"))
    assert "account" in texts["demo"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("duckdb-videsk 0.")


# --- the real process


def wait_until(condition: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("style", ["table", "csv"])
def test_ctrl_c_ends_a_query(monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    with (
        served(monkeypatch, faults=[Fault("slow", times=None, delay_s=30)]) as sim,
        started("query", "FROM videsk.calls", "--format", style) as child,
    ):
        wait_until(lambda: sim.asked)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
        assert time.monotonic() - began < 3
    assert (child.returncode, out, err) == (130, b"", b"videsk: interrupted\n")


def test_a_reader_that_leaves() -> None:
    sql = "SELECT repeat('x', 100) FROM range(100000)"
    with started("query", sql, "--format", "csv", VIDESK_API_TOKEN=TOKEN) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()
        child.stdout = None
        _, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (141, b"")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_simulate_answers_until_it_is_stopped(capsysbinary: pytest.CaptureFixture[bytes], stop: int) -> None:
    with started("simulate", "--port", "0", "--latency", "0") as child, pytest.MonkeyPatch.context() as monkeypatch:
        assert child.stdout is not None
        lines = [child.stdout.readline().decode() for _ in range(7)]
        for line in lines:
            if line.strip().startswith("export "):
                name, _, value = line.strip().removeprefix("export ").partition("=")
                monkeypatch.setenv(name, value)
        sql = (
            "SELECT (SELECT count(*) FROM videsk.calls WHERE start_time >= current_date - 7) > 0 AS calls, "
            "(SELECT count(DISTINCT form) FROM videsk.forms WHERE created_at >= current_date - 7) AS forms"
        )
        assert main(["query", sql, "--format", "json"]) == 0
        assert json.loads(capsysbinary.readouterr().out) == [{"calls": True, "forms": 2}]
        child.send_signal(stop)
        _, err = child.communicate(timeout=10)
        assert (child.returncode, err) == (0, b"")


def test_simulate_on_a_port_that_is_taken(simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    port = simulator.url.rpartition(":")[2]
    assert "--port" in failure(capsys, ["simulate", "--port", port], 2)


def test_the_demo_needs_no_account_and_no_terminal(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    with (
        started("demo", PYTHONIOENCODING="utf-8", **environment) as rich,
        started("demo", PYTHONIOENCODING="ascii", **environment) as plain,
    ):
        for child, encoding, mood in ((rich, "utf-8", "│ Muy positivo"), (plain, "ascii", "| Muy positivo")):
            out, err = child.communicate(timeout=60)
            text = out.decode(encoding)
            assert (child.returncode, err) == (0, b"")
            assert text.count(" records, ") == len(list(demo_queries())) == 3
            assert mood in text
            assert "NULL" not in text
            assert "0 rows" not in text
            assert "What to try next" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "strict", [{"OFFLINE": "true", "MAX_ANSWER_BYTES": "1024"}, {"MAX_REQUESTS": "1"}, {"SCAN_BUDGET": "1"}]
)
def test_the_demo_runs_whatever_is_set_for_the_own_account(strict: dict[str, str]) -> None:
    environment = {f"VIDESK_{name}": value for name, value in strict.items()} | {"VIDESK_UNBOUNDED_SCANS": "refuse"}
    with started("demo", PYTHONIOENCODING="utf-8", **environment) as child:
        out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (0, b"")
    assert b"What to try next" in out


def test_help_loads_nothing_and_names_every_command() -> None:
    code = (
        "import sys; from duckdb_videsk.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted(set(sys.modules) & {'duckdb', 'httpx', 'numpy', 'pyarrow', 'sqlglot'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.endswith("[]\n")
    assert shown.removesuffix("[]\n") == whole_parser().format_help()


@pytest.mark.parametrize("style", ["table", "csv", "jsonl"])
def test_the_latest_records_cost_one_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    query = "SELECT id FROM videsk.calls ORDER BY start_time DESC, id LIMIT 3"
    with served(monkeypatch, cap=50) as sim:
        assert main(["query", query, "--format", style]) == 0
        assert len(sim.asked) == 1
        shown = capsys.readouterr().out
        assert [row["id"] in shown for row in ROWS[-4:]] == [False, True, True, True]
        assert main(["query", query.replace("id FROM", "nothing_here FROM"), "--format", style]) == 2
        assert "nothing_here" in capsys.readouterr().err
