"""`__all__` holds every public name and no other."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import duckdb_videsk
from duckdb_videsk import errors
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.settings import Settings, load_settings

MODULES = ["dataset", "predicates", "views", "connection", "catalog", "bridge", "relation", "functions", "running"]


def test_all_is_exact() -> None:
    public = {
        name
        for name in dir(duckdb_videsk)
        if not name.startswith("_") and not isinstance(getattr(duckdb_videsk, name), types.ModuleType)
    }
    # Where a table and a module would share a name, the function has to win.
    assert public == set(duckdb_videsk.__all__)
    own = {"load_ipython_extension", "unload_ipython_extension"}
    assert set(duckdb_videsk._HOME_OF) == public - own
    assert sorted(duckdb_videsk.__all__) == duckdb_videsk.__all__


def test_type_checkers_see_each_name_come_from_where_it_does() -> None:
    (block,) = [
        node
        for node in ast.parse(Path(duckdb_videsk.__file__).read_text("utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "_TYPE_CHECKING"
    ]
    seen = {
        alias.name: str(node.module).removeprefix("duckdb_videsk.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("duckdb_videsk.")
        for alias in node.names
    }
    assert seen == duckdb_videsk._HOME_OF


def test_importing_it_loads_nothing_and_what_is_not_there_is_an_error() -> None:
    code = "import sys, duckdb_videsk; print(sorted(set(sys.modules) & {'duckdb', 'httpx', 'pyarrow', 'sqlglot'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        duckdb_videsk.nothing  # noqa: B018


def test_every_error_and_every_table_is_public() -> None:
    assert {name for name in errors.__all__ if name not in {"redact", "without_tokens"}} <= set(duckdb_videsk.__all__)
    assert set(by_table()) <= set(duckdb_videsk.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_lists_hold(module: str) -> None:
    loaded = importlib.import_module(f"duckdb_videsk.{module}")
    for name in loaded.__all__:
        assert hasattr(loaded, name)


def test_no_module_hides_a_function() -> None:
    modules = {module.name for module in pkgutil.iter_modules(duckdb_videsk.__path__)}
    assert not modules & set(duckdb_videsk.__all__)


@pytest.mark.parametrize("door", [duckdb_videsk.connect, duckdb_videsk.attach])
def test_every_setting_is_an_argument(door: object) -> None:
    named = inspect.signature(door).parameters  # type: ignore[arg-type]
    assert set(Settings.__dataclass_fields__) <= set(named)
    assert all(named[name].kind is inspect.Parameter.KEYWORD_ONLY for name in Settings.__dataclass_fields__)
    assert callable(load_settings)


def test_what_is_public_is_documented() -> None:
    for name in duckdb_videsk.__all__:
        assert getattr(duckdb_videsk, name).__doc__, name


def test_the_errors_are_there_without_importing_them() -> None:
    program = "import duckdb_videsk; print(duckdb_videsk.errors.VideskError is duckdb_videsk.VideskError)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


FROZEN = Path(__file__).with_name("public_api.txt")


def the_public_api() -> str:
    """Every public name with its signature; of a class also its bases, attributes and methods of its own."""
    lines = []
    for name in duckdb_videsk.__all__:
        value = getattr(duckdb_videsk, name)
        if not inspect.isclass(value):
            lines.append(f"{name}{inspect.signature(value)}")
            continue
        bases = ", ".join(base.__name__ for base in value.__bases__)
        lines.append(f"class {name}({bases})")
        for member, inner in sorted(vars(value).items()):
            if member.startswith("_") and member != "__init__":
                continue
            bare = inner.__func__ if isinstance(inner, classmethod | staticmethod) else inner
            lines.append(f"    {member}{inspect.signature(bare) if inspect.isfunction(bare) else ''}")
    return "\n".join(lines) + "\n"


def test_the_public_api_is_frozen() -> None:
    """What stands there changes as docs/README.md says: write it anew by `python tests/test_public_api.py`."""
    assert the_public_api() == FROZEN.read_text("utf-8")


if __name__ == "__main__":
    FROZEN.write_text(the_public_api(), "utf-8")
