"""Rows as ready JSON text: a block of them in time order, and how an answer's rows are put together out of blocks.

A fragment is one row's JSON object with a comma behind it, so that neighbours in a block are one slice of bytes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate, chain, groupby, islice
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Sequence

    from .behaviour import Ties
    from .catalogue import Column, DateStyle, Endpoint

__all__ = ["Block", "Order", "Printing", "Scope", "Source", "Span", "Window", "gather"]


@dataclass(frozen=True, slots=True)
class Printing:
    """How values become text: the zone and style of times, and the label of each key that is not printed under its
    own name.
    """

    zone: str = "UTC"
    style: DateStyle | Literal["epoch"] = "iso"
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows, seen how: an export, its form where it has one, the time that is filtered on, and the printing."""

    endpoint: Endpoint
    form: str | None
    time_key: str
    printing: Printing


@dataclass(frozen=True, slots=True)
class Window:
    """The milliseconds asked for, both ends included; None is open."""

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Rows in time order: row `i` is at millisecond `times[i]`, its text is `data[offsets[i]:offsets[i + 1]]`."""

    times: Sequence[int]
    offsets: Sequence[int]
    data: bytes | memoryview

    @classmethod
    def of(cls, times: Sequence[int], fragments: Sequence[bytes]) -> Block:
        """A block out of single fragments."""
        return cls(times, [0, *accumulate(map(len, fragments))], b"".join(fragments))

    @property
    def weight(self) -> int:
        """About how much memory it takes."""
        return len(self.data) + 12 * len(self.times)

    def within(self, window: Window) -> Span:
        """The rows that lie in a window."""
        low = 0 if window.first is None else bisect_left(self.times, window.first)
        high = len(self.times) if window.last is None else bisect_right(self.times, window.last)
        return Span(self, low, max(low, high))

    def slice(self, low: int, high: int) -> bytes | memoryview:
        """The text of rows `low` up to `high`."""
        return memoryview(self.data)[self.offsets[low] : self.offsets[high]]


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring rows of one block."""

    block: Block
    low: int
    high: int

    def __len__(self) -> int:
        return self.high - self.low


class Source(Protocol):
    """Where the simulator's rows come from."""

    def parameters(self, name: str) -> Sequence[str]:
        """The ids that `form` or `survey` may name."""

    def extras(self, endpoint: Endpoint, form: str | None) -> Sequence[Column]:
        """Columns with a key beyond the catalogue's, in order."""

    def questions(self, endpoint: Endpoint, form: str | None) -> Sequence[str]:
        """The labels of a form's questions, in order."""

    def spans(self, scope: Scope, window: Window, *, newest_first: bool) -> Iterator[Span]:
        """The rows of a window, block by block in the order asked for; rows inside a span are oldest first."""

    def count(self, scope: Scope, window: Window) -> int:
        """How many rows a window holds."""

    def timeless(self, scope: Scope) -> Span | None:
        """The rows that no window holds, for they have no time."""

    def records(self, scope: Scope, window: Window) -> list[dict[str, Any]]:
        """The rows of a window as values by API key, oldest first."""


@dataclass(frozen=True, slots=True)
class Order:
    """In which order rows leave: the direction, and what becomes of rows of the same millisecond."""

    newest_first: bool
    ties: Ties
    dice: random.Random

    @property
    def natural(self) -> bool:
        """Whether a block's own order will do."""
        return self.ties == "stable" and not self.newest_first

    def rows(self, span: Span) -> Iterator[int]:
        """The row numbers of a span, in order."""
        groups = [list(group) for _, group in groupby(range(span.low, span.high), key=span.block.times.__getitem__)]
        if self.newest_first:
            groups.reverse()
        for group in groups:
            if self.ties == "reversed":
                group.reverse()
            elif self.ties == "shuffled" and len(group) > 1:
                self.dice.shuffle(group)
        return chain.from_iterable(groups)


def gather(spans: Iterable[Span], *, order: Order, limit: int) -> tuple[list[bytes | memoryview], int]:
    """The text of the first `limit` rows, and how many rows that is; each row brings its comma with it."""
    pieces: list[bytes | memoryview] = []
    taken = 0
    for span in spans:
        if taken >= limit:
            break
        count = min(len(span), limit - taken)
        taken += count
        if order.natural:
            pieces.append(span.block.slice(span.low, span.low + count))
        else:
            pieces.extend(span.block.slice(row, row + 1) for row in islice(order.rows(span), count))
    return pieces, taken
