"""The query files of `tests/sql`: several queries to a file, each with a name and its flags.

A query begins with `-- name: …`; other lines before the SQL are flags (`-- ordered`, `-- approx`, `-- may be empty`,
`-- third opinion`) or settings (`-- account: odd`, `-- zone: UTC`, `-- params: […]`). `{videsk}` stands for the
catalog, `{folder}` for a folder to write to. Statements end with `;` at the end of a line, the last one is compared.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["QUERIES", "Query"]

_FOLDER = Path(__file__).parent.parent / "sql"
_FLAGS = {"ordered", "approx", "may be empty", "third opinion"}
_SETTINGS = {"name", "account", "zone", "params"}


@dataclass(frozen=True)
class Query:
    name: str
    text: str
    flags: frozenset[str]
    account: str = "busy"
    zone: str = "America/Santiago"
    params: Any = None

    def statements(self, catalog: str, folder: Path) -> list[str]:
        text = self.text.replace("{videsk}", catalog).replace("{folder}", folder.as_posix())
        return [statement for statement in re.split(r";[ \t]*\n", text + "\n") if statement.strip()]


def _parsed(block: str, source: str) -> Query:
    head, body = re.match(r"((?:--[^\n]*\n)*)(.*)", block, re.DOTALL).groups()  # type: ignore[union-attr]
    said = [line.removeprefix("--").strip() for line in head.splitlines()]
    settings = dict(line.split(": ", 1) for line in said if ": " in line)
    flags = frozenset(line for line in said if ": " not in line)
    if unknown := (flags - _FLAGS) | (settings.keys() - _SETTINGS):
        raise ValueError(f"{source}: {settings.get('name')}: unknown {unknown}")
    name = f"{source}-{settings.pop('name')}"
    params = json.loads(settings.pop("params", "null"))
    return Query(name, body.strip(), flags, params=params, **settings)


def _load() -> list[Query]:
    return [
        _parsed(block, path.stem)
        for path in sorted(_FOLDER.glob("*.sql"))
        for block in re.split(r"(?m)^(?=-- name: )", path.read_text("utf-8"))
        if block.startswith("-- name: ")
    ]


QUERIES = _load()
