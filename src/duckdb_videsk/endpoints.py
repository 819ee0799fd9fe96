"""The eleven exports as declarative specs: path, columns, types, units, labels, range column and identity.

Source of every fact: the vendor's public documentation of the export API. A new export is one entry here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from duckdb_videsk.labels import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DOCUMENTED_KEYS", "ENDPOINTS", "UNMAPPED", "Column", "Endpoint", "Kind", "by_table"]

UNMAPPED = "_unmapped"


class Kind(Enum):
    """The type of a column; its value is the Arrow type that DuckDB reads."""

    TEXT = pa.string()
    DOUBLE = pa.float64()
    BIGINT = pa.int64()
    BOOLEAN = pa.bool_()
    TIME = pa.timestamp("us", "UTC")
    LIST = pa.list_(pa.string())
    JSON = pa.json_(pa.string())


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: SQL name.
        kind: type.
        keys: documented API keys whose values go here, the preferred first; empty where the API knows it by
            `fixed` alone, or not at all.
        fixed: the label the API gives it where no key renames it; None for the others.
        unit: unit of the values in the table, for people; None where they have none.
        factor: what the API's number is multiplied by to come to `unit`.
        comment: what it means, where the name does not say.
    """

    name: str
    kind: Kind
    keys: tuple[str, ...] = ()
    fixed: str | None = None
    unit: str | None = None
    factor: float = 1.0
    comment: str = ""

    @property
    def label_key(self) -> str:
        """What a language's labels call this column by."""
        return self.keys[0] if self.keys else self.fixed or self.name

    @property
    def fallback_labels(self) -> tuple[str, ...]:
        """Labels that stand for this column in an answer that lacks its keys."""
        spanish = shipped("es")
        return tuple(dict.fromkeys([spanish[key] for key in self.keys] + ([self.fixed] if self.fixed else [])))


