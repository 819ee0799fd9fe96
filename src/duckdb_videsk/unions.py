"""The text of a catalog whose tables are those of several accounts together, each row with its account's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duckdb_videsk.endpoints import ENDPOINTS
from duckdb_videsk.views import ACCOUNT, CATALOG, comments, live_selection, macro, quoted, schema_views, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


__all__ = ["Branch", "log_view", "union_statements"]

_ABOUT = "name of the account"


@dataclass(frozen=True, slots=True)
class Branch:
    """Where the tables of one account are.

    Attributes:
        account: its name.
        catalog, schema: of its tables.
        beside_files: whether its tables come from the API alone, and those of other accounts from files too.
    """

    account: str
    catalog: str
    schema: str = "main"
    beside_files: bool = False

    def select(self, table: str, columns: str) -> str:
        """Its rows of a table, with its name before them: a constant, by which DuckDB leaves branches out.

        Args:
            columns: as they are selected from `t`.
        """
        given = f"{text_literal(self.account)} AS {ACCOUNT}, {columns}"
        return f"SELECT {given} FROM {quoted(self.catalog)}.{quoted(self.schema)}.{quoted(table)} AS t"  # noqa: S608 - every name is quoted


def union_statements(
    branches: Sequence[Branch], labels: Mapping[str, Mapping[str, str]], *, catalog: str = CATALOG
) -> Iterator[str]:
    """Statements that make the tables, their macros, the language views and comments, in an empty catalog."""
    for endpoint in ENDPOINTS:
        selects = [
            branch.select(endpoint.table, live_selection(endpoint, beside_files=branch.beside_files))
            for branch in branches
        ]
        yield _view(endpoint.table, selects, catalog)
        yield macro(endpoint, catalog=catalog)
        yield from comments(endpoint, catalog=catalog)
        yield _comment(f"{quoted(catalog)}.main.{quoted(endpoint.table)}", ACCOUNT)
    for language, texts in labels.items():
        yield from schema_views(ENDPOINTS, language, texts, catalog=catalog, accounts=True)


def log_view(table: str, columns: Sequence[str], branches: Sequence[Branch]) -> Iterator[str]:
    """Statements that make a table of what each account's catalog tells of itself."""
    given = ", ".join(f"t.{quoted(name)}" for name in columns)
    yield _view(table, [branch.select(table, given) for branch in branches], CATALOG)
    yield _comment(f"{quoted(CATALOG)}.main.{quoted(table)}", ACCOUNT)


def _view(table: str, selects: Sequence[str], catalog: str) -> str:
    return f"CREATE VIEW {quoted(catalog)}.main.{quoted(table)} AS {' UNION ALL '.join(selects)}"


def _comment(view: str, column: str) -> str:
    return f"COMMENT ON COLUMN {view}.{quoted(column)} IS {text_literal(_ABOUT)}"
