"""A user's Python variables as the values of a statement's parameters: by value, never as text of the statement."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from duckdb_videsk.errors import QueryError

if TYPE_CHECKING:
    import duckdb

__all__ = ["is_value", "parameters_of"]

_PLAIN = (bool, int, float, str, bytes, bytearray, date, time, timedelta, Decimal, UUID)
_MISSING = {"NAType", "NaTType"}
_CONVERSIONS = ("tolist", "to_list", "as_py", "to_pylist")
_SPELLED = re.compile(r"\$([^\W\d]\w*)")


def parameters_of(
    connection: duckdb.DuckDBPyConnection, statement: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Values for the parameters that DuckDB finds in a statement, from the variables of the same names.

    Raises:
        QueryError: a parameter has no name or no variable, is spelled in two ways, or its value is of a type that no
            parameter can have.
    """
    names = sorted({name for part in connection.extract_statements(statement) for name in part.named_parameters})
    for name in names:
        _check(name, statement, variables)
    return {name: _bound(name, variables[name]) for name in names}


def is_value(value: Any) -> bool:
    """Whether a variable is most likely meant as the value of a parameter."""
    return isinstance(value, (*_PLAIN, list, tuple, AbstractSet))


def _check(name: str, statement: str, variables: Mapping[str, Any]) -> None:
    if name.isdecimal():
        raise QueryError("A parameter is written $name here, and takes the value of the variable `name`.")
    # To DuckDB these are one parameter, and to Python two variables.
    spellings = {other for other in _SPELLED.findall(statement) if other.lower() == name.lower()} | {name}
    if len(spellings) > 1:
        raise QueryError(f"Spell ${name} in one way: DuckDB does not tell {_listed(spellings)} apart.")
    if name not in variables:
        raise QueryError(f"There is no variable {name} for the parameter ${name}.")


def _listed(names: AbstractSet[str]) -> str:
    return " and ".join(f"${name}" for name in sorted(names))


def _bound(name: str, value: Any) -> Any:
    if type(value).__name__ in _MISSING:
        return None
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {str(key): _bound(name, part) for key, part in value.items()}
    if isinstance(value, (list, tuple, range, AbstractSet)):
        return [_bound(name, part) for part in value]
    if (column := _column(value)) is not None:
        return _bound(name, column)
    kind = type(value).__name__
    raise QueryError(f"The variable {name} is a {kind}, which no parameter can hold. A table has no $: FROM {name}.")


def _column(value: Any) -> Any:
    """A scalar, an array or a column of NumPy, pandas, Polars or Arrow as Python's own; None for what is none."""
    ways = (getattr(value, name, None) for name in _CONVERSIONS)
    convert = next((way for way in ways if way is not None), None)
    if convert is None or hasattr(value, "columns"):
        return None
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in {"M", "m"} and type(value).__module__ == "numpy":
        # Its own list of nanoseconds would be one of integers.
        return value.astype(f"{kind}8[us]").tolist()
    python = convert()
    if kind == "O" and isinstance(python, list):
        # A text that is missing is a NaN to pandas, and would become the text "nan".
        return [None if isinstance(part, float) and math.isnan(part) else part for part in python]
    return python
