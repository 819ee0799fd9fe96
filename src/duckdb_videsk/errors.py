"""Every error the product raises, and the redaction of secrets in their texts.

VideskError
├── ConfigError                a setting is missing or wrong
│   ├── MissingTokenError          no API token was found
│   └── LabelError                 a language's labels cannot name a view
├── QueryError                 the query asks for something the API cannot give
│   ├── MissingIdError             forms or surveys without an id
│   ├── LargeScanError             a scan over the budget, where such are refused
│   └── RequestLimitError          a query that needs more requests than it may make
├── LakeError                  the kept days cannot serve the query, or could not be kept or deleted
│   ├── MissingDaysError           offline, and the lake does not hold all the days
│   └── LakeChangedError           kept files went away or were damaged under a query
├── ApiError                   a request failed, after its retries
│   ├── AuthenticationError        401: the token is wrong or expired
│   ├── ForbiddenError             403: the token may not read this
│   ├── BadRequestError            400, 404 and other refusals of the request itself
│   ├── RateLimitError             429, more often than the retries allow
│   ├── ServerError                5xx
│   ├── ConnectionFailedError      no answer: name, network, TLS, time-out
│   ├── ResponseError              an answer that is not what the API documents
│   └── RetryBudgetError           too many failures in one scan
├── IncompleteError            the answers cannot be proven complete and right
│   ├── CrowdedInstantError        one millisecond holds as many records as the cap
│   ├── SilentCutError             an answer left out rows without saying so
│   ├── OutOfRangeError            rows outside the range that was asked
│   ├── UnplacedRowError           a row without a time, in an answer that is only a part
│   ├── OrderError                 a cut answer that is not in time order
│   └── ClockError                 times that are shifted against the ids' own clock
└── ClosedError                the connection, or the scan, was closed meanwhile
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    RefusalShape: TypeAlias = Literal["documented", "json", "page", "other"]

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "ClockError",
    "ClosedError",
    "ConfigError",
    "ConnectionFailedError",
    "CrowdedInstantError",
    "ForbiddenError",
    "IncompleteError",
    "LabelError",
    "LakeChangedError",
    "LakeError",
    "LargeScanError",
    "MissingDaysError",
    "MissingIdError",
    "MissingTokenError",
    "OrderError",
    "OutOfRangeError",
    "QueryError",
    "RateLimitError",
    "RequestLimitError",
    "ResponseError",
    "RetryBudgetError",
    "ServerError",
    "SilentCutError",
    "UnplacedRowError",
    "VideskError",
    "redact",
    "without_tokens",
]

_BEARER = re.compile(r"(?i)\bbearer\s++[^\s\"',;]++")
# No token is shorter; replacing less would garble the text instead.
_SHORTEST_SECRET = 8
# Each takes a whole run of letters, so that no text makes the search slow.
_JWT = re.compile(r"\beyJ[\w-]{6,}+(?:\.[\w-]*+){0,2}")

_COULD_BE_TOKEN = re.compile(r"(?<![^\s/\\'\"])(?:(?=[^\s/\\'\"]*\d)[^\s/\\'\"]{16,}|[^\s/\\'\"]{32,})")


def redact(text: str, *secrets: str) -> str:
    """`text` without secrets of eight characters or more, bearer tokens and whatever is shaped like a JWT."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "<token>")
    return _JWT.sub("<token>", _BEARER.sub("Bearer <token>", text))


def without_tokens(text: str) -> str:
    """A name as the user wrote it, without what could be a token in the place of a name.

    That is, within spaces, slashes and quotes, 16 characters with a digit among them, or 32 of any kind.
    """
    return _COULD_BE_TOKEN.sub("<token>", redact(text))


