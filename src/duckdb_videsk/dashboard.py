"""The page of all reports: one HTML file that needs nothing else, with its charts, words and style in it."""

from __future__ import annotations

import base64
import hashlib
from datetime import date, timedelta
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duckdb_videsk.charts import Frame, sparkline
from duckdb_videsk.report_data import gather
from duckdb_videsk.report_words import PAGE_LANGUAGES, Words
from duckdb_videsk.sections import SECTIONS
from duckdb_videsk.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from duckdb_videsk.connection import Connection
    from duckdb_videsk.report_data import Answer, Answers
    from duckdb_videsk.timeline import Figure

__all__ = ["dashboard"]

_HALF, _FULL, _PHONE = 520, 1090, 320
_MOST_ROWS = 1_000
_WIDE_SECTIONS = {"waiting", "hours", "surveys", "origins"}
_SUN = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" '
    'stroke-width="2"/><path d="M12 3a9 9 0 0 0 0 18z" fill="currentColor"/></svg>'
)


def dashboard(
    connection: Connection,
    *,
    since: object = None,
    until: object = None,
    by: str | None = None,
    threshold_seconds: float | None = None,
    language: str = "en",
) -> str:
    """The page as HTML; it holds data of customers and agents.

    Args:
        connection: to read by, one scan of each table.
        since, until, by, threshold_seconds: as for `gather`.
        language: one of `PAGE_LANGUAGES`.

    Raises:
        QueryError: a value is wrong.
        VideskError: a table cannot be read; one that the account may not read is said on the page instead.
    """
    answers = gather(connection, since=since, until=until, by=by, threshold_seconds=threshold_seconds)
    words = Words(language if language in PAGE_LANGUAGES else "en")
    return "".join(_page(answers, words, source=_source(connection)))


def _source(connection: Connection) -> str:
    """Where the records are from: the server, or each account and its server."""
    named = {name: urlsplit(settings.base_url).netloc for name, settings in connection.accounts.items()}
    told = ", ".join(f"{name} ({server})" for name, server in named.items())
    return told or urlsplit(connection.settings.base_url).netloc


def _page(answers: Answers, words: Words, *, source: str) -> Iterator[str]:
    timeline = Timeline(answers, words)
    style, script = _asset("page.css"), _asset("page.js")
    allowed = f"img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    title = f"{words.say('title')}: {_range(answers, words)}"
    yield f'<!doctype html>\n<html lang="{words.language}">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
    yield f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n'
    yield '<body>\n<div class="page">\n'
    yield from _head(answers, words, source)
    yield from _notices(answers, words)
    yield from _tiles(answers, timeline, words)
    yield "<main>\n"
    for name, figures in SECTIONS.items():
        answer = answers.by_name[name]
        drawn = [] if answer.missing else list(figures(answer, timeline, words, answers))
        yield from _section(answer, drawn, answers, words)
    yield f"</main>\n<footer>{escape(words.say('made_by'))}</footer>\n</div>\n"
    yield f'<div id="tip" role="status" hidden></div>\n<script>{script}</script>\n</body>\n</html>\n'


def _head(answers: Answers, words: Words, source: str) -> Iterator[str]:
    made = f"{words.day(answers.made.date(), year=True)}, {answers.made:%H:%M}"
    facts = [
        words.say("by", by=words.say(answers.by)),
        words.say("zone", zone=answers.zone),
        words.say("generated", when=made),
        words.say("source", source=source),
    ]
    yield f"<header><div><h1>{escape(words.say('title'))}</h1>"
    yield f'<p class="range">{escape(_range(answers, words))}</p>'
    yield f'<p class="facts">{escape(" · ".join(facts))}</p></div>'
    label = escape(words.say("theme"))
    yield f'<button id="theme" type="button" title="{label}" aria-label="{label}" hidden>{_SUN}</button></header>\n'
    yield f'<nav aria-label="{escape(words.say("contents"))}">'
    for name in SECTIONS:
        yield f'<a href="#{name}">{escape(answers.by_name[name].report.titles[words.language])}</a>'
    yield "</nav>\n"


