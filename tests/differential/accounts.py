"""The two accounts that are asked: a busy one over the end of Chile's summer time, and one of odd values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from duckdb_videsk.simulator import Behaviour, Records, SyntheticAccount

__all__ = [
    "HIDDEN_FORM",
    "ODD_FORMS",
    "ODD_SURVEYS",
    "busy_account",
    "busy_behaviour",
    "odd_account",
    "odd_behaviour",
]

ODD_FORMS = ("a" * 24, "b" * 24)
ODD_SURVEYS = ("5" * 24,)
HIDDEN_FORM = "c" * 24


def busy_account() -> SyntheticAccount:
    """Seven weeks; Chile's clocks went back in the night to 5 April 2026. Appointments go on for sixty days."""
    return SyntheticAccount(since=date(2026, 3, 2), until=date(2026, 4, 20), calls_per_day=60)


def busy_behaviour() -> Behaviour:
    return Behaviour(cap=500)


def odd_behaviour() -> Behaviour:
    """A server that also sends the rows without a time, and excludes the ends of what is asked."""
    caps = {"comments": 5_000}
    return Behaviour(
        cap=60, caps=caps, start_inclusive=False, end_inclusive=False, emit_timeless=True, ties="reversed"
    )


def odd_account() -> Records:
    """Rows that hold what rows should not. The hidden form is one that no setting names."""
    return Records(
        {
            "calls": _calls(),
            "queues": _queues(),
            "extra-data": _metadata(),
            "comments": _comments(),
            "tags": _tags(),
            "appointments": _appointments(),
            "recordings": _recordings(),
            "ai/topics": _topics(),
            "ai/sentiments": _sentiments(),
        },
        forms={ODD_FORMS[0]: _forms(0), ODD_FORMS[1]: _forms(1), HIDDEN_FORM: _forms(2)},
        surveys={ODD_SURVEYS[0]: _surveys()},
    )


def _id(moment: datetime, number: int) -> str:
    return f"{int(moment.timestamp()):08x}{number:016x}"


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def _stretch(first: datetime, count: int, minutes: int = 10) -> list[datetime]:
    return [first + n * timedelta(minutes=minutes, milliseconds=37) for n in range(count)]


# The hour that Chile repeats in April, the hour that it skips in September, and Kathmandu's quarters of an hour.
_NIGHTS = _stretch(_utc(2026, 4, 4, 22, 5), 70) + _stretch(_utc(2026, 9, 5, 23, 5), 70)

_AGENTS = (
    "Ana",
    None,
    "",
    " ",
    "NULL",
    "Raúl O'Higgins",
    'La "jefa"',
    "ñandú 👏",
    "ana",
    "is_in(start_time, {value_set=timestamp[us, tz=UTC]:[",
    "100% _x_",
    17,
    ["Ana"],
    "Ana\nMaría\\",
    "\u0301combining",
)
_DURATIONS = (1.5, 0, None, 3, "3.5", True, -2.25, 0.1, 1e-9, 10_000_000, {"min": 3})
_FLAGS = (True, False, None, "sí", 1)
_LISTS = (["a", "b"], "a", "", [], None, [None, "x"], [1, 2], {"a": 1}, ["a", "a"], ['"', "\\", "👏"])
_ENDS = (timedelta(minutes=3), None, timedelta(0), "mañana", timedelta(seconds=61, milliseconds=999), 12.5)
_NOVELTIES: tuple[dict[str, Any], ...] = (
    {},
    {"sentimiento": "alegre"},
    {"sentimiento": 7, "nuevo": {"x": [1, None, {"y": "z"}]}},
    {},
    {"sentimiento": [], "Nuevo": False},
    {"nuevo": None},
)


def _end(moment: datetime, number: int) -> Any:
    end = _ENDS[number % len(_ENDS)]
    return moment + end if isinstance(end, timedelta) else end


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _calls() -> list[dict[str, Any]]:
    return [
        {
            **_present(
                id=_id(moment, n),
                segment=("Ventas", "Soporte", None)[n % 3],
                agent=_AGENTS[n % len(_AGENTS)],
                startTime=moment,
                endTime=_end(moment, n),
                duration=_DURATIONS[n % len(_DURATIONS)],
                transferredAgent=_FLAGS[n % len(_FLAGS)],
                queue=_id(moment - timedelta(minutes=1), n) if n % 4 else None,
                tags=_LISTS[n % len(_LISTS)],
                comments=_LISTS[(n + 3) % len(_LISTS)],
            ),
            **({"After Call Work (ACW)": n / 8} if n % 2 else {}),
            **_NOVELTIES[n % len(_NOVELTIES)],
        }
        for n, moment in enumerate(_NIGHTS)
    ]


_COUNTS = (0, 3, 3.0, 3.5, "3", None, -1, 2**53 + 1, 2**63, True)
_INTEGRATIONS = (None, {"crm": "x", "n": 1}, [1, "dos", None], "texto", 5, True, {}, {"a": {"b": {"c": [1.5]}}}, "")


