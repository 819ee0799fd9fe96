"""Whether an accepted answer holds just what its body says, by Python's `json` alone.

It does not say where a value has to be, only that each one is found: in a column of its label, exactly or by one of
the documented conversions, or under its label in `_unmapped` or `answers`; and that nothing stands there besides.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from duckdb_videsk.endpoints import Column, Endpoint

_HALF = re.compile("[\ud800-\udfff]")
_SPELT_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d\d)/(\d\d)/(\d{4}), (\d\d:\d\d:\d\d)", re.ASCII)
_LONGEST_INTEGER = 4_300


class Number(NamedTuple):
    """A number as it stands in the text."""

    text: str


class Pairs(NamedTuple):
    """An object, with its keys as they came."""

    pairs: tuple[tuple[str, Any], ...]


def read(text: bytes | str) -> Any:
    """A JSON text, nothing lost; raises ValueError."""
    return json.loads(
        text.decode("utf-8-sig") if isinstance(text, bytes) else text,
        object_pairs_hook=lambda pairs: Pairs(tuple(pairs)),
        parse_int=Number,
        parse_float=Number,
        parse_constant=_refuse,
    )


def differences(  # noqa: PLR0911 - a return for each thing that can be wrong
    endpoint: Endpoint, body: bytes, limit: int, batch: pa.RecordBatch, asked_id: str | None
) -> list[str]:
    """What is wrong with an answer that was accepted; nothing, if all is right."""
    try:
        whole = read(body)
    except ValueError as error:
        return [f"the body is no JSON: {error}"]
    if not isinstance(whole, Pairs):
        return ["the body is no object"]
    keys = [key for key, _ in whole.pairs]
    fields = dict(whole.pairs)
    found = [f"{key} stands {keys.count(key)} times" for key in ("$limit", "data") if keys.count(key) != 1]
    if found:
        return found
    if fields["$limit"] != Number(str(limit)) or limit < 1:
        return [f"$limit is {fields['$limit']}, not {limit}"]
    rows = fields["data"]
    if not isinstance(rows, list) or not all(isinstance(row, Pairs) for row in rows):
        return ["data is no list of objects"]
    if len(rows) != batch.num_rows:
        return [f"{len(rows)} rows came, {batch.num_rows} are there"]
    return [
        f"row {number}: {fault}"
        for number, (row, held) in enumerate(zip(rows, batch.to_pylist(), strict=True))
        for fault in _faults(endpoint, row.pairs, held, asked_id)
    ]


def _faults(  # noqa: C901 - one rule after the other
    endpoint: Endpoint, pairs: Any, held: dict[str, Any], asked_id: str | None
) -> Iterator[str]:
    if endpoint.parameter is not None and held[endpoint.parameter] != asked_id:
        yield "the id asked for is another"
    came: dict[str, list[Any]] = defaultdict(list)
    for label, value in pairs:
        if value is not None:
            came[_same_halves(label)].append(value)
    beside: dict[str, list[Any]] = defaultdict(list)
    for name in ("_unmapped", "answers"):
        for label, value in read(held[name] or "{}").pairs if name in held else ():
            beside[_same_halves(label)].append(value)
    unheld = {column.name for column in endpoint.columns if held[column.name] is not None}
    for label, values in came.items():
        holding = [column for column in endpoint.columns if label in _labels(column)]
        for rest in _unplaced(values, beside.pop(label, [])):
            names = [column.name for value in rest for column in holding if _holds(column, value, held[column.name])]
            if len(rest) == 0 or (len(rest) == 1 and names):
                unheld.difference_update(names)
                break
        else:
            yield f"{label!r}: not all of {values!r} is there, or more than that"
    for name in unheld:
        yield f"{name} holds {held[name]!r}, which did not come"
    for label, value in beside.items():
        yield f"{label!r}: {value!r} did not come"


def _unplaced(values: list[Any], beside: list[Any]) -> Iterator[list[Any]]:
    """What is left of a label's values without those that stand beside, in each way to read these.

    A list that stands there is one value, or the several values of a label that came more than once.
    """
    readings = [[[one], one] if isinstance(one, list) and len(one) > 1 else [[one]] for one in beside]
    for reading in itertools.product(*readings):
        left = list(values)
        for one in itertools.chain(*reading):
            place = next((place for place, value in enumerate(left) if _same(value, one)), None)
            if place is None:
                break
            del left[place]
        else:
            yield left


def _labels(column: Column) -> set[str]:
    return {*column.keys, *((column.fixed,) if column.fixed else ()), *column.fallback_labels}


def _holds(column: Column, value: Any, held: Any) -> bool:  # noqa: PLR0911 - a return for each type
    """Whether a column's value is that of the body, by one of the documented conversions."""
    kind = column.kind.name
    if kind == "JSON":
        return _same(value, read(held))
    if isinstance(value, Number):
        number = float(value.text)
        if kind == "DOUBLE":
            return math.isfinite(number) and held == number * column.factor
        return kind == "BIGINT" and held == (_integer(value.text) if _is_integer(value.text) else number)
    if isinstance(value, bool):
        return kind == "BOOLEAN" and held is value
    if isinstance(value, list):
        return kind == "LIST" and len(value) == len(held) and all(map(_same, value, held))
    if not isinstance(value, str):
        return False
    if kind == "LIST":
        return list(map(_same_halves, held)) == ([_same_halves(value)] if value else [])
    if kind == "TIME":
        return _instant(value) == held
    return kind == "TEXT" and _same(value, held)


