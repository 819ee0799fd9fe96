"""`%videsk` in a real kernel: answers, variables, errors, completion, Ctrl-C, progress."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from duckdb_videsk.simulator import Behaviour, Records, Simulator
from kernels import Kernel, kernel
from served import API_TOKEN, ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITING = "SELECT count(*) AS n FROM videsk.calls WHERE start_time < '2026-03-05'"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Records({"calls": ROWS}), token=API_TOKEN, behaviour=Behaviour(cap=100)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def shared(simulator: Simulator) -> Iterator[Kernel]:
    account = {
        "VIDESK_BASE_URL": simulator.url,
        "VIDESK_API_TOKEN": API_TOKEN,
        "VIDESK_TIME_ZONE": "America/Santiago",
    }
    with kernel(**account) as running:
        assert running.run("%load_ext duckdb_videsk").error is None
        yield running


@pytest.fixture
def notebook(shared: Kernel, simulator: Simulator) -> Kernel:
    simulator.behaviour.latency_s = 0
    assert shared.run("%reload_ext duckdb_videsk").error is None
    return shared


# --- answers


def test_a_line_a_cell_and_several_statements(notebook: Kernel, simulator: Simulator) -> None:
    assert (
        notebook.run("x = %videsk SELECT 41 + 1 AS n\ntype(x).__module__, x.n[0] == 42").text
        == "('pandas', np.True_)"
    )
    assert "html" in "".join(notebook.run("%videsk SELECT 1 AS one").results)
    cell = "%%videsk\nCREATE OR REPLACE TEMP TABLE t AS SELECT 'a;b' AS s; -- with a word\nFROM t;"
    assert "a;b" in notebook.run(cell).text
    before = len(simulator.asked)
    assert "96" in notebook.run(f"%videsk {WAITING}").text
    assert len(simulator.asked) > before
    assert notebook.run("%videsk DROP TABLE t").results == {}


def test_the_answer_in_a_variable_is_not_shown(notebook: Kernel) -> None:
    ran = notebook.run("%%videsk kept <<\nSELECT 7 AS n")
    assert (ran.results, ran.shown, ran.streams, ran.error) == ({}, [], {}, None)
    assert notebook.run("int(kept.n[0])").text == "7"
    assert notebook.run("%videsk --output other SELECT n + 1 AS m FROM kept").results == {}
    assert notebook.run("int(other.m[0])").text == "8"
    assert notebook.run("%videsk third << SELECT 9 AS n").results == {}
    assert notebook.run("int(third.n[0])").text == "9"


@pytest.mark.parametrize(("form", "kind"), [("pandas", "DataFrame"), ("polars", "DataFrame"), ("arrow", "Table")])
def test_forms_for_once_and_for_all(notebook: Kernel, form: str, kind: str) -> None:
    once = f"x = %videsk --to {form} SELECT 1 AS n\ntype(x).__module__.split('.')[0], type(x).__name__"
    ran = notebook.run(once)
    assert (ran.text, ran.streams) == (repr((form.replace("arrow", "pyarrow"), kind)), {})
    assert notebook.run("x = %videsk SELECT 1 AS n\ntype(x).__module__").text.startswith("'pandas")
    assert form in notebook.run(f"%videsk --to={form}").streams["stdout"]
    assert notebook.run("x = %videsk SELECT 1 AS n\ntype(x).__name__").text == repr(kind)


def test_a_connection_of_the_users(notebook: Kernel) -> None:
    notebook.run("import duckdb, duckdb_videsk\nbare = duckdb.connect()\nmine = duckdb_videsk.connect()")
    notebook.run("mine.execute('CREATE TABLE only_here AS SELECT 5 AS n')")
    assert notebook.run("%videsk FROM only_here").error is not None
    assert "5" in notebook.run("%videsk --connection mine FROM only_here").text
    assert "mine" in notebook.run("%videsk --connection mine").streams["stdout"]
    assert "5" in notebook.run("%videsk FROM only_here").text
    assert "attach(bare)" in said(notebook, "%videsk --connection bare SELECT 1")
    assert "is a int" in said(notebook, "n = 1\n%videsk --connection n SELECT 1")
    assert "no variable gone" in said(notebook, "%videsk --connection gone SELECT 1")
    notebook.run("mine.close()")
    assert "closed" in said(notebook, "%videsk SELECT 1")


# --- variables


def test_values_are_bound_and_never_text(notebook: Kernel) -> None:
    notebook.run("""agent = "x' OR 1=1 --"\nagents = ['Bruno']\nfrom datetime import date\nday = date(2026, 3, 2)""")
    cell = "%%videsk got <<\nSELECT count(*) AS n FROM videsk.calls WHERE start_time::date = $day AND agent {}"
    for condition, count in (("= $agent", 0), ("IN $agents", 12), ("= '$agent'", 0), ("= '{agents[0]}'", 0)):
        assert notebook.run(cell.format(condition)).error is None
        assert notebook.run("int(got.n[0])").text == str(count)
    line = notebook.run("x = %videsk SELECT $agent AS a, '$day {day}' AS b, $$ $day $$ AS c\nlist(x.iloc[0])")
    assert line.text == """["x' OR 1=1 --", '$day {day}', ' $day ']"""
    local = "def f(day):\n    return get_ipython().run_line_magic('videsk', 'SELECT $day AS n').n[0]\nint(f(5))"
    assert notebook.run(local).text == "5"
    assert "no variable missing" in said(notebook, "%videsk SELECT $missing")


def test_each_statement_has_its_own_parameters(notebook: Kernel) -> None:
    notebook.run("a, b = 1, 2")
    made = "CREATE OR REPLACE TABLE u AS SELECT $a AS n; INSERT INTO u SELECT $b"
    assert notebook.run(f"%%videsk\n{made}; SELECT sum(n)::INT AS s FROM u").text.split() == ["s", "0", "3"]


# --- errors


def said(notebook: Kernel, code: str) -> str:
    """What a failing cell shows: a paragraph, which names the error and no line of code."""
    ran = notebook.run(code)
    assert ran.error is not None
    name, value, lines = ran.error
    shown = "\n".join(lines)
    assert name in shown
    assert value in shown
    assert "Traceback" not in shown
    assert ".py" not in shown
    assert API_TOKEN not in shown
    return shown


def test_errors_are_one_paragraph_and_typed(notebook: Kernel) -> None:
    assert "MissingIdError" in said(notebook, "%%videsk\nFROM videsk.forms")
    assert "LINE 1: FROM nowhere" in said(notebook, "%videsk FROM nowhere")
    assert "--what" in said(notebook, "%videsk --what 1 SELECT 1")
    assert "needs a value" in said(notebook, "%videsk --to")
    assert "and not excel" in said(notebook, "%videsk --to excel SELECT 1")
    assert "variable" in said(notebook, "%videsk -o 1x SELECT 1")
    assert "cannot be the name of a variable" in said(notebook, "%videsk class << SELECT 1")
    assert "no rows to keep as x" in said(notebook, "%videsk x << CREATE TABLE never(n INT)")
    assert "never" in said(notebook, "%videsk FROM never")
    assert "no SQL" in said(notebook, "%%videsk\n-- nothing")
    caught = (
        "try:\n    %videsk FROM videsk.forms\nexcept duckdb_videsk.MissingIdError as error:\n    print(type(error))"
    )
    assert "MissingIdError" in notebook.run(f"import duckdb_videsk\n{caught}").streams["stdout"]


def test_an_api_that_refuses(notebook: Kernel, simulator: Simulator) -> None:
    simulator.behaviour.token_state = "expired"
    try:
        assert "AuthenticationError" in said(notebook, f"%videsk {WAITING}")
    finally:
        simulator.behaviour.token_state = "ok"


# --- completion


@pytest.mark.parametrize(
    ("code", "replaced", "matches"),
    [
        ("%%videsk\nSELECT st| FROM videsk.calls", "st", ["start_time"]),
        ("%%videsk kept <<\nSELECT 1;\nFROM videsk.es.lla|", "lla", ["llamadas"]),
        ('%%videsk --to polars\nSELECT "Dur| FROM videsk.es.llamadas', '"Dur', ['"Duración"']),
        ("x = %videsk FROM videsk.ai_s|", "ai_s", ["ai_sentiments"]),
        ("a = 1\n%videsk --to arrow FROM vid|", "vid", ["videsk"]),
        ("%videsk SELECT $some_v|", "some_v", ["some_value"]),
        ("impor|", "impor", ["import"]),
    ],
)
def test_completion(notebook: Kernel, code: str, replaced: str, matches: list[str]) -> None:
    notebook.run("some_value = 1")
    assert notebook.complete(code) == (matches, replaced)


def test_it_can_be_unloaded(notebook: Kernel) -> None:
    assert notebook.run("%unload_ext duckdb_videsk").error is None
    assert "not found" in str(notebook.run("%videsk SELECT 1").streams)
    assert notebook.complete("%%videsk\nFROM videsk.es.lla|")[0] == []


# --- waiting


# The last one does without IPython's traceback, which takes a second to draw.
CELLS = [
    f"%%videsk\n{WAITING}",
    f"%%videsk x <<\n{WAITING}",
    f"""import duckdb_videsk