def _queues() -> list[dict[str, Any]]:
    return [
        {
            **_present(
                id=_id(moment, n),
                startTime=moment,
                endTime=_end(moment, n + 1),
                dismissed=_FLAGS[n % len(_FLAGS)],
                canceled=_FLAGS[(n + 1) % len(_FLAGS)],
                assigned=n % 2 == 0,
                duration=_DURATIONS[(n + 2) % len(_DURATIONS)],
                connections=_COUNTS[n % len(_COUNTS)],
                disconnections=_COUNTS[(n + 4) % len(_COUNTS)],
            ),
            **_present(**{"Integration Data": _INTEGRATIONS[n % len(_INTEGRATIONS)]}),
        }
        for n, night in enumerate(_NIGHTS)
        for moment in [night - timedelta(minutes=1)]
    ]


def _metadata() -> list[dict[str, Any]]:
    places = ((-70, -33.45), (None, None), (0, 0), (-70.6483, "sur"), (180.0, -90))
    return [
        {
            **_present(id=_id(moment, n), createdAt=moment, cityName=("Ñuñoa", "Arica", None)[n % 3]),
            **_present(Longitude=places[n % 5][0], Latitude=places[n % 5][1]),
            **_present(consent=_end(moment, n)),
        }
        for n, moment in enumerate(_NIGHTS[:60])
    ]


def _comments() -> list[dict[str, Any]]:
    texts = ("hola", "", "línea\notra", None, "ñ" * 300, "a\u2028b")
    timed = [
        _present(id=_id(moment, n), call=_id(moment, n) if n % 2 else None, comments=texts[n % 6], createdAt=moment)
        for n, moment in enumerate(_NIGHTS[:40])
    ]
    bare = [
        {"id": "e" * 24, "comments": "sin fecha"},
        {"id": "f" * 24, "comments": "sin fecha, con otra cosa", "otra": "mañana"},
    ]
    return [*timed, *bare]


def _tags() -> list[dict[str, Any]]:
    forms = (
        {"tagName": "vip"},
        {"tag": "vip"},
        {"tag": "vip", "tagName": "vip"},
        {"tag": "uno", "tagName": "dos"},
        {},
        {"tagName": 5},
    )
    rows = [
        {"id": _id(moment, n), "startTime": moment, "tagLabel": f"Etiqueta {n % 3}", **forms[n % len(forms)]}
        for n, moment in enumerate(_NIGHTS[:50])
    ]
    return [*rows, dict(rows[0]), dict(rows[0])]


def _appointments() -> list[dict[str, Any]]:
    dates = [_utc(year, 7, 1, 15, 30) for year in (1999, 2026, 2027, 2030, 2063, 2199)]
    more = _stretch(_utc(2026, 12, 1, 12), 60, minutes=60)
    return [
        {
            **_present(id=f"{n:024x}", startTime=moment, endTime=_end(moment, n), duration=_DURATIONS[n % 11]),
            **_present(tags=_LISTS[n % len(_LISTS)], agent=_AGENTS[n % 9]),
            "Status": ("scheduled", "finished", "canceled")[n % 3],
            **({"Cancellation Date": moment - timedelta(days=1)} if n % 3 == 2 else {}),
        }
        for n, moment in enumerate(dates + more)
    ]


def _recordings() -> list[dict[str, Any]]:
    return [
        _present(
            id=_id(moment, n),
            createdAt=moment,
            call=_id(moment, n),
            duration=_DURATIONS[n % 11],
            agent=_AGENTS[n % 9],
        )
        for n, moment in enumerate(_NIGHTS[:50])
    ]


def _topics() -> list[dict[str, Any]]:
    rows = [
        {
            "id": _id(moment, n),
            "createdAt": moment,
            "topicName": ("Boletas", "Garantías")[n % 2],
            "topicScore": n / 64,
        }
        for n, moment in enumerate(_NIGHTS[:30])
    ]
    return [*rows, *map(dict, rows[:5])]


def _sentiments() -> list[dict[str, Any]]:
    return [
        _present(
            id=_id(moment, n),
            createdAt=moment,
            sentimentNumber=(-1, 0, 0.25, None)[n % 4],
            sentimentText=("Negativo", "Neutral", "Positivo", None)[n % 4],
            requestedAt=moment - timedelta(seconds=30) if n % 2 else None,
        )
        for n, moment in enumerate(_NIGHTS[:30])
    ]


def _forms(number: int) -> list[dict[str, Any]]:
    """Questions called like base columns and like their Spanish labels; the same question twice; no answers."""
    answers: tuple[list[tuple[str, Any]], ...] = (
        [("Fecha", "05-04-2026"), ("id", "12"), ("RUT", "1-9")],
        [("Pregunta", "a"), ("Pregunta", "b"), ("Type", "z")],
        [],
        [("createdAt", "ayer"), ("Identificador", 5), ("", "sin nombre")],
        [("Monto", 1.25), ("Sí o no", True), ("Lista", ["x", None, {"y": 1}]), ("Nada", None)],
        [("form", "otro"), ("answers", "sí"), ("_unmapped", "no"), ('¿"Comillas"?', "\\")],
    )
    return [
        {
            "id": _id(moment, n),
            "Type": ("agent", "client", "agent", 5)[n % 4],
            "createdAt": moment,
            "answers": answers[(n + number) % len(answers)],
        }
        for n, moment in enumerate(_NIGHTS[number * 10 : 60])
    ]


def _surveys() -> list[dict[str, Any]]:
    return [
        {
            "id": _id(moment, n),
            "call": _id(moment, n),
            "createdAt": moment,
            "answers": [("nota", n % 8), ("Fecha", "hoy"), ("call", f"otra {n}"), ("Comentario", None)],
        }
        for n, moment in enumerate(_NIGHTS[:50])
    ]
