"""Reads expressions over one time column: where their values are constant, whether they rise with time.

Nothing is evaluated here but types and lengths of intervals. Whatever is not sure raises `NotUnderstood`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.levels import Level, Scalar, clock_scalar, minus
from duckdb_videsk.rewriting.trees import CLOCK_WORDS, CLOCKS, Node
from duckdb_videsk.rewriting.vocabulary import (
    CUT_TO_DAY,
    DAY_FORMATS,
    DAY_PARTS,
    DIGITS,
    DIVISIONS,
    FORMAT,
    HOUR_FORMATS,
    HOUR_PARTS,
    LONGEST,
    MOST_MEMBERS,
    NUMBERS,
    OF_CONSTANTS,
    OF_STEPS,
    PART_CALLS,
    RISING_FORMAT,
    RISING_PARTS,
    TIMES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Reader"]


class Reader:
    """Reads expressions over one column, each once."""

    def __init__(
        self,
        is_column: Callable[[tuple[str, ...]], bool],
        ask: Callable[[Sequence[Node], str], tuple[str, ...]],
    ) -> None:
        """
        Args:
            ask: what DuckDB answers to a template over nodes, in which an instant stands for the column.
        """
        self._is_column = is_column
        self._ask = ask
        self._known: dict[Node, Scalar | NotUnderstood] = {}
        self._types: dict[tuple[Node, ...], tuple[str, ...]] = {}

    def is_column(self, node: Node) -> bool:
        return node.kind == "column" and self._is_column(node.path)

    def __call__(self, node: Node) -> Scalar:
        """What is known of a node; raises NotUnderstood."""
        if node not in self._known:
            try:
                self._known[node] = self._read(node)
            except NotUnderstood as odd:
                self._known[node] = odd
        found = self._known[node]
        if isinstance(found, NotUnderstood):
            raise found
        return found

    def understood(self, node: Node) -> Scalar | None:
        """The same, or None."""
        try:
            return self(node)
        except NotUnderstood:
            return None

    def types(self, *nodes: Node) -> tuple[str, ...]:
        """Types as DuckDB says them."""
        if nodes not in self._types:
            self._types[nodes] = self._ask(nodes, "typeof({})")
        return self._types[nodes]

    def _read(self, node: Node) -> Scalar:
        match node.kind:
            case "column":
                return self._named(node)
            case "constant":
                return Scalar()
            case "cast" | "try_cast":
                return self._cast(node)
            case "call" | "operator":
                return self._call(node)
            case "is null" | "is not null":
                inner = self(node.parts[0])
                return inner if inner.stepped else Scalar(min(inner.level, Level.QUARTER), inner.clock)
            case "other" | "parameter":
                raise NotUnderstood("another form")
            case "in" | "not in" if len(node.parts) > MOST_MEMBERS:
                raise NotUnderstood("a long list")
            case _:
                return self._combined(node.parts)

    def _named(self, node: Node) -> Scalar:
        if self._is_column(node.path):
            return Scalar(Level.INSTANT, rises=1)
        if len(node.path) == 1 and node.path[0].lower() in CLOCK_WORDS:
            return clock_scalar(node.path[0].lower())
        raise NotUnderstood("another column")

    def _call(self, node: Node) -> Scalar:
        name, parts = node.name, node.parts
        if name in CLOCKS and not parts:
            return clock_scalar(name)
        if name in PART_CALLS and len(parts) == 1:
            return self._part(name, parts[0])
        special = {
            ("date_part", 2): lambda: self._part(_text(parts[0]), parts[1]),
            ("datepart", 2): lambda: self._part(_text(parts[0]), parts[1]),
            ("date_trunc", 2): lambda: self._cut(parts),
            ("datetrunc", 2): lambda: self._cut(parts),
            ("strftime", 2): lambda: self._formatted(parts),
            ("timezone", 2): lambda: self._zoned(parts),
            ("date_diff", 3): lambda: self._difference(parts),
            ("datediff", 3): lambda: self._difference(parts),
            ("epoch", 1): lambda: self._epoch(parts[0]),
            ("epoch_ms", 1): lambda: self._epoch(parts[0]),
            ("epoch_us", 1): lambda: self._epoch(parts[0]),
            ("age", 1): lambda: self._apart(Scalar(clock=Level.DAY, clock_rises=1), self(parts[0])),
            ("age", 2): lambda: self._apart(self(parts[0]), self(parts[1])),
            ("+", 2): lambda: self._sum(node),
            ("-", 2): lambda: self._sum(node),
        }.get((name, len(parts)))
        if special is not None and not all(self(part).constant for part in parts):
            return special()
        return self._plain(node)

    def _plain(self, node: Node) -> Scalar:
        parts = node.parts
        if node.name == "left" and len(parts) == 2 and self(parts[1]).constant:
            inner = self._combined(parts)
            return replace(inner, rises=self(parts[0]).rises, forever=self(parts[0]).forever)
        if node.name in DIVISIONS and len(parts) == 2 and self(parts[1]).constant:
            return self._combined(parts)
        known = OF_CONSTANTS if all(self(part).constant for part in parts) else OF_STEPS
        if node.name not in known:
            raise NotUnderstood(f"the function {node.name}")
        return self._combined(parts)

    def _combined(self, parts: Sequence[Node]) -> Scalar:
        """Any sure function of values that are constant in stretches."""
        given = [self(part) for part in parts]
        if not all(a.stepped for a in given):
            raise NotUnderstood("arithmetic on instants")
        level, clock = max((a.level for a in given), default=0), max((a.clock for a in given), default=0)
        return Scalar(Level(level), Level(clock), forever=not level and not clock)

    def _step(self, of: Node, level: Level, *, rises: bool) -> Scalar:
        """A function of a time that is constant within `level`."""
        inner = self(of)
        if self.types(of)[0] not in TIMES or not (inner.even and inner.whole):
            raise NotUnderstood("a part of what is no time")
        # An interval can move a time past a change of the clock: only quarters of an hour stay whole then.
        within = max(level, Level.QUARTER) if inner.moved else level
        return Scalar(
            min(inner.level, within) if inner.level is Level.INSTANT else inner.level,
            min(inner.clock, level) if inner.clock is Level.INSTANT else inner.clock,
            rises=inner.rises * rises,
            clock_rises=inner.clock_rises * rises,
            forever=inner.forever and rises,
        )

    def _part(self, part: str, of: Node) -> Scalar:
        part = part.lower()
        if part not in DAY_PARTS | HOUR_PARTS | PART_CALLS:
            raise NotUnderstood(f"the part {part}")
        level = Level.QUARTER if part in HOUR_PARTS else Level.DAY
        return self._step(of, level, rises=part in RISING_PARTS or part == "last_day")

    def _cut(self, parts: Sequence[Node]) -> Scalar:
        part = _text(parts[0]).lower()
        if part not in CUT_TO_DAY | HOUR_PARTS:
            raise NotUnderstood(f"the part {part}")
        return self._step(parts[1], Level.DAY if part in CUT_TO_DAY else Level.QUARTER, rises=True)

    def _formatted(self, parts: Sequence[Node]) -> Scalar:
        pattern = _text(parts[1])
        found = set(FORMAT.findall(pattern))
        if "%" in FORMAT.sub("", pattern) or not found <= DAY_FORMATS | HOUR_FORMATS:
            raise NotUnderstood("a format with other parts")
        level = Level.QUARTER if found & HOUR_FORMATS else Level.DAY
        return self._step(parts[0], level, rises=RISING_FORMAT.fullmatch(pattern) is not None)

    def _zoned(self, parts: Sequence[Node]) -> Scalar:
        _text(parts[0])
        inner = self(parts[1])
        instant = inner.level is Level.INSTANT and inner.whole and not inner.clock
        if not instant or self.types(parts[1])[0] not in TIMES:
            raise NotUnderstood("another use of AT TIME ZONE")
        return inner

    def _difference(self, parts: Sequence[Node]) -> Scalar:
        part = _text(parts[0]).lower()
        if part not in CUT_TO_DAY | HOUR_PARTS:
            raise NotUnderstood("a difference of other parts")
        level = Level.DAY if part in CUT_TO_DAY else Level.QUARTER
        kinds = self.types(*parts[1:])
        if "TIMESTAMP" in kinds and "TIMESTAMP WITH TIME ZONE" in kinds:
            raise NotUnderstood("local times with instants")
        start, end = (self(of) if self(of).constant else self._step(of, level, rises=True) for of in parts[1:])
        return minus(end, start)

    def _epoch(self, of: Node) -> Scalar:
        inner = self(of)
        if self.types(of)[0] != "TIMESTAMP WITH TIME ZONE":
            raise NotUnderstood("the epoch of something else")
        return inner

    def _apart(self, left: Scalar, right: Scalar) -> Scalar:
        """A time less another as an interval: by the calendar, so it rises give or take some days."""
        if not (left.forever and right.forever):
            raise NotUnderstood("a difference of unsteady times")
        level, clock = max(left.level, right.level), max(left.clock, right.clock)
        return replace(minus(left, right), level=level and Level.INSTANT, clock=clock and Level.INSTANT, even=False)

    def _sum(self, node: Node) -> Scalar:
        left, right = (self(part) for part in node.parts)
        types = self.types(*node.parts)
        if types[1] == "INTERVAL" and types[0] in TIMES and right.constant:
            return self._moved(left, node.parts[1])
        if types[0] == "INTERVAL" and types[1] in TIMES and node.name == "+" and left.constant:
            return self._moved(right, node.parts[0])
        if node.name == "-" and set(types) & {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"} and set(types) <= TIMES:
            return self._apart(left, right)
        if not set(types) <= NUMBERS | {"DATE"}:
            return self._combined(node.parts)
        return minus(left, right) if node.name == "-" else minus(left, minus(Scalar(), right))

    def _moved(self, time: Scalar, interval: Node) -> Scalar:
        """A time plus or minus an interval."""
        seconds = float(self._ask((interval,), "epoch({})")[0])
        if abs(seconds) > LONGEST or not time.whole:
            raise NotUnderstood("an interval of another length")
        return replace(time, moved=True, whole=time.stepped or seconds % 900 == 0)

    def _cast(self, node: Node) -> Scalar:
        inner = self(node.parts[0])
        if inner.constant:
            return inner
        kind, target = self.types(node.parts[0])[0], node.name
        if target == "DATE" and kind in TIMES:
            return self._step(node.parts[0], Level.DAY, rises=True)
        if target in {"TIMESTAMP", "TIMESTAMPTZ"} and kind in TIMES and inner.whole:
            return inner
        if target == "TIME" and kind in TIMES and inner.level is Level.INSTANT and inner.whole and not inner.clock:
            return replace(inner, forever=False)
        if not inner.stepped or (kind == "VARCHAR" and not _is_number(node)):
            raise NotUnderstood(f"an instant as {target}")
        keeps = (kind in NUMBERS and target in NUMBERS) or (kind, target) == ("DATE", "VARCHAR")
        return inner if keeps else replace(inner, rises=0, clock_rises=0, forever=False)


def _is_number(cast: Node) -> bool:
    """Whether it is the cast of a text of digits to a number."""
    of = cast.parts[0]
    written = of.parts[1].name if of.kind == "call" and of.name == "strftime" else ""
    return cast.name in NUMBERS and DIGITS.fullmatch(written) is not None


def _text(node: Node) -> str:
    if node.kind != "constant" or not node.name.startswith("'"):
        raise NotUnderstood("not a literal text")
    return node.name[1:-1].replace("''", "'")
