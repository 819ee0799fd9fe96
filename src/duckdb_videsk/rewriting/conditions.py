"""Whether a condition can hold in a cell of time, as SQL over the cell's first and last instant.

AND, OR and NOT are taken apart; what is not understood may always be both true and false. So the text may be true
where the condition never is, but is true wherever the condition can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.levels import Level
from duckdb_videsk.rewriting.trees import CLOCKS, Node, sql
from duckdb_videsk.rewriting.vocabulary import MOST_MEMBERS
from duckdb_videsk.views import text_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from duckdb_videsk.rewriting.levels import Scalar
    from duckdb_videsk.rewriting.scalars import Reader

__all__ = ["FIRST", "LAST", "Condition", "Moments", "clock_of"]

FIRST, LAST = "s", "z"
"""A cell's columns: its first instant and its last; NULL where there is none."""

_SLACK = "INTERVAL 5 DAY"
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}
_MOST_NODES = 1_200


@dataclass(frozen=True)
class Moments:
    """When the query may run, as literals: instants from the first to the last, all of one local day.

    Where it is a whole day, what changes with the day takes each of its values at one of these instants.
    """

    day: str
    instants: tuple[str, ...]

    def put(self, name: str, instant: int) -> str:
        return f"DATE '{self.day}'" if CLOCKS[name] == "DATE" else f"TIMESTAMPTZ '{self.instants[instant]}'"


class Condition:
    """A condition as `reader` reads it.

    Attributes:
        leaves: what is understood of it and has the column in it.
    """

    def __init__(self, tree: Node, reader: Reader) -> None:
        self._tree = tree
        self._read = reader
        self.leaves = tuple(dict.fromkeys(self._leaves(tree)))
        if sum(1 for leaf in self.leaves for _ in leaf.walk()) > _MOST_NODES:
            raise NotUnderstood("a long condition")

    @property
    def clocks(self) -> frozenset[str]:
        """Every word for the time of the query that is used."""
        return frozenset(name for leaf in self.leaves for node in leaf.walk() if (name := clock_of(node)))

    @property
    def all_day(self) -> bool:
        """Whether no more is to be known of the query's time than its day."""
        return all(self._is_daily(leaf) for leaf in self.leaves)

    def may(self, level: Level, moments: Moments) -> str:
        """Whether it can be true in a cell of local quarters of an hour, of half days, or (EVER) of any length."""
        return _Writer(self._read, level, moments, self.leaves).may(self._tree, positive=True)

    def values(self, moments: Moments) -> list[str]:
        """Every leaf's value at FIRST."""
        writer = _Writer(self._read, Level.QUARTER, moments, self.leaves)
        return [writer.at(leaf, FIRST, 0) for leaf in self.leaves]

    def pushed(self, tree: Node | None = None) -> bool:
        """Whether DuckDB pushes all that is understood down by itself."""
        tree = self._tree if tree is None else tree
        if tree.kind == "and":
            return all(self.pushed(part) for part in tree.parts)
        if not any(True for _ in self._leaves(tree)):
            return True
        bare = [self._read.is_column(part) for part in tree.parts]
        constant = all(own or self._is_plain(part) for own, part in zip(bare, tree.parts, strict=True))
        return (
            sum(bare) == 1 and constant and (tree.kind == "compare" or (tree.kind in {"between", "in"} and bare[0]))
        )

    def _is_plain(self, node: Node) -> bool:
        known = self._read.understood(node)
        return known is not None and not known.level

    def _leaves(self, tree: Node) -> Iterator[Node]:
        known = self._read.understood(tree)
        if known is not None or tree.kind not in {"and", "or", "not"}:
            if self._has_column(tree) and (known is not None or self._is_comparison(tree)):
                yield tree
            return
        for part in tree.parts:
            yield from self._leaves(part)

    def _has_column(self, tree: Node) -> bool:
        return any(self._read.is_column(node) for node in tree.walk())

    def _is_comparison(self, tree: Node) -> bool:
        members = len(tree.parts) <= MOST_MEMBERS and tree.kind in {"compare", "between", "in", "not in"}
        return members and all(self._read.understood(part) is not None for part in tree.parts)

    def _is_daily(self, leaf: Node) -> bool:
        clocks = [CLOCKS[name] for node in leaf.walk() if (name := clock_of(node))]
        parts = [self._read.understood(part) for part in (leaf, *leaf.parts)]
        dates = all(kind == "DATE" for kind in clocks)
        return dates or (len(clocks) == 1 and all(part is None or part.clock <= Level.DAY for part in parts))


