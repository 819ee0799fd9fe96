"""Charts as SVG text: columns, lines, bars and heat maps. Colours come from the page's style sheet, by class.

Every text that is given is escaped here. A mark's `<title>` is what is shown where the pointer rests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Frame", "Series", "bars", "columns", "heatmap", "lines", "sparkline", "ticks", "time_ticks"]

_LETTER = 6.3
"""Width of a letter of an axis, about."""
_ROW = 33
_CELL = 28


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures.

    Attributes:
        name: for the legend.
        values: one for each place of the axis; None where there is none.
        colour: the number of a colour of the style sheet.
    """

    name: str
    values: Sequence[float | None]
    colour: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What all charts have.

    Attributes:
        width: of the drawing; what is narrower than 400 is drawn for a phone.
        title: what it shows, for those who do not see it.
        kind: a class of the style sheet.
    """

    width: int
    title: str
    kind: str = ""

    @property
    def narrow(self) -> bool:
        return self.width < 400

    def svg(self, height: float, parts: Iterator[str]) -> str:
        """The drawing around its parts."""
        return (
            f'<svg class="{self.kind}" viewBox="0 0 {self.width} {_n(height)}" role="img" '
            f'aria-label="{escape(self.title)}">{"".join(parts)}</svg>'
        )


def ticks(most: float, *, about: int = 4, whole: bool = False) -> list[float]:
    """Round numbers from 0 to `most` or a little more; with `whole` no fractions."""
    if most <= 0:
        return [0, 1]
    step = 10 ** math.floor(math.log10(most / about))
    step *= next(factor for factor in (1, 2, 5, 10) if step * factor * about >= most * 0.999)
    if whole:
        step = max(1, step)
    return [number * step for number in range(math.ceil(most / step - 1e-9) + 1)]


def time_ticks(most: float) -> list[float]:
    """Round numbers of seconds from 0 to `most` or a little more."""
    steps = (5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
    step = next((step for step in steps if step * 5 >= most), None)
    return ticks(most) if step is None else [number * step for number in range(max(1, math.ceil(most / step)) + 1)]


def columns(
    frame: Frame,
    labels: Sequence[str],
    series: Sequence[Series],
    tips: Sequence[str],
    *,
    form: Callable[[float], str],
    young_from: int | None = None,
    top: float | None = None,
) -> str:
    """Columns over time, one on the other.

    Args:
        frame: where to.
        labels: of the places on the axis.
        series: from the foot upwards.
        tips: what each place says.
        form: writes a number of the axis.
        young_from: the first place whose figures may still change.
        top: the end of the axis; by itself the highest column's.
    """
    sums = [sum(one.values[place] or 0 for one in series) for place in range(len(labels))]
    marks = ticks(max(sums, default=0) if top is None else top, whole=top is None)
    plane = _Plane(frame, marks, len(labels), form)

    def parts() -> Iterator[str]:
        yield from plane.ground(labels, young_from)
        thick = max(1.0, plane.step * (0.72 if plane.step > 5 else 0.92))
        for place in range(len(labels)):
            left, foot = plane.left + place * plane.step + (plane.step - thick) / 2, 0.0
            shown = [(one.colour, one.values[place] or 0) for one in series if one.values[place]]
            for number, (colour, value) in enumerate(shown):
                upper, lower = plane.y(foot + value), plane.y(foot)
                last = number == len(shown) - 1
                yield _column(left, upper, thick, lower - upper, colour, rounded=last)
                foot += value
        yield from plane.hits(tips)

    return frame.svg(plane.height, parts())


def lines(
    frame: Frame,
    labels: Sequence[str],
    series: Sequence[Series],
    tips: Sequence[str],
    *,
    form: Callable[[float], str],
    marks: Sequence[float],
    young_from: int | None = None,
) -> str:
    """Lines over time, broken where there is no value. `marks` are the numbers of the axis."""
    plane = _Plane(frame, marks, len(labels), form)

    def parts() -> Iterator[str]:
        yield from plane.ground(labels, young_from)
        for one in series:
            points = [
                None if value is None else (plane.x(place), plane.y(value)) for place, value in enumerate(one.values)
            ]
            yield f'<path class="line s-{one.colour}" d="{_path(points)}"/>'
            if plane.step > 9:
                radius = 2.6 if plane.step > 14 else 1.8
                for point in filter(None, points):
                    yield f'<circle class="f-{one.colour}" cx="{_n(point[0])}" cy="{_n(point[1])}" r="{radius}"/>'
        yield from plane.hits(tips)

    return frame.svg(plane.height, parts())


def bars(
    frame: Frame,
    labels: Sequence[str],
    series: Sequence[Series],
    notes: Sequence[str],
    tips: Sequence[str],
    *,
    top: float | None = None,
) -> str:
    """Bars from left to right, one after the other in each row, with a label above and a note at the end."""
    most = max((sum(one.values[row] or 0 for one in series) for row in range(len(labels))), default=0)
    scale = frame.width / (top or most or 1)
    letters = int(frame.width / _LETTER)

    def parts() -> Iterator[str]:
        for row, (label, note, tip) in enumerate(zip(labels, notes, tips, strict=True)):
            upper, left = row * _ROW, 0.0
            yield f'<g class="hit"><title>{escape(tip)}</title>'
            yield f'<rect class="area" x="0" y="{upper}" width="{frame.width}" height="{_ROW}"/>'
            yield f'<text class="label" x="0" y="{upper + 13}">{escape(_cut(label, letters - len(note) - 2))}</text>'
            yield f'<text class="note end" x="{frame.width}" y="{upper + 13}">{escape(note)}</text>'
            yield f'<rect class="track" x="0" y="{upper + 18}" width="{frame.width}" height="8" rx="2"/>'
            for one in series:
                wide = (one.values[row] or 0) * scale
                if wide > 0:
                    drawn = max(1.0, wide)
                    yield (
                        f'<rect class="f-{one.colour}" x="{_n(left)}" y="{upper + 18}" '
                        f'width="{_n(drawn)}" height="8" rx="2"/>'
                    )
                    left += wide
            yield "</g>"

    return frame.svg(max(1, len(labels) * _ROW), parts())


def heatmap(
    frame: Frame,
    rows: Sequence[str],
    places: Sequence[str],
    values: Sequence[Sequence[float | None]],
    tips: Sequence[Sequence[str]],
    *,
    form: Callable[[float], str],
    row_width: int,
    young_from: int | None = None,
) -> str:
    """Fields whose colour deepens with their value; a field without one stays empty.

    Args:
        frame: where to.
        rows: their labels.
        places: labels of the columns.
        values: by row and column.
        tips: what each field says.
        form: writes a value into a field that is large enough.
        row_width: of the rows' labels.
        young_from: the first column whose values may still change.
    """
    most = max((value for row in values for value in row if value is not None), default=0) or 1
    step = (frame.width - row_width) / max(1, len(places))
    written = step >= 27
    height = len(rows) * _CELL + 22

    def field(row: int, place: int) -> Iterator[str]:
        value = values[row][place]
        left, upper = row_width + place * step, row * _CELL
        gap = 1.5 if step > 8 else 0.3
        share = 0 if value is None else value / most
        shade = f' fill-opacity="{_n(0.07 + 0.93 * share, 2)}"' if value else ""
        yield f'<g class="hit"><title>{escape(tips[row][place])}</title>'
        yield (
            f'<rect class="{"heat" if value else "cold"}"{shade} x="{_n(left + gap / 2)}" y="{upper + 1}" '
            f'width="{_n(max(0.5, step - gap))}" height="{_CELL - 2}" rx="2"/>'
        )
        if written and value:
            ink = "deep" if share > 0.62 else "pale"
            yield f'<text class="in {ink}" x="{_n(left + step / 2)}" y="{upper + 18}">{escape(form(value))}</text>'
        yield "</g>"

    def parts() -> Iterator[str]:
        if young_from is not None and young_from < len(places):
            left = row_width + young_from * step
            yield _young(left, 0, frame.width - left, len(rows) * _CELL)
        for row, label in enumerate(rows):
            text = escape(_cut(label, int(row_width / _LETTER)))
            yield f'<text class="label" x="0" y="{row * _CELL + 18}">{text}</text>'
            for place in range(len(places)):
                yield from field(row, place)
        yield from _axis(places, row_width, step, height - 6, frame.width)

    return frame.svg(height, parts())


def sparkline(frame: Frame, values: Sequence[float | None]) -> str:
    """The course of a figure in small, without an axis."""
    height = 34
    known = [value for value in values if value is not None]
    low, high = min(known, default=0), max(known, default=1)
    step = (frame.width - 6) / max(1, len(values) - 1)
    points = [
        None if value is None else (3 + place * step, height - 4 - (height - 8) * (value - low) / ((high - low) or 1))
        for place, value in enumerate(values)
    ]

    def parts() -> Iterator[str]:
        yield f'<path class="line s-1" d="{_path(points)}"/>'
        for point in [point for point in points if point][-1:]:
            yield f'<circle class="f-1" cx="{_n(point[0])}" cy="{_n(point[1])}" r="2.8"/>'

    return frame.svg(height, parts())


class _Plane:
    """The axes of a chart over time."""

    def __init__(self, frame: Frame, marks: Sequence[float], places: int, form: Callable[[float], str]) -> None:
        self.height = 210 if frame.narrow else 240
        self._frame = frame
        self._marks = list(marks)
        self._texts = [form(mark) for mark in marks]
        self.left = 8 + _LETTER * max(map(len, self._texts))
        self._places = places
        self.step = (frame.width - self.left - 2) / max(1, places)
        self._foot = self.height - 24

    def x(self, place: int) -> float:
        """The middle of a place."""
        return self.left + (place + 0.5) * self.step

    def y(self, value: float) -> float:
        return self._foot - (self._foot - 10) * value / self._marks[-1]

    def ground(self, labels: Sequence[str], young_from: int | None) -> Iterator[str]:
        if young_from is not None and young_from < self._places:
            left = self.left + young_from * self.step
            yield _young(left, 6, self._frame.width - left, self._foot - 6)
        for mark, text in zip(self._marks, self._texts, strict=True):
            high = _n(self.y(mark))
            kind = "base" if mark == 0 else "grid"
            yield f'<line class="{kind}" x1="{_n(self.left)}" x2="{self._frame.width}" y1="{high}" y2="{high}"/>'
            yield f'<text class="tick end" x="{_n(self.left - 6)}" y="{_n(self.y(mark) + 4)}">{escape(text)}</text>'
        yield from _axis(labels, self.left, self.step, self.height - 7, self._frame.width)

    def hits(self, tips: Sequence[str]) -> Iterator[str]:
        """Where the pointer finds what a place says."""
        for place, tip in enumerate(tips):
            left = _n(self.left + place * self.step)
            yield (
                f'<g class="hit"><title>{escape(tip)}</title><rect class="area" x="{left}" y="6" '
                f'width="{_n(self.step)}" height="{_n(self._foot - 6)}"/></g>'
            )


def _axis(labels: Sequence[str], left: float, step: float, high: float, width: float) -> Iterator[str]:
    """As many of the labels as there is room for."""
    room = (max(map(len, labels), default=1) + 2) * _LETTER
    every = max(1, math.ceil(room / step))
    for place in range(0, len(labels), every):
        middle = left + (place + 0.5) * step
        half = len(labels[place]) * _LETTER / 2
        place_kind = "end" if middle + half > width else "mid"
        where = width if place_kind == "end" else max(middle, half)
        yield f'<text class="tick {place_kind}" x="{_n(where)}" y="{_n(high)}">{escape(labels[place])}</text>'


def _young(left: float, upper: float, width: float, height: float) -> str:
    return (
        f'<rect class="young" x="{_n(left)}" y="{_n(upper)}" width="{_n(width)}" height="{_n(height)}"/>'
        f'<line class="youth" x1="{_n(left)}" x2="{_n(left)}" y1="{_n(upper)}" y2="{_n(upper + height)}"/>'
    )


def _column(left: float, upper: float, width: float, height: float, colour: str, *, rounded: bool) -> str:
    radius = min(2.5, width / 3, height) if rounded else 0
    if not radius:
        return (
            f'<rect class="f-{colour}" x="{_n(left)}" y="{_n(upper)}" width="{_n(width)}" '
            f'height="{_n(max(0.0, height))}"/>'
        )
    inner = width - 2 * radius
    return (
        f'<path class="f-{colour}" d="M{_n(left)} {_n(upper + height)}v{_n(radius - height)}'
        f"q0 {_n(-radius)} {_n(radius)} {_n(-radius)}h{_n(inner)}"
        f'q{_n(radius)} 0 {_n(radius)} {_n(radius)}v{_n(height - radius)}z"/>'
    )


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    pieces, pen_is_down = [], False
    for point in points:
        if point is not None:
            where = f"{_n(point[0])} {_n(point[1])}"
            # Of no length, but drawn, where a point stands alone.
            pieces.append(f"L{where}" if pen_is_down else f"M{where}h0")
        pen_is_down = point is not None
    return "".join(pieces)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: max(1, letters - 1)]}…"


def _n(number: float, digits: int = 1) -> str:
    """A number as short as it can be written."""
    return f"{number:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{number:.0f}"
