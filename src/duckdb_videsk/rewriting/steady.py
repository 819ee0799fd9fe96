"""Which functions give the same for the same: DuckDB is asked once, for all statements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb_videsk.rewriting.grid import Evaluator

__all__ = ["steady_functions"]

_STEADY = """
    SELECT function_name FROM duckdb_functions() WHERE internal AND function_type IN ('scalar', 'aggregate')
    GROUP BY ALL HAVING bool_and(coalesce(stability, 'CONSISTENT') <> 'VOLATILE')
"""
_SHORTHANDS = """
    SELECT function_name, lower(string_agg(macro_definition, ' ')) FROM duckdb_functions()
    WHERE internal AND function_type = 'macro' GROUP BY ALL
"""
_CALLED = re.compile(r"\b(\w+)\"?\s*\(")
_SYNTAX = frozenset({"if", "unnest", "range", "generate_series", "coalesce"})
_WORDS = frozenset({"and", "case", "cast", "else", "in", "not", "or", "then", "try_cast", "when"})


def steady_functions(evaluator: Evaluator) -> frozenset[str]:
    """DuckDB's own functions that give the same for the same, and its macros of nothing but those."""
    if not _steady:
        with evaluator.once():
            known = frozenset(name for (name,) in evaluator.rows(_STEADY)) | _SYNTAX
            macros = {name: set(_CALLED.findall(text)) - _WORDS for name, text in evaluator.rows(_SHORTHANDS)}
        while more := {name for name, called in macros.items() if name not in known and called <= known}:
            known = known | more
        _steady.append(known)
    return _steady[0]


_steady: list[frozenset[str]] = []
