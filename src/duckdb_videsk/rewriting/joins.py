"""Ranges carried from one table to another, over conditions that compare their range columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from duckdb_videsk.ranges import DAY, EVER, SECOND, Range, normalise
from duckdb_videsk.rewriting.conditions import clock_of
from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.scopes import is_inner
from duckdb_videsk.rewriting.trees import OTHER, Node
from duckdb_videsk.views import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from duckdb_videsk.rewriting.places import Place
    from duckdb_videsk.rewriting.scopes import Scope, Source, TableName

__all__ = [
    "Edge",
    "Facts",
    "Nearness",
    "Path",
    "carried",
    "conjuncts",
    "is_constant",
    "lower",
    "range_columns",
    "shared_facts",
]

Path: TypeAlias = tuple[str, ...]
Nearness: TypeAlias = "Mapping[tuple[tuple[TableName, str], tuple[TableName, str]], tuple[int, int | None]]"
"""By two keys, each a table and its column: how many seconds the first's time lies after the other's, at least and at
most; None: no bound."""
_MOST_ROUNDS = 4
_OPERATORS = {"<", "<=", ">", ">=", "="}
_LENGTH = (
    "concat_ws('|', typeof({0}), 12 * date_part('year', {0}) + date_part('month', {0}), date_part('day', {0}), "
    "epoch_us({0}))"
)
# By the calendar a day may have some hours more or less, and a month some days more or less than thirty.
_DAY_SLACK, _MONTH_SLACK = DAY // 8, 3 * DAY


@dataclass(frozen=True)
class Edge:
    """That `one` is at least `other + low` and at most `other + high`, in microseconds; None: no bound.

    Attributes:
        leaf: the condition that says so.
        natural: nobody promises it.
    """

    one: Path
    other: Path
    low: int | None
    high: int | None
    leaf: Node
    natural: bool = False

    @property
    def paths(self) -> tuple[Path, Path]:
        return self.one, self.other

    def turned(self) -> Edge:
        low = None if self.high is None else -self.high
        return Edge(self.other, self.one, low, None if self.low is None else -self.low, self.leaf, self.natural)

    def written(self) -> str:
        """What it says as SQL, to the hour."""
        one, other = (".".join(map(quoted, path)) for path in self.paths)
        ends = [(operator, end) for operator, end in ((">=", self.low), ("<=", self.high)) if end is not None]
        return " AND ".join(
            f"{one} {operator} {other} {'-' if end < 0 else '+'} INTERVAL {abs(end) // (3600 * SECOND)} HOUR"
            for operator, end in ends
        )


@dataclass(frozen=True)
class Facts:
    """Conditions that hold for every row that matters where `place` is looked at.

    Attributes:
        tree: all of them joined by AND.
        only: the join whose side alone may be restricted there; None where each may.
    """

    place: Place
    tree: Node
    only: object = None

    def edges(self, ask: Callable[[Sequence[Node], str], tuple[str, ...]]) -> list[Edge]:
        """What the conditions say of two range columns of different tables."""
        return [edge for leaf in conjuncts(self.tree) for edge in self._edges(leaf, ask)]

    def by_nature(self, near: Nearness) -> Iterator[Edge]:
        """What is so, as a rule, of the range columns of tables joined by these keys."""
        for leaf in conjuncts(self.tree):
            if leaf.kind != "compare" or leaf.name != "=":
                continue
            one, other = (self._key(part) for part in leaf.parts)
            if one is None or other is None:
                continue
            for (key, path), (other_key, other_path) in ((one, other), (other, one)):
                if (bounds := near.get((key, other_key))) is not None:
                    after, until = bounds
                    high = None if until is None else until * SECOND
                    yield Edge(path, other_path, after * SECOND, high, leaf, natural=True)

    def same(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """That two names of one column mean the same."""
        paths = {path for edge in edges for path in edge.paths} | set(range_columns(self.tree, self.place))
        for one, other in combinations(sorted(paths), 2):
            if self.place.source_of(one) is self.place.source_of(other):
                yield Edge(one, other, 0, 0, Node("constant", "true"))

    def _key(self, node: Node) -> tuple[tuple[TableName, str], Path] | None:
        """The table and the name of a column that may be a key, and its table's range column."""
        source = self.place.owner_of(node.path) if node.kind == "column" else None
        if source is None or source.table is None or source.name is None:
            return None
        ranges = [name for name, is_range in source.columns or () if is_range]
        return ((source.table, node.path[-1].lower()), (source.name, ranges[0])) if len(ranges) == 1 else None

    def target_of(self, path: Path) -> Source | None:
        """The table of a column, where it may be restricted."""
        source = self.place.source_of(path)
        return source if source is not None and (self.only is None or source.join is self.only) else None

    def _edges(self, leaf: Node, ask: Callable[[Sequence[Node], str], tuple[str, ...]]) -> Iterator[Edge]:
        if leaf.kind == "between":
            value, *ends = leaf.parts
            for operator, end in zip((">=", "<="), ends, strict=True):
                yield from self._edges(Node("compare", operator, (value, end)), ask)
        if leaf.kind != "compare" or leaf.name not in _OPERATORS:
            return
        one, other = (self._moved(part, ask) for part in leaf.parts)
        if one is None or other is None or one[0] == other[0]:
            return
        low = other[1] - one[2] if leaf.name in {">", ">=", "="} else None
        high = other[2] - one[1] if leaf.name in {"<", "<=", "="} else None
        yield Edge(one[0], other[0], low, high, leaf)

    def _moved(
        self, node: Node, ask: Callable[[Sequence[Node], str], tuple[str, ...]]
    ) -> tuple[Path, int, int] | None:
        """A range column, and by how much it is moved at least and at most."""
        if node.kind == "column":
            return (lower(node.path), 0, 0) if self.place.source_of(node.path) is not None else None
        if node.kind != "operator" or node.name not in {"+", "-"} or len(node.parts) != 2:
            return None
        column, interval = node.parts
        if column.kind != "column" or self.place.source_of(column.path) is None or not is_constant(interval):
            return None
        return self._by(lower(column.path), interval, 1 if node.name == "+" else -1, ask)

    def _by(
        self, path: Path, interval: Node, sign: int, ask: Callable[[Sequence[Node], str], tuple[str, ...]]
    ) -> tuple[Path, int, int] | None:
        try:
            kind, *numbers = ask((interval,), _LENGTH)[0].split("|")
        except NotUnderstood:
            return None
        if kind != "INTERVAL":
            return None
        months, days, length = map(int, numbers)
        slack = abs(months) * _MONTH_SLACK + (_DAY_SLACK if months or days else 0)
        return path, sign * length - slack, sign * length + slack


