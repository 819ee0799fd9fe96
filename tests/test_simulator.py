"""The simulator by itself: what it answers over a real socket, against the API's contract and its own truth."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from duckdb_videsk import simulator
from duckdb_videsk.simulator import Asked, Behaviour, Fault, Records, Simulator, SyntheticAccount
from duckdb_videsk.simulator.behaviour import FAULT_KINDS
from duckdb_videsk.simulator.catalogue import ENDPOINTS, LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {key: key for key in LABELS}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
ALL = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


class Caller:
    """Asks a simulator as a client would."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.http = httpx.Client(base_url=sim.url, timeout=10)

    def ask(
        self,
        endpoint: str,
        start: datetime | str | None = ALL[0],
        end: datetime | str | None = ALL[1],
        *,
        headers: dict[str, str] | None = None,
        **body: Any,
    ) -> httpx.Response:
        given = {"start": _iso(start), "end": _iso(end), "timezone": "UTC", "keys": KEYS, **body}
        given["$sort"] = given.pop("sort", 1)
        sent = {name: it for name, it in given.items() if it is not None}
        token = {"X-API-Token": f"Bearer {self.sim.token}"} if headers is None else headers
        return self.http.post(f"/reports/exports/{endpoint}", json=sent, headers=token)

    def rows(self, endpoint: str, *window: datetime, **body: Any) -> list[dict[str, Any]]:
        answer = self.ask(endpoint, *window, **body)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    def ids(self, endpoint: str, *window: datetime, **body: Any) -> list[str]:
        return [row["id"] for row in self.rows(endpoint, *window, **body)]


def _iso(moment: datetime | str | None) -> str | None:
    return moment if isinstance(moment, str | None) else moment.isoformat(timespec="milliseconds")


def _calls(*offsets_ms: int) -> list[dict[str, Any]]:
    return [
        {"id": str(number), "startTime": NOON + timedelta(milliseconds=offset)}
        for number, offset in enumerate(offsets_ms)
    ]


@pytest.fixture
def callers() -> Iterator[Any]:
    """Starts simulators over records; closes them, and what asks them."""
    opened: list[Caller] = []

    def start(source: Any, **behaviour: Any) -> Caller:
        caller = Caller(Simulator(source, behaviour=Behaviour(**behaviour)).start())
        opened.append(caller)
        return caller

    yield start
    for caller in opened:
        caller.http.close()
        caller.sim.close()


@pytest.fixture(scope="module")
def account() -> SyntheticAccount:
    return SyntheticAccount(since=date(2026, 1, 5), until=date(2026, 5, 4), calls_per_day=60)


@pytest.fixture(scope="module")
def centre(account: SyntheticAccount) -> Iterator[Caller]:
    with Simulator(account, behaviour=Behaviour(cap=100_000)) as sim:
        caller = Caller(sim)
        yield caller
        caller.http.close()


def _sheets(account: SyntheticAccount) -> list[tuple[str, str | None]]:
    plain: list[tuple[str, str | None]] = [(path, None) for path, it in ENDPOINTS.items() if not it.parameter]
    return [*plain, *(("forms", it) for it in account.form_ids), *(("surveys", it) for it in account.survey_ids)]


def _parameter(endpoint: str, form: str | None) -> dict[str, str]:
    name = ENDPOINTS[endpoint].parameter
    return {name: form} if name and form else {}


def test_all_is_exact() -> None:
    assert set(simulator.__all__) == {"Asked", "Behaviour", "Fault", "Records", "Simulator", "SyntheticAccount"}
    assert all(hasattr(simulator, name) for name in simulator.__all__)


# The shape of an answer


