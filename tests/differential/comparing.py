"""Answers of DuckDB as plain values, and whether two of them are the same."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb_videsk import Connection

__all__ = ["Answer", "answer", "assert_same"]


@dataclass(frozen=True)
class Answer:
    names: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


def answer(con: Connection, statements: Sequence[str], params: Any = None) -> Answer:
    """What the last of the statements gives."""
    *before, last = statements
    for statement in before:
        con.execute(statement)
    con.execute(last, params)
    described = con.description
    types = [str(column[1]) for column in described]
    rows = [tuple(map(_plain, row, types)) for row in con.fetchall()]
    return Answer([column[0] for column in described], types, rows)


def assert_same(got: Answer, want: Answer, *, ordered: bool = False, approx: bool = False) -> None:
    assert got.names == want.names
    assert got.types == want.types
    if approx:
        _assert_close(got.rows, want.rows, ordered=ordered)
    elif ordered:
        assert got.rows == want.rows
    else:
        missing, extra = _difference(want.rows, got.rows), _difference(got.rows, want.rows)
        assert not missing
        assert not extra
        assert len(got.rows) == len(want.rows)


def _difference(some: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> list[Any]:
    return list((Counter(some) - Counter(others)).items())[:5]


def _assert_close(got: list[tuple[Any, ...]], want: list[tuple[Any, ...]], *, ordered: bool) -> None:
    assert len(got) == len(want)
    if not ordered:
        got, want = sorted(got, key=_rough), sorted(want, key=_rough)
    for one, other in zip(got, want, strict=True):
        assert all(map(_is_close, one, other)), (one, other)


def _rough(row: tuple[Any, ...]) -> tuple[Any, ...]:
    exact = tuple(repr(value) for value in row if not isinstance(value, float | tuple))
    return exact, tuple(value for value in row if isinstance(value, float))


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_is_close, one, other))
    return bool(one == other)


def _plain(value: Any, kind: str = "") -> Any:
    """A hashable value that is equal only to the same value: instants in UTC, JSON without the order of its keys."""
    if kind == "JSON" and isinstance(value, str):
        return "json", json.dumps(json.loads(value), sort_keys=True)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return tuple((key, _plain(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return "NaN" if isinstance(value, float) and math.isnan(value) else value
