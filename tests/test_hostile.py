"""Answers that no honest server gives, against an oracle that knows nothing of the decoder.

The examples here are few and the same in every run. To look for hours, choose the profile by the environment:

    FUZZ_EXAMPLES=100000 pytest tests/test_hostile.py -p no:cacheprovider --timeout=0

runs that many new examples of each property; hypothesis keeps what it finds in `.hypothesis` and tries it first the
next time.
"""

import json
import os
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckdb_videsk.client import Request
from duckdb_videsk.decode import Decoder
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ResponseError
from duckdb_videsk.fetch.proof import judge
from duckdb_videsk.ranges import EVER
from hostile.bodies import Writer
from hostile.oracle import differences

TABLES = by_table()
ASKED = "68e7780091b7584a2265b1f5"
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
THOROUGH = settings(
    max_examples=EXAMPLES or 150,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def decoder(endpoint):
    return Decoder(endpoint, ASKED if endpoint.parameter else None)


def exact_only(endpoint):
    """A decoder that takes no quick way: it knows a label that msgspec's structs cannot have."""
    own = decoder(endpoint)
    own._labels.learn(['"'])
    return own


def outcome(decode, text):
    try:
        return decode(text)
    except ResponseError as error:
        said = str(error)
    assert len(said) < 1_000
    assert said.isprintable()
    return None


def all_ways_agree(endpoint, text):
    """Accepted with every value in its place, or refused, and that by each way of decoding."""
    found = outcome(decoder(endpoint).decode, text)
    plain = text.removeprefix(b"\xef\xbb\xbf")
    if found is not None:
        found.batch.validate(full=True)
        asked = ASKED if endpoint.parameter else None
        assert differences(endpoint, text, found.limit, found.batch, asked) == []
        quick = decoder(endpoint)._by_arrow(plain)
        assert quick is None or quick.batch.equals(found.batch)
    for own in (decoder(endpoint)._by_rows, exact_only(endpoint).decode):
        if plain.strip() and is_text(plain):
            other = outcome(own, plain)
            assert (other is None) == (found is None)
            assert other is None or (other.limit == found.limit and other.batch.equals(found.batch))


def is_text(body):
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@THOROUGH
@given(st.randoms(use_true_random=False), st.sampled_from([0.0, 0.2, 0.6]), st.sampled_from([0.0, 0.03]))
def test_every_value_is_found_back(random, odd, broken):
    all_ways_agree(*Writer(random, odd=odd, broken=broken).body())


@THOROUGH
@given(st.randoms(use_true_random=False))
def test_damaged_answers(random):
    writer = Writer(random)
    endpoint, text = writer.body()
    all_ways_agree(endpoint, writer.damaged(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"duration":5', '"duration":6'),
        ('"duration":5', '"duration":"5"'),
        ('"agent":"Ana"', '"agent":"ana"'),
        ('"z":[1,2]', '"z":[2,1]'),
        ('"z":[1,2]', '"z":[1,2.0]'),
        (',"z":[1,2]', ""),
        ('"startTime":"2026-03-01 12:00:00"', '"startTime":"2026-03-01 12:00:01"'),
        ('"tags":["a",null]', '"tags":["a"]'),
        ('{"id":"a"', '{"id":"a","id":"b"'),
        ("}]}", "},{}]}"),
        ('"$limit":7', '"$limit":8'),
    ],
)
def test_the_oracle_sees_what_is_changed(before, after):
    text = (
        '{"$limit":7,"data":[{"id":"a","agent":"Ana","duration":5,"z":[1,2],"tags":["a",null],'
        '"startTime":"2026-03-01 12:00:00"}]}'
    )
    found = decoder(TABLES["calls"]).decode(text.encode())
    assert differences(TABLES["calls"], text.encode(), found.limit, found.batch, None) == []
    other = text.replace(before, after)
    assert other != text
    assert differences(TABLES["calls"], other.encode(), found.limit, found.batch, None)


# --- sizes ------------------------------------------------------------------------------------------------------

MIB = 1 << 20
CROWDS = {
    "rows without a value": b"{}",
    "rows that are null": b"null",
    "rows that are numbers": b"0",
    "small rows": b'{"z":1}',
}


@pytest.mark.parametrize("row", CROWDS.values(), ids=CROWDS)
def test_rows_without_end_are_refused_before_they_are_held(row):
    resource = pytest.importorskip("resource", reason="Windows does not say what a process held")
    text = b'{"$limit":5,"data":[' + b",".join([row] * (9 * MIB // len(row))) + b"]}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ResponseError):
        decoder(TABLES["queues"]).decode(text)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


BROKEN_CROWDS = {
    "one row that is cut": b'{"$limit":5,"data":[{"a":[' + b"[]," * (3 * MIB),
    "small rows, cut": b'{"$limit":5,"data":[' + b'{"z":1234567890},' * 600_000,
    "small rows behind half a pair": b'{"$limit":5,"data":[{"\\ud83d":1}' + b',{"z":1234567890}' * 600_000 + b"]}",
    "small rows before a fault": b'{"$limit":5,"z":{"data":[]},"data":[{}'
    + b',{"z":1234567890}' * 600_000
    + b"]} oops",
}


@pytest.mark.parametrize("text", BROKEN_CROWDS.values(), ids=BROKEN_CROWDS)
def test_to_say_what_is_broken_takes_no_memory(text):
    own = exact_only(TABLES["queues"])
    tracemalloc.start()
    try:
        with pytest.raises(ResponseError):
            own.decode(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"$limit":5,"data":[],"z":[%s0]}' % (b"[]," * (6 * MIB)), "Around the rows"),
        (b'{"$limit":5,"data":[{},{"z":"%s"}]}' % (b"x" * (33 * MIB)), "Row 1 of `data` has"),
        (b'{"$limit":%s,"data":[]}' % (b"9" * 19), "2\\^63"),
        (b'{"$limit":%s,"data":[]}' % (b"9" * 9_000), "2\\^63"),
    ],
    ids=["envelope", "row", "limit", "limit of 9,000 digits"],
)
def test_what_no_answer_has_is_refused(text, said):
    with pytest.raises(ResponseError, match=said) as caught:
        decoder(TABLES["queues"]).decode(text)
    assert len(str(caught.value)) < 600


def test_a_large_answer_of_long_rows_is_read_in_parts():
    rows = [{"id": str(number), "z": ["x" * 100] * 5_000} for number in range(40)]
    text = json.dumps({"$limit": 50, "columns": ["id"], "data": rows}).encode()
    assert len(text) > 16 * MIB
    batch = decoder(TABLES["comments"]).decode(text).batch
    assert batch.column("id").to_pylist() == [row["id"] for row in rows]
    assert json.loads(batch.column("_unmapped")[39].as_py()) == {"z": rows[39]["z"]}


def test_ten_thousand_columns():
    labels = [f"question {number}" for number in range(10_000)]
    rows = [dict(zip(labels, range(10_000), strict=True)), {labels[7]: "x"}]
    text = json.dumps({"$limit": 5, "columns": labels, "data": rows}).encode()
    found = decoder(TABLES["forms"]).decode(text)
    assert found.questions == tuple(labels)
    assert [json.loads(answers) for answers in found.batch.column("answers").to_pylist()] == rows


def test_each_row_with_a_label_of_its_own():
    rows = [{f"label {number}": number} for number in range(20_000)]
    batch = decoder(TABLES["comments"]).decode(json.dumps({"$limit": 20_001, "data": rows}).encode()).batch
    assert [json.loads(text) for text in batch.column("_unmapped").to_pylist()] == rows


IN_A_THREAD = """
import sys, threading
from duckdb_videsk.decode import Decoder
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ResponseError

def decode(text):
    try:
        Decoder(by_table()["queues"]).decode(text)
    except ResponseError:
        refused.append(1)

refused = []
threading.stack_size(512 << 10)  # as on a Mac
in_a_row = b'{"$limit":5,"data":[{"%s":'
for place in (b'%s', b'{"$limit":5,"data":%s', in_a_row % b"id" + b"%s", in_a_row % b"Integration Data" + b"%s"):
    for opening in (b"[", b'{"a":', b'[{"a":'):
        thread = threading.Thread(target=decode, args=(place % (opening * 100_000),))
        thread.start()
        thread.join()
print(len(refused))
"""


def test_nesting_of_100_000_levels_does_not_end_the_process():
    done = subprocess.run(
        [sys.executable, "-c", IN_A_THREAD], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, "12"), done.stderr[-500:]


# --- what is judged of an answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 150 + "]" * 150, '"\\u0000"', "1e999"])
def test_rows_without_a_time_may_carry_anything(value):
    text = b'{"$limit":5,"data":[{"id":"a","startTime":"2026-03-01 12:00:00"},{"z":%s}]}' % value.encode()
    endpoint = TABLES["calls"]
    shown = judge(decoder(endpoint).decode(text), Request(endpoint, EVER))
    assert (shown.timeless, shown.unread) == (1, None)


@pytest.mark.parametrize(
    "id_", ["0x5ff25a80b70bee27aea4bdc", "5ff2_5a80b70bee27aea4bdc", "+5ff25a80b70bee27aea4bdc", "５" * 24]
)
def test_an_id_of_another_shape_is_no_clock(id_):
    row = {"id": id_, "startTime": "2026-03-01 12:00:00"}
    text = json.dumps({"$limit": 5, "data": [row]}).encode()
    shown = judge(decoder(TABLES["calls"]).decode(text), Request(TABLES["calls"], EVER))
    assert not shown.clock_proven
    assert shown.batch.column("id").to_pylist() == [id_]
    assert shown.batch.column("start_time").to_pylist() == [datetime(2026, 3, 1, 12, tzinfo=UTC)]