def test_an_answer_has_limit_columns_and_rows_without_empty_keys(callers: Any) -> None:
    caller = callers(Records({"calls": [{"id": "a", "startTime": NOON, "duration": 1.5, "tags": ["x"]}]}))
    answer = caller.ask("calls").json()
    assert list(answer) == ["$limit", "columns", "data"]
    assert answer["$limit"] == 5_000
    assert answer["data"] == [{"id": "a", "startTime": "2026-03-02 12:00:00", "duration": 1.5, "tags": ["x"]}]
    assert answer["columns"][:4] == ["id", "segment", "agent", "startTime"]
    assert "After Call Work (ACW)" in answer["columns"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_columns_carry_the_vendors_labels_or_those_asked_for(endpoint: str, callers: Any) -> None:
    caller = callers(Records({}, forms={"f": []}, surveys={"f": []}))
    form = _parameter(endpoint, "f")
    columns = [column for column in ENDPOINTS[endpoint].columns if column.always]
    assert caller.ask(endpoint, **form).json()["columns"] == [column.key for column in columns]
    spanish = caller.ask(endpoint, keys=None, **form).json()["columns"]
    assert spanish == [LABELS.get(column.key, column.key) for column in columns]
    mixed = caller.ask(endpoint, keys={"id": "Código"}, **form).json()["columns"]
    assert mixed == ["Código", *spanish[1:]]
    caller.sim.behaviour.honours_keys = False
    assert caller.ask(endpoint, **form).json()["columns"] == spanish


def test_unknown_columns_come_last_under_their_own_label(callers: Any) -> None:
    row = {"Novedad": {"a": 1}, "id": "a", "startTime": NOON, "summary": "s", "duration": "x"}
    caller = callers(Records({"calls": [row]}))
    answer = caller.ask("calls", keys=None).json()
    assert answer["columns"][-2:] == ["Novedad", "Resumen"]
    assert answer["data"][0]["Novedad"] == {"a": 1}
    assert answer["data"][0]["Duración"] == "x"
    assert caller.rows("calls")[0]["summary"] == "s"


def test_a_tag_key_is_a_column_only_where_a_row_has_it(callers: Any) -> None:
    caller = callers(Records({"tags": [{"id": "a", "tag": "t", "startTime": NOON}]}))
    assert caller.ask("tags").json()["columns"].count("tag") == 1
    assert "tag" not in callers(Records({"tags": []})).ask("tags").json()["columns"]


def test_questions_that_collide_are_printed_twice_base_first(callers: Any) -> None:
    row = {"answers": [("Type", 3), ("id", "y"), ("id", "z")], "id": "a", "Type": "agent", "createdAt": NOON}
    caller = callers(Records(forms={"f": [row]}))
    text = caller.ask("forms", form="f").text
    pairs = json.loads(text, object_pairs_hook=list)
    answer = dict(pairs)
    assert answer["columns"] == ["id", "Type", "createdAt", "Type", "id"]
    wanted = [
        ("id", "a"),
        ("Type", "agent"),
        ("createdAt", "2026-03-02 12:00:00"),
        ("Type", 3),
        ("id", "y"),
        ("id", "z"),
    ]
    assert answer["data"] == [wanted]
    assert caller.sim.truth("forms", form="f")[0]["answers"] == [("Type", 3), ("id", "y"), ("id", "z")]


def test_times_are_printed_in_the_zone_asked_for(callers: Any) -> None:
    # Clocks in Santiago went back at midnight on 5 April 2026: 23:30 came twice.
    twice = [datetime(2026, 4, 5, 2, 30, tzinfo=UTC), datetime(2026, 4, 5, 3, 30, tzinfo=UTC)]
    caller = callers(Records({"calls": [{"id": "a", "startTime": it} for it in twice]}))

    def printed(**body: Any) -> list[str]:
        return [row["startTime"] for row in caller.rows("calls", **body)]

    assert printed(timezone="America/Santiago") == ["2026-04-04 23:30:00"] * 2
    assert printed() == ["2026-04-05 02:30:00", "2026-04-05 03:30:00"]
    caller.sim.behaviour.honours_timezone = False
    caller.sim.behaviour.prints_in = "Asia/Tokyo"
    assert printed() == ["2026-04-05 11:30:00", "2026-04-05 12:30:00"]


def test_either_date_format_may_come_on_any_endpoint(callers: Any) -> None:
    rows = {"ai/topics": [{"id": "a", "createdAt": NOON}], "calls": [{"id": "a", "startTime": NOON}]}
    caller = callers(Records(rows))
    assert caller.rows("ai/topics")[0]["createdAt"] == "02/03/2026, 12:00:00"
    assert caller.rows("calls")[0]["startTime"] == "2026-03-02 12:00:00"
    caller.sim.behaviour.date_formats = {"ai/topics": "iso", "calls": "dmy"}
    assert caller.rows("ai/topics")[0]["createdAt"] == "2026-03-02 12:00:00"
    assert caller.rows("calls")[0]["startTime"] == "02/03/2026, 12:00:00"


# Which rows, in which order


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_both_bounds_are_exact_to_the_millisecond(starts: bool, ends: bool, callers: Any) -> None:
    caller = callers(Records({"calls": _calls(-1, 0, 1, 499, 500, 501)}), start_inclusive=starts, end_inclusive=ends)
    ids = caller.ids("calls", NOON, NOON + timedelta(milliseconds=500))
    assert ids == [*(["1"] if starts else []), "2", "3", *(["4"] if ends else [])]


def test_a_server_may_floor_its_bounds_to_seconds(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(0, 600, 1_000, 1_400)}), truncates_ms=True)
    window = NOON + timedelta(milliseconds=500), NOON + timedelta(milliseconds=1_500)
    assert caller.ids("calls", *window) == ["0", "1", "2"]


