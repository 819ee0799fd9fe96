"""The text of what stands on the tables: language views, comments and table macros, from the specs and the labels."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import duckdb

from duckdb_videsk.errors import LabelError
from duckdb_videsk.labels import BUILT_IN, load_language, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb_videsk.endpoints import Column, Endpoint

__all__ = [
    "ACCOUNT",
    "CATALOG",
    "column_labels",
    "comments",
    "languages",
    "live_selection",
    "macro",
    "pinned_view",
    "quoted",
    "schema_views",
    "text_literal",
    "written",
]

CATALOG = "videsk"
ACCOUNT = "account"
"""The column that says whose a row is, where a connection has several accounts."""

_UNITS = {
    "es": {"seconds": "segundos", "degrees": "grados"},
    "pt": {"seconds": "segundos", "degrees": "graus"},
}
_WILDCARDS = str.maketrans({letter: f"[{letter}]" for letter in "*?["})
_BLOOM_FILTERS = int(duckdb.__version__.split(".")[0]) < 2
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_ACCOUNT_LABELS = {"es": "Cuenta", "en": "Account", "pt": "Conta"}
_VIEW_COMMENTS = {"es": "vista de {table} con los nombres de Videsk", "pt": "visão de {table} em português"}


def languages(own: Mapping[str, Mapping[str, str] | str | Path]) -> dict[str, Mapping[str, str]]:
    """Labels by language: the shipped ones and the user's; an own list for a shipped language goes over it.

    Raises:
        LabelError: a user's language is not usable.
    """
    loaded = {name: load_language(name, source) for name, source in own.items()}
    built_in = {name: {**shipped(name), **loaded.pop(name, {})} for name in BUILT_IN}
    return {**built_in, **loaded}


def column_labels(
    endpoint: Endpoint, language: str, labels: Mapping[str, str], *, accounts: bool = False
) -> dict[str, str]:
    """The label of each column, by column name; what the language does not name keeps its fixed label or its name.

    With `accounts` the column of that comes first.

    Raises:
        LabelError: the language gives two columns of the view one label.
    """
    named = {column.name: label for column in endpoint.all_columns if (label := _label(column, labels)) is not None}
    taken: dict[str, str] = {}
    for name, label in named.items():
        other = taken.setdefault(label.casefold(), name)
        if other != name:
            raise LabelError(
                f"Language {language!r}: columns {other!r} and {name!r} of {endpoint.table} would both be called "
                f"{label!r} (upper and lower case are the same to SQL). Give one of them another label."
            )
    for column in endpoint.all_columns:
        if column.name not in named:
            free = next(label for label in _fallbacks(column) if label.casefold() not in taken)
            named[column.name] = taken[free.casefold()] = free
    shown = {column.name: named[column.name] for column in endpoint.all_columns}
    if not accounts:
        return shown
    label = labels.get(ACCOUNT, _ACCOUNT_LABELS.get(language, ACCOUNT))
    return {ACCOUNT: next(free for free in _numbered(label) if free.casefold() not in taken), **shown}


def schema_views(
    endpoints: Sequence[Endpoint],
    language: str,
    labels: Mapping[str, str],
    *,
    catalog: str = CATALOG,
    macros: bool = True,
    anew: bool = False,
    accounts: bool = False,
) -> Iterator[str]:
    """Statements that create a language's schema and views with macros and comments.

    Args:
        catalog: where.
        macros: whether with macros.
        anew: over older ones.
        accounts: whether the tables have a column with the account.
    """
    if_needed, or_replace = ("IF NOT EXISTS ", "OR REPLACE ") if anew else ("", "")
    schema = f"{quoted(catalog)}.{quoted(language)}"
    yield f"CREATE SCHEMA {if_needed}{schema}"
    for endpoint in endpoints:
        named = column_labels(endpoint, language, labels, accounts=accounts)
        view = f"{schema}.{quoted(endpoint.views.get(language, endpoint.table))}"
        selected = ", ".join(f"{quoted(name)} AS {quoted(label)}" for name, label in named.items())
        # Without a catalog it is the view's own, whatever that is called where it is opened later.
        table = f"main.{quoted(endpoint.table)}"
        yield f"CREATE {or_replace}VIEW {view} AS SELECT {selected} FROM {table}"  # noqa: S608 - every name is quoted
        if macros:
            yield _macro(view, named[endpoint.range_column])
        yield from _view_comments(endpoint, view, language, named, catalog)


def comments(endpoint: Endpoint, *, catalog: str = CATALOG, kind: str = "VIEW") -> Iterator[str]:
    """Statements that say what an endpoint's table and its columns are."""
    table = f"{quoted(catalog)}.main.{quoted(endpoint.table)}"
    yield f"COMMENT ON {kind} {table} IS {text_literal(endpoint.comment)}"
    for column in endpoint.all_columns:
        said = ", ".join(part for part in (column.unit, column.comment) if part)
        if said:
            yield f"COMMENT ON COLUMN {table}.{quoted(column.name)} IS {text_literal(said)}"


