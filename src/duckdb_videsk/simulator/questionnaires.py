"""What the account's forms and surveys ask, and how they are answered."""

from __future__ import annotations

from . import vocabulary as words
from .contact_centre import (
    AGENT_FORM,
    AGENT_FORM_AT,
    AGENT_FORM_SALT,
    BASE_FORM,
    BASE_FORM_AT,
    BASE_FORM_SALT,
    CALL_ID,
    MEETING_FORM_AT,
    MEETING_ID,
    MEETING_SURVEY_AT,
    MEETING_SURVEYED,
    NPS_SURVEY,
    SHORT_SURVEY,
    SURVEY_AT,
    SURVEY_SALT,
    Sheet,
)
from .expressions import Select, object_id, only_if, pick, quoted, select, within

__all__ = ["FORMS", "SURVEYS"]

# A question's label may be one that a base column has too: "Fecha" is, under the vendor's own labels.
_FORM_QUESTIONS = (
    ("Motivo de contacto", "RUT", "Resuelto", "Monto (CLP)", "Observaciones"),
    ("Nombre completo", "RUT", "Correo electrónico", "Teléfono", "Fecha"),
)
_SURVEY_QUESTIONS = (
    ("¿Qué tan probable es que nos recomiende? (0 a 10)", "¿Resolvimos su consulta?", "Comentario"),
    ("Califique la videollamada", "¿Qué podemos mejorar?"),
)

_RUT = "concat(8 + r1 % 17, '.', 100 + r2 % 900, '.', 100 + r3 % 900, '-', r4 % 10)"


def _agent_form(source: str, where: str, at: str) -> Select:
    return select(
        source,
        where,
        id=object_id(at, AGENT_FORM_SALT),
        type="'agent'",
        createdAt=at,
        q0=quoted(pick(words.PURPOSES, "r4 >> 8")),
        q1=quoted(_RUT),
        q2="CASE WHEN r6 % 4 = 0 THEN 'false' ELSE 'true' END",
        q3=only_if("r6 % 3 = 0", "((r2 % 900) * 990)::VARCHAR"),
        q4=only_if("r7 % 2 = 0", quoted(pick(words.ANNOTATIONS, "r7 >> 8"))),
    )


_CLIENT_FORM = select(
    "contacts",
    within(BASE_FORM),
    id=object_id(BASE_FORM_AT, BASE_FORM_SALT),
    type="'client'",
    createdAt=BASE_FORM_AT,
    q0=quoted(pick(words.CLIENTS, "r5 >> 6")),
    q1=quoted(_RUT),
    q2=only_if("r6 % 5 <> 0", "concat('\"cliente', r6 % 100000, '@correo.cl\"')"),
    q3=only_if("r7 % 3 <> 0", "concat('\"+56 9 ', 1000 + r7 % 9000, ' ', 1000 + r6 % 9000, '\"')"),
    q4=only_if("r3 % 2 = 0", "concat('\"', 10 + r3 % 19, '-0', 1 + r2 % 9, '-', 1950 + r1 % 55, '\"')"),
)


def _nps(source: str, where: str, at: str, **owner: str) -> Select:
    return select(
        source,
        where,
        id=object_id(at, SURVEY_SALT),
        createdAt=at,
        **owner,
        q0="CASE WHEN r6 % 3 = 0 THEN r7 % 11 ELSE 8 + r7 % 3 END::VARCHAR",
        q1=quoted(pick(["Sí", "Sí", "Sí", "No", "En parte"], "r4 >> 9")),
        q2=only_if("r2 % 5 < 2", quoted(pick(words.SURVEY_COMMENTS, "r2 >> 6"))),
    )


def _short_survey(source: str, where: str, at: str, **owner: str) -> Select:
    return select(
        source,
        where,
        id=object_id(at, SURVEY_SALT),
        createdAt=at,
        **owner,
        q0="(1 + greatest(r6 % 5, r7 % 5))::VARCHAR",
        q1=only_if("r2 % 5 < 2", quoted(pick(words.SURVEY_COMMENTS, "r2 >> 6"))),
    )


FORMS = (
    Sheet(
        (
            _agent_form("contacts", within(AGENT_FORM), AGENT_FORM_AT),
            _agent_form("meetings", "held AND i < p * 30 // 100", MEETING_FORM_AT),
        ),
        lambda day: day.share(AGENT_FORM) + day.meetings(30),
        _FORM_QUESTIONS[0],
    ),
    Sheet((_CLIENT_FORM,), lambda day: day.share(BASE_FORM), _FORM_QUESTIONS[1]),
)

SURVEYS = (
    Sheet(
        (_nps("contacts", within(NPS_SURVEY), SURVEY_AT, call=CALL_ID),),
        lambda day: day.share(NPS_SURVEY),
        _SURVEY_QUESTIONS[0],
    ),
    Sheet(
        (
            _short_survey("contacts", within(SHORT_SURVEY), SURVEY_AT, call=CALL_ID),
            _short_survey("meetings", MEETING_SURVEYED, MEETING_SURVEY_AT, appointment=MEETING_ID),
        ),
        lambda day: day.share(SHORT_SURVEY) + day.meetings(50),
        _SURVEY_QUESTIONS[1],
    ),
)
