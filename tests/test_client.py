"""One attempt over a real socket: content encodings, and what failures tell."""

import asyncio
import contextlib
import http.server
import pickle
import socket
import threading
import traceback
import tracemalloc
import zlib

import pytest

from duckdb_videsk import unpacking
from duckdb_videsk.client import Client, Request
from duckdb_videsk.endpoints import by_table
from duckdb_videsk.errors import ApiError, ConnectionFailedError, ResponseError, ServerError
from duckdb_videsk.ranges import EVER
from duckdb_videsk.settings import load_settings
from duckdb_videsk.simulator import Behaviour, Fault, Records, Simulator

TOKEN = "tok-never-to-be-seen"
BODY = b'{"$limit":5,"columns":[],"data":[' + b" " * 3_000_000 + b"]}"


def gzipped(*pieces):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(map(packer.compress, pieces)) + packer.flush()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.accepted.append(self.headers["accept-encoding"])
        status, encoding, body = self.server.answer
        self.send_response(status)
        if encoding:
            self.send_header("content-encoding", encoding)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *args):
        pass


class Listener(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that leaves early is what the tests are about."""


@pytest.fixture
def server():
    with Listener(("127.0.0.1", 0), Handler) as listener:
        listener.accepted = []
        thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


def send(url, **options):
    async def once():
        client = Client(load_settings(token=TOKEN, base_url=url, **options), all_keys=["agent"])
        try:
            return await client.send(Request(by_table()["calls"], EVER))
        finally:
            await client.close()

    return asyncio.run(once())


def answered(server, body, encoding="gzip", *, status=201, **options):
    server.answer = (status, encoding, body)
    return send(f"http://127.0.0.1:{server.server_port}", **options)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, BODY),
        ("identity", BODY),
        ("gzip", gzipped(BODY)),
        ("GZIP", gzipped(BODY)),
        ("x-gzip", gzipped(BODY)),
        ("identity, gzip", gzipped(BODY)),
        ("gzip", gzipped(BODY[:1000]) + gzipped() + gzipped(BODY[1000:])),
    ],
)
def test_a_body_comes_unpacked(server, encoding, body):
    assert answered(server, body, encoding).body == BODY


@pytest.mark.parametrize("size", [0, 1, unpacking.PIECE - 1, unpacking.PIECE, 2 * unpacking.PIECE])
def test_no_byte_is_lost_at_the_edge_of_a_piece(server, size):
    assert answered(server, gzipped(b"x" * size)).body == b"x" * size


def test_the_moment_of_sending_is_told_once(server):
    server.answer = (201, None, BODY)
    told = []

    async def once():
        client = Client(
            load_settings(token=TOKEN, base_url=f"http://127.0.0.1:{server.server_port}"), all_keys=["agent"]
        )
        try:
            await client.send(Request(by_table()["calls"], EVER), on_sent=lambda: told.append(len(server.accepted)))
        finally:
            await client.close()

    asyncio.run(once())
    assert len(told) == 1


def test_an_empty_body_is_empty_however_it_is_called(server):
    assert answered(server, b"").body == b""


@pytest.mark.parametrize(
    "body",
    [gzipped(BODY)[:-1], gzipped(BODY)[:-9], gzipped(BODY)[:5], gzipped(BODY) + b"more", BODY[:100]],
    ids=["no end", "no check", "half a header", "garbage after", "not gzip"],
)
def test_a_broken_stream_is_worth_another_attempt(server, body):
    with pytest.raises(ResponseError, match="gzip stream") as caught:
        answered(server, body)
    assert caught.value.retryable
    assert caught.value.status == 201


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "gzip, identity, gzip", TOKEN])
def test_an_encoding_that_was_not_asked_for_is_refused(server, encoding):
    with pytest.raises(ResponseError, match="unasked") as caught:
        answered(server, gzipped(gzipped(BODY)), encoding)
    assert not caught.value.retryable
    assert TOKEN not in str(caught.value)


def test_an_error_whose_page_cannot_be_read_stays_that_error(server):
    for body, encoding in [(b"?", "br"), (b"?", "gzip"), (b"x" * 5_000, None)]:
        with pytest.raises(ServerError, match="no readable error") as caught:
            answered(server, body, encoding, status=503, max_answer_bytes=2_000)
        assert caught.value.retryable


@contextlib.contextmanager
def little_memory(most):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_a_bomb_is_not_unpacked(server):
    layer = gzipped(*[b" " * (1 << 20)] * 100)
    for body, encoding in [(layer, "gzip"), (gzipped(layer), "gzip, gzip")]:
        with little_memory(8 << 20), pytest.raises(ResponseError) as caught:
            answered(server, body, encoding, max_answer_bytes=1_000_000)
        assert not caught.value.retryable


def test_only_what_can_be_unpacked_is_announced(server):
    answered(server, b"", None)
    assert server.accepted[-1] == ", ".join(unpacking.unpackers())
    assert set(server.accepted[-1].split(", ")) <= {"gzip", "zstd"}


def test_zstd(server):
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.ZstdCompressor().compress
    assert answered(server, packed(BODY), "zstd").body == BODY
    assert answered(server, packed(BODY[:99]) + packed(BODY[99:]), "zstd").body == BODY
    for body in (packed(BODY)[:-1], packed(BODY) + b"more", BODY):
        with pytest.raises(ResponseError, match="zstd stream"):
            answered(server, body, "zstd")
    bomb = packed(b" " * (100 << 20))
    with little_memory(20 << 20), pytest.raises(ResponseError, match="larger"):
        answered(server, bomb, "zstd", max_answer_bytes=1_000_000)


# --- failures


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def failures_of_a_client():
    """Each kind of failure, and who makes it."""
    yield "refused", lambda: send(f"http://127.0.0.1:{closed_port()}")
    for kind in ("reset", "cut", "status", "redirect"):
        yield kind, lambda kind=kind: from_simulator([Fault(kind)])
    yield "silence", lambda: from_simulator([Fault("slow", delay_s=0.4)], timeout_seconds=0.1)
    yield "expired", lambda: from_simulator([])


def from_simulator(faults, **options):
    behaviour = Behaviour(faults=faults, token_state="ok" if faults else "expired")
    with Simulator(Records({"calls": []}), token=TOKEN, behaviour=behaviour) as sim:
        return send(sim.url, **options)


def chain(error):
    seen, left = [], [error]
    while left:
        link = left.pop()
        seen.append(link)
        left += [follower for follower in (link.__cause__, link.__context__) if follower is not None]
    return seen


@pytest.mark.parametrize("fail", [pytest.param(fail, id=name) for name, fail in failures_of_a_client()])
def test_no_failure_carries_the_token(fail):
    with pytest.raises(ApiError) as caught:
        fail()
    for link in chain(caught.value):
        assert type(link).__module__.split(".")[0] not in {"httpx", "httpcore"}
        request = getattr(link, "_request", None)
        assert TOKEN not in repr(vars(link)) + repr(getattr(request, "headers", "")) + str(link)
        assert TOKEN.encode() not in pickle.dumps(link)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("duckdb_videsk")]
    assert ours
    assert TOKEN not in repr([frame.f_locals for frame in ours])


def test_what_went_wrong_is_still_said():
    with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1: .*(connect|refused)") as caught:
        send(f"http://127.0.0.1:{closed_port()}")
    assert caught.value.retryable
    assert caught.value.__context__ is None
