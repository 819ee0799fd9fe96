"""One attempt of one request: its body, its headers, TLS, and what each answer of the server means.

Retries, decoding and planning are the callers' matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import httpx
import msgspec

from duckdb_videsk.addresses import is_local
from duckdb_videsk.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ForbiddenError,
    RateLimitError,
    ResponseError,
    ServerError,
    redact,
)
from duckdb_videsk.harmless import one_line
from duckdb_videsk.ranges import Range, iso
from duckdb_videsk.rate import retry_after
from duckdb_videsk.unpacking import PIECE, Plain, unpackers, unpackers_taken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.errors import RefusalShape
    from duckdb_videsk.settings import Settings
    from duckdb_videsk.unpacking import Unpacker

__all__ = ["Client", "Reply", "Request", "prepare"]

_GOOD = {HTTPStatus.OK, HTTPStatus.CREATED}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_WHOLE_ATTEMPT = 10
_QUOTED = 200
_LARGEST_REFUSAL = 64 << 10


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: `span` is sent as `start` and `end` as it is, whatever the server makes of its ends.

    Scans ask in UTC and for the client's keys; `time_zone` and `keys` (empty: none are sent) are for who looks at the
    server's ways.
    """

    endpoint: Endpoint
    span: Range
    newest_first: bool = False
    id: str | None = None
    time_zone: str = "UTC"
    keys: tuple[str, ...] | None = None

    def body(self, keys: Sequence[str]) -> bytes:
        """The JSON body; each of `keys`, or of its own, is asked under its own name."""
        fields: dict[str, object] = {
            "$sort": -1 if self.newest_first else 1,
            "start": iso(self.span.start),
            "end": iso(self.span.end),
            "timezone": self.time_zone,
        }
        if self.keys != ():
            fields["keys"] = {key: key for key in (keys if self.keys is None else self.keys)}
        if self.endpoint.parameter is not None:
            fields[self.endpoint.parameter] = self.id
        return json.dumps(fields).encode()

    def __str__(self) -> str:
        return f"{iso(self.span.start)} to {iso(self.span.end)}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer's body after decompression, and its headers (names in lower case)."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Client:
    """Sends requests of one account. Belongs to one event loop."""

    def __init__(self, settings: Settings, *, all_keys: Sequence[str]) -> None:
        self._settings = settings
        self._all_keys = tuple(all_keys)
        timeout = settings.timeout_seconds
        self._http = httpx.AsyncClient(
            base_url=f"{settings.base_url}/reports/exports/",
            headers={
                settings.auth_header: f"Bearer {settings.token.reveal()}",
                "Accept": "application/json",
                "Accept-Encoding": ", ".join(unpackers()),
                "Content-Type": "application/json",
                "User-Agent": f"duckdb-videsk/{version('duckdb-videsk')}",
            },
            timeout=httpx.Timeout(timeout, connect=min(10.0, timeout), pool=None),
            limits=httpx.Limits(max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency),
            follow_redirects=False,
            # A proxy of the environment is for other machines than this one.
            trust_env=not is_local(settings.base_url),
            verify=_trusted(),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request, *, on_sent: Callable[[], None] | None = None) -> Reply:
        """One attempt; `on_sent` is called once the whole request has been written.

        Raises:
            ApiError: of the kind that fits; its `retryable` says whether another attempt makes sense.
        """
        try:
            async with asyncio.timeout(self._settings.timeout_seconds * _WHOLE_ATTEMPT):
                return await self._exchange(request, on_sent)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            failure = self._no_answer(error, request)
        # Raised outside of the handler: httpx's error holds the request, and that the token.
        raise failure

    async def _exchange(self, request: Request, on_sent: Callable[[], None] | None) -> Reply:
        keys = request.endpoint.api_keys if self._settings.own_keys_only else self._all_keys
        extensions = {} if on_sent is None else {"trace": _told_when_sent(on_sent)}
        async with self._http.stream(
            "POST", request.endpoint.path, content=request.body(keys), extensions=extensions
        ) as response:
            if response.status_code in _GOOD:
                most = self._settings.max_answer_bytes
                return Reply(response.status_code, await self._read(response, request, most), response.headers)
            try:
                body = await self._read(response, request, _LARGEST_REFUSAL)
            except ResponseError:
                body = b""
            raise self._refusal(response, body, request)

    async def _read(self, response: httpx.Response, request: Request, most: int) -> bytes:
        """The body, unpacked here in small pieces: httpx unpacks a whole chunk, and that once for each encoding."""
        unpacker = self._unpacker(response, request)
        left = most
        whole = io.BytesIO()  # gives its bytes without a copy, which a list of pieces does not
        async with contextlib.aclosing(cast("AsyncGenerator[bytes]", response.aiter_raw())) as body:
            async for chunk in body:
                for piece in self._unpacked(unpacker, chunk, response, request):
                    left -= len(piece)
                    if left < 0:
                        raise self._too_large(response, request)
                    whole.write(piece)
                    if len(piece) >= PIECE:
                        await asyncio.sleep(0)
        if not unpacker.whole:
            raise _unusable(f"its {unpacker.name} stream ends before its end", response, request)
        return whole.getvalue()

    def _unpacker(self, response: httpx.Response, request: Request) -> Unpacker:
        named = response.headers.get_list("content-encoding", split_commas=True)
        used = [name for name in map(str.lower, named) if name not in {"", "identity"}]
        known = unpackers_taken()
        if not used:
            return Plain()
        if len(used) == 1 and used[0] in known:
            return known[used[0]]()
        error = _unusable(f"it is packed as {self._clean(', '.join(used))!r}, unasked", response, request)
        error.retryable = False
        raise error

    def _unpacked(
        self, unpacker: Unpacker, chunk: bytes, response: httpx.Response, request: Request
    ) -> Iterator[bytes]:
        try:
            yield from unpacker.feed(chunk)
        except unpacker.faults:
            raise _unusable(f"its {unpacker.name} stream is broken", response, request) from None

    def _too_large(self, response: httpx.Response, request: Request) -> ResponseError:
        most = self._settings.max_answer_bytes
        error = ResponseError(
            f"The answer is larger than {most:,} bytes, so it was dropped. If your account really has such answers, "
            "raise the setting max_answer_bytes.",
            endpoint=request.endpoint.path,
            span=str(request),
            status=response.status_code,
        )
        error.retryable = False
        return error

    def _no_answer(self, error: Exception, request: Request) -> ApiError:
        host = httpx.URL(self._settings.base_url).host
        reason = self._clean(str(error)) or type(error).__name__
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            reason = f"no answer within {self._settings.timeout_seconds:g} s"
        untrusted = _is_certificate_fault(error)
        advice = (
            "The server's certificate is not trusted; nothing was sent. Behind a company proxy, set SSL_CERT_FILE."
            if untrusted
            else "Check the network, the proxy and base_url; then run the query again."
        )
        failure = ConnectionFailedError(
            f"No complete answer from {host}: {reason}. {advice}", endpoint=request.endpoint.path, span=str(request)
        )
        failure.retryable = not untrusted
        return failure

    def _refusal(self, response: httpx.Response, body: bytes, request: Request) -> ApiError:
        status = response.status_code
        kind, advice = _meaning(status)
        said = self._clean(_message(body, response.headers.get("content-type", "")))
        error = kind(
            f"{said.rstrip('.')}. {advice}", endpoint=request.endpoint.path, span=str(request), status=status
        )
        error.retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
        error.retry_after = retry_after(response.headers)
        error.answered = _shape(body, response.headers.get("content-type", ""))
        error.said = self._clean(_own_words(body) or "")
        return error

    def _clean(self, text: str) -> str:
        return one_line(redact(text[:_LARGEST_REFUSAL], self._settings.token.reveal()), _QUOTED)


