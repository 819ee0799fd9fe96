"""Writes the pages of `docs/reference/` from the code: `python docs/generate.py`. A test holds them against it."""

from __future__ import annotations

import argparse
import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duckdb_videsk import settings
from duckdb_videsk.commands import whole_parser
from duckdb_videsk.coverage import CoverageTable
from duckdb_videsk.endpoints import ENDPOINTS, Column, Endpoint, Kind
from duckdb_videsk.labels import BUILT_IN, shipped
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.request_log import LedgerTable
from duckdb_videsk.running import Board
from duckdb_videsk.settings import Settings
from duckdb_videsk.views import column_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

FOLDER = Path(__file__).parent / "reference"
_MARK = "<!-- Written by docs/generate.py; do not edit. -->"
_SQL_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.DOUBLE: "DOUBLE",
    Kind.BIGINT: "BIGINT",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIME: "TIMESTAMPTZ",
    Kind.LIST: "VARCHAR[]",
    Kind.JSON: "JSON",
}
_ARROW_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "bool": "BOOLEAN", "double": "DOUBLE", "int32": "INTEGER"}
# What a default factory gives differs from machine to machine.
_DEFAULTS = {
    "time_zone": "the machine's",
    "cache_dir": "in the platform's cache folder",
    "lake_dir": "in the platform's data folder",
    "settle_days": "3",
    "languages": "",
}