def _same(value: Any, held: Any) -> bool:
    """Whether two values, read here, are one; a repeated key inside of a value holds the list of its values."""
    if isinstance(value, Number) and isinstance(held, Number):
        if _is_integer(value.text) or _is_integer(held.text):
            return _integer(value.text) == _integer(held.text) if _is_integer(value.text) else False
        one, other = float(value.text), float(held.text)
        return (
            (one == other and math.copysign(1, one) == math.copysign(1, other))
            if math.isfinite(one)
            else (value.text == held.text)
        )
    if isinstance(value, str) and isinstance(held, str):
        return _same_halves(value) == _same_halves(held)
    if isinstance(value, list) and isinstance(held, list):
        return len(value) == len(held) and all(map(_same, value, held))
    if isinstance(value, Pairs) and isinstance(held, Pairs):
        return _same_objects(value.pairs, held.pairs)
    return type(value) is type(held) and bool(value == held)


def _same_objects(pairs: Any, held: Any) -> bool:
    merged: dict[str, list[Any]] = {}
    for key, value in pairs:
        merged.setdefault(_same_halves(key), []).append(value)
    found = {_same_halves(key): value for key, value in held}
    if merged.keys() != found.keys() or len(found) != len(held):
        return False
    for key, values in merged.items():
        some = [value for value in values if value is not None] if len(values) > 1 else values
        one = some if len(some) > 1 else next(iter(some), None)
        if not _same(one, found[key]):
            return False
    return True


def _same_halves(text: str) -> str:
    """The text with halves of UTF-16 pairs spelt out, as no column can hold them."""
    spelt = _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return _SPELT_HALF.sub(lambda half: half[0].lower(), spelt)


def _is_integer(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _integer(text: str) -> int | str | None:
    if not _is_integer(text):
        return None
    return int(text) if len(text) < _LONGEST_INTEGER else text


def _instant(text: str) -> datetime | None:
    if day := _DAY_FIRST.fullmatch(text):
        text = f"{day[3]}-{day[2]}-{day[1]} {day[4]}"
    parts = _TIME.fullmatch(text)
    if parts is None:
        return None
    *fields, fraction = parts.groups(default="")
    try:
        return datetime(*map(int, fields), int(fraction.ljust(6, "0")), tzinfo=UTC)
    except ValueError:
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
