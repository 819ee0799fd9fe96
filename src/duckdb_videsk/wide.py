"""Forms and surveys as wide tables, `videsk.form('id')`: one row an answer sheet, one column a question.

While DuckDB binds a query it asks here for the text that the call stands for; which questions there are is asked of
the API then, and remembered.
"""

from __future__ import annotations

import json
import time
from itertools import chain, count
from typing import TYPE_CHECKING, Protocol

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.errors import QueryError, VideskError
from duckdb_videsk.views import CATALOG, column_labels, quoted, text_literal, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.running import Board

__all__ = ["FUNCTION", "LISTING", "QuestionSource", "WideTables", "column_names", "macros"]

FUNCTION = "videsk_wide"
LISTING = ""

_MAIN = "main"
_LEFTOVER = "other_answers"
_UNNAMED = "unnamed"
_NOTHING_KEPT_SECONDS = 60.0
_KEYED = {endpoint.parameter: endpoint for endpoint in ENDPOINTS if endpoint.parameter is not None}


class QuestionSource(Protocol):
    """Where the questions of a form or survey come from."""

    def questions(self, endpoint: Endpoint, asked_id: str, /, *, check: Callable[[], None]) -> Sequence[str]:
        """Their labels, in order; `check` is called a few times a second and raises to end the wait."""


class WideTables:
    """The questions of one catalog's forms and surveys, and the text of the tables they make."""

    def __init__(
        self,
        source: QuestionSource,
        board: Board,
        languages: Mapping[str, Mapping[str, str]],
        *,
        catalog: str = CATALOG,
        account: str | None = None,
    ) -> None:
        self._account = account
        self._source = source
        self._catalog = catalog
        self._board = board
        self._languages = languages
        self._known: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}

    def text(self, parameter: str, asked_id: str, schema: str) -> str:
        """What a call stands for.

        Args:
            parameter: `form` or `survey`.
            asked_id: of the form or survey; any text.
            schema: `main`, or the language of the fixed columns' names; `LISTING`: the questions themselves as rows.

        Raises:
            QueryError: the id is empty.
            VideskError: the API gives no answer for the id.
        """
        endpoint = _KEYED[parameter]
        questions = self._questions(endpoint, asked_id)
        if schema == LISTING:
            return _listing(column_names(questions, self._fixed(endpoint, _MAIN).values()))
        return self._select(endpoint, asked_id, questions, self._fixed(endpoint, schema))

    def views(self, parameter: str, ids: Iterable[str]) -> Iterator[str]:
        """Statements that make, or make anew, a view `videsk.form_<id>` for each id, with its columns' comments.

        Raises:
            VideskError: the API gives no answer for an id.
        """
        endpoint = _KEYED[parameter]
        for asked_id, name in column_names(ids, ()).items():
            yield from self._view(endpoint, asked_id, f"{quoted(self._catalog)}.main.{quoted(f'{parameter}_{name}')}")

    def forget(self) -> None:
        """Ask again for the questions, where they are next needed."""
        self._known.clear()

    def _view(self, endpoint: Endpoint, asked_id: str, view: str) -> Iterator[str]:
        fixed, questions = self._fixed(endpoint, _MAIN), self._questions(endpoint, asked_id)
        yield f"CREATE OR REPLACE VIEW {view} AS {self._select(endpoint, asked_id, questions, fixed)}"
        about = f"sheets of {endpoint.parameter} {_shown(asked_id)}, with a column for each question"
        yield f"COMMENT ON VIEW {view} IS {text_literal(about)}"
        said = {name: _shown(label) for label, name in column_names(questions, fixed.values()).items()}
        said |= {fixed[column.name]: column.comment for column in endpoint.all_columns if column.comment}
        said[fixed["answers"]] = "answers to questions that have no column, by label; NULL where there is none"
        for name, comment in said.items():
            yield f"COMMENT ON COLUMN {view}.{quoted(name)} IS {text_literal(comment)}"

    def _questions(self, endpoint: Endpoint, asked_id: str) -> tuple[str, ...]:
        if not asked_id:
            raise QueryError(
                f"{endpoint.parameter}: the id is empty; write {written(self._catalog)}.{endpoint.parameter}('…')."
            )
        until, known = self._known.get((endpoint.table, asked_id), (0.0, ()))
        if known or time.monotonic() < until:
            return known
        with self._board.running(self._board.new_ticket()) as ticket, VideskError.of_account(self._account):
            known = tuple(dict.fromkeys(self._source.questions(endpoint, asked_id, check=ticket.check)))
        self._known[endpoint.table, asked_id] = time.monotonic() + _NOTHING_KEPT_SECONDS, known
        return known

    def _select(self, endpoint: Endpoint, asked_id: str, questions: Sequence[str], fixed: Mapping[str, str]) -> str:
        columns = {name: f"t.{quoted(name)}" for name in fixed} | {"answers": _leftover(questions)}
        selected = [f"{columns[name]} AS {quoted(label)}" for name, label in fixed.items()]
        names = column_names(questions, fixed.values()).values()
        answers = [f"t.cells[{place}] AS {quoted(name)}" for place, name in enumerate(names, 1)]
        before = list(fixed).index("answers")
        given = ", ".join([*selected[:before], *answers, *selected[before:]])
        # All answers of a row in one go: a function for each would read the JSON as often as there are questions.
        cells = f"json_extract_string(answers, [{', '.join(map(_pointer, questions))}])" if questions else "NULL"
        table = f"{quoted(self._catalog)}.main.{quoted(endpoint.table)}"
        rows = f"FROM {table} WHERE {endpoint.parameter} = {_any_text(asked_id)}"
        return f"SELECT {given} FROM (SELECT *, {cells} AS cells {rows}) AS t"  # noqa: S608 - every name is quoted

    def _fixed(self, endpoint: Endpoint, schema: str) -> dict[str, str]:
        """Names of the columns that every form has, by column of the table; that of `answers` is the leftover's."""
        if schema == _MAIN:
            named, leftover = {column.name: column.name for column in endpoint.all_columns}, _LEFTOVER
        else:
            labels = self._languages[schema]
            named, leftover = column_labels(endpoint, schema, labels), labels.get(_LEFTOVER, _LEFTOVER)
        others = [label for name, label in named.items() if name != "answers"]
        return {**named, "answers": column_names([leftover], others)[leftover]}


