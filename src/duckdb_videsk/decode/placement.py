"""Which label of an answer goes into which column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from duckdb_videsk.endpoints import Column, Endpoint

__all__ = ["Placement", "every_column_in", "own_labels"]


def own_labels(column: Column) -> tuple[str, ...]:
    """The labels that are the column's own, the preferred first: its keys, or the fixed label where it has none."""
    return column.keys or ((column.fixed,) if column.fixed else ())


@dataclass(frozen=True, slots=True)
class Placement:
    """The labels of each column that the API sends, the preferred first; every other label is left over."""

    columns: tuple[tuple[Column, tuple[str, ...]], ...]

    @classmethod
    def of(cls, endpoint: Endpoint, present: Collection[str]) -> Placement:
        """The placement for an answer with those labels."""
        found = {column: own_labels(column) for column in endpoint.columns}
        free = set(present).difference(*found.values())
        for column, labels in found.items():
            if not _any_in(labels, present):
                stand_in = next((label for label in column.fallback_labels if label in free), None)
                if stand_in is not None:
                    found[column] = (stand_in,)
                    free.discard(stand_in)
        return cls(tuple(found.items()))

    @property
    def labels(self) -> set[str]:
        """Every label that goes into a column."""
        return {label for _, labels in self.columns for label in labels}

    def left_over(self, listed: Iterable[str]) -> tuple[str, ...]:
        """The labels that no column takes, each once: also those of a column, where they are listed a second time."""
        untaken = self.labels
        left = []
        for label in listed:
            if label in untaken:
                untaken.discard(label)
            else:
                left.append(label)
        return tuple(dict.fromkeys(left))


def every_column_in(endpoint: Endpoint, listed: Collection[str]) -> bool:
    """Whether each column has one of its own labels there, so that none needs another to stand in."""
    return all(_any_in(own_labels(column), listed) for column in endpoint.columns)


def _any_in(labels: Collection[str], present: Collection[str]) -> bool:
    return any(label in present for label in labels)