def prepare() -> None:
    """Read the certificates, and import what httpx imports late: a process's first request would wait for both."""
    httpx.AsyncHTTPTransport(verify=_trusted())


def _told_when_sent(on_sent: Callable[[], None]) -> Callable[[str, object], Awaitable[None]]:
    async def trace(event: str, _: object) -> None:
        if event.endswith(".send_request_body.complete"):
            on_sent()

    return trace


def _unusable(reason: str, response: httpx.Response, request: Request) -> ResponseError:
    return ResponseError(
        f"The answer cannot be used: {reason}.",
        endpoint=request.endpoint.path,
        span=str(request),
        status=response.status_code,
    )


_MEANINGS: dict[int, tuple[type[ApiError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        AuthenticationError,
        (
            "The token is not accepted: set a new VIDESK_API_TOKEN, or the account's own where there are several; "
            "some accounts need auth_header='Authorization'."
        ),
    ),
    HTTPStatus.FORBIDDEN: (
        ForbiddenError,
        "The token may not read this export, or was removed: check its access in Videsk.",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        RateLimitError,
        "The rate limit was passed again and again: does another program use the token? Lower requests_per_second.",
    ),
}


def _meaning(status: int) -> tuple[type[ApiError], str]:
    if status in _MEANINGS:
        return _MEANINGS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return ServerError, "The API failed again and again; try later."
    if status < HTTPStatus.BAD_REQUEST:
        return ResponseError, "Success is 201; a redirect is not followed, since it would take the token elsewhere."
    return BadRequestError, "The API refuses this request: check base_url and the ids in the query."


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates trusted; read once, since that takes longer than a request to a near server."""
    return httpx.create_ssl_context()


def _message(body: bytes, content_type: str) -> str:
    """What the server said, for people: the `message` of its JSON error, or what else came."""
    said = _own_words(body)
    if said is None:
        page = _shape(body, content_type) == "page"
        return "The server answered a web page instead of JSON" if page else "The server answered no readable error"
    return f"The API says: {said}" if said else "The API gives no reason"


def _own_words(body: bytes) -> str | None:
    """The `message` of a JSON error, empty where it has none; None where the body is no such error."""
    try:
        return msgspec.json.decode(body, type=_ErrorBody).message
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _shape(body: bytes, content_type: str) -> RefusalShape:
    if "html" in content_type or body.lstrip()[:1] == b"<":
        return "page"
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "other"
    return "documented" if isinstance(said, dict) and said.keys() >= {"name", "message", "code"} else "json"


class _ErrorBody(msgspec.Struct):
    message: str = ""


def _is_certificate_fault(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
