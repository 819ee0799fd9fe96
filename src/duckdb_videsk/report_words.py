"""The words and the ways of writing numbers, times and dates of the reports and their page, by language."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["PAGE_LANGUAGES", "TITLE_LANGUAGES", "Words", "column_title"]

TITLE_LANGUAGES = ("en", "es", "pt")
PAGE_LANGUAGES = ("en", "es")

_MONTHS = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "es": ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
}
_WEEKDAYS = {
    "en": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "es": ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
}
# Thousands with a point and decimals with a comma, as in Chile.
_POINTS = {"es": str.maketrans(",.", ".,")}
_NO_VALUE = "–"


@cache
def _loaded() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    text = resources.files("duckdb_videsk").joinpath("languages", "reports.json").read_text("utf-8")
    words: Mapping[str, Mapping[str, Mapping[str, str]]] = json.loads(text)
    return words


def column_title(column: str, language: str) -> str:
    """A report's column as people call it, with its unit."""
    return _loaded()["columns"][column][language]


class Words:
    """One language of the page.

    Attributes:
        language: one of `PAGE_LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        self.language = language

    def say(self, key: str, **facts: object) -> str:
        """A sentence or word of the page."""
        return _loaded()["page"][key][self.language].format(**facts)

    def column(self, name: str) -> str:
        return column_title(name, self.language)

    def value(self, text: str) -> str:
        """A word that a report itself puts into a column."""
        return _loaded()["values"].get(text, {}).get(self.language, text)

    def number(self, value: float | None, digits: int = 0) -> str:
        if value is None:
            return _NO_VALUE
        return f"{value:,.{digits}f}".translate(_POINTS.get(self.language, {}))

    def seconds(self, value: float) -> str:
        """With as many digits as it has, up to the microsecond."""
        text = f"{value:,.6f}".rstrip("0").rstrip(".")
        return text.translate(_POINTS.get(self.language, {}))

    def figure(self, value: float | None, digits: int = 1) -> str:
        """A count as a whole number, any other with digits."""
        return self.number(value, 0 if isinstance(value, int) else digits)

    def percent(self, value: float | None, digits: int = 1) -> str:
        return _NO_VALUE if value is None else f"{self.number(value, digits)} %"

    def duration(self, seconds: float | None) -> str:
        """As in "45 s", "6 min 12 s", "2 h 5 min"."""
        if seconds is None:
            return _NO_VALUE
        whole = round(seconds)
        if whole < 60:
            return f"{whole} s"
        if whole < 3600:
            minutes, rest = divmod(whole, 60)
            return f"{minutes} min {rest} s" if rest else f"{minutes} min"
        hours, rest = divmod(round(whole / 60), 60)
        return f"{self.number(hours)} h {rest} min" if rest else f"{self.number(hours)} h"

    def day(self, day: date, *, year: bool = False) -> str:
        """As in "2 Mar"."""
        month = _MONTHS[self.language][day.month - 1]
        return f"{day.day} {month} {day.year}" if year else f"{day.day} {month}"

    def period(self, first: date, by: str) -> str:
        """A period's label on an axis."""
        if by == "month":
            return f"{_MONTHS[self.language][first.month - 1]} {first.year}"
        return self.day(first)

    def weekday(self, number: int) -> str:
        """1 is Monday."""
        return _WEEKDAYS[self.language][number - 1]
