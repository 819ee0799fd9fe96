"""Where the SQL files are that ship with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["sql_folder"]


def sql_folder() -> Path | Traversable:
    """`sql/` of the wheel, or of the source tree where the package was installed from there to be edited."""
    shipped = resources.files("duckdb_videsk").joinpath("sql")
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "sql"
