"""Records of a small contact centre with every kind of gap, over a change of the clocks, for the reports' tests."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from duckdb_videsk.simulator import Records

ZONE = ZoneInfo("America/Santiago")
# Clocks went forward at midnight of 6 September 2026, and back on 5 April.
SPRING, AUTUMN = datetime(2026, 9, 6, 4, tzinfo=UTC), datetime(2026, 4, 5, 3, tzinfo=UTC)
SURVEY, OTHER_SURVEY = "5ff25a80b70bee27aea4bdc2", "5ff25a80b70bee27aea4bdc3"


def made(  # noqa: C901 - one contact after the other
    seed: int, middle: datetime, *, contacts: int = 500
) -> dict[str, list[dict[str, object]]]:
    """Rows by export path, from twelve days before `middle` to twelve days after it; `surveys` are of one survey."""
    dice = random.Random(seed)
    number = 0

    def moment() -> datetime:
        return middle + timedelta(seconds=dice.randrange(-12 * 86_400, 12 * 86_400))

    def name(at: datetime) -> str:
        nonlocal number
        number += 1
        return f"{int(at.timestamp()):08x}{number:016x}"

    def row(**cells: object) -> dict[str, object]:
        return {key: value for key, value in cells.items() if value is not None}

    rows: dict[str, list[dict[str, object]]] = {
        path: []
        for path in (
            "calls queues extra-data tags appointments recordings ai/topics ai/sentiments surveys".split()  # noqa: SIM905
        )
    }
    for _ in range(contacts):
        start = moment()
        queue, meta = name(start), name(start)
        answered, given_up = dice.random() < 0.8, dice.random() < 0.9
        segment = dice.choice(["Ventas", "Soporte técnico", None])
        wait = dice.choice([dice.randrange(1, 9_000) / 100, None]) if dice.random() < 0.2 else dice.randrange(1, 200)
        rows["queues"].append(
            row(
                id=queue,
                segment=segment,
                startTime=start,
                assigned=True if answered else dice.choice([False, None]),
                canceled=None if answered else given_up,
                dismissed=dice.random() < 0.05,
                duration=None if wait is None else wait / 60,
                extraData=meta if dice.random() < 0.97 else None,
            )
        )
        if dice.random() < 0.95:
            rows["extra-data"].append(
                row(
                    id=meta,
                    createdAt=start - timedelta(seconds=30),
                    countryName=dice.choice(["Chile", "Perú", None]),
                    regionName=dice.choice(["Biobío", "Lima"]),
                    deviceType=dice.choice(["mobile", "desktop"]),
                    osName="iOS",
                    browserName=dice.choice(["Safari", None]),
                )
            )
        if not answered or dice.random() < 0.03:
            continue
        began = start + timedelta(seconds=wait or 5)
        call = name(began)
        rows["calls"].append(
            row(
                id=call,
                segment=dice.choice([segment, "Cobranza"]),
                agent=dice.choice(["Añá", "Bruno", "Carla", None]),
                startTime=began,
                endTime=began + timedelta(minutes=5) if dice.random() < 0.95 else None,
                duration=dice.choice([dice.randrange(10, 900) / 60, None]) if dice.random() < 0.2 else 6.25,
                queue=queue if dice.random() < 0.95 else None,
                extraData=meta,
                transferredAgent=dice.choice([True, False, None]),
                transferredSegment=dice.choice([True, False, False, None]),
                **{"After Call Work (ACW)": dice.choice([dice.randrange(0, 300) / 60, None])},
            )
        )
        for tag in dice.sample(["reclamo", "vip", "boleta"], dice.randrange(3)):
            labelled = None if tag == "boleta" else tag.title()
            rows["tags"].append(row(id=call, tagName=tag, startTime=began, tagLabel=labelled))
        if dice.random() < 0.1:
            rows["tags"].append(row(id=name(began), tagName="vip", startTime=began, tagLabel="Vip"))
        if dice.random() < 0.8:
            owner = dice.choice([call, call, name(began), None])
            rows["recordings"].append(row(id=name(began), createdAt=began + timedelta(seconds=3), call=owner))
        found = began + timedelta(hours=2)
        for topic in dice.choices(["Pagos", "Fallas", None], k=dice.randrange(3)):
            score = dice.choice([0.25, 0.75, None])
            rows["ai/topics"].append(
                {**row(id=call, topicName=topic, topicScore=score, createdAt=found), "Entity Type": "call"}
            )
        if dice.random() < 0.7:
            mood = dice.choice([("Positivo", 0.5), ("Negativo", -0.5), ("Neutral", None), (None, None)])
            rows["ai/sentiments"].append(
                {
                    **row(id=call, sentimentText=mood[0], sentimentNumber=mood[1], createdAt=found),
                    "Entity Type": "call",
                }
            )
        if dice.random() < 0.5:
            answers = {
                "Nota": dice.choice([1, 2, 3, "4", None]),
                "¿Resuelto?": dice.choice(["Sí", "No"]),
                "Temas": dice.choice([["a", "b"], ["b"], []]),
                "Comentario": f"texto {number}",
                "$.raro/": dice.choice([True, ""]),
                "Monto": dice.randrange(1_000_000, 2_000_000),
            }
            rows["surveys"].append(row(id=name(found), call=call, createdAt=found, answers=answers))
    for _ in range(contacts // 5):
        start = moment()
        kind = dice.choice(["kept", "missed", "cancelled", "moved"])
        cancelled = start - timedelta(days=2) if kind in {"cancelled", "moved"} else None
        ended = start + timedelta(minutes=20) if kind == "kept" else None
        rows["appointments"].append(
            row(
                id=name(start - timedelta(days=3)),
                startTime=start,
                endTime=ended,
                **{
                    "Cancellation Date": cancelled,
                    "Rescheduled Appointment ID": "other" if kind == "moved" else None,
                },
            )
        )
    return rows


def records(rows: dict[str, list[dict[str, object]]]) -> Records:
    """Them as an account."""
    plain = {path: given for path, given in rows.items() if path != "surveys"}
    return Records(plain, surveys={SURVEY: rows["surveys"], OTHER_SURVEY: []})
