"""The reports: each against plain Python over the same records, and each header against what DuckDB says."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

import duckdb_videsk
from contact_records import AUTUMN, OTHER_SURVEY, SPRING, SURVEY, ZONE, made, records
from duckdb_videsk import QueryError, Report, report, reports
from duckdb_videsk.report_data import gather
from duckdb_videsk.report_words import TITLE_LANGUAGES, column_title
from duckdb_videsk.reporting import bound, named
from duckdb_videsk.simulator import Behaviour, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Row = dict[str, Any]
NAMES = [one.name for one in reports()]
THRESHOLD = 40.0
SPANS = {
    "spring": ("2026-08-31", "2026-09-12"),
    "spring, by hours": ("2026-09-05 22:30", "2026-09-06 09:00"),
    "autumn": ("2026-04-01", "2026-04-11"),
    "nothing there": ("2024-02-01", "2024-02-04"),
    "no time at all": ("2026-09-05", "2026-09-05"),
}
ROWS = {"spring": made(1, SPRING), "autumn": made(2, AUTUMN)}
ALL = {path: ROWS["spring"][path] + ROWS["autumn"][path] for path in ROWS["spring"]}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb_videsk.Connection]:
    with (
        Simulator(records(ALL), behaviour=Behaviour(cap=100_000)) as sim,
        duckdb_videsk.connect(
            token=sim.token, base_url=sim.url, time_zone=ZONE.key, surveys=[SURVEY], requests_per_second=1_000
        ) as connection,
    ):
        yield connection


# --- the truth


class Truth:
    """What each report has to give."""

    def __init__(self, since: str, until: str, by: str) -> None:
        self.since, self.until = (datetime.fromisoformat(text).replace(tzinfo=ZONE) for text in (since, until))
        self.by = by

    def within(self, path: str, key: str = "startTime", *, near: bool = False) -> list[Row]:
        # Days of the calendar, as subtracting from a time with a zone means them.
        low = self.since - timedelta(days=7) if near else self.since
        high = self.until + timedelta(days=1) if near else self.until
        return [row for row in ALL[path] if low <= row[key] < high]

    def local_days(self) -> list[date]:
        if self.since >= self.until:
            return []
        last = (self.until - timedelta(microseconds=1)).date()
        return [self.since.date() + timedelta(days=n) for n in range((last - self.since.date()).days + 1)]

    def first(self, day: date) -> date:
        if self.by == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.by == "month" else day

    def periods(self) -> list[date]:
        return sorted({self.first(day) for day in self.local_days()})

    def grouped(self, rows: Iterable[Row], key: str = "startTime") -> dict[date, list[Row]]:
        groups = defaultdict(list)
        for row in rows:
            groups[self.first(row[key].astimezone(ZONE).date())].append(row)
        return groups

    def over_time(self, rows: list[Row], tell: Callable[[list[Row]], tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        groups = self.grouped(rows)
        return [(period, *tell(groups.get(period, []))) for period in self.periods()]

    def summary(self) -> list[tuple[Any, ...]]:
        waits, calls = self.within("queues"), self.within("calls")
        told = (len(waits), len(answered(waits)), len(abandoned(waits)), share(abandoned(waits), waits))
        times = (share(in_time(waits), waits), quantile(waited(answered(waits)), 0.5))
        return [(*told, *times, len(calls), mean(talk(calls)), mean(handling(calls)))]

    def volume(self) -> list[tuple[Any, ...]]:
        days = Counter(self.first(day) for day in self.local_days())
        waits, calls = self.grouped(self.within("queues")), self.grouped(self.within("calls"))

        def line(period: date) -> tuple[Any, ...]:
            took = calls.get(period, [])
            hours = sum(talk(took)) / 3600 if talk(took) or not took else None
            agents = {row["agent"] for row in took if "agent" in row}
            per_day = len(took) / days[period]
            return len(waits.get(period, [])), len(took), per_day, len(agents), hours, mean(handling(took))

        return [(period, days[period], *line(period)) for period in self.periods()]

    def hours(self) -> list[tuple[Any, ...]]:
        weekdays = Counter(day.isoweekday() for day in self.local_days())
        groups = defaultdict(list)
        for row in self.within("queues"):
            local = row["startTime"].astimezone(ZONE)
            groups[local.isoweekday(), local.hour].append(row)
        return [
            (
                day,
                hour,
                weekdays[day],
                len(rows := groups[day, hour]),
                len(rows) / weekdays[day] if weekdays[day] else None,
                len(abandoned(rows)),
                share(abandoned(rows), rows),
            )
            for day in range(1, 8)
            for hour in range(24)
        ]

    def waiting(self) -> list[tuple[Any, ...]]:
        def tell(rows: list[Row]) -> tuple[Any, ...]:
            took, gone = answered(rows), abandoned(rows)
            counts = (len(rows), len(took), len(gone), len(rows) - len(took) - len(gone))
            rejected = sum(row["dismissed"] for row in rows)
            waits = (mean(waited(took)), *(quantile(waited(took), part) for part in (0.5, 0.9, 0.95)))
            return (*counts, rejected, share(gone, rows), *waits, quantile(waited(gone), 0.5))

        return self.over_time(self.within("queues"), tell)

    def service_level(self) -> list[tuple[Any, ...]]:
        def tell(rows: list[Row]) -> tuple[Any, ...]:
            took, fast = answered(rows), in_time(rows)
            early = [row for row in abandoned(rows) if seconds(row) is not None and seconds(row) <= THRESHOLD]
            patient = len(rows) - len(early)
            lenient = 100 * len(fast) / patient if patient else None
            return len(rows), len(took), len(fast), len(early), share(fast, rows), lenient, share(fast, took)

        return self.over_time(self.within("queues"), tell)

    def agents(self) -> list[tuple[Any, ...]]:
        groups = by_key(self.within("calls"), "agent")
        return [
            (
                agent,
                len(rows),
                len({row["startTime"].astimezone(ZONE).date() for row in rows}),
                mean(talk(rows)),
                mean(after(rows)),
                mean(handling(rows)),
                len(handling(rows)),
                sum(handling(rows)) / 3600 if handling(rows) else None,
                share(transferred(rows), rows),
            )
            for agent, rows in groups.items()
        ]

    def segments(self) -> list[tuple[Any, ...]]:
        waits, calls = by_key(self.within("queues"), "segment"), by_key(self.within("calls"), "segment")

        def line(segment: str | None) -> tuple[Any, ...]:
            came, took = waits.get(segment, []), calls.get(segment, [])
            queue = (share(abandoned(came), came), share(in_time(came), came), quantile(waited(answered(came)), 0.5))
            times = (mean(talk(took)), mean(after(took)), mean(handling(took)), len(handling(took)))
            counts = len(came), len(abandoned(came))
            return (segment, *counts, *queue, len(took), *times, share(transferred(took), took))

        return [line(segment) for segment in {*waits, *calls}]

    def transfers(self) -> list[tuple[Any, ...]]:
        def tell(rows: list[Row]) -> tuple[Any, ...]:
            marks = Counter(
                (row.get("transferredAgent", False), row.get("transferredSegment", False)) for row in rows
            )
            kinds = (marks[True, False], marks[False, True], marks[True, True])
            return (len(rows), *kinds, 100 * sum(kinds) / len(rows) if rows else None)

        return self.over_time(self.within("calls"), tell)

    def tags(self) -> list[tuple[Any, ...]]:
        calls = {row["id"] for row in self.within("calls")}
        tagged = defaultdict(set)
        for row in self.within("tags"):
            tagged[row.get("tagLabel", row["tagName"])].add(row["id"])
        bare = calls - set().union(*tagged.values())
        counts = {tag: len(ids & calls) for tag, ids in tagged.items()} | {None: len(bare)}
        return [(tag, count, 100 * count / len(calls)) for tag, count in counts.items() if count]

    def surveys(self) -> list[tuple[Any, ...]]:
        given = defaultdict(list)
        for row in self.within("surveys", "createdAt"):
            for question, value in row["answers"].items():
                for one in value if isinstance(value, list) else [value]:
                    if one not in {None, ""}:
                        text = str(one).lower() if isinstance(one, bool) else str(one)
                        given[question].append((row["id"], text))
        return [line for question, answers in given.items() for line in _answers(question, answers)]

    def sentiment(self) -> list[tuple[Any, ...]]:
        lines = []
        for period, rows in self.grouped(self.within("ai/sentiments", "createdAt"), "createdAt").items():
            for mood, found in by_key(rows, "sentimentText").items():
                scores = [row["sentimentNumber"] for row in found if "sentimentNumber" in row]
                lines.append((period, mood, len(found), share(found, rows), mean(scores)))
        return lines

    def topics(self) -> list[tuple[Any, ...]]:
        lines = []
        for period, rows in self.grouped(self.within("ai/topics", "createdAt"), "createdAt").items():
            everything = {row["id"] for row in rows}
            for topic, found in by_key(rows, "topicName").items():
                ids = {row["id"] for row in found}
                scores = [row["topicScore"] for row in found if "topicScore" in row]
                lines.append((period, topic, len(ids), share(ids, everything), mean(scores)))
        return lines

    def appointments(self) -> list[tuple[Any, ...]]:
        def outcome(row: Row) -> str:
            if "Rescheduled Appointment ID" in row:
                return "moved"
            if "Cancellation Date" in row:
                return "cancelled"
            return "kept" if "endTime" in row else "missed"

        def tell(rows: list[Row]) -> tuple[Any, ...]:
            count = Counter(map(outcome, rows))
            kept, missed = count["kept"], count["missed"]
            no_shows = 100 * missed / (kept + missed) if kept + missed else None
            ends = (100 * kept / len(rows) if rows else None, no_shows)
            return (len(rows), kept, missed, count["cancelled"], count["moved"], 0, *ends)

        return self.over_time(self.within("appointments"), tell)

    def origins(self) -> list[tuple[Any, ...]]:
        keys = ("countryName", "regionName", "deviceType", "osName", "browserName")
        rows = self.within("extra-data", "createdAt")
        return [
            (kind, value, len(found), share(found, rows))
            for kind, key in zip(("country", "region", "device", "system", "browser"), keys, strict=True)
            for value, found in by_key(rows, key).items()
        ]

    def gaps(self) -> list[tuple[Any, ...]]:
        calls, waits = self.within("calls"), self.within("queues")
        tapes, tags = self.within("recordings", "createdAt"), self.within("tags")
        near = {
            path: self.within(path, key, near=True)
            for path, key in {
                "calls": "startTime",
                "queues": "startTime",
                "extra-data": "createdAt",
                "recordings": "createdAt",
            }.items()
        }
        ids = {path: {row["id"] for row in rows} for path, rows in near.items()}
        queued = {row.get("queue") for row in near["calls"]}
        taped = {row.get("call") for row in near["recordings"]}
        owned = [row for row in tapes if "call" in row]
        checks: list[tuple[str, list[Row], Callable[[Row], bool]]] = [
            ("call without queue entry", calls, lambda row: row.get("queue") not in ids["queues"]),
            ("queue entry assigned without call", answered(waits), lambda row: row["id"] not in queued),
            (
                "queue entry without outcome",
                waits,
                lambda row: not row.get("assigned") and not row.get("canceled"),
            ),
            ("call without metadata", calls, lambda row: row.get("extraData") not in ids["extra-data"]),
            ("queue entry without metadata", waits, lambda row: row.get("extraData") not in ids["extra-data"]),
            ("call without recording", calls, lambda row: row["id"] not in taped),
            ("recording without its call", owned, lambda row: row["call"] not in ids["calls"]),
            ("recording of nothing", tapes, lambda row: "call" not in row),
            ("tag without its call", tags, lambda row: row["id"] not in ids["calls"]),
            ("call without agent", calls, lambda row: "agent" not in row),
            ("call without end", calls, lambda row: "endTime" not in row),
            ("call without after-call work", calls, lambda row: ACW not in row),
        ]
        lines = []
        for gap, rows, is_missing in checks:
            found = [row["id"] for row in rows if is_missing(row)]
            lines.append((gap, len(found), len(rows), share(found, rows), min(found, default=None)))
        return lines


ACW = "After Call Work (ACW)"


def _answers(question: str, answers: list[tuple[str, str]]) -> list[tuple[Any, ...]]:
    texts = [text for _, text in answers]
    people, numbers = {person for person, _ in answers}, [float(text) for text in texts if is_number(text)]
    kind = "number" if len(numbers) == len(texts) else "text"
    if kind == "text" and len(set(texts)) <= 11 and len(texts) >= 2 * len(set(texts)):
        kind = "choice"
    scale = kind == "number" and len(set(texts)) <= 11 and max(map(abs, numbers)) <= 100
    average = mean(numbers) if kind == "number" else None
    counts = Counter(texts) if kind == "choice" or scale else Counter({None: len(texts)})
    return [
        (SURVEY, question, kind, text, count, len(people), 100 * count / len(people), average)
        for text, count in counts.items()
    ]


def is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def answered(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.get("assigned")]


def abandoned(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.get("canceled") and not row.get("assigned")]


def seconds(row: Row, key: str = "duration") -> Any:
    return row[key] * 60 if key in row else None


def in_time(rows: list[Row]) -> list[Row]:
    return [row for row in answered(rows) if seconds(row) is not None and round(seconds(row), 9) <= THRESHOLD]


def waited(rows: list[Row]) -> list[float]:
    return [seconds(row) for row in rows if "duration" in row]


talk = waited


def after(rows: list[Row]) -> list[float]:
    return [seconds(row, ACW) for row in rows if ACW in row]


def handling(rows: list[Row]) -> list[float]:
    return [seconds(row) + seconds(row, ACW) for row in rows if "duration" in row and ACW in row]


def transferred(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.get("transferredAgent") or row.get("transferredSegment")]


def share(part: Any, whole: Any) -> float | None:
    return 100 * len(part) / len(whole) if whole else None


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def quantile(values: list[float], part: float) -> float | None:
    return float(np.quantile(values, part)) if values else None


def by_key(rows: list[Row], key: str) -> dict[Any, list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row.get(key)].append(row)
    return groups


# --- the answers


def options(one: Report, by: str) -> dict[str, Any]:
    given = {"by": by, "threshold_seconds": THRESHOLD}
    return {name: value for name, value in given.items() if one.takes(name)}


def near(one: Report, row: tuple[Any, ...]) -> list[Any]:
    """What a right value may be: as far as the report rounds."""
    finest = {"score": 0.00051, "mean": 0.0051, "talk_hours": 0.0051, "handling_hours": 0.0051}
    return [
        pytest.approx(value, abs=finest.get(column.name, 0.0501)) if isinstance(value, float) else value
        for column, value in zip(one.columns, row, strict=True)
    ]


def ordered(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=lambda row: [str(value) for value in row if not isinstance(value, float)])


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_truth(con: duckdb_videsk.Connection, name: str, span: str) -> None:
    one, (since, until) = named(name), SPANS[span]
    for by in ("day", "week", "month") if one.takes("by") else ("day",):
        rows = report(con, name, since=since, until=until, **options(one, by)).fetchall()
        truth = getattr(Truth(since, until, by), name)()
        assert len(rows) == len(truth)
        for row, true in zip(ordered(rows), ordered(truth), strict=True):
            assert list(row) == near(one, true)
        if one.takes("by"):
            assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_there_is_something_to_be_right_about() -> None:
    truth = Truth(*SPANS["spring"], "day")
    for gap, found, checked, *_ in truth.gaps():
        assert 0 < found < checked, gap
    assert all(len(getattr(truth, name)()) >= (1 if name == "summary" else 2) for name in NAMES)
    kinds = {row[2] for row in truth.surveys()}
    assert kinds == {"number", "choice", "text"}


@pytest.mark.parametrize("name", NAMES)
def test_each_table_is_asked_once_and_for_no_more_than_the_header_says(
    con: duckdb_videsk.Connection, name: str
) -> None:
    one = named(name)
    since, until = datetime(2026, 8, 31, tzinfo=ZONE), datetime(2026, 9, 12, tzinfo=ZONE)
    before = len(con.ledger.entries())
    report(con, name, since=since, until=until, **options(one, "day")).fetchall()
    asked = con.ledger.entries()[before:]
    assert sorted(entry.table_name for entry in asked) == sorted(one.reads)
    second = timedelta(seconds=1)
    for entry in asked:
        read = one.reads[entry.table_name]
        assert entry.asked_from == since - timedelta(days=read.days_before) - second
        assert entry.asked_until == until + timedelta(days=read.days_after) + second


def test_a_plain_connection_has_the_same_ranges(con: duckdb_videsk.Connection) -> None:
    before = len(con.ledger.entries())
    native = report(con.native, "gaps", since="2026-09-01", until="2026-09-03")
    assert isinstance(native, duckdb.DuckDBPyRelation)
    wrapped = report(con, "gaps", since="2026-09-01", until="2026-09-03").fetchall()
    assert native.fetchall() == wrapped
    assert len(con.ledger.entries()) - before == 2 * len(named("gaps").reads)
    assert all(entry.asked_from and entry.asked_from.year == 2026 for entry in con.ledger.entries()[before:])


def halved(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The same contacts, of which some records are lost, by another rule in each export."""
    return {
        path: [row for number, row in enumerate(found) if path == "calls" or number % 5 != place % 5]
        for place, (path, found) in enumerate(rows.items())
    }


