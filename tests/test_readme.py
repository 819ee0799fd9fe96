"""What README and docs say: each example runs, each answer is the real one, each name exists."""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import duckdb_videsk
import needed
from duckdb_videsk import errors, notebook, settings
from duckdb_videsk.cli import main
from duckdb_videsk.commands import whole_parser
from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.server import Server, free_port, load_quack
from duckdb_videsk.settings import Settings, Token, load_settings
from duckdb_videsk.simulator import Behaviour, Simulator, SyntheticAccount
from pages import BLOCKS, README, ROOT, TEXTS, TRANSLATED, WRITTEN_BY_CODE, Block, blocks_of
from served import HAS_EXTRA, WITHOUT_EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Sessions to look at. Anything else that cannot run says why in a comment above it.
# What is marked `py` needs a Spark: test_spark runs it.
SHOWN_ONLY = {"text", "py"}
# Run elsewhere: the first by installing, in .ci/run; the demonstration in test_cli.
NOT_RUN = ("pip install", "pytest", "export ", "videsk demo")
# Options of other programs that pages name.
FOREIGN = {"--now", "--user", "--vars"}
BY_HAND = {page: text for page, text in TEXTS.items() if page not in WRITTEN_BY_CODE}


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


@pytest.fixture(autouse=True)
def _time_to_think(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine too, what a condition implies is found."""
    monkeypatch.setattr("duckdb_videsk.rewriting._SECONDS", 30.0)


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
        (folder / "labels.json").write_text('{"agent": "Ejecutivo"}', "utf-8")
        yield sim


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with account_at_hand(tmp_path_factory.mktemp("reader")) as sim:
        yield sim


# --- examples


class Reader:
    """Somebody who follows a page from top to bottom, in a folder and a session of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sql").symlink_to(ROOT / "sql", target_is_directory=True)
        (folder / "teams.csv").write_text("agent,team\nCarolina Vargas,Norte\nCamila Rojas,Sur\n", "utf-8")
        (folder / "labels.json").write_text('{"agent": "Ejecutivo"}', "utf-8")
        self.con = duckdb_videsk.connect()
        self.names: dict[str, Any] = {"__name__": "reader", "duckdb_videsk": duckdb_videsk, "con": self.con}

    def close(self) -> None:
        opened = (duckdb_videsk.Connection, duckdb.DuckDBPyConnection)
        for value in [value for value in self.names.values() if isinstance(value, opened)]:
            value.close()
        self.con.close()


@pytest.fixture(scope="module")
def readers(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Reader]]:
    """The reader of a page. They share the simulator and the kept days."""
    known: dict[str, Reader] = {}

    def reader(page: str) -> Reader:
        if page not in known:
            known[page] = Reader(tmp_path_factory.mktemp("page"))
        return known[page]

    yield reader
    for one in known.values():
        one.close()


