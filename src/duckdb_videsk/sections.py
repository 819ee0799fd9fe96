"""Which charts show a report's answer on the page: one function for each report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from duckdb_videsk.charts import Series, bars, columns, heatmap, lines, time_ticks
from duckdb_videsk.timeline import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from duckdb_videsk.charts import Frame
    from duckdb_videsk.report_data import Answer, Answers
    from duckdb_videsk.report_words import Words
    from duckdb_videsk.timeline import Timeline

__all__ = ["SECTIONS"]

_MOST_BARS = 12
_MOST_TOPICS = 12
_MOST_ORIGINS = 6
_MOODS = 5


def _over_time(
    answer: Answer, timeline: Timeline, words: Words, names: Sequence[tuple[str, str]], *extra: str
) -> Figure:
    """Columns over time of some columns of a report, with colours; tips tell `extra` columns too."""
    series = [Series(words.column(name), timeline.row(answer.rows, name), colour) for name, colour in names]
    told = [(one.name, one.values, words.number) for one in series]
    told += [(words.column(name), timeline.row(answer.rows, name), words.figure) for name in extra]
    young = timeline.young_from(answer.report.name)

    def draw(frame: Frame) -> str:
        tips = timeline.tips(*told)
        return columns(frame, timeline.labels, series, tips, form=words.number, young_from=young)

    legend = tuple((one.name, one.colour) for one in series) if len(series) > 1 else ()
    return Figure(draw, legend=legend)


def _volume(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del answers
    yield _over_time(answer, timeline, words, [("calls", "1")], "offered", "agents", "talk_hours")


def _service_level(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    named = [("strict", "service_level_percent", "1"), ("lenient", "service_level_lenient_percent", "4")]
    series = [Series(words.say(key), timeline.row(answer.rows, name), colour) for key, name, colour in named]
    offered = words.column("offered"), timeline.row(answer.rows, "offered"), words.number
    tips = timeline.tips(*((one.name, one.values, words.percent) for one in series), offered)

    def draw(frame: Frame) -> str:
        return lines(
            frame,
            timeline.labels,
            series[::-1],
            tips,
            form=lambda value: f"{value:.0f} %",
            marks=[0, 20, 40, 60, 80, 100],
            young_from=timeline.young_from("service_level"),
        )

    caption = words.say("threshold", seconds=words.seconds(answers.threshold_seconds))
    yield Figure(draw, caption, tuple((one.name, one.colour) for one in series))


def _waiting(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del answers
    outcomes = [("answered", "1"), ("abandoned", "2"), ("other", "4")]
    if not any(row["other"] for row in answer.rows):
        outcomes = outcomes[:2]
    stacked = _over_time(answer, timeline, words, outcomes, "abandoned_percent")
    yield Figure(stacked.draw, words.say("outcomes"), stacked.legend)
    named = [
        ("p95", "wait_p95_seconds", "6"),
        ("p90", "wait_p90_seconds", "3"),
        ("median", "wait_median_seconds", "1"),
    ]
    series = [Series(words.say(key), timeline.row(answer.rows, name), colour) for key, name, colour in named]
    most = max((value for one in series for value in one.values if value is not None), default=0)
    tips = timeline.tips(*((one.name, one.values, words.duration) for one in series))

    def draw(frame: Frame) -> str:
        young = timeline.young_from("waiting")
        marks = time_ticks(most)
        return lines(frame, timeline.labels, series, tips, form=words.duration, marks=marks, young_from=young)

    yield Figure(draw, words.say("waits"), tuple((one.name, one.colour) for one in series))


def _hours(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    used = [row["hour"] for row in answer.rows if row["offered"]]
    if not used:
        return
    hours = range(min(used), max(used) + 1)
    cells = {(row["weekday"], row["hour"]): row for row in answer.rows}
    days = [words.weekday(day) for day in range(1, 8)]
    values = [[cells[day, hour]["offered_per_day"] for hour in hours] for day in range(1, 8)]

    def tip(day: int, hour: int) -> str:
        row = cells[day, hour]
        told = [
            f"{words.weekday(day)} {hour}:00–{hour + 1}:00",
            f"{words.column('offered_per_day')}: {words.number(row['offered_per_day'], 1)}",
            f"{words.column('abandoned_percent')}: {words.number(row['abandoned_percent'], 1)}",
        ]
        return "\n".join(told)

    tips = [[tip(day, hour) for hour in hours] for day in range(1, 8)]
    most = max(value or 0 for row in values for value in row)

    def draw(frame: Frame) -> str:
        written = partial(words.number, digits=0 if most >= 10 else 1)
        labels = [str(hour) for hour in hours]
        return heatmap(frame, days, labels, values, tips, form=written, row_width=34)

    yield Figure(draw, words.say("per_hour"), wide=True)


def _agents(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    known = [row for row in answer.rows if row["handling_seconds"] is not None]
    shown = known[:_MOST_BARS]
    if not shown:
        return
    # Where a call lacks one of the two, their means are of other calls than the sum's and do not add up to it.
    split = [row["measured"] == row["calls"] for row in shown]
    after = [row["after_call_seconds"] if whole else None for row, whole in zip(shown, split, strict=True)]
    talk = [row["talk_seconds"] if whole else None for row, whole in zip(shown, split, strict=True)]
    rest = [None if whole else row["handling_seconds"] for row, whole in zip(shown, split, strict=True)]
    series = [Series(words.say("talk"), talk, "1"), Series(words.say("after_call"), after, "3")]
    if not all(split):
        series.append(Series(words.say("tile_handling"), rest, "4"))
    labels = [row["agent"] or words.say("no_agent") for row in shown]
    notes = [
        words.say("calls_of", time=words.duration(row["handling_seconds"]), calls=words.number(row["calls"]))
        for row in shown
    ]
    tips = [
        "\n".join([label, *_told(series, place, words.duration), notes[place]]) for place, label in enumerate(labels)
    ]
    legend = tuple((one.name, one.colour) for one in series)
    more = _rest(words, len(answer.rows) - len(shown))
    yield Figure(partial(_bars, labels, series, notes, tips), words.say("agents_shown"), legend, more)


def _told(series: Sequence[Series], place: int, form: Callable[[float | None], str]) -> Iterator[str]:
    for one in series:
        if one.values[place] is not None:
            yield f"{one.name}: {form(one.values[place])}"


def _segments(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    shown = answer.rows[:_MOST_BARS]
    if not shown:
        return
    served = [row["offered"] - row["abandoned"] for row in shown]
    gone = [row["abandoned"] for row in shown]
    series = [Series(words.say("served"), served, "1"), Series(words.column("abandoned"), gone, "2")]
    labels = [row["segment"] or words.say("no_segment") for row in shown]
    notes = [
        words.say("of_which", count=words.number(row["offered"]), percent=words.percent(row["abandoned_percent"]))
        for row in shown
    ]
    told = (
        "offered",
        "abandoned_percent",
        "service_level_percent",
        "wait_median_seconds",
        "calls",
        "handling_seconds",
    )
    tips = [
        "\n".join([label, *(f"{words.column(name)}: {words.figure(row[name])}" for name in told)])
        for label, row in zip(labels, shown, strict=True)
    ]
    legend = tuple((one.name, one.colour) for one in series)
    rest = _rest(words, len(answer.rows) - len(shown))
    yield Figure(partial(_bars, labels, series, notes, tips), words.say("segments_shown"), legend, rest)


def _transfers(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del answers
    kinds = [("to_agent", "1"), ("to_segment", "3"), ("to_both", "6")]
    yield _over_time(answer, timeline, words, kinds, "transferred_percent")


def _appointments(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del answers
    kinds = [("kept", "3"), ("missed", "5"), ("cancelled", "2"), ("moved", "6"), ("to_come", "4")]
    if not any(row["to_come"] for row in answer.rows):
        kinds = kinds[:-1]
    yield _over_time(answer, timeline, words, kinds, "kept_percent")


def _tags(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    yield from _shares(answer.rows, "tag", "calls", words, none=words.say("untagged"), most=_MOST_BARS)


def _origins(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    for kind in dict.fromkeys(row["kind"] for row in answer.rows):
        rows = [row for row in answer.rows if row["kind"] == kind]
        caption, none = words.value(kind), words.say("unknown")
        yield from _shares(rows, "value", "visits", words, none=none, most=_MOST_ORIGINS, caption=caption)


def _surveys(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    for (survey, question), told in {(row["survey"], row["question"]): row for row in answer.rows}.items():
        rows = [row for row in answer.rows if (row["survey"], row["question"]) == (survey, question)]
        note = words.say("answers", count=words.number(told["respondents"]))
        if told["mean"] is not None:
            note += f" · {words.column('mean')} {words.number(told['mean'], 2)}"
        if told["answer"] is None:
            yield Figure(
                None, question, note=note if told["kind"] == "number" else f"{note} · {words.say('free_text')}"
            )
        else:
            yield from _shares(rows, "answer", "responses", words, none="", most=11, caption=question, note=note)


def _shares(
    rows: Sequence[Mapping[str, Any]],
    name: str,
    count: str,
    words: Words,
    *,
    none: str,
    most: int,
    caption: str = "",
    note: str = "",
) -> Iterator[Figure]:
    """Bars of counts with their shares."""
    shown = rows[:most]
    if not shown:
        return
    labels = [none if row[name] is None else str(row[name]) for row in shown]
    counts = [row[count] for row in shown]
    notes = [f"{words.number(row[count])} · {words.percent(row[f'{count}_percent'])}" for row in shown]
    tips = [f"{label}\n{note}" for label, note in zip(labels, notes, strict=True)]
    series = [Series(words.column(count), counts, "1")]
    rest = " · ".join(filter(None, [note, _rest(words, len(rows) - len(shown))]))
    yield Figure(partial(_bars, labels, series, notes, tips), caption, note=rest)


def _sentiment(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del answers
    names = [name for name in dict.fromkeys(_by_score(answer.rows)) if name is not None]
    if not answer.rows:
        return
    series = []
    for place, name in enumerate(names):
        colour = f"d{1 + round((_MOODS - 1) * (place / (len(names) - 1) if len(names) > 1 else 0.5))}"
        rows = tuple(row for row in answer.rows if row["sentiment"] == name)
        series.append(Series(str(name), timeline.row(rows, "conversations_percent"), colour))
    if any(row["sentiment"] is None for row in answer.rows):
        rows = tuple(row for row in answer.rows if row["sentiment"] is None)
        series.append(Series(words.say("unknown"), timeline.row(rows, "conversations_percent"), "4"))
    tips = timeline.tips(*((one.name, one.values, words.percent) for one in series))

    def draw(frame: Frame) -> str:
        young = timeline.young_from("sentiment")
        percent: Callable[[float], str] = partial(words.percent, digits=0)
        return columns(frame, timeline.labels, series, tips, form=percent, young_from=young, top=100)

    yield Figure(draw, legend=tuple((one.name, one.colour) for one in series))


def _by_score(rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The moods from worst to best."""
    sums: dict[Any, tuple[float, int]] = {}
    for row in rows:
        total, count = sums.get(row["sentiment"], (0.0, 0))
        if row["score"] is not None:
            total, count = total + row["score"] * row["conversations"], count + row["conversations"]
        sums[row["sentiment"]] = total, count
    return sorted(sums, key=lambda name: sums[name][0] / (sums[name][1] or 1))


