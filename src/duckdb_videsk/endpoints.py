"""The eleven exports as declarative specs: path, columns, types, units, labels, range column and identity.

Source of every fact: the vendor's public documentation of the export API. A new export is one entry here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.specs import UNMAPPED, Column, Endpoint, Kind, Near

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DOCUMENTED_KEYS", "ENDPOINTS", "UNMAPPED", "Column", "Endpoint", "Kind", "by_table"]


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


_DAY = 86_400
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
        near=(Near("id", "calls", "queue", -_DAY, _DAY),),
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
        near=(
            Near("id", "calls", "extra_data", -7 * _DAY, _DAY),
            Near("id", "queues", "extra_data", -7 * _DAY, _DAY),
        ),
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
        near=(Near("call", "calls", "id", -_DAY),),
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
        near=(Near("id", "calls", "id", -_DAY),),
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
        near=(Near("call", "calls", "id", -_DAY),),
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
        near=(Near("id", "calls", "id", -_DAY),),
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
        near=(Near("id", "calls", "id", -_DAY),),
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
        near=(Near("call", "calls", "id", -_DAY),),
        columns=(_ID, _CALL_ID, _CREATED, _APPOINTMENT_ID),
    ),
)


DOCUMENTED_KEYS = (*dict.fromkeys(key for endpoint in ENDPOINTS for key in endpoint.api_keys), "summary")
"""Every key of the vendor's list; `summary` belongs to no documented column of any export."""


def by_table(names: Iterable[str] | None = None) -> dict[str, Endpoint]:
    """Specs by table name, all or those named; raises KeyError for a name that is no table."""
    known = {endpoint.table: endpoint for endpoint in ENDPOINTS}
    return known if names is None else {name: known[name] for name in names}