def test_a_server_may_floor_its_bounds_to_minutes_or_read_them_in_the_zone(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(0, 61_000)}), floors_range_to_s=60)
    late = NOON + timedelta(seconds=62)
    assert caller.ids("calls", NOON + timedelta(seconds=59), late) == ["0"]
    caller.sim.behaviour.floors_range_to_s = 0
    assert caller.ids("calls", NOON, late) == ["0", "1"]
    caller.sim.behaviour.range_in_zone = True
    ahead = timedelta(hours=5, minutes=45)
    assert caller.ids("calls", NOON, late, timezone="Asia/Kathmandu") == []
    assert caller.ids("calls", NOON + ahead, late + ahead, timezone="Asia/Kathmandu") == ["0", "1"]
    assert caller.ids("calls", NOON, late) == ["0", "1"]


def test_an_account_may_have_labels_of_its_own(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(0)}), own_labels={"agent": "Ejecutivo"})
    assert {"Ejecutivo", "Inicio"} < set(caller.ask("calls", keys=None).json()["columns"])
    assert "agent" in caller.ask("calls").json()["columns"]


def test_a_zone_that_is_none_may_pass(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(0)}))
    assert caller.ask("calls", timezone="Nowhere/Never").status_code == 400
    caller.sim.behaviour.checks_zone = False
    assert caller.rows("calls", timezone="Nowhere/Never") == caller.rows("calls")


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("mdy", "03/02/2026, 12:00:00"),
        ("isoz", "2026-03-02T12:00:00Z"),
        ("words", "02 March 2026 12:00:00"),
    ],
)
def test_odd_date_formats(style: Any, text: str, callers: Any, account: SyntheticAccount) -> None:
    caller = callers(Records({"calls": _calls(0)}), date_formats={"calls": style})
    assert caller.rows("calls")[0]["startTime"] == text
    made = callers(account, date_formats={"calls": style}).rows("calls", *DAY)
    plain = callers(account).rows("calls", *DAY)
    pattern = {"mdy": "%m/%d/%Y, %H:%M:%S", "isoz": "%Y-%m-%dT%H:%M:%SZ", "words": "%d %B %Y %H:%M:%S"}[style]
    assert [datetime.fromisoformat(row["startTime"]).strftime(pattern) for row in plain] == [
        row["startTime"] for row in made
    ]


def test_what_a_proxy_may_change(callers: Any) -> None:
    caller = callers(
        Records({"calls": _calls(*range(200))}),
        announces_rate=False,
        clock_ahead_s=7_200,
        zstd=True,
        json_errors=False,
    )
    accepting = {"X-API-Token": "Bearer sim-token", "Accept-Encoding": "gzip, zstd"}
    answer = caller.ask("calls", headers=accepting)
    assert answer.headers["Content-Encoding"] == "zstd"
    assert len(answer.json()["data"]) == 200
    assert caller.ask("calls", headers={**accepting, "Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    assert not [name for name in answer.headers if name.startswith("ratelimit")]
    ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
    assert abs(ahead.total_seconds() - 7_200) < 10
    refused = caller.ask("calls", sort=3)
    assert (refused.status_code, refused.headers["Content-Type"]) == (400, "text/html")


def test_the_cap_cuts_after_sorting(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(30, 10, 20)}), cap=2)
    assert caller.ids("calls") == ["1", "2"]
    assert caller.ids("calls", sort=-1) == ["0", "2"]
    asked = caller.sim.asked[-1]
    assert (asked.rows, asked.matched, asked.capped) == (2, 3, True)
    caller.sim.behaviour.sort_ignored = True
    assert caller.ids("calls", sort=-1) == ["1", "2"]


def test_caps_differ_lie_and_change(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(1, 2, 3), "queues": _calls(1, 2, 3)}), cap=2, caps={"queues": 1})
    assert len(caller.rows("queues")) == 1
    caller.sim.behaviour.announced_cap = 100
    answer = caller.ask("calls").json()
    assert (answer["$limit"], len(answer["data"])) == (100, 2)
    caller.sim.behaviour = Behaviour(cap_schedule=[9, 9, 3, 2, 1])
    assert [caller.ask("calls").json()["$limit"] for _ in range(4)] == [3, 2, 1, 1]