class _Writer:
    """Writes the texts for one kind of cell."""

    def __init__(self, read: Reader, level: Level, moments: Moments, leaves: Iterable[Node]) -> None:
        self._read = read
        self._level = level
        self._moments = moments
        self._leaves = frozenset(leaves)
        self._unsure = "true" if level is Level.EVER else "false"

    def may(self, node: Node, *, positive: bool) -> str:
        if node in self._leaves:
            return self._leaf(node, positive=positive)
        if node.kind in {"and", "or", "not"}:
            return self._joint(node, positive, self.may)
        # The moments were chosen for the leaves: what another word for the query's time gives is not known.
        return "true" if any(clock_of(part) for part in node.walk()) else self._leaf(node, positive=positive)

    def _leaf(self, node: Node, *, positive: bool) -> str:  # noqa: PLR0911 - one line a form
        known = self._read.understood(node)
        if known is not None and known.stepped and known.level <= self._level:
            return self._stepped(node, known, positive)
        match node.kind:
            case "and" | "or" | "not":
                return self._joint(node, positive, self._leaf)
            case "between" if self._alike(node.parts):
                value, low, high = node.parts
                both = Node("and", parts=(Node("compare", ">=", (value, low)), Node("compare", "<=", (value, high))))
                return self._leaf(both, positive=positive)
            case "in" | "not in" if len(node.parts) <= MOST_MEMBERS and self._alike(node.parts):
                any_ = Node("or", parts=tuple(Node("compare", "=", (node.parts[0], part)) for part in node.parts[1:]))
                return self._leaf(any_, positive=positive is (node.kind == "in"))
            case "compare" if node.name in _OPPOSITE:
                return self._compared(node, node.name if positive else _OPPOSITE[node.name])
            case "operator" if node.name == "~~" and positive:
                return self._like(node)
        return "true"

    @staticmethod
    def _joint(node: Node, positive: bool, may: Callable[..., str]) -> str:
        if node.kind == "not":
            return may(node.parts[0], positive=not positive)
        joint = " AND " if (node.kind == "and") is positive else " OR "
        return f"({joint.join(may(part, positive=positive) for part in node.parts)})"

    def at(self, node: Node, instant: str, moment: int) -> str:
        """A node as text at an instant and a moment of the query."""

        def put(part: Node) -> str | None:
            if self._read.is_column(part):
                return instant
            clock = clock_of(part)
            return self._moments.put(clock, moment) if clock else None

        return sql(node, put)

    def _stepped(self, node: Node, known: Scalar, positive: bool) -> str:
        """What is constant in the cell, or changes once in it."""
        instants = (FIRST, LAST) if known.level and self._level is Level.DAY else (FIRST,)
        moments = range(len(self._moments.instants)) if known.clock else (0,)
        values = [self.at(node, instant, moment) for instant in instants for moment in moments]
        return "(" + " OR ".join(f"coalesce({'' if positive else 'NOT '}{value}, false)" for value in values) + ")"

    def _compared(self, node: Node, operator: str) -> str:
        left, right = (self._ends(part) for part in node.parts)
        if left is None or right is None:
            return "true"
        return f"coalesce({_meet(left, operator, right)}, {self._unsure})"

    def _like(self, node: Node) -> str:
        value, pattern = node.parts
        ends = self._ends(value)
        if ends is None or pattern.kind != "constant" or not pattern.name.startswith("'"):
            return "true"
        text = pattern.name[1:-1].replace("''", "'").replace("_", "%").partition("%")[0]
        if not text.isascii():
            return "true"
        begun = [f"left({end}, {len(text)})" for end in ends]
        return f"coalesce({_meet((begun[0], begun[1]), '=', (text_literal(text),) * 2)}, {self._unsure})"

    def _ends(self, node: Node) -> tuple[str, str] | None:
        """A value's lowest and highest in the cell, where that is sure."""
        known = self._read.understood(node)
        if known is None:
            return None
        near = known.even and self._level is Level.QUARTER
        settled = known.level <= Level.QUARTER or known.rises
        # Two instants are a quarter of an hour's ends.
        timed = not known.clock or known.clock_rises or len(self._moments.instants) == 2
        sure = known.forever and (known.rises or not known.level) and (known.clock_rises or not known.clock)
        if not (settled and timed if near else sure):
            return None
        first, last = (FIRST, LAST) if near else (f"({FIRST} - {_SLACK})", f"({LAST} + {_SLACK})")
        start, end = (0, -1)
        if known.rises < 0:
            first, last = last, first
        if known.clock_rises < 0:
            start, end = end, start
        return self.at(node, first, start), self.at(node, last, end)

    def _alike(self, parts: tuple[Node, ...]) -> bool:
        """Whether comparing with each of several values is the same as comparing with all of them at once."""
        if any(self._read.understood(part) is None for part in parts):
            return False
        texts = [part.kind == "constant" and part.name.startswith("'") for part in parts[1:]]
        others = {kind for kind, text in zip(self._read.types(*parts)[1:], texts, strict=True) if not text}
        return not others or (others == set(self._read.types(parts[0])) if any(texts) else len(others) == 1)


def clock_of(node: Node) -> str | None:
    """The name, if a node is a word for the time of the query."""
    if node.kind == "call" and not node.parts and node.name in CLOCKS:
        return node.name
    spelt = node.path[0].lower() if node.kind == "column" and len(node.path) == 1 else ""
    return spelt if spelt in CLOCKS else None


def _meet(left: tuple[str, str], operator: str, right: tuple[str, str]) -> str:
    """Whether two values, each between its ends, can compare so."""
    (a, b), (c, d) = left, right
    match operator:
        case "<" | "<=":
            return f"{a} {operator} {d}"
        case ">" | ">=":
            return f"{b} {operator} {c}"
        case "=":
            return f"({a} <= {d} AND {b} >= {c})"
        case _:
            return f"({a} <> {d} OR {b} <> {c})"
