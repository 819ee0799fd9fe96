"""What a contact or an appointment turns into in each export that is not a questionnaire."""

from __future__ import annotations

from . import vocabulary as words
from .contact_centre import (
    AGENT_FORM,
    AGENT_FORM_AT,
    AGENT_FORM_SALT,
    ANALYSED,
    BASE_FORM,
    BASE_FORM_AT,
    BASE_FORM_SALT,
    CALL_ID,
    COMMENT_ONE,
    COMMENT_SALT,
    COMMENT_TWO,
    COMMENT_TWO_SALT,
    COMMENTED,
    COMMENTED_TWICE,
    MEETING_FORM_AT,
    MEETING_ID,
    MEETING_META_AT,
    MEETING_SURVEY_AT,
    MEETING_SURVEYED,
    META_ID,
    META_SALT,
    QUEUE_ID,
    RECORDED,
    RECORDING_SALT,
    SURVEY_AT,
    SURVEY_SALT,
    SURVEYED,
    TAG_IDS,
    TAG_NAMES,
    TAG_ONE,
    TAG_TWO,
    TAGGED,
    TAGGED_TWICE,
    TWIN_TOPICS,
    TWO_TOPICS,
    Sheet,
)
from .expressions import Select, literal, minutes, object_id, only_if, pick, select, within

__all__ = ["HAPPENINGS"]


def _tags_value(tagged: str, twice: str) -> str:
    one, two = pick(TAG_NAMES, TAG_ONE), pick(TAG_NAMES, TAG_TWO)
    return (
        f"CASE WHEN {twice} THEN concat('[\"', {one}, '\",\"', {two}, '\"]')"
        f" WHEN {tagged} AND r6 % 5 = 0 THEN concat('\"', {one}, '\"')"
        f" WHEN {tagged} THEN concat('[\"', {one}, '\"]')"
        " WHEN r6 % 3 = 0 THEN '\"\"' WHEN r6 % 3 = 1 THEN '[]' END"
    )


def _comments_value(commented: str, twice: str) -> str:
    one, two = pick(words.AGENT_COMMENTS, COMMENT_ONE), pick(words.AGENT_COMMENTS, COMMENT_TWO)
    return (
        f"CASE WHEN {twice} THEN concat('[\"', {one}, '\",\"', {two}, '\"]')"
        f" WHEN {commented} THEN concat('[\"', {one}, '\"]') WHEN r7 % 2 = 0 THEN '\"\"' END"
    )


_CALLS = select(
    "contacts",
    "called",
    id=CALL_ID,
    segment=pick(words.SEGMENTS, "r4 >> 6"),
    agent=pick(words.AGENTS, "r5 >> 7"),
    startTime="cs",
    endTime="ce",
    duration=minutes("talk"),
    survey=only_if(SURVEYED, "'Encuesta de satisfacción'"),
    extraData=META_ID,
    customerLeave=only_if("r3 % 4 = 1", "ce - r7 % 3000"),
    transferredAgent="r3 % 17 = 0",
    transferredSegment="r3 % 31 = 0",
    queue=QUEUE_ID,
    surveyId=only_if(SURVEYED, object_id(SURVEY_AT, SURVEY_SALT)),
    agentForm=only_if(within(AGENT_FORM), object_id(AGENT_FORM_AT, AGENT_FORM_SALT)),
    baseForm=only_if(within(BASE_FORM), object_id(BASE_FORM_AT, BASE_FORM_SALT)),
    acw=minutes("acw"),
    effective=minutes("talk * (80 + r7 % 20) // 100"),
    tags=_tags_value(within(TAGGED), within(TAGGED_TWICE)),
    comments=_comments_value(within(COMMENTED), within(COMMENTED_TWICE)),
)

_QUEUES = select(
    "contacts",
    "true",
    id=QUEUE_ID,
    segment=pick(words.SEGMENTS, "r4 >> 6"),
    startTime="qs",
    endTime="qs + wait",
    dismissed="r3 % 23 = 0 AND NOT called",
    canceled="NOT called",
    assigned="called",
    duration=minutes("wait"),
    canceledReason=only_if("NOT called", pick(words.QUEUE_REASONS, "r5 >> 3")),
    baseForm=only_if(within(BASE_FORM), object_id(BASE_FORM_AT, BASE_FORM_SALT)),
    extraData=META_ID,
    connections="1 + (r7 % 10 = 0)::INTEGER + (r7 % 50 = 0)::INTEGER",
    disconnections="(r7 % 10 = 0)::INTEGER + (NOT called)::INTEGER",
    integration=only_if("r5 % 6 = 0", "concat('{\"crmId\":\"', r6, '\",\"prioridad\":', r6 % 4, '}')"),
)


