"""One export request: what its body asks for, what is wrong with it, and the body of the answer.

No sockets and no counting of requests here; the switches it needs come in with each call.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from .blocks import Order, Printing, Scope, Span, Window, gather
from .records import fragment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .behaviour import Behaviour
    from .blocks import Source
    from .catalogue import Column, Endpoint

__all__ = ["Answer", "Asking", "Exports", "Refusal"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {
    400: "BadRequest",
    401: "NotAuthenticated",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "Timeout",
    429: "TooManyRequests",
    500: "GeneralError",
    502: "BadGateway",
    503: "Unavailable",
}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure of ours
    """An error answer of the API, in its own JSON form."""

    def __init__(self, status: int, message: str, **errors: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def body(self) -> bytes:
        """The JSON of the error."""
        name = _NAMES.get(self.status) or HTTPStatus(self.status).phrase.replace(" ", "")
        kebab = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
        return msgspec.json.encode(
            {
                "name": name,
                "message": self.message,
                "code": self.status,
                "className": kebab,
                "errors": self.errors,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a request's body says, as far as it could be read."""

    start: int | None = None
    end: int | None = None
    start_text: str | None = None
    end_text: str | None = None
    sort: int | None = None
    timezone: str | None = None
    keys: Mapping[str, str] | None = None
    form: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, endpoint: Endpoint, body: bytes) -> Asking:
        """Reads what can be read; the rest stands in `problems`."""
        try:
            given = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return cls(problems={"body": f"invalid JSON: {error}"})
        if not isinstance(given, dict):
            return cls(problems={"body": "must be an object"})
        return _Reader(given).asking(endpoint)


class _Reader:
    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._problems: dict[str, str] = {}

    def asking(self, endpoint: Endpoint) -> Asking:
        start, start_text = self._time("start")
        end, end_text = self._time("end")
        return Asking(
            start=start,
            end=end,
            start_text=start_text,
            end_text=end_text,
            sort=self._sort(),
            timezone=self._zone(),
            keys=self._keys(),
            form=self._text(endpoint.parameter) if endpoint.parameter else None,
            problems=self._problems,
        )

    def _text(self, name: str) -> str | None:
        value = self._given.get(name)
        if isinstance(value, str) and value:
            return value
        self._problems[name] = "is required" if value is None else "must be a text"
        return None

    def _time(self, name: str) -> tuple[int | None, str | None]:
        text = self._text(name)
        if text is None:
            return None, None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self._problems[name] = "must be an ISO 8601 instant"
            return None, text
        return (moment - _EPOCH) // timedelta(milliseconds=1), text

    def _sort(self) -> int | None:
        sort = self._given.get("$sort", 1)
        if sort in (1, -1) and not isinstance(sort, bool):
            return int(sort)
        self._problems["$sort"] = "must be 1 or -1"
        return None

    def _zone(self) -> str | None:
        name = self._given.get("timezone", "UTC")
        if _is_zone(name):
            return str(name)
        self._problems["timezone"] = "must be an IANA time zone"
        return None

    def _keys(self) -> dict[str, str] | None:
        keys = self._given.get("keys")
        if keys is None:
            return None
        if isinstance(keys, dict) and all(isinstance(label, str) for label in keys.values()):
            return keys
        self._problems["keys"] = "must be an object of labels"
        return None


