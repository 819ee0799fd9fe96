"""Charts: that what is drawn is as large as its figure, and that no text becomes markup."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date

import pytest

from duckdb_videsk.charts import Frame, Series, bars, columns, heatmap, lines, sparkline, ticks, time_ticks
from duckdb_videsk.report_data import periods
from duckdb_videsk.report_words import Words

HOSTILE = "<script>alert(1)</script>\"'&"
WIDE, PHONE = Frame(520, HOSTILE), Frame(320, HOSTILE)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def heights(svg: str, kind: str) -> list[float]:
    """Of the columns of a colour."""
    found = []
    for mark in parsed(svg).iter():
        if mark.get("class") == kind and mark.tag == "rect":
            found.append(float(mark.attrib["height"]))
        elif mark.get("class") == kind and mark.tag == "path":
            (up,) = re.findall(r"v(-?[\d.]+)q", mark.attrib["d"])
            (curve,) = re.findall(r"q0 -?[\d.]+ [\d.]+ -([\d.]+)h", mark.attrib["d"])
            found.append(-float(up) + float(curve))
    return found


@pytest.mark.parametrize(
    ("most", "marks"),
    [(0, [0, 1]), (3, [0, 1, 2, 3]), (97, [0, 50, 100]), (560, [0, 200, 400, 600]), (0.4, [0, 0.1, 0.2, 0.3, 0.4])],
)
def test_ticks_are_round_and_reach_the_top(most: float, marks: list[float]) -> None:
    assert ticks(most) == pytest.approx(marks)


def test_ticks_of_counts_are_whole_and_those_of_times_are_of_the_clock() -> None:
    assert ticks(2, whole=True) == [0, 1, 2]
    assert time_ticks(170) == [0, 60, 120, 180]
    assert time_ticks(0) == [0, 5]


@pytest.mark.parametrize("frame", [WIDE, PHONE])
def test_columns_are_as_high_as_their_figures(frame: Frame) -> None:
    series = [Series("a", [100, 50, None, 0], "1"), Series("b", [100, None, 30, 0], "2")]
    svg = columns(frame, ["1", "2", "3", "4"], series, ["", "", "", ""], form=str, young_from=3)
    first, second = heights(svg, "f-1"), heights(svg, "f-2")
    assert first[1] / first[0] == pytest.approx(0.5, abs=0.01)
    assert second[1] / second[0] == pytest.approx(0.3, abs=0.01)
    assert len(first) == len(second) == 2
    assert svg.count('class="young"') == 1


def test_lines_break_where_there_is_no_value() -> None:
    svg = lines(WIDE, list("abcd"), [Series("a", [1, None, 2, 1], "1")], list("abcd"), form=str, marks=[0, 1, 2])
    (path,) = [mark.attrib["d"] for mark in parsed(svg).iter("path")]
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert svg.count("<circle") == 3


def test_bars_are_as_long_as_their_figures() -> None:
    series = [Series("a", [30, 10], "1"), Series("b", [10, None], "2")]
    svg = bars(PHONE, ["x" * 200, "y"], series, ["40", "10"], ["", ""])
    widths = [float(mark.attrib["width"]) for mark in parsed(svg).iter("rect") if mark.get("class") in {"f-1", "f-2"}]
    assert widths == [240, 80, 80]
    assert "…" in svg


def test_a_heat_maps_fields_deepen_with_their_figures() -> None:
    values: list[list[float | None]] = [[0, 5], [None, 10]]
    svg = heatmap(WIDE, ["a", "b"], ["1", "2"], values, [["", ""], ["", ""]], form=str, row_width=40, young_from=1)
    shades = [float(mark.attrib["fill-opacity"]) for mark in parsed(svg).iter("rect") if mark.get("class") == "heat"]
    assert shades == pytest.approx([0.535, 1], abs=0.01)
    assert svg.count('class="cold"') == 2


def test_nothing_to_draw_is_still_a_drawing() -> None:
    parsed(columns(WIDE, [], [], [], form=str))
    parsed(bars(WIDE, [], [], [], []))
    parsed(sparkline(WIDE, [None, None]))
    parsed(sparkline(WIDE, [1]))


def test_no_text_becomes_markup() -> None:
    one = [Series(HOSTILE, [1.0], "1")]
    for frame in (WIDE, PHONE):
        for svg in (
            columns(frame, [HOSTILE], one, [HOSTILE], form=lambda _: HOSTILE),
            lines(frame, [HOSTILE], one, [HOSTILE], form=lambda _: HOSTILE, marks=[0, 1]),
            bars(frame, [HOSTILE], one, [HOSTILE], [HOSTILE]),
            heatmap(frame, [HOSTILE], [HOSTILE], [[1]], [[HOSTILE]], form=lambda _: HOSTILE, row_width=40),
            sparkline(frame, [1, 2]),
        ):
            assert "<script" not in svg
            assert parsed(svg).attrib["aria-label"] == HOSTILE
    assert HOSTILE in [title.text for title in parsed(columns(WIDE, ["a"], one, [HOSTILE], form=str)).iter("title")]


def test_numbers_times_and_dates_by_language() -> None:
    en, es = Words("en"), Words("es")
    assert (en.number(1234567.25, 1), es.number(1234567.25, 1)) == ("1,234,567.2", "1.234.567,2")
    assert (en.percent(None), es.percent(12.5)) == ("–", "12,5 %")
    assert [en.duration(value) for value in (None, 45, 59.7, 372, 3600, 7500)] == [
        "–", "45 s", "1 min", "6 min 12 s", "1 h", "2 h 5 min",
    ]  # fmt: skip
    assert (en.day(date(2026, 3, 2)), es.day(date(2026, 3, 2), year=True)) == ("2 Mar", "2 mar 2026")
    assert (en.weekday(1), es.weekday(7)) == ("Mon", "dom")


def test_periods() -> None:
    weeks = list(periods(date(2026, 9, 3), date(2026, 9, 14), "week"))
    assert weeks == [date(2026, 8, 31), date(2026, 9, 7), date(2026, 9, 14)]
    assert list(periods(date(2026, 11, 30), date(2027, 1, 1), "month")) == [
        date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1),
    ]  # fmt: skip
    assert len(list(periods(date(2026, 9, 3), date(2026, 9, 14), "day"))) == 12
