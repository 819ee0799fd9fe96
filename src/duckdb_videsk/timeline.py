"""What charts of a report share: how one is described, and the periods of the page's range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from duckdb_videsk.report_data import first_moment, following, periods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from duckdb_videsk.charts import Frame
    from duckdb_videsk.report_data import Answers
    from duckdb_videsk.report_words import Words

__all__ = ["Figure", "Rows", "Timeline"]

Rows = tuple["Mapping[str, Any]", ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart.

    Attributes:
        draw: into a frame; None where there are only words.
        caption: above it; empty where the section's title says it.
        legend: names and colours; empty for a single colour.
        note: below it.
        wide: whether it takes the whole width of the page.
    """

    draw: Callable[[Frame], str] | None
    caption: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    note: str = ""
    wide: bool = False


class Timeline:
    """The periods of a range, and what charts over them share.

    Attributes:
        periods: the first day of each.
        labels: of each, on an axis.
    """

    def __init__(self, answers: Answers, words: Words) -> None:
        self._answers = answers
        self._words = words
        self.periods = list(periods(answers.since.date(), answers.last_day, answers.by))
        self.labels = [words.period(first, answers.by) for first in self.periods]

    def young_from(self, report: str) -> int | None:
        """The first place whose records may still change; None where there is none."""
        young = self._answers.young_since[report].date()
        return next((n for n, first in enumerate(self.periods) if self._end(first) > young), None)

    def row(self, rows: Rows, column: str) -> list[Any]:
        """A column's value for each period."""
        by_period = {row["period"]: row[column] for row in rows}
        return [by_period.get(first) for first in self.periods]

    def tips(self, *told: tuple[str, Sequence[Any], Callable[[Any], str]]) -> list[str]:
        """What each period says: names, values and how to write them."""
        return [
            "\n".join([self.title(place), *(f"{name}: {form(values[place])}" for name, values, form in told)])
            for place in range(len(self.periods))
        ]

    def title(self, place: int) -> str:
        """A period's name, and whether the range cuts it."""
        first = self.periods[place]
        last = self._end(first) - timedelta(days=1)
        words, answers = self._words, self._answers
        text = words.period(first, "month") if answers.by == "month" else words.day(first, year=True)
        if answers.by == "day":
            text = f"{words.weekday(first.isoweekday())} {text}"
        if answers.by == "week":
            text = f"{text} – {words.day(last)}"
        zone = answers.since.tzinfo
        cut = first_moment(first, zone) < answers.since or first_moment(self._end(first), zone) > answers.until
        return f"{text} ({words.say('part')})" if cut else text

    def _end(self, first: date) -> date:
        return following(first, self._answers.by)
