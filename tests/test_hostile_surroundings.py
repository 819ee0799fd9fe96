"""Hostile servers, settings, files and texts: each ends in an answer or a typed error, soon, with little memory."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckdb_videsk.cli import main
from duckdb_videsk.errors import ApiError, ConfigError, LakeChangedError, QueryError, redact
from duckdb_videsk.fetch.history import History
from duckdb_videsk.harmless import harmless, one_line
from duckdb_videsk.labels import load_language
from duckdb_videsk.lake.layout import Piece
from duckdb_videsk.lake.writing import LakeWarning
from duckdb_videsk.output import drawn, say
from duckdb_videsk.rate import Pace, retry_after, seconds_ahead
from duckdb_videsk.service import log_line
from duckdb_videsk.settings import load_settings
from lakes import MARCH, counted, shore
from memory import MemorySource, connect_to
from test_client import send

TOKEN = "tok-never-to-be-seen"
MIB = 1 << 20

# --- servers ----------------------------------------------------------------------------------------------------


class Raw:
    """A server that reads a request and answers with bytes as they are, one connection after the other."""

    def __init__(self, pieces, *, pause=0.0):
        self._pieces, self._pause = pieces, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    for piece in self._pieces():
                        connection.sendall(piece)
                        time.sleep(self._pause)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def head(*lines, status="201 Created"):
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


EMPTY = b'{"$limit":5,"data":[]}'
LENGTH = f"content-length: {len(EMPTY)}"
GARBAGE = {
    "no HTTP": [b"SSH-2.0-OpenSSH_9.6\r\n"],
    "nothing": [],
    "bare line feeds": [b"\n" * 1_000],
    "chunks of nonsense": [head("transfer-encoding: chunked"), b"zz\r\nxx\r\n"],
    "a chunk of negative size": [head("transfer-encoding: chunked"), b"-5\r\nxx\r\n"],
    "a chunk without end": [head("transfer-encoding: chunked"), b"ffffffffffffffff\r\nxx"],
    "two lengths": [head("content-length: 5", "content-length: 6"), b"{}"],
    "a length below zero": [head("content-length: -1"), b"{}"],
    "a length that is no number": [head("content-length: ten"), b"{}"],
    "early close": [head("content-length: 1000"), b'{"$limit":5'],
    "endless header": [head()[:-2] + b"x-a: " + b"a" * 300_000],
    "many headers": [head(*(f"x-{number}: 1" for number in range(20_000))), EMPTY],
    "a status of four digits": [b"HTTP/1.1 2011 Created\r\n\r\n"],
    "a header with NUL": [head("x-a: \x00b"), EMPTY],
    "a folded header": [head("x-a: b\r\n c"), EMPTY],
}


@pytest.mark.parametrize("pieces", GARBAGE.values(), ids=GARBAGE)
def test_garbage_for_http_is_a_typed_error(pieces):
    with Raw(lambda: pieces) as server, contextlib.suppress(ApiError):
        assert send(server.url, timeout_seconds=2, max_answer_bytes=MIB).body in {EMPTY, b""}


@pytest.mark.parametrize(
    "lines",
    [
        ["content-type: text/html"],
        ["content-type: image/png; charset=utf-16"],
        ["ratelimit-limit: -5", "ratelimit-remaining: 1e308", "ratelimit-reset: nan"],
        ["retry-after: -1", "date: Mon, 99 Foo 99999 99:99:99 +9999"],
        ["set-cookie: a=\xff"],
    ],
)
def test_odd_headers_change_nothing(lines):
    with Raw(lambda: [head(LENGTH, *lines), EMPTY]) as server:
        assert send(server.url).body == EMPTY


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.text(max_size=40) | st.sampled_from(["-1", "1e308", "nan", "inf", "0x5", "1;w=0", ";;;w=1,q=", "9" * 5_000])
)
def test_no_header_stops_the_pace(text):
    headers = {f"ratelimit-{name}": text for name in ("limit", "remaining", "reset", "policy")}
    pace = Pace(10)
    pace.learn(headers)
    assert -1e9 < pace._wait(time.monotonic()) <= 121
    assert retry_after({"retry-after": text}) is None or 0 <= retry_after({"retry-after": text}) < 86_400
    assert isinstance(seconds_ahead({"date": text}, 0.0), float | None)


def test_a_policy_of_thousands_of_limits_costs_little():
    pace = Pace(10)
    pace.learn({"ratelimit-policy": ",".join(["1;w=1"] * 20_000)})
    assert len(pace._limits) < 50


def test_a_body_that_drips_is_given_up():
    def drip():
        yield head("transfer-encoding: chunked")
        while True:
            yield b"1\r\n \r\n"

    started = time.monotonic()
    with Raw(drip, pause=0.02) as server, pytest.raises(ApiError, match="no answer within"):
        send(server.url, timeout_seconds=0.1)
    assert time.monotonic() - started < 5


STREAMED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from test_client import send
from duckdb_videsk.errors import ResponseError

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    send(sys.argv[1], max_answer_bytes=32 << 20)
except ResponseError as error:
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(error.retryable, "larger" in str(error), held // 1024)
"""


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "gzip"])
def test_two_gigabytes_are_refused_with_little_memory(packed):
    pytest.importorskip("resource", reason="Windows does not say what a process held")
    piece = b" " * MIB

    def flood():
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        yield head(*(["content-encoding: gzip"] if packed else []))
        for _ in range(2_048):
            yield packer.compress(piece) if packed else piece

    with Raw(flood) as server:
        done = subprocess.run(
            [sys.executable, "-c", STREAMED, server.url, os.path.dirname(__file__)],  # noqa: PTH120
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    retryable, larger, held = done.stdout.split()
    assert (retryable, larger) == ("False", "True")
    assert int(held) < 120


def test_an_error_page_without_end_is_not_read_to_its_end():
    sent = []

    def page():
        yield head(status="503 Service Unavailable")
        for _ in range(200):
            sent.append(1)
            yield b"<p>" + b"x" * 65_536

    with Raw(page) as server, pytest.raises(ApiError, match="no readable error"):
        send(server.url)
    assert len(sent) < 200


def test_what_a_server_says_cannot_touch_the_terminal():
    said = json.dumps({"message": "\x1b[2J\x9b31m\u202egnp\r\nvidesk: all is well \x00" + "x" * 5_000}).encode()
    reply = [head(f"content-length: {len(said)}", status="400 Bad Request"), said]
    with Raw(lambda: reply) as server, pytest.raises(ApiError) as caught:
        send(server.url)
    text = str(caught.value)
    assert text.isprintable()
    assert "videsk: all is well" in text
    assert len(text) < 500


@pytest.mark.parametrize(
    "text", ["eyJ-" * 50_000, "bearer " * 50_000, "bearer" + " " * 200_000, "eyJaaaaaa." * 20_000]
)
def test_redaction_takes_no_longer_for_awkward_texts(text):
    started = time.process_time()
    redact(text, TOKEN)
    assert time.process_time() - started < 2


# --- texts ------------------------------------------------------------------------------------------------------


@given(st.text())
@settings(derandomize=True)
def test_harmless_text_gives_no_orders(text):
    shown, line = harmless(text), one_line(text, 50)
    assert not set(shown) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
    assert "\n" not in line
    assert len(line) <= 50
    assert shown.encode().decode() == shown


def test_a_table_shows_control_characters_and_lines_stay_whole():
    with connect_to(MemorySource()) as con:
        shown = drawn(
            con.sql("SELECT chr(27) || '[2J' || chr(155) || chr(8238) || chr(127) AS v"), max_rows=5, max_width=80
        )
    assert shown.count("\n") == 6
    assert shown.replace("\n", "").isprintable()


def test_said_text_is_harmless(capsys):
    say("a\x1b]0;title\x07\n")
    assert capsys.readouterr().out == "a␛]0;title␇\n"


def test_an_error_of_the_command_is_one_harmless_line(capsys, monkeypatch):
    monkeypatch.setenv("VIDESK_API_TOKEN", TOKEN)
    assert main(["query", "SELECT error('a' || chr(27) || '[2J' || repeat('x', 1000000))"]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert text.strip("\n").isprintable()
    assert len(text) < 3_000


def test_no_statement_writes_a_second_line_into_the_log():
    for refused in (None, "the function x\n2026-01-01T00:00:00Z session 12345678 runs: \x1b[2J is not allowed"):
        line = log_line("s", 'SELECT 1 AS "a\x1b[2Jb\n\u2028c"', refused)
        assert line.count("\n") == 1
        assert line.strip("\n").isprintable()


# --- settings -----------------------------------------------------------------------------------------------------

NAMES = sorted(set(load_settings.__globals__["_KINDS"]) - {"token"})
TOML = st.recursive(
    st.sampled_from(
        ["", "x", "none", "true", "-1", "1e999", "nan", "\x00", "a\x00b", "ñ", "9" * 5_000, "calls=1=2", "=", ","]
    )
    | st.sampled_from([10**400, -1, 0, True, float("nan"), float("inf"), 1e308, "\udcff"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["calls", "x", "*"]), inner, max_size=2)
    ),
    max_leaves=3,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from(NAMES), TOML)
def test_any_setting_is_taken_or_refused(name, value):
    with contextlib.suppress(ConfigError):
        assert "\0" not in str(load_settings(token=TOKEN, **{name: value}).lake_dir)


@pytest.mark.parametrize(
    "content",
    ["forms = " + "[" * 100_000, "token = ", "concurrency = " + "9" * 5_000, "languages = {de = 5}", "\x00"],
)
def test_a_hostile_settings_file(tmp_path, monkeypatch, content):
    file = tmp_path / "config.toml"
    file.write_text(content)
    monkeypatch.setenv("VIDESK_CONFIG", str(file))
    with pytest.raises(ConfigError):
        load_settings(token=TOKEN)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"agent": "\\ud800"}', '{"agent": "a\\u0000"}', '{"agent": 5}', "[]"]
)
def test_a_hostile_language(tmp_path, content):
    file = tmp_path / "labels.json"
    file.write_text(content)
    with pytest.raises(ConfigError):
        load_language("de", file)


