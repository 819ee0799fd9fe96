"""How long the decoder takes, as a multiple of `orjson.loads` on the same body, and how much memory it needs.

Run `python benchmarks/decode.py`; with `--check` it exits with 1 where a ratio is over its target.
"""

from __future__ import annotations

import argparse
import gc
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from duckdb_videsk.decode import Decoder
from duckdb_videsk.endpoints import by_table

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_760_000_000
PEOPLE = ("Ana Pérez", "Juan Muñoz", "Sofía Rojas", "Íñigo Peña")


@dataclass(frozen=True, slots=True)
class Case:
    """One body: the table it is of, how its rows are made, how many there are, and the ratio to stay under."""

    name: str
    table: str
    row: Callable[[random.Random, int], dict[str, Any]]
    rows: int
    target: float


def object_id(dice: random.Random, second: int) -> str:
    return f"{second:08x}{dice.getrandbits(64):016x}"


def printed(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def call(dice: random.Random, second: int) -> dict[str, Any]:
    return {
        "id": object_id(dice, second),
        "segment": "Atención al cliente",
        "agent": dice.choice(PEOPLE),
        "startTime": printed(second),
        "endTime": printed(second + 300),
        "duration": round(dice.random() * 20, 2),
        "survey": "NPS",
        "extraData": object_id(dice, second),
        "customerLeave": printed(second + 290),
        "transferredAgent": dice.random() < 0.1,
        "transferredSegment": False,
        "queue": object_id(dice, second),
        "surveyId": object_id(dice, second),
        "agentForm": object_id(dice, second),
        "baseForm": object_id(dice, second),
        "After Call Work (ACW)": 1.5,
        "Effective Duration": round(dice.random() * 20, 2),
        "tags": ["venta", "posventa"][: dice.randrange(3)],
        "comments": ["Cliente pide más información"][: dice.randrange(2)],
    }


def call_with_summary(dice: random.Random, second: int) -> dict[str, Any]:
    return call(dice, second) | {"summary": "El cliente pregunta por su crédito"}


def call_with_odd_tags(dice: random.Random, second: int) -> dict[str, Any]:
    return call(dice, second) | {"tags": dice.choice(["", "venta", ["venta", "posventa"]])}


def queue_with_nested_data(dice: random.Random, second: int) -> dict[str, Any]:
    return {
        "id": object_id(dice, second),
        "segment": "Atención al cliente",
        "startTime": printed(second),
        "duration": round(dice.random() * 5, 2),
        "assigned": True,
        "connections": 1,
        "Integration Data": {"crm": {"id": dice.randrange(10**6), "name": dice.choice(PEOPLE)}, "vip": False},
    }


def topic(dice: random.Random, second: int) -> dict[str, Any]:
    return {
        "id": object_id(dice, second),
        "Entity Type": "call",
        "createdAt": datetime.fromtimestamp(second, UTC).strftime("%d/%m/%Y, %H:%M:%S"),
        "topicName": dice.choice(["cobro", "crédito", "reclamo"]),
        "topicScore": round(dice.random(), 3),
    }


def form(dice: random.Random, second: int) -> dict[str, Any]:
    answers = {f"Pregunta número {n}": dice.choice(["Sí", "No", "Tal vez", 5]) for n in range(10)}
    return {
        "id": object_id(dice, second),
        "Type": "agent",
        "createdAt": printed(second),
        **{label: answer for label, answer in answers.items() if dice.random() < 0.8},
    }


LARGE = Case("calls, 100,000 rows", "calls", call, 100_000, 1.1)
CASES = (
    Case("calls, 5,000 rows", "calls", call, 5_000, 2.0),
    Case("calls, an unknown column on every row", "calls", call_with_summary, 5_000, 3.0),
    Case("calls, lists that come as text", "calls", call_with_odd_tags, 5_000, 2.0),
    Case("queues, nested integration data", "queues", queue_with_nested_data, 5_000, 4.0),
    Case("AI topics, their own time format", "ai_topics", topic, 5_000, 3.5),
    Case("forms, ten questions", "forms", form, 5_000, 3.5),
    LARGE,
    Case("calls, 100,000 rows, lists as text", "calls", call_with_odd_tags, 100_000, 1.1),
    Case("calls, 100,000 rows with an unknown column", "calls", call_with_summary, 100_000, 3.0),
)


def made(case: Case) -> bytes:
    dice = random.Random(1)  # noqa: S311
    rows = [case.row(dice, START + 30 * number) for number in range(case.rows)]
    columns = list(dict.fromkeys(label for row in rows for label in row))
    return orjson.dumps({"$limit": 100_000, "columns": columns, "data": rows})


def best(*works: Callable[[], object], rounds: int) -> list[float]:
    """The least time of each, in seconds; they take turns, so that a busy machine slows all of them."""
    found = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            gc.collect()
            started = time.perf_counter()
            work()
            found[number] = min(found[number], time.perf_counter() - started)
    return found


def measured(case: Case) -> float:
    endpoint = by_table()[case.table]
    decoder = Decoder(endpoint, "68e7780091b7584a2265b1f5" if endpoint.parameter else None)
    body = made(case)
    for _ in range(3):
        assert decoder.decode(body).batch.num_rows == case.rows
    orjson_time, own_time = best(
        lambda: orjson.loads(body), lambda: decoder.decode(body), rounds=5 if case.rows > 10_000 else 25
    )
    ratio = own_time / orjson_time
    print(
        f"{case.name:<44} {len(body) / 1e6:6.1f} MB  orjson {orjson_time * 1e3:6.1f} ms"
        f"  decoder {own_time * 1e3:6.1f} ms  {ratio:4.2f} x (target {case.target} x)"
    )
    return ratio


def peak_of(path: Path) -> None:
    """Prints the megabytes that decoding the body in a file adds to the most this process has held."""
    body = path.read_bytes()
    decoder = Decoder(by_table()[LARGE.table])
    decoder.decode(made(Case("warm-up", LARGE.table, LARGE.row, 10, 0)))
    before = most_held()
    decoder.decode(body)
    print(f"{(most_held() - before) / 1024:.0f}")


def most_held() -> int:
    """The most kilobytes this process has held; from Linux, where the figure of `resource` begins at the parent's."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0])


def memory() -> None:
    """Prints the memory that the large body needs, measured in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "body.json")
        path.write_bytes(made(LARGE))
        command = [sys.executable, __file__, "--peak-of", str(path)]
        added = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"{LARGE.name}: {added} MB at the most, beside the body's {path.stat().st_size / 1e6:.0f} MB")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="exit with 1 where a ratio is over its target")
    options.add_argument("--peak-of", type=Path, metavar="FILE", help="only the memory that one body of calls needs")
    chosen = options.parse_args()
    if chosen.peak_of:
        peak_of(chosen.peak_of)
        return 0
    late = [case.name for case in CASES if measured(case) > case.target]
    memory()
    return 1 if chosen.check and late else 0


if __name__ == "__main__":
    sys.exit(main())
