"""What is known of a value over time: where it is constant, whether it rises."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from duckdb_videsk.rewriting.errors import NotUnderstood
from duckdb_videsk.rewriting.trees import CLOCKS

__all__ = ["Level", "Scalar", "clock_scalar", "minus"]


class Level(IntEnum):
    """Within what stretch of local time a value is constant."""

    EVER = 0
    DAY = 1
    QUARTER = 2
    INSTANT = 3


@dataclass(frozen=True, slots=True)
class Scalar:
    """An expression.

    Attributes:
        level: where it is constant as the column's time passes; EVER where the column is not in it.
        clock: the same as the time of the query passes.
        rises: 1 if it rises with the column's time, -1 if it falls, 0 if neither is sure.
        clock_rises: the same with the time of the query.
        forever: whether it does so over all time, give or take some days; else only within a quarter of an hour.
        even: at INSTANT: whether it goes one way within a quarter of an hour.
        whole: at INSTANT: whether a quarter of an hour in it is one of the column's, moved.
        moved: whether an interval has been added to it.
    """

    level: Level = Level.EVER
    clock: Level = Level.EVER
    rises: int = 0
    clock_rises: int = 0
    forever: bool = True
    even: bool = True
    whole: bool = True
    moved: bool = False

    @property
    def stepped(self) -> bool:
        """Whether it is constant within quarters of an hour."""
        return max(self.level, self.clock) <= Level.QUARTER

    @property
    def constant(self) -> bool:
        return self.level is Level.EVER and self.clock is Level.EVER


def clock_scalar(name: str) -> Scalar:
    return Scalar(clock=Level.DAY if CLOCKS[name] == "DATE" else Level.INSTANT, clock_rises=1)


def minus(left: Scalar, right: Scalar) -> Scalar:
    """A difference of numbers or dates."""
    rises, clock_rises = _direction(left, right, "level", "rises"), _direction(left, right, "clock", "clock_rises")
    level, clock = max(left.level, right.level), max(left.clock, right.clock)
    sure = (rises or not level) and (clock_rises or not clock) and left.even and right.even
    if not sure and max(level, clock) is Level.INSTANT:
        raise NotUnderstood("instants that may rise or fall")
    return Scalar(level, clock, rises, clock_rises, forever=bool(sure) and left.forever and right.forever)


def _direction(left: Scalar, right: Scalar, level: str, rises: str) -> int:
    one, other = getattr(left, rises), -getattr(right, rises)
    if not getattr(left, level):
        return int(other)
    if not getattr(right, level):
        return int(one)
    return int(one) if one == other else 0