@pytest.mark.parametrize("block", [pytest.param(block, id=str(block)) for block in BLOCKS])
def test_example(
    readers: Callable[[str], Reader],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    block: Block,
) -> None:
    if block.language in SHOWN_ONLY or block.mark("not run"):
        return
    if needs := block.mark("needs"):
        needed.module(needs)
    reader = readers(block.page)
    monkeypatch.chdir(reader.folder)
    if name := block.mark("file"):
        (reader.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (reader.folder / name).write_text(block.text, "utf-8")
    else:
        if block.language == "console":
            monkeypatch.setenv("VIDESK_LAKE_DIR", str(tmp_path))
        RUN[block.language](reader, block, capsys)


def run_sql(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for statement in reader.con.native.extract_statements(block.text):
        reader.con.execute(statement.query)
        rows = reader.con.fetchall()
        assert rows or statement.type is not duckdb.StatementType.SELECT, statement.query


def run_python(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The inplace keyword")  # DuckDB with pandas 3.1
        if block.mark("needs"):
            warnings.simplefilter("ignore")
        exec(compile(block.text, block.page, "exec"), reader.names)  # noqa: S102 - it is ours
    shown = capsys.readouterr().out
    assert shown.strip() or "print(" not in block.text
    assert "─" in shown or ".show()" not in block.text or "except " in block.text


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the answer below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        taken = next(count for count in range(1, len(lines) + 1) if "".join(lines[:count]).count('"') % 2 == 0)
        yield "".join(lines[:taken]), "".join(lines[taken:])


def run_console(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for command, answer in sessions(block.text):
        program, *arguments = shlex.split(command)
        assert program == "videsk"
        assert main(arguments) == 0
        assert capsys.readouterr().out == answer


def run_sh(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for line in block.text.splitlines():
        for command in line.split(" && "):
            if command.startswith(NOT_RUN):
                continue
            program, *arguments = shlex.split(command)
            if program == "dbt":
                run_dbt(arguments)
                continue
            assert program == "videsk", command
            assert main(arguments) == 0
            assert capsys.readouterr().out or Path(arguments[arguments.index("--output") + 1]).stat().st_size


def run_dbt(arguments: list[str]) -> None:
    quiet = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_VERSION_CHECK": "false"}
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments]
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def run_shell(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    if not HAS_EXTRA:
        pytest.skip(WITHOUT_EXTRA)
    command = [sys.executable, "-m", "duckdb_videsk", "shell", "--", "-bail"]
    done = subprocess.run(command, input=block.text, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "─" in done.stdout


def run_client(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    if not HAS_EXTRA:
        pytest.skip(WITHOUT_EXTRA)
    key = Token("a-token-of-24-characters-or-more")
    with (
        Server(load_settings(progress=False), token=key, port=free_port()) as server,
        duckdb.connect() as connection,
    ):
        load_quack(connection)
        text = block.text.replace("LOAD httpfs;\nLOAD quack;\n", "").replace("quack:127.0.0.1:9494", server.uri)
        for statement in connection.extract_statements(text.replace("'…'", f"'{key.reveal()}'")):
            connection.execute(statement.query)
        assert connection.fetchall()


def check_service(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    """A unit of systemd: what can be known without it."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read_string(block.text)
    assert set(unit.sections()) <= {"Unit", "Service", "Timer", "Install"}
    for line in re.findall(r"^ExecStart=\S*videsk (.*)$", block.text, re.MULTILINE):
        parse(line)


def check_crontab(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in block.text.splitlines() if line and not re.match(r"\w+=", line)]
    assert lines
    for line in lines:
        times = re.match(r"((?:[\d*/,-]+ ){5})\S*videsk (.*?)( >> \S+ 2>&1)?$", line)
        assert times, line
        parse(times[2])


def parse(line: str) -> None:
    """That the command line understands it."""
    whole_parser().parse_args(shlex.split(line))


def check_settings_file(reader: Reader, block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(tomllib.loads(block.text)) <= set(Settings.__dataclass_fields__)


RUN = {
    "sql": run_sql,
    "python": run_python,
    "console": run_console,
    "sh": run_sh,
    "duckdb": run_shell,
    "client": run_client,
    "ini": check_service,
    "cron": check_crontab,
    "toml": check_settings_file,
}


def test_several_accounts(
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = SyntheticAccount(since=date(2026, 3, 1), until=date(2026, 3, 4), calls_per_day=20)
    names: dict[str, Any] = {}
    with Simulator(account, token="tok-of-south") as south:
        for block in blocks_of("docs/accounts.md"):
            if block.language == "toml":
                (tmp_path / "config.toml").write_text(block.text.replace("https://south.example", south.url), "utf-8")
                (tmp_path / "south.token").write_text(south.token, "utf-8")
                (tmp_path / "south.token").chmod(0o600)
                monkeypatch.setenv("VIDESK_CONFIG", str(tmp_path / "config.toml"))
                monkeypatch.setenv("NORTH_TOKEN", simulator.token)
            elif block.language == "python":
                exec(compile(block.text, block.page, "exec"), names)  # noqa: S102 - it is ours
                assert {"north", "south"} <= set(re.findall(r"\w+", capsys.readouterr().out))
            else:
                assert block.language == "sql"
                for statement in filter(str.strip, block.text.split(";")):
                    assert names["con"].execute(statement).fetchall(), statement
        names["con"].close()


def test_no_example_is_left_out() -> None:
    for page, text in TEXTS.items():
        fences = re.findall(r"^\s*```", text, re.MULTILINE)
        assert len(fences) == 2 * len(blocks_of(page)), f"{page}: a fence that is not read"
    for block in BLOCKS:
        known = {*RUN, *SHOWN_ONLY}
        assert block.language in known or block.mark("file") or block.mark("not run"), f"{block}: {block.language}"


def test_the_spanish_readme_has_the_same_examples() -> None:
    """So that they need not run twice. What a comment says is in Spanish there."""

    def plain(page: str) -> list[tuple[str, str]]:
        return [(block.language, re.sub(r"#.*", "#", block.text)) for block in blocks_of(page)]

    for english, spanish in zip(plain(README), plain(TRANSLATED), strict=True):
        assert spanish == english


def test_the_spanish_readme_says_as_much() -> None:
    def outline(page: str) -> list[int]:
        return [len(line.split()[0]) for line in TEXTS[page].splitlines() if re.match("#+ ", line)]

    def code_of_tables(page: str) -> list[list[str]]:
        return [code(line) for line in TEXTS[page].splitlines() if line.startswith("| ")]

    assert outline(TRANSLATED) == outline(README)
    assert code_of_tables(TRANSLATED) == code_of_tables(README)


def test_the_reference_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    pages = {f"docs/reference/{name}": text for name, text in generate.pages().items()}
    assert set(pages) == WRITTEN_BY_CODE
    for page, text in pages.items():
        assert TEXTS[page] == text, f"{page}: run `python docs/generate.py`"


def test_the_index_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)", TEXTS["docs/README.md"]))
    there = {name.removeprefix("docs/") for name in TEXTS if name.startswith("docs/")}
    assert there - linked == {"README.md"}


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
    text = "\n".join(BY_HAND.values())
    commands = set(re.findall(r"^    (\w+) ", help_of(), re.MULTILINE))
    assert commands == {
        "dashboard",
        "demo",
        "doctor",
        "forget",
        "plan",
        "query",
        "report",
        "serve",
        "shell",
        "simulate",
        "sync",
        "verify",
    }
    assert set(re.findall(r"(?:^|[`$&] ?)videsk (\w+)(?![\w.])", text, re.MULTILINE)) == commands
    options = {option for command in commands for option in re.findall(r"--[a-z-]+", help_of(command))}
    options |= {option for option in notebook.OPTIONS if option.startswith("--")}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) - FOREIGN | {"--help"} == options


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
    kinds = [getattr(errors, name) for name in errors.__all__ if name not in {"redact", "without_tokens"}]
    assert {kind.__name__ for kind in kinds} <= set(re.findall(r"\b\w+Error\b", TEXTS["docs/errors.md"]))
    warned = {name for name in duckdb_videsk.__all__ if name.endswith("Warning")}
    assert warned <= set(re.findall(r"\b\w+Warning\b", TEXTS["docs/errors.md"]))


def anchors(document: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere() -> None:
    for page, text in TEXTS.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if not target.startswith("https://"):
                file, _, anchor = target.partition("#")
                path = (ROOT / page).parent / file if file else ROOT / page
                assert path.is_file(), f"{page}: {target}"
                if anchor:
                    name = path.resolve().relative_to(ROOT).as_posix()
                    assert anchor in anchors(TEXTS[name]), f"{page}: {target}"
