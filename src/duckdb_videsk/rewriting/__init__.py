"""Implied ranges: what a statement's conditions say about the times of an export, beside the conditions themselves.

DuckDB pushes plain comparisons down, and no more. This finds what other conditions imply, and adds it to the
statement's text in a form that is pushed. The answer never changes; whatever is not certain stays as it is.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_videsk.ranges import EVER
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.grid import QUARTER, Evaluator
from duckdb_videsk.rewriting.implying import Hint, Implied, Statement, hull
from duckdb_videsk.rewriting.latest import may_be_latest, with_mark
from duckdb_videsk.rewriting.local import LocalTables
from duckdb_videsk.rewriting.parameters import values_of
from duckdb_videsk.rewriting.places import Reference, places, references
from duckdb_videsk.rewriting.scopes import Columns, TableName, Tables, parsed
from duckdb_videsk.rewriting.session import (
    Session,
    has_temporary,
    mean_the_same,
    sameness,
    search_path_of,
    session_of,
    time_zone_of,
)
from duckdb_videsk.rewriting.splices import implied_text, prove, spliced
from duckdb_videsk.rewriting.staging import staged
from duckdb_videsk.rewriting.steady import steady_functions
from duckdb_videsk.rewriting.subselects import SubSelects
from duckdb_videsk.rewriting.words import Sort, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

    from duckdb_videsk.rewriting.joins import Nearness
    from duckdb_videsk.rewriting.local import Look
    from duckdb_videsk.rewriting.parameters import Values
    from duckdb_videsk.rewriting.words import Word

__all__ = [
    "Columns",
    "Hint",
    "Implied",
    "NotUnderstood",
    "Reference",
    "Rewriter",
    "Rewritten",
    "TableName",
    "prepare",
    "search_path_of",
    "time_zone_of",
]

_CONDITION = re.compile(r"\b(?:where|on)\b", re.IGNORECASE)
_EXPLAIN = re.compile(r"\s*explain(?:\s+analyze)?(?:\s*\([^()]*\))?\s", re.IGNORECASE)
# A statement that looks at its own text has to find the user's.
_OWN_TEXT = re.compile(r"current_query|duckdb_logs|sql_auto_complete", re.IGNORECASE)
_KEPT = 256
_LONGEST = 50_000
_MOST_WORDS = 5_000
_MOST_ADDED = 60_000
_SECONDS = 1.0
_PREPARING_SECONDS = 60.0


@dataclass(frozen=True)
class Rewritten:
    """A statement with what it implies.

    Attributes:
        text: the statement to run; the user's own where nothing is added.
        implied: what was added.
        references: where the user's own text names tables of the catalog.
        hints: what nature suggests besides.
    """

    text: str
    implied: tuple[Implied, ...] = ()
    references: tuple[Reference, ...] = ()
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True)
class _Asking:
    native: duckdb.DuckDBPyConnection
    values: Values
    session: Session
    check: Callable[[], None]
    local: LocalTables


class Rewriter:
    """Adds implied ranges to statements over the tables of some catalogs."""

    def __init__(
        self,
        columns: MutableMapping[TableName, Columns],
        *,
        near: Nearness | None = None,
        natural_bounds: bool = False,
    ) -> None:
        """
        Args:
            columns: of each table and view; more may come later, in the same catalogs.
            near: what is so by nature of tables that are joined.
            natural_bounds: whether to rely on it.
        """
        self._near = near or {}
        self._natural_bounds = natural_bounds
        self._columns = columns
        self._catalogs = frozenset(catalog for catalog, _, _ in columns)
        self._known: OrderedDict[tuple[object, ...], Rewritten] = OrderedDict()
        self._lock = threading.Lock()

    def rewrite(
        self,
        native: duckdb.DuckDBPyConnection,
        text: str,
        parameters: object = None,
        *,
        check: Callable[[], None] = lambda: None,
        look: Look | None = None,
    ) -> Rewritten:
        """The statement with what it implies; with its own text where nothing can be added.

        Args:
            parameters: the values that it is to run with.
            check: raises where the statement is not wanted any more.
            look: answers a query about tables of the user's own; by default on a cursor.
        """
        plain = Rewritten(text)
        if not _CONDITION.search(text) or len(text) > _LONGEST or _OWN_TEXT.search(text):
            return plain
        try:
            session = session_of(native)
            if not self._is_here(session) and not any(name in text.lower() for name in self._catalogs):
                return plain
            local = LocalTables(native, look or partial(_beside, native))
            return self._rewritten(text, _Asking(native, values_of(parameters), session, check, local))
        except duckdb.InterruptException:
            raise
        except Exception:  # noqa: BLE001 - whatever goes wrong here, the statement runs as it was written
            return plain

    def checked(self, native: duckdb.DuckDBPyConnection, text: str, rewritten: Rewritten) -> Rewritten:
        """What `text` implies now; nothing where words in it have come to mean something else.

        DuckDB looks at that by itself whenever it plans the statement.
        """
        pairs = {pair for implied in rewritten.implied for pair in implied.meanings}
        return rewritten if pairs and mean_the_same(native, pairs) else replace(rewritten, text=text, implied=())

    def marked(self, native: duckdb.DuckDBPyConnection, text: str, parameters: object = None) -> str:
        """The statement with a mark for its scan, where only the newest or oldest few records matter to it.

        DuckDB is asked for its plan in the session itself: rows of an earlier statement that wait there are lost.
        """
        if not may_be_latest(text) or len(text) > _LONGEST or _OWN_TEXT.search(text):
            return text
        try:
            session = session_of(native)
            tables = self._tables_of(native, session, words_of(text))
            return with_mark(native, text, parameters, tables)
        except duckdb.InterruptException:
            raise
        except Exception:  # noqa: BLE001 - whatever goes wrong here, the statement runs as it was written
            return text

    def staged(self, native: duckdb.DuckDBPyConnection, text: str, stages: Mapping[str, str]) -> str:
        """The query of a statement over other catalogs, by those they stand for; raises NotUnderstood without one."""
        prefix = _EXPLAIN.match(text)
        bare = text[prefix.end() :] if prefix else text
        return staged(bare, self._tables_of(native, session_of(native), words_of(bare)), stages)

    def _rewritten(self, text: str, asking: _Asking) -> Rewritten:
        session = asking.session
        if self._is_here(session):
            # What a name alone means can change with every temporary table.
            return self._added(text, asking)
        moment = replace(session, now=session.now // QUARTER)
        key = (text, *sorted(asking.values.items()), moment, len(self._columns))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = self._added(text, asking)
        with self._lock:
            if not asking.local.asked:
                self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def _added(self, text: str, asking: _Asking) -> Rewritten:
        """Parse, find the places, find what they imply, put it in, prove it."""
        prefix = _EXPLAIN.match(text)
        bare = " " * prefix.end() + text[prefix.end() :] if prefix else text
        words = words_of(bare)
        if len(words) > _MOST_WORDS:
            raise NotUnderstood("a long statement")
        tree = parsed(bare)
        tables = self._tables_of(asking.native, asking.session, words)
        named = tuple(references(tree, tables))
        evaluator = Evaluator(asking.session.time_zone, seconds=_SECONDS, check=asking.check)
        statement = Statement(
            bare,
            words,
            values=asking.values,
            session=asking.session,
            evaluator=evaluator,
            near=self._near,
            natural_bounds=self._natural_bounds,
            local=asking.local,
        )
        selects = SubSelects(bare, words, tree, tables=tables, values=asking.values, evaluator=evaluator)
        implied = tuple(_in_few_words(statement.implied(list(places(tree, words, tables)), selects)))
        if not implied:
            return Rewritten(text, references=named, hints=tuple(statement.hints))
        found = {one.place: [other for other in implied if other.place == one.place] for one in implied}
        prove(bare, tree, words, list(found), evaluator)
        additions = [(place, " AND ".join(map(_addition, together))) for place, together in found.items()]
        return Rewritten(spliced(text, words, additions), implied, named, tuple(statement.hints))

    def _tables_of(self, native: duckdb.DuckDBPyConnection, session: Session, words: tuple[Word, ...]) -> Tables:
        columns = dict(self._columns)
        if not self._is_here(session):
            return Tables(columns, self._catalogs)
        names = {word.key or word.text.strip('"').lower() for word in words if word.sort in {Sort.NAME, Sort.QUOTED}}
        hidden = frozenset(name for name in {name for *_, name in columns} & names if has_temporary(native, name))
        return Tables(columns, self._catalogs, (session.database.lower(), session.schema.lower()), hidden)

    def _is_here(self, session: Session) -> bool:
        """Whether names alone may be those of the catalogs' tables."""
        return session.database.lower() in self._catalogs


def prepare() -> None:
    """Make what a process's first statement would have to wait for; raises NotUnderstood, or an error of DuckDB."""
    evaluator = Evaluator("UTC", seconds=_PREPARING_SECONDS, check=lambda: None)
    steady_functions(evaluator)
    evaluator.hand_over()


def _in_few_words(implied: Iterable[Implied]) -> Iterator[Implied]:
    """What is implied, without the gaps between ranges where the text would grow too long."""
    left = _MOST_ADDED
    for one in implied:
        short = one if len(_addition(one)) <= left else replace(one, ranges=hull(one.ranges))
        if short.ranges != (EVER,):
            left -= len(_addition(short))
            yield short


def _addition(implied: Implied) -> str:
    """What a condition implies for one column, for as long as its words mean what they were taken for."""
    text = implied_text(implied.column, implied.ranges, " OR ".join(implied.unless))
    # Words that mean something else might accept a NULL, so no bound at all may stay.
    return f"({text} OR NOT {sameness(dict.fromkeys(implied.meanings))})" if implied.meanings else text


def _beside(native: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    with native.cursor() as cursor:
        return cursor.execute(query).fetchall()
