"""JSON rows to columns of Python values, one chunk at a time.

A chunk is decoded into structs that know the labels; where that fails, or a key stands twice, row by row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from duckdb_videsk.decode.cells import json_text
from duckdb_videsk.decode.envelope import refusals
from duckdb_videsk.decode.exact import Repeating, exact
from duckdb_videsk.decode.placement import own_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from duckdb_videsk.decode.envelope import Chunk
    from duckdb_videsk.endpoints import Endpoint

__all__ = ["CHUNK", "Labels", "Rows", "parse", "struct_of"]

CHUNK = 5_000
_MOST_LABELS = 1_000
_FEW_CELLS = 20_000
_MOST_EMPTY = 20  # cells for each one with a value
_AWKWARD = re.compile(r'[\x00-\x1f"\\]')  # msgspec's structs have no field names with these
_SPACED_KEY = re.compile(rb'"[ \t\r\n]*:')

_NESTED = frozenset({dict, list})
_OBJECT = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of an answer.

    Attributes:
        count: how many.
        columns: the values under each label, None where a row has none.
        later: for a label that stands more than once in some row: by row, the values that came after the first.
    """

    count: int
    columns: dict[str, Sequence[Any]]
    later: dict[str, dict[int, list[Any]]] = field(default_factory=dict)

    def carried(self) -> set[str]:
        """The labels under which there are values."""
        found = {label for label, values in self.columns.items() if any(value is not None for value in values)}
        return found.union(self.later)


class Labels:
    """The labels that rows of one endpoint are known to have; grows with what is seen."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.path = endpoint.path
        self._known = tuple(sorted({label for column in endpoint.columns for label in own_labels(column)}))

    @property
    def known(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return self._known

    def learn(self, labels: Iterable[str]) -> None:
        """Adds labels, as long as they are few enough for a table."""
        new = set(labels).difference(self._known)
        if new and len(new) + len(self._known) <= _MOST_LABELS:
            self._known = tuple(sorted(new.union(self._known)))


@lru_cache(maxsize=256)
def struct_of(labels: tuple[str, ...]) -> type[msgspec.Struct] | None:
    """A struct with a field for each label; None where msgspec cannot name one so."""
    if any(_AWKWARD.search(label) for label in labels):
        return None
    names = {f"f{number}": label for number, label in enumerate(labels)}
    return msgspec.defstruct(
        "Row",
        [(name, Any, None) for name in names],
        rename=names,
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,
    )


def parse(chunk: Chunk, labels: Labels) -> Iterator[Rows]:
    """The rows of a chunk; raises ResponseError."""
    rows = _by_struct(chunk, labels.known)
    if rows is not None:
        yield rows
        return
    objects = [_row(bytes(raw), labels.path, chunk.first + number) for number, raw in enumerate(chunk.rows)]
    labels.learn({label for row in objects for label in row})
    yield from _split(objects)


@lru_cache(maxsize=256)
def _chunk_decoder(labels: tuple[str, ...]) -> msgspec.json.Decoder[list[msgspec.Struct]] | None:
    struct = struct_of(labels)
    return None if struct is None else msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]


def _by_struct(chunk: Chunk, labels: tuple[str, ...]) -> Rows | None:
    decoder = _chunk_decoder(labels)
    if decoder is None:
        return None
    try:
        structs = decoder.decode(chunk.text)
        values = zip(*map(msgspec.structs.astuple, structs), strict=True)
        columns: dict[str, Sequence[Any]] = dict(zip(labels, values, strict=True))
        return Rows(len(structs), columns) if _every_key_counts(chunk.text, columns) else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _every_key_counts(text: bytes, columns: dict[str, Sequence[Any]]) -> bool:
    """Whether there are as many values as keys in the text; structs keep only the last value of a repeated key."""
    if b" :" in text or any(space in text for space in b"\t\r\n"):
        keys = sum(1 for _ in _SPACED_KEY.finditer(text))
    else:
        keys = text.count(b'":')
    values = sum(len(column) - column.count(None) for column in columns.values())
    if keys == values:
        return True
    keys -= text.count(b'":null')
    # Written again, an escaped quote or colon could pass for one more key.
    return keys == values or (b"\\u00" not in text and keys == values + _keys_inside(columns))


def _keys_inside(columns: dict[str, Sequence[Any]]) -> int:
    """How many keys with a value stand in the objects inside of values: what shows once they are written again."""
    nested = [value for column in columns.values() for value in column if type(value) in _NESTED]
    text = json_text(nested)
    return text.count(b'":') - text.count(b'":null')


def _row(text: bytes, path: str, number: int) -> dict[str, Any]:
    try:
        row = _OBJECT.decode(text)
        if len(row) == sum(1 for _ in _SPACED_KEY.finditer(text)):
            return row
    except (msgspec.DecodeError, RecursionError):
        pass  # the exact reader has the last word: it takes more, and its refusals are the ones to report
    place = f"row {number} of `data`"
    with refusals(path, place):
        found = exact(text)
        if isinstance(found, dict):
            return found
        raise msgspec.ValidationError(f"Expected `object`, got `{type(found).__name__}`")


def _split(rows: Sequence[dict[str, Any]]) -> Iterator[Rows]:
    """Those rows as columns; in parts, where they have so many different labels that most cells would be empty."""
    labels = dict.fromkeys(label for row in rows for label in row)
    cells = len(rows) * len(labels)
    if len(rows) > 1 and cells > _FEW_CELLS and cells > _MOST_EMPTY * sum(map(len, rows)):
        half = len(rows) // 2
        yield from _split(rows[:half])
        yield from _split(rows[half:])
        return
    later: dict[str, dict[int, list[Any]]] = {}
    single = [_firsts(row, number, later) if isinstance(row, Repeating) else row for number, row in enumerate(rows)]
    yield Rows(len(rows), {label: [row.get(label) for row in single] for label in labels}, later)


def _firsts(row: Repeating, number: int, later: dict[str, dict[int, list[Any]]]) -> dict[str, Any]:
    """The first value of each key; the others are added to `later`."""
    firsts: dict[str, Any] = {}
    for key, value in row.pairs:
        if value is None:
            continue
        if key in firsts:
            later.setdefault(key, {}).setdefault(number, []).append(value)
        else:
            firsts[key] = value
    return firsts
