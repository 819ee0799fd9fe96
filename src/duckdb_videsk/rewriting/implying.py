"""What the conditions of a statement imply for the range columns named in them, as text to put beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import Range, as_datetime
from duckdb_videsk.rewriting.conditions import Condition, Moments, clock_of
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.grid import QUARTER
from duckdb_videsk.rewriting.parameters import filled
from duckdb_videsk.rewriting.scalars import Reader
from duckdb_videsk.rewriting.splices import implied_text
from duckdb_videsk.rewriting.trees import CLOCK_WORDS, Node, condition_tree, serialising, sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from duckdb_videsk.rewriting.grid import Evaluator
    from duckdb_videsk.rewriting.parameters import Values
    from duckdb_videsk.rewriting.scopes import Place, Source
    from duckdb_videsk.rewriting.session import Session
    from duckdb_videsk.rewriting.words import Word

__all__ = ["Implied", "Statement"]

_SAMPLE = "make_timestamptz(1780000000000000)"
_STEADY = """
    SELECT function_name FROM duckdb_functions() WHERE internal AND function_type IN ('scalar', 'aggregate')
    GROUP BY ALL HAVING bool_and(coalesce(stability, 'CONSISTENT') <> 'VOLATILE')
"""


@dataclass(frozen=True)
class Implied:
    """What one condition implies for one range column.

    Attributes:
        place: where the condition stands.
        table: schema and name of the table or view; None where a sub-query stands between.
        column: the range column, as it is named there.
        ranges: where the condition can hold.
        predicate: the condition's own text.
        text: what says the same to DuckDB.
        meanings: expressions in it, as they are written and with the full names of the functions they are taken for.
    """

    place: Place
    table: tuple[str, str] | None
    column: str
    ranges: tuple[Range, ...]
    predicate: str
    text: str
    meanings: tuple[tuple[str, str], ...]


class Statement:
    """A statement whose conditions are looked at, in its session."""

    def __init__(
        self, text: str, words: Sequence[Word], values: Values, session: Session, evaluator: Evaluator
    ) -> None:
        self._text = text
        self._words = words
        self._values = values
        self._session = session
        self._evaluator = evaluator

    def implied(self, place: Place) -> Iterator[Implied]:
        """What a condition implies for each range column named in it."""
        predicate = self._text[self._words[place.start].start : self._words[place.end - 1].end]
        try:
            tree = self._tree(place, predicate)
        except NotUnderstood:
            return
        for path, source in _range_columns(tree, place).items():
            try:
                found = self._ranges(tree, path)
            except NotUnderstood:
                continue
            if found is not None:
                column, ranges, text, meanings = found
                yield Implied(place, source.table, column, ranges, predicate, text, meanings)

    def _tree(self, place: Place, predicate: str) -> Node:
        ((room, answer),) = self._evaluator.rows(serialising(predicate))
        tree, functions = condition_tree(room, answer)
        if not functions <= _steady_functions(self._evaluator):
            raise NotUnderstood("a function that may do something else each time")
        return filled(tree, self._values, self._words, place.start, place.end)

    def _ranges(
        self, tree: Node, path: tuple[str, ...]
    ) -> tuple[str, tuple[Range, ...], str, tuple[tuple[str, str], ...]] | None:
        """The column's name, its ranges, the text that says so, and what that takes for granted."""
        reader = Reader(lambda names: _lower(names) == path, partial(_asked, self._evaluator, path))
        condition = Condition(tree, reader)
        if not condition.leaves or condition.pushed():
            return None
        moments = _moments(self._session, all_day=condition.all_day, evaluator=self._evaluator)
        zones = {zone for leaf in condition.leaves for zone in _zones(leaf)}
        ranges = self._evaluator.ranges(condition, moments, zones)
        if ranges is None:
            return None
        column = sql(Node("column", path=path), lambda _: None)
        unless = " OR ".join([self._session.differs(column), *_other_moments(condition, moments)])
        return column, ranges, implied_text(column, ranges, unless), _meanings(condition, path)


def _range_columns(tree: Node, place: Place) -> dict[tuple[str, ...], Source]:
    """The range columns named in a condition, each way of naming one by itself."""
    found = {}
    for node in tree.walk():
        source = place.source_of(node.path) if node.kind == "column" else None
        if source is not None:
            found[_lower(node.path)] = source
    return found


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _asked(evaluator: Evaluator, path: tuple[str, ...], nodes: Sequence[Node], template: str) -> tuple[str, ...]:
    """What DuckDB says of expressions, at some instant."""
    now = Moments("2026-01-01", ("2026-01-01 00:00:00+00",))

    def put(node: Node) -> str | None:
        if node.kind == "column" and _lower(node.path) == path:
            return _SAMPLE
        clock = clock_of(node)
        return now.put(clock, 0) if clock else None

    (answers,) = evaluator.rows("SELECT " + ", ".join(template.format(sql(node, put)) for node in nodes))
    return tuple(str(answer) for answer in answers)


def _moments(session: Session, *, all_day: bool, evaluator: Evaluator) -> Moments:
    """When the statement may run: in its local day, or only in its quarter of an hour."""
    if not all_day:
        start = session.now // QUARTER * QUARTER
        return Moments(session.day, (_instant(start), _instant(start + QUARTER - 1)))
    day = f"DATE '{session.day}'"
    edges = f"epoch_us({day}::TIMESTAMPTZ), epoch_us(({day} + 1)::TIMESTAMPTZ) - 1"
    ((start, end),) = evaluator.rows(f"SELECT {edges}")
    return Moments(session.day, tuple(map(_instant, (start, (start + end) // 2, end))))


def _instant(micros: int) -> str:
    return f"{as_datetime(micros).replace(tzinfo=None).isoformat(sep=' ')}+00"


def _other_moments(condition: Condition, moments: Moments) -> Iterator[str]:
    """The conditions that the query runs at another time, each by a word of its own for that."""
    first, last = moments.instants[0], moments.instants[-1]
    for name in sorted(condition.clocks):
        # A column of that name would be meant by the user's condition, and so it is here.
        clock = name if name in CLOCK_WORDS else f"system.main.{name}()"
        yield f"CAST({clock} AS DATE) IS DISTINCT FROM DATE '{moments.day}'"
        if not condition.all_day:
            yield f"coalesce({clock} NOT BETWEEN TIMESTAMPTZ '{first}' AND TIMESTAMPTZ '{last}', true)"


def _zones(leaf: Node) -> Iterator[str]:
    for node in leaf.walk():
        if node.kind == "call" and node.name == "timezone":
            yield node.parts[0].name[1:-1].replace("''", "'")


def _meanings(condition: Condition, path: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    def short(node: Node) -> str | None:
        if node.kind == "column" and _lower(node.path) == path:
            return "s"
        return node.path[0] if node.kind == "column" and clock_of(node) else None

    def long(node: Node) -> str | None:
        name = {"current_timestamp": "get_current_timestamp"}.get(short(node) or "", short(node))
        return f"system.main.{name}()" if name and name != "s" else name

    return tuple((sql(leaf, short), sql(leaf, long, full=True)) for leaf in condition.leaves)


def _steady_functions(evaluator: Evaluator) -> frozenset[str]:
    """DuckDB's own functions that give the same for the same."""
    if not _steady:
        _steady.append(frozenset(name for (name,) in evaluator.rows(_STEADY)))
    return _steady[0]


_steady: list[frozenset[str]] = []
