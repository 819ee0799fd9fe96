"""Implied ranges: what a statement's conditions say about the times of an export, beside the conditions themselves.

DuckDB pushes plain comparisons down, and no more. This finds what other conditions imply, and adds it to the
statement's text in a form that is pushed. The answer never changes; whatever is not certain stays as it is.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.ranges import as_datetime
from duckdb_videsk.rewriting.bounds import Test, test_of, tests_in
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.grid import matching_ranges
from duckdb_videsk.rewriting.scalars import COLUMN, Clock
from duckdb_videsk.rewriting.scopes import Tables, parsed, places
from duckdb_videsk.rewriting.session import Session, has_temporary, mean_the_same, session_of
from duckdb_videsk.rewriting.splices import implied_text, prove, spliced
from duckdb_videsk.rewriting.words import And, Leaf, Sort, shape, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb_videsk.ranges import Range
    from duckdb_videsk.rewriting.scopes import Columns, Place, Source
    from duckdb_videsk.rewriting.words import Condition, Word

__all__ = ["Implied", "Rewriter"]

_CONDITION = re.compile(r"\b(?:where|on)\b", re.IGNORECASE)
_EXPLAIN = re.compile(r"\s*explain(?:\s+analyze)?(?:\s*\([^()]*\))?\s", re.IGNORECASE)
_KEPT = 256


@dataclass(frozen=True)
class Implied:
    """What one condition implies for one range column.

    Attributes:
        place: where the condition stands.
        column: the range column, as the user wrote it.
        ranges: where it can hold.
        tests: what in it was understood.
    """

    place: Place
    column: str
    ranges: tuple[Range, ...]
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class _Rewritten:
    text: str
    pairs: frozenset[tuple[str, str]]


class Rewriter:
    """Adds implied ranges to statements over the tables of one catalog."""

    def __init__(self, columns: Mapping[tuple[str, str], Columns], catalog: str) -> None:
        """
        Args:
            columns: of each table and view, by schema and name in lower case.
        """
        self._tables = Tables(columns, catalog)
        self._known: OrderedDict[tuple[str, Session], _Rewritten | None] = OrderedDict()
        self._lock = threading.Lock()

    def rewrite(self, native: duckdb.DuckDBPyConnection, text: str) -> str:
        """The statement with what it implies; the text itself where nothing can be added."""
        if not _CONDITION.search(text):
            return text
        try:
            session = session_of(native)
            if self._tables.catalog not in text.lower() and session.database.lower() != self._tables.catalog:
                return text
            found = self._rewritten(native, text, session)
            return found.text if found and mean_the_same(native, found.pairs) else text
        except (NotUnderstood, duckdb.Error, RecursionError):
            return text

    def _rewritten(self, native: duckdb.DuckDBPyConnection, text: str, session: Session) -> _Rewritten | None:
        if session.database.lower() == self._tables.catalog:
            # What a name alone means can change with every temporary table.
            return self._added(native, text, session)
        key = (text, replace(session, now=0))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        try:
            found = self._added(native, text, session)
        except NotUnderstood:
            found = None
        with self._lock:
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def _added(self, native: duckdb.DuckDBPyConnection, text: str, session: Session) -> _Rewritten | None:
        """Parse, find the places, find what they imply, put it in, prove it."""
        prefix = _EXPLAIN.match(text)
        bare = " " * prefix.end() + text[prefix.end() :] if prefix else text
        tree, words = parsed(bare), words_of(bare)
        tables = self._tables_of(native, session, words)
        implied = [found for place in places(tree, words, tables) for found in _implied(place, bare, words, session)]
        if not implied:
            return None
        joined: dict[int, tuple[Place, str]] = {}
        for found in implied:
            addition, before = _text_of(found, session), joined.get(found.place.start)
            joined[found.place.start] = (found.place, f"{before[1]} AND {addition}" if before else addition)
        prove(bare, tree, words, [place for place, _ in joined.values()])
        pairs = frozenset(
            (test.written.replace(COLUMN, "s"), test.checked.replace(COLUMN, "s"))
            for found in implied
            for test in found.tests
        )
        return _Rewritten(spliced(text, words, list(joined.values())), pairs)

    def _tables_of(self, native: duckdb.DuckDBPyConnection, session: Session, words: tuple[Word, ...]) -> Tables:
        if session.database.lower() != self._tables.catalog:
            return self._tables
        names = {word.key or word.text.strip('"').lower() for word in words if word.sort in {Sort.NAME, Sort.QUOTED}}
        known = {name for _, name in self._tables.columns} & names
        hidden = frozenset(name for name in known if has_temporary(native, name))
        return replace(self._tables, schema=session.schema.lower(), hidden=hidden)


def _implied(place: Place, text: str, words: tuple[Word, ...], session: Session) -> Iterator[Implied]:
    """What a condition implies for each range column named in it."""
    try:
        condition = shape(words[place.start : place.end])
        named = dict(_named(place, words))
    except NotUnderstood:
        return
    for source, spelt in named.items():
        read = _Reader(place, source, session)
        tests = tuple(tests_in(condition, read))
        if not tests or _pushed(condition, read):
            continue
        try:
            ranges = matching_ranges(condition, read, session.time_zone)
        except NotUnderstood:
            continue
        if ranges is not None:
            yield Implied(place, text[spelt[0].start : spelt[-1].end], ranges, tests)


def _named(place: Place, words: tuple[Word, ...]) -> Iterator[tuple[Source, tuple[Word, ...]]]:
    """The sources whose range column the condition names, with the name as it is written."""
    index = place.start
    while index < place.end:
        end = index + 1
        if words[index].sort in {Sort.NAME, Sort.QUOTED}:
            while end + 1 < place.end and words[end].key == ".":
                end += 2
            source = place.source_of(words[index:end:2])
            if source is not None and (end >= place.end or words[end].key != "("):
                yield source, words[index:end]
        index = end


class _Reader:
    """Reads the leaves of a condition for one source's range column, each once."""

    def __init__(self, place: Place, source: Source, session: Session) -> None:
        self._place, self._source = place, source
        self._clock = {
            "current_date": f"CAST('{session.day}' AS DATE)",
            "now": f"TIMESTAMPTZ '{as_datetime(session.now).replace(tzinfo=None)}+00'",
        }
        self._read: dict[Leaf, Test | None] = {}

    def __call__(self, leaf: Leaf) -> Test | None:
        if leaf not in self._read:
            try:
                self._read[leaf] = test_of(leaf, self._is_column, self._clock)
            except NotUnderstood:
                self._read[leaf] = None
        return self._read[leaf]

    def _is_column(self, names: tuple[Word, ...]) -> bool:
        return self._place.source_of(names) is self._source


def _pushed(condition: Condition, read: _Reader) -> bool:
    """Whether DuckDB pushes down all that is understood of a condition by itself."""
    if isinstance(condition, And):
        return all(_pushed(part, read) for part in condition.parts)
    found = list(tests_in(condition, read))
    return not found or (isinstance(condition, Leaf) and found[0].pushed)


def _text_of(found: Implied, session: Session) -> str:
    return implied_text(found.column, found.ranges, _unless(found, session))


def _unless(found: Implied, session: Session) -> list[str]:
    """When the ranges say nothing: in another time zone, or on another day, than they were found in."""
    zone = session.time_zone.replace("'", "''")
    guards = [f"system.main.current_setting('TimeZone') <> '{zone}'"]
    if any(test.clock is not Clock.NONE for test in found.tests):
        guards.append(f"system.main.current_date() <> DATE '{session.day}'")
    return guards