def pages() -> dict[str, str]:
    """The text of each page, by its file's name."""
    return {"tables.md": _tables_page(), "settings.md": _settings_page(), "cli.md": _cli_page()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _table(*head: str) -> Iterator[str]:
    yield _row(*head)
    yield _row(*["---"] * len(head))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# --- tables


def _tables_page() -> str:
    lines = [
        "# Tables",
        "",
        _MARK,
        "",
        "Every table with every column. `DESCRIBE videsk.calls` shows the same in SQL. The columns of a language's",
        "view are those of the table, in the same order, under the label of that language. Under *API* stands the",
        "documented key; what is in quotation marks is a label that the API gives by itself and that no key renames.",
        "The **range column** is the one to put a condition on ([why](../../README.md#give-each-table-a-range)).",
        "",
        *_table("table", "Spanish", "English", "Portuguese", "a row is one of the"),
        *(
            _row(
                f"[`videsk.{endpoint.table}`](#videsk{endpoint.table})",
                *(_code(f"videsk.{language}.{endpoint.views[language]}") for language in BUILT_IN),
                endpoint.comment,
            )
            for endpoint in ENDPOINTS
        ),
        "",
        "Beside them, [`videsk.requests`](#videskrequests) and [`videsk.coverage`](#videskcoverage) tell what was",
        "asked of the API and what is kept.",
    ]
    for endpoint in ENDPOINTS:
        lines += ["", *_endpoint(endpoint)]
    lines += [
        "",
        "## `videsk.requests`",
        "",
        "Requests made to the API since the catalog was opened, one row each.",
        "",
    ]
    lines += _plain_columns(LedgerTable(Ledger(), board=Board()).schema)
    lines += ["", "## `videsk.coverage`", "", "Days that are kept on this machine, one row for each file.", ""]
    lines += _plain_columns(CoverageTable(None, board=Board()).schema)
    return "\n".join(lines) + "\n"


def _endpoint(endpoint: Endpoint) -> Iterator[str]:
    labels = {language: column_labels(endpoint, language, shipped(language)) for language in BUILT_IN}
    yield f"## `videsk.{endpoint.table}`"
    yield ""
    yield f"{endpoint.comment[0].upper()}{endpoint.comment[1:]}. Range column: `{endpoint.range_column}`. From"
    yield f"`POST /reports/exports/{endpoint.path}`."
    yield ""
    yield from _table("column", "type", "unit", "Spanish", "English", "Portuguese", "API", "meaning")
    for column in endpoint.all_columns:
        yield _row(
            _code(column.name),
            _SQL_TYPES[column.kind],
            _unit(column),
            *(labels[language][column.name] for language in BUILT_IN),
            _source(column),
            column.comment,
        )


def _unit(column: Column) -> str:
    return f"{column.unit} (API: minutes)" if column.factor == 60 else column.unit or ""


def _source(column: Column) -> str:
    return ", ".join(map(_code, column.keys)) or (f'"{column.fixed}"' if column.fixed else "")


def _plain_columns(schema: pa.Schema) -> Iterator[str]:
    yield from _table("column", "type")
    for column in schema:
        kind = "TIMESTAMPTZ" if str(column.type).startswith("timestamp") else _ARROW_TYPES[str(column.type)]
        yield _row(_code(column.name), kind)


# --- settings


def _settings_page() -> str:
    about = _attributes(Settings.__doc__ or "")
    bounds = {name: f"{least:,} to {most:,}" for name, least, most in settings._BOUNDS}  # noqa: SLF001
    lines = [
        "# Settings",
        "",
        _MARK,
        "",
        "A setting comes from an argument of `connect` or `attach`, else from its environment variable, else from",
        "`videsk/config.toml` in the platform's configuration folder, or the file that `VIDESK_CONFIG` names:",
        "",
        "```toml",
        'time_zone = "America/Santiago"',
        'surveys = ["5ff25a80b70bee27aea4bdc2"]',
        "settle_days = { calls = 1, tags = 7 }",
        "```",
        "",
        "One that is unknown, of the wrong type or out of bounds raises `ConfigError` when the connection is opened.",
        "",
        *_table("setting", "environment variable", "default", "bounds", "meaning"),
        *(
            _row(_code(f.name), _variable(f.name), _default(f), bounds.get(f.name, ""), about[f.name])
            for f in fields(Settings)
        ),
        "",
        "`accounts` (`VIDESK_ACCOUNTS`) and `failing_accounts` (`VIDESK_FAILING_ACCOUNTS`) are for",
        "[several accounts](../accounts.md).",
        "",
        "`VIDESK_SERVE_TOKEN` is the token of the clients of [`videsk serve`](../serve.md).",
    ]
    return "\n".join(lines) + "\n"


def _attributes(docstring: str) -> dict[str, str]:
    """What a docstring says of each attribute, without the variable that it names."""
    listed = docstring.split("Attributes:\n", 1)[1]
    found = re.findall(r"^ {8}(\w+): (.*?)(?=^ {8}\w+: |\Z)", listed, re.MULTILINE | re.DOTALL)
    return {name: _sentence(text) for name, text in found}


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    plain = re.sub(r"\s*\(`VIDESK_\w+`(?:, |; )?([^)]*)\)", lambda m: f" ({m[1]})" if m[1] else "", words)
    return re.sub(r"(`[^`]*`)|\"(\w+)\"", lambda m: m[1] or f"`{m[2]}`", plain)


def _variable(name: str) -> str:
    names = {"token": "VIDESK_API_TOKEN", "languages": ""}
    return _code(names.get(name, f"VIDESK_{name.upper()}"))


def _default(field: Field[Any]) -> str:
    if field.name in _DEFAULTS:
        return _DEFAULTS[field.name]
    if field.default in (MISSING, None, ()):
        return ""
    value = field.default
    return _code(str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0"))


# --- command line


def _cli_page() -> str:
    root = whole_parser()
    (commands,) = (action for action in root._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
    helps = {choice.dest: choice.help or "" for choice in commands._choices_actions}  # noqa: SLF001
    lines = [
        "# Command line",
        "",
        _MARK,
        "",
        "`videsk COMMAND --help` shows the same. `videsk --version` prints the version.",
        "",
        *_table("command", "does"),
        *(_row(f"[`videsk {name}`](#videsk-{name})", text) for name, text in helps.items()),
    ]
    for name, command in commands.choices.items():
        lines += ["", f"## `videsk {name}`", "", *_command(command)]
    return "\n".join(lines) + "\n"


def _command(command: argparse.ArgumentParser) -> Iterator[str]:
    yield (command.description or "").strip()
    actions = [a for a in command._actions if a.help and "--help" not in a.option_strings]  # noqa: SLF001
    if actions:
        yield ""
        yield from _table("argument", "meaning")
        for action in actions:
            yield _row(_signature(action), action.help or "")
    if command.epilog:
        yield ""
        yield "```text"
        yield command.epilog.strip()
        yield "```"


def _signature(action: argparse.Action) -> str:
    if not action.option_strings:
        return _code(action.dest.upper())
    value = "" if action.nargs == 0 else f" {_placeholder(action)}"
    return ", ".join(_code(f"{option}{value}") for option in sorted(action.option_strings, key=len))


def _placeholder(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    return "{" + ",".join(action.choices) + "}" if action.choices else action.dest.upper()


if __name__ == "__main__":
    main()
