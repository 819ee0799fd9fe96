"""The answer of a query: a table for people, or a whole file of CSV, JSON, JSON lines or Parquet."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.bridge import BINDING_ERRORS
from duckdb_videsk.connection import relation_of, text_for_now
from duckdb_videsk.errors import QueryError
from duckdb_videsk.harmless import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb_videsk.connection import Connection
    from duckdb_videsk.relation import Relation

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Target",
    "drawn",
    "give",
    "gives_rows",
    "run_script",
    "say",
    "statements_of",
    "take_place",
    "whole_file",
    "writable",
]

FORMATS = {
    "csv": "FORMAT csv, HEADER",
    "json": "FORMAT json, ARRAY true",
    "jsonl": "FORMAT json, ARRAY false",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "table",
}

_ANSWER = "__videsk_answer"
_WIDTH_WITHOUT_TERMINAL = 120
_WHOLE_WIDTH = 100_000
_SHOWN_AT_ONCE = 1 << 16
_ASCII = str.maketrans(
    {
        **dict.fromkeys("┌┬┐├┼┤└┴┘╭╮╰╯", "+"),
        **dict.fromkeys("█▉▊▋▌▐▀▄", "#"),
        **dict.fromkeys("▍▎▏", " "),
        "─": "-",
        "│": "|",
        "·": ".",
        "…": "~",
        "→": ">",
    }
)


class Target:
    """Where an answer goes, and in which format.

    Attributes:
        path: the file; None for standard output.
        style: "table", or one of `FORMATS`.

    Raises:
        QueryError: the file cannot be written there, or nothing says which format it is to have.
    """

    def __init__(self, path: Path | None, style: str | None) -> None:
        self.path = None if path is None else writable(path)
        self.style = style or _style_of(path)
        if self.style == "parquet" and self.path is None and sys.stdout.isatty():
            raise QueryError("Parquet is not for a terminal: name a file with --output.")


def run_script(connection: Connection, sql: str, target: Target, *, max_rows: int) -> None:
    """Run the statements of `sql` and give out the answer of the last one.

    A file appears whole or not at all, and standard output gets nothing of an answer that fails half-way.

    Args:
        connection: where to run it.
        sql: one or more statements.
        target: where the answer goes.
        max_rows: rows of a table that are shown.

    Raises:
        QueryError: there is no statement, or the last one gives no rows and a file or a format is asked for.
    """
    statements = connection.native.extract_statements(sql)
    if not statements:
        raise QueryError("There is no SQL to run.")
    answers = gives_rows(statements[-1])
    if not answers and (target.path is not None or target.style != "table"):
        raise QueryError(f"The last statement is no query: there are no rows to write as {target.style}.")
    *before, last = statements_of(sql)
    for statement in before if answers else [*before, last]:
        connection.execute(statement).fetchall()  # DuckDB 2.0 does nothing else before a result was read to its end
    if not answers:
        return
    if target.style != "table":
        _give_file(connection, last, target)
    elif target.path is None:
        width = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns
        say(drawn(_run_next(connection, last), max_rows=max_rows, max_width=width))
    else:
        text = drawn(_run_next(connection, last), max_rows=max_rows, max_width=_WHOLE_WIDTH)
        with whole_file(target.path) as unfinished:
            unfinished.write_text(text, "utf-8")


def _run_next(connection: Connection, statement: str) -> Relation:
    """A query as a relation that is run before anything else, and once."""
    text = text_for_now(connection, statement)
    if text != statement:
        with contextlib.suppress(*BINDING_ERRORS):
            return relation_of(connection, connection.native.sql(text))
    return connection.sql(statement)


def give(connection: Connection, relation: Relation, target: Target, *, max_rows: int, title: str = "") -> None:
    """Give out the answer of a relation, as `run_script` does.

    Args:
        connection: the relation's own.
        relation: it is run once.
        target: where the answer goes.
        max_rows: rows of a table that are shown.
        title: lines above a table.
    """
    if target.style != "table":
        connection.native.register(_ANSWER, relation.to_arrow_table())
        _give_file(connection, f"FROM {_ANSWER}", target)
        return
    width = shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns if target.path is None else _WHOLE_WIDTH
    text = title + drawn(relation, max_rows=max_rows, max_width=width)
    if target.path is None:
        say(text)
        return
    with whole_file(target.path) as unfinished:
        unfinished.write_text(text, "utf-8")


def drawn(relation: Relation, *, max_rows: int, max_width: int) -> str:
    """A relation as DuckDB draws it."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        relation.show(max_rows=max_rows, max_width=max_width)
    return harmless(text.getvalue().rstrip("\n")) + "\n"