def shared_facts(trees: Mapping[Place, Node]) -> Iterator[tuple[Place, Facts]]:
    """Each place where something may be added for what conditions of several places say together."""
    scopes: dict[Scope, list[Place]] = {}
    for place in trees:
        if place.scope.flat and place.scope.joins:
            scopes.setdefault(place.scope, []).append(place)
    for scope, places in scopes.items():
        where = [place for place in places if not place.join]
        inner = [place for place in places if place.join and is_inner(place.node)]
        if where or (inner and not scope.filtered):
            target = [*where, *reversed(inner)][0]
            yield target, Facts(target, _all(trees[place] for place in [*where, *inner]))
        for place in places:
            if place.join and not is_inner(place.node):
                yield place, Facts(place, _all([trees[place], *_seen_by(place, where, trees)]), only=place.node)


def carried(ranges: Mapping[Path, tuple[Range, ...]], edges: Sequence[Edge]) -> dict[Path, tuple[Range, ...]]:
    """The ranges of each column, narrowed by those of the others."""
    found = dict(ranges)
    edges = [*edges, *(edge.turned() for edge in edges)]
    for _ in range(_MOST_ROUNDS):
        before = dict(found)
        for one, other in dict.fromkeys(edge.paths for edge in edges):
            between = [edge for edge in edges if edge.paths == (one, other)]
            low = max((edge.low for edge in between if edge.low is not None), default=None)
            high = min((edge.high for edge in between if edge.high is not None), default=None)
            moved = [
                Range(
                    EVER.start if low is None or piece.start <= EVER.start else piece.start + low,
                    EVER.end if high is None or piece.end >= EVER.end else piece.end + high,
                )
                for piece in found[other]
            ]
            found[one] = normalise(piece.intersect(m) for piece in found[one] for m in normalise(moved))
        if found == before:
            break
    return found


def range_columns(tree: Node, place: Place) -> dict[Path, Source]:
    """The range columns named in a condition, each way of naming one by itself."""
    found = {}
    for node in tree.walk():
        source = place.source_of(node.path) if node.kind == "column" else None
        if source is not None:
            found[lower(node.path)] = source
    return found


def lower(names: Iterable[str]) -> Path:
    return tuple(name.lower() for name in names)


def _seen_by(place: Place, where: Sequence[Place], trees: Mapping[Place, Node]) -> Iterator[Node]:
    """Of a WHERE what only looks at the tables before a join: rows that fail it come to nothing, joined or not."""
    scope = place.scope
    first = next((index for index, source in enumerate(scope.sources) if source.join is place.node), 0)
    before = scope.sources[:first]
    for filter_ in where:
        for leaf in conjuncts(trees[filter_]):
            columns = [filter_.source_of(node.path) for node in leaf.walk() if node.kind == "column"]
            if all(source is not None and any(source is known for known in before) for source in columns):
                yield leaf


def _all(trees: Iterable[Node]) -> Node:
    return Node("and", parts=tuple(trees))


def conjuncts(tree: Node) -> Iterator[Node]:
    """What a condition joins by AND."""
    if tree.kind == "and":
        for part in tree.parts:
            yield from conjuncts(part)
    else:
        yield tree


def is_constant(node: Node) -> bool:
    return not any(part.kind in {"column", "parameter", OTHER} or clock_of(part) for part in node.walk())
