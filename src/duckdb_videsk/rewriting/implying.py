"""What the conditions of a statement imply for the range columns named in them, as text to put beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from duckdb_videsk.ranges import EVER, Range, as_datetime, subtract
from duckdb_videsk.rewriting.conditions import Condition, Moments, clock_of
from duckdb_videsk.rewriting.derived import Derivations
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.grid import QUARTER
from duckdb_videsk.rewriting.joins import carried, lower, range_columns, shared_facts
from duckdb_videsk.rewriting.local import bounded
from duckdb_videsk.rewriting.parameters import filled
from duckdb_videsk.rewriting.scalars import Reader
from duckdb_videsk.rewriting.steady import steady_functions
from duckdb_videsk.rewriting.trees import CLOCK_WORDS, CLOCKS, Node, condition_tree, serialising, sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb_videsk.rewriting.derived import Derived
    from duckdb_videsk.rewriting.grid import Evaluator
    from duckdb_videsk.rewriting.joins import Edge, Facts, Nearness, Path
    from duckdb_videsk.rewriting.local import LocalTables
    from duckdb_videsk.rewriting.parameters import Values
    from duckdb_videsk.rewriting.places import Place
    from duckdb_videsk.rewriting.scopes import TableName
    from duckdb_videsk.rewriting.session import Session
    from duckdb_videsk.rewriting.subselects import SubSelects
    from duckdb_videsk.rewriting.words import Word

__all__ = ["Hint", "Implied", "Statement", "hull"]

_SAMPLE = "make_timestamptz(1780000000000000)"


@dataclass(frozen=True)
class Implied:
    """What one condition implies for one range column.

    Attributes:
        place: where the condition stands, or one inside of a sub-query or a CTE that is compared outside.
        table: the table or view; None where a sub-query stands between.
        column: the range column, as it is named there.
        ranges: where the condition can hold.
        predicate: the condition's own text.
        unless: conditions, known when a statement is planned, under which the ranges say nothing.
        meanings: expressions in it, as they are written and with the full names of the functions they are taken for.
    """

    place: Place
    table: TableName | None
    column: str
    ranges: tuple[Range, ...]
    predicate: str
    unless: tuple[str, ...]
    meanings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Hint:
    """A condition that nature suggests and nobody promises, and what would be read with it.

    Attributes:
        table: the table or view.
        column: its range column, as it is named there.
        condition: what to add.
        ranges: where the column would lie then.
    """

    table: TableName
    column: str
    condition: str
    ranges: tuple[Range, ...]


class Statement:
    """A statement whose conditions are looked at, in its session.

    Attributes:
        hints: what may be added by hand, after `implied`.
    """

    def __init__(
        self,
        text: str,
        words: Sequence[Word],
        *,
        values: Values,
        session: Session,
        evaluator: Evaluator,
        near: Nearness,
        natural_bounds: bool,
        local: LocalTables,
    ) -> None:
        self._local = local
        self.hints: list[Hint] = []
        self._near = near
        self._natural_bounds = natural_bounds
        self._text = text
        self._words = words
        self._values = values
        self._session = session
        self._evaluator = evaluator

    def implied(self, places: Sequence[Place], selects: SubSelects) -> Iterator[Implied]:
        """What each condition implies for each range column named in it, and all together between the tables."""
        written = {place: tree for place in places if (tree := self._tree(place)) is not None}
        trees = {place: bounded(tree, place, self._local) for place, tree in written.items()}
        for place, tree in trees.items():
            for path, source in range_columns(tree, place).items():
                for found in self._of_one(written[place], tree, path):
                    said = self._predicate(place)
                    yield Implied(place, source.table, found.column, found.ranges, said, found.unless, found.meanings)
        for place, facts in shared_facts(trees):
            yield from self._between_tables(place, facts)
        derivations = Derivations(selects, self._types)
        for place, tree in written.items():
            for made in derivations.conditions(place, tree):
                yield from self._derived(made, self._predicate(place))

    def _derived(self, made: Derived, said: str) -> Iterator[Implied]:
        """What a condition outside says of a column inside."""
        source = made.place.source_of(made.path)
        found = self._finding(made.tree, made.path, unless_pushed=False)
        if source is not None and found is not None:
            yield Implied(made.place, source.table, found.column, found.ranges, said, found.unless, found.meanings)

    def _types(self, path: Path, nodes: Sequence[Node]) -> tuple[str, ...]:
        return _asked(self._evaluator, {path}, nodes, "typeof({})")

    def _of_one(self, written: Node, tree: Node, path: Path) -> Iterator[_Finding]:
        """What a condition says of a column, with the ends of local tables where it names them."""
        found = self._finding(tree, path, unless_pushed=tree == written)
        if found is not None:
            yield found if tree == written else self._proved(found)

    def _proved(self, found: _Finding) -> _Finding:
        """A finding by the ends of local tables: DuckDB looks at them again for each bound, so there are but two."""
        unless = (*found.unless, *(f"NOT {proof}" for proof in self._local.used))
        return replace(found, ranges=hull(found.ranges), unless=unless)

    def _between_tables(self, place: Place, facts: Facts) -> Iterator[Implied]:
        """What conditions imply for the columns that they compare with each other."""
        sure, natural = facts.edges(self._asked_of_two), list(facts.by_nature(self._near))
        if not sure and not natural:
            return
        links = [*sure, *facts.same([*sure, *natural])]
        found = {path: self._finding(facts.tree, path, unless_pushed=False) for path in _paths([*links, *natural])}
        if self._local.used:
            found = {path: None if one is None else self._proved(one) for path, one in found.items()}
        ranges = {path: (EVER,) if finding is None else finding.ranges for path, finding in found.items()}
        edges = [*links, *natural] if self._natural_bounds else links
        known = [finding for path, finding in found.items() if finding is not None and path in _paths(edges)]
        unless = [*(self._session.differs(_written(path)) for path in sorted(_paths(edges)))]
        unless += [text for one in known for text in one.unless]
        meanings = [meaning(edge.leaf, _paths(edges)) for edge in edges if not edge.natural]
        meanings += [pair for one in known for pair in one.meanings]
        narrowed = carried(ranges, edges)
        for path, pieces in narrowed.items():
            source = facts.target_of(path)
            if source is not None and subtract(ranges[path], pieces):
                leaves = dict.fromkeys(sql(edge.leaf, lambda _: None) for edge in edges if path in edge.paths)
                said = " AND ".join(leaves)
                never = tuple(dict.fromkeys(unless))
                yield Implied(place, source.table, _written(path), pieces, said, never, tuple(meanings))
        for edge in natural:
            might = carried(narrowed, [*links, edge])[edge.one]
            source = facts.target_of(edge.one)
            if source is not None and source.table is not None and subtract(narrowed[edge.one], might):
                self.hints.append(Hint(source.table, _written(edge.one), edge.written(), might))

    def _predicate(self, place: Place) -> str:
        return self._text[self._words[place.start].start : self._words[place.end - 1].end]

    def _tree(self, place: Place) -> Node | None:
        try:
            ((room, answer),) = self._evaluator.rows(serialising(self._predicate(place)))
            tree, functions = condition_tree(room, answer)
            if functions and not functions <= steady_functions(self._evaluator):
                return None
        except NotUnderstood:
            return None
        return filled(tree, self._values, self._words, place.start, place.end)

    def _finding(self, tree: Node, path: Path, *, unless_pushed: bool) -> _Finding | None:
        """The ranges of a column; None where there are none, or with `unless_pushed` DuckDB finds them by itself."""
        reader = Reader(lambda names: lower(names) == path, partial(_asked, self._evaluator, {path}))
        try:
            condition = Condition(tree, reader)
            if not condition.leaves or (unless_pushed and condition.pushed()):
                return None
            zones = {zone for leaf in condition.leaves for zone in _zones(leaf)}
            moments = _moments(self._session, condition, self._evaluator)
            ranges = self._evaluator.ranges(condition, moments, zones)
        except NotUnderstood:
            return None
        if ranges is None:
            return None
        column = _written(path)
        unless = (self._session.differs(column), *_other_moments(condition, moments))
        return _Finding(column, ranges, unless, tuple(meaning(leaf, {path}) for leaf in condition.leaves))

    def _asked_of_two(self, nodes: Sequence[Node], template: str) -> tuple[str, ...]:
        return _asked(self._evaluator, set(), nodes, template)


@dataclass(frozen=True)
class _Finding:
    column: str
    ranges: tuple[Range, ...]
    unless: tuple[str, ...]
    meanings: tuple[tuple[str, str], ...]


def hull(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """The one range from the first to the last of some."""
    return (Range(ranges[0].start, ranges[-1].end),) if ranges else ()


def _paths(edges: Sequence[Edge]) -> set[Path]:
    return {path for edge in edges for path in edge.paths}


def _written(path: Path) -> str:
    return sql(Node("column", path=path), lambda _: None)


def _asked(evaluator: Evaluator, paths: set[Path], nodes: Sequence[Node], template: str) -> tuple[str, ...]:
    """What DuckDB says of expressions, at some instant."""
    now = Moments("2026-01-01", ("2026-01-01 00:00:00+00",))

    def put(node: Node) -> str | None:
        if node.kind == "column" and lower(node.path) in paths:
            return _SAMPLE
        clock = clock_of(node)
        return now.put(clock, 0) if clock else None

    (answers,) = evaluator.rows("SELECT " + ", ".join(template.format(sql(node, put)) for node in nodes))
    return tuple(str(answer) for answer in answers)


def _moments(session: Session, condition: Condition, evaluator: Evaluator) -> Moments:
    """When the statement may run, if that matters: in its local day, or only in its quarter of an hour."""
    if not condition.clocks:
        return Moments(session.day, ())
    if not condition.all_day:
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
    for name in sorted(condition.clocks):
        # A column of that name would be meant by the user's condition, and so it is here.
        clock = name if name in CLOCK_WORDS else f"system.main.{name}()"
        yield f"CAST({clock} AS DATE) IS DISTINCT FROM DATE '{moments.day}'"
        if not condition.all_day and CLOCKS[name] != "DATE":
            first, last = (f"TIMESTAMPTZ '{moments.instants[at]}'" for at in (0, -1))
            yield f"coalesce({clock} NOT BETWEEN {first} AND {last}, true)"


def _zones(leaf: Node) -> Iterator[str]:
    for node in leaf.walk():
        if node.kind == "call" and node.name == "timezone":
            yield node.parts[0].name[1:-1].replace("''", "'")


def meaning(leaf: Node, paths: set[Path]) -> tuple[str, str]:
    """A leaf over columns, as it is written and with the full names of what it is taken for."""

    def short(node: Node) -> str | None:
        if node.kind == "column" and lower(node.path) in paths:
            return "s"
        return node.path[0] if node.kind == "column" and clock_of(node) else None

    def long(node: Node) -> str | None:
        name = {"current_timestamp": "get_current_timestamp"}.get(short(node) or "", short(node))
        return f"system.main.{name}()" if name and name != "s" else name

    return sql(leaf, short), sql(leaf, long, full=True)
