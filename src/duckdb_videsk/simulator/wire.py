"""Bytes on the socket: the listener and its threads, one reply at a time, and the faults that only a socket shows."""

from __future__ import annotations

import contextlib
import importlib
import re
import socket
import socketserver
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Literal

from .exports import Refusal

if TYPE_CHECKING:
    from .behaviour import Fault

__all__ = ["Listener", "Reply", "spoiled", "web_page"]

_SMALL = 1_024
_PIECES = 16
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_NUMBER = re.compile(rb'(?<=":)-?\d+(?:\.\d+)?(?=[,}])')


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, and how it goes over the wire."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    packings: Sequence[str] = ("gzip",)
    latency_s: float = 0.0
    manner: Literal["whole", "reset", "cut", "drip", "endless"] = "whole"
    pause_s: float = 0.0
    finished: Callable[[], None] = field(default=lambda: None)


def web_page(status: int) -> Reply:
    """What a proxy answers."""
    return Reply(status, _HTML, content_type="text/html")


def spoiled(fault: Fault, answer: Callable[[], bytes]) -> Reply:  # noqa: PLR0911 - one branch a kind
    """The reply that a fault makes of an answer."""
    match fault.kind:
        case "status":
            wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            message = HTTPStatus(fault.status).phrase
            return Reply(fault.status, Refusal(fault.status, message).body(), wait)
        case "html":
            return web_page(fault.status)
        case "redirect":
            return Reply(302, b"", {"Location": "http://127.0.0.1:9/"})
        case "empty":
            return Reply(201, b"")
        case "reset":
            return Reply(0, b"", manner="reset")
        case "cut" | "drip" | "endless" as manner:
            return Reply(201, answer(), packings=(), manner=manner, pause_s=fault.delay_s)
        case "slow":
            return Reply(201, answer(), latency_s=fault.delay_s)
        case _:
            return Reply(201, _SPOILERS.get(fault.kind, bytes)(answer()))


def _with_nan(body: bytes) -> bytes:
    start = body.find(b'"data":')
    hit = _NUMBER.search(body, start) or _NUMBER.search(body)
    return body if hit is None else body[: hit.start()] + b"NaN" + body[hit.end() :]


def _with_bad_utf8(body: bytes) -> bytes:
    start = body.find(b'"data":')
    place = body.find(b'":"', start)
    place = place + 3 if place >= 0 else body.find(b'["') + 2
    return body[:place] + b"\xff\xfe" + body[place:]


_SPOILERS: dict[str, Callable[[bytes], bytes]] = {
    "cut_json": lambda body: body[: len(body) // 2],
    "bad_json": lambda body: body[:-1] + b",,}",
    "nan": _with_nan,
    "bad_utf8": _with_bad_utf8,
    "not_object": lambda body: body[body.find(b'"data":') + 7 : -1],
}

Answering = Callable[[str, str, Mapping[str, str], bytes], Reply]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "videsk-simulator"
    sys_version = ""
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Stays silent."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.answering(self.command, self.path, headers, body)
        try:
            if not self.server.closing.wait(reply.latency_s):
                self._send(reply, accepted=headers.get("accept-encoding", ""))
        finally:
            reply.finished()

    def _send(self, reply: Reply, *, accepted: str) -> None:
        if reply.manner == "reset":
            self.server.abort(self.connection)
            self.close_connection = True
            return
        body, extra = reply.body, {}
        packing = next((name for name in reply.packings if name in accepted), None)
        if packing and len(body) > _SMALL:
            body, extra = _packed(body, packing), {"Content-Encoding": packing}
        if reply.manner == "endless":
            self._endless(reply)
            return
        # The length is that of the whole, also where the body is cut short.
        head = self._head(reply, {**extra, "Content-Length": str(len(body))})
        if reply.manner == "drip":
            self._drip(head, body, reply.pause_s)
        elif reply.manner == "cut":
            self.close_connection = True
            self.connection.sendall(head + body[: len(body) // 2])
        elif len(body) > 1 << 20:
            self.connection.sendall(head)
            self.connection.sendall(body)
        else:
            self.connection.sendall(head + body)

    def _head(self, reply: Reply, extra: Mapping[str, str]) -> bytes:
        lines = {"Date": self.date_time_string(), "Content-Type": reply.content_type, **reply.headers, **extra}
        phrase = HTTPStatus(reply.status).phrase
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 {reply.status} {phrase}\r\n{text}\r\n".encode("latin-1")

    def _drip(self, head: bytes, body: bytes, pause_s: float) -> None:
        self.connection.sendall(head)
        step = max(1, -(-len(body) // _PIECES))
        for place in range(0, len(body), step):
            self.connection.sendall(body[place : place + step])
            if self.server.closing.wait(pause_s):
                return

    def _endless(self, reply: Reply) -> None:
        self.close_connection = True
        piece = reply.body[:-2] + b" " * 4096
        self.connection.sendall(self._head(reply, {"Transfer-Encoding": "chunked"}))
        while not self.server.closing.is_set():
            self.connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            piece = b" " * 4096
            self.server.closing.wait(reply.pause_s)


def _packed(body: bytes, packing: str) -> bytes:
    if packing == "zstd":
        packed: bytes = importlib.import_module("zstandard").ZstdCompressor().compress(body)
        return packed
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], answering: Answering) -> None:
        super().__init__(address, _Handler)
        self.answering = answering
        self.closing = threading.Event()
        self._guard = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._aborted: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="videsk-simulator-connection",
            daemon=True,
        )
        with self._guard:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.pop(request, None)
            aborted = request in self._aborted
            self._aborted.discard(request)
        # A plain close, with no farewell before it, is what makes a reset of it.
        if aborted:
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def abort(self, connection: socket.socket) -> None:
        """Has a connection end in a reset."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with self._guard:
            self._aborted.add(connection)

    def end(self) -> None:
        """Ends every connection and waits for its thread."""
        self.closing.set()
        with self._guard:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join()


class Listener:
    """A bound port, and the thread that accepts on it."""

    def __init__(self, address: tuple[str, int], answering: Answering) -> None:
        self._server = _Server(address, answering)
        host, port = self._server.server_address[:2]
        self.url = f"http://{_text(host)}:{port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="videsk-simulator", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stops accepting, ends what is open, frees the port."""
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.end()


def _text(host: str | bytes | bytearray) -> str:
    return host if isinstance(host, str) else bytes(host).decode()
