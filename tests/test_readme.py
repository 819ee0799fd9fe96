"""What README and docs say: each example runs, each answer is the real one, each name exists."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import duckdb_videsk
from duckdb_videsk import errors, notebook, settings
from duckdb_videsk.cli import main
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.server import Server, free_port, load_quack
from duckdb_videsk.settings import Settings, Token, load_settings
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount
from served import HAS_EXTRA, WITHOUT_EXTRA

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
# How to run the benchmarks is no matter of users, and takes too long for a test.
PAGES = [path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "benchmarks.md"]
DOCS = [README, ROOT / "CHANGELOG.md", *PAGES]
TEXTS = {path.name: path.read_text("utf-8") for path in DOCS}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Sessions, and the configuration of other programs.
SHOWN_ONLY = {"text", "nginx", "caddyfile", "ini", "toml"}
# Its examples need two accounts.
OF_ACCOUNTS = "accounts.md"
# Run elsewhere: the first by installing, in .ci/run; the demonstration in test_cli.
NOT_RUN = ("pip install", "pytest", "export ", "videsk demo")


def blocks(*languages: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{name}:{number}")
        for name, document in TEXTS.items()
        for number, (language, text) in enumerate(BLOCK.findall(document))
        if language in languages and name != OF_ACCOUNTS
    ]


def table(document: str, first_header: str) -> list[list[str]]:
    """Cells of the Markdown table whose first header is this."""
    lines = document.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@contextlib.contextmanager
def account_at_hand(folder: Path, **account: Any) -> Iterator[Simulator]:
    """A simulator with the demonstration's account, an environment that names it, and a folder to work in."""
    until = max(datetime.now(UTC).date(), date(2026, 11, 1))
    source = SyntheticAccount(**{"seed": 7, "since": date(2021, 1, 4), "until": until, **account})
    with Simulator(source, behaviour=Behaviour(cap=5_000)) as sim, pytest.MonkeyPatch.context() as monkeypatch:
        for name in [name for name in os.environ if name.startswith("VIDESK_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
        monkeypatch.setenv("VIDESK_BASE_URL", sim.url)
        monkeypatch.setenv("VIDESK_API_TOKEN", sim.token)
        monkeypatch.setenv("VIDESK_TIME_ZONE", "America/Santiago")
        monkeypatch.setenv("VIDESK_REQUESTS_PER_SECOND", "1000")
        monkeypatch.setenv("VIDESK_CACHE_DIR", "none")
        monkeypatch.setenv("VIDESK_LAKE_DIR", str(folder / "lake"))
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.chdir(folder)
        yield sim


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("reader")
    (folder / "sql").symlink_to(ROOT / "sql", target_is_directory=True)
    (folder / "teams.csv").write_text("agent,team\nCarolina Vargas,Norte\nCamila Rojas,Sur\n", "utf-8")
    (folder / "labels.json").write_text('{"agent": "Ejecutivo"}', "utf-8")
    with account_at_hand(folder) as sim:
        yield sim


# --- examples


@pytest.fixture(scope="module")
def con(simulator: Simulator) -> Iterator[duckdb_videsk.Connection]:
    with duckdb_videsk.connect() as connection:
        yield connection


@pytest.mark.parametrize("text", blocks("sql"))
def test_sql(con: duckdb_videsk.Connection, text: str) -> None:
    for statement in con.native.extract_statements(text):
        con.execute(statement.query)
        assert con.fetchall()


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, Any]]:
    """What the Python examples of a page define: each goes on from those above it."""
    shared: dict[str, Any] = {"__name__": "reader"}
    yield shared
    for name in ("mine", "con"):
        shared[name].close()


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # DuckDB with pandas 3.1
@pytest.mark.parametrize("text", blocks("python"))
def test_python(simulator: Simulator, names: dict[str, Any], capsys: pytest.CaptureFixture[str], text: str) -> None:
    exec(compile(text, "README.md", "exec"), names)  # noqa: S102 - it is ours
    if ".show()" in text:
        assert "─" in capsys.readouterr().out