# --- SQL and labels -------------------------------------------------------------------------------------------------

LABELS = [
    "q",
    "Q",
    "ID",
    "id",
    'a"b',
    "a'b",
    "'; DROP TABLE x; --",
    "x\ny",
    "é",
    "e\u0301",
    "K",
    "ß",
    "SS",
    "\x00",
    " ",
    "$.a",
    "~/",
]


def test_labels_are_never_sql():
    rows = [{"form": "f1", "id": "a", "answers": json.dumps(dict(zip(LABELS, map(str, range(99)), strict=False)))}]
    with connect_to(MemorySource(rows={"forms": rows}, labels={"form f1": LABELS})) as con:
        wide = con.sql("FROM videsk.form('f1')")
        names = con.sql("SELECT column_name, question FROM videsk.form_questions('f1')").fetchall()
        found = dict(zip(wide.columns, wide.fetchall()[0], strict=True))
    assert {question: found[name] for name, question in names} == dict(zip(LABELS, map(str, range(99)), strict=False))
    assert found["other_answers"] is None


@pytest.mark.parametrize("sql", ["SELECT '", "SELECT $$", "/*", "(" * 5_000, "SELECT '\ud800'", "NOT " * 5_000])
def test_odd_sql_is_a_typed_error(sql):
    import duckdb  # noqa: PLC0415

    with connect_to(MemorySource()) as con:
        for run in (con.plan, con.sql):
            with pytest.raises((QueryError, duckdb.Error, UnicodeEncodeError)):  # the last is DuckDB 1.5's own
                run(f"{sql} FROM videsk.calls WHERE year(start_time) = 2026 AND (")


