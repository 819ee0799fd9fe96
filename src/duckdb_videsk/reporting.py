"""The reports of `sql/reports`: what each asks, takes and gives, read from its header, and how it is run.

A header is the TOML in the comment lines that a file begins with.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, overload

import duckdb

from duckdb_videsk.bridge import HOLDS_ON, held
from duckdb_videsk.errors import QueryError
from duckdb_videsk.report_words import column_title
from duckdb_videsk.shipped import sql_folder
from duckdb_videsk.views import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from duckdb_videsk.connection import Connection
    from duckdb_videsk.relation import Relation

__all__ = ["Report", "ReportColumn", "ReportParameter", "ReportRead", "bound", "named", "report", "reports"]

_BEYOND = "{name} has to lie in the years 1 to 9999: write a day such as 2026-10-01."


@dataclass(frozen=True, slots=True)
class ReportParameter:
    """What a report takes.

    Attributes:
        name: as in the SQL, without the `$`.
        type: DuckDB's.
        default: an expression of DuckDB; `until` in it is that parameter's value.
        choices: the only values there are; empty for any.
    """

    name: str
    type: str
    default: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """What a report gives: a column's name, DuckDB's type, its unit (or nothing) and what it means."""

    name: str
    type: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ReportRead:
    """What a report reads of a table: columns, and how many days more than the range, before and after it."""

    columns: tuple[str, ...]
    days_before: int = 0
    days_after: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its texts by language (`en`, `es`, `pt`), what it takes, reads and gives.

    Attributes:
        name: of its file.
        titles, questions, readings: by language: its title, the question it answers, how to read the answer.
        parameters: what it takes.
        reads: what it reads of each table.
        columns: what it gives.
        sql: one query, with its parameters as `$name`.
    """

    name: str
    titles: Mapping[str, str]
    questions: Mapping[str, str]
    readings: Mapping[str, str]
    parameters: tuple[ReportParameter, ...]
    reads: Mapping[str, ReportRead]
    columns: tuple[ReportColumn, ...]
    sql: str = field(repr=False)

    def takes(self, parameter: str) -> bool:
        """Whether there is a parameter of that name."""
        return any(one.name == parameter for one in self.parameters)


def reports() -> tuple[Report, ...]:
    """All reports, in the order to read them in."""
    return tuple(_shipped().values())


def named(name: str) -> Report:
    """The report of that name; QueryError where there is none."""
    known = _shipped()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise QueryError(f"There is no report {name!r}.{meant} Reports are: {', '.join(known)}.")
    return known[name]


@overload
def report(
    con: Connection,
    name: str,
    *,
    since: datetime | date | str | None = None,
    until: datetime | date | str | None = None,
    by: str | None = None,
    threshold_seconds: float | None = None,
    survey: str | None = None,
    language: str | None = None,
) -> Relation: ...


@overload
def report(
    con: duckdb.DuckDBPyConnection,
    name: str,
    *,
    since: datetime | date | str | None = None,
    until: datetime | date | str | None = None,
    by: str | None = None,
    threshold_seconds: float | None = None,
    survey: str | None = None,
    language: str | None = None,
) -> duckdb.DuckDBPyRelation: ...


def report(
    con: Connection | duckdb.DuckDBPyConnection,
    name: str,
    *,
    since: datetime | date | str | None = None,
    until: datetime | date | str | None = None,
    by: str | None = None,
    threshold_seconds: float | None = None,
    survey: str | None = None,
    language: str | None = None,
) -> Relation | duckdb.DuckDBPyRelation:
    """One of `reports()` as a lazy relation.

    Args:
        con: the connection; dates are days of its time zone.
        name: of the report.
        since: the beginning; by itself 30 days before `until`.
        until: the end, not included; by itself the beginning of today.
        by: `"day"`, `"week"` or `"month"`, for reports over time.
        threshold_seconds: for service levels.
        survey: a survey's id; by itself all of the settings.
        language: of the columns' titles: `"en"`, `"es"` or `"pt"`; by itself they are named as in the SQL.

    Raises:
        QueryError: there is no such report, it does not take that, or a value is wrong.
    """
    given = {"since": since, "until": until, "by": by, "threshold_seconds": threshold_seconds, "survey": survey}
    chosen = named(name)
    values = bound(con, chosen, {name: value for name, value in given.items() if value is not None})
    if HOLDS_ON and isinstance(con, duckdb.DuckDBPyConnection):
        answer: Relation | duckdb.DuckDBPyRelation = held(con, chosen.sql, values)
    else:
        answer = con.sql(chosen.sql, params=values)
    if language is None:
        return answer
    titled = (f"{quoted(one.name)} AS {quoted(column_title(one.name, language))}" for one in chosen.columns)
    projected: Relation | duckdb.DuckDBPyRelation = answer.project(", ".join(titled))
    return projected