@dataclass(frozen=True)
class Endpoint:
    """One export.

    Attributes:
        path: below `/reports/exports/`.
        table: name of the table in the catalog.
        views: name of its view in each shipped language.
        range_column: the column that a request's `start` and `end` are taken to filter on.
        identity: columns that together name a row; genuine twins exist all the same.
        columns: those that the API sends, in order.
        parameter: column and body field that has to hold one id for each request (`form`, `survey`), or None.
        clock_rows: how many rows it takes to hold the range column against the creation seconds in the ids: one where
            the two are documented to be equal, some where they should be; None where they need not be.
        comment: what a row is.
    """

    path: str
    table: str
    views: Mapping[str, str]
    range_column: str
    identity: tuple[str, ...]
    columns: tuple[Column, ...]
    parameter: str | None = None
    clock_rows: int | None = None
    comment: str = ""
    all_columns: tuple[Column, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        leading = (
            ()
            if self.parameter is None
            else (Column(self.parameter, Kind.TEXT, comment="the id that was asked for"),)
        )
        trailing = () if self.parameter is None else (_ANSWERS,)
        object.__setattr__(self, "all_columns", (*leading, *self.columns, *trailing, _OTHER))

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the table: `all_columns` in order, all nullable, times in microseconds UTC."""
        return pa.schema([pa.field(column.name, column.kind.value) for column in self.all_columns])

    @cached_property
    def api_keys(self) -> tuple[str, ...]:
        """The documented keys of this export, in order."""
        return tuple(key for column in self.columns for key in column.keys)

    def column(self, name: str) -> Column:
        """The column of that name; raises KeyError."""
        for column in self.all_columns:
            if column.name == name:
                return column
        raise KeyError(name)


_ANSWERS = Column(
    "answers", Kind.JSON, comment="every question's label with its answer; a repeated label holds a list"
)
_OTHER = Column(
    UNMAPPED, Kind.JSON, comment="what the API sent and no column could hold, by its label; NULL where nothing"
)


def _text(name: str, *keys: str, comment: str = "") -> Column:
    return Column(name, Kind.TEXT, keys or (name,), comment=comment)


def _flag(name: str, *keys: str) -> Column:
    return Column(name, Kind.BOOLEAN, keys or (name,))


def _time(name: str, *keys: str) -> Column:
    return Column(name, Kind.TIME, keys or (name,))


def _list(name: str) -> Column:
    return Column(name, Kind.LIST, (name,))


def _count(name: str) -> Column:
    return Column(name, Kind.BIGINT, (name,))


def _number(name: str, key: str) -> Column:
    return Column(name, Kind.DOUBLE, (key,))


def _minutes(name: str, *keys: str, fixed: str | None = None) -> Column:
    return Column(name, Kind.DOUBLE, keys, fixed, unit="seconds", factor=60.0)


def _fixed(name: str, label: str, kind: Kind = Kind.TEXT, *, unit: str | None = None) -> Column:
    return Column(name, kind, (), label, unit=unit)


_ID = _text("id")
_START = _time("start_time", "startTime")
_END = _time("end_time", "endTime")
_CREATED = _time("created_at", "createdAt")
_DURATION = _minutes("duration_seconds", "duration")
_METADATA_ID = _text("extra_data", "extraData", comment="id of a row of metadata")
_SURVEY_ID = _text("survey_id", "surveyId", comment="id of a row of surveys")
_AGENT_FORM = _text("agent_form", "agentForm", comment="id of a row of forms, filled in by the agent")
_BASE_FORM = _text("base_form", "baseForm", comment="id of a row of forms, filled in by the customer")
_CUSTOMER_LEAVE = _time("customer_leave", "customerLeave")
_CANCELED_REASON = _text("canceled_reason", "canceledReason")
_CALL_ID = _text("call", comment="id of a call")
_APPOINTMENT_ID = _text("appointment", comment="id of an appointment")

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "calls",
        table="calls",
        views={"es": "llamadas", "en": "calls", "pt": "chamadas"},
        range_column="start_time",
        identity=("id",),
        clock_rows=1,
        comment="video calls between a customer and an agent",
        columns=(
            _ID,
            _text("segment"),
            _text("agent"),
            _START,
            _END,
            _DURATION,
            _text("survey"),
            _METADATA_ID,
            _CUSTOMER_LEAVE,
            _flag("transferred_agent", "transferredAgent"),
            _flag("transferred_segment", "transferredSegment"),
            _text("queue", comment="id of a row of queues"),
            _SURVEY_ID,
            _AGENT_FORM,
            _BASE_FORM,
            _minutes("after_call_work_seconds", fixed="After Call Work (ACW)"),
            _minutes("effective_duration_seconds", fixed="Effective Duration"),
            _list("tags"),
            _list("comments"),
        ),
    ),
    Endpoint(
        "queues",
        table="queues",
        views={"es": "filas", "en": "queues", "pt": "filas"},
        range_column="start_time",
        identity=("id",),
        clock_rows=1,
        comment="waits of customers before a call, answered or not",
        columns=(
            _ID,
            _text("segment"),
            _START,
            _END,
            _flag("dismissed"),
            _flag("canceled"),
            _flag("assigned"),
            _DURATION,
            _CANCELED_REASON,
            _BASE_FORM,
            _METADATA_ID,
            _count("connections"),
            _count("disconnections"),
            _fixed("integration_data", "Integration Data", Kind.JSON),
        ),
    ),
    Endpoint(
        "extra-data",
        table="metadata",
        views={"es": "metadatos", "en": "metadata", "pt": "metadados"},
        range_column="created_at",
        identity=("id",),
        clock_rows=8,
        comment="device, network and place of a customer",
        columns=(
            _ID,
            _text("user_agent", "userAgent"),
            _text("os_name", "osName"),
            _text("os_version", "osVersion"),
            _text("browser_name", "browserName"),
            _text("browser_version", "browserVersion"),
            _text("ip"),
            _text("ip_type", "ipType"),
            _text("referrer"),
            _text("timezone"),
            _text("lang_code", "langCode"),
            _text("lang_native", "langNative"),
            _text("lang_name", "langName"),
            _text("carrier_name", "carrierName"),
            _text("carrier_domain", "carrierDomain"),
            _text("continent_name", "continentName"),
            _text("continent_code", "continentCode"),
            _text("country_name", "countryName"),
            _text("country_code", "countryCode"),
            _text("region_name", "regionName"),
            _text("region_code", "regionCode"),
            _text("city_name", "cityName"),
            _text("coordinates"),
            _text("device_type", "deviceType"),
            _text("url"),
            _time("consent"),
            _CREATED,
            _fixed("longitude", "Longitude", Kind.DOUBLE, unit="degrees"),
            _fixed("latitude", "Latitude", Kind.DOUBLE, unit="degrees"),
            _fixed("gps_accuracy", "GPS accuracy", Kind.DOUBLE),
        ),
    ),
    Endpoint(
        "comments",
        table="comments",
        views={"es": "comentarios", "en": "comments", "pt": "comentarios"},
        range_column="created_at",
        identity=("id",),
        clock_rows=8,
        comment="what agents wrote about calls and appointments",
        columns=(_ID, _CALL_ID, _APPOINTMENT_ID, _text("comments"), _CREATED),
    ),
    Endpoint(
        "tags",
        table="tags",
        views={"es": "etiquetas", "en": "tags", "pt": "etiquetas"},
        range_column="start_time",
        identity=("id", "tag"),
        clock_rows=8,
        comment="one row for each tag of a call",
        columns=(
            _text("id", comment="id of a call"),
            _text("tag", "tagName", "tag"),
            _START,
            _END,
            _text("tag_label", "tagLabel"),
        ),
    ),
    Endpoint(
        "appointments",
        table="appointments",
        views={"es": "reuniones", "en": "appointments", "pt": "agendamentos"},
        range_column="start_time",
        identity=("id",),
        comment="video meetings with a date, past and to come",
        columns=(
            _ID,
            _fixed("service", "Service"),
            _text("agent"),
            _START,
            _END,
            _DURATION,
            _SURVEY_ID,
            _METADATA_ID,
            _list("comments"),
            _list("tags"),
            _CUSTOMER_LEAVE,
            _AGENT_FORM,
            _BASE_FORM,
            _fixed("type", "Type"),
            _fixed("status", "Status"),
            _fixed("cancellation_date", "Cancellation Date", Kind.TIME),
            _fixed("canceled_by", "Canceled By"),
            _CANCELED_REASON,
            _fixed("rescheduled_appointment", "Rescheduled Appointment ID"),
            _text("created_by", "createdBy"),
        ),
    ),
    Endpoint(
        "recordings",
        table="recordings",
        views={"es": "grabaciones", "en": "recordings", "pt": "gravacoes"},
        range_column="created_at",
        identity=("id",),
        clock_rows=8,
        comment="recordings of calls and appointments",
        columns=(
            _ID,
            _CREATED,
            _text("agent"),
            Column("duration_seconds", Kind.DOUBLE, ("duration",), unit="seconds"),
            _CALL_ID,
            _APPOINTMENT_ID,
        ),
    ),
    Endpoint(
        "ai/topics",
        table="ai_topics",
        views={"es": "topicos_ia", "en": "ai_topics", "pt": "topicos_ia"},
        range_column="created_at",
        identity=("id", "topic_name"),
        comment="topics that the AI found in a call or appointment",
        columns=(
            _text("id", comment="id of a call or an appointment"),
            _fixed("entity_type", "Entity Type"),
            _CREATED,
            _text("topic_name", "topicName"),
            _number("topic_score", "topicScore"),
        ),
    ),
    Endpoint(
        "ai/sentiments",
        table="ai_sentiments",
        views={"es": "sentimientos_ia", "en": "ai_sentiments", "pt": "sentimentos_ia"},
        range_column="created_at",
        identity=("id", "entity_type"),
        comment="the mood that the AI found in a call or appointment",
        columns=(
            _text("id", comment="id of a call or an appointment"),
            _fixed("entity_type", "Entity Type"),
            _CREATED,
            _text("sentiment_text", "sentimentText"),
            _number("sentiment_number", "sentimentNumber"),
            _time("requested_at", "requestedAt"),
        ),
    ),
    Endpoint(
        "forms",
        table="forms",
        views={"es": "formularios", "en": "forms", "pt": "formularios"},
        range_column="created_at",
        identity=("id",),
        parameter="form",
        clock_rows=8,
        comment="filled-in forms, one form's id at a time",
        columns=(_ID, _fixed("type", "Type"), _CREATED),
    ),
    Endpoint(
        "surveys",
        table="surveys",
        views={"es": "encuestas", "en": "surveys", "pt": "pesquisas"},
        range_column="created_at",
        identity=("id",),
        parameter="survey",
        clock_rows=8,
        comment="answered surveys, one survey's id at a time",
        columns=(_ID, _CALL_ID, _CREATED, _APPOINTMENT_ID),
    ),
)


DOCUMENTED_KEYS = (*dict.fromkeys(key for endpoint in ENDPOINTS for key in endpoint.api_keys), "summary")
"""Every key of the vendor's list; `summary` belongs to no documented column of any export."""


def by_table(names: Iterable[str] | None = None) -> dict[str, Endpoint]:
    """Specs by table name, all or those named; raises KeyError for a name that is no table."""
    known = {endpoint.table: endpoint for endpoint in ENDPOINTS}
    return known if names is None else {name: known[name] for name in names}