def test_ties_keep_turn_or_shuffle(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(5, 5, 5, 5, 5, 5, 5, 5, 1)}))
    steady = [str(number) for number in range(8)]
    assert caller.ids("calls") == ["8", *steady]
    assert caller.ids("calls", sort=-1) == [*steady, "8"]
    caller.sim.behaviour.ties = "reversed"
    assert caller.ids("calls") == ["8", *reversed(steady)]
    caller.sim.behaviour.ties = "shuffled"
    orders = [tuple(caller.ids("calls")) for _ in range(4)]
    assert len(set(orders)) > 1
    assert all(sorted(order[1:]) == steady and order[0] == "8" for order in orders)


def test_twins_stay_two(callers: Any) -> None:
    row = {"id": "a", "createdAt": NOON, "topicName": "t"}
    assert len(callers(Records({"ai/topics": [row, dict(row)]})).rows("ai/topics")) == 2


def test_a_server_may_filter_on_another_time(callers: Any) -> None:
    rows = [{"id": "a", "startTime": NOON, "endTime": NOON + timedelta(days=3)}, {"id": "b", "startTime": NOON}]
    caller = callers(Records({"calls": rows}), filter_key={"calls": "endTime"})
    assert caller.ids("calls", *DAY) == []
    assert caller.ids("calls", NOON + timedelta(days=2), NOON + timedelta(days=4)) == ["a"]


def test_rows_without_a_time_come_never_or_always(callers: Any) -> None:
    caller = callers(Records({"calls": [{"id": "bare"}, {"id": "odd", "startTime": "?"}, *_calls(0)]}))
    assert caller.ids("calls", *DAY) == ["0"]
    caller.sim.behaviour.emit_timeless = True
    assert caller.ids("calls", *DAY) == ["bare", "odd", "0"]
    assert caller.sim.asked[-1].matched == 3
    assert [row["id"] for row in caller.sim.truth("calls")] == ["bare", "odd", "0"]


# Refusals


@pytest.mark.parametrize(
    ("accepts", "header", "status"),
    [
        ("both", "X-API-Token", 201),
        ("both", "Authorization", 201),
        ("x-api-token", "Authorization", 401),
        ("authorization", "X-API-Token", 401),
        ("authorization", "Authorization", 201),
        ("both", "X-Other", 401),
    ],
)
def test_the_token_is_read_from_the_header_accepted(accepts: Any, header: str, status: int, callers: Any) -> None:
    caller = callers(Records({}), accepts=accepts)
    assert caller.ask("calls", headers={header: "Bearer sim-token"}).status_code == status


@pytest.mark.parametrize(
    ("state", "token", "status", "message"),
    [
        ("ok", "Bearer other", 401, "invalid signature"),
        ("ok", "sim-token", 401, "jwt malformed"),
        ("malformed", "Bearer sim-token", 401, "jwt malformed"),
        ("expired", "Bearer sim-token", 401, "jwt expired"),
        ("forbidden", "Bearer sim-token", 403, "You do not have access to this resource"),
    ],
)
def test_a_bad_token_is_told_why(state: Any, token: str, status: int, message: str, callers: Any) -> None:
    answer = callers(Records({}), token_state=state).ask("calls", headers={"X-API-Token": token})
    names = {401: ("NotAuthenticated", "not-authenticated"), 403: ("Forbidden", "forbidden")}
    name, kebab = names[status]
    assert answer.status_code == status
    assert answer.json() == {"name": name, "message": message, "code": status, "className": kebab, "errors": {}}


def test_a_token_may_expire_on_the_way(callers: Any) -> None:
    caller = callers(Records({}), expires_after_requests=2)
    assert [caller.ask("calls").status_code for _ in range(3)] == [201, 201, 401]


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": None},
        {"end": None},
        {"start": "yesterday"},
        {"end": "2026-01-01T00:00:00"},
        {"timezone": "Mars/Olympus"},
        {"sort": 2},
        {"keys": ["id"]},
    ],
)
def test_a_wrong_body_is_a_bad_request(wrong: dict[str, Any], callers: Any) -> None:
    answer = callers(Records({})).ask(
        "calls", **{"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", **wrong}
    )
    assert (answer.status_code, answer.json()["name"]) == (400, "BadRequest")