def test_sql_with_nul_is_refused(tmp_path, capsys):
    file = tmp_path / "query.sql"
    file.write_bytes(b"SELECT 1 \0 WHERE false")
    assert main(["query", "--file", str(file)]) == 2
    assert "NUL" in capsys.readouterr().err


def test_a_plan_up_to_the_last_day_is_shown_in_any_zone():
    with connect_to(MemorySource(), time_zone="Pacific/Auckland") as con:
        assert "9999-12-31" in str(con.plan("FROM videsk.calls WHERE start_time <= '9999-12-31 23:59:59+00'"))


# --- files ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_any_history_file_is_taken_or_passed_over(tmp_path_factory, data):
    number = st.sampled_from([0, -1, 5, 20_000, 10**400, 1e308, True, None, "x", 2**39])
    content = data.draw(
        st.fixed_dictionaries(
            {
                "version": st.sampled_from([1, 2, None]),
                "cap": number,
                "days": st.lists(st.tuples(number, number), max_size=3),
                "hours": st.lists(number, min_size=168, max_size=168) | st.just([1] * 168),
            }
        )
    )
    file = tmp_path_factory.mktemp("history") / "calls.json"
    file.write_text(json.dumps(content))
    History(file).outlook()


def test_a_history_that_is_no_plain_file_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "deep").write_text("[" * 100_000)
    for file in tmp_path.iterdir():
        assert History(file).outlook() is None


@given(st.text(st.sampled_from("0123456789٣abcdef-_.")), st.sampled_from(["9" * 16, "٣", "-1", "0" * 40]))
@settings(derandomize=True)
def test_no_other_name_passes_for_a_kept_file(text, number):
    assert Piece.named(f"2026-03-01_2026-03-02.{number}-5-5-{'a' * 12}-{'b' * 16}.parquet") is None
    found = Piece.named(f"{text}.parquet")
    assert found is None or found.file_name == f"{text}.parquet"


@pytest.mark.parametrize("damage", ["device", "folder", "loop", "zeros", "zeros, dated", "half", "flip, dated"])
def test_a_kept_file_that_is_another_thing(tmp_path, damage):
    """The answer is right, or an error says that kept files were damaged, and then the next one is right."""
    with shore(tmp_path) as account:
        truth = account.truth(MARCH, columns="count(*), sum(hash(id))")
        with account.connect() as con:
            con.sql(counted(MARCH)).fetchall()
        (file, *_), stat = account.files(), account.files()[0].stat()
        data = file.read_bytes()
        file.unlink()
        if damage == "device":
            file.symlink_to("/dev/zero")
        elif damage == "loop":
            file.symlink_to(file.name)
        elif damage == "folder":
            file.mkdir()
        else:
            other = {"zeros": bytes(len(data)), "half": data[: len(data) // 2], "flip": flipped(data)}
            file.write_bytes(other[damage.split(",", maxsplit=1)[0]])
        if damage.endswith("dated"):
            os.utime(file, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LakeWarning)
            with account.connect() as con, contextlib.suppress(LakeChangedError):
                assert con.sql(counted(MARCH)).fetchall() == truth
            with account.connect() as con:
                assert con.sql(counted(MARCH)).fetchall() == truth


def flipped(data):
    """With the length of the metadata at the end in doubt."""
    return data[:-8] + b"\x05\x00\x00\x00" + data[-4:]