def pinned_view(
    endpoint: Endpoint, files: Sequence[str], live: str, *, catalog: str = CATALOG, beside_files: bool = False
) -> str:
    """The statement that makes a table of kept files and of a view that gives all the rest.

    With `beside_files` the table may come to stand beside others that have files, though it has none.
    """
    live_columns = live_selection(endpoint, beside_files=beside_files or bool(files))
    halves = [f"SELECT {live_columns} FROM {quoted(catalog)}.{live} AS t"]  # noqa: S608 - every name is quoted
    if files:
        columns = ", ".join(f"t.{quoted(column.name)}" for column in endpoint.all_columns)
        # All names in one go: there may be thousands.
        named = text_literal("\0".join(files).translate(_WILDCARDS)).replace("\0", "', '")
        options = "hive_partitioning = false, union_by_name = false, filename = false"
        halves.insert(0, f"SELECT {columns} FROM read_parquet([{named}], {options}) AS t")  # noqa: S608
    return f"CREATE OR REPLACE VIEW {quoted(catalog)}.main.{quoted(endpoint.table)} AS {' UNION ALL '.join(halves)}"


def macro(endpoint: Endpoint, *, catalog: str = CATALOG) -> str:
    """The statement that creates an endpoint's table macro, half-open in time: `FROM videsk.calls(since := …)`."""
    table = f"{quoted(catalog)}.main.{quoted(endpoint.table)}"
    return _macro(table, endpoint.range_column, endpoint.parameter)


def _macro(table: str, range_column: str, parameter: str | None = None) -> str:
    """The macro of a table or view that has these columns."""
    column = f"t.{quoted(range_column)}"
    conditions = [
        f"(since IS NULL OR {column} >= CAST(since AS TIMESTAMPTZ))",
        f"(until IS NULL OR {column} < CAST(until AS TIMESTAMPTZ))",
    ]
    if parameter:
        conditions.append(f"({parameter} IS NULL OR t.{parameter} = {parameter})")
    signature = ", ".join(f"{name} := NULL" for name in [*([parameter] if parameter else []), "since", "until"])
    body = f"SELECT t.* FROM {table} AS t WHERE {' AND '.join(conditions)}"  # noqa: S608 - the specs' own names
    return f"CREATE MACRO {table}({signature}) AS TABLE {body}"


def quoted(name: str) -> str:
    """An identifier of any text."""
    return '"' + name.replace('"', '""') + '"'


def written(name: str) -> str:
    """An identifier as people write it: quoted where it has to be."""
    plain = _PLAIN.fullmatch(name) and [kind for _, kind in duckdb.tokenize(name)] == [duckdb.token_type.identifier]
    return name if plain else quoted(name)


def text_literal(text: str) -> str:
    """A string literal of any text."""
    return "'" + text.replace("'", "''") + "'"


def live_selection(endpoint: Endpoint, *, beside_files: bool) -> str:
    """The columns of what is live, qualified: within a macro DuckDB takes a bare name for its parameter too.

    DuckDB 1.5 pushes a Bloom filter of a join's keys into all of a union, and then finds that Arrow cannot take it.
    It pushes none through an expression; so only the columns that decide what is asked for stand bare.
    """
    shielded = beside_files and _BLOOM_FILTERS
    bare = {endpoint.range_column, endpoint.parameter} if shielded else set(endpoint.schema.names)
    names = [(column.name, f"t.{quoted(column.name)}") for column in endpoint.all_columns]
    return ", ".join(text if name in bare else f"coalesce({text}, {text}) AS {quoted(name)}" for name, text in names)


def _label(column: Column, labels: Mapping[str, str]) -> str | None:
    keys = dict.fromkeys((column.label_key, *column.keys))
    return next((labels[key] for key in keys if key in labels), None)


def _fallbacks(column: Column) -> Iterator[str]:
    if column.fixed:
        yield column.fixed
    yield from _numbered(column.name)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


def _view_comments(
    endpoint: Endpoint, view: str, language: str, named: Mapping[str, str], catalog: str
) -> Iterator[str]:
    about = _VIEW_COMMENTS.get(language, endpoint.comment).format(table=f"{catalog}.{endpoint.table}")
    yield f"COMMENT ON VIEW {view} IS {text_literal(about)}"
    for column in endpoint.all_columns:
        if column.unit:
            unit = _UNITS.get(language, {}).get(column.unit, column.unit)
            yield f"COMMENT ON COLUMN {view}.{quoted(named[column.name])} IS {text_literal(unit)}"