def test_other_refusals(callers: Any) -> None:
    caller = callers(Records({}, forms={"f": []}))
    headers = {"X-API-Token": "Bearer sim-token"}
    assert caller.http.post("/reports/exports/calls", content=b"{", headers=headers).status_code == 400
    assert caller.http.post("/reports/exports/calls", content=b"[]", headers=headers).status_code == 400
    assert caller.http.post("/reports/exports/nothing", json={}, headers=headers).json()["code"] == 404
    assert caller.http.get("/reports/exports/calls").status_code == 405
    assert caller.ask("forms").status_code == 400
    assert caller.ask("forms", form="other").status_code == 404
    assert caller.ask("forms", form="f").status_code == 201
    caller.sim.behaviour.rejects_unknown_keys = True
    assert caller.ask("calls").status_code == 400
    assert caller.ask("calls", keys={"id": "id", "startTime": "startTime"}).status_code == 201


# Rate, size, and what is remembered


def test_the_rate_is_announced_and_enforced(callers: Any) -> None:
    caller = callers(Records({}), rate_per_second=3)
    answers = [caller.ask("calls") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[0].headers["Ratelimit-Limit"] == "3"
    assert answers[0].headers["Ratelimit-Remaining"] == "2"
    assert answers[0].headers["Ratelimit-Reset"] == "1"
    assert answers[0].headers["Ratelimit-Policy"] == "3;w=1"
    assert answers[3].headers["Retry-After"] == "1"
    assert answers[3].json()["code"] == 429
    caller.sim.behaviour.retry_after = False
    assert "Retry-After" not in caller.ask("calls").headers
    time.sleep(1.05)
    assert caller.ask("calls").status_code == 201


def test_large_answers_are_packed_for_whom_accepts_it(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(*range(200))}))
    packed = caller.ask("calls")
    assert packed.headers["Content-Encoding"] == "gzip"
    plain = caller.ask("calls", headers={"X-API-Token": "Bearer sim-token", "Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == packed.json()
    caller.sim.behaviour.gzip = False
    assert "Content-Encoding" not in caller.ask("calls").headers


def test_what_was_asked_is_remembered(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(0)}, surveys={"s": []}))
    answer = caller.ask("calls", *DAY, timezone="America/Santiago", sort=-1, keys={"id": "x"})
    caller.ask("surveys", survey="s")
    caller.ask("calls", "never")
    first, second, third = caller.sim.asked
    assert isinstance(first, Asked)
    assert (first.endpoint, first.sort, first.timezone, first.keys) == ("calls", -1, "America/Santiago", {"id": "x"})
    assert first.start == int(DAY[0].timestamp() * 1000)
    assert first.start_text == _iso(DAY[0])
    assert (first.rows, first.status, first.fault, first.in_flight) == (1, 201, None, 1)
    assert first.bytes == len(answer.content)
    assert second.form == "s"
    assert (third.start, third.start_text, third.status) == (None, "never", 400)
    told = caller.http.get("/simulator/asked").json()
    assert (told["requests"], told["rows"], told["statuses"]) == (3, 1, {"201": 2, "400": 1})
    assert caller.http.post("/simulator/forget").status_code == 200
    assert caller.sim.asked == []