def macros(catalog_id: str, languages: Iterable[str], *, catalog: str = CATALOG) -> Iterator[str]:
    """Statements that create `videsk.form`, `videsk.form_questions`, `videsk.es.form` and their like."""
    schemas = (_MAIN, *languages)
    for parameter in _KEYED:
        named = {f"{quoted(schema)}.{parameter}": schema for schema in schemas}
        for name, schema in {**named, f"{_MAIN}.{parameter}_questions": LISTING}.items():
            given = ", ".join([text_literal(catalog_id), text_literal(parameter), "id", text_literal(schema)])
            yield f"CREATE MACRO {quoted(catalog)}.{name}(id) AS TABLE FROM query(system.main.{FUNCTION}({given}))"


def column_names(labels: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A column's name for each label, in order: the label itself, numbered where that is taken.

    Upper and lower case are the same to SQL. A name cannot be empty, nor hold NUL, which is shown as ␀.
    """
    used = {name.casefold() for name in taken}
    names: dict[str, str] = {}
    for label in labels:
        plain = label.replace("\0", "␀") or _UNNAMED
        numbered = (f"{plain}_{number}" for number in count(2))
        names[label] = next(name for name in chain([plain], numbered) if name.casefold() not in used)
        used.add(names[label].casefold())
    return names


def _listing(names: Mapping[str, str]) -> str:
    """A row for each question: its place, the column's name, the exact label."""
    rows = [f"({place}, {_any_text(names[label])}, {_any_text(label)})" for place, label in enumerate(names, 1)]
    columns = "position, column_name, question"
    if not rows:
        return "SELECT 0 AS position, '' AS column_name, '' AS question WHERE false"
    return f"SELECT {columns} FROM (VALUES {', '.join(rows)}) AS q({columns})"  # noqa: S608 - literals only


def _shown(text: str) -> str:
    """As JSON, any text can be shown, and told from one that looks the same."""
    return json.dumps(text, ensure_ascii=False)


def _leftover(questions: Sequence[str]) -> str:
    """The answers without those of the questions, NULL where none is left."""
    # A merge patch takes out what it gives as null.
    patch = text_literal(json.dumps(dict.fromkeys(questions), ensure_ascii=False))
    return f"CAST(nullif(CAST(json_merge_patch(t.answers, {patch}) AS VARCHAR), '{{}}') AS JSON)"


def _pointer(label: str) -> str:
    """A JSON pointer to the label: unlike in a JSON path, nothing but `~` and `/` means anything in it."""
    return _any_text("/" + label.replace("~", "~0").replace("/", "~1"))


def _any_text(text: str) -> str:
    """A string of any text, NUL included."""
    return "(" + " || chr(0) || ".join(map(text_literal, text.split("\0"))) + ")"
