"""`%videsk` and `%%videsk`: SQL in the cells of a notebook. Only the extension imports this: it needs IPython."""

from __future__ import annotations

import importlib.util
import keyword
import re
import warnings
from collections import ChainMap
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
from IPython.core.completer import SimpleCompletion, context_matcher
from IPython.core.magic import needs_local_scope, no_var_expand

from duckdb_videsk.completion import suggestions
from duckdb_videsk.connection import Connection
from duckdb_videsk.errors import ConfigError, QueryError, VideskError, redact
from duckdb_videsk.opening import connect
from duckdb_videsk.output import gives_rows, say, statements_of
from duckdb_videsk.variables import parameters_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["OPTIONS", "load", "unload"]

OPTIONS = {"--to": "to", "--connection": "connection", "--output": "output", "-o": "output"}

_MAGIC = "videsk"
_FORMS = {"pandas": "df", "polars": "pl", "arrow": "arrow"}
_CALL_NAME = "__videsk_call__"
_CALL = compile(f"{_CALL_NAME}()", "<videsk>", "eval")
_OPTION = re.compile(r"\s*(--?[a-z][\w-]*)(?:=|\s+|$)(\S*)")
_KEPT_AS = re.compile(r"\s*([^\W\d]\w*)\s*<<")
_IN_CELL = re.compile(r"\s*%%videsk\b")
_IN_LINE = re.compile(r"\s*(?:[^\W\d][\w.\[\]\"', ]*=\s*)?%videsk\b")


def load(shell: InteractiveShell) -> None:
    """Give a shell the magics and their completion."""
    unload(shell)
    Magic(shell).register()


def unload(shell: InteractiveShell) -> None:
    """Take them away again; does nothing where they are not."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(_MAGIC, None)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != _MAGIC]


@dataclass(frozen=True, slots=True)
class _Request:
    """What was written behind the magic's name.

    Attributes:
        form: what the answer is to be; None for the usual.
        connection: the variable that holds it; None for the usual.
        kept_as: the variable that the answer becomes; None to show it.
        sql: the statements.
        start: where in the text they begin.
    """

    form: str | None
    connection: str | None
    kept_as: str | None
    sql: str
    start: int


class Magic:
    """The magics of one shell, and what was set for all its cells."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._own: Connection | None = None
        self._connection: str | None = None
        self._form = "pandas" if importlib.util.find_spec("pandas") else "arrow"

    def register(self) -> None:
        """Make the magics and the completion known to the shell."""

        # IPython would put the values of variables into the text of the SQL by itself.
        @no_var_expand
        @needs_local_scope
        def videsk(line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
            """Run SQL over the Videsk tables; the answer of the last statement is the result.

            %videsk [OPTIONS] [name <<] SQL             in one line
            %%videsk [OPTIONS] [name <<]                as the first line of a cell of SQL

            --to pandas|polars|arrow     what the answer is
            --connection NAME            the variable that holds the connection to use
            -o NAME, --output NAME       keep the answer in this variable, as `name <<` does, and do not show it

            Options without SQL hold for all later cells. `$name` in the SQL is a parameter, and has the value of the
            Python variable `name`. Without --connection, duckdb_videsk.connect() is called at first use.
            """
            return self._run(line if cell is None else f"{line}\n{cell}", local_ns or {})

        @context_matcher(identifier=_MAGIC)  # type: ignore[untyped-decorator]
        def matcher(context: CompletionContext) -> SimpleMatcherResult:
            return self._complete(context)

        # Its type in IPython is that of a method.
        self._shell.register_magic_function(videsk, magic_kind="line_cell", magic_name=_MAGIC)  # type: ignore[arg-type, call-arg]
        self._shell.Completer.custom_matchers.append(matcher)

    def _run(self, text: str, local_names: Mapping[str, Any]) -> Any:
        try:
            request = _read(text)
            if not request.sql.strip():
                return self._set(request)
            names = ChainMap(dict(local_names), self._shell.user_ns)
            answer = self._answer(request, names)
        except (VideskError, duckdb.Error, KeyboardInterrupt) as error:
            vars(error)["_render_traceback_"] = _Paragraph(error)
            raise
        if request.kept_as is None:
            return answer
        self._shell.user_ns[request.kept_as] = answer
        return None

    def _set(self, request: _Request) -> None:
        """Take over options for all later cells, and say what holds now."""
        if request.kept_as is not None:
            raise QueryError("There is no SQL to run.")
        if request.connection is not None:
            self._chosen(request.connection, self._shell.user_ns)
            self._connection = request.connection
        self._form = request.form or self._form
        where = f"the connection {self._connection}" if self._connection else "a connection of their own"
        say(f"%videsk and %%videsk give {self._form}, from {where}.\n")

    def _answer(self, request: _Request, names: Mapping[str, Any]) -> Any:
        form = request.form or self._form
        connection = self._chosen(request.connection or self._connection, names)
        statements = connection.native.extract_statements(request.sql)
        if not statements:
            raise QueryError("There is no SQL to run.")
        answers = gives_rows(statements[-1])
        if request.kept_as is not None and not answers:
            raise QueryError(f"The last statement is no query: there are no rows to keep as {request.kept_as}.")
        *before, last = statements_of(request.sql)
        for statement in before if answers else [*before, last]:
            self._execute(connection, statement, names)
            connection.fetchall()  # DuckDB 2.0 does nothing else before a result was read to its end
        if not answers:
            return None
        self._execute(connection, last, names)
        with warnings.catch_warnings():
            # DuckDB 2.0 tells of a faster way to Arrow, on which the latest records are not read first.
            warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)
            return getattr(connection, _FORMS[form])()

    def _execute(self, connection: Connection, statement: str, names: Mapping[str, Any]) -> None:
        """Run a statement from a frame that has the user's variables: tables of the SQL may be among them."""
        values = parameters_of(connection.native, statement, names)
        call = partial(connection.execute, statement, values or None)
        eval(_CALL, self._shell.user_ns, {**names, _CALL_NAME: call})  # noqa: S307 - the code is a constant

    def _chosen(self, name: str | None, names: Mapping[str, Any]) -> Connection:
        if name is None:
            if self._own is None or self._own.closed:
                self._own = connect()
            return self._own
        if name not in names:
            raise ConfigError(f"There is no variable {name}, which is to be the connection.")
        value = names[name]
        if isinstance(value, duckdb.DuckDBPyConnection):
            raise ConfigError(
                f"{name} is a connection of DuckDB's own. Name the one that duckdb_videsk.attach({name}) gives."
            )
        if not isinstance(value, Connection):
            kind = type(value).__name__
            raise ConfigError(f"{name} is a {kind}, and no connection that duckdb_videsk.connect() gives.")
        return value

    def _complete(self, context: CompletionContext) -> SimpleMatcherResult:
        nothing: SimpleMatcherResult = {"completions": []}
        found = _sql_at(context)
        if found is None:
            return nothing
        sql, position, name = found
        names = self._shell.user_ns
        try:
            with self._chosen(name or self._connection, names).native.cursor() as cursor:
                fragment, words = suggestions(cursor, sql, position, self._variables())
        except (VideskError, duckdb.Error):
            return nothing
        return {
            "completions": [SimpleCompletion(word.text, type=word.kind) for word in words],
            "matched_fragment": fragment,
            "suppress": True,
            "ordered": True,
        }

    def _variables(self) -> dict[str, Any]:
        hidden = self._shell.user_ns_hidden
        names = self._shell.user_ns.items()
        return {name: value for name, value in names if not name.startswith("_") and name not in hidden}