def test_requests_in_flight_are_counted(callers: Any) -> None:
    caller = callers(Records({"calls": _calls(0)}), latency_s=0.2)
    threads = [threading.Thread(target=caller.ask, args=("calls",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked.in_flight for asked in caller.sim.asked) == [1, 2, 3]


# Faults


def _faulty(callers: Any, *faults: Fault, rows: int = 40) -> Caller:
    source = Records({"calls": [{**row, "duration": 1.25} for row in _calls(*range(rows))]})
    return callers(source, faults=list(faults))


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_fault_is_counted_and_then_over(kind: Any, callers: Any) -> None:
    caller = _faulty(callers, Fault(kind, delay_s=0.001))
    if kind == "endless":
        with caller.http.stream(
            "POST", "/reports/exports/calls", json={}, headers={"X-API-Token": "Bearer sim-token"}
        ):
            pass
    else:
        try:
            caller.ask("calls")
        except httpx.TransportError:
            assert kind in {"reset", "cut"}
    assert caller.sim.asked[0].fault == kind
    assert len(caller.rows("calls")) == 40
    assert caller.sim.asked[-1].fault is None


def test_faults_of_the_status(callers: Any) -> None:
    caller = _faulty(
        callers, Fault("status", status=500), Fault("html", status=502), Fault("html", status=200), Fault("redirect")
    )
    first, second, third, fourth = (caller.ask("calls") for _ in range(4))
    assert (first.status_code, first.json()["className"]) == (500, "general-error")
    assert (second.status_code, third.status_code) == (502, 200)
    assert second.text.startswith("<html>")
    assert third.headers["Content-Type"] == "text/html"
    assert (fourth.status_code, fourth.headers["Location"]) == (302, "http://127.0.0.1:9/")


def test_faults_of_the_connection(callers: Any) -> None:
    caller = _faulty(callers, Fault("reset"), Fault("cut"))
    with pytest.raises(httpx.ReadError):
        caller.ask("calls")
    with pytest.raises(httpx.RemoteProtocolError):
        caller.ask("calls")


@pytest.mark.parametrize("kind", ["cut_json", "bad_json", "bad_utf8", "empty"])
def test_faults_that_no_reader_of_json_accepts(kind: Any, callers: Any) -> None:
    answer = _faulty(callers, Fault(kind)).ask("calls")
    assert answer.status_code == 201
    with pytest.raises(ValueError, match=r".+"):
        json.loads(answer.content.decode())


def test_faults_of_the_content(callers: Any) -> None:
    caller = _faulty(callers, Fault("nan"), Fault("no_limit"), Fault("not_object"), Fault("out_of_range"))
    assert b":NaN" in caller.ask("calls").content
    assert "$limit" not in caller.ask("calls").json()
    assert isinstance(caller.ask("calls").json(), list)
    rows = caller.rows("calls", *DAY)
    assert len(rows) == 41
    assert rows[0]["startTime"] < "2025-02-01"


def test_faults_of_pace(callers: Any) -> None:
    caller = _faulty(callers, Fault("slow", delay_s=0.15), Fault("drip", delay_s=0.01))
    for _ in range(2):
        began = time.monotonic()
        assert len(caller.rows("calls")) == 40
        assert time.monotonic() - began > 0.14


def test_an_endless_answer_ends_with_the_simulator(callers: Any) -> None:
    caller = _faulty(callers, Fault("endless", delay_s=0.001))
    received = 0
    body = {"start": _iso(ALL[0]), "end": _iso(ALL[1])}
    headers = {"X-API-Token": "Bearer sim-token"}
    with caller.http.stream("POST", "/reports/exports/calls", json=body, headers=headers) as answer:
        for piece in answer.iter_raw():
            received += len(piece)
            if received > 50_000:
                break
        caller.sim.close()


def test_faults_wait_for_their_turn_and_endpoint(callers: Any) -> None:
    caller = callers(Records({}), faults=[Fault("status", times=2, after=1, endpoint="queues")])
    assert [caller.ask("queues").status_code for _ in range(4)] == [201, 503, 503, 201]
    caller.sim.behaviour.faults = [Fault("status", times=None)]
    assert [caller.ask("calls").status_code for _ in range(5)] == [503] * 5
    with pytest.raises(ValueError, match="no fault is called"):
        Fault("sabotage")  # type: ignore[arg-type]


def test_weather_is_as_bad_as_told_and_repeats(callers: Any) -> None:
    def day() -> list[int]:
        caller = callers(Records({}), fault_rate=0.3, fault_kinds=("status",), fault_seed=5)
        return [caller.ask("calls").status_code for _ in range(40)]

    first = day()
    assert first == day()
    assert 4 <= Counter(first)[503] <= 22


# Life


def test_start_and_close_may_be_repeated() -> None:
    before = set(threading.enumerate())
    sim = Simulator(Records({"calls": _calls(0)}), token="other")
    with pytest.raises(RuntimeError, match="not running"):
        _ = sim.url
    sim.close()
    url = sim.start().start().url
    with httpx.Client(base_url=url) as client:
        answer = client.post("/reports/exports/calls", json={}, headers={"Authorization": "Bearer other"})
        assert answer.status_code == 400
        began = time.monotonic()
        # The client still holds its connection: the simulator ends it.
        sim.close()
        sim.close()
        assert time.monotonic() - began < 2
        with pytest.raises(httpx.TransportError):
            client.get("/simulator/asked")
    assert set(threading.enumerate()) == before
    with sim:
        assert sim.url.startswith("http://127.0.0.1:")


def test_a_slow_answer_does_not_hold_up_the_end() -> None:
    with Simulator(Records({}), behaviour=Behaviour(latency_s=30)) as sim:
        caller = Caller(sim)

        def ask() -> None:
            with pytest.raises(httpx.TransportError):
                caller.ask("calls")

        thread = threading.Thread(target=ask)
        thread.start()
        while not sim.asked:
            time.sleep(0.005)
        sim.close()
        thread.join(5)
        assert not thread.is_alive()
        caller.http.close()


def test_records_are_checked() -> None:
    with pytest.raises(ValueError, match="no export is called"):
        Records({"phones": []})
    with pytest.raises(ValueError, match="form id"):
        Records({"forms": []})
    with pytest.raises(ValueError, match="time zone"):
        Simulator(Records({"calls": [{"id": "a", "startTime": NOON.replace(tzinfo=None)}]})).truth("calls")


def test_twenty_thousand_records_are_quick(callers: Any) -> None:
    began = time.monotonic()
    caller = callers(Records({"calls": _calls(*range(20_000))}), cap=20_000, gzip=False)
    assert len(caller.rows("calls")) == 20_000
    assert time.monotonic() - began < 2


# The synthetic account


def _paged(caller: Caller, endpoint: str, form: str | None, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Reads a range of a form's export by days, as text pairs where labels may collide."""
    rows: list[dict[str, Any]] = []
    while start < end:
        until = min(end, start + timedelta(days=10))
        # Both bounds of the simulator are inclusive: the last millisecond belongs to the next page.
        page = until - timedelta(milliseconds=1)
        rows.extend(caller.rows(endpoint, start, page, **_parameter(endpoint, form)))
        start = until
    return rows


def _as_printed(endpoint: str, record: dict[str, Any]) -> dict[str, Any]:
    pattern = "%d/%m/%Y, %H:%M:%S" if endpoint.startswith("ai/") else "%Y-%m-%d %H:%M:%S"
    printed = {key: it.strftime(pattern) if isinstance(it, datetime) else it for key, it in record.items()}
    answers = dict(printed.pop("answers", ()))
    return {**printed, **answers}


def test_truth_is_what_a_full_read_gives(centre: Caller, account: SyntheticAccount) -> None:
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 25, 13, 7, 11, tzinfo=UTC)
    for endpoint, form in _sheets(account):
        truth = centre.sim.truth(endpoint, form=form, start=start, end=end)
        assert truth, endpoint
        assert [_as_printed(endpoint, it) for it in truth] == _paged(centre, endpoint, form, start, end)
        assert centre.sim.count(endpoint, form=form, start=start, end=end) == len(truth)


def test_every_sheet_stays_in_order_and_in_its_day(centre: Caller, account: SyntheticAccount) -> None:
    for endpoint, form in _sheets(account):
        key = ENDPOINTS[endpoint].range_key
        truth = centre.sim.truth(endpoint, form=form)
        times = [record[key] for record in truth]
        assert times == sorted(times)
        assert centre.sim.count(endpoint, form=form) == len(truth)
        local = {moment.astimezone(ZoneInfo(account.timezone)).hour for moment in times}
        assert 3 not in local
        assert any(moment.microsecond for moment in times) or endpoint == "appointments"


def test_both_directions_and_any_zone_hold_the_same_rows(centre: Caller) -> None:
    window = datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 4, 7, tzinfo=UTC)
    forward, backward = centre.rows("calls", *window), centre.rows("calls", *window, sort=-1)
    assert forward == backward[::-1]
    local = centre.rows("calls", *window, timezone="America/Santiago")
    for there, here in zip(local, forward, strict=True):
        moment = datetime.fromisoformat(here["startTime"] + "+00:00").astimezone(ZoneInfo("America/Santiago"))
        assert there["startTime"] == moment.strftime("%Y-%m-%d %H:%M:%S")


def test_the_same_seed_gives_the_same_account_however_it_is_asked(centre: Caller, account: SyntheticAccount) -> None:
    twin = SyntheticAccount(since=account.since, until=account.until, calls_per_day=60)
    other = SyntheticAccount(since=account.since, until=account.until, calls_per_day=60, seed=8)
    window = {"start": datetime(2026, 3, 31, tzinfo=UTC), "end": datetime(2026, 4, 2, tzinfo=UTC)}
    later = Simulator(twin).truth("tags", start=datetime(2026, 4, 20, tzinfo=UTC))
    assert later == centre.sim.truth("tags", start=datetime(2026, 4, 20, tzinfo=UTC))
    assert Simulator(twin).truth("calls", **window) == centre.sim.truth("calls", **window)
    assert Simulator(other).truth("calls", **window) != centre.sim.truth("calls", **window)
    assert twin.form_ids == account.form_ids
    longer = SyntheticAccount(since=account.since, until=date(2026, 6, 1), calls_per_day=60)
    assert Simulator(longer).truth("queues", **window) == centre.sim.truth("queues", **window)


def test_ids_are_object_ids_of_their_second(centre: Caller, account: SyntheticAccount) -> None:
    for endpoint, form in _sheets(account):
        records = centre.sim.truth(endpoint, form=form)
        assert all(len(record["id"]) == 24 and int(record["id"], 16) for record in records)
        if endpoint in {"appointments", "tags", "ai/topics", "ai/sentiments"}:
            continue
        key = ENDPOINTS[endpoint].range_key
        assert all(int(record["id"][:8], 16) == int(record[key].timestamp()) for record in records)
        assert len({record["id"] for record in records}) == len(records)


def test_ids_join(centre: Caller, account: SyntheticAccount) -> None:
    truth = {sheet: centre.sim.truth(sheet[0], form=sheet[1]) for sheet in _sheets(account)}

    def values(endpoint: str, key: str) -> set[str]:
        return {it[key] for (path, _), records in truth.items() if path == endpoint for it in records if key in it}

    queues = {it["id"]: it for it in truth["queues", None]}
    calls = {it["id"]: it for it in truth["calls", None]}
    meetings = {it["id"]: it for it in truth["appointments", None]}
    assert {it["queue"] for it in calls.values()} == {key for key, it in queues.items() if it["assigned"]}
    assert all(queues[it["queue"]]["startTime"] < it["startTime"] for it in calls.values())
    share = sum(it["canceled"] for it in queues.values()) / len(queues)
    assert 0.1 < share < 0.2
    things = {**calls, **meetings}
    assert values("queues", "extraData") | values("appointments", "extraData") == values("extra-data", "id")
    assert values("calls", "surveyId") | values("appointments", "surveyId") == values("surveys", "id")
    assert values("calls", "agentForm") | values("calls", "baseForm") | values("appointments", "agentForm") == values(
        "forms", "id"
    )
    for endpoint in ("surveys", "comments", "recordings"):
        assert values(endpoint, "call")
        assert values(endpoint, "call") <= set(calls)
        assert values(endpoint, "appointment") <= set(meetings)
        assert values(endpoint, "appointment")
    assert values("tags", "id") <= set(calls)
    assert values("ai/topics", "id") <= set(things)
    assert values("ai/sentiments", "id") <= set(things)
    assert values("appointments", "Rescheduled Appointment ID") <= set(meetings)


def test_the_account_has_the_apis_oddities(centre: Caller, account: SyntheticAccount) -> None:
    calls = centre.sim.truth("calls")
    assert {type(it.get("tags")) for it in calls} == {list, str, type(None)}
    assert any(it.get("tags") == "" for it in calls)
    assert {type(it["duration"]) for it in calls} == {int, float}
    topics = Counter(json.dumps(it, default=str) for it in centre.sim.truth("ai/topics"))
    assert topics.most_common(1)[0][1] == 2
    end = datetime(2026, 5, 4, 4, tzinfo=UTC)
    ahead = centre.sim.truth("appointments", start=end)
    assert ahead
    assert ahead[-1]["startTime"] > end + timedelta(days=50)
    assert {it["Status"] for it in ahead} <= {"scheduled", "canceled"}
    assert all(int(it["id"][:8], 16) < end.timestamp() for it in ahead)
    assert centre.sim.truth("calls", start=end) == []
    assert len(account.form_ids) == len(account.survey_ids) == 2


def test_another_filter_key_finds_synthetic_rows_too(account: SyntheticAccount, callers: Any) -> None:
    caller = callers(account, filter_key={"calls": "endTime"}, cap=100_000)
    window = datetime(2026, 3, 10, 14, tzinfo=UTC), datetime(2026, 3, 10, 16, tzinfo=UTC)
    wanted = [it["id"] for it in caller.sim.truth("calls") if window[0] <= it["endTime"] <= window[1]]
    assert wanted
    assert sorted(caller.ids("calls", *window)) == sorted(wanted)
    assert caller.sim.asked[-1].matched == len(wanted)


def test_a_cut_answer_knows_how_much_it_left_out(account: SyntheticAccount, callers: Any) -> None:
    caller = callers(account, cap=10)
    window = datetime(2026, 1, 20, 15, tzinfo=UTC), datetime(2026, 4, 20, 15, tzinfo=UTC)
    for endpoint in ("calls", "tags", "ai/topics"):
        caller.ask(endpoint, *window)
        key = ENDPOINTS[endpoint].range_key
        within = [it for it in caller.sim.truth(endpoint) if window[0] <= it[key] <= window[1]]
        assert caller.sim.asked[-1].matched == len(within)
        assert caller.sim.asked[-1].rows == 10


def test_few_bytes_are_kept_where_few_are_allowed(account: SyntheticAccount) -> None:
    thrifty = SyntheticAccount(since=account.since, until=account.until, calls_per_day=60, cache_bytes=1)
    assert len(Simulator(thrifty).truth("calls")) == Simulator(thrifty).count("calls")
    with pytest.raises(ValueError, match="before it has begun"):
        SyntheticAccount(since=date(2026, 1, 2), until=date(2026, 1, 1))