def bound(con: Connection | duckdb.DuckDBPyConnection, chosen: Report, given: Mapping[str, object]) -> dict[str, Any]:
    """The value of each parameter of a report, in the connection's time zone: the one given, or the default.

    Raises:
        QueryError: one is given that the report does not take, or a value is wrong.
    """
    for name in given:
        if not chosen.takes(name):
            taken = ", ".join(parameter.name for parameter in chosen.parameters)
            raise QueryError(f"The report {chosen.name} does not take {name}; it takes: {taken}.")
    for parameter in chosen.parameters:
        if parameter.choices and given.get(parameter.name, parameter.choices[0]) not in parameter.choices:
            raise QueryError(
                f"{parameter.name} is {given[parameter.name]!r}; it has to be one of: {', '.join(parameter.choices)}."
            )
    values = _evaluated(con, chosen.parameters, given)
    for name in ("since", "until"):
        # What is no time of Python comes as another type, or without a time zone.
        if not isinstance(values[name], datetime) or values[name].tzinfo is None:
            raise QueryError(_BEYOND.format(name=name))
    if not 0 <= values.get("threshold_seconds", 0) < math.inf:
        raise QueryError("threshold_seconds has to be a number of seconds, 0 or more.")
    if values["since"] > values["until"]:
        raise QueryError(f"The range ends before it begins: since {values['since']}, until {values['until']}.")
    return values


def _evaluated(
    con: Connection | duckdb.DuckDBPyConnection, parameters: Sequence[ReportParameter], given: Mapping[str, object]
) -> dict[str, Any]:
    # Backwards, since the default of `since` names `until`: DuckDB knows what stands before it.
    selected = ", ".join(
        f"CAST({f'${one.name}' if one.name in given else one.default} AS {one.type}) AS {one.name}"
        for one in reversed(parameters)
    )
    try:
        (row,) = con.sql(f"SELECT {selected}", params=dict(given)).fetchall()
    except duckdb.Error as error:
        said = ", ".join(f"{name} = {value!r}" for name, value in given.items())
        reason = str(error).split("\n", 1)[0]
        raise QueryError(f"What is asked of the report cannot be read: {said}: {reason}") from error
    except (OverflowError, ValueError):  # a time whose local day is beyond Python's years
        raise QueryError(_BEYOND.format(name="the range")) from None
    found = dict(zip((one.name for one in reversed(parameters)), row, strict=True))
    return {one.name: found[one.name] for one in parameters}


@cache
def _shipped() -> dict[str, Report]:
    files = [entry for entry in sql_folder().joinpath("reports").iterdir() if entry.name.endswith(".sql")]
    loaded = [_parsed(file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]
    return {one.name: one for _, one in sorted(loaded, key=lambda pair: pair[0])}


def _parsed(name: str, text: str) -> tuple[int, Report]:
    """The report's place among the others, and the report."""
    lines = text.splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    header: dict[str, Any] = tomllib.loads("\n".join(line.removeprefix("--") for line in lines[:end]))
    return header["order"], Report(
        name=name,
        titles=header["title"],
        questions=header["question"],
        readings=header["reading"],
        parameters=tuple(
            ReportParameter(name, one["type"], one["default"], tuple(one.get("choices", ())))
            for name, one in header["parameters"].items()
        ),
        reads={
            table: ReportRead(tuple(one["columns"]), one.get("days_before", 0), one.get("days_after", 0))
            for table, one in header["reads"].items()
        },
        columns=tuple(ReportColumn(name, *rest) for name, rest in header["columns"].items()),
        sql="\n".join(lines[end:]).strip(),
    )
