"""Each question of `videsk doctor`: a server that behaves so gets this verdict, another one another."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from duckdb_videsk.doctor.asking import _failure
from duckdb_videsk.doctor.evidence import headings_and_time_shapes, shape_of_time
from duckdb_videsk.doctor.remembering import changes_since, remember
from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.errors import ForbiddenError
from duckdb_videsk.simulator import Fault, Records
from examined import FORM, MINUTE, SURVEY, TOKEN, UNTIL, Examined, account_of, account_rows, examined, object_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = account_rows()
WHOLE = account_rows(ms=0)
MANY = account_rows(records=1_200)
TIED = account_rows(ties=True)
LABELLED = {"id": "Folio", "startTime": "Comienzo", "agent": "Ejecutivo", "endTime": "Término", "duration": "Largo"}
KEYED = {key: key for endpoint in ENDPOINTS for key in endpoint.api_keys}
MOSTLY_OWN = {key: "agent" if key == "agent" else f"x{key}" for key in KEYED}


def test_a_server_as_assumed_has_no_problem() -> None:
    seen = examined(account_of(), settings={"forms": FORM, "surveys": SURVEY}, zstd=True)
    levels = {(v.check, v.table): v.level for v in seen.report.verdicts if v.level != "ok"}
    # Twenty to eighty records are below the cap, and have no two of one second, except for the two tags of a call.
    assert set(levels.values()) == {"unknown"}
    assert {check for check, _ in levels} == {"cap", "ties"}
    assert {table for check, table in levels if check == "cap"} == {endpoint.table for endpoint in ENDPOINTS}
    assert ("ties", "tags") not in levels
    assert seen.report.level == "ok"


def test_a_question_is_asked_with_few_requests() -> None:
    seen = examined(account_of(), settings={"forms": FORM, "surveys": SURVEY})
    sent = seen.report.costs.sent
    assert sent == len(seen.asked) == len(seen.ledger.entries())
    assert sent <= 11 * 9 + 16 < seen.report.costs.most
    assert {entry.table_name for entry in seen.ledger.entries()} == {endpoint.table for endpoint in ENDPOINTS}
    assert max(asked.rows for asked in seen.asked) <= 80


CASES: list[tuple[Any, str, str, dict[str, Any], str, str]] = [
    # the cap
    (ROWS, "calls", "cap", {"cap": 15}, "ok", "15, and cut there"),
    (ROWS, "calls", "cap", {}, "unknown", "announces 5,000; no answer came that far"),
    (ROWS, "calls", "cap", {"cap": 100_000}, "unknown", "announces 100,000; no answer came that far"),
    (MANY, "calls", "cap", {"cap": 1_000, "announced_cap": 5_000}, "differs", "announces 5,000, cuts at 1,000"),
    (MANY, "calls", "cap", {"cap": 777, "announced_cap": 5_000}, "problem", "announces 5,000, cuts at 777"),
    (ROWS, "calls", "cap", {"cap": 20, "announced_cap": 11}, "differs", "more records than announced"),
    (ROWS, "calls", "cap", {"cap_schedule": [5_000] * 4 + [4_000]}, "differs", "changes from answer to answer"),
    (MANY, "calls", "cap", {"cap": 777, "announced_cap": 5_000, "sort_ignored": True}, "problem", "cuts at 777"),
    # the ends, by the second
    (ROWS, "calls", "ends", {}, "ok", "of the start comes, one of the end does not"),
    (WHOLE, "calls", "ends", {}, "ok", "of the start and of the end come"),
    (WHOLE, "calls", "ends", {"end_inclusive": False}, "ok", "of the start comes, one of the end does not"),
    (WHOLE, "calls", "ends", {"start_inclusive": False}, "differs", "of the start is left out; of the end: in"),
    (
        WHOLE,
        "comments",
        "ends",
        {"start_inclusive": False, "end_inclusive": False},
        "differs",
        "is left out; of the end: out",
    ),
    (ROWS, "calls", "ends", {"floors_range_to_s": 60}, "problem", "does not come within a second of its time"),
    # and by the millisecond
    (ROWS, "calls", "milliseconds", {}, "ok", "start and end are both counted in"),
    (ROWS, "calls", "milliseconds", {"start_inclusive": False}, "differs", "one of start and end is counted in"),
    (ROWS, "queues", "milliseconds", {"end_inclusive": False}, "differs", "one of start and end is counted in"),
    (
        WHOLE,
        "calls",
        "milliseconds",
        {"start_inclusive": False},
        "differs",
        "the end is counted in, the start is not",
    ),
    (
        ROWS,
        "calls",
        "milliseconds",
        {"start_inclusive": False, "end_inclusive": False},
        "differs",
        "neither start nor end",
    ),
    (ROWS, "calls", "milliseconds", {"truncates_ms": True}, "differs", "start and end are read in whole seconds"),
    # the time that is filtered on
    (ROWS, "calls", "filter", {}, "ok", "on start_time"),
    (ROWS, "comments", "filter", {}, "ok", "on created_at, or a time equal to it"),
    (ROWS, "calls", "filter", {"filter_key": {"calls": "endTime"}}, "problem", "on end_time, not on start_time"),
    (
        ROWS,
        "appointments",
        "filter",
        {"filter_key": {"appointments": "made"}},
        "problem",
        "on the creation time in the id, not on start_time",
    ),
    (ROWS, "calls", "filter", {"floors_range_to_s": 60}, "problem", "on a time that is not start_time"),
    (
        ROWS,
        "queues",
        "filter",
        {"faults": [Fault("out_of_range", times=None)]},
        "problem",
        "gives records outside the range of start_time",
    ),
    (
        {"calls": ROWS["calls"][-12:]},
        "calls",
        "filter",
        {"widens_range_to_s": 3_600, "cap": 20_000},
        "problem",
        "gives records outside the range of start_time",
    ),
    # the order
    (ROWS, "calls", "order", {}, "ok", "$sort 1 and -1 are honoured"),
    (ROWS, "calls", "order", {"sort_ignored": True}, "problem", "$sort -1 is not honoured"),
    ({"calls": ROWS["calls"][:1]}, "calls", "order", {}, "unknown", "not known"),
    (ROWS, "calls", "ties", {}, "unknown", "no two records of one second"),
    (TIED, "calls", "ties", {}, "ok", "the same order each time, but not turned round"),
    (TIED, "calls", "ties", {"ties": "shuffled"}, "differs", "another order each time"),
    # the zone
    (ROWS, "calls", "zone", {}, "ok", "honoured"),
    (
        ROWS,
        "calls",
        "zone",
        {"honours_timezone": False, "prints_in": "UTC"},
        "differs",
        "ignored: all times seen are UTC",
    ),
    (ROWS, "calls", "zone", {"honours_timezone": False}, "problem", "times are -3.00 hours off"),
    (ROWS, "comments", "zone", {"honours_timezone": False}, "problem", "times are -3.00 hours off"),
    (ROWS, "appointments", "zone", {"honours_timezone": False}, "unknown", "whether the times are UTC is not known"),
    (ROWS, "appointments", "zone", {"honours_timezone": False, "prints_in": "UTC"}, "differs", "ignored"),
    (ROWS, "appointments", "zone", {"honours_timezone": False, "prints_in": "Asia/Tokyo"}, "problem", "+9.00 hours"),
    (ROWS, "calls", "zone", {"range_in_zone": True}, "differs", "another zone gives other records"),
    # labels
    (ROWS, "calls", "keys", {}, "ok", "honoured"),
    (ROWS, "calls", "keys", {"honours_keys": False}, "differs", "not honoured"),
    (ROWS, "calls", "keys", {"honours_keys": False, "own_labels": {"agent": "agent"}}, "differs", "for all columns"),
    (
        ROWS,
        "comments",
        "keys",
        {"honours_keys": False, "own_labels": {key: f"x{key}" for key in KEYED}},
        "problem",
        "not honoured",
    ),
    (ROWS, "calls", "keys", {"honours_keys": False, "own_labels": MOSTLY_OWN}, "problem", "for all columns"),
    (
        ROWS,
        "calls",
        "keys",
        {"rejects_unknown_keys": True},
        "problem",
        "keys that the export does not have are refused",
    ),
    (ROWS, "calls", "labels", {}, "ok", "the vendor's Spanish labels"),
    (ROWS, "calls", "labels", {"own_labels": LABELLED}, "differs", "other than the vendor's list"),
    (ROWS, "comments", "labels", {"own_labels": KEYED}, "differs", "the API's keys"),
    # times and columns
    (ROWS, "calls", "dates", {}, "ok", "YYYY-MM-DD HH:MM:SS"),
    (ROWS, "ai_topics", "dates", {}, "ok", "DD/MM/YYYY, HH:MM:SS"),
    (ROWS, "calls", "dates", {"date_formats": {"calls": "dmy"}}, "differs", "another form than documented"),
    (ROWS, "calls", "dates", {"date_formats": {"calls": "isoz"}}, "differs", "another form than documented"),
    (ROWS, "ai_topics", "dates", {"date_formats": {"ai/topics": "iso"}}, "differs", "another form than documented"),
    (ROWS, "calls", "dates", {"date_formats": {"calls": "mdy"}}, "problem", "a form that is not known"),
    (ROWS, "calls", "dates", {"date_formats": {"calls": "words"}}, "problem", "a form that is not known"),
    (ROWS, "calls", "columns", {}, "ok", "all have their place"),
    ({"calls": [{**row, "mood": 3} for row in ROWS["calls"]]}, "calls", "columns", {}, "differs", "have no place"),
    (
        {"calls": [{**row, "duration": "x"} for row in ROWS["calls"]]},
        "calls",
        "columns",
        {},
        "differs",
        "have no place",
    ),
]


_SEEN: dict[str, Examined] = {}


def once(source: Any, *tables: str, **how: Any) -> Examined:
    """An examination, made once for all cases that need the same."""
    key = f"{id(source)} {tables} {how}"
    if key not in _SEEN:
        _SEEN[key] = examined(source, *tables, **how)
    return _SEEN[key]


@pytest.mark.parametrize(
    ("rows", "table", "check", "behaviour", "level", "reading"),
    [pytest.param(*case, id=f"{case[2]}-{case[1]}-{number}") for number, case in enumerate(CASES)],
)
def test_a_verdict_for_each_behaviour(
    rows: Any, table: str, check: str, behaviour: dict[str, Any], level: str, reading: str
) -> None:
    found = once(rows, table, **behaviour).verdict(check, table)
    assert found.level == level, found
    assert reading in found.reading
    # What is said of a table has something that bears it, and says what follows.
    assert found.evidence
    assert bool(found.follows) == (level in {"differs", "problem"})


def test_a_shift_that_one_table_shows_holds_for_the_others() -> None:
    seen = examined(ROWS, "calls", "appointments", honours_timezone=False)
    assert seen.says("zone", "appointments") == ("problem", "times are -3.00 hours off, although UTC was asked for")
    assert "other tables" in seen.verdict("zone", "appointments").evidence
    assert seen.says("ends", "appointments") == seen.says("filter", "appointments") == ("unknown", "not known")
    # Nothing of a filter can be told by times that are wrong.
    assert {v.check for v in seen.report.of_level("problem")} == {"zone"}


def night(*, step: int, until: datetime) -> list[dict[str, Any]]:
    moments = [until - number * step * MINUTE for number in range(1, 14)]
    return [{"id": object_id(at, n), "startTime": at, "endTime": at + 5 * MINUTE} for n, at in enumerate(moments)]


SUMMER_ENDS = datetime(2026, 4, 5, 3, tzinfo=UTC)  # in Santiago, where 23:00 comes twice
BRITISH_SUMMER_BEGINS = datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize("step", [15, 29, 30, 31, 37, 50])
@pytest.mark.parametrize("hours", [2, 3])
def test_local_times_as_summer_ends_are_a_matter_of_the_zone_alone(step: int, hours: int) -> None:
    until = SUMMER_ENDS + timedelta(hours=hours)
    seen = examined({"calls": night(step=step, until=until)}, "calls", until=until, honours_timezone=False)
    assert [v.check for v in seen.report.of_level("problem")] == ["zone"]
    assert "hours off" in seen.says("zone", "calls")[1]
    assert seen.says("order", "calls")[0] in {"unknown", "ok"}


def test_an_order_that_is_wrong_once_is_wrong_where_times_are_utc() -> None:
    with_late_one = [{"id": object_id(UNTIL - n * MINUTE, n), "startTime": UNTIL - n * MINUTE} for n in range(1, 30)]
    with_late_one[7]["made"] = with_late_one[7]["startTime"] - 30 * MINUTE
    rows = [{"made": row["startTime"], **row} for row in with_late_one]
    seen = examined({"calls": rows}, "calls", filter_key={"calls": "made"})
    assert seen.says("order", "calls") == ("problem", "$sort -1 and 1 is not honoured")


@pytest.mark.parametrize("hours", [2, 3, 4, 5])
def test_a_zone_whose_summer_begins_is_not_utc_because_its_winter_is(hours: int) -> None:
    until = BRITISH_SUMMER_BEGINS + timedelta(hours=hours)
    how = {"until": until, "honours_timezone": False, "prints_in": "Europe/London"}
    seen = examined({"calls": night(step=31, until=until)}, "calls", **how)
    assert seen.says("zone", "calls") == ("problem", "times are +1.00 hours off, although UTC was asked for")


def test_a_zone_is_not_judged_by_a_record_at_the_edge_alone() -> None:
    crowd = UNTIL - 10 * MINUTE
    moments = [crowd] * 100 + [crowd + timedelta(seconds=1)]
    rows = [{"id": object_id(at, n), "startTime": at} for n, at in enumerate(moments)]
    seen = examined({"calls": rows}, "calls", start_inclusive=False)
    assert seen.says("zone", "calls") == ("unknown", "not known")
    assert "clearly within" in seen.verdict("zone", "calls").evidence


@pytest.mark.parametrize("day", [1, 2, 10, 12])
def test_the_month_before_the_day_is_seen_in_the_first_days_of_a_month(day: int) -> None:
    until = datetime(2026, 3, day, 18, tzinfo=UTC)
    rows = [{"id": row["id"], "createdAt": row["startTime"]} for row in night(step=7, until=until)]
    seen = examined({"ai/topics": rows}, "ai_topics", until=until, date_formats={"ai/topics": "mdy"})
    assert seen.says("dates", "ai_topics") == ("problem", "the month before the day")
    assert seen.says("filter", "ai_topics") == ("unknown", "not known")


def test_a_label_is_shown_on_one_line_and_commands_no_terminal() -> None:
    seen = examined({"calls": [{**row, "\x1b[2J\nmood": 3} for row in ROWS["calls"]]}, "calls")
    assert "mood”" in seen.verdict("columns", "calls").evidence
    assert seen.verdict("columns", "calls").evidence.isprintable()


def test_every_check_of_a_table_was_tried_both_ways() -> None:
    tried: dict[str, set[str]] = {}
    for _, _, check, _, level, _ in CASES:
        tried.setdefault(check, set()).add(level)
    assert all({"ok"} < levels for levels in tried.values())
    seen = examined(ROWS, "calls")
    assert {v.check for v in seen.report.verdicts if v.table} - {"access"} == set(tried)


SERVER_CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("token", {}, {}, "ok", "taken in the header X-API-Token"),
    (
        "token",
        {"accepts": "authorization"},
        {},
        "problem",
        "taken in the header Authorization, refused in X-API-Token",
    ),
    (
        "token",
        {"accepts": "x-api-token"},
        {"auth_header": "Authorization"},
        "problem",
        "taken in the header X-API-Token, refused in Authorization",
    ),
    ("token", {"token_state": "expired"}, {}, "problem", "not taken in either header"),
    ("token", {"token_state": "forbidden"}, {}, "unknown", "known, it seems, but no table may be read"),
    ("token", {"expires_after_requests": 9}, {}, "problem", "taken at first, then refused"),
    ("token", {"faults": [Fault("reset", times=None)]}, {}, "problem", "the server was not reached"),
    ("rate", {"rate_per_second": 20_000}, {}, "ok", "20,000 a second at the most"),
    ("rate", {"rate_per_second": 5_000}, {}, "differs", "5,000 a second, less than the settings"),
    ("rate", {"announces_rate": False}, {}, "differs", "no rate headers"),
    (
        "rate",
        {"faults": [Fault("status", status=429, after=2, retry_after=0.01)]},
        {"retries": 2},
        "differs",
        "requests were refused below the announced rate",
    ),
    ("clock", {}, {}, "ok", "the two clocks agree"),
    ("clock", {"clock_ahead_s": -90}, {}, "differs", "the two clocks differ"),
    ("clock", {"clock_ahead_s": 7_200}, {}, "problem", "the two clocks differ"),
    ("packing", {}, {}, "ok", "gzip"),
    ("packing", {"zstd": True}, {}, "ok", "zstd"),
    ("packing", {"gzip": False}, {}, "differs", "answers are not packed"),
    ("speed", {}, {}, "ok", "for a usual answer"),
    ("speed", {}, {"max_requests": 2}, "unknown", "not known"),
    ("refusals", {}, {}, "ok", "JSON with name, message and code"),
    ("refusals", {"json_errors": False}, {}, "differs", "no JSON error as documented"),
    ("refusals", {"checks_zone": False}, {}, "unknown", "a time zone that is none is not refused"),
]


@pytest.mark.parametrize(
    ("check", "behaviour", "settings", "level", "reading"),
    [pytest.param(*case, id=f"{case[0]}-{number}") for number, case in enumerate(SERVER_CASES)],
)
def test_a_verdict_on_the_server(
    check: str, behaviour: dict[str, Any], settings: dict[str, Any], level: str, reading: str
) -> None:
    found = once(ROWS, "calls", "queues", "comments", settings=settings, **behaviour).verdict(check)
    assert found.level == level, found
    assert reading in found.reading
    assert found.evidence
    assert bool(found.follows) == (level in {"differs", "problem"})


@pytest.mark.parametrize(
    ("check", "headers", "behaviour", "level", "reading"),
    [
        ("clock", {"Date": "yesterday"}, {}, "unknown", "not known"),
        ("packing", {"Content-Encoding": "identity"}, {"gzip": False}, "differs", "answers are not packed"),
        (
            "rate",
            {"Ratelimit-Policy": "5000;w=3600"},
            {},
            "differs",
            "5,000 in 3,600 s, less than the settings, and too",
        ),
        ("rate", {"Ratelimit-Policy": "600;w=60"}, {}, "differs", "10 a second, less than the settings"),
        ("rate", {"Ratelimit-Policy": "90000;w=3600"}, {}, "ok", "25 a second at the most"),
    ],
)
def test_headers_are_not_taken_for_more_than_they_say(
    check: str, headers: dict[str, str], behaviour: dict[str, Any], level: str, reading: str
) -> None:
    settings = {"requests_per_second": 20}
    found = examined(ROWS, "calls", headers=headers, settings=settings, **behaviour).verdict(check)
    assert found.level == level, found
    assert reading in found.reading


def test_nothing_is_known_without_an_answer() -> None:
    seen = examined(ROWS, "calls", faults=[Fault("reset", times=None)])
    said = {v.check: v.level for v in seen.report.verdicts}
    assert said == {
        "token": "problem",
        "access": "problem",
        **dict.fromkeys(("rate", "clock", "packing", "speed", "refusals"), "unknown"),
    }
    assert len(seen.asked) == 1
    assert "no more was asked" in seen.report.stopped


# --- never more than what was seen bears out

CLAIMS: list[tuple[str, str, str, Callable[[dict[str, Any]], bool]]] = [
    ("zone", "ok", "", lambda b: b["honours_timezone"]),
    ("zone", "problem", "", lambda b: not b["honours_timezone"] and b["prints_in"] != "UTC"),
    ("zone", "differs", "seen are UTC", lambda b: not b["honours_timezone"] and b["prints_in"] == "UTC"),
    ("zone", "differs", "another zone gives", lambda b: b["range_in_zone"]),
    ("keys", "ok", "", lambda b: b["honours_keys"]),
    ("order", "ok", "", lambda b: not b["sort_ignored"]),
    ("order", "problem", "", lambda b: b["sort_ignored"]),
    ("filter", "ok", "", lambda b: not b["filter_key"]),
    ("ends", "differs", "start is left out", lambda b: not b["start_inclusive"]),
    ("ends", "ok", "and of the end come", lambda b: b["end_inclusive"]),
    ("milliseconds", "ok", "", lambda b: b["start_inclusive"] and b["end_inclusive"]),
    ("milliseconds", "differs", "neither", lambda b: not b["start_inclusive"] and not b["end_inclusive"]),
    ("milliseconds", "differs", "counted in, the start is not", lambda b: not b["start_inclusive"]),
    ("milliseconds", "differs", "whole seconds", lambda b: b["truncates_ms"]),
    ("cap", "ok", "", lambda b: (b["announced_cap"] or b["cap"]) <= b["cap"]),
    ("cap", "problem", "", lambda b: (b["announced_cap"] or b["cap"]) > b["cap"]),
    ("ties", "ok", "", lambda b: b["ties"] != "shuffled"),
    ("ties", "differs", "", lambda b: b["ties"] == "shuffled"),
]


@pytest.mark.parametrize("seed", range(16))
def test_whatever_a_server_mixes_no_verdict_is_wrong(seed: int) -> None:
    dice = random.Random(seed)
    behaviour = {
        "cap": dice.choice([3, 10, 50, 5_000]),
        "announced_cap": dice.choice([None, None, 5_000]),
        "ties": dice.choice(["stable", "reversed", "shuffled"]),
        "prints_in": dice.choice(["UTC", "Asia/Kolkata", "America/Santiago", "Asia/Kathmandu"]),
        "filter_key": dice.choice([{}, {}, {"calls": "endTime"}]),
        "honours_timezone": dice.random() < 0.7,
        "honours_keys": dice.random() < 0.7,
        **{name: dice.random() < 0.5 for name in ("start_inclusive", "end_inclusive")},
        **{name: dice.random() < 0.2 for name in ("truncates_ms", "sort_ignored", "range_in_zone")},
    }
    rows = account_rows(ms=dice.choice([0, 437]), ties=dice.random() < 0.5)
    seen = examined(rows, "calls", "appointments", **behaviour)
    for verdict in seen.report.verdicts:
        if verdict.table != "calls" and verdict.check in {"filter", "ends"}:
            continue
        for check, level, reading, holds in CLAIMS:
            if (verdict.check, verdict.level) == (check, level) and reading in verdict.reading:
                assert holds(behaviour), (verdict, behaviour)


# --- when to ask no more


def test_a_wrong_token_is_sent_three_times_at_the_most() -> None:
    seen = examined(account_of(), token_state="malformed")
    assert len(seen.asked) == 3
    assert [asked.endpoint for asked in seen.asked] == ["calls", "calls", "queues"]
    assert seen.says("access", "tags") == ("unknown", "not checked")


def test_a_token_that_expires_ends_it() -> None:
    seen = examined(account_of(), expires_after_requests=30)
    assert [asked.status for asked in seen.asked[30:]].count(401) == len(seen.asked) - 30 <= 8
    assert seen.report.level == "problem"


@pytest.mark.parametrize(
    ("fault", "evidence", "follows"),
    [
        (Fault("status", status=403, times=None, endpoint="queues"), "status 403", "may not read this export"),
        (Fault("status", status=401, times=None, endpoint="queues"), "status 401", "ask the vendor why this one"),
        (Fault("html", status=502, times=None, endpoint="queues"), "status 502, a web page", "A web page came"),
        (Fault("html", status=201, times=None, endpoint="queues"), "status 201, a web page", "Nothing of"),
        (Fault("no_limit", times=None, endpoint="queues"), "status 201, an answer that is not", "Nothing of"),
        (Fault("not_object", times=None, endpoint="queues"), "status 201, an answer that is not", "Nothing of"),
        (Fault("reset", times=None, endpoint="queues"), "ConnectionFailedError", "Check the network"),
    ],
)
def test_one_export_that_fails_leaves_the_others_alone(fault: Fault, evidence: str, follows: str) -> None:
    seen = examined(ROWS, "calls", "queues", "comments", faults=[fault])
    found = seen.verdict("access", "queues")
    assert (found.level, found.reading) == ("problem", "cannot be read")
    assert found.evidence.startswith(evidence)
    assert follows in found.follows
    assert [v.check for v in seen.report.verdicts if v.table == "queues"] == ["access"]
    assert seen.says("access", "calls") == seen.says("access", "comments") == ("ok", "can be read")
    assert seen.says("token")[0] == "ok"


def test_the_first_export_alone_may_refuse_the_token() -> None:
    seen = examined(ROWS, "calls", "queues", faults=[Fault("status", status=401, times=None, endpoint="calls")])
    assert seen.says("token") == ("ok", "taken in the header X-API-Token")
    assert seen.says("access", "calls") == ("problem", "cannot be read")
    assert seen.says("access", "queues") == ("ok", "can be read")


@pytest.mark.parametrize("status", [400, 403, 500])
def test_the_other_header_is_kept_where_it_is_not_refused(status: int) -> None:
    faults = [Fault("status", status=status, times=None, endpoint="calls")]
    seen = examined(ROWS, "calls", "queues", "comments", accepts="authorization", faults=faults)
    assert seen.says("token") == ("problem", "taken in the header Authorization, refused in X-API-Token")
    assert seen.verdict("access", "calls").evidence.startswith(f"status {status}")
    assert seen.says("access", "queues") == seen.says("access", "comments") == ("ok", "can be read")


def test_a_token_that_may_read_nothing_in_the_other_header() -> None:
    seen = examined(ROWS, "calls", "queues", "comments", accepts="authorization", token_state="forbidden")
    assert seen.says("token") == ("problem", "refused in X-API-Token; in Authorization it may read nothing")
    assert len(seen.asked) == 3
    assert "no more was asked" in seen.report.stopped


@pytest.mark.parametrize(
    ("faults", "settings"), [([], {"max_requests": 1}), ([Fault("reset", times=None, endpoint="queues")], {})]
)
def test_one_header_that_refuses_says_nothing_of_the_other(faults: list[Fault], settings: dict[str, Any]) -> None:
    seen = examined(ROWS, "queues", "calls", accepts="authorization", settings=settings, faults=faults)
    assert seen.says("token")[0] == "problem"
    assert "refused in X-API-Token; of Authorization nothing is known" in seen.says("token")[1]
    assert "X-API-Token: status 401" in seen.verdict("token").evidence


@pytest.mark.parametrize("after", [2, 3, 5, 9])
def test_a_token_that_expires_within_the_last_table(after: int) -> None:
    seen = examined(ROWS, "calls", expires_after_requests=after)
    assert seen.says("token") == ("problem", "taken at first, then refused")
    # One for a question, and one that tells whether it is the token.
    assert [asked.status for asked in seen.asked].count(401) == 2
    assert seen.says("access", "calls") == ("ok", "can be read")
    assert "jwt expired" in seen.verdict("cap", "calls").evidence


def test_a_token_that_expires_between_two_looks_back_is_not_tried_in_the_other_header() -> None:
    seen = examined(ROWS, "calls", expires_after_requests=1)
    assert [asked.status for asked in seen.asked] == [201, 401, 401]
    assert seen.says("token") == ("problem", "taken at first, then refused")
    assert seen.says("access", "calls") == ("problem", "cannot be read")


def test_one_question_whose_token_is_refused_does_not_condemn_it() -> None:
    seen = examined(ROWS, "calls", "queues", faults=[Fault("status", status=401, after=2)])
    assert seen.says("token") == ("ok", "taken in the header X-API-Token")
    assert "the token was refused meanwhile: status 401" in seen.verdict("cap", "calls").evidence
    assert seen.says("access", "queues") == ("ok", "can be read")


def test_a_question_that_fails_says_so_and_the_others_are_asked() -> None:
    # The second request is the window oldest first.
    seen = examined(ROWS, "calls", faults=[Fault("status", status=500, after=2)])
    assert seen.says("access", "calls") == ("ok", "can be read")
    failed = [v for v in seen.report.verdicts if "the request failed: status 500" in v.evidence]
    assert failed
    assert all(v.level == "unknown" for v in failed)
    assert seen.says("ends", "calls")[0] == "ok"


def test_a_wider_look_that_fails_leaves_what_was_found() -> None:
    seen = examined({"calls": ROWS["calls"][-3:]}, "calls", faults=[Fault("status", status=500, after=1)])
    assert seen.says("access", "calls") == ("ok", "can be read")
    assert seen.says("ends", "calls")[0] == seen.says("filter", "calls")[0] == "ok"


def test_a_gateway_that_fails_once_is_not_how_the_api_refuses() -> None:
    last = len(examined(ROWS, "comments").asked) - 1
    once_more = {"settings": {"retries": 1}, "faults": [Fault("html", status=502, after=last)]}
    assert examined(ROWS, "comments", **once_more).says("refusals")[0] == "ok"


def test_a_passing_fault_is_tried_again() -> None:
    seen = examined(ROWS, "calls", settings={"retries": 2}, faults=[Fault("status", status=503, after=1)])
    assert seen.report.level == "ok"
    assert seen.report.costs.failed == 2  # the other one is what cannot be right
    assert [entry.attempts for entry in seen.ledger.entries()].count(2) == 1


@pytest.mark.parametrize("most", [1, 3, 7, 20, 60])
def test_no_more_requests_than_allowed(most: int) -> None:
    seen = examined(
        account_of(), settings={"max_requests": most, "retries": 2}, fault_rate=0.1, fault_kinds=("html",)
    )
    assert len(seen.asked) == seen.report.costs.sent == most
    assert "raise max_requests" in seen.report.stopped
    assert all(v.evidence for v in seen.report.verdicts if v.level == "unknown")


# --- where records are, and where not


def test_an_account_without_records() -> None:
    seen = examined(Records({}))
    assert seen.report.level == "unknown"
    assert len(seen.asked) <= 6 + 8 + 1
    assert seen.says("access", "calls") == ("unknown", "no records in the range")
    assert seen.verdict("access", "calls").evidence == "looked at 366 days"
    assert not seen.report.of_level("problem")
    assert seen.says("token")[0] == "ok"


def test_records_are_found_however_old_and_the_next_table_begins_there() -> None:
    late = timedelta(days=200)
    rows = {
        "calls": [{**row, "startTime": row["startTime"] - late, "id": object_id(row["startTime"] - late, n)}
                  for n, row in enumerate(ROWS["calls"])],
        "queues": ROWS["queues"],
    }  # fmt: skip
    seen = examined(rows, "calls", "queues")
    first = [asked.endpoint for asked in seen.asked].index("queues")
    assert seen.says("access", "calls") == ("ok", "can be read")
    spans = [(asked.end - asked.start) / 3_600_000 for asked in seen.asked if asked.sort == -1]
    assert spans[:6] == [1, 6, 24, 192, 744, 8_784]
    assert (seen.asked[first].end - seen.asked[first].start) == 366 * 86_400_000


@pytest.mark.parametrize("behaviour", [{"start_inclusive": False}, {"end_inclusive": False}])
def test_a_record_at_the_edge_of_what_is_asked_proves_nothing(behaviour: dict[str, Any]) -> None:
    # Every second has a record without milliseconds, and the window begins at one of them.
    rows = [{"id": object_id(UNTIL - timedelta(seconds=n), n), "startTime": UNTIL - timedelta(seconds=n)}
            for n in range(300)]  # fmt: skip
    seen = examined({"calls": rows}, "calls", **behaviour)
    assert seen.says("zone", "calls") == ("ok", "honoured")
    assert not seen.report.of_level("problem")


def test_a_range_is_kept_to() -> None:
    since = UNTIL - timedelta(hours=2)
    seen = examined(ROWS, "calls", since=since, cap=5_000)
    edge = int(since.timestamp() * 1000)
    assert all(edge - 1_000 <= asked.start for asked in seen.asked)
    assert seen.says("access", "calls") == ("ok", "can be read")


def test_one_record_is_enough_for_some_questions() -> None:
    seen = examined({"calls": ROWS["calls"][-1:]}, "calls")
    levels = {v.check: v.level for v in seen.report.verdicts if v.table == "calls"}
    assert levels["ends"] == levels["filter"] == levels["zone"] == levels["keys"] == "ok"
    assert levels["order"] == levels["ties"] == "unknown"


def test_records_of_one_second_only() -> None:
    at = UNTIL - timedelta(minutes=5)
    rows = [{"id": object_id(at, n), "startTime": at} for n in range(30)]
    seen = examined({"calls": rows}, "calls", cap=10)
    assert seen.says("cap", "calls") == ("ok", "10, and cut there")
    assert seen.says("order", "calls")[0] == seen.says("ends", "calls")[0] == "unknown"


def test_full_answers_are_asked_for_only_where_they_are_small_or_wanted() -> None:
    rows = account_rows(records=1_300)
    small = examined(rows, "calls", cap=20_000)
    assert max(asked.rows for asked in small.asked) < 100
    assert "--full-answers" in small.verdict("cap", "calls").evidence
    whole = examined(rows, "calls", cap=1_000, announced_cap=20_000, full_answers=True)
    assert max(asked.rows for asked in whole.asked) == 1_000
    assert whole.says("cap", "calls") == ("differs", "announces 20,000, cuts at 1,000")


def test_a_table_without_records_does_not_lead_to_a_large_answer_of_the_next_one() -> None:
    rows = {"calls": [], "queues": account_rows(records=3_000)["queues"]}
    assert max(asked.rows for asked in examined(rows, "calls", "queues", cap=20_000).asked) < 100


def test_a_table_in_figures() -> None:
    seen = examined(account_rows(records=1_200), "calls", cap=500)
    (line,) = seen.report.tables
    assert (line.cap, line.applied_cap) == (500, 500)
    assert line.records_a_day == pytest.approx(1440 / 7, rel=0.01)
    assert line.requests_a_month == 13
    assert line.latest == UNTIL - timedelta(minutes=11) + timedelta(seconds=13)


# --- forms and surveys


def test_ids_come_from_the_settings_or_from_calls_that_share_one() -> None:
    named = examined(account_of(), "forms", "surveys", settings={"forms": FORM})
    assert [v.table for v in named.report.verdicts if v.check == "access" and v.level == "ok"] == ["forms"]
    assert "no id" in named.verdict("access", "surveys").evidence
    shared = account_of(calls=[{**row, "baseForm": FORM} for row in ROWS["calls"]])
    found = examined(shared, "calls", "forms")
    assert found.says("access", "forms") == ("ok", "can be read")
    single = account_of(calls=[{**row, "baseForm": object_id(UNTIL, n)} for n, row in enumerate(ROWS["calls"])])
    none = examined(single, "calls", "forms")
    assert none.says("access", "forms") == ("unknown", "not checked")
    assert none.verdict("access", "forms").evidence == "no id: --forms names one; calls share none"


def test_an_unknown_id_is_a_problem_of_that_table() -> None:
    seen = examined(account_of(), "calls", "forms", settings={"forms": f"{FORM},{'0' * 24}"})
    assert [v.level for v in seen.report.verdicts if (v.check, v.table) == ("access", "forms")] == ["ok", "problem"]
    assert all(len(v.id or "") < 12 for v in seen.report.verdicts)


# --- what is asked


def test_what_is_asked_of_the_server() -> None:
    seen = examined(ROWS, "calls")
    zones = [asked.timezone for asked in seen.asked]
    assert zones.count("Asia/Kathmandu") == 1
    assert zones.count(None) == 1  # a zone that is none
    assert sum(asked.keys is None for asked in seen.asked) == 1
    assert {entry.status for entry in seen.ledger.entries()} == {201, 400}
    assert TOKEN not in str(seen.ledger.entries())


@pytest.mark.parametrize(("said", "shown"), [("jwt expired", "“jwt expired”"), ("Juan Pérez may not", "")])
def test_only_known_words_of_the_server_are_shown(said: str, shown: str) -> None:
    error = ForbiddenError("…", status=403)
    error.said, error.answered = said, "documented"
    assert str(_failure(error)) == ", ".join(part for part in ("status 403", shown) if part)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("2026-03-01 04:05:06", "9999-99-99 99:99:99"),
        ("01/03/2026, 04:05:06", "99/99/9999, 99:99:99"),
        ("03/21/2026, 04:05:06", "MM/DD/YYYY, 99:99:99"),
        ("2026-03-01T04:05:06.123Z", "9999-99-99a99:99:99.999a"),
        ("Añá 1", "aaa 9"),
    ],
)
def test_a_time_shows_its_form_and_nothing_else(text: str, shape: str) -> None:
    assert shape_of_time(text) == shape


@pytest.mark.parametrize(
    ("row", "shapes"),
    [
        ({"createdAt": "2026-03-01 04:05:06", "Fecha": "24-12-2026"}, {"9999-99-99 99:99:99": 1}),
        ({"Fecha": "2026-03-01 04:05:06", "Desde": "24-12-2026"}, {"9999-99-99 99:99:99": 1}),
        ({"createdAt": "24-12-2026"}, {"99-99-9999": 1}),
    ],
)
def test_the_answer_to_a_question_is_no_time_of_the_record(row: dict[str, str], shapes: dict[str, int]) -> None:
    """Fecha is what the vendor calls the time of a form, and what a form may ask."""
    body = json.dumps({"$limit": 5, "columns": list(row), "data": [row]}).encode()
    assert headings_and_time_shapes(by_table()["forms"], body) == (tuple(row), shapes)


def test_what_hangs_on_the_record_that_was_asked_for_is_no_change(tmp_path: Path) -> None:
    seen = examined(account_rows(), "calls", settings={"cache_dir": tmp_path})
    remember(seen.account, seen.report, seen.ledger)

    def changes(check: str, **other: Any) -> list[str]:
        verdicts = tuple(replace(v, **other) if v.check == check else v for v in seen.report.verdicts)
        return changes_since(seen.account.settings, replace(seen.report, verdicts=verdicts))

    assert changes("filter", reading="on start_time, or a time equal to it") == []
    assert changes("ends", reading="a record of the very second of the start and of the end come") == []
    (said,) = changes("filter", level="problem", reading="on end_time, not on start_time")
    assert said.startswith("calls filter: as it should be (20")
    assert said.endswith(") -> on end_time, not on start_time")
    assert len(changes("order", reading="by chance")) == 1