class _Paragraph:
    """How IPython is to show an error: by what it says, without the lines of code that led there."""

    def __init__(self, error: BaseException) -> None:
        self._name = type(error).__name__
        self._text = redact(str(error)) or "the query was interrupted"

    def __call__(self) -> list[str]:
        return [f"\x1b[0;31m{self._name}\x1b[0m: {self._text}"]


def _read(text: str) -> _Request:
    """The options at the head of a text, and the SQL behind them.

    Raises:
        ConfigError: an option is unknown, or has no value or a wrong one.
    """
    given: dict[str, str] = {}
    place = 0
    head = text.partition("\n")[0]
    while (option := _OPTION.match(head, place)) is not None:
        name = _option_name(option[1])
        if not option[2]:
            raise ConfigError(f"%videsk {option[1]} needs a value.")
        given[name], place = option[2], option.end()
    if (kept := _KEPT_AS.match(head, place)) is not None:
        given["output"], place = kept[1], kept.end()
    if (form := given.get("to")) is not None:
        _check_form(form)
    kept_as = given.get("output", "answer")
    if not kept_as.isidentifier() or keyword.iskeyword(kept_as):
        raise ConfigError(f"{kept_as} cannot be the name of a variable.")
    return _Request(form, given.get("connection"), given.get("output"), text[place:], place)


def _option_name(written: str) -> str:
    if written not in OPTIONS:
        raise ConfigError(f"%videsk has no option {written}: there are {', '.join(OPTIONS)}.")
    return OPTIONS[written]


def _check_form(form: str) -> None:
    if form not in _FORMS:
        raise ConfigError(f"%videsk --to is one of {', '.join(_FORMS)}, and not {form}.")
    if form != "arrow" and importlib.util.find_spec(form) is None:
        raise ConfigError(f"{form} is not installed: pip install 'duckdb-videsk[{form}]'")


def _sql_at(context: CompletionContext) -> tuple[str, int, str | None] | None:
    """The SQL that holds the cursor, the cursor's position in it, and the connection named; None outside of SQL."""
    text = context.full_text
    lines = text.split("\n")
    cursor = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
    if (head := _IN_CELL.match(text)) is not None:
        start = head.end()
    elif (head := _IN_LINE.match(lines[context.cursor_line])) is not None:
        text, cursor = lines[context.cursor_line], context.cursor_position
        start = head.end()
    else:
        return None
    try:
        request = _read(text[start:])
    except ConfigError:
        return None
    position = cursor - start - request.start
    return (request.sql, position, request.connection) if position >= 0 else None