def _metadata(source: str, where: str, identity: str, created: str) -> Select:
    def device(part: int) -> str:
        return pick([row[part] for row in words.DEVICES], "r7 >> 4")

    def city(part: int) -> str:
        return pick([str(row[part]) for row in words.CITIES], "r5 >> 12")

    def language(part: int) -> str:
        return pick([row[part] for row in words.LANGUAGES], "greatest(0, (r6 & 31)::INTEGER - 28)")

    located = "r3 % 3 = 0"
    latitude = f"round({city(3)}::DOUBLE + (r1 % 2000 - 1000.0) / 20000, 6)"
    longitude = f"round({city(4)}::DOUBLE + (r2 % 2000 - 1000.0) / 20000, 6)"
    return select(
        source,
        where,
        id=identity,
        userAgent=device(5),
        osName=device(0),
        osVersion=device(1),
        browserName=device(2),
        browserVersion=device(3),
        ip="concat(181 + r1 % 10, '.', r2 >> 24, '.', r3 >> 24, '.', 1 + r4 % 254)",
        ipType="'IPv4'",
        referrer=only_if("r6 % 3 = 0", "'https://www.google.com/'"),
        timezone="'America/Santiago'",
        langCode=language(0),
        langNative=language(1),
        langName=language(2),
        carrierName=pick([name for name, _ in words.PROVIDERS], "r2 >> 5"),
        carrierDomain=pick([domain for _, domain in words.PROVIDERS], "r2 >> 5"),
        continentName="'South America'",
        continentCode="'SA'",
        countryName="'Chile'",
        countryCode="'CL'",
        regionName=city(1),
        regionCode=city(2),
        cityName=city(0),
        coordinates=f"concat({city(3)}, ',', {city(4)})",
        deviceType=device(4),
        url=pick(words.URLS, "r6 >> 8"),
        consent=only_if("r4 % 9 <> 0", f"{created} + 4000 + r1 % 9000"),
        createdAt=created,
        longitude=only_if(located, longitude),
        latitude=only_if(located, latitude),
        accuracy=only_if(located, "CASE WHEN r1 % 2 = 0 THEN r1 % 100 ELSE round((r1 % 90000) / 1000.0, 3) END"),
    )


_EXTRA_DATA = (
    _metadata("contacts", "true", META_ID, "qs - 20000 - r4 % 40000"),
    _metadata("meetings", "held", object_id(MEETING_META_AT, META_SALT), MEETING_META_AT),
)


def _comment(where: str, at: str, salt: int, text: str) -> Select:
    return select(
        "contacts",
        where,
        id=object_id(at, salt),
        call=CALL_ID,
        comments=pick(words.AGENT_COMMENTS, text),
        createdAt=at,
    )


_COMMENTS = (
    _comment(within(COMMENTED), "cs + talk // 2", COMMENT_SALT, COMMENT_ONE),
    _comment(within(COMMENTED_TWICE), "ce + acw // 3", COMMENT_TWO_SALT, COMMENT_TWO),
    select(
        "meetings",
        "held AND i < p * 40 // 100",
        id=object_id("ee", COMMENT_SALT),
        appointment=MEETING_ID,
        comments=pick(words.AGENT_COMMENTS, COMMENT_ONE),
        createdAt="ee",
    ),
)


def _tag(where: str, dice: str) -> Select:
    return select(
        "contacts",
        where,
        id=CALL_ID,
        tagName=pick(TAG_IDS, dice),
        startTime="cs",
        endTime="ce",
        tagLabel=pick(TAG_NAMES, dice),
    )


_TAGS = (_tag(within(TAGGED), TAG_ONE), _tag(within(TAGGED_TWICE), TAG_TWO))

_CANCELED = "(i >= p * 80 // 100 AND i < p * 92 // 100)"
_NEXT = f"lead({MEETING_ID}) OVER (PARTITION BY d ORDER BY i)"
_MEETINGS = select(
    f"(SELECT *, {MEETING_ID} AS identity, {_NEXT} AS next FROM meetings)",  # noqa: S608 - our own text
    "true",
    id="identity",
    service=pick(words.SERVICES, "r4 >> 7"),
    agent=pick(words.AGENTS, "r5 >> 7"),
    startTime="ss",
    endTime=only_if("held", "ee"),
    duration=only_if("held", minutes("ee - ss")),
    surveyId=only_if(MEETING_SURVEYED, object_id(MEETING_SURVEY_AT, SURVEY_SALT)),
    extraData=only_if("held", object_id(MEETING_META_AT, META_SALT)),
    comments=_comments_value("held AND i < p * 40 // 100", "false"),
    tags=_tags_value("held AND i < p * 60 // 100", "false"),
    customerLeave=only_if("held AND r3 % 3 = 0", "ee - r7 % 3000"),
    agentForm=only_if("held AND i < p * 30 // 100", object_id(MEETING_FORM_AT, AGENT_FORM_SALT)),
    type=pick(["video", "video", "presencial"], "r3 >> 5"),
    status=(
        f"CASE WHEN {_CANCELED} THEN 'canceled' WHEN held THEN 'finished' WHEN past THEN 'missed'"
        " ELSE 'scheduled' END"
    ),
    cancellation=only_if(_CANCELED, "made + (r3 % 86400) * 1000::BIGINT"),
    canceled_by=only_if(_CANCELED, pick(words.CANCELED_BY, "r6 >> 5")),
    canceledReason=only_if(_CANCELED, pick(words.CANCEL_REASONS, "r6 >> 9")),
    rescheduled=only_if(f"{_CANCELED} AND r6 % 3 = 0", "next"),
    createdBy=pick(["client", "client", "agent"], "r7 >> 3"),
)

