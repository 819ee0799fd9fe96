"""The eleven exports as the server sees them: path, columns in order, their keys, labels and kinds of value.

The labels stand in `labels.json` beside this module and nowhere else; nothing here is shared with the client side.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Literal

__all__ = ["ENDPOINTS", "LABELS", "Column", "DateStyle", "Endpoint", "Kind"]

Kind = Literal["text", "number", "boolean", "time", "list", "json"]
DateStyle = Literal["iso", "dmy", "mdy", "isoz", "words"]

LABELS: dict[str, str] = json.loads(resources.files(__package__).joinpath("labels.json").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an export; `always` is off where only some accounts have it."""

    key: str
    kind: Kind = "text"
    always: bool = True

    @property
    def documented(self) -> bool:
        """Whether the request's `keys` may rename it."""
        return self.key in LABELS

    @property
    def label(self) -> str:
        """The label where the request asks for no other."""
        return LABELS.get(self.key, self.key)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One export: where it is, which time it filters on, and what a row may carry."""

    path: str
    range_key: str
    columns: tuple[Column, ...]
    parameter: Literal["form", "survey"] | None = None
    dates: DateStyle = "iso"

    def column(self, key: str) -> Column | None:
        """The column of that key, if the export has one."""
        return next((column for column in self.columns if column.key == key), None)

    @property
    def time_keys(self) -> tuple[str, ...]:
        """The keys whose values are times."""
        return tuple(column.key for column in self.columns if column.kind == "time")


def _texts(*keys: str) -> tuple[Column, ...]:
    return tuple(Column(key) for key in keys)


def _of(kind: Kind, *keys: str) -> tuple[Column, ...]:
    return tuple(Column(key, kind) for key in keys)


_CALLS = Endpoint(
    "calls",
    "startTime",
    (
        *_texts("id", "segment", "agent"),
        *_of("time", "startTime", "endTime"),
        Column("duration", "number"),
        *_texts("survey", "extraData"),
        Column("customerLeave", "time"),
        *_of("boolean", "transferredAgent", "transferredSegment"),
        *_texts("queue", "surveyId", "agentForm", "baseForm"),
        *_of("number", "After Call Work (ACW)", "Effective Duration"),
        *_of("list", "tags", "comments"),
    ),
)

_QUEUES = Endpoint(
    "queues",
    "startTime",
    (
        *_texts("id", "segment"),
        *_of("time", "startTime", "endTime"),
        *_of("boolean", "dismissed", "canceled", "assigned"),
        Column("duration", "number"),
        *_texts("canceledReason", "baseForm", "extraData"),
        *_of("number", "connections", "disconnections"),
        Column("Integration Data", "json"),
    ),
)

_EXTRA_DATA = Endpoint(
    "extra-data",
    "createdAt",
    (
        *_texts("id", "userAgent", "osName", "osVersion", "browserName", "browserVersion", "ip", "ipType"),
        *_texts("referrer", "timezone", "langCode", "langNative", "langName", "carrierName", "carrierDomain"),
        *_texts("continentName", "continentCode", "countryName", "countryCode", "regionName", "regionCode"),
        *_texts("cityName", "coordinates", "deviceType", "url"),
        *_of("time", "consent", "createdAt"),
        *_of("number", "Longitude", "Latitude", "GPS accuracy"),
    ),
)

_COMMENTS = Endpoint(
    "comments", "createdAt", (*_texts("id", "call", "appointment", "comments"), Column("createdAt", "time"))
)

_TAGS = Endpoint(
    "tags",
    "startTime",
    (
        Column("id"),
        Column("tag", always=False),
        Column("tagName"),
        *_of("time", "startTime", "endTime"),
        Column("tagLabel"),
    ),
)

_APPOINTMENTS = Endpoint(
    "appointments",
    "startTime",
    (
        *_texts("id", "Service", "agent"),
        *_of("time", "startTime", "endTime"),
        Column("duration", "number"),
        *_texts("surveyId", "extraData"),
        *_of("list", "comments", "tags"),
        Column("customerLeave", "time"),
        *_texts("agentForm", "baseForm", "Type", "Status"),
        Column("Cancellation Date", "time"),
        *_texts("Canceled By", "canceledReason", "Rescheduled Appointment ID", "createdBy"),
    ),
)

_RECORDINGS = Endpoint(
    "recordings",
    "createdAt",
    (
        Column("id"),
        Column("createdAt", "time"),
        Column("agent"),
        Column("duration", "number"),
        *_texts("call", "appointment"),
    ),
)

_TOPICS = Endpoint(
    "ai/topics",
    "createdAt",
    (
        *_texts("id", "Entity Type"),
        Column("createdAt", "time"),
        Column("topicName"),
        Column("topicScore", "number"),
    ),
    dates="dmy",
)

_SENTIMENTS = Endpoint(
    "ai/sentiments",
    "createdAt",
    (
        *_texts("id", "Entity Type"),
        Column("createdAt", "time"),
        Column("sentimentText"),
        Column("sentimentNumber", "number"),
        Column("requestedAt", "time"),
    ),
    dates="dmy",
)

_FORMS = Endpoint("forms", "createdAt", (*_texts("id", "Type"), Column("createdAt", "time")), parameter="form")

_SURVEYS = Endpoint(
    "surveys",
    "createdAt",
    (*_texts("id", "call"), Column("createdAt", "time"), Column("appointment")),
    parameter="survey",
)

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.path: endpoint
    for endpoint in (
        _CALLS,
        _QUEUES,
        _EXTRA_DATA,
        _COMMENTS,
        _TAGS,
        _APPOINTMENTS,
        _RECORDINGS,
        _TOPICS,
        _SENTIMENTS,
        _FORMS,
        _SURVEYS,
    )
}