def _is_zone(name: object) -> bool:
    if not isinstance(name, str) or not name:
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a success, and what it holds."""

    body: bytes
    rows: int
    matched: int
    capped: bool


class Exports:
    """Answers requests out of a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._dice = random.Random(0)
        self._seed = 0
        self._lock = threading.Lock()

    def check(self, endpoint: Endpoint, asking: Asking, behaviour: Behaviour) -> None:
        """Raises the refusal that a wrong request deserves."""
        problems = {
            name: said for name, said in asking.problems.items() if behaviour.checks_zone or name != "timezone"
        }
        if problems:
            name, problem = next(iter(problems.items()))
            raise Refusal(400, f"{name}: {problem}", **problems)
        if endpoint.parameter and asking.form not in self._source.parameters(endpoint.parameter):
            raise Refusal(404, f"No {endpoint.parameter} found for id '{asking.form}'")
        if behaviour.rejects_unknown_keys:
            known = {column.key for column in (*endpoint.columns, *self._source.extras(endpoint, asking.form))}
            unknown = [key for key in asking.keys or () if key not in known]
            if unknown:
                raise Refusal(400, f"keys: unknown {', '.join(unknown)}", keys="unknown")

    def answer(
        self,
        endpoint: Endpoint,
        asking: Asking,
        behaviour: Behaviour,
        *,
        cap: int,
        announces: bool = True,
        stray: bool = False,
    ) -> Answer:
        """The answer to a request that has been checked; `stray` adds a row from far outside."""
        columns = self._columns(endpoint, asking.form)
        scope = self._scope(endpoint, asking, behaviour, columns)
        window = _window(asking, behaviour)
        order = self._order(asking, behaviour)
        pieces, rows, matched = self._rows(scope, window, order, cap=cap, timeless=behaviour.emit_timeless)
        if stray:
            pieces.insert(0, _stray(scope, window))
            rows += 1
        labels = [dict(scope.printing.labels).get(column.key, column.key) for column in columns]
        labels.extend(self._source.questions(endpoint, asking.form))
        limit = cap if behaviour.announced_cap is None else behaviour.announced_cap
        body = _body(labels, pieces, limit=limit if announces else None)
        return Answer(body, rows, matched, matched > cap)

    def truth(self, endpoint: Endpoint, *, form: str | None, window: Window) -> list[dict[str, Any]]:
        """The rows of a window as values."""
        return self._source.records(_plain(endpoint, form), window)

    def count(self, endpoint: Endpoint, *, form: str | None, window: Window) -> int:
        """How many rows a window holds."""
        return self._source.count(_plain(endpoint, form), window)

    def _columns(self, endpoint: Endpoint, form: str | None) -> list[Column]:
        always = [column for column in endpoint.columns if column.always]
        return [*always, *self._source.extras(endpoint, form)]

    def _scope(self, endpoint: Endpoint, asking: Asking, behaviour: Behaviour, columns: Sequence[Column]) -> Scope:
        renamed = asking.keys or {} if behaviour.honours_keys else {}
        plain = behaviour.own_labels
        labels = tuple(
            (column.key, renamed.get(column.key, plain.get(column.key, column.label)))
            for column in columns
            if column.documented
        )
        zone = asking.timezone or "UTC" if behaviour.honours_timezone else behaviour.prints_in
        style = behaviour.date_formats.get(endpoint.path, endpoint.dates)
        time_key = behaviour.filter_key.get(endpoint.path, endpoint.range_key)
        return Scope(endpoint, asking.form, time_key, Printing(zone, style, labels))

    def _order(self, asking: Asking, behaviour: Behaviour) -> Order:
        with self._lock:
            if behaviour.ties_seed != self._seed:
                self._seed = behaviour.ties_seed
                self._dice = random.Random(self._seed)
            dice = random.Random(self._dice.getrandbits(64))
        return Order(asking.sort == -1 and not behaviour.sort_ignored, behaviour.ties, dice)

    def _rows(
        self, scope: Scope, window: Window, order: Order, *, cap: int, timeless: bool
    ) -> tuple[list[bytes | memoryview], int, int]:
        bare = self._source.timeless(scope) if timeless else None
        lead: list[Span] = [bare] if bare else []
        pieces, rows = gather(lead, order=order, limit=cap)
        more, timed = gather(
            self._source.spans(scope, window, newest_first=order.newest_first), order=order, limit=cap - rows
        )
        matched = sum(map(len, lead))
        matched += timed if rows + timed < cap else self._source.count(scope, window)
        return [*pieces, *more], rows + timed, matched


def _plain(endpoint: Endpoint, form: str | None) -> Scope:
    return Scope(endpoint, form, endpoint.range_key, Printing(style="epoch"))


def _window(asking: Asking, behaviour: Behaviour) -> Window:
    start, end = asking.start or 0, asking.end or 0
    if behaviour.range_in_zone:
        start, end = (_as_wall_clock(edge, asking.timezone or "UTC") for edge in (start, end))
    unit = 1000 if behaviour.truncates_ms else 1000 * behaviour.floors_range_to_s
    if unit:
        start, end = start // unit * unit, end // unit * unit
    if wide := 1000 * behaviour.widens_range_to_s:
        start, end = start // wide * wide, -(-end // wide) * wide
    return Window(
        start if behaviour.start_inclusive else start + 1,
        end if behaviour.end_inclusive else end - 1,
    )


def _as_wall_clock(milliseconds: int, zone: str) -> int:
    """The instant at which clocks of a zone show what UTC's show then; far away there is none."""
    try:
        offset = (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(ZoneInfo(zone)).utcoffset()
    except OverflowError:
        return milliseconds
    return milliseconds - (offset or timedelta()) // timedelta(milliseconds=1)


def _stray(scope: Scope, window: Window) -> bytes:
    far = (window.first or 0) - 400 * 86_400_000
    identity = f"{far // 1000 & 0xFFFFFFFF:08x}{0xFA:016x}"
    row = {"id": identity, scope.endpoint.range_key: far}
    return fragment(row, endpoint=scope.endpoint, printing=scope.printing)


def _body(labels: Sequence[str], pieces: Sequence[bytes | memoryview], *, limit: int | None) -> bytes:
    head = b"{" if limit is None else b'{"$limit":%d,' % limit
    head += b'"columns":' + msgspec.json.encode(labels) + b',"data":['
    pieces = [piece for piece in pieces if len(piece)]
    if not pieces:
        return head + b"]}"
    last = len(pieces) - 1
    trimmed = [piece[:-1] if number == last else piece for number, piece in enumerate(pieces)]
    return b"".join([head, *trimmed, b"]}"])
