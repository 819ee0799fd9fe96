"""The eleven tables as the API's contract describes them, written out by hand and not taken from the product.

A line is: SQL name, kind, and the key of the API. `minutes` are numbers that come in minutes and stand in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DUCKDB_TYPES", "TABLES", "Field", "Table"]

DUCKDB_TYPES = {
    "text": "VARCHAR",
    "double": "DOUBLE",
    "minutes": "DOUBLE",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "time": "TIMESTAMPTZ",
    "list": "VARCHAR[]",
    "json": "JSON",
}


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One export; `fields` are those that come from the API, `columns` all that the table has."""

    name: str
    path: str
    range_column: str
    fields: tuple[Field, ...]
    parameter: str | None = None

    @property
    def columns(self) -> tuple[Field, ...]:
        first = (Field(self.parameter, "text", ()),) if self.parameter else ()
        answers = (Field("answers", "json", ()),) if self.parameter else ()
        return (*first, *self.fields, *answers, Field("_unmapped", "json", ()))


def _fields(text: str) -> tuple[Field, ...]:
    lines = (line.split(maxsplit=2) for line in text.strip().splitlines())
    return tuple(Field(name, kind, tuple(key.split(" or "))) for name, kind, key in lines)


TABLES = (
    Table(
        "calls",
        "calls",
        "start_time",
        _fields("""
            id                          text     id
            segment                     text     segment
            agent                       text     agent
            start_time                  time     startTime
            end_time                    time     endTime
            duration_seconds            minutes  duration
            survey                      text     survey
            extra_data                  text     extraData
            customer_leave              time     customerLeave
            transferred_agent           boolean  transferredAgent
            transferred_segment         boolean  transferredSegment
            queue                       text     queue
            survey_id                   text     surveyId
            agent_form                  text     agentForm
            base_form                   text     baseForm
            after_call_work_seconds     minutes  After Call Work (ACW)
            effective_duration_seconds  minutes  Effective Duration
            tags                        list     tags
            comments                    list     comments
        """),
    ),
    Table(
        "queues",
        "queues",
        "start_time",
        _fields("""
            id                text     id
            segment           text     segment
            start_time        time     startTime
            end_time          time     endTime
            dismissed         boolean  dismissed
            canceled          boolean  canceled
            assigned          boolean  assigned
            duration_seconds  minutes  duration
            canceled_reason   text     canceledReason
            base_form         text     baseForm
            extra_data        text     extraData
            connections       bigint   connections
            disconnections    bigint   disconnections
            integration_data  json     Integration Data
        """),
    ),
    Table(
        "metadata",
        "extra-data",
        "created_at",
        _fields("""
            id               text    id
            user_agent       text    userAgent
            os_name          text    osName
            os_version       text    osVersion
            browser_name     text    browserName
            browser_version  text    browserVersion
            ip               text    ip
            ip_type          text    ipType
            referrer         text    referrer
            timezone         text    timezone
            lang_code        text    langCode
            lang_native      text    langNative
            lang_name        text    langName
            carrier_name     text    carrierName
            carrier_domain   text    carrierDomain
            continent_name   text    continentName
            continent_code   text    continentCode
            country_name     text    countryName
            country_code     text    countryCode
            region_name      text    regionName
            region_code      text    regionCode
            city_name        text    cityName
            coordinates      text    coordinates
            device_type      text    deviceType
            url              text    url
            consent          time    consent
            created_at       time    createdAt
            longitude        double  Longitude
            latitude         double  Latitude
            gps_accuracy     double  GPS accuracy
        """),
    ),
    Table(
        "comments",
        "comments",
        "created_at",
        _fields("""
            id           text  id
            call         text  call
            appointment  text  appointment
            comments     text  comments
            created_at   time  createdAt
        """),
    ),
    Table(
        "tags",
        "tags",
        "start_time",
        _fields("""
            id          text  id
            tag         text  tagName or tag
            start_time  time  startTime
            end_time    time  endTime
            tag_label   text  tagLabel
        """),
    ),
    Table(
        "appointments",
        "appointments",
        "start_time",
        _fields("""
            id                       text     id
            service                  text     Service
            agent                    text     agent
            start_time               time     startTime
            end_time                 time     endTime
            duration_seconds         minutes  duration
            survey_id                text     surveyId
            extra_data               text     extraData
            comments                 list     comments
            tags                     list     tags
            customer_leave           time     customerLeave
            agent_form               text     agentForm
            base_form                text     baseForm
            type                     text     Type
            status                   text     Status
            cancellation_date        time     Cancellation Date
            canceled_by              text     Canceled By
            canceled_reason          text     canceledReason
            rescheduled_appointment  text     Rescheduled Appointment ID
            created_by               text     createdBy
        """),
    ),
    Table(
        "recordings",
        "recordings",
        "created_at",
        _fields("""
            id                text    id
            created_at        time    createdAt
            agent             text    agent
            duration_seconds  double  duration
            call              text    call
            appointment       text    appointment
        """),
    ),
    Table(
        "ai_topics",
        "ai/topics",
        "created_at",
        _fields("""
            id           text    id
            entity_type  text    Entity Type
            created_at   time    createdAt
            topic_name   text    topicName
            topic_score  double  topicScore
        """),
    ),
    Table(
        "ai_sentiments",
        "ai/sentiments",
        "created_at",
        _fields("""
            id                text    id
            entity_type       text    Entity Type
            created_at        time    createdAt
            sentiment_text    text    sentimentText
            sentiment_number  double  sentimentNumber
            requested_at      time    requestedAt
        """),
    ),
    Table(
        "forms",
        "forms",
        "created_at",
        _fields("""
            id          text  id
            type        text  Type
            created_at  time  createdAt
        """),
        parameter="form",
    ),
    Table(
        "surveys",
        "surveys",
        "created_at",
        _fields("""
            id           text  id
            call         text  call
            created_at   time  createdAt
            appointment  text  appointment
        """),
        parameter="survey",
    ),
)
