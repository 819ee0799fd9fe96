"""Bytes of an answer and the spec of its export to a record batch, without I/O.

A well-formed body goes through Arrow's own reader (`plain`), any other through a typed decode (`envelope`, `rows`,
`table`) that finds a place for each value; both give the same batch. Whether an answer is complete, or the one that
was asked for, is for the fetch engine to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.decode import envelope, plain
from duckdb_videsk.decode.placement import Placement, every_column_in
from duckdb_videsk.decode.rows import CHUNK, Labels, parse
from duckdb_videsk.decode.table import Builder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from duckdb_videsk.decode.envelope import Envelope
    from duckdb_videsk.decode.rows import Rows
    from duckdb_videsk.endpoints import Endpoint

__all__ = ["Answer", "Decoder"]

_LONGEST_PAUSE = 16
_SMALL = 8 << 20
_MOST_BATCHES = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """One decoded answer.

    Attributes:
        limit: the cap that it announces, its `$limit`.
        batch: its rows under the endpoint's schema, in the order they came.
        questions: the labels that it lists and no column takes, in order; empty for what Arrow's reader could read.
    """

    limit: int
    batch: pa.RecordBatch
    questions: tuple[str, ...] = ()


class Decoder:
    """Decodes the bodies of one endpoint, and of one form or survey; several threads may decode at once."""

    def __init__(self, endpoint: Endpoint, asked_id: str | None = None) -> None:
        self._endpoint = endpoint
        self._reader = plain.Reader(endpoint) if endpoint.parameter is None else None
        self._labels = Labels(endpoint)
        self._builder = Builder(endpoint, asked_id)
        self._pause = 0  # bodies to go before Arrow's reader is tried again
        self._refused = 0  # how often in a row it refused

    def decode(self, body: bytes) -> Answer:
        """The answer in `body`; raises ResponseError where it is not what the API documents."""
        text = envelope.checked_text(body, self._endpoint.path)
        envelope.refuse_crumbs(text, self._endpoint.path)
        try:
            return self._by_arrow(text) or self._by_rows(text)
        except RecursionError:
            raise envelope.too_deep(self._endpoint.path, "a row of `data`") from None
        except pa.ArrowInvalid:
            # An array of texts holds 2 GiB.
            raise envelope.too_much(self._endpoint.path, "A column of the body holds more than 2 GiB") from None

    def _by_arrow(self, body: bytes) -> Answer | None:
        if self._reader is None:
            return None
        if self._pause > 0:
            self._pause -= 1
            return None
        found = self._reader.read(body)
        if found is None:
            # An account whose rows always differ from the plain form should not pay for two readers each time.
            self._pause = min(2**self._refused, _LONGEST_PAUSE)
            self._refused += 1
            return None
        self._refused = 0
        return Answer(*found)

    def _by_rows(self, body: bytes) -> Answer:
        shell = envelope.opened(body, self._endpoint.path)
        self._labels.learn(shell.columns)
        chunks: Iterable[Rows] = self._chunks(shell)
        present = set(shell.columns)
        if not every_column_in(self._endpoint, present):
            # What the answer does not list, its rows may carry all the same; a large answer is then read twice.
            chunks = list(chunks) if len(shell.body) <= _SMALL else chunks
            present.update(*(chunk.carried() for chunk in chunks))
            chunks = chunks if isinstance(chunks, list) else self._chunks(shell)
        placement = Placement.of(self._endpoint, present)
        batch = _joined([self._builder.empty], (self._builder.batch(chunk, placement) for chunk in chunks))
        return Answer(shell.limit, batch, placement.left_over(shell.columns))

    def _chunks(self, shell: Envelope) -> Iterator[Rows]:
        for chunk in shell.chunks(CHUNK):
            yield from parse(chunk, self._labels)


def _joined(batches: list[pa.RecordBatch], more: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """All of them as one; many small ones never wait together, since each has a cost of its own."""
    for batch in more:
        batches.append(batch)
        if len(batches) > _MOST_BATCHES:
            batches = [pa.concat_batches(batches)]
    return pa.concat_batches(batches)
