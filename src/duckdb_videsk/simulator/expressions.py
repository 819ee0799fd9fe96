"""Small pieces of SQL text for the synthetic account: picking a word, making an id, printing a row as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .blocks import Printing, Scope
    from .catalogue import Column

__all__ = [
    "TAIL",
    "Select",
    "exponential",
    "literal",
    "minutes",
    "object_id",
    "only_if",
    "pick",
    "printed",
    "quoted",
    "select",
    "timed",
    "within",
]


@dataclass(frozen=True, slots=True)
class Select:
    """Rows of one source: an SQL expression for each key."""

    source: str
    where: str
    columns: Mapping[str, str]

    def sql(self, part: int) -> str:
        """The statement; `_d`, `_n` and `_part` keep rows of the same instant in a settled order."""
        named = ", ".join(f'{value} AS "{name}"' for name, value in self.columns.items())
        return f"SELECT {named}, d AS _d, i AS _n, {part} AS _part FROM {self.source} WHERE {self.where}"  # noqa: S608 - our own text


def select(source: str, where: str, /, **columns: str) -> Select:
    """Rows of a source; a column without a key of its own goes by its short name here."""
    return Select(source, where, {_LABELS.get(name, name): value for name, value in columns.items()})


_PATTERNS = {
    "dmy": "%d/%m/%Y, %H:%M:%S",
    "mdy": "%m/%d/%Y, %H:%M:%S",
    "isoz": "%Y-%m-%dT%H:%M:%SZ",
    "words": "%d %B %Y %H:%M:%S",
}
_LABELS = {
    "acw": "After Call Work (ACW)",
    "effective": "Effective Duration",
    "integration": "Integration Data",
    "service": "Service",
    "type": "Type",
    "status": "Status",
    "cancellation": "Cancellation Date",
    "canceled_by": "Canceled By",
    "rescheduled": "Rescheduled Appointment ID",
    "entity": "Entity Type",
    "longitude": "Longitude",
    "latitude": "Latitude",
    "accuracy": "GPS accuracy",
}


def literal(value: str) -> str:
    """An SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def _inside(value: str) -> str:
    """An SQL literal of what stands between a JSON string's quotes."""
    return literal(msgspec.json.encode(value).decode()[1:-1])


def pick(values: Sequence[str], dice: str) -> str:
    """One of some texts."""
    return f"([{','.join(map(_inside, values))}])[1 + ({dice}) % {len(values)}]"


def quoted(value: str) -> str:
    """A text as a JSON string; NULL stays NULL."""
    return f"('\"' || {value} || '\"')"


# The fifteen digits that all records of one contact or appointment share.
TAIL = f"lower(hex({1 << 59}::BIGINT | ((r8 & {(1 << 27) - 1}) << 32) | r9)) AS tail"


def object_id(milliseconds: str, salt: int) -> str:
    """An ObjectId: seconds, the tail, and one digit for the sort of record."""
    return f"(lower(hex(({milliseconds}) // 1000)) || tail || '{salt:x}')"


def exponential(dice: str, *, mean: int, most: int) -> str:
    """Milliseconds whose mean is near `mean` seconds and that never pass `most` seconds."""
    return f"least({most * 1000}, (-ln(({dice} + 1) / 4294967297.0) * {mean * 1000})::BIGINT)"


def within(share: tuple[int, int]) -> str:
    """Whether a contact's number lies between two hundredths of its day's calls."""
    return f"(i >= n * {share[0]} // 100 AND i < n * {share[1]} // 100)"


def only_if(condition: str, value: str) -> str:
    """A value, or nothing."""
    return f"CASE WHEN {condition} THEN {value} END"


def minutes(milliseconds: str) -> str:
    """Milliseconds in the API's unit of durations."""
    return f"round(({milliseconds}) / 60000.0, 2)"


def timed(scope: Scope, selects: Sequence[Select]) -> str:
    """The SQL of the times alone, in order, with empty texts."""
    return _ordered(scope, selects, "''")


def printed(scope: Scope, selects: Sequence[Select], questions: Sequence[str]) -> str:
    """The SQL that orders rows by the scope's time, and prints each as a fragment: columns `t` and `x`."""
    given = {key for one in selects for key in one.columns}
    labels = dict(scope.printing.labels)
    members = [
        _member(column, labels.get(column.key, column.key), scope.printing)
        for column in scope.endpoint.columns
        if column.key in given
    ]
    members.extend(_answers(questions, scope.printing))
    # Only the id is always there: every other member brings its comma with it, or is NULL.
    return _ordered(scope, selects, f"concat('{{', {', '.join(members)}, '}},')")


def _ordered(scope: Scope, selects: Sequence[Select], text: str) -> str:
    records = " UNION ALL BY NAME ".join(one.sql(part) for part, one in enumerate(selects))
    return (
        f'records AS ({records}) SELECT "{scope.time_key}" AS t, {text} AS x FROM records '  # noqa: S608 - our own text
        f'WHERE "{scope.time_key}" IS NOT NULL ORDER BY t, _d, _n, _part'
    )


def _member(column: Column, label: str, printing: Printing) -> str:
    comma = "" if column.key == "id" else ","
    head = literal(f"{comma}{msgspec.json.encode(label).decode()}:")
    return f"({head} || {_value(column, printing)})"


def _value(column: Column, printing: Printing) -> str:
    name = f'"{column.key}"'
    match column.kind:
        case "text":
            return quoted(name)
        case "number":
            return f"CASE WHEN {name} = {name}::BIGINT THEN {name}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
        case "time":
            return _time(name, printing)
        case _:
            return f"{name}::VARCHAR"


def _time(name: str, printing: Printing) -> str:
    if printing.style == "epoch":
        return f"{name}::VARCHAR"
    moment = f"epoch_ms({name} // 1000 * 1000)"
    if printing.zone != "UTC":
        moment = f"({moment} AT TIME ZONE 'UTC' AT TIME ZONE {literal(printing.zone)})"
    pattern = _PATTERNS.get(printing.style)
    return quoted(f"{moment}::VARCHAR" if pattern is None else f"strftime({moment}, '{pattern}')")


def _answers(questions: Sequence[str], printing: Printing) -> list[str]:
    names = [(msgspec.json.encode(label).decode(), f"q{number}") for number, label in enumerate(questions)]
    if printing.style == "epoch":
        pairs = ", ".join(f"({literal(f'[{label},')} || {name} || ']')" for label, name in names)
        return [f"concat(',\"answers\":[', concat_ws(',', {pairs}), ']')"] if names else []
    return [f"({literal(f',{label}:')} || {name})" for label, name in names]