con = duckdb_videsk.connect()
try:
    con.execute({WAITING!r}).df()
except KeyboardInterrupt as error:
    kept = error
    print("KeyboardInterrupt")""",
]


@pytest.mark.parametrize("cell", CELLS)
def test_interrupting_ends_a_scan_within_a_second(notebook: Kernel, simulator: Simulator, cell: str) -> None:
    notebook.run("%videsk SELECT 1")
    simulator.behaviour.latency_s = 30
    before = len(simulator.asked)
    number = notebook.begin(cell)
    wait_until(lambda: len(simulator.asked) > before)
    time.sleep(0.2)
    began = time.monotonic()
    notebook.manager.interrupt_kernel()
    ran = notebook.end(number)
    assert time.monotonic() - began < 1
    assert "KeyboardInterrupt" in str(ran.error or ran.streams)
    simulator.behaviour.latency_s = 0
    assert "96" in notebook.run(f"%videsk {WAITING}").text
    if "con" in cell:
        assert "96" in notebook.run(f"con.execute({WAITING!r}).df()").text


def wait_until(holds: object) -> None:
    deadline = time.monotonic() + 20
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_progress_is_one_output_that_is_empty_at_the_end(notebook: Kernel, simulator: Simulator) -> None:
    quick = notebook.run(f"%videsk {WAITING}")
    assert (quick.shown, quick.streams) == ([], {})
    simulator.behaviour.latency_s = 1.1
    ran = notebook.run("%videsk SELECT count(*) AS n FROM videsk.calls WHERE start_time >= '2026-03-01'")
    assert "400" in ran.text
    assert ran.streams == {}
    lines = [output["text/plain"] for output in ran.shown]
    assert any("videsk.calls" in line and "rows" in line for line in lines)
    assert lines[-1] == ""
