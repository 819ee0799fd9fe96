"""The page of all reports: its figures, what it says of gaps, and how a browser shows it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import escape, unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

import duckdb_videsk
from contact_records import SPRING, SURVEY, ZONE, made, records
from duckdb_videsk import QueryError, report, report_data
from duckdb_videsk.cli import main
from duckdb_videsk.dashboard import dashboard
from duckdb_videsk.report_data import gather
from duckdb_videsk.reporting import named, reports
from duckdb_videsk.simulator import Behaviour, Fault, Simulator
from needed import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb_videsk.reporting import Report

HOSTILE = "</svg><img src=x onerror=alert(1)><script>alert(1)</script>\"'&"
ROWS = made(1, SPRING, contacts=300)
for path, key in (("calls", "agent"), ("queues", "segment"), ("tags", "tagLabel"), ("ai/topics", "topicName")):
    ROWS[path] = [{**row, key: HOSTILE} if number % 3 == 0 else row for number, row in enumerate(ROWS[path])]
ROWS["ai/sentiments"] = [{**row, "sentimentText": HOSTILE} for row in ROWS["ai/sentiments"]]
ROWS["extra-data"] = [{**row, "countryName": HOSTILE} for row in ROWS["extra-data"]]
ROWS["surveys"] = [{**row, "answers": {HOSTILE: HOSTILE, "Nota": 4}} for row in ROWS["surveys"]]
SPAN = {"since": date(2026, 9, 1), "until": date(2026, 9, 11)}


@contextmanager
def opened(rows: Any = ROWS, *, surveys: Any = (SURVEY,), **behaviour: Any) -> Iterator[duckdb_videsk.Connection]:
    with (
        Simulator(records(rows), behaviour=Behaviour(**{"cap": 100_000, **behaviour})) as sim,
        duckdb_videsk.connect(
            token=sim.token, base_url=sim.url, time_zone=ZONE.key, surveys=surveys, requests_per_second=1_000
        ) as connection,
    ):
        yield connection


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb_videsk.Connection]:
    with opened() as connection:
        yield connection


@pytest.fixture(scope="module")
def page(con: duckdb_videsk.Connection) -> str:
    return dashboard(con, **SPAN)


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def section(page: str, name: str) -> str:
    return page[page.index(f'id="{name}"') :].split("</section>", 1)[0]


def test_one_scan_of_each_table_is_all_it_asks(con: duckdb_videsk.Connection) -> None:
    before = len(con.ledger.entries())
    dashboard(con, **SPAN)
    asked = con.ledger.entries()[before:]
    tables = {table for one in reports() for table in one.reads}
    assert sorted(entry.table_name for entry in asked) == sorted(tables)


def test_the_time_to_compare_with_has_its_days_before_too(
    con: duckdb_videsk.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looking_back(name: str) -> Report:
        one = named(name)
        return replace(one, reads={table: replace(read, days_before=3) for table, read in one.reads.items()})

    monkeypatch.setattr(report_data, "named", looking_back)
    before = len(con.ledger.entries())
    gather(con, **SPAN)
    asked = {entry.table_name: entry.asked_from for entry in con.ledger.entries()[before:]}
    first = datetime(2026, 8, 19, tzinfo=ZONE) - timedelta(seconds=1)
    assert {table: asked[table] for table in named("summary").reads} == dict.fromkeys(named("summary").reads, first)


def test_the_figures_are_those_of_the_reports(con: duckdb_videsk.Connection) -> None:
    answers = gather(con, **SPAN, by="day", threshold_seconds=20)
    for name, answer in answers.by_name.items():
        given = {"by": "day", "threshold_seconds": 20}
        taken = {key: value for key, value in given.items() if answer.report.takes(key)}
        assert [tuple(row.values()) for row in answer.rows] == report(con, name, **SPAN, **taken).fetchall(), name
    (before,) = report(con, "summary", since=date(2026, 8, 22), until=SPAN["since"], threshold_seconds=20).fetchall()
    assert answers.before is not None
    assert tuple(answers.before.values()) == before


def test_charts_and_tables_hold_the_figures(con: duckdb_videsk.Connection, page: str) -> None:
    rows = report(con, "volume", **SPAN).fetchall()
    volume = section(page, "volume")
    for first, _, offered, calls, *_ in rows:
        assert f"{first.day} Sep 2026\nCalls: {calls}\nOffered: {offered}\n" in volume
        assert f"<td>{first.day} Sep 2026</td>" in volume
    assert volume.count("<svg") == 2
    (summary,) = report(con, "summary", **SPAN).fetchall()
    tiles = section(page, "summary")
    assert f'<p class="value">{summary[0]}</p>' in tiles
    assert f'<p class="value">{summary[3]} %</p>' in tiles
    for one in reports():
        if one.name != "summary":
            assert section(page, one.name).count("<svg") >= 2, one.name
            assert "<details>" in section(page, one.name), one.name


@pytest.mark.parametrize(("days", "by"), [(30, "day"), (100, "week"), (400, "month")])
def test_the_length_of_the_range_chooses_the_periods(con: duckdb_videsk.Connection, days: int, by: str) -> None:
    answers = gather(con, until=SPAN["until"], since=SPAN["until"] - timedelta(days=days))
    assert answers.by == by
    assert len(answers.by_name["volume"].rows) == {"day": 30, "week": 15, "month": 14}[by]


def test_no_text_of_the_api_becomes_markup(page: str) -> None:
    tags = Tags(page).found
    assert [name for name, _ in tags if name in {"img", "iframe", "object", "form", "base"}] == []
    assert sum(name == "script" for name, _ in tags) == 1
    assert not [one for _, given in tags for one in given if one.startswith("on") or one == "style"]
    assert HOSTILE not in page
    assert page.count(escape(HOSTILE)) > 20


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    tags = Tags(page).found
    addresses = [value for _, given in tags for name, value in given.items() if name in {"href", "src", "url"}]
    assert set(addresses) - {"data:,"} == {f"#{one.name}" for one in reports() if one.name != "summary"}
    (policy,) = [given["content"] for _, given in tags if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "url(" not in page
    assert "@import" not in page


def test_young_days_are_marked() -> None:
    day = datetime.now(ZONE).date()
    with opened() as connection:
        young = dashboard(connection)
        old = dashboard(connection, **SPAN)
    since = day - timedelta(days=3)
    assert f"Days from {since.day} " in young
    assert 'class="young"' in section(young, "volume")
    assert 'class="young"' not in old
    assert "All days of the range are older than 3 days" in old


def test_what_the_account_may_not_read_is_said() -> None:
    forbidden = [Fault("status", times=None, endpoint="recordings", status=403)]
    with opened(faults=forbidden) as connection:
        page = dashboard(connection, **SPAN, language="es")
    gaps = section(page, "gaps")
    assert "Esta cuenta no puede leer recordings" in gaps
    assert "<svg" not in gaps
    assert "Incompleto: esta cuenta no puede leer recordings" in page.split("<main>")[0]
    assert section(page, "volume").count("<svg") == 2


def test_without_queues_the_heads_figures_are_missing_and_not_zero() -> None:
    with opened(faults=[Fault("status", times=None, endpoint="queues", status=403)]) as connection:
        page = dashboard(connection, **SPAN)
    assert "This account may not read queues" in section(page, "summary")
    assert 'class="value"' not in page
    assert section(page, "transfers").count("<svg") >= 2


def test_without_an_id_surveys_are_missing_and_nothing_is_asked() -> None:
    with opened(surveys=()) as connection:
        page = dashboard(connection, **SPAN)
        assert "surveys" not in {entry.table_name for entry in connection.ledger.entries()}
    assert "No survey is named" in section(page, "surveys")


def test_an_empty_range_is_said_to_be_empty() -> None:
    with opened({path: [] for path in ROWS}) as connection:
        page = dashboard(connection, **SPAN)
    assert "Nothing in this range." in section(page, "agents")
    assert '<p class="value">–</p>' in section(page, "summary")
    assert "NaN" not in page


# --- the command


def test_a_range_is_told_as_it_is(con: duckdb_videsk.Connection) -> None:
    def told(since: str, until: str, **given: Any) -> tuple[str, str]:
        page = dashboard(con, since=since, until=until, **given)
        change = re.search(r'<p class="change">(?:<b[^>]*>.</b> )?([^<]*)', page)
        span = re.search(r'<p class="range">([^<]*)', page)
        assert change
        assert span
        return span[1], change[1]

    # A day whose midnight the clocks skip is a whole one, and so is what it is compared with.
    offered = {day: len(queued(f"2026-09-{day:02}")) for day in (4, 5)}
    assert told("2026-09-06", "2026-09-07") == ("6 Sep 2026", f"vs. {offered[5]} on the day before")
    both = offered[4] + offered[5]
    assert told("2026-09-06", "2026-09-08") == ("6 Sep 2026 to 7 Sep 2026", f"vs. {both} in the 2 days before")
    span, change = told("2026-09-05 10:00", "2026-09-05 18:00", by="day")
    assert span == "5 Sep 2026 10:00 to 5 Sep 2026 18:00"
    assert change.endswith("in as long a time before")
    assert told("2026-09-05 10:00:30", "2026-09-05 10:00:45")[0] == "5 Sep 2026 10:00:30 to 5 Sep 2026 10:00:45"
    assert told("2026-09-05", "2026-09-05")[0] == "5 Sep 2026 00:00 to 5 Sep 2026 00:00"
    hours = section(dashboard(con, since="2026-09-05 10:00", until="2026-09-06 18:00", by="day"), "volume")
    assert hours.count("(only in part in the range)") == 2 * 2
    assert "only in part" not in dashboard(con, since="2026-09-06", until="2026-09-07", by="day")


def queued(day: str) -> list[Any]:
    zoned = (datetime.fromisoformat(str(row["startTime"])).astimezone(ZONE) for row in ROWS["queues"])
    return [moment for moment in zoned if str(moment.date()) == day]


def test_the_time_before_is_of_whole_days_where_clocks_skip_midnight() -> None:
    for since, until, earlier in (
        ("2026-09-06T01:00", "2026-09-07T00:00", "2026-09-05T00:00"),
        ("2026-08-30T00:00", "2026-09-06T01:00", "2026-08-23T00:00"),
        ("2026-09-05T10:00", "2026-09-05T18:00", "2026-09-05T02:00"),
    ):
        start, end = (datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in (since, until))
        assert report_data._earlier(start, end) == datetime.fromisoformat(earlier).replace(tzinfo=ZONE)


def test_an_end_within_the_hour_that_repeats_loses_nothing() -> None:
    (booked, *_) = ROWS["appointments"]
    # The clocks go back at midnight, 03:00 UTC: this is 23:20 for the second time.
    late = [{**booked, "startTime": datetime(2026, 4, 5, 3, 20, tzinfo=UTC)}]
    given = {"since": "2026-04-04", "until": "2026-04-04 23:30:00-04:00"}
    with opened({**ROWS, "appointments": late}) as con:
        assert report(con, "appointments", **given).fetchall()[0][1] == 1
        assert gather(con, **given).by_name["appointments"].rows[0]["booked"] == 1


def test_nothing_of_a_hundred_is_something_to_compare_with(con: duckdb_videsk.Connection) -> None:
    page = dashboard(con, **SPAN, threshold_seconds=2.5)
    assert gather(con, **SPAN, threshold_seconds=2.5).before["service_level_percent"] == 0  # type: ignore[index]
    tile = page.partition("Service level</h2>")[2].partition("</div>")[0]
    assert "vs. 0.0 % in the 10 days before" in tile
    assert "Answered within 2.5 s, of all in queue" in tile
    assert "Within 2.5 seconds" in section(page, "service_level")
    assert "En 2,5 segundos" in dashboard(con, **SPAN, threshold_seconds=2.5, language="es")


def test_a_share_of_no_conversations_is_none() -> None:
    late = [row for row in ROWS["ai/topics"] if str(row["createdAt"]) >= "2026-09-06"]
    with opened({**ROWS, "ai/topics": late}) as con:
        topics = section(dashboard(con, **SPAN), "topics")
    assert re.search(r"Wed 2 Sep 2026\n[^:<]*: –\n", topics)
    assert not re.search(r"Wed 2 Sep 2026\n[^:<]*: 0", topics)


def test_agents_that_the_chart_leaves_out_are_counted() -> None:
    rows = [{**row, "agent": f"agent {number % 20}"} for number, row in enumerate(ROWS["calls"])]
    without = {"After Call Work (ACW)": None, "duration": None}
    rows = [{**row, **(without if row["agent"] in {"agent 0", "agent 1"} else {})} for row in rows]
    with opened({**ROWS, "calls": rows}) as con:
        agents = section(dashboard(con, **SPAN), "agents")
    assert "and 8 more in the table" in agents


def test_a_range_beyond_the_calendar_is_said(con: duckdb_videsk.Connection) -> None:
    for since, until in (("0001-01-01", "2026-01-01"), ("2026-01-01", "9999-12-31"), ("1000-01-01", "2026-01-01")):
        with pytest.raises(QueryError, match=r"make it shorter|in the years 1 to 9999"):
            gather(con, since=since, until=until)


def test_the_command_writes_a_private_file_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "page.html"
    command = ["dashboard", "-o", str(file), "--since", "2026-09-01", "--until", "2026-09-11", "--language", "es"]
    with opened() as connection:
        monkeypatch.setenv("VIDESK_BASE_URL", connection.settings.base_url)
        monkeypatch.setenv("VIDESK_API_TOKEN", connection.settings.token.reveal())
        monkeypatch.setenv("VIDESK_TIME_ZONE", ZONE.key)
        assert main([*command, "--surveys", SURVEY]) == 0
        assert file.stat().st_mode & 0o777 == 0o600 or os.name == "nt"
        text = file.read_text("utf-8")
        assert '<html lang="es">' in text
        assert "1 sep 2026 al 10 sep 2026" in text
        assert connection.settings.token.reveal() not in text
        assert main(["dashboard", "-o", str(tmp_path / "no" / "page.html")]) == 2
        assert main(["dashboard", "-o", str(file), "--by", "year"]) == 2
    file.unlink()
    with opened(faults=[Fault("status", times=None, endpoint="tags", status=500)]) as connection:
        monkeypatch.setenv("VIDESK_BASE_URL", connection.settings.base_url)
        monkeypatch.setenv("VIDESK_RETRIES", "0")
        assert main(command) == 1
    assert list(tmp_path.iterdir()) == []
    assert "videsk: " in capsys.readouterr().err


# --- in a browser

_PROBE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>
<iframe id="f" style="width:{width}px;height:900px;border:0"
 src="{file}"></iframe><script>
document.getElementById("f").onload = (event) => {{
  const win = event.target.contentWindow, doc = win.document, told = {{}};
  const shown = (one) => one.getBoundingClientRect().width > 0;
  const ground = () => win.getComputedStyle(doc.body).backgroundColor;
  told.overflow = doc.documentElement.scrollWidth - win.innerWidth;
  told.wide = [...doc.querySelectorAll(".draw > svg")]
    .filter((one) => one.getBoundingClientRect().right > win.innerWidth + 0.5).length;
  told.shown = [...doc.querySelectorAll(".draw > svg")].filter(shown).length;
  told.drawn = doc.querySelectorAll(".draw.wide > svg").length;
  told.before = ground();
  doc.getElementById("theme").click();
  told.after = ground();
  const mark = [...doc.querySelectorAll("#volume .hit")].find(shown), box = mark.getBoundingClientRect();
  const where = {{bubbles: true, clientX: box.left + 1, clientY: box.top + 1}};
  mark.dispatchEvent(new win.PointerEvent("pointermove", where));
  told.tip = doc.getElementById("tip").hidden ? null : doc.getElementById("tip").textContent;
  told.language = doc.documentElement.lang;
  told.requests = win.performance.getEntriesByType("resource").map((entry) => entry.name);
  document.body.innerHTML = "<pre>" + JSON.stringify(told) + "</pre>";
}};
</script>"""