def test_several_accounts(
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = SyntheticAccount(since=date(2026, 3, 1), until=date(2026, 3, 4), calls_per_day=20)
    with Simulator(account, token="tok-of-south") as south:
        for language, text in BLOCK.findall(TEXTS[OF_ACCOUNTS]):
            if language == "toml":
                (tmp_path / "config.toml").write_text(text.replace("https://south.example", south.url), "utf-8")
                (tmp_path / "south.token").write_text(south.token, "utf-8")
                (tmp_path / "south.token").chmod(0o600)
                monkeypatch.setenv("VIDESK_CONFIG", str(tmp_path / "config.toml"))
                monkeypatch.setenv("NORTH_TOKEN", simulator.token)
            elif language == "python":
                names: dict[str, Any] = {}
                exec(compile(text, OF_ACCOUNTS, "exec"), names)  # noqa: S102 - it is ours
                assert {"north", "south"} <= set(re.findall(r"\w+", capsys.readouterr().out))
            else:
                assert language == "sql"
                for statement in filter(str.strip, text.split(";")):
                    assert names["con"].execute(statement).fetchall(), statement
        names["con"].close()


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the answer below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        taken = next(count for count in range(1, len(lines) + 1) if "".join(lines[:count]).count('"') % 2 == 0)
        yield "".join(lines[:taken]), "".join(lines[taken:])


@pytest.mark.parametrize("text", blocks("console"))
def test_console(
    simulator: Simulator,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str,
) -> None:
    monkeypatch.setenv("VIDESK_LAKE_DIR", str(tmp_path))
    for command, answer in sessions(text):
        program, *arguments = shlex.split(command)
        assert program == "videsk"
        assert main(arguments) == 0
        assert capsys.readouterr().out == answer


@pytest.mark.parametrize("text", blocks("sh"))
def test_sh(simulator: Simulator, capsys: pytest.CaptureFixture[str], text: str) -> None:
    for line in text.splitlines():
        for command in line.split(" && "):
            if command.startswith(NOT_RUN):
                continue
            program, *arguments = shlex.split(command)
            assert program == "videsk", command
            assert main(arguments) == 0
            assert capsys.readouterr().out or Path(arguments[arguments.index("--output") + 1]).stat().st_size


def test_no_example_is_left_out() -> None:
    # What is marked `py` needs a Spark: test_spark runs it.
    found = {language for text in TEXTS.values() for language, _ in BLOCK.findall(text)}
    assert found == {"sql", "python", "console", "sh", "duckdb", "client", "py", *SHOWN_ONLY}


@pytest.mark.skipif(not HAS_EXTRA, reason=WITHOUT_EXTRA)
@pytest.mark.parametrize("text", blocks("duckdb"))
def test_in_the_shell(simulator: Simulator, text: str) -> None:
    command = [sys.executable, "-m", "duckdb_videsk", "shell", "--", "-bail"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "─" in done.stdout


@pytest.mark.skipif(not HAS_EXTRA, reason=WITHOUT_EXTRA)
@pytest.mark.parametrize("text", blocks("client"))
def test_a_client(simulator: Simulator, text: str) -> None:
    key = Token("a-token-of-24-characters-or-more")
    with (
        Server(load_settings(progress=False), token=key, port=free_port()) as server,
        duckdb.connect() as connection,
    ):
        load_quack(connection)
        text = text.replace("LOAD httpfs;\nLOAD quack;\n", "").replace("quack:127.0.0.1:9494", server.uri)
        for statement in connection.extract_statements(text.replace("'…'", f"'{key.reveal()}'")):
            connection.execute(statement.query)
        assert connection.fetchall()


def test_the_language_of_ones_own(simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert '`{"agent": "Ejecutivo"}`' in TEXTS["README.md"]
    sql = 'SELECT "Ejecutivo", "start_time" FROM videsk.mi.calls WHERE start_time >= \'2026-10-31\' LIMIT 1'
    (option,) = set(re.findall(r"--language \S+\.json", TEXTS["README.md"]))
    assert main(["query", sql, *option.split()]) == 0


def test_the_two_commands_to_set_up_stand_there() -> None:
    assert "\npip install . && videsk demo\n" in TEXTS["README.md"]
    assert "\npip install -e '.[dev]' && pytest\n" in TEXTS["README.md"]


def test_the_picture_shows_a_real_answer(simulator: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    file = ROOT / "docs" / "terminal.svg"
    assert file.stat().st_size < 60_000
    shown = [element.text or "" for element in ET.parse(file).iter() if element.tag.endswith("}text")]  # noqa: S314
    end = next(number for number, text in enumerate(shown) if text.endswith('"'))
    program, *arguments = shlex.split(" ".join(shown[1 : end + 1]))
    assert program == "videsk"
    assert main(arguments) == 0
    drawn = re.split(r"[\s─-╿▀-▟]+", capsys.readouterr().out)
    assert " ".join(shown[end + 1 :]).split() == [word for word in drawn if word]


# --- what bounds a scan


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb_videsk.Connection]:
    folder = tmp_path_factory.mktemp("small")
    with (
        account_at_hand(folder, since=date(2026, 1, 5), calls_per_day=2),
        duckdb_videsk.connect(lake=False) as connection,
    ):
        connection.execute("SET VARIABLE since = TIMESTAMPTZ '2026-10-01'")
        connection.execute("SET VARIABLE y = 2026")
        yield connection


def is_bounded(con: duckdb_videsk.Connection, condition: str) -> bool:
    before = len(con.ledger.entries())
    view = '"Inicio"' in condition
    parameters = [2026 if "year" in condition else "2026-10-01"] if "?" in condition else None
    con.execute(f"SELECT count(*) FROM videsk.{'es.llamadas' if view else 'calls'} WHERE {condition}", parameters)
    con.fetchall()
    asked = con.ledger.entries()[before:]
    assert asked
    return all(entry.asked_from is not None and entry.asked_from.year > 1 for entry in asked)


COMPLETE = {
    "now() - INTERVAL 3 HOUR": "start_time >= now() - INTERVAL 3 HOUR",
    "BETWEEN": "start_time BETWEEN '2026-03-01' AND '2026-03-02'",
    "?": "start_time >= ?",
    "getvariable('since')": "start_time >= getvariable('since')",
    "start_time + INTERVAL 1 DAY > x": "start_time + INTERVAL 1 DAY > TIMESTAMPTZ '2026-03-01'",
    "start_time > x - INTERVAL 1 DAY": "start_time > TIMESTAMPTZ '2026-03-01' - INTERVAL 1 DAY",
    "id = '…'": "id = 'a'",
    "end_time": "end_time >= '2026-03-01'",
}


@pytest.mark.parametrize(
    ("bounded", "condition"),
    [
        (column != 1, COMPLETE.get(snippet, snippet))
        for row in table(TEXTS["README.md"], "bounds the requests")
        for column, cell in enumerate(row)
        for snippet in code(cell)
    ],
)
def test_what_bounds_a_scan(small: duckdb_videsk.Connection, bounded: bool, condition: str) -> None:
    assert is_bounded(small, condition) is bounded


@pytest.mark.parametrize(
    "condition",
    ["start_time >= '2026-03-01'", "start_time BETWEEN '2026-03-01' AND '2026-03-02'", "start_time IN ('2026-03-01')",
     "date_trunc('day', start_time) = '2026-03-01'"],
)  # fmt: skip
def test_what_bounds_a_native_scan(small: duckdb_videsk.Connection, condition: str) -> None:
    before = len(small.ledger.entries())
    small.native.execute(f"SELECT count(*) FROM videsk.calls WHERE {condition}").fetchall()
    assert all(entry.asked_from and entry.asked_from.year > 1 for entry in small.ledger.entries()[before:])


def test_a_views_columns_bound_a_scan_and_join_keys_do_not(small: duckdb_videsk.Connection) -> None:
    assert is_bounded(small, "\"Inicio\" >= '2026-10-01'")
    assert not is_bounded(small, "id IN (SELECT 'a' UNION ALL SELECT 'b')")


# --- names


def help_of(*command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as written, contextlib.suppress(SystemExit):
        main([*command, "--help"])
    return written.getvalue()


def test_every_command_and_option_exists_and_is_documented() -> None:
    text = "\n".join(TEXTS.values())
    commands = set(re.findall(r"^    (\w+) ", help_of(), re.MULTILINE))
    assert commands == {"demo", "doctor", "forget", "plan", "query", "serve", "shell", "simulate", "sync", "verify"}
    assert set(re.findall(r"(?:^|[`$&] ?)videsk (\w+)(?![\w.])", text, re.MULTILINE)) == commands
    options = {option for command in commands for option in re.findall(r"--[a-z-]+", help_of(command))}
    options |= {option for option in notebook.OPTIONS if option.startswith("--")}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) | {"--help"} == options


def test_every_format_is_documented() -> None:
    choices = re.search(r"--format \{([\w,]+)\}", help_of("query"))
    assert choices is not None
    (sentence,) = re.findall(r"`query` writes `--format` (.*)\. With", TEXTS["README.md"])
    assert code(sentence) == choices[1].split(",")


def test_the_settings_table() -> None:
    rows = {code(name)[0]: (code(variable), code(default)) for name, variable, default, _ in
            table(TEXTS["README.md"], "setting")}  # fmt: skip
    of_several = {"accounts", "failing_accounts"}
    assert set(rows) == set(Settings.__dataclass_fields__) | of_several
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in [name for name in os.environ if name.startswith("VIDESK_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(ROOT / "docs"))
        defaults = load_settings(token="t")
        for name, (variables, default) in rows.items():
            if default and name not in of_several | {"time_zone", "cache_dir", "lake_dir", "progress", "settle_days"}:
                value = getattr(defaults, name)
                assert default[0] == (
                    f"{value}".lower() if isinstance(value, bool) else f"{value}".removesuffix(".0")
                )
            for variable in variables:
                monkeypatch.setenv(variable, "1")
                assert settings._from_environment(set(rows)) == {name: "1"}
                monkeypatch.delenv(variable)
            assert bool(variables) == (name != "languages")
    known = {variable for variables, _ in rows.values() for variable in variables} | {
        "VIDESK_CONFIG",
        "VIDESK_SERVE_TOKEN",
    }
    assert set(re.findall(r"VIDESK_[A-Z_]+", "\n".join(TEXTS.values()))) == known


def test_the_list_of_tables() -> None:
    listed = [[code(cell)[0] for cell in (row[0], row[1], row[3])] for row in table(TEXTS["README.md"], "table")]
    assert listed == [[f"videsk.{e.table}", f"videsk.es.{e.views['es']}", e.range_column] for e in ENDPOINTS]


def test_every_error_in_the_docs_exists_and_every_kind_is_there() -> None:
    named = set(re.findall(r"\b\w+Error\b", "\n".join(TEXTS.values())))
    assert named <= set(errors.__all__)
    kinds = [getattr(errors, name) for name in errors.__all__ if name != "redact"]
    leaves = {kind.__name__ for kind in kinds if not kind.__subclasses__()}
    assert leaves <= set(re.findall(r"\b\w+Error\b", TEXTS["errors.md"]))


def test_the_map_of_the_code_is_complete() -> None:
    mapped = [name for row in table(TEXTS["architecture.md"], "row") for name in code(row[1])]
    package = Path(duckdb_videsk.__file__).parent
    there = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(mapped) == sorted(there - {"__init__", "__main__"})


def anchors(document: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere() -> None:
    for path in DOCS:
        for target in re.findall(r"\]\(([^)]+)\)", TEXTS[path.name]):
            if not target.startswith("https://"):
                file, _, anchor = target.partition("#")
                assert not file or (path.parent / file).is_file(), target
                assert not anchor or anchor in anchors(TEXTS[Path(file).name or path.name]), target