def _topics(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del answers
    sums: dict[Any, int] = {}
    for row in answer.rows:
        sums[row["topic"]] = sums.get(row["topic"], 0) + row["conversations"]
    shown = sorted(sums, key=lambda name: -sums[name])[:_MOST_TOPICS]
    if not shown:
        return
    values, tips = [], []
    analysed = {row["period"] for row in answer.rows}
    for topic in shown:
        rows = tuple(row for row in answer.rows if row["topic"] == topic)
        shares, counts = timeline.row(rows, "conversations_percent"), timeline.row(rows, "conversations")
        # Where nothing was analysed, there is no share, and not one of 0.
        periods = zip(timeline.periods, shares, strict=True)
        values.append([(share or 0) if first in analysed else None for first, share in periods])
        told = (words.column("conversations"), [count or 0 for count in counts], words.number)
        own = timeline.tips((words.column("conversations_percent"), values[-1], words.percent), told)
        tips.append([f"{_topic(topic, words)}\n{tip}" for tip in own])
    labels = [_topic(topic, words) for topic in shown]

    def draw(frame: Frame) -> str:
        width = 118 if frame.narrow else 150
        percent: Callable[[float], str] = partial(words.number, digits=0)
        young = timeline.young_from("topics")
        return heatmap(frame, labels, timeline.labels, values, tips, form=percent, row_width=width, young_from=young)

    yield Figure(draw, words.say("topic_share"), note=_rest(words, len(sums) - len(shown)))


def _topic(name: object, words: Words) -> str:
    return words.say("unknown") if name is None else str(name)


def _gaps(answer: Answer, timeline: Timeline, words: Words, answers: Answers) -> Iterator[Figure]:
    del timeline, answers
    labels = [words.value(row["gap"]) for row in answer.rows]
    shares = [row["records_percent"] or 0 for row in answer.rows]
    notes = [
        words.percent(row["records_percent"], 1) + (f" · {words.number(row['records'])}" if row["records"] else "")
        for row in answer.rows
    ]
    tips = [
        f"{label}\n{words.number(row['records'])} / {words.number(row['checked'])}"
        for label, row in zip(labels, answer.rows, strict=True)
    ]
    series = [Series(words.column("records"), shares, "2")]
    yield Figure(lambda frame: bars(frame, labels, series, notes, tips, top=100))


def _bars(
    labels: Sequence[str], series: Sequence[Series], notes: Sequence[str], tips: Sequence[str], frame: Frame
) -> str:
    return bars(frame, labels, series, notes, tips)


def _rest(words: Words, count: int) -> str:
    return words.say("others", count=words.number(count)) if count > 0 else ""


SECTIONS: dict[str, Callable[[Answer, Timeline, Words, Answers], Iterator[Figure]]] = {
    "volume": _volume,
    "service_level": _service_level,
    "waiting": _waiting,
    "hours": _hours,
    "agents": _agents,
    "tags": _tags,
    "segments": _segments,
    "transfers": _transfers,
    "surveys": _surveys,
    "sentiment": _sentiment,
    "topics": _topics,
    "appointments": _appointments,
    "origins": _origins,
    "gaps": _gaps,
}
"""What draws each report, in the page's order. The summary is the page's head."""