def _range(answers: Answers, words: Words) -> str:
    """The range as people say it: its last day is in it."""
    if not answers.whole_days:
        moments = (answers.since, answers.until)
        clock = "%H:%M:%S" if any(moment.second for moment in moments) else "%H:%M"
        first, last = (f"{words.day(moment.date(), year=True)} {moment:{clock}}" for moment in moments)
        return words.say("range", since=first, until=last)
    first, last = words.day(answers.since.date(), year=True), words.day(answers.last_day, year=True)
    return first if first == last else words.say("range", since=first, until=last)


def _notices(answers: Answers, words: Words) -> Iterator[str]:
    young = min(answers.young_since.values())
    days = (answers.made - young) / timedelta(days=1)
    if answers.until > young:
        said = words.say("young", since=words.day(max(young, answers.since).date(), year=True))
    else:
        said = words.say("all_settled", days=f"{days:g}")
    yield f'<p class="notice">{escape(said)}</p>\n'
    if answers.left_out:
        said = words.say("left_out", accounts=", ".join(answers.left_out))
        yield f'<p class="notice warn" role="alert">{escape(said)}</p>\n'
    if answers.forbidden:
        said = words.say("forbidden_head", tables=", ".join(answers.forbidden))
        yield f'<p class="notice warn" role="alert">{escape(said)}</p>\n'


def _tiles(answers: Answers, timeline: Timeline, words: Words) -> Iterator[str]:
    answer = answers.by_name["summary"]
    if answer.missing:
        yield f'<section class="notice warn" id="summary">{_absence(answer, answers, words)}</section>\n'
        return
    now, before = answer.rows[0], answers.before
    seconds = words.seconds(answers.threshold_seconds)
    # Name on the page, column, how to write it, whether more is better (None: neither), the report of its course.
    figures: tuple[tuple[str, str, Callable[[Any], str], bool | None, str, str], ...] = (
        ("offered", "offered", words.number, None, "waiting", "offered"),
        ("calls", "calls", words.number, None, "volume", "calls"),
        ("abandoned", "abandoned_percent", words.percent, False, "waiting", "abandoned_percent"),
        ("service", "service_level_percent", words.percent, True, "service_level", "service_level_percent"),
        ("wait", "wait_median_seconds", words.duration, False, "waiting", "wait_median_seconds"),
        ("handling", "handling_seconds", words.duration, None, "volume", "handling_seconds"),
    )
    yield f'<section class="tiles" id="summary" aria-label="{escape(answer.report.titles[words.language])}">\n'
    for name, column, form, more_is_better, course, of in figures:
        yield f'<div class="tile"><h2>{escape(words.say(f"tile_{name}"))}</h2>'
        yield f'<p class="value">{escape(form(now[column]))}</p>'
        if len(timeline.periods) > 1:
            values = timeline.row(answers.by_name[course].rows, of)
            yield sparkline(Frame(150, words.say("chart", title=words.say(f"tile_{name}"))), values)
        yield _change(
            now[column],
            before[column] if before else None,
            form=form,
            words=words,
            days=answers.days if answers.whole_days else None,
            more_is_better=more_is_better,
        )
        means = escape(words.say(f"means_{name}", seconds=seconds))
        yield f'<p class="means">{means}</p></div>\n'
    yield "</section>\n"


def _change(
    now: float | None,
    before: float | None,
    *,
    form: Callable[[Any], str],
    words: Words,
    days: int | None,
    more_is_better: bool | None,
) -> str:
    """How a figure compares with that of as many days before, or as long a time where `days` is None."""
    if before is None or now is None:
        return f'<p class="change">{escape(words.say("no_before"))}</p>'
    same = form(now) == form(before)
    sign = "=" if same else "▲" if now > before else "▼"
    kind = ""
    if more_is_better is not None and not same:
        kind = ' class="good"' if (now > before) == more_is_better else ' class="bad"'
    if days is None:
        said = words.say("versus_time", value=form(before))
    elif days == 1:
        said = words.say("versus_day", value=form(before))
    else:
        said = words.say("versus", value=form(before), days=words.number(days))
    return f'<p class="change"><b{kind}>{sign}</b> {escape(said)}</p>'


