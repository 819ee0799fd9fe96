"""What a check says: its level, what was found, the evidence, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

__all__ = ["LEVELS", "Level", "Verdict", "short_id", "worst"]

Level: TypeAlias = Literal["ok", "differs", "problem", "unknown"]
"""As assumed; otherwise, and the product copes; something is to be done; the evidence does not say."""

LEVELS: tuple[Level, ...] = get_args(Level)
_BY_WEIGHT: tuple[Level, ...] = ("problem", "differs", "ok", "unknown")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer of one check.

    Attributes:
        check: what was looked at, one word.
        level: how it is.
        reading: what was found, in a few words that are the same wherever the same was found.
        evidence: numbers and times that bear it; no content of records.
        follows: what the product does about it, or what to do; empty where nothing follows.
        report: whether the vendor should hear of it.
        table: the table it is about; None for the account.
        id: of the form or survey, shortened.
    """

    check: str
    level: Level
    reading: str
    evidence: str = ""
    follows: str = ""
    report: bool = False
    table: str | None = None
    id: str | None = None


def worst(levels: list[Level]) -> Level | None:
    """The level that stands for several; unknown only where all are."""
    return next((level for level in _BY_WEIGHT if level in levels), None)


def short_id(text: str) -> str:
    """An id by its ends, enough to tell it from another."""
    return text if len(text) <= 10 else f"{text[:4]}…{text[-4:]}"
