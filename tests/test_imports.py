"""A module imports only from rows above its own; inside a package the same holds for its modules."""

import ast
import re
from pathlib import Path

import duckdb_videsk
from pages import TEXTS

ROOT = Path(duckdb_videsk.__file__).parent

ROWS = [
    ["errors", "harmless"],
    ["guard", "addresses"],
    ["settings"],
    ["ranges", "labels", "ledger", "rate", "interrupts", "shipped", "report_words", "charts", "usage", "unpacking"],
    ["account_settings"],
    ["specs", "running", "wanted"],
    ["endpoints"],
    ["client", "decode", "predicates", "trimming", "views"],
    ["picking"],
    ["fetch", "lake", "dataset", "bridge", "wide", "rewriting", "gate", "plans", "session", "unions"],
    [
        "progress",
        "warming",
        "coverage",
        "request_log",
        "account_tables",
        "pinning",
        "relation",
        "sync",
        "verify",
        "rehearsal",
        "naming",
        "doctor",
        "spark",
    ],
    ["pricing", "hosting"],
    ["catalog"],
    ["accounts"],
    ["connection"],
    ["opening"],
    ["functions", "output", "server", "variables", "dbt", "reporting"],
    ["completion", "materialise"],
    ["notebook"],
    ["__init__", "demo", "doctor_commands", "service", "arguments", "report_data"],
    ["shell", "lake_commands", "timeline"],
    ["sections"],
    ["dashboard"],
    ["report_commands"],
    ["commands"],
    ["cli"],
    ["__main__"],
]
FETCH_ROWS = [
    ["history", "outlet", "proof", "retry", "runtime"],
    ["density", "crowded", "asking"],
    ["planner", "audit", "account"],
    ["fetching", "questions", "slicing"],
    ["engine"],
    ["__init__"],
]
DOCTOR_ROWS = [
    ["verdicts", "instants"],
    ["evidence"],
    ["clocks", "asking", "caps"],
    ["looking", "access", "dates", "ends", "filtering", "labelling", "ordering", "zones"],
    ["server", "examination"],
    ["report"],
    ["drawing", "remembering"],
    ["__init__"],
]
LAKE_ROWS = [
    ["asking", "changes", "edges", "layout", "locks"],
    ["writing", "timeless"],
    ["store"],
    ["collecting", "parts", "snapshots", "upkeep"],
    ["scanning"],
    ["through"],
    ["__init__"],
]
SPARK_ROWS = [
    ["carrying", "types"],
    ["options"],
    ["tasks"],
    ["source"],
    ["__init__"],
]


def imported(path, package):
    """Names of modules of `package` that a file imports anywhere in it, type-checking blocks included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                assert path.parent.name == "simulator", f"{path}: a relative import"
                continue
            names = [node.module] if node.module != package else [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name == package:
                yield "__init__"
            elif name.startswith(package + "."):
                yield name.removeprefix(package + ".").split(".")[0]


def check(folder, package, rows):
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    modules = {path.stem if path.is_file() else path.name: path for path in folder.iterdir() if is_code(path)}
    assert set(modules) - {"simulator"} == set(row_of)
    for name, row in row_of.items():
        files = [modules[name]] if modules[name].is_file() else sorted(modules[name].glob("*.py"))
        for path in files:
            for other in set(imported(path, package)) - {name}:
                allowed = row_of.get(other, row) < row
                assert allowed or (name in {"commands", "demo"} and other == "simulator"), (
                    f"{path.name} imports {other}"
                )


def is_code(path):
    return path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists())


def test_rows_of_the_package():
    check(ROOT, "duckdb_videsk", ROWS)


def test_the_rows_are_those_of_the_page():
    told = [[] for _ in ROWS]
    for number, modules in re.findall(r"^\| (\d+) \| ([^|]*) \|", TEXTS["docs/architecture.md"], re.MULTILINE):
        told[int(number) - 1] += re.findall(r"`(\w+)`", modules)
    assert [sorted(row) for row in told] == [sorted(row) for row in ROWS]
    assert "\n| – | `simulator` |" in TEXTS["docs/architecture.md"]


def test_rows_of_fetch():
    check(ROOT / "fetch", "duckdb_videsk.fetch", FETCH_ROWS)


def test_rows_of_doctor():
    check(ROOT / "doctor", "duckdb_videsk.doctor", DOCTOR_ROWS)


def test_rows_of_lake():
    check(ROOT / "lake", "duckdb_videsk.lake", LAKE_ROWS)


def test_rows_of_spark():
    check(ROOT / "spark", "duckdb_videsk.spark", SPARK_ROWS)


def test_the_simulator_imports_nothing_of_the_product():
    for path in (ROOT / "simulator").glob("*.py"):
        assert set(imported(path, "duckdb_videsk")) <= {"simulator"}, path.name
