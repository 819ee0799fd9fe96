"""One attempt of one request: its body, its headers, TLS, and what each answer of the server means.

Retries, decoding and planning are the callers' matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import httpx
import msgspec

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
from duckdb_videsk.ranges import Range, iso
from duckdb_videsk.rate import retry_after
from duckdb_videsk.settings import is_local

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.settings import Settings

__all__ = ["Client", "Reply", "Request"]

_GOOD = {HTTPStatus.OK, HTTPStatus.CREATED}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_WHOLE_ATTEMPT = 10
_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: `span` is sent as `start` and `end` as it is, whatever the server makes of its ends."""

    endpoint: Endpoint
    span: Range
    newest_first: bool = False
    id: str | None = None

    def body(self, keys: Sequence[str]) -> bytes:
        """The JSON body; each of `keys` is asked under its own name."""
        fields: dict[str, object] = {
            "$sort": -1 if self.newest_first else 1,
            "start": iso(self.span.start),
            "end": iso(self.span.end),
            "timezone": "UTC",
            "keys": {key: key for key in keys},
        }
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

    async def send(self, request: Request) -> Reply:
        """One attempt.

        Raises:
            ApiError: of the kind that fits; its `retryable` says whether another attempt makes sense.
        """
        keys = request.endpoint.api_keys if self._settings.own_keys_only else self._all_keys
        try:
            async with (
                asyncio.timeout(self._settings.timeout_seconds * _WHOLE_ATTEMPT),
                self._http.stream("POST", request.endpoint.path, content=request.body(keys)) as response,
            ):
                body = await self._read(response, request)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ssl.SSLError, OSError) as error:
            raise self._no_answer(error, request) from error
        if response.status_code not in _GOOD:
            raise self._refusal(response, body, request)
        return Reply(response.status_code, body, response.headers)

    async def _read(self, response: httpx.Response, request: Request) -> bytes:
        most = self._settings.max_answer_bytes
        chunks: list[bytes] = []
        size = 0
        async with contextlib.aclosing(cast("AsyncGenerator[bytes]", response.aiter_bytes())) as body:
            async for chunk in body:
                size += len(chunk)
                if size > most:
                    raise self._too_large(response, request)
                chunks.append(chunk)
        return b"".join(chunks)

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
        return error

    def _clean(self, text: str) -> str:
        return redact(text, self._settings.token.reveal())[:_QUOTED]


_MEANINGS: dict[int, tuple[type[ApiError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        AuthenticationError,
        "The token is not accepted: set a new VIDESK_API_TOKEN; some accounts need auth_header='Authorization'.",
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
    try:
        said = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = "html" in content_type or body.lstrip()[:1] == b"<"
        return "The server answered a web page instead of JSON" if page else "The server answered no readable error"
    return f"The API says: {said.message!s}" if said.message else "The API gives no reason"


class _ErrorBody(msgspec.Struct):
    message: str = ""


def _is_certificate_fault(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
