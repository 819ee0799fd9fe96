"""Under which names the catalogs show the exports and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.rewriting import Rewriter
from duckdb_videsk.views import ACCOUNT, CATALOG, column_labels, languages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.rewriting import Columns, TableName
    from duckdb_videsk.settings import Settings

    _Shown: TypeAlias = Mapping[TableName, tuple[Endpoint, Mapping[str, str]]]

__all__ = ["exports_of", "rewriter_for"]


def exports_of(labels: Mapping[str, Mapping[str, str]], *, catalog: str = CATALOG) -> dict[TableName, Endpoint]:
    """The export of each table and view."""
    return {name: endpoint for name, (endpoint, _) in _shown(labels, catalog).items()}


def rewriter_for(settings: Settings, *, catalog: str = CATALOG, accounts: Iterable[str] = ()) -> Rewriter:
    """What knows the columns of every table and view, and which is the range column.

    Args:
        settings: for the languages.
        catalog: where the tables are; with `accounts`, those of all together.
        accounts: catalogs that have an account's tables each.
    """
    labels = languages(settings.languages)
    catalogs = [_shown(labels, catalog, accounts=bool(accounts)), *(_shown(labels, name) for name in accounts)]
    columns = {name: _columns(*shown) for tables in catalogs for name, shown in tables.items()}
    near = {keys: bounds for tables in catalogs for keys, bounds in _near(tables).items()}
    return Rewriter(columns, near=near, natural_bounds=settings.natural_bounds)


def _shown(
    labels: Mapping[str, Mapping[str, str]], catalog: str, *, accounts: bool = False
) -> dict[TableName, tuple[Endpoint, dict[str, str]]]:
    """The export of each table and view, and what its columns are called there."""
    at = catalog.lower()
    first = {ACCOUNT: ACCOUNT} if accounts else {}
    tables: dict[TableName, tuple[Endpoint, dict[str, str]]] = {
        (at, "main", endpoint.table): (
            endpoint,
            first | {column.name: column.name for column in endpoint.all_columns},
        )
        for endpoint in ENDPOINTS
    }
    for language, texts in labels.items():
        for endpoint in ENDPOINTS:
            view = endpoint.views.get(language, endpoint.table)
            tables[at, language.lower(), view] = (
                endpoint,
                column_labels(endpoint, language, texts, accounts=accounts),
            )
    return tables


def _columns(endpoint: Endpoint, named: Mapping[str, str]) -> Columns:
    return tuple((label.lower(), name == endpoint.range_column) for name, label in named.items())


def _near(shown: _Shown) -> dict[tuple[tuple[TableName, str], tuple[TableName, str]], tuple[int, int | None]]:
    """What is so by nature of two tables or views, by their keys."""
    return {
        ((one, named[fact.key].lower()), (other, others[fact.other_key].lower())): (fact.after, fact.until)
        for one, (endpoint, named) in shown.items()
        for fact in endpoint.near
        for other, (other_endpoint, others) in shown.items()
        if other_endpoint.table == fact.table
    }
