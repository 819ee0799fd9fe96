"""The words of the translation layer: labels by API key for each language, shipped or the user's own.

A language is the vendor's own form of list, `{"key": "label"}`. What carries no documented key is named by
the fixed label that the API gives it, or by the column's name.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from duckdb_videsk.errors import LabelError, without_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUILT_IN", "load_language", "shipped"]

BUILT_IN = ("es", "en", "pt")

_SCHEMA_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_RESERVED = {"main", "information_schema", "pg_catalog", "temp", "system"}


@cache
def shipped(language: str) -> Mapping[str, str]:
    """The labels of one of `BUILT_IN`; Spanish is the vendor's list to the letter and a few additions."""
    text = resources.files("duckdb_videsk").joinpath("languages", f"{language}.json").read_text("utf-8")
    labels: dict[str, str] = json.loads(text)
    return labels


def load_language(name: str, source: Mapping[str, str] | str | Path) -> Mapping[str, str]:
    """Labels of a user's language from a mapping or a JSON file, checked.

    Raises:
        LabelError: the name cannot be a schema, the file cannot be read, or it is not `{"key": "label"}`.
    """
    if not _SCHEMA_NAME.fullmatch(name) or name in _RESERVED:
        raise LabelError(
            f"{without_tokens(repr(name))} cannot name a language: use lower-case letters, digits and '_', "
            "as in 'de' or 'es_mx'."
        )
    labels = _read(name, Path(source)) if isinstance(source, str | Path) else dict(source)
    for key, label in labels.items():
        if not isinstance(key, str) or not isinstance(label, str) or not label.strip() or not _can_be_a_name(label):
            raise LabelError(f"Language {name!r}: the label of {key!r} has to be a text that is not empty.")
    return labels


def _can_be_a_name(label: str) -> bool:
    """Whether DuckDB takes it: NUL ends its texts, and half a character is in none."""
    return "\0" not in label and not any("\ud800" <= letter <= "\udfff" for letter in label)


def _read(name: str, path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.expanduser().read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        # What Python says of a file that is not there repeats its name.
        reason = error.strerror if isinstance(error, OSError) else error
        shown = without_tokens(str(path))
        raise LabelError(f"Language {name!r}: cannot read {shown}: {reason}") from None
    if not isinstance(content, dict):
        raise LabelError(f'Language {name!r}: {path} has to hold one JSON object, {{"key": "label", …}}.')
    return content
