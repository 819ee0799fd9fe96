"""Under which names the catalogs show the exports and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.rewriting import Rewriter
from duckdb_videsk.views import CATALOG, column_labels, languages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.rewriting import Columns, TableName
    from duckdb_videsk.settings import Settings

    _Shown: TypeAlias = Mapping[TableName, tuple[Endpoint, Mapping[str, str]]]

__all__ = ["exports_of", "rewriter_for"]


def exports_of(labels: Mapping[str, Mapping[str, str]], *, catalog: str = CATALOG) -> dict[TableName, Endpoint]:
    """The export of each table and view."""
    return {name: endpoint for name, (endpoint, _) in _shown(labels, catalog).items()}


def rewriter_for(settings: Settings, *, catalog: str = CATALOG) -> Rewriter:
    """What knows the columns of every table and view, and which is the range column."""
    shown = _shown(languages(settings.languages), catalog)
    columns = {name: _columns(endpoint, named) for name, (endpoint, named) in shown.items()}
    return Rewriter(columns, near=_near(shown), natural_bounds=settings.natural_bounds)


def _shown(labels: Mapping[str, Mapping[str, str]], catalog: str) -> dict[TableName, tuple[Endpoint, dict[str, str]]]:
    """The export of each table and view, and what its columns are called there."""
    at = catalog.lower()
    tables: dict[TableName, tuple[Endpoint, dict[str, str]]] = {
        (at, "main", endpoint.table): (endpoint, {column.name: column.name for column in endpoint.all_columns})
        for endpoint in ENDPOINTS
    }
    for language, texts in labels.items():
        for endpoint in ENDPOINTS:
            view = endpoint.views.get(language, endpoint.table)
            tables[at, language.lower(), view] = (endpoint, column_labels(endpoint, language, texts))
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