# Of each: what tells its rows apart, and what of two accounts has to be the sum of each.
ADDED: dict[str, tuple[list[str], list[str]]] = {
    "tags": (["tag"], ["calls"]),
    "topics": (["period", "topic"], ["conversations"]),
    "surveys": (["question", "kind", "answer"], ["responses", "respondents"]),
    "gaps": (["gap"], ["records", "checked"]),
}


@pytest.mark.parametrize("name", ADDED)
def test_records_of_two_accounts_with_the_same_ids_stay_apart(name: str) -> None:
    given, (keys, added) = {"since": "2026-08-31", "until": "2026-09-12"}, ADDED[name]
    both = {"north": ROWS["spring"], "south": halved(ROWS["spring"])}

    def counts(rows: Iterable[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
        return Counter({(column, *(row[key] for key in keys)): row[column] or 0 for row in rows for column in added})

    with contextlib.ExitStack() as running:
        accounts = {}
        for account, rows in both.items():
            sim = running.enter_context(Simulator(records(rows), token=f"token-of-{account}"))
            sim.behaviour.cap = 100_000
            accounts[account] = {
                "token": sim.token,
                "base_url": sim.url,
                "surveys": [SURVEY],
                "requests_per_second": 1_000,
            }
        alone: Counter[tuple[Any, ...]] = Counter()
        for own in accounts.values():
            with duckdb_videsk.connect(time_zone=ZONE.key, **own) as one:
                alone += counts(gather(one, **given, by="day").by_name[name].rows)
        with duckdb_videsk.connect(time_zone=ZONE.key, accounts=accounts) as two:
            columns = [column.name for column in named(name).columns]
            rows = report(two, name, **given).fetchall()
            assert +counts(dict(zip(columns, row, strict=True)) for row in rows) == alone
            assert +counts(gather(two, **given, by="day").by_name[name].rows) == alone


def test_one_survey_is_asked_for_alone(con: duckdb_videsk.Connection) -> None:
    before = len(con.ledger.entries())
    assert report(con, "surveys", since="2026-09-01", until="2026-09-03", survey=OTHER_SURVEY).fetchall() == []
    assert [entry.table_name for entry in con.ledger.entries()[before:]] == ["surveys"]


def test_appointments_to_come() -> None:
    ahead = datetime.now(UTC) + timedelta(days=2)
    rows = {**{path: [] for path in ALL}, "appointments": [{"id": "a", "startTime": ahead, "endTime": ahead}]}
    with (
        Simulator(records(rows)) as sim,
        duckdb_videsk.connect(token=sim.token, base_url=sim.url, time_zone=ZONE.key) as connection,
    ):
        day = ahead.astimezone(ZONE).date()
        (row,) = report(connection, "appointments", since=day, until=day + timedelta(days=1)).fetchall()
    assert row == (day, 1, 0, 0, 0, 0, 1, None, None)


# --- headers


@pytest.mark.parametrize("name", NAMES)
def test_the_header_is_true(con: duckdb_videsk.Connection, name: str) -> None:
    one = named(name)
    answer = report(con, name, since="2024-02-01", until="2024-02-02", **options(one, "day"))
    assert [(column.name, column.type) for column in one.columns] == list(
        zip(answer.columns, map(str, answer.types), strict=True)
    )
    assert all(column.meaning or column.unit for column in one.columns)
    for texts in (one.titles, one.questions, one.readings):
        assert set(texts) == set(TITLE_LANGUAGES)
        assert all(texts.values())
    assert one.sql.count("$") >= 2
    assert all(f"${parameter.name}" in one.sql for parameter in one.parameters)
    for language in TITLE_LANGUAGES:
        titles = [column_title(column.name, language) for column in one.columns]
        assert len(set(titles)) == len(titles)
    titled = report(con, name, since="2024-02-01", until="2024-02-02", **options(one, "day"), language="es")
    assert titled.columns == [column_title(column.name, "es") for column in one.columns]


def test_the_defaults_are_the_last_thirty_whole_days(con: duckdb_videsk.Connection) -> None:
    rows = report(con, "volume").fetchall()
    today = datetime.now(ZONE).date()
    assert [row[0] for row in rows] == [today - timedelta(days=n) for n in range(30, 0, -1)]
    assert all(row[1] == 1 for row in rows)
    late = report(con, "volume", until=date(2026, 9, 20)).fetchall()
    assert (late[0][0], late[-1][0]) == (date(2026, 8, 21), date(2026, 9, 19))
    # Clocks skip the midnight before the sixth; the thirty days before it are whole ones.
    values = bound(con, named("volume"), {"until": date(2026, 9, 6)})
    assert values["since"] == datetime(2026, 8, 7, tzinfo=ZONE)
    values = bound(con, named("volume"), {"until": datetime(2026, 9, 6, 15, tzinfo=ZONE)})
    assert values["since"] == datetime(2026, 8, 7, 15, tzinfo=ZONE)


@cache
def wrong() -> list[tuple[str, dict[str, Any], str]]:
    return [
        ("volum", {}, "Did you mean volume"),
        ("nothing like it", {}, "Reports are: summary, volume"),
        ("volume", {"by": "year"}, "one of: day, week, month"),
        ("volume", {"survey": "x"}, "does not take survey"),
        ("hours", {"by": "day"}, "does not take by"),
        ("volume", {"since": "yesterday"}, "cannot be read"),
        ("volume", {"since": "-infinity", "until": "2026-01-01"}, "since has to lie in the years"),
        ("volume", {"since": "2026-01-01", "until": "infinity"}, "until has to lie in the years"),
        ("volume", {"since": "2026-01-01 (BC)", "until": "2026-01-01"}, "since has to lie in the years"),
        ("summary", {"threshold_seconds": float("nan")}, "threshold_seconds has to be a number"),
        ("summary", {"threshold_seconds": float("inf")}, "threshold_seconds has to be a number"),
        ("summary", {"threshold_seconds": -1}, "threshold_seconds has to be a number"),
        ("volume", {"since": "2026-02-01", "until": "2026-01-01"}, "ends before it begins"),
    ]


@pytest.mark.parametrize(("name", "given", "said"), wrong())
def test_what_is_wrong_is_said(con: duckdb_videsk.Connection, name: str, given: dict[str, Any], said: str) -> None:
    before = len(con.ledger.entries())
    with pytest.raises(QueryError, match=said):
        report(con, name, **given)
    assert len(con.ledger.entries()) == before