class VideskError(Exception):
    """The root of the tree.

    Attributes:
        endpoint: path of the export, such as ``"ai/topics"``; None where no single one is meant.
        span: the range asked for, as text; None where there is none.
        status: the HTTP status; None where there was no answer.
        attempt: the number of the attempt that failed last, from 1; None where nothing was sent.
        account: the name of the account, where a connection has several; else None.
    """

    account: str | None = None

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        span: str | None = None,
        status: int | None = None,
        attempt: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.endpoint = endpoint
        self.span = span
        self.status = status
        self.attempt = attempt

    def __str__(self) -> str:
        facts = [
            f"endpoint {self.endpoint}" if self.endpoint else "",
            self.span or "",
            f"status {self.status}" if self.status else "",
            f"attempt {self.attempt}" if self.attempt else "",
        ]
        context = ", ".join(fact for fact in facts if fact)
        said = f"{self.message} [{context}]" if context else self.message
        return said if self.account is None else f"account {self.account!r}: {said}"

    @staticmethod
    @contextlib.contextmanager
    def of_account(name: str | None) -> Iterator[None]:
        """Within, errors say that they are this account's."""
        try:
            yield
        except VideskError as error:
            if error.account is None:
                error.account = name
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: type[VideskError], message: str, state: dict[str, Any]) -> VideskError:
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class ConfigError(VideskError):
    """A setting is missing or wrong."""


class MissingTokenError(ConfigError):
    """No API token was found."""


class LabelError(ConfigError):
    """A language's labels cannot name the columns of a view."""


class QueryError(VideskError):
    """The query asks for something the API cannot give."""


class MissingIdError(QueryError):
    """`forms` or `surveys` was read without an id in the query or in the settings."""


class LargeScanError(QueryError):
    """A scan would take more requests than the budget, and such scans are refused."""


class RequestLimitError(QueryError):
    """A query needs more requests than its `max_requests`."""


class LakeError(VideskError):
    """The days kept on this machine cannot serve the query, or days could not be kept or deleted."""


class MissingDaysError(LakeError):
    """Offline, and the lake does not hold all that the query needs.

    Attributes:
        table: that was read.
        missing: what is not kept, as pairs of aware datetimes, start included and end not.
    """

    table: str = ""
    missing: tuple[tuple[datetime, datetime], ...] = ()


class LakeChangedError(LakeError):
    """Kept files were removed or damaged while a query stood on them; the next query sees what is there."""


class ApiError(VideskError):
    """A request failed, after the retries it was worth.

    Attributes:
        retryable: whether the same request could succeed later.
        retry_after: seconds the server asked to wait, or None.
        answered: what a refusal came as: JSON as documented, other JSON, a web page, or something else; None where
            there was none.
        said: the server's own words in it, redacted; empty where it has none.
    """

    retryable: bool = False
    retry_after: float | None = None
    answered: RefusalShape | None = None
    said: str = ""


class AuthenticationError(ApiError):
    """401: the token is malformed, expired or signed by another key."""


class ForbiddenError(ApiError):
    """403: the token was removed, or may not read this export."""


class BadRequestError(ApiError):
    """The API refused the request itself (400, 404 and their like)."""


class RateLimitError(ApiError):
    """429 was answered more often than the retries allow."""

    retryable = True


class ServerError(ApiError):
    """A 5xx status was answered more often than the retries allow."""

    retryable = True


class ConnectionFailedError(ApiError):
    """No complete answer came: name look-up, network, TLS or time-out."""

    retryable = True


class ResponseError(ApiError):
    """An answer came that is not what the API documents: HTML, broken JSON, no cap, too large."""

    retryable = True


class RetryBudgetError(ApiError):
    """So many requests of one scan failed that going on would only load the server."""


class IncompleteError(VideskError):
    """The rows cannot be proven complete and right, so none are given."""


class CrowdedInstantError(IncompleteError):
    """One millisecond holds as many records as one answer may have: there is no way to page inside it."""


class SilentCutError(IncompleteError):
    """Two overlapping answers disagree: one of them left out rows without saying so."""


class OutOfRangeError(IncompleteError):
    """An answer holds rows outside the range asked for: the export filters on another time than assumed."""


class UnplacedRowError(IncompleteError):
    """A row has no time, in an answer that covers only a part of the scan."""


class OrderError(IncompleteError):
    """An answer that was cut at the cap is not in time order, so what is missing is unknown."""


class ClockError(IncompleteError):
    """The times are shifted against the creation times inside the record ids: a time-zone fault."""


class ClosedError(VideskError):
    """The connection or the scan was closed while it was needed."""