def say(text: str) -> None:
    """Write to standard output now, in plain ASCII lines where its encoding knows no others."""
    text = harmless(text)
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    sys.stdout.write(text)
    sys.stdout.flush()


def _style_of(path: Path | None) -> str:
    if path is None:
        return "table"
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise QueryError(
            f"The name {path.name} does not say which format is wanted: end it in one of {known}; or --format."
        )
    return SUFFIXES[path.suffix.lower()]


def writable(path: Path) -> Path:
    """The file that `path` leads to: to be made, or there and plain; QueryError where it can be neither."""
    path = path.resolve()
    # Renaming over a device or a pipe would take it away from every other program.
    if path.exists() and not path.is_file():
        raise QueryError(
            f"{path} is no plain file, so the answer is not written over it. Leave --output out for standard output."
        )
    if not path.parent.is_dir():
        raise QueryError(f"There is no folder {path.parent} to write {path.name} in.")
    return path


def gives_rows(statement: duckdb.Statement) -> bool:
    pivot = statement.type == duckdb.StatementType.MULTI
    return pivot or statement.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]


def statements_of(sql: str) -> list[str]:
    """The texts of the statements; DuckDB 1.5 has none for a PIVOT, and 2.0 leaves on each what follows it."""
    text = sql.encode()
    tokens = [(place, kind) for place, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    ends = [place for place, kind in tokens if kind == duckdb.token_type.operator and text[place : place + 1] == b";"]
    pieces = pairwise([-1, *ends, len(text)])
    return [
        text[start + 1 : end].decode() for start, end in pieces if any(start < place < end for place, _ in tokens)
    ]


def _give_file(connection: Connection, statement: str, target: Target) -> None:
    if target.path is not None:
        with whole_file(target.path) as unfinished:
            _copy(connection, statement, target.style, unfinished)
        return
    with tempfile.TemporaryDirectory(prefix="videsk-") as folder:
        whole = Path(folder) / "answer"
        _copy(connection, statement, target.style, whole)
        sys.stdout.flush()
        if sys.stdout.isatty():
            _show(whole)
            return
        with whole.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _show(file: Path) -> None:
    """A terminal takes control characters for orders: there, and only there, they are made visible."""
    with file.open(encoding="utf-8", errors="replace", newline="") as source:
        while text := source.read(_SHOWN_AT_ONCE):
            say(text)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write, in a folder that only the user can enter; at the end, and only there, it becomes `path`."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        yield unfinished
        take_place(unfinished, path)


def take_place(unfinished: Path, path: Path) -> None:
    """Rename a finished file to `path`: with the mode of the one that is there, else for the user alone."""
    if path.exists():
        shutil.copymode(path, unfinished)
    else:
        unfinished.chmod(0o600)
    unfinished.replace(path)


def _copy(connection: Connection, statement: str, style: str, file: Path) -> None:
    name = str(file).replace("'", "''")
    into = f"TO '{name}' ({FORMATS[style]})"
    copy = f"COPY ({statement}\n) {into}"
    try:
        connection.native.extract_statements(copy)
    except duckdb.ParserException:
        # An answer that is no sub-query, such as that of CALL: these are short.
        connection.native.register(_ANSWER, connection.sql(statement).to_arrow_table())
        connection.execute(f"COPY {_ANSWER} {into}")
        return
    text = text_for_now(connection, statement)
    if text != statement:
        with contextlib.suppress(*BINDING_ERRORS):
            connection.execute(f"COPY ({text}\n) {into}")
            return
    connection.execute(copy)