@pytest.fixture(scope="module")
def site(con: duckdb_videsk.Connection, page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of the pages, and what is asked of it."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "en.html").write_text(page, "utf-8")
    (folder / "es.html").write_text(dashboard(con, **SPAN, language="es"), "utf-8")
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("language", "width", "scheme"), [("en", 1280, 1), ("es", 360, 0), ("en", 800, 0)])
def test_in_a_browser(site: Any, tmp_path: Path, language: str, width: int, scheme: int) -> None:
    browser = program("chromium", "chromium-browser", "google-chrome")
    folder, address, asked = site
    (folder / "probe.html").write_text(_PROBE.format(width=width, file=f"{language}.html"), "utf-8")
    asked.clear()
    run = subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
         f"--user-data-dir={tmp_path}", f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1300,1000",
         "--virtual-time-budget=5000", f"{address}/probe.html"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    (told,) = re.findall(r"<pre>(.*)</pre>", run.stdout, re.DOTALL) or [run.stderr]
    found = json.loads(unescape(told))
    assert found["overflow"] <= 0
    assert found["wide"] == 0
    assert found["shown"] == found["drawn"] >= 20
    light, dark = "rgb(244, 245, 248)", "rgb(14, 18, 23)"
    assert (found["before"], found["after"]) == ((light, dark) if scheme else (dark, light))
    assert ("Llamadas: " if language == "es" else "Calls: ") in found["tip"]
    assert found["language"] == language
    assert found["requests"] == []
    assert asked == ["/probe.html", f"/{language}.html"]
    assert "CONSOLE" not in run.stderr
