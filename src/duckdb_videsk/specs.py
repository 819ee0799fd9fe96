"""What an export's spec is made of: columns with their types, units and labels, and the endpoint that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.labels import shipped

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["UNMAPPED", "Column", "Endpoint", "Kind", "Near"]

UNMAPPED = "_unmapped"


class Kind(Enum):
    """The type of a column; its value is the Arrow type that DuckDB reads."""

    TEXT = pa.string()
    DOUBLE = pa.float64()
    BIGINT = pa.int64()
    BOOLEAN = pa.bool_()
    TIME = pa.timestamp("us", "UTC")
    LIST = pa.list_(pa.string())
    JSON = pa.json_(pa.string())


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: SQL name.
        kind: type.
        keys: documented API keys whose values go here, the preferred first; empty where the API knows it by
            `fixed` alone, or not at all.
        fixed: the label the API gives it where no key renames it; None for the others.
        unit: unit of the values in the table, for people; None where they have none.
        factor: what the API's number is multiplied by to come to `unit`.
        comment: what it means, where the name does not say.
    """

    name: str
    kind: Kind
    keys: tuple[str, ...] = ()
    fixed: str | None = None
    unit: str | None = None
    factor: float = 1.0
    comment: str = ""

    @property
    def label_key(self) -> str:
        """What a language's labels call this column by."""
        return self.keys[0] if self.keys else self.fixed or self.name

    @property
    def fallback_labels(self) -> tuple[str, ...]:
        """Labels that stand for this column in an answer that lacks its keys."""
        spanish = shipped("es")
        return tuple(dict.fromkeys([spanish[key] for key in self.keys] + ([self.fixed] if self.fixed else [])))


@dataclass(frozen=True, slots=True)
class Near:
    """When a row comes, next to the row of another export that it belongs to: so by nature, but nobody promises it.

    Attributes:
        key: the column here that is equal to one there.
        table: the other table.
        other_key: its column.
        after: how many seconds at least the time here lies after the time there; less than 0: before.
        until: how many at most; None: no bound.
    """

    key: str
    table: str
    other_key: str
    after: int
    until: int | None = None


@dataclass(frozen=True)
class Endpoint:
    """One export.

    Attributes:
        path: below `/reports/exports/`.
        table: name of the table in the catalog.
        views: name of its view in each shipped language.
        range_column: the column that a request's `start` and `end` are taken to filter on.
        identity: columns that together name a row; genuine twins exist all the same.
        columns: those that the API sends, in order.
        parameter: column and body field that has to hold one id for each request (`form`, `survey`), or None.
        clock_rows: how many rows it takes to hold the range column against the creation seconds in the ids: one where
            the two are documented to be equal, some where they should be; None where they need not be.
        comment: what a row is.
        near: when its rows come, next to those of other exports; generously.
    """

    path: str
    table: str
    views: Mapping[str, str]
    range_column: str
    identity: tuple[str, ...]
    columns: tuple[Column, ...]
    parameter: str | None = None
    clock_rows: int | None = None
    comment: str = ""
    near: tuple[Near, ...] = ()
    all_columns: tuple[Column, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        leading = (
            ()
            if self.parameter is None
            else (Column(self.parameter, Kind.TEXT, comment="the id that was asked for"),)
        )
        trailing = () if self.parameter is None else (_ANSWERS,)
        object.__setattr__(self, "all_columns", (*leading, *self.columns, *trailing, _OTHER))

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the table: `all_columns` in order, all nullable, times in microseconds UTC."""
        return pa.schema([pa.field(column.name, column.kind.value) for column in self.all_columns])

    @cached_property
    def api_keys(self) -> tuple[str, ...]:
        """The documented keys of this export, in order."""
        return tuple(key for column in self.columns for key in column.keys)

    def column(self, name: str) -> Column:
        """The column of that name; raises KeyError."""
        for column in self.all_columns:
            if column.name == name:
                return column
        raise KeyError(name)


_ANSWERS = Column(
    "answers", Kind.JSON, comment="every question's label with its answer; a repeated label holds a list"
)
_OTHER = Column(
    UNMAPPED, Kind.JSON, comment="what the API sent and no column could hold, by its label; NULL where nothing"
)
