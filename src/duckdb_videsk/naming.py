"""Under which names the catalog shows the exports and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.rewriting import Rewriter
from duckdb_videsk.views import CATALOG, column_labels, languages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.settings import Settings

__all__ = ["exports_of", "rewriter_for"]


def exports_of(labels: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], Endpoint]:
    """The export of each table and view, by schema and name."""
    tables = {("main", endpoint.table): endpoint for endpoint in ENDPOINTS}
    views = {
        (language.lower(), endpoint.views.get(language, endpoint.table)): endpoint
        for language in labels
        for endpoint in ENDPOINTS
    }
    return tables | views


def rewriter_for(settings: Settings) -> Rewriter:
    """What knows the columns of every table and view, and which is the range column."""
    shown: dict[tuple[str, str], tuple[Endpoint, Mapping[str, str]]] = {
        ("main", endpoint.table): (endpoint, {column.name: column.name for column in endpoint.all_columns})
        for endpoint in ENDPOINTS
    }
    for language, labels in languages(settings.languages).items():
        for endpoint in ENDPOINTS:
            view = endpoint.views.get(language, endpoint.table)
            shown[language.lower(), view] = (endpoint, column_labels(endpoint, language, labels))
    columns = {
        place: tuple((label.lower(), name == endpoint.range_column) for name, label in named.items())
        for place, (endpoint, named) in shown.items()
    }
    near = {
        ((one, named[fact.key].lower()), (other, others[fact.other_key].lower())): (fact.after, fact.until)
        for one, (endpoint, named) in shown.items()
        for fact in endpoint.near
        for other, (other_endpoint, others) in shown.items()
        if other_endpoint.table == fact.table
    }
    return Rewriter(columns, CATALOG, near=near, natural_bounds=settings.natural_bounds)