_RECORDINGS = (
    select(
        "contacts",
        within(RECORDED),
        id=object_id("cs + 2000 + r7 % 4000", RECORDING_SALT),
        createdAt="cs + 2000 + r7 % 4000",
        agent=pick(words.AGENTS, "r5 >> 7"),
        duration="(talk - 1500) // 1000",
        call=CALL_ID,
    ),
    select(
        "meetings",
        "held",
        id=object_id("ss + 5000 + r7 % 9000", RECORDING_SALT),
        createdAt="ss + 5000 + r7 % 9000",
        agent=pick(words.AGENTS, "r5 >> 7"),
        duration="round((ee - ss - 15000) / 1000.0, 1)",
        appointment=MEETING_ID,
    ),
)

_ANALYSED_AT = "done + 60000 + r6 % 240000"


def _topic(where: str, dice: str, score: str) -> Select:
    return select(
        "contacts",
        where,
        id=CALL_ID,
        entity="'call'",
        createdAt=_ANALYSED_AT,
        topicName=pick(words.TOPICS, dice),
        topicScore=f"round(({score} % 1000) / 1000.0, 3)",
    )


_TOPICS = (
    _topic(within(ANALYSED), "r1 >> 6", "r2"),
    _topic(within(TWO_TOPICS), "(r1 >> 6) + 1 + r3 % 5", "r3"),
    _topic(within(TWIN_TOPICS), "r1 >> 6", "r2"),
    select(
        "meetings",
        "held",
        id=MEETING_ID,
        entity="'appointment'",
        createdAt="ee + 60000 + r6 % 240000",
        topicName=pick(words.TOPICS, "r1 >> 6"),
        topicScore="round((r2 % 1000) / 1000.0, 3)",
    ),
)


def _sentiment(source: str, where: str, identity: str, entity: str, at: str) -> Select:
    # Two dice make the middle likelier than the ends.
    mood = "(r3 % 3 + r4 % 3)"
    return select(
        source,
        where,
        id=identity,
        entity=literal(entity),
        createdAt=at,
        sentimentText=pick(words.SENTIMENTS, mood),
        sentimentNumber=f"CASE WHEN {mood} = 2 THEN 0 ELSE round(({mood} - 2) / 2.0 - (r7 % 100) / 1000.0, 3) END",
        requestedAt=f"{at} - 20000 - r2 % 30000",
    )


_SENTIMENTS = (
    _sentiment("contacts", within(ANALYSED), CALL_ID, "call", _ANALYSED_AT),
    _sentiment("meetings", "held", MEETING_ID, "appointment", "ee + 60000 + r6 % 240000"),
)


HAPPENINGS: dict[str, Sheet] = {
    "calls": Sheet((_CALLS,), lambda day: day.calls),
    "queues": Sheet((_QUEUES,), lambda day: day.calls + day.abandoned),
    "extra-data": Sheet(_EXTRA_DATA, lambda day: day.calls + day.abandoned + day.finished),
    "comments": Sheet(_COMMENTS, lambda day: day.share(COMMENTED) + day.share(COMMENTED_TWICE) + day.meetings(40)),
    "tags": Sheet(_TAGS, lambda day: day.share(TAGGED) + day.share(TAGGED_TWICE)),
    "appointments": Sheet((_MEETINGS,), lambda day: day.appointments),
    "recordings": Sheet(_RECORDINGS, lambda day: day.share(RECORDED) + day.finished),
    "ai/topics": Sheet(
        _TOPICS, lambda day: day.share(ANALYSED) + day.share(TWO_TOPICS) + day.share(TWIN_TOPICS) + day.finished
    ),
    "ai/sentiments": Sheet(_SENTIMENTS, lambda day: day.share(ANALYSED) + day.finished),
}