def _section(answer: Answer, figures: Sequence[Figure], answers: Answers, words: Words) -> Iterator[str]:
    report, language = answer.report, words.language
    full = " full" if report.name in _WIDE_SECTIONS else ""
    yield f'<section class="card{full}" id="{report.name}" aria-labelledby="title-{report.name}">'
    yield f'<h2 id="title-{report.name}">{escape(report.titles[language])}</h2>'
    yield f'<p class="question">{escape(report.questions[language])}</p>'
    if answer.missing:
        yield f"{_absence(answer, answers, words)}</section>\n"
        return
    if not figures:
        yield f'<p class="empty">{escape(words.say("nothing"))}</p>'
    else:
        many = "" if len(figures) == 1 else " many" if report.name == "waiting" else " many flow"
        yield f'<div class="figures{many}">'
        for figure in figures:
            yield from _drawn(figure, report.titles[language], words)
        yield "</div>"
    yield f'<p class="reading">{escape(report.readings[language])}</p>'
    if answer.rows:
        yield from _table(answer, words)
    yield "</section>\n"


def _absence(answer: Answer, answers: Answers, words: Words) -> str:
    denied = [table for table in answer.missing if table in answers.forbidden]
    said = words.say("forbidden", tables=", ".join(denied)) if denied else words.say("no_survey")
    return f'<p class="absent"><b>{escape(words.say("missing"))}</b>{escape(said)}</p>'


def _drawn(figure: Figure, title: str, words: Words) -> Iterator[str]:
    said = words.say("chart", title=f"{title}: {figure.caption}" if figure.caption else title)
    yield '<figure class="broad">' if figure.wide else "<figure>"
    if figure.caption:
        yield f"<figcaption>{escape(figure.caption)}</figcaption>"
    if figure.legend:
        entries = (
            '<li><svg viewBox="0 0 10 10" aria-hidden="true">'
            f'<rect class="f-{colour}" width="10" height="10" rx="2"/></svg>{escape(name)}</li>'
            for name, colour in figure.legend
        )
        yield f'<ul class="legend">{"".join(entries)}</ul>'
    draw = figure.draw
    if draw is not None:
        for kind, width in (("wide", _FULL if figure.wide else _HALF), ("narrow", _PHONE)):
            yield f'<div class="draw {kind}">{draw(Frame(width, said))}</div>'
    if figure.note:
        yield f'<p class="note-below">{escape(figure.note)}</p>'
    yield "</figure>"


def _table(answer: Answer, words: Words) -> Iterator[str]:
    """The figures for those who do not see the chart, and for those who want them all."""
    numeric = {column.name for column in answer.report.columns if column.type in {"BIGINT", "DOUBLE"}} - {"weekday"}
    names = [column.name for column in answer.report.columns]
    yield f"<details><summary>{escape(words.say('table'))}</summary>"
    yield '<div class="scroll" tabindex="0"><table><thead><tr>'
    for name in names:
        yield f'<th scope="col"{_side(name, numeric)}>{escape(words.column(name))}</th>'
    yield "</tr></thead><tbody>\n"
    for row in answer.rows[:_MOST_ROWS]:
        cells = (f"<td{_side(name, numeric)}>{escape(_cell(name, row, words))}</td>" for name in names)
        yield f"<tr>{''.join(cells)}</tr>\n"
    yield "</tbody></table></div>"
    if len(answer.rows) > _MOST_ROWS:
        shown, all_rows = words.number(_MOST_ROWS), words.number(len(answer.rows))
        cut = words.say("table_cut", shown=shown, all=all_rows, name=answer.report.name)
        yield f'<p class="note-below">{escape(cut)}</p>'
    yield "</details>"


def _side(name: str, numeric: set[str]) -> str:
    return ' class="n"' if name in numeric else ""


_DIGITS = {"score": 3, "mean": 2}


def _cell(name: str, row: Mapping[str, Any], words: Words) -> str:
    value = row[name]
    if value is None:
        return words.number(None)
    if name == "weekday":
        return words.weekday(value)
    if name in {"kind", "gap"}:
        return words.value(value)
    if isinstance(value, date):
        return words.day(value, year=True)
    if isinstance(value, int | float):
        return words.figure(value, _DIGITS.get(name, 1))
    return str(value)


def _asset(name: str) -> str:
    return resources.files("duckdb_videsk").joinpath("page", name).read_text("utf-8")


def _hash(text: str) -> str:
    """What lets a browser run or apply this text and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
